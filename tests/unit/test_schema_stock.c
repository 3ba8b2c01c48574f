/* SPDX-License-Identifier: MIT */
/*
 * test_schema_stock.c - our state tables against the drivers of a stock Linux
 *
 * What Linux's blkfront and blkback do on each pair of states (their backend_changed handlers, 4.x
 * to 6.x) is written down here in our terms, and played against our other end as in
 * test_schema_model.h. What stock drivers do among themselves is not ours.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_schema_model.h"

static struct xb_step stay(unsigned int mine)
{
	return (struct xb_step){ mine, XB_STAY };
}

static struct xb_step linux_blkfront(unsigned int mine, unsigned int peer, bool wanted)
{
	(void)wanted;
	if (peer == XB_INIT_WAIT && mine == XB_INITIALISING)
		return (struct xb_step){ XB_INITIALISED, XB_PUBLISH };
	if (peer == XB_CONNECTED && mine == XB_INITIALISED)
		return (struct xb_step){ XB_CONNECTED, XB_CONNECT };
	if ((peer == XB_CLOSING || peer == XB_CLOSED) && mine != XB_CLOSED)
		return (struct xb_step){ XB_CLOSED, XB_DISCONNECT };
	return stay(mine);
}

/* A kernel that is started in place of another first brings old connections down. */
static struct xb_step linux_reset(unsigned int mine, unsigned int peer, bool wanted)
{
	(void)wanted;
	if (mine == XB_CONNECTED || mine == XB_INITIALISED)
		return stay(XB_CLOSING);
	if (mine == XB_CLOSING && (peer == XB_CLOSING || peer == XB_CLOSED))
		return stay(XB_CLOSED);
	if (mine == XB_CLOSED && peer == XB_CLOSED)
		return stay(XB_INITIALISING);
	return stay(mine);
}

static struct xb_step linux_blkback(unsigned int mine, unsigned int peer, bool online)
{
	if (mine == XB_INITIALISING)
		return (struct xb_step){ XB_INIT_WAIT, XB_PUBLISH };
	switch (peer) {
	case XB_INITIALISING:
		return mine == XB_CLOSED ? (struct xb_step){ XB_INIT_WAIT, XB_RESET } : stay(mine);
	case XB_INITIALISED:
	case XB_CONNECTED:
		return mine == XB_CONNECTED ? stay(mine)
					    : (struct xb_step){ XB_CONNECTED, XB_CONNECT };
	case XB_CLOSING:
		return stay(XB_CLOSING);
	case XB_CLOSED:
		if (!online)
			return (struct xb_step){ XB_CLOSED, XB_REMOVE };
		return mine == XB_CLOSED ? stay(mine)
					 : (struct xb_step){ XB_CLOSED, XB_DISCONNECT };
	default:
		return (struct xb_step){ XB_CLOSING, XB_VIOLATION };
	}
}

static void check_connected(const struct world *w, uint32_t at)
{
	if (!w->online || !w->wanted)
		return;
	check(w->be.state == XB_CONNECTED && w->fe.state == XB_CONNECTED && w->mapped, at,
	      "at rest, wanted by both, and not connected");
}

/* Stock frontends free their pages when the device goes, which is after this. */
static void check_blkfront(const struct world *w, uint32_t at)
{
	check_connected(w, at);
	if (w->online)
		return;
	check(w->be.state == XB_CLOSED && w->be.done && !w->mapped, at,
	      "detached, and the backend is not done");
	check(w->fe.state == XB_CLOSED, at, "detached, and the frontend is not closed");
}

static void check_blkback(const struct world *w, uint32_t at)
{
	check_connected(w, at);
	if (w->wanted)
		return;
	check(w->be.state == XB_CLOSED && !w->mapped, at, "given up before the backend closed");
	check(w->fe.done && !w->granted, at, "given up, and the frontend is not done");
}

static void check_reset(const struct world *w, uint32_t at)
{
	check(w->be.state == XB_INIT_WAIT && w->fe.state == XB_INITIALISING, at,
	      "the new kernel does not find the backend ready");
	check(!w->mapped, at, "the old kernel's pages are still mapped");
}

static const struct rules blkfront = { xb_backend_step, linux_blkfront, check_blkfront };
static const struct rules resetting = { xb_backend_step, linux_reset, check_reset };
static const struct rules blkback = { linux_blkback, xb_frontend_step, check_blkback };

static void test_stock_blkfront_connects(void **state)
{
	(void)state;
	explore(&blkfront, fresh);
}

static void test_stock_blkfront_detach_at_any_moment_closes(void **state)
{
	struct world w = fresh;

	(void)state;
	w.may_detach = 1;
	explore(&blkfront, w);
}

static void test_stock_crash_kernel_resets_the_connection(void **state)
{
	struct world w = fresh;

	(void)state;
	w.be.state = XB_CONNECTED;
	w.granted = w.mapped = 1;
	w.fe.state = XB_CONNECTED;
	explore(&resetting, w);
	w.fe.state = XB_INITIALISED;
	explore(&resetting, w);
	w.be.state = XB_INIT_WAIT;
	w.mapped = 0;
	explore(&resetting, w);
}

static void test_stock_blkback_connects(void **state)
{
	(void)state;
	explore(&blkback, fresh);
}

static void test_stock_blkback_guest_gives_up_at_any_moment(void **state)
{
	struct world w = fresh;

	(void)state;
	w.may_give_up = 1;
	explore(&blkback, w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stock_blkfront_connects),
		cmocka_unit_test(test_stock_blkfront_detach_at_any_moment_closes),
		cmocka_unit_test(test_stock_crash_kernel_resets_the_connection),
		cmocka_unit_test(test_stock_blkback_connects),
		cmocka_unit_test(test_stock_blkback_guest_gives_up_at_any_moment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
