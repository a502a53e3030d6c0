#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 300
"""What a user mistypes is refused with a sentence. Each file of must-not-compile begins with

    /* expect: words of the sentence */

and must fail to compile as C11 and as C++17, by gcc and by clang, with those words in the first five lines that the
compiler prints. A second line may restrict it: /* only: C */ or /* only: C++ */. With -DCAIRN_CONTROL the same file must
compile: it selects the correct form, so that the refusal has no other cause.
"""
import glob
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap

FOLDER = os.environ.get("CAIRN_MUST_NOT_COMPILE") or os.path.join(tap.SRC, "tests", "build", "must-not-compile")
LANGUAGES = {
    "C": (["-xc", "-std=c11"], {"gcc": "gcc", "clang": "clang"}),
    "C++": (["-xc++", "-std=c++17"], {"gcc": "g++", "clang": "clang++"}),
}


def heading(path):
    with open(path, encoding="utf-8") as file:
        first, second = file.readline(), file.readline()
    expect = re.match(r"/\* expect: (.+?) \*/", first)
    tap.check(expect, f"the first line is not /* expect: words */ but {first!r}")
    only = re.match(r"/\* only: (\S+) \*/", second)
    tap.check(not only or only.group(1) in LANGUAGES, f"only: one of {', '.join(LANGUAGES)}, not {only and only.group(1)}")
    return expect.group(1), [only.group(1)] if only else list(LANGUAGES)


def refuse(path):
    words, languages = heading(path)
    for language in languages:
        flags, compilers = LANGUAGES[language]
        for program in compilers.values():
            tap.need(program)
            command = [program] + flags + ["-fsyntax-only", "-Iinclude", "-Iports/linux", "-Ilinux-compat", "-I" + FOLDER, path]
            output = tap.run(command, status=1, cwd=tap.SRC)
            lines = output.splitlines()[:5]
            tap.contains("\n".join(lines), words, f"the beginning of what {program} says as {language}")
            with open(path, encoding="utf-8") as file:
                if "CAIRN_CONTROL" in file.read():
                    tap.run(command + ["-DCAIRN_CONTROL"], cwd=tap.SRC)


files = sorted(glob.glob(os.path.join(FOLDER, "*.c")))
for file_path in files:
    tap.add(os.path.basename(file_path), refuse, file_path)
if not files:
    tap.add("there are sources to refuse", tap.skip, "allowed: must-not-compile has no file yet")
tap.main()
