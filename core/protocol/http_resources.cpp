// SPDX-License-Identifier: BSL-1.0
#include "connscope/protocol/http_resources.hpp"

#include <charconv>
#include <optional>

namespace connscope::protocol {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::uint64_t longest_work_us = 60'000'000;
constexpr std::uint64_t longest_pause_ms = 60'000;
constexpr std::uint64_t most_bytes = std::uint64_t{1} << 40;

constexpr std::string_view work_done = "The work is done.\n";
constexpr std::string_view pause_over = "The pause is over.\n";
constexpr std::string_view wrong_us = "us must be a whole number from 0 to 60000000 (microseconds).\n";
constexpr std::string_view wrong_yield_every = "yield_every must be a whole number from 1 to 60000000 (microseconds).\n";
constexpr std::string_view wrong_ms = "ms must be a whole number from 0 to 60000 (milliseconds).\n";
constexpr std::string_view wrong_n = "n must be a whole number from 0 to 1099511627776 (bytes).\n";

HttpPlan refusal(HttpStatus status, std::string_view text) { return {.status = status, .text = text}; }
HttpPlan refusal(HttpStatus status) { return refusal(status, HttpAnswers::explanation(status)); }

// The path and query of an absolute-form target (http://host/path?query); any other target as it is.
std::string_view origin_form(std::string_view target) {
    if (target.starts_with('/')) return target;
    const auto scheme_end = target.find("://");
    if (scheme_end == std::string_view::npos) return target;
    const auto path = target.find_first_of("/?", scheme_end + 3);
    return path == std::string_view::npos ? "/" : target.substr(path);
}

// The value of the first parameter called `name`; nothing if there is none.
std::optional<std::string_view> parameter(std::string_view query, std::string_view name) {
    while (!query.empty()) {
        const auto end = query.find('&');
        const auto pair = query.substr(0, end);
        if (pair.starts_with(name) && pair.substr(name.size()).starts_with('=')) return pair.substr(name.size() + 1);
        if (end == std::string_view::npos) break;
        query.remove_prefix(end + 1);
    }
    return std::nullopt;
}

// A whole decimal number between the two bounds; nothing if it is anything else.
std::optional<std::uint64_t> number(std::optional<std::string_view> text, std::uint64_t smallest, std::uint64_t largest) {
    if (!text) return std::nullopt;
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc{} || end != text->data() + text->size()) return std::nullopt;
    if (value < smallest || value > largest) return std::nullopt;
    return value;
}

HttpPlan work(std::string_view query) {
    const auto us = number(parameter(query, "us"), 0, longest_work_us);
    if (!us) return refusal(HttpStatus::malformed, wrong_us);
    HttpPlan plan{.kind = HttpPlan::Kind::work, .time = microseconds(*us), .text = work_done};
    if (const auto text = parameter(query, "yield_every")) {
        const auto yield_every = number(text, 1, longest_work_us);
        if (!yield_every) return refusal(HttpStatus::malformed, wrong_yield_every);
        plan.yield_every = microseconds(*yield_every);
    }
    return plan;
}

HttpPlan pause(std::string_view query) {
    const auto ms = number(parameter(query, "ms"), 0, longest_pause_ms);
    if (!ms) return refusal(HttpStatus::malformed, wrong_ms);
    return {.kind = HttpPlan::Kind::pause, .time = milliseconds(*ms), .text = pause_over};
}

HttpPlan bytes(std::string_view query) {
    const auto n = number(parameter(query, "n"), 0, most_bytes);
    if (!n) return refusal(HttpStatus::malformed, wrong_n);
    return {.kind = HttpPlan::Kind::bytes, .length = *n};
}

} // namespace

std::optional<std::string_view> http_plan_text(std::string_view text) {
    for (const std::string_view one :
         {std::string_view{}, work_done, pause_over, wrong_us, wrong_yield_every, wrong_ms, wrong_n})
        if (one == text) return one;
    for (std::uint8_t status = 0; status < static_cast<std::uint8_t>(HttpStatus::count_); ++status)
        if (const auto one = HttpAnswers::explanation(static_cast<HttpStatus>(status)); one == text) return one;
    return std::nullopt;
}

HttpPlan http_plan(HttpMethod method, std::string_view target) {
    target = origin_form(target);
    const auto path = target.substr(0, target.find('?'));
    const auto query = path.size() < target.size() ? target.substr(path.size() + 1) : std::string_view{};

    if (path == "/echo") {
        if (method != HttpMethod::post) return refusal(HttpStatus::only_post);
        return {.kind = HttpPlan::Kind::echo};
    }
    const bool reads = method == HttpMethod::get || method == HttpMethod::head;
    if (path == "/" || path.empty())
        return reads ? HttpPlan{.kind = HttpPlan::Kind::greeting} : refusal(HttpStatus::only_get);
    if (path == "/work") return reads ? work(query) : refusal(HttpStatus::only_get);
    if (path == "/pause") return reads ? pause(query) : refusal(HttpStatus::only_get);
    if (path == "/bytes") return reads ? bytes(query) : refusal(HttpStatus::only_get);
    return refusal(HttpStatus::not_found);
}

} // namespace connscope::protocol
