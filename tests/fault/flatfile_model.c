/* The workload and the audit; see flatfile_model.h. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "arena.h"
#include "buf.h"
#include "flatfile_model.h"
#include "flatfile_record.h"

extern const struct tally_driver tally_driver_flatfile;

/* ---- notes ---- */

enum note_kind {
	TRY_APPEND, DID_APPEND,		/* space, number */
	TRY_ERASE, DID_ERASE,		/* space, number, offset, size */
	TRY_DROP, DID_DROP,		/* space */
	TRY_STATE,			/* space, number of the state that the index shall have */
	DID_STATE			/* space, number of the state that is durable */
};

struct note {
	enum note_kind kind;
	size_t position;
	uint64_t space, number, offset, size;
};

/* A state of a space's tables: version of each key, 0 for none. */
struct state {
	struct tally_mark mark;
	uint32_t versions[MODEL_TABLES][MODEL_KEYS];
};

struct model {
	uint64_t random;
	uint64_t seed;
	size_t (*position)(void *ctx);
	void *ctx;
	struct note *notes;
	size_t count, room;
	uint64_t blocks[MODEL_SPACES];
	bool dropped[MODEL_SPACES];
	struct state *states[MODEL_SPACES];
	size_t state_count[MODEL_SPACES];
	size_t now[MODEL_SPACES];	/* the state that the store has */
	uint32_t version;
};

static void note(struct model *model, struct note what)
{
	what.position = model->position != NULL ? model->position(model->ctx) : 0;
	if (model->count == model->room) {
		model->room = 2 * model->room + 256;
		model->notes = tally_realloc(model->notes, model->room * sizeof(*model->notes));
	}
	model->notes[model->count++] = what;
}

static struct state *state_new(struct model *model, size_t space)
{
	size_t count = ++model->state_count[space];

	model->states[space] = tally_realloc(model->states[space],
					     count * sizeof(*model->states[space]));
	return &model->states[space][count - 1];
}

struct model *model_new(uint64_t seed, size_t (*position)(void *ctx), void *ctx)
{
	struct model *model = tally_calloc(1, sizeof(*model));

	model->seed = seed;
	model->random = seed * 0x9e3779b97f4a7c15u | 1;
	model->position = position;
	model->ctx = ctx;
	for (size_t i = 0; i < MODEL_SPACES; i++)
		memset(state_new(model, i), 0, sizeof(struct state));
	return model;
}

void model_free(struct model *model)
{
	for (size_t i = 0; i < MODEL_SPACES; i++)
		free(model->states[i]);
	free(model->notes);
	free(model);
}

int model_open(const char *directory, bool create, struct tally_store **store_r,
	       struct tally_err *err)
{
	struct tally_conf *conf = tally_conf_new();
	const struct tally_store_args args = {
		.location = directory,
		.conf = conf,
		.create = create,
		.blocks = true,
		.index = true,
	};
	int ret;

	tally_conf_override(conf, "flatfile", "segment_size", "128KiB");
	tally_conf_override(conf, "flatfile", "index_sync", "150000");
	tally_conf_override(conf, "flatfile", "cache", "256KiB");
	tally_conf_override(conf, "flatfile", "open_files", "8");
	ret = tally_store_open(&tally_driver_flatfile, &args, store_r, err);
	tally_conf_free(&conf);
	return ret;
}

/* ---- bytes that follow from their place; none of them is zero ---- */

static uint64_t mix(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	uint64_t hash = a * 0x9e3779b97f4a7c15u ^ b * 0xc2b2ae3d27d4eb4fu ^ c * 0x165667b19e3779f9u ^
			d * 0xff51afd7ed558ccdu;

	hash = (hash ^ hash >> 29) * 0xbf58476d1ce4e5b9u;
	return hash ^ hash >> 32;
}

static void fill(struct tally_buf *buf, uint64_t hash, size_t size)
{
	uint8_t *to = tally_buf_reserve(buf, size);

	hash |= 1;
	for (size_t i = 0; i < size; i++)
		to[i] = (uint8_t)(random_next(&hash) | 1);
	buf->size += size;
}

static void block_bytes(const struct model *model, uint64_t space, uint64_t number,
			struct tally_buf *buf)
{
	uint64_t hash = mix(model->seed, space, number, 1);
	static const uint32_t limits[] = { 100, 100, 5000, 5000, 5000, 40000 };

	buf->size = 0;
	fill(buf, hash, 1 + (hash >> 8) % limits[hash % 6]);
}

static struct tally_bytes key_bytes(uint32_t key, uint8_t room[4])
{
	tally_put_u32(room, key * 3);
	return tally_bytes(room, 4);
}

static void value_bytes(const struct model *model, uint32_t table, uint32_t key, uint32_t version,
			struct tally_buf *buf)
{
	uint64_t hash = mix(model->seed + table, key, version, 2);

	buf->size = 0;
	tally_buf_reserve(buf, 1);
	fill(buf, hash, (hash >> 8) % (hash % 9 == 0 ? 20000 : 300));
}

/* ---- steps ---- */

static uint64_t chance(struct model *model, uint64_t bound)
{
	return random_below(&model->random, bound);
}

static int step_append(struct model *model, struct tally_store *store, struct tally_err *err)
{
	struct tally_block_write writes[MODEL_SPACES];
	struct tally_buf bufs[MODEL_SPACES] = { { 0 } };
	size_t count = 0;
	int ret = 0;

	for (size_t space = 0; space < MODEL_SPACES; space++) {
		if (model->dropped[space] || chance(model, 3) > 0)
			continue;
		block_bytes(model, space, model->blocks[space], &bufs[count]);
		writes[count] = (struct tally_block_write){
			.space = space,
			.number = model->blocks[space],
			.data = tally_buf_bytes(&bufs[count]),
		};
		note(model, (struct note){ .kind = TRY_APPEND, .space = space,
					   .number = model->blocks[space] });
		count++;
	}
	if (count > 0)
		ret = tally_store_append(store, writes, count, err);
	for (size_t i = 0; i < count; i++) {
		if (writes[i].outcome == TALLY_OK) {
			note(model, (struct note){ .kind = DID_APPEND, .space = writes[i].space,
						   .number = writes[i].number });
			model->blocks[writes[i].space]++;
		}
		tally_buf_free(&bufs[i]);
	}
	return ret;
}

/* A space that has blocks, or -1. */
static int some_space(struct model *model)
{
	size_t space = chance(model, MODEL_SPACES);

	return model->dropped[space] || model->blocks[space] == 0 ? -1 : (int)space;
}

static int step_erase(struct model *model, struct tally_store *store, struct tally_err *err)
{
	int space = some_space(model);
	struct tally_range ranges[2];
	struct tally_buf buf = { 0 };
	struct note what[2];
	uint64_t number;
	int ret;

	if (space < 0)
		return 0;
	number = chance(model, model->blocks[space]);
	block_bytes(model, (uint64_t)space, number, &buf);
	for (size_t i = 0; i < 2; i++) {
		ranges[i].offset = chance(model, buf.size);
		ranges[i].size = 1 + chance(model, buf.size - ranges[i].offset);
		what[i] = (struct note){ .kind = TRY_ERASE, .space = (uint64_t)space,
					 .number = number, .offset = ranges[i].offset,
					 .size = ranges[i].size };
		note(model, what[i]);
	}
	tally_buf_free(&buf);
	ret = tally_store_erase(store, (uint64_t)space, number, ranges, 2, err);
	for (size_t i = 0; ret == 0 && i < 2; i++) {
		what[i].kind = DID_ERASE;
		note(model, what[i]);
	}
	return ret;
}

/* The newest state is tried; after a call that failed the mark tells whether it came to be. */
static void note_try(struct model *model, size_t space)
{
	note(model, (struct note){ .kind = TRY_STATE, .space = space,
				   .number = model->state_count[space] - 1 });
}

static void note_now(struct model *model, struct tally_store *store, size_t space)
{
	size_t tried = model->state_count[space] - 1;
	struct tally_mark mark;
	struct tally_err err;

	if (tally_store_mark(store, space, &mark, &err) == 0 &&
	    tally_mark_equal(&mark, &model->states[space][tried].mark))
		model->now[space] = tried;
}

/* Space 0 stays. */
static int step_drop(struct model *model, struct tally_store *store, struct tally_err *err)
{
	int space = some_space(model);
	int ret;

	if (space <= 0 || chance(model, 8) > 0)
		return 0;
	memset(state_new(model, (size_t)space), 0, sizeof(struct state));
	note_try(model, (size_t)space);
	note(model, (struct note){ .kind = TRY_DROP, .space = (uint64_t)space });
	ret = tally_store_drop(store, (uint64_t)space, err);
	note_now(model, store, (size_t)space);
	if (ret == 0) {
		model->dropped[space] = true;
		note(model, (struct note){ .kind = DID_DROP, .space = (uint64_t)space });
	}
	return ret;
}

static void change_keys(struct model *model, struct state *state, struct tally_change *changes,
			size_t *count, uint8_t (*keys)[4], struct tally_buf *values)
{
	uint64_t density = 2 + chance(model, 30);

	for (uint32_t table = 0; table < MODEL_TABLES; table++) {
		for (uint32_t key = 0; key < MODEL_KEYS; key++) {
			uint32_t *version = &state->versions[table][key];
			size_t n = *count;

			if (chance(model, density) > 0)
				continue;
			*version = chance(model, 4) == 0 ? 0 : ++model->version;
			value_bytes(model, table, key, *version, &values[n]);
			changes[n] = (struct tally_change){
				.table = table,
				.remove = *version == 0,
				.key = key_bytes(key, keys[n]),
				.value = tally_buf_bytes(&values[n]),
			};
			++*count;
		}
	}
}

static int step_apply(struct model *model, struct tally_store *store, struct tally_err *err)
{
	struct tally_change changes[MODEL_TABLES * MODEL_KEYS];
	uint8_t keys[MODEL_TABLES * MODEL_KEYS][4];
	struct tally_buf values[MODEL_TABLES * MODEL_KEYS];
	int space = some_space(model);
	struct tally_mark from;
	struct state *to;
	size_t count = 0;
	int ret;

	if (space < 0)
		return 0;
	memset(values, 0, sizeof(values));
	to = state_new(model, (size_t)space);
	*to = model->states[space][model->now[space]];
	from = to->mark;
	to->mark.blocks = model->blocks[space];
	tally_put_u64(to->mark.header_hash, model->state_count[space]);
	to->mark.projection = 7;
	change_keys(model, to, changes, &count, keys, values);
	note_try(model, (size_t)space);
	ret = tally_store_apply(store, (uint64_t)space, &from, &to->mark, changes, count, err);
	note_now(model, store, (size_t)space);
	for (size_t i = 0; i < count; i++)
		tally_buf_free(&values[i]);
	if (ret == 0 && chance(model, 25) == 0) {
		memset(state_new(model, (size_t)space), 0, sizeof(struct state));
		note_try(model, (size_t)space);
		ret = tally_store_reset(store, (uint64_t)space, err);
		note_now(model, store, (size_t)space);
	}
	return ret;
}

void model_synced(struct model *model)
{
	for (size_t space = 0; space < MODEL_SPACES; space++)
		note(model, (struct note){ .kind = DID_STATE, .space = space,
					   .number = model->now[space] });
}

static int step_sync(struct model *model, struct tally_store *store, struct tally_err *err)
{
	int ret = chance(model, 3) == 0 ? tally_store_maintain(store, err)
					: tally_store_sync_index(store, err);

	if (ret == 0)
		model_synced(model);
	return ret;
}

int model_step(struct model *model, struct tally_store *store, struct tally_err *err)
{
	uint64_t what = chance(model, 20);

	if (what < 10)
		return step_append(model, store, err);
	if (what < 15)
		return step_apply(model, store, err);
	if (what < 18)
		return step_erase(model, store, err);
	if (what < 19)
		return step_sync(model, store, err);
	return step_drop(model, store, err);
}

/* ---- the audit ---- */

static char wrong_text[600];
static enum tally_code wrong_code;	/* of the error that the store told; OK: it told none */

__attribute__((format(printf, 1, 2)))
static const char *wrong(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(wrong_text, sizeof(wrong_text), format, args);
	va_end(args);
	return wrong_text;
}

static const char *told(const struct tally_err *err, const char *what, uint64_t space)
{
	wrong_code = err->code;
	return wrong("%s of space %" PRIu64 ": %s", what, space, err->text);
}

enum tally_code model_code(void)
{
	return wrong_code;
}

/* What the notes up to a position say of one space. */
struct want {
	uint64_t tried, acknowledged;
	bool drop_tried, dropped;
	uint64_t state_tried, state_durable;
};

static struct want want_of(const struct model *model, size_t position, uint64_t space)
{
	struct want want = { 0 };

	for (size_t i = 0; i < model->count; i++) {
		const struct note *at = &model->notes[i];

		if (at->space != space || at->position > position)
			continue;
		if (at->kind == TRY_APPEND)
			want.tried = at->number + 1;
		else if (at->kind == DID_APPEND)
			want.acknowledged = at->number + 1;
		else if (at->kind == TRY_DROP)
			want.drop_tried = true;
		else if (at->kind == DID_DROP)
			want.dropped = true;
		else if (at->kind == TRY_STATE)
			want.state_tried = at->number;
		else if (at->kind == DID_STATE)
			want.state_durable = at->number;
	}
	return want;
}

/* Erased bytes are zero; where erasing was only tried, they may be. */
static void erase_notes(const struct model *model, size_t position, uint64_t space, uint64_t number,
			uint8_t *bytes, uint8_t *maybe)
{
	for (size_t i = 0; i < model->count; i++) {
		const struct note *at = &model->notes[i];

		if (at->space != space || at->number != number || at->position > position)
			continue;
		if (at->kind == DID_ERASE)
			memset(bytes + at->offset, 0, at->size);
		if (at->kind == TRY_ERASE)
			memset(maybe + at->offset, 1, at->size);
	}
}

static const char *audit_block(const struct model *model, size_t position,
			       struct tally_store *store, uint64_t space, uint64_t number)
{
	struct tally_arena arena = { 0 };
	struct tally_buf want = { 0 };
	struct tally_bytes got;
	struct tally_err err = { 0 };
	const char *bad = NULL;
	uint8_t *maybe;
	int ret = tally_store_read(store, space, number, 0, UINT64_MAX, &arena, &got, &err);

	block_bytes(model, space, number, &want);
	maybe = tally_calloc(1, want.size);
	erase_notes(model, position, space, number, want.data, maybe);
	if (ret < 0)
		bad = told(&err, "read", space);
	else if (ret != 1)
		bad = wrong("space %" PRIu64 " has no block %" PRIu64, space, number);
	else if (got.size != want.size)
		bad = wrong("space %" PRIu64 " block %" PRIu64 ": %zu bytes, not %zu", space, number,
			    got.size, want.size);
	for (size_t i = 0; bad == NULL && i < want.size; i++) {
		if (got.data[i] != want.data[i] && !(maybe[i] && got.data[i] == 0))
			bad = wrong("space %" PRIu64 " block %" PRIu64 ": byte %zu is %d, not %d",
				    space, number, i, got.data[i], want.data[i]);
	}
	free(maybe);
	tally_buf_free(&want);
	tally_arena_free(&arena);
	return bad;
}

static const char *audit_blocks(const struct model *model, size_t position,
				struct tally_store *store, uint64_t space, const struct want *want)
{
	struct tally_err err = { 0 };
	uint64_t count = 0;
	const char *bad = NULL;
	int ret = tally_store_last(store, space, &count, &err);

	if (ret < 0 && err.code == TALLY_NOTFOUND && want->drop_tried)
		return NULL;
	if (ret < 0)
		return told(&err, "last", space);
	if (want->dropped)
		return wrong("space %" PRIu64 " was dropped and has %" PRIu64 " blocks", space, count);
	if (count < want->acknowledged || count > want->tried)
		return wrong("space %" PRIu64 " has %" PRIu64 " blocks; %" PRIu64
			     " were acknowledged, %" PRIu64 " tried", space, count,
			     want->acknowledged, want->tried);
	for (uint64_t i = 0; bad == NULL && i < count; i++)
		bad = audit_block(model, position, store, space, i);
	return bad;
}

struct table_audit {
	const struct model *model;
	const struct state *state;
	uint32_t table;
	uint32_t next;			/* key */
	const char *bad;
	struct tally_buf value;
};

static int audit_pair(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct table_audit *audit = ctx;
	const uint32_t *versions = audit->state->versions[audit->table];
	uint8_t room[4];

	while (audit->next < MODEL_KEYS && versions[audit->next] == 0)
		audit->next++;
	if (audit->next == MODEL_KEYS || !tally_bytes_equal(key, key_bytes(audit->next, room))) {
		audit->bad = "a key too many, or one missing";
		return 1;
	}
	value_bytes(audit->model, audit->table, audit->next, versions[audit->next], &audit->value);
	if (!tally_bytes_equal(value, tally_buf_bytes(&audit->value)))
		audit->bad = "another value";
	audit->next++;
	return audit->bad != NULL;
}

static const char *audit_table(const struct model *model, struct tally_store *store, uint64_t space,
			       uint32_t table, const struct state *state)
{
	struct table_audit audit = { .model = model, .state = state, .table = table };
	struct tally_bytes all = tally_bytes("", 0);
	struct tally_err err = { 0 };
	struct tally_arena arena = { 0 };
	uint8_t room[4];

	if (tally_store_scan(store, space, table, all, all, false, audit_pair, &audit, &err) < 0) {
		tally_buf_free(&audit.value);
		return told(&err, "scan", space);
	}
	while (audit.next < MODEL_KEYS && state->versions[table][audit.next] == 0)
		audit.next++;
	if (audit.bad == NULL && audit.next < MODEL_KEYS)
		audit.bad = "keys missing at the end";
	for (uint32_t key = 0; audit.bad == NULL && key < MODEL_KEYS; key += 7) {
		struct tally_bytes value;
		int ret = tally_store_get(store, space, table, key_bytes(key, room), &arena, &value,
					  &err);

		if (ret < 0)
			audit.bad = told(&err, "get", space);
		else if (ret != (state->versions[table][key] != 0))
			audit.bad = "get and scan differ";
	}
	tally_buf_free(&audit.value);
	tally_arena_free(&arena);
	if (audit.bad == NULL || audit.bad == wrong_text)
		return audit.bad;
	return wrong("space %" PRIu64 " table %" PRIu32 ": %s", space, table, audit.bad);
}

/* The newest state with that mark which may be there. */
static const struct state *find_state(const struct model *model, uint64_t space,
				      const struct want *want, const struct tally_mark *mark)
{
	for (uint64_t i = want->state_tried + 1; i-- > want->state_durable; ) {
		if (tally_mark_equal(&model->states[space][i].mark, mark))
			return &model->states[space][i];
	}
	return NULL;
}

static const char *audit_index(const struct model *model, struct tally_store *store, uint64_t space,
			       const struct want *want)
{
	struct tally_err err = { 0 };
	const struct state *state;
	struct tally_mark mark;
	const char *bad = NULL;

	if (tally_store_mark(store, space, &mark, &err) < 0)
		return told(&err, "mark", space);
	state = find_state(model, space, want, &mark);
	if (state == NULL)
		return wrong("space %" PRIu64 ": its mark (block %" PRIu64 ", state %" PRIu64
			     ") is none of states %" PRIu64 " to %" PRIu64, space, mark.blocks,
			     tally_get_u64(mark.header_hash), want->state_durable,
			     want->state_tried);
	for (uint32_t table = 0; bad == NULL && table < MODEL_TABLES; table++)
		bad = audit_table(model, store, space, table, state);
	return bad;
}

const char *model_audit(struct model *model, size_t position, struct tally_store *store)
{
	const char *bad = NULL;

	wrong_code = TALLY_OK;
	for (uint64_t space = 0; bad == NULL && space < MODEL_SPACES; space++) {
		const struct want want = want_of(model, position, space);

		bad = audit_blocks(model, position, store, space, &want);
		if (bad == NULL)
			bad = audit_index(model, store, space, &want);
	}
	return bad;
}

const char *model_goes_on(struct model *model, struct tally_store *store)
{
	struct tally_buf buf = { 0 };
	struct tally_arena arena = { 0 };
	struct tally_block_write write = { .space = 0 };
	struct tally_err err = { 0 };
	struct tally_bytes got;
	const char *bad = NULL;

	fill(&buf, mix(model->seed, 1, 2, 3), 3000);
	write.data = tally_buf_bytes(&buf);
	if (tally_store_last(store, 0, &write.number, &err) < 0 ||
	    tally_store_append(store, &write, 1, &err) < 0 ||
	    tally_store_read(store, 0, write.number, 0, UINT64_MAX, &arena, &got, &err) != 1)
		bad = wrong("going on: %s", err.text);
	else if (!tally_bytes_equal(got, write.data))
		bad = wrong("going on: another block came back");
	tally_arena_free(&arena);
	tally_buf_free(&buf);
	return bad;
}

void model_counts(struct tally_store *store, uint64_t counts[MODEL_SPACES])
{
	struct tally_err err;

	for (uint64_t space = 0; space < MODEL_SPACES; space++) {
		if (tally_store_last(store, space, &counts[space], &err) < 0)
			counts[space] = 0;
	}
}
