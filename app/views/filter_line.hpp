// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/connection_filter.hpp"

#include <QLineEdit>

class QCompleter;
class QStringListModel;

namespace connscope::app {

// A line to type a filter of connections into, which completes words and underlines what it does not understand.
class FilterLine : public QLineEdit {
    Q_OBJECT
public:
    explicit FilterLine(QWidget* parent = nullptr);

    const std::optional<FilterError>& error() const noexcept { return error_; }

signals:
    // The text is a filter: connections are to be shown by it.
    void filterChanged(const connscope::app::ConnectionModel::Filter& filter);

protected:
    void paintEvent(QPaintEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

private:
    void read();
    void offer_completions();
    void complete(const QString& word);

    QCompleter* completer_;
    QStringListModel* words_;
    std::optional<FilterError> error_;
};

} // namespace connscope::app
