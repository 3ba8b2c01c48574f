/* SPDX-License-Identifier: MIT */
/*
 * md_open.c - the commands that choose how a disk is used
 *
 * A disk is opened with the frontend's defaults when a command needs it. `open` does so with other
 * options, and shows what the backend made of them.
 */
#include "minidom.h"

static int option_error(struct minidom *md, char **argv, const char *word, int err)
{
	md_error(md, argv[0], argv[1]);
	md_text(md, word);
	md_text(md, err == PV_ENOENT ? ": no such option" : ": impossible value");
	return md_error_end(md, "there are order=0..4 queues=1..16 buffers=1..512 "
			    "persistent=on|off indirect=on|off abi=native|64|32");
}

static void put_result(struct minidom *md, char **argv, const struct md_disk *disk)
{
	struct pv_blk_info info;

	pv_blk_info(disk->blk, &info);
	md_text(md, "open ");
	md_text(md, argv[1]);
	md_text(md, ": ");
	md_number(md, info.queues);
	md_text(md, info.queues == 1 ? " queue of " : " queues of ");
	md_number(md, info.slots);
	md_text(md, " requests, ");
	md_number(md, info.depth);
	md_text(md, info.persistent ? " with data, persistent grants, " : " with data, ");
	md_text(md, info.indirect ? "indirect requests, " : "");
	md_number(md, info.sector_size);
	md_text(md, " bytes a sector");
	md_newline(md);
}

int md_cmd_open(struct minidom *md, int argc, char **argv)
{
	struct pv_blk_options options = { .ring_order = 0 };
	struct md_disk *disk;

	for (int i = 2; i < argc; i++) {
		int err = pv_blk_option(&options, argv[i]);

		if (err)
			return option_error(md, argv, argv[i], err);
	}
	if (md_disk_open_anew(md, argv[0], argv[1], &options, &disk))
		return -1;
	put_result(md, argv, disk);
	return 0;
}

int md_cmd_close(struct minidom *md, int argc, char **argv)
{
	(void)argc;
	if (md_disk_close(md, argv[0], argv[1]))
		return -1;
	md_text(md, "close ");
	md_text(md, argv[1]);
	md_text(md, ": ok");
	md_newline(md);
	return 0;
}
