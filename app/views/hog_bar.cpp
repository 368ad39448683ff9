// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/hog_bar.hpp"

#include "views/card.hpp"

#include <QHBoxLayout>
#include <QMenu>
#include <QPushButton>

namespace connscope::app {

HogBar::HogBar(QWidget* parent)
    : QWidget(parent)
    , about_(new MutedLabel({}, this)) {
    setObjectName(QStringLiteral("hog_bar"));
    about_->setObjectName(QStringLiteral("hog_about"));
    struct Choice {
        HogAction action;
        const char* name;
        QString text;
        QString tip;
    };
    const std::array choices{
        Choice{HogAction::let_go_on, "hog_let_go_on", tr("Let it go on"),
               tr("No more is said of what it computes now. The others wait until it is done.")},
        Choice{HogAction::close, "hog_close", tr("Close it"),
               tr("The server closes this connection, in the middle of its computation; its client sees an end.")},
        Choice{HogAction::own_thread, "hog_own_thread", tr("Own thread"),
               tr("Moves this connection to a thread of its own, where it computes on and the kernel lets the others run. "
                  "It works from outside of the loop that it keeps; where the computation does not look whether it "
                  "should go, the server says so after a while, and it stays.")}};
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(4, 3, 2, 3);
    row->setSpacing(5);
    row->addWidget(about_);
    for (std::size_t i = 0; i < choices.size(); ++i) {
        const Choice& choice = choices[i];
        auto* button = buttons_[i] = new QPushButton(choice.text, this);
        button->setObjectName(QLatin1String(choice.name));
        button->setAccessibleName(choice.text);
        button->setToolTip(choice.tip);
        // As narrow as its word, so that three have room in a narrow panel.
        button->setMinimumWidth(fontMetrics().horizontalAdvance(choice.text) + 14);
        connect(button, &QPushButton::clicked, this, [this, action = choice.action] { emit wanted(hog_, action); });
        row->addWidget(button, choice.text.size() > 8 ? 3 : 2);
    }
    hide();
}

void HogBar::show_hog(std::uint64_t connection) {
    if (connection == hog_) return;
    hog_ = connection;
    about_->setText(tr("%1:").arg(connection));
    about_->setToolTip(tr("What can be done about connection %1").arg(connection));
    setVisible(connection != 0);
}

void HogBar::add_to(QMenu& menu) {
    for (const QPushButton* button : buttons_) {
        QAction* action = menu.addAction(button->text(), button, &QPushButton::click);
        action->setObjectName(QStringLiteral("action_") + button->objectName());
        action->setToolTip(button->toolTip());
    }
}

} // namespace connscope::app
