/* SPDX-License-Identifier: MIT */
/*
 * test_vdisk_fakes.h - a guest's memory and a hypervisor that fails on demand
 *
 * Defines the functions of libxengnttab and libxenevtchn that a worker calls, so a test that
 * includes this file runs the real data path over them. The guest has FAKE_PAGES pages in a memfd;
 * page n is granted as gref n + FAKE_FIRST. Mappings alias these pages, as Xen's do. What is
 * mapped, copied and notified is counted, and misuse (unmapping what is not mapped, or in other
 * groups than it was mapped; a copy whose status already says that it was done) fails the test.
 * Several threads may call.
 */
#ifndef XPV_TEST_VDISK_FAKES_H
#define XPV_TEST_VDISK_FAKES_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#define FAKE_PAGE	4096
#define FAKE_PAGES	4096
#define FAKE_FIRST	8
#define FAKE_DOMID	7
#define FAKE_MAPPINGS	4096
#define FAKE_PORTS	256		/* of the guest's */
#define FAKE_BOUND	100		/* the worker's port for the guest's port n is n + this */
#define FAKE_HANDLES	8		/* of event channels */

enum fake_access { FAKE_READWRITE, FAKE_READONLY, FAKE_REVOKED };

struct fake_xen {
	int memfd;
	uint8_t *memory;		/* the guest's own view */
	uint8_t *hypervisor;		/* that of grant copies */
	uint8_t access[FAKE_PAGES];	/* enum fake_access */
	unsigned int mapped[FAKE_PAGES];
	struct { char *addr; uint32_t nr; uint32_t gref[64]; } mapping[FAKE_MAPPINGS];
	unsigned int nr_mappings, pages, max_pages, map_calls, unmap_calls;
	unsigned int fail_map_call;	/* the n-th call from now fails; 0: none */
	unsigned int copies, copy_calls;
	unsigned int fail_copy;		/* the n-th copy of the next call fails; 0: none */
	int16_t fail_copy_status;
	int fail_copy_errno;		/* the next call as a whole fails */
	bool skip_copies;		/* succeed, and touch neither data nor statuses */
	unsigned int notified, bound;
	bool refuse_bind;
	struct { int pipe[2]; } handle[FAKE_HANDLES];	/* port numbers go through it */
	unsigned int nr_handles;
	int sink[FAKE_PORTS];		/* who bound the port hears of it here; 0: nobody */
};

static struct fake_xen fake;
static pthread_mutex_t fake_lock = PTHREAD_MUTEX_INITIALIZER;

static inline void fake_init(void)
{
	fake = (struct fake_xen){ .memfd = memfd_create("guest", MFD_CLOEXEC) };
	assert_true(fake.memfd >= 0);
	assert_int_equal(ftruncate(fake.memfd, FAKE_PAGES * FAKE_PAGE), 0);
	fake.memory = mmap(NULL, FAKE_PAGES * FAKE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
			   fake.memfd, 0);
	assert_true(fake.memory != MAP_FAILED);
	fake.hypervisor = mmap(NULL, FAKE_PAGES * FAKE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
			       fake.memfd, 0);
	assert_true(fake.hypervisor != MAP_FAILED);
}

static inline void fake_fini(void)
{
	munmap(fake.memory, FAKE_PAGES * FAKE_PAGE);
	munmap(fake.hypervisor, FAKE_PAGES * FAKE_PAGE);
	close(fake.memfd);
}

static inline xengnttab_handle *fake_xgt(void)
{
	return (xengnttab_handle *)(void *)&fake;
}

static inline xenevtchn_handle *fake_xce(void)
{
	return (xenevtchn_handle *)(void *)&fake;
}

static inline bool fake_is_xce(xenevtchn_handle *xce)
{
	void *handle = xce;

	return xce == fake_xce() || (handle >= (void *)&fake.handle[0] &&
				     handle < (void *)&fake.handle[fake.nr_handles]);
}

/* The guest sends an event on its port. */
static inline void fake_event(uint32_t port)
{
	uint32_t theirs = port + FAKE_BOUND;

	pthread_mutex_lock(&fake_lock);
	if (fake.sink[port] && write(fake.sink[port], &theirs, sizeof(theirs)) < 0)
		assert_int_equal(errno, EAGAIN);	/* it has more than enough to hear of */
	pthread_mutex_unlock(&fake_lock);
}

static inline void *fake_page(uint32_t gref)
{
	return fake.memory + (size_t)(gref - FAKE_FIRST) * FAKE_PAGE;
}

/* GNTST_okay, or why the hypervisor would refuse. */
static inline int16_t fake_grant_status(uint32_t domid, uint32_t gref, bool write)
{
	if (domid != FAKE_DOMID)
		return GNTST_bad_domain;
	if (gref < FAKE_FIRST || gref - FAKE_FIRST >= FAKE_PAGES ||
	    fake.access[gref - FAKE_FIRST] == FAKE_REVOKED)
		return GNTST_bad_gntref;
	if (write && fake.access[gref - FAKE_FIRST] == FAKE_READONLY)
		return GNTST_permission_denied;
	return GNTST_okay;
}

static inline void *fake_map(xengnttab_handle *xgt, uint32_t count, uint32_t domid,
			     uint32_t *refs, int prot)
{
	unsigned int slot = 0;
	char *addr;

	assert_ptr_equal(xgt, fake_xgt());
	assert_true(count > 0 && count <= 64);
	fake.map_calls++;
	errno = EINVAL;
	if (fake.fail_map_call && --fake.fail_map_call == 0)
		return NULL;
	for (uint32_t i = 0; i < count; i++) {
		if (fake_grant_status(domid, refs[i], prot & PROT_WRITE) != GNTST_okay)
			return NULL;
	}
	while (slot < FAKE_MAPPINGS && fake.mapping[slot].addr)
		slot++;
	assert_true(slot < FAKE_MAPPINGS);
	addr = mmap(NULL, (size_t)count * FAKE_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(addr != MAP_FAILED);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t page = refs[i] - FAKE_FIRST;

		fake.mapped[page]++;
		fake.mapping[slot].gref[i] = refs[i];
		assert_true(mmap(addr + (size_t)i * FAKE_PAGE, FAKE_PAGE, prot,
				 MAP_SHARED | MAP_FIXED, fake.memfd,
				 (off_t)page * FAKE_PAGE) != MAP_FAILED);
	}
	fake.mapping[slot].addr = addr;
	fake.mapping[slot].nr = count;
	fake.nr_mappings++;
	fake.pages += count;
	if (fake.pages > fake.max_pages)
		fake.max_pages = fake.pages;
	return addr;
}

void *xengnttab_map_domain_grant_refs(xengnttab_handle *xgt, uint32_t count, uint32_t domid,
				      uint32_t *refs, int prot)
{
	void *addr;

	pthread_mutex_lock(&fake_lock);
	addr = fake_map(xgt, count, domid, refs, prot);
	pthread_mutex_unlock(&fake_lock);
	return addr;
}

/* XSA-371: what was mapped is unmapped once, and as a whole. */
static inline int fake_unmap(xengnttab_handle *xgt, void *start, uint32_t count)
{
	assert_ptr_equal(xgt, fake_xgt());
	assert_non_null(start);
	fake.unmap_calls++;
	for (unsigned int i = 0; i < FAKE_MAPPINGS; i++) {
		if (fake.mapping[i].addr != start)
			continue;
		assert_int_equal(count, fake.mapping[i].nr);
		for (uint32_t p = 0; p < count; p++)
			fake.mapped[fake.mapping[i].gref[p] - FAKE_FIRST]--;
		munmap(start, (size_t)count * FAKE_PAGE);
		fake.mapping[i].addr = NULL;
		fake.nr_mappings--;
		fake.pages -= count;
		return 0;
	}
	fail_msg("something was unmapped that is not mapped");
	return -1;
}

int xengnttab_unmap(xengnttab_handle *xgt, void *start, uint32_t count)
{
	int r;

	pthread_mutex_lock(&fake_lock);
	r = fake_unmap(xgt, start, count);
	pthread_mutex_unlock(&fake_lock);
	return r;
}

static inline int16_t fake_copy_one(const xengnttab_grant_copy_segment_t *seg)
{
	bool from = seg->flags == GNTCOPY_source_gref;
	const union xengnttab_copy_ptr *guest = from ? &seg->source : &seg->dest;
	int16_t status = fake_grant_status(guest->foreign.domid, guest->foreign.ref, !from);
	char *page;

	assert_true(from || seg->flags == GNTCOPY_dest_gref);
	assert_true(guest->foreign.offset + seg->len <= FAKE_PAGE);
	if (status != GNTST_okay)
		return status;
	page = (char *)fake.hypervisor + (size_t)(guest->foreign.ref - FAKE_FIRST) * FAKE_PAGE +
	       guest->foreign.offset;
	if (from)
		memcpy(seg->dest.virt, page, seg->len);
	else
		memcpy(page, seg->source.virt, seg->len);
	return GNTST_okay;
}

static inline int fake_copy(xengnttab_handle *xgt, uint32_t count,
			    xengnttab_grant_copy_segment_t *segs)
{
	assert_ptr_equal(xgt, fake_xgt());
	fake.copy_calls++;
	for (uint32_t i = 0; i < count; i++)
		assert_int_not_equal(segs[i].status, GNTST_okay);
	if (fake.fail_copy_errno) {
		errno = fake.fail_copy_errno;
		fake.fail_copy_errno = 0;
		return -1;
	}
	for (uint32_t i = 0; i < count && !fake.skip_copies; i++) {
		fake.copies++;
		if (fake.fail_copy && --fake.fail_copy == 0)
			segs[i].status = fake.fail_copy_status;
		else
			segs[i].status = fake_copy_one(&segs[i]);
	}
	return 0;
}

int xengnttab_grant_copy(xengnttab_handle *xgt, uint32_t count,
			 xengnttab_grant_copy_segment_t *segs)
{
	int r;

	pthread_mutex_lock(&fake_lock);
	r = fake_copy(xgt, count, segs);
	pthread_mutex_unlock(&fake_lock);
	return r;
}

xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger, unsigned int flags)
{
	(void)logger, (void)flags;
	assert_true(fake.nr_handles < FAKE_HANDLES);
	assert_int_equal(pipe2(fake.handle[fake.nr_handles].pipe, O_CLOEXEC | O_NONBLOCK), 0);
	return (xenevtchn_handle *)(void *)&fake.handle[fake.nr_handles++];
}

int xenevtchn_close(xenevtchn_handle *xce)
{
	int *ends = (int *)(void *)xce;

	assert_true(fake_is_xce(xce) && xce != fake_xce());
	close(ends[0]);
	close(ends[1]);
	return 0;
}

int xenevtchn_fd(xenevtchn_handle *xce)
{
	return *(int *)(void *)xce;
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *xce)
{
	uint32_t port;

	return read(xenevtchn_fd(xce), &port, sizeof(port)) == sizeof(port) ? (int)port : -1;
}

int xenevtchn_unmask(xenevtchn_handle *xce, evtchn_port_t port)
{
	(void)xce, (void)port;
	return 0;
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *xce, uint32_t domid,
						     evtchn_port_t remote_port)
{
	assert_true(fake_is_xce(xce) && remote_port < FAKE_PORTS);
	if (fake.refuse_bind || domid != FAKE_DOMID) {
		errno = EINVAL;
		return -1;
	}
	pthread_mutex_lock(&fake_lock);
	fake.bound++;
	fake.sink[remote_port] = xce == fake_xce() ? 0 : ((int *)(void *)xce)[1];
	pthread_mutex_unlock(&fake_lock);
	return (xenevtchn_port_or_error_t)remote_port + FAKE_BOUND;
}

int xenevtchn_unbind(xenevtchn_handle *xce, evtchn_port_t port)
{
	assert_true(fake_is_xce(xce) && port >= FAKE_BOUND && fake.bound > 0);
	pthread_mutex_lock(&fake_lock);
	fake.bound--;
	fake.sink[port - FAKE_BOUND] = 0;
	pthread_mutex_unlock(&fake_lock);
	return 0;
}

int xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t port)
{
	assert_true(fake_is_xce(xce) && port >= FAKE_BOUND);
	pthread_mutex_lock(&fake_lock);
	fake.notified++;
	pthread_mutex_unlock(&fake_lock);
	return 0;
}

#endif
