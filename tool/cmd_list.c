/* SPDX-License-Identifier: MIT */
/* cairn list: the regions of this user's programs, living and dead. */
#include "regions.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct option_row cairn_list_options[] = {
	{'J', false, "json", NULL, "the same as JSON"},
	{0, false, NULL, NULL, NULL},
};

/* Events written into a region, -1 if it holds none that is complete. */
static long long list_events(const char *dir, struct region_file *f)
{
	char path[REGIONS_PATH_MAX + 300];
	struct cairn_reader *r;
	struct cairn_fault why;
	unsigned long long n = 0;

	snprintf(path, sizeof(path), "%s/%s", dir, f->name);
	if (cairn_reader_open(&r, path, NULL, &why) < 0)
		return -1;
	const struct cairn_image *im = &r->images[0];
	for (uint32_t i = 0; i < im->nr_streams; i++)
		n += im->streams[i].cb.events_total +
		     (im->streams[i].cb.committed >> CAIRN_POS_BITS);
	f->pid = im->sb.pid; /* the superblock knows better than the name */
	f->alive = regions_process_alive(im->sb.pid, im->sb.start_time);
	cairn_reader_close(r);
	return (long long)(n & INT64_MAX);
}

static void list_row(const char *dir, struct region_file *f, bool json, bool first)
{
	long long events = list_events(dir, f);
	char name[1100], count[24] = "incomplete";
	struct cairn_buf t;

	if (json) {
		printf("%s\n{\"name\":", first ? "" : ",");
		json_string(stdout, f->name);
		printf(",\"pid\":%u,\"alive\":%s,\"bytes\":%llu,\"complete\":%s,\"events\":%lld}",
		       f->pid, f->alive ? "true" : "false", (unsigned long long)f->bytes,
		       events < 0 ? "false" : "true", events < 0 ? 0 : events);
		return;
	}
	cairn_buf_init(&t, name, sizeof(name));
	cairn_buf_put_safe(&t, f->name, strlen(f->name));
	if (events >= 0)
		snprintf(count, sizeof(count), "%lld", events);
	printf("%8u %-5s %12llu %12s  %s\n", f->pid, f->alive ? "alive" : "dead",
	       (unsigned long long)f->bytes, count, cairn_buf_end(&t));
}

int cairn_cmd_list(const struct verb *v, int argc, char **argv)
{
	char dir[REGIONS_PATH_MAX];
	struct region_file *files;
	uint64_t set;
	int status = args_switches(v, argc, argv, &set);

	if (status >= 0)
		return status;
	bool json = set & args_switch('J');
	int fd = regions_open_default(v, dir);
	if (fd < 0 && fd != -ENOENT)
		return EXIT_DATA;
	int n = fd < 0 ? 0 : regions_scan(fd, &files);
	if (json)
		printf("{\"dir\":"), json_string(stdout, dir), printf(",\"regions\":[");
	else if (n > 0)
		printf("%8s %-5s %12s %12s  name\n", "pid", "", "bytes", "events");
	for (int i = 0; i < n; i++)
		list_row(dir, &files[i], json, i == 0);
	if (json)
		printf("]}\n");
	else if (n <= 0)
		say(v, "%s: no regions", dir);
	if (fd >= 0) {
		free(files);
		close(fd);
	}
	return EXIT_FINE;
}
