#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 120
"""record, list and clean: live targets, programs and their children, targets that vanish."""
import json
import os
import signal
import stat
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
''' % cli.HERE


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
    tap.equal([n for n in os.listdir("/dev/shm") if n.startswith("cairn-record-")], [], "directories left behind")


@tap.test("programs that cannot be recorded")
def _():
    status, _, err = cairn("record", "-o", cli.path("x"), "--", "true")
    tap.equal(status, 1, "status without a region")
    tap.contains(err, "made no region", "message")
    status, _, err = cairn("record", "-o", cli.path("x"), "--", "/nonexistent/program")
    tap.equal(status, 127, "status of a program that is not there")
    tap.equal(cairn("record", "-o", cli.FOLDER.name, "--", "true")[0], 1, "output is a directory")
    tap.check(not os.path.exists(cli.path("x")), "a capture of nothing")


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
    with open(os.path.join(directory, "dead.4194304.6.cairn"), "wb") as f:
        f.write(bytes(8192))
    for other in ("letter", "odd.cairn"):
        with open(os.path.join(directory, other), "wb") as f:
            f.write(b"dear")
    rows = json.loads(cairn("list", "--json", env=env)[1])["regions"]
    tap.equal({r["name"]: (r["alive"], r["complete"], r["events"]) for r in rows},
              {f"a.b.{me}.{start}.cairn": (True, True, 12), f"a.b.{me}.{start + 1}.cairn": (False, True, 12),
               "a.b.4194304.5.cairn": (False, True, 12), "dead.4194304.6.cairn": (False, False, 0),
               "odd.cairn": (False, False, 0)}, "list")
    status, out, err = cairn("clean", "-n", env=env)
    tap.equal((status, out.count("would remove")), (0, 3), f"clean -n: {out}{err}")
    status, out, err = cairn("clean", env=env)
    tap.equal((status, out.count("removed")), (0, 3), f"clean: {out}{err}")
    tap.contains(err, "cannot tell whose it is", "message")
    tap.equal(sorted(os.listdir(directory)), sorted([f"a.b.{me}.{start}.cairn", "letter", "odd.cairn"]), "what is left")
    os.chmod(directory, 0o777)
    for verb in ("list", "clean"):
        status, _, err = cairn(verb, env=env)
        tap.equal(status, 1, f"status of {verb} in a directory that others may write to")
    status, _, err = cairn("list", env={"CAIRN_DIR": cli.path("nowhere")})
    tap.equal(status, 0, f"list of a directory that is not there: {err}")


tap.main()
