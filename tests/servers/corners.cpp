// SPDX-License-Identifier: BSL-1.0
// A server that does with its sockets what few do: the first byte that a client sends says what. Prints its port.
#include <boost/asio.hpp>

#include <array>
#include <cstdio>
#include <memory>
#include <vector>

#include <unistd.h>

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

struct Connection : std::enable_shared_from_this<Connection> {
    explicit Connection(tcp::socket connected)
        : socket(std::move(connected)) {}
    tcp::socket socket;
    std::array<char, 16> bytes{};
};

std::vector<std::shared_ptr<Connection>> kept;

void wait_for_nothing(const std::shared_ptr<Connection>& connection) {
    connection->socket.async_read_some(asio::buffer(connection->bytes), [connection](error_code, std::size_t) {});
}

// One that is connected at once, and one that Asio is asked to connect.
void connect_out(asio::io_context& context, const tcp::endpoint& to) {
    auto first = std::make_shared<Connection>(tcp::socket(context));
    first->socket.connect(to);
    wait_for_nothing(first);
    auto second = std::make_shared<Connection>(tcp::socket(context));
    second->socket.async_connect(to, [second](error_code error) {
        if (!error) wait_for_nothing(second);
    });
}

void serve(asio::io_context& context, tcp::acceptor& acceptor, const std::shared_ptr<Connection>& connection) {
    connection->socket.async_read_some(asio::buffer(connection->bytes),
                                       [&context, &acceptor, connection](error_code error, std::size_t count) {
                                           if (error || count == 0) return;
                                           if (connection->bytes[0] == 'o') connect_out(context, acceptor.local_endpoint());
                                           if (connection->bytes[0] == 'c') {
                                               ::close(connection->socket.native_handle()); // behind Asio's back
                                               kept.push_back(connection); // so that Asio does not close it as well
                                               return;
                                           }
                                           serve(context, acceptor, connection);
                                       });
}

void accept(asio::io_context& context, tcp::acceptor& acceptor) {
    acceptor.async_accept([&](error_code error, tcp::socket socket) {
        if (error) return;
        serve(context, acceptor, std::make_shared<Connection>(std::move(socket)));
        accept(context, acceptor);
    });
}

} // namespace

int main() {
    asio::io_context context;
    tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    std::printf("listening port=%d\n", acceptor.local_endpoint().port());
    std::fflush(stdout);
    accept(context, acceptor);
    context.run();
}
