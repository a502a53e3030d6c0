#!/bin/sh
# SPDX-License-Identifier: MIT
# Boot the kernel in QEMU, its memory in a file that can be read from outside while it runs.
#
#     run.sh [-k KERNEL] [-m MEMORY] [-n CPUS] [-M MONITOR] [WORDS OF THE COMMAND LINE...]
#
# Exit code: 0 if the kernel ended by itself, 1 if it panicked or QEMU failed, 124 after LIMIT seconds.
set -u

here=$(cd "$(dirname "$0")" && pwd)
kernel=$here/../../build/kernel/x86_64/kernel.elf
memory=
cpus=2
monitor=none
while getopts k:m:n:M: option; do
	case $option in
	k) kernel=$OPTARG ;;
	m) memory=$OPTARG ;;
	n) cpus=$OPTARG ;;
	M) monitor=unix:$OPTARG,server,nowait ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))

if [ -z "$memory" ]; then
	memory=$(mktemp) || exit 1
	trap 'rm -f "$memory"' EXIT
fi
: >"$memory" || exit 1 # a region of an earlier run must not be found in it
timeout "${LIMIT:-120}" qemu-system-x86_64 -machine q35,memory-backend=ram -m 128M \
	-object memory-backend-file,id=ram,size=128M,mem-path="$memory",share=on \
	-accel tcg,thread=multi -smp "$cpus" -kernel "$kernel" -append "$*" \
	-serial stdio -display none -monitor "$monitor" -no-reboot \
	-device isa-debug-exit,iobase=0xf4,iosize=0x04 </dev/null
code=$?
case $code in
33) exit 0 ;; # what the kernel writes to isa-debug-exit when all went well
124) exit 124 ;;
*) exit 1 ;;
esac
