#!/bin/bash
# tests/booted/run.sh FOLDER: the life of the Debian packages in FOLDER on a
# booted system.  A real systemd is process 1 on a throwaway Debian 12 tree
# without network; inside.sh is run there and its lines are printed.  The exit
# status is that of inside.sh; 124 where it took longer than LIMIT seconds.
#
# As root, with systemd-nspawn.  Nothing is left behind but the tarball of the
# tree, see ../debian-tree.sh.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
packages=$(readlink -f "$1")
limit=${LIMIT:-300}
machine=echod-booted-$$

tree=$("$here/../debian-tree.sh" minbase systemd-sysv dbus rsyslog logrotate \
    iproute2 procps init-system-helpers man-db libinih1 libedit2 libbsd0)

scratch=$(mktemp -d "${TMPDIR:-/tmp}/$machine.XXXXXX")
container=

# Control groups are the kernel's, rm does not take them.
# shellcheck disable=SC2317  # called by trap
clean_up() {
    local group
    if [ -n "$container" ]; then
        kill "$container" 2>/dev/null || :
        wait "$container" || :
    fi
    for group in /sys/fs/cgroup{,/unified,/systemd}/"$machine"; do
        [ ! -d "$group" ] ||
            find "$group" -depth -type d -exec rmdir {} + || :
    done
    rm -rf "$scratch" "/run/systemd/nspawn/propagate/$machine"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# older_package NEWER: the same, but for its version and its configuration
# file.
older_package() {
    local root=$scratch/older
    dpkg-deb --raw-extract "$1" "$root"
    sed -i 's/^Version: .*/Version: 0.9.0-1/' "$root/DEBIAN/control"
    sed -i '1i # This is the file of an older version.' "$root/etc/echod.ini"
    (cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\n' |
        LC_ALL=C sort | xargs -d '\n' md5sum >DEBIAN/md5sums)
    mkdir "$scratch/packages/older"
    dpkg-deb --root-owner-group -b "$root" \
        "$scratch/packages/older/echod.deb" >/dev/null
}

mkdir "$scratch/root" "$scratch/packages" "$scratch/out"
cp "$packages"/*.deb "$scratch/packages"
older_package "$scratch"/packages/echod_*.deb
cp "$here/inside.sh" "$scratch/out"
tar -C "$scratch/root" --numeric-owner -xf "$tree"
mkdir "$scratch/root/out" "$scratch/root/packages"
printf '127.0.0.1 localhost\n::1 localhost\n' >"$scratch/root/etc/hosts"

# The test is a service of its own that ends the system with its status.
units=$scratch/root/etc/systemd/system
cat >"$units/inside.service" <<'END'
[Unit]
Description=The walk through the life of echod
After=multi-user.target

[Service]
Type=oneshot
ExecStart=-/bin/bash -c 'bash /out/inside.sh >/out/log 2>&1; echo $? >/out/status'
ExecStopPost=/bin/sh -c 'systemctl exit "$(cat /out/status || echo 99)"'
TimeoutStartSec=280
END
mkdir -p "$units/graphical.target.wants"
ln -s ../inside.service "$units/graphical.target.wants"

# in_own_groups COMMAND...: in control groups of this run, and with nothing but
# version 2 of them to be seen, which is what systemd sets up on Debian 12.
# The one capability and filter let systemd load its BPF programs: without
# them DevicePolicy= and IPAddressDeny= are silently left out.
# shellcheck disable=SC2016  # the inner shell expands it
in_own_groups() {
    exec unshare --mount --propagation private bash -euc '
        machine=$1
        shift
        unified=/sys/fs/cgroup
        [ -e "$unified/cgroup.procs" ] || unified=/sys/fs/cgroup/unified
        for root in "$unified" /sys/fs/cgroup/systemd; do
            if [ -e "$root/cgroup.procs" ]; then
                mkdir "$root/$machine"
                echo $$ >"$root/$machine/cgroup.procs"
            fi
        done
        if [ "$unified" != /sys/fs/cgroup ]; then
            umount -R /sys/fs/cgroup
            mount -t cgroup2 cgroup2 /sys/fs/cgroup
        fi
        exec "$@"' in_own_groups "$machine" "$@"
}

in_own_groups timeout -k 10 "$limit" systemd-nspawn --boot \
    --directory="$scratch/root" --machine="$machine" --register=no \
    --keep-unit --private-network --resolv-conf=off --timezone=off \
    --link-journal=no --console=read-only \
    --system-call-filter=bpf --capability=CAP_BPF,CAP_PERFMON \
    --bind="$scratch/out:/out" --bind-ro="$scratch/packages:/packages" \
    </dev/null >"$scratch/console" 2>&1 &
container=$!
status=0
wait "$container" || status=$?
container=
if [ -s "$scratch/out/log" ]; then
    cat "$scratch/out/log"
else
    tail -n 50 "$scratch/console"
    [ "$status" != 0 ] || status=99
fi
exit "$status"
