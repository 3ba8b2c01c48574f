/* SPDX-License-Identifier: MIT */
/*
 * Grant mappings. The hypervisor counts them for each entry and each handle, so that GTF_reading
 * and GTF_writing say the truth and a killed process leaves nothing mapped. The page itself the
 * library maps, from the granter's memfd.
 *
 * A busy entry remembers the frame it was mapped with: what its domain writes into the entry
 * meanwhile moves no existing mapping.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <xen/xen.h>

#include "hv.h"

#define MAX_MAPS	65536	/* a handle */

static int map_slot(struct conn *conn, uint32_t *id)
{
	if (conn->free_map == ~0u) {
		uint32_t nr = conn->nr_maps ? conn->nr_maps * 2 : 64;
		struct map *maps;

		if (nr > MAX_MAPS)
			return -ENOSPC;
		maps = realloc(conn->maps, nr * sizeof(*maps));
		if (!maps)
			return -ENOMEM;
		for (uint32_t i = nr; i-- > conn->nr_maps; conn->free_map = i)
			maps[i] = (struct map){ .next_free = conn->free_map };
		conn->maps = maps;
		conn->nr_maps = nr;
	}
	*id = conn->free_map;
	conn->free_map = conn->maps[*id].next_free;
	return 0;
}

/* GTF_reading is set for every mapping, GTF_writing for writable ones, as Xen does. */
static void mark_use(struct domain *dom, uint32_t ref)
{
	struct grant *grant = &dom->grants[ref];
	sim_grant_t *entry = sim_grant(dom->base, ref);
	uint64_t set = (grant->readers || grant->writers ? GTF_reading : 0) |
		       (grant->writers ? GTF_writing : 0);

	atomic_fetch_and(entry, ~(uint64_t)(GTF_reading | GTF_writing) | set);
	atomic_fetch_or(entry, set);
}

static int map_one(struct hv *hv, struct conn *conn, struct sim_map *map, bool readonly)
{
	struct domain *dom = map->domid == DOMID_SELF ? conn->dom : domain_find(hv, map->domid);
	struct grant *grant;
	uint64_t entry;
	int status;

	if (!dom || dom->dying)
		return GNTST_bad_domain;
	if (map->ref >= SIM_NR_GRANTS)
		return GNTST_bad_gntref;
	grant = &dom->grants[map->ref];
	entry = atomic_load(sim_grant(dom->base, map->ref));
	status = sim_grant_check(entry, conn->dom->domid, !readonly);
	if (status)
		return status;
	if (map_slot(conn, &map->id))
		return GNTST_no_space;
	if (!grant->readers && !grant->writers)
		grant->frame = sim_grant_frame(entry);
	*(readonly ? &grant->readers : &grant->writers) += 1;
	mark_use(dom, map->ref);
	dom->maps++;
	conn->maps[map->id] = (struct map){
		.dom = dom, .ref = map->ref, .readonly = readonly,
		.notify = { ~0u, HV_NO_PORT },
	};
	map->frame = grant->frame;
	map->generation = dom->generation;
	return GNTST_okay;
}

static void unmap_one(struct hv *hv, struct conn *conn, uint32_t id)
{
	struct map *map = &conn->maps[id];
	struct domain *dom = map->dom;
	struct grant *grant = &dom->grants[map->ref];

	notify_fire(hv, conn->dom, dom, grant->frame, &map->notify);
	*(map->readonly ? &grant->readers : &grant->writers) -= 1;
	mark_use(dom, map->ref);
	share_release(dom, map->ref);
	map->dom = NULL;
	map->next_free = conn->free_map;
	conn->free_map = id;
	dom->maps--;
	domain_settle(hv, dom);
}

static bool batch_fits(const struct sim_msg *msg)
{
	const struct sim_maps *maps = &msg->u.maps;

	return maps->count <= SIM_BATCH &&
	       msg->size >= offsetof(struct sim_maps, entry) + maps->count * sizeof(maps->entry[0]);
}

int op_grant_map(struct hv *hv, struct conn *conn, struct sim_msg *msg)
{
	struct sim_maps *maps = &msg->u.maps;

	if (!batch_fits(msg))
		return -EINVAL;
	for (uint32_t i = 0; i < maps->count; i++)
		maps->entry[i].status = map_one(hv, conn, &maps->entry[i], maps->readonly);
	return 0;
}

int op_grant_unmap(struct hv *hv, struct conn *conn, struct sim_msg *msg)
{
	struct sim_maps *maps = &msg->u.maps;

	if (!batch_fits(msg))
		return -EINVAL;
	for (uint32_t i = 0; i < maps->count; i++) {
		uint32_t id = maps->entry[i].id;
		bool valid = id < conn->nr_maps && conn->maps[id].dom;

		maps->entry[i].status = valid ? GNTST_okay : GNTST_bad_handle;
		if (valid)
			unmap_one(hv, conn, id);
	}
	return 0;
}

void grant_unmap_all(struct hv *hv, struct conn *conn)
{
	for (uint32_t id = 0; id < conn->nr_maps; id++)
		if (conn->maps[id].dom)
			unmap_one(hv, conn, id);
	free(conn->maps);
	conn->maps = NULL;
	conn->nr_maps = 0;
}

int notify_set(struct domain *port_dom, const struct sim_notify *want, struct unmap_notify *notify)
{
	if (want->offset != ~0u && want->offset >= SIM_PAGE)
		return -EINVAL;
	if (notify->offset != ~0u || notify->port != HV_NO_PORT)
		return -EBUSY;
	if (want->port != HV_NO_PORT && port_hold(port_dom, want->port))
		return -EINVAL;
	*notify = (struct unmap_notify){ want->offset, want->port };
	return 0;
}

void notify_fire(struct hv *hv, struct domain *port_dom, struct domain *page_dom, uint32_t frame,
		 struct unmap_notify *notify)
{
	if (notify->offset != ~0u)
		((char *)sim_frame(page_dom->base, frame))[notify->offset] = 0;
	if (notify->port != HV_NO_PORT)
		port_fire(hv, port_dom, notify->port);
	*notify = (struct unmap_notify){ ~0u, HV_NO_PORT };
}

int op_grant_notify(struct hv *hv, struct conn *conn, struct sim_msg *msg)
{
	const struct sim_notify *want = &msg->u.notify;
	(void)hv;

	if (conn->kind == SIM_KIND_GNTTAB) {
		/* Clearing a byte is a write. */
		if (want->id >= conn->nr_maps || !conn->maps[want->id].dom ||
		    (conn->maps[want->id].readonly && want->offset != ~0u))
			return -EINVAL;
		return notify_set(conn->dom, want, &conn->maps[want->id].notify);
	}
	if (want->id >= SIM_NR_GRANTS || conn->dom->grants[want->id].owner != conn)
		return -ENOENT;
	return notify_set(conn->dom, want, &conn->dom->grants[want->id].notify);
}
