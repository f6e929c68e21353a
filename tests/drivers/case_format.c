/*
 * Conformance: versions of a store's format. A later one is refused, an earlier one is read and
 * written on as what it is.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conform.h"

/* ---- a later format ---- */

/*
 * Which file says the version of a store's format and how to make it say a later one: `from` is
 * replaced by `to`, both of one length, at its first place in the file.
 */
static const struct later {
	const char *driver;
	const char *file;
	struct tally_bytes from, to;
	const char *ours, *theirs;		/* as the message must say them */
} laters[] = {
	{ "bdb", "format", TALLY_BYTES_LIT("format 2\n"), TALLY_BYTES_LIT("format 7\n"), "1 to 2",
	  "format 7" },
	{ "flatfile", "format", TALLY_BYTES_LIT("flatfile 1\n"), TALLY_BYTES_LIT("flatfile 7\n"),
	  "up to 1", "format 7" },
	{ "example", "format", TALLY_BYTES_LIT("example 1"), TALLY_BYTES_LIT("example 2"), "1", "2" },
	{ NULL, NULL, { NULL, 0 }, { NULL, 0 }, NULL, NULL }
};

static const struct later *find_later(struct trial *t)
{
	for (const struct later *later = laters; later->driver != NULL; later++) {
		if (strcmp(later->driver, t->driver->name) == 0)
			return later;
	}
	FAIL("this driver has no row in case_format.c for the version of its format");
}

static void patch_file(struct trial *t, const struct later *later)
{
	char path[1200], data[65536];
	uint8_t *at;
	ssize_t size;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", t->location, later->file);
	fd = open(path, O_RDWR | O_CLOEXEC);
	size = fd < 0 ? -1 : pread(fd, data, sizeof(data), 0);
	if (size < 0)
		FAIL("%s: %s", path, strerror(errno));
	at = memmem(data, (size_t)size, later->from.data, later->from.size);
	CHECK(at != NULL);
	CHECK_INT(pwrite(fd, later->to.data, later->to.size, at - (uint8_t *)data), later->to.size);
	close(fd);
}

static void later_format(struct trial *t)
{
	const struct later *later = find_later(t);
	struct tally_store *store = case_open(t, true);
	struct tally_err why = { 0 };
	const char *text;

	MUST(block_append(store, 1, 0, &err));
	case_close(t, &store);
	patch_file(t, later);
	CHECK(case_try_open(t, false, &store, &why) < 0);
	text = strstr(why.text, t->location);	/* which may have numbers too */
	text = text != NULL ? text + strlen(t->location) : why.text;
	if (why.code != TALLY_UNSUPPORTED || strstr(text, later->ours) == NULL ||
	    strstr(text, later->theirs) == NULL)
		FAIL("a store of a later format: %s (%s)", why.text, tally_code_name(why.code));
}

/* ---- an earlier format ---- */

/*
 * A store that a program made for which this format was the newest, as an archive of its folder in
 * tests/golden: blocks of SIZES in space 1, tables of the first two, a dropped space 2.
 */
static const struct earlier {
	const char *driver;
	const char *archive;
	struct tally_bytes says;		/* in its file of the format, also after all that is done here */
	uint64_t part;				/* bytes after which its blocks are cut into parts */
} earliers[] = {
	{ "bdb", "bdb-format-1.tar.gz", TALLY_BYTES_LIT("store, format 1\n"), 260088 },
	{ NULL, NULL, { NULL, 0 }, 0 }
};

static const size_t sizes[] = { 100, 600000, 260088, 260089 };

#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

/* Bytes that an archive makes small, and that differ where they stand elsewhere. */
static uint8_t plain_byte(uint64_t number, uint64_t at)
{
	return (uint8_t)(7 * number + at / 251);
}

static void plain_append(struct trial *t, struct tally_store *store, uint64_t number, size_t size)
{
	uint8_t *data = tally_malloc(size);
	struct tally_block_write block = { .space = 1, .number = number, .data = { data, size } };

	for (size_t i = 0; i < size; i++)
		data[i] = plain_byte(number, i);
	MUST(tally_store_append(store, &block, 1, &err));
	free(data);
}

/* Reads size bytes at offset; those from erased on, 100 of them, are zero. */
static void plain_check(struct trial *t, struct tally_store *store, uint64_t number,
			uint64_t offset, uint64_t size, uint64_t erased)
{
	struct tally_arena arena = { 0 };
	struct tally_bytes got;

	MUST(tally_store_read(store, 1, number, offset, size, &arena, &got, &err));
	CHECK_INT(got.size, size);
	for (uint64_t i = 0, at = offset; i < size; i++, at++) {
		if (got.data[i] != (at >= erased && at < erased + 100 ? 0 : plain_byte(number, at)))
			FAIL("block %" PRIu64 " has another byte at %" PRIu64, number, at);
	}
	tally_arena_free(&arena);
}

static void earlier_check(struct trial *t, struct tally_store *store, const struct earlier *earlier,
			  uint64_t blocks, uint64_t erased)
{
	struct tally_err why = { 0 };
	uint64_t count;

	CHECK_INT(block_count(t, store, 1), blocks);
	for (uint64_t n = 0; n < blocks; n++) {
		size_t size = sizes[n % SIZES];
		uint64_t gone = n == 1 ? erased : UINT64_MAX - 100;

		plain_check(t, store, n, 0, size, gone);
		for (uint64_t at = earlier->part; at + 50 < size; at += earlier->part)
			plain_check(t, store, n, at - 50, 100, gone);
	}
	CHECK_INT(index_check(t, store, 1), 2);
	CHECK(tally_store_last(store, 2, &count, &why) < 0);
	CHECK_INT(why.code, TALLY_NOTFOUND);
	CHECK(files_holding(t, t->location, earlier->says) == 1);
}

static void unpack(struct trial *t, const struct earlier *earlier)
{
	char command[4096];

	snprintf(command, sizeof(command), "mkdir '%s' && tar -xzf '%s/%s' -C '%s'", t->location,
		 TALLY_GOLDEN, earlier->archive, t->location);
	CHECK_INT(system(command), 0);
}

static const struct earlier *find_earlier(struct trial *t)
{
	for (const struct earlier *earlier = earliers; earlier->driver != NULL; earlier++) {
		if (strcmp(earlier->driver, t->driver->name) == 0)
			return earlier;
	}
	case_skip(t, "the driver has had one format only");
}

static void earlier_format(struct trial *t)
{
	const struct earlier *earlier = find_earlier(t);
	struct tally_store *store;
	char *copy = case_place(t, "copy");
	struct tally_range range;

	unpack(t, earlier);
	store = case_open(t, false);
	earlier_check(t, store, earlier, SIZES, UINT64_MAX - 100);
	for (size_t i = 0; i < SIZES; i++)
		plain_append(t, store, SIZES + i, sizes[i]);
	range = (struct tally_range){ earlier->part - 50, 100 };
	MUST(tally_store_erase(store, 1, 1, &range, 1, &err));
	earlier_check(t, store, earlier, 2 * SIZES, range.offset);
	MUST(tally_store_scrub(store, &err));
	MUST(tally_store_backup(store, copy, &err));
	case_close(t, &store);
	store = case_open(t, false);
	earlier_check(t, store, earlier, 2 * SIZES, range.offset);
	case_close(t, &store);
	case_move(t, copy);
	store = case_open(t, false);
	earlier_check(t, store, earlier, 2 * SIZES, range.offset);
	case_close(t, &store);
}

/* A store of today whose file has come to name an earlier format is damaged, not one of that. */
static void turned_format(struct trial *t)
{
	struct later turned = *find_later(t);
	struct tally_store *store;

	turned.to = find_earlier(t)->says;
	turned.to.data += turned.to.size - turned.from.size;
	turned.to.size = turned.from.size;
	store = case_open(t, true);
	case_close(t, &store);
	patch_file(t, &turned);
	MUST_FAIL(TALLY_CORRUPT, case_try_open(t, false, &store, &err));
}

const struct conform_case format_cases[] = {
	{ "format: a later version is refused", TALLY_CAP_DURABLE | TALLY_CAP_LOCAL, CASE_PLAIN,
	  later_format },
	{ "format: an earlier version is read and written on", TALLY_CAP_BLOCKS | TALLY_CAP_INDEX |
	  TALLY_CAP_DURABLE | TALLY_CAP_LOCAL, CASE_PLAIN, earlier_format },
	{ "format: one that turned into an earlier one is damage", TALLY_CAP_DURABLE |
	  TALLY_CAP_LOCAL, CASE_PLAIN, turned_format },
	{ NULL, 0, 0, NULL }
};
