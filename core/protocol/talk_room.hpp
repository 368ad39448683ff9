// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace connscope::protocol {

// Where code runs.
struct TalkPlace {
    std::uint32_t cpu = 0;
    std::uint64_t thread = 0; // any number that tells threads apart
    bool operator==(const TalkPlace&) const = default;
};

// What a room is lent by its server: sessions have neither a clock nor a notion of threads of their own.
struct RoomSenses {
    std::int64_t (*now_ns)() = nullptr; // monotonic
    TalkPlace (*place)() = nullptr;
};

// What happened in the room.
enum class TalkKind : std::uint8_t {
    enters = 1,
    leaves,  // `letters` of `word` were said
    word,    // begins `word`
    yields,  // hands over after `letters` of `word`, or between two words: then there is none
    turn,    // has its turn again, `other` ns after it handed over
    next,    // NEXT!: interrupted after `letters` of `word`, for the connection `other`; 0: for another program
    resumes, // goes on in `word` where it was interrupted, `other` ns later
    ends,    // has said its line
    more,    // handed over or was interrupted in `word` `other` times more than was written down
};
std::string_view name_of(TalkKind kind) noexcept; // "enters", …

struct TalkEntry {
    std::uint64_t number = 0; // counts up from 1
    std::int64_t at_ns = 0; // of the room's clock; an interruption is known when it is over, so entries are not in its order
    std::uint64_t connection = 0;
    TalkKind kind = TalkKind::enters;
    std::uint8_t letters = 0;
    std::uint64_t other = 0;
    std::string word;
};

struct TalkPage {
    std::vector<TalkEntry> entries;
    std::uint64_t next = 0;    // `after` of the page behind this one
    std::uint64_t lost = 0;    // overwritten before they were asked for
    std::uint64_t written = 0; // entries since the room was opened
};

// What a speaker is doing.
enum class TalkState : std::uint8_t {
    listening = 1, // has nothing to say
    speaking,      // says a word, as far as known: `heard_ns` tells when it was heard last
    handed_over,   // yielded and waits for its turn
};

struct TalkSpeaker {
    std::uint64_t connection = 0;
    std::string name;
    TalkState state = TalkState::listening;
    std::int64_t since_ns = 0; // in this state
    std::int64_t heard_ns = 0; // when it last said something
    std::uint64_t words = 0;
    std::uint64_t yields = 0;
    std::uint64_t interruptions = 0; // in mid-word, for another speaker
};

// The room in which the sessions of the protocol `talk` speak: who is there, how fast one speaks, and what was said by whom
// when. Its memory is bounded and shared with processes that are forked from this one; nobody waits for anybody in it. Any
// thread.
class TalkRoom {
public:
    static constexpr std::size_t seats = 256;    // further ones speak, but stand outside of the transcript
    static constexpr std::size_t entries = 8192; // of the transcript; older ones are forgotten
    static constexpr std::chrono::microseconds shortest_word{10};
    static constexpr std::chrono::microseconds longest_word{1'000'000};

    // Throws std::bad_alloc.
    TalkRoom(RoomSenses senses, std::chrono::microseconds word_time);
    ~TalkRoom();
    TalkRoom(const TalkRoom&) = delete;
    TalkRoom& operator=(const TalkRoom&) = delete;

    // How long one speaks on a word; changes in the middle of one, too.
    std::chrono::microseconds word_time() const noexcept;
    void set_word_time(std::chrono::microseconds time) noexcept; // between the shortest and the longest

    std::int64_t now_ns() const noexcept { return senses_.now_ns(); }

    // For observers: at most `limit` entries behind the number `after`, the oldest of them or the newest.
    enum class Part : std::uint8_t { oldest, newest };
    TalkPage page(std::uint64_t after, std::size_t limit, Part part = Part::oldest) const;
    std::vector<TalkSpeaker> speakers() const; // by connection

private:
    friend class TalkSeat;
    struct Seat;
    struct Entry;
    struct Shared;

    Seat* take_seat(std::uint64_t connection) noexcept; // nullptr: all are taken

    RoomSenses senses_;
    Shared* shared_;
};

// A speaker's place in a room, from entering to leaving. Used by one thread at a time.
class TalkSeat {
public:
    // A word being said and how far.
    struct Saying {
        std::string_view word;
        std::uint8_t letters = 0;
    };

    TalkSeat(TalkRoom& room, std::uint64_t connection);
    ~TalkSeat();
    TalkSeat(const TalkSeat&) = delete;
    TalkSeat& operator=(const TalkSeat&) = delete;

    TalkRoom& room() const noexcept { return room_; }
    void call_it(std::string_view name) noexcept;
    void begins(Saying saying);
    // It runs at this moment, having computed `spoken` since it was here last. Whatever else has gone by since then was an
    // interruption, and is noted as one when another speaker was heard in its place meanwhile or it was long.
    void is_here(Saying saying, std::chrono::nanoseconds spoken);
    void hands_over(Saying saying);
    void has_its_turn(Saying saying);
    void ends_word(std::string_view word);
    void ends_line();
    void leaves(Saying saying); // once, at the end

private:
    void enter_state(TalkState state) noexcept;
    void be_here(std::int64_t now) noexcept;
    void note(TalkKind kind, Saying saying, std::int64_t at_ns, std::uint64_t other = 0) noexcept;
    bool may_note() noexcept;
    std::uint64_t heard_in_place(std::int64_t since_ns) const noexcept;

    TalkRoom& room_;
    TalkRoom::Seat* seat_;
    std::uint64_t connection_;
    std::int64_t here_ns_ = 0; // when it was known to run last; 0: it did not speak then
    TalkPlace place_;
    std::uint32_t noted_in_word_ = 0;
    std::uint32_t uncounted_in_word_ = 0;
};

} // namespace connscope::protocol
