// SPDX-License-Identifier: BSL-1.0
#pragma once

// What Asio's tracking macros call; see tracking.hpp. Threads: any.

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace connscope::asio {

// What an operation waits for: that a thread takes it, its peer, or else a time or something that is not its socket.
enum class Wait : std::uint8_t { turn, bytes, room, time };

// Which connection a handler belongs to. Part of each of Asio's operations.
class TrackedHandler {
public:
    int descriptor = -1;             // -1: of no connection
    std::uint32_t generation = 0;    // tells a descriptor from its reuse
    mutable std::uint32_t bytes = 0; // that its system call has moved; told when it completes
    Wait waits_for = Wait::turn;
    mutable bool done = false; // as soon as it was begun: what it waits for is its turn

protected:
    TrackedHandler() = default;
    ~TrackedHandler() = default; // never deleted through this type
};

// What goes on when a handler runs, by what Asio calls it: the handler's type is part of its operation's, whatever composed
// operations are around it.
enum class Idiom : std::uint8_t { callback, awaitable, spawned };
template <typename Operation>
consteval Idiom idiom_of() {
    const std::string_view type = __PRETTY_FUNCTION__;
    if (type.find("spawn_handler") != std::string_view::npos) return Idiom::spawned;
    if (type.find("coro_handler") != std::string_view::npos) return Idiom::spawned; // Asio before 1.24
    return type.find("awaitable_") != std::string_view::npos ? Idiom::awaitable : Idiom::callback;
}

// What the literals of an operation say of it. Compared where they are, so that the compiler does it.
struct Subject {
    bool is_nobodys = false; // an acceptor's, a signal set's
    bool is_socket = false;
    Wait waits_for = Wait::turn;
};
[[gnu::always_inline]] inline Subject subject_of(std::string_view object, std::string_view name) noexcept {
    if (object == "signal_set") return {true, false, Wait::time};
    if (object == "socket") {
        const bool needs_room = name.starts_with("async_send") || name == "async_connect";
        return {name == "async_accept", true, needs_room ? Wait::room : Wait::bytes};
    }
    const bool is_work = name == "post" || name == "dispatch" || name == "defer" || name.ends_with("execute");
    return {false, false, is_work ? Wait::turn : Wait::time};
}

// An operation for `handler` begins. `object` is what kind of thing it is started on, `name` which operation; both are
// literals.
void created(TrackedHandler& handler, Idiom idiom, Subject subject, std::uintmax_t descriptor) noexcept;
template <typename Context, typename Operation>
[[gnu::always_inline]] inline void created(Context&, Operation& operation, const char* object, void*,
                                           std::uintmax_t descriptor, const char* name) noexcept {
    const Subject subject = subject_of(object, name);
    if (!subject.is_nobodys) created(operation, idiom_of<Operation>(), subject, descriptor);
}

// A handler that is about to run; the time between begin() and end() is a slice of its connection.
class Completion {
public:
    explicit Completion(const TrackedHandler& handler) noexcept
        : descriptor_(handler.descriptor)
        , generation_(handler.generation)
        , bytes_(handler.bytes)
        , waits_for_(handler.waits_for)
        , done_(handler.done)
        , pending_(handler.descriptor >= 0) {}
    Completion(const Completion&) = delete;
    Completion& operator=(const Completion&) = delete;
    ~Completion() {
        if (running_) stop(); // a handler that threw
        if (pending_) forget();
    }
    template <typename... Results>
    void begin(const Results&...) noexcept {
        if (pending_) start();
    }
    void end() noexcept {
        if (running_) stop();
    }

private:
    void start() noexcept;
    void stop() noexcept;
    void forget() noexcept; // destroyed without having run
    int descriptor_;
    std::uint32_t generation_;
    std::uint32_t bytes_;
    std::uint16_t slice_ = 0;
    Wait waits_for_;
    bool done_;
    bool pending_;
    bool running_ = false;
};

void operation(std::uintmax_t descriptor, const char* name) noexcept;
template <typename Context>
void operation(Context&, const char*, void*, std::uintmax_t descriptor, const char* name) noexcept {
    operation(descriptor, name);
}

void registered(std::uintmax_t descriptor) noexcept;
template <typename Context>
void registered(Context&, std::uintmax_t descriptor, std::uintmax_t) noexcept {
    registered(descriptor);
}
template <typename Context>
void deregistered(Context&, std::uintmax_t, std::uintmax_t) noexcept {}

// The kernel has reported events of a descriptor, the `place`th of those that it reported at once.
void ready(int descriptor, int place) noexcept;

// A system call was made for a handler. The first one is tried when its operation begins, and may be all that it needs.
extern constinit thread_local const TrackedHandler* newest; // created by this thread, and not tried yet
void done_at_once(const TrackedHandler& handler) noexcept;
template <typename Error>
void performed(const TrackedHandler& handler, const char*, const Error& error, std::size_t bytes = 0) noexcept {
    handler.bytes = static_cast<std::uint32_t>(bytes);
    if (newest != &handler) return;
    newest = nullptr;
    if (bytes > 0 || (error && error.value() != EAGAIN)) done_at_once(handler);
}

} // namespace connscope::asio
