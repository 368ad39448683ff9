// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QSlider>
#include <QWidget>

namespace connscope::app {

// A slider over several powers of ten, with its label and value: "Connections ──●── 1,000". Values are rounded to two digits.
class LogSlider : public QWidget {
    Q_OBJECT
public:
    // `zero_text`: what the left end means when it is 0; empty where the least value is `least`.
    LogSlider(const QString& name, const QString& label, double least, double greatest, const QString& zero_text, const QString& tip,
              QWidget* parent = nullptr);

    void show_value(double value); // emits nothing; does nothing while the user drags
    double value() const noexcept { return value_; }
    QSlider& slider() noexcept { return *slider_; }

    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return sizeHint(); }

signals:
    void valueWanted(double value);

protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    double value_at(int position) const;
    int position_of(double value) const;
    QString value_text() const;

    QString label_;
    double least_;
    double greatest_;
    QString zero_text_;
    QSlider* slider_;
    double value_ = 0;
};

} // namespace connscope::app
