// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/four_fields.hpp"

#include <QWidget>

namespace connscope::app {

// The four fields as a table of two by two, the modes in their places, with what each costs.
class FourFieldsView : public QWidget {
    Q_OBJECT
public:
    explicit FourFieldsView(QWidget* parent = nullptr);

    void show_fields(std::array<Field, 4> fields);
    const std::array<Field, 4>& fields() const noexcept { return fields_; }
    // Where a mode's line is; empty when it has none.
    QRect place_of(const QString& mode) const;

    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;
    bool event(QEvent* event) override; // tool tips

private:
    // As large as the room allows: the page is for showing, too.
    QFont drawn_font() const;
    int line_height() const; // spread over a field's room
    QRect place(bool preemptive, bool in_kernel) const;
    QRect line_of(const QRect& field, std::size_t number) const;
    int column_width(const QFontMetrics& metrics) const;
    void paint_field(QPainter& painter, const Field& field, const QRect& place) const;
    void paint_captions(QPainter& painter) const;

    std::array<Field, 4> fields_;
};

} // namespace connscope::app
