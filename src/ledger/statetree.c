/*
 * The stored state tree; see statetree.h. Page, in TABLE_STATE_PAGE:
 *   key: u8 depth in nibbles, the nibbles of the prefix (two to a byte, the last low one zero),
 *        u8 row
 *   value: u8 2 | u16 which slots are leaves, u16 which are nodes (bit 15 is slot 0) | each slot:
 *        leaf: path, value hash; node: hash, u64 version of its page | u64 version
 * A version is twice the size at which the page was written, plus the row it was written to. The
 * version comes last: what a driver logs of a change is often only from the first difference on.
 */
#include "statetree.h"

#include <stdlib.h>

#include "core_private.h"
#include "statecache.h"

/* ---- pages ---- */

enum slot_kind { SLOT_EMPTY, SLOT_LEAF, SLOT_NODE };

struct slot {
	enum slot_kind kind;
	struct tally_hash first;	/* leaf: its path; node: its hash */
	struct tally_hash second;	/* leaf: its value hash */
	uint64_t version;		/* node: of its page */
};

struct page {
	struct slot slots[TALLY_STATE_SLOTS];
};

static unsigned int nibble_of(const struct tally_hash *path, unsigned int depth)
{
	return path->bytes[depth / 2] >> (depth % 2 == 0 ? 4 : 0) & 15;
}

#define PAGE_KEY_MAX (1 + 32 + 1)

static unsigned int version_row(uint64_t version)
{
	return version & 1;
}

static uint64_t version_size(uint64_t version)
{
	return version >> 1;
}

/* Where the next version of a page goes: over the one before the newest. 0: it has none yet. */
static uint64_t version_after(uint64_t newest, uint64_t size)
{
	return size << 1 | (newest != 0 && version_row(newest) == 0);
}

static size_t page_key(const struct tally_hash *path, unsigned int depth, uint64_t version,
		       uint8_t key[PAGE_KEY_MAX])
{
	size_t bytes = (depth + 1) / 2;

	key[0] = (uint8_t)depth;
	memcpy(key + 1, path->bytes, bytes);
	if (depth % 2 != 0)
		key[bytes] &= 0xf0;
	key[1 + bytes] = (uint8_t)version_row(version);
	return 1 + bytes + 1;
}

#define PAGE_VALUE_MAX (1 + 4 + TALLY_STATE_SLOTS * 2 * TALLY_HASH_SIZE + 8)

static size_t page_encode(const struct page *page, uint64_t version, uint8_t out[PAGE_VALUE_MAX])
{
	uint16_t leaves = 0, nodes = 0;
	uint8_t *at = out + 5;

	out[0] = 2;
	for (unsigned int i = 0; i < TALLY_STATE_SLOTS; i++) {
		const struct slot *slot = &page->slots[i];

		if (slot->kind == SLOT_EMPTY)
			continue;
		memcpy(at, slot->first.bytes, TALLY_HASH_SIZE);
		at += TALLY_HASH_SIZE;
		if (slot->kind == SLOT_LEAF) {
			leaves |= (uint16_t)(0x8000 >> i);
			memcpy(at, slot->second.bytes, TALLY_HASH_SIZE);
			at += TALLY_HASH_SIZE;
		} else {
			nodes |= (uint16_t)(0x8000 >> i);
			tally_put_u64(at, slot->version);
			at += 8;
		}
	}
	tally_put_u16(out + 1, leaves);
	tally_put_u16(out + 3, nodes);
	tally_put_u64(at, version);
	return (size_t)(at - out) + 8;
}

static void read_hash(struct tally_reader *reader, struct tally_hash *hash_r)
{
	struct tally_bytes bytes = tally_read_bytes(reader, TALLY_HASH_SIZE);

	if (bytes.size == TALLY_HASH_SIZE)
		memcpy(hash_r->bytes, bytes.data, TALLY_HASH_SIZE);
}

/* False: it is not that version of the page, or no page. */
static bool page_decode(struct tally_bytes bytes, uint64_t version, struct page *page_r)
{
	struct tally_reader reader = tally_reader(bytes);
	bool known = tally_read_u8(&reader) == 2;
	uint16_t leaves, nodes;

	leaves = tally_read_u16(&reader);
	nodes = tally_read_u16(&reader);
	for (unsigned int i = 0; i < TALLY_STATE_SLOTS; i++) {
		struct slot *slot = &page_r->slots[i];
		bool leaf = leaves >> (15 - i) & 1, node = nodes >> (15 - i) & 1;

		slot->kind = leaf ? SLOT_LEAF : node ? SLOT_NODE : SLOT_EMPTY;
		if (leaf || node)
			read_hash(&reader, &slot->first);
		if (leaf)
			read_hash(&reader, &slot->second);
		else if (node)
			slot->version = tally_read_u64(&reader);
	}
	known = tally_read_u64(&reader) == version && known;
	return known && !reader.failed && tally_reader_left(&reader) == 0 && (leaves & nodes) == 0;
}

static bool kept_get(const struct tally_view *view, uint32_t table, struct tally_bytes key,
		     struct tally_arena *arena, struct tally_bytes *value_r)
{
	return tally_statecache_get(view->space->core->states, view->space->id, table, key, arena,
				    value_r);
}

/* What the last steps wrote is still in memory, most of it; a view may want an older version. */
static int page_read(const struct tally_view *view, const struct tally_hash *path,
		     unsigned int depth, uint64_t version, struct page *page_r,
		     struct tally_err *err)
{
	uint8_t key[PAGE_KEY_MAX];
	struct tally_bytes at = { key, page_key(path, depth, version, key) };
	struct tally_arena arena;
	struct tally_bytes value;
	int found;

	tally_arena_init(&arena);
	if (kept_get(view, TABLE_STATE_PAGE, at, &arena, &value) &&
	    page_decode(value, version, page_r)) {
		tally_arena_free(&arena);
		return 0;
	}
	found = tally_view_get(view, TABLE_STATE_PAGE, at, &arena, &value, err);
	if (found == 0 || (found == 1 && !page_decode(value, version, page_r)))
		found = tally_err_set(err, TALLY_CORRUPT,
				      "%s: the state tree has no page of depth %u written at %llu",
				      view->space->name, depth,
				      (unsigned long long)version_size(version));
	tally_arena_free(&arena);
	return found == 1 ? 0 : -1;
}

/* ---- hashes within a page ---- */

struct part {
	enum slot_kind kind;
	struct tally_hash hash;
};

static void slot_part(const struct slot *slot, struct part *part_r)
{
	part_r->kind = slot->kind;
	if (slot->kind == SLOT_LEAF)
		tally_state_leaf_hash(&slot->first, &slot->second, &part_r->hash);
	else if (slot->kind == SLOT_NODE)
		part_r->hash = slot->first;
	else
		tally_state_empty(&part_r->hash);
}

/* A leaf that is alone goes up as it is. */
static void join(const struct part *left, const struct part *right, struct part *part_r)
{
	if (left->kind == SLOT_EMPTY && right->kind != SLOT_NODE) {
		*part_r = *right;
	} else if (right->kind == SLOT_EMPTY && left->kind == SLOT_LEAF) {
		*part_r = *left;
	} else {
		struct tally_hash hash;

		tally_state_node_hash(&left->hash, &right->hash, &hash);
		*part_r = (struct part){ SLOT_NODE, hash };
	}
}

/* The five rows of a page's tree, one behind the other: 16 slots, then 8, 4, 2 and 1. */
#define PAGE_PARTS 31

/* The row of n parts. */
static const struct part *row_of(const struct part parts[PAGE_PARTS], unsigned int n)
{
	return parts + 2 * (TALLY_STATE_SLOTS - n);
}

static void page_fold(const struct page *page, struct part parts[PAGE_PARTS])
{
	struct part *row = parts;

	for (unsigned int i = 0; i < TALLY_STATE_SLOTS; i++)
		slot_part(&page->slots[i], &row[i]);
	for (unsigned int width = TALLY_STATE_SLOTS; width > 1; width /= 2) {
		for (unsigned int i = 0; i < width / 2; i++)
			join(&row[2 * i], &row[2 * i + 1], &row[width + i]);
		row += width;
	}
}

/* ---- changes ---- */

void tally_changed_add(struct tally_buf *changed, enum tally_state_kind kind,
		       struct tally_bytes key, uint64_t journal_id, bool removed,
		       const struct tally_hash *journal_hash)
{
	tally_buf_add_u8(changed, (uint8_t)kind);
	tally_buf_add_u64(changed, journal_id);
	tally_buf_add_u8(changed, removed);
	tally_buf_add(changed, journal_hash->bytes, TALLY_HASH_SIZE);
	tally_buf_add_u16(changed, (uint16_t)key.size);
	tally_buf_add_bytes(changed, key);
}

static struct tally_bytes member_of(const struct tally_record *record)
{
	return record->type == TYPE_CREATE_LEDGER ? record->member_id :
						    tally_field_text(record, "memberId");
}

void tally_changed_journal(struct tally_buf *changed, uint64_t journal_id,
			   const struct tally_record *record, const struct tally_hash *hash)
{
	for (size_t i = 0; i < record->clue_count; i++)
		tally_changed_add(changed, STATE_CLUE, record->clues[i], journal_id, false, hash);
	switch (record->type) {
	case TYPE_KV_SET:
	case TYPE_KV_DELETE:
		tally_changed_add(changed, STATE_KV, tally_field_text(record, "key"), journal_id,
				  record->type == TYPE_KV_DELETE, hash);
		break;
	case TYPE_CREATE_LEDGER:
	case TYPE_CREATE_MEMBER:
	case TYPE_DELETE_MEMBER:
	case TYPE_UPDATE_MEMBER_KEY:
	case TYPE_UPDATE_MEMBER_PERMISSIONS:
	case TYPE_ENABLE_MEMBER:
	case TYPE_DISABLE_MEMBER:
		tally_changed_add(changed, STATE_MEMBER, member_of(record), journal_id,
				  record->type == TYPE_DELETE_MEMBER, hash);
		break;
	default:
		break;
	}
}

/* Does the state know of such a journal? Most have no clue and are not about members. */
static bool is_change(const struct tally_record *record)
{
	return record->clue_count > 0 ||
	       (record->type != TYPE_CUSTOM && record->type != TYPE_STATE_ROOT);
}

static int changed_each(void *ctx, const struct tally_place *place,
			const struct tally_record *record, struct tally_buf *space)
{
	struct tally_hash hash;

	if (!is_change(record))
		return 0;
	tally_buf_clear(space);
	tally_leaf_encode(record, place, space);
	tally_leaf_hash(tally_buf_bytes(space), &hash);
	tally_changed_journal(ctx, place->journal_id, record, &hash);
	return 0;
}

int tally_changed_read(const struct tally_view *view, uint64_t from, uint64_t to,
		       struct tally_buf *changed, struct tally_err *err)
{
	return tally_view_records(view, from, to, changed_each, changed, err);
}

/* One entry of a list of changes. */
struct change {
	struct tally_hash path;
	uint64_t journal_id;
	enum tally_state_kind kind;
	bool removed;
	const uint8_t *hash;
	struct tally_bytes key;
};

static int change_order(const void *a, const void *b)
{
	const struct change *one = a, *two = b;
	int order = memcmp(one->path.bytes, two->path.bytes, TALLY_HASH_SIZE);

	if (order != 0)
		return order;
	return one->journal_id < two->journal_id ? -1 : one->journal_id > two->journal_id;
}

/* Entries of from <= journal < to, sorted by path, then journal. */
static struct change *changes_of(struct tally_bytes changed, uint64_t from, uint64_t to,
				 size_t *count_r)
{
	struct tally_reader reader = tally_reader(changed);
	struct change *changes = NULL;
	size_t count = 0, room = 0;

	while (tally_reader_left(&reader) > 0 && !reader.failed) {
		struct change change = { .kind = tally_read_u8(&reader) };

		change.journal_id = tally_read_u64(&reader);
		change.removed = tally_read_u8(&reader) != 0;
		change.hash = tally_read_bytes(&reader, TALLY_HASH_SIZE).data;
		change.key = tally_read_bytes(&reader, tally_read_u16(&reader));
		if (change.journal_id < from || change.journal_id >= to)
			continue;
		tally_state_path(change.kind, change.key, &change.path);
		if (count == room) {
			room = room == 0 ? 256 : room * 2;
			changes = tally_realloc(changes, room * sizeof(*changes));
		}
		changes[count++] = change;
	}
	if (count > 1)
		qsort(changes, count, sizeof(*changes), change_order);
	*count_r = count;
	return changes;
}

/* ---- making a step ---- */

/* What becomes of one path. */
struct target {
	struct tally_hash path;
	struct tally_hash value_hash;
	bool removed;
};

struct stepping {
	const struct tally_view *view;
	struct tally_state_step *step;
	struct tally_buf pages[TALLY_STATE_NIBBLES + 1];	/* index changes of pages, by depth */
	struct tally_arena arena;
	struct tally_err *err;
};

enum put_where { PUT_INDEX, PUT_CACHE };		/* to the index and the cache, or to the cache alone */

static void put(struct tally_buf *puts, enum put_where where, uint32_t table,
		struct tally_bytes key, struct tally_bytes value)
{
	tally_buf_add_u8(puts, (uint8_t)where);
	tally_buf_add_u32(puts, table);
	tally_buf_add_u16(puts, (uint16_t)key.size);
	tally_buf_add_u32(puts, (uint32_t)value.size);
	tally_buf_add_bytes(puts, key);
	tally_buf_add_bytes(puts, value);
}

/*
 * Heads of clues: frontiers of their trees. In memory the newest is kept. The index has one in so many
 * journals of a clue, and what is behind it is appended again from the clue's postings.
 */
#define HEAD_EVERY 16
#define HEAD_VALUE_MAX (1 + 8 + TALLY_FRONTIER_MAX)

static int append_posting(void *ctx, uint64_t journal_id, const struct tally_hash *leaf)
{
	(void)journal_id;
	tally_frontier_append(ctx, leaf);
	return 0;
}

/* The clue's tree as of the STATE_ROOT before. */
static int clue_head(struct stepping *s, struct tally_bytes at, struct tally_bytes clue,
		     struct tally_frontier *frontier_r)
{
	uint64_t size = s->view->head->state.size, from = 0;
	struct tally_bytes value;
	bool kept = kept_get(s->view, TABLE_CLUE_HEAD, at, &s->arena, &value);
	int found = kept ? 1 : tally_view_get(s->view, TABLE_CLUE_HEAD, at, &s->arena, &value, s->err);

	if (found < 0)
		return -1;
	tally_frontier_init(frontier_r);
	if (found == 1) {
		if (value.size < 9 || value.data[0] != 2 ||
		    !tally_frontier_decode(frontier_r, tally_bytes(value.data + 9, value.size - 9)))
			return tally_err_set(s->err, TALLY_CORRUPT, "%s: malformed clue head",
					     s->view->space->name);
		from = tally_get_u64(value.data + 1);
	}
	if (kept || from >= size)
		return 0;
	return tally_postings(s->view, clue, from, size, false, append_posting, frontier_r,
			      s->err);
}

/* It goes on from there. */
static int clue_target(struct stepping *s, const struct change *changes, size_t count,
		       struct target *target)
{
	struct tally_bytes at = { changes[0].path.bytes, TALLY_HASH_SIZE };
	struct tally_frontier frontier;
	char text[TALLY_STATE_VALUE_MAX];
	uint8_t head[HEAD_VALUE_MAX];
	struct tally_hash root;
	uint64_t before;

	if (clue_head(s, at, changes[0].key, &frontier) != 0)
		return -1;
	before = frontier.size;
	for (size_t i = 0; i < count; i++) {
		struct tally_hash hash;

		memcpy(hash.bytes, changes[i].hash, TALLY_HASH_SIZE);
		tally_frontier_append(&frontier, &hash);
	}
	head[0] = 2;
	tally_put_u64(head + 1, s->step->size);
	put(&s->step->puts, before / HEAD_EVERY != frontier.size / HEAD_EVERY ? PUT_INDEX : PUT_CACHE,
	    TABLE_CLUE_HEAD, at, tally_bytes(head, 9 + tally_frontier_encode(&frontier, head + 9)));
	tally_frontier_root(&frontier, &root);
	tally_state_value_hash(tally_bytes(text, tally_state_clue_value(frontier.size, &root, text)),
			       &target->value_hash);
	return 0;
}

static int member_target(struct stepping *s, const struct change *last, struct target *target)
{
	char text[TALLY_STATE_VALUE_MAX];
	struct tally_member member;
	struct tally_hash hash;
	int found = tally_member_at(s->view, last->key, last->journal_id + 1, &member, s->err);

	if (found < 1)
		return found < 0 ? -1 :
				   tally_err_set(s->err, TALLY_CORRUPT, "%s: no member %.*s",
						 s->view->space->name, (int)last->key.size,
						 (const char *)last->key.data);
	tally_member_hash(&member, &hash);
	tally_state_value_hash(
		tally_bytes(text, tally_state_member_value(last->journal_id, &hash, text)),
		&target->value_hash);
	return 0;
}

static int target_of(struct stepping *s, const struct change *changes, size_t count,
		     struct target *target)
{
	const struct change *last = &changes[count - 1];
	char text[TALLY_STATE_VALUE_MAX];
	struct tally_hash hash;

	*target = (struct target){ .path = last->path, .removed = last->removed };
	if (last->kind == STATE_CLUE)
		return clue_target(s, changes, count, target);
	if (last->removed)
		return 0;
	if (last->kind == STATE_MEMBER)
		return member_target(s, last, target);
	memcpy(hash.bytes, last->hash, TALLY_HASH_SIZE);
	tally_state_value_hash(
		tally_bytes(text, tally_state_kv_value(last->journal_id, &hash, text)),
		&target->value_hash);
	return 0;
}

/* One target for each path. */
static int targets_of(struct stepping *s, const struct change *changes, size_t count,
		      struct target **targets_r, size_t *target_count_r)
{
	struct target *targets = tally_malloc((count + 1) * sizeof(*targets));
	size_t made = 0;

	for (size_t from = 0, to; from < count; from = to) {
		for (to = from + 1; to < count && memcmp(changes[to].path.bytes,
							 changes[from].path.bytes,
							 TALLY_HASH_SIZE) == 0;)
			to++;
		tally_arena_reset(&s->arena);
		if (target_of(s, changes + from, to - from, &targets[made++]) != 0) {
			free(targets);
			return -1;
		}
	}
	*targets_r = targets;
	*target_count_r = made;
	return 0;
}

/* The slot that a page makes for its parent; the page is written if the parent refers to it. */
static void page_done(struct stepping *s, const struct tally_hash *path, unsigned int depth,
		      struct page *page, uint64_t replaced, struct slot *slot_r)
{
	uint8_t key[PAGE_KEY_MAX], value[PAGE_VALUE_MAX];
	struct part parts[PAGE_PARTS];
	unsigned int full = 0, last = 0;
	uint64_t version;

	for (unsigned int i = 0; i < TALLY_STATE_SLOTS; i++) {
		if (page->slots[i].kind == SLOT_EMPTY)
			continue;
		full++;
		last = i;
	}
	if (depth > 0 && full == 0) {
		*slot_r = (struct slot){ .kind = SLOT_EMPTY };
		return;
	}
	if (depth > 0 && full == 1 && page->slots[last].kind == SLOT_LEAF) {
		*slot_r = page->slots[last];
		return;
	}
	version = version_after(replaced, s->step->size);
	put(&s->pages[depth], PUT_INDEX, TABLE_STATE_PAGE, tally_bytes(key, page_key(path, depth, version, key)),
	    tally_bytes(value, page_encode(page, version, value)));
	page_fold(page, parts);
	*slot_r = (struct slot){ SLOT_NODE, parts[PAGE_PARTS - 1].hash, { { 0 } }, version };
}

static int page_update(struct stepping *s, unsigned int depth, struct page *page,
		       const struct tally_hash *path, const struct target *targets, size_t count,
		       uint64_t replaced, struct slot *slot_r);

/* A slot at a depth in nibbles, after its targets. */
static int slot_update(struct stepping *s, unsigned int depth, struct slot *slot,
		       const struct target *targets, size_t count)
{
	struct page page = { 0 };
	const struct tally_hash path = targets[0].path;

	if (slot->kind == SLOT_NODE) {
		if (page_read(s->view, &path, depth, slot->version, &page, s->err) != 0)
			return -1;
		return page_update(s, depth, &page, &path, targets, count, slot->version, slot);
	}
	if (count == 1 && (slot->kind == SLOT_EMPTY ||
			   memcmp(slot->first.bytes, path.bytes, TALLY_HASH_SIZE) == 0)) {
		*slot = (struct slot){ .kind = targets->removed ? SLOT_EMPTY : SLOT_LEAF,
				       .first = path, .second = targets->value_hash };
		return 0;
	}
	if (depth == TALLY_STATE_NIBBLES)
		return tally_err_set(s->err, TALLY_CORRUPT, "two keys of one hash");
	/* Several leaves meet here: a page of their own, with the one that is there already. */
	if (slot->kind == SLOT_LEAF)
		page.slots[nibble_of(&slot->first, depth)] = *slot;
	return page_update(s, depth, &page, &path, targets, count, 0, slot);
}

static int page_update(struct stepping *s, unsigned int depth, struct page *page,
		       const struct tally_hash *path, const struct target *targets, size_t count,
		       uint64_t replaced, struct slot *slot_r)
{
	for (size_t from = 0, to; from < count; from = to) {
		unsigned int nibble = nibble_of(&targets[from].path, depth);

		for (to = from + 1; to < count && nibble_of(&targets[to].path, depth) == nibble;)
			to++;
		if (slot_update(s, depth + 1, &page->slots[nibble], targets + from, to - from) != 0)
			return -1;
	}
	page_done(s, path, depth, page, replaced, slot_r);
	return 0;
}

static int step_tree(struct stepping *s, const struct target *targets, size_t count)
{
	const struct tally_state_point *point = &s->view->head->state;
	struct page page = { 0 };
	struct part parts[PAGE_PARTS];
	struct slot slot;

	s->step->root = point->root;
	s->step->version = point->version;
	if (count == 0)
		return 0;
	if (point->version != 0 &&
	    page_read(s->view, &targets[0].path, 0, point->version, &page, s->err) != 0)
		return -1;
	if (page_update(s, 0, &page, &targets[0].path, targets, count, point->version, &slot) != 0)
		return -1;
	for (unsigned int depth = 0; depth <= TALLY_STATE_NIBBLES; depth++)
		tally_buf_add_bytes(&s->step->puts, tally_buf_bytes(&s->pages[depth]));
	page_fold(&page, parts);
	s->step->root = parts[PAGE_PARTS - 1].hash;
	s->step->version = slot.version;
	return 0;
}

int tally_state_step(const struct tally_view *view, uint64_t size, struct tally_bytes changed,
		     struct tally_state_step *step_r, struct tally_err *err)
{
	struct stepping s = { .view = view, .step = step_r, .err = err };
	size_t count, target_count = 0;
	struct change *changes;
	struct target *targets = NULL;
	int result;

	*step_r = (struct tally_state_step){ .from = view->head->state.size, .size = size };
	changes = changes_of(changed, step_r->from, size, &count);
	tally_arena_init(&s.arena);
	result = targets_of(&s, changes, count, &targets, &target_count);
	if (result == 0) {
		result = step_tree(&s, targets, target_count);
		free(targets);
	}
	free(changes);
	for (unsigned int depth = 0; depth <= TALLY_STATE_NIBBLES; depth++)
		tally_buf_free(&s.pages[depth]);
	tally_arena_free(&s.arena);
	if (result != 0)
		tally_state_step_free(step_r);
	return result;
}

void tally_state_step_free(struct tally_state_step *step)
{
	tally_buf_free(&step->puts);
}

/* The changes of a step, one after the other, in the order of the tables' keys. */
static bool next_put(struct tally_reader *reader, enum put_where *where_r,
		     struct tally_change *change_r)
{
	uint16_t key_size;
	uint32_t value_size;

	if (tally_reader_left(reader) == 0)
		return false;
	*where_r = tally_read_u8(reader);
	change_r->remove = false;
	change_r->table = tally_read_u32(reader);
	key_size = tally_read_u16(reader);
	value_size = tally_read_u32(reader);
	change_r->key = tally_read_bytes(reader, key_size);
	change_r->value = tally_read_bytes(reader, value_size);
	return !reader->failed;
}

void tally_state_step_put(const struct tally_state_step *step, struct tally_overlay *overlay,
			  struct tally_tag *tag)
{
	struct tally_reader reader = tally_reader(tally_buf_bytes(&step->puts));
	struct tally_change change;
	enum put_where where;

	while (next_put(&reader, &where, &change))
		if (where == PUT_INDEX)
			tally_overlay_put(overlay, tag, change.table, change.key, change.value);
}

void tally_state_step_keep(const struct tally_state_step *step, struct tally_space *space)
{
	struct tally_reader reader = tally_reader(tally_buf_bytes(&step->puts));
	struct tally_change change;
	enum put_where where;

	while (next_put(&reader, &where, &change))
		tally_statecache_put(space->core->states, space->id, change.table, change.key,
				     change.value);
}

/* ---- proofs ---- */

/*
 * Walks down one page, row by row: of n parts in a row the path is in number nibble * n / 16. 1: it
 * goes on in the page of *slot_r; 0: it ended, at the leaf in *slot_r or at nothing; -1 too deep.
 */
static int prove_page(const struct page *page, unsigned int depth, const struct tally_hash *path,
		      struct tally_state_proof *proof, struct slot *slot_r)
{
	unsigned int nibble = nibble_of(path, depth);
	struct part parts[PAGE_PARTS];

	page_fold(page, parts);
	*slot_r = (struct slot){ .kind = SLOT_EMPTY };
	for (unsigned int n = 1; n <= TALLY_STATE_SLOTS; n *= 2) {
		unsigned int index = nibble * n / TALLY_STATE_SLOTS;
		const struct part *beside;

		if (row_of(parts, n)[index].kind == SLOT_LEAF) {
			unsigned int at = index * (TALLY_STATE_SLOTS / n);

			while (page->slots[at].kind != SLOT_LEAF)
				at++;
			*slot_r = page->slots[at];
		}
		if (row_of(parts, n)[index].kind != SLOT_NODE)
			return 0;
		if (n == TALLY_STATE_SLOTS)
			break;
		beside = &row_of(parts, 2 * n)[(nibble * 2 * n / TALLY_STATE_SLOTS) ^ 1];
		if (!tally_state_proof_add(proof, &beside->hash))
			return -1;
	}
	*slot_r = page->slots[nibble];
	return 1;
}

static int prove_end(const struct slot *slot, const struct tally_hash *path,
		     struct tally_state_proof *proof)
{
	if (slot->kind == SLOT_EMPTY) {
		tally_state_proof_end(proof, STATE_END_EMPTY, NULL, NULL);
		return 0;
	}
	if (memcmp(slot->first.bytes, path->bytes, TALLY_HASH_SIZE) == 0) {
		tally_state_proof_end(proof, STATE_END_LEAF, NULL, NULL);
		return 1;
	}
	tally_state_proof_end(proof, STATE_END_OTHER, &slot->first, &slot->second);
	return 0;
}

int tally_state_stored_prove(const struct tally_view *view, const struct tally_state_point *point,
			     const struct tally_hash *path, struct tally_state_proof *proof_r,
			     struct tally_err *err)
{
	struct slot slot = { .kind = SLOT_EMPTY, .version = point->version };

	tally_state_proof_init(proof_r);
	if (point->version == 0) {
		tally_state_proof_end(proof_r, STATE_END_EMPTY, NULL, NULL);
		return 0;
	}
	for (unsigned int depth = 0; depth < TALLY_STATE_NIBBLES; depth++) {
		uint64_t version = slot.version;
		struct page page;
		int on;

		if (page_read(view, path, depth, version, &page, err) != 0)
			return -1;
		on = prove_page(&page, depth, path, proof_r, &slot);
		if (on < 0)
			break;
		if (on == 0)
			return prove_end(&slot, path, proof_r);
	}
	return tally_err_set(err, TALLY_CORRUPT, "%s: the state tree is too deep",
			     view->space->name);
}
