/* SPDX-License-Identifier: MIT */
/*
 * Exchange of a CPU's ring for a prepared one (docs/ring.md, docs/design.md D12): nested writers on a CPU that reorders its stores, and a control
 * CPU that asks for the exchange, takes the retired ring as frozen, and prepares its block again, which then becomes current a second time.
 *
 * The control CPU: n prepared; r->successor = n (release); full fence; r->limit pulled. The owner, in its slow path, with r at rest and nobody
 * else in r's slow path: swap of pos from o to an odd value; the words of n; cur = n (release); what r lost meanwhile; r->committed = o | 1
 * (release), which says frozen. Everywhere else it raises limit as ever: limit, full fence, successor again.
 *
 * Memory, positions, steps and nesting as in ring.pml, which has what is left out here (the order of header words, readers of live rings);
 * here both CPUs have a buffer of stores. There are two blocks; life l of the ring is in block l % 2. A position in pos and committed is doubled, so
 * that bit 0 is free. A pulled limit is 0: lower than any other, which is all that matters.
 *
 * Checked: a block's packets are written by its owner alone while it is live, by the control CPU alone otherwise, and by nobody while it is read as
 * frozen; who finds a ring retired finds its successor through the pointer; a frozen ring is whole, up to the number of records that its successor begins with; emitted = recorded + lost, the losses of all lives being
 * in the last; nobody reserves in a retired ring; an outermost emission that begins after the request has arrived exchanges.
 *
 * -DWEAK_x weakens an order, -DTOLD_x takes out a part of the protocol; each must fail (tests/model/spin.py):
 *	WEAK_successor	r->successor without release
 *	WEAK_request	no fence between successor and limit
 *	WEAK_raise	no fence between limit and successor
 *	WEAK_retired	r->committed = odd without release
 *	WEAK_frozen	committed of the retired ring without acquire
 *	WEAK_current	cur = n without release
 *	TOLD_odd	pos becomes o | 1 instead of a position behind the packet: a raised limit admits a nested record
 *	TOLD_rest	at rest means committed == pos, even if an outer writer is about to invalidate a slot or to count a loss
 *	TOLD_lost	what r loses after the losses were copied stays there
 *	TOLD_late	r->committed is made odd before cur = n
 *	TOLD_even	a block that is being prepared does not look retired
 *	TOLD_publish	publishing does not pull limit again
 *	TOLD_leave	who leaves the slow path pulls limit even if an outer writer is pending: a nested one goes round for ever
 */
#ifndef N
#define N 2
#endif
#ifndef R
#define R 2
#endif
#ifndef B
#define B 3 /* stores in flight on each CPU */
#endif
#ifndef EMITS
#define EMITS 2
#endif
#ifndef IRQS
#define IRQS 1
#endif
#ifndef EXCHANGES
#define EXCHANGES 2
#endif
#ifndef FIRST
#define FIRST 0
#endif
#ifndef FILLED
#define FILLED (N * R)
#endif
#define W (R + 2)
#define PACKETS ((FILLED + EMITS + IRQS) / R + 3 + EXCHANGES)

#define REACHED assert(false)
#ifndef REACHED_switch
#define REACHED_switch skip /* lost: the ring is being exchanged */
#endif
#ifndef REACHED_again
#define REACHED_again skip /* a block becomes current a second time */
#endif
#ifndef REACHED_moved
#define REACHED_moved skip /* a stale writer finds its ring retired and looks for the new one */
#endif
#ifndef REACHED_pending
#define REACHED_pending skip /* a nested record is admitted in a ring that is to be exchanged */
#endif
#ifndef REACHED_pulled
#define REACHED_pulled skip /* a writer raised limit and finds a request */
#endif

#define LIMIT(b) ((b) * BLOCK)
#define SUCCESSOR(b) ((b) * BLOCK + 1)
#define COMMITTED(b) ((b) * BLOCK + 2)
#define SEQ(b, p) ((b) * BLOCK + 3 + (p) % N)
#define REC(b, p, k) ((b) * BLOCK + 3 + N + (p) % N * R + (k))
#define BLOCK (3 + N + N * R)
#define CUR (2 * BLOCK) /* its value is the number of the life */
#define WORDS (CUR + 1)
#define IS_PACKET(word) (word < CUR && word % BLOCK >= 3)

#define PLAIN 0
#define RELEASE 1
#define FENCE 2
#ifdef WEAK_successor
#define SUCCESSOR_A PLAIN
#else
#define SUCCESSOR_A RELEASE
#endif
#ifdef WEAK_retired
#define RETIRED_A PLAIN
#else
#define RETIRED_A RELEASE
#endif
#ifdef WEAK_current
#define CURRENT_A PLAIN
#else
#define CURRENT_A RELEASE
#endif

#define OWNER 0
#define CONTROL 1
byte mem[WORDS];
byte at[2 * B], value[2 * B], kind[2 * B], stored[2];
#define ROOM(c, n) (stored[c] + n <= B)
#define FENCED(c) (stored[c] == 0)
#ifdef WEAK_raise
#define RAISE_FENCED true
#else
#define RAISE_FENCED FENCED(OWNER)
#endif
#ifdef WEAK_request
#define REQUEST_FENCED true
#else
#define REQUEST_FENCED FENCED(CONTROL)
#endif

/* The owner's own words. */
byte level, irqs = IRQS;
byte life;
byte pos[2], lost[2], busy[2]; /* busy: writers in the slow path */
bool over;

/* Ghosts. */
#define LIVE 0
#define FROZEN 1
#define PREPARED 2
byte state[2], cnt[PACKETS], before[PACKETS], begin[EXCHANGES + 1], emitted, recorded;
byte asked = 255; /* the life whose request has arrived */
byte ii;

#define RUNS (level == me)
#define P (o / 2)

inline store(c, word, val, how)
{
	at[c * B + stored[c]] = word;
	value[c * B + stored[c]] = val;
	kind[c * B + stored[c]] = how;
	stored[c]++
}

inline load(c, word, to)
{
	to = mem[word];
	ii = 0;
	do
	:: ii < stored[c] ->
		if
		:: kind[c * B + ii] != FENCE && at[c * B + ii] == word -> to = value[c * B + ii]
		:: else -> skip
		fi;
		ii++
	:: else -> break
	od;
	ii = 0
}

proctype drain(byte c)
{
	byte i, j, may;

end:	do
	:: atomic {
		stored[c] > 0 ->
		d_step {
			i = 0;
			may = 0;
			do
			:: i < stored[c] ->
				j = 0;
				do
				:: j < i && kind[c * B + j] != FENCE && kind[c * B + i] == PLAIN && at[c * B + j] != at[c * B + i] -> j++
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
		fi;
		d_step {
			j = at[c * B + i];
			if
			:: kind[c * B + i] != FENCE ->
				assert(!(IS_PACKET(j) && (c == OWNER) != (state[j / BLOCK] == LIVE)));
				mem[j] = value[c * B + i]
			:: else -> skip
			fi;
			stored[c]--;
			do
			:: i < stored[c] ->
				at[c * B + i] = at[c * B + i + 1];
				value[c * B + i] = value[c * B + i + 1];
				kind[c * B + i] = kind[c * B + i + 1];
				i++
			:: else -> break
			od;
			at[c * B + stored[c]] = 0;
			value[c * B + stored[c]] = 0;
			kind[c * B + stored[c]] = 0;
			i = 0;
			j = 0;
			may = 0
		}
	}
	od
}

/* cairn_ring_publish() */
inline publish()
{
	do
	:: atomic { RUNS && ROOM(OWNER, 1) -> to = pos[b]; assert(!(to & 1)) };
		atomic { RUNS && ROOM(OWNER, 1) -> store(OWNER, COMMITTED(b), to, RELEASE) };
		atomic {
			RUNS ->
			load(OWNER, COMMITTED(b), v);
			if
			:: pos[b] == to || v != to -> break
			:: else -> skip
			fi
		}
	od;
#ifndef TOLD_publish
	atomic {
		RUNS && ROOM(OWNER, 1) ->
		load(OWNER, SUCCESSOR(b), v);
		if
		:: v -> store(OWNER, LIMIT(b), 0, PLAIN)
		:: else -> skip
		fi
	};
#endif
	atomic { to = 0; v = 0 }
}

/* cairn_ring_set_limit() */
inline raise(packet)
{
	atomic { RUNS && ROOM(OWNER, 1) -> store(OWNER, LIMIT(b), (packet) * W + W - 1, PLAIN) };
	atomic {
		RUNS && RAISE_FENCED && ROOM(OWNER, 1) ->
		load(OWNER, SUCCESSOR(b), v);
		if
		:: v -> REACHED_pulled; store(OWNER, LIMIT(b), 0, PLAIN)
		:: else -> skip
		fi;
		v = 0
	}
}

#ifdef TOLD_rest
#define ALONE true
#else
#define ALONE (busy[b] == 1)
#endif
#ifdef TOLD_leave
#define LEAVE_AT_REST true
#else
#define LEAVE_AT_REST (to == pos[b])
#endif
#ifdef TOLD_odd
#define RETIRED_POS (o | 1)
#else
#define RETIRED_POS (2 * ns * W + 1)
#endif

/* Leave the slow path. Who was admitted meanwhile, because of us, has raised limit: pull it if it is not needed. */
inline leave()
{
	atomic {
		RUNS && ROOM(OWNER, 1) ->
		busy[b]--;
		load(OWNER, SUCCESSOR(b), v);
		load(OWNER, COMMITTED(b), to);
		if
		:: v && busy[b] == 0 && LEAVE_AT_REST -> store(OWNER, LIMIT(b), 0, PLAIN)
		:: else -> skip
		fi;
		v = 0;
		to = 0
	}
}

inline lose() { lost[b]++; emitted++ }

/* cairn_reserve() .. cairn_commit() of one record. */
inline emit()
{
	skip;
again:	atomic { RUNS -> b = life & 1; tries++; assert(tries <= 8 + 6 * IRQS) };
	atomic {
		RUNS ->
		o = pos[b];
		load(OWNER, LIMIT(b), v);
		if
		:: v < P + 1 -> v = 0; goto slow
		:: v >= P + 1 -> v = 0
		:: v >= P + 1 && tries == 1 -> v = 0; goto slow /* a larger record; its second try is for one that fits */
		fi
	};
	atomic {
		RUNS && ROOM(OWNER, 1) ->
		if
		:: pos[b] != o -> goto again
		:: else ->
			assert(!(o & 1) && state[b] == LIVE && b == (life & 1));
			pos[b] = o + 2;
			emitted++;
			recorded++
		fi
	};
	atomic { /* the record; commit */
		RUNS && ROOM(OWNER, 1) ->
		store(OWNER, REC(b, P / W, P % W - 1), P / W + 1, PLAIN);
		load(OWNER, COMMITTED(b), v);
		if
		:: v != o -> v = 0; goto out
		:: else -> v = 0
		fi
	};
	atomic { RUNS && ROOM(OWNER, 1) -> store(OWNER, COMMITTED(b), o + 2, RELEASE) };
	atomic {
		RUNS ->
		load(OWNER, COMMITTED(b), v);
		if
		:: pos[b] == o + 2 || v != o + 2 -> v = 0; goto out
		:: else -> v = 0
		fi
	};
	publish();
	goto out;

slow:	atomic { RUNS -> busy[b]++ };
look:	atomic {
		RUNS ->
		o = pos[b];
		tries++;
		assert(tries <= 8 + 6 * IRQS);
		if
		:: o & 1 -> goto odd
		:: else -> ns = P / W + (P % W -> 1 : 0)
		fi
	};
	atomic {
		RUNS ->
		load(OWNER, SUCCESSOR(b), succ);
		load(OWNER, COMMITTED(b), v);
		if
		:: succ && v == o && ALONE -> v = 0; goto exchange
		:: else -> v = 0
		fi
	};
	if
	:: RUNS && P % W != 0 && P % W < W - 1 -> /* it fits */
		if
		:: succ -> atomic { RUNS && ROOM(OWNER, 1) -> REACHED_pending; store(OWNER, LIMIT(b), (P / W) * W + W - 1, PLAIN) }
		:: else -> raise(P / W)
		fi;
		leave();
		goto again
	:: RUNS && !(P % W != 0 && P % W < W - 1) -> skip
	fi;
	atomic { /* ring_open_packet() */
		RUNS ->
		load(OWNER, COMMITTED(b), v);
		if
		:: ns + 1 - v / 2 / W > N -> v = 0; goto refuse
		:: else -> load(OWNER, SEQ(b, ns), v)
		fi
	};
	atomic {
		RUNS && ROOM(OWNER, 2) ->
		load(OWNER, SEQ(b, ns), to);
		if
		:: v != 0 && v + N == ns + 1 && to == v -> store(OWNER, SEQ(b, ns), 0, PLAIN)
		:: else -> skip
		fi;
		to = 0;
		v = 0;
		if
		:: stored[OWNER] > 0 -> store(OWNER, WORDS, 0, FENCE)
		:: else -> skip
		fi
	};
	atomic {
		RUNS ->
		if
		:: pos[b] != o -> goto look
		:: else -> pos[b] = 2 * (ns * W + 1)
		fi;
		if
		:: P % W != 0 -> cnt[P / W] = P % W - 1; before[ns] = before[P / W] + P % W - 1
		:: else -> skip
		fi
	};
	atomic { RUNS && ROOM(OWNER, 1) -> store(OWNER, SEQ(b, ns), ns + 1, RELEASE) };
	raise(ns);
	atomic {
		RUNS ->
		load(OWNER, COMMITTED(b), v);
		if
		:: v != o -> v = 0; goto opened
		:: else -> v = 0
		fi
	};
	publish();
opened:	leave();
	goto again;

refuse:	atomic { RUNS -> lose() }; /* a lap is pending */
	leave();
	goto out;

odd:	atomic {
		RUNS ->
		if
		:: (life & 1) != b -> REACHED_moved; busy[b]--; goto again
		:: else -> skip
		fi
	};
	atomic { RUNS -> REACHED_switch; lose() };
	atomic { RUNS -> busy[b]-- };
	goto out;

exchange:
	atomic {
		RUNS ->
		if
		:: pos[b] != o -> goto look
		:: else -> pos[b] = RETIRED_POS
		fi;
		assert(state[1 - b] == PREPARED);
		state[1 - b] = LIVE; /* whose words are now the owner's */
		begin[life + 1] = ns;
		if
		:: P % W != 0 -> cnt[P / W] = P % W - 1; before[ns] = before[P / W] + P % W - 1
		:: else -> skip
		fi;
		assert(before[ns] == recorded)
	};
#ifdef TOLD_late
	atomic { RUNS && ROOM(OWNER, 1) -> store(OWNER, COMMITTED(b), o | 1, RETIRED_A) };
#endif
	atomic { RUNS && ROOM(OWNER, 1) -> store(OWNER, COMMITTED(1 - b), 2 * ns * W, PLAIN) };
	atomic { RUNS -> pos[1 - b] = 2 * ns * W };
	atomic { RUNS -> v = lost[b]; lost[1 - b] = v };
	atomic { RUNS && ROOM(OWNER, 1) -> life++; store(OWNER, CUR, life, CURRENT_A) };
#ifndef TOLD_lost
	atomic { RUNS -> lost[1 - b] = lost[1 - b] + lost[b] - v };
#endif
#ifndef TOLD_late
	atomic { RUNS && ROOM(OWNER, 1) -> v = 0; store(OWNER, COMMITTED(b), o | 1, RETIRED_A) };
#endif
	atomic {
		RUNS ->
		v = 0;
		busy[b]--;
		if
		:: life == 2 -> REACHED_again
		:: else -> skip
		fi;
		goto again
	};
out:	atomic { o = 0; ns = 0; b = 0; succ = 0; v = 0; to = 0; tries = 0 }
}

proctype writer(byte me)
{
	byte o, ns, b, to, v, succ, tries, left = EMITS, must = 255;

	do
	:: atomic { me == 0 && left > 0 && level == 0 -> left--; must = (asked == life -> life : 255) };
		emit();
		atomic { RUNS -> assert(must == 255 || life > must); must = 255 }
	:: atomic { me == 0 && left == 0 && level == 0 -> over = true; break }
	:: atomic { me > 0 && !over && level == me - 1 && irqs > 0 -> irqs--; level = me };
		emit();
		atomic { RUNS -> level = me - 1 }
	:: atomic { me > 0 && over -> break }
	od
}

/* The words of the ring of life l, whose committed is c: the last packets, whole; the oldest slot may have been invalidated for the next one. */
inline decode(l, c)
{
	d_step {
		p = c / 2 / W;
		k = 0;
		do
		:: c / 2 % W != 0 && p >= begin[l] && p + N > c / 2 / W ->
			if
			:: p + N == c / 2 / W + 1 && mem[SEQ(l & 1, p)] == 0 -> skip
			:: else ->
				assert(mem[SEQ(l & 1, p)] == p + 1);
				k = 0;
				do
				:: k < (p == c / 2 / W -> c / 2 % W - 1 : cnt[p]) -> assert(mem[REC(l & 1, p, k)] == p + 1); k++
				:: else -> break
				od
			fi;
			if
			:: p == 0 -> break
			:: else -> p--
			fi
		:: else -> break
		od;
		if
		:: c / 2 % W != 0 -> assert(c & 1 -> before[c / 2 / W] + c / 2 % W - 1 == before[begin[l + 1]] : true)
		:: else -> skip
		fi;
		p = 0;
		k = 0
	}
}

proctype control()
{
	byte e, s, c, p, k, v;

	do
	:: e < EXCHANGES ->
		if
		:: e > 0 ->
			state[1 - (e & 1)] = PREPARED;
#ifdef TOLD_even
			pos[1 - (e & 1)] = 0;
#endif
			s = 0;
			do
			:: s < N -> atomic { ROOM(CONTROL, 1) -> store(CONTROL, SEQ(1 - (e & 1), s), 0, PLAIN); s++ }
			:: else -> break
			od;
			atomic { ROOM(CONTROL, 1) -> store(CONTROL, SUCCESSOR(1 - (e & 1)), 0, PLAIN) };
			s = 0
		:: else -> skip
		fi;
		atomic { ROOM(CONTROL, 1) -> store(CONTROL, SUCCESSOR(e & 1), 1, SUCCESSOR_A) };
		atomic { REQUEST_FENCED && ROOM(CONTROL, 1) -> store(CONTROL, LIMIT(e & 1), 0, PLAIN) };
		atomic { FENCED(CONTROL) -> asked = e };
#ifdef WEAK_frozen
		select(s : 0 .. N - 1);
		v = mem[SEQ(e & 1, s)];
#endif
end:		atomic {
			mem[COMMITTED(e & 1)] & 1 ->
			c = mem[COMMITTED(e & 1)];
			asked = 255;
			state[e & 1] = FROZEN;
			assert(mem[CUR] > e);
			decode(e, c);
#ifdef WEAK_frozen
			assert(!(c / 2 % W != 0 && c / 2 / W % N == s && v != c / 2 / W + 1));
			v = 0;
			s = 0;
#endif
			c = 0
		};
		e++
	:: else -> break
	od
}

/* Whoever finds a ring through the pointer finds it whole. */
proctype finder()
{
	byte l;

	atomic { l = mem[CUR] };
	atomic { assert(mem[COMMITTED(l & 1)] >= 2 * begin[l] * W) }
}

/* The state after `n` records without interrupts, in life 0. */
inline fill(n)
{
	d_step {
		do
		:: i < n ->
			p = i / R;
			if
			:: i % R == 0 && p > 0 -> cnt[p - 1] = R; before[p] = i
			:: else -> skip
			fi;
			mem[SEQ(0, p)] = p + 1;
			mem[REC(0, p, i % R)] = p + 1;
			pos[0] = 2 * (p * W + i % R + 2);
			mem[LIMIT(0)] = p * W + W - 1;
			i++
		:: else -> break
		od;
		mem[COMMITTED(0)] = pos[0];
		mem[COMMITTED(1)] = 1;
		pos[1] = 1;
		state[1] = PREPARED;
		emitted = n;
		recorded = n;
		i = 0;
		p = 0
	}
}

init
{
	byte i, p, k, n;

	atomic {
		select(n : FIRST .. FILLED);
		fill(n);
		n = 0;
		run drain(OWNER);
		run drain(CONTROL);
		run writer(0);
		run writer(1);
		run writer(2);
		run control();
		run finder()
	};
	atomic {
		over && level == 0 && stored[OWNER] == 0 && stored[CONTROL] == 0 ->
		assert(!(pos[life & 1] & 1) && mem[COMMITTED(life & 1)] == pos[life & 1] && mem[CUR] == life);
		assert(emitted == recorded + lost[life & 1]);
		decode(life, pos[life & 1])
	}
}
