// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/hog_watch.hpp"

#include "connscope/server/modes/table.hpp"
#include "connscope/server/stack_catcher.hpp"

#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace connscope::server {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using telemetry::ConnectionState;
using telemetry::Ticks;

namespace {

constexpr auto relaxed = std::memory_order_relaxed; // of slots: another's statistics
constexpr milliseconds period{20};
constexpr std::size_t most_sockets = 4096; // asked for bytes at a look, 1 µs each
constexpr std::size_t most_suspects = 64;

ConnectionState state_of(const telemetry::layout::Slot& slot) {
    return static_cast<ConnectionState>(slot.state.load(relaxed));
}

nanoseconds span(Ticks from, Ticks to) {
    return to > from ? telemetry::process_clock().duration(to - from) : nanoseconds::zero();
}

// Where a thread is now; or what is missing.
NamedPlace where(std::uint32_t thread, Namer& namer) {
    if (const auto caught = catch_stack(thread, milliseconds(50))) return namer.name(*caught);
    NamedPlace nowhere;
    nowhere.missing = "its thread does not answer";
    return nowhere;
}

} // namespace

HogWatch::HogWatch(boost::asio::io_context& context, Host& host, Registry& registry, Places& places, milliseconds threshold)
    : context_(context)
    , host_(host)
    , probe_(host.probe())
    , registry_(registry)
    , places_(places)
    , threshold_(threshold)
    , timer_(context) {}

HogWatch::~HogWatch() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    asked_.notify_all();
    if (namer_.joinable()) namer_.join();
}

void HogWatch::start() {
    if (threshold_.count() == 0) return;
    const auto begin = std::chrono::steady_clock::now();
    look();
    // No more than a hundredth of a CPU, however many connections there are.
    const auto took = std::chrono::steady_clock::now() - begin;
    timer_.expires_after(std::max<std::chrono::steady_clock::duration>(period, took * 100));
    timer_.async_wait([this](boost::system::error_code error) {
        if (!error) start();
    });
}

void HogWatch::look() {
    ++looks_;
    const Ticks now = telemetry::ticks();
    const std::uint32_t end = registry_.end_slot();
    for (std::uint32_t i = 0; i < end; ++i) {
        const telemetry::layout::Slot& slot = probe_.slot(i);
        if (state_of(slot) != ConnectionState::running) continue;
        const Ticks since = slot.state_since_ticks.load(relaxed);
        if (span(since, now) * 2 < threshold_) continue; // from half of it on, others are looked at
        if (const ConnectionId id = slot.id.load(relaxed); id != 0) look_at(i, id, since, now);
    }
    std::erase_if(suspects_, [this](const auto& entry) { return entry.second.look != looks_; });
}

void HogWatch::look_at(std::uint32_t slot, ConnectionId id, Ticks since, Ticks now) {
    const auto place = registry_.place_of(slot, id);
    if (!place || !places_.in_use(*place) || !places_.info(*place).one_keeps_others) return;
    if (!suspects_.contains(id) && suspects_.size() >= most_suspects) return;
    Suspect& suspect = suspects_[id];
    if (suspect.since != since) {
        suspect = {};
        suspect.slot = slot;
        suspect.since = since;
        suspect.hog.id = id;
        suspect.hog.thread = probe_.slot(slot).thread.load(relaxed);
    }
    suspect.place = *place;
    suspect.hog.mode = places_.number(*place);
    suspect.look = looks_;
    suspect.hog.held = span(since, now);
    count_waiting(suspect, now);
    if (!suspect.excused && !suspect.named && suspect.hog.held >= threshold_ && suspect.hog.waiting > 0) ask_where(suspect);
}

// Those who wait already at the look before, and have not run since: with several loops or workers, others are soon served.
void HogWatch::count_waiting(Suspect& suspect, Ticks now) {
    suspect.hog.waiting = 0;
    suspect.hog.longest_wait = {};
    std::size_t asked = 0;
    for (const auto& [slot, id] : registry_.at(suspect.place)) {
        if (slot == suspect.slot) continue;
        const telemetry::layout::Slot& other = probe_.slot(slot);
        const ConnectionState state = state_of(other);
        const bool is_ready = state == ConnectionState::ready;
        const bool could_run =
            is_ready || (state == ConnectionState::waiting_read && asked++ < most_sockets && registry_.has_input(slot, id));
        if (!could_run) {
            suspect.waiting.erase(slot);
            continue;
        }
        const std::uint64_t slices = other.slices.load(relaxed);
        Waiting& waiting = suspect.waiting[slot];
        if (waiting.id != id || waiting.slices != slices)
            waiting = {id, slices, is_ready ? std::max(other.state_since_ticks.load(relaxed), suspect.since) : now, 0};
        if (waiting.looks++ == 0) continue;
        ++suspect.hog.waiting;
        suspect.hog.longest_wait = std::max(suspect.hog.longest_wait, span(waiting.since, now));
    }
}

std::vector<Hog> HogWatch::hogs() const {
    std::vector<Hog> found;
    for (const auto& [id, suspect] : suspects_)
        if (!suspect.excused && suspect.named && is_in_slice(suspect.slot, id, suspect.since)) found.push_back(suspect.hog);
    return found;
}

bool HogWatch::excuse(ConnectionId id) {
    const auto found = suspects_.find(id);
    if (found == suspects_.end() || !found->second.named) return false;
    found->second.excused = true;
    return true;
}

bool HogWatch::is_in_slice(std::uint32_t slot, ConnectionId id, Ticks since) const {
    const telemetry::layout::Slot& now = probe_.slot(slot);
    return now.id.load(relaxed) == id && state_of(now) == ConnectionState::running &&
           now.state_since_ticks.load(relaxed) == since;
}

// --- naming

void HogWatch::ask_where(Suspect& suspect) {
    suspect.named = true;
    suspect.hog.missing = "its function is being looked up";
    ask({suspect.hog.id, suspect.slot, suspect.hog.thread, suspect.since});
}

void HogWatch::ask(const Question& question) {
    {
        const std::lock_guard lock(mutex_);
        questions_.push_back(question);
    }
    if (!namer_.joinable()) namer_ = std::thread([this] { answer_questions(); });
    asked_.notify_all();
}

void HogWatch::answer_questions() {
    Namer namer(host_.zygote());
    std::unique_lock lock(mutex_);
    for (;;) {
        asked_.wait(lock, [this] { return stop_ || !questions_.empty(); });
        if (stop_) return;
        const Question question = questions_.front();
        questions_.erase(questions_.begin());
        lock.unlock();
        NamedPlace place;
        // Now and then it is in the kernel or in code that the kernel lends, from where calls are not known.
        for (int attempt = 0; attempt < 50 && place.function.empty(); ++attempt) {
            if (attempt > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
            if (!is_in_slice(question.slot, question.id, question.since)) break;
            place = where(question.thread, namer);
        }
        if (!is_in_slice(question.slot, question.id, question.since)) {
            place = {};
            place.missing = "it has gone on before it could be asked";
        }
        boost::asio::post(context_,
                          [this, question, place = std::move(place)]() mutable { answered(question, std::move(place)); });
        lock.lock();
    }
}

void HogWatch::answered(const Question& question, NamedPlace place) {
    const auto found = suspects_.find(question.id);
    if (found == suspects_.end() || found->second.since != question.since) return;
    Hog& hog = found->second.hog;
    hog.function = std::move(place.function);
    hog.at = std::move(place.at);
    hog.calls = std::move(place.calls);
    hog.missing = std::move(place.missing);
    const auto ms = [](nanoseconds time) { return time.count() / 1'000'000; };
    spdlog::warn("connection {} has kept {} for {} ms, in {}{}; {} could run and wait{}, the longest for {} ms", hog.id,
                 modes()[hog.mode].id, ms(hog.held),
                 hog.function.empty() ? "a function not known (" + hog.missing + ")" : hog.function,
                 hog.at.empty() ? "" : " at " + hog.at, hog.waiting, hog.waiting == 1 ? "s" : "", ms(hog.longest_wait));
}

} // namespace connscope::server
