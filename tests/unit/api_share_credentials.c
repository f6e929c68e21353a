/*
 * Credentials of the data-sharing family as their callers see them: the whole way from an application to
 * a credential that is verified, what schemas refuse, what everybody else may not and no state allows,
 * credentials that are not what they say, what stands on the ledger of it, and the golden vectors.
 */
#include "config.h"

#include <stdlib.h>

#include "audit.h"
#include "buf.h"
#include "credentials.h"
#include "envelope.h"
#include "mem.h"
#include "objects.h"
#include "secret.h"
#include "share_world.h"
#include "vectors.h"

#define SCHEMA "/v1/identity/credential-schema"
#define QUERY_SCHEMA "/v1/identity/query-credential-schema"
#define APPLY "/v1/identity/apply-vc"
#define ANSWER "/v1/identity/vc-order"
#define ORDER "/v1/identity/query-vc-order"
#define ORDERS "/v1/identity/query-vc-orders"
#define ISSUE "/v1/identity/issue-vc"
#define QUERY "/v1/identity/query-vc"
#define VERIFY "/v1/identity/verify-vc"

#define PASSPORT "my passport\nis number 12345"
#define DATA "{\"name\":\"Bob B.\",\"age\":18}"
#define DATA_WORD "data=" DATA

static const char *order_index;		/* of Bob's application to Alice */

/* %A, %B and %C are the DIDs of Alice, Bob and Carol; %O is Bob's application. */
static const char *fill_in(const char *words)
{
	const char *at = strchr(words, '%');
	const char *made;

	if (at == NULL)
		return words;
	made = at[1] == 'A' ? share.alice.did : at[1] == 'B' ? share.bob.did :
	       at[1] == 'C' ? share.carol.did : order_index;
	return fill_in(text("%.*s%s%s", (int)(at - words), words, made, at + 2));
}

static void ask(const struct person *who, const char *path, const char *words)
{
	share_ask(who, "POST", path, fill_in(words));
}

static void good(const struct person *who, const char *path, const char *words)
{
	ask(who, path, words);
	share_ok();
}

static void refused(const struct person *who, const char *path, const char *words, const char *code)
{
	uint64_t state = share_state();

	ask(who, path, words);
	share_refused(state, 500, code);
}

static void says(const char *word)
{
	const char *message = share_reply("errorMsg");

	if (message == NULL || strstr(message, word) == NULL)
		FAIL("\"%s\" does not say \"%s\"", message != NULL ? message : "", word);
}

static struct tally_bytes ledger_id(void)
{
	return tally_bytes_str(share.ledger.ledger_id);
}

#define SERVICE "{\"type\":\"VerifiableCredentialService\",\"serviceEndpoint\":\"https://example.com/\"}"

static void everybody_registers(void)
{
	share_register(&share.bob);
	share_ask(&share.alice, "POST", "/v1/identity/firm-did", "service:=[" SERVICE "," SERVICE "]");
	share_ok();
	share.alice.did = share_reply("did");
	share_ask(&share.carol, "POST", "/v1/identity/firm-did", "service:=[" SERVICE "]");
	share_ok();
	share.carol.did = share_reply("did");
}

/* ---- schemas ---- */

#define ATTRIBUTES "attributes:=[{\"name\":\"name\",\"type\":\"string\",\"description\":\"the name\"}," \
		   "{\"name\":\"age\",\"type\":\"integer\"}]"

static void schemas(void)
{
	good(&share.alice, SCHEMA, "issuer=%A|identifier=ID_Card|title=Identity card|" ATTRIBUTES);
	CHECK_STR(share_reply("schemaIndex"), fill_in("%A_ID_Card"));
	CHECK_STR(share_reply("credentialSchema.creator"), share.alice.did);
	CHECK_STR(share_reply("credentialSchema.version"), "1");
	good(&share.alice, SCHEMA, "issuer=%A|identifier=ID_Card|title=Second|" ATTRIBUTES);
	CHECK_STR(share_reply("credentialSchema.version"), "2");
	good(&share.carol, QUERY_SCHEMA, "schemaIndex=%A_ID_Card");
	CHECK_STR(share_reply("creator"), share.alice.did);
	CHECK_STR(share_reply("identifier"), "ID_Card");
	CHECK_STR(share_reply("title"), "Second");
	CHECK_STR(share_reply("version"), "2");
	CHECK_STR(share_reply("attributes.0.name"), "name");
	CHECK_STR(share_reply("attributes.0.type"), "string");
	CHECK_STR(share_reply("attributes.0.description"), "the name");
	CHECK_STR(share_reply("attributes.1.name"), "age");
	CHECK_STR(share_reply("attributes.1.description"), "");
	CHECK(strstr(text("%.*s", (int)share.response.body.size, (const char *)share.response.body.data),
		     "\"version\":2") != NULL);	/* a number */
	good(&share.alice, SCHEMA, "issuer=%A|identifier=any");
	CHECK_STR(share_reply("credentialSchema.attributes"), "[ ]");
	good(&share.carol, SCHEMA, "issuer=%C|identifier=ID_Card|attributes:=[{\"name\":\"x\","
				   "\"type\":\"boolean\"}]");
	CHECK_STR(share_reply("credentialSchema.version"), "1");
}

static void schemas_that_are_none(void)
{
	static const char *const wrong[] = {
		"[{}]", "[{\"name\":\"a\"}]", "[{\"type\":\"string\"}]",
		"[{\"name\":\"\",\"type\":\"string\"}]", "[{\"name\":1,\"type\":\"string\"}]",
		"[{\"name\":\"a\\u0007\",\"type\":\"string\"}]", "[{\"name\":\"a\",\"type\":\"text\"}]",
		"[{\"name\":\"a\",\"type\":\"String\"}]", "[{\"name\":\"a\",\"type\":[]}]",
		"[{\"name\":\"a\",\"type\":\"null\"}]",
		"[{\"name\":\"a\",\"type\":\"string\",\"description\":1}]",
		"[{\"name\":\"a\",\"type\":\"string\"},{\"name\":\"a\",\"type\":\"number\"}]",
	};
	const char *many = "[{\"name\":\"a0\",\"type\":\"string\"}";

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		CASE("%s", wrong[i]);
		refused(&share.alice, SCHEMA, text("issuer=%%A|identifier=new|attributes:=%s", wrong[i]),
			"BCS.5002046");
		says("attributes");
	}
	for (unsigned int i = 1; i < 65; i++) {
		if (i == 64)
			good(&share.alice, SCHEMA,
			     text("issuer=%%A|identifier=many|attributes:=%s]", many));
		many = text("%s,{\"name\":\"a%u\",\"type\":\"string\"}", many, i);
	}
	refused(&share.alice, SCHEMA, text("issuer=%%A|identifier=many|attributes:=%s]", many),
		"BCS.5002046");
	refused(&share.bob, SCHEMA, "issuer=%A|identifier=ID_Card|" ATTRIBUTES, "BCS.5002904");
	refused(&share.bob, QUERY_SCHEMA, "schemaIndex=%A_none", "BCS.5002902");
	refused(&share.bob, QUERY_SCHEMA, "schemaIndex=%A", "BCS.5002902");
	refused(&share.bob, QUERY_SCHEMA, "schemaIndex=none", "BCS.5002902");
	refused(&share.bob, QUERY_SCHEMA, "schemaIndex=%A_", "BCS.5002902");
	refused(&share.bob, QUERY_SCHEMA, "schemaIndex:=1", "BCS.5002902");
	refused(&share.bob, QUERY_SCHEMA, "schemaIndex:=[]", "BCS.5002046");
}

/* Every type against every value, and what is missing or too much. */
static void data_by_its_schema(void)
{
	static const char *const types[] = { "string", "number", "integer", "boolean", "object", "array" };
	static const struct {
		const char *value, *types;	/* of these types, by their place */
	} values[] = {
		{ "\"\"", "0" }, { "\"1\"", "0" }, { "1", "12" }, { "-7", "12" }, { "1.5", "1" },
		{ "1e3", "1" }, { "1.0", "1" }, { "18446744073709551616", "12" }, { "true", "3" },
		{ "false", "3" }, { "{}", "4" }, { "{\"a\":[1]}", "4" }, { "[]", "5" },
		{ "[{}]", "5" }, { "null", "" },
	};
	unsigned int made = 0;

	for (size_t t = 0; t < 6; t++) {
		good(&share.alice, SCHEMA,
		     text("issuer=%%A|identifier=of-%s|attributes:=[{\"name\":\"v\",\"type\":\"%s\"}]",
			  types[t], types[t]));
		for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
			const char *words = text("issuer=%%A|applyer=%%B|sequence=t%u|schemaIndex=%%A_of-%s|"
						 "data={\"v\":%s}", ++made, types[t], values[i].value);

			CASE("%s, %s", types[t], values[i].value);
			if (strchr(values[i].types, (char)('0' + t)) != NULL) {
				good(&share.alice, ISSUE, words);
				continue;
			}
			refused(&share.alice, ISSUE, words, "BCS.5002046");
			says("the attribute v is of another type");
		}
	}
}

static void data_that_does_not_follow(void)
{
	static const struct {
		const char *data, *word;
	} cases[] = {
		{ "{\"name\":\"x\"}", "the attribute age is missing" },
		{ "{\"age\":1}", "the attribute name is missing" },
		{ "{}", "the attribute name is missing" },
		{ "{\"name\":\"x\",\"age\":1,\"more\":2}", "the attribute more is not in the schema" },
		{ "{\"name\":\"x\",\"Age\":1,\"age\":1}", "the attribute Age is not in the schema" },
		{ "{\"name\":\"x\",\"age\":1,\"age\":2}", "no JSON object" },
		{ "{\"name\":\"x\",\"age\":1", "no JSON object" },
		{ "[]", "no JSON object" }, { "1", "no JSON object" }, { "name", "no JSON object" },
		{ "{\"name\":\"x\",\"age\":1}x", "no JSON object" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CASE("%s", cases[i].data);
		refused(&share.alice, ISSUE,
			text("issuer=%%A|applyer=%%B|sequence=1|schemaIndex=%%A_ID_Card|data=%s",
			     cases[i].data), "BCS.5002046");
		says(cases[i].word);
	}
	CASE("without attributes");
	good(&share.alice, ISSUE, "issuer=%A|applyer=%B|sequence=any|schemaIndex=%A_any|data={\"z\":[null]}");
	refused(&share.alice, ISSUE, "issuer=%A|applyer=%B|sequence=any2|schemaIndex=%A_any|data=[]",
		"BCS.5002046");
}

/* ---- the whole way ---- */

static void applied(void)
{
	json_object *body = share_common(&share.bob, true);

	share_words(body, fill_in("applyer=%B|serviceID=%A#service2"));
	json_object_object_add(body, "data", json_object_new_string(PASSPORT));
	share_send("POST", APPLY, share_text_of(body), NULL, (struct tally_request){ 0 });
	share_ok();
	order_index = share_reply("orderIndex");
	REQUIRE(order_index != NULL);
	CHECK_INT(strlen(order_index), strlen(share.bob.did) + 11);
	CHECK_INT(memcmp(order_index, share.bob.did, strlen(share.bob.did)), 0);
	CHECK_INT(order_index[strlen(share.bob.did)], '_');
}

static void an_application_is(const char *status)
{
	CHECK_STR(share_reply("applyer"), share.bob.did);
	CHECK_STR(share_reply("orderSeq"), order_index + strlen(share.bob.did) + 1);
	CHECK_INT(strlen(share_reply("applyTime")), 10);
	CHECK_STR(share_reply("price"), "0");
	CHECK_STR(share_reply("status"), status);
	CHECK_STR(share_reply("service"), fill_in("%A#service2"));
	CHECK_STR(share_reply("reason"), "");
	CHECK_STR(share_reply("lockProof"), "");
	CHECK_STR(share_reply("dataUri"), order_index);
	CHECK_STR(share_reply("uriType"), "index");
	CHECK_INT(strlen(share_reply("dataHash")), 64);
	CHECK_INT(strlen(share_reply("encryptedAesKey")), 168);
}

static void looked_at(void)
{
	good(&share.alice, ORDER, "orderIndex=%O");
	an_application_is("request");
	CHECK_STR(share_reply("vcIndex"), "");
	CHECK_STR(share_reply("data"), PASSPORT);
	good(&share.bob, ORDER, "orderIndex=%O");
	an_application_is("request");
	CHECK_STR(share_reply("data"), NULL);	/* it is for the issuer */
	CHECK(share_reply("encryptData") != NULL);
	share_ask_signed(&share.alice, "POST", ORDER, fill_in("orderIndex=%O"));
	share_ok();
	CHECK_STR(share_reply("data"), NULL);	/* with his key only */
	refused(&share.carol, ORDER, "orderIndex=%O", "BCS.5002904");
}

static unsigned int items(void)
{
	unsigned int count = 0;

	while (share_reply(text("items.%u", count)) != NULL)
		count++;
	return count;
}

static void open_applications(void)
{
	good(&share.alice, ORDERS, "");
	CHECK_INT(items(), 1);
	CHECK_STR(share_reply("items.0.orderSeq"), order_index + strlen(share.bob.did) + 1);
	CHECK_STR(share_reply("items.0.status"), "request");
	CHECK_STR(share_reply("items.0.vcIndex"), "");
	good(&share.alice, ORDERS, "serviceID=%A#service2");
	CHECK_INT(items(), 1);
	good(&share.alice, ORDERS, "serviceID=%A#service1");
	CHECK_INT(items(), 0);
	CHECK_STR(share_reply("items"), "[ ]");
	good(&share.carol, ORDERS, "");
	CHECK_INT(items(), 0);
	good(&share.bob, ORDERS, "");
	CHECK_INT(items(), 0);
	refused(&share.bob, ORDERS, "serviceID=%A#service2", "BCS.5002904");
	refused(&share.alice, ORDERS, "serviceID=%A#service3", "BCS.5002902");
	refused(&share.alice, ORDERS, "serviceID=%A", "BCS.5002902");
	refused(&share.alice, ORDERS, "serviceID:=1", "BCS.5002902");
	refused(&share.alice, ORDERS, "serviceID:={}", "BCS.5002046");
	refused(&share.bob, ORDERS, "serviceID=%B#service1", "BCS.5002902");
}

#define INFO "credentialInfo:={\"applyer\":\"%B\",\"issuer\":\"%A\",\"sequence\":\"x0_1\"," \
	     "\"schemaIndex\":\"%A_ID_Card\",\"expirationDate\":\"9999999999\"," \
	     "\"data\":\"{\\\"name\\\":\\\"Bob B.\\\",\\\"age\\\":18}\"}"

static void issued(void)
{
	good(&share.alice, ISSUE, INFO);
	CHECK_STR(share_reply("vcIndex"), fill_in("%A_x0_1"));
	refused(&share.alice, ISSUE, INFO, "BCS.5002903");
	good(&share.alice, ISSUE, "issuer=%A|applyer=%B|sequence=top|schemaIndex=%A_ID_Card|" DATA_WORD);
	CHECK_STR(share_reply("vcIndex"), fill_in("%A_top"));
	good(&share.alice, ISSUE,
	     "issuer=%A|applyer=%C|sequence=of-carol|schemaIndex=%C_ID_Card|data={\"x\":true}");
	good(&share.alice, ISSUE,
	     "issuer=%A|applyer=%B|sequence=number|schemaIndex=%A_ID_Card|expirationDate:=4102444800|"
	     DATA_WORD);
	/* what stands beside credentialInfo is not looked at */
	refused(&share.alice, ISSUE, "credentialInfo:={}|issuer=%A|applyer=%B|sequence=s|"
		"schemaIndex=%A_ID_Card|" DATA_WORD, "BCS.5002046");
	says("applyer");
}

static void answered(void)
{
	good(&share.alice, ANSWER, "orderIndex=%O|vcIndex=%A_x0_1");
	CHECK_STR(share_reply("orderIndex"), order_index);
	CHECK_STR(share_reply("result"), "success");
	good(&share.bob, ORDER, "orderIndex=%O");
	an_application_is("ready");
	CHECK_STR(share_reply("vcIndex"), fill_in("%A_x0_1"));
	good(&share.alice, ORDERS, "");
	CHECK_INT(items(), 0);
	refused(&share.alice, ANSWER, "orderIndex=%O|vcIndex=%A_x0_1", "BCS.5002905");
	refused(&share.alice, ANSWER, "orderIndex=%O|vcIndex=%A_top", "BCS.5002905");
}

static void found(void)
{
	good(&share.carol, QUERY, "vcIndex=%A_x0_1");
	CHECK_STR(share_reply("context"), "https://www.w3.org/2018/credentials/v1");
	CHECK_STR(share_reply("sequence"), "x0_1");
	CHECK_STR(share_reply("type.0"), "VerifiableCredential");
	CHECK_STR(share_reply("type.1"), "ID_Card");
	CHECK_STR(share_reply("issuer"), share.alice.did);
	CHECK_INT(strlen(share_reply("issuanceDate")), 10);
	CHECK_STR(share_reply("expirationDate"), "9999999999");
	CHECK_STR(share_reply("credentialSubject.owner"), share.bob.did);
	CHECK_STR(share_reply("credentialSubject.type"), "professional");
	CHECK_STR(share_reply("credentialSubject.schemaID"), fill_in("%A_ID_Card"));
	CHECK_STR(share_reply("credentialSubject.dataURI"), fill_in("%A_x0_1"));
	CHECK_STR(share_reply("credentialSubject.uriType"), "index");
	CHECK_INT(strlen(share_reply("credentialSubject.encryptedAeskey")), 168);
	CHECK_INT(strlen(share_reply("credentialSubject.dataHash")), 64);
	CHECK_STR(share_reply("revocation.id"), "");
	CHECK_STR(share_reply("revocation.type"), "");
	CHECK_STR(share_reply("proof.type"), "EcdsaSecp256r1Signature2019");
	CHECK_STR(share_reply("proof.creator"), fill_in("%A#key-0"));
	CHECK_STR(share_reply("data"), NULL);
	good(&share.bob, QUERY, "vcIndex=%A_x0_1");
	CHECK_STR(share_reply("data"), DATA);
	share_ask_signed(&share.bob, "POST", QUERY, fill_in("vcIndex=%A_x0_1"));
	share_ok();
	CHECK_STR(share_reply("data"), NULL);
	good(&share.bob, QUERY, "vcIndex=%A_top");
	CHECK_STR(share_reply("expirationDate"), "");
	good(&share.bob, QUERY, "vcIndex=%A_number");
	CHECK_STR(share_reply("expirationDate"), "4102444800");
	refused(&share.bob, QUERY, "vcIndex=%A_none", "BCS.5002902");
	refused(&share.bob, QUERY, "vcIndex=%B_x0_1", "BCS.5002902");
	refused(&share.bob, QUERY, "vcIndex:=1", "BCS.5002902");
	refused(&share.bob, QUERY, "vcIndex=1", "BCS.5002902");
}

/* As doc/formats.md has it, from its parts alone. */
static struct tally_bytes context_of(const char *const *parts)
{
	struct tally_buf buf = { 0 };
	struct tally_bytes bytes;

	tally_buf_add_str(&buf, "tallystick share v1\n");
	for (; *parts != NULL; parts++) {
		tally_buf_add_u16(&buf, (uint16_t)strlen(*parts));
		tally_buf_add_str(&buf, *parts);
	}
	bytes = tally_arena_bytes(&world.arena, tally_buf_bytes(&buf));
	tally_buf_free(&buf);
	return bytes;
}

static struct tally_bytes opened(const struct person *who, const char *wrapped, const char *const *of_key,
				 const char *ciphertext, const char *const *of_data)
{
	struct tally_bytes key_bytes, bytes;
	uint8_t key[TALLY_DATA_KEY], *plain;

	CHECK(tally_base64_decode(&world.arena, tally_bytes_str(wrapped), &key_bytes));
	CHECK(tally_base64_decode(&world.arena, tally_bytes_str(ciphertext), &bytes));
	plain = tally_arena_alloc(&world.arena, bytes.size);
	CHECK_OK(tally_key_unwrap(who->private, context_of(of_key), key_bytes, key, &err));
	CHECK_OK(tally_data_open(key, context_of(of_data), bytes, plain, &err));
	return tally_bytes(plain, bytes.size - TALLY_DATA_OVERHEAD);
}

/* Whoever holds the key opens it at home, with the documents alone. */
static void opened_at_home(void)
{
	const char *of_key[] = { "credential", "mychannel", share.alice.did, "x0_1", share.bob.did, NULL };
	const char *of_data[] = { "credential-data", "mychannel", share.alice.did, "x0_1", NULL };
	const char *number = order_index + strlen(share.bob.did) + 1;
	const char *asked_key[] = { "application", "mychannel", share.bob.did, number,
				    fill_in("%A#service2"), NULL };
	const char *asked[] = { "application-data", "mychannel", share.bob.did, number, NULL };

	good(&share.carol, QUERY, "vcIndex=%A_x0_1");
	CHECK_BYTES(opened(&share.bob, share_reply("credentialSubject.encryptedAeskey"), of_key,
			   share_reply("encryptData"), of_data), TALLY_BYTES_LIT(DATA));
	good(&share.bob, ORDER, "orderIndex=%O");
	CHECK_BYTES(opened(&share.alice, share_reply("encryptedAesKey"), asked_key,
			   share_reply("encryptData"), asked), TALLY_BYTES_LIT(PASSPORT));
}

/* The proof signs the answer up to its type, and that is canonical. */
static void proofs_verify(void)
{
	struct tally_member_key key;
	struct tally_bytes signature, document;
	const char *end;

	good(&share.carol, QUERY, "vcIndex=%A_x0_1");
	document = share.response.body;
	end = memmem(document.data, document.size, ",\"proof\"", 8);
	REQUIRE(end != NULL);
	document = tally_bytes_str(text("%.*s}", (int)(end - (const char *)document.data),
					(const char *)document.data));
	CHECK_OK(tally_member_public(KEY_TYPE_SECP256R1, share.alice.private, &key, &err));
	REQUIRE(tally_base64_decode(&world.arena,
				    tally_bytes_str(share_reply("proof.signatureValue")), &signature));
	CHECK_INT(signature.size, 64);
	CHECK(tally_member_verify(&key, document, signature.data));
}

/* ---- verified ---- */

static void is_owned(const char *words, bool want)
{
	CASE("%s", words);
	good(&share.carol, VERIFY, words);
	CHECK_STR(share_reply("isOwned"), want ? "true" : "false");
}

static void verified(void)
{
	uint64_t state = share_state();

	is_owned("vcIndex=%A_x0_1|owner=%B", true);
	is_owned("vcIndex=%A_top|owner=%B", true);
	is_owned("vcIndex=%A_of-carol|owner=%C", true);
	is_owned("vcIndex=%A_of-carol|owner=%B", false);
	is_owned("vcIndex=%A_x0_1|owner=%C", false);
	is_owned("vcIndex=%A_x0_1|owner=%A", false);
	is_owned("vcIndex=%A_x0_1|owner=did:tally:none", false);
	is_owned("vcIndex=%A_none|owner=%B", false);
	is_owned("vcIndex=%B_x0_1|owner=%B", false);
	is_owned("vcIndex=%A_ID_Card|owner=%B", false);	/* a schema */
	is_owned("vcIndex:=0|owner=%B", false);
	is_owned("vcIndex=0|owner=%B", false);
	is_owned("vcIndex=_|owner=%B", false);
	CHECK(share_state() == state);
	ask(&share.carol, VERIFY, "vcIndex=%A_x0_1");
	share_refused(state, 400, "BCS.5002046");
	ask(&share.carol, VERIFY, "owner=%A");
	share_refused(state, 400, "BCS.5002046");
	ask(&share.carol, VERIFY, "vcIndex:={}|owner=%A");
	share_refused(state, 400, "BCS.5002046");
	ask(&share.carol, VERIFY, "vcIndex=%A_x0_1|owner=bob");
	share_refused(state, 400, "BCS.5002046");
	ask(&share.carol, VERIFY, "vcIndex=%A_x0_1|owner=%B|orgID=none");
	share_refused(state, 500, "BCS.4001051");
	share_send("POST", VERIFY, tally_arena_bytes(&world.arena, TALLY_BYTES_LIT("{")), NULL,
		   (struct tally_request){ 0 });
	share_refused(state, 400, "BCS.4006003");
}

/* What is wrong with a credential that its issuer, or another server, wrote as he liked. */
struct made {
	struct tally_share_credential credential;
	const struct person *signer;
	const char *ciphertext, *kept;	/* what its hash is of, what is kept */
	const char *member;		/* one more */
	bool no_proof;
	char hash[2 * TALLY_HASH_SIZE + 1];
};

static struct tally_bytes content_of(const struct made *made)
{
	struct tally_node *root = tally_node_object(&world.arena);
	struct tally_node *document = tally_add_object(&world.arena, root, "credential");
	uint8_t signature[64];

	tally_share_add_credential(&world.arena, document, &made->credential);
	CHECK_OK(tally_member_sign(KEY_TYPE_SECP256R1, made->signer->private,
				   tally_encode_json(&world.arena, document), signature, &err));
	if (made->member != NULL)
		tally_add_str(&world.arena, document, made->member, "1");
	tally_add_str(&world.arena, root, "proof",
		      made->no_proof ? "" : tally_base64_encode(&world.arena,
								tally_bytes(signature, 64)));
	tally_add_str(&world.arena, root, "data",
		      tally_base64_encode(&world.arena, tally_bytes_str(made->kept)));
	return tally_encode_json(&world.arena, root);
}

static void hash_of(struct made *made)
{
	uint8_t hash[TALLY_HASH_SIZE];

	tally_sha256(made->ciphertext, strlen(made->ciphertext), hash);
	tally_hex_encode(hash, sizeof(hash), made->hash);
	made->credential.data_hash = tally_bytes_str(made->hash);
}

/* As a server without these checks: the journal says what it must, and Alice signed it. */
static void write_credential(const char *sequence, const struct made *made)
{
	struct tally_share_change change = { .op = "issue-credential", .content = content_of(made) };
	const char *fields[][2] = { { "issuer", share.alice.did }, { "sequence", sequence },
				    { "owner", share.bob.did }, { "publisher", share.alice.did },
				    { "schema", "ID_Card" } };

	for (size_t i = 0; i < 5; i++)
		change.fields[change.field_count++] =
			(struct tally_share_field){ fields[i][0], tally_bytes_str(fields[i][1]) };
	share_change_by(&share.alice, &change);
}

enum { RIGHT, TOMORROW, YESTERDAY, EXPIRES_LATER, OTHER_SIGNER, NO_PROOF, OTHER_DATA, OTHER_HASH,
       ONE_MORE, OTHER_OWNER, OTHER_ISSUER, OTHER_SEQUENCE, OTHER_SCHEMA, WRONGS };

static void spoil(struct made *made, int wrong, uint64_t now_s)
{
	if (wrong == TOMORROW)
		made->credential.issued_s = now_s + 86400;
	if (wrong == YESTERDAY)
		made->credential.expires_s = now_s - 86400;
	if (wrong == EXPIRES_LATER)
		made->credential.expires_s = now_s + 86400;
	if (wrong == OTHER_SIGNER)
		made->signer = &share.bob;
	made->no_proof = wrong == NO_PROOF;
	if (wrong == OTHER_DATA)
		made->kept = "something else";
	if (wrong == OTHER_HASH)
		made->ciphertext = "something else";
	if (wrong == ONE_MORE)
		made->member = "zz";
	if (wrong == OTHER_OWNER)
		made->credential.owner = tally_bytes_str(share.carol.did);
	if (wrong == OTHER_ISSUER)
		made->credential.issuer = tally_bytes_str(share.carol.did);
	if (wrong == OTHER_SEQUENCE)
		made->credential.sequence = TALLY_BYTES_LIT("other");
	if (wrong == OTHER_SCHEMA)
		made->credential.schema_index = TALLY_BYTES_LIT("did:tally:x_y");
}

static void credentials_that_are_not_good(void)
{
	uint64_t now_s = tally_now_ms() / 1000;

	for (int wrong = RIGHT; wrong < WRONGS; wrong++) {
		const char *sequence = text("wrong%d", wrong);
		struct made made = {
			.credential = { .issuer = tally_bytes_str(share.alice.did),
					.sequence = tally_bytes_str(sequence),
					.owner = tally_bytes_str(share.bob.did),
					.schema = TALLY_BYTES_LIT("ID_Card"),
					.schema_index = tally_bytes_str(fill_in("%A_ID_Card")),
					.wrapped = TALLY_BYTES_LIT("AA=="), .issued_s = now_s - 10 },
			.signer = &share.alice, .ciphertext = "sealed", .kept = "sealed"
		};

		spoil(&made, wrong, now_s);
		hash_of(&made);
		write_credential(sequence, &made);
		is_owned(text("vcIndex=%%A_%s|owner=%%B", sequence),
			 wrong == RIGHT || wrong == EXPIRES_LATER);
	}
}

/* ---- who may not, and what no state allows ---- */

#define GOOD_ISSUE "issuer=%A|applyer=%B|sequence=new|schemaIndex=%A_ID_Card|" DATA_WORD

static void forbidden_and_wrong_state(void)
{
	static const struct {
		const char *who, *path, *words, *code;
	} cases[] = {
		{ "a", APPLY, "applyer=%B|serviceID=%A#service1", "BCS.5002904" },
		{ "b", APPLY, "applyer=%B|serviceID=%A#service3", "BCS.5002902" },
		{ "b", APPLY, "applyer=%B|serviceID=%A#service", "BCS.5002902" },
		{ "b", APPLY, "applyer=%B|serviceID=%A#service01", "BCS.5002902" },
		{ "b", APPLY, "applyer=%B|serviceID=%A", "BCS.5002902" },
		{ "b", APPLY, "applyer=%B|serviceID=did:tally:none#service1", "BCS.5002902" },
		{ "b", APPLY, "applyer=%B|serviceID=#service1", "BCS.5002902" },
		{ "b", APPLY, "applyer=%B|serviceID=%B#service1", "BCS.5002902" },
		{ "b", ISSUE, GOOD_ISSUE, "BCS.5002904" },
		{ "a", ISSUE, GOOD_ISSUE "|applyer=did:tally:none", "BCS.5002902" },
		{ "a", ISSUE, GOOD_ISSUE "|schemaIndex=%A_none", "BCS.5002902" },
		{ "a", ISSUE, GOOD_ISSUE "|schemaIndex=ID_Card", "BCS.5002902" },
		{ "a", ISSUE, GOOD_ISSUE "|schemaIndex=%A_x0_1", "BCS.5002902" },
		{ "a", ISSUE, GOOD_ISSUE "|sequence=x0_1", "BCS.5002903" },
		{ "a", ISSUE, GOOD_ISSUE "|expirationDate=1606720551", "BCS.5002046" },
		{ "a", ISSUE, GOOD_ISSUE "|expirationDate:=0", "BCS.5002046" },
		{ "a", ISSUE, GOOD_ISSUE "|expirationDate=10000000000", "BCS.5002046" },
		{ "a", ANSWER, "orderIndex=%B_1000000000|vcIndex=%A_top", "BCS.5002902" },
		{ "a", ANSWER, "orderIndex:=1|vcIndex=%A_top", "BCS.5002902" },
		{ "a", ANSWER, "orderIndex=%O|vcIndex:=0", "BCS.5002902" },
		{ "a", ANSWER, "orderIndex=%O|vcIndex=%A_none", "BCS.5002902" },
		{ "a", ANSWER, "orderIndex=%O|vcIndex=%A_of-carol", "BCS.5002046" },
		{ "a", ANSWER, "orderIndex=%O|vcIndex=%C_1", "BCS.5002904" },
		{ "c", ANSWER, "orderIndex=%O|vcIndex=%C_1", "BCS.5002904" },
		{ "b", ANSWER, "orderIndex=%O|vcIndex=%A_top", "BCS.5002904" },
		{ "a", ORDER, "orderIndex=%B_1000000000", "BCS.5002902" },
		{ "a", ORDER, "orderIndex=%B_1", "BCS.5002902" },
		{ "a", ORDER, "orderIndex:=1", "BCS.5002902" },
		{ "c", ORDER, "orderIndex=%O", "BCS.5002904" },
	};
	uint64_t state;

	good(&share.carol, ISSUE,
	     "issuer=%C|applyer=%B|sequence=1|schemaIndex=%A_ID_Card|" DATA_WORD);	/* by Alice's schema */
	good(&share.bob, APPLY, "applyer=%B|serviceID=%A#service1");
	order_index = share_reply("orderIndex");
	state = share_state();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CASE("%s %s %s", cases[i].who, cases[i].path, cases[i].words);
		ask(*cases[i].who == 'a' ? &share.alice : *cases[i].who == 'b' ? &share.bob : &share.carol,
		    cases[i].path, cases[i].words);
		share_refused(state, 500, cases[i].code);
	}
	good(&share.alice, ORDER, "orderIndex=%O");	/* one that says nothing */
	CHECK_STR(share_reply("dataUri"), "");
	CHECK_STR(share_reply("encryptedAesKey"), "");
	CHECK_STR(share_reply("uriType"), "");
	CHECK_STR(share_reply("dataHash"), "");
	CHECK_STR(share_reply("encryptData"), "");
	CHECK_STR(share_reply("data"), NULL);
}

static void ask_signed(const struct person *who, const char *path, const char *words)
{
	share_ask_signed(who, "POST", path, fill_in(words));
}

/* Whoever keeps his key can do all but issue, and say nothing in an application. */
static void without_the_key(void)
{
	uint64_t state = share_state();

	ask_signed(&share.alice, ISSUE, GOOD_ISSUE);
	share_refused(state, 500, "BCS.5002915");
	ask_signed(&share.bob, APPLY, "applyer=%B|serviceID=%A#service1|data=secret");
	share_refused(state, 500, "BCS.5002915");
	says("clear");
	ask_signed(&share.alice, SCHEMA, "issuer=%A|identifier=signed|" ATTRIBUTES);
	share_ok();
	ask_signed(&share.bob, APPLY, "applyer=%B|serviceID=%A#service1");
	share_ok();
	order_index = share_reply("orderIndex");
	ask_signed(&share.alice, ANSWER, "orderIndex=%O|vcIndex=%A_top");
	share_ok();
	ask_signed(&share.alice, ORDERS, "serviceID=%A#service1");
	share_ok();
	CHECK_INT(items(), 1);
	ask_signed(&share.bob, QUERY_SCHEMA, "schemaIndex=%A_signed");
	share_ok();
	ask_signed(&share.bob, VERIFY, "vcIndex=%A_top|owner=%B");
	share_ok();
	CHECK_STR(share_reply("isOwned"), "true");
}

/* Who is vouched for and has no DID can look at what is for everyone, and change nothing. */
static void without_a_did(void)
{
	struct person dave = { .did = NULL };

	REQUIRE(world_person("dave", 0x64, &dave));
	refused(&dave, SCHEMA, "issuer=%A|identifier=x", "BCS.5002913");
	refused(&dave, APPLY, "applyer=%A|serviceID=%A#service1", "BCS.5002913");
	refused(&dave, ANSWER, "orderIndex=%O|vcIndex=%A_top", "BCS.5002913");
	refused(&dave, ORDER, "orderIndex=%O", "BCS.5002913");
	refused(&dave, ORDERS, "", "BCS.5002913");
	refused(&dave, ISSUE, GOOD_ISSUE, "BCS.5002913");
	good(&dave, QUERY, "vcIndex=%A_top");
	good(&dave, QUERY_SCHEMA, "schemaIndex=%A_signed");
	good(&dave, VERIFY, "vcIndex=%A_top|owner=%B");
}

/* 128 bytes are a name; and a DID is what stands before the first '_'. */
static void long_names(void)
{
	const char *longest = "0123456789_123456789012345678901234567890123456789012345678901234567"
			      "8901234567890123456789012345678901234567890123456789012345678";

	REQUIRE(strlen(longest) == 129);
	longest++;
	good(&share.alice, SCHEMA, text("issuer=%%A|identifier=%s", longest));
	good(&share.alice, ISSUE, text("issuer=%%A|applyer=%%B|sequence=%s|schemaIndex=%%A_%s|data={}",
				       longest, longest));
	CHECK_STR(share_reply("vcIndex"), fill_in(text("%%A_%s", longest)));
	good(&share.bob, QUERY, text("vcIndex=%%A_%s", longest));
	CHECK_STR(share_reply("sequence"), longest);
	is_owned(text("vcIndex=%%A_%s|owner=%%B", longest), true);
	refused(&share.bob, QUERY, text("vcIndex=%%A_%s0", longest), "BCS.5002902");
}

/* Sent again by a relay, an application is one, and answered with the same index. */
static void sent_again(void)
{
	json_object *body = share_common(&share.bob, true);
	struct tally_request how;
	struct tally_bytes bytes, copy;
	const char *first;
	uint64_t state;

	share_words(body, fill_in("applyer=%B|serviceID=%A#service1|data=once"));
	bytes = share_text_of(body);
	copy = tally_arena_bytes(&world.arena, bytes);
	how = (struct tally_request){
		.arena = &world.arena, .method = TALLY_BYTES_LIT("POST"), .path = TALLY_BYTES_LIT(APPLY),
		.body = bytes, .client = TALLY_BYTES_LIT("127.0.0.1"), .id = { 7, 8, 9 }
	};
	tally_service_handle(world.service, &how, &share.response);
	share_ok();
	first = share_reply("orderIndex");
	state = share_state();
	how.body = copy;
	how.again = true;
	tally_service_handle(world.service, &how, &share.response);
	share_ok();
	CHECK_STR(share_reply("orderIndex"), first);
	CHECK(share_state() == state);
	order_index = first;
	good(&share.alice, ORDER, "orderIndex=%O");
	CHECK_STR(share_reply("data"), "once");
}

/* ---- what stands on the ledger ---- */

static int look_into(void *ctx, uint64_t space, const char *name, uint64_t blocks)
{
	static const char *const secrets[] = { "my passport", "Bob B.", "PRIVATE KEY" };

	(void)ctx;
	(void)name;
	for (uint64_t i = 0; i < blocks; i++) {
		struct tally_bytes bytes;

		CHECK_INT(tally_core_block_read(world.core, space, i, &world.arena, &bytes, &err), 1);
		for (size_t j = 0; j < 3; j++)
			CHECK(memmem(bytes.data, bytes.size, secrets[j], strlen(secrets[j])) == NULL);
		CHECK(memmem(bytes.data, bytes.size, share.alice.private, 32) == NULL);
	}
	return 0;
}

static void nothing_secret_is_stored(void)
{
	CHECK_OK(tally_core_spaces(world.core, look_into, NULL, &err));
}

static void occult(enum tally_share_kind kind, const char *index)
{
	struct tally_write write = { .caller = { .account = world.owner.account } };
	struct tally_share_object object;
	struct tally_receipt receipt;
	struct tally_bytes did, name;

	REQUIRE(tally_share_index_parts(tally_bytes_str(fill_in(index)), &did, &name));
	REQUIRE(tally_share_find(world.core, ledger_id(), kind, did, name, &world.arena, &object, &err) ==
		1);
	CHECK_OK(tally_journal_occult(world.core, &write, ledger_id(), object.content,
				      TALLY_BYTES_LIT("by order"), &receipt, &err));
}

/* Whether the store is as it was cannot be asked: certificates of erasures come when they come. */
static void is_removed(const struct person *who, const char *path, const char *words)
{
	ask(who, path, words);
	CHECK_INT(share.response.status, 500);
	CHECK_STR(share_reply("errorCode"), "BCS.5002920");
}

/* What was removed is told to be, verifies as nothing, and lists go on. */
static void removed_contents(void)
{
	good(&share.alice, ORDERS, "");
	CHECK_INT(items(), 2);
	occult(SHARE_APPLICATION, "%O");
	good(&share.alice, ORDERS, "");
	CHECK_INT(items(), 1);
	is_removed(&share.alice, ORDER, "orderIndex=%O");
	is_owned("vcIndex=%A_top|owner=%B", true);
	occult(SHARE_CREDENTIAL, "%A_top");
	is_owned("vcIndex=%A_top|owner=%B", false);
	is_removed(&share.bob, QUERY, "vcIndex=%A_top");
	occult(SHARE_SCHEMA, "%A_ID_Card");
	is_removed(&share.alice, QUERY_SCHEMA, "schemaIndex=%A_ID_Card");
	is_removed(&share.alice, ISSUE, GOOD_ISSUE);
	is_owned("vcIndex=%A_x0_1|owner=%B", true);
}

static int finding(void *ctx, const struct tally_audit_finding *found_one)
{
	(void)ctx;
	FAIL("%s", found_one->text);
	return 0;
}

static void audited(void)
{
	struct tally_audit_options options = { .threads = 1, .found = finding, .core = world.core };
	struct tally_audit_source source;

	tally_core_stores(world.core, &options.blocks, &options.index);
	CHECK_OK(tally_audit_store_open(options.blocks, world.core, &source, &err));
	CHECK_OK(tally_audit(&options, &source, &err));
	tally_audit_store_free(&source);
}

/* ---- golden vectors ---- */

static struct tally_bytes hex_of(json_object *object, const char *name)
{
	const char *hex = vectors_text(object, name);
	uint8_t *data = tally_arena_alloc(&world.arena, strlen(hex) / 2 + 1);

	vectors_hex(hex, data, strlen(hex) / 2);
	return tally_bytes(data, strlen(hex) / 2);
}

static struct tally_bytes context_in(json_object *vector)
{
	json_object *list = vectors_member(vector, "context");
	const char *parts[8] = { NULL };

	for (size_t i = 0; i < json_object_array_length(list) && i < 7; i++)
		parts[i] = json_object_get_string(json_object_array_get_idx(list, i));
	return context_of(parts);
}

static void sealed_as(json_object *data, json_object *key, const char **hash_r, const char **wrapped_r)
{
	struct tally_bytes plain = hex_of(data, "plain"), envelope = hex_of(data, "envelope");
	uint8_t *sealed = tally_arena_alloc(&world.arena, plain.size + TALLY_DATA_OVERHEAD);
	uint8_t wrapped[TALLY_WRAPPED_KEY];
	struct tally_share_call call = { .arena = &world.arena };
	struct tally_member_key public;

	tally_data_seal_with(hex_of(data, "key").data, context_in(data), plain,
			     hex_of(data, "nonce").data, sealed);
	CHECK_BYTES(tally_bytes(sealed, plain.size + TALLY_DATA_OVERHEAD), envelope);
	*hash_r = tally_share_hash_text(&call, envelope);
	CHECK_OK(tally_member_public(KEY_TYPE_SECP256R1, hex_of(key, "private").data, &public, &err));
	CHECK_INT(tally_key_wrap_with(public.bytes, context_in(key), hex_of(data, "key").data,
				      hex_of(key, "ephemeral").data, hex_of(key, "nonce").data, wrapped), 0);
	CHECK_BYTES(tally_bytes(wrapped, sizeof(wrapped)), hex_of(key, "envelope"));
	*wrapped_r = tally_base64_encode(&world.arena, tally_bytes(wrapped, sizeof(wrapped)));
}

static void golden_one(json_object *vector)
{
	json_object *words = vectors_member(vector, "credential");
	const char *hash, *wrapped, *expires = vectors_text(words, "expires");
	struct tally_node *node = tally_node_object(&world.arena);
	struct tally_share_credential credential = {
		.issuer = vectors_bytes(words, "issuer"), .sequence = vectors_bytes(words, "sequence"),
		.owner = vectors_bytes(words, "owner"), .schema = vectors_bytes(words, "schema"),
		.schema_index = tally_share_index(&world.arena, vectors_bytes(words, "publisher"),
						  vectors_bytes(words, "schema")),
		.issued_s = strtoull(vectors_text(words, "issued"), NULL, 10),
		.expires_s = *expires != '\0' ? strtoull(expires, NULL, 10) : 0
	};
	struct tally_member_key public;
	struct tally_bytes document;
	uint8_t signature[64];

	sealed_as(vectors_member(vector, "data"), vectors_member(vector, "wrapped"), &hash, &wrapped);
	credential.data_hash = tally_bytes_str(hash);
	credential.wrapped = tally_bytes_str(wrapped);
	tally_share_add_credential(&world.arena, node, &credential);
	document = tally_encode_json(&world.arena, node);
	CHECK_BYTES(document, vectors_bytes(vector, "signed"));
	CHECK_OK(tally_member_sign(KEY_TYPE_SECP256R1, hex_of(vector, "private").data, document, signature,
				   &err));
	CHECK_BYTES(tally_bytes(signature, 64), hex_of(vector, "signature"));
	CHECK_OK(tally_member_public(KEY_TYPE_SECP256R1, hex_of(vector, "private").data, &public, &err));
	CHECK(tally_member_verify(&public, document, hex_of(vector, "signature").data));
}

static void golden(void)
{
	json_object *vectors = vectors_load("credentials.json");

	REQUIRE(json_object_array_length(vectors) > 1);
	for (size_t i = 0; i < json_object_array_length(vectors); i++) {
		CASE("credential %zu", i);
		golden_one(json_object_array_get_idx(vectors, i));
	}
	json_object_put(vectors);
}

int main(void)
{
	if (!share_open()) {
		printf("Bail out! %s\n", err.text);
		return 99;
	}
	TEST(everybody_registers);
	TEST(schemas);
	TEST(schemas_that_are_none);
	TEST(applied);
	TEST(looked_at);
	TEST(open_applications);
	TEST(data_that_does_not_follow);
	TEST(issued);
	TEST(answered);
	TEST(found);
	TEST(opened_at_home);
	TEST(proofs_verify);
	TEST(verified);
	TEST(data_by_its_schema);
	TEST(credentials_that_are_not_good);
	TEST(forbidden_and_wrong_state);
	TEST(without_the_key);
	TEST(without_a_did);
	TEST(long_names);
	TEST(sent_again);
	TEST(nothing_secret_is_stored);
	TEST(removed_contents);
	TEST(audited);
	TEST(golden);
	world_close();
	return tap_done();
}
