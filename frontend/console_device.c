/* SPDX-License-Identifier: MIT */
/*
 * console_device.c - a secondary console's turns of the handshake
 *
 * Publishing: one page and one event channel, made out to the backend's domain. There is nothing to
 * negotiate, so that connecting is only the word for it.
 *
 * The page outlives a connection, with its counters: what the old backend had not taken the new one
 * finds there, and what it had put in is still to be read. The channel does not: the new backend
 * may be another process, and binds a new one.
 */
#include "console.h"

static struct pv_console *to_console(struct pv_device *dev)
{
	return container_of(dev, struct pv_console, dev);
}

static void close_port(struct pv_console *con)
{
	if (con->port && !con->primary)
		pvos_evtchn_close(con->dev.os, con->port);
	con->port = 0;
}

static int make_page(struct pv_console *con)
{
	void *page;
	int rc;

	if (con->page)
		return PV_OK;
	rc = pvos_grant_pages(con->dev.os, (uint16_t)con->dev.backend_domid, 1, false, &page,
			      &con->gref);
	if (rc)
		return rc == PV_EPORT ? rc :
		       pv_device_fail(&con->dev, PV_ENOMEM, "no page to grant for it", NULL);
	console_adopt(con, page);
	con->page->connection = STREAM_DISCONNECTED;
	return PV_OK;
}

static int console_publish(struct pv_device *dev)
{
	struct pv_console *con = to_console(dev);
	int rc = make_page(con);

	if (!rc && !con->port) {
		rc = pvos_evtchn_open(dev->os, (uint16_t)dev->backend_domid, &con->port);
		if (rc && rc != PV_EPORT)
			rc = pv_device_fail(dev, PV_ENOMEM, "no event channel left for it", NULL);
	}
	if (!rc)
		rc = pv_device_write_number(dev, XS_F_CONSOLE_RING_REF, 0, 0, con->gref);
	if (!rc)
		rc = pv_device_write_number(dev, XS_F_CONSOLE_PORT, 0, 0, con->port);
	return rc;
}

/* What was put in meanwhile the backend finds by itself; but it may sleep already. */
static int console_connect(struct pv_device *dev)
{
	struct pv_console *con = to_console(dev);

	con->published_any = true;
	pv_console_kick(con);
	return PV_OK;
}

static int console_changed(struct pv_device *dev)
{
	(void)dev;
	return PV_OK;
}

static void console_noticed(struct pv_device *dev)
{
	struct pv_console *con = to_console(dev);

	if (con->violation)
		pv_device_fail(dev, PV_EBACKEND, con->violation, NULL);
	con->violation = NULL;
}

static void console_disconnect(struct pv_device *dev)
{
	(void)dev;	/* nothing is outstanding: bytes in the page belong to whoever comes next */
}

static int console_reset(struct pv_device *dev)
{
	close_port(to_console(dev));
	return PV_OK;
}

static int console_reclaim(struct pv_device *dev)
{
	(void)dev;
	return PV_OK;
}

static int console_release(struct pv_device *dev)
{
	struct pv_console *con = to_console(dev);
	int rc;

	close_port(con);
	if (!con->page)
		return PV_OK;
	rc = pvos_ungrant_pages(dev->os, con->page, 1, &con->gref);
	if (rc)
		return PV_EBUSY;
	con->page = NULL;
	return PV_OK;
}

const struct pv_class console_class = {
	.id = XS_CLASS_VCONSOLE,
	.noticed = console_noticed,
	.publish = console_publish,
	.connect = console_connect,
	.changed = console_changed,
	.disconnect = console_disconnect,
	.reset = console_reset,
	.reclaim = console_reclaim,
	.release = console_release,
};
