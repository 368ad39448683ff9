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
    void paintEvent(QPaintEvent* event) override;

private:
    MutedLabel* summary_;
};

} // namespace connscope::app
