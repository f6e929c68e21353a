/* Signing as a member; see signer.h. */
#include "config.h"

#include "signer.h"

#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "buf.h"
#include "err.h"
#include "hash.h"
#include "secret.h"

bool signer_read_key(const struct verb_call *call, const char *path, enum tally_key_type *type_r,
		     uint8_t private_r[TALLY_MEMBER_PRIVATE], char public_r[TALLY_MEMBER_KEY_TEXT])
{
	struct tally_member_key public;
	struct tally_err err;

	if (tally_member_key_file_read(path, type_r, private_r, &err) != 0 ||
	    tally_member_public(*type_r, private_r, &public, &err) != 0) {
		verb_fail_err(call, &err);
		return false;
	}
	if (public_r != NULL)
		tally_member_key_format(&public, public_r);
	return true;
}

int signer_read(const struct verb_call *call, struct signer *signer)
{
	const char *path = verb_value(call, "sign", NULL);
	const char *member = verb_value(call, "member", "");

	*signer = (struct signer){ .on = path != NULL };
	if (path == NULL)
		return verb_given(call, "member") ?
			       verb_misuse(call, "--member says who signs: --sign FILE goes with it") :
			       VERB_OK;
	if (strlen(member) >= sizeof signer->member_id)
		return verb_misuse(call, "--member is m- and 26 hex digits, not %s", member);
	strcpy(signer->member_id, member);
	return signer_read_key(call, path, &signer->type, signer->private, signer->public) ?
		       VERB_OK : VERB_FAILED;
}

bool signer_ask(struct signer *signer, struct client *client, const char *ledger)
{
	json_object *reply;
	bool good = true;

	signer->ledger = ledger;
	client_start(client, "GetMember");
	client_add(client, "LedgerId", ledger);
	client_add(client, "MemberId", signer->member_id[0] != '\0' ? signer->member_id : NULL);
	reply = client_run(client);
	if (reply == NULL)
		return false;
	snprintf(signer->member_id, sizeof signer->member_id, "%s", reply_text(reply, "MemberId"));
	if (reply_text(reply, "PublicKey")[0] == '\0') {
		verb_fail(client->call, "member %s has no key yet; 'tally member key' gives it one",
			  signer->member_id);
		good = false;
	} else if (strcmp(reply_text(reply, "PublicKey"), signer->public) != 0 ||
		   strcmp(reply_text(reply, "KeyType"), tally_key_type_name(signer->type)) != 0) {
		verb_fail(client->call, "that is not the key of member %s", signer->member_id);
		good = false;
	}
	json_object_put(reply);
	return good;
}

/* The hash of a payload behind a new salt. */
static void hash_payload(const struct tally_bytes *payload, char salt_hex[33],
			 uint8_t hash_r[TALLY_HASH_SIZE])
{
	struct tally_sha256 sha;
	uint8_t salt[16];

	tally_random(salt, sizeof salt);
	tally_hex_encode(salt, sizeof salt, salt_hex);
	tally_sha256_init(&sha);
	tally_sha256_add(&sha, salt, sizeof salt);
	tally_sha256_add(&sha, payload->data, payload->size);
	tally_sha256_end(&sha, hash_r);
}

bool signer_sign(const struct signer *signer, const struct verb_call *call,
		 struct tally_statement *statement, const struct tally_bytes *payload,
		 struct signature *signature_r)
{
	uint8_t random[16], hash[TALLY_HASH_SIZE], bytes[TALLY_MEMBER_SIGNATURE];
	struct tally_buf buf = { 0 };
	struct tally_err err;
	int result;

	tally_random(random, sizeof random);
	tally_hex_encode(random, sizeof random, signature_r->nonce);
	signature_r->salt[0] = '\0';
	if (payload != NULL) {
		hash_payload(payload, signature_r->salt, hash);
		statement->payload_hash = hash;
		statement->payload_size = payload->size;
	}
	statement->ledger_id = tally_bytes_str(signer->ledger);
	statement->member_id = tally_bytes_str(signer->member_id);
	statement->nonce = tally_bytes_str(signature_r->nonce);
	tally_statement_format(statement, &buf);
	result = tally_member_sign(signer->type, signer->private, tally_buf_bytes(&buf), bytes, &err);
	tally_buf_free(&buf);
	tally_hex_encode(bytes, sizeof bytes, signature_r->signature);
	if (result != 0)
		verb_fail_err(call, &err);
	return result == 0;
}

void signer_wipe(struct signer *signer)
{
	tally_wipe(signer->private, sizeof signer->private);
}
