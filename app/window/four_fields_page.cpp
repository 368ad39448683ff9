// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/four_fields_page.hpp"

#include "models/run_store.hpp"
#include "views/card.hpp"
#include "views/four_fields_view.hpp"

#include <QComboBox>
#include <QHBoxLayout>
#include <QVBoxLayout>

namespace connscope::app {

namespace {
constexpr int refresh_interval = 1000; // ms
constexpr std::size_t most_listed = 20;
} // namespace

FourFieldsPage::FourFieldsPage(Session& session, const History& history, const RunStore& store, QWidget* parent)
    : QWidget(parent, Qt::Window)
    , session_(session)
    , history_(history)
    , store_(store)
    , source_(new QComboBox(this))
    , about_(new ElidedLine(Qt::AlignLeft, this))
    , view_(new FourFieldsView(this)) {
    setObjectName(QStringLiteral("four_fields_page"));
    setWindowTitle(tr("connscope: two questions"));
    setAutoFillBackground(true);
    source_->setObjectName(QStringLiteral("four_fields_source"));
    source_->setAccessibleName(tr("Where the figures are from"));
    source_->setToolTip(tr("A comparison that is kept, where every mode did the same work; or what was measured of the live "
                           "server while each mode had its connections last."));
    source_->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    source_->setMinimumContentsLength(40);
    about_->setObjectName(QStringLiteral("four_fields_about"));
    auto* head = new QHBoxLayout;
    head->addWidget(new ScaledLabel(tr("Two questions"), 1.5, QFont::Bold, this));
    head->addSpacing(12);
    head->addWidget(new MutedLabel(tr("May who computes be interrupted, and who switches to the next one?"), this), 1);
    head->addWidget(new MutedLabel(tr("Figures:"), this));
    head->addWidget(source_);
    auto* all = new QVBoxLayout(this);
    all->setContentsMargins(12, 10, 12, 12);
    all->setSpacing(8);
    all->addLayout(head);
    all->addWidget(view_, 1);
    all->addWidget(about_);
    connect(source_, &QComboBox::activated, this, &FourFieldsPage::refresh);
    connect(&session_, &Session::modesChanged, this, &FourFieldsPage::refresh);
    connect(&session_, &Session::modeChanged, this, &FourFieldsPage::refresh);
    refresh_timer_.setInterval(refresh_interval);
    connect(&refresh_timer_, &QTimer::timeout, this, [this] {
        if (isVisible()) refresh();
    });
    refresh_timer_.start();
    list_sources();
    refresh();
}

FourFieldsPage::~FourFieldsPage() { session_.disconnect(this); }

// The newest comparison stands first; the live figures last, where there is one.
void FourFieldsPage::list_sources() {
    const bool was_empty = source_->count() == 0;
    const QVariant chosen = source_->currentData();
    const QSignalBlocker blocker(source_);
    source_->clear();
    for (const StoredRun& run : store_.runs()) {
        if (static_cast<std::size_t>(source_->count()) == most_listed) break;
        source_->addItem(run.started + QStringLiteral(": ") + run.title, run.id);
    }
    source_->addItem(tr("live, while each mode had the connections"), qint64{0});
    source_->setCurrentIndex(was_empty ? 0 : std::max(source_->findData(chosen), 0));
}

void FourFieldsPage::showEvent(QShowEvent*) {
    list_sources();
    refresh();
}

void FourFieldsPage::refresh() {
    const qint64 id = source_->currentData().toLongLong();
    QString about;
    if (id != result_id_) {
        result_id_ = id;
        result_.reset();
        if (id != 0) {
            auto loaded = store_.result(id);
            if (loaded)
                result_ = std::move(*loaded);
            else
                about = tr("This comparison cannot be read: %1 ").arg(QString::fromStdString(loaded.error().text));
        }
    }
    about += result_
                 ? tr("%1. Medians of %n round(s).", nullptr, result_->rounds).arg(QString::fromStdString(result_->workload))
                 : tr("Live: means of at most the last 10 s in which a mode had the connections; the work may have been "
                      "another one each time. A comparison gives every mode the same.");
    about_->show_text(about + QLatin1Char(' ') + tr("* its threads are interrupted by the kernel."));
    view_->show_fields(four_fields(session_.modes(), session_.mode(), result_ ? &*result_ : nullptr, history_));
}

} // namespace connscope::app
