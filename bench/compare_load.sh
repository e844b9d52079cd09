#!/bin/bash
# compare_load.sh: is echoc bench fast enough, and right?  About two minutes.
#
# 1. Echoes a second that a plain epoll load generator and echoc bench get from
#    the same echod, in turn; medians of the paired ratios.
# 2. The p99 of an open loop by echoc bench and by an independent tool, both at
#    the same time on the same echod, which is stopped for 200 ms a second: so
#    the figure is known (about 190 ms) and large beside the noise.
#
# The environment: ECHOD, ECHOC, LOAD (the folder of load_epoll, load_paced),
# ROUNDS (5), PREFIX (a command before each, such as "chrt -f 1").
set -eu
: "${ECHOD:=src/echod}" "${ECHOC:=src/echoc}" "${LOAD:=bench}"
: "${ROUNDS:=5}" "${PREFIX=}"

scratch=$(mktemp -d)
printf '[server]\nlisten = 127.0.0.1\nport = 0\n' >"$scratch/echod.ini"
# shellcheck disable=SC2086  # PREFIX is words
$PREFIX taskset -c 0 "$ECHOD" -e -c "$scratch/echod.ini" \
    -o log.connections=none 2>"$scratch/log" &
server=$!
trap 'kill -CONT $server; kill $server; rm -rf "$scratch"' EXIT
while ! grep -q 'listening on' "$scratch/log"; do sleep 0.1; done
port=$(sed -n 's/.*listening on .*://p' "$scratch/log")

# figure FIELD: of the JSON on standard input, the first of that name after
# "latency_ms" or at the top.
figure() {
    awk -v name="\"$1\":" '$1 == name { sub(/,/, "", $2); print $2; exit }'
}
median() {
    grep . | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

echo "## echoes a second, 64 bytes"
echo
echo "| connections | epoll reference | echoc bench | ratio |"
echo "|---|---|---|---|"
for n in 1 50 500; do
    : >"$scratch/ratios"
    for _ in $(seq "$ROUNDS"); do
        # shellcheck disable=SC2086
        a=$($PREFIX taskset -c 1 "$LOAD/load_epoll" "$port" "$n" 64 1)
        sleep 0.3
        # shellcheck disable=SC2086
        b=$($PREFIX taskset -c 1 "$ECHOC" bench -n "$n" -t 1 --warmup 0 \
            --json 127.0.0.1 "$port" | figure echoes_per_s)
        sleep 0.3
        echo "| $n | $a | $b | $(echo "$a $b" |
            awk '{ printf "%.3f", $2 / $1 }' | tee -a "$scratch/ratios") |"
        echo >>"$scratch/ratios"
    done
    echo "| $n, median | | | $(median <"$scratch/ratios") |"
done

echo
echo "## p99 at 500 messages a second, ms; the server stalls 200 ms a second"
echo
echo "| load_paced | echoc bench -r | ratio |"
echo "|---|---|---|"
: >"$scratch/ratios"
for _ in $(seq "$ROUNDS"); do
    for _ in $(seq 8); do
        kill -STOP $server
        sleep 0.2
        kill -CONT $server
        sleep 0.8
    done &
    stalls=$!
    "$LOAD/load_paced" "$port" 500 6 >"$scratch/paced" &
    paced=$!
    "$ECHOC" bench -r 500 -t 6 --warmup 0 --json 127.0.0.1 "$port" \
        >"$scratch/json" || true
    wait $paced $stalls
    b=$(sed -n '/latency_ms/,$p' "$scratch/json" | figure p99)
    a=$(awk '{ print $2 }' "$scratch/paced")
    echo "| $a | $b | $(echo "$a $b" |
        awk '{ printf "%.3f", $2 / $1 }' | tee -a "$scratch/ratios") |"
    echo >>"$scratch/ratios"
done
echo "| median | | $(median <"$scratch/ratios") |"
