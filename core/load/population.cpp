// SPDX-License-Identifier: BSL-1.0
#include "connscope/load/population.hpp"

#include "connscope/protocol/talk_lines.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

namespace connscope::load {
namespace {

using telemetry::Error;
using telemetry::Outcome;
using Options = std::vector<std::pair<std::string, std::string>>;

struct KindName {
    PopulationKind kind;
    std::string_view name;
};
constexpr std::array kinds{
    KindName{PopulationKind::active, "active"},
    KindName{PopulationKind::idle, "idle"},
    KindName{PopulationKind::slow_reader, "slow-reader"},
    KindName{PopulationKind::slow_sender, "slow-sender"},
    KindName{PopulationKind::churn, "churn"},
    KindName{PopulationKind::hog, "hog"},
    KindName{PopulationKind::speaker, "speaker"},
};
struct ProtocolName {
    Protocol protocol;
    std::string_view name;
};
constexpr std::array protocol_names{
    ProtocolName{Protocol::echo, "echo"},
    ProtocolName{Protocol::http, "http"},
    ProtocolName{Protocol::talk, "talk"},
};
constexpr std::string_view all_options =
    "name rate arrivals payload path us ms think_us interval_ms piece pipeline requests words yield turn_us protocol";

Error wrong(std::string text) { return {std::make_error_code(std::errc::invalid_argument), std::move(text)}; }

// Reads a whole number within [lowest, highest]; everything else is an error that names the option.
template <class Number>
Outcome<Number> number(std::string_view option, std::string_view text, Number lowest, Number highest) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = end == text.data() + text.size() && !text.empty();
    if (error == std::errc::invalid_argument || (error == std::errc{} && !whole))
        return wrong(fmt::format("{}={}: not a number", option, text));
    if (error != std::errc{} || !(value >= lowest && value <= highest))
        return wrong(fmt::format("{}={} is outside {} to {}", option, text, lowest, highest));
    return value;
}

class Reader {
public:
    Reader(std::string shown, const PopulationDefaults& defaults)
        : shown_(std::move(shown))
        , defaults_(defaults) {}

    Outcome<Population> read(std::string_view kind, std::string_view count, const Options& options) {
        const auto* known =
            std::find_if(kinds.begin(), kinds.end(), [kind](const KindName& each) { return each.name == kind; });
        if (known == kinds.end())
            return fail(fmt::format("there is no kind of population called '{}'; there are active, idle, slow-reader, "
                                    "slow-sender, churn, hog and speaker",
                                    kind));
        population_.kind = known->kind;
        auto connections = number<std::int64_t>("connections", count, 0, max_connections);
        if (!connections) return fail(connections.error().text);
        population_.connections = static_cast<std::uint32_t>(*connections);
        for (const auto& [option, value] : options)
            if (auto taken = take(option, value); !taken) return fail(taken.error().text);
        if (auto finished = finish(); !finished) return fail(finished.error().text);
        return std::move(population_);
    }

private:
    Error fail(const std::string& why) const { return wrong(fmt::format("population {}: {}", shown_, why)); }

    template <class Number, class Into>
    telemetry::Status take_number(std::string_view option, std::string_view text, Number lowest, Number highest,
                                  Into& into) {
        auto value = number<Number>(option, text, lowest, highest);
        if (!value) return std::move(value).error();
        into = Into(*value);
        return telemetry::success();
    }

    telemetry::Status take(const std::string& option, const std::string& value) {
        constexpr std::int64_t hour_us = 3'600'000'000;
        if (option == "rate") return take_number<double>(option, value, 0, max_rate, population_.rate);
        if (option == "think_us") return take_number<std::int64_t>(option, value, 0, hour_us, population_.think);
        if (option == "pipeline") return take_number<std::int64_t>(option, value, 1, 1000, pipeline_);
        if (option == "requests") return take_number<std::int64_t>(option, value, 0, 1'000'000'000, population_.requests);
        if (option == "interval_ms") return take_number<std::int64_t>(option, value, 1, 60'000, interval_);
        if (option == "piece") return take_number<std::int64_t>(option, value, 1, 65'536, piece_);
        using protocol::TalkLimits;
        if (option == "words") return take_number<std::int64_t>(option, value, 1, TalkLimits::line_words, words_);
        if (option == "yield") return take_number<std::int64_t>(option, value, 0, TalkLimits::yield_words, yield_words_);
        if (option == "turn_us") return take_number<std::int64_t>(option, value, 0, TalkLimits::turn.count(), turn_);
        if (option == "us") return take_number<std::int64_t>(option, value, 0, hour_us, work_us_);
        if (option == "ms") return take_number<std::int64_t>(option, value, 0, hour_us / 1000, pause_ms_);
        if (option == "payload") {
            std::int64_t bytes = 0;
            if (auto taken = take_number<std::int64_t>(option, value, 0, std::int64_t{1} << 30, bytes); !taken) return taken;
            payload_ = static_cast<std::uint64_t>(bytes);
            return telemetry::success();
        }
        if (option == "arrivals") {
            if (value != "constant" && value != "poisson")
                return wrong(fmt::format("arrivals={}: arrivals are constant or poisson", value));
            population_.arrivals = value == "poisson" ? ArrivalProcess::poisson : ArrivalProcess::constant;
            return telemetry::success();
        }
        if (option == "path") {
            const bool printable = std::all_of(value.begin(), value.end(), [](char c) { return c > ' ' && c < '\x7f'; });
            if (!value.starts_with('/') || !printable || value.size() > 2000)
                return wrong(fmt::format("path={}: a path begins with / and holds no blanks", value));
            population_.path = value;
            return telemetry::success();
        }
        if (option == "name") {
            const bool letters = std::all_of(value.begin(), value.end(), [](unsigned char c) {
                return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
            });
            if (value.empty() || value.size() > 31 || !letters || value == "all")
                return wrong(
                    fmt::format("name={}: a name is 1 to 31 letters, digits, '.', '_' and '-', and not all", value));
            population_.name = value;
            return telemetry::success();
        }
        if (option == "protocol") {
            if (value != name_of(defaults_.protocol))
                return wrong(fmt::format("protocol={}: this run speaks {}; a server speaks one protocol, so a run does too",
                                         value, name_of(defaults_.protocol)));
            return telemetry::success();
        }
        return wrong(fmt::format("there is no option '{}'; there are {}", option, all_options));
    }

    // Fills in what was not named, and refuses what does not go together.
    telemetry::Status finish() {
        Population& p = population_;
        const bool http = defaults_.protocol == Protocol::http;
        const bool slow = p.kind == PopulationKind::slow_reader || p.kind == PopulationKind::slow_sender;
        if (p.kind == PopulationKind::idle && p.rate > 0) return wrong("an idle client sends nothing, so it has no rate");
        if (p.kind == PopulationKind::hog && !http)
            return wrong("a hog needs a protocol whose requests compute: use --protocol http");
        if (auto talks = finish_talk(); !talks) return talks;
        p.pipeline = static_cast<std::uint32_t>(pipeline_.value_or(p.kind == PopulationKind::speaker ? 2 : 1));
        if (!http && (!p.path.empty() || work_us_ || pause_ms_))
            return wrong("path, us and ms belong to --protocol http: only its requests name what to do");
        if (work_us_ && pause_ms_) return wrong("us and ms exclude each other: a request computes or pauses");
        if (!p.path.empty() && (work_us_ || pause_ms_))
            return wrong("us and ms name a path of their own, so path cannot be named too");
        if (p.rate > 0 && slow) return wrong("a slow client sends when its answer is there, so it has no rate");
        if (p.rate > 0 && p.think.count() > 0)
            return wrong("think_us belongs to a closed loop, so it cannot stand with a rate");
        if (p.pipeline > 1 && (slow || p.kind == PopulationKind::churn))
            return wrong("only active clients and hogs pipeline");

        if (slow) {
            p.interval = interval_.value_or(std::chrono::milliseconds(100));
            p.piece = piece_.value_or(p.kind == PopulationKind::slow_reader ? 1024 : 16);
        } else if (interval_ || piece_) {
            return wrong("interval_ms and piece belong to slow readers and slow senders");
        }
        if (work_us_) p.path = fmt::format("/work?us={}", *work_us_);
        if (pause_ms_) p.path = fmt::format("/pause?ms={}", *pause_ms_);
        p.payload = payload_.value_or(default_payload(http, p));
        if (defaults_.protocol == Protocol::echo && p.payload == 0 && p.kind != PopulationKind::idle)
            return wrong("payload=0: an echo of nothing is no request; use at least 1 byte");
        if (http && p.path.empty()) p.path = default_path();
        if (p.kind == PopulationKind::idle) {
            p.payload = 0;
            p.path.clear();
        }
        return telemetry::success();
    }

    // Speakers speak, and nobody else does.
    telemetry::Status finish_talk() {
        Population& p = population_;
        const bool talks = defaults_.protocol == Protocol::talk;
        const bool speaks = p.kind == PopulationKind::speaker;
        if (speaks && !talks) return wrong("speakers need a room: use --protocol talk");
        if (talks && !speaks && p.kind != PopulationKind::idle)
            return wrong("in a room there are speakers, and idle ones who listen");
        if (!speaks && (words_ || yield_words_ || turn_)) return wrong("words, yield and turn_us belong to speakers");
        if (talks && payload_) return wrong("payload is bytes; what a speaker says is words");
        if (!speaks) return telemetry::success();
        p.words = static_cast<std::uint32_t>(words_.value_or(8));
        p.yield_words = static_cast<std::uint32_t>(yield_words_.value_or(1));
        p.turn = turn_.value_or(std::chrono::microseconds(0));
        return telemetry::success();
    }

    std::uint64_t default_payload(bool http, const Population& p) const {
        if (defaults_.protocol == Protocol::talk) return 0;
        if (p.kind == PopulationKind::slow_reader) return http ? 0 : 65'536;
        if (p.kind == PopulationKind::slow_sender) return http ? 1024 : defaults_.payload;
        return http ? 0 : defaults_.payload;
    }
    std::string default_path() const {
        if (population_.kind == PopulationKind::hog) return "/work?us=100000";
        if (population_.payload > 0) return "/echo";
        return population_.kind == PopulationKind::slow_reader ? "/bytes?n=65536" : "/";
    }

    std::string shown_;
    PopulationDefaults defaults_;
    Population population_;
    std::optional<std::uint64_t> payload_;
    std::optional<std::int64_t> work_us_;
    std::optional<std::int64_t> pause_ms_;
    std::optional<std::chrono::milliseconds> interval_;
    std::optional<std::uint64_t> piece_;
    std::optional<std::int64_t> pipeline_;
    std::optional<std::int64_t> words_;
    std::optional<std::int64_t> yield_words_;
    std::optional<std::chrono::microseconds> turn_;
};

// A scalar of JSON as it would stand in a text.
std::optional<std::string> scalar_text(const boost::json::value& value) {
    if (const auto* text = value.if_string()) return std::string(*text);
    if (const auto* whole = value.if_int64()) return fmt::format("{}", *whole);
    if (const auto* whole = value.if_uint64()) return fmt::format("{}", *whole);
    if (const auto* real = value.if_double()) return fmt::format("{}", *real);
    return std::nullopt;
}

} // namespace

Outcome<Protocol> parse_protocol(std::string_view id) {
    for (const ProtocolName& each : protocol_names)
        if (each.name == id) return each.protocol;
    return wrong(fmt::format("there is no protocol called '{}'; there are echo, http and talk", id));
}

std::string_view name_of(Protocol protocol) noexcept {
    return protocol_names[static_cast<std::size_t>(protocol)].name; // in their order
}

std::string_view name_of(PopulationKind kind) noexcept {
    return std::find_if(kinds.begin(), kinds.end(), [kind](const KindName& each) { return each.kind == kind; })->name;
}

std::string to_text(const Population& p) {
    std::string text = fmt::format("{}:{}", name_of(p.kind), p.connections);
    const auto add = [&text](std::string_view option, const auto& value) { text += fmt::format(",{}={}", option, value); };
    if (p.name != name_of(p.kind) && !p.name.empty()) add("name", p.name);
    if (p.rate > 0) add("rate", p.rate);
    if (p.arrivals == ArrivalProcess::poisson) add("arrivals", "poisson");
    if (p.payload > 0) add("payload", p.payload);
    if (!p.path.empty()) add("path", p.path);
    if (p.think.count() > 0) add("think_us", p.think.count());
    if (p.interval.count() > 0) add("interval_ms", p.interval.count());
    if (p.piece > 0) add("piece", p.piece);
    const bool speaks = p.kind == PopulationKind::speaker;
    if (p.pipeline != (speaks ? 2 : 1)) add("pipeline", p.pipeline);
    if (p.requests != 1) add("requests", p.requests);
    if (speaks) {
        add("words", p.words);
        add("yield", p.yield_words);
        if (p.turn.count() > 0) add("turn_us", p.turn.count());
    }
    return text;
}

Outcome<Population> parse_population(std::string_view text, const PopulationDefaults& defaults) {
    const std::size_t head_end = std::min(text.find(','), text.size());
    const std::string_view head = text.substr(0, head_end);
    const std::size_t colon = head.find(':');
    if (colon == std::string_view::npos)
        return wrong(
            fmt::format("population {}: write KIND:COUNT, for example active:100 or idle:5000,name=sleepers", text));
    Options options;
    for (std::size_t begin = head_end; begin < text.size();) {
        ++begin; // the comma
        const std::string_view rest = text.substr(begin);
        const std::size_t length = std::min(rest.find(','), rest.size());
        const std::string_view option = rest.substr(0, length);
        const std::size_t equals = option.find('=');
        if (equals == std::string_view::npos)
            return wrong(fmt::format("population {}: '{}' is not OPTION=VALUE", text, option));
        options.emplace_back(option.substr(0, equals), option.substr(equals + 1));
        begin += length;
    }
    return Reader(std::string(text), defaults).read(head.substr(0, colon), head.substr(colon + 1), options);
}

Outcome<Population> population_of(const boost::json::value& value, const PopulationDefaults& defaults) {
    if (const auto* text = value.if_string()) return parse_population(*text, defaults);
    const auto* object = value.if_object();
    if (object == nullptr) return wrong("a population is a text or an object");
    const std::string shown = boost::json::serialize(value);
    std::string kind;
    std::string count;
    Options options;
    for (const auto& member : *object) {
        auto text = scalar_text(member.value());
        if (!text)
            return wrong(fmt::format("population {}: {} is neither a text nor a number", shown, std::string(member.key())));
        if (member.key() == "kind")
            kind = std::move(*text);
        else if (member.key() == "connections")
            count = std::move(*text);
        else
            options.emplace_back(member.key(), std::move(*text));
    }
    if (kind.empty() || count.empty()) return wrong(fmt::format("population {}: kind and connections are needed", shown));
    return Reader(shown, defaults).read(kind, count, options);
}

telemetry::Status name_apart(std::vector<Population>& populations) {
    if (populations.size() > max_populations)
        return wrong(
            fmt::format("{} populations are more than the {} that can be told apart", populations.size(), max_populations));
    const auto taken = [&](const std::string& name, const Population* but) {
        return std::any_of(populations.begin(), populations.end(),
                           [&](const Population& each) { return &each != but && each.name == name; });
    };
    std::uint64_t connections = 0;
    for (Population& population : populations) {
        connections += population.connections;
        if (population.name.empty()) {
            const std::string kind(name_of(population.kind));
            population.name = kind;
            for (int number = 2; taken(population.name, &population); ++number)
                population.name = fmt::format("{}-{}", kind, number);
        } else if (taken(population.name, &population)) {
            return wrong(fmt::format("two populations are called {}", population.name));
        }
    }
    if (connections > max_connections)
        return wrong(
            fmt::format("{} connections are more than the {} that one load can count", connections, max_connections));
    return telemetry::success();
}

} // namespace connscope::load
