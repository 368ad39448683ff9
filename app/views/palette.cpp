// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/palette.hpp"

#include <algorithm>
#include <cmath>

namespace connscope::app {

namespace {

struct Pair {
    QRgb light;
    QRgb dark;
};

// Okabe-Ito, and the same hues for dark backgrounds.
constexpr Pair orange{0xffe69f00, 0xffffb733};
constexpr Pair sky{0xff56b4e9, 0xff7cc8f4};
constexpr Pair green{0xff009e73, 0xff10c595};
constexpr Pair blue{0xff0072b2, 0xff2e9be6};
constexpr Pair vermillion{0xffd55e00, 0xfffb7c22};
constexpr Pair purple{0xffcc79a7, 0xffee9ccb};
constexpr Pair yellow{0xffd6c400, 0xfff0e442}; // darker on white than Okabe-Ito's, which nearly vanishes there
constexpr Pair slate{0xff5b6670, 0xff8b97a3};  // on white a lighter one is purple's twin to who sees no green
constexpr Pair grey{0xff8b949e, 0xff8b97a3};

Pair pair_of(Meaning meaning) {
    switch (meaning) {
    case Meaning::running:
        return green;
    case Meaning::ready:
        return orange;
    case Meaning::waiting_read:
        return sky;
    case Meaning::waiting_write:
        return purple;
    case Meaning::paused:
        return slate;
    case Meaning::thread:
        return vermillion;
    case Meaning::process:
        return orange;
    case Meaning::coroutine:
        return blue;
    case Meaning::closure:
        return sky;
    case Meaning::fiber:
        return purple;
    case Meaning::stacks:
        return orange;
    case Meaning::frames:
        return blue;
    case Meaning::heap:
        return sky;
    case Meaning::kernel_stacks:
        return vermillion;
    case Meaning::sockets:
        return purple;
    case Meaning::rest:
        return slate;
    case Meaning::voluntary:
        return orange;
    case Meaning::involuntary:
        return vermillion;
    case Meaning::user_space:
        return blue;
    case Meaning::cpu_user:
        return blue;
    case Meaning::cpu_system:
        return vermillion;
    case Meaning::p50:
        return sky;
    case Meaning::p99:
        return blue;
    case Meaning::max:
        return purple;
    case Meaning::from_readiness:
        return orange;
    case Meaning::amount:
        return blue;
    case Meaning::offered:
        return grey;
    case Meaning::count_:
        break;
    }
    return grey;
}

QColor rgb(QRgb value) { return QColor::fromRgb(value); }

const Ink light_ink{rgb(0xffedf1f4), rgb(0xffffffff), rgb(0xffdbe1e6), rgb(0xffe9edf0), rgb(0xff1b2127), rgb(0xff5a6570),
                    rgb(0xff0072b2), rgb(0xffffffff), rgb(0xfff0f4f7), rgb(0xff007a59), rgb(0xffb84c00), rgb(0xfffdf0e2)};
const Ink dark_ink{rgb(0xff14191e), rgb(0xff1c2228), rgb(0xff303941), rgb(0xff2a323a), rgb(0xffe9eef2), rgb(0xff9aa6b1),
                   rgb(0xff56b4e9), rgb(0xff0d1216), rgb(0xff272f37), rgb(0xff10c595), rgb(0xfffb8b3c), rgb(0xff3a2a1a)};

// Relative luminance, https://www.w3.org/TR/WCAG21/#dfn-relative-luminance.
double luminance(const QColor& c) {
    const auto part = [](double v) { return v <= 0.03928 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4); };
    return 0.2126 * part(c.redF()) + 0.7152 * part(c.greenF()) + 0.0722 * part(c.blueF());
}

double contrast(const QColor& a, const QColor& b) {
    const double la = luminance(a);
    const double lb = luminance(b);
    return (std::max(la, lb) + 0.05) / (std::min(la, lb) + 0.05);
}

QPalette palette_of(const Ink& i) {
    QPalette p;
    p.setColor(QPalette::Window, i.window);
    p.setColor(QPalette::WindowText, i.text);
    p.setColor(QPalette::Base, i.card);
    p.setColor(QPalette::AlternateBase, i.hover);
    p.setColor(QPalette::Text, i.text);
    p.setColor(QPalette::Button, i.card);
    p.setColor(QPalette::ButtonText, i.text);
    p.setColor(QPalette::BrightText, i.bad);
    p.setColor(QPalette::Highlight, i.accent);
    p.setColor(QPalette::HighlightedText, i.on_accent);
    p.setColor(QPalette::Link, i.accent);
    p.setColor(QPalette::LinkVisited, i.accent);
    p.setColor(QPalette::ToolTipBase, i.card);
    p.setColor(QPalette::ToolTipText, i.text);
    p.setColor(QPalette::PlaceholderText, i.muted);
    p.setColor(QPalette::Light, i.hover);
    p.setColor(QPalette::Midlight, i.hover);
    p.setColor(QPalette::Mid, i.border);
    p.setColor(QPalette::Dark, i.border);
    p.setColor(QPalette::Shadow, i.border);
    for (const auto role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText}) {
        p.setColor(QPalette::Disabled, role, i.muted);
    }
    return p;
}

} // namespace

bool is_dark(const QPalette& palette) { return palette.color(QPalette::Window).lightness() < 128; }

const Ink& ink(const QPalette& palette) { return is_dark(palette) ? dark_ink : light_ink; }

QColor colour(Meaning meaning, const QPalette& palette) {
    const Pair pair = pair_of(meaning);
    return rgb(is_dark(palette) ? pair.dark : pair.light);
}

QColor text_colour(Meaning meaning, const QPalette& palette) {
    QColor found = colour(meaning, palette);
    const QColor& behind = ink(palette).card;
    for (int step = 0; step < 20 && contrast(found, behind) < 4.5; ++step) {
        found = is_dark(palette) ? found.lighter(108) : found.darker(108);
    }
    return found;
}

QColor area_colour(Meaning meaning, const QPalette& palette) {
    const QColor full = colour(meaning, palette);
    const QColor& behind = ink(palette).card;
    const float share = is_dark(palette) ? 0.50F : 0.42F;
    return QColor::fromRgbF(full.redF() * share + behind.redF() * (1 - share),
                            full.greenF() * share + behind.greenF() * (1 - share),
                            full.blueF() * share + behind.blueF() * (1 - share));
}

Meaning meaning_of(telemetry::ConnectionState state) {
    using telemetry::ConnectionState;
    switch (state) {
    case ConnectionState::running:
        return Meaning::running;
    case ConnectionState::ready:
        return Meaning::ready;
    case ConnectionState::waiting_read:
        return Meaning::waiting_read;
    case ConnectionState::waiting_write:
        return Meaning::waiting_write;
    case ConnectionState::paused:
    case ConnectionState::none:
        break;
    }
    return Meaning::paused;
}

Meaning meaning_of(telemetry::CarrierKind kind) {
    using telemetry::CarrierKind;
    switch (kind) {
    case CarrierKind::thread:
        return Meaning::thread;
    case CarrierKind::coroutine:
        return Meaning::coroutine;
    case CarrierKind::fiber:
        return Meaning::fiber;
    case CarrierKind::closure:
        return Meaning::closure;
    case CarrierKind::process:
        return Meaning::process;
    case CarrierKind::none:
        break;
    }
    return Meaning::offered;
}

QPalette light_palette() { return palette_of(light_ink); }
QPalette dark_palette() { return palette_of(dark_ink); }

} // namespace connscope::app
