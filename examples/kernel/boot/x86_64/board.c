/* SPDX-License-Identifier: MIT */
/*
 * The board: QEMU's q35 (or any PC that a PVH loader starts). Serial line, what the loader tells, the way
 * to the common kernel, power.
 */
#include "print.h"
#include "x86.h"

#define COM1       0x3f8
#define DEBUG_EXIT 0xf4 /* QEMU's isa-debug-exit: its exit code is value * 2 + 1 */

#define COMMAND_LINE_BYTES 2048u
#define PVH_MAGIC          0x336ec578u

struct pvh_info {
	uint32_t magic, version, flags, nr_modules;
	uint64_t modules, command_line, acpi_root, memory_map; /* physical addresses */
	uint32_t nr_memory_map, reserved;
};

struct pvh_range {
	uint64_t start, bytes;
	uint32_t type, reserved; /* 1: memory */
};

struct board board = {.nr_cpus = 1, .apic_base = 0xfee00000};

static struct boot_info board_info;
static char board_command_line[COMMAND_LINE_BYTES];

extern const char image_end[];

void arch_console_putc(char c)
{
	while (!(in8(COM1 + 5) & 0x20))
		arch_pause();
	out8(COM1, (uint8_t)c);
}

static void board_serial_init(void)
{
	static const uint8_t settings[][2] = {
		{1, 0x00},                       /* no interrupts */
		{3, 0x80}, {0, 0x01}, {1, 0x00}, /* 115200 baud */
		{3, 0x03},                       /* 8 bits, no parity */
		{2, 0xc7},                       /* queues on */
	};

	for (unsigned i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		out8((uint16_t)(COM1 + settings[i][0]), settings[i][1]);
}

/* Page-aligned, above the kernel's image, inside the direct map. */
static void board_add_memory(uint64_t start, uint64_t bytes)
{
	uint64_t lowest = (virt_to_phys(image_end) + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
	uint64_t end = (start + bytes) & ~(uint64_t)(PAGE_BYTES - 1);
	const uint64_t highest = 2ull << 30; /* from there on the direct map is for devices */

	start = (start + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
	if (start < lowest)
		start = lowest;
	if (end > highest)
		end = highest;
	if (start >= end ||
	    board_info.nr_ranges == sizeof(board_info.ranges) / sizeof(board_info.ranges[0]))
		return;
	board_info.ranges[board_info.nr_ranges++] = (struct memory_range){start, end - start};
}

static void board_read_pvh(const struct pvh_info *pvh)
{
	const char *line = phys_to_virt(pvh->command_line);
	const struct pvh_range *map = phys_to_virt(pvh->memory_map);

	if (pvh->magic != PVH_MAGIC || pvh->version < 1)
		panic("the loader does not speak PVH version 1");
	for (unsigned i = 0; pvh->command_line && i < COMMAND_LINE_BYTES - 1 && line[i]; i++)
		board_command_line[i] = line[i];
	for (unsigned i = 0; i < pvh->nr_memory_map; i++) {
		if (map[i].type == 1)
			board_add_memory(map[i].start, map[i].bytes);
	}
}

void board_main(uint32_t start_info)
{
	const struct pvh_info *pvh = phys_to_virt(start_info);

	board_serial_init();
	trap_cpu_init(0);
	out8(0x21, 0xff); /* the old interrupt controllers: silent */
	out8(0xa1, 0xff);
	board_read_pvh(pvh);
	board.apic_ids[0] = apic_id();
	acpi_read(pvh->acpi_root);
	apic_cpu_init();
	apic_calibrate(&board_info);
	board_info.command_line = board_command_line;
	board_info.nr_cpus = board.nr_cpus;
	kernel_main(&board_info);
}

void arch_halt(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

void arch_power_off(bool success)
{
	out8(DEBUG_EXIT, success ? 0x10 : 0x11); /* QEMU exits with 33 or 35 */
	if (board.power_port)
		out16(board.power_port, 0x2000); /* sleep state S5, as QEMU numbers it */
	arch_halt();
}

uint64_t arch_entropy(void)
{
	uint32_t a = 1, b, c = 0, d;
	uint64_t v = 0;
	uint8_t ok = 0;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	if (c >> 30 & 1)
		__asm__ volatile("rdrand %0; setc %1" : "=r"(v), "=qm"(ok) : : "cc");
	return ok ? v : arch_clock();
}
