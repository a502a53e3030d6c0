#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 300
"""More threads than streams: the streams of CPUs, by restartable sequences and by claims (crowd.c). Every event is accounted for, and each
that is decoded is whole and there once. CAIRN_LONG=1: 100,000 short threads, more kills."""
import array
import collections
import glob
import json
import mmap
import os
import random
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap

CROWD = os.path.join(tap.BUILD, "tests", "stress", "crowd")
CAIRN = os.path.join(tap.BUILD, "cairn")
LONG = os.environ.get("CAIRN_LONG", "0") not in ("", "0")
HANDLER, PLAIN, MIX, LETTERS = 100000, -1, 0x9E3779B97F4A7C15, "abcdefghijklmnopqrstuvwxyz"

FORMS = {
    "rseq, 4 streams": {"CAIRN_STREAMS": "4"},
    "rseq only": {"CAIRN_PER_CPU": "1"},
    "shared, 4 streams": {"CAIRN_STREAMS": "4", "GLIBC_TUNABLES": "glibc.pthread.rseq=0"},
    "shared only": {"CAIRN_PER_CPU": "shared"},
}


def environment(folder, form, ring_kb, **more):
    return dict(os.environ, CAIRN_DIR=folder, CAIRN_TRACE="crowd:*", CAIRN_RING_KB=str(ring_kb), **FORMS[form], **more)


def region(folder):
    found = glob.glob(os.path.join(glob.escape(folder), "*.cairn"))
    tap.equal(len(found), 1, "files")
    return found[0]


def stat(path):
    tap.run([CAIRN, "check", path])
    return json.loads(subprocess.run([CAIRN, "stat", "--json", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout)


def account(path, emitted):
    j = stat(path)
    t = j["total"]
    tap.equal(t["decoded"] + t["lost"] + t["overwritten"] + j["lost_no_stream"], emitted,
              f"events accounted for: {t}, no stream {j['lost_no_stream']}")
    return j


def numbers(path):
    """{who: the numbers decoded, in the order of the report}; each record is checked to be whole."""
    out = collections.defaultdict(list)
    p = subprocess.Popen([CAIRN, "report", "-q", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    for line in p.stdout:
        if re.fullmatch(r"CPU:\d+ \[LOST \d+ EVENTS\]\n", line):
            continue
        plain = re.search(r"plain: a=(\d+) b=(\d+)$", line.rstrip("\n"))
        if plain:
            tap.equal(int(plain[2]), int(plain[1]) * MIX & (1 << 64) - 1, f"torn: {line!r}")
            out[PLAIN].append(int(plain[1]))
            continue
        m = re.search(r"who=(\d+) n=(\d+) mix=(\d+) ([a-z]*)$", line.rstrip("\n"))
        tap.check(m, f"not an event of ours: {line!r}")
        who, n = int(m[1]), int(m[2])
        tap.check(int(m[3]) == (n + who) * MIX & (1 << 64) - 1 and m[4] == LETTERS[n % 26:], f"torn: {line!r}")
        out[who].append(n)
    tap.equal(p.wait(), 0, "status of the report")
    return out


def crowd(form, ring_kb, **more):
    with tap.folder() as folder:
        text = tap.run([CROWD, "run", "200", "500"], env=environment(folder, form, ring_kb, **more))
        emitted = int(re.search(r"emitted (\d+)", text)[1])
        told = {int(w): int(n) for w, n in re.findall(r"thread (\d+) (\d+)", text)}
        path = region(folder)
        j = account(path, emitted)
        got = numbers(path)
        for who, ns in got.items():
            tap.check(all(a < b for a, b in zip(ns, ns[1:])), f"{who}: doubled or out of order: {ns}")
            tap.check(ns[0] >= 1 and ns[-1] <= told[who], f"{who}: numbers {ns[0]} .. {ns[-1]} of 1 .. {told[who]}")
        tap.equal(sum(len(ns) for ns in got.values()), j["total"]["decoded"], "records reported")
        tap.check(sum(n for w, n in told.items() if w >= HANDLER) > 20, "signals came")
        return j


def whole_crowd(form):
    j = crowd(form, 16384)
    tap.equal((j["total"]["lost"], j["total"]["overwritten"]), (0, 0), "lost, overwritten")
    if form.startswith("rseq"):
        tap.equal(j["lost_no_stream"], 0, "lost for want of a stream")


for name in FORMS:
    tap.add(f"{name}: 200 threads and signals, nothing lost, doubled or torn", whole_crowd, name)
    tap.add(f"{name}: 200 threads and signals while the rings overwrite", lambda f: tap.check(
        crowd(f, 64)["total"]["overwritten"] > 0, "nothing was overwritten"), name)
    tap.add(f"{name}: 200 threads and signals while the rings are full", lambda f: tap.check(
        crowd(f, 64, CAIRN_MODE="discard")["total"]["lost_by"]["full"] > 0, "nothing was refused"), name)


def short(form):
    with tap.folder() as folder:
        text = tap.run([CROWD, "short", "100000" if LONG else "2000"], env=environment(folder, form, 256), timeout=250)
        account(region(folder), int(re.search(r"emitted (\d+)", text)[1]))
        grown = int(re.search(r"grown (-?\d+)", text)[1])
        # what the threads of one moment need may not have been needed at once before
        tap.check(grown <= 20 * 16 + 1024, f"the process grew by {grown} KiB in the second half")


for name in FORMS:
    tap.add(f"{name}: short threads are accounted for, and leak nothing", short, name)


def killed(form, rounds):
    for _ in range(rounds):
        with tap.folder() as folder:
            told = os.path.join(folder, "told")
            with open(told, "wb") as f:
                f.truncate(8000)
            p = subprocess.Popen([CROWD, "forever", "60", told], env=environment(folder, form, 65536))
            time.sleep(0.05 + random.random() * 0.15)
            p.send_signal(signal.SIGKILL)
            p.wait(30)
            with open(told, "rb") as f, mmap.mmap(f.fileno(), 8000, prot=mmap.PROT_READ) as m:
                said = array.array("Q", m[:])
            j = stat(region(folder))
            tap.equal(j["total"]["overwritten"], 0, "overwritten: the ring is too small for this test")
            got = numbers(region(folder))
            missing = 0
            for who in range(60):
                ns = got.get(who, [])
                tap.check(len(set(ns)) == len(ns) and max(ns, default=0) <= said[who] + 1, f"{who}: invented or doubled, said {said[who]}")
                missing += said[who] - sum(1 for n in ns if n <= said[who])
            # those of handlers may be among the lost
            tap.check(missing <= j["total"]["lost"] + j["lost_no_stream"], f"{missing} events were acknowledged and are neither decoded nor lost: {j}")


for name in FORMS:
    tap.add(f"{name}: SIGKILL leaves every acknowledged event", killed, name, 100 if LONG else 3)


def sequences():
    """[(length of a restartable sequence, [offsets of its instructions])]"""
    told = [tuple(map(int, line.split())) for line in tap.run([CROWD, "sequences"]).splitlines()]
    instructions = [int(m[1], 16) for m in re.finditer(r"^ *([0-9a-f]+):\t", tap.run(["objdump", "-d", "--no-show-raw-insn", CROWD]), re.M)]
    out = []
    for start, length in told:
        out.append((length, [at - start for at in instructions if start <= at < start + length]))
        tap.check(out[-1][1] and out[-1][1][0] == 0, f"no instruction at {start:x}")
    return out


@tap.test("a breakpoint on every instruction of the restartable sequences aborts it, and nothing is lost, doubled or torn")
def _():
    tap.need("objdump")
    found = sequences()
    tap.check(found, "no restartable sequence in the program: another architecture?")
    words = sorted({f"{length}:{','.join(map(str, offsets))}" for length, offsets in found})
    tap.equal(len(words), len({length for length, _ in found}), "lengths that are those of one sequence, or of equal ones")
    with tap.folder() as folder:
        text = tap.run([CROWD, "trap"] + words, env=environment(folder, "rseq only", 65536))
        emitted = int(re.search(r"emitted (\d+)", text)[1])
        j = account(region(folder), emitted)
        tap.equal((j["total"]["lost"], j["total"]["overwritten"], j["lost_no_stream"]), (0, 0, 0), "lost, overwritten")
        got = numbers(region(folder))
        # strings of all lengths in turn with records of one length; a handler's events may come before the one that it interrupted
        tap.equal(sorted(got[0] + got[PLAIN]), list(range(1, emitted + 1)), "numbers")
        aborted, passed = map(int, re.search(r"aborted (\d+) passed (\d+)", text).groups())
        tap.equal(passed, 0, "traps inside a sequence that the kernel did not abort")
        tap.equal(aborted, sum(len(offsets) for _, offsets in found), f"aborts\n{text}")


tap.main()
