// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "views/palette.hpp"

#include <QString>
#include <QWidget>

#include <vector>

namespace connscope::app {

// One line of "■ label value", which shortens its labels where there is little room.
class Legend : public QWidget {
    Q_OBJECT
public:
    struct Entry {
        QString label;
        QString short_label;
        QString value;
        Meaning meaning = Meaning::amount;
        QColor colour{}; // instead of the meaning's, when valid
        bool operator==(const Entry&) const = default;
    };

    explicit Legend(QWidget* parent = nullptr);

    void show_entries(std::vector<Entry> entries);

    // The least width that shows everything uncut.
    int needed_width() const;

    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    int width_of(const Entry& entry, bool is_short) const;
    int width_of_all(bool is_short, int gap) const;

    std::vector<Entry> entries_;
};

} // namespace connscope::app
