#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 3000
"""Do the model tests see every line of the writer? Each mutant is core/ring.c or include/cairn/ring.h with one thing
dropped, weakened or moved; some model test must fail on it.

    tests/model/mutants.py            the most telling ones (those marked *)
    CAIRN_LONG=1 tests/model/mutants.py   all
    tests/model/mutants.py WORD...    those whose names contain a word

A mutant whose text is not found in the source, exactly once, fails: adapt it to the source. Mutants that change
nothing that can be observed are listed in EQUIVALENT with the reason; in the long form they must survive.
"""
import concurrent.futures
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap

RING, INLINE = "core/ring.c", "include/cairn/ring.h"

CAS_POS = "if (!ring_enter(r, o, ns + CAIRN_PACKET_HEADER_BYTES, nested)) /* count of records starts at 0 again */\n\t\treturn RING_MOVED;\n"
INVALIDATE = ("\tif (cairn_load64(&h->seq) == old_lap)\n"
              "\t\t(void)cairn_local_cas64(&h->seq, old_lap, CAIRN_SEQ_INVALID);\n")
VALID = "\tcairn_store64_release(&h->seq, s); /* ORDER valid:A, pairs with read:C */\n"
COMMIT = "\tcairn_store64_release(&r->committed, s->end); /* ORDER commit:A, pairs with read:A */\n"
PUBLISH = "\t\tcairn_store64_release(&r->committed, to); /* ORDER commit:A, pairs with read:A */\n"
LAST_CONTENT = "\t\tcairn_store64(&h->content_bits, (to & r->pkt_mask) * 8);\n"
CONTENT = ("\tcairn_store64(&s->hdr->content_bits, ((uint64_t)(s->record - (char *)s->hdr) + s->size) * 8);\n")
FULL = ("\tif (cairn_load32(&r->mode) == CAIRN_DISCARD &&\n"
        "\t    cairn_pos_diff(ns + packet, cairn_load64_acquire(&r->consumed)) > (int64_t)ring) "
        "/* ORDER open:A, pairs with consumed:A */\n\t\treturn ring_lose(r, CAIRN_LOST_FULL, size);\n")
WRAP = ("\tif (cairn_pos_diff(ns + packet, ring_packet_start(r, cairn_load64(&r->committed))) > (int64_t)ring)\n"
        "\t\treturn ring_lose(r, CAIRN_LOST_WRAP, size);\n")

# name (a * for the short form), file, then pairs of old and new text
MUTANTS = [
    # reserve
    ("* reserve: clock before pos", INLINE,
     "\tuint64_t ts = cairn_port_clock();\n", "\tuint64_t ts = cairn_port_clock();\n\n\to = cairn_load64(&r->pos);\n"),
    ("* reserve: one try goes behind what is pending", INLINE, "cairn_ring_turn_at(s, r, cairn_load64(&r->committed), ",
     "cairn_ring_turn_at(s, r, cairn_load64(&r->pos), "),
    ("reserve: record not counted", INLINE, "n = o + size + CAIRN_ONE_RECORD;", "n = o + size;"),
    ("reserve: limit not tested", INLINE, "cairn_pos_diff(cairn_load64(&r->limit), n) < 0", "0"),
    ("reserve: limit reached is too far", INLINE, "cairn_pos_diff(cairn_load64(&r->limit), n) < 0", "cairn_pos_diff(cairn_load64(&r->limit), n) <= 0"),
    ("reserve: limit a word too far", INLINE, "cairn_pos_diff(cairn_load64(&r->limit), n) < 0", "cairn_pos_diff(cairn_load64(&r->limit), n) < -4"),
    ("reserve: positions compared without wrap", INLINE,
     "return (int64_t)((a - b) << (64 - CAIRN_POS_BITS)) >> (64 - CAIRN_POS_BITS);", "return (int64_t)((a & CAIRN_POS_MASK) - (b & CAIRN_POS_MASK));"),
    ("reserve: time not tested", INLINE, "(ts - cairn_load64_own(&h->ts_end)) >> CAIRN_RING_GAP_BITS != 0", "0"),
    ("reserve: gap of 48 bits", INLINE, "#define CAIRN_RING_GAP_BITS (CAIRN_TS_BITS - 1)", "#define CAIRN_RING_GAP_BITS CAIRN_TS_BITS"),
    ("* reserve: store instead of swap", INLINE, "cairn_local_cas64(&r->pos, o, n)", "(cairn_store64(&r->pos, n), true)"),
    ("reserve: record time read after the swap", INLINE, "s->ts = ts;", "s->ts = cairn_port_clock();"),
    ("reserve: pad not zeroed", INLINE, "if (bytes & 3)\n", "if (0)\n"),
    ("reserve: id missing", INLINE, "\t*(cairn_half *)(void *)(p + 6) = (uint16_t)*id;\n", ""),
    ("reserve: time not whole", INLINE, "(void *)p = s->ts;", "(void *)p = (uint32_t)s->ts;"),
    ("reserve: task word missing", INLINE, "*(uint32_t *)(void *)(p + 8) = task;", "*(uint32_t *)(void *)(p + 8) = 0;"),
    ("reserve: preemption left off", INLINE, "if (CAIRN_UNLIKELY(!cairn_ring_reserve(s, cairn_record_size(bytes)))) {\n\t\tcairn_port_preempt_on(preempt);",
     "if (CAIRN_UNLIKELY(!cairn_ring_reserve(s, cairn_record_size(bytes)))) {"),
    # commit
    ("* commit: token not tested", INLINE,
     "if (CAIRN_UNLIKELY(cairn_load64_own(&r->committed) != s->begin)) {", "if (0) {"),
    ("commit: ts_end not stored", INLINE, "\tcairn_store64(&s->hdr->ts_end, s->ts);\n", ""),
    ("commit: content not stored", INLINE, CONTENT, ""),
    ("commit: content without the record", INLINE, "+ s->size) * 8", ") * 8"),
    ("commit: content before ts_end", INLINE, "\tcairn_store64(&s->hdr->ts_end, s->ts);\n" + CONTENT,
     CONTENT + "\tcairn_store64(&s->hdr->ts_end, s->ts);\n"),
    ("commit: committed not stored", INLINE, COMMIT, ""),
    ("* commit: committed before content", INLINE, CONTENT, "", COMMIT, COMMIT + CONTENT),
    ("* commit: committed without release", INLINE, COMMIT, COMMIT.replace("64_release", "64")),
    ("* commit: nested writers not published", INLINE,
     "if (CAIRN_UNLIKELY(cairn_load64(&r->pos) != s->end && cairn_load64(&r->committed) == s->end))", "if (0)"),
    ("* commit: publish without the token", INLINE, " && cairn_load64(&r->committed) == s->end)", ")"),
    ("commit: publish from pos", INLINE, "cairn_ring_publish(r, s->end)", "cairn_ring_publish(r, cairn_load64(&r->pos))"),
    # slow
    ("slow: stop not obeyed", RING, "\t\tif (!cairn_load32(&r->enabled))\n\t\t\treturn false;\n", ""),
    ("slow: clock before pos", RING,
     "\t\tuint64_t o = cairn_load64(&r->pos);\n\t\tuint64_t ts = cairn_port_clock();\n\t\tuint64_t off",
     "\t\tuint64_t ts = cairn_port_clock();\n\t\tuint64_t o = cairn_load64(&r->pos);\n\t\tuint64_t off"),
    ("slow: a step back not seen", RING, "if ((int64_t)ahead < 0) {", "if (0) {"),
    ("slow: a step back not waited for", RING, "if (++retries <= CAIRN_CLOCK_RETRIES)\n\t\t\t\t\tcontinue;\n", ""),
    ("slow: a step back not counted", RING, "(void)ring_lose(r, CAIRN_LOST_CLOCK, size);", ""),
    ("slow: waits for ever", RING, "++retries <= CAIRN_CLOCK_RETRIES", "++retries"),
    ("slow: last word of the packet used", RING, "if (off + size < ring_packet_bytes(r) &&", "if (off + size <= ring_packet_bytes(r) &&"),
    ("slow: gap not tested", RING, " && ahead >> CAIRN_RING_GAP_BITS == 0)", ")"),
    ("slow: stale limit kept", RING, "\t\t\t\tring_set_limit(r, ring_packet_start(r, o) + ring_packet_bytes(r) - 4);\n", ""),
    # opening a packet
    ("open: too big not tested", RING, "if (size > packet - CAIRN_PACKET_HEADER_BYTES - 4)", "if (0)"),
    ("open: too big by a word", RING, "if (size > packet - CAIRN_PACKET_HEADER_BYTES - 4)", "if (size > packet - CAIRN_PACKET_HEADER_BYTES)"),
    ("open: what fills a packet refused", RING, "if (size > packet - CAIRN_PACKET_HEADER_BYTES - 4)", "if (size >= packet - CAIRN_PACKET_HEADER_BYTES - 4)"),
    ("* open: unread packet reused", RING, FULL, ""),
    ("open: unread packet reused, by one", RING, "cairn_pos_diff(ns + packet, cairn_load64_acquire(&r->consumed))", "cairn_pos_diff(ns, cairn_load64_acquire(&r->consumed))"),
    ("open: consumed without acquire", RING, "cairn_load64_acquire(&r->consumed)", "cairn_load64(&r->consumed)"),
    ("open: full although there is room", RING, "cairn_load64_acquire(&r->consumed)) > (int64_t)ring)", "cairn_load64_acquire(&r->consumed)) >= (int64_t)ring)"),
    ("* open: pending packet reused", RING, WRAP, ""),
    ("open: pending packet reused, by one", RING, "cairn_pos_diff(ns + packet, ring_packet_start(r, cairn_load64(&r->committed)))",
     "cairn_pos_diff(ns, ring_packet_start(r, cairn_load64(&r->committed)))"),
    ("open: wrap although there is room", RING, "ring_packet_start(r, cairn_load64(&r->committed))) > (int64_t)ring)",
     "ring_packet_start(r, cairn_load64(&r->committed))) >= (int64_t)ring)"),
    ("* open: old lap not invalidated", RING, INVALIDATE, ""),
    ("* open: old lap invalidated after the swap", RING, INVALIDATE, "", CAS_POS, CAS_POS + INVALIDATE),
    ("* open: old lap invalidated by a store", RING, "(void)cairn_local_cas64(&h->seq, old_lap, CAIRN_SEQ_INVALID);",
     "cairn_store64(&h->seq, CAIRN_SEQ_INVALID);"),
    ("open: invalidated whatever it is", RING, "if (cairn_load64(&h->seq) == old_lap)\n\t\t(void)cairn_local_cas64(&h->seq, old_lap, CAIRN_SEQ_INVALID);",
     "cairn_store64(&h->seq, CAIRN_SEQ_INVALID);"),
    ("open: invalidated before it may be reused", RING, INVALIDATE, "",
     "\tif (cairn_load32(&r->mode) == CAIRN_DISCARD &&",
     "\th = ring_hdr(r, ns);\n\ts = cairn_ring_seq(r, ns);\n\told_lap = s - ring / packet;\n" + INVALIDATE +
     "\tif (cairn_load32(&r->mode) == CAIRN_DISCARD &&"),
    ("* open: no fence behind the invalidation", RING, "\tcairn_fence_release(); /* ORDER invalid:A, pairs with read:B */\n", ""),
    ("open: fence before the invalidation", RING, "\tcairn_fence_release(); /* ORDER invalid:A, pairs with read:B */\n", "",
     INVALIDATE, "\tcairn_fence_release();\n" + INVALIDATE),
    ("open: losses counted after the swap", RING, "\tlost = cairn_ring_lost(r);\n", "", CAS_POS, CAS_POS + "\tlost = cairn_ring_lost(r);\n"),
    ("open: store instead of swap", RING, "\treturn cairn_local_cas64(&r->pos, o, n);\n",
     "\tcairn_store64(&r->pos, n);\n\treturn true;\n"),
    ("open: count of records goes on", RING, "ring_enter(r, o, ns + CAIRN_PACKET_HEADER_BYTES, nested)",
     "ring_enter(r, o, (ns + CAIRN_PACKET_HEADER_BYTES) | (o & ~CAIRN_POS_MASK), nested)"),
    ("open: a lost swap taken for a loss", RING, "again */\n\t\treturn RING_MOVED;", "again */\n\t\treturn RING_LOST;"),
    ("open: a lost swap taken for success", RING, "again */\n\t\treturn RING_MOVED;", "again */\n\t\t;"),
    ("open: closed.end missing", RING, "\t\tcairn_store64(&c->end, o);\n", ""),
    ("open: closed.ts_close missing", RING, "\t\tcairn_store64(&c->ts_close, ts);\n", ""),
    ("open: closed.ts_close read anew", RING, "cairn_store64(&c->ts_close, ts)", "cairn_store64(&c->ts_close, cairn_port_clock())"),
    ("open: losses of the closed packet missing", RING, "\t\tcairn_store64(&ring_hdr(r, o)->events_discarded, lost);\n", ""),
    ("open: content of the old lap", RING, "\tcairn_store64(&h->content_bits, CAIRN_PACKET_HEADER_BYTES * 8);\n", ""),
    ("open: ts_begin missing", RING, "\tcairn_store64(&h->ts_begin, ts);\n", ""),
    ("open: ts_begin read anew", RING, "cairn_store64(&h->ts_begin, ts);", "cairn_store64(&h->ts_begin, cairn_port_clock());"),
    ("open: ts_end missing", RING, "\tcairn_store64(&h->ts_end, ts);\n", ""),
    ("open: losses missing", RING, "\t(void)cairn_local_cas64(&h->events_discarded, old_lost, lost);\n", ""),
    ("open: losses stored over a nested opener's", RING, "(void)cairn_local_cas64(&h->events_discarded, old_lost, lost);",
     "cairn_store64(&h->events_discarded, lost);"),
    ("open: never valid", RING, VALID, ""),
    ("* open: valid before the header is whole", RING, VALID, "",
     "\tcairn_store64(&h->content_bits, CAIRN_PACKET_HEADER_BYTES * 8);\n",
     VALID + "\tcairn_store64(&h->content_bits, CAIRN_PACKET_HEADER_BYTES * 8);\n"),
    ("* open: valid without release", RING, VALID, VALID.replace("64_release", "64")),
    ("open: seq_hint not kept", RING, "\tcairn_store64(&r->seq_hint, s);\n", ""),
    ("open: limit at the packet's end", RING, "ring_set_limit(r, ns + packet - 4);", "ring_set_limit(r, ns + packet);"),
    ("open: limit of the next packet", RING, "ring_set_limit(r, ns + packet - 4);", "ring_set_limit(r, ns + 2 * packet - 4);"),
    ("open: not published", RING, "if (cairn_load64(&r->committed) == o)\n\t\tcairn_ring_publish(r, o);", ""),
    ("* open: published without the token", RING, "if (cairn_load64(&r->committed) == o)\n", "if (1)\n"),
    ("open: a stop meanwhile not seen", RING, "if (CAIRN_UNLIKELY(!cairn_load32(&r->enabled)))\n", "if (0)\n"),
    # publish
    ("publish: clock read while pos moves", RING, "if (cairn_load64(&r->pos) != to)\n\t\t\tcontinue;", "if (0)\n\t\t\tcontinue;"),
    ("publish: ts_end of a closed packet missing", RING, "\t\t\tcairn_store64(&h->ts_end, cairn_load64(&c->ts_close));\n", ""),
    ("publish: content of a closed packet missing", RING, "\t\t\tcairn_store64(&h->content_bits, (end & r->pkt_mask) * 8);\n", ""),
    ("publish: content before ts_end", RING,
     "\t\t\tcairn_store64(&h->ts_end, cairn_load64(&c->ts_close));\n\t\t\tcairn_store64(&h->content_bits, (end & r->pkt_mask) * 8);\n",
     "\t\t\tcairn_store64(&h->content_bits, (end & r->pkt_mask) * 8);\n\t\t\tcairn_store64(&h->ts_end, cairn_load64(&c->ts_close));\n"),
    ("publish: count of a closed packet missing", RING, " + (end >> CAIRN_POS_BITS);", ";"),
    ("publish: events_total not stored", RING, "\t\t\tcairn_store64(&r->events_total, total);\n", ""),
    ("publish: events_before missing", RING, "\t\t\tcairn_store64(&h->events_before, total);\n", ""),
    ("publish: events_before of the packet before", RING, "\t\t\th = ring_hdr(r, q);\n\t\t\tcairn_store64(&r->events_total, total);\n\t\t\tcairn_store64(&h->events_before, total);\n",
     "\t\t\tcairn_store64(&r->events_total, total);\n\t\t\tcairn_store64(&h->events_before, total);\n\t\t\th = ring_hdr(r, q);\n"),
    ("publish: the first packet only", RING, "while (q != last) {", "if (q != last) {"),
    ("publish: the last packet's ts_end missing", RING, "\t\t\tcairn_store64(&h->ts_end, now);\n", "\t\t\t;\n"),
    ("publish: ts_end runs away", RING, "if (CAIRN_LIKELY((now - cairn_load64(&h->ts_end)) >> CAIRN_RING_GAP_BITS == 0))\n", "if (1)\n"),
    ("publish: the last packet's content missing", RING, LAST_CONTENT, ""),
    ("* publish: committed before content", RING, LAST_CONTENT, "", PUBLISH, PUBLISH + LAST_CONTENT),
    ("publish: committed without release", RING, PUBLISH, PUBLISH.replace("64_release", "64")),
    ("publish: committed not stored", RING, PUBLISH, ""),
    ("* publish: not looked again", RING, "\t\tif (cairn_load64(&r->pos) == to)\n\t\t\treturn;\n", "\t\treturn;\n"),
    ("publish: goes on without the token", RING, "if (cairn_load64(&r->committed) != to)\n\t\t\treturn;", "if (0)\n\t\t\treturn;"),
    ("publish: begins anew from the start", RING, "\t\tfrom = to;\n", ""),
    # numbers, setup, stop
    ("seq: hint not used", RING, "hint = cairn_load64(&r->seq_hint);\n", "hint = 0;\n"),
    ("setup: packets numbered from 0", RING, "\tr->seq_hint = first_pos / packet_bytes;\n", ""),
    ("setup: slots valid", RING, "\t\th->seq = CAIRN_SEQ_INVALID;\n", "\t\th->seq = slot;\n"),
    ("stop: enabled stays", RING, "\tcairn_store32(&r->enabled, 0);\n", ""),
    ("stop: limit stays", RING, "\tcairn_store64(&r->limit, ring_packet_start(r, cairn_load64(&r->pos)) - 4);\n", ""),
    ("start: nothing", RING, "\tcairn_store32(&r->enabled, 1);", "\tcairn_store32(&r->enabled, 0);"),
]

EQUIVALENT = [
    ("commit: barrier", "an order for the compiler; the model calls a function at each access", INLINE,
     "\tcairn_barrier(); /* payload before everything below, for what interrupts us */\n", ""),
    ("slow: pos not looked at again", "reserve looks at everything again anyway", RING,
     "\t\t\t\tif (cairn_load64(&r->pos) == o)\n\t\t\t\t\treturn true;\n\t\t\t\tcontinue;\n", "\t\t\t\treturn true;\n"),
    ("open: committed not taken back to its packet's start", "it is less than P behind, which the comparison of multiples of P "
     "does not see", RING, "ring_packet_start(r, cairn_load64(&r->committed))) > (int64_t)ring)",
     "cairn_load64(&r->committed)) > (int64_t)ring)"),
    ("open: limit not raised", "stale downwards: the next record's slow path raises it", RING,
     "\tring_set_limit(r, ns + packet - 4);\n", ""),
    ("open: no fence before enabled is looked at", "an order between stores of one CPU and loads of another that this model "
     "does not weaken (the writer's own loads are never late)", RING, "\tcairn_fence_full(); /* ORDER open:B, pairs with stop:A */\n", ""),
    ("stop: no fence", "as before, the other side", RING, "\tcairn_fence_full(); /* ORDER stop:A, pairs with open:B */\n", ""),
    ("open: swapped whatever it is", "the swap itself compares; the load before it only saves a write to the line", RING,
     "\tif (cairn_load64(&h->seq) == old_lap)\n\t\t(void)", "\t(void)"),
]

# The writer that can be left by a jump (CAIRN_PORT_JUMPS), and what goes on after it.
JUMPS = [
    ("* jump: nobody looks for a pending record", INLINE, "if (nesting == CAIRN_OUTERMOST && CAIRN_UNLIKELY(cairn_load64_own(&r->committed) != o))", "if (0)"),
    ("jump: one try marks while an outer record is pending", INLINE,
     "if (nesting == CAIRN_AT_COMMITTED && CAIRN_UNLIKELY(cairn_load64_own(&r->pos) != o))", "if (0)"),
    ("jump: the writer does not mark", INLINE, "\t\tcairn_port_mark(&r->frame);\n", ""),
    ("jump: the opener does not mark", RING, "\telse\n\t\tcairn_port_mark(&r->frame);\n", ""),
    ("* jump: nested writers are not counted", RING, "\tcairn_local_inc64(&r->begun);\n\tturn =", "\tturn ="),
    ("jump: nested writers are counted behind the swap", RING, "\tcairn_local_inc64(&r->begun);\n\tturn = cairn_ring_turn_at(s, r, size, CAIRN_ANY_DEPTH);\n",
     "\tturn = cairn_ring_turn_at(s, r, size, CAIRN_ANY_DEPTH);\n\tcairn_local_inc64(&r->begun);\n"),
    ("jump: nested openers are not counted", RING, "\tif (nested)\n\t\tcairn_local_inc64(&r->begun);\n\telse\n", "\tif (!nested)\n",
     "\tif (nested)\n\t\tcairn_local_inc64(&r->done);\n\treturn false;", "\treturn false;",
     "\tif (nested)\n\t\tcairn_local_inc64(&r->done);\n\tif (cairn_load64", "\tif (cairn_load64"),
    ("* jump: what began at committed is not seen", RING, "return begun != done || !cairn_port_marked(cairn_load64(&r->frame));", "return begun != done;"),
    ("jump: counted once only", RING, "while (cairn_load64(&r->begun) != begun);", "while (0);"),
    ("* jump: publishing not noted", RING, "\t\tcairn_store64(&r->settled, to);", "\t\t"),
    ("jump: a commit on its way not finished", RING, "if (off && content > off)", "if (0)"),
    ("* jump: the end of a packet not foreseen", RING, "\t\t(void)cairn_local_cas64(&c->end, old_end, o);\n", "\t\t;\n"),
    ("jump: the end of a packet stored, not swapped", RING, "(void)cairn_local_cas64(&c->end, old_end, o);", "cairn_store64(&c->end, o);"),
    ("jump: an opener's work not finished", RING, "\t\tring_finish_opening(r, q, close, cairn_load64(&h->events_discarded));\n", ""),
    ("jump: the first packet not finished", RING, "\t\tring_finish_opening(r, q, ring_close_time(r, q, last), 0);\n", ""),
    ("jump: a number and no header", RING, "\tcairn_store64(&h->content_bits, 8 * CAIRN_PACKET_HEADER_BYTES);\n\tcairn_store64(&h->ts_begin, begin);\n\tcairn_store64(&h->ts_end, begin);\n\tcairn_store64(&h->events_discarded, lost);\n", ""),
    ("jump: total not taken back", RING, "\tcairn_store64(&r->events_total, cairn_load64(&h->events_before));\n", ""),
    ("jump: given up and not counted", RING, "cairn_load64(&r->lost[CAIRN_LOST_ABANDONED]) + given_up", "cairn_load64(&r->lost[CAIRN_LOST_ABANDONED])"),
    ("jump: counts of nested writers not evened", RING, "\tcairn_store64(&r->done, cairn_load64(&r->begun));\n", ""),
    ("jump: not looked for when a packet is full", RING, "cairn_load64(&r->pos) && cairn_port_recover(r, CAIRN_LEFT_PERHAPS))\n\t\treturn true;", "0)\n\t\treturn true;"),
    ("jump: the last packet's content left", RING, "\tcairn_store64(&h->content_bits, (keep & r->pkt_mask) * 8);\n", ""),
]
MUTANTS += JUMPS

# Quick ones first: most mutants die in the first stage.
STAGES = [("nesting", ["one_write"]), ("reader", []),
          ("nesting", ["stop", "mode", "consumer", "forged", "leaps", "back_between", "wrap", "far_ahead"]),
          ("nesting", ["losses", "two_writes", "back_at_every"]), ("nesting", ["random", "three_writes"])]

INCLUDES = ["tests/model", "tests", "."]


def build(tree, program, jumps):
    out = os.path.join(tree, "model-" + program)
    command = [os.environ.get("CC", "cc"), "-std=gnu11", "-O1", "-w", "-DCAIRN_MODEL=1", "-DCAIRN_CLOCK_RETRIES=8", f"-I{tree}"]
    command += ["-DCAIRN_PORT_JUMPS=1"] if jumps else []
    command += [f"-I{os.path.join(tap.SRC, folder)}" for folder in INCLUDES[:2]]
    tap.run(command + [os.path.join(tap.SRC, "tests/model", program + ".c"), "-o", out])
    return out


def killer(tree, jumps):
    """The stage that fails on this tree, or None."""
    for program, words in [("nesting", ["jump", "one_write"])] if jumps else STAGES:
        try:
            done = subprocess.run([build(tree, program, jumps)] + words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  stdin=subprocess.DEVNULL, timeout=600, check=False, text=True,
                                  env={k: v for k, v in os.environ.items() if k != "CAIRN_LONG"})
        except subprocess.TimeoutExpired:
            return f"{program} {' '.join(words)}: no end"
        if done.returncode != 0:
            said = [line for line in done.stdout.splitlines() if line.startswith("# ") and "SEED" not in line and " runs" not in line]
            return f"{program} {' '.join(words)}: {said[0][2:] if said else f'status {done.returncode}'}"
    return None


def mutate(tree, path, *changes):
    name = os.path.join(tree, path)
    with open(name, encoding="utf-8") as source:
        text = source.read()
    for old, new in zip(changes[::2], changes[1::2]):
        tap.check(text.count(old) == 1, f"{path} has {text.count(old)} times, not once:\n{old}")
        text = text.replace(old, new)
    with open(name, "w", encoding="utf-8") as source:
        source.write(text)


def tried(path, changes, jumps):
    with tap.folder() as tree:
        for folder in ("core", "include", "arch"):
            shutil.copytree(os.path.join(tap.SRC, folder), os.path.join(tree, folder))
        mutate(tree, path, *changes)
        return killer(tree, jumps)


def must_die(future):
    by = future.result()
    tap.check(by is not None, "no model test fails on it")
    print(f"# {by}")


def must_live(future, why):
    by = future.result()
    tap.check(by is None, f"not equivalent after all ({why}): {by}")


def main():
    words = sys.argv[1:]
    sys.argv[1:] = []
    full = bool(words) or os.environ.get("CAIRN_LONG", "0") not in ("", "0")
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for name, path, *changes in MUTANTS:
            if (full or name.startswith("*")) and (not words or any(word in name for word in words)):
                tap.add("dies: " + name.lstrip("* "), must_die, pool.submit(tried, path, changes, "jump:" in name))
        for name, why, path, *changes in EQUIVALENT:
            if full and (not words or any(word in name for word in words)):
                tap.add(f"lives: {name}", must_live, pool.submit(tried, path, changes, "jump:" in name), why)
        tap.main()


main()
