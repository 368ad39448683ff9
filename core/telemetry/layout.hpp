// SPDX-License-Identifier: BSL-1.0
#pragma once

// The segment, version 1: what lies where in the shared-memory file that a probe writes and observers read.
//
// A file is a header, followed by sections whose kind, place and size the header tells. Everything is little-endian and
// 8-byte aligned; every field that changes after creation is a lock-free atomic. A writer may be stopped or killed between
// any two stores: a reader must expect that and trust no size, offset or enumerator it has not checked.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace connscope::telemetry {

// What a connection is doing, as its carrier reported it last.
enum class ConnectionState : std::uint8_t {
    none = 0,      // the slot is free
    running,       // a CPU was given to it: between a resume and the next suspend
    ready,         // could run and waits for its turn: yielded, queued for a worker, or on its way between carriers
    waiting_read,  // suspended until its peer sends
    waiting_write, // suspended until its peer takes what was sent
    paused,        // suspended until a time
};
inline constexpr std::size_t connection_state_count = 6;

// What carries a connection's control and state.
enum class CarrierKind : std::uint8_t {
    none = 0,  // accepted or released, and not yet carried
    thread,    // an OS thread
    coroutine, // a stackless frame
    fiber,     // a stack of its own, switched in user space
    closure,   // a completion handler
    process,   // a process of its own
};
inline constexpr std::size_t carrier_kind_count = 6;

// Numbers about the whole server that it alone can know. What was never set reads as not available.
enum class Gauge : std::uint32_t {
    user_cpu_ns,             // getrusage(RUSAGE_SELF), threads that ended included
    system_cpu_ns,           //
    voluntary_switches,      // ru_nvcsw: a thread blocked or yielded
    involuntary_switches,    // ru_nivcsw: a thread was preempted
    minor_faults,            //
    major_faults,            //
    threads,                 // of the process, all kinds
    heap_used_bytes,         // mallinfo2: uordblks + hblkhd
    heap_reserved_bytes,     // mallinfo2: arena + hblkhd
    idle_private_bytes,      // RssAnon + page tables + kernel stacks when no connection had been accepted yet
    connections_open,        //
    connections_accepted,    // since the start
    connections_closed,      // since the start, for any reason
    connections_refused,     // since the start: accepted by the kernel and turned away here
    closed_by_peer,          //
    closed_by_reset,         //
    closed_by_protocol,      // the session asked for it
    closed_by_timeout,       //
    closed_by_request,       // control, drain, shutdown
    closed_by_error,         // any other error
    hand_offs,               // connections moved from one carrier to another since the start
    hand_offs_pending,       // on their way now
    last_hand_off_ns,        // how long the last change of mode took, from request to the last connection's adoption
    last_hand_off_count,     // how many connections it moved
    carriers_thread,         // alive now, by kind
    carriers_coroutine,      //
    carriers_fiber,          //
    carriers_closure,        //
    carriers_process,        //
    carrier_bytes_thread,    // user memory of the carriers: stacks reserved, frames, closures
    carrier_bytes_coroutine, //
    carrier_bytes_fiber,     //
    carrier_bytes_closure,   //
    carrier_bytes_process,   //
    worker_threads,          // threads that run more than one connection: loops and pool workers
    queued,                  // connections waiting for a pool worker
    session_bytes,           // memory held by sessions and their buffers
    count_                   // how many there are in this version
};
inline constexpr std::size_t gauge_count = static_cast<std::size_t>(Gauge::count_);

namespace layout {

inline constexpr std::array<char, 8> magic{'c', 'o', 'n', 'n', 's', 'c', 'p', '\n'};
inline constexpr std::uint32_t version = 1;
inline constexpr std::uint64_t not_available = ~std::uint64_t{0};

enum class SegmentKind : std::uint32_t { server = 1, load = 2 };

enum class SectionKind : std::uint32_t {
    gauges = 1,      // Gauges, one
    connections = 2, // Slot, one per connection that may be open
    rings = 3,       // Ring, one per ring of events
    events = 4,      // Event, events_per_ring of them for each ring, ring after ring
    histograms = 5,  // Histogram counters, one array for each DelayHistogram or population
    load = 6,        // LoadGauges, one
    populations = 7, // Population
};
inline constexpr std::size_t max_sections = 16;
inline constexpr std::size_t max_modes = 16;

struct Section {
    std::uint32_t kind;   // SectionKind; unknown kinds are skipped
    std::uint32_t stride; // bytes from one element to the next; at least the element's size
    std::uint64_t offset; // from the start of the file
    std::uint64_t count;  // elements
};

// How ticks become time. Written anew several times a second; `sequence` is odd while that happens.
struct Clock {
    std::atomic<std::uint32_t> sequence;
    std::atomic<std::uint32_t> kind; // ClockKind
    std::atomic<std::uint64_t> anchor_ticks;
    std::atomic<std::int64_t> anchor_monotonic_ns;
    std::atomic<std::int64_t> anchor_realtime_ns;
    std::atomic<double> ns_per_tick;
};

struct Header {
    std::array<char, 8> magic;
    std::uint32_t version;
    std::uint32_t header_bytes;
    std::uint64_t file_bytes;
    std::uint32_t kind; // SegmentKind
    std::uint32_t pid;
    std::uint64_t pid_start_time; // field 22 of /proc/PID/stat: tells a pid from its reuse
    std::int64_t started_realtime_ns;
    std::atomic<std::uint32_t> complete; // 1 once everything before it is written
    std::uint32_t section_count;
    std::array<Section, max_sections> sections;
    std::array<char, 64> name; // zero-terminated, like all text here
    std::array<char, 32> program;
    std::array<char, 32> protocol;
    std::array<char, 64> address; // where it listens (server) or connects (load)
    std::array<char, 128> control_path;
    std::array<std::array<char, 32>, max_modes> modes; // names of the modes by number
    std::atomic<std::uint32_t> mode;                   // number of the mode that new connections get
    std::atomic<std::uint32_t> ended;                  // 1 once the writer has left in good order
    std::atomic<std::uint64_t> heartbeat_ticks;        // when the gauges were last written
    std::atomic<std::uint64_t> mode_changes;           // how often the mode was set since the start
    std::atomic<std::uint64_t> slots_used;             // slots at or above this number were never used
    Clock clock;
};

struct Gauges {
    std::array<std::atomic<std::uint64_t>, gauge_count> values;
};

// Of a connection whose slices are not timed while nobody reads the segment (connscope::asio's).
namespace slot_flags {
inline constexpr std::uint8_t partly_timed = 1; // of some slices the time is not known
inline constexpr std::uint8_t rough_since = 2;  // state_since_ticks is too early: by 0.1 s at most, and the slice before
} // namespace slot_flags

// One connection: three cache lines, sorted by how often they are written. One writer at a time: whoever carries the
// connection. `sequence` is odd while a slot is being written.
struct alignas(64) Slot {
    // every slice
    std::atomic<std::uint32_t> sequence;
    std::atomic<std::uint8_t> state;   // ConnectionState
    std::atomic<std::uint8_t> carrier; // CarrierKind
    std::atomic<std::uint8_t> mode;    // index of Header::modes
    std::atomic<std::uint8_t> flags;   // slot_flags
    std::atomic<std::uint64_t> state_since_ticks;
    std::atomic<std::uint64_t> run_ticks;   // finished slices only; a running one began at state_since_ticks
    std::atomic<std::uint64_t> ready_ticks; // sum of scheduling delays from readiness
    std::atomic<std::uint64_t> longest_ready_ticks;
    std::atomic<std::uint64_t> slices;              // begun
    std::atomic<std::uint64_t> longest_slice_ticks; // finished slices only
    std::atomic<std::uint32_t> thread;              // kernel thread id of the last slice
    std::atomic<std::uint32_t> user_space_switches;
    // every request
    std::atomic<std::uint64_t> bytes_in;
    std::atomic<std::uint64_t> bytes_out;
    std::atomic<std::uint64_t> requests;
    std::atomic<std::uint64_t> suspended_at;     // code address where it continues, 0 if unknown
    std::atomic<std::uint64_t> stamped_delay_ns; // sum of scheduling delays from the kernel's arrival stamp
    std::atomic<std::uint64_t> longest_stamped_delay_ns;
    std::atomic<std::uint64_t> stamped_count;
    std::atomic<std::uint32_t> voluntary_switches;   // of its own thread; 0xffffffff where it has none
    std::atomic<std::uint32_t> involuntary_switches; //
    // rarely
    std::atomic<std::uint64_t> id; // 0 = free
    std::atomic<std::uint64_t> opened_ticks;
    std::atomic<std::uint64_t> carrier_address; // frame, stack or closure
    std::atomic<std::uint32_t> carrier_bytes;   // frame's or closure's exact size; stack reserved
    std::atomic<std::uint32_t> hand_offs;
    std::array<std::atomic<std::uint64_t>, 2> peer_address; // 16 bytes, network order; IPv4 in the first 4
    std::atomic<std::uint16_t> peer_port;                   // host order
    std::atomic<std::uint8_t> peer_family;                  // 4, 6, 0 = not an IP socket
    std::atomic<std::uint8_t> reserved;
    std::atomic<std::uint32_t> session_bytes;
    std::atomic<std::uint64_t> socket_inode; // joins the slot with sock_diag; 0 = unknown
};
static_assert(sizeof(Slot) == 192);

// Why a slice ended, or what else an event says.
enum class EventKind : std::uint8_t {
    slice_to_read = 1, // ran, then waits for its peer to send
    slice_to_write,
    slice_to_ready, // ran, then yielded
    slice_to_pause,
    slice_to_close,
    slice_to_hand_off,
    opened,       // an instant
    mode_changed, // an instant; connection holds the mode's number
};

// One finished slice or an instant. `sequence` is the event's number in its ring plus one, and 0 while it is written.
struct Event {
    std::atomic<std::uint64_t> sequence;
    std::atomic<std::uint64_t> begin_ticks;
    std::atomic<std::uint64_t> length_and_kind;       // ticks << 8 | EventKind
    std::atomic<std::uint64_t> connection_and_thread; // connection id << 24 | thread id (pid_max is 22 bits)
};
static_assert(sizeof(Event) == 32);

// The events of one thread, or of several that share a ring, and what the threads counted on the way.
struct alignas(64) Ring {
    std::atomic<std::uint64_t> written; // events ever begun
    std::atomic<std::uint32_t> owner;   // thread id; 0 = nobody's or shared
    std::atomic<std::uint32_t> shared;  // 1: several threads write it
    std::atomic<std::uint64_t> slices;
    std::atomic<std::uint64_t> user_space_switches;
    std::atomic<std::uint64_t> requests;
    std::atomic<std::uint64_t> bytes_in;
    std::atomic<std::uint64_t> bytes_out;
    std::atomic<std::uint64_t> run_ticks;
};
static_assert(sizeof(Ring) == 64);

// Histograms of a server segment, by index.
enum class DelayHistogram : std::uint32_t { from_readiness, from_stamp, count_ };

// One population of clients and the totals of all (population 0 is "all").
enum class LoadCounter : std::uint32_t {
    target, // connections wanted
    open,
    opened, // since the start
    refused,
    reset,
    closed_by_peer,
    timed_out,
    sent, // requests
    completed,
    failed,
    corrupted,
    bytes_in,
    bytes_out,
    in_flight,      // requests sent and not answered
    overdue,        // requests whose intended time has passed and which were not yet sent
    offered_per_s,  // 0 = closed loop
    failed_status,  // of `failed`: answers that refused (http: other than 2xx)
    failed_garbage, // of `failed`: answers that were not in the protocol
    failed_lost,    // of `failed`: the connection ended before the answer
    failed_timeout, // of `failed`: no answer in time
    abandoned,      // requests whose connection was closed here before the answer: a population changed
    renewed,        // connections that the server announced to close after an answer and that were opened anew
    unavailable,    // connections that the system refused: no port, no file, no route
    closed,         // connections closed here on purpose
    count_
};
inline constexpr std::size_t load_counter_count = 32; // room for more

struct Population {
    std::atomic<std::uint32_t> sequence; // odd while name, kind and text are written
    std::atomic<std::uint32_t> in_use;
    std::array<std::atomic<char>, 32> name;
    std::array<std::atomic<char>, 128> text; // as it was given
    std::array<std::atomic<std::uint64_t>, load_counter_count> counters;
};

struct LoadGauges {
    std::atomic<std::uint64_t> user_cpu_ns;
    std::atomic<std::uint64_t> system_cpu_ns;
    std::atomic<std::uint64_t> bottleneck; // 1: the load itself cannot keep up
    std::atomic<std::uint64_t> running;    // 1: requests are being sent
    std::array<std::atomic<std::uint64_t>, 28> reserved;
};

static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<double>::is_always_lock_free);

} // namespace layout
} // namespace connscope::telemetry
