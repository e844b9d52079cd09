#!/bin/sh
# Instructions of echod itself for each echo, counted by callgrind, so that a
# dearer hot path shows without a clock.  Two runs differ in the number of
# echoes alone, so start and end cancel out.  Each echo is a turn of its own;
# 642 were counted, load or none.  Fails above MOST.
# For a build with optimisation and nothing else.
set -u
: "${BUILDDIR:=.}" "${ECHOD:=$BUILDDIR/src/echod}" "${ECHOC:=$BUILDDIR/src/echoc}"
: "${MOST:=700}"
scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT

# count ECHOES: the instructions of a run.
count() {
    : >"$scratch/log"
    valgrind -q --tool=callgrind --callgrind-out-file="$scratch/out" "$ECHOD" \
        -e -c /dev/null -o server.listen=127.0.0.1 -o server.port=0 \
        2>>"$scratch/log" &
    pid=$!
    address=
    while [ -z "$address" ] && kill -0 "$pid" 2>/dev/null; do
        sleep 0.1
        address=$(sed -n 's/.*listening on \(.*\):\([0-9]*\)$/\1 \2/p' \
            "$scratch/log")
    done
    # shellcheck disable=SC2086  # two words
    "$ECHOC" ping -q -c "$1" -i 0.001 $address >"$scratch/ping" 2>&1
    right=$?
    kill "$pid"
    if ! wait "$pid" || [ "$right" != 0 ]; then
        cat "$scratch/ping" "$scratch/log" >&2
        return 1
    fi
    sed -n 's/^summary: //p' "$scratch/out"
}

few=$(count 100) && many=$(count 1100) || exit 2
each=$(((many - few) / 1000))
echo "$each instructions for each echo (at most $MOST)"
[ "$each" -le "$MOST" ]
