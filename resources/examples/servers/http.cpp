// SPDX-License-Identifier: BSL-1.0
// A small HTTP/1.1 server on two threads: `/` greets, `/later` does so after a tenth of a second, anything else is not
// found. `http callbacks`, `http awaitable` or `http spawn`, and a port if it shall not be any: several processes may listen
// at the same one, among which the kernel shares out the clients. It knows nothing of connscope.
#include <boost/asio.hpp>
#include <boost/asio/spawn.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::size_t longest_head = 8192;
constexpr std::chrono::milliseconds later{100};

struct Answer {
    std::string text;
    bool waits = false;
};

// What is said to a request, of which only the first line matters.
Answer answer_to(std::string_view head) {
    const std::size_t begin = head.find(' ');
    const std::size_t end = begin == head.npos ? begin : head.find(' ', begin + 1);
    const std::string_view path = end == head.npos ? std::string_view() : head.substr(begin + 1, end - begin - 1);
    const bool is_found = path == "/" || path == "/later";
    const std::string body = is_found ? "hello\n" : "there is nothing here\n";
    return {std::string("HTTP/1.1 ") + (is_found ? "200 OK" : "404 Not Found") +
                "\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body,
            path == "/later"};
}

// One client. Its socket has a strand of its own, so that its handlers run one at a time on either thread.
struct Client : std::enable_shared_from_this<Client> {
    explicit Client(tcp::socket connected)
        : socket(std::move(connected))
        , timer(socket.get_executor()) {}

    // The idiom of callbacks: each step names the next.
    void read() {
        asio::async_read_until(socket, asio::dynamic_buffer(received, longest_head), "\r\n\r\n",
                               [self = shared_from_this()](error_code error, std::size_t length) {
                                   if (!error) self->consider(length);
                               });
    }
    void consider(std::size_t length) {
        answer = answer_to(std::string_view(received).substr(0, length));
        received.erase(0, length);
        if (!answer.waits) return write();
        timer.expires_after(later);
        timer.async_wait([self = shared_from_this()](error_code error) {
            if (!error) self->write();
        });
    }
    void write() {
        asio::async_write(socket, asio::buffer(answer.text), [self = shared_from_this()](error_code error, std::size_t) {
            if (!error) self->read();
        });
    }

    tcp::socket socket;
    asio::steady_timer timer;
    std::string received;
    Answer answer;
};

asio::awaitable<void> serve(tcp::socket socket) {
    asio::steady_timer timer(socket.get_executor());
    std::string received;
    for (;;) {
        const std::size_t length = co_await asio::async_read_until(socket, asio::dynamic_buffer(received, longest_head),
                                                                   "\r\n\r\n", asio::use_awaitable);
        const Answer answer = answer_to(std::string_view(received).substr(0, length));
        received.erase(0, length);
        if (answer.waits) {
            timer.expires_after(later);
            co_await timer.async_wait(asio::use_awaitable);
        }
        co_await asio::async_write(socket, asio::buffer(answer.text), asio::use_awaitable);
    }
}

void serve(tcp::socket socket, asio::yield_context yield) {
    asio::steady_timer timer(socket.get_executor());
    std::string received;
    error_code error;
    for (;;) {
        const std::size_t length =
            asio::async_read_until(socket, asio::dynamic_buffer(received, longest_head), "\r\n\r\n", yield[error]);
        if (error) return;
        const Answer answer = answer_to(std::string_view(received).substr(0, length));
        received.erase(0, length);
        if (answer.waits) {
            timer.expires_after(later);
            timer.async_wait(yield[error]);
        }
        asio::async_write(socket, asio::buffer(answer.text), yield[error]);
        if (error) return;
    }
}

void accept(asio::io_context& context, tcp::acceptor& acceptor, std::string_view idiom) {
    acceptor.async_accept(asio::make_strand(context), [&context, &acceptor, idiom](error_code error, tcp::socket socket) {
        if (error) return;
        const auto strand = socket.get_executor();
        if (idiom == "awaitable")
            asio::co_spawn(strand, serve(std::move(socket)), asio::detached);
        else if (idiom == "spawn")
            asio::spawn(
                strand, [socket = std::move(socket)](asio::yield_context yield) mutable { serve(std::move(socket), yield); },
                asio::detached);
        else
            asio::dispatch(strand, [client = std::make_shared<Client>(std::move(socket))] { client->read(); });
        accept(context, acceptor, idiom);
    });
}

} // namespace

int main(int argc, char** argv) {
    asio::io_context context(2);
    const auto port = static_cast<asio::ip::port_type>(argc > 2 ? std::atoi(argv[2]) : 0);
    tcp::acceptor acceptor(context, tcp::v4());
    acceptor.set_option(asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>(true));
    acceptor.set_option(asio::socket_base::reuse_address(true));
    acceptor.bind({asio::ip::address_v4::loopback(), port});
    acceptor.listen();
    std::printf("listening port=%d\n", acceptor.local_endpoint().port());
    std::fflush(stdout);
    accept(context, acceptor, argc > 1 ? argv[1] : "callbacks");
    std::thread other([&context] { context.run(); });
    context.run();
    other.join();
}
