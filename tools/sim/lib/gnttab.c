/* SPDX-License-Identifier: MIT */
/*
 * libxengnttab's consuming half over the simulator: mapping what others granted. A mapping is
 * counted by the hypervisor, which alone can undo it when we are killed, and made here, from the
 * granter's memfd.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "gntdev.h"

xengnttab_handle *xengnttab_open(struct xentoollog_logger *logger, unsigned int flags)
{
	(void)logger;
	(void)flags;
	return gntdev_open(SIM_KIND_GNTTAB);
}

int xengnttab_close(xengnttab_handle *xgt)
{
	return gntdev_close(xgt);
}

int xengnttab_fd(xengnttab_handle *xgt)
{
	return xgt->client.fd;
}

int xengnttab_set_max_grants(xengnttab_handle *xgt, uint32_t nr_grants)
{
	(void)xgt;
	(void)nr_grants;
	return 0;
}

static int status_errno(int32_t status)
{
	switch (status) {
	case GNTST_okay:
		return 0;
	case GNTST_eagain:
		return -EAGAIN;
	case GNTST_no_space:
		return -ENOSPC;
	default:
		return -EINVAL;
	}
}

static size_t batch_size(uint32_t count)
{
	return offsetof(struct sim_maps, entry) + count * sizeof(struct sim_map);
}

static void unmap_ids(xengnttab_handle *xgt, const uint32_t *ids, uint32_t count)
{
	struct sim_msg msg = { .op = SIM_GRANT_UNMAP };
	struct sim_maps *maps = &msg.u.maps;

	for (uint32_t done = 0; done < count; done += maps->count) {
		maps->count = count - done < SIM_BATCH ? count - done : SIM_BATCH;
		for (uint32_t i = 0; i < maps->count; i++)
			maps->entry[i].id = ids[done + i];
		if (sim_call(&xgt->client, &msg, batch_size(maps->count), NULL) < 0)
			return;		/* the hypervisor is gone, and the mappings with it */
	}
}

static int place(xengnttab_handle *xgt, const struct sim_map *map, char *addr, int prot)
{
	struct sim_domain *domain;
	int rc = sim_domain_get(&xgt->client, map->domid, map->generation, &domain);

	if (rc)
		return rc;
	rc = sim_map_frames(domain, addr, &map->frame, 1, prot);
	sim_domain_put(&xgt->client, domain);
	return rc;
}

/* One message's worth. `mapped` counts the ids to give back, also when some of the pages failed. */
static int map_batch(xengnttab_handle *xgt, struct sim_msg *msg, char *addr, uint32_t *ids,
		     uint32_t *mapped, int prot)
{
	struct sim_maps *maps = &msg->u.maps;
	int rc = sim_call(&xgt->client, msg, batch_size(maps->count), NULL);

	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < maps->count; i++) {
		if (maps->entry[i].status == GNTST_okay)
			ids[(*mapped)++] = maps->entry[i].id;
		else if (!rc)
			rc = status_errno(maps->entry[i].status);
	}
	for (uint32_t i = 0; i < maps->count && !rc; i++)
		rc = place(xgt, &maps->entry[i], addr + (size_t)i * SIM_PAGE, prot);
	return rc;
}

static int map_all(xengnttab_handle *xgt, struct pages *pages, const uint32_t *domids,
		   bool one_domain, const uint32_t *refs, int prot)
{
	struct sim_msg msg = { .op = SIM_GRANT_MAP };
	struct sim_maps *maps = &msg.u.maps;
	uint32_t mapped = 0;
	int rc = 0;

	for (uint32_t done = 0; done < pages->count && !rc; done += maps->count) {
		uint32_t left = pages->count - done;

		maps->count = left < SIM_BATCH ? left : SIM_BATCH;
		maps->readonly = !(prot & PROT_WRITE);
		for (uint32_t i = 0; i < maps->count; i++) {
			maps->entry[i].domid = domids[one_domain ? 0 : done + i];
			maps->entry[i].ref = refs[done + i];
		}
		rc = map_batch(xgt, &msg, (char *)pages->addr + (size_t)done * SIM_PAGE,
			       pages->ids, &mapped, prot);
	}
	if (rc)
		unmap_ids(xgt, pages->ids, mapped);
	return rc;
}

static int set_notify(xengnttab_handle *xgt, struct sim_notify notify)
{
	struct sim_msg msg = { .op = SIM_GRANT_NOTIFY, .u.notify = notify };

	return sim_call(&xgt->client, &msg, sizeof(msg.u.notify), NULL);
}

static void *map(xengnttab_handle *xgt, uint32_t count, const uint32_t *domids, bool one_domain,
		 const uint32_t *refs, int prot, struct sim_notify *notify)
{
	struct pages *pages = gntdev_pages_new(count);
	int rc;

	if (!pages)
		return NULL;
	rc = map_all(xgt, pages, domids, one_domain, refs, prot);
	if (rc)
		goto err;
	if (notify) {
		notify->id = pages->ids[0];
		rc = set_notify(xgt, *notify);
	}
	if (!rc)
		rc = gntdev_pages_insert(xgt, pages);
	if (!rc)
		return pages->addr;
	unmap_ids(xgt, pages->ids, count);
err:
	gntdev_pages_free(pages);
	errno = -rc;
	return NULL;
}

void *xengnttab_map_grant_ref(xengnttab_handle *xgt, uint32_t domid, uint32_t ref, int prot)
{
	return map(xgt, 1, &domid, true, &ref, prot, NULL);
}

void *xengnttab_map_grant_refs(xengnttab_handle *xgt, uint32_t count, uint32_t *domids,
			       uint32_t *refs, int prot)
{
	return map(xgt, count, domids, false, refs, prot, NULL);
}

void *xengnttab_map_domain_grant_refs(xengnttab_handle *xgt, uint32_t count, uint32_t domid,
				      uint32_t *refs, int prot)
{
	return map(xgt, count, &domid, true, refs, prot, NULL);
}

void *xengnttab_map_grant_ref_notify(xengnttab_handle *xgt, uint32_t domid, uint32_t ref, int prot,
				     uint32_t notify_offset, evtchn_port_t notify_port)
{
	struct sim_notify notify = { .offset = notify_offset, .port = notify_port };
	bool wanted = notify_offset != ~0u || notify_port != ~0u;

	return map(xgt, 1, &domid, true, &ref, prot, wanted ? &notify : NULL);
}

/* Our view goes before the count: when the granter may reuse a page, nobody here can touch it. */
int xengnttab_unmap(xengnttab_handle *xgt, void *start_address, uint32_t count)
{
	struct pages *pages = gntdev_pages_remove(xgt, start_address, count);

	if (!pages)
		return sim_result(-EINVAL);
	munmap(start_address, (size_t)count * SIM_PAGE);
	unmap_ids(xgt, pages->ids, count);
	free(pages);
	return 0;
}

static int unsupported(void)
{
	return sim_result(-EOPNOTSUPP);
}

int xengnttab_dmabuf_exp_from_refs(xengnttab_handle *xgt, uint32_t domid, uint32_t flags,
				   uint32_t count, const uint32_t *refs, uint32_t *fd)
{
	(void)xgt, (void)domid, (void)flags, (void)count, (void)refs, (void)fd;
	return unsupported();
}

int xengnttab_dmabuf_exp_wait_released(xengnttab_handle *xgt, uint32_t fd, uint32_t wait_to_ms)
{
	(void)xgt, (void)fd, (void)wait_to_ms;
	return unsupported();
}

int xengnttab_dmabuf_imp_to_refs(xengnttab_handle *xgt, uint32_t domid, uint32_t fd,
				 uint32_t count, uint32_t *refs)
{
	(void)xgt, (void)domid, (void)fd, (void)count, (void)refs;
	return unsupported();
}

int xengnttab_dmabuf_imp_release(xengnttab_handle *xgt, uint32_t fd)
{
	(void)xgt, (void)fd;
	return unsupported();
}
