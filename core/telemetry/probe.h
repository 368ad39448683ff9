/* SPDX-License-Identifier: BSL-1.0 */
#ifndef CONNSCOPE_TELEMETRY_PROBE_H
#define CONNSCOPE_TELEMETRY_PROBE_H

/*
 * The probe for C, and for whatever can call C: how a server of your own reports its connections to connscope.
 *
 *     connscope_server* server = connscope_server_create("my-server", "my-server", "threads", error, sizeof error);
 *     connscope_server_describe(server, "http", "0.0.0.0:80");
 *     ...for each connection...
 *     connscope_connection* connection = connscope_connection_open(server, socket);
 *     connscope_connection_carried_by(connection, CONNSCOPE_THREAD, NULL, 0);
 *     connscope_connection_resume(connection);
 *     connscope_connection_suspend(connection, CONNSCOPE_WAITING_READ);
 *     received = recv(socket, ...);
 *     connscope_connection_resume(connection);
 *     connscope_connection_received(connection, received);
 *     ...
 *     connscope_connection_close(connection);
 *
 * Every function takes NULL and then does nothing, so that a server which cannot report goes on serving. Link the C++
 * standard library too, where the linker is not C++'s own: find_package(connscope) and connscope::probe do that.
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct connscope_server connscope_server;
typedef struct connscope_connection connscope_connection;

/* What carries a connection. */
enum connscope_carrier {
    CONNSCOPE_THREAD = 1,
    CONNSCOPE_COROUTINE = 2,
    CONNSCOPE_FIBER = 3,
    CONNSCOPE_CLOSURE = 4,
    CONNSCOPE_PROCESS = 5
};

/* What a connection waits for. */
enum connscope_state {
    CONNSCOPE_READY = 2, /* its turn */
    CONNSCOPE_WAITING_READ = 3,
    CONNSCOPE_WAITING_WRITE = 4,
    CONNSCOPE_PAUSED = 5 /* a time */
};

/*
 * Makes the segment `name` (1 to 48 letters, digits, '.', '_', '-') in the user's runtime folder. `mode` is what the server
 * calls its way of scheduling connections. NULL when that fails; `error` then holds a sentence, cut to `error_size` bytes.
 * Any thread.
 */
connscope_server* connscope_server_create(const char* name, const char* program, const char* mode, char* error,
                                          size_t error_size);
/* What observers are told: once, before the first connection. */
void connscope_server_describe(connscope_server* server, const char* protocol, const char* address);
/* Says that the server is well and ties its clock to the system's: a few times a second, from one thread. */
void connscope_server_beat(connscope_server* server);
/* Marks the segment as ended and removes it. All connections have been closed. */
void connscope_server_destroy(connscope_server* server);

/* Gives the calling thread a ring of events of its own until it leaves; it may report without having entered. */
void connscope_thread_enter(connscope_server* server);
void connscope_thread_leave(connscope_server* server);

/*
 * Takes a slot for the connection behind a connected TCP socket. NULL when all 20,000 are taken, or for any other
 * descriptor. Any thread; the functions below from one thread at a time for each connection.
 */
connscope_connection* connscope_connection_open(connscope_server* server, int socket);
/* What carries it from now on: where that lies in memory and how big it is; NULL and 0 where that is not known. */
void connscope_connection_carried_by(connscope_connection* connection, enum connscope_carrier carrier, const void* address,
                                     uint32_t bytes);
/* A CPU works for it from here on, until it is suspended. */
void connscope_connection_resume(connscope_connection* connection);
void connscope_connection_suspend(connscope_connection* connection, enum connscope_state state);
void connscope_connection_received(connscope_connection* connection, size_t bytes);
void connscope_connection_sent(connscope_connection* connection, size_t bytes);
/* How many requests it has completed so far. */
void connscope_connection_requests(connscope_connection* connection, uint64_t completed);
/* Gives the slot back. */
void connscope_connection_close(connscope_connection* connection);

#ifdef __cplusplus
}
#endif

#endif
