// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/modes/awaitable_connection.hpp"
#include "connscope/server/modes/table.hpp"

#include <boost/asio/strand.hpp>

#include <mutex>
#include <vector>

namespace connscope::server {
namespace {

// Several threads run one event loop: a connection is a stackless coroutine that any of them may resume, one at a time,
// which its strand sees to. The kernel decides which thread runs, the program what it runs.
class CoroutinesPool final : public Mode {
public:
    CoroutinesPool(Host& host, std::uint8_t number, std::size_t threads)
        : host_(host)
        , number_(number) {
        for (std::size_t i = 0; i < threads; ++i)
            threads_.emplace_back([this] {
                const telemetry::EnteredThread stay(host_.probe(), true);
                never_cancel_this_thread();
                run_handlers(context_);
            });
    }

    ~CoroutinesPool() override {
        context_.stop();
        for (std::thread& thread : threads_) thread.join();
    }

    std::optional<Refusal> adopt(Connection connection) override {
        return spawn_connection(Strand(context_.get_executor()), std::move(connection), number_, *this);
    }

    void release(ConnectionId id) override {
        const std::lock_guard lock(mutex_);
        for (Carried& carried : carried_)
            if (carried.connection.id() == id) ask(carried);
    }

    void release_all() override {
        const std::lock_guard lock(mutex_);
        for (Carried& carried : carried_) ask(carried);
    }

    using Strand = boost::asio::strand<LoopExecutor>;
    using Carried = AwaitableConnection<Strand>;

    // For the coroutines; on any of the threads.
    void enter(Carried& carried) {
        const std::lock_guard lock(mutex_);
        carried_.push_back(carried);
    }
    void leave(Carried& carried, std::optional<CloseReason> over) {
        {
            const std::lock_guard lock(mutex_);
            carried.unlink();
        }
        hand_back(carried, over, host_);
    }

private:
    // The request runs in the connection's strand, which keeps it from meeting the coroutine.
    static void ask(Carried& carried) {
        boost::asio::post(carried.socket.get_executor(), [known = carried.shared_from_this()] { known->ask_to_leave(); });
    }

    Host& host_;
    const std::uint8_t number_;
    boost::asio::io_context context_;
    boost::asio::executor_work_guard<LoopExecutor> work_{context_.get_executor()};
    std::mutex mutex_; // guards carried_
    List<Carried> carried_;
    std::vector<std::thread> threads_;
};

} // namespace

std::unique_ptr<Mode> make_coroutines_pool(Host& host, std::uint8_t number, const ModeOptions& options) {
    return std::make_unique<CoroutinesPool>(host, number, options.threads > 0 ? options.threads : hardware_threads());
}

} // namespace connscope::server
