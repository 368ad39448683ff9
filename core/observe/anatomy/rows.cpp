// SPDX-License-Identifier: BSL-1.0
#include "connscope/observe/anatomy/rows.hpp"

#include <fmt/format.h>

namespace connscope::observe {

AnatomyRow known(std::string label, std::vector<std::string> values, std::string source) {
    return {std::move(label), std::move(values), {}, std::move(source)};
}
AnatomyRow unknown(std::string label, std::string why, std::string source) {
    if (why.empty()) why = "there is no debug information of it";
    return {std::move(label), {}, std::move(why), std::move(source)};
}

std::string bytes_text(std::uint64_t bytes) {
    if (bytes < 10'240) return fmt::format("{} B", bytes);
    if (bytes < 10'485'760) return fmt::format("{:.1f} KiB", static_cast<double>(bytes) / 1024);
    return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / 1'048'576);
}

std::string time_text(std::chrono::nanoseconds time) {
    const double ns = static_cast<double>(time.count());
    if (ns < 1e6) return fmt::format("{:.0f} µs", ns / 1e3);
    if (ns < 1e9) return fmt::format("{:.1f} ms", ns / 1e6);
    return fmt::format("{:.1f} s", ns / 1e9);
}

std::string address_text(std::uint64_t address) { return fmt::format("{:#x}", address); }

std::string control_missing(const Anatomy& anatomy) {
    if (!anatomy.unsettled.empty()) return anatomy.unsettled;
    if (!anatomy.missing.empty()) return anatomy.missing;
    if (anatomy.form == Anatomy::Form::thread && anatomy.thread && !anatomy.thread->stopped)
        return anatomy.thread->stopped_missing;
    if (anatomy.runs)
        return fmt::format("it runs on thread {} now: its registers are in a CPU, and nothing is stopped to see them",
                           anatomy.connection.thread);
    return {};
}

bool has_own_thread(const Anatomy& anatomy) {
    return anatomy.form == Anatomy::Form::thread &&
           (anatomy.connection.carrier == telemetry::CarrierKind::process || anatomy.connection.carrier_bytes > 0);
}

} // namespace connscope::observe
