/* SPDX-License-Identifier: MIT */
/*
 * The writer of core/ring.c and include/cairn/ring.h on a CPU that reorders, for writer.pml and consume.pml. Included, never run alone.
 *
 * Reduced to: records of one size, R to a packet; N packets; positions of W = R + 2 steps a packet, so that p / W is the packet and p % W
 * its fill: 0 nothing open, 1 the header alone, 1 + k with k records. The upper 16 bits of the real pos are p % W - 1. Clock, stop and start
 * are left out (tests/model/nesting.c has them). A step is one access, or several between which an interrupt changes nothing that it does not
 * change before or after them too.
 *
 * Memory: cpu[] is what the writer's CPU sees, mem[] what the other CPU sees; between them is a buffer of stores, which drain in any order
 * but: two of one word in program order; a release store after all before it; none across a release fence. Swaps are plain stores here,
 * since nobody else writes these words. Only words that other CPUs read live in memory; pos, limit and lost are the CPU's own.
 *
 * Nesting: writer 0 is the code that is interrupted, 1 interrupts 0, 2 interrupts 1. Only writer `cur` moves; any step may be followed by
 * the entry of the next one, which returns before the step after (precondition C1).
 *
 * Ghosts (cnt, before, emitted, over) are what the checks compare with; nothing is decided by them.
 *
 * Each pair of the ordering table in core/ring.c can be weakened with -D: WEAK_commit, WEAK_invalid, WEAK_invalid_late, WEAK_valid,
 * WEAK_read_A, WEAK_read_B, WEAK_read_C, WEAK_consumed, WEAK_open; a variant must fail (tests/model/spin.py). stop:A and open:B are not here.
 */
#ifndef N
#define N 2
#endif
#ifndef R
#define R 2
#endif
#ifndef B
#define B 4 /* stores in flight */
#endif
#ifndef EMITS
#define EMITS 3 /* records of writer 0 */
#endif
#ifndef IRQS
#define IRQS 2 /* interrupts, nested or one after the other */
#endif
#ifndef FIRST
#define FIRST 0
#endif
#ifndef FILLED
#define FILLED (N * R + 2) /* a run begins with FIRST .. FILLED records in the ring */
#endif
#define W (R + 2)
#define PACKETS ((FILLED + EMITS + IRQS) / R + 2)

/* Places that a search must come to, or it has shown less than it says: -DREACHED_x=REACHED makes place x an error. */
#define REACHED assert(false)
#ifndef REACHED_again
#define REACHED_again skip /* publishing goes round again */
#endif
#ifndef REACHED_full
#define REACHED_full skip /* lost: unread packets */
#endif
#ifndef REACHED_wrap
#define REACHED_wrap skip /* lost: a lap is pending */
#endif
#ifndef REACHED_swap
#define REACHED_swap skip /* an opener finds that a nested one has invalidated, or reused, the slot meanwhile */
#endif

/* Words of packet p, in its slot. SEQ is 0 = not valid, or p + 1; so are TS (ts_begin) and the records: what belongs to packet p is p + 1. */
#define SLOT_WORDS (5 + R)
#define WORD(p, w) (((p) % N) * SLOT_WORDS + (w))
#define SEQ 0
#define CONTENT 1
#define CLOSED 2
#define BEFORE 3
#define TS 4
#define REC 5
#define COMMITTED (N * SLOT_WORDS)
#ifdef WEAK_begin /* only there does anybody look at events_total */
#define TOTAL (COMMITTED + 1)
#define WORDS (COMMITTED + 2)
#else
#define WORDS (COMMITTED + 1)
#endif

#define PLAIN 0
#define RELEASE 1
#define FENCE 2

#ifdef WEAK_commit
#define COMMIT_A PLAIN
#else
#define COMMIT_A RELEASE
#endif
#ifdef WEAK_valid
#define VALID_A PLAIN
#else
#define VALID_A RELEASE
#endif

byte mem[WORDS];
byte cpu[WORDS];
byte at[B], value[B], kind[B], stored; /* the buffer, oldest first */

byte cur;      /* level of the writer that runs */
byte irqs = IRQS;
byte pos, limit, lost, events_total;
byte consumed; /* as the writer's CPU sees it: the reader's stores drain at once, reordered at the reader */
bool promised; /* a load of `consumed` whose value was assumed before it was made, see WEAK_open */
byte promise;
bool bad;      /* something wrong was seen; an error unless a promise is open */

byte cnt[PACKETS];    /* records in each packet that was closed */
byte before[PACKETS]; /* records in all packets before */
byte emitted;
bool over;            /* writer 0 is done, no more interrupts */

#define RECORDED (before[pos / W] + (pos % W -> pos % W - 1 : 0))
#define RUNS (cur == me)
#define ROOM(n) (stored + n <= B)

inline store(word, val, how)
{
	at[stored] = word;
	value[stored] = val;
	kind[stored] = how;
	stored++;
	cpu[word] = val
}

/* What a model wants to say about a store that becomes visible. */
#ifndef SEEN
#define SEEN(word, val) skip
#endif

proctype drain()
{
	byte i, j, may;

end:	do
	:: atomic {
		stored > 0 ->
		d_step {
			i = 0;
			may = 0;
			do
			:: i < stored ->
				j = 0;
				do
				:: j < i && kind[j] != FENCE && kind[i] == PLAIN && at[j] != at[i] -> j++
				:: else -> break
				od;
				if
				:: j == i -> may = may | (1 << i)
				:: else -> skip
				fi;
				i++
			:: else -> break
			od
		}
		if
		:: may & 1 -> i = 0
		:: may & 2 -> i = 1
		:: may & 4 -> i = 2
		:: may & 8 -> i = 3
		:: may & 16 -> i = 4
		:: may & 32 -> i = 5
		:: may & 64 -> i = 6
		:: may & 128 -> i = 7
		fi;
		d_step {
			if
			:: kind[i] != FENCE ->
				SEEN(at[i], value[i]);
				if
				:: at[i] == COMMITTED -> assert(value[i] >= mem[COMMITTED])
				:: else -> skip
				fi;
				mem[at[i]] = value[i]
			:: else -> skip
			fi;
			stored--;
			do
			:: i < stored ->
				at[i] = at[i + 1];
				value[i] = value[i + 1];
				kind[i] = kind[i + 1];
				i++
			:: else -> break
			od;
			at[stored] = 0;
			value[stored] = 0;
			kind[stored] = 0;
			i = 0;
			j = 0;
			may = 0
		}
	}
	od
}

/* cairn_ring_publish(r, from) */
inline publish()
{
	do
	:: atomic { RUNS -> to = pos; q = from / W };
		do
		:: atomic {
			RUNS && ROOM(3) && q != to / W ->
			end_ = cpu[WORD(q, CLOSED)];
			total = events_total + end_ % W - 1;
			store(WORD(q, CONTENT), end_ % W, PLAIN);
			q++;
			events_total = total;
#ifdef WEAK_begin
			store(TOTAL, total, PLAIN);
#endif
			store(WORD(q, BEFORE), total, PLAIN);
			end_ = 0;
			total = 0
		}
		:: atomic { RUNS && ROOM(1) && q == to / W -> store(WORD(q, CONTENT), to % W, PLAIN); break }
		od;
		atomic {
			RUNS && ROOM(1) ->
			assert(to >= cpu[COMMITTED]);
			store(COMMITTED, to, COMMIT_A)
		};
		atomic {
			RUNS ->
			if
			:: pos == to || cpu[COMMITTED] != to -> break
			:: else -> REACHED_again; from = to
			fi
		}
	od;
	atomic { to = 0; q = 0; from = 0 }
}

inline fence()
{
	if
	:: stored > 0 -> at[stored] = WORDS; kind[stored] = FENCE; stored++
	:: else -> skip
	fi
}

/* The second half of invalidating the lap before in the slot of packet ns, the swap; `old` was loaded by the first. */
inline invalidate()
{
	if
	:: old != 0 && old + N == ns + 1 && cpu[WORD(ns, SEQ)] == old -> store(WORD(ns, SEQ), 0, PLAIN)
	:: old != 0 && old + N == ns + 1 && cpu[WORD(ns, SEQ)] != old -> REACHED_swap
	:: else -> skip
	fi;
	old = 0
}

/* The discard mode's question whether the slot of ns is free. Defined by consume.pml. */
#ifndef FULL
#define FULL(ns) false
#endif

/* cairn_reserve() .. cairn_commit() of one record; `slow` is cairn_ring_slow(), then ring_open_packet(). */
inline emit()
{
	skip;
again:	atomic {
		RUNS ->
		o = pos;
		tries++;
		assert(tries <= 3 + 3 * IRQS);
		if
		:: limit < o + 1 -> goto slow
		:: else -> skip
		fi
	};
	atomic {
		RUNS ->
		if
		:: pos != o -> goto again
		:: else -> pos = o + 1; emitted++
		fi
	};
	atomic { /* the record; commit */
		RUNS && ROOM(2) ->
		store(WORD(o / W, REC + o % W - 1), o / W + 1, PLAIN);
		if
		:: cpu[COMMITTED] != o -> goto out
		:: else -> store(WORD(o / W, CONTENT), o % W + 1, PLAIN)
		fi
	};
	atomic {
		RUNS && ROOM(1) ->
		assert(o + 1 >= cpu[COMMITTED]);
		store(COMMITTED, o + 1, COMMIT_A)
	};
	atomic {
		RUNS ->
		if
		:: pos == o + 1 || cpu[COMMITTED] != o + 1 -> goto out
		:: else -> from = o + 1
		fi
	};
	publish();
	goto out;

slow:	atomic {
		RUNS ->
		o = pos;
		tries++;
		assert(tries <= 3 + 3 * IRQS);
		ns = o / W + (o % W -> 1 : 0)
	};
	if
	:: atomic {
		RUNS && o % W != 0 && o % W < W - 1 -> /* it fits: the limit was stale */
		limit = (o / W) * W + W - 1;
		if
		:: pos == o -> goto again
		:: else -> goto slow
		fi
	}
	:: atomic {
		RUNS && (o % W == 0 || o % W == W - 1) ->
		if
		:: FULL(ns) -> REACHED_full; lost++; emitted++; goto out
#ifdef WEAK_open
		/* not an acquire: the stores below may be seen before the load is made, if it then returns what was assumed */
		:: FULL(ns) && !promised -> promised = true; promise = ns + 1 - N
#endif
		:: !FULL(ns) -> skip
		fi;
		if
		:: ns + 1 - cpu[COMMITTED] / W > N -> REACHED_wrap; lost++; emitted++; goto out
		:: else -> old = cpu[WORD(ns, SEQ)]
		fi
	}
	fi;
	atomic {
		RUNS && ROOM(2) ->
#ifndef WEAK_invalid_late
		invalidate();
#ifndef WEAK_invalid
		fence()
#else
		skip
#endif
#else
		skip
#endif
	};
	atomic {
		RUNS ->
		if
		:: pos != o -> goto slow
		:: else -> pos = ns * W + 1
		fi;
		if
		:: o % W != 0 -> cnt[o / W] = o % W - 1; before[ns] = before[o / W] + o % W - 1
		:: else -> skip
		fi
	};
#ifdef WEAK_invalid_late
	atomic { RUNS && ROOM(2) -> invalidate(); fence() };
#endif
	atomic {
		RUNS && ROOM(2) ->
		if
		:: o % W != 0 -> store(WORD(o / W, CLOSED), o, PLAIN)
		:: else -> skip
		fi;
		store(WORD(ns, CONTENT), 1, PLAIN)
	};
	atomic { RUNS && ROOM(1) -> store(WORD(ns, TS), ns + 1, PLAIN) };
	atomic { RUNS && ROOM(1) -> store(WORD(ns, SEQ), ns + 1, VALID_A) };
	atomic {
		RUNS ->
		limit = ns * W + W - 1;
		if
		:: cpu[COMMITTED] != o -> goto again
		:: else -> from = o; ns = 0
		fi
	};
	publish();
	goto again;
out:	atomic { o = 0; ns = 0; from = 0; old = 0; tries = 0 }
}

proctype writer(byte me)
{
	byte o, ns, old, from, to, q, end_, total, tries, left = EMITS;

	do
	:: atomic { me == 0 && left > 0 && cur == 0 -> left-- };
		emit()
	:: atomic { me == 0 && left == 0 && cur == 0 -> over = true; break }
	:: atomic { me > 0 && !over && cur == me - 1 && irqs > 0 -> irqs--; cur = me };
		emit();
		atomic { RUNS -> cur = me - 1 }
	:: atomic { me > 0 && over -> break }
	od
}

/* The state after `n` records without interrupts. */
inline fill(n)
{
	d_step {
		do
		:: i < n ->
			p = i / R;
			if
			:: i % R == 0 && p > 0 ->
				cpu[WORD(p - 1, CLOSED)] = pos;
				cnt[p - 1] = R;
				before[p] = i;
				events_total = i;
#ifdef WEAK_begin
				cpu[TOTAL] = i
#endif
			:: else -> skip
			fi;
			cpu[WORD(p, SEQ)] = p + 1;
			cpu[WORD(p, TS)] = p + 1;
			cpu[WORD(p, BEFORE)] = before[p];
			cpu[WORD(p, REC + i % R)] = p + 1;
			cpu[WORD(p, CONTENT)] = i % R + 2;
			pos = p * W + i % R + 2;
			limit = p * W + W - 1;
			i++
		:: else -> break
		od;
		emitted = n;
		cpu[COMMITTED] = pos;
		i = 0;
		do
		:: i < WORDS -> mem[i] = cpu[i]; i++
		:: else -> break
		od;
		i = 0;
		p = 0
	}
}

/* At rest: every record is counted once, everything is published, and the valid packets in memory are the last ones, whole. */
inline at_rest()
{
	d_step {
		assert(mem[COMMITTED] == pos);
		assert(emitted == RECORDED + lost);
		i = pos / W;
		p = RECORDED;
		do
		:: i + N > pos / W && p > 0 ->
			assert(mem[WORD(i, SEQ)] == i + 1);
			assert(mem[WORD(i, BEFORE)] == before[i]);
			assert(mem[WORD(i, BEFORE)] + mem[WORD(i, CONTENT)] - 1 == p); /* decoded ones and those before: p */
			p = mem[WORD(i, BEFORE)];
			if
			:: i == 0 -> break
			:: else -> i--
			fi
		:: else -> break
		od;
		i = 0;
		p = 0
	}
}
