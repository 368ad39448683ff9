// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFrame>
#include <QLabel>
#include <QToolButton>

namespace connscope::app {

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
