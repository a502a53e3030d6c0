#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Compile the core as a kernel would, and link it into one relocatable object, OUTDIR/cairn.o.
#
#   scripts/build-core.sh ARCH OUTDIR [compiler flags]      ARCH: x86_64 aarch64 riscv64, each also with -clang
#
# No libc header is reachable: only the compiler's own. The compiler and the flags to survive are those of
# cross/ARCH.ini. Optimization is -O2 unless the flags say otherwise; warnings are errors.
set -eu

arch=${1:?usage: scripts/build-core.sh ARCH OUTDIR [compiler flags]}
out=${2:?usage: scripts/build-core.sh ARCH OUTDIR [compiler flags]}
shift 2
root=$(cd "$(dirname "$0")/.." && pwd)
ini=$root/cross/$arch.ini
[ -f "$ini" ] || { echo "build-core: no $ini" >&2; exit 2; }

# One line "key = ['a', 'b']" or "key = 'a'" as words.
words() {
    sed -n "s/^$1 = //p" "$ini" | tr -d "[]',"
}

cc=$(words c)
ld=$(words ld)
flags=$(words c_args)
# shellcheck disable=SC2086 # words
headers=$($cc -print-file-name=include)

mkdir -p "$out"
rm -f "$out"/*.o
# Diagnostics and debug information name files as they stand in the tree.
out=$(cd "$out" && pwd)
cd "$root"

objects=
# shellcheck disable=SC2013 # paths without blanks
for source in $(sed -e 's/#.*//' sources.txt); do
    object=$out/$(echo "${source%.c}" | tr / _).o
    # shellcheck disable=SC2086
    $cc -std=gnu11 -O2 -g -Wall -Wextra -Wshadow -Wundef -Wvla -Wstrict-prototypes -Werror \
        -ffreestanding -nostdinc -idirafter "$headers" -fno-stack-protector -fno-asynchronous-unwind-tables $flags \
        -Iinclude -Iports/bare "$@" -c "$source" -o "$object"
    objects="$objects $object"
done
# shellcheck disable=SC2086
$ld -r -o "$out/cairn.o" $objects
