/* SPDX-License-Identifier: BSL-1.0 */
/* An echo server in C, a thread for each connection, that tells connscope what it does. Argument: the segment's name. */
#include <connscope/telemetry/probe.h>

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static connscope_server* server;

static void* serve(void* argument) {
    const int socket = (int)(intptr_t)argument;
    char buffer[4096];
    uint64_t requests = 0;
    connscope_thread_enter(server);
    connscope_connection* connection = connscope_connection_open(server, socket);
    connscope_connection_carried_by(connection, CONNSCOPE_THREAD, NULL, 0);
    connscope_connection_resume(connection);
    for (;;) {
        connscope_connection_suspend(connection, CONNSCOPE_WAITING_READ);
        const ssize_t received = recv(socket, buffer, sizeof buffer, 0);
        connscope_connection_resume(connection);
        if (received <= 0) break;
        connscope_connection_received(connection, (size_t)received);
        if (send(socket, buffer, (size_t)received, MSG_NOSIGNAL) != received) break;
        connscope_connection_sent(connection, (size_t)received);
        connscope_connection_requests(connection, ++requests);
    }
    connscope_connection_close(connection);
    connscope_thread_leave(server);
    close(socket);
    return NULL;
}

int main(int argc, char** argv) {
    char error[256] = "";
    server = connscope_server_create(argc > 1 ? argv[1] : "c-echo", "c-echo", "threads", error, sizeof error);
    if (server == NULL) fprintf(stderr, "not seen by connscope: %s\n", error); /* it serves all the same */

    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    char where[32];
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr*)&address, length) != 0 || listen(listener, 64) != 0) return 3;
    getsockname(listener, (struct sockaddr*)&address, &length);
    snprintf(where, sizeof where, "127.0.0.1:%d", ntohs(address.sin_port));
    connscope_server_describe(server, "echo", where);
    printf("listening port=%d\n", ntohs(address.sin_port));
    fflush(stdout);

    struct pollfd wanted = {listener, POLLIN, 0};
    while (poll(&wanted, 1, 200) >= 0) {
        connscope_server_beat(server);
        if ((wanted.revents & POLLIN) == 0) continue;
        const int socket = accept(listener, NULL, NULL);
        pthread_t thread;
        if (socket < 0) continue;
        if (pthread_create(&thread, NULL, serve, (void*)(intptr_t)socket) != 0)
            close(socket);
        else
            pthread_detach(thread);
    }
    connscope_server_destroy(server);
    return 0;
}
