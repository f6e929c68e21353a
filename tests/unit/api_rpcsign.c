/*
 * RPC signature 1.0 against known values: R1 is the published vector, R2 to R4 were computed apart
 * from this code, the others are from the test suite of a public SDK.
 */
#include "rpcsign.h"

#include "arena.h"
#include "decode.h"
#include "tap.h"

#define SECRET TALLY_BYTES_LIT("testsecret")

static const struct vector {
	const char *name, *method, *query, *string_to_sign, *signature, *encoded;
} vectors[] = {
	{ "R1", "GET",
		"AccessKeyId=testid&Action=DescribeRegions&Format=XML&SignatureMethod=HMAC-SHA1&Signa"
		"tureNonce=3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf&SignatureVersion=1.0&Timestamp=2016-0"
		"2-23T12%3A46%3A24Z&Version=2014-05-26",
		"GET&%2F&AccessKeyId%3Dtestid%26Action%3DDescribeRegions%26Format%3DXML%26SignatureMe"
		"thod%3DHMAC-SHA1%26SignatureNonce%3D3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf%26Signature"
		"Version%3D1.0%26Timestamp%3D2016-02-23T12%253A46%253A24Z%26Version%3D2014-05-26",
		"OLeaidS1JvxuMvnyHOwuJ+uX5qY=", "OLeaidS1JvxuMvnyHOwuJ%2BuX5qY%3D" },
	{ "R2", "GET",
		"AccessKeyId=testid&Action=GetJournal&Format=JSON&JournalId=100&LedgerId=l-c8cc7be3ee"
		"a542axxxxxxxxxx&SignatureMethod=HMAC-SHA1&SignatureNonce=b2f3a9d0-6d0b-4a86-9c7f-3e1"
		"f0a5c7d11&SignatureVersion=1.0&Timestamp=2020-04-22T00%3A34%3A19Z&Version=2019-11-22",
		"GET&%2F&AccessKeyId%3Dtestid%26Action%3DGetJournal%26Format%3DJSON%26JournalId%3D100"
		"%26LedgerId%3Dl-c8cc7be3eea542axxxxxxxxxx%26SignatureMethod%3DHMAC-SHA1%26SignatureN"
		"once%3Db2f3a9d0-6d0b-4a86-9c7f-3e1f0a5c7d11%26SignatureVersion%3D1.0%26Timestamp%3D2"
		"020-04-22T00%253A34%253A19Z%26Version%3D2019-11-22",
		"FYxFROR+VlIL6LbFlb9TI2e6Tg4=", "FYxFROR%2BVlIL6LbFlb9TI2e6Tg4%3D" },
	{ "R3", "POST",
		"AccessKeyId=testid&Action=ModifyLedgerAttribute&Format=json&LedgerDescription=%E8%B4"
		"%A6%E6%9C%AC%20a%26b%3Dc%2Fd%3Ae&LedgerId=l-c8cc7be3eea542axxxxxxxxxx&LedgerName=fir"
		"st%20ledger%2A~%2B&SignatureMethod=HMAC-SHA1&SignatureNonce=5e0c2d4b8f6a4b1f9d3c7a2e"
		"1b0f6c55&SignatureVersion=1.0&Timestamp=2020-04-22T00%3A34%3A20Z&Version=2019-11-22",
		"POST&%2F&AccessKeyId%3Dtestid%26Action%3DModifyLedgerAttribute%26Format%3Djson%26Led"
		"gerDescription%3D%25E8%25B4%25A6%25E6%259C%25AC%2520a%2526b%253Dc%252Fd%253Ae%26Ledg"
		"erId%3Dl-c8cc7be3eea542axxxxxxxxxx%26LedgerName%3Dfirst%2520ledger%252A~%252B%26Sign"
		"atureMethod%3DHMAC-SHA1%26SignatureNonce%3D5e0c2d4b8f6a4b1f9d3c7a2e1b0f6c55%26Signat"
		"ureVersion%3D1.0%26Timestamp%3D2020-04-22T00%253A34%253A20Z%26Version%3D2019-11-22",
		"uWpNHNVfypoi2m1qLw39J7G05BE=", "uWpNHNVfypoi2m1qLw39J7G05BE%3D" },
	{ "R4", "POST",
		"AccessKeyId=testid&Action=GetJournal&Format=JSON&JournalId=100&LedgerId=l-c8cc7be3ee"
		"a542axxxxxxxxxx&RegionId=cn-hangzhou&SecurityToken=CAIS%2Ftok%2Ben%3D%3D&SignatureMe"
		"thod=HMAC-SHA1&SignatureNonce=0f1e2d3c4b5a69788796a5b4c3d2e1f0&SignatureType=&Signat"
		"ureVersion=1.0&Timestamp=2020-04-22T00%3A34%3A21Z&Version=2019-11-22",
		"POST&%2F&AccessKeyId%3Dtestid%26Action%3DGetJournal%26Format%3DJSON%26JournalId%3D10"
		"0%26LedgerId%3Dl-c8cc7be3eea542axxxxxxxxxx%26RegionId%3Dcn-hangzhou%26SecurityToken%"
		"3DCAIS%252Ftok%252Ben%253D%253D%26SignatureMethod%3DHMAC-SHA1%26SignatureNonce%3D0f1"
		"e2d3c4b5a69788796a5b4c3d2e1f0%26SignatureType%3D%26SignatureVersion%3D1.0%26Timestam"
		"p%3D2020-04-22T00%253A34%253A21Z%26Version%3D2019-11-22",
		"KS51APaqT2C+8Pzf5vGuohYeEZ0=", "KS51APaqT2C%2B8Pzf5vGuohYeEZ0%3D" },
};
#define VECTORS (sizeof(vectors) / sizeof(*vectors))

static const char *sign(struct tally_arena *arena, struct tally_bytes secret,
			struct tally_bytes text)
{
	uint8_t mac[TALLY_RPC_MAC_SIZE];

	tally_rpc_mac(secret, text, mac);
	return tally_base64_encode(arena, tally_bytes(mac, sizeof(mac)));
}

/* What arrives on the wire gives the canonical query, string to sign and signature again. */
static void check_wire(struct tally_arena *arena, const struct vector *v, struct tally_bytes query,
		       struct tally_bytes body)
{
	struct tally_form form;
	struct tally_fault fault;
	struct tally_bytes text;

	REQUIRE(tally_form_parse(arena, query, body, &form, &fault) == 0);
	CHECK_BYTES(tally_rpc_canonical_query(arena, form.params, form.count),
		    tally_bytes_str(v->query));
	text = tally_rpc_string_to_sign(arena, v->method, form.params, form.count);
	CHECK_BYTES(text, tally_bytes_str(v->string_to_sign));
	CHECK_STR(sign(arena, SECRET, text), v->signature);
	CHECK_BYTES(tally_percent_encode(arena, tally_bytes_str(v->signature)),
		    tally_bytes_str(v->encoded));
}

static void vectors_hold(void)
{
	struct tally_arena arena = { 0 };
	size_t i;

	for (i = 0; i < VECTORS; i++) {
		const struct vector *v = &vectors[i];

		CASE("%s", v->name);
		check_wire(&arena, v, tally_bytes_str(v->query), TALLY_BYTES_NONE);
		/* all in the body, as one client sends its POSTs; Signature is not signed */
		check_wire(&arena, v, TALLY_BYTES_NONE,
			   tally_bytes_str(tally_arena_printf(&arena, "%s&Signature=%s", v->query,
							      v->encoded)));
		/* in another order: system parameters behind the rest */
		check_wire(&arena, v, tally_bytes_str(strchr(v->query, '&') + 1),
			   tally_bytes(v->query, (size_t)(strchr(v->query, '&') - v->query)));
	}
	tally_arena_free(&arena);
}

/* Spaces as '+', '~' and '*' encoded or not, lower-case hex: all the same to the signature. */
static void wire_spellings(void)
{
	static const char query[] = "AccessKeyId=testid&Action=ModifyLedgerAttribute&Format=json"
		"&SignatureMethod=HMAC-SHA1&SignatureNonce=5e0c2d4b8f6a4b1f9d3c7a2e1b0f6c55"
		"&SignatureVersion=1.0&Timestamp=2020-04-22T00:34:20Z&Version=2019-11-22";
	static const char *const bodies[] = {
		"LedgerId=l-c8cc7be3eea542axxxxxxxxxx&LedgerName=first+ledger*%7E%2B"
		"&LedgerDescription=%E8%B4%A6%E6%9C%AC+a%26b%3Dc/d:e",
		"LedgerId=l-c8cc7be3eea542axxxxxxxxxx&LedgerName=first%20ledger%2a~%2b"
		"&LedgerDescription=%e8%b4%a6%e6%9c%ac%20a%26b=c%2Fd%3Ae",
	};
	struct tally_arena arena = { 0 };
	size_t i;

	for (i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
		CASE("spelling %zu", i);
		check_wire(&arena, &vectors[2], tally_bytes_str(query), tally_bytes_str(bodies[i]));
	}
	tally_arena_free(&arena);
}

static void further_assertions(void)
{
	const struct tally_rpc_param one = { TALLY_BYTES_LIT("test"), TALLY_BYTES_LIT("ok") };
	struct tally_arena arena = { 0 };
	uint8_t hash[TALLY_HASH_SIZE];
	char hex[2 * TALLY_HASH_SIZE + 1];

	CHECK_STR(sign(&arena, TALLY_BYTES_LIT("accessKeySecret"),
		       tally_rpc_string_to_sign(&arena, "", &one, 1)),
		  "jHx/oHoHNrbVfhncHEvPdHXZwHU=");
	CHECK_BYTES(tally_percent_encode(&arena, TALLY_BYTES_LIT("a/b/c/ test")),
		    TALLY_BYTES_LIT("a%2Fb%2Fc%2F%20test"));
	CHECK_BYTES(tally_percent_encode(&arena, TALLY_BYTES_LIT("-_.~azAZ09*+%\xff")),
		    TALLY_BYTES_LIT("-_.~azAZ09%2A%2B%25%FF"));
	tally_sha256("test", 4, hash);
	tally_hex_encode(hash, sizeof(hash), hex);
	CHECK_STR(hex, "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
	tally_arena_free(&arena);
}

/* The client's side produces what the server's side accepts, whatever travels in the body. */
static void client_and_server_agree(void)
{
	const struct tally_rpc_param query[] = {
		{ TALLY_BYTES_LIT("Action"), TALLY_BYTES_LIT("GetJournal") },
		{ TALLY_BYTES_LIT("Format"), TALLY_BYTES_LIT("JSON") },
	};
	const struct tally_rpc_param body[] = {
		{ TALLY_BYTES_LIT("LedgerId"), TALLY_BYTES_LIT("l-c8cc7be3eea542axxxxxxxxxx") },
		{ TALLY_BYTES_LIT("JournalId"), TALLY_BYTES_LIT("100") },
	};
	struct tally_arena arena = { 0 };
	struct tally_rpc_param all[4];
	struct tally_bytes wire, signature, text, sent;
	struct tally_form form;
	struct tally_fault fault;

	memcpy(all, query, sizeof(query));
	memcpy(all + 2, body, sizeof(body));
	wire = tally_rpc_signed_query(&arena, "GET", all, 4, NULL, 0, TALLY_BYTES_LIT("testid"),
				      SECRET, "b2f3a9d0-6d0b-4a86-9c7f-3e1f0a5c7d11",
				      "2020-04-22T00:34:19Z");
	REQUIRE(tally_form_parse(&arena, wire, TALLY_BYTES_NONE, &form, &fault) == 0);
	CHECK(tally_form_get(&form, "Signature", &signature));
	CHECK_BYTES(signature, tally_bytes_str(vectors[1].signature));

	wire = tally_rpc_signed_query(&arena, "POST", query, 2, body, 2, TALLY_BYTES_LIT("testid"),
				      SECRET, "n", "2020-04-22T00:34:19Z");
	sent = TALLY_BYTES_LIT("LedgerId=l-c8cc7be3eea542axxxxxxxxxx&JournalId=100");
	REQUIRE(tally_form_parse(&arena, wire, sent, &form, &fault) == 0);
	CHECK(tally_form_get(&form, "Signature", &signature));
	text = tally_rpc_string_to_sign(&arena, "POST", form.params, form.count);
	CHECK_BYTES(signature, tally_bytes_str(sign(&arena, SECRET, text)));

	wire = tally_rpc_signed_query(&arena, "GET", query, 2, NULL, 0, TALLY_BYTES_NONE,
				      TALLY_BYTES_NONE, NULL, NULL);
	CHECK_BYTES(wire, TALLY_BYTES_LIT("Action=GetJournal&Format=JSON&Version=2019-11-22"));
	tally_arena_free(&arena);
}

int main(void)
{
	TEST(vectors_hold);
	TEST(wire_spellings);
	TEST(further_assertions);
	TEST(client_and_server_agree);
	return tap_done();
}
