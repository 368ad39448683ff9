// SPDX-License-Identifier: BSL-1.0
// An echo server in three idioms: `echo callbacks`, `echo awaitable` or `echo spawn`. It knows nothing of connscope.
#include <boost/asio.hpp>
#include <boost/asio/spawn.hpp>

#include <array>
#include <cstdio>
#include <memory>
#include <string_view>

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

struct Callbacks : std::enable_shared_from_this<Callbacks> {
    explicit Callbacks(tcp::socket connected)
        : socket(std::move(connected)) {}
    void read() {
        socket.async_read_some(asio::buffer(bytes), [self = shared_from_this()](error_code error, std::size_t count) {
            if (!error) self->write(count);
        });
    }
    void write(std::size_t count) {
        asio::async_write(socket, asio::buffer(bytes, count), [self = shared_from_this()](error_code error, std::size_t) {
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

void stackful(tcp::socket socket, asio::yield_context yield) {
    std::array<char, 4096> bytes;
    error_code error;
    while (!error) {
        const std::size_t count = socket.async_read_some(asio::buffer(bytes), yield[error]);
        if (!error) asio::async_write(socket, asio::buffer(bytes, count), yield[error]);
    }
}

void accept(tcp::acceptor& acceptor, std::string_view idiom) {
    acceptor.async_accept([&acceptor, idiom](error_code error, tcp::socket socket) {
        if (error) return;
        if (idiom == "callbacks")
            std::make_shared<Callbacks>(std::move(socket))->read();
        else if (idiom == "awaitable")
            asio::co_spawn(acceptor.get_executor(), awaitable(std::move(socket)), asio::detached);
        else
            asio::spawn(
                acceptor.get_executor(),
                [socket = std::move(socket)](asio::yield_context yield) mutable { stackful(std::move(socket), yield); },
                asio::detached);
        accept(acceptor, idiom);
    });
}

} // namespace

int main(int argc, char** argv) {
    asio::io_context context;
    tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    std::printf("listening port=%d pid=%d\n", acceptor.local_endpoint().port(), static_cast<int>(::getpid()));
    std::fflush(stdout);
    accept(acceptor, argc > 1 ? argv[1] : "callbacks");
    context.run();
}
