#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 120
"""record, list and clean: live targets, programs and their children, targets that vanish."""
import json
import os
import re
import resource
import signal
import stat
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cli
import tap
from cli import cairn, region

WRITER = os.path.join(tap.BUILD, "tests/cli/cli-writer")
PROGRAM = '''
import os, subprocess, sys, time
sys.path.insert(0, %r)
import mkregion
with open(%r, "a") as f:
    f.write(os.environ["CAIRN_DIR"] + chr(10))
start = int(open("/proc/self/stat").read().rsplit(")", 1)[1].split()[19])
mkregion.UUID = os.urandom(16)
g = mkregion.Region(uuid=os.urandom(16), flags=mkregion.USER | mkregion.CLOCK_NS, pid=os.getpid(), start=start, name="fake", cpus=8)
g.ring()
mkregion.fill(g, 50)
name = os.path.join(os.environ["CAIRN_DIR"], "fake.%%d.%%d.cairn" %% (os.getpid(), start))
with open(name + ".new", "wb") as f:
    f.write(g.build())
os.rename(name + ".new", name)
print(os.environ["CAIRN_TRACE"])
sys.stdout.flush()
for _ in range(int(sys.argv[1])):
    subprocess.run([sys.executable, __file__, "0", "0"])
if sys.argv[2] == "kill":
    os.kill(os.getpid(), 9)
sys.exit(int(sys.argv[2]))
''' % (cli.HERE, cli.path("folders"))


def program():
    file = cli.path("program.py")
    with open(file, "w", encoding="utf-8") as f:
        f.write(PROGRAM)
    return [sys.executable, file]


def live(pause, events=300000, keep=False):
    """Record while the writer runs; returns the sums of the capture."""
    if not os.path.exists(WRITER):
        tap.skip("allowed: cli-writer is not built")
    file, _ = region("live")
    out = cli.path("live.capture")
    recorder = subprocess.Popen([cli.CAIRN, "record", "--region", file, "-o", out], stderr=subprocess.PIPE, text=True)
    time.sleep(0.1)
    tap.run([WRITER, file, str(events), str(pause), *(["keep"] if keep else [])])
    if keep:
        recorder.send_signal(signal.SIGINT)
    try:
        _, err = recorder.communicate(timeout=60)
    finally:
        recorder.kill()
    tap.equal(recorder.returncode, 0, f"status of record: {err}")
    status, text, complaint = cairn("check", out)
    tap.equal(status, 0, f"check: {text}{complaint}")
    return json.loads(cairn("stat", "--json", out)[1])["cpus"]


@tap.test("a live target at full speed: decoded and overwritten are exact")
def _():
    for cpu in live(0):
        tap.equal(cpu["emitted"], 300000, f"emitted on CPU {cpu['cpu']}")


@tap.test("a live target at a moderate pace: stopped by its flag or by a signal")
def _():
    for keep in (False, True):
        for cpu in live(3000, 60000, keep):
            tap.equal(cpu["emitted"], 60000, f"emitted on CPU {cpu['cpu']}")


@tap.test("readers of a live region find nothing wrong")
def _():
    if not os.path.exists(WRITER):
        tap.skip("allowed: cli-writer is not built")
    file, _ = region("live")
    writer = subprocess.Popen([WRITER, file, "100000000", "400"], stdout=subprocess.DEVNULL)
    try:
        for _ in range(10):
            status, out, err = cairn("check", file)
            tap.equal(status, 0, f"check: {out}{err}")
            tap.equal(cairn("report", "-n", "5", file)[0], 0, "status of report")
    finally:
        writer.kill()
        writer.wait()
    status, out, err = cairn("check", file)
    tap.equal(status, 0, f"after SIGKILL: {out}{err}")


@tap.test("a target that vanishes: its file is cut, another boot takes its place")
def _():
    file, _ = region("live")
    for change in (lambda: os.truncate(file, 5000), lambda: os.truncate(file, 0), lambda: reboot(file)):
        region("live")
        out = cli.path("gone.capture")
        recorder = subprocess.Popen([cli.CAIRN, "record", "--region", file, "-o", out], stderr=subprocess.PIPE, text=True)
        time.sleep(0.3)
        change()
        try:
            _, err = recorder.communicate(timeout=20)
        finally:
            recorder.kill()
        tap.equal(recorder.returncode, 0, f"status of record: {err}")
        tap.contains(err, "gone or another one", "message")
        tap.equal(cairn("check", out)[0], 0, "status of check")


def reboot(file):
    g = cli.mkregion.Region(nonce=99)
    g.ring()
    with open(file, "r+b") as f:
        f.write(g.build())


@tap.test("no region: bounded waiting, nothing left behind")
def _():
    zeros = cli.path("zeros")
    with open(zeros, "wb") as f:
        f.truncate(1 << 30)
    for file in (zeros, cli.path("absent")):
        begin = time.monotonic()
        status, _, err = cairn("record", "--region", file, "-o", cli.path("none.capture"), "--wait", "0.3")
        tap.equal(status, 1, "status")
        tap.check(time.monotonic() - begin < 5, "waited too long")
        tap.contains(err, "no region of Cairn's appeared", "message")
    tap.equal([n for n in os.listdir(cli.FOLDER.name) if n.startswith("none.capture")], [], "leftovers")


@tap.test("a region that appears later")
def _():
    file, sums = region("basic")
    with open(file, "rb") as f:
        data = f.read()
    os.truncate(file, 0)
    os.truncate(file, 1 << 26)
    out = cli.path("later.capture")
    recorder = subprocess.Popen([cli.CAIRN, "record", "--region", file, "-o", out, "-d", "1"], stderr=subprocess.PIPE, text=True)
    time.sleep(0.3)
    with open(file, "r+b") as f:
        f.seek(0x5000 + 4096)
        f.write(data[4096:])
        f.seek(0x5000)
        f.write(data[:4096])
    _, err = recorder.communicate(timeout=20)
    tap.equal(recorder.returncode, 0, f"status: {err}")
    tap.equal(json.loads(cairn("stat", "--json", out)[1])["total"]["decoded"], sum(c["decoded"] for c in sums["cpus"]), "decoded")


@tap.test("a program and its children become one capture; its status is passed on")
def _():
    out = cli.path("program.capture")
    status, text, err = cairn("record", "-o", out, "-e", "sched:*", "-e", "file:open", "--", *program(), "2", "7")
    tap.equal(status, 7, f"status: {err}")
    tap.equal(text.splitlines(), ["sched:*,file:open"] * 3, "CAIRN_TRACE of the three")
    tap.equal(stat.S_IMODE(os.stat(out).st_mode), 0o600, "mode")
    got = json.loads(cairn("info", "--json", out)[1])
    tap.equal(len(got["regions"]), 3, "regions")
    tap.equal(got["total"]["decoded"], 150, "events")
    tap.equal(len({r["pid"] for r in got["regions"]}), 3, "pids")
    status, _, err = cairn("record", "-q", "--", *program(), "0", "kill", cwd=cli.FOLDER.name)
    tap.equal(status, 137, f"status of a killed program: {err}")
    tap.contains(err, "killed by signal 9", "message")
    tap.check(any(n.endswith(".cairn") and n.startswith("python") for n in os.listdir(cli.FOLDER.name)), "default name of the capture")
    tap.equal(leftovers(), [], "left behind")


@tap.test("programs that cannot be recorded")
def _():
    status, _, err = cairn("record", "-o", cli.path("x"), "--", "true")
    tap.equal(status, 1, "status without a region")
    tap.contains(err, "made no region", "message")
    status, _, err = cairn("record", "-o", cli.path("x"), "--", "/nonexistent/program")
    tap.equal(status, 127, "status of a program that is not there")
    tap.equal(cairn("record", "-o", cli.FOLDER.name, "--", "true")[0], 1, "output is a directory")
    tap.check(not os.path.exists(cli.path("x")), "a capture of nothing")


SCRIPT = """
import os, signal, subprocess, sys, time
sys.path.insert(0, HERE)
import mkregion
with open(FOLDERS, "a") as f:
    f.write(os.environ["CAIRN_DIR"] + "\\n")
def region():
    start = int(open("/proc/self/stat").read().rsplit(")", 1)[1].split()[19])
    g = mkregion.Region(uuid=os.urandom(16), flags=mkregion.USER | mkregion.CLOCK_NS, pid=os.getpid(), start=start, cpus=8)
    g.ring()
    mkregion.fill(g, 50)
    name = os.path.join(os.environ["CAIRN_DIR"], "fake.%d.%d.cairn" % (os.getpid(), start))
    with open(name + ".new", "wb") as f:
        f.write(g.build())
    os.rename(name + ".new", name)
region()
"""


def script(text):
    head = f"HERE, FOLDERS = {cli.HERE!r}, {cli.path('folders')!r}\n"
    return [sys.executable, "-c", head + SCRIPT + text]


def record(text, *options, program=None, **words):
    """Start `cairn record` of a script; returns (recorder, its capture)."""
    out = cli.path("script.capture")
    for old in (out, cli.path("folders")):
        if os.path.exists(old):
            os.remove(old)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CAIRN_")}
    return subprocess.Popen([cli.CAIRN, "record", "-o", out, *options, "--", *(program or script(text))], stderr=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True, env=environment, cwd=cli.FOLDER.name, **words), out


def leftovers():
    """What is still there of the folders that our recorders made, and of temporaries beside the output."""
    folders = set()
    if os.path.exists(cli.path("folders")):
        with open(cli.path("folders"), encoding="utf-8") as f:
            for line in f:
                folders |= {line.strip(), os.path.dirname(line.strip())} - {"/dev/shm"}
    return [n for n in folders if os.path.exists(n)] + [n for n in os.listdir(cli.FOLDER.name) if n.startswith("script.capture.")]


def ends(recorder, status, what, seconds=30):
    try:
        _, err = recorder.communicate(timeout=seconds)
    finally:
        recorder.kill()
    tap.equal(recorder.returncode, status, f"{what}: status; {err}")
    tap.equal(leftovers(), [], f"{what}: left behind")
    return err


@tap.test("a daemon that outlives the program leaves nothing behind")
def _():
    # its region comes after the recorder has gone: the folder is not made again
    daemon = """
if os.fork() == 0:
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for fd in 0, 1, 2:
        os.dup2(null, fd)
    time.sleep(1)
    try:
        os.mkdir(os.environ["CAIRN_DIR"], 0o700)
    except OSError:
        pass
    os._exit(0)
open(os.path.join(os.environ["CAIRN_DIR"], "half.new"), "w").close()
"""
    recorder, out = record(daemon)
    ends(recorder, 0, "daemon")
    time.sleep(1.5)
    tap.equal(leftovers(), [], "left behind by the daemon")
    tap.equal(json.loads(cairn("stat", "--json", out)[1])["total"]["decoded"], 50, "events")


@tap.test("signals: Ctrl-C, SIGTERM passed on each time, those that were ignored stay ignored")
def _():
    wait = """
print("up", flush=True)
time.sleep(20)
"""
    recorder, out = record(wait, start_new_session=True)
    recorder.stdout.readline()
    os.killpg(recorder.pid, signal.SIGINT)
    ends(recorder, 130, "Ctrl-C")
    tap.equal(cairn("check", out)[0], 0, "capture after Ctrl-C")
    recorder, out = record("""
seen = []
signal.signal(signal.SIGTERM, lambda *_: seen.append(1))
print("up", flush=True)
while len(seen) < 2:
    time.sleep(0.05)
sys.exit(3)
""")
    recorder.stdout.readline()
    recorder.send_signal(signal.SIGTERM)
    time.sleep(0.4)
    recorder.send_signal(signal.SIGTERM)
    ends(recorder, 3, "SIGTERM twice")
    recorder, out = record("sys.exit(5 if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else 6)",
                           preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    ends(recorder, 5, "SIGHUP ignored, as under nohup")


@tap.test("exec chains and a hundred children")
def _():
    again = script("")
    recorder, out = record(f"sys.stdout.flush(); os.execv({again[0]!r}, {again!r})")
    ends(recorder, 0, "exec")
    recorder, out = record("""
for _ in range(100):
    if os.fork() == 0:
        region()
        time.sleep(0.5)
        os._exit(0)
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
""", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (128, 4096)))
    ends(recorder, 0, "a hundred children")
    tap.equal(json.loads(cairn("stat", "--json", out)[1])["total"]["decoded"], 101 * 50, "events of 101 processes")


@tap.test("two recorders on one region, one killed")
def _():
    if not os.path.exists(WRITER):
        tap.skip("allowed: cli-writer is not built")
    file, _ = region("live")
    outs = [cli.path(f"twin{i}.capture") for i in range(3)]
    twins = [subprocess.Popen([cli.CAIRN, "record", "--region", file, "-o", out], stderr=subprocess.PIPE, text=True) for out in outs]
    time.sleep(0.1)
    twins[2].send_signal(signal.SIGTERM)
    tap.run([WRITER, file, "50000", "2000"])
    for twin, out in zip(twins, outs):
        _, err = twin.communicate(timeout=60)
        tap.equal(twin.returncode, 0, f"status: {err}")
        tap.equal(cairn("check", out)[0], 0, "check")
    for out in outs[:2]:
        for cpu in json.loads(cairn("stat", "--json", out)[1])["cpus"]:
            tap.equal(cpu["emitted"], 50000, f"emitted on CPU {cpu['cpu']}")


@tap.test("a full disk: it is said, the old capture stays, nothing is left behind")
def _():
    small = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
    recorder, out = record("", preexec_fn=small, program=["sh", "-c", "ulimit -f unlimited 2>/dev/null; exec true"])
    ends(recorder, 1, "no region")
    file, _ = region("overwrite")
    out = cli.path("script.capture")
    with open(out, "wb") as f:
        f.write(b"old")
    recorder = subprocess.Popen([cli.CAIRN, "record", "--region", file, "-d", "0.1", "-o", out], stderr=subprocess.PIPE, text=True,
                                preexec_fn=small)
    err = ends(recorder, 1, "record")
    tap.contains(err, "File too large", "message")
    with open(out, "rb") as f:
        tap.equal(f.read(), b"old", "the old capture")
    ctf = cli.path("script.capture.d")
    done = subprocess.run([cli.CAIRN, "convert", "--to", "ctf", file, "-o", ctf], capture_output=True, text=True, timeout=30, check=False,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000)))
    tap.equal(done.returncode, 1, f"convert: {done.stderr}")
    tap.contains(done.stderr, "File too large", "message")
    tap.equal(leftovers(), [], "left behind by convert")


def many_packets(slots):
    """A region of 4 KiB packets, each a copy of the first with its own number."""
    g = cli.mkregion.Region(cpus=1)
    r = g.ring(slots)
    for i in range(200):
        r.emit(1000, cli.mkregion.TICK, 5, jiffies=i, cpu=0, drift=0, load=0)
    n = r.total
    first = bytes(r.mem[:4096])
    for i in range(slots):
        r.mem[4096 * i:4096 * i + 4096] = first
        r.poke(i, 56, "<QQQ", i, 0, n * i)
    r.hint, r.total = slots - 1, n * (slots - 1)
    r.pos = r.committed = (slots - 1) * 4096 + struct.unpack_from("<Q", first, 40)[0] // 8
    r.count = r.committed_count = n
    file = cli.path("many.region")
    with open(file, "wb") as f:
        f.write(g.build())
    return file, n * slots


@tap.test("convert that is interrupted leaves nothing behind")
def _():
    file, events = many_packets(16384)
    tap.equal(json.loads(cairn("stat", "--json", file)[1])["total"]["decoded"], events, "events of the region")
    out = cli.path("script.capture.ctf")
    for number in (signal.SIGINT, signal.SIGTERM):
        process = subprocess.Popen([cli.CAIRN, "convert", "--to", "ctf", file, "-o", out], stderr=subprocess.PIPE, text=True)
        until = time.monotonic() + 20
        while not leftovers() and time.monotonic() < until:
            time.sleep(0.001)
        process.send_signal(number)
        err = process.communicate(timeout=30)[1]
        tap.equal(process.returncode, 1, f"status: {err}")
        tap.equal(leftovers(), [], "left behind by convert")


@tap.test("progress on a terminal: events, MB, MB/s, lost; none elsewhere")
def _():
    import pty
    pace = os.path.join(tap.BUILD, "tests", "stress", "pace")
    out = cli.path("progress.cairn")
    words = [cli.CAIRN, "record", "-l", "-e", "pace:*", "-o", out, "--", pace, "1", "200000", "0.7"]
    terminal, end = pty.openpty()
    recorder = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=end)
    os.close(end)
    text = b""
    try:
        while True:
            try:
                more = os.read(terminal, 65536)
            except OSError:  # the other side is closed
                break
            if not more:
                break
            text += more
        recorder.wait(timeout=30)
    finally:
        recorder.kill()
        os.close(terminal)
    lines = [line for line in text.decode().replace("\n", "\r").split("\r") if "events," in line]
    tap.check(len(lines) >= 3, f"lines of progress: {lines}")
    for line in lines:
        tap.check(re.search(r"^\d+\.\d s: \d+ events, \d+\.\d MB, \d+\.\d MB/s, 0 lost, 0 packets overwritten", line), f"line {line!r}")
    tap.check(re.search(r", [1-9]\d*\.\d MB/s", lines[-2]), f"speed while it runs: {lines[-2]!r}")
    tap.check("140000 events" in lines[-1], f"the last line: {lines[-1]!r}")
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    tap.equal(len(done.stderr.splitlines()), 1, f"lines without a terminal: {done.stderr}")


@tap.test("list and clean tell the living from the dead")
def _():
    directory = cli.path("regions")
    os.mkdir(directory, 0o700)
    env = {"CAIRN_DIR": directory}
    me = os.getpid()
    with open("/proc/self/stat", encoding="utf-8") as f:
        start = int(f.read().rsplit(")", 1)[1].split()[19])
    for pid, when in ((me, start), (me, start + 1), (4194304, 5)):
        g = cli.mkregion.Region(flags=cli.mkregion.USER, pid=pid, start=when)
        g.ring()
        cli.mkregion.fill(g, 12)
        with open(os.path.join(directory, f"a.b.{pid}.{when}.cairn"), "wb") as f:
            f.write(g.build())
    for name in ("dead.4194304.6.cairn", "dead.4194304.7-2.cairn"):  # never completed; the second after it executed itself again
        with open(os.path.join(directory, name), "wb") as f:
            f.write(bytes(8192))
    for other in ("letter", "odd.cairn"):
        with open(os.path.join(directory, other), "wb") as f:
            f.write(b"dear")
    rows = json.loads(cairn("list", "--json", env=env)[1])["regions"]
    tap.equal({r["name"]: (r["alive"], r["complete"], r["events"]) for r in rows},
              {f"a.b.{me}.{start}.cairn": (True, True, 12), f"a.b.{me}.{start + 1}.cairn": (False, True, 12),
               "a.b.4194304.5.cairn": (False, True, 12), "dead.4194304.6.cairn": (False, False, 0), "dead.4194304.7-2.cairn": (False, False, 0),
               "odd.cairn": (False, False, 0)}, "list")
    status, out, err = cairn("clean", "-n", env=env)
    tap.equal((status, out.count("would remove")), (0, 4), f"clean -n: {out}{err}")
    status, out, err = cairn("clean", env=env)
    tap.equal((status, out.count("removed")), (0, 4), f"clean: {out}{err}")
    tap.contains(err, "cannot tell whose it is", "message")
    tap.equal(sorted(os.listdir(directory)), sorted([f"a.b.{me}.{start}.cairn", "letter", "odd.cairn"]), "what is left")
    folder = f"/dev/shm/cairn-record-4194304-9-{os.getpid() % 1000000:06}"
    os.mkdir(folder, 0o700)
    status, out, err = cairn("clean", env={**env, "TMPDIR": "/dev/shm"})  # both places where recorders leave something are one
    tap.equal((status, out.count(folder)), (0, 1), f"clean of {folder}: {out}{err}")
    os.chmod(directory, 0o777)
    for verb in ("list", "clean"):
        status, _, err = cairn(verb, env=env)
        tap.equal(status, 1, f"status of {verb} in a directory that others may write to")
    status, _, err = cairn("list", env={"CAIRN_DIR": cli.path("nowhere")})
    tap.equal(status, 0, f"list of a directory that is not there: {err}")


tap.main()
