// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/warnings.hpp"

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

// The warnings as a list; a click goes to the culprit.
class WarningList : public QListView {
    Q_OBJECT
public:
    explicit WarningList(const WarningBoard& board, QWidget* parent = nullptr);

    void refresh(double now);

signals:
    void chosen(const connscope::app::Finding& finding);

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    const WarningBoard& board_;
    WarningListModel* model_;
};

} // namespace connscope::app
