#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Fuzz a parser with libFuzzer, address and undefined sanitizers.
#
#   scripts/fuzz.sh TARGET SECONDS      make fuzz T=TARGET S=SECONDS
#
# Starts from tests/fuzz/corpus/TARGET, fabricated regions and what earlier runs found worth keeping in build/fuzz/TARGET. What breaks
# the parser is left in build/fuzz: fix it, and move the input to tests/fuzz/corpus/TARGET, which the suite fuzz runs for ever.
set -eu
cd "$(dirname "$0")/.."

target=${1:-reader}
seconds=${2:-60}
case $target in
reader) sources='reader/*.c' scenarios='small basic two late pending closed_pending reopened discarded' ;;
*)
    echo "fuzz: no target $target; there is: reader" >&2
    exit 2
    ;;
esac
case $seconds in
'' | *[!0-9]*)
    echo "fuzz: $seconds is no number of seconds" >&2
    exit 2
    ;;
esac

out=build/fuzz
mkdir -p "$out/$target" "$out/seeds"
# shellcheck disable=SC2086 # the sources are words
clang -g -O1 -std=gnu11 -DCAIRN_LIBFUZZER -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -Iinclude -I. \
    "tests/fuzz/$target.c" $sources -o "$out/fuzz-$target"
for name in $scenarios; do
    python3 tests/cli/mkregion.py "$name" "$out/$name.region"
    mv "$out/$name.region" "$out/seeds/$name"
done
if [ -x build/host/cairn ]; then
    for name in small discarded; do
        build/host/cairn record -q -d 0.05 --region "$out/seeds/$name" -o "$out/seeds/$name.capture" || true
    done
fi
exec nice "$out/fuzz-$target" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 -malloc_limit_mb=512 -max_len=131072 \
    -print_final_stats=1 -verbosity=0 -artifact_prefix="$out/" "$out/$target" "$out/seeds" "tests/fuzz/corpus/$target"
