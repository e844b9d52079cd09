#!/bin/bash
# stats_check.sh: Prometheus' own parser on the stats file of a busy echod.
#
# Called by 'make stats-check', which fails without promtool (Debian's package
# prometheus); 'make check' has a check of the form that needs none.  ECHOD and
# ECHOC are the programs.
set -euo pipefail

command -v promtool >/dev/null ||
    { echo 'stats_check.sh: no promtool (package prometheus)' >&2; exit 1; }
tmp=$(mktemp -d "${TMPDIR:-/tmp}/echod-stats-XXXXXX")
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$tmp"' EXIT

: >"$tmp/log"
"$ECHOD" -e -c /dev/null -o server.listen=127.0.0.1:0 \
    -o stats.file="$tmp/echod.prom" -o stats.interval=100ms \
    -o limits.connect_rate=25 2>"$tmp/log" &
pid=$!
until port=$(sed -n 's/.*listening on .*://p' "$tmp/log") && [ -n "$port" ] &&
    [ -e "$tmp/echod.prom" ]; do
    kill -0 "$pid" || { cat "$tmp/log" >&2; exit 1; }
    sleep 0.05
done

# A warning is a word, too.
approve() {
    if ! promtool check metrics <"$1" >"$tmp/said" 2>&1 || [ -s "$tmp/said" ]
    then
        cat "$tmp/said" "$1" >&2
        exit 1
    fi
}

# The file is checked again and again while every counter moves: echoes, ends
# of several kinds, refusals.
"$ECHOC" bench -n 20 -t 3 127.0.0.1 "$port" >"$tmp/bench" &
bench=$!
checked=0
# Else the rate might refuse one of its connections.
until grep -q '^echod_clients 20$' "$tmp/echod.prom"; do
    kill -0 "$bench" || { cat "$tmp/bench" >&2; exit 1; }
    sleep 0.05
done
while kill -0 "$bench" 2>/dev/null; do
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        (exec 3<>"/dev/tcp/127.0.0.1/$port" && echo >&3) 2>/dev/null || :
    done
    sleep 0.1
    cp "$tmp/echod.prom" "$tmp/seen"
    approve "$tmp/seen"
    checked=$((checked + 1))
done
wait "$bench" || { cat "$tmp/bench" >&2; exit 1; }
kill "$pid"
wait "$pid"
pid=
approve "$tmp/echod.prom"
grep -v '^#' "$tmp/echod.prom"
moved() {
    grep -q "^$1 [1-9]" "$tmp/echod.prom" ||
        { echo "stats_check.sh: $1 did not move" >&2; exit 1; }
}
moved echod_received_bytes_total
moved 'echod_clients_ended_total{reason="eof"}'
moved 'echod_clients_refused_total{reason="rate"}'
echo "figure: $checked states of the stats file, promtool has no complaint"
