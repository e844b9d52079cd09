#!/bin/sh
# Measures the sources of a folder, and fails where they miss our aims:
# lengths of functions and files, no include cycle, no #if in a .c file.
# Needs universal-ctags.
set -eu
dir=${1:-src}

# FILE NAME LENGTH of each function.
functions() {
    ctags -x --kinds-C=f --fields=+e --_xformat='%F %N %n %{end}' "$dir"/*.c |
        awk '{ print $1, $2, $4 - $3 + 1 }'
}

# MODULE MODULE of each include of one module by another.
includes() {
    awk '/^#include "/ {
        split($2, name, "\"")
        print module(FILENAME), module(name[2])
    }
    function module(path) {
        sub(/.*\//, "", path); sub(/\.[ch]$/, "", path); return path
    }' "$dir"/*.[ch]
}

failed=0
# at_most LIMIT VALUE WHAT
at_most() {
    printf '%6s  %s (at most %s)\n' "$2" "$3" "$1"
    [ "$2" -le "$1" ] || { echo "over the aim: $3"; failed=1; }
}

lengths=$(functions | sort -n -k3)
rank() {
    echo "$lengths" | awk -v p="$1" '{ n[NR] = $3 }
        END { i = int(p * NR) + 1; print n[i < NR ? i : NR] }'
}
longest() {
    echo "$lengths" | awk 'END { print $2 " in " $1 }'
}

files=$(wc -l "$dir"/*.c | grep -v ' total$' | sort -n | tail -1)
at_most 12 "$(rank .5)" "lines in the median function"
at_most 40 "$(rank .95)" "lines at the 95th percentile"
at_most 60 "$(rank 1)" "lines in the longest function, $(longest)"
at_most 500 "${files% *}" "lines in the longest file, ${files##* }"
at_most 0 "$(cat "$dir"/*.c | grep -c '^ *# *if')" "conditionals in .c files"
at_most 0 "$(cat "$dir"/*.[ch] | expand | grep -c '.\{81\}')" \
    "lines over 80 columns"
if ! includes | tsort >/dev/null; then
    echo "modules include each other in a circle"
    failed=1
fi
exit "$failed"
