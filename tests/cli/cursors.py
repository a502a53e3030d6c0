#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 180
"""The reader's words of a live region: who may read, who takes over from whom, and what happens when they are lies. Whatever stands there, the
target accounts for each of its events, and the command neither hangs nor dies."""
import atexit
import glob
import json
import mmap
import os
import random
import re
import resource
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cli
import tap
from cli import cairn, region

PACE = os.path.join(tap.BUILD, "tests", "stress", "pace")
SCENES = os.path.join(tap.BUILD, "tests", "stress", "scenes")
WRITER = os.path.join(tap.BUILD, "tests/cli/cli-writer")
SEED = int(os.environ.get("CURSOR_SEED", "1"))
print(f"# CURSOR_SEED={SEED}")
READER, CONSUMED, START = 256, 264, 320  # in a control block of 512 bytes
OUTSIDE = 1 << 63
NOBODY = (1 << 64) - 1  # CAIRN_READER_NOBODY


def environment(**more):
    return {k: v for k, v in os.environ.items() if not k.startswith("CAIRN_")} | more


def start(*words_, **options):
    """A process that does not outlive this script, whatever fails."""
    p = subprocess.Popen(words_, **options)
    atexit.register(p.kill)
    return p


def program(directory, *words, **more):
    os.makedirs(directory, 0o700, exist_ok=True)
    return start(PACE, *words, stdout=subprocess.PIPE, text=True,
                 env=environment(CAIRN_DIR=directory, CAIRN_TRACE="pace:*", CAIRN_RING_KB="1024", **more))


def wait_for(condition, what, seconds=20):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        value = condition()
        if value:
            return value
        time.sleep(0.005)
    tap.fail(f"{what} did not come within {seconds} s")


def region_of(directory, rings=1):
    """The program's file, once that many rings are in use."""
    def there():
        found = glob.glob(os.path.join(directory, "*.cairn"))
        return found[0] if found and len(words(found[0])) >= rings else None
    return wait_for(there, "the region")


def sections(file):
    with open(file, "rb") as f:
        sb = f.read(1024)
    if len(sb) < 1024 or sb[:16] != cli.mkregion.MAGIC:
        return {}
    n, = struct.unpack_from("<I", sb, 28)
    rows = [struct.unpack_from("<IIQQII", sb, 512 + 32 * i) for i in range(n)]
    return {r[0]: r for r in rows}


def places(file):
    """Offsets of the control blocks in use."""
    s = sections(file)
    if not s:
        return []
    with open(file, "rb") as f:
        f.seek(s[cli.mkregion.STATE][2] + 20)
        used, = struct.unpack("<I", f.read(4))
        at = [s[cli.mkregion.RINGS][2] + 512 * i for i in range(used)]
        blocks = []
        for a in at:
            f.seek(a)
            block = f.read(512)
            if struct.unpack_from("<I", block, 164)[0] == 0x474e5243:
                blocks.append(a)
    return blocks


def words(file):
    """reader, consumed, committed of each ring."""
    with open(file, "rb") as f:
        out = []
        for at in places(file):
            f.seek(at)
            block = f.read(512)
            out.append((*struct.unpack_from("<QQ", block, READER), struct.unpack_from("<Q", block, 16)[0]))
    return out


def emitted_of(text):
    return sum(int(n) for n in re.findall(r"emitted (\d+)", text))


def finish(p, seconds=60):
    try:
        return emitted_of(p.communicate(timeout=seconds)[0])
    finally:
        p.kill()


def recorder(file, out, *words_, **options):
    return start(cli.CAIRN, "record", "--region", file, "-o", out, *words_, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                 env=environment(), **options)


def ended(r, status=0):
    """What a recorder said, once it has ended by itself and with this status."""
    _, err = r.communicate(timeout=20)
    tap.equal(r.returncode, status, f"status of the recorder: {err}")
    return err


def stat(*files):
    status, out, err = cairn("stat", "--json", *files)
    tap.equal(status, 0, f"status of stat: {err}")
    return json.loads(out)


def accounted(j):
    """Events of the program that the trace accounts for; the threads' names are events of the library."""
    names = sum(e["count"] for e in j["events"] if e["name"].startswith("task:"))
    return j["total"]["emitted"] + j["lost_no_stream"] - names


@tap.test("one reader at a time: the second is told who reads, and ends; the first loses nothing")
def _():
    directory, out = cli.path("second"), cli.path("second.cairn")
    p = program(directory, "2", "100000", "1.2", CAIRN_MODE="discard")
    file = region_of(directory, 2)
    first = recorder(file, out)
    wait_for(lambda: all(w[0] for w in words(file)), "the claim")
    for w in words(file):
        tap.equal(w[0] >> 63, 1, "bit 63 of the claim")
        tap.equal(w[0] & (1 << 23) - 1, first.pid, "pid of the claim")
    second = recorder(file, cli.path("other.cairn"))
    err = ended(second, 1)
    tap.equal(len(err.splitlines()), 1, f"lines of the second: {err}")
    tap.contains(err, f"is being read by process {first.pid}", "message")
    tap.equal(glob.glob(cli.path("other.cairn*")), [], "what the second leaves")
    emitted = finish(p)
    ended(first)
    j = stat(out)
    tap.equal((j["total"]["lost"], j["total"]["overwritten"]), (0, 0), "lost, overwritten")
    tap.equal(accounted(j), emitted, "events")
    tap.equal([w[0] for w in words(file)], [0, 0], "claims given back")


@tap.test("a killed recorder's claim is taken over; its file and the next one's are the whole")
def _():
    directory, out = cli.path("killed"), cli.path("killed.cairn")
    p = program(directory, "2", "200000", "1.5", CAIRN_MODE="discard")
    file = region_of(directory, 2)
    first = recorder(file, out)
    wait_for(lambda: all(w[1] >= 1 << 20 for w in words(file)), "consumption")
    first.kill()
    first.wait()
    left = glob.glob(out + ".*")
    tap.equal(len(left), 1, f"the killed recorder's temporary: {left}")
    tap.check(all(w[0] & OUTSIDE for w in words(file)), "the claim stands")
    while_dead = min(w[1] for w in words(file))
    second = recorder(file, out)
    emitted = finish(p)
    ended(second)
    tap.check(min(w[1] for w in words(file)) > while_dead, "the second did not consume")
    alone = stat(out)
    tap.equal(alone["total"]["overwritten"], 0, "the second's file calls overwritten what the first has")
    both = stat(left[0], out)
    tap.equal(both["total"]["overwritten"], 0, f"overwritten in both files: {both['total']}")
    tap.equal(both["total"]["decoded"] + both["total"]["lost"] - sum(e["count"] for e in both["events"] if e["name"].startswith("task:")), emitted,
              f"events of both files: {both['total']}")
    status, text, err = cairn("check", left[0], out)
    tap.equal(status, 0, f"check of both: {text}{err}")


@tap.test("recorders killed at random moments, one after the other: all their files together are the whole")
def _():
    rng, seconds = random.Random(SEED), 20 if os.environ.get("CAIRN_LONG") == "1" else 1.5
    directory, out = cli.path("rounds"), cli.path("rounds.cairn")
    p = program(directory, "2", "300000", str(seconds), CAIRN_MODE="discard")
    file, rounds = region_of(directory, 2), 0
    while p.poll() is None:
        r = recorder(file, out, "--max-size", "2M")
        time.sleep(rng.random() * 0.2)
        rounds += 1
        r.kill()
        r.wait()
    emitted = finish(p)
    r = recorder(file, out, "--max-size", "2M")
    ended(r)
    names = glob.glob(cli.path("rounds.*"))
    names = [n for n in names if os.path.isfile(n) and os.path.getsize(n) > 4096]
    status, text, err = cairn("check", *names, file)
    tap.equal(status, 0, f"check of {len(names)} files after {rounds} rounds: {text}{err}")
    j = stat(*names, file)
    tap.equal((j["total"]["overwritten"], j["total"]["consumed"], j["total"]["elsewhere"]), (0, 0, 0), f"overwritten, consumed, elsewhere: {j['total']}")
    tap.equal(accounted(j), emitted, f"events in {len(names)} files after {rounds} rounds: {j['total']}")
    tap.check(rounds > 5, f"only {rounds} rounds")


@tap.test("a claim of a pid that was used again is stale; one of the target itself is respected")
def _():
    directory, out = cli.path("stale"), cli.path("stale.cairn")
    p = program(directory, "1", "50000", "1.8", CAIRN_MODE="discard")
    file = region_of(directory)
    at = places(file)[0]
    try:
        with open(file, "r+b") as f:
            def put(word):
                f.seek(at + READER)
                f.write(struct.pack("<Q", word))
                f.flush()
            put(7)
            third = recorder(file, out)
            err = ended(third, 1)
            tap.contains(err, "the target itself (reader 7)", "message")
            put(OUTSIDE | 1 << 23 | os.getpid())  # this pid, but another start
            fourth = recorder(file, out)
    finally:
        emitted = finish(p)
    ended(fourth)
    tap.equal(accounted(stat(out)), emitted, "events")


@tap.test("a ring that the target is about to use again is nobody's: the recorder leaves its claim alone, and copies")
def _():
    directory, out = cli.path("nobody"), cli.path("nobody.cairn")
    p = program(directory, "1", "50000", "0.8", CAIRN_MODE="discard", CAIRN_STREAMS="1")
    file = region_of(directory)
    with open(file, "r+b") as f:
        f.seek(places(file)[0] + READER)
        f.write(struct.pack("<Q", NOBODY))
    r = recorder(file, out)
    emitted = finish(p)
    _, err = r.communicate(timeout=20)
    tap.equal(r.returncode, 0, f"status: {err}")
    tap.equal(words(file)[0][0], NOBODY, "the claim")
    tap.equal(accounted(stat(out)), emitted, "events")


@tap.test("a live ring that is being consumed: what the recorder took is not called overwritten")
def _():
    directory, out = cli.path("taken"), cli.path("taken.cairn")
    p = program(directory, "1", "300000", "1.2", CAIRN_MODE="discard")
    file = region_of(directory)
    r = recorder(file, out)
    wait_for(lambda: words(file)[0][1] > 2 << 20, "two laps")
    for _ in range(5):
        j = stat(file)
        tap.equal((j["total"]["overwritten"], j["total"]["lost"]), (0, 0), f"overwritten, lost: {j['total']}")
        tap.check(j["total"]["consumed"] > 0, "nothing is said to be consumed")
        status, text, err = cairn("check", file)
        tap.equal(status, 0, f"check: {text}{err}")
    finish(p)
    r.communicate(timeout=20)


@tap.test("a claim that somebody overwrites: the recorder stops making room, and says so")
def _():
    directory, out = cli.path("robbed"), cli.path("robbed.cairn")
    p = program(directory, "1", "100000", "1", CAIRN_MODE="discard", CAIRN_STREAMS="1")
    file = region_of(directory)
    r = recorder(file, out)
    wait_for(lambda: words(file)[0][1], "consumption")
    with open(file, "r+b") as f:
        f.seek(places(file)[0] + READER)
        f.write(struct.pack("<Q", 7))
    emitted = finish(p)
    err = ended(r)
    tap.contains(err, "somebody else took 1 ring from this recording", "message")
    tap.equal(words(file)[0][0], 7, "the word that somebody wrote")
    j = stat(out)
    tap.equal(accounted(j), emitted, "events")
    tap.check(j["total"]["lost_by"]["full"] > 0, f"the ring had room to its end, somebody consumed: {j['total']}")


@tap.test("a disk that gets full while a ring is consumed: what was taken is kept, the rest stays in the ring")
def _():
    directory, out = cli.path("full"), cli.path("full.cairn")
    p = program(directory, "1", "300000", "0.5", CAIRN_MODE="discard")
    file = region_of(directory)
    r = recorder(file, out, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (3 << 20, 3 << 20)))
    emitted = finish(p)
    err = ended(r, 1)
    tap.contains(err, "File too large", "message")
    kept = re.search(r"(\S+): kept what was recorded", err)
    tap.check(kept and os.path.exists(kept[1]), f"the file that is kept: {err}")
    status, text, err = cairn("check", kept[1])
    tap.equal(status, 0, f"check of what is kept: {text}{err}")
    tap.equal(words(file)[0][0], 0, "the claim")
    j = stat(kept[1], file)
    tap.equal((accounted(j), j["total"]["overwritten"], j["total"]["consumed"]), (emitted, 0, 0), f"events, overwritten, consumed of both: {j['total']}")
    tap.equal(stat(kept[1])["total"]["decoded"] * 28 >> 20, 2, "MiB of records in the file that is kept")


@tap.test("a region that cannot be written: it is said once, and read")
def _():
    g = cli.mkregion.Region()
    g.state_flags = 0
    g.ring(4, mode=1)
    cli.mkregion.fill(g, 60)
    fd = os.memfd_create("region", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    os.write(fd, g.build())
    import fcntl
    fcntl.fcntl(fd, 1024 + 9, 8)  # F_ADD_SEALS, F_SEAL_WRITE
    out = cli.path("sealed.cairn")
    status, _, err = cairn("record", "-q", "-d", "0.3", "--region", f"/proc/{os.getpid()}/fd/{fd}", "-o", out)
    os.close(fd)
    tap.equal((status, len(err.splitlines())), (0, 1), f"status, lines: {err}")
    tap.contains(err, "cannot be written (Operation not permitted)", "message")
    tap.equal(stat(out)["total"]["decoded"], 60, "events")


def scribble(file, stop, rng, which=(READER, CONSUMED, CONSUMED, START)):
    """Write anything into the words of all rings, until told to stop. Returns how often."""
    n = 0
    with open(file, "r+b") as f, mmap.mmap(f.fileno(), 0) as m:
        while not stop():
            for at in places(file):
                for _ in range(200):
                    place = at + rng.choice(which)
                    committed, = struct.unpack_from("<Q", m, at + 16)
                    near = (committed & (1 << 48) - 1) + rng.randrange(-1 << 21, 1 << 21)
                    value = rng.choice((rng.getrandbits(64), rng.getrandbits(48), near % (1 << 64), 0, (1 << 64) - 1, OUTSIDE | rng.getrandbits(23)))
                    struct.pack_into("<Q", m, place, value)
                    n += 1
    return n


def hostile(mode, recording):
    rng = random.Random(SEED)
    directory, out = cli.path(f"hostile-{mode}-{recording}"), cli.path("hostile.cairn")
    p = program(directory, "2", "0" if mode == "overwrite" else "1000000", "0.5", CAIRN_MODE=mode)
    file = region_of(directory, 2)
    r = recorder(file, out) if recording else None
    n = scribble(file, lambda: p.poll() is not None, rng)
    emitted = finish(p)
    tap.equal(p.returncode, 0, "status of the program")
    tap.check(n > 1000, f"only {n} words were written")
    for verb in ("check", "stat", "report", "info"):
        status, text, err = cairn(verb, file)
        tap.equal(status, 0, f"status of {verb}: {err}{text[-300:] if verb == 'check' else ''}")
    tap.equal(accounted(stat(file)), emitted, f"events, after {n} lies")
    if r:
        _, err = r.communicate(timeout=30)
        tap.check(r.returncode in (0, 1), f"status of the recorder: {r.returncode} {err}")
        tap.check(r.returncode == 0 or "is being read by" in err, f"words of the recorder: {err}")
        if r.returncode == 0:
            status, text, err = cairn("check", out)
            tap.equal(status, 0, f"check of the capture: {text}{err}")
            tap.check(stat(out)["total"]["decoded"] <= emitted + 2, "events were invented")


for _mode in ("overwrite", "discard"):
    for _recording in (False, True):
        tap.add(f"words scribbled at random, {_mode}{', while it is recorded' if _recording else ''}: the target accounts for every event", hostile, _mode, _recording)


@tap.test("`consumed` scribbled while it is recorded: what that costs is told in the capture, exactly")
def _():
    directory, out = cli.path("liar"), cli.path("liar.cairn")
    p = program(directory, "2", "1000000", "0.5", CAIRN_MODE="discard", CAIRN_STREAMS="2")
    file = region_of(directory, 2)
    r = recorder(file, out)
    wait_for(lambda: all(w[0] for w in words(file)), "the claim")
    n = scribble(file, lambda: p.poll() is not None, random.Random(SEED), (CONSUMED, START))
    emitted = finish(p)
    _, err = r.communicate(timeout=30)
    tap.equal(r.returncode, 0, f"status of the recorder: {err}")
    status, text, err = cairn("check", out)
    tap.equal(status, 0, f"check of the capture: {text}{err}")
    j = stat(out)
    tap.equal(accounted(j), emitted, f"events, after {n} lies: {j['total']}")
    tap.check(j["total"]["lost"] + j["total"]["overwritten"] > 0, "the lies cost nothing: this test shows nothing")


@tap.test("every value of the words in a region at rest: the verbs say the same")
def _():
    for scenario in ("overwrite", "discard", "pending"):
        file, _ = region(scenario)
        before = {verb: cairn(verb, file)[1] for verb in ("report", "check")}
        at = places(file)
        committed = words(file)[0][2]
        for value in (1, 4095, 4096, committed, committed + 4096, 1 << 47, (1 << 48) - 1, 1 << 62, 1 << 63, (1 << 64) - 1):
            with open(file, "r+b") as f:
                for a in at:
                    for word in (READER, CONSUMED, START):
                        f.seek(a + word)
                        f.write(struct.pack("<Q", value % (1 << 64)))
            for verb, text in before.items():
                status, out, err = cairn(verb, file)
                tap.equal((status, out), (0, text), f"{verb} with {value:#x}: {err}")
            out = cli.path("words.cairn")
            status, _, err = cairn("record", "-q", "-d", "0.02", "--region", file, "-o", out)
            tap.check(status == 0 or (status == 1 and "is being read by" in err), f"record with {value:#x}: {err}")
            if status == 0:
                tap.equal(cairn("check", out)[0], 0, f"check of the capture with {value:#x}")


@tap.test("a target whose file is cut while it is consumed")
def _():
    directory, out = cli.path("shrinks"), cli.path("shrinks.cairn")
    p = program(directory, "1", "100000", "20", CAIRN_MODE="discard")
    file = region_of(directory)
    r = recorder(file, out)
    wait_for(lambda: words(file)[0][1] > 0, "consumption")
    p.kill()
    p.communicate()
    os.truncate(file, 4096)
    ended(r)
    tap.equal(cairn("check", out)[0], 0, "check")


@tap.test("snapshots of a program under load: each one sound, and exact for what was committed")
def _():
    for mode in ("overwrite", "discard"):
        directory = cli.path(f"snapshot-{mode}")
        os.makedirs(directory, 0o700)
        p = start(SCENES, "acknowledge", stdout=subprocess.PIPE, env=environment(CAIRN_DIR=directory, CAIRN_TRACE="scene:*", CAIRN_RING_KB="64", CAIRN_MODE=mode))
        said, tail = 0, b""
        os.set_blocking(p.stdout.fileno(), False)

        def acknowledged():
            nonlocal said, tail
            while True:
                more = p.stdout.read(1 << 20)
                if not more:
                    return said
                tail += more
                whole = len(tail) // 8 * 8
                if whole:
                    said = struct.unpack_from("<Q", tail, whole - 8)[0]
                tail = tail[whole:]

        try:
            file = region_of(directory)
            wait_for(lambda: acknowledged() > 5000, "events")
            for _ in range(8):
                before = acknowledged()
                j = stat(file)
                after = acknowledged()
                got = accounted(j) - j["lost_no_stream"]
                # the pipe holds 8192 numbers that we have not read; the program is one event ahead of what it says
                tap.check(before <= got <= after + 8192 + 8192 + 1, f"{mode}: {before} acknowledged before, {got} accounted for, {after} after")
                status, text, err = cairn("check", file)
                tap.equal(status, 0, f"{mode}: check: {text}{err}")
                rows = [json.loads(line) for line in cairn("report", "--json", "-e", "scene:step", file)[1].splitlines()]
                numbers = [r["fields"]["n"] for r in rows if "fields" in r]
                tap.check(numbers, "no event in the snapshot")
                if mode == "overwrite" and numbers:
                    gaps = [b - a for a, b in zip(numbers, numbers[1:]) if b != a + 1]
                    lost = sum(r["lost"] for r in rows if "lost" in r)
                    tap.check(all(g > 1 for g in gaps) and sum(g - 1 for g in gaps) <= lost, f"gaps {gaps} of {lost} missing")
                else:
                    tap.equal(numbers, list(range(1, len(numbers) + 1)), "numbers of a ring that keeps the oldest")
        finally:
            p.kill()
            p.wait()
            p.stdout.close()


@tap.test("a guest's memory that nobody has mapped any more ends the recording")
def _():
    if not os.path.exists(WRITER):
        tap.skip("allowed: cli-writer is not built")
    file, _ = region("live")
    writer = start(WRITER, file, "100000000", "2000", "keep", stdout=subprocess.DEVNULL)
    wait_for(lambda: words(file) and words(file)[0][2], "the writer")
    out = cli.path("guest.cairn")
    r = recorder(file, out)
    try:
        wait_for(lambda: [os.path.getsize(f) for f in glob.glob(out + ".*") if os.path.getsize(f) > 100000], "the recording")
    finally:
        writer.kill()
        writer.wait()
    begin = time.monotonic()
    err = ended(r)
    tap.check(time.monotonic() - begin < 10, "took too long to notice")
    tap.contains(err, "the target has ended", "message")
    tap.equal(cairn("check", out)[0], 0, "check")


def own(tmp):
    """Where `cairn clean` finds nothing of this user's but what is meant."""
    return {"TMPDIR": tmp, "CAIRN_DIR": cli.path("nowhere")}


@tap.test("what a killed recorder leaves is found, kept while it is in use, and removed")
def _():
    tmp = cli.path("tmp")
    os.mkdir(tmp)

    def folders():
        return [n for n in glob.glob("/dev/shm/cairn-record-*") + glob.glob(os.path.join(tmp, "cairn-record-*")) if f"cairn-record-{r.pid}-" in n]

    r = start(cli.CAIRN, "record", "-q", "-l", "-e", "pace:*", "-o", cli.path("dead.cairn"), "--", PACE, "1", "1000", "60",
              stdout=subprocess.DEVNULL, env=environment(TMPDIR=tmp))
    inside = wait_for(lambda: [f for d in folders() for f in glob.glob(os.path.join(d, "regions", "*.cairn"))], "the program's region")[0]
    wait_for(lambda: words(inside), "a ring")
    pid = int(inside.rsplit(".", 3)[1])
    status, text, _ = cairn("clean", env=own(tmp))
    tap.check(f"cairn-record-{r.pid}-" not in text, "a living recorder's folder was cleaned")
    r.kill()
    r.wait()
    try:
        status, text, err = cairn("clean", env=own(tmp))
        tap.equal(len(folders()), 1, "the folder while the program lives")
        tap.contains(err, f"process {pid} still writes there", "message")
    finally:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not os.path.exists(f"/proc/{pid}") or open(f"/proc/{pid}/stat", encoding="utf-8").read().rsplit(")", 1)[1].split()[0] in "ZX", "the program's end")
    tap.equal(cairn("check", inside)[0], 0, "check of what is left")
    status, text, err = cairn("clean", "-n", env=own(tmp))
    tap.contains(text, f"would remove {folders()[0]}", "clean -n")
    status, text, err = cairn("clean", env=own(tmp))
    tap.equal((status, folders()), (0, []), f"status and folders after clean: {err}")


@tap.test("the next recording removes what killed recorders left, but the newest; nothing else")
def _():
    tmp = cli.path("tmp2")
    os.mkdir(tmp)
    names = ["cairn-record-4194304-5-aaaaaa", "cairn-record-4194304-6-bbbbbb", f"cairn-record-{os.getpid()}-1-cccccc"]
    with open("/proc/self/stat", encoding="utf-8") as f:
        mine = f.read().rsplit(")", 1)[1].split()[19]
    others = [f"cairn-record-{os.getpid()}-{mine}-eeeeee", "cairn-record-x", "cairn-record-4194304-5-toolong", "letters", "cairn-record-4194304-7-dddddd"]
    victim = os.path.join(cli.path("victim"), "regions")
    os.makedirs(victim)
    with open(os.path.join(victim, "letter"), "w", encoding="utf-8") as f:
        f.write("dear")
    for i, name in enumerate(names + others[:4]):
        os.makedirs(os.path.join(tmp, name, "regions"))
        with open(os.path.join(tmp, name, "regions", "a.4194304.5.cairn"), "w", encoding="utf-8") as f:
            f.write("x")
        os.utime(os.path.join(tmp, name), (1000 + i, 1000 + i))
    os.symlink(cli.path("victim"), os.path.join(tmp, others[4]))
    done = subprocess.run([cli.CAIRN, "record", "-q", "-e", "pace:*", "-o", cli.path("next.cairn"), "--", PACE, "1", "1000", "0.01"], timeout=30, check=False,
                          env=environment(TMPDIR=tmp), stdout=subprocess.DEVNULL)
    tap.equal(done.returncode, 0, "status")
    # of the three, whose recorders are gone, the last has an age that a real leftover may exceed
    tap.check(names[0] not in os.listdir(tmp) and names[1] not in os.listdir(tmp), f"left: {os.listdir(tmp)}")
    status, text, err = cairn("clean", env=own(tmp))
    tap.equal(status, 0, f"status of clean: {err}")
    tap.equal(sorted(os.listdir(tmp)), sorted(others), "what is left after clean")
    tap.equal(os.listdir(victim), ["letter"], "the folder that a symbolic link names")


tap.main()
