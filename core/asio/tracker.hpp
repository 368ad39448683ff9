// SPDX-License-Identifier: BSL-1.0
#pragma once

// What Boost.Asio's tracking macros call; see tracking.hpp. Threads: any.

#include <cstddef>
#include <cstdint>

namespace connscope::asio {

// Which connection a handler belongs to. Part of each of Asio's operations.
class TrackedHandler {
public:
    int descriptor = -1;          // -1: of no connection
    std::uint32_t generation = 0; // tells a descriptor from its reuse
    std::uint8_t waits_for = 0;   // 0: its turn, 1: bytes, 2: room, 3: a time

protected:
    TrackedHandler() = default;
    ~TrackedHandler() = default; // never deleted through this type
};

// A place in the source that started the operations created while it lives.
class Location {
public:
    Location(const char* file, int line, const char* function) noexcept;
    Location(const Location&) = delete;
    Location& operator=(const Location&) = delete;
    ~Location();

private:
    bool outer_;
};

// An operation for `handler` begins. `object` is what kind of thing it is started on, `name` which operation.
void created(TrackedHandler& handler, const char* object, std::uintmax_t descriptor, const char* name) noexcept;
template <typename Context>
void created(Context&, TrackedHandler& handler, const char* object, void*, std::uintmax_t descriptor,
             const char* name) noexcept {
    created(handler, object, descriptor, name);
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
void performed(const TrackedHandler& handler, const char* name, std::size_t bytes) noexcept;
template <typename Error>
void performed(const TrackedHandler&, const char*, const Error&) noexcept {}
template <typename Error>
void performed(const TrackedHandler& handler, const char* name, const Error&, std::size_t bytes) noexcept {
    performed(handler, name, bytes);
}

} // namespace connscope::asio
