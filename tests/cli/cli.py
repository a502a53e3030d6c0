# SPDX-License-Identifier: MIT
"""What the scripts of this folder share: the command, fabricated regions, expected output.

`SCRIPT --rewrite` writes the expectations anew instead of comparing; look at the difference before you commit it.
"""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
sys.path.insert(0, HERE)
import mkregion
import tap

REWRITE = "--rewrite" in sys.argv
if REWRITE:
    sys.argv.remove("--rewrite")
CAIRN = os.path.join(tap.BUILD, "cairn")
FOLDER = tempfile.TemporaryDirectory(prefix="cairn-cli-")
SCENARIOS = [s.__name__ for s in mkregion.SCENARIOS]


def path(*parts):
    return os.path.join(FOLDER.name, *parts)


def region(scenario, name=None):
    """Fabricate a region; returns (its path, the sums that must be found)."""
    out = path((name or scenario) + ".region")
    return out, mkregion.write(scenario, out)


def cairn(*words, timeout=60, cwd=None, env=None, stdin=None):
    """Run the command; returns (status, stdout, stderr). A signal or a sanitizer's word is a failure here already."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CAIRN_")}
    environment.update(env or {})
    done = subprocess.run([CAIRN, *words], capture_output=True, timeout=timeout, cwd=cwd or FOLDER.name, env=environment, input=stdin or b"",
                          check=False)
    err = done.stderr.decode(errors="replace")
    tap.check(done.returncode >= 0, f"cairn {' '.join(words)} died of signal {-done.returncode}\n{err}")
    tap.check("Sanitizer" not in err and "runtime error" not in err, f"cairn {' '.join(words)}: {err}")
    return done.returncode, done.stdout.decode(errors="replace"), err


def expect(name, status, *words, **options):
    """Exact stdout and stderr of a run, kept in expected/NAME."""
    got_status, out, err = cairn(*words, **options)
    text = f"# SPDX-License-Identifier: MIT\n$ cairn {' '.join(words)}\n{out}--- stderr\n{err}--- status {got_status}\n".replace(FOLDER.name, "TMP")
    file = os.path.join(HERE, "expected", name)
    if REWRITE:
        os.makedirs(os.path.dirname(file), exist_ok=True)
        with open(file, "w", encoding="utf-8") as f:
            f.write(text)
    tap.equal(got_status, status, f"status of cairn {' '.join(words)}\n{err}")
    with open(file, encoding="utf-8") as f:
        expected = f.read()
    if text != expected:
        import difflib
        tap.fail("".join(difflib.unified_diff(expected.splitlines(True), text.splitlines(True), f"expected/{name}", "got")))
