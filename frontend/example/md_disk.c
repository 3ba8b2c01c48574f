/* SPDX-License-Identifier: MIT */
/*
 * md_disk.c - minidom's disks: opened on first use, kept open, closed at the end
 */
#include "minidom.h"
#include "os.h"
#include "schema.h"

#define APPEAR_MS	10000	/* for a disk to appear, or to be let go */
#define NS_PER_MS	1000000ull
#define TICK_MS		100	/* how long we sleep at most while something is awaited */

void md_idle(struct minidom *md, struct md_disk *disk, unsigned int timeout_ms)
{
	int rc;

	for (size_t i = 0; i < MD_DISKS; i++)
		if (md->disks[i].blk && pv_blk_wants_step(md->disks[i].blk))
			pv_blk_step(md->disks[i].blk);
	if (disk && timeout_ms && pv_blk_arm(disk->blk))
		timeout_ms = 0;
	rc = md_wait(md->port, timeout_ms);
	md->interrupted |= rc != MD_OK;
	md->lost |= rc == MD_LOST;
}

static bool awaited(const struct md_disk *disk, enum pv_state state)
{
	enum pv_state now = pv_blk_state(disk->blk);

	return now == state || now == PV_CLOSED;
}

/* Waits until this disk, or all (NULL), are in this state, or closed. False: not in time. */
static bool wait_for(struct minidom *md, const struct md_disk *only, enum pv_state state)
{
	uint64_t end = pvos_clock(md->os) + APPEAR_MS * NS_PER_MS;

	for (;;) {
		bool all = true;

		for (size_t i = 0; i < MD_DISKS; i++) {
			const struct md_disk *disk = &md->disks[i];

			if (disk->blk && (!only || only == disk))
				all &= awaited(disk, state);
		}
		if (all)
			return true;
		if (pvos_clock(md->os) >= end || md->lost)
			return false;
		if (md->interrupted && state != PV_CLOSED)
			return false;
		md_idle(md, NULL, TICK_MS);
	}
}

static struct md_disk *find(struct minidom *md, uint32_t devid)
{
	for (size_t i = 0; i < MD_DISKS; i++)
		if (md->disks[i].blk && md->disks[i].devid == devid)
			return &md->disks[i];
	return NULL;
}

/* Memory for a disk with these options; NULL: it is in use, or there is none so large. */
static void *memory_for(struct minidom *md, struct md_disk *disk,
			const struct pv_blk_options *options)
{
	if (pv_blk_bytes(options) <= sizeof(disk->memory))
		return disk->memory;
	for (size_t i = 0; i < MD_DISKS; i++)
		if ((void *)md->disks[i].blk == md->large)
			return NULL;
	return pv_blk_bytes(options) <= sizeof(md->large) ? md->large : NULL;
}

static struct md_disk *begin(struct minidom *md, uint32_t devid,
			     const struct pv_blk_options *options)
{
	for (size_t i = 0; i < MD_DISKS; i++) {
		struct md_disk *disk = &md->disks[i];
		void *memory = disk->blk ? NULL : memory_for(md, disk, options);

		if (!memory)
			continue;
		disk->blk = pv_blk_init(memory, md->os, devid, options);
		disk->devid = devid;
		pv_blk_step(disk->blk);
		return disk;
	}
	return NULL;
}

/* Forgets a disk that is closed. Its place is lost while the backend keeps pages of it. */
static void forget(struct md_disk *disk)
{
	while (pv_blk_poll(disk->blk))
		;
	if (pv_blk_fini(disk->blk) == PV_OK)
		disk->blk = NULL;
}

static int open_error(struct minidom *md, const char *command, const char *name,
		      struct md_disk *disk)
{
	const char *reason = pv_blk_reason(disk->blk);

	md_error(md, command, name);
	if (md->interrupted)
		md_text(md, "interrupted");
	else if (reason)
		md_text(md, reason);
	else
		md_text(md, "no such disk, and none appeared within 10 s");
	md_error_end(md, reason ? "see the backend's log" :
				  "attach it, or let 'xpv check' say what it waits for");
	pv_blk_close(disk->blk);
	pv_blk_step(disk->blk);
	forget(disk);
	return -1;
}

/* The disk of that name, if it is open; *devid is its number. -1: that is no name. */
static int look_up(struct minidom *md, const char *command, const char *name, uint32_t *devid,
		   struct md_disk **out)
{
	size_t len = 0;

	while (name[len])
		len++;
	if (xs_vdev_parse(name, len, devid) != XS_OK) {
		md_error(md, command, name);
		md_text(md, "not a disk's name");
		return md_error_end(md, "say xvda, or a device number as 'disks' shows it");
	}
	*out = find(md, *devid);
	if (*out && pv_blk_state((*out)->blk) == PV_CLOSING)
		wait_for(md, *out, PV_CLOSED);
	if (*out && pv_blk_state((*out)->blk) == PV_CLOSED) {
		forget(*out);
		*out = NULL;	/* it may have been attached again */
	}
	return 0;
}

static int open_new(struct minidom *md, const char *command, const char *name, uint32_t devid,
		    const struct pv_blk_options *options, struct md_disk **out)
{
	*out = begin(md, devid, options);
	if (!*out) {
		md_error(md, command, name);
		md_text(md, "too many disks are open, or too large");
		return md_error_end(md, "start another minidom for it");
	}
	if (wait_for(md, *out, PV_OPEN) && pv_blk_state((*out)->blk) == PV_OPEN)
		return 0;
	return open_error(md, command, name, *out);
}

int md_disk_open(struct minidom *md, const char *command, const char *name, struct md_disk **out)
{
	uint32_t devid;

	if (look_up(md, command, name, &devid, out))
		return -1;
	if (!*out)
		return open_new(md, command, name, devid, NULL, out);
	/* A paused disk is fine: requests wait for its backend. */
	if (pv_blk_state((*out)->blk) == PV_PAUSED)
		return 0;
	if (wait_for(md, *out, PV_OPEN) && pv_blk_state((*out)->blk) == PV_OPEN)
		return 0;
	return open_error(md, command, name, *out);
}

int md_disk_open_anew(struct minidom *md, const char *command, const char *name,
		      const struct pv_blk_options *options, struct md_disk **out)
{
	uint32_t devid;

	if (md_disk_close(md, command, name) || look_up(md, command, name, &devid, out))
		return -1;
	return open_new(md, command, name, devid, options, out);
}

static int kept_error(struct minidom *md, const char *command, const char *name)
{
	md_error(md, command, name);
	md_text(md, md->lost ? "xenstore is gone" : "its backend did not let go in 10 s");
	return md_error_end(md, "see the backend's log");
}

int md_disk_close(struct minidom *md, const char *command, const char *name)
{
	struct md_disk *disk = NULL;
	uint32_t devid;

	if (look_up(md, command, name, &devid, &disk))
		return -1;
	if (!disk)
		return 0;
	pv_blk_close(disk->blk);
	wait_for(md, disk, PV_CLOSED);
	forget(disk);
	return disk->blk ? kept_error(md, command, name) : 0;
}

static const char *remedy_for(enum pv_err err)
{
	static const char *const remedies[] = {
		[-PV_EINVAL] = "see 'help'",
		[-PV_ERANGE] = "'disks' shows the size in sectors of 512 bytes",
		[-PV_EALIGN] = "LBA and COUNT count 512 bytes; make them multiples of its sectors",
		[-PV_EREADONLY] = "attach it with access=rw",
		[-PV_ENOTSUP] = "use a backend that offers it",
		[-PV_EIO] = "see the backend's log",
		[-PV_EGONE] = "attach it again",
		[-PV_EBACKEND] = "see the backend's log",
	};
	size_t index = (size_t)-err;

	if (index >= sizeof(remedies) / sizeof(remedies[0]) || !remedies[index])
		return "";
	return remedies[index];
}

int md_disk_error(struct minidom *md, const char *command, const char *name,
		  const struct md_disk *disk, enum pv_err err)
{
	const char *reason = pv_blk_reason(disk->blk);

	md_error(md, command, name);
	if (md->interrupted) {
		md_text(md, "interrupted");
		return md_error_end(md, "");
	}
	md_text(md, reason && (err == PV_EGONE || err == PV_EBACKEND) ? reason : pv_strerror(err));
	return md_error_end(md, remedy_for(err));
}

static void put_size(struct minidom *md, uint64_t sectors)
{
	bool mib = sectors >= 2048, kib = sectors >= 2;

	md_number(md, mib ? sectors >> 11 : kib ? sectors >> 1 : sectors << 9);
	md_text(md, mib ? " MiB" : kib ? " KiB" : " B");
}

static void put_disk(struct minidom *md, const struct md_disk *disk)
{
	struct pv_blk_info info;
	char name[24];

	pv_blk_info(disk->blk, &info);
	xs_vdev_name(name, sizeof(name), disk->devid);
	md_text(md, name);
	md_column(md, 8);
	md_number(md, disk->devid);
	md_column(md, 18);
	md_number(md, info.sectors);
	md_column(md, 30);
	put_size(md, info.sectors);
	md_column(md, 42);
	md_text(md, !info.sectors ? "-" : info.readonly ? "r" : "w");
	md_column(md, 48);
	md_text(md, pv_state_name(pv_blk_state(disk->blk)));
	if (info.cdrom)
		md_text(md, info.sectors ? ", CD-ROM" : ", CD-ROM drive, empty");
	md_newline(md);
}

int md_disk_list(struct minidom *md)
{
	uint32_t devids[MD_DISKS];
	int n = pv_blk_list(md->os, devids, MD_DISKS);

	if (n < 0) {
		md_error(md, "disks", "");
		md_text(md, pv_strerror(n));
		return md_error_end(md, "is xenstored running?");
	}
	for (int i = 0; i < n; i++)
		if (!find(md, devids[i]))
			begin(md, devids[i], NULL);
	wait_for(md, NULL, PV_OPEN);
	md_text(md, "name    vdev      sectors     size        mode  state");
	md_newline(md);
	for (size_t i = 0; i < MD_DISKS; i++)
		if (md->disks[i].blk)
			put_disk(md, &md->disks[i]);
	return 0;
}

int md_disk_close_all(struct minidom *md)
{
	int rc = 0;

	for (size_t i = 0; i < MD_DISKS; i++)
		if (md->disks[i].blk)
			pv_blk_close(md->disks[i].blk);
	wait_for(md, NULL, PV_CLOSED);
	for (size_t i = 0; i < MD_DISKS; i++) {
		struct md_disk *disk = &md->disks[i];
		char name[24];

		if (!disk->blk)
			continue;
		forget(disk);
		if (!disk->blk)
			continue;
		xs_vdev_name(name, sizeof(name), disk->devid);
		rc = kept_error(md, "close", name);
	}
	return rc;
}
