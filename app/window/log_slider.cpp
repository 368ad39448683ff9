// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/log_slider.hpp"

#include "models/format.hpp"
#include "views/card.hpp"
#include "views/palette.hpp"

#include <QEvent>
#include <QPainter>

#include <cmath>

namespace connscope::app {

namespace {
constexpr int steps = 200;
constexpr int gap = 7;

double two_digits(double value) {
    if (value <= 0) return 0;
    const double unit = std::pow(10, std::floor(std::log10(value)) - 1);
    return value < 10 ? std::round(value) : std::round(value / unit) * unit;
}
} // namespace

LogSlider::LogSlider(const QString& name, const QString& label, double least, double greatest, const QString& zero_text,
                     const QString& tip, QWidget* parent)
    : QWidget(parent)
    , label_(label)
    , least_(least)
    , greatest_(greatest)
    , zero_text_(zero_text)
    , slider_(new QSlider(Qt::Horizontal, this)) {
    setObjectName(name);
    setToolTip(tip);
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
    slider_->setObjectName(name + QStringLiteral("_slider"));
    slider_->setAccessibleName(label);
    slider_->setToolTip(tip);
    slider_->setRange(0, steps);
    slider_->setPageStep(steps / 12);
    connect(slider_, &QSlider::valueChanged, this, [this](int position) {
        const double value = value_at(position);
        if (value == value_) return;
        value_ = value;
        update();
        emit valueWanted(value_);
    });
}

void LogSlider::show_value(double value) {
    if (slider_->isSliderDown() || value == value_) return;
    value_ = value;
    const QSignalBlocker blocker(slider_);
    slider_->setValue(position_of(value));
    slider_->setAccessibleDescription(value_text());
    update();
}

double LogSlider::value_at(int position) const {
    if (position == 0) return zero_text_.isEmpty() ? least_ : 0;
    return two_digits(least_ * std::pow(greatest_ / least_, static_cast<double>(position) / steps));
}

int LogSlider::position_of(double value) const {
    if (value <= 0) return 0;
    const double share = std::log(value / least_) / std::log(greatest_ / least_);
    return std::clamp(static_cast<int>(std::round(share * steps)), zero_text_.isEmpty() ? 0 : 1, steps);
}

QString LogSlider::value_text() const { return value_ <= 0 && !zero_text_.isEmpty() ? zero_text_ : count_text(value_); }

QSize LogSlider::sizeHint() const {
    const QFontMetrics bold(scaled_font(font(), 1.0, QFont::DemiBold));
    const int value = std::max(bold.horizontalAdvance(QStringLiteral("99,999")), bold.horizontalAdvance(zero_text_));
    return {fontMetrics().horizontalAdvance(label_) + 2 * gap + fontMetrics().averageCharWidth() * 15 + value,
            std::max(slider_->sizeHint().height(), fontMetrics().height() + 6)};
}

void LogSlider::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    const int left = fontMetrics().horizontalAdvance(label_) + gap;
    slider_->setGeometry(left, 0, fontMetrics().averageCharWidth() * 15, height());
}

void LogSlider::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::FontChange) updateGeometry();
    if (event->type() == QEvent::EnabledChange) update();
}

void LogSlider::paintEvent(QPaintEvent*) {
    const Ink& colours = ink(palette());
    QPainter painter(this);
    const int base = (height() + fontMetrics().ascent() - fontMetrics().descent()) / 2;
    painter.setPen(colours.muted);
    painter.drawText(0, base, label_);
    painter.setFont(scaled_font(font(), 1.0, QFont::DemiBold));
    painter.setPen(isEnabled() ? colours.text : colours.muted);
    painter.drawText(slider_->geometry().right() + 1 + gap, base, value_text());
}

} // namespace connscope::app
