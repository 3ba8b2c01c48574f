/* SPDX-License-Identifier: MIT */
/*
 * control.c - what tools ask of the supervisor
 *
 * A Unix stream socket in the run directory, for its owner alone. A client sends one line of JSON,
 * {"cmd": ...}, and gets one line back, {"ok": true, ...} or {"ok": false, "error": text}, and the
 * end. Clients are few and trusted; still, none can hold the supervisor up: an answer that does
 * not fit the socket's buffer is continued later, and a client that takes too long is dropped.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "barrier.h"
#include "journal.h"
#include "scrollback.h"
#include "supervisor.h"

#define LINE_MAX_BYTES	4096
#define RETRY_NS	5000000u
#define PATIENCE_NS	10000000000u
#define PAUSE_NS	100000000u

struct client {
	struct supervisor *sup;
	struct loop_fd source;
	struct loop_timer timer;
	struct loop_deferred grave;
	uint64_t deadline_ns;
	size_t have;
	char line[LINE_MAX_BYTES];
	char *answer;
	size_t sent, len;
};

static void release_client(struct loop_deferred *grave)
{
	free(container_of(grave, struct client, grave));
}

static void drop(struct client *c)
{
	int fd = loop_del(&c->sup->loop, &c->source);

	if (fd >= 0)
		close(fd);
	loop_timer_cancel(&c->sup->loop, &c->timer);
	free(c->answer);
	c->answer = NULL;
	c->grave.release = release_client;
	loop_defer(&c->sup->loop, &c->grave);
}

static void send_rest(struct client *c)
{
	ssize_t n = 0;

	while (c->sent < c->len) {
		n = send(c->source.fd, c->answer + c->sent, c->len - c->sent,
			 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n <= 0)
			break;
		c->sent += (size_t)n;
	}
	if (n < 0 && errno == EAGAIN && loop_now() < c->deadline_ns)
		loop_timer_set(&c->sup->loop, &c->timer, RETRY_NS);
	else
		drop(c);
}

/* Either the patience with a silent client has ended, or the next piece of an answer is due. */
static void timer_expired(struct loop_timer *timer)
{
	struct client *c = container_of(timer, struct client, timer);

	if (c->answer)
		send_rest(c);
	else
		drop(c);
}

static void add_limits(struct json_object *out, const struct wire_limit *limit)
{
	json_object_object_add(out, "paused", json_object_new_boolean(limit->paused));
	json_object_object_add(out, "limit_iops", json_object_new_uint64(limit->iops));
	json_object_object_add(out, "limit_bps", json_object_new_uint64(limit->bps));
}

static struct json_object *describe(const struct device *dev, bool timed)
{
	struct json_object *out = json_object_new_object();
	struct journal_stats stats;
	char safe[REASON_MAX * 4];

	json_object_object_add(out, "domid", json_object_new_int((int)dev->fe));
	json_object_object_add(out, "class",
			       json_object_new_string(xs_class_name(dev->class->id)));
	json_object_object_add(out, "devid", json_object_new_int64(dev->devid));
	json_object_object_add(out, "state", json_object_new_string(xb_state_name(dev->mine)));
	json_object_object_add(out, "worker", json_object_new_int(worker_pid(dev->worker)));
	json_object_object_add(out, "attached",
			       json_object_new_boolean(dev->link == LINK_ATTACHED &&
						       !worker_leaving(dev->worker)));
	add_limits(out, &dev->limit.wanted);
	journal_file_stats(dev, &stats);
	ring_counters(out, &stats);
	json_object_object_add(out, "error", dev->reason[0] ?
			       json_object_new_string(log_safe(safe, sizeof(safe), dev->reason)) :
			       NULL);
	json_object_object_add(out, "queues", ring_list(dev, timed));
	return out;
}

static const char *cmd_ping(struct supervisor *sup, struct json_object *in,
			    struct json_object *out)
{
	(void)sup, (void)in;
	json_object_object_add(out, "pid", json_object_new_int(getpid()));
	return NULL;
}

static const char *cmd_stats(struct supervisor *sup, struct json_object *in,
			     struct json_object *out)
{
	struct json_object *list = json_object_new_array(), *domid = NULL, *timed = NULL;

	json_object_object_get_ex(in, "domid", &domid);
	json_object_object_get_ex(in, "latency", &timed);
	for (const struct device *dev = sup->devices; dev; dev = dev->next) {
		if (dev->claim != CLAIM_OTHERS && dev->class->id == XS_CLASS_VDISK &&
		    (!domid || json_object_get_int64(domid) == dev->fe))
			json_object_array_add(list, describe(dev, json_object_get_boolean(timed)));
	}
	json_object_object_add(out, "devices", list);
	return NULL;
}

/* False: there is no such class of devices. */
static bool read_class(struct json_object *in, enum xs_class *out)
{
	struct json_object *name;

	*out = XS_CLASS_COMMON;
	if (!json_object_object_get_ex(in, "class", &name))
		return true;
	for (unsigned int c = XS_CLASS_COMMON + 1; c < XS_CLASS_COUNT; c++) {
		if (json_object_is_type(name, json_type_string) &&
		    strcmp(json_object_get_string(name), xs_class_name(c)) == 0)
			*out = c;
	}
	return *out != XS_CLASS_COMMON;
}

static const char *cmd_restart(struct supervisor *sup, struct json_object *in,
			       struct json_object *out)
{
	struct json_object *domid;
	enum xs_class class;
	bool one = json_object_object_get_ex(in, "domid", &domid);

	if (one && !json_object_is_type(domid, json_type_int))
		return "domid must be a number";
	if (!read_class(in, &class))
		return "class must be vdisk or vconsole";
	json_object_object_add(out, "restarted", json_object_new_int((int)
		workers_restart(sup, one ? (unsigned int)json_object_get_int(domid) : 0, !one,
				class)));
	return NULL;
}

/* A number among a command's arguments; false: it is none, or not below limit. */
static bool argument(struct json_object *in, const char *name, uint64_t limit, uint64_t *out)
{
	struct json_object *value;

	if (!json_object_object_get_ex(in, name, &value) ||
	    !json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0)
		return false;
	*out = (uint64_t)json_object_get_int64(value);
	return *out < limit;
}

static const char *cmd_resize(struct supervisor *sup, struct json_object *in,
			      struct json_object *out)
{
	uint64_t domid, devid, bytes;
	struct device *dev;
	const char *why;

	if (!argument(in, "domid", XS_DOMID_MAX + 1, &domid) ||
	    !argument(in, "devid", UINT32_MAX, &devid) ||
	    !argument(in, "bytes", INT64_MAX, &bytes))
		return "resize takes numbers: domid, devid, bytes";
	dev = device_served(sup, XS_CLASS_VDISK, (unsigned int)domid, (unsigned int)devid);
	if (!dev)
		return "xpv serves no such disk; 'xpv block-list' shows those that exist";
	why = device_resize(dev, bytes);
	if (why)
		return why;
	json_object_object_add(out, "sectors",
			       json_object_new_int64((int64_t)dev->disk.sectors));
	json_object_object_add(out, "told_later", json_object_new_boolean(dev->disk.grown));
	return NULL;
}

/* Whether what the store says of a disk's limits is in force. */
static const char *cmd_limit(struct supervisor *sup, struct json_object *in,
			     struct json_object *out)
{
	uint64_t domid, devid;
	struct device *dev;
	const char *why;

	if (!argument(in, "domid", XS_DOMID_MAX + 1, &domid) ||
	    !argument(in, "devid", UINT32_MAX, &devid))
		return "limit takes numbers: domid, devid";
	dev = device_served(sup, XS_CLASS_VDISK, (unsigned int)domid, (unsigned int)devid);
	if (!dev)
		return "xpv serves no such disk; 'xpv block-list' shows those that exist";
	why = limit_refresh(dev);
	json_object_object_add(out, "in_force",
			       json_object_new_boolean(!why && limit_in_force(dev)));
	if (why)
		json_object_object_add(out, "reason", json_object_new_string(why));
	return NULL;
}

static struct json_object *describe_console(const struct device *dev)
{
	struct json_object *out = json_object_new_object();
	const struct scroll_head *head = dev->console.head;
	char path[RUN_PATH_MAX + 32], safe[REASON_MAX * 4];

	json_object_object_add(out, "domid", json_object_new_int((int)dev->fe));
	json_object_object_add(out, "devid", json_object_new_int64(dev->devid));
	json_object_object_add(out, "worker", json_object_new_int(worker_pid(dev->worker)));
	json_object_object_add(out, "attached",
			       json_object_new_boolean(dev->link == LINK_ATTACHED));
	json_object_object_add(out, "tty", json_object_new_string(dev->console.tty));
	if (console_socket_path(dev, path, sizeof(path)))
		json_object_object_add(out, "socket", json_object_new_string(path));
	json_object_object_add(out, "log", dev->console.log_path[0] ?
			       json_object_new_string(log_safe(safe, sizeof(safe),
							       dev->console.log_path)) : NULL);
	json_object_object_add(out, "output",
			       json_object_new_uint64(head ? read_once(&head->out_pos) : 0));
	json_object_object_add(out, "input",
			       json_object_new_uint64(head ? read_once(&head->in_pos) : 0));
	json_object_object_add(out, "lost",
			       json_object_new_uint64(head ? read_once(&head->lost) : 0));
	json_object_object_add(out, "error", dev->reason[0] ?
			       json_object_new_string(log_safe(safe, sizeof(safe), dev->reason)) :
			       NULL);
	return out;
}

static const char *cmd_consoles(struct supervisor *sup, struct json_object *in,
				struct json_object *out)
{
	struct json_object *list = json_object_new_array(), *domid = NULL;

	json_object_object_get_ex(in, "domid", &domid);
	for (const struct device *dev = sup->devices; dev; dev = dev->next) {
		if (dev->class->id == XS_CLASS_VCONSOLE &&
		    (!domid || json_object_get_int64(domid) == dev->fe))
			json_object_array_add(list, describe_console(dev));
	}
	json_object_object_add(out, "served", json_object_new_boolean(sup->consoles.served));
	json_object_object_add(out, "consoles", list);
	return NULL;
}

/* Each adds to the answer, or returns why it does not. */
static const struct {
	const char *name;
	const char *(*run)(struct supervisor *sup, struct json_object *in,
			   struct json_object *out);
} commands[] = {
	{ "consoles", cmd_consoles },
	{ "limit", cmd_limit },
	{ "ping", cmd_ping },
	{ "resize", cmd_resize },
	{ "restart", cmd_restart },
	{ "stats", cmd_stats },
};

static const char *run(struct supervisor *sup, const char *line, struct json_object *out)
{
	struct json_object *in = json_tokener_parse(line), *cmd = NULL;
	const char *error = "no such command";

	if (!json_object_is_type(in, json_type_object) ||
	    !json_object_object_get_ex(in, "cmd", &cmd) ||
	    !json_object_is_type(cmd, json_type_string))
		error = "a line is one JSON object with a cmd";
	for (size_t i = 0; cmd && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(json_object_get_string(cmd), commands[i].name) == 0)
			error = commands[i].run(sup, in, out);
	}
	json_object_put(in);
	return error;
}

static void answer(struct client *c)
{
	struct json_object *out = json_object_new_object();
	const char *error = run(c->sup, c->line, out), *text;

	json_object_object_add(out, "ok", json_object_new_boolean(!error));
	if (error)
		json_object_object_add(out, "error", json_object_new_string(error));
	text = json_object_to_json_string_ext(out, JSON_C_TO_STRING_PLAIN);
	c->len = strlen(text) + 1;
	c->answer = malloc(c->len + 1);
	if (c->answer) {
		memcpy(c->answer, text, c->len);
		c->answer[c->len - 1] = '\n';
	}
	json_object_put(out);
	if (c->answer)
		send_rest(c);
	else
		drop(c);
}

static void client_ready(struct loop_fd *source)
{
	struct client *c = container_of(source, struct client, source);
	ssize_t n = recv(source->fd, c->line + c->have, sizeof(c->line) - 1 - c->have,
			 MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || c->answer) {	/* gone, or not listening to its answer */
		drop(c);
		return;
	}
	c->have += (size_t)n;
	c->line[c->have] = '\0';
	if (strchr(c->line, '\n'))
		answer(c);
	else if (c->have == sizeof(c->line) - 1)
		drop(c);
}

static void pause_over(struct loop_timer *timer)
{
	struct supervisor *sup = container_of(timer, struct supervisor, control_pause);

	loop_add(&sup->loop, &sup->control);
}

static void pause_listening(struct supervisor *sup)
{
	int fd = loop_del(&sup->loop, &sup->control);

	sup->control.fd = fd;
	sup->control_pause.expired = pause_over;
	loop_timer_set(&sup->loop, &sup->control_pause, PAUSE_NS);
}

static void listener_ready(struct loop_fd *source)
{
	struct supervisor *sup = container_of(source, struct supervisor, control);
	int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *c = fd < 0 ? NULL : calloc(1, sizeof(*c));

	if (!c) {
		if (fd >= 0)
			close(fd);
		pause_listening(sup);	/* or epoll would not let us rest */
		return;
	}
	c->sup = sup;
	c->source = (struct loop_fd){ fd, client_ready };
	c->timer.expired = timer_expired;
	c->deadline_ns = loop_now() + PATIENCE_NS;
	if (loop_add(&sup->loop, &c->source)) {
		close(fd);
		free(c);
		return;
	}
	loop_timer_set(&sup->loop, &c->timer, PATIENCE_NS);
}

static void socket_address(const struct supervisor *sup, struct sockaddr_un *addr)
{
	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(addr->sun_path, sizeof(addr->sun_path), "%.*s/xpvd.sock", RUN_PATH_MAX,
		 sup->rundir);
}

int control_start(struct supervisor *sup)
{
	struct sockaddr_un addr;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	socket_address(sup, &addr);
	unlink(addr.sun_path);		/* a dead one's: the lock is ours */
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    chmod(addr.sun_path, 0600) || listen(fd, 16)) {
		close(fd);
		return -errno;
	}
	sup->control = (struct loop_fd){ fd, listener_ready };
	return loop_add(&sup->loop, &sup->control);
}

void control_stop(struct supervisor *sup)
{
	struct sockaddr_un addr;
	int fd = loop_del(&sup->loop, &sup->control);

	if (fd < 0)
		return;
	close(fd);
	socket_address(sup, &addr);
	unlink(addr.sun_path);
}
