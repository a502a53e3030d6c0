/* SPDX-License-Identifier: MIT */
/* Task names: the table, its replacement, and the events that keep the history. */
#include "port/port.h"

#include "check.h"

static const struct cairn_name *names_get(uint32_t pid)
{
	const struct cairn_name *t = test_section_data(CAIRN_SECTION_NAMES);
	uint32_t nr = test_section(CAIRN_SECTION_NAMES)->count, i;

	for (i = 0; i < CAIRN_NAME_PROBES; i++) {
		const struct cairn_name *n = &t[(cairn_name_slot(pid, nr) + i) & (nr - 1)];

		if (n->version && n->pid == pid)
			return n;
	}
	return NULL;
}

TEST(a_name_is_found_by_its_pid_and_cut_at_15)
{
	CHECK_EQ(test_init(1, 65536, CAIRN_OVERWRITE, NULL), 0);
	cairn_task_name(42, 40, "a-name-of-more-than-fifteen");
	CHECK(names_get(42));
	CHECK_STR(names_get(42)->comm, "a-name-of-more-");
	CHECK_EQ(names_get(42)->tgid, 40);
	CHECK_EQ(names_get(42)->version % 2, 0);
	cairn_task_name(42, 40, "short");
	CHECK_MEM(names_get(42)->comm, "short\0\0\0\0\0\0\0\0\0\0\0", 16);
	CHECK(!names_get(43));
}

TEST(the_first_name_is_a_new_task_and_the_next_a_renaming)
{
	CHECK_EQ(test_init(1, 65536, CAIRN_OVERWRITE, "trace=task:*"), 0);
	cairn_task_name(7, 7, "one");
	cairn_task_name(7, 7, "two");
	cairn_task_name(8, 8, "other");
	CHECK_EQ(test_recorded(0), 3);
	CHECK_EQ(cairn_event_find("task", "task_newtask")->id,
		 *(uint16_t *)((char *)(uintptr_t)test_ring(0)->base + 88 + 6));
}

TEST(the_oldest_of_four_is_replaced)
{
	uint32_t pids[64], nr = 0, pid, i;

	CHECK_EQ(test_init(1, 65536, CAIRN_OVERWRITE, NULL), 0);
	for (pid = 1; nr < 6; pid++) {
		if (cairn_name_slot(pid, 256) == 17)
			pids[nr++] = pid;
	}
	for (i = 0; i < 4; i++)
		cairn_task_name(pids[i], 1, "x");
	cairn_task_name(pids[0], 1, "again"); /* now pids[1] is the oldest */
	cairn_task_name(pids[4], 1, "new");
	CHECK(names_get(pids[0]));
	CHECK(!names_get(pids[1]));
	CHECK(names_get(pids[4]));
	cairn_task_name(pids[5], 1, "newer");
	CHECK(!names_get(pids[2]));
}

TEST(a_slot_that_is_being_written_is_left_alone_and_the_name_counted)
{
	struct cairn_name *n;

	CHECK_EQ(test_init(1, 65536, CAIRN_OVERWRITE, NULL), 0);
	cairn_task_name(42, 42, "before");
	n = (struct cairn_name *)(uintptr_t)names_get(42);
	n->version++; /* as an interrupted writer leaves it */
	cairn_task_name(42, 42, "after");
	CHECK_EQ(test_state()->names_dropped, 1);
	CHECK_STR(n->comm, "before");
}

TEST(names_before_init_are_no_ops)
{
	cairn_detach();
	cairn_task_name(1, 1, "early");
	cairn_task(1);
	CHECK_EQ(cairn_irq_enter(CAIRN_CTX_NMI), 0);
	cairn_irq_exit(0);
}

CHECK_MAIN()
