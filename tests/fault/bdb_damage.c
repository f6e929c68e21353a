/*
 * Damage that only this engine's driver has to tell apart: a log that rotted from a log that was
 * torn, and one bad page from a bad store.
 */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crash.h"
#include "tap.h"

#define BLOCKS 60

static const struct tally_driver *bdb;
static char *base;

static int open_store(const char *location, bool create, struct tally_store **store_r,
		      struct tally_err *err)
{
	const struct tally_store_args args = { .location = location, .create = create,
					       .blocks = true, .index = true };

	return tally_store_open(bdb, &args, store_r, err);
}

static void fill(uint8_t *data, size_t size, uint64_t number)
{
	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)(number * 31 + i * 7 + 1);
}

static int append(struct tally_store *store, uint64_t number, size_t size, struct tally_err *err)
{
	uint8_t *data = tally_malloc(size);
	struct tally_block_write write = { .space = 1, .number = number, .data = { data, size } };
	int ret;

	fill(data, size, number);
	ret = tally_store_append(store, &write, 1, err);
	free(data);
	return ret;
}

static bool is_whole(struct tally_store *store, uint64_t number, size_t size,
		     struct tally_err *err)
{
	struct tally_arena arena = { 0 };
	uint8_t *want = tally_malloc(size);
	struct tally_bytes got;
	bool whole;

	fill(want, size, number);
	whole = tally_store_read(store, 1, number, 0, TALLY_BLOCK_MAX, &arena, &got, err) == 1 &&
		tally_bytes_equal(got, tally_bytes(want, size));
	free(want);
	tally_arena_free(&arena);
	return whole;
}

/* A store whose writer died behind BLOCKS appends, all of them in the log and nowhere else. */
static char *abandoned_store(const char *name)
{
	char location[400];
	int status;
	pid_t pid;

	snprintf(location, sizeof(location), "%s/%s", base, name);
	pid = fork();
	if (pid == 0) {
		struct tally_store *store;
		struct tally_err err;
		int ret = open_store(location, true, &store, &err);

		for (uint64_t n = 0; ret == 0 && n < BLOCKS; n++)
			ret = append(store, n, 500, &err);
		_exit(ret == 0 ? 0 : 1);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
	return tally_strdup(location);
}

static void turn_byte(const char *location, const char *file, off_t offset)
{
	char path[500];
	uint8_t byte = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/env/%s", location, file);
	fd = open(path, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0 && pread(fd, &byte, 1, offset) == 1);
	byte ^= 0x10;
	CHECK(pwrite(fd, &byte, 1, offset) == 1);
	close(fd);
}

/* Where the bytes of the file that are not zero end. */
static off_t used_end(const char *location, const char *file)
{
	char path[500];
	uint8_t page[4096];
	off_t end = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/env/%s", location, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	for (off_t at = 0; (n = pread(fd, page, sizeof(page), at)) > 0; at += n) {
		for (ssize_t i = 0; i < n; i++) {
			if (page[i] != 0)
				end = at + i + 1;
		}
	}
	close(fd);
	return end;
}

#define LOG "log.0000000001"

static void check_all_there(const char *location, uint64_t blocks)
{
	struct tally_store *store;
	struct tally_err err = { 0 };
	uint64_t count = 0;

	REQUIRE(open_store(location, false, &store, &err) == 0);
	CHECK_INT(tally_store_last(store, 1, &count, &err), 0);
	CHECK_INT(count, blocks);
	for (uint64_t n = 0; n < count; n++)
		CHECK(is_whole(store, n, 500, &err));
	tally_store_close(&store);
}

static void a_log_that_rotted_is_refused(void)
{
	char *location = abandoned_store("rotted");
	off_t end = used_end(location, LOG), at;
	struct tally_store *store;

	for (int i = 1; i < 20; i++) {
		struct tally_err err = { 0 };

		at = end * i / 20;
		turn_byte(location, LOG, at);
		CHECK(open_store(location, false, &store, &err) < 0);
		CHECK_INT(err.code, TALLY_CORRUPT);
		CHECK(strstr(err.text, LOG) != NULL);
		turn_byte(location, LOG, at);
	}
	check_all_there(location, BLOCKS);
	free(location);
}

static void a_log_that_was_torn_is_cut(void)
{
	char *location = abandoned_store("torn");
	off_t end = used_end(location, LOG);

	/* In the last append: as if its sync had not been reached. */
	turn_byte(location, LOG, end - 100);
	check_all_there(location, BLOCKS - 1);
	check_all_there(location, BLOCKS - 1);
	free(location);
}

static void garbage_behind_the_log_is_cut(void)
{
	char *location = abandoned_store("garbage"), path[500];
	uint8_t garbage[3000];
	off_t end = used_end(location, LOG);	/* the last record may end in zeros */
	int fd;

	fill(garbage, sizeof(garbage), 5);
	snprintf(path, sizeof(path), "%s/env/" LOG, location);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	REQUIRE(fd >= 0 && pwrite(fd, garbage, sizeof(garbage), end + 100) == sizeof(garbage));
	close(fd);
	check_all_there(location, BLOCKS);
	free(location);
}

static uint64_t figure;

static void find_figure(void *ctx, const char *name, uint64_t value)
{
	if (strcmp(name, ctx) == 0)
		figure = value;
}

/* Several blocks of many pages; one page of one of them goes bad. */
static void a_bad_page_fails_only_who_wants_it(void)
{
	char location[400], name[] = "damaged_pages";
	struct tally_store *store;
	struct tally_err err = { 0 };
	unsigned int bad = 0;

	snprintf(location, sizeof(location), "%s/page", base);
	REQUIRE(open_store(location, true, &store, &err) == 0);
	for (uint64_t n = 0; n < 5; n++)
		CHECK_INT(append(store, n, 100000, &err), 0);
	tally_store_close(&store);
	turn_byte(location, "blocks.db", 4096 * 60 + 2000);
	REQUIRE(open_store(location, false, &store, &err) == 0);
	for (int again = 0; again < 3; again++) {
		for (uint64_t n = 0; n < 5; n++) {
			if (is_whole(store, n, 100000, &err))
				continue;
			bad++;
			CHECK_INT(err.code, TALLY_CORRUPT);
			CHECK(strstr(err.text, "space 1 block") != NULL);
		}
	}
	CHECK_INT(bad, 3);
	CHECK_INT(tally_store_stat(store, find_figure, name, &err), 0);
	CHECK(figure >= 3);
	CHECK_INT(append(store, 5, 100000, &err), 0);
	CHECK_INT(tally_store_maintain(store, &err), 0);
	tally_store_close(&store);
	REQUIRE(open_store(location, false, &store, &err) == 0);
	CHECK(is_whole(store, 5, 100000, &err));
	tally_store_close(&store);
}

enum { LOSE_HEAD, LOSE_PAGE, COME_FROM_ELSEWHERE, KINDS_OF_LOSS };

static void lose_page(const char *location, off_t number, int kind)
{
	uint8_t page[4096] = { 0 };
	char path[500];
	int fd;

	snprintf(path, sizeof(path), "%s/env/blocks.db", location);
	fd = open(path, O_RDWR | O_CLOEXEC);
	REQUIRE(fd >= 0);
	if (kind == COME_FROM_ELSEWHERE)
		CHECK(pread(fd, page, 4096, (number == 1 ? 2 : number - 1) * 4096) == 4096);
	CHECK(pwrite(fd, page, kind == LOSE_HEAD ? 32 : 4096, number * 4096) > 0);
	close(fd);
}

/*
 * The engine's checksum tells nothing of pages whose first bytes are zeros, and does not say which
 * page it is of. Whatever page it is, of the inner ones too: nobody goes in circles.
 */
static void a_lost_page_is_noticed(void)
{
	char location[400];
	struct tally_store *store;
	struct tally_err err = { 0 };
	int opened = 0, noticed = 0;

	alarm(300);
	for (off_t page = 1; page < 80; page += page < 4 ? 1 : 11) {
		for (int kind = 0; kind < KINDS_OF_LOSS; kind++) {
			CASE("page %d, kind %d", (int)page, kind);
			snprintf(location, sizeof(location), "%s/lost-%d-%d", base, (int)page, kind);
			REQUIRE(open_store(location, true, &store, &err) == 0);
			for (uint64_t n = 0; n < 5; n++)
				CHECK_INT(append(store, n, 100000, &err), 0);
			tally_store_close(&store);
			lose_page(location, page, kind);
			if (open_store(location, false, &store, &err) < 0) {
				CHECK_INT(err.code, TALLY_CORRUPT);
				continue;
			}
			opened++;
			for (uint64_t n = 0; n < 5; n++) {
				if (is_whole(store, n, 100000, &err))
					continue;
				CHECK_INT(err.code, TALLY_CORRUPT);
				noticed++;
				break;
			}
			tally_store_close(&store);
		}
	}
	CASE("of %d stores", opened);
	CHECK(opened > 0);
	CHECK_INT(noticed, opened);
	alarm(0);
}

int main(void)
{
	struct tally_err err;

	tally_log_open(TALLY_LOG_ERROR, NULL, &err);
	if (tally_driver_find("bdb", NULL, &bdb, &err) < 0) {
		printf("1..0 # SKIP %s\n", err.text);
		return 77;
	}
	base = crash_directory("damage");
	TEST(a_log_that_rotted_is_refused);
	TEST(a_log_that_was_torn_is_cut);
	TEST(garbage_behind_the_log_is_cut);
	TEST(a_bad_page_fails_only_who_wants_it);
	TEST(a_lost_page_is_noticed);
	crash_remove(base);
	free(base);
	return tap_done();
}
