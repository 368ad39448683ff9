// SPDX-License-Identifier: BSL-1.0
// HTTPS with Boost.Beast over a TLS stream: every path is greeted, `/later` after a quarter of a second. Prints its port.
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast.hpp>
#include <boost/beast/ssl.hpp>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <chrono>
#include <cstdio>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

namespace {

// A key and a certificate of its own making, for as long as it runs.
void certify(asio::ssl::context& context) {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_sign(certificate, key, EVP_sha256());
    SSL_CTX_use_certificate(context.native_handle(), certificate);
    SSL_CTX_use_PrivateKey(context.native_handle(), key);
}

asio::awaitable<void> serve(beast::ssl_stream<beast::tcp_stream> stream) {
    co_await stream.async_handshake(asio::ssl::stream_base::server, asio::use_awaitable);
    for (beast::flat_buffer buffer;;) {
        http::request<http::empty_body> request;
        co_await http::async_read(stream, buffer, request, asio::use_awaitable);
        if (request.target() == "/later") {
            asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::milliseconds(250));
            co_await timer.async_wait(asio::use_awaitable);
        }
        http::response<http::string_body> answer(http::status::ok, request.version(), "hello\n");
        answer.keep_alive(request.keep_alive());
        answer.prepare_payload();
        co_await http::async_write(stream, answer, asio::use_awaitable);
        if (!answer.keep_alive()) break;
    }
}

asio::awaitable<void> accept(tcp::acceptor& acceptor, asio::ssl::context& tls) {
    for (;;) {
        auto socket = co_await acceptor.async_accept(asio::use_awaitable);
        asio::co_spawn(acceptor.get_executor(), serve({beast::tcp_stream(std::move(socket)), tls}), asio::detached);
    }
}

} // namespace

int main() {
    asio::io_context context;
    asio::ssl::context tls(asio::ssl::context::tls_server);
    certify(tls);
    tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    std::printf("listening port=%d\n", acceptor.local_endpoint().port());
    std::fflush(stdout);
    asio::co_spawn(context, accept(acceptor, tls), asio::detached);
    context.run();
}
