#!/bin/bash
# tests/release.sh STEP...: the Debian packages, and what is asked of them.
#
#   packages     the tarball of 'make dist' as orig, source and binary packages
#   lintian      no tag
#   hardening    what the compiler and the linker can do, they did
#   reproducible the same bytes under another path, time zone, umask and date
#   chroot       a build in a minimal Debian 12 without network
#   piuparts     install, upgrade, remove and purge leave nothing behind
#   autopkgtest  debian/tests, the one that needs no booted system
#   all          all of them, in this order
#
# Needs a configured tree (BUILD, default: build) and root for the last three.
# Everything lands in OUT (default: BUILD/release).
set -euo pipefail
cd "$(dirname "$0")/.."
tree=$PWD
build=$(readlink -f "${BUILD:-build}")
out=${OUT:-$build/release}
version=$(sed -n '1s/.*(\(.*\)-[^-]*).*/\1/p' debian/changelog)
SOURCE_DATE_EPOCH=$(dpkg-parsechangelog -S Timestamp)
export SOURCE_DATE_EPOCH
mkdir -p "$out"
out=$(readlink -f "$out")

# The tarball holds what git holds, at one date: neither when nor by whom it
# was checked out shows.
orig() {
    make -s -C "$build" dist XZ_OPT=-T1 \
        TAR_OPTIONS="--sort=name --owner=0 --group=0 --numeric-owner \
--mtime=@$SOURCE_DATE_EPOCH --mode=u+rwX,go=rX"
    mv "$build/echod-$version.tar.xz" "$1/echod_$version.orig.tar.xz"
}

# packages_in FOLDER [WRAPPER]...: from its orig tarball.
packages_in() {
    local folder=$1
    shift
    cd "$folder"
    rm -rf "echod-$version"
    tar -xf "echod_$version.orig.tar.xz"
    cp -R "$tree/debian" "echod-$version/debian"
    chmod -R u+rwX,go=rX "echod-$version/debian"
    cd "echod-$version"
    "$@" dpkg-buildpackage -us -uc >"$folder/build.log" 2>&1 || {
        tail -n 100 "$folder/build.log"
        return 1
    }
}

packages() {
    orig "$out"
    rm -f "$out"/*.deb "$out"/*.changes
    (packages_in "$out")
    (cd "$out" && ls -l ./*.deb ./*.dsc ./*.tar.xz)
}

run_lintian() {
    local tags
    tags=$(cd "$out" && lintian -I -E --pedantic --allow-root ./*.changes)
    echo "$tags"
    [ -z "$tags" ]
}

# Debian 12's compiler marks no branch targets: --nocfprotection.
hardening() {
    local package program
    blhc "$out/build.log"
    for package in echod echoc; do
        rm -rf "$out/unpacked"
        dpkg-deb -x "$out/${package}_$version"-*_*.deb "$out/unpacked"
        for program in "$out"/unpacked/usr/*bin/*; do
            hardening-check --nocfprotection "$program"
        done
    done
    rm -rf "$out/unpacked"
}

# sums FOLDER: of all that was made, but for the records of how it was made.
sums() {
    (cd "$1" && sha256sum ./*.deb ./*.dsc ./*.tar.xz)
}

reproducible() {
    local other=$out/elsewhere
    rm -rf "$other"
    mkdir "$other"
    (
        umask 077
        orig "$other"
    )
    cmp "$out/echod_$version.orig.tar.xz" "$other/echod_$version.orig.tar.xz"
    # The tests ran in the first build; they would not like the leap in time.
    (
        export TZ=Pacific/Kiritimati LC_ALL=C.UTF-8 HOME=/nonexistent
        export DEB_BUILD_OPTIONS='nocheck parallel=1'
        umask 077
        packages_in "$other" faketime -f +400d
    )
    diff <(sums "$out") <(sums "$other")
    sums "$out"
    rm -rf "$other"
}

# build_depends: what debian/control asks for, without its versions.
build_depends() {
    sed -n '/^Build-Depends:/,/^$/{
        s/^Build-Depends://
        s/debhelper-compat ([^)]*)/debhelper/
        s/([^)]*)//
        s/<[^>]*>//
        s/[ ,]//g
        /./p
    }' debian/control
}

# The tests run there too, as an ordinary user.
chroot_build() {
    local names tarball root=$out/chroot
    mapfile -t names < <(build_depends)
    tarball=$(tests/debian-tree.sh buildd "${names[@]}")
    rm -rf "$root"
    mkdir "$root"
    tar -C "$root" --numeric-owner -xf "$tarball"
    printf '127.0.0.1 localhost\n::1 localhost\n' >"$root/etc/hosts"
    install -d -o 1000 -g 1000 "$root/build"
    cp "$out"/*.dsc "$out"/*.tar.xz "$root/build"
    systemd-nspawn --quiet --directory="$root" --register=no --keep-unit \
        --private-network --resolv-conf=off --timezone=off \
        --console=pipe --as-pid2 /bin/sh -ec '
        useradd --uid 1000 --home-dir /nonexistent builder
        cd /build
        setpriv --reuid=1000 --regid=1000 --clear-groups sh -ec "
            dpkg-source -x *.dsc source
            cd source
            dpkg-buildpackage -b -us -uc"' >"$out/chroot.log" 2>&1 || {
        tail -n 100 "$out/chroot.log"
        return 1
    }
    for package in "$out"/*.deb; do
        cmp "$package" "$root/build/${package##*/}"
    done
    rm -rf "$root"
}

run_piuparts() {
    local tarball
    tarball=$(tests/debian-tree.sh minbase apt-utils)
    gzip -1 <"$tarball" >"$out/base.tar.gz"
    piuparts --basetgz="$out/base.tar.gz" --distribution=bookworm \
        --keep-sources-list --do-not-verify-signatures --no-eatmydata \
        --warn-on-others "$out"/echo[cd]_*.deb >"$out/piuparts.log" 2>&1 || {
        grep -vw DEBUG "$out/piuparts.log" | tail -n 60
        return 1
    }
    tail -n 2 "$out/piuparts.log"
    rm "$out/base.tar.gz"
}

# The service test needs a booted system: tests/booted walks further.
run_autopkgtest() {
    local root=$out/testbed status=0
    rm -rf "$root"
    mkdir "$root"
    tar -C "$root" --numeric-owner \
        -xf "$(tests/debian-tree.sh minbase apt-utils)"
    [ ! -e /etc/resolv.conf ] || cp /etc/resolv.conf "$root/etc/resolv.conf"
    autopkgtest --apt-upgrade --test-name=smoke "$out"/*.changes -- chroot "$root" \
        >"$out/autopkgtest.log" 2>&1 || status=$?
    rm -rf "$root"
    # 2 says that the other test was left out, as it is meant to be.
    if [ "$status" != 0 ] && [ "$status" != 2 ]; then
        tail -n 60 "$out/autopkgtest.log"
        return 1
    fi
    grep '^smoke  *PASS' "$out/autopkgtest.log"
}

for step in "$@"; do
    case $step in
    packages | hardening | reproducible) "$step" ;;
    lintian | piuparts | autopkgtest) "run_$step" ;;
    chroot) chroot_build ;;
    all)
        "$0" packages lintian hardening reproducible chroot piuparts \
            autopkgtest
        ;;
    *)
        echo "no such step: $step" >&2
        exit 64
        ;;
    esac
done
