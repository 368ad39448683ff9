// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/heat_model.hpp"
#include "models/run_store.hpp"
#include "session/experiment.hpp"
#include "session/plan.hpp"

#include <QTimer>
#include <QWidget>

#include <optional>
#include <vector>

class QCheckBox;
class QComboBox;
class QLabel;
class QLineEdit;
class QProgressBar;
class QPushButton;
class QSpinBox;
class QVBoxLayout;

namespace connscope::app {

class Card;
class ElidedLine;
class HeatTable;
class MutedLabel;
class SvgPicture;

// Compare: choose modes and work, run, watch the cells fill in, look at figures and distributions, hold one run against
// another, keep and hand on what was found.
class ComparisonPage : public QWidget {
    Q_OBJECT
public:
    // `store` outlives the page.
    ComparisonPage(QString companions_folder, RunStore& store, QWidget* parent = nullptr);
    ~ComparisonPage() override;

    // The modes that can be chosen; those chosen stay chosen.
    void show_modes(const std::vector<ModeDescription>& modes);
    // Further words for connscope-compare, for what the page has no control for.
    void add_arguments(const QStringList& words) { more_arguments_ += words; }
    void start();
    void stop();
    bool is_running() const { return experiment_.is_running(); }

    const HeatModel& model() const noexcept { return model_; }
    HeatTable& table() noexcept { return *table_; }
    // Writes the shown run in the form of the file's name: .html, .pdf, .csv or .json. Empty when done, else why not.
    QString save_as(const QString& file) const;
    QString import_file(const QString& file);

signals:
    // True while it measures: other work on the machine disturbs the figures.
    void measuringChanged(bool measures);

protected:
    void changeEvent(QEvent* event) override;

private:
    QWidget* make_choices();
    QWidget* make_head();
    QWidget* make_pictures();
    Card* titled_card(const QString& title, QWidget* view, QLabel** title_label = nullptr);
    QStringList arguments() const;
    void finish(const QString& problem);
    void keep();
    void list_runs();
    void show_run(qint64 id);
    void show_beside();
    void show_result(const lab::Result& result);
    void show_pictures();
    void choose_file_to_save();
    void choose_file_to_import();
    void delete_run();
    void tell(const QString& text, bool is_bad = false);

    QString companions_folder_;
    QStringList more_arguments_;
    RunStore& store_;
    Experiment experiment_;
    HeatModel model_;
    std::optional<qint64> run_;      // shown
    std::optional<qint64> measured_; // being measured
    QTimer redraw_;                  // pictures follow the figures, not each of them at once

    QVBoxLayout* mode_boxes_ = nullptr;
    std::vector<QCheckBox*> modes_;
    QLineEdit* connections_ = nullptr;
    QSpinBox* work_ = nullptr;
    QLineEdit* against_ = nullptr;
    QComboBox* depth_ = nullptr;
    QPushButton* go_ = nullptr;
    QProgressBar* progress_ = nullptr;
    MutedLabel* state_ = nullptr;
    QComboBox* runs_ = nullptr;
    QComboBox* beside_ = nullptr;
    QPushButton* save_ = nullptr;
    QPushButton* import_ = nullptr;
    QPushButton* delete_ = nullptr;
    MutedLabel* subtitle_ = nullptr;
    HeatTable* table_ = nullptr;
    SvgPicture* bars_ = nullptr;
    SvgPicture* curves_ = nullptr;
    QLabel* bars_title_ = nullptr;
    QLabel* curves_title_ = nullptr;
    QLabel* findings_ = nullptr;
};

} // namespace connscope::app
