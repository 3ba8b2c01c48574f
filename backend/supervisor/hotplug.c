/* SPDX-License-Identifier: MIT */
/*
 * hotplug.c - devices that a script sets up
 *
 * libxl waits for the backend's InitWait, then runs the script, and the script insists on that
 * state. So such a device is offered before anybody knows whether what it stands for exists, and is
 * opened only when the script says that it does. The watch on the backend's directory tells.
 */
#include <errno.h>
#include <string.h>

#include "supervisor.h"

/* NULL: absent; what does not fit the schema is as good as an empty one. */
static const char *read_or_null(struct device *dev, enum xs_key_id id, char *buf, size_t size)
{
	int rc = store_text(dev, XBT_NULL, dev->be_path, id, buf, size);

	if (rc == -ENOENT)
		return NULL;
	if (rc)
		buf[0] = '\0';
	return buf;
}

int hotplug_ready(struct device *dev)
{
	char script[XS_VALUE_MAX + 1], status[16], error[XS_VALUE_MAX + 1], safe[REASON_MAX - 32];
	const char *named = read_or_null(dev, XS_B_SCRIPT, script, sizeof(script));
	const char *said = read_or_null(dev, XS_B_HOTPLUG_STATUS, status, sizeof(status));

	switch (xs_hotplug(named, said)) {
	case XS_HOTPLUG_DONE:
		return 1;
	case XS_HOTPLUG_RUNNING:
		return 0;
	default:
		break;
	}
	if (!read_or_null(dev, XS_B_HOTPLUG_ERROR, error, sizeof(error)) || !error[0])
		strcpy(error, "it gives no reason, see /var/log/xen/xen-hotplug.log");
	return device_reason(dev, "its hotplug script failed: %s",
			     log_safe(safe, sizeof(safe), error));
}
