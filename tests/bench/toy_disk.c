/* SPDX-License-Identifier: MIT */
/*
 * toy_disk.c - what a request costs in exits when there is no ring
 *
 * A guest's driver and a virtual machine monitor in one process. Whatever the guest cannot do by
 * itself is a breakpoint instruction, which takes it out of the program and into a signal handler,
 * the monitor, and each of them is counted where it arrives. The disk has two interfaces:
 *
 *	registers	the real device's: X (sector), Y (the page), Z (how many sectors), and a
 *			command register that starts it. The monitor sees four accesses, of which
 *			only the last means anything to it.
 *	call		device_io(X, Y, Z, command): the same in one hypercall
 *
 * Only the counts mean anything: a signal costs more than an exit of a processor does. What the
 * ring costs beside it blk_guest counts (run.sh has the table).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <ucontext.h>
#include <unistd.h>

#include "bench.h"

#define SECTORS (BENCH_PAGE / 512)

enum reg { REG_SECTOR, REG_PAGE, REG_COUNT, REG_COMMAND, NR_REGS };
enum command { COMMAND_READ = 1, COMMAND_WRITE = 2 };
enum cause { CAUSE_OUT, CAUSE_CALL };	/* what the guest was doing when it left */

/* The monitor's side: the device as it really is. */
static struct {
	int fd;
	uint64_t reg[NR_REGS];
	bool failed;
	uint64_t exits;
} device = { .fd = -1 };

static void device_run(void)
{
	void *page = (void *)(uintptr_t)device.reg[REG_PAGE];
	size_t bytes = device.reg[REG_COUNT] * 512;
	off_t at = (off_t)(device.reg[REG_SECTOR] * 512);
	ssize_t r = device.reg[REG_COMMAND] == COMMAND_WRITE ? pwrite(device.fd, page, bytes, at) :
							       pread(device.fd, page, bytes, at);

	device.failed = r != (ssize_t)bytes;
}

static void monitor(int signal, siginfo_t *info, void *context)
{
	const greg_t *guest = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)signal;
	(void)info;
	device.exits++;
	if (guest[REG_RAX] == CAUSE_CALL) {
		device.reg[REG_SECTOR] = (uint64_t)guest[REG_RDI];
		device.reg[REG_PAGE] = (uint64_t)guest[REG_RSI];
		device.reg[REG_COUNT] = (uint64_t)guest[REG_RDX];
		device.reg[REG_COMMAND] = (uint64_t)guest[REG_RCX];
		device_run();
	} else if ((uint64_t)guest[REG_RDI] < NR_REGS) {
		device.reg[guest[REG_RDI]] = (uint64_t)guest[REG_RSI];
		if (guest[REG_RDI] == REG_COMMAND)
			device_run();
	}
}

/* The guest's side. */
static void leave(enum cause cause, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	__asm__ volatile("int3" : : "a"((uint64_t)cause), "D"(a), "S"(b), "d"(c), "c"(d)
			 : "memory");
}

static void io_by_registers(uint64_t sector, void *page, enum command command)
{
	leave(CAUSE_OUT, REG_SECTOR, sector, 0, 0);
	leave(CAUSE_OUT, REG_PAGE, (uintptr_t)page, 0, 0);
	leave(CAUSE_OUT, REG_COUNT, SECTORS, 0, 0);
	leave(CAUSE_OUT, REG_COMMAND, command, 0, 0);
}

static void io_by_call(uint64_t sector, void *page, enum command command)
{
	leave(CAUSE_CALL, sector, (uintptr_t)page, SECTORS, command);
}

static const struct driver {
	const char *prefix;
	void (*io)(uint64_t sector, void *page, enum command command);
} drivers[] = {
	{ "registers:", io_by_registers },
	{ "call:", io_by_call },
};

struct toy {
	const struct driver *driver;
	char *pages;
	uint16_t done[BENCH_MAX_QD];
	int nr_done;
};

static const struct driver *driver_of(const char *target)
{
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (!strncmp(target, drivers[i].prefix, strlen(drivers[i].prefix)))
			return &drivers[i];
	return NULL;
}

static int toy_open(struct bench *b)
{
	const struct sigaction act = { .sa_sigaction = monitor, .sa_flags = SA_SIGINFO };
	struct toy *t = calloc(1, sizeof(*t));
	const char *path;
	struct stat st;

	b->state = t;
	if (!t)
		return bench_error("out of memory; free some");
	if (b->pages != 1)
		return bench_error("its requests are of one page; leave --bs out");
	t->driver = driver_of(b->target);
	if (!t->driver)
		return bench_error("%s: not registers:FILE or call:FILE", b->target);
	t->pages = aligned_alloc(BENCH_PAGE, (size_t)b->qd * BENCH_PAGE);
	if (!t->pages || sigaction(SIGTRAP, &act, NULL))
		return bench_error("out of memory; free some");
	memset(t->pages, 0, (size_t)b->qd * BENCH_PAGE);
	path = b->target + strlen(t->driver->prefix);
	device.fd = open(path, O_RDWR | O_CLOEXEC);
	if (device.fd < 0 || fstat(device.fd, &st))
		return bench_error("cannot open %s: %s; make it by pread --prepare", path,
				   strerror(errno));
	if ((uint64_t)st.st_size < b->blocks * BENCH_PAGE)
		return bench_error("%s has only %lld bytes; say --size", path,
				   (long long)st.st_size);
	return 0;
}

static void *toy_page(struct bench *b, unsigned int tag, unsigned int i)
{
	struct toy *t = b->state;

	(void)i;		/* a block is one page */
	return t->pages + (size_t)tag * BENCH_PAGE;
}

static int toy_submit(struct bench *b, unsigned int tag, uint64_t block)
{
	struct toy *t = b->state;

	t->driver->io(block * SECTORS, toy_page(b, tag, 0),
		      b->write ? COMMAND_WRITE : COMMAND_READ);
	if (device.failed)
		return bench_error("block %llu: %s", (unsigned long long)block, strerror(EIO));
	t->done[t->nr_done++] = (uint16_t)tag;
	return 0;
}

static void toy_kick(struct bench *b)
{
	b->sent += device.exits;
	device.exits = 0;
}

static int toy_collect(struct bench *b, uint16_t *tags)
{
	struct toy *t = b->state;
	int n = t->nr_done;

	memcpy(tags, t->done, (size_t)n * sizeof(tags[0]));
	t->nr_done = 0;
	return n;
}

/* Everything is done when it has been submitted. */
static bool toy_pending(struct bench *b)
{
	return ((struct toy *)b->state)->nr_done > 0;
}

static int toy_sleep(struct bench *b)
{
	(void)b;
	return bench_error("there is nothing to wait for");
}

static void toy_close(struct bench *b)
{
	struct toy *t = b->state;

	if (device.fd >= 0)
		close(device.fd);
	if (t)
		free(t->pages);
	free(t);
}

static const struct contestant toy = {
	.name = "toy",
	.operand = "registers:FILE | call:FILE",
	.open = toy_open,
	.page = toy_page,
	.submit = toy_submit,
	.kick = toy_kick,
	.collect = toy_collect,
	.pending = toy_pending,
	.sleep = toy_sleep,
	.close = toy_close,
};

int main(int argc, char **argv)
{
	return bench_main(&toy, argc, argv);
}
