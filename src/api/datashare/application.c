/*
 * Applications for credentials: made by who wants one, for a service in the document of an issuer, and
 * answered by that issuer with a credential. What is said in one is encrypted for the issuer. The
 * content of an application is {"application": {...}, "data": "..."}: texts, and the ciphertext, base64.
 */
#include "credentials.h"

#include <json.h>

#include "objects.h"
#include "secret.h"

/* ---- where its envelopes open ---- */

static struct tally_bytes data_context(struct tally_share_call *call, struct tally_bytes applicant,
				       struct tally_bytes number)
{
	const struct tally_bytes parts[] = { applicant, number };

	return tally_share_context(call, "application-data", parts, 2);
}

static struct tally_bytes key_context(struct tally_share_call *call, struct tally_bytes applicant,
				      struct tally_bytes number, struct tally_bytes service)
{
	const struct tally_bytes parts[] = { applicant, number, service };

	return tally_share_context(call, "application", parts, 3);
}

/* ---- applying ---- */

/* Whose a service is stands before its '#'. */
static int find_service(struct tally_share_call *call, struct tally_bytes service,
			struct tally_share_object *issuer_r, struct tally_err *err)
{
	const uint8_t *hash = service.size > 0 ? memchr(service.data, '#', service.size) : NULL;
	struct tally_bytes did = hash != NULL ?
		tally_bytes(service.data, (size_t)(hash - service.data)) : TALLY_BYTES_NONE;

	if (tally_share_need(call, SHARE_DID, did, TALLY_BYTES_NONE, issuer_r, err) != 0)
		return -1;
	return tally_share_need_service(call, issuer_r, service, err);
}

/* Ten digits of the request's own id: the same when it is sent again, and hardly ever another's. */
static struct tally_bytes make_number(struct tally_share_call *call)
{
	uint8_t hash[TALLY_HASH_SIZE];

	tally_sha256(call->write.nonce.data, call->write.nonce.size, hash);
	return tally_bytes_str(tally_arena_printf(
		call->arena, "%llu",
		(unsigned long long)(1000000000 + tally_get_u64(hash) % 9000000000)));
}

/* sealed: NULL where it says nothing. */
static struct tally_bytes application_content(struct tally_share_call *call, struct tally_bytes index,
					      const struct tally_share_sealed *sealed)
{
	struct tally_arena *arena = call->arena;
	struct tally_node *root = tally_node_object(arena);
	struct tally_node *to = tally_add_object(arena, root, "application");

	tally_add_str(arena, to, "price", "0");
	tally_add_str(arena, to, "reason", "");
	tally_add_text(arena, to, "dataUri", sealed != NULL ? index : TALLY_BYTES_NONE);
	tally_add_str(arena, to, "encryptedAesKey", sealed != NULL ? sealed->wrapped : "");
	tally_add_str(arena, to, "uriType", sealed != NULL ? "index" : "");
	tally_add_str(arena, to, "dataHash",
		      sealed != NULL ? tally_share_hash_text(call, sealed->ciphertext) : "");
	tally_add_str(arena, to, "lockProof", "");
	tally_add_str(arena, root, "data",
		      sealed != NULL ? tally_base64_encode(arena, sealed->ciphertext) : "");
	return tally_encode_json(arena, root);
}

static int apply(struct tally_share_call *call, const struct tally_share_object *issuer,
		 struct tally_bytes number, const struct tally_share_sealed *sealed,
		 struct tally_err *err)
{
	struct tally_bytes applicant = tally_share_text(call, "applyer");
	struct tally_bytes index = tally_share_index(call->arena, applicant, number);
	struct tally_share_change change;
	struct tally_share_done done;

	tally_share_begin(call, "apply-credential", &change);
	tally_share_say(&change, "applicant", applicant);
	tally_share_say(&change, "application", number);
	tally_share_say(&change, "issuer", issuer->a);
	tally_share_say(&change, "service", tally_share_text(call, "serviceID"));
	change.content = application_content(call, index, sealed);
	if (tally_share_run(call, &change, &done, err) != 0)
		return -1;
	tally_add_text(call->arena, call->reply, "orderIndex", index);
	return 0;
}

int tally_share_apply_credential(struct tally_share_call *call, struct tally_err *err)
{
	struct tally_bytes applicant = tally_share_text(call, "applyer");
	struct tally_bytes service = tally_share_text(call, "serviceID");
	struct tally_bytes data = tally_share_text(call, "data");
	struct tally_bytes number = make_number(call);
	struct tally_share_object issuer;
	struct tally_share_sealed sealed;
	int result;

	if (tally_share_must_be(call, applicant, err) != 0 ||
	    find_service(call, service, &issuer, err) != 0)
		return -1;
	if (data.size == 0)
		return apply(call, &issuer, number, NULL, err);
	if (call->private == NULL)	/* a request that is signed is kept as it is */
		return tally_err_about(err, TALLY_DENIED, "PrivateKey",
				       "data would stand in the recorded request in clear");
	tally_share_seal_for(call, issuer.point, key_context(call, applicant, number, service),
			     data_context(call, applicant, number), data, &sealed);
	result = apply(call, &issuer, number, &sealed, err);
	tally_wipe(sealed.key, sizeof(sealed.key));
	return result;
}

/* ---- answering ---- */

/* A credential of the caller's, for who applied. */
static int find_answer(struct tally_share_call *call, const struct tally_share_object *application,
		       struct tally_share_object *credential_r, struct tally_err *err)
{
	if (tally_share_need_index(call, SHARE_CREDENTIAL, "vcIndex", credential_r, err) != 0 ||
	    tally_share_must_be(call, credential_r->a, err) != 0)
		return -1;
	if (!tally_bytes_equal(credential_r->owner, application->a))
		return tally_err_about(err, TALLY_INVALID, "vcIndex",
				       "the credential is of somebody else than who applied");
	return 0;
}

int tally_share_answer_application(struct tally_share_call *call, struct tally_err *err)
{
	struct tally_share_object application, credential;
	struct tally_share_change change;
	struct tally_share_done done;

	if (tally_share_need_index(call, SHARE_APPLICATION, "orderIndex", &application, err) != 0 ||
	    tally_share_must_be(call, application.issuer, err) != 0 ||
	    find_answer(call, &application, &credential, err) != 0)
		return -1;
	tally_share_begin(call, "answer-application", &change);
	tally_share_say(&change, "applicant", application.a);
	tally_share_say(&change, "application", application.b);
	tally_share_say(&change, "issuer", credential.a);
	tally_share_say(&change, "sequence", credential.b);
	if (tally_share_run(call, &change, &done, err) != 0)
		return -1;
	tally_add_text(call->arena, call->reply, "orderIndex", tally_share_text(call, "orderIndex"));
	tally_share_success(call);
	return 0;
}

/* ---- finding ---- */

static const char *const texts[] = { "price", "reason", "dataUri", "encryptedAesKey", "uriType",
				     "dataHash", "lockProof" };

/* VCOrder. */
static void add_application(struct tally_share_call *call, struct tally_node *to,
			    const struct tally_share_object *application, struct json_object *part)
{
	struct tally_bytes credential = TALLY_BYTES_NONE;

	if (application->sequence.size > 0)
		credential = tally_share_index(call->arena, application->issuer,
					       application->sequence);
	tally_add_text(call->arena, to, "applyer", application->a);
	tally_add_text(call->arena, to, "orderSeq", application->b);
	tally_share_add_time(call->arena, to, "applyTime", application->create_ms);
	tally_add_str(call->arena, to, "status", tally_share_state_name(application->state));
	tally_add_text(call->arena, to, "service", application->service);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		tally_share_copy(call, to, part, texts[i]);
	tally_add_text(call->arena, to, "vcIndex", credential);
}

/* The ciphertext, for both; what it says, for whom it was said, with his key. */
static int add_data(struct tally_share_call *call, const struct tally_share_object *application,
		    struct json_object *part, struct tally_bytes data, struct tally_err *err)
{
	struct tally_bytes ciphertext, plain;

	tally_add_text(call->arena, call->reply, "encryptData", data);
	if (data.size == 0 || call->private == NULL ||
	    !tally_bytes_equal(call->did.a, application->issuer))
		return 0;
	if (!tally_base64_decode(call->arena, data, &ciphertext))
		return tally_err_about(err, TALLY_INVALID, "Decryption", "the data is no base64");
	if (tally_share_unseal(call, tally_share_member(call, part, "encryptedAesKey"),
			       key_context(call, application->a, application->b,
					   application->service),
			       ciphertext, data_context(call, application->a, application->b), &plain,
			       err) != 0)
		return -1;
	tally_add_text(call->arena, call->reply, "data", plain);
	return 0;
}

int tally_share_query_application(struct tally_share_call *call, struct tally_err *err)
{
	struct tally_share_object application;
	struct json_object *whole, *part;
	int result;

	if (tally_share_need_index(call, SHARE_APPLICATION, "orderIndex", &application, err) != 0)
		return -1;
	if (!tally_bytes_equal(call->did.a, application.a) &&
	    tally_share_must_be(call, application.issuer, err) != 0)
		return -1;
	if (tally_share_open(call, application.content, "application", &whole, &part, err) != 0)
		return -1;
	add_application(call, call->reply, &application, part);
	result = add_data(call, &application, part, tally_share_member(call, whole, "data"), err);
	json_object_put(whole);
	return result;
}

/* 1 it was added, 0 its content was removed. */
static int add_item(struct tally_share_call *call, struct tally_node *items,
		    const struct tally_share_object *application, struct tally_err *err)
{
	struct json_object *whole, *part;

	if (tally_share_open(call, application->content, "application", &whole, &part, err) != 0)
		return err->code == TALLY_NOTFOUND ? 0 : -1;
	add_application(call, tally_add_object(call->arena, items, NULL), application, part);
	json_object_put(whole);
	return 1;
}

/* For services of the caller: one of them, or all. */
int tally_share_query_applications(struct tally_share_call *call, struct tally_err *err)
{
	struct tally_bytes service = tally_share_text(call, "serviceID");
	struct tally_share_object *applications, issuer;
	struct tally_node *items;
	uint64_t added = 0;
	size_t count;

	if (service.size > 0 && (find_service(call, service, &issuer, err) != 0 ||
				 tally_share_must_be(call, issuer.a, err) != 0))
		return -1;
	if (tally_share_asked(call->core, call->ledger_id, call->did.a, service, call->arena,
			      &applications, &count, err) != 0)
		return -1;
	items = tally_add_list(call->arena, call->reply, "items", "item");
	for (size_t i = 0; i < count && added < call->settings->page_limit; i++) {
		int result = add_item(call, items, &applications[i], err);

		if (result < 0)
			return -1;
		added += (uint64_t)result;
	}
	return 0;
}
