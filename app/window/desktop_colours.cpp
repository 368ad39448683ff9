// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/desktop_colours.hpp"

#include "views/palette.hpp"

#include <QApplication>
#include <QDBusConnection>
#include <QDBusMessage>
#include <QDBusPendingCallWatcher>
#include <QDBusPendingReply>
#include <QDBusVariant>
#include <QFileInfo>

namespace connscope::app {

namespace {

// https://flatpak.github.io/xdg-desktop-portal/docs/doc-org.freedesktop.portal.Settings.html
const QString service = QStringLiteral("org.freedesktop.portal.Desktop");
const QString path = QStringLiteral("/org/freedesktop/portal/desktop");
const QString interface = QStringLiteral("org.freedesktop.portal.Settings");
const QString appearance = QStringLiteral("org.freedesktop.appearance");
const QString color_scheme = QStringLiteral("color-scheme");
constexpr unsigned prefers_dark = 1;
constexpr unsigned prefers_light = 2;
constexpr int patience = 3000; // ms

// Without one, asking for it would start a bus of our own.
bool has_session_bus() {
    return !qEnvironmentVariableIsEmpty("DBUS_SESSION_BUS_ADDRESS") ||
           (!qEnvironmentVariableIsEmpty("XDG_RUNTIME_DIR") &&
            QFileInfo::exists(qEnvironmentVariable("XDG_RUNTIME_DIR") + QStringLiteral("/bus")));
}

} // namespace

DesktopColours::DesktopColours(QObject* parent)
    : QObject(parent)
    , palette_is_dark_(app::is_dark(QApplication::palette()))
    , is_dark_(palette_is_dark_) {
    if (!has_session_bus()) return;
    QDBusConnection bus = QDBusConnection::sessionBus();
    if (!bus.isConnected()) return;
    // From whoever says so: to ask the bus who the portal is would wait for the answer.
    bus.connect(QString(), path, interface, QStringLiteral("SettingChanged"), this, SLOT(take_signal(QDBusMessage)));
    QDBusMessage question = QDBusMessage::createMethodCall(service, path, interface, QStringLiteral("Read"));
    question << appearance << color_scheme;
    auto* answer = new QDBusPendingCallWatcher(bus.asyncCall(question, patience), this);
    connect(answer, &QDBusPendingCallWatcher::finished, this, &DesktopColours::take_answer);
}

void DesktopColours::take_answer(QDBusPendingCallWatcher* answer) {
    answer->deleteLater();
    const QDBusPendingReply<QDBusVariant> reply = *answer;
    if (reply.isValid()) take_value(QVariant::fromValue(reply.value()));
}

// Which setting, and its value.
void DesktopColours::take_signal(const QDBusMessage& signal) {
    const QVariantList words = signal.arguments();
    if (words.size() == 3 && words[0].toString() == appearance && words[1].toString() == color_scheme) take_value(words[2]);
}

void DesktopColours::take_value(const QVariant& value) {
    QVariant scheme = value;
    for (int wrapped = 0; wrapped < 2 && scheme.canConvert<QDBusVariant>(); ++wrapped) // an answer wraps it twice
        scheme = scheme.value<QDBusVariant>().variant();
    bool is_number = false;
    const unsigned number = scheme.toUInt(&is_number);
    if (is_number) take_scheme(number);
}

void DesktopColours::take_scheme(unsigned scheme) {
    const bool dark = scheme == prefers_dark || (scheme != prefers_light && palette_is_dark_);
    if (dark == is_dark_) return;
    is_dark_ = dark;
    emit changed(is_dark_);
}

} // namespace connscope::app
