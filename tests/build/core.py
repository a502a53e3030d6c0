#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 300
"""The core compiles as a kernel compiles it, for three architectures by two compilers at every optimization, and the
result has the shape promised: its own names only, nothing undefined but the port, no section that a small kernel's
linker script would lose."""
import concurrent.futures
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap

ARCHS = ("x86_64", "aarch64", "riscv64")
BUILDS = [(arch, compiler, "-O2") for arch in ARCHS for compiler in ("gcc", "clang")]
BUILDS += [(arch, "gcc", level) for arch in ARCHS for level in ("-O0", "-O1", "-Os")]
BUILDS += [("x86_64", "clang", "-O0"), ("riscv64", "gcc", "-O2 -mno-relax"), ("aarch64", "gcc", "-O2 -fpie -fPIE"),
           ("x86_64", "gcc", "-O2 -ffunction-sections -fdata-sections"), ("x86_64", "gcc", "-O2 -DCAIRN_DEBUG=2")]
if os.environ.get("CAIRN_QUICK"):
    BUILDS = [(arch, "gcc", "-O2") for arch in ARCHS]


def folder(arch, compiler, flags):
    return os.path.join(tap.SRC, "build", "core", f"{arch}-{compiler}{flags.replace(' ', '')}")


def build(arch, compiler, flags):
    tap.need({"x86_64": "gcc"}.get(arch, f"{arch}-linux-gnu-gcc") if compiler == "gcc" else "clang")
    tap.need(f"{arch}-linux-gnu-ld")
    name = arch if compiler == "gcc" else f"{arch}-clang"
    tap.run(["scripts/build-core.sh", name, folder(arch, compiler, flags)] + flags.split(), cwd=tap.SRC)


def need_built(*which):
    tap.check(os.path.exists(os.path.join(folder(*which), "cairn.o")), "it does not compile")


def symbols(built, *which):
    concurrent.futures.wait([built])
    need_built(*which)
    tap.run(["scripts/check-symbols.sh", folder(*which)], cwd=tap.SRC)


def sections(built, *which):
    concurrent.futures.wait([built])
    need_built(*which)
    text = tap.run(["readelf", "-SW", os.path.join(folder(*which), "cairn.o")])
    rows = re.findall(r"\[ *\d+\] (\S+) +(\S+) +\S+ \S+ (\S+) ", text)
    tap.check(rows, "readelf shows no section")
    for name, kind, size in rows:
        if int(size, 16) == 0:
            continue
        tap.check(not name.startswith((".init_array", ".ctors", ".fini_array", ".dtors")), f"{name}: a constructor")
        tap.check(not name.startswith((".tdata", ".tbss")), f"{name}: thread-local storage")
        tap.check(kind != "NOBITS" or name.startswith((".bss", ".sbss")),
                  f"{name}: zeroed memory outside .bss; a small kernel hands an orphan section at its end out as free pages")


def main():
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for which in BUILDS:
            label = " ".join(which)
            built = pool.submit(build, *which)
            tap.add(f"{label}: compiles", built.result)
            tap.add(f"{label}: symbols", symbols, built, *which)
            tap.add(f"{label}: sections", sections, built, *which)
        tap.main()


main()
