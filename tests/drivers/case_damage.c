/*
 * Conformance: what the medium does to a store. Bytes that turn over in each kind of file, a full
 * medium, a copy made while writing goes on.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conform.h"
#include "own.h"

/* ---- a byte turned over ---- */

#define DAMAGE_BLOCKS 40
#define DAMAGE_SPACES 3
#define DROPPED 9
#define KINDS_MAX 32

/* A store with some of everything in its files, closed properly. */
static void make_rich_store(struct trial *t)
{
	const struct tally_range range = { 10, 40 };
	struct tally_store *store = case_open(t, true);

	MUST(block_append(store, DROPPED, 0, &err));
	for (uint64_t n = 0; n < DAMAGE_BLOCKS; n++) {
		for (uint64_t s = 0; s < DAMAGE_SPACES; s++) {
			MUST(block_append(store, s, n, &err));
			if (n % 8 == 7)
				MUST(index_apply(store, s, n - 7, n + 1, &err));
		}
		if (n == DAMAGE_BLOCKS / 2) {
			MUST(tally_store_drop(store, DROPPED, &err));
			MUST(tally_store_maintain(store, &err));
			MUST(tally_store_sync_index(store, &err));
		}
		if (n == DAMAGE_BLOCKS / 2 + 1) {
			MUST(append_next(store, 7, 4000, &err));
			MUST(tally_store_erase(store, 7, 0, &range, 1, &err));
		}
	}
	MUST(tally_store_sync_index(store, &err));
	case_close(t, &store);
}

/* Files of one name but for digits are of one kind. */
struct kind {
	char name[64];
	char *paths[64];
	size_t count;
	unsigned int errors;			/* turned bytes that were told of */
};

struct kinds {
	struct trial *t;
	struct kind kinds[KINDS_MAX];
	size_t count;
};

static void kind_name(const char *path, char name[64])
{
	const char *base = strrchr(path, '/') + 1;
	size_t size = 0;

	for (; *base != '\0' && size < 63; base++) {
		bool hex = (*base >= '0' && *base <= '9') ||
			   (*base >= 'a' && *base <= 'f' && size > 0 && name[size - 1] == '#');

		if (!hex)
			name[size++] = *base;
		else if (size == 0 || name[size - 1] != '#')
			name[size++] = '#';
	}
	name[size] = '\0';
}

static void sort_file(void *ctx, const char *path)
{
	struct kinds *kinds = ctx;
	struct trial *t = kinds->t;
	char name[64];
	struct kind *kind = NULL;
	struct stat st;

	if (stat(path, &st) < 0 || st.st_size == 0)
		return;
	kind_name(path, name);
	for (size_t i = 0; i < kinds->count; i++) {
		if (strcmp(kinds->kinds[i].name, name) == 0)
			kind = &kinds->kinds[i];
	}
	if (kind == NULL) {
		CHECK(kinds->count < KINDS_MAX);
		kind = &kinds->kinds[kinds->count++];
		strcpy(kind->name, name);
	}
	if (kind->count < 64)
		kind->paths[kind->count++] = tally_strdup(path + strlen(t->location) + 1);
}

/* Turns over some bits of one byte, mostly one that is not zero; says which. */
static uint64_t turn_byte(struct trial *t, const char *path, uint64_t *state, uint8_t *turned_r)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	bool any = rnd_below(state, 5) == 0;
	struct stat st;
	uint64_t at = 0;
	uint8_t byte = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		FAIL("%s: %s", path, strerror(errno));
	for (int tries = 0; tries < 2000; tries++) {
		at = rnd_below(state, (uint64_t)st.st_size);
		CHECK_INT(pread(fd, &byte, 1, (off_t)at), 1);
		if (any || byte != 0)
			break;
	}
	*turned_r = (uint8_t)(1 + rnd_below(state, 255));
	byte ^= *turned_r;
	CHECK_INT(pwrite(fd, &byte, 1, (off_t)at), 1);
	close(fd);
	return at;
}

/* Where the byte was turned; for messages. */
struct hurt {
	struct trial *t;
	const char *file;
	uint64_t at;
	uint8_t turned;
	unsigned int errors;
};

#define HURT_FAIL(...) hurt_fail(hurt, __LINE__, __VA_ARGS__)

static _Noreturn void __attribute__((format(printf, 3, 4)))
hurt_fail(struct hurt *hurt, int line, const char *format, ...)
{
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	case_fail(hurt->t, __FILE__, line, "seed %" PRIu64 ", %s byte %" PRIu64 " ^ 0x%02x: %s",
		  hurt->t->seed, hurt->file, hurt->at, hurt->turned, text);
}

/* An error is an answer if it is of the right kind and names a place. */
static void hurt_error(struct hurt *hurt, const char *call, const struct tally_err *err)
{
	if (err->code != TALLY_CORRUPT && err->code != TALLY_IO &&
	    !(err->code == TALLY_UNSUPPORTED && strcmp(call, "open") == 0))
		HURT_FAIL("%s says %s: %s", call, tally_code_name(err->code), err->text);
	if (strpbrk(err->text, "/0123456789") == NULL)
		HURT_FAIL("%s names no place: %s", call, err->text);
	hurt->errors++;
}

static void hurt_read(struct hurt *hurt, struct tally_store *store, uint64_t space,
		      uint64_t number, struct tally_bytes want)
{
	struct tally_arena arena = { 0 };
	struct tally_err err = { 0 };
	struct tally_bytes got;
	int ret = tally_store_read(store, space, number, 0, UINT64_MAX, &arena, &got, &err);

	if (ret < 0)
		hurt_error(hurt, "read", &err);
	else if (ret == 0)
		HURT_FAIL("space %" PRIu64 " block %" PRIu64 " is silently gone", space, number);
	else if (!tally_bytes_equal(got, want))
		HURT_FAIL("space %" PRIu64 " block %" PRIu64 " has wrong bytes", space, number);
	tally_arena_free(&arena);
}

static void hurt_space(struct hurt *hurt, struct tally_store *store, uint64_t space)
{
	struct tally_buf want = { 0 };
	struct tally_err err = { 0 };
	uint64_t count, marked;

	if (tally_store_last(store, space, &count, &err) < 0)
		hurt_error(hurt, "last", &err);
	else if (count != DAMAGE_BLOCKS)
		HURT_FAIL("space %" PRIu64 " has %" PRIu64 " blocks, not %d", space, count,
			  DAMAGE_BLOCKS);
	for (uint64_t n = 0; n < DAMAGE_BLOCKS; n++) {
		block_make(&want, space, n);
		hurt_read(hurt, store, space, n, tally_buf_bytes(&want));
	}
	tally_buf_free(&want);
	if (index_look(hurt->t, store, space, &marked, &err) < 0)
		hurt_error(hurt, "index", &err);
	else if (marked > DAMAGE_BLOCKS || marked % 8 != 0)
		HURT_FAIL("space %" PRIu64 " has a mark at %" PRIu64, space, marked);
}

/* Every answer of the damaged store must be right, or an error. */
static void hurt_look(struct hurt *hurt)
{
	struct trial *t = hurt->t;
	struct tally_store *store;
	struct tally_err err = { 0 };
	struct tally_buf want = { 0 };
	uint64_t count;

	if (case_try_open(t, false, &store, &err) < 0) {
		hurt_error(hurt, "open", &err);
		return;
	}
	for (uint64_t s = 0; s < DAMAGE_SPACES; s++)
		hurt_space(hurt, store, s);
	if (tally_store_last(store, DROPPED, &count, &err) == 0)
		HURT_FAIL("the dropped space is back with %" PRIu64 " blocks", count);
	if (err.code != TALLY_NOTFOUND)
		hurt_error(hurt, "last", &err);
	next_make(&want, 7, 0, 4000);
	memset(want.data + 10, 0, 40);
	hurt_read(hurt, store, 7, 0, tally_buf_bytes(&want));
	tally_buf_free(&want);
	case_close(t, &store);
}

static void turn_and_look(struct trial *t, const char *pristine, struct kind *kind,
			  uint64_t *state)
{
	struct hurt hurt = { .t = t, .file = kind->paths[rnd_below(state, kind->count)] };
	char path[1200];

	tree_remove(t->location);
	tree_copy(t, pristine, t->location);
	snprintf(path, sizeof(path), "%s/%s", t->location, hurt.file);
	hurt.at = turn_byte(t, path, state, &hurt.turned);
	hurt_look(&hurt);
	kind->errors += hurt.errors > 0;
}

static void turned_bytes(struct trial *t)
{
	struct kinds *kinds = tally_calloc(1, sizeof(*kinds));
	char *pristine = case_place(t, "store");
	uint64_t state = t->seed;
	unsigned int errors = 0;

	make_rich_store(t);
	kinds->t = t;
	files_each(t, t->location, sort_file, kinds);
	CHECK(kinds->count > 0);
	case_move(t, case_place(t, "hurt"));
	for (size_t i = 0; i < kinds->count; i++) {
		for (unsigned int round = 0; round < t->rounds; round++)
			turn_and_look(t, pristine, &kinds->kinds[i], &state);
		errors += kinds->kinds[i].errors;
		printf("# %s: %u of %u turned bytes in %s were told of\n", t->driver->name,
		       kinds->kinds[i].errors, t->rounds, kinds->kinds[i].name);
		for (size_t j = 0; j < kinds->kinds[i].count; j++)
			free(kinds->kinds[i].paths[j]);
	}
	free(kinds);
	CHECK(errors > 0);				/* else nothing that matters was hit */
	free(pristine);
}

/* ---- a full medium ---- */

#define BALLAST (24u << 20)

static void mount_small(struct trial *t, const char *place)
{
	if (geteuid() != 0)
		case_skip(t, "mounting a small tmpfs needs root");
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mkdir(place, 0700) < 0 || mount("tmpfs", place, "tmpfs", 0, "size=96m") < 0)
		case_skip(t, "cannot mount a small tmpfs: %s", strerror(errno));
}

static void fill_file(struct trial *t, const char *path, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || posix_fallocate(fd, 0, (off_t)size) != 0)
		FAIL("%s: %s", path, strerror(errno));
	close(fd);
}

/* Until it is full: how many blocks were acknowledged. Their marks go along for a while. */
static uint64_t append_until_full(struct trial *t, struct tally_store *store)
{
	struct tally_err err = { 0 };
	uint64_t n;

	for (n = 0; n < 200; n++) {
		if (append_next(store, 1, 1 << 20, &err) < 0)
			break;
		if (n % 4 == 3 && (store->caps & TALLY_CAP_INDEX) &&
		    index_apply(store, 1, n - 3, n + 1, &err) < 0) {
			n++;
			break;
		}
	}
	if (err.code != TALLY_FULL)
		FAIL("after %" PRIu64 " blocks: %s (%s), not full", n, err.text,
		     tally_code_name(err.code));
	return n;
}

static void check_megabytes(struct trial *t, struct tally_store *store, uint64_t count)
{
	struct tally_buf want = { 0 };
	struct tally_arena arena = { 0 };
	struct tally_bytes got;

	for (uint64_t n = 0; n < count; n++) {
		next_make(&want, 1, n, 1 << 20);
		MUST(tally_store_read(store, 1, n, 0, UINT64_MAX, &arena, &got, &err));
		CHECK(tally_bytes_equal(got, tally_buf_bytes(&want)));
		tally_arena_reset(&arena);
	}
	tally_arena_free(&arena);
	tally_buf_free(&want);
}

static void full_medium(struct trial *t)
{
	struct tally_store *store;
	struct tally_err why = { 0 };
	char *place = case_place(t, "small");
	char path[700];
	uint64_t count, marked;

	mount_small(t, place);
	snprintf(path, sizeof(path), "%s/ballast", place);
	fill_file(t, path, BALLAST);
	case_move(t, case_place(t, "small/store"));
	store = case_open(t, true);
	count = append_until_full(t, store);
	CHECK(count > 0);
	CHECK_INT(block_count(t, store, 1), count);
	check_megabytes(t, store, count);
	marked = index_check(t, store, 1);
	CHECK(append_next(store, 1, 1 << 20, &why) < 0 || why.code == TALLY_OK);
	CHECK(block_count(t, store, 1) >= count);
	case_close(t, &store);

	CHECK_INT(unlink(path), 0);
	store = case_open(t, false);
	CHECK(block_count(t, store, 1) >= count);
	count = block_count(t, store, 1);
	CHECK(index_check(t, store, 1) <= marked);
	check_megabytes(t, store, count);
	for (uint64_t n = 0; n < 4; n++)
		MUST(append_next(store, 1, 1 << 20, &err));
	marked = index_check(t, store, 1);
	MUST(index_apply(store, 1, marked, count + 4, &err));
	case_close(t, &store);
	store = case_open(t, false);
	CHECK_INT(block_count(t, store, 1), count + 4);
	check_megabytes(t, store, count + 4);
	case_close(t, &store);
	free(place);
}

/* The same through one open store: space that is freed is used without reopening. */
static void full_then_free(struct trial *t)
{
	struct tally_store *store;
	char *place = case_place(t, "small");
	char path[700];
	uint64_t count;

	mount_small(t, place);
	snprintf(path, sizeof(path), "%s/ballast", place);
	fill_file(t, path, BALLAST);
	case_move(t, case_place(t, "small/store"));
	store = case_open(t, true);
	count = append_until_full(t, store);
	CHECK_INT(unlink(path), 0);
	for (uint64_t n = 0; n < 3; n++)
		MUST(append_next(store, 1, 1 << 20, &err));
	CHECK_INT(block_count(t, store, 1), count + 3);
	check_megabytes(t, store, count + 3);
	case_close(t, &store);
	store = case_open(t, false);
	check_megabytes(t, store, count + 3);
	case_close(t, &store);
	free(place);
}

/* ---- backup ---- */

struct writing {
	struct trial *t;
	struct tally_store *store;
	pthread_mutex_t lock;
	uint64_t blocks;			/* acknowledged, of spaces 0 and 1 alike */
	bool stop;
};

static bool writing_on(struct writing *writing, uint64_t blocks)
{
	bool stop;

	pthread_mutex_lock(&writing->lock);
	writing->blocks = blocks;
	stop = writing->stop;
	pthread_mutex_unlock(&writing->lock);
	return !stop;
}

static void *write_on(void *arg)
{
	struct writing *writing = arg;
	struct trial *t = writing->t;
	uint64_t marked = 0;

	for (uint64_t n = 0; writing_on(writing, n); n++) {
		MUST(block_append(writing->store, 0, n, &err));
		MUST(block_append(writing->store, 1, n, &err));
		if (n % 5 == 4) {
			MUST(index_apply(writing->store, 1, marked, n + 1, &err));
			marked = n + 1;
		}
	}
	return NULL;
}

static uint64_t written(struct writing *writing)
{
	uint64_t blocks;

	pthread_mutex_lock(&writing->lock);
	blocks = writing->blocks;
	pthread_mutex_unlock(&writing->lock);
	return blocks;
}

static void backups(struct trial *t)
{
	struct tally_store *store = case_open(t, true);
	struct writing writing = { .t = t, .store = store };
	const char *names[] = { "copy0", "copy1", "copy2" };
	uint64_t acknowledged[3], count;
	pthread_t thread;

	if (t->driver->backup == NULL)
		case_skip(t, "the driver makes no backups");
	pthread_mutex_init(&writing.lock, NULL);
	CHECK_INT(pthread_create(&thread, NULL, write_on, &writing), 0);
	for (size_t i = 0; i < 3; i++) {
		char *place = case_place(t, names[i]);

		while (written(&writing) < 20 * (i + 1))
			sched_yield();
		acknowledged[i] = written(&writing);
		MUST(tally_store_backup(store, place, &err));
		MUST_FAIL(TALLY_EXISTS, tally_store_backup(store, place, &err));
		free(place);
	}
	pthread_mutex_lock(&writing.lock);
	writing.stop = true;
	pthread_mutex_unlock(&writing.lock);
	pthread_join(thread, NULL);
	case_close(t, &store);
	for (size_t i = 0; i < 3; i++) {
		case_move(t, case_place(t, names[i]));
		store = case_open(t, false);
		CHECK(block_count(t, store, 0) >= acknowledged[i]);
		CHECK(block_count(t, store, 1) >= acknowledged[i]);
		blocks_check(t, store, 0, block_count(t, store, 0));
		count = block_count(t, store, 1);
		blocks_check(t, store, 1, count);
		CHECK(index_check(t, store, 1) <= count);
		MUST(block_append(store, 1, count, &err));	/* a store of its own */
		case_close(t, &store);
	}
}

const struct conform_case damage_cases[] = {
	{ "damage: turned bytes in each kind of file", TALLY_CAP_BLOCKS | TALLY_CAP_INDEX |
	  TALLY_CAP_DURABLE | TALLY_CAP_LOCAL, CASE_PLAIN, turned_bytes },
	{ "damage: a full medium, then reopened", TALLY_CAP_BLOCKS | TALLY_CAP_INDEX |
	  TALLY_CAP_LOCAL, CASE_PLAIN, full_medium },
	{ "damage: a full medium, then freed", TALLY_CAP_BLOCKS | TALLY_CAP_LOCAL, CASE_PLAIN,
	  full_then_free },
	{ "backup: while writing goes on", TALLY_CAP_BLOCKS | TALLY_CAP_INDEX, 0, backups },
	{ NULL, 0, 0, NULL }
};
