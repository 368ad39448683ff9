// SPDX-License-Identifier: BSL-1.0
#include "connscope/telemetry/probe.hpp"
#include "connscope/telemetry/reader.hpp"
#include "connscope/telemetry/runtime_folder.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

namespace connscope::telemetry {
namespace {

std::string unique_name() {
    static std::atomic<int> count{0};
    return "test-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
}

std::unique_ptr<ProbeServer> make_server(const std::string& name, std::uint64_t connections = 16) {
    auto server = ProbeServer::create({.name = name,
                                       .program = "test",
                                       .modes = {"one", "two"},
                                       .connections = connections,
                                       .rings = 4,
                                       .shared_rings = 2,
                                       .events_per_ring = 64});
    EXPECT_TRUE(server) << (server ? "" : server.error().text);
    (*server)->describe("echo", "127.0.0.1:1", "/nowhere");
    return std::move(*server);
}

std::filesystem::path path_of(const std::string& name) { return segment_path(*runtime_folder(), name); }

std::error_code error_of_opening(const std::filesystem::path& path) {
    auto reader = SegmentReader::open(path);
    if (reader) return {};
    EXPECT_FALSE(reader.error().text.empty());
    return reader.error().code;
}

// A file in the runtime folder, gone with the object.
class StrayFile {
public:
    explicit StrayFile(const std::string& content)
        : path_(path_of(unique_name())) {
        std::ofstream(path_) << content;
        ::chmod(path_.c_str(), 0600);
    }
    ~StrayFile() { ::unlink(path_.c_str()); }
    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

std::string content_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

TEST(segment, what_a_probe_reports_is_what_a_reader_reads) {
    const std::string name = unique_name();
    auto server = make_server(name);
    PeerAddress peer;
    peer.family = 4;
    peer.bytes = {127, 0, 0, 1};
    peer.port = 4711;
    ConnectionProbe probe = server->open(peer, 99);
    int carrier = 0;
    probe.carried_by(CarrierKind::coroutine, 1, &carrier, 712);
    probe.resume();
    probe.received(10);
    probe.sent(20);
    probe.requests(3);
    probe.suspend(ConnectionState::waiting_read, true);
    server->set(Gauge::threads, 7);
    server->set_mode(1);
    server->beat();

    auto reader = SegmentReader::open(path_of(name));
    ASSERT_TRUE(reader) << reader.error().text;
    EXPECT_EQ(reader->identity().pid, static_cast<std::uint32_t>(::getpid()));
    EXPECT_EQ(reader->identity().protocol, "echo");
    EXPECT_EQ(reader->identity().modes, (std::vector<std::string>{"one", "two"}));
    ServerReading reading;
    ASSERT_TRUE(reader->read(reading));
    EXPECT_EQ(reading.writer, WriterState::alive);
    EXPECT_EQ(reading.mode, 1u);
    EXPECT_EQ(reading.gauge(Gauge::threads), 7u);
    EXPECT_EQ(reading.gauge(Gauge::hand_offs), std::nullopt);
    EXPECT_EQ(reading.counters.requests, 3u);
    EXPECT_EQ(reading.counters.slices, 1u);
    EXPECT_EQ(reading.counters.user_space_switches, 1u);
    ASSERT_EQ(reading.connections.size(), 1u);
    const ConnectionReading& connection = reading.connections.front();
    EXPECT_EQ(connection.id, 1u);
    EXPECT_EQ(to_string(connection.peer), "127.0.0.1:4711");
    EXPECT_EQ(connection.state, ConnectionState::waiting_read);
    EXPECT_EQ(connection.carrier, CarrierKind::coroutine);
    EXPECT_EQ(connection.carrier_bytes, 712u);
    EXPECT_EQ(connection.carrier_address, reinterpret_cast<std::uint64_t>(&carrier));
    EXPECT_EQ(connection.bytes_in, 10u);
    EXPECT_EQ(connection.bytes_out, 20u);
    EXPECT_EQ(connection.thread, static_cast<std::uint32_t>(::gettid()));
    EXPECT_EQ(connection.socket_inode, 99u);
    EXPECT_GT(connection.run.count(), 0);
    EXPECT_EQ(connection.run, connection.longest_slice);
}

TEST(segment, a_running_slice_counts_before_it_ends) {
    const std::string name = unique_name();
    auto server = make_server(name);
    ConnectionProbe probe = server->open({}, 0);
    probe.resume();
    auto reader = SegmentReader::open(path_of(name));
    ASSERT_TRUE(reader);
    ServerReading first, second;
    ASSERT_TRUE(reader->read(first));
    while (monotonic_ns() < first.taken.count() + 1'000'000) {
    }
    ASSERT_TRUE(reader->read(second));
    EXPECT_EQ(second.connections.at(0).state, ConnectionState::running);
    EXPECT_GE((second.connections.at(0).run - first.connections.at(0).run).count(), 900'000);
    EXPECT_EQ(second.connections.at(0).longest_slice, second.connections.at(0).run);
}

TEST(segment, waiting_for_a_turn_is_counted_as_scheduling_delay) {
    const std::string name = unique_name();
    auto server = make_server(name);
    ConnectionProbe probe = server->open({}, 0);
    probe.resume();
    probe.suspend(ConnectionState::ready, true);
    const std::int64_t begin = monotonic_ns();
    while (monotonic_ns() < begin + 500'000) {
    }
    probe.resume();
    auto reader = SegmentReader::open(path_of(name));
    ServerReading reading;
    ASSERT_TRUE(reader->read(reading));
    EXPECT_GE(reading.connections.at(0).longest_ready.count(), 450'000);
    Histogram delays;
    ASSERT_TRUE(reader->read_delays(layout::DelayHistogram::from_readiness, delays));
    EXPECT_EQ(delays.total(), 2u); // from accept to the first slice, and after the yield
    EXPECT_GE(delays.max().count(), 450'000);
}

TEST(segment, a_closed_connection_frees_its_slot_and_its_id_is_never_used_again) {
    const std::string name = unique_name();
    auto server = make_server(name, 1);
    ConnectionProbe first = server->open({}, 0);
    EXPECT_TRUE(first);
    EXPECT_FALSE(server->open({}, 0)) << "there is one slot only";
    first.close();
    ConnectionProbe second = server->open({}, 0);
    EXPECT_EQ(second.id(), 2u);
    auto reader = SegmentReader::open(path_of(name));
    ServerReading reading;
    ASSERT_TRUE(reader->read(reading));
    EXPECT_EQ(reading.connections.size(), 1u);
}

TEST(segment, every_slice_is_an_event_and_those_not_read_in_time_are_counted) {
    const std::string name = unique_name();
    auto server = make_server(name);
    const EnteredThread stay(*server, true);
    ConnectionProbe probe = server->open({}, 0);
    auto reader = SegmentReader::open(path_of(name));
    EventsReading events;
    ASSERT_TRUE(reader->read_events(events));
    for (int i = 0; i < 10; ++i) {
        probe.resume();
        probe.suspend(ConnectionState::waiting_read, true);
    }
    ASSERT_TRUE(reader->read_events(events));
    ASSERT_EQ(events.events.size(), 10u);
    EXPECT_EQ(events.lost, 0u);
    EXPECT_EQ(events.events.front().connection, 1u);
    EXPECT_EQ(events.events.front().kind, layout::EventKind::slice_to_read);
    EXPECT_EQ(events.events.front().thread, static_cast<std::uint32_t>(::gettid()));
    for (int i = 0; i < 100; ++i) {
        probe.resume();
        probe.suspend(ConnectionState::waiting_read, true);
    }
    ASSERT_TRUE(reader->read_events(events));
    EXPECT_EQ(events.events.size(), 64u);
    EXPECT_EQ(events.lost, 36u);
}

TEST(segment, threads_that_share_a_ring_lose_no_event) {
    const std::string name = unique_name();
    auto server = make_server(name);
    auto reader = SegmentReader::open(path_of(name));
    EventsReading events;
    ASSERT_TRUE(reader->read_events(events));
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread)
        threads.emplace_back([&] {
            const EnteredThread stay(*server, false);
            ConnectionProbe probe = server->open({}, 0);
            for (int i = 0; i < 5; ++i) {
                probe.resume();
                probe.suspend(ConnectionState::waiting_read, false);
            }
        });
    for (auto& thread : threads) thread.join();
    ASSERT_TRUE(reader->read_events(events));
    EXPECT_EQ(events.events.size() + events.lost, 4u * 6u);
    EXPECT_EQ(events.lost, 0u);
    ServerReading reading;
    ASSERT_TRUE(reader->read(reading));
    EXPECT_EQ(reading.counters.slices, 20u);
}

TEST(segment, a_reader_beside_a_busy_writer_never_sees_a_torn_slot) {
    const std::string name = unique_name();
    auto server = make_server(name);
    std::atomic<bool> stop{false};
    std::thread writer([&] {
        const EnteredThread stay(*server, true);
        ConnectionProbe probe = server->open({}, 0);
        while (!stop.load()) { // the two always change together
            probe.carried_by(CarrierKind::thread, 0, reinterpret_cast<const void*>(0x1000), 0x1000);
            probe.carried_by(CarrierKind::fiber, 1, reinterpret_cast<const void*>(0x2000), 0x2000);
        }
    });
    auto reader = SegmentReader::open(path_of(name));
    ServerReading reading;
    int read = 0;
    for (int i = 0; i < 20'000; ++i) {
        ASSERT_TRUE(reader->read(reading));
        for (const ConnectionReading& connection : reading.connections) {
            if (connection.carrier == CarrierKind::none) continue;
            ++read;
            ASSERT_EQ(connection.carrier_address, connection.carrier_bytes);
            ASSERT_EQ(connection.carrier == CarrierKind::thread, connection.carrier_bytes == 0x1000);
        }
    }
    stop = true;
    writer.join();
    EXPECT_GT(read, 0);
}

TEST(segment, a_vanished_file_is_said_to_be_gone) {
    EXPECT_EQ(error_of_opening(path_of("no-such-segment")), SegmentErrc::vanished);
    const std::string name = unique_name();
    auto server = make_server(name);
    auto reader = SegmentReader::open(path_of(name));
    EXPECT_TRUE(reader->still_there());
    server.reset();
    EXPECT_FALSE(reader->still_there());
    ServerReading reading;
    ASSERT_TRUE(reader->read(reading)) << "what was mapped stays readable";
    EXPECT_EQ(reading.writer, WriterState::ended);
}

TEST(segment, a_foreign_file_is_refused) {
    const StrayFile file(std::string(5000, 'x'));
    EXPECT_EQ(error_of_opening(file.path()), SegmentErrc::foreign);
    const StrayFile tiny("hello world");
    EXPECT_EQ(error_of_opening(tiny.path()), SegmentErrc::foreign);
}

TEST(segment, a_half_written_file_is_refused_as_such) {
    const StrayFile empty("");
    EXPECT_EQ(error_of_opening(empty.path()), SegmentErrc::half_written);
    const StrayFile zeros(std::string(100'000, '\0'));
    EXPECT_EQ(error_of_opening(zeros.path()), SegmentErrc::half_written);
    const std::string name = unique_name();
    auto server = ProbeServer::create({.name = name, .program = "test", .modes = {}});
    ASSERT_TRUE(server);
    EXPECT_EQ(error_of_opening(path_of(name)), SegmentErrc::half_written) << "not described yet";
}

TEST(segment, a_newer_version_is_refused_with_both_numbers) {
    const std::string name = unique_name();
    const auto server = make_server(name);
    std::string content = content_of(path_of(name));
    const std::uint32_t newer = layout::version + 1;
    content.replace(offsetof(layout::Header, version), sizeof(newer), reinterpret_cast<const char*>(&newer), sizeof(newer));
    const StrayFile file(content);
    EXPECT_EQ(error_of_opening(file.path()), SegmentErrc::newer_version);
    EXPECT_NE(SegmentReader::open(file.path()).error().text.find("version 2"), std::string::npos);
}

TEST(segment, sections_outside_of_the_file_are_refused) {
    const std::string name = unique_name();
    const auto server = make_server(name);
    std::string content = content_of(path_of(name));
    for (std::size_t section = 0; section < 5; ++section) {
        std::string changed = content;
        const std::uint64_t huge = ~std::uint64_t{0} / 4;
        const std::size_t place = offsetof(layout::Header, sections) + section * sizeof(layout::Section);
        changed.replace(place + offsetof(layout::Section, count), sizeof(huge), reinterpret_cast<const char*>(&huge),
                        sizeof(huge));
        const StrayFile file(changed);
        EXPECT_EQ(error_of_opening(file.path()), SegmentErrc::damaged) << section;
    }
    const StrayFile cut(content.substr(0, content.size() / 2));
    EXPECT_EQ(error_of_opening(cut.path()), SegmentErrc::damaged);
}

TEST(segment, links_folders_and_files_that_others_may_write_are_refused) {
    const std::string name = unique_name();
    const auto server = make_server(name);
    const std::filesystem::path link = path_of(unique_name());
    std::filesystem::create_symlink(path_of(name), link);
    EXPECT_EQ(error_of_opening(link), SegmentErrc::not_a_file);
    std::filesystem::remove(link);
    EXPECT_EQ(error_of_opening(*runtime_folder()), SegmentErrc::not_a_file);
    ::chmod(path_of(name).c_str(), 0666);
    EXPECT_EQ(error_of_opening(path_of(name)), SegmentErrc::not_permitted);
}

TEST(segment, a_file_cut_short_under_a_reader_is_an_error_and_no_crash) {
    const std::string name = unique_name();
    auto server = make_server(name);
    const StrayFile copy(content_of(path_of(name)));
    auto reader = SegmentReader::open(copy.path());
    ASSERT_TRUE(reader) << reader.error().text;
    ASSERT_EQ(::truncate(copy.path().c_str(), 0), 0);
    ServerReading reading;
    const auto status = reader->read(reading);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, SegmentErrc::damaged);
}

TEST(segment, a_killed_server_can_still_be_read_and_its_name_be_used_again) {
    const std::string name = unique_name();
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        auto server = ProbeServer::create({.name = name, .program = "test", .modes = {"one"}});
        (*server)->describe("echo", "", "");
        ConnectionProbe probe = (*server)->open({}, 0);
        probe.resume();
        (*server)->beat();
        [[maybe_unused]] const auto written = ::write(ready[1], "x", 1);
        ::pause();
        ::_exit(1);
    }
    char byte = 0;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    auto reader = SegmentReader::open(path_of(name));
    ASSERT_TRUE(reader) << reader.error().text;
    EXPECT_FALSE(ProbeServer::create({.name = name, .program = "test"})) << "its writer lives";
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ServerReading reading;
    ASSERT_TRUE(reader->read(reading));
    EXPECT_EQ(reading.writer, WriterState::died);
    EXPECT_EQ(reading.connections.size(), 1u);
    const auto again = make_server(name);
    EXPECT_TRUE(again);
}

TEST(segment, names_that_could_leave_the_folder_are_refused) {
    for (const char* name : {"", "../x", "a/b", ".hidden", "a b"})
        EXPECT_FALSE(ProbeServer::create({.name = name, .program = "t"})) << name;
}

TEST(segment, several_segments_are_read_as_one) {
    const std::string first = unique_name(), second = unique_name();
    auto one = make_server(first), two = make_server(second);
    one->set(Gauge::threads, 3);
    two->set(Gauge::threads, 4);
    ConnectionProbe a = one->open({}, 0), b = two->open({}, 0), c = two->open({}, 0);
    SegmentSet set;
    set.add(std::move(*SegmentReader::open(path_of(first))));
    set.add(std::move(*SegmentReader::open(path_of(second))));
    ServerReading reading;
    ASSERT_TRUE(set.read(reading));
    EXPECT_EQ(reading.gauge(Gauge::threads), 7u);
    ASSERT_EQ(reading.connections.size(), 3u);
    EXPECT_EQ(reading.connections[0].segment, 0u);
    EXPECT_EQ(reading.connections[2].segment, 1u);
}

TEST(clock, ticks_become_monotonic_time) {
    const ClockCalibration& clock = process_clock();
    const std::int64_t before = monotonic_ns();
    const auto now = clock.monotonic(ticks());
    const std::int64_t after = monotonic_ns();
    EXPECT_GE(now.count(), before - 2'000'000);
    EXPECT_LE(now.count(), after + 2'000'000);
    EXPECT_NEAR(static_cast<double>(clock.at(now) - clock.anchor_ticks), static_cast<double>(ticks() - clock.anchor_ticks),
                1e7);
}

} // namespace
} // namespace connscope::telemetry
