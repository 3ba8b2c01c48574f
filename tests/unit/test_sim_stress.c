/* SPDX-License-Identifier: MIT */
/*
 * Notifications between two processes, a million of them: none that somebody waits for is lost, not
 * even when the receiver is killed and replaced again and again while it is being notified. A lost
 * one shows as a receiver that sleeps for good; the alarm ends it.
 */
#include "test_sim_fixture.h"

#include <sched.h>

#define NOTIFICATIONS	1000000
#define KILLS		100
#define PATIENCE	120	/* seconds */

struct shared {
	_Atomic uint32_t sent, seen;
	_Atomic uint32_t wakeups;
	_Atomic bool stop;
};

static struct shared *shared;

static void share_memory(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	assert_ptr_not_equal(shared, MAP_FAILED);
}

/* The receiver: waits, unmasks, and only then looks, as a backend does. */
static void receive(uint32_t domid, evtchn_port_t remote, uint32_t until)
{
	xenevtchn_handle *xce = open_evtchn(0);
	int port = xenevtchn_bind_interdomain(xce, domid, remote);

	alarm(PATIENCE);
	if (port < 0)
		_exit(2);
	while (atomic_load(&shared->seen) < until) {
		if (xenevtchn_pending(xce) != port || xenevtchn_unmask(xce, (evtchn_port_t)port))
			_exit(3);
		atomic_fetch_add(&shared->wakeups, 1);
		atomic_store(&shared->seen, atomic_load(&shared->sent));
	}
	_exit(0);
}

static void test_no_wakeup_is_lost(void **state)
{
	uint32_t domid = new_domain();
	xenevtchn_handle *xce = open_evtchn(domid);
	int port = xenevtchn_bind_unbound_port(xce, 0), status;
	pid_t child;
	(void)state;

	share_memory();
	child = fork();
	if (child == 0)
		receive(domid, (evtchn_port_t)port, NOTIFICATIONS);
	alarm(PATIENCE);
	for (uint32_t i = 1; i <= NOTIFICATIONS; i++) {
		atomic_store(&shared->sent, i);
		if (xenevtchn_notify(xce, (evtchn_port_t)port))
			fail();
		/* Let it fall asleep now and then, at no fixed distance. */
		while (i % 61 == 0 && atomic_load(&shared->seen) < i &&
		       atomic_load(&shared->wakeups))
			sched_yield();
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_int_equal(shared->seen, NOTIFICATIONS);
	print_message("%u notifications, %u wake-ups\n", NOTIFICATIONS, shared->wakeups);
	alarm(0);
	xenevtchn_close(xce);
	xc_domain_destroy(xch, domid);
}

/* Notifies for as long as it is told to; one that meets a dead receiver is dropped. */
static void send_on(xenevtchn_handle *xce, evtchn_port_t port)
{
	alarm(PATIENCE);
	while (!atomic_load(&shared->stop)) {
		atomic_fetch_add(&shared->sent, 1);
		if (xenevtchn_notify(xce, port))
			_exit(1);
	}
	_exit(0);
}

static bool unbound(uint32_t domid, evtchn_port_t port)
{
	xc_evtchn_status_t status = { .dom = (domid_t)domid, .port = port };

	return !xc_evtchn_status(xch, &status) && status.status == EVTCHNSTAT_unbound;
}

static void test_killed_receivers_successor_is_notified(void **state)
{
	uint32_t domid = new_domain(), before;
	xenevtchn_handle *xce = open_evtchn(domid);
	int port = xenevtchn_bind_unbound_port(xce, 0), status;
	pid_t sender, child;
	(void)state;

	share_memory();
	sender = fork();
	if (sender == 0)
		send_on(xce, (evtchn_port_t)port);
	alarm(PATIENCE);
	for (int i = 0; i < KILLS; i++) {
		before = atomic_load(&shared->wakeups);
		child = fork();
		if (child == 0)
			receive(domid, (evtchn_port_t)port, ~0u);
		/* The first comes from binding; those after it from the sender. */
		while (atomic_load(&shared->wakeups) < before + 20)
			sched_yield();
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		eventually(unbound(domid, (evtchn_port_t)port));
	}
	atomic_store(&shared->stop, true);
	assert_int_equal(waitpid(sender, &status, 0), sender);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	alarm(0);
	xenevtchn_close(xce);
	xc_domain_destroy(xch, domid);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_wakeup_is_lost),
		cmocka_unit_test(test_killed_receivers_successor_is_notified),
	};
	(void)argc;

	enter_simulator(argv);
	return cmocka_run_group_tests(tests, start_hypervisor, stop_hypervisor);
}
