#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 300
"""Memory at a random moment: dumped by QEMU, or left behind by a guest that was killed. The trace in it is whole."""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import guest
import tap

_, rand = guest.begin()


def dumps(ring_kb, rounds):
    with guest.Guest(f"trace=*:* seconds=30 ring_kb={ring_kb}") as g:
        g.wait_for("trace:")
        image = os.path.join(g.dir, "image")
        last = 0
        for _ in range(rounds):
            time.sleep(rand.uniform(0.1, 0.6))
            g.dump(image)
            print("# " + guest.cairn("check", image).strip().splitlines()[-1])
            seen = guest.account(image)
            tap.check(seen > last, f"the trace stands still at {seen} events")
            last = seen


tap.add("pmemsave at random moments, large rings", dumps, 8192, 30 if guest.LONG else 4)
tap.add("pmemsave at random moments, rings of 32 KiB that wrap all the time", dumps, 32, 60 if guest.LONG else 6)


@tap.test("SIGKILL at a random moment leaves a trace that check accepts, or none yet, and says which")
def _():
    whole = 0
    for _ in range(40 if guest.LONG else 5):
        with guest.Guest("trace=*:* seconds=30 ring_kb=64") as g:
            time.sleep(rand.uniform(0.05, 3))
            g.kill()
            p = subprocess.run([guest.CAIRN, "check", g.ram], capture_output=True, text=True, timeout=60, check=False)
            if p.returncode == 0:
                whole += 1
                if guest.stat(g.ram):
                    guest.account(g.ram)
            else:
                tap.equal(p.returncode, 1, f"exit status; {p.stderr}")
                tap.check("no trace" in p.stderr or "no region" in p.stderr or "not complete" in p.stderr or "empty" in p.stderr,
                          f"the words of check: {p.stderr!r}")
    tap.check(whole, "no guest lived long enough to have a trace")


tap.main()
