/* SPDX-License-Identifier: MIT */
/*
 * device.c - the handshake that the frontends of all classes share
 *
 * Everything that happens between "the toolstack made a device" and "requests flow", and back, is
 * one function: look at the backend's state, look the pair of states up in the step table
 * (xenstore-schema/state.c), do what it says, write our next state. pv_device_step() repeats that
 * until the table has nothing more to do for now. It is called when a watch fires; there are two,
 * on our key `backend` (the device appears, the device vanishes) and on the backend's `state`.
 *
 * Whatever goes wrong fails this device alone: it closes as if its owner had closed it, with the
 * first reason kept.
 *
 * The hard thing is to know when to stop wanting the device. A backend that closes a connection
 * that we had means it (the toolstack detaches): we close and stay closed. A backend that is still
 * closing an earlier owner's connection, or that starts over, does not: we wait for it to be
 * Closed, and start anew. What tells the two apart then is the toolstack's key `online`.
 */
#include "device.h"

#define STEPS_MAX	8	/* a handshake from any state takes fewer */
#define RETRY_NS	100000000ull
#define SECOND_NS	1000000000ull
#define LOG_LINES	20	/* a second: a backend that flaps may not flood the log */

void pv_append(char *buf, size_t size, const char *text)
{
	size_t len = 0;

	while (buf[len])
		len++;
	while (*text && len + 1 < size)
		buf[len++] = *text++;
	buf[len] = '\0';
}

void pv_device_init(struct pv_device *dev, const struct pv_class *class, struct pv_os *os,
		    uint32_t devid)
{
	*dev = (struct pv_device){ .class = class, .os = os, .devid = devid,
				   .mine = XB_INITIALISING, .wanted = true };
}

void pv_device_log(struct pv_device *dev, enum pv_log_level level, const char *text,
		   const char *detail)
{
	uint64_t now = pvos_clock(dev->os);
	char line[PV_REASON_MAX + 48] = "", number[24];

	if (!dev->log_lines || now - dev->log_second >= SECOND_NS) {
		dev->log_second = now;
		dev->log_lines = 0;
	}
	if (dev->log_lines++ >= LOG_LINES)
		return;
	xs_format_u64(number, sizeof(number), dev->devid);
	pv_append(line, sizeof(line), xs_class_type(dev->class->id));
	pv_append(line, sizeof(line), " ");
	pv_append(line, sizeof(line), number);
	pv_append(line, sizeof(line), ": ");
	pv_append(line, sizeof(line), text);
	if (detail)
		pv_append(line, sizeof(line), detail);
	pvos_log(dev->os, level, line);
}

static void keep_reason(struct pv_device *dev, enum pv_err err, const char *reason,
			const char *detail)
{
	if (dev->error)
		return;
	dev->error = err;
	pv_append(dev->reason, sizeof(dev->reason), reason);
	if (detail)
		pv_append(dev->reason, sizeof(dev->reason), detail);
	pv_device_log(dev, err == PV_EGONE ? PV_LOG_INFO : PV_LOG_ERROR, dev->reason, NULL);
}

int pv_device_fail(struct pv_device *dev, enum pv_err err, const char *reason, const char *detail)
{
	bool first = dev->wanted || !dev->error;

	keep_reason(dev, err, reason, detail);
	dev->wanted = false;
	dev->attention |= first;
	dev->class->disconnect(dev);
	return err;
}

void pv_device_hold(struct pv_device *dev)
{
	dev->retry_at = pvos_clock(dev->os) + RETRY_NS;
}

/*
 * Stepping
 */

static const char *how_it_ended(const struct pv_device *dev)
{
	if (dev->vanished)
		return "the device was removed";
	return dev->mine == XB_INITIALISED ? "the backend refused the connection" :
					     "the backend closed the device";
}

/* The backend ends a connection that we had or were about to have: no second try by ourselves. */
static bool ends_connection(const struct pv_device *dev, unsigned int peer)
{
	if (dev->mine != XB_CONNECTED && dev->mine != XB_INITIALISED)
		return false;
	return peer == XB_UNKNOWN || peer == XB_CLOSING || peer == XB_CLOSED;
}

/* Between connections a closed backend waits for us, if its toolstack wants it to; else it is
 * about to be removed. `gone`: leave it alone. */
static int note_end(struct pv_device *dev, unsigned int peer, bool *gone)
{
	bool end = dev->vanished || ends_connection(dev, peer);
	uint64_t online = 1;
	int rc;

	if (!dev->wanted)
		return PV_OK;
	if (!end && peer == XB_CLOSED) {
		rc = pv_device_read(dev, XS_B_ONLINE, &online);
		if (rc)
			return rc;
	}
	if (end || (!online && dev->was_connected)) {
		keep_reason(dev, PV_EGONE, how_it_ended(dev), NULL);
		dev->wanted = false;
	}
	*gone = dev->wanted && !online;
	return PV_OK;
}

static int do_stay(struct pv_device *dev, unsigned int peer)
{
	if (dev->wanted && dev->mine == XB_CONNECTED && peer == XB_CONNECTED)
		return dev->class->changed(dev);
	return PV_OK;
}

static int do_publish(struct pv_device *dev, unsigned int peer)
{
	(void)peer;
	dev->published = true;
	return dev->class->publish(dev);
}

static int do_connect(struct pv_device *dev, unsigned int peer)
{
	int rc = dev->class->connect(dev);

	(void)peer;
	if (rc)
		return rc;
	pv_device_log(dev, PV_LOG_INFO, dev->was_connected ? "connected again" : "connected", NULL);
	dev->was_connected = true;
	return PV_OK;
}

static int do_disconnect(struct pv_device *dev, unsigned int peer)
{
	(void)peer;
	dev->class->disconnect(dev);
	return PV_OK;
}

static int do_reset(struct pv_device *dev, unsigned int peer)
{
	(void)peer;
	return dev->class->reset(dev);
}

static int do_remove(struct pv_device *dev, unsigned int peer)
{
	(void)peer;
	if (dev->class->release(dev) == PV_EBUSY) {
		pv_device_hold(dev);
		return PV_OK;
	}
	dev->retry_at = 0;
	dev->released = true;
	return PV_OK;
}

static int do_violation(struct pv_device *dev, unsigned int peer)
{
	(void)peer;
	pv_device_fail(dev, PV_EBACKEND, "the backend's state is not one that may follow", NULL);
	return PV_OK;
}

static int (*const actions[XB_ACTION_COUNT])(struct pv_device *, unsigned int) = {
	[XB_STAY] = do_stay,
	[XB_PUBLISH] = do_publish,
	[XB_CONNECT] = do_connect,
	[XB_DISCONNECT] = do_disconnect,
	[XB_RESET] = do_reset,
	[XB_REMOVE] = do_remove,
	[XB_VIOLATION] = do_violation,
};

static int step_once(struct pv_device *dev)
{
	struct xb_step step;
	unsigned int peer;
	bool gone = false;
	int rc;

	rc = pv_device_start(dev);
	if (!rc)
		rc = pv_device_locate(dev);
	if (!rc)
		rc = pv_device_read_peer(dev, &peer);
	if (!rc)
		rc = note_end(dev, peer, &gone);
	if (rc || gone)
		return rc;
	step = xb_frontend_step(dev->mine, peer, dev->wanted);
	rc = actions[step.action](dev, peer);
	if (rc)
		return rc;
	dev->mine = step.next;
	return pv_device_write_state(dev);
}

int pv_device_step(struct pv_device *dev)
{
	enum xb_state before;
	int rc = PV_OK, i = 0;

	dev->class->noticed(dev);
	if (dev->retry_at && pvos_clock(dev->os) >= dev->retry_at) {
		dev->retry_at = 0;
		if (dev->class->reclaim(dev) == PV_EBUSY)
			pv_device_hold(dev);
	}
	do {
		dev->attention = false;
		if (dev->released)
			break;
		before = dev->mine;
		rc = step_once(dev);
	} while (rc != PV_EPORT && (dev->mine != before || dev->attention) && ++i < STEPS_MAX);

	if (rc == PV_EPORT && !dev->wanted && !dev->published)
		dev->released = true;	/* nothing was granted: xenstore need not be waited for */
	else if (rc == PV_EPORT)
		pv_device_hold(dev);
	if (dev->released)
		pv_device_unwatch(dev);
	return rc == PV_EPORT ? rc : PV_OK;
}

bool pv_device_wants_step(const struct pv_device *dev)
{
	return dev->attention || (dev->retry_at && pvos_clock(dev->os) >= dev->retry_at);
}

void pv_device_close(struct pv_device *dev)
{
	dev->attention |= dev->wanted;
	dev->wanted = false;
}

enum pv_state pv_device_state(const struct pv_device *dev)
{
	if (dev->released)
		return PV_CLOSED;
	if (!dev->wanted)
		return PV_CLOSING;
	if (dev->mine == XB_CONNECTED)
		return PV_OPEN;
	return dev->was_connected ? PV_PAUSED : PV_OPENING;
}

void pv_watch_fired(void *token)
{
	pv_device_step(token);
}
