// SPDX-License-Identifier: BSL-1.0
#include "connscope/observe/limits.hpp"

#include "connscope/observe/proc_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace connscope::observe {
namespace {

std::optional<std::uint64_t> number_in_file(const std::string& path) {
    const auto text = read_whole(AT_FDCWD, path.c_str());
    if (!text) return std::nullopt;
    std::string_view rest = *text;
    return take_number(rest); // "max" is no number: no limit
}

std::optional<std::uint64_t> smaller(std::optional<std::uint64_t> one, std::optional<std::uint64_t> other) {
    if (!one) return other;
    if (!other) return one;
    return std::min(*one, *other);
}

// Where the hierarchy that counts threads is mounted, and whether it is of version 2 (cgroups(7), proc_pid_mountinfo(5)).
struct CgroupMount {
    std::string point;
    bool unified = false;
};

std::optional<CgroupMount> find_pids_mount() {
    const auto mounts = read_whole(AT_FDCWD, "/proc/self/mountinfo");
    if (!mounts) return std::nullopt;
    std::optional<CgroupMount> found;
    std::string_view rest = *mounts;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        const std::string_view line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        const std::size_t dash = line.find(" - ");
        if (dash == std::string_view::npos) continue;
        const std::string_view after = line.substr(dash + 3);
        const bool unified = after.starts_with("cgroup2 ");
        const std::string options = fmt::format(",{},", after.substr(after.rfind(' ') + 1));
        if (!unified && !(after.starts_with("cgroup ") && options.find(",pids,") != std::string::npos)) continue;
        std::size_t at = 0;
        for (int field = 0; field < 4 && at != std::string_view::npos; ++field) at = line.find(' ', at) + 1;
        found = CgroupMount{std::string(line.substr(at, line.find(' ', at) - at)), unified};
        if (!unified) return found; // where both exist, the controller of version 1 is the one that counts
    }
    return found;
}

std::optional<std::uint64_t> read_cgroup_threads(std::uint32_t pid) {
    const auto memberships = read_whole(AT_FDCWD, fmt::format("/proc/{}/cgroup", pid).c_str());
    const auto mount = find_pids_mount();
    if (!memberships || !mount) return std::nullopt;
    std::string path;
    std::string_view rest = *memberships;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        const std::string_view line = rest.substr(0, end); // "8:pids:/a/b" or "0::/a/b"
        rest.remove_prefix(std::min(end + 1, rest.size()));
        const std::size_t first = line.find(':');
        const std::size_t second = line.find(':', first + 1);
        if (first == std::string_view::npos || second == std::string_view::npos) continue;
        const std::string controllers = fmt::format(",{},", line.substr(first + 1, second - first - 1));
        if (mount->unified ? line.starts_with("0::") : controllers.find(",pids,") != std::string::npos)
            path = line.substr(second + 1);
    }
    if (path.empty() || path.find("..") != std::string::npos) return std::nullopt; // outside of what is mounted here
    std::optional<std::uint64_t> smallest;
    while (path.size() > 1) { // the root itself has no limit
        smallest = smaller(smallest, number_in_file(mount->point + path + "/pids.max"));
        path.resize(path.rfind('/'));
    }
    return smallest;
}

} // namespace

std::optional<std::uint64_t> Limits::threads() const {
    return smaller(smaller(user_threads, cgroup_threads), system_threads);
}

std::optional<std::uint64_t> soft_limit(std::string_view limits, std::string_view name) {
    auto value = value_of(limits, name);
    if (!value) return std::nullopt;
    return take_number(*value);
}

telemetry::Outcome<Limits> read_limits(std::uint32_t pid) {
    const auto text = read_whole(AT_FDCWD, fmt::format("/proc/{}/limits", pid).c_str());
    if (!text || text->empty())
        return telemetry::Error{std::make_error_code(std::errc::no_such_process),
                                fmt::format("there is no process {} whose limits could be read", pid)};
    Limits limits;
    limits.open_files = soft_limit(*text, "Max open files");
    limits.user_threads = soft_limit(*text, "Max processes");
    limits.locked_memory_bytes = soft_limit(*text, "Max locked memory");
    limits.cgroup_threads = read_cgroup_threads(pid);
    limits.system_threads = number_in_file("/proc/sys/kernel/threads-max");
    limits.memory_mappings = number_in_file("/proc/sys/vm/max_map_count");
    return limits;
}

} // namespace connscope::observe
