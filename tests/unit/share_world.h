/*
 * What tests of the data-sharing family stand on: a service over a real core, two organisations with
 * CAs of their own, a channel, and people with certificates. Requests are bodies with the six common
 * fields, made of words "name=value" (text) and "name:=json".
 */
#ifndef TALLY_SHARE_WORLD_H
#define TALLY_SHARE_WORLD_H

#include <json.h>

#include "api_world.h"
#include "cert.h"
#include "clock.h"
#include "endpoint.h"
#include "hash.h"
#include "member_key.h"
#include "p256.h"
#include "secret.h"
#include "share.h"

#define DAY_MS 86400000ull

struct person {
	uint8_t private[32];
	char *cert, *key;		/* PEM */
	const char *did;		/* once registered */
};

static struct {
	uint8_t ca_key[32], other_ca_key[32];
	char *ca, *other_ca;
	struct person alice, bob, carol;
	struct tally_ledger_created ledger;
	struct tally_response response;
	bool not_local, https;		/* of the next requests */
	const char *client;
} share;

static inline char *world_cert(const char *name, const uint8_t *key, const char *issuer,
			       const uint8_t *issuer_key, struct tally_cert_make how)
{
	char *pem = NULL;

	how.name = name;
	how.key = key;
	how.issuer_name = issuer;
	how.issuer_key = issuer_key;
	if (how.from_ms == 0)
		how.from_ms = tally_now_ms() - DAY_MS;
	if (how.until_ms == 0)
		how.until_ms = tally_now_ms() + DAY_MS;
	if (tally_cert_make(&how, &world.arena, &pem, &err) != 0)
		return NULL;
	return pem;
}

static inline bool world_person(const char *name, unsigned char seed, struct person *person)
{
	char pem[TALLY_MEMBER_PEM_TEXT];

	memset(person->private, seed, 32);
	person->cert = world_cert(name, person->private, "org1", share.ca_key,
				  (struct tally_cert_make){ .ca = false });
	if (person->cert == NULL ||
	    tally_member_pem_format(KEY_TYPE_SECP256R1, person->private, pem, &err) != 0)
		return false;
	person->key = tally_arena_str(&world.arena, tally_bytes_str(pem));
	return true;
}

static inline bool share_open(void)
{
	static const struct tally_write local = { .caller = { .local = true } };
	struct tally_ledger_create create = { .name = TALLY_BYTES_LIT("mychannel"),
					      .public_read = true,
					      .removal_policy = REMOVAL_ADMIN };
	struct tally_write write;

	if (!world_open())
		return false;
	write = (struct tally_write){ .caller = { .account = world.owner.account } };
	memset(share.ca_key, 0x51, 32);
	memset(share.other_ca_key, 0x52, 32);
	share.ca = world_cert("org1", share.ca_key, NULL, NULL,
			      (struct tally_cert_make){ .ca = true });
	share.other_ca = world_cert("org2", share.other_ca_key, NULL, NULL,
				    (struct tally_cert_make){ .ca = true });
	return share.ca != NULL && share.other_ca != NULL &&
	       tally_org_add(world.core, &local, TALLY_BYTES_LIT("org1"), tally_bytes_str(share.ca),
			     &err) == 0 &&
	       tally_org_add(world.core, &local, TALLY_BYTES_LIT("org2"),
			     tally_bytes_str(share.other_ca), &err) == 0 &&
	       tally_ledger_create(world.core, &write, &create, &share.ledger, &err) == 0 &&
	       tally_channel_add(world.core, &local, TALLY_BYTES_LIT("mychannel"),
				 tally_bytes_str(share.ledger.ledger_id), &err) == 0 &&
	       world_person("alice", 0x61, &share.alice) && world_person("bob", 0x62, &share.bob) &&
	       world_person("carol", 0x63, &share.carol);
}

/* ---- bodies ---- */

static inline json_object *share_common(const struct person *who, bool with_key)
{
	json_object *body = json_object_new_object();

	json_object_object_add(body, "orgID", json_object_new_string("org1"));
	json_object_object_add(body, "channelID", json_object_new_string("mychannel"));
	json_object_object_add(body, "cryptoMethod", json_object_new_string("SW"));
	json_object_object_add(body, "cert", json_object_new_string(who->cert));
	if (with_key)
		json_object_object_add(body, "sk", json_object_new_string(who->key));
	json_object_object_add(body, "timestamp",
			       json_object_new_string("2020-10-27T17:28:16+08:00"));
	return body;
}

/* "a=b" and "a:=[1]", words separated by '|'; "-a" takes a member out. */
static inline void share_words(json_object *body, const char *words)
{
	char *copy = tally_arena_str(&world.arena, tally_bytes_str(words)), *rest = copy, *word;

	while ((word = strsep(&rest, "|")) != NULL) {
		char *equals = strchr(word, '=');

		if (word[0] == '-')
			json_object_object_del(body, word + 1);
		if (equals == NULL || word[0] == '-')
			continue;
		*equals = '\0';
		if (equals > word && equals[-1] == ':') {
			equals[-1] = '\0';
			json_object_object_add(body, word, json_tokener_parse(equals + 1));
		} else {
			json_object_object_add(body, word, json_object_new_string(equals + 1));
		}
	}
}

/* In the world's arena, writable, as a gateway gives it. */
static inline struct tally_bytes share_text_of(json_object *body)
{
	struct tally_bytes bytes = tally_arena_bytes(
		&world.arena, tally_bytes_str(json_object_to_json_string_ext(
				      body, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)));

	json_object_put(body);
	return bytes;
}

static inline void share_send(const char *method, const char *path, struct tally_bytes body,
			      const char *signature, struct tally_request how)
{
	struct tally_header headers[3];
	struct tally_request request = how;

	request.arena = &world.arena;
	request.method = tally_bytes_str(method);
	request.path = tally_bytes_str(path);
	request.headers = headers;
	request.body = body;
	request.https = share.https;
	request.client = tally_bytes_str(share.client != NULL ? share.client : "127.0.0.1");
	if (signature != NULL)
		headers[request.header_count++] = (struct tally_header){
			TALLY_BYTES_LIT("x-bcs-signature-sign"), tally_bytes_str(signature) };
	tally_random(request.id, sizeof(request.id));
	tally_service_handle(world.service, &request, &share.response);
}

/* With the private key in the body. */
static inline void share_ask(const struct person *who, const char *method, const char *path,
			     const char *words)
{
	json_object *body = share_common(who, true);

	share_words(body, words);
	share_send(method, path, share_text_of(body), NULL, (struct tally_request){ 0 });
}

static inline const char *share_sign(const struct person *who, struct tally_bytes body)
{
	uint8_t signature[64];
	char text[TALLY_P256_TEXT], *hex = tally_arena_alloc(&world.arena, 2 * sizeof(text));

	if (tally_member_sign(KEY_TYPE_SECP256R1, who->private, body, signature, &err) != 0)
		return NULL;
	tally_p256_signature_format(signature, text);
	tally_hex_encode(text, strlen(text), hex);
	return hex;
}

/* The key stays here. */
static inline void share_ask_signed(const struct person *who, const char *method, const char *path,
				    const char *words)
{
	json_object *body = share_common(who, false);
	struct tally_bytes bytes;

	share_words(body, words);
	bytes = share_text_of(body);
	share_send(method, path, bytes, share_sign(who, bytes), (struct tally_request){ 0 });
}

/* ---- answers ---- */

/* A text, number or flag of the last answer, by the names on the way to it: "items.0.did"; NULL: there
 * is none. */
static inline const char *share_reply(const char *way)
{
	json_object *root = json_tokener_parse(tally_arena_str(&world.arena, share.response.body));
	json_object *at = root;
	char *copy = tally_arena_str(&world.arena, tally_bytes_str(way)), *rest = copy, *name;
	const char *found = NULL;

	while (at != NULL && (name = strsep(&rest, ".")) != NULL) {
		json_object *next = NULL;

		if (json_object_is_type(at, json_type_array))
			next = json_object_array_get_idx(at, (size_t)atoi(name));
		else
			json_object_object_get_ex(at, name, &next);
		at = next;
	}
	if (at != NULL)
		found = tally_arena_str(&world.arena,
					tally_bytes_str(json_object_get_string(at)));
	json_object_put(root);
	return found;
}

static inline void share_ok(void)
{
	if (share.response.status != 200)
		FAIL("status %d: %.*s", share.response.status, (int)share.response.body.size,
		     (const char *)share.response.body.data);
}

static inline int share_add_blocks(void *ctx, uint64_t space, const char *ledger_id,
				   uint64_t blocks)
{
	uint64_t numbers[] = { space, blocks };

	(void)ledger_id;
	tally_sha256_add(ctx, numbers, sizeof(numbers));
	return 0;
}

/* One number that changes with any block of any space. */
static inline uint64_t share_state(void)
{
	struct tally_sha256 sha;
	uint8_t hash[TALLY_HASH_SIZE];

	tally_sha256_init(&sha);
	CHECK_OK(tally_core_spaces(world.core, share_add_blocks, &sha, &err));
	tally_sha256_end(&sha, hash);
	return tally_get_u64(hash);
}

/* The answer is this error, and the store is as it was. */
static inline void share_refused(uint64_t state, int status, const char *code)
{
	const char *message = share_reply("errorMsg");

	CHECK_INT(share.response.status, status);
	CHECK_STR(share_reply("errorCode"), code);
	CHECK(message != NULL && strlen(message) >= 2 && strlen(message) <= 512);
	CHECK(share_state() == state);
}

/* A change as a server would make it that knows the rules of the ledger only: signed by who makes it. */
static inline void share_change_by(const struct person *who, struct tally_share_change *change)
{
	struct tally_write write = { .request_ms = tally_now_ms() };
	struct tally_member_key key;
	struct tally_share_done done;

	CHECK_OK(tally_member_public(KEY_TYPE_SECP256R1, who->private, &key, &err));
	memcpy(change->point, key.bytes, 65);
	change->private = who->private;
	change->caller = tally_bytes_str(who->did);
	CHECK_OK(tally_share_change(world.core, &write, tally_bytes_str(share.ledger.ledger_id), change,
				    &done, &err));
}

/* Registers, and keeps the DID. */
static inline void share_register(struct person *who)
{
	share_ask(who, "POST", "/v1/identity/did", "");
	share_ok();
	who->did = share_reply("did");
}

#endif
