/* tally bench: a member of the bench's ledger, and journals that it signed. */
#include "config.h"

#include <stdio.h>

#include "bench.h"
#include "err.h"
#include "record.h"
#include "secret.h"
#include "statement.h"

bool bench_signer_add(struct bench *bench, struct bench_signer *signer)
{
	struct tally_write write = bench_write(bench);
	struct tally_member_create create = { .role = ROLE_WRITER };
	struct tally_err err;

	if (tally_member_generate(KEY_TYPE_SECP256K1, signer->private, &err) == 0 &&
	    tally_member_public(KEY_TYPE_SECP256K1, signer->private, &create.key, &err) == 0 &&
	    tally_member_create(bench->core, &write, tally_bytes_str(bench->ledger), &create,
				signer->member_id, &err) == 0)
		return true;
	verb_fail_err(bench->call, &err);
	return false;
}

int bench_sign(const struct bench *bench, const struct bench_signer *signer, uint64_t number,
	       struct tally_entry *entry, struct bench_signed *signed_r, struct tally_err *err)
{
	struct tally_signature *signature = &signed_r->signature;
	struct tally_statement statement = {
		.ledger_id = tally_bytes_str(bench->ledger),
		.member_id = tally_bytes_str(signer->member_id),
		.payload_size = entry->payload.size,
		.payload_type = TALLY_BYTES_LIT("CUSTOM"),
	};
	uint8_t hash[TALLY_HASH_SIZE];
	struct tally_buf buf = { 0 };
	int result;

	tally_random(signed_r->salt, TALLY_SALT_SIZE);
	snprintf(signed_r->nonce, sizeof signed_r->nonce, "%llu", (unsigned long long)number);
	tally_payload_hash(signed_r->salt, entry->payload, hash);
	statement.payload_hash = hash;
	statement.nonce = tally_bytes_str(signed_r->nonce);
	tally_statement_format(&statement, &buf);
	signature->member_id = statement.member_id;
	signature->type = KEY_TYPE_SECP256K1;
	result = tally_member_sign(KEY_TYPE_SECP256K1, signer->private, tally_buf_bytes(&buf),
				   signature->bytes, err);
	tally_buf_free(&buf);
	signed_r->signing = (struct tally_signing){
		signature, 1, statement.nonce, tally_bytes(signed_r->salt, TALLY_SALT_SIZE),
		TALLY_BYTES_NONE
	};
	entry->signing = &signed_r->signing;
	return result;
}
