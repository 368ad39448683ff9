// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTableView>

namespace connscope::app {

class HeatModel;

// The table of a comparison, coloured: the better of a row the deeper, what is within the noise hatched. Beside another
// comparison: better and worse in the colours of good and bad.
class HeatTable : public QTableView {
    Q_OBJECT
public:
    explicit HeatTable(HeatModel& model, QWidget* parent = nullptr);

signals:
    // A cell of the table was chosen, by mouse or keys.
    void chosen(int row, int column);

protected:
    void resizeEvent(QResizeEvent* event) override;

private:
    void fit();
};

} // namespace connscope::app
