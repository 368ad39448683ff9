// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "session/plan.hpp"

#include <QAbstractButton>
#include <QWidget>

#include <vector>

class QLabel;

namespace connscope::app {

class FlowLayout;

// One segment of a row of buttons of which one is chosen.
class SegmentButton : public QAbstractButton {
    Q_OBJECT
public:
    explicit SegmentButton(const QString& text, QWidget* parent = nullptr);

    // Whether its left and right ends are round.
    void set_ends(bool first, bool last);

    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return sizeHint(); }

protected:
    void paintEvent(QPaintEvent* event) override;
    void enterEvent(QEnterEvent* event) override;
    void leaveEvent(QEvent* event) override;

private:
    bool is_first_ = true;
    bool is_last_ = true;
};

// The window's main control: the server's modes, grouped by who decides which connection runs.
class ModeBar : public QWidget {
    Q_OBJECT
public:
    explicit ModeBar(QWidget* parent = nullptr);

    void show_modes(const std::vector<ModeDescription>& modes);
    void show_current(const QString& id);
    // A change is on its way: the buttons wait.
    void show_progress(const QString& to, std::uint64_t connections);
    void show_result(const ModeChange& change);
    void show_refusal(const QString& to, const QString& reason);
    void show_message(const QString& text, bool is_bad);
    void set_usable(bool usable);

    const QString& current() const noexcept { return current_; }
    // The name people read: "Coroutines"; the id when it is not known.
    QString name_of(const QString& id) const;
    SegmentButton* button(const QString& id) const;
    // Says what became of the last change; stands where the window has room for it.
    QLabel* message_label() const noexcept { return message_; }
    QString message() const;

signals:
    void modeWanted(const QString& id);

private:
    void add_group(ModeDescription::Scheduling scheduling, const QString& caption, const QString& tip);

    std::vector<ModeDescription> modes_;
    std::vector<SegmentButton*> buttons_; // in the order of modes_
    FlowLayout* groups_;
    QLabel* message_;
    QString current_;
    bool usable_ = true;
};

} // namespace connscope::app
