// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/run_bar.hpp"

#include "views/card.hpp"
#include "views/palette.hpp"

#include <QProgressBar>
#include <QVBoxLayout>

#include <algorithm>

namespace connscope::app {

RunBar::RunBar(const QString& name, const QString& start_text, const QString& start_tip, QWidget* parent)
    : QWidget(parent)
    , start_text_(start_text)
    , go_(new QPushButton(start_text, parent))
    , progress_(new QProgressBar(this))
    , state_(new MutedLabel({}, this)) {
    go_->setObjectName(name + QStringLiteral("_go"));
    go_->setAccessibleName(tr("%1, or stop").arg(start_text));
    go_->setToolTip(start_tip);
    go_->setDefault(true);
    progress_->setObjectName(name + QStringLiteral("_progress"));
    progress_->setAccessibleName(tr("Progress"));
    progress_->setToolTip(tr("What is measured so far"));
    progress_->setTextVisible(false);
    progress_->setFixedHeight(6);
    progress_->hide();
    state_->setObjectName(name + QStringLiteral("_state"));
    state_->setWordWrap(true);
    auto* box = new QVBoxLayout(this);
    box->setContentsMargins(0, 0, 0, 0);
    box->setSpacing(4);
    box->addWidget(progress_);
    box->addWidget(state_);
    state_->hide();
}

void RunBar::begin(const QString& text) {
    progress_->setValue(0);
    progress_->show();
    go_->setText(tr("Stop"));
    tell(text);
}

void RunBar::show_progress(const QString& part, int done, int all) {
    progress_->setMaximum(std::max(all, 1));
    progress_->setValue(done);
    tell(tr("Measuring %1 of %2: %3").arg(done + 1).arg(all).arg(part));
}

void RunBar::end() {
    go_->setText(start_text_);
    progress_->hide();
}

void RunBar::tell(const QString& text, bool is_bad) {
    state_->setVisible(!text.isEmpty());
    state_->setText(
        is_bad ? QStringLiteral("<span style='color:%1'>%2</span>").arg(ink(palette()).bad.name(), text.toHtmlEscaped())
               : text.toHtmlEscaped());
}

} // namespace connscope::app
