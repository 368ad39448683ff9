// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/application.hpp"

#include "window/frame_meter.hpp"

#include <QEvent>
#include <QWidget>

#include <array>
#include <string_view>
#include <utility>

namespace connscope::app {

namespace {

// The part of the window that a widget belongs to, by the name of the nearest one above it that has one here.
std::string_view part_of(const QWidget* widget) {
    static const std::array parts{
        std::pair{QStringLiteral("charts"), std::string_view("painting charts")},
        std::pair{QStringLiteral("connections_panel"), std::string_view("painting table")},
        std::pair{QStringLiteral("map_panel"), std::string_view("painting map")},
        std::pair{QStringLiteral("timeline_panel"), std::string_view("painting timeline")},
        std::pair{QStringLiteral("what_changed_panel"), std::string_view("painting what changed")},
        std::pair{QStringLiteral("warnings_panel"), std::string_view("painting warnings")},
        std::pair{QStringLiteral("top"), std::string_view("painting top")},
    };
    for (const QWidget* each = widget; each != nullptr; each = each->parentWidget()) {
        const QString name = each->objectName();
        if (name.isEmpty()) continue;
        for (const auto& [known, part] : parts) {
            if (name == known) return part;
        }
    }
    return "painting the rest";
}

} // namespace

bool Application::notify(QObject* receiver, QEvent* event) {
    if (meter_ == nullptr || event->type() != QEvent::Paint || !receiver->isWidgetType())
        return QApplication::notify(receiver, event);
    const FrameShare share(*meter_, part_of(static_cast<QWidget*>(receiver)));
    return QApplication::notify(receiver, event);
}

} // namespace connscope::app
