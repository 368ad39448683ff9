// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/four_fields.hpp"

#include "models/format.hpp"
#include "models/history.hpp"

#include <QCoreApplication>

#include <algorithm>
#include <cmath>
#include <optional>

namespace connscope::app {

namespace {

QString tr(const char* text) { return QCoreApplication::translate("FourFields", text); }

struct Shown {
    const char* figure; // of a comparison
    std::optional<Quantity> quantity;
    QString (*title)();
    QString (*tip)();
};

const std::array<Shown, field_figure_count> shown{
    Shown{"memory_bytes", Quantity::bytes_per_connection, [] { return tr("memory"); },
          [] { return tr("Memory that a connection takes, user's and kernel's, beside the sockets."); }},
    Shown{"cpu_us_per_request", Quantity::cpu_per_request, [] { return tr("CPU/request"); },
          [] { return tr("CPU time of the server for one request."); }},
    Shown{"latency_p99_us", Quantity::latency_p99, [] { return tr("p99"); },
          [] { return tr("99 of 100 answers came faster than this."); }},
    Shown{"hog_damage_us", std::nullopt, [] { return tr("hog's damage"); },
          [] { return tr("By how much the others' p99 rises while one connection computes without a yield."); }},
};

constexpr double settles_after = 1.0;  // s after a mark
constexpr double settles_before = 0.3; // s before one: a hand-off begins before its mark
constexpr double least_length = 0.5;   // s of a stretch that tells something
constexpr double longest_mean = 10.0;  // s

FieldFigure missing(const QString& reason) { return {QStringLiteral("–"), reason}; }

FieldFigure from_comparison(const lab::Result& result, const QString& mode, const Shown& which) {
    const lab::CellResult* found = nullptr;
    for (const lab::CellResult& cell : result.cells) {
        if (cell.spec.mode == mode.toStdString()) {
            found = &cell;
            break;
        }
    }
    if (found == nullptr) return missing(tr("The comparison left this mode out."));
    const lab::FigureResult& figure = found->figure(which.figure);
    if (!figure.known()) {
        const std::string& why = found->failed ? *found->failed : figure.reason;
        return missing(why.empty() ? tr("The comparison did not measure it.") : QString::fromStdString(why));
    }
    const lab::FigureInfo* info = lab::find_figure(which.figure);
    return {QString::fromStdString(lab::text_of(figure.spread->median, info->unit)), {}};
}

// The newest stretch of time in which a mode had the connections.
struct Time {
    double begin = 0;
    double end = 0;
};
std::optional<Time> newest_time_of(const History& history, const QString& mode) {
    const auto marks = history.marks();
    for (auto mark = marks.rbegin(); mark != marks.rend(); ++mark) {
        if (mark->mode != mode) continue;
        const bool is_over = mark != marks.rbegin();
        Time time{mark->time + settles_after, is_over ? (mark - 1)->time - settles_before : history.newest_time()};
        time.begin = std::max(time.begin, time.end - longest_mean);
        if (time.end - time.begin >= least_length) return time;
    }
    return std::nullopt;
}

FieldFigure live(const History& history, const QString& mode, const Shown& which) {
    if (!which.quantity) return missing(tr("Only a comparison measures it: Server, Compare the modes …"));
    const auto time = newest_time_of(history, mode);
    if (!time)
        return missing(
            tr("No connection was carried by this mode in the last ten minutes: press its button, or compare the modes."));
    const double value = history.mean(*which.quantity, time->begin, time->end);
    if (std::isnan(value)) return missing(tr("It was not measured while this mode had the connections."));
    return {*which.quantity == Quantity::bytes_per_connection ? bytes_text(value) : duration_text(value), {}};
}

} // namespace

QString field_figure_title(std::size_t which) { return shown[which].title(); }
QString field_figure_tip(std::size_t which) { return shown[which].tip(); }

bool is_preemptive(const ModeDescription& mode) {
    if (mode.scheduling != ModeDescription::Scheduling::program)
        return mode.scheduling == ModeDescription::Scheduling::kernel;
    // A budget is kept by who computes; a timer's slice is not. A server that does not say which has slices of timers only.
    return mode.slices.isEmpty() ? mode.has_slice : mode.slices == QLatin1String("timer");
}

bool is_in_kernel(const ModeDescription& mode) {
    return mode.carrier == QLatin1String("thread") || mode.carrier == QLatin1String("process");
}

std::array<Field, 4> four_fields(const std::vector<ModeDescription>& modes, const QString& current,
                                 const lab::Result* result, const History& history) {
    std::array<Field, 4> fields{Field{false, false, {}}, Field{true, false, {}}, Field{false, true, {}},
                                Field{true, true, {}}};
    for (const ModeDescription& mode : modes) {
        FieldMode made;
        made.id = mode.id;
        made.name = mode.name;
        made.carrier = mode.carrier;
        made.is_current = mode.id == current;
        made.by_both = mode.scheduling == ModeDescription::Scheduling::both;
        for (std::size_t i = 0; i < field_figure_count; ++i) {
            made.figures[i] =
                result != nullptr ? from_comparison(*result, mode.id, shown[i]) : live(history, mode.id, shown[i]);
        }
        fields[(is_in_kernel(mode) ? 2U : 0U) + (is_preemptive(mode) ? 1U : 0U)].modes.push_back(std::move(made));
    }
    return fields;
}

} // namespace connscope::app
