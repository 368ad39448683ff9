// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFont>
#include <QPointF>
#include <QString>

#include <memory>
#include <vector>

class QPainter;

namespace connscope::app {

// Draws and measures short texts that change all the time, such as numbers, in a fifth of a painter's time: one glyph after
// the other, without shaping and kerning. A text with characters that the font does not have is drawn the usual way. All of
// the same font share what they know of it. GUI thread.
class QuickText {
public:
    explicit QuickText(const QFont& font = {});

    const QFont& font() const noexcept { return font_; }
    double width(const QString& text) const;
    // In the painter's pen.
    void draw(QPainter& painter, const QPointF& baseline, const QString& text);
    // The same, with "…" at the end of what does not fit into `room`.
    void draw_elided(QPainter& painter, const QPointF& baseline, const QString& text, double room);

private:
    struct Face;

    QFont font_;
    std::shared_ptr<const Face> face_;
    std::vector<quint32> indexes_; // of the text being drawn
    std::vector<QPointF> positions_;
};

} // namespace connscope::app
