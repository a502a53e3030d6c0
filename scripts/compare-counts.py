#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compare what a system says it emitted with what was got out of its trace.

    compare-counts.py COUNTS STAT.json [--events]

COUNTS holds the lines that the example kernel and examples/user/load print: `cairn-count cpu=N event=SYSTEM:NAME n=K`, `cairn-total
cpu=N n=K`, `cairn-end`. STAT.json is the output of `cairn stat --json`. For each CPU: emitted = decoded + lost + overwritten (+ consumed, where
somebody has read from the region). Where K is followed by `unsure=U`, U more may have been emitted: events were being switched on or off meanwhile. With
--events nothing may be lost or overwritten, and the numbers of each event are compared too. An event written SYSTEM:* in COUNTS stands
for all of that system. Exit status 1 if anything differs, if COUNTS has no end, or if there is nothing to compare.
"""
import json
import re
import sys


def read_counts(path):
    totals, events, ended = {}, {}, False
    with open(path, errors="replace") as f:
        for line in f:
            if m := re.search(r"cairn-count cpu=(\d+) event=(\S+) n=(\d+)(?: unsure=(\d+))?", line):
                events.setdefault(int(m[1]), {})[m[2]] = (int(m[3]), int(m[4] or 0))
            elif m := re.search(r"cairn-total cpu=(\d+) n=(\d+)(?: unsure=(\d+))?", line):
                totals[int(m[1])] = (int(m[2]), int(m[3] or 0))
            elif "cairn-end" in line:
                ended = True
    return totals, events, ended


def decoded_events(cpu, names):
    """The trace's counts under the names that COUNTS uses."""
    out = {}
    for name, n in cpu["events"].items():
        system = name.split(":")[0] + ":*"
        key = system if system in names else name
        out[key] = out.get(key, 0) + n
    return out


def main():
    args = [a for a in sys.argv[1:] if not a.startswith("--")]
    if len(args) != 2:
        sys.exit("usage: compare-counts.py COUNTS STAT.json [--events]")
    per_event = "--events" in sys.argv
    totals, events, ended = read_counts(args[0])
    with open(args[1]) as f:
        cpus = {c["cpu"]: c for c in json.load(f)["cpus"]}
    bad = 0
    if not ended:
        print(f"{args[0]}: no cairn-end: the system did not finish counting")
        bad += 1
    emitted, unsure = (sum(t[i] for t in totals.values()) for i in (0, 1))
    if not emitted:
        print(f"{args[0]}: no counts to compare")
        bad += 1
    print("CPU      emitted    = decoded     + lost     + overwritten")
    none = {"decoded": 0, "lost": 0, "overwritten": 0, "events": {}}
    for cpu in sorted(totals.keys() | cpus.keys()):
        c, (n, u) = cpus.get(cpu, none), totals.get(cpu, (0, 0))
        right = n <= c["decoded"] + c["lost"] + c["overwritten"] + c.get("consumed", 0) <= n + u
        print(f"{cpu:3} {n:12} {'=' if right else '!'} {c['decoded']:12} {c['lost']:10} {c['overwritten']:13}"
              f"{'' if right else '   DIFFERENT'}")
        bad += not right
        if not per_event:
            continue
        if c["lost"] or c["overwritten"]:
            print(f"    CPU {cpu}: something was lost or overwritten; the rings were to be large enough")
            bad += 1
        said = {k: v for k, v in events.get(cpu, {}).items() if any(v)}
        got = {k: v for k, v in decoded_events(c, said).items() if v}
        for name in sorted(said.keys() | got.keys()):
            n, u = said.get(name, (0, 0))
            if not n <= got.get(name, 0) <= n + u:
                print(f"    CPU {cpu} {name}: emitted {n}{f' .. {n + u}' if u else ''}, decoded {got.get(name, 0)}   DIFFERENT")
                bad += 1
    print(f"{emitted}{f' .. {emitted + unsure}' if unsure else ''} events emitted on {len(totals)} CPUs: "
          + ("all accounted for" + (", event by event" if per_event else "") if not bad else f"{bad} differences"))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
