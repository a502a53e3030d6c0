#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 240
"""The example kernel compiles: all of it for x86-64, and what does not depend on the architecture for aarch64 and riscv64."""
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap


def build(arch, compiler):
    tap.need(compiler)
    with tap.folder() as out:
        text = tap.run([os.path.join(tap.SRC, "examples/kernel/build.sh"), arch, out], timeout=200)
        tap.check("warning" not in text, text)
        objects = [f for _, _, files in os.walk(out) for f in files if f.endswith(".o")]
        for part in ("sched", "pipe", "syscall", "frames", "space", "trace", "ring", "event"):
            tap.check(any(f.startswith(part) or f"_{part}" in f for f in objects), f"{part} was not compiled: {sorted(objects)}")
        tap.equal(os.path.exists(os.path.join(out, "kernel.elf")), arch == "x86_64", "kernel.elf")


for build_arch, build_compiler in (("x86_64", "gcc"), ("aarch64", "aarch64-linux-gnu-gcc"), ("riscv64", "riscv64-linux-gnu-gcc")):
    tap.add(f"examples/kernel for {build_arch}", build, build_arch, build_compiler)

tap.main()
