// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/connection_model.hpp"
#include "session/snapshot.hpp"

#include <QTableView>
#include <QWidget>

#include <chrono>
#include <optional>

namespace connscope::app {

class MutedLabel;

// The table of all connections. `model` outlives it.
class ConnectionView : public QWidget {
    Q_OBJECT
public:
    explicit ConnectionView(ConnectionModel& model, QWidget* parent = nullptr);

    QTableView& table() noexcept { return *table_; }
    // What the title says beside the view's name: "200 · sorted by longest slice".
    QString summary() const;

    void select(const ConnectionKey& key);
    std::optional<ConnectionKey> selected() const;

signals:
    void selectionChanged(std::optional<connscope::app::ConnectionKey> key);
    void summaryChanged(const QString& summary);

protected:
    void changeEvent(QEvent* event) override;

private:
    void size_columns();
    void show_column_menu(const QPoint& global);

    ConnectionModel& model_;
    QTableView* table_;
    QString summary_;
};

} // namespace connscope::app
