/* SPDX-License-Identifier: MIT */
/*
 * The region's file: what the environment says of it, where it lies, what it is called, when it is made, and that its pages exist
 * before they are written to. Hides the folder, its names and its limits; the rest of the port sees a region or none.
 */
#define _GNU_SOURCE
#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

#define PORT_KEEP_DEAD    8
#define PORT_STREAMS_MOST (CAIRN_MAX_CPUS < 1024 ? CAIRN_MAX_CPUS : 1024)

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
	if (cairn_process.asked)
		fprintf(stderr, "cairn: %s: %s: %s; this process is not traced\n", cairn_process.path, what,
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

	if (cairn_process.dir[0])
		snprintf(cairn_process.path, sizeof(cairn_process.path), "%s", cairn_process.dir);
	else
		snprintf(cairn_process.path, sizeof(cairn_process.path), "/dev/shm/cairn-%u", (unsigned)geteuid());
	if (mkdir(cairn_process.path, 0700) < 0 && errno != EEXIST) {
		port_say("cannot make the directory", strerror(errno));
		return -1;
	}
	fd = port_not_std(open(cairn_process.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
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
	n = readlink(link, cairn_process.path, sizeof(cairn_process.dir) - 1);
	if (n > 0 && cairn_process.path[0] == '/') {
		cairn_process.path[n] = 0;
		snprintf(cairn_process.dir, sizeof(cairn_process.dir), "%.*s", (int)n, cairn_process.path);
	}
}

static int port_create_file(int dir, uint64_t start)
{
	char name[128], comm[16];
	struct stat st;
	unsigned i, again;
	int fd = -1;

	memcpy(comm, cairn_process.comm, sizeof(comm));
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
		cairn_process.dev = st.st_dev;
		cairn_process.ino = st.st_ino;
	}
	i = (unsigned)strlen(cairn_process.path);
	snprintf(cairn_process.path + i, sizeof(cairn_process.path) - i, "/%s", name);
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

void cairn_process_read_environment(void)
{
	const char *dir = port_env("CAIRN_DIR");

	cairn_process.asked = port_env("CAIRN_TRACE") != NULL;
	cairn_process.nr_streams = (unsigned)port_env_number("CAIRN_STREAMS", 1, PORT_STREAMS_MOST, 64);
	cairn_jump_configure();
	cairn_share_configure(port_env("CAIRN_PER_CPU"));
	cairn_process.ring_bytes = port_env_number("CAIRN_RING_KB", 32, 1 << 20, 1024) * 1024;
	cairn_process.mode = port_env_mode();
	if (dir && strlen(dir) < sizeof(cairn_process.dir)) {
		strcpy(cairn_process.dir, dir);
	} else if (dir) {
		snprintf(cairn_process.path, sizeof(cairn_process.path), "CAIRN_DIR");
		port_say("refused", "the path is too long");
		cairn_process.region = PORT_REFUSED;
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
	return ftruncate(cairn_process.fd, bytes) == 0;
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
		.nr_cpus = cairn_process.nr_streams + cairn_process.nr_cpus,
		.nr_fixed = cairn_process.nr_cpus,
		.max_buffers = 4, /* of address space, too */
		.rings_later = true,
		.ring_bytes = cairn_process.ring_bytes,
		.packet_bytes = 16384,
		.metadata_bytes = 256 * 1024, /* of address space: pages come as they are needed */
		.max_events = 128,
		.max_names = 256,
		.mode = cairn_process.mode,
		.user_space = true,
		.pid = (uint32_t)getpid(),
		.start_time = start,
		.wall_ns = cairn_process_ns(CLOCK_REALTIME),
		.name = cairn_process.comm,
	};
	char boot[320];
	int64_t bytes = cairn_region_bytes(&c);
	int err;

	if (bytes < 0 || !port_set_size(bytes)) { /* a limit on the sizes of files, perhaps: then the main buffer alone */
		c.max_buffers = 1;
		bytes = cairn_region_bytes(&c);
	}
	if (bytes < 0 || !port_set_size(bytes)) {
		port_say("cannot set the file's size",
			 bytes < 0 ? cairn_strerror((int)bytes) : strerror(errno));
		return false;
	}
	c.memory_bytes = (size_t)bytes;
	c.memory = mmap(NULL, c.memory_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
			cairn_process.fd, 0);
	if (c.memory == MAP_FAILED) {
		port_say("cannot map the file", strerror(errno));
		return false;
	}
	cairn_process.memory = c.memory;
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

	cairn_process_clock_begin();
	dir = port_open_dir();
	if (dir < 0)
		return false;
	if (at_start && cairn_process.dir[0])
		port_keep_dir(dir);
	else if (at_start)
		port_remove_old(dir);
	cairn_process.fd = port_create_file(dir, start);
	close(dir);
	if (cairn_process.fd < 0) {
		port_say("cannot make the region's file", strerror(errno));
		return false;
	}
	made = port_init_core(start, at_start);
	if (!made)
		(void)unlink(cairn_process.path);
	close(cairn_process.fd);
	cairn_process.fd = -1;
	return made;
}

/*
 * Make the region unless there is one; of several threads that need it one makes it and the others wait. All signals are blocked. No
 * allocation in here but in port_remove_old(): a child's first event may come in a signal handler.
 */
bool cairn_process_region(bool at_start)
{
	uint32_t state = PORT_NO_REGION;

	/*
	 * ORDER made:A / made:B
	 *   the whole region, then cairn_process.region; who acquires PORT_REGION finds the core initialized.
	 */
	if (__atomic_compare_exchange_n(&cairn_process.region, &state, PORT_OPENING, false, __ATOMIC_ACQUIRE,
					__ATOMIC_ACQUIRE)) {
		state = port_make_region(at_start) ? PORT_REGION : PORT_REFUSED;
		__atomic_store_n(&cairn_process.region, state,
				 __ATOMIC_RELEASE); /* ORDER made:A, pairs with made:B */
	}
	while (state == PORT_OPENING) {
		sched_yield();
		state = __atomic_load_n(&cairn_process.region,
					__ATOMIC_ACQUIRE); /* ORDER made:B, pairs with made:A */
	}
	return state == PORT_REGION;
}

/* By the file, opened anew: for kernels that have no MADV_POPULATE_WRITE. */
static int port_allocate(uint64_t offset, uint64_t bytes)
{
	int fd = open(cairn_process.path, O_RDWR | O_NOFOLLOW | O_CLOEXEC), err = fd < 0 ? errno : 0;
	struct stat st;

	if (!err && (fstat(fd, &st) < 0 || st.st_dev != cairn_process.dev || st.st_ino != cairn_process.ino))
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
		err = madvise(cairn_process.memory + from, to - from, MADV_POPULATE_WRITE) < 0 ? errno : 0;
	while (err == EINTR);
	if (!err)
		return 0;
	if (err == EINVAL)
		return port_allocate(offset, bytes);
	/* give back what was had: pages wholly inside, since the outer ones may hold something already */
	from = (offset + mask) & ~mask;
	to = (offset + bytes) & ~mask;
	if (from < to)
		(void)madvise(cairn_process.memory + from, to - from, MADV_REMOVE);
	return err == EFAULT ? CAIRN_ENOSPC : -err; /* EFAULT: there would have been a SIGBUS */
}
