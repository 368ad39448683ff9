// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "session/anatomist.hpp"

#include <QString>
#include <QStringList>

#include <vector>

namespace connscope::app {

// One line of an anatomy: what it is now, and what it was before the last hand-off.
struct AnatomyLine {
    QString label;
    QString source;
    QStringList now;
    QString now_missing; // instead of `now`: why there is nothing
    QStringList before;
    QString before_missing;
};

// The anatomy of the selected connection, and the one it had before it was moved last. Begins anew with another connection.
class AnatomyModel {
public:
    void show(const AnatomyPtr& reading);
    void clear();

    const std::vector<AnatomyLine>& control() const noexcept { return control_; }
    const std::vector<AnatomyLine>& state() const noexcept { return state_; }
    // What one more open connection takes, by parts, their sum, and what the memory grew by; empty: not known (yet).
    const std::vector<AnatomyLine>& cost() const noexcept { return cost_; }
    const AnatomyReading* now() const noexcept { return now_.get(); }
    const AnatomyReading* before() const noexcept {
        return before_.get();
    }                                                            // nullptr: it was not moved since it was selected
    const QString& problem() const noexcept { return problem_; } // what the last reading met; empty: nothing

private:
    AnatomyPtr now_;
    AnatomyPtr before_;
    QString problem_;
    std::vector<AnatomyLine> control_;
    std::vector<AnatomyLine> state_;
    std::vector<AnatomyLine> cost_;
};

} // namespace connscope::app
