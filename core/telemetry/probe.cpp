// SPDX-License-Identifier: BSL-1.0
#include "connscope/telemetry/probe.hpp"

#include "connscope/telemetry/segment_file.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <mutex>

namespace connscope::telemetry {

using layout::EventKind;
using layout::Slot;

void ThreadProbe::event(EventKind kind, std::uint64_t connection, Ticks begin, Ticks length) const noexcept {
    if (events == nullptr) return;
    std::uint64_t number = 0;
    if (shared)
        number = ring->written.fetch_add(1, std::memory_order_relaxed); // hands out numbers; the event orders itself
    else
        number = ring->written.load(std::memory_order_relaxed);
    layout::Event& event = events[number & events_mask];
    __builtin_prefetch(&events[(number + 2) & events_mask]); // the ring is larger than the nearer caches
    event.sequence.store(0, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release); // nobody sees new values under the old number
    event.begin_ticks.store(begin, std::memory_order_relaxed);
    event.length_and_kind.store(length << 8 | static_cast<std::uint64_t>(kind), std::memory_order_relaxed);
    event.connection_and_thread.store(connection << 24 | (thread & 0xff'ffffu), std::memory_order_relaxed);
    event.sequence.store(number + 1, std::memory_order_release);             // pairs with the reader's acquire load
    if (!shared) ring->written.store(number + 1, std::memory_order_release); // likewise
}

struct ProbeServer::Impl {
    explicit Impl(SegmentFile made)
        : segment(std::move(made)) {}

    SegmentFile segment;
    Slot* slots = nullptr;
    layout::Ring* rings = nullptr;
    layout::Event* events = nullptr;
    layout::Gauges* gauges = nullptr;
    std::atomic<std::uint64_t>* histograms = nullptr;
    std::uint64_t capacity = 0;
    bool own_slots = false;
    std::uint32_t own_rings = 0;
    std::uint32_t shared_rings = 0;
    std::uint32_t events_per_ring = 0;

    std::mutex mutex; // guards what follows
    std::vector<std::uint32_t> free_slots;
    std::uint32_t slots_used = 0;
    std::vector<bool> reserved; // with own_slots, by slots_at_once
    std::uint64_t next_id = 1;

    ThreadProbe probe_of(std::uint32_t ring, bool shared) const {
        ThreadProbe probe;
        probe.ring = &rings[ring];
        probe.events = events + std::uint64_t{ring} * events_per_ring;
        probe.events_mask = events_per_ring - 1;
        probe.thread = static_cast<std::uint32_t>(::gettid());
        probe.shared = shared;
        return probe;
    }
};

namespace {

// Which server the calling thread reports to, and where. A thread works for one server at a time.
struct Entered {
    const ProbeServer* server = nullptr;
    ThreadProbe probe;
};
thread_local Entered entered;

// Marks a slot as being written for as long as it lives; the reader tries again when it sees an odd or changed sequence.
class SlotWrite {
public:
    explicit SlotWrite(Slot& slot) noexcept
        : slot_(slot)
        , sequence_(slot.sequence.load(std::memory_order_relaxed)) {
        slot_.sequence.store(sequence_ + 1, std::memory_order_relaxed);
        std::atomic_thread_fence(std::memory_order_release); // the odd sequence is seen before any new value
    }
    SlotWrite(const SlotWrite&) = delete;
    SlotWrite& operator=(const SlotWrite&) = delete;
    ~SlotWrite() { slot_.sequence.store(sequence_ + 2, std::memory_order_release); } // pairs with the reader's acquire

private:
    Slot& slot_;
    std::uint32_t sequence_;
};

// All plain reads and writes of a slot's fields: one writer, and SlotWrite gives the order.
template <class T>
void put(std::atomic<T>& field, std::type_identity_t<T> value) noexcept {
    field.store(value, std::memory_order_relaxed);
}
template <class T>
T get(const std::atomic<T>& field) noexcept {
    return field.load(std::memory_order_relaxed);
}
template <class T>
void increase(std::atomic<T>& field, std::type_identity_t<T> by) noexcept {
    put(field, static_cast<T>(get(field) + by));
}

EventKind slice_event(ConnectionState next) noexcept {
    switch (next) {
    case ConnectionState::waiting_read:
        return EventKind::slice_to_read;
    case ConnectionState::waiting_write:
        return EventKind::slice_to_write;
    case ConnectionState::paused:
        return EventKind::slice_to_pause;
    case ConnectionState::ready:
        return EventKind::slice_to_ready;
    case ConnectionState::running:
    case ConnectionState::none:
        break;
    }
    return EventKind::slice_to_close;
}

constexpr std::uint64_t slots_at_once = 256; // 48 KiB

bool is(const Slot& slot, ConnectionState state) noexcept { return get(slot.state) == static_cast<std::uint8_t>(state); }
bool has(const Slot& slot, std::uint8_t flag) noexcept { return (get(slot.flags) & flag) != 0; }

// The state's begin is known exactly.
void since(Slot& slot, ConnectionState state, Ticks now) noexcept {
    put(slot.state, static_cast<std::uint8_t>(state));
    put(slot.state_since_ticks, now);
    if (has(slot, layout::slot_flags::rough_since)) [[unlikely]]
        put(slot.flags, get(slot.flags) & ~layout::slot_flags::rough_since);
}

// Ends the running slice of a slot, if there is one: its time goes to the slot, the thread's counters and its events.
void end_slice(Slot& slot, std::uint64_t id, const ThreadProbe& thread, Ticks now, EventKind kind) noexcept {
    if (!is(slot, ConnectionState::running)) return;
    if (has(slot, layout::slot_flags::rough_since)) [[unlikely]] // began when nobody read
        return thread.add(thread.ring->slices, 1);
    const Ticks begin = get(slot.state_since_ticks);
    const Ticks length = now - begin;
    increase(slot.run_ticks, length);
    if (length > get(slot.longest_slice_ticks)) put(slot.longest_slice_ticks, length);
    thread.add(thread.ring->slices, 1);
    thread.add(thread.ring->run_ticks, length);
    thread.event(kind, id, begin, length);
}

} // namespace

#if defined(CONNSCOPE_PROBE_OFF)

void ConnectionProbe::resume(Ticks) noexcept {}
void ConnectionProbe::resume_at(Ticks, Ticks) noexcept {}
void ConnectionProbe::suspend(ConnectionState, bool, const void*) noexcept {}
void ConnectionProbe::suspend_at(Ticks, ConnectionState, bool, const void*) noexcept {}
void ConnectionProbe::untimed(ConnectionState, Ticks) noexcept {}
void ConnectionProbe::received(std::size_t) noexcept {}
void ConnectionProbe::sent(std::size_t) noexcept {}
void ConnectionProbe::requests(std::uint64_t) noexcept {}
Ticks ConnectionProbe::slice_began() const noexcept { return ticks(); }

#else

void ConnectionProbe::resume(Ticks ready_since) noexcept {
    if (slot_ == nullptr) return;
    __builtin_prefetch(&slot_->bytes_in); // the counters of what the slice will do
    resume_at(ticks(), ready_since);
}

void ConnectionProbe::resume_at(Ticks now, Ticks ready_since) noexcept {
    if (slot_ == nullptr) return;
    const ThreadProbe& thread = server_->thread_probe();
    const SlotWrite write(*slot_);
    if (ready_since == 0 && is(*slot_, ConnectionState::ready) && !has(*slot_, layout::slot_flags::rough_since))
        ready_since = get(slot_->state_since_ticks);
    if (ready_since != 0 && ready_since < now) {
        const Ticks delay = now - ready_since;
        increase(slot_->ready_ticks, delay);
        if (delay > get(slot_->longest_ready_ticks)) put(slot_->longest_ready_ticks, delay);
        record(server_->delays(layout::DelayHistogram::from_readiness), process_clock().duration(delay));
    }
    since(*slot_, ConnectionState::running, now);
    put(slot_->thread, thread.thread);
    increase(slot_->slices, 1);
}

void ConnectionProbe::suspend(ConnectionState state, bool user_space, const void* where) noexcept {
    if (slot_ == nullptr) return;
    suspend_at(ticks(), state, user_space, where);
}

void ConnectionProbe::suspend_at(Ticks now, ConnectionState state, bool user_space, const void* where) noexcept {
    if (slot_ == nullptr) return;
    const ThreadProbe& thread = server_->thread_probe();
    const SlotWrite write(*slot_);
    end_slice(*slot_, id_, thread, now, slice_event(state));
    since(*slot_, state, now);
    if (where != nullptr) put(slot_->suspended_at, reinterpret_cast<std::uint64_t>(where)); // else as carried_by() left it
    if (user_space) {
        increase(slot_->user_space_switches, 1);
        thread.add(thread.ring->user_space_switches, 1);
    }
}

void ConnectionProbe::untimed(ConnectionState state, Ticks about) noexcept {
    if (slot_ == nullptr) return;
    const ThreadProbe& thread = server_->thread_probe();
    const SlotWrite write(*slot_);
    if (state == ConnectionState::running) {
        put(slot_->thread, thread.thread);
        increase(slot_->slices, 1);
    } else {
        if (is(*slot_, ConnectionState::running)) thread.add(thread.ring->slices, 1);
        increase(slot_->user_space_switches, 1);
        thread.add(thread.ring->user_space_switches, 1);
    }
    put(slot_->state, static_cast<std::uint8_t>(state));
    put(slot_->state_since_ticks, about);
    put(slot_->flags, layout::slot_flags::partly_timed | layout::slot_flags::rough_since);
}

Ticks ConnectionProbe::slice_began() const noexcept { return slot_ ? get(slot_->state_since_ticks) : ticks(); }

void ConnectionProbe::received(std::size_t bytes) noexcept {
    if (slot_ == nullptr) return;
    increase(slot_->bytes_in, bytes);
    const ThreadProbe& thread = server_->thread_probe();
    thread.add(thread.ring->bytes_in, bytes);
}

void ConnectionProbe::sent(std::size_t bytes) noexcept {
    if (slot_ == nullptr) return;
    increase(slot_->bytes_out, bytes);
    const ThreadProbe& thread = server_->thread_probe();
    thread.add(thread.ring->bytes_out, bytes);
}

void ConnectionProbe::requests(std::uint64_t completed) noexcept {
    if (slot_ == nullptr) return;
    const std::uint64_t before = get(slot_->requests);
    if (completed == before) return;
    put(slot_->requests, completed);
    const ThreadProbe& thread = server_->thread_probe();
    thread.add(thread.ring->requests, completed - before);
}

#endif

std::uint32_t ConnectionProbe::slot_index() const noexcept {
    return slot_ ? static_cast<std::uint32_t>(slot_ - server_->impl_->slots) : 0;
}

void ConnectionProbe::stamped_delay(std::chrono::nanoseconds delay) noexcept {
    if (slot_ == nullptr || delay.count() < 0) return;
    const auto ns = static_cast<std::uint64_t>(delay.count());
    increase(slot_->stamped_delay_ns, ns);
    increase(slot_->stamped_count, 1);
    if (ns > get(slot_->longest_stamped_delay_ns)) put(slot_->longest_stamped_delay_ns, ns);
    record(server_->delays(layout::DelayHistogram::from_stamp), delay);
}

void ConnectionProbe::carried_by(CarrierKind kind, std::uint8_t mode, const void* address, std::uint32_t bytes) noexcept {
    if (slot_ == nullptr) return;
    const SlotWrite write(*slot_);
    put(slot_->carrier, static_cast<std::uint8_t>(kind));
    put(slot_->mode, mode);
    put(slot_->carrier_address, reinterpret_cast<std::uint64_t>(address));
    put(slot_->carrier_bytes, bytes);
    put(slot_->suspended_at, 0);
    put(slot_->voluntary_switches, ~0u); // the carrier before may have been a thread of its own
    put(slot_->involuntary_switches, ~0u);
}

void ConnectionProbe::carrier_is(CarrierKind kind) noexcept {
    if (slot_ == nullptr) return;
    const SlotWrite write(*slot_);
    put(slot_->carrier, static_cast<std::uint8_t>(kind));
}

void ConnectionProbe::let_go() noexcept {
    if (slot_ == nullptr) return;
    const ThreadProbe& thread = server_->thread_probe();
    const Ticks now = ticks();
    const SlotWrite write(*slot_);
    end_slice(*slot_, id_, thread, now, EventKind::slice_to_hand_off);
    since(*slot_, ConnectionState::ready, now);
    put(slot_->carrier, static_cast<std::uint8_t>(CarrierKind::none));
    put(slot_->carrier_address, 0);
    put(slot_->carrier_bytes, 0);
    put(slot_->suspended_at, 0);
    put(slot_->voluntary_switches, ~0u);
    put(slot_->involuntary_switches, ~0u);
    increase(slot_->hand_offs, 1);
}

void ConnectionProbe::session_bytes(std::size_t bytes) noexcept {
    if (slot_ == nullptr) return;
    put(slot_->session_bytes, static_cast<std::uint32_t>(std::min<std::size_t>(bytes, ~0u)));
}

void ConnectionProbe::carrier_bytes(std::size_t bytes) noexcept {
    if (slot_ == nullptr) return;
    put(slot_->carrier_bytes, static_cast<std::uint32_t>(std::min<std::size_t>(bytes, ~0u)));
}

void ConnectionProbe::kernel_switches(std::uint32_t voluntary, std::uint32_t involuntary) noexcept {
    if (slot_ == nullptr) return;
    put(slot_->voluntary_switches, voluntary);
    put(slot_->involuntary_switches, involuntary);
}

void ConnectionProbe::close() noexcept {
    if (slot_ == nullptr) return;
    {
        const ThreadProbe& thread = server_->thread_probe();
        const Ticks now = ticks();
        const SlotWrite write(*slot_);
        end_slice(*slot_, id_, thread, now, EventKind::slice_to_close);
        put(slot_->state, static_cast<std::uint8_t>(ConnectionState::none));
        put(slot_->state_since_ticks, now);
        put(slot_->id, 0);
    }
    std::exchange(server_, nullptr)->free(std::exchange(slot_, nullptr));
}

Outcome<std::unique_ptr<ProbeServer>> ProbeServer::create(const ProbeOptions& options) {
    assert(std::has_single_bit(options.events_per_ring) && options.shared_rings > 0);
    assert(options.modes.size() <= layout::max_modes);
    const std::uint32_t rings = options.rings + options.shared_rings;
    auto segment = SegmentFile::create({
        .kind = layout::SegmentKind::server,
        .name = options.name,
        .program = options.program,
        .sections = {{layout::SectionKind::gauges, sizeof(layout::Gauges), 1},
                     {layout::SectionKind::rings, sizeof(layout::Ring), rings},
                     {layout::SectionKind::histograms, sizeof(std::uint64_t) * HistogramBuckets::count,
                      static_cast<std::uint64_t>(layout::DelayHistogram::count_)},
                     {layout::SectionKind::connections, sizeof(Slot), options.connections, !options.own_slots},
                     {layout::SectionKind::events, sizeof(layout::Event), std::uint64_t{rings} * options.events_per_ring,
                      false}},
    });
    if (!segment) return std::move(segment).error();

    auto impl = std::make_unique<Impl>(std::move(*segment));
    impl->slots = impl->segment.section<Slot>(layout::SectionKind::connections);
    impl->rings = impl->segment.section<layout::Ring>(layout::SectionKind::rings);
    impl->events = impl->segment.section<layout::Event>(layout::SectionKind::events);
    impl->gauges = impl->segment.section<layout::Gauges>(layout::SectionKind::gauges);
    impl->histograms = impl->segment.section<std::atomic<std::uint64_t>>(layout::SectionKind::histograms);
    impl->capacity = options.connections;
    impl->own_slots = options.own_slots;
    if (options.own_slots) impl->reserved.resize((options.connections + slots_at_once - 1) / slots_at_once);
    impl->own_rings = options.rings;
    impl->shared_rings = options.shared_rings;
    impl->events_per_ring = options.events_per_ring;
    for (auto& gauge : impl->gauges->values) put(gauge, layout::not_available);
    for (std::uint32_t i = options.rings; i < rings; ++i) put(impl->rings[i].shared, 1);
    layout::Header& header = impl->segment.header();
    for (std::size_t i = 0; i < options.modes.size(); ++i) copy_text(header.modes[i], options.modes[i]);
    return std::unique_ptr<ProbeServer>(new ProbeServer(std::move(impl)));
}

ProbeServer::ProbeServer(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}
ProbeServer::~ProbeServer() = default;

const std::filesystem::path& ProbeServer::path() const noexcept { return impl_->segment.path(); }
std::uint64_t ProbeServer::capacity() const noexcept { return impl_->capacity; }

void ProbeServer::describe(const std::string& protocol, const std::string& address, const std::string& control_path) {
    layout::Header& header = impl_->segment.header();
    copy_text(header.protocol, protocol);
    copy_text(header.address, address);
    copy_text(header.control_path, control_path);
    beat();
    impl_->segment.complete();
}

ConnectionProbe ProbeServer::open(const PeerAddress& peer, std::uint64_t socket_inode) {
    std::uint32_t index = 0;
    std::uint64_t id = 0;
    {
        const std::lock_guard lock(impl_->mutex);
        if (!impl_->free_slots.empty()) {
            index = impl_->free_slots.back();
            impl_->free_slots.pop_back();
        } else if (impl_->slots_used < impl_->capacity) {
            index = impl_->slots_used++;
            // Readers look no further than this; pairs with their acquire load.
            impl_->segment.header().slots_used.store(impl_->slots_used, std::memory_order_release);
        } else {
            return {};
        }
        id = impl_->next_id++;
    }
    return open(index, id, peer, socket_inode);
}

ConnectionProbe ProbeServer::open_at(std::uint32_t index, const PeerAddress& peer, std::uint64_t socket_inode) {
    std::uint64_t id = 0;
    {
        const std::lock_guard lock(impl_->mutex);
        assert(impl_->own_slots);
        if (index >= impl_->capacity) return {};
        const std::uint64_t chunk = index / slots_at_once;
        if (!impl_->reserved[chunk]) {
            const std::uint64_t first = chunk * slots_at_once;
            if (!impl_->segment.reserve(layout::SectionKind::connections, first,
                                        std::min(slots_at_once, impl_->capacity - first)))
                return {};
            impl_->reserved[chunk] = true;
        }
        if (index >= impl_->slots_used) {
            impl_->slots_used = index + 1;
            // As in open(). Slots below it that were never used read as zero, which is free.
            impl_->segment.header().slots_used.store(impl_->slots_used, std::memory_order_release);
        }
        id = impl_->next_id++;
    }
    return open(index, id, peer, socket_inode);
}

ConnectionProbe ProbeServer::open(std::uint32_t index, std::uint64_t id, const PeerAddress& peer,
                                  std::uint64_t socket_inode) {
    Slot& slot = impl_->slots[index];
    const Ticks now = ticks();
    {
        const SlotWrite write(slot);
        put(slot.state, static_cast<std::uint8_t>(ConnectionState::ready));
        put(slot.carrier, static_cast<std::uint8_t>(CarrierKind::none));
        put(slot.mode, 0);
        put(slot.flags, 0);
        put(slot.state_since_ticks, now);
        put(slot.opened_ticks, now);
        for (auto* field :
             {&slot.run_ticks, &slot.ready_ticks, &slot.longest_ready_ticks, &slot.slices, &slot.longest_slice_ticks,
              &slot.bytes_in, &slot.bytes_out, &slot.requests, &slot.suspended_at, &slot.stamped_delay_ns,
              &slot.longest_stamped_delay_ns, &slot.stamped_count, &slot.carrier_address})
            put(*field, 0);
        for (auto* field :
             {&slot.thread, &slot.user_space_switches, &slot.carrier_bytes, &slot.hand_offs, &slot.session_bytes})
            put(*field, 0);
        put(slot.voluntary_switches, ~0u);
        put(slot.involuntary_switches, ~0u);
        std::array<std::uint64_t, 2> address{};
        static_assert(sizeof(address) == sizeof(peer.bytes));
        std::copy(peer.bytes.begin(), peer.bytes.end(), reinterpret_cast<std::uint8_t*>(address.data()));
        put(slot.peer_address[0], address[0]);
        put(slot.peer_address[1], address[1]);
        put(slot.peer_port, peer.port);
        put(slot.peer_family, peer.family);
        put(slot.socket_inode, socket_inode);
        put(slot.id, id);
    }
    thread_probe().event(EventKind::opened, id, now, 0);
    return {this, &slot, id};
}

ConnectionProbe ProbeServer::opened(std::uint32_t slot, std::uint64_t id) noexcept {
    return {this, &impl_->slots[slot], id};
}

int ProbeServer::file() const noexcept { return impl_->segment.file(); }

bool ProbeServer::watched() const noexcept { return impl_->segment.watched(); }

void ProbeServer::free(Slot* slot) noexcept {
    if (impl_->own_slots) return;
    const std::lock_guard lock(impl_->mutex);
    impl_->free_slots.push_back(static_cast<std::uint32_t>(slot - impl_->slots));
}

void ProbeServer::enter_thread(bool own_ring) {
    const auto thread = static_cast<std::uint32_t>(::gettid());
    for (std::uint32_t i = 0; own_ring && i < impl_->own_rings; ++i) {
        std::uint32_t nobody = 0;
        // Acquire pairs with leave_thread(): the ring's counters are as its last owner left them.
        if (!impl_->rings[i].owner.compare_exchange_strong(nobody, thread, std::memory_order_acquire)) continue;
        entered = {this, impl_->probe_of(i, false)};
        if (!impl_->segment.reserve(layout::SectionKind::events, std::uint64_t{i} * impl_->events_per_ring,
                                    impl_->events_per_ring))
            entered.probe.events = nullptr;
        return;
    }
    const std::uint32_t ring = impl_->own_rings + thread % impl_->shared_rings;
    entered = {this, impl_->probe_of(ring, true)};
    if (!impl_->segment.reserve(layout::SectionKind::events, std::uint64_t{ring} * impl_->events_per_ring,
                                impl_->events_per_ring))
        entered.probe.events = nullptr;
}

void ProbeServer::leave_thread() noexcept {
    if (entered.server != this) return;
    // Release pairs with enter_thread() of the ring's next owner.
    if (!entered.probe.shared) entered.probe.ring->owner.store(0, std::memory_order_release);
    entered = {};
}

ThreadProbe& ProbeServer::thread_probe() noexcept {
    if (entered.server != this) [[unlikely]]
        enter_thread(false);
    return entered.probe;
}

void ProbeServer::set_mode(std::uint8_t mode) noexcept {
    layout::Header& header = impl_->segment.header();
    put(header.mode, mode);
    header.mode_changes.fetch_add(1, std::memory_order_relaxed); // a statistic
    thread_probe().event(EventKind::mode_changed, mode, ticks(), 0);
}

void ProbeServer::set(Gauge which, std::uint64_t value) noexcept {
    put(impl_->gauges->values[static_cast<std::size_t>(which)], value);
}

void ProbeServer::add(Gauge which, std::int64_t amount) noexcept {
    auto& gauge = impl_->gauges->values[static_cast<std::size_t>(which)];
    std::uint64_t before = gauge.load(std::memory_order_relaxed);
    std::uint64_t after = 0;
    do {
        after = (before == layout::not_available ? 0 : before) + static_cast<std::uint64_t>(amount);
    } while (!gauge.compare_exchange_weak(before, after, std::memory_order_relaxed)); // a statistic
}

std::uint64_t ProbeServer::get(Gauge which) const noexcept {
    const std::uint64_t value = telemetry::get(impl_->gauges->values[static_cast<std::size_t>(which)]);
    return value == layout::not_available ? 0 : value;
}

void ProbeServer::beat() noexcept {
    impl_->segment.write_clock();
    impl_->segment.header().heartbeat_ticks.store(ticks(), std::memory_order_release); // gauges before it are seen with it
}

HistogramCounters ProbeServer::delays(layout::DelayHistogram which) noexcept {
    return HistogramCounters(impl_->histograms + static_cast<std::size_t>(which) * HistogramBuckets::count,
                             HistogramBuckets::count);
}

Slot& ProbeServer::slot(std::uint32_t index) noexcept { return impl_->slots[index]; }

} // namespace connscope::telemetry
