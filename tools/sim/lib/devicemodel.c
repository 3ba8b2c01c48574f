/* SPDX-License-Identifier: MIT */
/*
 * A libxendevicemodel that does nothing. Simulated domains have no device model, but libxenctrl
 * opens the library, and the real one would go and open /dev/xen/privcmd. Each operation says
 * EOPNOTSUPP: they are one function under all the names, whose arguments nobody looks at.
 */
#include <errno.h>
#include <stdlib.h>

struct xendevicemodel_handle *xendevicemodel_open(void *logger, unsigned int flags);
int xendevicemodel_close(struct xendevicemodel_handle *dmod);
int xendevicemodel_restrict(struct xendevicemodel_handle *dmod, unsigned int domid);
int unsupported(void);

struct xendevicemodel_handle {
	int unused;
};

struct xendevicemodel_handle *xendevicemodel_open(void *logger, unsigned int flags)
{
	(void)logger;
	(void)flags;
	return calloc(1, sizeof(struct xendevicemodel_handle));
}

int xendevicemodel_close(struct xendevicemodel_handle *dmod)
{
	free(dmod);
	return 0;
}

int xendevicemodel_restrict(struct xendevicemodel_handle *dmod, unsigned int domid)
{
	(void)dmod;
	(void)domid;
	return 0;
}

int unsupported(void)
{
	errno = EOPNOTSUPP;
	return -1;
}

#define UNSUPPORTED(name) int name(void) __attribute__((alias("unsupported")));

UNSUPPORTED(xendevicemodel_create_ioreq_server)
UNSUPPORTED(xendevicemodel_destroy_ioreq_server)
UNSUPPORTED(xendevicemodel_get_ioreq_server_info)
UNSUPPORTED(xendevicemodel_inject_event)
UNSUPPORTED(xendevicemodel_inject_msi)
UNSUPPORTED(xendevicemodel_map_io_range_to_ioreq_server)
UNSUPPORTED(xendevicemodel_map_mem_type_to_ioreq_server)
UNSUPPORTED(xendevicemodel_map_pcidev_to_ioreq_server)
UNSUPPORTED(xendevicemodel_modified_memory)
UNSUPPORTED(xendevicemodel_modified_memory_bulk)
UNSUPPORTED(xendevicemodel_nr_vcpus)
UNSUPPORTED(xendevicemodel_pin_memory_cacheattr)
UNSUPPORTED(xendevicemodel_relocate_memory)
UNSUPPORTED(xendevicemodel_set_ioreq_server_state)
UNSUPPORTED(xendevicemodel_set_irq_level)
UNSUPPORTED(xendevicemodel_set_isa_irq_level)
UNSUPPORTED(xendevicemodel_set_mem_type)
UNSUPPORTED(xendevicemodel_set_pci_intx_level)
UNSUPPORTED(xendevicemodel_set_pci_link_route)
UNSUPPORTED(xendevicemodel_shutdown)
UNSUPPORTED(xendevicemodel_track_dirty_vram)
UNSUPPORTED(xendevicemodel_unmap_io_range_from_ioreq_server)
UNSUPPORTED(xendevicemodel_unmap_pcidev_from_ioreq_server)
