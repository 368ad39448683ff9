// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/connection_model.hpp"
#include "models/history.hpp"
#include "models/member_model.hpp"
#include "models/metrics.hpp"
#include "models/time_view.hpp"
#include "models/timeline.hpp"
#include "models/warnings.hpp"
#include "session/hog_watch.hpp"
#include "session/session.hpp"
#include "window/frame_meter.hpp"
#include "window/theme.hpp"

#include <QMainWindow>

#include <memory>
#include <vector>

class QMenu;
class QMenuBar;

namespace connscope::app {

class AnatomyView;
class AttachLine;
class Banner;
class Chart;
class ChartGrid;
class ComparisonPage;
class ConnectionMap;
class ConnectionView;
class ConversationPage;
class FourFieldsPage;
class LayersPage;
class LoadBar;
class LoadPanel;
class MemberView;
class ModeBar;
class NumberRow;
class Panel;
class RunStore;
class SegmentButton;
class StatusLine;
class SweepPage;
class TimelineView;
class TourGuide;
struct Tour;
class WarningList;
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
    // With the next snapshot, draws all views anew, whether their turn has come or not.
    void refresh_all() { all_due_ = true; }

    Session& session() noexcept { return session_; }
    FrameMeter& frame_meter() noexcept { return meter_; }
    // The desktop's colours have become dark or light; with the theme `system` the window's do, too.
    void follow_desktop(bool is_dark);
    const History& history() const noexcept { return history_; }
    ConversationPage* conversation() noexcept { return conversation_.get(); } // nullptr until it is shown
    FourFieldsPage* four_fields() noexcept { return four_fields_.get(); }     //
    SweepPage* sweep() noexcept { return sweep_.get(); }                      //
    LayersPage* layers() noexcept { return layers_.get(); }                   //
    TourGuide& tour_guide() noexcept { return *tour_guide_; }
    ComparisonPage* comparison() noexcept { return comparison_.get(); } // nullptr until it is shown
    ModeBar& mode_bar() noexcept { return *mode_bar_; }
    Banner& server_banner() noexcept { return *server_banner_; }
    Banner& notice_banner() noexcept { return *notice_banner_; }
    Banner& load_banner() noexcept { return *load_banner_; }
    ChartGrid& charts() noexcept { return *charts_; }
    ConnectionView& connections() noexcept { return *connections_; }
    const Timeline& timeline_model() const noexcept { return timeline_; }
    AnatomyView& anatomy() noexcept { return *anatomy_; }
    Panel& anatomy_panel() noexcept { return *anatomy_panel_; }
    Panel& processes_panel() noexcept { return *processes_panel_; }
    MemberView& processes() noexcept { return *processes_; }
    ConnectionMap& map() noexcept { return *map_; }
    AttachLine& attach_line() noexcept { return *attach_line_; }
    LoadBar& load_bar() noexcept { return *load_bar_; }
    LoadPanel& load_panel() noexcept { return *load_panel_; }
    WhatChanged& what_changed() noexcept { return *what_changed_; }
    TimeView& time_view() noexcept { return time_view_; }
    TimelineView& timeline() noexcept { return *timeline_view_; }
    QMenuBar& menus() noexcept { return *menu_bar_; }
    const WarningBoard& warnings() const noexcept { return warning_board_; }

public slots:
    void undoModeChange();
    // Opens the page on which modes are compared.
    void showComparison();
    // Opens the page on which connections talk.
    void showConversation();
    // Opens the page of who may be interrupted and who switches.
    void showFourFields();
    // Opens the page of how often to interrupt.
    void showSweep();
    // Opens the page of the layers that requests cross.
    void showLayers();
    // Lists the processes that can be watched instead of connscope's own server.
    void showProcessPicker();

signals:
    // The first snapshot with connections, or of what is attached, is in all views.
    void alive();
    // And on the screen.
    void dataShown();

protected:
    void closeEvent(QCloseEvent* event) override;
    bool event(QEvent* event) override;

private:
    void make_top();
    void make_sheet();
    void make_panels();
    void place_panels();
    void show_load_panel();
    // main_window_menus.cpp
    void make_menus();
    void make_file_menu();
    void make_server_menu();
    void make_load_menu();
    void make_view_menu();
    void make_help_menu();
    void choose_picture_file();
    void show_thresholds();
    void set_theme(Theme theme);
    void change_text_size(int steps);
    void show_about();
    // main_window_attach.cpp
    void make_session_menu();
    void begin_anew(const ProcessStatus& status);
    void show_attached(const ProcessStatus& status);
    void make_processes_panel();
    void show_processes();
    void show_told_modes();
    void act_on_server();
    // main_window_pages.cpp
    void make_pages_menu(QMenu& server);
    void make_tours_menu(QMenu& help);
    RunStore& run_store();

    void connect_session();
    void take_snapshot(const SnapshotPtr& snapshot);
    void refresh_views();
    void refresh_numbers();
    void make_room_for(const Chart* chart);
    void show_server(const ProcessStatus& status);
    void show_load(const ProcessStatus& status);
    void tell(const QString& text, bool is_bad);
    void check_warnings(bool shows);
    void show_warnings_button();
    void go_to(const Finding& finding);
    // Sets a mark on all charts, from which on “What changed” can compare.
    void mark_moment(Mark::Kind kind, const QString& label);
    void finish_mode_change(const ModeChange& change);
    void reset_layout();

    Session session_;
    HogWatch hog_watch_{session_};
    Metrics metrics_;
    History history_;
    TimeView time_view_;
    Timeline timeline_;
    WarningBoard warning_board_;
    WarningThresholds thresholds_;
    ConnectionModel connection_model_;
    MemberModel member_model_;
    FrameMeter meter_;
    Theme theme_;
    bool desktop_is_dark_ = false;
    bool remembers_;
    int text_steps_ = 0;

    QMenuBar* menu_bar_;
    AttachLine* attach_line_;
    ModeBar* mode_bar_;
    Banner* server_banner_;
    Banner* load_banner_;
    Banner* notice_banner_; // what was refused, with the reason
    LoadBar* load_bar_;
    NumberRow* numbers_;
    SegmentButton* warnings_button_;
    SegmentButton* live_;
    ChartGrid* charts_;
    ConnectionView* connections_;
    Panel* connections_panel_;
    LoadPanel* load_panel_;
    Panel* load_panel_dock_;
    ConnectionMap* map_;
    Panel* map_panel_;
    TimelineView* timeline_view_;
    Panel* timeline_panel_;
    WarningList* warning_list_;
    Panel* warnings_panel_;
    WhatChanged* what_changed_;
    Panel* what_changed_panel_;
    AnatomyView* anatomy_ = nullptr;
    Panel* anatomy_panel_ = nullptr;
    Panel* processes_panel_ = nullptr;
    MemberView* processes_ = nullptr;
    std::vector<std::string> told_modes_; // of what is attached and lists none
    bool are_several_ = false;            // processes: their panel was shown for it
    bool anatomy_was_shown_ = false;
    std::vector<Panel*> panels_; // all of them, in the order of the View menu
    StatusLine* status_line_;
    QAction* undo_ = nullptr;
    QAction* pause_ = nullptr;

    std::unique_ptr<RunStore> run_store_; // made with the first page that needs it, all of which it outlives
    std::unique_ptr<ComparisonPage> comparison_;
    std::unique_ptr<ConversationPage> conversation_;
    std::unique_ptr<FourFieldsPage> four_fields_;
    std::unique_ptr<SweepPage> sweep_;
    std::unique_ptr<LayersPage> layers_;
    TourGuide* tour_guide_ = nullptr;

    SnapshotPtr newest_;
    std::uint64_t frame_ = 0;
    bool all_due_ = true;
    bool was_alive_ = false;
    bool was_attached_ = false;
    QStringList told_missing_; // of what is attached: what cannot be seen
    bool was_data_shown_ = false;
    std::vector<Panel*> made_room_; // hidden while one chart is alone
    bool is_one_alone_ = false;
    bool was_full_screen_ = false;
    double mode_since_ = 0;           // s of CLOCK_MONOTONIC
    double look_ms_ = 0;              // smoothed
    std::vector<ModeChange> changes_; // for undo, the newest last
    bool undoing_ = false;
    bool load_panel_is_placed_ = false;
    int moments_ = 0; // marked by the user
};

} // namespace connscope::app
