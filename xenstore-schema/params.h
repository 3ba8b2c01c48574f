/* SPDX-License-Identifier: MIT */
/*
 * params.h - what the key params may name: where a virtual disk's data is
 *
 *	/srv/a.img			a raw file or a block device
 *	aio:/srv/a.img			the same, as libxl writes it for media
 *	qcow2:/srv/a.qcow2		an image of that format, and likewise vhd: and vmdk:
 *	nbd://host:port/export		a server of network block devices
 *	nbd+unix:///export?socket=/path	the same, on a Unix socket
 *	ram:SIZE			memory, lost with the disk
 *	null:SIZE			zeros when read; what is written is forgotten
 *
 * Before each of them limits may stand, "iops=500@2000,bps=8M,", of which tools/hotplug/block-xpv
 * makes keys.
 *
 * The toolstack that writes the key and the backend that reads it ask here. The format is what the
 * text says; nothing is ever guessed from what is in a file. Freestanding, as schema.h.
 */
#ifndef XPV_SCHEMA_PARAMS_H
#define XPV_SCHEMA_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XS_TARGET_HOST	256
#define XS_TARGET_SOCKET 108	/* a Unix socket's address, terminated */
#define XS_TARGET_EXPORT 256
#define XS_NBD_PORT	10809

enum xs_target_kind {
	XS_TARGET_FILE,
	XS_TARGET_QCOW2,
	XS_TARGET_VHD,
	XS_TARGET_VMDK,
	XS_TARGET_NBD,
	XS_TARGET_RAM,
	XS_TARGET_NULL,
	XS_TARGET_KINDS
};

struct xs_target {
	enum xs_target_kind kind;
	const char *path;		/* of a file, raw or not: a part of the text; or NULL */
	uint64_t bytes;			/* RAM, NULL: a multiple of 512 */
	char host[XS_TARGET_HOST];	/* NBD over TCP */
	unsigned int port;
	char socket[XS_TARGET_SOCKET];	/* NBD on a Unix socket; "": over TCP */
	char name[XS_TARGET_EXPORT];	/* NBD: the export's; often "" */
};

/* Takes a terminated text apart. NULL; or what is wrong with it, in a few words, and *out is not
 * meaningful. What begins with none of the words above is a FILE. */
const char *xs_target_parse(const char *text, struct xs_target *out);
/* "qcow2"; NULL out of range. */
const char *xs_target_name(enum xs_target_kind kind);
/* True: an image file in a format that is not raw. */
bool xs_target_is_format(enum xs_target_kind kind);
/* True: it has a name in the file system, whether raw or not. */
bool xs_target_is_file(enum xs_target_kind kind);

#endif
