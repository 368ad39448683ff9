// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/quick_text.hpp"

#include <QFontMetricsF>
#include <QGlyphRun>
#include <QHash>
#include <QPainter>
#include <QRawFont>

#include <algorithm>
#include <array>

namespace connscope::app {

namespace {
constexpr char16_t known = 0x2213; // Latin, Greek and the punctuation that numbers need
}

// What is known of a font.
struct QuickText::Face {
    struct Glyph {
        quint32 index = 0; // 0: the font does not have it
        double advance = 0;
    };

    explicit Face(const QFont& font);
    static std::shared_ptr<const Face> of(const QFont& font);
    bool has_all(const QString& text) const;

    QRawFont raw;
    std::array<Glyph, known> glyphs{};
};

QuickText::Face::Face(const QFont& font)
    : raw(QRawFont::fromFont(font)) {
    const QFontMetricsF metrics(font);
    const auto learn = [&](char16_t from, char16_t to) {
        for (char16_t character = from; character <= to; ++character) {
            const QChar letter(character);
            quint32 index = 0;
            int count = 1;
            if (!raw.glyphIndexesForChars(&letter, 1, &index, &count) || count != 1 || index == 0) continue;
            glyphs[character] = {index, metrics.horizontalAdvance(letter)};
        }
    };
    learn(0x20, 0x7e);
    learn(0xa0, 0x17f);
    learn(0x391, 0x3c9);
    learn(0x2010, 0x2026);
    learn(0x2190, 0x2193);
    learn(0x2212, 0x2212); // minus
}

std::shared_ptr<const QuickText::Face> QuickText::Face::of(const QFont& font) {
    static QHash<QFont, std::weak_ptr<const Face>> faces; // those in use
    std::weak_ptr<const Face>& place = faces[font];
    std::shared_ptr<const Face> face = place.lock();
    if (face != nullptr) return face;
    face = std::make_shared<const Face>(font);
    place = face;
    faces.removeIf([](auto each) { return each.value().expired(); });
    return face;
}

bool QuickText::Face::has_all(const QString& text) const {
    return std::all_of(text.begin(), text.end(),
                       [this](QChar c) { return c.unicode() < known && glyphs[c.unicode()].index != 0; });
}

QuickText::QuickText(const QFont& font)
    : font_(font)
    , face_(Face::of(font)) {}

double QuickText::width(const QString& text) const {
    if (!face_->has_all(text)) return QFontMetricsF(font_).horizontalAdvance(text);
    double width = 0;
    for (const QChar character : text) width += face_->glyphs[character.unicode()].advance;
    return width;
}

void QuickText::draw(QPainter& painter, const QPointF& baseline, const QString& text) {
    if (text.isEmpty()) return;
    if (!face_->has_all(text)) {
        painter.setFont(font_);
        painter.drawText(baseline, text);
        return;
    }
    indexes_.clear();
    positions_.clear();
    double x = 0;
    for (const QChar character : text) {
        const Face::Glyph& glyph = face_->glyphs[character.unicode()];
        indexes_.push_back(glyph.index);
        positions_.emplace_back(x, 0);
        x += glyph.advance;
    }
    QGlyphRun run;
    run.setRawFont(face_->raw);
    run.setRawData(indexes_.data(), positions_.data(), static_cast<int>(indexes_.size()));
    painter.drawGlyphRun(baseline, run);
}

void QuickText::draw_elided(QPainter& painter, const QPointF& baseline, const QString& text, double room) {
    const bool fits = width(text) <= room;
    draw(painter, baseline, fits ? text : QFontMetricsF(font_).elidedText(text, Qt::ElideRight, room));
}

} // namespace connscope::app
