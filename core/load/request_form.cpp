// SPDX-License-Identifier: BSL-1.0
#include "connscope/load/request_form.hpp"

#include "connscope/protocol/talk_lines.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <string_view>

namespace connscope::load {
namespace {

// N of "/bytes?n=N", the resource that answers with N bytes.
std::optional<std::uint64_t> bytes_asked_for(std::string_view path) {
    constexpr std::string_view resource = "/bytes?n=";
    if (!path.starts_with(resource)) return std::nullopt;
    path.remove_prefix(resource.size());
    std::uint64_t bytes = 0;
    const auto [end, error] = std::from_chars(path.data(), path.data() + path.size(), bytes);
    if (error != std::errc{} || end != path.data() + path.size()) return std::nullopt;
    return bytes;
}

// What speakers say, over and over, each population beginning elsewhere.
constexpr std::array<std::string_view, 40> speech{
    "when",  "many",    "want",    "to",        "speak",  "somebody", "has",      "to",     "decide", "whose",
    "turn",  "it",      "is",      "a",         "polite", "speaker",  "hands",    "over",   "after",  "each",
    "word",  "another", "one",     "goes",      "on",     "and",      "everyone", "waits",  "unless", "a",
    "clock", "cuts",    "between", "syllables", "which",  "costs",    "a",        "little", "every",  "time"};

std::string line_of(const Population& population) {
    std::size_t at = 0;
    for (const char letter : population.name) at = (at * 31 + static_cast<unsigned char>(letter)) % speech.size();
    std::string line;
    for (std::uint32_t i = 0; i < population.words; ++i) {
        if (i > 0) line += ' ';
        line += speech[(at + i) % speech.size()];
    }
    return line;
}

RequestForm talk_form(const Population& population) {
    RequestForm form;
    form.protocol = Protocol::talk;
    form.check = Check::said;
    form.said = line_of(population) + "\n";
    form.expected_length = form.said.size();
    const std::string name = population.name.substr(0, protocol::TalkLimits::name_bytes);
    form.head = fmt::format("/{}yield={} turn_us={}: {}", name.empty() ? "" : "name=" + name + " ", population.yield_words,
                            population.turn.count(), form.said);
    return form;
}

} // namespace

RequestForm form_of(const Population& population, Protocol protocol, const std::string& host) {
    if (protocol == Protocol::talk) return talk_form(population);
    RequestForm form;
    form.protocol = protocol;
    form.payload = population.payload;
    form.expected_length = population.payload;
    if (protocol == Protocol::echo) return form;

    if (population.payload > 0) {
        form.head = fmt::format(
            "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\n\r\n",
            population.path, host, population.payload);
        form.check = population.path == "/echo" ? Check::echoed : Check::nothing;
        return form;
    }
    form.head = fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\n\r\n", population.path, host);
    form.check = Check::nothing;
    if (const auto length = bytes_asked_for(population.path)) {
        form.check = Check::bytes;
        form.expected_length = *length;
    }
    return form;
}

} // namespace connscope::load
