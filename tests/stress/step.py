#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 300
"""A signal whose handler emits, at every instruction of an event and of opening a packet (step.c); then one that jumps out of it there."""
import glob
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap

STEP = os.path.join(tap.BUILD, "tests", "stress", "step")
CAIRN = os.path.join(tap.BUILD, "cairn")
MIX = 0x9e3779b97f4a7c15


def run(kind):
    """What the program said, the totals, and the numbers of the decoded events in their order."""
    with tap.folder() as folder:
        env = dict(os.environ, CAIRN_DIR=folder, CAIRN_TRACE="step:*", CAIRN_RING_KB="65536")
        p = subprocess.run([STEP, *kind.split()], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=env,
                           text=True, timeout=250, check=False)
        if p.returncode == 77:
            tap.skip("allowed: processes may not be traced here")
        tap.equal(p.returncode, 0, p.stdout)
        said = {word: int(n) for word, n in re.findall(r"(instructions|jumps|begun|child \d+) (\d+)", p.stdout)}
        pid = re.search(r"child (\d+) (\d+)", p.stdout)
        said["ended"] = int(pid[2])
        path, = glob.glob(os.path.join(folder, f"*.{pid[1]}.*.cairn"))
        tap.run([CAIRN, "check", path])
        j = json.loads(subprocess.run([CAIRN, "stat", "--json", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout)
        report = subprocess.run([CAIRN, "report", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, text=True).stdout
        numbers = []
        for n, rest in re.findall(r"n=(\d+) (.*)", report):
            tap.check(rest == "seventeen letters" or rest == f"mix={int(n) * MIX % 2**64}", f"n={n} {rest}")
            numbers.append(int(n))
        times = [float(t) for t in re.findall(r" (\d+\.\d+): ", report)]
        tap.equal(times, sorted(times), "times")
        return said, j, numbers


def returns(kind, least):
    said, j, numbers = run(kind)
    print(f"# {kind}: {said}")
    tap.check(said["instructions"] >= least, f"{said['instructions']} instructions")
    tap.equal(sorted(numbers), list(range(1, said["begun"] + 1)), "every event is there once")
    tap.equal((j["total"]["lost"], j["lost_no_stream"], j["total"]["overwritten"]), (0, 0, 0), "lost")


def jumps(kind, least):
    said, j, numbers = run(kind)
    total = j["total"]
    print(f"# {kind}: {said} {total['lost_by']}")
    tap.check(said["instructions"] >= least and said["jumps"] == said["instructions"], f"{said}")
    tap.equal(len(set(numbers)), len(numbers), "no event is there twice")
    tap.equal((total["lost"] - total["lost_by"]["abandoned"], j["lost_no_stream"], total["overwritten"]), (0, 0, 0), "lost otherwise")
    got = total["decoded"] + total["lost"] - 0
    # a task's name is an event of its own and not of these
    tap.check(said["ended"] <= got <= said["begun"], f"{said['ended']} ended, {got} accounted for, {said['begun']} begun")
    # at most what was left and the two of the handler behind it
    tap.check(0 < total["lost_by"]["abandoned"] <= 3 * said["jumps"], f"{total['lost_by']['abandoned']} abandoned")


for name, low in (("plain", 40), ("text", 80), ("plain flush", 150)):
    tap.add(f"{name}: a signal at every instruction, every event is there once, in order of time", returns, name, low)
    tap.add(f"{name}: a jump out at every instruction, all is accounted for, and the stream goes on", jumps, name + " jump", low)

tap.main()
