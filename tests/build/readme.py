#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What README.md shows is true: its program compiles, runs and is traced by the commands that stand there, and its map is the tree."""
import os
import re
import shlex
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap

with open(os.path.join(tap.SRC, "README.md")) as readme:
    TEXT = readme.read()


@tap.test("the first trace: program and commands as they stand in README.md")
def _():
    program = re.search(r"```c\n(.*?)```", TEXT, re.S)[1]
    tap.check(len(program.splitlines()) <= 20, "the program is longer than 20 lines")
    with tap.folder() as folder:
        source = os.path.join(folder, "hello.c")
        with open(source, "w") as f:
            f.write(program)
        binary = os.path.join(folder, "hello")
        tap.run(["gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-pthread", "-I", os.path.join(tap.SRC, "include"), "-I",
                 os.path.join(tap.SRC, "ports/linux"), source, os.path.join(tap.BUILD, "libcairn.a"), "-o", binary])
        commands = [l.strip()[2:] for l in TEXT.splitlines() if l.strip().startswith("$ ")]
        tap.check("make build" in commands[0], f"the first command is {commands[0]}")
        for command in commands[1:]:
            command = command.replace("build/host/examples/user/hello", shlex.quote(binary)).replace("build/host/cairn", os.path.join(tap.BUILD, "cairn"))
            if "babeltrace2" in command:
                command = command.split("&&")[0]
            out = tap.run(["sh", "-c", command], cwd=folder)
            if " report " in command:
                tap.equal(len(re.findall(r"greeting: n=\d whom=(?:world|kernel|cairn)$", out, re.M)), 9, "greetings in the report")
        tap.check(os.path.exists(os.path.join(folder, "hello.ctf/metadata")), "no CTF trace")


@tap.test("the map names folders and files that exist, and every folder")
def _():
    table = TEXT[TEXT.index("## Where things are"):]
    rows = re.findall(r"^\| (`.*?) \| (.*) \|$", table, re.M)
    named = set()
    for folders, _ in rows:
        for name in re.findall(r"`([^`]+)`", folders):
            tap.check(os.path.isdir(os.path.join(tap.SRC, name)), f"{name} is not a folder")
            named.add(name.strip("/").split("/")[0])
    tracked = subprocess.run(["git", "-C", tap.SRC, "ls-files"], capture_output=True, text=True, check=False).stdout.split()
    there = {f.split("/")[0] for f in tracked if "/" in f and not f.startswith(".")}
    tap.equal(there - named - {"scripts", "cross", "bench"}, set(), "folders that the map leaves out")


tap.main()
