// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/modes/awaitable_connection.hpp"
#include "connscope/server/modes/table.hpp"

namespace connscope::server {
namespace {

// One thread runs an event loop; a connection is a stackless coroutine that is resumed when something is ready.
class Coroutines final : public Mode {
public:
    Coroutines(Host& host, std::uint8_t number)
        : host_(host)
        , number_(number)
        , loop_(host) {}

    std::optional<Refusal> adopt(Connection connection) override {
        return spawn_connection(loop_.executor(), std::move(connection), number_, *this);
    }

    void release(ConnectionId id) override {
        boost::asio::post(loop_.context(), [this, id] {
            for (Carried& carried : carried_)
                if (carried.connection.id() == id) return carried.ask_to_leave();
        });
    }

    void release_all() override {
        boost::asio::post(loop_.context(), [this] {
            for (Carried& carried : carried_) carried.ask_to_leave();
        });
    }

    // For the coroutines; on the loop's thread.
    using Carried = AwaitableConnection<LoopExecutor>;
    void enter(Carried& carried) { carried_.push_back(carried); }
    void leave(Carried& carried, std::optional<CloseReason> over) {
        carried.unlink();
        hand_back(carried, over, host_);
    }

private:
    Host& host_;
    const std::uint8_t number_;
    List<Carried> carried_; // from the loop's thread only
    Loop loop_;             // last, so that its thread has ended before what it uses goes
};

} // namespace

std::unique_ptr<Mode> make_coroutines(Host& host, std::uint8_t number, const ModeOptions&) {
    return std::make_unique<Coroutines>(host, number);
}

} // namespace connscope::server
