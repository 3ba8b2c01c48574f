/* SPDX-License-Identifier: MIT */
/*
 * Grant copies: nobody is asked. The grant entry is read once and checked, and the bytes move
 * between the granter's memory and the caller's. Each segment gets its own status, and one that
 * is refused does not hinder the others; what Linux's gntdev refuses as a whole (a range that
 * leaves its page, a copy without a grant) is refused as a whole here too.
 *
 * Xen pins an entry while it copies; here a page revoked in that very moment may still be touched
 * (README.md).
 */
#include <errno.h>
#include <string.h>

#include "gntdev.h"

/* One side of the copies. It keeps the domain last used, since most batches concern one. */
struct side {
	struct sim_client *client;
	struct sim_domain *domain;
	bool write;
};

static void forget_domain(struct side *side)
{
	if (side->domain)
		sim_domain_put(side->client, side->domain);
	side->domain = NULL;
}

static int find_domain(struct side *side, uint32_t domid)
{
	if (domid == DOMID_SELF)
		domid = side->client->domid;
	if (!side->domain || side->domain->domid != domid) {
		forget_domain(side);
		if (sim_domain_get(side->client, domid, 0, &side->domain)) {
			side->domain = NULL;
			return GNTST_bad_domain;
		}
	}
	return atomic_load(&sim_header(side->domain->base)->dead) ? GNTST_bad_domain : GNTST_okay;
}

/* The address of the bytes, or a status. */
static int resolve(struct side *side, const union xengnttab_copy_ptr *ptr, bool foreign,
		   char **addr)
{
	uint64_t entry;
	int status;

	if (!foreign) {
		*addr = ptr->virt;
		return GNTST_okay;
	}
	status = find_domain(side, ptr->foreign.domid);
	if (status)
		return status;
	if (ptr->foreign.ref >= SIM_NR_GRANTS)
		return GNTST_bad_gntref;
	entry = atomic_load(sim_grant(side->domain->base, ptr->foreign.ref));
	status = sim_grant_check(entry, side->client->domid, side->write);
	if (!status)
		*addr = (char *)sim_frame(side->domain->base, sim_grant_frame(entry)) +
			ptr->foreign.offset;
	return status;
}

static bool well_formed(const xengnttab_grant_copy_segment_t *seg)
{
	bool from = seg->flags & GNTCOPY_source_gref, to = seg->flags & GNTCOPY_dest_gref;

	return (from || to) &&
	       (!from || seg->source.foreign.offset + seg->len <= (int)SIM_PAGE) &&
	       (!to || seg->dest.foreign.offset + seg->len <= (int)SIM_PAGE);
}

static int copy_one(struct side *source, struct side *dest,
		    const xengnttab_grant_copy_segment_t *seg)
{
	char *from, *to;
	int status;

	status = resolve(source, &seg->source, seg->flags & GNTCOPY_source_gref, &from);
	if (!status)
		status = resolve(dest, &seg->dest, seg->flags & GNTCOPY_dest_gref, &to);
	if (!status)
		memmove(to, from, seg->len);
	return status;
}

int xengnttab_grant_copy(xengnttab_handle *xgt, uint32_t count,
			 xengnttab_grant_copy_segment_t *segs)
{
	struct side source = { .client = &xgt->client };
	struct side dest = { .client = &xgt->client, .write = true };

	for (uint32_t i = 0; i < count; i++)
		if (!well_formed(&segs[i]))
			return sim_result(-EINVAL);
	for (uint32_t i = 0; i < count; i++)
		segs[i].status = (int16_t)copy_one(&source, &dest, &segs[i]);
	forget_domain(&source);
	forget_domain(&dest);
	return 0;
}
