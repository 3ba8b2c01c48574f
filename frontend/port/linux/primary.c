/* SPDX-License-Identifier: MIT */
/*
 * primary.c - the primary console of a Linux process, where there is one for it
 *
 * In a Linux guest the primary console is the kernel's: it is /dev/hvc0, and a program uses it as
 * the terminal that it is. In the simulator the program is the guest's kernel, and the simulator's
 * libxenevtchn has what a kernel finds at its start: the page, and the port. Whether it is that
 * library is asked at run time, so that the same program runs in both.
 */
#include <dlfcn.h>

#include "linux_os.h"

void *linux_os_primary_console(struct pv_os *os, uint32_t *port)
{
	void *(*open_console)(xenevtchn_handle *xce, evtchn_port_t *out);

	*(void **)&open_console = dlsym(RTLD_DEFAULT, "sim_console_open");
	return open_console ? open_console(os->evtchn, port) : NULL;
}
