/* SPDX-License-Identifier: MIT */
/* cairn clean: remove the regions of processes that are gone, and what killed recorders left. */
#define _GNU_SOURCE
#include "folders.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const struct option_row cairn_clean_options[] = {
	{'n', true, "dry-run", NULL, "only say what would be removed"},
	{0, false, NULL, NULL, NULL},
};

enum clean_verdict { CLEAN_DEAD, CLEAN_ALIVE, CLEAN_UNKNOWN };

/* Whose region is it? The superblock decides; without one, the name. */
static enum clean_verdict clean_judge(int dir, const struct region_file *f)
{
	struct cairn_source *s;
	struct cairn_fault why;
	struct cairn_image im;
	uint64_t at = 0;
	int fd = openat(dir, f->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || cairn_source_from_fd(&s, fd, &why) < 0)
		return CLEAN_UNKNOWN;
	memset(&im, 0, sizeof(im));
	bool found = cairn_image_find(s, &at, &im, NULL) > 0;
	cairn_source_close(s);
	if (found && (im.sb.flags & CAIRN_SB_USER) && !cairn_image_is_capture(&im))
		return regions_process_alive(im.sb.pid, im.sb.start_time) ? CLEAN_ALIVE
									  : CLEAN_DEAD;
	if (found || !f->named)
		return CLEAN_UNKNOWN;
	return f->alive ? CLEAN_ALIVE : CLEAN_DEAD;
}

static bool clean_file(const struct verb *v, int dir, const char *path, const struct region_file *f,
		       bool dry)
{
	enum clean_verdict verdict = clean_judge(dir, f);
	struct stat st;
	char name[1100];
	struct cairn_buf t;

	cairn_buf_init(&t, name, sizeof(name));
	cairn_buf_put_safe(&t, f->name, strlen(f->name));
	cairn_buf_end(&t);
	if (verdict == CLEAN_UNKNOWN)
		say(v, "%s/%s: cannot tell whose it is; left alone", path, f->name);
	if (verdict != CLEAN_DEAD)
		return true;
	/* a new process may have taken the name since */
	if (fstatat(dir, f->name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_ino != f->inode ||
	    st.st_dev != f->device)
		return true;
	if (!dry && unlinkat(dir, f->name, 0) < 0) {
		say(v, "%s/%s: %s", path, f->name, strerror(errno));
		return false;
	}
	printf("%s %s (%llu bytes)\n", dry ? "would remove" : "removed", name,
	       (unsigned long long)f->bytes);
	return true;
}

/* Folders of recorders that were killed. */
static bool clean_folders(const struct verb *v, bool dry)
{
	struct dead_folder *dead;
	int n = folders_dead(&dead);
	bool ok = true;

	for (int i = 0; i < n; i++) {
		if (dead[i].in_use_by) {
			say(v,
			    "%s: its recorder is gone, but process %u still writes there; left alone",
			    dead[i].path, dead[i].in_use_by);
			continue;
		}
		int e = dry ? 0 : folders_remove_dead(&dead[i]);
		if (e < 0) {
			say(v, "%s: %s", dead[i].path, strerror(-e));
			ok = false;
			continue;
		}
		printf("%s ", dry ? "would remove" : "removed");
		print_safe(stdout, dead[i].path);
		printf(" (%llu bytes)\n", (unsigned long long)dead[i].bytes);
	}
	free(dead);
	return ok;
}

int cairn_cmd_clean(const struct verb *v, int argc, char **argv)
{
	char path[REGIONS_PATH_MAX];
	struct region_file *files;
	uint64_t set;
	int status = args_switches(v, argc, argv, &set);

	if (status >= 0)
		return status;
	bool dry = set & args_switch('n'), ok = true;
	ok = clean_folders(v, dry);
	int dir = regions_open_default(v, path);
	if (dir == -ENOENT) {
		say(v, "%s: no regions", path);
		return ok ? EXIT_FINE : EXIT_DATA;
	}
	if (dir < 0)
		return EXIT_DATA;
	int n = regions_scan(dir, &files);
	for (int i = 0; i < n; i++)
		ok &= clean_file(v, dir, path, &files[i], dry);
	if (n > 0)
		free(files);
	close(dir);
	return ok ? EXIT_FINE : EXIT_DATA;
}
