// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/banner.hpp"

#include "views/palette.hpp"

#include <QHBoxLayout>
#include <QPainter>

namespace connscope::app {

Banner::Banner(const QString& name, QWidget* parent)
    : QFrame(parent), text_(new QLabel(this)), button_(new QPushButton(this)) {
    setObjectName(name);
    text_->setObjectName(name + QStringLiteral("_text"));
    text_->setWordWrap(true);
    text_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    button_->setObjectName(name + QStringLiteral("_button"));
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(16, 6, 8, 6);
    row->addWidget(text_, 1);
    row->addWidget(button_);
    connect(button_, &QPushButton::clicked, this, &Banner::acted);
    hide();
}

void Banner::show_problem(const QString& text, const QString& action, const QString& action_tip) {
    text_->setText(text);
    button_->setText(action);
    button_->setAccessibleName(action);
    button_->setToolTip(action_tip);
    button_->setEnabled(true);
    setAccessibleName(text);
    show();
}

void Banner::clear() { hide(); }

void Banner::paintEvent(QPaintEvent*) {
    const Ink& colours = ink(palette());
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(QPen(colours.bad, 1));
    painter.setBrush(colours.warning_background);
    painter.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6);
    painter.setPen(Qt::NoPen);
    painter.setBrush(colours.bad);
    painter.drawRoundedRect(QRectF(0, 0, 5, height()), 2.5, 2.5);
}

} // namespace connscope::app
