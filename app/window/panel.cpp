// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/panel.hpp"

#include "views/card.hpp"
#include "views/palette.hpp"
#include "window/key_override.hpp"

#include <QCloseEvent>
#include <QHBoxLayout>
#include <QPainter>
#include <QToolButton>
#include <QVBoxLayout>

namespace connscope::app {

namespace {

// The cross that hides a panel; painted, so that it looks the same in light and dark.
class HideButton : public QToolButton {
public:
    using QToolButton::QToolButton;
    QSize sizeHint() const override { return {fontMetrics().height(), fontMetrics().height()}; }

protected:
    void paintEvent(QPaintEvent*) override {
        const Ink& colours = ink(palette());
        QPainter painter(this);
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setPen(QPen(underMouse() || hasFocus() ? colours.text : colours.muted, 1.2));
        const double inset = width() * 0.32;
        const QRectF area = QRectF(rect()).adjusted(inset, inset, -inset, -inset);
        painter.drawLine(area.topLeft(), area.bottomRight());
        painter.drawLine(area.topRight(), area.bottomLeft());
    }
};

} // namespace

Panel::Panel(const QString& name, const QString& title, QWidget* view, QWidget* extra, QWidget* parent)
    : QDockWidget(title, parent)
    , summary_(new MutedLabel) {
    setObjectName(name);
    setAccessibleName(title);
    setFeatures(DockWidgetClosable | DockWidgetMovable | DockWidgetFloatable);

    auto* head = new QWidget(this);
    auto* row = new QHBoxLayout(head);
    row->setContentsMargins(10, 6, 6, 2);
    row->setSpacing(6);
    auto* caption = new QLabel(title, head);
    caption->setFont(scaled_font(font(), 1.0, QFont::DemiBold));
    caption->setAttribute(Qt::WA_TransparentForMouseEvents); // dragging the title moves the panel
    summary_->setAttribute(Qt::WA_TransparentForMouseEvents);
    auto* hide_button = new HideButton(head);
    hide_button->setObjectName(name + QStringLiteral("_hide"));
    hide_button->setAccessibleName(tr("Hide %1").arg(title));
    hide_button->setToolTip(tr("Hide this panel; the View menu brings it back."));
    connect(hide_button, &QToolButton::clicked, this, &QWidget::close);
    connect(this, &QDockWidget::visibilityChanged, this, [this](bool in_front) { in_front_ = in_front; });
    row->addWidget(caption);
    row->addWidget(summary_);
    row->addStretch();
    if (extra != nullptr) row->addWidget(extra);
    row->addWidget(hide_button);
    setTitleBarWidget(head);

    auto* body = new QWidget(this);
    auto* box = new QVBoxLayout(body);
    box->setContentsMargins(10, 2, 6, 6);
    box->addWidget(view);
    setWidget(body);
}

void Panel::show_summary(const QString& summary) { summary_->setText(summary); }

void Panel::bring_up() {
    show();
    raise();
}

bool Panel::event(QEvent* event) {
    return leave_key_to_focus(*event) || QDockWidget::event(event);
} // a floating one is a window

void Panel::closeEvent(QCloseEvent* event) {
    if (in_front_ || !isVisible()) return QDockWidget::closeEvent(event);
    event->ignore();
    bring_up();
    toggleViewAction()->setChecked(true);
}

void Panel::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    paint_card(painter, rect(), palette());
}

} // namespace connscope::app
