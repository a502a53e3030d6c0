/* SPDX-License-Identifier: MIT */
/*
 * Not a test: writes the region of this format that tests/golden keeps, with the clock and everything else given, so that only the
 * UUID differs from run to run. It has two rings, one that wrapped and one with losses, names, strings, arrays, and an open packet.
 *
 *	golden-region FILE
 */
#define CAIRN_CREATE_EVENTS
#include "port/port.h"

#include <stdio.h>

CAIRN_NAMES(golden_states, (0, "R")(1, "S"));
CAIRN_EVENT(golden, number, (field, uint64_t, n), "n=%lu");
CAIRN_EVENT(golden, shapes,
	    (string, text)(array, uint8_t, bytes, 3)(dynamic, uint32_t, words)(symbol, uint8_t, state, golden_states),
	    "text=%s bytes=%s words=%s state=%s");

int main(int argc, char **argv)
{
	static const uint32_t words[3] = { 1, 2, 3 };
	struct cairn_config c = { .memory = test_memory(),
				  .memory_bytes = TEST_REGION_BYTES,
				  .nr_cpus = 2,
				  .ring_bytes = 8192,
				  .metadata_bytes = 16384,
				  .max_events = 16,
				  .max_names = 16,
				  .clock_hz = 1000000000,
				  .wall_ns = 1700000000000000000u,
				  .name = "golden",
				  .build_id = "c0ffee",
				  .boot_args = "trace=golden:*,task:*" };
	FILE *f = argc == 2 ? fopen(argv[1], "wb") : NULL;
	size_t bytes;
	unsigned i;

	if (!f || cairn_init(&c))
		return 1;
	cairn_task(7);
	cairn_task_name(7, 7, "first");
	for (i = 0; i < 1000; i++)
		cairn_trace_number(i);
	test_cpu = 1;
	cairn_task(8);
	cairn_task_name(8, 7, "second");
	cairn_trace_shapes("a string", (const uint8_t *)"abc", words, 3, 1);
	cairn_trace_shapes("", (const uint8_t *)"xyz", words, 0, 0);
	test_ring(1)->lost[CAIRN_LOST_CLOCK] = 3; /* as a clock that stepped back would leave it */
	cairn_trace_number(42);
	cairn_stop();
	if (fwrite(cairn_region(&bytes), 1, bytes, f) != bytes || fclose(f))
		return 1;
	return 0;
}
