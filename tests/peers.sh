#!/bin/bash
# peers.sh [FILE]: runs echoc probe against echod and the other echo servers
# of Debian, and writes what each gets wrong as Markdown, to FILE or to
# standard output.  About three minutes.
#
# Needs root, for a network namespace of its own (every server gets port 7 of
# its loopback) and xinetd, socat and ncat installed.  The other two inetds
# conflict with xinetd as packages, so theirs are fetched and unpacked, not
# installed.  ECHOD and ECHOC are the built programs.
set -eu
: "${ECHOD:=$PWD/src/echod}" "${ECHOC:=$PWD/src/echoc}"
wait_s=3

if [ -z "${PEERS_INSIDE-}" ]; then
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    chmod 755 "$scratch"
    cd "$scratch"
    apt-get -qq -o APT::Sandbox::User=root download inetutils-inetd \
        openbsd-inetd
    for package in *.deb; do
        dpkg -x "$package" "${package%%_*}"
    done
    if [ $# -gt 0 ]; then
        out=$(realpath -m "$OLDPWD/$1")
    else
        out=/dev/stdout
    fi
    export PEERS_INSIDE="$scratch" ECHOD ECHOC
    cd "$OLDPWD"
    unshare --net "$0" >"$scratch/table"
    cat "$scratch/table" >"$out"
    exit
fi

scratch=$PEERS_INSIDE
ip link set lo up

cat >"$scratch/xinetd.conf" <<END
service echo
{
    type = INTERNAL
    id = echo-stream
    socket_type = stream
    protocol = tcp
    user = root
    wait = no
    disable = no
}
END
echo 'echo stream tcp nowait root internal' >"$scratch/inetd.conf"
printf '[server]\nlisten = 127.0.0.1\nport = 7\n' >"$scratch/echod.ini"

version() {
    dpkg-query -W -f '${Version}' "$1"
}
# Of a package that was only unpacked: NAME_VERSION_ARCH.deb
fetched() {
    basename "$scratch/$1"_*.deb | sed 's/^[^_]*_\([^_]*\)_.*/\1/; s/%3a/:/'
}

names=(echod xinetd inetutils-inetd openbsd-inetd 'socat PIPE'
    'socat EXEC:cat' 'ncat -e cat')
versions=("$("$ECHOD" -V | awk '{ print $2 }')" "$(version xinetd)"
    "$(fetched inetutils-inetd)" "$(fetched openbsd-inetd)"
    "$(version socat)" "$(version socat)" "$(version ncat)")
commands=(
    "$ECHOD -e -c $scratch/echod.ini"
    "xinetd -dontfork -f $scratch/xinetd.conf -pidfile $scratch/pid"
    "$scratch/inetutils-inetd/usr/sbin/inetutils-inetd -d $scratch/inetd.conf"
    "$scratch/openbsd-inetd/usr/sbin/inetd -d $scratch/inetd.conf"
    'socat TCP-LISTEN:7,fork,reuseaddr,backlog=128 PIPE'
    'socat TCP-LISTEN:7,fork,reuseaddr,backlog=128 EXEC:cat'
    'ncat -k -l 7 -e /bin/cat')

# Waits until something listens on port 7, or nothing does.
await() {
    for _ in $(seq 200); do
        if ss -Hltn 'sport = :7' | grep -q .; then
            [ "$1" = up ] && return
        else
            [ "$1" = down ] && return
        fi
        sleep 0.1
    done
    echo "no server is $1 on port 7" >&2
    exit 1
}

for i in "${!names[@]}"; do
    # A group of its own: what it has forked ends with it.
    # shellcheck disable=SC2086  # a command and its words
    setsid ${commands[$i]} >"$scratch/log.$i" 2>&1 &
    server=$!
    await up
    "$ECHOC" probe -W "$wait_s" 127.0.0.1 7 >"$scratch/probe.$i" || true
    kill -- "-$server" 2>/dev/null || kill "$server" || true
    wait "$server" 2>/dev/null || true
    await down
    echo "${names[$i]}: $(grep -c ^FAIL "$scratch/probe.$i") failed" >&2
done

# ---- the table ----

cat <<END
# What other echo servers get wrong

\`echoc probe -W $wait_s\` against each, as Debian ships it, on the loopback
of one machine, $(date +%F).  \`tests/peers.sh\` makes this page.

END
printf '| check |'
printf ' %s |' "${names[@]}"
printf '\n|---|'
printf '%.0s---|' "${names[@]}"
printf '\n'
grep -E '^(PASS|FAIL|NONE)' "$scratch/probe.0" | cut -c7-22 | sed 's/ *$//' |
    while read -r check; do
        printf '| %s |' "$check"
        for i in "${!names[@]}"; do
            grep -E "^(PASS|FAIL|NONE)  $check  *" "$scratch/probe.$i" |
                awk '{ printf " %s |", $1 == "FAIL" ? "**FAIL**" : tolower($1) }'
        done
        printf '\n'
    done
printf '| version |'
printf ' %s |' "${versions[@]}"
printf '\n'

for i in "${!names[@]}"; do
    grep -q ^FAIL "$scratch/probe.$i" || continue
    printf '\n## %s\n\n' "${names[$i]}"
    grep ^FAIL "$scratch/probe.$i" | cut -c7- |
        sed 's/^\(.\{16\}\) *\(.*\)/\1: \2/; s/ *:/:/; s/^/- /'
done
cat <<'END'

## How to read it

- **half-close**: the client sends and ends its side at once; 100 or 20000
  bytes, twenty times. Who closes at that FIN loses what it has not sent yet.
- **late reader**: the client sends as much as is taken, and only then reads.
  A server that writes into a full pipe or socket and waits, stops for good.
- **urgent data**: one byte of TCP urgent data among 252 others. RFC 862 wants
  "any data received" back; without SO_OOBINLINE that byte never arrives.
- **quick connects**: 200 connections, twenty at a time. xinetd's default
  (`cps = 50 10`) turns the service off for ten seconds, for everyone.
END
