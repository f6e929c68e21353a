/* Shared objects: the projection of DATASHARE journals, and reading what it made. */
#include "share_rows.h"

#include <stddef.h>
#include <stdlib.h>

#include "share_rules.h"

#define ROW_VERSION 1

static void put_short(struct tally_buf *buf, struct tally_bytes text)
{
	tally_buf_add_u8(buf, (uint8_t)text.size);
	tally_buf_add_bytes(buf, text);
}

static size_t key_part(uint8_t *key, struct tally_bytes text)
{
	key[0] = (uint8_t)text.size;
	if (text.size > 0)
		memcpy(key + 1, text.data, text.size);
	return 1 + text.size;
}

struct tally_bytes tally_share_key(enum tally_share_kind kind, struct tally_bytes a,
				   struct tally_bytes b, uint8_t key[SHARE_KEY_MAX])
{
	size_t size = 1;

	key[0] = (uint8_t)kind;
	size += key_part(key + size, a);
	if (b.size > 0)
		size += key_part(key + size, b);
	return tally_bytes(key, size);
}

size_t tally_share_process_key(struct tally_bytes creator, struct tally_bytes process,
			       uint8_t key[SHARE_PROCESS_KEY_MAX])
{
	size_t size = key_part(key, creator);

	return size + key_part(key + size, process);
}

bool tally_share_point(const struct tally_record *record, uint8_t point_r[65])
{
	return tally_hex_decode(tally_field_text(record, "key"), point_r, 65);
}

/* ---- rows ---- */

/* The four texts of a row, by kind: from which fields of its first journal; an application's credential
 * comes later. The first one is whose it is. */
#define SAID 4
#define TEXT(name) { #name, offsetof(struct tally_share_object, name) }
static const struct said {
	const char *field;
	size_t at;
} said[][SAID] = {
	[SHARE_ORDER] = { TEXT(provider), TEXT(product), TEXT(creator), TEXT(process) },
	[SHARE_APPLICATION] = { TEXT(issuer), TEXT(service), TEXT(sequence) },
	[SHARE_CREDENTIAL] = { TEXT(owner), TEXT(publisher), TEXT(schema) },
};
#define SAID_KINDS (sizeof(said) / sizeof(*said))

/* NULL: a row of this kind says nothing there. */
static struct tally_bytes *said_at(struct tally_share_object *object, size_t i)
{
	if (object->kind >= SAID_KINDS || said[object->kind][i].field == NULL)
		return NULL;
	return (struct tally_bytes *)((char *)object + said[object->kind][i].at);
}

struct tally_bytes tally_share_whose_of(const struct tally_share_object *object)
{
	struct tally_share_object copy = *object;
	const struct tally_bytes *first = said_at(&copy, 0);

	return first != NULL ? *first : TALLY_BYTES_NONE;
}

static void encode(struct tally_share_object *object, uint64_t block, struct tally_buf *buf)
{
	tally_buf_add_u8(buf, ROW_VERSION);
	tally_buf_add_u64(buf, block);
	tally_buf_add_u8(buf, (uint8_t)object->state);
	tally_buf_add_u64(buf, object->last);
	tally_buf_add_u64(buf, object->content);
	tally_buf_add_u64(buf, object->created);
	tally_buf_add_u64(buf, object->create_ms);
	tally_buf_add_u64(buf, object->update_ms);
	for (size_t i = 0; i < SAID; i++) {
		const struct tally_bytes *text = said_at(object, i);

		put_short(buf, text != NULL ? *text : TALLY_BYTES_NONE);
	}
	if (object->kind == SHARE_DID)
		tally_buf_add(buf, object->point, sizeof(object->point));
	if (object->kind == SHARE_SCHEMA)
		tally_buf_add_u64(buf, object->version);
}

static struct tally_bytes get_short(struct tally_reader *reader)
{
	return tally_read_bytes(reader, tally_read_u8(reader));
}

int tally_share_read(const struct tally_view *view, struct tally_bytes key, struct tally_bytes value,
		     struct tally_share_object *object_r, struct tally_err *err)
{
	struct tally_reader name = tally_reader(key), reader = tally_reader(value);
	struct tally_bytes point;
	uint8_t version = tally_read_u8(&reader);

	*object_r = (struct tally_share_object){ .kind = tally_read_u8(&name) };
	object_r->a = get_short(&name);
	if (object_r->kind != SHARE_DID)
		object_r->b = get_short(&name);
	tally_read_u64(&reader);
	object_r->state = tally_read_u8(&reader);
	object_r->last = tally_read_u64(&reader);
	object_r->content = tally_read_u64(&reader);
	object_r->created = tally_read_u64(&reader);
	object_r->create_ms = tally_read_u64(&reader);
	object_r->update_ms = tally_read_u64(&reader);
	for (size_t i = 0; i < SAID; i++) {
		struct tally_bytes text = get_short(&reader), *at = said_at(object_r, i);

		if (at != NULL)
			*at = text;
	}
	if (object_r->kind == SHARE_SCHEMA)
		object_r->version = tally_read_u64(&reader);
	point = tally_read_bytes(&reader, object_r->kind == SHARE_DID ? 65 : 0);
	if (point.size == 65)
		memcpy(object_r->point, point.data, 65);
	if (version == ROW_VERSION && !reader.failed && !name.failed &&
	    tally_reader_left(&reader) == 0 && object_r->state <= SHARE_GONE)
		return 0;
	return tally_err_set(err, TALLY_CORRUPT, "%s: malformed entry of table %d", view->space->name,
			     TABLE_SHARE);
}

int tally_share_look(const struct tally_view *view, enum tally_share_kind kind,
		     struct tally_bytes a, struct tally_bytes b, struct tally_arena *arena,
		     struct tally_share_object *object_r, struct tally_err *err)
{
	uint8_t *key = tally_arena_alloc(arena, SHARE_KEY_MAX);
	struct tally_bytes name, value;
	int found;

	if (a.size == 0 || a.size > TALLY_DID_MAX || b.size > TALLY_SHARE_LONG_MAX ||
	    (kind != SHARE_DID && b.size == 0))
		return 0;
	name = tally_share_key(kind, a, b, key);
	found = tally_view_get(view, TABLE_SHARE, name, arena, &value, err);
	if (found == 1)		/* the view may hold it */
		return tally_share_read(view, name, tally_arena_bytes(arena, value), object_r,
					err) == 0 ? 1 : -1;
	return found;
}

int tally_share_look_key(const struct tally_view *view, const uint8_t point[65],
			 struct tally_arena *arena, struct tally_share_object *did_r,
			 struct tally_err *err)
{
	struct tally_bytes value;
	int found = tally_view_get(view, TABLE_DID_BY_KEY, tally_bytes(point, 65), arena, &value,
				   err);

	if (found != 1)
		return found;
	return tally_share_look(view, SHARE_DID, tally_bytes(value.data + 1, value.size - 1),
				TALLY_BYTES_NONE, arena, did_r, err);
}

int tally_share_is_party(const struct tally_view *view, struct tally_bytes creator,
			 struct tally_bytes process, struct tally_bytes did,
			 struct tally_arena *arena, struct tally_err *err)
{
	uint8_t key[SHARE_PROCESS_KEY_MAX];
	size_t size = tally_share_process_key(creator, process, key);
	struct tally_bytes value;

	memcpy(key + size, did.data, did.size);
	return tally_view_get(view, TABLE_PARTY, tally_bytes(key, size + did.size), arena, &value,
			      err);
}

/* ---- the projection ---- */

static const uint8_t version_byte[1] = { ROW_VERSION };
#define SHARE_ASKED_KEY_MAX (1 + TALLY_DID_MAX + 8)

static void put(struct tally_projection *p, uint32_t table, struct tally_bytes key,
		struct tally_bytes value)
{
	tally_overlay_put(p->overlay, p->tag, table, key, value);
}

static void put_key(struct tally_projection *p, const struct tally_share_object *did)
{
	tally_buf_clear(&p->scratch);
	tally_buf_add_u8(&p->scratch, ROW_VERSION);
	tally_buf_add_bytes(&p->scratch, did->a);
	put(p, TABLE_DID_BY_KEY, tally_bytes(did->point, 65), tally_buf_bytes(&p->scratch));
}

static void put_stage(struct tally_projection *p, uint64_t journal_id, uint64_t now,
		      const struct tally_record *record)
{
	struct tally_bytes creator, process, consumer, order;
	uint8_t key[SHARE_PROCESS_KEY_MAX];
	size_t size;

	tally_share_parts(record, SHARE_PROCESS, &creator, &process);
	tally_share_parts(record, SHARE_ORDER, &consumer, &order);
	size = tally_share_process_key(creator, process, key);
	memcpy(key + size, consumer.data, consumer.size);
	put(p, TABLE_PARTY, tally_bytes(key, size + consumer.size), tally_bytes(version_byte, 1));
	tally_put_u64(key + size, journal_id);
	tally_buf_clear(&p->scratch);
	tally_buf_add_u8(&p->scratch, ROW_VERSION);
	tally_buf_add_u64(&p->scratch, now);
	put_short(&p->scratch, consumer);
	put_short(&p->scratch, order);
	put(p, TABLE_STAGE, tally_bytes(key, size + 8), tally_buf_bytes(&p->scratch));
}

static void take_text(const struct tally_record *record, struct tally_share_object *object, size_t i)
{
	struct tally_bytes *at = said_at(object, i);
	struct tally_bytes text = at != NULL ? tally_field_text(record, said[object->kind][i].field) :
					       TALLY_BYTES_NONE;

	if (text.size > 0 && text.size <= UINT8_MAX)	/* it may come from outside */
		*at = text;
}

/* What a new object takes from its first journal, whatever comes later. */
static void begin_object(const struct tally_record *record, uint64_t journal_id, uint64_t now,
			 struct tally_share_object *object)
{
	object->created = journal_id;
	object->create_ms = now;
	if (object->kind == SHARE_DID)
		(void)tally_share_point(record, object->point);
	for (size_t i = 0; i < SAID; i++)
		take_text(record, object, i);
}

/* What later journals add to it. */
static void go_on(const struct tally_record *record, struct tally_share_object *object)
{
	if (object->kind == SHARE_APPLICATION)
		take_text(record, object, 2);
}

/* An application is found by whom it asks for as long as it is open. */
static void put_asked(struct tally_projection *p, const struct tally_share_object *application)
{
	uint8_t key[SHARE_ASKED_KEY_MAX];
	size_t size;

	if (application->issuer.size > TALLY_DID_MAX)
		return;		/* it may come from outside */
	size = key_part(key, application->issuer);
	tally_put_u64(key + size, application->created);
	if (application->state != SHARE_REQUEST) {
		tally_overlay_remove(p->overlay, p->tag, TABLE_ASKED, tally_bytes(key, size + 8));
		return;
	}
	tally_buf_clear(&p->scratch);
	tally_buf_add_u8(&p->scratch, ROW_VERSION);
	put_short(&p->scratch, application->a);
	put_short(&p->scratch, application->b);
	put_short(&p->scratch, application->service);
	put(p, TABLE_ASKED, tally_bytes(key, size + 8), tally_buf_bytes(&p->scratch));
}

static void project_step(struct tally_projection *p, uint64_t journal_id, uint64_t now,
			 const struct tally_record *record, const struct tally_share_step *step)
{
	struct tally_share_object object;
	struct tally_bytes a, b;
	struct tally_arena arena;
	uint8_t key[SHARE_KEY_MAX];
	int found;

	tally_share_parts(record, step->kind, &a, &b);
	if (a.size == 0 || a.size > TALLY_DID_MAX || b.size > TALLY_SHARE_LONG_MAX)
		return;		/* it may come from outside */
	tally_arena_init(&arena);
	found = tally_share_look(&p->view, step->kind, a, b, &arena, &object, &p->failed);
	if (found == 0) {
		object = (struct tally_share_object){ .kind = step->kind, .a = a, .b = b };
		begin_object(record, journal_id, now, &object);
	} else if (found == 1) {
		go_on(record, &object);
	}
	object.version++;
	object.state = step->to;
	object.last = journal_id;
	object.update_ms = now;
	if (record->payload_size > 0)
		object.content = journal_id;
	if (found >= 0) {
		tally_buf_clear(&p->scratch);
		encode(&object, p->head->blocks, &p->scratch);
		put(p, TABLE_SHARE, tally_share_key(step->kind, a, b, key),
		    tally_buf_bytes(&p->scratch));
	}
	if (found == 0 && step->kind == SHARE_DID)
		put_key(p, &object);
	if (found >= 0 && step->kind == SHARE_APPLICATION)
		put_asked(p, &object);
	tally_arena_free(&arena);
}

void tally_project_share(struct tally_projection *p, uint64_t journal_id, uint64_t now,
			 const struct tally_record *record)
{
	const struct tally_share_rule *rule = tally_share_rule(tally_field_text(record, "op"));

	if (rule == NULL)
		return;
	for (const struct tally_share_step *step = rule->steps; step->kind != 0; step++) {
		if (step->to != SHARE_SAME)
			project_step(p, journal_id, now, record, step);
		if (step->kind == SHARE_PROCESS)
			put_stage(p, journal_id, now, record);
	}
}

/* ---- reading ---- */

/* A view of a channel's ledger with what other hosts wrote. */
static int take_view(struct tally_core *core, struct tally_bytes ledger_id,
		     struct tally_view *view_r, struct tally_err *err)
{
	struct tally_space *space;
	int found = tally_space_of_ledger(core, ledger_id, &space, err);

	if (found == 1 && (tally_space_refresh(space, false, err) != 0 ||
			   tally_view_take(space, view_r, err) != 0))
		return -1;
	if (found == 1 && view_r->head->status == LEDGER_NORMAL)
		return 0;
	if (found == 1)
		tally_view_drop(view_r);
	return found < 0 ? -1 : tally_err_about(err, TALLY_NOTFOUND, "Ledger", "no such ledger");
}

int tally_share_find(struct tally_core *core, struct tally_bytes ledger_id,
		     enum tally_share_kind kind, struct tally_bytes a, struct tally_bytes b,
		     struct tally_arena *arena, struct tally_share_object *object_r,
		     struct tally_err *err)
{
	struct tally_view view;
	int found;

	if (take_view(core, ledger_id, &view, err) != 0)
		return -1;
	found = tally_share_look(&view, kind, a, b, arena, object_r, err);
	tally_view_drop(&view);
	return found;
}

int tally_share_did_of(struct tally_core *core, struct tally_bytes ledger_id,
		       const uint8_t point[65], struct tally_arena *arena,
		       struct tally_share_object *did_r, struct tally_err *err)
{
	struct tally_view view;
	int found;

	if (take_view(core, ledger_id, &view, err) != 0)
		return -1;
	found = tally_share_look_key(&view, point, arena, did_r, err);
	tally_view_drop(&view);
	return found;
}

struct collect {
	const struct tally_view *view;
	struct tally_bytes service;
	struct tally_arena *arena;
	struct tally_share_object *objects;
	struct tally_share_stage *stages;
	size_t count, room;
	struct tally_err *err;
	bool failed;
};

static int each_object(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct collect *collect = ctx;
	struct tally_share_object object;

	key = tally_arena_bytes(collect->arena, key);
	value = tally_arena_bytes(collect->arena, value);
	if (tally_share_read(collect->view, key, value, &object, collect->err) != 0) {
		collect->failed = true;
		return 1;
	}
	if (object.state == SHARE_GONE)
		return 0;
	collect->objects = tally_arena_more(collect->arena, collect->objects, collect->count,
					    &collect->room, sizeof(object));
	collect->objects[collect->count++] = object;
	return 0;
}

static int by_age(const void *left, const void *right)
{
	const struct tally_share_object *a = left, *b = right;

	return a->created < b->created ? -1 : a->created > b->created;
}

/* What sorts behind all keys that begin so: its last byte is a size or a kind, far below 255. */
static struct tally_bytes behind(const uint8_t *key, size_t size, uint8_t *high)
{
	memcpy(high, key, size);
	for (size_t i = size; i-- > 0;) {
		if (high[i] != 255) {
			high[i]++;
			return tally_bytes(high, i + 1);
		}
	}
	return TALLY_BYTES_NONE;
}

int tally_share_list(struct tally_core *core, struct tally_bytes ledger_id,
		     enum tally_share_kind kind, struct tally_bytes a, struct tally_arena *arena,
		     struct tally_share_object **objects_r, size_t *count_r, struct tally_err *err)
{
	uint8_t low[SHARE_KEY_MAX], high[SHARE_KEY_MAX];
	struct tally_view view;
	struct collect collect = { .view = &view, .arena = arena, .err = err };
	size_t size = 1;
	int result;

	*objects_r = NULL;
	*count_r = 0;
	if (a.size > TALLY_DID_MAX)
		return 0;
	low[0] = (uint8_t)kind;
	if (a.size > 0)
		size += key_part(low + 1, a);
	if (take_view(core, ledger_id, &view, err) != 0)
		return -1;
	result = tally_view_scan(&view, TABLE_SHARE, tally_bytes(low, size),
				 behind(low, size, high), false, each_object, &collect, err);
	tally_view_drop(&view);
	if (result != 0 || collect.failed)
		return -1;
	if (collect.count > 0)
		qsort(collect.objects, collect.count, sizeof(*collect.objects), by_age);
	*objects_r = collect.objects;
	*count_r = collect.count;
	return 0;
}

static int each_asked(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct collect *collect = ctx;
	struct tally_reader reader = tally_reader(tally_arena_bytes(collect->arena, value));
	struct tally_share_object name = { .kind = SHARE_APPLICATION };

	(void)key;
	tally_read_u8(&reader);
	name.a = get_short(&reader);
	name.b = get_short(&reader);
	name.service = get_short(&reader);
	if (collect->service.size > 0 && !tally_bytes_equal(name.service, collect->service))
		return 0;
	collect->objects = tally_arena_more(collect->arena, collect->objects, collect->count,
					    &collect->room, sizeof(name));
	collect->objects[collect->count++] = name;
	return 0;
}

/* The index may be ahead of the view, or behind it: what counts is the row. */
static int look_asked(struct collect *collect, size_t *count_r)
{
	*count_r = 0;
	for (size_t i = 0; i < collect->count; i++) {
		struct tally_share_object *object = &collect->objects[*count_r];
		int found = tally_share_look(collect->view, SHARE_APPLICATION, collect->objects[i].a,
					     collect->objects[i].b, collect->arena, object,
					     collect->err);

		if (found < 0)
			return -1;
		*count_r += found == 1 && object->state == SHARE_REQUEST;
	}
	return 0;
}

int tally_share_asked(struct tally_core *core, struct tally_bytes ledger_id, struct tally_bytes issuer,
		      struct tally_bytes service, struct tally_arena *arena,
		      struct tally_share_object **objects_r, size_t *count_r, struct tally_err *err)
{
	uint8_t low[SHARE_ASKED_KEY_MAX], high[SHARE_ASKED_KEY_MAX];
	struct tally_view view;
	struct collect collect = { .view = &view, .service = service, .arena = arena, .err = err };
	size_t size;
	int result;

	*objects_r = NULL;
	*count_r = 0;
	if (issuer.size > TALLY_DID_MAX)
		return 0;
	size = key_part(low, issuer);
	if (take_view(core, ledger_id, &view, err) != 0)
		return -1;
	result = tally_view_scan(&view, TABLE_ASKED, tally_bytes(low, size), behind(low, size, high),
				 false, each_asked, &collect, err);
	if (result == 0)
		result = look_asked(&collect, count_r);
	tally_view_drop(&view);
	*objects_r = collect.objects;
	return result;
}

static int content_of(const struct tally_view *view, uint64_t journal_id, struct tally_arena *arena,
		      struct tally_bytes *content_r, struct tally_err *err)
{
	if (journal_id >= view->head->frontier.size)
		return tally_err_set(err, TALLY_CORRUPT, "journal %llu of a shared object is not there",
				     (unsigned long long)journal_id);
	return tally_view_payload(view, journal_id, arena, content_r, err);
}

int tally_share_content(struct tally_core *core, struct tally_bytes ledger_id, uint64_t journal_id,
			struct tally_arena *arena, struct tally_bytes *content_r,
			struct tally_err *err)
{
	struct tally_view view;
	int found;

	if (take_view(core, ledger_id, &view, err) != 0)
		return -1;
	found = content_of(&view, journal_id, arena, content_r, err);
	tally_view_drop(&view);
	return found;
}

static int each_stage(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct collect *collect = ctx;
	struct tally_reader reader = tally_reader(tally_arena_bytes(collect->arena, value));
	struct tally_share_stage stage = { .journal_id = tally_get_u64(key.data + key.size - 8) };

	tally_read_u8(&reader);
	stage.time_ms = tally_read_u64(&reader);
	stage.consumer = get_short(&reader);
	stage.order = get_short(&reader);
	if (stage.journal_id >= collect->view->head->frontier.size)
		return 1;	/* the index may be ahead of the view */
	collect->stages = tally_arena_more(collect->arena, collect->stages, collect->count,
					   &collect->room, sizeof(stage));
	collect->stages[collect->count++] = stage;
	return 0;
}

int tally_share_stages(struct tally_core *core, struct tally_bytes ledger_id,
		       struct tally_bytes creator, struct tally_bytes process,
		       struct tally_arena *arena, struct tally_share_stage **stages_r,
		       size_t *count_r, struct tally_err *err)
{
	uint8_t low[SHARE_PROCESS_KEY_MAX], high[SHARE_PROCESS_KEY_MAX];
	struct tally_view view;
	struct collect collect = { .view = &view, .arena = arena, .err = err };
	size_t size;
	int result;

	*stages_r = NULL;
	*count_r = 0;
	if (creator.size > TALLY_DID_MAX || process.size > TALLY_SHARE_NAME_MAX)
		return 0;
	size = tally_share_process_key(creator, process, low);
	memcpy(high, low, size);
	memset(low + size, 0, 8);
	memset(high + size, 0xff, 8);
	if (take_view(core, ledger_id, &view, err) != 0)
		return -1;
	result = tally_view_scan(&view, TABLE_STAGE, tally_bytes(low, size + 8),
				 tally_bytes(high, size + 8), false, each_stage, &collect, err);
	tally_view_drop(&view);
	*stages_r = collect.stages;
	*count_r = collect.count;
	return result;
}

int tally_share_stage_contents(struct tally_core *core, struct tally_bytes ledger_id,
			       const struct tally_share_stage *stages, size_t count,
			       tally_share_each_stage *each, void *ctx, struct tally_err *err)
{
	struct tally_arena arena;
	struct tally_view view;
	int result = 0;

	if (take_view(core, ledger_id, &view, err) != 0)
		return -1;
	tally_arena_init(&arena);
	for (size_t i = 0; i < count && result == 0; i++) {
		struct tally_bytes content = TALLY_BYTES_NONE;
		int found = content_of(&view, stages[i].journal_id, &arena, &content, err);

		result = found < 0 ? -1 : each(ctx, &stages[i], found == 1 ? &content : NULL, err);
		tally_arena_reset(&arena);
	}
	tally_arena_free(&arena);
	tally_view_drop(&view);
	return result;
}
