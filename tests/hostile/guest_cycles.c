/* SPDX-License-Identifier: MIT */
/*
 * guest_cycles.c - a guest that connects its disk, uses it and lets it go, again and again
 *
 * usage: guest_cycles DEVID COUNT
 *
 * In order, and as fast as the backend follows (XSA-350).
 */
#include "rogue.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	struct rogue r;
	unsigned long count;

	if (argc != 3)
		rogue_fail("usage: guest_cycles DEVID COUNT");
	count = strtoul(argv[2], NULL, 10);
	rogue_open(&r, (unsigned int)strtoul(argv[1], NULL, 10));
	rogue_restart(&r);
	for (unsigned long i = 0; i < count; i++) {
		rogue_connect(&r);
		rogue_use(&r);
		rogue_restart(&r);
	}
	rogue_close(&r);
	printf("%lu cycles\n", count);
	return 0;
}
