// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace connscope::lab {

// What an experiment measures of a cell: the words and the meaning of each figure. The values are in result.hpp.
enum class Better { less, more, neither };
enum class Unit { bytes, count, per_second, per_request, microseconds, milliseconds, ratio };
enum class Topic { memory, work, switches, latency, hog, life };

struct FigureInfo {
    std::string_view id;    // stable: programs read it
    std::string_view title; // "Memory per connection"
    Unit unit;
    Better better;
    Topic topic;
    std::string_view source; // a sentence: how it is measured and with what
    // What differs by less than this says nothing, however steady the rounds were: in the figure's unit.
    double least = 0;
};

// All figures, in the order in which they are shown.
std::span<const FigureInfo> figures() noexcept;
// The figure of that id; nullptr when there is none.
const FigureInfo* find_figure(std::string_view id) noexcept;

std::string_view symbol_of(Unit unit) noexcept;   // for programs: "B", "us", "1/s"
std::string_view title_of(Topic topic) noexcept;  // "Memory", "Switches"
std::string_view name_of(Better better) noexcept; // "less", "more", "neither"

// A value as a person reads it, three digits at most: "1.2 KiB", "36 KiB", "300 ms", "52,000/s". The unit is chosen by size.
std::string text_of(double value, Unit unit);
// The same of a value that stands in for a missing one: "–".
std::string text_of(const std::optional<double>& value, Unit unit);
// "30×", "1.3×"; of how many times `more` is `less`.
// "4,000": a number without a unit, three digits at most.
std::string digits_text(double value);
// "10,240": all digits.
std::string count_text(std::uint64_t value);
std::string times_text(double ratio);

// Values of several rounds.
struct Spread {
    double median = 0;
    double min = 0;
    double max = 0;
};
// None of no values. The median of an even number lies between the two in the middle.
std::optional<Spread> spread_of(std::vector<double> values);

} // namespace connscope::lab
