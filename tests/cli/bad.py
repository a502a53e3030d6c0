#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Bad input: one line that says where and what, status 1, never a crash, a hang or output that pretends."""
import os
import random
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cli
import tap
from cli import cairn, expect, region

READERS = ("report", "info", "stat", "check")


def every_reader(file, *words):
    """Each verb says no in one line."""
    for verb in READERS:
        status, out, err = cairn(verb, file)
        tap.equal(status, 1, f"status of {verb}: {err}")
        tap.equal(out, "", f"stdout of {verb}")
        tap.equal(len(err.splitlines()), 1, f"lines on stderr of {verb}:\n{err}")
        for word in (verb, *words):
            tap.contains(err, word, f"message of {verb}")
    out = cli.path("bad-out")
    status, _, err = cairn("convert", "--to", "ctf", file, "-o", out)
    tap.equal(status, 1, f"status of convert: {err}")
    tap.check(not os.path.exists(out), "convert left something behind")


def written(name, data):
    file = cli.path(name)
    with open(file, "wb") as f:
        f.write(data)
    return file


@tap.test("files that are no trace")
def _():
    every_reader(written("empty", b""), "is empty")
    every_reader(written("text", b"hello\n" * 1000), "no region of Cairn's")
    every_reader(written("zeros", bytes(1 << 20)), "no region of Cairn's")
    every_reader(cli.FOLDER.name, "is a directory")
    every_reader(cli.path("absent"), "No such file")
    every_reader("/dev/zero", "neither a file nor a pipe")
    sparse = written("sparse", b"")
    os.truncate(sparse, 1 << 40)
    every_reader(sparse, "no region of Cairn's")


@tap.test("a superblock alone, damaged, of the future")
def _():
    file, _ = region("basic")
    with open(file, "rb") as f:
        data = f.read()
    every_reader(written("magic", data[:16]), "superblock")
    every_reader(written("half", data[:700]), "superblock is cut")
    broken = bytearray(data[:-4096])
    broken[100] ^= 1
    every_reader(written("crc", broken), "offset 0x0", "checksum")
    future = bytearray(data[:-4096])
    struct.pack_into("<H", future, 16, 2)
    struct.pack_into("<I", future, 20, 0)
    struct.pack_into("<I", future, 20, cli.mkregion.crc32c(bytes(future[:1024])))
    every_reader(written("future", future), "major version")


@tap.test("the copy of the superblock is used, and that is said")
def _():
    file, _ = region("basic")
    with open(file, "r+b") as f:
        f.write(bytes(600))
    status, out, err = cairn("report", file)
    tap.equal(status, 1, "status")
    tap.equal(len([l for l in out.splitlines() if not l.startswith("#")]), 40, "events")
    tap.contains(err, "its copy at 0x", "message")


def cut(scenario, capture):
    file, sums = region(scenario)
    if capture:
        out = cli.path("cut.capture")
        cairn("record", "--region", file, "-o", out, "-q")
        file = out
    with open(file, "rb") as f:
        data = f.read()
    emitted = sum(c["emitted"] for c in sums["cpus"])
    places = {1, 15, 16, 1023, 1024, 4095, 4096, 4097, len(data) // 2, len(data) - 1, len(data) - 4095}
    places |= {n * len(data) // 23 for n in range(1, 23)}
    for at in sorted(places):
        name = written("cut", data[:at])
        for verb in READERS:
            status, out, err = cairn(verb, name)
            tap.equal(status, 1, f"{verb} of {at} of {len(data)} bytes: {err}{out}")
            tap.check(err, f"{verb} of {at} bytes says nothing")
        lines = [l for l in cairn("report", "-q", name)[1].splitlines() if not l.startswith("CPU:") and "unknown_" not in l]
        tap.check(len(lines) <= emitted, f"{len(lines)} events out of {emitted}")


tap.add("cut regions", cut, "overwrite", False)
tap.add("cut captures", cut, "overwrite", True)


@tap.test("one damaged packet costs no other")
def _():
    file, sums = region("big_packets")
    whole = len(cairn("report", "-q", file)[1].splitlines())
    with open(file, "rb") as f:
        data = bytearray(f.read())
    places = [i for i in range(0, len(data), 4096) if data[i:i + 4] == b"\xc1\x1f\xfc\xc1"]
    tap.equal(len(places), 4, "packets")
    struct.pack_into("<H", data, places[1] + 88 + 6, 4999)  # the first record's id
    name = written("one-bad", data)
    status, out, err = cairn("report", "-q", name)
    tap.equal(status, 1, "status")
    tap.contains(out, "unknown_4999(", "report")
    tap.contains(err, "ring 0 packet 1: offset 0x", "message")
    good = len([l for l in out.splitlines() if "unknown_" not in l and "LOST" not in l])
    tap.check(whole // 2 < good < whole, f"{good} of {whole} events are left")
    import json
    total = json.loads(cairn("stat", "--json", name)[1])["total"]
    tap.equal(total["emitted"], sum(c["emitted"] for c in sums["cpus"]), "emitted")
    tap.equal(total["unreadable"], total["emitted"] - good, "unreadable")


@tap.test("what check says about damage")
def _():
    file, _ = region("overwrite")
    with open(file, "rb") as f:
        data = bytearray(f.read())
    places = [i for i in range(0, len(data), 4096) if data[i:i + 4] == b"\xc1\x1f\xfc\xc1"]
    for n, (offset, value) in enumerate([(0, 1), (5, 1), (24, 1 << 60), (40, 12345), (48, 8), (56, 77), (72, 1 << 50), (80, 9)]):
        struct.pack_into("<Q", data, places[n] + offset, value) if offset not in (0, 5, 80) else data.__setitem__(places[n] + offset, value)
    name = written("damaged.region", data)
    expect("check-damaged", 1, "check", name)


@tap.test("flipped bits")
def _():
    rng = random.Random(4)
    for scenario in ("basic", "overwrite", "discard", "two", "closed_pending"):
        file, sums = region(scenario)
        with open(file, "rb") as f:
            good = f.read()
        emitted = sum(c["emitted"] for c in sums["cpus"])
        for i in range(25):
            data = bytearray(good)
            for _ in range(1 + i % 5):
                at = rng.randrange(len(data)) if i % 2 else rng.randrange(0, len(data), 4096) + rng.randrange(96)
                data[at % len(data)] ^= 1 << rng.randrange(8)
            name = written("flipped", data)
            status, out, err = cairn(READERS[i % 4], name, timeout=20)
            tap.check(status in (0, 1), f"status {status} of {READERS[i % 4]}: {err}")
            tap.check(status == 0 or err, "a fault without a word")
            lines = [l for l in cairn("report", "-q", name)[1].splitlines() if "LOST" not in l and "unknown_" not in l]
            tap.check(len(lines) <= emitted, f"{len(lines)} events out of {emitted}")


@tap.test("names and strings cannot drive the terminal")
def _():
    file, _ = region("basic")
    _, out, _ = cairn("report", file)
    tap.contains(out, "sh\\x1b[31m-101", "an escape in a name")
    for verb in READERS:
        _, out, err = cairn(verb, file)
        tap.check(not any(ord(c) < 32 and c not in "\n" for c in out + err), f"{verb} prints a control character")


tap.main()
