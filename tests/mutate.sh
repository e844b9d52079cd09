#!/bin/bash
# mutate.sh: does the suite notice when a line is wrong?
#
#   tests/mutate.sh EVERY FILE...
#
# Changes one operator, condition, constant or statement of src/FILE at a time
# in a copy of the tree, builds, and runs the tests that should notice, until
# one does.  EVERY takes only each so many of the mutants, 1 all.  A mutant
# that no test notices is shown; some of those mean the same as the original.
set -u
every=$1
shift
tree=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/echod-mutate.XXXXXX")
trap 'rm -rf "$work"' EXIT
cp -R "$tree" "$work/tree"
mkdir "$work/build"
cd "$work/build" || exit 1
"$work/tree/configure" -q CFLAGS="${CFLAGS--O1 -g}" || exit 1
make -s -j2 all >/dev/null 2>&1
# The quick ones first: most mutants end there.
units=(tests/check_conn tests/check_loop tests/check_server
    tests/check_listener)
systems=(tests/system_echo tests/system_ends tests/system_pressure
    tests/system_access tests/system_signals tests/system_limits
    tests/system_log tests/system_listen)

# LINE:COLUMN:LENGTH:NEW of each mutant of a file.
mutants() {
    awk '
    BEGIN {
        n = split("== != <= >= && || ++ -- += -= < > + - true false 0 1 !",
                  from, " ")
        split("!= == < > || && -- ++ -= += <= >= - + false true 1 2 ", to, " ")
    }
    # Not code: directives, comments, declarations at the margin.
    /^#/ || /^\/?\*/ || /^ \*/ || /^[a-z}]/ || /^    \/\*/ { next }
    { code = $0; sub(/\/\*.*/, "", code) }
    /^ +[a-z_]+\(.*\);$/ { print NR ":1:" length($0) ":    ;" }
    {
        at = 1
        while (at <= length(code)) {
            step = 1
            if (substr(code, at, 1) == "\"") {
                step = index(substr(code, at + 1), "\"") + 1
                at += step; continue
            }
            if (substr(code, at, 2) ~ /->|<<|>>/) { at += 2; continue }
            for (i = 1; i <= n; i++) {
                token = from[i]
                if (substr(code, at, length(token)) != token) continue
                before = substr(code, at - 1, 1)
                after = substr(code, at + length(token), 1)
                if (token ~ /[a-z0-9]/ && (before ~ /[A-Za-z_0-9.]/ ||
                    after ~ /[A-Za-z_0-9.x]/)) continue
                if (token ~ /^[<>+-]$/ && !(before == " " && after == " "))
                    continue
                print NR ":" at ":" length(token) ":" to[i]
                step = length(token)
                break
            }
            at += step
        }
    }' "$1"
}

# A build that fails, a test that fails, or one that takes too long.
noticed() {
    timeout 120 make -s src/echod "${units[@]}" </dev/null >/dev/null 2>&1 ||
        return 0
    local test
    for test in "${units[@]}" "${systems[@]}"; do
        timeout 200 make -s check TESTS="$test" check_PROGRAMS="$test" \
            </dev/null >/dev/null 2>&1 || return 0
    done
    return 1
}

if noticed; then
    echo "the tests fail without a change" >&2
    exit 1
fi
killed=0
survived=0
count=0
for file; do
    source=$work/tree/src/$file
    cp "$source" "$work/original"
    while IFS=: read -r line column length new; do
        count=$((count + 1))
        [ $((count % every)) = 0 ] || continue
        awk -v line="$line" -v column="$column" -v len="$length" \
            -v new="$new" 'NR == line {
                $0 = substr($0, 1, column - 1) new substr($0, column + len)
            } { print }' "$work/original" >"$source"
        if noticed; then
            killed=$((killed + 1))
        else
            survived=$((survived + 1))
            echo "survived: $file:$line"
            diff "$work/original" "$source" | grep '^[<>]'
        fi
    done < <(mutants "$work/original")
    cp "$work/original" "$source"
    touch "$source"
done
echo "figure: $killed of $((killed + survived)) mutants were noticed"
