// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/stepper.hpp"

#include "models/format.hpp"
#include "views/card.hpp"
#include "views/palette.hpp"

#include <QHBoxLayout>
#include <QPainter>

namespace connscope::app {

namespace {
constexpr int gap = 6;
}

SignButton::SignButton(const QString& sign, QWidget* parent)
    : QAbstractButton(parent) {
    setText(sign);
    setFocusPolicy(Qt::TabFocus);
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
}

QSize SignButton::sizeHint() const {
    const int side = fontMetrics().height() + 6;
    return {side, side};
}

void SignButton::enterEvent(QEnterEvent* event) {
    QAbstractButton::enterEvent(event);
    update();
}

void SignButton::leaveEvent(QEvent* event) {
    QAbstractButton::leaveEvent(event);
    update();
}

void SignButton::paintEvent(QPaintEvent*) {
    const Ink& colours = ink(palette());
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(QPen(hasFocus() ? colours.accent : colours.border, 1));
    painter.setBrush(isDown() ? colours.border : isEnabled() && underMouse() ? colours.hover : colours.card);
    painter.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4);
    painter.setPen(QPen(isEnabled() ? colours.text : colours.border, 1.4));
    const QPointF centre = QRectF(rect()).center();
    const double arm = height() * 0.2;
    painter.drawLine(centre - QPointF(arm, 0), centre + QPointF(arm, 0));
    if (text() == QLatin1String("+")) painter.drawLine(centre - QPointF(0, arm), centre + QPointF(0, arm));
}

Stepper::Stepper(const QString& name, const QString& label, int step, const QString& tip, QWidget* parent)
    : QWidget(parent)
    , label_(label)
    , tip_(tip)
    , step_(step)
    , remove_(new SignButton(QStringLiteral("\u2212"), this))
    , add_(new SignButton(QStringLiteral("+"), this)) {
    setObjectName(QStringLiteral("stepper_") + name);
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
    setToolTip(tip_);
    remove_->setObjectName(QStringLiteral("remove_") + name);
    remove_->setAccessibleName(tr("Remove %1 %2").arg(step).arg(label));
    remove_->setToolTip(tr("Remove %1.\n%2").arg(step).arg(tip));
    add_->setObjectName(QStringLiteral("add_") + name);
    add_->setAccessibleName(tr("Add %1 %2").arg(step).arg(label));
    add_->setToolTip(tr("Add %1.\n%2").arg(step).arg(tip));
    // The count is the load's to tell; until it has, a click counts from what was wanted last.
    connect(remove_, &QAbstractButton::clicked, this, [this] {
        show_count(std::max(count_ - step_, 0));
        emit countWanted(count_);
    });
    connect(add_, &QAbstractButton::clicked, this, [this] {
        show_count(count_ + step_);
        emit countWanted(count_);
    });
    show_count(0);
}

void Stepper::show_count(int count) {
    count_ = count;
    remove_->setEnabled(count_ > 0 && isEnabled());
    setAccessibleName(text());
    update();
}

void Stepper::set_refusal(const QString& reason) {
    setEnabled(reason.isEmpty());
    const QString tip = reason.isEmpty() ? tip_ : reason;
    setToolTip(tip);
    add_->setToolTip(tr("Add %1.\n%2").arg(step_).arg(tip));
    remove_->setToolTip(tr("Remove %1.\n%2").arg(step_).arg(tip));
    remove_->setEnabled(count_ > 0 && isEnabled());
}

QString Stepper::text() const { return QStringLiteral("%1 %2").arg(label_, count_text(count_)); }

QSize Stepper::sizeHint() const {
    const QFontMetrics bold(scaled_font(font(), 1.0, QFont::DemiBold));
    const QSize button = add_->sizeHint();
    return {fontMetrics().horizontalAdvance(label_) + bold.horizontalAdvance(QStringLiteral(" 9,999")) + 2 * button.width() +
                3 * gap,
            button.height()};
}

void Stepper::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    const QSize button = add_->sizeHint();
    add_->setGeometry(width() - button.width(), (height() - button.height()) / 2, button.width(), button.height());
    remove_->setGeometry(width() - 2 * button.width() - 3, (height() - button.height()) / 2, button.width(),
                         button.height());
}

void Stepper::paintEvent(QPaintEvent*) {
    const Ink& colours = ink(palette());
    QPainter painter(this);
    const int base = (height() + fontMetrics().ascent() - fontMetrics().descent()) / 2;
    painter.setPen(colours.muted);
    painter.drawText(0, base, label_);
    const QString number = count_text(count_);
    painter.setFont(scaled_font(font(), 1.0, QFont::DemiBold));
    painter.setPen(isEnabled() ? colours.text : colours.muted);
    painter.drawText(fontMetrics().horizontalAdvance(label_) + gap, base, number);
}

} // namespace connscope::app
