// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "session/layers_run.hpp"
#include "session/session.hpp"

#include <QWidget>

class QComboBox;
class QLabel;
class QScrollArea;

namespace connscope::app {

class MutedLabel;
class LayersView;
class RunBar;

// Layers crossed: measures how deep a request goes into the system in each mode, and shows what each layer took.
class LayersPage : public QWidget {
    Q_OBJECT
public:
    // `session` outlives the page.
    explicit LayersPage(Session& session, QWidget* parent = nullptr);
    ~LayersPage() override;

    // Further words for connscope-compare, for what the page has no control for.
    void add_arguments(const QStringList& words) { more_arguments_ += words; }
    void start();
    void stop();
    bool is_running() const { return run_.is_running(); }
    LayersView& view() noexcept { return *view_; }

private:
    QWidget* make_head();
    void show_modes();
    void show_details();
    void finish(const QString& problem);

    Session& session_;
    LayersRun run_;
    QStringList more_arguments_;

    QComboBox* connections_ = nullptr;
    QComboBox* depth_ = nullptr;
    RunBar* bar_ = nullptr;
    LayersView* view_ = nullptr;
    QScrollArea* area_ = nullptr;
    QLabel* details_ = nullptr;
    MutedLabel* method_ = nullptr;
};

} // namespace connscope::app
