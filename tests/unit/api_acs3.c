/*
 * Signature V3: A1 is the published vector, A2 and A3 were computed apart from this code; then the
 * whole service over a core that always answers the same, for what is refused.
 */
#include "acs3.h"

#include "api_client.h"
#include "conf.h"
#include "fake_core.h"
#include "hash.h"
#include "reply_check.h"
#include "tap.h"

static struct tally_arena arena;
static struct tally_core core;
static struct tally_service *service;

#define EMPTY_SHA "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SIX "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version"

static const struct vector {
	const char *name, *secret, *method, *query, *body, *host, *action, *sha, *date, *nonce,
		*version, *headers, *string_hash, *signature;
} vectors[] = {
	{ "A1", "YourAccessKeySecret", "POST",
	  "ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai", "",
	  "ecs.cn-shanghai.aliyuncs.com", "RunInstances", EMPTY_SHA, "2023-10-26T10:22:32Z",
	  "3156853299f313e23d1673dc12e1703d", "2014-05-26", SIX,
	  "7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259",
	  "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0" },
	{ "A1, the other published value", "YourAccessKeySecret", "POST",
	  "ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai", "",
	  "ecs.cn-shanghai.aliyuncs.com", "RunInstances", EMPTY_SHA, "2023-10-26T09:01:01Z",
	  "d410180a5abf7fe235dd9b74aca91fc0", "2014-05-26", SIX, NULL, "e521358f" },
	{ "A2", "testsecret", "GET", "LedgerId=l-c8cc7be3eea542axxxxxxxxxx&JournalId=100", "",
	  "127.0.0.1:8080", "GetJournal", EMPTY_SHA, "2020-04-22T00:34:19Z",
	  "b2f3a9d06d0b4a869c7f3e1f0a5c7d11", "2019-11-22", SIX,
	  "1a1e0d34d0853a319e05269e066a7a468fc1ec8219c28c1a4d30cc03da90699b",
	  "82164a71bb77799bad0055181e7fc5a5f81081e2da63a88cefa49e0a0c7d162d" },
	{ "A3", "testsecret", "POST", "",
	  "LedgerDescription=%E8%B4%A6%E6%9C%AC&LedgerId=l-c8cc7be3eea542axxxxxxxxxx"
	  "&LedgerName=firstledger", "127.0.0.1:8080", "ModifyLedgerAttribute",
	  "cc2049015cc023d6af20981fa60607668ea7b6546aba8eabebab657c43659d96",
	  "2020-04-22T00:34:20Z", "5e0c2d4b8f6a4b1f9d3c7a2e1b0f6c55", "2019-11-22",
	  "content-type;" SIX, "45fc8600980e51af8d501de128966434cc43fb03353e1522617b40d052f595b8",
	  "f885b5a7d3e5cb4263296da0f3aa9446272aa626d49df8b5a5b073f3a3775d5e" },
};

/* ---- requests by headers ---- */

struct sent {
	struct tally_header headers[16];
	size_t count;
	struct tally_request request;
};

static void put_header(struct sent *sent, const char *name, const char *value)
{
	sent->headers[sent->count++] = (struct tally_header){ tally_bytes_str(name),
							      tally_bytes_str(value) };
}

static void make(struct sent *sent, const struct vector *v, const char *type, const char *key,
		 const char *signature)
{
	memset(sent, 0, sizeof(*sent));
	put_header(sent, "host", v->host);
	put_header(sent, "x-acs-action", v->action);
	put_header(sent, "x-acs-version", v->version);
	put_header(sent, "x-acs-date", v->date);
	put_header(sent, "x-acs-signature-nonce", v->nonce);
	put_header(sent, "x-acs-content-sha256", v->sha);
	if (*v->body != '\0')
		put_header(sent, "content-type", type);
	put_header(sent, "authorization",
		   tally_arena_printf(&arena, "ACS3-HMAC-SHA256 Credential=%s,SignedHeaders=%s,"
				      "Signature=%s", key, v->headers, signature));
	sent->request = (struct tally_request){
		.arena = &arena, .method = tally_bytes_str(v->method),
		.path = TALLY_BYTES_LIT("/"), .query = tally_bytes_str(v->query),
		.body = tally_bytes_str(v->body), .headers = sent->headers,
		.header_count = sent->count,
	};
}

static const char *mac_of(const char *secret, struct tally_bytes text)
{
	uint8_t mac[32];
	char hex[65];

	tally_acs3_mac(tally_bytes_str(secret), text, mac);
	tally_hex_encode(mac, sizeof(mac), hex);
	return tally_arena_printf(&arena, "%s", hex);
}

static void vectors_hold(void)
{
	size_t i;

	for (i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		const struct vector *v = &vectors[i];
		struct tally_fault fault = { 0 };
		struct tally_acs3 acs3;
		struct sent sent;

		CASE("%s", v->name);
		make(&sent, v, CLIENT_FORM, "id", EMPTY_SHA);
		CHECK(tally_acs3_given(&sent.request));
		REQUIRE(tally_acs3_read(&sent.request, &acs3, &fault) == 0);
		if (v->string_hash != NULL)
			CHECK_BYTES(acs3.string_to_sign,
				    tally_bytes_str(tally_arena_printf(
					    &arena, "ACS3-HMAC-SHA256\n%s", v->string_hash)));
		CHECK(strncmp(mac_of(v->secret, acs3.string_to_sign), v->signature,
			      strlen(v->signature)) == 0);
		CHECK_BYTES(acs3.key_id, TALLY_BYTES_LIT("id"));
	}
}

/* ---- through the service ---- */

static struct vector now_vector(const char *method, const char *action, const char *query,
				const char *body)
{
	static unsigned int nonce;
	struct vector v = vectors[2];
	uint8_t hash[TALLY_HASH_SIZE];
	char *date = tally_arena_alloc(&arena, 21), *sha = tally_arena_alloc(&arena, 65);

	tally_time_format(tally_now_ms(), date);
	tally_sha256(body, strlen(body), hash);
	tally_hex_encode(hash, sizeof(hash), sha);
	v.method = method;
	v.action = action;
	v.query = query;
	v.body = body;
	v.date = date;
	v.sha = sha;
	v.nonce = tally_arena_printf(&arena, "v3-%u", nonce++);
	v.headers = *body != '\0' ? "content-type;" SIX : SIX;
	return v;
}

/* Signs what v says and sends it. */
static struct tally_response send_signed(const struct vector *v, const char *type, const char *key)
{
	struct tally_response response;
	struct tally_fault fault;
	struct tally_acs3 acs3;
	struct sent sent;

	make(&sent, v, type, key, EMPTY_SHA);
	if (tally_acs3_read(&sent.request, &acs3, &fault) == 0)
		make(&sent, v, type, key, mac_of(v->secret, acs3.string_to_sign));
	tally_service_handle(service, &sent.request, &response);
	return response;
}

static void requests_work(void)
{
	struct vector v = now_vector("GET", "GetJournal", "JournalId=1&LedgerId=" FAKE_PRIVATE, "");
	struct tally_response response = send_signed(&v, NULL, "AKgood");

	CHECK_INT(response.status, 200);
	v = now_vector("POST", "ModifyLedgerAttribute", "Format=XML",
		       "LedgerName=a+b&LedgerId=" FAKE_PRIVATE);
	core.writes = 0;
	response = send_signed(&v, CLIENT_FORM, "AKgood");
	CHECK_INT(response.status, 200);
	CHECK_STR(response.content_type, "text/xml;charset=utf-8");
	CHECK_INT(core.writes, 1);
	CHECK_BYTES(core.last.nonce,
		    tally_bytes_str(tally_arena_printf(&arena, "AKgood\n%s", v.nonce)));
	/* the signature covers the body: no ContentSHA256 */
	v = now_vector("POST", "AppendJournals", "LedgerId=" FAKE_PRIVATE, "[{\"Payload\":\"a\"}]");
	response = send_signed(&v, "application/json", "AKgood");
	CHECK_INT(response.status, 200);
	CHECK_INT(core.writes, 2);
}

static void is_refused(struct vector v, const char *type, const char *key, int status,
		       const char *code)
{
	struct tally_response response;
	unsigned int writes = core.writes;

	response = send_signed(&v, type, key);
	CHECK_INT(response.status, status);
	CHECK_STR(error_disagrees(response.body, false, code, NULL), NULL);
	CHECK_INT(core.writes, writes);
}

static void requests_are_refused(void)
{
	const char *body = "LedgerName=a&LedgerId=" FAKE_PRIVATE;
	const char *six = SIX;
	struct vector v, good;
	size_t i;
	const struct {
		size_t member;		/* of struct vector, made empty */
		const char *code;
	} missing[] = {
		{ offsetof(struct vector, action), "MissingAction" },
		{ offsetof(struct vector, version), "MissingVersion" },
		{ offsetof(struct vector, date), "MissingTimestamp" },
		{ offsetof(struct vector, nonce), "MissingSignatureNonce" },
		{ offsetof(struct vector, sha), "MissingContentSHA256" },
		{ offsetof(struct vector, host), "MissingHost" },
	};

	for (i = 0; i < sizeof(missing) / sizeof(*missing); i++) {
		CASE("without %s", missing[i].code);
		v = now_vector("POST", "ModifyLedgerAttribute", "", body);
		*(const char **)((char *)&v + missing[i].member) = "";
		is_refused(v, CLIENT_FORM, "AKgood", 400, missing[i].code);
	}
	good = now_vector("POST", "ModifyLedgerAttribute", "", body);
	CASE("key");
	is_refused(good, CLIENT_FORM, "AKnobody", 404, "InvalidAccessKeyId.NotFound");
	is_refused(good, CLIENT_FORM, "AKoff", 400, "InvalidAccessKeyId.Inactive");
	CASE("secret");
	v = good;
	v.secret = "wrong";
	is_refused(v, CLIENT_FORM, "AKgood", 400, "SignatureDoesNotMatch");
	CASE("date");
	v = good;
	v.date = "2020-04-22T00:34:19Z";
	is_refused(v, CLIENT_FORM, "AKgood", 400, "InvalidTimeStamp.Expired");
	v.date = "yesterday";
	is_refused(v, CLIENT_FORM, "AKgood", 400, "InvalidTimeStamp.Format");
	CASE("body");
	v = good;
	v.sha = EMPTY_SHA;
	is_refused(v, CLIENT_FORM, "AKgood", 400, "InvalidParameter");
	CASE("content-type not signed");
	v = good;
	v.headers = six;
	is_refused(v, CLIENT_FORM, "AKgood", 400, "IncompleteSignature");
	CASE("a header of the six not signed");
	v.headers = strchr(good.headers, ';') + 1;
	v.headers = strchr(v.headers, ';') + 1;
	is_refused(v, CLIENT_FORM, "AKgood", 400, "IncompleteSignature");
	CASE("not in order");
	v.headers = tally_arena_printf(&arena, "%s;content-type", six);
	is_refused(v, CLIENT_FORM, "AKgood", 400, "IncompleteSignature");
	CASE("a header that is not there");
	v.headers = tally_arena_printf(&arena, "content-type;%s;x-acs-zzz", six);
	is_refused(v, CLIENT_FORM, "AKgood", 400, "IncompleteSignature");
	CASE("version");
	v = good;
	v.version = "2014-05-26";
	is_refused(v, CLIENT_FORM, "AKgood", 400, "NoSuchVersion");
	CASE("action");
	v = good;
	v.action = "Nonsense";
	is_refused(v, CLIENT_FORM, "AKgood", 404, "InvalidAction.NotFound");
}

static void nonces(void)
{
	struct vector v = now_vector("GET", "GetJournal", "JournalId=1&LedgerId=" FAKE_PRIVATE, "");

	CHECK_INT(send_signed(&v, NULL, "AKgood").status, 200);
	is_refused(v, NULL, "AKgood", 400, "SignatureNonceUsed");
}

/* Authorization in every order and spelling, and what is none. */
static void authorizations(void)
{
	static const struct {
		const char *value;
		bool good;
	} cases[] = {
		{ "ACS3-HMAC-SHA256 Credential=a,Signature=" EMPTY_SHA ",SignedHeaders=" SIX, true },
		{ "ACS3-HMAC-SHA256 Signature=" EMPTY_SHA ", SignedHeaders=" SIX
		  ", Credential=a", true },
		{ "ACS3-HMAC-SHA256", false },
		{ "ACS3-HMAC-SM3 Credential=a,Signature=" EMPTY_SHA ",SignedHeaders=" SIX, false },
		{ "ACS3-HMAC-SHA256 Credential=,Signature=" EMPTY_SHA ",SignedHeaders=" SIX, false },
		{ "ACS3-HMAC-SHA256 Credential=a,Signature=abc,SignedHeaders=" SIX, false },
		{ "ACS3-HMAC-SHA256 Credential=a,Credential=b,Signature=" EMPTY_SHA
		  ",SignedHeaders=" SIX, false },
		{ "ACS3-HMAC-SHA256 Credential=a,Signature=" EMPTY_SHA, false },
		{ "ACS3-HMAC-SHA256 ,,=,;", false },
	};
	struct tally_fault fault;
	struct tally_acs3 acs3;
	struct sent sent;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CASE("%s", cases[i].value);
		make(&sent, &vectors[2], NULL, "", "");
		sent.headers[sent.count - 1].value = tally_bytes_str(cases[i].value);
		CHECK_INT(tally_acs3_read(&sent.request, &acs3, &fault), cases[i].good ? 0 : -1);
	}
	sent.headers[sent.count - 1].value = TALLY_BYTES_LIT("Basic YTpi");
	CHECK(!tally_acs3_given(&sent.request));
}

int main(void)
{
	struct tally_conf *conf = tally_conf_new();
	struct tally_err err;

	if (tally_service_new(&core, conf, &service, &err) < 0)
		return 99;
	TEST(vectors_hold);
	TEST(requests_work);
	TEST(requests_are_refused);
	TEST(nonces);
	TEST(authorizations);
	tally_service_free(&service);
	tally_conf_free(&conf);
	tally_arena_free(&arena);
	return tap_done();
}
