#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 300
"""Each public header compiles alone, as C and C++, with gcc and clang, over the hosted and the bare port, with every
warning a careful kernel may turn on (-Werror), and defines no macro that is not ours."""
import concurrent.futures
import glob
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap

WARNINGS = ["-Werror", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wundef", "-Wvla", "-Wconversion", "-Wredundant-decls",
            "-Wwrite-strings", "-Wdouble-promotion", "-Wmissing-declarations"]
C_WARNINGS = ["-Wstrict-prototypes", "-Wmissing-prototypes", "-Wdeclaration-after-statement"]

LANGUAGES = {
    "C11": ["-xc", "-std=c11"] + C_WARNINGS,
    "gnu17": ["-xc", "-std=gnu17"] + C_WARNINGS,
    "C++17": ["-xc++", "-std=c++17"],
}
COMPILERS = {"gcc": {"C": "gcc", "C++": "g++"}, "clang": {"C": "clang", "C++": "clang++"}}
PORTS = {"linux": [], "bare": ["-ffreestanding"]}


def compiler(name, language):
    return COMPILERS[name]["C++" if language == "C++17" else "C"]


def source(folder, header):
    """Twice, since a header must bear that; through a file, since compilers treat a header as main file differently."""
    path = os.path.join(folder, header.replace("/", "_") + ".inc")
    if not os.path.exists(path):
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'#include "{header}"\n#include "{header}"\ntypedef int not_empty;\n')
    return path


def compile_header(folder, header, name, language):
    program = compiler(name, language)
    tap.need(program)
    for port, flags in PORTS.items():
        command = [program] + LANGUAGES[language] + WARNINGS + flags
        command += ["-fsyntax-only", "-I", "include", "-I", f"ports/{port}", source(folder, header)]
        tap.run(command, cwd=tap.SRC)


def macros(lines):
    return {line.split()[1].split("(")[0] for line in lines.splitlines() if line.startswith("#define ")}


def owns(folder, header):
    """The macros a header brings, those of the compiler's own headers apart, all carry the prefix."""
    command = ["gcc", "-std=c11", "-ffreestanding", "-dM", "-E", "-I", "include", "-I", "ports/bare"]
    base = ["-include", "stddef.h", "-include", "stdint.h", "-include", "stdbool.h", "-include", "stdarg.h", "-include", "limits.h"]
    before = macros(tap.run(command + base + ["-xc", "/dev/null"], cwd=tap.SRC))
    after = macros(tap.run(command + base + ["-xc", source(folder, header)], cwd=tap.SRC))
    foreign = sorted(name for name in after - before if not name.startswith(("CAIRN_", "cairn_")))
    tap.check(not foreign, "defines " + " ".join(foreign))


def main():
    headers = sorted(glob.glob("cairn/*.h", root_dir=os.path.join(tap.SRC, "include")) +
                     glob.glob("cairn/events/*.h", root_dir=os.path.join(tap.SRC, "include")))
    if not headers:
        tap.add("there are public headers", tap.fail, "include/cairn has no header")
    with tap.folder() as folder, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for header in headers:
            for name in COMPILERS:
                for language in LANGUAGES:
                    work = pool.submit(compile_header, folder, header, name, language)
                    tap.add(f"{header} alone, {name}, {language}", work.result)
            tap.add(f"{header} defines only our macros", pool.submit(owns, folder, header).result)
        tap.main()


main()
