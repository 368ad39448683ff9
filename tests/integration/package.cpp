// SPDX-License-Identifier: BSL-1.0
// The installed package as somebody else's project uses it: installed to a prefix, found, compiled, run and observed.
#include "package_support.hpp"

#include <algorithm>
#include <fstream>
#include <memory>
#include <optional>

namespace connscope::test {
namespace {

TEST(Package, an_installed_probe_is_found_linked_and_seen_by_an_observer) {
    if (sanitized) GTEST_SKIP() << what_links;
    const Folder folder;
    const fs::path build = build_example(folder, "probe");
    ASSERT_FALSE(build.empty());
    const std::string name = unique_name("probe-example");
    Child server({build / "probe-echo", name});
    const std::string port = field(server.line(), "port");
    ASSERT_FALSE(port.empty());
    TestClient client(static_cast<std::uint16_t>(std::stoi(port)));
    EXPECT_TRUE(client.echoes("hello"));

    std::string text;
    ASSERT_EQ(run({"connscope-watch", name, "--json", "--once"}, text), 0) << text;
    EXPECT_EQ(boost::json::parse(text).at("connections").at("open").as_int64(), 1) << text;
}

TEST(Package, a_server_in_c_is_seen_by_an_observer) {
    if (sanitized) GTEST_SKIP() << what_links;
    const Folder folder;
    const fs::path build = build_example(folder, "c");
    ASSERT_FALSE(build.empty());
    const std::string name = unique_name("c-example");
    Child server({build / "c-echo", name});
    const std::string port = field(server.line(), "port");
    ASSERT_FALSE(port.empty());
    const TestClient first(static_cast<std::uint16_t>(std::stoi(port)));
    auto second = std::make_unique<TestClient>(static_cast<std::uint16_t>(std::stoi(port)));
    EXPECT_TRUE(first.echoes("hello"));
    EXPECT_TRUE(second->echoes("hello"));
    auto reader = telemetry::SegmentReader::open(telemetry::segment_path(*telemetry::runtime_folder(), name));
    ASSERT_TRUE(reader);
    telemetry::ServerReading reading;
    const auto are = [&](std::size_t wanted) {
        return [&reader, &reading, wanted] {
            return reader->read(reading) && reading.connections.size() == wanted &&
                   reading.connections.front().state == telemetry::ConnectionState::waiting_read;
        };
    };
    ASSERT_TRUE(eventually(are(2))) << reading.connections.size();
    const auto& connection = reading.connections.front();
    EXPECT_EQ(connection.carrier, telemetry::CarrierKind::thread);
    EXPECT_EQ(connection.bytes_in, 5u);
    EXPECT_EQ(connection.bytes_out, 5u);
    EXPECT_EQ(connection.requests, 1u);
    EXPECT_NE(connection.peer.port, 0);
    second.reset();
    EXPECT_TRUE(eventually(are(1))) << reading.connections.size();
}

TEST(Package, an_asio_server_that_links_one_target_is_seen_in_every_idiom) {
    if (sanitized) GTEST_SKIP() << what_links;
    const Folder folder;
    const fs::path build = build_example(folder, "echo");
    ASSERT_FALSE(build.empty());
    for (const auto& [idiom, carrier] :
         std::vector<std::pair<std::string, telemetry::CarrierKind>>{{"callbacks", telemetry::CarrierKind::closure},
                                                                     {"awaitable", telemetry::CarrierKind::coroutine},
                                                                     {"spawn", telemetry::CarrierKind::fiber}}) {
        Child server({build / "echo", idiom});
        const auto port = static_cast<std::uint16_t>(std::stoi(field(server.line(), "port")));
        const TestClient first(port);
        {
            const TestClient second(port);
            EXPECT_TRUE(first.echoes("hello"));
            EXPECT_TRUE(first.echoes("again"));
            EXPECT_TRUE(second.echoes("hi"));
            auto reader = telemetry::SegmentReader::open(
                telemetry::segment_path(*telemetry::runtime_folder(), "asio-" + std::to_string(server.pid())));
            ASSERT_TRUE(reader) << idiom;
            telemetry::ServerReading reading;
            const auto& seen = reading.connections;
            const auto look = [&] {
                return reader->read(reading) && seen.size() == 2 &&
                       seen[0].state == telemetry::ConnectionState::waiting_read;
            };
            ASSERT_TRUE(eventually(look)) << idiom << " " << seen.size();
            EXPECT_EQ(seen[0].carrier, carrier) << idiom;
            EXPECT_EQ(seen[0].bytes_in, 10u) << idiom;
            EXPECT_EQ(seen[0].bytes_out, 10u) << idiom;
            EXPECT_GE(seen[0].slices, 2u) << idiom;
        }
        std::string text;
        EXPECT_TRUE(eventually([&] {
            return run({"connscope-watch", "asio-" + std::to_string(server.pid()), "--json", "--once"}, text) == 0 &&
                   boost::json::parse(text).at("connections").at("open").as_int64() == 1;
        })) << idiom
            << text;
    }
}

// What stands between two fences of the README in the section of this title: "sh" or "cmake", in their order.
std::vector<std::string> readme_blocks(const std::string& title, const std::string& language) {
    std::ifstream readme(fs::path(CONNSCOPE_SOURCE_FOLDER) / "README.md");
    std::vector<std::string> blocks;
    bool is_here = false;
    bool is_inside = false;
    for (std::string line; std::getline(readme, line);) {
        if (line.starts_with("## ")) is_here = line == "## " + title;
        const std::size_t begin = std::min(line.find_first_not_of(' '), line.size());
        const std::string text = line.substr(begin);
        if (!is_here) continue;
        if (text.starts_with("```")) {
            is_inside = !is_inside && text == "```" + language;
            if (is_inside) blocks.emplace_back();
        } else if (is_inside) {
            blocks.back() += text + "\n";
        }
    }
    return blocks;
}

TEST(Package, the_readmes_two_minutes_lead_to_a_server_that_is_seen) {
    if (sanitized) GTEST_SKIP() << what_links;
    const Folder folder;
    const fs::path project = folder.path / "project";
    fs::create_directories(project);
    const auto steps = readme_blocks("Instrument your server in two minutes", "sh");
    const auto files = readme_blocks("Instrument your server in two minutes", "cmake");
    ASSERT_EQ(steps.size(), 3u);
    ASSERT_EQ(files.size(), 1u);
    std::ofstream(project / "CMakeLists.txt") << files.front();
    fs::copy_file(fs::path(CONNSCOPE_SOURCE_FOLDER) / "resources/examples/echo/echo.cpp", project / "server.cpp");
    fs::create_directory_symlink(fs::path(CONNSCOPE_BIN_FOLDER).parent_path(), folder.path / "build");
    const std::string place =
        "export HOME=" + folder.path.string() + " PATH=" + CONNSCOPE_BIN_FOLDER + ":$PATH; set -e; cd ";

    std::string text;
    ASSERT_EQ(run({"/bin/sh", "-c", place + folder.path.string() + "\n" + steps[0]}, text), 0) << text;
    // The last line runs the server in the shell's place, so that it ends with this test.
    std::string build_and_run = steps[1];
    build_and_run.insert(build_and_run.rfind('\n', build_and_run.size() - 2) + 1, "exec ");
    Child server({"/bin/sh", "-c", place + project.string() + "\n" + build_and_run});
    std::string port;
    for (std::string line = server.line(); port.empty() && !line.empty(); line = server.line()) {
        port = field(line, "port");
        if (!port.empty()) break;
    }
    ASSERT_FALSE(port.empty());
    const TestClient client(static_cast<std::uint16_t>(std::stoi(port)));
    ASSERT_TRUE(client.echoes("hello"));
    const std::string watch = steps[2].substr(0, steps[2].find('\n'));
    ASSERT_EQ(run({"/bin/sh", "-c", place + project.string() + "\n" + watch}, text), 0) << text;
    EXPECT_NE(text.find("closure"), std::string::npos) << text; // echo's usual idiom, seen by the probe alone
}

std::uint16_t port_of(Child& server) { return static_cast<std::uint16_t>(std::stoi(field(server.line(), "port"))); }

// The connections that a server at this port has accepted or will, by ss(8).
std::size_t connections_by_ss(std::uint16_t port) {
    std::string text;
    EXPECT_EQ(run({"/usr/bin/ss", "-tnH", "state", "established", "sport = :" + std::to_string(port)}, text), 0) << text;
    return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

// Talks with the three servers of a build; `look` is called at the end with each and its port while all are connected.
void talk_with_servers(const fs::path& build, const std::string& idiom, const fs::path& folder,
                       const std::function<void(const Child&, std::uint16_t, const std::string& name)>& look) {
    const std::string body = "what is in the file\n";
    std::ofstream(folder / "greeting.txt") << body;
    Child chat({build / "chat", idiom});
    Child http({build / "http", idiom});
    Child files({build / "files", idiom, folder});
    const auto chat_port = port_of(chat);
    const TestClient ann(chat_port);
    const TestClient bob(chat_port);
    // Bob may not have been let in when Ann speaks.
    EXPECT_TRUE(bob.send("is anybody here?\n"));
    EXPECT_EQ(ann.receive(17), "is anybody here?\n") << idiom;
    EXPECT_TRUE(ann.send("yes\n"));
    EXPECT_EQ(bob.receive(4), "yes\n") << idiom;

    const auto http_port = port_of(http);
    const TestClient browser(http_port);
    for (const char* path : {"/", "/later"}) {
        EXPECT_TRUE(browser.send(std::string("GET ") + path + " HTTP/1.1\r\nHost: here\r\n\r\n"));
        const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n";
        EXPECT_EQ(browser.receive(head.size()), head) << idiom << path;
    }
    const auto files_port = port_of(files);
    const TestClient reader(files_port);
    EXPECT_TRUE(reader.send("greeting.txt\n../greeting.txt\n"));
    const std::string sent = std::to_string(body.size()) + "\n" + body + "none\n";
    EXPECT_EQ(reader.receive(sent.size()), sent) << idiom;

    look(chat, chat_port, "chat");
    look(http, http_port, "http");
    look(files, files_port, "files");
}

telemetry::Outcome<telemetry::SegmentReader> segment_of(const Child& server) {
    return telemetry::SegmentReader::open(
        telemetry::segment_path(*telemetry::runtime_folder(), "asio-" + std::to_string(server.pid())));
}

TEST(Package, the_example_servers_say_the_same_seen_and_unseen_and_ss_counts_the_same_connections) {
    if (sanitized) GTEST_SKIP() << what_links;
    const Folder folder;
    const fs::path seen = build_example(folder, "servers");
    const fs::path unseen = build_example(folder, "servers", "-DSEEN=OFF");
    ASSERT_FALSE(seen.empty() || unseen.empty());
    using telemetry::CarrierKind;
    for (const auto& [idiom, carrier] : std::vector<std::pair<std::string, CarrierKind>>{
             {"callbacks", CarrierKind::closure}, {"awaitable", CarrierKind::coroutine}, {"spawn", CarrierKind::fiber}}) {
        talk_with_servers(seen, idiom, folder.path, [&](const Child& server, std::uint16_t port, const std::string& name) {
            std::vector<std::unique_ptr<TestClient>> more;
            for (int i = 0; i < 20; ++i) more.push_back(std::make_unique<TestClient>(port));
            auto segment = segment_of(server);
            ASSERT_TRUE(segment) << idiom << name;
            telemetry::ServerReading reading;
            const std::size_t connections = connections_by_ss(port);
            EXPECT_EQ(connections, name == "chat" ? 22u : 21u) << idiom << name;
            const bool is_seen = eventually([&] {
                return segment->read(reading) && reading.connections.size() == connections &&
                       std::ranges::all_of(reading.connections, [](const auto& each) {
                           return each.state == telemetry::ConnectionState::waiting_read;
                       });
            });
            EXPECT_TRUE(is_seen) << idiom << name << " " << reading.connections.size();
            // The chat writes by callbacks whatever listens.
            for (const auto& each : reading.connections) EXPECT_EQ(each.carrier, carrier) << idiom << name;
        });
        talk_with_servers(unseen, idiom, folder.path, [&](const Child& server, std::uint16_t, const std::string& name) {
            EXPECT_FALSE(segment_of(server)) << idiom << name << ": it was to be built without the probe";
        });
    }
}

TEST(Package, an_example_of_asio_without_boost_is_seen_in_each_idiom) {
    if (sanitized) GTEST_SKIP() << what_links;
    const Folder folder;
    const fs::path build = build_example(folder, "standalone");
    ASSERT_FALSE(build.empty());
    using telemetry::CarrierKind;
    for (const auto& [idiom, carrier] : std::vector<std::pair<std::string, CarrierKind>>{
             {"callbacks", CarrierKind::closure}, {"awaitable", CarrierKind::coroutine}}) {
        Child server({build / "standalone-echo", idiom});
        const TestClient client(port_of(server));
        EXPECT_TRUE(client.echoes("hello"));
        auto segment = segment_of(server);
        ASSERT_TRUE(segment) << idiom;
        EXPECT_TRUE(client.echoes("now it is timed"));
        telemetry::ServerReading reading;
        ASSERT_TRUE(eventually([&] {
            return segment->read(reading) && reading.connections.size() == 1 &&
                   reading.connections.front().state == telemetry::ConnectionState::waiting_read &&
                   reading.connections.front().bytes_out == 20;
        })) << idiom;
        EXPECT_EQ(reading.connections.front().carrier, carrier) << idiom;
        EXPECT_EQ(reading.connections.front().bytes_in, 20u) << idiom;
        EXPECT_GE(reading.connections.front().slices, 4u) << idiom;
    }
}

} // namespace
} // namespace connscope::test
