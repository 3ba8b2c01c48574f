/* SPDX-License-Identifier: MIT */
/*
 * control.c - asking the supervisor
 *
 * xpvd listens on a socket in the run directory: one line of JSON there, one line back, then it
 * hangs up. That it answers at all is the proof that a device written now will be served.
 */
#include "control.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "sim.h"

#define ANSWER_MAX (64u << 20)	/* some thousand devices */
#define ANSWER_SECONDS 10

static int connect_to_xpvd(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const struct timeval patience = { .tv_sec = ANSWER_SECONDS };
	int fd;

	if (!tool_runpath(addr.sun_path, sizeof(addr.sun_path), "xpvd.sock"))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) &&
	    !setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) &&
	    !connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	tool_error("xpvd is not running: no answer on %s: %s; %s", addr.sun_path, strerror(errno),
		   sim_running() ? "start the simulator anew: 'xpv sim stop', 'xpv sim start'" :
		   "start 'xpvd' as root in Dom0, or a simulator: 'xpv sim start'");
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool send_line(int fd, const char *text)
{
	size_t left = strlen(text);
	ssize_t n;

	while (left) {
		n = send(fd, text, left, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		text += n;
		left -= (size_t)n;
	}
	return send(fd, "\n", 1, MSG_NOSIGNAL) == 1;
}

/* Feeds what arrives to the parser until it has one whole object. */
static struct json_object *receive(int fd)
{
	struct json_tokener *tok = json_tokener_new();
	struct json_object *answer = NULL;
	size_t total = 0;
	char buf[4096];
	ssize_t n;

	while (tok && !answer && total < ANSWER_MAX) {
		n = recv(fd, buf, sizeof(buf), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		total += (size_t)n;
		answer = json_tokener_parse_ex(tok, buf, (int)n);
		if (!answer && json_tokener_get_error(tok) != json_tokener_continue)
			break;
	}
	if (tok)
		json_tokener_free(tok);
	return answer;
}

struct json_object *control_ask(struct json_object *question)
{
	struct json_object *answer = NULL, *ok = NULL, *why = NULL;
	int fd = connect_to_xpvd();

	if (fd >= 0) {
		if (send_line(fd, json_object_to_json_string_ext(question, 0)))
			answer = receive(fd);
		close(fd);
		if (!answer)
			tool_error("xpvd: its answer is missing or not JSON; see its log, and "
				   "check that xpv and xpvd are of one version");
	}
	json_object_put(question);
	if (!answer)
		return NULL;
	if (json_object_object_get_ex(answer, "ok", &ok) && json_object_get_boolean(ok))
		return answer;
	if (!json_object_object_get_ex(answer, "error", &why))
		tool_error("xpvd: it refused without a reason; see its log");
	else
		tool_error("xpvd: %s", json_object_get_string(why));
	json_object_put(answer);
	return NULL;
}

struct json_object *control_question(const char *cmd)
{
	struct json_object *question = json_object_new_object();

	json_object_object_add(question, "cmd", json_object_new_string(cmd));
	return question;
}

bool control_ping(void)
{
	struct json_object *answer = control_ask(control_question("ping"));

	json_object_put(answer);
	return answer;
}
