/* SPDX-License-Identifier: MIT */
/*
 * The reader survives anything: regions with flipped bits, cut, with pages zeroed or copied over
 * each other. Whatever comes out must keep the sums: the walk's account equals what the walk
 * returned.
 *
 *	reader SEED ROUNDS FILE...      every file as it is, then damaged ROUNDS times; a folder
 *	                                stands for its files, as they are; TAP, one line a file
 *
 * With CAIRN_LIBFUZZER it is a target of libFuzzer, without a main (scripts/fuzz.sh).
 */
#define _GNU_SOURCE
#include "reader/reader.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static uint64_t fuzz_state;

static uint64_t fuzz_random(uint64_t n)
{
	fuzz_state ^= fuzz_state << 13;
	fuzz_state ^= fuzz_state >> 7;
	fuzz_state ^= fuzz_state << 17;
	return n ? fuzz_state % n : 0;
}

/* A place that matters more often than by chance: superblock, tables, headers of packets. */
static uint64_t fuzz_place(uint64_t size)
{
	switch (fuzz_random(4)) {
	case 0:
		return fuzz_random(size);
	case 1:
		return fuzz_random(size < 131072 ? size : 131072);
	case 2:
		return (fuzz_random(size) & ~(uint64_t)4095) + fuzz_random(96);
	default:
		return (fuzz_random(size) & ~(uint64_t)511) + fuzz_random(192);
	}
}

/*
 * Control blocks that a target would never leave so: in wrong states, of one stream and each other's, in one another's packets, cleared or asked
 * to leave, and claimed in a circle.
 */
static void fuzz_blocks(uint8_t *bytes, uint64_t size)
{
	struct cairn_superblock sb;
	uint64_t at = 0, count = 0;

	if (size < sizeof(sb))
		return;
	memcpy(&sb, bytes, sizeof(sb));
	for (uint32_t i = 0; i < sb.nr_sections && i < CAIRN_MAX_SECTIONS; i++)
		if (sb.sections[i].type == CAIRN_SECTION_RINGS) {
			at = sb.sections[i].offset;
			count = sb.sections[i].count;
		}
	if (count == 0 || at > size || count > (size - at) / sizeof(struct cairn_ring))
		return;
	for (uint64_t n = 1 + fuzz_random(6); n; n--) {
		struct cairn_ring b, other;
		uint64_t to = at + fuzz_random(count) * sizeof(b);
		memcpy(&b, bytes + to, sizeof(b));
		memcpy(&other, bytes + at + fuzz_random(count) * sizeof(b), sizeof(other));
		switch (fuzz_random(12)) {
		case 0:
			b.state = (uint32_t)fuzz_random(7);
			break;
		case 1:
			b.stream = fuzz_random(2) ? other.stream : (uint32_t)fuzz_random(70000);
			break;
		case 2:
			b.then = fuzz_random(2) ? CAIRN_BUFFER_NONE : (uint32_t)fuzz_random(8);
			break;
		case 3:
			b.successor = fuzz_random(2) ? to : other.packets_offset;
			b.reader = other.reader = to;
			break;
		case 4:
			b.committed ^= fuzz_random(2) ? CAIRN_POS_RETIRED
						      : (uint64_t)sb.packet_bytes << fuzz_random(8);
			break;
		case 5:
			b.start = fuzz_random(2) ? other.committed : b.committed;
			b.cleared = (uint32_t)fuzz_random(3);
			b.start_events = fuzz_random(2) ? other.events_total : fuzz_random(1000000);
			break;
		case 6:
			b.packets_offset = other.packets_offset;
			break;
		case 7:
			b.ring_mask = other.ring_mask;
			break;
		case 8:
			b.seq_hint = fuzz_random(2) ? other.seq_hint : fuzz_state;
			break;
		case 9:
			b.magic = other.magic ^ (uint32_t)fuzz_random(2);
			break;
		case 10:
			b.cpu = other.cpu;
			b.mode = (uint32_t)fuzz_random(3);
			b.consumed = other.committed;
			break;
		default:
			b = other;
			break;
		}
		memcpy(bytes + to, &b, sizeof(b));
	}
}

static uint64_t fuzz_damage(uint8_t *bytes, uint64_t size)
{
	uint64_t n = 1 + fuzz_random(8);

	if (fuzz_random(3) == 0) {
		fuzz_blocks(bytes, size);
		if (fuzz_random(2))
			return size;
	}
	for (uint64_t i = 0; i < n; i++) {
		uint64_t at = fuzz_place(size);
		if (at >= size)
			continue;
		switch (fuzz_random(6)) {
		case 0:
		case 1:
		case 2:
			bytes[at] ^= (uint8_t)(1u << fuzz_random(8));
			break;
		case 3:
			bytes[at] = (uint8_t)fuzz_random(256);
			break;
		case 4:
			for (uint64_t k = at & ~(uint64_t)7;
			     k < size && k < (at & ~(uint64_t)7) + 8; k++)
				bytes[k] = fuzz_random(2) ? 0xff : 0;
			break;
		default:
			memset(bytes + at, 0, size - at < 64 ? (size_t)(size - at) : 64);
			break;
		}
	}
	return fuzz_random(6) == 0 ? fuzz_random(size) : size;
}

/*
 * A superblock that is damaged is refused by its checksum: make it fit again, so that what lies
 * behind is reached.
 */
static void fuzz_mend_superblock(uint8_t *bytes, uint64_t size)
{
	struct cairn_superblock *sb = (void *)bytes;

	if (size < sizeof(*sb) || fuzz_random(2))
		return;
	sb->superblock_bytes = sizeof(*sb);
	sb->crc32c = 0;
	sb->crc32c = cairn_reader_crc32c(0, sb, sizeof(*sb));
}

/* As one file, or the same bytes as two, whose regions are then one. */
static bool fuzz_read_files(const char *path, unsigned nr_files, const struct cairn_choice *choice)
{
	struct cairn_reader *r;
	struct cairn_fault why;
	struct cairn_item it;
	uint64_t events = 0, lost = 0, decoded = 0, missing = 0;
	static char line[65536];

	const char *const paths[] = {path, path};

	if (cairn_reader_open_chosen(&r, paths, nr_files, choice, NULL, &why) < 0)
		return true;
	struct cairn_cursor *c = cairn_cursor_open(r, NULL);
	while (c && cairn_cursor_next(c, &it) > 0) {
		struct cairn_buf t;
		if (it.kind == CAIRN_ITEM_LOST) {
			lost += it.lost;
			continue;
		}
		events += it.record.event != NULL;
		cairn_buf_init(&t, line, sizeof(line));
		cairn_reader_print_line(&it.record, &t);
		for (uint32_t i = 0; it.record.event && i < it.record.event->nr_fields; i++)
			cairn_reader_print_field(&it.record.event->fields[i], it.record.payload,
						 it.record.bytes, &t);
		cairn_buf_end(&t);
	}
	const struct cairn_reader_stream *st;
	const struct cairn_reader_account *a;
	for (uint32_t i = 0; c && (a = cairn_cursor_account(c, i, &st)); i++) {
		decoded += a->decoded - a->filtered;
		missing += a->lost + a->overwritten + a->unreadable;
	}
	bool ok = !c || (decoded == events && missing == lost);
	if (!ok)
		printf("# events %llu, accounted %llu; shown lost %llu, accounted %llu\n",
		       (unsigned long long)events, (unsigned long long)decoded,
		       (unsigned long long)lost, (unsigned long long)missing);
	cairn_cursor_close(c);
	cairn_reader_close(r);
	return ok;
}

static bool fuzz_bytes(const uint8_t *bytes, uint64_t n)
{
	static const struct cairn_choice choices[] = {
		{NULL, false}, {"all", true}, {"main", false}, {"snapshot", true}};
	static int fd = -1;
	static char copy[64];

	if (fd < 0) {
		fd = memfd_create("fuzz", 0);
		snprintf(copy, sizeof(copy), "/proc/self/fd/%d", fd);
	}
	return ftruncate(fd, 0) == 0 && pwrite(fd, bytes, n, 0) == (ssize_t)n &&
	       fuzz_read_files(copy, 1, &choices[fuzz_random(4)]) &&
	       fuzz_read_files(copy, 2, &choices[fuzz_random(4)]);
}

#ifdef CAIRN_LIBFUZZER

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t n, size_t most, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t n, size_t most);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	if (!fuzz_bytes(bytes, n))
		abort();
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t n, size_t most, unsigned seed)
{
	fuzz_state = (uint64_t)seed * 2654435761u + 88172645463325252u;
	if (n == 0 || fuzz_random(2))
		n = LLVMFuzzerMutate(bytes, n, most);
	else
		n = (size_t)fuzz_damage(bytes, n);
	fuzz_mend_superblock(bytes, n);
	return n;
}

#else

static bool fuzz_file(const char *path, uint64_t rounds)
{
	FILE *f = fopen(path, "rb");

	if (!f || fseek(f, 0, SEEK_END) < 0)
		return false;
	uint64_t size = (uint64_t)ftell(f);
	rewind(f);
	uint8_t *good = malloc(size + 1), *bad = malloc(size + 1);
	bool ok = good && bad && fread(good, 1, size, f) == size && fuzz_bytes(good, size);
	fclose(f);
	for (uint64_t i = 0; i < rounds && ok; i++) {
		uint64_t before = fuzz_state;
		memcpy(bad, good, size);
		uint64_t n = fuzz_damage(bad, size);
		fuzz_mend_superblock(bad, size);
		ok = fuzz_bytes(bad, n);
		if (!ok)
			printf("# round %llu, state %llu\n", (unsigned long long)i,
			       (unsigned long long)before);
	}
	free(good);
	free(bad);
	return ok;
}

static int fuzz_point(const char *path, uint64_t rounds)
{
	static int points;
	const char *base = strrchr(path, '/');
	bool ok = fuzz_file(path, rounds);

	printf("%sok %d - %s%s\n", ok ? "" : "not ", ++points, rounds ? "damaged " : "",
	       base ? base + 1 : path);
	fflush(stdout);
	return !ok;
}

int main(int argc, char **argv)
{
	int failed = 0, points = 0;

	if (argc < 4)
		return 2;
	fuzz_state = strtoull(argv[1], NULL, 10) * 2654435761u + 88172645463325252u;
	printf("# seed %s\n", argv[1]);
	for (int i = 3; i < argc; i++) {
		struct dirent **files;
		int n = scandir(argv[i], &files, NULL, alphasort);
		if (n < 0) {
			failed += fuzz_point(argv[i], strtoull(argv[2], NULL, 10));
			points++;
		}
		for (int k = 0; k < n; k++) {
			char path[4096];
			snprintf(path, sizeof(path), "%s/%s", argv[i], files[k]->d_name);
			if (files[k]->d_name[0] != '.') {
				failed += fuzz_point(path, 0);
				points++;
			}
			free(files[k]);
		}
		if (n >= 0)
			free(files);
	}
	printf("1..%d\n", points);
	return failed != 0;
}

#endif
