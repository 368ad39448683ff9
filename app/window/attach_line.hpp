// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "session/plan.hpp"

#include <QFrame>

class QPushButton;

namespace connscope::app {

class ElidedLine;

// Where the modes and the load are while connscope watches its own server: what is watched instead, why nothing can be
// changed there, and the way back.
class AttachLine : public QFrame {
    Q_OBJECT
public:
    explicit AttachLine(QWidget* parent = nullptr);

    void show_server(const ProcessStatus& status);
    QString text() const;
    QPushButton& back_button() noexcept { return *back_; }

signals:
    void otherWanted();
    void backWanted();

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    class QLabel* who_;
    ElidedLine* why_;
    QPushButton* other_;
    QPushButton* back_;
};

} // namespace connscope::app
