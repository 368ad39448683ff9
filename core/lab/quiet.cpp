// SPDX-License-Identifier: BSL-1.0
#include "connscope/lab/quiet.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

namespace connscope::lab {
namespace {

struct Ticks {
    double busy = 0;
    double all = 0;
};

// proc_stat(5): cpuN user nice system idle iowait irq softirq steal ...
Ticks read_ticks(const std::vector<int>& cpus) {
    Ticks sum;
    std::ifstream file("/proc/stat");
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string name;
        words >> name;
        if (!name.starts_with("cpu")) break;
        const bool wanted =
            std::any_of(cpus.begin(), cpus.end(), [&](int cpu) { return name == "cpu" + std::to_string(cpu); });
        if (!wanted) continue;
        double value = 0;
        for (int field = 0; field < 8 && words >> value; ++field) {
            sum.all += value;
            if (field != 3 && field != 4) sum.busy += value;
        }
    }
    return sum;
}

} // namespace

std::optional<double> busy_share(const std::vector<int>& cpus, std::chrono::milliseconds time, const Stop& stop) {
    const Ticks before = read_ticks(cpus);
    if (!stop.pass(time)) return std::nullopt;
    const Ticks after = read_ticks(cpus);
    if (after.all <= before.all) return std::nullopt;
    return (after.busy - before.busy) / (after.all - before.all);
}

} // namespace connscope::lab
