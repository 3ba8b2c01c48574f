/* SPDX-License-Identifier: MIT */
/*
 * test_schema_model.c - our backend and our frontend against each other, whatever happens
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_schema_model.h"

static void check_rest(const struct world *w, uint32_t at)
{
	if (w->online && w->wanted) {
		check(w->be.state == XB_CONNECTED && w->fe.state == XB_CONNECTED, at,
		      "at rest, wanted by both, and not connected");
		check(w->mapped && w->granted, at, "connected without a ring");
		return;
	}
	check(!w->mapped, at, "at rest, and the backend still has pages mapped");
	check(!w->granted, at, "at rest, and the frontend still has pages granted");
	check(w->be.state == XB_CLOSED, at, "at rest, and the backend is not closed");
	if (!w->online)
		check(w->be.done, at, "detached, and the backend still holds the device");
	if (!w->wanted)
		check(w->fe.state == XB_CLOSED && w->fe.done, at,
		      "given up, and the frontend still holds the device");
}

static const struct rules ours = { xb_backend_step, xb_frontend_step, check_rest };

static void test_model_fresh_pair_connects(void **state)
{
	(void)state;
	explore(&ours, fresh);
}

static void test_model_detach_at_any_moment_closes(void **state)
{
	struct world w = fresh;

	(void)state;
	w.may_detach = 1;
	explore(&ours, w);
}

static void test_model_guest_gives_up_at_any_moment_closes(void **state)
{
	struct world w = fresh;

	(void)state;
	w.may_give_up = 1;
	explore(&ours, w);
}

static void test_model_detach_and_give_up_close(void **state)
{
	struct world w = fresh;

	(void)state;
	w.may_detach = w.may_give_up = 1;
	explore(&ours, w);
}

static void test_model_replaced_kernel_connects_again(void **state)
{
	struct world w = fresh;

	(void)state;
	w.may_replace = 1;
	explore(&ours, w);
}

static void test_model_restarted_backend_connects_again(void **state)
{
	struct world w = fresh;

	(void)state;
	w.may_restart = 1;
	explore(&ours, w);
}

static void test_model_everything_at_once(void **state)
{
	struct world w = fresh;

	(void)state;
	w.may_detach = w.may_give_up = w.may_replace = w.may_restart = 1;
	explore(&ours, w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model_fresh_pair_connects),
		cmocka_unit_test(test_model_detach_at_any_moment_closes),
		cmocka_unit_test(test_model_guest_gives_up_at_any_moment_closes),
		cmocka_unit_test(test_model_detach_and_give_up_close),
		cmocka_unit_test(test_model_replaced_kernel_connects_again),
		cmocka_unit_test(test_model_restarted_backend_connects_again),
		cmocka_unit_test(test_model_everything_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
