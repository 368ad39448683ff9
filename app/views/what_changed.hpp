// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/comparison.hpp"

#include <QPixmap>
#include <QWidget>

#include <optional>
#include <vector>

class QComboBox;
class QScrollArea;

namespace connscope::app {

class History;

// The lines of a comparison: a name, two values, their ratio, and a sentence where they differ.
class DifferenceList : public QWidget {
    Q_OBJECT
public:
    explicit DifferenceList(QWidget* parent = nullptr);

    void show_differences(std::vector<Difference> differences);
    void show_message(const QString& message); // instead of differences

    bool hasHeightForWidth() const override { return true; }
    int heightForWidth(int width) const override;
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    int paint_lines(class QPainter* painter, int width) const; // the height they take
    void forget();

    std::vector<Difference> differences_;
    QString message_;
    // Words cost more to lay out than all else in a frame, and these change once a second.
    QPixmap picture_;
    mutable int known_width_ = -1; // for which the height is known
    mutable int known_height_ = 0;
};

// What changed from one stretch to another: after each change of mode the last two, or any two that the user chooses.
// `history` outlives it.
class WhatChanged : public QWidget {
    Q_OBJECT
public:
    explicit WhatChanged(const History& history, QWidget* parent = nullptr);

    // Reads the history anew; about once a second is enough.
    void refresh();

    const std::vector<Difference>& differences() const noexcept { return differences_; }

signals:
    void summaryChanged(const QString& summary);

private:
    void choose(int before, int after);

    const History& history_;
    QWidget* choice_; // of the two stretches
    QComboBox* before_;
    QComboBox* after_;
    QScrollArea* scroll_;
    DifferenceList* list_;
    std::vector<Stretch> stretches_;
    std::vector<Difference> differences_;
    // The begins of the chosen stretches; none: the last two.
    std::optional<double> chosen_before_;
    std::optional<double> chosen_after_;
};

} // namespace connscope::app
