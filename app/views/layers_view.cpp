// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/layers_view.hpp"

#include "models/format.hpp"
#include "models/layer_rows.hpp"
#include "views/card.hpp"
#include "views/palette.hpp"

#include <QHelpEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>

#include <algorithm>

namespace connscope::app {

namespace {
constexpr int margin = 6;
constexpr int way_width = 14; // of the strip in which the line goes down
constexpr double dot = 3.5;
constexpr int bar_height = 4;
} // namespace

LayersView::LayersView(QWidget* parent)
    : QWidget(parent) {
    setObjectName(QStringLiteral("layers_view"));
    setAccessibleName(tr("Layers that a request crosses, by mode"));
    setFocusPolicy(Qt::StrongFocus);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
}

void LayersView::show_modes(std::vector<lab::ModeLayers> modes, const QString& message) {
    modes_ = std::move(modes);
    message_ = message;
    chosen_ = std::min(chosen_, modes_.empty() ? 0 : modes_.size() - 1);
    most_ns_ = 1;
    QStringList words;
    for (const lab::ModeLayers& mode : modes_) {
        QStringList layers;
        for (const LayerRow& row : layer_rows()) {
            const lab::Layer* layer = find_layer(mode, row.id);
            if (layer == nullptr) continue;
            most_ns_ = std::max(most_ns_, layer->ns.value.value_or(0));
            layers << QStringLiteral("%1 %2 %3").arg(row.title, layer_time_text(*layer), layer_crossings_text(*layer));
        }
        words << QString::fromStdString(mode.title) + QStringLiteral(": ") + layers.join(QStringLiteral(", "));
    }
    setAccessibleDescription(words.join(QStringLiteral("; ")));
    updateGeometry();
    update();
}

void LayersView::choose(std::size_t column) {
    if (column >= modes_.size()) return;
    chosen_ = column;
    update();
    emit chosenChanged(column);
}

int LayersView::names_width() const {
    int widest = 0;
    for (const LayerRow& row : layer_rows()) widest = std::max(widest, fontMetrics().horizontalAdvance(row.title));
    return widest + 3 * margin;
}

int LayersView::head_height() const { return 2 * fontMetrics().height() + margin; }

// The border between the program and the kernel.
int LayersView::kernel_gap() const { return fontMetrics().height() + 2 * margin; }

int LayersView::row_height() const {
    const int least = 2 * fontMetrics().height() + bar_height + margin;
    const int room = (height() - head_height() - kernel_gap()) / static_cast<int>(layer_row_count);
    return std::clamp(room, least, 2 * least + fontMetrics().height());
}

double LayersView::column_width() const {
    const double all = width() - names_width();
    const double least = fontMetrics().averageCharWidth() * 13;
    return std::clamp(all / std::max<double>(static_cast<double>(modes_.size()), 1), least, 3.2 * least);
}

QSize LayersView::minimumSizeHint() const {
    const auto columns = static_cast<int>(std::max<std::size_t>(modes_.size(), 3));
    const int least_row = 2 * fontMetrics().height() + bar_height + margin;
    return {names_width() + columns * fontMetrics().averageCharWidth() * 13,
            head_height() + kernel_gap() + static_cast<int>(layer_row_count) * least_row};
}

QRect LayersView::place_of(std::size_t column, std::size_t row) const {
    const int top = head_height() + static_cast<int>(row) * row_height() + (layer_rows()[row].in_kernel ? kernel_gap() : 0);
    const int left = names_width() + static_cast<int>(static_cast<double>(column) * column_width());
    return {left, top, static_cast<int>(column_width()) - margin, row_height() - 2};
}

std::size_t LayersView::depth_of(std::size_t column) const {
    std::size_t depth = 0;
    for (std::size_t row = 0; row < layer_row_count; ++row) {
        const lab::Layer* layer = find_layer(modes_[column], layer_rows()[row].id);
        if (layer != nullptr && is_on_the_way(*layer)) depth = row + 1;
    }
    return depth;
}

void LayersView::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    if (modes_.empty()) {
        painter.setPen(ink(palette()).muted);
        painter.drawText(rect().adjusted(20, 0, -20, 0), Qt::AlignCenter | Qt::TextWordWrap, message_);
        return;
    }
    paint_names(painter);
    for (std::size_t column = 0; column < modes_.size(); ++column) {
        paint_column(painter, column);
        paint_way(painter, column);
    }
}

void LayersView::paint_names(QPainter& painter) const {
    const Ink& colours = ink(palette());
    for (std::size_t row = 0; row < layer_row_count; ++row) {
        const QRect place = place_of(0, row);
        painter.setPen(colours.text);
        painter.setFont(font());
        painter.drawText(QRect(margin, place.top(), names_width() - 2 * margin, place.height()),
                         Qt::AlignLeft | Qt::AlignVCenter, layer_rows()[row].title);
        if (!layer_rows()[row].in_kernel || layer_rows()[row - 1].in_kernel) continue;
        const QRect border(margin, place.top() - kernel_gap(), names_width() - 2 * margin, kernel_gap());
        painter.setPen(QPen(colours.border, 1));
        painter.drawLine(names_width(), border.center().y(), width() - margin, border.center().y());
        paint_caption(painter, border, tr("KERNEL"));
    }
    paint_caption(painter, QRect(margin, 0, names_width() - 2 * margin, head_height()), tr("PROGRAM"));
}

void LayersView::paint_caption(QPainter& painter, const QRect& place, const QString& text) const {
    painter.setFont(scaled_font(font(), 0.85, QFont::DemiBold));
    painter.setPen(ink(palette()).muted);
    painter.drawText(place, Qt::AlignLeft | Qt::AlignVCenter, text);
}

void LayersView::paint_column(QPainter& painter, std::size_t column) const {
    const Ink& colours = ink(palette());
    const lab::ModeLayers& mode = modes_[column];
    const QRect first = place_of(column, 0);
    const QRect last = place_of(column, layer_row_count - 1);
    if (column == chosen_) {
        painter.setPen(QPen(hasFocus() ? colours.accent : colours.border, 1));
        painter.setBrush(colours.hover);
        painter.drawRoundedRect(QRectF(first.left() - 2.5, 0.5, first.width() + 4, last.bottom() + 3), 6, 6);
    }
    painter.setFont(scaled_font(font(), 0.95, QFont::DemiBold));
    painter.setPen(colours.text);
    painter.drawText(QRect(first.left() + 3, 2, first.width() - 4, head_height() - 4),
                     Qt::AlignLeft | Qt::AlignVCenter | Qt::TextWordWrap, QString::fromStdString(mode.title));
    if (!mode.failed.empty()) {
        painter.setFont(scaled_font(font(), 0.9));
        painter.setPen(colours.bad);
        painter.drawText(QRect(first.left() + 3, first.top(), first.width() - 4, last.bottom() - first.top()),
                         Qt::AlignLeft | Qt::AlignTop | Qt::TextWordWrap, QString::fromStdString(mode.failed));
        return;
    }
    for (std::size_t row = 0; row < layer_row_count; ++row) {
        const lab::Layer* layer = find_layer(mode, layer_rows()[row].id);
        if (layer == nullptr) continue;
        const QRect place = place_of(column, row).adjusted(way_width, 1, 0, -1);
        const double share = layer->ns.value.value_or(0) / most_ns_;
        const Meaning meaning = layer_rows()[row].in_kernel ? Meaning::cpu_system : Meaning::cpu_user;
        // Two lines and a bar below them, together in the middle of the row: no text stands on the bar.
        const int line = fontMetrics().height();
        const int high = 2 * line + 3 + bar_height;
        const QRect block(place.left() + 4, place.center().y() - high / 2, place.width() - 4, high);
        const QRectF bar(block.left(), block.bottom() + 1 - bar_height, block.width(), bar_height);
        painter.setPen(Qt::NoPen);
        painter.setBrush(colours.grid);
        painter.drawRoundedRect(bar, 2, 2);
        if (share > 0) {
            const QColor hue = colour(meaning, palette());
            painter.setBrush(layer->is_within ? QBrush(hue, Qt::Dense4Pattern) : QBrush(hue));
            painter.drawRoundedRect(QRectF(bar.left(), bar.top(), std::max(share * bar.width(), 2.0), bar.height()), 2, 2);
        }
        const QString crossings = layer_crossings_text(*layer);
        painter.setFont(scaled_font(font(), 1.0, QFont::DemiBold));
        painter.setPen(layer->ns.value ? colours.text : colours.muted);
        painter.drawText(QRect(block.left(), block.top(), block.width(), crossings.isEmpty() ? 2 * line : line),
                         Qt::AlignLeft | Qt::AlignVCenter, layer_time_text(*layer));
        painter.setFont(scaled_font(font(), 0.9));
        painter.setPen(colours.muted);
        painter.drawText(QRect(block.left(), block.top() + line, block.width(), line), Qt::AlignLeft | Qt::AlignVCenter,
                         painter.fontMetrics().elidedText(crossings, Qt::ElideRight, block.width()));
    }
}

// Down through the layers that most requests enter, and dashed on to those that some do.
void LayersView::paint_way(QPainter& painter, std::size_t column) const {
    const lab::ModeLayers& mode = modes_[column];
    if (!mode.failed.empty()) return;
    const QColor hue = ink(palette()).accent;
    std::size_t last = 0;
    std::size_t last_often = 0;
    for (std::size_t row = 0; row < layer_row_count; ++row) {
        const lab::Layer* layer = find_layer(mode, layer_rows()[row].id);
        if (layer == nullptr) continue;
        const bool is_entered = is_on_the_way(*layer) || layer->crossings.value.value_or(0) >= 0.005;
        if (is_on_the_way(*layer)) last_often = row;
        if (is_entered) last = row;
    }
    const auto point = [&](std::size_t row) {
        const QRect place = place_of(column, row);
        return QPointF(place.left() + way_width / 2.0 + 1, place.center().y() + 0.5);
    };
    painter.setPen(QPen(hue, 2));
    painter.drawLine(point(0), point(last_often));
    QPen dashed(hue, 1.5);
    dashed.setDashPattern({2, 2});
    painter.setPen(dashed);
    if (last > last_often) painter.drawLine(point(last_often), point(last));
    for (std::size_t row = 0; row <= last; ++row) {
        const lab::Layer* layer = find_layer(mode, layer_rows()[row].id);
        if (layer == nullptr) continue;
        const bool often = is_on_the_way(*layer);
        if (!often && layer->crossings.value.value_or(0) < 0.005) continue;
        painter.setPen(QPen(hue, 1.5));
        painter.setBrush(often ? hue : ink(palette()).card);
        painter.drawEllipse(point(row), dot, dot);
    }
}

void LayersView::mousePressEvent(QMouseEvent* event) {
    const double column = (event->position().x() - names_width()) / column_width();
    if (column >= 0) choose(static_cast<std::size_t>(column));
}

void LayersView::keyPressEvent(QKeyEvent* event) {
    if (event->key() == Qt::Key_Right)
        choose(chosen_ + 1);
    else if (event->key() == Qt::Key_Left && chosen_ > 0)
        choose(chosen_ - 1);
    else
        QWidget::keyPressEvent(event);
}

bool LayersView::event(QEvent* event) {
    if (event->type() != QEvent::ToolTip) return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    for (std::size_t column = 0; column < modes_.size(); ++column) {
        for (std::size_t row = 0; row < layer_row_count; ++row) {
            if (!place_of(column, row).contains(help->pos())) continue;
            QToolTip::showText(help->globalPos(), layer_tip(modes_[column], layer_rows()[row]), this);
            return true;
        }
    }
    for (std::size_t row = 0; row < layer_row_count && !modes_.empty(); ++row) {
        const QRect place = place_of(0, row);
        if (help->pos().x() >= names_width() || help->pos().y() < place.top() || help->pos().y() > place.bottom()) continue;
        QToolTip::showText(help->globalPos(), layer_rows()[row].about, this);
        return true;
    }
    QToolTip::hideText();
    return true;
}

} // namespace connscope::app
