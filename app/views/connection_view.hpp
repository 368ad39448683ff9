// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/connection_model.hpp"
#include "session/plan.hpp"
#include "session/snapshot.hpp"

#include <QStringList>
#include <QTableView>
#include <QWidget>

#include <chrono>
#include <map>
#include <optional>
#include <vector>

class QCheckBox;
class QMenu;

namespace connscope::app {

class FilterLine;

// What the user wants of the table's columns; what is empty is left to the table. Columns are named by their ids.
struct ColumnWishes {
    QStringList shown;             // empty: as many as there is room for
    QStringList order;             // all of them, from left to right
    std::map<QString, int> widths; // of those shown, pixels; empty: they share the room that there is
    QString sorted_by;
    bool descending = true;

    bool operator==(const ColumnWishes&) const = default;
};

// The table of all connections. `model` outlives it.
class ConnectionView : public QWidget {
    Q_OBJECT
public:
    explicit ConnectionView(ConnectionModel& model, QWidget* parent = nullptr);

    QTableView& table() noexcept { return *table_; }
    // Stands in the panel's head.
    FilterLine* filter() const noexcept { return filter_; }
    // Whether those that the processes have opened are shown too; hidden where there are none.
    QCheckBox& outgoing() noexcept { return *outgoing_; }
    // What the title says beside the view's name: "200 · sorted by longest slice".
    QString summary() const;

    ColumnWishes column_wishes() const;
    // Names that no column has are skipped.
    void grant(const ColumnWishes& wishes);

    // Why the server of these connections cannot be asked to move or close one: a sentence; empty: it can.
    void set_uncontrolled(const QString& reason) { uncontrolled_ = reason; }
    void show_modes(std::vector<ModeDescription> modes) { modes_ = std::move(modes); }
    void select(const ConnectionKey& key);
    std::optional<ConnectionKey> selected() const;

signals:
    void selectionChanged(std::optional<connscope::app::ConnectionKey> key);
    void summaryChanged(const QString& summary);
    void closeWanted(connscope::app::ConnectionKey key);
    void moveWanted(connscope::app::ConnectionKey key, const QString& mode);
    void anatomyWanted(connscope::app::ConnectionKey key);
    void followWanted(connscope::app::ConnectionKey key);

protected:
    void changeEvent(QEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void size_columns();
    void fit_columns();
    void choose_columns();
    void follow_sources();
    void show_column(int column, bool shown);
    QMenu* make_column_menu();
    void show_column_menu(const QPoint& global);
    void show_row_menu(const QPoint& at);
    void copy_row(int row) const;
    void tell_outgoing();

    ConnectionModel& model_;
    std::vector<ModeDescription> modes_;
    QString uncontrolled_; // why the connections' server cannot be asked to change; empty: it can
    QTableView* table_;
    FilterLine* filter_;
    QCheckBox* outgoing_;
    QString summary_;
    std::vector<int> least_widths_; // of the columns: what their heads and usual values need
    bool is_fitting_ = false;
    bool has_own_columns_ = false; // the user has chosen which are shown
    bool sorts_otherwise_ = false; // than is usual, which would sort by what nobody tells
    bool has_own_widths_ = false;  // the user has drawn a column wider or narrower
};

} // namespace connscope::app
