// SPDX-License-Identifier: BSL-1.0
#include "connscope/protocol/talk_room.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <new>

namespace connscope::protocol {
namespace {

constexpr std::size_t text_bytes = 24;
constexpr std::uint32_t most_noted_in_word = 1024; // interruptions and hand-overs; the others are counted
// What is shorter is the machine's own noise, not somebody's turn.
constexpr std::int64_t shortest_turn_ns = 20'000;
constexpr std::int64_t shortest_absence_ns = 1'000'000; // for nobody who was heard
constexpr std::uint64_t patience = 64;                  // newer entries after which one that is half written is given up

// Text of at most text_bytes - 1 bytes in words that can be read while they are written.
using SharedText = std::array<std::atomic<std::uint64_t>, text_bytes / 8>;

void put(SharedText& into, std::string_view text) noexcept {
    std::array<char, text_bytes> bytes{};
    std::size_t length = std::min(text.size(), text_bytes - 1);
    while (length > 0 && length < text.size() && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80)
        --length; // not in the middle of a character
    std::copy_n(text.begin(), length, bytes.begin());
    for (std::size_t i = 0; i < into.size(); ++i) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data() + i * 8, 8);
        into[i].store(word, std::memory_order_relaxed);
    }
}

std::string text_of(const SharedText& from) {
    std::array<char, text_bytes> bytes{};
    for (std::size_t i = 0; i < from.size(); ++i) {
        const std::uint64_t word = from[i].load(std::memory_order_relaxed);
        std::memcpy(bytes.data() + i * 8, &word, 8);
    }
    return {bytes.data(), ::strnlen(bytes.data(), text_bytes - 1)};
}

} // namespace

std::string_view name_of(TalkKind kind) noexcept {
    switch (kind) {
    case TalkKind::enters:
        return "enters";
    case TalkKind::leaves:
        return "leaves";
    case TalkKind::word:
        return "word";
    case TalkKind::yields:
        return "yields";
    case TalkKind::turn:
        return "turn";
    case TalkKind::next:
        return "next";
    case TalkKind::resumes:
        return "resumes";
    case TalkKind::ends:
        return "ends";
    case TalkKind::more:
        break;
    }
    return "more";
}

// Statistics: relaxed, one writer each, but for `connection`, by which a seat is taken and given back.
struct alignas(64) TalkRoom::Seat {
    std::atomic<std::uint64_t> connection; // 0: free
    std::atomic<std::int64_t> since_ns;
    std::atomic<std::int64_t> heard_ns;
    std::atomic<std::uint64_t> thread;
    std::atomic<std::uint32_t> cpu;
    std::atomic<std::uint32_t> state;
    std::atomic<std::uint64_t> words;
    std::atomic<std::uint64_t> yields;
    std::atomic<std::uint64_t> interruptions;
    SharedText name;
};

struct alignas(64) TalkRoom::Entry {
    std::atomic<std::uint64_t> sequence; // the entry's number; 0 while it is written
    std::atomic<std::int64_t> at_ns;
    std::atomic<std::uint64_t> connection;
    std::atomic<std::uint64_t> kind_and_letters;
    std::atomic<std::uint64_t> other;
    SharedText word;
};

struct TalkRoom::Shared {
    std::atomic<std::int64_t> word_us;
    std::atomic<std::uint64_t> written; // entries ever begun
    std::array<Seat, TalkRoom::seats> seats;
    std::array<Entry, TalkRoom::entries> entries;
};

TalkRoom::TalkRoom(RoomSenses senses, std::chrono::microseconds word_time)
    : senses_(senses) {
    // Memory that is zero; a forked process has the same.
    void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    shared_ = new (memory) Shared;
    set_word_time(word_time);
}

TalkRoom::~TalkRoom() { ::munmap(shared_, sizeof(Shared)); }

std::chrono::microseconds TalkRoom::word_time() const noexcept {
    return std::chrono::microseconds(shared_->word_us.load(std::memory_order_relaxed));
}

void TalkRoom::set_word_time(std::chrono::microseconds time) noexcept {
    shared_->word_us.store(std::clamp(time, shortest_word, longest_word).count(), std::memory_order_relaxed);
}

TalkRoom::Seat* TalkRoom::take_seat(std::uint64_t connection) noexcept {
    for (Seat& seat : shared_->seats) {
        std::uint64_t nobody = 0;
        // Acquire: what the one before wrote into the seat comes before what this one writes; pairs with ~TalkSeat.
        if (seat.connection.compare_exchange_strong(nobody, connection, std::memory_order_acquire)) return &seat;
    }
    return nullptr;
}

TalkPage TalkRoom::page(std::uint64_t after, std::size_t limit, Part part) const {
    TalkPage page;
    page.written = shared_->written.load(std::memory_order_acquire);
    after = std::min(after, page.written);
    const std::uint64_t kept = part == Part::newest ? std::min<std::uint64_t>(limit, entries) : entries;
    const std::uint64_t oldest = page.written > kept ? page.written - kept : 0;
    if (after < oldest) page.lost = oldest - after;
    page.next = std::max(after, oldest);
    while (page.next < page.written && page.entries.size() < limit) {
        const Entry& entry = shared_->entries[page.next % entries];
        const std::uint64_t number = page.next + 1;
        // Acquire: the rest was written before the number; pairs with note().
        const std::uint64_t found = entry.sequence.load(std::memory_order_acquire);
        // Still being written: the next page begins with it, unless its writer has gone in the middle of it.
        if (found < number && page.written - number < patience) break;
        TalkEntry copy;
        copy.number = number;
        copy.at_ns = entry.at_ns.load(std::memory_order_relaxed);
        copy.connection = entry.connection.load(std::memory_order_relaxed);
        const std::uint64_t kind_and_letters = entry.kind_and_letters.load(std::memory_order_relaxed);
        copy.kind = static_cast<TalkKind>(kind_and_letters & 0xff);
        copy.letters = static_cast<std::uint8_t>(kind_and_letters >> 8);
        copy.other = entry.other.load(std::memory_order_relaxed);
        copy.word = text_of(entry.word);
        std::atomic_thread_fence(std::memory_order_acquire); // the number is read again after the rest
        if (entry.sequence.load(std::memory_order_relaxed) == number)
            page.entries.push_back(std::move(copy));
        else
            ++page.lost;
        page.next = number;
    }
    return page;
}

std::vector<TalkSpeaker> TalkRoom::speakers() const {
    std::vector<TalkSpeaker> found;
    for (const Seat& seat : shared_->seats) {
        TalkSpeaker speaker;
        speaker.connection = seat.connection.load(std::memory_order_acquire);
        const std::uint32_t state = seat.state.load(std::memory_order_relaxed);
        if (speaker.connection == 0 || state == 0) continue;
        speaker.state = static_cast<TalkState>(state);
        speaker.name = text_of(seat.name);
        speaker.since_ns = seat.since_ns.load(std::memory_order_relaxed);
        speaker.heard_ns = seat.heard_ns.load(std::memory_order_relaxed);
        speaker.words = seat.words.load(std::memory_order_relaxed);
        speaker.yields = seat.yields.load(std::memory_order_relaxed);
        speaker.interruptions = seat.interruptions.load(std::memory_order_relaxed);
        found.push_back(std::move(speaker));
    }
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.connection < b.connection; });
    return found;
}

// --- one seat

TalkSeat::TalkSeat(TalkRoom& room, std::uint64_t connection)
    : room_(room)
    , seat_(room.take_seat(connection))
    , connection_(connection) {
    if (seat_ == nullptr) return;
    for (auto* counter : {&seat_->words, &seat_->yields, &seat_->interruptions})
        counter->store(0, std::memory_order_relaxed);
    seat_->heard_ns.store(0, std::memory_order_relaxed);
    call_it("#" + std::to_string(connection));
    enter_state(TalkState::listening);
    note(TalkKind::enters, {}, room_.now_ns());
}

TalkSeat::~TalkSeat() {
    if (seat_ == nullptr) return;
    seat_->state.store(0, std::memory_order_relaxed);
    seat_->connection.store(0, std::memory_order_release); // pairs with take_seat()
}

void TalkSeat::enter_state(TalkState state) noexcept {
    seat_->state.store(static_cast<std::uint32_t>(state), std::memory_order_relaxed);
    seat_->since_ns.store(room_.now_ns(), std::memory_order_relaxed);
}

void TalkSeat::call_it(std::string_view name) noexcept {
    if (seat_ != nullptr) put(seat_->name, name);
}

void TalkSeat::note(TalkKind kind, Saying saying, std::int64_t at_ns, std::uint64_t other) noexcept {
    const std::uint64_t number = room_.shared_->written.fetch_add(1, std::memory_order_acq_rel) + 1;
    TalkRoom::Entry& entry = room_.shared_->entries[(number - 1) % TalkRoom::entries];
    entry.sequence.store(0, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release); // a reader that sees a part of it sees that the number is gone
    entry.at_ns.store(at_ns, std::memory_order_relaxed);
    entry.connection.store(connection_, std::memory_order_relaxed);
    entry.kind_and_letters.store(static_cast<std::uint64_t>(kind) | static_cast<std::uint64_t>(saying.letters) << 8,
                                 std::memory_order_relaxed);
    entry.other.store(other, std::memory_order_relaxed);
    put(entry.word, saying.word);
    entry.sequence.store(number, std::memory_order_release); // pairs with page()
}

// Whether there is room for one more of a word's interruptions.
bool TalkSeat::may_note() noexcept {
    if (noted_in_word_ < most_noted_in_word) {
        ++noted_in_word_;
        return true;
    }
    ++uncounted_in_word_;
    return false;
}

void TalkSeat::begins(Saying saying) {
    noted_in_word_ = uncounted_in_word_ = 0;
    if (seat_ == nullptr) return;
    const std::int64_t now = room_.now_ns();
    be_here(now);
    enter_state(TalkState::speaking);
    note(TalkKind::word, saying, now);
}

void TalkSeat::is_here(Saying saying, std::chrono::nanoseconds spoken) {
    if (seat_ == nullptr) return;
    const std::int64_t now = room_.now_ns();
    const std::int64_t away = here_ns_ == 0 ? 0 : now - here_ns_ - spoken.count();
    if (away >= shortest_turn_ns) {
        const std::uint64_t other = heard_in_place(here_ns_);
        if (other != 0 || away >= shortest_absence_ns) {
            if (other != 0) seat_->interruptions.fetch_add(1, std::memory_order_relaxed);
            // What other programs take is told and not counted.
            if (other != 0 ? may_note() : noted_in_word_ < most_noted_in_word) {
                note(TalkKind::next, saying, here_ns_, other);
                note(TalkKind::resumes, saying, now - spoken.count(), static_cast<std::uint64_t>(away));
            }
        }
    }
    be_here(now);
}

void TalkSeat::be_here(std::int64_t now) noexcept {
    here_ns_ = now;
    place_ = room_.senses_.place();
    seat_->heard_ns.store(now, std::memory_order_relaxed);
    seat_->cpu.store(place_.cpu, std::memory_order_relaxed);
    seat_->thread.store(place_.thread, std::memory_order_relaxed);
}

// Who spoke first on this one's thread or CPU since then; 0: nobody.
std::uint64_t TalkSeat::heard_in_place(std::int64_t since_ns) const noexcept {
    std::uint64_t first = 0;
    std::int64_t first_ns = std::numeric_limits<std::int64_t>::max();
    for (const TalkRoom::Seat& seat : room_.shared_->seats) {
        if (&seat == seat_) continue;
        const std::int64_t heard_ns = seat.heard_ns.load(std::memory_order_relaxed);
        if (heard_ns <= since_ns || heard_ns >= first_ns) continue;
        if (seat.cpu.load(std::memory_order_relaxed) != place_.cpu &&
            seat.thread.load(std::memory_order_relaxed) != place_.thread)
            continue;
        first = seat.connection.load(std::memory_order_relaxed);
        first_ns = heard_ns;
    }
    return first;
}

void TalkSeat::hands_over(Saying saying) {
    here_ns_ = 0;
    if (seat_ == nullptr) return;
    enter_state(TalkState::handed_over);
    seat_->yields.fetch_add(1, std::memory_order_relaxed);
    if (may_note()) note(TalkKind::yields, saying, room_.now_ns());
}

void TalkSeat::has_its_turn(Saying saying) {
    if (seat_ == nullptr) return;
    const std::int64_t waited = room_.now_ns() - seat_->since_ns.load(std::memory_order_relaxed);
    enter_state(TalkState::speaking);
    if (uncounted_in_word_ == 0) note(TalkKind::turn, saying, room_.now_ns(), static_cast<std::uint64_t>(waited));
}

void TalkSeat::ends_word(std::string_view word) {
    if (seat_ == nullptr) return;
    seat_->words.fetch_add(1, std::memory_order_relaxed);
    if (uncounted_in_word_ > 0) note(TalkKind::more, {word, 255}, room_.now_ns(), uncounted_in_word_);
    noted_in_word_ = uncounted_in_word_ = 0;
}

void TalkSeat::ends_line() {
    here_ns_ = 0;
    if (seat_ == nullptr) return;
    enter_state(TalkState::listening);
    note(TalkKind::ends, {}, room_.now_ns());
}

void TalkSeat::leaves(Saying saying) {
    if (seat_ != nullptr) note(TalkKind::leaves, saying, room_.now_ns());
}

} // namespace connscope::protocol
