// SPDX-License-Identifier: BSL-1.0
#include "connscope/observe/perf_buffer.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

namespace connscope::observe {
namespace {

std::size_t page_bytes() {
    static const auto bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return bytes;
}

} // namespace

PerfBuffer::PerfBuffer(telemetry::UniqueFd event, std::size_t bytes)
    : event_(std::move(event))
    , bytes_(bytes) {
    void* const at = ::mmap(nullptr, page_bytes() + bytes, PROT_READ | PROT_WRITE, MAP_SHARED, event_.get(), 0);
    if (at == MAP_FAILED) return;
    page_ = static_cast<perf_event_mmap_page*>(at);
    ring_ = static_cast<const std::byte*>(at) + page_bytes();
}

PerfBuffer::PerfBuffer(PerfBuffer&& other) noexcept
    : event_(std::move(other.event_))
    , page_(std::exchange(other.page_, nullptr))
    , ring_(other.ring_)
    , bytes_(other.bytes_)
    , tail_(other.tail_)
    , wrapped_(std::move(other.wrapped_)) {}

PerfBuffer::~PerfBuffer() {
    if (page_ != nullptr) ::munmap(page_, page_bytes() + bytes_);
}

std::uint64_t PerfBuffer::begin() noexcept {
    tail_ = page_->data_tail; // written by this side alone
    // acquire: pairs with the kernel's release of data_head, so the records before it are there
    const __u64 head = std::atomic_ref<__u64>(page_->data_head).load(std::memory_order_acquire);
    return head;
}

// The record at the tail, in one piece, and its length; nullptr when the rest makes no sense.
const std::byte* PerfBuffer::next(std::uint64_t head, std::size_t& bytes) {
    const std::size_t at = tail_ & (bytes_ - 1);
    perf_event_header header;
    static_assert(sizeof header == 8); // records are 8-byte aligned: a header never lies across the end
    std::memcpy(&header, ring_ + at, sizeof header);
    bytes = header.size;
    if (bytes < sizeof header || bytes > head - tail_) return nullptr;
    tail_ += bytes;
    if (at + bytes <= bytes_) return ring_ + at;
    const std::size_t first = bytes_ - at;
    wrapped_.resize(bytes);
    std::memcpy(wrapped_.data(), ring_ + at, first);
    std::memcpy(wrapped_.data() + first, ring_, bytes - first);
    return wrapped_.data();
}

void PerfBuffer::finish(std::uint64_t head) noexcept {
    tail_ = head;
    // release: pairs with the kernel's acquire of data_tail, which overwrites what was read only after that
    std::atomic_ref<__u64>(page_->data_tail).store(head, std::memory_order_release);
}

} // namespace connscope::observe
