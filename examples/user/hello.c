/* SPDX-License-Identifier: MIT */
/*
 * The smallest traced program. Run it as
 *
 *	build/host/cairn record -o hello.cairn -- build/host/examples/user/hello
 *	build/host/cairn report hello.cairn
 *
 * Run on its own it records nothing, and each firing costs one instruction.
 */
#define CAIRN_CREATE_EVENTS /* this file defines the events that it declares */
#include <cairn/cairn.h>

#include <stdio.h>

CAIRN_EVENT(hello, greeting, (field, int, n)(string, whom), "n=%d whom=%s");

int main(void)
{
	const char *whom[] = {"world", "kernel", "cairn"};
	int n;

	for (n = 0; n < 9; n++)
		cairn_trace_greeting(n, whom[n % 3]);
	printf("greeted %d times%s\n", n,
	       cairn_trace_greeting_enabled() ? ", and recorded it" : "");
	return 0;
}
