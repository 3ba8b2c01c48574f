/* SPDX-License-Identifier: MIT */
/*
 * nbd_none.c - a worker without libnbd
 *
 * Most guests have no disk of that kind. Their workers do without the library, and without the
 * system calls that it makes. The supervisor knows from the greeting, and asks for none of this.
 */
#include <errno.h>
#include <unistd.h>

#include "nbd.h"

const bool nbd_spoken = false;

int target_nbd_open(struct target *t, struct nbd_host *host, uint32_t devid,
		    const struct wire_vdisk *conn, int fd)
{
	(void)t, (void)host, (void)devid, (void)conn, (void)fd;
	return -EPROTONOSUPPORT;
}

void target_nbd_link(struct nbd_host *host, uint32_t devid, int fd, const char *name)
{
	(void)host, (void)devid, (void)name;
	close(fd);
}

void target_nbd_ask_again(struct nbd_host *host)
{
	(void)host;
}

void nbd_probe_start(struct nbd_host *host, uint32_t devid, int fd, const char *name)
{
	(void)host, (void)devid, (void)name;
	close(fd);
}

void nbd_probe_stop_all(struct nbd_host *host)
{
	(void)host;
}
