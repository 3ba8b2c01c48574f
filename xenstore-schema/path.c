/* SPDX-License-Identifier: MIT */
/*
 * path.c - xenstore paths, built and taken apart
 *
 * The layout of xenstore that devices live in (docs/misc/xenstore-paths.pandoc) is known here and
 * nowhere else. Building never yields half a path: what does not fit is an empty string and 0.
 */
#include "schema.h"

#include "text.h"

static const uint64_t powers_of_ten[] = {
	1ull, 10ull, 100ull, 1000ull, 10000ull, 100000ull, 1000000ull, 10000000ull, 100000000ull,
	1000000000ull, 10000000000ull, 100000000000ull, 1000000000000ull, 10000000000000ull,
	100000000000000ull, 1000000000000000ull, 10000000000000000ull, 100000000000000000ull,
	1000000000000000000ull, 10000000000000000000ull,
};

void xs_text_u64(struct xs_text *t, uint64_t value)
{
	size_t i = sizeof(powers_of_ten) / sizeof(powers_of_ten[0]) - 1;

	while (i && powers_of_ten[i] > value)
		i--;
	do {
		char digit = '0';

		for (; value >= powers_of_ten[i]; value -= powers_of_ten[i])
			digit++;
		xs_text_char(t, digit);
	} while (i--);
}

/* All or nothing: half a path would name another node. */
static size_t finish(struct xs_text *t)
{
	if (!t->full)
		return t->len;
	if (t->size)
		t->buf[0] = '\0';
	return 0;
}

static void add_part(struct xs_text *t, unsigned int number)
{
	xs_text_char(t, '/');
	xs_text_u64(t, number);
}

static void add_key(struct xs_text *t, const char *pattern, unsigned int i, unsigned int j)
{
	unsigned int next = i;

	for (; *pattern; pattern++) {
		if (*pattern != '%') {
			xs_text_char(t, *pattern);
			continue;
		}
		xs_text_u64(t, next);
		next = j;
		pattern++;	/* the u of "%u" */
	}
}

/* "<root>/<type>"; a class without a type has no path. */
static void add_root(struct xs_text *t, const char *root, const char *type)
{
	xs_text_add(t, root);
	xs_text_char(t, '/');
	if (type)
		xs_text_add(t, type);
	else
		t->full = true;
}

static void add_domain(struct xs_text *t, unsigned int domid)
{
	xs_text_add(t, "/local/domain");
	add_part(t, domid);
	xs_text_char(t, '/');
}

size_t xs_format_u64(char *buf, size_t size, uint64_t value)
{
	struct xs_text t = xs_text_init(buf, size);

	xs_text_u64(&t, value);
	return finish(&t);
}

size_t xs_key_name(char *buf, size_t size, enum xs_key_id id, unsigned int i, unsigned int j)
{
	struct xs_text t = xs_text_init(buf, size);

	add_key(&t, xs_keys[id].name, i, j);
	return finish(&t);
}

size_t xs_key_path(char *buf, size_t size, const char *dir, enum xs_key_id id,
		   unsigned int i, unsigned int j)
{
	struct xs_text t = xs_text_init(buf, size);

	xs_text_add(&t, dir);
	xs_text_char(&t, '/');
	add_key(&t, xs_keys[id].name, i, j);
	return finish(&t);
}

size_t xs_backend_path(char *buf, size_t size, unsigned int be, enum xs_kind kind,
		       unsigned int fe, unsigned int devid)
{
	struct xs_text t = xs_text_init(buf, size);

	add_domain(&t, be);
	add_root(&t, "backend", xs_kind_name(kind));
	add_part(&t, fe);
	add_part(&t, devid);
	return finish(&t);
}

size_t xs_frontend_path(char *buf, size_t size, unsigned int fe, enum xs_class class,
			unsigned int devid)
{
	struct xs_text t = xs_text_init(buf, size);

	add_domain(&t, fe);
	add_root(&t, "device", xs_class_type(class));
	add_part(&t, devid);
	return finish(&t);
}

size_t xs_primary_console_path(char *buf, size_t size, unsigned int fe)
{
	struct xs_text t = xs_text_init(buf, size);

	add_domain(&t, fe);
	xs_text_add(&t, "console");
	return finish(&t);
}

size_t xs_error_path(char *buf, size_t size, unsigned int be, enum xs_kind kind,
		     unsigned int fe, unsigned int devid)
{
	struct xs_text t = xs_text_init(buf, size);

	add_domain(&t, be);
	add_root(&t, "error/backend", xs_kind_name(kind));
	add_part(&t, fe);
	add_part(&t, devid);
	xs_text_add(&t, "/error");
	return finish(&t);
}

size_t xs_frontend_error_path(char *buf, size_t size, unsigned int fe, enum xs_class class,
			      unsigned int devid)
{
	struct xs_text t = xs_text_init(buf, size);

	add_domain(&t, fe);
	add_root(&t, "error/device", xs_class_type(class));
	add_part(&t, devid);
	xs_text_add(&t, "/error");
	return finish(&t);
}

size_t xs_backend_root(char *buf, size_t size, enum xs_kind kind)
{
	struct xs_text t = xs_text_init(buf, size);

	add_root(&t, "backend", xs_kind_name(kind));
	return finish(&t);
}

size_t xs_device_root(char *buf, size_t size, enum xs_class class)
{
	struct xs_text t = xs_text_init(buf, size);

	add_root(&t, "device", xs_class_type(class));
	return finish(&t);
}

static bool take_kind(const char **p, enum xs_kind *kind)
{
	for (unsigned int k = 0; k < XS_KIND_COUNT; k++) {
		const char *q = *p;

		if (xs_skip(&q, xs_kind_name(k)) && xs_skip(&q, "/")) {
			*kind = k;
			*p = q;
			return true;
		}
	}
	return false;
}

bool xs_split_backend_path(const char *path, enum xs_kind *kind, unsigned int *fe,
			   unsigned int *devid, const char **rest)
{
	const char *p = path;
	enum xs_kind found;
	unsigned int be, domid, device;

	if (xs_skip(&p, "/") && !(xs_skip(&p, "local/domain/") &&
				  xs_take_number(&p, XS_DOMID_MAX, &be) && xs_skip(&p, "/")))
		return false;
	if (!xs_skip(&p, "backend/") || !take_kind(&p, &found) ||
	    !xs_take_number(&p, XS_DOMID_MAX, &domid) || !xs_skip(&p, "/") ||
	    !xs_take_number(&p, UINT32_MAX, &device))
		return false;
	if (*p && !(xs_skip(&p, "/") && *p))
		return false;
	*kind = found;
	*fe = domid;
	*devid = device;
	*rest = p;
	return true;
}
