/*
 * Identities: DIDs, their documents and services. The content of a DID is {"service": [...], "proof": "..."}:
 * its services as they were given, and, where the private key came along, its signature over the
 * document (doc/api.md).
 */
#include "endpoint.h"

#include <json.h>

#include "member_key.h"

#define SERVICES 32
#define SERVICE_TEXT 2048

/* ---- services ---- */

/* Texts of up to so many characters; empty ones are as absent. */
static bool has_text(struct tally_share_call *call, struct json_object *object, const char *name)
{
	struct tally_bytes text = tally_share_member(call, object, name);

	return text.size > 0 && text.size <= SERVICE_TEXT;
}

static int check_schema(struct tally_share_call *call, struct json_object *service,
			struct tally_err *err)
{
	struct json_object *schema = NULL, *attributes = NULL;

	json_object_object_get_ex(service, "credentialApplySchema", &schema);
	if (schema == NULL)
		return 0;
	if (!json_object_is_type(schema, json_type_object) || !has_text(call, schema, "type") ||
	    !has_text(call, schema, "name"))
		return tally_err_about(err, TALLY_INVALID, "credentialApplySchema",
				       "it is an object with type and name");
	json_object_object_get_ex(schema, "attributes", &attributes);
	if (attributes != NULL && !json_object_is_type(attributes, json_type_array))
		return tally_err_about(err, TALLY_INVALID, "attributes", "it is a list");
	return 0;
}

static int check_services(struct tally_share_call *call, struct json_object *list,
			  struct tally_err *err)
{
	size_t count = json_object_array_length(list);

	if (count > SERVICES)
		return tally_err_about(err, TALLY_INVALID, "service", "it has up to %d of them",
				       SERVICES);
	for (size_t i = 0; i < count; i++) {
		struct json_object *service = json_object_array_get_idx(list, i);

		if (!has_text(call, service, "type") || !has_text(call, service, "serviceEndpoint"))
			return tally_err_about(err, TALLY_INVALID, "Service", "number %zu", i + 1);
		if (check_schema(call, service, err) != 0)
			return -1;
	}
	return 0;
}

static const char *service_id(struct tally_arena *arena, struct tally_bytes did, size_t i)
{
	return tally_arena_printf(arena, "%.*s#service%zu", (int)did.size, (const char *)did.data,
				  i + 1);
}

/* As they stand in a document, each with an id. */
static void add_services(struct tally_arena *arena, struct tally_node *to, struct tally_bytes did,
			 struct json_object *list)
{
	struct tally_node *services = tally_add_list(arena, to, "service", "item");

	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
		struct json_object *service = json_object_array_get_idx(list, i), *member = NULL;
		struct tally_node *node = tally_add_object(arena, services, NULL);

		tally_add_str(arena, node, "id", service_id(arena, did, i));
		json_object_object_get_ex(service, "type", &member);
		tally_share_add_json(arena, node, "type", member);
		json_object_object_get_ex(service, "serviceEndpoint", &member);
		tally_share_add_json(arena, node, "serviceEndpoint", member);
		if (json_object_object_get_ex(service, "credentialApplySchema", &member))
			tally_share_add_json(arena, node, "credentialApplySchema", member);
	}
}

int tally_share_need_service(struct tally_share_call *call, const struct tally_share_object *did,
			     struct tally_bytes id, struct tally_err *err)
{
	struct json_object *whole, *list;
	bool found = false;

	if (tally_share_open(call, did->content, "service", &whole, &list, err) != 0)
		return -1;
	for (size_t i = 0; !found && i < json_object_array_length(list); i++)
		found = tally_bytes_is(id, service_id(call->arena, did->a, i));
	json_object_put(whole);
	return found ? 0 : tally_err_about(err, TALLY_NOTFOUND, "Service", "there is none of this id");
}

/* ---- documents ---- */

static const char *key_id(struct tally_arena *arena, struct tally_bytes did)
{
	return tally_arena_printf(arena, "%.*s#key-0", (int)did.size, (const char *)did.data);
}

/* The part that is signed. */
static void add_document(struct tally_arena *arena, struct tally_node *to, struct tally_bytes did,
			 const uint8_t point[65], struct json_object *services)
{
	const char *id = key_id(arena, did);
	struct tally_node *list, *key;

	tally_add_str(arena, to, "context", "https://www.w3.org/ns/did/v1");
	tally_add_text(arena, to, "id", did);
	list = tally_add_list(arena, to, "publicKey", "item");
	key = tally_add_object(arena, list, NULL);
	tally_add_str(arena, key, "id", id);
	tally_add_str(arena, key, "type", "EcdsaSecp256r1VerificationKey2019");
	tally_add_text(arena, key, "controller", did);
	tally_add_str(arena, key, "publicKeyPem", tally_point_pem(point, arena));
	list = tally_add_list(arena, to, "authentication", "item");
	tally_add_str(arena, list, NULL, id);
	add_services(arena, to, did, services);
}

static void add_proof(struct tally_share_call *call, const struct tally_share_object *did,
		      struct tally_bytes proof)
{
	struct tally_node *to = tally_add_object(call->arena, call->reply, "proof");

	if (proof.size == 0)
		return;
	tally_add_str(call->arena, to, "creator", key_id(call->arena, did->a));
	tally_add_str(call->arena, to, "type", "EcdsaSecp256r1Signature2019");
	tally_share_add_time(call->arena, to, "created", did->update_ms);
	tally_add_text(call->arena, to, "signatureValue", proof);
}

/* The document as of the object's last change. */
static int reply_document(struct tally_share_call *call, const struct tally_share_object *did,
			  struct tally_err *err)
{
	struct json_object *whole, *services;

	if (tally_share_open(call, did->content, "service", &whole, &services, err) != 0)
		return -1;
	add_document(call->arena, call->reply, did->a, did->point, services);
	tally_add_str(call->arena, call->reply, "recovery", "");
	add_proof(call, did, tally_share_member(call, whole, "proof"));
	json_object_put(whole);
	tally_share_add_time(call->arena, call->reply, "created", did->create_ms);
	if (did->last == did->created)
		tally_add_str(call->arena, call->reply, "updated", "");
	else
		tally_share_add_time(call->arena, call->reply, "updated", did->update_ms);
	tally_add_str(call->arena, call->reply, "status", tally_share_state_name(did->state));
	return 0;
}

/* ---- changes ---- */

/* {"service":[...],"proof":"..."}; list may be NULL. */
static int make_content(struct tally_share_call *call, struct tally_bytes did,
			struct json_object *list, struct tally_bytes *content_r,
			struct tally_err *err)
{
	struct tally_node *document = tally_node_object(call->arena);
	struct tally_node *node = tally_node_object(call->arena);
	uint8_t signature[TALLY_MEMBER_SIGNATURE];

	if (list != NULL)
		tally_share_add_json(call->arena, node, "service", list);
	else
		tally_add_list(call->arena, node, "service", "item");
	if (call->private != NULL) {
		add_document(call->arena, document, did, call->cert.point, list);
		if (tally_member_sign(KEY_TYPE_SECP256R1, call->private,
				      tally_encode_json(call->arena, document), signature, err) != 0)
			return -1;
		tally_add_str(call->arena, node, "proof",
			      tally_base64_encode(call->arena,
						  tally_bytes(signature, sizeof(signature))));
	}
	*content_r = tally_encode_json(call->arena, node);
	return 0;
}

static int register_did(struct tally_share_call *call, struct json_object *services,
			struct tally_err *err)
{
	char did[TALLY_DID_MAX + 1], hex[2 * 65 + 1];
	struct tally_share_change change;
	struct tally_share_done done;

	tally_share_did(call->settings->did_method, call->cert.point, did);
	tally_hex_encode(call->cert.point, 65, hex);
	tally_share_begin(call, "register-did", &change);
	change.caller = tally_bytes_str(did);
	tally_share_say(&change, "did", tally_bytes_str(did));
	tally_share_say(&change, "key", tally_bytes_str(hex));
	if (make_content(call, change.caller, services, &change.content, err) != 0 ||
	    tally_share_run(call, &change, &done, err) != 0)
		return -1;
	tally_add_text(call->arena, call->reply, "did",
		       tally_arena_bytes(call->arena, tally_bytes_str(did)));
	return 0;
}

int tally_share_register_did(struct tally_share_call *call, struct tally_err *err)
{
	return register_did(call, NULL, err);
}

int tally_share_register_firm_did(struct tally_share_call *call, struct tally_err *err)
{
	struct json_object *services = tally_share_value(call, "service")->json;

	if (json_object_array_length(services) == 0)
		return tally_err_about(err, TALLY_INVALID, "Service", "there is none");
	if (check_services(call, services, err) != 0)
		return -1;
	return register_did(call, services, err);
}

int tally_share_update_did(struct tally_share_call *call, struct tally_err *err)
{
	struct json_object *services = tally_share_value(call, "service")->json;
	struct tally_bytes did = tally_share_text(call, "did");
	struct tally_share_object object;
	struct tally_share_change change;
	struct tally_share_done done;

	if ((services != NULL && check_services(call, services, err) != 0) ||
	    tally_share_need(call, SHARE_DID, did, TALLY_BYTES_NONE, &object, err) != 0 ||
	    tally_share_must_be(call, did, err) != 0)
		return -1;
	tally_share_begin(call, "update-did", &change);
	tally_share_say(&change, "did", did);
	if (make_content(call, did, services, &change.content, err) != 0 ||
	    tally_share_run(call, &change, &done, err) != 0 ||
	    tally_share_need(call, SHARE_DID, did, TALLY_BYTES_NONE, &object, err) != 0)
		return -1;
	return reply_document(call, &object, err);
}

int tally_share_query_did(struct tally_share_call *call, struct tally_err *err)
{
	struct tally_share_object object;

	if (tally_share_need(call, SHARE_DID, tally_share_text(call, "did"), TALLY_BYTES_NONE, &object,
			     err) != 0)
		return -1;
	return reply_document(call, &object, err);
}

/* ---- for resolvers ---- */

/* RFC 4648 section 5, without padding. */
static const char *base64url(struct tally_arena *arena, const uint8_t *data, size_t size)
{
	char *text = tally_base64_encode(arena, tally_bytes(data, size));

	for (char *c = text; *c != '\0'; c++)
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c == '=' ? '\0' : *c;
	return text;
}

/* W3C DID Core 1.0 with a JsonWebKey2020. */
static void add_resolved(struct tally_arena *arena, struct tally_node *to,
			 const struct tally_share_object *did, struct json_object *services)
{
	const char *id = key_id(arena, did->a);
	struct tally_node *list = tally_add_list(arena, to, "@context", "item"), *key, *jwk;

	tally_add_str(arena, list, NULL, "https://www.w3.org/ns/did/v1");
	tally_add_str(arena, list, NULL, "https://w3id.org/security/suites/jws-2020/v1");
	tally_add_text(arena, to, "id", did->a);
	list = tally_add_list(arena, to, "verificationMethod", "item");
	key = tally_add_object(arena, list, NULL);
	tally_add_str(arena, key, "id", id);
	tally_add_str(arena, key, "type", "JsonWebKey2020");
	tally_add_text(arena, key, "controller", did->a);
	jwk = tally_add_object(arena, key, "publicKeyJwk");
	tally_add_str(arena, jwk, "kty", "EC");
	tally_add_str(arena, jwk, "crv", "P-256");
	tally_add_str(arena, jwk, "x", base64url(arena, did->point + 1, 32));
	tally_add_str(arena, jwk, "y", base64url(arena, did->point + 33, 32));
	list = tally_add_list(arena, to, "authentication", "item");
	tally_add_str(arena, list, NULL, id);
	add_services(arena, to, did->a, services);
}

static int resolve(struct tally_share_call *call, struct tally_bytes did, struct tally_err *err)
{
	struct tally_share_object object;
	struct json_object *whole, *services;
	int found = tally_share_find(call->core, call->ledger_id, SHARE_DID, did, TALLY_BYTES_NONE,
				     call->arena, &object, err);

	if (found != 1)
		return found;
	if (tally_share_open(call, object.content, "service", &whole, &services, err) != 0)
		return -1;
	add_resolved(call->arena, call->reply, &object, services);
	json_object_put(whole);
	return 1;
}

int tally_share_resolve(struct tally_core *core, const struct tally_reach *reach,
			struct tally_bytes channel, struct tally_bytes did,
			struct tally_arena *arena, struct tally_node **node_r,
			struct tally_err *err)
{
	struct tally_share_call call = { .core = core, .arena = arena,
					 .reply = tally_node_object(arena) };
	struct tally_ledger_info info;
	struct tally_channel found_channel;
	int found = tally_channel_find(core, channel, arena, &found_channel, err);

	if (found == 1)
		found = tally_ledger_describe(core, found_channel.ledger_id, arena, &info, err);
	if (found != 1 || info.status != LEDGER_NORMAL || !info.public_read)
		return found < 0 ? -1 : 0;
	if (tally_access_check(core, found_channel.ledger_id, reach, err) != 0)
		return -1;
	call.ledger_id = found_channel.ledger_id;
	*node_r = call.reply;
	return resolve(&call, did, err);
}
