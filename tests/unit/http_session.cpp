// SPDX-License-Identifier: BSL-1.0
#include "connscope/protocol/http.hpp"

#include "http_answers.hpp"
#include "session_driver.hpp"

#include <gtest/gtest.h>

#include <array>

namespace connscope::tests {
namespace {

using namespace std::chrono_literals;
using protocol::HttpLimits;

SessionDriver http() { return SessionDriver(protocol::make_http_session()); }

std::string request(std::string_view method_and_target, std::string_view fields = "") {
    return std::string(method_and_target) + " HTTP/1.1\r\nHost: test\r\n" + std::string(fields) + "\r\n";
}

// The answers to `input` on a new connection; a failed assertion and none if they are not well-formed.
std::vector<HttpAnswer> answers_to(std::string_view input, const std::vector<std::size_t>& without_body = {}) {
    auto driver = http();
    EXPECT_TRUE(driver.run(input));
    const auto answers = split_answers(driver.output, without_body);
    EXPECT_TRUE(answers) << driver.output;
    return answers.value_or(std::vector<HttpAnswer>{});
}

// The only answer to `input`.
HttpAnswer answer_to(std::string_view input) {
    auto answers = answers_to(input);
    EXPECT_EQ(answers.size(), 1u) << input;
    return answers.empty() ? HttpAnswer{} : answers.front();
}

std::string chunk(std::string_view bytes) {
    std::array<char, 20> size;
    const auto end = std::to_chars(size.data(), size.data() + size.size(), bytes.size(), 16).ptr;
    return std::string(size.data(), end) + "\r\n" + std::string(bytes) + "\r\n";
}

TEST(HttpSession, greets_a_peer_and_stays_open) {
    auto driver = http();
    ASSERT_TRUE(driver.run(request("GET /")));
    EXPECT_FALSE(driver.closed);
    EXPECT_EQ(driver.writes, 1u) << "head and body are one write";
    const auto answers = split_answers(driver.output);
    ASSERT_TRUE(answers && answers->size() == 1);
    EXPECT_EQ(answers->front().code, 200);
    EXPECT_EQ(answers->front().field("Content-Type"), "text/plain");
    EXPECT_EQ(answers->front().field("Connection"), "");
    EXPECT_FALSE(answers->front().body.empty());
    ASSERT_TRUE(driver.run(request("GET /")));
    EXPECT_EQ(driver.session().requests(), 2u);
    ASSERT_TRUE(driver.finish());
    EXPECT_TRUE(driver.closed);
}

TEST(HttpSession, answers_pipelined_requests_in_order_and_few_writes) {
    std::string input;
    for (int i = 0; i < 100; ++i) input += request("GET /bytes?n=" + std::to_string(i)) + request("GET /");
    auto driver = http();
    ASSERT_TRUE(driver.run(input));
    const auto answers = split_answers(driver.output);
    ASSERT_TRUE(answers && answers->size() == 200);
    for (std::size_t i = 0; i < 100; ++i) EXPECT_EQ((*answers)[2 * i].body.size(), i);
    EXPECT_EQ(driver.session().requests(), 200u);
    EXPECT_LT(driver.writes, 50u);
    EXPECT_LE(driver.largest_output, HttpLimits::coalesced_bytes + 1024);
}

TEST(HttpSession, answers_head_like_get_but_without_the_body) {
    for (const std::string target : {"/", "/work?us=1", "/pause?ms=1", "/bytes?n=123456789012", "/nowhere"}) {
        const auto got = answers_to(request("HEAD " + target) + request("GET /"), {0});
        ASSERT_EQ(got.size(), 2u) << target;
        EXPECT_NE(got[0].field("Content-Length"), "0");
        EXPECT_EQ(got[1].code, 200);
    }
    EXPECT_EQ(answers_to(request("HEAD /bytes?n=123456789012"), {0}).at(0).field("Content-Length"), "123456789012");
}

TEST(HttpSession, computes_once_without_yield_or_in_slices_with_yields) {
    auto driver = http();
    ASSERT_TRUE(driver.run(request("GET /work?us=5000")));
    EXPECT_EQ(driver.computed, 5ms);
    EXPECT_EQ(driver.computes, 1u);
    EXPECT_EQ(driver.yields, 0u);
    ASSERT_TRUE(driver.run(request("GET /work?us=5000&yield_every=2000")));
    EXPECT_EQ(driver.computed, 10ms);
    EXPECT_EQ(driver.computes, 4u);
    EXPECT_EQ(driver.yields, 2u) << "between slices only";
    ASSERT_TRUE(driver.run(request("GET /work?us=0")));
    EXPECT_EQ(driver.computes, 4u);
    EXPECT_EQ(split_answers(driver.output).value().size(), 3u);
}

TEST(HttpSession, continues_an_interrupted_computation_or_pause_where_it_was) {
    for (const auto& [target, kind] :
         {std::pair{"GET /work?us=1000", Action::Kind::compute}, std::pair{"GET /pause?ms=1", Action::Kind::pause}}) {
        auto driver = http();
        auto& session = driver.session();
        const auto text = request(target);
        std::memcpy(session.input().data(), text.data(), text.size());
        session.received(text.size());
        EXPECT_EQ(session.next().kind, kind);
        EXPECT_EQ(session.next().duration, 1ms);
        session.elapsed(300us);
        EXPECT_EQ(session.next().kind, kind);
        EXPECT_EQ(session.next().duration, 700us);
        session.elapsed(0us);
        EXPECT_EQ(session.next().duration, 700us);
        session.elapsed(900us); // later than asked
        EXPECT_EQ(session.next().kind, Action::Kind::write);
    }
}

TEST(HttpSession, keeps_slices_exact_when_one_is_interrupted) {
    auto driver = http();
    auto& session = driver.session();
    const auto text = request("GET /work?us=300&yield_every=200");
    std::memcpy(session.input().data(), text.data(), text.size());
    session.received(text.size());
    EXPECT_EQ(session.next().duration, 200us);
    session.elapsed(150us);
    EXPECT_EQ(session.next().duration, 50us);
    session.elapsed(50us);
    EXPECT_EQ(session.next().kind, Action::Kind::yield);
    session.elapsed({});
    EXPECT_EQ(session.next().kind, Action::Kind::compute);
    EXPECT_EQ(session.next().duration, 100us);
    session.elapsed(100us);
    EXPECT_EQ(session.next().kind, Action::Kind::write);
}

TEST(HttpSession, sends_what_is_ready_before_it_computes_or_pauses) {
    for (const std::string target : {"/work?us=100", "/pause?ms=100"}) {
        auto driver = http();
        auto& session = driver.session();
        const auto text = request("GET /bytes?n=1") + request("GET " + target);
        std::memcpy(session.input().data(), text.data(), text.size());
        session.received(text.size());
        EXPECT_EQ(session.next().kind, Action::Kind::write);
        session.sent(session.output().size());
        EXPECT_NE(session.next().kind, Action::Kind::write);
        EXPECT_EQ(session.requests(), 1u);
    }
}

TEST(HttpSession, pauses_without_computing) {
    auto driver = http();
    ASSERT_TRUE(driver.run(request("GET /pause?ms=60000")));
    EXPECT_EQ(driver.paused, 60s);
    EXPECT_EQ(driver.pauses, 1u);
    EXPECT_EQ(driver.computes, 0u);
    EXPECT_EQ(split_answers(driver.output).value().at(0).code, 200);
}

TEST(HttpSession, streams_any_number_of_bytes_without_holding_them) {
    for (const std::size_t n : {0u, 1u, 63u, 64u, 16'384u, 16'385u, 81'919u, 81'920u, 81'921u, 5'000'000u}) {
        const auto answer = answer_to(request("GET /bytes?n=" + std::to_string(n)));
        ASSERT_EQ(answer.body.size(), n);
        for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(answer.body[i], protocol::http_bytes_line[i % 64]) << i << " of " << n;
    }
    auto driver = http();
    driver.keep_output = false;
    ASSERT_TRUE(driver.run(request("GET /bytes?n=20000000000")));
    EXPECT_GT(driver.output_bytes, 20'000'000'000u);
    EXPECT_LE(driver.largest_output, 64u * 1024);
    EXPECT_LE(driver.largest_memory, 20u * 1024);
    EXPECT_EQ(driver.session().requests(), 1u);
}

TEST(HttpSession, refuses_numbers_that_are_none_or_too_large_and_goes_on) {
    for (const std::string target :
         {"/work", "/work?us=", "/work?us=x", "/work?us=-1", "/work?us=1.5", "/work?us=60000001",
          "/work?us=99999999999999999999", "/work?us=1&yield_every=0", "/work?us=1&yield_every=", "/work?ms=1",
          "/pause?ms=60001", "/pause?ms=1x", "/pause", "/bytes?n=1099511627777", "/bytes?n=+1", "/bytes?n=0x10", "/bytes"}) {
        const auto answers = answers_to(request("GET " + target) + request("GET /"));
        ASSERT_EQ(answers.size(), 2u) << target;
        EXPECT_EQ(answers[0].code, 400) << target;
        EXPECT_NE(answers[0].body.find("must be a whole number from"), std::string::npos) << target;
        EXPECT_EQ(answers[1].code, 200);
    }
}

TEST(HttpSession, finds_resources_in_origin_and_absolute_form) {
    EXPECT_EQ(answer_to(request("GET http://somewhere:80/bytes?x=1&n=7")).body.size(), 7u);
    EXPECT_EQ(answer_to(request("GET http://somewhere")).code, 200);
    EXPECT_EQ(answer_to(request("GET /?anything")).code, 200);
    EXPECT_EQ(answer_to(request("GET /bytes/")).code, 404);
    EXPECT_EQ(answer_to(request("GET *")).code, 404);
    const auto answers = answers_to(request("GET /nowhere") + request("GET /"));
    ASSERT_EQ(answers.size(), 2u);
    EXPECT_EQ(answers[0].code, 404);
    EXPECT_EQ(answers[1].code, 200) << "a 404 does not end the connection";
}

TEST(HttpSession, names_the_methods_that_a_resource_allows) {
    for (const std::string target : {"/", "/work?us=1", "/pause?ms=1", "/bytes?n=1"}) {
        const auto answers = answers_to(request("DELETE " + target) + request("POST " + target, "Content-Length: 3\r\n") +
                                        "abc" + request("GET /"));
        ASSERT_EQ(answers.size(), 3u) << target;
        EXPECT_EQ(answers[0].code, 405);
        EXPECT_EQ(answers[0].field("Allow"), "GET, HEAD");
        EXPECT_EQ(answers[1].code, 405) << "its body is skipped";
        EXPECT_EQ(answers[2].code, 200);
    }
    const auto answer = answer_to(request("GET /echo"));
    EXPECT_EQ(answer.code, 405);
    EXPECT_EQ(answer.field("Allow"), "POST");
    EXPECT_EQ(answer_to(request("BREW /")).code, 405);
}

TEST(HttpSession, echoes_bodies_with_a_content_length) {
    for (const std::size_t n : {0u, 1u, 1000u, 16'384u, 100'000u, 1'048'576u}) {
        std::string body(n, '\0');
        for (std::size_t i = 0; i < n; ++i) body[i] = static_cast<char>(i * 7 + i / 256);
        const auto answers =
            answers_to(request("POST /echo", "Content-Length: " + std::to_string(n) + "\r\n") + body + request("GET /"));
        ASSERT_EQ(answers.size(), 2u);
        EXPECT_EQ(answers[0].code, 200);
        EXPECT_TRUE(answers[0].body == body) << n;
        EXPECT_EQ(answers[1].code, 200);
    }
    EXPECT_EQ(answer_to(request("POST /echo")).field("Content-Length"), "0");
}

TEST(HttpSession, echoes_chunked_bodies_and_skips_extensions_and_trailers) {
    const auto head = request("POST /echo", "Transfer-Encoding: chunked\r\n");
    const auto answers = answers_to(head + chunk("Hello ") + "5;name=\"value\"\r\nworld\r\n" + "0\r\nTrailer: 1\r\n\r\n" +
                                    head + "0\r\n\r\n" + request("GET /"));
    ASSERT_EQ(answers.size(), 3u);
    EXPECT_EQ(answers[0].body, "Hello world");
    EXPECT_EQ(answers[1].field("Content-Length"), "0");
    EXPECT_EQ(answers[2].code, 200);
}

TEST(HttpSession, invites_a_body_when_expected_to) {
    auto driver = http();
    ASSERT_TRUE(driver.run(request("POST /echo", "Content-Length: 4\r\nExpect: 100-continue\r\n")));
    EXPECT_EQ(driver.output, "HTTP/1.1 100 Continue\r\n\r\n");
    EXPECT_TRUE(driver.session().in_request());
    ASSERT_TRUE(driver.run("abcd"));
    const auto answers = split_answers(driver.output);
    ASSERT_TRUE(answers && answers->size() == 2);
    EXPECT_EQ(answers->back().body, "abcd");
    EXPECT_FALSE(driver.closed);
    EXPECT_EQ(driver.session().requests(), 1u) << "100 is not an answer";
}

TEST(HttpSession, refuses_at_once_what_a_peer_only_expects_to_send) {
    for (const auto& [start, length, code] :
         {std::tuple{"POST /nowhere", "4", 404}, {"POST /", "4", 405}, {"POST /echo", "1048577", 413}}) {
        auto driver = http();
        ASSERT_TRUE(driver.run(request(start, "Content-Length: " + std::string(length) + "\r\nExpect: 100-continue\r\n")));
        EXPECT_TRUE(driver.closed);
        const auto answers = split_answers(driver.output);
        ASSERT_TRUE(answers && answers->size() == 1) << driver.output;
        EXPECT_EQ(answers->front().code, code);
        EXPECT_EQ(answers->front().field("Connection"), "close");
    }
    EXPECT_EQ(answer_to(request("POST /echo", "Content-Length: 4\r\nExpect: a-miracle\r\n")).code, 417);
}

TEST(HttpSession, ends_the_connection_when_its_peer_says_so) {
    auto driver = http();
    ASSERT_TRUE(driver.run(request("GET /", "Connection: close\r\n") + request("GET /")));
    EXPECT_TRUE(driver.closed);
    const auto answers = split_answers(driver.output);
    ASSERT_TRUE(answers && answers->size() == 1);
    EXPECT_EQ(answers->front().field("Connection"), "close");
}

TEST(HttpSession, speaks_http_1_0_with_and_without_keep_alive) {
    auto driver = http();
    ASSERT_TRUE(driver.run("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
    EXPECT_FALSE(driver.closed);
    ASSERT_TRUE(driver.run("GET / HTTP/1.0\r\n\r\n"));
    EXPECT_TRUE(driver.closed);
    const auto answers = split_answers(driver.output);
    ASSERT_TRUE(answers && answers->size() == 2);
    EXPECT_EQ(answers->at(0).field("Connection"), "keep-alive");
    EXPECT_EQ(answers->at(1).field("Connection"), "close");
}

TEST(HttpSession, refuses_what_is_not_http_and_closes) {
    for (const std::string input :
         {"\r\n\r\nGET / HTTP/1.1\r\n\r\n", "HELO there\r\n", "\x16\x03\x01", "GET / HTTP/1.1\nHost: x\n\n",
          "GET  / HTTP/1.1\r\n", "GET / HTTP/2.0\r\n", "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: x\r\nA\x01: b", "GET / HTTP/1.1\r\nHost: x\r\nNo colon\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
          "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
          "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
          "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
          "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n",
          "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n"}) {
        auto driver = http();
        ASSERT_TRUE(driver.run(input));
        EXPECT_TRUE(driver.closed) << input;
        const auto answers = split_answers(driver.output);
        ASSERT_TRUE(answers && answers->size() == 1) << input << driver.output;
        EXPECT_EQ(answers->front().code, 400) << input;
        EXPECT_EQ(answers->front().field("Connection"), "close");
    }
    EXPECT_EQ(answer_to(request("POST /echo", "Transfer-Encoding: gzip, chunked\r\n")).code, 501);
}

TEST(HttpSession, answers_good_requests_before_a_bad_one) {
    const auto answers = answers_to(request("GET /bytes?n=5") + "nonsense\r\n" + request("GET /"));
    ASSERT_EQ(answers.size(), 2u);
    EXPECT_EQ(answers[0].body.size(), 5u);
    EXPECT_EQ(answers[1].code, 400);
}

TEST(HttpSession, accepts_one_empty_line_before_a_request) {
    EXPECT_EQ(answer_to("\r\n" + request("GET /")).code, 200);
    EXPECT_EQ(answers_to(request("GET /") + "\r\n" + request("GET /")).size(), 2u);
}

TEST(HttpSession, bounds_the_head) {
    const auto start = request("GET /").size() + std::string_view("X: \r\n").size();
    EXPECT_EQ(answer_to(request("GET /", "X: " + std::string(HttpLimits::head_bytes - start, 'x') + "\r\n")).code, 200);
    EXPECT_EQ(answer_to(request("GET /", "X: " + std::string(HttpLimits::head_bytes - start + 1, 'x') + "\r\n")).code, 431);
    EXPECT_EQ(answer_to("GET /" + std::string(100'000, 'x')).code, 431);
    auto driver = http();
    std::string fields;
    for (int i = 0; i < 10'000; ++i) fields += "A: b\r\n";
    ASSERT_TRUE(driver.run(request("GET /", fields), one_by_one()));
    EXPECT_TRUE(driver.closed);
    EXPECT_EQ(split_answers(driver.output).value().at(0).code, 431);
    EXPECT_LE(driver.largest_memory, 20u * 1024);
}

TEST(HttpSession, reads_an_oversize_body_to_its_end_so_that_its_sender_sees_the_answer) {
    const std::string body(2'000'000, 'x');
    const auto by_length = request("POST /echo", "Content-Length: 2000000\r\n") + body;
    const auto by_chunks = request("POST /echo", "Transfer-Encoding: chunked\r\n") + chunk(body) + "0\r\n\r\n";
    for (const auto& input : {by_length, by_chunks}) {
        auto driver = http();
        ASSERT_TRUE(driver.run(std::string_view(input).substr(0, input.size() - 1)));
        EXPECT_EQ(driver.output, "");
        EXPECT_LE(driver.largest_memory, 3'000'000u);
        ASSERT_TRUE(driver.run(std::string_view(input).substr(input.size() - 1)));
        EXPECT_TRUE(driver.closed);
        EXPECT_EQ(split_answers(driver.output).value().at(0).code, 413);
    }
}

TEST(HttpSession, does_not_wait_for_the_end_of_a_body_without_measure) {
    EXPECT_EQ(answer_to(request("POST /echo", "Content-Length: 1000000000000\r\n")).code, 413);
    auto driver = http();
    ASSERT_TRUE(driver.run(request("POST /echo", "Transfer-Encoding: chunked\r\n")));
    const auto piece = chunk(std::string(60'000, 'x'));
    for (int i = 0; i < 400 && !driver.closed; ++i) ASSERT_TRUE(driver.run(piece));
    EXPECT_TRUE(driver.closed);
    EXPECT_EQ(split_answers(driver.output).value().at(0).code, 413);
}

TEST(HttpSession, bounds_chunk_heads_and_trailers) {
    const auto head = request("POST /echo", "Transfer-Encoding: chunked\r\n");
    EXPECT_EQ(answer_to(head + "1;" + std::string(100'000, 'x')).code, 400);
    EXPECT_EQ(answer_to(head + "0\r\nTrailer: " + std::string(100'000, 'x')).code, 400);
}

TEST(HttpSession, tells_a_peer_that_its_request_took_too_long) {
    for (const std::string& begun : {std::string("G"), std::string("GET / HTTP/1.1\r\nHost: x\r\n"),
                                     request("POST /echo", "Content-Length: 10\r\n") + "abc",
                                     request("POST /echo", "Transfer-Encoding: chunked\r\n") + "5\r\nab"}) {
        auto driver = http();
        ASSERT_TRUE(driver.run(begun));
        EXPECT_TRUE(driver.session().in_request());
        driver.session().timed_out();
        ASSERT_TRUE(driver.run({}));
        EXPECT_TRUE(driver.closed);
        EXPECT_EQ(split_answers(driver.output).value().at(0).code, 408);
    }
}

TEST(HttpSession, closes_without_a_word_when_an_idle_connection_or_an_untaken_answer_times_out) {
    auto idle = http();
    ASSERT_TRUE(idle.run(request("GET /")));
    const auto before = idle.output.size();
    EXPECT_FALSE(idle.session().in_request());
    idle.session().timed_out();
    EXPECT_EQ(idle.session().next().kind, Action::Kind::close);
    EXPECT_EQ(idle.output.size(), before);

    auto slow = http();
    const auto text = request("GET /bytes?n=1000000");
    std::memcpy(slow.session().input().data(), text.data(), text.size());
    slow.session().received(text.size());
    slow.session().sent(100);
    slow.session().timed_out();
    EXPECT_EQ(slow.session().next().kind, Action::Kind::close);
}

TEST(HttpSession, answers_a_peer_that_has_finished_sending_and_then_closes) {
    auto driver = http();
    auto& session = driver.session();
    const auto text = request("GET /bytes?n=3") + request("GET /pause?ms=5") + request("GET /bytes?n=4");
    std::memcpy(session.input().data(), text.data(), text.size());
    session.received(text.size());
    EXPECT_FALSE(driver.closed);
    ASSERT_TRUE(driver.run({}));
    ASSERT_TRUE(driver.finish());
    EXPECT_TRUE(driver.closed);
    EXPECT_EQ(split_answers(driver.output).value().size(), 3u);

    auto broken = http();
    ASSERT_TRUE(broken.run("GET / HTTP/1.1\r\n"));
    ASSERT_TRUE(broken.finish());
    EXPECT_TRUE(broken.closed);
    EXPECT_EQ(split_answers(broken.output).value().at(0).code, 400);

    auto silent = http();
    ASSERT_TRUE(silent.finish());
    EXPECT_TRUE(silent.closed);
    EXPECT_EQ(silent.output, "");
}

TEST(HttpSession, holds_little_while_idle_whatever_it_did_before) {
    auto driver = http();
    EXPECT_LE(driver.session().memory_bytes(), 600u);
    EXPECT_EQ(driver.session().memory_bytes(), http().session().memory_bytes());
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(driver.run(request("GET /")));
    EXPECT_LE(driver.largest_memory, 600u) << "a short request needs no more";
    const auto body = std::string(1'000'000, 'x');
    ASSERT_TRUE(driver.run(request("POST /echo", "Content-Length: 1000000\r\n") + body));
    EXPECT_LE(driver.session().memory_bytes(), 1500u) << "at once";
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(driver.run(request("GET /bytes?n=100")));
    EXPECT_LE(driver.session().memory_bytes(), 600u) << "after a few small requests";
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(driver.run(request("GET /", "Cookie: " + std::string(600, 'x') + "\r\n")));
    EXPECT_LE(driver.session().memory_bytes(), 1500u);
    ASSERT_TRUE(driver.run(request("GET /bytes?n=10000000"), whole(),
                           [n = 0]() mutable { return ++n < 4 ? std::size_t{1} << 20 : std::size_t{100'000}; }));
    EXPECT_LE(driver.session().memory_bytes(), 1500u);
}

// Everything above, one after the other on one connection.
std::string everything() {
    std::string input = request("GET /") + request("HEAD /") + request("GET /bytes?n=100000") +
                        request("GET /work?us=50&yield_every=20") + request("GET /pause?ms=3") + request("GET /nowhere") +
                        request("PUT /", "Content-Length: 5\r\n") + "abcde" +
                        request("POST /echo", "Content-Length: 70000\r\n") + std::string(70'000, 'e') +
                        request("POST /echo", "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n") + chunk("one") +
                        chunk(std::string(30'000, 'c')) + "3;extension\r\ntwo\r\n0\r\nTrailer: x\r\n\r\n" +
                        request("GET /work?us=x") + "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + "\r\n" +
                        request("GET /", "X: " + std::string(3000, 'x') + "\r\nFolded: a\r\n b\r\n");
    for (int i = 0; i < 50; ++i) input += request("GET /bytes?n=" + std::to_string(i * 37));
    return input + "GET / HTTP/1.1\r\nHost: x\r\nbad field\r\n\r\n" + request("GET /");
}

TEST(HttpSession, answers_the_same_however_input_and_output_are_cut) {
    const auto input = everything();
    auto reference = http();
    ASSERT_TRUE(reference.run(input));
    ASSERT_TRUE(reference.closed);
    ASSERT_EQ(split_answers(reference.output, {1}).value().size(), 64u);
    const unsigned seed = std::random_device{}();
    std::cout << "seed " << seed << '\n';
    std::vector<std::pair<Cut, Cut>> cuts{{one_by_one(), whole()}, {whole(), one_by_one()}, {one_by_one(), one_by_one()}};
    for (unsigned i = 0; i < 60; ++i) {
        const std::size_t longest = i % 3 == 0 ? 10 : i % 3 == 1 ? 1000 : 100'000;
        cuts.emplace_back(random_pieces(seed + i, longest), random_pieces(seed + 1000 + i, longest));
    }
    for (std::size_t i = 0; i < cuts.size(); ++i) {
        SCOPED_TRACE("cut " + std::to_string(i) + " of seed " + std::to_string(seed));
        auto driver = http();
        ASSERT_TRUE(driver.run(input, cuts[i].first, cuts[i].second));
        ASSERT_TRUE(driver.closed);
        ASSERT_TRUE(driver.output == reference.output);
        ASSERT_EQ(driver.computed, reference.computed);
        ASSERT_EQ(driver.yields, reference.yields);
        ASSERT_EQ(driver.paused, reference.paused);
        ASSERT_EQ(driver.session().requests(), reference.session().requests());
    }
    EXPECT_EQ(reference.session().requests(), 63u) << "all but the 100";
}

TEST(HttpSession, travels_between_any_two_actions_and_goes_on_as_if_it_had_not) {
    const auto input = everything();
    auto reference = http();
    ASSERT_TRUE(reference.run(input));
    const unsigned seed = std::random_device{}();
    for (unsigned i = 0; i < 6; ++i) {
        SCOPED_TRACE("cut " + std::to_string(i) + " of seed " + std::to_string(seed));
        const std::size_t longest = i % 3 == 0 ? 200 : i % 3 == 1 ? 1000 : 100'000;
        auto driver = http();
        driver.make_another = protocol::make_http_session;
        ASSERT_TRUE(driver.run(input, random_pieces(seed + i, longest), random_pieces(seed + 1000 + i, longest)));
        ASSERT_TRUE(driver.closed);
        ASSERT_TRUE(driver.output == reference.output);
        ASSERT_EQ(driver.computed, reference.computed);
        ASSERT_EQ(driver.yields, reference.yields);
        ASSERT_EQ(driver.paused, reference.paused);
        ASSERT_EQ(driver.session().requests(), reference.session().requests());
    }
}

TEST(HttpSession, refuses_a_state_that_is_none) {
    auto driver = http();
    ASSERT_TRUE(driver.run(request("POST /echo", "Transfer-Encoding: chunked\r\n") + "5\r\nab"));
    protocol::StateWriter state;
    ASSERT_TRUE(driver.session().save(state));
    for (std::size_t length = 0; length < state.bytes().size(); ++length) {
        protocol::StateReader cut(std::string_view(state.bytes()).substr(0, length));
        EXPECT_FALSE(protocol::make_http_session()->restore(cut)) << length;
    }
}

} // namespace
} // namespace connscope::tests
