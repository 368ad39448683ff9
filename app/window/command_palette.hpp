// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAction>
#include <QDialog>
#include <QLineEdit>
#include <QListWidget>

class QMenuBar;

namespace connscope::app {

// An action and where it stands in the menus: "Server › Mode › Callbacks".
struct FoundAction {
    QAction* action = nullptr;
    QString path;
};

// Every action of a menu bar that can be used now, submenus included.
QList<FoundAction> actions_of(const QMenuBar& menu_bar);

// How well `words`, in any order and each a part of it, fit `text`: 0 not at all, else the better the greater.
int fit_of(const QString& words, const QString& text);

// Finds every action by a few letters of its name. Ctrl+K.
class CommandPalette : public QDialog {
    Q_OBJECT
public:
    CommandPalette(const QMenuBar& menu_bar, QWidget* parent);

    QLineEdit& input() noexcept { return *input_; }
    QListWidget& list() noexcept { return *list_; }

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void refill();
    void run();

    QList<FoundAction> actions_;
    QLineEdit* input_;
    QListWidget* list_;
};

// All actions with a shortcut, as a sheet to read. F1.
class ShortcutSheet : public QDialog {
    Q_OBJECT
public:
    ShortcutSheet(const QMenuBar& menu_bar, QWidget* parent);
};

} // namespace connscope::app
