/* SPDX-License-Identifier: MIT */
/*
 * store.c - xenstore, typed
 *
 * Keys are named by the schema's enumeration and checked by the schema's parser, on the way in
 * and on the way out. A value that a guest has filled with rubbish is the same to callers as one
 * that is absent, except for its error number.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

#define MAX_FAILURES 8	/* of one transaction, before they are taken at their word */

char *store_read(struct xs_handle *xs, xs_transaction_t t, const char *path)
{
	unsigned int len;
	char *value = xs_read(xs, t, path, &len);	/* libxenstore terminates it */

	if (value && memchr(value, '\0', len)) {
		free(value);
		errno = EINVAL;
		return NULL;
	}
	return value;
}

bool store_write(struct xs_handle *xs, xs_transaction_t t, const char *path, const char *value)
{
	return xs_write(xs, t, path, value, (unsigned int)strlen(value));
}

/* A key's value, validated; NULL with errno. */
static char *get_valid(struct xs_handle *xs, xs_transaction_t t, const char *dir,
		       enum xs_key_id id, unsigned int i, unsigned int j, uint64_t *out)
{
	char path[XS_PATH_MAX], *value;
	unsigned int len;

	if (!xs_key_path(path, sizeof(path), dir, id, i, j)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	value = xs_read(xs, t, path, &len);
	if (value && xs_parse(id, value, len, out)) {
		free(value);
		errno = EINVAL;
		return NULL;
	}
	return value;
}

int store_get(struct xs_handle *xs, xs_transaction_t t, const char *dir, enum xs_key_id id,
	      unsigned int i, unsigned int j, uint64_t *out)
{
	char *value = get_valid(xs, t, dir, id, i, j, out);

	if (!value)
		return -errno;
	free(value);
	return 0;
}

uint64_t store_get_or(struct xs_handle *xs, xs_transaction_t t, const char *dir,
		      enum xs_key_id id, uint64_t otherwise)
{
	uint64_t value = otherwise;

	return store_get(xs, t, dir, id, 0, 0, &value) ? otherwise : value;
}

char *store_get_text(struct xs_handle *xs, xs_transaction_t t, const char *dir,
		     enum xs_key_id id)
{
	return get_valid(xs, t, dir, id, 0, 0, NULL);
}

bool store_set(struct xs_handle *xs, xs_transaction_t t, const char *dir, enum xs_key_id id,
	       const char *value)
{
	char path[XS_PATH_MAX];

	if (xs_parse(id, value, strlen(value), NULL) ||
	    !xs_key_path(path, sizeof(path), dir, id, 0, 0)) {
		errno = EINVAL;
		return false;
	}
	return store_write(xs, t, path, value);
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

size_t store_numbers(struct xs_handle *xs, xs_transaction_t t, const char *path, uint32_t limit,
		     uint32_t **list)
{
	unsigned int entries;
	char **names = xs_directory(xs, t, path, &entries);
	size_t n = 0;
	uint64_t value;

	*list = names && entries ? calloc(entries, sizeof(**list)) : NULL;
	for (unsigned int i = 0; *list && i < entries; i++)
		if (!xs_parse_u64(names[i], strlen(names[i]), &value) && value < limit)
			(*list)[n++] = (uint32_t)value;
	free(names);
	if (n)
		qsort(*list, n, sizeof(**list), by_number);
	return n;
}

bool store_prune(struct xs_handle *xs, xs_transaction_t t, const char *path, const char *stop)
{
	char dir[XS_PATH_MAX], **names, *value, *slash;
	unsigned int n, len;
	bool empty;

	if (!xs_rm(xs, t, path) && errno != ENOENT)
		return false;
	if (strlen(path) >= sizeof(dir))
		return true;
	strcpy(dir, path);
	while ((slash = strrchr(dir, '/')) && slash > dir) {
		*slash = '\0';
		if (!strcmp(dir, stop))
			break;
		names = xs_directory(xs, t, dir, &n);
		if (!names && errno == ENOENT)
			continue;
		value = xs_read(xs, t, dir, &len);
		empty = names && !n && value && !len;
		free(names);
		free(value);
		if (!empty)
			break;
		if (!xs_rm(xs, t, dir))
			return false;
	}
	return true;
}

/* What another client commits meanwhile may show through, and then a request in a transaction that
 * could not be committed anyway fails with one of these before it comes to EAGAIN. */
static bool may_be_conflict(int rc)
{
	return rc == -EIO || rc == -EINVAL || rc == -ENOENT;
}

int store_transact(struct xs_handle *xs, int (*fn)(struct xs_handle *xs, xs_transaction_t t,
						   void *arg), void *arg)
{
	int failures = 0, rc;
	xs_transaction_t t;

	for (;;) {
		t = xs_transaction_start(xs);
		if (t == XBT_NULL)
			return -errno;
		rc = fn(xs, t, arg);
		if (rc) {
			xs_transaction_end(xs, t, true);
			if (!may_be_conflict(rc) || ++failures == MAX_FAILURES)
				return rc;
		} else if (xs_transaction_end(xs, t, false)) {
			return 0;
		} else if (errno != EAGAIN) {
			return -errno;
		}
	}
}
