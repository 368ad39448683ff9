// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/timeline_view.hpp"

#include "models/format.hpp"
#include "models/time_view.hpp"
#include "views/card.hpp"

#include <QComboBox>
#include <QHelpEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>

#include <algorithm>
#include <cmath>

namespace connscope::app {

namespace {

using telemetry::layout::EventKind;

constexpr int lane_gap = 3;
constexpr int block_text_margin = 4;
constexpr double least_strength = 0.12; // of the lane's height: a pixel in which little ran is still seen
constexpr double dimmed = 0.25;         // while another connection is selected

QString ending_text(EventKind kind) {
    switch (kind) {
    case EventKind::slice_to_read:
        return TimelineView::tr("then waited to read");
    case EventKind::slice_to_write:
        return TimelineView::tr("then waited to write");
    case EventKind::slice_to_ready:
        return TimelineView::tr("then yielded");
    case EventKind::slice_to_pause:
        return TimelineView::tr("then paused");
    case EventKind::slice_to_close:
        return TimelineView::tr("then was closed");
    case EventKind::slice_to_hand_off:
        return TimelineView::tr("then was handed over to another carrier");
    case EventKind::opened:
    case EventKind::mode_changed:
        break;
    }
    return {};
}

Meaning meaning_of_ending(EventKind kind) {
    switch (kind) {
    case EventKind::slice_to_read:
        return Meaning::waiting_read;
    case EventKind::slice_to_write:
        return Meaning::waiting_write;
    case EventKind::slice_to_ready:
        return Meaning::ready;
    case EventKind::slice_to_hand_off:
        return Meaning::thread;
    default:
        return Meaning::paused;
    }
}

// None is that of the kernel's record, which stands in the same lane.
constexpr std::array connection_hues{Meaning::coroutine, Meaning::ready,   Meaning::running,
                                     Meaning::fiber,     Meaning::closure, Meaning::paused};

QRgb blend(QRgb colour, QRgb behind, double share) {
    const auto part = [&](int a, int b) { return static_cast<int>(std::lround(a * share + b * (1 - share))); };
    return qRgb(part(qRed(colour), qRed(behind)), part(qGreen(colour), qGreen(behind)), part(qBlue(colour), qBlue(behind)));
}

} // namespace

TimelineView::TimelineView(const Timeline& timeline, TimeView& view, QWidget* parent)
    : QWidget(parent)
    , live_(timeline)
    , view_(view)
    , chooser_(new QComboBox) {
    setObjectName(QStringLiteral("timeline"));
    setAccessibleName(tr("Timeline"));
    setAccessibleDescription(tr("What ran when on each thread of the server"));
    setFocusPolicy(Qt::StrongFocus);
    setMouseTracking(true);
    chooser_->setObjectName(QStringLiteral("timeline_colours"));
    chooser_->setAccessibleName(tr("What the colours of the timeline mean"));
    chooser_->setToolTip(tr("Blocks are coloured by connection, or by how the slice ended."));
    chooser_->addItem(tr("Connection"));
    chooser_->addItem(tr("Ending"));
    connect(chooser_, &QComboBox::currentIndexChanged, this, [this] { update(); });
    connect(&view_, &TimeView::liveChanged, this, [this](bool is_live) {
        if (is_live) {
            frozen_.reset();
        } else if (!frozen_) {
            end_ = live_.newest();
            frozen_ = std::make_unique<Timeline>(live_);
        }
        refresh();
    });
}

QSize TimelineView::minimumSizeHint() const { return {fontMetrics().averageCharWidth() * 30, fontMetrics().height() * 5}; }

double TimelineView::end() const { return frozen_ ? end_ : live_.newest(); }

void TimelineView::select(std::optional<ConnectionKey> key) {
    selected_ = key;
    update();
}

void TimelineView::refresh() {
    if (!isVisible()) return;
    choose_lanes();
    QString now = summary();
    if (now != summary_) {
        summary_ = std::move(now);
        emit summaryChanged(summary_);
    }
    update();
}

QString TimelineView::summary() const {
    const std::size_t all = timeline().lanes().size();
    QString span = duration_text(span_);
    const Preemptions& kernel = timeline().preemptions();
    if (!kernel.missing().empty()) {
        span = tr("%1, without the kernel's record").arg(span);
    } else if (kernel.left_out() > 0) {
        span = tr("%1, the kernel's record without %2 threads").arg(span).arg(kernel.left_out());
    }
    if (shown_.size() >= all) return frozen_ ? tr("%1, paused").arg(span) : tr("last %1").arg(span);
    return tr("%1, the busiest %2 of %3 threads").arg(span).arg(shown_.size()).arg(all);
}

QRect TimelineView::lanes_area() const {
    const int left = label_width_ + 10;
    return {left, 0, std::max(width() - left - 4, 10), std::max(height() - fontMetrics().height() - 4, 10)};
}

int TimelineView::lane_height() const { return fontMetrics().height() + 4; }

QRect TimelineView::lane_place(std::size_t row) const {
    const QRect area = lanes_area();
    const auto rows = static_cast<int>(std::max<std::size_t>(shown_.size(), 1));
    const int height = std::clamp(area.height() / rows - lane_gap, lane_height(), 4 * lane_height());
    return {area.left(), area.top() + static_cast<int>(row) * (height + lane_gap), area.width(), height};
}

void TimelineView::choose_lanes() {
    const auto room = static_cast<std::size_t>(std::max(lanes_area().height() / (lane_height() + lane_gap), 1));
    shown_ = lanes_to_show(timeline(), begin(), end(), room, selected_);
    label_width_ = fontMetrics().horizontalAdvance(QStringLiteral("9999999"));
    for (const ShownLane& lane : shown_)
        label_width_ = std::max(label_width_, fontMetrics().horizontalAdvance(label_of(lane.thread)) + 2);
    label_width_ = std::min(label_width_, width() / 4);
}

// The thread's name, where it is told, and its number.
QString TimelineView::label_of(std::uint32_t thread) const {
    const std::string name = timeline().name_of(thread);
    const QString number = QString::number(thread);
    return name.empty() ? number : QString::fromStdString(name) + QLatin1Char(' ') + number;
}

double TimelineView::time_at(double x) const {
    const QRect area = lanes_area();
    return begin() + (x - area.left()) / area.width() * span_;
}

double TimelineView::x_of(double time) const {
    const QRect area = lanes_area();
    return area.left() + (time - begin()) / span_ * area.width();
}

// All hues, then all of them dimmed.
void TimelineView::learn_hues() {
    by_connection_ = chooser_->currentIndex() == 0;
    hues_.clear();
    if (by_connection_) {
        for (const Meaning meaning : connection_hues) hues_.push_back(colour(meaning, palette()).rgb());
    } else {
        for (auto kind = static_cast<std::uint32_t>(EventKind::slice_to_read);
             kind <= static_cast<std::uint32_t>(EventKind::slice_to_hand_off); ++kind) {
            hues_.push_back(colour(meaning_of_ending(static_cast<EventKind>(kind)), palette()).rgb());
        }
        hues_.push_back(colour(Meaning::running, palette()).rgb()); // those that have not ended
    }
    const QRgb behind = ink(palette()).hover.rgb();
    for (std::size_t hue = 0, count = hues_.size(); hue < count; ++hue) hues_.push_back(blend(hues_[hue], behind, dimmed));
}

std::size_t TimelineView::hue_of(const TimelineSlice& slice) const noexcept {
    if (!slice.is_of_connection()) { // all in one colour, or by how they ended
        const auto ended =
            slice.run_ended == ThreadRun::End::preempted ? EventKind::slice_to_ready : EventKind::slice_to_read;
        return by_connection_ ? 0 : static_cast<std::size_t>(ended) - static_cast<std::size_t>(EventKind::slice_to_read);
    }
    if (by_connection_) return static_cast<std::size_t>(slice.connection.id % (hues_.size() / 2));
    if (slice.lasts) return hues_.size() / 2 - 1;
    return static_cast<std::size_t>(slice.ended_by) - static_cast<std::size_t>(EventKind::slice_to_read);
}

// A bar for each pixel, as high as the share of it in which the thread ran a connection, in the colour of the slice that had
// the most of it.
// By the thread, not by the lane: since it was chosen it may have ended, or the view was frozen or went on.
std::span<const TimelineSlice> TimelineView::slices_of(std::size_t row, double from, double to) const {
    const auto lane = timeline().lanes().find(shown_[row].thread);
    if (lane == timeline().lanes().end()) return {};
    return lane->second.within(from, to);
}

void TimelineView::paint_lane(QPainter& painter, std::size_t row) {
    const QRect place = lane_place(row);
    const double ratio = devicePixelRatioF();
    const auto pixels = static_cast<int>(place.width() * ratio);
    const auto height = static_cast<int>(place.height() * ratio);
    const Ink& colours = ink(palette());
    pixels_.assign(static_cast<std::size_t>(pixels), {});
    wide_.clear();
    const double from = begin();
    const double per_second = pixels / span_;
    const double worded = fontMetrics().averageCharWidth() * 3 * ratio;
    for (const TimelineSlice& slice : slices_of(row, from, end())) {
        const double first = (slice.begin - from) * per_second;
        const double last = (slice.end - from) * per_second;
        if (last < 0) continue;
        if (last - first >= worded) wide_.push_back(&slice);
        const bool is_selected = selected_ && slice.connection == *selected_;
        const std::size_t hue =
            (selected_ && !is_selected && slice.is_of_connection() ? hues_.size() / 2 : 0) + hue_of(slice);
        const int left = std::clamp(static_cast<int>(first), 0, pixels - 1);
        const int right = std::clamp(static_cast<int>(last), 0, pixels - 1);
        for (int x = left; x <= right; ++x) {
            const double share = std::min<double>(last, x + 1) - std::max<double>(first, x);
            Pixel& pixel = pixels_[static_cast<std::size_t>(x)];
            pixel.busy += last - first >= 2 ? 1 : share; // a slice that is seen as a block has straight edges
            if (share > pixel.strongest || is_selected) {
                pixel.strongest = is_selected ? 2 : share;
                pixel.hue = hue;
            }
        }
    }
    bars_.resize(hues_.size());
    for (int x = 0; x < pixels; ++x) {
        const Pixel& pixel = pixels_[static_cast<std::size_t>(x)];
        if (pixel.busy <= 0) continue;
        const double share = pixel.strongest >= 2 ? 1 : std::clamp(pixel.busy, least_strength, 1.0);
        const auto bar = std::max(static_cast<int>(std::lround(share * height)), 1);
        bars_[pixel.hue].emplace_back(x, height - bar, 1, bar);
    }
    painter.fillRect(place, colours.hover);
    painter.save();
    painter.translate(place.topLeft());
    painter.scale(1 / ratio, 1 / ratio); // from here on a unit is a device pixel
    painter.setPen(Qt::NoPen);
    for (std::size_t hue = 0; hue < bars_.size(); ++hue) {
        painter.setBrush(QColor::fromRgb(hues_[hue]));
        painter.drawRects(bars_[hue].data(), static_cast<int>(bars_[hue].size()));
        bars_[hue].clear();
    }
    painter.restore();
}

// The words in the slices that paint_lane() found wide enough.
void TimelineView::paint_labels(QPainter& painter, std::size_t row) const {
    const QFontMetrics metrics = fontMetrics();
    const QRect place = lane_place(row);
    for (const TimelineSlice* slice : wide_) {
        const double left = std::max(x_of(slice->begin), static_cast<double>(place.left()));
        const double right = std::min(x_of(slice->end), static_cast<double>(place.right()));
        const double room = right - left - 2 * block_text_margin;
        const QString length = duration_text(slice->end - slice->begin);
        const QString number = slice->is_of_connection() ? QString::number(slice->connection.id) : length;
        if (metrics.horizontalAdvance(number) > room) continue;
        const QString text = !slice->is_of_connection() ? tr("ran %1").arg(length)
                             : slice->lasts             ? tr("%1 for %2 so far").arg(number, length)
                                                        : tr("%1 for %2").arg(number, length);
        const QColor hue = QColor::fromRgb(hues_[hue_of(*slice)]);
        const QString& shown = metrics.horizontalAdvance(text) <= room ? text : number;
        // A plate behind it: the kernel's record may stand there.
        const double height = metrics.height();
        painter.fillRect(QRectF(left + 2, place.center().y() + 0.5 - height / 2,
                                metrics.horizontalAdvance(shown) + 2 * block_text_margin - 4, height),
                         hue);
        painter.setPen(hue.lightness() > 120 ? QColor(0x10, 0x14, 0x18) : QColor(Qt::white));
        painter.drawText(QRectF(left + block_text_margin, place.top(), room, place.height()),
                         Qt::AlignVCenter | Qt::AlignLeft, shown);
    }
}

// A bar at the lane's lower edge from where the kernel took the CPU to where it gave one back. Where several or short ones
// share a pixel, its height is the share of time in which the thread was without a CPU.
void TimelineView::paint_preemptions(QPainter& painter, std::size_t row) {
    const QRect place = lane_place(row);
    const double ratio = devicePixelRatioF();
    const auto pixels = static_cast<int>(place.width() * ratio);
    const auto height = static_cast<int>(std::max(place.height() * 0.3, 3.0) * ratio);
    const double from = begin();
    const double per_second = pixels / span_;
    without_cpu_.assign(static_cast<std::size_t>(pixels), 0);
    for (const TimelinePreemption& each : timeline().preemptions().of(shown_[row].thread, from, end())) {
        const double first = (each.begin - from) * per_second;
        const double last = std::max((each.end - from) * per_second, first);
        if (last < 0 || first >= pixels) continue;
        const int left = std::clamp(static_cast<int>(first), 0, pixels - 1);
        const int right = std::clamp(static_cast<int>(last), 0, pixels - 1);
        for (int x = left; x <= right; ++x) {
            const double share = std::min<double>(last, x + 1) - std::max<double>(first, x);
            without_cpu_[static_cast<std::size_t>(x)] += last - first >= 2 ? 1 : std::max(share, 1e-9);
        }
    }
    std::vector<QRect>& bars = bars_.front(); // empty between two lanes
    for (int x = 0; x < pixels; ++x) {
        const double share = without_cpu_[static_cast<std::size_t>(x)];
        if (share <= 0) continue;
        const auto bar = std::max(static_cast<int>(std::lround(std::min(share, 1.0) * height)), 1);
        bars.emplace_back(x, -bar, 1, bar);
    }
    painter.save();
    painter.translate(QPointF(place.left(), place.bottom() + 1));
    painter.scale(1 / ratio, 1 / ratio);
    painter.setPen(Qt::NoPen);
    painter.setBrush(colour(Meaning::involuntary, palette()));
    painter.drawRects(bars.data(), static_cast<int>(bars.size()));
    bars.clear();
    painter.restore();
}

void TimelineView::paint_losses(QPainter& painter) const {
    const Ink& colours = ink(palette());
    for (const LostPreemptions& loss : timeline().preemptions().losses()) {
        if (loss.time < begin() || loss.time > end()) continue;
        const QRect area = lanes_area();
        const double x = x_of(loss.time);
        painter.fillRect(QRectF(x - 1, area.top(), 2, area.height()), colours.bad);
        const QString text = tr("%1 switches lost").arg(count_text(static_cast<double>(loss.count)));
        const double width = fontMetrics().horizontalAdvance(text) + 8;
        const double left = std::min(x, area.right() - width);
        painter.fillRect(QRectF(left, area.bottom() - fontMetrics().height(), width, fontMetrics().height()), colours.card);
        painter.setPen(colours.bad);
        painter.drawText(QPointF(left + 4, area.bottom() - fontMetrics().descent()), text);
    }
    for (const TimelineLoss& loss : timeline().losses()) {
        if (loss.end < begin() || loss.begin > end()) continue;
        const QRect area = lanes_area();
        const double left = std::max(x_of(loss.begin), static_cast<double>(area.left()));
        const double right = std::min(x_of(loss.end), static_cast<double>(area.right()));
        const QRectF place(left, area.top(), std::max(right - left, 2.0), area.height());
        hatch(painter, place, colours.bad);
        const QString text = tr("%1 events lost").arg(count_text(static_cast<double>(loss.events)));
        const int width = fontMetrics().horizontalAdvance(text);
        if (width + 8 > place.width()) continue;
        painter.fillRect(QRectF(left, area.top(), width + 8, fontMetrics().height() + 2), colours.card);
        painter.setPen(colours.bad);
        painter.drawText(QPointF(left + 4, area.top() + fontMetrics().ascent() + 1), text);
    }
}

void TimelineView::paint_axis(QPainter& painter) const {
    const Ink& colours = ink(palette());
    const QRect area = lanes_area();
    const QFont small = scaled_font(font(), 0.85);
    const QFontMetrics metrics(small);
    painter.setFont(small);
    // Ticks at round distances from the right end.
    const double wanted =
        span_ / std::max(area.width() / (metrics.horizontalAdvance(QStringLiteral("\u2212999 ms")) * 2), 1);
    const double power = std::pow(10, std::floor(std::log10(wanted)));
    const double step = power * (wanted / power > 5 ? 10 : wanted / power > 2 ? 5 : wanted / power > 1 ? 2 : 1);
    for (double ago = 0; ago <= span_ * 1.0001; ago += step) {
        const double x = x_of(end() - ago);
        const QString text = ago == 0 ? (frozen_ ? tr("0") : tr("now")) : QChar(0x2212) + duration_text(ago);
        const int width = metrics.horizontalAdvance(text);
        const double left =
            std::clamp(x - width / 2.0, static_cast<double>(area.left() - 10), static_cast<double>(this->width() - width));
        painter.setPen(QPen(colours.border, 0));
        painter.drawLine(QLineF(x, area.bottom() - 2, x, area.bottom() + 2));
        painter.setPen(colours.muted);
        painter.drawText(QPointF(left, height() - metrics.descent() - 1), text);
    }
}

void TimelineView::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    const Ink& colours = ink(palette());
    const QRect area = lanes_area();
    if (shown_.empty()) {
        painter.setPen(colours.muted);
        const std::string& missing = timeline().preemptions().missing();
        painter.drawText(rect().adjusted(8, 0, -8, 0), Qt::AlignCenter | Qt::TextWordWrap,
                         missing.empty()
                             ? tr("nothing has run in the last ten seconds")
                             : tr("The kernel's record of who ran is missing: %1.").arg(QString::fromStdString(missing)));
        return;
    }
    learn_hues();
    for (std::size_t row = 0; row < shown_.size(); ++row) {
        const QRect place = lane_place(row);
        if (place.bottom() > area.bottom() + 2) break;
        paint_lane(painter, row);
        painter.setPen(colours.muted);
        painter.drawText(QRect(0, place.top(), place.left() - 6, place.height()), Qt::AlignVCenter | Qt::AlignRight,
                         fontMetrics().elidedText(label_of(shown_[row].thread), Qt::ElideLeft, label_width_));
        paint_preemptions(painter, row);
        paint_labels(painter, row);
    }
    paint_losses(painter);
    paint_axis(painter);
}

const TimelineSlice* TimelineView::slice_at(const QPoint& position) const {
    for (std::size_t row = 0; row < shown_.size(); ++row) {
        if (!lane_place(row).contains(position)) continue;
        // The slice under the mouse, or the nearest one that is less than two pixels away.
        const double pixel = span_ / lanes_area().width();
        const double time = time_at(position.x() + 0.5);
        const TimelineSlice* nearest = nullptr;
        double distance = 2 * pixel;
        for (const TimelineSlice& slice : slices_of(row, time - 2 * pixel, time + 2 * pixel)) {
            const double away = time < slice.begin ? slice.begin - time : time > slice.end ? time - slice.end : 0;
            if (away < distance) {
                distance = away;
                nearest = &slice;
            }
        }
        return nearest;
    }
    return nullptr;
}

std::optional<QPoint> TimelineView::place_of(std::uint32_t thread, double time) const {
    if (time < begin() || time > end()) return std::nullopt;
    for (std::size_t row = 0; row < shown_.size(); ++row) {
        if (shown_[row].thread == thread) return QPoint(static_cast<int>(x_of(time)), lane_place(row).center().y());
    }
    return std::nullopt;
}

void TimelineView::show_span(double seconds) { zoom(seconds / span_, end()); }

void TimelineView::zoom(double factor, double around) {
    const double share = (end() - around) / span_;
    span_ = std::clamp(span_ * factor, shortest_span, longest_span);
    if (frozen_) end_ = std::min(around + share * span_, frozen_->newest());
    refresh();
}

void TimelineView::pan(double seconds) {
    view_.pause(); // freezes this view too
    end_ = std::clamp(end_ + seconds, frozen_->newest() - longest_span + span_, frozen_->newest());
    refresh();
}

void TimelineView::wheelEvent(QWheelEvent* event) {
    if (event->angleDelta().x() != 0 || event->modifiers().testFlag(Qt::ShiftModifier)) {
        const int delta = event->angleDelta().x() != 0 ? event->angleDelta().x() : event->angleDelta().y();
        pan(-span_ * 0.1 * delta / 120.0);
    } else {
        zoom(std::pow(0.75, event->angleDelta().y() / 120.0), frozen_ ? time_at(event->position().x()) : end());
    }
    event->accept();
}

void TimelineView::mousePressEvent(QMouseEvent* event) {
    if (event->button() != Qt::LeftButton) return;
    pressed_at_ = event->position().toPoint();
    dragged_ = false;
}

void TimelineView::mouseMoveEvent(QMouseEvent* event) {
    if (!pressed_at_) return;
    const QPoint position = event->position().toPoint();
    if (!dragged_ && (position - *pressed_at_).manhattanLength() < 4) return;
    dragged_ = true;
    pan((pressed_at_->x() - position.x()) * span_ / lanes_area().width());
    pressed_at_ = position;
}

void TimelineView::mouseReleaseEvent(QMouseEvent* event) {
    if (!pressed_at_) return;
    pressed_at_.reset();
    if (dragged_) return;
    const TimelineSlice* slice = slice_at(event->position().toPoint());
    if (slice != nullptr && slice->is_of_connection()) emit clicked(slice->connection);
}

void TimelineView::keyPressEvent(QKeyEvent* event) {
    switch (event->key()) {
    case Qt::Key_Left:
        pan(-span_ * 0.2);
        break;
    case Qt::Key_Right:
        pan(span_ * 0.2);
        break;
    case Qt::Key_Up:
    case Qt::Key_Plus:
        zoom(0.75, end() - span_ / 2);
        break;
    case Qt::Key_Down:
    case Qt::Key_Minus:
        zoom(1 / 0.75, end() - span_ / 2);
        break;
    default:
        QWidget::keyPressEvent(event);
    }
}

QString TimelineView::preemption_tip_at(const QPoint& position) const {
    const double time = time_at(position.x() + 0.5);
    const double near = 2 * span_ / lanes_area().width();
    for (std::size_t row = 0; row < shown_.size(); ++row) {
        const QRect place = lane_place(row);
        if (!place.contains(position) || position.y() < place.center().y()) continue;
        const Preemptions& kernel = timeline().preemptions();
        for (const TimelinePreemption& each : kernel.of(shown_[row].thread, time - near, time + near)) {
            if (time < each.begin - near || time > each.end + near) continue;
            const QString length = duration_text(each.end - each.begin);
            const QString what =
                each.lasts ? tr("The kernel took CPU %1 away %2 ago and has not given one back.").arg(each.cpu).arg(length)
                           : tr("The kernel took CPU %1 away for %2.").arg(each.cpu).arg(length);
            if (!each.other_known)
                return what + QLatin1Char(' ') + tr("Who ran instead is told to root only, or with CAP_PERFMON.");
            if (each.other_thread == 0) return what + QLatin1Char(' ') + tr("The CPU idled.");
            const QString name = QString::fromStdString(kernel.name_of(each.other_process, each.other_thread));
            return what + QLatin1Char(' ') +
                   tr("Instead ran %1, thread %2 of process %3.")
                       .arg(name.isEmpty() ? tr("another") : name)
                       .arg(each.other_thread)
                       .arg(each.other_process);
        }
    }
    return {};
}

QString TimelineView::tip_at(const QPoint& position) const {
    if (const QString tip = preemption_tip_at(position); !tip.isEmpty()) return tip;
    if (const TimelineSlice* slice = slice_at(position); slice != nullptr && !slice->is_of_connection()) {
        const QString ended = slice->run_ended == ThreadRun::End::blocked     ? tr("then it blocked or ended")
                              : slice->run_ended == ThreadRun::End::preempted ? tr("then the kernel took the CPU away")
                                                                              : tr("and went on");
        return tr("The thread ran %1, %2. By the kernel's record; for which connection, it does not tell.")
            .arg(duration_text(slice->end - slice->begin), ended);
    } else if (slice != nullptr && slice->lasts) {
        return tr("Connection %1 has run %2 so far, without an end.")
            .arg(slice->connection.id)
            .arg(duration_text(slice->end - slice->begin));
    } else if (slice != nullptr) {
        return tr("Connection %1 ran %2, %3.")
            .arg(slice->connection.id)
            .arg(duration_text(slice->end - slice->begin), ending_text(slice->ended_by));
    }
    const double time = time_at(position.x());
    const double pixel = span_ / lanes_area().width();
    for (const TimelineLoss& loss : timeline().losses()) {
        if (time < loss.begin - 2 * pixel || time > loss.end + 2 * pixel) continue;
        return tr("%1 events of this stretch were overwritten before they could be read.")
            .arg(count_text(static_cast<double>(loss.events)));
    }
    const Preemptions& kernel = timeline().preemptions();
    QString record =
        tr("The bars at the lower edge are the kernel's own record: from where it took the CPU away to where it gave "
           "one back.");
    if (!kernel.missing().empty()) {
        record = tr("The kernel's own record of who ran is missing: %1").arg(QString::fromStdString(kernel.missing()));
    } else if (kernel.left_out() > 0) {
        record +=
            QLatin1Char(' ') +
            tr("It leaves out %1 threads, for which there were no descriptors left (ulimit -n).").arg(kernel.left_out());
    }
    return tr("Each lane is a thread of the server, by the kernel's number; each block is a slice of one connection. "
              "Between "
              "blocks the thread slept, was in the kernel, or did something for nobody in particular.\nWheel: zoom. Drag: "
              "move, which pauses. Click: select the connection.\n%1")
        .arg(record);
}

bool TimelineView::event(QEvent* event) {
    if (event->type() == QEvent::Resize) refresh();
    if (event->type() != QEvent::ToolTip) return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    const QString tip = tip_at(help->pos());
    QToolTip::showText(help->globalPos(), tip, this);
    return true;
}

} // namespace connscope::app
