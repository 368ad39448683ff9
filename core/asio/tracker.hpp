// SPDX-License-Identifier: BSL-1.0
#pragma once

// What Boost.Asio's tracking macros call; see tracking.hpp. Threads: any.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace connscope::asio {

// Which connection a handler belongs to. Part of each of Asio's operations.
class TrackedHandler {
public:
    int descriptor = -1;             // -1: of no connection
    std::uint32_t generation = 0;    // tells a descriptor from its reuse
    std::uint8_t waits_for = 0;      // 0: its turn, 1: bytes, 2: room, 3: a time
    mutable std::uint32_t bytes = 0; // that its system call has moved; told when it completes

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
    return type.find("awaitable_") != std::string_view::npos ? Idiom::awaitable : Idiom::callback;
}

// An operation for `handler` begins. `object` is what kind of thing it is started on, `name` which operation; both are
// literals.
void created(TrackedHandler& handler, Idiom idiom, const char* object, std::uintmax_t descriptor, const char* name) noexcept;
template <typename Context, typename Operation>
void created(Context&, Operation& operation, const char* object, void*, std::uintmax_t descriptor,
             const char* name) noexcept {
    created(operation, idiom_of<Operation>(), object, descriptor, name);
}

// A handler that is about to run; the time between begin() and end() is a slice of its connection.
class Completion {
public:
    explicit Completion(const TrackedHandler& handler) noexcept;
    Completion(const Completion&) = delete;
    Completion& operator=(const Completion&) = delete;
    ~Completion();
    template <typename... Results>
    void begin(const Results&...) noexcept {
        start();
    }
    void end() noexcept;

private:
    void start() noexcept;
    int descriptor_;
    std::uint32_t generation_;
    std::uint8_t waits_for_;
    std::uint32_t bytes_;
    bool pending_ = true;
    bool running_ = false;
};

void operation(std::uintmax_t descriptor, const char* name) noexcept;
template <typename Context>
void operation(Context&, const char*, void*, std::uintmax_t descriptor, const char* name) noexcept {
    operation(descriptor, name);
}

void registered(std::uintmax_t descriptor, std::uintmax_t registration) noexcept;
template <typename Context>
void registered(Context&, std::uintmax_t descriptor, std::uintmax_t registration) noexcept {
    registered(descriptor, registration);
}
template <typename Context>
void deregistered(Context&, std::uintmax_t, std::uintmax_t) noexcept {}

// The kernel has reported events of a descriptor.
void ready(std::uintmax_t registration) noexcept;
template <typename Context>
void ready(Context&, std::uintmax_t registration, unsigned) noexcept {
    ready(registration);
}

// A system call was made for a handler.
template <typename Error>
void performed(const TrackedHandler&, const char*, const Error&) noexcept {}
template <typename Error>
void performed(const TrackedHandler& handler, const char*, const Error&, std::size_t bytes) noexcept {
    handler.bytes = static_cast<std::uint32_t>(bytes);
}

} // namespace connscope::asio
