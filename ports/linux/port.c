/* SPDX-License-Identifier: MIT */
/*
 * Linux user space. A constructor makes the region: a file that outlives the process, however it ends. Each thread gets a stream at its
 * first event and gives it back when it exits; a forked child makes a region of its own at its next event.
 *
 * The environment, ignored in a set-user-id program: CAIRN_TRACE (patterns to enable), CAIRN_DIR (where the file goes), CAIRN_RING_KB
 * (size of a stream, default 1024), CAIRN_STREAMS (streams at once, default 64), CAIRN_MODE (overwrite, the default, or discard).
 */
#define _GNU_SOURCE
#include "../../include/cairn/cairn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PORT_NO_STREAM (~0u)
#define PORT_KEEP_DEAD 8
#define PORT_CALIBRATE_NS 1000000 /* the clock's rate is measured over at least this long */
#define PORT_REFINE_NS 50000000   /* and measured again at a thread's end when this much has passed */

enum { PORT_NO_REGION, PORT_REGION, PORT_REFUSED };

__thread unsigned cairn_port_stream = PORT_NO_STREAM;

static __thread bool port_attaching; /* a signal that emits while its thread attaches finds no stream */

static struct {
	int region; /* PORT_NO_REGION: the next event makes one */
	int fd;
	char path[512];
	char comm[16]; /* as at the start */
	bool keep;     /* events were asked for: keep the file even if none came */
	bool used;     /* a stream was opened */
	uint32_t owner[CAIRN_MAX_CPUS]; /* tid of a stream's thread; 0 = free */
	unsigned nr_streams;
	pthread_key_t exit_key;
	uint64_t clock0, mono0, wall0; /* taken together at the start */
	sigset_t before_fork;
} port = { .fd = -1 };

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
	fprintf(stderr, "cairn: %s: %s: %s; this process is not traced\n", port.path, what, why);
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
	cairn_clock_set((uint64_t)((__extension__(unsigned __int128)ticks * 1000000000u + ns / 2) / ns), port.clock0, port.wall0);
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
	const char *dir = port_env("CAIRN_DIR");
	struct stat st;
	int fd;

	if (dir)
		snprintf(port.path, sizeof(port.path), "%s", dir);
	else
		snprintf(port.path, sizeof(port.path), "/dev/shm/cairn-%u", (unsigned)geteuid());
	if (mkdir(port.path, 0700) < 0 && errno != EEXIST) {
		port_say("cannot make the directory", strerror(errno));
		return -1;
	}
	fd = open(port.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
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

static int port_create_file(int dir, uint64_t start)
{
	char name[128], comm[16];
	unsigned i, again;
	int fd = -1;

	memcpy(comm, port.comm, sizeof(comm));
	for (i = 0; comm[i]; i++) {
		if (comm[i] == '/' || comm[i] == '.' || (unsigned char)comm[i] <= ' ')
			comm[i] = '_';
	}
	/* a process that executed itself again has the same pid and start time: it gets a number */
	for (again = 0; fd < 0 && again < 100; again++) {
		int n = snprintf(name, sizeof(name), "%s.%d.%llu", comm, (int)getpid(), (unsigned long long)start);

		if (again)
			n += snprintf(name + n, sizeof(name) - (size_t)n, "-%u", again + 1);
		snprintf(name + n, sizeof(name) - (size_t)n, ".cairn");
		fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0 && errno != EEXIST)
			break;
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
		fprintf(stderr, "cairn: %s=%s: not a number in %zu .. %zu; %zu is used\n", name, v, least, most, otherwise);
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
		fprintf(stderr, "cairn: CAIRN_MODE=%s: neither overwrite nor discard; overwrite is used\n", v);
	return CAIRN_OVERWRITE;
}

static bool port_init_core(uint64_t start, bool at_start)
{
	struct cairn_config c = {
		.memory_is_zero = true,
		.nr_cpus = (unsigned)port_env_number("CAIRN_STREAMS", 1, CAIRN_MAX_CPUS, 64),
		.rings_later = true,
		.ring_bytes = port_env_number("CAIRN_RING_KB", 32, 1 << 20, 1024) * 1024,
		.packet_bytes = 16384,
		.metadata_bytes = 256 * 1024, /* of address space: pages come as they are needed */
		.max_events = 128,
		.max_names = 256,
		.mode = port_env_mode(),
		.user_space = true,
		.pid = (uint32_t)getpid(),
		.start_time = start,
		.wall_ns = port_ns(CLOCK_REALTIME),
		.name = port.comm,
	};
	char boot[320] = "";
	int64_t bytes = cairn_region_bytes(&c);
	int err;

	if (bytes < 0 || ftruncate(port.fd, bytes) < 0) {
		port_say("cannot set the file's size", bytes < 0 ? cairn_strerror((int)bytes) : strerror(errno));
		return false;
	}
	c.memory_bytes = (size_t)bytes;
	c.memory = mmap(NULL, c.memory_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, port.fd, 0);
	if (c.memory == MAP_FAILED) {
		port_say("cannot map the file", strerror(errno));
		return false;
	}
	(void)madvise(c.memory, c.memory_bytes, MADV_DONTFORK); /* a child must not write to its parent's streams */
	if (port_env("CAIRN_TRACE"))
		snprintf(boot, sizeof(boot), "trace=%s", port_env("CAIRN_TRACE"));
	c.boot_args = at_start ? boot : NULL;
	port.nr_streams = c.nr_cpus;
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
		    fstatat(dir_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
			continue;
		if (nr < PORT_KEEP_DEAD) {
			oldest = nr++;
		} else {
			for (i = 1; i < nr; i++) {
				if (kept[i].when.tv_sec < kept[oldest].when.tv_sec ||
				    (kept[i].when.tv_sec == kept[oldest].when.tv_sec && kept[i].when.tv_nsec < kept[oldest].when.tv_nsec))
					oldest = i;
			}
			if (st.st_mtim.tv_sec < kept[oldest].when.tv_sec ||
			    (st.st_mtim.tv_sec == kept[oldest].when.tv_sec && st.st_mtim.tv_nsec < kept[oldest].when.tv_nsec)) {
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

/* No allocation in here but in port_remove_old(): a child's first event may come in a signal handler. */
static void port_open_region(bool at_start)
{
	uint64_t start = port_start_time("/proc/self/stat");
	int dir;

	port.region = PORT_REFUSED;
	port_clock_begin();
	dir = port_open_dir();
	if (dir < 0)
		return;
	if (at_start && !port_env("CAIRN_DIR"))
		port_remove_old(dir);
	port.fd = port_create_file(dir, start);
	close(dir);
	if (port.fd < 0) {
		port_say("cannot make the region's file", strerror(errno));
		return;
	}
	if (port_init_core(start, at_start)) {
		port.region = PORT_REGION;
		return;
	}
	(void)unlink(port.path);
	close(port.fd);
	port.fd = -1;
}

int cairn_port_populate(uint64_t offset, uint64_t bytes)
{
	int err;

	/* a page of the file that cannot be had is an error here, not a SIGBUS later */
	do
		err = fallocate(port.fd, 0, (off_t)offset, (off_t)bytes) < 0 ? errno : 0;
	while (err == EINTR);
	return err ? -err : 0;
}

/* ---- streams ---- */

static int port_take_stream(uint32_t tid)
{
	unsigned i;

	for (i = 0; i < port.nr_streams; i++) {
		uint32_t free_owner = 0;

		if (!__atomic_compare_exchange_n(&port.owner[i], &free_owner, tid, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			continue;
		if (cairn_rings[i]) { /* a stream whose thread has exited */
			cairn_store32(&cairn_rings[i]->task, tid & CAIRN_TASK_PID_MASK);
			return (int)i;
		}
		if (cairn_ring_open(i, tid & CAIRN_TASK_PID_MASK) == 0)
			return (int)i;
		__atomic_store_n(&port.owner[i], 0, __ATOMIC_RELEASE);
		return -1; /* no room in the file system */
	}
	return -1;
}

static void port_thread_exit(void *arg)
{
	unsigned stream = (unsigned)(uintptr_t)arg - 1;

	if (port_ns(CLOCK_MONOTONIC_RAW) - port.mono0 >= PORT_REFINE_NS)
		port_clock_measure(0);
	cairn_port_stream = PORT_NO_STREAM;
	if (stream < CAIRN_MAX_CPUS)
		__atomic_store_n(&port.owner[stream], 0, __ATOMIC_RELEASE);
}

void cairn_port_attach(void)
{
	char comm[CAIRN_COMM_BYTES] = "";
	int saved = errno, stream;
	sigset_t all, before;
	uint32_t tid;

	if (port_attaching || port.region == PORT_REFUSED)
		return;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	port_attaching = true;
	if (port.region == PORT_NO_REGION)
		port_open_region(false);
	tid = (uint32_t)syscall(SYS_gettid);
	stream = port.region == PORT_REGION ? port_take_stream(tid) : -1;
	if (stream >= 0) {
		if (!__atomic_exchange_n(&port.used, true, __ATOMIC_RELAXED))
			port_clock_measure(PORT_CALIBRATE_NS);
		cairn_port_stream = (unsigned)stream;
		pthread_setspecific(port.exit_key, (void *)(uintptr_t)(stream + 1));
		(void)prctl(PR_GET_NAME, comm);
		cairn_task_name(tid, (uint32_t)getpid(), comm);
	}
	port_attaching = false;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = saved;
}

/* ---- fork ---- */

static void port_before_fork(void)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &port.before_fork); /* the child has no mapping until port_child() */
}

static void port_parent(void)
{
	pthread_sigmask(SIG_SETMASK, &port.before_fork, NULL);
}

static void port_child(void)
{
	cairn_detach();
	if (port.fd >= 0)
		close(port.fd);
	port.fd = -1;
	if (port.region == PORT_REGION)
		port.region = PORT_NO_REGION;
	port.used = false;
	port_measuring = false; /* by a thread that the child does not have */
	memset(port.owner, 0, sizeof(port.owner));
	cairn_port_stream = PORT_NO_STREAM;
	pthread_setspecific(port.exit_key, NULL);
	pthread_sigmask(SIG_SETMASK, &port.before_fork, NULL);
}

/* ---- static keys ---- */

static int port_membarrier(int command)
{
	return (int)syscall(SYS_membarrier, command, 0, 0);
}

/* Through /proc/self/mem: the page is copied, never writable and executable at once. Else a private copy moved over it. */
int cairn_port_write_text(void *addr, const void *bytes, unsigned len)
{
	uintptr_t page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
	char *page = (char *)((uintptr_t)addr & ~(page_bytes - 1)), *copy;
	size_t at = (size_t)((char *)addr - page), span = (at + len + page_bytes - 1) & ~(page_bytes - 1);
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : pwrite(fd, bytes, len, (off_t)(uintptr_t)addr);

	if (fd >= 0)
		close(fd);
	if (n == (ssize_t)len)
		return 0;
	copy = mmap(NULL, span, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (copy == MAP_FAILED)
		return CAIRN_ENOMEM;
	memcpy(copy, page, span);
	memcpy(copy + at, bytes, len);
	if (mprotect(copy, span, PROT_READ | PROT_EXEC) < 0 || mremap(copy, span, span, MREMAP_MAYMOVE | MREMAP_FIXED, page) == MAP_FAILED) {
		(void)munmap(copy, span);
		return CAIRN_EPERM;
	}
	return 0;
}

void cairn_port_sync_cores(void)
{
	if (port_membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE) < 0)
		(void)port_membarrier(MEMBARRIER_CMD_GLOBAL); /* the interrupts that it sends serialize on x86-64 */
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
	if (pthread_key_create(&port.exit_key, port_thread_exit))
		return;
	(void)prctl(PR_GET_NAME, port.comm);
	(void)port_membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE);
	(void)pthread_atfork(port_before_fork, port_parent, port_child);
	port.keep = port_env("CAIRN_TRACE") != NULL;
	port_open_region(true);
}

__attribute__((__destructor__(101))) static void port_end(void)
{
	if (port.region != PORT_REGION)
		return;
	if (port.used)
		port_clock_measure(0);
	else if (!port.keep)
		(void)unlink(port.path); /* nothing was ever recorded, and nobody asked for it */
}
