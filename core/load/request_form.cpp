// SPDX-License-Identifier: BSL-1.0
#include "connscope/load/request_form.hpp"

#include <fmt/format.h>

#include <charconv>
#include <string_view>

namespace connscope::load {
namespace {

// N of "/bytes?n=N", the resource that answers with N bytes.
std::optional<std::uint64_t> bytes_asked_for(std::string_view path) {
    constexpr std::string_view resource = "/bytes?n=";
    if (!path.starts_with(resource)) return std::nullopt;
    path.remove_prefix(resource.size());
    std::uint64_t bytes = 0;
    const auto [end, error] = std::from_chars(path.data(), path.data() + path.size(), bytes);
    if (error != std::errc{} || end != path.data() + path.size()) return std::nullopt;
    return bytes;
}

} // namespace

RequestForm form_of(const Population& population, Protocol protocol, const std::string& host) {
    RequestForm form;
    form.protocol = protocol;
    form.payload = population.payload;
    form.expected_length = population.payload;
    if (protocol == Protocol::echo) return form;

    if (population.payload > 0) {
        form.head = fmt::format(
            "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\n\r\n",
            population.path, host, population.payload);
        form.check = population.path == "/echo" ? Check::echoed : Check::nothing;
        return form;
    }
    form.head = fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\n\r\n", population.path, host);
    form.check = Check::nothing;
    if (const auto length = bytes_asked_for(population.path)) {
        form.check = Check::bytes;
        form.expected_length = *length;
    }
    return form;
}

} // namespace connscope::load
