// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "session/hog_watch.hpp"

#include <QWidget>

#include <array>

class QMenu;
class QPushButton;

namespace connscope::app {

class MutedLabel;

// What can be done about a connection that keeps others waiting: let it go on, close it, give it a thread of its own.
class HogBar : public QWidget {
    Q_OBJECT
public:
    explicit HogBar(QWidget* parent = nullptr);

    // About whom; 0: about nobody, and the bar is hidden.
    void show_hog(std::uint64_t connection);
    std::uint64_t hog() const noexcept { return hog_; }
    // The same as entries of a menu.
    void add_to(QMenu& menu);

signals:
    void wanted(quint64 connection, connscope::app::HogAction action);

private:
    std::uint64_t hog_ = 0;
    MutedLabel* about_;
    std::array<QPushButton*, 3> buttons_{};
};

} // namespace connscope::app
