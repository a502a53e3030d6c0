#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 300
"""CPUs that go and come back, one that never comes, and events that are switched while they fire: everything is accounted for."""
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import guest
import tap

_, rand = guest.begin()
CHANGES = 401 if guest.LONG else 41


def away_and_back(g, changes, cpus):
    """The kernel did what it was asked for, and the CPUs that came back worked."""
    said = g.serial()
    away, back = len(re.findall(r"hotplug: cpu \d+ is away", said)), len(re.findall(r"hotplug: cpu \d+ is back", said))
    tap.check(away == back + changes % 2 and away > 5, f"{away} times away and {back} times back: {said[-300:]}")
    switches = [int(n) for n in re.findall(r"kernel-stat cpu=\d+ .*switches=(\d+)", said)]
    tap.check(all(n > 50 for n in switches[:cpus]), f"switches of the CPUs: {switches}")


def books(text):
    print("# " + text.strip().splitlines()[-1])


@tap.test("three CPUs, two of them come and go, a fourth never comes: event by event")
def _():
    with guest.Guest(f"trace=*:* seconds=1 ring_kb=8192 nmi_us=300 hotplug={CHANGES} absent=3", cpus=4) as g:
        g.wait()
        away_and_back(g, 0, 3)  # the last change would be CPU 3's, which has no turn
        guest.cairn("check", g.ram)
        books(guest.compare(g, guest.stat_file(g, g.ram), "--events"))
        tap.equal(guest.stat(g.ram)[3]["emitted"], 0, "events of the CPU that never came")
        info = guest.cairn("info", g.ram)
        tap.contains(info, "ring 3     CPU 3, 8388608 bytes: 2048 packets of 4096, keeps the newest, off, nothing written", "cairn info")
        tap.check("ring 1     CPU 1" in info and info.count("nothing written") == 1, f"cairn info on the other rings:\n{info}")


@tap.test("rings of two packets, dumped while CPUs come and go")
def _():
    with guest.Guest(f"trace=*:* seconds=1 ring_kb=8 nmi_us=1000 hotplug={CHANGES}", cpus=2) as g:
        image, dumps = os.path.join(g.dir, "image"), 0
        g.wait_for("hotplug: cpu 1 is away")
        for _ in range(100 if guest.LONG else 4):
            time.sleep(rand.uniform(0, 0.1))
            try:
                g.dump(image)
            except (OSError, ValueError):  # the guest has ended
                break
            guest.cairn("check", image)
            guest.account(image)
            dumps += 1
        tap.check(dumps, "the guest ended before it was dumped")
        g.wait()
        away_and_back(g, CHANGES, 2)
        books(guest.compare(g, guest.stat_file(g, g.ram)))


@tap.test("discard mode, consumed from outside while CPUs come and go")
def _():
    with guest.Guest(f"trace=*:* seconds=1 ring_kb=64 discard=1 hotplug={CHANGES}", cpus=2) as g:
        capture = os.path.join(g.dir, "capture")
        recorder = g.record(capture)
        g.wait()
        g.recorded(recorder)
        away_and_back(g, CHANGES, 2)
        books(guest.compare(g, guest.stat_file(g, capture)))


def toggled(options, cpus):
    """Off and on: what fired during a switch is unsure, all else is exact."""
    with guest.Guest(f"trace=*:* seconds=1 ring_kb=16384 nmi_us=500 toggle={2800 if guest.LONG else 280} {options}", cpus=cpus) as g:
        said = g.wait()
        guest.cairn("check", g.ram)
        books(guest.compare(g, guest.stat_file(g, g.ram), "--events"))
        totals = [tuple(map(int, m)) for m in re.findall(r"cairn-total cpu=\d+ n=(\d+) unsure=(\d+) stale=(\d+)", said)]
        sure, unsure, stale = (sum(t[i] for t in totals) for i in range(3))
        print(f"# {sure} events, {unsure} more while events were being switched, {stale} from a tracepoint that was off")
        tap.check(0 < unsure < sure / 4, "unsure events are to be there, and few")
        tap.equal(stale, 0, "tracepoints that went on although they were off")


tap.add("events switched off and on while they fire", toggled, "", 2)
tap.add("the same while CPUs come and go", toggled, "hotplug=20", 3)

tap.main()
