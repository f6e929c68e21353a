/* See fake_core.h. */
#include "fake_core.h"

#include <stdlib.h>

#include "buf.h"
#include "cose.h"
#include "hash.h"
#include "note.h"
#include "share.h"

#define MEMBER "m-04389ec1075443bc04389ec107"
#define NOW_MS 1587090122155

static int outcome(struct tally_core *core, struct tally_err *err)
{
	if (core->fail == TALLY_OK)
		return 0;
	return tally_err_about(err, core->fail, core->subject != NULL ? core->subject : "",
			       "as the test wants it");
}

static int write_outcome(struct tally_core *core, const struct tally_write *write,
			 struct tally_err *err)
{
	if (outcome(core, err) < 0)
		return -1;
	core->last = *write;
	core->writes++;
	return 0;
}

static struct tally_hash some_hash(const char *what)
{
	struct tally_hash hash;

	tally_sha256(what, strlen(what), hash.bytes);
	return hash;
}

bool tally_core_healthy(struct tally_core *core)
{
	return !core->sick;
}

void tally_core_key(struct tally_core *core, const char *purpose, uint8_t key_r[32])
{
	(void)core;
	tally_sha256(purpose, strlen(purpose), key_r);
}

static bool known(struct tally_bytes ledger_id)
{
	return tally_bytes_is(ledger_id, FAKE_PRIVATE) || tally_bytes_is(ledger_id, FAKE_PUBLIC);
}

bool tally_permission_public(enum tally_permission permission)
{
	return permission == PERM_VIEW_LEDGER || permission == PERM_VIEW_JOURNAL ||
	       permission == PERM_VIEW_TIMEANCHOR || permission == PERM_VIEW_TRUSTPOINT;
}

/* Account 1001 may all; account 1002 may read l-private; the others have no part in it. */
int tally_authorise(struct tally_core *core, const struct tally_caller *caller,
		    struct tally_bytes ledger_id, enum tally_permission permission,
		    struct tally_err *err)
{
	bool reading = tally_permission_public(permission);

	(void)core;
	if (!known(ledger_id))
		return tally_err_about(err, TALLY_NOTFOUND, "Ledger", "no such ledger");
	if (caller->local || caller->account == FAKE_ACCOUNT)
		return 0;
	if (reading && (caller->account == 1002 || tally_bytes_is(ledger_id, FAKE_PUBLIC)))
		return 0;
	if (caller->account == 1002 || tally_bytes_is(ledger_id, FAKE_PUBLIC))
		return tally_err_set(err, TALLY_DENIED, "The role does not allow it.");
	return tally_err_about(err, TALLY_NOTFOUND, "Ledger", "no part in it");
}

/* ---- how a ledger is reached ---- */

const char *tally_limit_param(enum tally_limit limit)
{
	static const char *const names[LIMITS] = { "BatchLimit", "ClueLimit", "MemberLimit",
						   "PageLimit", "PayloadLimit" };

	return names[limit];
}

bool tally_listener_valid(struct tally_bytes listener)
{
	return listener.size > 0 && memchr(listener.data, '/', listener.size) != NULL;
}

bool tally_kms_key_valid(struct tally_bytes id, struct tally_bytes version)
{
	return id.size > 0 && id.size <= 64 && version.size <= 64;
}

bool tally_kms_key_is_uri(struct tally_bytes id)
{
	return id.size >= 7 && memcmp(id.data, "pkcs11:", 7) == 0;
}

int tally_access_get(struct tally_core *core, struct tally_bytes ledger_id, struct tally_arena *arena,
		     struct tally_access *access_r, struct tally_err *err)
{
	(void)ledger_id;
	(void)arena;
	*access_r = (struct tally_access){ .open = !core->sealed,
					   .ip_list = TALLY_BYTES_LIT("10.0.0.0/8,2001:db8::/32") };
	return outcome(core, err);
}

int tally_access_check(struct tally_core *core, struct tally_bytes ledger_id,
		       const struct tally_reach *reach, struct tally_err *err)
{
	(void)core;
	(void)ledger_id;
	(void)reach;
	(void)err;
	return 0;
}

int tally_access_open(struct tally_core *core, const struct tally_write *write,
		      struct tally_bytes ledger_id, bool open, struct tally_err *err)
{
	(void)ledger_id;
	(void)open;
	return write_outcome(core, write, err);
}

int tally_access_ip_list(struct tally_core *core, const struct tally_write *write,
			 struct tally_bytes ledger_id, enum tally_ip_change how,
			 struct tally_bytes ip_list, struct tally_err *err)
{
	(void)ledger_id;
	(void)how;
	(void)ip_list;
	return write_outcome(core, write, err);
}

int tally_access_grant(struct tally_core *core, const struct tally_write *write,
		       struct tally_bytes ledger_id, struct tally_err *err)
{
	(void)ledger_id;
	return write_outcome(core, write, err);
}

#define ENDPOINT "1f2e3d4c5b6a79.ledger.internal"

void tally_endpoint_id(struct tally_bytes ledger_id, struct tally_bytes listener, const char *domain,
		       char id_r[TALLY_ENDPOINT_ID])
{
	(void)ledger_id;
	(void)listener;
	(void)domain;
	strcpy(id_r, ENDPOINT);
}

int tally_endpoint_create(struct tally_core *core, const struct tally_write *write,
			  struct tally_bytes ledger_id, const struct tally_endpoint *endpoint,
			  struct tally_err *err)
{
	(void)ledger_id;
	(void)endpoint;
	return write_outcome(core, write, err);
}

int tally_endpoint_delete(struct tally_core *core, const struct tally_write *write,
			  struct tally_bytes ledger_id, struct tally_bytes id,
			  struct tally_bytes listener, struct tally_err *err)
{
	(void)ledger_id;
	(void)id;
	(void)listener;
	return write_outcome(core, write, err);
}

int tally_endpoint_list(struct tally_core *core, struct tally_bytes ledger_id,
			struct tally_bytes after, size_t limit, struct tally_arena *arena,
			struct tally_endpoint **endpoints_r, size_t *count_r, bool *more_r,
			struct tally_err *err)
{
	static const char *const listeners[] = { "vpc-office/vsw-1", "vpc-office/vsw-2" };
	size_t i;

	(void)ledger_id;
	*endpoints_r = tally_arena_array(arena, struct tally_endpoint, 2);
	*count_r = 0;
	*more_r = false;
	for (i = 0; i < 2; i++) {
		if (tally_bytes_compare(tally_bytes_str(listeners[i]), after) <= 0)
			continue;
		*more_r = *count_r == limit;
		if (*more_r)
			break;
		(*endpoints_r)[(*count_r)++] = (struct tally_endpoint){
			.id = TALLY_BYTES_LIT(ENDPOINT), .listener = tally_bytes_str(listeners[i]),
			.address = TALLY_BYTES_LIT("10.34.23.144:8443"),
			.member_id = TALLY_BYTES_LIT(MEMBER), .create_ms = 1587515659452,
		};
	}
	return outcome(core, err);
}

int tally_member_set_kms_key(struct tally_core *core, const struct tally_write *write,
			     struct tally_bytes ledger_id, struct tally_bytes member_id,
			     const struct tally_member_key *key, const struct tally_kms_key *kms,
			     struct tally_err *err)
{
	(void)ledger_id;
	(void)member_id;
	(void)key;
	(void)kms;
	return write_outcome(core, write, err);
}

int tally_member_kms_key(struct tally_core *core, struct tally_bytes ledger_id,
			 struct tally_bytes member_id, struct tally_arena *arena,
			 struct tally_kms_key *kms_r, struct tally_err *err)
{
	(void)ledger_id;
	(void)member_id;
	(void)arena;
	(void)kms_r;
	return outcome(core, err);
}

/* ---- ledgers ---- */

int tally_ledger_create(struct tally_core *core, const struct tally_write *write,
			const struct tally_ledger_create *create,
			struct tally_ledger_created *created_r, struct tally_err *err)
{
	(void)create;
	strcpy(created_r->ledger_id, FAKE_PRIVATE);
	strcpy(created_r->member_id, MEMBER);
	return write_outcome(core, write, err);
}

static void fill_info(struct tally_ledger_info *info, const char *id)
{
	*info = (struct tally_ledger_info){
		.name = TALLY_BYTES_LIT("Ledger 1 (\xe8\xb4\xa6\xe6\x9c\xac\x31)"),
		.description = TALLY_BYTES_LIT("This is my first <Ledger>."),
		.type = LEDGER_JOURNAL, .status = LEDGER_NORMAL,
		.public_read = strcmp(id, FAKE_PUBLIC) == 0, .owner = FAKE_ACCOUNT,
		.create_ms = 1587515659345, .update_ms = 1587515659346, .journal_count = 4,
		.block_count = 3, .member_count = 1, .root = some_hash("root"),
		.last_block_hash = some_hash("block"), .origin = "example.invalid/log",
		.state_size = 2, .state_root = some_hash("state"), .state_journal = 2,
		.time_anchor_count = 3, .has_anchor_interval = true, .anchor_interval_s = 3600,
		.limits = { [LIMIT_CLUES] = 4, [LIMIT_PAYLOAD] = 65536 },
	};
	strcpy(info->id, id);
}

int tally_ledger_describe(struct tally_core *core, struct tally_bytes ledger_id,
			  struct tally_arena *arena, struct tally_ledger_info *info_r,
			  struct tally_err *err)
{
	if (outcome(core, err) < 0)
		return -1;
	if (!known(ledger_id))
		return 0;
	fill_info(info_r, tally_arena_str(arena, ledger_id));
	return 1;
}

int tally_ledger_list(struct tally_core *core, const struct tally_caller *caller,
		      struct tally_bytes after, size_t limit, struct tally_arena *arena,
		      struct tally_ledger_info **infos_r, size_t *count_r, bool *more_r,
		      struct tally_err *err)
{
	static const char *const ids[] = { FAKE_PRIVATE, FAKE_PUBLIC };
	size_t i;

	(void)caller;
	*infos_r = tally_arena_array(arena, struct tally_ledger_info, 2);
	*count_r = 0;
	*more_r = false;
	for (i = 0; i < 2; i++) {
		if (tally_bytes_compare(tally_bytes_str(ids[i]), after) <= 0)
			continue;
		if (*count_r == limit) {
			*more_r = true;
			break;
		}
		fill_info(&(*infos_r)[(*count_r)++], ids[i]);
	}
	return outcome(core, err);
}

int tally_ledger_modify(struct tally_core *core, const struct tally_write *write,
			struct tally_bytes ledger_id, const struct tally_ledger_change *change,
			struct tally_err *err)
{
	(void)ledger_id;
	(void)change;
	return write_outcome(core, write, err);
}

int tally_ledger_delete(struct tally_core *core, const struct tally_write *write,
			struct tally_bytes ledger_id, struct tally_err *err)
{
	(void)ledger_id;
	return write_outcome(core, write, err);
}

/* ---- journals ---- */

static void fill_receipt(struct tally_receipt *receipt, uint64_t id)
{
	*receipt = (struct tally_receipt){
		.journal_id = id, .journal_hash = some_hash("journal"), .timestamp_ms = NOW_MS,
		.block = 3, .block_hash = some_hash("block"), .tree_size = id + 1,
		.root = some_hash("root"),
	};
	memcpy(receipt->request_digest, some_hash("request").bytes, 32);
}

size_t tally_core_batch_limit(const struct tally_core *core)
{
	(void)core;
	return 10000;
}

int tally_append(struct tally_core *core, const struct tally_write *write,
		 struct tally_bytes ledger_id, const struct tally_entry *entries, size_t count,
		 bool atomic, struct tally_append_result *results_r, struct tally_err *err)
{
	size_t i;

	(void)ledger_id;
	for (i = 0; i < count; i++) {
		results_r[i].err.code = TALLY_OK;
		fill_receipt(&results_r[i].receipt, 4 + i);
		/* in a batch by journal, an entry without payload is refused */
		if (!atomic && entries[i].payload.size == 0)
			tally_err_about(&results_r[i].err, TALLY_INVALID, "Journals.1.Payload",
					"empty");
	}
	return write_outcome(core, write, err);
}

static void fill_journal(struct tally_journal *journal, uint64_t id)
{
	static const struct tally_bytes clues[] = { TALLY_BYTES_LIT("clue1"),
						    TALLY_BYTES_LIT("clue2") };
	static const struct tally_bytes payloads[] = {
		TALLY_BYTES_LIT("{\"ledgerName\":\"Ledger 1\"}"),
		TALLY_BYTES_LIT("{\"a\":1,\"b\":\"<&\xe8\xb4\xa6>\"}"),
		TALLY_BYTES_LIT("\xff\x00 no text"), TALLY_BYTES_LIT("control \x01 character"),
		TALLY_BYTES_NONE	/* removed */
	};

	*journal = (struct tally_journal){
		.id = id, .hash = some_hash("journal"),
		.payload_type = id == 0 ? "CREATE_LEDGER" : "CUSTOM", .payload = payloads[id],
		.is_data = id == 0, .member_id = TALLY_BYTES_LIT(MEMBER),
		.client_id = id == 1 ? TALLY_BYTES_LIT("LedgerDB-Client4j-10.0.0.1") :
				       TALLY_BYTES_NONE,
		.clues = clues, .clue_count = id == 1 ? 2 : 0, .timestamp_ms = NOW_MS + id,
		.leaf = TALLY_BYTES_LIT("{\"v\":1}"), .salt = { 0xab, 0xcd },
		.has_payload = id != 0, .removed = id == 4, .removed_by = id == 4 ? 5 : 0,
		.evidence = id == 1 ? TALLY_BYTES_LIT("LedgerDB-Client4j-10.0.0.1") : TALLY_BYTES_NONE,
		.evidence_salt = { 0xef },
	};
}

int tally_journal_get(struct tally_core *core, struct tally_bytes ledger_id, uint64_t journal_id,
		      struct tally_arena *arena, struct tally_journal *journal_r,
		      struct tally_err *err)
{
	(void)arena;
	(void)ledger_id;
	if (outcome(core, err) < 0)
		return -1;
	if (journal_id > 4)
		return 0;
	fill_journal(journal_r, journal_id);
	return 1;
}

int tally_journal_list(struct tally_core *core, struct tally_bytes ledger_id,
		       const struct tally_journal_query *query, struct tally_arena *arena,
		       struct tally_journal_page *page_r, struct tally_err *err)
{
	uint64_t id = query->has_cursor ? query->cursor : query->start_id;

	(void)ledger_id;
	page_r->journals = tally_arena_array(arena, struct tally_journal, 4);
	page_r->count = 0;
	while (id <= 3 && id <= query->end_id && page_r->count < query->limit)
		fill_journal(&page_r->journals[page_r->count++], id++);
	page_r->more = id <= 3 && id <= query->end_id;
	page_r->cursor = id;
	return outcome(core, err);
}

int tally_journal_exist(struct tally_core *core, struct tally_bytes ledger_id,
			uint64_t journal_id, const struct tally_hash *hash, struct tally_err *err)
{
	struct tally_hash own = some_hash("journal");

	(void)ledger_id;
	if (outcome(core, err) < 0)
		return -1;
	return journal_id <= 3 &&
	       (hash == NULL || memcmp(hash->bytes, own.bytes, sizeof(own.bytes)) == 0);
}

int tally_block_info(struct tally_core *core, struct tally_bytes ledger_id, uint64_t block,
		     struct tally_block_info *info_r, struct tally_err *err)
{
	(void)ledger_id;
	if (outcome(core, err) < 0)
		return -1;
	if (block > 2)
		return 0;
	*info_r = (struct tally_block_info){
		.block = block, .parent_hash = some_hash("parent"), .hash = some_hash("block"),
		.first_journal_id = block, .last_journal_id = block + 1,
		.root = some_hash("root"), .timestamp_ms = NOW_MS,
	};
	return 1;
}

/* ---- proofs: of a tree of 9 journals; the signature is a real one ---- */

#define TREE 9

int tally_ledger_checkpoint(struct tally_core *core, struct tally_bytes ledger_id,
			    struct tally_arena *arena, struct tally_signed_checkpoint *checkpoint_r,
			    struct tally_err *err)
{
	static const uint8_t seed[TALLY_ED25519_SEED] = { 1, 2, 3 };
	struct tally_bytes origin = TALLY_BYTES_LIT("example.invalid/log");
	char text[TALLY_CHECKPOINT_TEXT + 1 + TALLY_NOTE_LINE];
	struct tally_hash root = some_hash("root");
	uint8_t public[TALLY_ED25519_PUBLIC];
	struct tally_vkey vkey;
	size_t size;

	(void)ledger_id;
	if (outcome(core, err) < 0)
		return -1;
	if (core->sealed)
		return tally_err_about(err, TALLY_CORRUPT, "ReadOnly", "an older copy");
	tally_ed25519_public(seed, public);
	tally_vkey_make(&vkey, origin, NOTE_ED25519, public);
	size = tally_checkpoint_format(origin, TREE, &root, text);
	text[size] = '\n';
	size += 1 + tally_note_sign(&vkey, seed, tally_bytes(text, size), text + size + 1);
	*checkpoint_r = (struct tally_signed_checkpoint){
		.size = TREE, .root = root,
		.note = tally_arena_bytes(arena, tally_bytes(text, size)) };
	return 1;
}

int tally_ledger_cose(struct tally_core *core, struct tally_bytes ledger_id,
		      struct tally_arena *arena, struct tally_cose_receipt *receipt_r,
		      struct tally_err *err)
{
	struct tally_signed_checkpoint checkpoint;
	int found = tally_ledger_checkpoint(core, ledger_id, arena, &checkpoint, err);

	*receipt_r = (struct tally_cose_receipt){
		.kind = COSE_INCLUSION, .alg = COSE_EDDSA, .kid = TALLY_BYTES_LIT("\1\2\3\4"),
		.issuer = TALLY_BYTES_LIT("example.invalid"), .subject = TALLY_BYTES_LIT("log"),
		.size = checkpoint.size, .root = checkpoint.root, .signature = { 1, 2, 3 } };
	return found;
}

int tally_ledger_vkey(struct tally_core *core, struct tally_bytes ledger_id,
		      struct tally_arena *arena, const char **vkey_r, struct tally_err *err)
{
	(void)ledger_id;
	(void)arena;
	*vkey_r = "example.invalid/log+00000000+AQ==";
	return outcome(core, err) < 0 ? -1 : 1;
}

int tally_journal_prove(struct tally_core *core, struct tally_bytes ledger_id, uint64_t journal_id,
			uint64_t tree_size, struct tally_inclusion *proof_r, struct tally_err *err)
{
	(void)ledger_id;
	if (outcome(core, err) < 0)
		return -1;
	if (tree_size == 0)
		tree_size = TREE;
	*proof_r = (struct tally_inclusion){ .journal_id = journal_id, .tree_size = tree_size,
					     .root = some_hash("root"), .path_count = 2 };
	proof_r->path[0] = some_hash("left");
	proof_r->path[1] = some_hash("right");
	return tree_size <= TREE && journal_id < tree_size;
}

int tally_journals_prove(struct tally_core *core, struct tally_bytes ledger_id, uint64_t first,
			 uint64_t count, uint64_t tree_size, struct tally_range_proof *proof_r,
			 struct tally_err *err)
{
	(void)ledger_id;
	*proof_r = (struct tally_range_proof){ .first = first, .count = count, .tree_size = tree_size,
					 .root = some_hash("root"), .hash_count = 1 };
	proof_r->hashes[0] = some_hash("left");
	return outcome(core, err) < 0 ? -1 : 1;
}

int tally_ledger_prove(struct tally_core *core, struct tally_bytes ledger_id, uint64_t old_size,
		       uint64_t new_size, struct tally_consistency *proof_r,
		       struct tally_err *err)
{
	(void)ledger_id;
	if (outcome(core, err) < 0)
		return -1;
	*proof_r = (struct tally_consistency){
		.old_size = old_size, .new_size = new_size != 0 ? new_size : TREE,
		.old_root = some_hash("older"), .new_root = some_hash("root"), .proof_count = 1 };
	proof_r->proof[0] = some_hash("left");
	return proof_r->new_size <= TREE && old_size <= proof_r->new_size;
}

int tally_ledger_tile(struct tally_core *core, struct tally_bytes ledger_id, int level,
		      uint64_t number, unsigned int width, struct tally_arena *arena,
		      struct tally_bytes *bytes_r, struct tally_err *err)
{
	(void)ledger_id;
	(void)arena;
	*bytes_r = TALLY_BYTES_LIT("the bytes of a tile");
	return outcome(core, err) < 0 ? -1 : level <= 0 && number == 0 && width <= TREE;
}

bool tally_core_read_only(struct tally_core *core)
{
	(void)core;
	return false;
}

int tally_core_adopt(struct tally_core *core, enum tally_adopt how, tally_adopt_each *each,
		     void *ctx, struct tally_err *err)
{
	struct tally_adopt_log log = { FAKE_PRIVATE, "example.invalid/log", 12, 11, TREE, false, NULL };

	if (how == ADOPT_NEW_ORIGIN)
		log.new_origin = "example.invalid/0badcafe/log";
	each(ctx, &log);
	return outcome(core, err);
}

/* Witnesses have cosigned what is the newest. */
int tally_ledger_cosigned(struct tally_core *core, struct tally_bytes ledger_id,
			  struct tally_arena *arena, struct tally_signed_checkpoint *checkpoint_r,
			  struct tally_err *err)
{
	int found = tally_ledger_checkpoint(core, ledger_id, arena, checkpoint_r, err);

	if (found == 1)
		checkpoint_r->note = tally_bytes_str(tally_arena_printf(
			arena, "%.*s\xe2\x80\x94 witness.example/w AAAAAA==\n",
			(int)checkpoint_r->note.size, (const char *)checkpoint_r->note.data));
	return found;
}

int tally_ledger_published(struct tally_core *core, struct tally_bytes ledger_id,
			   struct tally_arena *arena, struct tally_signed_checkpoint *checkpoint_r,
			   struct tally_err *err)
{
	if (core->uncosigned)
		return tally_err_set(err, TALLY_BUSY, "not yet");
	return tally_ledger_cosigned(core, ledger_id, arena, checkpoint_r, err);
}

int tally_ledger_keep_cosigned(struct tally_core *core, struct tally_bytes ledger_id,
			       struct tally_bytes note, struct tally_err *err)
{
	(void)ledger_id;
	(void)note;
	return outcome(core, err) < 0 ? -1 : 1;
}

int tally_ledger_was_signed(struct tally_core *core, struct tally_bytes ledger_id,
			    struct tally_bytes note, bool *fits_r, struct tally_err *err)
{
	(void)ledger_id;
	*fits_r = note.size == 1;
	return outcome(core, err) < 0 ? -1 : 1;
}

/* ---- removal ---- */

int tally_journal_occult(struct tally_core *core, const struct tally_write *write,
			 struct tally_bytes ledger_id, uint64_t journal_id,
			 struct tally_bytes reason, struct tally_receipt *receipt_r,
			 struct tally_err *err)
{
	(void)ledger_id;
	(void)journal_id;
	(void)reason;
	fill_receipt(receipt_r, 3);
	return write_outcome(core, write, err);
}

int tally_ledger_purge(struct tally_core *core, const struct tally_write *write,
		       struct tally_bytes ledger_id, uint64_t before, bool keep_live,
		       struct tally_receipt *receipt_r, struct tally_err *err)
{
	(void)ledger_id;
	(void)before;
	(void)keep_live;
	fill_receipt(receipt_r, 3);
	return write_outcome(core, write, err);
}

/* Journal 4 is removed. */
int tally_erasure_get(struct tally_core *core, struct tally_bytes ledger_id, uint64_t journal_id,
		      struct tally_arena *arena, struct tally_erasure *erasure_r,
		      struct tally_err *err)
{
	(void)ledger_id;
	(void)arena;
	if (outcome(core, err) < 0)
		return -1;
	*erasure_r = (struct tally_erasure){
		.order = 2, .certified = journal_id == 4, .certificate = 3, .scrubbed_ms = NOW_MS,
		.backups = TALLY_BYTES_LIT("2020-04-17T02:22:00Z first\n2020-04-17T02:22:01Z second") };
	return journal_id == 4 || journal_id == 3;
}

/* ---- accounts and keys ---- */

int tally_key_find(struct tally_core *core, struct tally_bytes key_id,
		   struct tally_access_key *key_r, char secret_r[48], struct tally_err *err)
{
	static const struct {
		const char *id;
		uint64_t account;
		enum tally_key_state state;
	} keys[] = {
		{ "AKgood", FAKE_ACCOUNT, KEY_ACTIVE }, { "AKoff", FAKE_ACCOUNT, KEY_DISABLED },
		{ "AKreader", 1002, KEY_ACTIVE }, { "AKstranger", 1003, KEY_ACTIVE },
	};
	size_t i;

	(void)core;
	(void)err;
	for (i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		if (!tally_bytes_is(key_id, keys[i].id))
			continue;
		*key_r = (struct tally_access_key){ .account = keys[i].account,
						    .state = keys[i].state };
		strcpy(key_r->id, keys[i].id);
		strcpy(secret_r, "testsecret");
		return 1;
	}
	return 0;
}

bool tally_key_is_temporary(struct tally_bytes key_id)
{
	return key_id.size > 4 && memcmp(key_id.data, "STS.", 4) == 0;
}

int tally_key_temporary(struct tally_core *core, struct tally_bytes from, uint64_t end_ms,
			struct tally_bytes policy, struct tally_arena *arena,
			struct tally_temporary_key *key_r, struct tally_err *err)
{
	(void)from;
	(void)end_ms;
	(void)policy;
	(void)arena;
	*key_r = (struct tally_temporary_key){ .account = FAKE_ACCOUNT, .key_id = "STS.new",
					       .secret = "secret of a while",
					       .token = "dG9rZW4=", .end_ms = 1587515659000 };
	return outcome(core, err);
}

int tally_key_open(struct tally_core *core, struct tally_bytes key_id, struct tally_bytes token,
		   uint64_t now_ms, struct tally_arena *arena, struct tally_access_key *key_r,
		   char secret_r[48], struct tally_bytes *policy_r, struct tally_err *err)
{
	(void)core;
	(void)now_ms;
	(void)arena;
	*policy_r = TALLY_BYTES_NONE;
	if (!tally_bytes_is(token, "dG9rZW4="))
		return tally_err_about(err, TALLY_INVALID, "SecurityToken", "it is none");
	*key_r = (struct tally_access_key){ .id = "AKgood", .account = FAKE_ACCOUNT };
	strcpy(secret_r, "secret of a while");
	return tally_bytes_is(key_id, "STS.new");
}

int tally_account_policy(struct tally_core *core, uint64_t account, struct tally_arena *arena,
			 struct tally_bytes *policy_r, struct tally_err *err)
{
	(void)account;
	(void)arena;
	*policy_r = TALLY_BYTES_LIT("{\"Version\":\"1\",\"Statement\":[{\"Effect\":\"Allow\","
				    "\"Action\":\"*\",\"Resource\":\"*\"}]}");
	return outcome(core, err) < 0 ? -1 : 1;
}

int tally_key_policy(struct tally_core *core, struct tally_bytes key_id, struct tally_arena *arena,
		     struct tally_bytes *policy_r, struct tally_err *err)
{
	if (tally_bytes_is(key_id, "AKgood"))
		return outcome(core, err);
	return tally_account_policy(core, 0, arena, policy_r, err);
}

int tally_account_policy_set(struct tally_core *core, const struct tally_write *write,
			     uint64_t account, struct tally_bytes policy, struct tally_err *err)
{
	(void)account;
	(void)policy;
	return write_outcome(core, write, err);
}

int tally_key_create_limited(struct tally_core *core, const struct tally_write *write,
			     uint64_t account, struct tally_bytes policy,
			     struct tally_first_key *key_r, struct tally_err *err)
{
	(void)policy;
	return tally_key_create(core, write, account, key_r, err);
}

int tally_account_create(struct tally_core *core, const struct tally_write *write,
			 struct tally_bytes name, uint64_t *account_r, struct tally_err *err)
{
	(void)name;
	*account_r = 1002;
	return write_outcome(core, write, err);
}

int tally_account_list(struct tally_core *core, struct tally_arena *arena,
		       struct tally_account **accounts_r, size_t *count_r, struct tally_err *err)
{
	*accounts_r = tally_arena_array(arena, struct tally_account, 1);
	(*accounts_r)[0] = (struct tally_account){ FAKE_ACCOUNT, TALLY_BYTES_LIT("owner"), NOW_MS };
	*count_r = 1;
	return outcome(core, err);
}

int tally_key_create(struct tally_core *core, const struct tally_write *write, uint64_t account,
		     struct tally_first_key *key_r, struct tally_err *err)
{
	key_r->account = account;
	strcpy(key_r->key_id, "AKnew");
	strcpy(key_r->secret, "not a real secret");
	return write_outcome(core, write, err);
}

int tally_key_list(struct tally_core *core, uint64_t account, struct tally_arena *arena,
		   struct tally_access_key **keys_r, size_t *count_r, struct tally_err *err)
{
	(void)account;
	*keys_r = tally_arena_array(arena, struct tally_access_key, 2);
	(*keys_r)[0] = (struct tally_access_key){ .id = "AKgood", .account = FAKE_ACCOUNT,
						  .state = KEY_ACTIVE,
						  .create_ms = NOW_MS };
	(*keys_r)[1] = (struct tally_access_key){ .id = "AKoff", .account = FAKE_ACCOUNT,
						  .state = KEY_DISABLED,
						  .create_ms = NOW_MS };
	*count_r = 2;
	return outcome(core, err);
}

int tally_key_set_state(struct tally_core *core, const struct tally_write *write,
			struct tally_bytes key_id, enum tally_key_state state,
			struct tally_err *err)
{
	(void)key_id;
	(void)state;
	return write_outcome(core, write, err);
}

int tally_key_delete(struct tally_core *core, const struct tally_write *write,
		     struct tally_bytes key_id, struct tally_err *err)
{
	(void)key_id;
	return write_outcome(core, write, err);
}

/* ---- time: the anchors of every ledger are journals 1 (by an authority), 2 (given) and 3 ---- */

static void fill_anchor(struct tally_anchor *anchor, uint64_t id)
{
	*anchor = (struct tally_anchor){
		.journal_id = id, .given = id == 2, .version = id, .root = some_hash("root"),
		.time_ms = 1587515659345 + id * 1000, .block = id,
		.proof = id == 2 ? TALLY_BYTES_LIT("<certificate & more>") :
				   TALLY_BYTES_LIT("{\"hashInHex\":\"ab\",\"sequence\":7}"),
	};
	if (anchor->given)
		return;
	anchor->authority = TALLY_BYTES_LIT("Stamps & Co \xe8\xb4\xa6");
	anchor->serial = TALLY_BYTES_LIT("4a17");
	anchor->digest = some_hash("stamped");
	anchor->token = TALLY_BYTES_LIT("a token");
}

static bool is_anchor(uint64_t id)
{
	return id >= 1 && id <= 3;
}

int tally_anchor_create(struct tally_core *core, const struct tally_write *write,
			struct tally_bytes ledger_id, struct tally_receipt *receipt_r,
			struct tally_err *err)
{
	(void)ledger_id;
	fill_receipt(receipt_r, 3);
	return write_outcome(core, write, err);
}

int tally_anchor_give(struct tally_core *core, const struct tally_write *write,
		      struct tally_bytes ledger_id, uint64_t seconds, struct tally_bytes proof,
		      struct tally_receipt *receipt_r, struct tally_err *err)
{
	(void)ledger_id;
	(void)seconds;
	(void)proof;
	fill_receipt(receipt_r, 2);
	return write_outcome(core, write, err);
}

int tally_anchor_get(struct tally_core *core, struct tally_bytes ledger_id, uint64_t journal_id,
		     struct tally_arena *arena, struct tally_anchor *anchor_r,
		     struct tally_err *err)
{
	(void)arena;
	(void)ledger_id;
	if (outcome(core, err) < 0)
		return -1;
	fill_anchor(anchor_r, journal_id);
	return is_anchor(journal_id);
}

int tally_anchor_last(struct tally_core *core, struct tally_bytes ledger_id,
		      struct tally_arena *arena, struct tally_anchor *anchor_r,
		      struct tally_err *err)
{
	return tally_anchor_get(core, ledger_id, 3, arena, anchor_r, err);
}

int tally_anchor_list(struct tally_core *core, struct tally_bytes ledger_id, uint64_t from,
		      bool reverse, size_t limit, struct tally_arena *arena,
		      struct tally_anchor_page *page_r, struct tally_err *err)
{
	uint64_t id = reverse ? (from > 3 ? 3 : from) : (from < 1 ? 1 : from);

	(void)ledger_id;
	*page_r = (struct tally_anchor_page){
		.anchors = tally_arena_array(arena, struct tally_anchor, 3) };
	for (; is_anchor(id) && page_r->count < limit; id += reverse ? -1 : 1)
		fill_anchor(&page_r->anchors[page_r->count++], id);
	page_r->more = is_anchor(id);
	page_r->cursor = id;
	return outcome(core, err);
}

int tally_anchor_stamp(struct tally_core *core, uint64_t sequence, struct tally_arena *arena,
		       char id_r[TALLY_LEDGER_ID_SIZE + 1], struct tally_anchor *anchor_r,
		       struct tally_err *err)
{
	strcpy(id_r, FAKE_PUBLIC);
	return tally_anchor_get(core, TALLY_BYTES_NONE, sequence, arena, anchor_r, err);
}

int tally_anchor_many(struct tally_core *core, enum tally_anchor_which which, size_t *count_r,
		      struct tally_err *err)
{
	(void)which;
	*count_r = core->fail == TALLY_OK ? 2 : 0;
	return outcome(core, err);
}

int tally_time_prove(struct tally_core *core, struct tally_bytes ledger_id, uint64_t journal_id,
		     struct tally_arena *arena, struct tally_time_proof *proof_r,
		     struct tally_err *err)
{
	int found = tally_ledger_checkpoint(core, ledger_id, arena, &proof_r->checkpoint, err);

	if (found != 1 || journal_id > 3)
		return found < 0 ? -1 : 0;
	fill_journal(&proof_r->journal, journal_id);
	proof_r->proof = (struct tally_inclusion){ .journal_id = journal_id, .tree_size = TREE,
						   .path_count = 2 };
	proof_r->proof.path[0] = some_hash("sibling");
	proof_r->proof.path[1] = some_hash("uncle");
	proof_r->has_after = proof_r->has_before = true;
	proof_r->after = (struct tally_time_bound){ .journal_id = 0,
						    .leaf = TALLY_BYTES_LIT("{\"v\":1}"),
						    .proof = proof_r->proof };
	proof_r->before = (struct tally_time_bound){ .journal_id = 3,
						     .leaf = TALLY_BYTES_LIT("{\"v\":1}"),
						     .proof = { .path_count = 0 } };
	proof_r->cover = proof_r->proof;
	return 1;
}

int tally_trust_point_set(struct tally_core *core, const struct tally_write *write,
			  struct tally_bytes ledger_id, uint64_t journal_id,
			  struct tally_receipt *receipt_r, struct tally_err *err)
{
	(void)ledger_id;
	(void)journal_id;
	fill_receipt(receipt_r, 4);
	return write_outcome(core, write, err);
}

int tally_trust_point_get(struct tally_core *core, struct tally_bytes ledger_id,
			  struct tally_trust_point *point_r, struct tally_err *err)
{
	(void)ledger_id;
	*point_r = (struct tally_trust_point){ .journal_id = 1, .set_by = 2, .time_ms = NOW_MS };
	return outcome(core, err) < 0 ? -1 : 1;
}

int tally_core_check_trusting(struct tally_core *core, struct tally_bytes ledger_id,
			      tally_progress *progress, void *ctx, uint64_t *from_r,
			      struct tally_err *err)
{
	(void)ledger_id;
	(void)progress;
	(void)ctx;
	*from_r = 2;
	return outcome(core, err);
}

/* ---- the store ---- */

int tally_core_maintain(struct tally_core *core, struct tally_err *err)
{
	return outcome(core, err);
}

int tally_core_rebuild(struct tally_core *core, struct tally_bytes ledger_id,
		       tally_progress *progress, void *ctx, struct tally_err *err)
{
	(void)ledger_id;
	(void)progress;
	(void)ctx;
	return outcome(core, err);
}

int tally_core_backup(struct tally_core *core, const char *directory, struct tally_err *err)
{
	(void)directory;
	return outcome(core, err);
}

int tally_core_backup_forget(struct tally_core *core, const char *directory, struct tally_err *err)
{
	if (outcome(core, err) < 0)
		return -1;
	return strcmp(directory, "/nowhere") == 0;
}

int tally_core_backups(struct tally_core *core, struct tally_arena *arena,
		       struct tally_backups *backups_r, struct tally_err *err)
{
	static struct tally_backup list[] = {
		{ "/backups/first", NOW_MS - 2000, NOW_MS - 1000, true },
		{ "/backups/cut off", NOW_MS, 0, false },
	};
	static struct tally_lost_erasure lost[] = {
		{ FAKE_PRIVATE, 5, NOW_MS, false, 4 }, { FAKE_PRIVATE, 7, NOW_MS, true, 3 },
	};

	(void)arena;
	*backups_r = (struct tally_backups){ list, 2, lost, 2 };
	return outcome(core, err);
}

int tally_core_stat(struct tally_core *core, void (*each)(void *ctx, const char *name, uint64_t v),
		    void *ctx, struct tally_err *err)
{
	each(ctx, "queue.groups", 7);
	each(ctx, "overlay.journals", 12);
	return outcome(core, err);
}

int tally_core_check(struct tally_core *core, struct tally_bytes ledger_id,
		     tally_progress *progress, void *ctx, struct tally_err *err)
{
	(void)ledger_id;
	(void)progress;
	(void)ctx;
	return outcome(core, err);
}

int tally_core_spaces(struct tally_core *core, tally_core_space_each *each, void *ctx,
		      struct tally_err *err)
{
	each(ctx, 0, "system", 5);
	each(ctx, 1, FAKE_PRIVATE, 3);
	return outcome(core, err);
}

int tally_core_block_read(struct tally_core *core, uint64_t space, uint64_t block,
			  struct tally_arena *arena, struct tally_bytes *bytes_r,
			  struct tally_err *err)
{
	(void)arena;
	if (outcome(core, err) < 0)
		return -1;
	*bytes_r = TALLY_BYTES_LIT("ten bytes.");
	return space <= 1 && block <= 2;
}

/* ---- members, keys and values, the state ---- */

const char *tally_role_name(enum tally_role role)
{
	static const char *const names[] = { NULL, "READER", "WRITER", "ADMIN" };

	return names[role];
}

bool tally_member_id_valid(struct tally_bytes id)
{
	return id.size == TALLY_MEMBER_ID_SIZE;
}

static void fill_member(struct tally_member *member_r)
{
	*member_r = (struct tally_member){ .account = FAKE_ACCOUNT, .role = ROLE_WRITER,
					   .enabled = true, .create_ms = NOW_MS,
					   .update_ms = NOW_MS + 1, .journal_id = 1 };
	strcpy(member_r->id, MEMBER);
	member_r->key = (struct tally_member_key){ .type = KEY_TYPE_ED25519, .size = 32 };
	memset(member_r->key.bytes, 0x5a, 32);
}

void tally_member_json(const struct tally_member *member, struct tally_buf *buf)
{
	tally_buf_printf(buf, "{\"memberId\":\"%s\"}", member->id);
}

int tally_member_create(struct tally_core *core, const struct tally_write *write,
			struct tally_bytes ledger_id, const struct tally_member_create *create,
			char id_r[TALLY_MEMBER_ID_SIZE + 1], struct tally_err *err)
{
	(void)ledger_id;
	(void)create;
	strcpy(id_r, MEMBER);
	return write_outcome(core, write, err);
}

int tally_member_set_role(struct tally_core *core, const struct tally_write *write,
			  struct tally_bytes ledger_id, struct tally_bytes member_id,
			  enum tally_role role, struct tally_err *err)
{
	(void)ledger_id;
	(void)member_id;
	(void)role;
	return write_outcome(core, write, err);
}

size_t tally_role_items(enum tally_role role, struct tally_permission_item items_r[TALLY_ITEMS_MAX])
{
	(void)role;
	items_r[0] = (struct tally_permission_item){ "VIEW_LEDGER", 2, 1 };
	items_r[1] = (struct tally_permission_item){ "CUSTOM_TX", 7, 1 };
	return 2;
}

int tally_member_invite(struct tally_core *core, const struct tally_write *write,
			struct tally_bytes ledger_id, const uint64_t *accounts, size_t count,
			struct tally_err *err)
{
	(void)ledger_id;
	(void)accounts;
	(void)count;
	return write_outcome(core, write, err);
}

int tally_member_accept(struct tally_core *core, const struct tally_write *write,
			struct tally_bytes ledger_id, const struct tally_member_key *key,
			char id_r[TALLY_MEMBER_ID_SIZE + 1], struct tally_err *err)
{
	(void)ledger_id;
	(void)key;
	strcpy(id_r, MEMBER);
	return write_outcome(core, write, err);
}

int tally_member_enable(struct tally_core *core, const struct tally_write *write,
			struct tally_bytes ledger_id, struct tally_bytes member_id, bool enabled,
			struct tally_err *err)
{
	(void)ledger_id;
	(void)member_id;
	(void)enabled;
	return write_outcome(core, write, err);
}

int tally_member_delete(struct tally_core *core, const struct tally_write *write,
			struct tally_bytes ledger_id, struct tally_bytes member_id,
			struct tally_err *err)
{
	(void)ledger_id;
	(void)member_id;
	return write_outcome(core, write, err);
}

int tally_member_set_key(struct tally_core *core, const struct tally_write *write,
			 struct tally_bytes ledger_id, struct tally_bytes member_id,
			 const struct tally_member_key *key, struct tally_err *err)
{
	(void)ledger_id;
	(void)member_id;
	(void)key;
	return write_outcome(core, write, err);
}

int tally_member_get(struct tally_core *core, const struct tally_caller *caller,
		     struct tally_bytes ledger_id, struct tally_bytes member_id,
		     struct tally_member *member_r, struct tally_err *err)
{
	(void)caller;
	(void)ledger_id;
	(void)member_id;
	fill_member(member_r);
	return outcome(core, err) < 0 ? -1 : 1;
}

int tally_member_list(struct tally_core *core, struct tally_bytes ledger_id,
		      struct tally_bytes after, size_t limit, struct tally_arena *arena,
		      struct tally_member **members_r, size_t *count_r, bool *more_r,
		      struct tally_err *err)
{
	(void)ledger_id;
	(void)after;
	(void)limit;
	*members_r = tally_arena_array(arena, struct tally_member, 1);
	fill_member(*members_r);
	*count_r = 1;
	*more_r = true;
	return outcome(core, err);
}

static int kv_write(struct tally_core *core, const struct tally_write *write,
		    struct tally_receipt *receipt_r, struct tally_err *err)
{
	fill_receipt(receipt_r, 3);
	return write_outcome(core, write, err);
}

int tally_kv_set(struct tally_core *core, const struct tally_write *write,
		 struct tally_bytes ledger_id, struct tally_bytes key, struct tally_bytes value,
		 struct tally_receipt *receipt_r, struct tally_err *err)
{
	(void)ledger_id;
	(void)key;
	(void)value;
	return kv_write(core, write, receipt_r, err);
}

int tally_kv_delete(struct tally_core *core, const struct tally_write *write,
		    struct tally_bytes ledger_id, struct tally_bytes key,
		    struct tally_receipt *receipt_r, struct tally_err *err)
{
	(void)ledger_id;
	(void)key;
	return kv_write(core, write, receipt_r, err);
}

int tally_kv_get(struct tally_core *core, struct tally_bytes ledger_id, struct tally_bytes key,
		 uint64_t at, struct tally_arena *arena, struct tally_journal *journal_r,
		 struct tally_err *err)
{
	(void)at;
	if (tally_bytes_is(key, "none"))
		return outcome(core, err);
	return tally_journal_get(core, ledger_id, 1, arena, journal_r, err);
}

/* Keys "price/1" and "price/2"; of the first, versions 1 and 0. */
int tally_kv_list(struct tally_core *core, struct tally_bytes ledger_id,
		  const struct tally_kv_query *query, struct tally_arena *arena,
		  struct tally_kv_page *page_r, struct tally_err *err)
{
	static const char *const keys[] = { "price/1", "price/2" };
	size_t i;

	(void)ledger_id;
	*page_r = (struct tally_kv_page){ .items = tally_arena_array(arena, struct tally_kv_item, 2) };
	for (i = 0; i < 2; i++) {
		struct tally_kv_item *item = &page_r->items[page_r->count];

		if (tally_bytes_compare(tally_bytes_str(keys[i]), query->after) <= 0)
			continue;
		page_r->more = page_r->count == query->limit;
		if (page_r->more)
			break;
		*item = (struct tally_kv_item){ .key = tally_bytes_str(keys[i]), .journal_id = i + 1,
						.hash = some_hash("journal") };
		fill_journal(&item->journal, i + 1);
		page_r->last_key = item->key;
		page_r->count++;
	}
	return outcome(core, err);
}

int tally_kv_history(struct tally_core *core, struct tally_bytes ledger_id,
		     const struct tally_kv_query *query, struct tally_arena *arena,
		     struct tally_kv_page *page_r, struct tally_err *err)
{
	uint64_t from = query->has_cursor ? query->cursor : 2;

	(void)ledger_id;
	*page_r = (struct tally_kv_page){ .items = tally_arena_array(arena, struct tally_kv_item, 3) };
	for (; from != UINT64_MAX; from--) {
		struct tally_kv_item *item = &page_r->items[page_r->count];

		page_r->cursor = from;
		page_r->more = page_r->count == query->limit;
		if (page_r->more)
			break;
		*item = (struct tally_kv_item){ .key = query->prefix, .journal_id = from,
						.hash = some_hash("journal"), .deleted = from == 2 };
		fill_journal(&item->journal, from);
		page_r->count++;
	}
	return outcome(core, err);
}

int tally_state_refresh(struct tally_core *core, struct tally_bytes ledger_id,
			struct tally_err *err)
{
	(void)ledger_id;
	return outcome(core, err);
}

static int fill_state(struct tally_core *core, struct tally_state_found *found_r,
		      struct tally_err *err)
{
	struct tally_hash sibling = some_hash("sibling");

	*found_r = (struct tally_state_found){ .size = 2, .root = some_hash("state"),
					       .journal_id = 2, .there = true };
	tally_state_proof_init(&found_r->proof);
	tally_state_proof_add(&found_r->proof, &sibling);
	tally_state_proof_end(&found_r->proof, STATE_END_LEAF, NULL, NULL);
	return outcome(core, err) < 0 ? -1 : 1;
}

int tally_state_prove_clue(struct tally_core *core, struct tally_bytes ledger_id,
			   struct tally_bytes clue, uint64_t first, size_t limit,
			   uint64_t tree_size, struct tally_arena *arena,
			   struct tally_state_found *found_r, struct tally_err *err)
{
	(void)ledger_id;
	(void)clue;
	(void)first;
	(void)limit;
	(void)tree_size;
	if (fill_state(core, found_r, err) < 0)
		return -1;
	found_r->count = 2;
	found_r->journal_count = 1;
	found_r->journal_ids = tally_arena_array(arena, uint64_t, 1);
	found_r->journal_ids[0] = 1;
	found_r->journal_hashes = tally_arena_array(arena, struct tally_hash, 1);
	found_r->journal_hashes[0] = some_hash("journal");
	found_r->clue_root = some_hash("clue");
	found_r->range[0] = some_hash("range");
	found_r->range_count = 1;
	return 1;
}

int tally_state_prove_kv(struct tally_core *core, struct tally_bytes ledger_id,
			 struct tally_bytes key, uint64_t tree_size,
			 struct tally_state_found *found_r, struct tally_err *err)
{
	(void)ledger_id;
	(void)key;
	(void)tree_size;
	if (fill_state(core, found_r, err) < 0)
		return -1;
	found_r->kv_journal_id = 1;
	return 1;
}

int tally_state_prove_member(struct tally_core *core, struct tally_bytes ledger_id,
			     struct tally_bytes member_id, uint64_t tree_size,
			     struct tally_state_found *found_r, struct tally_err *err)
{
	(void)ledger_id;
	(void)member_id;
	(void)tree_size;
	if (fill_state(core, found_r, err) < 0)
		return -1;
	fill_member(&found_r->member);
	return 1;
}

/* ---- organisations and channels ---- */

bool tally_org_id_valid(struct tally_bytes id)
{
	return id.size > 0;
}

int tally_org_add(struct tally_core *core, const struct tally_write *write, struct tally_bytes id,
		  struct tally_bytes certificate, struct tally_err *err)
{
	(void)id;
	(void)certificate;
	return write_outcome(core, write, err);
}

int tally_org_remove(struct tally_core *core, const struct tally_write *write,
		     struct tally_bytes id, struct tally_err *err)
{
	(void)id;
	return write_outcome(core, write, err);
}

int tally_org_list(struct tally_core *core, struct tally_arena *arena, struct tally_org **orgs_r,
		   size_t *count_r, struct tally_err *err)
{
	*orgs_r = tally_arena_array(arena, struct tally_org, 1);
	(*orgs_r)[0] = (struct tally_org){ TALLY_BYTES_LIT("org1"), TALLY_BYTES_LIT("a certificate\n"),
					   NOW_MS };
	*count_r = 1;
	return outcome(core, err);
}

int tally_channel_add(struct tally_core *core, const struct tally_write *write,
		      struct tally_bytes name, struct tally_bytes ledger_id, struct tally_err *err)
{
	(void)name;
	(void)ledger_id;
	return write_outcome(core, write, err);
}

int tally_channel_remove(struct tally_core *core, const struct tally_write *write,
			 struct tally_bytes name, struct tally_err *err)
{
	(void)name;
	return write_outcome(core, write, err);
}

int tally_channel_list(struct tally_core *core, struct tally_arena *arena,
		       struct tally_channel **channels_r, size_t *count_r, struct tally_err *err)
{
	*channels_r = tally_arena_array(arena, struct tally_channel, 1);
	(*channels_r)[0] = (struct tally_channel){ TALLY_BYTES_LIT("mychannel"),
						   TALLY_BYTES_LIT(FAKE_PRIVATE), NOW_MS };
	*count_r = 1;
	return outcome(core, err);
}

/* ---- data sharing: nobody is there ---- */

int tally_org_find(struct tally_core *core, struct tally_bytes id, struct tally_arena *arena,
		   struct tally_org *org_r, struct tally_err *err)
{
	(void)id;
	(void)arena;
	(void)org_r;
	return outcome(core, err);
}

int tally_channel_find(struct tally_core *core, struct tally_bytes name, struct tally_arena *arena,
		       struct tally_channel *channel_r, struct tally_err *err)
{
	(void)name;
	(void)arena;
	(void)channel_r;
	return outcome(core, err);
}

bool tally_share_did_valid(struct tally_bytes did)
{
	return did.size > 0;
}

bool tally_share_name_valid(struct tally_bytes name)
{
	return name.size > 0;
}

bool tally_share_long_valid(struct tally_bytes name)
{
	return name.size > 0;
}

const char *tally_share_state_name(enum tally_share_state state)
{
	(void)state;
	return "active";
}

void tally_share_did(const char *method, const uint8_t point[65], char did_r[TALLY_DID_MAX + 1])
{
	(void)method;
	(void)point;
	strcpy(did_r, "did:tally:x");
}

int tally_share_find(struct tally_core *core, struct tally_bytes ledger_id,
		     enum tally_share_kind kind, struct tally_bytes a, struct tally_bytes b,
		     struct tally_arena *arena, struct tally_share_object *object_r,
		     struct tally_err *err)
{
	(void)ledger_id;
	(void)kind;
	(void)a;
	(void)b;
	(void)arena;
	(void)object_r;
	return outcome(core, err);
}

int tally_share_list(struct tally_core *core, struct tally_bytes ledger_id,
		     enum tally_share_kind kind, struct tally_bytes a, struct tally_arena *arena,
		     struct tally_share_object **objects_r, size_t *count_r, struct tally_err *err)
{
	(void)ledger_id;
	(void)kind;
	(void)a;
	(void)arena;
	*objects_r = NULL;
	*count_r = 0;
	return outcome(core, err);
}

int tally_share_asked(struct tally_core *core, struct tally_bytes ledger_id, struct tally_bytes issuer,
		      struct tally_bytes service, struct tally_arena *arena,
		      struct tally_share_object **objects_r, size_t *count_r, struct tally_err *err)
{
	(void)ledger_id;
	(void)issuer;
	(void)service;
	(void)arena;
	*objects_r = NULL;
	*count_r = 0;
	return outcome(core, err);
}

int tally_share_did_of(struct tally_core *core, struct tally_bytes ledger_id,
		       const uint8_t point[65], struct tally_arena *arena,
		       struct tally_share_object *did_r, struct tally_err *err)
{
	(void)ledger_id;
	(void)point;
	(void)arena;
	(void)did_r;
	return outcome(core, err);
}

int tally_share_content(struct tally_core *core, struct tally_bytes ledger_id, uint64_t journal_id,
			struct tally_arena *arena, struct tally_bytes *content_r,
			struct tally_err *err)
{
	(void)ledger_id;
	(void)journal_id;
	(void)arena;
	(void)content_r;
	return outcome(core, err);
}

int tally_share_signed(struct tally_core *core, struct tally_bytes ledger_id, uint64_t journal_id,
		       const uint8_t point[65], struct tally_arena *arena, struct tally_err *err)
{
	(void)ledger_id;
	(void)journal_id;
	(void)point;
	(void)arena;
	return outcome(core, err);
}

int tally_share_stages(struct tally_core *core, struct tally_bytes ledger_id,
		       struct tally_bytes creator, struct tally_bytes process,
		       struct tally_arena *arena, struct tally_share_stage **stages_r,
		       size_t *count_r, struct tally_err *err)
{
	(void)ledger_id;
	(void)creator;
	(void)process;
	(void)arena;
	*stages_r = NULL;
	*count_r = 0;
	return outcome(core, err);
}

int tally_share_stage_contents(struct tally_core *core, struct tally_bytes ledger_id,
			       const struct tally_share_stage *stages, size_t count,
			       tally_share_each_stage *each, void *ctx, struct tally_err *err)
{
	(void)ledger_id;
	(void)stages;
	(void)count;
	(void)each;
	(void)ctx;
	return outcome(core, err);
}

int tally_share_change(struct tally_core *core, const struct tally_write *write,
		       struct tally_bytes ledger_id, const struct tally_share_change *change,
		       struct tally_share_done *done_r, struct tally_err *err)
{
	(void)ledger_id;
	(void)change;
	(void)done_r;
	return write_outcome(core, write, err);
}
