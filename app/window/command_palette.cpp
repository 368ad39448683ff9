// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/command_palette.hpp"

#include "views/card.hpp"

#include <QDialogButtonBox>
#include <QGridLayout>
#include <QKeyEvent>
#include <QMenu>
#include <QMenuBar>
#include <QPointer>
#include <QScrollArea>
#include <QVBoxLayout>

#include <algorithm>

namespace connscope::app {

namespace {

const QString joint = QStringLiteral(" \u203a ");

QString plain(QString text) { return text.remove(QLatin1Char('&')); }

void collect(const QList<QAction*>& actions, const QString& path, QList<FoundAction>& into) {
    for (QAction* action : actions) {
        if (action->isSeparator() || !action->isVisible()) continue;
        const QString here = path.isEmpty() ? plain(action->text()) : path + joint + plain(action->text());
        if (action->menu() != nullptr) {
            collect(action->menu()->actions(), here, into);
        } else if (action->isEnabled()) {
            into.push_back({action, here});
        }
    }
}

} // namespace

QList<FoundAction> actions_of(const QMenuBar& menu_bar) {
    QList<FoundAction> found;
    collect(menu_bar.actions(), {}, found);
    return found;
}

int fit_of(const QString& words, const QString& text) {
    int fit = 1;
    for (const QString& word : words.split(QLatin1Char(' '), Qt::SkipEmptyParts)) {
        const qsizetype at = text.indexOf(word, 0, Qt::CaseInsensitive);
        if (at < 0) return 0;
        // The beginning of a word counts more than its middle, the action's own name more than its menu's.
        if (at == 0 || !text[at - 1].isLetterOrNumber()) fit += 4;
        if (at > text.lastIndexOf(joint)) fit += 2;
    }
    return fit;
}

CommandPalette::CommandPalette(const QMenuBar& menu_bar, QWidget* parent)
    : QDialog(parent, Qt::Popup)
    , actions_(actions_of(menu_bar))
    , input_(new QLineEdit(this))
    , list_(new QListWidget(this)) {
    setObjectName(QStringLiteral("command_palette"));
    setAccessibleName(tr("Find an action"));
    setAttribute(Qt::WA_DeleteOnClose);
    input_->setObjectName(QStringLiteral("palette_input"));
    input_->setAccessibleName(tr("Words of the action"));
    input_->setPlaceholderText(tr("What do you want to do?"));
    input_->setToolTip(tr("Some letters of what you want; arrows choose, Enter does it, Esc goes back."));
    list_->setObjectName(QStringLiteral("palette_list"));
    list_->setAccessibleName(tr("Actions"));
    list_->setFocusPolicy(Qt::NoFocus);
    list_->setFrameShape(QFrame::NoFrame);
    list_->setSpacing(2);
    list_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    auto* box = new QVBoxLayout(this);
    box->setContentsMargins(8, 8, 8, 8);
    box->addWidget(input_);
    box->addWidget(list_);
    input_->installEventFilter(this);
    connect(input_, &QLineEdit::textChanged, this, &CommandPalette::refill);
    connect(input_, &QLineEdit::returnPressed, this, &CommandPalette::run);
    connect(list_, &QListWidget::itemClicked, this, &CommandPalette::run);
    refill();
    const int width = std::min(fontMetrics().averageCharWidth() * 70, parent->width() - 40);
    resize(width, std::min(fontMetrics().height() * 20, parent->height() - 80));
    move(parent->mapToGlobal(QPoint((parent->width() - width) / 2, fontMetrics().height() * 3)));
    input_->setFocus();
}

void CommandPalette::refill() {
    list_->clear();
    std::vector<std::pair<int, const FoundAction*>> found;
    for (const FoundAction& each : actions_) {
        if (const int fit = fit_of(input_->text(), each.path)) found.emplace_back(fit, &each);
    }
    std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    for (const auto& [fit, each] : found) {
        const QString keys = each->action->shortcut().toString(QKeySequence::NativeText);
        QString text = each->path;
        if (each->action->isCheckable() && each->action->isChecked()) text += QStringLiteral("  \u2713");
        if (!keys.isEmpty()) text += QStringLiteral("    (%1)").arg(keys);
        auto* item = new QListWidgetItem(text, list_);
        item->setToolTip(each->action->toolTip());
        item->setData(Qt::UserRole, QVariant::fromValue(static_cast<QObject*>(each->action)));
    }
    list_->setCurrentRow(0);
}

void CommandPalette::run() {
    const QListWidgetItem* item = list_->currentItem();
    if (item == nullptr) return;
    const QPointer<QAction> action = qobject_cast<QAction*>(item->data(Qt::UserRole).value<QObject*>());
    close();
    if (action) action->trigger();
}

bool CommandPalette::eventFilter(QObject* watched, QEvent* event) {
    if (watched == input_ && event->type() == QEvent::KeyPress) {
        const auto* key = static_cast<QKeyEvent*>(event);
        const int row = list_->currentRow();
        switch (key->key()) {
        case Qt::Key_Down:
            list_->setCurrentRow(std::min(row + 1, list_->count() - 1));
            return true;
        case Qt::Key_Up:
            list_->setCurrentRow(std::max(row - 1, 0));
            return true;
        case Qt::Key_PageDown:
            list_->setCurrentRow(std::min(row + 10, list_->count() - 1));
            return true;
        case Qt::Key_PageUp:
            list_->setCurrentRow(std::max(row - 10, 0));
            return true;
        default:
            break;
        }
    }
    return QDialog::eventFilter(watched, event);
}

ShortcutSheet::ShortcutSheet(const QMenuBar& menu_bar, QWidget* parent)
    : QDialog(parent) {
    setObjectName(QStringLiteral("shortcut_sheet"));
    setWindowTitle(tr("Shortcuts"));
    setAttribute(Qt::WA_DeleteOnClose);
    auto* grid_widget = new QWidget;
    auto* grid = new QGridLayout(grid_widget);
    grid->setHorizontalSpacing(24);
    int row = 0;
    const auto add = [&](const QString& keys, const QString& text) {
        auto* key_label = new QLabel(keys, grid_widget);
        key_label->setFont(scaled_font(font(), 1.0, QFont::DemiBold));
        grid->addWidget(key_label, row, 0);
        grid->addWidget(new QLabel(text, grid_widget), row++, 1);
    };
    for (const FoundAction& each : actions_of(menu_bar)) {
        if (each.action->shortcut().isEmpty()) continue;
        add(each.action->shortcut().toString(QKeySequence::NativeText), each.path);
    }
    add(tr("Wheel on a chart"), tr("Zooms the time of all charts"));
    add(tr("Drag a chart"), tr("Moves the time of all charts"));
    add(tr("Double click on a chart"), tr("Shows it alone, and all again"));
    add(tr("Wheel on the timeline"), tr("Zooms it from 10 s to 1 µs"));
    auto* scroll = new QScrollArea(this);
    scroll->setWidget(grid_widget);
    scroll->setFrameShape(QFrame::NoFrame);
    auto* buttons = new QDialogButtonBox(QDialogButtonBox::Close, this);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    auto* box = new QVBoxLayout(this);
    box->addWidget(scroll);
    box->addWidget(buttons);
    const QSize wanted = grid_widget->sizeHint() + QSize(60, 90);
    resize(wanted.boundedTo(parent->size() - QSize(60, 60)));
}

} // namespace connscope::app
