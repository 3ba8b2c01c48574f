/* SPDX-License-Identifier: MIT */
/*
 * Domains through Debian's libxenctrl: made, listed, described, paused, shut down, destroyed; and
 * what a guest may not do.
 */
#include "test_sim_fixture.h"

#include <xen/hvm/params.h>

static void destroy(uint32_t domid)
{
	assert_int_equal(xc_domain_destroy(xch, domid), 0);
}

static uint32_t flags_of(uint32_t domid)
{
	xc_domaininfo_t info;

	assert_int_equal(xc_domain_getinfolist(xch, domid, 1, &info), 1);
	assert_int_equal(info.domain, domid);
	return info.flags;
}

static void test_domain_0_is_there(void **state)
{
	xc_dominfo_t info;
	(void)state;

	assert_int_equal(xc_domain_getinfo(xch, 0, 1, &info), 1);
	assert_int_equal(info.domid, 0);
	assert_true(info.running);
}

static void test_new_domain_is_as_it_was_asked_for(void **state)
{
	struct xen_domctl_createdomain create = { .max_vcpus = 3, .handle = { 1, 2, 3 } };
	uint32_t domid = 77;
	xc_domaininfo_t info;
	(void)state;

	assert_int_equal(xc_domain_create(xch, &domid, &create), 0);
	assert_int_equal(domid, 77);
	assert_int_equal(xc_domain_setmaxmem(xch, domid, 65536), 0);
	assert_int_equal(xc_domain_getinfolist(xch, domid, 1, &info), 1);
	assert_int_equal(info.nr_online_vcpus, 3);
	assert_int_equal(info.tot_pages, 16384);
	assert_memory_equal(info.handle, create.handle, sizeof(info.handle));
	assert_true(info.flags & XEN_DOMINF_paused);
	/* The domid is taken. */
	assert_int_equal(xc_domain_create(xch, &domid, &create), -1);
	assert_int_equal(errno, EEXIST);
	destroy(domid);
}

static void test_info_is_of_the_next_domain_there_is(void **state)
{
	uint32_t a = new_domain(), b = new_domain();
	xc_dominfo_t info[4];
	(void)state;

	assert_true(a < b);
	assert_int_equal(xc_domain_getinfo(xch, 0, 4, info), 3);
	assert_int_equal(info[1].domid, a);
	assert_int_equal(info[2].domid, b);
	destroy(a);
	assert_int_equal(xc_domain_getinfo(xch, a, 1, info), 1);
	assert_int_equal(info[0].domid, b);
	destroy(b);
	assert_int_equal(xc_domain_getinfo(xch, a, 1, info), -1);
	assert_int_equal(errno, ESRCH);
}

static void test_long_lists_are_whole(void **state)
{
	enum { DOMAINS = 150 };	/* more than two replies hold */
	static xc_domaininfo_t info[DOMAINS + 10];
	uint32_t domid[DOMAINS];
	(void)state;

	for (int i = 0; i < DOMAINS; i++)
		domid[i] = new_domain();
	assert_int_equal(xc_domain_getinfolist(xch, 0, DOMAINS + 10, info), DOMAINS + 1);
	for (int i = 0; i < DOMAINS; i++) {
		assert_int_equal(info[i + 1].domain, domid[i]);
		destroy(domid[i]);
	}
	assert_int_equal(xc_domain_getinfolist(xch, 0, DOMAINS, info), 1);
}

static void test_states_follow_the_calls(void **state)
{
	uint32_t domid = new_domain();
	(void)state;

	assert_int_equal(xc_domain_unpause(xch, domid), 0);
	assert_false(flags_of(domid) & XEN_DOMINF_paused);
	assert_int_equal(xc_domain_pause(xch, domid), 0);
	assert_true(flags_of(domid) & XEN_DOMINF_paused);
	assert_int_equal(xc_domain_shutdown(xch, domid, SHUTDOWN_crash), 0);
	assert_true(flags_of(domid) & XEN_DOMINF_shutdown);
	assert_int_equal(flags_of(domid) >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask,
			 SHUTDOWN_crash);
	/* The first reason stays. */
	assert_int_equal(xc_domain_shutdown(xch, domid, SHUTDOWN_poweroff), 0);
	assert_int_equal(flags_of(domid) >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask,
			 SHUTDOWN_crash);
	destroy(domid);
	assert_int_equal(xc_domain_destroy(xch, domid), -1);
	assert_int_equal(errno, ESRCH);
}

static void test_domain_0_cannot_be_ended(void **state)
{
	(void)state;
	assert_int_equal(xc_domain_destroy(xch, 0), -1);
	assert_int_equal(xc_domain_pause(xch, 0), -1);
	assert_int_equal(xc_domain_shutdown(xch, 0, SHUTDOWN_poweroff), -1);
	assert_true(flags_of(0) & XEN_DOMINF_running);
}

static void test_parameters_keep_their_values(void **state)
{
	uint32_t domid = new_domain();
	uint64_t value = 1;
	(void)state;

	assert_int_equal(xc_hvm_param_get(xch, domid, HVM_PARAM_STORE_PFN, &value), 0);
	assert_int_equal(value, 0);
	assert_int_equal(xc_hvm_param_set(xch, domid, HVM_PARAM_STORE_PFN, 5), 0);
	assert_int_equal(xc_hvm_param_get(xch, domid, HVM_PARAM_STORE_PFN, &value), 0);
	assert_int_equal(value, 5);
	assert_int_equal(xc_hvm_param_set(xch, domid, 1000, 5), -1);
	assert_int_equal(errno, EINVAL);
	destroy(domid);
}

static void test_port_can_be_made_for_a_domain(void **state)
{
	uint32_t domid = new_domain();
	int port = xc_evtchn_alloc_unbound(xch, domid, 0), bound;
	xc_evtchn_status_t status = { .dom = (domid_t)domid, .port = (evtchn_port_t)port };
	xenevtchn_handle *xce = open_evtchn(0);
	(void)state;

	assert_true(port > 0);
	assert_int_equal(xc_evtchn_status(xch, &status), 0);
	assert_int_equal(status.status, EVTCHNSTAT_unbound);
	assert_int_equal(status.u.unbound.dom, 0);
	bound = xenevtchn_bind_interdomain(xce, domid, (evtchn_port_t)port);
	assert_true(bound > 0);
	/* Nobody listens there yet: no error. */
	assert_int_equal(xenevtchn_notify(xce, (evtchn_port_t)bound), 0);
	assert_int_equal(xc_evtchn_status(xch, &status), 0);
	assert_int_equal(status.status, EVTCHNSTAT_interdomain);
	assert_int_equal(status.u.interdomain.port, bound);
	assert_int_equal(xc_evtchn_reset(xch, domid), 0);
	assert_int_equal(xc_evtchn_status(xch, &status), 0);
	assert_int_equal(status.status, EVTCHNSTAT_closed);
	xenevtchn_close(xce);
	destroy(domid);
}

static void test_guest_controls_only_itself(void **state)
{
	uint32_t domid = new_domain(), other = new_domain();
	xc_interface *guest;
	xc_dominfo_t info;
	uint64_t value;
	(void)state;

	as_domain(domid);
	guest = xc_interface_open(NULL, NULL, 0);
	assert_non_null(guest);
	assert_int_equal(xc_domain_destroy(guest, other), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(xc_domain_getinfo(guest, 0, 1, &info), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(xc_domain_shutdown(guest, other, SHUTDOWN_poweroff), -1);
	assert_int_equal(xc_hvm_param_get(guest, other, HVM_PARAM_STORE_PFN, &value), -1);
	assert_int_equal(xc_hvm_param_get(guest, DOMID_SELF, HVM_PARAM_STORE_PFN, &value), 0);
	assert_int_equal(xc_domain_shutdown(guest, (int)domid, SHUTDOWN_poweroff), 0);
	xc_interface_close(guest);
	assert_true(flags_of(domid) & XEN_DOMINF_shutdown);
	assert_false(flags_of(other) & XEN_DOMINF_shutdown);
	destroy(domid);
	destroy(other);
}

static void test_unknown_calls_are_said_to_be_unknown(void **state)
{
	uint32_t domid = new_domain();
	(void)state;

	assert_int_equal(xc_domain_set_access_required(xch, domid, 1), -1);
	assert_int_equal(errno, ENOSYS);
	destroy(domid);
}

static void test_nobody_enters_a_domain_that_is_not_there(void **state)
{
	(void)state;
	as_domain(30000);
	assert_null(xenevtchn_open(NULL, 0));
	assert_int_equal(errno, ESRCH);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_domain_0_is_there),
		cmocka_unit_test(test_new_domain_is_as_it_was_asked_for),
		cmocka_unit_test(test_info_is_of_the_next_domain_there_is),
		cmocka_unit_test(test_long_lists_are_whole),
		cmocka_unit_test(test_states_follow_the_calls),
		cmocka_unit_test(test_domain_0_cannot_be_ended),
		cmocka_unit_test(test_parameters_keep_their_values),
		cmocka_unit_test(test_port_can_be_made_for_a_domain),
		cmocka_unit_test(test_guest_controls_only_itself),
		cmocka_unit_test(test_unknown_calls_are_said_to_be_unknown),
		cmocka_unit_test(test_nobody_enters_a_domain_that_is_not_there),
	};
	(void)argc;

	enter_simulator(argv);
	return cmocka_run_group_tests(tests, start_hypervisor, stop_hypervisor);
}
