#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 300
"""A program killed at any moment leaves a trace that `cairn check` accepts, or, before its region is complete, says so. Every event that
the program had acknowledged is in the trace, and none that it had not emitted. CAIRN_LONG=1: more rounds. KILL_SEED=N: others."""
import glob
import json
import os
import random
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap

CAIRN = os.path.join(tap.BUILD, "cairn")
LOAD = os.path.join(tap.BUILD, "examples", "user", "load")
SCENES = os.path.join(tap.BUILD, "tests", "stress", "scenes")
LONG = os.environ.get("CAIRN_LONG") == "1"
ROUNDS = 400 if LONG else 20
SEED = int(os.environ.get("KILL_SEED", "1"))
print(f"# KILL_SEED={SEED}")


def check(path):
    """Exit status and words of `cairn check`."""
    p = subprocess.run([CAIRN, "check", path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       errors="replace", timeout=30, check=False)
    return p.returncode, p.stdout


def complete(path):
    """Whether the region's magic is there: the last thing that its init writes."""
    with open(path, "rb") as f:
        return f.read(16) == bytes(b ^ 0xFF for b in bytes.fromhex("bcbeb6adb1d2adbab8b6b0b1f2f5e5f5"))


def kill_after(command, seconds, folder, ring_kb):
    """Start the program, kill it after so long; everything that it had written to stdout."""
    env = dict(os.environ, CAIRN_DIR=folder, CAIRN_TRACE="*:*", CAIRN_RING_KB=str(ring_kb))
    p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env)
    got = []
    reader = threading.Thread(target=lambda: got.append(p.stdout.read()))
    reader.start()
    time.sleep(seconds)
    p.kill()
    p.wait(30)
    reader.join(30)
    p.stdout.close()
    return got[0]


def files(folder):
    return glob.glob(os.path.join(glob.escape(folder), "*.cairn"))


def judge(folder, seconds):
    """The region's file if it is complete; None if it is not, and `cairn check` says so."""
    found = files(folder)
    if not found:
        tap.check(seconds < 1, f"no file after {seconds} s")
        return None
    tap.equal(len(found), 1, f"files: {found}")
    status, words = check(found[0])
    if complete(found[0]):
        tap.equal(status, 0, f"cairn check after {seconds} s: {words}")
        return found[0]
    tap.equal(status, 1, f"cairn check of a region that is not complete, after {seconds} s: {words}")
    tap.equal(len(words.strip().splitlines()), 1, f"lines of: {words}")
    return None


def moment(rng):
    """Half of them while the program starts."""
    return rng.random() * (0.008 if rng.random() < 0.5 else 0.2)


@tap.test("threads and signals: killed at random moments, the trace is accepted")
def _():
    rng = random.Random(SEED)
    whole = 0
    for _ in range(ROUNDS):
        seconds, ring = moment(rng), rng.choice((64, 1024))
        with tap.folder() as folder:
            kill_after([LOAD, "5", "2"], seconds, folder, ring)
            whole += judge(folder, seconds) is not None
    tap.check(whole >= ROUNDS // 4, f"only {whole} of {ROUNDS} regions were complete")


@tap.test("killed at random moments, every acknowledged event is in the trace and none is invented")
def _():
    rng = random.Random(SEED + 1)
    whole = 0
    for _ in range(ROUNDS):
        seconds, ring = moment(rng), rng.choice((64, 4096))
        with tap.folder() as folder:
            said = kill_after([SCENES, "acknowledge"], seconds, folder, ring)
            acknowledged = len(said) // 8
            if acknowledged:
                tap.equal(int.from_bytes(said[acknowledged * 8 - 8:acknowledged * 8], "little"), acknowledged, "last number said")
            path = judge(folder, seconds)
            if not path:
                tap.equal(acknowledged, 0, "events acknowledged without a region")
                continue
            whole += 1
            j = json.loads(tap.run(f"'{CAIRN}' stat --json '{path}' 2>/dev/null", shell=True))
            text = tap.run(f"'{CAIRN}' report --json -e scene:step '{path}' 2>/dev/null", shell=True)
            rows = [json.loads(line) for line in text.splitlines()]
            numbers = [r["fields"]["n"] for r in rows if r.get("event") == "scene:step"]
            last = numbers[-1] if numbers else 0
            what = f"after {seconds} s, ring of {ring} KiB: {acknowledged} acknowledged, {j['total']}"
            tap.equal(numbers, list(range(last - len(numbers) + 1, last + 1)), f"numbers in the trace are consecutive; {what}")
            tap.check(acknowledged <= last <= acknowledged + 1, f"the last number in the trace is {last}; {what}")
            total = j["total"]
            names = 1 if total["emitted"] else 0  # the thread's name, the stream's first event
            tap.equal(total["decoded"] + total["lost"] + total["overwritten"] + j["lost_no_stream"], last + names, what)
            tap.equal(total["lost"], 0, f"lost; {what}")
    tap.check(whole >= ROUNDS // 4, f"only {whole} of {ROUNDS} regions were complete")


tap.main()
