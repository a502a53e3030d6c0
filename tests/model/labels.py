#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each ORDER label of the sources has both its sides there, and stands in the table of docs/ring.md with a test that fails without it.

A site is a comment `ORDER x:Y, pairs with z:W` (or `x:Y and x:Z, pair with ..`) at the access itself; `ORDER x:Y / z:W` heads an explanation. The table's rows are
| label | with | what the weakening is | test |, and a test is `tests/model/FILE: NAME`: a TEST of a C file, a word of spin.py's lists, or a rule.
"""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap

LABEL = r"[a-z]+:[A-Z]"
FOLDERS = ("arch", "core", "include", "linux-compat", "ports", "reader", "tool")


def sources(*folders):
    files = subprocess.run(["git", "ls-files", "-z", "--", *folders], cwd=tap.SRC, stdout=subprocess.PIPE, check=False).stdout.decode()
    names = [name for name in files.split("\0") if name] or \
        [os.path.relpath(os.path.join(at, name), tap.SRC) for folder in folders for at, _, found in os.walk(os.path.join(tap.SRC, folder)) for name in found]
    for name in sorted(names):
        if name.endswith((".c", ".h", ".S")):
            with open(os.path.join(tap.SRC, name), encoding="utf-8") as source:
                yield name, source.read()


def sites(*folders):
    """label -> [(file, labels it pairs with)], from the comments at the accesses."""
    found = {}
    for name, text in sources(*folders):
        for comment in re.findall(r"/\*.*?\*/", text, re.DOTALL):
            for part in re.split(r"\bORDER ", comment)[1:]:
                part = re.sub(r"\s*\n\s*\*?\s*", " ", part)
                head = re.match(rf"({LABEL}(?:(?:, | and ){LABEL})*)([,;:] pairs? with ((?:{LABEL}(?:, | and )?)+))?", part)
                if not head:
                    continue
                for label in re.findall(LABEL, head.group(1)):
                    found.setdefault(label, []).append((name, re.findall(LABEL, head.group(3) or "")))
    return found


def table():
    """label -> row of docs/ring.md."""
    with open(os.path.join(tap.SRC, "docs/ring.md"), encoding="utf-8") as page:
        rows = re.findall(rf"^\| ({LABEL}) \| (.*?) \| (.*?) \| (.*?) \|$", page.read(), re.MULTILINE)
    return {row[0]: row[1:] for row in rows}


@tap.test("every label of core and include is in the table of docs/ring.md")
def _():
    missing = sorted(set(sites("core", "include")) - set(table()))
    tap.check(not missing, "not in the table: " + " ".join(missing))


@tap.test("every label of the table is in the sources")
def _():
    known = sites(*FOLDERS)
    gone = sorted(label for label in table() if label not in known)
    tap.check(not gone, "nowhere in the sources: " + " ".join(gone))


@tap.test("every label names its other side, which is there")
def _():
    known = sites(*FOLDERS)
    for label, places in known.items():
        if not any(name.startswith(("core/", "include/")) for name, _ in places):
            continue
        pairs = {other for _, others in places for other in others}
        tap.check(pairs, f"{label} in {places[0][0]}: pairs with nothing")
        tap.check(any(other in known for other in pairs), f"{label}: of {' '.join(sorted(pairs))} none is in the sources")


@tap.test("the table tells the other side as the sources do")
def _():
    known = sites(*FOLDERS)
    for label, (others, _, _) in table().items():
        for other in re.findall(LABEL, others):
            tap.check(any(other in pairs for _, pairs in known[label]) or any(label in pairs for _, pairs in known.get(other, [])),
                      f"{label} with {other}: the sources do not say so")


@tap.test("every label's test is there")
def _():
    for label, (_, _, tests) in table().items():
        named = re.findall(r"`(\S+?): (\S+?)`", tests)
        tap.check(named, f"{label}: no test")
        for name, what in named:
            path = os.path.join(tap.SRC, "tests/model", name)
            tap.check(os.path.exists(path), f"{label}: there is no tests/model/{name}")
            with open(path, encoding="utf-8") as source:
                text = source.read()
            tap.check(f"TEST({what})" in text or f'"{what}"' in text, f"{label}: {name} has no {what}")


@tap.test("a label that the table does not have would be seen")
def _():
    comment = "x(); /* ORDER nosuch:A, pairs with nosuch:B */"
    head = re.search(rf"ORDER ({LABEL})", comment)
    tap.check(head and head.group(1) not in table(), "the pattern does not find it")
    tap.check(len(sites("core", "include")) > 20, "hardly any labels found")


tap.main()
