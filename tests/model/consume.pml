/* SPDX-License-Identifier: MIT */
/*
 * Nested writers in discard mode and a reader that uses packets in place and then gives them back by moving `consumed`. A slot is not
 * written to while it is being read; every record is read, still in the ring, or counted as lost.
 *
 * As in writer.pml the reader picks one word of each packet. The last load of a packet and the store of `consumed` may change places if
 * consumed:A is no release; if open:A is no acquire, the writer's stores may be seen before the load of `consumed` that allows them,
 * provided that it returns in the end what was assumed (a promise; a run that does not keep it proves nothing, and its errors do not count).
 */
#ifndef FILLED
#define FILLED (N * R)
#endif
#define FULL(ns) (ns + 1 - consumed > N)
#define SEEN(word, val) bad = bad || (reading && word < COMMITTED && word / SLOT_WORDS == (reading - 1) % N)

byte reading; /* packet in use + 1 */

#include "ring.pml"

#ifdef WEAK_consumed
#define CONSUMED_A true
#else
#define CONSUMED_A (done & 1)
#endif
inline check_word()
{
	if
	:: w == SEQ -> bad = bad || v != s + 1
	:: w == CONTENT -> bad = bad || v != cnt[s] + 1
	:: w == CLOSED -> bad = bad || v != s * W + cnt[s] + 1
	:: w == BEFORE -> bad = bad || v != before[s]
	:: w == TS -> bad = bad || v != s + 1
	:: w >= REC && w - REC < cnt[s] -> bad = bad || v != s + 1
	:: else -> skip
	fi
}

proctype consumer()
{
	byte s, w, v, done;

end:	do
	:: atomic {
		done == 0 && s < mem[COMMITTED] / W -> /* ORDER read:A */
		select(w : SEQ .. SLOT_WORDS - 1);
		reading = s + 1;
		done = 4
	}
	:: atomic { done != 0 && !(done & 1) -> v = mem[WORD(s, w)]; done = done | 1; reading = (done == 7 -> 0 : reading) }
	:: atomic { done != 0 && !(done & 2) && CONSUMED_A -> consumed = s + 1; done = done | 2; reading = (done == 7 -> 0 : reading) } /* ORDER consumed:A */
	:: atomic {
		done == 7 ->
		check_word();
		s++;
		w = 0;
		v = 0;
		done = 0
	}
	od
}

/* Keeps promises, and reports what is wrong once there is none open. */
proctype judge()
{
end:	do
	:: atomic { promised && consumed >= promise -> promised = false; promise = 0 }
	:: atomic { bad && !promised -> assert(!bad) }
	od
}

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
		run consumer();
		run judge()
	};
	if
	:: over && cur == 0 && stored == 0 && !promised && consumed == mem[COMMITTED] / W ->
		at_rest();
		assert(!bad);
		assert(before[consumed] + (pos % W -> pos % W - 1 : 0) + lost == emitted)
	:: over && cur == 0 && stored == 0 && promised -> skip /* not kept */
	fi
}
