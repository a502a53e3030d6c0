/* SPDX-License-Identifier: MIT */
/*
 * Scenes for linux_port.py: each does something that programs do and the port must survive, with events of its own in between.
 * It prints `emitted N` for what this process, and its threads and signal handlers, emitted; a child that has a region of its own
 * prints `child PID N`. Any broken expectation is said on stderr and ends it with status 1.
 */
#define _GNU_SOURCE
#define CAIRN_CREATE_EVENTS
#include <cairn/cairn.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

CAIRN_EVENT(scene, step, (field, uint64_t, n), "n=%lu");

CAIRN_EVENT(early, first, (field, uint64_t, n), "n=%lu");

static uint64_t scene_emitted;

static void scene_emit(unsigned n)
{
	while (n--)
		cairn_trace_step(__atomic_add_fetch(&scene_emitted, 1, __ATOMIC_RELAXED));
}

static void scene_need(bool x, const char *what)
{
	if (x)
		return;
	fprintf(stderr, "scene: not so: %s (errno %d)\n", what, errno);
	_exit(1);
}

static void scene_wait(pid_t pid)
{
	int status = -1;

	scene_need(pid > 0 && waitpid(pid, &status, 0) == pid, "waitpid");
	if (WIFSIGNALED(status))
		fprintf(stderr, "scene: child died of signal %d\n", WTERMSIG(status));
	scene_need(status == 0, "the child ended well");
}

static void scene_child_done(void)
{
	dprintf(1, "child %d %llu\n", (int)getpid(), (unsigned long long)scene_emitted);
	_exit(0);
}

/* ---- plain, fork ---- */

static void scene_plain(void)
{
	scene_emit(10);
}

static void *scene_emit_thread(void *arg)
{
	scene_emit((unsigned)(uintptr_t)arg);
	return NULL;
}

static void scene_run_threads(unsigned nr, unsigned each)
{
	pthread_t t[64];
	unsigned i;

	for (i = 0; i < nr; i++)
		scene_need(!pthread_create(&t[i], NULL, scene_emit_thread, (void *)(uintptr_t)each),
			   "thread");
	for (i = 0; i < nr; i++)
		pthread_join(t[i], NULL);
}

static void scene_fork(void)
{
	pid_t pid;

	scene_emit(10);
	pid = fork();
	if (pid == 0) {
		scene_emitted = 0;
		scene_emit(5);
		pid = fork(); /* and again */
		if (pid == 0) {
			scene_emitted = 0;
			scene_emit(3);
			scene_child_done();
		}
		scene_wait(pid);
		scene_emit(2);
		scene_child_done();
	}
	scene_wait(pid);
	scene_emit(10);
}

/* Control calls in a child that has no region yet. */
static void scene_fork_control(void)
{
	pid_t pid;

	scene_emit(1);
	pid = fork();
	if (pid == 0) {
		scene_emitted = 0;
		cairn_tracing_off();
		cairn_tracing_on();
		cairn_events_disable("*:*");
		cairn_trace_enable();
		cairn_trace_disable();
		cairn_events_enable("scene:*");
		scene_emit(4);
		scene_child_done();
	}
	scene_wait(pid);
}

/* The first events of the child come from many threads at once. */
static void scene_fork_threads(void)
{
	pid_t pid;

	scene_emit(1);
	pid = fork();
	if (pid == 0) {
		scene_emitted = 0;
		scene_run_threads(16, 100);
		scene_child_done();
	}
	scene_wait(pid);
}

static volatile int scene_stop;

static void *scene_busy_thread(void *arg)
{
	(void)arg;
	while (!scene_stop)
		scene_emit(1);
	return NULL;
}

/* Threads that fork at the same time, each with a signal mask of its own, while others emit. */
static void *scene_forker(void *arg)
{
	int own = (int)(uintptr_t)arg, i;
	sigset_t mask, now;

	sigemptyset(&mask);
	sigaddset(&mask, own);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	for (i = 0; i < 30; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			scene_emitted = 0;
			scene_emit(1);
			_exit(0);
		}
		scene_wait(pid);
		pthread_sigmask(SIG_SETMASK, NULL, &now);
		scene_need(sigismember(&now, own) == 1,
			   "a signal that was blocked before fork is blocked after it");
		scene_need(sigismember(&now, own == SIGUSR1 ? SIGUSR2 : SIGUSR1) == 0,
			   "a signal that was not blocked is not blocked after fork");
	}
	return NULL;
}

static void scene_forkers(void)
{
	pthread_t busy, a, b;

	pthread_create(&busy, NULL, scene_busy_thread, NULL);
	pthread_create(&a, NULL, scene_forker, (void *)(uintptr_t)SIGUSR1);
	pthread_create(&b, NULL, scene_forker, (void *)(uintptr_t)SIGUSR2);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	scene_stop = 1;
	pthread_join(busy, NULL);
}

/* Events in the program's own atfork handlers. */
static void scene_atfork_event(void)
{
	scene_emit(1);
}

static void scene_atfork_child(void)
{
	scene_emitted = 0;
	scene_emit(1);
}

static void scene_atfork(void)
{
	pid_t pid;

	pthread_atfork(scene_atfork_event, scene_atfork_event, scene_atfork_child);
	pid = fork();
	if (pid == 0)
		scene_child_done();
	scene_wait(pid);
	scene_emit(1);
}

static void scene_vfork(void)
{
	pid_t pid;

	scene_emit(1);
	pid = vfork();
	if (pid == 0) {
		scene_emit(1); /* in the parent's memory, on the parent's stack and stream */
		_exit(0);
	}
	scene_wait(pid);
	scene_emit(1);
}

/* ---- threads ---- */

static void scene_short_threads(void)
{
	int i;

	for (i = 0; i < 100; i++)
		scene_run_threads(1, 3);
}

static void scene_many_threads(void)
{
	scene_run_threads(64, 20); /* CAIRN_STREAMS=4 */
	scene_run_threads(1, 20);
}

static pthread_key_t scene_key;

static void scene_late_destructor(void *arg)
{
	uintptr_t left = (uintptr_t)arg;

	scene_emit(1); /* after the port's own destructor, in every round there is */
	if (left > 1)
		pthread_setspecific(scene_key, (void *)(left - 1));
}

static void *scene_late_thread(void *arg)
{
	pthread_setspecific(scene_key, (void *)(uintptr_t)8);
	scene_emit(1);
	return arg;
}

/* More threads one after the other than there are streams, each of which emits in its very last destructor. */
static void scene_destructors(void)
{
	pthread_t t;
	int i;

	pthread_key_create(&scene_key, scene_late_destructor);
	for (i = 0; i < 20; i++) {
		pthread_create(&t, NULL, scene_late_thread, NULL);
		pthread_join(t, NULL);
	}
	usleep(50000); /* a thread that found no stream asks again after a while */
	scene_run_threads(1, 5);
}

static void *scene_raw_exit_thread(void *arg)
{
	scene_emit(1);
	(void)arg;
	syscall(SYS_exit, 0); /* no destructor runs */
	return NULL;
}

static void scene_raw_exit(void)
{
	int i;

	for (i = 0; i < 20; i++) {
		pthread_t t;
		pthread_attr_t a;

		pthread_attr_init(&a);
		pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
		scene_need(!pthread_create(&t, &a, scene_raw_exit_thread, NULL), "thread");
		usleep(3000);
	}
}

static pthread_t scene_main_thread;

static void *scene_survivor(void *arg)
{
	(void)arg;
	pthread_join(scene_main_thread, NULL);
	scene_emit(5);
	scene_need(cairn_events_disable("scene:*") == 1,
		   "patching after the main thread has ended: off");
	cairn_trace_step(0);
	scene_need(cairn_events_enable("scene:*") == 1, "and on");
	scene_emit(5);
	printf("emitted %llu\n", (unsigned long long)scene_emitted);
	exit(0);
}

static void scene_main_exits(void)
{
	pthread_t t;

	scene_emit(5);
	scene_main_thread = pthread_self();
	pthread_create(&t, NULL, scene_survivor, NULL);
	pthread_exit(NULL);
}

static volatile int scene_reached;

static void *scene_cancel_thread(void *arg)
{
	(void)arg;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pthread_cancel(pthread_self());
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	scene_emit(1); /* the first event: gets a stream. It is not a cancellation point */
	scene_reached = 1;
	cairn_events_enable("scene:*"); /* neither is this */
	cairn_events_disable("scene:*");
	cairn_events_enable("scene:*");
	scene_reached = 2;
	pthread_testcancel();
	scene_reached = 3;
	return NULL;
}

static void scene_cancel(void)
{
	pthread_t t;
	void *how;

	pthread_create(&t, NULL, scene_cancel_thread, NULL);
	pthread_join(t, &how);
	scene_need(scene_reached == 2, "the thread was cancelled where it said, and nowhere else");
	scene_need(how == PTHREAD_CANCELED, "it was cancelled");
}

/* A thread that ends in the middle of an event, in which two more were nested. */
static void *scene_abandon_thread(void *arg)
{
	struct cairn_slot slot;

	scene_emit(2);
	scene_need(cairn_reserve(&slot, cairn_event_find("scene", "step")->id, 8) != NULL,
		   "reserve");
	scene_emitted++;
	scene_emit((unsigned)(uintptr_t)arg);
	return NULL;
}

static void scene_abandoned(void)
{
	static const unsigned nested[] = {0, 2,
					  3000}; /* 3000: over more than one packet of 16 KiB */
	pthread_t t;
	unsigned i;

	for (i = 0; i < 3; i++) {
		pthread_create(&t, NULL, scene_abandon_thread, (void *)(uintptr_t)nested[i]);
		pthread_join(t, NULL);
		scene_run_threads(1, 10);
	}
}

/* ---- signals ---- */

static void scene_on_signal(int signal)
{
	int saved = errno;

	(void)signal;
	scene_emit(1);
	scene_need(errno == saved, "an event leaves errno alone");
}

static void scene_start_timer(long us)
{
	struct sigaction action = {.sa_handler = scene_on_signal, .sa_flags = SA_RESTART};
	struct itimerval every = {{0, us}, {0, us}};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
}

/* Signals that emit come while threads get their streams and give them back. */
static void scene_signals(void)
{
	struct timespec end, now;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += 1;
	scene_start_timer(100);
	do {
		scene_run_threads(3, 1);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < end.tv_sec ||
		 (now.tv_sec == end.tv_sec && now.tv_nsec < end.tv_nsec));
	setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 0}}, NULL);
}

static void scene_errno(void)
{
	errno = 4711;
	scene_emit(1);
	scene_need(errno == 4711, "the first event leaves errno alone");
	scene_emit(1);
	scene_need(errno == 4711, "an event leaves errno alone");
}

/* ---- descriptors ---- */

/* What daemons do: close everything, then open files of their own under the same numbers. */
static void scene_close_all(void)
{
	struct stat st;
	char name[] = "/tmp/cairn-scene-XXXXXX";
	int own = mkstemp(name), fd;
	pid_t pid;

	scene_need(own >= 0, "mkstemp");
	unlink(name);
	for (fd = 3; fd < 64; fd++) {
		if (fd != own)
			dup2(own, fd);
	}
	scene_emit(10);
	scene_run_threads(4, 10);
	for (fd = 3; fd < 64; fd++) {
		scene_need(fstat(fd, &st) == 0, "a descriptor of the program is still open");
		scene_need(st.st_size == 0, "nothing was done to the program's own file");
	}
	pid = fork();
	if (pid == 0) {
		scene_emitted = 0;
		scene_emit(1);
		for (fd = 3; fd < 64; fd++)
			scene_need(
				fstat(fd, &st) == 0 && st.st_size == 0,
				"a descriptor of the program is open in the child, and the file its own");
		scene_child_done();
	}
	scene_wait(pid);
}

/* Started with 0, 1 and 2 closed. The count goes to descriptor 9. */
static void scene_std_closed(void)
{
	pid_t pid;
	int fd;

	for (fd = 0; fd < 3; fd++)
		scene_need(fcntl(fd, F_GETFD) < 0,
			   "descriptors that were closed at the start are closed");
	scene_emit(5);
	pid = fork();
	if (pid == 0) {
		scene_emitted = 0;
		scene_emit(2);
		for (fd = 0; fd < 3; fd++)
			scene_need(fcntl(fd, F_GETFD) < 0, "and in the child");
		dprintf(9, "child %d %llu\n", (int)getpid(), (unsigned long long)scene_emitted);
		_exit(0);
	}
	scene_wait(pid);
	dprintf(9, "emitted %llu\n", (unsigned long long)scene_emitted);
	_exit(0);
}

/* CAIRN_DIR is relative to where the program started. */
static void scene_chdir(void)
{
	pid_t pid;

	scene_emit(1);
	scene_need(chdir("/") == 0, "chdir");
	scene_run_threads(2, 1);
	pid = fork();
	if (pid == 0) {
		scene_emitted = 0;
		scene_emit(1);
		scene_child_done();
	}
	scene_wait(pid);
}

/* With the disk full: nothing but lost events, and every call that looks at rings works. */
static void scene_full(void)
{
	scene_run_threads(8, 1000);
	cairn_tracing_off();
	cairn_tracing_on();
	scene_run_threads(8, 1000);
	cairn_task_name(1, 1, "x");
	scene_emit(1000);
	cairn_stop();
}

static void scene_exec(void)
{
	scene_emit(3);
	printf("before %llu\n", (unsigned long long)scene_emitted);
	fflush(stdout);
	execl("/proc/self/exe", "scenes", "plain", (char *)NULL);
	scene_need(false, "exec");
}

/*
 * Emits numbered events and says each number on stdout once its event was emitted, until killed: what was said must be in the
 * trace.
 */
static void scene_acknowledge(void)
{
	uint64_t n;

	for (n = 1;; n++) {
		cairn_trace_step(n);
		if (write(1, &n, sizeof(n)) != (ssize_t)sizeof(n))
			_exit(1);
	}
}

/* ---- a thousand at once ---- */

#define THOUSAND 1000

static pthread_barrier_t scene_all;

static void *scene_one_of_all(void *arg)
{
	(void)arg;
	pthread_barrier_wait(&scene_all);
	scene_emit(100);
	pthread_barrier_wait(&scene_all); /* all have a stream now */
	scene_emit(100);
	pthread_barrier_wait(&scene_all);
	return NULL;
}

static void scene_thousand(void)
{
	static pthread_t t[THOUSAND];
	pthread_attr_t attr;
	unsigned i;

	pthread_barrier_init(&scene_all, NULL, THOUSAND);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	for (i = 0; i < THOUSAND; i++)
		scene_need(!pthread_create(&t[i], &attr, scene_one_of_all, NULL), "thread");
	for (i = 0; i < THOUSAND; i++)
		pthread_join(t[i], NULL);
}

/* ---- constructors, destructors, atexit ---- */

static unsigned scene_rite; /* in the scene `rites` these count */

/* Before Cairn's own constructor, which has the same priority and stands behind in the link: nothing is on yet, and nothing breaks. */
__attribute__((__constructor__(101))) static void scene_first(void)
{
	cairn_trace_first(1); /* where the link puts it behind, it is on only if it was asked for */
}

__attribute__((__constructor__)) static void scene_constructor(void)
{
	const char *s = getenv("SCENE_RITES");

	scene_rite = s ? (unsigned)atoi(s) : 0;
	scene_emit(scene_rite);
}

static void scene_say_emitted(void)
{
	dprintf(1, "emitted %llu\n", (unsigned long long)scene_emitted);
}

/* Behind Cairn's own destructor. */
__attribute__((__destructor__(101))) static void scene_last(void)
{
	scene_emit(scene_rite);
	if (scene_rite)
		scene_say_emitted();
}

static void scene_at_exit(void)
{
	scene_emit(scene_rite);
	scene_run_threads(2, scene_rite);
}

static void scene_rites(void)
{
	scene_need(!atexit(scene_at_exit), "atexit");
	scene_emit(scene_rite);
}

/* ---- jumps out of events ---- */

#define JUMPERS 3
#define JUMPS   1500

/* Of one thread, by its handlers too. */
static __thread volatile uint64_t jump_begun, jump_ended, jump_signals;
static __thread sigjmp_buf jump_back;
static __thread volatile sig_atomic_t jump_armed;
static uint64_t jump_all_begun, jump_all_ended, jump_all_jumped;
static int jump_done;

static void jump_emit(unsigned n)
{
	while (n--) {
		jump_begun++;
		cairn_trace_step(jump_begun);
		jump_ended++;
	}
}

/* Emits, raises another, deeper, and every third time jumps out of all of it. */
static void jump_on_signal(int sig)
{
	volatile char deep[700];
	uint64_t n = ++jump_signals;

	deep[n % sizeof(deep)] = (char)sig;
	if (!jump_armed)
		return;
	jump_emit(n % 4);
	if (sig == SIGUSR1 && n % 5 == 0)
		raise(SIGUSR2);
	if (n % 3 == 0)
		siglongjmp(jump_back, 1);
}

/* From another depth of the stack each time. */
static __attribute__((__noinline__)) void jump_deeper(unsigned depth)
{
	volatile char frame[300];

	frame[depth] = 1;
	if (depth)
		jump_deeper(depth - 1);
	else
		jump_emit(200);
	frame[depth]++;
}

static void *jump_thread(void *arg)
{
	unsigned which = (unsigned)(uintptr_t)arg;
	volatile uint64_t jumped = 0;
	stack_t alt = {.ss_size = 4u << 20}; /* a jump lets signals in before it leaves the stack: they pile up */

	if (which) {
		alt.ss_sp = malloc(alt.ss_size);
		sigaltstack(&alt, NULL);
	}
	if (sigsetjmp(jump_back, 1))
		jumped++;
	jump_armed = 1;
	while (jumped < JUMPS)
		jump_deeper((unsigned)jumped % 5);
	jump_armed = 0;
	jump_emit(10);
	__atomic_fetch_add(&jump_all_begun, jump_begun, __ATOMIC_RELAXED);
	__atomic_fetch_add(&jump_all_ended, jump_ended, __ATOMIC_RELAXED);
	__atomic_fetch_add(&jump_all_jumped, jumped, __ATOMIC_RELAXED);
	__atomic_fetch_add(&jump_done, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&jump_done, __ATOMIC_ACQUIRE) < JUMPERS)
		usleep(100); /* nobody goes while signals are sent */
	return NULL;
}

/* Cancelled wherever it is. */
static void *jump_cancelled_thread(void *arg)
{
	(void)arg;
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	for (;;) {
		__atomic_fetch_add(&jump_all_begun, 1, __ATOMIC_RELAXED);
		cairn_trace_step(1);
		__atomic_fetch_add(&jump_all_ended, 1, __ATOMIC_RELAXED);
		__atomic_store_n(&jump_done, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* Begins an event on the alternate stack, and leaves it. */
static void jump_on_begun(int sig)
{
	struct cairn_slot slot;

	(void)sig;
	scene_need(cairn_reserve(&slot, cairn_event_find("scene", "step")->id, 8) != NULL, "reserve");
	scene_emitted++;
	siglongjmp(jump_back, 1);
}

/* The next event looks for saved registers where nothing is mapped: below a stack that is smaller than what it looks through. */
static void scene_jump_errno(void)
{
	struct sigaction action = {.sa_handler = jump_on_begun, .sa_flags = SA_ONSTACK};
	stack_t alt = {.ss_size = 16384};
	char *room = mmap(NULL, 3 * alt.ss_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	scene_need(room != MAP_FAILED, "mmap");
	alt.ss_sp = room + alt.ss_size;
	scene_need(!mprotect(alt.ss_sp, alt.ss_size, PROT_READ | PROT_WRITE) && !sigaltstack(&alt, NULL), "stack");
	sigaction(SIGUSR1, &action, NULL);
	scene_emit(1);
	if (!sigsetjmp(jump_back, 1))
		raise(SIGUSR1);
	errno = 4711;
	scene_emit(1);
	scene_need(errno == 4711, "an event that finds one left leaves errno alone");
}

static void scene_jumps(void)
{
	struct sigaction action = {.sa_handler = jump_on_signal, .sa_flags = SA_ONSTACK};
	pthread_t t[JUMPERS];
	unsigned i;

	sigaction(SIGUSR1, &action, NULL);
	action.sa_flags = 0; /* on the stack where the other one runs */
	sigaction(SIGUSR2, &action, NULL);
	for (i = 0; i < JUMPERS; i++)
		scene_need(!pthread_create(&t[i], NULL, jump_thread, (void *)(uintptr_t)i), "thread");
	for (i = 0; __atomic_load_n(&jump_done, __ATOMIC_ACQUIRE) < JUMPERS; i++) {
		pthread_kill(t[i % JUMPERS], i % 2 ? SIGUSR1 : SIGUSR2);
		if (i % JUMPERS == 0)
			usleep(20);
	}
	for (i = 0; i < JUMPERS; i++)
		pthread_join(t[i], NULL);
	for (i = 0; i < 100; i++) {
		__atomic_store_n(&jump_done, 0, __ATOMIC_RELEASE);
		scene_need(!pthread_create(&t[0], NULL, jump_cancelled_thread, NULL), "thread");
		while (!__atomic_load_n(&jump_done, __ATOMIC_ACQUIRE))
			;
		pthread_cancel(t[0]);
		pthread_join(t[0], NULL);
		jump_all_jumped++;
	}
	printf("begun %llu ended %llu jumped %llu\n", (unsigned long long)jump_all_begun, (unsigned long long)jump_all_ended,
	       (unsigned long long)jump_all_jumped);
}

static const struct {
	const char *name;
	void (*play)(void);
} scenes[] = {
	{"jumps", scene_jumps},
	{"jump-errno", scene_jump_errno},
	{"thousand", scene_thousand},
	{"rites", scene_rites},
	{"plain", scene_plain},
	{"fork", scene_fork},
	{"fork-control", scene_fork_control},
	{"fork-threads", scene_fork_threads},
	{"forkers", scene_forkers},
	{"atfork", scene_atfork},
	{"vfork", scene_vfork},
	{"short-threads", scene_short_threads},
	{"many-threads", scene_many_threads},
	{"destructors", scene_destructors},
	{"raw-exit", scene_raw_exit},
	{"abandoned", scene_abandoned},
	{"main-exits", scene_main_exits},
	{"cancel", scene_cancel},
	{"signals", scene_signals},
	{"errno", scene_errno},
	{"close-all", scene_close_all},
	{"std-closed", scene_std_closed},
	{"chdir", scene_chdir},
	{"full", scene_full},
	{"exec", scene_exec},
	{"acknowledge", scene_acknowledge},
};

int main(int argc, char **argv)
{
	unsigned i;

	for (i = 0; argc == 2 && i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		if (strcmp(argv[1], scenes[i].name))
			continue;
		scenes[i].play();
		printf("emitted %llu\n", (unsigned long long)scene_emitted);
		fflush(stdout); /* a destructor may say a later number */
		return 0;
	}
	fprintf(stderr, "usage: scenes NAME\n");
	return 2;
}
