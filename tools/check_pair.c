/* SPDX-License-Identifier: MIT */
/*
 * check_pair.c - whether a device's two states fit, and who holds it up
 *
 * The state tables say whose move it is: the end that they give something to do has not done it.
 * If that is the backend, its own reason and the hotplug script's come first, for they say why.
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"

/* An end in a state that the table has no row for is lost: nothing can be expected of it. */
static bool to_move(struct xb_step step, unsigned int mine)
{
	return step.action != XB_VIOLATION && (step.action != XB_STAY || step.next != mine);
}

static bool backend_to_move(const struct check_device *d)
{
	return to_move(xb_backend_step(d->backend, d->frontend, d->online), d->backend);
}

/* Of a frontend that its guest wants; whether it does cannot be seen from outside. */
static bool frontend_to_move(const struct check_device *d)
{
	return to_move(xb_frontend_step(d->frontend, d->backend, true), d->frontend);
}

static bool connected(const struct check_device *d)
{
	return d->backend == XB_CONNECTED && d->frontend == XB_CONNECTED && d->online;
}

bool check_moving(const struct check_device *d)
{
	return d->backend != XB_UNKNOWN && !connected(d);
}

/* The reasons that either driver wrote down. True if the backend's explains why it stands still.
 * A text may be old: drivers do not remove it when they succeed later. */
static bool report_reasons(struct check *c, const struct check_device *d)
{
	char path[XS_PATH_MAX], quoted[CHECK_QUOTED], *text;
	bool failed = d->error[0] && !connected(d);

	if (d->error[0])
		check_report(c, failed ? CHECK_ERROR : CHECK_NOTICE, d->dev.error,
			     failed ? "put that right, then detach the device and attach it again"
				    : "it is connected again: no action is needed",
			     "the backend says: %s", d->error);
	xs_frontend_error_path(path, sizeof(path), d->dev.domid, d->dev.class, d->dev.devid);
	text = store_read(c->xs, c->t, path);
	if (text)
		check_report(c, CHECK_NOTICE, path, "look into the guest's log",
			     "the guest says: %s",
			     check_quote(quoted, text, strlen(text)));
	free(text);
	return failed;
}

/* True if the hotplug script has failed, or has not ended. */
static bool report_hotplug(struct check *c, const struct check_device *d)
{
	static const char *const log = "see /var/log/xen/xen-hotplug.log";
	char path[XS_PATH_MAX], *script, *status, *error;
	bool stuck = false;

	script = store_get_text(c->xs, c->t, d->dev.backend, XS_B_SCRIPT);
	status = store_get_text(c->xs, c->t, d->dev.backend, XS_B_HOTPLUG_STATUS);
	error = store_get_text(c->xs, c->t, d->dev.backend, XS_B_HOTPLUG_ERROR);
	xs_key_path(path, sizeof(path), d->dev.backend, XS_B_HOTPLUG_STATUS, 0, 0);
	if (xs_hotplug(script, status) == XS_HOTPLUG_FAILED) {
		check_report(c, CHECK_ERROR, path, log, "the hotplug script ended with %s: %.200s",
			     status, error ? error : "it gives no reason");
		stuck = true;
	} else if (xs_hotplug(script, status) == XS_HOTPLUG_RUNNING && d->online &&
		   d->backend == XB_INIT_WAIT) {
		check_report(c, CHECK_ERROR, path, log, "the hotplug script %.200s has not ended",
			     script ? script : "that it waits for");
		stuck = true;
	}
	free(script);
	free(status);
	free(error);
	return stuck;
}

/* What the guest wrote in place of a state holds everything up: neither end can go on from it. */
static void report_spoilt(struct check *c, const struct check_device *d, const char *states)
{
	char path[XS_PATH_MAX];

	xs_key_path(path, sizeof(path), d->dev.frontend, XS_F_STATE, 0, 0);
	check_report(c, CHECK_ERROR, path,
		     "correct the driver in the guest, or detach the device with --force",
		     "the guest has written something here that is no state, and holds the device "
		     "up (%s)", states);
}

/* The device is on its way out, and somebody holds it. */
static void report_detach(struct check *c, const struct check_device *d, const char *states)
{
	if (d->backend == XB_CLOSED && (d->frontend == XB_CLOSED || d->frontend <= XB_INITIALISING))
		check_report(c, CHECK_ERROR, d->dev.backend, "finish with 'xpv block-detach'",
			     "detached, but its nodes are still there (%s)", states);
	else if (d->frontend != XB_CLOSED && d->frontend != XB_UNKNOWN &&
		 d->frontend != XB_INITIALISING)
		check_report(c, CHECK_ERROR, d->dev.frontend,
			     "release it in the guest, or detach it with --force",
			     "being detached, and the guest does not let go (%s)", states);
	else
		check_report(c, CHECK_ERROR, d->dev.backend,
			     "is xpvd running? start it, or 'xpv restart' the backend",
			     "being detached, and the backend does not close (%s)", states);
}

static void report_standstill(struct check *c, const struct check_device *d, const char *states)
{
	if (d->backend == XB_CLOSED && d->frontend == XB_CLOSED)
		check_report(c, CHECK_NOTICE, d->dev.frontend,
			     "the guest may open it again, or detach it",
			     "the guest has closed the device (%s)", states);
	else if (backend_to_move(d))
		check_report(c, CHECK_ERROR, d->dev.backend,
			     "is xpvd running? start it, or 'xpv restart' the backend",
			     "the backend has to move, and does not (%s)", states);
	else if (d->frontend == XB_INITIALISING)
		check_report(c, CHECK_NOTICE, d->dev.frontend, "load the driver in the guest",
			     "waits for the guest's driver (%s)", states);
	else if (frontend_to_move(d) || d->frontend == XB_CLOSING)
		check_report(c, CHECK_ERROR, d->dev.frontend, "look into the guest's log",
			     "the guest's driver has to move, and does not (%s)", states);
	else
		check_report(c, CHECK_ERROR, d->dev.backend,
			     "detach the device and attach it again",
			     "the states do not fit together (%s)", states);
}

void check_pair(struct check *c, const struct check_device *d)
{
	bool explained = report_reasons(c, d);
	char states[80];

	if (connected(d))
		return;
	explained |= report_hotplug(c, d);
	strcpy(states, "backend ");
	strcat(states, xb_state_name(d->backend));
	strcat(states, ", frontend ");
	strcat(states, xb_state_name(d->frontend));
	if (d->frontend_bad && d->backend != XB_CLOSED)
		report_spoilt(c, d, states);
	else if (!d->online)
		report_detach(c, d, states);
	else if (!explained)
		report_standstill(c, d, states);
}
