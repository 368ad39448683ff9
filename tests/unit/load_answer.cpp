// SPDX-License-Identifier: BSL-1.0
#include "connscope/load/answer.hpp"
#include "connscope/protocol/http.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace connscope::load {
namespace {

std::span<const std::byte> as_bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

RequestForm http_form(Check check = Check::nothing, std::uint64_t length = 0) {
    RequestForm form;
    form.protocol = Protocol::http;
    form.head = "GET / HTTP/1.1\r\n\r\n";
    form.payload = check == Check::echoed ? length : 0;
    form.check = check;
    form.expected_length = length;
    return form;
}

std::string content_text(const Content& content, std::uint64_t position, std::size_t size) {
    std::string text(size, '\0');
    content.write(position, std::as_writable_bytes(std::span(text.data(), size)));
    return text;
}

// The states of all answers in `stream`, read in pieces of at most `piece` bytes.
std::vector<AnswerState> states_of(std::string_view stream, const RequestForm& form, std::size_t piece) {
    AnswerReader reader;
    const Content content(3);
    std::uint64_t position = 0;
    std::vector<AnswerState> states;
    while (!stream.empty()) {
        const auto bytes = as_bytes(stream.substr(0, piece));
        const AnswerProgress progress = reader.read(bytes, form, content, position);
        if (progress.state != AnswerState::incomplete) {
            states.push_back(progress.state);
            position += form.payload;
            if (progress.state == AnswerState::garbage) return states;
        }
        stream.remove_prefix(progress.consumed);
    }
    return states;
}

// The same whatever the pieces are: whole, byte by byte, and sizes between.
std::vector<AnswerState> states_in_any_pieces(std::string_view stream, const RequestForm& form) {
    const auto whole = states_of(stream, form, stream.size());
    for (const std::size_t piece : {1u, 2u, 3u, 5u, 17u, 40u})
        EXPECT_EQ(states_of(stream, form, piece), whole) << "pieces of " << piece;
    return whole;
}

using States = std::vector<AnswerState>;

TEST(LoadAnswer, an_echo_is_checked_byte_by_byte) {
    RequestForm form;
    form.payload = 10;
    const Content content(3);
    std::string stream = content_text(content, 0, 30);
    EXPECT_EQ(states_in_any_pieces(stream, form), (States{AnswerState::good, AnswerState::good, AnswerState::good}));
    stream[15] ^= 1;
    EXPECT_EQ(states_in_any_pieces(stream, form), (States{AnswerState::good, AnswerState::wrong, AnswerState::good}));
}

TEST(LoadAnswer, content_length_ends_an_answer) {
    const auto states = states_in_any_pieces("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
                                             "HTTP/1.1 200 OK\r\ncontent-length:   0  \r\nX: y\r\n\r\n"
                                             "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
                                             http_form());
    EXPECT_EQ(states, (States{AnswerState::good, AnswerState::good, AnswerState::bad_status}));
}

TEST(LoadAnswer, chunks_with_extensions_and_trailers_end_an_answer) {
    const auto states = states_in_any_pieces("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
                                             "5\r\nhello\r\n0A;name=value\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"
                                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                                             http_form(Check::bytes, 15));
    EXPECT_EQ(states, (States{AnswerState::good, AnswerState::wrong}));
}

TEST(LoadAnswer, interim_answers_and_those_without_content_are_understood) {
    const auto states = states_in_any_pieces("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"
                                             "HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n",
                                             http_form());
    EXPECT_EQ(states, (States{AnswerState::good, AnswerState::bad_status}));
}

TEST(LoadAnswer, an_answer_of_unknown_length_ends_with_its_connection) {
    AnswerReader reader;
    const RequestForm form = http_form(Check::bytes, 5);
    const auto text = as_bytes("HTTP/1.0 200 OK\r\n\r\nhello");
    EXPECT_EQ(reader.read(text, form, Content(3), 0).state, AnswerState::incomplete);
    EXPECT_TRUE(reader.begun());
    EXPECT_EQ(reader.finished(form), AnswerState::good);
    EXPECT_TRUE(reader.last());
}

TEST(LoadAnswer, an_answer_that_was_cut_short_is_not_complete) {
    AnswerReader reader;
    const RequestForm form = http_form();
    reader.read(as_bytes("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"), form, Content(3), 0);
    EXPECT_EQ(reader.finished(form), AnswerState::incomplete);
}

TEST(LoadAnswer, the_last_answer_of_a_connection_is_known) {
    for (const auto& [head, last] : std::vector<std::pair<std::string, bool>>{
             {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false},
             {"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n", true},
             {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", true},
             {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", false}}) {
        AnswerReader reader;
        EXPECT_EQ(reader.read(as_bytes(head), http_form(), Content(3), 0).state, AnswerState::good) << head;
        EXPECT_EQ(reader.last(), last) << head;
    }
}

TEST(LoadAnswer, echoed_content_must_be_what_was_sent) {
    const RequestForm form = http_form(Check::echoed, 20);
    const std::string right = content_text(Content(3), 0, 20);
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n";
    EXPECT_EQ(states_in_any_pieces(head + right, form), States{AnswerState::good});
    std::string wrong = right;
    wrong[19] ^= 0x40;
    EXPECT_EQ(states_in_any_pieces(head + wrong, form), States{AnswerState::wrong});
    EXPECT_EQ(states_in_any_pieces("HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n" + right.substr(0, 19), form),
              States{AnswerState::wrong});
    EXPECT_EQ(states_in_any_pieces("HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n" + right + "x", form),
              States{AnswerState::wrong});
}

TEST(LoadAnswer, the_bytes_of_a_connscope_server_are_known) {
    const std::string line(protocol::http_bytes_line);
    const RequestForm form = http_form(Check::bytes, 130);
    const std::string head = "HTTP/1.1 200 OK\r\nServer: connscope\r\nContent-Length: 130\r\n\r\n";
    std::string body = line + line + line.substr(0, 2);
    EXPECT_EQ(states_in_any_pieces(head + body, form), States{AnswerState::good});
    body[100] = '?';
    EXPECT_EQ(states_in_any_pieces(head + body, form), States{AnswerState::wrong});
    const std::string other = "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 130\r\n\r\n";
    EXPECT_EQ(states_in_any_pieces(other + body, form), States{AnswerState::good}) << "another server's content is its own";
}

TEST(LoadAnswer, garbage_is_recognized) {
    for (const auto* stream :
         {"220 smtp.example.org\r\n\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 OK\r\n\r\n", "HTTP/1.1 999 X\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
          "HTTP/1.1 200 OK\r\nConnection\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", "HTTX", "\r\n"})
        EXPECT_EQ(states_of(stream, http_form(), 1000), States{AnswerState::garbage}) << stream;
    const std::string endless = "HTTP/1.1 200 OK\r\nX: " + std::string(200'000, 'x');
    EXPECT_EQ(states_of(endless, http_form(), 1000), States{AnswerState::garbage}) << "a head without end";
}

TEST(LoadAnswer, random_bytes_never_break_the_reader) {
    std::mt19937 random(1);
    const std::vector<std::string> words{
        "HTTP/1.1 200 OK\r\n", "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "\r\n", "3\r\n", "abc",
        "0\r\n\r\n",           "Connection: close\r\n", std::string("\0\xff", 2),         ":",    "\n"};
    for (int round = 0; round < 5000; ++round) {
        std::string stream;
        for (int i = 0; i < 12; ++i) stream += words[random() % words.size()];
        const std::size_t piece = 1 + random() % 20;
        states_of(stream, http_form(Check::bytes, 3), piece); // must end, and stay within its bytes (sanitizers tell)
    }
}

} // namespace
} // namespace connscope::load
