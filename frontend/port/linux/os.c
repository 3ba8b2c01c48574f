/* SPDX-License-Identifier: MIT */
/*
 * os.c - the twelve functions in a Linux process
 *
 * Grants come from gntalloc: pages and references only together, and munmap() ends a grant as far
 * as we are concerned; the kernel itself keeps a page that the peer still holds. So ungranting
 * always succeeds here. (gntalloc allows 1024 pages in all unless its module parameter `limit` is
 * raised; a vdisk takes up to 353 for every page of its rings and makes do with fewer.)
 *
 * Watch tokens are serial numbers, looked up in a list: an event that was queued before its watch
 * was removed finds nothing and is dropped.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "linux_os.h"
#include "pv.h"

struct os_watch {
	struct os_watch *next;
	void *token;
	char id[16];
	char path[];
};

const char *linux_os_open(struct pv_os *os)
{
	*os = (struct pv_os){ .verbose = os->verbose, .log = os->log };
	os->gntshr = xengntshr_open(NULL, 0);
	if (!os->gntshr)
		return "the grant device";
	os->evtchn = xenevtchn_open(NULL, 0);
	if (!os->evtchn)
		return "the event channel device";
	if (fcntl(xenevtchn_fd(os->evtchn), F_SETFL, O_NONBLOCK) < 0)
		return "the event channel device";
	os->xs = xs_open(0);
	return os->xs ? NULL : "xenstore";
}

void linux_os_close(struct pv_os *os)
{
	struct os_watch *watch;

	if (os->xs)
		xs_close(os->xs);
	if (os->evtchn)
		xenevtchn_close(os->evtchn);
	if (os->gntshr)
		xengntshr_close(os->gntshr);
	while ((watch = os->watches)) {
		os->watches = watch->next;
		free(watch);
	}
	*os = (struct pv_os){ 0 };
}

/*
 * Memory
 */

int pvos_grant_pages(struct pv_os *os, uint16_t domid, uint32_t nr, bool readonly, void **pages,
		     uint32_t *grefs)
{
	void *p = xengntshr_share_pages(os->gntshr, domid, (int)nr, grefs, !readonly);

	if (!p)
		return PV_ENOMEM;
	memset(p, 0, nr * 4096ul);
	*pages = p;
	return PV_OK;
}

int pvos_ungrant_pages(struct pv_os *os, void *pages, uint32_t nr, const uint32_t *grefs)
{
	(void)grefs;
	xengntshr_unshare(os->gntshr, pages, nr);
	return PV_OK;
}

/*
 * Event channels
 */

int pvos_evtchn_open(struct pv_os *os, uint16_t domid, uint32_t *port)
{
	xenevtchn_port_or_error_t r = xenevtchn_bind_unbound_port(os->evtchn, domid);

	if (r < 0)
		return PV_ENOMEM;
	*port = (uint32_t)r;
	return PV_OK;
}

void pvos_evtchn_close(struct pv_os *os, uint32_t port)
{
	xenevtchn_unbind(os->evtchn, port);
}

void pvos_evtchn_notify(struct pv_os *os, uint32_t port)
{
	xenevtchn_notify(os->evtchn, port);
}

int linux_os_take_event(struct pv_os *os)
{
	xenevtchn_port_or_error_t port = xenevtchn_pending(os->evtchn);

	if (port < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : PV_EPORT;
	/* From here on the channel fires again; what it says is read from the rings afterwards. */
	xenevtchn_unmask(os->evtchn, (evtchn_port_t)port);
	return 1;
}

/*
 * Xenstore
 */

static int store_error(void)
{
	return errno == ENOENT || errno == EACCES ? PV_ENOENT : PV_EPORT;
}

int pvos_xs_read(struct pv_os *os, const char *path, char *buf, size_t size, size_t *len)
{
	unsigned int n;
	char *value = xs_read(os->xs, XBT_NULL, path, &n);
	int rc = PV_OK;

	if (!value)
		return store_error();
	if (n > size)
		rc = PV_ETOOLONG;
	else
		memcpy(buf, value, n);
	*len = n;
	free(value);
	return rc;
}

int pvos_xs_write(struct pv_os *os, const char *path, const char *value)
{
	bool ok = value ? xs_write(os->xs, XBT_NULL, path, value, (unsigned int)strlen(value)) :
			  xs_rm(os->xs, XBT_NULL, path);

	if (ok || (!value && errno == ENOENT))
		return PV_OK;
	return store_error();
}

int pvos_xs_list(struct pv_os *os, const char *path, char *buf, size_t size, size_t *len)
{
	unsigned int n;
	char **names = xs_directory(os->xs, XBT_NULL, path, &n);
	int rc = PV_OK;

	if (!names)
		return store_error();
	*len = 0;
	for (unsigned int i = 0; i < n && !rc; i++) {
		size_t bytes = strlen(names[i]) + 1;

		if (bytes > size - *len) {
			rc = PV_ETOOLONG;
			break;
		}
		memcpy(buf + *len, names[i], bytes);
		*len += bytes;
	}
	free(names);
	return rc;
}

int pvos_xs_watch(struct pv_os *os, const char *path, void *token)
{
	struct os_watch *watch = malloc(sizeof(*watch) + strlen(path) + 1);

	if (!watch)
		return PV_ENOMEM;
	watch->token = token;
	snprintf(watch->id, sizeof(watch->id), "%u", os->next_watch++);
	strcpy(watch->path, path);
	if (!xs_watch(os->xs, path, watch->id)) {
		free(watch);
		return PV_EPORT;
	}
	watch->next = os->watches;
	os->watches = watch;
	return PV_OK;
}

void pvos_xs_unwatch(struct pv_os *os, const char *path, void *token)
{
	for (struct os_watch **p = &os->watches, *watch; (watch = *p); p = &watch->next) {
		if (watch->token != token || strcmp(watch->path, path) != 0)
			continue;
		*p = watch->next;
		xs_unwatch(os->xs, watch->path, watch->id);
		free(watch);
		return;
	}
}

int linux_os_take_watch(struct pv_os *os)
{
	char **event = xs_check_watch(os->xs);
	void *token = NULL;

	if (!event)
		return errno == EAGAIN ? 0 : PV_EPORT;
	for (struct os_watch *watch = os->watches; watch; watch = watch->next)
		if (!strcmp(watch->id, event[XS_WATCH_TOKEN]))
			token = watch->token;
	free(event);
	if (token)
		pv_watch_fired(token);
	return 1;
}

/*
 * The rest
 */

void pvos_log(struct pv_os *os, enum pv_log_level level, const char *line)
{
	if (os->log)
		os->log(level, line);
	else if (level != PV_LOG_INFO || os->verbose)
		fprintf(stderr, "%s\n", line);
}

uint64_t pvos_clock(struct pv_os *os)
{
	struct timespec now;

	(void)os;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}
