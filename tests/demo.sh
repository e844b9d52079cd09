#!/bin/bash
# Heavier demonstrations than tests should be, by 'make demo' or one at a time:
#
#     tests/demo.sh files | deaf | syslog
#
# files   every file under /usr/bin and /usr/lib, up to 1 GiB (DEMO_MIB), by
#         64 clients at once, compared by sha256; each poller and buffer size
# deaf    a client that sends 1 GiB and never reads: memory, and 50 others
# syslog  a real rsyslogd that stands still under 1000 connections a second
#         (root only)
#
# ECHOD is the program, DEMO_DIR has demo_files, demo_deaf and demo_churn.
set -euo pipefail

ECHOD=${ECHOD:-$PWD/src/echod}
DEMO_DIR=${DEMO_DIR:-$PWD/tests}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/echod-demo-XXXXXX")
pids=()

clean() {
    for pid in "${pids[@]}"; do
        kill -KILL "$pid" 2>/dev/null || true
    done
    cd /
    umount "$tmp"/null "$tmp"/urandom 2>/dev/null || true
    rm -rf "$tmp"
}
trap clean EXIT
cd "$tmp"

# Starts an echod with these settings at unix:$tmp/s; sets pid.
start() {
    local sets=()
    for setting; do
        sets+=(-o "$setting")
    done
    "$ECHOD" -e -c /dev/null -o "server.listen=127.0.0.1:0" \
        -o log.rate=0 "${sets[@]}" 2>log &
    pid=$!
    pids+=("$pid")
    await 'listening on'
    address=$(sed -n 's/.*listening on //p;q' log)
}

# Waits for a line in the log.
await() {
    for _ in $(seq 200); do
        grep -q "$1" log && return
        sleep 0.05
    done
    echo "no line '$1' in the log:" >&2
    cat log >&2
    exit 1
}

stop() {
    kill "$pid"
    wait "$pid"
}

# list MIB: sha256sum's lines of files, as many as fit.
list() {
    find /usr/bin /usr/lib -type f -readable -size +0 -printf '%s %p\n' \
        2>/dev/null | sort -k2 |
        awk -v max=$(($1 * 1048576)) '
            sum + $1 <= max { sum += $1; sub(/^[0-9]+ /, ""); print }' |
        tr '\n' '\0' | xargs -0 sha256sum
}

files() {
    local poller size
    list "${DEMO_MIB:-1024}" >many
    list 2 >few
    for poller in poll select; do
        for size in 1 128 default 1M; do
            local settings=("server.poller=$poller" limits.max_clients=900)
            local of=many
            [ "$size" = default ] || settings+=("server.buffer_size=$size")
            [ "$size" != 1 ] || of=few
            start "${settings[@]}"
            echo -n "$poller, buffer_size $size: "
            "$DEMO_DIR/demo_files" "$address" 64 <$of
            stop
        done
    done
}

deaf() {
    local size
    for size in 4K 64K 1M; do
        start "server.buffer_size=$size"
        echo -n "buffer_size $size: "
        CK_VERBOSITY=minimal "$DEMO_DIR/demo_deaf" "$address" "$pid" 15 |
            grep took
        stop
    done
}

# A /dev of our own, where log is rsyslogd's.
private_dev() {
    local name
    mount --make-rprivate /
    for name in null urandom; do
        touch $name
        mount --bind /dev/$name $name
    done
    mount -t tmpfs -o mode=755 none /dev
    for name in null urandom; do
        touch /dev/$name
        mount --bind $name /dev/$name
    done
}

start_rsyslogd() {
    cat >rsyslog.conf <<-END
	global(workDirectory="$tmp")
	module(load="imuxsock" SysSock.RateLimit.Interval="0")
	template(name="plain" type="string" string="%msg%\n")
	action(type="omfile" file="$tmp/messages" template="plain")
	END
    rsyslogd -n -f "$tmp/rsyslog.conf" -i "$tmp/rsyslogd.pid" &
    rsyslogd=$!
    pids+=("$rsyslogd")
    for _ in $(seq 100); do
        [ -S /dev/log ] && return
        sleep 0.05
    done
    echo "rsyslogd has no /dev/log" >&2
    exit 1
}

churn() {
    echo -n "$1: "
    CK_VERBOSITY=minimal "$DEMO_DIR/demo_churn" "unix:$tmp/s" 1000 5 |
        grep connections
}

syslog_inside() {
    private_dev
    start_rsyslogd
    "$ECHOD" -c /dev/null -o "server.listen=unix:$tmp/s" -o log.rate=0 &
    pid=$!
    pids+=("$pid")
    until [ -S s ]; do sleep 0.05; done
    # In turn, since others may be using the machine.
    for _ in 1 2 3; do
        churn "rsyslogd runs      "
        kill -STOP "$rsyslogd"
        churn "rsyslogd is stopped"
        kill -CONT "$rsyslogd"
        sleep 2
    done
    kill -USR1 "$pid"
    sleep 1
    stop
    sleep 1
    grep -h 'messages lost' messages
    grep -h 'stats' messages
    awk '/connect id=/ { n++ }
         / messages lost: / { lost += $1 }
         END { printf "%d lines and %d lost: %d of 60000\n", n, lost, n + lost
               exit n + lost != 60000 }' messages
}

syslog() {
    unshare -m "$0" syslog_inside
}

for what in "${@:-files}"; do
    "$what"
done
