// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace connscope::protocol {

// What a session writes its state to. It is read by the same program, so values are written as they lie in memory.
class StateWriter {
public:
    template <class T>
    requires std::is_arithmetic_v<T> || std::is_enum_v<T>
    void put(T value) { bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value)); }
    void put(std::string_view bytes) {
        put(static_cast<std::uint64_t>(bytes.size()));
        bytes_.append(bytes);
    }

    const std::string& bytes() const noexcept { return bytes_; }

private:
    std::string bytes_;
};

// What a session reads its state from. Once something is not there, nothing more is: what is taken then is zero or empty,
// and complete() is false.
class StateReader {
public:
    explicit StateReader(std::string_view bytes) noexcept
        : rest_(bytes) {}

    template <class T>
    requires std::is_arithmetic_v<T> || std::is_enum_v<T> T take()
    noexcept {
        if constexpr (std::is_same_v<T, bool>) return take<std::uint8_t>() != 0;
        T value{};
        const std::string_view bytes = take_bytes(sizeof(T));
        if (!bytes.empty()) std::memcpy(&value, bytes.data(), sizeof(T));
        return value;
    }
    template <class T>
    void take(T& into) noexcept {
        into = take<T>();
    }
    // Views into what is read from.
    std::string_view take_text() noexcept { return take_bytes(take<std::uint64_t>()); }

    // Whether all was there, and nothing is left.
    bool complete() const noexcept { return !failed_ && rest_.empty(); }

private:
    std::string_view take_bytes(std::uint64_t count) noexcept {
        if (failed_ || count > rest_.size()) {
            failed_ = true;
            return {};
        }
        const std::string_view bytes = rest_.substr(0, count);
        rest_.remove_prefix(count);
        return bytes;
    }

    std::string_view rest_;
    bool failed_ = false;
};

} // namespace connscope::protocol
