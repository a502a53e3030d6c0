/* SPDX-License-Identifier: MIT */
/*
 * Emitters that are interrupted before each of their instructions.
 *
 * A run calls one subject (an event, or cairn_flush()) with the trap flag set. The debug exception before instruction number `at` of
 * the run emits
 *	- `events` events, if `at` lies in [start, start + burst);
 *	- `pending` events, once, if the ring has moved since the run began, by the subject's own swap as a rule: so the subject has a
 *	  record (or a packet) begun and others behind it, which it must publish;
 * after that the rest of the run goes at full speed. An event before *every* instruction of one run would never let the subject's swap
 * succeed: as with any lock-free writer there is progress because interrupts are finitely many.
 *
 * A sweep makes runs with start = 0, 1, 2 ... until a run ends before it comes there. So each instruction of each subject gets its event,
 * in each of the situations that a plan describes. In discard mode the ring is emptied before each run, if so asked. Interrupts and NMIs come all the while. No run sleeps, and preemption is off.
 */
#include "step.h"

#include "clock.h"
#include "print.h"
#include "random.h"
#include "sched.h"
#include "trace.h"

extern const char text_start[], text_end[]; /* of the linker script */

struct step_map step_map = {.magic = "CAIRN-EXAMPLE-STEPS"};

/* With packets of 4 KiB a step_instruction takes 36 bytes of 4,004. */
#define STEP_PACKETFUL 150u
#define STEP_LAP       400u /* more than a ring of two packets has room for */

enum step_room {
	STEP_FITS,        /* the packet has room, or not, as it comes */
	STEP_PACKET_FULL, /* the packet has no room for the subject's record */
	STEP_RING_FULL, /* nor has any other, if the ring is small: discard mode, or a record is pending */
	STEP_ROOMS,
};

struct step_plan {
	unsigned subject;
	enum step_room room;
	bool outer; /* a record is begun before the run and committed after it */
	unsigned pending, burst, events;
};

/* The run that is going on: written by the thread before it sets the trap flag, then by the exception alone. */
static struct {
	unsigned at, start, stop, events, pending;
	uint64_t pos;
} step_run;

static uint32_t step_probe_id;
static uint64_t step_serial, step_random_state;
static unsigned long step_rounds, step_random_runs;
static bool step_consumes;

static uint64_t step_random(void)
{
	return random_next(&step_random_state);
}

/* ---- the debug exception ---- */

static uint64_t step_pos(void)
{
	struct cairn_ring *r = cairn_ring_here();

	return r ? __atomic_load_n(&r->pos, __ATOMIC_RELAXED) & CAIRN_POS_MASK : 0;
}

static void step_mark(uintptr_t ip, unsigned what)
{
	uintptr_t at = ip - (uintptr_t)text_start;

	if (at < STEP_TEXT_BYTES)
		step_map.seen[at] |= (uint8_t)what;
}

static void step_emit(uintptr_t ip, unsigned n)
{
	struct cairn_ring *r = cairn_ring_here();
	uint64_t packet = r ? r->pkt_mask + 1 : 1, before = step_pos();

	for (unsigned i = 0; i < n; i++) {
		step_serial++;
		step_map.emitted++;
		TRACE(step_instruction, ip, step_serial, (step_serial * STEP_MIX) ^ ip);
	}
	step_mark(ip, STEP_EMITTED);
	if (step_pos() / packet != before / packet)
		step_mark(ip, STEP_OPENED);
	step_run.pos = step_pos();
}

bool step_handle(uintptr_t ip)
{
	unsigned at = step_run.at++;

	step_map.steps++;
	step_mark(ip, STEP_SEEN);
	if (step_run.pending && step_pos() != step_run.pos) {
		step_emit(ip, step_run.pending);
		step_run.pending = 0;
	}
	if (at >= step_run.start && at < step_run.stop)
		step_emit(ip, step_run.events);
	return at + 1 < step_run.stop;
}

/* ---- what is stepped through ---- */

static void step_probe(void)
{
	TRACE(step_probe, step_map.runs, step_map.runs * STEP_MIX);
}

static void step_text(void)
{
	TRACE(step_text, step_map.runs, "text");
}

static void step_large(void)
{
	static const unsigned char bytes[STEP_LARGE_BYTES];

	TRACE(step_large, bytes);
}

static void step_flush(void)
{
	cairn_flush();
}

static void (*const step_subjects[])(void) = {step_probe, step_text, step_large, step_flush};

#define STEP_SUBJECTS (sizeof(step_subjects) / sizeof(step_subjects[0]))

/* Until this CPU's packet has no room for another step_probe, or none has, or enough is enough. */
static void step_fill(enum step_room room)
{
	struct cairn_ring *r = cairn_ring_here();
	const unsigned size = CAIRN_RECORD_HEADER_BYTES + 16;

	for (uint64_t i = 0; r && i < 4 * (r->pkt_mask / size); i++) {
		uint64_t before = step_pos();

		if (room == STEP_PACKET_FULL && (before & r->pkt_mask) + size > r->pkt_mask - 3)
			return;
		step_probe();
		if (step_pos() == before)
			return;
	}
}

static void step_call(const struct step_plan *p, unsigned start)
{
	if (p->room != STEP_FITS)
		step_fill(p->room);
	step_map.runs++;
	step_run.at = 0;
	step_run.start = start;
	step_run.stop = start + p->burst;
	step_run.events = p->events;
	step_run.pending = p->pending;
	step_run.pos = step_pos();
	arch_step_on();
	step_subjects[p->subject]();
	arch_step_off();
}

/* Give this CPU's packets back to the writer, as a consumer in the kernel does after it has sent them away. */
static void step_consume(void)
{
	static uint64_t packet[4096 / 8];
	struct cairn_ring_reader reader;

	if (cairn_ring_reader_open(&reader, arch_cpu(), 1))
		return;
	while (cairn_ring_reader_read(&reader, packet, sizeof(packet)) > 0)
		;
	cairn_ring_reader_close(&reader);
}

/* The same between reserve and commit of a step_probe. */
static void step_call_nested(const struct step_plan *p, unsigned start)
{
	struct cairn_slot slot;
	unsigned long *payload = cairn_reserve(&slot, step_probe_id, 2 * sizeof(*payload));

	step_call(p, start);
	if (!payload)
		return;
	payload[0] = step_map.runs;
	payload[1] = step_map.runs * STEP_MIX;
	cairn_commit(&slot);
}

static uint64_t step_counted(unsigned cpu)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < TRACE_NR_EVENTS; i++)
		n += trace_counts.left[cpu][i];
	return n;
}

/*
 * What must be true of this CPU's ring whenever nothing is being written: all is published, the two newest packets are as their headers and
 * the closed entry say, and records + losses are what this kernel counted. Interrupts are off; NMIs may come.
 *
 * Returns   NULL, or what is not so.
 */
static const char *step_fault(const struct cairn_ring *r)
{
	const struct cairn_closed *closed = (const struct cairn_closed *)r->closed;
	uint64_t pos = step_pos(), packet = r->pkt_mask + 1, slots = (r->ring_mask + 1) / packet,
		 seq;
	const struct cairn_packet_header *h = (const void *)(r->base +
							     (pos & r->ring_mask & ~r->pkt_mask)),
					 *before;

	if (r->committed != r->pos)
		return "not all is published";
	if (r->events_total + (r->pos >> CAIRN_POS_BITS) + cairn_ring_lost(r) !=
	    step_counted(arch_cpu()))
		return "records and losses are not what was counted";
	if (!pos)
		return NULL;
	seq = h->seq;
	if ((seq * packet & CAIRN_POS_MASK) != (pos & ~r->pkt_mask) || r->seq_hint > seq ||
	    seq - r->seq_hint >= slots)
		return "number of the open packet";
	if (h->content_bits != (pos & r->pkt_mask) * 8 || h->events_before != r->events_total ||
	    h->ts_begin > h->ts_end)
		return "header of the open packet";
	if (!seq)
		return NULL;
	before = (const void *)(r->base + (seq - 1) % slots * packet);
	closed += (seq - 1) % slots;
	if (before->seq != seq - 1)
		return "number of the packet before";
	if (before->content_bits != (closed->end & r->pkt_mask) * 8 ||
	    before->ts_begin > before->ts_end || before->ts_end > h->ts_begin ||
	    before->events_before + (closed->end >> CAIRN_POS_BITS) != h->events_before)
		return "header of the packet before";
	if (before->events_discarded > h->events_discarded ||
	    h->events_discarded > cairn_ring_lost(r))
		return "losses in the headers";
	return NULL;
}

static void step_check(const struct step_plan *p, unsigned start)
{
	const struct cairn_ring *r = cairn_ring_here();
	unsigned long irq = arch_irq_save();
	const char *fault;
	uint64_t counted;

	do { /* again if an NMI came meanwhile */
		counted = step_counted(arch_cpu());
		barrier();
		fault = r ? step_fault(r) : NULL;
		barrier();
	} while (fault && counted != step_counted(arch_cpu()));
	if (fault)
		panic("step: %s: subject %u room %u outer %u pending %u burst %u of %u events from instruction %u",
		      fault, p->subject, (unsigned)p->room, p->outer, p->pending, p->burst,
		      p->events, start);
	arch_irq_restore(irq);
}

/* False: the run ended before it came to `start`. */
static bool step_once(const struct step_plan *p, unsigned start)
{
	bool came;

	preempt_disable();
	if (step_consumes)
		step_consume();
	if (p->outer)
		TRACE_COUNTED_(step_probe, cairn_trace_step_probe_enabled(),
			       step_call_nested(p, start));
	else
		step_call(p, start);
	came = step_run.at > start;
	step_check(p, start);
	preempt_enable();
	return came;
}

static unsigned step_sweep(const struct step_plan *p)
{
	unsigned start = 0;

	while (step_once(p, start))
		start++;
	return start;
}

/* Everything once, in order. */
static void step_round(void)
{
	static const unsigned pending[] = {0, 1, STEP_PACKETFUL};
	static const unsigned events[] = {1, STEP_PACKETFUL, STEP_LAP};
	const unsigned nr = STEP_SUBJECTS * STEP_ROOMS * 2 * 3 * 3;
	uint64_t begin = arch_clock();
	unsigned longest = 0;

	for (unsigned i = 0; i < nr; i++) {
		unsigned rest = i / STEP_SUBJECTS / STEP_ROOMS / 2;
		struct step_plan p = {
			.subject = i % STEP_SUBJECTS,
			.room = i / STEP_SUBJECTS % STEP_ROOMS,
			.outer = i / STEP_SUBJECTS / STEP_ROOMS % 2,
			.pending = pending[rest % 3],
			.burst = 1,
			.events = events[rest / 3],
		};
		unsigned n = step_sweep(&p);

		if (n > longest)
			longest = n;
	}
	printk("step: a round took %lu ms, the longest run %u steps\n",
	       (unsigned long)(clock_to_ns(arch_clock() - begin) / 1000000), longest);
}

static void step_at_random(void)
{
	struct step_plan p = {
		.subject = (unsigned)(step_random() % STEP_SUBJECTS),
		.room = step_random() % STEP_ROOMS,
		.outer = step_random() % 2,
		.pending = (unsigned)(step_random() % 4 ? step_random() % 8
							: step_random() % STEP_PACKETFUL),
		.burst = (unsigned)(1 + step_random() % (step_random() % 8 ? 8 : STEP_PACKETFUL)),
		.events = (unsigned)(1 + step_random() % (step_random() % 8 ? 3 : STEP_PACKETFUL)),
	};

	(void)step_once(&p, (unsigned)(step_random() % 500));
}

static void step_thread(struct task *self)
{
	(void)self;
	while (step_rounds--)
		step_round();
	while (step_random_runs--)
		step_at_random();
	printk("step: done, %lu runs, %lu steps, %lu events\n", (unsigned long)step_map.runs,
	       (unsigned long)step_map.steps, (unsigned long)step_map.emitted);
}

void step_start(unsigned long rounds, unsigned long random_runs, uint64_t seed, bool consume)
{
	const struct cairn_event *probe = cairn_event_find("step", "step_probe");

	step_consumes = consume;
	step_map.text = (uintptr_t)text_start;
	step_map.bytes = (uintptr_t)(text_end - text_start);
	if (step_map.bytes > STEP_TEXT_BYTES)
		panic("step: the kernel's text has outgrown STEP_TEXT_BYTES");
	step_rounds = rounds;
	step_random_runs = random_runs;
	step_random_state = seed;
	step_probe_id = probe ? probe->id : 0;
	task_create_job("stepper", step_thread);
}
