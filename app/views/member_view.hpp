// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/member_model.hpp"

#include <QTableView>

namespace connscope::app {

// The table of the processes that are watched together: a click shows the connections of one alone. `model` outlives it.
class MemberView : public QTableView {
    Q_OBJECT
public:
    explicit MemberView(MemberModel& model, QWidget* parent = nullptr);

    // What the connections are filtered by now: a row is marked while it is that one's filter.
    void show_filter(const QString& filter);

signals:
    // The words of the connections' filter for the row that was clicked; empty: all.
    void filterWanted(const QString& filter);

protected:
    void changeEvent(QEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    void want(const QModelIndex& index);
    void size_rows();
    void fit_columns();

    MemberModel& model_;
    QString filter_;
};

} // namespace connscope::app
