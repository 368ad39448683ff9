// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/gate.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <ctime>

namespace connscope::server {

void Gate::shut() noexcept { is_shut_[0].store(1); }

void Gate::open() noexcept {
    if (is_shut_[0].exchange(0) != 0) ::syscall(SYS_futex, &is_shut_[0], FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

void Gate::pass() noexcept {
    constexpr timespec longest{1, 0};
    if (is_shut_[0].load() != 0) ::syscall(SYS_futex, &is_shut_[0], FUTEX_WAIT, 1, &longest, nullptr, 0);
}

} // namespace connscope::server
