// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFrame>
#include <QLabel>
#include <QToolButton>

namespace connscope::app {

// Paints what a card is: a rounded surface with a fine border, which is of the accent's colour where the keys go to it.
void paint_card(QPainter& painter, const QRect& place, const QPalette& palette, bool is_focused = false);

// Fills a place with slanted lines. Not with a brush's pattern, which is made of device pixels: too fine to see where those
// are small.
void hatch(QPainter& painter, const QRectF& place, const QColor& colour);

// A rounded surface on the sheet that holds one view.
class Card : public QFrame {
    Q_OBJECT
public:
    explicit Card(QWidget* parent = nullptr);

protected:
    void paintEvent(QPaintEvent* event) override;
};

// Text in the colour for what matters less.
class MutedLabel : public QLabel {
    Q_OBJECT
public:
    explicit MutedLabel(const QString& text = {}, QWidget* parent = nullptr);

protected:
    void changeEvent(QEvent* event) override;

private:
    void colour_text();
    bool colouring_ = false;
};

// A label whose text is `factor` times as big as the usual one; it follows apply_text_size().
class ScaledLabel : public QLabel {
    Q_OBJECT
public:
    ScaledLabel(const QString& text, double factor, QFont::Weight weight, QWidget* parent = nullptr);
};

// The small words above a control.
class CaptionLabel : public MutedLabel {
    Q_OBJECT
public:
    explicit CaptionLabel(const QString& text, QWidget* parent = nullptr);
};

// One muted line that ends with "…" where the room does; the tool tip has it all.
class ElidedLine : public QWidget {
    Q_OBJECT
public:
    explicit ElidedLine(Qt::Alignment side = Qt::AlignLeft, QWidget* parent = nullptr);
    void show_text(const QString& text);
    const QString& text() const noexcept { return text_; }
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return {0, sizeHint().height()}; }

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    Qt::Alignment side_;
    QString text_;
};

// The small round "i" whose tool tip says what a view counts, where the number comes from and how often.
class InfoButton : public QToolButton {
    Q_OBJECT
public:
    InfoButton(const QString& title, const QString& tip, QWidget* parent = nullptr);

protected:
    void paintEvent(QPaintEvent* event) override;
    QSize sizeHint() const override;
};

// A font of the application's, `factor` times as big and of a weight.
QFont scaled_font(const QFont& font, double factor, QFont::Weight weight = QFont::Normal);

} // namespace connscope::app
