/* SPDX-License-Identifier: MIT */
/*
 * Domains that come and go. Creating one makes its memory; destroying one takes two steps, as in
 * Xen: first its programs lose their connections, its ports close and its memory is marked dead;
 * then, when the last foreign mapping of its pages and its machine are gone, the domain itself
 * goes. VIRQ_DOM_EXC tells of both.
 */
#include <xenctrl.h>	/* before any other header of Xen's */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xen/event_channel.h>
#include <xen/sched.h>

#include "hv.h"

struct domain *domain_find(struct hv *hv, uint32_t domid)
{
	struct domain *dom;

	LIST_FOREACH(dom, &hv->domains, link)
		if (dom->domid == domid)
			return dom;
	return NULL;
}

/*
 * The domain that an operation is about, if the caller may touch it: itself, or any for domain 0.
 */
struct domain *domain_target(struct hv *hv, struct conn *conn, uint32_t domid)
{
	if (domid == DOMID_SELF || domid == conn->dom->domid)
		return conn->dom;
	return conn->dom->domid ? NULL : domain_find(hv, domid);
}

static int create_memory(struct domain *dom)
{
	struct sim_header *header;

	dom->memfd = memfd_create("xpv-domain", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (dom->memfd < 0)
		return -errno;
	/* Sealed, so that no client can make another fault by cutting the file short. */
	if (ftruncate(dom->memfd, SIM_MEMORY_SIZE) ||
	    fcntl(dom->memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		goto err;
	dom->base = mmap(NULL, SIM_MEMORY_SIZE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_NORESERVE, dom->memfd, 0);
	if (dom->base == MAP_FAILED)
		goto err;
	header = sim_header(dom->base);
	header->magic = SIM_MAGIC;
	header->domid = dom->domid;
	header->generation = dom->generation;
	return 0;
err:
	close(dom->memfd);
	return -errno;
}

/* A paused domain without memory in use. NULL: no memory for it. */
struct domain *domain_new(struct hv *hv, uint32_t domid)
{
	struct domain *dom = calloc(1, sizeof(*dom));
	struct domain *at, *after = NULL;

	if (!dom)
		return NULL;
	dom->domid = domid;
	dom->generation = ++hv->next_generation;
	dom->paused = true;
	dom->next_ref = SIM_FIRST_GRANT;
	dom->next_frame = SIM_FIRST_FRAME;
	LIST_INIT(&dom->evtchns);
	if (create_memory(dom)) {
		free(dom);
		return NULL;
	}
	LIST_FOREACH(at, &hv->domains, link)
		if (at->domid < domid)
			after = at;
	if (after)
		LIST_INSERT_AFTER(after, dom, link);
	else
		LIST_INSERT_HEAD(&hv->domains, dom, link);
	return dom;
}

static void close_clients(struct hv *hv, struct domain *dom)
{
	struct conn *conn, *next;

	for (conn = LIST_FIRST(&hv->conns); conn; conn = next) {
		next = LIST_NEXT(conn, link);
		if (conn->dom == dom && conn != dom->machine)
			conn_close(hv, conn);
	}
}

/* Takes away what its programs hold, so that they can do nothing more. The caller holds `dom`. */
static void stop_clients(struct hv *hv, struct domain *dom)
{
	struct evtchn *evtchn;

	close_clients(hv, dom);
	while ((evtchn = LIST_FIRST(&dom->evtchns)))
		evtchn_close(hv, evtchn);
}

void domain_destroy(struct hv *hv, struct domain *dom)
{
	if (dom->dying)
		return;
	dom->dying = true;
	dom->maps++;		/* hold it: closing what it owns must not free it */
	atomic_store(&sim_header(dom->base)->dead, 1);
	stop_clients(hv, dom);
	for (uint32_t port = 1; port < SIM_NR_PORTS; port++)
		port_close(hv, dom, port);
	conn_note(dom->machine, SIM_NOTE_DESTROY);
	evtchn_virq_dom_exc(hv);
	dom->maps--;
	domain_settle(hv, dom);
}

/* Its machine is gone, and with it what could end its programs. The caller holds `dom`. */
void domain_crash(struct hv *hv, struct domain *dom)
{
	stop_clients(hv, dom);
	domain_shutdown(hv, dom, SHUTDOWN_crash);
}

/* Frees a dying domain once nothing holds it. `dom` may be gone on return. */
void domain_settle(struct hv *hv, struct domain *dom)
{
	if (!dom->dying || dom->maps || dom->machine)
		return;
	LIST_REMOVE(dom, link);
	munmap(dom->base, SIM_MEMORY_SIZE);
	close(dom->memfd);
	free(dom);
	evtchn_virq_dom_exc(hv);
}

void domain_shutdown(struct hv *hv, struct domain *dom, uint8_t reason)
{
	if (dom->shutdown || dom->dying)
		return;
	dom->shutdown = true;
	dom->reason = reason;
	conn_note(dom->machine, SIM_NOTE_SHUTDOWN);
	evtchn_virq_dom_exc(hv);
}

static void clear_frame(struct domain *dom, uint32_t frame)
{
	fallocate(dom->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		  (off_t)sim_frame_offset(frame), SIM_PAGE);
}

/* A page of zeroes, next to the one given out before it if possible. */
int domain_frame_alloc(struct domain *dom, uint32_t *frame)
{
	for (uint32_t i = 0; i < SIM_NR_FRAMES; i++) {
		uint32_t at = dom->next_frame++;

		if (dom->next_frame >= SIM_NR_FRAMES)
			dom->next_frame = SIM_FIRST_FRAME;
		if (dom->frames[at / 8] & 1u << at % 8)
			continue;
		dom->frames[at / 8] |= (uint8_t)(1u << at % 8);
		clear_frame(dom, at);
		*frame = at;
		return 0;
	}
	return -ENOSPC;
}

void domain_frame_free(struct domain *dom, uint32_t frame)
{
	dom->frames[frame / 8] &= (uint8_t)~(1u << frame % 8);
	clear_frame(dom, frame);
	if (frame < dom->next_frame)
		dom->next_frame = frame;
}

void domain_info(struct hv *hv, struct domain *dom, struct sim_domain_info *info)
{
	uint32_t state = dom->dying ? XEN_DOMINF_dying :
			 dom->shutdown ? XEN_DOMINF_shutdown :
			 dom->paused ? XEN_DOMINF_paused :
			 dom->domid ? XEN_DOMINF_blocked : XEN_DOMINF_running;
	struct evtchn *evtchn;
	struct conn *conn;

	memset(info, 0, sizeof(*info));
	info->domid = dom->domid;
	info->flags = dom->flags | state | (uint32_t)dom->reason << XEN_DOMINF_shutdownshift;
	info->pages = dom->max_pages;
	info->max_pages = dom->max_pages;
	info->vcpus = dom->vcpus;
	info->ssidref = dom->ssidref;
	memcpy(info->handle, dom->handle, sizeof(info->handle));
	info->reason = dom->reason;
	info->ports = dom->nr_ports;
	info->grants = dom->nr_grants;
	info->maps = dom->maps;
	LIST_FOREACH(conn, &hv->conns, link)
		info->clients += conn->dom == dom;
	LIST_FOREACH(evtchn, &dom->evtchns, link)
		info->handles++;
}
