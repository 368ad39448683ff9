// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "views/palette.hpp"
#include "views/quick_text.hpp"

#include <QPoint>
#include <QString>
#include <QWidget>

#include <vector>

namespace connscope::app {

// A line of "■ label value", which shortens its labels where there is little room, and takes more lines where there is less.
class Legend : public QWidget {
    Q_OBJECT
public:
    struct Entry {
        QString label;
        QString short_label;
        QString value;
        Meaning meaning = Meaning::amount;
        QColor colour{}; // instead of the meaning's, when valid
        int dashes = 0;  // see SeriesSpec
        bool operator==(const Entry&) const = default;
    };

    explicit Legend(QWidget* parent = nullptr);

    void show_entries(std::vector<Entry> entries);

    // The least width that shows everything uncut, on as many lines as it takes.
    int needed_width() const;
    // The height of the lines that it takes now.
    int needed_height() const noexcept { return needed_height_; }

    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    int width_of(const Entry& entry, bool is_short) const;
    int width_of_all(bool is_short, int gap) const;
    int line_height() const;
    void arrange();

    void learn_fonts();

    mutable QuickText plain_;
    mutable QuickText bold_;
    std::vector<Entry> entries_;
    std::vector<QPoint> places_; // of the entries
    bool is_short_ = false;
    int arranged_width_ = -1;
    int needed_height_ = 0;
};

} // namespace connscope::app
