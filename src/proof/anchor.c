/* Time anchors as leaves. See anchor.h. */
#include "anchor.h"

#include "b64.h"
#include "note.h"

static bool get_uint(struct tally_bytes data, const char *name, uint64_t *number_r)
{
	struct tally_bytes value;

	return tally_canon_member(data, name, &value) == 1 && tally_canon_uint(value, number_r);
}

static bool get_hash(struct tally_bytes data, const char *name, struct tally_hash *hash_r)
{
	struct tally_bytes value;

	return tally_canon_member(data, name, &value) == 1 && tally_canon_hash(value, hash_r);
}

static bool get_plain(struct tally_bytes data, const char *name, struct tally_bytes *text_r)
{
	struct tally_bytes value;

	return tally_canon_member(data, name, &value) == 1 && tally_canon_plain(value, text_r);
}

/* Base64 of all hashes one after the other; nothing where there is none. */
static bool get_path(struct tally_bytes data, struct tally_anchor_leaf *anchor)
{
	struct tally_bytes text;
	int size;

	if (!get_plain(data, "path", &text))
		return false;
	if (text.size == 0)
		return true;
	size = tally_b64_get(text, (uint8_t *)anchor->path, sizeof(anchor->path));
	anchor->path_count = size > 0 ? (size_t)size / TALLY_HASH_SIZE : 0;
	return size > 0 && size % TALLY_HASH_SIZE == 0;
}

bool tally_anchor_parse(struct tally_bytes text, struct tally_anchor_leaf *anchor_r)
{
	struct tally_leaf leaf;

	memset(anchor_r, 0, sizeof(*anchor_r));
	if (!tally_leaf_parse(text, &leaf) ||
	    !tally_bytes_is(leaf.payload_type, "CREATE_TIMEANCHOR") || leaf.data.size == 0)
		return false;
	anchor_r->journal_id = leaf.journal_id;
	anchor_r->ledger_id = leaf.ledger_id;
	return get_uint(leaf.data, "ledgerVersion", &anchor_r->version) &&
	       get_hash(leaf.data, "ledgerDigest", &anchor_r->root) &&
	       get_hash(leaf.data, "digest", &anchor_r->digest) &&
	       get_uint(leaf.data, "index", &anchor_r->index) &&
	       get_uint(leaf.data, "count", &anchor_r->count) && get_path(leaf.data, anchor_r) &&
	       get_uint(leaf.data, "genTime", &anchor_r->time_ms) &&
	       get_plain(leaf.data, "token", &anchor_r->token);
}

bool tally_anchor_verify(const struct tally_anchor_leaf *anchor, struct tally_bytes origin)
{
	char text[TALLY_CHECKPOINT_TEXT];
	struct tally_hash leaf;
	size_t size;

	if (!tally_key_name_valid(origin))
		return false;
	size = tally_checkpoint_format(origin, anchor->version, &anchor->root, text);
	tally_leaf_hash(tally_bytes(text, size), &leaf);
	return tally_inclusion_verify(anchor->index, anchor->count, &leaf, anchor->path,
				      anchor->path_count, &anchor->digest);
}
