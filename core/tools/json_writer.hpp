// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "watch_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace connscope::watch {

// Writes JSON straight into a text: for ten thousand connections a second a tree of values costs ten times as much.
class Writer {
public:
    explicit Writer(std::string& into)
        : into_(into) {}

    void begin(char bracket) {
        separate();
        into_ += bracket;
    }
    void end(char bracket) { into_ += bracket; }
    Writer& key(std::string_view name) {
        separate();
        into_ += '"';
        into_ += name;
        into_ += "\":";
        return *this;
    }

    void value(std::string_view text) {
        separate();
        into_ += '"';
        const auto is_plain = [](char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; };
        if (std::ranges::all_of(text, is_plain)) {
            into_ += text;
        } else {
            for (const char c : printable(text)) {
                if (c == '"' || c == '\\') into_ += '\\';
                into_ += c;
            }
        }
        into_ += '"';
    }
    void value(const char* text) { value(std::string_view(text)); }
    void value(const std::string& text) { value(std::string_view(text)); }
    void value(std::uint64_t number) {
        separate();
        const fmt::format_int digits(number);
        into_.append(digits.data(), digits.size());
    }
    void value(std::uint32_t number) { value(std::uint64_t{number}); }
    void value(bool truth) {
        separate();
        into_ += truth ? "true" : "false";
    }
    // Three decimals at most, more is noise, and no exponent: line tools read it too.
    void value(double number) {
        if (!std::isfinite(number)) return value(std::nullopt);
        if (number < 0) {
            separate();
            into_ += '-';
            number = -number;
        }
        if (number > 1e15) return value(static_cast<std::uint64_t>(std::min(number, 1e19)));
        thousandths(static_cast<std::uint64_t>(std::llround(number * 1000)));
    }
    void value(std::chrono::nanoseconds time) { // in microseconds
        thousandths(static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0)));
    }
    void value(std::nullopt_t) {
        separate();
        into_ += "null";
    }
    template <class T>
    void value(const std::optional<T>& maybe) {
        if (maybe)
            value(*maybe);
        else
            value(std::nullopt);
    }
    template <class T>
    Writer& member(std::string_view name, const T& content) {
        key(name).value(content);
        return *this;
    }

private:
    // A comma where one value follows another.
    void separate() {
        if (into_.empty()) return;
        const char last = into_.back();
        if (last != '{' && last != '[' && last != ':' && last != '-') into_ += ',';
    }
    void thousandths(std::uint64_t number) {
        value(number / 1000);
        if (const std::uint64_t rest = number % 1000; rest != 0) {
            const char digits[] = {'.', static_cast<char>('0' + rest / 100), static_cast<char>('0' + rest / 10 % 10),
                                   static_cast<char>('0' + rest % 10)};
            into_.append(digits, sizeof digits);
            while (into_.back() == '0') into_.pop_back();
        }
    }

    std::string& into_;
};

} // namespace connscope::watch
