#!/bin/sh
# tests/debian-tree.sh VARIANT [PACKAGE]...: prints the path of a tarball with
# a Debian 12 tree, an mmdebstrap(1) variant with these packages.  It is made
# once and kept in $TMPDIR; another list is another tarball.  As root.
set -eu
name=$(printf '%s ' "$@" | sha256sum | cut -c 1-12)
tree=${TMPDIR:-/tmp}/echod-debian-$name.tar
variant=$1
shift

# Debian's archive, as this machine is told to reach it.
sources=
for file in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do
    if [ -z "$sources" ] && [ -s "$file" ]; then
        sources=$file
    fi
done

if [ ! -s "$tree" ]; then
    include=$(echo "$*" | tr ' ' ,)
    mmdebstrap --quiet --variant="$variant" ${include:+--include="$include"} \
        --aptopt='Acquire::Languages "none"' \
        bookworm "$tree.$$.tar" ${sources:+"$sources"} >&2
    mv "$tree.$$.tar" "$tree"
fi
echo "$tree"
