/* SPDX-License-Identifier: MIT */
/*
 * Loaded into the simulator's xenstored alone. A real one learns domain 0's store page and port
 * from two files of xenfs; here opening them gives files made on the spot. Domain 0's programs
 * reach xenstored through its socket, so nobody is ever on the other side of that page.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int open(const char *path, int flags, ...);

static int file_of(const char *text, off_t size)
{
	int fd = memfd_create("xpv-xsd", MFD_CLOEXEC);

	if (fd >= 0 && (ftruncate(fd, size) || pwrite(fd, text, strlen(text), 0) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

int open(const char *path, int flags, ...)
{
	int (*real)(const char *path, int flags, ...);
	mode_t mode = 0;
	va_list ap;

	if (!strcmp(path, "/proc/xen/xsd_port"))
		return file_of("1", 1);	/* the first port the hypervisor gives out */
	if (!strcmp(path, "/proc/xen/xsd_kva"))
		return file_of("", sysconf(_SC_PAGESIZE));
	va_start(ap, flags);
	if (flags & (O_CREAT | __O_TMPFILE))
		mode = va_arg(ap, mode_t);
	va_end(ap);
	*(void **)&real = dlsym(RTLD_NEXT, "open");
	return real(path, flags, mode);
}
