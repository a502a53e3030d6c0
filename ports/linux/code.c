/* SPDX-License-Identifier: MIT */
/* Static keys: writes program text, and makes every core see it. */
#define _GNU_SOURCE
#include "process.h"

#include <fcntl.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int port_membarrier(int command)
{
	return (int)syscall(SYS_membarrier, command, 0, 0);
}

/* Through /proc/thread-self/mem: the page is copied, never writable and executable at once. Else a private copy moved over it. */
int cairn_port_write_text(void *addr, const void *bytes, unsigned len)
{
	uintptr_t page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
	char *page = (char *)((uintptr_t)addr & ~(page_bytes - 1)), *copy;
	size_t at = (size_t)((char *)addr - page),
	       span = (at + len + page_bytes - 1) & ~(page_bytes - 1);
	int cancel, fd;
	ssize_t n;

	/* thread-self, not self: the main thread may have ended */
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE,
				     &cancel); /* half the sites, and a descriptor left open */
	fd = open("/proc/thread-self/mem", O_RDWR | O_CLOEXEC);
	n = fd < 0 ? -1 : pwrite(fd, bytes, len, (off_t)(uintptr_t)addr);
	if (fd >= 0)
		close(fd);
	(void)pthread_setcancelstate(cancel, NULL);
	if (n == (ssize_t)len)
		return 0;
	copy = mmap(NULL, span, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (copy == MAP_FAILED)
		return CAIRN_ENOMEM;
	memcpy(copy, page, span);
	memcpy(copy + at, bytes, len);
	if (mprotect(copy, span, PROT_READ | PROT_EXEC) < 0 ||
	    mremap(copy, span, span, MREMAP_MAYMOVE | MREMAP_FIXED, page) == MAP_FAILED) {
		(void)munmap(copy, span);
		return CAIRN_EPERM;
	}
	return 0;
}

void cairn_port_sync_cores(void)
{
	if (port_membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE) < 0)
		(void)port_membarrier(
			MEMBARRIER_CMD_GLOBAL); /* the interrupts that it sends serialize on x86-64 */
}

void cairn_code_begin(void)
{
	(void)port_membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE);
}
