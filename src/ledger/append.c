/*
 * Appending journals. A worker prepares each entry (prepare.c); the committer decides (member, role,
 * token, nonce, clock) and gives numbers; the worker makes the receipts.
 */
#include "access.h"

#include <stdlib.h>

#include "prepare.h"

/* ---- deciding ---- */

struct append {
	struct tally_appending *entries;
	size_t count;
	size_t batch;		/* entries of the whole batch, of which these may be a part */
	bool atomic;
	struct tally_member member;
};

/* Not yet known tokens become journals; what is known keeps its number. */
static int decide_tokens(struct tally_build *build, struct append *append, struct tally_err *err)
{
	for (size_t i = 0; i < append->count; i++) {
		struct tally_appending *entry = &append->entries[i];
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
static void decide_twin(struct tally_appending *entry)
{
	const struct tally_appending *twin = entry->twin;

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
		struct tally_appending *entry = &append->entries[i];

		decide_twin(entry);
		if (entry->known || entry->err.code != TALLY_OK)
			continue;
		entry->known = true;
		entry->journal_id = journal_id++;
	}
	return 0;
}

/* Policy and signers; of a batch that is not atomic a refusal is the entry's own. */
static int decide_signing(struct tally_build *build, struct append *append, struct tally_appending *entry,
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
		struct tally_appending *entry = &append->entries[i];
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
		tally_entry_name(entry->index, append->batch > 1, &entry->err);
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
		struct tally_appending *entry = &append->entries[i];

		decide_twin(entry);
		if (entry->err.code == TALLY_MISMATCH && append->atomic) {
			*err = entry->err;
			return -1;
		}
		if (entry->known || entry->err.code != TALLY_OK)
			continue;
		if (first && write->nonce.size > 0)
			tally_entry_key(build->core, entry);
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
		struct tally_appending *entry = &append->entries[i];

		if (entry->refused || entry->err.code == TALLY_MISMATCH)
			entry->err.code = TALLY_OK;	/* decided again after a conflict */
		entry->refused = false;
	}
	if (decide_tokens(build, append, err) != 0)
		return -1;
	if (all_known(append))
		return 0;
	if (command->write->nonce.size > 0)
		tally_entry_key(build->core, &append->entries[0]);
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
		    const struct tally_write *write, struct tally_appending *entries, size_t count,
		    size_t batch, size_t bytes, bool atomic, struct tally_append_result *results,
		    struct tally_err *err)
{
	struct append append = { .entries = entries, .count = count, .batch = batch,
				 .atomic = atomic };
	struct tally_command command = { .space = space, .decide = decide_append, .write = write,
					 .ctx = &append, .bytes = bytes, .journals = count };

	if (tally_queue_run(core, &command, err) != 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (entries[i].err.code != TALLY_OK) {
			results[i].err = entries[i].err;
			continue;
		}
		tally_err_clear(&results[i].err);
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

static size_t entry_cost(const struct tally_appending *entry)
{
	size_t record = 160 + (entry->of != NULL ? entry->of->count * 192 + TALLY_MAX_NONCE : 0);

	for (size_t i = 0; i < entry->prepared.record.clue_count; i++)
		record += 1 + entry->prepared.record.clues[i].size;
	return tally_block_cost(record,
				entry->prepared.payload_head.size + entry->prepared.payload.size,
				64);
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
		   const struct tally_write *write, struct tally_appending *entries, size_t count,
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
	struct tally_appending *own;
	struct tally_space *space;
	struct tally_hands hands;
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
	own = tally_calloc(count, sizeof(*own));
	result = tally_prepare_entries(space, write, entries, count, atomic, &hands, own, err);
	if (result == 0)
		result = run_all(core, space, write, own, count, atomic, &hands.arenas[0], results_r,
				 err);
	free(own);
	tally_hands_free(&hands);
	return result;
}
