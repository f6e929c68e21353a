/*
 * A command that brings one journal of the service's own kind: changes of the ledger, of members,
 * of keys and values, anchors. What these have in common: token, nonce, permission, the receipt.
 */
#include "core_private.h"

void tally_manage_request(struct tally_core *core, struct tally_bytes ledger_id,
			  struct tally_manage *manage)
{
	struct tally_buf buf = { 0 };

	tally_buf_add_str(&buf, manage->what);
	tally_buf_add_u8(&buf, '\n');
	tally_buf_add_bytes(&buf, ledger_id);
	tally_buf_add_u8(&buf, '\n');
	tally_data_encode(&manage->prepared.record, &buf);
	if (manage->prepared.record.has_payload) {
		tally_buf_add_u8(&buf, '\n');
		tally_buf_add_bytes(&buf, manage->prepared.payload);
	}
	tally_sha256(buf.data, buf.size, manage->digest);
	tally_keyed_digest(core->digest_key, tally_buf_bytes(&buf), manage->request);
	tally_buf_free(&buf);
}

void tally_manage_token(struct tally_core *core, const struct tally_write *write,
			struct tally_bytes ledger_id, struct tally_manage *manage)
{
	if (write->token.size == 0)
		return;
	manage->has_token = true;
	tally_token_digest(core, ledger_id, write->caller.account, write->token, manage->token);
}

int tally_manage_add(struct tally_build *build, const struct tally_write *write,
		     struct tally_manage *manage, struct tally_err *err)
{
	manage->known = false;
	tally_envelope_fill(build->core, write,
			    manage->has_token ? tally_bytes(manage->token, TALLY_DIGEST_SIZE) :
						TALLY_BYTES_NONE,
			    manage->request, true, &manage->prepared.envelope);
	return tally_build_add(build, &manage->prepared, &manage->journal_id, &manage->leaf, err);
}

static int decide(struct tally_build *build, struct tally_command *command, struct tally_err *err)
{
	struct tally_manage *manage = command->ctx;
	int again = 0;

	manage->known = false;
	if (manage->has_token)
		again = tally_build_token(build, manage->token, manage->request,
					  &manage->journal_id, err);
	if (again == 0)
		again = tally_build_admit(build, command->write, manage->request,
					  &manage->journal_id, err);
	manage->known = again == 1;
	if (again != 0)
		return again == 1 ? 0 : -1;
	if (tally_permit(&build->view, &command->write->caller, manage->need, &manage->member,
			 err) != 0)
		return -1;
	manage->prepared.record.member_id = tally_bytes_str(manage->member.id);
	if (manage->check != NULL && manage->check(build, manage, err) != 0)
		return -1;
	return tally_manage_add(build, command->write, manage, err);
}

static size_t cost_of(const struct tally_manage *manage)
{
	return tally_block_cost(4096, manage->prepared.payload_head.size +
					      manage->prepared.payload.size, 64);
}

int tally_manage_run(struct tally_core *core, const struct tally_write *write,
		     struct tally_bytes ledger_id, struct tally_manage *manage,
		     struct tally_receipt *receipt_r, struct tally_err *err)
{
	struct tally_command command = { .decide = decide, .write = write, .ctx = manage,
					 .mends = manage->mends, .bytes = cost_of(manage), .journals = 1 };
	int found = tally_space_of_ledger(core, ledger_id, &command.space, err);

	if (found < 0)
		return -1;
	if (found == 0)
		return tally_err_about(err, TALLY_NOTFOUND, "Ledger", "no such ledger");
	tally_manage_request(core, ledger_id, manage);
	tally_manage_token(core, write, ledger_id, manage);
	if (tally_queue_run(core, &command, err) != 0)
		return -1;
	if (receipt_r == NULL)
		return 0;
	if (manage->known)
		return tally_receipt_again(core, command.space, manage->journal_id, manage->digest,
					   receipt_r, err);
	tally_receipt_fill(&command, manage->journal_id, &manage->leaf, manage->digest, receipt_r);
	return 0;
}
