// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "session/plan.hpp"

#include <QWidget>

#include <vector>

class QComboBox;
class QSpinBox;

namespace connscope::app {

// What the current mode is made with: the number of threads, the size of a stack, the length of a slice. Shows only what the
// mode has; a change moves all connections to the mode made anew.
class ModeParametersRow : public QWidget {
    Q_OBJECT
public:
    explicit ModeParametersRow(QWidget* parent = nullptr);

    // Shows the controls that mean something to `mode`; hides the row when there is none.
    void show_mode(const ModeDescription& mode);
    // What the server told; emits nothing.
    void show_parameters(const ModeParameters& parameters);
    const ModeParameters& parameters() const noexcept { return shown_; }

    QSpinBox& threads() noexcept { return *threads_; }
    QComboBox& stack_size() noexcept { return *stack_size_; }
    QComboBox& slice() noexcept { return *slice_; }

signals:
    void parametersWanted(const connscope::app::ModeParameters& parameters);

private:
    QWidget* add(const QString& caption, QWidget* control, const QString& name, const QString& tip);
    void want();

    ModeParameters shown_;
    QSpinBox* threads_;
    QComboBox* stack_size_; // each item's data is its KiB
    QComboBox* slice_;      // each item's data is its µs
    QWidget* threads_group_;
    QWidget* stack_group_;
    QWidget* slice_group_;
};

// The parameters that matter to a mode in words, such as "8 threads"; empty when none does.
QString parameters_text(const ModeDescription& mode, const ModeParameters& parameters);

} // namespace connscope::app
