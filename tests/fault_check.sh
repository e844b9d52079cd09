#!/bin/sh
# fault_check.sh: the fault suite, several processes at a time, and what it
# came to.  Called by 'make fault-check'; FAULT_JOBS processes (4).
set -u
jobs=${FAULT_JOBS:-4}
FAULT_SHIM=$BUILDDIR/tests/fault_shim.so
FAULT_RESULTS=$(mktemp)
export FAULT_SHIM FAULT_RESULTS
trap 'rm -f "$FAULT_RESULTS" "$FAULT_RESULTS".*' EXIT
failed=0

part=0
pids=
while [ "$part" -lt "$jobs" ]; do
    FAULT_PART=$part/$jobs "$BUILDDIR"/tests/fault_sweep \
        >"$FAULT_RESULTS.$part" 2>&1 &
    pids="$pids $!"
    part=$((part + 1))
done
for pid in $pids; do
    wait "$pid" || failed=1
done
"$BUILDDIR"/tests/fault_memory >"$FAULT_RESULTS.memory" 2>&1 || failed=1
grep -hE '%: Checks|:[FE]:|exit code' "$FAULT_RESULTS".*

awk '
/ hits / {
    runs++; hits += $6
    if ($6 > 0) hit_runs++
    if ($8 == 0) survived++; else ended++
}
/^memory / { positions += $2; if ($4 != 0) starts++ }
/^short / { shorts += $2; errors += $4 }
END {
    printf "figure: %d runs, %d of them hit, %d faults injected: ", runs,
        hit_runs, hits
    printf "%d served on, %d ended with a code of the manual\n", survived,
        ended
    printf "figure: %d allocations failed, %d of them ended the start\n",
        positions, starts
    printf "figure: %d transfers cut short, %d interrupted\n", shorts, errors
}' "$FAULT_RESULTS"
exit "$failed"
