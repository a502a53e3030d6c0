#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Everything that can be said of the sources without running them: the tree, the include table, the symbols, the
# format, clang-tidy's findings. Runs all and exits 1 if any complains. LINT=tree,includes,... runs only those.
set -u

cd "$(dirname "$0")/.." || exit 2
parts=${LINT:-tree,includes,format,symbols,tidy}
bad=0

part() {
    case ,$parts, in *",$1,"*) ;; *) return ;; esac
    if "lint_$1"; then
        echo "lint: $1: good"
    else
        echo "lint: $1: see above" >&2
        bad=1
    fi
}

need() {
    command -v "$1" >/dev/null 2>&1 && return
    echo "lint: $1 is not installed; scripts/install-deps.sh installs it" >&2
    return 1
}

lint_tree() {
    scripts/check-tree.sh || return 1
    # A finer reader of shell scripts, where there is one.
    ! command -v shellcheck >/dev/null 2>&1 || git ls-files -z '*.sh' .ci/run | xargs -0r shellcheck -S warning
}

lint_includes() {
    scripts/check-includes.py
}

# Golden files and broken-on-purpose sources keep their form.
lint_format() {
    need clang-format || return 1
    git ls-files -z '*.c' '*.h' ':!tests/golden' ':!tests/build/must-not-compile' |
        xargs -0r clang-format --dry-run -Werror
}

lint_symbols() {
    result=0
    for arch in x86_64 aarch64 riscv64; do
        { scripts/build-core.sh $arch build/core/$arch && scripts/check-symbols.sh build/core/$arch; } || result=1
    done
    return $result
}

# The product's files among those that were compiled.
compiled() {
    python3 - <<'PYTHON'
import json, os
for entry in json.load(open("build/clang/compile_commands.json", encoding="utf-8")):
    path = os.path.normpath(os.path.join(entry["directory"], entry["file"]))
    if os.path.relpath(path).split(os.sep)[0] in ("core", "arch", "tracefs", "formats", "views", "ports", "tool"):
        print(path, end="\0")
PYTHON
}

lint_tidy() {
    need clang-tidy || return 1
    scripts/build.sh clang || return 1
    if ! compiled | xargs -0r -n 4 clang-tidy --quiet -p build/clang 2>build/clang/tidy.err; then
        grep -v 'warnings generated' build/clang/tidy.err >&2
        return 1
    fi
}

for one in tree includes format symbols tidy; do
    part $one
done
exit $bad
