// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/comparison.hpp"

#include "models/format.hpp"
#include "models/history.hpp"

#include <QCoreApplication>

#include <algorithm>
#include <cmath>

namespace connscope::app {

namespace {

constexpr double settles_after = 1.0;   // s after a mark
constexpr double settles_before = 0.3;  // s before one: a hand-off begins before its mark
constexpr double longest_compared = 30; // s
constexpr double least_noise = 0.03;

enum class Form { bytes, count, whole, duration };
enum class Better { less, more, neither };

struct Compared {
    Quantity quantity;
    const char* name;
    Form form;
    Better better;
    const char* less; // %1 before, %2 after, %3 how many times
    const char* more;
    const char* slightly = nullptr; // where a factor would read as one
};

#define COMPARISON_TEXT(text) QT_TRANSLATE_NOOP("Comparison", text)
constexpr Compared compared[] = {
    {Quantity::bytes_per_connection, COMPARISON_TEXT("Memory per connection"), Form::bytes, Better::less,
     COMPARISON_TEXT("A connection takes %2 instead of %1: %3 as many fit in the same memory."),
     COMPARISON_TEXT("A connection takes %2 instead of %1, %3 as much."),
     COMPARISON_TEXT("A connection takes %2 instead of %1.")},
    {Quantity::threads, COMPARISON_TEXT("Threads"), Form::whole, Better::neither,
     COMPARISON_TEXT("%2 threads do what %1 did; the kernel has fewer to choose from."),
     COMPARISON_TEXT("%2 threads instead of %1; the kernel chooses among them.")},
    {Quantity::switches_per_request, COMPARISON_TEXT("Kernel switches per request"), Form::count, Better::less,
     COMPARISON_TEXT("The kernel switches %2 times for a request instead of %1 times."),
     COMPARISON_TEXT("The kernel switches %2 times for a request instead of %1 times, each some microseconds.")},
    {Quantity::voluntary_per_s, COMPARISON_TEXT("Voluntary switches/s"), Form::count, Better::less,
     COMPARISON_TEXT("Threads block %2 times a second instead of %1 times."),
     COMPARISON_TEXT("Threads block %2 times a second instead of %1 times: each wait hands the CPU to the kernel.")},
    {Quantity::involuntary_per_s, COMPARISON_TEXT("Involuntary switches/s"), Form::count, Better::less,
     COMPARISON_TEXT("The kernel takes the CPU away %2 times a second instead of %1 times."),
     COMPARISON_TEXT("The kernel takes the CPU away %2 times a second instead of %1 times.")},
    {Quantity::user_space_per_s, COMPARISON_TEXT("User-space switches/s"), Form::count, Better::neither,
     COMPARISON_TEXT("Connections are resumed %2 times a second without the kernel, instead of %1 times."),
     COMPARISON_TEXT("Connections are resumed %2 times a second without the kernel, instead of %1 times.")},
    {Quantity::cpu_per_request, COMPARISON_TEXT("CPU per request"), Form::duration, Better::less,
     COMPARISON_TEXT("A request costs %2 of CPU instead of %1."),
     COMPARISON_TEXT("A request costs %2 of CPU instead of %1.")},
    {Quantity::latency_p50, COMPARISON_TEXT("Latency p50"), Form::duration, Better::less,
     COMPARISON_TEXT("Half of the answers take less than %2; it was %1."),
     COMPARISON_TEXT("Half of the answers take more than %2; it was %1.")},
    {Quantity::latency_p99, COMPARISON_TEXT("Latency p99"), Form::duration, Better::less,
     COMPARISON_TEXT("One answer in a hundred takes more than %2; it was %1."),
     COMPARISON_TEXT("One answer in a hundred takes more than %2; it was %1.")},
    {Quantity::delay_p99, COMPARISON_TEXT("Scheduling delay p99"), Form::duration, Better::less,
     COMPARISON_TEXT("One time in a hundred a connection that could run waits more than %2 for a CPU; it was %1."),
     COMPARISON_TEXT("One time in a hundred a connection that could run waits more than %2 for a CPU; it was %1.")},
    {Quantity::requests_per_s, COMPARISON_TEXT("Requests/s"), Form::count, Better::more,
     COMPARISON_TEXT("%2 requests are answered in a second instead of %1."),
     COMPARISON_TEXT("%2 requests are answered in a second instead of %1.")},
};
#undef COMPARISON_TEXT

QString tr(const char* text) { return QCoreApplication::translate("Comparison", text); }

QString written(Form form, double value) {
    switch (form) {
    case Form::bytes:
        return bytes_text(value);
    case Form::duration:
        return duration_text(value);
    case Form::whole:
        return count_text(std::round(value));
    case Form::count:
        return count_text(value >= 100 ? std::round(value) : value);
    }
    return {};
}

struct Estimate {
    double mean = not_known;
    double error = 0; // twice the standard error of the mean
};

Estimate estimate(const History& history, Quantity which, const Stretch& stretch) {
    const double begin = std::max(stretch.begin, stretch.end - longest_compared);
    double sum = 0;
    double squares = 0;
    int count = 0;
    for (double from = begin; from + 1 <= stretch.end + 1e-9; from += 1) {
        const double mean = history.mean(which, from, from + 1);
        if (std::isnan(mean)) continue;
        sum += mean;
        squares += mean * mean;
        ++count;
    }
    if (count == 0) return {};
    Estimate found;
    found.mean = sum / count;
    if (count > 1) {
        const double variance = std::max(squares / count - found.mean * found.mean, 0.0) * count / (count - 1);
        found.error = 2 * std::sqrt(variance / count);
    }
    return found;
}

} // namespace

std::vector<Stretch> stretches_of(const History& history) {
    std::vector<Stretch> stretches;
    const auto marks = history.marks();
    for (std::size_t i = 0; i < marks.size(); ++i) {
        if (marks[i].mode.isEmpty()) continue; // the server was gone
        Stretch stretch;
        stretch.begin = marks[i].time + settles_after;
        stretch.end = i + 1 < marks.size() ? marks[i + 1].time - settles_before : history.newest_time();
        stretch.label = marks[i].label;
        if (stretch.length() > 0) stretches.push_back(std::move(stretch));
    }
    return stretches;
}

std::vector<Difference> compare(const History& history, const Stretch& before, const Stretch& after) {
    std::vector<Difference> differences;
    for (const Compared& each : compared) {
        const Estimate was = estimate(history, each.quantity, before);
        const Estimate is = estimate(history, each.quantity, after);
        if (std::isnan(was.mean) || std::isnan(is.mean)) continue;
        Difference difference;
        difference.name = tr(each.name);
        difference.before = written(each.form, was.mean);
        difference.after = written(each.form, is.mean);
        difference.ratio = was.mean > 0 && is.mean > 0 ? is.mean / was.mean : not_known;
        const double size = std::max(was.mean, is.mean);
        difference.noise = size > 0 ? std::max(std::hypot(was.error, is.error) / size, least_noise) : least_noise;
        difference.differs =
            size > 0 && std::abs(is.mean - was.mean) > difference.noise * size && difference.before != difference.after;
        if (difference.differs) {
            const bool less = is.mean < was.mean;
            const double times = less ? 1 / difference.ratio : difference.ratio;
            if (!std::isnan(times)) {
                difference.ratio_text = less ? tr("%1 less").arg(factor_text(times)) : tr("%1 more").arg(factor_text(times));
                if (times < 1.1) {
                    difference.ratio_text = less ? tr("%1 less").arg(percent_text(1 - difference.ratio))
                                                 : tr("%1 more").arg(percent_text(difference.ratio - 1));
                }
            }
            const char* const text = less ? each.less : each.more;
            difference.sentence = tr(each.slightly != nullptr && times < 1.1 ? each.slightly : text);
            difference.sentence.replace(QStringLiteral("%1"), difference.before);
            difference.sentence.replace(QStringLiteral("%2"), difference.after);
            difference.sentence.replace(QStringLiteral("%3"), factor_text(times));
            difference.sentence += QLatin1Char(' ') + tr("(±%1 may be chance)").arg(percent_text(difference.noise));
            if (each.better != Better::neither) {
                difference.judgement =
                    less == (each.better == Better::less) ? Difference::Judgement::better : Difference::Judgement::worse;
            }
        }
        differences.push_back(std::move(difference));
    }
    return differences;
}

} // namespace connscope::app
