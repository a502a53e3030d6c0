#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Who may include whom, and who may test which predefined macros: the table of docs/style.md, section 1.

    scripts/check-includes.py [ROOT]

Prints one line per violation, FILE:LINE: what is wrong, and exits 1 if there is one.
"""
import os
import re
import subprocess
import sys

FREESTANDING = {"stddef.h", "stdint.h", "stdbool.h", "stdarg.h", "limits.h"}

# Folder (the longest prefix wins) -> prefixes of the tree it may include, and its system headers: None is any.
# Every folder may include itself, and public headers reach the port's inline part through port.h.
RULES = {
    "include/cairn/": (["include/cairn/", "arch/arch.h", "core/atomic.h"], FREESTANDING),
    "include/cairn/port.h": (["include/cairn/", "arch/arch.h", "core/atomic.h", "ports/"], FREESTANDING),
    "include/cairn/compiler.h": (["include/cairn/"], FREESTANDING | {"linux/types.h", "linux/stdarg.h", "linux/stddef.h"}),
    "arch/": (["arch/", "include/cairn/"], FREESTANDING),
    "core/": (["core/", "include/cairn/", "arch/arch.h", "arch/patch.h"], FREESTANDING),
    "tracefs/": (["tracefs/", "include/cairn/", "core/text.h", "core/debug.h"], FREESTANDING),
    "formats/": (["formats/", "include/cairn/", "core/text.h", "core/debug.h"], FREESTANDING),
    "views/": (["views/", "include/cairn/", "core/text.h", "core/debug.h"], FREESTANDING),
    "linux-compat/": (["linux-compat/", "include/cairn/"], FREESTANDING),
    "ports/": (["ports/", "include/cairn/", "arch/arch.h", "arch/rseq.h", "arch/sigframe.h"], None),
    "reader/": (["reader/", "include/cairn/"], None),
    "tool/": (["tool/", "reader/", "include/cairn/"], None),
    "examples/": (["examples/", "include/cairn/", "linux-compat/", "ports/"], None),
    "bench/": (["bench/", "include/cairn/", "linux-compat/", "ports/", "reader/"], None),
    "tests/clients/": (["tests/clients/", "include/cairn/", "linux-compat/", "ports/"], None),
}
# A suite sees everything of the product and the harness, never another suite.
PRODUCT = ["include/", "arch/", "core/", "tracefs/", "formats/", "views/", "linux-compat/", "ports/", "reader/", "tool/"]
HARNESS = ["tests/check.h", "tests/hard.h"]

# Where includes are looked for after the file's own folder; the first ports/ that has the file stands for all.
SEARCH = ["include", "", "tests", "linux-compat", "ports/linux", "ports/bare", "ports/template"]

CPU = re.compile(
    r"\b(__x86_64(__)?|__amd64(__)?|__i386(__)?|__aarch64__|__arm(64)?__|__ARM_\w+|__riscv\w*|__SSE\w*|__AVX\w*"
    r"|__AARCH64\w*|__powerpc\w*|__s390\w*|__loongarch\w*|__code_model_\w+)\b")
COMPILER = re.compile(
    r"\b(__GNUC__|__GNUC_MINOR__|__clang__|__clang_\w+|__has_attribute|__has_builtin|__has_feature|__has_extension"
    r"|__has_c_attribute|__has_include|__has_warning|__SANITIZE_\w+|_MSC_VER|__INTEL_\w+|__OPTIMIZE__|__NO_INLINE__|__PIC__"
    r"|__PIE__|__GCC_\w+)\b")
SYSTEM = re.compile(r"\b(__linux(__)?|__gnu_linux__|__unix(__)?|__APPLE__|__FreeBSD__|__NetBSD__|__OpenBSD__|_WIN32|_WIN64"
                    r"|__KERNEL__|__STDC_HOSTED__|__ELF__|__GLIBC__|__MUSL__)\b")

INCLUDE = re.compile(r'\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
CONDITION = re.compile(r"\s*#\s*(?:if|ifdef|ifndef|elif)\b(.*)")


def rule_for(path):
    best = max((p for p in RULES if path.startswith(p)), key=len, default=None)
    if best:
        return RULES[best]
    if path.startswith("tests/"):
        parts = path.split("/")
        own = [f"tests/{parts[1]}/"] if len(parts) > 2 else []
        return own + PRODUCT + HARNESS, None
    return None


def tracked(root):
    done = subprocess.run(["git", "-C", root, "ls-files", "-z", "-c", "-o", "--exclude-standard"], capture_output=True, check=False)
    if done.returncode == 0:
        names = done.stdout.decode().split("\0")
    else:
        names = [os.path.relpath(os.path.join(d, f), root) for d, _, files in os.walk(root) for f in files]
    return sorted(n for n in names if n.endswith((".c", ".h", ".S", ".inc")) and os.path.isfile(os.path.join(root, n)))


def logical_lines(text):
    """(number, line) with comments blanked and continued lines joined."""
    text = re.sub(r'/\*.*?\*/', lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.S)
    number, joined, start = 0, "", 0
    for line in text.split("\n"):
        number += 1
        if not joined:
            start = number
        joined += re.sub(r"//.*", "", line)
        if joined.endswith("\\"):
            joined = joined[:-1]
            continue
        yield start, joined
        joined = ""


def resolve(root, path, name, files):
    for folder in [os.path.dirname(path)] + SEARCH:
        found = os.path.normpath(os.path.join(folder, name))
        if not found.startswith("..") and os.path.isfile(os.path.join(root, found)):
            return found
    # A program of many folders (examples/kernel) has an include path of its own.
    own = path.split("/")[0] + "/"
    return next((file for file in files if file.startswith(own) and file.endswith("/" + name)), None)


def check_include(root, path, files, quoted, angled):
    allowed, system = rule_for(path)
    name = quoted or angled
    target = resolve(root, path, name, files) if quoted or name.startswith("cairn") else None
    if target is None and angled and not name.startswith("cairn/"):
        # <linux/tracepoint.h> and its like are ours only for those who put linux-compat on their path.
        compat = os.path.join("linux-compat", name)
        if os.path.isfile(os.path.join(root, compat)) and any(p.startswith("linux-compat") for p in allowed):
            return None
        if system is not None and name not in system:
            return f"may not include <{name}>"
        return None
    if target is None:
        return f"includes {name}, which does not exist"
    if not any(target.startswith(p) if p.endswith("/") else target == p for p in allowed):
        return f"may not include {target}"
    return None


def check_condition(path, condition):
    if not path.startswith("arch/"):
        found = CPU.search(condition)
        if found:
            return f"tests {found.group()}: only arch/ may test CPU macros"
    if path != "include/cairn/compiler.h":
        found = COMPILER.search(condition)
        if found and not (path.startswith("tests/") and found.group().startswith(("__SANITIZE", "__has_"))):
            return f"tests {found.group()}: only compiler.h may test compiler macros"
        found = SYSTEM.search(condition)
        if found and not path.startswith("ports/"):
            return f"tests {found.group()}: only ports/ and compiler.h may test OS macros"
    return None


def main(root):
    bad = 0
    files = tracked(root)
    for path in files:
        if rule_for(path) is None:
            print(f"{path}:1: is in no folder of the table in docs/style.md")
            bad += 1
            continue
        with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
            text = file.read()
        for number, line in logical_lines(text):
            include = INCLUDE.match(line)
            condition = CONDITION.match(line)
            complaint = None
            if include:
                complaint = check_include(root, path, files, *include.groups())
            elif condition:
                complaint = check_condition(path, condition.group(1))
            if complaint:
                print(f"{path}:{number}: {complaint}")
                bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
