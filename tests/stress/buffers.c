/* SPDX-License-Identifier: MIT */
/*
 * Exchange of rings on real CPUs: threads that are CPUs write, signals interrupt them and write too, a control thread resizes, takes and
 * drops snapshots, makes and removes instances, changes marks, stops and starts, all at random and all the time, while a reader for each CPU
 * follows its stream. Every event has a number of its own level: nothing may come twice or out of order, and at the end, for each CPU,
 *
 *	begun = read + overrun + lost + refused while it was off
 *
 * The control thread holds its own sums: no request may end in an error but for want of room or a CPU in the middle of one.
 */
#define _GNU_SOURCE
#define CAIRN_CREATE_EVENTS
#include "cairn/cairn.h"

#include "check.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

CAIRN_EVENT(stress_buffers, step, (field, uint64_t, level)(field, uint64_t, n)(field, uint64_t, check), "level=%lu n=%lu check=%lu");
CAIRN_EVENT(stress_buffers, name, (field, uint64_t, level)(field, uint64_t, n)(field, uint64_t, check)(string, text),
	    "level=%lu n=%lu check=%lu text=%s");

enum { NR_CPUS = 2, NR_LEVELS = 3, REGION_BYTES = 16 << 20, PACKET_BYTES = 4096 };

__thread unsigned stress_cpu = ~0u;

static struct cpu {
	pthread_t thread;
	uint64_t begun[NR_LEVELS]; /* written by the level itself */
	uint64_t last[NR_LEVELS];  /* number that the reader saw last, + 1 */
	uint64_t read, overrun;
	struct cairn_ring_reader reader;
	bool ready;
} cpus[NR_CPUS];

static bool running = true;
static uint64_t requests, refusals, instances, by_error[4]; /* busy, no memory, exists, no such buffer */

static bool stress_long(void)
{
	const char *s = getenv("CAIRN_LONG");

	return s && *s && *s != '0';
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void emit(unsigned level)
{
	struct cpu *c = &cpus[stress_cpu];
	uint64_t n = c->begun[level];

	__atomic_store_n(&c->begun[level], n + 1, __ATOMIC_RELAXED);
	if (n % 7 == 3)
		cairn_trace_name(level, n, level ^ n ^ 0x5a5a, "a string of some length, so that records differ");
	else
		cairn_trace_step(level, n, level ^ n ^ 0x5a5a);
}

static void on_signal(int signal)
{
	int saved = errno;
	unsigned i;

	for (i = 0; i < 3; i++)
		emit(signal == SIGUSR1 ? 1 : 2);
	errno = saved;
}

static void *write_events(void *arg)
{
	struct cpu *c = arg;

	stress_cpu = (unsigned)(c - cpus);
	__atomic_store_n(&c->ready, true, __ATOMIC_RELEASE);
	while (__atomic_load_n(&running, __ATOMIC_ACQUIRE)) {
		emit(0);
		cairn_tick();
		if (c->begun[0] % 512 == 0)
			cairn_work(); /* in no event: what this CPU has left can be used by others */
	}
	return NULL;
}

/* Take the records of a packet in: each level's numbers grow. */
static void take(struct cpu *c, const uint64_t *packet, uint64_t bytes)
{
	uint64_t at = CAIRN_PACKET_HEADER_BYTES;

	while (at < bytes) {
		const char *p = (const char *)packet + at;
		uint64_t v[3];
		uint16_t id;

		memcpy(&id, p + 6, sizeof(id));
		memcpy(v, p + 12, sizeof(v));
		CHECK(id == cairn_event_step.id || id == cairn_event_name.id);
		CHECK_LT(v[0], NR_LEVELS);
		CHECK_EQ(v[2], v[0] ^ v[1] ^ 0x5a5a);
		CHECK_GE(v[1], c->last[v[0]]);
		c->last[v[0]] = v[1] + 1;
		c->read++;
		at += 12 + 24;
		if (id == cairn_event_name.id) {
			uint32_t loc;

			memcpy(&loc, p + 36, 4);
			CHECK_EQ(loc >> 16, 48);
			at += 4 + 48;
		}
	}
	CHECK_EQ(at, bytes);
}

/* Read what there is. */
static void drain(struct cpu *c)
{
	static uint64_t packet[PACKET_BYTES / 8];
	int64_t bytes;

	while ((bytes = cairn_ring_reader_read(&c->reader, packet, sizeof(packet))) > 0)
		take(c, packet, (uint64_t)bytes);
	CHECK_EQ(bytes, CAIRN_EAGAIN);
}

static void tolerate(int err)
{
	requests++;
	if (err >= 0)
		return;
	refusals++;
	by_error[err == CAIRN_EBUSY ? 0 : err == CAIRN_ENOMEM ? 1 : err == CAIRN_EEXIST ? 2 : 3]++;
	CHECK(err == CAIRN_EBUSY || err == CAIRN_ENOMEM || err == CAIRN_EEXIST || err == CAIRN_EINVAL);
}

/* The ring that a CPU is in is a ring; unless the CPU leaves it just now. */
static void check_current(unsigned cpu)
{
	struct cairn_ring *r = __atomic_load_n(&cairn_rings[cpu], __ATOMIC_ACQUIRE);
	uint32_t magic = __atomic_load_n(&r->magic, __ATOMIC_ACQUIRE);

	if (__atomic_load_n(&cairn_rings[cpu], __ATOMIC_ACQUIRE) == r)
		CHECK_EQ(magic, CAIRN_RING_MAGIC);
}

/* One thing at random that may be asked of buffers while they are written to. */
static void ask(uint64_t r)
{
	unsigned b = (unsigned)(r >> 8) % 6;

	switch (r % 16) {
	case 0 ... 4:
		tolerate(cairn_buffer_resize(0, (unsigned)(r >> 16) % NR_CPUS, (size_t)8192 << (r >> 32) % 5));
		break;
	case 5:
		tolerate(cairn_buffer_resize(b, CAIRN_ALL_CPUS, (size_t)8192 << (r >> 32) % 4));
		break;
	case 6 ... 8:
		tolerate(cairn_buffer_snapshot(r % 2 ? b : 0));
		break;
	case 9:
		tolerate(cairn_buffer_snapshot_free(b));
		break;
	case 10: {
		int made = cairn_buffer_create(r >> 40 & 1 ? "one" : "two", 16384, CAIRN_OVERWRITE);

		tolerate(made);
		if (made > 0) {
			instances++;
			CHECK_EQ(cairn_buffer_enable((unsigned)made, "stress_buffers:*"), 2);
		}
		break;
	}
	case 11:
		tolerate(cairn_buffer_remove(b));
		break;
	default:
		cairn_work();
	}
}

TEST(rings_are_exchanged_under_load_and_every_event_is_accounted_for)
{
	struct cairn_config config = {.memory = aligned_alloc(4096, REGION_BYTES),
				      .memory_bytes = REGION_BYTES,
				      .nr_cpus = NR_CPUS,
				      .ring_bytes = 65536,
				      .arena_bytes = 4 << 20,
				      .max_buffers = 6,
				      .clock_hz = 1000000000,
				      .boot_args = "trace=stress_buffers:*"};
	struct sigaction action = {.sa_handler = on_signal};
	double until = seconds() + (stress_long() ? 60 : 3);
	unsigned i, k;

	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGUSR2, &action, NULL);
	CHECK_EQ(cairn_init(&config), 0);
	for (i = 0; i < NR_CPUS; i++) {
		CHECK_EQ(cairn_ring_reader_open(&cpus[i].reader, i, 100 + i), 0);
		CHECK_EQ(pthread_create(&cpus[i].thread, NULL, write_events, &cpus[i]), 0);
	}
	for (i = 0; i < NR_CPUS; i++)
		while (!__atomic_load_n(&cpus[i].ready, __ATOMIC_ACQUIRE))
			sched_yield();
	while (seconds() < until) {
		uint64_t r = check_rand();

		ask(r >> 8);
		for (i = 0; i < NR_CPUS; i++)
			check_current(i);
		for (i = 0; i < NR_CPUS; i++) {
			drain(&cpus[i]);
			(void)pthread_kill(cpus[i].thread, r >> (32 + i) & 1 ? SIGUSR1 : SIGUSR2);
		}
	}
	__atomic_store_n(&running, false, __ATOMIC_RELEASE);
	for (i = 0; i < NR_CPUS; i++)
		pthread_join(cpus[i].thread, NULL);
	for (i = 0; i < NR_CPUS; i++) {
		struct cpu *c = &cpus[i];
		uint64_t begun = 0, lost;

		stress_cpu = i;
		CHECK_EQ(cairn_rings[i]->in_slow, 0);
		CHECK_EQ(cairn_rings[i]->pos, cairn_rings[i]->committed);
		cairn_flush();
		drain(c);
		CHECK_EQ(c->reader.next_record, cairn_rings[i]->events_total + (cairn_rings[i]->committed >> CAIRN_POS_BITS));
		for (k = 0; k < NR_LEVELS; k++)
			begun += c->begun[k];
		lost = cairn_ring_lost(cairn_rings[i]);
		printf("# CPU %u: %lu begun, %lu read, %lu overrun, %lu lost (switch %lu, wrap %lu)\n", i, begun, c->read, c->reader.overrun, lost,
		       cairn_rings[i]->lost[CAIRN_LOST_SWITCH], cairn_rings[i]->lost[CAIRN_LOST_WRAP]);
		CHECK_EQ(begun, c->read + c->reader.overrun + lost);
		CHECK_GT(c->begun[1], 0);
		CHECK_GT(c->begun[2], 0);
		cairn_ring_reader_close(&c->reader);
	}
	printf("# %lu requests, %lu refused (busy %lu, no memory %lu, exists %lu, no such buffer %lu), %lu instances\n", requests, refusals,
	       by_error[0], by_error[1], by_error[2], by_error[3], instances);
	CHECK_GT(instances, 0);
	CHECK_LT(by_error[0] + by_error[1], requests / 2);
}

CHECK_MAIN()
