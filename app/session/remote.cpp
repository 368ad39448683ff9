// SPDX-License-Identifier: GPL-3.0-or-later
#include "session/remote.hpp"

namespace connscope::app {

telemetry::Outcome<boost::json::value> Remote::call(const QString& path, const std::string& method,
                                                    boost::json::object parameters, std::chrono::milliseconds time_out) {
    if (path != path_) client_.reset();
    if (!client_) {
        auto client = control::Client::connect(path.toStdString());
        if (!client) return std::move(client).error();
        client_ = std::move(*client);
        path_ = path;
    }
    auto result = client_->call(method, std::move(parameters), time_out);
    // A connection that ended or timed out is of no further use; whether it did is not said apart from a refusal, and a new
    // connection costs little.
    if (!result) client_.reset();
    return result;
}

} // namespace connscope::app
