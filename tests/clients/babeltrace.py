#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 300
"""babeltrace2 reads every CTF trace that Cairn writes: as many events as `cairn report` prints, and no complaint but intended losses."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../qemu"))
import guest
import tap

if not shutil.which("babeltrace2"):
    print("1..0 # SKIP babeltrace2 is not here")
    sys.exit(0)

EXAMPLES = os.path.join(guest.BUILD, "examples/user")


class Folder:
    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="cairn-bt-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
        return self.path

    def __exit__(self, *exc):
        shutil.rmtree(self.path, ignore_errors=True)


def read(trace, folder):
    """Convert, read by babeltrace2; (events, events reported as discarded)."""
    ctf = os.path.join(folder, "ctf")
    shutil.rmtree(ctf, ignore_errors=True)
    guest.cairn("convert", "--to", "ctf", trace, "-o", ctf)
    p = subprocess.run(["babeltrace2", ctf], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=200, check=False)
    tap.equal(p.returncode, 0, f"babeltrace2: {p.stderr[-800:]}")
    discarded = 0
    for line in p.stderr.splitlines():
        m = re.search(r"Tracer discarded (\d+) events?", line)
        tap.check(m or re.search(r"Tracer discarded (\d+) packets?", line), f"babeltrace2 complains: {line}")
        discarded += int(m[1]) if m else 0
    return p.stdout.count("\n"), discarded, p.stdout


def agree(trace, folder):
    events, discarded, text = read(trace, folder)
    lines = [l for l in guest.cairn("report", trace).splitlines() if not l.startswith("#") and not re.match(r"CPU:\d+ \[LOST", l)]
    tap.equal(events, len(lines), "events that babeltrace2 prints, against those of cairn report")
    said = json.loads(guest.cairn("stat", "--json", trace))["cpus"]
    tap.equal(events, sum(c["decoded"] for c in said), "events that babeltrace2 prints, against those of cairn stat")
    tap.check(events > 0, "the trace is empty")
    return said, discarded, text


def user(folder, **environment):
    """A run of examples/user/load; the region it leaves."""
    folder = tempfile.mkdtemp(dir=folder)
    subprocess.run([os.path.join(EXAMPLES, "load"), "1", "2"], check=True, stdout=subprocess.DEVNULL, timeout=60,
                   env=dict(os.environ, CAIRN_DIR=folder, CAIRN_TRACE="*:*", **environment))
    names = os.listdir(folder)
    tap.equal(len(names), 1, "regions of one process")
    return os.path.join(folder, names[0])


@tap.test("a program's region that wrapped: strings, arrays and sequences of every length")
def _():
    with Folder() as folder:
        said, _, text = agree(user(folder, CAIRN_RING_KB="256"), folder)
        tap.check(all(c["overwritten"] > 0 for c in said), "nothing was overwritten")
        tap.check('path = "/srv/cairn/index.html"' in text and 'path = ""' in text, "the strings are not there")
        tap.check("[3] =" in text and "sizes = [ ]" in text, "the sequences are not there")


@tap.test("a program's region that was full: the losses reported are the losses counted")
def _():
    with Folder() as folder:
        said, discarded, _ = agree(user(folder, CAIRN_RING_KB="256", CAIRN_MODE="discard"), folder)
        lost = sum(c["lost"] for c in said)
        tap.check(lost > 0, "nothing was lost")
        tap.equal(discarded, lost, "events that babeltrace2 calls discarded, against those of cairn stat")


def shapes(seed):
    """Every shape, in every order: also as the last record of a packet, where a reader runs out of it."""
    with Folder() as folder:
        os.mkdir(os.path.join(folder, "regions"), 0o700)
        subprocess.run([os.path.join(guest.BUILD, "tests/clients/shapes"), "20000", str(seed)], check=True, timeout=60,
                       env=dict(os.environ, CAIRN_DIR=os.path.join(folder, "regions"), CAIRN_TRACE="*:*", CAIRN_RING_KB="4096"))
        region = os.path.join(folder, "regions", os.listdir(os.path.join(folder, "regions"))[0])
        said, _, text = agree(region, folder)
        tap.equal(said[0]["emitted"], 20001, "events emitted (one is the task's name)")
        for part in ('s = "0123456789abcdefghijklmnopqrstuvwxyz 0123456789abcdefghijklmnopqrstuvwxyz"', "v = [ [0] = 1, [1] = 2, [2] = 3, [3] = "
                     "18446744073709551615", "w = [ [0] = 1, [1] = 65535 ]", 'name = "012345'):
            tap.contains(text, part, "babeltrace2's text")
        report = guest.cairn("report", region)
        for part in ("bits=one|two|four kind=0x3", "kind=some*/thing", "kind=no*\\/thing", 'kind=back\\slash "quote"', "v={0x1,0x2,0x3,0xffffffffffffffff}",
                     "bytes=30 31 32 33 34 name=012345", ": nothing: \n", "b=7000000049 c=-7"):
            tap.contains(report, part, "cairn report's text")


for shapes_seed in (1, 2, 3):
    tap.add(f"events of every shape, seed {shapes_seed}", shapes, shapes_seed)


@tap.test("a capture of several processes")
def _():
    with Folder() as folder:
        capture = os.path.join(folder, "run.cairn")
        hello = os.path.join(EXAMPLES, "hello")
        guest.cairn("record", "-o", capture, "--", "/bin/sh", "-c", f"{hello}; {hello}")
        events, _, text = read(capture, folder)
        tap.equal(text.count("hello:greeting"), 18, "greetings of two processes")
        tap.equal(events, 20, "greetings and the two processes' names")


@tap.test("the example kernel's capture")
def _():
    if guest.missing():
        raise tap.Skipped(guest.missing())
    with Folder() as folder, guest.Guest("trace=*:* seconds=1 ring_kb=4096") as g:
        g.wait()
        said, discarded, text = agree(g.ram, folder)
        tap.equal(discarded, 0, "events that babeltrace2 calls discarded")
        tap.check("sched:sched_switch" in text and "prev_comm = " in text, "no sched_switch in the text")


tap.main()
