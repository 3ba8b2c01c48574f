/* SPDX-License-Identifier: MIT */
/*
 * libxengnttab's producing half over the simulator: granting pages of our own. The hypervisor
 * picks frames of our domain and fills in the grant entries; we map the frames. They are revoked
 * when they are unshared, or when the handle goes.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "gntdev.h"

xengntshr_handle *xengntshr_open(struct xentoollog_logger *logger, unsigned int flags)
{
	(void)logger;
	(void)flags;
	return gntdev_open(SIM_KIND_GNTSHR);
}

int xengntshr_close(xengntshr_handle *xgs)
{
	return gntdev_close(xgs);
}

int xengntshr_fd(xengntshr_handle *xgs)
{
	return xgs->client.fd;
}

static size_t batch_size(uint32_t count)
{
	return offsetof(struct sim_share, entry) + count * sizeof(struct sim_shared);
}

static void unshare_refs(xengntshr_handle *xgs, const uint32_t *refs, uint32_t count)
{
	struct sim_msg msg = { .op = SIM_UNSHARE };
	struct sim_share *share = &msg.u.share;

	for (uint32_t done = 0; done < count; done += share->count) {
		share->count = count - done < SIM_BATCH ? count - done : SIM_BATCH;
		for (uint32_t i = 0; i < share->count; i++)
			share->entry[i].ref = refs[done + i];
		if (sim_call(&xgs->client, &msg, batch_size(share->count), NULL) < 0)
			return;
	}
}

/* One message's worth; `shared` counts the references to give back if a later batch fails. */
static int share_batch(xengntshr_handle *xgs, struct sim_domain *own, struct sim_msg *msg,
		       struct pages *pages, uint32_t *shared)
{
	struct sim_share *share = &msg->u.share;
	char *addr = (char *)pages->addr + (size_t)*shared * SIM_PAGE;
	uint32_t frames[SIM_BATCH];
	int rc = sim_call(&xgs->client, msg, batch_size(share->count), NULL);

	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < share->count; i++) {
		frames[i] = share->entry[i].frame;
		pages->ids[(*shared)++] = share->entry[i].ref;
	}
	return sim_map_frames(own, addr, frames, share->count, PROT_READ | PROT_WRITE);
}

static int share_all(xengntshr_handle *xgs, uint32_t domid, bool writable, struct pages *pages)
{
	struct sim_msg msg = { .op = SIM_SHARE };
	struct sim_share *share = &msg.u.share;
	struct sim_domain *own;
	uint32_t shared = 0;
	int rc = sim_domain_get(&xgs->client, xgs->client.domid, xgs->client.generation, &own);

	if (rc)
		return rc;
	share->domid = domid;
	share->readonly = !writable;
	while (shared < pages->count && !rc) {
		uint32_t left = pages->count - shared;

		share->count = left < SIM_BATCH ? left : SIM_BATCH;
		rc = share_batch(xgs, own, &msg, pages, &shared);
	}
	sim_domain_put(&xgs->client, own);
	if (rc)
		unshare_refs(xgs, pages->ids, shared);
	return rc;
}

static void *share(xengntshr_handle *xgs, uint32_t domid, uint32_t count, uint32_t *refs,
		   bool writable, struct sim_notify *notify)
{
	struct sim_msg msg = { .op = SIM_GRANT_NOTIFY };
	struct pages *pages = gntdev_pages_new(count);
	int rc;

	if (!pages)
		return NULL;
	rc = share_all(xgs, domid, writable, pages);
	if (rc)
		goto err;
	if (notify) {
		msg.u.notify = *notify;
		msg.u.notify.id = pages->ids[0];
		rc = sim_call(&xgs->client, &msg, sizeof(msg.u.notify), NULL);
	}
	if (!rc)
		rc = gntdev_pages_insert(xgs, pages);
	if (rc) {
		unshare_refs(xgs, pages->ids, count);
		goto err;
	}
	for (uint32_t i = 0; i < count; i++)
		refs[i] = pages->ids[i];
	return pages->addr;
err:
	gntdev_pages_free(pages);
	errno = -rc;
	return NULL;
}

void *xengntshr_share_pages(xengntshr_handle *xgs, uint32_t domid, int count, uint32_t *refs,
			    int writable)
{
	if (count <= 0) {
		errno = EINVAL;
		return NULL;
	}
	return share(xgs, domid, (uint32_t)count, refs, writable, NULL);
}

void *xengntshr_share_page_notify(xengntshr_handle *xgs, uint32_t domid, uint32_t *ref,
				  int writable, uint32_t notify_offset, evtchn_port_t notify_port)
{
	struct sim_notify notify = { .offset = notify_offset, .port = notify_port };
	bool wanted = notify_offset != ~0u || notify_port != ~0u;

	return share(xgs, domid, 1, ref, writable, wanted ? &notify : NULL);
}

int xengntshr_unshare(xengntshr_handle *xgs, void *start_address, uint32_t count)
{
	struct pages *pages = gntdev_pages_remove(xgs, start_address, count);

	if (!pages)
		return sim_result(-EINVAL);
	munmap(start_address, (size_t)count * SIM_PAGE);
	unshare_refs(xgs, pages->ids, count);
	free(pages);
	return 0;
}
