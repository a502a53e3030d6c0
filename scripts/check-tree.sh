#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Facts about the files of the tree:
#   1. every tracked file names its licence in its first lines, if its form has room for it
#   2. none names a folder of the machine it was written on
#   3. sources.txt names every source of core/ and each is there
#   4. scripts parse
#
# Prints one line per violation; exit 1 if there is one.
set -eu

cd "$(dirname "$0")/.."
list=$(mktemp)
trap 'rm -f "$list"' EXIT
git ls-files -c -o --exclude-standard >"$list"

bad=0
say() {
    echo "$*"
    bad=1
}

# Forms without comments, exact expectations, binary files.
while read -r file; do
    [ -f "$file" ] || continue
    case $file in
    LICENSE | tests/golden/* | tests/fuzz/corpus/* | *.json | *.png | *.bin | *.dat | *.expect | *.stdout | *.stderr) continue ;;
    esac
    head -n 5 "$file" | grep -q 'SPDX-License-Identifier: MIT' || say "$file: no line SPDX-License-Identifier: MIT"
done <"$list"

homes='(^|[^A-Za-z0-9_.$}*-])/(home|root|work|Users)/[A-Za-z0-9]'
found=$(git grep -nIE --untracked "$homes" -- ':!LICENSE' || true)
[ -z "$found" ] || say "a path of somebody's machine:
$found"
found=$(git grep -nIF --untracked "$(pwd)/" || true)
[ -z "$found" ] || say "the path of this checkout:
$found"

listed=$(sed -e 's/#.*//' sources.txt | tr -s '[:space:]' '\n' | sed '/^$/d')
for source in $listed; do
    [ -f "$source" ] || say "sources.txt: $source does not exist"
done
for source in core/*.c arch/*/*.c; do
    [ -f "$source" ] || continue
    echo "$listed" | grep -qxF "$source" || say "$source: not in sources.txt"
done

while read -r file; do
    [ -f "$file" ] || continue
    case $file in
    *.sh | .ci/run) bash -n "$file" || bad=1 ;;
    *.py)
        python3 - "$file" <<'PYTHON' || bad=1
import ast, sys
ast.parse(open(sys.argv[1], encoding="utf-8").read(), sys.argv[1])
PYTHON
        ;;
    esac
done <"$list"

exit $bad
