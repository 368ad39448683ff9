// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/conversation_view.hpp"

#include "models/format.hpp"
#include "views/card.hpp"
#include "views/palette.hpp"

#include <QHelpEvent>
#include <QPainter>
#include <QToolTip>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace connscope::app {

namespace {

constexpr double words_seen = 14;
constexpr double shortest_span_s = 0.002;
constexpr int head_characters = 24; // of a lane's head
constexpr int margin = 12;
constexpr double narrow = 4; // pixels

QString state_text(const TalkSpeaker& speaker, double now_s) {
    const QString since = duration_text(std::max(0.0, now_s - speaker.since_s));
    switch (speaker.state) {
    case TalkSpeaker::State::listening:
        return ConversationView::tr("has nothing to say");
    case TalkSpeaker::State::speaking:
        return ConversationView::tr("speaks");
    case TalkSpeaker::State::handed_over:
        return ConversationView::tr("waits since %1").arg(since);
    case TalkSpeaker::State::interrupted:
        return ConversationView::tr("interrupted since %1").arg(since);
    }
    return {};
}

Meaning meaning_of(const TalkStretch& stretch) {
    switch (stretch.kind) {
    case TalkStretch::Kind::speaking:
        return Meaning::running;
    case TalkStretch::Kind::handed_over:
        return Meaning::ready;
    case TalkStretch::Kind::interrupted:
        break;
    }
    return Meaning::involuntary;
}

// A step of 1, 2 or 5 times a power of ten, at least `least`.
double round_step(double least) {
    const double unit = std::pow(10, std::floor(std::log10(least)));
    for (const double factor : {1.0, 2.0, 5.0}) {
        if (unit * factor >= least) return unit * factor;
    }
    return unit * 10;
}

} // namespace

struct ConversationView::Place {
    QRect lanes; // heads and times
    int times_left = 0;
    int lane_height = 0;
    double begin_s = 0;
    double now_s = 0;

    double x(double at_s) const {
        const double share = (at_s - begin_s) / (now_s - begin_s);
        return times_left + std::clamp(share, -1.0, 2.0) * (lanes.right() - times_left);
    }
};

ConversationView::ConversationView(const Conversation& conversation, QWidget* parent)
    : QWidget(parent)
    , conversation_(conversation) {
    setObjectName(QStringLiteral("conversation_view"));
    setAccessibleName(tr("Who speaks, who waits and who was interrupted, over time"));
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
}

double ConversationView::span_s() const {
    return std::max(shortest_span_s, words_seen * std::max(conversation_.word_us(), 1.0) / 1e6);
}

QSize ConversationView::minimumSizeHint() const {
    return {fontMetrics().averageCharWidth() * (head_characters + 30), fontMetrics().height() * 10};
}

QSize ConversationView::sizeHint() const { return {900, fontMetrics().height() * 22}; }

ConversationView::Place ConversationView::place() const {
    Place place;
    const int line = fontMetrics().height();
    place.lanes = rect().adjusted(margin, line + 12, -margin, -line - 10);
    place.times_left = place.lanes.left() + fontMetrics().averageCharWidth() * head_characters;
    const auto lanes = std::max<int>(1, static_cast<int>(conversation_.lanes().size()));
    place.lane_height = std::clamp(place.lanes.height() / lanes, line + 4, line * 4);
    place.now_s = conversation_.now_s();
    place.begin_s = place.now_s - span_s();
    return place;
}

void ConversationView::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    const Ink& colours = ink(palette());
    const Place at = place();
    if (conversation_.lanes().empty()) {
        painter.setPen(colours.muted);
        painter.drawText(rect().adjusted(margin, margin, -margin, -margin), Qt::AlignCenter | Qt::TextWordWrap,
                         tr("Nobody is in the room."));
        return;
    }
    paint_axis(painter, at);
    QRect row(at.lanes.left(), at.lanes.top(), at.lanes.width(), at.lane_height);
    const int fitting = at.lanes.height() / at.lane_height;
    int shown = 0;
    for (const TalkLane& lane : conversation_.lanes()) {
        if (shown == fitting) break;
        paint_lane(painter, at, lane, row);
        row.translate(0, at.lane_height);
        ++shown;
    }
    painter.setPen(colours.muted);
    const auto hidden = static_cast<int>(conversation_.lanes().size()) - shown;
    const QRect legend(at.lanes.left(), margin - 4, at.lanes.width(), fontMetrics().height() + 4);
    if (hidden > 0) painter.drawText(legend, Qt::AlignLeft | Qt::AlignVCenter, tr("and %n more", nullptr, hidden));
    paint_legend(painter, legend);
}

void ConversationView::paint_axis(QPainter& painter, const Place& at) const {
    const Ink& colours = ink(palette());
    const QRect line(at.times_left, at.lanes.bottom() + 4, at.lanes.right() - at.times_left, fontMetrics().height() + 2);
    const double span = at.now_s - at.begin_s;
    const double step = round_step(span / 8);
    painter.setFont(scaled_font(font(), 0.9));
    for (int n = 0; n * step <= span * 1.001; ++n) {
        const int x = static_cast<int>(at.x(at.now_s - n * step));
        painter.fillRect(QRect(x, at.lanes.top(), 1, at.lanes.height()), colours.grid);
        painter.setPen(colours.muted);
        const QString text = n == 0 ? tr("now") : QStringLiteral("−") + duration_text(n * step);
        const int width = painter.fontMetrics().horizontalAdvance(text);
        painter.drawText(std::min(x - width / 2, line.right() - width), line.bottom() - 2, text);
    }
    painter.setFont(font());
}

void ConversationView::paint_legend(QPainter& painter, const QRect& row) const {
    const std::array entries{
        std::pair{Meaning::running, tr("says a word")},
        std::pair{Meaning::ready, tr("handed over (YIELD), waits")},
        std::pair{Meaning::involuntary, tr("interrupted in mid-word (NEXT!)")},
    };
    painter.setFont(scaled_font(font(), 0.9));
    const int side = painter.fontMetrics().ascent() - 2;
    int right = row.right();
    for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
        const int width = painter.fontMetrics().horizontalAdvance(entry->second);
        right -= width;
        painter.setPen(ink(palette()).muted);
        painter.drawText(QRect(right, row.top(), width, row.height()), Qt::AlignVCenter, entry->second);
        right -= side + 5;
        painter.fillRect(QRect(right, row.center().y() - side / 2, side, side), colour(entry->first, palette()));
        right -= 16;
    }
    painter.setFont(font());
}

void ConversationView::paint_head(QPainter& painter, const TalkLane& lane, const QRect& row) const {
    const Ink& colours = ink(palette());
    const int line = fontMetrics().height();
    const bool two_lines = row.height() >= 2 * line + 4;
    QRect head(row.left(), row.top(), fontMetrics().averageCharWidth() * (head_characters - 1), row.height());
    const QString state = lane.is_here ? state_text(lane.speaker, conversation_.now_s()) : tr("has left");
    painter.setFont(scaled_font(font(), 1.0, QFont::DemiBold));
    painter.setPen(lane.is_here ? colours.text : colours.muted);
    const QRect name = two_lines ? head.adjusted(0, head.height() / 2 - line, 0, -head.height() / 2) : head;
    const QString shown_name =
        painter.fontMetrics().elidedText(lane.speaker.name, Qt::ElideRight, two_lines ? head.width() : head.width() / 3);
    painter.drawText(name, Qt::AlignVCenter | Qt::AlignLeft, shown_name);
    painter.setFont(scaled_font(font(), 0.92));
    const bool stands = lane.speaker.state == TalkSpeaker::State::interrupted;
    painter.setPen(!lane.is_here                                           ? colours.muted
                   : stands                                                ? text_colour(Meaning::involuntary, palette())
                   : lane.speaker.state == TalkSpeaker::State::handed_over ? text_colour(Meaning::ready, palette())
                   : lane.speaker.state == TalkSpeaker::State::speaking    ? text_colour(Meaning::running, palette())
                                                                           : colours.muted);
    const QRect below = two_lines ? head.adjusted(0, head.height() / 2, 0, -head.height() / 2 + line)
                                  : head.adjusted(head.width() / 3 + 4, 0, 0, 0);
    painter.drawText(below, Qt::AlignVCenter | Qt::AlignLeft,
                     painter.fontMetrics().elidedText(state, Qt::ElideRight, below.width()));
    painter.setFont(font());
}

// Stretches that are wide enough are drawn one by one; of narrower ones, the height in a pixel is the share of time in which
// the speaker spoke. A word stands where it began, whatever became of it.
void ConversationView::paint_lane(QPainter& painter, const Place& at, const TalkLane& lane, const QRect& row) const {
    const Ink& colours = ink(palette());
    painter.fillRect(QRect(row.left(), row.bottom(), row.width(), 1), colours.grid);
    paint_head(painter, lane, row);
    painter.save();
    const QRect times(at.times_left, row.top(), at.lanes.right() - at.times_left + 1, row.height());
    painter.setClipRect(times);
    const int half = std::min(row.height() - 6, fontMetrics().height() + 8) / 2;
    const int middle = row.center().y();
    const QFont small = scaled_font(font(), 0.85, QFont::DemiBold);
    struct Column {
        double spoke = 0; // pixels' worth of time
        double stood = 0;
        Meaning why = Meaning::ready;
    };
    std::vector<Column> columns(static_cast<std::size_t>(std::max(times.width(), 1)));
    struct Word {
        double x;
        double said; // pixels of its first stretch; that of the word being said goes on
        QString text;
    };
    std::vector<Word> words; // the newest first
    for (auto each = lane.stretches.rbegin(); each != lane.stretches.rend(); ++each) {
        const bool speaks = each->kind == TalkStretch::Kind::speaking;
        if (speaks && each->begins_word) {
            const double x = at.x(each->begin_s);
            const double until = at.x(each->end_s);
            const double left = std::max<double>(x, times.left());
            if (until > left) words.push_back({x, until >= times.right() ? times.width() : until - left, each->word});
        }
        if (each->end_s < at.begin_s) {
            if (each->begins_word) break; // all that can be seen has its word
            continue;
        }
        const double from = at.x(each->begin_s), to = at.x(each->end_s);
        const Meaning meaning = meaning_of(*each);
        if (to - from < narrow) {
            const auto number =
                static_cast<std::size_t>(std::clamp(static_cast<int>(from) - times.left(), 0, times.width() - 1));
            (speaks ? columns[number].spoke : columns[number].stood) += to - from;
            if (!speaks) columns[number].why = meaning;
            continue;
        }
        const int left = static_cast<int>(from), right = static_cast<int>(to);
        if (speaks) {
            painter.fillRect(QRect(left, middle - half, right - left, 2 * half), area_colour(meaning, palette()));
            continue;
        }
        painter.fillRect(QRect(left, middle - 2, right - left, 4), colour(meaning, palette()));
        painter.fillRect(QRect(left, middle - half, 2, 2 * half), colour(meaning, palette()));
        painter.setFont(small);
        const QString mark = each->kind == TalkStretch::Kind::interrupted ? tr("NEXT!") : tr("YIELD");
        if (right - left > painter.fontMetrics().horizontalAdvance(mark) + 8) {
            painter.setPen(text_colour(meaning, palette()));
            painter.drawText(left + 6, middle - 5, mark);
        }
    }
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const double all = columns[i].spoke + columns[i].stood;
        if (all <= 0) continue;
        const int x = times.left() + static_cast<int>(i);
        const int width = std::max(1, static_cast<int>(std::ceil(all)));
        const int height = static_cast<int>(2 * half * columns[i].spoke / all);
        if (columns[i].stood > 0) painter.fillRect(QRect(x, middle - 2, width, 4), colour(columns[i].why, palette()));
        painter.fillRect(QRect(x, middle - height / 2, width, height), area_colour(Meaning::running, palette()));
    }
    painter.setFont(font());
    double end = times.right();
    for (const Word& word : words) {
        const int left = std::max(static_cast<int>(word.x), times.left());
        const int room = static_cast<int>(end) - left - 6;
        end = word.x;
        if (room < fontMetrics().averageCharWidth() * 2) continue;
        painter.fillRect(QRect(left, middle - half, 1, 2 * half), colour(Meaning::running, palette()));
        const QString text = fontMetrics().elidedText(word.text, Qt::ElideRight, room);
        const int width = fontMetrics().horizontalAdvance(text);
        // Where it was said in parts too narrow to stand on, the word has a plate of its own.
        if (word.said < width + 8) {
            QColor plate = colours.card;
            plate.setAlpha(225);
            painter.fillRect(QRect(left + 3, middle - fontMetrics().height() / 2, width + 4, fontMetrics().height()), plate);
        }
        painter.setPen(colours.text);
        painter.drawText(QRect(left + 5, middle - half, room, 2 * half), Qt::AlignVCenter | Qt::AlignLeft, text);
    }
    painter.restore();
}

const TalkLane* ConversationView::lane_at(const Place& at, int y) const {
    if (y < at.lanes.top()) return nullptr;
    const auto number = static_cast<std::size_t>((y - at.lanes.top()) / at.lane_height);
    return number < conversation_.lanes().size() ? &conversation_.lanes()[number] : nullptr;
}

bool ConversationView::event(QEvent* event) {
    if (event->type() != QEvent::ToolTip) return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    const Place at = place();
    const TalkLane* lane = lane_at(at, help->pos().y());
    if (lane == nullptr) {
        QToolTip::hideText();
        return true;
    }
    QString tip =
        tr("%1, connection %2: %3. It has said %4 words, handed over %5 times and was interrupted in mid-word for "
           "another speaker %6 times.")
            .arg(lane->speaker.name)
            .arg(lane->speaker.connection)
            .arg(lane->is_here ? state_text(lane->speaker, conversation_.now_s()) : tr("has left"))
            .arg(count_text(static_cast<double>(lane->speaker.words)), count_text(static_cast<double>(lane->speaker.yields)),
                 count_text(static_cast<double>(lane->speaker.interruptions)));
    for (const TalkStretch& each : lane->stretches) {
        if (help->pos().x() < at.x(each.begin_s) || help->pos().x() > at.x(each.end_s)) continue;
        const QString long_text = duration_text(each.end_s - each.begin_s);
        if (each.kind == TalkStretch::Kind::speaking)
            tip += QLatin1Char('\n') + tr("“%1” for %2.").arg(each.word, long_text);
        else
            tip += QLatin1Char('\n') + tr("Waited %1.").arg(long_text);
        break;
    }
    QToolTip::showText(help->globalPos(), tip, this);
    return true;
}

} // namespace connscope::app
