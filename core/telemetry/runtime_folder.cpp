// SPDX-License-Identifier: BSL-1.0
#include "connscope/telemetry/runtime_folder.hpp"

#include "connscope/telemetry/unique_fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <string>

namespace connscope::telemetry {
namespace {

bool is_own_folder(const std::filesystem::path& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == ::geteuid();
}

} // namespace

Outcome<std::filesystem::path> runtime_folder() {
    std::filesystem::path folder;
    if (const char* given = std::getenv("XDG_RUNTIME_DIR"); given != nullptr && given[0] == '/' && is_own_folder(given))
        folder = std::filesystem::path(given) / "connscope";
    else
        folder = "/dev/shm/connscope-" + std::to_string(::geteuid());

    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
        return system_error(errno, "cannot make the folder " + folder.string() + " for segments");
    struct stat status {};
    if (::lstat(folder.c_str(), &status) != 0) return system_error(errno, "cannot look at the folder " + folder.string());
    if (!S_ISDIR(status.st_mode) || status.st_uid != ::geteuid() || (status.st_mode & 077) != 0)
        return Error{std::make_error_code(std::errc::permission_denied),
                     folder.string() + " is not a folder of this user alone (it must be owned by uid " +
                         std::to_string(::geteuid()) + " and have mode 0700); remove it, or set XDG_RUNTIME_DIR"};
    return folder;
}

std::filesystem::path segment_path(const std::filesystem::path& folder, std::string_view name) {
    return folder / (std::string(name) + std::string(segment_extension));
}

std::filesystem::path control_path(const std::filesystem::path& folder, std::string_view name) {
    return folder / (std::string(name) + ".control");
}

bool valid_name(std::string_view name) noexcept {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
               c == '-';
    };
    return !name.empty() && name.size() <= 48 && name.front() != '.' && std::all_of(name.begin(), name.end(), allowed);
}

std::uint64_t process_start_time(std::uint32_t pid) {
    const std::string path = "/proc/" + std::to_string(pid) + "/stat";
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return 0;
    std::array<char, 1024> text{};
    const ssize_t length = ::read(file.get(), text.data(), text.size());
    if (length <= 0) return 0;
    std::string_view rest(text.data(), static_cast<std::size_t>(length));
    // comm, the second field, may hold anything: what follows its last parenthesis begins with field 3.
    const std::size_t end_of_name = rest.rfind(')');
    if (end_of_name == std::string_view::npos) return 0;
    rest.remove_prefix(end_of_name + 1);
    for (int field = 2; field < 22; ++field) {
        const std::size_t space = rest.find(' ');
        if (space == std::string_view::npos) return 0;
        rest.remove_prefix(space + 1);
        if (field == 2 && !rest.empty() && (rest.front() == 'Z' || rest.front() == 'X')) return 0; // ended, not yet reaped
    }
    return std::strtoull(std::string(rest.substr(0, rest.find(' '))).c_str(), nullptr, 10);
}

} // namespace connscope::telemetry
