// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/key_override.hpp"

#include <QAbstractButton>
#include <QAbstractItemView>
#include <QAbstractSlider>
#include <QApplication>
#include <QComboBox>
#include <QKeyEvent>

namespace connscope::app {

namespace {

template <class... Controls>
bool is_one_of(const QWidget* widget) {
    return ((qobject_cast<const Controls*>(widget) != nullptr) || ...);
}

bool needs_key(const QWidget* focus, const QKeyEvent& key) {
    if (key.modifiers() != Qt::NoModifier) return false;
    if (key.key() == Qt::Key_Space) return is_one_of<QAbstractButton, QComboBox>(focus);
    return key.key() == Qt::Key_Home && is_one_of<QAbstractSlider, QAbstractItemView, QComboBox>(focus);
}

} // namespace

bool leave_key_to_focus(QEvent& event) {
    if (event.type() != QEvent::ShortcutOverride) return false;
    if (!needs_key(QApplication::focusWidget(), static_cast<QKeyEvent&>(event))) return false;
    event.accept();
    return true;
}

} // namespace connscope::app
