// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/quick_text.hpp"

#include <QFontMetricsF>
#include <QGlyphRun>
#include <QPainter>

#include <algorithm>

namespace connscope::app {

QuickText::QuickText(const QFont& font)
    : font_(font)
    , raw_(QRawFont::fromFont(font)) {
    const QFontMetricsF metrics(font_);
    const auto learn = [&](char16_t from, char16_t to) {
        for (char16_t character = from; character <= to; ++character) {
            const QChar letter(character);
            quint32 index = 0;
            int count = 1;
            if (!raw_.glyphIndexesForChars(&letter, 1, &index, &count) || count != 1 || index == 0) continue;
            glyphs_[character] = {index, metrics.horizontalAdvance(letter)};
        }
    };
    learn(0x20, 0x7e);
    learn(0xa0, 0x17f);
    learn(0x391, 0x3c9);
    learn(0x2010, 0x2026);
    learn(0x2190, 0x2193);
    learn(0x2212, 0x2212); // minus
}

bool QuickText::has_all(const QString& text) const {
    return std::all_of(text.begin(), text.end(),
                       [this](QChar c) { return c.unicode() < known && glyphs_[c.unicode()].index != 0; });
}

double QuickText::width(const QString& text) const {
    if (!has_all(text)) return QFontMetricsF(font_).horizontalAdvance(text);
    double width = 0;
    for (const QChar character : text) width += glyphs_[character.unicode()].advance;
    return width;
}

void QuickText::draw(QPainter& painter, const QPointF& baseline, const QString& text) {
    if (text.isEmpty()) return;
    if (!has_all(text)) {
        painter.setFont(font_);
        painter.drawText(baseline, text);
        return;
    }
    indexes_.clear();
    positions_.clear();
    double x = 0;
    for (const QChar character : text) {
        const Glyph& glyph = glyphs_[character.unicode()];
        indexes_.push_back(glyph.index);
        positions_.emplace_back(x, 0);
        x += glyph.advance;
    }
    QGlyphRun run;
    run.setRawFont(raw_);
    run.setRawData(indexes_.data(), positions_.data(), static_cast<int>(indexes_.size()));
    painter.drawGlyphRun(baseline, run);
}

} // namespace connscope::app
