/* SPDX-License-Identifier: MIT */
/*
 * host.c - what xpvd needs of its host, asked for before anything is served
 *
 * Workers open event channels and grants, long after xpvd has said that it is ready. If they
 * could not, every guest would wait for a reason that concerns none of them. So both are opened
 * once at the start, and closed again; what is missing is named with the command that helps. It
 * is only when something does not open that it matters whether this is Xen at all, so that the
 * simulator, which replaces the libraries, needs no exception here.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xentoollog.h>

#include "supervisor.h"

/* The libraries would print a line of their own. */
static void drop_message(struct xentoollog_logger *logger, xentoollog_level level, int errnoval,
			 const char *context, const char *format, va_list args)
{
	(void)logger, (void)level, (void)errnoval, (void)context, (void)format, (void)args;
}

static bool file_says(const char *path, const char *word)
{
	char text[64];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return strstr(text, word);
}

/* Dom0 says so; a driver domain has only the hypervisor's name. */
static bool under_xen(const struct supervisor *sup)
{
	char path[XS_PATH_MAX * 2];

	snprintf(path, sizeof(path), "%s/hypervisor/type", sup->sysfs);
	return file_says("/proc/xen/capabilities", "control_d") || file_says(path, "xen");
}

static int say_missing(const struct supervisor *sup, const char *what, const char *module)
{
	int err = errno;

	if (err == EMFILE || err == ENFILE)
		log_error("%s: %s: allow more open files, as with ulimit -n", what, strerror(err));
	else if (err == EACCES || err == EPERM)
		log_error("%s: %s: run xpvd as root", what, strerror(err));
	else if (!under_xen(sup))
		log_error("%s: %s, for this is not Xen: boot into Dom0, or use the simulator (xpv "
			  "sim start)", what, strerror(err));
	else
		log_error("%s: %s: 'modprobe %s', and see dmesg", what, strerror(err), module);
	return -1;
}

int host_check(const struct supervisor *sup)
{
	struct xentoollog_logger quiet = { .vmessage = drop_message };
	xenevtchn_handle *evtchn = xenevtchn_open(&quiet, 0);
	xengnttab_handle *gnttab;

	if (!evtchn)
		return say_missing(sup, "event channels (/dev/xen/evtchn)", "xen-evtchn");
	xenevtchn_close(evtchn);
	gnttab = xengnttab_open(&quiet, 0);
	if (!gnttab)
		return say_missing(sup, "grants (/dev/xen/gntdev)", "xen-gntdev");
	xengnttab_close(gnttab);
	return 0;
}

/* Two connections: libxenstore gives one that watches a thread of its own, and from then on every
 * answer comes by way of it, with two switches of threads each. A device that connects asks about a
 * hundred times. */
int host_open_store(struct supervisor *sup)
{
	unsigned int len;
	uint64_t domid = 0;
	char *text;

	sup->xs = xs_open(0);
	sup->xs_watches = sup->xs ? xs_open(0) : NULL;
	if (!sup->xs_watches) {
		log_error("xenstore: %s: start xenstored, in Dom0 as with 'systemctl start "
			  "xenstored' or '/etc/init.d/xen start'", strerror(errno));
		return -1;
	}
	fcntl(xs_fileno(sup->xs), F_SETFD, FD_CLOEXEC);
	fcntl(xs_fileno(sup->xs_watches), F_SETFD, FD_CLOEXEC);
	text = xs_read(sup->xs, XBT_NULL, "domid", &len);	/* relative: our own */
	if (text && xs_parse_u64(text, len, &domid) == XS_OK)
		sup->domid = (unsigned int)domid;
	free(text);
	return 0;
}
