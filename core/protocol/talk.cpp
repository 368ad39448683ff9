// SPDX-License-Identifier: BSL-1.0
#include "connscope/protocol/talk.hpp"

#include "connscope/protocol/byte_buffer.hpp"
#include "connscope/protocol/talk_lines.hpp"
#include "connscope/protocol/talk_room.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <string>

namespace connscope::protocol {
namespace {

using std::chrono::nanoseconds;

// How finely a word is cut into pieces: an interruption is known to within one.
constexpr int pieces_of_a_word = 16;
constexpr nanoseconds shortest_piece = std::chrono::microseconds(100);
constexpr nanoseconds longest_piece = std::chrono::milliseconds(1);
constexpr std::size_t smallest_input = 256;
constexpr std::size_t largest_input = 4096;
static_assert(largest_input > TalkLimits::line_bytes);

class TalkSession final : public Session {
public:
    TalkSession(TalkRoom& room, std::uint64_t connection)
        : seat_(room, connection) {
        input_.set_capacity(smallest_input);
    }
    ~TalkSession() override { seat_.leaves(saying()); }

    Action next() override {
        if (action_.kind == Action::Kind::compute) seat_.is_here(saying(), {});
        return action_;
    }

    std::span<std::byte> input() override { return input_.room(); }
    void received(std::size_t bytes) override;
    std::span<const std::byte> output() const override { return std::as_bytes(std::span(answer_).subspan(sent_)); }
    void sent(std::size_t bytes) override;
    void elapsed(nanoseconds time) override;

    std::uint64_t requests() const noexcept override { return requests_; }
    std::size_t memory_bytes() const noexcept override {
        return sizeof(*this) + input_.capacity() + words_.capacity() + answer_.capacity() + manner_.name.capacity();
    }
    bool in_request() const noexcept override { return !speaking() && !input_.empty(); }

private:
    bool speaking() const noexcept { return word_ < words_.size(); }
    std::string_view word() const noexcept {
        const std::string_view rest = std::string_view(words_).substr(word_);
        return rest.substr(0, rest.find(' '));
    }
    // The word that it is in.
    TalkSeat::Saying saying() const noexcept {
        if (!begun_) return {}; // between two words
        const double letters = std::floor(said_ * static_cast<double>(word().size()));
        return {word(), static_cast<std::uint8_t>(std::clamp(letters, 0.0, 255.0))};
    }

    void advance();
    bool take_line();
    void want(Action::Kind kind, nanoseconds duration = {}) { action_ = {kind, duration}; }
    void want_piece();
    void want_input();
    void spoke(nanoseconds time);

    TalkSeat seat_;
    TalkManner manner_;
    Action action_{Action::Kind::read};
    ByteBuffer input_;
    std::string words_;    // of the line that is being said
    std::size_t word_ = 0; // where the word begins; at the end when nothing is being said
    double said_ = 0;      // share of the word
    bool begun_ = false;   // to say the word
    std::string answer_;   // to the line, once it is said
    std::size_t sent_ = 0; // of the answer
    nanoseconds turn_{};   // spoken since others had a turn
    std::uint32_t words_in_turn_ = 0;
    std::uint64_t requests_ = 0;
    bool yield_due_ = false;
    bool skipping_ = false; // the rest of a line that is too long
    bool answering_ = false;
    bool peer_finished_ = false;
};

void TalkSession::received(std::size_t bytes) {
    if (bytes == 0) peer_finished_ = true;
    input_.filled(bytes);
    advance();
}

void TalkSession::sent(std::size_t bytes) {
    sent_ += std::min(bytes, answer_.size() - sent_);
    if (sent_ < answer_.size()) return;
    answering_ = false;
    ++requests_;
    advance();
}

void TalkSession::elapsed(nanoseconds time) {
    if (action_.kind == Action::Kind::compute) {
        spoke(time);
    } else if (action_.kind == Action::Kind::yield) {
        yield_due_ = false;
        words_in_turn_ = 0;
        turn_ = {};
        seat_.has_its_turn(saying());
    } else {
        return;
    }
    advance();
}

// A piece of a word is out.
void TalkSession::spoke(nanoseconds time) {
    seat_.is_here(saying(), time);
    const nanoseconds whole = seat_.room().word_time();
    said_ += static_cast<double>(time.count()) / static_cast<double>(whole.count());
    turn_ += time;
    if (manner_.turn.count() > 0 && turn_ >= manner_.turn) yield_due_ = true;
    if (said_ < 0.9999) return;
    const std::string_view said = word();
    seat_.ends_word(said);
    word_ = std::min(word_ + said.size() + 1, words_.size());
    said_ = 0;
    begun_ = false;
    if (++words_in_turn_ >= manner_.yield_words && manner_.yield_words > 0) yield_due_ = true;
    if (speaking()) return;
    seat_.ends_line();
    answering_ = true;
}

void TalkSession::advance() {
    for (;;) {
        if (answering_) return want(Action::Kind::write);
        if (!speaking()) {
            if (!take_line()) return want_input();
            continue;
        }
        if (yield_due_) {
            seat_.hands_over(saying());
            return want(Action::Kind::yield);
        }
        return want_piece();
    }
}

void TalkSession::want_piece() {
    if (!begun_) {
        begun_ = true;
        seat_.begins({word()});
    }
    const nanoseconds whole = seat_.room().word_time();
    const nanoseconds left(static_cast<std::int64_t>((1 - said_) * static_cast<double>(whole.count())) + 1);
    nanoseconds piece = std::clamp<nanoseconds>(whole / pieces_of_a_word, shortest_piece, longest_piece);
    if (manner_.turn.count() > 0) piece = std::min(piece, std::max<nanoseconds>(manner_.turn - turn_, nanoseconds(1000)));
    if (left < piece * 3 / 2) piece = std::min(left, piece * 3 / 2); // no crumb is left over
    want(Action::Kind::compute, piece);
}

// Takes the next whole line out of the input. False: there is none.
bool TalkSession::take_line() {
    std::string_view contents = input_.contents();
    const std::size_t end = contents.find('\n');
    if (end == std::string_view::npos) {
        if (contents.size() > TalkLimits::line_bytes) {
            skipping_ = true;
            input_.clear();
            contents = {};
        }
        // What was never ended by a line end is a line, too.
        if (!peer_finished_ || (contents.empty() && !skipping_)) return false;
    }
    std::string_view line = contents.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    TalkLine understood;
    if (skipping_ || line.size() > TalkLimits::line_bytes) {
        skipping_ = false;
        understood.answer = too_long_a_line();
    } else {
        understood = understand_talk(line, manner_);
    }
    input_.consume(end == std::string_view::npos ? contents.size() : end + 1);
    if (!manner_.name.empty()) seat_.call_it(manner_.name);
    words_ = std::move(understood.words);
    word_ = 0;
    said_ = 0;
    begun_ = false;
    answer_ = std::move(understood.answer);
    sent_ = 0;
    answering_ = words_.empty() && !answer_.empty();
    return true;
}

void TalkSession::want_input() {
    yield_due_ = false; // it hands over by waiting
    words_in_turn_ = 0;
    turn_ = {};
    if (peer_finished_) return want(Action::Kind::close);
    input_.compact();
    if (input_.room().empty()) input_.set_capacity(std::min(input_.capacity() * 2, largest_input));
    want(Action::Kind::read);
}

} // namespace

std::unique_ptr<Session> make_talk_session(const SessionPlace& place) {
    assert(place.room != nullptr);
    return std::make_unique<TalkSession>(*place.room, place.connection);
}

} // namespace connscope::protocol
