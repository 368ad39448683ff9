// SPDX-License-Identifier: BSL-1.0
#include "connscope/telemetry/guarded_mapping.hpp"

#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <mutex>
#include <utility>

namespace connscope::telemetry {
namespace {

// A signal handler can be given nothing: what it needs is process-wide. `end` is written last and cleared first (release and
// acquire), so the handler never sees half a range.
struct Guard {
    std::atomic<bool> taken{false};
    std::atomic<std::uintptr_t> begin{0};
    std::atomic<std::uintptr_t> end{0};
    std::atomic<bool> damaged{false};
};
constinit std::array<Guard, 256> guards{};
struct sigaction previous_action {};

void on_bus_error(int signal, siginfo_t* info, void* context) {
    const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
    for (Guard& guard : guards) {
        const std::uintptr_t end = guard.end.load(std::memory_order_acquire); // pairs with map()'s release store
        const std::uintptr_t begin = guard.begin.load(std::memory_order_relaxed);
        if (end == 0 || address < begin || address >= end) continue;
        const int saved_errno = errno;
        constexpr std::uintptr_t page_mask = 4095;
        const std::uintptr_t page = address & ~page_mask;
        void* zeros =
            ::mmap(reinterpret_cast<void*>(page), end - page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        errno = saved_errno;
        if (zeros == MAP_FAILED) break;
        guard.damaged.store(true, std::memory_order_relaxed); // read by the thread that faulted
        return;
    }
    if ((previous_action.sa_flags & SA_SIGINFO) != 0) {
        previous_action.sa_sigaction(signal, info, context);
    } else if (previous_action.sa_handler != SIG_DFL && previous_action.sa_handler != SIG_IGN) {
        previous_action.sa_handler(signal);
    } else {
        ::sigaction(SIGBUS, &previous_action, nullptr); // the fault comes again and takes its ordinary course
    }
}

void install_handler() {
    static std::once_flag once;
    std::call_once(once, [] {
        struct sigaction action {};
        action.sa_sigaction = on_bus_error;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK;
        sigemptyset(&action.sa_mask);
        ::sigaction(SIGBUS, &action, &previous_action);
    });
}

} // namespace

Outcome<GuardedMapping> GuardedMapping::map(int fd, std::size_t bytes) {
    install_handler();
    std::size_t number = 0;
    while (number < guards.size() && guards[number].taken.exchange(true, std::memory_order_acquire)) ++number;
    if (number == guards.size()) return system_error(EMFILE, "too many segments are being read at once");

    void* memory = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        const int error = errno;
        guards[number].taken.store(false, std::memory_order_release);
        return system_error(error, "cannot map " + std::to_string(bytes) + " bytes");
    }
    Guard& guard = guards[number];
    const auto begin = reinterpret_cast<std::uintptr_t>(memory);
    guard.damaged.store(false, std::memory_order_relaxed);
    guard.begin.store(begin, std::memory_order_relaxed);
    guard.end.store(begin + (bytes + 4095) / 4096 * 4096, std::memory_order_release); // pairs with the handler's acquire

    GuardedMapping mapping;
    mapping.memory_ = memory;
    mapping.bytes_ = bytes;
    mapping.guard_ = number;
    return mapping;
}

GuardedMapping::GuardedMapping(GuardedMapping&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr))
    , bytes_(other.bytes_)
    , guard_(other.guard_) {}

GuardedMapping& GuardedMapping::operator=(GuardedMapping&& other) noexcept {
    if (this == &other) return *this;
    unmap();
    memory_ = std::exchange(other.memory_, nullptr);
    bytes_ = other.bytes_;
    guard_ = other.guard_;
    return *this;
}

GuardedMapping::~GuardedMapping() { unmap(); }

bool GuardedMapping::damaged() const noexcept {
    return memory_ != nullptr && guards[guard_].damaged.load(std::memory_order_relaxed);
}

void GuardedMapping::unmap() noexcept {
    if (memory_ == nullptr) return;
    guards[guard_].end.store(0, std::memory_order_release); // the handler no longer minds this range
    ::munmap(memory_, bytes_);
    guards[guard_].taken.store(false, std::memory_order_release); // pairs with map()'s acquire exchange
    memory_ = nullptr;
}

} // namespace connscope::telemetry
