// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/server.hpp"

#include "connscope/control/server.hpp"
#include "connscope/server/acceptor.hpp"
#include "connscope/server/control_methods.hpp"
#include "connscope/server/gate.hpp"
#include "connscope/server/housekeeping.hpp"
#include "connscope/server/linger.hpp"
#include "connscope/server/memory_reserve.hpp"
#include "connscope/server/modes/loop.hpp"
#include "connscope/server/modes/table.hpp"
#include "connscope/server/moves.hpp"
#include "connscope/server/places.hpp"
#include "connscope/server/registry.hpp"
#include "connscope/server/sessions.hpp"
#include "connscope/server/steps.hpp"
#include "connscope/server/thread_scheduling.hpp"
#include "connscope/server/zygote.hpp"
#include "connscope/telemetry/runtime_folder.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <malloc.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <tuple>

namespace connscope::server {
namespace {

namespace asio = boost::asio;
using telemetry::Error;
using telemetry::Gauge;
using telemetry::Outcome;
using telemetry::Ticks;

constexpr std::uint64_t most_connections = 1'000'000;
constexpr std::chrono::milliseconds patience_with_the_last{50};

// Raises the soft limit of open files to the hard one, and says what it is then.
std::uint64_t raise_open_files_limit() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

Error no_such_mode(std::string_view id) {
    std::string list;
    for (const ModeInfo& mode : modes()) list += fmt::format("{}{}", list.empty() ? "" : ", ", mode.id);
    return {std::make_error_code(std::errc::invalid_argument), fmt::format("there is no mode '{}'; there are {}", id, list)};
}

} // namespace

class Server::Impl final : public Host {
public:
    Impl(const ServerOptions& options, const protocol::Protocol& protocol, std::uint64_t open_files,
         std::unique_ptr<telemetry::ProbeServer> probe)
        : options_(options)
        , sessions_(protocol, options.word_time)
        , open_files_limit_(open_files)
        , probe_(std::move(probe))
        , registry_(probe_->capacity())
        , linger_(context_)
        , places_(*this)
        , moves_(context_, registry_, places_, [this] { return last_refusal(); })
        , hogs_(context_, *this, registry_, places_, options.hog_threshold)
        , housekeeping_timer_(context_)
        , hand_off_timer_(context_)
        , drain_timer_(context_) {}

    ~Impl() override {
        registry_.shut_all(SHUT_RDWR, CloseReason::request); // threads that carry a connection end with it
        places_.end_all();
    }

    telemetry::Status start(Server& self, const asio::ip::tcp::endpoint& endpoint, std::uint8_t mode);
    bool run();

    void set_mode(std::string_view id, HandOffDone done);
    void set_options(const ModeOptions& options, HandOffDone done);
    void move_connection(ConnectionId id, std::string_view mode, MoveDone done);
    void drain(std::chrono::milliseconds deadline, std::function<void(std::uint64_t)> done);
    void shutdown();
    void set_limits(std::uint64_t connections, std::chrono::seconds idle_timeout, std::chrono::seconds request_timeout);
    bool close_connection(ConnectionId id) { return registry_.shut(id, SHUT_RDWR, CloseReason::request); }
    ServerStatus status();
    HogWatch& hogs() noexcept { return hogs_; }

    // Host; any thread
    void closed(Connection connection, CloseReason reason) override;
    void released(Connection connection) override;
    telemetry::ProbeServer& probe() noexcept override { return *probe_; }
    Zygote* zygote() noexcept override { return zygote_.get(); }
    std::int32_t main_thread() const noexcept override { return main_thread_.load(std::memory_order_relaxed); }
    Gate& gate() noexcept override { return gate_; }

    asio::io_context& context() noexcept { return context_; }
    asio::ip::tcp::endpoint endpoint() const { return acceptor_->endpoint(); }
    const ServerOptions& options() const noexcept { return options_; }
    const Sessions& sessions() const noexcept { return sessions_; }

private:
    // A change of mode on its way.
    struct HandOff {
        std::uint8_t from;
        std::string from_id;
        std::string target_id;
        Ticks begin;
        std::uint64_t total;
        HandOffDone done;
        std::string refusal; // why it is being taken back
        std::chrono::milliseconds interval{1};
        std::uint64_t astray = 0; // when last looked at; and since when there have been so many
        Ticks since = 0;
    };

    void accepted(Accepted accepted);
    void refuse(RefuseReason reason);
    bool place(Connection connection);
    Budget budget_at(std::uint8_t place) const;
    void change(std::uint8_t number, const ModeOptions& options, HandOffDone done);
    std::uint64_t begin_hand_off(std::uint8_t place);
    void watch_hand_off();
    void take_back(HandOff& hand_off);
    void finish_hand_off();
    std::string last_refusal() {
        const std::lock_guard lock(refusal_mutex_);
        return refusal_;
    }
    void keep_house();
    void watch_drain();

    ServerOptions options_;
    const Sessions sessions_; // before what carries one
    const std::uint64_t open_files_limit_;
    asio::io_context context_;
    std::unique_ptr<telemetry::ProbeServer> probe_;
    MemoryReserve memory_;
    Registry registry_;
    Linger linger_;
    std::atomic<std::int32_t> main_thread_{0};
    Gate gate_;
    std::unique_ptr<Zygote> zygote_;
    Places places_;
    std::atomic<int> placing_{0}; // threads inside place()
    std::mutex refusal_mutex_;
    std::string refusal_; // why a connection could not go where it was sent; guarded by refusal_mutex_
    Moves moves_;
    HogWatch hogs_;

    std::uint8_t here_ = 0; // the current mode's place
    std::optional<HandOff> hand_off_;
    std::array<std::uint64_t, refuse_reason_count> refused_by_{};
    bool draining_ = false;
    bool shutting_down_ = false;
    std::chrono::steady_clock::time_point drain_end_;
    std::function<void(std::uint64_t)> drain_done_;
    bool left_behind_ = false;

    asio::steady_timer housekeeping_timer_;
    asio::steady_timer hand_off_timer_;
    asio::steady_timer drain_timer_;
    std::optional<Housekeeping> housekeeping_;
    std::unique_ptr<Acceptor> acceptor_;
    std::unique_ptr<control::Server> control_;
};

telemetry::Status Server::Impl::start(Server& self, const asio::ip::tcp::endpoint& endpoint, std::uint8_t mode) {
    // Before the first mode: there is one thread still.
    if (auto zygote = Zygote::start({*probe_, sessions_, registry_.watches(), gate_, carry_in_own_process}))
        zygote_ = std::move(*zygote);
    else
        spdlog::warn("{}", zygote.error().text);
    auto place = places_.make(mode, options_.mode_options);
    if (!place) return std::move(place).error();
    here_ = *place;
    auto acceptor = Acceptor::listen(
        context_, endpoint, [this](Accepted one) { accepted(std::move(one)); },
        [this] { refuse(RefuseReason::descriptors); });
    if (!acceptor) return std::move(acceptor).error();
    acceptor_ = std::move(*acceptor);
    auto control = control::Server::listen(context_, options_.control, control_methods(self));
    if (!control) return std::move(control).error();
    control_ = std::move(*control);
    housekeeping_.emplace(*probe_, registry_, zygote_.get(),
                          Housekeeping::Timeouts{options_.idle_timeout, options_.request_timeout});
    for (const Gauge gauge : {Gauge::connections_accepted, Gauge::connections_closed, Gauge::connections_refused,
                              Gauge::closed_by_peer, Gauge::closed_by_reset, Gauge::closed_by_protocol,
                              Gauge::closed_by_timeout, Gauge::closed_by_request, Gauge::closed_by_error, Gauge::hand_offs,
                              Gauge::hand_offs_pending, Gauge::last_hand_off_count, Gauge::last_hand_off_ns})
        probe_->set(gauge, 0);
    const asio::ip::tcp::endpoint bound = acceptor_->endpoint();
    probe_->set_mode(mode);
    probe_->describe(std::string(sessions_.protocol().id), fmt::format("{}:{}", bound.address().to_string(), bound.port()),
                     options_.control.string());
    keep_house();
    hogs_.start();
    return telemetry::success();
}

bool Server::Impl::run() {
    const telemetry::EnteredThread stay(*probe_, true);
    const Precedence precedence;
    main_thread_.store(::gettid(), std::memory_order_relaxed);
    run_handlers(context_);
    main_thread_.store(0, std::memory_order_relaxed);
    if (left_behind_) return false;
    places_.end_all();
    return true;
}

void Server::Impl::keep_house() {
    housekeeping_->run();
    memory_.fill();
    if (!hand_off_) places_.end_unused(registry_, here_); // those whose last single connection has left or ended
    housekeeping_timer_.expires_after(Housekeeping::period);
    housekeeping_timer_.async_wait([this](boost::system::error_code error) {
        if (!error) keep_house();
    });
}

// --- connections come and go

void Server::Impl::accepted(Accepted accepted) {
    if (draining_) return refuse(RefuseReason::draining);
    if (registry_.open() >= options_.max_connections) return refuse(RefuseReason::limit);
    if (!memory_.has_room()) return refuse(RefuseReason::memory);
    try {
        Connection connection{std::move(accepted.socket), nullptr, probe_->open(accepted.peer, accepted.inode)};
        if (!connection.probe) return refuse(RefuseReason::limit);
        connection.session = sessions_.make(connection.id());
        connection.session_bytes = connection.session->memory_bytes();
        connection.probe.session_bytes(connection.session_bytes);
        // The first one always, so that a server with few connections has figures, too.
        const std::uint32_t every = options_.stamp_every;
        if (every > 0 && connection.id() % every == 1 % every) stamp_arrivals(connection);
        registry_.add(connection, here_);
        probe_->add(Gauge::connections_accepted, 1);
        if (!place(std::move(connection))) refuse(RefuseReason::carriers);
    } catch (const std::bad_alloc&) {
        memory_.spend();
        refuse(RefuseReason::memory);
    }
}

void Server::Impl::refuse(RefuseReason reason) {
    ++refused_by_[static_cast<std::size_t>(reason)];
    probe_->add(Gauge::connections_refused, 1);
}

// Gives a connection to the mode that shall have it, or back to the one that it comes from. False when no mode took it: then
// it is closed.
bool Server::Impl::place(Connection connection) {
    placing_.fetch_add(1); // sequentially consistent, as is the load in finish_hand_off(): no mode ends under this call
    struct Leave {
        std::atomic<int>& count;
        ~Leave() { count.fetch_sub(1); }
    } const leave{placing_};

    const std::uint32_t slot = connection.probe.slot_index();
    const ConnectionId id = connection.id();
    Registry::Way way = registry_.depart(connection);
    for (;;) {
        connection.budget = budget_at(way.target);
        connection.leaves = false;
        std::optional<Refusal> refusal = places_.mode(way.target).adopt(std::move(connection));
        if (!refusal) {
            if (registry_.arrive(slot, id, way.target, way.journey)) places_.mode(way.target).release(id);
            return true;
        }
        connection = std::move(refusal->connection);
        const std::uint8_t instead = registry_.refused(connection, way);
        if (instead == Registry::no_mode) {
            spdlog::warn("connection {} is closed: {}", id, refusal->error.text);
            const bool is_new = way.from == Registry::no_mode;
            registry_.remove(connection);
            if (!is_new) {
                probe_->add(Gauge::closed_by_error, 1);
                probe_->add(Gauge::connections_closed, 1);
            } else
                probe_->add(Gauge::connections_accepted, -1);
            return !is_new;
        }
        if (instead == way.from) {
            const std::lock_guard lock(refusal_mutex_);
            refusal_ = refusal->error.text;
        }
        way.target = instead;
    }
}

Budget Server::Impl::budget_at(std::uint8_t place) const {
    if (places_.info(place).slices != Slices::budget) return {};
    const ModeOptions& options = places_.options(place);
    const auto us =
        std::chrono::duration_cast<std::chrono::microseconds>(options.slice.value_or(std::chrono::nanoseconds(0)));
    return {.us = static_cast<std::uint32_t>(us.count()), .actions = options.actions};
}

void Server::Impl::closed(Connection connection, CloseReason reason) {
    const std::optional<CloseReason> cause = registry_.remove(connection);
    probe_->add(gauge_of(cause.value_or(reason)), 1);
    probe_->add(Gauge::connections_closed, 1);
    // The session wanted to end while its peer may be sending: the peer shall still get the last answer.
    if (reason == CloseReason::protocol && !cause) linger_.close(std::move(connection.socket));
}

void Server::Impl::released(Connection connection) {
    if (registry_.is_shut(connection)) return closed(std::move(connection), CloseReason::request);
    connection.probe.let_go();
    probe_->add(Gauge::hand_offs, 1);
    place(std::move(connection));
}

// --- hand-off

void Server::Impl::set_mode(std::string_view id, HandOffDone done) {
    const auto number = find_mode(id);
    if (!number) return done(no_such_mode(id));
    change(*number, options_.mode_options, std::move(done));
}

void Server::Impl::set_options(const ModeOptions& options, HandOffDone done) {
    options_.mode_options = options;
    const ModeInfo& mode = places_.info(here_);
    const ModeOptions& now = places_.options(here_);
    const bool matters = (mode.has_threads && options.threads != now.threads) ||
                         (mode.has_stack_size && options.stack_bytes != now.stack_bytes) ||
                         (mode.slices != Slices::none && options.slice != now.slice) ||
                         (mode.slices == Slices::budget && options.actions != now.actions);
    if (!matters) return done(HandOffReport{});
    change(places_.number(here_), options, std::move(done));
}

void Server::Impl::change(std::uint8_t number, const ModeOptions& options, HandOffDone done) {
    const bool is_here = places_.number(here_) == number && places_.options(here_) == options;
    if (!hand_off_ && is_here && registry_.counts()[here_].are == registry_.open() && registry_.astray() == 0)
        return done(HandOffReport{});
    const auto place = places_.make(number, options);
    if (!place) return done(place.error());
    const std::string target_id(modes()[number].id);
    const std::string overtaken = fmt::format("a later change to {} took the place of this one", target_id);
    if (hand_off_) std::exchange(hand_off_->done, {})(Error{std::make_error_code(std::errc::operation_canceled), overtaken});
    moves_.give_up(overtaken);
    {
        const std::lock_guard lock(refusal_mutex_);
        refusal_.clear();
    }
    hand_off_ = HandOff{.from = here_,
                        .from_id = std::string(places_.info(here_).id),
                        .target_id = target_id,
                        .begin = telemetry::ticks(),
                        .total = 0,
                        .done = std::move(done),
                        .refusal = {}};
    hand_off_->total = begin_hand_off(*place);
    watch_hand_off();
}

void Server::Impl::move_connection(ConnectionId id, std::string_view mode, MoveDone done) {
    const auto number = find_mode(mode);
    if (!number) return done(no_such_mode(mode));
    if (hand_off_)
        return done(
            Error{std::make_error_code(std::errc::device_or_resource_busy),
                  fmt::format("all connections are on their way to {}; one alone can be moved when they have arrived",
                              hand_off_->target_id)});
    const auto place = places_.make(*number, options_.mode_options);
    if (!place) return done(place.error());
    moves_.begin(id, *place, std::move(done));
}

// How many connections have to move.
std::uint64_t Server::Impl::begin_hand_off(std::uint8_t place) {
    probe_->set_mode(places_.number(place));
    here_ = place;
    const std::uint64_t total = registry_.send_all(place);
    gate_.shut();
    places_.release_all_but(place);
    return total;
}

void Server::Impl::watch_hand_off() {
    HandOff& hand_off = *hand_off_;
    const std::uint64_t astray = registry_.astray();
    probe_->set(Gauge::hand_offs_pending, astray);
    if (hand_off.refusal.empty()) take_back(hand_off);
    if (astray == 0 && registry_.astray() == 0 && placing_.load() == 0) return finish_hand_off();
    const Ticks now = telemetry::ticks();
    if (std::exchange(hand_off.astray, astray) != astray) {
        hand_off.since = now;
        hand_off.interval = std::chrono::milliseconds(1);
    }
    const auto unchanged = telemetry::process_clock().duration(now - hand_off.since);
    if (unchanged > std::chrono::milliseconds(5)) {
        places_.release_all_but(here_);
        hand_off.interval = std::min(hand_off.interval * 2, std::chrono::milliseconds(16));
    }
    if (unchanged > patience_with_the_last) gate_.open(); // they compute, maybe, and do not keep the others
    hand_off_timer_.expires_after(hand_off.interval);
    hand_off_timer_.async_wait([this](boost::system::error_code error) {
        if (!error && hand_off_) watch_hand_off();
    });
}

// When the new mode has refused a connection, all go back to the old one.
void Server::Impl::take_back(HandOff& hand_off) {
    {
        const std::lock_guard lock(refusal_mutex_);
        hand_off.refusal = std::exchange(refusal_, {});
    }
    if (hand_off.refusal.empty()) return;
    spdlog::warn("the mode {} cannot take all connections, they go back to {}: {}", hand_off.target_id, hand_off.from_id,
                 hand_off.refusal);
    begin_hand_off(hand_off.from);
}

void Server::Impl::finish_hand_off() {
    HandOff hand_off = std::move(*hand_off_);
    hand_off_.reset();
    places_.end_unused(registry_, here_);
    gate_.open();
    HandOffReport report{.moved = hand_off.total};
    if (report.moved > 0) report.duration = telemetry::process_clock().duration(telemetry::ticks() - hand_off.begin);
    ::malloc_trim(0); // what the old carriers held goes back to the system, so that memory shows the new mode's needs
    probe_->set(Gauge::hand_offs_pending, 0);
    probe_->set(Gauge::last_hand_off_count, report.moved);
    probe_->set(Gauge::last_hand_off_ns, static_cast<std::uint64_t>(report.duration.count()));
    if (!hand_off.done) return;
    if (!hand_off.refusal.empty())
        hand_off.done(Error{std::make_error_code(std::errc::resource_unavailable_try_again),
                            fmt::format("{} cannot take {} connections: {}; all are back in {}", hand_off.target_id,
                                        hand_off.total, hand_off.refusal, hand_off.from_id)});
    else
        hand_off.done(report);
}

// --- the end

void Server::Impl::drain(std::chrono::milliseconds deadline, std::function<void(std::uint64_t)> done) {
    draining_ = true;
    acceptor_->close();
    drain_end_ = std::chrono::steady_clock::now() + deadline;
    drain_done_ = [earlier = std::exchange(drain_done_, {}), done = std::move(done)](std::uint64_t left_open) {
        if (earlier) earlier(left_open);
        done(left_open);
    };
    registry_.shut_all(SHUT_RD, CloseReason::request); // what has been received is still answered
    watch_drain();
}

void Server::Impl::watch_drain() {
    const std::uint64_t open = registry_.open();
    const bool over = open == 0 && placing_.load() == 0;
    const auto now = std::chrono::steady_clock::now();
    if (over || now > drain_end_ + std::chrono::milliseconds(500)) {
        if (auto done = std::exchange(drain_done_, {})) done(open);
        return;
    }
    if (now > drain_end_) registry_.shut_all(SHUT_RDWR, CloseReason::request);
    drain_timer_.expires_after(std::chrono::milliseconds(5));
    drain_timer_.async_wait([this](boost::system::error_code error) {
        if (!error) watch_drain();
    });
}

void Server::Impl::shutdown() {
    if (std::exchange(shutting_down_, true)) {
        drain_end_ = std::chrono::steady_clock::now(); // asked twice: no more patience
        return;
    }
    drain(options_.drain_deadline, [this](std::uint64_t left_open) {
        left_behind_ = left_open > 0;
        if (left_open > 0) spdlog::warn("{} connections did not end within the deadline", left_open);
        control_.reset();
        context_.stop();
    });
}

void Server::Impl::set_limits(std::uint64_t connections, std::chrono::seconds idle_timeout,
                              std::chrono::seconds request_timeout) {
    options_.max_connections = std::min(connections, probe_->capacity());
    options_.idle_timeout = idle_timeout;
    options_.request_timeout = request_timeout;
    housekeeping_->set_timeouts({idle_timeout, request_timeout});
}

ServerStatus Server::Impl::status() {
    ServerStatus status;
    status.mode = places_.info(here_).id;
    status.protocol = sessions_.protocol().id;
    status.open = registry_.open();
    const Registry::Counts counts = registry_.counts();
    for (std::uint8_t place = 0; place < Places::most; ++place)
        if (places_.in_use(place) && counts[place].are > 0) status.open_by_mode[places_.number(place)] += counts[place].are;
    status.accepted = probe_->get(Gauge::connections_accepted);
    status.refused = probe_->get(Gauge::connections_refused);
    status.closed = probe_->get(Gauge::connections_closed);
    housekeeping_->run();
    status.threads = housekeeping_->threads();
    for (std::size_t kind = 1; kind < telemetry::carrier_kind_count; ++kind)
        status.carriers[kind] = probe_->get(static_cast<Gauge>(static_cast<std::size_t>(Gauge::carriers_thread) + kind - 1));
    status.hand_offs = probe_->get(Gauge::hand_offs);
    status.moving = registry_.astray();
    status.refused_by = refused_by_;
    status.max_connections = options_.max_connections;
    status.slots = probe_->capacity();
    status.idle_timeout = options_.idle_timeout;
    status.request_timeout = options_.request_timeout;
    status.open_files_limit = open_files_limit_;
    status.mode_options = options_.mode_options;
    status.draining = draining_;
    status.hogs = hogs_.hogs();
    return status;
}

// --- the face

Outcome<std::unique_ptr<Server>> Server::start(const ServerOptions& wanted) {
    std::ignore = spdlog::default_logger_raw(); // made before the threads that log
    ServerOptions options = wanted;
    const protocol::Protocol* protocol = protocol::find_protocol(options.protocol);
    if (protocol == nullptr) {
        std::string known;
        for (const auto& one : protocol::protocols()) known += fmt::format("{}{}", known.empty() ? "" : ", ", one.id);
        return Error{std::make_error_code(std::errc::invalid_argument),
                     fmt::format("there is no protocol '{}'; there are {}", options.protocol, known)};
    }
    const auto mode = find_mode(options.mode);
    if (!mode) return no_such_mode(options.mode);
    boost::system::error_code error;
    const auto address = asio::ip::make_address(options.host, error);
    if (error)
        return Error{std::make_error_code(std::errc::invalid_argument),
                     fmt::format("'{}' is not a numeric address such as 127.0.0.1 or ::1", options.host)};

    const std::uint64_t open_files = raise_open_files_limit();
    if (options.max_connections == 0) options.max_connections = std::min(open_files, most_connections);
    if (options.name.empty()) options.name = "serve-" + std::to_string(::getpid());
    if (options.control.empty()) {
        auto folder = telemetry::runtime_folder();
        if (!folder) return std::move(folder).error();
        options.control = telemetry::control_path(*folder, options.name);
    }
    std::vector<std::string> mode_names;
    for (const ModeInfo& one : modes()) mode_names.emplace_back(one.id);
    auto probe = telemetry::ProbeServer::create({.name = options.name,
                                                 .program = "connscope-serve",
                                                 .modes = std::move(mode_names),
                                                 .connections = options.max_connections});
    if (!probe) return std::move(probe).error();

    std::unique_ptr<Server> server(new Server(std::make_unique<Impl>(options, *protocol, open_files, std::move(*probe))));
    if (auto started = server->impl_->start(*server, {address, options.port}, *mode); !started)
        return std::move(started).error();
    return server;
}

Server::Server(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}
Server::~Server() = default;

asio::io_context& Server::context() noexcept { return impl_->context(); }
asio::ip::tcp::endpoint Server::endpoint() const { return impl_->endpoint(); }
const std::filesystem::path& Server::control_path() const noexcept { return impl_->options().control; }
const std::filesystem::path& Server::segment_path() const noexcept { return impl_->probe().path(); }
const std::string& Server::name() const noexcept { return impl_->options().name; }
bool Server::run() { return impl_->run(); }
void Server::set_mode(std::string_view id, HandOffDone done) { impl_->set_mode(id, std::move(done)); }
void Server::set_options(const ModeOptions& options, HandOffDone done) { impl_->set_options(options, std::move(done)); }
void Server::move_connection(ConnectionId id, std::string_view mode, MoveDone done) {
    impl_->move_connection(id, mode, std::move(done));
}
void Server::drain(std::chrono::milliseconds deadline, std::function<void(std::uint64_t)> done) {
    impl_->drain(deadline, std::move(done));
}
void Server::set_limits(std::uint64_t connections, std::chrono::seconds idle_timeout, std::chrono::seconds request_timeout) {
    impl_->set_limits(connections, idle_timeout, request_timeout);
}
void Server::shutdown() { impl_->shutdown(); }
bool Server::close_connection(ConnectionId id) { return impl_->close_connection(id); }
std::vector<Hog> Server::hogs() const { return impl_->hogs().hogs(); }
bool Server::excuse_hog(ConnectionId id) { return impl_->hogs().excuse(id); }
ServerStatus Server::status() { return impl_->status(); }
protocol::TalkRoom* Server::room() noexcept { return impl_->sessions().room(); }

} // namespace connscope::server
