// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/anatomy_view.hpp"

#include "models/format.hpp"
#include "views/anatomy_table.hpp"

#include <QMenu>
#include <QPushButton>
#include <QScrollArea>
#include <QVBoxLayout>

#include <algorithm>

namespace connscope::app {

AnatomyView::AnatomyView(QWidget* parent)
    : QWidget(parent)
    , mover_(new QPushButton)
    , scroll_(new QScrollArea(this))
    , table_(new AnatomyTable(model_)) {
    mover_->setObjectName(QStringLiteral("move_this_one"));
    mover_->setText(tr("Move this one"));
    mover_->setAccessibleName(tr("Move this connection alone to another mode"));
    mover_->setToolTip(
        tr("Hands this one connection over to another mode while all others stay: what it was before stays beside it."));
    mover_->setMenu(new QMenu(mover_));
    mover_->menu()->setObjectName(QStringLiteral("move_menu"));
    mover_->menu()->setToolTipsVisible(true);
    mover_->setEnabled(false);
    scroll_->setObjectName(QStringLiteral("anatomy_scroll"));
    scroll_->setAccessibleName(tr("Anatomy of the connection"));
    scroll_->setWidget(table_);
    scroll_->setWidgetResizable(true);
    scroll_->setFrameShape(QFrame::NoFrame);
    scroll_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll_->viewport()->setAutoFillBackground(false);
    table_->setAutoFillBackground(false);
    auto* box = new QVBoxLayout(this);
    box->setContentsMargins(0, 0, 0, 0);
    box->addWidget(scroll_, 1);
    fill();
}

void AnatomyView::show_modes(const std::vector<ModeDescription>& modes) {
    modes_ = modes;
    mover_->menu()->clear();
    for (const ModeDescription& mode : modes_) {
        QAction* action = mover_->menu()->addAction(mode.name, this, [this, id = mode.id] {
            if (key_) emit moveWanted(*key_, id);
        });
        action->setToolTip(mode.hint);
    }
}

QString AnatomyView::name_of(const QString& mode) const {
    const auto found = std::ranges::find(modes_, mode, &ModeDescription::id);
    return found == modes_.end() ? mode : found->name;
}

void AnatomyView::select(const std::optional<ConnectionKey>& key) {
    if (key == key_) return;
    key_ = key;
    model_.clear();
    fill();
    if (isVisible()) want_look();
}

void AnatomyView::want_look() { emit lookWanted(key_ ? key_->segment : 0, key_ ? key_->id : 0); }

void AnatomyView::show_anatomy(const AnatomyPtr& reading) {
    if (!key_ || ConnectionKey{reading->process, reading->id} != *key_) return; // another one was selected meanwhile
    model_.show(reading);
    fill();
}

void AnatomyView::fill() {
    mover_->setEnabled(key_.has_value() && model_.problem().isEmpty() && !modes_.empty());
    const QString message =
        !key_ ? tr("Select a connection, in the table, the map or the timeline: here stands what it is made of.")
        : !model_.problem().isEmpty() ? model_.problem()
        : model_.now() == nullptr     ? tr("Reading …")
                                      : QString();
    const QString before = model_.before() == nullptr ? QString() : name_of(model_.before()->mode);
    table_->refresh(message, model_.now() == nullptr ? QString() : name_of(model_.now()->mode), before);
    emit summaryChanged(model_.now() == nullptr
                            ? QString()
                            : tr("connection %1 · read in %2").arg(model_.now()->id).arg(duration_text(model_.now()->took)));
}

void AnatomyView::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    want_look();
}

void AnatomyView::hideEvent(QHideEvent* event) {
    QWidget::hideEvent(event);
    emit lookWanted(0, 0);
}

} // namespace connscope::app
