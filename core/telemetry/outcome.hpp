// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>
#include <system_error>
#include <utility>
#include <variant>

namespace connscope::telemetry {

// An expected failure: a code for programs and a sentence for people that names the value at fault and what can be done.
struct Error {
    std::error_code code;
    std::string text;
};

// Either a value or the Error that stood in its way. Values and errors are moved in and out, never thrown.
template <class T>
class [[nodiscard]] Outcome {
public:
    Outcome(T value)
        : held_(std::in_place_index<0>, std::move(value)) {}
    Outcome(Error error)
        : held_(std::in_place_index<1>, std::move(error)) {}

    explicit operator bool() const noexcept { return held_.index() == 0; }

    // Precondition of value access: *this is true.
    T& operator*() & { return std::get<0>(held_); }
    const T& operator*() const& { return std::get<0>(held_); }
    T&& operator*() && { return std::get<0>(std::move(held_)); }
    T* operator->() { return &std::get<0>(held_); }
    const T* operator->() const { return &std::get<0>(held_); }

    // Precondition: *this is false.
    const Error& error() const& { return std::get<1>(held_); }
    Error&& error() && { return std::get<1>(std::move(held_)); }

private:
    std::variant<T, Error> held_;
};

// The outcome of something that gives nothing back but may fail.
using Status = Outcome<std::monostate>;
inline Status success() { return Status(std::monostate{}); }

// An Error from `errno_value`, its text "what: strerror".
Error system_error(int errno_value, const std::string& what);

} // namespace connscope::telemetry
