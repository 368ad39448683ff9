// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDBusMessage>
#include <QObject>

class QDBusPendingCallWatcher;

namespace connscope::app {

// Whether the desktop wants dark colours: what its portal says (org.freedesktop.portal.Settings, the setting color-scheme of
// org.freedesktop.appearance), and where there is none, what the palette that Qt got from the desktop looks like. To be made
// before any palette of ours is set. GUI thread; nothing here waits.
class DesktopColours : public QObject {
    Q_OBJECT
public:
    explicit DesktopColours(QObject* parent = nullptr);

    bool is_dark() const noexcept { return is_dark_; }

signals:
    // The desktop has changed its mind.
    void changed(bool is_dark);

private slots:
    void take_signal(const QDBusMessage& signal);

private:
    void take_answer(QDBusPendingCallWatcher* answer);
    void take_value(const QVariant& value);
    void take_scheme(unsigned scheme);

    bool palette_is_dark_;
    bool is_dark_;
};

} // namespace connscope::app
