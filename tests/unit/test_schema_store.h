/* SPDX-License-Identifier: MIT */
/*
 * test_schema_store.h - a xenstore in an array
 *
 * Stands in for libxenstore in a test of code that only reads: the test fills the nodes, and
 * whatever would write fails the test. To be included once.
 */
#ifndef XPV_TEST_SCHEMA_STORE_H
#define XPV_TEST_SCHEMA_STORE_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <xenstore.h>

#include <cmocka.h>

#define NODES 256

struct node {
	char path[512], value[256];
	unsigned int len;
	unsigned int owner, others, reader, reader_may;
};

static struct node nodes[NODES];
static int transactions;	/* that are open */

static struct node *node_find(const char *path)
{
	for (size_t i = 0; i < NODES; i++)
		if (nodes[i].path[0] && !strcmp(nodes[i].path, path))
			return &nodes[i];
	return NULL;
}

/* True if the node is at path or below it. */
static bool node_within(const struct node *node, const char *path)
{
	size_t len = strlen(path);

	return node->path[0] && !strncmp(node->path, path, len) &&
	       (!node->path[len] || node->path[len] == '/');
}

static struct node *node_set_bytes(const char *path, const char *value, unsigned int len)
{
	struct node *node = node_find(path);

	for (size_t i = 0; !node && i < NODES; i++)
		if (!nodes[i].path[0])
			node = &nodes[i];
	assert_non_null(node);
	if (!node->path[0]) {
		*node = (struct node){ .reader = UINT32_MAX };
		strcpy(node->path, path);
	}
	assert_true(len <= sizeof(node->value));
	memcpy(node->value, value, len);
	node->len = len;
	return node;
}

static struct node *node_set(const char *path, const char *value)
{
	return node_set_bytes(path, value, (unsigned int)strlen(value));
}

static void node_remove(const char *path)
{
	for (size_t i = 0; i < NODES; i++)
		if (node_within(&nodes[i], path))
			nodes[i].path[0] = '\0';
}

/* Gives the node, and all below it, an owner and a domain that may do something with it. */
static void node_give(const char *path, unsigned int owner, unsigned int others,
		      unsigned int reader, unsigned int reader_may)
{
	for (size_t i = 0; i < NODES; i++) {
		if (!node_within(&nodes[i], path))
			continue;
		nodes[i].owner = owner;
		nodes[i].others = others;
		nodes[i].reader = reader;
		nodes[i].reader_may = reader_may;
	}
}

/* --- libxenstore, as far as it is read with --- */

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *len)
{
	struct node *node = node_find(path);
	char *value;

	(void)h, (void)t;
	for (size_t i = 0; !node && i < NODES; i++)
		if (node_within(&nodes[i], path))
			node = &nodes[i];
	if (!node) {
		errno = ENOENT;
		return NULL;
	}
	*len = strcmp(node->path, path) ? 0 : node->len;	/* a mere parent is empty */
	value = calloc(1, *len + 1);
	assert_non_null(value);
	memcpy(value, node->value, *len);
	return value;
}

char **xs_directory(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *num)
{
	char **list = calloc(1, NODES * (sizeof(char *) + 512)), *text = (char *)(list + NODES);
	size_t len = strlen(path);

	(void)h, (void)t;
	assert_non_null(list);
	*num = 0;
	for (size_t i = 0; i < NODES; i++) {
		const char *name = nodes[i].path + len + 1;
		bool known = false;
		size_t n;

		if (!node_within(&nodes[i], path) || !nodes[i].path[len])
			continue;
		n = strcspn(name, "/");
		for (unsigned int j = 0; j < *num; j++)
			known |= strlen(list[j]) == n && !memcmp(list[j], name, n);
		if (known)
			continue;
		list[(*num)++] = text;
		memcpy(text, name, n);
		text += n + 1;
	}
	return list;
}

struct xs_permissions *xs_get_permissions(struct xs_handle *h, xs_transaction_t t,
					  const char *path, unsigned int *num)
{
	struct xs_permissions *perms = calloc(2, sizeof(*perms));
	struct node *node = node_find(path);

	(void)h, (void)t;
	assert_non_null(perms);
	if (!node) {
		free(perms);
		errno = ENOENT;
		return NULL;
	}
	perms[0].id = node->owner;
	perms[0].perms = node->others;
	perms[1].id = node->reader;
	perms[1].perms = node->reader_may;
	*num = node->reader == UINT32_MAX ? 1 : 2;
	return perms;
}

xs_transaction_t xs_transaction_start(struct xs_handle *h)
{
	(void)h;
	transactions++;
	return 1;
}

/* A linter commits nothing. */
bool xs_transaction_end(struct xs_handle *h, xs_transaction_t t, bool abort)
{
	(void)h;
	assert_int_equal(t, 1);
	assert_true(abort);
	transactions--;
	return true;
}

void xs_close(struct xs_handle *h)
{
	(void)h;
	assert_int_equal(transactions, 0);
}

/* --- and what must not be called --- */

bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path, const void *data,
	      unsigned int len)
{
	(void)h, (void)t, (void)data, (void)len;
	fail_msg("xs_write %s", path);
	return false;
}

bool xs_mkdir(struct xs_handle *h, xs_transaction_t t, const char *path)
{
	(void)h, (void)t;
	fail_msg("xs_mkdir %s", path);
	return false;
}

bool xs_rm(struct xs_handle *h, xs_transaction_t t, const char *path)
{
	(void)h, (void)t;
	fail_msg("xs_rm %s", path);
	return false;
}

bool xs_set_permissions(struct xs_handle *h, xs_transaction_t t, const char *path,
			struct xs_permissions *perms, unsigned int num)
{
	(void)h, (void)t, (void)perms, (void)num;
	fail_msg("xs_set_permissions %s", path);
	return false;
}

#endif
