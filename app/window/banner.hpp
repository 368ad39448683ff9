// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFrame>
#include <QLabel>
#include <QPushButton>

namespace connscope::app {

// A line across the window that says what went wrong and offers the one thing to do about it.
class Banner : public QFrame {
    Q_OBJECT
public:
    explicit Banner(const QString& name, QWidget* parent = nullptr);

    // Shows `text` and a button; the button's click emits acted().
    void show_problem(const QString& text, const QString& action, const QString& action_tip);
    void clear();

    QString text() const { return text_->text(); }
    QPushButton& button() noexcept { return *button_; }

signals:
    void acted();

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    QLabel* text_;
    QPushButton* button_;
};

} // namespace connscope::app
