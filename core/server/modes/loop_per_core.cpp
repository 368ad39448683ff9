// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/modes/awaitable_connection.hpp"
#include "connscope/server/modes/table.hpp"

#include <atomic>
#include <vector>

namespace connscope::server {
namespace {

// An event loop and a thread for each core, with nothing shared between them: a connection is a stackless coroutine that
// stays with the loop it was given to, in turn.
class LoopPerCore final : public Mode {
public:
    LoopPerCore(Host& host, std::uint8_t number, std::size_t loops)
        : number_(number) {
        for (std::size_t i = 0; i < loops; ++i) lanes_.push_back(std::make_unique<Lane>(host));
    }

    std::optional<Refusal> adopt(Connection connection) override {
        // Hands out turns; orders nothing.
        Lane& lane = *lanes_[next_.fetch_add(1, std::memory_order_relaxed) % lanes_.size()];
        return spawn_connection(lane.loop.executor(), std::move(connection), number_, lane);
    }

    void release(ConnectionId id) override {
        for (const auto& lane : lanes_)
            boost::asio::post(lane->loop.context(), [&carried_here = lane->carried, id] {
                for (Carried& carried : carried_here)
                    if (carried.connection.id() == id) return carried.ask_to_leave();
            });
    }

    void release_all() override {
        for (const auto& lane : lanes_)
            boost::asio::post(lane->loop.context(), [&carried_here = lane->carried] {
                for (Carried& carried : carried_here) carried.ask_to_leave();
            });
    }

private:
    using Carried = AwaitableConnection<LoopExecutor>;

    // One loop and whom it carries, from its thread only.
    struct Lane {
        explicit Lane(Host& its_host)
            : host(its_host)
            , loop(its_host) {}
        void enter(Carried& one) { carried.push_back(one); }
        void leave(Carried& one, std::optional<CloseReason> over) {
            one.unlink();
            hand_back(one, over, host);
        }

        Host& host;
        List<Carried> carried;
        Loop loop; // last, so that its thread has ended before what it uses goes
    };

    const std::uint8_t number_;
    std::atomic<std::size_t> next_{0};
    std::vector<std::unique_ptr<Lane>> lanes_;
};

} // namespace

std::unique_ptr<Mode> make_loop_per_core(Host& host, std::uint8_t number, const ModeOptions& options) {
    return std::make_unique<LoopPerCore>(host, number, options.threads > 0 ? options.threads : hardware_threads());
}

} // namespace connscope::server
