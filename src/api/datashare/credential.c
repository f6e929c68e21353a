/*
 * Credentials. What an issuer says of a holder is encrypted for the holder; the credential that says whose
 * it is, by whom, how long it is good, and the hash of the ciphertext, is signed with the issuer's key. The
 * content of a credential is {"credential": {...}, "proof": "...", "data": "..."}: what is signed, the
 * signature and the ciphertext, both base64.
 */
#include "credentials.h"

#include <json.h>

#include "clock.h"
#include "member_key.h"
#include "objects.h"
#include "secret.h"

/* ---- what is signed ---- */

static void add_subject(struct tally_arena *arena, struct tally_node *to,
			const struct tally_share_credential *credential)
{
	struct tally_node *subject = tally_add_object(arena, to, "credentialSubject");

	tally_add_text(arena, subject, "dataHash", credential->data_hash);
	tally_add_text(arena, subject, "dataURI",
		       tally_share_index(arena, credential->issuer, credential->sequence));
	tally_add_text(arena, subject, "encryptedAeskey", credential->wrapped);
	tally_add_text(arena, subject, "owner", credential->owner);
	tally_add_text(arena, subject, "schemaID", credential->schema_index);
	tally_add_str(arena, subject, "type", "professional");
	tally_add_str(arena, subject, "uriType", "index");
}

void tally_share_add_credential(struct tally_arena *arena, struct tally_node *to,
				const struct tally_share_credential *credential)
{
	struct tally_node *made;

	tally_add_str(arena, to, "context", "https://www.w3.org/2018/credentials/v1");
	add_subject(arena, to, credential);
	if (credential->expires_s == 0)
		tally_add_str(arena, to, "expirationDate", "");
	else
		tally_add_uint_text(arena, to, "expirationDate", credential->expires_s);
	tally_add_uint_text(arena, to, "issuanceDate", credential->issued_s);
	tally_add_text(arena, to, "issuer", credential->issuer);
	made = tally_add_object(arena, to, "revocation");
	tally_add_str(arena, made, "id", "");
	tally_add_str(arena, made, "type", "");
	tally_add_text(arena, to, "sequence", credential->sequence);
	made = tally_add_list(arena, to, "type", "item");
	tally_add_str(arena, made, NULL, "VerifiableCredential");
	tally_add_text(arena, made, NULL, credential->schema);
}

/* ---- where its envelopes open ---- */

static struct tally_bytes data_context(struct tally_share_call *call, struct tally_bytes issuer,
				       struct tally_bytes sequence)
{
	const struct tally_bytes parts[] = { issuer, sequence };

	return tally_share_context(call, "credential-data", parts, 2);
}

static struct tally_bytes key_context(struct tally_share_call *call, struct tally_bytes issuer,
				      struct tally_bytes sequence, struct tally_bytes owner)
{
	const struct tally_bytes parts[] = { issuer, sequence, owner };

	return tally_share_context(call, "credential", parts, 3);
}

/* ---- issuing ---- */

static int check_schema(struct tally_share_call *call, struct tally_share_object *schema_r,
			struct tally_err *err)
{
	struct json_object *whole, *part, *attributes = NULL;
	int result;

	if (tally_share_need_index(call, SHARE_SCHEMA, "schemaIndex", schema_r, err) != 0 ||
	    tally_share_open(call, schema_r->content, "schema", &whole, &part, err) != 0)
		return -1;
	json_object_object_get_ex(part, "attributes", &attributes);
	result = tally_share_check_data(attributes, tally_share_text(call, "data"), err);
	json_object_put(whole);
	return result;
}

static int check_expiry(const struct tally_share_call *call, struct tally_err *err)
{
	const struct tally_share_value *expiry = tally_share_value(call, "expirationDate");

	if (expiry->given && expiry->number <= tally_now_ms() / 1000)
		return tally_err_about(err, TALLY_INVALID, "expirationDate",
				       "it is a time to come, in seconds since 1970");
	return 0;
}

static int credential_content(struct tally_share_call *call,
			      const struct tally_share_credential *credential,
			      struct tally_bytes ciphertext, struct tally_bytes *content_r,
			      struct tally_err *err)
{
	struct tally_node *root = tally_node_object(call->arena);
	struct tally_node *document = tally_add_object(call->arena, root, "credential");
	uint8_t signature[TALLY_MEMBER_SIGNATURE];

	tally_share_add_credential(call->arena, document, credential);
	if (tally_member_sign(KEY_TYPE_SECP256R1, call->private,
			      tally_encode_json(call->arena, document), signature, err) != 0)
		return -1;
	tally_add_str(call->arena, root, "proof",
		      tally_base64_encode(call->arena, tally_bytes(signature, sizeof(signature))));
	tally_add_str(call->arena, root, "data", tally_base64_encode(call->arena, ciphertext));
	*content_r = tally_encode_json(call->arena, root);
	return 0;
}

static int issue(struct tally_share_call *call, const struct tally_share_object *schema,
		 const struct tally_share_sealed *sealed, struct tally_err *err)
{
	const struct tally_share_credential credential = {
		.issuer = tally_share_text(call, "issuer"),
		.sequence = tally_share_text(call, "sequence"),
		.owner = tally_share_text(call, "applyer"), .schema = schema->b,
		.schema_index = tally_share_index(call->arena, schema->a, schema->b),
		.wrapped = tally_bytes_str(sealed->wrapped),
		.data_hash = tally_bytes_str(tally_share_hash_text(call, sealed->ciphertext)),
		.issued_s = tally_now_ms() / 1000,
		.expires_s = tally_share_value(call, "expirationDate")->number
	};
	struct tally_share_change change;
	struct tally_share_done done;

	tally_share_begin(call, "issue-credential", &change);
	tally_share_say(&change, "issuer", credential.issuer);
	tally_share_say(&change, "sequence", credential.sequence);
	tally_share_say(&change, "owner", credential.owner);
	tally_share_say(&change, "publisher", schema->a);
	tally_share_say(&change, "schema", schema->b);
	change.has_basis = true;	/* the schema that the data was held against */
	change.basis = schema->last;
	if (credential_content(call, &credential, sealed->ciphertext, &change.content, err) != 0 ||
	    tally_share_run(call, &change, &done, err) != 0)
		return -1;
	tally_add_text(call->arena, call->reply, "vcIndex",
		       tally_share_index(call->arena, credential.issuer, credential.sequence));
	return 0;
}

int tally_share_issue_credential(struct tally_share_call *call, struct tally_err *err)
{
	struct tally_bytes issuer = tally_share_text(call, "issuer");
	struct tally_bytes sequence = tally_share_text(call, "sequence");
	struct tally_bytes owner = tally_share_text(call, "applyer");
	struct tally_share_object holder, schema;
	struct tally_share_sealed sealed;
	int result;

	if (tally_share_must_be(call, issuer, err) != 0 || check_expiry(call, err) != 0 ||
	    tally_share_need(call, SHARE_DID, owner, TALLY_BYTES_NONE, &holder, err) != 0 ||
	    check_schema(call, &schema, err) != 0)
		return -1;
	tally_share_seal_for(call, holder.point, key_context(call, issuer, sequence, owner),
			     data_context(call, issuer, sequence), tally_share_text(call, "data"),
			     &sealed);
	result = issue(call, &schema, &sealed, err);
	tally_wipe(sealed.key, sizeof(sealed.key));
	return result;
}

/* ---- finding ---- */

static void add_proof(struct tally_share_call *call, const struct tally_share_object *credential,
		      struct tally_bytes proof)
{
	struct tally_node *to = tally_add_object(call->arena, call->reply, "proof");

	tally_add_str(call->arena, to, "creator",
		      tally_arena_printf(call->arena, "%.*s#key-0", (int)credential->a.size,
					 (const char *)credential->a.data));
	tally_add_str(call->arena, to, "type", "EcdsaSecp256r1Signature2019");
	tally_share_add_time(call->arena, to, "created", credential->create_ms);
	tally_add_text(call->arena, to, "signatureValue", proof);
}

static struct json_object *subject_of(struct json_object *document)
{
	struct json_object *subject = NULL;

	json_object_object_get_ex(document, "credentialSubject", &subject);
	return subject;
}

/* The ciphertext, for everyone; what it says, for its holder with his key. */
static int add_data(struct tally_share_call *call, const struct tally_share_object *credential,
		    struct json_object *document, struct tally_bytes data, struct tally_err *err)
{
	struct tally_bytes ciphertext, plain;

	tally_add_text(call->arena, call->reply, "encryptData", data);
	if (call->private == NULL || !call->has_did ||
	    !tally_bytes_equal(call->did.a, credential->owner))
		return 0;
	if (!tally_base64_decode(call->arena, data, &ciphertext))
		return tally_err_about(err, TALLY_INVALID, "Decryption", "the data is no base64");
	if (tally_share_unseal(call, tally_share_member(call, subject_of(document), "encryptedAeskey"),
			       key_context(call, credential->a, credential->b, credential->owner),
			       ciphertext, data_context(call, credential->a, credential->b), &plain,
			       err) != 0)
		return -1;
	tally_add_text(call->arena, call->reply, "data", plain);
	return 0;
}

static void add_members(struct tally_share_call *call, struct tally_node *to,
			struct json_object *document)
{
	json_object_object_foreach(document, name, value)
		tally_share_add_json(call->arena, to,
				     tally_arena_str(call->arena, tally_bytes_str(name)), value);
}

int tally_share_query_credential(struct tally_share_call *call, struct tally_err *err)
{
	struct json_object *whole, *document;
	struct tally_share_object credential;
	int result;

	if (tally_share_need_index(call, SHARE_CREDENTIAL, "vcIndex", &credential, err) != 0 ||
	    tally_share_open(call, credential.content, "credential", &whole, &document, err) != 0)
		return -1;
	add_members(call, call->reply, document);
	add_proof(call, &credential, tally_share_member(call, whole, "proof"));
	result = add_data(call, &credential, document, tally_share_member(call, whole, "data"), err);
	json_object_put(whole);
	return result;
}

/* ---- verifying ---- */

/* It says of itself what its journal says of it. */
static bool says_the_same(struct tally_share_call *call, struct json_object *document,
			  const struct tally_share_object *credential)
{
	struct json_object *subject = subject_of(document);

	return tally_bytes_equal(tally_share_member(call, document, "issuer"), credential->a) &&
	       tally_bytes_equal(tally_share_member(call, document, "sequence"), credential->b) &&
	       tally_bytes_equal(tally_share_member(call, subject, "owner"), credential->owner) &&
	       tally_bytes_equal(tally_share_member(call, subject, "schemaID"),
				 tally_share_index(call->arena, credential->publisher,
						   credential->schema));
}

static bool is_in_time(struct tally_share_call *call, struct json_object *document)
{
	struct tally_bytes expiry = tally_share_member(call, document, "expirationDate");
	uint64_t now_s = tally_now_ms() / 1000, from_s, until_s;

	return tally_parse_u64(tally_share_member(call, document, "issuanceDate"), UINT64_MAX,
			       &from_s) && from_s <= now_s &&
	       (expiry.size == 0 ||
		(tally_parse_u64(expiry, UINT64_MAX, &until_s) && now_s <= until_s));
}

static bool has_its_data(struct tally_share_call *call, struct json_object *document,
			 struct tally_bytes data)
{
	struct tally_bytes ciphertext;

	return tally_base64_decode(call->arena, data, &ciphertext) &&
	       tally_bytes_is(tally_share_member(call, subject_of(document), "dataHash"),
			      tally_share_hash_text(call, ciphertext));
}

static bool is_signed(struct tally_share_call *call, struct json_object *document,
		      struct tally_bytes proof, const uint8_t point[65])
{
	struct tally_member_key key = { .type = KEY_TYPE_SECP256R1, .size = 65 };
	struct tally_node *node = tally_node_object(call->arena);
	struct tally_bytes signature;

	memcpy(key.bytes, point, 65);
	add_members(call, node, document);
	return tally_base64_decode(call->arena, proof, &signature) &&
	       signature.size == TALLY_MEMBER_SIGNATURE &&
	       tally_member_verify(&key, tally_encode_json(call->arena, node), signature.data);
}

/* 1, 0, -1. Its content, by the key of its issuer's DID; then the journal that it came with, by the same. */
static int is_good(struct tally_share_call *call, const struct tally_share_object *credential,
		   struct tally_err *err)
{
	struct json_object *whole, *document;
	struct tally_share_object issuer;
	bool good;

	if (tally_share_need(call, SHARE_DID, credential->a, TALLY_BYTES_NONE, &issuer, err) != 0)
		return -1;
	if (tally_share_open(call, credential->content, "credential", &whole, &document, err) != 0)
		return err->code == TALLY_NOTFOUND ? 0 : -1;	/* it was removed */
	good = says_the_same(call, document, credential) && is_in_time(call, document) &&
	       has_its_data(call, document, tally_share_member(call, whole, "data")) &&
	       is_signed(call, document, tally_share_member(call, whole, "proof"), issuer.point);
	json_object_put(whole);
	if (!good)
		return 0;
	return tally_share_signed(call->core, call->ledger_id, credential->content, issuer.point,
				  call->arena, err);
}

int tally_share_verify_credential(struct tally_share_call *call, struct tally_err *err)
{
	struct tally_share_object credential;
	struct tally_bytes did, sequence;
	int good = 0;

	if (tally_share_index_parts(tally_share_text(call, "vcIndex"), &did, &sequence))
		good = tally_share_find(call->core, call->ledger_id, SHARE_CREDENTIAL, did, sequence,
					call->arena, &credential, err);
	if (good == 1)
		good = credential.state == SHARE_ACTIVE &&
		       tally_bytes_equal(credential.owner, tally_share_text(call, "owner"));
	if (good == 1)
		good = is_good(call, &credential, err);
	if (good < 0)
		return -1;
	tally_add_bool(call->arena, call->reply, "isOwned", good == 1);
	return 0;
}
