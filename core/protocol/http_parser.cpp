// SPDX-License-Identifier: BSL-1.0
#include "connscope/protocol/http_parser.hpp"

#include "connscope/protocol/http.hpp"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include <array>
#include <charconv>
#include <limits>
#include <string>
#include <utility>

namespace connscope::protocol {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using View = boost::beast::string_view;

// Beast's parser, keeping of the fields only what decides how the connection goes on: no field is stored anywhere.
// Limits are kept by whoever feeds it: the parser's own depend on how the bytes were cut.
class Parser final : public http::basic_parser<true> {
public:
    Parser() {
        header_limit(std::numeric_limits<std::uint32_t>::max());
        body_limit(boost::none);
    }

    HttpMethod method() const noexcept { return method_; }
    std::string_view target() const noexcept { return target_; }
    bool version_1_1() const noexcept { return version_ == 11; }
    bool expects_continue() const noexcept { return expect_ == Expect::to_continue; }
    bool in_chunk() const noexcept { return chunk_left_ > 0; }
    std::uint64_t chunk_left() const noexcept { return chunk_left_; }
    bool any_chunk() const noexcept { return any_chunk_; }

    // Whether the head, syntactically correct, can be served.
    HttpStatus verdict() const {
        // RFC 9112, sections 3.2, 6.1 and 6.3; RFC 9110, section 10.1.1
        if (version_1_1() ? hosts_ != 1 : hosts_ > 1) return HttpStatus::malformed;
        if (coded_ && (!chunked() || !version_1_1())) return HttpStatus::malformed;
        if (coded_ && !only_chunked_) return HttpStatus::not_implemented;
        if (expect_ == Expect::something_else && version_1_1()) return HttpStatus::expectation_failed;
        return HttpStatus::ok;
    }

    // Where the bytes of the body go; set before each put.
    struct Sink {
        virtual void operator()(std::string_view bytes) = 0;

    protected:
        ~Sink() = default;
    };
    Sink* sink = nullptr;

private:
    enum class Expect : std::uint8_t { nothing, to_continue, something_else };

    void on_request_impl(http::verb verb, View, View target, int version, error_code&) override {
        method_ = verb == http::verb::get    ? HttpMethod::get
                  : verb == http::verb::head ? HttpMethod::head
                  : verb == http::verb::post ? HttpMethod::post
                                             : HttpMethod::other;
        target_ = {target.data(), target.size()};
        version_ = version;
    }

    void on_response_impl(int, View, int, error_code&) override {}

    void on_field_impl(http::field name, View, View value, error_code&) override {
        if (is_header_done()) return; // a trailer
        switch (name) {
        case http::field::host:
            hosts_ = hosts_ == 0 ? 1 : 2;
            break;
        case http::field::expect:
            expect_ = boost::beast::iequals(value, "100-continue") && expect_ != Expect::something_else
                          ? Expect::to_continue
                          : Expect::something_else;
            break;
        case http::field::transfer_encoding:
            only_chunked_ = !coded_ && boost::beast::iequals(value, "chunked");
            coded_ = true;
            break;
        default:
            break;
        }
    }

    void on_header_impl(error_code&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}

    std::size_t on_body_impl(View body, error_code&) override {
        (*sink)({body.data(), body.size()});
        return body.size();
    }

    void on_chunk_header_impl(std::uint64_t size, View, error_code&) override {
        chunk_left_ = size;
        any_chunk_ = true;
    }

    std::size_t on_chunk_body_impl(std::uint64_t remain, View body, error_code&) override {
        (*sink)({body.data(), body.size()});
        chunk_left_ = remain - body.size();
        return body.size();
    }

    void on_finish_impl(error_code&) override {}

    std::string_view target_;
    int version_ = 0;
    std::uint8_t hosts_ = 0; // 2 = two or more
    HttpMethod method_ = HttpMethod::other;
    Expect expect_ = Expect::nothing;
    bool coded_ = false;
    bool only_chunked_ = false;
    bool any_chunk_ = false;
    std::uint64_t chunk_left_ = 0;
};

class ParsedBody final : public HttpBody, private Parser::Sink {
public:
    explicit ParsedBody(Parser&& parser)
        : parser_(std::move(parser)) {
        parser_.sink = this;
    }

    Progress take(std::string_view bytes) override {
        const bool at_chunk_head = parser_.chunked() && !parser_.in_chunk();
        // The shortest last chunk has five bytes; with fewer Beast's parser trips over an assertion of its own.
        if (at_chunk_head && bytes.size() < 5 && bytes.starts_with('0')) return {State::incomplete, 0};
        if (at_chunk_head) bytes = bytes.substr(0, HttpLimits::chunk_head_bytes);
        error_code error;
        const std::size_t consumed = parser_.put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
        if (parser_.is_done() && !error) return {State::complete, consumed};
        if (error == http::error::need_more)
            return {bytes.size() - consumed < HttpLimits::chunk_head_bytes ? State::incomplete : State::malformed, consumed};
        return {error ? State::malformed : State::incomplete, consumed};
    }

    std::size_t memory_bytes() const noexcept override {
        return sizeof(*this) + (kept_.capacity() > 15 ? kept_.capacity() + 1 : 0);
    }

private:
    void operator()(std::string_view bytes) override { decoded(bytes); }
    Framing framing() const override {
        if (parser_.is_done()) return {.complete = true};
        if (parser_.chunked()) return {.chunked = true, .any_chunk = parser_.any_chunk(), .left = parser_.chunk_left()};
        return {.left = parser_.content_length_remaining().value_or(0)};
    }

    Parser parser_;
};

// A parser in the middle of a body: it has been given the shortest bytes that lead there. None when nothing does.
std::optional<Parser> parser_within(bool complete, bool chunked, bool any_chunk, std::uint64_t left) {
    struct Nowhere final : Parser::Sink {
        void operator()(std::string_view) override {}
    };
    Nowhere nowhere;
    Parser parser;
    parser.sink = &nowhere;
    std::string bytes = "POST / HTTP/1.1\r\nHost: x\r\n";
    bytes += chunked ? "Transfer-Encoding: chunked" : "Content-Length: " + std::to_string(complete ? 0 : left);
    bytes += "\r\n\r\n";
    if (chunked && left > 0) {
        std::array<char, 16> digits;
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), left, 16).ptr;
        bytes.append(digits.data(), end).append("\r\n");
    } else if (chunked && any_chunk)
        bytes += "1\r\nx";
    for (std::string_view rest = bytes; !rest.empty();) {
        error_code error;
        const std::size_t consumed = parser.put(boost::asio::const_buffer(rest.data(), rest.size()), error);
        if (consumed == 0 || (error && error != http::error::need_more)) return std::nullopt;
        rest.remove_prefix(consumed);
    }
    return parser;
}

} // namespace

void HttpBody::save(StateWriter& state) const {
    const Framing now = framing();
    state.put(now.complete);
    state.put(now.chunked);
    state.put(now.any_chunk);
    state.put(now.left);
    state.put(decoded_);
    state.put(std::uint64_t{keep_});
    state.put(kept_);
}

std::unique_ptr<HttpBody> HttpBody::restore(StateReader& state) {
    Framing then;
    state.take(then.complete);
    state.take(then.chunked);
    state.take(then.any_chunk);
    state.take(then.left);
    auto parser = parser_within(then.complete, then.chunked, then.any_chunk, then.left);
    if (!parser) return nullptr;
    std::unique_ptr<HttpBody> body = std::make_unique<ParsedBody>(std::move(*parser));
    state.take(body->decoded_);
    body->keep_ = state.take<std::uint64_t>();
    body->kept_ = state.take_text();
    return body;
}

HttpRequest parse_http_head(std::string_view head) {
    Parser parser;
    error_code error;
    parser.put(boost::asio::const_buffer(head.data(), head.size()), error);
    HttpRequest request;
    request.status = error || !parser.is_header_done() ? HttpStatus::malformed : parser.verdict();
    if (request.status != HttpStatus::ok) return request;
    request.method = parser.method();
    request.version_1_1 = parser.version_1_1();
    request.keep_alive = parser.keep_alive();
    request.target = parser.target();
    if (parser.is_done()) return request;
    request.expects_continue = parser.expects_continue() && parser.version_1_1();
    if (const auto length = parser.content_length()) request.content_length = *length;
    request.body = std::make_unique<ParsedBody>(std::move(parser));
    return request;
}

bool is_http_request_line(std::string_view line) {
    Parser parser;
    error_code error;
    parser.put(boost::asio::const_buffer(line.data(), line.size()), error);
    return error == http::error::need_more;
}

} // namespace connscope::protocol
