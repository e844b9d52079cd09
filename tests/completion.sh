#!/bin/bash
# Bash completion as a shell does it: source it, ask, look at the answer.
# shellcheck disable=SC2034,SC2153  # COMP_* are read by what is sourced
set -u
failed=0
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
for name in echod echoc; do
    # shellcheck source=/dev/null
    . "$SRCDIR/etc/completions/$name"
done

# offers PROGRAM WANTED WORD...: what may stand in place of the last word.
offers() {
    local program=$1 wanted=$2 function
    shift 2
    COMP_WORDS=("${program##*/}" "$@")
    COMP_CWORD=$#
    COMPREPLY=()
    function=$(complete -p "${program##*/}" | sed 's/.*-F \([^ ]*\).*/\1/')
    "$function" "$program"
    if printf '%s\n' "${COMPREPLY[@]}" | grep -qxF -e "$wanted"; then
        echo "ok: ${program##*/} $* -> $wanted"
    else
        echo "not ok: ${program##*/} $* -> $wanted, but: ${COMPREPLY[*]}"
        failed=1
    fi
}

offers "$ECHOD" --config --co
offers "$ECHOD" -T -
offers "$ECHOD" --stderr -d --s
offers "$ECHOD" "$SRCDIR/etc/echod.socket" -c "$SRCDIR/etc/echod.so"

# One that finds its file where echod was not installed yet.
: >"$scratch/echod.ini"
printf '#!/bin/sh\nexec "%s" -c "%s" "$@"\n' "$ECHOD" "$scratch/echod.ini" \
    >"$scratch/echod"
chmod +x "$scratch/echod"
offers "$scratch/echod" limits.max_clients= -o limits.m
offers "$scratch/echod" log.target= --set log.ta
exit "$failed"
