/*
 * Manifests: which runs make up the tables of a space, and as of which mark. A text file:
 *
 *   tallystick flatfile index 1
 *   space <16 hex digits>
 *   generation <number>
 *   next <number that the next run will have>
 *   mark <120 hex digits>
 *   run <number> <bytes> <CRC-32C of its footer, 8 hex digits> synced|new     (newest first)
 *   end <CRC-32C of all bytes before this line, 8 hex digits>
 *
 * "manifest" is the newest set, of which nothing need be durable; "manifest.sync" the newest that
 * is durable with all its runs. At load the first is taken if it is whole and all its runs are (those
 * marked new are read and checked from end to end), else the second. Where there is no second,
 * nothing was promised, and the tables are empty.
 */
#include "config.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "arena.h"
#include "hash.h"
#include "segments.h"
#include "tables.h"

#define MANIFEST_MAX (1u << 20)
#define TITLE "tallystick flatfile index 1"

struct manifest_run {
	uint64_t id;
	uint64_t bytes;
	uint32_t footer_crc;
	bool synced;
};

/* A manifest as read; whole: it is one, and undamaged. */
struct manifest {
	bool exists;
	bool whole;
	uint64_t generation;
	uint64_t next;
	struct tally_mark mark;
	uint32_t count;
	struct manifest_run *runs;
};

/* ---- writing ---- */

static void mark_encode(const struct tally_mark *mark, uint8_t out[TALLY_MARK_SIZE])
{
	tally_put_u64(out, mark->blocks);
	memcpy(out + 8, mark->header_hash, sizeof(mark->header_hash));
	memcpy(out + 40, mark->store_id, sizeof(mark->store_id));
	tally_put_u32(out + 56, mark->projection);
}

static void mark_decode(struct tally_mark *mark, const uint8_t in[TALLY_MARK_SIZE])
{
	memset(mark, 0, sizeof(*mark));
	mark->blocks = tally_get_u64(in);
	memcpy(mark->header_hash, in + 8, sizeof(mark->header_hash));
	memcpy(mark->store_id, in + 40, sizeof(mark->store_id));
	mark->projection = tally_get_u32(in + 56);
}

void flat_manifest_encode(struct flat_index *index, const struct flat_tables *tables,
			  const struct flat_set *set, bool all_synced, struct tally_buf *buf)
{
	uint8_t mark[TALLY_MARK_SIZE];
	char hex[2 * TALLY_MARK_SIZE + 1];

	mark_encode(&set->mark, mark);
	tally_hex_encode(mark, sizeof(mark), hex);
	pthread_mutex_lock(&index->lock);
	tally_buf_printf(buf, TITLE "\nspace %016" PRIx64 "\ngeneration %" PRIu64 "\nnext %" PRIu64
			 "\nmark %s\n", tables->id, set->generation, tables->next_id, hex);
	for (uint32_t i = 0; i < set->count; i++) {
		const struct flat_run *run = set->runs[i];

		tally_buf_printf(buf, "run %" PRIu64 " %" PRIu64 " %08" PRIx32 " %s\n", run->id,
				 run->bytes, run->footer_crc,
				 all_synced || run->synced ? "synced" : "new");
	}
	pthread_mutex_unlock(&index->lock);
	tally_buf_printf(buf, "end %08" PRIx32 "\n", tally_crc32c(0, buf->data, buf->size));
}

/* ---- reading ---- */

/* The next word of a line, behind any spaces; the line shrinks. */
static struct tally_bytes take_word(struct tally_bytes *line)
{
	struct tally_bytes word;
	size_t at = 0, end;

	while (at < line->size && line->data[at] == ' ')
		at++;
	end = at;
	while (end < line->size && line->data[end] != ' ')
		end++;
	word = tally_bytes(line->data + at, end - at);
	*line = tally_bytes(line->data + end, line->size - end);
	return word;
}

static bool take_line(struct tally_bytes *text, struct tally_bytes *line_r)
{
	const uint8_t *end = text->size > 0 ? memchr(text->data, '\n', text->size) : NULL;

	if (end == NULL)
		return false;
	*line_r = tally_bytes(text->data, (size_t)(end - text->data));
	*text = tally_bytes(end + 1, text->size - line_r->size - 1);
	return true;
}

static bool take_number(struct tally_bytes *line, uint64_t *value_r)
{
	return tally_parse_u64(take_word(line), UINT64_MAX, value_r);
}

static bool take_crc(struct tally_bytes *line, uint32_t *crc_r)
{
	uint8_t bytes[4];

	if (!tally_hex_decode(take_word(line), bytes, sizeof(bytes)))
		return false;
	*crc_r = tally_get_u32(bytes);
	return true;
}

static bool parse_run(struct tally_bytes line, struct manifest *manifest)
{
	struct manifest_run run;
	struct tally_bytes state;

	if (!take_number(&line, &run.id) || !take_number(&line, &run.bytes) ||
	    !take_crc(&line, &run.footer_crc) || manifest->count == FLAT_RUNS_MAX)
		return false;
	state = take_word(&line);
	run.synced = tally_bytes_is(state, "synced");
	if (!run.synced && !tally_bytes_is(state, "new"))
		return false;
	manifest->runs = tally_realloc(manifest->runs, (manifest->count + 1) * sizeof(run));
	manifest->runs[manifest->count++] = run;
	return true;
}

static bool parse_line(struct tally_bytes line, uint64_t space, struct manifest *manifest)
{
	struct tally_bytes word = take_word(&line);
	uint8_t bytes[TALLY_MARK_SIZE];

	if (tally_bytes_is(word, "run"))
		return parse_run(line, manifest);
	if (tally_bytes_is(word, "generation"))
		return take_number(&line, &manifest->generation);
	if (tally_bytes_is(word, "next"))
		return take_number(&line, &manifest->next);
	if (tally_bytes_is(word, "space"))
		return tally_hex_decode(take_word(&line), bytes, 8) && tally_get_u64(bytes) == space;
	if (!tally_bytes_is(word, "mark") ||
	    !tally_hex_decode(take_word(&line), bytes, sizeof(bytes)))
		return false;
	mark_decode(&manifest->mark, bytes);
	return true;
}

/* The checksum comes first: nothing else is looked at unless it is right. */
static bool manifest_parse(struct tally_bytes text, uint64_t space, struct manifest *manifest)
{
	const size_t end_size = strlen("end 12345678\n");
	struct tally_bytes line, tail;
	uint32_t crc;

	if (text.size < end_size)
		return false;
	tail = tally_bytes(text.data + text.size - end_size, end_size);
	text.size -= end_size;
	if (!take_line(&tail, &line) || !tally_bytes_is(take_word(&line), "end") ||
	    !take_crc(&line, &crc) || crc != tally_crc32c(0, text.data, text.size))
		return false;
	if (!take_line(&text, &line) || !tally_bytes_is(line, TITLE))
		return false;
	while (take_line(&text, &line)) {
		if (!parse_line(line, space, manifest))
			return false;
	}
	return text.size == 0;
}

static int manifest_load(struct flat_index *index, const struct flat_tables *tables,
			 const char *name, struct manifest *manifest, struct tally_err *err)
{
	struct tally_buf path = { 0 }, text = { 0 };
	int ret;

	*manifest = (struct manifest){ 0 };
	tally_buf_printf(&path, "%s/%s", tables->dir, name);
	tally_buf_add_u8(&path, '\0');
	ret = flat_load(index->medium.disk, (const char *)path.data, MANIFEST_MAX, &text, err);
	manifest->exists = ret != 0;
	if (ret == 1)
		manifest->whole = manifest_parse(tally_buf_bytes(&text), tables->id, manifest);
	if (ret < 0 && err->code == TALLY_CORRUPT)
		ret = 0;
	tally_buf_free(&text);
	tally_buf_free(&path);
	return ret < 0 ? -1 : 0;
}

/* ---- opening the runs of a manifest ---- */

static struct flat_run *find_run(const struct flat_set *set, const struct manifest_run *wanted)
{
	for (uint32_t i = 0; set != NULL && i < set->count; i++) {
		if (set->runs[i]->id == wanted->id &&
		    set->runs[i]->footer_crc == wanted->footer_crc)
			return set->runs[i];
	}
	return NULL;
}

/* The set of a manifest; runs that other has already are shared with it. */
static int set_open(struct flat_index *index, const struct flat_tables *tables,
		    const struct manifest *manifest, const struct flat_set *other,
		    struct flat_set **set_r, struct tally_err *err)
{
	struct flat_set *set = flat_set_new(manifest->generation, &manifest->mark,
					    manifest->count);

	for (uint32_t i = 0; i < manifest->count; i++) {
		const struct manifest_run *wanted = &manifest->runs[i];
		struct flat_run *run = find_run(other, wanted);

		if (run == NULL) {
			if (flat_run_open(&index->medium, tables->id, wanted->id, wanted->bytes,
					  wanted->footer_crc, !wanted->synced, &run, err) < 0) {
				/* Files are not to be unlinked for it: the set just goes away. */
				for (uint32_t k = 0; k < set->count; k++) {
					if (--set->runs[k]->users == 0)
						flat_run_free(&index->medium, set->runs[k]);
				}
				free(set);
				return -1;
			}
			run->synced = wanted->synced;
		}
		flat_set_add(index, set, run);
	}
	*set_r = set;
	return 0;
}

/* ---- the directory ---- */

/* Calls each with the number of every run file, and with 0 for other files. */
static void each_file(const struct flat_tables *tables,
		      void (*each)(void *ctx, const char *name, uint64_t id), void *ctx)
{
	DIR *dir = opendir(tables->dir);
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		size_t size = strlen(entry->d_name);
		uint64_t id = 0;

		if (entry->d_name[0] == '.')
			continue;
		if (size > 4 && strcmp(entry->d_name + size - 4, ".run") == 0)
			id = strtoull(entry->d_name, NULL, 10);
		each(ctx, entry->d_name, id);
	}
	if (dir != NULL)
		closedir(dir);
}

static void note_highest(void *ctx, const char *name, uint64_t id)
{
	uint64_t *next = ctx;

	(void)name;
	if (id >= *next)
		*next = id + 1;
}

struct sweep {
	struct flat_index *index;
	const struct flat_tables *tables;
};

static bool set_has(const struct flat_set *set, uint64_t id)
{
	for (uint32_t i = 0; set != NULL && i < set->count; i++) {
		if (set->runs[i]->id == id)
			return true;
	}
	return false;
}

static void sweep_file(void *ctx, const char *name, uint64_t id)
{
	const struct sweep *sweep = ctx;
	struct tally_buf path = { 0 };
	struct tally_err ignored;

	if (strcmp(name, "manifest") == 0 || strcmp(name, "manifest.sync") == 0 ||
	    (id > 0 && (set_has(sweep->tables->current, id) || set_has(sweep->tables->synced, id))))
		return;
	tally_buf_printf(&path, "%s/%s", sweep->tables->dir, name);
	tally_buf_add_u8(&path, '\0');
	flat_unlink(sweep->index->medium.disk, (const char *)path.data, &ignored);
	tally_buf_free(&path);
}

void flat_tables_sweep(struct flat_index *index, struct flat_tables *tables)
{
	struct sweep sweep = { index, tables };

	each_file(tables, sweep_file, &sweep);
}

/* ---- loading ---- */

/* What was found on disk, and what becomes of it. */
struct found {
	struct manifest newest;
	struct manifest synced;
	struct flat_set *current;
	struct flat_set *durable;
};

static void log_fallback(const struct flat_tables *tables, const char *reason)
{
	tally_log(TALLY_LOG_WARN, "flatfile.index", "dir", tables->dir, "note",
		  "the newest manifest cannot be used, going back to the last durable one",
		  "reason", reason, NULL);
}

/* Runs that the durable manifest names need not be read from end to end. */
static void take_durable(struct found *found)
{
	for (uint32_t i = 0; found->synced.whole && i < found->newest.count; i++) {
		struct manifest_run *run = &found->newest.runs[i];

		for (uint32_t k = 0; k < found->synced.count; k++) {
			const struct manifest_run *durable = &found->synced.runs[k];

			if (durable->id == run->id && durable->footer_crc == run->footer_crc)
				run->synced = true;
		}
	}
}

static int choose(struct flat_index *index, const struct flat_tables *tables, struct found *found,
		  struct tally_err *err)
{
	const struct tally_mark none = { 0 };

	take_durable(found);
	if (found->newest.whole && (!found->synced.whole ||
				    found->newest.generation >= found->synced.generation)) {
		if (set_open(index, tables, &found->newest, NULL, &found->current, err) == 0)
			return 0;
		if (err->code != TALLY_CORRUPT)
			return -1;
		log_fallback(tables, err->text);
	} else if (found->newest.exists) {
		log_fallback(tables, found->newest.whole ? "older" : "damaged");
	}
	if (found->synced.whole)
		return set_open(index, tables, &found->synced, NULL, &found->current, err);
	if (found->synced.exists)
		return tally_err_set(err, TALLY_CORRUPT, "%s/manifest.sync is damaged", tables->dir);
	found->current = flat_set_new(0, &none, 0);
	return 0;
}

/* The set of manifest.sync, for as long as no newer one is durable. */
static void keep_durable(struct flat_index *index, const struct flat_tables *tables,
			 struct found *found)
{
	struct tally_err err;

	if (!found->synced.whole)
		return;
	if (found->current->generation == found->synced.generation)
		found->durable = flat_set_hold(index, &found->current);
	else if (set_open(index, tables, &found->synced, found->current, &found->durable, &err) < 0)
		tally_log(TALLY_LOG_WARN, "flatfile.index", "dir", tables->dir, "reason", err.text,
			  NULL);
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void publish(struct flat_index *index, struct flat_tables *tables, const struct found *found)
{
	uint64_t next = later(later(found->newest.next, found->synced.next), 1);

	each_file(tables, note_highest, &next);
	tables->has_dir = found->newest.exists || found->synced.exists;
	pthread_mutex_lock(&index->lock);
	/* Newer than whatever a power cut may bring back. */
	if (found->current->generation < found->newest.generation)
		found->current->generation = found->newest.generation;
	tables->next_id = next;
	tables->current = found->current;
	tables->synced = found->durable;
	pthread_mutex_unlock(&index->lock);
}

int flat_tables_load(struct flat_index *index, struct flat_tables *tables, struct tally_err *err)
{
	struct found found = { 0 };
	int ret = -1;

	if (manifest_load(index, tables, "manifest", &found.newest, err) == 0 &&
	    manifest_load(index, tables, "manifest.sync", &found.synced, err) == 0 &&
	    choose(index, tables, &found, err) == 0) {
		keep_durable(index, tables, &found);
		publish(index, tables, &found);
		flat_tables_sweep(index, tables);
		ret = 0;
	}
	free(found.newest.runs);
	free(found.synced.runs);
	return ret;
}

void flat_tables_load_empty(struct flat_index *index, struct flat_tables *tables)
{
	const struct tally_mark none = { 0 };
	struct found found = { 0 };
	struct tally_err ignored;

	manifest_load(index, tables, "manifest", &found.newest, &ignored);
	manifest_load(index, tables, "manifest.sync", &found.synced, &ignored);
	found.newest.exists = true;
	found.current = flat_set_new(later(found.newest.generation, found.synced.generation),
				     &none, 0);
	publish(index, tables, &found);
	free(found.newest.runs);
	free(found.synced.runs);
}
