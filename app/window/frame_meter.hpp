// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

#include <chrono>
#include <map>
#include <string_view>
#include <vector>

namespace connscope::app {

// What each frame costs the GUI thread: from the arrival of a snapshot until its last pixel is painted. A frame is made of
// shares; what a share within another share takes counts for the inner one alone. GUI thread.
class FrameMeter {
public:
    using Clock = std::chrono::steady_clock;

    // The current frame is complete; the next one begins.
    void end_frame();
    // Forgets all frames.
    void clear();

    std::size_t frames() const noexcept { return frames_.ms.size(); }
    // Of the frames kept, in ms; 0 when there is none. A frame takes longer than its CPU time when other programs want the
    // CPU.
    double percentile_ms(double quantile) const { return frames_.percentile(quantile); }
    double cpu_percentile_ms(double quantile) const { return frames_cpu_.percentile(quantile); }
    double recent_mean_ms() const;
    // The mean of each part in ms a frame, over all frames.
    std::map<std::string_view, double> parts_ms() const;
    // Several lines for a terminal: the frames, then the share of each part.
    QString report() const;

private:
    friend class FrameShare;

    // The newest so many, a ring once full.
    struct Kept {
        std::vector<double> ms;
        std::size_t oldest = 0;
        void add(double value);
        double percentile(double quantile) const;
    };

    Kept frames_;
    Kept frames_cpu_;
    std::map<std::string_view, double> parts_; // ms, over all frames
    std::size_t counted_ = 0;                  // all frames
    double current_ = 0;                       // ms
    double current_cpu_ = 0;
    class FrameShare* innermost_ = nullptr; // of the shares that are open
};

// Adds the time of its own life to a part: "charts", "table", "painting the table".
class FrameShare {
public:
    FrameShare(FrameMeter& meter, std::string_view part);
    ~FrameShare();
    FrameShare(const FrameShare&) = delete;
    FrameShare& operator=(const FrameShare&) = delete;

private:
    FrameMeter& meter_;
    std::string_view part_; // a literal
    FrameShare* outer_;
    FrameMeter::Clock::time_point begin_;
    double cpu_begin_ = 0; // ms; of outermost shares only
    double inner_ms_ = 0;  // taken by shares within this one
};

} // namespace connscope::app
