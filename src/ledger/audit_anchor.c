/*
 * Time anchors in the audit: what was stamped leads to a tree of this ledger, at the place that the
 * anchor says. The token itself was looked at by a worker.
 */
#include "audit_replay.h"

#include <stdlib.h>

#include "anchor.h"

static bool field_hash(const struct tally_record *record, const char *name,
		       struct tally_hash *hash_r)
{
	return tally_hex_decode(tally_field_text(record, name), hash_r->bytes, TALLY_HASH_SIZE);
}

/* A certificate that a caller gave: what was the ledger when it was appended, and nothing more. */
static const char *check_given(const struct audit_replay *replay, const struct tally_record *record)
{
	struct tally_hash said, root;

	tally_frontier_root(&replay->frontier, &root);
	if (!field_hash(record, "ledgerDigest", &said) ||
	    tally_field_number(record, "ledgerVersion", UINT64_MAX) != replay->journal ||
	    memcmp(said.bytes, root.bytes, TALLY_HASH_SIZE) != 0)
		return "it does not say the tree of the journals before it";
	return NULL;
}

/* The tree whose checkpoint was stamped is one that a block ended with. */
static const char *check_tree(struct audit_replay *replay, const struct tally_record *record,
			      uint64_t version, struct tally_hash *root_r)
{
	struct tally_hash said;
	int found = audit_root_at(replay, version, root_r);

	if (found < 0)
		return NULL;	/* what failed is remembered */
	if (found == 0)
		return "it stamps a tree that no block before it ended with";
	if (!field_hash(record, "ledgerDigest", &said) ||
	    memcmp(said.bytes, root_r->bytes, TALLY_HASH_SIZE) != 0)
		return "the root that it stamps is not that of its tree";
	return NULL;
}

/* From the checkpoint's text up to what the authority signed. */
static bool leads_to_digest(const struct audit_replay *replay, const struct tally_record *record,
			    uint64_t version, const struct tally_hash *root)
{
	struct tally_bytes encoded = tally_field_text(record, "path"), path = TALLY_BYTES_NONE;
	struct tally_anchor_leaf anchor = {
		.version = version, .root = *root,
		.index = tally_field_number(record, "index", UINT64_MAX),
		.count = tally_field_number(record, "count", 0),
	};
	struct tally_arena arena;
	bool good;

	tally_arena_init(&arena);
	good = field_hash(record, "digest", &anchor.digest) &&
	       (encoded.size == 0 || tally_base64_decode(&arena, encoded, &path)) &&
	       path.size % TALLY_HASH_SIZE == 0 && path.size <= sizeof(anchor.path);
	if (good && path.size > 0)
		memcpy(anchor.path, path.data, path.size);
	anchor.path_count = path.size / TALLY_HASH_SIZE;
	good = good && tally_anchor_verify(&anchor,
					   tally_bytes_str(audit_origin_of(replay, version)));
	tally_arena_free(&arena);
	return good;
}

/* ---- the stamp's own journal, in the time ledger ---- */

static void remember(struct audit_anchor_ref **list, size_t *count, size_t *room,
		     const struct audit_anchor_ref *ref)
{
	if (*count == *room) {
		*room = *room == 0 ? 64 : *room * 2;
		*list = tally_realloc(*list, *room * sizeof(*ref));
	}
	(*list)[(*count)++] = *ref;
}

static const char *check_place(struct audit_replay *replay, const struct tally_record *record)
{
	struct audit_common *common = replay->common;
	struct audit_anchor_ref ref = { .space = replay->result.space,
					.journal = replay->journal };
	struct tally_bytes token = tally_field_text(record, "token");
	bool stamped = tally_field_find(record, "sequence") == NULL;

	memcpy(ref.ledger, replay->result.ledger, sizeof(ref.ledger));
	ref.sequence = tally_field_number(record, "sequence", replay->journal);
	if (common->time_ledger[0] != '\0' &&
	    stamped != (strcmp(common->time_ledger, replay->name) == 0))
		return "it has a place in the time ledger, or none, where it must not";
	if (!stamped && common->time_ledger[0] != '\0' &&
	    !tally_bytes_is(tally_field_text(record, "timeLedger"), common->time_ledger))
		return "it names another ledger than the store's time ledger";
	if (!field_hash(record, "digest", &ref.digest))
		return "a malformed digest";
	tally_sha256(token.data, token.size, ref.token.bytes);
	if (stamped)
		remember(&common->stamps, &common->stamp_count, &common->stamp_room, &ref);
	else
		remember(&common->anchors, &common->anchor_count, &common->anchor_room, &ref);
	return NULL;
}

const char *audit_anchor_check(struct audit_replay *replay, const struct audit_item *item)
{
	const struct tally_record *record = &item->record;
	uint64_t version = tally_field_number(record, "ledgerVersion", 0);
	struct tally_hash root;
	const char *wrong;

	if (tally_field_find(record, "token") == NULL)
		return check_given(replay, record);
	wrong = check_place(replay, record);
	if (wrong == NULL)
		wrong = check_tree(replay, record, version, &root);
	if (wrong != NULL || replay->failed.code != TALLY_OK)
		return wrong;
	if (!leads_to_digest(replay, record, version, &root))
		return "what was stamped does not lead to its tree";
	if (item->stamp == NULL)
		return NULL;	/* the worker said why, or did not look at it */
	if (replay->options->trust != NULL)
		replay->result.stamps++;
	else
		replay->result.stamps_unchecked++;
	return NULL;
}
