/* SPDX-License-Identifier: MIT */
/*
 * params.c - what the key params may name, taken apart
 *
 * The text comes from an administrator, by way of Dom0's part of the store: a mistake in it has to
 * be said in words, and nothing in it may be half understood. Escapes (%2F) are decoded where a
 * URI has them; one that decodes to a byte below a blank is refused, for what is decoded here is
 * written to logs.
 */
#include "params.h"
#include "schema.h"
#include "text.h"

#define SECTOR 512u
#define BYTES_MAX (UINT64_C(1) << 60)
#define PORT_MAX 65535

static const char *const names[XS_TARGET_KINDS] = {
	[XS_TARGET_FILE] = "file", [XS_TARGET_QCOW2] = "qcow2", [XS_TARGET_VHD] = "vhd",
	[XS_TARGET_VMDK] = "vmdk", [XS_TARGET_NBD] = "nbd", [XS_TARGET_RAM] = "ram",
	[XS_TARGET_NULL] = "null",
};

const char *xs_target_name(enum xs_target_kind kind)
{
	return kind < XS_TARGET_KINDS ? names[kind] : NULL;
}

bool xs_target_is_format(enum xs_target_kind kind)
{
	return kind == XS_TARGET_QCOW2 || kind == XS_TARGET_VHD || kind == XS_TARGET_VMDK;
}

bool xs_target_is_file(enum xs_target_kind kind)
{
	return kind == XS_TARGET_FILE || xs_target_is_format(kind);
}

static const char *parse_size(const char *text, uint64_t *out)
{
	static const char units[] = "KMGT";
	uint64_t bytes = 0;
	size_t len = 0;

	while (xs_is_digit(text[len]))
		len++;
	if (xs_parse_u64(text, len, &bytes) != XS_OK)
		return "it needs a size, as in 128M";
	text += len;
	for (unsigned int i = 0; *text && units[i]; i++) {
		if (*text != units[i])
			continue;
		if (bytes > BYTES_MAX >> (10 * (i + 1)))
			return "that is too large";
		bytes <<= 10 * (i + 1);
		text++;
		break;
	}
	if (*text)
		return "its size must be a number, with K, M, G or T after it if you like";
	if (bytes > BYTES_MAX)
		return "that is too large";
	if (bytes == 0 || bytes % SECTOR)
		return "its size must be a multiple of 512, and not 0";
	*out = bytes;
	return NULL;
}

static int hex(char c)
{
	if (xs_is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes up to the character `end`, or the text's own end; NULL: malformed, or too long. */
static const char *take_part(const char *p, char end, char *buf, size_t size)
{
	struct xs_text out = xs_text_init(buf, size);

	for (; *p && *p != end; p++) {
		int c = (unsigned char)*p;

		if (c == '%') {
			int high = hex(p[1]), low = high < 0 ? -1 : hex(p[2]);

			if (low < 0)
				return NULL;
			c = high << 4 | low;
			p += 2;
		}
		if (c < ' ' || c == 0x7f)
			return NULL;
		xs_text_char(&out, (char)c);
	}
	return out.full ? NULL : p;
}

static const char *parse_unix(const char *p, struct xs_target *out)
{
	if (*p == '/')
		p = take_part(p + 1, '?', out->name, sizeof(out->name));
	if (!p)
		return "the name of its export is malformed or longer than 255 bytes";
	if (!xs_skip(&p, "?socket="))
		return "write it as nbd+unix:///EXPORT?socket=/PATH";
	p = take_part(p, '\0', out->socket, sizeof(out->socket));
	if (!p)
		return "the path of its socket is malformed or longer than 107 bytes";
	return out->socket[0] == '/' ? NULL : "the path of its socket must begin with /";
}

/* An address of IPv6 stands in brackets. */
static const char *take_host(const char *p, struct xs_target *out)
{
	struct xs_text host = xs_text_init(out->host, sizeof(out->host));
	bool brackets = xs_skip(&p, "[");

	for (; *p && (brackets ? *p != ']' : *p != ':' && *p != '/'); p++) {
		if (*p <= ' ' || *p == 0x7f || *p == '%' || *p == '?' || *p == '@')
			return NULL;
		xs_text_char(&host, *p);
	}
	if (host.full || !host.len || (brackets && !xs_skip(&p, "]")))
		return NULL;
	return p;
}

static const char *parse_tcp(const char *p, struct xs_target *out)
{
	p = take_host(p, out);
	if (!p)
		return "write it as nbd://HOST[:PORT]/EXPORT";
	out->port = XS_NBD_PORT;
	if (xs_skip(&p, ":") && (!xs_take_number(&p, PORT_MAX, &out->port) || !out->port))
		return "its port must be a number from 1 to 65535";
	if (*p && *p != '/')
		return "write it as nbd://HOST[:PORT]/EXPORT";
	if (*p)
		p = take_part(p + 1, '?', out->name, sizeof(out->name));
	if (!p)
		return "the name of its export is malformed or longer than 255 bytes";
	return *p ? "nothing may stand after the export's name: write a ? as %3F" : NULL;
}

/* Limits that stand before a target are for the script that sets it up. */
static const char *skip_limits(const char *text)
{
	const char *p = text;

	while (xs_skip(&p, "iops=") || xs_skip(&p, "bps=")) {
		while (*p && *p != ',')
			p++;
		if (!xs_skip(&p, ","))
			return text;
		text = p;
	}
	return text;
}

const char *xs_target_parse(const char *text, struct xs_target *out)
{
	static const struct {
		const char *word;
		enum xs_target_kind kind;
	} words[] = {
		{ "nbd+unix://", XS_TARGET_NBD }, { "nbd://", XS_TARGET_NBD },
		{ "ram:", XS_TARGET_RAM }, { "null:", XS_TARGET_NULL },
		{ "qcow2:", XS_TARGET_QCOW2 }, { "vhd:", XS_TARGET_VHD },
		{ "vmdk:", XS_TARGET_VMDK }, { "aio:", XS_TARGET_FILE },
	};
	const char *p = skip_limits(text);
	bool prefixed = false;

	*out = (struct xs_target){ .kind = XS_TARGET_FILE };
	if (xs_skip(&p, "nbds://") || xs_skip(&p, "nbds+unix://"))
		return "TLS is not spoken: put a proxy such as stunnel before the server";
	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!xs_skip(&p, words[i].word))
			continue;
		out->kind = words[i].kind;
		if (out->kind == XS_TARGET_RAM || out->kind == XS_TARGET_NULL)
			return parse_size(p, &out->bytes);
		if (out->kind == XS_TARGET_NBD)
			return i == 0 ? parse_unix(p, out) : parse_tcp(p, out);
		prefixed = true;
		break;
	}
	out->path = p;
	return !prefixed || *p == '/' ? NULL : "its path must begin with /";
}
