// SPDX-License-Identifier: BSL-1.0
#include "connscope/lab/round.hpp"

#include "connscope/lab/figure.hpp"
#include "connscope/lab/guests.hpp"
#include "connscope/lab/load_process.hpp"
#include "connscope/lab/quiet.hpp"
#include "connscope/lab/subject.hpp"
#include "connscope/lab/system_calls.hpp"
#include "connscope/telemetry/clock.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace connscope::lab {
namespace {

namespace json = boost::json;
using telemetry::Histogram;
using namespace std::chrono_literals;

constexpr std::size_t accepted = 1000; // connections whose coming is timed
constexpr auto patience = 30s;         // for connections to be there
constexpr auto quiet_look = 100ms;     // at CPUs on which nothing of the experiment runs
constexpr double noticed_share = 0.2;  // of their time, taken by others

double us(std::chrono::nanoseconds time) { return static_cast<double>(time.count()) / 1e3; }

Curve curve_of(const Histogram& histogram) {
    constexpr std::array shares{0.001, 0.01, 0.05, 0.1,  0.2,   0.3,   0.4,   0.5,    0.6,    0.7,    0.8,
                                0.9,   0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9998, 0.9999, 1.0};
    Curve curve;
    for (const double share : shares) {
        // A share that less than one value stands for is made up.
        const bool has_values = share == 1.0 || (1 - share) * static_cast<double>(histogram.total()) >= 1;
        if (histogram.total() > 0 && has_values)
            curve.emplace_back(share, share == 1.0 ? us(histogram.max()) : us(histogram.percentile(share)));
    }
    return curve;
}

// One round: each part takes what it needs from the ones before, and says why when it cannot go on.
class Round {
public:
    Round(const Plan& plan, const CellSpec& cell, const Stop& stop, const std::function<void(std::string_view)>& tell,
          RoundRecord& record)
        : plan_(plan)
        , cell_(cell)
        , stop_(stop)
        , tell_(tell)
        , record_(record)
        , workload_(workload_of(plan, cell)) {}

    void run() {
        if (auto why = limits()) return fail(*why);
        tell_("waiting for quiet");
        wait_for_quiet();
        tell_("starting");
        auto subject = Subject::start(plan_, cell_);
        if (!subject) return fail(subject.error().text);
        subject_.emplace(std::move(*subject));
        fill();
        if (!record_.failed) load();
        if (load_) load_->end();
        if (subject_) subject_->end();
        if (stop_.asked() && !record_.failed) fail("interrupted");
        note_others(busy_share(measured_cpus(), quiet_look, stop_));
    }

private:
    void fail(const std::string& why) {
        // A process that ended explains the error that came of it.
        std::string text = stop_.asked() ? "interrupted" : why;
        for (int tries = 0; tries < 20 && subject_ && !subject_->ended(); ++tries) // what its clients see may come first
            if (!stop_.pass(10ms)) break;
        if (subject_ && !stop_.asked())
            if (const auto gone = subject_->ended()) text = fmt::format("{} ({})", *gone, part_);
        record_.failed = text;
    }
    void begin(std::string_view part) {
        part_ = part;
        tell_(part);
    }
    void put(const char* figure, double value) { record_.values[figure] = value; }
    void lack(const char* figure, const std::string& why) { record_.reasons[figure] = why; }

    std::optional<std::string> limits() const {
        const load::FileLimit files = load::raise_file_limit();
        if (workload_.connections + 1 > files.connections)
            return fmt::format("{} connections need more open files than a process may have here ({})",
                               count_text(workload_.connections), count_text(files.files));
        return std::nullopt;
    }

    std::vector<int> measured_cpus() const {
        std::vector<int> cpus = plan_.server_cpus;
        cpus.insert(cpus.end(), plan_.load_cpus.begin(), plan_.load_cpus.end());
        return cpus;
    }
    // Others' work is not to be waited for without end: what does not end soon is noted.
    void wait_for_quiet() {
        const auto until = std::chrono::steady_clock::now() + (plan_.quick ? 200ms : 3000ms);
        std::optional<double> share;
        do share = busy_share(measured_cpus(), quiet_look, stop_);
        while (share && *share > noticed_share && std::chrono::steady_clock::now() < until);
        note_others(share);
    }
    void note_others(const std::optional<double>& share) {
        if (!share || *share <= noticed_share || noted_others_) return;
        noted_others_ = true;
        record_.notes.push_back(fmt::format("other programs ran on the measured CPUs around round {}", record_.round + 1));
    }

    // Idle connections: how fast they are taken in and what memory they hold.
    void fill() {
        begin("filling");
        const auto target = load::resolve(subject_->address());
        if (!target) return fail(target.error().text);
        Guests guests(*target, workload_.first_request);
        const std::size_t all = workload_.connections;
        const std::size_t few = std::max<std::size_t>(1, std::min<std::size_t>(200, all / 5));
        std::chrono::nanoseconds taking_in{};
        const auto open = [&](std::size_t count) {
            const auto took = guests.open(count, patience, stop_);
            if (!took) {
                fail(took.error().text + refusals());
                return false;
            }
            if (count <= accepted) taking_in += *took;
            return true;
        };
        if (!open(few)) return;
        const auto before = subject_->memory();
        if (all > accepted && !open(accepted)) return;
        if (!open(all)) return;
        const auto after = subject_->memory();
        if (const auto threads = subject_->threads()) put("threads", *threads);
        if (before && after)
            put_memory(*before, *after, static_cast<double>(all - few));
        else
            for (const char* figure : {"memory_bytes", "memory_user_bytes", "memory_kernel_bytes"})
                lack(figure, (before ? after : before).error().text);
        if (all >= accepted || (load::raise_file_limit().connections > accepted && open(accepted)))
            put("accept_1000_ms", us(taking_in) / 1e3);
        else if (!record_.failed)
            lack("accept_1000_ms", "1,000 connections need more open files than a process may have here");
        guests.close();
        // The server has seen them all go before the load comes.
        for (int tries = 0; tries < 1000 && subject_->open_connections().value_or(0) > 0; ++tries)
            if (!stop_.pass(5ms)) return fail("interrupted");
    }

    void put_memory(const MemoryUse& before, const MemoryUse& after, double connections) {
        const auto grown = [&](double from, double to) { return (to - from) / connections; };
        const double user = grown(before.user, after.user);
        const double stacks = grown(before.kernel_stacks, after.kernel_stacks);
        const double page_tables = grown(before.page_tables, after.page_tables);
        put("memory_user_bytes", user);
        put("kernel_stack_bytes", stacks);
        put("page_table_bytes", page_tables);
        double kernel = stacks + page_tables;
        if (before.slab && after.slab) {
            const double slab = std::max(0.0, grown(*before.slab, *after.slab));
            put("slab_bytes", slab);
            kernel += slab;
        } else {
            lack("slab_bytes", "only root may read /proc/slabinfo; kernel memory is without it");
        }
        put("memory_kernel_bytes", kernel);
        put("memory_bytes", user + kernel);
    }

    // Whom a connscope server turned away and why: ", the server refused 5,907: threads".
    std::string refusals() {
        if (subject_->control() == nullptr) return {};
        const auto status = subject_->control()->call("status", {}, 5s);
        if (!status) return {};
        std::string text;
        try {
            for (const auto& [reason, count] : status->at("limits").at("refused_by").as_object())
                if (count.to_number<std::uint64_t>() > 0)
                    text += fmt::format("; the server refused {} ({})", count_text(count.to_number<std::uint64_t>()),
                                        std::string_view(reason));
        } catch (const std::exception&) {
            return {}; // a server of another version says nothing about it
        }
        return text;
    }

    void load() {
        begin("opening");
        auto load = LoadProcess::start(plan_, subject_->address(), workload_.fixed, stop_);
        if (!load) return fail(load.error().text + refusals());
        load_.emplace(std::move(*load));
        if (!fixed_rate()) return;
        if (!beside_hog()) return;
        if (!saturated()) return;
        hand_off();
        const auto faults = load_->faults();
        if (faults && !faults->text.empty()) record_.notes.push_back(faults->text);
    }

    // Lets the warm-up pass and forgets what was recorded in it; then lets a stretch pass and takes what it gave.
    std::optional<Histogram> stretch(std::chrono::milliseconds length) {
        const auto names = workload_.names;
        if (!stop_.pass(plan_.warm_up) || !load_->latencies(names)) return lost<Histogram>();
        static_cast<void>(subject_->delays());
        if (!stop_.pass(length)) return lost<Histogram>();
        auto got = load_->latencies(names);
        if (!got) return lost<Histogram>();
        return std::move(*got);
    }
    template <class Value>
    std::optional<Value> lost() {
        fail(load_->ended().value_or("the load's figures could not be read"));
        return std::nullopt;
    }

    bool fixed_rate() {
        begin("fixed rate");
        const auto latencies = stretch(plan_.stretch);
        if (!latencies) return false;
        if (latencies->total() == 0) {
            fail("no request was answered at the fixed rate");
            return false;
        }
        struct Percentile {
            const char* figure;
            double share;
            std::uint64_t needs; // values
        };
        constexpr std::array percentiles{Percentile{"latency_p50_us", 0.5, 2}, Percentile{"latency_p90_us", 0.9, 10},
                                         Percentile{"latency_p99_us", 0.99, 100},
                                         Percentile{"latency_p99_9_us", 0.999, 1000},
                                         Percentile{"latency_p99_99_us", 0.9999, 10000}};
        for (const Percentile& each : percentiles) {
            if (latencies->total() >= each.needs)
                put(each.figure, us(latencies->percentile(each.share)));
            else
                lack(each.figure, fmt::format("needs {} requests in a round", count_text(each.needs)));
        }
        if (latencies->total() >= 100) p99_alone_ = us(latencies->percentile(0.99));
        record_.curves["latency_us"] = curve_of(*latencies);
        const auto delays = subject_->delays();
        if (delays && delays->total() >= 20) {
            put("delay_p50_us", us(delays->percentile(0.5)));
            if (delays->total() >= 100)
                put("delay_p99_us", us(delays->percentile(0.99)));
            else
                lack("delay_p99_us", "needs 100 stamped messages in a round");
            record_.curves["delay_us"] = curve_of(*delays);
        } else {
            for (const char* figure : {"delay_p50_us", "delay_p99_us"})
                lack(figure, delays ? "too few messages were stamped" : "only a connscope server reports it");
        }
        return true;
    }

    bool beside_hog() {
        const auto none = [&](const std::string& why) {
            for (const char* figure : {"hog_damage_us", "hog_p99_us", "hog_max_us"}) lack(figure, why);
            return true;
        };
        if (plan_.hog.empty()) return none("an echo does not compute");
        if (!cell_.own()) return none("a server of another kind has no request that computes for a given time");
        begin("beside a hog");
        if (auto set = load_->set(workload_.beside_hog, stop_); !set) {
            fail(set.error().text);
            return false;
        }
        const auto latencies = stretch(plan_.hog_stretch());
        if (!latencies) return false;
        record_.curves["latency_beside_hog_us"] = curve_of(*latencies);
        if (latencies->total() < 100 || !p99_alone_) return none("needs 100 requests in a round");
        const double beside = us(latencies->percentile(0.99));
        put("hog_p99_us", beside);
        put("hog_max_us", us(latencies->max()));
        put("hog_damage_us", std::max(0.0, beside - *p99_alone_));
        return true;
    }

    // A moment at which everything that adds up was read.
    struct Moment {
        std::chrono::nanoseconds time{};
        double completed = 0;
        Usage usage;
    };
    std::optional<Moment> moment() {
        const auto usage = subject_->usage(stop_);
        if (!usage) {
            fail(usage.error().text);
            return std::nullopt;
        }
        const auto completed = load_->completed(workload_.names);
        if (!completed) return lost<Moment>();
        return Moment{std::chrono::nanoseconds(telemetry::monotonic_ns()), static_cast<double>(*completed), *usage};
    }

    // Waits until more than `before` requests are answered: the first comes when the hog's last request has been computed.
    bool more_answers(std::uint64_t before) {
        const auto until = std::chrono::steady_clock::now() + patience;
        for (;;) {
            const auto now = load_->completed(workload_.names);
            if (!now) return lost<bool>().value_or(false);
            if (*now > before) return true;
            if (!stop_.pass(5ms) || subject_->ended() || std::chrono::steady_clock::now() > until) {
                fail(fmt::format("no request was answered at saturation within {} s", patience.count()));
                return false;
            }
        }
    }

    bool saturated() {
        begin("saturated");
        if (auto set = load_->set(workload_.saturated, stop_); !set) {
            fail(set.error().text);
            return false;
        }
        const auto answered = load_->completed(workload_.names);
        if (!answered) return lost<bool>().value_or(false);
        if (!more_answers(*answered)) return false;
        if (!stop_.pass(plan_.warm_up)) {
            fail("interrupted");
            return false;
        }
        const auto shares_before = subject_->requests_by_connection();
        const auto before = moment();
        if (!before || !stop_.pass(plan_.stretch)) {
            if (before) fail("interrupted");
            return false;
        }
        if (!more_answers(static_cast<std::uint64_t>(before->completed)))
            return false; // a busy machine's clients may sleep long
        const auto after = moment();
        if (!after) return false;
        const auto shares_after = subject_->requests_by_connection();
        const double requests = after->completed - before->completed;
        put_work(*before, *after, requests);
        put_fairness(shares_before, shares_after);
        const auto faults = load_->faults();
        if (faults && !faults->bottleneck.empty())
            record_.notes.push_back("at saturation the load was the bottleneck, so the server could do more: " +
                                    faults->bottleneck);
        count_system_calls();
        return !record_.failed;
    }

    void put_work(const Moment& before, const Moment& after, double requests) {
        const double seconds = std::chrono::duration<double>(after.time - before.time).count();
        put("requests_per_s", requests / seconds);
        const double user = us(after.usage.user_cpu - before.usage.user_cpu) / requests;
        const double system = us(after.usage.system_cpu - before.usage.system_cpu) / requests;
        put("cpu_user_us_per_request", user);
        put("cpu_system_us_per_request", system);
        put("cpu_us_per_request", user + system);
        const auto switches = [&](const char* per_request, const char* per_s, const auto& from, const auto& to) {
            if (from && to) {
                put(per_request, std::max(0.0, *to - *from) / requests);
                put(per_s, std::max(0.0, *to - *from) / seconds);
                return;
            }
            for (const char* figure : {per_request, per_s}) lack(figure, "only a connscope server reports it");
        };
        switches("voluntary_per_request", "voluntary_per_s", before.usage.voluntary, after.usage.voluntary);
        switches("involuntary_per_request", "involuntary_per_s", before.usage.involuntary, after.usage.involuntary);
        switches("user_space_per_request", "user_space_per_s", before.usage.user_space, after.usage.user_space);
    }

    using Shares = std::optional<std::unordered_map<std::uint64_t, std::uint64_t>>;
    void put_fairness(const Shares& before, const Shares& after) {
        if (!before || !after) return lack("fairness", "only a connscope server reports it");
        if (workload_.names.size() > 1 || plan_.populations.size() > 1)
            return lack("fairness", "the workload's connections are not equal");
        double sum = 0, squares = 0, count = 0;
        for (const auto& [id, requests] : *after) {
            const auto was = before->find(id);
            if (was == before->end()) continue;
            const double share = static_cast<double>(requests - was->second);
            sum += share;
            squares += share * share;
            ++count;
        }
        // When most have had none or one, chance alone decides.
        if (count < 2 || sum < 5 * count) return lack("fairness", "needs five requests of each connection in a round");
        put("fairness", sum * sum / (count * squares));
    }

    // In a stretch of its own: every system call of the machine is dearer while it is counted.
    void count_system_calls() {
        const auto lacking = [&](const std::string& why) { lack("system_calls_per_request", why); };
        auto counter = SystemCallCounter::open(subject_->pids());
        if (!counter) return lacking(counter.error().text);
        const auto completed_before = load_->completed(workload_.names);
        const std::uint64_t before = counter->count();
        if (!stop_.pass(std::min<std::chrono::milliseconds>(plan_.stretch, 300ms))) return fail("interrupted");
        const std::uint64_t after = counter->count();
        const auto completed_after = load_->completed(workload_.names);
        if (!completed_before || !completed_after || *completed_after <= *completed_before)
            return lacking("no request was answered while they were counted");
        put("system_calls_per_request",
            static_cast<double>(after - before) / static_cast<double>(*completed_after - *completed_before));
    }

    // All connections out of the mode, into another one whose carrier is of another kind, and back, while requests come.
    void hand_off() {
        const auto none = [&](const std::string& why) {
            for (const char* figure : {"hand_off_in_ms", "hand_off_out_ms"}) lack(figure, why);
        };
        if (subject_->control() == nullptr) return none("only a connscope server can move its connections");
        begin("hand-off");
        if (auto set = load_->set(workload_.fixed, stop_); !set) return fail(set.error().text);
        if (!stop_.pass(100ms)) return fail("interrupted");
        const auto modes = subject_->control()->call("list_modes", {}, 5s);
        std::string partner;
        if (modes && modes->is_array())
            for (const json::value& mode : modes->get_array())
                if (partner.empty() && mode.at("carrier").as_string() != cell_.carrier)
                    partner = std::string(mode.at("id").as_string());
        if (partner.empty()) return none("there is no other mode to move connections to");
        const auto move_to = [&](const std::string& mode, const char* figure) {
            const auto moved = subject_->control()->call("set_mode", {{"mode", mode}}, patience);
            if (!moved) {
                if (subject_->ended()) fail(moved.error().text);
                lack(figure, moved.error().text);
                return false;
            }
            put(figure, moved->at("duration_ms").to_number<double>());
            return true;
        };
        if (!move_to(partner, "hand_off_out_ms")) return lack("hand_off_in_ms", "its connections could not be moved");
        if (!stop_.pass(50ms)) return fail("interrupted");
        if (move_to(cell_.mode, "hand_off_in_ms"))
            record_.notes.push_back(fmt::format("handed off to {} and back", partner));
    }

    const Plan& plan_;
    const CellSpec& cell_;
    const Stop& stop_;
    const std::function<void(std::string_view)>& tell_;
    RoundRecord& record_;
    Workload workload_;
    std::optional<Subject> subject_;
    std::optional<LoadProcess> load_;
    std::string part_ = "starting";
    std::optional<double> p99_alone_; // us
    bool noted_others_ = false;
};

json::object texts_json(const std::map<std::string, std::string>& texts) {
    json::object object;
    for (const auto& [key, text] : texts) object[key] = text;
    return object;
}

} // namespace

json::object to_json(const RoundRecord& record) {
    json::object values, curves;
    for (const auto& [id, value] : record.values) values[id] = value;
    for (const auto& [id, curve] : record.curves) {
        json::array points;
        for (const auto& [share, value] : curve) points.push_back(json::array{share, value});
        curves[id] = std::move(points);
    }
    json::array notes;
    for (const std::string& note : record.notes) notes.push_back(json::value(note));
    return {{"round", record.round},
            {"seconds", record.seconds},
            {"values", std::move(values)},
            {"reasons", texts_json(record.reasons)},
            {"curves", std::move(curves)},
            {"notes", std::move(notes)},
            {"failed", record.failed ? json::value(*record.failed) : json::value(nullptr)}};
}

std::optional<RoundRecord> round_of_json(const json::value& value) {
    try {
        RoundRecord record;
        record.round = value.at("round").to_number<int>();
        record.seconds = value.at("seconds").to_number<double>();
        for (const auto& [id, number] : value.at("values").as_object()) record.values[id] = number.to_number<double>();
        for (const auto& [id, text] : value.at("reasons").as_object()) record.reasons[id] = std::string(text.as_string());
        for (const auto& [id, points] : value.at("curves").as_object())
            for (const json::value& point : points.as_array())
                record.curves[id].emplace_back(point.at(0).to_number<double>(), point.at(1).to_number<double>());
        for (const json::value& note : value.at("notes").as_array()) record.notes.emplace_back(note.as_string());
        if (const auto* failed = value.at("failed").if_string()) record.failed = std::string(*failed);
        return record;
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

RoundRecord run_round(const Plan& plan, const CellSpec& cell, int round, const Stop& stop,
                      const std::function<void(std::string_view)>& tell) {
    RoundRecord record;
    record.round = round;
    const auto begin = std::chrono::steady_clock::now();
    Round(plan, cell, stop, tell, record).run();
    record.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return record;
}

} // namespace connscope::lab
