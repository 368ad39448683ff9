// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/warnings.hpp"
#include "views/hog_bar.hpp"

#include <QAbstractListModel>
#include <QListView>

namespace connscope::app {

// The warnings of a board, the active ones first. `board` outlives it.
class WarningListModel : public QAbstractListModel {
    Q_OBJECT
public:
    explicit WarningListModel(const WarningBoard& board, QObject* parent = nullptr);

    // Texts and times change with every snapshot; a few times a second is enough to show.
    void refresh(double now);

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;

    enum Role { ActiveRole = Qt::UserRole, TimeRole };

private:
    const WarningBoard& board_;
    double now_ = 0;
};

// The warnings as a list; a click goes to the culprit. Below it stands what can be done about one who keeps others waiting.
class WarningList : public QListView {
    Q_OBJECT
public:
    explicit WarningList(const WarningBoard& board, QWidget* parent = nullptr);

    void refresh(double now);
    HogBar& hog_bar() noexcept { return *hog_bar_; }
    // Something was done about a connection: it is not offered again before it is told of anew.
    void settle_hog(std::uint64_t connection);

signals:
    void chosen(const connscope::app::Finding& finding);

protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void contextMenuEvent(QContextMenuEvent* event) override;

private:
    const Warning* warning_at(const QModelIndex& index) const;
    void show_hog();
    void place_hog_bar();

    const WarningBoard& board_;
    WarningListModel* model_;
    HogBar* hog_bar_;
    std::uint64_t settled_ = 0; // the connection that something was done about
};

} // namespace connscope::app
