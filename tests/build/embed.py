#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 300
"""Hosts take Cairn in: by cairn.mk, by cairn.cmake, as a Meson subproject, and installed, by pkg-config. Each is a small
project that is made in a folder elsewhere and built; a program calls the library where it is for user space."""
import glob
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap

HELLO = os.path.join(tap.SRC, "examples", "user", "hello.c")


def write(folder, path, text):
    path = os.path.join(folder, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def listed():
    with open(os.path.join(tap.SRC, "sources.txt"), encoding="utf-8") as file:
        return [line.split("#")[0].strip() for line in file if line.split("#")[0].strip()]


MAKEFILE = """
include %s/cairn.mk
# Two sources may have one name in different folders.
kernel.o: $(CAIRN_SOURCES) Makefile
	for s in $(CAIRN_SOURCES); do \\
		$(CC) -O2 -ffreestanding -fno-stack-protector $(CAIRN_CFLAGS) $(CAIRN_INCLUDES) \\
			-c $$s -o $$(echo $$s | tr / _).part || exit 1; \\
	done
	$(LD) -r -o $@ *.part
show:
	@echo $(CAIRN_SOURCES)
	@echo $(CAIRN_CFLAGS)
"""


@tap.test("cairn.mk: sources, flags and include path build the core from another folder")
def _():
    with tap.folder() as folder:
        write(folder, "Makefile", MAKEFILE % tap.SRC)
        shown = tap.run(["make", "-s", "show", "CAIRN_ARCH=aarch64"], cwd=folder).splitlines()
        tap.equal(shown[0].split(), [f"{tap.SRC}/{path}" for path in listed()], "CAIRN_SOURCES")
        tap.contains(shown[1], "-mno-outline-atomics", "CAIRN_CFLAGS for aarch64")
        tap.check("-mno-outline" not in tap.run(["make", "-s", "show"], cwd=folder), "an option of aarch64 for all")
        tap.run(["make", "-s", "kernel.o"], cwd=folder)


CMAKE = """
cmake_minimum_required(VERSION 3.13)
project(host C)
include(%s/cairn.cmake)
message(STATUS "sources: ${CAIRN_SOURCES}")
add_library(cairn OBJECT ${CAIRN_SOURCES})
target_include_directories(cairn PRIVATE ${CAIRN_INCLUDES})
target_compile_options(cairn PRIVATE -O2 -ffreestanding ${CAIRN_CFLAGS})
"""


@tap.test("cairn.cmake: the same for CMake")
def _():
    tap.need("cmake")
    with tap.folder() as folder:
        write(folder, "CMakeLists.txt", CMAKE % tap.SRC)
        output = tap.run(["cmake", "-S", folder, "-B", folder + "/b"])
        sources = re.search(r"sources: (.*)", output).group(1).split(";")
        tap.equal(sources, [f"{tap.SRC}/{path}" for path in listed()], "CAIRN_SOURCES")
        tap.run(["cmake", "--build", folder + "/b"])


MESON = """
project('host', 'c')
executable('hello', 'hello.c', dependencies: dependency('cairn'))
"""
WRAP = """
[wrap-file]
directory = cairn
[provide]
cairn = cairn_dep
"""


@tap.test("Meson subproject: dependency('cairn') builds hello and nothing of ours besides")
def _():
    tap.need("meson", "ninja")
    with tap.folder() as folder:
        with open(HELLO, encoding="utf-8") as file:
            write(folder, "hello.c", file.read())
        write(folder, "meson.build", MESON)
        write(folder, "subprojects/cairn.wrap", WRAP)
        os.symlink(tap.SRC, os.path.join(folder, "subprojects", "cairn"))
        tap.run(["meson", "setup", folder + "/b", folder])
        tap.run(["ninja", "-C", folder + "/b"])
        tap.run([folder + "/b/hello"], env=dict(os.environ, CAIRN_DIR=folder))
        made = os.listdir(folder + "/b/subprojects/cairn")
        tap.check("cairn" not in made and "tests" not in made, f"built as a subproject too: {made}")


@tap.test("installed: pkg-config builds hello, and no header is missing")
def _():
    tap.need("meson", "ninja", "pkg-config")
    with tap.folder() as folder:
        prefix = folder + "/prefix"
        tap.run(["meson", "setup", "--prefix", prefix, "-Dtests=false", "-Dtool=false", "-Dexamples=false", folder + "/b", tap.SRC])
        tap.run(["meson", "install", "-C", folder + "/b", "--quiet"])
        config = os.path.dirname(glob.glob(prefix + "/lib*/**/cairn.pc", recursive=True)[0])
        flags = tap.run(["pkg-config", "--cflags", "--libs", "cairn"], env=dict(os.environ, PKG_CONFIG_PATH=config)).split()
        tap.run(["gcc", "-Werror", "-o", folder + "/hello", HELLO] + flags)
        tap.run([folder + "/hello"], env=dict(os.environ, CAIRN_DIR=folder))
        include = [flag for flag in flags if flag.startswith("-I")]
        for header in sorted(glob.glob("cairn/**/*.h", root_dir=os.path.join(tap.SRC, "include"), recursive=True)):
            write(folder, "one.c", f'#include "{header}"\n')
            tap.run(["gcc", "-fsyntax-only", folder + "/one.c"] + include)


tap.main()
