// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "connscope/control/client.hpp"

#include <QObject>
#include <QString>

#include <chrono>
#include <optional>

namespace connscope::app {

// Calls the control methods of one process. Blocks while the process thinks, so it lives on a thread of its own.
class Remote : public QObject {
    Q_OBJECT
public:
    // Calls `method` at the socket `path`, connecting first when there is no connection to it.
    telemetry::Outcome<boost::json::value> call(const QString& path, const std::string& method,
                                                boost::json::object parameters, std::chrono::milliseconds time_out);

private:
    QString path_;
    std::optional<control::Client> client_;
};

} // namespace connscope::app
