// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFont>
#include <QPointF>
#include <QRawFont>
#include <QString>

#include <array>
#include <vector>

class QPainter;

namespace connscope::app {

// Draws and measures short texts that change all the time, such as numbers, in a fifth of a painter's time: one glyph after
// the other, without shaping and kerning. A text with characters that the font does not have is drawn the usual way.
class QuickText {
public:
    explicit QuickText(const QFont& font = {});

    const QFont& font() const noexcept { return font_; }
    double width(const QString& text) const;
    // In the painter's pen.
    void draw(QPainter& painter, const QPointF& baseline, const QString& text);

private:
    struct Glyph {
        quint32 index = 0; // 0: the font does not have it
        double advance = 0;
    };
    static constexpr char16_t known = 0x2213; // Latin, Greek and the punctuation that numbers need

    bool has_all(const QString& text) const;

    QFont font_;
    QRawFont raw_;
    std::array<Glyph, known> glyphs_{};
    std::vector<quint32> indexes_; // of the text being drawn
    std::vector<QPointF> positions_;
};

} // namespace connscope::app
