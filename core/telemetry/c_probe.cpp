// SPDX-License-Identifier: BSL-1.0
// The C header's functions, each one call of the probe.
#include "connscope/telemetry/probe.h"

#include "connscope/telemetry/connected_socket.hpp"
#include "connscope/telemetry/probe.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <string>

using namespace connscope::telemetry;

struct connscope_server {
    std::unique_ptr<ProbeServer> probe;
};

struct connscope_connection {
    ConnectionProbe probe;
    ProbeServer* server = nullptr;
};

namespace {

void tell(const std::string& text, char* into, std::size_t size) {
    if (into == nullptr || size == 0) return;
    const std::size_t length = std::min(text.size(), size - 1);
    std::memcpy(into, text.data(), length);
    into[length] = '\0';
}

std::string text_of(const char* text) { return text != nullptr ? std::string(text) : std::string(); }

} // namespace

static_assert(CONNSCOPE_THREAD == static_cast<int>(CarrierKind::thread));
static_assert(CONNSCOPE_PROCESS == static_cast<int>(CarrierKind::process));
static_assert(CONNSCOPE_READY == static_cast<int>(ConnectionState::ready));
static_assert(CONNSCOPE_PAUSED == static_cast<int>(ConnectionState::paused));

connscope_server* connscope_server_create(const char* name, const char* program, const char* mode, char* error,
                                          size_t error_size) {
    try {
        auto probe = ProbeServer::create({.name = text_of(name), .program = text_of(program), .modes = {text_of(mode)}});
        if (probe) return new connscope_server{std::move(*probe)};
        tell(probe.error().text, error, error_size);
    } catch (const std::exception& problem) { // out of memory
        tell(problem.what(), error, error_size);
    }
    return nullptr;
}

void connscope_server_describe(connscope_server* server, const char* protocol, const char* address) {
    if (server != nullptr) server->probe->describe(text_of(protocol), text_of(address), {});
}

void connscope_server_beat(connscope_server* server) {
    if (server != nullptr) server->probe->beat();
}

void connscope_server_destroy(connscope_server* server) { delete server; }

void connscope_thread_enter(connscope_server* server) {
    if (server != nullptr) server->probe->enter_thread(true);
}

void connscope_thread_leave(connscope_server* server) {
    if (server != nullptr) server->probe->leave_thread();
}

connscope_connection* connscope_connection_open(connscope_server* server, int socket) {
    if (server == nullptr) return nullptr;
    const auto connected = connected_socket(socket);
    if (!connected) return nullptr;
    auto* connection = new (std::nothrow) connscope_connection;
    if (connection == nullptr) return nullptr;
    connection->server = server->probe.get();
    connection->probe = server->probe->open(connected->peer, connected->inode);
    if (!connection->probe) {
        delete connection;
        return nullptr;
    }
    server->probe->add(Gauge::connections_accepted, 1);
    server->probe->add(Gauge::connections_open, 1);
    return connection;
}

void connscope_connection_carried_by(connscope_connection* connection, connscope_carrier carrier, const void* address,
                                     uint32_t bytes) {
    const bool is_known = carrier >= CONNSCOPE_THREAD && carrier <= CONNSCOPE_PROCESS;
    if (connection != nullptr && is_known)
        connection->probe.carried_by(static_cast<CarrierKind>(carrier), 0, address, bytes);
}

void connscope_connection_resume(connscope_connection* connection) {
    if (connection != nullptr) connection->probe.resume();
}

void connscope_connection_suspend(connscope_connection* connection, connscope_state state) {
    const bool is_known = state >= CONNSCOPE_READY && state <= CONNSCOPE_PAUSED;
    if (connection != nullptr && is_known) connection->probe.suspend(static_cast<ConnectionState>(state), false);
}

void connscope_connection_received(connscope_connection* connection, size_t bytes) {
    if (connection != nullptr) connection->probe.received(bytes);
}

void connscope_connection_sent(connscope_connection* connection, size_t bytes) {
    if (connection != nullptr) connection->probe.sent(bytes);
}

void connscope_connection_requests(connscope_connection* connection, uint64_t completed) {
    if (connection != nullptr) connection->probe.requests(completed);
}

void connscope_connection_close(connscope_connection* connection) {
    if (connection == nullptr) return;
    connection->server->add(Gauge::connections_open, -1);
    connection->server->add(Gauge::connections_closed, 1);
    delete connection;
}
