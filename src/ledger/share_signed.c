/*
 * Who signed a change of shared objects: the evidence of its journal, held against what the journal says.
 * The audit does so for a whole ledger; this is for one object that somebody is about to rely on.
 */
#include "share_rows.h"

#include "evidence.h"
#include "share_rules.h"

/* What was signed of it: the journal's words, made again from what was read. */
static struct tally_record record_of(const struct tally_journal *journal)
{
	struct tally_record record = {
		.type = TYPE_DATASHARE, .has_payload = true, .payload_size = journal->sealed.size,
		.member_id = journal->member_id, .clues = journal->clues,
		.clue_count = (uint8_t)journal->clue_count, .has_data = true,
		.fields = journal->fields, .field_count = (uint8_t)journal->field_count
	};

	tally_payload_hash(journal->salt, journal->sealed, record.payload_hash);
	return record;
}

static bool is_signed(const struct tally_journal *journal, struct tally_bytes ledger_id,
		      const uint8_t point[65], struct tally_arena *arena)
{
	struct tally_member_key key = { .type = KEY_TYPE_SECP256R1, .size = 65 };
	struct tally_record record = record_of(journal);
	struct tally_evidence evidence;
	struct tally_err err;

	memcpy(key.bytes, point, 65);
	return tally_evidence_decode(journal->evidence, arena, &evidence, &err) == 0 &&
	       evidence.signature_count == 1 &&
	       tally_bytes_equal(evidence.signatures[0].member_id, journal->member_id) &&
	       evidence.signatures[0].bytes.size == TALLY_MEMBER_SIGNATURE &&
	       tally_share_says(&record, ledger_id, evidence.message) &&
	       tally_member_verify(&key, evidence.message, evidence.signatures[0].bytes.data);
}

int tally_share_signed(struct tally_core *core, struct tally_bytes ledger_id, uint64_t journal_id,
		       const uint8_t point[65], struct tally_arena *arena, struct tally_err *err)
{
	struct tally_journal journal;
	int found = tally_journal_get(core, ledger_id, journal_id, arena, &journal, err);

	if (found != 1)
		return found;
	return !journal.removed && is_signed(&journal, ledger_id, point, arena);
}
