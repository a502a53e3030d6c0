/* SPDX-License-Identifier: MIT */
/*
 * A shared library with events and a copy of Cairn of its own; built several times, each with a PLUG of its own (copies.py, copies.c).
 * Its event `both:step` is defined by the program too, and by every other plug.
 */
#define CAIRN_CREATE_EVENTS
#include <cairn/cairn.h>

#define PLUG_PASTE_(a, b) a##b
#define PLUG_PASTE(a, b)  PLUG_PASTE_(a, b)
#define PLUG_EXPORT       __attribute__((__visibility__("default")))

CAIRN_EVENT(both, step, (field, uint64_t, n), "n=%lu");
#define PLUG_EVENT(name) CAIRN_EVENT(plug, name, (field, uint64_t, n), "n=%lu")
PLUG_EVENT(PLUG);

static uint64_t plug_emitted;

PLUG_EXPORT void PLUG_PASTE(PLUG, _emit)(unsigned n);
PLUG_EXPORT uint64_t PLUG_PASTE(PLUG, _count)(void);
PLUG_EXPORT int PLUG_PASTE(PLUG, _control)(const char *patterns, int on);

/* One of each. */
void PLUG_PASTE(PLUG, _emit)(unsigned n)
{
	while (n--) {
		PLUG_PASTE(cairn_trace_, PLUG)(__atomic_add_fetch(&plug_emitted, 1, __ATOMIC_RELAXED));
		cairn_trace_step(__atomic_add_fetch(&plug_emitted, 1, __ATOMIC_RELAXED));
	}
}

uint64_t PLUG_PASTE(PLUG, _count)(void)
{
	return plug_emitted;
}

/* Control calls of this copy. */
int PLUG_PASTE(PLUG, _control)(const char *patterns, int on)
{
	return on ? cairn_events_enable(patterns) : cairn_events_disable(patterns);
}

/* Behind Cairn's own of this image, which has 101, and before its destructor. */
__attribute__((__constructor__(102))) static void plug_begin(void)
{
	PLUG_PASTE(PLUG, _emit)(1);
}

__attribute__((__destructor__(102))) static void plug_end(void)
{
	PLUG_PASTE(PLUG, _emit)(1);
}
