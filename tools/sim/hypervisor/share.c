/* SPDX-License-Identifier: MIT */
/*
 * Granting one's own pages, for libxengntshr. A handle's pages are revoked when it unshares them
 * or goes. A page that is still mapped elsewhere then stays as it is, and its frame and reference
 * are not given out again, until the last mapping has gone.
 */
#include <errno.h>
#include <stdint.h>
#include <xen/xen.h>

#include "hv.h"

static int ref_alloc(struct domain *dom, uint32_t *ref)
{
	for (uint32_t i = SIM_FIRST_GRANT; i < SIM_NR_GRANTS; i++) {
		uint32_t at = dom->next_ref++;

		if (dom->next_ref >= SIM_NR_GRANTS)
			dom->next_ref = SIM_FIRST_GRANT;
		/* An entry that the domain filled in by itself is not ours to give. */
		if (dom->grants[at].busy || atomic_load(sim_grant(dom->base, at)))
			continue;
		*ref = at;
		return 0;
	}
	return -ENOSPC;
}

/* Give entry and frame back, if it is revoked and nobody maps it any more. */
void share_release(struct domain *dom, uint32_t ref)
{
	struct grant *grant = &dom->grants[ref];

	if (!grant->busy || grant->owner || grant->readers || grant->writers)
		return;
	atomic_store(sim_grant(dom->base, ref), 0);
	domain_frame_free(dom, grant->frame);
	grant->busy = false;
	dom->nr_grants--;
}

static int share_one(struct conn *conn, uint32_t domid, bool readonly, uint32_t *ref,
		     uint32_t *frame)
{
	struct domain *dom = conn->dom;
	uint16_t flags = GTF_permit_access | (readonly ? GTF_readonly : 0);
	int rc;

	rc = ref_alloc(dom, ref);
	if (!rc)
		rc = domain_frame_alloc(dom, frame);
	if (rc)
		return rc;
	dom->grants[*ref] = (struct grant){
		.owner = conn, .frame = *frame, .busy = true, .notify = { ~0u, HV_NO_PORT },
	};
	dom->nr_grants++;
	atomic_store(sim_grant(dom->base, *ref), sim_grant_entry(flags, (uint16_t)domid, *frame));
	return 0;
}

static void revoke(struct hv *hv, struct domain *dom, uint32_t ref)
{
	struct grant *grant = &dom->grants[ref];

	notify_fire(hv, dom, dom, grant->frame, &grant->notify);
	atomic_fetch_and(sim_grant(dom->base, ref), ~(uint64_t)GTF_type_mask);
	grant->owner = NULL;
	share_release(dom, ref);
}

static bool batch_fits(const struct sim_msg *msg)
{
	const struct sim_share *share = &msg->u.share;

	return share->count <= SIM_BATCH &&
	       msg->size >= offsetof(struct sim_share, entry) +
			    share->count * sizeof(share->entry[0]);
}

int op_share(struct hv *hv, struct conn *conn, struct sim_msg *msg)
{
	struct sim_share *share = &msg->u.share;
	uint32_t domid = share->domid == DOMID_SELF ? conn->dom->domid : share->domid;
	int rc = 0;

	if (!batch_fits(msg) || domid >= DOMID_FIRST_RESERVED)
		return -EINVAL;
	for (uint32_t i = 0; i < share->count; i++) {
		rc = share_one(conn, domid, share->readonly, &share->entry[i].ref,
			       &share->entry[i].frame);
		if (!rc)
			continue;
		while (i-- > 0)
			revoke(hv, conn->dom, share->entry[i].ref);
		break;
	}
	return rc;
}

int op_unshare(struct hv *hv, struct conn *conn, struct sim_msg *msg)
{
	struct sim_share *share = &msg->u.share;

	if (!batch_fits(msg))
		return -EINVAL;
	for (uint32_t i = 0; i < share->count; i++) {
		uint32_t ref = share->entry[i].ref;

		if (ref >= SIM_NR_GRANTS || conn->dom->grants[ref].owner != conn)
			return -EINVAL;
		revoke(hv, conn->dom, ref);
	}
	return 0;
}

void share_revoke_all(struct hv *hv, struct conn *conn)
{
	if (conn->kind != SIM_KIND_GNTSHR)
		return;
	for (uint32_t ref = SIM_FIRST_GRANT; ref < SIM_NR_GRANTS; ref++)
		if (conn->dom->grants[ref].owner == conn)
			revoke(hv, conn->dom, ref);
}
