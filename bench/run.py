#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run the benchmarks: a table on stdout, build/bench/results.json for programs. What each number means: bench/README.md.

    bench/run.py [--peers] [--rounds N] [--scale X] [-o FILE]

Interrupted, it still reports the rounds that were complete.
"""
import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# In the order of the table. What the program does not know is said to be missing, so that no row disappears silently.
ROWS = ("empty_loop", "clock", "floor", "floor_2t", "floor_cmpxchg", "event_2u64_1t", "event_2u64_2t", "event_2u64_rseq_1t",
        "event_2u64_shared_1t", "event_str16_1t", "event_mixed_1t", "site_off", "filter_reject", "packet_open", "snapshot_mb_s",
        "consume_mb_s", "bytes_per_event")
PEERS = ("peer_lttng_ust", "peer_dpdk")


def stop(text):
    sys.exit(f"bench: {text}")


def check_build(text, name):
    """A number of a build with checks, or without optimization, is worse than none."""
    words = dict(word.split("=", 1) for word in text.split())
    wanted = {"optimization": "2", "debug_level": "0", "sanitize": "none"}
    for word, value in wanted.items():
        if words.get(word) != value:
            stop(f"build/{name} has {word}={words.get(word)}; only {word}={value} is measured")


def progress(done, rounds):
    if sys.stderr.isatty():
        sys.stderr.write(f"\rround {done} of {rounds} " if done < rounds else "\r" + " " * 30 + "\r")
        sys.stderr.flush()


def read_rounds(program, env, rounds, scale, name):
    """({row: (unit, against)}, [{row: value}, ...]), complete rounds only."""
    process = subprocess.Popen([program, str(rounds), str(scale)], stdout=subprocess.PIPE, env=env, text=True)
    rows, values = {}, []
    progress(0, rounds)
    try:
        for line in process.stdout:
            word, _, rest = line.rstrip("\n").partition(" ")  # a peer may say something of its own
            if word == "build":
                check_build(rest, name)
            elif word == "row":
                row, unit, against = rest.split(" ")
                rows[row] = (unit, None if against == "-" else against)
            elif word == "value":
                number, row, value = rest.split(" ")
                if int(number) == len(values):
                    values.append({})
                values[int(number)][row] = float(value)
                if len(values[-1]) == len(rows):
                    progress(len(values), rounds)
    except KeyboardInterrupt:
        pass
    finally:
        if len(values) < rounds:
            process.terminate()
        status = process.wait()
    complete = [r for r in values if rows and len(r) == len(rows)]
    if not complete:
        stop(f"{os.path.relpath(program, ROOT)} ended with status {status} and no complete round")
    if len(complete) < rounds:
        print(f"bench: stopped after {len(complete)} of {rounds} rounds (status {status})", file=sys.stderr)
    return rows, complete


def evaluate(rows, rounds):
    results = []
    for name in sorted(rows, key=lambda r: (ROWS + PEERS).index(r) if r in ROWS + PEERS else len(ROWS + PEERS)):
        unit, against = rows[name]
        values = [r[name] for r in rounds]
        result = {"name": name, "unit": unit, "median": statistics.median(values), "min": min(values), "max": max(values),
                  "floor": None, "ratio": None, "against": against}
        if against:
            result["floor"] = statistics.median(r[against] for r in rounds)
            result["ratio"] = statistics.median(r[name] / r[against] for r in rounds)
        results.append({k: round(v, 4) if isinstance(v, float) else v for k, v in result.items()})
    return results


def table(results, rounds, peers):
    print(f"{'row':20} {'median':>9} {'min':>9} {'max':>9}  {'unit':6} {'ratio':>6}  of")
    for r in results:
        ratio = f"{r['ratio']:6.2f}  {r['against']}" if r["ratio"] is not None else ""
        print(f"{r['name']:20} {r['median']:9.2f} {r['min']:9.2f} {r['max']:9.2f}  {r['unit']:6} {ratio}".rstrip())
    known = {r["name"] for r in results}
    missing = [name for name in ROWS + (PEERS if peers else ()) if name not in known]
    if missing:
        print(f"not in this version: {' '.join(missing)}")
    print(f"{len(rounds)} rounds; ratio: median of row / {{of}} in the same round; bench/README.md says what a row is")


def targets(results):
    """The numbers of bench/README.md that can be read off one run. Said, never enforced: the machine may be busy."""
    by = {r["name"]: r for r in results}
    one, two = by["event_2u64_1t"]["ratio"], by["event_2u64_2t"]["ratio"] if "event_2u64_2t" in by else None
    empty = by["empty_loop"]
    spread = empty["max"] - empty["min"]
    lines = [("event_2u64_1t at most 1.25 x floor", one <= 1.25, f"{one:.2f}")]
    if two is not None:
        lines.append(("event_2u64_2t / floor_2t at most 1.05 x the ratio of one thread", two <= 1.05 * one, f"{two / one:.3f}"))
    lines.append(("site_off within the spread of empty_loop", by["site_off"]["median"] <= spread,
                  f"{by['site_off']['median']:.3f} ns, spread {spread:.3f} ns"))
    if "peer_dpdk" in by:
        dpdk = by["peer_dpdk"]["median"]
        lines.append(("event_2u64_1t below peer_dpdk", by["event_2u64_1t"]["median"] < dpdk,
                      f"{by['event_2u64_1t']['median']:.2f} against {dpdk:.2f} ns"))
    lines.append(("packet_open under 150 ns", by["packet_open"]["median"] < 150, f"{by['packet_open']['median']:.0f} ns"))
    lines.append(("snapshot at least 2 GB/s", by["snapshot_mb_s"]["median"] >= 2000, f"{by['snapshot_mb_s']['median']:.0f} MB/s"))
    lines.append(("28 bytes for two u64", by["bytes_per_event"]["median"] == 28, f"{by['bytes_per_event']['median']:.2f}"))
    for text, good, value in lines:
        print(f"{'reached' if good else 'MISSED '}  {text}: {value}")


class Lttng:
    """A session daemon of our own, with a session that keeps the newest events per CPU and writes nothing."""

    def __init__(self, folder):
        self.env = dict(os.environ, LTTNG_HOME=folder, LTTNG_UST_REGISTER_TIMEOUT="-1")
        self.daemon = None

    def __enter__(self):
        self.daemon = subprocess.Popen(["lttng-sessiond", "--no-kernel", "--quiet"], env=self.env, stdin=subprocess.DEVNULL)
        for words in (["create", "bench", "--snapshot"],
                      ["enable-channel", "--userspace", "--overwrite", "--buffers-uid", "--subbuf-size=16k", "--num-subbuf=8", "ring"],
                      ["enable-event", "--userspace", "--channel=ring", "bench_peer:two"],
                      ["start"]):
            self.client(words)
        return self

    def client(self, words, tries=50):
        for _ in range(tries):
            done = subprocess.run(["lttng"] + words, env=self.env, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                return
            if self.daemon.poll() is not None or words[0] != "create":
                break
            subprocess.run(["sleep", "0.1"], check=False)
        stop(f"lttng {' '.join(words)}: {(done.stderr or done.stdout).strip()}")

    def __exit__(self, *_):
        subprocess.run(["lttng", "destroy", "bench"], env=self.env, capture_output=True, check=False)
        self.daemon.terminate()
        self.daemon.wait()


def run(args, name, folder):
    env = {k: v for k, v in os.environ.items() if not k.startswith("CAIRN_")}
    env.update(CAIRN_DIR=os.path.join(folder, "cairn"), CAIRN_RING_KB="128",
               CAIRN_STREAMS="32")
    os.mkdir(env["CAIRN_DIR"], 0o700)
    program = os.path.join(ROOT, "build", name, "bench", "bench")
    if not args.peers:
        return read_rounds(program, env, args.rounds, args.scale, name)
    with Lttng(folder) as lttng:
        env.update(LTTNG_HOME=folder, LTTNG_UST_REGISTER_TIMEOUT="-1")
        return read_rounds(program, env, args.rounds, args.scale, name)


def main():
    parser = argparse.ArgumentParser(description="Run Cairn's benchmarks; bench/README.md says what each number means.")
    parser.add_argument("--peers", action="store_true", help="also LTTng-UST and DPDK, from build/peers")
    parser.add_argument("--rounds", type=int, default=25, help="at least 9 (25)")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the turns of each row (1)")
    parser.add_argument("-o", "--output", default=os.path.join(ROOT, "build", "bench", "results.json"), help="(build/bench/results.json)")
    args = parser.parse_args()
    if args.rounds < 9 or not args.scale > 0:
        parser.error("at least 9 rounds, and a scale above 0")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # by way of the clean-up
    shm = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = tempfile.mkdtemp(prefix="cairn-bench-", dir=shm)
    try:
        rows, rounds = run(args, "peers" if args.peers else "host", folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    results = evaluate(rows, rounds)
    table(results, rounds, args.peers)
    targets(results)
    os.makedirs(os.path.dirname(args.output) or ".", exist_ok=True)
    with open(args.output + ".part", "w", encoding="utf-8") as f:
        json.dump(results, f, indent=1)
        f.write("\n")
    os.replace(args.output + ".part", args.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
