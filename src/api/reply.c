/* Shared parts of replies. See reply.h. */
#include "reply.h"

#include "hash.h"
#include "secret.h"

bool tally_shape_docs(const struct tally_call *call)
{
	return strcmp(call->settings->shape, "docs") == 0;
}

bool tally_shape_differs(const char *path, enum tally_node_kind *kind_r)
{
	const char *name = strrchr(path, '.');

	name = name != NULL ? name + 1 : path;
	if (strstr(path, "LastTimeAnchor.") != NULL)
		return false;		/* a text in the samples too */
	if (strcmp(name, "JournalId") == 0)
		*kind_r = NODE_UINT;
	else if (strcmp(name, "Clues") == 0)
		*kind_r = NODE_TEXT;
	else
		return false;
	return true;
}

static void add_journal_id(struct tally_call *call, struct tally_node *to, uint64_t id)
{
	if (tally_shape_docs(call))
		tally_add_uint(call->arena, to, "JournalId", id);
	else
		tally_add_uint_text(call->arena, to, "JournalId", id);
}

/* "[clue1, clue2]" */
static struct tally_bytes joined(struct tally_arena *arena, const struct tally_bytes *clues,
				 size_t count)
{
	size_t size = 2, i;
	uint8_t *text, *out;

	for (i = 0; i < count; i++)
		size += clues[i].size + 2;
	text = out = tally_arena_alloc(arena, size);
	*out++ = '[';
	for (i = 0; i < count; i++) {
		if (i > 0) {
			*out++ = ',';
			*out++ = ' ';
		}
		memcpy(out, clues[i].data, clues[i].size);
		out += clues[i].size;
	}
	*out++ = ']';
	return tally_bytes(text, (size_t)(out - text));
}

static void add_clues(struct tally_call *call, struct tally_node *to,
		      const struct tally_bytes *clues, size_t count)
{
	struct tally_node *list;
	size_t i;

	if (tally_shape_docs(call)) {
		tally_add_text(call->arena, to, "Clues", joined(call->arena, clues, count));
		return;
	}
	list = tally_add_list(call->arena, to, "Clues", "Clue");
	for (i = 0; i < count; i++)
		tally_add_text(call->arena, list, NULL, clues[i]);
}

void tally_reply_removed(struct tally_call *call, struct tally_node *to,
			 const struct tally_journal *journal)
{
	if (!journal->removed)
		return;
	tally_add_bool(call->arena, to, "Removed", true);
	tally_add_uint(call->arena, to, "RemovedBy", journal->removed_by);
}

void tally_reply_journal(struct tally_call *call, struct tally_node *to,
			 const struct tally_journal *journal)
{
	struct tally_arena *arena = call->arena;

	tally_add_text(arena, to, "MemberId", journal->member_id);
	add_journal_id(call, to, journal->id);
	tally_add_text(arena, to, "ClientId", journal->client_id);
	add_clues(call, to, journal->clues, journal->clue_count);
	tally_add_text(arena, to, "LedgerId", tally_arg_bytes(call, "LedgerId"));
	tally_add_hex(arena, to, "JournalHash", journal->hash.bytes, TALLY_HASH_SIZE);
	tally_add_uint(arena, to, "Timestamp", journal->timestamp_ms);
	tally_add_str(arena, to, "PayloadType", journal->payload_type);
	tally_add_payload(arena, to, "PayloadJsonString", "PayloadEncoding", journal->payload);
	tally_reply_removed(call, to, journal);
	if (journal->key.size > 0)
		tally_add_text(arena, to, "Key", journal->key);
}

void tally_reply_receipt(struct tally_call *call, struct tally_node *to,
			 const struct tally_receipt *receipt)
{
	struct tally_arena *arena = call->arena;

	tally_add_text(arena, to, "LedgerId", tally_arg_bytes(call, "LedgerId"));
	add_journal_id(call, to, receipt->journal_id);
	tally_add_hex(arena, to, "JournalHash", receipt->journal_hash.bytes, TALLY_HASH_SIZE);
	tally_add_hex(arena, to, "RequestDigest", receipt->request_digest,
		      sizeof(receipt->request_digest));
	tally_add_str(arena, to, "RequestDigestType", "SHA256");
	tally_add_uint(arena, to, "Timestamp", receipt->timestamp_ms);
	tally_add_uint(arena, to, "OpTimeNanos", receipt->timestamp_ms * 1000000);
	tally_add_uint(arena, to, "BlockSequence", receipt->block);
	tally_add_hex(arena, to, "BlockHash", receipt->block_hash.bytes, TALLY_HASH_SIZE);
	tally_add_uint(arena, to, "TreeSize", receipt->tree_size);
	tally_add_hex(arena, to, "RootHash", receipt->root.bytes, TALLY_HASH_SIZE);
}

static void add_stamp(struct tally_call *call, struct tally_node *to,
		      const struct tally_anchor *anchor)
{
	tally_add_str(call->arena, to, "Source", anchor->given ? "CALLER" : "TSA");
	if (!anchor->given)
		tally_add_text(call->arena, to, "Authority", anchor->authority);
}

void tally_reply_anchor(struct tally_call *call, struct tally_node *to,
			const struct tally_anchor *anchor)
{
	struct tally_arena *arena = call->arena;

	tally_add_uint(arena, to, "JournalId", anchor->journal_id);
	tally_add_uint(arena, to, "LedgerVersion", anchor->version);
	tally_add_hex(arena, to, "LedgerDigest", anchor->root.bytes, TALLY_HASH_SIZE);
	tally_add_str(arena, to, "LedgerDigestType", "SHA256");
	tally_add_text(arena, to, "Proof", anchor->proof);
	tally_add_uint(arena, to, "TimeStamp", anchor->time_ms / 1000);
	add_stamp(call, to, anchor);
}

/* Here the numbers are texts, and the time is in milliseconds. */
static int add_last_anchor(struct tally_call *call, struct tally_node *ledger,
			   const struct tally_ledger_info *info, struct tally_err *err)
{
	struct tally_arena *arena = call->arena;
	struct tally_anchor anchor;
	struct tally_node *to;
	int found = tally_anchor_last(call->core, tally_bytes_str(info->id), arena, &anchor, err);

	if (found != 1)
		return found;
	to = tally_add_object(arena, ledger, "LastTimeAnchor");
	tally_add_uint_text(arena, to, "JournalId", anchor.journal_id);
	tally_add_uint_text(arena, to, "LedgerVersion", anchor.version);
	tally_add_hex(arena, to, "LedgerDigest", anchor.root.bytes, TALLY_HASH_SIZE);
	tally_add_str(arena, to, "LedgerDigestType", "SHA256");
	tally_add_text(arena, to, "Proof", anchor.proof);
	tally_add_uint_text(arena, to, "TimeStamp", anchor.time_ms);
	add_stamp(call, to, &anchor);
	return 0;
}

int tally_reply_ledger(struct tally_call *call, struct tally_node *to,
		       const struct tally_ledger_info *info, struct tally_err *err)
{
	static const char *const types[] = { [LEDGER_JOURNAL] = "JOURNAL", [LEDGER_KV] = "KV" };
	static const char *const states[] = {
		[LEDGER_INVALID] = "INVALID", [LEDGER_NORMAL] = "NORMAL",
		[LEDGER_DELETING] = "DELETING", [LEDGER_DELETED] = "DELETED"
	};
	static const char *const policies[] = { [SIGN_ACCEPTED] = "ACCEPTED", [SIGN_OFF] = "OFF",
						[SIGN_REQUIRED] = "REQUIRED" };
	static const char *const removals[] = { [REMOVAL_DUAL] = "DUAL", [REMOVAL_OFF] = "OFF",
						[REMOVAL_ADMIN] = "ADMIN" };
	struct tally_arena *arena = call->arena;

	tally_add_text(arena, to, "LedgerId",	/* info may be on the caller's stack */
		       tally_arena_bytes(arena, tally_bytes_str(info->id)));
	tally_add_text(arena, to, "LedgerName", info->name);
	tally_add_text(arena, to, "LedgerDescription", info->description);
	tally_add_str(arena, to, "LedgerType", types[info->type]);
	tally_add_str(arena, to, "LedgerStatus", states[info->status]);
	tally_add_uint_text(arena, to, "OwnerAliUid", info->owner);
	tally_add_str(arena, to, "RegionId", call->settings->region);
	tally_add_str(arena, to, "ZoneId", call->settings->zone);
	tally_add_uint_text(arena, to, "CreateTime", info->create_ms);
	tally_add_uint_text(arena, to, "UpdateTime", info->update_ms);
	tally_add_uint(arena, to, "JournalCount", info->journal_count);
	tally_add_uint(arena, to, "MemberCount", info->member_count);
	tally_add_uint(arena, to, "TimeAnchorCount", info->time_anchor_count);
	tally_add_bool(arena, to, "PublicRead", info->public_read);
	tally_add_str(arena, to, "SignaturePolicy", policies[info->sign_policy]);
	tally_add_uint(arena, to, "SignatureCount", info->sign_count > 0 ? info->sign_count : 1);
	tally_add_str(arena, to, "RemovalPolicy", removals[info->removal_policy]);
	tally_add_uint(arena, to, "MinimumIndex", info->purged_before);
	for (enum tally_limit i = 0; i < LIMITS; i++)
		if (info->limits[i] != 0)
			tally_add_uint(arena, to, tally_limit_param(i), info->limits[i]);
	if (info->has_anchor_interval)
		tally_add_uint(arena, to, "TimeAnchorInterval", info->anchor_interval_s);
	if (info->time_anchor_count == 0 || info->status != LEDGER_NORMAL)
		return 0;
	return add_last_anchor(call, to, info, err);
}

/* ---- NextToken: hex of a 16-byte MAC and the position ---- */

#define MAC_SIZE 16
#define POSITION_MAX 256	/* a key of a KV ledger has up to 255 */

static void next_mac(struct tally_call *call, struct tally_bytes scope,
		     struct tally_bytes position, uint8_t mac_r[32])
{
	uint8_t key[32];
	uint8_t *text = tally_arena_alloc(call->arena, 8 + scope.size + position.size);

	tally_put_u64(text, scope.size);
	memcpy(text + 8, scope.data, scope.size);
	memcpy(text + 8 + scope.size, position.data, position.size);
	tally_core_key(call->core, "next-token", key);
	tally_hmac_sha256(tally_bytes(key, sizeof(key)),
			  tally_bytes(text, 8 + scope.size + position.size), mac_r);
	tally_wipe(key, sizeof(key));
}

const char *tally_next_token(struct tally_call *call, struct tally_bytes scope,
			     struct tally_bytes position)
{
	size_t size = MAC_SIZE + position.size;
	char *text = tally_arena_alloc(call->arena, 2 * size + 1);
	uint8_t token[32 + POSITION_MAX];

	next_mac(call, scope, position, token);
	memcpy(token + MAC_SIZE, position.data, position.size);
	tally_hex_encode(token, size, text);
	return text;
}

int tally_next_open(struct tally_call *call, struct tally_bytes scope, struct tally_bytes token,
		    struct tally_bytes *position_r, struct tally_err *err)
{
	size_t size = token.size / 2;
	uint8_t *data = tally_arena_alloc(call->arena, size + 1);
	uint8_t mac[32];

	if (size > MAC_SIZE && size <= MAC_SIZE + POSITION_MAX &&
	    tally_hex_decode(token, data, size)) {
		*position_r = tally_bytes(data + MAC_SIZE, size - MAC_SIZE);
		next_mac(call, scope, *position_r, mac);
		if (tally_secret_equal(tally_bytes(data, MAC_SIZE), tally_bytes(mac, MAC_SIZE)))
			return 0;
	}
	return tally_err_about(err, TALLY_INVALID, "NextToken",
			       "the token is not of this listing");
}
