#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 120
"""Recordings that are cut into files by size and time: each file a complete trace with exact sums, all together the whole; in both modes, with
one process and several, from a program and from a region."""
import json
import os
import random
import re
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cli
import tap
from cli import cairn, expect, region

PACE = os.path.join(tap.BUILD, "tests", "stress", "pace")
WRITER = os.path.join(tap.BUILD, "tests/cli/cli-writer")


def files(stem="cut"):
    return sorted(os.path.join(cli.FOLDER.name, n) for n in os.listdir(cli.FOLDER.name) if re.fullmatch(stem + r"\.\d{6,}\.cairn", n))


def clear():
    for f in files():
        os.remove(f)


def stat(*names):
    status, out, err = cairn("stat", "--json", *names)
    tap.equal(status, 0, f"status of stat: {err}")
    return json.loads(out)


def record(*words, env=None):
    clear()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CAIRN_")} | (env or {})
    done = subprocess.run([cli.CAIRN, "record", "-o", cli.path("cut.cairn"), *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60, check=False, env=environment)
    tap.equal(done.returncode, 0, f"status of record: {done.stderr}")
    tap.equal([n for n in os.listdir(cli.FOLDER.name) if n.startswith("cut.cairn.")], [], "temporaries left behind")
    return sum(int(n) for n in re.findall(r"emitted (\d+)", done.stdout)), done.stderr


def steps(j):
    return sum(e["count"] for e in j["events"] if e["name"] == "pace:step")


def sums_add_up(names, emitted):
    """Each file alone is sound and its sums those of its own time; they add up to the whole, which all of them together give at once."""
    whole, each = stat(*names), [stat(f) for f in names]
    for f in names:
        status, out, err = cairn("check", f)
        tap.equal((status, err), (0, ""), f"check of {f}: {out}")
    for key in ("decoded", "lost", "overwritten", "emitted", "packets", "bytes"):
        tap.equal(sum(j["total"][key] for j in each), whole["total"][key], f"{key}: of the files, of all together")
    for cause in whole["total"]["lost_by"]:
        tap.equal(sum(j["total"]["lost_by"][cause] for j in each), whole["total"]["lost_by"][cause], f"lost, {cause}")
    others = sum(e["count"] for e in whole["events"] if e["name"] != "pace:step")
    tap.equal(whole["total"]["emitted"] + whole["lost_no_stream"] - others, emitted, f"emitted: {whole['total']}")
    return whole, each


@tap.test("by size, lossless: every file is complete, nothing is missing, twice or called overwritten")
def _():
    emitted, err = record("--lossless", "-e", "pace:*", "--max-size", "2M", "--", PACE, "2", "200000", "0.6")
    names = files()
    tap.check(len(names) >= 3, f"files: {names}; {err}")
    whole, each = sums_add_up(names, emitted)
    tap.equal((whole["total"]["lost"], whole["total"]["overwritten"]), (0, 0), "lost, overwritten")
    for f, j in zip(names, each):
        tap.equal(j["total"]["lost"] + j["total"]["overwritten"], 0, f"missing in {f}")
        tap.check(os.path.getsize(f) <= 2 << 20, f"{f} has {os.path.getsize(f)} bytes")
    # one report of all, in any order and with one of them twice, shows each event once
    text = cairn("report", "--json", "-e", "pace:*", *reversed(names), names[0])[1]
    numbers = {}
    for row in map(json.loads, text.splitlines()):
        tap.check("lost" not in row, f"a loss in the report: {row}")
        tap.equal(row["fields"]["number"], numbers.get(row["pid"], -1) + 1, "next number")
        numbers[row["pid"]] = row["fields"]["number"]
    tap.equal(sum(n + 1 for n in numbers.values()), emitted, "events of the report")
    # a file that is not given is said, and neither lost nor overwritten
    status, out, err = cairn("stat", "--json", names[0], names[2])
    total = json.loads(out)["total"]
    tap.equal((total["lost"], total["overwritten"]), (0, 0), "lost, overwritten without the second file")
    tap.equal(total["elsewhere"], each[1]["total"]["decoded"], "events of the file that was not given")
    tap.contains(err, f"{total['elsewhere']} in files that were not given", "message")
    status, out, err = cairn("check", names[0], cli.path("absent"), names[1])
    tap.equal(status, 1, "status with a file that is not there")
    tap.contains(err, "absent: No such file or directory; left it out", "message")
    tap.contains(out, f"{each[0]['total']['decoded'] + each[1]['total']['decoded']} events", "what is kept")


@tap.test("by size, losing: each loss is told in one file")
def _():
    emitted, _ = record("--lossless", "-e", "pace:*", "--max-size", "1M", "--keep", "1000", "--", PACE, "2", "0", "0.15",
                        env={"CAIRN_RING_KB": "64"})
    whole, _ = sums_add_up(files(), emitted)
    tap.check(whole["total"]["lost"] > 0, "nothing was lost: this test shows nothing")


@tap.test("by size, rings that overwrite: what was overwritten is told in one file")
def _():
    emitted, _ = record("-e", "pace:*", "--max-size", "1M", "--", PACE, "2", "0", "0.15", env={"CAIRN_RING_KB": "64"})
    whole, _ = sums_add_up(files(), emitted)
    tap.check(whole["total"]["overwritten"] > 0, "nothing was overwritten: this test shows nothing")
    tap.equal(whole["total"]["lost"], 0, "lost")


@tap.test("by time, several processes that come and go")
def _():
    script = f"{PACE} 1 100000 0.3 & {PACE} 2 50000 0.6 & sleep 0.2; {PACE} 1 100000 0.2; wait"
    emitted, err = record("--lossless", "-e", "pace:*", "--max-time", "0.2", "--", "sh", "-c", script)
    names = files()
    tap.check(2 <= len(names) <= 6, f"files: {names}; {err}")
    whole, _ = sums_add_up(names, emitted)
    tap.equal(whole["total"]["lost"], 0, "lost")
    tap.equal(len(json.loads(cairn("info", "--json", *names)[1])["regions"]), 3, "regions of all files together")


@tap.test("the newest are kept; later recordings go on counting")
def _():
    record("--lossless", "-e", "pace:*", "--max-size", "1M", "--keep", "2", "--", PACE, "2", "200000", "0.5")
    first = files()
    tap.equal(len(first), 2, f"files: {first}")
    number = int(first[-1].split(".")[-2])
    tap.check(number > 3, f"the last number is {number}")
    for f in first:
        total = stat(f)["total"]
        tap.equal((total["lost"], total["overwritten"]), (0, 0), f"lost, overwritten in {f}")
    done = subprocess.run([cli.CAIRN, "record", "-q", "-o", cli.path("cut.cairn"), "--max-size", "10M", "--keep", "2", "-e", "pace:*", "--", PACE, "1", "1000", "0.1"],
                          capture_output=True, text=True, timeout=60, check=False)
    tap.equal((done.returncode, done.stderr), (0, ""), "status, stderr")
    tap.equal(files(), [first[-1], cli.path(f"cut.{number + 1:06}.cairn")], "files after one more recording")


@tap.test("a region, cut by size, stopped by a signal")
def _():
    if not os.path.exists(WRITER):
        tap.skip("allowed: cli-writer is not built")
    clear()
    file, _ = region("live")
    recorder = subprocess.Popen([cli.CAIRN, "record", "--region", file, "-o", cli.path("cut.cairn"), "--max-size", "300K"], stderr=subprocess.PIPE, text=True)
    try:
        tap.run([WRITER, file, "30000", "5000"])
        _, err = recorder.communicate(timeout=30)
    finally:
        recorder.kill()
    tap.equal(recorder.returncode, 0, f"status: {err}")
    names = files()
    tap.check(len(names) >= 3, f"files: {names}")
    for cpu in stat(*names)["cpus"]:
        tap.equal(cpu["emitted"], 30000, f"emitted on CPU {cpu['cpu']}")
    tap.equal(sum(stat(f)["total"]["emitted"] for f in names), 60000, "emitted, file by file")


@tap.test("a recording that cannot get its name: what was consumed stays, and is named")
def _():
    clear()
    out = cli.path("unplaced.cairn")
    status, _, err = cairn("record", "-q", "--lossless", "-e", "pace:*", "-o", out, "--", "sh", "-c",
                           f"{PACE} 1 100000 0.05; mkdir {out}")
    tap.equal(status, 1, f"status: {err}")
    kept = re.search(r"(\S+): kept what was recorded", err)
    tap.check(kept, f"no word of what is kept: {err}")
    tap.check(steps(stat(kept[1])) > 0, f"events of {kept[1]}")
    os.rmdir(out)
    os.unlink(kept[1])


@tap.test("nothing to record makes no second file")
def _():
    clear()
    file, _ = region("basic")
    done = subprocess.run([cli.CAIRN, "record", "-q", "--region", file, "-o", cli.path("cut.cairn"), "--max-time", "0.05", "-d", "0.4"], timeout=30, check=False)
    tap.equal(done.returncode, 0, "status")
    tap.equal(len(files()), 1, f"files: {files()}")


@tap.test("a recorder that is stopped in the middle leaves complete files")
def _():
    clear()
    recorder = subprocess.Popen([cli.CAIRN, "record", "--lossless", "-e", "pace:*", "-o", cli.path("cut.cairn"), "--max-size", "1M", "--", PACE, "1", "300000", "20"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        until = time.monotonic() + 20
        while len(files()) < 2 and time.monotonic() < until:
            time.sleep(0.01)
        recorder.send_signal(signal.SIGTERM)
        recorder.communicate(timeout=30)
    finally:
        recorder.kill()
    names = files()
    tap.check(len(names) >= 2, f"files: {names}")
    status, out, err = cairn("check", *names)
    tap.equal(status, 0, f"check: {out}{err}")


@tap.test("CTF of each file: babeltrace2 sees that file's events and losses")
def _():
    tap.need("babeltrace2")
    record("--lossless", "-e", "pace:*", "--max-size", "2M", "--", PACE, "1", "0", "0.1", env={"CAIRN_RING_KB": "64"})
    lost = []
    for f in files()[:3]:
        out = cli.path("cut.ctf")
        tap.equal(cairn("convert", "--to", "ctf", f, "-o", out)[0], 0, "status of convert")
        bt = subprocess.run(["babeltrace2", out], capture_output=True, text=True, timeout=60, check=False)
        tap.equal(bt.returncode, 0, f"babeltrace2: {bt.stderr[-300:]}")
        total = stat(f)["total"]
        tap.equal(bt.stdout.count("\n"), total["decoded"], f"events of {f}")
        said = sum(int(n) for n in re.findall(r"Tracer discarded (\d+) events", bt.stderr))
        tap.equal(said, total["lost"], f"losses of {f} by babeltrace2")
        lost.append(said)
    tap.check(sum(lost) > 0, "nothing was lost: this test shows nothing")


def discarded(stream):
    """events_discarded of the packets of a CTF stream."""
    with open(stream, "rb") as f:
        data = f.read()
    at, found = 0, []
    while at < len(data):
        found.append(struct.unpack_from("<Q", data, at + 64)[0])
        at += struct.unpack_from("<Q", data, at + 48)[0] // 8
    return found


@tap.test("CTF of a trace that a file is missing from: the losses that are told there are not counted")
def _():
    record("--lossless", "-e", "pace:*", "--max-size", "500K", "--", PACE, "1", "0", "0.2", env={"CAIRN_RING_KB": "64"})
    names, both, out = files(), cli.path("gap.cairn"), cli.path("gap.ctf")
    gap = next((i for i in range(1, len(names) - 1) if stat(names[i])["total"]["lost"]), 0)
    tap.check(gap, f"nothing was lost in the middle of {names}: this test shows nothing")
    with open(both, "wb") as f:
        for name in (names[gap - 1], names[gap + 1]):
            with open(name, "rb") as part:
                f.write(part.read())
    tap.equal(cairn("convert", "--to", "ctf", both, "-o", out)[0], 0, "status of convert")
    for stream in (s for s in os.listdir(out) if s.startswith("ring-")):
        told = discarded(os.path.join(out, stream))
        tap.equal(told, sorted(told), f"events_discarded of {stream}")
        tap.equal(told[-1], stat(both)["total"]["lost"], f"losses of {stream}")


@tap.test("damaged files read together: a fault or the truth, and no event twice")
def _():
    emitted, _ = record("--lossless", "-e", "pace:*", "--max-size", "500K", "--", PACE, "1", "150000", "0.25", env={"CAIRN_RING_KB": "64"})
    names, rng = files()[:4], random.Random(7)
    good = [open(f, "rb").read() for f in names]
    for i in range(int(os.environ.get("DAMAGE_ROUNDS", "25"))):
        for f, data in zip(names, good):
            data = bytearray(data)
            for _ in range(rng.randrange(0, 8)):
                at = rng.choice((rng.randrange(len(data)), rng.randrange(512, 20480), rng.randrange(0, len(data), 4096) + rng.randrange(96)))
                data[at % len(data)] ^= 1 << rng.randrange(8)
            if rng.randrange(6) == 0:
                del data[rng.randrange(len(data)):]
            struct.pack_into("<I", data, 20, 0) if len(data) > 1024 else None
            struct.pack_into("<I", data, 20, cli.mkregion.crc32c(bytes(data[:1024]))) if len(data) > 1024 else None
            with open(f, "wb") as out:
                out.write(data)
        order = rng.sample(names, len(names))
        status, out, err = cairn("stat", "--json", *order, timeout=30)
        tap.check(status in (0, 1), f"round {i}: status {status}: {err}")
        tap.check(status == 0 or err.startswith("cairn: "), f"round {i}: fails without a word: {err}")
        if not out:
            continue
        total = json.loads(out)["total"]
        tap.check(steps(json.loads(out)) <= emitted, f"round {i}: events were invented: {total}")
        text = cairn("report", "-q", *order, timeout=30)[1]
        shown = sum(int(n) for n in re.findall(r"^CPU:\d+ \[LOST (\d+) EVENTS\]$", text, re.M))
        tap.equal(shown, total["lost"] + total["overwritten"] + total["unreadable"], f"round {i}: losses shown, and counted: {total}")


@tap.test("sizes and numbers that cannot be are refused with one message")
def _():
    for words in (("--max-size", "0"), ("--max-size", "1"), ("--max-size", "-5"), ("--max-size", "10Q"), ("--max-size", "99999999999999999999"),
                  ("--max-size", "9999999T"), ("--max-size", "1MM"), ("--max-time", "0"), ("--max-time", "-1"), ("--max-time", "x"),
                  ("--max-size", "1M", "--keep", "0"), ("--max-size", "1M", "--keep", "-1"), ("--keep", "3")):
        status, out, err = cairn("record", "-o", "x.cairn", *words, "--", "true")
        tap.equal((status, out), (2, ""), f"status and stdout of {words}")
        said = [line for line in err.splitlines() if line.startswith("cairn: record:")]
        tap.equal(len(said), 1, f"messages of {words}: {err}")
    expect("record-size", 2, "record", "--max-size", "0", "--", "true")
    for kb in ("0", "1", "99999999999", "x"):
        done = subprocess.run([cli.CAIRN, "record", "-q", "-e", "pace:*", "-o", cli.path("kb.cairn"), "--", PACE, "1", "1000", "0.01"], timeout=30, check=False,
                              env=dict(os.environ, CAIRN_RING_KB=kb), capture_output=True, text=True)
        tap.equal(done.returncode, 0, f"status with CAIRN_RING_KB={kb}: {done.stderr}")
        tap.equal(len(done.stderr.splitlines()), 1, f"lines on stderr with CAIRN_RING_KB={kb}: {done.stderr}")
        tap.contains(done.stderr, f"CAIRN_RING_KB={kb}: not a number in", "message")


tap.main()
