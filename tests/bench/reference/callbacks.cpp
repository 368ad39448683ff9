// SPDX-License-Identifier: BSL-1.0
// Echo with completion handlers on one event loop.
#include "listen.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <array>
#include <memory>

namespace {

namespace asio = boost::asio;
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
using boost::system::error_code;

class Echo : public std::enable_shared_from_this<Echo> {
public:
    explicit Echo(Socket socket)
        : socket_(std::move(socket)) {}

    void read() {
        socket_.async_read_some(asio::buffer(buffer_), [self = shared_from_this()](error_code error, std::size_t bytes) {
            if (!error) self->write(0, bytes);
        });
    }

private:
    void write(std::size_t begin, std::size_t end) {
        socket_.async_write_some(asio::buffer(buffer_.data() + begin, end - begin),
                                 [self = shared_from_this(), begin, end](error_code error, std::size_t bytes) {
                                     if (error) return;
                                     if (begin + bytes < end) return self->write(begin + bytes, end);
                                     self->read();
                                 });
    }

    Socket socket_;
    std::array<char, 256> buffer_;
};

void accept(Acceptor& acceptor) {
    acceptor.async_accept([&acceptor](error_code error, Socket socket) {
        if (!error) std::make_shared<Echo>(std::move(socket))->read();
        accept(acceptor);
    });
}

} // namespace

int main() {
    asio::io_context context(1);
    Acceptor acceptor(context, asio::ip::tcp::v4(), reference::listen_anywhere());
    accept(acceptor);
    context.run();
}
