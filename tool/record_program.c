/* SPDX-License-Identifier: MIT */
/* cairn record -- PROGRAM: the program, its children and whatever they start. */
#define _GNU_SOURCE
#include "folders.h"
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * A thread's stream in a lossless recording, unless the user says otherwise: at 5 million events a second of 28 bytes, 60 ms, which is what a
 * recorder may have to wait for a CPU.
 */
#define RECORD_RING_KB "8192"

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
	if (r->lossless &&
	    (setenv("CAIRN_MODE", "discard", 1) || setenv("CAIRN_RING_KB", RECORD_RING_KB, 0)))
		_exit(126);
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

/* Of what killed recorders left, the newest stays: somebody may want to look at it. `cairn clean` removes all. */
static void record_remove_dead(void)
{
	struct dead_folder *dead;
	int n = folders_dead(&dead);

	for (int i = 0; i + 1 < n; i++)
		if (!dead[i].in_use_by)
			(void)folders_remove_dead(&dead[i]);
	free(dead);
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
		if (record_poll(r) < 0 || (due && !record_reap(r, dir)))
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
		record_pause(r);
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

	if (watch < 0 || inotify_add_watch(watch, path, IN_CREATE | IN_MOVED_TO) < 0)
		record_fail(r, path, errno); /* the look every 100 ms remains */
	record_take_over(&old);
	if (r->lossless)
		record_hurry(r);
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
	record_summary(r);
	return code;
}

int record_program(struct record *r)
{
	const char *base = strrchr(r->program[0], '/');
	struct run_folder folder = {.fd = -1};

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
	record_remove_dead();
	int e = folders_make(&folder);
	if (e == 0)
		status = record_run(r, folder.path, folder.fd);
	else
		record_fail(r, folder.outer, -e);
	record_free(r);
	if (folder.path[0])
		folders_remove(&folder);
	return status;
}
