// SPDX-License-Identifier: BSL-1.0

// The bytes say how a segment, well-formed at first, is spoilt: patches anywhere in the file, cuts, and moments at which it
// is read. Whatever the file holds, reading ends, stays inside the file, and gives values that can be.

#include "connscope/telemetry/plain_text.hpp"
#include "connscope/telemetry/probe.hpp"
#include "connscope/telemetry/reader.hpp"
#include "connscope/telemetry/segment_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

namespace {

using namespace connscope::telemetry;

void require(bool condition, const char* what) {
    if (condition) return;
    std::fprintf(stderr, "broken promise: %s\n", what);
    std::abort();
}

// A folder for this process alone, gone with it.
class PrivateFolder {
public:
    PrivateFolder() {
        std::string pattern = "/tmp/connscope-fuzz-XXXXXX";
        require(::mkdtemp(pattern.data()) != nullptr, "a temporary folder can be made");
        path_ = pattern;
        ::setenv("XDG_RUNTIME_DIR", path_.c_str(), 1);
    }
    ~PrivateFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

std::string content_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string server_segment() {
    auto server = ProbeServer::create({.name = "server",
                                       .program = "fuzz",
                                       .modes = {"a", "b"},
                                       .connections = 8,
                                       .rings = 2,
                                       .shared_rings = 1,
                                       .events_per_ring = 8});
    require(static_cast<bool>(server), "a segment can be made");
    (*server)->describe("echo", "127.0.0.1:1", "/nowhere");
    (*server)->enter_thread(true);
    std::array<ConnectionProbe, 4> probes;
    for (auto& probe : probes) {
        probe = (*server)->open({.bytes = {127, 0, 0, 1}, .port = 1, .family = 4}, 1);
        probe.carried_by(CarrierKind::coroutine, 1, &probe, 100);
        for (int i = 0; i < 3; ++i) {
            probe.resume();
            probe.suspend(ConnectionState::waiting_read, true);
        }
    }
    record((*server)->delays(layout::DelayHistogram::from_readiness), std::chrono::microseconds(5));
    (*server)->beat();
    (*server)->leave_thread();
    return content_of((*server)->path());
}

std::string load_segment() {
    using layout::SectionKind;
    auto file =
        SegmentFile::create({.kind = layout::SegmentKind::load,
                             .name = "load",
                             .program = "fuzz",
                             .sections = {{SectionKind::load, sizeof(layout::LoadGauges), 1},
                                          {SectionKind::populations, sizeof(layout::Population), 2},
                                          {SectionKind::histograms, sizeof(std::uint64_t) * HistogramBuckets::count, 2}}});
    require(static_cast<bool>(file), "a segment can be made");
    file->section<layout::Population>(SectionKind::populations)->in_use = 1;
    file->complete();
    return content_of(file->path());
}

// The file that is spoilt, and what it was before.
class Segment {
public:
    Segment(std::filesystem::path path, std::string content)
        : path_(std::move(path))
        , content_(std::move(content)) {
        file_.reset(::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        restore(0, content_.size());
    }

    const std::filesystem::path& path() const { return path_; }
    std::size_t size() const { return content_.size(); }
    const layout::Header& header() const { return *reinterpret_cast<const layout::Header*>(content_.data()); }

    void patch(std::size_t offset, std::string_view bytes) {
        offset %= content_.size();
        bytes = bytes.substr(0, content_.size() - offset);
        require(::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)) >= 0,
                "the segment can be patched");
        spoilt_from_ = std::min(spoilt_from_, offset);
        spoilt_to_ = std::max(spoilt_to_, offset + bytes.size());
    }
    void cut(std::size_t bytes) {
        bytes %= content_.size();
        require(::ftruncate(file_.get(), static_cast<off_t>(bytes)) == 0, "the segment can be cut");
        spoilt_from_ = std::min(spoilt_from_, bytes);
        spoilt_to_ = content_.size();
    }
    void restore() {
        if (spoilt_from_ < spoilt_to_) restore(spoilt_from_, spoilt_to_);
        spoilt_from_ = content_.size();
        spoilt_to_ = 0;
    }

private:
    void restore(std::size_t from, std::size_t to) {
        require(::pwrite(file_.get(), content_.data() + from, to - from, static_cast<off_t>(from)) ==
                    static_cast<ssize_t>(to - from),
                "the segment can be restored");
    }

    std::filesystem::path path_;
    std::string content_;
    UniqueFd file_;
    std::size_t spoilt_from_ = ~std::size_t{0};
    std::size_t spoilt_to_ = 0;
};

void check(const ServerReading& reading, std::size_t file_bytes) {
    require(reading.connections.size() <= file_bytes / sizeof(layout::Slot), "there are no more connections than slots");
    require(reading.mode < layout::max_modes, "the mode is one");
    for (const auto& connection : reading.connections) {
        require(connection.id != 0 && connection.state != ConnectionState::none &&
                    static_cast<std::size_t>(connection.state) < connection_state_count &&
                    static_cast<std::size_t>(connection.carrier) < carrier_kind_count && connection.mode < layout::max_modes,
                "a connection's enumerators are known");
        require(connection.run.count() >= 0 && connection.ready.count() >= 0 && connection.waiting.count() >= 0 &&
                    connection.longest_slice.count() >= 0 && connection.longest_ready.count() >= 0,
                "no time is negative");
        require(!to_string(connection.peer).empty(), "a peer can be shown");
    }
}

void read(SegmentReader& reader, std::size_t file_bytes) {
    static ServerReading server;
    static LoadReading load;
    static EventsReading events;
    const bool server_read = static_cast<bool>(reader.read(server));
    if (server_read) check(server, file_bytes);
    const bool load_read = static_cast<bool>(reader.read(load));
    require(!(server_read && load_read), "a segment is a server's or a load's");
    if (load_read) {
        require(load.populations.size() <= file_bytes / sizeof(layout::Population), "populations lie inside the file");
        for (const auto& population : load.populations)
            require(plain_text(population.name + population.text) == population.name + population.text,
                    "the text of a population can be shown anywhere");
    }
    constexpr std::size_t limit = 20;
    if (reader.read_events(events, limit)) {
        require(events.events.size() <= limit, "there are no more events than asked for");
        for (const auto& event : events.events)
            require(event.kind >= layout::EventKind::slice_to_read && event.kind <= layout::EventKind::mode_changed &&
                        event.length.count() >= 0,
                    "an event is of a known kind");
    }
    const SegmentIdentity& identity = reader.identity();
    for (const auto& text : {identity.name, identity.program, identity.protocol, identity.address, identity.control_path})
        require(plain_text(text) == text, "text can be shown anywhere");
    for (const auto& mode : identity.modes) require(plain_text(mode) == mode, "the name of a mode can be shown anywhere");
}

// What the input says, taken from its front.
class Script {
public:
    explicit Script(std::string_view bytes)
        : bytes_(bytes) {}
    bool empty() const { return bytes_.empty(); }
    std::string_view take(std::size_t bytes) {
        const auto taken = bytes_.substr(0, bytes);
        bytes_.remove_prefix(taken.size());
        return taken;
    }
    std::uint8_t byte() { return bytes_.empty() ? 0 : static_cast<std::uint8_t>(take(1).front()); }
    std::size_t number() {
        const std::size_t high = byte();
        return high << 8 | byte();
    }

private:
    std::string_view bytes_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Histogram delays;
    static PrivateFolder folder;
    static std::array<Segment, 2> segments{Segment(folder.path() / "a.segment", server_segment()),
                                           Segment(folder.path() / "b.segment", load_segment())};
    for (auto& pristine : segments) {
        [[maybe_unused]] static const bool readable = [&] {
            auto reader = SegmentReader::open(pristine.path());
            require(static_cast<bool>(reader), "an unspoilt segment can be opened");
            return true;
        }();
    }
    Script script({reinterpret_cast<const char*>(data), size});
    Segment& segment = segments[script.byte() % segments.size()];
    // Opened at the first moment of reading: later patches happen under its feet.
    std::optional<SegmentReader> reader;
    const auto read_now = [&] {
        if (!reader) {
            if (auto opened = SegmentReader::open(segment.path())) reader = std::move(*opened);
        }
        if (reader) read(*reader, segment.size());
    };
    int moments = 0;
    while (!script.empty()) {
        const std::uint8_t what = script.byte() % 16;
        if (what < 5) { // a field of the header
            const std::size_t offset = script.number() % sizeof(layout::Header);
            segment.patch(offset / 4 * 4, script.take(what < 3 ? 8 : 4));
        } else if (what < 12) { // somewhere in a section
            const auto& section = segment.header().sections[what - 5];
            const std::size_t offset = script.number() * 4;
            segment.patch(section.offset + offset, script.take(8));
        } else if (what == 12) {
            segment.cut(script.number() * 64);
        } else if (++moments < 5) {
            read_now();
        }
    }
    read_now();
    // Histograms are long: they are read for one input in eight.
    if (size % 8 == 0 && reader && reader->read_delays(layout::DelayHistogram::from_readiness, delays))
        (void)delays.percentile(0.99);
    segment.restore();
    return 0;
}
