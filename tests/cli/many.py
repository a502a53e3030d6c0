#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 120
"""The command on a region of 1,024 rings (tests/unit/many_rings.c): all sums right, in bounded time and memory."""
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap

CAIRN = os.path.join(tap.BUILD, "cairn")
WRITER = os.path.join(tap.BUILD, "tests/unit/unit-many_rings")
RINGS = 1024
SECONDS, BYTES = 20, 256 << 20  # each verb; the region has 9 MiB
FOLDER = tempfile.TemporaryDirectory(prefix="cairn-many-")
REGION = os.path.join(FOLDER.name, "region")


def expected(ring):
    return ring % 4 * 97 + ring % 97 if ring % 4 else 0


def cairn(*words, stdout=subprocess.PIPE):
    begin = time.monotonic()
    p = subprocess.run([CAIRN, *words], stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=SECONDS, check=False,
                       preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES)))
    tap.equal(p.returncode, 0, f"exit status of cairn {words[0]}: {p.stderr}")
    print(f"# {words[0]}: {time.monotonic() - begin:.2f} s")
    return p.stdout


@tap.test("a region of 1,024 rings")
def _():
    tap.run([WRITER, "written"], env={**os.environ, "CAIRN_MANY_RINGS": REGION})
    print(f"# {os.path.getsize(REGION)} bytes")


@tap.test("check, info and stat: each ring by itself")
def _():
    tap.contains(cairn("check", REGION), f"{RINGS} rings", "cairn check")
    info = json.loads(cairn("info", "--json", REGION))
    tap.equal(len(info["regions"][0]["rings"]), RINGS, "rings in info")
    cpus = {c["cpu"]: c for c in json.loads(cairn("stat", "--json", REGION))["cpus"]}
    tap.equal(len(cpus), RINGS, "CPUs in stat")
    for ring, c in cpus.items():
        tap.equal((c["decoded"] + c["overwritten"], c["lost"]), (expected(ring), 0), f"CPU {ring}: decoded + overwritten, lost")
    tap.check(sum(c["overwritten"] for c in cpus.values()) > 0, "nothing was overwritten")


@tap.test("report: all rings merged by time")
def _():
    seen, last = {}, -1.0
    for line in cairn("report", "-q", REGION).splitlines():
        if "number: n=" not in line:
            continue
        cpu, stamp = int(line.split("[")[1].split("]")[0]), float(line.split("]")[1].split()[1].rstrip(":"))
        n, check = (int(w.split("=")[1]) for w in line.split("number: ")[1].split())
        tap.equal(check, cpu << 32 | n, f"the event in {line!r}")
        tap.check(stamp >= last, f"{line!r} is older than the one before it")
        last = stamp
        seen[cpu] = seen.get(cpu, 0) + 1
    decoded = {c["cpu"]: c["decoded"] for c in json.loads(cairn("stat", "--json", REGION))["cpus"] if c["decoded"]}
    tap.equal(seen, decoded, "events in the report, by CPU")
    tap.equal(set(seen), {r for r in range(RINGS) if expected(r)}, "CPUs in the report")


@tap.test("convert to CTF: a stream for each ring that has packets")
def _():
    out = os.path.join(FOLDER.name, "ctf")
    cairn("convert", "--to", "ctf", REGION, "-o", out)
    tap.equal(len([f for f in os.listdir(out) if f != "metadata"]), len([r for r in range(RINGS) if expected(r)]), "stream files")


tap.main()
