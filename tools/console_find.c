/* SPDX-License-Identifier: MIT */
/*
 * console_find.c - where a guest's console is, and the way there
 *
 * xpvd's worker listens on a socket whose name follows from the guest's number. Who else serves a
 * primary console (xenconsoled) names a terminal in xenstore. The guest must not be the one who
 * named it: a key that it could have written is not believed (XSA-57), nor is a name that is no
 * terminal. A secondary console's directory is the guest's own, so that only its socket counts.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "console_client.h"
#include "device.h"

/* Whether domain 0 alone can have written the node. */
static bool only_ours(struct xs_handle *xs, const char *path)
{
	unsigned int n;
	struct xs_permissions *perms = xs_get_permissions(xs, XBT_NULL, path, &n);
	bool ours = perms && n && perms[0].id == 0 && !(perms[0].perms & XS_PERM_WRITE);

	for (unsigned int i = 1; ours && i < n; i++)
		ours = perms[i].id == 0 || !(perms[i].perms & XS_PERM_WRITE);
	free(perms);
	return ours;
}

void console_find_tty(struct xs_handle *xs, struct console_at *at)
{
	static const char terminals[] = "/dev/pts/";
	char dir[XS_PATH_MAX], path[XS_PATH_MAX], *tty;

	at->tty[0] = '\0';
	if (at->number || !xs_primary_console_path(dir, sizeof(dir), at->dom.domid) ||
	    !xs_key_path(path, sizeof(path), dir, XS_F_CONSOLE_TTY, 0, 0) || !only_ours(xs, path))
		return;
	tty = store_get_text(xs, XBT_NULL, dir, XS_F_CONSOLE_TTY);
	if (tty && !strncmp(tty, terminals, sizeof(terminals) - 1) && !strstr(tty, "..") &&
	    strlen(tty) < sizeof(at->tty))
		strcpy(at->tty, tty);
	free(tty);
}

bool console_exists(struct xs_handle *xs, uint32_t domid, unsigned int number)
{
	struct device dev;

	if (!number)
		return domid != 0;
	device_find(xs, XBT_NULL, &dev, XS_KIND_CONSOLE, domid, number);
	return device_exists(xs, XBT_NULL, &dev);
}

/* The name of the worker's socket; none if it is too long: then xpvd could not make it either. */
static void name_socket(struct console_at *at)
{
	int r = snprintf(at->socket, sizeof(at->socket), CONSOLE_SOCKET_NAME, tool_rundir(),
			 at->dom.domid, at->number);

	if (r < 0 || (size_t)r >= sizeof(at->socket))
		at->socket[0] = '\0';
}

bool console_is_served(struct console_at *at)
{
	char folder[XS_PATH_MAX];

	name_socket(at);
	return at->socket[0] && tool_runpath(folder, sizeof(folder), CONSOLE_SOCKET_DIR) &&
	       !access(folder, X_OK);
}

int console_find(struct xs_handle *xs, const struct domain *dom, unsigned int number,
		 struct console_at *at)
{
	if (!dom->domid)
		return tool_error("%s: this is Dom0, whose console is the machine's; name a guest",
				  dom->name);
	if (!console_exists(xs, dom->domid, number))
		return tool_error("%s: it has no console %u; 'xpv console-list %s' shows those it "
				  "has", dom->name, number, dom->name);
	*at = (struct console_at){ .dom = *dom, .number = number };
	name_socket(at);
	console_find_tty(xs, at);
	return TOOL_OK;
}

int console_dial(const struct console_at *at)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), rc;

	if (fd < 0)
		return -errno;
	if (!at->socket[0]) {
		close(fd);
		return -ENOENT;
	}
	strcpy(addr.sun_path, at->socket);
	if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr)) &&
	    !fcntl(fd, F_SETFL, O_NONBLOCK))
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

int console_open_tty(const struct console_at *at)
{
	struct termios mode;
	int fd, rc;

	if (!at->tty[0])
		return -ENOENT;
	fd = open(at->tty, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	rc = tcgetattr(fd, &mode) ? -errno : 0;
	if (!rc && flock(fd, LOCK_EX | LOCK_NB))
		rc = errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (!rc) {
		cfmakeraw(&mode);
		tcsetattr(fd, TCSANOW, &mode);
		return fd;
	}
	close(fd);
	return rc;
}
