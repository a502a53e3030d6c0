# SPDX-License-Identifier: MIT
"""The example kernel in QEMU, for tests: start it, talk to QEMU by QMP, dump its memory, read what it counted."""
import json
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap

SRC = os.environ.get("CAIRN_SRC", os.getcwd())
BUILD = os.environ.get("CAIRN_BUILD", os.path.join(SRC, "build/host"))
CAIRN = os.path.join(BUILD, "cairn")
KERNEL = os.path.join(BUILD, "examples/kernel/kernel.elf")
QEMU = "qemu-system-x86_64"
RAM_BYTES = 128 << 20
COUNTS_MAGIC = b"CAIRN-EXAMPLE-COUNTS\0\0\0\0"
STEPS_MAGIC = b"CAIRN-EXAMPLE-STEPS\0\0\0\0\0"
LONG = os.environ.get("CAIRN_LONG", "0") not in ("", "0")


def missing():
    """Why these tests cannot run, or None."""
    for what, there in ((QEMU, shutil.which(QEMU)), (KERNEL, os.path.exists(KERNEL)), (CAIRN, os.path.exists(CAIRN))):
        if not there:
            return f"{what} is not here"
    return None


def begin():
    """Ends the script, skipped, where no guest can run. Else the seed of its random choices, which is printed, and what draws them."""
    reason = missing()
    if reason:
        print(f"1..0 # SKIP {reason}")
        sys.exit(0)
    seed = int(os.environ.get("CHECK_SEED", "0")) or random.randrange(1, 1 << 31)
    print(f"# CHECK_SEED={seed}")
    return seed, random.Random(seed)


class Guest:
    """One run. Use as a context manager: nothing survives it."""

    def __init__(self, command_line, cpus=2, limit=120):
        self.dir = tempfile.mkdtemp(prefix="cairn-guest-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
        self.ram = os.path.join(self.dir, "ram")
        self.log = os.path.join(self.dir, "serial.log")
        self.deadline = time.monotonic() + limit
        self.qmp_path = os.path.join(self.dir, "qmp")
        self.process = subprocess.Popen(
            [QEMU, "-machine", "q35,memory-backend=ram", "-object",
             f"memory-backend-file,id=ram,size={RAM_BYTES},mem-path={self.ram},share=on", "-smp", str(cpus), "-kernel", KERNEL,
             "-append", command_line, "-serial", f"file:{self.log}", "-display", "none", "-no-reboot",
             "-qmp", f"unix:{self.qmp_path},server=on,wait=off", "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.qmp = None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.kill()
        if self.qmp:
            self.qmp.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def left(self):
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError(f"guest: out of time; the log ends in {self.serial()[-300:]!r}")
        return seconds

    def kill(self, number=signal.SIGKILL):
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait()
        self.process.stderr.close()

    def wait(self):
        """Until the guest ends by itself; its serial log. A panic is a failure."""
        self.process.wait(timeout=self.left())
        said = self.serial()
        tap.check("kernel panic" not in said and "cairn-end" in said, f"the guest did not come to its end: {said[-600:]}")
        return said

    def serial(self):
        try:
            with open(self.log, errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def wait_for(self, text):
        while text not in self.serial():
            if self.process.poll() is not None:
                raise RuntimeError(f"guest: ended before it said {text!r}: {self.serial()[-300:]!r}")
            self.left()
            time.sleep(0.02)

    def nmis_taken(self):
        """By each CPU, as the kernel says at its end."""
        return [int(n) for n in re.findall(r"kernel-stat cpu=\d+ .*nmis=(\d+)", self.serial())]

    def record(self, capture):
        """`cairn record` from outside, until the guest has ended."""
        return subprocess.Popen([CAIRN, "record", "--region", self.ram, "-o", capture, "--wait", "60"],
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def recorded(self, recorder):
        _, words = recorder.communicate(timeout=self.left())
        tap.equal(recorder.returncode, 0, f"cairn record: {words}")

    # ---- QMP ----

    def command(self, execute, **arguments):
        if self.qmp is None:
            while not os.path.exists(self.qmp_path):
                self.left()
                time.sleep(0.02)
            self.qmp = socket.socket(socket.AF_UNIX)
            self.qmp.settimeout(30)
            self.qmp.connect(self.qmp_path)
            self.stream = self.qmp.makefile("rw")
            self.stream.readline()
            self.command("qmp_capabilities")
        self.stream.write(json.dumps({"execute": execute, "arguments": arguments}) + "\n")
        self.stream.flush()
        while True:
            answer = json.loads(self.stream.readline())
            if "error" in answer:
                raise RuntimeError(f"qmp: {execute}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def dump(self, path):
        """The whole memory at one moment, by pmemsave; the guest stands still meanwhile."""
        self.command("stop")
        self.command("pmemsave", val=0, size=RAM_BYTES, filename=path)
        self.command("cont")


def counts(image):
    """The kernel's own counts in a memory image: ({cpu: {event: (left, entered)}}) or None before they are there."""
    at = image.find(COUNTS_MAGIC)
    while at >= 0:
        cpus, events = struct.unpack_from("<II", image, at + 24)
        if 0 < cpus <= 64 and 0 < events <= 256:
            names = [image[at + 32 + 40 * i:at + 72 + 40 * i].split(b"\0")[0].decode() for i in range(events)]
            first = at + 32 + 40 * events
            first += -first % 8
            entered = struct.unpack_from(f"<{cpus * events}Q", image, first)
            done = struct.unpack_from(f"<{cpus * events}Q", image, first + 8 * cpus * events)
            if names[0].count(":") == 1:
                return {c: {names[e]: (done[c * events + e], entered[c * events + e]) for e in range(events)} for c in range(cpus)}
        at = image.find(COUNTS_MAGIC, at + 1)
    return None


def steps(image):
    """What the kernel stepped through (examples/kernel/step.h): {address: STEP_* bits}, and the numbers of steps, events and runs."""
    at = image.find(STEPS_MAGIC)
    while at >= 0:
        text, size, steps_done, emitted, runs = struct.unpack_from("<5Q", image, at + 24)
        if 0 < size <= 1 << 20:
            return {text + i: b for i, b in enumerate(image[at + 64:at + 64 + size]) if b}, steps_done, emitted, runs
        at = image.find(STEPS_MAGIC, at + 1)
    return None


def pending(path, image):
    """
    Records that are begun and not published, by CPU: they lie behind one that is not committed, and are neither decoded nor lost (layout.h).
    -1 where that cannot be said: a packet is just being closed.
    """
    region = json.loads(cairn("info", "--json", path))["regions"][0]["offset"]
    sections = [struct.unpack_from("<IIQQII", image, region + 512 + 32 * i) for i in range(16)]
    rings = next(s for s in sections if s[0] == 4)
    out = {}
    for i in range(rings[5]):
        at = region + rings[2] + rings[4] * i
        pos, _, committed, _, ring_mask, pkt_mask = struct.unpack_from("<6Q", image, at)
        packets, closed = struct.unpack_from("<2Q", image, at + 144)
        low48 = (1 << 48) - 1
        q, last, n = committed & low48 & ~pkt_mask, pos & low48 & ~pkt_mask, (pos >> 48) - (committed >> 48)
        while q != last and n >= 0:
            n += struct.unpack_from("<Q", image, region + closed + 16 * ((q & ring_mask) // (pkt_mask + 1)))[0] >> 48
            q = (q + pkt_mask + 1) & low48
            seq, = struct.unpack_from("<Q", image, region + packets + (q & ring_mask) + 56)
            if seq != q // (pkt_mask + 1):
                n = -1
        out[struct.unpack_from("<I", image, at + 168)[0]] = n
    return out


def account(image_path):
    """
    For each CPU of an image and each event: the kernel had finished at least, and begun at most, what the trace accounts for. Returns the
    number of events accounted for.
    """
    with open(image_path, "rb") as f:
        image = f.read()
    kernel = counts(image)
    tap.check(kernel, "the kernel's counts are not in the image")
    behind = pending(image_path, image)
    decoded = stat(image_path)
    seen = 0
    for cpu, events in kernel.items():
        if not any(entered for _, entered in events.values()):
            continue
        c = decoded.get(cpu)
        tap.check(c, f"CPU {cpu} emitted and is not in the trace")
        got = c["decoded"] + c["lost"] + c["overwritten"] + c.get("consumed", 0)
        low, high = sum(n for n, _ in events.values()), sum(n for _, n in events.values())
        # what the kernel does not count event by event, because Cairn itself emits it
        uncounted = 0 if "task:*" in events else sum(n for name, n in c["events"].items() if name.startswith("task:"))
        if c["overwritten"] + c.get("consumed", 0) and uncounted:
            uncounted += c["overwritten"] + c.get("consumed", 0)
        if behind[cpu] < 0:
            print(f"# CPU {cpu} is just closing a packet, with {high - low} events begun")
        else:
            tap.check(low <= got + behind[cpu] and got + behind[cpu] - uncounted <= high,
                      f"CPU {cpu}: trace accounts for {got}, {behind[cpu]} are not published, the kernel counted {low} .. {high}")
        if not c["overwritten"] + c.get("consumed", 0) and not c["lost"] and not behind[cpu]:
            for name, (left, entered) in events.items():
                if name.endswith(":*"):
                    continue
                n = c["events"].get(name, 0)
                tap.check(left <= n <= entered, f"CPU {cpu} {name}: decoded {n}, the kernel says {left} .. {entered}")
        seen += got
    return seen


def compare(g, stat_json, *options):
    """scripts/compare-counts.py: what the kernel printed at its end against the output of `cairn stat --json`."""
    path = os.path.join(g.dir, "counts")
    with open(path, "w") as f:
        f.write(g.serial())
    p = subprocess.run([os.path.join(SRC, "scripts/compare-counts.py"), path, stat_json, *options],
                       capture_output=True, text=True, check=False)
    tap.equal(p.returncode, 0, f"compare-counts.py: {p.stdout}{p.stderr}")
    return p.stdout


def stat_file(g, path):
    out = os.path.join(g.dir, "stat.json")
    with open(out, "w") as f:
        f.write(cairn("stat", "--json", path))
    return out


def cairn(*args, status=0, timeout=120):
    """Run the command; its output. Fails if it exits otherwise than with `status`."""
    p = subprocess.run([CAIRN, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
    if p.returncode != status:
        raise RuntimeError(f"cairn {' '.join(args)}: exit status {p.returncode}, not {status}: {p.stderr.strip()[-500:]}{p.stdout[-500:]}")
    return p.stdout


def stat(path):
    return {c["cpu"]: c for c in json.loads(cairn("stat", "--json", path))["cpus"]}
