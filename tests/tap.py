# SPDX-License-Identifier: MIT
"""TAP for test scripts in Python. From tests/SUITE/NAME.py:

    import os, sys
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    import tap

    @tap.test("sources.txt names files that exist")
    def _():
        tap.check(os.path.exists(path), f"{path} is missing")
        tap.equal(status, 0, "exit status")

    tap.main()

Each test is one point; a failed check, or any exception, ends it with its story as comment lines.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import traceback

SRC = os.environ.get("CAIRN_SRC") or os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("CAIRN_BUILD") or os.path.join(SRC, "build", "host")

_tests = []


class Failed(Exception):
    pass


class Skipped(Exception):
    pass


def add(name, function, *args):
    """Append a test; for lists of similar ones."""
    _tests.append((name, function, args))


def test(name):
    def register(function):
        add(name, function)
        return function

    return register


def fail(message):
    raise Failed(message)


def check(condition, message):
    if not condition:
        raise Failed(message)


def equal(got, expected, what="value"):
    if got != expected:
        raise Failed(f"{what}:\n  got      {got!r}\n  expected {expected!r}")


def contains(text, part, what="text"):
    if part not in text:
        raise Failed(f"{what} does not contain {part!r}; it is:\n{text}")


def skip(reason):
    """End this test as skipped; under CI=true a failure unless the reason begins with "allowed:"."""
    raise Skipped(reason)


def need(*programs):
    """Skip the test if one of the programs is not installed."""
    for program in programs:
        if not shutil.which(program):
            raise Skipped(f"{program} is not installed")


def run(command, status=0, timeout=120, **options):
    """Run a command; returns stdout and stderr together. With status=None any exit status will do."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", timeout=timeout, check=False, **options)
    if status is not None and done.returncode != status:
        words = command if isinstance(command, str) else " ".join(command)
        raise Failed(f"exit status {done.returncode}, expected {status}: {words}\n{done.stdout}")
    return done.stdout


def folder():
    """A folder that is removed at the end, for `with`."""
    return tempfile.TemporaryDirectory(prefix="cairn-test-")


def main():
    words = sys.argv[1:]
    tests = [t for t in _tests if not words or any(word in t[0] for word in words)]
    print(f"1..{len(tests)}", flush=True)
    failed = 0
    for number, (name, function, args) in enumerate(tests, 1):
        name = name.replace("#", "")
        try:
            function(*args)
            print(f"ok {number} - {name}", flush=True)
        except Skipped as reason:
            print(f"ok {number} - {name} # SKIP {reason}", flush=True)
        except Exception as error:  # every kind of failure is this test's, not the script's
            failed += 1
            text = str(error) if isinstance(error, Failed) else traceback.format_exc()
            for line in text.splitlines()[:80]:
                print(f"# {line}")
            print(f"not ok {number} - {name}", flush=True)
    sys.exit(1 if failed or not tests else 0)
