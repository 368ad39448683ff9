// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace connscope::load {

// The bytes that one connection sends and expects back: pseudo-random, yet every byte follows from (seed, position), so that
// a returned byte is checked without having been kept. Eight bytes at a time from a counter: SplitMix64 (Steele, Lea, Flood,
// "Fast splittable pseudorandom number generators", OOPSLA 2014).
class Content {
public:
    explicit constexpr Content(std::uint64_t seed = 0) noexcept
        : seed_(seed) {}

    // Writes the bytes at [position, position + into.size()).
    void write(std::uint64_t position, std::span<std::byte> into) const noexcept {
        std::byte* at = into.data();
        std::size_t left = into.size();
        if (const std::size_t skipped = position % 8; skipped != 0 && left != 0) {
            const std::uint64_t bytes = word(position / 8);
            const std::size_t part = left < 8 - skipped ? left : 8 - skipped;
            std::memcpy(at, reinterpret_cast<const std::byte*>(&bytes) + skipped, part);
            at += part;
            left -= part;
            position += part;
        }
        for (std::uint64_t number = position / 8; left != 0; ++number) {
            const std::uint64_t bytes = word(number);
            const std::size_t part = left < 8 ? left : 8;
            std::memcpy(at, &bytes, part);
            at += part;
            left -= part;
        }
    }

    // Whether `bytes` are those at [position, position + bytes.size()).
    bool matches(std::uint64_t position, std::span<const std::byte> bytes) const noexcept {
        const std::byte* at = bytes.data();
        std::size_t left = bytes.size();
        if (const std::size_t skipped = position % 8; skipped != 0 && left != 0) {
            const std::uint64_t expected = word(position / 8);
            const std::size_t part = left < 8 - skipped ? left : 8 - skipped;
            if (std::memcmp(at, reinterpret_cast<const std::byte*>(&expected) + skipped, part) != 0) return false;
            at += part;
            left -= part;
            position += part;
        }
        std::uint64_t number = position / 8;
        std::uint64_t difference = 0;
        for (; left >= 8; left -= 8, at += 8) {
            std::uint64_t found = 0;
            std::memcpy(&found, at, 8);
            difference |= found ^ word(number++);
        }
        if (difference != 0) return false;
        if (left == 0) return true;
        const std::uint64_t expected = word(number);
        return std::memcmp(at, &expected, left) == 0;
    }

    // A well-mixed number from a counter: also where other pseudo-random choices come from.
    static constexpr std::uint64_t mix(std::uint64_t value) noexcept {
        value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
        value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
        return value ^ (value >> 31);
    }

private:
    constexpr std::uint64_t word(std::uint64_t number) const noexcept {
        return mix(seed_ + (number + 1) * 0x9e3779b97f4a7c15u);
    }

    std::uint64_t seed_;
};

} // namespace connscope::load
