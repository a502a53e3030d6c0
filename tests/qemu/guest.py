# SPDX-License-Identifier: MIT
"""The example kernel in QEMU, for tests: start it, talk to QEMU by QMP, dump its memory, read what it counted."""
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

SRC = os.environ.get("CAIRN_SRC", os.getcwd())
BUILD = os.environ.get("CAIRN_BUILD", os.path.join(SRC, "build/host"))
CAIRN = os.path.join(BUILD, "cairn")
KERNEL = os.path.join(BUILD, "examples/kernel/kernel.elf")
QEMU = "qemu-system-x86_64"
RAM_BYTES = 128 << 20
COUNTS_MAGIC = b"CAIRN-EXAMPLE-COUNTS\0\0\0\0"


def missing():
    """Why these tests cannot run, or None."""
    for what, there in ((QEMU, shutil.which(QEMU)), (KERNEL, os.path.exists(KERNEL)), (CAIRN, os.path.exists(CAIRN))):
        if not there:
            return f"{what} is not here"
    return None


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
        """Until the guest ends by itself; its serial log."""
        self.process.wait(timeout=self.left())
        return self.serial()

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


def cairn(*args, status=0, timeout=120):
    """Run the command; its output. Fails if it exits otherwise than with `status`."""
    p = subprocess.run([CAIRN, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
    if p.returncode != status:
        raise RuntimeError(f"cairn {' '.join(args)}: exit status {p.returncode}, not {status}: {p.stderr.strip()[-500:]}{p.stdout[-500:]}")
    return p.stdout


def stat(path):
    return {c["cpu"]: c for c in json.loads(cairn("stat", "--json", path))["cpus"]}
