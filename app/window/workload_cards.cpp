// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/workload_cards.hpp"

#include "views/card.hpp"
#include "views/palette.hpp"

#include <QPainter>
#include <QStyledItemDelegate>

#include <algorithm>

namespace connscope::app {

namespace {

constexpr int margin = 8;
constexpr int gap = 6; // between cards
constexpr int explains_role = Qt::UserRole;
constexpr int running_role = Qt::UserRole + 1;

class CardDelegate : public QStyledItemDelegate {
public:
    using QStyledItemDelegate::QStyledItemDelegate;

    QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override {
        const int least = height_for(300, option.font, index); // before there is a grid
        return qobject_cast<const QListView*>(option.widget)->gridSize().expandedTo(QSize(0, least));
    }

    static int height_for(int width, const QFont& font, const QModelIndex& index) {
        const QFontMetrics title(scaled_font(font, 1.0, QFont::DemiBold));
        const QFontMetrics small(scaled_font(font, 0.92));
        return 2 * margin + gap + needed(title, width, index.data().toString()).height() + 2 +
               needed(small, width, index.data(explains_role).toString()).height();
    }

    void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override {
        const Ink& colours = ink(option.palette);
        const bool is_running = index.data(running_role).toBool();
        const bool has_focus = option.state.testFlag(QStyle::State_HasFocus);
        painter->save();
        painter->setRenderHint(QPainter::Antialiasing);
        painter->setPen(QPen(is_running || has_focus ? colours.accent : colours.border, is_running ? 2 : 1));
        painter->setBrush(option.state.testFlag(QStyle::State_MouseOver) ? colours.hover : colours.card);
        painter->drawRoundedRect(QRectF(option.rect).adjusted(1, 1, -gap, -gap), 5, 5);
        const QFont title_font = scaled_font(option.font, 1.0, QFont::DemiBold);
        const QFont small_font = scaled_font(option.font, 0.92);
        QRect place = option.rect.adjusted(margin, margin, -margin - gap, 0);
        const QSize title = needed(QFontMetrics(title_font), option.rect.width(), index.data().toString());
        painter->setFont(title_font);
        painter->setPen(colours.text);
        painter->drawText(place, Qt::TextWordWrap, index.data().toString());
        place.setTop(place.top() + title.height() + 2);
        painter->setFont(small_font);
        painter->setPen(colours.muted);
        painter->drawText(place, Qt::TextWordWrap, index.data(explains_role).toString());
        painter->restore();
    }

private:
    static QSize needed(const QFontMetrics& metrics, int width, const QString& text) {
        return metrics.boundingRect(QRect(0, 0, width - 2 * margin - gap, 10'000), Qt::TextWordWrap, text).size();
    }
};

} // namespace

WorkloadCards::WorkloadCards(QWidget* parent)
    : QListWidget(parent) {
    setObjectName(QStringLiteral("workloads"));
    setAccessibleName(tr("Workloads"));
    setToolTip(tr("A mix of clients. It replaces the one that runs; those that both have stay connected."));
    setItemDelegate(new CardDelegate(this));
    setFrameShape(QFrame::NoFrame);
    setMouseTracking(true);
    setFlow(QListView::LeftToRight);
    setWrapping(true);
    setResizeMode(QListView::Adjust);
    setMovement(QListView::Static);
    setUniformItemSizes(false);
    setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setTabKeyNavigation(false);
    // A click activates on some desktops and not on others; Enter does on all.
    connect(this, &QListWidget::itemClicked, this, &WorkloadCards::choose);
    connect(this, &QListWidget::itemActivated, this, &WorkloadCards::choose);
}

void WorkloadCards::show_workloads(std::vector<Workload> workloads) {
    workloads_ = std::move(workloads);
    clear();
    for (const Workload& workload : workloads_) {
        auto* item = new QListWidgetItem(workload.title, this);
        item->setData(explains_role, workload.explains);
        item->setData(Qt::AccessibleDescriptionRole, workload.explains);
        item->setToolTip(tr("%1\n%2").arg(workload.explains, workload.populations.join(QLatin1Char('\n'))));
    }
    arrange();
}

QString WorkloadCards::show_running(const QStringList& populations) {
    QString title;
    for (int row = 0; row < count(); ++row) {
        const bool is_running = workloads_[static_cast<std::size_t>(row)].runs_as(populations);
        if (item(row)->data(running_role).toBool() != is_running) item(row)->setData(running_role, is_running);
        if (is_running) title = workloads_[static_cast<std::size_t>(row)].title;
    }
    return title;
}

void WorkloadCards::choose(const QListWidgetItem* item) {
    const int row = this->row(item);
    if (row < 0 || item->data(running_role).toBool()) return;
    emit workloadWanted(workloads_[static_cast<std::size_t>(row)]);
}

void WorkloadCards::resizeEvent(QResizeEvent* event) {
    QListWidget::resizeEvent(event);
    arrange();
}

void WorkloadCards::arrange() {
    // As if the scroll bar were there, so that it changes nothing when it comes.
    const int room = width() - style()->pixelMetric(QStyle::PM_ScrollBarExtent, nullptr, this) - 2;
    const int columns = std::max(room / (fontMetrics().averageCharWidth() * 34), 1);
    const int cell = room / columns;
    int height = 0;
    for (int row = 0; row < count(); ++row)
        height = std::max(height, CardDelegate::height_for(cell, font(), model()->index(row, 0)));
    setGridSize(QSize(cell, height));
}

void WorkloadCards::changeEvent(QEvent* event) {
    QListWidget::changeEvent(event);
    if (event->type() == QEvent::FontChange) QMetaObject::invokeMethod(this, &WorkloadCards::arrange, Qt::QueuedConnection);
}

} // namespace connscope::app
