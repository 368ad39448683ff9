// SPDX-License-Identifier: BSL-1.0
#include "connscope/observe/slab.hpp"

#include "connscope/observe/proc_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace connscope::observe {
namespace {

// "name <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : ..."; false for the head lines.
bool parse_cache(std::string_view line, SlabCache& cache) {
    if (line.empty() || line.front() == '#') return false;
    const std::size_t name_end = line.find(' ');
    if (name_end == std::string_view::npos) return false;
    cache.name = line.substr(0, name_end);
    line.remove_prefix(name_end);
    const auto active = take_number(line);
    const auto total = take_number(line);
    const auto object_bytes = take_number(line);
    const auto per_slab = take_number(line);
    const auto pages = take_number(line);
    if (!active || !total || !object_bytes || !per_slab || !pages || *per_slab == 0) return false;
    cache.active = *active;
    cache.total = *total;
    cache.object_bytes = *object_bytes;
    cache.slab_bytes_per_object =
        static_cast<double>(*pages) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / static_cast<double>(*per_slab);
    return true;
}

} // namespace

telemetry::Outcome<std::vector<SlabCache>> read_slab() {
    const auto text = read_whole(AT_FDCWD, "/proc/slabinfo");
    if (!text && (errno == EACCES || errno == EPERM))
        return telemetry::Error{std::make_error_code(std::errc::permission_denied),
                                "only root may read /proc/slabinfo, which tells the kernel's memory by kind"};
    if (!text) return telemetry::system_error(errno, "cannot read /proc/slabinfo");
    std::vector<SlabCache> caches;
    std::string_view rest = *text;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        SlabCache cache;
        if (parse_cache(rest.substr(0, end), cache)) caches.push_back(std::move(cache));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return caches;
}

const SlabCache* find_cache(const std::vector<SlabCache>& caches, std::string_view name) noexcept {
    const auto at = std::ranges::find(caches, name, &SlabCache::name);
    return at == caches.end() ? nullptr : &*at;
}

} // namespace connscope::observe
