/* SPDX-License-Identifier: MIT */
/*
 * console_files.c - what a console is served with: scrollback, socket, terminal
 *
 * All of it outlives workers: a successor is handed the same terminal, whose name clients have
 * open, and the same listening socket, where they queue meanwhile. The scrollback is a file in the
 * run directory, so it outlives us as well; the other two a worker gives to the next xpvd
 * (WIRE_KEEP). Its content is believed only for the domain that it is about: numbers of domains
 * are used again.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "barrier.h"
#include "console_socket.h"
#include "scrollback.h"
#include "supervisor.h"

int console_files_init(struct supervisor *sup)
{
	static const char *const dirs[] = { "scrollback", CONSOLE_SOCKET_DIR };
	char path[RUN_PATH_MAX * 2];

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", sup->rundir, dirs[i]);
		if (mkdir(path, 0700) && errno != EEXIST)
			return -errno;
	}
	return 0;
}

void console_init(struct device *dev)
{
	dev->console.scroll_fd = dev->console.log_fd = dev->console.listener = -1;
	dev->console.pty = dev->console.pty_slave = -1;
}

bool console_socket_path(const struct device *dev, char *buf, size_t size)
{
	int n = snprintf(buf, size, CONSOLE_SOCKET_NAME, dev->sup->rundir, dev->fe, dev->devid);

	return n > 0 && (size_t)n < size;
}

/* Tells a domain from others that had its number: a hash of where its description stands, which
 * has its UUID in it. */
static uint64_t domain_identity(const struct device *dev)
{
	uint64_t hash = 0xcbf29ce484222325u;
	char path[XS_PATH_MAX];
	unsigned int len = 0;
	char *vm;

	snprintf(path, sizeof(path), "/local/domain/%u/vm", dev->fe);
	vm = xs_read(dev->sup->xs, XBT_NULL, path, &len);
	for (unsigned int i = 0; vm && i < len; i++)
		hash = (hash ^ (uint8_t)vm[i]) * 0x100000001b3u;
	free(vm);
	return hash;
}

static bool fits(const struct device *dev, const struct scroll_head *h, const struct stat *st)
{
	return h->magic == SCROLL_MAGIC && h->version == SCROLL_VERSION && h->domid == dev->fe &&
	       h->devid == dev->devid && h->domain == domain_identity(dev) &&
	       h->size >= SCROLL_MIN && h->size <= SCROLL_MAX && !(h->size & (h->size - 1)) &&
	       (uint64_t)st->st_size >= SCROLL_DATA + (uint64_t)h->size;
}

static void close_scrollback(struct device *dev)
{
	if (dev->console.head)
		munmap((void *)(uintptr_t)dev->console.head, SCROLL_DATA);
	dev->console.head = NULL;
	if (dev->console.scroll_fd >= 0)
		close(dev->console.scroll_fd);
	dev->console.scroll_fd = -1;
}

static struct scroll_head *map_head(struct device *dev)
{
	void *map = mmap(NULL, SCROLL_DATA, PROT_READ | PROT_WRITE, MAP_SHARED,
			 dev->console.scroll_fd, 0);

	dev->console.head = map == MAP_FAILED ? NULL : map;
	return map == MAP_FAILED ? NULL : map;
}

static bool open_existing(struct device *dev, const char *path)
{
	struct stat st;

	dev->console.scroll_fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (dev->console.scroll_fd < 0)
		return false;
	if (fstat(dev->console.scroll_fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size >= (off_t)SCROLL_DATA && map_head(dev) && fits(dev, dev->console.head, &st))
		return true;
	close_scrollback(dev);
	return false;
}

/* All of it is there from the beginning: a full filesystem is an error now, and not a signal
 * later. */
static int create(struct device *dev, const char *path, uint32_t size)
{
	struct scroll_head *head;
	int rc;

	unlink(path);
	dev->console.scroll_fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (dev->console.scroll_fd < 0)
		return -errno;
	rc = posix_fallocate(dev->console.scroll_fd, 0, (off_t)(SCROLL_DATA + size));
	if (rc)
		return -rc;
	head = map_head(dev);
	if (!head)
		return -errno;
	head->version = SCROLL_VERSION;
	head->domid = dev->fe;
	head->devid = dev->devid;
	head->domain = domain_identity(dev);
	head->size = size;
	store_release(&head->magic, SCROLL_MAGIC);
	return 0;
}

static int open_scrollback(struct device *dev, uint32_t size)
{
	char path[RUN_PATH_MAX * 2];
	int rc;

	if (dev->console.head)
		return 0;
	if (!run_file_path(dev, "scrollback", path, sizeof(path)))
		return device_reason(dev, "the path of its scrollback is too long");
	if (open_existing(dev, path))
		return 0;
	rc = create(dev, path, size);
	if (rc == 0)
		return 0;
	close_scrollback(dev);
	unlink(path);
	return device_reason(dev, "its scrollback %s cannot be made: %s", path, strerror(-rc));
}

int console_adopt(struct device *dev)
{
	return open_scrollback(dev, SCROLL_MIN);
}

static int open_listener(struct device *dev)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	if (dev->console.listener >= 0)
		return 0;
	if (!console_socket_path(dev, addr.sun_path, sizeof(addr.sun_path)))
		return device_reason(dev, "the path of its socket is too long");
	unlink(addr.sun_path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 &&
	    chmod(addr.sun_path, 0600) == 0 && listen(fd, CONSOLE_CLIENTS) == 0) {
		dev->console.listener = fd;
		return 0;
	}
	device_reason(dev, "its socket %s cannot be made: %s", addr.sun_path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* No echo and no lines: the guest is who makes a terminal of it. */
static bool make_raw(int fd)
{
	struct termios t;

	if (tcgetattr(fd, &t))
		return false;
	cfmakeraw(&t);
	return tcsetattr(fd, TCSANOW, &t) == 0;
}

static int open_pty(struct device *dev)
{
	int master, slave = -1;

	if (dev->console.pty >= 0)
		return 0;
	master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0 &&
	    ptsname_r(master, dev->console.tty, sizeof(dev->console.tty)) == 0)
		slave = open(dev->console.tty, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave >= 0 && fchmod(slave, 0600) == 0 && make_raw(slave)) {
		dev->console.pty = master;
		dev->console.pty_slave = slave;
		return 0;
	}
	device_reason(dev, "no terminal can be made for it: %s: see /proc/sys/kernel/pty",
		      strerror(errno));
	dev->console.tty[0] = '\0';
	if (slave >= 0)
		close(slave);
	if (master >= 0)
		close(master);
	return -1;
}

int console_open(struct device *dev, uint32_t size)
{
	return open_scrollback(dev, size) || open_listener(dev) || open_pty(dev) ? -1 : 0;
}

static void keep(int *mine, int *theirs)
{
	if (*mine >= 0 || *theirs < 0)
		return;
	*mine = *theirs;
	*theirs = -1;
}

void console_keep(struct device *dev, int fds[WIRE_MAX_FDS])
{
	const bool had_pty = dev->console.pty >= 0;

	keep(&dev->console.listener, &fds[0]);
	keep(&dev->console.pty, &fds[1]);
	keep(&dev->console.pty_slave, &fds[2]);
	if (!had_pty && dev->console.pty >= 0 &&
	    ptsname_r(dev->console.pty, dev->console.tty, sizeof(dev->console.tty)))
		dev->console.tty[0] = '\0';
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* When we leave, what has a name stays: the workers go on with it. */
void console_close(struct device *dev)
{
	char path[RUN_PATH_MAX * 2];

	close_scrollback(dev);
	close_fd(&dev->console.log_fd);
	close_fd(&dev->console.listener);
	close_fd(&dev->console.pty);
	close_fd(&dev->console.pty_slave);
	if (dev->sup->leaving)
		return;
	if (run_file_path(dev, "scrollback", path, sizeof(path)))
		unlink(path);
	if (console_socket_path(dev, path, sizeof(path)))
		unlink(path);
}

static void sweep_socket(struct supervisor *sup, int dir, const char *name)
{
	char own[RUN_PATH_MAX + 32];

	for (const struct device *dev = sup->devices; dev; dev = dev->next) {
		if (dev->class->id == XS_CLASS_VCONSOLE &&
		    console_socket_path(dev, own, sizeof(own)) &&
		    strcmp(strrchr(own, '/') + 1, name) == 0)
			return;
	}
	unlinkat(dir, name, 0);
}

static void sockets_sweep(struct supervisor *sup)
{
	char path[RUN_PATH_MAX * 2];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/" CONSOLE_SOCKET_DIR, sup->rundir);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] != '.')
			sweep_socket(sup, dirfd(dir), entry->d_name);
	}
	closedir(dir);
}

/* Workers that nobody claimed have been told to close by now. */
void console_sweep(struct supervisor *sup)
{
	run_files_sweep(sup, "scrollback");
	sockets_sweep(sup);
}
