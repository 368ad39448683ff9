// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/layer_rows.hpp"

#include "models/format.hpp"

#include <QCoreApplication>

#include <algorithm>

namespace connscope::app {

namespace {

QString tr(const char* text) { return QCoreApplication::translate("Layers", text); }

QString time_text(const lab::LayerFigure& ns) { return ns.value ? duration_text(*ns.value / 1e9) : unknown_text; }

QString times_text(double count) { return QString::number(count, 'f', 2); }

QString part_text(const lab::LayerPart& part) {
    return tr("%1 %2× (%3)").arg(QString::fromStdString(part.name), times_text(part.count), time_text(part.ns));
}

} // namespace

const std::array<LayerRow, layer_row_count>& layer_rows() {
    static const std::array rows{
        LayerRow{"session", tr("Session"),
                 tr("The protocol: reads the request, makes the answer. It is entered each time "
                    "that its connection is resumed."),
                 false},
        LayerRow{"mode", tr("Mode"),
                 tr("What carries the connection and does what its session wants; it switches between "
                    "connections where the program does that."),
                 false},
        LayerRow{"probe", tr("Probe"), tr("connscope's own measuring in the server: what being watched costs."), false},
        LayerRow{"runtime", tr("Runtime"),
                 tr("The event loop, its queues and timers (Boost.Asio, Boost.Context, the C++ "
                    "library)."),
                 false},
        LayerRow{"library", tr("C library"),
                 tr("The C library's functions on the way to the kernel, and what it lends a "
                    "program of its own to read the clock."),
                 false},
        LayerRow{"socket", tr("Sockets"),
                 tr("System calls that read and write, with the network stack below: on "
                    "loopback a write carries its bytes to the other side itself."),
                 true},
        LayerRow{"scheduler", tr("Waiting"),
                 tr("System calls that wait for something, wake somebody or set a "
                    "timer."),
                 true},
        LayerRow{"switch", tr("Switch"), tr("A thread leaves the CPU and another gets it."), true},
    };
    return rows;
}

const lab::Layer* find_layer(const lab::ModeLayers& mode, std::string_view id) {
    const auto found =
        std::find_if(mode.layers.begin(), mode.layers.end(), [id](const lab::Layer& layer) { return layer.id == id; });
    return found == mode.layers.end() ? nullptr : &*found;
}

bool is_on_the_way(const lab::Layer& layer) {
    const bool is_plain = layer.crossed_by.empty() || layer.id == "session" || layer.id == "mode";
    return is_plain || layer.crossings.value.value_or(0) >= 0.5;
}

QString layer_time_text(const lab::Layer& layer) { return time_text(layer.ns); }

QString layer_crossings_text(const lab::Layer& layer) {
    if (layer.crossed_by.empty()) return {};
    const QString count = layer.crossings.value ? times_text(*layer.crossings.value) : unknown_text;
    // In a narrow column: what is counted is known by the row.
    const QString what = layer.crossed_by == "resumes"               ? tr("%1 resumes")
                         : layer.crossed_by == "user-space switches" ? tr("%1 switches")
                         : layer.crossed_by == "kernel switches"     ? tr("%1 switches")
                                                                     : tr("%1 calls");
    return what.arg(count);
}

QString layer_tip(const lab::ModeLayers& mode, const LayerRow& row) {
    QStringList lines{QStringLiteral("%1, %2").arg(QString::fromStdString(mode.title), row.title)};
    if (!mode.failed.empty()) {
        lines << tr("Not measured: %1.").arg(QString::fromStdString(mode.failed));
        return lines.join(QLatin1Char('\n'));
    }
    const lab::Layer* layer = find_layer(mode, row.id);
    if (layer == nullptr) return lines.join(QLatin1Char('\n'));
    if (layer->ns.value)
        lines << tr("%1 of each request%2")
                     .arg(time_text(layer->ns),
                          layer->is_within ? tr(", part of the time of the two layers above") : QString());
    else
        lines << tr("Its time is not available: %1").arg(QString::fromStdString(layer->ns.missing));
    if (layer->crossings.value)
        lines << QStringLiteral("%1 %2").arg(times_text(*layer->crossings.value), QString::fromStdString(layer->crossed_by));
    else if (!layer->crossings.missing.empty())
        lines << tr("Not counted: %1").arg(QString::fromStdString(layer->crossings.missing));
    for (const lab::LayerPart& part : layer->parts) lines << QStringLiteral("    ") + part_text(part);
    lines << tr("Source: %1.").arg(QString::fromStdString(layer->source)) << row.about;
    return lines.join(QLatin1Char('\n'));
}

QStringList layer_details(const lab::ModeLayers& mode) {
    if (!mode.failed.empty()) return {tr("Not measured: %1").arg(QString::fromStdString(mode.failed))};
    QStringList lines;
    if (const lab::Layer* session = find_layer(mode, "session"); session != nullptr && !session->ns.value)
        lines << tr("Time in the program's layers: not available: %1").arg(QString::fromStdString(session->ns.missing));
    for (const char* id : {"socket", "scheduler", "switch"}) {
        const lab::Layer* layer = find_layer(mode, id);
        if (layer == nullptr) continue;
        const auto row =
            std::find_if(layer_rows().begin(), layer_rows().end(), [id](const auto& each) { return each.id == id; });
        QStringList parts;
        for (const lab::LayerPart& part : layer->parts) parts << part_text(part);
        if (!layer->crossings.value)
            parts = {tr("not counted: %1").arg(QString::fromStdString(layer->crossings.missing))};
        else if (parts.isEmpty())
            parts = {tr("hardly ever")};
        lines << QStringLiteral("%1: %2").arg(row->title, parts.join(QStringLiteral(", ")));
    }
    if (mode.copies)
        lines << tr("Copies: %1 into the program (%2), %3 out of it (%4)")
                     .arg(times_text(mode.copies->in), bytes_text(mode.copies->bytes_in), times_text(mode.copies->out),
                          bytes_text(mode.copies->bytes_out));
    else
        lines << tr("Copies: not counted: %1").arg(QString::fromStdString(mode.copies_missing));
    QString untraced = tr("Without a trace: %1 of the server's CPU time for a request, %2 kernel switches")
                           .arg(time_text(mode.cpu_ns),
                                mode.kernel_switches.value ? times_text(*mode.kernel_switches.value) : unknown_text);
    if (mode.trace_ns)
        untraced +=
            tr("; with one, each call took %1 more, which is taken off above").arg(duration_text(*mode.trace_ns / 1e9));
    lines << untraced;
    return lines;
}

} // namespace connscope::app
