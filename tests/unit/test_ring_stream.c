/* SPDX-License-Identifier: MIT */
/*
 * test_ring_stream.c - the arithmetic of byte streams, and what a hostile counter does to an end
 *
 * All of it at every start value where a 32-bit counter turns. The layout of a console's page is
 * compared with Xen's own header.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <xen/xen.h>
#include <xen/io/console.h>

#include "stream.h"

#define SAME(field) \
	_Static_assert(offsetof(struct stream_console, field) == \
		       offsetof(struct xencons_interface, field), #field)

SAME(in);
SAME(out);
SAME(in_cons);
SAME(in_prod);
SAME(out_cons);
SAME(out_prod);

#define SIZE	16u

struct pair {
	uint8_t before[8], data[SIZE], after[8];
	uint32_t cons, prod;
	struct stream_in in;
	struct stream_out out;
};

/* Where counters turn, and where a signed reading of them would. */
static const uint32_t starts[] = {
	0, 1, 7, 15, 16, 0x7ffffff8, 0x7fffffff, 0x80000000, 0xfffffff0, 0xfffffff9, 0xffffffff,
};

#define NR_STARTS (sizeof(starts) / sizeof(starts[0]))

static void pair_init(struct pair *p, uint32_t start)
{
	struct stream s = { p->data, &p->cons, &p->prod, SIZE };

	memset(p, 0, sizeof(*p));
	p->cons = p->prod = start;
	stream_in_init(&p->in, s, start);
	stream_out_init(&p->out, s, start);
}

/* The stream ends where it should: nothing beside it was written. */
static void check_edges(const struct pair *p)
{
	static const uint8_t zero[8];

	assert_memory_equal(p->before, zero, sizeof(zero));
	assert_memory_equal(p->after, zero, sizeof(zero));
}

static void test_put_any_start_and_length_arrives_in_order(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < NR_STARTS; i++) {
		struct pair p;
		uint8_t put = 0, taken = 0;

		pair_init(&p, starts[i]);
		for (uint32_t len = 1; len <= SIZE; len++) {
			uint8_t buf[SIZE];

			for (uint32_t k = 0; k < len; k++)
				buf[k] = put++;
			assert_int_equal(stream_put(&p.out, buf, len), len);
			stream_out_publish(&p.out);
			assert_int_equal(stream_in_pending(&p.in), len);
			memset(buf, 0xee, sizeof(buf));
			assert_int_equal(stream_take(&p.in, buf, SIZE), len);
			stream_in_publish(&p.in);
			for (uint32_t k = 0; k < len; k++)
				assert_int_equal(buf[k], taken++);
			assert_int_equal(p.cons, p.prod);
		}
		check_edges(&p);
	}
}

static void test_put_more_than_fits_puts_what_fits(void **state)
{
	static const uint8_t text[SIZE + 5] = "0123456789abcdefghij";
	uint8_t got[SIZE];

	(void)state;
	for (unsigned int i = 0; i < NR_STARTS; i++) {
		struct pair p;

		pair_init(&p, starts[i]);
		assert_int_equal(stream_put(&p.out, text, 3), 3);
		assert_int_equal(stream_put(&p.out, text + 3, SIZE), SIZE - 3);
		assert_int_equal(stream_put(&p.out, text, 1), 0);
		assert_int_equal(stream_out_room(&p.out), 0);
		stream_out_publish(&p.out);
		assert_int_equal(stream_take(&p.in, got, SIZE), SIZE);
		assert_memory_equal(got, text, SIZE);
		check_edges(&p);
	}
}

static void test_take_less_than_waits_leaves_the_rest(void **state)
{
	uint8_t got[SIZE];

	(void)state;
	for (unsigned int i = 0; i < NR_STARTS; i++) {
		struct pair p;

		pair_init(&p, starts[i]);
		assert_int_equal(stream_put(&p.out, "hello, world", 12), 12);
		stream_out_publish(&p.out);
		assert_int_equal(stream_take(&p.in, got, 0), 0);
		assert_int_equal(stream_take(&p.in, got, 5), 5);
		assert_memory_equal(got, "hello", 5);
		assert_int_equal(stream_in_pending(&p.in), 7);
		assert_int_equal(stream_take(&p.in, got, SIZE), 7);
		assert_memory_equal(got, ", world", 7);
		assert_int_equal(stream_take(&p.in, got, SIZE), 0);
	}
}

static void test_publish_not_called_peer_sees_nothing(void **state)
{
	uint8_t got[SIZE];
	struct pair p;

	(void)state;
	pair_init(&p, 0xfffffffe);
	assert_int_equal(stream_put(&p.out, "abcd", 4), 4);
	assert_int_equal(stream_in_pending(&p.in), 0);
	stream_out_publish(&p.out);
	assert_int_equal(stream_take(&p.in, got, SIZE), 4);
	assert_int_equal(stream_out_room(&p.out), SIZE - 4);
	stream_in_publish(&p.in);
	assert_int_equal(stream_out_room(&p.out), SIZE);
	assert_int_equal(p.cons, 2);
}

/* Taken, and not published: a successor takes the same bytes again. */
static void test_take_unpublished_can_be_taken_again(void **state)
{
	struct stream_in again;
	uint8_t got[SIZE];
	struct pair p;

	(void)state;
	pair_init(&p, 0xfffffffe);
	assert_int_equal(stream_put(&p.out, "abcd", 4), 4);
	stream_out_publish(&p.out);
	assert_int_equal(stream_take(&p.in, got, SIZE), 4);
	stream_in_init(&again, p.in.s, p.cons);
	memset(got, 0, sizeof(got));
	assert_int_equal(stream_take(&again, got, SIZE), 4);
	assert_memory_equal(got, "abcd", 4);
}

/* More than the stream is long, by a jump or by going back, as signed and as unsigned. */
static const uint32_t impossible[] = {
	SIZE + 1, SIZE * 2, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffff0, 0xffffffff,
};

static void test_pending_impossible_producer_is_broken(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < NR_STARTS; i++) {
		for (unsigned int k = 0; k < sizeof(impossible) / sizeof(impossible[0]); k++) {
			uint8_t got[SIZE];
			struct pair p;

			pair_init(&p, starts[i]);
			memset(got, 0xee, sizeof(got));
			p.prod = starts[i] + impossible[k];
			assert_int_equal(stream_in_pending(&p.in), STREAM_EBROKEN);
			assert_int_equal(stream_take(&p.in, got, SIZE), STREAM_EBROKEN);
			assert_int_equal(got[0], 0xee);
			assert_int_equal(p.in.cons, starts[i]);
		}
	}
}

static void test_room_impossible_consumer_is_broken(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < NR_STARTS; i++) {
		for (unsigned int k = 0; k < sizeof(impossible) / sizeof(impossible[0]); k++) {
			struct pair p;

			pair_init(&p, starts[i]);
			p.cons = starts[i] - impossible[k];
			assert_int_equal(stream_out_room(&p.out), STREAM_EBROKEN);
			assert_int_equal(stream_put(&p.out, "x", 1), STREAM_EBROKEN);
			assert_int_equal(p.data[starts[i] % SIZE], 0);
			assert_int_equal(p.out.prod, starts[i]);
		}
	}
}

/* The shared copy of one's own counter is the peer's to scribble on, and means nothing. */
static void test_own_counter_overwritten_by_peer_is_ignored(void **state)
{
	uint8_t got[SIZE];
	struct pair p;

	(void)state;
	pair_init(&p, 100);
	assert_int_equal(stream_put(&p.out, "abc", 3), 3);
	stream_out_publish(&p.out);
	p.cons = 0xdeadbeef;
	assert_int_equal(stream_take(&p.in, got, 2), 2);
	stream_in_publish(&p.in);
	assert_int_equal(p.cons, 102);
	p.prod = 0xdeadbeef;
	assert_int_equal(stream_put(&p.out, "d", 1), 1);
	stream_out_publish(&p.out);
	assert_int_equal(p.prod, 104);
}

static void test_console_page_streams_are_where_xen_has_them(void **state)
{
	static union {
		struct stream_console ours;
		struct xencons_interface xen;
		uint8_t bytes[4096];
	} page;
	struct stream_out typed, printed;

	(void)state;
	stream_out_init(&typed, stream_console_in(&page.ours), 1023);
	stream_out_init(&printed, stream_console_out(&page.ours), 2047);
	page.xen.in_cons = 1023;
	page.xen.out_cons = 2047;
	assert_int_equal(stream_put(&typed, "io", 2), 2);
	assert_int_equal(stream_put(&printed, "OUT", 3), 3);
	stream_out_publish(&typed);
	stream_out_publish(&printed);
	assert_int_equal(page.xen.in[1023], 'i');
	assert_int_equal(page.xen.in[0], 'o');
	assert_int_equal(page.xen.out[2047], 'O');
	assert_int_equal(page.xen.out[1], 'T');
	assert_int_equal(page.xen.in_prod, 1025);
	assert_int_equal(page.xen.out_prod, 2050);
}

#define TWO_THREADS_BYTES	(4u << 20)

/* Not the same at any distance that is a power of two. */
static uint8_t byte_at(uint32_t i)
{
	return (uint8_t)(i * 2654435761u >> 24);
}

static void *put_all(void *arg)
{
	struct pair *p = arg;
	uint8_t buf[11];
	uint32_t at = 0;

	while (at < TWO_THREADS_BYTES) {
		uint32_t len = 1 + at % sizeof(buf);
		int n;

		if (len > TWO_THREADS_BYTES - at)
			len = TWO_THREADS_BYTES - at;
		for (uint32_t i = 0; i < len; i++)
			buf[i] = byte_at(at + i);
		n = stream_put(&p->out, buf, len);
		if (n < 0)
			return p;
		if (n == 0)
			sched_yield();
		at += (uint32_t)n;
		stream_out_publish(&p->out);
	}
	return NULL;
}

static void test_two_threads_every_byte_arrives(void **state)
{
	static struct pair p;
	uint32_t at = 0;
	pthread_t thread;
	void *failed;

	(void)state;
	pair_init(&p, 0xfffff000);
	assert_int_equal(pthread_create(&thread, NULL, put_all, &p), 0);
	while (at < TWO_THREADS_BYTES) {
		uint8_t buf[7];
		int n = stream_take(&p.in, buf, sizeof(buf));

		assert_true(n >= 0);
		for (int i = 0; i < n; i++)
			assert_int_equal(buf[i], byte_at(at + (uint32_t)i));
		if (n == 0)
			sched_yield();
		at += (uint32_t)n;
		stream_in_publish(&p.in);
	}
	assert_int_equal(pthread_join(thread, &failed), 0);
	assert_null(failed);
	check_edges(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_any_start_and_length_arrives_in_order),
		cmocka_unit_test(test_put_more_than_fits_puts_what_fits),
		cmocka_unit_test(test_take_less_than_waits_leaves_the_rest),
		cmocka_unit_test(test_publish_not_called_peer_sees_nothing),
		cmocka_unit_test(test_take_unpublished_can_be_taken_again),
		cmocka_unit_test(test_pending_impossible_producer_is_broken),
		cmocka_unit_test(test_room_impossible_consumer_is_broken),
		cmocka_unit_test(test_own_counter_overwritten_by_peer_is_ignored),
		cmocka_unit_test(test_console_page_streams_are_where_xen_has_them),
		cmocka_unit_test(test_two_threads_every_byte_arrives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
