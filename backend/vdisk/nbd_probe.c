/* SPDX-License-Identifier: MIT */
/*
 * nbd_probe.c - what a server has, before there is a disk
 *
 * A disk's size has to be known when it is offered, and a server that cannot be used should be
 * refused then, and not when the guest first reads. So the supervisor has its worker shake hands
 * with the server once, and hears what came of it. The server may say what it likes: the worst is
 * a wrong size for the guest whose server it is.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "blk_abi.h"
#include "disk.h"
#include "nbd.h"
#include "nbd_client.h"

#define MAX_PROBES 16		/* at a time: a disk has one, and the supervisor few that wait */

struct nbd_probe {
	struct nbd_probe *next;
	struct nbd_host *host;
	uint32_t devid;
	struct nbd_client client;
	struct loop_deferred grave;
};

static void release(struct loop_deferred *grave)
{
	free(container_of(grave, struct nbd_probe, grave));
}

static void end(struct nbd_probe *p)
{
	nbd_client_stop(&p->client);
	for (struct nbd_probe **at = &p->host->probes; *at; at = &(*at)->next) {
		if (*at == p) {
			*at = p->next;
			break;
		}
	}
	p->grave.release = release;
	loop_defer(p->host->loop, &p->grave);
}

static void say(struct nbd_host *host, uint32_t devid, struct wire_probed *result, const char *why)
{
	struct wire_msg msg = { .type = WIRE_PROBED, .devid = devid };

	snprintf(result->text, sizeof(result->text), "%s", why);
	msg.probed = *result;
	host->say(host, &msg);
}

/* In what units it discards; 0: not at all. One that does not say is asked for any. */
static uint32_t discards(struct nbd_handle *h)
{
	int64_t unit = nbd_get_block_size(h, LIBNBD_SIZE_PREFERRED);

	if (nbd_is_read_only(h) == 1 || nbd_can_trim(h) != 1)
		return 0;
	return unit > 0 && unit <= UINT32_MAX ? (uint32_t)unit : 1;
}

static void probe_ready(struct nbd_client *c)
{
	struct nbd_probe *p = container_of(c, struct nbd_probe, client);
	struct wire_probed result = { 0 };
	int64_t bytes = nbd_get_size(c->handle);
	int64_t unit = nbd_get_block_size(c->handle, LIBNBD_SIZE_MINIMUM);
	int64_t most = nbd_get_block_size(c->handle, LIBNBD_SIZE_MAXIMUM);
	const char *why = "";

	if (bytes < BLK_SECTOR)
		why = "its export is empty";
	else if (unit > BLK_PAGE)
		why = "it takes no requests as small as 4096 bytes: put nbdkit's blocksize filter "
		      "before it";
	else if (most > 0 && most < DISK_BUFFER)
		why = "it takes no requests as large as 1 MiB: put nbdkit's blocksize filter "
		      "before it";
	else
		result.bytes = (uint64_t)bytes;
	result.unit = unit > 0 ? (uint32_t)unit : 0;
	result.rc = *why ? -EINVAL : 0;
	result.readonly = nbd_is_read_only(c->handle) == 1;
	result.discards = discards(c->handle);
	say(p->host, p->devid, &result, why);
	end(p);
}

static void probe_lost(struct nbd_client *c, const char *why)
{
	struct nbd_probe *p = container_of(c, struct nbd_probe, client);
	struct wire_probed result = { .rc = -EIO };

	say(p->host, p->devid, &result, why);
	end(p);
}

static void probe_turn(struct nbd_client *c)
{
	(void)c;
}

void nbd_probe_start(struct nbd_host *host, uint32_t devid, int fd, const char *name)
{
	struct wire_probed result = { .rc = -EBUSY };
	struct nbd_probe *p = NULL;
	unsigned int n = 0;

	for (p = host->probes; p; p = p->next)
		n++;
	if (n < MAX_PROBES)
		p = calloc(1, sizeof(*p));
	if (!p) {
		close(fd);
		say(host, devid, &result, "the worker cannot look at its server now");
		return;
	}
	*p = (struct nbd_probe){ .next = host->probes, .host = host, .devid = devid,
				 .client = { .loop = host->loop, .on_ready = probe_ready,
					     .on_lost = probe_lost, .on_turn = probe_turn } };
	host->probes = p;
	result.rc = nbd_client_start(&p->client, fd, name);
	if (result.rc == 0)
		return;
	say(host, devid, &result, nbd_client_error());
	end(p);
}

void nbd_probe_stop_all(struct nbd_host *host)
{
	while (host->probes)
		end(host->probes);
}
