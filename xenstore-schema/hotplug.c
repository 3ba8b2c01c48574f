/* SPDX-License-Identifier: MIT */
/*
 * hotplug.c - how far a device's hotplug script has come
 *
 * A toolstack that sets a device up by a script names it in the backend's directory, waits for
 * InitWait, and runs it; the script ends by writing hotplug-status. The backend and `xpv check`
 * must read the two keys in the same way, so they both ask here.
 *
 * Not every device has a script, and what had none before the key was invented has no status
 * either: only a script that is named, or a status that is there and empty, makes one wait.
 */
#include "schema.h"

static bool same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

enum xs_hotplug xs_hotplug(const char *script, const char *status)
{
	if (status && same(status, "connected"))
		return XS_HOTPLUG_DONE;
	if (status && *status)
		return XS_HOTPLUG_FAILED;
	if (!status && (!script || !*script || same(script, "none")))
		return XS_HOTPLUG_DONE;
	return XS_HOTPLUG_RUNNING;
}
