// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/anatomy.hpp"
#include "models/connection_model.hpp"
#include "session/plan.hpp"

#include <QWidget>

#include <optional>
#include <vector>

class QScrollArea;
class QPushButton;

namespace connscope::app {

class AnatomyTable;

// What the selected connection is made of, and the button that moves it alone.
class AnatomyView : public QWidget {
    Q_OBJECT
public:
    explicit AnatomyView(QWidget* parent = nullptr);

    const AnatomyModel& model() const noexcept { return model_; }
    // Stands in the panel's head.
    QPushButton* mover() const noexcept { return mover_; }
    AnatomyTable& table() noexcept { return *table_; }

    void show_modes(const std::vector<ModeDescription>& modes);
    void select(const std::optional<ConnectionKey>& key);
    void show_anatomy(const AnatomyPtr& reading);

signals:
    void summaryChanged(const QString& summary);
    // Which connection of which process (Snapshot::processes) shall be read; 0: none, or nobody could see it.
    void lookWanted(quint32 process, quint64 id);
    void moveWanted(connscope::app::ConnectionKey key, const QString& mode);

protected:
    void showEvent(QShowEvent* event) override;
    void hideEvent(QHideEvent* event) override;

private:
    QString name_of(const QString& mode) const;
    void fill();
    void want_look();

    AnatomyModel model_;
    std::vector<ModeDescription> modes_;
    std::optional<ConnectionKey> key_;
    QPushButton* mover_;
    QScrollArea* scroll_;
    AnatomyTable* table_;
};

} // namespace connscope::app
