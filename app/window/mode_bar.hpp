// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "session/plan.hpp"

#include <QAbstractButton>
#include <QElapsedTimer>
#include <QTimer>
#include <QWidget>

#include <cstdint>
#include <optional>
#include <vector>

namespace connscope::app {

class ElidedLine;
class FlowLayout;
class ModeParametersRow;

// One segment of a row of buttons of which one is chosen.
class SegmentButton : public QAbstractButton {
    Q_OBJECT
public:
    explicit SegmentButton(const QString& text, QWidget* parent = nullptr);

    // Whether its left and right ends are round.
    void set_ends(bool first, bool last);
    // Less space around the word, where many stand beside each other.
    void set_tight(bool tight);
    // Drawn in the colour of what is wrong.
    void set_alarming(bool alarming);
    // How many connections it stands for, written beside its name; none: not written.
    void set_count(std::optional<std::uint64_t> count);
    const QString& count() const noexcept { return count_; }

    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return sizeHint(); }

protected:
    void paintEvent(QPaintEvent* event) override;
    void enterEvent(QEnterEvent* event) override;
    void leaveEvent(QEvent* event) override;

private:
    bool is_first_ = true;
    bool is_last_ = true;
    bool is_alarming_ = false;
    QString count_;
    bool is_tight_ = false;
};

// The window's main control: the server's modes, grouped by who decides which connection runs.
class ModeBar : public QWidget {
    Q_OBJECT
public:
    explicit ModeBar(QWidget* parent = nullptr);

    void show_modes(const std::vector<ModeDescription>& modes);
    void show_current(const QString& id);
    // How many connections each mode carries, by the modes' numbers in the server, which lists them in that order; written
    // while several modes carry some.
    void show_counts(const std::vector<std::uint64_t>& counts);
    // A change is on its way: the buttons wait.
    void show_progress(const QString& to, std::uint64_t connections);
    void show_result(const ModeChange& change);
    void show_refusal(const QString& to); // the reason is told where there is room for it
    void show_message(const QString& text);
    void set_usable(bool usable);

    // The description of a mode; nullptr when it is not known.
    const ModeDescription* description_of(const QString& id) const;
    const QString& current() const noexcept { return current_; }
    // The name people read: "Coroutines"; the id when it is not known.
    QString name_of(const QString& id) const;
    SegmentButton* button(const QString& id) const;
    // Says what became of the last change; stands where the window has room for it.
    ElidedLine* message_line() const noexcept { return message_; }
    QString message() const;
    // Says in a line how the current mode works, or the one that the pointer or the focus is on.
    ElidedLine* hint_line() const noexcept { return hint_; }
    ModeParametersRow& parameters() noexcept { return *parameters_; }

signals:
    void modeWanted(const QString& id);

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;
    bool event(QEvent* event) override;

private:
    void fit();
    void add_group(ModeDescription::Scheduling scheduling, const QString& caption, const QString& tip);

    void show_hint(const QString& id);
    void show_moving();

    std::vector<ModeDescription> modes_;
    std::vector<SegmentButton*> buttons_; // in the order of modes_
    FlowLayout* groups_;
    ModeParametersRow* parameters_;
    ElidedLine* hint_;
    ElidedLine* message_;
    QTimer moving_timer_; // runs during a change, so that its message counts the time
    QElapsedTimer moving_since_;
    QString moving_text_;
    QString current_;
    bool usable_ = true;
    bool is_tight_ = false;
};

} // namespace connscope::app
