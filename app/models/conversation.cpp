// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/conversation.hpp"

#include "models/format.hpp"

#include <QCoreApplication>

#include <algorithm>

namespace connscope::app {

namespace {
constexpr int most_words_of_a_row = 12; // then a monologue goes on in the next one
const QString dash = QStringLiteral("—");
const QString ellipsis = QStringLiteral("…");
} // namespace

QString mark_text(const TalkRow& row) {
    const auto tr = [](const char* text) { return QCoreApplication::translate("Conversation", text); };
    switch (row.mark) {
    case TalkRow::Mark::none:
        return {};
    case TalkRow::Mark::yield:
        return tr("YIELD");
    case TalkRow::Mark::next:
        return tr("NEXT! %1").arg(row.next_for);
    case TalkRow::Mark::end:
        return tr("end of the line");
    case TalkRow::Mark::leaves:
        return tr("leaves");
    case TalkRow::Mark::enters:
        return tr("enters");
    }
    return {};
}

void Conversation::clear() { *this = Conversation(); }

void Conversation::begin_anew() {
    lanes_.clear();
    rows_.clear();
    lost_ = 0;
}

TalkLane* Conversation::lane_of(std::uint64_t connection) {
    const auto found =
        std::find_if(lanes_.begin(), lanes_.end(), [&](const auto& lane) { return lane.speaker.connection == connection; });
    if (found != lanes_.end()) return &*found;
    if (lanes_.size() >= most_lanes) {
        const auto gone = std::find_if(lanes_.begin(), lanes_.end(), [](const auto& lane) { return !lane.is_here; });
        if (gone == lanes_.end()) return nullptr;
        lanes_.erase(gone);
    }
    TalkLane lane;
    lane.speaker.connection = connection;
    lane.speaker.name = QStringLiteral("#%1").arg(connection);
    lanes_.push_back(std::move(lane));
    return &lanes_.back();
}

QString Conversation::name_of(std::uint64_t connection) const {
    for (const TalkLane& lane : lanes_) {
        if (lane.speaker.connection == connection) return lane.speaker.name;
    }
    return connection == 0 ? QString() : QStringLiteral("#%1").arg(connection);
}

void Conversation::take(const TalkReading& reading) {
    if (reading.next < next_) clear(); // another server
    now_s_ = reading.now_s;
    word_us_ = reading.word_us;
    lost_ += next_ == 0 ? 0 : reading.lost;
    if (reading.lost > 0) {
        // Who said what meanwhile is not known.
        for (TalkLane& lane : lanes_) {
            if (!lane.stretches.empty()) lane.stretches.back().is_open = false;
            lane.line.clear();
            lane.line_words = 0;
        }
    }
    next_ = reading.next;
    for (const TalkSpeaker& speaker : reading.speakers) { // their names are wanted by the entries
        if (TalkLane* lane = lane_of(speaker.connection)) lane->speaker = speaker;
    }
    for (const TalkEvent& event : reading.events) take(event);
    for (TalkLane& lane : lanes_) {
        lane.is_here = std::any_of(reading.speakers.begin(), reading.speakers.end(), [&](const TalkSpeaker& speaker) {
            return speaker.connection == lane.speaker.connection;
        });
        if (lane.stretches.empty() || !lane.stretches.back().is_open) continue;
        TalkStretch& last = lane.stretches.back();
        if (!lane.is_here) {
            last.is_open = false;
        } else if (last.kind == TalkStretch::Kind::speaking && lane.speaker.state == TalkSpeaker::State::interrupted) {
            last.end_s = std::max(last.begin_s, lane.speaker.since_s); // it is told as an entry once it goes on
        } else {
            last.end_s = now_s_;
        }
    }
}

void Conversation::close(TalkLane& lane, double at_s, int letters) {
    if (lane.stretches.empty() || !lane.stretches.back().is_open) return;
    TalkStretch& last = lane.stretches.back();
    last.is_open = false;
    last.end_s = std::max(last.begin_s, at_s);
    if (last.kind != TalkStretch::Kind::speaking) return;
    last.to_letter = letters;
    say(lane, last);
}

void Conversation::open(TalkLane& lane, TalkStretch stretch) {
    if (lane.stretches.size() >= most_stretches) lane.stretches.pop_front();
    stretch.end_s = stretch.begin_s;
    lane.stretches.push_back(std::move(stretch));
}

// Puts what was said in a stretch into the row that is being made.
void Conversation::say(TalkLane& lane, const TalkStretch& stretch) {
    QString said = stretch.word.mid(stretch.from_letter, stretch.to_letter - stretch.from_letter);
    if (said.isEmpty()) return; // not a letter
    if (stretch.from_letter > 0) said.prepend(ellipsis);
    if (stretch.to_letter < stretch.word.size()) said += dash;
    if (lane.line.isEmpty()) lane.line_begin_s = stretch.begin_s;
    if (!lane.line.isEmpty()) lane.line += QLatin1Char(' ');
    lane.line += said;
    ++lane.line_words;
}

void Conversation::end_row(TalkLane& lane, double at_s, TalkRow::Mark mark, std::uint64_t next_for) {
    if (lane.line.isEmpty() && mark == TalkRow::Mark::none) return;
    // A turn that brought no letter is no line of its own.
    const bool is_turn = mark == TalkRow::Mark::next || mark == TalkRow::Mark::yield;
    if (lane.line.isEmpty() && is_turn) {
        ++lane.turns;
        return;
    }
    TalkRow row;
    row.begin_s = lane.line.isEmpty() ? at_s : lane.line_begin_s;
    row.end_s = at_s;
    row.speaker = lane.speaker.connection;
    row.name = lane.speaker.name;
    row.text = std::exchange(lane.line, QString());
    if (const int turns = std::exchange(lane.turns, 0); turns > 0)
        row.text.prepend(QCoreApplication::translate("Conversation", "(%1 turns without a letter) ").arg(turns));
    row.mark = mark;
    row.next_for = mark == TalkRow::Mark::next ? name_of(next_for) : QString();
    row.waited_s = std::exchange(lane.waited_s, 0.0);
    lane.line_words = 0;
    // An interruption is told when it is over, so a row may belong before others.
    auto place = rows_.end();
    while (place != rows_.begin() && (place - 1)->end_s > row.end_s) --place;
    rows_.insert(place, std::move(row));
    if (rows_.size() > most_rows) rows_.pop_front();
}

void Conversation::take(const TalkEvent& event) {
    TalkLane* const lane = lane_of(event.speaker);
    if (lane == nullptr) return;
    const int whole = lane->stretches.empty() ? 0 : static_cast<int>(lane->stretches.back().word.size());
    switch (event.kind) {
    case TalkEvent::Kind::enters:
        end_row(*lane, event.at_s, TalkRow::Mark::enters);
        break;
    case TalkEvent::Kind::leaves:
        close(*lane, event.at_s, event.letters);
        end_row(*lane, event.at_s, TalkRow::Mark::leaves);
        lane->is_here = false;
        break;
    case TalkEvent::Kind::word:
        close(*lane, event.at_s, whole);
        if (lane->line_words >= most_words_of_a_row) end_row(*lane, event.at_s, TalkRow::Mark::none);
        open(*lane, {.begin_s = event.at_s, .word = event.word, .begins_word = true});
        break;
    case TalkEvent::Kind::yields:
        close(*lane, event.at_s, event.word.isEmpty() ? whole : event.letters);
        end_row(*lane, event.at_s, TalkRow::Mark::yield);
        open(*lane, {.kind = TalkStretch::Kind::handed_over,
                     .begin_s = event.at_s,
                     .word = event.word,
                     .from_letter = event.letters});
        break;
    case TalkEvent::Kind::next:
        // What another program takes is no turn of anybody here: the word goes on, only slower.
        lane->is_elsewhere = event.next_for == 0;
        if (lane->is_elsewhere) break;
        close(*lane, event.at_s, event.letters);
        end_row(*lane, event.at_s, TalkRow::Mark::next, event.next_for);
        open(*lane, {.kind = TalkStretch::Kind::interrupted,
                     .begin_s = event.at_s,
                     .word = event.word,
                     .from_letter = event.letters,
                     .next_for = event.next_for});
        break;
    case TalkEvent::Kind::turn:
    case TalkEvent::Kind::resumes:
        if (std::exchange(lane->is_elsewhere, false)) break;
        close(*lane, event.at_s, event.letters);
        lane->waited_s += event.waited_s;
        if (event.word.isEmpty()) break; // a word follows
        open(*lane, {.begin_s = event.at_s, .word = event.word, .from_letter = event.letters});
        break;
    case TalkEvent::Kind::ends:
        close(*lane, event.at_s, whole);
        end_row(*lane, event.at_s, TalkRow::Mark::end);
        break;
    case TalkEvent::Kind::more:
        if (!lane->line.isEmpty()) lane->line += QLatin1Char(' ');
        lane->line +=
            QCoreApplication::translate("Conversation", "(%1 more turns within “%2”)").arg(event.times).arg(event.word);
        break;
    }
}

QString Conversation::text(const QString& heading) const {
    QString text = heading + QLatin1Char('\n');
    if (rows_.empty()) return text;
    qsizetype widest = 0;
    for (const TalkRow& row : rows_) widest = std::max(widest, row.name.size());
    const double begin_s = rows_.front().begin_s;
    for (const TalkRow& row : rows_) {
        text += QStringLiteral("%1 s  %2  ").arg(row.begin_s - begin_s, 12, 'f', 6).arg(row.name, static_cast<int>(-widest));
        QStringList parts;
        if (row.waited_s > 0)
            parts << QCoreApplication::translate("Conversation", "(waited %1)").arg(duration_text(row.waited_s));
        if (!row.text.isEmpty()) parts << row.text;
        if (row.mark != TalkRow::Mark::none) parts << mark_text(row);
        text += parts.join(QLatin1Char(' ')) + QLatin1Char('\n');
    }
    return text;
}

} // namespace connscope::app
