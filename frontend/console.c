/* SPDX-License-Identifier: MIT */
/*
 * console.c - the vconsole frontend: bytes out, bytes in
 *
 * A console is one page with a stream each way (ring/stream.h). It asks for nothing and is asked
 * for nothing: whoever has put or taken bytes notifies. So there is no request that could be lost,
 * and a backend that starts over finds in the page what the last one has left.
 *
 * A primary console's page and port are there when the domain is; nobody negotiates, and nobody
 * may give them up. Of struct pv_device it uses what keeps a reason and a state, and no more: it is
 * Connected from the beginning, and when it has failed it is released at the next step. A
 * secondary one is a device like any other (console_device.c).
 *
 * The hard thing is that the first console is where a kernel would complain about it. Whatever the
 * backend does, writing returns at once, and the kernel's own log goes on elsewhere.
 */
#include "console.h"

void console_adopt(struct pv_console *con, struct stream_console *page)
{
	con->page = page;
	stream_in_init(&con->in, stream_console_in(page), read_once(&page->in_cons));
	stream_out_init(&con->out, stream_console_out(page), read_once(&page->out_prod));
}

struct pv_console *pv_console_init(void *memory, struct pv_os *os, uint32_t devid)
{
	struct pv_console *con = memory;

	*con = (struct pv_console){ .primary = false };
	pv_device_init(&con->dev, &console_class, os, devid);
	return con;
}

struct pv_console *pv_console_init_primary(void *memory, struct pv_os *os, void *page,
					   uint32_t port)
{
	struct pv_console *con = pv_console_init(memory, os, 0);

	con->primary = true;
	con->port = port;
	con->dev.mine = XB_CONNECTED;
	console_adopt(con, page);
	return con;
}

/*
 * Stepping
 */

int pv_console_step(struct pv_console *con)
{
	if (!con->primary)
		return pv_device_step(&con->dev);
	console_class.noticed(&con->dev);
	con->dev.released |= !con->dev.wanted;
	con->dev.attention = false;
	return PV_OK;
}

bool pv_console_wants_step(const struct pv_console *con)
{
	return con->violation || pv_device_wants_step(&con->dev);
}

enum pv_state pv_console_state(const struct pv_console *con)
{
	return pv_device_state(&con->dev);
}

enum pv_err pv_console_error(const struct pv_console *con)
{
	return con->violation && !con->dev.error ? PV_EBACKEND : con->dev.error;
}

const char *pv_console_reason(const struct pv_console *con)
{
	if (con->dev.error)
		return con->dev.reason;
	return con->violation;
}

void pv_console_close(struct pv_console *con)
{
	pv_device_close(&con->dev);
}

int pv_console_fini(struct pv_console *con)
{
	return con->dev.released ? PV_OK : PV_EBUSY;
}

/*
 * Bytes
 */

/* PV_OK if bytes may be put into the page or taken from it. */
static int check_open(const struct pv_console *con)
{
	enum pv_err err = pv_console_error(con);

	if (err)
		return err;
	if (!con->dev.wanted)
		return PV_EGONE;
	return con->page ? PV_OK : PV_EAGAIN;
}

/* A counter of the backend's is impossible: no byte of the page can be believed any more. */
static int broken(struct pv_console *con, const char *what)
{
	con->violation = what;
	return PV_EBACKEND;
}

int pv_console_write(struct pv_console *con, const void *data, size_t len)
{
	int rc = check_open(con);
	uint32_t most = len < STREAM_CONSOLE_OUT ? (uint32_t)len : STREAM_CONSOLE_OUT;

	if (rc == PV_EAGAIN)
		con->wants_room = true;
	if (rc)
		return rc == PV_EAGAIN ? 0 : rc;
	rc = stream_put(&con->out, data, most);
	if (rc < 0)
		return broken(con, "the backend took more than there was to take");
	con->wants_room = (size_t)rc < len;
	if (rc > 0) {
		stream_out_publish(&con->out);
		con->published_any = true;
	}
	return rc;
}

int pv_console_read(struct pv_console *con, void *data, size_t max)
{
	int rc = check_open(con);
	uint32_t most = max < STREAM_CONSOLE_IN ? (uint32_t)max : STREAM_CONSOLE_IN;

	if (rc)
		return rc == PV_EAGAIN ? 0 : rc;
	rc = stream_take(&con->in, data, most);
	if (rc < 0)
		return broken(con, "the backend put in more than fits");
	if (rc > 0) {
		stream_in_publish(&con->in);
		con->published_any = true;
	}
	return rc;
}

void pv_console_kick(struct pv_console *con)
{
	if (!con->published_any || !con->port)
		return;
	con->published_any = false;
	pvos_evtchn_notify(con->dev.os, con->port);
}

size_t pv_console_unsent(const struct pv_console *con)
{
	int room = check_open(con) ? (int)STREAM_CONSOLE_OUT : stream_out_room(&con->out);

	return room < 0 ? 0 : STREAM_CONSOLE_OUT - (size_t)room;
}

bool pv_console_pending(const struct pv_console *con)
{
	return !check_open(con) && stream_in_pending(&con->in) != 0;
}

bool pv_console_arm(struct pv_console *con)
{
	if (check_open(con))
		return pv_console_wants_step(con);
	return pv_console_pending(con) || pv_console_wants_step(con) ||
	       (con->wants_room && stream_out_room(&con->out) != 0);
}

int pv_console_list(struct pv_os *os, uint32_t *devids, size_t max)
{
	return pv_device_list(os, XS_CLASS_VCONSOLE, devids, max);
}
