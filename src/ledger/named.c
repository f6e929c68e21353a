/*
 * Erased payloads held against the journals that order them, for whoever reads all blocks of a space
 * in order (a check, a load). Nothing is asked of the index, which whoever zeroed a payload could
 * have changed as well; what is kept in memory are stretches of erased journals, the orders, and of
 * erased values the key (as 16 bytes of its hash) with the journal that replaced it.
 */
#include "core_private.h"

#include <stdlib.h>

struct stretch {
	uint64_t first, count;
	unsigned int type;
};

struct occulted {
	uint64_t journal_id;
	unsigned int order;		/* type of the journal that orders it */
};

/* An erased KV_SET. */
struct value {
	uint8_t key[16];
	uint64_t journal_id;
	uint64_t replaced;		/* by this journal; 0: it is in force */
};

struct tally_named {
	struct stretch *stretches;
	size_t stretch_count, stretch_room;
	struct occulted *occulted;
	size_t occulted_count, occulted_room;
	uint64_t purge_before, purge_order;
	struct value *values;
	size_t value_count, value_room;
	uint32_t *slots;		/* a hash table: key -> 1 + the newest value of it; 0: none */
	size_t slot_count;		/* a power of 2, more than twice value_count */
};

/* Room for one more. */
static void *room_for(void *list, size_t count, size_t *room, size_t size)
{
	if (count < *room)
		return list;
	*room = *room == 0 ? 64 : *room * 2;
	return tally_realloc(list, *room * size);
}

struct tally_named *tally_named_new(void)
{
	return tally_calloc(1, sizeof(struct tally_named));
}

void tally_named_free(struct tally_named *named)
{
	if (named == NULL)
		return;
	free(named->stretches);
	free(named->occulted);
	free(named->values);
	free(named->slots);
	free(named);
}

/* ---- values ---- */

static void hash_key(const struct tally_record *record, uint8_t key_r[16])
{
	struct tally_bytes key = tally_field_text(record, "key");
	uint8_t hash[TALLY_HASH_SIZE];

	tally_sha256(key.data, key.size, hash);
	memcpy(key_r, hash, 16);
}

/* The slot of a key: its own, or an empty one. */
static uint32_t *slot_of(struct tally_named *named, const uint8_t key[16])
{
	size_t mask = named->slot_count - 1, at = tally_get_u64(key) & mask;

	while (named->slots[at] != 0 &&
	       memcmp(named->values[named->slots[at] - 1].key, key, 16) != 0)
		at = (at + 1) & mask;
	return &named->slots[at];
}

static void make_slots(struct tally_named *named)
{
	if (named->slot_count > 2 * (named->value_count + 1))
		return;
	free(named->slots);
	named->slot_count = named->slot_count == 0 ? 256 : 2 * named->slot_count;
	named->slots = tally_calloc(named->slot_count, sizeof(*named->slots));
	for (size_t i = 0; i < named->value_count; i++)
		*slot_of(named, named->values[i].key) = (uint32_t)i + 1;
}

/* A change of a key: the value that was in force is replaced. */
static void change_value(struct tally_named *named, uint64_t journal_id,
			 const struct tally_record *record, bool erased)
{
	uint8_t key[16];
	uint32_t *slot;

	if (!erased && named->value_count == 0)
		return;
	hash_key(record, key);
	make_slots(named);
	slot = slot_of(named, key);
	if (*slot != 0 && named->values[*slot - 1].replaced == 0)
		named->values[*slot - 1].replaced = journal_id;
	if (!erased)
		return;
	named->values = room_for(named->values, named->value_count, &named->value_room,
				 sizeof(*named->values));
	named->values[named->value_count] = (struct value){ .journal_id = journal_id };
	memcpy(named->values[named->value_count].key, key, 16);
	*slot = (uint32_t)++named->value_count;
}

/* ---- gathering ---- */

static void add_erased(struct tally_named *named, uint64_t journal_id, unsigned int type)
{
	struct stretch *last = named->stretch_count > 0 ?
				       &named->stretches[named->stretch_count - 1] : NULL;

	if (last != NULL && last->type == type && last->first + last->count == journal_id) {
		last->count++;
		return;
	}
	named->stretches = room_for(named->stretches, named->stretch_count, &named->stretch_room,
				    sizeof(*named->stretches));
	named->stretches[named->stretch_count++] = (struct stretch){ journal_id, 1, type };
}

static void add_occulted(struct tally_named *named, uint64_t order, unsigned int type,
			 uint64_t journal_id)
{
	if (journal_id >= order)
		return;
	named->occulted = room_for(named->occulted, named->occulted_count, &named->occulted_room,
				   sizeof(*named->occulted));
	named->occulted[named->occulted_count++] = (struct occulted){ journal_id, type };
}

static void add_order(struct tally_named *named, uint64_t journal_id,
		      const struct tally_record *record)
{
	uint64_t before;

	if (record->type == TYPE_DELETE_KEY)
		add_occulted(named, journal_id, record->type,
			     tally_field_number(record, "journal", UINT64_MAX));
	if (tally_field_number(record, "erased", 0) != 0)
		return;		/* a certificate */
	if (record->type == TYPE_OCCULT)
		add_occulted(named, journal_id, record->type,
			     tally_field_number(record, "journalId", UINT64_MAX));
	before = tally_field_number(record, "before", 0);
	if (record->type == TYPE_PURGE && before > named->purge_before && before <= journal_id) {
		named->purge_before = before;
		named->purge_order = journal_id;
	}
}

void tally_named_journal(struct tally_named *named, uint64_t journal_id,
			 const struct tally_record *record, bool erased)
{
	if (record->type == TYPE_KV_SET || record->type == TYPE_KV_DELETE)
		change_value(named, journal_id, record, erased && record->type == TYPE_KV_SET);
	if (erased && record->type != TYPE_KV_SET)
		add_erased(named, journal_id, record->type);
	if (record->type == TYPE_OCCULT || record->type == TYPE_PURGE ||
	    record->type == TYPE_DELETE_KEY)
		add_order(named, journal_id, record);
}

/* ---- the question ---- */

static int by_journal(const void *a, const void *b)
{
	const struct occulted *left = a, *right = b;

	return left->journal_id < right->journal_id ? -1 : left->journal_id > right->journal_id;
}

static bool is_occulted(const struct occulted *sorted, size_t count, uint64_t journal_id,
			unsigned int type)
{
	struct occulted key = { .journal_id = journal_id };
	const struct occulted *found =
		count > 0 ? bsearch(&key, sorted, count, sizeof(key), by_journal) : NULL;

	if (found == NULL)
		return false;
	while (found > sorted && found[-1].journal_id == journal_id)
		found--;
	for (; found < sorted + count && found->journal_id == journal_id; found++)
		if (tally_erase_reaches(found->order, type))
			return true;
	return false;
}

static int not_named(uint64_t journal_id, struct tally_err *err)
{
	return tally_err_set(err, TALLY_CORRUPT,
			     "journal %llu: its payload is zero, and no journal orders that",
			     (unsigned long long)journal_id);
}

static int check_stretch(const struct tally_named *named, const struct occulted *sorted,
			 const struct stretch *stretch, struct tally_err *err)
{
	uint64_t at = stretch->first, end = stretch->first + stretch->count;

	if (tally_erase_reaches(TYPE_PURGE, stretch->type) && at < named->purge_before)
		at = named->purge_before;
	for (; at < end; at++)
		if (!is_occulted(sorted, named->occulted_count, at, stretch->type))
			return not_named(at, err);
	return 0;
}

static bool value_is_named(const struct tally_named *named, const struct occulted *sorted,
			   const struct value *value)
{
	return (value->journal_id < named->purge_before && value->replaced != 0 &&
		value->replaced < named->purge_order) ||
	       is_occulted(sorted, named->occulted_count, value->journal_id, TYPE_KV_SET);
}

int tally_named_check(const struct tally_named *named, struct tally_err *err)
{
	size_t count = named->occulted_count;
	struct occulted *sorted = tally_calloc(count + 1, sizeof(*sorted));
	int result = 0;

	if (count > 0)
		memcpy(sorted, named->occulted, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), by_journal);
	for (size_t i = 0; result == 0 && i < named->stretch_count; i++)
		result = check_stretch(named, sorted, &named->stretches[i], err);
	for (size_t i = 0; result == 0 && i < named->value_count; i++)
		if (!value_is_named(named, sorted, &named->values[i]))
			result = not_named(named->values[i].journal_id, err);
	free(sorted);
	return result;
}
