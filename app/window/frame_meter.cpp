// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/frame_meter.hpp"

#include <QStringList>

#include <algorithm>
#include <ctime>

namespace connscope::app {

namespace {

constexpr std::size_t frames_kept = 20'000;
constexpr std::size_t recent = 40;

double thread_cpu_ms() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time); // a system call: once or twice in a part, never in what is within it
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

} // namespace

void FrameMeter::Kept::add(double value) {
    if (ms.size() < frames_kept) {
        ms.push_back(value);
    } else {
        ms[oldest] = value;
        oldest = (oldest + 1) % frames_kept;
    }
}

double FrameMeter::Kept::percentile(double quantile) const {
    if (ms.empty()) return 0;
    std::vector<double> sorted = ms;
    const auto at = static_cast<std::ptrdiff_t>(quantile * static_cast<double>(sorted.size() - 1));
    std::nth_element(sorted.begin(), sorted.begin() + at, sorted.end());
    return sorted[static_cast<std::size_t>(at)];
}

void FrameMeter::end_frame() {
    if (current_ == 0) return; // nothing was drawn: another window's
    frames_.add(current_);
    frames_cpu_.add(current_cpu_);
    ++counted_;
    current_ = 0;
    current_cpu_ = 0;
}

void FrameMeter::clear() {
    frames_ = {};
    frames_cpu_ = {};
    parts_.clear();
    counted_ = 0;
    current_ = 0;
    current_cpu_ = 0;
}

double FrameMeter::recent_mean_ms() const {
    const std::vector<double>& ms = frames_.ms;
    const std::size_t count = std::min(recent, ms.size());
    if (count == 0) return 0;
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t end = frames_.oldest == 0 ? ms.size() : frames_.oldest;
        sum += ms[(end + ms.size() - 1 - i) % ms.size()];
    }
    return sum / static_cast<double>(count);
}

std::map<std::string_view, double> FrameMeter::parts_ms() const {
    std::map<std::string_view, double> means = parts_;
    for (auto& [part, ms] : means) ms /= static_cast<double>(std::max<std::size_t>(counted_, 1));
    return means;
}

QString FrameMeter::report() const {
    QStringList lines;
    const auto line = [&](const char* what, double median, double p99, double most) {
        lines << QStringLiteral("%1 median %2 ms  p99 %3 ms  max %4 ms")
                     .arg(QLatin1String(what))
                     .arg(median, 0, 'f', 2)
                     .arg(p99, 0, 'f', 2)
                     .arg(most, 0, 'f', 2);
    };
    lines << QStringLiteral("frames %1").arg(frames());
    line("time    ", frames_.percentile(0.5), frames_.percentile(0.99), frames_.percentile(1));
    line("CPU time", frames_cpu_.percentile(0.5), frames_cpu_.percentile(0.99), frames_cpu_.percentile(1));
    lines << QStringLiteral("mean by part, ms a frame:");
    const auto means = parts_ms();
    std::vector<std::pair<std::string_view, double>> parts(means.begin(), means.end());
    std::sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    for (const auto& [part, ms] : parts) {
        lines << QStringLiteral("  %1  %2")
                     .arg(ms, 6, 'f', 3)
                     .arg(QLatin1String(part.data(), static_cast<qsizetype>(part.size())));
    }
    return lines.join(QLatin1Char('\n'));
}

FrameShare::FrameShare(FrameMeter& meter, std::string_view part)
    : meter_(meter)
    , part_(part)
    , outer_(meter.innermost_)
    , begin_(FrameMeter::Clock::now()) {
    if (outer_ == nullptr) cpu_begin_ = thread_cpu_ms();
    meter_.innermost_ = this;
}

FrameShare::~FrameShare() {
    const double ms = std::chrono::duration<double, std::milli>(FrameMeter::Clock::now() - begin_).count();
    meter_.innermost_ = outer_;
    meter_.parts_[part_] += ms - inner_ms_;
    if (outer_ != nullptr) {
        outer_->inner_ms_ += ms;
        return;
    }
    meter_.current_ += ms;
    meter_.current_cpu_ += thread_cpu_ms() - cpu_begin_;
}

} // namespace connscope::app
