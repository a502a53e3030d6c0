#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 300
"""Streams that go on in other rings: the library itself resizes, takes snapshots, makes instances, clears and restarts the clock
(tests/unit/exchange_region.c). Each record carries its number, and the program says how many there were: what the command reads of the
region, and what it records meanwhile, must account for each number exactly once."""
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap

NOBODY = (1 << 64) - 1  # CAIRN_READER_NOBODY: the ring was given up, not claimed
CAIRN = os.path.join(tap.BUILD, "cairn")
PROGRAM = os.path.join(tap.BUILD, "tests/unit/exchange-region")
SEEDS = range(1, 7)
ALL = ("resize", "snapshot", "instance", "clear", "reset")


def cairn(*args, status=0):
    p = subprocess.run([CAIRN, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100, check=False)
    tap.equal(p.returncode, status, f"cairn {' '.join(args)}: {p.stderr[-600:]}")
    return p.stdout


class Truth:
    def __init__(self, text):
        self.main, self.instance, self.mark, self.cleared, self.resets = {}, {}, {}, 0, 0
        for line in text.splitlines():
            what, *n = line.split()
            if what in ("main", "instance", "mark"):
                getattr(self, what)[int(n[0])] = int(n[1])
            else:
                setattr(self, what, int(n[0]))


def emit(region, seed, steps, pause, *what):
    return Truth(tap.run([PROGRAM, region, str(seed), str(steps), str(pause), *what]))


def stat(trace, *options):
    return json.loads(cairn("stat", "--json", *options, trace))["cpus"]


def numbers(trace, *options):
    """Numbers of the records that are shown, by CPU, in the order of the report; losses shown, by CPU; the report's times."""
    found, lost, times = {0: [], 1: []}, {0: 0, 1: 0}, []
    for line in cairn("report", "--json", *options, trace).splitlines():
        o = json.loads(line)
        if "lost" in o:
            lost[o["cpu"]] += o["lost"]
            continue
        tap.equal(int(o["fields"]["cpu"]), o["cpu"], "CPU in the record")
        found[o["cpu"]].append(int(o["fields"]["n"]))
        times.append(o["time_ns"])
    tap.equal(times, sorted(times), "times of the report step back")
    return found, lost


def check_sums(trace, emitted, *options, before=None):
    """Every number from `before` (0) up to `emitted` is decoded once, in order, or counted as missing."""
    before = before or {0: 0, 1: 0}
    found, shown = numbers(trace, *options)
    for c in stat(trace, *options):
        cpu, got = c["cpu"], found[c["cpu"]]
        tap.check(all(a < b for a, b in zip(got, got[1:])), f"CPU {cpu}: numbers repeat or go back")
        tap.equal(len(got), c["decoded"], f"CPU {cpu}: records of report, against those of stat")
        tap.equal(c["unreadable"], 0, f"CPU {cpu}: unreadable")
        tap.equal(sum(c["lost_by"].values()) if "lost_by" in c else c["lost"], c["lost"], f"CPU {cpu}: lost, by cause")
        missing = c["lost"] + c["overwritten"]
        tap.equal(shown[cpu], missing, f"CPU {cpu}: losses that the report shows")
        tap.equal(len(got) + missing + c["consumed"], emitted[cpu] - before[cpu], f"CPU {cpu}: {options} decoded {len(got)}, missing {missing}")
        # what is missing between two records is where the numbers have a gap, and is shown there (by the sums: in total)
        if got:
            tap.check(before[cpu] <= got[0] and got[-1] < emitted[cpu], f"CPU {cpu}: {got[0]} .. {got[-1]} of {before[cpu]} .. {emitted[cpu]}")
    return found


def babeltrace(trace, folder, found, *options):
    ctf = os.path.join(folder, "ctf")
    shutil.rmtree(ctf, ignore_errors=True)
    cairn("convert", "--to", "ctf", *options, trace, "-o", ctf)
    if not shutil.which("babeltrace2"):
        return
    p = subprocess.run(["babeltrace2", "--clock-cycles", ctf], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100,
                       check=False)
    tap.equal(p.returncode, 0, f"babeltrace2: {p.stderr[-600:]}")
    for line in p.stderr.splitlines():
        tap.check(re.search(r"Tracer discarded (\d+) (events?|packets?)", line), f"babeltrace2 complains: {line}")
    got = {0: [], 1: []}
    for line in p.stdout.splitlines():
        got[int(re.search(r" cpu = (\d+), n = ", line)[1])].append(int(re.search(r" n = (\d+)", line)[1]))
    tap.equal(got, found, "numbers that babeltrace2 finds")


def after(what, options):
    for seed in SEEDS:
        with tap.folder() as folder:
            region = os.path.join(folder, "region")
            truth = emit(region, seed, 250, 0, *what)
            tap.check("fine" in cairn("check", *options, region), "cairn check")
            babeltrace(region, folder, check_sums(region, truth.main, *options), *options)
    tap.need("babeltrace2")  # else its part was left out


def instances():
    for seed in SEEDS:
        with tap.folder() as folder:
            region = os.path.join(folder, "region")
            truth = emit(region, seed, 300, 0, "instance", "resize", "snapshot")
            names = [b["name"] for b in json.loads(cairn("info", "--json", region))["regions"][0]["buffers"]]
            tap.equal("side" in names, bool(truth.instance), f"buffers of cairn info: {names}")
            if not truth.instance:
                cairn("stat", "-b", "side", region, status=1)
                continue
            everything = stat(region, "-b", "all")
            for cpu in (0, 1):
                rows = {c["buffer"]: c for c in everything if c["cpu"] == cpu}
                for buffer, emitted in (("main", truth.main), ("side", truth.instance)):
                    c = rows.get(buffer)
                    sum_of = c["decoded"] + c["lost"] + c["overwritten"] if c else 0
                    tap.equal(sum_of, emitted[cpu], f"CPU {cpu}: emitted to {buffer}")
            # a capture has the buffers' names, too
            capture = os.path.join(folder, "capture")
            cairn("record", "--region", region, "-o", capture, "-q", "-d", "0.1")
            tap.equal([b["name"] for b in json.loads(cairn("info", "--json", capture))["regions"][0]["buffers"]], names, "buffers of the capture")
            for c in stat(capture, "-b", "side"):
                sum_of = c["decoded"] + c["lost"] + c["overwritten"]
                tap.equal(sum_of, truth.instance[c["cpu"]], f"CPU {c['cpu']} of the capture: emitted to side")


def one_buffer():
    """Main's rings and its snapshot are two parts of one stream."""
    compared = 0
    for seed in SEEDS:
        with tap.folder() as folder:
            region = os.path.join(folder, "region")
            emit(region, seed, 120, 0, "snapshot")
            both, _ = numbers(region)
            main, _ = numbers(region, "-b", "main")
            text = cairn("info", region)
            if "given up" in text:  # shown while it is there, but nobody's
                continue
            part = numbers(region, "-b", "snapshot")[0] if "snapshot" in text else {0: [], 1: []}
            for cpu in (0, 1):
                tap.equal(part[cpu] + main[cpu], both[cpu], f"CPU {cpu}: snapshot, then main")
                compared += bool(part[cpu] and main[cpu])
    tap.check(compared > 0, "there never was something in both")


def clear_mark():
    hidden = 0
    for seed in SEEDS:
        with tap.folder() as folder:
            region = os.path.join(folder, "region")
            truth = emit(region, seed, 60, 0, "clear")
            check_sums(region, truth.main, "--all")
            whole, _ = numbers(region, "--all")
            shown, _ = numbers(region)
            for c in stat(region):
                cpu = c["cpu"]
                tap.equal(shown[cpu], whole[cpu][len(whole[cpu]) - len(shown[cpu]):], "what is shown is the end of what is there")
                first = truth.main[cpu] - c["decoded"] - c["overwritten"] - c["lost"]
                tap.check(not shown[cpu] or shown[cpu][0] >= first, f"CPU {cpu}: {shown[cpu][:1]} is before the mark at {first}")
                hidden += len(whole[cpu]) - len(shown[cpu])
    tap.check(hidden > 0, "nothing was ever hidden")


def mark_goes_along():
    """What was before the mark is not counted, also after the stream went on in other rings."""
    for seed in SEEDS:
        with tap.folder() as folder:
            region = os.path.join(folder, "region")
            truth = emit(region, seed, 150, 0, "clear", "resize", "resize")
            check_sums(region, truth.main, before=truth.mark)
            check_sums(region, truth.main, "--all")


def resets():
    with tap.folder() as folder:
        region = os.path.join(folder, "region")
        truth = emit(region, 3, 200, 0, "reset")
        tap.check(f"clock restarted {truth.resets} times" in cairn("info", region), "cairn info says how often")


def wait_for_region(region, program):
    """Its superblock is written last."""
    deadline = time.monotonic() + 20
    while not (os.path.exists(region) and open(region, "rb").read(16) == b"CAIRN-REGION\r\n\x1a\n"):
        tap.check(program.poll() is None and time.monotonic() < deadline, "the region never came")
        time.sleep(0.005)


def recorded(what):
    for seed in SEEDS:
        with tap.folder() as folder:
            region, capture = os.path.join(folder, "region"), os.path.join(folder, "capture")
            with subprocess.Popen([PROGRAM, region, str(seed), "400", "300", *what], stdout=subprocess.PIPE, text=True) as program:
                try:
                    wait_for_region(region, program)
                    cairn("record", "--region", region, "-o", capture, "-q")
                    truth = Truth(program.communicate(timeout=60)[0])
                finally:
                    program.kill()
            tap.check("fine" in cairn("check", capture), "cairn check of the capture")
            found = check_sums(capture, truth.main)
            babeltrace(capture, folder, found)
            check_sums(capture, truth.main, "--all")
            # the capture and what is left in the region, together: nothing twice
            tap.check("fine" in cairn("check", "--all", capture, region), "cairn check of capture and region")
            for c in json.loads(cairn("stat", "--json", "--all", capture, region))["cpus"]:
                tap.equal(c["decoded"] + c["lost"] + c["overwritten"] + c["consumed"], truth.main[c["cpu"]], f"both, CPU {c['cpu']}")
            claims = [c for c in readers(region) if c and c != NOBODY]
            tap.equal(claims, [], "claims that were not given back")
    tap.need("babeltrace2")


def readers(region):
    """The words `reader` of all control blocks."""
    with open(region, "rb") as f:
        data = f.read()
    for i in range(struct.unpack_from("<I", data, 28)[0]):
        kind, _, at, size = struct.unpack_from("<IIQQ", data, 512 + 32 * i)
        if kind == 4:
            count = struct.unpack_from("<I", data, 512 + 32 * i + 28)[0]
            return [struct.unpack_from("<Q", data, at + 512 * k + 256)[0] for k in range(count)]
    return []


tap.add("resizes: what is read of the region afterwards", after, ("resize",), ())
tap.add("snapshots", after, ("snapshot",), ())
tap.add("a clock that restarts", after, ("reset",), ())
tap.add("all of it, behind the clear mark", after, ALL, ("--all",))
tap.add("a ring that keeps the oldest", after, ("resize", "snapshot", "discard"), ())
tap.add("instances are buffers of their own", instances)
tap.add("one buffer of several", one_buffer)
tap.add("the clear mark hides what is before it, and nothing else", clear_mark)
tap.add("the clear mark goes along over resizes", mark_goes_along)
tap.add("info says how often the clock restarted", resets)
tap.add("recorded meanwhile: resizes and snapshots", recorded, ("resize", "snapshot"))
tap.add("recorded meanwhile: everything", recorded, ALL)
tap.add("recorded meanwhile, from rings that keep the oldest", recorded, ("resize", "snapshot", "discard"))
tap.main()
