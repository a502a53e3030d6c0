#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every format that was ever written is still read, to the same text and the same numbers; and the library still writes the newest."""
import glob
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap

GOLDEN = os.path.join(tap.SRC, "tests/golden")
CAIRN = os.path.join(tap.BUILD, "cairn")


def cairn(*args):
    return subprocess.run([CAIRN, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)


def text(name):
    with open(name) as f:
        return f.read()


def read_again(folder):
    region = os.path.join(folder, "region")
    done = cairn("check", region)
    tap.equal(done.returncode, 0, f"cairn check: {done.stdout}{done.stderr}")
    tap.equal(cairn("report", region).stdout, text(os.path.join(folder, "report.txt")), "cairn report")
    got, kept = (json.loads(t) for t in (cairn("stat", "--json", region).stdout, text(os.path.join(folder, "stat.json"))))
    tap.equal(len(got["cpus"]), len(kept["cpus"]), "CPUs of cairn stat")
    for now, then in zip(got["cpus"], kept["cpus"]):  # keys may be added, never lost
        tap.equal({key: now.get(key) for key in then}, then, "counts of cairn stat")


def written_today():
    newest = sorted(glob.glob(os.path.join(GOLDEN, "format-*")), key=lambda f: [int(n) for n in f.rsplit("-", 1)[1].split(".")])[-1]
    with tap.folder() as folder:
        region = os.path.join(folder, "region")
        tap.run([os.path.join(tap.BUILD, "tests/unit/golden-region"), region])
        tap.equal(cairn("report", region).stdout, text(os.path.join(newest, "report.txt")), "cairn report of a region written today")
        with open(region, "rb") as today, open(os.path.join(newest, "region"), "rb") as kept:
            a, b = today.read(), kept.read()
        tap.equal(len(a), len(b), "bytes of the region")
        # all but the UUID, the boot nonce and the checksums over them
        uuid, nonce = slice(40, 56), slice(56, 64)
        for part in (uuid, nonce):
            a, b = a.replace(a[part], bytes(len(a[part]))), b.replace(b[part], bytes(len(b[part])))
        tap.equal(a[64:1024], b[64:1024], "superblock")
        different = [i for i in range(4096, len(a) - 4096) if a[i] != b[i]]
        tap.check(len(different) < 200, f"{len(different)} bytes differ, the first at {different[:1]}")


for golden in sorted(glob.glob(os.path.join(GOLDEN, "format-*"))):
    tap.add(os.path.basename(golden) + " is read as it was then", read_again, golden)
tap.add("what is written today is the newest format", written_today)
tap.main()
