// SPDX-License-Identifier: BSL-1.0
#include "connscope/observe/threads.hpp"

#include "connscope/observe/proc_file.hpp"
#include "connscope/telemetry/clock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace connscope::observe {
namespace {

using std::chrono::nanoseconds;

nanoseconds now() { return nanoseconds(telemetry::monotonic_ns()); }

telemetry::Error no_such_process(std::uint32_t pid) {
    return {std::make_error_code(std::errc::no_such_process), fmt::format("there is no process {}", pid)};
}

// "FILE" of thread `id`, relative to the folder of threads.
std::array<char, 32> file_of(std::uint32_t id, std::string_view file) {
    std::array<char, 32> name{};
    *fmt::format_to_n(name.data(), name.size() - 1, "{}/{}", id, file).out = '\0';
    return name;
}

std::uint32_t descriptors_to_keep(std::uint32_t wanted) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
    return static_cast<std::uint32_t>(std::min<rlim_t>(wanted, limit.rlim_cur / 4));
}

// What the folder of threads says of their number: its links are the threads, itself and its parent's entry.
std::optional<std::uint32_t> count_threads(int folder) {
    struct stat task {};
    if (::fstat(folder, &task) != 0 || task.st_nlink < 3) return std::nullopt;
    return static_cast<std::uint32_t>(task.st_nlink - 2);
}

} // namespace

telemetry::Outcome<ThreadsObserver> ThreadsObserver::open(std::uint32_t pid, const ThreadsOptions& options) {
    ThreadsObserver observer;
    observer.pid_ = pid;
    observer.options_ = options;
    observer.options_.kept_open = descriptors_to_keep(options.kept_open);
    observer.folder_ = open_in(AT_FDCWD, fmt::format("/proc/{}/task", pid).c_str(), O_DIRECTORY);
    if (!observer.folder_) return no_such_process(pid);
    observer.listing_ = open_in(observer.folder_.get(), ".", O_DIRECTORY);
    if (!observer.listing_) return no_such_process(pid);
    return observer;
}

telemetry::Status ThreadsObserver::read(ThreadsReading& into) {
    const nanoseconds begin = now();
    const auto count = count_threads(folder_.get());
    if (!count) return no_such_process(pid_);

    // A third of the budget goes to finding out who is there, the rest to looking at them in turn.
    const nanoseconds budget = all_listed_ && unknown_ < 100 ? options_.budget : options_.first_budget;
    list_some(begin + budget / 3);
    const std::size_t looked_at = look_at_some(begin + budget);
    // a zombie is what is left of a process until its parent asks for it
    if (records_.empty() || (records_.size() == 1 && records_[0].reading.state == 'Z')) return no_such_process(pid_);

    into.taken = begin;
    into.count = *count;
    into.looked_at = static_cast<std::uint32_t>(looked_at);
    into.voluntary_switches = totals_.voluntary_switches;
    into.involuntary_switches = totals_.involuntary_switches;
    into.run = totals_.run;
    into.delay = totals_.delay;
    std::size_t filled = 0;
    into.threads.resize(records_.size());
    for (const Record& record : records_)
        if (record.known) into.threads[filled++] = record.reading;
    into.threads.resize(filled);
    return telemetry::success();
}

// Goes on with the pass over the folder of threads, to its end at most.
void ThreadsObserver::list_some(nanoseconds until) {
    do {
        if (!list_more_numbers(listing_.get(), listed_)) return; // the process has ended
        if (listed_.empty()) {
            // The kernel leaves threads out where others end during the pass: who was not listed is asked itself.
            for (std::size_t i = records_.size(); i-- > 0;)
                if (records_[i].listed_in != pass_ && !look_at(records_[i])) forget(i);
            ++pass_;
            all_listed_ = true;
            ::lseek(listing_.get(), 0, SEEK_SET);
            return;
        }
        for (const std::uint32_t id : listed_) {
            const auto [at, is_new] = index_.try_emplace(id, records_.size());
            if (is_new) {
                records_.emplace_back();
                records_.back().reading.id = id;
                records_.back().was_there = !all_listed_;
                ++unknown_;
            }
            records_[at->second].listed_in = pass_;
        }
    } while (now() < until);
}

// Looks at threads in turn, each at most once; returns how many.
std::size_t ThreadsObserver::look_at_some(nanoseconds until) {
    std::size_t looked_at = 0;
    const std::size_t most = records_.size();
    while (looked_at < most && !records_.empty() && (looked_at == 0 || now() < until)) {
        if (next_ >= records_.size()) next_ = 0;
        ++looked_at;
        if (look_at(records_[next_]))
            ++next_;
        else
            forget(next_); // the last one takes its place and is looked at next
    }
    return looked_at;
}

// Brings one thread's reading up to date. False when the thread has ended.
bool ThreadsObserver::look_at(Record& record) {
    const nanoseconds taken = now();
    ThreadReading before; // only what is counted
    before.start_time = record.reading.start_time;
    before.voluntary_switches = record.reading.voluntary_switches;
    before.involuntary_switches = record.reading.involuntary_switches;
    before.run = record.reading.run;
    before.delay = record.reading.delay;
    bool has_run = true;
    if (!read_schedule(record, has_run)) return false;
    // A thread that has not run has the name, switches and place it had. It may have become ready, which shows once it runs.
    if (record.known && !has_run && record.reading.state != 'R') {
        record.reading.taken = taken;
        return true;
    }
    if (!read_details(record)) return false;
    record.reading.taken = taken;
    count_since(record, before);
    if (!std::exchange(record.known, true)) --unknown_;
    return true;
}

// Adds to the totals what a thread did since it was looked at last; all it ever did when it began under our eyes.
void ThreadsObserver::count_since(const Record& record, const ThreadReading& before) {
    const ThreadReading& after = record.reading;
    const bool same_thread = record.known && before.start_time == after.start_time;
    if (!record.known && record.was_there) return;
    const auto since = [&](auto later, auto earlier) { return same_thread && later >= earlier ? later - earlier : later; };
    totals_.voluntary_switches += since(after.voluntary_switches, before.voluntary_switches);
    totals_.involuntary_switches += since(after.involuntary_switches, before.involuntary_switches);
    totals_.run += since(after.run.value_or(nanoseconds{}), before.run.value_or(nanoseconds{}));
    totals_.delay += since(after.delay.value_or(nanoseconds{}), before.delay.value_or(nanoseconds{}));
}

// "run-ns delay-ns runs" (proc_pid_schedstat; Documentation/scheduler/sched-stats.rst). False when the thread has ended.
bool ThreadsObserver::read_schedule(Record& record, bool& has_run) {
    std::array<char, 128> buffer;
    std::string_view text;
    if (record.schedstat) {
        text = read_again(record.schedstat.get(), buffer);
        if (text.empty()) return false;
    } else {
        telemetry::UniqueFd schedstat = open_in(folder_.get(), file_of(record.reading.id, "schedstat").data());
        if (schedstat) text = read_again(schedstat.get(), buffer);
        if (schedstat && text.empty()) return false;
        if (schedstat && kept_ < options_.kept_open) {
            record.schedstat = std::move(schedstat);
            ++kept_;
        }
        if (text.empty()) return true; // a kernel without schedstat: read_details tells whether the thread is there
    }
    const auto run = take_number(text);
    const auto delay = take_number(text);
    const auto runs = take_number(text);
    if (!run || !delay || !runs) return true;
    ThreadReading& reading = record.reading;
    const auto as_time = [](std::uint64_t ns) { return nanoseconds(static_cast<std::int64_t>(ns)); };
    has_run = reading.run != as_time(*run) || reading.delay != as_time(*delay) || reading.runs != *runs;
    reading.run = as_time(*run);
    reading.delay = as_time(*delay);
    reading.runs = *runs;
    return true;
}

bool ThreadsObserver::read_details(Record& record) {
    ThreadReading& reading = record.reading;
    std::array<char, 8192> buffer;
    const auto text_of = [&](std::string_view file) {
        const telemetry::UniqueFd fd = open_in(folder_.get(), file_of(reading.id, file).data());
        return fd ? read_again(fd.get(), buffer) : std::string_view{};
    };

    const std::string_view stat = text_of("stat");
    const std::string_view state = stat_field(stat, 3);
    if (state.empty() || state == "X" || (state == "Z" && reading.id != pid_)) return false;
    const std::size_t open = stat.find('(');
    const std::size_t close = stat.rfind(')');
    if (open == std::string_view::npos || close <= open) return false;
    const std::string_view name = stat.substr(open + 1, close - open - 1);
    if (reading.name != name) reading.name = name;
    reading.state = state.front();
    std::string_view field = stat_field(stat, 39);
    if (const auto cpu = take_number(field)) reading.cpu = static_cast<std::uint32_t>(*cpu);
    field = stat_field(stat, 22);
    reading.start_time = take_number(field).value_or(0);

    const std::string_view status = text_of("status");
    const auto voluntary = number_of(status, "voluntary_ctxt_switches:");
    const auto involuntary = number_of(status, "nonvoluntary_ctxt_switches:");
    if (!voluntary || !involuntary) return false;
    reading.voluntary_switches = *voluntary;
    reading.involuntary_switches = *involuntary;

    if (options_.wait_channels) {
        const std::string_view channel = reading.state == 'R' ? std::string_view{} : text_of("wchan");
        reading.wait_channel = channel == "0" ? std::string_view{} : channel; // "0": not asleep, or not for us to know
    }
    return true;
}

// Takes a record out; the last one moves into its place.
void ThreadsObserver::forget(std::size_t index) {
    if (records_[index].schedstat) --kept_;
    if (!records_[index].known) --unknown_;
    index_.erase(records_[index].reading.id);
    if (index + 1 != records_.size()) {
        records_[index] = std::move(records_.back());
        index_[records_[index].reading.id] = index;
    }
    records_.pop_back();
}

std::string thread_name(std::uint32_t pid, std::uint32_t thread) {
    auto name = read_whole(AT_FDCWD, fmt::format("/proc/{}/task/{}/comm", pid, thread).c_str());
    if (!name) return {};
    while (!name->empty() && name->back() == '\n') name->pop_back();
    return *name;
}

} // namespace connscope::observe
