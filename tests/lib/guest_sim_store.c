/* SPDX-License-Identifier: MIT */
/*
 * guest_sim_store: several xenstore clients in one simulated guest, which share the domain's one
 * ring and must not notice it. Some behave badly. Prints the first thing that is wrong and exits
 * 1.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <xenstore.h>
#include <xen/io/xs_wire.h>

#define CHECK(condition) do {							\
	if (!(condition)) {							\
		printf("line %d: %s: %s\n", __LINE__, #condition, strerror(errno)); \
		exit(1);							\
	}									\
} while (0)

#define FLOOD	3000

static bool put(struct xs_handle *xs, xs_transaction_t t, const char *path, const char *value)
{
	return xs_write(xs, t, path, value, (unsigned int)strlen(value));
}

static bool has(struct xs_handle *xs, xs_transaction_t t, const char *path, const char *value)
{
	unsigned int len;
	char *text = xs_read(xs, t, path, &len);
	bool same = text && !strcmp(text, value);

	free(text);
	return same;
}

static void transactions(struct xs_handle *a, struct xs_handle *b)
{
	xs_transaction_t ta, tb;

	CHECK(put(a, XBT_NULL, "data/x", "old"));
	ta = xs_transaction_start(a);
	CHECK(ta && put(a, ta, "data/x", "new"));
	CHECK(has(b, XBT_NULL, "data/x", "old"));
	/* Another client's transaction is none of b's business. */
	CHECK(!put(b, ta, "data/x", "stolen") && errno == ENOENT);
	CHECK(!xs_transaction_end(b, ta, false) && errno == ENOENT);
	CHECK(xs_transaction_end(a, ta, false));
	CHECK(has(b, XBT_NULL, "data/x", "new"));
	/* Of two that meet, one has to try again. */
	ta = xs_transaction_start(a);
	tb = xs_transaction_start(b);
	CHECK(ta && tb && ta != tb);
	CHECK(put(a, ta, "data/x", "a") && has(b, tb, "data/x", "new"));
	CHECK(put(b, tb, "data/x", "b"));
	CHECK(xs_transaction_end(a, ta, false));
	CHECK(!xs_transaction_end(b, tb, false) && errno == EAGAIN);
	CHECK(has(b, XBT_NULL, "data/x", "a"));
}

static bool readable(int fd, int ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, ms) == 1;
}

static void expect_event(struct xs_handle *xs, const char *path, const char *token)
{
	unsigned int n;
	char **event;

	CHECK(readable(xs_fileno(xs), 5000));
	event = xs_read_watch(xs, &n);
	CHECK(event && !strcmp(event[XS_WATCH_PATH], path));
	CHECK(!strcmp(event[XS_WATCH_TOKEN], token));
	free(event);
}

static void watches(struct xs_handle *a, struct xs_handle *b)
{
	/* The same path and token, twice: two watches. */
	CHECK(xs_watch(a, "data/w", "token") && xs_watch(b, "data/w", "token"));
	CHECK(xs_watch(a, "data/w", "a second, with a longer token: 0123456789 0123456789"));
	CHECK(!xs_watch(a, "data/w", "token") && errno == EEXIST);
	expect_event(a, "data/w", "token");
	expect_event(a, "data/w", "a second, with a longer token: 0123456789 0123456789");
	expect_event(b, "data/w", "token");
	CHECK(xs_unwatch(a, "data/w", "a second, with a longer token: 0123456789 0123456789"));
	CHECK(!xs_unwatch(a, "data/w", "never set") && errno == ENOENT);
	CHECK(put(b, XBT_NULL, "data/w/x", "1"));
	expect_event(a, "data/w/x", "token");
	expect_event(b, "data/w/x", "token");
	CHECK(xs_unwatch(a, "data/w", "token"));
	CHECK(put(a, XBT_NULL, "data/w/x", "2"));
	expect_event(b, "data/w/x", "token");
	CHECK(!readable(xs_fileno(a), 100));
	CHECK(xs_unwatch(b, "data/w", "token"));
}

/*
 * A domain may have 10 transactions and 128 watches: what goes with its client must be given
 * back.
 */
static void clients_that_just_go(void)
{
	char token[16];

	for (int i = 0; i < 300; i++) {
		struct xs_handle *xs = xs_open(0);

		snprintf(token, sizeof(token), "%d", i);
		CHECK(xs && xs_transaction_start(xs) && xs_watch(xs, "data", token));
		xs_close(xs);
	}
}

static int raw_client(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", getenv("XENSTORED_PATH"));
	CHECK(fd >= 0 && !connect(fd, (struct sockaddr *)&addr, sizeof(addr)));
	return fd;
}

static bool receive(int fd, void *data, size_t len)
{
	return recv(fd, data, len, MSG_WAITALL) == (ssize_t)len;
}

static bool is_cut_off(int fd)
{
	char byte;

	return readable(fd, 5000) && recv(fd, &byte, 1, 0) <= 0;
}

static void ask(int fd, uint32_t type, uint32_t id, const void *body, size_t len)
{
	struct xsd_sockmsg head = { .type = type, .req_id = id, .len = (uint32_t)len };

	CHECK(send(fd, &head, sizeof(head), 0) == sizeof(head));
	CHECK(!len || send(fd, body, len, 0) == (ssize_t)len);
}

static void expect_error(int fd, uint32_t id, const char *error)
{
	struct xsd_sockmsg head;
	char body[64] = "";

	CHECK(receive(fd, &head, sizeof(head)) && head.len < sizeof(body));
	CHECK(receive(fd, body, head.len));
	CHECK(head.type == XS_ERROR && head.req_id == id && !strcmp(body, error));
}

static void malformed_messages(struct xs_handle *good)
{
	struct xsd_sockmsg head = { .type = XS_READ, .len = XENSTORE_PAYLOAD_MAX + 1 };
	static char big[XENSTORE_PAYLOAD_MAX];
	int half = raw_client(), huge = raw_client(), odd = raw_client();

	CHECK(send(half, &head, 7, 0) == 7);
	CHECK(has(good, XBT_NULL, "data/x", "a"));
	CHECK(send(huge, &head, sizeof(head), 0) == sizeof(head) && is_cut_off(huge));
	ask(odd, XS_WATCH, 7, "no end", 6);
	expect_error(odd, 7, "EINVAL");
	ask(odd, XS_WATCH, 8, "path\0token\0more", 16);
	expect_error(odd, 8, "EINVAL");
	ask(odd, XS_WATCH, 9, "", 0);
	expect_error(odd, 9, "EINVAL");
	ask(odd, XS_TRANSACTION_END, 10, "X", 2);
	expect_error(odd, 10, "EINVAL");
	ask(odd, 9999, 11, "", 0);
	expect_error(odd, 11, "ENOSYS");
	/* As large as can be: too much for a node, but not for the ring. */
	memcpy(big, "data/big", 9);
	ask(odd, XS_WRITE, 12, big, sizeof(big));
	expect_error(odd, 12, "ENOSPC");
	CHECK(has(good, XBT_NULL, "data/x", "a"));
	close(half);
	close(huge);
	close(odd);
}

/* Asks much and reads nothing; others must not wait. Then it reads: all answers, in order. */
static void greedy_client(struct xs_handle *good)
{
	struct {
		struct xsd_sockmsg head;
		char body[7];
	} __attribute__((packed)) msg = { .head = { .type = XS_READ, .len = 7 }, .body = "data/x" };
	struct xsd_sockmsg answer;
	uint32_t sent = 0, got = 0;
	int fd = raw_client();
	char body[64];

	while (sent < FLOOD) {
		msg.head.req_id = sent;
		if (send(fd, &msg, sizeof(msg), MSG_DONTWAIT) != sizeof(msg))
			break;
		sent++;
	}
	CHECK(sent > 100);
	CHECK(has(good, XBT_NULL, "data/x", "a"));
	for (; got < sent; got++) {
		CHECK(receive(fd, &answer, sizeof(answer)) && answer.len < sizeof(body));
		CHECK(receive(fd, body, answer.len));
		CHECK(answer.type == XS_READ && answer.req_id == got);
	}
	close(fd);
}

/* Watches and reads nothing while the watched node changes: it is cut off, the others are not. */
static void deaf_client(struct xs_handle *good)
{
	char path[2048], body[2100];
	int fd = raw_client(), len;
	size_t total = 0;
	ssize_t got;

	memset(path, 'x', 1500);
	memcpy(path, "data/", 5);
	path[1500] = '\0';
	len = snprintf(body, sizeof(body), "%s", path) + 1;
	len += snprintf(body + len, sizeof(body) - (size_t)len, "t") + 1;
	ask(fd, XS_WATCH, 1, body, (size_t)len);
	for (int i = 0; i < 2000; i++)
		CHECK(put(good, XBT_NULL, path, i % 2 ? "1" : "2"));
	CHECK(has(good, XBT_NULL, "data/x", "a"));
	CHECK(xs_rm(good, XBT_NULL, path));
	/* What was sent before the cut is still to be read; the end comes before all the events. */
	do {
		CHECK(readable(fd, 5000));
		got = recv(fd, body, sizeof(body), 0);
		total += got > 0 ? (size_t)got : 0;
	} while (got > 0);
	CHECK(total < 2000 * 1500);
	close(fd);
}

int main(void)
{
	struct xs_handle *a = xs_open(0), *b = xs_open(0);

	CHECK(a && b);
	transactions(a, b);
	watches(a, b);
	clients_that_just_go();
	malformed_messages(a);
	greedy_client(a);
	deaf_client(a);
	CHECK(has(b, XBT_NULL, "data/x", "a"));
	xs_close(a);
	xs_close(b);
	return 0;
}
