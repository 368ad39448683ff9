// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractButton>
#include <QWidget>

namespace connscope::app {

// A small round-cornered button with one character, as "+" and "−".
class SignButton : public QAbstractButton {
    Q_OBJECT
public:
    explicit SignButton(const QString& sign, QWidget* parent = nullptr);
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return sizeHint(); }

protected:
    void paintEvent(QPaintEvent* event) override;
    void enterEvent(QEnterEvent* event) override;
    void leaveEvent(QEvent* event) override;
};

// A number of connections of one kind that two buttons change: "− idle 200 +".
class Stepper : public QWidget {
    Q_OBJECT
public:
    // `name` for object names, `label` what is counted, `step` how many a click adds.
    Stepper(const QString& name, const QString& label, int step, const QString& tip, QWidget* parent = nullptr);

    void show_count(int count);
    int count() const noexcept { return count_; }
    // Why it cannot be used, or empty.
    void set_refusal(const QString& reason);

    SignButton& add_button() noexcept { return *add_; }
    SignButton& remove_button() noexcept { return *remove_; }

    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return sizeHint(); }

signals:
    void countWanted(int count);

protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    QString text() const;

    QString label_;
    QString tip_;
    int step_;
    int count_ = 0;
    SignButton* remove_;
    SignButton* add_;
};

} // namespace connscope::app
