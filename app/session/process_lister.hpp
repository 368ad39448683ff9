// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "connscope/observe/process_list.hpp"

#include <QObject>

#include <memory>
#include <thread>
#include <vector>

namespace connscope::app {

// A process that can be attached to, and what of it would be seen.
struct AttachChoice {
    observe::ListedProcess process;
    std::string segment; // the name under which a probe in it reports; empty: there is none
    bool is_own = false; // this user's
};
using AttachChoicesPtr = std::shared_ptr<const std::vector<AttachChoice>>;

// Lists the processes of this machine every two seconds on a thread of its own, as long as it lives.
class ProcessLister : public QObject {
    Q_OBJECT
public:
    explicit ProcessLister(QObject* parent = nullptr);
    ~ProcessLister() override;

    // Once whoever listens is connected.
    void start();

signals:
    // Own ones first, and among them those with a probe, then those that listen, then those with connections.
    void listed(connscope::app::AttachChoicesPtr choices);

private:
    void run(const std::stop_token& stop);

    std::jthread thread_; // last, so that it has ended before the rest goes
};

} // namespace connscope::app
