#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 3000
"""Do the tests see every line of the writer and of the readers in the target? Each mutant is one source file with one thing
dropped, weakened, turned round or moved; some test must fail on it. Mutants are made from the text by rules (RULES below), so
nothing here depends on line numbers or on how the code is laid out; SPECIAL has those that no rule makes.

    tests/model/mutants.py                a quick selection: the weakened orders
    CAIRN_LONG=1 tests/model/mutants.py   all
    tests/model/mutants.py WORD...        those whose names contain a word
    tests/model/mutants.py --list         their names (--list-quick: of the selection); --no-equivalent: leave out those that must survive

A mutant that changes nothing that can be observed is listed in EQUIVALENT, by its name, with the reason; it must survive (long
form). A name there that no rule makes any more fails: the source has changed, look again.
"""
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap

# Weakened orders of these are not seen by any test of this suite yet (docs/caveats.md): the long form says so.
OPEN = ("read_follow", "cairn_ring_give_up", "cairn_ring_clear", "cairn_ring_clamp", "cairn_clock_reset",
        "cairn_block_keep_from_readers", "cairn_buffers_take_over")

RING, PLACES, INLINE, READ = "core/ring.c", "core/ring.h", "include/cairn/ring.h", "core/read.c"

# Files, and whether all rules apply or only those that weaken an order.
FILES = {RING: True, PLACES: True, INLINE: True, READ: True, "core/trace.c": False, "core/names.c": False, "core/region.c": False, "core/event.c": False,
         "core/meta.c": False, "core/block.c": False, "core/buffer.c": False, "core/gate.c": False, "core/flight.c": False}
# Not of the algorithm (tests/unit and tests/golden look at what setup writes): only their orders are weakened.
NOT_MUTATED = {"cairn_ring_setup", "cairn_ring_valid"}


def is_order(what):
    return what.startswith(("relaxed: ", "drop: cairn_fence"))


STORE = r"(?:cairn_store\w+|cairn_local_\w+|cairn_fence_\w+|cairn_barrier|ring_set_limit)\s*\("


def masked(text):
    """Comments, strings and code for other ports as spaces, everything at its place."""
    def blank(found):
        return re.sub(r"[^\n]", " ", found.group(0))
    text = re.sub(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"", blank, text, flags=re.DOTALL)
    lines, keep = [], [True]
    for line in text.split("\n"):
        word = line.split()[0] if line.split() else ""
        if word.startswith("#if"):
            keep.append(keep[-1] and "CAIRN_PORT_" not in line)
        elif word == "#else":
            keep[-1] = keep[-2] and not keep[-1]
        elif word == "#endif":
            keep.pop()
        lines.append(line if keep[-1] and not word.startswith("#") else " " * len(line))
    return "\n".join(lines)


def closing(text, at):
    """Position of the bracket that closes the one at `at`."""
    depth = 0
    for i in range(at, len(text)):
        depth += text[i] in "([{"
        depth -= text[i] in ")]}"
        if depth == 0:
            return i
    raise ValueError(text[at:at + 40])


def functions(text):
    """(name, begin of the body, end) of each function; bodies begin with a brace in the first column."""
    for found in re.finditer(r"^\{\n", text, re.MULTILINE):
        head = text[:found.start()].rstrip()
        end = closing(text, found.start())
        at, depth = len(head) - 1, 0
        if not head.endswith(")"):
            continue
        while True:
            depth += (head[at] == ")") - (head[at] == "(")
            if depth == 0:
                break
            at -= 1
        name = re.search(r"(\w+)\s*$", head[:at])
        yield name.group(1), found.start() + 1, end


def statements(text, begin, end):
    """(begin, end) of each simple statement, without the if, while or for before it, and of each condition."""
    simple, conditions, at = [], [], begin
    while at < end:
        space = re.compile(r"\s*").match(text, at).end()
        if space != at:
            at = space
            continue
        word = re.compile(r"\w+").match(text, at)
        word = word.group(0) if word else ""
        if text[at] in "{}":
            at += 1
        elif word in ("if", "while", "for", "switch"):
            left = text.index("(", at)
            right = closing(text, left)
            if word != "for" and word != "switch":
                conditions.append((left + 1, right))
            at = right + 1
        elif word == "else" or word == "do":
            at += len(word)
        else:
            stop = at
            while text[stop] != ";":
                stop = closing(text, stop) + 1 if text[stop] in "([{" else stop + 1
            simple.append((at, stop + 1))
            at = stop + 1
    return simple, conditions


def short(text):
    text = re.sub(r"\s+", " ", text).strip()
    return re.sub(r"\( ", "(", text)


def is_declaration(text):
    return re.match(r"(const|static|struct|unsigned|uint\w+|int\w*|bool|char|void|enum|size_t|cairn_\w+ \*)\b[\s*]*\w", text) and not re.match(r"\w+\s*\(", text)


def operands(text, begin, end):
    """The parts of a condition between && or ||, wherever they are nested in CAIRN_LIKELY() and the like."""
    inner = re.compile(r"\s*CAIRN_(?:UN)?LIKELY\s*\(").match(text, begin)
    if inner and closing(text, inner.end() - 1) == len(text[:end].rstrip()) - 1:
        return operands(text, inner.end(), closing(text, inner.end() - 1))
    parts, depth, last = [], 0, begin
    for i in range(begin, end):
        depth += text[i] in "(["
        depth -= text[i] in ")]"
        if depth == 0 and text[i:i + 2] in ("&&", "||"):
            parts.append((last, i, text[i:i + 2]))
            last = i + 2
    return parts + [(last, end, "")] if parts else []


def mutants_of(text, begin, end):
    """(what, [(begin, end, replacement)]) for one function."""
    simple, conditions = statements(text, begin, end)
    for a, b in simple:
        one = text[a:b]
        if not is_declaration(one) and not re.match(r"(return|continue|break|goto)\b", one) and not one.startswith("__asm__"):
            yield f"drop: {short(one)}", [(a, b, ";")]
    for (a, b), (c, d) in zip(simple, simple[1:]):
        first, second = text[a:b], text[c:d]
        if text[b:c].strip():
            continue
        stores = re.search(STORE, first) and re.search(STORE, second)
        reads = is_declaration(first) and is_declaration(second) and \
            re.search(r"cairn_load64\(&r->pos\)", first) and "clock" in second
        if (stores and not is_declaration(first) and not is_declaration(second)) or reads:
            yield f"swap: {short(first)} {short(second)}", [(a, b, second), (c, d, first)]
    for a, b in conditions:
        what = short(text[a:b])
        before = text[:a].rstrip("( \t\n")
        yield f"never: ({what})", [(a, b, "0")]
        if not before.endswith("while"):
            yield f"always: ({what})", [(a, b, "1")]
        for x, y, _ in operands(text, a, b):
            neutral = "1" if "&&" in [o for _, _, o in operands(text, a, b)] else "0"
            yield f"without: {short(text[x:y])}", [(x, y, f" {neutral} ")]
    body = text[begin:end]
    for found in re.finditer(r"(?<![<>=!-])(<=|>=|==|!=|<|>)(?![<>=])", body):
        swap = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}[found.group(1)]
        a, b = begin + found.start(), begin + found.end()
        yield f"{found.group(1)} is {swap}: {context(text, a, b)}", [(a, b, swap)]
    for found in re.finditer(r"cairn_\w+?(_release|_acquire)\s*\(", body):
        if "fence" not in found.group(0):
            yield f"relaxed: {call(text, begin + found.start())}", [(begin + found.start(1), begin + found.end(1), "")]
    for found in re.finditer(r"__ATOMIC_(ACQUIRE|RELEASE|ACQ_REL)", body):
        yield f"relaxed: {context(text, begin + found.start(), begin + found.end())}", [(begin + found.start(), begin + found.end(), "__ATOMIC_RELAXED")]
    for found in re.finditer(r"cairn_local_cas64\s*\(", body):
        left = begin + found.end() - 1
        right = closing(text, left)
        p, _, n = arguments(text[left + 1:right])
        yield f"store, no swap: {call(text, begin + found.start())}", [(begin + found.start(), right + 1, f"(cairn_store64({p}, {n}), 1)")]
    for found in re.finditer(r"cairn_load(?:32|64)(?:_acquire)?\s*\(", body):
        a = begin + found.start()
        right = closing(text, begin + found.end() - 1)
        yield f"0 for: {context(text, a, right + 1)}", [(a, right + 1, "0")]
    for found in re.finditer(r"(?<=\w|\)) ([+-]) (1|4|packet|size|CAIRN_ONE_RECORD|s->size|ring_packet_bytes\(r\))(?=\W)", body):
        a, b = begin + found.start(), begin + found.end()
        yield f"without{found.group(0)}: {context(text, a, b)}", [(a, b, "")]


def arguments(text):
    parts, depth, last = [], 0, 0
    for i, c in enumerate(text):
        depth += c in "(["
        depth -= c in ")]"
        if c == "," and depth == 0:
            parts.append(text[last:i].strip())
            last = i + 1
    return parts + [text[last:].strip()]


def call(text, at):
    return short(text[at:closing(text, text.index("(", at)) + 1])


def context(text, a, b):
    """The statement or condition around a place, as far as it tells it from others."""
    left = max(text.rfind(c, 0, a) for c in ";{}") + 1
    right = min(i for i in (text.find(c, b) for c in ";{}") if i >= 0)
    return short(text[left:a] + "[" + text[a:b] + "]" + text[b:right])


# What no rule makes: (file, function, name, pairs of old and new text; blanks and line ends do not matter).
SPECIAL = [
    (RING, "ring_open_packet", "invalidated behind the swap",
     "if (cairn_load64(&h->seq) == old_lap) (void)cairn_local_cas64(&h->seq, old_lap, CAIRN_SEQ_INVALID);", "",
     "return RING_MOVED;", "return RING_MOVED; if (cairn_load64(&h->seq) == old_lap) (void)cairn_local_cas64(&h->seq, old_lap, CAIRN_SEQ_INVALID);"),
    (RING, "ring_open_packet", "fence before the invalidation", "cairn_fence_release();", "",
     "if (cairn_load64(&h->seq) == old_lap)", "cairn_fence_release(); if (cairn_load64(&h->seq) == old_lap)"),
    (RING, "ring_open_packet", "losses counted behind the swap", "lost = cairn_ring_lost(r);", "lost = 0;",
     "return RING_MOVED;", "return RING_MOVED; lost = cairn_ring_lost(r);"),
    (RING, "ring_open_packet", "count of records goes on", "o, ns + CAIRN_PACKET_HEADER_BYTES,", "o, (ns + CAIRN_PACKET_HEADER_BYTES) | (o & ~CAIRN_POS_MASK),"),
    (RING, "ring_open_packet", "closed.ts_close read anew", "cairn_store64(&c->ts_close, close)", "cairn_store64(&c->ts_close, cairn_port_clock())"),
    (RING, "ring_open_packet", "ts_begin read anew", "cairn_store64(&h->ts_begin, t->ts)", "cairn_store64(&h->ts_begin, cairn_port_clock())"),
    (RING, "ring_open_packet", "a lost swap taken for a loss", "return RING_MOVED;", "return RING_LOST;"),
    (RING, "ring_open_packet", "valid before the header is whole", "cairn_store64_release(&h->seq, s);", "",
     "cairn_store64(&h->content_bits, CAIRN_PACKET_HEADER_BYTES * 8);",
     "cairn_store64_release(&h->seq, s); cairn_store64(&h->content_bits, CAIRN_PACKET_HEADER_BYTES * 8);"),
    (RING, "ring_open_packet", "invalidated before it may be reused", "if (cairn_load32(&r->mode) == CAIRN_DISCARD &&",
     "h = ring_hdr(r, ns); s = cairn_ring_seq(r, ns); old_lap = s - ring / packet; "
     "if (cairn_load64(&h->seq) == old_lap) (void)cairn_local_cas64(&h->seq, old_lap, CAIRN_SEQ_INVALID); if (cairn_load32(&r->mode) == CAIRN_DISCARD &&"),
    (RING, "ring_set_limit", "a word too far", "cairn_store64(&r->limit, limit);", "cairn_store64(&r->limit, limit + 4);"),
    (RING, "cairn_ring_publish", "the first packet only", "while (q != last)", "if (q != last)"),
    (RING, "cairn_ring_publish", "events_before of the packet before", "h = ring_hdr(r, q); cairn_store64(&r->events_total, total);",
     "cairn_store64(&r->events_total, total);", "cairn_store64(&h->events_before, total);", "cairn_store64(&h->events_before, total); h = ring_hdr(r, q);"),
    (INLINE, "cairn_pos_diff", "without wrap", "return (int64_t)((a - b) << (64 - CAIRN_POS_BITS)) >> (64 - CAIRN_POS_BITS);",
     "return (int64_t)((a & CAIRN_POS_MASK) - (b & CAIRN_POS_MASK));"),
    (INLINE, "cairn_ring_turn_at", "record's time read behind the swap", "s->ts = ts;", "s->ts = cairn_port_clock();"),
    (INLINE, "cairn_ring_commit_first", "published from pos", "cairn_ring_publish(r, s->end)", "cairn_ring_publish(r, cairn_load64(&r->pos))"),
    (READ, "cairn_ring_reader_read", "the open packet handed out", "if (wanted >= e.end)", "if (wanted > e.end)"),
    (READ, "read_wanted", "a lap and a packet", "oldest = newest > slots ? newest - slots : 0", "oldest = newest > slots + 1 ? newest - slots - 1 : 0"),
]

STALE_LIMIT = "a limit that is too low only costs the next record a slow path"
HEADER_STORES = "stores to a packet that is not valid yet; the release of seq comes after them"
FREE_STORES = "nobody reads the one before the other: they are published by what follows"
EQUIVALENT = {
    "ring_close_limit: without - 4: cairn_store64(&r->limit, ring_packet_start(r, pos)[ - 4])":
        "no record ends at or before the first byte of its packet",
    "cairn_ring_publish: swap: cairn_store64(&r->events_total, total); cairn_store64(&h->events_before, total);": FREE_STORES,
    "ring_open_packet: drop: ring_set_limit(r, t, t->counting ? ns - 4 : ns + packet - 4);": STALE_LIMIT,
    "ring_open_packet: swap: cairn_store64(&c->end, o); cairn_store64(&c->ts_close, close);": FREE_STORES,
    "ring_open_packet: swap: cairn_store64(&c->ts_close, close); cairn_store64(&ring_hdr(r, o)->events_discarded, lost);": FREE_STORES,
    "ring_open_packet: swap: cairn_store64(&h->content_bits, CAIRN_PACKET_HEADER_BYTES * 8); cairn_store64(&h->ts_begin, t->ts);": HEADER_STORES,
    "ring_open_packet: swap: cairn_store64(&h->ts_begin, t->ts); cairn_store64(&h->ts_end, t->ts);": HEADER_STORES,
    "ring_open_packet: swap: cairn_store64_release(&h->seq, s); cairn_store64(&r->seq_hint, s);":
        "the number nearest to the hint is the same one packet earlier and later",
    "ring_open_packet: swap: cairn_store64(&r->seq_hint, s); ring_set_limit(r, t, t->counting ? ns - 4 : ns + packet - 4);": STALE_LIMIT,
    "ring_open_packet: without + packet: ring_set_limit(r, t, t->counting ? ns - 4 : ns[ + packet] - 4)": STALE_LIMIT,
    "ring_open_packet: always: (cairn_load64(&h->seq) == old_lap)": "the swap compares; the load before it only saves a write to the line",
    "cairn_ring_reserve: without: turn == CAIRN_TURN_FULL": "the slow path looks at everything anew",
    "cairn_ring_commit: drop: cairn_barrier();": "an order for the compiler; the model calls a function at each access",
    "read_wanted: > is >=: uint64_t oldest = newest [>] slots ? newest - slots : 0, wanted": "both are 0 then",
    "read_wanted: < is <=: if (behind [<] 0) return e->end": "the same value",
    "read_wanted: < is <=: return wanted > e->open || wanted [<] oldest ? oldest : wanted": "the same value",
    "read_copy: never: (cairn_load64_acquire(&h->seq) != seq)": "the number is looked at again after the copy; before it, it saves the copy",
    "read_copy: relaxed: cairn_load64_acquire(&h->seq)":
        "the packet lies below the committed that was acquired; who has no committed needs it (writer.pml, poller)",
    "read_copy: > is >=: if (bytes < CAIRN_PACKET_HEADER_BYTES || bytes [>] r->pkt_mask + 1) return 0": "no packet is filled to its last word",
    "read_copy: without + 1: if (bytes < CAIRN_PACKET_HEADER_BYTES || bytes > r->pkt_mask[ + 1]) return 0": "no packet is filled to its last word",
    "cairn_ring_reader_read: < is <=: tries [<] READ_TRIES": "one attempt more",
    "read_begin: never: (cairn_load64_acquire(&h->seq) != wanted)": "the number is looked at again behind the load",
    "read_begin: relaxed: cairn_load64_acquire(&h->seq)": "as in read_copy: commit:A covers it",
    "buffer_open: relaxed: if (!__atomic_compare_exchange_n(&r->state, &state, CAIRN_RING_LIVE, false, [__ATOMIC_ACQUIRE], __ATOMIC_RELAXED)) return":
        "the full fences of attach:A and attach:B stand between the words of the block and this",
    "trace_set_state: relaxed: else (void)__atomic_fetch_and(flags, ~flag, [__ATOMIC_RELEASE])":
        "a flag that is taken away says nothing of other words (stopped:A is the other half)",
}

# Quick ones first: most mutants die in the first stage.
WRITER_STAGES = [("nesting", ["one_write"]), ("reader", []), ("orders", []), ("exchange", ["before", "wrap"]),
                 ("nesting", ["stop", "mode", "nesting_consumer", "forged", "leaps", "back_between", "wrap", "far_ahead", "flush", "no_ring", "coarse", "stale"]),
                 ("consumer", []), ("nesting", ["losses", "two_writes", "back_at_every"]), ("nesting", ["random", "three_writes"]),
                 ("exchange", ["back"])]
STAGES = {RING: WRITER_STAGES, PLACES: WRITER_STAGES, INLINE: WRITER_STAGES, READ: [("consumer", []), ("orders", ["wake_A"])]}
OTHER_STAGES = [("orders", [])]

# A mutant may never end. Seconds of CPU, so that a busy machine does not matter; the longest stage takes fifteen.
LIMITED = ["sh", "-c", "ulimit -t 60; exec \"$@\"", "sh"]

# Where a program finds its port, and the rest of the tests.
INCLUDES = {"orders": ["tests/model/whole", "tests"]}


def build(tree, program):
    out = os.path.join(tree, "model-" + program)
    command = [os.environ.get("CC", "cc"), "-std=gnu11", "-O1", "-w", "-DCAIRN_MODEL=1", "-DCAIRN_CLOCK_RETRIES=8", f"-I{tree}", f"-I{tree}/include"]
    command += [f"-I{os.path.join(tap.SRC, folder)}" for folder in INCLUDES.get(program, ["tests/model", "tests"])]
    tap.run(command + [os.path.join(tap.SRC, "tests/model", program + ".c"), "-o", out])
    return out


def killer(tree, path):
    """The stage that fails on this tree, or None."""
    built = {}
    for program, words in STAGES.get(path, OTHER_STAGES):
        try:
            if program not in built:
                built[program] = build(tree, program)
            done = subprocess.run(LIMITED + [built[program]] + words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  stdin=subprocess.DEVNULL, timeout=600, check=False, text=True, errors="replace",
                                  env={k: v for k, v in os.environ.items() if k != "CAIRN_LONG"})
        except subprocess.TimeoutExpired:
            return f"{program} {' '.join(words)}: no end"
        if done.returncode != 0:
            said = [line for line in done.stdout.splitlines() if line.startswith("# ") and "SEED" not in line and " runs" not in line]
            return f"{program} {' '.join(words)}: {said[0][2:] if said else f'status {done.returncode}'}"
    return None


def replace(text, changes):
    for a, b, new in sorted(changes, reverse=True):
        text = text[:a] + new + text[b:]
    return text


def place(plain, begin, end, old):
    """Where `old` stands in a function, whatever the blanks; once."""
    pattern = r"\s*".join(re.escape(token) for token in re.findall(r"\w+|[^\w\s]", old))
    found = list(re.compile(pattern).finditer(plain, begin, end))
    tap.check(len(found) == 1, f"{len(found)} times, not once: {old}")
    return found[0].start(), found[0].end()


def read(path):
    with open(os.path.join(tap.SRC, path), encoding="utf-8") as source:
        return source.read()


def tried(path, make):
    text = make()
    with tap.folder() as tree:
        for folder in ("core", "include", "arch"):
            shutil.copytree(os.path.join(tap.SRC, folder), os.path.join(tree, folder))
        with open(os.path.join(tree, path), "w", encoding="utf-8") as source:
            source.write(text)
        return killer(tree, path)


def is_quick(name):
    function, _, what = name.partition(": ")
    return name not in EQUIVALENT and is_order(what) and function not in OPEN


def must_die(future):
    by = future.result()
    tap.check(by is not None, "no model test fails on it")
    print(f"# {by}")


def must_live(future, why):
    by = future.result()
    tap.check(by is None, f"not equivalent after all ({why}): {by}")


def must_exist(names):
    stale = sorted(set(EQUIVALENT) - set(names))
    tap.check(not stale, "no rule makes this any more: " + "; ".join(stale))


def all_mutants():
    """(name, file, function that makes the text)."""
    for path, everything in FILES.items():
        text = read(path)
        plain = masked(text)
        for function, begin, end in functions(plain):
            count = {}
            for what, changes in mutants_of(plain, begin, end):
                if not is_order(what) and (function in NOT_MUTATED or not everything):
                    continue
                count[what] = count.get(what, 0) + 1
                number = f" #{count[what]}" if count[what] > 1 else ""
                yield f"{function}: {what}{number}", path, lambda text=text, changes=changes: replace(text, changes)
        for where, function, what, *pairs in SPECIAL:
            if where != path:
                continue
            def special(text=text, plain=plain, function=function, pairs=pairs):
                begin, end = next((b, e) for name, b, e in functions(plain) if name == function)
                return replace(text, [place(plain, begin, end, old) + (new,) for old, new in zip(pairs[::2], pairs[1::2])])
            yield f"{function}: {what}", path, special


def main():
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    listed = "--list" in sys.argv or "--list-quick" in sys.argv
    only_quick = "--list-quick" in sys.argv
    skipped = "--no-equivalent" in sys.argv
    sys.argv[1:] = []
    full = bool(words) or os.environ.get("CAIRN_LONG", "0") not in ("", "0")
    every = list(all_mutants())
    if listed:
        print("\n".join(f"{path}: {name}" for name, path, _ in every if not only_quick or is_quick(name)))
        return
    tap.add("names of equivalent mutants", must_exist, [name for name, _, _ in every])
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for name, path, make in every:
            quick = is_quick(name)
            if words and not any(word in name for word in words):
                continue
            if name in EQUIVALENT:
                if full and not skipped:
                    tap.add(f"lives: {name}", must_live, pool.submit(tried, path, make), EQUIVALENT[name])
            elif full or quick:
                tap.add("dies: " + name, must_die, pool.submit(tried, path, make))
        tap.main()


main()
