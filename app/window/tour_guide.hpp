// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "window/tour.hpp"

#include <QElapsedTimer>
#include <QFrame>
#include <QTimer>

#include <optional>

class QLabel;
class QPushButton;

namespace connscope::app {

class TourPointer;

// Leads through a tour: a card over a corner of the window with what to do and what is seen, and a frame around the control
// or figure it speaks of. When a tour ends or is left, server and clients are put back to what they were.
class TourGuide : public QFrame {
    Q_OBJECT
public:
    // `session` and `history` outlive it.
    TourGuide(Session& session, const History& history, QWidget* window);

    // Begins a tour, leaving another one. While the server is down it says so and waits.
    void start(const Tour& tour);
    void leave();

    enum class Stage {
        away,      // there is no tour
        no_server, // it cannot begin or go on
        setting,   // server and clients are being made ready
        asking,    // the user's turn
        measuring, // until the numbers are there
        seen,      // told what is seen
        restoring, // puts everything back
    };
    Stage stage() const noexcept { return stage_; }
    int step() const noexcept { return step_; }
    const Tour* tour() const noexcept { return tour_; }
    QString text() const;
    QWidget* target() const;
    // How long is measured after what the user did, in s.
    void set_measuring_time(double seconds) { measuring_s_ = seconds; }

signals:
    void stageChanged();
    // What could not be put back, or not be set up.
    void failed(const QString& reason);

protected:
    void paintEvent(QPaintEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    // Server and clients as they were before the tour.
    struct Before {
        QString mode;
        ModeParameters parameters;
        QString protocol;
        QStringList populations;
    };

    const TourStep& current() const { return tour_->steps[static_cast<std::size_t>(step_)]; }
    void begin_step(int number);
    void enter(Stage stage);
    void tick();
    void tick_restoring();
    // Asks for what is not yet as wanted; true when all is.
    bool load_is_coming() const;
    bool is_set(const TourSetting& setting);
    void show_step();
    void place();
    void forward();
    void do_it();

    Session& session_;
    TourStage scene_;
    const Tour* tour_ = nullptr;
    int step_ = 0;
    Stage stage_ = Stage::away;
    std::optional<Before> before_;
    bool populations_sent_ = false;
    bool has_restarted_ = false;
    std::uint32_t server_before_ = 0; // its pid
    QString seen_;
    double measuring_s_ = 2.0;
    QElapsedTimer in_stage_;
    QTimer timer_;

    TourPointer* pointer_;
    QLabel* title_;
    QLabel* count_;
    QLabel* text_;
    QPushButton* leave_;
    QPushButton* do_it_;
    QPushButton* next_;
};

} // namespace connscope::app
