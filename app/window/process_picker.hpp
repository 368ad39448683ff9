// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/process_model.hpp"

#include <QDialog>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QTableView>

namespace connscope::app {

// Chooses what to attach to: a list of processes that is searched by words, and what would be seen of each.
class ProcessPicker : public QDialog {
    Q_OBJECT
public:
    explicit ProcessPicker(QWidget* parent);

    QLineEdit& input() noexcept { return *input_; }
    QTableView& table() noexcept { return *table_; }
    const ProcessModel& processes() const noexcept { return model_; }
    QPushButton& attach_button() noexcept { return *attach_; }
    QPushButton& name_button() noexcept { return *by_name_; }

signals:
    // Pids, or a name.
    void chosen(const QStringList& wanted);

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void show_selection();
    void choose(const QStringList& wanted);
    std::vector<int> selected_rows() const;
    void fit_columns();

    ProcessModel model_;
    QLineEdit* input_;
    QTableView* table_;
    QLabel* about_;
    QPushButton* attach_;
    QPushButton* by_name_;
};

} // namespace connscope::app
