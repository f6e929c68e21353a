/*
 * How a ledger is reached, and its own limits, in the audit: what UPDATE_LEDGER says of that must be well
 * formed and follow from what was there, and what is appended must be within the limits of its time.
 * Where a request came from is in no journal.
 */
#include "audit_replay.h"

#include <stdio.h>

#include "access.h"

/* The most that any server takes, where there is such a number. */
static bool limit_possible(enum tally_limit limit, uint64_t value)
{
	return (limit != LIMIT_CLUES || value <= TALLY_MAX_CLUES) &&
	       (limit != LIMIT_PAGE || value <= 1024);
}

/* A list is written in one form only. */
static const char *check_ip_list(struct tally_bytes text)
{
	char again[TALLY_IP_LIST_TEXT];
	struct tally_ip_list list;
	struct tally_err err;

	if (tally_ip_list_parse(text, &list, &err) != 0 ||
	    !tally_bytes_equal(tally_bytes(again, tally_ip_list_format(&list, again)), text))
		return "a malformed list of networks";
	return NULL;
}

static const char *check_endpoint(struct audit_replay *replay, const struct tally_record *record)
{
	struct tally_bytes listener = tally_field_text(record, "endpointListener");
	struct tally_bytes id = tally_field_text(record, "endpoint");
	bool deleted = tally_field_number(record, "endpointDeleted", 0) != 0, there, same;
	uint8_t by_listener[AUDIT_KEY], by_both[AUDIT_KEY];
	struct tally_buf both = { 0 };
	uint64_t journal;

	if (!tally_listener_valid(listener) || id.size == 0 || id.size >= TALLY_ENDPOINT_ID)
		return "a malformed endpoint";
	tally_buf_add_bytes(&both, listener);
	tally_buf_add_u8(&both, '\n');
	tally_buf_add_bytes(&both, id);
	audit_map_key("listener", listener, by_listener);
	audit_map_key("endpoint", tally_buf_bytes(&both), by_both);
	tally_buf_free(&both);
	there = audit_map_get(&replay->endpoints, by_listener, &journal);
	same = audit_map_get(&replay->endpoints, by_both, &journal);
	if (deleted ? !same : there)
		return deleted ? "it deletes an endpoint that is not there" :
				 "there is an endpoint on this listener already";
	if (deleted) {
		audit_map_remove(&replay->endpoints, by_listener);
		audit_map_remove(&replay->endpoints, by_both);
	} else {
		audit_map_put(&replay->endpoints, by_listener, replay->journal);
		audit_map_put(&replay->endpoints, by_both, replay->journal);
	}
	return NULL;
}

const char *audit_access_check(struct audit_replay *replay, const struct audit_item *item)
{
	const struct tally_record *record = &item->record;
	const char *wrong = NULL;

	for (enum tally_limit i = 0; i < LIMITS; i++) {
		replay->limits[i] = tally_field_number(record, tally_limit_field(i),
						       replay->limits[i]);
		if (!limit_possible(i, replay->limits[i]))
			return "a limit that no server has";
	}
	if (tally_field_number(record, "serviceRole", 1) == 0)
		return "the use of the key store is taken back, which nobody can";
	if (tally_field_find(record, "serviceRole") != NULL)
		replay->service_role = true;
	if (tally_field_find(record, "ipList") != NULL)
		wrong = check_ip_list(tally_field_text(record, "ipList"));
	if (wrong == NULL && tally_field_find(record, "endpoint") != NULL)
		wrong = check_endpoint(replay, record);
	return wrong;
}

const char *audit_limits_check(const struct audit_replay *replay, const struct audit_item *item)
{
	uint64_t payload = replay->limits[LIMIT_PAYLOAD], clues = replay->limits[LIMIT_CLUES];

	if (payload != 0 && item->record.payload_size > payload)
		return "its payload is larger than the ledger's limit";
	if (clues != 0 && item->record.clue_count > clues)
		return "it has more clues than the ledger's limit";
	return NULL;
}

const char *audit_kms_check(const struct audit_replay *replay, const struct audit_item *item)
{
	const struct tally_record *record = &item->record;

	if (tally_field_find(record, "kmsKeyId") == NULL)
		return tally_field_find(record, "kmsKeyVersion") == NULL ?
			       NULL : "a version of no key of the key store";
	if (!tally_kms_key_valid(tally_field_text(record, "kmsKeyId"),
				 tally_field_text(record, "kmsKeyVersion")))
		return "a malformed name of a key of the key store";
	return replay->service_role ? NULL : "the use of the key store was not granted";
}
