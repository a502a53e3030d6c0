#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The checks of `make lint` that cost nothing hold on this tree, and each of them sees its violation: a small tree is
made, is found good, gets one fault, and must be found bad with the right words."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap

SPDX = "/* SPDX-License-Identifier: MIT */\n"

GOOD = {
    "sources.txt": "# SPDX-License-Identifier: MIT\ncore/ring.c\n",
    "include/cairn/port.h": SPDX + '#include <stdint.h>\n#include "cairn_port.h"\nvoid cairn_port_putc(int c);\n',
    "include/cairn/ring.h": SPDX + '#include "../../arch/arch.h"\n#include "../../core/atomic.h"\nint cairn_ring_read(int a);\n',
    "include/cairn/compiler.h": SPDX + "#if defined(__clang__) || defined(__KERNEL__)\n#endif\n",
    "arch/arch.h": SPDX + '#if defined(__x86_64__)\n#include "generic/arch.h"\n#endif\n',
    "arch/generic/arch.h": SPDX,
    "core/atomic.h": SPDX,
    "core/text.h": SPDX,
    "core/ring.h": SPDX + '#define CAIRN_PRIVATE __attribute__((visibility("hidden")))\nCAIRN_PRIVATE int cairn_ring_inner(int a);\n',
    "core/ring.c": SPDX + '#include "ring.h"\n#include "cairn/ring.h"\n#include "cairn/port.h"\n'
                   "CAIRN_PRIVATE int cairn_ring_inner(int a)\n{\n\tcairn_port_putc(a);\n\treturn a;\n}\n"
                   "int cairn_ring_read(int a)\n{\n\treturn cairn_ring_inner(a);\n}\n",
    "tracefs/tracefs.c": SPDX + '#include "cairn/ring.h"\n#include "../core/text.h"\n',
    "formats/ctf.c": SPDX + '#include "../core/text.h"\n',
    "ports/linux/cairn_port.h": SPDX,
    "ports/bare/cairn_port.h": SPDX,
    "ports/linux/port.c": SPDX + '#include <sched.h>\n#include "cairn/port.h"\n#ifdef __linux__\n#endif\n',
    "tool/main.c": SPDX + '#include <stdio.h>\n#include "cairn/ring.h"\n',
    "examples/user/hello.c": SPDX + '#include <cairn/ring.h>\n',
    "tests/check.h": SPDX,
    "tests/unit/ring.c": SPDX + '#include "check.h"\n#include "core/ring.h"\n',
    "tests/model/model.h": SPDX,
}


class Tree:
    """A small tree with this tree's checks in it."""

    def __init__(self, folder):
        self.folder = folder
        os.mkdir(os.path.join(folder, "scripts"))
        shutil.copytree(os.path.join(tap.SRC, "cross"), os.path.join(folder, "cross"))
        for name in ("check-includes.py", "check-tree.sh", "check-symbols.sh", "build-core.sh"):
            shutil.copy(os.path.join(tap.SRC, "scripts", name), os.path.join(folder, "scripts", name))
        for path, text in GOOD.items():
            self.write(path, text)
        tap.run(["git", "init", "-q", folder])

    def write(self, path, text):
        path = os.path.join(self.folder, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def append(self, path, text):
        with open(os.path.join(self.folder, path), "a", encoding="utf-8") as file:
            file.write(text)

    def run(self, check, status):
        script = os.path.join(self.folder, "scripts", check)
        if check == "check-symbols.sh":
            out = os.path.join(self.folder, "out")
            tap.run([os.path.join(self.folder, "scripts", "build-core.sh"), "x86_64", out], cwd=self.folder)
            return tap.run([script, out], status=status, cwd=self.folder)
        return tap.run([script], status=status, cwd=self.folder)


def sees(check, path, text, said):
    with tap.folder() as folder:
        tree = Tree(folder)
        if path in GOOD:
            tree.append(path, text)
        else:
            tree.write(path, text)
        tap.contains(tree.run(check, status=1), said)


@tap.test("this tree: licences, paths, source list, scripts")
def _():
    tap.run([os.path.join(tap.SRC, "scripts", "check-tree.sh")])


@tap.test("this tree: who includes whom")
def _():
    tap.run([os.path.join(tap.SRC, "scripts", "check-includes.py")])


@tap.test("the small tree is found good")
def _():
    with tap.folder() as folder:
        tree = Tree(folder)
        for check in ("check-tree.sh", "check-includes.py", "check-symbols.sh"):
            tap.equal(tree.run(check, status=0), "", check)


INCLUDES = (
    ("core/ring.c", "#include <string.h>\n", "core/ring.c:14: may not include <string.h>"),
    ("core/ring.c", '#include "../tracefs/tracefs.c"\n', "may not include tracefs/tracefs.c"),
    ("core/ring.c", '#include "../arch/generic/arch.h"\n', "may not include arch/generic/arch.h"),
    ("core/ring.c", '#include "nothing.h"\n', "nothing.h, which does not exist"),
    ("core/ring.c", "#if defined(__aarch64__)\n#endif\n", "only arch/ may test CPU macros"),
    ("core/ring.c", "#if 1 && \\\n  defined(__GNUC__)\n#endif\n", "core/ring.c:14: tests __GNUC__: only compiler.h"),
    ("core/ring.c", "#ifdef __linux__\n#endif\n", "only ports/ and compiler.h may test OS macros"),
    ("arch/arch.h", '#include "../core/ring.h"\n', "may not include core/ring.h"),
    ("include/cairn/ring.h", '#include "../../core/ring.h"\n', "may not include core/ring.h"),
    ("include/cairn/ring.h", "#include <string.h>\n", "may not include <string.h>"),
    ("include/cairn/ring.h", '#include "cairn_port.h"\n', "may not include ports/"),
    ("tracefs/tracefs.c", '#include "../core/ring.h"\n', "may not include core/ring.h"),
    ("tracefs/tracefs.c", '#include "../formats/ctf.c"\n', "may not include formats/ctf.c"),
    ("ports/linux/port.c", '#include "../../core/ring.h"\n', "may not include core/ring.h"),
    ("ports/linux/port.c", '#include "../../arch/generic/arch.h"\n', "may not include arch/generic/arch.h"),
    ("tool/main.c", '#include "../core/text.h"\n', "may not include core/text.h"),
    ("tool/main.c", "#ifdef __x86_64__\n#endif\n", "only arch/ may test CPU macros"),
    ("examples/user/hello.c", '#include "../../core/text.h"\n', "may not include core/text.h"),
    ("tests/unit/ring.c", '#include "../model/model.h"\n', "may not include tests/model/model.h"),
    ("misc/thing.h", SPDX, "is in no folder of the table"),
)
for file_path, fault, words in INCLUDES:
    tap.add(f"includes: {file_path}: {fault.splitlines()[0].lstrip('#')} is seen", sees, "check-includes.py", file_path, fault, words)

SYMBOLS = (
    ("int ring_loose(void);\nint ring_loose(void)\n{\n\treturn 1;\n}\n", "ring_loose: global, and does not begin with cairn_"),
    ("int cairn_ring_odd(void);\nint cairn_ring_odd(void)\n{\n\treturn 1;\n}\n", "cairn_ring_odd: global, neither declared"),
    ("int other(void);\nint cairn_ring_read2(void);\nCAIRN_PRIVATE int cairn_ring_read2(void)\n{\n\treturn other();\n}\n",
     "other: undefined, and not of the port"),
)
for fault, words in SYMBOLS:
    tap.add(f"symbols: {words}", sees, "check-symbols.sh", "core/ring.c", fault, words)

# Put together here, so that this file does not itself name such a folder.
SOMEWHERE = "/" + "home/somebody/src"
TREE = (
    ("core/ring.h", f"/* see {SOMEWHERE} */\n", "a path of somebody's machine"),
    ("tool/new.c", "int x;\n", "tool/new.c: no line SPDX"),
    ("core/lost.c", SPDX, "core/lost.c: not in sources.txt"),
    ("sources.txt", "core/gone.c\n", "core/gone.c does not exist"),
    ("scripts/bad.sh", "# SPDX-License-Identifier: MIT\nif true\n", "syntax error"),
    ("scripts/bad.py", "# SPDX-License-Identifier: MIT\ndef\n", "SyntaxError"),
)
for file_path, fault, words in TREE:
    tap.add(f"tree: {words}", sees, "check-tree.sh", file_path, fault, words)

tap.main()
