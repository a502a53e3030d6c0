#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 400
"""The example kernel counts what it emits; everything must be found again: decoded + lost + overwritten, CPU by CPU."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import guest
import tap

_, rand = guest.begin()


def followed(cpus, nmis):
    """Followed from outside, rings large enough: nothing lost, each event counted. With NMIs from QEMU, to all CPUs at once at random moments."""
    with guest.Guest("trace=*:* seconds=4 ring_kb=8192" + (" nmi_us=0" if nmis else ""), cpus=cpus) as g:
        capture = os.path.join(g.dir, "capture")
        recorder = g.record(capture)
        sent = 0
        if nmis:
            g.wait_for("trace:")  # the firmware has no handler for them
        try:
            for sent in range(1, nmis + 1):
                g.command("inject-nmi")
                time.sleep(rand.uniform(0, 0.006))
        except (OSError, ValueError):  # on a busy machine the guest ends before all are sent
            pass
        g.wait()
        taken = g.nmis_taken()
        print(f"# NMIs: {sent} from QEMU, {taken} taken" + ("" if nmis else ", sent by the kernel itself"))
        tap.check(sent >= nmis / 4, f"only {sent} NMIs of {nmis} were sent")
        tap.check(not nmis or all(sent / 10 < n <= sent for n in taken), f"NMIs taken: {taken} of {sent}")  # one that pends takes up the next
        g.recorded(recorder)
        guest.cairn("check", capture)
        guest.compare(g, guest.stat_file(g, capture), "--events")
        said = guest.stat(capture)
        tap.equal(len(said), cpus, "CPUs in the trace")
        for event in ("sched:sched_switch", "sched:sched_wakeup", "raw_syscalls:sys_enter", "raw_syscalls:sys_exit",
                      "exceptions:page_fault_user", "irq:irq_handler_entry", "irq:irq_handler_exit", "kmem:mm_page_alloc",
                      "kmem:mm_page_free", "nmi:nmi_handler"):
            tap.check(sum(c["events"].get(event, 0) for c in said.values()) > 0, f"no {event} in the trace")


tap.add("two CPUs, followed while they run, event by event", followed, 2, 0)
tap.add("two CPUs and NMIs from QEMU at random moments", followed, 2, 600)
tap.add("four CPUs and NMIs from QEMU at random moments", followed, 4, 300)


@tap.test("rings of 16 KiB, read after the end: overwritten and counted")
def _():
    with guest.Guest("trace=*:* seconds=2 ring_kb=16") as g:
        g.wait()
        guest.compare(g, guest.stat_file(g, g.ram))
        said = guest.stat(g.ram)
        for cpu, c in said.items():
            tap.check(c["overwritten"] > 0, f"CPU {cpu} overwrote nothing")
            tap.check(c["decoded"] > 0, f"CPU {cpu} has nothing left")


@tap.test("only what trace= asks for is recorded")
def _():
    with guest.Guest("trace=irq:*,sched_switch seconds=1 ring_kb=1024") as g:
        g.wait()
        guest.compare(g, guest.stat_file(g, g.ram))
        names = {n for c in guest.stat(g.ram).values() for n, k in c["events"].items() if k}
        tap.equal(names - {"irq:irq_handler_entry", "irq:irq_handler_exit", "sched:sched_switch"}, set(), "events beside those asked for")
        tap.check("sched:sched_switch" in names, "sched_switch is not there")


tap.main()
