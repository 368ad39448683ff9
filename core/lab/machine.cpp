// SPDX-License-Identifier: BSL-1.0
#include "connscope/lab/machine.hpp"

#include "connscope/lab/figure.hpp"

#include <boost/json.hpp>
#include <boost/version.hpp>
#include <fmt/format.h>

#include <gnu/libc-version.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>
#include <optional>

namespace connscope::lab {
namespace {

std::optional<std::string> first_line(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    if (!std::getline(file, line) || line.empty()) return std::nullopt;
    return line;
}

// The value of the first line "KEY<blank>:<blank>VALUE".
std::optional<std::string> value_of(const std::string& path, const std::string& key) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with(key)) continue;
        const std::size_t begin = line.find_first_not_of(" \t", line.find_first_of(":=") + 1);
        if (begin == std::string::npos) return std::nullopt;
        std::string value = line.substr(begin);
        if (value.size() > 1 && value.front() == '"') value = value.substr(1, value.size() - 2);
        return value;
    }
    return std::nullopt;
}

std::string caches() {
    std::string text;
    for (int index = 0; index < 8; ++index) {
        const std::string folder = fmt::format("/sys/devices/system/cpu/cpu0/cache/index{}/", index);
        const auto level = first_line(folder + "level");
        const auto type = first_line(folder + "type");
        const auto size = first_line(folder + "size");
        if (!level || !type || !size) break;
        if (*type == "Instruction") continue;
        text += fmt::format("{}L{} {}", text.empty() ? "" : ", ", *level, *size);
    }
    return text;
}

} // namespace

Description describe_machine() {
    Description description;
    const auto add = [&](const char* name, const std::optional<std::string>& text) {
        if (text && !text->empty()) description.emplace_back(name, *text);
    };
    add("processor", value_of("/proc/cpuinfo", "model name"));
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    ::sched_getaffinity(0, sizeof allowed, &allowed);
    add("CPUs", fmt::format("{} of {}", CPU_COUNT(&allowed), ::sysconf(_SC_NPROCESSORS_ONLN)));
    add("caches", caches());
    add("memory",
        text_of(static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE)), Unit::bytes));
    utsname name{};
    if (::uname(&name) == 0) add("kernel", fmt::format("{} {} {}", name.sysname, name.release, name.machine));
    add("system", value_of("/etc/os-release", "PRETTY_NAME"));
    const auto flags = value_of("/proc/cpuinfo", "flags");
    if (flags) add("virtual", flags->find(" hypervisor") != std::string::npos ? "yes, under a hypervisor" : "no");
    add("frequency governor", first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"));
    add("clock", first_line("/sys/devices/system/clocksource/clocksource0/current_clocksource"));
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0) add("open files", count_text(files.rlim_max));
    add("rights", ::geteuid() == 0 ? "root" : "a user's");
    return description;
}

Description describe_versions() {
    Description description;
    description.emplace_back("connscope", CONNSCOPE_VERSION);
#if defined(__clang__)
    description.emplace_back("compiler", "clang " __clang_version__);
#else
    description.emplace_back("compiler", "gcc " __VERSION__);
#endif
#ifdef NDEBUG
    description.emplace_back("build", "optimised");
#else
    description.emplace_back("build", "with assertions: figures of an optimised build are better");
#endif
    description.emplace_back("libc", ::gnu_get_libc_version());
    description.emplace_back(
        "Boost", fmt::format("{}.{}.{}", BOOST_VERSION / 100'000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100));
    return description;
}

boost::json::object to_json(const Description& description) {
    boost::json::object object;
    for (const auto& [name, text] : description) object[name] = text;
    return object;
}

Description description_of_json(const boost::json::value& value) {
    Description description;
    if (const auto* object = value.if_object())
        for (const auto& [name, text] : *object)
            if (const auto* said = text.if_string()) description.emplace_back(std::string(name), std::string(*said));
    return description;
}

} // namespace connscope::lab
