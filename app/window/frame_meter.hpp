// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

#include <chrono>
#include <map>
#include <vector>

namespace connscope::app {

// What each frame costs the GUI thread: from the arrival of a snapshot until its last pixel is painted. GUI thread.
class FrameMeter {
public:
    using Clock = std::chrono::steady_clock;

    // Adds to the share of one part ("charts", "table", "painting") of the current frame.
    void add(const char* part, Clock::duration time);
    // The current frame is complete; the next one begins.
    void end_frame();

    std::size_t frames() const noexcept { return frames_.size(); }
    // Of the frames kept, in ms; 0 when there is none.
    double percentile_ms(double quantile) const;
    double recent_mean_ms() const;
    // "frames 240  median 3.9 ms  p99 7.1 ms  charts 2.1 ms …" for a terminal.
    QString report() const;

private:
    std::vector<double> frames_; // ms
    std::map<QString, double> parts_; // ms, over all frames
    double current_ = 0;
    std::size_t oldest_ = 0; // frames_ is a ring once full
};

// Adds the time of its own life to a part.
class FrameShare {
public:
    FrameShare(FrameMeter& meter, const char* part) : meter_(meter), part_(part), begin_(FrameMeter::Clock::now()) {}
    ~FrameShare() { meter_.add(part_, FrameMeter::Clock::now() - begin_); }
    FrameShare(const FrameShare&) = delete;
    FrameShare& operator=(const FrameShare&) = delete;

private:
    FrameMeter& meter_;
    const char* part_;
    FrameMeter::Clock::time_point begin_;
};

} // namespace connscope::app
