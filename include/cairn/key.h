/* SPDX-License-Identifier: MIT */
/*
 * Static keys: a branch that costs one instruction while its key is off.
 *
 * A key is the first member of some object with C linkage (each event has one). CAIRN_KEY_BRANCH(object, label) goes to `label`
 * of the same function when the key is on. With patching, the branch is an instruction in the text that control operations
 * rewrite; without (no patching on this architecture, or the port has no CAIRN_PORT_WRITE_TEXT and CAIRN_PORT_SYNC_CORES), it
 * is one relaxed load and a branch marked unlikely. CAIRN_KEY_PATCHING tells which; CAIRN_NO_PATCHING=1 forces the second.
 */
#ifndef CAIRN_KEY_H
#define CAIRN_KEY_H

#include "../../arch/arch.h"
#include "../../core/atomic.h"
#include "port.h"

#ifndef CAIRN_NO_PATCHING
#define CAIRN_NO_PATCHING 0
#endif

#if CAIRN_ARCH_HAS_KEYS && CAIRN_PORT_WRITE_TEXT && CAIRN_PORT_SYNC_CORES && !CAIRN_NO_PATCHING
#define CAIRN_KEY_PATCHING 1
#else
#define CAIRN_KEY_PATCHING 0
#endif

struct cairn_key {
	uint32_t on; /* wanted state; sites follow at cairn_keys_apply() */
};

#if CAIRN_KEY_PATCHING
#define CAIRN_KEY_BRANCH(object, label) CAIRN_ARCH_KEY_BRANCH(object, label)
#else
#define CAIRN_KEY_BRANCH(object, label)                             \
	do {                                                        \
		if (CAIRN_UNLIKELY(cairn_load32(&(object).key.on))) \
			goto label;                                 \
	} while (0)
#endif

/* An entry of section `cairn_keys`; each number is relative to its own place. */
struct cairn_key_site {
	int32_t site;
	int32_t target;
	int32_t key;
};

CAIRN_C_BEGIN

/*
 * Bring every site in [start, stop) to the state its key wants. A site whose bytes are not the expected ones is left alone.
 *
 * Returns   number of sites that were refused (foreign bytes, or the port could not write); 0 = all follow.
 * Context   thread; one caller at a time.
 */
int cairn_keys_apply(const struct cairn_key_site *start, const struct cairn_key_site *stop);

CAIRN_C_END

#endif
