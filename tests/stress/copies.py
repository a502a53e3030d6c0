#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 240
"""Several copies of Cairn in one process: a program and shared libraries that link one each (copies.c, plug.c). They have one region, and every
event of all of them is in it; libraries come and go."""
import glob
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap

WHERE = os.path.join(tap.BUILD, "tests", "stress")
CAIRN = os.path.join(tap.BUILD, "cairn")
A, B, C = (os.path.join(WHERE, f"{name}.so") for name in ("red", "green", "blue"))


def play(program, scene, *plugs, regions=1, lossless=True, **env):
    """Run it; every event of the process and its children accounted for, in `regions` files each. What it printed, and the regions."""
    with tap.folder() as folder:
        words = dict(os.environ, CAIRN_DIR=folder, CAIRN_TRACE="both:*,plug:*", **env)
        p = subprocess.Popen([os.path.join(WHERE, program), scene, *plugs], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, env=words)
        text = p.communicate(timeout=120)[0]
        tap.equal(p.returncode, 0, f"exit status of {program} {scene}\n{text}")
        emitted = {int(pid): int(n) for pid, n in re.findall(r"child (\d+) (\d+)", text)}
        emitted[p.pid] = int(re.search(r"emitted (\d+)", text)[1])
        seen = []
        for pid, n in emitted.items():
            found = sorted(glob.glob(os.path.join(folder, f"*.{pid}.*.cairn")))
            tap.equal(len(found), regions, f"files of process {pid} in {sorted(os.listdir(folder))}")
            got = 0
            for path in found:
                tap.run([CAIRN, "check", path])
                j = json.loads(subprocess.run([CAIRN, "stat", "--json", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout)
                got += j["total"]["decoded"] + j["total"]["lost"] + j["total"]["overwritten"] + j["lost_no_stream"]
                if lossless:
                    tap.equal((j["total"]["lost"], j["lost_no_stream"]), (0, 0), "lost")
                seen.append(j)
            tap.equal(got, n, f"events of process {pid} of {emitted}\n{text}")
        return text, seen


ORDERS = {
    "the program, then a library": ("copies", A),
    "the program, then two libraries": ("copies", A, B),
    "a library, then another, the program has none": ("loader", A, B),
    "the other way round": ("loader", B, A),
    "a library loaded with the program, the program, two libraries": ("linked-program", A, B),
}
for name, (program, *plugs) in ORDERS.items():
    for scene in ("plain", "fork", "control"):
        tap.add(f"{scene}: {name}: one region, all events", lambda p=program, s=scene, l=plugs: play(p, s, *l))


@tap.test("threads that share CPUs' streams, by rseq and by claims: one region, all events")
def _():
    play("copies", "plain", A, B, CAIRN_PER_CPU="1")
    play("loader", "fork", A, B, CAIRN_PER_CPU="1")
    play("copies", "plain", A, CAIRN_PER_CPU="shared", lossless=False)


@tap.test("a thread has one stream, whichever copy's event comes first")
def _():
    _, (j,) = play("copies", "plain", A, B)
    tap.check(len(j["cpus"]) <= 9, f"{len(j['cpus'])} streams for 9 threads")


@tap.test("an event that all define has one id")
def _():
    with tap.folder() as folder:
        subprocess.run([os.path.join(WHERE, "copies"), "plain", A, B], env=dict(os.environ, CAIRN_DIR=folder, CAIRN_TRACE="*:*"), check=True,
                       stdout=subprocess.DEVNULL)
        with open(glob.glob(os.path.join(folder, "*.cairn"))[0], "rb") as file:
            text = file.read(1 << 20)
        tap.equal(len(re.findall(rb"/\*cairn event [^\n]*both[ :]step", text)), 1, "descriptions of both:step")


@tap.test("copies that are not built alike have a region each")
def _():
    play("copies", "plain", C, regions=2)
    play("copies", "plain", C, A, regions=2)


def reload(program, *plugs, kept):
    text, _ = play(program, "reload", *plugs, lossless=False, CAIRN_RING_KB="64")
    tap.equal(re.findall(r"mapped (\w+)", text), kept, "libraries that are still mapped")
    grown = int(re.search(r"grown (-?\d+)", text)[1])
    tap.check(grown <= 256, f"{grown} KiB more after the second 500 times")


@tap.test("libraries opened and closed a thousand times, with threads that emit: nothing stays behind")
def _():
    reload("copies", A, B, kept=[])


@tap.test("the library whose copy made the region stays mapped, others go")
def _():
    reload("loader", A, kept=["red"])
    reload("loader", A, B, kept=["red"])


tap.main()
