// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/flow_layout.hpp"

#include <QWidget>

#include <algorithm>

namespace connscope::app {

FlowLayout::FlowLayout(int horizontal_gap, int vertical_gap, QWidget* parent)
    : QLayout(parent), horizontal_gap_(horizontal_gap), vertical_gap_(vertical_gap) {
    setContentsMargins(0, 0, 0, 0);
}

FlowLayout::~FlowLayout() = default;

void FlowLayout::addItem(QLayoutItem* item) { items_.emplace_back(item); }

QLayoutItem* FlowLayout::itemAt(int index) const {
    return index >= 0 && index < count() ? items_[static_cast<std::size_t>(index)].get() : nullptr;
}

QLayoutItem* FlowLayout::takeAt(int index) {
    if (index < 0 || index >= count()) return nullptr;
    QLayoutItem* item = items_[static_cast<std::size_t>(index)].release();
    items_.erase(items_.begin() + index);
    return item;
}

QSize FlowLayout::sizeHint() const {
    QSize size;
    for (const auto& item : items_) {
        if (item->isEmpty()) continue;
        const QSize hint = item->sizeHint().expandedTo(item->minimumSize());
        size = {size.width() + hint.width() + horizontal_gap_, std::max(size.height(), hint.height())};
    }
    const QMargins margins = contentsMargins();
    return {std::max(size.width() - horizontal_gap_, 0) + margins.left() + margins.right(),
            size.height() + margins.top() + margins.bottom()};
}

QSize FlowLayout::minimumSize() const {
    QSize size;
    for (const auto& item : items_) size = size.expandedTo(item->minimumSize());
    const QMargins margins = contentsMargins();
    return size + QSize(margins.left() + margins.right(), margins.top() + margins.bottom());
}

void FlowLayout::setGeometry(const QRect& rect) {
    QLayout::setGeometry(rect);
    arrange(rect, true);
}

int FlowLayout::arrange(const QRect& rect, bool apply) const {
    const QRect room = rect.marginsRemoved(contentsMargins());
    int x = room.x();
    int y = room.y();
    int line = 0;
    std::vector<std::pair<QLayoutItem*, QRect>> placed;
    const auto end_line = [&] {
        for (auto& [item, place] : placed) { // centred in the line
            if (apply) item->setGeometry(QRect(place.x(), y + (line - place.height()) / 2, place.width(), place.height()));
        }
        placed.clear();
    };
    for (const auto& item : items_) {
        if (item->isEmpty()) continue;
        const QSize hint = item->sizeHint().expandedTo(item->minimumSize());
        if (x > room.x() && x + hint.width() > room.right() + 1) {
            end_line();
            x = room.x();
            y += line + vertical_gap_;
            line = 0;
        }
        placed.emplace_back(item.get(), QRect(QPoint(x, y), QSize(std::min(hint.width(), room.width()), hint.height())));
        x += hint.width() + horizontal_gap_;
        line = std::max(line, hint.height());
    }
    end_line();
    return y + line - rect.y() + contentsMargins().bottom();
}

} // namespace connscope::app
