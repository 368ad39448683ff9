// SPDX-License-Identifier: BSL-1.0
#include "watch_table.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace connscope::watch {
namespace {

// How many bytes the UTF-8 character at the start of `text` has; 0 when it is none, or a control character.
std::size_t character_bytes(std::string_view text) noexcept {
    const auto lead = static_cast<unsigned char>(text.front());
    if (lead < 0x20 || lead == 0x7f) return 0;
    if (lead < 0x80) return 1;
    const std::size_t bytes = lead >= 0xc2 && lead < 0xe0   ? 2
                              : lead >= 0xe0 && lead < 0xf0 ? 3
                              : lead >= 0xf0 && lead < 0xf5 ? 4
                                                            : 0;
    if (bytes == 0 || text.size() < bytes) return 0;
    for (std::size_t i = 1; i < bytes; ++i)
        if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return 0;
    if (lead == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0) return 0; // C1 controls
    return bytes;
}

// "123456" with a comma before every third digit from the right.
std::string grouped(std::string digits) {
    for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
    return digits;
}

std::string connections_line(const Snapshot& snapshot) {
    const auto& c = snapshot.connections;
    std::string line = fmt::format("connections {}", number_text(c.open));
    if (c.running)
        line += fmt::format("   running {}   ready {}   waiting to read {}   to write {}   paused {}",
                            number_text(c.running), number_text(c.ready), number_text(c.waiting_read),
                            number_text(c.waiting_write), number_text(c.paused));
    if (c.outgoing.value_or(0) > 0) line += fmt::format("   and {} outgoing, not counted", number_text(c.outgoing));
    line += fmt::format("   threads {}", number_text(snapshot.threads));
    for (std::size_t kind = 1; kind < telemetry::carrier_kind_count; ++kind)
        if (snapshot.carriers[kind].value_or(0) > 0)
            line += fmt::format("   carriers: {} {}", telemetry::name_of(static_cast<telemetry::CarrierKind>(kind)),
                                number_text(snapshot.carriers[kind]));
    if (snapshot.modes.size() > 1)
        for (const Snapshot::ModeCount& each : snapshot.modes)
            line += fmt::format("   in {} {}", printable(each.mode), number_text(each.open));
    return line;
}

} // namespace

std::string number_text(std::optional<std::uint64_t> value) { return value ? grouped(std::to_string(*value)) : "-"; }

std::string rate_text(std::optional<double> value) {
    if (!value) return "-";
    if (*value > 0 && *value < 9.95) return fmt::format("{:.1f}", *value);
    return grouped(fmt::format("{:.0f}", *value));
}

std::string bytes_text(std::optional<std::uint64_t> value) {
    if (!value) return "-";
    if (*value < 1024) return fmt::format("{} B", *value);
    constexpr std::array<std::string_view, 4> units{"KiB", "MiB", "GiB", "TiB"};
    auto scaled = static_cast<double>(*value) / 1024;
    std::size_t unit = 0;
    while (scaled >= 999.5 && unit + 1 < units.size()) {
        scaled /= 1024;
        ++unit;
    }
    return fmt::format("{:.{}f} {}", scaled, scaled < 9.95 ? 1 : 0, units[unit]);
}

std::string share_text(std::optional<double> value) { return value ? fmt::format("{:.1f} %", *value * 100) : "-"; }

std::string duration_text(std::chrono::nanoseconds time) {
    const auto ns = static_cast<double>(time.count());
    const auto scaled = [](double value, std::string_view unit) {
        return fmt::format("{:.{}f} {}", value, value < 9.95 ? 1 : 0, unit);
    };
    if (ns < 1000) return fmt::format("{} ns", time.count());
    if (ns < 999.5e3) return scaled(ns / 1e3, "µs");
    if (ns < 999.5e6) return scaled(ns / 1e6, "ms");
    if (ns < 120e9) return scaled(ns / 1e9, "s");
    return fmt::format("{:.0f} min", ns / 60e9);
}

std::string printable(std::string_view text) {
    std::string shown;
    while (!text.empty()) {
        const std::size_t bytes = character_bytes(text);
        if (bytes == 0)
            shown += '?';
        else
            shown += text.substr(0, bytes);
        text.remove_prefix(std::max<std::size_t>(bytes, 1));
    }
    return shown;
}

std::size_t width_of(std::string_view text) noexcept {
    return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & '\xc0') != '\x80'; }));
}

std::string fit(std::string_view text, std::size_t width, bool right) {
    const std::size_t wide = width_of(text);
    if (wide <= width) {
        const std::string blanks(width - wide, ' ');
        return right ? blanks + std::string(text) : std::string(text) + blanks;
    }
    std::size_t at = 0, characters = 0;
    while (at < text.size() && (characters < width || (text[at] & '\xc0') == '\x80'))
        if ((text[at++] & '\xc0') != '\x80') ++characters;
    return std::string(text.substr(0, at));
}

std::vector<std::string> wrapped(std::string_view line, std::size_t width) {
    constexpr std::string_view gap = "   ";
    std::vector<std::string> lines;
    std::string current;
    while (!line.empty()) {
        const std::size_t end = std::min(line.find(gap), line.size());
        const std::string_view figure = line.substr(0, end);
        line.remove_prefix(std::min(end + gap.size(), line.size()));
        if (!current.empty() && width_of(current) + gap.size() + width_of(figure) > width)
            lines.push_back(std::exchange(current, std::string("  ")));
        else if (!current.empty())
            current += gap;
        current += figure;
    }
    lines.push_back(std::move(current));
    return lines;
}

std::vector<std::string> summary_lines(const Snapshot& snapshot) {
    const auto& memory = snapshot.memory_bytes;
    const auto& switches = snapshot.switches_per_s;
    std::string title = fmt::format("{} (pid {})", printable(snapshot.name), snapshot.pid);
    if (snapshot.mode) title += "   mode " + printable(*snapshot.mode);
    if (!snapshot.title.empty()) title += "   " + printable(snapshot.title);
    title += fmt::format("   {:%H:%M:%S}", fmt::localtime(std::chrono::system_clock::to_time_t(snapshot.time)));
    if (snapshot.ended) title += "   ENDED: this is how it was";
    std::vector<std::string> lines{std::move(title), connections_line(snapshot)};
    lines.push_back(fmt::format("requests {}/s   CPU user {}   system {}", rate_text(snapshot.requests_per_s),
                                share_text(snapshot.cpu.user), share_text(snapshot.cpu.system)));
    lines.push_back(fmt::format("switches voluntary {}/s   involuntary {}/s   in user space {}/s",
                                rate_text(switches.voluntary), rate_text(switches.involuntary),
                                rate_text(switches.user_space)));
    lines.push_back(fmt::format("memory resident {}   stacks {}   frames {}   heap {}   kernel stacks {}   page tables {}   "
                                "socket buffers {}   per connection {}",
                                bytes_text(memory.resident), bytes_text(memory.stacks), bytes_text(memory.frames),
                                bytes_text(memory.heap), bytes_text(memory.kernel_stacks), bytes_text(memory.page_tables),
                                bytes_text(memory.sockets), bytes_text(memory.per_connection)));
    for (const std::string& note : snapshot.notes) lines.push_back("note: " + printable(note));
    return lines;
}

} // namespace connscope::watch
