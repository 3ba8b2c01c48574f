/* SPDX-License-Identifier: MIT */
/*
 * The simulator's grants: who may map and copy what, what revoking does, and that nothing stays
 * mapped or granted when a process dies.
 */
#include "test_sim_fixture.h"

#include <xenforeignmemory.h>
#include <xen/memory.h>

#define RW (PROT_READ | PROT_WRITE)

/* A page that a fresh guest has granted to domain 0. */
struct shared {
	uint32_t domid, ref;
	xengntshr_handle *guest;
	xengnttab_handle *dom0;
	char *page;
};

static struct shared share_page(int writable)
{
	struct shared s = { .domid = new_domain() };

	s.guest = open_gntshr(s.domid);
	s.dom0 = open_gnttab(0);
	s.page = xengntshr_share_pages(s.guest, 0, 1, &s.ref, writable);
	assert_non_null(s.page);
	strcpy(s.page, "from the guest");
	return s;
}

static void end_shared(struct shared *s)
{
	struct sim_domain_info info;

	xengntshr_close(s->guest);
	xengnttab_close(s->dom0);
	assert_int_equal(xc_domain_destroy(xch, s->domid), 0);
	eventually(!usage_of(s->domid, &info));
}

static uint32_t maps_of(uint32_t domid)
{
	struct sim_domain_info info;

	assert_true(usage_of(domid, &info));
	return info.maps;
}

static uint32_t grants_of(uint32_t domid)
{
	struct sim_domain_info info;

	assert_true(usage_of(domid, &info));
	return info.grants;
}

static uint16_t entry_flags(uint32_t domid, uint32_t ref)
{
	xenforeignmemory_resource_handle *fres;
	xenforeignmemory_handle *fmem;
	void *addr = NULL;
	uint16_t flags;

	as_domain(0);
	fmem = xenforeignmemory_open(NULL, 0);
	assert_non_null(fmem);
	fres = xenforeignmemory_map_resource(fmem, (domid_t)domid, XENMEM_resource_grant_table,
					     XENMEM_resource_grant_table_id_shared, 0, 64, &addr,
					     PROT_READ, 0);
	assert_non_null(fres);
	flags = ((struct grant_entry_v1 *)addr)[ref].flags;
	xenforeignmemory_unmap_resource(fmem, fres);
	xenforeignmemory_close(fmem);
	return flags;
}

static void expect_no_map(xengnttab_handle *xgt, uint32_t domid, uint32_t ref, int prot)
{
	assert_null(xengnttab_map_grant_ref(xgt, domid, ref, prot));
	assert_int_equal(errno, EINVAL);
}

static void test_mapping_is_the_same_memory(void **state)
{
	struct shared s = share_page(1);
	char *map = xengnttab_map_grant_ref(s.dom0, s.domid, s.ref, RW);
	(void)state;

	assert_non_null(map);
	assert_string_equal(map, "from the guest");
	strcpy(map, "from domain 0");
	assert_string_equal(s.page, "from domain 0");
	assert_int_equal(xengnttab_unmap(s.dom0, map, 1), 0);
	end_shared(&s);
}

static void test_only_the_named_domain_may_map(void **state)
{
	struct shared s = share_page(1);
	uint32_t other = new_domain();
	xengnttab_handle *stranger = open_gnttab(other), *own = open_gnttab(s.domid);
	(void)state;

	expect_no_map(stranger, s.domid, s.ref, PROT_READ);
	/* Not even the granter itself. */
	expect_no_map(own, s.domid, s.ref, PROT_READ);
	xengnttab_close(stranger);
	xengnttab_close(own);
	xc_domain_destroy(xch, other);
	end_shared(&s);
}

static void test_readonly_grant_refuses_writers(void **state)
{
	struct shared s = share_page(0);
	char *map;
	(void)state;

	expect_no_map(s.dom0, s.domid, s.ref, RW);
	map = xengnttab_map_grant_ref(s.dom0, s.domid, s.ref, PROT_READ);
	assert_non_null(map);
	assert_string_equal(map, "from the guest");
	assert_int_equal(xengnttab_unmap(s.dom0, map, 1), 0);
	end_shared(&s);
}

static void test_readonly_mapping_cannot_be_written(void **state)
{
	struct shared s = share_page(1);
	char *map = xengnttab_map_grant_ref(s.dom0, s.domid, s.ref, PROT_READ);
	int status;
	pid_t child;
	(void)state;

	assert_non_null(map);
	child = fork();
	if (child == 0) {
		signal(SIGSEGV, SIG_DFL);
		*(volatile char *)map = 1;
		_exit(0);
	}
	waitpid(child, &status, 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	xengnttab_unmap(s.dom0, map, 1);
	end_shared(&s);
}

static void test_bad_references_are_refused(void **state)
{
	struct shared s = share_page(1);
	(void)state;

	expect_no_map(s.dom0, s.domid, s.ref + 1, PROT_READ);
	expect_no_map(s.dom0, s.domid, 32768, PROT_READ);
	expect_no_map(s.dom0, s.domid, ~0u, PROT_READ);
	expect_no_map(s.dom0, 30000, s.ref, PROT_READ);
	assert_int_equal(maps_of(s.domid), 0);
	end_shared(&s);
}

static void test_entry_shows_its_use(void **state)
{
	struct shared s = share_page(1);
	char *reader, *writer;
	(void)state;

	assert_int_equal(entry_flags(s.domid, s.ref), GTF_permit_access);
	reader = xengnttab_map_grant_ref(s.dom0, s.domid, s.ref, PROT_READ);
	assert_int_equal(entry_flags(s.domid, s.ref), GTF_permit_access | GTF_reading);
	writer = xengnttab_map_grant_ref(s.dom0, s.domid, s.ref, RW);
	assert_int_equal(entry_flags(s.domid, s.ref),
			 GTF_permit_access | GTF_reading | GTF_writing);
	xengnttab_unmap(s.dom0, writer, 1);
	assert_int_equal(entry_flags(s.domid, s.ref), GTF_permit_access | GTF_reading);
	xengnttab_unmap(s.dom0, reader, 1);
	assert_int_equal(entry_flags(s.domid, s.ref), GTF_permit_access);
	end_shared(&s);
}

static void test_revoked_page_stays_until_unmapped(void **state)
{
	struct shared s = share_page(1);
	char *map = xengnttab_map_grant_ref(s.dom0, s.domid, s.ref, RW), *page;
	uint32_t ref;
	(void)state;

	assert_int_equal(xengntshr_unshare(s.guest, s.page, 1), 0);
	assert_string_equal(map, "from the guest");
	strcpy(map, "still there");
	expect_no_map(s.dom0, s.domid, s.ref, PROT_READ);
	assert_int_equal(grants_of(s.domid), 1);
	/*
	 * Its reference and its page go to nobody else meanwhile, though the allocator comes
	 * round.
	 */
	for (int i = 0; i < 40000; i++) {
		page = xengntshr_share_pages(s.guest, 0, 1, &ref, 1);
		assert_non_null(page);
		assert_int_not_equal(ref, s.ref);
		assert_int_equal(page[0], 0);
		page[0] = 1;
		assert_int_equal(xengntshr_unshare(s.guest, page, 1), 0);
	}
	assert_string_equal(map, "still there");
	assert_int_equal(xengnttab_unmap(s.dom0, map, 1), 0);
	assert_int_equal(grants_of(s.domid), 0);
	assert_int_equal(entry_flags(s.domid, s.ref), 0);
	end_shared(&s);
}

static void test_many_pages_map_in_order(void **state)
{
	enum { PAGES = 700 };	/* more than two batches */
	static uint32_t refs[PAGES];
	struct shared s = share_page(1);
	uint32_t *pages = xengntshr_share_pages(s.guest, 0, PAGES, refs, 1), *map;
	(void)state;

	assert_non_null(pages);
	for (int i = 0; i < PAGES; i++)
		pages[i * 1024] = (uint32_t)i;
	/* Backwards, so that no two neighbours are one range. */
	for (int i = 0; i < PAGES / 2; i++) {
		uint32_t swap = refs[i];

		refs[i] = refs[PAGES - 1 - i];
		refs[PAGES - 1 - i] = swap;
	}
	map = xengnttab_map_domain_grant_refs(s.dom0, PAGES, s.domid, refs, RW);
	assert_non_null(map);
	for (int i = 0; i < PAGES; i++)
		assert_int_equal(map[i * 1024], PAGES - 1 - i);
	assert_int_equal(maps_of(s.domid), PAGES);
	/* Only the range that was made can be unmapped. */
	assert_int_equal(xengnttab_unmap(s.dom0, map, 1), -1);
	assert_int_equal(xengnttab_unmap(s.dom0, map, PAGES), 0);
	assert_int_equal(maps_of(s.domid), 0);
	end_shared(&s);
}

static void test_partial_failure_maps_nothing(void **state)
{
	static uint32_t refs[400];
	struct shared s = share_page(1);
	(void)state;

	assert_non_null(xengntshr_share_pages(s.guest, 0, 400, refs, 1));
	refs[390] = 20000;
	assert_null(xengnttab_map_domain_grant_refs(s.dom0, 400, s.domid, refs, RW));
	assert_int_equal(maps_of(s.domid), 0);
	end_shared(&s);
}

static void test_copy_has_a_status_a_segment(void **state)
{
	struct shared s = share_page(0);
	uint32_t writable;
	char *page = xengntshr_share_pages(s.guest, 0, 1, &writable, 1);
	char in[16] = "", out[] = "copy";
	xengnttab_grant_copy_segment_t segs[] = {
		{ .source.foreign = { .ref = s.ref, .domid = (uint16_t)s.domid },
		  .dest.virt = in, .len = 15, .flags = GNTCOPY_source_gref },
		{ .source.virt = out, .len = 5, .flags = GNTCOPY_dest_gref,
		  .dest.foreign = { .ref = s.ref, .domid = (uint16_t)s.domid } },
		{ .source.foreign = { .ref = 32768, .domid = (uint16_t)s.domid },
		  .dest.virt = in, .len = 1, .flags = GNTCOPY_source_gref },
		{ .source.foreign = { .ref = s.ref, .domid = 30000 },
		  .dest.virt = in, .len = 1, .flags = GNTCOPY_source_gref },
		{ .source.virt = out, .len = 5, .flags = GNTCOPY_dest_gref,
		  .dest.foreign = { .ref = writable, .domid = (uint16_t)s.domid, .offset = 4091 } },
		{ .source.foreign = { .ref = s.ref, .domid = (uint16_t)s.domid, .offset = 5 },
		  .dest.foreign = { .ref = writable, .domid = (uint16_t)s.domid },
		  .len = 10, .flags = GNTCOPY_source_gref | GNTCOPY_dest_gref },
	};
	const int16_t want[] = { GNTST_okay, GNTST_general_error, GNTST_bad_gntref,
				 GNTST_bad_domain, GNTST_okay, GNTST_okay };
	(void)state;

	for (size_t i = 0; i < 6; i++)
		segs[i].status = 99;
	assert_int_equal(xengnttab_grant_copy(s.dom0, 6, segs), 0);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(segs[i].status, want[i]);
	assert_string_equal(in, "from the guest");
	assert_string_equal(s.page, "from the guest");
	assert_string_equal(page, "the guest");
	assert_string_equal(page + 4091, "copy");
	end_shared(&s);
}

static void test_copy_outside_a_page_is_refused_whole(void **state)
{
	struct shared s = share_page(1);
	char buf[4096];
	xengnttab_grant_copy_segment_t seg = {
		.source.foreign = { .ref = s.ref, .domid = (uint16_t)s.domid, .offset = 1 },
		.dest.virt = buf, .len = 4096, .flags = GNTCOPY_source_gref,
	};
	(void)state;

	assert_int_equal(xengnttab_grant_copy(s.dom0, 1, &seg), -1);
	assert_int_equal(errno, EINVAL);
	seg.source.foreign.offset = 0;
	assert_int_equal(xengnttab_grant_copy(s.dom0, 1, &seg), 0);
	assert_int_equal(seg.status, GNTST_okay);
	seg.flags = 0;
	assert_int_equal(xengnttab_grant_copy(s.dom0, 1, &seg), -1);
	assert_int_equal(errno, EINVAL);
	end_shared(&s);
}

static void test_dead_domains_page_stays_memory(void **state)
{
	struct shared s = share_page(1);
	char *map = xengnttab_map_grant_ref(s.dom0, s.domid, s.ref, RW), buf[8];
	struct sim_domain_info info;
	xengnttab_grant_copy_segment_t seg = {
		.source.foreign = { .ref = s.ref, .domid = (uint16_t)s.domid },
		.dest.virt = buf, .len = 8, .flags = GNTCOPY_source_gref,
	};
	(void)state;

	assert_int_equal(xengnttab_grant_copy(s.dom0, 1, &seg), 0);
	assert_int_equal(seg.status, GNTST_okay);
	assert_int_equal(xc_domain_destroy(xch, s.domid), 0);
	assert_string_equal(map, "from the guest");
	map[0] = 'F';
	assert_true(usage_of(s.domid, &info));
	assert_true(info.flags & XEN_DOMINF_dying);
	expect_no_map(s.dom0, s.domid, s.ref, PROT_READ);
	assert_int_equal(xengnttab_grant_copy(s.dom0, 1, &seg), 0);
	assert_int_equal(seg.status, GNTST_bad_domain);
	assert_int_equal(xengnttab_unmap(s.dom0, map, 1), 0);
	assert_false(usage_of(s.domid, &info));
	xengntshr_close(s.guest);
	xengnttab_close(s.dom0);
}

static void test_a_new_domain_is_not_the_old_one(void **state)
{
	struct xen_domctl_createdomain create = { .max_vcpus = 1 };
	struct shared s = share_page(1);
	uint32_t domid = s.domid, ref;
	char buf[8], *page;
	xengnttab_grant_copy_segment_t seg = {
		.source.foreign = { .ref = s.ref, .domid = (uint16_t)s.domid },
		.dest.virt = buf, .len = 8, .flags = GNTCOPY_source_gref,
	};
	(void)state;

	assert_int_equal(xengnttab_grant_copy(s.dom0, 1, &seg), 0);
	assert_int_equal(xc_domain_destroy(xch, domid), 0);
	xengntshr_close(s.guest);
	assert_int_equal(xc_domain_create(xch, &domid, &create), 0);
	assert_int_equal(domid, s.domid);
	s.guest = open_gntshr(domid);
	page = xengntshr_share_pages(s.guest, 0, 1, &ref, 1);
	assert_int_equal(ref, s.ref);
	assert_int_equal(page[0], 0);
	strcpy(page, "another");
	assert_int_equal(xengnttab_grant_copy(s.dom0, 1, &seg), 0);
	assert_int_equal(seg.status, GNTST_okay);
	assert_string_equal(buf, "another");
	end_shared(&s);
}

/* Runs `work` in a child, which is then killed with -9 while it holds what it made. */
static void kill_in(void (*work)(struct shared *s), struct shared *s)
{
	int ready[2];
	char byte;
	pid_t child;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		work(s);
		(void)!write(ready[1], "", 1);
		pause();
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void map_some(struct shared *s)
{
	xengnttab_handle *xgt = open_gnttab(0);

	for (int i = 0; i < 100; i++)
		xengnttab_map_grant_ref(xgt, s->domid, s->ref, RW);
}

static void test_killed_mapper_leaves_nothing_mapped(void **state)
{
	struct shared s = share_page(1);
	(void)state;

	kill_in(map_some, &s);
	eventually(maps_of(s.domid) == 0);
	assert_int_equal(entry_flags(s.domid, s.ref), GTF_permit_access);
	end_shared(&s);
}

static void share_some(struct shared *s)
{
	static uint32_t refs[100];

	xengntshr_share_pages(open_gntshr(s->domid), 0, 100, refs, 1);
}

static void test_killed_granter_leaves_nothing_granted(void **state)
{
	struct shared s = share_page(1);
	(void)state;

	kill_in(share_some, &s);
	eventually(grants_of(s.domid) == 1);
	end_shared(&s);
}

/* A pair of ports as well, for unmap notifications: what goes tells the other side. */
struct notified {
	struct shared s;
	xenevtchn_handle *guest_evtchn, *dom0_evtchn;
	evtchn_port_t guest_port, dom0_port;
};

static struct notified notified_page(void)
{
	struct notified n = { .s = share_page(1) };

	n.guest_evtchn = open_evtchn(n.s.domid);
	n.dom0_evtchn = open_evtchn(0);
	n.guest_port = (evtchn_port_t)xenevtchn_bind_unbound_port(n.guest_evtchn, 0);
	n.dom0_port = (evtchn_port_t)xenevtchn_bind_interdomain(n.dom0_evtchn, n.s.domid,
								n.guest_port);
	assert_int_equal(xenevtchn_pending(n.dom0_evtchn), n.dom0_port);
	xenevtchn_unmask(n.dom0_evtchn, n.dom0_port);
	return n;
}

static void end_notified(struct notified *n)
{
	xenevtchn_close(n->guest_evtchn);
	xenevtchn_close(n->dom0_evtchn);
	end_shared(&n->s);
}

static void test_unmap_notifies_the_granter(void **state)
{
	struct notified n = notified_page();
	char *map;
	(void)state;

	n.s.page[100] = 1;
	map = xengnttab_map_grant_ref_notify(n.s.dom0, n.s.domid, n.s.ref, RW, 100, n.dom0_port);
	assert_non_null(map);
	assert_int_equal(n.s.page[100], 1);
	/* The notification outlives its port's owner, as when a process dies. */
	xenevtchn_close(n.dom0_evtchn);
	assert_false(readable(n.guest_evtchn));
	assert_int_equal(xengnttab_unmap(n.s.dom0, map, 1), 0);
	assert_int_equal(n.s.page[100], 0);
	assert_int_equal(xenevtchn_pending(n.guest_evtchn), n.guest_port);
	n.dom0_evtchn = NULL;
	end_notified(&n);
}

static void test_unshare_notifies_the_mapper(void **state)
{
	struct notified n = notified_page();
	uint32_t ref;
	char *page, *map;
	(void)state;

	page = xengntshr_share_page_notify(n.s.guest, 0, &ref, 1, 7, n.guest_port);
	assert_non_null(page);
	map = xengnttab_map_grant_ref(n.s.dom0, n.s.domid, ref, RW);
	assert_non_null(map);
	map[7] = 1;
	assert_int_equal(xengntshr_unshare(n.s.guest, page, 1), 0);
	assert_int_equal(map[7], 0);
	assert_int_equal(xenevtchn_pending(n.dom0_evtchn), n.dom0_port);
	end_notified(&n);
}

static void test_impossible_notifications_map_nothing(void **state)
{
	struct shared s = share_page(1);
	(void)state;

	assert_null(xengnttab_map_grant_ref_notify(s.dom0, s.domid, s.ref, RW, 4096, ~0u));
	assert_null(xengnttab_map_grant_ref_notify(s.dom0, s.domid, s.ref, RW, ~0u, 4000));
	assert_null(xengnttab_map_grant_ref_notify(s.dom0, s.domid, s.ref, PROT_READ, 0, ~0u));
	assert_int_equal(maps_of(s.domid), 0);
	end_shared(&s);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mapping_is_the_same_memory),
		cmocka_unit_test(test_only_the_named_domain_may_map),
		cmocka_unit_test(test_readonly_grant_refuses_writers),
		cmocka_unit_test(test_readonly_mapping_cannot_be_written),
		cmocka_unit_test(test_bad_references_are_refused),
		cmocka_unit_test(test_entry_shows_its_use),
		cmocka_unit_test(test_revoked_page_stays_until_unmapped),
		cmocka_unit_test(test_many_pages_map_in_order),
		cmocka_unit_test(test_partial_failure_maps_nothing),
		cmocka_unit_test(test_copy_has_a_status_a_segment),
		cmocka_unit_test(test_copy_outside_a_page_is_refused_whole),
		cmocka_unit_test(test_dead_domains_page_stays_memory),
		cmocka_unit_test(test_a_new_domain_is_not_the_old_one),
		cmocka_unit_test(test_killed_mapper_leaves_nothing_mapped),
		cmocka_unit_test(test_killed_granter_leaves_nothing_granted),
		cmocka_unit_test(test_unmap_notifies_the_granter),
		cmocka_unit_test(test_unshare_notifies_the_mapper),
		cmocka_unit_test(test_impossible_notifications_map_nothing),
	};
	(void)argc;

	enter_simulator(argv);
	return cmocka_run_group_tests(tests, start_hypervisor, stop_hypervisor);
}
