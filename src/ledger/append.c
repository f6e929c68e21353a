/*
 * Appending journals. A worker prepares each entry (checks, salt, hashes, slots); the committer
 * decides (member, role, token, nonce, clock) and gives numbers; the worker makes the receipts.
 */
#include "access.h"

#include <stdio.h>
#include <stdlib.h>

#include "signing.h"
#include "utf8.h"

/* ---- preparing ---- */

void tally_salt(uint8_t salt_r[TALLY_SALT_SIZE])
{
	static __thread uint8_t pool[256 * TALLY_SALT_SIZE];
	static __thread size_t left;

	if (left == 0) {
		tally_random(pool, sizeof(pool));
		left = sizeof(pool);
	}
	left -= TALLY_SALT_SIZE;
	memcpy(salt_r, pool + left, TALLY_SALT_SIZE);
	tally_wipe(pool + left, TALLY_SALT_SIZE);
}

void tally_prepare_payload(struct tally_arena *arena, struct tally_bytes payload,
			   struct tally_bytes evidence, struct tally_prepared *prepared)
{
	tally_prepare_salted(arena, payload, TALLY_BYTES_NONE, evidence, prepared);
}

void tally_prepare_salted(struct tally_arena *arena, struct tally_bytes payload,
			  struct tally_bytes salt, struct tally_bytes evidence,
			  struct tally_prepared *prepared)
{
	struct tally_payload_slot slot = { .evidence = evidence, .payload = payload };
	struct tally_record *record = &prepared->record;
	struct tally_buf head = { 0 };

	if (salt.size == TALLY_SALT_SIZE)
		memcpy(slot.salt, salt.data, TALLY_SALT_SIZE);
	else
		tally_salt(slot.salt);
	record->has_payload = true;
	record->payload_size = payload.size;
	tally_payload_hash(slot.salt, payload, record->payload_hash);
	if (evidence.size > 0) {
		tally_salt(slot.evidence_salt);
		record->has_evidence = true;
		tally_evidence_hash(slot.evidence_salt, evidence, record->evidence_hash);
	}
	tally_buf_reserve(&head, 64 + evidence.size);
	tally_payload_head_encode(&slot, &head);
	prepared->payload_head = tally_arena_bytes(arena, tally_buf_bytes(&head));
	prepared->payload = payload;
	prepared->payload_crc = tally_crc32c(
		tally_crc32c(0, prepared->payload_head.data, prepared->payload_head.size),
		payload.data, payload.size);
	tally_buf_free(&head);
}

/* One entry on its way. */
struct entry {
	struct tally_prepared prepared;
	uint8_t request[32];			/* SHA-256 of what is asked, for the receipt */
	uint8_t request_key[TALLY_DIGEST_SIZE];	/* keyed, for the envelope */
	uint8_t token[TALLY_DIGEST_SIZE];
	bool has_token;
	struct entry *twin;			/* one before it in the command that has the same token */
	bool known;				/* it was there already: journal_id is the first */
	uint64_t journal_id;
	struct tally_hash leaf;
	struct tally_signed *of;		/* NULL: not signed by a member */
	struct tally_err err;			/* of this entry alone */
	bool refused;				/* err is what the committer said: decided anew each time */
	size_t index;				/* in the batch */
};

/* RequestDigest: SHA-256 over a label and, each behind its length (u64), LedgerId, payload type,
 * ClientId, the number of clues, each clue, the payload. */
static void add_sized(struct tally_sha256 *sha, struct tally_bytes bytes)
{
	uint8_t size[8];

	tally_put_u64(size, bytes.size);
	tally_sha256_add(sha, size, 8);
	if (bytes.size > 0)
		tally_sha256_add(sha, bytes.data, bytes.size);
}

static void request_digest(struct tally_bytes ledger_id, const struct tally_entry *in,
			   uint8_t digest_r[32])
{
	static const char label[] = "tallystick append v1\n";
	struct tally_sha256 sha;
	uint8_t count[8];

	tally_sha256_init(&sha);
	tally_sha256_add(&sha, label, sizeof(label) - 1);
	add_sized(&sha, ledger_id);
	add_sized(&sha, TALLY_BYTES_LIT("CUSTOM"));
	add_sized(&sha, in->client_id);
	tally_put_u64(count, in->clue_count);
	tally_sha256_add(&sha, count, 8);
	for (size_t i = 0; i < in->clue_count; i++)
		add_sized(&sha, in->clues[i]);
	add_sized(&sha, in->payload);
	tally_sha256_end(&sha, digest_r);
}

static int check_entry(struct tally_core *core, const struct tally_entry *in,
		       struct tally_err *err)
{
	if (in->payload.size > core->limits.payload)
		return tally_err_about(err, TALLY_INVALID, "Payload",
				       "it has %zu bytes, more than %llu", in->payload.size,
				       (unsigned long long)core->limits.payload);
	if (in->clue_count > TALLY_MAX_CLUES)
		return tally_err_about(err, TALLY_INVALID, "Clues", "more than %d clues",
				       TALLY_MAX_CLUES);
	for (size_t i = 0; i < in->clue_count; i++) {
		if (in->clues[i].size == 0 || in->clues[i].size > TALLY_MAX_CLUE ||
		    !tally_utf8_valid(in->clues[i]))
			return tally_err_about(err, TALLY_INVALID, "Clues",
					       "a clue has 1 to %d bytes of UTF-8",
					       TALLY_MAX_CLUE);
		for (size_t j = 0; j < i; j++)
			if (tally_bytes_equal(in->clues[i], in->clues[j]))
				return tally_err_about(err, TALLY_INVALID, "Clues",
						       "a clue is given twice");
	}
	if (in->client_id.size > 256 || !tally_utf8_valid(in->client_id))
		return tally_err_about(err, TALLY_INVALID, "ClientId",
				       "it has up to 256 bytes of UTF-8");
	return 0;
}

/* The salt of a signed payload is the member's: its hash is what was signed. */
static int check_salt(const struct tally_signing *signing, struct tally_err *err)
{
	if (signing == NULL || signing->count == 0 || signing->message.size > 0 ||
	    signing->salt.size == TALLY_SALT_SIZE)
		return 0;
	return signing->salt.size == 0 ?
		       tally_err_about(err, TALLY_MISSING, "PayloadSalt",
				       "what the member signed has the payload's hash with a salt") :
		       tally_err_about(err, TALLY_INVALID, "PayloadSalt", "it has 16 bytes");
}

static void set_token(struct tally_core *core, const struct tally_write *write,
		      struct tally_bytes ledger_id, const struct tally_entry *in, size_t index,
		      bool batch, struct tally_arena *arena, struct entry *entry)
{
	struct tally_bytes token = in->token;

	if (token.size == 0 && write->token.size > 0)
		token = batch ? tally_bytes_str(tally_arena_printf(
					arena, "%.*s#%zu", (int)write->token.size,
					(const char *)write->token.data, index)) :
				write->token;
	if (token.size == 0)
		return;
	entry->has_token = true;
	tally_token_digest(core, ledger_id, write->caller.account, token, entry->token);
}

static int prepare(struct tally_space *space, const struct tally_write *write,
		   const struct tally_entry *in, size_t index, bool batch,
		   struct tally_arena *arena, struct entry *entry, struct tally_err *err)
{
	struct tally_core *core = space->core;
	struct tally_bytes ledger_id = tally_bytes_str(space->name);
	struct tally_record *record = &entry->prepared.record;
	const struct tally_signing *signing = in->signing;

	record->type = TYPE_CUSTOM;
	record->clues = in->clues;
	record->clue_count = (uint8_t)in->clue_count;
	if (signing != NULL && signing->count > 0) {
		entry->of = tally_arena_alloc(arena, sizeof(*entry->of));
		if (check_salt(signing, err) != 0 ||
		    tally_signing_signers(space, &write->caller, signing, arena, entry->of,
					  err) != 0 ||
		    tally_signing_check_message(signing, entry->of, err) != 0)
			return -1;
	}
	tally_prepare_salted(arena, in->payload,
			     signing != NULL ? signing->salt : TALLY_BYTES_NONE,
			     tally_signing_evidence(signing, in->client_id, entry->of, arena),
			     &entry->prepared);
	if (entry->of != NULL && tally_signing_check(space, signing, in->payload, in->client_id,
						     record, entry->of, err) != 0)
		return -1;
	request_digest(ledger_id, in, entry->request);
	tally_keyed_digest(core->digest_key, tally_bytes(entry->request, 32), entry->request_key);
	set_token(core, write, ledger_id, in, index, batch, arena, entry);
	return 0;
}

/* ---- deciding ---- */

struct append {
	struct entry *entries;
	size_t count;
	size_t batch;		/* entries of the whole batch, of which these may be a part */
	bool atomic;
	struct tally_member member;
};

/* Not yet known tokens become journals; what is known keeps its number. */
static int decide_tokens(struct tally_build *build, struct append *append, struct tally_err *err)
{
	for (size_t i = 0; i < append->count; i++) {
		struct entry *entry = &append->entries[i];
		int known;

		entry->known = false;
		if (!entry->has_token || entry->err.code != TALLY_OK)
			continue;
		known = tally_build_token(build, entry->token, entry->request_key,
					  &entry->journal_id, &entry->err);
		entry->known = known == 1;
		if (known < 0 && append->atomic) {
			*err = entry->err;
			return -1;
		}
	}
	return 0;
}

static bool all_known(const struct append *append)
{
	for (size_t i = 0; i < append->count; i++)
		if (!append->entries[i].known)
			return false;
	return true;
}

/* A token that came with an entry before this one, too: it stands for the same journal. */
static void decide_twin(struct entry *entry)
{
	const struct entry *twin = entry->twin;

	while (twin != NULL && twin->err.code != TALLY_OK)
		twin = twin->twin;
	if (twin == NULL || entry->known || entry->err.code != TALLY_OK)
		return;
	entry->known = memcmp(twin->request_key, entry->request_key, TALLY_DIGEST_SIZE) == 0;
	entry->journal_id = twin->journal_id;
	if (!entry->known)
		tally_token_mismatch(&entry->err);
}

/* The nonce is with the first journal it brought; the others of its command follow it. */
static int decide_again(struct append *append, uint64_t journal_id)
{
	for (size_t i = 0; i < append->count; i++) {
		struct entry *entry = &append->entries[i];

		decide_twin(entry);
		if (entry->known || entry->err.code != TALLY_OK)
			continue;
		entry->known = true;
		entry->journal_id = journal_id++;
	}
	return 0;
}

/* Policy and signers; of a batch that is not atomic a refusal is the entry's own. */
static int decide_signing(struct tally_build *build, struct append *append, struct entry *entry,
			  struct tally_err *err)
{
	static const struct tally_signed unsigned_entry;
	struct tally_prepared *prepared = &entry->prepared;

	if (entry->of == NULL)
		prepared->record.member_id = tally_bytes_str(append->member.id);
	if (tally_signing_decide(build, entry->of != NULL ? entry->of : &unsigned_entry, PERM_APPEND,
				 &prepared->envelope, &entry->err) == 0)
		return 0;
	entry->refused = true;
	if (!append->atomic)
		return 0;
	*err = entry->err;
	return -1;
}

static void name_entry(size_t index, bool batch, struct tally_err *err)
{
	char subject[sizeof(err->subject)];

	if (!batch)
		return;
	snprintf(subject, sizeof(subject), "Journals.%zu%s%.60s", index,
		 err->subject[0] != '\0' ? "." : "", err->subject);
	memcpy(err->subject, subject, sizeof(subject));
}

/* The ledger's own limits; the server's were held before. Of a batch that is not atomic a refusal is the
 * entry's own. */
static int decide_limits(struct tally_build *build, struct append *append, struct tally_err *err)
{
	uint64_t payload = tally_limit_of(build->core, build->head, LIMIT_PAYLOAD);
	uint64_t clues = tally_limit_of(build->core, build->head, LIMIT_CLUES);
	uint64_t batch = tally_limit_of(build->core, build->head, LIMIT_BATCH);

	if (append->batch > batch)
		return tally_err_about(err, TALLY_INVALID, "Journals",
				       "a batch of this ledger has up to %llu journals",
				       (unsigned long long)batch);
	for (size_t i = 0; i < append->count; i++) {
		struct entry *entry = &append->entries[i];
		const struct tally_record *record = &entry->prepared.record;

		if (entry->err.code != TALLY_OK ||
		    (record->payload_size <= payload && record->clue_count <= clues))
			continue;
		if (record->payload_size > payload)
			tally_err_about(&entry->err, TALLY_INVALID, "Payload",
					"it has %llu bytes, more than %llu, this ledger's limit",
					(unsigned long long)record->payload_size,
					(unsigned long long)payload);
		else
			tally_err_about(&entry->err, TALLY_INVALID, "Clues",
					"more than %llu clues, this ledger's limit",
					(unsigned long long)clues);
		name_entry(entry->index, append->batch > 1, &entry->err);
		entry->refused = true;
		if (!append->atomic)
			continue;
		*err = entry->err;
		return -1;
	}
	return 0;
}

static int add_entries(struct tally_build *build, const struct tally_write *write,
		       struct append *append, struct tally_err *err)
{
	bool first = true;

	for (size_t i = 0; i < append->count; i++) {
		struct entry *entry = &append->entries[i];

		decide_twin(entry);
		if (entry->err.code == TALLY_MISMATCH && append->atomic) {
			*err = entry->err;
			return -1;
		}
		if (entry->known || entry->err.code != TALLY_OK)
			continue;
		tally_envelope_fill(build->core, write,
				    entry->has_token ?
					    tally_bytes(entry->token, TALLY_DIGEST_SIZE) :
					    TALLY_BYTES_NONE,
				    entry->request_key, first, &entry->prepared.envelope);
		first = false;
		if (decide_signing(build, append, entry, err) != 0)
			return -1;
		if (entry->err.code != TALLY_OK)
			continue;
		if (tally_build_add(build, &entry->prepared, &entry->journal_id, &entry->leaf,
				    err) != 0)
			return -1;
	}
	return 0;
}

static int decide_append(struct tally_build *build, struct tally_command *command,
			 struct tally_err *err)
{
	struct append *append = command->ctx;
	const struct tally_head *head = build->head;
	uint64_t first;
	int again;

	if (tally_permit(&build->view, &command->write->caller, PERM_APPEND, &append->member,
			 err) != 0)
		return -1;
	if (head->type != LEDGER_JOURNAL)
		return tally_err_about(err, TALLY_INVALID, "LedgerId",
				       "a KV ledger takes no journals of clients");
	for (size_t i = 0; i < append->count; i++) {
		struct entry *entry = &append->entries[i];

		if (entry->refused || entry->err.code == TALLY_MISMATCH)
			entry->err.code = TALLY_OK;	/* decided again after a conflict */
		entry->refused = false;
	}
	if (decide_tokens(build, append, err) != 0)
		return -1;
	if (all_known(append))
		return 0;
	again = tally_build_admit(build, command->write, append->entries[0].request_key, &first,
				  err);
	if (again != 0)
		return again == 1 ? decide_again(append, first) : -1;
	return decide_limits(build, append, err) != 0 ?
		       -1 : add_entries(build, command->write, append, err);
}

/* ---- receipts ---- */

void tally_receipt_fill(const struct tally_command *command, uint64_t journal_id,
			const struct tally_hash *leaf, const uint8_t digest[32],
			struct tally_receipt *receipt_r)
{
	*receipt_r = (struct tally_receipt){
		.journal_id = journal_id,
		.journal_hash = *leaf,
		.timestamp_ms = command->time_ms,
		.block = command->block,
		.block_hash = command->block_hash,
		.tree_size = command->tree_size,
		.root = command->root,
	};
	memcpy(receipt_r->request_digest, digest, 32);
}

int tally_receipt_again(struct tally_core *core, struct tally_space *space, uint64_t journal_id,
			const uint8_t digest[32], struct tally_receipt *receipt_r,
			struct tally_err *err)
{
	struct tally_journal journal;
	struct tally_block_info block;
	struct tally_arena arena;
	struct tally_view view;
	int result = -1;

	tally_arena_init(&arena);
	if (tally_view_take(space, &view, err) != 0)
		return -1;
	if (tally_view_journal(&view, journal_id, &arena, &journal, err) == 1 &&
	    tally_block_info(core, tally_bytes_str(space->name), journal.block, &block, err) == 1) {
		*receipt_r = (struct tally_receipt){
			.journal_id = journal.id,
			.journal_hash = journal.hash,
			.timestamp_ms = journal.timestamp_ms,
			.block = journal.block,
			.block_hash = block.hash,
			.tree_size = view.head->frontier.size,
			.root = view.head->root,
		};
		memcpy(receipt_r->request_digest, digest, 32);
		result = 0;
	} else if (err->code == TALLY_OK) {
		tally_err_set(err, TALLY_CORRUPT, "journal %llu of a known token is not there",
			      (unsigned long long)journal_id);
	}
	tally_view_drop(&view);
	tally_arena_free(&arena);
	return result;
}

/* ---- one command's worth ---- */

static int run_part(struct tally_core *core, struct tally_space *space,
		    const struct tally_write *write, struct entry *entries, size_t count,
		    size_t batch, size_t bytes, bool atomic, struct tally_append_result *results,
		    struct tally_err *err)
{
	struct append append = { .entries = entries, .count = count, .batch = batch,
				 .atomic = atomic };
	struct tally_command command = { .space = space, .decide = decide_append, .write = write,
					 .ctx = &append, .bytes = bytes, .journals = count };
	struct tally_err none = { 0 };

	if (tally_queue_run(core, &command, err) != 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		results[i].err = entries[i].err.code != TALLY_OK ? entries[i].err : none;
		if (results[i].err.code != TALLY_OK)
			continue;
		if (!entries[i].known)
			tally_receipt_fill(&command, entries[i].journal_id, &entries[i].leaf,
					   entries[i].request, &results[i].receipt);
		else if (tally_receipt_again(core, space, entries[i].journal_id,
					     entries[i].request, &results[i].receipt,
					     &results[i].err) != 0 && atomic) {
			*err = results[i].err;
			return -1;
		}
	}
	return 0;
}

static size_t entry_cost(const struct entry *entry)
{
	size_t record = 160 + (entry->of != NULL ? entry->of->count * 192 + TALLY_MAX_NONCE : 0);

	for (size_t i = 0; i < entry->prepared.record.clue_count; i++)
		record += 1 + entry->prepared.record.clues[i].size;
	return tally_block_cost(record,
				entry->prepared.payload_head.size + entry->prepared.payload.size,
				64);
}

/* Tokens are keyed digests, so their first bytes are as good as any hash of them. */
static void find_twins(struct entry *entries, size_t count, struct tally_arena *arena)
{
	size_t room = 4;
	struct entry **table;

	while (room < 2 * count)
		room *= 2;
	table = tally_arena_array(arena, struct entry *, room);
	for (size_t i = 0; i < count; i++) {
		size_t at = tally_get_u32(entries[i].token) & (room - 1);

		if (!entries[i].has_token)
			continue;
		while (table[at] != NULL &&
		       memcmp(table[at]->token, entries[i].token, TALLY_DIGEST_SIZE) != 0)
			at = (at + 1) & (room - 1);
		entries[i].twin = table[at];
		table[at] = &entries[i];
	}
}

static int prepare_all(struct tally_space *space, const struct tally_write *write,
		       const struct tally_entry *in, size_t count, bool atomic,
		       struct tally_arena *arena, struct entry *entries, struct tally_err *err)
{
	bool batch = count > 1;

	for (size_t i = 0; i < count; i++) {
		entries[i].index = i;
		if (in[i].refused != NULL)
			entries[i].err = *in[i].refused;
		else if (check_entry(space->core, &in[i], &entries[i].err) != 0 ||
			 prepare(space, write, &in[i], i, batch, arena, &entries[i],
				 &entries[i].err) != 0)
			name_entry(i, batch, &entries[i].err);
		if (entries[i].err.code == TALLY_OK || !atomic)
			continue;
		*err = entries[i].err;
		return -1;
	}
	if (batch)
		find_twins(entries, count, arena);
	return 0;
}

/* A batch of many blocks runs as so many commands; each has a nonce of its own, so that the whole
 * can be sent again. */
static struct tally_write part_write(const struct tally_write *write, size_t from,
				     struct tally_arena *arena)
{
	struct tally_write part = *write;

	if (from > 0 && write->nonce.size > 0)
		part.nonce = tally_bytes_str(tally_arena_printf(arena, "%.*s#%zu",
								(int)write->nonce.size,
								(const char *)write->nonce.data,
								from));
	return part;
}

static int run_all(struct tally_core *core, struct tally_space *space,
		   const struct tally_write *write, struct entry *entries, size_t count,
		   bool atomic, struct tally_arena *arena, struct tally_append_result *results,
		   struct tally_err *err)
{
	size_t from = 0, bytes = 0;
	struct tally_write part;

	for (size_t i = 0; i < count; i++) {
		size_t cost = entry_cost(&entries[i]);

		if (bytes + cost > core->limits.block && i > from) {
			if (atomic)
				return tally_err_about(err, TALLY_INVALID, "Journals",
						       "the batch does not fit one block of %llu "
						       "bytes",
						       (unsigned long long)core->limits.block);
			part = part_write(write, from, arena);
			if (run_part(core, space, &part, entries + from, i - from, count, bytes, false,
				     results + from, err) != 0)
				return -1;
			from = i;
			bytes = 0;
		}
		bytes += cost;
	}
	part = part_write(write, from, arena);
	return run_part(core, space, &part, entries + from, count - from, count, bytes, atomic,
			results + from, err);
}

size_t tally_core_batch_limit(const struct tally_core *core)
{
	return core->limits.batch;
}

int tally_append(struct tally_core *core, const struct tally_write *write,
		 struct tally_bytes ledger_id, const struct tally_entry *entries, size_t count,
		 bool atomic, struct tally_append_result *results_r, struct tally_err *err)
{
	struct tally_space *space;
	struct tally_arena arena;
	struct entry *own;
	int result;

	if (count == 0 || count > core->limits.batch)
		return tally_err_about(err, TALLY_INVALID, "Journals",
				       "a batch has 1 to %llu journals",
				       (unsigned long long)core->limits.batch);
	result = tally_space_of_ledger(core, ledger_id, &space, err);
	if (result < 0)
		return -1;
	if (result == 0)
		return tally_err_about(err, TALLY_NOTFOUND, "Ledger", "no such ledger");
	tally_arena_init(&arena);
	own = tally_calloc(count, sizeof(*own));
	result = prepare_all(space, write, entries, count, atomic, &arena, own, err);
	if (result == 0)
		result = run_all(core, space, write, own, count, atomic, &arena, results_r,
				 err);
	free(own);
	tally_arena_free(&arena);
	return result;
}
