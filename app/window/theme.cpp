// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/theme.hpp"

#include "views/palette.hpp"

#include <QApplication>
#include <QFontDatabase>
#include <QStyle>
#include <QStyleFactory>
#include <QToolTip>

#include <cmath>

// In a static library, resources are registered by hand; the macro must stand outside of namespaces.
static void register_resources() { Q_INIT_RESOURCE(connscope); }

namespace connscope::app {

namespace {

// A desktop in dark colours gives Qt a dark window colour before any palette of ours is set.
bool desktop_is_dark() {
    static const bool dark = is_dark(QApplication::palette());
    return dark;
}

double usual_point_size() {
    static const double size = [] {
        const double desktop = QApplication::font().pointSizeF();
        return desktop > 0 ? std::clamp(desktop, 8.0, 14.0) : 9.5;
    }();
    return size;
}

} // namespace

std::optional<Theme> theme_of(const QString& name) {
    if (name == QLatin1String("system")) return Theme::system;
    if (name == QLatin1String("light")) return Theme::light;
    if (name == QLatin1String("dark")) return Theme::dark;
    return std::nullopt;
}

QString name_of(Theme theme) {
    switch (theme) {
    case Theme::light:
        return QStringLiteral("light");
    case Theme::dark:
        return QStringLiteral("dark");
    case Theme::system:
        break;
    }
    return QStringLiteral("system");
}

void apply_style() {
    register_resources();
    (void)desktop_is_dark(); // before the first palette of ours
    (void)usual_point_size();
    QApplication::setStyle(QStyleFactory::create(QStringLiteral("Fusion")));
    apply_text_size(0);
}

void apply_theme(Theme theme) {
    const bool dark = theme == Theme::dark || (theme == Theme::system && desktop_is_dark());
    const QPalette palette = dark ? dark_palette() : light_palette();
    QApplication::setPalette(palette);
    QToolTip::setPalette(palette);
}

void apply_text_size(int steps) {
    QFont font = QApplication::font();
    if (QFontDatabase::families().contains(QStringLiteral("Inter"))) font.setFamily(QStringLiteral("Inter"));
    font.setPointSizeF(usual_point_size() * std::pow(1.1, std::clamp(steps, least_text_steps, most_text_steps)));
    QApplication::setFont(font);
}

} // namespace connscope::app
