// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/attach_line.hpp"

#include "views/card.hpp"
#include "views/palette.hpp"

#include <QHBoxLayout>
#include <QLabel>
#include <QPainter>
#include <QPushButton>

namespace connscope::app {

namespace {
constexpr std::size_t most_pids = 6; // written out
}

AttachLine::AttachLine(QWidget* parent)
    : QFrame(parent)
    , who_(new ScaledLabel({}, 1.0, QFont::DemiBold, this))
    , why_(new ElidedLine(Qt::AlignLeft, this))
    , other_(new QPushButton(tr("Attach to another …"), this))
    , back_(new QPushButton(tr("Own server"), this)) {
    setObjectName(QStringLiteral("attach_line"));
    who_->setObjectName(QStringLiteral("attach_who"));
    why_->setObjectName(QStringLiteral("attach_why"));
    other_->setObjectName(QStringLiteral("attach_other"));
    other_->setAccessibleName(other_->text());
    other_->setToolTip(tr("Choose another process to watch. (Ctrl+Shift+A)"));
    back_->setObjectName(QStringLiteral("attach_back"));
    back_->setAccessibleName(tr("Back to connscope's own server"));
    back_->setToolTip(tr("Starts connscope's own server and clients again. What is watched now goes on as it is."));
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(12, 5, 6, 5);
    row->setSpacing(12);
    row->addWidget(who_);
    row->addWidget(why_, 1);
    row->addWidget(other_);
    row->addWidget(back_);
    connect(other_, &QPushButton::clicked, this, &AttachLine::otherWanted);
    connect(back_, &QPushButton::clicked, this, &AttachLine::backWanted);
    hide();
}

void AttachLine::show_server(const ProcessStatus& status) {
    setVisible(status.is_attached);
    if (!status.is_attached) return;
    QString pids;
    for (std::size_t i = 0; i < std::min(status.pids.size(), most_pids); ++i)
        pids += (i == 0 ? QString() : tr(", ")) + QString::number(status.pids[i]);
    if (status.pids.size() > most_pids) pids += tr(" and %1 more").arg(status.pids.size() - most_pids);
    QString who = tr("Attached to %1").arg(status.name);
    if (status.pids.size() == 1) {
        who = tr("Attached to %1, pid %2").arg(status.name, pids);
    } else if (status.pids.size() > 1) {
        who = tr("Attached to %1, %2 processes").arg(status.name).arg(status.pids.size());
    }
    who_->setText(who);
    QString why = status.uncontrolled;
    if (status.pids.size() > 1) why += QLatin1Char(' ') + tr("Their pids are %1; those that come later join.").arg(pids);
    why_->show_text(why);
    setAccessibleName(text());
}

QString AttachLine::text() const { return who_->text() + QStringLiteral(". ") + why_->text(); }

void AttachLine::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    paint_card(painter, rect(), palette());
}

} // namespace connscope::app
