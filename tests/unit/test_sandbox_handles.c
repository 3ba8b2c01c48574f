/* SPDX-License-Identifier: MIT */
/*
 * What a confined worker can do with the handles that it keeps: its devices, its sockets, its ring.
 */
#include "test_sandbox.h"

#include <liburing.h>
#include <sys/ioctl.h>
#include <xen/sys/evtchn.h>
#include <xen/sys/gntdev.h>

#define NO_RING		97	/* exit status of a child that got none */

/* A control request to one of the handles, whose numbers are known in the child only. */
struct request {
	bool evtchn;
	unsigned long number;
	bool permitted;			/* of a device; of a socket none is */
};

static const struct request requests[] = {
	{ false, IOCTL_GNTDEV_MAP_GRANT_REF, true },
	{ false, IOCTL_GNTDEV_UNMAP_GRANT_REF, true },
	{ false, IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR, true },
	{ false, IOCTL_GNTDEV_GRANT_COPY, true },
	{ false, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, false },
	{ false, IOCTL_GNTDEV_SET_MAX_GRANTS, false },
	{ false, IOCTL_EVTCHN_NOTIFY, false },
	{ true, IOCTL_EVTCHN_BIND_INTERDOMAIN, true },
	{ true, IOCTL_EVTCHN_UNBIND, true },
	{ true, IOCTL_EVTCHN_NOTIFY, true },
	{ true, IOCTL_EVTCHN_BIND_VIRQ, false },
	{ true, IOCTL_EVTCHN_BIND_UNBOUND_PORT, false },
	{ true, IOCTL_EVTCHN_RESET, false },
	{ true, IOCTL_GNTDEV_MAP_GRANT_REF, false },
};

#define NR_REQUESTS	(sizeof(requests) / sizeof(requests[0]))

static int ask_a_handle(const void *arg)
{
	const struct request *r = arg;

	ioctl(r->evtchn ? xenevtchn_fd(sb.lane[0].xce) : xengnttab_fd(sb.xgt), r->number, NULL);
	return 0;
}

static int send_a_message(const void *arg)
{
	(void)arg;
	send(sb.listener, "", 1, MSG_NOSIGNAL);
	return 0;
}

/* As on Xen, where the handles are devices: any device will do to be asked. */
static int filter_with_devices(const struct sandbox *s)
{
	int device = open("/dev/null", O_RDWR);

	if (device < 0 || dup2(device, xengnttab_fd(s->xgt)) < 0 ||
	    dup2(device, xenevtchn_fd(s->lane[0].xce)) < 0)
		return -1;
	return sandbox_filter(s);
}

static void test_devices_take_a_workers_requests_only(void **state)
{
	(void)state;

	for (size_t i = 0; i < NR_REQUESTS; i++) {
		int status = status_of(filter_with_devices, 1, ask_a_handle, &requests[i]);

		if (requests[i].permitted ? status != 0 : !is_sigsys(status))
			fail_msg("request %#lx: status %#x", requests[i].number,
				 (unsigned int)status);
	}
	assert_true(is_sigsys(status_of(filter_with_devices, 1, send_a_message, NULL)));
}

static void test_sockets_take_messages_and_no_requests(void **state)
{
	(void)state;

	for (size_t i = 0; i < NR_REQUESTS; i++)
		assert_true(is_sigsys(confined(ask_a_handle, &requests[i])));
	assert_int_equal(confined(send_a_message, NULL), 0);
}

/* A ring executes what it is asked for without a system call that a filter would see. */
static int result_of(const struct io_uring_sqe *wanted)
{
	struct io_uring *ring = (struct io_uring *)uring;	/* its first member */
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	struct io_uring_cqe *cqe;

	if (!sqe)
		return 0;
	*sqe = *wanted;
	if (io_uring_submit(ring) != 1 || io_uring_wait_cqe(ring, &cqe))
		return 0;
	return cqe->res;
}

static int ring_refuses(const void *arg)
{
	return !uring ? NO_RING : result_of(arg) == -EACCES ? 0 : 1;
}

static void test_the_ring_takes_reads_writes_and_syncs_only(void **state)
{
	static char buf[16];
	static const struct open_how how = { 0 };
	struct { const char *what; struct io_uring_sqe sqe; } asked[10] = { { 0 } };
	unsigned int nr = 0;
	int status;
	(void)state;

	asked[nr].what = "openat", io_uring_prep_openat(&asked[nr++].sqe, AT_FDCWD, "/", 0, 0);
	asked[nr].what = "openat2", io_uring_prep_openat2(&asked[nr++].sqe, AT_FDCWD, "/",
							  (struct open_how *)(uintptr_t)&how);
	asked[nr].what = "socket", io_uring_prep_socket(&asked[nr++].sqe, AF_UNIX, SOCK_STREAM, 0,
							0);
	asked[nr].what = "fallocate", io_uring_prep_fallocate(&asked[nr++].sqe, image, 3, 0, PAGE);
	asked[nr].what = "unlinkat", io_uring_prep_unlinkat(&asked[nr++].sqe, AT_FDCWD, "/", 0);
	asked[nr].what = "send", io_uring_prep_send(&asked[nr++].sqe, 3, buf, 1, 0);
	asked[nr].what = "nop", io_uring_prep_nop(&asked[nr++].sqe);
	asked[nr].what = "a fixed file", io_uring_prep_read(&asked[nr].sqe, 0, buf, 1, 0);
	asked[nr++].sqe.flags = IOSQE_FIXED_FILE;
	for (unsigned int i = 0; i < nr; i++) {
		status = confined(ring_refuses, &asked[i].sqe);
		if (WIFEXITED(status) && WEXITSTATUS(status) == NO_RING)
			skip();
		if (status)
			print_error("%s: status %#x\n", asked[i].what, (unsigned int)status);
		assert_int_equal(status, 0);
	}
}

static int ring_works(const void *arg)
{
	struct io_uring_sqe sqe;
	char byte = 0;
	(void)arg;

	if (!uring)
		return NO_RING;
	io_uring_prep_read(&sqe, image, &byte, 1, 0);
	if (result_of(&sqe) != 1)
		return 1;
	io_uring_cq_advance((struct io_uring *)uring, 1);
	if (byte != 0x5a)
		return 2;
	io_uring_prep_fsync(&sqe, image, IORING_FSYNC_DATASYNC);
	return result_of(&sqe) ? 3 : 0;
}

static void test_the_ring_reads_and_syncs(void **state)
{
	int status = confined(ring_works, NULL);
	(void)state;

	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_RING)
		skip();
	assert_int_equal(status, 0);
}

struct offer {
	uint32_t domid;
	evtchn_port_t port;
};

static int bind_offer(const void *arg)
{
	const struct offer *offer = arg;

	if (xenevtchn_bind_interdomain(sb.lane[0].xce, offer->domid, offer->port) > 0)
		return 0;
	return errno == EACCES ? 1 : 2;
}

static void test_only_its_guests_event_channels_can_be_bound(void **state)
{
	struct offer own = { .domid = new_domain() }, other = { .domid = new_domain() };
	xenevtchn_handle *guest = open_evtchn(own.domid), *neighbour = open_evtchn(other.domid);
	(void)state;

	own.port = (evtchn_port_t)xenevtchn_bind_unbound_port(guest, 0);
	other.port = (evtchn_port_t)xenevtchn_bind_unbound_port(neighbour, 0);
	assert_int_equal(WEXITSTATUS(status_of(sandbox_enter, own.domid, bind_offer, &own)), 0);
	assert_int_equal(WEXITSTATUS(status_of(sandbox_enter, own.domid, bind_offer, &other)), 1);
	xenevtchn_close(guest);
	xenevtchn_close(neighbour);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_devices_take_a_workers_requests_only),
		cmocka_unit_test(test_sockets_take_messages_and_no_requests),
		cmocka_unit_test(test_the_ring_takes_reads_writes_and_syncs_only),
		cmocka_unit_test(test_the_ring_reads_and_syncs),
		cmocka_unit_test(test_only_its_guests_event_channels_can_be_bound),
	};
	(void)argc;

	enter_simulator(argv);
	return cmocka_run_group_tests(tests, make_image, stop_hypervisor);
}
