// SPDX-License-Identifier: BSL-1.0
// The protocol http against nginx: `/` of connscope-serve, and nginx in one process with `return 200`, under wrk -t1 -c64.
#include "contestant.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace {

using namespace connscope::bench;

// A port that was free a moment ago.
std::uint16_t free_port() {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    ::bind(socket, reinterpret_cast<sockaddr*>(&address), length);
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length);
    ::close(socket);
    return ntohs(address.sin_port);
}

bool answers(std::uint16_t port) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool connected = ::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    ::close(socket);
    return connected;
}

// nginx with files of its own in a folder that goes with it.
class Nginx {
public:
    Nginx()
        : port_(free_port()) {
        char name[] = "/tmp/connscope-nginx-XXXXXX";
        folder_ = ::mkdtemp(name);
        const std::string path = folder_.string();
        std::ofstream(folder_ / "nginx.conf")
            << "daemon off;\nmaster_process off;\npid " << path << "/pid;\nerror_log " << path << "/error.log;\n"
            << "events { worker_connections 1024; }\nhttp {\n  access_log off;\n  keepalive_requests 1000000000;\n"
            << "  client_body_temp_path " << path << "/1; proxy_temp_path " << path << "/2; fastcgi_temp_path " << path
            << "/3;\n  uwsgi_temp_path " << path << "/4; scgi_temp_path " << path
            << "/5;\n  server { listen 127.0.0.1:" << port_
            << "; location / { default_type text/plain; return 200 \"connscope\\n\"; } }\n}\n";
        child_.emplace(std::vector<std::string>{"nginx", "-p", path, "-c", path + "/nginx.conf"}, 0);
        for (int i = 0; i < 500 && !answers(port_); ++i) ::poll(nullptr, 0, 10);
        if (!answers(port_)) fail("nginx does not start; is it installed?");
    }
    ~Nginx() {
        child_.reset();
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }

    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
    const Child& child() const { return *child_; }

private:
    std::uint16_t port_;
    std::filesystem::path folder_;
    std::optional<Child> child_;
};

Window wrk(const Child& server, const std::string& address, int seconds) {
    const auto before = server.cpu_time();
    Child client({"wrk", "-t1", "-c64", fmt::format("-d{}s", seconds), "http://" + address + "/"}, 1);
    const std::string text = client.rest();
    const std::chrono::duration<double, std::micro> cpu = server.cpu_time() - before;
    const std::size_t sum = text.find(" requests in");
    const std::size_t speed = text.find("Requests/sec:");
    if (sum == std::string::npos || speed == std::string::npos) fail("wrk says nothing; is it installed?");
    if (text.find("Non-2xx") != std::string::npos) fail("wrk got other answers than 200");
    const std::size_t line = text.rfind('\n', sum) + 1;
    const double requests = std::strtod(text.c_str() + line, nullptr);
    return {cpu.count() / requests, std::strtod(text.c_str() + speed + 13, nullptr)};
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app{"http: connscope-serve against nginx"};
    std::vector<std::string> modes{"callbacks", "coroutines"};
    unsigned pairs = 7;
    app.add_option("--modes", modes, "which")->delimiter(',');
    app.add_option("--pairs", pairs, "rounds of a second each")->check(CLI::PositiveNumber)->capture_default_str();
    CLI11_PARSE(app, argc, argv);

    const Nginx nginx;
    print_head("nginx", "connscope-serve");
    for (const std::string& mode : modes) {
        Child serve({bin_folder() + "/connscope-serve", "--listen", "127.0.0.1:0", "--mode", mode, "--protocol", "http"}, 0);
        const std::string address = value_of(serve.line(), "");
        const Duel result =
            duel([&] { return wrk(nginx.child(), nginx.address(), 1); }, [&] { return wrk(serve, address, 1); }, pairs);
        print_row(fmt::format("{} x 64", mode), result, 0.8);
    }
}
