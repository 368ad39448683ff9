// SPDX-License-Identifier: BSL-1.0
// An echo server with Asio without Boost: `standalone-echo callbacks` or `standalone-echo awaitable`. It knows nothing of
// connscope.
#include <asio.hpp>

#include <array>
#include <cstdio>
#include <memory>
#include <string_view>

using asio::ip::tcp;

namespace {

struct Callbacks : std::enable_shared_from_this<Callbacks> {
    explicit Callbacks(tcp::socket connected)
        : socket(std::move(connected)) {}
    void read() {
        socket.async_read_some(asio::buffer(bytes), [self = shared_from_this()](std::error_code error, std::size_t count) {
            if (!error) self->write(count);
        });
    }
    void write(std::size_t count) {
        asio::async_write(socket, asio::buffer(bytes, count),
                          [self = shared_from_this()](std::error_code error, std::size_t) {
                              if (!error) self->read();
                          });
    }
    tcp::socket socket;
    std::array<char, 4096> bytes{};
};

asio::awaitable<void> awaitable(tcp::socket socket) {
    std::array<char, 4096> bytes;
    for (;;) {
        const std::size_t count = co_await socket.async_read_some(asio::buffer(bytes), asio::use_awaitable);
        co_await asio::async_write(socket, asio::buffer(bytes, count), asio::use_awaitable);
    }
}

void accept(tcp::acceptor& acceptor, std::string_view idiom) {
    acceptor.async_accept([&acceptor, idiom](std::error_code error, tcp::socket socket) {
        if (error) return;
        if (idiom == "callbacks")
            std::make_shared<Callbacks>(std::move(socket))->read();
        else
            asio::co_spawn(acceptor.get_executor(), awaitable(std::move(socket)), asio::detached);
        accept(acceptor, idiom);
    });
}

} // namespace

int main(int argc, char** argv) {
    asio::io_context context;
    tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    std::printf("listening port=%d\n", acceptor.local_endpoint().port());
    std::fflush(stdout);
    accept(acceptor, argc > 1 ? argv[1] : "callbacks");
    context.run();
}
