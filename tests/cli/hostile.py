#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 180
"""Files that lie: huge counts, rings that share packets, formats that eat memory, words torn in the middle of an update. Each ends soon,
in little memory, with the true numbers or with a fault that says why not."""
import json
import os
import random
import re
import resource
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cli
import mkregion as mk
import tap
from cli import cairn, region

RINGS, PACKETS = 4, 5


def written(name, data):
    file = cli.path(name)
    with open(file, "wb") as f:
        f.write(data)
    return file


class Image:
    """A built region, to be bent: superblock rows, control blocks, packets."""

    def __init__(self, g):
        self.data = bytearray(g.build())

    def row(self, kind):
        for i in range(struct.unpack_from("<I", self.data, 28)[0]):
            if struct.unpack_from("<I", self.data, 512 + 32 * i)[0] == kind:
                return 512 + 32 * i
        raise KeyError(kind)

    def place(self, kind):
        return struct.unpack_from("<Q", self.data, self.row(kind) + 8)[0]

    def put(self, at, fmt, *values):
        struct.pack_into(fmt, self.data, at, *values)

    def mended(self):
        """The superblock's checksum fits again."""
        struct.pack_into("<I", self.data, 20, 0)
        struct.pack_into("<I", self.data, 20, mk.crc32c(bytes(self.data[:1024])))
        return bytes(self.data)


def one_ring(slots=4, events=40, **words):
    g = mk.Region(cpus=1, **words)
    g.ring(slots)
    mk.fill(g, events)
    return g


def bounded(*words, seconds=10, megabytes=256):
    """Run the command in little memory and time; its status and stderr."""
    begin = time.monotonic()
    done = subprocess.run([cli.CAIRN, *words], capture_output=True, timeout=60, check=False, cwd=cli.FOLDER.name,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20)))
    err = done.stderr.decode(errors="replace")
    tap.check(done.returncode in (0, 1), f"status {done.returncode} of {words}: {err}")
    tap.check("out of memory" not in err, f"{words}: {err}")
    tap.check(time.monotonic() - begin < seconds, f"{words} took {time.monotonic() - begin:.1f} s")
    return done.returncode, err


@tap.test("a ring that claims 2^33 packets in a small file ends at once")
def _():
    image = Image(one_ring())
    image.put(32, "<Q", 1 << 47)
    image.put(image.row(PACKETS) + 16, "<Q", 1 << 46)
    image.put(image.place(RINGS) + 32, "<Q", (1 << 45) - 1)
    for at in (0, 16):
        image.put(image.place(RINGS) + at, "<Q", (1 << 45) + 88)
    image.put(image.place(RINGS) + 136, "<Q", 1 << 33)
    file = written("huge-ring", image.mended())
    for verb in ("check", "report", "stat", "info"):
        tap.equal(bounded(verb, file)[0], 1, f"status of {verb}")
    tap.equal(bounded("convert", "--to", "ctf", file, "-o", cli.path("huge.ctf"))[0], 1, "status of convert")
    os.truncate(file, 1 << 42)
    tap.equal(bounded("check", file)[0], 1, "status of check of a file full of holes")
    bounded("record", "-d", "0.1", "--region", file, "-o", cli.path("huge.capture"))


@tap.test("so does a stream that goes on in another such ring, and a region that is given twice")
def _():
    g = mk.Region(cpus=1, minor=1)
    old = g.ring(4)
    mk.fill(g, 40)
    g.succeed(old, 4, 1)
    image = Image(g)
    image.put(32, "<Q", 1 << 47)
    image.put(image.row(PACKETS) + 16, "<Q", 1 << 46)
    for i, retired in enumerate((1, 0)):
        at = image.place(RINGS) + 512 * i
        image.put(at + 32, "<Q", (1 << 44) - 1)
        for word in (0, 16):
            image.put(at + word, "<Q", (i + 1 << 44) + 88 - 88 * retired + retired)
        image.put(at + 136, "<Q", i + 1 << 32)
        image.put(at + 144, "<Q", image.place(PACKETS) + (i << 44))
    file = written("huge-rings", image.mended())
    for words in ((file,), (file, file)):
        for verb in ("check", "report", "stat", "info"):
            tap.equal(bounded(verb, *words)[0], 1, f"status of {verb} {words}")
    os.truncate(file, 1 << 42)
    tap.equal(bounded("check", file, file)[0], 1, "status of check of a file full of holes")


@tap.test("rings that share packets do not multiply events")
def _():
    g = one_ring()
    for _ in range(3):
        g.ring(4)
    image = Image(g)
    rings = image.place(RINGS)
    first = bytes(image.data[rings:rings + 512])
    for i in range(1, 4):
        image.data[rings + 512 * i:rings + 512 * i + 512] = first
    file = written("shared", image.mended())
    status, out, err = cairn("stat", "--json", file)
    tap.equal(status, 1, f"status: {err}")
    tap.equal(json.loads(out)["total"]["decoded"], 40, "decoded")
    tap.contains(err, "overlap", "message")


@tap.test("print formats cannot eat memory")
def _():
    table = ", ".join('{ %d, "" }' % i for i in range(1900))
    events = [mk.Event(20 + i, "a:e%d" % i, [mk.u32("x")], '"%%s", __print_symbolic(REC->x, %s)' % table + " " * 30000)
              for i in range(60)]
    g = mk.Region(cpus=1, events=events)
    g.ring().emit(5, events[0], 0, x=0)
    file = written("formats", g.build())
    status, err = bounded("info", "-v", file)
    tap.equal((status, "format" in err), (0, False), f"status, and a note about formats: {err}")


@tap.test("killed while it published: nothing is invented")
def _():
    g = mk.Region(cpus=1)
    r = g.ring(4)
    t = mk.fill(g, 60)
    r.emit(t + 1, mk.TICK, 5, pending=True, jiffies=1, cpu=0, drift=0, load=0)
    for i in range(60):
        r.emit(t + 2 + i, mk.ENTER, 5, id=i, args=[i] * 6)
    committed = len(r.records)
    r.total += r.unpublished[0][2]  # the closed packet is counted, `committed` has not moved yet
    file = written("publishing", g.build())
    status, out, err = cairn("stat", "--json", file)
    total = json.loads(out)["total"]
    tap.equal(status, 0, f"status: {err}")
    tap.equal((total["decoded"], total["overwritten"], total["emitted"]), (committed, 0, committed), "decoded, overwritten, emitted")
    capture = cli.path("publishing.capture")
    cairn("record", "-q", "-d", "0.05", "--region", file, "-o", capture)
    total = json.loads(cairn("stat", "--json", capture)[1])["total"]
    tap.equal((total["decoded"], total["overwritten"], total["emitted"]), (committed, 0, committed), "the same of a capture")


@tap.test("--last counts events, and shows the losses among them")
def _():
    file, _ = region("lost_between")
    events = [l for l in cairn("report", "-q", file)[1].splitlines()]
    for n in (0, 1, 5, 120, 1000):
        lines = cairn("report", "-q", "-n", str(n), file)[1].splitlines()
        kept = [l for l in lines if "[LOST" not in l]
        tap.equal(len(kept), min(n, 400), f"events of -n {n}")
        tap.equal(lines, events[len(events) - len(lines):], f"lines of -n {n}")
    tap.check(any("[LOST" in l for l in cairn("report", "-q", "-n", "120", file)[1].splitlines()), "losses")


@tap.test("a packet cannot invent losses, in CTF either")
def _():
    g = one_ring(4, 60)
    g.rings[0].poke(0, 64, "<Q", 1 << 62)
    file = written("inventor", g.build())
    tap.equal(json.loads(cairn("stat", "--json", file)[1])["total"]["lost"], 0, "lost")
    out = cli.path("inventor.ctf")
    cairn("convert", "--to", "ctf", file, "-o", out)
    with open(os.path.join(out, "ring-0"), "rb") as f:
        data = f.read()
    at = 0
    while at < len(data):
        tap.equal(struct.unpack_from("<Q", data, at + 64)[0], 0, f"events_discarded at {at}")
        at += struct.unpack_from("<Q", data, at + 48)[0] // 8


@tap.test("convert says what is missing")
def _():
    file, sums = region("discard")
    _, _, err = cairn("convert", "--to", "ctf", file, "-o", cli.path("missing.ctf"))
    tap.contains(err, f"{sum(c['lost'] for c in sums['cpus'])} lost", "message")
    tap.contains(err, "11 lost without a stream", "message")


@tap.test("a file's name cannot drive the terminal")
def _():
    file, _ = region("basic", "a\x1b[31mb")
    for verb in ("report", "info", "stat", "check"):
        _, out, err = cairn(verb, file)
        tap.check("\x1b" not in out + err, f"{verb} prints an escape of the file's name")


@tap.test("JSON is JSON whatever the names are")
def _():
    evil = 'x"\\\x01\x7f\xc2\x9b\xff\u202e{}'.encode("latin-1", "replace")[:15]
    g = mk.Region(cpus=1, name='n"\\\n', events=[mk.SWITCH, mk.OPEN])
    r = g.ring(4)
    for i in range(5):
        r.emit(10 + i, mk.SWITCH, 7, prev_comm=evil, prev_pid=7, prev_prio=1, prev_state=1, next_comm=evil[::-1], next_pid=8, next_prio=1)
        r.emit(10 + i, mk.OPEN, 8, flags=1, path=bytes(range(1, 256)) + b"\0", fd=1, modes=b"")
    file = written('evil"\\', g.build())
    for verb in ("info", "stat", "check"):
        json.loads(cairn(verb, "--json", file)[1])
    rows = [json.loads(line) for line in cairn("report", "--json", file)[1].splitlines()]
    tap.equal(len(rows), 10, "rows")
    text = cairn("report", "-q", file)[1]
    tap.check(not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text), "control characters in the text")
    tap.contains(text, "\\x1b", "text")


@tap.test("a CPU that the trace does not have")
def _():
    file, _ = region("basic")
    status, out, err = cairn("report", "-c", "9", file)
    tap.equal((status, out), (2, ""), "status and stdout")
    tap.contains(err, "no CPU 9", "message")
    # two recordings of one program, of which the one that knows most has fewer of its threads
    names = []
    for rings, events in ((1, 60), (2, 20)):
        g = mk.Region(cpus=8, flags=mk.USER)
        for _ in range(rings):
            g.ring()
        mk.fill(g, events)
        names.append(written(f"thread-{rings}", g.build()))
    status, out, err = cairn("report", "-q", "-c", "1", *names)
    tap.equal((status, "[001]" in out), (0, True), f"CPU 1 of both: {out}{err}")


@tap.test("captures and traces are not written to standard output, devices or the input")
def _():
    file, _ = region("basic")
    os.mkfifo(cli.path("pipe"))
    for out, status in (("-", 2), (cli.path("pipe"), 1), (file, 1)):
        got, _, err = cairn("record", "--region", file, "-d", "0.05", "-o", out)
        tap.equal(got, status, f"status of record -o {out}: {err}")
    tap.equal(cairn("convert", "--to", "ctf", file, "-o", "-")[0], 2, "status of convert -o -")
    tap.equal(os.stat(cli.path("pipe")).st_mode >> 12, 1, "the pipe is a pipe still")
    tap.equal(cairn("check", file)[0], 0, "the region is there still")


@tap.test("damaged captures and regions of a real program: a fault or the truth, never a crash")
def _():
    load = os.path.join(tap.BUILD, "examples", "user", "load")
    if not os.path.exists(load):
        tap.skip("allowed: the example is not built")
    rng = random.Random(5)
    directory = cli.path("real")
    os.mkdir(directory, 0o700)
    subprocess.run([load, "1", "2"], env=dict(os.environ, CAIRN_DIR=directory, CAIRN_TRACE="*:*", CAIRN_RING_KB="64"), check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    inputs = [os.path.join(directory, n) for n in os.listdir(directory)]
    inputs.append(cli.path("real.capture"))
    cairn("record", "-q", "-d", "0.1", "--region", inputs[0], "-o", inputs[-1])
    for i in range(int(os.environ.get("DAMAGE_ROUNDS", "16"))):
        with open(inputs[i % len(inputs)], "rb") as f:
            data = bytearray(f.read())
        for _ in range(rng.randrange(1, 20)):
            at = rng.choice((rng.randrange(len(data)), rng.randrange(min(len(data), 131072)), rng.randrange(0, len(data), 4096)
                             + rng.randrange(96)))
            data[at % len(data)] ^= 1 << rng.randrange(8)
        if i % 4 == 0:
            del data[rng.randrange(len(data)):]
        if i % 2 and len(data) > 1024:
            struct.pack_into("<I", data, 20, 0)
            struct.pack_into("<I", data, 20, mk.crc32c(bytes(data[:1024])))
        name = written("mutant", data)
        for words in (("report",), ("stat",), ("info",), ("check",), ("report", "--json"), ("convert", "--to", "ctf", "-o", cli.path("mutant.ctf"))):
            status, _, err = cairn(words[0], name, *words[1:], timeout=30)
            tap.check(status in (0, 1), f"round {i}: status {status} of {words}: {err}")
            tap.check(status == 0 or err.startswith("cairn: "), f"round {i}: {words} fails without a word: {err}")


tap.main()
