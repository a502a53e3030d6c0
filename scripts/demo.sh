#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The demonstration: trace a running system from outside and account for every event.
#
#	demo.sh kernel	boot examples/kernel in QEMU on two CPUs, follow it through the guest's memory, compare with what it counted
#	demo.sh user	the same with a program (examples/user/load), without QEMU
#
# Leaves capture, CTF trace, statistics and the guest's serial log in build/demo. Exit status 1 if a count differs.
set -eu

what=${1:-kernel}
cd "$(dirname "$0")/.."
cairn=build/host/cairn
out=build/demo
mem=/dev/shm
[ -w "$mem" ] || mem=${TMPDIR:-/tmp}
ram=$mem/cairn-demo-$$.ram
guest=
mkdir -p "$out"

cleanup() {
	[ -n "$guest" ] && kill "$guest" 2>/dev/null && wait "$guest" 2>/dev/null
	rm -f "$ram"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

step() { printf '\n== %s\n' "$*"; }

fail() {
	echo "demo: $*" >&2
	exit 1
}

# boot LOG COMMAND-LINE: start the guest in the background; its memory is the file $ram
boot() {
	log=$1
	shift
	rm -f "$ram"
	timeout -k 5 "${CAIRN_DEMO_LIMIT:-100}" qemu-system-x86_64 -machine q35,memory-backend=ram \
		-object memory-backend-file,id=ram,size=128M,mem-path="$ram",share=on \
		-smp 2 -kernel build/host/examples/kernel/kernel.elf -append "$*" \
		-serial "file:$log" -display none -monitor none -no-reboot \
		-device isa-debug-exit,iobase=0xf4,iosize=0x04 </dev/null &
	guest=$!
}

# The guest ends itself; isa-debug-exit makes QEMU's status odd, so only the log tells whether it went well.
wait_guest() {
	wait "$guest" || true
	guest=
	grep -q cairn-end "$1" || fail "the guest did not finish; its last words (all of them: $1): $(tail -n 3 "$1")"
}

show() {
	step "the last events, as Linux prints them (cairn report --last 16 $out/demo.cairn)"
	$cairn report --last 16 "$out/demo.cairn"
	step "statistics (cairn stat $out/demo.cairn)"
	$cairn stat "$out/demo.cairn"
	$cairn stat --json "$out/demo.cairn" >"$out/stat.json"
	step "every packet validated (cairn check)"
	$cairn check "$out/demo.cairn"
	step "to CTF, for babeltrace2 and Trace Compass (cairn convert --to ctf)"
	$cairn convert --to ctf "$out/demo.cairn" -o "$out/ctf"
}

case $what in
kernel)
	step "booting the example kernel on two CPUs, following it through its memory"
	boot "$out/serial.log" "trace=*:* seconds=6 ring_kb=16384"
	$cairn record --region "$ram" -o "$out/demo.cairn" --wait 60
	wait_guest "$out/serial.log"
	show
	step "what the kernel counted against what was decoded"
	scripts/compare-counts.py --events "$out/serial.log" "$out/stat.json"

	step "again with rings of 16 KiB, read from the memory that the guest leaves behind"
	boot "$out/serial-small.log" "trace=*:* seconds=2 ring_kb=16"
	wait_guest "$out/serial-small.log"
	$cairn stat --json "$ram" >"$out/stat-small.json"
	scripts/compare-counts.py "$out/serial-small.log" "$out/stat-small.json"
	grep -q '"overwritten": *[1-9]' "$out/stat-small.json" || fail "the small rings overwrote nothing; they were to wrap"
	;;
user)
	step "running examples/user/load on two threads under cairn record"
	CAIRN_RING_KB=16384 $cairn record -o "$out/demo.cairn" -- build/host/examples/user/load 3 2 >"$out/load.log"
	show
	step "what the program counted against what was decoded"
	scripts/compare-counts.py --events "$out/load.log" "$out/stat.json"

	step "again with streams of 32 KiB, read from the file that the program leaves behind"
	small=$(mktemp -d "$mem/cairn-demo-XXXXXX")
	trap 'rm -rf "$small"; cleanup' EXIT
	CAIRN_DIR=$small CAIRN_TRACE='*:*' CAIRN_RING_KB=32 build/host/examples/user/load 1 2 >"$out/load-small.log"
	$cairn stat --json "$small"/load.*.cairn >"$out/stat-small.json"
	scripts/compare-counts.py "$out/load-small.log" "$out/stat-small.json"
	grep -q '"overwritten": *[1-9]' "$out/stat-small.json" || fail "the small streams overwrote nothing; they were to wrap"
	;;
*)
	echo "demo: unknown demonstration '$what': kernel or user" >&2
	exit 2
	;;
esac
step "done: $out/demo.cairn, $out/ctf, $out/stat.json"
