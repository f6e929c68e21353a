/* Spaces: finding and loading them, views, and taking up blocks that the store has. */
#include "core_private.h"
#include "membercache.h"
#include "statecache.h"

#include <stdlib.h>

#include "clock.h"

#define HEAD_VERSION 3

/* ---- the head ---- */

struct tally_head *tally_head_ref(struct tally_head *head)
{
	atomic_fetch_add_explicit(&head->refs, 1, memory_order_relaxed);
	return head;
}

void tally_head_unref(struct tally_head *head)
{
	if (head != NULL &&
	    atomic_fetch_sub_explicit(&head->refs, 1, memory_order_acq_rel) == 1)
		free(head);
}

static void put_text(struct tally_buf *buf, const char *text)
{
	tally_buf_add_varint(buf, strlen(text));
	tally_buf_add_str(buf, text);
}

static bool get_text(struct tally_reader *reader, char *text, size_t room)
{
	struct tally_bytes bytes = tally_read_bytes(reader, tally_read_varint(reader));

	if (reader->failed || bytes.size >= room)
		return false;
	if (bytes.size > 0)
		memcpy(text, bytes.data, bytes.size);
	text[bytes.size] = '\0';
	return true;
}

static void put_point(struct tally_buf *buf, const struct tally_state_point *point)
{
	tally_buf_add_u64(buf, point->size);
	tally_buf_add(buf, point->root.bytes, TALLY_HASH_SIZE);
	tally_buf_add_u64(buf, point->version);
	tally_buf_add_u64(buf, point->journal);
}

void tally_head_encode(const struct tally_head *head, struct tally_buf *buf)
{
	uint8_t frontier[TALLY_FRONTIER_MAX];
	size_t size = tally_frontier_encode(&head->frontier, frontier);

	tally_buf_add_u8(buf, HEAD_VERSION);
	tally_buf_add_u64(buf, head->blocks);
	tally_buf_add_u64(buf, head->time_ms);
	tally_buf_add(buf, head->block_hash, TALLY_HASH_SIZE);
	tally_buf_add(buf, head->root.bytes, TALLY_HASH_SIZE);
	tally_buf_add_varint(buf, size);
	tally_buf_add(buf, frontier, size);
	tally_buf_add_u8(buf, (uint8_t)head->status);
	tally_buf_add_u8(buf, (uint8_t)head->type);
	tally_buf_add_u8(buf, head->public_read);
	tally_buf_add_u64(buf, head->owner);
	tally_buf_add_u64(buf, head->create_ms);
	tally_buf_add_u64(buf, head->update_ms);
	tally_buf_add_u64(buf, head->member_count);
	tally_buf_add_u64(buf, head->anchor_count);
	tally_buf_add_u8(buf, (uint8_t)head->sign_policy);
	tally_buf_add_u8(buf, (uint8_t)head->sign_count);
	put_point(buf, &head->state);
	put_point(buf, &head->state_before);
	tally_buf_add_u8(buf, head->state_wrong);
	put_text(buf, head->owner_member);
	put_text(buf, head->name);
	put_text(buf, head->description);
	put_text(buf, head->origin);
	tally_buf_add_u64(buf, head->anchor_interval_s);
	tally_buf_add_u8(buf, head->has_anchor);
	tally_buf_add_u64(buf, head->anchor_journal);
	tally_buf_add_u64(buf, head->anchor_version);
	tally_buf_add_u64(buf, head->anchor_ms);
	tally_buf_add_u64(buf, head->changed);
	tally_buf_add_u8(buf, head->has_trust_point);
	tally_buf_add_u64(buf, head->trust_point);
	tally_buf_add_u64(buf, head->trust_journal);
	tally_buf_add_u64(buf, head->trust_ms);
	tally_buf_add_u8(buf, (uint8_t)head->removal_policy);
	tally_buf_add_u64(buf, head->purge_before);
	tally_buf_add_u64(buf, head->purge_order);
	tally_buf_add_u8(buf, head->closed);
	tally_buf_add_u8(buf, head->has_ip_list);
	tally_buf_add_u8(buf, head->service_role);
	tally_buf_add_u64(buf, head->endpoint_count);
	for (int i = 0; i < LIMITS; i++)
		tally_buf_add_u64(buf, head->limits[i]);
}

static void get_hash(struct tally_reader *reader, uint8_t hash_r[TALLY_HASH_SIZE])
{
	struct tally_bytes bytes = tally_read_bytes(reader, TALLY_HASH_SIZE);

	if (bytes.size == TALLY_HASH_SIZE)
		memcpy(hash_r, bytes.data, TALLY_HASH_SIZE);
}

static void get_point(struct tally_reader *reader, struct tally_state_point *point_r)
{
	point_r->size = tally_read_u64(reader);
	get_hash(reader, point_r->root.bytes);
	point_r->version = tally_read_u64(reader);
	point_r->journal = tally_read_u64(reader);
}

int tally_head_decode(struct tally_bytes bytes, struct tally_head *head_r, struct tally_err *err)
{
	struct tally_reader reader = tally_reader(bytes);
	struct tally_bytes frontier;
	uint8_t version = tally_read_u8(&reader);

	memset(head_r, 0, sizeof(*head_r));
	atomic_init(&head_r->refs, 1);
	if (version != HEAD_VERSION && !reader.failed)
		return tally_err_set(err, TALLY_UNSUPPORTED,
				     "head version %u, this program reads %u", version,
				     HEAD_VERSION);
	head_r->blocks = tally_read_u64(&reader);
	head_r->time_ms = tally_read_u64(&reader);
	get_hash(&reader, head_r->block_hash);
	get_hash(&reader, head_r->root.bytes);
	frontier = tally_read_bytes(&reader, tally_read_varint(&reader));
	head_r->status = tally_read_u8(&reader);
	head_r->type = tally_read_u8(&reader);
	head_r->public_read = tally_read_u8(&reader) != 0;
	head_r->owner = tally_read_u64(&reader);
	head_r->create_ms = tally_read_u64(&reader);
	head_r->update_ms = tally_read_u64(&reader);
	head_r->member_count = tally_read_u64(&reader);
	head_r->anchor_count = tally_read_u64(&reader);
	head_r->sign_policy = tally_read_u8(&reader);
	head_r->sign_count = tally_read_u8(&reader);
	get_point(&reader, &head_r->state);
	get_point(&reader, &head_r->state_before);
	head_r->state_wrong = tally_read_u8(&reader) != 0;
	if (!get_text(&reader, head_r->owner_member, sizeof(head_r->owner_member)) ||
	    !get_text(&reader, head_r->name, sizeof(head_r->name)) ||
	    !get_text(&reader, head_r->description, sizeof(head_r->description)) ||
	    !get_text(&reader, head_r->origin, sizeof(head_r->origin)) ||
	    !tally_frontier_decode(&head_r->frontier, frontier))
		return tally_err_set(err, TALLY_CORRUPT, "malformed head");
	head_r->anchor_interval_s = tally_read_u64(&reader);
	head_r->has_anchor = tally_read_u8(&reader) != 0;
	head_r->anchor_journal = tally_read_u64(&reader);
	head_r->anchor_version = tally_read_u64(&reader);
	head_r->anchor_ms = tally_read_u64(&reader);
	head_r->changed = tally_read_u64(&reader);
	head_r->has_trust_point = tally_read_u8(&reader) != 0;
	head_r->trust_point = tally_read_u64(&reader);
	head_r->trust_journal = tally_read_u64(&reader);
	head_r->trust_ms = tally_read_u64(&reader);
	head_r->removal_policy = tally_read_u8(&reader);
	head_r->purge_before = tally_read_u64(&reader);
	head_r->purge_order = tally_read_u64(&reader);
	head_r->closed = tally_read_u8(&reader) != 0;
	head_r->has_ip_list = tally_read_u8(&reader) != 0;
	head_r->service_role = tally_read_u8(&reader) != 0;
	head_r->endpoint_count = tally_read_u64(&reader);
	for (int i = 0; i < LIMITS; i++)
		head_r->limits[i] = tally_read_u64(&reader);
	if (reader.failed || tally_reader_left(&reader) != 0)
		return tally_err_set(err, TALLY_CORRUPT, "malformed head");
	return 0;
}

/* ---- finding ---- */

bool tally_ledger_id_space(struct tally_bytes ledger_id, uint64_t *space_r)
{
	uint8_t bytes[12], last;

	if (ledger_id.size != TALLY_LEDGER_ID_SIZE || memcmp(ledger_id.data, "l-", 2) != 0)
		return false;
	for (size_t i = 2; i < ledger_id.size; i++)
		if (ledger_id.data[i] >= 'A' && ledger_id.data[i] <= 'F')
			return false;
	last = ledger_id.data[TALLY_LEDGER_ID_SIZE - 1];
	if (!tally_hex_decode(tally_bytes(ledger_id.data + 2, 24), bytes, 12) ||
	    !((last >= '0' && last <= '9') || (last >= 'a' && last <= 'f')))
		return false;
	*space_r = tally_get_u64(bytes);
	return *space_r != TALLY_SYSTEM_SPACE;
}

static size_t bucket_number(uint64_t id)
{
	return (id * 0x9e3779b97f4a7c15u) >> 54;
}

static struct tally_space **bucket_of(struct tally_core *core, uint64_t id)
{
	return &core->table[bucket_number(id)];
}

static struct tally_space *space_lookup(struct tally_core *core, uint64_t id)
{
	struct tally_space *space = *bucket_of(core, id);

	while (space != NULL && space->id != id)
		space = space->next;
	return space;
}

struct tally_space *tally_space_new(struct tally_core *core, uint64_t id)
{
	struct tally_space *space = tally_calloc(1, sizeof(*space));

	space->core = core;
	space->id = id;
	space->pending_tail = &space->pending;
	pthread_mutex_init(&space->write, NULL);
	pthread_mutex_init(&space->turn, NULL);
	pthread_mutex_init(&space->flush, NULL);
	pthread_mutex_init(&space->look, NULL);
	pthread_mutex_init(&space->keep, NULL);
	pthread_mutex_init(&space->load, NULL);
	pthread_mutex_init(&space->erase, NULL);
	space->active = tally_overlay_new();
	space->members = tally_membercache_new();
	return space;
}

/* A thread that gives a mutex back and wants it again at once mostly gets it, as the committer would
 * block after block; with the turn taken by whoever waits, it has to let that one go first. */
void tally_space_lock(struct tally_space *space)
{
	pthread_mutex_lock(&space->turn);
	pthread_mutex_lock(&space->write);
	pthread_mutex_unlock(&space->turn);
}

void tally_space_unlock(struct tally_space *space)
{
	pthread_mutex_unlock(&space->write);
}

static struct tally_space *bucket_first(struct tally_core *core, size_t bucket)
{
	struct tally_space *space;

	pthread_mutex_lock(&core->table_lock);
	space = core->table[bucket];	/* spaces are only ever added in front */
	pthread_mutex_unlock(&core->table_lock);
	return space;
}

struct tally_space *tally_space_next(struct tally_core *core, const struct tally_space *after)
{
	size_t bucket = after != NULL ? bucket_number(after->id) : 0;
	struct tally_space *space = after != NULL ? after->next : bucket_first(core, 0);

	for (;;) {
		while (space != NULL && !__atomic_load_n(&space->loaded, __ATOMIC_ACQUIRE))
			space = space->next;
		if (space != NULL || ++bucket == TALLY_SPACE_BUCKETS)
			return space;
		space = bucket_first(core, bucket);
	}
}

struct tally_space *tally_space_loaded(struct tally_core *core, uint64_t id)
{
	struct tally_space *space;

	pthread_mutex_lock(&core->table_lock);
	space = space_lookup(core, id);
	pthread_mutex_unlock(&core->table_lock);
	return space != NULL && __atomic_load_n(&space->loaded, __ATOMIC_ACQUIRE) ? space : NULL;
}

void tally_space_free(struct tally_space *space)
{
	tally_head_unref(space->head);
	tally_overlay_unref(space->active);
	tally_overlay_unref(space->frozen);
	tally_head_unref(space->frozen_head);
	tally_note_cache_free(space->note);
	tally_membercache_free(space->members);
	tally_state_forget(space);
	tally_named_free(space->named);
	pthread_mutex_destroy(&space->erase);
	free(space->distrust);
	pthread_mutex_destroy(&space->load);
	pthread_mutex_destroy(&space->write);
	pthread_mutex_destroy(&space->turn);
	pthread_mutex_destroy(&space->flush);
	pthread_mutex_destroy(&space->look);
	pthread_mutex_destroy(&space->keep);
	free(space);
}

/* ---- taking up blocks ---- */

static int check_header(struct tally_space *space, const struct tally_block_header *header,
			struct tally_bytes bytes, struct tally_err *err)
{
	static const uint8_t none[TALLY_HASH_SIZE];
	const struct tally_head *head = space->head;
	uint64_t blocks = head != NULL ? head->blocks : 0;

	if (header->space != space->id || header->number != blocks)
		return tally_err_set(err, TALLY_CORRUPT, "it says it is block %llu of space %llx",
				     (unsigned long long)header->number,
				     (unsigned long long)header->space);
	if (header->first != (head != NULL ? head->frontier.size : 0))
		return tally_err_set(err, TALLY_CORRUPT, "its first journal does not follow");
	if (memcmp(header->previous, head != NULL ? head->block_hash : none, TALLY_HASH_SIZE) != 0)
		return tally_err_set(err, TALLY_CORRUPT, "it does not follow the block before");
	if (head != NULL && header->time_ms < head->time_ms)
		return tally_err_set(err, TALLY_CORRUPT, "its time goes backwards");
	if (bytes.size != tally_block_size(header))
		return tally_err_set(err, TALLY_CORRUPT, "its size is not what its header says");
	if (space->name[0] != '\0' && strcmp(space->name, header->name) != 0)
		return tally_err_set(err, TALLY_CORRUPT, "it belongs to another ledger");
	return 0;
}

static int take_items(struct tally_space *space, const struct tally_block_header *header,
		      struct tally_bytes bytes, struct tally_projection *projection,
		      struct tally_arena *arena, struct tally_err *err)
{
	struct tally_bytes body = { bytes.data + tally_block_body_place(header->count),
				    header->body_size };
	struct tally_buf leaf = { 0 };
	int result = 0;

	for (uint32_t i = 0; i < header->count && result == 0; i++) {
		struct tally_place place = { tally_bytes_str(space->name), header->first + i,
					     header->time_ms };
		struct tally_block_entry entry;
		struct tally_record record;
		struct tally_envelope envelope;
		struct tally_bytes item, slot;
		struct tally_hash hash;

		tally_block_entry_read(bytes.data + tally_block_table_place(i), &entry);
		item = entry.place <= body.size ?
			       tally_bytes(body.data + entry.place, body.size - entry.place) :
			       TALLY_BYTES_NONE;
		result = -1;
		if (tally_block_slot(&entry, item, SLOT_RECORD, &slot, err) != 1) {
			tally_err_set(err, TALLY_CORRUPT, "record of journal %llu",
				      (unsigned long long)place.journal_id);
			break;
		}
		if (tally_record_decode(slot, arena, &record, err) != 0)
			break;
		if (tally_block_slot(&entry, item, SLOT_ENVELOPE, &slot, err) != 1) {
			tally_err_set(err, TALLY_CORRUPT, "envelope of journal %llu",
				      (unsigned long long)place.journal_id);
			break;
		}
		if (tally_envelope_decode(slot, &envelope, err) != 0)
			break;
		tally_buf_clear(&leaf);
		tally_leaf_encode(&record, &place, &leaf);
		tally_leaf_hash(tally_buf_bytes(&leaf), &hash);
		tally_project_journal(projection, place.journal_id, place.timestamp_ms, &record,
				      &envelope, &hash);
		result = 0;
	}
	tally_buf_free(&leaf);
	return result;
}

int tally_space_take_block(struct tally_space *space, struct tally_bytes bytes,
			   struct tally_projection *projection, struct tally_err *err)
{
	struct tally_block_header header;
	uint8_t hash[TALLY_HASH_SIZE];
	struct tally_hash root;
	struct tally_arena arena;
	int result;

	if (tally_block_header_read(bytes, &header, hash, err) != 0 ||
	    check_header(space, &header, bytes, err) != 0)
		return -1;
	if (space->name[0] == '\0')
		memcpy(space->name, header.name, sizeof(space->name));
	tally_arena_init(&arena);
	tally_project_begin(projection, space);
	result = take_items(space, &header, bytes, projection, &arena, err);
	tally_arena_free(&arena);
	if (result == 0 && projection->failed.code != TALLY_OK) {
		*err = projection->failed;
		result = -1;
	}
	if (result == 0) {
		tally_frontier_root(&projection->head->frontier, &root);
		if (memcmp(root.bytes, header.root, TALLY_HASH_SIZE) != 0)
			result = tally_err_set(err, TALLY_CORRUPT,
					       "root hash does not match its journals");
	}
	if (result == 0)
		tally_project_block(projection, &header, hash);
	else
		tally_project_drop(projection);
	return result;
}

static int check_payload(struct tally_bytes item, const struct tally_block_entry *entry,
			 uint64_t journal_id, struct tally_arena *arena, struct tally_named *named,
			 struct tally_err *err)
{
	struct tally_payload_slot payload;
	struct tally_record record;
	struct tally_bytes slot;
	int there;

	there = tally_block_slot(entry, item, SLOT_RECORD, &slot, err);
	if (there == 0)
		return tally_err_set(err, TALLY_CORRUPT, "its record is zero");
	if (there < 0 || tally_record_decode(slot, arena, &record, err) != 0)
		return -1;
	there = tally_block_slot(entry, item, SLOT_PAYLOAD, &slot, err);
	if (named != NULL && there >= 0)
		tally_named_journal(named, journal_id, &record, there == 0);
	if (there == 1 && record.has_payload)
		return tally_payload_slot_check(&record, slot, &payload, err);
	if (there >= 0 && !record.has_payload && slot.size > 0)
		return tally_err_set(err, TALLY_CORRUPT, "a payload that its record does not know");
	return there < 0 ? -1 : 0;
}

int tally_block_check_payloads(struct tally_bytes bytes, struct tally_named *named,
			       struct tally_err *err)
{
	struct tally_block_header header;
	uint8_t hash[TALLY_HASH_SIZE];
	struct tally_arena arena;
	int result = tally_block_header_read(bytes, &header, hash, err);

	tally_arena_init(&arena);
	for (uint32_t i = 0; result == 0 && i < header.count; i++) {
		uint64_t body = tally_block_body_place(header.count);
		struct tally_block_entry entry;

		tally_arena_reset(&arena);
		tally_block_entry_read(bytes.data + tally_block_table_place(i), &entry);
		if (entry.place <= bytes.size - body)
			result = check_payload(tally_bytes(bytes.data + body + entry.place,
							   bytes.size - body - entry.place),
					       &entry, header.first + i, &arena, named, err);
		else
			result = tally_err_set(err, TALLY_CORRUPT, "it lies outside the block");
		if (result != 0)
			tally_err_prefix(err, "journal %llu",
					 (unsigned long long)(header.first + i));
	}
	tally_arena_free(&arena);
	return result;
}

static int take_stored(struct tally_space *space, uint64_t number, struct tally_arena *arena,
		       struct tally_err *err)
{
	struct tally_projection projection;
	struct tally_bytes bytes;
	int found = tally_store_read(space->core->blocks, space->id, number, 0, UINT64_MAX, arena,
				     &bytes, err);

	if (found == 0)
		return tally_err_set(err, TALLY_CORRUPT, "the store counts it but does not have it");
	if (found < 0 || tally_space_take_block(space, bytes, &projection, err) != 0)
		return -1;
	tally_project_commit(&projection);
	return 0;
}

static bool overlay_large(struct tally_space *space)
{
	const struct tally_limits *limits = &space->core->limits;
	uint64_t journals;
	size_t bytes;

	tally_space_lag(space, &bytes, &journals);
	return bytes > limits->overlay_bytes / 2 || journals > limits->overlay_journals / 2;
}

static uint64_t head_blocks(const struct tally_space *space)
{
	return space->head != NULL ? space->head->blocks : 0;
}

/* A block that is not what it says, behind some that are: those are read on, and no more. */
static int block_refused(struct tally_space *space, uint64_t number, struct tally_err *err)
{
	tally_err_prefix(err, "ledger %s, block %llu", space->name[0] != '\0' ? space->name : "?",
			 (unsigned long long)number);
	if (space->head != NULL && err->code == TALLY_CORRUPT)
		tally_space_distrust(space, err);	/* which is what *err says then */
	return -1;
}

int tally_space_catch_up(struct tally_space *space, struct tally_err *err)
{
	struct tally_arena arena;
	uint64_t count;
	int result = 0;

	if (tally_store_last(space->core->blocks, space->id, &count, err) != 0)
		return -1;
	tally_arena_init(&arena);
	while (result == 0 && head_blocks(space) < count) {
		uint64_t number = head_blocks(space);

		tally_arena_reset(&arena);
		if (take_stored(space, number, &arena, err) != 0)
			result = block_refused(space, number, err);
		/* A long replay (an index that was lost) must not fill the memory. */
		if (result == 0 && space->bulk && !space->core->read_only &&
		    overlay_large(space)) {
			tally_space_unlock(space);
			result = tally_space_flush(space, err);
			tally_space_lock(space);
		}
	}
	tally_arena_free(&arena);
	__atomic_store_n(&space->looked_ns, tally_mono_ns(), __ATOMIC_RELAXED);
	return result;
}

/* ---- loading ---- */

static bool has_head(struct tally_space *space)
{
	bool has;

	pthread_mutex_lock(&space->look);
	has = space->head != NULL;
	pthread_mutex_unlock(&space->look);
	return has;
}

/* Is the mark one of this store's blocks and of this program's projections? */
static int mark_fits(struct tally_space *space, const struct tally_mark *mark, uint64_t count,
		     struct tally_err *err)
{
	struct tally_block_header header;
	uint8_t hash[TALLY_HASH_SIZE];
	struct tally_arena arena;
	struct tally_bytes bytes;
	int fits;

	if (mark->blocks == 0)
		return 1;
	if (mark->blocks > count || mark->projection != TALLY_PROJECTION_VERSION)
		return 0;
	tally_arena_init(&arena);
	fits = tally_store_read(space->core->blocks, space->id, mark->blocks - 1, 0,
				TALLY_BLOCK_HEADER, &arena, &bytes, err);
	if (fits == 1 && tally_block_header_read(bytes, &header, hash, err) != 0)
		fits = -1;
	if (fits == 1)
		fits = memcmp(hash, mark->header_hash, TALLY_HASH_SIZE) == 0 &&
		       memcmp(header.store_id, mark->store_id, 16) == 0;
	if (fits == 1 && space->name[0] == '\0')
		memcpy(space->name, header.name, sizeof(space->name));
	tally_arena_free(&arena);
	return fits;
}

static int load_head(struct tally_space *space, struct tally_err *err)
{
	struct tally_head *head = tally_malloc(sizeof(*head));
	struct tally_arena arena;
	struct tally_bytes value;
	int found;

	tally_arena_init(&arena);
	found = tally_store_get(space->core->index, space->id, TABLE_HEAD, TALLY_BYTES_LIT("head"),
				&arena, &value, err);
	if (found == 1 && tally_head_decode(value, head, err) != 0)
		found = -1;
	if (found == 1 && head->blocks != space->mark.blocks)
		found = 0;
	tally_arena_free(&arena);
	if (found == 1) {
		head->members = tally_membercache_change();
		pthread_mutex_lock(&space->look);	/* others look already whether there is one */
		space->head = head;
		space->mark_journals = head->frontier.size;
		pthread_mutex_unlock(&space->look);
		space->changed_from = head->frontier.size;
	} else {
		free(head);
	}
	return found;
}

static int space_load(struct tally_space *space, uint64_t count, struct tally_err *err)
{
	struct tally_core *core = space->core;
	int fits;

	if (tally_store_mark(core->index, space->id, &space->mark, err) != 0)
		return -1;
	fits = mark_fits(space, &space->mark, count, err);
	if (fits == 1 && space->mark.blocks > 0)
		fits = load_head(space, err);
	if (fits < 0)
		return -1;
	if (fits == 0) {
		tally_log(TALLY_LOG_WARN, "index.reset", "space", space->name, "why",
			  "the mark is not one of these blocks", NULL);
		if (tally_store_reset(core->index, space->id, err) != 0)
			return -1;
		memset(&space->mark, 0, sizeof(space->mark));
	}
	return tally_space_catch_up(space, err);
}

static void load_undo(struct tally_space *space)
{
	struct tally_overlay *fresh = tally_overlay_new(), *active;
	struct tally_head *head;

	pthread_mutex_lock(&space->look);
	head = space->head;
	active = space->active;
	space->head = NULL;
	space->active = fresh;
	pthread_mutex_unlock(&space->look);
	tally_head_unref(head);
	tally_overlay_unref(active);
	tally_state_forget(space);
	tally_statecache_drop(space->core->states, space->id);
	space->changed_from = 0;
}

/* Loads once; whoever comes second waits. */
static int space_ready(struct tally_space *space, struct tally_err *err)
{
	uint64_t count;
	int result = 0;

	if (__atomic_load_n(&space->loaded, __ATOMIC_ACQUIRE))
		return 0;
	pthread_mutex_lock(&space->load);
	if (!space->loaded) {
		tally_space_lock(space);
		space->bulk = true;
		pthread_mutex_lock(&space->look);
		free(space->distrust);		/* of an attempt before */
		space->distrust = NULL;
		pthread_mutex_unlock(&space->look);
		result = tally_store_last(space->core->blocks, space->id, &count, err);
		if (result == 0)
			result = space_load(space, count, err);
		if (result == 0)
			result = tally_removal_look(space, err);
		if (result != 0)
			load_undo(space);
		space->bulk = false;
		tally_space_unlock(space);
		if (result == 0)
			__atomic_store_n(&space->loaded, true, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&space->load);
	return result;
}

static struct tally_space *space_enter(struct tally_core *core, uint64_t id, const char *name)
{
	struct tally_space *space;

	pthread_mutex_lock(&core->table_lock);
	space = space_lookup(core, id);
	if (space == NULL) {
		space = tally_space_new(core, id);
		if (name != NULL)
			memcpy(space->name, name, strlen(name) + 1);
		space->next = *bucket_of(core, id);
		*bucket_of(core, id) = space;
	}
	pthread_mutex_unlock(&core->table_lock);
	return space;
}

struct tally_space *tally_space_hold(struct tally_core *core, uint64_t id)
{
	struct tally_space *space = space_enter(core, id, NULL);

	pthread_mutex_lock(&space->flush);
	return space;
}

void tally_space_release(struct tally_space *space)
{
	if (space != NULL)
		pthread_mutex_unlock(&space->flush);
}

int tally_space_need(struct tally_core *core, uint64_t id, const char *name,
		     struct tally_space **space_r, struct tally_err *err)
{
	*space_r = space_enter(core, id, name);
	return space_ready(*space_r, err);
}

int tally_space_find(struct tally_core *core, uint64_t id, struct tally_space **space_r,
		     struct tally_err *err)
{
	struct tally_space *space;
	uint64_t count;

	pthread_mutex_lock(&core->table_lock);
	space = space_lookup(core, id);
	pthread_mutex_unlock(&core->table_lock);
	if (space == NULL || !has_head(space)) {
		if (tally_store_last(core->blocks, id, &count, err) != 0)
			return err->code == TALLY_NOTFOUND ? 0 : -1;
		if (count == 0)
			return 0;
		space = space_enter(core, id, NULL);
	}
	if (space_ready(space, err) != 0 || tally_space_refresh(space, !has_head(space), err) != 0)
		return -1;
	*space_r = space;
	return has_head(space);
}

int tally_space_of_ledger(struct tally_core *core, struct tally_bytes ledger_id,
			  struct tally_space **space_r, struct tally_err *err)
{
	uint64_t id;
	int found;

	if (!tally_ledger_id_space(ledger_id, &id))
		return 0;
	found = tally_space_find(core, id, space_r, err);
	if (found == 1 && !tally_bytes_is(ledger_id, (*space_r)->name))
		return 0;
	return found;
}

int tally_space_of_log(struct tally_core *core, struct tally_bytes name,
		       struct tally_space **space_r, struct tally_err *err)
{
	if (!tally_bytes_is(name, TALLY_SYSTEM_NAME))
		return tally_space_of_ledger(core, name, space_r, err);
	*space_r = core->system;
	return 1;
}

int tally_space_refresh(struct tally_space *space, bool force, struct tally_err *err)
{
	uint64_t looked = __atomic_load_n(&space->looked_ns, __ATOMIC_RELAXED);
	int result = 0;

	if (tally_space_distrusted(space))
		return 0;
	if (!force && (!space->core->hosts || tally_mono_ns() - looked < 1000000000u))
		return 0;
	if (force)
		tally_space_lock(space);
	else if (pthread_mutex_trylock(&space->write) != 0)
		return 0;
	if (space->parked == NULL && !space->rebuilding)
		result = tally_space_catch_up(space, err);
	tally_space_unlock(space);
	return result;
}

/* ---- views ---- */

int tally_view_take(struct tally_space *space, struct tally_view *view_r, struct tally_err *err)
{
	int result = 0;

	pthread_mutex_lock(&space->look);
	if (space->rebuilding) {
		result = tally_err_set(err, TALLY_BUSY, "the index of %s is being rebuilt",
				       space->name);
	} else if (space->head == NULL) {
		result = tally_err_set(err, TALLY_NOTFOUND, "no such ledger");
	} else {
		*view_r = (struct tally_view){
			.space = space,
			.head = tally_head_ref(space->head),
			.told = space->head,
			.overlay = { tally_overlay_ref(space->active),
				     space->frozen != NULL ? tally_overlay_ref(space->frozen) :
							     NULL },
			.base = space->mark_journals,
		};
		space->readers++;
	}
	pthread_mutex_unlock(&space->look);
	return result;
}

void tally_view_drop(struct tally_view *view)
{
	if (view->space == NULL)
		return;
	tally_overlay_unref(view->overlay[0]);
	tally_overlay_unref(view->overlay[1]);
	tally_head_unref(view->head);
	pthread_mutex_lock(&view->space->look);
	view->space->readers--;
	pthread_mutex_unlock(&view->space->look);
	view->space = NULL;
}

int tally_view_of_log(struct tally_core *core, struct tally_bytes name, struct tally_view *view_r,
		      struct tally_err *err)
{
	struct tally_space *space;
	int found = tally_space_of_log(core, name, &space, err);

	if (found == 1 && tally_view_take(space, view_r, err) != 0)
		found = -1;
	return found;
}

static struct tally_sight sight_of(const struct tally_view *view)
{
	return (struct tally_sight){ view->head != NULL ? view->head->blocks : 0, view->mine };
}

int tally_view_get(const struct tally_view *view, uint32_t table, struct tally_bytes key,
		   struct tally_arena *arena, struct tally_bytes *value_r, struct tally_err *err)
{
	for (int i = 0; i < 2 && view->overlay[i] != NULL; i++) {
		int found = tally_overlay_get(view->overlay[i], sight_of(view), table, key,
					      value_r);

		if (found != 0)
			return found == 1;
	}
	return tally_store_get(view->space->core->index, view->space->id, table, key, arena,
			       value_r, err);
}

/* The two overlay cursors and the driver's scan, merged; where keys are equal the newest wins. */
struct merge {
	struct tally_overlay_cursor cursor[2];
	int cursors;
	bool backwards;
	tally_scan_each *each;
	void *ctx;
	bool stopped;
};

static int in_order(const struct merge *merge, struct tally_bytes a, struct tally_bytes b)
{
	int order = tally_bytes_compare(a, b);

	return merge->backwards ? -order : order;
}

/* The overlay's next pair, newest generation first; NULL at the end. */
static struct tally_overlay_cursor *overlay_next(struct merge *merge)
{
	struct tally_overlay_cursor *best = NULL;

	for (int i = 0; i < merge->cursors; i++) {
		struct tally_overlay_cursor *cursor = &merge->cursor[i];

		if (cursor->node == NULL)
			continue;
		if (best == NULL || in_order(merge, cursor->key, best->key) < 0)
			best = cursor;
	}
	return best;
}

static void overlay_skip(struct merge *merge, struct tally_bytes key)
{
	for (int i = 0; i < merge->cursors; i++)
		if (merge->cursor[i].node != NULL && tally_bytes_equal(merge->cursor[i].key, key))
			tally_overlay_next(&merge->cursor[i]);
}

/* Gives out overlay pairs up to, and instead of, the index's key. True: the index's pair is not
 * to be given. */
static bool overlay_before(struct merge *merge, const struct tally_bytes *until)
{
	struct tally_overlay_cursor *cursor;

	while (!merge->stopped && (cursor = overlay_next(merge)) != NULL) {
		struct tally_bytes key = cursor->key;
		int order = until != NULL ? in_order(merge, key, *until) : -1;

		if (order > 0)
			return false;
		if (!cursor->removed && merge->each(merge->ctx, key, cursor->value) != 0)
			merge->stopped = true;
		overlay_skip(merge, key);
		if (order == 0)
			return true;
	}
	return merge->stopped;
}

static int merge_each(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct merge *merge = ctx;

	if (!overlay_before(merge, &key) && merge->each(merge->ctx, key, value) != 0)
		merge->stopped = true;
	return merge->stopped;
}

int tally_view_scan(const struct tally_view *view, uint32_t table, struct tally_bytes low,
		    struct tally_bytes high, bool backwards, tally_scan_each *each, void *ctx,
		    struct tally_err *err)
{
	struct merge merge = { .backwards = backwards, .each = each, .ctx = ctx };

	for (int i = 0; i < 2 && view->overlay[i] != NULL; i++)
		tally_overlay_seek(&merge.cursor[merge.cursors++], view->overlay[i],
				   sight_of(view), table, low, high, backwards);
	if (tally_store_scan(view->space->core->index, view->space->id, table, low, high, backwards,
			     merge_each, &merge, err) != 0)
		return -1;
	if (!merge.stopped)
		overlay_before(&merge, NULL);
	return 0;
}
