// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/connection_map.hpp"

#include "models/format.hpp"
#include "views/legend.hpp"

#include <QApplication>
#include <QComboBox>
#include <QHelpEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QPointer>
#include <QThreadPool>
#include <QToolTip>
#include <QVBoxLayout>

#include <algorithm>
#include <utility>

namespace connscope::app {

namespace {

constexpr double largest_cell = 18;
constexpr double smallest_with_line = 4;     // below it cells touch
constexpr std::size_t most_at_once = 30'000; // connections, a millisecond's work; of more, the picture is made elsewhere

// A connection in a few lines.
QString description(const ConnectionContext& context) {
    const auto& c = context.connection;
    if (!context.has_probe())
        return MapCanvas::tr("Connection %1, %2\n%3 for %4\n%5 in, %6 out\nthread %7: %8")
            .arg(c.id)
            .arg(QString::fromStdString(telemetry::to_string(c.peer)), state_text(c.state),
                 duration_text(std::max(context.now - c.state_since, std::chrono::nanoseconds(0))),
                 bytes_text(static_cast<double>(c.bytes_in)), bytes_text(static_cast<double>(c.bytes_out)),
                 thread_text(context), thread_told_by(context));
    return MapCanvas::tr("Connection %1, %2\n%3 for %4, carried by a %5\n%6 requests, longest slice %7, longest delay %8")
        .arg(c.id)
        .arg(QString::fromStdString(telemetry::to_string(c.peer)), state_text(c.state),
             duration_text(std::max(context.now - c.state_since, std::chrono::nanoseconds(0))), carrier_text(c.carrier),
             c.requests == telemetry::layout::not_available ? unknown_text : count_text(static_cast<double>(c.requests)),
             duration_text(c.longest_slice), duration_text(c.longest_ready));
}

} // namespace

MapCanvas::MapCanvas(QWidget* parent)
    : QWidget(parent)
    , picture_(std::make_shared<MapPicture>()) {
    setObjectName(QStringLiteral("map_canvas"));
    setAccessibleName(tr("Connection map"));
    setAccessibleDescription(tr("One cell for each connection, in the order in which the server has room for them"));
    setMouseTracking(true);
}

void MapCanvas::show_snapshot(const SnapshotPtr& snapshot, MapAspect aspect) {
    newest_ = snapshot;
    aspect_ = aspect;
    make_picture();
}

void MapCanvas::select(std::optional<ConnectionKey> key) {
    if (key == selected_) return;
    selected_ = key;
    make_picture();
}

void MapCanvas::make_picture() {
    if (!newest_) return;
    if (is_making_) {
        is_outdated_ = true;
        return;
    }
    const double ratio = devicePixelRatioF();
    std::vector<std::uint32_t> colours;
    for (std::size_t each = 0; each < classes_of(aspect_).size(); ++each)
        colours.push_back(colour_of(static_cast<MapClass>(each), aspect_).rgb());
    auto picture = spare_ ? std::exchange(spare_, nullptr) : std::make_shared<MapPicture>();
    picture->snapshot = newest_;
    picture->aspect = aspect_;
    auto work = [picture, colours, ratio, size = QSizeF(this->size()) * ratio, selected = selected_,
                 behind = ink(palette()).card.rgb()] {
        fill_cells(picture->cells, *picture->snapshot, picture->aspect, selected);
        picture->grid = grid_for(picture->cells.classes.size(), static_cast<int>(size.width()),
                                 static_cast<int>(size.height()), static_cast<int>(largest_cell * ratio));
        const QSize pixels(picture->grid.width, picture->grid.height);
        if (picture->image.size() != pixels) picture->image = QImage(pixels, QImage::Format_RGB32);
        picture->image.setDevicePixelRatio(ratio);
        const auto stride = static_cast<std::size_t>(picture->image.bytesPerLine()) / sizeof(QRgb);
        paint_cells(
            {reinterpret_cast<std::uint32_t*>(picture->image.bits()), stride * static_cast<std::size_t>(pixels.height())},
            stride, picture->grid, picture->cells, colours, behind, static_cast<int>(smallest_with_line * ratio));
    };
    if (newest_->server.connections.size() <= most_at_once) {
        work();
        take(picture);
        return;
    }
    is_making_ = true;
    is_outdated_ = false;
    QThreadPool::globalInstance()->start([work, picture, canvas = QPointer<MapCanvas>(this)] {
        work();
        QMetaObject::invokeMethod(qApp, [canvas, picture] { // the canvas may be gone by then
            if (!canvas) return;
            canvas->is_making_ = false;
            canvas->take(picture);
            if (canvas->is_outdated_) canvas->make_picture();
        });
    });
}

void MapCanvas::take(std::shared_ptr<MapPicture> picture) {
    spare_ = std::exchange(picture_, std::move(picture));
    if (spare_) spare_->snapshot.reset();
    update();
    emit pictureChanged();
}

QColor MapCanvas::colour_of(MapClass which, MapAspect aspect) const {
    using telemetry::CarrierKind;
    using telemetry::ConnectionState;
    if (which == 0) return ink(palette()).hover;
    switch (aspect) {
    case MapAspect::state:
        return colour(meaning_of(static_cast<ConnectionState>(which)), palette());
    case MapAspect::carrier:
        return colour(meaning_of(static_cast<CarrierKind>(which - 1)), palette());
    case MapAspect::delay:
    case MapAspect::longest_slice: {
        // From cool to warm; the last two cannot be overlooked.
        static constexpr std::array ramp{Meaning::paused,  Meaning::waiting_read, Meaning::coroutine,
                                         Meaning::running, Meaning::ready,        Meaning::involuntary};
        return colour(ramp[std::min<std::size_t>(which, ramp.size()) - 1], palette());
    }
    case MapAspect::thread: {
        static constexpr std::array hues{Meaning::coroutine, Meaning::thread, Meaning::running,       Meaning::fiber,
                                         Meaning::closure,   Meaning::ready,  Meaning::waiting_write, Meaning::paused};
        return colour(hues[static_cast<std::size_t>(which - 1) % hues.size()], palette());
    }
    }
    return {};
}

QRectF MapCanvas::place_of(std::size_t cell) const {
    const MapGrid& grid = picture_->grid;
    if (cell >= grid.cells) return {};
    const double ratio = picture_->image.devicePixelRatio();
    const auto [x, y] = grid.place_of(cell);
    return {x / ratio, y / ratio, grid.side / ratio, grid.side / ratio};
}

void MapCanvas::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    if (picture_->grid.cells == 0) {
        painter.setPen(ink(palette()).muted);
        painter.drawText(rect(), Qt::AlignCenter, tr("no connections"));
        return;
    }
    painter.drawImage(QPointF(0, 0), picture_->image);
    if (!picture_->cells.selected) return;
    const QRectF place = place_of(*picture_->cells.selected);
    const double least = 6; // a cell of one pixel is shown by a frame around it
    const double more = std::max((least - place.width()) / 2, 1.0);
    painter.setPen(QPen(ink(palette()).text, 2));
    painter.setBrush(Qt::NoBrush);
    painter.drawRect(place.adjusted(-more, -more, more - 1, more - 1));
}

const telemetry::ConnectionReading* MapCanvas::connection_at(const QPointF& position) const {
    if (!picture_->snapshot) return nullptr;
    const double ratio = picture_->image.devicePixelRatio();
    const auto first =
        picture_->grid.cell_at(static_cast<int>(position.x() * ratio), static_cast<int>(position.y() * ratio));
    if (!first) return nullptr;
    const MapCells& cells = picture_->cells;
    for (std::size_t cell = *first; cell < std::min(*first + picture_->grid.in_pixel, cells.connections.size()); ++cell) {
        if (cells.connections[cell] != MapCells::no_connection)
            return &picture_->snapshot->server.connections[cells.connections[cell]];
    }
    return nullptr;
}

void MapCanvas::mousePressEvent(QMouseEvent* event) {
    if (const auto* connection = connection_at(event->position())) emit clicked(key_of(*connection));
}

bool MapCanvas::event(QEvent* event) {
    if (event->type() == QEvent::Resize || event->type() == QEvent::PaletteChange) make_picture();
    if (event->type() != QEvent::ToolTip) return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    if (const auto* connection = connection_at(help->pos())) {
        QToolTip::showText(
            help->globalPos(),
            description(context_of(*picture_->snapshot,
                                   static_cast<std::size_t>(connection - picture_->snapshot->server.connections.data()))),
            this);
    } else {
        QToolTip::showText(help->globalPos(), accessibleDescription(), this);
    }
    return true;
}

ConnectionMap::ConnectionMap(QWidget* parent)
    : QWidget(parent)
    , chooser_(new QComboBox)
    , canvas_(new MapCanvas(this))
    , legend_(new Legend(this)) {
    chooser_->setObjectName(QStringLiteral("map_aspect"));
    chooser_->setAccessibleName(tr("What the colours of the map mean"));
    chooser_->setToolTip(
        tr("What the colours mean: the state a connection is in, what carries it, how long it had to wait for a CPU, "
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
    connect(canvas_, &MapCanvas::pictureChanged, this, &ConnectionMap::refresh_legend);
}

void ConnectionMap::show_snapshot(const SnapshotPtr& snapshot) {
    snapshot_ = snapshot;
    if (!isVisible()) return;
    canvas_->show_snapshot(snapshot_, map_aspects[static_cast<std::size_t>(std::max(chooser_->currentIndex(), 0))]);
}

void ConnectionMap::refresh_legend() {
    const MapAspect aspect = canvas_->aspect();
    auto names = classes_of(aspect);
    std::vector<Legend::Entry> entries;
    const std::size_t threads = canvas_->cells().threads.size();
    if (aspect == MapAspect::thread) {
        for (std::size_t i = 1; i < names.size() && i <= threads; ++i)
            names[i] = tr("thread %1").arg(canvas_->cells().threads[i - 1]);
    }
    if (aspect == MapAspect::thread && threads >= names.size()) { // more than there are colours
        for (std::size_t i = 1; i < names.size(); ++i)
            entries.push_back({{}, {}, {}, {}, canvas_->colour_of(static_cast<MapClass>(i), aspect)});
        entries.back().label = entries.back().short_label = tr("in turn for threads:");
        entries.back().value = count_text(static_cast<double>(threads));
        legend_->show_entries(std::move(entries));
        return;
    }
    for (std::size_t i = 1; i < names.size(); ++i) {
        const std::size_t count = i < canvas_->cells().counts.size() ? canvas_->cells().counts[i] : 0;
        if (count == 0) continue;
        Legend::Entry entry;
        entry.label = names[i];
        entry.short_label = aspect == MapAspect::thread ? names[i].section(QLatin1Char(' '), 1) : names[i];
        entry.value = count_text(static_cast<double>(count));
        entry.colour = canvas_->colour_of(static_cast<MapClass>(i), aspect);
        entries.push_back(std::move(entry));
    }
    legend_->show_entries(std::move(entries));
}

} // namespace connscope::app
