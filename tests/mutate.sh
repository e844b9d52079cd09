#!/bin/bash
# mutate.sh: does the suite notice when a line is wrong?
#
#   tests/mutate.sh [-a] [-j JOBS] [-t SECONDS] PASS DIR FILE[:FROM-TO]...
#
# Changes one operator, condition, constant or call of src/FILE at a time in a
# copy of the tree, builds, and runs the tests that should notice, until one
# does.  PASS is units, then sanitized, the same with ASan and UBSan for the
# mutants that survived, then systems for those that are left, then memory,
# where each allocation of a start and of a hundred clients fails once.  DIR
# keeps the copies and the results: the next run takes the tests of then and
# goes on with what is not done.  -t ends after so many seconds, -a forgets who
# survived.  A pass may be left out.
#
# A mutant that does not compile does not count, nor does one of which the
# optimizer makes the same code.  A test that fails, or takes three times as
# long as it should, kills a mutant; one of the whole echod has to do so twice.
# shellcheck disable=SC2046 # lists of words are meant
set -u
# The tests that have to do with FILE, the quick ones first, or all of them.
tests_for() {
    case $1 in
    conn.c) echo check_conn system_{echo,faults,bulk,pressure} fault_memory ;;
    loop.c)
        echo check_{loop,handover} system_{listen,daemon,signals,echo,faults}
        echo system_limits fault_memory
        ;;
    gate.c)
        echo check_server system_{listen,signals,stats,access} fault_memory
        ;;
    server.c)
        echo check_server system_{listen,root,daemon,stats,signals,limits}
        echo system_{access,bulk,faults,pressure} fault_memory
        ;;
    clients.c)
        echo check_server system_{stats,signals,log,faults,ends,access}
        echo system_pressure fault_memory
        ;;
    *)
        echo check_{conn,loop,handover,server}
        echo system_{listen,root,daemon,stats,signals,log,echo,faults,limits}
        echo system_{ends,access,pressure,bulk} fault_memory
        ;;
    esac | tr ' ' '\n' | grep "$kind"
}

# FILE:LINE:COLUMN:LENGTH:NEW of each mutant of the lines FROM to TO of a file.
mutants() {
    awk -v file="$(basename "$1")" -v from="$2" -v to="$3" '
    function put(at, len, new) {
        print file ":" NR ":" at ":" len ":" new
    }
    BEGIN {
        n = split("== != <= >= && || ++ -- += -= < > + - * / & true false !",
                  old, " ")
        split("!= == < > || && -- ++ -= += <= >= - + / * | false true ", new,
              " ")
    }
    NR < from || NR > to { next }
    # Not code: directives, comments, declarations at the margin.
    /^#/ || /^ *\/\*.*\*\/$/ || /^\/\*/ || /^ *\*[ \/]/ || /^[a-z}]/ { next }
    /^ +[a-z_>-]+\(.*\);$/ { put(1, length($0), "    ;") }
    match($0, /(if|while) \([a-z_>.-]+\)$/) { put(index($0, "(") + 1, 0, "!") }
    {
        code = $0
        sub(/\/\*.*/, "", code)
        for (at = 1; at <= length(code); at += step) {
            rest = substr(code, at)
            before = substr(code, at - 1, 1)
            step = 1
            if (rest ~ /^"/) {
                step = index(substr(rest, 2), "\"") + 1
            } else if (rest ~ /^(->|<<|>>)/) {
                step = 2
            } else if (match(rest, /^[A-Za-z_0-9.]+/)) {
                step = RLENGTH
                word = substr(rest, 1, step)
                if (word ~ /^[0-9]+$/) put(at, step, word + 1)
                if (word == "true") put(at, step, "false")
                if (word == "false") put(at, step, "true")
            } else {
                for (i = 1; i <= n; i++) {
                    if (index(rest, old[i]) != 1) continue
                    step = length(old[i])
                    if (old[i] ~ /^[-<>+*\/&]$/ &&
                        (before != " " || substr(rest, 2, 1) != " ")) break
                    put(at, step, new[i])
                    break
                }
            }
        }
    }' "$1"
}

# Runs a test of the build in the current folder; leaves no process behind.
passes() {
    local code process
    BUILDDIR=$PWD ECHOD=$PWD/src/echod ECHOC=$PWD/src/echoc CC=cc \
        FAULT_SHIM=$PWD/tests/fault_shim.so SRCDIR=$(realpath ../tree) \
        timeout -k 2 "$2" "$1" </dev/null >log 2>&1
    code=$?
    for process in /proc/[0-9]*; do
        case $(readlink "$process/exe") in
        "$PWD"/*) kill -9 "${process#/proc/}" 2>/dev/null ;;
        esac
    done
    return $code
}

compile() { # FILE.c FLAG
    rm -f "src/${1%.c}.o"
    make -s "src/${1%.c}.o" CFLAGS="$2" >/dev/null 2>&1
}

# Which test fails, if any, with a mutant in FILE.
verdict() {
    local test limit
    for test in $(tests_for "$1"); do
        case $test in
        check_*) make -s "tests/$test" >/dev/null 2>&1 ;;
        *) make -s src/echod >/dev/null 2>&1 ;;
        esac
        limit=$(<"$dir/$build-$test")
        passes "tests/$test" "$limit" && continue
        [[ $test == check_* ]] || ! passes "tests/$test" "$limit" || continue
        echo "killed $test"
        return
    done
    echo "survived $pass"
}

# A source with one mutant.
change() {
    local file line column len new
    IFS=: read -r file line column len new <<<"$1"
    awk -v line="$line" -v column="$column" -v len="$len" -v new="$new" \
        'NR == line {
            $0 = substr($0, 1, column - 1) new substr($0, column + len)
        } { print }' "$dir/first/src/$file"
}

# One mutant, in the folder of this worker: a line of the results.
try() {
    local file=${1%%:*} result
    cd "$dir/$build$MUTATE_SLOT/build" && [ "$(date +%s)" -lt "$end" ] ||
        return 0
    change "$1" >"../tree/src/$file"
    if ! compile "$file" -O2; then
        result=invalid
    elif cmp -s "src/${file%.c}.o" "$dir/optimized/${file%.c}.o"; then
        result=same
    else
        compile "$file" -O0
        result=$(verdict "$file")
    fi
    cp "$dir/first/src/$file" ../tree/src # for the next one
    rm -f "src/${file%.c}.o"
    printf '%s\t%s\n' "$1" "$result" >>"$dir/results"
}

# A worker's copy of the first tree there was; the tests of today, which pass
# without a change, and take so long.
prepare() {
    local test start limit
    if [ ! -d "$1" ]; then
        mkdir -p "$1/build" && cp -Rp "$dir/first" "$1/tree" &&
            cd "$1/build" && ../tree/configure -q CFLAGS=-O0 $sanitizers ||
            return
    fi
    # What a run that was ended left behind.
    for test in $(diff -rq "$dir/first/src" "$1/tree/src" | cut -d' ' -f2); do
        cp "$test" "$1/tree/src"
    done
    cd "$1/build" && cp -u "$tree"/tests/*.[ch] ../tree/tests &&
        make -s -j2 src/echod src/echoc tests/fault_shim.so \
            $(tests_for all | sed s,^,tests/,) >/dev/null || return
    [ "$1" = "$dir/${build}0" ] || return 0
    if [ ! -d "$dir/optimized" ]; then
        mkdir "$dir/optimized" ../optimizing && cd ../optimizing &&
            ../tree/configure -q CFLAGS=-O2 && make -s -j2 libecho.a \
            >/dev/null && cp src/*.o "$dir/optimized" && cd ../build || return
    fi
    for test in $(tests_for all); do
        limit=$dir/$build-$test
        [ "../tree/tests/$test.c" -nt "$limit" ] || continue
        start=$(date +%s)
        if ! passes "tests/$test" 99; then
            echo "$test fails without a change"
            return 1
        fi
        echo $((($(date +%s) - start + 1) * 3)) >"$limit"
    done
}

if [ -n "${MUTATE_SLOT-}" ]; then # a worker, see xargs below
    try "$1"
    exit
fi
jobs=2 end=9999999999 again='' sanitizers='' build=plain kind=check_ from='^$'
while getopts aj:t: option; do
    case $option in
    a) again=yes ;;
    j) jobs=$OPTARG ;;
    t) end=$(($(date +%s) + OPTARG)) ;;
    *) exit 64 ;;
    esac
done
shift $((OPTIND - 1))
pass=$1
case $pass in
systems) kind=system_ from='survived (units|sanitized)' ;;
memory) kind=fault_ from='survived (units|sanitized|systems)' ;;
sanitized)
    build=sanitized from='survived units' sanitizers=--enable-sanitizers
    ;;
esac
tree=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$2" && dir=$(cd "$2" && pwd) && touch "$dir/results" || exit 1
[ -d "$dir/first" ] || cp -Rp "$tree" "$dir/first"
shift 2
export dir end pass build kind
for slot in $(seq 0 $((jobs - 1))); do
    (prepare "$dir/$build$slot") || exit 1
done
[ -z "$again" ] || sed -i '/\tsurvived /d' "$dir/results"
for file; do
    lines=${file#*:}
    [ "$lines" != "$file" ] || lines=1-9999
    mutants "$dir/first/src/${file%%:*}" "${lines%-*}" "${lines#*-}"
done >"$dir/mutants"
awk -F'\t' -v from="$from" 'FILENAME ~ /results$/ { verdict[$1] = $2; next }
    verdict[$1] ~ from' "$dir/results" "$dir/mutants" |
    xargs -d '\n' -n 1 -P "$jobs" --process-slot-var=MUTATE_SLOT "$0"

awk -F'\t' '{ last[$1] = $2 } END { for (m in last) print m "\t" last[m] }' \
    "$dir/results" | sort -t: -k1,1 -k2,2n -k3,3n >"$dir/verdicts"
grep -P '\tsurvived ' "$dir/verdicts" | while IFS=$'\t' read -r mutant _; do
    echo "survived: ${mutant%%:*}:$(cut -d: -f2,3 <<<"$mutant")"
    diff "$dir/first/src/${mutant%%:*}" <(change "$mutant") | grep '^[<>]'
done
awk -F'[:\t]' '$NF ~ /^(killed|survived)/ { of[$1]++ }
    $NF ~ /^killed/ { killed[$1]++ }
    END { for (f in of) print f ": killed " killed[f] + 0 " of " of[f] }' \
    "$dir/verdicts"
