#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The names of the core's objects, as scripts/build-core.sh leaves them in a folder:
#   1. every global begins with cairn_
#   2. every global is public (default visibility, declared in include/cairn) or private (CAIRN_PRIVATE: hidden)
#   3. what the linked core leaves undefined is cairn_port_*; and the bounds of its own sections, which the linker defines
#
#   scripts/check-symbols.sh FOLDER        prints one line per violation; exit 1 if there is one
set -eu

dir=${1:?usage: scripts/check-symbols.sh FOLDER}
root=$(cd "$(dirname "$0")/.." && pwd)
[ -f "$dir/cairn.o" ] || { echo "check-symbols: no $dir/cairn.o" >&2; exit 2; }

public=$(mktemp)
trap 'rm -f "$public"' EXIT
# Every word of the public headers that could be a declaration, comments apart.
find "$root/include/cairn" -name '*.h' -exec cat {} + |
    tr '\n' '\001' | sed 's:/\*[^*]*\*\{1,\}\([^/*][^*]*\*\{1,\}\)*/::g' | tr '\001' '\n' |
    grep -oE '\bcairn_[a-z0-9_]+' | LC_ALL=C sort -u >"$public"

# readelf -sW: Num Value Size Type Bind Vis Ndx Name
readelf -sW "$dir/cairn.o" | awk -v public="$public" '
    BEGIN { while ((getline name < public) > 0) declared[name] = 1 }
    $1 !~ /^[0-9]+:$/ || ($5 != "GLOBAL" && $5 != "WEAK") { next }
    {
        vis = $6; section = $7; name = $8
        if (vis ~ /^\[/ || name == "") next
        if (section == "UND") {
            if (name !~ /^cairn_port_/ && name !~ /^__(start|stop)_cairn/) {
                print name ": undefined, and not of the port"; bad = 1
            }
        } else if (name !~ /^cairn_/) {
            print name ": global, and does not begin with cairn_"; bad = 1
        } else if (vis == "DEFAULT" && !(name in declared)) {
            print name ": global, neither declared in include/cairn nor CAIRN_PRIVATE"; bad = 1
        }
        seen = 1
    }
    END {
        if (!seen) { print "no symbol at all"; bad = 1 }
        exit bad
    }'
