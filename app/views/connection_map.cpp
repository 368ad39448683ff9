// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/connection_map.hpp"

#include "models/format.hpp"
#include "views/legend.hpp"

#include <QComboBox>
#include <QHelpEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>
#include <QVBoxLayout>

#include <cmath>

namespace connscope::app {

namespace {

constexpr double largest_cell = 18;
constexpr double smallest_with_gap = 4; // below it cells touch

// A connection in a few lines.
QString description(const ConnectionContext& context) {
    const auto& c = context.connection;
    return MapCanvas::tr("Connection %1, %2\n%3 for %4, carried by a %5\n%6 requests, longest slice %7, longest delay %8")
        .arg(c.id)
        .arg(QString::fromStdString(telemetry::to_string(c.peer)), state_text(c.state),
             duration_text(std::max(context.now - c.state_since, std::chrono::nanoseconds(0))), carrier_text(c.carrier),
             count_text(static_cast<double>(c.requests)), duration_text(c.longest_slice), duration_text(c.longest_ready));
}

} // namespace

MapCanvas::MapCanvas(QWidget* parent) : QWidget(parent) {
    setObjectName(QStringLiteral("map_canvas"));
    setAccessibleName(tr("Connection map"));
    setAccessibleDescription(tr("One cell for each connection, in the order in which the server has room for them"));
    setMouseTracking(true);
}

void MapCanvas::show_snapshot(const SnapshotPtr& snapshot, MapAspect aspect) {
    snapshot_ = snapshot;
    aspect_ = aspect;
    fill_cells(cells_, *snapshot_, aspect_);
    arrange();
    update();
}

void MapCanvas::select(std::optional<ConnectionKey> key) {
    selected_ = key;
    update();
}

QColor MapCanvas::colour_of(MapClass which) const {
    using telemetry::CarrierKind;
    using telemetry::ConnectionState;
    if (which == 0) return ink(palette()).hover;
    switch (aspect_) {
    case MapAspect::state: return colour(meaning_of(static_cast<ConnectionState>(which)), palette());
    case MapAspect::carrier: return colour(meaning_of(static_cast<CarrierKind>(which - 1)), palette());
    case MapAspect::delay:
    case MapAspect::longest_slice: {
        // From cool to warm; the last two cannot be overlooked.
        static constexpr std::array ramp{Meaning::paused,     Meaning::waiting_read, Meaning::coroutine,
                                         Meaning::running,    Meaning::ready,        Meaning::involuntary};
        return colour(ramp[std::min<std::size_t>(which, ramp.size()) - 1], palette());
    }
    case MapAspect::thread: {
        static constexpr std::array hues{Meaning::coroutine,  Meaning::thread,  Meaning::running,       Meaning::fiber,
                                         Meaning::closure,    Meaning::ready,   Meaning::waiting_write, Meaning::paused};
        return colour(hues[static_cast<std::size_t>(which - 1) % hues.size()], palette());
    }
    }
    return {};
}

void MapCanvas::arrange() {
    const auto count = static_cast<double>(std::max<std::size_t>(cells_.classes.size(), 1));
    // The most columns of square cells that fill the room, then as few rows as they need.
    double size = std::min(std::sqrt(width() * height() / count), largest_cell);
    if (size >= 2) {
        size = std::floor(size);
        while (size > 1 && std::floor(width() / size) * std::floor(height() / size) < count) --size;
    }
    columns_ = std::max(static_cast<int>(width() / size), 1);
    const int rows = static_cast<int>(std::ceil(count / columns_));
    if (rows * size > height()) size = static_cast<double>(height()) / rows; // cells smaller than a pixel
    cell_size_ = size;

    if (image_.width() != columns_ || image_.height() != rows) image_ = QImage(columns_, rows, QImage::Format_RGB32);
    std::array<QRgb, 16> colours{};
    for (std::size_t i = 0; i < std::min(colours.size(), cells_.counts.size()); ++i) {
        colours[i] = colour_of(static_cast<MapClass>(i)).rgb();
    }
    const QRgb nothing = ink(palette()).card.rgb();
    std::size_t cell = 0;
    for (int row = 0; row < rows; ++row) {
        auto* line = reinterpret_cast<QRgb*>(image_.scanLine(row));
        for (int column = 0; column < columns_; ++column, ++cell) {
            line[column] = cell < cells_.classes.size() ? colours[cells_.classes[cell]] : nothing;
        }
    }
}

QRectF MapCanvas::place_of(std::size_t cell) const {
    if (cell >= cells_.classes.size()) return {};
    const auto at = static_cast<int>(cell);
    const double width = std::max(cell_size_, 1e-3);
    const double scale = columns_ * width > this->width() ? static_cast<double>(this->width()) / columns_ : width;
    return {at % columns_ * scale, at / columns_ * cell_size_, scale, cell_size_};
}

void MapCanvas::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    if (cells_.classes.empty()) {
        painter.setPen(ink(palette()).muted);
        painter.drawText(rect(), Qt::AlignCenter, tr("no connections"));
        return;
    }
    const QRectF last = place_of(static_cast<std::size_t>(columns_) - 1);
    const double drawn_width = cells_.classes.size() >= static_cast<std::size_t>(columns_) ? last.right() : columns_ * cell_size_;
    painter.drawImage(QRectF(0, 0, drawn_width, image_.height() * cell_size_), image_);
    if (cell_size_ >= smallest_with_gap) { // one line of card between cells
        painter.setPen(QPen(ink(palette()).card, 1));
        for (int row = 1; row <= image_.height(); ++row) {
            painter.drawLine(QLineF(0, row * cell_size_ - 1, drawn_width, row * cell_size_ - 1));
        }
        for (int column = 1; column <= columns_; ++column) {
            painter.drawLine(QLineF(column * cell_size_ - 1, 0, column * cell_size_ - 1, image_.height() * cell_size_));
        }
    }
    if (!selected_ || !snapshot_) return;
    for (std::size_t cell = 0; cell < cells_.connections.size(); ++cell) {
        const auto index = cells_.connections[cell];
        if (index == MapCells::no_connection || key_of(snapshot_->server.connections[index]) != *selected_) continue;
        painter.setPen(QPen(ink(palette()).text, 2));
        painter.setBrush(Qt::NoBrush);
        const QRectF place = place_of(cell);
        painter.drawRect(place.adjusted(-2, -2, 1, 1));
        break;
    }
}

std::optional<std::size_t> MapCanvas::cell_at(const QPointF& position) const {
    if (position.x() < 0 || position.y() < 0 || cells_.classes.empty()) return std::nullopt;
    const QRectF first = place_of(0);
    const int column = static_cast<int>(position.x() / first.width());
    const int row = static_cast<int>(position.y() / first.height());
    if (column >= columns_ || row >= image_.height()) return std::nullopt;
    const auto cell = static_cast<std::size_t>(row) * static_cast<std::size_t>(columns_) + static_cast<std::size_t>(column);
    if (cell >= cells_.classes.size()) return std::nullopt;
    return cell;
}

const telemetry::ConnectionReading* MapCanvas::connection_at(const QPointF& position) const {
    const auto cell = cell_at(position);
    if (!cell || cells_.connections[*cell] == MapCells::no_connection) return nullptr;
    return &snapshot_->server.connections[cells_.connections[*cell]];
}

void MapCanvas::mousePressEvent(QMouseEvent* event) {
    if (const auto* connection = connection_at(event->position())) emit clicked(key_of(*connection));
}

bool MapCanvas::event(QEvent* event) {
    if (event->type() == QEvent::Resize && snapshot_) arrange();
    if (event->type() == QEvent::PaletteChange && snapshot_) arrange();
    if (event->type() != QEvent::ToolTip) return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    if (const auto* connection = connection_at(help->pos())) {
        QToolTip::showText(help->globalPos(), description({*connection, snapshot_->server.taken}), this);
    } else {
        QToolTip::showText(help->globalPos(), accessibleDescription(), this);
    }
    return true;
}

ConnectionMap::ConnectionMap(QWidget* parent)
    : QWidget(parent), chooser_(new QComboBox), canvas_(new MapCanvas(this)), legend_(new Legend(this)) {
    chooser_->setObjectName(QStringLiteral("map_aspect"));
    chooser_->setAccessibleName(tr("What the colours of the map mean"));
    chooser_->setToolTip(tr("What the colours mean: the state a connection is in, what carries it, how long it had to wait for a CPU, "
                            "how long it held one, or which thread ran it last."));
    for (const MapAspect aspect : map_aspects) chooser_->addItem(title_of(aspect));
    legend_->setObjectName(QStringLiteral("map_legend"));
    auto* box = new QVBoxLayout(this);
    box->setContentsMargins(0, 0, 4, 0);
    box->setSpacing(4);
    box->addWidget(legend_);
    box->addWidget(canvas_, 1);
    connect(chooser_, &QComboBox::currentIndexChanged, this, [this] {
        if (snapshot_) show_snapshot(snapshot_);
    });
    connect(canvas_, &MapCanvas::clicked, this, &ConnectionMap::clicked);
}

void ConnectionMap::show_snapshot(const SnapshotPtr& snapshot) {
    snapshot_ = snapshot;
    if (!isVisible()) return;
    canvas_->show_snapshot(snapshot_, map_aspects[static_cast<std::size_t>(std::max(chooser_->currentIndex(), 0))]);
    refresh_legend();
}

void ConnectionMap::refresh_legend() {
    const MapAspect aspect = map_aspects[static_cast<std::size_t>(std::max(chooser_->currentIndex(), 0))];
    const auto names = classes_of(aspect);
    std::vector<Legend::Entry> entries;
    for (std::size_t i = 1; i < names.size(); ++i) {
        const std::size_t count = canvas_->cells().counts[i];
        if (count == 0) continue;
        Legend::Entry entry;
        entry.label = names[i];
        entry.short_label = names[i];
        entry.value = count_text(static_cast<double>(count));
        entry.colour = canvas_->colour_of(static_cast<MapClass>(i));
        entries.push_back(std::move(entry));
    }
    legend_->show_entries(std::move(entries));
}

} // namespace connscope::app
