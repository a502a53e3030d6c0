/* SPDX-License-Identifier: MIT */
/*
 * Linux user space. A constructor makes the region: a file that outlives the process, however it ends. Each thread gets a stream at its
 * first event and gives it back when it exits; threads that find none left share streams, one for each CPU (percpu.h). A forked child makes a
 * region of its own at its next event.
 *
 * The environment, ignored in a set-user-id program: CAIRN_TRACE (patterns to enable), CAIRN_DIR (where the file goes), CAIRN_RING_KB
 * (size of a stream, default 1024), CAIRN_STREAMS (streams at once, default 64), CAIRN_MODE (overwrite, the default, or discard), CAIRN_PER_CPU (1 or shared: all
 * threads share streams from the start).
 */
#define _GNU_SOURCE
#include "../../include/cairn/cairn.h"

#include "percpu.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/rseq.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

#define PORT_NO_STREAM     (~0u)
#define PORT_SPENT         (~0u) /* owner of a stream that cannot be used again */
#define PORT_KEEP_DEAD     8
#define PORT_CALIBRATE_NS  1000000 /* the clock's rate is measured over at least this long */
#define PORT_REFINE_NS     50000000 /* and measured again at a thread's end when this much has passed */
#define PORT_RETRY_NS      10000000 /* who got no stream asks again after this long */
#define PORT_STAGING_BYTES 16384    /* a record being prepared, and what signals nest in it */

enum { PORT_NO_REGION, PORT_OPENING, PORT_REGION, PORT_REFUSED };

#define PORT_TLS                      \
	__attribute__((__tls_model__( \
		"initial-exec"))) /* in a signal handler nothing may be allocated for it */

__thread unsigned cairn_port_stream = PORT_NO_STREAM;

static __thread bool port_attaching PORT_TLS;    /* an event of attaching itself finds no stream */
static __thread uint64_t port_retry_at PORT_TLS; /* CLOCK_MONOTONIC_COARSE; 0 = at once */
static __thread struct port_staging *port_staging
	PORT_TLS; /* set: this thread shares the streams of CPUs */
static __thread sigset_t port_before_fork PORT_TLS; /* threads may fork at the same time */

/* Where a thread without a stream of its own prepares records. Not on its stack, which may be small. */
struct port_staging {
	struct cairn_ring ring;
	struct port_staging *next; /* in the list of free ones */
	uint32_t room[];
};

static struct {
	uint32_t region; /* PORT_NO_REGION: the next event makes one */
	char *memory;
	int fd; /* of the file while the region is made; the program may close and reuse any number later */
	dev_t dev;
	ino_t ino;
	char path[512];
	char comm[16]; /* as at the start */
	bool asked; /* CAIRN_TRACE was given: say what goes wrong, keep the file even if no event came */
	bool used;                      /* a stream was opened */
	uint32_t owner[CAIRN_MAX_CPUS]; /* tid of a stream's thread; 0 = free, PORT_SPENT */
	pthread_key_t exit_key;
	pthread_mutex_t
		lock; /* taken with all signals blocked: of free_staging, and of opening a CPU's stream */
	struct port_staging *free_staging;
	uint64_t cpu_retry_at; /* CLOCK_MONOTONIC_COARSE: a CPU's stream could not be opened */
	uint32_t claim[CAIRN_MAX_CPUS]; /* shared form: 1 = a thread is writing */
	uint64_t clock0, mono0, wall0;  /* taken together at the start */
	/* from the environment, as it was at the start */
	char dir[400];       /* absolute once it was opened; empty = the default */
	unsigned nr_streams; /* of threads; those of CPUs follow */
	unsigned nr_cpus;
	bool rseq;         /* CPUs' streams by restartable sequences, not by claims */
	bool per_cpu_only; /* no thread gets a stream of its own */
	size_t ring_bytes;
	enum cairn_mode mode;
} port = {.fd = -1, .lock = PTHREAD_MUTEX_INITIALIZER};

static bool port_secure(void)
{
	return getauxval(AT_SECURE) != 0;
}

static const char *port_env(const char *name)
{
	const char *v = port_secure() ? NULL : getenv(name);

	return v && *v ? v : NULL;
}

static void port_say(const char *what, const char *why)
{
	if (port.asked)
		fprintf(stderr, "cairn: %s: %s: %s; this process is not traced\n", port.path, what,
			why);
}

/* A program may run with 0, 1 or 2 closed; nothing of ours may stand there, where it reads and prints. */
static int port_not_std(int fd)
{
	int up = fd;

	if (fd >= 0 && fd <= 2) {
		up = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		close(fd);
	}
	return up;
}

/* ---- clock ---- */

static uint64_t port_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void port_clock_begin(void)
{
	port.mono0 = port_ns(CLOCK_MONOTONIC_RAW);
	port.clock0 = cairn_port_clock();
	port.wall0 = port_ns(CLOCK_REALTIME);
}

static bool port_measuring;

/* Tell the region the clock's rate as measured since the start, waiting until `least` ns have passed. */
static void port_clock_measure(uint64_t least)
{
	uint64_t ns, ticks;

	/* Threads end at the same time, and cairn_clock_set() is for one caller. */
	if (__atomic_exchange_n(&port_measuring, true, __ATOMIC_ACQUIRE))
		return;
	do {
		ns = port_ns(CLOCK_MONOTONIC_RAW) - port.mono0;
		ticks = cairn_port_clock() - port.clock0;
	} while (ns < least);
	cairn_clock_set(
		(uint64_t)((__extension__(unsigned __int128) ticks * 1000000000u + ns / 2) / ns),
		port.clock0, port.wall0);
	__atomic_store_n(&port_measuring, false, __ATOMIC_RELEASE);
}

/* ---- the region's file ---- */

/* Field 22 of /proc/PID/stat; the second may hold blanks and brackets. 0 if it cannot be read. */
static uint64_t port_start_time(const char *proc_stat)
{
	char buf[1024], *p;
	int fd = open(proc_stat, O_RDONLY | O_CLOEXEC), field;
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return 0;
	buf[n] = 0;
	p = strrchr(buf, ')');
	for (field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	return p ? strtoull(p + 1, NULL, 10) : 0;
}

/* Open (make) the directory; it must be ours alone. */
static int port_open_dir(void)
{
	struct stat st;
	int fd;

	if (port.dir[0])
		snprintf(port.path, sizeof(port.path), "%s", port.dir);
	else
		snprintf(port.path, sizeof(port.path), "/dev/shm/cairn-%u", (unsigned)geteuid());
	if (mkdir(port.path, 0700) < 0 && errno != EEXIST) {
		port_say("cannot make the directory", strerror(errno));
		return -1;
	}
	fd = port_not_std(open(port.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
	if (fd < 0 || fstat(fd, &st) < 0) {
		port_say("cannot open the directory", strerror(errno));
	} else if (st.st_uid != geteuid() || (st.st_mode & 077)) {
		port_say("refused", "not a directory of this user alone (mode 0700)");
	} else {
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

/* The program and its children may go elsewhere: remember the folder by its absolute path. */
static void port_keep_dir(int dir)
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
	n = readlink(link, port.path, sizeof(port.dir) - 1);
	if (n > 0 && port.path[0] == '/') {
		port.path[n] = 0;
		snprintf(port.dir, sizeof(port.dir), "%.*s", (int)n, port.path);
	}
}

static int port_create_file(int dir, uint64_t start)
{
	char name[128], comm[16];
	struct stat st;
	unsigned i, again;
	int fd = -1;

	memcpy(comm, port.comm, sizeof(comm));
	for (i = 0; comm[i]; i++) {
		if (comm[i] == '/' || comm[i] == '.' || (unsigned char)comm[i] <= ' ')
			comm[i] = '_';
	}
	/* a process that executed itself again has the same pid and start time: it gets a number */
	for (again = 0; fd < 0 && again < 100; again++) {
		int n = snprintf(name, sizeof(name), "%s.%d.%llu", comm, (int)getpid(),
				 (unsigned long long)start);

		if (again)
			n += snprintf(name + n, sizeof(name) - (size_t)n, "-%u", again + 1);
		snprintf(name + n, sizeof(name) - (size_t)n, ".cairn");
		fd = port_not_std(openat(dir, name,
					 O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
		if (fd < 0 && errno != EEXIST)
			break;
	}
	if (fd >= 0 && fstat(fd, &st) == 0) {
		port.dev = st.st_dev;
		port.ino = st.st_ino;
	}
	i = (unsigned)strlen(port.path);
	snprintf(port.path + i, sizeof(port.path) - i, "/%s", name);
	return fd;
}

static size_t port_env_number(const char *name, size_t least, size_t most, size_t otherwise)
{
	const char *v = port_env(name);
	char *end;
	unsigned long long n;

	if (!v)
		return otherwise;
	n = strtoull(v, &end, 10);
	if (*end || n < least || n > most) {
		fprintf(stderr, "cairn: %s=%s: not a number in %zu .. %zu; %zu is used\n", name, v,
			least, most, otherwise);
		return otherwise;
	}
	return (size_t)n;
}

static enum cairn_mode port_env_mode(void)
{
	const char *v = port_env("CAIRN_MODE");

	if (v && !strcmp(v, "discard"))
		return CAIRN_DISCARD;
	if (v && strcmp(v, "overwrite"))
		fprintf(stderr,
			"cairn: CAIRN_MODE=%s: neither overwrite nor discard; overwrite is used\n",
			v);
	return CAIRN_OVERWRITE;
}

/* How many streams there are for CPUs, and how they are written. */
static void port_env_per_cpu(void)
{
	const char *v = port_env("CAIRN_PER_CPU");
	long nr = sysconf(_SC_NPROCESSORS_CONF);

	port.rseq = CAIRN_ARCH_HAS_RSEQ && __rseq_size > 0;
	if (v && !strcmp(v, "shared"))
		port.rseq = false;
	else if (v && strcmp(v, "0") && strcmp(v, "1"))
		fprintf(stderr, "cairn: CAIRN_PER_CPU=%s: none of 0, 1 and shared; 0 is used\n", v);
	port.per_cpu_only = v && (!strcmp(v, "1") || !strcmp(v, "shared"));
	port.nr_cpus = nr < PERCPU_CLAIMS ? PERCPU_CLAIMS : (unsigned)nr;
	if (port.nr_cpus > CAIRN_MAX_CPUS - 1)
		port.nr_cpus = CAIRN_MAX_CPUS - 1;
	if (port.nr_streams > CAIRN_MAX_CPUS - port.nr_cpus)
		port.nr_streams = CAIRN_MAX_CPUS - port.nr_cpus;
}

static void port_read_environment(void)
{
	const char *dir = port_env("CAIRN_DIR");

	port.asked = port_env("CAIRN_TRACE") != NULL;
	port.nr_streams = (unsigned)port_env_number("CAIRN_STREAMS", 1, CAIRN_MAX_CPUS, 64);
	port_env_per_cpu();
	port.ring_bytes = port_env_number("CAIRN_RING_KB", 32, 1 << 20, 1024) * 1024;
	port.mode = port_env_mode();
	if (dir && strlen(dir) < sizeof(port.dir)) {
		strcpy(port.dir, dir);
	} else if (dir) {
		snprintf(port.path, sizeof(port.path), "CAIRN_DIR");
		port_say("refused", "the path is too long");
		port.region = PORT_REFUSED;
	}
}

/* Beyond its limit on file sizes a process would get SIGXFSZ, and die of it. */
static bool port_set_size(int64_t bytes)
{
	struct rlimit most;

	if (getrlimit(RLIMIT_FSIZE, &most) == 0 && most.rlim_cur != RLIM_INFINITY &&
	    (uint64_t)bytes > most.rlim_cur) {
		errno = EFBIG;
		return false;
	}
	return ftruncate(port.fd, bytes) == 0;
}

/* CAIRN_TRACE as a word of a command line: blanks, which separate patterns too, would end it. */
static void port_boot_args(char *boot, size_t size)
{
	size_t n = (size_t)snprintf(boot, size, "trace=%s",
				    port_env("CAIRN_TRACE") ? port_env("CAIRN_TRACE") : "");

	for (; *boot && n; boot++) {
		if (*boot == ' ' || *boot == '\t' || *boot == '\n')
			*boot = ',';
	}
}

static bool port_init_core(uint64_t start, bool at_start)
{
	struct cairn_config c = {
		.memory_is_zero = true,
		.nr_cpus = port.nr_streams + port.nr_cpus,
		.rings_later = true,
		.ring_bytes = port.ring_bytes,
		.packet_bytes = 16384,
		.metadata_bytes = 256 * 1024, /* of address space: pages come as they are needed */
		.max_events = 128,
		.max_names = 256,
		.mode = port.mode,
		.user_space = true,
		.pid = (uint32_t)getpid(),
		.start_time = start,
		.wall_ns = port_ns(CLOCK_REALTIME),
		.name = port.comm,
	};
	char boot[320];
	int64_t bytes = cairn_region_bytes(&c);
	int err;

	if (bytes < 0 || !port_set_size(bytes)) {
		port_say("cannot set the file's size",
			 bytes < 0 ? cairn_strerror((int)bytes) : strerror(errno));
		return false;
	}
	c.memory_bytes = (size_t)bytes;
	c.memory = mmap(NULL, c.memory_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
			port.fd, 0);
	if (c.memory == MAP_FAILED) {
		port_say("cannot map the file", strerror(errno));
		return false;
	}
	port.memory = c.memory;
	(void)madvise(c.memory, c.memory_bytes,
		      MADV_DONTFORK); /* a child must not write to its parent's streams */
	if (at_start)
		port_boot_args(boot, sizeof(boot));
	c.boot_args = at_start ? boot : NULL;
	err = cairn_init(&c);
	if (err) {
		port_say("cannot make the region", cairn_strerror(err));
		(void)munmap(c.memory, c.memory_bytes);
	}
	return err == 0;
}

/* Whether the process that a file is named after has ended. COMM.PID.START.cairn, COMM has no dot. */
static bool port_is_dead(const char *name)
{
	char path[64];
	unsigned long long start;
	int pid, end = 0;
	const char *dot = strchr(name, '.');
	uint64_t now;

	if (!dot || sscanf(dot, ".%d.%llu%n", &pid, &start, &end) != 2 || !end)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	now = port_start_time(path);
	return now != start;
}

/* Of the files of ended processes keep the newest few. */
static void port_remove_old(int dir_fd)
{
	struct {
		char name[256];
		struct timespec when;
	} kept[PORT_KEEP_DEAD];
	unsigned nr = 0, i;
	int copy = dup(dir_fd);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		const char *suffix = strrchr(e->d_name, '.');
		unsigned oldest = 0;
		struct stat st;

		if (!suffix || strcmp(suffix, ".cairn") || !port_is_dead(e->d_name) ||
		    fstatat(dir_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		if (nr < PORT_KEEP_DEAD) {
			oldest = nr++;
		} else {
			for (i = 1; i < nr; i++) {
				if (kept[i].when.tv_sec < kept[oldest].when.tv_sec ||
				    (kept[i].when.tv_sec == kept[oldest].when.tv_sec &&
				     kept[i].when.tv_nsec < kept[oldest].when.tv_nsec))
					oldest = i;
			}
			if (st.st_mtim.tv_sec < kept[oldest].when.tv_sec ||
			    (st.st_mtim.tv_sec == kept[oldest].when.tv_sec &&
			     st.st_mtim.tv_nsec < kept[oldest].when.tv_nsec)) {
				(void)unlinkat(dir_fd, e->d_name, 0);
				continue;
			}
			(void)unlinkat(dir_fd, kept[oldest].name, 0);
		}
		snprintf(kept[oldest].name, sizeof(kept[oldest].name), "%s", e->d_name);
		kept[oldest].when = st.st_mtim;
	}
	if (d)
		closedir(d);
	else if (copy >= 0)
		close(copy);
}

static bool port_make_region(bool at_start)
{
	uint64_t start = port_start_time("/proc/self/stat");
	bool made;
	int dir;

	port_clock_begin();
	dir = port_open_dir();
	if (dir < 0)
		return false;
	if (at_start && port.dir[0])
		port_keep_dir(dir);
	else if (at_start)
		port_remove_old(dir);
	port.fd = port_create_file(dir, start);
	close(dir);
	if (port.fd < 0) {
		port_say("cannot make the region's file", strerror(errno));
		return false;
	}
	made = port_init_core(start, at_start);
	if (!made)
		(void)unlink(port.path);
	close(port.fd);
	port.fd = -1;
	return made;
}

/*
 * Make the region unless there is one; of several threads that need it one makes it and the others wait. All signals are blocked. No
 * allocation in here but in port_remove_old(): a child's first event may come in a signal handler.
 */
static bool port_need_region(bool at_start)
{
	uint32_t state = PORT_NO_REGION;

	/*
	 * ORDER made:A / made:B
	 *   the whole region, then port.region; who acquires PORT_REGION finds the core initialized.
	 */
	if (__atomic_compare_exchange_n(&port.region, &state, PORT_OPENING, false, __ATOMIC_ACQUIRE,
					__ATOMIC_ACQUIRE)) {
		state = port_make_region(at_start) ? PORT_REGION : PORT_REFUSED;
		__atomic_store_n(&port.region, state,
				 __ATOMIC_RELEASE); /* ORDER made:A, pairs with made:B */
	}
	while (state == PORT_OPENING) {
		sched_yield();
		state = __atomic_load_n(&port.region,
					__ATOMIC_ACQUIRE); /* ORDER made:B, pairs with made:A */
	}
	return state == PORT_REGION;
}

/* By the file, opened anew: for kernels that have no MADV_POPULATE_WRITE. */
static int port_allocate(uint64_t offset, uint64_t bytes)
{
	int fd = open(port.path, O_RDWR | O_NOFOLLOW | O_CLOEXEC), err = fd < 0 ? errno : 0;
	struct stat st;

	if (!err && (fstat(fd, &st) < 0 || st.st_dev != port.dev || st.st_ino != port.ino))
		err = ENOENT;
	while (!err && fallocate(fd, 0, (off_t)offset, (off_t)bytes) < 0) {
		if (errno != EINTR)
			err = errno;
	}
	if (fd >= 0)
		close(fd);
	return -err;
}

/*
 * A page that cannot be had is an error here, not a SIGBUS later. Through the mapping, not by a descriptor kept open: programs close
 * those that they do not know, and open files of their own under the number.
 */
int cairn_port_populate(uint64_t offset, uint64_t bytes)
{
	uint64_t mask = (uint64_t)sysconf(_SC_PAGESIZE) - 1, from = offset & ~mask,
		 to = (offset + bytes + mask) & ~mask;
	int err;

	do
		err = madvise(port.memory + from, to - from, MADV_POPULATE_WRITE) < 0 ? errno : 0;
	while (err == EINTR);
	if (!err)
		return 0;
	if (err == EINVAL)
		return port_allocate(offset, bytes);
	/* give back what was had: pages wholly inside, since the outer ones may hold something already */
	from = (offset + mask) & ~mask;
	to = (offset + bytes) & ~mask;
	if (from < to)
		(void)madvise(port.memory + from, to - from, MADV_REMOVE);
	return err == EFAULT ? CAIRN_ENOSPC : -err; /* EFAULT: there would have been a SIGBUS */
}

/* ---- streams ---- */

/* The stream, now this thread's, or -1: in use, spent, or no room in the file system. */
static int port_try_stream(unsigned i, uint32_t tid)
{
	uint32_t free_owner = 0, task = tid & CAIRN_TASK_PID_MASK;
	int err;

	if (__atomic_load_n(&port.owner[i], __ATOMIC_RELAXED) ||
	    !__atomic_compare_exchange_n(&port.owner[i], &free_owner, tid, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		return -1; /* ORDER stream:B, pairs with stream:A */
	err = CAIRN_LOAD_PTR(&cairn_rings[i]) ? cairn_ring_hand_over(i, task)
					      : cairn_ring_open(i, task);
	if (!err)
		return (int)i;
	/*
	 * ORDER stream:A / stream:B
	 *   all that a thread wrote to its stream, then owner = 0; who takes the stream goes on where it ended.
	 */
	__atomic_store_n(&port.owner[i], err == CAIRN_EBUSY ? PORT_SPENT : 0,
			 __ATOMIC_RELEASE); /* ORDER stream:A, pairs with stream:B */
	return -1;
}

/* Free the streams of threads that ended without their destructor, or emitted once more after its last round. */
static bool port_reclaim(void)
{
	bool any = false;
	unsigned i;

	for (i = 0; i < port.nr_streams; i++) {
		uint32_t tid = __atomic_load_n(&port.owner[i], __ATOMIC_RELAXED);

		if (tid && tid != PORT_SPENT && syscall(SYS_tgkill, getpid(), (int)tid, 0) < 0 &&
		    errno == ESRCH &&
		    __atomic_compare_exchange_n(&port.owner[i], &tid, 0, false, __ATOMIC_ACQ_REL,
						__ATOMIC_RELAXED))
			any = true; /* ORDER stream:A, pairs with stream:B; the kernel ended the thread before it said ESRCH */
	}
	return any;
}

/* One that is open, before a new one takes memory. */
static int port_look_for_stream(uint32_t tid)
{
	bool reclaimed = false;
	unsigned i;

	for (i = 0; i < port.nr_streams; i++) {
		bool fresh = !CAIRN_LOAD_PTR(&cairn_rings[i]); /* a hint: the owner word decides */
		int stream;

		if (fresh && !reclaimed) {
			reclaimed = true;
			if (port_reclaim()) {
				i = ~0u; /* from the first again */
				continue;
			}
		}
		stream = port_try_stream(i, tid);
		if (stream >= 0)
			return stream;
		if (fresh && !CAIRN_LOAD_PTR(&cairn_rings[i]) &&
		    !__atomic_load_n(&port.owner[i], __ATOMIC_RELAXED))
			return -1; /* no room in the file system: none for the next one either */
	}
	return -1;
}

static int port_take_stream(uint32_t tid)
{
	int stream;

	do
		stream = port_look_for_stream(tid);
	while (stream < 0 && port_reclaim());
	return stream;
}

/* ---- streams of CPUs ---- */

/* Blocks signals and cancellation, so that nothing of this thread's runs while it holds the lock. */
struct port_locked {
	sigset_t before;
	int cancel, saved_errno;
};

static void port_lock(struct port_locked *l)
{
	sigset_t all;

	l->saved_errno = errno;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &l->before);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &l->cancel);
	(void)pthread_mutex_lock(&port.lock);
}

static void port_unlock(const struct port_locked *l)
{
	(void)pthread_mutex_unlock(&port.lock);
	(void)pthread_setcancelstate(l->cancel, NULL);
	pthread_sigmask(SIG_SETMASK, &l->before, NULL);
	errno = l->saved_errno;
}

/* The thread shares the CPUs' streams from here on. All signals are blocked. False: no memory. */
static bool port_begin_staging(uint32_t tid)
{
	struct port_staging *s;

	(void)pthread_mutex_lock(&port.lock);
	s = port.free_staging;
	if (s)
		port.free_staging = s->next;
	(void)pthread_mutex_unlock(&port.lock);
	if (!s) {
		s = mmap(NULL, PORT_STAGING_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (s == MAP_FAILED)
			return false;
	}
	s->ring.base = (uint64_t)(uintptr_t)s->room;
	s->ring.pkt_mask = CAIRN_POS_MASK;
	s->ring.limit = PORT_STAGING_BYTES - offsetof(struct port_staging, room);
	s->ring.pos = 0;
	s->ring.committed = ~(uint64_t)0; /* no position */
	s->ring.mode = CAIRN_RING_STAGING;
	s->ring.task = tid & CAIRN_TASK_PID_MASK;
	port_staging = s;
	return true;
}

/* At the thread's end: what it had begun and left is counted, by the first of the CPUs' streams that there is. */
static void port_end_staging(void)
{
	struct port_staging *s = port_staging;
	struct port_locked l;
	unsigned i;

	if (!s)
		return;
	port_lock(&l);
	port_staging = NULL;
	for (i = 0; i < port.nr_cpus && s->ring.pos; i++) {
		struct cairn_ring *r = cairn_rings[port.nr_streams + i];

		if (!r)
			continue;
		__atomic_fetch_add(&r->lost[CAIRN_LOST_ABANDONED], s->ring.pos >> CAIRN_POS_BITS,
				   __ATOMIC_RELAXED);
		s->ring.pos = 0;
	}
	s->next = port.free_staging;
	port.free_staging = s;
	port_unlock(&l);
}

/* The stream of a CPU's first event. Who comes while it is being opened waits. NULL: no room in the file system, no region. */
static CAIRN_COLD struct cairn_ring *port_open_cpu(unsigned index)
{
	struct port_locked l;

	if (port_ns(CLOCK_MONOTONIC_COARSE) < __atomic_load_n(&port.cpu_retry_at, __ATOMIC_RELAXED))
		return NULL;
	port_lock(&l);
	if (!cairn_rings[index] && __atomic_load_n(&port.region, __ATOMIC_ACQUIRE) == PORT_REGION &&
	    cairn_ring_open(index, 0))
		__atomic_store_n(&port.cpu_retry_at,
				 port_ns(CLOCK_MONOTONIC_COARSE) + PORT_RETRY_NS, __ATOMIC_RELAXED);
	port_unlock(&l);
	return CAIRN_LOAD_PTR(&cairn_rings[index]);
}

CAIRN_INLINE struct cairn_ring *port_cpu_ring(unsigned cpu)
{
	/* ORDER ring:B, pairs with ring:A; the opener was another thread */
	struct cairn_ring *r =
		__atomic_load_n(&cairn_rings[port.nr_streams + cpu], __ATOMIC_ACQUIRE);

	return CAIRN_LIKELY(r != NULL) ? r : port_open_cpu(port.nr_streams + cpu);
}

/* By claim; an event of a signal handler finds its own thread's stream taken, as it must. */
static bool port_write_shared(const char *record, uint32_t size)
{
	unsigned cpu = (unsigned)sched_getcpu(), i, tries;

	for (i = 0; i < PERCPU_CLAIMS; i++) {
		unsigned at = (cpu + i) % port.nr_cpus;
		struct percpu_at where = {port_cpu_ring(at), NULL, at};

		if (!where.ring || __atomic_exchange_n(&port.claim[at], 1, __ATOMIC_ACQUIRE))
			continue; /* ORDER share:B, pairs with share:A */
		for (tries = 0; percpu_try(where, record, size, tries) == PERCPU_AGAIN; tries++)
			;
		/*
		 * ORDER share:A / share:B
		 *   all that a thread wrote to the stream, then claim = 0; who claims it next goes on where it ended.
		 */
		__atomic_store_n(&port.claim[at], 0,
				 __ATOMIC_RELEASE); /* ORDER share:A, pairs with share:B */
		return true;
	}
	return false;
}

#if CAIRN_ARCH_HAS_RSEQ
static bool port_write_rseq(const char *record, uint32_t size)
{
	char *rseq = cairn_arch_thread_pointer() + __rseq_offset;
	unsigned tries;

	for (tries = 0; tries <= PERCPU_TRIES; tries++) {
		uint32_t cpu = cairn_load32(&((struct rseq *)(void *)rseq)->cpu_id);
		struct percpu_at at = {NULL, rseq, cpu};

		if (CAIRN_UNLIKELY(cpu >= port.nr_cpus))
			return false; /* this thread is not registered: made without the C library, or a child of vfork */
		at.ring = port_cpu_ring(cpu);
		if (CAIRN_UNLIKELY(!at.ring))
			return false;
		if (CAIRN_LIKELY(percpu_try(at, record, size, tries) == PERCPU_DONE))
			return true;
	}
	return false;
}
#else
static bool port_write_rseq(const char *record, uint32_t size)
{
	return port_write_shared(record, size);
}
#endif

struct cairn_ring *cairn_port_stage(uint32_t size)
{
	struct port_staging *s = port_staging;
	uint64_t o;

	if (!s)
		return NULL;
	/* What a signal nests here between the load and the store has set pos back before we go on. */
	o = cairn_load64(&s->ring.pos);
	if ((o & CAIRN_POS_MASK) + size > s->ring.limit)
		return NULL;
	cairn_store64(&s->ring.pos, o + size + CAIRN_ONE_RECORD);
	cairn_barrier();
	return &s->ring;
}

void cairn_port_commit(struct cairn_ring *r, uint64_t begin, uint32_t size)
{
	const char *record = (const char *)(uintptr_t)(r->base + (begin & CAIRN_POS_MASK));

	if (CAIRN_UNLIKELY(
		    !(port.rseq ? port_write_rseq(record, size) : port_write_shared(record, size))))
		cairn_lost_no_stream();
	cairn_barrier();
	cairn_store64(&r->pos, begin);
}

void cairn_port_flush(void)
{
	if (port_staging)
		(void)(port.rseq ? port_write_rseq(NULL, 0) : port_write_shared(NULL, 0));
}

/* ---- a thread's streams ---- */

static void port_thread_exit(void *arg)
{
	unsigned stream = (unsigned)(uintptr_t)arg - 1;

	port_end_staging();
	if (port_ns(CLOCK_MONOTONIC_RAW) - port.mono0 >= PORT_REFINE_NS)
		port_clock_measure(0);
	cairn_port_stream = PORT_NO_STREAM;
	if (stream < CAIRN_MAX_CPUS)
		__atomic_store_n(&port.owner[stream], 0,
				 __ATOMIC_RELEASE); /* ORDER stream:A, pairs with stream:B */
}

/* A stream for this thread, all signals blocked. */
static void port_get_stream(void)
{
	char comm[CAIRN_COMM_BYTES] = "";
	uint32_t tid = (uint32_t)syscall(SYS_gettid);
	bool region = port_need_region(false);
	int stream = region && !port.per_cpu_only ? port_take_stream(tid) : -1;

	if (stream < 0 && !(region && port_begin_staging(tid))) {
		port_retry_at = port_ns(CLOCK_MONOTONIC_COARSE) + PORT_RETRY_NS;
		return;
	}
	port_retry_at = 0;
	if (!__atomic_exchange_n(&port.used, true, __ATOMIC_RELAXED))
		port_clock_measure(PORT_CALIBRATE_NS);
	if (stream < 0)
		stream = CAIRN_MAX_CPUS; /* nobody's */
	else
		cairn_port_stream = (unsigned)stream;
	pthread_setspecific(port.exit_key, (void *)((uintptr_t)stream + 1));
	(void)prctl(PR_GET_NAME, comm);
	cairn_task_name(tid, (uint32_t)getpid(), comm);
}

void cairn_port_attach(void)
{
	int saved = errno, cancel;
	sigset_t all, before;

	if (port_attaching || __atomic_load_n(&port.region, __ATOMIC_RELAXED) == PORT_REFUSED)
		return;
	if (port_retry_at && port_ns(CLOCK_MONOTONIC_COARSE) < port_retry_at)
		return;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE,
				     &cancel); /* an event is no cancellation point */
	if (cairn_port_stream == PORT_NO_STREAM &&
	    !port_staging) { /* else a signal has got it since the event asked */
		port_attaching = true;
		port_get_stream();
		port_attaching = false;
	}
	(void)pthread_setcancelstate(cancel, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = saved;
}

/* ---- fork ---- */

static void port_prepare_fork(void)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all,
			&port_before_fork); /* the child has no mapping until port_child() */
}

static void port_parent(void)
{
	pthread_sigmask(SIG_SETMASK, &port_before_fork, NULL);
}

/* Other threads of the parent may have been anywhere, in the middle of making the region too. */
static void port_child(void)
{
	cairn_detach();
	if (port.region == PORT_OPENING && port.fd >= 0)
		close(port.fd);
	port.fd = -1;
	port.memory = NULL;
	if (port.region != PORT_REFUSED)
		port.region = PORT_NO_REGION;
	port.used = false;
	port_measuring = false; /* by a thread that the child does not have */
	memset(port.owner, 0, sizeof(port.owner));
	memset(port.claim, 0, sizeof(port.claim));
	port.lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	port.free_staging = NULL; /* it was being changed, perhaps */
	port.cpu_retry_at = 0;
	port_staging = NULL; /* not reused: the child may be in the middle of an event there */
	cairn_port_stream = PORT_NO_STREAM;
	port_retry_at = 0;
	pthread_setspecific(port.exit_key, NULL);
	pthread_sigmask(SIG_SETMASK, &port_before_fork, NULL);
}

/* ---- static keys ---- */

static int port_membarrier(int command)
{
	return (int)syscall(SYS_membarrier, command, 0, 0);
}

/* Through /proc/thread-self/mem: the page is copied, never writable and executable at once. Else a private copy moved over it. */
int cairn_port_write_text(void *addr, const void *bytes, unsigned len)
{
	uintptr_t page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
	char *page = (char *)((uintptr_t)addr & ~(page_bytes - 1)), *copy;
	size_t at = (size_t)((char *)addr - page),
	       span = (at + len + page_bytes - 1) & ~(page_bytes - 1);
	int cancel, fd;
	ssize_t n;

	/* thread-self, not self: the main thread may have ended */
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE,
				     &cancel); /* half the sites, and a descriptor left open */
	fd = open("/proc/thread-self/mem", O_RDWR | O_CLOEXEC);
	n = fd < 0 ? -1 : pwrite(fd, bytes, len, (off_t)(uintptr_t)addr);
	if (fd >= 0)
		close(fd);
	(void)pthread_setcancelstate(cancel, NULL);
	if (n == (ssize_t)len)
		return 0;
	copy = mmap(NULL, span, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (copy == MAP_FAILED)
		return CAIRN_ENOMEM;
	memcpy(copy, page, span);
	memcpy(copy + at, bytes, len);
	if (mprotect(copy, span, PROT_READ | PROT_EXEC) < 0 ||
	    mremap(copy, span, span, MREMAP_MAYMOVE | MREMAP_FIXED, page) == MAP_FAILED) {
		(void)munmap(copy, span);
		return CAIRN_EPERM;
	}
	return 0;
}

void cairn_port_sync_cores(void)
{
	if (port_membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE) < 0)
		(void)port_membarrier(
			MEMBARRIER_CMD_GLOBAL); /* the interrupts that it sends serialize on x86-64 */
}

uint64_t cairn_port_entropy(void)
{
	uint64_t v = 0;

	if (getrandom(&v, sizeof(v), GRND_NONBLOCK) != (ssize_t)sizeof(v))
		v = port_ns(CLOCK_REALTIME) ^ (uint64_t)getpid() << 40;
	return v;
}

/* ---- start and end ---- */

__attribute__((__constructor__(101))) static void port_begin(void)
{
	if (pthread_key_create(&port.exit_key, port_thread_exit)) {
		port.region = PORT_REFUSED;
		return;
	}
	(void)prctl(PR_GET_NAME, port.comm);
	(void)port_membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE);
	(void)pthread_atfork(port_prepare_fork, port_parent, port_child);
	port_read_environment();
	(void)port_need_region(true);
}

__attribute__((__destructor__(101))) static void port_end(void)
{
	(void)pthread_key_delete(
		port.exit_key); /* this code may be unmapped (dlclose) before the threads end */
	if (port.region != PORT_REGION)
		return;
	if (port.used)
		port_clock_measure(0);
	else if (!port.asked)
		(void)unlink(port.path); /* nothing was ever recorded, and nobody asked for it */
}
