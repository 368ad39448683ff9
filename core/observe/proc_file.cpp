// SPDX-License-Identifier: BSL-1.0
#include "connscope/observe/proc_file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>

namespace connscope::observe {

telemetry::UniqueFd open_in(int folder, const char* name, int flags) {
    return telemetry::UniqueFd(::openat(folder, name, O_RDONLY | O_CLOEXEC | flags));
}

std::string_view read_again(int fd, std::span<char> buffer) {
    ssize_t got = 0;
    do {
        got = ::pread(fd, buffer.data(), buffer.size(), 0);
    } while (got < 0 && errno == EINTR);
    if (got <= 0) return {};
    return {buffer.data(), static_cast<std::size_t>(got)};
}

std::optional<std::string> read_whole(int folder, const char* name) {
    const telemetry::UniqueFd fd = open_in(folder, name);
    if (!fd) return std::nullopt;
    std::string text;
    std::array<char, 16'384> part;
    for (;;) {
        const ssize_t got = ::read(fd.get(), part.data(), part.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return std::nullopt;
        if (got == 0) return text;
        text.append(part.data(), static_cast<std::size_t>(got));
    }
}

std::optional<std::uint64_t> take_number(std::string_view& text) {
    const std::size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return std::nullopt;
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data() + begin, text.data() + text.size(), value);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
}

std::optional<std::string_view> value_of(std::string_view text, std::string_view key) {
    for (std::size_t at = text.find(key); at != std::string_view::npos; at = text.find(key, at + 1)) {
        if (at != 0 && text[at - 1] != '\n') continue;
        std::string_view line = text.substr(at + key.size());
        line = line.substr(0, line.find('\n'));
        const std::size_t begin = line.find_first_not_of(" \t");
        if (begin == std::string_view::npos) return std::string_view{};
        return line.substr(begin, line.find_last_not_of(" \t") - begin + 1);
    }
    return std::nullopt;
}

std::optional<std::uint64_t> number_of(std::string_view text, std::string_view key) {
    auto value = value_of(text, key);
    if (!value) return std::nullopt;
    return take_number(*value);
}

std::optional<std::uint64_t> bytes_of(std::string_view text, std::string_view key) {
    const auto kib = number_of(text, key);
    if (!kib) return std::nullopt;
    return *kib * 1024;
}

std::string_view stat_field(std::string_view stat, unsigned number) {
    const std::size_t name_end = stat.rfind(')');
    if (name_end == std::string_view::npos || number < 3) return {};
    std::size_t at = name_end + 1;
    for (unsigned field = 3; at < stat.size(); ++field) {
        at = stat.find_first_not_of(" \n", at);
        if (at == std::string_view::npos) return {};
        const std::size_t end = std::min(stat.find_first_of(" \n", at), stat.size());
        if (field == number) return stat.substr(at, end - at);
        at = end;
    }
    return {};
}

bool list_more_numbers(int folder, std::vector<std::uint32_t>& into) {
    into.clear();
    alignas(dirent64) std::array<char, 8192> buffer;
    do {
        long got = 0;
        do {
            got = ::syscall(SYS_getdents64, folder, buffer.data(), buffer.size());
        } while (got < 0 && errno == EINTR);
        if (got < 0) return false;
        if (got == 0) return true;
        for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
            const auto* entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
            at += entry->d_reclen;
            std::uint32_t number = 0;
            const char* end = entry->d_name + std::strlen(entry->d_name);
            if (std::from_chars(entry->d_name, end, number).ptr == end) into.push_back(number);
        }
    } while (into.empty());
    return true;
}

bool list_numbers(int folder, std::vector<std::uint32_t>& into) {
    into.clear();
    if (::lseek(folder, 0, SEEK_SET) < 0) return false;
    std::vector<std::uint32_t> some;
    do {
        if (!list_more_numbers(folder, some)) return false;
        into.insert(into.end(), some.begin(), some.end());
    } while (!some.empty());
    return true;
}

std::uint64_t socket_inode(int folder, std::uint32_t descriptor) {
    std::array<char, 16> name{};
    std::to_chars(name.data(), name.data() + name.size() - 1, descriptor);
    std::array<char, 64> target;
    const ssize_t length = ::readlinkat(folder, name.data(), target.data(), target.size());
    if (length <= 0) return 0;
    std::string_view text(target.data(), static_cast<std::size_t>(length));
    constexpr std::string_view prefix = "socket:["; // "socket:[12345]"
    if (!text.starts_with(prefix)) return 0;
    text.remove_prefix(prefix.size());
    return take_number(text).value_or(0);
}

std::chrono::nanoseconds thread_cpu() noexcept {
    timespec cpu{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
    return std::chrono::seconds(cpu.tv_sec) + std::chrono::nanoseconds(cpu.tv_nsec);
}

} // namespace connscope::observe
