/* SPDX-License-Identifier: MIT */
/*
 * minidom.h - a tiny guest with a command line, and what it needs from the machine below
 *
 * minidom exercises vdisks: it lists, reads, sums, fills and verifies them. It uses the frontends
 * (pv.h), the schema's parsers, and the three functions here; no C library, so that the same
 * source runs as a Linux process and on a bare virtual machine.
 */
#ifndef XPV_MINIDOM_H
#define XPV_MINIDOM_H

#include "pv.h"

#define MD_DISKS	64	/* open at a time */
#define MD_LINE		512	/* the longest command */
#define MD_WINDOW	(4 * PV_BLK_DEPTH)	/* requests at a time */
#define MD_LARGE	(256 << 10)	/* memory of a disk with more than one ring of one page */

/* What a port supplies. */

struct md_port;

enum md_status {
	MD_OK = 0,
	MD_END = -1,		/* no more commands */
	MD_EVENT = -2,		/* no command yet; devices may need a step */
	MD_INTERRUPTED = -3,	/* somebody wants the program to end */
	MD_LOST = -4,		/* xenstore or the hypervisor is gone */
};

/* Shows len bytes: results, or error lines. */
void md_put(struct md_port *port, bool error, const char *text, size_t len);
/* The next command into buf, terminated: its length, or MD_END, MD_EVENT, MD_INTERRUPTED, MD_LOST.
 * May sleep. A longer command is cut to size - 1. */
int md_line(struct md_port *port, char *buf, size_t size);
/* Sleeps until an event, or timeout_ms: MD_OK, MD_INTERRUPTED, MD_LOST. 0: only looks. */
int md_wait(struct md_port *port, unsigned int timeout_ms);

/* minidom.c: runs commands until there are none. 0: all succeeded; 1: one did not. Unless
 * interactive, the first that fails is the last. md is zeroed memory of the caller's. */
struct minidom;
int minidom_run(struct minidom *md, struct md_port *port, struct pv_os *os, bool interactive);

/*
 * md_console.c: the same command line on a console of Xen's, for a port that has one: what its
 * md_put() and md_line() then call. It sleeps in md_wait() only while output does not fit.
 */
struct md_console {
	struct md_port *port;
	struct pv_os *os;
	struct pv_console *con;		/* the port's; stepped from here */
	bool prompted;			/* and nothing was shown since */
	bool after_return;		/* a newline belongs to the carriage return before it */
	bool deaf;			/* nobody takes what is written */
	size_t len, in_at, in_len;
	char line[MD_LINE];		/* what was typed of it so far */
	char in[64];			/* read, and not looked at yet */
};

void md_console_init(struct md_console *c, struct md_port *port, struct pv_os *os,
		     struct pv_console *con);
void md_console_put(struct md_console *c, const char *text, size_t len);
/* The length of the next line, or MD_EVENT: it is not whole yet. Does not wait for it. */
int md_console_line(struct md_console *c, char *buf, size_t size);
/* Waits until what was written has been taken, as long as somebody takes it. */
void md_console_drain(struct md_console *c);

/*
 * The inside
 */

struct md_disk {
	_Alignas(16) unsigned char memory[PV_BLK_BYTES];
	struct pv_blk *blk;		/* NULL: free */
	uint32_t devid;
};

/* A part of a disk, in work. */
struct md_chunk {
	struct pv_blk_req req;
	struct pv_blk_queue *queue;
	bool back;			/* the backend has answered */
};

struct minidom {
	struct md_port *port;
	struct pv_os *os;
	bool interactive;
	bool interrupted;		/* or lost */
	bool lost;			/* xenstore or the hypervisor is gone */
	bool poweroff;
	size_t out_len;
	char out[256];			/* a line in the making */
	struct md_chunk window[MD_WINDOW];
	struct md_disk disks[MD_DISKS];
	_Alignas(16) unsigned char large[MD_LARGE];	/* for one of them */
};

/* md_text.c: writing lines. A line appears when its newline is put. */
void md_text(struct minidom *md, const char *text);
void md_char(struct minidom *md, char c);
void md_number(struct minidom *md, uint64_t value);
void md_hex(struct minidom *md, uint64_t value, unsigned int digits);
/* Pads the line with blanks up to this column. */
void md_column(struct minidom *md, size_t column);
void md_newline(struct minidom *md);
/* Begins an error line, dropping an unfinished one; md_error_end() shows it. */
void md_error(struct minidom *md, const char *command, const char *what);
int md_error_end(struct minidom *md, const char *remedy);	/* always -1 */

/* md_disk.c: opening, waiting, closing. Errors are shown; 0 or -1. */

/* A disk that is open already stays as it is. */
int md_disk_open(struct minidom *md, const char *command, const char *name,
		 struct md_disk **out);
/* One that is open is closed first. */
int md_disk_open_anew(struct minidom *md, const char *command, const char *name,
		      const struct pv_blk_options *options, struct md_disk **out);
int md_disk_close(struct minidom *md, const char *command, const char *name);
/* Steps what needs it; then sleeps unless this disk (NULL: none) has something to poll. */
void md_idle(struct minidom *md, struct md_disk *disk, unsigned int timeout_ms);
/* Shows why a request to this disk failed. */
int md_disk_error(struct minidom *md, const char *command, const char *name,
		  const struct md_disk *disk, enum pv_err err);
int md_disk_list(struct minidom *md);
int md_disk_close_all(struct minidom *md);

/* md_open.c: the commands that choose how a disk is used. 0 or -1. */
int md_cmd_open(struct minidom *md, int argc, char **argv);
int md_cmd_close(struct minidom *md, int argc, char **argv);

/* md_cmd.c: the commands that move data, and a number among their arguments. 0 or -1. */
int md_take_number(struct minidom *md, const char *command, const char *text, uint64_t *out);
int md_cmd_fill(struct minidom *md, int argc, char **argv);
int md_cmd_flush(struct minidom *md, int argc, char **argv);
int md_cmd_read(struct minidom *md, int argc, char **argv);
int md_cmd_stress(struct minidom *md, int argc, char **argv);
int md_cmd_sum(struct minidom *md, int argc, char **argv);
int md_cmd_verify(struct minidom *md, int argc, char **argv);

/* md_stream.c: work on a range of sectors, many requests at a time, in order */
struct md_stream {
	struct md_disk *disk;
	enum pv_blk_op op;
	uint64_t sector, end;		/* of 512 bytes */
	/* Before a chunk is written: makes its data. May be NULL. */
	void (*make)(struct md_stream *s, uint64_t sector, uint8_t *data, uint32_t sectors);
	/* After a chunk is back, in order. Non-zero ends the stream as its result. May be NULL. */
	int (*take)(struct md_stream *s, uint64_t sector, const uint8_t *data, uint32_t sectors);
	void *context;
};

/* PV_OK, the first error, or what take returned. */
int md_stream_run(struct minidom *md, struct md_stream *s);
/* One request without data, awaited. */
int md_stream_flush(struct minidom *md, struct md_disk *disk);

#endif
