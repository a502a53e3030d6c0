#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The verbs on fabricated regions: exact text, exact sums."""
import json
import os
import re
import shutil
import stat
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cli
import tap
from cli import cairn, expect, region


def events_of(text):
    return [l for l in text.splitlines() if not l.startswith("#") and not re.match(r"CPU:\d+ \[LOST", l)]


def lost_of(text):
    return sum(int(n) for n in re.findall(r"^CPU:\d+ \[LOST (\d+) EVENTS\]$", text, re.M))


def compare_sums(got, sums):
    tap.equal(len(got["cpus"]), len(sums["cpus"]), "number of CPUs")
    tap.equal(got["lost_no_stream"], sums["lost_no_stream"], "lost without a stream")
    tap.equal(got["refused"], sums["refused"], "events that nobody wanted")
    for want, have in zip(sums["cpus"], got["cpus"]):
        for key, value in want.items():
            tap.equal(have[key], value, f"CPU {want['cpu']}: {key}")


def sums_hold(scenario):
    file, sums = region(scenario)
    for verb in ("stat", "info"):
        status, out, err = cairn(verb, "--json", file)
        tap.equal(status, 0, f"status of {verb}: {err}")
        compare_sums(json.loads(out), sums)
    status, out, err = cairn("check", file)
    tap.equal(status, 0, f"status of check: {out}{err}")
    status, out, err = cairn("report", file)
    tap.equal(status, 0, f"status of report: {err}")
    tap.equal(len(events_of(out)), sum(sum(c["events"].values()) for c in sums["cpus"]), "lines of report")
    tap.equal(lost_of(out), sum(c["lost"] + c["overwritten"] for c in sums["cpus"]), "losses shown by report")


def capture_says_the_same(scenario):
    file, sums = region(scenario)
    if len({c["region"] for c in sums["cpus"]}) > 1:
        tap.skip("allowed: --region records one region")
    out = cli.path(scenario + ".capture")
    status, _, err = cairn("record", "--region", file, "-o", out, "-q", "-d", "0.05")
    tap.equal(status, 0, f"status of record: {err}")
    tap.equal(stat.S_IMODE(os.stat(out).st_mode), 0o600, "mode of the capture")
    status, text, err = cairn("check", out)
    tap.equal(status, 0, f"status of check: {text}{err}")
    compare_sums(json.loads(cairn("stat", "--json", out)[1]), sums)
    tap.equal(cairn("report", out)[1], cairn("report", file)[1], "report of the capture and of the region")


def ctf_reads(scenario):
    tap.need("babeltrace2")
    file, sums = region(scenario)
    out = cli.path("ctf")
    shutil.rmtree(out, ignore_errors=True)
    status, _, err = cairn("convert", "--to", "ctf", file, "-o", out)
    tap.equal(status, 0, f"status of convert: {err}")
    import subprocess
    bt = subprocess.run(["babeltrace2", out], capture_output=True, text=True, timeout=60, check=False)
    tap.equal(bt.returncode, 0, f"babeltrace2: {bt.stderr[-500:]}")
    said = 0
    for line in bt.stderr.splitlines():
        m = re.search(r"Tracer discarded (\d+) events", line)
        tap.check(m or re.search(r"Tracer discarded \d+ packets?", line), f"babeltrace2 complains: {line}")
        said += int(m[1]) if m else 0
    tap.equal(bt.stdout.count("\n"), sum(sum(c["events"].values()) for c in sums["cpus"]), "events by babeltrace2")
    tap.equal(said, sum(c["lost"] for c in sums["cpus"] if c["decoded"]), "losses by babeltrace2")


@tap.test("CTF of damaged packet headers: babeltrace2 reads as many events as report")
def _():
    tap.need("babeltrace2")
    import struct
    import subprocess
    file, _ = region("overwrite")
    with open(file, "rb") as f:
        good = f.read()
    packets = [i for i in range(0, len(good), 4096) if good[i:i + 4] == b"\xc1\x1f\xfc\xc1"]
    for at, bit in ((24, 10), (24, 54), (24, 63), (32, 10), (32, 44), (32, 54), (32, 63), (40, 40), (48, 3), (64, 60)):
        for packet in (packets[2], packets[-1], packets[-3]):
            data = bytearray(good)
            value, = struct.unpack_from("<Q", data, packet + at)
            struct.pack_into("<Q", data, packet + at, value ^ 1 << bit)
            with open(file, "wb") as f:
                f.write(data)
            out = cli.path("damaged.ctf")
            shutil.rmtree(out, ignore_errors=True)
            cairn("convert", "--to", "ctf", file, "-o", out)
            bt = subprocess.run(["babeltrace2", out], capture_output=True, text=True, timeout=60, check=False)
            what = f"bit {bit} of the word at {at} of the packet at {packet:#x}"
            tap.equal(bt.returncode, 0, f"babeltrace2, {what}: {bt.stderr[-300:]}")
            tap.equal(bt.stdout.count("\n"), len(events_of(cairn("report", file)[1])), f"events, {what}")


for _name in cli.SCENARIOS:
    tap.add(f"sums of {_name}", sums_hold, _name)
    tap.add(f"capture of {_name}", capture_says_the_same, _name)
    tap.add(f"CTF of {_name}", ctf_reads, _name)
tap.add("sums of guest-basic", sums_hold, "guest-basic")


@tap.test("text of report, info, stat, check")
def _():
    for scenario in ("basic", "lost_between", "causes", "discard", "two", "pending", "clock"):
        file, _ = region(scenario)
        for verb in ("report", "info", "stat", "check"):
            expect(f"{verb}-{scenario}", 0, verb, file)
    file, _ = region("basic")
    expect("report-json", 0, "report", "--json", "-n", "6", file)
    expect("report-options", 0, "report", "-q", "-c", "1", "-e", "sched_*", "-e", "file:open", file)
    expect("info-verbose", 0, "info", "-v", file)
    expect("stat-json", 0, "stat", "--json", region("causes")[0])


@tap.test("options and help")
def _():
    file, _ = region("basic")
    expect("help", 0, "help")
    expect("no-verb", 2)
    expect("version", 0, "--version")
    for verb in ("record", "report", "info", "stat", "check", "convert", "list", "clean"):
        expect(f"help-{verb}", 0, verb, "--help")
        tap.equal(cairn("help", verb)[1], cairn(verb, "--help")[1], f"help of {verb}")
    expect("verb-misspelt", 2, "reprot", file)
    expect("verb-unknown", 2, "frobnicate")
    expect("option-misspelt", 2, "report", "--lsat", "3", file)
    expect("option-value", 2, "report", "-n", "many", file)
    expect("event-misspelt", 2, "report", "-e", "sched:sched_swich", file)
    expect("event-unknown", 2, "report", "-e", "zzz:*", file)
    expect("no-file", 2, "info")
    expect("two-files", 0, "info", file, file)  # one region, each packet once
    expect("convert-two-files", 2, "convert", "--to", "ctf", file, file, "-o", "x")
    expect("convert-format", 2, "convert", "--to", "dat", file, "-o", "x")
    expect("record-nothing", 2, "record")


@tap.test("standard input and a closed pipe")
def _():
    file, _ = region("overwrite")
    with open(file, "rb") as f:
        data = f.read()
    tap.equal(cairn("report", "-", stdin=data)[1], cairn("report", file)[1], "report of standard input")
    import subprocess
    done = subprocess.run(f"{cli.CAIRN} report {file} | head -2", shell=True, capture_output=True, text=True, timeout=60, check=False)
    tap.check("pipe" not in done.stderr.lower(), f"a closed pipe is quiet: {done.stderr}")
    full = subprocess.run(f"{cli.CAIRN} report {file} > /dev/full", shell=True, capture_output=True, text=True, timeout=60, check=False)
    tap.equal(full.returncode, 1, "status when the disk is full")
    tap.contains(full.stderr, "No space left", "message")


@tap.test("convert replaces its own output and nothing else")
def _():
    file, _ = region("basic")
    out = cli.path("out")
    for _ in range(2):
        tap.equal(cairn("convert", "--to", "ctf", file, "-o", out)[0], 0, "status")
    two, _ = region("two")
    tap.equal(cairn("convert", "--to", "ctf", two, "-o", out)[0], 0, "status")
    tap.equal(sorted(os.listdir(out)), ["region-0", "region-1"], "directories of two regions")
    tap.equal(cairn("convert", "--to", "ctf", file, "-o", out + "/")[0], 0, "status")
    tap.equal(sorted(os.listdir(out)), ["metadata", "ring-0", "ring-1"], "files")
    other = cli.path("other")
    os.mkdir(other)
    with open(os.path.join(other, "letter"), "w", encoding="utf-8") as f:
        f.write("dear")
    status, _, err = cairn("convert", "--to", "ctf", file, "-o", other)
    tap.equal(status, 1, "status")
    tap.contains(err, "left as it is", "message")
    tap.equal(os.listdir(other), ["letter"], "files of others")
    tap.equal([n for n in os.listdir(cli.FOLDER.name) if n.startswith(("out.", "other."))], [], "leftovers")


tap.main()
