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

# complete_for PROGRAM WORD...: COMPREPLY is what may stand for the last word.
complete_for() {
    local program=$1 function
    shift
    COMP_WORDS=("${program##*/}" "$@")
    COMP_CWORD=$#
    COMPREPLY=()
    function=$(complete -p "${program##*/}" | sed 's/.*-F \([^ ]*\).*/\1/')
    "$function" "$program"
}

# tell WHAT STATUS, with what was offered where that was wrong.
tell() {
    if [ "$2" = 0 ]; then
        echo "ok: $1"
    else
        echo "not ok: $1, but: ${COMPREPLY[*]}"
        failed=1
    fi
}

# offers PROGRAM WANTED WORD...: WANTED is among what is offered.
offers() {
    local program=$1 wanted=$2
    shift 2
    complete_for "$program" "$@"
    printf '%s\n' "${COMPREPLY[@]}" | grep -qxF -e "$wanted"
    tell "${program##*/} $* -> $wanted" $?
}

# offers_only PROGRAM 'WANTED...' WORD...: these are, in any order, and no more.
offers_only() {
    local program=$1 wanted=$2
    shift 2
    complete_for "$program" "$@"
    # shellcheck disable=SC2086  # a list of words
    [ "$(printf '%s\n' $wanted | sort)" = \
        "$(printf '%s\n' "${COMPREPLY[@]}" | sort)" ]
    tell "${program##*/} $* -> only $wanted" $?
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

# letters MODE: the options of one letter that echoc takes, found by trying.
letters() {
    local letter
    for letter in {0..9} {a..z} {A..Z}; do
        "$ECHOC" "$1" "-$letter" 2>&1 </dev/null |
            grep -q 'invalid option' || printf -- '-%s ' "$letter"
    done
}

common='--help --version'
for mode in talk ping bench probe; do
    case $mode in
    talk | ping) long=$common ;;
    bench) long="$common --warmup --json --plot" ;;
    probe) long="$common --idle --json" ;;
    esac
    offers_only "$ECHOC" "$(letters "$mode")$long" "$mode" -
done
offers_only "$ECHOC" "$(letters talk)$common" -
offers_only "$ECHOC" --warmup bench -n 5 --w
offers_only "$ECHOC" '' ping --w
offers_only "$ECHOC" ping pin
HOSTFILE=$scratch/hosts
echo '192.0.2.7 echo-host.example' >"$HOSTFILE"
offers_only "$ECHOC" echo-host.example echo-ho
offers_only "$ECHOC" echo-host.example bench --json echo-ho
offers_only "$ECHOC" '' ping -c echo-ho
: >"$scratch/picture.svg"
offers_only "$ECHOC" "$scratch/picture.svg" bench --plot "$scratch/pic"
exit "$failed"
