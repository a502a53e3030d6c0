/* SPDX-License-Identifier: MIT */
/*
 * The registry: which events there are, who wants them, and what follows from that for keys and gates.
 *
 * The list is sorted by (system, name). At init ids are given in that order; later events get the next free id. An event that
 * METADATA or EVENTS has no room for stays in the list with id 0 and cannot be enabled.
 */
#include "region.h"
#include "text.h"

/* The image's own sections. Weak and hidden: with no entry at all the linker defines no such symbol. */
extern const cairn_event_ref __start_cairn_events[]
	__attribute__((__weak__, __visibility__("hidden")));
extern const cairn_event_ref __stop_cairn_events[]
	__attribute__((__weak__, __visibility__("hidden")));
extern const struct cairn_key_site __start_cairn_keys[]
	__attribute__((__weak__, __visibility__("hidden")));
extern const struct cairn_key_site __stop_cairn_keys[]
	__attribute__((__weak__, __visibility__("hidden")));

static struct cairn_module event_own_image;

/* ---- default categories (design.md D11, origin.md section 1) ---- */

static const struct {
	const char *system;
	const char *name; /* glob */
	uint64_t mask;
} event_categories[] = {
	{"raw_syscalls", "*", CAIRN_CAT(CAIRN_SYSCALL)},
	{"syscalls", "*", CAIRN_CAT(CAIRN_SYSCALL)},
	{"task", "*", CAIRN_CAT(CAIRN_PROCESS)},
	{"sched", "sched_process_*", CAIRN_CAT(CAIRN_PROCESS)},
	{"sched", "*", CAIRN_CAT(CAIRN_SCHEDULER)},
	{"kmem", "*", CAIRN_CAT(CAIRN_MEMORY)},
	{"mm", "*", CAIRN_CAT(CAIRN_MEMORY)},
	{"exceptions", "*", CAIRN_CAT(CAIRN_MEMORY)},
	{"timer", "*", CAIRN_CAT(CAIRN_TIMER)},
	{"signal", "*", CAIRN_CAT(CAIRN_SIGNAL)},
	{"file", "*", CAIRN_CAT(CAIRN_FILE)},
	{"block", "*", CAIRN_CAT(CAIRN_FILE)},
	{"pipe", "*", CAIRN_CAT(CAIRN_FILE) | CAIRN_CAT(CAIRN_IPC)},
	{"ipc", "*", CAIRN_CAT(CAIRN_IPC)},
	{"compositor", "*", CAIRN_CAT(CAIRN_COMPOSITOR)},
	{"user", "*", CAIRN_CAT(CAIRN_CUSTOM)},
	{"printk", "*", CAIRN_CAT(CAIRN_CUSTOM)},
	{"irq", "*", CAIRN_CAT(CAIRN_INTERRUPT)},
	{"nmi", "*", CAIRN_CAT(CAIRN_INTERRUPT)},
};

static uint64_t event_default_mask(const struct cairn_event *e)
{
	unsigned i;

	for (i = 0; i < sizeof(event_categories) / sizeof(event_categories[0]); i++) {
		if (cairn_text_equal(event_categories[i].system, e->system) &&
		    cairn_glob(event_categories[i].name, e->name))
			return event_categories[i].mask;
	}
	return CAIRN_CAT(CAIRN_CUSTOM);
}

/* ---- keys and gates ---- */

/* Every site of every module follows its key; then the events that went off say so. 0 or CAIRN_EIO. */
static int event_apply_keys(void)
{
	struct cairn_module *m;
	struct cairn_event *e;
	int refused = 0;

	for (m = cairn_image.modules; m; m = m->next)
		refused += cairn_keys_apply(m->keys, m->keys_stop);
	for (e = cairn_image.events; e; e = e->next) {
		if (!(e->flags & CAIRN_EVENT_LEAVING))
			continue;
		e->flags &= ~(uint32_t)CAIRN_EVENT_LEAVING;
		e->unreg();
	}
	return refused ? CAIRN_EIO : 0;
}

/*
 * What the event's consumers want, put into gate and key; the sites follow at event_apply_keys(). Without an id it has no place in
 * the trace and stays off. The region's copy is for the outside; after cairn_detach() there is none.
 */
static void event_update(struct cairn_event *e)
{
	uint32_t buffers = (uint32_t)(e->consumers >> CAIRN_CONSUMER_BUFFER), gate = 0;

	if (e->id && (uint32_t)e->consumers)
		gate = CAIRN_GATE_RECORD;
	if (e->id && buffers)
		gate |= CAIRN_GATE_SLOW | buffers << CAIRN_GATE_BUFFERS_SHIFT;
	if (!gate && cairn_load32(&e->key.on) && e->unreg)
		e->flags |= CAIRN_EVENT_LEAVING;
	cairn_store32(&e->gate, gate);
	cairn_store32(&e->key.on, gate != 0);
	if (!e->id || !cairn_image.region)
		return;
	cairn_store32(&cairn_image.entries[e->index].gate, gate);
	cairn_store64(&cairn_image.entries[e->index].consumers, e->consumers);
}

/* 0, or CAIRN_EIO if the event's reg() refused. */
static int event_want(struct cairn_event *e, unsigned consumer, bool on)
{
	uint64_t bit = (uint64_t)1 << consumer;
	bool leaving = (e->flags & CAIRN_EVENT_LEAVING) != 0;

	if (on && e->id && !cairn_load32(&e->key.on) && !leaving && e->reg && e->reg())
		return CAIRN_EIO;
	if (on && leaving)
		e->flags &= ~(
			uint32_t)CAIRN_EVENT_LEAVING; /* off and on in one list: it never was off */
	e->consumers = on ? e->consumers | bit : e->consumers & ~bit;
	event_update(e);
	return 0;
}

static bool event_tracer_wants(const struct cairn_event *e)
{
	return cairn_image.tracer_on &&
	       (!cairn_image.tracer_filtered || (e->mask & cairn_image.tracer_filter) != 0);
}

void cairn_events_tracer(void)
{
	struct cairn_event *e;

	for (e = cairn_image.events; e; e = e->next)
		(void)event_want(e, CAIRN_CONSUMER_TRACER, event_tracer_wants(e));
	(void)event_apply_keys();
}

bool cairn_event_slow(struct cairn_event *e)
{
	return (cairn_load32(&e->gate) & ~(uint32_t)CAIRN_GATE_SLOW) != 0;
}

/* ---- patterns ---- */

static bool event_is_separator(char c)
{
	return c == ',' || c == ' ' || c == '\t' || c == '\n';
}

/* `glob` is SYSTEM:NAME, SYSTEM: or one word for either; it is changed and restored. */
static bool event_matches(const struct cairn_event *e, char *glob)
{
	char *colon = glob;
	bool match;

	while (*colon && *colon != ':')
		colon++;
	if (!*colon)
		return cairn_glob(glob, e->system) || cairn_glob(glob, e->name);
	*colon = 0;
	match = cairn_glob(glob, e->system) && (!colon[1] || cairn_glob(colon + 1, e->name));
	*colon = ':';
	return match;
}

/*
 * Next pattern of the list at *at into `word`, without its '!'. False at the end. A pattern that does not fit becomes the empty
 * one, which matches nothing: cut, it might match what was not meant.
 */
static bool event_next_pattern(const char **at, char *word, size_t room, bool *on)
{
	const char *p = *at;
	size_t n = 0;

	while (event_is_separator(*p))
		p++;
	if (!*p)
		return false;
	if (*p == '!') {
		*on = !*on;
		p++;
	}
	for (; *p && !event_is_separator(*p); p++, n++) {
		if (n + 1 < room)
			word[n] = *p;
	}
	word[n < room ? n : 0] = 0;
	*at = p;
	return true;
}

struct event_outcome {
	int matched;   /* events, counted once for each pattern that matched */
	int unmatched; /* patterns without any */
	int refused;   /* events whose reg() failed */
};

/* Switch for `consumer` what matches among all events, or `only` one. */
static struct event_outcome event_obey(const char *patterns, unsigned consumer, bool on, struct cairn_event *only)
{
	char word[2 * CAIRN_NAME_MAX + 2];
	struct event_outcome outcome = {0, 0, 0};
	bool want = on;

	for (; event_next_pattern(&patterns, word, sizeof(word), &want); want = on) {
		struct cairn_event *e;
		int found = 0;

		for (e = only ? only : cairn_image.events; e; e = only ? NULL : e->next) {
			if (!e->id || !event_matches(e, word))
				continue;
			outcome.refused += event_want(e, consumer, want) != 0;
			found++;
		}
		outcome.unmatched += !found;
		outcome.matched += found;
	}
	return outcome;
}

int cairn_events_switch(const char *patterns, unsigned consumer, bool on)
{
	struct event_outcome outcome = event_obey(patterns, consumer, on, NULL);

	if (event_apply_keys() || outcome.refused)
		return CAIRN_EIO;
	return outcome.unmatched ? CAIRN_ENOENT : outcome.matched;
}

int cairn_events_enable(const char *patterns)
{
	return cairn_events_switch(patterns, CAIRN_CONSUMER_ENABLE, true);
}

int cairn_events_disable(const char *patterns)
{
	return cairn_events_switch(patterns, CAIRN_CONSUMER_ENABLE, false);
}

/* ---- one event ---- */

static int event_set(struct cairn_event *e, bool on)
{
	if (!e || !e->id)
		return CAIRN_EINVAL;
	if (event_want(e, CAIRN_CONSUMER_ENABLE, on))
		return CAIRN_EIO;
	return event_apply_keys();
}

int cairn_event_enable(struct cairn_event *e)
{
	return event_set(e, true);
}

int cairn_event_disable(struct cairn_event *e)
{
	return event_set(e, false);
}

bool cairn_event_enabled(const struct cairn_event *e)
{
	return (e->consumers >> CAIRN_CONSUMER_ENABLE & 1) != 0;
}

/* ---- finding ---- */

unsigned cairn_event_count(void)
{
	struct cairn_event *e;
	unsigned n = 0;

	for (e = cairn_image.events; e; e = e->next)
		n++;
	return n;
}

static int event_compare(const struct cairn_event *a, const struct cairn_event *b)
{
	int c = cairn_text_compare(a->system, b->system);

	return c ? c : cairn_text_compare(a->name, b->name);
}

static int event_compare_by_name(const struct cairn_event *a, const struct cairn_event *b)
{
	int c = cairn_text_compare(a->name, b->name);

	return c ? c : cairn_text_compare(a->system, b->system);
}

struct cairn_event *cairn_event_at(unsigned i)
{
	struct cairn_event *e, *other;

	for (e = cairn_image.events; e; e = e->next) {
		unsigned rank = 0;

		for (other = cairn_image.events; other; other = other->next) {
			int c = event_compare_by_name(other, e);

			rank += c < 0 || (c == 0 && other < e);
		}
		if (rank == i)
			return e;
	}
	return NULL;
}

struct cairn_event *cairn_event_by_id(uint32_t id)
{
	struct cairn_event *e;

	for (e = cairn_image.events; e; e = e->next) {
		if (id && e->id == id)
			return e;
	}
	return NULL;
}

struct cairn_event *cairn_event_find(const char *system, const char *name)
{
	struct cairn_event *e;

	for (e = cairn_image.events; e; e = e->next) {
		if (cairn_text_equal(e->system, system) && cairn_text_equal(e->name, name))
			return e;
	}
	return NULL;
}

/* ---- registering ---- */

static struct cairn_event *event_of(const cairn_event_ref *ref)
{
	return (struct cairn_event *)((uintptr_t)ref + (uintptr_t)(intptr_t)*ref);
}

/*
 * Put it in its place in the list, without an id. False if it is there, or another of its system and name that is declared differently. Two
 * images that define the same event share its id.
 */
static bool event_insert(struct cairn_event *e, const char *owner)
{
	struct cairn_event **p = &cairn_image.events;
	uint64_t hash = cairn_meta_hash(e);

	while (*p && event_compare(*p, e) < 0)
		p = &(*p)->next;
	for (; *p && event_compare(*p, e) == 0; p = &(*p)->next) {
		if (*p == e || (*p)->hash != hash)
			return false;
	}
	e->id = 0;
	e->next = *p;
	e->owner = owner;
	if (!e->mask)
		e->mask = event_default_mask(e);
	e->hash = hash;
	*p = e;
	return true;
}

/* The region describes it already: it was here before, or another image has it too. */
static bool event_is_described(struct cairn_event *e)
{
	uint32_t i;

	for (i = 0; i < cairn_image.state->nr_events; i++) {
		if (cairn_image.entries[i].hash != e->hash || (e->id && cairn_image.entries[i].id != e->id))
			continue;
		e->id = cairn_image.entries[i].id;
		e->index = i;
		return true;
	}
	return false;
}

/* Give it an id, a description and an entry. 0 or CAIRN_ENOSPC. */
static int event_describe(struct cairn_event *e)
{
	struct cairn_state *state = cairn_image.state;
	uint32_t index = state->nr_events;
	bool fresh = !e->id; /* else it keeps the id that it had in the region before (fork) */
	int err = CAIRN_ENOSPC;

	if (event_is_described(e))
		return 0;
	if (fresh)
		e->id = cairn_image.next_id;
	if (index < cairn_image.plan.max_events && e->id <= CAIRN_ID_LAST)
		err = cairn_meta_event(e);
	if (err) {
		e->id = 0;
		cairn_store32(&state->metadata_refused, state->metadata_refused + 1);
		return err;
	}
	cairn_image.next_id += fresh;
	e->index = index;
	cairn_image.entries[index].id = e->id;
	cairn_image.entries[index].mask = e->mask;
	cairn_image.entries[index].hash = e->hash;
	cairn_store32_release(&state->nr_events,
			      index + 1); /* ORDER entry:A, pairs with read:E (tool) */
	return 0;
}

/* Consumers that wait for events of this name: the tracer, and trace= */
static void event_apply_waiting(struct cairn_event *e)
{
	(void)event_want(e, CAIRN_CONSUMER_TRACER, event_tracer_wants(e));
	(void)event_obey(cairn_image.boot_patterns, CAIRN_CONSUMER_ENABLE, true, e);
}

/* List the module's events. Number of those listed, or CAIRN_EEXIST. */
static int event_list_module(struct cairn_module *m)
{
	const cairn_event_ref *ref;
	int n = 0, err = 0;

	for (ref = m->events; ref < m->events_stop; ref++) {
		if (event_insert(event_of(ref), m->owner))
			n++;
		else
			err = CAIRN_EEXIST;
	}
	m->next = cairn_image.modules;
	cairn_image.modules = m;
	m->registered = true;
	return err ? err : n;
}

int cairn_register(struct cairn_module *m)
{
	struct cairn_event *e;
	int result;

	if (m->registered)
		return CAIRN_EBUSY;
	result = event_list_module(m);
	for (e = cairn_image.region ? cairn_image.events : NULL; e; e = e->next) {
		int err;

		if (e->id || e->owner != m->owner)
			continue;
		err = event_describe(e);
		if (err)
			result = err;
		else
			event_apply_waiting(e);
	}
	if (event_apply_keys() && result >= 0)
		result = CAIRN_EIO;
	return result;
}

static void event_unlist(const struct cairn_event *e)
{
	struct cairn_event **p = &cairn_image.events;

	while (*p && *p != e)
		p = &(*p)->next;
	if (*p)
		*p = e->next;
}

int cairn_unregister(struct cairn_module *m)
{
	struct cairn_module **p = &cairn_image.modules;
	const cairn_event_ref *ref;
	struct cairn_event *e;
	int result;

	if (!m->registered)
		return CAIRN_EINVAL;
	for (e = cairn_image.events; e; e = e->next) {
		if (e->owner != m->owner)
			continue;
		e->consumers = 0;
		event_update(e);
	}
	result = event_apply_keys();
	for (ref = m->events; ref < m->events_stop; ref++) {
		e = event_of(ref);
		if (e->owner != m->owner)
			continue; /* it was refused */
		event_unlist(e);
		e->owner = NULL;
		e->next = NULL;
		e->id = 0;
	}
	for (e = cairn_image.events; e; e = e->next)
		event_update(e); /* the region's copy of an event that another image has too */
	while (*p && *p != m)
		p = &(*p)->next;
	if (*p)
		*p = m->next;
	m->next = NULL;
	m->registered = false;
	return result;
}

static bool event_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* The value of the first word `trace=` in a command line or environment; what does not fit goes pattern by pattern. */
static void event_keep_boot_patterns(const char *args)
{
	static const char key[] = "trace=";
	char *kept = cairn_image.boot_patterns;
	size_t n = 0;
	unsigned i;

	kept[0] = 0;
	for (;;) {
		while (event_is_blank(*args))
			args++;
		if (!*args)
			return;
		for (i = 0; key[i] && args[i] == key[i]; i++)
			;
		if (!key[i])
			break;
		while (*args && !event_is_blank(*args))
			args++;
	}
	for (args += i;
	     *args && !event_is_blank(*args) && n + 1 < sizeof(cairn_image.boot_patterns); args++)
		kept[n++] = *args;
	while (*args && !event_is_separator(*args) && n && kept[n - 1] != ',')
		n--;
	kept[n] = 0;
}

static struct cairn_module *event_image(void)
{
	event_own_image.events = __start_cairn_events;
	event_own_image.events_stop = __stop_cairn_events;
	event_own_image.keys = __start_cairn_keys;
	event_own_image.keys_stop = __stop_cairn_keys;
	event_own_image.owner = "image";
	return &event_own_image;
}

#if CAIRN_PORT_SHARE
int cairn_events_join(void)
{
	return cairn_register(event_image());
}

void cairn_events_part(void)
{
	(void)cairn_unregister(&event_own_image);
}
#endif

void cairn_events_begin(const char *boot_args)
{
	struct cairn_event *e;

	if (!event_own_image.registered)
		(void)event_list_module(event_image());
	if (boot_args)
		event_keep_boot_patterns(boot_args);
	if (!cairn_image.next_id)
		cairn_image.next_id = CAIRN_ID_FIRST;
	for (e = cairn_image.events; e; e = e->next) {
		if (event_describe(e) == 0 && boot_args)
			event_apply_waiting(e);
		else
			event_update(
				e); /* after fork: what was enabled stays enabled, unless it was refused, and nothing else */
	}
	(void)event_apply_keys();
}
