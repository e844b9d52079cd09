#!/bin/sh
# ARCHITECTURE.md is true: every module stands in its table, every include
# goes on in it, and the socket calls are where it says.
# shellcheck disable=SC2016  # the backquotes are Markdown's
set -u
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
failed=0
doc=$SRCDIR/ARCHITECTURE.md
cd "$SRCDIR/src" || exit 1

verdict() {
    if [ "$1" = 0 ]; then
        echo "ok: $2"
    else
        echo "not ok: $2"
        failed=1
    fi
}

# ---- the rooms ----

# The modules of the table between the marks, from the top, left to right.
rooms() {
    sed -n '/^<!-- rooms -->/,/^<!-- end -->/p' "$doc" | grep '^| [0-9]' |
        cut -d'|' -f4 | grep -o '`[a-z_0-9]*`' | tr -d '`'
}
rooms >"$scratch/rooms"

for file in *.c *.h; do
    echo "${file%.*}"
done | sort -u >"$scratch/modules"
sort "$scratch/rooms" | diff "$scratch/modules" - >"$scratch/diff"
verdict $? 'every module has its room, once  (< src, > the table)'
cat "$scratch/diff"

# MODULE MODULE of each include of one module by another.
for file in *.c *.h; do
    sed -n "s/^#include \"\(.*\)\.h\".*/${file%.*} \1/p" "$file"
done | awk '$1 != $2' | sort -u >"$scratch/includes"

awk 'NR == FNR { at[$1] = NR; next }
    at[$1] >= at[$2] { print "    " $1 " includes " $2; bad = 1 }
    END { exit bad }' "$scratch/rooms" "$scratch/includes"
verdict $? 'every include goes to a module further on in the table'

# MODULE MODULE of each line "module -> module, module".
sed -n '/^<!-- arrows -->/,/^<!-- end -->/s/^\([a-z_]*\) *-> /\1 /p' "$doc" |
    tr -d , | awk '{ for (i = 2; i <= NF; i++) print $1, $i }' |
    sort >"$scratch/arrows"
comm -13 "$scratch/includes" "$scratch/arrows" >"$scratch/diff"
[ -s "$scratch/arrows" ] && [ ! -s "$scratch/diff" ]
verdict $? 'the arrows that are shown are includes'
cat "$scratch/diff"

# Modules of a floor, by its number.
floor() {
    sed -n '/^<!-- rooms -->/,/^<!-- end -->/p' "$doc" | grep "^| $1 " |
        cut -d'|' -f4 | grep -o '`[a-z_0-9]*`' | tr -d '`'
}
for number in 0 1 2; do
    floor "$number"
done >"$scratch/low"
awk 'NR == FNR { low[$1]; next }
    $2 == "log" && $1 in low { print "    " $1; bad = 1 }
    END { exit bad }' "$scratch/low" "$scratch/includes"
verdict $? 'nobody below the third floor writes to the log'

# ---- the calls ----

# Files of echod: what it includes, and what stands behind those headers.
daemon_files() {
    awk '{ next_of[$1] = next_of[$1] " " $2 }
        function walk(m,    list, n, i) {
            if (m in seen)
                return
            seen[m]
            n = split(next_of[m], list, " ")
            for (i = 1; i <= n; i++)
                walk(list[i])
        }
        END { walk("echod"); for (m in seen) print m }' "$scratch/includes" \
        >"$scratch/daemon"
    for file in *.c; do
        own=$(sed -n 's/^#include "\(.*\)\.h".*/\1/p' "$file" | head -n 1)
        if [ "$file" = echod.c ] || grep -qx "$own" "$scratch/daemon"; then
            echo "$file"
        fi
    done
}

# CALL FILE FUNCTION of each socket call; "recv(2)" is a word of a comment.
calls() {
    awk '
    /^[a-z].*[ *][a-z_0-9]+\(/ {
        function_ = $0
        sub(/\(.*/, "", function_); sub(/.*[ *]/, "", function_)
    }
    /^ / {
        rest = " " $0
        while (match(rest, /[^A-Za-z_0-9.>](socket|bind|connect|listen|accept4?|recv|send|sendto|splice|shutdown|close)\(([^0-9]|[0-9][^)])/)) {
            call = substr(rest, RSTART + 1, RLENGTH)
            sub(/\(.*/, "", call)
            print call, FILENAME, function_
            rest = substr(rest, RSTART + 1)
        }
    }' "$@" | sort -u
}

# The same of the rows "| `call` | `file.c`: `function`, `function` ... |".
calls_of_doc() {
    sed -n '/^<!-- calls -->/,/^<!-- end -->/p' "$doc" | awk '
    /^\| `/ {
        gsub(/`/, "")
        count = split($0, word, /[|,;: ]+/)
        for (i = 3; i <= count; i++)
            if (word[i] ~ /\.c$/)
                file = word[i]
            else if (word[i] != "")
                print word[2], file, word[i]
    }' | sort -u
}
# The list is words, to be split.
# shellcheck disable=SC2046
calls $(daemon_files) >"$scratch/calls"
calls_of_doc | diff "$scratch/calls" - >"$scratch/diff"
verdict $? 'the socket calls are where the table says  (< src, > the table)'
cat "$scratch/diff"

# Files and functions of the tour, "`file.c`: `function()`".
tour=$(tr -s '\n ' ' ' <"$doc" |
    grep -oE '`[a-z_0-9]+\.c`: `[a-z_0-9]+\(\)`' | tr -d '`: ()' |
    sed 's/\.c/.c /')
lost=$(echo "$tour" | while read -r file function; do
    grep -qE "^[a-z].*[ *]$function\(|^$function\(" "$file" ||
        echo "    $file $function"
done)
[ -n "$tour" ] && [ -z "$lost" ]
verdict $? 'the functions of the tour are in the files of the tour'
[ -z "$lost" ] || echo "$lost"
exit "$failed"
