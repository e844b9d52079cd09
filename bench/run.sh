#!/bin/bash
# Measures echod beside other echo servers, and writes a table (Markdown, CSV)
# and plots (SVG) into the folder OUT.
#
# Servers on one CPU, load by `echoc bench` on another.  Every workload goes
# over all servers forwards, then backwards (A B B A), PASSES times; a ratio is
# the median of the ratios of one pass, so that what disturbs the machine for a
# while disturbs both sides of it.  The main figure is the CPU time of the
# server for each echo, of its whole process tree: it survives noise much better
# than echoes a second.
#
# All of it happens in namespaces of its own, where there may be some.  Of the
# network: nobody else's traffic, and always the same congestion control, one
# without timers: where the system's is bbr, a third of the time of bulk went
# into them.  Of processes: what a server leaves behind ends with the rest.
#
# Those that have a process for each client come after the others: theirs go on
# ending while the next one is measured.  They have no thousand at once.
#
# Environment: ECHOD, ECHOC, BUILDDIR; OUT, SECONDS_EACH (0.4), PASSES (3),
# SERVERS, FORKING and WORKLOADS (words; default all that there are), IDLE
# (counts), LIMIT (seconds for all, 570: what has not begun by then is left out).
set -u
: "${BUILDDIR:=.}" "${ECHOD:=$BUILDDIR/src/echod}" "${ECHOC:=$BUILDDIR/src/echoc}"
: "${OUT:=$BUILDDIR/bench-results}" "${SECONDS_EACH:=0.4}" "${PASSES:=3}"
: "${LIMIT:=570}" "${IDLE=0 900 5000 10000 19000}"
: "${SERVERS:=echod epoll epoll512k threads uring libevent libuv libev go gocopy}"
: "${FORKING=xinetd inetutils openbsd socat-pipe socat-cat ncat}"
: "${WORKLOADS:=echo-1 echo-50 echo-500 echo-1000 echo-50-512 echo-50-4096 bulk-1 bulk-8 mouse churn rate}"

mkdir -p "$OUT"

# The inetds' packages do not go together, so those that are not installed are
# unpacked beside the results, while there is a network to get them from.
fetch_inetds() {
    local one
    for one in xinetd inetutils-inetd openbsd-inetd; do
        case " $FORKING " in *" ${one%-inetd} "*) ;; *) continue ;; esac
        mkdir "$OUT/$one" 2>/dev/null || continue
        (cd "$OUT/$one" && apt-get -q download "$one" && dpkg -x ./*.deb .) \
            >/dev/null 2>&1
    done
}

if [ -z "${BENCH_NETWORK:-}" ]; then
    fetch_inetds
    apart=(unshare --net --pid --fork --mount-proc --kill-child)
    [ "$(id -u)" = 0 ] || apart+=(--map-root-user)
    export BENCH_NETWORK="the system's own network"
    if "${apart[@]}" ip link set lo up 2>/dev/null; then
        BENCH_NETWORK="a network namespace, reno"
        # shellcheck disable=SC2016  # for the inner shell
        exec "${apart[@]}" bash -c 'ip link set lo up &&
            echo reno >/proc/sys/net/ipv4/tcp_congestion_control &&
            exec "$0"' "$0"
    fi
fi

scratch=$(mktemp -d) || exit 2
csv=$OUT/results.csv
started=""       # name:pid of each server
user=$([ "$(id -u)" = 0 ] && echo nobody)
port=$((20000 + $$ % 12000)) # below those that the kernel hands out
failed=0
SECONDS=0

# shellcheck disable=SC2317  # the trap calls it
cleanup() {
    for one in $started; do
        kill "${one#*:}" 2>/dev/null
    done
    rm -rf "$scratch"
}
trap cleanup EXIT
trap 'exit 2' INT TERM

server_cpu=() load_cpu=()
if [ "$(nproc)" -ge 2 ] && command -v taskset >/dev/null; then
    server_cpu=(taskset -c 0) load_cpu=(taskset -c 1)
fi

say() {
    printf '%s\n' "$*" >&2
}

# ---- servers ----

# program_of PACKAGE PATH: unpacked, or the system's.
program_of() {
    local path
    for path in "$OUT/$1$2" "$2"; do
        [ -x "$path" ] && echo "$path" && return
    done
}

# Prints the command of a server, a word a line; nothing where there is none.
# Those that limit themselves by default are let loose, as far as they go.
# Where it may be, echod is the only one of its user, as it is when installed:
# a thousand pipes of Go, a MiB each, leave the others of their user none.
command_of() {
    case $1 in
    echod) words "$ECHOD" -e -c /dev/null -o "server.listen=$host" \
        -o "server.port=$port" -o limits.max_clients=19500 \
        -o log.connections=none ${user:+-o "process.user=$user"} ;;
    epoll512k) words env REF_BUFFER_SIZE=524288 \
        "$BUILDDIR/bench/ref_epoll" "$port" ;;
    go) words "$BUILDDIR/bench/ref_go" "$port" ;;
    gocopy) words "$BUILDDIR/bench/ref_go" "$port" copy ;;
    socat-pipe) words socat \
        "TCP-LISTEN:$port,bind=$host,fork,reuseaddr,nodelay,backlog=4096" \
        PIPE ;;
    socat-cat) words socat \
        "TCP-LISTEN:$port,bind=$host,fork,reuseaddr,nodelay,backlog=4096" \
        EXEC:cat ;;
    ncat) words ncat -k -l -m 2000 -e /bin/cat "$host" "$port" ;;
    xinetd)
        path=$(program_of xinetd /usr/sbin/xinetd) || return
        cat >"$scratch/xinetd.conf" <<END
service echo
{
    type = INTERNAL UNLISTED
    id = echo-stream
    socket_type = stream
    protocol = tcp
    bind = $host
    port = $port
    wait = no
    user = $(id -un)
    instances = UNLIMITED
    per_source = UNLIMITED
    cps = 100000 1
    log_type = FILE /dev/null
}
END
        words "$path" -dontfork -f "$scratch/xinetd.conf" ;;
    # Their echo has no port but that of its name.
    inetutils)
        path=$(program_of inetutils-inetd /usr/sbin/inetutils-inetd) || return
        host=127.0.0.2 port=7
        echo "$host:echo stream tcp nowait root internal" >"$scratch/inetutils"
        words "$path" -d -R 1000000 "$scratch/inetutils" ;;
    openbsd)
        path=$(program_of openbsd-inetd /usr/sbin/inetd) || return
        host=127.0.0.3 port=7
        echo "$host:echo stream tcp nowait root internal" >"$scratch/openbsd"
        words "$path" -i -R 1000000 "$scratch/openbsd" ;;
    *) words "$BUILDDIR/bench/ref_$1" "$port" ;;
    esac
}

words() {
    printf '%s\n' "$host $port" "$@"
}

# Starts a server, if it is here and answers; its name, address and port go
# into started.  start NAME LABEL ARGUMENT...
start() {
    local name=$1 label=$2 host=127.0.0.1 address
    shift 2
    port=$((port + 1))
    { read -r address && mapfile -t command; } < <(command_of "$name")
    if [ -z "${address:-}" ] || ! command -v "${command[0]}" >/dev/null; then
        say "left out: $label is not here"
        return 1
    fi
    "${server_cpu[@]}" "${command[@]}" "$@" >"$scratch/$label.log" 2>&1 \
        </dev/null &
    local pid=$!
    for _ in {1..50}; do
        # shellcheck disable=SC2086  # two words
        if "$ECHOC" ping -q -c 1 -W 2 $address >/dev/null 2>&1; then
            started="$started $label:$pid"
            echo "$address" >"$scratch/$label.address"
            return 0
        fi
        sleep 0.1
    done
    say "left out: $label does not answer: $(tail -1 "$scratch/$label.log")"
    kill "$pid" 2>/dev/null
    return 1
}

pid_of() {
    echo "$started" | tr ' ' '\n' | sed -n "s/^$1://p"
}

# A process and all below it.
tree_of() {
    cat /proc/[0-9]*/stat 2>/dev/null | awk -v root="$1" '
        { sub(/\(.*\) /, ""); parent[$1] = $3 }
        END {
            for (pid in parent) {
                for (up = pid; up in parent && up != root; up = parent[up])
                    ;
                if (up == root)
                    print pid
            }
        }'
}

# Resident memory of a tree, what it shares counted once, in bytes.
memory_of() {
    tree_of "$1" | while read -r pid; do
        cat "/proc/$pid/smaps_rollup"
    done 2>/dev/null |
        awk '/^Pss:/ { sum += $2 } END { printf "%.0f\n", sum * 1024 }'
}

# ---- measuring ----

# The arguments of echoc for a workload.
load_of() {
    case $1 in
    echo-*-*) one=${1#echo-}; echo "-n ${one%-*} -s ${one#*-}" ;;
    echo-*) echo "-n ${1#echo-} -s 64" ;;
    bulk-*) echo "-n ${1#bulk-} -s 4M" ;;
    mouse) echo "-n 1 -s 64 -r 200" ;;
    churn) echo "-n 50 -s 64 -R" ;;
    rate) echo "-n 50 -s 64 -r 5000" ;;
    idle-* | none-*) echo "-n 50 -s 64" ;;
    esac
}

number() {
    sed -n "s/^ *\"$1\": \\([0-9.]*\\).*/\\1/p" "$scratch/json" | head -1
}

# load WORKLOAD LABEL: the JSON of echoc.
load() {
    # shellcheck disable=SC2046,SC2086  # words
    "${load_cpu[@]}" "$ECHOC" bench $(load_of "$1") -t "$SECONDS_EACH" \
        --warmup 0 -W 3 --json $(cat "$scratch/$2.address") 2>/dev/null
}

# measure WORKLOAD LABEL PASS: a line of the CSV.
measure() {
    local pid before after elephants=
    pid=$(pid_of "$2") && [ -n "$pid" ] || return
    before=$("$BUILDDIR/bench/cpu" "$pid")
    if [ "$1" = mouse ]; then # beside eight elephants
        load bulk-8 "$2" >"$scratch/elephants" &
        elephants=$!
    fi
    load "$1" "$2" >"$scratch/json"
    [ -z "$elephants" ] || wait "$elephants"
    after=$("$BUILDDIR/bench/cpu" "$pid")
    awk -v w="$1" -v s="$2" -v p="$3" -v cpu=$((after - before)) \
        -v n="$(number echoes)" -v rate="$(number echoes_per_s)" \
        -v bytes="$(number bytes)" -v mib="$(number mib_per_s)" \
        -v p50="$(number p50)" -v p99="$(number p99)" \
        -v right="$(grep -c '"right": true' "$scratch/json")" '
        BEGIN {
            units = w ~ /^bulk/ ? bytes / 1048576 : n
            each = (units > 0) ? cpu / units : 0
            printf "%s,%s,%s,%.3f,%s,%s,%s,%s,%s\n", w, s, p, each, rate, mib,
                p50, p99, (right > 0) ? "yes" : "no"
        }' | tee -a "$csv" >&2
    grep -q '"right": true' "$scratch/json" && return
    [ "${2#echod}" = "$2" ] || failed=1
}

late() {
    [ "$SECONDS" -ge "$LIMIT" ]
}

# The words, in this order or, for an even pass, from the last to the first.
in_order() {
    if [ $(($1 % 2)) = 1 ]; then
        echo "${@:2}"
    else
        echo "${@:2}" | tr ' ' '\n' | tac | tr '\n' ' '
    fi
}

# start_servers NAME...
start_servers() {
    for name; do
        start "$name" "$name"
    done
}

# compare_servers FIRST LAST NAME...: the passes of these numbers.
compare_servers() {
    for pass in $(seq "$1" "$2"); do
        for workload in $WORKLOADS; do
            for name in $(in_order "$pass" "${@:3}"); do
                late || measure "$workload" "$name" "$pass"
            done
        done
    done
}

# 50 busy clients beside so many that say nothing; select() holds 1024
# descriptors.
compare_pollers() {
    for poller in auto poll epoll; do
        start echod "echod-$poller" -o "server.poller=$poller"
    done
    start echod echod-select -o server.poller=select -o limits.max_clients=1000
    for count in $IDLE; do
        for name in echod-auto echod-poll echod-epoll epoll echod-select; do
            [ "$name" = echod-select ] && [ "$count" -gt 900 ] && continue
            late || measure_idle "$count" "$name"
        done
    done
}

# measure_passes WORKLOAD LABEL FIRST LAST
measure_passes() {
    for pass in $(seq "$3" "$4"); do
        measure "$1" "$2" "$pass"
    done
}

# The same server with none idle before and after: what is measured minutes
# apart says more of the machine.
measure_idle() {
    measure_passes "none-$1" "$2" 1 2
    beside "$1" "$2" measure_passes "idle-$1" "$2" 1 4
    measure_passes "none-$1" "$2" 3 4
}

# beside COUNT LABEL COMMAND...: while so many idle clients are connected.
beside() {
    local idle address
    [ -f "$scratch/$2.address" ] || return
    read -r -a address <"$scratch/$2.address"
    mkfifo "$scratch/hold" "$scratch/ready"
    "$BUILDDIR/bench/idle" "${address[1]}" "$1" "${address[0]}" \
        <"$scratch/hold" >"$scratch/ready" 2>/dev/null &
    idle=$!
    exec 8>"$scratch/hold" 9<"$scratch/ready"
    rm "$scratch/hold" "$scratch/ready"
    read -r -t 20 _ <&9 && "${@:3}"
    exec 8>&- 9<&-
    kill "$idle"
    wait "$idle"
}

# What an idle client costs in memory: of a server that has a process or a
# thread for each, 500 of them.  compare_memory NAME...
compare_memory() {
    local name count
    for name; do
        case $name in
        threads | xinetd | inetutils | openbsd | socat* | ncat) count=500 ;;
        gocopy) count=4000 ;; # three descriptors each
        *) count=10000 ;;
        esac
        late || [ -z "$(pid_of "$name")" ] || measure_memory "$count" "$name"
    done
}

measure_memory() {
    local pid before
    pid=$(pid_of "$2")
    before=$(memory_of "$pid")
    beside "$1" "$2" memory_of "$pid" >"$scratch/after"
    awk -v server="$2" -v count="$1" -v before="$before" '{
        printf "%s,%d,%.0f,%.0f\n", server, count, before / 1024,
            ($1 - before) / count }' "$scratch/after" |
        tee -a "$OUT/memory.csv" >&2
}

# ---- the report ----

# WORKLOAD SERVER CPU RATIO WALL P50 P99 of each pair, medians; the ratio is to
# the plain epoll loop in the same pass.
medians() {
    awk -F, '
    function median(list, n, i, j, t) {
        n = split(list, v, " ")
        for (i = 2; i <= n; i++)
            for (j = i; j > 1 && v[j - 1] + 0 > v[j] + 0; j--) {
                t = v[j]; v[j] = v[j - 1]; v[j - 1] = t
            }
        if (n == 0)
            return 0
        return (v[int((n + 1) / 2)] + v[int(n / 2) + 1]) / 2
    }
    NR > 1 && $9 == "yes" {
        key = $1 " " $2
        if (!(key in cpu)) order[++keys] = key
        cpu[key] = cpu[key] " " $4
        wall[key] = wall[key] " " ($1 ~ /^bulk/ ? $6 : $5)
        p50[key] = p50[key] " " $7; p99[key] = p99[key] " " $8
        at[key " " $3] = $4
        pass[$3] = 1
    }
    NR > 1 && $9 != "yes" {
        key = $1 " " $2
        if (!(key in cpu)) { order[++keys] = key; cpu[key] = "" }
        wrong[key] = 1
    }
    END {
        for (i = 1; i <= keys; i++) {
            key = order[i]
            split(key, k, " ")
            ratios = ""
            for (p in pass)
                if (at[k[1] " epoll " p] > 0 && at[key " " p] > 0)
                    ratios = ratios " " at[key " " p] / at[k[1] " epoll " p]
            printf "%s %.3f %.2f %.1f %.3f %.3f %s\n", key, median(cpu[key]),
                median(ratios), median(wall[key]), median(p50[key]),
                median(p99[key]), (key in wrong) ? "wrong" : "right"
        }
    }' "$csv"
}

table_of() {
    echo '| server | CPU µs | ratio | per second | p50 ms | p99 ms | echo |'
    echo '|---|--:|--:|--:|--:|--:|---|'
    awk -v w="$1" '$1 == w {
        printf "| %s | %s | %s | %s | %s | %s | %s |\n",
            $2, $3, $4, $5, $6, $7, $8 }' "$scratch/medians"
}

table_of_idle() {
    echo '| server | CPU µs | with none idle | to that | to epoll | per second | p99 ms | echo |'
    echo '|---|--:|--:|--:|--:|--:|--:|---|'
    awk -v w="$1" -v none="none-${1#idle-}" '
        $1 == none { alone[$2] = $3 }
        $1 == w { at[++n] = $2; line[n] = $0 }
        END {
            for (i = 1; i <= n; i++) {
                split(line[i], v)
                printf "| %s | %s | %s | %.2f | %s | %s | %s | %s |\n", at[i],
                    v[3], alone[at[i]], v[3] / alone[at[i]], v[4], v[5], v[7],
                    v[8]
            }
        }' "$scratch/medians"
}

report() {
    medians >"$scratch/medians"
    echo "# echod beside other echo servers"
    echo
    echo "$(date +%F), in $BENCH_NETWORK, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)," \
        "$(nproc) CPUs, Linux $(uname -r); load average at the end" \
        "$(cut -d' ' -f1-3 /proc/loadavg)."
    echo "Medians of $((2 * PASSES)) passes of $SECONDS_EACH s.  CPU is the" \
        "server's, in µs for each echo (bulk: each MiB; churn: each" \
        "connection); the ratio is to the plain epoll loop, epoll.  A server" \
        "that did not echo everything in a workload is marked: wrong."
    cut -d' ' -f1 "$scratch/medians" | grep -v '^none-' | awk '!seen[$0]++' |
        while read -r workload; do
            printf '\n## %s\n\n' "$workload"
            case $workload in
            idle-*) table_of_idle "$workload" ;;
            *) table_of "$workload" ;;
            esac
        done
    printf '\n## memory\n\n'
    echo '| server | idle clients | KiB without | bytes a client |'
    echo '|---|--:|--:|--:|'
    awk -F, 'NR > 1 { print "| " $1 " | " $2 " | " $3 " | " $4 " |" }' \
        "$OUT/memory.csv"
}

plot() {
    command -v gnuplot >/dev/null || return 0
    awk '$1 == "echo-50" && $3 > 0 { print $2, $3, $5 / 1000 }' \
        "$scratch/medians" | sort -k2n >"$scratch/bars"
    awk '$1 ~ /^idle-/ { sub(/idle-/, "", $1); print $2, $1, $3 }' \
        "$scratch/medians" | sort -k1,1 -k2,2n |
        awk '$1 != last { if (NR > 1) print "\n"; print "\"" $1 "\"" } { print; last = $1 }' \
            >"$scratch/lines"
    [ -s "$scratch/bars" ] && gnuplot <<END
set terminal svg size 800,500 background "white"
set output "$OUT/cpu-per-echo.svg"
set title "CPU of the server for each 64-byte echo, 50 busy clients"
set ylabel "µs"
set yrange [0:*]
set xtics rotate by -45
set style fill solid 0.6
set boxwidth 0.7
unset key
plot "$scratch/bars" using 0:2:xticlabels(1) with boxes
set output "$OUT/echoes.svg"
set title "Thousands of 64-byte echoes a second, 50 busy clients"
set ylabel "thousands a second"
plot "$scratch/bars" using 0:3:xticlabels(1) with boxes
END
    [ -s "$scratch/lines" ] && gnuplot <<END
set terminal svg size 800,500 background "white"
set output "$OUT/idle-clients.svg"
set title "CPU of the server for each 64-byte echo, 50 busy clients beside idle ones"
set xlabel "idle clients"
set ylabel "µs"
set yrange [0:*]
set key top left
plot for [i=0:*] "$scratch/lines" index i using 2:3 with linespoints \
    title columnheader(1)
END
    return 0
}

echo "workload,server,pass,cpu_us,echoes_per_s,mib_per_s,p50_ms,p99_ms,right" \
    >"$csv"
echo "server,idle_clients,kib_without,bytes_a_client" >"$OUT/memory.csv"
# shellcheck disable=SC2086  # words
{
    start_servers $SERVERS
    compare_memory $SERVERS
    compare_servers 1 $((2 * PASSES)) $SERVERS
}
[ -z "$IDLE" ] || compare_pollers
# shellcheck disable=SC2086  # words
if [ -n "$FORKING" ]; then
    start_servers $FORKING
    WORKLOADS=${WORKLOADS/echo-1000/}
    compare_servers $((2 * PASSES + 1)) $((2 * PASSES + 2)) epoll $FORKING
    compare_memory $FORKING
fi
report >"$OUT/results.md"
plot
say "written: $OUT/results.md, $csv"
exit "$failed"
