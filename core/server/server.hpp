// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/server/hog_watch.hpp"
#include "connscope/server/mode.hpp"
#include "connscope/server/moves.hpp"
#include "connscope/server/reasons.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace connscope::protocol {
class TalkRoom;
}

namespace connscope::server {

struct ServerOptions {
    std::string host = "127.0.0.1"; // a numeric address
    std::uint16_t port = 0;         // 0: a free one
    std::string mode = "coroutines";
    std::string protocol = "echo";
    std::string name{};              // of the segment; empty: serve-PID
    std::filesystem::path control{}; // of the control socket; empty: in the runtime folder, by name
    ModeOptions mode_options{};
    std::uint64_t max_connections = 0;        // 0: as many as there may be open files
    std::chrono::seconds idle_timeout{0};     // a peer that is silent between requests; 0: for ever
    std::chrono::seconds request_timeout{30}; // a peer that is silent within a request
    std::chrono::milliseconds drain_deadline{5000};
    std::chrono::microseconds word_time{200'000}; // of the protocol talk: how long one speaks on a word
    std::chrono::milliseconds hog_threshold{50};  // who keeps others waiting for longer is a hog; 0: nobody is
    std::uint32_t stamp_every = 64; // one connection in so many has its bytes' arrival stamped by the kernel; 0: none
};

// What a hand-off came to.
struct HandOffReport {
    std::uint64_t moved = 0;
    std::chrono::nanoseconds duration{};
};
using HandOffDone = std::function<void(telemetry::Outcome<HandOffReport>)>;

struct ServerStatus {
    std::string mode;
    std::string protocol;
    std::uint64_t open = 0;
    std::map<std::uint8_t, std::uint64_t> open_by_mode; // by number in the table of modes; those that have any
    std::uint64_t accepted = 0;
    std::uint64_t refused = 0;
    std::uint64_t closed = 0;
    std::uint64_t threads = 0;
    std::array<std::uint64_t, telemetry::carrier_kind_count> carriers{};
    std::uint64_t hand_offs = 0;
    std::uint64_t moving = 0; // on their way to another mode now
    std::array<std::uint64_t, refuse_reason_count> refused_by{};
    std::uint64_t max_connections = 0;
    std::uint64_t slots = 0; // connections that the segment has room for
    std::chrono::seconds idle_timeout{};
    std::chrono::seconds request_timeout{};
    std::uint64_t open_files_limit = 0;
    ModeOptions mode_options;
    bool draining = false;
    std::vector<Hog> hogs;
};

// A live TCP server: accepts connections, gives them to the current mode, moves them when the mode changes. Accepting,
// control and housekeeping run on the thread that calls run(), never in a mode's: a frozen mode can still be watched and
// asked. Everything but construction and destruction is called on that thread, or posted to context().
class Server {
public:
    // Binds, makes the segment, starts the mode. Errors: unknown mode or protocol (std::errc::invalid_argument), an address
    // that cannot be had, a name that is taken.
    static telemetry::Outcome<std::unique_ptr<Server>> start(const ServerOptions& options);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    boost::asio::io_context& context() noexcept;
    boost::asio::ip::tcp::endpoint endpoint() const;
    const std::filesystem::path& control_path() const noexcept;
    const std::filesystem::path& segment_path() const noexcept;
    const std::string& name() const noexcept;

    // Serves until the server has been shut down. False when connections had to be left behind (a carrier that did not come
    // back within the deadline): then the process must leave by std::_Exit, without destroying the server.
    bool run();

    // Moves all connections to a mode, those that were moved alone too, and gives it the new ones. `done` is called when the
    // last has arrived, or with an error when the mode is unknown, a later change takes its place, or the mode refuses a
    // connection: then all are moved back to where they were.
    void set_mode(std::string_view id, HandOffDone done);
    // Gives the modes other parameters: when the current one has them, all connections move to one that is made anew. A
    // connection that was moved alone to another mode keeps the parameters it came with until it is moved again.
    void set_options(const ModeOptions& options, HandOffDone done);
    // Moves one connection to a mode, whatever carries the others: see Moves::begin(). Refused while all are being moved.
    void move_connection(ConnectionId id, std::string_view mode, MoveDone done);
    // Accepts no more, answers what was begun, closes all; calls `done` when nothing is open or the deadline is over.
    void drain(std::chrono::milliseconds deadline, std::function<void(std::uint64_t left_open)> done);
    // Drains and makes run() return. Calling it again ends the drain at once.
    void shutdown();
    // Closes one connection from outside; false when there is none with that id.
    bool close_connection(ConnectionId id);
    // Those who keep others waiting now; and lets one go on, of which no more is said then: false when it is none.
    std::vector<Hog> hogs() const;
    bool excuse_hog(ConnectionId id);

    // Refuses connections beyond `connections` (at most the segment's slots), and changes the time-outs; 0: none.
    void set_limits(std::uint64_t connections, std::chrono::seconds idle_timeout, std::chrono::seconds request_timeout);

    ServerStatus status();

    // Where the speakers of the protocol talk are; nullptr with other protocols.
    protocol::TalkRoom* room() noexcept;

private:
    class Impl;
    explicit Server(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace connscope::server
