/* SPDX-License-Identifier: MIT */
/*
 * The kernel from its first C line to its last: boot order, options, workload, end.
 *
 * Options on the command line: README.md. The whole string also goes to Cairn, which looks for trace= in it.
 */
#include "clock.h"
#include "frames.h"
#include "hotplug.h"
#include "irq.h"
#include "print.h"
#include "random.h"
#include "sched.h"
#include "step.h"
#include "toggle.h"
#include "trace.h"
#include "user/programs.h"

uint64_t clock_hz;

const char *const program_names[NR_PROGRAMS] = {
#define PROGRAM_NAME_(symbol, name) #name,
	PROGRAMS(PROGRAM_NAME_)
#undef PROGRAM_NAME_
};

/* The words of the command line with a number behind them, and what counts without them. */
#define OPTIONS(X)        \
	X(seconds, 5)     \
	X(load, 1)        \
	X(ring_kb, 1024)  \
	X(hz, 250)        \
	X(nmi_us, 5000)   \
	X(discard, 0)     \
	X(step, 0)        \
	X(random, 0)      \
	X(seed, 1)        \
	X(consume, 0)     \
	X(hotplug, 0)     \
	X(absent, 0)      \
	X(toggle, 0)

static struct {
#define OPTION_FIELD_(name, otherwise) unsigned long name;
	OPTIONS(OPTION_FIELD_)
#undef OPTION_FIELD_
} options;

static bool main_stopping; /* the kernel's own threads shall make no new work */

/* The number behind `name=` at the start of a word, or `otherwise`. */
static unsigned long option(const char *line, const char *name, unsigned long otherwise)
{
	size_t n = strlen(name);
	unsigned long value = 0;

	for (const char *at = line; *at; at++) {
		if ((at != line && at[-1] != ' ') || memcmp(at, name, n) || at[n] != '=')
			continue;
		for (at += n + 1; *at >= '0' && *at <= '9'; at++)
			value = value * 10 + (unsigned long)(*at - '0');
		return value;
	}
	return otherwise;
}

/* A kernel thread: NMIs to CPUs at random, at random times, as a profiler or a watchdog sends them. */
static void nmi_sender(struct task *self)
{
	uint64_t state = arch_entropy();

	(void)self;
	while (!__atomic_load_n(&main_stopping, __ATOMIC_RELAXED)) {
		unsigned cpu = (unsigned)(random_next(&state) % nr_cpus);

		if (__atomic_load_n(&cpus[cpu].online, __ATOMIC_RELAXED)) /* one that goes may still get it: hotplug.c */
			arch_ipi_nmi(cpu);
		task_sleep(clock_from_ns(random_next(&state) % (2 * options.nmi_us) * 1000));
	}
}

static void spawn_load(void)
{
	for (unsigned long i = 0; i < options.load; i++) {
		task_spawn(PROGRAM_PIPELINE, i, PRIO_NORMAL);
		task_spawn(PROGRAM_PIPELINE, i, PRIO_NORMAL);
		task_spawn(PROGRAM_PIPELINE, i, PRIO_NORMAL);
		task_spawn(PROGRAM_TOUCHER, 2 * i + 1, PRIO_NORMAL);
		task_spawn(PROGRAM_TOUCHER, 2 * i + 2, PRIO_NORMAL);
		task_spawn(PROGRAM_SPAWNER, i, PRIO_NORMAL);
		task_spawn(PROGRAM_SPINNER, i, PRIO_BATCH);
		task_spawn(PROGRAM_SPINNER, i, PRIO_BATCH);
		task_spawn(PROGRAM_SLEEPER, 3 * i + 1, PRIO_NORMAL);
		task_spawn(PROGRAM_SLEEPER, 3 * i + 2, PRIO_NORMAL);
	}
	task_spawn(PROGRAM_REPORTER, 0, PRIO_NORMAL);
}

static void print_stats(void)
{
	for (unsigned i = 0; i < nr_cpus; i++) {
		struct cpu *c = &cpus[i];

		printk("kernel-stat cpu=%u ticks=%lu nmis=%lu switches=%lu preempt_user=%lu "
		       "preempt_kernel=%lu steals=%lu resched_ipis=%lu\n",
		       i, (unsigned long)c->stat.ticks, (unsigned long)c->stat.nmis,
		       (unsigned long)c->stat.switches, (unsigned long)c->stat.preempt_user,
		       (unsigned long)c->stat.preempt_kernel, (unsigned long)c->stat.steals,
		       (unsigned long)c->stat.resched_ipis);
	}
}

/* Bring all to a stop, say what happened, turn the machine off. */
static void finish(unsigned long frames_before)
{
	unsigned long frames_after;
	unsigned tries = 0;

	__atomic_store_n(&main_stopping, true, __ATOMIC_RELAXED);
	while (tasks_kill_users() && tries++ < 500)
		task_sleep(clock_from_ns(10000000));
	task_sleep(clock_from_ns(50000000)); /* for the NMI sender to end and the reaper to reap */
	frames_after = frames_free_count();

	arch_irq_off();
	cpus_stop();
	nmi_quiesce();
	trace_stop();
	printk("kernel-frames before=%lu after=%lu\n", frames_before, frames_after);
	printk("kernel-tasks spawned=%lu exited=%lu\n", (unsigned long)sched_nr_spawned,
	       (unsigned long)sched_nr_exited);
	print_stats();
	trace_report();
	printk("cairn-end\n");
	arch_power_off(true);
}

/* The first task. */
static void init(struct task *self)
{
	unsigned long frames_before = frames_free_count();

	for (unsigned i = 0; i < 3; i++)
		self->files[i].kind = FILE_CONSOLE;
	if (ARCH_HAS_NMI && options.nmi_us)
		task_create_kernel("nmi_sender", nmi_sender);
	if (ARCH_HAS_STEP && options.step + options.random)
		step_start(options.step, options.random, options.seed, options.consume);
	if (options.toggle)
		toggle_start(options.toggle);
	if (options.hotplug)
		hotplug_start(options.hotplug, options.absent);
	spawn_load();
	task_sleep(options.seconds * clock_hz);
	while (tasks_jobs())
		task_sleep(clock_from_ns(10000000));
	finish(frames_before);
}

void cpu_main(void)
{
	cpu_arrive();
	arch_timer_start((unsigned)options.hz);
	sched_idle();
}

void kernel_main(struct boot_info *info)
{
	clock_hz = info->clock_hz;
	nr_cpus = info->nr_cpus;
#define OPTION_READ_(name, otherwise) options.name = option(info->command_line, #name, otherwise);
	OPTIONS(OPTION_READ_)
#undef OPTION_READ_
	printk("kernel: " ARCH_NAME ", %u cpus, clock %lu Hz, command line: %s\n", nr_cpus,
	       (unsigned long)clock_hz, info->command_line);

	sched_init((unsigned)options.hz);
	trace_init(info, options.ring_kb * 1024, options.discard ? CAIRN_DISCARD : CAIRN_OVERWRITE);
	frames_init(info);
	arch_paging_init();
	printk("kernel: %lu frames free\n", frames_free_count());

	for (unsigned i = 1; i < nr_cpus; i++) {
		struct task *idle = sched_idle_create(i);

		if (i == options.absent)
			continue;
		if (!arch_cpu_start(i, idle, task_stack_top(idle), &cpus[i].online))
			printk("kernel: cpu %u does not start\n", i);
	}
	arch_timer_start((unsigned)options.hz);
	if (task_create_kernel("kreaper", sched_reaper) < 0 || task_create_kernel("init", init) < 0)
		panic("no memory for the first tasks");
	sched_idle();
}
