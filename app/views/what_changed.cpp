// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/what_changed.hpp"

#include "models/format.hpp"
#include "models/history.hpp"
#include "views/card.hpp"
#include "views/elided_combo_box.hpp"
#include "views/palette.hpp"

#include <QAbstractItemView>
#include <QEvent>
#include <QHBoxLayout>
#include <QPainter>
#include <QScrollArea>
#include <QVBoxLayout>

#include <cmath>

namespace connscope::app {

namespace {
constexpr int line_gap = 3;
constexpr int block_gap = 7;
const QString arrow = QStringLiteral(" \u2192 ");
} // namespace

DifferenceList::DifferenceList(QWidget* parent)
    : QWidget(parent) {
    setObjectName(QStringLiteral("differences"));
    setAccessibleName(tr("What changed"));
    QSizePolicy policy(QSizePolicy::Ignored, QSizePolicy::Minimum);
    policy.setHeightForWidth(true);
    setSizePolicy(policy);
}

void DifferenceList::show_differences(std::vector<Difference> differences) {
    differences_ = std::move(differences);
    message_.clear();
    QStringList words;
    for (const Difference& each : differences_) {
        words << (each.differs ? each.sentence : tr("%1: no difference beyond the noise.").arg(each.name));
    }
    setAccessibleDescription(words.join(QLatin1Char(' ')));
    forget();
}

void DifferenceList::show_message(const QString& message) {
    if (message == message_ && differences_.empty()) return;
    differences_.clear();
    message_ = message;
    setAccessibleDescription(message);
    forget();
}

void DifferenceList::forget() {
    picture_ = {};
    known_width_ = -1;
    updateGeometry();
    update();
}

void DifferenceList::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::FontChange || event->type() == QEvent::PaletteChange) forget();
}

QSize DifferenceList::sizeHint() const { return {280, heightForWidth(std::max(width(), 200))}; }

QSize DifferenceList::minimumSizeHint() const { return {160, fontMetrics().height() * 3}; }

int DifferenceList::heightForWidth(int width) const {
    if (width != known_width_) {
        known_height_ = paint_lines(nullptr, width);
        known_width_ = width;
    }
    return known_height_;
}

void DifferenceList::paintEvent(QPaintEvent*) {
    const double ratio = devicePixelRatioF();
    const QSize pixels = (QSizeF(size()) * ratio).toSize();
    if (picture_.size() != pixels) {
        picture_ = QPixmap(pixels);
        picture_.setDevicePixelRatio(ratio);
        picture_.fill(Qt::transparent);
        QPainter painter(&picture_);
        painter.setFont(font());
        paint_lines(&painter, width());
    }
    QPainter(this).drawPixmap(QPoint(0, 0), picture_);
}

int DifferenceList::paint_lines(QPainter* painter, int width) const {
    const Ink& colours = ink(palette());
    const QFont bold_font = scaled_font(font(), 1.0, QFont::DemiBold);
    const QFont small_font = scaled_font(font(), 0.92);
    const QFontMetrics plain = fontMetrics();
    const QFontMetrics bold(bold_font);
    const QFontMetrics small(small_font);
    const int room = width - 6;
    if (!message_.isEmpty()) {
        const QRect needed = plain.boundingRect(QRect(0, 0, room, 10'000), Qt::TextWordWrap, message_);
        if (painter != nullptr) {
            painter->setPen(colours.muted);
            painter->drawText(QRect(0, 4, room, needed.height()), Qt::TextWordWrap, message_);
        }
        return needed.height() + 8;
    }
    int y = 2;
    for (const Difference& each : differences_) {
        // "36.1 KiB → 1.1 KiB   33× less" stands at the right; below the name where both do not fit on one line.
        const int values = plain.horizontalAdvance(each.before + arrow) + bold.horizontalAdvance(each.after);
        const QString tail = each.differs ? each.ratio_text : tr("same, ±%1").arg(percent_text(each.noise));
        const int tail_width = (each.differs ? bold : small).horizontalAdvance(tail);
        const bool fits = plain.horizontalAdvance(each.name) + 12 + values + 10 + tail_width <= room;
        if (painter != nullptr) {
            painter->setFont(font());
            painter->setPen(colours.muted);
            painter->drawText(0, y + plain.ascent(), each.name);
        }
        if (!fits) y += plain.height() + 1;
        if (painter != nullptr) {
            const int base = y + plain.ascent();
            int x = fits ? room - tail_width - 10 - values : 10;
            painter->setFont(font());
            painter->setPen(colours.muted);
            painter->drawText(x, base, each.before + arrow);
            x += plain.horizontalAdvance(each.before + arrow);
            painter->setFont(bold_font);
            painter->setPen(colours.text);
            painter->drawText(x, base, each.after);
            painter->setFont(each.differs ? bold_font : small_font);
            painter->setPen(each.judgement == Difference::Judgement::better  ? colours.good
                            : each.judgement == Difference::Judgement::worse ? colours.bad
                                                                             : colours.muted);
            painter->drawText(room - tail_width, base, tail);
        }
        y += plain.height() + line_gap;
        if (!each.sentence.isEmpty()) {
            const QRect needed = small.boundingRect(QRect(0, 0, room, 10'000), Qt::TextWordWrap, each.sentence);
            if (painter != nullptr) {
                painter->setFont(small_font);
                painter->setPen(colours.text);
                painter->drawText(QRect(0, y, room, needed.height()), Qt::TextWordWrap, each.sentence);
            }
            y += needed.height();
        }
        y += block_gap;
    }
    return y;
}

WhatChanged::WhatChanged(const History& history, QWidget* parent)
    : QWidget(parent)
    , history_(history)
    , choice_(new QWidget(this))
    , before_(new ElidedComboBox(this))
    , after_(new ElidedComboBox(this))
    , scroll_(new QScrollArea(this))
    , list_(new DifferenceList) {
    before_->setObjectName(QStringLiteral("compare_before"));
    before_->setAccessibleName(tr("The earlier stretch"));
    before_->setToolTip(
        tr("The stretch of time to compare with: each begins with a mark, of a change or of your own (Ctrl+M)."));
    after_->setObjectName(QStringLiteral("compare_after"));
    after_->setAccessibleName(tr("The later stretch"));
    after_->setToolTip(tr("The stretch of time that is compared. After each mark the newest two are chosen."));
    for (QComboBox* box : {before_, after_}) {
        box->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
        box->setMinimumContentsLength(9);
        box->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
        connect(box, &QComboBox::activated, this, [this] { choose(before_->currentIndex(), after_->currentIndex()); });
    }
    auto* row = new QHBoxLayout(choice_);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(6);
    row->addWidget(before_, 1);
    row->addWidget(new QLabel(QStringLiteral("\u2192")));
    row->addWidget(after_, 1);
    scroll_->setWidget(list_);
    scroll_->setWidgetResizable(true);
    scroll_->setFrameShape(QFrame::NoFrame);
    scroll_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll_->setObjectName(QStringLiteral("differences_scroll"));
    scroll_->setAccessibleName(tr("What changed"));
    scroll_->viewport()->setAutoFillBackground(false);
    list_->setAutoFillBackground(false);
    auto* box = new QVBoxLayout(this);
    box->setContentsMargins(0, 0, 0, 0);
    box->addWidget(choice_);
    box->addWidget(scroll_, 1);
    connect(&history_, &History::marked, this, [this] {
        chosen_before_.reset();
        chosen_after_.reset();
    });
    list_->show_message(tr("Mark a moment (Ctrl+M): here stands what changed since, in numbers. A change of the mode or of "
                           "the load marks one by itself."));
    choice_->hide(); // until there is something to choose from
}

void WhatChanged::choose(int before, int after) {
    const auto begin_of = [this](int index) {
        return index >= 0 && index < static_cast<int>(stretches_.size())
                   ? std::optional(stretches_[static_cast<std::size_t>(index)].begin)
                   : std::nullopt;
    };
    chosen_before_ = begin_of(before);
    chosen_after_ = begin_of(after);
    refresh();
}

void WhatChanged::refresh() {
    stretches_ = stretches_of(history_);
    const int count = static_cast<int>(stretches_.size());
    QStringList names;
    for (const Stretch& stretch : stretches_) {
        names << tr("%1, %2 ago").arg(stretch.label, duration_text(std::floor(history_.newest_time() - stretch.begin + 1)));
    }
    if (count < 2) {
        differences_.clear();
        if (!history_.marks().empty() && history_.marks().size() > 1) {
            list_->show_message(tr("Measuring …"));
        }
        return;
    }
    choice_->show();
    int before = count - 2;
    int after = count - 1;
    for (int i = 0; i < count; ++i) {
        const double begin = stretches_[static_cast<std::size_t>(i)].begin;
        if (chosen_before_ && *chosen_before_ == begin) before = i;
        if (chosen_after_ && *chosen_after_ == begin) after = i;
    }
    for (QComboBox* box : {before_, after_}) {
        const QSignalBlocker blocker(box);
        if (box->view() != nullptr && box->view()->isVisible()) continue; // the user is choosing
        while (box->count() > count) box->removeItem(box->count() - 1);
        for (int i = 0; i < count; ++i) {
            if (i < box->count()) {
                box->setItemText(i, names[i]);
            } else {
                box->addItem(names[i]);
            }
        }
        box->setCurrentIndex(box == before_ ? before : after);
    }
    const Stretch& a = stretches_[static_cast<std::size_t>(before)];
    const Stretch& b = stretches_[static_cast<std::size_t>(after)];
    if (a.length() < shortest_compared || b.length() < shortest_compared) {
        differences_.clear();
        list_->show_message(tr("Measuring …"));
        emit summaryChanged(QString());
        return;
    }
    differences_ = compare(history_, a, b);
    list_->show_differences(differences_);
    const auto shown_length = [](const Stretch& stretch) {
        return duration_text(std::min(std::floor(stretch.length()), 30.0));
    };
    emit summaryChanged(tr("means over %1 and %2").arg(shown_length(a), shown_length(b)));
}

} // namespace connscope::app
