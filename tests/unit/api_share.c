/*
 * The data-sharing family as its callers see it: every endpoint with each common field missing and
 * malformed, every certificate and key that is not good, what the rows of its parameters refuse, both
 * ways of signing; and the identities whole. Nothing that is refused changes anything, and no private
 * key is left in a body.
 */
#include "config.h"

#include <stdlib.h>

#include "mem.h"
#include "share_fault.h"
#include "share_world.h"

/* A good call of each endpoint that is available. */
static const struct {
	const char *name, *words;
} calls[] = {
	{ "RegisterDIDWithService",
	  "service:=[{\"type\":\"T\",\"serviceEndpoint\":\"https://example.com/\"}]" },
	{ "RegisterDID", "" },
	{ "UpdateDIDService", "did=%A" },
	{ "ShowDID", "did=%A" },
	{ "PublishDataset", "provider=%A|productName=n|productID=p1|sampleUrl=s|dataUrl=d|plainData=aGVsbG8=" },
	{ "DeleteDataset", "provider=%A|productID=p1" },
	{ "CloseDataset", "provider=%A|productID=p1" },
	{ "QueryDataset", "provider=%A|productID=p1" },
	{ "QueryDatasetByCond", "" },
	{ "ShareDataset", "provider=%A|productName=n|productID=p1|plainData=aGVsbG8=|consumer=%B|"
	  "onChainStore=true" },
	{ "GetDataPlaintext", "consumer=%A|orderSeq=1|onChainStore=true" },
	{ "QueryDatasetSharingProcess", "creatorDID=%A|processID=p" },
	{ "QueryDatasetSharingProcessList", "creatorDID=%A" },
	{ "ApplyOrder", "consumer=%A|orderSeq=1|provider=%B|productID=p1" },
	{ "AuthorizeDatasetOrder", "consumer=%A|orderSeq=1" },
	{ "DeleteDatasetOrder", "consumer=%A|orderSeq=1" },
	{ "UpdateDatasetOrder", "consumer=%A|orderSeq=1|orderStatus:=0" },
	{ "QueryDatasetOrder", "consumer=%A|orderSeq=1" },
	{ "QueryDatasetOrderByCond", "" },
	{ "PublishCredentialSchema", "identifier=card|issuer=%A" },
	{ "ShowVCSchema", "schemaIndex=%A_card" },
	{ "ApplyVerifiableCredential", "applyer=%A|serviceID=%B#service1" },
	{ "ConfirmOrder", "orderIndex=%B_1234567890|vcIndex=%A_1" },
	{ "ShowVCOrder", "orderIndex=%A_1234567890" },
	{ "ShowVCUntreatedOrder", "serviceID=%A#service1" },
	{ "IssueVerifiableCredential", "applyer=%B|issuer=%A|sequence=1|schemaIndex=%A_card|data={}" },
	{ "ShowVerifiableCredential", "vcIndex=%A_1" },
	{ "VerifyVerifiableCredential", "vcIndex=%A_1|owner=%B" },
};
#define CALLS (sizeof(calls) / sizeof(*calls))

/* %A and %B are the DIDs of Alice and Bob. */
static const char *fill_in(const char *words)
{
	const char *at = strchr(words, '%');
	const struct person *who;

	if (at == NULL)
		return words;
	who = at[1] == 'B' ? &share.bob : &share.alice;
	return fill_in(text("%.*s%s%s", (int)(at - words), words, who->did, at + 2));
}

static const char *words_of(const struct tally_share_endpoint *row)
{
	for (size_t i = 0; i < CALLS; i++)
		if (strcmp(calls[i].name, row->name) == 0)
			return fill_in(calls[i].words);
	FAIL("%s has no good call", row->name);
	return "";
}

/* One endpoint is documented with 400 for what is wrong with a request. */
static int status_of(const struct tally_share_endpoint *row, int status, const char *code)
{
	bool wrong = strcmp(code, "BCS.5002046") == 0 || strcmp(code, "BCS.4006003") == 0;

	return wrong && strcmp(row->name, "VerifyVerifiableCredential") == 0 ? 400 : status;
}

/* Each available endpoint, with words behind its good ones. */
static void refused_by_all(const char *words, int status, const char *code)
{
	const struct tally_share_endpoint *row;

	for (row = tally_share_endpoints; row->path != NULL; row++) {
		uint64_t state = share_state();

		if (row->run == NULL)
			continue;
		CASE("%s, %s", row->name, words);
		share_ask(&share.alice, row->method, row->path, text("%s|%s", words_of(row), words));
		share_refused(state, status_of(row, status, code), code);
	}
}

/* ---- the common fields ---- */

static void identities_for_the_rest(void)
{
	share_register(&share.alice);
	share_register(&share.bob);
	CHECK(share.alice.did != NULL && strncmp(share.alice.did, "did:tally:", 10) == 0);
}

static void common_fields(void)
{
	static const char *const names[] = { "orgID", "channelID", "cryptoMethod", "cert", "sk",
					     "timestamp" };

	for (size_t i = 0; i < 6; i++) {
		refused_by_all(text("-%s", names[i]), 500, "BCS.5002046");
		refused_by_all(text("%s=", names[i]), 500, "BCS.5002046");
		refused_by_all(text("%s:=null", names[i]), 500, "BCS.5002046");
		refused_by_all(text("%s:=1", names[i]), 500, "BCS.5002046");
		refused_by_all(text("%s:=[]", names[i]), 500, "BCS.5002046");
		refused_by_all(text("%s:={}", names[i]), 500, "BCS.5002046");
	}
	refused_by_all("orgID=org9", 500, "BCS.4001051");
	refused_by_all("orgID=a/b", 500, "BCS.4001051");
	refused_by_all("channelID=nowhere", 500, "BCS.4006012");
	refused_by_all("channelID=../x", 500, "BCS.4006012");
	refused_by_all("cryptoMethod=this is a demo", 500, "BCS.5002046");
	refused_by_all("timestamp=yesterday", 500, "BCS.5002046");
	refused_by_all("timestamp=2020-10-27T17:28:16", 500, "BCS.5002046");
	refused_by_all("timestamp=1603790896", 500, "BCS.5002046");
}

/* PEM as it is seen in JSON: with line feeds, with a backslash and an n, with CR LF, without its end. */
static void forms_of_pem(void)
{
	static const char *const forms[] = { "\n", "\\n", "\r\n", "\\r\\n" };

	for (size_t i = 0; i < 4; i++)
		for (int end = 0; end < 2; end++) {
			json_object *body = share_common(&share.alice, false);
			const char *names[] = { "cert", "sk" };
			const char *texts[] = { share.alice.cert, share.alice.key };

			for (size_t n = 0; n < 2; n++) {
				const char *made = "";

				for (const char *at = texts[n]; *at != '\0';) {
					size_t line = strcspn(at, "\n");

					made = text("%s%.*s%s", made, (int)line, at,
						    at[line + 1] == '\0' && end ? "" : forms[i]);
					at += line + 1;
				}
				json_object_object_add(body, names[n],
						       json_object_new_string(made));
			}
			share_words(body, text("did=%s", share.alice.did));
			CASE("form %zu, %d", i, end);
			share_send("POST", "/v1/identity/query-did", share_text_of(body), NULL,
				   (struct tally_request){ 0 });
			share_ok();
		}
}

/* ---- certificates and keys ---- */

static const char *as_json(const char *text_of)
{
	json_object *value = json_object_new_string(text_of);
	const char *made = text("%s", json_object_to_json_string_ext(value, 0));

	json_object_put(value);
	return made;
}

static void certificates(void)
{
	const uint8_t *key = share.alice.private;
	uint64_t now = tally_now_ms();
	const struct {
		const char *what, *cert, *code;
	} cases[] = {
		{ "words", "alice", "BCS.5002906" },
		{ "a private key", share.alice.key, "BCS.5002906" },
		{ "cut off", text("%.200s", share.alice.cert), "BCS.5002906" },
		{ "expired", world_cert("alice", key, "org1", share.ca_key,
					(struct tally_cert_make){ .until_ms = now - 60000 }),
		  "BCS.5002907" },
		{ "not yet", world_cert("alice", key, "org1", share.ca_key,
					(struct tally_cert_make){ .from_ms = now + 60000 }),
		  "BCS.5002907" },
		{ "not for signing", world_cert("alice", key, "org1", share.ca_key,
						(struct tally_cert_make){ .no_signing = true }),
		  "BCS.5002908" },
		{ "of another organisation", world_cert("alice", key, "org2", share.other_ca_key,
							(struct tally_cert_make){ .ca = false }),
		  "BCS.5002909" },
		{ "of nobody", world_cert("alice", key, NULL, NULL,
					  (struct tally_cert_make){ .ca = false }), "BCS.5002909" },
		{ "of a CA of the same name", world_cert("alice", key, "org1", share.other_ca_key,
							 (struct tally_cert_make){ .ca = false }),
		  "BCS.5002909" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		refused_by_all(text("cert:=%s", as_json(cases[i].cert)), 500, cases[i].code);
	/* good for org1, and named as org2's */
	refused_by_all("orgID=org2", 500, "BCS.5002909");
}

static const char *key_of(unsigned int type)
{
	uint8_t private[32];
	char pem[TALLY_MEMBER_PEM_TEXT];

	memset(private, 9, 32);
	CHECK_OK(tally_member_pem_format(type, private, pem, &err));
	return as_json(pem);
}

static void private_keys(void)
{
	refused_by_all("sk=no key", 500, "BCS.5002910");
	refused_by_all(text("sk:=%s", as_json(share.alice.cert)), 500, "BCS.5002910");
	refused_by_all(text("sk:=%s", as_json(text("%.90s", share.alice.key))), 500, "BCS.5002910");
	refused_by_all(text("sk:=%s", key_of(KEY_TYPE_SECP256K1)), 500, "BCS.5002910");
	refused_by_all(text("sk:=%s", key_of(KEY_TYPE_ED25519)), 500, "BCS.5002910");
	refused_by_all(text("sk:=%s", key_of(KEY_TYPE_SECP256R1)), 500, "BCS.5002911");
	refused_by_all(text("sk:=%s", as_json(share.bob.key)), 500, "BCS.5002911");
}

/* No byte of the key is left where it was, whatever becomes of the request. */
static void keys_are_wiped(void)
{
	static const struct {
		const char *words;
		int status;
	} cases[] = { { "did=%A", 200 }, { "did=did:none:x", 500 }, { "orgID=none", 500 },
		      { "cert=x", 500 }, { "-timestamp", 500 } };
	const char *line = strchr(share.alice.key, '\n') + 1;
	char secret[17];

	snprintf(secret, sizeof(secret), "%.16s", line + 48);	/* where the number stands */
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (int form = 0; form < 3; form++) {
			json_object *body = share_common(&share.alice, true);
			struct tally_bytes bytes;

			CASE("%s, %d", cases[i].words, form);
			share_words(body, fill_in(cases[i].words));
			bytes = share_text_of(body);
			if (form == 1)		/* no JSON any more */
				bytes.size--;
			if (form == 2)		/* "sk" with an escape */
				bytes = tally_arena_bytes(&world.arena, tally_bytes_str(text(
					"{\"s\\u006b\":%s}", as_json(share.alice.key))));
			REQUIRE(memmem(bytes.data, bytes.size, secret, 16) != NULL);
			share_send("POST", "/v1/identity/query-did", bytes, NULL,
				   (struct tally_request){ 0 });
			CHECK_INT(share.response.status, form == 0 ? cases[i].status : 500);
			CHECK(memmem(bytes.data, bytes.size, secret, 16) == NULL);
			CHECK(memmem(share.response.body.data, share.response.body.size, secret,
				     16) == NULL);
		}
}

/* ---- bodies ---- */

static void malformed_bodies(void)
{
	static const char *const bodies[] = {
		"", "{", "}", "[]", "null", "1", "\"x\"", "{\"a\":1,}", "{\"a\":1}x", "{a:1}",
		"{\"a\":1,\"a\":2}", "{\"sk\":\"a\",\"sk\":\"b\"}", "{\"cert\":\"a\",\"cert\":\"b\"}",
		"{\"plainData\":1}", "{\"plainData\":\"\",\"plainData\":\"\"}", "{\"x\":\"\\ud800\"}",
		"{\"x\":tru}", "\xff\xfe", "{\"x\":[[[[[[[[[[[[1]]]]]]]]]]]]}",
	};
	const struct tally_share_endpoint *row;

	for (row = tally_share_endpoints; row->path != NULL; row++)
		for (size_t i = 0; row->run != NULL && i < sizeof(bodies) / sizeof(*bodies); i++) {
			uint64_t state = share_state();

			CASE("%s %s", row->name, bodies[i]);
			share_send(row->method, row->path,
				   tally_arena_bytes(&world.arena, tally_bytes_str(bodies[i])), NULL,
				   (struct tally_request){ 0 });
			share_refused(state, status_of(row, 500, "BCS.4006003"), "BCS.4006003");
		}
}

static void broken_bodies(void)
{
	uint64_t state = share_state();

	share_send("POST", "/v1/identity/did", TALLY_BYTES_NONE, NULL,
		   (struct tally_request){ .body_too_large = true });
	share_refused(state, 500, "BCS.4000013");
	share_send("POST", "/v1/identity/did", TALLY_BYTES_NONE, NULL,
		   (struct tally_request){ .body_short = true });
	share_refused(state, 500, "BCS.5002901");
}

static void unknown_members_are_ignored(void)
{
	share_ask(&share.alice, "POST", "/v1/identity/query-did",
		  text("did=%s|more:={\"a\":[1,2,{\"b\":null}]}|none:=null|x=y", share.alice.did));
	share_ok();
}

/* ---- parameters ---- */

#define BYTES_64 "0123456789012345678901234567890123456789012345678901234567890123"

static const char *const wrong_values[][8] = {
	[SP_TEXT] = { "1", "[]", "{}", "true", "\"a\\u0007\"" },
	[SP_DID] = { "1", "[]", "{}", "\"x\"", "\"did:a b\"", "\"did:\\u00e4:x\"", "\"DID:tally:x\"" },
	[SP_NAME] = { "1", "[]", "{}", "\"a\\u000ab\"",
		      "\"0123456789012345678901234567890123456789012345678901234567890\"" },
	[SP_NUMBER_TEXT] = { "-1", "1.5", "[]", "true", "\"x\"", "\"-1\"", "\"01\"", "\"1e3\"" },
	[SP_NUMBER] = { "-1", "1.5", "[]", "true", "\"1\"", "99999999999" },
	[SP_FLAG] = { "1", "[]", "\"yes\"", "\"TRUE\"" },
	[SP_CHOICE] = { "1", "[]", "\"none\"", "\"Symmetric\"" },
	[SP_BASE64] = { "\"!\"", "\"YQ\"", "\"YR==\"" },
	[SP_LIST] = { "1", "{}", "\"x\"", "[1]", "[[]]", "[null]" },
	[SP_OBJECT] = { "1", "[]", "\"x\"" },
	[SP_LONG_NAME] = { "1", "[]", "{}", "\"a\\u000ab\"", "\"" BYTES_64 BYTES_64 "8\"" },
	[SP_INDEX] = { "-1", "1.5", "[]", "{}", "true", "\"a\\u0007\"" },
	[SP_DATA] = { "1", "[]", "{}", "true" },
	[SP_WITHIN] = { "1", "[]", "\"x\"" },
};

static void parameters(void)
{
	const struct tally_share_endpoint *row;
	const struct tally_share_param *param;
	int status;

	for (row = tally_share_endpoints; row->path != NULL; row++) {
		status = status_of(row, 500, "BCS.5002046");
		for (param = row->params; row->run != NULL && param->name != NULL; param++) {
			const char *const *wrong = wrong_values[param->type];
			uint64_t state = share_state();

			for (size_t i = 0; i < 8 && wrong[i] != NULL; i++) {
				CASE("%s %s:=%s", row->name, param->name, wrong[i]);
				share_ask(&share.alice, row->method, row->path,
					  text("%s|%s:=%s", words_of(row), param->name, wrong[i]));
				share_refused(state, status, "BCS.5002046");
			}
			if (!param->required)
				continue;
			CASE("%s without %s", row->name, param->name);
			share_ask(&share.alice, row->method, row->path,
				  text("%s|-%s", words_of(row), param->name));
			share_refused(state, status, "BCS.5002046");
			share_ask(&share.alice, row->method, row->path,
				  text("%s|%s:=null", words_of(row), param->name));
			share_refused(state, status, "BCS.5002046");
		}
	}
}

/* ---- routes ---- */

static void what_is_not_available(void)
{
	const struct tally_share_endpoint *row;
	unsigned int rows = 0;

	for (row = tally_share_endpoints; row->path != NULL; row++) {
		uint64_t state = share_state();

		rows++;
		if (row->run != NULL)
			continue;
		CASE("%s", row->name);
		share_ask(&share.alice, row->method, row->path, "");
		share_refused(state, 501, "BCS.5000501");
	}
	CHECK_INT(rows, 36);
}

static void routes(void)
{
	static const struct {
		const char *method, *path;
		int status;
		const char *code;
	} cases[] = {
		{ "POST", "/v1/", 404, "BCS.5002922" },
		{ "POST", "/v1/identity", 404, "BCS.5002922" },
		{ "POST", "/v1/identity/did/", 404, "BCS.5002922" },
		{ "POST", "/v1/identity/dids", 404, "BCS.5002922" },
		{ "GET", "/v1/identity/did", 405, "BCS.5002923" },
		{ "DELETE", "/v1/identity/did", 405, "BCS.5002923" },
		{ "PUT", "/v1/identity/query-did", 405, "BCS.5002923" },
		{ "POST", "/v1/identity/resolve/mychannel/x", 404, "BCS.5002922" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t state = share_state();

		CASE("%s %s", cases[i].method, cases[i].path);
		share_ask(&share.alice, cases[i].method, cases[i].path, "");
		share_refused(state, cases[i].status, cases[i].code);
	}
	CHECK_STR((const char *)share.response.content_type, "application/json;charset=utf-8");
}

/* ---- the signature in a header ---- */

static void signed_requests(void)
{
	share_ask_signed(&share.bob, "POST", "/v1/identity/query-did", text("did=%s", share.alice.did));
	share_ok();
	share_ask_signed(&share.carol, "POST", "/v1/identity/did", "");
	share_ok();
	share.carol.did = share_reply("did");
	share_ask_signed(&share.carol, "PUT", "/v1/identity/did", text("did=%s", share.carol.did));
	share_ok();
	CHECK_STR(share_reply("proof.signatureValue"), NULL);	/* nothing here could sign */
}

static void signatures_that_are_not_good(void)
{
	json_object *body = share_common(&share.bob, false);
	struct tally_bytes bytes;
	const char *good, *other;
	uint64_t state;

	share_words(body, text("did=%s", share.alice.did));
	bytes = share_text_of(body);
	good = share_sign(&share.bob, bytes);
	other = share_sign(&share.alice, bytes);
	state = share_state();
#define SEND(signature, b) share_send("POST", "/v1/identity/query-did", b, signature, \
				      (struct tally_request){ 0 })
	SEND(other, bytes);
	share_refused(state, 500, "BCS.5002912");
	SEND("", bytes);			/* as if there was none */
	share_refused(state, 500, "BCS.5002046");
	SEND("zz", bytes);
	share_refused(state, 500, "BCS.5002912");
	SEND(text("%.20s", good), bytes);
	share_refused(state, 500, "BCS.5002912");
	((uint8_t *)bytes.data)[bytes.size - 3] ^= 1;
	SEND(good, bytes);
	share_refused(state, 500, "BCS.5002912");
	((uint8_t *)bytes.data)[bytes.size - 3] ^= 1;
	SEND(good, bytes);
	share_ok();
#undef SEND
	body = share_common(&share.bob, true);	/* both */
	share_words(body, text("did=%s", share.alice.did));
	bytes = share_text_of(body);
	share_send("POST", "/v1/identity/query-did", bytes, share_sign(&share.bob, bytes),
		   (struct tally_request){ 0 });
	share_refused(state, 500, "BCS.5002046");
}

/* What was signed for one change makes no second one. */
static void signed_requests_are_used_once(void)
{
	json_object *body = share_common(&share.carol, false);
	struct tally_bytes bytes;
	const char *signature;
	uint64_t state;

	share_words(body, text("did=%s|service:=[]|nonce=1", share.carol.did));
	bytes = share_text_of(body);
	signature = share_sign(&share.carol, bytes);
	share_send("PUT", "/v1/identity/did", bytes, signature, (struct tally_request){ 0 });
	share_ok();
	state = share_state();
	share_send("PUT", "/v1/identity/did", bytes, signature, (struct tally_request){ 0 });
	share_refused(state, 500, "BCS.5002917");
}

/* ---- identities ---- */

static void documents(void)
{
	const char *service = "service:=[{\"type\":\"VerifiableCredentialService\","
			      "\"serviceEndpoint\":\"https://example.com/vc/\",\"credentialApplySchema\":"
			      "{\"type\":\"file\",\"name\":\"check\",\"attributes\":[{\"name\":\"bob\","
			      "\"type\":\"string\",\"description\":\"d\"}]}}]";

	share_ask(&share.alice, "PUT", "/v1/identity/did", text("did=%s|%s", share.alice.did, service));
	share_ok();
	share_ask(&share.bob, "POST", "/v1/identity/query-did", text("did=%s", share.alice.did));
	share_ok();
	CHECK_STR(share_reply("context"), "https://www.w3.org/ns/did/v1");
	CHECK_STR(share_reply("id"), share.alice.did);
	CHECK_STR(share_reply("publicKey.0.id"), text("%s#key-0", share.alice.did));
	CHECK_STR(share_reply("publicKey.0.controller"), share.alice.did);
	CHECK(strncmp(share_reply("publicKey.0.publicKeyPem"), "-----BEGIN PUBLIC KEY", 21) == 0);
	CHECK_STR(share_reply("authentication.0"), text("%s#key-0", share.alice.did));
	CHECK_STR(share_reply("recovery"), "");
	CHECK_STR(share_reply("service.0.id"), text("%s#service1", share.alice.did));
	CHECK_STR(share_reply("service.0.type"), "VerifiableCredentialService");
	CHECK_STR(share_reply("service.0.credentialApplySchema.attributes.0.name"), "bob");
	CHECK_STR(share_reply("proof.type"), "EcdsaSecp256r1Signature2019");
	CHECK_STR(share_reply("proof.creator"), text("%s#key-0", share.alice.did));
	CHECK_INT(strlen(share_reply("created")), 10);
	CHECK_INT(strlen(share_reply("updated")), 10);
	CHECK_STR(share_reply("status"), "active");
	share_ask(&share.alice, "POST", "/v1/identity/query-did", text("did=%s", share.bob.did));
	share_ok();
	CHECK_STR(share_reply("updated"), "");
	CHECK_STR(share_reply("service"), "[ ]");
}

/* The proof signs the document's first members, as they are answered. */
static void proofs_verify(void)
{
	struct tally_member_key key;
	struct tally_bytes signature, document = share.response.body;
	const char *end;

	share_ask(&share.alice, "POST", "/v1/identity/query-did", text("did=%s", share.alice.did));
	share_ok();
	document = share.response.body;
	end = memmem(document.data, document.size, ",\"recovery\"", 11);
	REQUIRE(end != NULL);
	document = tally_bytes_str(text("%.*s}", (int)(end - (const char *)document.data),
					(const char *)document.data));
	CHECK_OK(tally_member_public(KEY_TYPE_SECP256R1, share.alice.private, &key, &err));
	REQUIRE(tally_base64_decode(&world.arena,
				    tally_bytes_str(share_reply("proof.signatureValue")), &signature));
	CHECK_INT(signature.size, 64);
	CHECK(tally_member_verify(&key, document, signature.data));
}

static void refused_identities(void)
{
	static const struct {
		const char *method, *path, *words, *code;
	} cases[] = {
		{ "POST", "/v1/identity/did", "", "BCS.5002903" },
		{ "POST", "/v1/identity/firm-did", "service:=[{\"type\":\"T\",\"serviceEndpoint\":\"u\"}]",
		  "BCS.5002903" },
		{ "POST", "/v1/identity/firm-did", "service:=[]", "BCS.5002033" },
		{ "POST", "/v1/identity/firm-did", "service:=[{}]", "BCS.5002033" },
		{ "POST", "/v1/identity/firm-did", "service:=[{\"type\":\"T\"}]", "BCS.5002033" },
		{ "POST", "/v1/identity/firm-did", "service:=[{\"serviceEndpoint\":\"u\"}]",
		  "BCS.5002033" },
		{ "POST", "/v1/identity/firm-did",
		  "service:=[{\"type\":\"\",\"serviceEndpoint\":\"u\"}]", "BCS.5002033" },
		{ "PUT", "/v1/identity/did", "did=%A|service:=[{\"type\":1,\"serviceEndpoint\":\"u\"}]",
		  "BCS.5002033" },
		{ "PUT", "/v1/identity/did",
		  "did=%A|service:=[{\"type\":\"T\",\"serviceEndpoint\":\"u\","
		  "\"credentialApplySchema\":1}]", "BCS.5002046" },
		{ "PUT", "/v1/identity/did",
		  "did=%A|service:=[{\"type\":\"T\",\"serviceEndpoint\":\"u\","
		  "\"credentialApplySchema\":{\"type\":\"x\"}}]", "BCS.5002046" },
		{ "PUT", "/v1/identity/did", "did=%B", "BCS.5002904" },
		{ "PUT", "/v1/identity/did", "did=did:tally:none", "BCS.5002902" },
		{ "POST", "/v1/identity/query-did", "did=did:tally:none", "BCS.5002902" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t state = share_state();

		CASE("%s %s %s", cases[i].method, cases[i].path, cases[i].words);
		share_ask(&share.alice, cases[i].method, cases[i].path, fill_in(cases[i].words));
		share_refused(state, 500, cases[i].code);
	}
}

/* Whoever has no DID can ask, and change nothing. */
static void strangers(void)
{
	struct person dave = { .did = NULL };
	uint64_t state = share_state();

	REQUIRE(world_person("dave", 0x64, &dave));
	share_ask(&dave, "PUT", "/v1/identity/did", text("did=%s", share.alice.did));
	share_refused(state, 500, "BCS.5002913");
	share_ask(&dave, "POST", "/v1/identity/query-did", text("did=%s", share.alice.did));
	share_ok();
}

/* Sent again by a relay, a change is done once, and answered. */
static void sent_again(void)
{
	json_object *body = share_common(&share.alice, true);
	struct tally_request how = { 0 };
	struct tally_header headers[1];
	struct tally_bytes bytes, copy;
	uint64_t state;

	share_words(body, text("did=%s|service:=[]", share.alice.did));
	bytes = share_text_of(body);
	copy = tally_arena_bytes(&world.arena, bytes);
	how = (struct tally_request){
		.arena = &world.arena, .method = TALLY_BYTES_LIT("PUT"),
		.path = TALLY_BYTES_LIT("/v1/identity/did"), .headers = headers, .body = bytes,
		.client = TALLY_BYTES_LIT("127.0.0.1"), .id = { 1, 2, 3 }
	};
	tally_service_handle(world.service, &how, &share.response);
	share_ok();
	state = share_state();
	how.body = copy;
	how.again = true;
	tally_service_handle(world.service, &how, &share.response);
	share_ok();
	CHECK_STR(share_reply("id"), share.alice.did);
	CHECK(share_state() == state);
}

static void get(const char *path)
{
	share_send("GET", path, TALLY_BYTES_NONE, NULL, (struct tally_request){ 0 });
}

static void resolving(void)
{
	const char *path = text("/v1/identity/resolve/mychannel/%s", share.alice.did);
	struct tally_write write = { .caller = { .account = world.owner.account } };
	struct tally_ledger_change hide = { .set_public_read = true };

	share.client = "192.0.2.1";	/* no secret goes with it: also over plain HTTP */
	get(path);
	share_ok();
	CHECK_STR(share.response.content_type, "application/did+ld+json");
	CHECK_STR(share_reply("@context.0"), "https://www.w3.org/ns/did/v1");
	CHECK_STR(share_reply("id"), share.alice.did);
	CHECK_STR(share_reply("verificationMethod.0.publicKeyJwk.crv"), "P-256");
	CHECK_INT(strlen(share_reply("verificationMethod.0.publicKeyJwk.x")), 43);
	get("/v1/identity/resolve/mychannel/did:tally:none");
	CHECK_INT(share.response.status, 404);
	get("/v1/identity/resolve/mychannel/");
	CHECK_INT(share.response.status, 404);
	get("/v1/identity/resolve/mychannel");
	CHECK_INT(share.response.status, 404);
	get(text("/v1/identity/resolve/nowhere/%s", share.alice.did));
	CHECK_INT(share.response.status, 404);
	CHECK_OK(tally_ledger_modify(world.core, &write, tally_bytes_str(share.ledger.ledger_id), &hide,
				     &err));
	get(path);			/* of a ledger that is not public */
	CHECK_INT(share.response.status, 404);
	hide.public_read = true;
	CHECK_OK(tally_ledger_modify(world.core, &write, tally_bytes_str(share.ledger.ledger_id), &hide,
				     &err));
	share.client = NULL;
}

static void reached_from(const char *networks)
{
	struct tally_write write = { .caller = { .account = world.owner.account } };

	CHECK_OK(tally_access_ip_list(world.core, &write, tally_bytes_str(share.ledger.ledger_id), IP_COVER,
				      tally_bytes_str(networks), &err));
}

/* A channel's ledger is reached from where it may be, whichever interface is asked. */
static void from_where(void)
{
	const char *path = text("/v1/identity/resolve/mychannel/%s", share.alice.did);
	const char *query = text("did=%s", share.alice.did);
	uint64_t state;

	reached_from("192.0.2.0/24");
	state = share_state();
	share.https = true;
	share.client = "203.0.113.9";
	share_ask(&share.alice, "POST", "/v1/identity/query-did", query);
	share_refused(state, 500, "BCS.5002904");
	share_ask_signed(&share.alice, "POST", "/v1/identity/query-did", query);
	share_refused(state, 500, "BCS.5002904");
	share_ask(&share.alice, "PUT", "/v1/identity/did", text("did=%s|service:=[]", share.alice.did));
	share_refused(state, 500, "BCS.5002904");
	get(path);
	share_refused(state, 500, "BCS.5002904");
	share.client = "192.0.2.77";
	share_ask(&share.alice, "POST", "/v1/identity/query-did", query);
	share_ok();
	get(path);
	share_ok();
	reached_from("0.0.0.0/0,::/0");
	share.client = "203.0.113.9";
	share_ask(&share.alice, "POST", "/v1/identity/query-did", query);
	share_ok();
	share.https = false;
	share.client = NULL;
}

/* Removed organisations and channels are gone at once. */
static void removed(void)
{
	static const struct tally_write local = { .caller = { .local = true } };

	CHECK_OK(tally_channel_remove(world.core, &local, TALLY_BYTES_LIT("mychannel"), &err));
	refused_by_all("", 500, "BCS.4006012");
	CHECK_OK(tally_org_remove(world.core, &local, TALLY_BYTES_LIT("org1"), &err));
	refused_by_all("", 500, "BCS.4001051");
}

/* ---- the codes, as documented ---- */

static void codes_are_documented(void)
{
	FILE *file = fopen(TALLY_GOLDEN "/../../doc/api.md", "rb");
	char *doc = tally_arena_zalloc(&world.arena, 1 << 18);
	const struct tally_share_endpoint *row;

	REQUIRE(file != NULL);
	CHECK(fread(doc, 1, (1 << 18) - 1, file) > 0);
	fclose(file);
	for (int kind = 1; kind < SHARE_FAULTS; kind++) {
		const char *code = tally_share_fault_code((enum tally_share_fault_kind)kind);

		CASE("%s", code);
		CHECK(strlen(code) >= 8 && strlen(code) <= 36 && strncmp(code, "BCS.", 4) == 0);
		CHECK(strstr(doc, text("| %s |", code)) != NULL);
		for (int other = 1; other < kind; other++)
			CHECK(strcmp(code, tally_share_fault_code(
						   (enum tally_share_fault_kind)other)) != 0);
	}
	for (row = tally_share_endpoints; row->path != NULL; row++) {
		CASE("%s", row->name);
		CHECK(strstr(doc, text("| %s `%s` | %s |", row->method, row->path, row->name)) != NULL);
		CHECK((strstr(doc, text("| %s `%s` | %s | not available yet |", row->method, row->path,
					row->name)) != NULL) == (row->run == NULL));
	}
}

int main(void)
{
	if (!share_open()) {
		printf("Bail out! %s\n", err.text);
		return 99;
	}
	TEST(identities_for_the_rest);
	TEST(common_fields);
	TEST(forms_of_pem);
	TEST(certificates);
	TEST(private_keys);
	TEST(keys_are_wiped);
	TEST(malformed_bodies);
	TEST(broken_bodies);
	TEST(unknown_members_are_ignored);
	TEST(parameters);
	TEST(what_is_not_available);
	TEST(routes);
	TEST(signed_requests);
	TEST(signatures_that_are_not_good);
	TEST(signed_requests_are_used_once);
	TEST(documents);
	TEST(proofs_verify);
	TEST(refused_identities);
	TEST(strangers);
	TEST(sent_again);
	TEST(resolving);
	TEST(from_where);
	TEST(codes_are_documented);
	TEST(removed);
	world_close();
	return tap_done();
}
