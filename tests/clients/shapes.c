/* SPDX-License-Identifier: MIT */
/*
 * Not a test itself: fires events of every shape a payload can have, in an order drawn by chance, so that each shape also ends a
 * packet. tests/clients/babeltrace.py reads what it leaves.
 *
 *	shapes NUMBER SEED
 */
#define CAIRN_CREATE_EVENTS
#define CREATE_TRACE_POINTS
#include "shapes_linux.h"
#include <cairn/cairn.h>

#include <stdio.h>
#include <stdlib.h>

CAIRN_NAMES(shape_bits, (1, "one")(2, "two")(4, "four"));
CAIRN_NAMES(shape_kinds, (0, "no*\\/thing")(1, "some*/thing")(2, "back\\slash \"quote\""));

CAIRN_EVENT0(shape, nothing);
CAIRN_EVENT_PLAIN(shape, byte, (field, uint8_t, b));
CAIRN_EVENT_PLAIN(shape, padded, (field, uint8_t, a)(field, uint64_t, b)(field, int16_t, c));
CAIRN_EVENT(shape, named, (flags, uint32_t, bits, shape_bits)(symbol, uint8_t, kind, shape_kinds),
	    "bits=%s kind=%s");
CAIRN_EVENT(shape, text, (string, s), "s=%s");
CAIRN_EVENT(shape, texts, (string, s)(field, uint8_t, event)(string, stream),
	    "s=%s event=%u stream=%s");
CAIRN_EVENT(shape, odd, (array, uint8_t, bytes, 5)(array, char, name, 7), "bytes=%s name=%s");
CAIRN_EVENT(shape, words, (dynamic, uint16_t, w), "w=%s");
CAIRN_EVENT(shape, longs, (field, uint8_t, n)(dynamic, uint64_t, v)(dynamic, uint8_t, tail),
	    "n=%u v=%s tail=%s");

static uint64_t shapes_state;

static unsigned shapes_rand(unsigned below)
{
	shapes_state = shapes_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(shapes_state >> 33) % below;
}

static void shapes_fire(void)
{
	static const char text[] =
		"0123456789abcdefghijklmnopqrstuvwxyz 0123456789abcdefghijklmnopqrstuvwxyz";
	static const uint64_t longs[8] = {1, 2, 3, ~0ull, 5, 6, 7, 8};
	static const uint16_t words[16] = {1, 65535, 3};
	const char *s = text + shapes_rand(sizeof(text)), *t = text + shapes_rand(sizeof(text));
	struct shape_triple triples[4] = {{1, 2, 3}, {4, 5, 6}};
	unsigned n = shapes_rand(8);

	switch (shapes_rand(10)) {
	case 0:
		cairn_trace_nothing();
		break;
	case 1:
		cairn_trace_byte((uint8_t)n);
		break;
	case 2:
		cairn_trace_padded((uint8_t)n, n * 1000000007ull, (int16_t)-n);
		break;
	case 3:
		cairn_trace_named(n, (uint8_t)(n % 4));
		break;
	case 4:
		cairn_trace_text(s);
		break;
	case 5:
		cairn_trace_texts(s, (uint8_t)n, t);
		break;
	case 6:
		cairn_trace_odd((const uint8_t *)text, text);
		break;
	case 7:
		cairn_trace_words(words, n);
		break;
	case 8:
		cairn_trace_longs((uint8_t)n, longs, n, (const uint8_t *)text, shapes_rand(8));
		break;
	case 9:
		trace_shape_triples(triples, n % 4, s);
		break;
	}
}

int main(int argc, char **argv)
{
	unsigned i, n = argc > 1 ? (unsigned)atoi(argv[1]) : 1000;

	shapes_state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	for (i = 0; i < n; i++)
		shapes_fire();
	return 0;
}
