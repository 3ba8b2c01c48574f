/* SPDX-License-Identifier: MIT */
/*
 * test_vdisk_crash.c - a worker dies at every single store, and its successor takes over
 *
 * The worker is a child process that is single-stepped by ptrace. Whenever an instruction (or a
 * system call) has changed the ring, the journal or the image, the child could have been killed
 * just there; so a successor is run on what it left, and what the guest sees is checked: each
 * request is answered exactly once, with the right status, and the disk and the data that was read
 * are what an undisturbed worker would have made of them. Then everything is put back, and the
 * child goes on to its next store.
 *
 * The second generation does the same to successors: one that dies while it recovers must leave
 * its own successor no worse off.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "test_vdisk_rig.h"

#define WRAP	0xfffffff8u		/* eight requests before the counters turn */

static struct rig rig;

/* --- what the guest asks for --- */

#define BEYOND RIG_SECTORS

/* A write's page is full of its own number + 1. Writes to the same place are always a barrier
 * apart, so there is one right outcome. */
static const struct wish {
	uint8_t op;
	uint64_t sector;
	unsigned int nr_segs;
	int status;
} wishes[] = {
	{ BLK_WRITE, 0, 1, BLK_OKAY },
	{ 77, 0, 1, BLK_EOPNOTSUPP },
	{ BLK_READ, 56, 1, BLK_OKAY },
	{ BLK_BARRIER, 0, 1, BLK_OKAY },
	{ BLK_WRITE, 0, 1, BLK_OKAY },
	{ BLK_BARRIER, 8, 1, BLK_OKAY },
	{ BLK_BARRIER, 0, 1, BLK_OKAY },
	{ BLK_WRITE, 16, 2, BLK_OKAY },
	{ BLK_READ, BEYOND, 1, BLK_ERROR },
	{ BLK_FLUSH, 0, 0, BLK_OKAY },
	{ BLK_WRITE, 40, 0, BLK_ERROR },
	{ BLK_BARRIER, 0, 0, BLK_OKAY },
	{ BLK_BARRIER, 24, 1, BLK_OKAY },
	{ BLK_WRITE, 0, 1, BLK_OKAY },
	{ BLK_READ, 56, 1, BLK_OKAY },
};

#define NR_WISHES ((unsigned int)(sizeof(wishes) / sizeof(wishes[0])))

/* Which of them read, with success. */
static const unsigned int reads[] = { 2, 14 };

#define NR_READS ((unsigned int)(sizeof(reads) / sizeof(reads[0])))

/* All that outlives a worker. */
struct left {
	uint8_t ring[BLK_PAGE];
	uint8_t journal[JOURNAL_SLOTS + BLK_PAGE * 2];
	uint8_t image[RIG_IMAGE];
	uint8_t data[NR_READS][BLK_PAGE];
};

struct spare {
	int fd;
	struct journal_head *head;
};

static struct left last;
static struct spare spare;		/* the child has the journal locked; successors use this */
static struct left *kept;		/* what was left at each crash */
static unsigned int nr_kept, max_kept;
static pid_t child;

static size_t journal_size(void)
{
	size_t size = journal_bytes(RIG_SLOTS);

	assert_true(size <= sizeof(last.journal));
	return size;
}

static bool changed(const struct left *left)
{
	return memcmp(left->ring, fake_page(RIG_RING), sizeof(left->ring)) ||
	       memcmp(left->journal, rig.journal, journal_size()) ||
	       memcmp(left->image, rig.image, sizeof(left->image));
}

static void save(struct left *left)
{
	memcpy(left->ring, fake_page(RIG_RING), sizeof(left->ring));
	memcpy(left->journal, rig.journal, journal_size());
	memcpy(left->image, rig.image, sizeof(left->image));
	for (unsigned int i = 0; i < NR_READS; i++)
		memcpy(left->data[i], rig_data(reads[i] * 2), BLK_PAGE);
}

static void restore(const struct left *left)
{
	memcpy(fake_page(RIG_RING), left->ring, sizeof(left->ring));
	memcpy(rig.journal, left->journal, journal_size());
	memcpy(rig.image, left->image, sizeof(left->image));
	for (unsigned int i = 0; i < NR_READS; i++)
		memcpy(rig_data(reads[i] * 2), left->data[i], BLK_PAGE);
}

static struct blk_req wish_request(unsigned int i)
{
	return rig_req(wishes[i].op, 1000 + i, wishes[i].sector, i * 2, wishes[i].nr_segs);
}

static void paint_pages(void)
{
	for (unsigned int i = 0; i < NR_WISHES; i++)
		memset(rig_data(i * 2), wishes[i].op == BLK_READ ? 0xee : (int)i + 1, 2 * BLK_PAGE);
}

/* The image after all wishes, in their order. */
static void model(uint8_t image[RIG_IMAGE])
{
	memset(image, 0, RIG_IMAGE);
	memset(image + 56 * 512, 0x56, 8 * 512);
	for (unsigned int i = 0; i < NR_WISHES; i++) {
		if (wishes[i].status == BLK_OKAY && wishes[i].op != BLK_READ)
			memset(image + wishes[i].sector * 512, (int)i + 1,
			       wishes[i].nr_segs * BLK_PAGE);
	}
}

static void ask(uint32_t start)
{
	struct ring_shared *shared = rig.front.ring.shared;

	paint_pages();
	memset(rig.image + 56 * 512, 0x56, 8 * 512);
	*shared = (struct ring_shared){ start, start + 1, start, start + 1, { 0 } };
	rig.front.ring.req_prod = rig.front.ring.req_published = rig.front.ring.rsp_cons = start;
	if (start) {
		rig.journal->connected = 1;
		rig.journal->ring.gref0 = RIG_RING;
		rig.journal->ring.port = RIG_PORT;
		rig.journal->ring.abi = rig.conn.abi;
		rig.journal->ring.nr_queues = 1;
		rig.journal->req_cons = rig.journal->rsp_prod = start;
	}
	for (unsigned int i = 0; i < NR_WISHES; i++) {
		struct blk_req req = wish_request(i);

		rig_push(&rig, &req);
	}
}

/* --- the guest's view of one crash --- */

static void take_answers(struct blk_front *front, unsigned int count[NR_WISHES])
{
	struct blk_rsp rsp;
	int rc;

	while ((rc = blk_front_pop(front, &rsp)) > 0) {
		unsigned int i = (unsigned int)(rsp.id - 1000);

		assert_true(rsp.id >= 1000 && i < NR_WISHES);
		if (count[i]++)
			fail_msg("request %u was answered twice", i);
		assert_int_equal(rsp.op, wishes[i].op);
		assert_int_equal(rsp.status, wishes[i].status);
	}
	assert_int_equal(rc, 0);
}

/* After a crash the guest goes on: a full ring of reads, each answered once. */
static void use_further(struct blk_front *front)
{
	struct blk_rsp rsp;

	for (unsigned int i = 0; i < RIG_SLOTS; i++) {
		struct blk_req req = rig_req(BLK_READ, 5000 + i, 0, 100, 1);

		blk_front_push(front, &req);
	}
	ring_front_publish(&front->ring);
	rig_run(&rig);
	for (unsigned int i = 0; i < RIG_SLOTS; i++) {
		assert_int_equal(blk_front_pop(front, &rsp), 1);
		assert_int_equal(rsp.id, 5000 + i);
		assert_int_equal(rsp.status, BLK_OKAY);
	}
	assert_int_equal(blk_front_pop(front, &rsp), 0);
	assert_true(queue_idle(rig_queue(&rig)));
}

static void successor_takes_over(void)
{
	static uint8_t want[RIG_IMAGE];
	struct blk_front front = rig.front;
	unsigned int count[NR_WISHES] = { 0 };
	int journal_fd = rig.journal_fd;

	take_answers(&front, count);
	memcpy(spare.head, last.journal, journal_size());
	rig.journal_fd = spare.fd;
	rig_open(&rig);
	rig_run(&rig);
	take_answers(&front, count);
	for (unsigned int i = 0; i < NR_WISHES; i++) {
		if (!count[i])
			fail_msg("request %u was never answered", i);
	}
	for (unsigned int i = 0; i < NR_READS; i++)
		assert_memory_equal(rig_data(reads[i] * 2), rig.image + 56 * 512, BLK_PAGE);
	model(want);
	assert_memory_equal(rig.image, want, sizeof(want));
	use_further(&front);
	rig_close(&rig, true);
	rig.journal_fd = journal_fd;
}

static void keep(const struct left *left)
{
	if (nr_kept == max_kept) {
		max_kept = max_kept ? 2 * max_kept : 256;
		kept = realloc(kept, max_kept * sizeof(*kept));
		assert_non_null(kept);
	}
	kept[nr_kept++] = *left;
}

/* --- the worker that dies --- */

static _Noreturn void worker(void)
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	if (rig_try_open(&rig))
		_exit(2);
	rig_run(&rig);
	_exit(ring_front_pending(&rig.front.ring) == (int)NR_WISHES ? 0 : 3);
}

/* One CPU for both: a step then costs a switch, and not the wake-up of an idle processor. */
static void stay_on_one_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void step_to_its_end(bool keep_all)
{
	unsigned int crashes = 0;
	int status;

	child = fork();
	if (child == 0)
		worker();
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_EXITKILL), 0);
	save(&last);
	for (;;) {
		assert_int_equal(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL), 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		if (!WIFSTOPPED(status))
			break;
		if (!changed(&last))
			continue;
		save(&last);
		if (keep_all)
			keep(&last);
		successor_takes_over();
		restore(&last);
		crashes++;
	}
	child = 0;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(crashes > 100 || !keep_all);
}

static void set_up_rig(enum blk_abi abi, uint32_t flags, uint32_t start)
{
	stay_on_one_cpu();
	rig_init(&rig, abi, flags);
	spare.fd = rig_journal(&spare.head);
	ask(start);
}

static int tear_down(void **state)
{
	(void)state;
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	child = 0;
	munmap(spare.head, journal_size());
	close(spare.fd);
	rig_fini(&rig);
	free(kept);
	kept = NULL;
	nr_kept = max_kept = 0;
	return 0;
}

static void test_crash_at_every_store_each_request_is_answered_once(void **state)
{
	(void)state;
	set_up_rig(BLK_ABI_64, 0, 0);
	step_to_its_end(true);
}

static void test_crash_across_the_wrap_each_request_is_answered_once(void **state)
{
	(void)state;
	set_up_rig(BLK_ABI_32, WIRE_PERSISTENT, WRAP);
	step_to_its_end(true);
}

static void test_crash_in_recovery_each_request_is_answered_once(void **state)
{
	(void)state;
	set_up_rig(BLK_ABI_64, 0, WRAP);
	step_to_its_end(true);
	for (unsigned int i = 0; i < nr_kept; i += nr_kept / 8) {
		restore(&kept[i]);
		step_to_its_end(false);
	}
}

/* A store in the middle of recovery, chosen: answers published, their slots not free yet. */
static void test_crash_after_publishing_then_in_recovery_is_recovered(void **state)
{
	unsigned int tried = 0;

	(void)state;
	set_up_rig(BLK_ABI_64, 0, 0);
	step_to_its_end(true);
	for (unsigned int i = 0; i < nr_kept && tried < 3; i++) {
		const struct ring_shared *ring = (const void *)kept[i].ring;
		const struct journal_head *head = (const void *)kept[i].journal;

		if (ring->rsp_prod == head->rsp_prod)
			continue;
		restore(&kept[i]);
		step_to_its_end(false);
		tried++;
	}
	assert_true(tried > 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_teardown(f, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_crash_at_every_store_each_request_is_answered_once),
		TEST(test_crash_across_the_wrap_each_request_is_answered_once),
		TEST(test_crash_in_recovery_each_request_is_answered_once),
		TEST(test_crash_after_publishing_then_in_recovery_is_recovered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
