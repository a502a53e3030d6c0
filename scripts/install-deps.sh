#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Install the Debian packages that building, testing or demonstrating Cairn needs, and only those that are missing.
# Silent and quick when nothing is missing. On other systems it looks for the programs instead and names the absent.
#
#   scripts/install-deps.sh            everything that `make test` needs
#   scripts/install-deps.sh demo       what `make demo` needs
#   scripts/install-deps.sh peers      what `make bench-peers` needs beyond the demonstration
#   scripts/install-deps.sh --check [demo|peers]   list what is missing, install nothing; exit 1 if anything is
#
# shellcheck disable=SC2086 # the lists are words, meant to be split
set -eu

# What the example kernel's demonstration needs: build it, boot it, read it.
demo='gcc libc6-dev make meson ninja-build pkg-config python3
      qemu-system-x86
      babeltrace2'

# The second compiler, its linker and sanitizer run time; the C++ compiler that tries the headers; format and lint.
compilers='g++ clang lld libclang-rt-14-dev clang-format clang-tidy'

# The other architectures: the core is compiled, and kernels are booted, for each. The host's own compiler has no
# package of this form.
case $(uname -m) in
aarch64) cross='gcc-x86-64-linux-gnu gcc-riscv64-linux-gnu' ;;
*) cross='gcc-aarch64-linux-gnu gcc-riscv64-linux-gnu' ;;
esac
cross="$cross qemu-system-arm qemu-system-misc"

# Other people's tools that must be able to read what we write.
clients='babeltrace2 trace-cmd'

# Libraries behind single verbs of the tool; the tool builds without them and says which verb is off.
#   libtraceevent: foreign print formats   sqlite3: cairn sql   fuse3: cairn mount
#   zstd: compressed captures              elf: core images      ncurses: cairn top
libraries='libtraceevent-dev libsqlite3-dev libfuse3-dev fuse3 libzstd-dev libelf-dev libncurses-dev'

# The builds of hosts that take Cairn into theirs, tried by tests/build.
hosts='cmake'

# Checking and debugging: memory checker, model checker, debugger (it also drives QEMU in tests).
checkers='valgrind spin gdb'

# Other people's tracers, which only `make bench-peers` runs.
peers='liblttng-ust-dev lttng-tools libdpdk-dev'

# Linux's event headers, read at test time (the metapackage brings linux-headers-*-common). One name per Debian port.
case $(uname -m) in
aarch64) kernel_headers=linux-headers-arm64 ;;
*) kernel_headers=linux-headers-amd64 ;;
esac

# The programs that stand for these packages where dpkg does not rule.
demo_programs='gcc make meson ninja pkg-config python3 qemu-system-x86_64 babeltrace2'
test_programs='g++ clang ld.lld clang-format clang-tidy aarch64-linux-gnu-gcc riscv64-linux-gnu-gcc
    qemu-system-aarch64 qemu-system-riscv64 trace-cmd cmake valgrind spin gdb'
peers_programs='lttng lttng-sessiond'

check=no
what='test'
for word; do
    case $word in
    --check) check=yes ;;
    demo | test | peers) what=$word ;;
    *)
        echo "usage: $0 [--check] [demo|test|peers]" >&2
        exit 2
        ;;
    esac
done

packages=$demo
programs=$demo_programs
if [ "$what" = test ]; then
    packages="$demo $compilers $cross $clients $libraries $hosts $checkers $kernel_headers"
    programs="$demo_programs $test_programs"
fi
if [ "$what" = peers ]; then
    packages="$demo $peers"
    programs="$demo_programs $peers_programs"
fi

missing=
if command -v dpkg-query >/dev/null 2>&1 && command -v apt-get >/dev/null 2>&1; then
    present=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' $packages 2>/dev/null |
        sed -n 's/ installed$//p' | tr '\n' ' ') || true
    for package in $packages; do
        case " $present $missing " in
        *" $package "*) ;;
        *) missing="$missing $package" ;;
        esac
    done
else
    for program in $programs; do
        command -v "$program" >/dev/null 2>&1 || missing="$missing $program"
    done
    [ -n "$missing" ] || exit 0
    if [ "$check" = yes ]; then
        printf '%s\n' $missing
    else
        echo "install-deps: this is not a Debian system; please install by its own means:$missing" >&2
    fi
    exit 1
fi

[ -n "$missing" ] || exit 0
if [ "$check" = yes ]; then
    printf '%s\n' $missing
    exit 1
fi

if [ "$(id -u)" = 0 ]; then
    as_root='env'
elif command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || { [ -t 0 ] && sudo -v; }; }; then
    as_root='sudo env'
else
    echo "install-deps: not root and no sudo; ask somebody to run: apt-get install --no-install-recommends$missing" >&2
    exit 1
fi

echo "install-deps: installing$missing"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
    $as_root DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" \
        >"$log" 2>&1 </dev/null
}

# The lists may be absent (a fresh image) or older than the archive: update only when installing without it fails.
if ! apt install --no-install-recommends $missing; then
    if ! { apt update && apt install --no-install-recommends $missing; }; then
        tail -n 30 "$log" >&2
        echo "install-deps: apt-get could not install:$missing" >&2
        exit 1
    fi
fi
