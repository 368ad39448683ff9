// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/frame_meter.hpp"

#include <algorithm>
#include <numeric>

namespace connscope::app {

namespace {
constexpr std::size_t frames_kept = 20'000;
constexpr std::size_t recent = 40;
} // namespace

void FrameMeter::add(const char* part, Clock::duration time) {
    const double ms = std::chrono::duration<double, std::milli>(time).count();
    current_ += ms;
    parts_[QString::fromLatin1(part)] += ms;
}

void FrameMeter::end_frame() {
    if (frames_.size() < frames_kept) {
        frames_.push_back(current_);
    } else {
        frames_[oldest_] = current_;
        oldest_ = (oldest_ + 1) % frames_kept;
    }
    current_ = 0;
}

double FrameMeter::percentile_ms(double quantile) const {
    if (frames_.empty()) return 0;
    std::vector<double> sorted = frames_;
    const auto at = static_cast<std::ptrdiff_t>(quantile * static_cast<double>(sorted.size() - 1));
    std::nth_element(sorted.begin(), sorted.begin() + at, sorted.end());
    return sorted[static_cast<std::size_t>(at)];
}

double FrameMeter::recent_mean_ms() const {
    const std::size_t count = std::min(recent, frames_.size());
    if (count == 0) return 0;
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t end = oldest_ == 0 ? frames_.size() : oldest_;
        sum += frames_[(end + frames_.size() - 1 - i) % frames_.size()];
    }
    return sum / static_cast<double>(count);
}

QString FrameMeter::report() const {
    QString text = QStringLiteral("frames %1  median %2 ms  p99 %3 ms  max %4 ms;  mean by part:")
                       .arg(frames_.size())
                       .arg(percentile_ms(0.5), 0, 'f', 2)
                       .arg(percentile_ms(0.99), 0, 'f', 2)
                       .arg(percentile_ms(1), 0, 'f', 2);
    for (const auto& [part, ms] : parts_) {
        text += QStringLiteral("  %1 %2 ms").arg(part).arg(ms / static_cast<double>(std::max<std::size_t>(frames_.size(), 1)), 0, 'f', 2);
    }
    return text;
}

} // namespace connscope::app
