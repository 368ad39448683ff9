// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/server/mode.hpp"
#include "connscope/server/namer.hpp"
#include "connscope/server/places.hpp"
#include "connscope/server/registry.hpp"
#include "connscope/telemetry/probe.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace connscope::server {

// A connection that keeps its carrier for so long that others, who could run, cannot.
struct Hog {
    ConnectionId id = 0;
    std::uint8_t mode = 0; // number in the table of modes
    std::uint32_t thread = 0;
    std::chrono::nanoseconds held{};         // its slice so far
    std::size_t waiting = 0;                 // the others: ready, or with bytes that nobody reads
    std::chrono::nanoseconds longest_wait{}; // at least
    std::string function;                    // in which it was when it was asked; empty: not known (yet)
    std::string at;                          // the source line: "steps.cpp:137"
    std::vector<std::string> calls;          // that led there, innermost first: "burn at steps.cpp:137"
    std::string missing;                     // why the function is not known
};

// Looks for hogs from outside of the modes' loops, which a hog has frozen. On the server's control thread, but for the
// naming of functions, which takes up to 100 ms the first time.
class HogWatch {
public:
    // Whose slice is longer than `threshold` while others wait is one; 0: none is.
    HogWatch(boost::asio::io_context& context, Host& host, Registry& registry, Places& places,
             std::chrono::milliseconds threshold);
    ~HogWatch();
    HogWatch(const HogWatch&) = delete;
    HogWatch& operator=(const HogWatch&) = delete;

    void start();
    // Those of the last look.
    std::vector<Hog> hogs() const;
    // Lets one go on: no more is said of its present slice. False when it is none.
    bool excuse(ConnectionId id);

private:
    // Somebody who could run, found when a hog was looked at.
    struct Waiting {
        ConnectionId id;
        std::uint64_t slices;
        telemetry::Ticks since;
        unsigned int looks; // at which it stood there
    };
    struct Suspect {
        Hog hog;
        std::uint32_t slot = 0;
        std::uint8_t place = 0;
        telemetry::Ticks since = 0; // its slice's begin
        unsigned int look = 0;      // the last at which it was there
        bool excused = false;
        bool named = false;                                 // or being named
        std::unordered_map<std::uint32_t, Waiting> waiting; // by slot
    };
    struct Question {
        ConnectionId id = 0;
        std::uint32_t slot = 0;
        std::uint32_t thread = 0;
        telemetry::Ticks since = 0;
    };

    void look();
    void look_at(std::uint32_t slot, ConnectionId id, telemetry::Ticks since, telemetry::Ticks now);
    void count_waiting(Suspect& suspect, telemetry::Ticks now);
    void ask_where(Suspect& suspect);
    void ask(const Question& question);
    void answer_questions();
    void answered(const Question& question, NamedPlace place);
    bool is_in_slice(std::uint32_t slot, ConnectionId id, telemetry::Ticks since) const;

    boost::asio::io_context& context_;
    Host& host_;
    telemetry::ProbeServer& probe_;
    Registry& registry_;
    Places& places_;
    const std::chrono::milliseconds threshold_;
    boost::asio::steady_timer timer_;
    std::unordered_map<ConnectionId, Suspect> suspects_;
    unsigned int looks_ = 0;

    std::thread namer_; // once there was one to name
    std::mutex mutex_;  // guards what follows
    std::condition_variable asked_;
    std::vector<Question> questions_;
    bool stop_ = false;
};

} // namespace connscope::server
