// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/mode_bar.hpp"

#include "models/format.hpp"
#include "views/card.hpp"
#include "views/palette.hpp"
#include "window/flow_layout.hpp"
#include "window/mode_parameters_row.hpp"

#include <QHBoxLayout>
#include <QPainter>
#include <QPainterPath>
#include <QVBoxLayout>

#include <algorithm>

namespace connscope::app {

namespace {
constexpr double radius = 5;
constexpr int moving_interval = 90; // ms
constexpr double small_count = 0.85;
constexpr int count_gap = 6;

// Both sides of a button's word together.
int padding(const QFontMetrics& metrics, bool tight) { return metrics.averageCharWidth() * (tight ? 3 : 6) / 2; }
} // namespace

SegmentButton::SegmentButton(const QString& text, QWidget* parent)
    : QAbstractButton(parent) {
    setText(text);
    setCheckable(true);
    setFocusPolicy(Qt::TabFocus); // not by a click: Space then goes on to pause the view
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
}

void SegmentButton::set_ends(bool first, bool last) {
    is_first_ = first;
    is_last_ = last;
    update();
}

void SegmentButton::set_tight(bool tight) {
    is_tight_ = tight;
    updateGeometry();
}

void SegmentButton::set_alarming(bool alarming) {
    is_alarming_ = alarming;
    update();
}

void SegmentButton::set_count(std::optional<std::uint64_t> count) {
    QString written = count ? count_text(static_cast<double>(*count)) : QString();
    if (written == count_) return;
    count_ = std::move(written);
    updateGeometry();
    update();
}

QSize SegmentButton::sizeHint() const {
    const QFontMetrics metrics(scaled_font(font(), 1.0, QFont::DemiBold));
    const QFontMetrics small(scaled_font(font(), small_count));
    const int counted = count_.isEmpty() ? 0 : count_gap + small.horizontalAdvance(count_);
    return {metrics.horizontalAdvance(text()) + counted + padding(metrics, is_tight_), metrics.height() + 12};
}

void SegmentButton::enterEvent(QEnterEvent* event) {
    QAbstractButton::enterEvent(event);
    update();
}

void SegmentButton::leaveEvent(QEvent* event) {
    QAbstractButton::leaveEvent(event);
    update();
}

void SegmentButton::paintEvent(QPaintEvent*) {
    const Ink& colours = ink(palette());
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    // Neighbours share one line: all but the last reach one pixel into the next.
    const QRectF area = QRectF(rect()).adjusted(0.5, 0.5, is_last_ ? -0.5 : 0.5, -0.5);
    QPainterPath path;
    const double left = is_first_ ? radius : 0;
    const double right = is_last_ ? radius : 0;
    path.moveTo(area.left() + left, area.top());
    path.lineTo(area.right() - right, area.top());
    path.arcTo(QRectF(area.right() - 2 * right, area.top(), 2 * right, 2 * right), 90, -90);
    path.lineTo(area.right(), area.bottom() - right);
    path.arcTo(QRectF(area.right() - 2 * right, area.bottom() - 2 * right, 2 * right, 2 * right), 0, -90);
    path.lineTo(area.left() + left, area.bottom());
    path.arcTo(QRectF(area.left(), area.bottom() - 2 * left, 2 * left, 2 * left), 270, -90);
    path.lineTo(area.left(), area.top() + left);
    path.arcTo(QRectF(area.left(), area.top(), 2 * left, 2 * left), 180, -90);

    const bool is_lit = isEnabled() && (underMouse() || isDown());
    painter.setPen(QPen(isChecked() ? colours.accent : is_alarming_ ? colours.bad : colours.border, 1));
    painter.setBrush(isChecked()    ? colours.accent
                     : is_alarming_ ? colours.warning_background
                     : is_lit       ? colours.hover
                                    : colours.card);
    painter.drawPath(path);
    if (hasFocus()) {
        painter.setPen(QPen(isChecked() ? colours.on_accent : colours.accent, 1, Qt::DotLine));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(area.adjusted(3, 3, -3, -3), 3, 3);
    }
    painter.setFont(scaled_font(font(), 1.0, isChecked() ? QFont::DemiBold : QFont::Medium));
    painter.setPen(isChecked()    ? colours.on_accent
                   : is_alarming_ ? colours.bad
                   : isEnabled()  ? colours.text
                                  : colours.muted);
    if (count_.isEmpty()) {
        painter.drawText(rect(), Qt::AlignCenter, text());
        return;
    }
    const QFont small = scaled_font(font(), small_count);
    const int count_width = QFontMetrics(small).horizontalAdvance(count_);
    const int name_width = painter.fontMetrics().horizontalAdvance(text());
    const int x = (width() - name_width - count_gap - count_width) / 2;
    const int base = (height() + painter.fontMetrics().ascent() - painter.fontMetrics().descent()) / 2;
    painter.drawText(x, base, text());
    painter.setFont(small);
    if (!isChecked()) painter.setPen(colours.muted);
    painter.drawText(x + name_width + count_gap, base, count_);
}

ModeBar::ModeBar(QWidget* parent)
    : QWidget(parent)
    , groups_(new FlowLayout(14, 4))
    , parameters_(new ModeParametersRow(this))
    , hint_(new ElidedLine(Qt::AlignLeft, this))
    , message_(new ElidedLine(Qt::AlignRight, this)) {
    setObjectName(QStringLiteral("mode_bar"));
    setAccessibleName(tr("Mode of the server"));
    message_->setObjectName(QStringLiteral("mode_message"));
    hint_->setObjectName(QStringLiteral("mode_hint"));
    parameters_->hide();
    moving_timer_.setInterval(moving_interval);
    connect(&moving_timer_, &QTimer::timeout, this, &ModeBar::show_moving);
    auto* box = new QVBoxLayout(this);
    box->setContentsMargins(0, 0, 0, 0);
    box->addLayout(groups_);
    QSizePolicy policy(QSizePolicy::Preferred, QSizePolicy::Preferred);
    policy.setHeightForWidth(true);
    setSizePolicy(policy);
}

void ModeBar::show_modes(const std::vector<ModeDescription>& modes) {
    while (QLayoutItem* item = groups_->takeAt(0)) {
        if (item->widget() != parameters_) delete item->widget();
        delete item;
    }
    modes_ = modes;
    buttons_.assign(modes_.size(), nullptr);
    using Scheduling = ModeDescription::Scheduling;
    add_group(Scheduling::kernel, tr("The kernel decides who runs"),
              tr("Each connection has a thread while it runs. The kernel may take the CPU away from it at any moment."));
    add_group(Scheduling::program, tr("The program decides"),
              tr("One connection runs at a time, and the next one when the one before gives its turn back."));
    add_group(Scheduling::both, tr("Both"),
              tr("The program decides on each of several threads, and the kernel decides which of these run."));
    groups_->addWidget(parameters_);
    show_current(current_);
    set_usable(usable_);
}

void ModeBar::add_group(ModeDescription::Scheduling scheduling, const QString& caption, const QString& tip) {
    std::vector<SegmentButton*> segments;
    for (std::size_t i = 0; i < modes_.size(); ++i) {
        const ModeDescription& mode = modes_[i];
        if (mode.scheduling != scheduling) continue;
        auto* segment = new SegmentButton(mode.name);
        segment->setObjectName(QStringLiteral("mode_") + mode.id);
        segment->set_tight(is_tight_);
        segment->setAccessibleName(tr("Mode %1").arg(mode.name));
        segment->setAccessibleDescription(mode.hint);
        QString about = tr("%1\n%2\nCarrier: %3. All open connections move there and stay open.")
                            .arg(mode.name, mode.hint, mode.carrier);
        if (i < 9) about += QStringLiteral(" (Ctrl+%1)").arg(i + 1);
        segment->setToolTip(about);
        // The server says which mode is in use, not the click.
        connect(segment, &QAbstractButton::clicked, this, [this, id = mode.id] {
            show_current(current_);
            if (id != current_) emit modeWanted(id);
        });
        segment->installEventFilter(this);
        segments.push_back(segment);
        buttons_[i] = segment;
    }
    if (segments.empty()) return;

    auto* group = new QWidget(this);
    auto* box = new QVBoxLayout(group);
    box->setContentsMargins(0, 0, 0, 0);
    box->setSpacing(2);
    auto* head = new CaptionLabel(caption, group);
    head->setToolTip(tip);
    auto* row = new QHBoxLayout;
    row->setSpacing(0);
    for (SegmentButton* segment : segments) {
        segment->set_ends(segment == segments.front(), segment == segments.back());
        row->addWidget(segment);
    }
    row->addStretch();
    box->addWidget(head);
    box->addLayout(row);
    groups_->addWidget(group);
    group->show();
}

// Where not all modes have room beside each other, their buttons are narrower.
void ModeBar::fit() {
    const QFontMetrics metrics(scaled_font(font(), 1.0, QFont::DemiBold));
    const int spared = static_cast<int>(buttons_.size()) * (padding(metrics, false) - padding(metrics, true));
    const bool tight = groups_->sizeHint().width() + (is_tight_ ? spared : 0) > width();
    if (tight == is_tight_) return;
    is_tight_ = tight;
    for (SegmentButton* button : buttons_) {
        if (button != nullptr) button->set_tight(tight);
    }
}

bool ModeBar::event(QEvent* event) {
    const bool handled = QWidget::event(event);
    if (event->type() == QEvent::Resize || event->type() == QEvent::LayoutRequest) fit();
    return handled;
}

void ModeBar::show_current(const QString& id) {
    current_ = id;
    for (std::size_t i = 0; i < buttons_.size(); ++i) {
        if (buttons_[i] != nullptr) buttons_[i]->setChecked(modes_[i].id == current_);
    }
    if (const ModeDescription* mode = description_of(current_)) parameters_->show_mode(*mode);
    show_hint(current_);
}

void ModeBar::show_counts(const std::vector<std::uint64_t>& counts) {
    const bool are_several = std::ranges::count_if(counts, [](std::uint64_t count) { return count > 0; }) > 1;
    for (std::size_t i = 0; i < buttons_.size(); ++i) {
        if (buttons_[i] == nullptr) continue;
        const std::uint64_t count = i < counts.size() ? counts[i] : 0;
        buttons_[i]->set_count(are_several && count > 0 ? std::optional(count) : std::nullopt);
        buttons_[i]->setAccessibleName(buttons_[i]->count().isEmpty()
                                           ? tr("Mode %1").arg(modes_[i].name)
                                           : tr("Mode %1, %2 connections").arg(modes_[i].name, buttons_[i]->count()));
    }
}

void ModeBar::show_hint(const QString& id) {
    const ModeDescription* mode = description_of(id);
    hint_->show_text(mode == nullptr ? QString() : tr("%1: %2.").arg(mode->name, mode->hint));
}

bool ModeBar::eventFilter(QObject* watched, QEvent* event) {
    switch (event->type()) {
    case QEvent::Enter:
    case QEvent::FocusIn:
        show_hint(watched->objectName().mid(qstrlen("mode_")));
        break;
    case QEvent::Leave:
    case QEvent::FocusOut:
        show_hint(current_);
        break;
    default:
        break;
    }
    return QWidget::eventFilter(watched, event);
}

void ModeBar::show_progress(const QString& to, std::uint64_t connections) {
    set_usable(false);
    moving_text_ = tr("moving %1 connections to %2 …").arg(count_text(static_cast<double>(connections)), name_of(to));
    moving_since_.start();
    moving_timer_.start();
    show_moving();
}

void ModeBar::show_moving() {
    show_message(tr("%1 %2").arg(moving_text_, duration_text(static_cast<double>(moving_since_.elapsed()) / 1e3)));
}

void ModeBar::show_result(const ModeChange& change) {
    moving_timer_.stop();
    set_usable(true);
    show_current(change.to);
    show_message(tr("moved %1 connections in %2")
                     .arg(count_text(static_cast<double>(change.moved)), duration_text(change.duration_ms / 1e3)));
}

void ModeBar::show_refusal(const QString& to) {
    moving_timer_.stop();
    set_usable(true);
    show_current(current_);
    show_message(tr("not moved to %1").arg(name_of(to)));
}

void ModeBar::set_usable(bool usable) {
    usable_ = usable;
    for (SegmentButton* button : buttons_) {
        if (button != nullptr) button->setEnabled(usable);
    }
    parameters_->setEnabled(usable);
}

const ModeDescription* ModeBar::description_of(const QString& id) const {
    const auto found =
        std::find_if(modes_.begin(), modes_.end(), [&](const ModeDescription& mode) { return mode.id == id; });
    return found == modes_.end() ? nullptr : &*found;
}

QString ModeBar::name_of(const QString& id) const {
    const ModeDescription* mode = description_of(id);
    return mode == nullptr ? id : mode->name;
}

SegmentButton* ModeBar::button(const QString& id) const {
    for (std::size_t i = 0; i < modes_.size(); ++i) {
        if (modes_[i].id == id) return buttons_[i];
    }
    return nullptr;
}

QString ModeBar::message() const { return message_->text(); }

void ModeBar::show_message(const QString& text) { message_->show_text(text); }

} // namespace connscope::app
