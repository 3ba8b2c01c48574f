/* SPDX-License-Identifier: MIT */
/*
 * plugin.c - an nbdkit plugin: a guest's disk for everything that speaks NBD
 *
 *	nbdkit build/nbdkit-xpv-plugin.so dev=xvda
 *
 * nbdkit's server calls what is in the table at the end of this file. Before it forks, parameters
 * are checked and the disk is looked for; afterwards it is opened and given to a thread of its own
 * (disk_thread.c), for handles of Xen's and threads do not survive a fork. Every request of every
 * connection is one transfer there, whose thread waits for it: hence the parallel thread model. As
 * many are under way as nbdkit has threads for a connection (its option -t).
 *
 * Not in the table, because nbdkit's own way is right: can_fua (a write that has to be durable is
 * followed by a flush), zero (zeros are written: what was discarded need not read as zeros).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "disk_thread.h"
#include "guest_disk.h"
#include "nbd_rules.h"

#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL

#define TIMEOUT_MAX	3600

/* One server, one disk. nbdkit's functions have no argument that could lead to them. */
static struct guest_disk disk = { .timeout_s = 10 };
static struct disk_thread *thread;

/*
 * Parameters
 */

static int xpv_config(const char *key, const char *value)
{
	if (!strcmp(key, "dev"))
		return guest_disk_name(&disk, value);
	if (strcmp(key, "timeout"))
		return guest_disk_option(&disk, key, value);
	if (nbdkit_parse_unsigned(key, value, &disk.timeout_s))
		return -1;
	if (disk.timeout_s > TIMEOUT_MAX) {
		nbdkit_error("timeout=%s: at most %d seconds", value, TIMEOUT_MAX);
		return -1;
	}
	return 0;
}

static int xpv_config_complete(void)
{
	if (disk.name)
		return 0;
	nbdkit_error("no disk was named: say dev=NAME, such as dev=xvda");
	return -1;
}

#define CONFIG_HELP \
	"[dev=]<NAME>          (required) The disk: xvda, hda, sda, d0p0, or a device number.\n" \
	"timeout=<SECONDS>     How long to wait for its backend at the start; 10 by default.\n" \
	"order=<0..4>          Pages of a ring, as a power of two; 0 by default.\n" \
	"queues=<1..16>        Rings; 1 by default.\n" \
	"buffers=<1..512>      Data buffers of a ring, 44 KiB each; one a request by default.\n" \
	"persistent=on|off     Whether to let the backend keep pages mapped.\n" \
	"indirect=on|off       Whether to send requests of more than 44 KiB.\n" \
	"abi=native|64|32      The layout of requests.\n" \
	"The backend may offer less: then it is that."

static void xpv_dump_plugin(void)
{
	printf("xpv_requests=%d\n", PV_BLK_DEPTH);
}

/*
 * The server's life
 */

static int xpv_get_ready(void)
{
	return guest_disk_find(&disk);
}

static int xpv_after_fork(void)
{
	if (guest_disk_open(&disk))
		return -1;
	thread = disk_thread_start(disk.guest, disk.blk, guest_blk_requests(disk.blk));
	if (thread)
		return 0;
	nbdkit_error("cannot start a thread: %s", strerror(errno));
	guest_disk_close(&disk);
	return -1;
}

static void xpv_cleanup(void)
{
	if (thread)
		disk_thread_stop(thread);
	thread = NULL;
	guest_disk_close(&disk);
}

/*
 * A connection
 */

static void *xpv_open(int readonly)
{
	struct disk_view view;

	(void)readonly;		/* nbdkit asks for no writes then */
	disk_thread_view(thread, &view);
	if (view.state != PV_CLOSING && view.state != PV_CLOSED)
		return NBDKIT_HANDLE_NOT_NEEDED;
	nbdkit_error("dev=%s: %s: attach it again and start nbdkit again", disk.name,
		     view.reason ? view.reason : "the disk is closed");
	return NULL;
}

static struct pv_blk_info get_info(void)
{
	struct disk_view view;

	disk_thread_view(thread, &view);
	return view.info;
}

static int64_t xpv_get_size(void *handle)
{
	struct pv_blk_info info = get_info();
	int64_t size = nbd_size(&info);

	(void)handle;
	if (size < 0)
		nbdkit_error("dev=%s: too large for NBD", disk.name);
	return size;
}

static int xpv_block_size(void *handle, uint32_t *minimum, uint32_t *preferred, uint32_t *maximum)
{
	struct pv_blk_info info = get_info();
	struct nbd_sizes sizes;

	(void)handle;
	nbd_block_sizes(&info, &sizes);
	*minimum = sizes.minimum;
	*preferred = sizes.preferred;
	*maximum = sizes.maximum;
	return 0;
}

static int xpv_can_write(void *handle)
{
	(void)handle;
	return !get_info().readonly;
}

static int xpv_can_flush(void *handle)
{
	(void)handle;
	return get_info().flush;
}

static int xpv_can_trim(void *handle)
{
	struct pv_blk_info info = get_info();

	(void)handle;
	return info.discard && !info.readonly;
}

/* All connections use all rings: a flush is about what any of them has written. */
static int xpv_can_multi_conn(void *handle)
{
	(void)handle;
	return 1;
}

/*
 * Requests
 */

static int transfer(enum pv_blk_op op, void *data, uint32_t count, uint64_t offset)
{
	static const char *const names[] = { [PV_BLK_READ] = "read", [PV_BLK_WRITE] = "write",
					     [PV_BLK_FLUSH] = "flush",
					     [PV_BLK_DISCARD] = "trim" };
	struct pv_blk_info info = get_info();
	enum pv_err err = PV_EALIGN;

	if (nbd_is_aligned(&info, offset, count))
		err = disk_thread_io(thread, op, offset / 512, count / 512, data);
	if (!err)
		return 0;
	nbdkit_error("dev=%s: %s of %" PRIu32 " bytes at %" PRIu64 ": %s", disk.name, names[op],
		     count, offset, pv_strerror(err));
	nbdkit_set_error(nbd_errno(err, op));
	return -1;
}

static int xpv_pread(void *handle, void *buf, uint32_t count, uint64_t offset, uint32_t flags)
{
	(void)handle;
	(void)flags;
	return transfer(PV_BLK_READ, buf, count, offset);
}

/* The frontend only reads what it writes, but has one pointer for both. */
static int xpv_pwrite(void *handle, const void *buf, uint32_t count, uint64_t offset,
		      uint32_t flags)
{
	(void)handle;
	(void)flags;
	return transfer(PV_BLK_WRITE, (void *)(uintptr_t)buf, count, offset);
}

static int xpv_flush(void *handle, uint32_t flags)
{
	(void)handle;
	(void)flags;
	return transfer(PV_BLK_FLUSH, NULL, 0, 0);
}

static int xpv_trim(void *handle, uint32_t count, uint64_t offset, uint32_t flags)
{
	(void)handle;
	(void)flags;
	return transfer(PV_BLK_DISCARD, NULL, count, offset);
}

static struct nbdkit_plugin plugin = {
	.name = "xpv",
	.longname = "xpv paravirtual disk",
	.description = "Serves a disk of the Xen guest that nbdkit runs in, through the "
		       "paravirtual frontend.",
	.config = xpv_config,
	.config_complete = xpv_config_complete,
	.config_help = CONFIG_HELP,
	.magic_config_key = "dev",
	.dump_plugin = xpv_dump_plugin,
	.get_ready = xpv_get_ready,
	.after_fork = xpv_after_fork,
	.cleanup = xpv_cleanup,
	.open = xpv_open,
	.get_size = xpv_get_size,
	.block_size = xpv_block_size,
	.can_write = xpv_can_write,
	.can_flush = xpv_can_flush,
	.can_trim = xpv_can_trim,
	.can_multi_conn = xpv_can_multi_conn,
	.pread = xpv_pread,
	.pwrite = xpv_pwrite,
	.flush = xpv_flush,
	.trim = xpv_trim,
};

NBDKIT_REGISTER_PLUGIN(plugin)
