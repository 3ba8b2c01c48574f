/* SPDX-License-Identifier: MIT */
/*
 * fakedom.c - the domain: the twelve functions over arrays
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakedom.h"

struct pv_os *fake_new(void)
{
	struct pv_os *os = calloc(1, sizeof(*os));

	assert_non_null(os);
	os->clock = 1;
	os->grants_left = os->ports_left = os->store_fails_in = -1;
	fake_write(os, "/local/domain/7/domid", "7");
	return os;
}

unsigned int fake_granted(const struct pv_os *os)
{
	unsigned int n = 0;

	for (int i = 0; i < FAKE_GRANTS; i++)
		n += os->grants[i].page != NULL;
	return n;
}

unsigned int fake_ports_open(const struct pv_os *os)
{
	unsigned int n = 0;

	for (int i = 0; i < FAKE_PORTS; i++)
		n += os->ports[i];
	return n;
}

void fake_free(struct pv_os *os)
{
	assert_int_equal(fake_granted(os), 0);
	assert_int_equal(fake_ports_open(os), 0);
	for (int i = 0; i < FAKE_WATCHES; i++)
		assert_false(os->watches[i].used);
	free(os);
}

void fake_abandon(struct pv_os *os)
{
	for (int i = 0; i < FAKE_GRANTS; i++)
		if (os->grants[i].page && os->grants[i].first)
			free(os->grants[i].page);
	free(os);
}

/*
 * The store
 */

static const char *absolute(char *buf, const char *path)
{
	snprintf(buf, XS_PATH_MAX, "%s%s", path[0] == '/' ? "" : "/local/domain/7/", path);
	return buf;
}

static bool below(const char *path, const char *root)
{
	size_t len = strlen(root);

	return !strncmp(path, root, len) && (path[len] == '\0' || path[len] == '/');
}

static struct fake_node *find_node(const struct pv_os *os, const char *path)
{
	for (int i = 0; i < FAKE_NODES; i++)
		if (!strcmp(os->nodes[i].path, path))
			return (struct fake_node *)&os->nodes[i];
	return NULL;
}

static void fire(struct pv_os *os, const char *path)
{
	for (int i = 0; i < FAKE_WATCHES; i++) {
		struct fake_watch *watch = &os->watches[i];

		if (watch->used && (below(path, watch->path) || below(watch->path, path)))
			watch->fired = true;
	}
}

void fake_write(struct pv_os *os, const char *path, const char *value)
{
	struct fake_node *node = find_node(os, path);

	fire(os, path);
	if (!value) {
		for (int i = 0; i < FAKE_NODES; i++)
			if (below(os->nodes[i].path, path))
				os->nodes[i].path[0] = '\0';
		return;
	}
	if (!node)
		node = find_node(os, "");
	assert_non_null(node);
	snprintf(node->path, sizeof(node->path), "%s", path);
	snprintf(node->value, sizeof(node->value), "%s", value);
}

const char *fake_read(const struct pv_os *os, const char *path)
{
	const struct fake_node *node = find_node(os, path);

	return node ? node->value : NULL;
}

static bool store_fails(struct pv_os *os)
{
	os->store_ops++;
	return os->store_fails_in >= 0 && os->store_fails_in-- == 0;
}

int pvos_xs_read(struct pv_os *os, const char *path, char *buf, size_t size, size_t *len)
{
	char full[XS_PATH_MAX];
	const char *value = fake_read(os, absolute(full, path));

	if (store_fails(os))
		return PV_EPORT;
	if (!value)
		return PV_ENOENT;
	*len = strlen(value);
	if (*len > size)
		return PV_ETOOLONG;
	memcpy(buf, value, *len);	/* not terminated: the core must not rely on it */
	return PV_OK;
}

int pvos_xs_write(struct pv_os *os, const char *path, const char *value)
{
	char full[XS_PATH_MAX];
	size_t len = strlen(path);

	if (store_fails(os))
		return PV_EPORT;
	absolute(full, path);
	if (value && len > 6 && !strcmp(path + len - 6, "/state") &&
	    os->state_writes < sizeof(os->states) - 1)
		os->states[os->state_writes++] = value[0];
	fake_write(os, full, value);
	return PV_OK;
}

int pvos_xs_list(struct pv_os *os, const char *path, char *buf, size_t size, size_t *len)
{
	char root[XS_PATH_MAX];

	absolute(root, path);
	*len = 0;
	for (int i = 0; i < FAKE_NODES; i++) {
		const char *name = os->nodes[i].path;
		size_t n;

		if (!below(name, root) || !strstr(name, "/backend-id"))
			continue;	/* one node a device, which stands for its directory */
		name += strlen(root) + 1;
		n = strcspn(name, "/");
		if (n + 1 > size - *len)
			return PV_ETOOLONG;
		memcpy(buf + *len, name, n);
		buf[*len + n] = '\0';
		*len += n + 1;
	}
	return PV_OK;
}

int pvos_xs_watch(struct pv_os *os, const char *path, void *token)
{
	if (store_fails(os))
		return PV_EPORT;
	for (int i = 0; i < FAKE_WATCHES; i++) {
		struct fake_watch *watch = &os->watches[i];

		if (watch->used)
			continue;
		*watch = (struct fake_watch){ .token = token, .used = true, .fired = true };
		absolute(watch->path, path);
		return PV_OK;
	}
	fail_msg("too many watches");
	return PV_ENOMEM;
}

void pvos_xs_unwatch(struct pv_os *os, const char *path, void *token)
{
	char full[XS_PATH_MAX];

	absolute(full, path);
	for (int i = 0; i < FAKE_WATCHES; i++) {
		struct fake_watch *watch = &os->watches[i];

		if (watch->used && watch->token == token && !strcmp(watch->path, full)) {
			watch->used = false;
			return;
		}
	}
	fail_msg("%s was not watched", path);
}

void fake_run(struct pv_os *os, struct pv_blk *blk)
{
	bool again = true;

	for (int turns = 0; again; turns++) {
		again = false;
		assert_true(turns < 100);
		for (int i = 0; i < FAKE_WATCHES; i++) {
			if (!os->watches[i].used || !os->watches[i].fired)
				continue;
			os->watches[i].fired = false;
			pv_watch_fired(os->watches[i].token);
			again = true;
		}
		if (blk && pv_blk_wants_step(blk)) {
			pv_blk_step(blk);
			again = true;
		}
	}
}

/*
 * Memory
 */

/* The first of nr free entries in a row. */
static int find_grants(const struct pv_os *os, uint32_t nr)
{
	uint32_t run = 0;

	for (int i = 0; i < FAKE_GRANTS; i++) {
		run = os->grants[i].page ? 0 : run + 1;
		if (run == nr)
			return i + 1 - (int)nr;
	}
	return -1;
}

int pvos_grant_pages(struct pv_os *os, uint16_t domid, uint32_t nr, bool readonly, void **pages,
		     uint32_t *grefs)
{
	int first = find_grants(os, nr);
	uint8_t *memory;

	assert_false(readonly);
	assert_in_range(nr, 1, 16);
	if (os->grants_left == 0 || first < 0 || (os->largest_grant && nr > os->largest_grant) ||
	    (os->most_granted && fake_granted(os) + nr > os->most_granted))
		return PV_ENOMEM;
	if (os->grants_left > 0)
		os->grants_left--;
	memory = aligned_alloc(4096, nr * 4096ul);
	assert_non_null(memory);
	memset(memory, 0, nr * 4096ul);
	for (uint32_t i = 0; i < nr; i++) {
		os->grants[first + (int)i] = (struct fake_grant){ .page = memory + i * 4096ul,
								  .domid = domid, .first = i == 0 };
		grefs[i] = FAKE_GREF_BASE + (uint32_t)first + i;
	}
	*pages = memory;
	return PV_OK;
}

int pvos_ungrant_pages(struct pv_os *os, void *pages, uint32_t nr, const uint32_t *grefs)
{
	for (uint32_t i = 0; i < nr; i++) {
		const struct fake_grant *grant = &os->grants[grefs[i] - FAKE_GREF_BASE];

		assert_ptr_equal(grant->page, (uint8_t *)pages + i * 4096ul);
		if (grant->held)
			return PV_EBUSY;
	}
	for (uint32_t i = 0; i < nr; i++)
		os->grants[grefs[i] - FAKE_GREF_BASE].page = NULL;
	free(pages);
	return PV_OK;
}

uint8_t *fake_page(struct pv_os *os, uint32_t gref)
{
	if (gref < FAKE_GREF_BASE || gref >= FAKE_GREF_BASE + FAKE_GRANTS)
		return NULL;
	return os->grants[gref - FAKE_GREF_BASE].page;
}

void fake_hold_all(struct pv_os *os, bool held)
{
	for (int i = 0; i < FAKE_GRANTS; i++)
		os->grants[i].held = held && os->grants[i].page;
}

/*
 * The rest
 */

int pvos_evtchn_open(struct pv_os *os, uint16_t domid, uint32_t *port)
{
	(void)domid;
	if (os->ports_left == 0)
		return PV_ENOMEM;
	for (uint32_t i = 1; i < FAKE_PORTS; i++) {
		if (os->ports[i])
			continue;
		os->ports[i] = true;
		*port = i;
		return PV_OK;
	}
	return PV_ENOMEM;
}

void pvos_evtchn_close(struct pv_os *os, uint32_t port)
{
	assert_true(os->ports[port]);
	os->ports[port] = false;
}

void pvos_evtchn_notify(struct pv_os *os, uint32_t port)
{
	assert_true(os->ports[port]);
	os->notified++;
}

void pvos_log(struct pv_os *os, enum pv_log_level level, const char *line)
{
	(void)level;
	assert_null(strchr(line, '\n'));
	os->logged++;
}

uint64_t pvos_clock(struct pv_os *os)
{
	return os->clock;
}
