/* SPDX-License-Identifier: MIT */
/*
 * As much of ACPI as the kernel needs: the CPUs and their APIC from the MADT, the power port from the
 * FADT. Tables come from the firmware; lengths are checked nevertheless.
 */
#include "print.h"
#include "x86.h"

struct __attribute__((packed)) acpi_root {
	char signature[8]; /* "RSD PTR " */
	uint8_t checksum;
	char oem[6];
	uint8_t revision;
	uint32_t rsdt;
	uint32_t length;
	uint64_t xsdt;
};

struct __attribute__((packed)) acpi_table {
	char signature[4];
	uint32_t length;
	uint8_t revision, checksum;
	char oem[18];
	uint32_t creator, creator_revision;
};

enum {
	MADT_APIC_BASE = 36,
	MADT_ENTRIES = 44,
	MADT_LOCAL_APIC = 0,
	FADT_PM1A_CONTROL = 64,
};

static uint32_t acpi_u32(const struct acpi_table *t, unsigned offset)
{
	uint32_t v;

	memcpy(&v, (const char *)t + offset, sizeof(v));
	return v;
}

/* Entry: type, length, processor, APIC id, flags (bit 0: enabled). */
static void acpi_read_madt(const struct acpi_table *t)
{
	const uint8_t *at = (const uint8_t *)t + MADT_ENTRIES;
	const uint8_t *end = (const uint8_t *)t + t->length;
	uint8_t self = board.apic_ids[0];

	board.apic_base = acpi_u32(t, MADT_APIC_BASE);
	for (; end - at >= 2 && at[1] >= 2 && end - at >= at[1]; at += at[1]) {
		if (at[0] != MADT_LOCAL_APIC || at[1] < 8 || !(at[4] & 1) || at[3] == self)
			continue;
		if (board.nr_cpus < MAX_CPUS)
			board.apic_ids[board.nr_cpus++] = at[3];
	}
}

static void acpi_read_table(uintptr_t pa)
{
	const struct acpi_table *t = phys_to_virt(pa);

	if (!memcmp(t->signature, "APIC", 4))
		acpi_read_madt(t);
	if (!memcmp(t->signature, "FACP", 4) && t->length >= FADT_PM1A_CONTROL + 4)
		board.power_port = (uint16_t)acpi_u32(t, FADT_PM1A_CONTROL);
}

/* Where the loader did not say: the root is in the BIOS area, on 16 bytes. */
static uintptr_t acpi_find_root(void)
{
	for (uintptr_t pa = 0xe0000; pa < 0x100000; pa += 16) {
		if (!memcmp(phys_to_virt(pa), "RSD PTR ", 8))
			return pa;
	}
	return 0;
}

void acpi_read(uintptr_t root)
{
	const struct acpi_root *r;
	const struct acpi_table *t;

	if (!root)
		root = acpi_find_root();
	if (!root)
		return;
	r = phys_to_virt(root);
	t = phys_to_virt(r->rsdt);
	for (unsigned at = sizeof(*t); at + 4 <= t->length; at += 4)
		acpi_read_table(acpi_u32(t, at));
}
