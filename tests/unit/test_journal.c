/* SPDX-License-Identifier: MIT */
/*
 * test_journal.c - what a successor makes of a journal, and of a guest that lies about the ring
 *
 * test_vdisk_crash.c kills a worker at every store; here the journal is brought into each of its
 * states by hand, and recovered against every rsp_prod that a guest could have scribbled.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <fcntl.h>

#include "worker/replay.h"

#define DOMID	3
#define DEVID	51712
#define SLOTS	32u

static struct journal j;
static int file;

static int new_file(struct journal_head head, size_t size)
{
	int fd = memfd_create("journal", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	if (size >= sizeof(head))
		assert_int_equal(pwrite(fd, &head, sizeof(head), 0), sizeof(head));
	return fd;
}

static const struct journal_head fresh = {
	.magic = JOURNAL_MAGIC, .version = JOURNAL_VERSION, .domid = DOMID, .devid = DEVID,
	.nr_slots = SLOTS,
};

static int set_up(void **state)
{
	(void)state;
	file = new_file(fresh, journal_bytes(SLOTS));
	return journal_open(&j, file, 0, DOMID, DEVID);
}

static int tear_down(void **state)
{
	(void)state;
	journal_close(&j);
	journal_close(&j);
	close(file);
	return 0;
}

/* --- opening --- */

static void test_journal_open_refuses_what_is_not_this_devices(void **state)
{
	struct {
		struct journal_head head;
		size_t size;
	} bad[] = {
		{ fresh, 0 }, { fresh, 1 }, { fresh, JOURNAL_HEAD }, { fresh, JOURNAL_SLOTS },
		{ fresh, journal_bytes(SLOTS) - 4096 },
		{ fresh, journal_bytes(SLOTS) }, { fresh, journal_bytes(SLOTS) },
		{ fresh, journal_bytes(SLOTS) }, { fresh, journal_bytes(SLOTS) },
		{ fresh, journal_bytes(SLOTS) }, { fresh, journal_bytes(SLOTS) },
	};

	(void)state;
	bad[5].head.magic++;
	bad[6].head.version++;
	bad[7].head.domid++;
	bad[8].head.devid++;
	bad[9].head.nr_slots = UINT32_MAX;
	bad[10].head.nr_slots = 512;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct journal other;
		int fd = new_file(bad[i].head, bad[i].size);

		assert_int_equal(journal_open(&other, fd, 0, DOMID, DEVID), -EINVAL);
		assert_null(other.head);
		journal_close(&other);
		close(fd);
	}
}

/* Each queue has a section, of which nothing is another's. */
static void test_journal_open_finds_the_queues_section(void **state)
{
	const size_t second = journal_section(1);
	int fd = new_file(fresh, second + journal_bytes(SLOTS));
	struct journal first, other;

	(void)state;
	assert_int_equal(journal_open(&other, fd, 1, DOMID, DEVID), -EINVAL);	/* all zeros */
	assert_int_equal(journal_open(&other, fd, 2, DOMID, DEVID), -EINVAL);	/* not there */
	assert_int_equal(pwrite(fd, &fresh, sizeof(fresh), (off_t)second), sizeof(fresh));
	assert_int_equal(journal_open(&first, fd, 0, DOMID, DEVID), 0);
	assert_int_equal(journal_open(&other, fd, 1, DOMID, DEVID), 0);
	assert_true(first.bytes <= second);
	memset(first.slots, 0xff, first.bytes - JOURNAL_HEAD);
	for (unsigned int i = 0; i < SLOTS; i++)
		assert_int_equal(other.slots[i].state, JOURNAL_FREE);
	assert_int_equal(other.head->nr_slots, SLOTS);
	journal_close(&first);
	journal_close(&other);
	close(fd);
}

/* A process that has the journal locked, until it is killed or ms have passed. */
static pid_t holder(int fd, int ms)
{
	int ready[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

		fcntl(fd, F_SETLK, &lock);
		if (write(ready[1], "x", 1) == 1)
			usleep((useconds_t)ms * 1000);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void test_journal_lock_waits_for_a_dying_predecessor(void **state)
{
	int fd = new_file(fresh, journal_bytes(SLOTS));
	pid_t pid = holder(fd, 100);
	struct timespec a, b;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &a);
	assert_int_equal(journal_lock(fd), 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	assert_true((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 >= 80);
	close(fd);
	waitpid(pid, NULL, 0);
}

static void test_journal_lock_takes_over_from_a_killed_process(void **state)
{
	int fd = new_file(fresh, journal_bytes(SLOTS));
	pid_t pid = holder(fd, 60000);

	(void)state;
	kill(pid, SIGKILL);
	assert_int_equal(journal_lock(fd), 0);
	close(fd);
	waitpid(pid, NULL, 0);
}

static void test_journal_lock_held_by_a_live_process_is_busy(void **state)
{
	int fd = new_file(fresh, journal_bytes(SLOTS));
	pid_t pid = holder(fd, 60000);

	(void)state;
	assert_int_equal(journal_lock(fd), -EBUSY);
	close(fd);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* --- whose connection it is --- */

static const struct journal_ring ring = { 8, 5, BLK_ABI_32, 1 };

static void test_journal_matches_only_the_very_connection(void **state)
{
	static const struct journal_ring never, others[] = {
		{ 9, 5, BLK_ABI_32, 1 }, { 8, 6, BLK_ABI_32, 1 }, { 8, 5, BLK_ABI_64, 1 },
		{ 8, 5, BLK_ABI_32, 2 },
	};

	(void)state;
	assert_false(journal_matches(&j, &never, SLOTS));	/* zeros, but never connected */
	journal_begin(&j, &ring, SLOTS);
	assert_true(journal_matches(&j, &ring, SLOTS));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(journal_matches(&j, &others[i], SLOTS));
	assert_false(journal_matches(&j, &ring, SLOTS + 1));
	journal_end(&j);
	assert_false(journal_matches(&j, &ring, SLOTS));
}

static void test_journal_begin_forgets_the_connection_before(void **state)
{
	struct journal_replay replay;
	struct blk_req req = { .id = 1 };

	(void)state;
	journal_begin(&j, &ring, SLOTS);
	for (unsigned int i = 0; i < SLOTS; i++)
		journal_take(&j, i, i, &req);
	journal_answer(&j, 3, 0, BLK_OKAY);
	journal_begin(&j, &ring, SLOTS);
	assert_int_equal(journal_recover(&j, 0, SLOTS, &replay), 0);
	assert_int_equal(replay.nr, 0);
	assert_int_equal(replay.req_cons, 0);
	assert_int_equal(replay.rsp_prod, 0);
}

/* --- recovery --- */

/* A connection on which `start` requests were served, then `taken` more were taken, of which
 * `answered` have answers in the making. */
static void history(uint32_t start, unsigned int taken, unsigned int answered)
{
	journal_begin(&j, &ring, SLOTS);
	j.head->req_cons = j.head->rsp_prod = start;
	for (unsigned int i = 0; i < taken; i++) {
		struct blk_req req = { .id = 100 + i, .op = BLK_WRITE, .sector = i };

		/* slots in an order that is not that of the ring */
		journal_take(&j, (i * 7) % SLOTS, start + i, &req);
	}
	for (unsigned int i = 0; i < answered; i++)	/* the youngest is answered first */
		journal_answer(&j, ((taken - 1 - i) * 7) % SLOTS, start + i, -(int)i);
}

static const uint32_t starts[] = { 0, 1, 0x7ffffffe, 0xfffffff0, 0xffffffff };

#define EACH_START(s) for (size_t s = 0; s < sizeof(starts) / sizeof(starts[0]); s++)

static void test_journal_recover_lists_what_was_taken_in_its_order(void **state)
{
	struct journal_replay replay;

	(void)state;
	EACH_START(s) {
		for (unsigned int taken = 0; taken <= SLOTS; taken++) {
			history(starts[s], taken, 0);
			assert_int_equal(journal_recover(&j, starts[s], SLOTS, &replay), 0);
			assert_int_equal(replay.req_cons, starts[s] + taken);
			assert_int_equal(replay.rsp_prod, starts[s]);
			assert_int_equal(replay.nr, taken);
			for (unsigned int i = 0; i < taken; i++)
				assert_int_equal(j.slots[replay.slot[i]].req.id, 100 + i);
		}
	}
}

/* Each number of answers of which each number was published: those are done, and no others. */
static void test_journal_recover_published_answers_are_done(void **state)
{
	struct journal_replay replay;
	const unsigned int taken = 20;

	(void)state;
	EACH_START(s) {
		for (unsigned int n = 0; n <= taken; n++) {
			for (unsigned int seen = 0; seen <= n; seen++) {
				history(starts[s], taken, n);
				assert_int_equal(journal_recover(&j, starts[s] + seen, SLOTS,
								 &replay), 0);
				assert_int_equal(replay.nr, taken - seen);
				assert_int_equal(replay.rsp_prod, starts[s] + seen);
				for (unsigned int i = 0; i < replay.nr; i++) {
					struct journal_slot *slot = &j.slots[replay.slot[i]];
					bool was_answered = i >= taken - n;

					assert_int_equal(slot->req.id, 100 + i);
					assert_int_equal(slot->state, was_answered ?
							 JOURNAL_ANSWERED : JOURNAL_TAKEN);
					if (was_answered)
						assert_int_equal(slot->status,
								 -(int)(taken - 1 - i));
				}
				/* and again, as the successor of the successor */
				assert_int_equal(journal_recover(&j, starts[s] + seen, SLOTS,
								 &replay), 0);
				assert_int_equal(replay.nr, taken - seen);
			}
		}
	}
}

/* Killed between marking the slot and advancing req_cons: the request is still on the ring. */
static void test_journal_recover_half_taken_request_does_not_count(void **state)
{
	struct journal_replay replay;

	(void)state;
	EACH_START(s) {
		history(starts[s], 5, 2);
		j.head->req_cons--;
		assert_int_equal(journal_recover(&j, starts[s], SLOTS, &replay), -EPROTO);
		history(starts[s], 5, 0);
		j.head->req_cons--;
		assert_int_equal(journal_recover(&j, starts[s], SLOTS, &replay), 0);
		assert_int_equal(replay.nr, 4);
		assert_int_equal(replay.req_cons, starts[s] + 4);
		assert_int_equal(j.slots[4 * 7].state, JOURNAL_FREE);
	}
}

/* Killed when all was published and some slots were freed. */
static void test_journal_recover_some_slots_freed_already(void **state)
{
	struct journal_replay replay;

	(void)state;
	EACH_START(s) {
		for (unsigned int freed = 0; freed <= 6; freed++) {
			history(starts[s], 10, 6);
			journal_published(&j, starts[s] + 6);
			for (unsigned int i = 0; i < freed; i++)
				journal_free(&j, ((9 - i) * 7) % SLOTS);
			assert_int_equal(journal_recover(&j, starts[s] + 6, SLOTS, &replay), 0);
			assert_int_equal(replay.nr, 4);
		}
	}
}

/* The guest can write rsp_prod, and does. Whatever it wrote, the outcome is a refusal, or a state
 * in which as many answers are owed as the counters say. */
static void test_xsa86_journal_recover_hostile_rsp_prod_is_refused_or_harmless(void **state)
{
	struct journal_replay replay;
	unsigned int refused = 0, accepted = 0;

	(void)state;
	EACH_START(s) {
		for (unsigned int taken = 0; taken <= SLOTS; taken += 4) {
			for (unsigned int n = 0; n <= taken; n += 3) {
				for (int32_t lie = -100; lie <= 100; lie++) {
					uint32_t claim = starts[s] + (uint32_t)lie;
					int rc;

					history(starts[s], taken, n);
					rc = journal_recover(&j, claim, SLOTS, &replay);
					refused += rc != 0;
					accepted += rc == 0;
					if (lie < 0 || lie > (int32_t)n)
						assert_int_equal(rc, -EPROTO);
					else
						assert_int_equal(rc, 0);
					if (rc == 0)
						assert_int_equal(replay.nr,
								 replay.req_cons - replay.rsp_prod);
				}
				history(starts[s], taken, n);
				assert_int_equal(journal_recover(&j, starts[s] + (1u << 31), SLOTS,
								 &replay), -EPROTO);
			}
		}
	}
	assert_true(refused > accepted && accepted > 100);
}

static void test_journal_recover_never_lists_more_than_fits(void **state)
{
	struct journal_replay replay;

	(void)state;
	history(0, SLOTS, 0);
	j.head->req_cons = 4 * SLOTS;		/* more than can be under way */
	assert_int_equal(journal_recover(&j, 0, SLOTS, &replay), -EPROTO);
	assert_true(sizeof(replay.slot) / sizeof(replay.slot[0]) >= 512);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_journal_open_refuses_what_is_not_this_devices),
		TEST(test_journal_open_finds_the_queues_section),
		TEST(test_journal_lock_waits_for_a_dying_predecessor),
		TEST(test_journal_lock_takes_over_from_a_killed_process),
		TEST(test_journal_lock_held_by_a_live_process_is_busy),
		TEST(test_journal_matches_only_the_very_connection),
		TEST(test_journal_begin_forgets_the_connection_before),
		TEST(test_journal_recover_lists_what_was_taken_in_its_order),
		TEST(test_journal_recover_published_answers_are_done),
		TEST(test_journal_recover_half_taken_request_does_not_count),
		TEST(test_journal_recover_some_slots_freed_already),
		TEST(test_xsa86_journal_recover_hostile_rsp_prod_is_refused_or_harmless),
		TEST(test_journal_recover_never_lists_more_than_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
