// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/four_fields.hpp"
#include "session/session.hpp"

#include <QTimer>
#include <QWidget>

#include <optional>

class QComboBox;

namespace connscope::app {

class ElidedLine;
class FourFieldsView;
class History;
class RunStore;

// The two questions, “may one be interrupted?” and “who switches?”, with all modes in their places and what each costs, from
// a comparison that is kept or as measured live.
class FourFieldsPage : public QWidget {
    Q_OBJECT
public:
    // All outlive the page.
    FourFieldsPage(Session& session, const History& history, const RunStore& store, QWidget* parent = nullptr);
    ~FourFieldsPage() override;

    const FourFieldsView& view() const noexcept { return *view_; }
    // Looks for new comparisons and draws the figures anew.
    void refresh();

protected:
    void showEvent(QShowEvent* event) override;

private:
    void list_sources();

    Session& session_;
    const History& history_;
    const RunStore& store_;
    std::optional<lab::Result> result_;
    qint64 result_id_ = -1;
    QTimer refresh_timer_;
    QComboBox* source_ = nullptr; // each item's data is a comparison's id, 0: live
    ElidedLine* about_ = nullptr;
    FourFieldsView* view_ = nullptr;
};

} // namespace connscope::app
