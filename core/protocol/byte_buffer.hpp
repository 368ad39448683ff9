// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace connscope::protocol {

// Bytes that come in at the back and go out at the front, in one piece of memory of at most 4 GiB. Holds no memory until
// something is put in, and gives it back when told to: a session has two of these, and there may be a million sessions.
class ByteBuffer {
public:
    std::string_view contents() const noexcept { return {bytes_.get() + begin_, end_ - begin_}; }
    bool empty() const noexcept { return begin_ == end_; }
    std::size_t size() const noexcept { return end_ - begin_; }
    std::size_t capacity() const noexcept { return capacity_; }

    // The free memory behind the contents, for someone to write into and then say how much by filled().
    std::span<std::byte> room() noexcept { return std::as_writable_bytes(std::span(bytes_.get() + end_, capacity_ - end_)); }
    void filled(std::size_t bytes) noexcept {
        end_ += static_cast<std::uint32_t>(std::min<std::size_t>(bytes, capacity_ - end_));
    }

    void append(std::string_view bytes) {
        if (bytes.empty()) return;
        if (capacity_ - end_ < bytes.size()) make_room(bytes.size());
        std::memcpy(bytes_.get() + end_, bytes.data(), bytes.size());
        end_ += static_cast<std::uint32_t>(bytes.size());
    }

    void consume(std::size_t bytes) noexcept {
        begin_ += static_cast<std::uint32_t>(std::min(bytes, size()));
        if (begin_ == end_) begin_ = end_ = 0;
    }

    void clear() noexcept { begin_ = end_ = 0; }

    // Moves the contents to the front, so that all free memory is in room().
    void compact() noexcept {
        if (begin_ == 0) return;
        std::memmove(bytes_.get(), bytes_.get() + begin_, size());
        end_ -= begin_;
        begin_ = 0;
    }

    // Forgets the contents and gives their memory back.
    void give_back() noexcept {
        bytes_.reset();
        capacity_ = begin_ = end_ = 0;
    }

    // Moves the contents into memory of exactly `capacity` bytes, which must be enough for them.
    void set_capacity(std::size_t capacity) {
        assert(capacity > 0 && capacity >= size());
        auto bytes = std::make_unique_for_overwrite<char[]>(capacity);
        if (!empty()) std::memcpy(bytes.get(), bytes_.get() + begin_, size());
        end_ -= begin_;
        begin_ = 0;
        bytes_ = std::move(bytes);
        capacity_ = static_cast<std::uint32_t>(capacity);
    }

private:
    void make_room(std::size_t bytes) {
        const std::size_t wanted = size() + bytes;
        if (wanted <= capacity_) return compact();
        set_capacity(std::max({wanted, std::size_t{capacity_} * 2, std::size_t{256}}));
    }

    std::unique_ptr<char[]> bytes_;
    std::uint32_t capacity_ = 0;
    std::uint32_t begin_ = 0;
    std::uint32_t end_ = 0;
};

} // namespace connscope::protocol
