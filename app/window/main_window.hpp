// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/connection_model.hpp"
#include "models/history.hpp"
#include "models/metrics.hpp"
#include "models/time_view.hpp"
#include "session/session.hpp"
#include "window/frame_meter.hpp"
#include "window/theme.hpp"

#include <QMainWindow>

#include <vector>

class QMenuBar;

namespace connscope::app {

class Banner;
class ChartGrid;
class ConnectionMap;
class ConnectionView;
class LoadBar;
class ModeBar;
class NumberRow;
class Panel;
class SegmentButton;
class StatusLine;
class WhatChanged;

// The window: where everything is, and what is connected with what.
class MainWindow : public QMainWindow {
    Q_OBJECT
public:
    // `remembers`: places and theme come from the user's settings and are kept there.
    MainWindow(Plan plan, Theme theme, bool remembers, QWidget* parent = nullptr);
    ~MainWindow() override;

    // Starts the processes to watch.
    void start();

    Session& session() noexcept { return session_; }
    const FrameMeter& frame_meter() const noexcept { return meter_; }
    const History& history() const noexcept { return history_; }
    ModeBar& mode_bar() noexcept { return *mode_bar_; }
    Banner& server_banner() noexcept { return *server_banner_; }
    Banner& load_banner() noexcept { return *load_banner_; }
    ChartGrid& charts() noexcept { return *charts_; }
    ConnectionView& connections() noexcept { return *connections_; }
    ConnectionMap& map() noexcept { return *map_; }
    LoadBar& load_bar() noexcept { return *load_bar_; }
    WhatChanged& what_changed() noexcept { return *what_changed_; }
    TimeView& time_view() noexcept { return time_view_; }

public slots:
    void undoModeChange();

signals:
    // The first snapshot with connections has been drawn.
    void alive();

protected:
    void closeEvent(QCloseEvent* event) override;
    bool event(QEvent* event) override;

private:
    void make_top();
    void make_sheet();
    void make_panels();
    void place_panels();
    void make_menus();
    void connect_session();
    void take_snapshot(const SnapshotPtr& snapshot);
    void refresh_slowly();
    void show_server(const ProcessStatus& status);
    void show_load(const ProcessStatus& status);
    void tell(const QString& text, bool is_bad);
    void finish_mode_change(const ModeChange& change);
    void set_theme(Theme theme);
    void change_text_size(int steps);
    void reset_layout();
    void show_about();

    Session session_;
    Metrics metrics_;
    History history_;
    TimeView time_view_;
    ConnectionModel connection_model_;
    FrameMeter meter_;
    Theme theme_;
    bool remembers_;
    int text_steps_ = 0;

    QMenuBar* menu_bar_;
    ModeBar* mode_bar_;
    Banner* server_banner_;
    Banner* load_banner_;
    LoadBar* load_bar_;
    NumberRow* numbers_;
    SegmentButton* live_;
    ChartGrid* charts_;
    ConnectionView* connections_;
    Panel* connections_panel_;
    ConnectionMap* map_;
    Panel* map_panel_;
    WhatChanged* what_changed_;
    Panel* what_changed_panel_;
    StatusLine* status_line_;
    QAction* undo_ = nullptr;
    QAction* pause_ = nullptr;

    SnapshotPtr newest_;
    std::uint64_t frame_ = 0;
    bool was_alive_ = false;
    double mode_since_ = 0; // s of CLOCK_MONOTONIC
    double look_ms_ = 0;    // smoothed
    std::vector<QString> modes_before_; // for undo, the newest last
    bool undoing_ = false;
};

} // namespace connscope::app
