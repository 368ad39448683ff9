// SPDX-License-Identifier: BSL-1.0
#pragma once

// A real server with a connection whose anatomy is read, for the tests that look at it.

#include "../sanitized.hpp"
#include "../support.hpp"

#include "connscope/observe/anatomy/anatomy.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace connscope::test {

using observe::Anatomy;
using observe::AnatomyReader;
using observe::AnatomyRow;

// A server process with one connection, and who reads its anatomy.
class Watched {
public:
    explicit Watched(const std::string& program = "connscope-serve",
                     const std::vector<std::string>& more = {"--stamp-every", "0"})
        : serve_(command(program, more)) {
        const std::string ready = serve_.line();
        const std::string address = ready.substr(0, ready.find(" mode"));
        port_ = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
        client_.emplace(port_);
        auto control = control::Client::connect(field(ready, "control"));
        EXPECT_TRUE(control) << (control ? "" : control.error().text);
        control_.emplace(std::move(*control));
        auto segment =
            telemetry::SegmentReader::open(telemetry::segment_path(*telemetry::runtime_folder(), field(ready, "segment")));
        EXPECT_TRUE(segment) << (segment ? "" : segment.error().text);
        segment_.emplace(std::move(*segment));
        auto reader = AnatomyReader::open(pid());
        EXPECT_TRUE(reader) << (reader ? "" : reader.error().text);
        reader_.emplace(std::move(*reader));
        EXPECT_TRUE(client_->echoes("hello"));
    }

    std::uint16_t port() const { return port_; }
    std::uint32_t pid() const { return static_cast<std::uint32_t>(serve_.pid()); }
    TestClient& client() { return *client_; }
    AnatomyReader& reader() { return *reader_; }

    void move_to(const std::string& mode) {
        const auto moved = control_->call("move_connection", {{"id", 1}, {"mode", mode}}, 10s);
        EXPECT_TRUE(moved) << (moved ? "" : moved.error().text);
        EXPECT_TRUE(client_->echoes("moved"));
    }
    // Of new connections too.
    void set_mode(const std::string& mode) {
        const auto set = control_->call("set_mode", {{"mode", mode}}, 20s);
        EXPECT_TRUE(set) << (set ? "" : set.error().text);
    }
    telemetry::Outcome<telemetry::ConnectionReading> look(std::uint64_t id = 1) {
        telemetry::ServerReading server;
        if (id == 1) return segment_->read_connection(0, 1);
        if (auto read = segment_->read(server); !read) return std::move(read).error();
        const auto found = std::ranges::find(server.connections, id, &telemetry::ConnectionReading::id);
        return segment_->read_connection(found == server.connections.end() ? 0 : found->slot, id);
    }
    // Of the connection when it waits for its peer.
    Anatomy read() {
        EXPECT_TRUE(eventually([&] {
            const auto now = look();
            return now && now->state == telemetry::ConnectionState::waiting_read;
        }));
        auto anatomy = reader_->read([this] { return look(); });
        EXPECT_TRUE(anatomy) << (anatomy ? "" : anatomy.error().text);
        return anatomy ? *anatomy : Anatomy{};
    }

private:
    static std::vector<std::string> command(const std::string& program, const std::vector<std::string>& more) {
        std::vector<std::string> all{program, "--listen", "127.0.0.1:0", "--name", unique_name("anatomy")};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }

    Child serve_;
    std::uint16_t port_ = 0;
    std::optional<TestClient> client_;
    std::optional<control::Client> control_;
    std::optional<telemetry::SegmentReader> segment_;
    std::optional<AnatomyReader> reader_;
};

inline const AnatomyRow& row(const std::vector<AnatomyRow>& rows, std::string_view label) {
    const auto found = std::ranges::find(rows, label, &AnatomyRow::label);
    EXPECT_NE(found, rows.end()) << label;
    return *found;
}

inline std::string text_of(const AnatomyRow& row) {
    std::string text;
    for (const std::string& value : row.values) text += value + "\n";
    return text + row.missing;
}

} // namespace connscope::test
