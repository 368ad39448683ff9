// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/linger.hpp"

#include "connscope/server/modes/loop.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include <sys/socket.h>

#include <array>
#include <atomic>
#include <new>

namespace connscope::server {
namespace {

constexpr auto longest = std::chrono::seconds(2);
constexpr std::size_t most_bytes = 16 * 1024 * 1024;
constexpr int most_at_once = 256;

} // namespace

// A socket on its way out; kept by its pending handlers. All on the io_context's one thread.
struct Linger::Goodbye : std::enable_shared_from_this<Goodbye> {
    explicit Goodbye(boost::asio::io_context& context)
        : socket(context)
        , timer(context, longest) {
        ++count;
    }
    ~Goodbye() { --count; }

    void start() {
        timer.async_wait([self = shared_from_this()](boost::system::error_code error) {
            boost::system::error_code ignored;
            if (!error) self->socket.close(ignored);
        });
        wait();
    }
    void wait() {
        socket.async_wait(boost::asio::socket_base::wait_read, [self = shared_from_this()](boost::system::error_code error) {
            if (!error && self->discard()) return self->wait();
            self->timer.cancel();
        });
    }
    // False when the peer has finished, or has sent too much.
    bool discard() {
        std::array<char, 16 * 1024> nothing;
        const ssize_t bytes = ::recv(socket.native_handle(), nothing.data(), nothing.size(), MSG_DONTWAIT);
        if (bytes < 0) return errno == EAGAIN || errno == EINTR;
        discarded += static_cast<std::size_t>(bytes);
        return bytes > 0 && discarded < most_bytes;
    }

    static inline std::atomic<int> count{0}; // how many there are; orders nothing
    LoopSocket socket;
    boost::asio::steady_timer timer;
    std::size_t discarded = 0;
};

void Linger::close(telemetry::UniqueFd socket) {
    ::shutdown(socket.get(), SHUT_WR);
    if (Goodbye::count.load(std::memory_order_relaxed) >= most_at_once) return;
    try {
        boost::asio::post(context_,
                          [&context = context_, socket = std::make_shared<telemetry::UniqueFd>(std::move(socket))] {
                              const auto goodbye = std::make_shared<Goodbye>(context);
                              boost::system::error_code error;
                              goodbye->socket.assign(protocol_of(socket->get()), socket->get(), error);
                              if (error) return;
                              std::ignore = socket->release(); // the loop's socket owns it now
                              goodbye->start();
                          });
    } catch (const std::bad_alloc&) {
        // No memory to be polite: the socket is closed at once.
    }
}

} // namespace connscope::server
