// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/status_line.hpp"

#include "models/format.hpp"
#include "views/palette.hpp"

#include <QHelpEvent>
#include <QPainter>
#include <QToolTip>

#include <cmath>

namespace connscope::app {

namespace {

constexpr int side = 12;
constexpr int gap = 18;

QString phase_text(const ProcessStatus& status) {
    switch (status.phase) {
    case ProcessStatus::Phase::absent:
        return StatusLine::tr("not running");
    case ProcessStatus::Phase::starting:
        return StatusLine::tr("starting …");
    case ProcessStatus::Phase::running:
        return {};
    case ProcessStatus::Phase::stopped:
        return StatusLine::tr("stopped");
    case ProcessStatus::Phase::awaited:
        return StatusLine::tr("has ended and is waited for");
    case ProcessStatus::Phase::gone:
        return StatusLine::tr("gone");
    case ProcessStatus::Phase::failed:
        return StatusLine::tr("could not start");
    }
    return {};
}

} // namespace

StatusLine::StatusLine(QWidget* parent)
    : QWidget(parent) {
    setObjectName(QStringLiteral("status_line"));
    setFont(parent != nullptr ? parent->font() : font());
    server_.tip = tr("The server that this window started: its address, its process and its mode.");
    load_.tip =
        tr("The clients that this window started. Every byte that comes back is compared with what was sent; the share is "
           "that of the answers without a wrong byte.");
    watching_.tip =
        tr("What drawing a frame costs this window's thread, and what one look at the server and the load costs, on "
           "average; 20 of each a second.");
}

StatusLine::Light StatusLine::light_of(const ProcessStatus& status) {
    if (status.phase == ProcessStatus::Phase::running) return Light::on;
    return status.phase == ProcessStatus::Phase::absent || status.phase == ProcessStatus::Phase::starting ? Light::off
                                                                                                          : Light::trouble;
}

void StatusLine::change(Part& part, const QString& text, Light light) {
    if (part.text == text && part.light == light) return;
    part.text = text;
    part.light = light;
    setAccessibleName(this->text());
    update();
}

void StatusLine::show_server(const ProcessStatus& status, const QString& mode_name, double mode_since_s) {
    const QString phase = phase_text(status);
    QString text = status.is_attached ? status.name : QStringLiteral("connscope-serve");
    if (status.alive()) {
        if (!status.address.isEmpty()) text += QLatin1Char(' ') + status.address;
        text += status.pids.size() > 1 ? tr(" · %1 processes").arg(status.pids.size()) : tr(" · pid %1").arg(status.pid);
        if (status.is_attached && mode_name.isEmpty()) {
            text += tr(" · attached");
        } else if (phase.isEmpty())
            text += tr(" · %1 for %2").arg(mode_name, duration_text(std::floor(std::max(mode_since_s, 0.0))));
    }
    if (!phase.isEmpty()) text += QLatin1Char(' ') + phase;
    change(server_, text, light_of(status));
}

void StatusLine::show_load(const ProcessStatus& status, double verified_share) {
    const QString phase = phase_text(status);
    QString text = status.phase == ProcessStatus::Phase::absent ? QString() : QStringLiteral("connscope-load");
    if (status.alive()) text += tr(" pid %1 · %2 verified").arg(status.pid).arg(percent_text(verified_share));
    if (!phase.isEmpty() && !text.isEmpty()) text += QLatin1Char(' ') + phase;
    change(load_, text, light_of(status));
}

void StatusLine::show_watching(double frame_ms, double look_ms) {
    change(watching_, tr("%1 a frame · %2 a look").arg(duration_text(frame_ms / 1e3), duration_text(look_ms / 1e3)),
           Light::off);
}

QString StatusLine::text() const { return QStringLiteral("%1 | %2 | %3").arg(server_.text, load_.text, watching_.text); }

QSize StatusLine::sizeHint() const { return {200, fontMetrics().height() + 8}; }

void StatusLine::paintEvent(QPaintEvent*) {
    const Ink& colours = ink(palette());
    const QFontMetrics metrics = fontMetrics();
    const int base = (height() + metrics.ascent() - metrics.descent()) / 2;
    const int dot = metrics.ascent() * 3 / 5;
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    int x = side;
    for (Part* part : {&server_, &load_}) {
        if (part->text.isEmpty()) continue;
        const QColor light = part->light == Light::on        ? colour(Meaning::running, palette())
                             : part->light == Light::trouble ? colours.bad
                                                             : colours.border;
        painter.setPen(Qt::NoPen);
        painter.setBrush(light);
        painter.drawEllipse(QRectF(x, base - dot, dot, dot));
        const int text_x = x + dot + 6;
        const int width = metrics.horizontalAdvance(part->text);
        painter.setPen(colours.muted);
        painter.drawText(text_x, base, part->text);
        part->place = QRect(x, 0, dot + 6 + width, height());
        x = text_x + width + gap;
    }
    const int width = metrics.horizontalAdvance(watching_.text);
    const int watching_x = this->width() - side - width;
    if (watching_x < x) { // no room: it is the least important
        watching_.place = {};
        return;
    }
    painter.setPen(colours.muted);
    painter.drawText(watching_x, base, watching_.text);
    watching_.place = QRect(watching_x, 0, width, height());
}

bool StatusLine::event(QEvent* event) {
    if (event->type() != QEvent::ToolTip) return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    for (const Part* part : {&server_, &load_, &watching_}) {
        if (part->place.contains(help->pos())) {
            QToolTip::showText(help->globalPos(), part->tip, this, part->place);
            return true;
        }
    }
    QToolTip::hideText();
    return true;
}

} // namespace connscope::app
