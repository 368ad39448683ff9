// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/theme.hpp"

#include "views/palette.hpp"

#include <QApplication>
#include <QFontDatabase>
#include <QPainter>
#include <QProxyStyle>
#include <QStyleOption>
#include <QToolTip>

#include <cmath>

// In a static library, resources are registered by hand; the macro must stand outside of namespaces.
static void register_resources() { Q_INIT_RESOURCE(connscope); }

namespace connscope::app {

namespace {

double usual_point_size() {
    static const double size = [] {
        const double desktop = QApplication::font().pointSizeF();
        return desktop > 0 ? std::clamp(desktop, 8.0, 14.0) : 9.5;
    }();
    return size;
}

// Fusion, with menus and tabs that lie on the sheet without lines around them.
class SheetStyle : public QProxyStyle {
public:
    SheetStyle()
        : QProxyStyle(QStringLiteral("Fusion")) {}

    void drawControl(ControlElement element, const QStyleOption* option, QPainter* painter,
                     const QWidget* widget) const override {
        if (element == CE_MenuBarEmptyArea) return;
        if (element == CE_HeaderSection) { // the corner of a table, too
            painter->fillRect(option->rect, ink(option->palette).card);
            return;
        }
        if (element == CE_TabBarTabShape) {
            draw_tab(*option, *painter);
            return;
        }
        if (element == CE_PushButtonBevel && option->state.testFlag(State_On)) {
            // Pressed down is hard to see, on a dark sheet above all.
            QProxyStyle::drawControl(element, option, painter, widget);
            painter->save();
            painter->setRenderHint(QPainter::Antialiasing);
            painter->setPen(QPen(ink(option->palette).accent, 2));
            painter->setBrush(Qt::NoBrush);
            painter->drawRoundedRect(QRectF(option->rect).adjusted(1.5, 1.5, -1.5, -1.5), 2, 2);
            painter->restore();
            return;
        }
        const auto* item = qstyleoption_cast<const QStyleOptionMenuItem*>(option);
        if (element != CE_MenuBarItem || item == nullptr) return QProxyStyle::drawControl(element, option, painter, widget);
        if (option->state.testFlag(State_Selected)) {
            painter->save();
            painter->setRenderHint(QPainter::Antialiasing);
            painter->setPen(Qt::NoPen);
            painter->setBrush(ink(option->palette).border);
            painter->drawRoundedRect(QRectF(item->rect).adjusted(1, 1, -1, -1), 4, 4);
            painter->restore();
        }
        drawItemText(painter, item->rect, Qt::AlignCenter | Qt::TextShowMnemonic | Qt::TextDontClip | Qt::TextSingleLine,
                     item->palette, option->state.testFlag(State_Enabled), item->text, QPalette::WindowText);
    }

    void drawPrimitive(PrimitiveElement element, const QStyleOption* option, QPainter* painter,
                       const QWidget* widget) const override {
        if (element == PE_FrameTabBarBase) return;
        QProxyStyle::drawPrimitive(element, option, painter, widget);
        if (element == PE_FrameLineEdit || element == PE_IndicatorCheckBox) outline(*option, *painter);
    }

    void drawComplexControl(ComplexControl control, const QStyleOptionComplex* option, QPainter* painter,
                            const QWidget* widget) const override {
        QProxyStyle::drawComplexControl(control, option, painter, widget);
        if (control == CC_SpinBox) outline(*option, *painter);
    }

    int styleHint(StyleHint hint, const QStyleOption* option, const QWidget* widget,
                  QStyleHintReturn* answer) const override {
        if (hint == SH_DialogButtonBox_ButtonsHaveIcons) return 0; // words are enough, and those of a theme may be black
        return QProxyStyle::styleHint(hint, option, widget, answer);
    }

    int pixelMetric(PixelMetric metric, const QStyleOption* option, const QWidget* widget) const override {
        const int usual = QProxyStyle::pixelMetric(metric, option, widget);
        return metric == PM_MenuButtonIndicator ? usual + 6 : usual; // between a button's text and its arrow
    }

private:
    // Fusion's own is hardly seen on a dark sheet. With the keys it has the accent's colour already.
    static void outline(const QStyleOption& option, QPainter& painter) {
        if (option.state.testFlag(State_HasFocus)) return;
        QColor colour = ink(option.palette).muted;
        colour.setAlphaF(option.state.testFlag(State_Enabled) ? 0.6F : 0.3F);
        painter.save();
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setPen(colour);
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(QRectF(option.rect).adjusted(0.5, 0.5, -0.5, -0.5), 2, 2);
        painter.restore();
    }

    // A line below the one that is chosen.
    static void draw_tab(const QStyleOption& option, QPainter& painter) {
        const Ink& colours = ink(option.palette);
        const bool is_chosen = option.state.testFlag(State_Selected);
        const QRect place = option.rect.adjusted(2, 0, -2, -1);
        if (option.state.testFlag(State_MouseOver) && !is_chosen) painter.fillRect(place, colours.border);
        if (is_chosen) painter.fillRect(QRect(place.left(), place.bottom() - 1, place.width(), 2), colours.accent);
    }
};

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
    (void)usual_point_size();
    QApplication::setStyle(new SheetStyle); // the application owns it
    apply_text_size(0);
}

void apply_theme(Theme theme, bool desktop_is_dark) {
    const bool dark = theme == Theme::dark || (theme == Theme::system && desktop_is_dark);
    const QPalette palette = dark ? dark_palette() : light_palette();
    QApplication::setPalette(palette);
    QToolTip::setPalette(palette);
}

void apply_text_size(int steps) {
    QFont font = QApplication::font();
    const double before = font.pointSizeF();
    if (QFontDatabase::families().contains(QStringLiteral("Inter"))) font.setFamily(QStringLiteral("Inter"));
    font.setPointSizeF(usual_point_size() * std::pow(1.1, std::clamp(steps, least_text_steps, most_text_steps)));
    const double factor = font.pointSizeF() / before;
    QApplication::setFont(font);
    // Who has a size of its own, such as a title, does not follow by itself.
    for (QWidget* widget : QApplication::allWidgets()) {
        QFont own = widget->font();
        if (!widget->testAttribute(Qt::WA_SetFont) || (own.resolveMask() & QFont::SizeResolved) == 0) continue;
        own.setPointSizeF(own.pointSizeF() * factor);
        widget->setFont(own);
    }
}

} // namespace connscope::app
