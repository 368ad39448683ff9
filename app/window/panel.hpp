// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDockWidget>
#include <QLabel>

namespace connscope::app {

class MutedLabel;

// A dock that looks like a card: a title with a few words beside it, and one view. It can be moved, floated and hidden.
class Panel : public QDockWidget {
    Q_OBJECT
public:
    // `extra`: a control that stands in the panel's head, or nullptr.
    Panel(const QString& name, const QString& title, QWidget* view, QWidget* extra = nullptr, QWidget* parent = nullptr);

    void show_summary(const QString& summary);
    // Shows it, in front of others that have the same place.
    void bring_up();

protected:
    bool event(QEvent* event) override;
    // One that stands behind another is not in anybody's way: its key brings it up first.
    void closeEvent(QCloseEvent* event) override;
    void paintEvent(QPaintEvent* event) override;

private:
    MutedLabel* summary_;
    bool in_front_ = true; // and not behind another's tab
};

} // namespace connscope::app
