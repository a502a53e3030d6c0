#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 600
"""Declared events in every language, compiler, optimization and code model that Cairn promises: the unit tests of events with the
defining files compiled so; no warning under a careful kernel's flags, our own side of the macros included; nothing called
from outside; sections that survive the linker's garbage collection; several files; compiled out."""
import glob
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap

INCLUDES = ["-I.", "-Iinclude", "-Ilinux-compat", "-Itests", "-Itests/unit"]
WARNINGS = ["-Werror", "-Wall", "-Wextra", "-Wshadow", "-Wundef", "-Wvla", "-Wconversion", "-Wredundant-decls",
            "-Wwrite-strings", "-Wdouble-promotion", "-Wmissing-declarations", "-DCAIRN_CHECK_MACROS=1"]
LANGUAGES = {
    "C11": ["-xc", "-std=c11", "-Wstrict-prototypes", "-Wmissing-prototypes", "-Wdeclaration-after-statement"],
    "C++17": ["-xc++", "-std=c++17"],
}
COMPILERS = {("gcc", "C11"): "gcc", ("gcc", "C++17"): "g++", ("clang", "C11"): "clang", ("clang", "C++17"): "clang++"}
PROGRAMS = {
    "event_short": ["events_short_form"],
    "event_linux": ["events_linux_form", "events_linux_style"],
}


def listed(folder):
    with open(os.path.join(tap.SRC, folder, "sources.txt"), encoding="utf-8") as file:
        lines = [line.split("#")[0].strip() for line in file]
    return [os.path.join(folder, line) for line in lines if line]


CORE = listed("")
PORT = listed("ports/linux")
CATALOGUE = sorted(glob.glob("cairn/events/*.h", root_dir=os.path.join(tap.SRC, "include")))
KERNEL = {
    "x86-64 gcc": ["gcc", "-fno-pic", "-mcmodel=kernel", "-mno-red-zone", "-mgeneral-regs-only"],
    "x86-64 clang": ["clang", "-fno-pic", "-mcmodel=kernel", "-mno-red-zone", "-mgeneral-regs-only"],
    "aarch64 gcc": ["aarch64-linux-gnu-gcc", "-mgeneral-regs-only", "-mno-outline-atomics"],
    "aarch64 clang": ["clang", "--target=aarch64-linux-gnu", "-mgeneral-regs-only", "-mno-outline-atomics"],
    "riscv64 gcc": ["riscv64-linux-gnu-gcc", "-mcmodel=medany", "-march=rv64imac", "-mabi=lp64"],
    "riscv64 clang": ["clang", "--target=riscv64-linux-gnu", "-mcmodel=medany", "-march=rv64imac", "-mabi=lp64"],
}


def pedantic(name):
    return [] if name == "events_linux_style" else ["-Wpedantic"]  # its semicolons are Linux's


def compile_c(command, source, output):
    tap.need(command[0])
    tap.run(command + ["-c", source, "-o", output], cwd=tap.SRC)
    return output


def core_objects(folder, port):
    """Once for each port, with gcc -O1."""
    objects = []
    sources = CORE + (PORT if port == "linux" else [])
    for source in sources:
        output = os.path.join(folder, f"{port}-{source.replace('/', '-')}.o")
        if not os.path.exists(output):
            compile_c(["gcc", "-std=gnu11", "-O1", "-g", f"-Iports/{port}"] + INCLUDES, source, output)
        objects.append(output)
    return objects


def build(folder, program, port, compiler, language, extra, link=()):
    driver = COMPILERS[compiler, language]
    objects = core_objects(folder, port)
    for name in PROGRAMS[program]:
        command = [driver] + LANGUAGES[language] + WARNINGS + pedantic(name) + INCLUDES + [f"-Iports/{port}"] + list(extra)
        objects.append(compile_c(command, f"tests/unit/{name}.c", os.path.join(folder, f"{name}.o")))
    main = ["gcc", "-std=gnu11", "-O1", "-g"] + INCLUDES + [f"-Iports/{port}"]
    if port == "linux" and "-DCAIRN_NO_PATCHING=1" in extra:
        main.append("-DCAIRN_NO_PATCHING=1")
    objects.append(compile_c(main, f"tests/unit/{program}.c", os.path.join(folder, f"{program}.o")))
    output = os.path.join(folder, program)
    tap.run(["gcc", *objects, *link, "-pthread", "-o", output], cwd=tap.SRC)
    return output


def works(folder, *args, **options):
    program = build(folder, *args, **options)
    tap.run([program], env=dict(os.environ, CAIRN_DIR=folder), cwd=folder)


def freestanding(folder, kernel, level):
    """Nothing undefined but ours, in what the macros generate and in the helpers that it calls."""
    command = KERNEL[kernel] + ["-std=gnu11", "-ffreestanding", level, "-Iports/bare"] + INCLUDES + WARNINGS
    tap.need("nm")
    every = os.path.join(folder, "catalogue.c")
    with open(every, "w", encoding="utf-8") as file:
        file.write("#define CAIRN_CREATE_EVENTS\n" + "".join(f"#include <{header}>\n" for header in CATALOGUE))
    for source in (every, "tests/unit/events_short_form.c", "tests/unit/events_linux_style.c", "core/event_text.c"):
        output = compile_c(command, source, os.path.join(folder, "kernel.o"))
        names = [line.split()[-1] for line in tap.run(["nm", "-u", output]).splitlines()]
        foreign = [name for name in names if not name.startswith("cairn_")]
        tap.check(not foreign, f"{source} at {level} needs {' '.join(foreign)}")


def stack(folder):
    """The emit path: 128 bytes, 256 with strings."""
    for kernel in ("x86-64 gcc", "aarch64 gcc", "riscv64 gcc"):
        for source in ("tests/unit/events_short_form.c", "core/event_text.c"):
            command = KERNEL[kernel] + ["-std=gnu11", "-ffreestanding", "-O2", "-fstack-usage", "-Iports/bare"] + INCLUDES
            output = compile_c(command, source, os.path.join(folder, "stack.o"))
            with open(output[:-1] + "su", encoding="utf-8") as file:
                for line in file:
                    name, used = line.split("\t")[0].split(":")[-1], int(line.split("\t")[1])
                    limit = 192 if any(word in name for word in ("text", "dynamic", "clash", "plain", "arrays", "scalars")) else 128
                    tap.check(used <= limit, f"{kernel}: {name} uses {used} bytes of stack, limit {limit}")


def compiled_out(folder):
    """Functions stay, type-checked and empty; nothing else is generated."""
    source = os.path.join(folder, "out.c")
    with open(source, "w", encoding="utf-8") as file:
        file.write('#define CAIRN_CREATE_EVENTS\n#define CREATE_TRACE_POINTS\n#include "events_short_form.h"\n'
                   '#include "events_linux_form.h"\nint use(void);\nint use(void)\n{\n'
                   "\tcairn_trace_short_in(1);\n\tcairn_trace_short_empty();\n\ttrace_linux_void();\n\ttrace_linux_cond(1);\n"
                   "\treturn cairn_trace_short_in_enabled() + trace_linux_cond_enabled();\n}\n")
    for (compiler, language), driver in COMPILERS.items():
        for level in ("-O0", "-O2"):
            command = [driver] + LANGUAGES[language] + WARNINGS + ["-Wpedantic", level, "-DCAIRN_ENABLE=0", "-Iports/linux"] + INCLUDES
            output = compile_c(command, source, os.path.join(folder, "out.o"))
            names = {line.split()[-1] for line in tap.run(["nm", output]).splitlines()}
            used = {name for name in names if "linux_" in name or "short_" in name or "cairn_event" in name}
            tap.check(not {n for n in used if "trace" not in n},
                      f"{compiler} {language} {level} generates {' '.join(sorted(used))}")
            tap.check("cairn_events" not in tap.run(["readelf", "-SW", output]), "an entry of section cairn_events")


def files(folder):
    """Files that declare the same events and fire them or not link with the one that defines them."""
    sources = {
        "define.c": '#define CAIRN_CREATE_EVENTS\n#include "events_short_form.h"\n',
        "fire.c": '#include "events_short_form.h"\nvoid fire(void);\nvoid fire(void) { cairn_trace_short_in(1); }\n',
        "idle.c": '#include "events_short_form.h"\n',
        "late.c": '#include "events_short_form.h"\n#undef CAIRN_CREATE_EVENTS\n#define CAIRN_CREATE_EVENTS 1\n'
                  "CAIRN_EVENT(late, late_one, (field, int, n), \"n=%d\");\n",
        "main.c": "void fire(void);\nint main(void) { fire(); return 0; }\n",
    }
    objects = core_objects(folder, "linux")
    for name, text in sources.items():
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        for level in ("-O0", "-O2"):
            output = compile_c(["gcc", "-std=c11", level, "-Iports/linux"] + INCLUDES, path, path + ".o")
        objects.append(output)
    tap.run(["gcc", *objects, "-pthread", "-o", os.path.join(folder, "files")])
    tap.run([os.path.join(folder, "files")], env=dict(os.environ, CAIRN_DIR=folder))


def main():
    with tap.folder() as folder:
        for program in PROGRAMS:
            for compiler, language in COMPILERS:
                for level in ("-O0", "-O2"):
                    tap.add(f"{program}: {compiler} {language} {level}", works, folder, program, "linux", compiler, language, [level])
        for name, extra in (("-O1", ["-O1"]), ("-Os", ["-Os"]), ("-O3", ["-O3"]), ("-fPIC", ["-O2", "-fPIC"]),
                            ("-fno-pie", ["-O2", "-fno-pie"]), ("load and branch", ["-O2", "-DCAIRN_NO_PATCHING=1"])):
            if name == "load and branch":
                tap.add(f"event_short: {name}", works, folder, "event_short", "bare", "gcc", "C11", ["-O2"])
                tap.add(f"event_linux: {name}", works, folder, "event_linux", "bare", "clang", "C++17", ["-O0"])
                continue
            link = ["-no-pie"] if name == "-fno-pie" else []
            tap.add(f"event_short: gcc {name}", lambda *a, link=link: works(*a, link=link), folder, "event_short", "linux", "gcc",
                    "C11", extra)
        for linker in ("bfd", "lld"):
            link = [f"-fuse-ld={linker}", "-Wl,--gc-sections"]
            for program in PROGRAMS:
                tap.add(f"{program}: entries survive --gc-sections of {linker}", lambda *a, link=link: works(*a, link=link), folder,
                        program, "linux", "gcc", "C11", ["-O2", "-ffunction-sections", "-fdata-sections"])
        for kernel in KERNEL:
            for level in ("-O0", "-O2", "-O3", "-Os"):
                tap.add(f"no call from outside: {kernel} {level}", freestanding, folder, kernel, level)
        tap.add("stack of the emit path", stack, folder)
        tap.add("CAIRN_ENABLE=0 leaves nothing", compiled_out, folder)
        tap.add("several files with one header", files, folder)
        tap.main()


main()
