// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/lab/stop.hpp"
#include "connscope/telemetry/outcome.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace connscope::lab {

// Layers crossed: the way of one request through a server, from its session down to the kernel's switch, with what each
// layer took and how often it was entered. All of it is measured on a fresh server, one mode after the other.

struct LayersOptions {
    std::string bin_folder;                  // where connscope-serve is
    std::vector<std::string> modes;          // none: all
    std::uint32_t connections = 16;          // all ask at once, and again when the last is answered
    double seconds_each = 2;                 // of a mode
    std::vector<int> server_cpus, load_cpus; // none: the last CPU, and the others
};

// A figure of one request, on an average, or why there is none.
struct LayerFigure {
    std::optional<double> value;
    std::string missing;
};

// One thing that a layer consists of: a system call, a kind of switch.
struct LayerPart {
    std::string name; // "sendmsg"
    double count = 0; // of a request
    LayerFigure ns;   // of a request, all of them
};

struct Layer {
    std::string id;         // "session", "mode", "probe", "runtime", "library", "socket", "scheduler", "switch"
    std::string crossed_by; // what leads into it: "resumes", "user-space switches", "system calls", …; empty: plain calls
    LayerFigure crossings;  // of a request
    LayerFigure ns;         // of a request, in this layer alone
    bool is_within = false; // its time is part of the layers above it, too
    std::string source;     // where the figures are from, in words
    std::vector<LayerPart> parts;
};

// What is copied between the program and the kernel for a request.
struct Copies {
    double in = 0, out = 0; // how often
    double bytes_in = 0, bytes_out = 0;
};

struct ModeLayers {
    std::string mode, title, carrier;
    std::uint32_t connections = 0;
    std::uint64_t requests = 0;      // that were traced
    std::uint64_t request_bytes = 0; // of each, as sent
    std::uint64_t answer_bytes = 0;  // of each, as received
    std::vector<Layer> layers;       // from the session down
    std::optional<Copies> copies;    //
    std::string copies_missing;      //
    LayerFigure cpu_ns;              // of a request, not traced: all that the server used, by the kernel's clocks of threads
    LayerFigure kernel_switches;     // of a request, not traced, by the kernel's counters of threads
    std::optional<double> trace_ns;  // what the trace adds to a system call; taken off above
    std::string failed;              // why there are none
};

struct LayersReports {
    std::function<void(const std::string& part, std::size_t done, std::size_t all)> progress;
    std::function<void(const ModeLayers& mode)> mode;
};
struct LayersResult {
    std::string method; // in words, for people
    std::vector<ModeLayers> modes;
    double seconds = 0;
    bool complete = false;
};
// Errors: no such mode; the server's program cannot be run.
telemetry::Outcome<LayersResult> measure_layers(const LayersOptions& options, const Stop& stop,
                                                const LayersReports& reports);

boost::json::object to_json(const ModeLayers& mode);
// None when it is not of this form.
std::optional<ModeLayers> mode_layers_of_json(const boost::json::value& value);
std::string to_table(const ModeLayers& mode);

} // namespace connscope::lab
