// SPDX-License-Identifier: BSL-1.0
#include "connscope/lab/crossings.hpp"

#include "connscope/observe/proc_file.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace connscope::lab {
namespace {

// Calls whose first argument is a descriptor, and which way their bytes go.
enum class Way { in, out, neither };
struct DescriptorCall {
    std::int64_t number;
    Way way;
};
constexpr std::array descriptor_calls{
    DescriptorCall{SYS_read, Way::in},
    DescriptorCall{SYS_readv, Way::in},
    DescriptorCall{SYS_recvfrom, Way::in},
    DescriptorCall{SYS_recvmsg, Way::in},
    DescriptorCall{SYS_write, Way::out},
    DescriptorCall{SYS_writev, Way::out},
    DescriptorCall{SYS_sendto, Way::out},
    DescriptorCall{SYS_sendmsg, Way::out},
    DescriptorCall{SYS_accept4, Way::neither},
    DescriptorCall{SYS_shutdown, Way::neither},
    DescriptorCall{SYS_setsockopt, Way::neither},
    DescriptorCall{SYS_getsockopt, Way::neither},
    DescriptorCall{SYS_ioctl, Way::neither},
    DescriptorCall{SYS_close, Way::neither},
};

const DescriptorCall* find(std::int64_t number) {
    const auto* found = std::find_if(descriptor_calls.begin(), descriptor_calls.end(),
                                     [number](const DescriptorCall& call) { return call.number == number; });
    return found == descriptor_calls.end() ? nullptr : found;
}

} // namespace

std::uint64_t Crossings::calls() const noexcept {
    std::uint64_t sum = 0;
    for (const auto* calls : {&socket_calls, &other_calls})
        for (const auto& [number, call] : *calls) sum += call.count;
    return sum;
}

CrossingCounter::CrossingCounter(const std::vector<std::uint32_t>& processes)
    : processes_(processes.begin(), processes.end()) {
    // A switch is told by thread alone.
    for (const std::uint32_t process : processes) {
        const auto folder = observe::open_in(AT_FDCWD, fmt::format("/proc/{}/task", process).c_str(), O_DIRECTORY);
        std::vector<std::uint32_t> threads;
        if (folder && observe::list_numbers(folder.get(), threads))
            for (const std::uint32_t thread : threads) threads_[thread];
    }
}

void CrossingCounter::take(const std::vector<TraceRecord>& records) {
    for (const TraceRecord& record : records) {
        switch (record.kind) {
        case TraceRecord::Kind::called:
            if (processes_.contains(record.process)) take_call(record);
            break;
        case TraceRecord::Kind::answered:
            if (processes_.contains(record.process)) take_answer(record);
            break;
        case TraceRecord::Kind::left:
        case TraceRecord::Kind::came:
            if (threads_.contains(record.thread)) take_switch(record);
            break;
        }
    }
}

bool CrossingCounter::is_socket(std::uint32_t process, std::int64_t number, std::int64_t argument) {
    if (find(number) == nullptr) return false;
    const auto [known, is_new] = sockets_.try_emplace({process, argument});
    if (is_new) {
        char target[16] = {};
        const ssize_t length =
            ::readlink(fmt::format("/proc/{}/fd/{}", process, argument).c_str(), target, sizeof target - 1);
        known->second = length > 0 && std::string_view(target, static_cast<std::size_t>(length)).starts_with("socket:");
    }
    return known->second;
}

// What a thread did from its mark until `time`, when it was on the CPU.
void CrossingCounter::run_until(Thread& thread, std::uint64_t time) {
    if (thread.on_cpu) (thread.in_call ? thread.call_ns : crossings_.user_ns) += time - thread.mark;
    thread.mark = time;
}

void CrossingCounter::take_call(const TraceRecord& record) {
    Thread& thread = threads_[record.thread];
    run_until(thread, record.time);
    thread.on_cpu = thread.in_call = true;
    thread.is_socket = is_socket(record.process, record.number, record.value);
    thread.call_ns = 0;
    ++(thread.is_socket ? crossings_.socket_calls : crossings_.other_calls)[record.number].count;
}

void CrossingCounter::take_answer(const TraceRecord& record) {
    Thread& thread = threads_[record.thread];
    run_until(thread, record.time);
    thread.on_cpu = true;
    if (!std::exchange(thread.in_call, false)) return; // it was in it when the trace began
    Crossings::Call& call = (thread.is_socket ? crossings_.socket_calls : crossings_.other_calls)[record.number];
    ++call.timed;
    call.ns += thread.call_ns;
    const DescriptorCall* const kind = thread.is_socket ? find(record.number) : nullptr;
    if (kind == nullptr || record.value <= 0) return;
    const auto bytes = static_cast<std::uint64_t>(record.value);
    if (kind->way == Way::in) {
        ++crossings_.copied_in;
        crossings_.bytes_in += bytes;
    } else if (kind->way == Way::out) {
        ++crossings_.copied_out;
        crossings_.bytes_out += bytes;
    }
}

void CrossingCounter::take_switch(const TraceRecord& record) {
    Thread& thread = threads_[record.thread];
    run_until(thread, record.time);
    thread.on_cpu = record.kind == TraceRecord::Kind::came;
    if (thread.on_cpu) return;
    ++(record.preempted ? crossings_.preempted : crossings_.blocked);
}

} // namespace connscope::lab
