#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 300
"""Memory at a random moment: dumped by QEMU, or left behind by a guest that was killed. The trace in it is whole."""
import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import guest
import tap

reason = guest.missing()
if reason:
    print(f"1..0 # SKIP {reason}")
    sys.exit(0)

seed = int(os.environ.get("CHECK_SEED", "0")) or random.randrange(1, 1 << 31)
print(f"# CHECK_SEED={seed}")
rand = random.Random(seed)
LONG = bool(os.environ.get("CAIRN_LONG"))


def account(image_path):
    """For each CPU and event: the kernel had finished at least, and begun at most, what the trace accounts for."""
    with open(image_path, "rb") as f:
        kernel = guest.counts(f.read())
    tap.check(kernel, "the kernel's counts are not in the image")
    decoded = guest.stat(image_path)
    seen = 0
    for cpu, events in kernel.items():
        if not any(entered for _, entered in events.values()):
            continue
        c = decoded.get(cpu)
        tap.check(c, f"CPU {cpu} emitted and is not in the trace")
        got = c["decoded"] + c["lost"] + c["overwritten"]
        low, high = sum(n for n, _ in events.values()), sum(n for _, n in events.values())
        # what the kernel does not count event by event, because Cairn itself emits it
        uncounted = 0 if "task:*" in events else sum(n for name, n in c["events"].items() if name.startswith("task:"))
        if c["overwritten"] and uncounted:
            uncounted += c["overwritten"]
        tap.check(low <= got and got - uncounted <= high, f"CPU {cpu}: trace accounts for {got}, the kernel for {low} .. {high}")
        if not c["overwritten"] and not c["lost"]:
            for name, (left, entered) in events.items():
                if name.endswith(":*"):
                    continue
                n = c["events"].get(name, 0)
                tap.check(left <= n <= entered, f"CPU {cpu} {name}: decoded {n}, the kernel says {left} .. {entered}")
        seen += got
    return seen


def dumps(ring_kb, rounds):
    with guest.Guest(f"trace=*:* seconds=30 ring_kb={ring_kb}") as g:
        g.wait_for("trace:")
        image = os.path.join(g.dir, "image")
        last = 0
        for _ in range(rounds):
            time.sleep(rand.uniform(0.1, 0.6))
            g.dump(image)
            print("# " + guest.cairn("check", image).strip().splitlines()[-1])
            seen = account(image)
            tap.check(seen > last, f"the trace stands still at {seen} events")
            last = seen


tap.add("pmemsave at random moments, large rings", dumps, 8192, 30 if LONG else 4)
tap.add("pmemsave at random moments, rings of 32 KiB that wrap all the time", dumps, 32, 60 if LONG else 6)


@tap.test("SIGKILL at a random moment leaves a trace that check accepts, or none yet, and says which")
def _():
    whole = 0
    for _ in range(40 if LONG else 5):
        with guest.Guest("trace=*:* seconds=30 ring_kb=64") as g:
            time.sleep(rand.uniform(0.05, 3))
            g.kill()
            p = subprocess.run([guest.CAIRN, "check", g.ram], capture_output=True, text=True, timeout=60, check=False)
            if p.returncode == 0:
                whole += 1
                if guest.stat(g.ram):
                    account(g.ram)
            else:
                tap.equal(p.returncode, 1, f"exit status; {p.stderr}")
                tap.check("no trace" in p.stderr or "no region" in p.stderr or "not complete" in p.stderr or "empty" in p.stderr,
                          f"the words of check: {p.stderr!r}")
    tap.check(whole, "no guest lived long enough to have a trace")


tap.main()
