#!/bin/sh
# SPDX-License-Identifier: MIT
# Build the kernel without Meson.
#
#     build.sh x86_64 [DIR]      DIR/kernel.elf
#     build.sh aarch64 [DIR]     compile the common part for an architecture that has no board yet
#     build.sh riscv64 [DIR]
#
# CC overrides the compiler, FLAGS adds to its flags: FLAGS=-DCAIRN_ENABLE=0 compiles all tracing out. Warnings are
# errors.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
arch=${1:-x86_64}
out=${2:-$top/build/kernel/$arch}
flags="-std=gnu11 -O2 -g -ffreestanding -nostdinc -fno-pic -fno-stack-protector -fno-builtin
	-fno-asynchronous-unwind-tables -fno-strict-aliasing
	-Wall -Wextra -Wshadow -Wundef -Wvla -Wstrict-prototypes -Werror"
case $arch in
x86_64)
	CC=${CC:-gcc}
	flags="$flags -mcmodel=kernel -mno-red-zone -mgeneral-regs-only -fcf-protection=none"
	;;
aarch64)
	CC=${CC:-aarch64-linux-gnu-gcc}
	flags="$flags -mgeneral-regs-only -mno-outline-atomics"
	;;
riscv64)
	CC=${CC:-riscv64-linux-gnu-gcc}
	flags="$flags -march=rv64imac -mabi=lp64 -mcmodel=medany"
	;;
*)
	echo "build.sh: no such architecture: $arch" >&2
	exit 2
	;;
esac
# gcc makes calls of memset out of the loop in memset; clang knows the word from -fno-builtin alone.
if $CC -Werror -fno-tree-loop-distribute-patterns -E -x c /dev/null >/dev/null 2>&1; then
	flags="$flags -fno-tree-loop-distribute-patterns"
fi
flags="$flags -idirafter $($CC -print-file-name=include) -I$here -I$here/boot/$arch
	-I$top/include -I$top/linux-compat ${FLAGS:-}"
mkdir -p "$out"
objects=
compile() { # source object
	# shellcheck disable=SC2086
	$CC $flags -c "$1" -o "$2"
	objects="$objects $2"
}

while read -r source; do
	case $source in
	'' | '#'*) continue ;;
	boot/"$arch"/*) ;;
	boot/*) continue ;;
	esac
	compile "$here/$source" "$out/$(echo "$source" | tr / _).o"
done <"$here/sources.txt"
while read -r source; do
	case $source in
	'' | '#'*) continue ;;
	esac
	compile "$top/$source" "$out/cairn_$(echo "$source" | tr / _).o"
done <"$top/sources.txt"

if [ -f "$here/boot/$arch/link.ld" ]; then
	# shellcheck disable=SC2086
	$CC -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,max-page-size=4096 -Wl,-z,noexecstack \
		-Wl,--fatal-warnings -Wl,-T,"$here/boot/$arch/link.ld" -o "$out/kernel.elf" $objects
	echo "$out/kernel.elf"
fi
