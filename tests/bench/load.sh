#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# The load's own figures: against wrk, how exact, how fast it opens, how much memory. Prints figures and ratios, fails for none.
# Usage: tests/bench/load.sh [ROUNDS [BUILD FOLDER]]. Needs nginx and wrk; server on CPU 0, load on CPU 1.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
rounds=${1:-5}
bin=${2:-$top/build}/bin
work=$(mktemp -d)
started=()
clean_up() {
    for pid in "${started[@]}"; do kill -CONT "$pid" 2>/dev/null || true; kill "$pid" 2>/dev/null || true; done
    [ -s "$work/nginx.pid" ] && kill "$(cat "$work/nginx.pid")" 2>/dev/null || true
    rm -rf "$work"
}
trap clean_up EXIT

nginx_port=$((20000 + $$ % 10000))
cat >"$work/nginx.conf" <<END
worker_processes 1;
pid $work/nginx.pid;
error_log $work/error.log;
events { worker_connections 19000; }
http {
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    client_header_timeout 600s;
    client_body_temp_path $work; proxy_temp_path $work; fastcgi_temp_path $work; uwsgi_temp_path $work; scgi_temp_path $work;
    server { listen 127.0.0.1:$nginx_port backlog=4096; location / { return 200 "hello\n"; } }
}
END

# serve PROTOCOL MODE: starts connscope-serve on CPU 0; its address is in $address, its pid in $server.
serve() {
    : >"$work/serve.out"
    taskset -c 0 "$bin/connscope-serve" --listen 127.0.0.1:0 --protocol "$1" --mode "$2" >"$work/serve.out" 2>&1 &
    server=$!
    started+=("$server")
    until grep -q '^listening on ' "$work/serve.out"; do kill -0 "$server"; read -rt 0.02 <> <(:) || true; done
    address=$(awk '/^listening on /{print $3}' "$work/serve.out")
}
load() { taskset -c 1 "$bin/connscope-load" --quiet --json "$@" 2>/dev/null; }
# figure KEY: the first value of KEY in the JSON on standard input, which is that of all populations.
figure() {
    awk -v key="\"$1\":" '{at = index($0, key)} at {rest = substr($0, at + length(key)); sub(/[,}].*/, "", rest); printf "%.1f\n", rest}'
}
median() { sort -g | awk '{v[NR]=$1} END{print NR % 2 ? v[(NR+1)/2] : (v[NR/2]+v[NR/2+1])/2}'; }
least() { sort -g | head -n 1; }

echo "== Closed loop against nginx, one worker: requests/s, median of $rounds rounds in turn"
taskset -c 0 nginx -e "$work/error.log" -c "$work/nginx.conf"
for connections in 64 1000; do
    : >"$work/ours"; : >"$work/wrk"
    for ((i = 0; i < rounds; ++i)); do
        taskset -c 1 wrk -t1 -c"$connections" -d3 "http://127.0.0.1:$nginx_port/" | awk '/Requests\/sec/{print $2}' >>"$work/wrk"
        load --connect "127.0.0.1:$nginx_port" --protocol http --connections "$connections" --duration 3 | figure achieved_per_s >>"$work/ours"
    done
    ours=$(median <"$work/ours"); wrk=$(median <"$work/wrk")
    awk -v c="$connections" -v o="$ours" -v w="$wrk" 'BEGIN{printf "%5d connections: connscope-load %.0f, wrk -t1 %.0f, ratio %.2f\n", c, o, w, o/w}'
done

echo "== Opening 10,000 connections: s"
for ((i = 0; i < rounds; ++i)); do
    taskset -c 1 "$bin/connscope-load" --connect "127.0.0.1:$nginx_port" --protocol http --population idle:10000 --duration 0.1 |
        awk '/^opened/{print $(NF-1)}'
done >"$work/opened"
echo "median $(median <"$work/opened"), all: $(tr '\n' ' ' <"$work/opened")"

echo "== Memory of the load for an idle connection, beside its socket: bytes"
for count in 1 10000; do
    "$bin/connscope-load" --connect "127.0.0.1:$nginx_port" --protocol http --population idle:$count --duration 0 >"$work/idle.out" 2>&1 &
    idle=$!
    started+=("$idle")
    until grep -q '^opened' "$work/idle.out"; do kill -0 "$idle"; read -rt 0.02 <> <(:) || true; done
    awk -v n="$count" '/^RssAnon/{print n, $2 * 1024}' "/proc/$idle/status"
    kill "$idle"
    wait "$idle" || true
done | awk '{n[NR]=$1; b[NR]=$2} END{printf "%.0f (%.2f KiB)\n", (b[2]-b[1])/(n[2]-n[1]), (b[2]-b[1])/(n[2]-n[1])/1024}'

echo "== A pause of 10 ms, 20 connections, 50 requests/s: p50 in µs"
serve http callbacks
for how in "" --busy-poll; do
    for ((i = 0; i < rounds; ++i)); do
        load --connect "$address" --protocol http --population active:20,rate=50,ms=10 --duration 4 $how | figure p50
    done >"$work/pause"
    awk -v h="${how:-as usual}" -v m="$(median <"$work/pause")" -v l="$(least <"$work/pause")" \
        'BEGIN{printf "%-12s median of the rounds %.0f (%+.1f %%), best %.0f (%+.1f %%)\n", h, m, m/100-100, l, l/100-100}'
done
kill "$server"; wait "$server" || true

echo "== A server stopped for 1 s within 10 s, 50 connections: latency in ms"
for rate in 1000 0; do
    serve echo callbacks
    load --connect "$address" --connections 50 --rate $rate --duration 10 >"$work/stopped.json" &
    loading=$!
    sleep 4 # the stop shall come in the middle
    kill -STOP "$server"
    sleep 1
    kill -CONT "$server"
    wait "$loading"
    awk -v w="$([ "$rate" = 0 ] && echo 'closed loop' || echo "open loop, $rate/s")" -v a="$(figure p50 <"$work/stopped.json")" \
        -v b="$(figure p99 <"$work/stopped.json")" -v c="$(figure max <"$work/stopped.json")" \
        'BEGIN{printf "%-18s p50 %.2f  p99 %.1f  max %.1f\n", w, a/1e3, b/1e3, c/1e3}'
    kill "$server"; wait "$server" || true
done

echo "== Offered against achieved at half of saturation, 200 connections"
serve echo callbacks
full=$(load --connect "$address" --connections 200 --duration 3 | figure achieved_per_s)
half=$(awk -v f="$full" 'BEGIN{print int(f/2)}')
for arrivals in constant poisson; do
    achieved=$(load --connect "$address" --population "active:200,rate=$half,arrivals=$arrivals" --duration 10 | figure achieved_per_s)
    awk -v k=$arrivals -v o="$half" -v a="$achieved" -v f="$full" \
        'BEGIN{printf "%-9s saturated at %.0f/s, offered %d/s, achieved %.0f/s: %+.2f %%\n", k, f, o, a, (a/o-1)*100}'
done

echo "== A load that is the bottleneck says so: 20,000/s of 64 KiB offered"
"$bin/connscope-load" --connect "$address" --connections 50 --rate 20000 --payload 65536 --duration 2 --cpu 1 --quiet | grep -E 'bottleneck|achieved' || true
