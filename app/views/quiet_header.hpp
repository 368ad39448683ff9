// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QHeaderView>

namespace connscope::app {

// The head of a table: muted words and a small arrow, no lines but one below.
class QuietHeader : public QHeaderView {
    Q_OBJECT
public:
    explicit QuietHeader(QWidget* parent);

    // What the arrow beside a sorted column's name takes.
    int arrow_width() const;
    QSize sizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;
    void paintSection(QPainter* painter, const QRect& place, int section) const override;
};

} // namespace connscope::app
