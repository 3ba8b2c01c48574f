/* SPDX-License-Identifier: MIT */
/*
 * guest_sim_console TEXT: writes a line to the console page of the simulated domain that it runs
 * in, as a guest kernel would, and waits until it has been read. It takes over the console's
 * port, which the simulator's libxenevtchn lets a program do.
 */
#include <xenctrl.h>	/* before any other header of Xen's */
#include <dlfcn.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xen/hvm/params.h>
#include <xen/io/console.h>

#define PATIENCE 5000	/* ms */

static int (*adopt)(xenevtchn_handle *xce, evtchn_port_t port);

static bool say(struct xencons_interface *page, const char *text)
{
	XENCONS_RING_IDX prod = page->out_prod;

	for (const char *c = text; *c; c++)
		page->out[MASK_XENCONS_IDX(prod++, page->out)] = *c;
	page->out[MASK_XENCONS_IDX(prod++, page->out)] = '\n';
	__atomic_store_n(&page->out_prod, prod, __ATOMIC_RELEASE);
	return strlen(text) < sizeof(page->out);
}

static bool was_read(struct xencons_interface *page)
{
	for (int ms = 0; ms < PATIENCE; ms++) {
		if (__atomic_load_n(&page->out_cons, __ATOMIC_ACQUIRE) == page->out_prod)
			return true;
		poll(NULL, 0, 1);
	}
	return false;
}

int main(int argc, char **argv)
{
	xc_interface *xch = xc_interface_open(NULL, NULL, 0);
	xenforeignmemory_handle *fmem = xenforeignmemory_open(NULL, 0);
	xenevtchn_handle *xce = xenevtchn_open(NULL, 0);
	struct xencons_interface *page;
	uint64_t frame, port;
	xen_pfn_t pfn;
	bool done;

	*(void **)&adopt = dlsym(RTLD_DEFAULT, "sim_evtchn_adopt");
	if (argc != 2 || !xch || !fmem || !xce || !adopt ||
	    xc_hvm_param_get(xch, DOMID_SELF, HVM_PARAM_CONSOLE_PFN, &frame) ||
	    xc_hvm_param_get(xch, DOMID_SELF, HVM_PARAM_CONSOLE_EVTCHN, &port))
		return 1;
	pfn = frame;
	page = xenforeignmemory_map(fmem, DOMID_SELF, PROT_READ | PROT_WRITE, 1, &pfn, NULL);
	if (!page || adopt(xce, (evtchn_port_t)port))
		return 1;
	done = say(page, argv[1]) && !xenevtchn_notify(xce, (evtchn_port_t)port) && was_read(page);
	xenforeignmemory_unmap(fmem, page, 1);
	xenevtchn_close(xce);
	xenforeignmemory_close(fmem);
	xc_interface_close(xch);
	return done ? 0 : 1;
}
