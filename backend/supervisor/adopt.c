/* SPDX-License-Identifier: MIT */
/*
 * adopt.c - workers that an earlier supervisor left
 *
 * When xpvd starts, each socket in the run directory's worker/ is the name of a worker that may
 * still serve its guest. One that answers is asked what it serves; when its devices are then
 * discovered in the store they find it there (worker_claim), and nothing changes for the guest.
 * This is the one place where the supervisor waits for a worker, before it serves anybody.
 */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "worker.h"

#define GREETING_MS	3000

/* The next of its messages, if that comes before `end`; a greeting has no descriptors. */
static int hear(struct worker *w, struct wire_msg *msg, uint64_t end)
{
	struct pollfd pfd = { .fd = w->sock.fd, .events = POLLIN };
	uint64_t now = loop_now();
	int fds[WIRE_MAX_FDS];

	if (now >= end || poll(&pfd, 1, (int)((end - now) / 1000000) + 1) <= 0 ||
	    wire_receive(w->sock.fd, msg, fds) <= 0)
		return -ETIMEDOUT;
	wire_drop(fds);
	return 0;
}

/* Hears the greeting of a worker that was here before us: what it serves. Waits, but not long: a
 * worker that has not said it all within GREETING_MS is no good and is ended. */
static int hear_greeting(struct worker *w)
{
	const uint64_t end = loop_now() + GREETING_MS * UINT64_C(1000000);
	unsigned int expected = 1;
	struct wire_msg msg;

	for (unsigned int heard = 0; heard < expected; heard++) {
		if (hear(w, &msg, end))
			return -ETIMEDOUT;
		if (heard == 0 && (msg.type != WIRE_HELLO || msg.hello.version != WIRE_VERSION ||
				   msg.hello.domid != w->domid ||
				   msg.hello.nr_devices > WORKER_DEVICES))
			return -EPROTO;
		if (heard == 0) {
			w->speaks_nbd = msg.hello.flags & WIRE_SPEAKS_NBD;
			expected += msg.hello.nr_devices;
		} else if (msg.type == WIRE_FAILED) {
			w->broken[w->nr_broken++] = msg.devid;
		} else {
			w->adopted[w->nr_adopted++] = msg.devid;
		}
	}
	w->greeted = true;
	return 0;
}

static void adopt(struct supervisor *sup, const struct device_class *class, unsigned int domid)
{
	struct worker *w = worker_create(sup, class, domid);
	int rc;

	if (!w)
		return;
	rc = worker_meet(w);
	if (rc == -ECONNREFUSED || rc == -ENOENT || rc == -ESRCH) {
		worker_bury(w);		/* nobody is behind the name */
		return;
	}
	if (rc) {
		log_error("guest %u: its worker cannot be reached: %s", domid, strerror(-rc));
		return;		/* journal_file_evict() ends it when it is in the way */
	}
	rc = hear_greeting(w);
	w->progress = worker_progress(w);
	if (rc)
		worker_kill(w, "it does not answer");
	else
		log_info("guest %u: worker %d was here before, and serves %u devices", domid,
			 (int)w->pid, w->nr_adopted);
}

/* "<domid>-<class>.sock" */
static void adopt_named(struct supervisor *sup, const char *name)
{
	const char *dash = strchr(name, '-');
	uint64_t domid;

	if (!dash || xs_parse_u64(name, (size_t)(dash - name), &domid) != XS_OK ||
	    domid > XS_DOMID_MAX)
		return;
	for (int i = 0; i < XS_CLASS_COUNT; i++) {
		const struct device_class *class = device_class_of((enum xs_class)i);
		size_t len = class ? strlen(xs_class_name(class->id)) : 0;

		if (class && strncmp(dash + 1, xs_class_name(class->id), len) == 0 &&
		    strcmp(dash + 1 + len, ".sock") == 0)
			adopt(sup, class, (unsigned int)domid);
	}
}

void workers_adopt(struct supervisor *sup)
{
	char path[RUN_PATH_MAX * 2];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/worker", sup->rundir);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir)))
		adopt_named(sup, entry->d_name);
	closedir(dir);
}
