#!/bin/sh
# What was installed works from where it is: 'make installcheck'.
# ECHOD, ECHOC, INI, MANDIR and VERSION say where and what.
# shellcheck disable=SC2317  # called by expect
set -u
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
failed=0

# expect TEXT COMMAND...: it ends with 0 and is silent on standard error.
expect() {
    what=$1
    shift
    if "$@" 2>"$scratch/stderr" && [ ! -s "$scratch/stderr" ]; then
        echo "ok: $what"
    else
        echo "not ok: $what"
        cat "$scratch/stderr"
        failed=1
    fi
}

names_version() {
    "$1" -V >"$scratch/version" && grep -qwF "$VERSION" "$scratch/version"
}

explains_itself() {
    "$1" -h | grep -q usage
}

accepts_its_ini() {
    "$ECHOD" -t -c "$INI"
}

dump_loads_to_itself() {
    "$ECHOD" -T -c "$INI" >"$scratch/first" &&
        "$ECHOD" -T -c "$scratch/first" >"$scratch/second" &&
        cmp "$scratch/first" "$scratch/second"
}

expect 'echod -V names the version' names_version "$ECHOD"
expect 'echoc -V names the version' names_version "$ECHOC"
expect 'echod -h shows the usage' explains_itself "$ECHOD"
expect 'echoc -h shows the usage' explains_itself "$ECHOC"
expect 'echod accepts the echod.ini that was installed' accepts_its_ini
expect 'echod -T prints a file that loads to itself' dump_loads_to_itself
for page in man1/echoc.1 man5/echod.ini.5 man8/echod.8; do
    expect "$page is there" test -s "$MANDIR/$page"
done
# What was compiled in; behind DESTDIR it is not there yet.
if [ -z "${DESTDIR-}" ]; then
    expect 'echod finds its echod.ini without -c' "$ECHOD" -t
fi
exit "$failed"
