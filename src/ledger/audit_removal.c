/*
 * OCCULT and PURGE journals in the audit: who may order that payloads are erased, what the order
 * reaches, and the certificates ("erased": true) by which the service says later that it was done.
 */
#include "audit_replay.h"

#include <stdlib.h>

/* Roughly: how easily something is removed. */
enum { REMOVAL_NEVER, REMOVAL_BY_TWO, REMOVAL_BY_ADMIN };

static bool signed_by_two(const struct audit_replay *replay, const struct audit_item *item)
{
	bool owner = false, another = false;

	for (size_t i = 0; i < item->signature_count; i++) {
		if (tally_bytes_is(item->signatures[i].member_id, replay->members.owner))
			owner = true;
		else
			another = true;
	}
	return owner && another;
}

const char *audit_removal_policy(struct audit_replay *replay, const struct audit_item *item)
{
	struct tally_bytes said = tally_field_text(&item->record, "removal");
	unsigned int policy = tally_bytes_is(said, "off")   ? REMOVAL_NEVER :
			      tally_bytes_is(said, "admin") ? REMOVAL_BY_ADMIN :
							      REMOVAL_BY_TWO;
	bool begins = item->record.type == TYPE_CREATE_LEDGER;
	unsigned int before = replay->removal;

	if (begins || said.size > 0)
		replay->removal = policy;
	if (said.size > 0 && policy == REMOVAL_BY_TWO && !tally_bytes_is(said, "dual"))
		return "a policy of removal that is none";
	if (!begins && replay->removal > before && !signed_by_two(replay, item))
		return "removal is made easier without the signatures of the owner and another ADMIN";
	return NULL;
}

/* ---- certificates ---- */

static void order_key(const struct tally_record *record, uint64_t journal, uint8_t key_r[AUDIT_KEY])
{
	uint8_t bytes[9] = { (uint8_t)record->type };

	tally_put_u64(bytes + 1, journal);
	audit_map_key("order", tally_bytes(bytes, sizeof(bytes)), key_r);
}

static const char *check_certificate(struct audit_replay *replay, const struct tally_record *record)
{
	uint8_t key[AUDIT_KEY];
	uint64_t number;

	order_key(record, tally_field_number(record, "order", UINT64_MAX), key);
	if (!audit_map_get(&replay->orders, key, &number))
		return "it certifies what nobody ordered, or once more";
	audit_map_remove(&replay->orders, key);
	if (tally_field_number(record, record->type == TYPE_PURGE ? "before" : "journalId",
			       UINT64_MAX) != number)
		return "it certifies something else than was ordered";
	return NULL;
}

/* ---- orders ---- */

/* Values of keys that are in force now: a purge leaves them. */
static void keep_values(struct audit_replay *replay, uint64_t before)
{
	struct audit_erasures *erasures = &replay->erasures;
	const struct audit_map *keys = &replay->keys;

	free(erasures->kept);
	erasures->kept = tally_malloc((keys->count + 1) * sizeof(uint64_t));
	erasures->kept_count = 0;
	for (size_t i = 0; i < keys->room; i++)
		if (keys->rows[i].value != 0 && keys->rows[i].value - 1 < before)
			erasures->kept[erasures->kept_count++] = keys->rows[i].value - 1;
}

static const char *check_order(struct audit_replay *replay, const struct tally_record *record,
			       uint64_t number)
{
	bool purge = record->type == TYPE_PURGE;
	uint8_t key[AUDIT_KEY];

	if (purge ? number > replay->journal : number >= replay->journal)
		return "it names journals that were not there yet";
	if (purge && number <= replay->erasures.before)
		return "all of that was purged already";
	if (purge) {
		replay->erasures.before = number;
		keep_values(replay, number);
	} else {
		audit_erasures_order(&replay->erasures, number);
	}
	order_key(record, replay->journal, key);
	audit_map_put(&replay->orders, key, number);
	return NULL;
}

const char *audit_removal_check(struct audit_replay *replay, const struct audit_item *item)
{
	const struct tally_record *record = &item->record;
	bool certifies = tally_field_number(record, "erased", 0) != 0;

	if (certifies != (record->member_id.size == 0))
		return certifies ? "a certificate with an author" : "an order without an author";
	if (certifies)
		return check_certificate(replay, record);
	if (replay->removal == REMOVAL_NEVER)
		return "nothing can be removed from the ledger";
	if (replay->removal == REMOVAL_BY_TWO && !signed_by_two(replay, item))
		return "it lacks the signatures of the owner and another ADMIN";
	return check_order(replay, record,
			   tally_field_number(record, record->type == TYPE_PURGE ?
						      "before" : "journalId", UINT64_MAX));
}
