// SPDX-License-Identifier: BSL-1.0
#include "connscope/protocol/http_answers.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/serializer.hpp>

#include <cassert>

namespace connscope::protocol {
namespace {

namespace http = boost::beast::http;

http::status code(HttpStatus status) {
    switch (status) {
    case HttpStatus::ok:
        return http::status::ok;
    case HttpStatus::malformed:
        return http::status::bad_request;
    case HttpStatus::not_found:
        return http::status::not_found;
    case HttpStatus::only_get:
    case HttpStatus::only_post:
        return http::status::method_not_allowed;
    case HttpStatus::timed_out:
        return http::status::request_timeout;
    case HttpStatus::body_too_large:
        return http::status::payload_too_large;
    case HttpStatus::expectation_failed:
        return http::status::expectation_failed;
    case HttpStatus::head_too_large:
        return http::status::request_header_fields_too_large;
    case HttpStatus::not_implemented:
        return http::status::not_implemented;
    case HttpStatus::count_:
        break;
    }
    return http::status::internal_server_error;
}

std::string serialized_up_to_length(HttpStatus status, HttpPersistence persistence) {
    http::response<http::empty_body> response(code(status), 11);
    response.set(http::field::server, "connscope");
    if (persistence == HttpPersistence::announced) response.set(http::field::connection, "keep-alive");
    if (persistence == HttpPersistence::closing) response.set(http::field::connection, "close");
    if (status == HttpStatus::only_get) response.set(http::field::allow, "GET, HEAD");
    if (status == HttpStatus::only_post) response.set(http::field::allow, "POST");
    response.set(http::field::content_type, "text/plain");
    response.content_length(0);

    std::string text;
    http::response_serializer<http::empty_body> serializer(response);
    boost::beast::error_code error;
    while (!serializer.is_done() && !error) {
        serializer.next(error, [&](boost::beast::error_code&, const auto& buffers) {
            text += boost::beast::buffers_to_string(buffers);
            serializer.consume(boost::asio::buffer_size(buffers));
        });
    }
    constexpr std::string_view tail = "0\r\n\r\n";
    assert(text.ends_with(tail));
    text.resize(text.size() - tail.size());
    return text;
}

} // namespace

HttpAnswers::HttpAnswers() {
    for (std::size_t status = 0; status < heads_.size(); ++status)
        for (std::size_t persistence = 0; persistence < heads_[status].size(); ++persistence)
            heads_[status][persistence] =
                serialized_up_to_length(static_cast<HttpStatus>(status), static_cast<HttpPersistence>(persistence));
    greeting_ = std::string(head_up_to_length(HttpStatus::ok, HttpPersistence::implied)) +
                std::to_string(http_greeting_text.size()) + "\r\n\r\n";
    greeting_head_bytes_ = greeting_.size();
    greeting_ += http_greeting_text;
}

std::string_view HttpAnswers::explanation(HttpStatus status) noexcept {
    switch (status) {
    case HttpStatus::malformed:
        return "This is not an HTTP/1.1 request.\n";
    case HttpStatus::not_found:
        return "There is no such resource. There are /, /work?us=N, /work?us=N&yield_every=M, /pause?ms=N, /bytes?n=N and "
               "POST "
               "/echo.\n";
    case HttpStatus::only_get:
        return "This resource knows GET and HEAD only.\n";
    case HttpStatus::only_post:
        return "This resource knows POST only.\n";
    case HttpStatus::timed_out:
        return "The rest of the request did not arrive in time.\n";
    case HttpStatus::body_too_large:
        return "The request's body is longer than 1 MiB.\n";
    case HttpStatus::expectation_failed:
        return "The only expectation known here is 100-continue.\n";
    case HttpStatus::head_too_large:
        return "The request line and its fields are longer than 8 KiB.\n";
    case HttpStatus::not_implemented:
        return "The only transfer coding known here is chunked.\n";
    case HttpStatus::ok:
    case HttpStatus::count_:
        break;
    }
    return "";
}

const HttpAnswers& http_answers() {
    static const HttpAnswers answers;
    return answers;
}

} // namespace connscope::protocol
