#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Build one configuration in build/CONF, configuring it first where that is needed.
#
#   scripts/build.sh CONF [ninja arguments]
#
# This is the list of configurations. Warnings are errors here, and only here.
set -eu

conf=${1:?usage: scripts/build.sh CONF [ninja arguments]}
shift
cd "$(dirname "$0")/.."
dir=build/$conf

case $conf in
host) cc=gcc options='' ;;
peers) cc=gcc options="-Dbench_peers=true -Dtests=false -Dexamples=false" ;;
clang) cc=clang options='-Ddebug_level=1' ;;
asan) cc=gcc options='-Db_sanitize=address,undefined -Db_lundef=false -Ddebug_level=2' ;;
tsan) cc=gcc options='-Db_sanitize=thread -Db_lundef=false -Ddebug_level=2' ;;
x86_64 | aarch64 | riscv64 | x86_64-clang | aarch64-clang | riscv64-clang) cc='' options="--cross-file cross/$conf.ini" ;;
*)
    echo "build: no configuration $conf; there are: host peers clang asan tsan x86_64 aarch64 riscv64 (and -clang)" >&2
    exit 2
    ;;
esac
# A sanitized run stops at the first finding.
case $conf in
asan) options="$options -Dc_args=-fno-sanitize-recover=all" ;;
esac

mkdir -p "$dir"

# Two builds of one folder at a time would destroy each other.
exec 9>"$dir/.lock"
if command -v flock >/dev/null 2>&1; then
    flock 9
fi

# Which meson.build files there are decides what is built, and a new one is not among the files that Ninja watches.
parts="$options $(find . -name meson.build -not -path './build/*' | LC_ALL=C sort | tr '\n' ' ')"
if [ ! -f "$dir/build.ninja" ] || [ "$(cat "$dir/.parts" 2>/dev/null)" != "$parts" ]; then
    rm -rf "$dir/meson-private" "$dir/meson-info" "$dir/build.ninja"
    # shellcheck disable=SC2086 # the options are words
    if ! CC=$cc meson setup "$dir" --werror $options >"$dir/setup.log" 2>&1; then
        tail -n 15 "$dir/setup.log" >&2
        exit 1
    fi
    printf '%s\n' "$parts" >"$dir/.parts"
fi

# Ninja says on stdout what failed; that is for people, so it goes to stderr, and nothing when there was nothing to do.
log=$dir/build.log
if ! ninja -C "$dir" "$@" >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
grep -n 'warning:' "$log" >&2 || true
