/* SPDX-License-Identifier: MIT */
/*
 * cairn record: from the memory of a running guest (--region) or of the programs that one command
 * starts (--).
 *
 * The first region is copied straight into the output's temporary file, each further one into a
 * temporary of its own, which is appended when both are finished: in one file, captures stand one
 * behind the other.
 */
#define _GNU_SOURCE
#include "capture.h"
#include "regions.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

const struct option_row cairn_record_options[] = {
	{'r', true, "region", "FILE",
	 "record the region in this file (a guest's memory) instead of a program"},
	{'o', true, "output", "FILE", "the capture; default PROGRAM.cairn"},
	{'e', true, "event", "GLOB",
	 "enable these events in the program; default `*:*`; repeatable"},
	{'d', true, "duration", "SECONDS", "stop after this time"},
	{'w', true, "wait", "SECONDS", "wait so long for the region to appear (10)"},
	{'q', true, "quiet", NULL, "no progress, no summary"},
	{0, false, NULL, NULL, NULL},
};

#define RECORD_IDLE_NS 1000000u
#define RECORD_LOOK_NS 100000000u /* between looks at things that seldom change */

struct record_region {
	struct capture *capture;
	int fd; /* where it is copied to */
	uint32_t pid;
	uint64_t start;
	dev_t device;
	ino_t inode;
};

struct record {
	const struct verb *v;
	const char *region, *out;
	char default_out[REGIONS_PATH_MAX];
	char temp[REGIONS_PATH_MAX];
	char *globs;
	char **program;
	uint64_t duration_ns, wait_ns;
	bool quiet, first_taken;
	int fd;      /* the output's temporary */
	int done_fd; /* finished captures that wait for the first one */
	uint64_t done_bytes, first_bytes;
	struct record_region *regions;
	unsigned nr_regions, nr_recorded;
	uint64_t started_ns, said_ns;
	struct capture_progress finished; /* of regions no longer in the list */
};

static volatile sig_atomic_t record_signal, record_nr_signals;

static void record_on_signal(int number)
{
	record_signal = number;
	record_nr_signals++;
}

static uint64_t record_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void record_sleep(uint64_t ns)
{
	struct timespec t = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};

	nanosleep(&t, NULL);
}

static void record_catch(int number, void (*handler)(int))
{
	struct sigaction a;

	memset(&a, 0, sizeof(a));
	a.sa_handler = handler;
	sigaction(number, &a, NULL);
}

static bool record_fail(const struct record *r, const char *what, int e)
{
	say(r->v, "%s: %s", what, strerror(e));
	return false;
}

static bool record_progress_wanted(const struct record *r)
{
	return !r->quiet && output_is_terminal(STDERR_FILENO);
}

static void record_show(struct record *r, bool last)
{
	struct capture_progress p = r->finished;
	uint64_t now = record_now();

	if (!record_progress_wanted(r) || (!last && now - r->said_ns < 2 * RECORD_LOOK_NS))
		return;
	r->said_ns = now;
	for (unsigned i = 0; i < r->nr_regions; i++)
		capture_progress(r->regions[i].capture, &p);
	fprintf(stderr,
		"\r%llu.%llu s: %llu events, %llu.%llu MB, %llu lost, %llu packets overwritten\033[K%s",
		(unsigned long long)((now - r->started_ns) / 1000000000u),
		(unsigned long long)((now - r->started_ns) / 100000000u % 10),
		(unsigned long long)p.events, (unsigned long long)(p.bytes / 1000000u),
		(unsigned long long)(p.bytes / 100000u % 10), (unsigned long long)p.lost,
		(unsigned long long)p.missed, last ? "\n" : "");
}

/* A temporary beside the output. */
static int record_temp(const struct record *r, char path[REGIONS_PATH_MAX])
{
	if (snprintf(path, REGIONS_PATH_MAX, "%s.XXXXXX", r->out) >= REGIONS_PATH_MAX)
		return -ENAMETOOLONG;
	int fd = mkostemp(path, O_CLOEXEC); /* mode 0600 */
	return fd < 0 ? -errno : fd;
}

static bool record_same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static bool record_begin(struct record *r)
{
	struct stat st;

	r->fd = r->done_fd = -1;
	r->started_ns = record_now();
	if (stat(r->out, &st) == 0 && !S_ISREG(st.st_mode)) {
		say(r->v, "%s: exists and is not a file; left as it is", r->out);
		return false;
	}
	if (r->region && record_same_file(r->region, r->out)) {
		say(r->v, "%s: is the region itself; left as it is", r->out);
		return false;
	}
	r->fd = record_temp(r, r->temp);
	if (r->fd < 0) {
		int e = -r->fd;
		r->temp[0] = '\0';
		return record_fail(r, r->out, e);
	}
	return true;
}

/* Take a region in. The source is taken over. */
static bool record_add(struct record *r, const struct cairn_image *im, dev_t device, ino_t inode)
{
	char path[REGIONS_PATH_MAX];
	struct record_region *p = realloc(r->regions, (r->nr_regions + 1) * sizeof(*p));
	int e, fd = -1;

	if (p) {
		r->regions = p;
		if (!r->first_taken) {
			fd = r->fd;
		} else {
			fd = record_temp(r, path);
			if (fd >= 0)
				unlink(path);
		}
	}
	if (fd < 0) {
		cairn_source_close(im->source);
		return record_fail(r, r->out, p ? -fd : ENOMEM);
	}
	p = &r->regions[r->nr_regions];
	*p = (struct record_region){NULL, fd, im->sb.pid, im->sb.start_time, device, inode};
	p->capture = capture_open(im, fd, 0, &e);
	if (!p->capture) {
		if (fd != r->fd)
			close(fd);
		return record_fail(r, r->out, -e);
	}
	r->first_taken = true;
	r->nr_regions++;
	r->nr_recorded++;
	return true;
}

static int record_append(int to, uint64_t at, int from, uint64_t n)
{
	char block[65536];

	for (uint64_t done = 0; done < n;) {
		size_t want = n - done < sizeof(block) ? (size_t)(n - done) : sizeof(block);
		ssize_t got = pread(from, block, want, (off_t)done);
		if (got < 0)
			return -errno;
		if (got == 0) { /* a hole at the end */
			memset(block, 0, want);
			got = (ssize_t)want;
		}
		if (pwrite(to, block, (size_t)got, (off_t)(at + done)) != got)
			return errno ? -errno : -EIO;
		done += (uint64_t)got;
	}
	return 0;
}

/* Last pass over region `i`, which leaves the list. */
static bool record_finish_region(struct record *r, unsigned i)
{
	struct record_region *p = &r->regions[i];
	int e = capture_finish(p->capture);
	uint64_t bytes = capture_bytes(p->capture);

	capture_progress(p->capture, &r->finished);
	if (p->fd == r->fd) {
		r->first_bytes = bytes;
	} else {
		char path[REGIONS_PATH_MAX];
		if (r->done_fd < 0) {
			r->done_fd = record_temp(r, path);
			e = r->done_fd < 0 ? r->done_fd : e;
			if (r->done_fd >= 0)
				unlink(path);
		}
		if (e == 0)
			e = record_append(r->done_fd, r->done_bytes, p->fd, bytes);
		r->done_bytes += bytes;
		close(p->fd);
	}
	capture_close(p->capture);
	*p = r->regions[--r->nr_regions];
	return e == 0 || record_fail(r, r->out, -e);
}

/* Copy what is new everywhere. Returns packets copied, -1 when the output failed. */
static int64_t record_poll(struct record *r)
{
	int64_t copied = 0;

	for (unsigned i = 0; i < r->nr_regions; i++) {
		int64_t n = capture_poll(r->regions[i].capture);
		if (n < 0) {
			record_fail(r, r->out, (int)-n);
			return -1;
		}
		copied += n;
	}
	record_show(r, false);
	return copied;
}

/* What was recorded, as a reader sees it. */
static void record_summary(const struct record *r, uint64_t *events)
{
	struct input in = {0};
	struct survey s;
	char losses[512];
	struct cairn_buf t;

	*events = 0;
	if (!input_open(&in, r->v, r->out))
		return;
	if (survey_take(&s, &in)) {
		cairn_buf_init(&t, losses, sizeof(losses));
		survey_losses(&s, &t);
		*events = s.total.decoded - s.total.filtered;
		bool missing = t.used;
		if (!r->quiet || missing)
			say(r->v, "%s: %llu events in %llu packets of %u region%s; %s", r->out,
			    (unsigned long long)*events, (unsigned long long)s.total.packets,
			    in.reader->nr_images, in.reader->nr_images == 1 ? "" : "s",
			    missing ? cairn_buf_end(&t) : "nothing lost");
		survey_free(&s);
	}
	input_close(&in);
}

/* Finish all regions and put the capture in its place. */
static bool record_end(struct record *r)
{
	bool ok = true;
	int e = 0;

	while (r->nr_regions)
		ok &= record_finish_region(r, r->nr_regions - 1);
	record_show(r, true);
	if (ok && r->done_bytes)
		e = record_append(r->fd, r->first_bytes, r->done_fd, r->done_bytes);
	if (ok && e == 0 && (fsync(r->fd) < 0 && errno != EINVAL && errno != EROFS))
		e = -errno;
	if (ok && e == 0 && rename(r->temp, r->out) < 0)
		e = -errno;
	if (e < 0)
		return record_fail(r, r->out, -e);
	if (ok)
		r->temp[0] = '\0';
	return ok;
}

static void record_free(struct record *r)
{
	while (r->nr_regions) {
		struct record_region *p = &r->regions[--r->nr_regions];
		capture_close(p->capture);
		if (p->fd != r->fd)
			close(p->fd);
	}
	if (r->temp[0])
		unlink(r->temp);
	if (r->fd >= 0)
		close(r->fd);
	if (r->done_fd >= 0)
		close(r->done_fd);
	free(r->regions);
	free(r->globs);
}

/* --region */

/* The first live region in the file. */
static int record_find(const char *path, struct cairn_image *im, struct cairn_fault *why)
{
	struct cairn_source *s;
	uint64_t at = 0;
	int e = cairn_source_open(&s, path, why);

	if (e < 0)
		return e;
	for (;;) {
		memset(im, 0, sizeof(*im));
		e = cairn_image_find(s, &at, im, NULL);
		if (e <= 0)
			break;
		if (!cairn_image_is_capture(im))
			return 1;
	}
	cairn_source_close(s);
	return e;
}

static bool record_wait_region(struct record *r)
{
	uint64_t until = record_now() + r->wait_ns;
	struct cairn_fault why;
	bool said = false;

	for (;;) {
		struct cairn_image im;
		uint64_t begin = record_now();
		int e = record_find(r->region, &im, &why);
		if (e > 0)
			return record_add(r, &im, 0, 0);
		if (e < 0 && e != -ENOENT) {
			say_fault(r->v, r->region, false, &why);
			return false;
		}
		uint64_t now = record_now();
		if (now >= until || record_signal) {
			if (said && record_progress_wanted(r))
				fprintf(stderr, "\r\033[K");
			say(r->v, "%s: no region of Cairn's appeared within %llu.%llu s; %s",
			    r->region, (unsigned long long)(r->wait_ns / 1000000000u),
			    (unsigned long long)(r->wait_ns / 100000000u % 10),
			    e == -ENOENT ? "the file is not there" : "nothing recorded");
			return false;
		}
		if (record_progress_wanted(r)) {
			fprintf(stderr, "\rwaiting for the region in %s, %llu s left\033[K",
				r->region, (unsigned long long)((until - now) / 1000000000u));
			said = true;
		}
		/* a scan of a large guest must not take a CPU for itself */
		record_sleep(20 * RECORD_IDLE_NS + 3 * (now - begin));
	}
}

static bool record_follow(struct record *r)
{
	uint64_t until = r->duration_ns ? record_now() + r->duration_ns : UINT64_MAX;
	uint64_t look = 0;
	struct capture *c = r->regions[0].capture;

	for (;;) {
		/*
		 * the flag is read before the packets: what a stopped target wrote is all there
		 * then
		 */
		bool stopped = capture_is_stopped(c);
		uint64_t now = record_now();
		if (stopped || now >= until || record_signal)
			return true;
		int64_t n = record_poll(r);
		if (n < 0)
			return false;
		if (now - look >= RECORD_LOOK_NS) {
			look = now;
			if (capture_is_gone(c)) {
				say(r->v,
				    "%s: the region is gone or another one took its place; kept what was there",
				    r->region);
				return true;
			}
		}
		if (n == 0)
			record_sleep(RECORD_IDLE_NS);
	}
}

static int record_region(struct record *r)
{
	uint64_t events;

	record_catch(SIGINT, record_on_signal);
	record_catch(SIGTERM, record_on_signal);
	record_catch(SIGHUP, record_on_signal);
	bool ok = record_begin(r) && record_wait_region(r) && record_follow(r) && record_end(r);
	record_free(r);
	if (ok)
		record_summary(r, &events);
	return ok ? EXIT_FINE : EXIT_DATA;
}

/* -- PROGRAM */

/* What the recorder changes for itself and the program must not inherit. */
static const int record_signals[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};
#define RECORD_NR_SIGNALS (sizeof(record_signals) / sizeof(record_signals[0]))
struct record_inherited {
	struct sigaction actions[RECORD_NR_SIGNALS];
	struct rlimit files;
};

static void record_take_over(struct record_inherited *old)
{
	struct rlimit most;

	for (size_t i = 0; i < RECORD_NR_SIGNALS; i++)
		sigaction(record_signals[i], NULL, &old->actions[i]);
	record_catch(SIGINT, SIG_IGN); /* the terminal sends it to the program, too */
	record_catch(SIGQUIT, SIG_IGN);
	record_catch(SIGTERM, record_on_signal);
	record_catch(SIGHUP, record_on_signal);
	/* two descriptors for each process of the run */
	if (getrlimit(RLIMIT_NOFILE, &old->files) == 0) {
		most = old->files;
		most.rlim_cur = most.rlim_max;
		setrlimit(RLIMIT_NOFILE, &most);
	}
}

/* The child. Only what execve needs happens here; a failure goes back through the pipe. */
static void record_exec(struct record *r, const char *dir, const struct record_inherited *old,
			int report)
{
	for (size_t i = 0; i < RECORD_NR_SIGNALS; i++)
		if (old->actions[i].sa_handler == SIG_IGN) /* as under nohup */
			record_catch(record_signals[i], SIG_IGN);
		else
			record_catch(record_signals[i], SIG_DFL);
	record_catch(SIGPIPE, SIG_DFL);
	record_catch(SIGXFSZ, SIG_DFL);
	setrlimit(RLIMIT_NOFILE, &old->files);
	if (setenv("CAIRN_DIR", dir, 1) == 0 &&
	    setenv("CAIRN_TRACE", r->globs ? r->globs : "*:*", 1) == 0)
		execvp(r->program[0], r->program);
	int e = errno;
	if (write(report, &e, sizeof(e)) != sizeof(e))
		_exit(126);
	_exit(127);
}

/* Returns the child's pid, or -errno; *not_started tells whether exec failed. */
static pid_t record_spawn(struct record *r, const char *dir, const struct record_inherited *old)
{
	int pipe_fd[2], e = 0;

	if (pipe2(pipe_fd, O_CLOEXEC) < 0)
		return -errno;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		close(pipe_fd[0]);
		record_exec(r, dir, old, pipe_fd[1]);
	}
	int fork_error = errno;
	close(pipe_fd[1]);
	if (pid < 0) {
		close(pipe_fd[0]);
		return -fork_error;
	}
	ssize_t got = read(pipe_fd[0], &e, sizeof(e));
	close(pipe_fd[0]);
	if (got != sizeof(e))
		return pid;
	waitpid(pid, NULL, 0);
	return -e;
}

static bool record_knows(const struct record *r, const struct region_file *f)
{
	for (unsigned i = 0; i < r->nr_regions; i++)
		if (r->regions[i].inode == f->inode && r->regions[i].device == f->device)
			return true;
	return false;
}

/*
 * Regions that were recorded and finished are removed at once, so a name in the directory is known
 * or new.
 */
static bool record_notice(struct record *r, int dir, unsigned *incomplete)
{
	struct region_file *files;
	int n = regions_scan(dir, &files);
	bool ok = true;

	*incomplete = 0;
	for (int i = 0; i < n && ok; i++) {
		struct cairn_source *s;
		struct cairn_fault why;
		struct cairn_image im;
		uint64_t at = 0;
		if (record_knows(r, &files[i]))
			continue;
		int fd = openat(dir, files[i].name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || cairn_source_from_fd(&s, fd, &why) < 0)
			continue;
		memset(&im, 0, sizeof(im));
		if (cairn_image_find(s, &at, &im, NULL) <= 0) {
			++*incomplete;
			cairn_source_close(s);
			continue;
		}
		ok = record_add(r, &im, files[i].device, files[i].inode);
	}
	if (n > 0)
		free(files);
	return ok;
}

static void record_remove_file(int dir, dev_t device, ino_t inode)
{
	struct region_file *files;
	int n = regions_scan(dir, &files);

	for (int i = 0; i < n; i++)
		if (files[i].inode == inode && files[i].device == device)
			unlinkat(dir, files[i].name, 0);
	if (n > 0)
		free(files);
}

/* Finish the regions whose processes are gone, so that files and descriptors do not pile up. */
static bool record_reap(struct record *r, int dir)
{
	for (unsigned i = 0; i < r->nr_regions;) {
		struct record_region *p = &r->regions[i];
		if (!p->pid || regions_process_alive(p->pid, p->start)) {
			i++;
			continue;
		}
		dev_t device = p->device;
		ino_t inode = p->inode;
		if (!record_finish_region(r, i))
			return false;
		record_remove_file(dir, device, inode);
	}
	return true;
}

/*
 * The folder that the programs see lies in one that they do not know of: a daemon of the run that
 * makes its region only after the end finds no place to make the folder anew.
 */
struct record_folder {
	char outer[REGIONS_PATH_MAX], path[REGIONS_PATH_MAX];
	int fd;
};

static bool record_make_in(struct record_folder *f, const char *parent)
{
	if (snprintf(f->outer, sizeof(f->outer), "%s/cairn-record-XXXXXX", parent) >=
		    REGIONS_PATH_MAX ||
	    !mkdtemp(f->outer))
		return false;
	if (snprintf(f->path, sizeof(f->path), "%s/regions", f->outer) < REGIONS_PATH_MAX &&
	    mkdir(f->path, 0700) == 0)
		return true;
	int e = errno;
	rmdir(f->outer);
	errno = e;
	return false;
}

static bool record_make_folder(struct record *r, struct record_folder *f)
{
	const char *tmp = getenv("TMPDIR");

	if (!record_make_in(f, "/dev/shm") && !record_make_in(f, tmp && *tmp ? tmp : "/tmp"))
		return record_fail(r, f->outer, errno);
	f->fd = regions_open_dir(f->path);
	return f->fd >= 0 || record_fail(r, f->path, -f->fd);
}

/* Everything goes; again, should a process of the run put a file there meanwhile. */
static void record_remove_folder(struct record_folder *f)
{
	for (int try = 0; try < 100; try++) {
		DIR *d = opendir(f->path);
		struct dirent *e;
		while (d && (e = readdir(d)))
			if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
				unlinkat(dirfd(d), e->d_name, 0);
		if (d)
			closedir(d);
		if (rmdir(f->path) == 0 || errno != ENOTEMPTY)
			break;
	}
	if (f->fd >= 0)
		close(f->fd);
	rmdir(f->outer);
}

/*
 * Until the program has ended. Returns its wait status, or -1 when recording failed (the program
 * runs on).
 */
static int record_attend(struct record *r, pid_t pid, int dir, int watch)
{
	uint64_t look = 0, until = r->duration_ns ? record_now() + r->duration_ns : UINT64_MAX;
	unsigned incomplete = 1;
	int status = 0, forwarded = 0;

	for (;;) {
		char changes[4096];
		bool changed = read(watch, changes, sizeof(changes)) > 0;
		bool ended = waitpid(pid, &status, WNOHANG) == pid;
		uint64_t now = record_now();
		bool due = now - look >= RECORD_LOOK_NS;
		if ((changed || incomplete || due || ended) && !record_notice(r, dir, &incomplete))
			return -1;
		int64_t n = record_poll(r);
		if (n < 0 || (due && !record_reap(r, dir)))
			return -1;
		if (due)
			look = now;
		if (ended)
			break;
		if (record_nr_signals != forwarded) {
			forwarded = record_nr_signals;
			kill(pid, record_signal);
		}
		if (now >= until) {
			say(r->v, "%s: time is up; sent it SIGTERM", r->program[0]);
			kill(pid, SIGTERM);
			until = UINT64_MAX;
		}
		if (n == 0)
			record_sleep(RECORD_IDLE_NS);
	}
	if (incomplete)
		say(r->v, "%u region%s never completed; left out", incomplete,
		    incomplete == 1 ? " was" : "s were");
	return status;
}

static unsigned record_still_alive(const struct record *r)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->nr_regions; i++)
		n += r->regions[i].pid &&
		     regions_process_alive(r->regions[i].pid, r->regions[i].start);
	return n;
}

static int record_run(struct record *r, const char *path, int dir)
{
	int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	struct record_inherited old;
	uint64_t events;

	if (watch < 0 || inotify_add_watch(watch, path, IN_CREATE | IN_MOVED_TO) < 0)
		record_fail(r, path, errno); /* the look every 100 ms remains */
	record_take_over(&old);
	pid_t pid = record_spawn(r, path, &old);
	if (pid < 0) {
		close(watch);
		record_fail(r, r->program[0], (int)-pid);
		return pid == -ENOENT ? 127 : 126;
	}
	int status = record_attend(r, pid, dir, watch);
	close(watch);
	if (status < 0) {
		kill(pid, SIGTERM);
		waitpid(pid, NULL, 0);
		return EXIT_DATA;
	}
	int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	if (WIFSIGNALED(status))
		say(r->v, "%s: killed by signal %d (%s)", r->program[0], WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	if (r->nr_recorded == 0) {
		say(r->v,
		    "%s: made no region: it is not built with Cairn, or it never came to its first event; nothing recorded",
		    r->program[0]);
		return EXIT_DATA;
	}
	unsigned alive = record_still_alive(r);
	if (alive)
		say(r->v, "%u process%s of the run still live%s; recorded up to now", alive,
		    alive == 1 ? "" : "es", alive == 1 ? "s" : "");
	if (!record_end(r))
		return EXIT_DATA;
	record_summary(r, &events);
	return code;
}

static int record_program(struct record *r)
{
	const char *base = strrchr(r->program[0], '/');
	struct record_folder folder = {.fd = -1};

	base = base ? base + 1 : r->program[0];
	if (!r->out) {
		snprintf(r->default_out, sizeof(r->default_out), "%s.cairn", base);
		r->out = r->default_out;
	}
	if (!record_begin(r)) {
		record_free(r);
		return EXIT_DATA;
	}
	int status = EXIT_DATA;
	if (record_make_folder(r, &folder))
		status = record_run(r, folder.path, folder.fd);
	record_free(r);
	if (folder.path[0])
		record_remove_folder(&folder);
	return status;
}

static bool record_add_glob(struct record *r, const char *glob)
{
	char *joined;

	if (asprintf(&joined, "%s%s%s", r->globs ? r->globs : "", r->globs ? "," : "", glob) < 0)
		return false;
	free(r->globs);
	r->globs = joined;
	return true;
}

/* -1 to go on, else the status to exit with. */
static int record_options(struct record *r, int argc, char **argv)
{
	struct args a;
	int o;

	args_init(&a, r->v, argc, argv);
	a.stop_at_operand = true;
	while ((o = args_next(&a)) != ARGS_END) {
		bool ok = true;
		if (o == ARGS_HELP)
			return EXIT_FINE;
		if (o == ARGS_WRONG)
			return EXIT_USAGE;
		if (o == ARGS_OPERAND) {
			r->program = argv + a.i - 1;
			break;
		}
		if (o == 'r')
			r->region = a.value;
		else if (o == 'o')
			r->out = a.value;
		else if (o == 'e')
			ok = record_add_glob(r, a.value);
		else if (o == 'd')
			ok = args_seconds(&a, "duration", &r->duration_ns);
		else if (o == 'w')
			ok = args_seconds(&a, "waiting time", &r->wait_ns);
		else
			r->quiet = true;
		if (!ok)
			return EXIT_USAGE;
	}
	const char *wrong = NULL;
	if (!r->region == !r->program)
		wrong = r->region ? "either --region FILE or -- PROGRAM, not both"
				  : "what? `--region FILE` or `-- PROGRAM`";
	else if (r->region && !r->out)
		wrong = "where to? -o FILE";
	else if (r->out && strcmp(r->out, "-") == 0)
		wrong = "a capture cannot go to standard output";
	else if (r->region && r->globs)
		wrong = "-e is for programs; a guest is told by its boot string or control files";
	if (!wrong)
		return -1;
	say(r->v, "%s", wrong);
	fprintf(stderr, "Try `cairn record --help`.\n");
	return EXIT_USAGE;
}

int cairn_cmd_record(const struct verb *v, int argc, char **argv)
{
	struct record r = {.v = v, .wait_ns = 10000000000u, .fd = -1, .done_fd = -1};
	int status = record_options(&r, argc, argv);

	if (status >= 0) {
		free(r.globs);
		return status;
	}
	return r.region ? record_region(&r) : record_program(&r);
}
