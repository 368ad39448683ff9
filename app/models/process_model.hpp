// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "session/process_lister.hpp"

#include <QAbstractTableModel>
#include <QString>

#include <vector>

namespace connscope::app {

// The processes that can be attached to, those that hold all the words that are searched for. GUI thread.
class ProcessModel : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column { name, pid, user, threads, sockets, listening, visible, command, column_count };

    explicit ProcessModel(QObject* parent = nullptr)
        : QAbstractTableModel(parent) {}

    void show_choices(AttachChoicesPtr choices);
    // Words to be found in the name, number, user, ports or command, each in any of them.
    void search(const QString& words);

    // Precondition: 0 <= row < rowCount().
    const AttachChoice& choice(int row) const { return (*choices_)[rows_[static_cast<std::size_t>(row)]]; }
    std::size_t total() const noexcept { return choices_ ? choices_->size() : 0; }

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role = Qt::DisplayRole) const override;

private:
    void refill(AttachChoicesPtr choices);

    AttachChoicesPtr choices_;
    std::vector<std::size_t> rows_; // of choices_
    QString words_;
};

// What would be seen of it, in few words and in a sentence.
QString visible_text(const AttachChoice& choice);
QString visible_tip(const AttachChoice& choice);

} // namespace connscope::app
