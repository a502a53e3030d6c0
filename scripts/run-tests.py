#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run the test suites and say what holds. The last line is "N passed, N failed, N skipped"; exit 1 if any failed.

A program is a test binary registered in a meson.build by test(..., suite: 'unit'), or an executable script
tests/SUITE/*.sh or *.py. It speaks TAP on stdout. It fails if a point fails, if it prints no plan, no point, or other
points than planned, if it exits with a status but no failed point, dies, or outlives its time limit. Everything it
started is killed with it. docs/testing.md tells it at length.
"""
import argparse
import concurrent.futures
import glob
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time

SUITES = ("unit", "model", "build", "cli", "fuzz", "stress", "qemu", "clients")

# Suites whose programs are heavy or measure time run one program at a time.
ALONE = ("stress", "qemu", "clients")

# Seconds that suites may take together; more is a failure.
BUDGETS = (
    (("unit", "model", "build"), 600),
    (("qemu",), 1200),
    (("clients",), 900),
    (("cli", "fuzz", "stress"), 600),
)

# Which suites also run under which other configuration. Only `--full` does.
EXTRA_CONFS = (
    ("asan", ("unit", "fuzz", "stress")),
    ("tsan", ("unit", "stress")),
    ("clang", ("unit",)),
)

# What `--quick` (make check) leaves to make test: programs that look at the build's own tools or compile everything many times.
SLOW = ("build/deps.py", "build/embed.py", "build/events.py", "build/harness.py", "build/runner.py", "build/tree.py",
        "model/mutants.py", "model/spin.py", "cli/kill.py")

# What has a long form (CAIRN_LONG=1), for `--long` (make test-long), and the seconds it may take.
LONG = {"model/nesting": 3600, "model/reader": 900, "model/mutants.py": 3600, "cli/kill.py": 3600, "model/spin.py": 1800, "qemu/dump.py": 1800,
        "stress/linux_port.py": 1800, "stress/per_cpu.py": 1800, "model/nesting_jumps": 3600, "model/consumer": 3600, "model/exchange": 3600,
        "stress/buffers": 900, "stress/lossless.py": 900, "qemu/hotplug.py": 1800, "qemu/step.py": 3600, "cli/cursors.py": 900}

# How much longer a program may take there.
SLOWER = {"asan": 4, "tsan": 8}

DEFAULT_LIMIT = 60
MAX_OUTPUT = 64 << 20

POINT = re.compile(r"(not )?ok\b[ \t]*(\d+)?[ \t]*(?:- )?(.*)")
PLAN = re.compile(r"1\.\.(\d+)\s*(?:#\s*SKIP\b[ \t]*(.*))?$", re.IGNORECASE)
SKIP = re.compile(r"#\s*SKIP\b[ \t]*(.*)", re.IGNORECASE)


class Program:
    def __init__(self, conf, suite, name, command, limit, env=None, cwd=None):
        self.conf, self.suite, self.name = conf, suite, name
        self.command, self.limit = command, limit
        self.env, self.cwd = env or {}, cwd

    def label(self):
        conf = "" if self.conf == "host" else f" ({self.conf})"
        return f"{self.suite}/{self.name}{conf}"


class Result:
    def __init__(self, program):
        self.program = program
        self.passed = self.skipped = 0
        self.failures = []  # one sentence each
        self.skips = []  # reasons
        self.seconds = 0.0
        self.logs = []


def allowed(reason):
    return reason.lower().startswith("allowed:")


def note_skip(result, what, reason, strict):
    """A skip is a skip, except where everything must be there."""
    if strict and not allowed(reason):
        result.failures.append(f"{what}: skipped although CI=true: {reason or 'no reason given'}")
    else:
        result.skipped += 1
        result.skips.append(f"{what}: {reason or 'no reason given'}")


def judge(result, text, status, trouble, strict):
    """Turn a program's output and end into counts and sentences."""
    planned, plans, points, plan_skip = None, 0, 0, None
    failed_points = 0
    for line in text.splitlines():
        plan = PLAN.match(line)
        if plan:
            plans += 1
            planned, plan_skip = int(plan.group(1)), plan.group(2)
            continue
        if line.startswith("Bail out!"):
            trouble = trouble or line.strip()
            continue
        point = POINT.match(line)
        if not point:
            continue
        points += 1
        failed, number, name = point.groups()
        name = name.strip() or f"point {points}"
        skip = SKIP.search(name)
        if number and int(number) != points:
            result.failures.append(f"point numbered {number} came as number {points}: {name}")
        elif failed:
            failed_points += 1
            result.failures.append(f"not ok: {name}")
        elif skip:
            note_skip(result, name[: skip.start()].strip(" -"), skip.group(1).strip(), strict)
        else:
            result.passed += 1

    if trouble:
        result.failures.append(trouble)
        return
    if status < 0:
        name = signal.Signals(-status).name if -status in list(signal.Signals) else -status
        result.failures.append(f"died of signal {name} after {points} points")
        return
    if status == 77 and points == 0:
        last = [line.strip("# \t") for line in text.splitlines() if line.strip()]
        reason = plan_skip or (last[-1] if last else "")
        note_skip(result, "all", re.sub(r"^(1\.\.0\s*#\s*)?SKIP\b:?\s*", "", reason, flags=re.I), strict)
        return
    if planned == 0 and points == 0 and plan_skip is not None and status == 0:
        note_skip(result, "all", plan_skip.strip(), strict)
        return
    if plans == 0:
        result.failures.append(f"no plan (1..N); {points} points, exit status {status}")
    elif plans > 1:
        result.failures.append(f"{plans} plans")
    elif points == 0:
        result.failures.append(f"no test ran; exit status {status}")
    elif points != planned:
        result.failures.append(f"{planned} points planned, {points} came; exit status {status}")
    elif status != 0 and failed_points == 0:
        result.failures.append(f"exit status {status} without a failed point")


class Runner:
    def __init__(self, root, build, strict):
        self.root, self.build, self.strict = root, build, strict
        self.lock = threading.Lock()
        self.groups = set()
        self.setarch = None

    def environment(self, program):
        env = dict(os.environ)
        env.update(
            CAIRN_SRC=self.root,
            CAIRN_BUILD=os.path.join(self.build, program.conf),
            LC_ALL="C.UTF-8",
            TZ="UTC",
            PYTHONDONTWRITEBYTECODE="1",
        )
        for name in ("CAIRN_DIR", "CAIRN_TRACE", "MAKEFLAGS", "MFLAGS", "MAKELEVEL"):
            env.pop(name, None)
        if program.conf == "asan":
            env.setdefault("UBSAN_OPTIONS", "halt_on_error=1:print_stacktrace=1")
        if program.conf == "tsan":
            env.setdefault("TSAN_OPTIONS", "halt_on_error=0:exitcode=66")
        env.update(program.env)
        return env

    def fixed_addresses(self):
        """gcc 12's thread sanitizer cannot place its memory where addresses are randomized by more than 28 bits."""
        with self.lock:
            if self.setarch is None:
                probe = shutil.which("setarch") and subprocess.run(
                    ["setarch", "-R", "true"], capture_output=True, check=False
                )
                self.setarch = ["setarch", "-R"] if probe and probe.returncode == 0 else []
        return self.setarch

    def run(self, program):
        result = Result(program)
        folder = os.path.join(self.build, "test-logs", program.conf, program.suite)
        os.makedirs(folder, exist_ok=True)
        result.logs = [os.path.join(folder, program.name + end) for end in (".out", ".err")]
        command = program.command
        if program.conf == "tsan":
            command = self.fixed_addresses() + command
        start = time.monotonic()
        trouble, status = "", 0
        with open(result.logs[0], "wb") as out, open(result.logs[1], "wb") as err:
            try:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    cwd=program.cwd or self.root,
                    env=self.environment(program),
                    start_new_session=True,
                )
            except OSError as error:
                trouble = f"cannot run: {error}"
            else:
                trouble, status = self.wait(process, program.limit, result.logs)
        result.seconds = time.monotonic() - start
        with open(result.logs[0], "rb") as out:
            text = out.read(MAX_OUTPUT).decode("utf-8", "replace")
        judge(result, text, status, trouble, self.strict)
        return result

    def wait(self, process, limit, logs):
        """Wait for the end, the time limit, or an output without end; leave no process of the group behind."""
        with self.lock:
            self.groups.add(process.pid)
        end = time.monotonic() + limit
        trouble = ""
        while not trouble:
            try:
                process.wait(min(0.5, max(0.01, end - time.monotonic())))
                break
            except subprocess.TimeoutExpired:
                if time.monotonic() >= end:
                    trouble = f"killed: still running after its limit of {limit:g} s"
                elif sum(os.path.getsize(log) for log in logs) > MAX_OUTPUT:
                    trouble = f"killed: more than {MAX_OUTPUT >> 20} MiB of output"
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        process.wait()
        with self.lock:
            self.groups.discard(process.pid)
        return trouble, process.returncode

    def stop_all(self):
        with self.lock:
            groups = list(self.groups)
        for group in groups:
            try:
                os.killpg(group, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass


def script_limit(path):
    """A script states its own limit in its first lines: # timeout: SECONDS"""
    with open(path, "r", encoding="utf-8", errors="replace") as script:
        for _ in range(12):
            found = re.match(r"#\s*timeout:\s*(\d+)", script.readline())
            if found:
                return int(found.group(1))
    return DEFAULT_LIMIT


def find_scripts(root, suite, problems):
    programs = []
    for path in sorted(glob.glob(os.path.join(root, "tests", suite, "*.sh")) +
                       glob.glob(os.path.join(root, "tests", suite, "*.py"))):
        relative = os.path.relpath(path, root)
        if os.access(path, os.X_OK):
            name = os.path.basename(path)
            programs.append(Program("host", suite, name, [path], script_limit(path)))
        else:
            with open(path, "rb") as script:
                if script.read(2) == b"#!":
                    problems.append(f"{relative} begins with #! but is not executable, so it would never run")
    return programs


def find_binaries(build, root, conf, suites, problems):
    """Test binaries as Meson knows them, so that a leftover of a removed test never runs."""
    info = os.path.join(build, conf, "meson-info")
    try:
        with open(os.path.join(info, "intro-tests.json"), encoding="utf-8") as file:
            tests = json.load(file)
        with open(os.path.join(info, "intro-targets.json"), encoding="utf-8") as file:
            targets = json.load(file)
    except FileNotFoundError:
        return []
    programs, run_sources = [], set()
    sources = {
        target["id"]: [os.path.relpath(s, root) for group in target["target_sources"] for s in group["sources"]]
        for target in targets
    }
    for test in tests:
        for target in test["depends"]:
            run_sources.update(sources.get(target, []))
        names = [entry.split(":")[-1] for entry in test["suite"]]
        suite = names[0] if names else ""
        if suite not in SUITES:
            problems.append(f"test {test['name']}: suite '{suite}' is none of {' '.join(SUITES)}")
        elif suite in suites:
            limit = test["timeout"] * SLOWER.get(conf, 1)
            programs.append(
                Program(conf, suite, test["name"], test["cmd"], limit, test["env"], test["workdir"])
            )
    if conf == "host":
        for suite in suites:
            for path in sorted(glob.glob(os.path.join(root, "tests", suite, "*.c"))):
                relative = os.path.relpath(path, root)
                with open(path, encoding="utf-8", errors="replace") as source:
                    if re.search(r"^CHECK_MAIN\(", source.read(), re.M) and relative not in run_sources:
                        problems.append(f"{relative} is a test program, but no meson.build registers it by test()")
    return programs


def tail(path, lines):
    try:
        with open(path, "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 65536))
            return file.read().decode("utf-8", "replace").splitlines()[-lines:]
    except OSError:
        return []


class Report:
    def __init__(self, verbose):
        self.passed = self.failed = self.skipped = 0
        self.verbose = verbose

    def fail(self, sentence, details=()):
        self.failed += 1
        print(f"FAIL {sentence}", flush=True)
        for line in details:
            print(f"     | {line}")

    def add(self, result):
        failed = len(result.failures)
        self.passed += result.passed
        self.failed += failed
        self.skipped += result.skipped
        word = "FAIL" if failed else "PASS" if result.passed else "SKIP"
        counts = ", ".join(
            f"{n} {what}"
            for n, what in ((result.passed, "passed"), (failed, "failed"), (result.skipped, "skipped"))
            if n
        )
        print(f"{word} {result.program.label():<40} {counts}  {result.seconds:.1f} s")
        for reason in result.skips:
            print(f"     skipped {reason}")
        for sentence in result.failures:
            print(f"     {sentence}")
        if failed:
            for log in result.logs:
                lines = tail(log, 40)
                if lines:
                    print(f"     --- {os.path.relpath(log)}")
                    for line in lines:
                        print(f"     | {line}")
        elif self.verbose:
            for line in tail(result.logs[0], 1000):
                print(f"     | {line}")
        sys.stdout.flush()


def build(root, conf, report):
    """Build one configuration; a build that fails is a failure like any other."""
    script = os.path.join(root, "scripts", "build.sh")
    if not os.path.exists(script):
        return True
    start = time.monotonic()
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    done = subprocess.run(
        [script, conf], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, check=False
    )
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    if done.returncode != 0:
        report.fail(f"build of {conf}: exit status {done.returncode}", lines[-60:])
        return False
    print(f"build of {conf}: {time.monotonic() - start:.1f} s", flush=True)
    return True


def wanted(program, patterns):
    return not patterns or any(pattern in program.label() for pattern in patterns)


def run_suite(runner, report, suite, programs, jobs):
    """Run one suite's programs; returns the seconds it took."""
    start = time.monotonic()
    workers = 1 if suite in ALONE else jobs
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        pending = [pool.submit(runner.run, program) for program in programs]
        try:
            for future in concurrent.futures.as_completed(pending):
                report.add(future.result())
        except KeyboardInterrupt:
            for future in pending:
                future.cancel()
            runner.stop_all()
            raise
    return time.monotonic() - start


def check_budgets(report, seconds, overrides):
    for suites, budget in BUDGETS:
        budget = min([overrides.get(suite, budget) for suite in suites])
        used = [(suite, seconds[suite]) for suite in suites if suite in seconds]
        if not used:
            continue
        total = sum(s for _, s in used)
        text = ", ".join(f"{suite} {s:.1f} s" for suite, s in used)
        print(f"time: {text}; budget {budget:g} s")
        if total > budget:
            report.fail(f"{'+'.join(s for s, _ in used)}: {total:.1f} s, over the budget of {budget:g} s")


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("suites", nargs="*", metavar="SUITE",
                        help=f"suites ({' '.join(SUITES)}) or SUITE/WORD for the programs whose names contain WORD")
    parser.add_argument("--full", action="store_true", help="also the sanitizers and clang")
    parser.add_argument("--quick", action="store_true",
                        help="leave out the slowest programs; the others see CAIRN_QUICK=1 and may do less")
    parser.add_argument("--long", action="store_true", help="only the programs that have a long form, in that form")
    parser.add_argument("--conf", action="append", help="run only this configuration's programs (host clang asan tsan)")
    parser.add_argument("--no-build", action="store_true", help="run what is built")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--root", default=os.path.dirname(os.path.dirname(os.path.abspath(__file__))), help="the tree")
    parser.add_argument("--budget", action="append", default=[], metavar="SUITE=SECONDS", help="another budget")
    parser.add_argument("-v", "--verbose", action="store_true", help="print the output of programs that pass too")
    args = parser.parse_args(argv)
    args.patterns = [word for word in args.suites if "/" in word]
    args.suites = list(dict.fromkeys(word.split("/")[0] for word in args.suites))
    for suite in args.suites:
        if suite not in SUITES:
            parser.error(f"no suite {suite}; there are: {' '.join(SUITES)}")
    try:
        args.budget = {s: float(n) for s, n in (entry.split("=") for entry in args.budget)}
    except ValueError:
        parser.error("--budget wants SUITE=SECONDS")
    return args


def collect(args, root, build_dir, report):
    """Build what is needed and list the programs, by suite."""
    asked = args.suites or list(SUITES)
    plan = [("host", asked)]
    if args.full:
        plan += [(conf, [s for s in suites if s in asked]) for conf, suites in EXTRA_CONFS]
    if args.conf:
        plan = [(conf, asked) for conf in args.conf]

    problems, programs = [], []
    for conf, suites in plan:
        suites = [s for s in suites if os.path.isdir(os.path.join(root, "tests", s))]
        if not suites:
            continue
        if not args.no_build and not build(root, conf, report):
            continue
        programs += find_binaries(build_dir, root, conf, suites, problems)
        if conf == "host":
            for suite in suites:
                programs += find_scripts(root, suite, problems)

    for problem in problems:
        report.fail(problem)
    for suite in asked:
        if not os.path.isdir(os.path.join(root, "tests", suite)):
            if args.suites:
                report.fail(f"{suite}: there is no tests/{suite}")
            else:
                print(f"{suite}: no tests/{suite} in this tree")
        elif not any(program.suite == suite for program in programs):
            report.fail(f"{suite}: no test program")
    programs = [program for program in programs if wanted(program, args.patterns)]
    if args.long:
        programs = [program for program in programs if f"{program.suite}/{program.name}" in LONG]
        for program in programs:
            program.limit = LONG[f"{program.suite}/{program.name}"]
    if args.quick:
        left = [program for program in programs if f"{program.suite}/{program.name}" in SLOW]
        programs = [program for program in programs if program not in left]
        if left:
            print("left to make test: " + " ".join(f"{program.suite}/{program.name}" for program in left))
    if not programs and args.patterns:
        report.fail(f"no test program matches {' '.join(args.patterns)}")
    return programs


def main(argv):
    args = parse(argv)
    if args.quick:
        os.environ["CAIRN_QUICK"] = "1"
    if args.long:
        os.environ["CAIRN_LONG"] = "1"
        args.budget = {suite: float("inf") for suite in SUITES} | args.budget
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    root = os.path.abspath(args.root)
    os.chdir(root)
    build_dir = os.path.join(root, "build")
    strict = os.environ.get("CI", "").lower() in ("true", "1")
    report = Report(args.verbose)
    runner = Runner(root, build_dir, strict)
    try:
        programs = collect(args, root, build_dir, report)
        seconds = {}
        for suite in SUITES:
            chosen = [program for program in programs if program.suite == suite]
            if chosen:
                seconds[suite] = run_suite(runner, report, suite, chosen, args.jobs)
        check_budgets(report, seconds, args.budget)
        if report.passed + report.failed + report.skipped == 0:
            report.fail("nothing was tested")
    except KeyboardInterrupt:
        report.fail("interrupted")
    print(f"{report.passed} passed, {report.failed} failed, {report.skipped} skipped", flush=True)
    return 1 if report.failed else 0


if __name__ == "__main__":
    # Ending politely on termination keeps no test running behind our back.
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    sys.exit(main(sys.argv[1:]))
