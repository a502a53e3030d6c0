#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 600
"""
An event at every instruction of the code that emits events: the example kernel runs its emitters with the trap flag set, and the debug
exception emits (examples/kernel/step.c). Timer interrupts and NMIs at random come all the while, the other CPU has its own load. Whatever
happens, decoded + lost + overwritten is what the kernel counted. At the end the instructions reached are compared with the disassembly.
"""
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import guest
import tap

seed, rand = guest.begin()
ROUNDS = 5 if guest.LONG else 1
MIX = 0x9e3779b97f4a7c15
SEEN, EMITTED, OPENED = 1, 2, 4

reached = {}  # address: bits of struct step_map, of all runs together


def remember(image_path):
    with open(image_path, "rb") as f:
        found = guest.steps(f.read())
    tap.check(found, "the kernel's map of steps is not in the image")
    addresses, steps, emitted, runs = found
    for address, bits in addresses.items():
        reached[address] = reached.get(address, 0) | bits
    print(f"# {runs} calls, {steps} instructions stepped at {len(addresses)} addresses, {emitted} events by the debug exception")
    tap.check(steps > 10000 and emitted > 10000, "hardly anything was stepped")


def whole(path):
    """Each step_instruction that is left says what its check says, and they come in the order in which they were emitted."""
    last, n = {}, 0
    for line in guest.cairn("report", "-e", "step:step_instruction", path).splitlines():
        m = re.search(r"\[(\d+)\].*ip=([0-9a-f]+) serial=(\d+) check=([0-9a-f]+)", line)
        if not m:
            continue
        cpu, ip, serial, check = int(m[1]), int(m[2], 16), int(m[3]), int(m[4], 16)
        tap.equal(check, (serial * MIX & (1 << 64) - 1) ^ ip, f"check of {line.strip()}")
        tap.check(serial > last.get(cpu, 0), f"CPU {cpu}: serial {serial} behind {last.get(cpu)}")
        last[cpu] = serial
        n += 1
    return n


def nmis_at_random(g, until, at_times):
    """NMIs to all CPUs at random moments until the guest says `until`; now and then at_times(). Returns how many."""
    n = 0
    while until not in g.serial():
        g.left()
        try:
            for _ in range(rand.randrange(1, 8)):
                g.command("inject-nmi")
                n += 1
                time.sleep(rand.uniform(0, 0.004))
            if rand.random() < 0.05:
                at_times()
        except (OSError, ValueError):  # the guest has ended
            break
    return n


def small_rings(options, rounds, random_runs, losses, dumps, consumer=False):
    """Few packets of 4 KiB on each CPU: packets are opened all the time."""
    with guest.Guest(f"trace=*:* seconds=1 hz=1000 nmi_us=1000 step={rounds} random={random_runs} seed={seed} {options}", limit=300) as g:
        image, capture = os.path.join(g.dir, "image"), os.path.join(g.dir, "capture")
        g.wait_for("trace:")
        recorder = consumer and g.record(capture)
        seen = []

        def dump():
            if len(seen) < dumps:
                g.dump(image)
                guest.cairn("check", image)
                seen.append(guest.account(image))
                whole(image)

        sent = nmis_at_random(g, "step: done", dump)
        g.wait()
        if consumer:
            g.recorded(recorder)
        remember(g.ram)
        source = capture if consumer else g.ram
        guest.cairn("check", source)
        print("# " + guest.compare(g, guest.stat_file(g, source)).strip().splitlines()[-1])
        print(f"# {sent} NMIs from QEMU, taken with the kernel's own: {g.nmis_taken()}; {len(seen)} dumps at random; "
              f"{whole(source)} records of the exception checked")
        lost = {}
        for c in guest.stat(source).values():
            for why, n in c["lost_by"].items():
                lost[why] = lost.get(why, 0) + n
        lost = {why: n for why, n in lost.items() if n}
        print(f"# lost by cause: {lost}")
        tap.check(sent > 100, f"only {sent} NMIs")
        tap.check(set(lost) <= losses and (set(lost) == losses or not rounds), f"causes of the losses: {set(lost)}, not {losses}")


tap.add("overwrite mode, two packets a ring, dumped at random moments", small_rings, "ring_kb=8", ROUNDS, 10000, {"wrapped", "too_big"},
        100 if guest.LONG else 5)
tap.add("discard mode, two packets a ring, emptied between the runs", small_rings, "ring_kb=8 discard=1 consume=1", ROUNDS, 10000,
        {"full", "too_big"}, 100 if guest.LONG else 3)
tap.add("overwrite mode, sixteen packets a ring: several to be published at once", small_rings, "ring_kb=64", 0, 10000, {"wrapped", "too_big"},
        100 if guest.LONG else 1)
tap.add("discard mode, two packets a ring, consumed from outside", small_rings, "ring_kb=8 discard=1", 0, 15000, {"full", "too_big"}, 0, True)


@tap.test("rings that are large enough: event by event")
def _():
    with guest.Guest(f"trace=*:* seconds=1 ring_kb=32768 hz=1000 nmi_us=300 random=1500 seed={seed}") as g:
        g.wait()
        remember(g.ram)
        with open(g.ram, "rb") as f:
            kernel = guest.counts(f.read())
        for cpu, c in guest.stat(g.ram).items():
            tap.equal(c["overwritten"], 0, f"CPU {cpu}: overwritten")
            for name, (left, entered) in kernel[cpu].items():
                tap.equal(left, entered, f"CPU {cpu} {name}: begun and finished")
                got = c["events"].get(name, 0) if name != "task:*" else sum(n for k, n in c["events"].items() if k.startswith("task:"))
                tap.equal(got + (c["lost_by"]["too_big"] if name == "step:step_large" else 0), left, f"CPU {cpu} {name}")
            tap.equal(c["lost"], c["lost_by"]["too_big"], f"CPU {cpu}: lost")
        print(f"# {whole(g.ram)} records of the exception checked, one by one")


# ---- every instruction ----

# Functions whose every instruction is to be reached.
EMIT_PATH = ("cairn_call_step_probe", "cairn_record_again_step_probe", "cairn_call_step_text", "cairn_reserve_for",
             "cairn_commit_for", "cairn_ring_slow", "ring_open_packet", "ring_set_limit", "cairn_ring_publish", "cairn_ring_lost",
             "cairn_ring_seq", "cairn_flush", "cairn_ring_flush", "cairn_ring_too_big", "cairn_text_bytes", "cairn_text_copy")

# Source lines that cannot be reached here. A stretch of instructions that was not is excused if one of them, or a line that it is inlined
# at, matches.
EXCUSED = (
    (r"cairn_ring_missing\(\)|cairn_ring_current\(\)|r == NULL|cpu >= CAIRN_MAX_CPUS", "each CPU has a ring"),
    (r"CAIRN_GATE_SLOW|cairn_event_slow|cairn_event_wanted_|CAIRN_LIKELY\(gate", "no event is filtered or switched off meanwhile"),
    (r"CAIRN_LOST_CLOCK|CAIRN_CLOCK_RETRIES", "the clock does not step back"),
    (r"ring_packet_start\(r, limit\) - 4|!cairn_load32\(&r->enabled\)", "no ring is stopped meanwhile"),
    (r"bytes & 3|s->size - 4", "the lengths of these records are multiples of 4"),
    (r"instances|also|gate_reserve_one|LOST_RECURSION|cairn_gate_leave|GATE_BUFFERS", "no instance is there (tests/stress/buffers.c)"),
    (r"cairn_ring_commit\(&copy\)", "no instance is there (tests/stress/buffers.c)"),
    (r"content_bits, \(to & r->pkt_mask\)", "nobody is held up for hours before he publishes; the way of all others through this is reached"),
    (r"text_null", "the string is no null pointer"),
    (r"seen >= max|seen - max", "no string here is as long as it may be"),
    (r"LOST_SWITCH|ring_was_left|ring_obey|t\.deferred|request was deferred", "no exchange is asked for (tests/model/exchange.c)"),
    (r"t->counting", "no events are counted (tests/unit/flight.c)"),
    (r"ring_is_kept", "nothing is kept (tests/unit/flight.c)"),
    (r"ring_close_limit\(r, limit\)", "no ring is stopped meanwhile"),
    (r"ring_wake", "no reader waits to be woken (tests/unit/buffer.c)"),
    (r"TEXT_OPAQUE|fill", "the string does not change while it is copied"),
    (r"cairn_ring_too_big|bytes > CAIRN_RECORD_MAX", "no event here is longer than CAIRN_RECORD_MAX"),
)
PADDING = re.compile(r"(data16 |cs |repz )*(nop[wl]?|xchg +%ax,%ax|int3|ud2)\b")


def disassembly():
    """{function: [(address, text, [source line, ...])]}, where each source line is (path, number), the innermost first."""
    text = tap.run(["objdump", "-d", "-l", "--inlines", "--no-show-raw-insn", guest.KERNEL])
    functions, name, lines, fresh = {}, None, [], True
    for line in text.splitlines():
        if m := re.match(r"[0-9a-f]+ <(.*)>:$", line):
            name, lines = re.sub(r"\.(constprop|part|isra|cold).*", "", m[1]), []
            functions.setdefault(name, [])
        elif m := re.match(r"\s*([0-9a-f]+):\t(.*)", line):
            functions.setdefault(name, []).append((int(m[1], 16), m[2].split("#")[0].strip(), tuple(lines)))
            fresh = True
        elif m := re.match(r"(?:inlined by )?(\S+\.[chS]):(\d+)", line):
            if fresh:
                lines, fresh = [], False
            lines.append((m[1], int(m[2])))
    return functions


def stretches(instructions, bits):
    """Instructions that lack some of the bits, as lists of neighbours; padding does not count."""
    out, current = [], []
    for i in instructions:
        if PADDING.match(i[1]):
            continue
        if reached.get(i[0], 0) & bits != bits:
            current.append(i)
        elif current:
            out.append(current)
            current = []
    return out + [current] if current else out


def source_text(place, cache={}):
    path, number = place
    if path not in cache:
        found = next((p for p in (path, os.path.join(guest.BUILD, path)) if os.path.exists(p)), None)
        with open(found or os.devnull, errors="replace") as f:
            cache[path] = f.read().splitlines()
    return cache[path][number - 1].strip() if number <= len(cache[path]) else ""


def excuse(stretch):
    for pattern, why in EXCUSED:
        if any(re.search(pattern, source_text(place)) for i in stretch for place in i[2]):
            return why
    return None


@tap.test("every instruction of the emit path had its event, or is listed with the reason")
def _():
    tap.need("objdump")
    tap.check(reached, "nothing was stepped")
    functions = disassembly()
    bad = []
    for name in EMIT_PATH:
        instructions = functions.get(name)
        if not instructions or not any(reached.get(i[0]) for i in instructions):
            print(f"# {name}: {'inlined everywhere' if instructions else 'no such function'}")
            continue
        real = [i for i in instructions if not PADDING.match(i[1])]
        nr = {bit: sum(1 for i in real if reached.get(i[0], 0) & bit) for bit in (SEEN, EMITTED, OPENED)}
        print(f"# {name}: {len(real)} instructions, {nr[EMITTED]} with an event before them, {nr[OPENED]} with one that opened a packet")
        for stretch in stretches(real, EMITTED):
            why = excuse(stretch)
            where = f"{name}+{stretch[0][0] - instructions[0][0]:#x}, {len(stretch)} instructions"
            print(f"#   not reached: {where}: {why or '; '.join(i[1] for i in stretch)}")
            if not why:
                bad.append(where + ": " + " | ".join(sorted({source_text(p) for i in stretch for p in i[2]})))
    for must in ("cairn_call_step_probe", "cairn_ring_slow", "cairn_ring_publish"):
        tap.check(functions.get(must), f"{must} is not in the kernel")
    tap.equal(bad, [], "instructions that had no event")


tap.main()
