#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""scripts/install-deps.sh, with dpkg-query, apt-get, sudo and id replaced: what it installs, when it updates, what it
says, and that it is silent and quick when there is nothing to do."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap

SCRIPT = os.path.join(tap.SRC, "scripts", "install-deps.sh")
TOOLS = ("sh", "env", "sed", "tr", "mktemp", "rm", "tail", "uname", "cat", "grep")


class Machine:
    """A folder as the whole PATH. `absent` are the packages that dpkg-query does not know."""

    def __init__(self, folder, absent="", user=0, debian=True, sudo=False, apt="exit 0"):
        self.folder = folder
        for tool in TOOLS:
            os.symlink(next(p for p in (f"/usr/bin/{tool}", f"/bin/{tool}") if os.path.exists(p)), f"{folder}/{tool}")
        self.program("id", f"echo {user}")
        if debian:
            self.program("dpkg-query", f"""
                shift 3
                for p; do case " {absent} " in *" $p "*) ;; *) echo "$p installed" ;; esac; done""")
            self.program("apt-get", f'echo "$DEBIAN_FRONTEND apt-get $*" >>{folder}/log\n{apt}')
        if sudo:
            self.program("sudo", f'echo "sudo $*" >>{folder}/log\n[ "$1" != -n ] || shift\nexec "$@"')
            self.program("true", "exit 0")

    def program(self, name, body):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\n{body}\n")
        os.chmod(path, 0o755)

    def run(self, *words, status=0):
        return tap.run(["/bin/sh", SCRIPT, *words], status=status, env={"PATH": self.folder})

    def log(self):
        try:
            with open(os.path.join(self.folder, "log"), encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""


@tap.test("nothing missing: silent, under a second, no apt-get")
def _():
    with tap.folder() as folder:
        machine = Machine(folder)
        start = time.monotonic()
        tap.equal(machine.run(), "")
        tap.check(time.monotonic() - start < 1, "slow")
        tap.equal(machine.log(), "")
        tap.equal(machine.run("--check"), "")


@tap.test("two missing: one line, one installation of both, no update")
def _():
    with tap.folder() as folder:
        machine = Machine(folder, absent="spin meson")
        tap.equal(machine.run(), "install-deps: installing meson spin\n")
        log = machine.log()
        tap.contains(log, "noninteractive apt-get")
        tap.contains(log, "install --no-install-recommends meson spin\n")
        tap.equal(log.count("apt-get"), 1, "calls of apt-get")


@tap.test("--check lists the missing, installs nothing, exits 1")
def _():
    with tap.folder() as folder:
        machine = Machine(folder, absent="spin meson")
        tap.equal(machine.run("--check", status=1), "meson\nspin\n")
        tap.equal(machine.log(), "")
        tap.equal(machine.run("--check", "demo", status=1), "meson\n")


@tap.test("stale or absent lists: update, then install again")
def _():
    with tap.folder() as folder:
        apt = f'case "$*" in *update*) echo fresh >{folder}/lists ;; *) [ -f {folder}/lists ] ;; esac'
        machine = Machine(folder, absent="spin", apt=apt)
        machine.run()
        calls = [line.split("=")[-1].split()[1] for line in machine.log().splitlines()]
        tap.equal(calls, ["install", "update", "install"])


@tap.test("apt-get fails: its words, what was wanted, exit 1")
def _():
    with tap.folder() as folder:
        output = Machine(folder, absent="spin", apt="echo no network; exit 100").run(status=1)
        tap.contains(output, "no network")
        tap.contains(output, "could not install: spin")


@tap.test("not root: through sudo; without sudo, it says what is missing")
def _():
    with tap.folder() as folder:
        machine = Machine(folder, absent="spin", user=1000, sudo=True)
        machine.run()
        tap.contains(machine.log(), "sudo env DEBIAN_FRONTEND=noninteractive apt-get")
    with tap.folder() as folder:
        output = Machine(folder, absent="spin", user=1000).run(status=1)
        tap.contains(output, "ask somebody to run: apt-get install --no-install-recommends spin")


@tap.test("not Debian: goes on if the programs are there, else names them")
def _():
    with tap.folder() as folder:
        machine = Machine(folder, debian=False)
        tap.contains(machine.run("demo", status=1), "not a Debian system")
        for program in "gcc make meson ninja pkg-config python3 qemu-system-x86_64".split():
            machine.program(program, "exit 0")
        tap.equal(machine.run("--check", "demo", status=1), "babeltrace2\n")
        machine.program("babeltrace2", "exit 0")
        tap.equal(machine.run("demo"), "")


@tap.test("a wrong word: usage, exit 2")
def _():
    with tap.folder() as folder:
        tap.contains(Machine(folder).run("everything", status=2), "usage:")


tap.main()
