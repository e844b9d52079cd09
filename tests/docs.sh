#!/bin/sh
# The man pages, etc/echod.ini and README.md say what the program does: the
# same keys, options, signals, exit codes, reasons and log lines.
# shellcheck disable=SC2016  # the backquotes are Markdown's
set -u
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
failed=0
page8=$SRCDIR/man/echod.8
page5=$SRCDIR/man/echod.ini.5
dump=$scratch/dump
"$ECHOD" -T -c /dev/null >"$dump" || exit 1

# same TITLE: the lines of have (the program's) are those of docs.
same() {
    sort -o "$scratch/have" "$scratch/have"
    sort -o "$scratch/docs" "$scratch/docs"
    if [ -s "$scratch/have" ] &&
        diff "$scratch/have" "$scratch/docs" >"$scratch/diff"; then
        echo "ok: $1"
    else
        echo "not ok: $1  (< the program, > the documents)"
        cat "$scratch/diff"
        failed=1
    fi
}

# The lines of a man page's section.
section() {
    awk -v title="$2" '/^\.Sh / { inside = $0 == ".Sh " title }
        inside' "$1"
}

# ---- echod.ini ----

# SECTION.KEY | ALLOWED | DEFAULT | whether a change needs a restart
keys_of_dump() {
    awk '
    /^\[/ { section = substr($0, 2, length($0) - 2) }
    /^# Allowed: / {
        allowed = substr($0, 12); preset = allowed
        sub(/\.  Default: .*/, "", allowed)
        sub(/.*\.  Default: /, "", preset)
        restart = ""
    }
    /^# A change needs a restart/ { restart = "restart" }
    /^[a-z]/ { print section "." $1 " | " allowed " | " preset " | " restart }
    ' "$dump"
}

keys_of_man() {
    section "$page5" KEYS | awk '
    function flush() {
        if (key != "")
            print section "." key " | " allowed " | " preset " | " restart
        key = ""
    }
    /^\.Ss Section / { flush(); section = $3 }
    /^\.It Cm / { flush(); key = $3; allowed = preset = restart = "" }
    /^\.Sh / { next }
    more { allowed = allowed " " $0; more = !/\.$/ }
    /^Allowed: / { allowed = substr($0, 10); more = !/\.$/ }
    !more { sub(/\.$/, "", allowed) }
    /^Default: / { preset = substr($0, 10); sub(/\.$/, "", preset) }
    /^Needs a restart\.$/ { restart = "restart" }
    END { flush() }'
}

# By cat: a copy of a read-only file would be one.
cat "$dump" >"$scratch/have"
cat "$SRCDIR/etc/echod.ini" >"$scratch/docs"
if cmp -s "$scratch/have" "$scratch/docs"; then
    echo "ok: etc/echod.ini is what echod -T prints"
else
    echo "not ok: etc/echod.ini is not what echod -T prints (make update-ini)"
    diff "$scratch/have" "$scratch/docs"
    failed=1
fi

keys_of_dump >"$scratch/have"
keys_of_man >"$scratch/docs"
same 'echod.ini(5) has every key with its range and default'

# Keys that are named in running text.
sections=$(sed -n 's/^\[\(.*\)\]$/\1/p' "$dump" | paste -sd'|')
keys_of_dump | sed 's/ .*//' | sort >"$scratch/known"
cat "$page8" "$page5" "$SRCDIR/README.md" "$SRCDIR/ARCHITECTURE.md" |
    grep -v '^\.It "unknown ' |
    grep -oE "(^|[^A-Za-z_./])($sections)\.[a-z_]+" | sed 's/^[^a-z]//' |
    grep -vE '\.[ch]$' | sort -u >"$scratch/named"
unknown=$(comm -13 "$scratch/known" "$scratch/named")
if [ -s "$scratch/named" ] && [ -z "$unknown" ]; then
    echo "ok: the documents name no key that does not exist"
else
    echo "not ok: the documents name keys that do not exist:" "$unknown"
    failed=1
fi

# Files that the documents show are files that echod takes.
awk -v dir="$scratch" '
    /^\.Ed/ { file = "" }
    file { print >file; next }
    /^\.Bd -literal/ { file = dir "/example" ++n ".ini" }' "$page5"
awk -v dir="$scratch" '
    /^```$/ { file = "" }
    file { print >file }
    /^```ini$/ { file = dir "/readme" ++n ".ini" }' "$SRCDIR/README.md"
for example in "$scratch"/example*.ini "$scratch"/readme*.ini; do
    if "$ECHOD" -t -c "$example" && grep -q = "$example"; then
        echo "ok: echod takes ${example##*/}"
    else
        echo "not ok: a file that a document shows is refused:"
        cat "$example"
        failed=1
    fi
done

# Files that the documents point to.
lost=$(for page in README.md ARCHITECTURE.md; do
    grep -oE '\]\([^)#:]+\)|`(man|tests|etc|src|docs?)/[A-Za-z0-9_./-]+`' \
        "$SRCDIR/$page" | tr -d ']()`'
done | sort -u | while read -r file; do
    [ -e "$SRCDIR/$file" ] || echo "    $file"
done)
if [ -z "$lost" ]; then
    echo "ok: the files that the documents point to are there"
else
    echo "not ok: files that the documents point to, and that are not there:"
    echo "$lost"
    failed=1
fi

# ---- echod(8) ----

# SHORT LONG ARGUMENT
"$ECHOD" -h | sed -n 's/^  -\(.\), --\([a-z]*\) \{0,1\}\([A-Z.=]*\) .*/\1 \2 \3/p' \
    >"$scratch/have"
section "$page8" DESCRIPTION |
    sed -n 's/ Ns = Ns Ar VALUE/=VALUE/g
        s/^\.It Fl \([^ ]*\)\( Ar \([^ ]*\)\)\{0,1\} , Fl -\([a-z]*\).*/\1 \4 \3/p' \
    >"$scratch/docs"
same 'echod(8) has the options of --help'

"$ECHOD" -h | sed '/^$/,$d' | grep -oE -- '-[A-Za-z]' | tr -d - \
    >"$scratch/have"
section "$page8" SYNOPSIS |
    sed -n 's/.*Fl \([A-Za-z]\)\( | \([A-Za-z]\)\)\{0,1\}.*/\1 \3/p' |
    tr ' ' '\n' | sed '/^$/d' >"$scratch/docs"
same 'the synopsis has the options of the usage line'

grep -o 'loop_signal([^,]*, SIG[A-Z0-9]*' "$SRCDIR/src/echod.c" |
    sed 's/.* //' >"$scratch/have"
section "$page8" SIGNALS | grep '^\.It' | grep -o 'SIG[A-Z0-9]*' \
    >"$scratch/docs"
same 'echod(8) has the signals that are caught'

exit_names=$(grep -ohw 'EX_[A-Z]*' "$SRCDIR"/src/*.c | sort -u)
for name in $exit_names; do
    printf '#include <sysexits.h>\nvalue %s %s_\n' "$name" "$name"
done | $CC -E -P -x c - | sed -n 's/_$//; s/^value //p' >"$scratch/have"
section "$page8" 'EXIT STATUS' | sed -n 's/^\.It \([0-9]*\) Pq Dv /\1 /p' \
    >"$scratch/docs"
same 'echod(8) has the exit codes'

# Those that are given to a client; connlog.c and metrics.c only write them.
for file in "$SRCDIR"/src/*.c; do
    case $file in
    */connlog.c | */metrics.c) ;;
    *) grep -ohw 'CONNLOG_[A-Z]*' "$file" ;;
    esac
done | sed 's/CONNLOG_//' | tr '[:upper:]' '[:lower:]' | sort -u \
    >"$scratch/have"
section "$page8" LOG | awk '/^The reasons of a disconnect are:/ { on = 1 }
    /^\.El/ { on = 0 }
    on && /^\.It Sy / { print $3 }' >"$scratch/docs"
same 'echod(8) has the reasons of a disconnect'

sed -n 's/^ *\[GATE_[A-Z_]*\] = "\(.*\)",$/\1/p' "$SRCDIR/src/gate.c" |
    grep -vx open >"$scratch/have"
section "$page8" LOG | awk '/^The reasons of a refusal are:/ { on = 1 }
    /^\.El/ { on = 0 }
    on && /^\.It Sy / { print $3 }' >"$scratch/docs"
same 'echod(8) has the reasons of a refusal'

# ---- echoc(1) ----

# MODE OPTION
"$ECHOC" -h | awk '
    /^every mode$/ { mode = "every" }
    /^[a-z]+: / { mode = $1; sub(/:/, "", mode) }
    /^  -/ {
        for (i = 1; i <= NF && $i ~ /^-/; i++) {
            sub(/,$/, "", $i)
            print mode, $i
        }
    }' >"$scratch/have"
section "$SRCDIR/man/echoc.1" DESCRIPTION | awk '
    BEGIN { mode = "every" }
    /^\.Ss / { mode = $2 }
    /^\.It Fl / {
        for (i = 2; i <= NF; i++)
            if ($i == "Fl")
                print mode, "-" $(i + 1)
    }' >"$scratch/docs"
same 'echoc(1) has the options of --help, mode by mode'

# ---- messages ----

# Of each message that FUNCTION gets, the longest piece between two
# conversions.
pieces() {
    cat "$SRCDIR"/src/*.c | tr '\n' ' ' | sed "s/\($1\)(/\\n&/g" |
        sed -n "/^\($1\)(/p" | awk '{
            sub(/\);.*/, "")
            gsub(/\\"/, "%")
            longest = ""
            while (match($0, /"[^"]*"/)) {
                text = substr($0, RSTART + 1, RLENGTH - 2)
                $0 = substr($0, RSTART + RLENGTH)
                count = split(text, piece, /%[-0-9.]*[a-z]*/)
                for (i = 1; i <= count; i++)
                    if (length(piece[i]) > length(longest))
                        longest = piece[i]
            }
            gsub(/^[ :;]+|[ :]+$/, "", longest)
            if (length(longest) > 3)
                print longest
        }' | sort -u
}

# explained TITLE FUNCTION: a man page has an item for each message.
cat "$page8" "$page5" | grep '^\.It ' >"$scratch/items"
explained() {
    pieces "$2" >"$scratch/pieces"
    missing=$(while read -r piece; do
        grep -qF -- "$piece" "$scratch/items" || echo "    $piece"
    done <"$scratch/pieces")
    if [ "$(wc -l <"$scratch/pieces")" -gt 9 ] && [ -z "$missing" ]; then
        echo "ok: $1"
    else
        echo "not ok: $1, but for:"
        echo "$missing"
        failed=1
    fi
}
explained 'echod(8) has the log lines' 'log_write\|log_errno'
explained 'the man pages have the mistakes of a configuration' settings_mistake
exit "$failed"
