/* See audit_map.h. */
#include "config.h"

#include "audit_map.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "arena.h"

/* ---- map ---- */

void audit_map_key(const char *kind, struct tally_bytes bytes, uint8_t key_r[AUDIT_KEY])
{
	uint8_t hash[TALLY_HASH_SIZE];
	struct tally_sha256 sha;

	tally_sha256_init(&sha);
	tally_sha256_add(&sha, kind, strlen(kind) + 1);
	tally_sha256_add(&sha, bytes.data, bytes.size);
	tally_sha256_end(&sha, hash);
	memcpy(key_r, hash, AUDIT_KEY);
}

static size_t home_of(const struct audit_map *map, const uint8_t key[AUDIT_KEY])
{
	return tally_get_u64(key) & (map->room - 1);
}

/* Where the key is, or the free row where it would be. */
static size_t seek(const struct audit_map *map, const uint8_t key[AUDIT_KEY])
{
	size_t at = home_of(map, key);

	while (map->rows[at].value != 0 && memcmp(map->rows[at].key, key, AUDIT_KEY) != 0)
		at = (at + 1) & (map->room - 1);
	return at;
}

static void grow(struct audit_map *map)
{
	struct audit_map old = *map;

	map->room = old.room == 0 ? 64 : old.room * 2;
	map->rows = tally_calloc(map->room, sizeof(*map->rows));
	for (size_t i = 0; i < old.room; i++)
		if (old.rows[i].value != 0)
			map->rows[seek(map, old.rows[i].key)] = old.rows[i];
	free(old.rows);
}

bool audit_map_get(const struct audit_map *map, const uint8_t key[AUDIT_KEY], uint64_t *value_r)
{
	size_t at;

	if (map->count == 0)
		return false;
	at = seek(map, key);
	if (map->rows[at].value == 0)
		return false;
	*value_r = map->rows[at].value - 1;
	return true;
}

void audit_map_put(struct audit_map *map, const uint8_t key[AUDIT_KEY], uint64_t value)
{
	size_t at;

	if (4 * (map->count + 1) > 3 * map->room)
		grow(map);
	at = seek(map, key);
	map->count += map->rows[at].value == 0;
	memcpy(map->rows[at].key, key, AUDIT_KEY);
	map->rows[at].value = value + 1;
}

/* Whoever stands behind the gap and may move into it does, so that no walk ends too early. */
void audit_map_remove(struct audit_map *map, const uint8_t key[AUDIT_KEY])
{
	size_t mask = map->room - 1, gap, at;

	if (map->count == 0)
		return;
	gap = at = seek(map, key);
	if (map->rows[gap].value == 0)
		return;
	map->count--;
	for (at = (at + 1) & mask; map->rows[at].value != 0; at = (at + 1) & mask) {
		size_t home = home_of(map, map->rows[at].key);

		if (((at - home) & mask) < ((at - gap) & mask))
			continue;
		map->rows[gap] = map->rows[at];
		gap = at;
	}
	map->rows[gap].value = 0;
}

void audit_map_free(struct audit_map *map)
{
	free(map->rows);
	*map = (struct audit_map){ 0 };
}

/* ---- spill ---- */

#define SPILL_TAIL ((size_t)4 << 20)

void audit_spill_begin(struct audit_spill *spill, const char *directory, size_t row)
{
	*spill = (struct audit_spill){ .directory = directory, .row = row, .fd = -1 };
}

static int open_file(struct audit_spill *spill, struct tally_err *err)
{
	char path[4096];

	snprintf(path, sizeof(path), "%.4000s/tally-audit-XXXXXX", spill->directory);
	spill->fd = mkostemp(path, O_CLOEXEC);
	if (spill->fd < 0)
		return tally_err_errno(err, "%s", path);
	unlink(path);
	return 0;
}

static int write_tail(struct audit_spill *spill, struct tally_err *err)
{
	size_t done = 0;

	if (spill->fd < 0 && open_file(spill, err) != 0)
		return -1;
	while (done < spill->tail.size) {
		ssize_t n = pwrite(spill->fd, spill->tail.data + done, spill->tail.size - done,
				   (off_t)(spill->written * spill->row + done));

		if (n < 0)
			return tally_err_errno(err, "%s", spill->directory);
		done += (size_t)n;
	}
	spill->written = spill->count;
	tally_buf_clear(&spill->tail);
	return 0;
}

int audit_spill_add(struct audit_spill *spill, const void *row, struct tally_err *err)
{
	tally_buf_add(&spill->tail, row, spill->row);
	spill->count++;
	return spill->tail.size >= SPILL_TAIL ? write_tail(spill, err) : 0;
}

static int read_file(const struct audit_spill *spill, uint64_t number, uint64_t count, uint8_t *out,
		     struct tally_err *err)
{
	size_t size = count * spill->row, done = 0;

	while (done < size) {
		ssize_t n = pread(spill->fd, out + done, size - done,
				  (off_t)(number * spill->row + done));

		if (n <= 0)
			return tally_err_errno(err, "%s", spill->directory);
		done += (size_t)n;
	}
	return 0;
}

int audit_spill_get(const struct audit_spill *spill, uint64_t number, uint64_t count, void *rows_r,
		    struct tally_err *err)
{
	uint64_t old = number < spill->written ? spill->written - number : 0;
	uint8_t *out = rows_r;

	if (old > count)
		old = count;
	if (old > 0 && read_file(spill, number, old, out, err) != 0)
		return -1;
	if (count > old)
		memcpy(out + old * spill->row,
		       spill->tail.data + (number + old - spill->written) * spill->row,
		       (count - old) * spill->row);
	return 0;
}

void audit_spill_clear(struct audit_spill *spill)
{
	if (spill->fd >= 0)
		close(spill->fd);
	spill->fd = -1;
	spill->count = spill->written = 0;
	tally_buf_clear(&spill->tail);
}

void audit_spill_free(struct audit_spill *spill)
{
	audit_spill_clear(spill);
	tally_buf_free(&spill->tail);
}

/* ---- what occurs twice ---- */

#define RUN_ROWS ((size_t)1 << 19)	/* 12 MiB */
#define MERGE_ROWS 512			/* of a run that are at hand */

void audit_twice_begin(struct audit_twice *twice, const char *directory)
{
	*twice = (struct audit_twice){ 0 };
	audit_spill_begin(&twice->runs, directory, sizeof(struct audit_map_row));
}

static int row_order(const void *a, const void *b)
{
	const struct audit_map_row *one = a, *two = b;
	int order = memcmp(one->key, two->key, AUDIT_KEY);

	if (order != 0)
		return order;
	return one->value < two->value ? -1 : one->value > two->value;
}

static int end_run(struct audit_twice *twice, struct tally_err *err)
{
	qsort(twice->rows, twice->count, sizeof(*twice->rows), row_order);
	for (size_t i = 0; i < twice->count; i++)
		if (audit_spill_add(&twice->runs, &twice->rows[i], err) != 0)
			return -1;
	twice->count = 0;
	return 0;
}

int audit_twice_add(struct audit_twice *twice, const uint8_t key[AUDIT_KEY], uint64_t number,
		    struct tally_err *err)
{
	if (twice->rows == NULL)
		twice->rows = tally_malloc(RUN_ROWS * sizeof(*twice->rows));
	memcpy(twice->rows[twice->count].key, key, AUDIT_KEY);
	twice->rows[twice->count++].value = number;
	return twice->count == RUN_ROWS ? end_run(twice, err) : 0;
}

/* One run on its way: all but the last have RUN_ROWS rows. */
struct run {
	uint64_t next, end;		/* in the spill, behind what is at hand */
	size_t at, count;
	struct audit_map_row rows[MERGE_ROWS];
};

static int run_fill(const struct audit_twice *twice, struct run *run, struct tally_err *err)
{
	if (run->at < run->count)
		return 0;
	run->at = 0;
	run->count = run->end - run->next < MERGE_ROWS ? run->end - run->next : MERGE_ROWS;
	if (run->count > 0 &&
	    audit_spill_get(&twice->runs, run->next, run->count, run->rows, err) != 0)
		return -1;
	run->next += run->count;
	return 0;
}

static struct run *least_of(struct run *runs, size_t count)
{
	struct run *least = NULL;

	for (size_t i = 0; i < count; i++)
		if (runs[i].at < runs[i].count &&
		    (least == NULL ||
		     row_order(&runs[i].rows[runs[i].at], &least->rows[least->at]) < 0))
			least = &runs[i];
	return least;
}

static int merge(const struct audit_twice *twice, struct run *runs, size_t count,
		 void (*each)(void *ctx, uint64_t before, uint64_t number), void *ctx,
		 struct tally_err *err)
{
	struct audit_map_row last;
	struct run *run;
	bool first = true;

	for (size_t i = 0; i < count; i++)
		if (run_fill(twice, &runs[i], err) != 0)
			return -1;
	while ((run = least_of(runs, count)) != NULL) {
		const struct audit_map_row *row = &run->rows[run->at++];

		if (!first && memcmp(row->key, last.key, AUDIT_KEY) == 0)
			each(ctx, last.value, row->value);
		last = *row;
		first = false;
		if (run_fill(twice, run, err) != 0)
			return -1;
	}
	return 0;
}

int audit_twice_each(struct audit_twice *twice,
		     void (*each)(void *ctx, uint64_t before, uint64_t number), void *ctx,
		     struct tally_err *err)
{
	size_t count;
	struct run *runs;
	int result;

	if (twice->count > 0 && end_run(twice, err) != 0)
		return -1;
	count = (size_t)((twice->runs.count + RUN_ROWS - 1) / RUN_ROWS);
	runs = tally_calloc(count + 1, sizeof(*runs));
	for (size_t i = 0; i < count; i++) {
		runs[i].next = i * RUN_ROWS;
		runs[i].end = i + 1 < count ? (i + 1) * RUN_ROWS : twice->runs.count;
	}
	result = merge(twice, runs, count, each, ctx, err);
	free(runs);
	return result;
}

void audit_twice_free(struct audit_twice *twice)
{
	free(twice->rows);
	audit_spill_free(&twice->runs);
	twice->rows = NULL;
}
