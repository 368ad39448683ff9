// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/warning_list.hpp"

#include "models/format.hpp"
#include "views/card.hpp"
#include "views/palette.hpp"

#include <QCache>
#include <QContextMenuEvent>
#include <QMenu>
#include <QPainter>
#include <QStaticText>
#include <QStyledItemDelegate>

#include <algorithm>
#include <cmath>

namespace connscope::app {

namespace {

constexpr int margin = 4;
constexpr int bar = 3;
constexpr int max_sentences = 200;

// A coloured bar while it lasts, when it was, and the sentence below in as many lines as it needs.
class WarningDelegate : public QStyledItemDelegate {
public:
    using QStyledItemDelegate::QStyledItemDelegate;

    QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override {
        const auto* view = qobject_cast<const QListView*>(option.widget);
        const int width = view != nullptr ? view->viewport()->width() : 300;
        return {width, margin + head_height(option) +
                           static_cast<int>(std::ceil(sentence(option, width, index).size().height())) + margin};
    }

    void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override {
        const Ink& colours = ink(option.palette);
        const bool is_active = index.data(WarningListModel::ActiveRole).toBool();
        if (option.state.testFlag(QStyle::State_MouseOver)) painter->fillRect(option.rect, colours.hover);
        painter->fillRect(QRect(option.rect.left(), option.rect.top() + 2, bar, option.rect.height() - 4),
                          is_active ? colours.bad : colours.border);
        painter->setFont(scaled_font(option.font, 0.88));
        painter->setPen(colours.muted);
        painter->drawText(option.rect.left() + bar + 6, option.rect.top() + margin + painter->fontMetrics().ascent(),
                          index.data(WarningListModel::TimeRole).toString());
        painter->setFont(option.font);
        painter->setPen(is_active ? colours.text : colours.muted);
        painter->drawStaticText(option.rect.left() + bar + 6, option.rect.top() + margin + head_height(option),
                                sentence(option, option.rect.width(), index));
    }

private:
    static int head_height(const QStyleOptionViewItem& option) {
        return QFontMetrics(scaled_font(option.font, 0.88)).height();
    }

    // The sentence in the lines that it takes in `width`. Kept, as laying it out anew costs more than all else of a row.
    const QStaticText& sentence(const QStyleOptionViewItem& option, int width, const QModelIndex& index) const {
        if (font_ != option.font) {
            sentences_.clear();
            font_ = option.font;
        }
        const std::pair key(index.data().toString(), width - bar - 10);
        if (const QStaticText* kept = sentences_.object(key)) return *kept;
        auto* text = new QStaticText(key.first);
        text->setTextFormat(Qt::PlainText);
        text->setTextWidth(key.second);
        text->prepare({}, font_);
        sentences_.insert(key, text);
        return *text;
    }

    mutable QFont font_; // of the sentences
    mutable QCache<std::pair<QString, int>, QStaticText> sentences_{max_sentences};
};

} // namespace

WarningListModel::WarningListModel(const WarningBoard& board, QObject* parent)
    : QAbstractListModel(parent)
    , board_(board) {
    connect(&board_, &WarningBoard::changed, this, [this] {
        beginResetModel();
        endResetModel();
    });
}

void WarningListModel::refresh(double now) {
    now_ = now;
    if (rowCount() > 0) emit dataChanged(index(0), index(rowCount() - 1));
}

int WarningListModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(board_.warnings().size());
}

QVariant WarningListModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid() || index.row() >= rowCount()) return {};
    const Warning& warning = board_.warnings()[static_cast<std::size_t>(index.row())];
    switch (role) {
    case Qt::DisplayRole:
        return warning.finding.text;
    case Qt::ToolTipRole:
        return tr("%1\nA click goes there.").arg(warning.finding.text);
    case ActiveRole:
        return warning.is_active;
    case TimeRole: {
        const QString length = duration_text(std::max(std::floor(warning.last_seen - warning.began), 0.0));
        if (warning.is_active) return tr("now, for %1").arg(length);
        return tr("%1 ago, for %2").arg(duration_text(std::max(std::floor(now_ - warning.last_seen), 0.0)), length);
    }
    default:
        return {};
    }
}

WarningList::WarningList(const WarningBoard& board, QWidget* parent)
    : QListView(parent)
    , board_(board)
    , model_(new WarningListModel(board, this))
    , hog_bar_(new HogBar(this)) {
    setObjectName(QStringLiteral("warnings"));
    setAccessibleName(tr("Warnings"));
    setModel(model_);
    setItemDelegate(new WarningDelegate(this));
    setFrameShape(QFrame::NoFrame);
    setMouseTracking(true);
    setResizeMode(QListView::Adjust);
    setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    for (const auto signal : {&QListView::activated, &QListView::clicked}) {
        connect(this, signal, this, [this](const QModelIndex& index) {
            if (const Warning* warning = warning_at(index)) emit chosen(warning->finding);
        });
    }
    connect(&board_, &WarningBoard::changed, this, &WarningList::show_hog);
}

const Warning* WarningList::warning_at(const QModelIndex& index) const {
    const auto row = static_cast<std::size_t>(index.row());
    return index.isValid() && row < board_.warnings().size() ? &board_.warnings()[row] : nullptr;
}

void WarningList::refresh(double now) {
    show_hog();
    if (isVisible()) model_->refresh(now);
}

void WarningList::settle_hog(std::uint64_t connection) {
    settled_ = connection;
    show_hog();
}

void WarningList::show_hog() {
    std::uint64_t hog = 0;
    for (const Warning& warning : board_.warnings()) {
        if (warning.is_active && warning.finding.hog != 0) hog = warning.finding.hog;
    }
    if (hog != settled_) settled_ = 0;
    hog_bar_->show_hog(hog == settled_ ? 0 : hog);
    place_hog_bar();
}

void WarningList::place_hog_bar() {
    const int height = hog_bar_->isHidden() ? 0 : hog_bar_->sizeHint().height();
    if (viewportMargins().bottom() != height) setViewportMargins(0, 0, 0, height);
    hog_bar_->setGeometry(0, this->height() - height, viewport()->width(), height); // the scroll bar goes down to the end
}

void WarningList::resizeEvent(QResizeEvent* event) {
    QListView::resizeEvent(event);
    place_hog_bar();
}

void WarningList::contextMenuEvent(QContextMenuEvent* event) {
    const QModelIndex index = event->reason() == QContextMenuEvent::Mouse ? indexAt(event->pos()) : currentIndex();
    const Warning* warning = warning_at(index);
    if (warning == nullptr) return;
    auto* menu = new QMenu(this);
    menu->setObjectName(QStringLiteral("warning_menu"));
    menu->setAttribute(Qt::WA_DeleteOnClose);
    menu->setToolTipsVisible(true);
    menu->addAction(tr("Go there"), this, [this, finding = warning->finding] { emit chosen(finding); });
    if (warning->is_active && warning->finding.hog != 0 && warning->finding.hog == hog_bar_->hog()) {
        menu->addSeparator();
        hog_bar_->add_to(*menu);
    }
    menu->popup(event->globalPos());
}

void WarningList::paintEvent(QPaintEvent* event) {
    QListView::paintEvent(event);
    if (model_->rowCount() > 0) return;
    QPainter painter(viewport());
    painter.setPen(ink(palette()).muted);
    painter.drawText(viewport()->rect().adjusted(4, 4, -4, -4), Qt::AlignTop | Qt::TextWordWrap, tr("Nothing to warn of."));
}

} // namespace connscope::app
