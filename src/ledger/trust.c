/*
 * Trust points: a journal up to which somebody has verified the ledger. Only its number is
 * journalled; what it stands for is in the tree already.
 */
#include "core_private.h"

static int check_journal(struct tally_build *build, struct tally_manage *manage,
			 struct tally_err *err)
{
	const uint64_t *journal_id = manage->ctx;

	if (*journal_id < build->head->frontier.size)
		return 0;
	return tally_err_about(err, TALLY_INVALID, "JournalId", "the ledger has no such journal");
}

int tally_trust_point_set(struct tally_core *core, const struct tally_write *write,
			  struct tally_bytes ledger_id, uint64_t journal_id,
			  struct tally_receipt *receipt_r, struct tally_err *err)
{
	struct tally_field field = { TALLY_BYTES_LIT("journalId"), FIELD_UINT, TALLY_BYTES_NONE,
				     journal_id };
	struct tally_manage manage = { .what = "trust", .need = PERM_UPDATE_TRUSTPOINT,
				       .check = check_journal, .ctx = &journal_id };

	manage.prepared.record = (struct tally_record){
		.type = TYPE_SET_TRUST_POINT, .has_data = true, .fields = &field, .field_count = 1 };
	return tally_manage_run(core, write, ledger_id, &manage, receipt_r, err);
}

int tally_trust_point_get(struct tally_core *core, struct tally_bytes ledger_id,
			  struct tally_trust_point *point_r, struct tally_err *err)
{
	struct tally_space *space;
	struct tally_view view;
	int found = tally_space_of_ledger(core, ledger_id, &space, err);

	if (found != 1)
		return found;
	if (tally_view_take(space, &view, err) != 0)
		return -1;
	found = view.head->has_trust_point && view.head->status == LEDGER_NORMAL;
	*point_r = (struct tally_trust_point){ .journal_id = view.head->trust_point,
					       .set_by = view.head->trust_journal,
					       .time_ms = view.head->trust_ms };
	tally_view_drop(&view);
	return found;
}
