/* SPDX-License-Identifier: MIT */
/*
 * Nested writers in overwrite mode, reuse of slots, and a reader on another CPU that copies and then validates (read_copy and read_begin of
 * core/read.c; spec ring-buffer.md section 8).
 *
 * What a copy shows is a conjunction of statements about one word each, and the loads of a copy do not depend on each other. So the reader
 * picks a slot and one word of it and makes the loads of the protocol around that word; whichever word is wrong is found. Loads happen in
 * any order that acquires and the fence allow. One attempt is enough, as nothing is carried over from one to the next. An attempt that can
 * no longer show anything wrong ends at once, which keeps the states few.
 *
 * A validated word must be the right one: of this packet, complete, not of an older or newer lap.
 */
#include "ring.pml"

#ifdef WEAK_read_A
#define READ_A true
#else
#define READ_A (done & 1)
#endif
#ifdef WEAK_read_B
#define READ_B true
#else
#define READ_B (done & 4)
#endif
#ifdef WEAK_read_C
#define READ_C true
#else
#define READ_C (done & 2)
#endif

/* Nothing more can come of this attempt. */
#define USELESS (((done & 3) == 3 && seq != s + 1) || ((done & 2) && seq == 0) || ((done & 5) == 5 && right))

/* Whether word w of packet s may have the value v in the eyes of a reader that acquired c. An open packet's content is taken from c. */
inline judge()
{
	if
	:: w == CONTENT && s < c / W -> right = (v == cnt[s] + 1)
	:: w == CLOSED && s < c / W -> right = (v == s * W + cnt[s] + 1)
	:: w == BEFORE -> right = (v == before[s])
	:: w == TS -> right = (v == s + 1)
	:: w >= REC && w - REC < (s < c / W -> cnt[s] : c % W - 1) -> right = (v == s + 1)
	:: else -> right = true
	fi
}

/* Copy, then validate. */
proctype reader()
{
	byte slot, w, c, s, v, seq, done;
	bool right;

#ifdef WEAK_read_A
	select(slot : 0 .. N - 1);
#endif
	do
	:: atomic {
		!(done & 1) ->
#ifndef WEAK_read_A
		select(slot : 0 .. N - 1);
#endif
		c = mem[COMMITTED]; /* ORDER read:A */
		s = c / W;
		do
		:: s % N != slot && s > 0 -> s--
		:: else -> break
		od;
		done = done | 1;
		if
		:: s % N != slot || c % W == 0 -> goto out
		:: else -> skip
		fi;
		if
		:: done & 4 -> judge()
		:: else -> skip
		fi;
		if
		:: USELESS -> goto out
		:: else -> skip
		fi
	}
	:: atomic {
		!(done & 2) && READ_A ->
		seq = mem[WORD(slot, SEQ)]; /* ORDER read:C */
		done = done | 2;
		if
		:: USELESS -> goto out
		:: else -> skip
		fi
	}
	:: atomic {
		!(done & 4) && READ_A && READ_C ->
		select(w : CONTENT .. SLOT_WORDS - 1);
		v = mem[WORD(slot, w)];
		done = done | 4;
		if
		:: done & 1 -> judge()
		:: else -> skip
		fi;
		if
		:: USELESS -> goto out
		:: else -> skip
		fi
	}
	:: atomic {
		!(done & 8) && (done & 2) && READ_B -> /* ORDER read:B before this load */
		if
		:: mem[WORD(slot, SEQ)] != seq -> goto out
		:: else -> done = done | 8
		fi
	}
	:: atomic { done == 15 -> assert(seq != s + 1 || right); goto out }
	od;
out:	atomic { slot = 0; w = 0; c = 0; s = 0; v = 0; seq = 0; done = 0; right = false }
}

/* Wait for a packet by its number alone, without `committed`: the header words that its opener wrote are there. */
proctype poller()
{
	byte slot, v, seq, done;

#ifdef WEAK_read_C
	select(slot : 0 .. N - 1);
#endif
	do
	:: atomic {
		!(done & 2) ->
#ifndef WEAK_read_C
		select(slot : 0 .. N - 1);
#endif
		seq = mem[WORD(slot, SEQ)]; /* ORDER read:C */
		done = done | 2;
		if
		:: seq == 0 || ((done & 4) && v == seq) -> goto out
		:: else -> skip
		fi
	}
	:: atomic {
		!(done & 4) && READ_C ->
		v = mem[WORD(slot, TS)];
		done = done | 4;
		if
		:: (done & 2) && v == seq -> goto out
		:: else -> skip
		fi
	}
	:: atomic {
		!(done & 8) && (done & 2) && READ_B ->
		if
		:: mem[WORD(slot, SEQ)] != seq -> goto out
		:: else -> done = done | 8
		fi
	}
	:: atomic { done == 14 -> assert(v == seq); goto out }
	od;
out:	atomic { slot = 0; v = 0; seq = 0; done = 0 }
}

#ifdef WEAK_begin
/*
 * Number of the first record to read when all closed packets have been read: events_total between two equal loads of `committed`. Not in
 * the protocol: nothing says that events_total is being moved.
 */
proctype beginner()
{
	byte c, total;

	atomic { c = mem[COMMITTED] };
	atomic { total = mem[TOTAL] };
	atomic {
		if
		:: c == mem[COMMITTED] -> assert(total == before[c / W])
		:: else -> skip
		fi
	}
}
#endif

init
{
	byte i, p, n;

	atomic {
		select(n : FIRST .. FILLED);
		fill(n);
		n = 0;
		run drain();
		run writer(0);
		run writer(1);
		run writer(2);
		if
#ifdef WEAK_begin
		:: run beginner()
#else
		:: run reader()
		:: run poller()
#endif
		fi
	};
	over && cur == 0 && stored == 0;
	at_rest()
}
