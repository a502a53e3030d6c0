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

# A row during which other programs had more than this of its CPUs decides nothing: what they leave in the caches is in the number.
BUSY = 0.02
LEAST = 9  # rounds that a verdict needs

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
    """({row: (unit, against)}, [{row: value}, ...], [{row: share that others had of its CPUs}, ...]), complete rounds only."""
    process = subprocess.Popen([program, str(rounds), str(scale)], stdout=subprocess.PIPE, env=env, text=True)
    rows, values, others = {}, [], []
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
                number, row, value, share = rest.split(" ")
                if int(number) == len(values):
                    values.append({})
                    others.append({})
                values[-1][row], others[-1][row] = float(value), float(share)
                if len(values[-1]) == len(rows):
                    progress(len(values), rounds)
    except KeyboardInterrupt:
        pass
    finally:
        if len(values) < rounds or len(values[-1]) < len(rows):
            process.terminate()
        status = process.wait()
    complete = [r for r in values if rows and len(r) == len(rows)]
    if not complete:
        stop(f"{os.path.relpath(program, ROOT)} ended with status {status} and no complete round")
    if len(complete) < rounds:
        print(f"bench: stopped after {len(complete)} of {rounds} rounds (status {status})", file=sys.stderr)
    return rows, complete, others[:len(complete)]


def quartiles(values):
    """(lower, upper): half of the rounds lie between."""
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def evaluate(rows, rounds):
    results = []
    for name in sorted(rows, key=lambda r: (ROWS + PEERS).index(r) if r in ROWS + PEERS else len(ROWS + PEERS)):
        unit, against = rows[name]
        values = [r[name] for r in rounds]
        result = {"name": name, "unit": unit, "median": statistics.median(values), "min": min(values), "max": max(values),
                  "floor": None, "ratio": None, "against": against, "ratio_low": None, "ratio_high": None}
        if against:
            ratios = [r[name] / r[against] for r in rounds]
            result["floor"] = statistics.median(r[against] for r in rounds)
            result["ratio"] = statistics.median(ratios)
            result["ratio_low"], result["ratio_high"] = quartiles(ratios)
        results.append({k: round(v, 4) if isinstance(v, float) else v for k, v in result.items()})
    return results


def table(results, rounds, peers):
    print(f"{'row':20} {'median':>9} {'min':>9} {'max':>9}  {'unit':6} {'ratio':>6} {'half of the rounds':>18}  of")
    for r in results:
        ratio = f"{r['ratio']:6.2f}     {r['ratio_low']:5.2f} .. {r['ratio_high']:5.2f}  {r['against']}" if r["ratio"] is not None else ""
        print(f"{r['name']:20} {r['median']:9.2f} {r['min']:9.2f} {r['max']:9.2f}  {r['unit']:6} {ratio}".rstrip())
    known = {r["name"] for r in results}
    missing = [name for name in ROWS + (PEERS if peers else ()) if name not in known]
    if missing:
        print(f"not in this version: {' '.join(missing)}")
    print(f"{len(rounds)} rounds; ratio: median of row / {{of}} in the same round; bench/README.md says what a row is")


def targets(rounds, others):
    """[(text, value of each round that nobody disturbed, sign, bound, unit)]: reached if sign * value <= sign * bound. The numbers of
    bench/README.md that can be read off one run."""
    def quiet(*names):
        return [r for r, share in zip(rounds, others) if all(share[name] <= BUSY for name in names)]

    def ratio(name, against="floor"):
        return [r[name] / r[against] for r in quiet(name, against)]

    def plain(name):
        return [r[name] for r in quiet(name)]

    empty = plain("empty_loop")
    spread = max(empty) - min(empty) if empty else 0
    out = [("event_2u64_1t at most 1.25 x floor", ratio("event_2u64_1t"), 1, 1.25, ""),
           ("event_2u64_rseq_1t at most 1.7 x floor", ratio("event_2u64_rseq_1t"), 1, 1.7, "")]
    if "event_2u64_2t" in rounds[0]:
        both = quiet("event_2u64_2t", "floor_2t", "event_2u64_1t", "floor")
        out.append(("event_2u64_2t / floor_2t at most 1.05 x the ratio of one thread",
                    [r["event_2u64_2t"] / r["floor_2t"] / (r["event_2u64_1t"] / r["floor"]) for r in both], 1, 1.05, ""))
    out.append((f"site_off within the spread of empty_loop ({spread:.3f} ns)", plain("site_off"), 1, spread, " ns"))
    if "peer_dpdk" in rounds[0]:
        out.append(("event_2u64_1t below peer_dpdk", ratio("event_2u64_1t", "peer_dpdk"), 1, 1, ""))
    return out + [("packet_open at most 150 ns", plain("packet_open"), 1, 150, " ns"),
                  ("snapshot at least 2 GB/s", plain("snapshot_mb_s"), -1, 2000, " MB/s"),
                  ("28 bytes for two u64", plain("bytes_per_event"), 1, 28, " bytes")]


def verdict(values, sign, bound):
    """By the quartiles: a bound that lies among them is neither reached nor missed."""
    low, high = quartiles([sign * v for v in values])
    return "reached  " if high <= sign * bound else "MISSED   " if low > sign * bound else "UNCERTAIN"


def judge(rounds, others):
    """Said, never enforced. Where the machine was busy, nothing is said but that."""
    worst = max(max(share.values()) for share in others)
    if worst > BUSY:
        print(f"busy machine: other programs had up to {worst:.0%} of a row's CPUs; what was disturbed so is not judged")
    for text, values, sign, bound, unit in targets(rounds, others):
        if len(values) < LEAST:
            print(f"UNCERTAIN  {text}: {len(values)} undisturbed rounds, {LEAST} are needed")
            continue
        low, high = quartiles(values)
        digits = 0 if bound >= 100 else 3 if bound < 1 else 2
        print(f"{verdict(values, sign, bound)}  {text}: {statistics.median(values):.{digits}f} "
              f"({low:.{digits}f} .. {high:.{digits}f}){unit}, {len(values)} rounds")


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
    parser.add_argument("--rounds", type=int, default=25, help=f"at least {LEAST} (25)")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the turns of each row (1)")
    parser.add_argument("-o", "--output", default=os.path.join(ROOT, "build", "bench", "results.json"), help="(build/bench/results.json)")
    args = parser.parse_args()
    if args.rounds < LEAST or not args.scale > 0:
        parser.error(f"at least {LEAST} rounds, and a scale above 0")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # by way of the clean-up
    shm = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = tempfile.mkdtemp(prefix="cairn-bench-", dir=shm)
    try:
        rows, rounds, others = run(args, "peers" if args.peers else "host", folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    results = evaluate(rows, rounds)
    table(results, rounds, args.peers)
    judge(rounds, others)
    os.makedirs(os.path.dirname(args.output) or ".", exist_ok=True)
    with open(args.output + ".part", "w", encoding="utf-8") as f:
        json.dump(results, f, indent=1)
        f.write("\n")
    os.replace(args.output + ".part", args.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
