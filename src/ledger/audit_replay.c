/*
 * The replay: blocks in their order, with all that each says about those before. It keeps what the
 * next block is held against, and of the past only what is asked for later.
 */
#include "audit_replay.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "stateproof.h"

struct root_row {
	uint64_t size;
	struct tally_hash root;
};

struct change_row {
	uint64_t journal;
	uint64_t change;
	struct tally_hash path;
	struct tally_hash hash;
};

#define CHANGES_AT_ONCE 512
#define CHANGES_KEPT 65536	/* that are moved to the front */

struct audit_replay *audit_replay_new(struct audit *audit, struct audit_common *common,
				      const struct tally_audit_options *options, uint64_t space)
{
	const char *scratch = options->scratch != NULL ? options->scratch : "/var/tmp";
	struct audit_replay *replay = tally_calloc(1, sizeof(*replay));

	replay->audit = audit;
	replay->common = common;
	replay->options = options;
	replay->result.space = space;
	replay->state = audit_state_new();
	tally_frontier_init(&replay->frontier);
	audit_spill_begin(&replay->roots, scratch, sizeof(struct root_row));
	audit_spill_begin(&replay->changes, scratch, sizeof(struct change_row));
	audit_twice_begin(&replay->signed_hashes, scratch);
	audit_twice_begin(&replay->signed_digests, scratch);
	return replay;
}

void audit_replay_free(struct audit_replay *replay)
{
	if (replay == NULL)
		return;
	audit_state_free(replay->state);
	audit_spill_free(&replay->roots);
	audit_spill_free(&replay->changes);
	audit_twice_free(&replay->signed_hashes);
	audit_twice_free(&replay->signed_digests);
	audit_members_free(&replay->members);
	audit_map_free(&replay->keys);
	audit_map_free(&replay->endpoints);
	audit_map_free(&replay->orders);
	audit_map_free(&replay->accounts);
	audit_map_free(&replay->access_keys);
	audit_map_free(&replay->orgs);
	audit_map_free(&replay->channels);
	audit_map_free(&replay->shared);
	audit_map_free(&replay->share_whose);
	audit_map_free(&replay->share_parties);
	audit_map_free(&replay->share_keys);
	audit_erasures_free(&replay->erasures);
	free(replay->origins);
	free(replay->wants);
	free(replay->by_size);
	free(replay->by_index);
	free(replay);
}

struct tally_audit_ledger *audit_replay_result(struct audit_replay *replay)
{
	return &replay->result;
}

const struct audit_erasures *audit_replay_erasures(const struct audit_replay *replay)
{
	return &replay->erasures;
}

bool audit_replay_broken(const struct audit_replay *replay)
{
	return replay->broken;
}

void audit_replay_break(struct audit_replay *replay)
{
	replay->broken = true;
}

/* ---- findings ---- */

static void found_at(struct audit_replay *replay, bool has_journal, uint64_t journal,
		     const char *what, const char *text)
{
	const struct audit_place place = {
		.ledger = replay->name, .space = replay->result.space,
		.has_block = replay->block != NULL,
		.block = replay->block != NULL ? replay->block->number : 0,
		.has_journal = has_journal, .journal = journal,
	};

	replay->result.findings++;
	audit_found(replay->audit, &place, what, "%s", text);
}

void audit_wrong(struct audit_replay *replay, const char *what, const char *format, ...)
{
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	found_at(replay, true, replay->journal, what, text);
}

void audit_wrong_block(struct audit_replay *replay, const char *what, const char *format, ...)
{
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	found_at(replay, false, 0, what, text);
}

/* Something of the ledger as a whole, or of one of its journals, after the last block. */
static void wrong_at_end(struct audit_replay *replay, bool has_journal, uint64_t journal,
			 const char *what, const char *text)
{
	replay->block = NULL;
	found_at(replay, has_journal, journal, what, text);
}

static void keep_failure(struct audit_replay *replay, int result, const struct tally_err *err)
{
	if (result < 0 && replay->failed.code == TALLY_OK)
		replay->failed = *err;
}

/* ---- the state ---- */

void audit_change(struct audit_replay *replay, enum audit_change change,
		  const struct tally_hash *path, const struct tally_hash *hash)
{
	struct change_row row = { .journal = replay->journal, .change = change, .path = *path };
	struct tally_err err;

	if (hash != NULL)
		row.hash = *hash;
	keep_failure(replay, audit_spill_add(&replay->changes, &row, &err), &err);
}

static void apply_change(struct audit_state *state, const struct change_row *row)
{
	if (row->change == CHANGE_CLUE)
		audit_state_clue(state, &row->path, &row->hash);
	else if (row->change == CHANGE_PUT)
		audit_state_put(state, &row->path, &row->hash);
	else
		audit_state_remove(state, &row->path);
}

/* What was applied goes, unless much is left behind it: then it is passed over. */
static int drop_changes(struct audit_replay *replay)
{
	struct audit_spill *changes = &replay->changes;
	uint64_t left = changes->count - replay->changes_done;
	struct change_row *rows;
	int result = 0;

	if (left > CHANGES_KEPT)
		return 0;
	rows = tally_malloc((left + 1) * sizeof(*rows));
	if (left > 0)
		result = audit_spill_get(changes, replay->changes_done, left, rows,
					 &replay->failed);
	if (result == 0) {
		audit_spill_clear(changes);
		replay->changes_done = 0;
	}
	for (uint64_t i = 0; result == 0 && i < left; i++)
		result = audit_spill_add(changes, &rows[i], &replay->failed);
	free(rows);
	return result;
}

int audit_state_at(struct audit_replay *replay, uint64_t size, struct tally_hash *root_r)
{
	struct change_row rows[CHANGES_AT_ONCE];
	uint64_t count, used = 0;
	int result = 0;

	do {
		count = replay->changes.count - replay->changes_done;
		count = count < CHANGES_AT_ONCE ? count : CHANGES_AT_ONCE;
		if (count > 0)
			result = audit_spill_get(&replay->changes, replay->changes_done, count,
						 rows, &replay->failed);
		for (used = 0; result == 0 && used < count && rows[used].journal < size; used++)
			apply_change(replay->state, &rows[used]);
		replay->changes_done += used;
	} while (result == 0 && used > 0 && used == count);
	if (result == 0)
		result = drop_changes(replay);
	if (result == 0 && root_r != NULL)
		audit_state_root(replay->state, root_r);
	return result;
}

/* ---- names of the log ---- */

bool audit_origin_add(struct audit_replay *replay, struct tally_bytes name)
{
	struct audit_origin *origin;

	if (name.size == 0 || name.size >= sizeof(origin->name) ||
	    !tally_origin_has(name, tally_bytes_str(replay->name)))
		return false;
	replay->origins = tally_realloc(replay->origins,
					(replay->origin_count + 1) * sizeof(*replay->origins));
	origin = &replay->origins[replay->origin_count++];
	memcpy(origin->name, name.data, name.size);
	origin->name[name.size] = '\0';
	origin->journal = replay->journal;
	return true;
}

const char *audit_origin_of(const struct audit_replay *replay, uint64_t size)
{
	size_t i = replay->origin_count - 1;

	while (i > 0 && replay->origins[i].journal >= size)
		i--;
	return replay->origins[i].name;
}

/* ---- roots of the log tree ---- */

static int add_root(struct audit_replay *replay, const struct tally_hash *root)
{
	struct root_row row = { replay->frontier.size, *root };

	return audit_spill_add(&replay->roots, &row, &replay->failed);
}

int audit_root_at(struct audit_replay *replay, uint64_t size, struct tally_hash *root_r)
{
	uint64_t low = 0, high = replay->roots.count;
	struct root_row row;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (audit_spill_get(&replay->roots, middle, 1, &row, &replay->failed) != 0)
			return -1;
		if (row.size == size) {
			*root_r = row.root;
			return 1;
		}
		if (row.size < size)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}

/* ---- one block after the other ---- */

/* 0: it follows; -1: it does not, and nothing behind it can be made sense of. */
static int follow(struct audit_replay *replay, const struct audit_block *block)
{
	const struct tally_block_header *header = &block->header;

	if (header->space != replay->result.space || header->number != block->number) {
		audit_wrong_block(replay, "header", "it says it is block %llu of space %llx",
				  (unsigned long long)header->number,
				  (unsigned long long)header->space);
		return -1;
	}
	if (header->first != replay->frontier.size) {
		audit_wrong_block(replay, "header", "it begins with journal %llu, and the block before "
				  "ended before %llu", (unsigned long long)header->first,
				  (unsigned long long)replay->frontier.size);
		return -1;
	}
	if (memcmp(header->previous, replay->last_hash, TALLY_HASH_SIZE) != 0)
		audit_wrong_block(replay, "header", "it does not have the hash of the block before");
	if (header->time_ms < replay->time_ms)
		audit_wrong_block(replay, "header", "its time goes backwards");
	return 0;
}

static void check_name(struct audit_replay *replay, const struct tally_block_header *header)
{
	const struct audit_common *common = replay->common;
	uint64_t space = TALLY_SYSTEM_SPACE;

	if (header->number > 0) {
		if (strcmp(header->name, replay->name) != 0 ||
		    memcmp(header->store_id, replay->store_id, 16) != 0)
			audit_wrong_block(replay, "header", "it is of another ledger or store: %s",
					  header->name);
		return;
	}
	snprintf(replay->name, sizeof(replay->name), "%s", header->name);
	memcpy(replay->store_id, header->store_id, 16);
	if (header->space == TALLY_SYSTEM_SPACE ? strcmp(header->name, TALLY_SYSTEM_NAME) == 0 :
			tally_ledger_id_space(tally_bytes_str(header->name), &space) &&
				space == header->space)
		snprintf(replay->result.ledger, sizeof(replay->result.ledger), "%.27s",
			 header->name);
	else
		audit_wrong_block(replay, "header", "a ledger of this name is not in this space: %s",
				  header->name);
	if (common->has_system && memcmp(common->store_id, header->store_id, 16) != 0)
		audit_wrong_block(replay, "header", "it is of another store");
}

static void remember_signed(struct audit_replay *replay, const struct audit_item *item)
{
	struct tally_err err;

	if (item->form == FORM_OWN || item->form == FORM_FOREIGN)
		keep_failure(replay, audit_twice_add(&replay->signed_hashes, item->signed_hash,
						     replay->journal, &err), &err);
	if (item->envelope.has_signed)
		keep_failure(replay, audit_twice_add(&replay->signed_digests,
						     item->envelope.signed_bytes, replay->journal,
						     &err), &err);
}

static void remember_payload(struct audit_replay *replay, const struct audit_item *item)
{
	unsigned int type = item->record.type;
	bool reachable = replay->result.space == TALLY_SYSTEM_SPACE ?
				 type == TYPE_CREATE_KEY :
				 type == TYPE_CUSTOM || type == TYPE_KV_SET ||
					 type == TYPE_DATASHARE;

	if (item->payload != PAYLOAD_THERE && item->payload != PAYLOAD_ERASED)
		return;
	replay->result.erased += item->payload == PAYLOAD_ERASED;
	audit_erasures_add(&replay->erasures, replay->journal, item->payload == PAYLOAD_ERASED,
			   reachable);
}

static void replay_item(struct audit_replay *replay, const struct audit_item *item)
{
	audit_kind_check(replay, item);
	for (size_t i = 0; i < item->record.clue_count; i++)
		audit_change(replay, CHANGE_CLUE, &item->clue_paths[i], &item->leaf);
	remember_signed(replay, item);
	remember_payload(replay, item);
	replay->result.unread_signatures += item->form == FORM_UNREAD;
	tally_frontier_append(&replay->frontier, &item->leaf);
	audit_wants_met(replay, &item->leaf);
}

static const struct audit_note *say_notes(struct audit_replay *replay,
					  const struct audit_note *note, uint64_t journal)
{
	for (; note != NULL && note->of_journal && note->journal <= journal; note = note->next)
		found_at(replay, true, note->journal, note->what, note->text);
	return note;
}

static void check_root(struct audit_replay *replay, const struct audit_block *block)
{
	struct tally_hash root;

	tally_frontier_root(&replay->frontier, &root);
	if (memcmp(root.bytes, block->header.root, TALLY_HASH_SIZE) != 0 && !replay->root_off) {
		replay->root_off = true;
		audit_wrong_block(replay, "root", "its journals do not make the root in its header");
	}
	replay->result.root = root;
	if (add_root(replay, &root) != 0)
		replay->broken = true;
}

static void replay_items(struct audit_replay *replay, const struct audit_block *block)
{
	const struct audit_note *note = block->notes;

	for (uint32_t i = 0; block->readable && i < block->header.count; i++) {
		replay->journal = block->header.first + i;
		note = say_notes(replay, note, replay->journal);
		replay_item(replay, &block->items[i]);
	}
	for (; note != NULL; note = note->next)
		found_at(replay, note->of_journal, note->journal, note->what, note->text);
	if (!block->readable) {
		replay->broken = true;
		return;
	}
	check_root(replay, block);
	memcpy(replay->last_hash, block->hash, TALLY_HASH_SIZE);
	replay->time_ms = block->header.time_ms;
	replay->result.blocks++;
	replay->result.journals = replay->frontier.size;
	replay->result.payloads += block->payloads;
	replay->result.payload_bytes += block->payload_bytes;
	replay->result.signatures += block->signatures;
}

int audit_replay_block(struct audit_replay *replay, const struct audit_block *block,
		       struct tally_err *err)
{
	bool header_read = block->readable || block->header.count > 0;

	replay->block = block;
	if (header_read && follow(replay, block) != 0) {
		replay->broken = true;
	} else {
		if (header_read)
			check_name(replay, &block->header);
		replay_items(replay, block);
	}
	replay->block = NULL;
	if (replay->failed.code == TALLY_OK)
		return 0;
	*err = replay->failed;
	return -1;
}

/* ---- the end ---- */

static void each_twice(void *ctx, uint64_t before, uint64_t number)
{
	char text[120];

	snprintf(text, sizeof(text), "its member signed the same for journal %llu already",
		 (unsigned long long)before);
	wrong_at_end(ctx, true, number, "signature", text);
	((struct audit_replay *)ctx)->signed_twice = true;
}

static void each_erased(void *ctx, uint64_t first, uint64_t last)
{
	char text[160] = "its payload is erased, and no journal orders that";

	if (first < last)
		snprintf(text, sizeof(text), "payloads from here to journal %llu are erased, and no "
			 "journal orders all of that", (unsigned long long)last);
	wrong_at_end(ctx, true, first, "erased", text);
}

int audit_replay_end(struct audit_replay *replay, struct tally_err *err)
{
	replay->result.whole = !replay->broken;
	replay->result.members = audit_members_count(&replay->members);
	replay->result.from = replay->options->from < replay->result.journals ?
				      replay->options->from : replay->result.journals;
	audit_wants_end(replay);
	if (!replay->broken)
		audit_erasures_end(&replay->erasures, each_erased, replay,
				   &replay->result.not_erased);
	if (audit_twice_each(&replay->signed_hashes, each_twice, replay, err) != 0)
		return -1;
	/* the digests speak for messages that were erased; what was said is not said again */
	if (!replay->signed_twice &&
	    audit_twice_each(&replay->signed_digests, each_twice, replay, err) != 0)
		return -1;
	if (audit_state_at(replay, UINT64_MAX, NULL) != 0) {
		*err = replay->failed;
		return -1;
	}
	replay->result.state_keys = audit_state_count(replay->state);
	return 0;
}
