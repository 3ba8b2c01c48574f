/* SPDX-License-Identifier: MIT */
/*
 * The simulator's event channels behave as Xen's do through Linux's /dev/xen/evtchn.
 */
#include "test_sim_fixture.h"

#include <fcntl.h>

#include "event.h"

/* A connected pair: domain 0 has bound a port of a fresh guest. Both ends are idle. */
struct pair {
	uint32_t domid;
	xenevtchn_handle *guest, *dom0;
	evtchn_port_t guest_port, dom0_port;
};

static void take(xenevtchn_handle *xce, evtchn_port_t port)
{
	assert_true(readable(xce));
	assert_int_equal(xenevtchn_pending(xce), port);
	assert_int_equal(xenevtchn_unmask(xce, port), 0);
}

static struct pair connect_pair(void)
{
	struct pair p = { .domid = new_domain() };
	int port;

	p.guest = open_evtchn(p.domid);
	p.dom0 = open_evtchn(0);
	port = xenevtchn_bind_unbound_port(p.guest, 0);
	assert_true(port > 0);
	p.guest_port = (evtchn_port_t)port;
	port = xenevtchn_bind_interdomain(p.dom0, p.domid, p.guest_port);
	assert_true(port > 0);
	p.dom0_port = (evtchn_port_t)port;
	take(p.dom0, p.dom0_port);
	return p;
}

static void end_pair(struct pair *p)
{
	xenevtchn_close(p->guest);
	xenevtchn_close(p->dom0);
	assert_int_equal(xc_domain_destroy(xch, p->domid), 0);
}

static uint32_t status_of(uint32_t domid, evtchn_port_t port)
{
	xc_evtchn_status_t status = { .dom = (domid_t)domid, .port = port };

	assert_int_equal(xc_evtchn_status(xch, &status), 0);
	return status.status;
}

static void test_bind_sets_local_port_pending(void **state)
{
	uint32_t domid = new_domain();
	xenevtchn_handle *guest = open_evtchn(domid), *dom0 = open_evtchn(0);
	int offered = xenevtchn_bind_unbound_port(guest, 0), bound;
	(void)state;

	bound = xenevtchn_bind_interdomain(dom0, domid, (evtchn_port_t)offered);
	assert_true(bound > 0);
	take(dom0, (evtchn_port_t)bound);
	assert_false(readable(guest));
	xenevtchn_close(guest);
	xenevtchn_close(dom0);
	xc_domain_destroy(xch, domid);
}

static void test_notify_is_delivered_once_until_unmask(void **state)
{
	struct pair p = connect_pair();
	(void)state;

	for (int i = 0; i < 3; i++)
		assert_int_equal(xenevtchn_notify(p.guest, p.guest_port), 0);
	assert_int_equal(xenevtchn_pending(p.dom0), p.dom0_port);
	assert_false(readable(p.dom0));
	/* Masked: what comes now waits, and is delivered by the unmask. */
	assert_int_equal(xenevtchn_notify(p.guest, p.guest_port), 0);
	assert_false(readable(p.dom0));
	assert_int_equal(xenevtchn_unmask(p.dom0, p.dom0_port), 0);
	take(p.dom0, p.dom0_port);
	assert_false(readable(p.dom0));
	end_pair(&p);
}

static void test_bind_refuses_what_is_not_offered(void **state)
{
	struct pair p = connect_pair();
	uint32_t other = new_domain();
	xenevtchn_handle *stranger = open_evtchn(other);
	int port;
	(void)state;

	/* The port is bound already. */
	assert_int_equal(xenevtchn_bind_interdomain(p.dom0, p.domid, p.guest_port), -1);
	assert_int_equal(errno, EINVAL);
	/* It is offered to domain 0 alone. */
	port = xenevtchn_bind_unbound_port(p.guest, 0);
	assert_int_equal(xenevtchn_bind_interdomain(stranger, p.domid, (evtchn_port_t)port), -1);
	assert_int_equal(errno, EINVAL);
	/* There is no such port, no such domain. */
	assert_int_equal(xenevtchn_bind_interdomain(p.dom0, p.domid, 4000), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(xenevtchn_bind_interdomain(p.dom0, p.domid, ~0u), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(xenevtchn_bind_interdomain(p.dom0, 30000, 1), -1);
	assert_int_equal(errno, ESRCH);
	xenevtchn_close(stranger);
	xc_domain_destroy(xch, other);
	end_pair(&p);
}

static void test_close_leaves_the_peer_waiting_for_a_successor(void **state)
{
	struct pair p = connect_pair();
	int port;
	(void)state;

	xenevtchn_close(p.dom0);
	eventually(status_of(p.domid, p.guest_port) == EVTCHNSTAT_unbound);
	/* Nobody is bound: dropped, without an error. */
	assert_int_equal(xenevtchn_notify(p.guest, p.guest_port), 0);
	p.dom0 = open_evtchn(0);
	port = xenevtchn_bind_interdomain(p.dom0, p.domid, p.guest_port);
	assert_true(port > 0);
	p.dom0_port = (evtchn_port_t)port;
	take(p.dom0, p.dom0_port);
	assert_false(readable(p.dom0));
	/* And events flow both ways. */
	assert_int_equal(xenevtchn_notify(p.guest, p.guest_port), 0);
	take(p.dom0, p.dom0_port);
	assert_int_equal(xenevtchn_notify(p.dom0, p.dom0_port), 0);
	take(p.guest, p.guest_port);
	end_pair(&p);
}

static void test_unbind_frees_the_port(void **state)
{
	struct pair p = connect_pair();
	(void)state;

	assert_int_equal(xenevtchn_unbind(p.dom0, p.dom0_port), 0);
	assert_int_equal(status_of(0, p.dom0_port), EVTCHNSTAT_closed);
	assert_int_equal(status_of(p.domid, p.guest_port), EVTCHNSTAT_unbound);
	assert_int_equal(xenevtchn_unbind(p.dom0, p.dom0_port), -1);
	assert_int_equal(errno, ENOTCONN);
	assert_int_equal(xenevtchn_notify(p.dom0, p.dom0_port), -1);
	assert_int_equal(errno, ENOTCONN);
	end_pair(&p);
}

static void test_another_handles_port_is_out_of_reach(void **state)
{
	struct pair p = connect_pair();
	xenevtchn_handle *other = open_evtchn(0);
	(void)state;

	assert_int_equal(xenevtchn_notify(other, p.dom0_port), -1);
	assert_int_equal(errno, ENOTCONN);
	assert_int_equal(xenevtchn_unbind(other, p.dom0_port), -1);
	assert_int_equal(errno, ENOTCONN);
	assert_int_equal(xenevtchn_unmask(other, p.dom0_port), 0);
	xenevtchn_close(other);
	assert_int_equal(status_of(0, p.dom0_port), EVTCHNSTAT_interdomain);
	end_pair(&p);
}

static void test_restrict_leaves_one_domain(void **state)
{
	struct pair p = connect_pair();
	uint32_t other = new_domain();
	xenevtchn_handle *victim = open_evtchn(other);
	int offered = xenevtchn_bind_unbound_port(victim, 0), port;
	(void)state;

	assert_int_equal(xenevtchn_restrict(p.dom0, (domid_t)p.domid), 0);
	assert_int_equal(xenevtchn_bind_interdomain(p.dom0, other, (evtchn_port_t)offered), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(xenevtchn_bind_unbound_port(p.dom0, other), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(xenevtchn_bind_virq(p.dom0, VIRQ_DOM_EXC), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(xenevtchn_restrict(p.dom0, (domid_t)other), -1);
	assert_int_equal(errno, EACCES);
	/* Its own domain it can unbind and bind again. */
	assert_int_equal(xenevtchn_unbind(p.dom0, p.dom0_port), 0);
	port = xenevtchn_bind_interdomain(p.dom0, p.domid, p.guest_port);
	assert_true(port > 0);
	take(p.dom0, (evtchn_port_t)port);
	xenevtchn_close(victim);
	xc_domain_destroy(xch, other);
	end_pair(&p);
}

static void test_fdopen_carries_a_handle_on(void **state)
{
	struct pair p = connect_pair();
	int fd = dup(xenevtchn_fd(p.dom0));
	xenevtchn_handle *heir;
	(void)state;

	as_domain(0);
	heir = xenevtchn_fdopen(NULL, fd, 0);
	assert_non_null(heir);
	xenevtchn_close(p.dom0);
	p.dom0 = heir;
	assert_int_equal(status_of(p.domid, p.guest_port), EVTCHNSTAT_interdomain);
	assert_int_equal(xenevtchn_notify(p.guest, p.guest_port), 0);
	take(p.dom0, p.dom0_port);
	assert_int_equal(xenevtchn_notify(p.dom0, p.dom0_port), 0);
	take(p.guest, p.guest_port);
	end_pair(&p);
}

static void test_event_survives_a_reader_that_was_killed(void **state)
{
	struct pair p = connect_pair();
	int fd = dup(xenevtchn_fd(p.dom0));
	xenevtchn_handle *heir;
	uint32_t port;
	(void)state;

	assert_int_equal(xenevtchn_notify(p.guest, p.guest_port), 0);
	/* It had read the number, and got no further. */
	assert_int_equal(read(fd, &port, sizeof(port)), sizeof(port));
	as_domain(0);
	heir = xenevtchn_fdopen(NULL, fd, 0);
	assert_non_null(heir);
	xenevtchn_close(p.dom0);
	p.dom0 = heir;
	take(p.dom0, p.dom0_port);
	end_pair(&p);
}

static void test_fdopen_refuses_a_foreign_descriptor(void **state)
{
	int ends[2];
	(void)state;

	as_domain(0);
	assert_int_equal(pipe(ends), 0);
	assert_null(xenevtchn_fdopen(NULL, ends[0], 0));
	close(ends[0]);
	close(ends[1]);
}

/* A child that is killed takes nothing down as long as its parent holds the descriptor. */
static void test_killed_child_leaves_the_parents_ports(void **state)
{
	struct pair p = connect_pair();
	pid_t child = fork();
	(void)state;

	if (child == 0) {
		pause();
		_exit(0);
	}
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(status_of(p.domid, p.guest_port), EVTCHNSTAT_interdomain);
	end_pair(&p);
}

static void test_killed_owner_frees_its_ports(void **state)
{
	uint32_t domid = new_domain();
	xenevtchn_handle *guest = open_evtchn(domid), *dom0;
	int offered = xenevtchn_bind_unbound_port(guest, 0), ready[2];
	char byte;
	pid_t child;
	(void)state;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		dom0 = open_evtchn(0);
		if (xenevtchn_bind_interdomain(dom0, domid, (evtchn_port_t)offered) > 0)
			(void)!write(ready[1], "", 1);
		pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(status_of(domid, (evtchn_port_t)offered), EVTCHNSTAT_interdomain);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	eventually(status_of(domid, (evtchn_port_t)offered) == EVTCHNSTAT_unbound);
	close(ready[0]);
	close(ready[1]);
	xenevtchn_close(guest);
	xc_domain_destroy(xch, domid);
}

static void test_dom_exc_has_one_binder_and_tells_of_the_end(void **state)
{
	xenevtchn_handle *xce = open_evtchn(0), *second = open_evtchn(0);
	int port = xenevtchn_bind_virq(xce, VIRQ_DOM_EXC);
	uint32_t domid = new_domain();
	(void)state;

	assert_true(port > 0);
	assert_int_equal(xenevtchn_bind_virq(second, VIRQ_DOM_EXC), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(xc_domain_shutdown(xch, domid, SHUTDOWN_crash), 0);
	take(xce, (evtchn_port_t)port);
	assert_int_equal(xc_domain_destroy(xch, domid), 0);
	take(xce, (evtchn_port_t)port);
	xenevtchn_close(xce);
	eventually((port = xenevtchn_bind_virq(second, VIRQ_DOM_EXC)) > 0);
	xenevtchn_close(second);
}

static void test_pending_honours_nonblock(void **state)
{
	xenevtchn_handle *xce = open_evtchn(0);
	(void)state;

	assert_int_equal(fcntl(xenevtchn_fd(xce), F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(xenevtchn_pending(xce), -1);
	assert_int_equal(errno, EAGAIN);
	xenevtchn_close(xce);
}

/* More pending ports than the kernel will queue for an ordinary user. */
static void test_a_full_queue_loses_no_event(void **state)
{
	enum { PORTS = 2000 };
	static bool seen[4096];
	uint32_t domid = new_domain();
	xenevtchn_handle *guest = open_evtchn(domid), *dom0 = open_evtchn(0);
	int port;
	(void)state;

	for (int i = 0; i < PORTS; i++) {
		port = xenevtchn_bind_unbound_port(guest, 0);
		assert_true(port > 0);
		assert_true(xenevtchn_bind_interdomain(dom0, domid, (evtchn_port_t)port) > 0);
	}
	for (int i = 0; i < PORTS;) {
		assert_true(readable(dom0));
		port = xenevtchn_pending(dom0);
		assert_true(port > 0);
		i += !seen[port];
		seen[port] = true;
	}
	xenevtchn_close(guest);
	xenevtchn_close(dom0);
	xc_domain_destroy(xch, domid);
}

static void test_a_new_domain_does_not_inherit_events(void **state)
{
	struct xen_domctl_createdomain create = { .max_vcpus = 1 };
	struct pair p = connect_pair();
	uint32_t domid = p.domid;
	xenevtchn_handle *heir;
	int port;
	(void)state;

	assert_int_equal(xenevtchn_notify(p.dom0, p.dom0_port), 0);
	assert_int_equal(xc_domain_destroy(xch, domid), 0);
	assert_int_equal(xc_domain_create(xch, &domid, &create), 0);
	assert_int_equal(domid, p.domid);
	heir = open_evtchn(domid);
	port = xenevtchn_bind_unbound_port(heir, 0);
	assert_int_equal(port, p.guest_port);
	assert_int_equal(status_of(0, p.dom0_port), EVTCHNSTAT_unbound);
	assert_int_equal(xenevtchn_notify(p.dom0, p.dom0_port), 0);
	assert_false(readable(heir));
	xenevtchn_close(heir);
	end_pair(&p);
}

/* A notifier that still thought of a port's former binding raises it when it is free. */
static void test_a_late_notifier_does_not_mute_the_next_binding(void **state)
{
	struct pair p = connect_pair();
	struct sim_client client;
	struct sim_domain *dom0;
	int port;
	(void)state;

	as_domain(0);
	assert_int_equal(sim_client_open(&client, SIM_KIND_CALL, 0, NULL), 0);
	assert_int_equal(sim_domain_get(&client, 0, 0, &dom0), 0);
	assert_int_equal(xenevtchn_unbind(p.dom0, p.dom0_port), 0);
	assert_true(sim_port_raise(sim_port(dom0->base, p.dom0_port)));
	port = xenevtchn_bind_interdomain(p.dom0, p.domid, p.guest_port);
	assert_int_equal(port, p.dom0_port);
	take(p.dom0, p.dom0_port);
	assert_int_equal(xenevtchn_notify(p.guest, p.guest_port), 0);
	take(p.dom0, p.dom0_port);
	sim_client_close(&client);
	end_pair(&p);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bind_sets_local_port_pending),
		cmocka_unit_test(test_notify_is_delivered_once_until_unmask),
		cmocka_unit_test(test_bind_refuses_what_is_not_offered),
		cmocka_unit_test(test_close_leaves_the_peer_waiting_for_a_successor),
		cmocka_unit_test(test_unbind_frees_the_port),
		cmocka_unit_test(test_another_handles_port_is_out_of_reach),
		cmocka_unit_test(test_restrict_leaves_one_domain),
		cmocka_unit_test(test_fdopen_carries_a_handle_on),
		cmocka_unit_test(test_event_survives_a_reader_that_was_killed),
		cmocka_unit_test(test_fdopen_refuses_a_foreign_descriptor),
		cmocka_unit_test(test_killed_child_leaves_the_parents_ports),
		cmocka_unit_test(test_killed_owner_frees_its_ports),
		cmocka_unit_test(test_dom_exc_has_one_binder_and_tells_of_the_end),
		cmocka_unit_test(test_pending_honours_nonblock),
		cmocka_unit_test(test_a_full_queue_loses_no_event),
		cmocka_unit_test(test_a_new_domain_does_not_inherit_events),
		cmocka_unit_test(test_a_late_notifier_does_not_mute_the_next_binding),
	};
	(void)argc;

	enter_simulator(argv);
	return cmocka_run_group_tests(tests, start_hypervisor, stop_hypervisor);
}
