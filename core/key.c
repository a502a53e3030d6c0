/* SPDX-License-Identifier: MIT */
/*
 * Static keys: makes sites follow their keys. The direct protocol of spec ring-buffer.md section 11: store, then one sync for all.
 * What a site's bytes are is the architecture's (arch/ARCH/patch.c).
 */
#include "../include/cairn/key.h"

#if CAIRN_KEY_PATCHING

#include "../arch/patch.h"

int cairn_keys_apply(const struct cairn_key_site *start, const struct cairn_key_site *stop)
{
	const struct cairn_key_site *s;
	int refused = 0;
	bool changed = false;

	for (s = start; s < stop; s++) {
		char *site = (char *)(uintptr_t)&s->site + s->site;
		const char *target = (const char *)&s->target + s->target;
		const struct cairn_key *key =
			(const struct cairn_key *)(const void *)((const char *)&s->key + s->key);

		switch (cairn_arch_key_patch(site, target, cairn_load32(&key->on) != 0)) {
		case CAIRN_PATCH_DONE:
			changed = true;
			break;
		case CAIRN_PATCH_SAME:
			break;
		case CAIRN_PATCH_REFUSED:
			refused++;
			break;
		}
	}
	if (changed)
		cairn_port_sync_cores();
	return refused;
}

#else

int cairn_keys_apply(const struct cairn_key_site *start, const struct cairn_key_site *stop)
{
	(void)start;
	(void)stop;
	return 0; /* sites load the key themselves */
}

#endif
