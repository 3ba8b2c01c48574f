/* SPDX-License-Identifier: MIT */
/*
 * domain_store.c - a guest's records in xenstore
 *
 * The same nodes with the same owners as libxl 4.17 makes them, so that xl, xenconsoled and the
 * guest's own tools find what they look for: /local/domain/N, which the guest reads and where it
 * may write in a few places; /vm/UUID; /libxl/N, which is Dom0's alone.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "domain.h"

#define PATH_SIZE 128

static const char *const read_only[] = { "cpu", "memory", "device", "control" };

static const char *const guest_owned[] = {
	"device/suspend/event-channel", "control/shutdown", "control/feature-poweroff",
	"control/feature-reboot", "control/feature-suspend", "control/sysrq", "data", "drivers",
	"feature", "attr", "error",
};

struct records {
	struct xs_handle *xs;
	xs_transaction_t t;
	xc_interface *xch;
	const struct config *config;
	uint32_t domid;
	bool even_so;		/* remove them although there are disks */
	char dom[PATH_SIZE], vm[PATH_SIZE], libxl[PATH_SIZE];
};

enum access { DOM0_ONLY, GUEST_READS, GUEST_OWNS };

static bool make(const struct records *r, const char *dir, const char *name, enum access access)
{
	struct xs_permissions perms[2] = {
		{ .id = access == GUEST_OWNS ? r->domid : 0, .perms = XS_PERM_NONE },
		{ .id = r->domid, .perms = XS_PERM_READ },
	};
	char path[2 * PATH_SIZE];

	snprintf(path, sizeof(path), "%s%s%s", dir, *name ? "/" : "", name);
	return store_write(r->xs, r->t, path, "") &&
	       xs_set_permissions(r->xs, r->t, path, perms, access == GUEST_READS ? 2 : 1);
}

static bool put(const struct records *r, const char *dir, const char *name, const char *value)
{
	char path[2 * PATH_SIZE];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return store_write(r->xs, r->t, path, value);
}

static bool put_number(const struct records *r, const char *dir, const char *name, uint64_t value)
{
	char text[24];

	xs_format_u64(text, sizeof(text), value);
	return put(r, dir, name, text);
}

static bool exists(const struct records *r, const char *path)
{
	char *value = store_read(r->xs, r->t, path);

	free(value);
	return value;
}

static void format_uuid(char buf[40], const uint8_t u[16])
{
	snprintf(buf, 40, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12],
		 u[13], u[14], u[15]);
}

static bool make_dirs(const struct records *r)
{
	bool ok = make(r, r->dom, "", GUEST_READS) && make(r, r->vm, "", GUEST_READS) &&
		  make(r, r->libxl, "", DOM0_ONLY) && make(r, r->libxl, "device", DOM0_ONLY);

	for (size_t i = 0; ok && i < sizeof(read_only) / sizeof(read_only[0]); i++)
		ok = make(r, r->dom, read_only[i], GUEST_READS);
	for (size_t i = 0; ok && i < sizeof(guest_owned) / sizeof(guest_owned[0]); i++)
		ok = make(r, r->dom, guest_owned[i], GUEST_OWNS);
	return ok;
}

static bool put_values(const struct records *r)
{
	const struct config *c = r->config;
	char cpu[32];
	bool ok = put(r, r->dom, "vm", r->vm) && put(r, r->dom, "name", c->name) &&
		  put_number(r, r->dom, "domid", r->domid) &&
		  put_number(r, r->dom, "memory/static-max", c->memory_kb) &&
		  put_number(r, r->dom, "memory/target", c->memory_kb) &&
		  put(r, r->dom, "control/platform-feature-xs_reset_watches", "1") &&
		  put(r, r->vm, "uuid", strrchr(r->vm, '/') + 1) &&
		  put(r, r->vm, "name", c->name) && put(r, r->libxl, "type", "pv") &&
		  (c->kernel || put(r, r->libxl, "xpv-empty", "1"));

	for (unsigned int i = 0; ok && i < c->vcpus; i++) {
		snprintf(cpu, sizeof(cpu), "cpu/%u/availability", i);
		ok = put(r, r->dom, cpu, "online");
	}
	return ok;
}

static void name_trees(struct records *r)
{
	snprintf(r->dom, sizeof(r->dom), "/local/domain/%u", r->domid);
	snprintf(r->libxl, sizeof(r->libxl), "/libxl/%u", r->domid);
}

static int write_all(struct xs_handle *xs, xs_transaction_t t, void *arg)
{
	struct records *r = arg;
	uint32_t namesake;
	int named;

	r->t = t;
	if (exists(r, r->vm))
		return -EEXIST;
	/* Guests that are made at the same time see each other's names here. */
	named = tool_domain_named(xs, t, r->xch, r->config->name, &namesake);
	if (named)
		return named < 0 ? -ECANCELED : -ENOTUNIQ;
	if (!store_prune(xs, t, r->dom, "/local/domain") || !store_prune(xs, t, r->libxl, "") ||
	    !make_dirs(r) || !put_values(r))
		return -errno;
	return 0;
}

int domain_store_write(struct xs_handle *xs, xc_interface *xch, uint32_t domid,
		       const struct config *config)
{
	struct records r = { .xs = xs, .xch = xch, .domid = domid, .config = config };
	char uuid[40];

	name_trees(&r);
	format_uuid(uuid, config->uuid);
	snprintf(r.vm, sizeof(r.vm), "/vm/%s", uuid);
	return store_transact(xs, write_all, &r);
}

static bool has_disks(const struct records *r)
{
	uint32_t *devids;
	char root[PATH_SIZE];
	size_t n;

	device_record_root(root, sizeof(root), r->domid, XS_CLASS_VDISK);
	n = store_numbers(r->xs, r->t, root, UINT32_MAX, &devids);
	free(devids);
	return n;
}

/* The guest's own value of `vm` is Dom0's: the guest may read it, and not write it. */
static int remove_all(struct xs_handle *xs, xs_transaction_t t, void *arg)
{
	struct records *r = arg;
	char path[PATH_SIZE + 8], *vm;
	bool ok = true;

	r->t = t;
	if (!r->even_so && has_disks(r))
		return -EBUSY;
	snprintf(path, sizeof(path), "%s/vm", r->dom);
	vm = store_read(xs, t, path);
	if (vm && !strncmp(vm, "/vm/", 4) && vm[4])
		ok = store_prune(xs, t, vm, "");
	free(vm);
	return ok && store_prune(xs, t, r->dom, "/local/domain") &&
	       store_prune(xs, t, r->libxl, "") ? 0 : -errno;
}

int domain_store_remove(struct xs_handle *xs, uint32_t domid, bool even_so)
{
	struct records r = { .xs = xs, .domid = domid, .even_so = even_so };

	name_trees(&r);
	return store_transact(xs, remove_all, &r);
}

bool domain_store_exists(struct xs_handle *xs, uint32_t domid)
{
	struct records r = { .xs = xs, .t = XBT_NULL, .domid = domid };

	name_trees(&r);
	return exists(&r, r.dom) || exists(&r, r.libxl);
}

bool domain_store_empty(struct xs_handle *xs, uint32_t domid)
{
	struct records r = { .xs = xs, .t = XBT_NULL };
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "/libxl/%u/xpv-empty", domid);
	return exists(&r, path);
}
