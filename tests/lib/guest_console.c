/* SPDX-License-Identifier: MIT */
/*
 * guest_console VERB ARGUMENT...: a console's frontend by hand, in a simulated domain
 *
 *	out FILE	puts a file out, and waits until it has been taken
 *	follow FILE SEEN	the same, never far ahead of the length that the file SEEN has
 *	in BYTES FILE	takes so many bytes that were typed into a file
 *	jump N		moves out_prod by N, and notifies
 *	ate N		moves in_cons by N, and notifies
 *	lie N		writes N over out_cons and in_prod, which are not its own, and puts a
 *			newline out
 *	storm N		notifies N times
 *	endless		puts the same line out until it is killed
 *	sleep MS
 *
 * It takes the console's port over, which the simulator's libxenevtchn lets a program do once.
 */
#include <xenctrl.h>	/* before any other header of Xen's */
#include <dlfcn.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xen/hvm/params.h>

#include "stream.h"

#define AHEAD	32768	/* bytes; the scrollback is longer */
#define PATIENCE 60000	/* ms without any progress */

struct guest {
	xenevtchn_handle *xce;
	evtchn_port_t port;
	struct stream_console *page;
	struct stream_out out;
	struct stream_in in;
	xenforeignmemory_handle *fmem;
};

static bool open_console(struct guest *g)
{
	xc_interface *xch = xc_interface_open(NULL, NULL, 0);
	int (*adopt)(xenevtchn_handle *xce, evtchn_port_t port);
	uint64_t frame, port;
	xen_pfn_t pfn;
	bool known;

	*(void **)&adopt = dlsym(RTLD_DEFAULT, "sim_evtchn_adopt");
	g->fmem = xenforeignmemory_open(NULL, 0);
	g->xce = xenevtchn_open(NULL, 0);
	known = xch && !xc_hvm_param_get(xch, DOMID_SELF, HVM_PARAM_CONSOLE_PFN, &frame) &&
		!xc_hvm_param_get(xch, DOMID_SELF, HVM_PARAM_CONSOLE_EVTCHN, &port);
	if (xch)
		xc_interface_close(xch);
	if (!known || !g->fmem || !g->xce || !adopt)
		return false;
	pfn = frame;
	g->port = (evtchn_port_t)port;
	g->page = xenforeignmemory_map(g->fmem, DOMID_SELF, PROT_READ | PROT_WRITE, 1, &pfn, NULL);
	if (!g->page || adopt(g->xce, g->port))
		return false;
	stream_out_init(&g->out, stream_console_out(g->page), g->page->out_prod);
	stream_in_init(&g->in, stream_console_in(g->page), g->page->in_cons);
	return true;
}

/* False: nothing has come for too long. */
static bool await_event(struct guest *g)
{
	struct pollfd pfd = { .fd = xenevtchn_fd(g->xce), .events = POLLIN };
	int port;

	if (poll(&pfd, 1, PATIENCE) <= 0)
		return false;
	port = xenevtchn_pending(g->xce);
	return port >= 0 && xenevtchn_unmask(g->xce, (evtchn_port_t)port) == 0;
}

static bool put_all(struct guest *g, const char *bytes, size_t len)
{
	while (len > 0) {
		int n = stream_put(&g->out, bytes, len > 4096 ? 4096 : (uint32_t)len);

		if (n < 0)
			return false;
		bytes += n;
		len -= (size_t)n;
		stream_out_publish(&g->out);
		if (n > 0)
			xenevtchn_notify(g->xce, g->port);
		else if (!await_event(g))
			return false;
	}
	return true;
}

/* Its reader, who writes what it has read to a file, is not to lose any of it. */
static void await_reader(const char *seen, long put)
{
	struct stat st = { 0 };

	while (seen && (stat(seen, &st) || put - st.st_size > AHEAD))
		poll(NULL, 0, 2);
}

static bool put_file(struct guest *g, const char *path, const char *seen)
{
	FILE *file = fopen(path, "r");
	char buf[3000];
	bool good = file;
	size_t n;

	while (good && (n = fread(buf, 1, sizeof(buf), file)) > 0) {
		await_reader(seen, ftell(file));
		good = put_all(g, buf, n);
	}
	if (file)
		fclose(file);
	while (good && stream_out_room(&g->out) != (int)g->out.s.size)
		good = await_event(g);
	return good;
}

static bool out_file(struct guest *g, char **arg)
{
	return put_file(g, arg[0], NULL);
}

static bool follow(struct guest *g, char **arg)
{
	return put_file(g, arg[0], arg[1]);
}

static bool in_file(struct guest *g, char **arg)
{
	unsigned long left = strtoul(arg[0], NULL, 10);
	FILE *file = fopen(arg[1], "w");
	bool good = file;

	while (good && left > 0) {
		char buf[700];
		int n = stream_take(&g->in, buf, left < sizeof(buf) ? (uint32_t)left : sizeof(buf));

		if (n > 0) {
			stream_in_publish(&g->in);
			xenevtchn_notify(g->xce, g->port);
			good = fwrite(buf, 1, (size_t)n, file) == (size_t)n;
			left -= (unsigned long)n;
		} else {	/* a counter may be impossible: our own lie, see there */
			good = await_event(g);
		}
	}
	return file && fclose(file) == 0 && good;
}

static uint32_t number(const char *text)
{
	return (uint32_t)strtoul(text, NULL, 0);
}

static bool jump(struct guest *g, char **arg)
{
	g->out.prod += number(arg[0]);
	stream_out_publish(&g->out);
	return xenevtchn_notify(g->xce, g->port) == 0;
}

static bool ate(struct guest *g, char **arg)
{
	g->in.cons += number(arg[0]);
	stream_in_publish(&g->in);
	return xenevtchn_notify(g->xce, g->port) == 0;
}

/* A newline makes the backend publish its counter anew; until then the lie deceives us too. */
static bool lie(struct guest *g, char **arg)
{
	write_once(&g->page->out_cons, number(arg[0]));
	write_once(&g->page->in_prod, number(arg[0]));
	g->out.s.data[g->out.prod++ & (g->out.s.size - 1)] = '\n';
	stream_out_publish(&g->out);
	xenevtchn_notify(g->xce, g->port);
	while (stream_out_room(&g->out) < 0)
		if (!await_event(g))
			return false;
	return true;
}

static bool storm(struct guest *g, char **arg)
{
	for (unsigned long n = strtoul(arg[0], NULL, 10); n > 0; n--)
		xenevtchn_notify(g->xce, g->port);
	return true;
}

static bool endless(struct guest *g, char **arg)
{
	(void)arg;
	while (put_all(g, "all work and no play makes a guest a bad neighbour\n", 51))
		continue;
	return false;
}

static bool rest(struct guest *g, char **arg)
{
	(void)g;
	poll(NULL, 0, (int)number(arg[0]));
	return true;
}

static const struct {
	const char *name;
	int args;
	bool (*run)(struct guest *g, char **arg);
} verbs[] = {
	{ "out", 1, out_file },
	{ "follow", 2, follow },
	{ "in", 2, in_file },
	{ "jump", 1, jump },
	{ "ate", 1, ate },
	{ "lie", 1, lie },
	{ "storm", 1, storm },
	{ "endless", 0, endless },
	{ "sleep", 1, rest },
};

static int run(struct guest *g, int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(argv[0], verbs[i].name) != 0 || argc <= verbs[i].args)
			continue;
		return verbs[i].run(g, argv + 1) ? verbs[i].args + 1 : -1;
	}
	return -1;
}

int main(int argc, char **argv)
{
	static struct guest g;

	if (argc < 2 || !open_console(&g)) {
		fputs("guest_console: there is no console\n", stderr);
		return 1;
	}
	for (int at = 1; at < argc; ) {
		int n = run(&g, argc - at, argv + at);

		if (n < 0) {
			fprintf(stderr, "guest_console: %s failed\n", argv[at]);
			return 1;
		}
		at += n;
	}
	return 0;
}
