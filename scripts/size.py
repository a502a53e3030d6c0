#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the core costs per architecture: code and data, the deepest stack frames, the sizes of structures.

    scripts/size.py [ARCH]...
"""
import glob
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ARCHS = ("x86_64", "aarch64", "riscv64")
DEEPEST = 8


def output(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def build(arch):
    folder = os.path.join(ROOT, "build", "size", arch)
    done = subprocess.run([os.path.join(ROOT, "scripts", "build-core.sh"), arch, folder, "-fstack-usage"], check=False)
    if done.returncode:
        sys.exit(f"size: the core does not compile for {arch}")
    return folder


def sections(folder):
    """(object, text, data, bss) of each object, the linked one last."""
    rows = []
    for line in output("size", *sorted(glob.glob(folder + "/*.o"))).splitlines()[1:]:
        text, data, bss, _, _, name = line.split(maxsplit=5)
        rows.append((os.path.basename(name), int(text), int(data), int(bss)))
    return sorted(rows, key=lambda row: row[0] == "cairn.o")


def frames(folder):
    """(bytes, function, kind), the largest first."""
    rows = []
    for path in glob.glob(folder + "/*.su"):
        with open(path, encoding="utf-8") as file:
            for line in file:
                place, size, kind = line.rstrip("\n").split("\t")
                rows.append((int(size), place.split(":")[-1], kind))
    return sorted(rows, reverse=True)


def structures(folder):
    """{name: bytes} of our structures, from the debug information."""
    sizes, name, inside = {}, None, False
    for line in output("readelf", "--debug-dump=info", folder + "/cairn.o").splitlines():
        if "Abbrev Number" in line:
            inside, name = "DW_TAG_structure_type" in line, None
        elif inside and "DW_AT_name" in line:
            name = line.rsplit(": ", 1)[1].strip()
        elif inside and "DW_AT_byte_size" in line and name and re.match(r"cairn(_|$)", name):
            sizes[name] = int(line.rsplit(":", 1)[1], 0)
    return sizes


def main(archs):
    known = {}
    for arch in archs:
        folder = build(arch)
        print(f"{arch}\n  {'object':<28}{'text':>8}{'data':>8}{'bss':>8}")
        for name, text, data, bss in sections(folder):
            print(f"  {'total' if name == 'cairn.o' else name:<28}{text:>8}{data:>8}{bss:>8}")
        print(f"  {'deepest frames':<28}{'bytes':>8}")
        for size, function, kind in frames(folder)[:DEEPEST]:
            print(f"  {function:<28}{size:>8}{'' if kind == 'static' else '  ' + kind}")
        known[arch] = structures(folder)
        print()
    names = sorted(set().union(*known.values()))
    if names:
        print(f"{'structure':<30}" + "".join(f"{arch:>9}" for arch in archs))
        for name in names:
            print(f"{name:<30}" + "".join(f"{known[arch].get(name, '-'):>9}" for arch in archs))


if __name__ == "__main__":
    try:
        main(sys.argv[1:] or ARCHS)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
