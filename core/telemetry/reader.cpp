// SPDX-License-Identifier: BSL-1.0
#include "connscope/telemetry/reader.hpp"

#include "connscope/telemetry/guarded_mapping.hpp"
#include "connscope/telemetry/plain_text.hpp"
#include "connscope/telemetry/runtime_folder.hpp"
#include "connscope/telemetry/segment_parts.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>

namespace connscope::telemetry {
namespace {

using namespace layout;

// The clock as the writer says it is; false when it is being written all the time or cannot be right.
bool read_clock(const Clock& clock, ClockCalibration& into) {
    for (int attempt = 0; attempt < 100; ++attempt) {
        const std::uint32_t before = clock.sequence.load(std::memory_order_acquire); // pairs with write_clock()'s release
        ClockCalibration read;
        read.kind = clock.kind.load(std::memory_order_relaxed) == static_cast<std::uint32_t>(ClockKind::tsc)
                        ? ClockKind::tsc
                        : ClockKind::monotonic;
        read.anchor_ticks = clock.anchor_ticks.load(std::memory_order_relaxed);
        read.anchor_monotonic_ns = clock.anchor_monotonic_ns.load(std::memory_order_relaxed);
        read.anchor_realtime_ns = clock.anchor_realtime_ns.load(std::memory_order_relaxed);
        read.ns_per_tick = clock.ns_per_tick.load(std::memory_order_relaxed);
        std::atomic_thread_fence(std::memory_order_acquire); // the values above are read before the sequence again
        if ((before & 1) != 0 || clock.sequence.load(std::memory_order_relaxed) != before) continue;
        if (!(read.ns_per_tick > 1e-3 && read.ns_per_tick < 1e3)) return false; // 1 MHz to 1 THz; NaN fails too
        for (const std::int64_t anchor : {read.anchor_monotonic_ns, read.anchor_realtime_ns})
            if (!(std::abs(static_cast<double>(anchor)) <= ClockCalibration::longest_ns)) return false;
        into = read;
        return true;
    }
    return false;
}

// A server that is idle may not have written its clock for long. Who reads the same time stamp counter ties it anew; a clock
// that differs by more than a thousandth is another machine's, or another boot's.
void tie_anew(ClockCalibration& clock) {
    if (clock.kind != ClockKind::tsc || !detail::ticks_are_tsc) return;
    const Ticks now = ticks();
    const std::int64_t now_ns = monotonic_ns();
    constexpr std::int64_t soon_ns = 1'000'000'000; // until then the writer's is as good
    if (now <= clock.anchor_ticks || now_ns - clock.anchor_monotonic_ns < soon_ns) return;
    const double ns_per_tick =
        static_cast<double>(now_ns - clock.anchor_monotonic_ns) / static_cast<double>(now - clock.anchor_ticks);
    if (!(std::abs(ns_per_tick / clock.ns_per_tick - 1) < 1e-3)) return;
    clock.anchor_realtime_ns += now_ns - clock.anchor_monotonic_ns;
    clock.anchor_ticks = now;
    clock.anchor_monotonic_ns = now_ns;
    clock.ns_per_tick = ns_per_tick;
}

template <class Enum>
bool to_enum(std::uint8_t value, std::size_t count, Enum& into) {
    if (value >= count) return false;
    into = static_cast<Enum>(value);
    return true;
}

// A length of ticks as time; what cannot be (negative, longer than 30 years) is 0. Sums of a few cannot overflow.
std::chrono::nanoseconds checked_duration(const ClockCalibration& clock, std::uint64_t ticks) {
    constexpr double thirty_years_ns = 0.95e18;
    if (static_cast<double>(ticks) * clock.ns_per_tick > thirty_years_ns) return std::chrono::nanoseconds{0};
    return clock.duration(ticks);
}

enum class SlotOutcome { empty, read, unreadable };

SlotOutcome read_slot(const Slot& slot, const ClockCalibration& clock, Ticks now, ConnectionReading& into) {
    constexpr auto relaxed = std::memory_order_relaxed;
    for (int attempt = 0; attempt < 64; ++attempt) {
        const std::uint32_t before = slot.sequence.load(std::memory_order_acquire); // pairs with SlotWrite's release
        if ((before & 1) != 0) continue;
        into.id = slot.id.load(relaxed);
        const bool known_state = to_enum(slot.state.load(relaxed), connection_state_count, into.state);
        const bool known_carrier = to_enum(slot.carrier.load(relaxed), carrier_kind_count, into.carrier);
        into.mode = slot.mode.load(relaxed);
        const std::uint8_t flags = slot.flags.load(relaxed);
        into.thread = slot.thread.load(relaxed);
        const Ticks since = slot.state_since_ticks.load(relaxed);
        const Ticks opened = slot.opened_ticks.load(relaxed);
        const std::uint64_t run = slot.run_ticks.load(relaxed);
        const std::uint64_t ready = slot.ready_ticks.load(relaxed);
        const std::uint64_t longest_ready = slot.longest_ready_ticks.load(relaxed);
        const std::uint64_t longest_slice = slot.longest_slice_ticks.load(relaxed);
        into.slices = slot.slices.load(relaxed);
        into.user_space_switches = slot.user_space_switches.load(relaxed);
        const std::uint32_t voluntary = slot.voluntary_switches.load(relaxed);
        const std::uint32_t involuntary = slot.involuntary_switches.load(relaxed);
        into.bytes_in = slot.bytes_in.load(relaxed);
        into.bytes_out = slot.bytes_out.load(relaxed);
        into.requests = slot.requests.load(relaxed);
        into.suspended_at = slot.suspended_at.load(relaxed);
        into.stamped_delay = std::chrono::nanoseconds(slot.stamped_delay_ns.load(relaxed));
        into.longest_stamped_delay = std::chrono::nanoseconds(slot.longest_stamped_delay_ns.load(relaxed));
        into.stamped_count = slot.stamped_count.load(relaxed);
        into.carrier_address = slot.carrier_address.load(relaxed);
        into.carrier_bytes = slot.carrier_bytes.load(relaxed);
        into.session_bytes = slot.session_bytes.load(relaxed);
        into.hand_offs = slot.hand_offs.load(relaxed);
        into.socket_inode = slot.socket_inode.load(relaxed);
        const std::array<std::uint64_t, 2> address{slot.peer_address[0].load(relaxed), slot.peer_address[1].load(relaxed)};
        into.peer.port = slot.peer_port.load(relaxed);
        into.peer.family = slot.peer_family.load(relaxed);
        std::atomic_thread_fence(std::memory_order_acquire); // the fields above are read before the sequence again
        if (slot.sequence.load(relaxed) != before) continue;

        if (into.id == 0) return SlotOutcome::empty;
        if (!known_state || !known_carrier || into.state == ConnectionState::none || into.mode >= max_modes)
            return SlotOutcome::unreadable;
        std::copy_n(reinterpret_cast<const std::uint8_t*>(address.data()), into.peer.bytes.size(), into.peer.bytes.begin());
        into.state_since = clock.monotonic(since);
        into.opened = clock.monotonic(opened);
        into.run = checked_duration(clock, run);
        into.ready = checked_duration(clock, ready);
        into.longest_ready = checked_duration(clock, longest_ready);
        into.longest_slice = checked_duration(clock, longest_slice);
        into.partly_timed = (flags & slot_flags::partly_timed) != 0;
        // What lasts at this moment counts too: a connection that never yields would otherwise show nothing.
        const bool is_exact = (flags & slot_flags::rough_since) == 0;
        const std::chrono::nanoseconds lasting =
            is_exact && now > since ? checked_duration(clock, now - since) : std::chrono::nanoseconds{0};
        if (into.state == ConnectionState::running) {
            into.run += lasting;
            into.longest_slice = std::max(into.longest_slice, lasting);
        } else if (into.state == ConnectionState::ready) {
            into.ready += lasting;
            into.longest_ready = std::max(into.longest_ready, lasting);
        }
        const std::chrono::nanoseconds life =
            now > opened ? checked_duration(clock, now - opened) : std::chrono::nanoseconds{0};
        into.waiting = std::max(life - into.run - into.ready, std::chrono::nanoseconds{0});
        into.voluntary_switches = voluntary == ~0u ? std::nullopt : std::optional(voluntary);
        into.involuntary_switches = involuntary == ~0u ? std::nullopt : std::optional(involuntary);
        return SlotOutcome::read;
    }
    return SlotOutcome::unreadable;
}

template <std::size_t N>
std::string atomic_text(const std::array<std::atomic<char>, N>& field) {
    std::string text;
    for (const auto& character : field) {
        const char c = character.load(std::memory_order_relaxed);
        if (c == '\0') break;
        text += c;
    }
    return plain_text(text);
}

bool known_event(std::uint8_t kind) {
    return kind >= static_cast<std::uint8_t>(EventKind::slice_to_read) &&
           kind <= static_cast<std::uint8_t>(EventKind::mode_changed);
}

} // namespace

struct SegmentReader::Impl {
    UniqueFd file; // holds the lock by which the writer knows that it is read, until it is closed
    SegmentParts parts;
    GuardedMapping mapping;
    std::filesystem::path path;
    dev_t device = 0;
    ino_t inode = 0;
    ClockCalibration clock{};
    std::vector<std::uint64_t> cursors; // of the rings, the next event to read
    std::array<Histogram, static_cast<std::size_t>(DelayHistogram::count_)> delays_read;
    std::vector<Histogram> latencies_read; // by population

    template <class T>
    const T& element(const Section& section, std::uint64_t index) const {
        return *reinterpret_cast<const T*>(mapping.data() + section.offset + index * section.stride);
    }
    const Header& header() const { return *reinterpret_cast<const Header*>(mapping.data()); }

    std::span<const std::atomic<std::uint64_t>, HistogramBuckets::count> histogram(std::uint64_t index) const {
        return std::span<const std::atomic<std::uint64_t>, HistogramBuckets::count>(
            &element<std::atomic<std::uint64_t>>(parts.histograms, index), HistogramBuckets::count);
    }

    WriterState writer() const {
        if (header().ended.load(std::memory_order_acquire) == 1) return WriterState::ended; // pairs with ~SegmentFile()
        const std::uint64_t start = process_start_time(parts.identity.pid);
        return start != 0 && start == parts.identity.pid_start_time ? WriterState::alive : WriterState::died;
    }

    Status check() const {
        if (!mapping.damaged()) return success();
        return Error{SegmentErrc::damaged, path.string() + " was cut short while it was being read"};
    }

    Status start(SegmentKind wanted) {
        if (parts.identity.kind != wanted)
            return Error{SegmentErrc::wrong_kind,
                         path.string() + (wanted == SegmentKind::server ? " is a load's segment, not a server's"
                                                                        : " is a server's segment, not a load's")};
        if (!read_clock(header().clock, clock))
            return Error{SegmentErrc::damaged, path.string() + ": its clock cannot be right"};
        tie_anew(clock);
        return check();
    }
};

SegmentReader::SegmentReader(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}
SegmentReader::SegmentReader(SegmentReader&&) noexcept = default;
SegmentReader& SegmentReader::operator=(SegmentReader&&) noexcept = default;
SegmentReader::~SegmentReader() = default;

Outcome<SegmentReader> SegmentReader::open(const std::filesystem::path& path) {
    auto opened = open_segment(path);
    if (!opened) return std::move(opened).error();
    auto mapping = GuardedMapping::map(opened->file.get(), opened->parts.file_bytes);
    if (!mapping) return Error{SegmentErrc::environment, std::move(mapping).error().text};
    struct flock being_read {};
    being_read.l_type = F_RDLCK;
    being_read.l_len = 1;
    ::fcntl(opened->file.get(), F_OFD_SETLK, &being_read); // without it all is read as well, and less may be timed
    auto impl = std::make_unique<Impl>(Impl{.file = std::move(opened->file),
                                            .parts = std::move(opened->parts),
                                            .mapping = std::move(*mapping),
                                            .path = path,
                                            .device = opened->device,
                                            .inode = opened->inode,
                                            .clock = {},
                                            .cursors = {},
                                            .delays_read = {},
                                            .latencies_read = {}});
    return SegmentReader(std::move(impl));
}

const SegmentIdentity& SegmentReader::identity() const noexcept { return impl_->parts.identity; }
const std::filesystem::path& SegmentReader::path() const noexcept { return impl_->path; }

bool SegmentReader::still_there() const {
    struct stat status {};
    return ::lstat(impl_->path.c_str(), &status) == 0 && status.st_ino == impl_->inode && status.st_dev == impl_->device;
}

Status SegmentReader::read(ServerReading& into) {
    if (auto status = impl_->start(SegmentKind::server); !status) return status;
    const Header& header = impl_->header();
    const SegmentParts& parts = impl_->parts;
    into.writer = impl_->writer();
    into.taken = std::chrono::nanoseconds(monotonic_ns());
    into.heartbeat = impl_->clock.monotonic(header.heartbeat_ticks.load(std::memory_order_acquire)); // pairs with beat()
    // A dead server's last moment stays as it was: its connections do not grow older.
    const Ticks now = into.writer == WriterState::alive ? impl_->clock.at(into.taken)
                                                        : header.heartbeat_ticks.load(std::memory_order_relaxed);
    into.mode = std::min<std::uint32_t>(header.mode.load(std::memory_order_relaxed), max_modes - 1);
    into.mode_changes = header.mode_changes.load(std::memory_order_relaxed);

    into.gauges.fill(not_available);
    const auto& gauges = impl_->element<Gauges>(parts.gauges, 0);
    const std::size_t known_gauges = std::min<std::size_t>(gauge_count, parts.gauges.stride / sizeof(std::uint64_t));
    for (std::size_t i = 0; i < known_gauges; ++i) into.gauges[i] = gauges.values[i].load(std::memory_order_relaxed);

    into.counters = {};
    std::uint64_t run_ticks = 0;
    for (std::uint64_t i = 0; i < parts.rings.count; ++i) {
        const auto& ring = impl_->element<Ring>(parts.rings, i);
        into.counters.slices += ring.slices.load(std::memory_order_relaxed);
        into.counters.user_space_switches += ring.user_space_switches.load(std::memory_order_relaxed);
        into.counters.requests += ring.requests.load(std::memory_order_relaxed);
        into.counters.bytes_in += ring.bytes_in.load(std::memory_order_relaxed);
        into.counters.bytes_out += ring.bytes_out.load(std::memory_order_relaxed);
        into.counters.events_written += ring.written.load(std::memory_order_relaxed);
        run_ticks += ring.run_ticks.load(std::memory_order_relaxed);
    }
    into.counters.run = checked_duration(impl_->clock, run_ticks);

    into.connections.clear();
    into.unreadable_slots = 0;
    // Slots beyond slots_used were never written; pairs with open()'s release store.
    const std::uint64_t slots = std::min(header.slots_used.load(std::memory_order_acquire), parts.slots.count);
    ConnectionReading connection;
    for (std::uint64_t i = 0; i < slots; ++i) {
        connection.slot = static_cast<std::uint32_t>(i);
        switch (read_slot(impl_->element<Slot>(parts.slots, i), impl_->clock, now, connection)) {
        case SlotOutcome::read:
            into.connections.push_back(connection);
            break;
        case SlotOutcome::unreadable:
            ++into.unreadable_slots;
            break;
        case SlotOutcome::empty:
            break;
        }
    }
    // A server that counts no connection's requests has none to add up.
    if (!into.connections.empty() &&
        std::ranges::all_of(into.connections, [](const ConnectionReading& each) { return each.requests == not_available; }))
        into.counters.requests = not_available;
    return impl_->check();
}

Outcome<ConnectionReading> SegmentReader::read_connection(std::uint32_t slot, std::uint64_t id) {
    if (auto status = impl_->start(SegmentKind::server); !status) return std::move(status).error();
    ConnectionReading connection;
    connection.slot = slot;
    const Ticks now = impl_->clock.at(std::chrono::nanoseconds(monotonic_ns()));
    SlotOutcome outcome = SlotOutcome::empty;
    // Its writer may have been interrupted between two stores: it is given time to go on.
    for (int attempt = 0; slot < impl_->parts.slots.count && attempt < 1000; ++attempt) {
        outcome = read_slot(impl_->element<Slot>(impl_->parts.slots, slot), impl_->clock, now, connection);
        if (outcome != SlotOutcome::unreadable) break;
        ::sched_yield();
    }
    if (auto status = impl_->check(); !status) return std::move(status).error();
    if (outcome == SlotOutcome::unreadable)
        return Error{std::make_error_code(std::errc::resource_unavailable_try_again),
                     "connection " + std::to_string(id) +
                         " is being written by its server, which has stopped in the middle of it"};
    if (outcome == SlotOutcome::empty || connection.id != id)
        return Error{std::make_error_code(std::errc::no_such_process), "connection " + std::to_string(id) + " has ended"};
    return connection;
}

Status SegmentReader::read(LoadReading& into) {
    if (auto status = impl_->start(SegmentKind::load); !status) return status;
    const SegmentParts& parts = impl_->parts;
    into.writer = impl_->writer();
    into.taken = std::chrono::nanoseconds(monotonic_ns());
    const auto& gauges = impl_->element<LoadGauges>(parts.load, 0);
    into.user_cpu = std::chrono::nanoseconds(gauges.user_cpu_ns.load(std::memory_order_relaxed));
    into.system_cpu = std::chrono::nanoseconds(gauges.system_cpu_ns.load(std::memory_order_relaxed));
    into.is_bottleneck = gauges.bottleneck.load(std::memory_order_relaxed) == 1;
    into.running = gauges.running.load(std::memory_order_relaxed) == 1;

    impl_->latencies_read.resize(parts.populations.count);
    std::size_t used = 0;
    for (std::uint64_t i = 0; i < parts.populations.count; ++i) {
        const auto& population = impl_->element<Population>(parts.populations, i);
        if (population.in_use.load(std::memory_order_acquire) != 1) { // pairs with the writer's release store
            impl_->latencies_read[i].clear();
            continue;
        }
        if (into.populations.size() == used) into.populations.emplace_back();
        PopulationReading& reading = into.populations[used++];
        for (int attempt = 0; attempt < 64; ++attempt) {
            const std::uint32_t before =
                population.sequence.load(std::memory_order_acquire); // pairs with the writer's release
            reading.name = atomic_text(population.name);
            reading.text = atomic_text(population.text);
            std::atomic_thread_fence(std::memory_order_acquire); // the text is read before the sequence again
            if ((before & 1) == 0 && population.sequence.load(std::memory_order_relaxed) == before) break;
        }
        for (std::size_t counter = 0; counter < load_counter_count; ++counter)
            reading.counters[counter] = population.counters[counter].load(std::memory_order_relaxed);
        Histogram::difference(impl_->histogram(i), impl_->latencies_read[i], reading.latency_since);
    }
    into.populations.resize(used);
    return impl_->check();
}

Status SegmentReader::read_events(EventsReading& into, std::size_t limit) {
    into.events.clear();
    into.lost = 0;
    if (auto status = impl_->start(SegmentKind::server); !status) return status;
    const SegmentParts& parts = impl_->parts;
    const std::uint64_t per_ring = parts.events_per_ring;
    const bool first_call = impl_->cursors.empty();
    impl_->cursors.resize(parts.rings.count);
    for (std::uint64_t i = 0; i < parts.rings.count; ++i) {
        std::uint64_t& cursor = impl_->cursors[i];
        const std::uint64_t written =
            impl_->element<Ring>(parts.rings, i).written.load(std::memory_order_acquire); // pairs with event()
        if (first_call || written < cursor) cursor = written;
        if (written - cursor > per_ring) {
            into.lost += written - cursor - per_ring;
            cursor = written - per_ring;
        }
        while (cursor < written && into.events.size() < limit) {
            const auto& event = impl_->element<Event>(parts.events, i * per_ring + cursor % per_ring);
            const std::uint64_t before = event.sequence.load(std::memory_order_acquire); // pairs with event()'s release
            const Ticks begin = event.begin_ticks.load(std::memory_order_relaxed);
            const std::uint64_t length_and_kind = event.length_and_kind.load(std::memory_order_relaxed);
            const std::uint64_t connection_and_thread = event.connection_and_thread.load(std::memory_order_relaxed);
            std::atomic_thread_fence(std::memory_order_acquire); // the values above are read before the sequence again
            const std::uint64_t after = event.sequence.load(std::memory_order_relaxed);
            const auto kind = static_cast<std::uint8_t>(length_and_kind & 0xff);
            if (before == cursor + 1 && after == before && known_event(kind)) {
                into.events.push_back({static_cast<EventKind>(kind),
                                       static_cast<std::uint32_t>(connection_and_thread & 0xff'ffff),
                                       connection_and_thread >> 24, impl_->clock.monotonic(begin),
                                       checked_duration(impl_->clock, length_and_kind >> 8)});
            } else if (before < cursor + 1 && written - cursor < 64) {
                break; // another thread of a shared ring is still writing it: next time
            } else {
                ++into.lost; // overwritten, or left half-written for good
            }
            ++cursor;
        }
    }
    std::sort(into.events.begin(), into.events.end(),
              [](const EventReading& a, const EventReading& b) { return a.begin < b.begin; });
    return impl_->check();
}

Status SegmentReader::read_delays(DelayHistogram which, Histogram& since) {
    if (auto status = impl_->start(SegmentKind::server); !status) return status;
    since.clear();
    const auto index = static_cast<std::size_t>(which);
    if (index < impl_->parts.histograms.count)
        Histogram::difference(impl_->histogram(index), impl_->delays_read[index], since);
    return impl_->check();
}

} // namespace connscope::telemetry
