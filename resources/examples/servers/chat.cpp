// SPDX-License-Identifier: BSL-1.0
// A chat: each line that one says is sent to all others. `chat callbacks`, `chat awaitable` or `chat spawn`, and a port if
// it shall not be any. It knows nothing of connscope.
#include <boost/asio.hpp>
#include <boost/asio/spawn.hpp>

#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <string_view>

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::size_t longest_line = 4096;
constexpr std::size_t most_waiting = 1000; // lines: who does not read so many is left behind

struct Member;
std::set<std::shared_ptr<Member>> room; // one thread runs everything

// Somebody in the room. How lines come from it differs by idiom, how they get to it does not.
struct Member : std::enable_shared_from_this<Member> {
    explicit Member(tcp::socket connected)
        : socket(std::move(connected)) {}

    void hear(const std::string& line) {
        if (waiting.size() >= most_waiting) return leave();
        waiting.push_back(line);
        if (waiting.size() == 1) write();
    }
    void write() {
        asio::async_write(socket, asio::buffer(waiting.front()), [self = shared_from_this()](error_code error, std::size_t) {
            if (error) return self->leave();
            self->waiting.pop_front();
            if (!self->waiting.empty()) self->write();
        });
    }
    void say(std::size_t length) {
        const std::string line = said.substr(0, length);
        said.erase(0, length);
        for (const auto& member : std::set(room))
            if (member.get() != this) member->hear(line);
    }
    void leave() {
        room.erase(shared_from_this());
        error_code ignored;
        socket.close(ignored);
    }

    tcp::socket socket;
    std::string said;
    std::deque<std::string> waiting;
};

void listen_by_callbacks(const std::shared_ptr<Member>& member) {
    asio::async_read_until(member->socket, asio::dynamic_buffer(member->said, longest_line), '\n',
                           [member](error_code error, std::size_t length) {
                               if (error) return member->leave();
                               member->say(length);
                               listen_by_callbacks(member);
                           });
}

asio::awaitable<void> listen(std::shared_ptr<Member> member) {
    for (;;) {
        const auto [error, length] = co_await asio::async_read_until(
            member->socket, asio::dynamic_buffer(member->said, longest_line), '\n', asio::as_tuple(asio::use_awaitable));
        if (error) break;
        member->say(length);
    }
    member->leave();
}

void listen(const std::shared_ptr<Member>& member, asio::yield_context yield) {
    for (;;) {
        error_code error;
        const std::size_t length =
            asio::async_read_until(member->socket, asio::dynamic_buffer(member->said, longest_line), '\n', yield[error]);
        if (error) break;
        member->say(length);
    }
    member->leave();
}

void accept(tcp::acceptor& acceptor, std::string_view idiom) {
    acceptor.async_accept([&acceptor, idiom](error_code error, tcp::socket socket) {
        if (error) return;
        auto member = std::make_shared<Member>(std::move(socket));
        room.insert(member);
        if (idiom == "awaitable")
            asio::co_spawn(acceptor.get_executor(), listen(member), asio::detached);
        else if (idiom == "spawn")
            asio::spawn(
                acceptor.get_executor(), [member](asio::yield_context yield) { listen(member, yield); }, asio::detached);
        else
            listen_by_callbacks(member);
        accept(acceptor, idiom);
    });
}

} // namespace

int main(int argc, char** argv) {
    asio::io_context context;
    const auto port = static_cast<asio::ip::port_type>(argc > 2 ? std::atoi(argv[2]) : 0);
    tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), port});
    std::printf("listening port=%d\n", acceptor.local_endpoint().port());
    std::fflush(stdout);
    accept(acceptor, argc > 1 ? argv[1] : "callbacks");
    context.run();
}
