/* SPDX-License-Identifier: MIT */
/*
 * record.c - the log, with a time stamp before each line
 *
 * It is written at an offset of our own, which is noted together with the position that it stands
 * for. What was written by a worker that died before it could note it is written again in the same
 * place, with stamps of the same length. A file that has become shorter was emptied by somebody,
 * and is written from its end; so is one that is not the file that was noted.
 *
 * A file that is full is replaced by the supervisor (record_replace). Until it is, and while there
 * is no room on its filesystem, the log stays where it is; what the scrollback loses meanwhile is
 * missing, and a line says how much.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "console.h"

#define STAMP_MAX	32
#define CHUNK		2048	/* of output */
#define ESCAPE		'\033'

struct text {
	char bytes[CHUNK * 4];
	size_t len;
};

static void add_stamp(struct text *text)
{
	const time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	text->len += strftime(text->bytes + text->len, STAMP_MAX, "[%F %T] ", &tm);
}

/* As much of the bytes as fits; how many those are. */
static uint32_t render(const struct console *c, struct scroll_log *log, struct text *text,
		       const uint8_t *bytes, uint32_t len)
{
	uint32_t i = 0;

	while (i < len && text->len + STAMP_MAX < sizeof(text->bytes)) {
		if (!log->in_line)
			add_stamp(text);
		log->in_line = bytes[i] != '\n';
		text->bytes[text->len++] = c->log_escape && bytes[i] == ESCAPE ? '.' :
					   (char)bytes[i];
		i++;
	}
	return i;
}

static void add_loss(struct scroll_log *log, struct text *text, uint64_t lost)
{
	if (log->in_line)
		text->bytes[text->len++] = '\n';
	add_stamp(text);
	text->len += (size_t)snprintf(text->bytes + text->len, 64, "[%llu bytes are missing]\n",
				      (unsigned long long)lost);
	log->in_line = 0;
}

static void note(struct console *c, const struct scroll_log *log)
{
	const uint32_t turn = (c->head->log_turn & 1) ^ 1;

	c->head->log[turn] = *log;
	store_release(&c->head->log_turn, turn);
}

/* Where the file really ends, if it is another, or was cut. */
static bool locate(struct console *c, struct scroll_log *log)
{
	struct stat st;

	if (fstat(c->log_fd, &st) || !S_ISREG(st.st_mode))
		return false;
	if (log->file != st.st_ino || (uint64_t)st.st_size < log->offset) {
		log->file = st.st_ino;
		log->offset = (uint64_t)st.st_size;
	}
	return true;
}

static bool write_all(struct console *c, const struct scroll_log *log, const struct text *text)
{
	size_t done = 0;

	while (done < text->len) {
		ssize_t n = pwrite(c->log_fd, text->bytes + done, text->len - done,
				   (off_t)(log->offset + done));

		if (n <= 0) {
			if (!c->log_failed)
				log_warning("guest %u console %u: its log cannot be written: %s: "
					    "it goes on when it can", c->env->domid, c->devid,
					    n < 0 ? strerror(errno) : "no room");
			c->log_failed = true;
			return false;
		}
		done += (size_t)n;
	}
	c->log_failed = false;
	return true;
}

static bool is_full(struct console *c, const struct scroll_log *log)
{
	if (!c->log_max || log->offset < c->log_max)
		return false;
	if (!c->log_asked)
		c->env->log_full(c);
	c->log_asked = true;
	return true;
}

void record_feed(struct console *c)
{
	struct scroll_log log = c->head->log[c->head->log_turn & 1];
	static struct text text;

	if (c->log_fd < 0 || log.pos == c->head->out_pos || !locate(c, &log))
		return;
	while (log.pos != c->head->out_pos && !is_full(c, &log)) {
		const uint8_t *bytes;
		uint32_t len;
		uint64_t lost = 0;

		text.len = 0;
		log.pos = scroll_catch_up(c, log.pos, &lost);
		if (lost)
			add_loss(&log, &text, lost);
		len = scroll_at(c, log.pos, CHUNK, &bytes);
		log.pos += render(c, &log, &text, bytes, len);
		if (!write_all(c, &log, &text))
			return;
		log.offset += text.len;
		c->head->lost += lost;
		note(c, &log);
	}
}

void record_replace(struct console *c, int fd)
{
	if (c->log_fd >= 0)
		close(c->log_fd);
	c->log_fd = fd;
	c->log_asked = c->log_failed = false;
	record_feed(c);
}
