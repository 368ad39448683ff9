// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/outcome.hpp"
#include "connscope/telemetry/unique_fd.hpp"

#include <array>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

// How processes of one program give each other descriptors and bytes.
namespace connscope::server {

// The two ends of a connection of packets: each arrives whole, and the end of one is read as 0 bytes by the other.
telemetry::Outcome<std::array<telemetry::UniqueFd, 2>> make_packet_pair();

inline constexpr std::size_t most_descriptors = 2;
using Descriptors = std::array<telemetry::UniqueFd, most_descriptors>;

// Sends a packet with copies of up to two descriptors (SCM_RIGHTS of unix(7)). False with errno when it was not sent;
// `flags` are sendmsg(2)'s.
bool send_packet(int socket, std::span<const std::byte> bytes, std::initializer_list<int> descriptors, int flags = 0);
// Receives one of exactly the size of `into`, and its descriptors. False at the end, or with a packet of another size.
bool receive_packet(int socket, std::span<std::byte> into, Descriptors& descriptors);

// A file in memory that holds these bytes; and the bytes of one.
telemetry::Outcome<telemetry::UniqueFd> to_memory_file(std::string_view bytes);
telemetry::Outcome<std::string> from_memory_file(int file);

// Of plain values.
template <class T>
std::span<const std::byte> bytes_of(const T& value) {
    return std::as_bytes(std::span(&value, 1));
}
template <class T>
std::span<std::byte> bytes_of(T& value) {
    return std::as_writable_bytes(std::span(&value, 1));
}

} // namespace connscope::server
