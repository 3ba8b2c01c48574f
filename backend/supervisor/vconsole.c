/* SPDX-License-Identifier: MIT */
/*
 * vconsole.c - a primary console: what is read of it, and what its clients find
 *
 * There is no handshake: a console is served from when its port is in xenstore until its domain is
 * gone. Its page is a grant that the domain builder has made, whatever frame ring-ref names.
 *
 * The keys are domain 0's to write. Toolstacks of old have let the guest write them too, and so
 * name a terminal, a file or a limit of its choice (XSA-57). So of a node that anybody else can
 * have written, nothing is believed, and the one that we write is made ours first.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/grant_table.h>

#include "barrier.h"
#include "scrollback.h"
#include "supervisor.h"

/* Whether a node is ours alone to write; false as well if there is none. */
static bool is_ours(struct device *dev, const char *path)
{
	unsigned int nr = 0;
	struct xs_permissions *perms = xs_get_permissions(dev->sup->xs, XBT_NULL, path, &nr);
	bool ours = perms && nr > 0 && perms[0].id == dev->sup->domid &&
		    !(perms[0].perms & XS_PERM_WRITE);

	for (unsigned int i = 1; perms && i < nr; i++)
		ours &= perms[i].id == dev->sup->domid || !(perms[i].perms & XS_PERM_WRITE);
	free(perms);
	return ours;
}

static bool is_believed(struct device *dev, enum xs_key_id id)
{
	char path[XS_PATH_MAX];

	return xs_key_path(path, sizeof(path), dev->fe_path, id, 0, 0) && is_ours(dev, path);
}

#define TYPE_IOEMU 1	/* of the choices of type */

/* 0 and its port; 1: there is nothing to be served, or not yet; -1 with dev->reason. */
static int read_port(struct device *dev, uint32_t *port)
{
	uint64_t type = 0, number;
	int rc;

	if (is_believed(dev, XS_F_CONSOLE_TYPE) &&
	    store_number(dev, XBT_NULL, dev->fe_path, XS_F_CONSOLE_TYPE, 0, &type) == -EINVAL)
		return -1;
	rc = store_number(dev, XBT_NULL, dev->fe_path, XS_F_CONSOLE_PORT, 0, &number);
	*port = rc ? 0 : (uint32_t)number;
	if (rc == -ENOENT || type == TYPE_IOEMU)
		return 1;
	return rc ? device_reason(dev, "the key port cannot be read: %s", strerror(-rc)) : 0;
}

/* The largest power of two within what Dom0 permits, and we do. */
static uint32_t scrollback_size(struct device *dev)
{
	uint64_t limit = SCROLL_DEFAULT;
	uint32_t size = SCROLL_DEFAULT;

	if (is_believed(dev, XS_F_CONSOLE_LIMIT))
		store_number(dev, XBT_NULL, dev->fe_path, XS_F_CONSOLE_LIMIT, 0, &limit);
	while (size > SCROLL_MIN && size > limit)
		size /= 2;
	return size;
}

/* The node is made ours before it says anything, and then tells clients where to go. */
static bool put_tty(struct device *dev)
{
	struct xs_permissions perms[] = {
		{ .id = dev->sup->domid, .perms = XS_PERM_NONE },
		{ .id = dev->fe, .perms = XS_PERM_READ },
	};
	struct xs_handle *xs = dev->sup->xs;
	char path[XS_PATH_MAX];

	return xs_key_path(path, sizeof(path), dev->fe_path, XS_F_CONSOLE_TTY, 0, 0) &&
	       (is_ours(dev, path) ||
		(xs_write(xs, XBT_NULL, path, "", 0) &&
		 xs_set_permissions(xs, XBT_NULL, path, perms, 2))) &&
	       xs_write(xs, XBT_NULL, path, dev->console.tty,
			(unsigned int)strlen(dev->console.tty));
}

static void publish_tty(struct device *dev)
{
	char old[sizeof(dev->console.tty)];

	if (!dev->console.tty[0] ||
	    (is_believed(dev, XS_F_CONSOLE_TTY) &&
	     store_text(dev, XBT_NULL, dev->fe_path, XS_F_CONSOLE_TTY, old, sizeof(old)) == 0 &&
	     strcmp(old, dev->console.tty) == 0))
		return;
	if (!put_tty(dev) && errno != ENOENT && log_allowed(&dev->log_limit, device_name(dev)))
		log_error("%s: xenstore does not take its tty: %s", device_name(dev),
			  strerror(errno));
}

static void give_up_or_wait(struct device *dev)
{
	if (dev->link != LINK_NONE)
		worker_detach(dev);
	if (dev->link == LINK_NONE && dev->domain_gone)
		device_remove(dev);
}

static void look(struct device *dev)
{
	uint32_t port;
	int rc;

	if (!dev->watched) {
		dev->claim = CLAIM_OURS;
		if (!device_watch(dev))
			return;
		worker_claim(dev);
		if (dev->link != LINK_NONE && dev->link != LINK_ATTACHED)
			return;
	}
	if (dev->domain_gone) {
		give_up_or_wait(dev);
		return;
	}
	if (dev->failed)
		return;
	dev->reason[0] = '\0';
	rc = read_port(dev, &port);
	if (rc == 0 && dev->link == LINK_NONE &&
	    (console_open(dev, scrollback_size(dev)) || console_log_open(dev)))
		rc = -1;
	if (rc < 0)
		device_hold(dev);
	else if (dev->link == LINK_ATTACHED && read_once(&dev->console.head->port) == port)
		publish_tty(dev);
	else if (dev->link == LINK_ATTACHED)
		worker_detach(dev);
	else if (rc == 0)
		worker_attach(dev);
}

static int collect(struct device *dev, struct wire_msg *msg, int *fds)
{
	const int order[] = { dev->console.scroll_fd, dev->console.log_fd, dev->console.listener,
			      dev->console.pty, dev->console.pty_slave };

	if (read_port(dev, &msg->console.port))
		return device_reason(dev, "its port is not in xenstore any more");
	msg->console.gref = GNTTAB_RESERVED_CONSOLE;
	msg->console.size = dev->console.head->size;
	msg->console.rate = dev->sup->consoles.rate;
	msg->console.log_max = (uint64_t)dev->sup->consoles.log_mib << 20;
	msg->console.flags = dev->sup->consoles.escape ? WIRE_LOG_ESCAPE : 0;
	memcpy(fds, order, sizeof(order));
	return 0;
}

static bool heard(struct device *dev, const struct wire_msg *msg, int fds[WIRE_MAX_FDS])
{
	switch (msg->type) {
	case WIRE_KEEP:
		console_keep(dev, fds);
		device_look(dev);
		return true;
	case WIRE_LOG_FULL:
		console_log_rotate(dev);
		return true;
	default:
		return false;
	}
}

static uint64_t progress(const struct device *dev)
{
	const struct scroll_head *head = dev->console.head;

	return head ? read_once(&head->out_pos) + read_once(&head->in_pos) : 0;
}

const struct device_class vconsole_class = {
	.id = XS_CLASS_VCONSOLE,
	.program = "xpv-vconsole",
	.program_nbd = "xpv-vconsole",
	.collect = collect,
	.adopt = console_adopt,
	.progress = progress,
	.heard = heard,
	.look = look,
	.release = console_close,
};
