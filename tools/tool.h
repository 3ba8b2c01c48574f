/* SPDX-License-Identifier: MIT */
/*
 * tool.h - what the verbs of xpv share
 *
 * A verb is one function in one file, cmd_<verb>.c, named in main.c's table. It parses its own
 * options, does its work with the helpers below and returns the exit status: 0 done, 1 failed,
 * with one line on stderr that says what, why and what to do about it, 2 bad usage.
 *
 * Whatever a guest can write (its own xenstore directory, the text of an error, a name) is data
 * for display only: it is validated by the schema's parser and escaped before it is printed, and
 * nothing destructive is ever derived from it. All of this is single-threaded.
 */
#ifndef XPV_TOOL_H
#define XPV_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xenctrl.h>
#include <xenstore.h>

#include "schema.h"

struct json_object;

struct domain {
	uint32_t domid;
	char name[64];		/* escaped; its number if it has none */
};

enum tool_exit { TOOL_OK = 0, TOOL_FAILED = 1, TOOL_USAGE = 2 };

/* main.c: the verbs */
struct verb {
	const char *name;
	int (*fn)(int argc, char **argv);	/* argv[0] is the verb's name */
	const char *usage;			/* operands and options, for `xpv -h` */
	const char *summary;
	bool offline;				/* needs neither Xen nor a simulator */
};

int cmd_block_attach(int argc, char **argv);
int cmd_block_detach(int argc, char **argv);
int cmd_block_limit(int argc, char **argv);
int cmd_block_list(int argc, char **argv);
int cmd_block_pause(int argc, char **argv);
int cmd_block_resize(int argc, char **argv);
int cmd_block_unpause(int argc, char **argv);
int cmd_cd_eject(int argc, char **argv);
int cmd_cd_insert(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_console(int argc, char **argv);
int cmd_console_list(int argc, char **argv);
int cmd_console_log(int argc, char **argv);
int cmd_create(int argc, char **argv);
int cmd_destroy(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_pause(int argc, char **argv);
int cmd_restart(int argc, char **argv);
int cmd_schema(int argc, char **argv);
int cmd_shutdown(int argc, char **argv);
int cmd_sim(int argc, char **argv);
int cmd_stats(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_unpause(int argc, char **argv);

/* options.c: command lines */
enum opt_kind {
	OPT_FLAG,	/* into: bool, set to true */
	OPT_TEXT,	/* into: const char *, the argument */
	OPT_SECONDS,	/* into: unsigned int, the argument, 0 to 86400 */
	OPT_COUNT	/* into: unsigned int, the argument, 1 to 1000000 */
};

struct opt {
	const char *name;	/* the long name; NULL ends the table */
	char letter;		/* 0: none */
	enum opt_kind kind;
	void *into;
};

/*
 * Parses the options that `opts` names, and -v and -h, which every verb has; operands may stand
 * between options, "--" ends them. Returns true with *first the index of the first operand (argv
 * is permuted); or false with *first the exit status: help was printed, or the usage was bad.
 * `usage` is the whole text for -h; its first line is the synopsis.
 */
bool tool_options(int argc, char **argv, const char *usage, const struct opt *opts, int *first);
/* A number of bytes, not 0 and at most INT64_MAX: digits, with K, M, G or T behind them if need be.
 * False: it is none. */
bool tool_size(const char *text, size_t len, uint64_t *bytes);

/* report.c: what the user reads */
extern bool tool_verbose;	/* -v */

/* "xpv: <text>" on stderr as one line: control bytes are escaped, the length is bounded. The text
 * has the form "what: why; remedy". Returns TOOL_FAILED. */
int tool_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same; returns TOOL_USAGE, and points at the verb's -h. */
int tool_usage(const char *verb, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "xpv: warning: <text>" */
void tool_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same without "warning", and only with -v. */
void tool_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Bytes that are not printable ASCII become \xNN; what does not fit is cut and ends in "...".
 * Returns buf. */
char *tool_escape(char *buf, size_t size, const char *text, size_t len);
/* Prints the object, pretty and with a newline, on stdout, and drops it. Returns TOOL_OK, or
 * TOOL_FAILED, with an error printed, if stdout does not take it. */
int tool_json(struct json_object *obj);
/* {"name", "domid"}: a verb adds what it has done. name is null for a domain that has none. */
struct json_object *tool_json_domain(const struct domain *dom);
/* A JSON string from text that nobody has validated: escaped first, so that it is UTF-8. */
struct json_object *tool_json_text(const char *text);
/* Flushes stdout; TOOL_FAILED, with an error printed, if anything was lost. */
int tool_flush(void);

/* rundir.c: where the state of this machine's xpv lives: $XPV_RUNDIR, by default /run/xpv */
const char *tool_rundir(void);
/* rundir + "/" + name; false if it does not fit (an error has been printed). */
bool tool_runpath(char *buf, size_t size, const char *name);
/* Makes rundir and rundir/sub; false: an error has been printed. */
bool tool_make_rundir(const char *sub);
/* The path from the root, links kept as they are, to be freed; NULL with errno. */
char *tool_absolute(const char *path);

/* open.c: the way to Xen. All print their error and the remedy. */
struct xs_handle *tool_xs_open(void);		/* NULL on failure */
xc_interface *tool_xc_open(void);		/* NULL on failure */
/* What libxenctrl and libxl say to it is dropped: their errors come back as return values. */
extern struct xentoollog_logger tool_silent;

/* A domain by name or id. 0, or TOOL_FAILED with an error printed: no such domain. */
int tool_domain(struct xs_handle *xs, xc_interface *xch, const char *dom, struct domain *out);
/* The same for a verb that needs nothing else of Xen. */
int tool_resolve(const char *dom, struct domain *out);
/* The domain of that name among those that exist, as the transaction sees it: 1 and *domid, 0 if
 * there is none, or -1 with an error printed. */
int tool_domain_named(struct xs_handle *xs, xs_transaction_t t, xc_interface *xch,
		      const char *name, uint32_t *domid);
/* All domains, ascending; *list is to be freed. How many, or -1 with an error printed. */
int tool_domains(xc_interface *xch, xc_domaininfo_t **list);
/* What the hypervisor says about one domain; false: it does not exist. */
bool tool_domain_info(xc_interface *xch, uint32_t domid, xc_domaininfo_t *info);
/* One word: dying, crashed, shutdown, paused, blocked or running. */
const char *tool_domain_state(const xc_domaininfo_t *info);
/* The name of a domain that exists, escaped; "" if it has none. */
void tool_domain_name(struct xs_handle *xs, uint32_t domid, char *buf, size_t size);

/* store.c: xenstore, typed. dir is a device's directory, i and j the indexes of the key's name. */
/* 0 and *out; -ENOENT: no such key; -EINVAL: malformed; or another -errno. Nothing is printed. */
int store_get(struct xs_handle *xs, xs_transaction_t t, const char *dir, enum xs_key_id id,
	      unsigned int i, unsigned int j, uint64_t *out);
/* The number, or `otherwise` when it is absent or malformed. */
uint64_t store_get_or(struct xs_handle *xs, xs_transaction_t t, const char *dir,
		      enum xs_key_id id, uint64_t otherwise);
/* The text, validated, to be freed by the caller; NULL with errno ENOENT or EINVAL. */
char *store_get_text(struct xs_handle *xs, xs_transaction_t t, const char *dir,
		     enum xs_key_id id);
/* The text at any path, unvalidated but terminated and at most XS_VALUE_MAX long; NULL: errno. */
char *store_read(struct xs_handle *xs, xs_transaction_t t, const char *path);
/* Both false with errno on failure; set checks the value against the schema: ours must fit. */
bool store_set(struct xs_handle *xs, xs_transaction_t t, const char *dir, enum xs_key_id id,
	       const char *value);
bool store_write(struct xs_handle *xs, xs_transaction_t t, const char *path, const char *value);
/* The names in a directory that are decimal numbers below `limit`, ascending; others are left
 * out. *list is to be freed. Returns how many; 0 also if there is no such directory. */
size_t store_numbers(struct xs_handle *xs, xs_transaction_t t, const char *path, uint32_t limit,
		     uint32_t **list);
/* Removes path and what is below it, then each parent that this leaves empty, up to but not
 * including `stop`. A path that is not there is fine. False with errno if the store fails. */
bool store_prune(struct xs_handle *xs, xs_transaction_t t, const char *path, const char *stop);
/* Runs fn in a transaction, again whenever another client was in the way. fn returns 0 to commit,
 * or something else to abort, which is then returned; -errno if the store fails. */
int store_transact(struct xs_handle *xs, int (*fn)(struct xs_handle *xs, xs_transaction_t t,
						   void *arg), void *arg);

#endif
