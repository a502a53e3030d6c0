/* SPDX-License-Identifier: MIT */
/* The region: what init accepts, what it leaves in memory, that it is complete before it can be found. */
#define CAIRN_CREATE_EVENTS
#include "port/port.h"

#include "check.h"
#include "core/region.h"

CAIRN_EVENT(region_test, one, (field, uint32_t, n), "n=%u");

static struct cairn_config region_config(void)
{
	return (struct cairn_config){.memory = test_memory(),
				     .memory_bytes = TEST_REGION_BYTES,
				     .nr_cpus = 2,
				     .ring_bytes = 65536};
}

static int region_try(const struct cairn_config *c)
{
	cairn_detach();
	return cairn_init(c);
}

TEST(crc32c_is_the_castagnoli_polynomial)
{
	CHECK_EQ(cairn_crc32c(0, "123456789", 9),
		 0xe3069283u); /* the check value of RFC 3720, appendix B.4 */
	CHECK_EQ(cairn_crc32c(cairn_crc32c(0, "1234", 4), "56789", 5), 0xe3069283u);
}

TEST(init_refuses_what_no_region_can_be)
{
	struct cairn_config c = region_config();

	c.nr_cpus = 0;
	CHECK_EQ(region_try(&c), CAIRN_EINVAL);
	c = region_config();
	c.nr_cpus = CAIRN_MAX_CPUS + 1;
	CHECK_EQ(region_try(&c), CAIRN_EINVAL);
	c = region_config();
	c.packet_bytes = 5000;
	CHECK_EQ(region_try(&c), CAIRN_EINVAL);
	c.packet_bytes = 2048;
	CHECK_EQ(region_try(&c), CAIRN_EINVAL);
	c.packet_bytes = 1 << 20;
	CHECK_EQ(region_try(&c), CAIRN_EINVAL);
	c = region_config();
	c.ring_bytes = (size_t)1 << 50;
	CHECK_EQ(region_try(&c), CAIRN_ERANGE);
	c = region_config();
	c.ring_bytes = TEST_REGION_BYTES;
	CHECK_EQ(region_try(&c), CAIRN_ENOMEM);
	c = region_config();
	c.memory = NULL;
	CHECK_EQ(region_try(&c), CAIRN_EINVAL);
	c = region_config();
	c.memory = (char *)c.memory + 8;
	CHECK_EQ(region_try(&c), CAIRN_EINVAL);
	c = region_config();
	c.memory_bytes = 8192;
	c.ring_bytes = 0;
	CHECK_EQ(region_try(&c), CAIRN_ENOMEM);
	c = region_config();
	c.metadata_bytes = 1;
	CHECK_EQ(region_try(&c), 0); /* a page: enough for the head, not for what registers */
	CHECK_EQ(region_try(&c), 0);
	CHECK_EQ(cairn_init(&c), CAIRN_EBUSY);
}

TEST(sizes_round_up_and_the_default_ring_is_the_largest_that_fits)
{
	struct cairn_config c = region_config();

	c.ring_bytes = 50000;
	CHECK_EQ(region_try(&c), 0);
	CHECK_EQ(test_ring(0)->ring_mask, 65535);
	c.ring_bytes = 0;
	CHECK_EQ(region_try(&c), 0);
	CHECK_EQ(test_ring(0)->ring_mask,
		 1048575); /* 2 x 1 MiB and the rest in 4 MiB; 2 x 2 MiB would not fit */
}

TEST(region_bytes_is_exactly_what_init_needs)
{
	struct cairn_config c = region_config();
	int64_t need = cairn_region_bytes(&c);

	CHECK_GT(need, 2 * 65536);
	c.memory_bytes = (size_t)need;
	CHECK_EQ(region_try(&c), 0);
	c.memory_bytes = (size_t)need - 1;
	CHECK_EQ(region_try(&c), CAIRN_ENOMEM);
	c.nr_cpus = 0;
	CHECK_EQ(cairn_region_bytes(&c), CAIRN_EINVAL);
}

TEST(superblock_and_copy_are_equal_valid_and_describe_every_section)
{
	struct cairn_config c = region_config();
	struct cairn_superblock sb;
	uint32_t crc, seen = 0, i, k;
	size_t bytes;
	char *region;

	c.name = "a kernel";
	c.build_id = "c0ffee";
	c.clock_hz = 123;
	CHECK_EQ(region_try(&c), 0);
	region = cairn_region(&bytes);
	memcpy(&sb, region, sizeof(sb));
	CHECK_MEM(sb.magic, "CAIRN-REGION\r\n\x1a\n", 16);
	CHECK_MEM(region + bytes - 4096, &sb, sizeof(sb));
	crc = sb.crc32c;
	sb.crc32c = 0;
	CHECK_EQ(cairn_crc32c(0, &sb, sb.superblock_bytes), crc);
	CHECK_EQ(sb.region_bytes, bytes);
	CHECK_EQ(sb.clock_hz, 123);
	CHECK_STR(sb.name, "a kernel");
	CHECK_STR(sb.build_id, "c0ffee");
	CHECK(sb.flags & CAIRN_SB_WEAK_UUID); /* the test port has no entropy */
	CHECK_EQ(sb.nr_sections, 11);
	for (i = 0; i < sb.nr_sections; i++) {
		const struct cairn_section *s = &sb.sections[i];

		seen |= 1u << s->type;
		CHECK_LE(s->offset + s->size, bytes - 4096);
		for (k = 0; k < i; k++) {
			const struct cairn_section *o = &sb.sections[k];

			CHECK(!s->size || !o->size || s->offset >= o->offset + o->size ||
			      o->offset >= s->offset + s->size);
		}
	}
	CHECK_EQ(seen, 0xffe); /* types 1 .. 11 */
	CHECK_EQ(test_section(CAIRN_SECTION_PACKETS)->offset % 4096, 0);
}

TEST(uuids_differ_from_init_to_init)
{
	struct cairn_config c = region_config();
	uint8_t first[16];
	size_t bytes;

	CHECK_EQ(region_try(&c), 0);
	memcpy(first, ((struct cairn_superblock *)cairn_region(&bytes))->uuid, 16);
	CHECK_EQ(region_try(&c), 0);
	CHECK_NE(memcmp(first, ((struct cairn_superblock *)cairn_region(&bytes))->uuid, 16), 0);
}

TEST(a_region_that_could_not_be_made_is_not_found)
{
	struct cairn_config c = region_config();

	test_populate_limit = 8192;
	CHECK_EQ(region_try(&c), CAIRN_ENOMEM);
	test_populate_limit = ~0ull;
	CHECK_NE(memcmp(c.memory, "CAIRN-REGION", 12), 0);
	cairn_trace_one(1); /* and events are no-ops */
}

TEST(a_ring_without_memory_is_not_opened_and_its_events_are_counted)
{
	struct cairn_config c = region_config();

	c.boot_args = "trace=region_test:*";
	c.rings_later = true;
	CHECK_EQ(region_try(&c), 0);
	test_populate_limit = test_section(CAIRN_SECTION_PACKETS)->offset;
	CHECK_EQ(cairn_ring_open(0, 7), CAIRN_ENOMEM);
	cairn_trace_one(1);
	CHECK_EQ(test_state()->lost_no_stream, 1);
	test_populate_limit = ~0ull;
	CHECK_EQ(cairn_ring_open(0, 7), 0);
	CHECK_EQ(cairn_ring_open(0, 7), CAIRN_EBUSY);
	CHECK_EQ(cairn_ring_open(2, 7), CAIRN_EINVAL);
	cairn_trace_one(2);
	CHECK_EQ(test_recorded(0), 1);
	CHECK_EQ(test_state()->lost_no_stream, 1);
}

TEST(a_cpu_index_out_of_range_is_counted_and_never_written_through)
{
	CHECK_EQ(test_init(2, 65536, CAIRN_OVERWRITE, "trace=region_test:one"), 0);
	test_cpu = 2; /* within CAIRN_MAX_CPUS, but no ring */
	cairn_trace_one(1);
	test_cpu = CAIRN_MAX_CPUS;
	cairn_trace_one(1);
	test_cpu = ~0u;
	cairn_trace_one(1);
	test_cpu = 1;
	cairn_trace_one(1);
	CHECK_EQ(test_state()->lost_no_stream, 3);
	CHECK_EQ(test_recorded(0), 0);
	CHECK_EQ(test_recorded(1), 1);
	CHECK_EQ(test_preempt_depth, 0);
}

CHECK_MAIN()
