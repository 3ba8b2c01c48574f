/* SPDX-License-Identifier: MIT */
/*
 * md_cmd.c - the commands that move data
 *
 * The pattern that fill writes and verify expects: a sector's 64 words of 64 bits, little-endian,
 * are word(i) = mix(base + i * GOLDEN) with base = mix(seed + GOLDEN * (sector + 1)), where mix is
 * the finalizer of SplitMix64. So every sector of every seed is different, and a sector that was
 * written to the wrong place is found.
 */
#include "minidom.h"
#include "schema.h"
#include "sha256.h"

#define SECTOR		512
#define WORDS		(SECTOR / 8)
#define GOLDEN		0x9e3779b97f4a7c15ull

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static void make_sector(uint64_t *words, uint64_t seed, uint64_t sector)
{
	uint64_t base = mix(seed + GOLDEN * (sector + 1));

	for (unsigned int i = 0; i < WORDS; i++)
		words[i] = mix(base + i * GOLDEN);
}

/*
 * Arguments
 */

static int number_error(struct minidom *md, const char *command, const char *text)
{
	md_error(md, command, text);
	md_text(md, "not a decimal number");
	return md_error_end(md, "see 'help'");
}

int md_take_number(struct minidom *md, const char *command, const char *text, uint64_t *out)
{
	size_t len = 0;

	while (text[len])
		len++;
	return xs_parse_u64(text, len, out) == XS_OK ? 0 : number_error(md, command, text);
}

/* A range from argv[i] and argv[i + 1], or the whole disk. */
static int take_range(struct minidom *md, int argc, char **argv, int i, struct md_stream *s)
{
	struct pv_blk_info info;
	uint64_t count;

	pv_blk_info(s->disk->blk, &info);
	s->sector = 0;
	s->end = info.sectors;
	if (argc <= i)
		return 0;
	if (argc == i + 1) {
		md_error(md, argv[0], argv[1]);
		md_text(md, "LBA without COUNT");
		return md_error_end(md, "give both, or neither for the whole disk");
	}
	if (md_take_number(md, argv[0], argv[i], &s->sector) ||
	    md_take_number(md, argv[0], argv[i + 1], &count))
		return -1;
	if (count > info.sectors || s->sector > info.sectors - count)
		return md_disk_error(md, argv[0], argv[1], s->disk, PV_ERANGE);
	s->end = s->sector + count;
	return 0;
}

static int run_stream(struct minidom *md, char **argv, struct md_stream *s)
{
	int err = md_stream_run(md, s);

	return err ? md_disk_error(md, argv[0], argv[1], s->disk, (enum pv_err)err) : 0;
}

/*
 * read, sum
 */

static void put_dump_line(struct minidom *md, uint64_t offset, const uint8_t *p)
{
	md_hex(md, offset, 10);
	md_char(md, ' ');
	for (int i = 0; i < 16; i++) {
		md_char(md, ' ');
		md_hex(md, p[i], 2);
	}
	md_text(md, "  |");
	for (int i = 0; i < 16; i++)
		md_char(md, p[i] >= ' ' && p[i] <= '~' ? (char)p[i] : '.');
	md_char(md, '|');
	md_newline(md);
}

static int dump(struct md_stream *s, uint64_t sector, const uint8_t *data, uint32_t sectors)
{
	for (uint32_t i = 0; i < sectors * SECTOR; i += 16)
		put_dump_line(s->context, sector * SECTOR + i, data + i);
	return 0;
}

int md_cmd_read(struct minidom *md, int argc, char **argv)
{
	struct md_stream s = { .op = PV_BLK_READ, .take = dump, .context = md };

	if (md_disk_open(md, argv[0], argv[1], &s.disk) || take_range(md, argc, argv, 2, &s))
		return -1;
	return run_stream(md, argv, &s);
}

static int add_to_sum(struct md_stream *s, uint64_t sector, const uint8_t *data, uint32_t sectors)
{
	(void)sector;
	sha256_update(s->context, data, sectors * SECTOR);
	return 0;
}

int md_cmd_sum(struct minidom *md, int argc, char **argv)
{
	struct md_stream s = { .op = PV_BLK_READ, .take = add_to_sum };
	uint8_t digest[SHA256_BYTES];
	struct sha256 sha;

	sha256_init(&sha);
	s.context = &sha;
	if (md_disk_open(md, argv[0], argv[1], &s.disk) || take_range(md, argc, argv, 2, &s) ||
	    run_stream(md, argv, &s))
		return -1;
	sha256_final(&sha, digest);
	for (int i = 0; i < SHA256_BYTES; i++)
		md_hex(md, digest[i], 2);
	md_text(md, "  ");
	md_text(md, argv[1]);
	md_newline(md);
	return 0;
}

/*
 * fill, verify, stress
 */

#define MISMATCH	1	/* no enum pv_err */

struct pattern {
	uint64_t seed;
	uint64_t sector, expected, found;	/* the first mismatch */
	unsigned int byte;
};

static void make_pattern(struct md_stream *s, uint64_t sector, uint8_t *data, uint32_t sectors)
{
	const struct pattern *pattern = s->context;

	for (uint32_t i = 0; i < sectors; i++) {
		uint64_t words[WORDS];

		make_sector(words, pattern->seed, sector + i);
		__builtin_memcpy(data + i * SECTOR, words, SECTOR);
	}
}

static int compare_sector(struct pattern *pattern, uint64_t sector, const uint8_t *data)
{
	uint64_t expected[WORDS], found[WORDS];

	make_sector(expected, pattern->seed, sector);
	__builtin_memcpy(found, data, SECTOR);	/* what is shown is what was compared */
	for (unsigned int i = 0; i < WORDS; i++) {
		if (expected[i] == found[i])
			continue;
		pattern->sector = sector;
		pattern->byte = i * 8;
		pattern->expected = expected[i];
		pattern->found = found[i];
		return MISMATCH;
	}
	return 0;
}

static int compare_pattern(struct md_stream *s, uint64_t sector, const uint8_t *data,
			   uint32_t sectors)
{
	for (uint32_t i = 0; i < sectors; i++)
		if (compare_sector(s->context, sector + i, data + i * SECTOR))
			return MISMATCH;
	return 0;
}

static int mismatch_error(struct minidom *md, char **argv, const struct pattern *pattern)
{
	md_error(md, argv[0], argv[1]);
	md_text(md, "sector ");
	md_number(md, pattern->sector);
	md_text(md, " differs at byte ");
	md_number(md, pattern->byte);
	md_text(md, ": expected ");
	md_hex(md, pattern->expected, 16);
	md_text(md, ", found ");
	md_hex(md, pattern->found, 16);
	md_text(md, ", seed ");
	md_number(md, pattern->seed);
	return md_error_end(md, "it was filled with another seed, or data was lost");
}

static int run_pattern(struct minidom *md, char **argv, struct md_stream *s, bool write)
{
	int err;

	s->op = write ? PV_BLK_WRITE : PV_BLK_READ;
	s->make = write ? make_pattern : NULL;
	s->take = write ? NULL : compare_pattern;
	err = md_stream_run(md, s);
	if (err == MISMATCH)
		return mismatch_error(md, argv, s->context);
	return err ? md_disk_error(md, argv[0], argv[1], s->disk, (enum pv_err)err) : 0;
}

static void put_result(struct minidom *md, char **argv, uint64_t sectors, uint64_t seed)
{
	md_text(md, argv[0]);
	md_char(md, ' ');
	md_text(md, argv[1]);
	md_text(md, ": ");
	md_number(md, sectors);
	md_text(md, " sectors, seed ");
	md_number(md, seed);
}

static int fill_or_verify(struct minidom *md, int argc, char **argv, bool write)
{
	struct pattern pattern = { 0 };
	struct md_stream s = { .context = &pattern };
	uint64_t sectors;

	if (md_take_number(md, argv[0], argv[2], &pattern.seed) ||
	    md_disk_open(md, argv[0], argv[1], &s.disk) || take_range(md, argc, argv, 3, &s))
		return -1;
	sectors = s.end - s.sector;
	if (run_pattern(md, argv, &s, write))
		return -1;
	put_result(md, argv, sectors, pattern.seed);
	md_text(md, ": ok");
	md_newline(md);
	return 0;
}

int md_cmd_fill(struct minidom *md, int argc, char **argv)
{
	return fill_or_verify(md, argc, argv, true);
}

int md_cmd_verify(struct minidom *md, int argc, char **argv)
{
	return fill_or_verify(md, argc, argv, false);
}

int md_cmd_stress(struct minidom *md, int argc, char **argv)
{
	struct pattern pattern = { 0 };
	struct md_stream s = { .context = &pattern };
	uint64_t seed, rounds, begin;

	if (md_take_number(md, argv[0], argv[2], &seed) ||
	    md_take_number(md, argv[0], argv[3], &rounds) ||
	    md_disk_open(md, argv[0], argv[1], &s.disk) || take_range(md, argc, argv, 4, &s))
		return -1;
	begin = s.sector;
	for (uint64_t i = 0; i < rounds; i++) {
		pattern.seed = seed + i;
		for (int write = 1; write >= 0; write--) {
			s.sector = begin;
			if (run_pattern(md, argv, &s, write))
				return -1;
		}
	}
	put_result(md, argv, s.end - begin, seed);
	md_text(md, ", ");
	md_number(md, rounds);
	md_text(md, " rounds: ok");
	md_newline(md);
	return 0;
}

int md_cmd_flush(struct minidom *md, int argc, char **argv)
{
	struct md_stream s = { .op = PV_BLK_FLUSH };
	int err;

	(void)argc;
	if (md_disk_open(md, argv[0], argv[1], &s.disk))
		return -1;
	err = md_stream_flush(md, s.disk);
	if (err)
		return md_disk_error(md, argv[0], argv[1], s.disk, (enum pv_err)err);
	md_text(md, "flush ");
	md_text(md, argv[1]);
	md_text(md, ": ok");
	md_newline(md);
	return 0;
}
