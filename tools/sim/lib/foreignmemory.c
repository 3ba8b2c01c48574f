/* SPDX-License-Identifier: MIT */
/*
 * libxenforeignmemory over the simulator: domain 0 maps frames and the grant table of any domain. A
 * frame number is an index into the domain's frames. Such mappings are not counted, as in Xen: they
 * stay valid memory when the domain goes.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <xenforeignmemory.h>
#include <xen/memory.h>

#include "client.h"
#include "toolcore.h"

struct xenforeignmemory_handle {
	struct toolcore_handle toolcore;
	struct sim_client client;
};

struct xenforeignmemory_resource_handle {
	void *addr;
	size_t size;
};

static int restrict_callback(struct toolcore_handle *toolcore, domid_t domid)
{
	return xenforeignmemory_restrict((xenforeignmemory_handle *)toolcore, domid);
}

xenforeignmemory_handle *xenforeignmemory_open(struct xentoollog_logger *logger,
					       unsigned int flags)
{
	xenforeignmemory_handle *fmem = calloc(1, sizeof(*fmem));
	int rc;
	(void)logger;
	(void)flags;

	if (!fmem)
		return NULL;
	rc = sim_client_open(&fmem->client, SIM_KIND_FOREIGN, 0, NULL);
	if (rc) {
		free(fmem);
		errno = -rc;
		return NULL;
	}
	fmem->toolcore.restrict_callback = restrict_callback;
	xentoolcore__register_active_handle(&fmem->toolcore);
	return fmem;
}

int xenforeignmemory_close(xenforeignmemory_handle *fmem)
{
	if (!fmem)
		return 0;
	xentoolcore__deregister_active_handle(&fmem->toolcore);
	sim_client_close(&fmem->client);
	free(fmem);
	return 0;
}

static int map_pages(const struct sim_domain *domain, char *addr, int prot, size_t pages,
		     const xen_pfn_t *arr, int *err)
{
	int rc, first = 0;

	for (size_t i = 0; i < pages; i++) {
		uint32_t frame = (uint32_t)arr[i];

		rc = arr[i] >= SIM_NR_FRAMES ? -EINVAL :
		     sim_map_frames(domain, addr + i * SIM_PAGE, &frame, 1, prot);
		if (err)
			err[i] = -rc;
		else if (rc && !first)
			first = rc;
	}
	return first;
}

void *xenforeignmemory_map2(xenforeignmemory_handle *fmem, uint32_t dom, void *addr, int prot,
			    int flags, size_t pages, const xen_pfn_t arr[], int err[])
{
	struct sim_domain *domain;
	int rc = sim_domain_get(&fmem->client, dom, 0, &domain);

	if (rc) {
		errno = -rc;
		return NULL;
	}
	addr = mmap(addr, pages * SIM_PAGE, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (flags & MAP_FIXED), -1, 0);
	if (addr == MAP_FAILED)
		rc = -errno;
	else
		rc = map_pages(domain, addr, prot, pages, arr, err);
	sim_domain_put(&fmem->client, domain);
	if (!rc)
		return addr;
	if (addr != MAP_FAILED)
		munmap(addr, pages * SIM_PAGE);
	errno = -rc;
	return NULL;
}

void *xenforeignmemory_map(xenforeignmemory_handle *fmem, uint32_t dom, int prot, size_t pages,
			   const xen_pfn_t arr[], int err[])
{
	return xenforeignmemory_map2(fmem, dom, NULL, prot, 0, pages, arr, err);
}

int xenforeignmemory_unmap(xenforeignmemory_handle *fmem, void *addr, size_t pages)
{
	(void)fmem;
	return munmap(addr, pages * SIM_PAGE);
}

int xenforeignmemory_restrict(xenforeignmemory_handle *fmem, domid_t domid)
{
	struct sim_msg msg = { .op = SIM_RESTRICT, .u.memory.domid = domid };

	return sim_result(sim_call(&fmem->client, &msg, sizeof(msg.u.memory), NULL));
}

int xenforeignmemory_resource_size(xenforeignmemory_handle *fmem, domid_t domid, unsigned int type,
				   unsigned int id, size_t *size)
{
	(void)fmem;
	(void)domid;
	if (type != XENMEM_resource_grant_table || id != XENMEM_resource_grant_table_id_shared)
		return sim_result(-EOPNOTSUPP);
	*size = SIM_NR_GRANTS * sizeof(sim_grant_t);
	return 0;
}

/* The one resource that a simulated domain has is its grant table. */
xenforeignmemory_resource_handle *xenforeignmemory_map_resource(
	xenforeignmemory_handle *fmem, domid_t domid, unsigned int type, unsigned int id,
	unsigned long frame, unsigned long nr_frames, void **paddr, int prot, int flags)
{
	xenforeignmemory_resource_handle *fres;
	struct sim_domain *domain;
	size_t size = 0;
	int rc;

	if (xenforeignmemory_resource_size(fmem, domid, type, id, &size))
		return NULL;
	if (!nr_frames || frame + nr_frames < frame || (frame + nr_frames) * SIM_PAGE > size) {
		errno = EINVAL;
		return NULL;
	}
	rc = sim_domain_get(&fmem->client, domid, 0, &domain);
	fres = rc ? NULL : malloc(sizeof(*fres));
	if (!fres) {
		errno = rc ? -rc : ENOMEM;
		return NULL;
	}
	fres->size = nr_frames * SIM_PAGE;
	fres->addr = mmap(*paddr, fres->size, prot, MAP_SHARED | (flags & MAP_FIXED), domain->fd,
			  (off_t)(SIM_GRANTS_OFFSET + frame * SIM_PAGE));
	sim_domain_put(&fmem->client, domain);
	if (fres->addr == MAP_FAILED) {
		free(fres);
		return NULL;
	}
	*paddr = fres->addr;
	return fres;
}

int xenforeignmemory_unmap_resource(xenforeignmemory_handle *fmem,
				    xenforeignmemory_resource_handle *fres)
{
	int r = munmap(fres->addr, fres->size);
	(void)fmem;

	free(fres);
	return r;
}
