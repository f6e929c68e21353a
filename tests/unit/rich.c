/* See rich.h. */
#include "config.h"

#include "rich.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "conf.h"
#include "record.h"
#include "statement.h"
#include "store.h"
#include "txrequest.h"

static const uint8_t privates[5][TALLY_MEMBER_PRIVATE] = {
	{ 9 }, { 1, 2, 3 }, { 4, 5, 6 }, { 7, 8, 9 }, { 10, 11, 12 }
};
static const uint8_t next_private[TALLY_MEMBER_PRIVATE] = { 13, 14 };
static const uint8_t salt[TALLY_SALT_SIZE] = "a member's salt";

const uint8_t *rich_private(unsigned int type)
{
	return privates[type];
}

/* ---- the authority ---- */

static int stamp(void *ctx, const uint8_t digest[TALLY_HASH_SIZE], struct tally_arena *arena,
		 struct tally_bytes *token_r, struct tally_err *err)
{
	struct rich *rich = ctx;
	struct tally_bytes query, reply;
	struct tally_tsp_info info;

	if (tally_tsp_query(digest, arena, &query, err) != 0 ||
	    tally_tsa_answer(rich->tsa, query, tally_now_ms(), arena, &reply, err) != 0)
		return -1;
	return tally_tsp_accept(query, reply, rich->trust, arena, token_r, &info, err);
}

bool rich_begin(struct rich *rich, struct tally_err *err)
{
	struct tally_tsa_files files;
	uint64_t now = tally_now_ms();

	memset(rich, 0, sizeof(*rich));
	rich->conf = tally_conf_new();
	if (tally_tsa_make("rich", now - 86400000, now + 86400000ull * 3650, &rich->arena, &files,
			   err) != 0 ||
	    tally_tsa_open(&files, &rich->tsa, err) != 0 ||
	    tally_tsp_trust_parse(files.ca, &rich->trust, err) != 0)
		return false;
	rich->ca = files.ca;
	return true;
}

bool rich_open(struct rich *rich, const char *driver_name, const char *location, bool create,
	       struct tally_err *err)
{
	struct tally_store_args args = { .location = location, .conf = rich->conf,
					 .create = create, .blocks = true, .index = true };
	struct tally_core_options options = { .conf = rich->conf, .short_lived = true,
					      .stamp = stamp, .stamp_ctx = rich };
	const struct tally_driver *driver;

	return tally_driver_find(driver_name, NULL, &driver, err) == 0 &&
	       tally_store_open(driver, &args, &rich->store, err) == 0 &&
	       tally_core_open_on(&options, rich->store, rich->store,
				  create ? &rich->first : NULL, &rich->core, err) == 0;
}

bool rich_configure(struct rich *rich, const char *driver, const char *location,
		    struct tally_core_options *options_r)
{
	tally_conf_override(rich->conf, "store", "driver", driver);
	tally_conf_override(rich->conf, "store", "path", location);
	*options_r = (struct tally_core_options){ .conf = rich->conf, .short_lived = true,
						  .stamp = stamp, .stamp_ctx = rich };
	return true;
}

void rich_close(struct rich *rich)
{
	tally_core_close(&rich->core);
	rich->store = NULL;
}

void rich_end(struct rich *rich)
{
	rich_close(rich);
	tally_tsp_trust_free(&rich->trust);
	tally_tsa_free(&rich->tsa);
	tally_conf_free(&rich->conf);
	tally_arena_free(&rich->arena);
}

/* ---- appending ---- */

static struct tally_write owner(const struct rich *rich)
{
	return (struct tally_write){ .caller = { .account = rich->first.account } };
}

static bool append_entry(struct rich *rich, const char *ledger, const struct tally_entry *entry,
			 struct tally_err *err)
{
	static unsigned int number;
	struct tally_write write = owner(rich);
	struct tally_append_result result;
	char nonce[24];
	int status;

	/* every second one as a request with a nonce */
	snprintf(nonce, sizeof(nonce), "key nonce-%u", number++);
	if (number % 2 == 0) {
		write.nonce = tally_bytes_str(nonce);
		write.request_ms = tally_now_ms();
	}
	status = tally_append(rich->core, &write, tally_bytes_str(ledger), entry, 1, true, &result,
			      err);
	if (status == 0)
		rich->journal = result.receipt.journal_id;
	return status == 0;
}

bool rich_append(struct rich *rich, const char *ledger, const char *text, const char *clue,
		 struct tally_err *err)
{
	struct tally_bytes clues[2] = { tally_bytes_str(clue), TALLY_BYTES_LIT("caf\xc3\xa9") };
	struct tally_entry entry = { .payload = tally_bytes_str(text), .clues = clues,
				     .clue_count = clue == NULL ? 0 : strlen(text) % 2 + 1u };

	if (strlen(text) % 3 == 0)
		entry.client_id = TALLY_BYTES_LIT("till 7");
	if (strlen(text) % 5 == 0)
		entry.token = tally_bytes_str(text);
	return append_entry(rich, ledger, &entry, err);
}

/* Signatures of these members over a statement, into a signing. */
static bool sign(struct tally_statement *statement, const unsigned int *types,
		 char (*ids)[TALLY_MEMBER_ID_SIZE + 1], size_t count,
		 struct tally_signature *signatures, struct tally_err *err)
{
	struct tally_buf buf = { 0 };
	bool good = true;

	statement->member_id = tally_bytes_str(ids[0]);
	tally_statement_format(statement, &buf);
	for (size_t i = 0; i < count; i++) {
		signatures[i] = (struct tally_signature){ .member_id = tally_bytes_str(ids[i]),
							  .type = (uint8_t)types[i] };
		good = good && tally_member_sign(types[i], privates[types[i]],
						 tally_buf_bytes(&buf), signatures[i].bytes,
						 err) == 0;
	}
	tally_buf_free(&buf);
	return good;
}

bool rich_append_signed(struct rich *rich, const char *ledger, const char *text, const char *nonce,
			const unsigned int *types, char (*ids)[TALLY_MEMBER_ID_SIZE + 1],
			size_t count, struct tally_err *err)
{
	struct tally_signature signatures[8];
	struct tally_signing signing = { signatures, count, tally_bytes_str(nonce),
					 tally_bytes(salt, sizeof(salt)), TALLY_BYTES_NONE };
	struct tally_entry entry = { .payload = tally_bytes_str(text), .signing = &signing };
	struct tally_statement statement = { .ledger_id = tally_bytes_str(ledger),
					     .nonce = signing.nonce, .payload_size = strlen(text),
					     .payload_type = TALLY_BYTES_LIT("CUSTOM") };
	uint8_t hash[TALLY_HASH_SIZE];

	tally_payload_hash(salt, entry.payload, hash);
	statement.payload_hash = hash;
	return sign(&statement, types, ids, count, signatures, err) &&
	       append_entry(rich, ledger, &entry, err);
}

/* As a light client signs it. */
static bool append_foreign(struct rich *rich, const char *text, uint64_t nonce,
			   struct tally_err *err)
{
	struct tally_signature signature = { .type = KEY_TYPE_SECP256K1,
					     .member_id = tally_bytes_str(rich->members[1]) };
	struct tally_txrequest tx = { .ledger_id = tally_bytes_str(rich->plain),
				      .client_token = TALLY_BYTES_LIT("client"), .nonce = nonce,
				      .timestamp_millis = tally_now_ms(), .clue_count = 1,
				      .clues = { TALLY_BYTES_LIT("light") }, .sender_count = 1,
				      .payload = TX_CUSTOM, .data = tally_bytes_str(text) };
	struct tally_signing signing = { .signatures = &signature, .count = 1 };
	struct tally_entry entry = { .payload = tx.data, .clues = tx.clues, .clue_count = 1,
				     .signing = &signing };
	struct tally_buf message = { 0 };
	bool good;

	tx.senders[0].member_id = signature.member_id;
	tally_txrequest_format(&tx, &message);
	signing.message = tally_buf_bytes(&message);
	good = tally_member_sign(KEY_TYPE_SECP256K1, privates[1], signing.message, signature.bytes,
				 err) == 0 &&
	       append_entry(rich, rich->plain, &entry, err);
	tally_buf_free(&message);
	return good;
}

/* ---- ledgers ---- */

static bool make_ledger(struct rich *rich, enum tally_ledger_type type,
			enum tally_sign_policy policy, unsigned int count, char *id_r,
			struct tally_err *err)
{
	/* a KV ledger's owner may remove alone; of the others two must */
	enum tally_removal_policy removal = type == LEDGER_KV ? REMOVAL_ADMIN : REMOVAL_DUAL;
	struct tally_ledger_create create = { .name = TALLY_BYTES_LIT("S\xc3\xbc" "d \"1\""),
					      .description = TALLY_BYTES_LIT("for a test"),
					      .type = type, .sign_policy = policy,
					      .sign_count = count, .public_read = true,
					      .removal_policy = removal };
	struct tally_write write = owner(rich);
	struct tally_ledger_created created;

	if (tally_ledger_create(rich->core, &write, &create, &created, err) != 0)
		return false;
	memcpy(id_r, created.ledger_id, sizeof(created.ledger_id));
	return true;
}

static bool add_member(struct rich *rich, const char *ledger, unsigned int type, uint64_t account,
		       char *id_r, struct tally_err *err)
{
	struct tally_member_create create = { .role = account == 0 ? ROLE_WRITER : ROLE_READER,
					      .account = account };
	struct tally_write write = owner(rich);

	return (type == KEY_TYPE_NONE ||
		tally_member_public(type, privates[type], &create.key, err) == 0) &&
	       tally_member_create(rich->core, &write, tally_bytes_str(ledger), &create, id_r,
				   err) == 0;
}

static bool refresh(struct rich *rich, const char *ledger, struct tally_err *err)
{
	return tally_state_refresh(rich->core, tally_bytes_str(ledger), err) >= 0;
}

static bool anchor(struct rich *rich, const char *ledger, struct tally_err *err)
{
	struct tally_write write = owner(rich);
	struct tally_receipt receipt;

	return tally_anchor_create(rich->core, &write, tally_bytes_str(ledger), &receipt, err) == 0;
}

static bool change_plain(struct rich *rich, struct tally_err *err)
{
	struct tally_ledger_change change = { .set_name = true, .set_public_read = true,
					      .public_read = true,
					      .name = TALLY_BYTES_LIT("renamed") };
	struct tally_bytes id = tally_bytes_str(rich->plain), proof = TALLY_BYTES_LIT("a stamp");
	struct tally_write write = owner(rich);
	struct tally_receipt receipt;
	struct tally_member_key key;

	return tally_ledger_modify(rich->core, &write, id, &change, err) == 0 &&
	       tally_trust_point_set(rich->core, &write, id, 5, &receipt, err) == 0 &&
	       tally_anchor_give(rich->core, &write, id, 1700000000, proof, &receipt, err) == 0 &&
	       tally_member_public(KEY_TYPE_ED25519, next_private, &key, err) == 0 &&
	       tally_member_set_key(rich->core, &write, id, tally_bytes_str(rich->members[3]), &key,
				    err) == 0 &&
	       tally_member_set_role(rich->core, &write, id, tally_bytes_str(rich->members[2]),
				     ROLE_READER, err) == 0;
}

/* What becomes of accounts: invited, accepted, disabled, deleted, and there again. */
static bool change_members(struct rich *rich, struct tally_err *err)
{
	struct tally_write write = owner(rich), guest = { .caller = { .account = 0 } };
	struct tally_bytes id = tally_bytes_str(rich->plain);
	struct tally_member_key none = { .type = KEY_TYPE_NONE };
	char member[TALLY_MEMBER_ID_SIZE + 1];
	uint64_t accounts[3];
	bool good = true;

	for (int i = 0; good && i < 3; i++)
		good = tally_account_create(rich->core, &write, TALLY_BYTES_LIT("guest"),
					    &accounts[i], err) == 0;
	if (!good || tally_member_invite(rich->core, &write, id, accounts, 3, err) != 0)
		return false;
	for (int i = 0; good && i < 2; i++) {
		guest.caller.account = accounts[i];
		good = tally_member_accept(rich->core, &guest, id, &none, member, err) == 0;
	}
	return good &&
	       tally_member_set_role(rich->core, &write, id, tally_bytes_str(member), ROLE_ADMIN,
				     err) == 0 &&
	       tally_member_enable(rich->core, &write, id, tally_bytes_str(member), false, err) == 0 &&
	       tally_member_enable(rich->core, &write, id, tally_bytes_str(member), true, err) == 0 &&
	       tally_member_delete(rich->core, &write, id, tally_bytes_str(member), err) == 0 &&
	       tally_member_invite(rich->core, &write, id, &accounts[1], 1, err) == 0 &&
	       tally_member_accept(rich->core, &guest, id, &none, member, err) == 0 &&
	       tally_member_enable(rich->core, &write, id, tally_bytes_str(member), false, err) == 0;
}

static bool fill_plain(struct rich *rich, unsigned int rounds, struct tally_err *err)
{
	static const unsigned int types[] = { 1, 2, 3, 4 };
	char reader[TALLY_MEMBER_ID_SIZE + 1], text[64];
	const char *id = rich->plain;
	bool good = make_ledger(rich, LEDGER_JOURNAL, SIGN_ACCEPTED, 0, rich->plain, err) &&
		    add_member(rich, id, KEY_TYPE_NONE, 4711, reader, err);

	for (unsigned int i = 0; good && i < 4; i++) {
		snprintf(text, sizeof(text), "signed by %u", types[i]);
		good = add_member(rich, id, types[i], 0, rich->members[types[i]], err) &&
		       rich_append_signed(rich, id, text, "n", &types[i],
					  &rich->members[types[i]], 1, err);
	}
	good = good && rich_append(rich, id, "", NULL, err) &&
	       rich_append_signed(rich, id, "together", "n-2", types, &rich->members[1], 4, err) &&
	       append_foreign(rich, "hello ledger", 1, err) && refresh(rich, id, err) &&
	       anchor(rich, id, err) && change_plain(rich, err) && change_members(rich, err);
	for (unsigned int i = 0; good && i < 8 * rounds; i++) {
		char clue[16];

		snprintf(text, sizeof(text), "record %u%.*s", i, (int)(i % 7), "+++++++");
		snprintf(clue, sizeof(clue), "clue %u", i % (3 * rounds));
		good = rich_append(rich, id, text, i % 4 == 3 ? NULL : clue, err) &&
		       (i % 8 != 5 || append_foreign(rich, text, 2 + i, err)) &&
		       (i % 16 != 15 || refresh(rich, id, err));
	}
	for (unsigned int i = 0; good && i < 20; i++)	/* so many that the clue's head is kept */
		good = rich_append(rich, id, "one of many", "often", err);
	return good && anchor(rich, id, err) && refresh(rich, id, err) &&
	       rich_append(rich, id, "behind the last state", "clue 0", err);
}

static bool fill_strict(struct rich *rich, unsigned int rounds, struct tally_err *err)
{
	static const unsigned int types[] = { 1, 4 };
	char ids[2][TALLY_MEMBER_ID_SIZE + 1], text[32];
	bool good = make_ledger(rich, LEDGER_JOURNAL, SIGN_REQUIRED, 2, rich->strict, err) &&
		    add_member(rich, rich->strict, types[0], 0, ids[0], err) &&
		    add_member(rich, rich->strict, types[1], 0, ids[1], err);

	for (unsigned int i = 0; good && i < 2 * rounds; i++) {
		snprintf(text, sizeof(text), "%u", i);
		good = rich_append_signed(rich, rich->strict, text, text, types, ids, 2, err);
	}
	return good && refresh(rich, rich->strict, err);
}

/* ---- keys and values ---- */

static bool kv(struct rich *rich, const char *key, const char *value, struct tally_err *err)
{
	struct tally_bytes id = tally_bytes_str(rich->keys);
	struct tally_write write = owner(rich);

	return value != NULL ? tally_kv_set(rich->core, &write, id, tally_bytes_str(key),
					    tally_bytes_str(value), NULL, err) == 0 :
			       tally_kv_delete(rich->core, &write, id, tally_bytes_str(key), NULL,
					       err) == 0;
}

static bool kv_signed(struct rich *rich, char (*member)[TALLY_MEMBER_ID_SIZE + 1],
		      struct tally_err *err)
{
	static const unsigned int types[] = { KEY_TYPE_SECP256R1 };
	struct tally_signature signature;
	struct tally_signing signing = { &signature, 1, TALLY_BYTES_LIT("kv"),
					 tally_bytes(salt, sizeof(salt)), TALLY_BYTES_NONE };
	struct tally_bytes key = TALLY_BYTES_LIT("signed"), value = TALLY_BYTES_LIT("v");
	struct tally_statement statement = { .ledger_id = tally_bytes_str(rich->keys),
					     .data = TALLY_BYTES_LIT("{\"key\":\"signed\"}"),
					     .nonce = signing.nonce, .payload_size = 1,
					     .payload_type = TALLY_BYTES_LIT("KV_SET") };
	struct tally_write write = owner(rich);
	uint8_t hash[TALLY_HASH_SIZE];

	tally_payload_hash(salt, value, hash);
	statement.payload_hash = hash;
	write.signing = &signing;
	return sign(&statement, types, member, 1, &signature, err) &&
	       tally_kv_set(rich->core, &write, tally_bytes_str(rich->keys), key, value, NULL,
			    err) == 0;
}

/* A light client's deletion: its payload is empty, and carries the evidence. */
static bool kv_foreign(struct rich *rich, char (*member)[TALLY_MEMBER_ID_SIZE + 1],
		       struct tally_err *err)
{
	struct tally_signature signature = { .type = KEY_TYPE_SECP256R1,
					     .member_id = tally_bytes_str(*member) };
	struct tally_txrequest tx = { .ledger_id = tally_bytes_str(rich->keys), .nonce = 5,
				      .client_token = TALLY_BYTES_LIT("client"), .sender_count = 1,
				      .payload = TX_KV_DEL, .key = TALLY_BYTES_LIT("signed") };
	struct tally_signing signing = { .signatures = &signature, .count = 1 };
	struct tally_write write = owner(rich);
	struct tally_buf message = { 0 };
	bool good;

	tx.senders[0].member_id = signature.member_id;
	tally_txrequest_format(&tx, &message);
	signing.message = tally_buf_bytes(&message);
	write.signing = &signing;
	good = tally_member_sign(signature.type, privates[signature.type], signing.message,
				 signature.bytes, err) == 0 &&
	       tally_kv_delete(rich->core, &write, tx.ledger_id, tx.key, NULL, err) == 0;
	tally_buf_free(&message);
	return good;
}

/* Values in force stay. */
static bool purge_keys(struct rich *rich, struct tally_err *err)
{
	struct tally_write write = owner(rich);
	struct tally_receipt receipt;

	return tally_ledger_purge(rich->core, &write, tally_bytes_str(rich->keys), 7, true, &receipt,
				  err) == 0;
}

static bool fill_keys(struct rich *rich, unsigned int rounds, struct tally_err *err)
{
	char member[1][TALLY_MEMBER_ID_SIZE + 1], key[16];
	bool good = make_ledger(rich, LEDGER_KV, SIGN_ACCEPTED, 0, rich->keys, err) &&
		    add_member(rich, rich->keys, KEY_TYPE_SECP256R1, 0, member[0], err) &&
		    kv_signed(rich, member, err);

	for (unsigned int i = 0; good && i < 6 * rounds; i++) {
		snprintf(key, sizeof(key), "k%u", i % (2 * rounds + 1));
		good = kv(rich, key, i % 3 == 0 ? "one" : "two", err) &&
		       (i % 5 != 4 || kv(rich, key, NULL, err)) &&
		       (i % 4 != 3 || refresh(rich, rich->keys, err));
	}
	return good && kv_foreign(rich, member, err) && refresh(rich, rich->keys, err) &&
	       anchor(rich, rich->keys, err) && purge_keys(rich, err);
}

/* ---- removal ---- */

/* What OCCULT says of a journal, signed by the owner and another ADMIN. */
static bool occult(struct rich *rich, uint64_t journal_id, char (*admins)[TALLY_MEMBER_ID_SIZE + 1],
		   struct tally_err *err)
{
	static const unsigned int types[] = { KEY_TYPE_ED25519, KEY_TYPE_SECP256K1 };
	struct tally_bytes id = tally_bytes_str(rich->erased);
	struct tally_signature signatures[2];
	struct tally_signing signing = { .signatures = signatures, .count = 2 };
	struct tally_statement statement = { .ledger_id = id,
					     .payload_type = TALLY_BYTES_LIT("OCCULT") };
	struct tally_write write = owner(rich);
	struct tally_receipt receipt;
	struct tally_journal journal;
	char data[160], hash[65], nonce[32];

	if (tally_journal_get(rich->core, id, journal_id, &rich->arena, &journal, err) != 1)
		return false;
	tally_hex_encode(journal.hash.bytes, TALLY_HASH_SIZE, hash);
	snprintf(data, sizeof(data), "{\"journalHash\":\"%s\",\"journalId\":%llu}", hash,
		 (unsigned long long)journal_id);
	snprintf(nonce, sizeof(nonce), "remove %llu", (unsigned long long)journal_id);
	statement.data = tally_bytes_str(data);
	statement.nonce = signing.nonce = tally_bytes_str(nonce);
	write.signing = &signing;
	return sign(&statement, types, admins, 2, signatures, err) &&
	       tally_journal_occult(rich->core, &write, id, journal_id, TALLY_BYTES_NONE, &receipt,
				    err) == 0;
}

static bool fill_erased(struct rich *rich, struct tally_err *err)
{
	struct tally_member_create create = { .role = ROLE_ADMIN };
	struct tally_caller self = { .account = rich->first.account };
	struct tally_write write = owner(rich);
	char admins[2][TALLY_MEMBER_ID_SIZE + 1];
	struct tally_member_key key;
	struct tally_member me;
	bool good = make_ledger(rich, LEDGER_JOURNAL, SIGN_OFF, 0, rich->erased, err);
	struct tally_bytes id = tally_bytes_str(rich->erased);

	good = good &&
	       tally_member_public(KEY_TYPE_ED25519, privates[4], &key, err) == 0 &&
	       tally_member_set_key(rich->core, &write, id, TALLY_BYTES_NONE, &key, err) == 0 &&
	       tally_member_public(KEY_TYPE_SECP256K1, privates[1], &create.key, err) == 0 &&
	       tally_member_create(rich->core, &write, id, &create, admins[1], err) == 0 &&
	       tally_member_get(rich->core, &self, id, TALLY_BYTES_NONE, &me, err) == 1;
	if (!good)
		return false;
	memcpy(admins[0], me.id, sizeof(admins[0]));
	for (unsigned int i = 0; good && i < 6; i++)
		good = rich_append(rich, rich->erased, i % 2 ? "regretted" : "kept", "c", err);
	return good && occult(rich, rich->journal, admins, err) &&
	       occult(rich, rich->journal - 2, admins, err) && refresh(rich, rich->erased, err) &&
	       rich_append(rich, rich->erased, "later", "c", err);
}

/* ---- the system ledger ---- */

static bool fill_system(struct rich *rich, struct tally_err *err)
{
	struct tally_bytes policy = TALLY_BYTES_LIT("{\"Version\":\"1\",\"Statement\":[]}");
	struct tally_write write = { .caller = { .local = true } };
	struct tally_first_key key, second;
	struct tally_bytes id;
	uint64_t account;

	if (tally_account_create(rich->core, &write, TALLY_BYTES_LIT("second"), &account, err) != 0 ||
	    tally_key_create(rich->core, &write, account, &key, err) != 0 ||
	    tally_key_create(rich->core, &write, account, &second, err) != 0)
		return false;
	if (tally_account_policy_set(rich->core, &write, account, policy, err) != 0 ||
	    tally_account_policy_set(rich->core, &write, account, TALLY_BYTES_NONE, err) != 0 ||
	    tally_key_create_limited(rich->core, &write, account, policy, &second, err) != 0)
		return false;
	id = tally_bytes_str(key.key_id);
	return tally_key_set_state(rich->core, &write, id, KEY_DISABLED, err) == 0 &&
	       tally_key_set_state(rich->core, &write, id, KEY_ACTIVE, err) == 0 &&
	       tally_key_delete(rich->core, &write, id, err) == 0;
}

bool rich_fill(struct rich *rich, unsigned int rounds, struct tally_err *err)
{
	struct tally_write write = owner(rich);

	return fill_system(rich, err) && fill_plain(rich, rounds, err) &&
	       fill_strict(rich, rounds, err) && fill_keys(rich, rounds, err) &&
	       fill_erased(rich, err) &&
	       make_ledger(rich, LEDGER_JOURNAL, SIGN_OFF, 0, rich->gone, err) &&
	       rich_append(rich, rich->gone, "soon gone", NULL, err) &&
	       tally_ledger_delete(rich->core, &write, tally_bytes_str(rich->gone), err) == 0;
}
