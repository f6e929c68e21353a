/*
 * What every request of the data-sharing family has, in each form that is taken and in the nearest ones
 * that are not: the six common fields, a signature in headers, values of another JSON type than the
 * documented one; from where keys are taken; and the types of all that is answered.
 */
#include "config.h"

#include <stdlib.h>
#include <zlib.h>

#include "actions_doc.h"
#include "endpoint_words.h"
#include "mem.h"
#include "service.h"
#include "share_world.h"

#define QUERY "/v1/identity/query-did"
#define MINUTE_MS 60000

/* The service anew, with settings of [datashare]. */
static void settings(const char *window, const char *plain_http)
{
	tally_service_free(&world.service);
	tally_conf_override(world.conf, "datashare", "timestamp_window", window);
	tally_conf_override(world.conf, "datashare", "plain_http", plain_http);
	REQUIRE(tally_service_new(world.core, world.conf, &world.service, &err) == 0);
}

static const char *about_alice(const char *words)
{
	return text("did=%s|%s", share.alice.did, words);
}

/* A read, refused with this code; NULL: it is answered. */
static void reads(const char *words, const char *code)
{
	uint64_t state = share_state();

	CASE("%s", words);
	share_ask(&share.alice, "POST", QUERY, about_alice(words));
	if (code == NULL)
		share_ok();
	else
		share_refused(state, 500, code);
}

static void identities(void)
{
	share_register(&share.alice);
	share_register(&share.bob);
}

/* ---- timestamp ---- */

static void timestamps(void)
{
	static const struct {
		const char *timestamp;
		bool good;
	} cases[] = {
		{ "2020-10-27T17:28:16+08:00", true }, { "2020-10-27T09:28:16Z", true },
		{ "2020-10-27T09:28:16-00:00", true }, { "2020-10-27T09:28:16.5+08:00", true },
		{ "2020-10-27T09:28:16.123456789Z", true }, { "2020-02-29T00:00:00+14:00", true },
		{ "2020-10-27T09:28:16", false }, { "2020-10-27 09:28:16Z", false },
		{ "2020-10-27T09:28:16+0800", false }, { "2020-10-27T09:28:16+08", false },
		{ "2020-10-27T09:28:16.Z", false }, { "2020-10-27T09:28Z", false },
		{ "2021-02-29T00:00:00Z", false }, { "2020-13-01T00:00:00Z", false },
		{ "2020-10-27T24:00:00Z", false }, { "2020-10-27T09:28:16+24:00", false },
		{ "2020-10-27T09:28:16Z ", false }, { " 2020-10-27T09:28:16Z", false },
		{ "1603790896", false }, { "Tue, 27 Oct 2020 09:28:16 GMT", false },
		{ "2020-10-27T09:28:16.0000000000000000000000000000000000000000000Z", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		reads(text("timestamp=%s", cases[i].timestamp), cases[i].good ? NULL : "BCS.5002046");
}

/* "..." in the zone that many minutes east of Greenwich. */
static const char *time_of(uint64_t ms, int east)
{
	char utc[21];

	tally_time_format(ms + (uint64_t)(int64_t)(east * MINUTE_MS), utc);
	return text("%.19s%c%02d:%02d", utc, east < 0 ? '-' : '+', abs(east) / 60, abs(east) % 60);
}

/* A time that is off is told apart from one that is malformed, whatever its zone. */
static void the_window(void)
{
	static const struct {
		int off;		/* minutes from now */
		int east;
		bool good;
	} cases[] = {
		{ 0, 0, true }, { -4, 0, true }, { 4, 0, true }, { 0, 480, true }, { -4, -450, true },
		{ 4, 840, true }, { -7, 0, false }, { 7, 0, false }, { -7, 480, false },
		{ 7, -480, false }, { -480, 480, false }, { 1000000, 0, false }, { -1000000, 0, false },
	};

	settings("5m", "no");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t ms = tally_now_ms() + (uint64_t)((int64_t)cases[i].off * MINUTE_MS);

		reads(text("timestamp=%s", time_of(ms, cases[i].east)),
		      cases[i].good ? NULL : "BCS.5002916");
	}
	reads("timestamp=2020-10-27T17:28:16+08:00", "BCS.5002916");
	reads("timestamp=yesterday", "BCS.5002046");
	settings("0", "no");
	reads("timestamp=2020-10-27T17:28:16+08:00", NULL);
}

/* ---- the other texts ---- */

static const char *long_text(size_t size)
{
	return text("%0*d", (int)size, 7);
}

static void names_of_places(void)
{
	static const struct {
		const char *words, *code;
	} cases[] = {
		{ "orgID=ORG1", "BCS.4001051" }, { "orgID= org1", "BCS.4001051" },
		{ "orgID=org1 ", "BCS.4001051" }, { "orgID=\u00f6rg1", "BCS.4001051" },
		{ "orgID:=\"org1\\u0000\"", "BCS.4001051" }, { "orgID:=true", "BCS.5002046" },
		{ "channelID=MyChannel", "BCS.4006012" }, { "channelID:=\"mychannel\\u0000\"", "BCS.4006012" },
		{ "channelID=mychannel/", "BCS.4006012" }, { "cryptoMethod=sw", "BCS.5002046" },
		{ "cryptoMethod=SW ", "BCS.5002046" }, { "cryptoMethod=SM2", "BCS.5002046" },
		{ "cryptoMethod=HW", "BCS.5002046" }, { "cryptoMethod=this is a demo", "BCS.5002046" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		reads(cases[i].words, cases[i].code);
	reads(text("orgID=%s", long_text(128)), "BCS.4001051");
	reads(text("orgID=%s", long_text(129)), "BCS.5002046");
	reads(text("channelID=%s", long_text(128)), "BCS.4006012");
	reads(text("channelID=%s", long_text(129)), "BCS.5002046");
	reads(text("cryptoMethod=%s", long_text(17)), "BCS.5002046");
	reads(text("cert=%s", long_text(100000)), "BCS.5002046");
	reads(text("sk=%s", long_text(100000)), "BCS.5002046");
}

static const char *json_text(const char *value)
{
	json_object *object = json_object_new_string(value);
	const char *made = text("%s", json_object_to_json_string_ext(object, 0));

	json_object_put(object);
	return made;
}

/* PEM between other lines, and what looks like PEM. */
static void pem(void)
{
	const struct {
		const char *name, *value, *code;
	} cases[] = {
		{ "cert", text("subject=CN = alice\n%s", share.alice.cert), NULL },
		{ "cert", text("\n\n%s\n\n", share.alice.cert), NULL },
		{ "cert", text("\\n%s\\n", share.alice.cert), NULL },
		{ "cert", text("-%s", share.alice.cert), "BCS.5002906" },
		{ "cert", text("%s", share.alice.key), "BCS.5002906" },
		{ "cert", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "BCS.5002906" },
		{ "cert", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		  "BCS.5002906" },
		{ "sk", text("\n%s\n", share.alice.key), NULL },
		{ "sk", text("\\r\\n%s\\r\\n", share.alice.key), NULL },
		{ "sk", text("-%s", share.alice.key), "BCS.5002910" },
		{ "sk", text("%s%s", share.alice.key, share.bob.key), "BCS.5002910" },
		{ "sk", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "BCS.5002910" },
		{ "sk", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		  "BCS.5002910" },
		{ "sk", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", "BCS.5002910" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		reads(text("%s:=%s", cases[i].name, json_text(cases[i].value)), cases[i].code);
}

/* ---- where keys are taken from ---- */

static void from(const char *client, const char *forwarded, bool https, bool good)
{
	struct tally_header headers[] = { { TALLY_BYTES_LIT("x-forwarded-for"),
					    tally_bytes_str(forwarded != NULL ? forwarded : "") } };
	struct tally_request request = { .arena = &world.arena, .method = TALLY_BYTES_LIT("POST"),
					 .path = TALLY_BYTES_LIT(QUERY), .headers = headers,
					 .header_count = forwarded != NULL,
					 .client = tally_bytes_str(client), .https = https };
	json_object *body = share_common(&share.alice, true);
	uint64_t state = share_state();

	CASE("%s, for %s, %s", client, forwarded != NULL ? forwarded : "nobody",
	     https ? "TLS" : "plain");
	share_words(body, about_alice(""));
	request.body = share_text_of(body);
	tally_service_handle(world.service, &request, &share.response);
	if (good)
		share_ok();
	else
		share_refused(state, 500, "BCS.5002918");
}

static const struct {
	const char *client, *forwarded;
	bool here;
} places[] = {
	{ "127.0.0.1", NULL, true }, { "127.8.9.1", NULL, true }, { "::1", NULL, true },
	{ "::ffff:127.0.0.1", NULL, true }, { "", NULL, true }, { "unix:", NULL, true },
	{ "unix:/run/nginx.sock", NULL, true },
	{ "192.0.2.1", NULL, false }, { "2001:db8::1", NULL, false }, { "10.0.0.1", NULL, false },
	{ "::ffff:192.0.2.1", NULL, false }, { "1270.0.0.1", NULL, false }, { "::11", NULL, false },
	{ "0.0.0.0", NULL, false }, { "127.0.0.1.example.com", NULL, false }, { "localhost", NULL, false },
	/* a proxy on this host */
	{ "127.0.0.1", "192.0.2.1", false }, { "127.0.0.1", "127.0.0.1", false },
	{ "::1", "192.0.2.1, 127.0.0.1", false }, { "", "192.0.2.1", false },
	{ "unix:", "192.0.2.1", false },
};

static void places_of_callers(void)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		from(places[i].client, places[i].forwarded, false, places[i].here);
		from(places[i].client, places[i].forwarded, true, true);
	}
	settings("0", "yes");
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		from(places[i].client, places[i].forwarded, false, true);
	settings("0", "no");
}

/* ---- how often ---- */

#define SECOND_NS 1000000000ull

static uint64_t now_ns;

static uint64_t test_clock(void)
{
	return now_ns;
}

/* The service anew, by this clock. */
static void throttled(const char *rate, const char *actions)
{
	now_ns += 3600 * SECOND_NS;
	tally_conf_override(world.conf, "throttle", "rate", rate);
	tally_conf_override(world.conf, "throttle", "actions", actions);
	settings("0", "no");
	tally_service_set_clock(world.service, test_clock);
}

/* So many requests at once: how many are answered. The others changed nothing. */
static unsigned int passed(const struct person *who, const char *words, unsigned int requests)
{
	unsigned int good = 0;

	for (unsigned int i = 0; i < requests; i++) {
		uint64_t state = share_state();

		share_ask(who, "POST", QUERY, about_alice(words));
		if (share.response.status == 200)
			good++;
		else
			share_refused(state, 429, "BCS.5002930");
	}
	return good;
}

static const char *response_header(const char *name)
{
	for (size_t i = 0; i < share.response.header_count; i++)
		if (tally_bytes_is(share.response.headers[i].name, name))
			return tally_arena_str(&world.arena, share.response.headers[i].value);
	return NULL;
}

static void buckets(void)
{
	struct person again = share.alice, other = share.alice;
	uint64_t state;

	throttled("20", "ShowDID=2:5 QueryDatasetByCond=0");
	CHECK_INT(passed(&share.alice, "", 9), 5);
	CHECK_STR(response_header("Retry-After"), "1");
	CHECK_INT(passed(&share.bob, "", 9), 5);		/* a certificate each */
	CHECK_INT(passed(&share.alice, "more=x", 3), 0);	/* the words do not matter */
	again.cert = world_cert("alice", share.alice.private, "org1", share.ca_key,
				(struct tally_cert_make){ .until_ms = tally_now_ms() + 2 * DAY_MS });
	other.cert = world_cert("alice", share.alice.private, "org2", share.other_ca_key,
				(struct tally_cert_make){ .ca = false });
	CHECK_INT(passed(&again, "", 9), 5);
	CHECK_INT(passed(&other, "orgID=org2", 9), 5);
	now_ns += SECOND_NS;
	CHECK_INT(passed(&share.alice, "", 9), 2);
	/* what a caller signed himself is counted with the rest */
	state = share_state();
	share_ask_signed(&share.alice, "POST", QUERY, about_alice(""));
	share_refused(state, 429, "BCS.5002930");
	/* who is not believed is not counted */
	for (unsigned int i = 0; i < 30; i++) {
		share_ask(&share.carol, "POST", QUERY, text("did=x|cert:=%s", json_text(share.bob.cert)));
		CHECK_STR(share_reply("errorCode"), "BCS.5002911");
	}
	CHECK_INT(passed(&share.carol, "", 9), 5);
}

/* Each endpoint has a number of its own, or the one of all. */
static void buckets_of_endpoints(void)
{
	unsigned int good = 0;

	throttled("20", "ShowDID=2:5 QueryDatasetByCond=0");
	for (unsigned int i = 0; i < 60; i++) {
		share_ask(&share.alice, "POST", "/v1/datashare/query-datasets", "");
		share_ok();
	}
	for (unsigned int i = 0; i < 60; i++) {
		share_ask(&share.alice, "POST", "/v1/datashare/dataset/query-orders", "");
		good += share.response.status == 200;
	}
	CHECK_INT(good, 20);
	good = 0;
	for (unsigned int i = 0; i < 60; i++) {
		uint64_t state = share_state();

		share_ask(&share.alice, "PUT", "/v1/identity/did", about_alice(""));
		if (share.response.status == 200)
			good++;
		else
			share_refused(state, 429, "BCS.5002930");
	}
	CHECK_INT(good, 20);
	CHECK_INT(passed(&share.alice, "", 9), 5);
}

static unsigned int resolved(const char *from_address, unsigned int requests)
{
	unsigned int good = 0;

	share.client = from_address;
	for (unsigned int i = 0; i < requests; i++) {
		share_send("GET", text("/v1/identity/resolve/mychannel/%s", share.alice.did),
			   TALLY_BYTES_NONE, NULL, (struct tally_request){ 0 });
		good += share.response.status == 200;
		if (share.response.status != 200)
			CHECK_INT(share.response.status, 429);
	}
	share.client = NULL;
	return good;
}

/* Documents for everyone are counted by address; local administration is not counted. */
static void buckets_of_addresses(void)
{
	json_object *body;

	throttled("20", "ShowDID=1:1");
	CHECK_INT(resolved("198.51.100.1", 30), 20);
	CHECK_INT(resolved("198.51.100.2", 30), 20);
	CHECK_INT(resolved("2001:db8:0:1::1", 30), 20);
	CHECK_INT(resolved("2001:db8:0:1:ffff::2", 30), 0);
	CHECK_INT(passed(&share.alice, "", 3), 1);
	for (unsigned int i = 0; i < 5; i++) {
		body = share_common(&share.alice, true);
		share_words(body, about_alice(""));
		share_send("POST", QUERY, share_text_of(body), NULL,
			   (struct tally_request){ .local = true });
		share_ok();
	}
	throttled("0", "");
	CHECK_INT(passed(&share.alice, "", 60), 60);
}

/* A name stands for one thing, whichever family it is of. */
static void names_are_of_one(void)
{
	const struct tally_share_endpoint *row, *other;

	for (row = tally_share_endpoints; row->path != NULL; row++) {
		CASE("%s", row->name);
		for (size_t i = 0; tally_actions[i] != NULL; i++)
			CHECK(strcmp(tally_actions[i]->name, row->name) != 0);
		for (other = tally_share_endpoints; other < row; other++)
			CHECK(strcmp(other->name, row->name) != 0);
	}
}

/* ---- a signature in headers ---- */

static struct tally_bytes zip(struct tally_bytes plain)
{
	z_stream stream = { .next_in = (uint8_t *)plain.data, .avail_in = (uInt)plain.size };
	uint8_t *out = tally_arena_alloc(&world.arena, 4096);

	CHECK_INT(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
	stream.next_out = out;
	stream.avail_out = 4096;
	CHECK_INT(deflate(&stream, Z_FINISH), Z_STREAM_END);
	deflateEnd(&stream);
	return tally_bytes(out, 4096 - stream.avail_out);
}

static const char *hex(struct tally_bytes bytes)
{
	char *made = tally_arena_alloc(&world.arena, 2 * bytes.size + 1);

	tally_hex_encode(bytes.data, bytes.size, made);
	return made;
}

/* Headers as "name: value", lines; good: answered, else BCS.5002912. */
static void signed_with(const char *what, struct tally_bytes body, const char *lines, bool good)
{
	struct tally_header headers[6];
	struct tally_request request = { .arena = &world.arena, .method = TALLY_BYTES_LIT("POST"),
					 .path = TALLY_BYTES_LIT(QUERY), .headers = headers,
					 .client = TALLY_BYTES_LIT("::1"),
					 .body = tally_arena_bytes(&world.arena, body) };
	char *copy = tally_arena_str(&world.arena, tally_bytes_str(lines)), *line;
	uint64_t state = share_state();

	while ((line = strsep(&copy, "\n")) != NULL) {
		char *colon = strchr(line, ':');

		*colon = '\0';
		headers[request.header_count++] =
			(struct tally_header){ tally_bytes_str(line), tally_bytes_str(colon + 2) };
	}
	CASE("%s", what);
	tally_service_handle(world.service, &request, &share.response);
	if (good)
		share_ok();
	else
		share_refused(state, 500, "BCS.5002912");
}

static void signatures(void)
{
	static const char sign[] = "x-bcs-signature-sign", method[] = "x-bcs-signature-method",
			  gzip[] = "x-bcs-signature-sign-gzip";
	json_object *object = share_common(&share.bob, false);
	const char *plain, *zipped;
	struct tally_bytes body, numbers, packed;
	uint8_t decimal[TALLY_P256_TEXT];

	share_words(object, about_alice(""));
	body = share_text_of(object);
	plain = share_sign(&share.bob, body);
	REQUIRE(plain != NULL && tally_hex_decode(tally_bytes_str(plain), decimal, strlen(plain) / 2));
	numbers = tally_bytes(decimal, strlen(plain) / 2);
	packed = zip(numbers);
	zipped = hex(packed);
	signed_with("alone", body, text("%s: %s", sign, plain), true);
	signed_with("with all", body, text("%s: %s\n%s: SW\n%s: 0", sign, plain, method, gzip), true);
	signed_with("empty words", body, text("%s: %s\n%s: \n%s: ", sign, plain, method, gzip), true);
	signed_with("compressed", body, text("%s: %s\n%s: 1", sign, zipped, gzip), true);
	signed_with("compressed, all", body,
		    text("%s: SW\n%s: 1\n%s: %s", method, gzip, sign, zipped), true);
	signed_with("not compressed, said to be", body, text("%s: %s\n%s: 1", sign, plain, gzip), false);
	signed_with("compressed, not said", body, text("%s: %s", sign, zipped), false);
	signed_with("compressed, denied", body, text("%s: %s\n%s: 0", sign, zipped, gzip), false);
	signed_with("another word", body, text("%s: %s\n%s: 2", sign, plain, gzip), false);
	signed_with("true", body, text("%s: %s\n%s: true", sign, zipped, gzip), false);
	signed_with("another method", body, text("%s: %s\n%s: SM", sign, plain, method), false);
	signed_with("a method twice", body, text("%s: %s\n%s: SW\n%s: SW", sign, plain, method, method),
		    false);
	signed_with("gzip twice", body, text("%s: %s\n%s: 0\n%s: 1", sign, plain, gzip, gzip), false);
	signed_with("a signature twice", body, text("%s: %s\n%s: %s", sign, plain, sign, plain), false);
	signed_with("cut off", body, text("%s: %.*s\n%s: 1", sign, (int)strlen(zipped) - 2, zipped, gzip),
		    false);
	signed_with("and more", body, text("%s: %s00\n%s: 1", sign, zipped, gzip), false);
	signed_with("twice compressed", body, text("%s: %s\n%s: 1", sign, hex(zip(packed)), gzip), false);
	signed_with("of nothing", body, text("%s: %s\n%s: 1", sign, hex(zip(TALLY_BYTES_LIT(""))), gzip),
		    false);
	signed_with("of much", body,
		    text("%s: %s\n%s: 1", sign, hex(zip(tally_bytes_str(long_text(100000)))), gzip), false);
	signed_with("of another", body,
		    text("%s: %s\n%s: 1", sign, hex(zip(TALLY_BYTES_LIT("1+1"))), gzip), false);
	for (size_t i = 0; i < packed.size; i++) {
		uint8_t *broken = (uint8_t *)tally_arena_bytes(&world.arena, packed).data;

		/* of magic, method, flags, checksum and size; other bits may say the same another way */
		if (i >= 4 && i < packed.size - 8)
			continue;
		broken[i] ^= 0x40;
		signed_with(text("byte %zu", i), body,
			    text("%s: %s\n%s: 1", sign, hex(tally_bytes(broken, packed.size)), gzip), false);
	}
}

/* ---- values of other types ---- */

static void lenient(void)
{
	static const struct {
		const char *path, *words, *code;
	} cases[] = {
		{ "query-datasets", "currentPage=1|pageSizeNum=5", NULL },
		{ "query-datasets", "currentPage:=1|pageSizeNum:=5", NULL },
		{ "query-datasets", "currentPage=|pageSizeNum=", NULL },
		{ "query-datasets", "currentPage:=null|status:=null|provider:=null", NULL },
		{ "query-datasets", "status=|provider=|searchText=", NULL },
		{ "query-datasets", "currentPage=0", "BCS.5002046" },
		{ "query-datasets", "currentPage:=0", "BCS.5002046" },
		{ "query-datasets", "pageSizeNum=0", "BCS.5002046" },
		{ "query-datasets", "currentPage:=1.0", "BCS.5002046" },
		{ "query-datasets", "currentPage:=\"1.0\"", "BCS.5002046" },
		{ "query-datasets", "status=request", "BCS.5002046" },
		{ "dataset/query-orders", "currentPage:=1|pageSizeNum:=100000|status=canceled", NULL },
		{ "dataset/query-orders", "status=cancelled", "BCS.5002046" },
		{ "dataset/query-orders", "status:=0", "BCS.5002046" },
		{ "dataset/query-processes", "creatorDID=did:tally:x|currentPage:=2", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t state = share_state();

		CASE("%s %s", cases[i].path, cases[i].words);
		share_ask(&share.alice, "POST", text("/v1/datashare/%s", cases[i].path), cases[i].words);
		if (cases[i].code == NULL)
			share_ok();
		else
			share_refused(state, 500, cases[i].code);
	}
}

static const char *dataset(const char *name, const char *words)
{
	return text("provider=%s|productName=n|productID=%s|sampleUrl=s|dataUrl=d|plainData=aGVsbG8=|%s",
		    share.alice.did, name, words);
}

/* Flags, and files that there are no watermarks for. */
static void flags_and_files(void)
{
	static const struct {
		const char *words, *code;
	} cases[] = {
		{ "onChainStore=true", NULL }, { "onChainStore:=true", NULL },
		{ "onChainStore=false", NULL }, { "onChainStore:=false", NULL },
		{ "onChainStore=", NULL }, { "onChainStore:=null", NULL },
		{ "onChainStore=yes", "BCS.5002046" }, { "onChainStore:=1", "BCS.5002046" },
		{ "action=|creatorDID=|processID=|stageName=", NULL },
		{ "category=symmetric|watermarkType=|file=", NULL },
		{ "category=abe", "BCS.5002919" }, { "watermarkType=blind", "BCS.5002919" },
		{ "file=aGVsbG8=", "BCS.5002919" }, { "file:={}", "BCS.4006003" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t state = share_state();

		CASE("%s", cases[i].words);
		share_ask(&share.alice, "POST", "/v1/datashare/dataset/share",
			  dataset(text("flag%zu", i),
				  text("consumer=%s|%s", share.bob.did, cases[i].words)));
		if (cases[i].code == NULL)
			share_ok();
		else
			share_refused(state, 500, cases[i].code);
	}
}

static void multipart(void)
{
	static const char body[] = "--x\r\nContent-Disposition: form-data; name=\"orgID\"\r\n\r\norg1\r\n--x--";
	struct tally_header headers[] = { { TALLY_BYTES_LIT("content-type"),
					    TALLY_BYTES_LIT("Multipart/Form-Data; boundary=x") } };
	struct tally_request request = { .arena = &world.arena, .method = TALLY_BYTES_LIT("POST"),
					 .path = TALLY_BYTES_LIT("/v1/datashare/dataset"),
					 .headers = headers, .header_count = 1,
					 .client = TALLY_BYTES_LIT("::1"),
					 .body = tally_arena_bytes(&world.arena, tally_bytes_str(body)) };
	uint64_t state = share_state();

	tally_service_handle(world.service, &request, &share.response);
	share_refused(state, 500, "BCS.5002919");
	request.header_count = 0;
	tally_service_handle(world.service, &request, &share.response);
	share_refused(state, 500, "BCS.4006003");
}

/* ---- types of answers ---- */

static const enum json_type json_types[] = {
	[NODE_OBJECT] = json_type_object, [NODE_LIST] = json_type_array, [NODE_TEXT] = json_type_string,
	[NODE_UINT] = json_type_int, [NODE_INT] = json_type_int, [NODE_BOOL] = json_type_boolean,
};

static const struct tally_reply_field *reply_row(const struct tally_reply_field *rows, const char *path)
{
	while (rows->name != NULL && strcmp(rows->name, path) != 0)
		rows++;
	return rows->name != NULL ? rows : NULL;
}

static void check_value(const struct tally_reply_field *rows, json_object *value, const char *path)
{
	const struct tally_reply_field *row = reply_row(rows, path), *below;
	bool described = false;

	CASE("%s", path);
	REQUIRE(row != NULL);
	CHECK_INT(json_object_get_type(value), json_types[row->kind]);
	for (size_t i = 0; row->kind == NODE_LIST && i < json_object_array_length(value); i++)
		check_value(rows, json_object_array_get_idx(value, i), text("%s[item]", path));
	for (below = rows; below->name != NULL; below++) {
		size_t size = strlen(path);
		json_object *member = NULL;

		if (row->kind != NODE_OBJECT || strncmp(below->name, path, size) != 0 ||
		    below->name[size] != '.' || strpbrk(below->name + size + 1, ".[") != NULL)
			continue;
		described = true;
		CASE("%s", below->name);
		CHECK(json_object_object_get_ex(value, below->name + size + 1, &member) || below->optional);
		if (member != NULL)
			check_value(rows, member, below->name);
	}
	if (!described || row->kind != NODE_OBJECT)
		return;
	json_object_object_foreach(value, name, any) {
		(void)any;
		CASE("%s.%s", path, name);
		CHECK(reply_row(rows, text("%s.%s", path, name)) != NULL);
	}
}

/* Each member is in the rows, and of their kind; each that they require is there. */
static void check_reply(const struct tally_reply_field *rows, json_object *root)
{
	json_object_object_foreach(root, name, value)
		check_value(rows, value, name);
	for (const struct tally_reply_field *row = rows; row->name != NULL; row++) {
		CASE("%s", row->name);
		if (strpbrk(row->name, ".[") == NULL)
			CHECK(row->optional || json_object_object_get_ex(root, row->name, NULL));
	}
}

static const struct tally_share_endpoint *endpoint_of(const char *method, const char *path)
{
	const struct tally_share_endpoint *row = tally_share_endpoints;

	while (row->path != NULL && (strcmp(row->method, method) != 0 || strcmp(row->path, path) != 0))
		row++;
	return row;
}

static unsigned int answered;

static void answers(const struct person *who, const char *method, const char *path, const char *words)
{
	const struct tally_share_words *of = tally_share_words(endpoint_of(method, path));
	json_object *root;

	CASE("%s", path);
	share_ask(who, method, path, words);
	share_ok();
	REQUIRE(of != NULL);
	root = json_tokener_parse(tally_arena_str(&world.arena, share.response.body));
	REQUIRE(root != NULL);
	check_reply(of->reply, root);
	json_object_put(root);
	answered++;
}

/* The way of a credential, and who must have said what is in the answers that say more to one. */
static void types_of_credentials(void)
{
	const char *issuer = share.alice.did, *holder = share.bob.did, *application;

	answers(&share.alice, "POST", "/v1/identity/credential-schema",
		text("issuer=%s|identifier=typed|attributes:=[{\"name\":\"n\",\"type\":\"string\"}]", issuer));
	answers(&share.bob, "POST", "/v1/identity/query-credential-schema", text("schemaIndex=%s_typed", issuer));
	answers(&share.bob, "POST", "/v1/identity/apply-vc",
		text("applyer=%s|serviceID=%s#service1|data=please", holder, issuer));
	application = text("orderIndex=%s", share_reply("orderIndex"));
	answers(&share.alice, "POST", "/v1/identity/query-vc-orders", "");
	answers(&share.alice, "POST", "/v1/identity/query-vc-order", application);
	CHECK_STR(share_reply("data"), "please");
	answers(&share.alice, "POST", "/v1/identity/issue-vc",
		text("issuer=%s|applyer=%s|sequence=typed|schemaIndex=%s_typed|data={\"n\":\"b\"}", issuer,
		     holder, issuer));
	answers(&share.alice, "POST", "/v1/identity/vc-order",
		text("%s|vcIndex=%s_typed", application, issuer));
	answers(&share.bob, "POST", "/v1/identity/query-vc", text("vcIndex=%s_typed", issuer));
	CHECK_STR(share_reply("data"), "{\"n\":\"b\"}");
	answers(&share.bob, "POST", "/v1/identity/verify-vc",
		text("vcIndex=%s_typed|owner=%s", issuer, holder));
	CHECK_STR(share_reply("isOwned"), "true");
}

static void types_of_answers(void)
{
	const char *order = text("consumer=%s|orderSeq=typed", share.bob.did);
	const char *process;

	answers(&share.alice, "POST", "/v1/datashare/dataset", dataset("typed", ""));
	answers(&share.alice, "POST", "/v1/datashare/query-dataset",
		text("provider=%s|productID=typed", share.alice.did));
	answers(&share.alice, "POST", "/v1/datashare/query-datasets", "pageSizeNum:=2");
	answers(&share.bob, "POST", "/v1/datashare/dataset/dataset-order",
		text("%s|provider=%s|productID=typed", order, share.alice.did));
	answers(&share.alice, "POST", "/v1/datashare/dataset/authorize-dataset", order);
	answers(&share.bob, "POST", "/v1/datashare/dataset/query-order", order);
	answers(&share.bob, "POST", "/v1/datashare/dataset/query-orders", "");
	answers(&share.alice, "POST", "/v1/datashare/dataset/share",
		dataset("staged", text("consumer=%s|onChainStore:=true|action=new|stageName=s",
				       share.bob.did)));
	process = text("creatorDID=%s|processID=%s", share.alice.did, share_reply("processID"));
	answers(&share.bob, "POST", "/v1/datashare/dataset/query-process", process);
	answers(&share.bob, "POST", "/v1/datashare/dataset/query-processes", process);
	answers(&share.bob, "POST", QUERY, about_alice(""));
	answers(&share.bob, "PUT", "/v1/datashare/dataset/order", text("%s|orderStatus:=0", order));
	answers(&share.alice, "PUT", "/v1/datashare/dataset",
		text("provider=%s|productID=typed", share.alice.did));
	answers(&share.bob, "DELETE", "/v1/datashare/dataset/order", order);
	answers(&share.alice, "DELETE", "/v1/datashare/dataset",
		text("provider=%s|productID=typed", share.alice.did));
	answers(&share.alice, "PUT", "/v1/identity/did",
		about_alice("service:=[{\"type\":\"T\",\"serviceEndpoint\":\"u\",\"credentialApplySchema\":"
			    "{\"type\":\"t\",\"name\":\"n\"}}]"));
	answers(&share.carol, "POST", "/v1/identity/firm-did",
		"service:=[{\"type\":\"T\",\"serviceEndpoint\":\"u\"}]");
	share_ask(&share.alice, "POST", "/v1/datashare/dataset/share",
		  dataset("opened", text("consumer=%s|orderSeq=opened|onChainStore=true", share.bob.did)));
	answers(&share.bob, "POST", "/v1/datashare/dataset/query-plaintext",
		text("consumer=%s|orderSeq=opened|onChainStore=true", share.bob.did));
	types_of_credentials();
	CHECK_INT(answered, 28 - 1);		/* each endpoint but RegisterDID, which has the answer of another */
}

/* Every endpoint that is available, and every parameter of it, stands in the documents. */
static void words(void)
{
	const struct tally_share_endpoint *row;

	for (row = tally_share_endpoints; row->path != NULL; row++) {
		const struct tally_share_words *of = tally_share_words(row);
		char *rest, *name;

		CASE("%s", row->name);
		CHECK_INT(of != NULL, row->run != NULL);
		for (size_t i = 0; of != NULL && row->params[i].name != NULL; i++) {
			const struct tally_share_param_words *said =
				tally_share_param_words(row->params[i].name);

			CASE("%s of %s", row->params[i].name, row->name);
			REQUIRE(said != NULL);
			CHECK(tally_share_type_words[row->params[i].type].name != NULL);
			CHECK(tally_share_type_words[row->params[i].type].json != NULL);
			CHECK(strchr(said->example, '\'') == NULL);	/* which ends a text of a shell */
		}
		/* its example has no parameter that it does not take */
		rest = of != NULL && of->example != NULL ?
			       tally_arena_str(&world.arena, tally_bytes_str(of->example)) : NULL;
		while ((name = strsep(&rest, " ")) != NULL) {
			size_t i = 0;

			while (row->params[i].name != NULL && strcmp(row->params[i].name, name) != 0)
				i++;
			CASE("%s of %s", name, row->name);
			CHECK(row->params[i].name != NULL && !row->params[i].required);
		}
	}
}

/* ---- the OpenAPI document ---- */

static json_object *member(json_object *of, const char *name)
{
	json_object *found = NULL;

	if (of != NULL && !json_object_object_get_ex(of, name, &found))
		FAIL("there is no \"%s\"", name);
	return found;
}

static bool has_name(json_object *list, const char *name)
{
	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++)
		if (strcmp(json_object_get_string(json_object_array_get_idx(list, i)), name) == 0)
			return true;
	return false;
}

static const struct tally_share_param *within(const struct tally_share_endpoint *row)
{
	const struct tally_share_param *param = row->params;

	while (param->name != NULL && param->type != SP_WITHIN)
		param++;
	return param->name != NULL ? param : NULL;
}

/* What may stand in an object or beside it is in the schema at both places, and required at one of them. */
static void check_body(const struct tally_share_endpoint *row, json_object *schema)
{
	const struct tally_share_param *in = within(row);
	json_object *object = in != NULL ? member(member(schema, "properties"), in->name) : NULL;
	json_object *either = in != NULL ? member(schema, "anyOf") : NULL;

	for (const struct tally_share_param *param = row->params; param->name != NULL; param++) {
		bool behind = in != NULL && param > in;

		CASE("%s of %s", param->name, row->name);
		CHECK(member(member(schema, "properties"), param->name) != NULL);
		CHECK_INT(has_name(member(schema, "required"), param->name), param->required && !behind);
		if (!behind)
			continue;
		CHECK(member(member(object, "properties"), param->name) != NULL);
		CHECK_INT(has_name(member(object, "required"), param->name), param->required);
		CHECK_INT(has_name(member(json_object_array_get_idx(either, 1), "required"), param->name),
			  param->required);
	}
	CASE("%s", row->name);
	CHECK_INT(json_object_object_get_ex(schema, "anyOf", NULL), in != NULL);
	if (in != NULL)
		CHECK(has_name(member(json_object_array_get_idx(either, 0), "required"), in->name));
}

static void the_openapi_document(void)
{
	json_object *root = json_tokener_parse(
		tally_arena_str(&world.arena, tally_actions_openapi(&world.arena)));
	unsigned int with_400 = 0, within_one = 0;

	REQUIRE(root != NULL);
	for (const struct tally_share_endpoint *row = tally_share_endpoints; row->path != NULL; row++) {
		char method[8] = "";
		json_object *operation;

		if (row->run == NULL)
			continue;
		CASE("%s", row->name);
		for (size_t i = 0; row->method[i] != '\0'; i++)
			method[i] = (char)(row->method[i] | 0x20);
		operation = member(member(member(root, "paths"), row->path), method);
		check_body(row, member(member(member(member(operation, "requestBody"), "content"),
					      "application/json"), "schema"));
		within_one += within(row) != NULL;
		with_400 += json_object_object_get_ex(member(operation, "responses"), "400", NULL);
	}
	CHECK_INT(within_one, 1);
	CHECK_INT(with_400, 1);
	json_object_put(root);
}

/* ---- errors from below ---- */

static void errors_from_below(void)
{
	static const struct {
		enum tally_code code;
		const char *subject, *as;
		int status;
	} cases[] = {
		{ TALLY_CORRUPT, "ReadOnly", "BCS.5002931", 500 }, { TALLY_DENIED, "ReadOnly", "BCS.5002931", 500 },
		{ TALLY_CORRUPT, "Block", "BCS.5000500", 500 }, { TALLY_IO, "", "BCS.5000500", 500 },
		{ TALLY_FULL, "", "BCS.5000500", 500 }, { TALLY_BUSY, "", "BCS.5002921", 503 },
		{ TALLY_CONFLICT, "State", "BCS.5002921", 503 }, { TALLY_UNCERTAIN, "", "BCS.5002034", 503 },
		{ TALLY_NOTFOUND, "Ledger", "BCS.4006012", 500 }, { TALLY_NOTFOUND, "Order", "BCS.5002902", 500 },
		{ TALLY_NOTFOUND, "Content", "BCS.5002920", 500 }, { TALLY_EXISTS, "Order", "BCS.5002903", 500 },
		{ TALLY_DENIED, "Caller", "BCS.5002904", 500 }, { TALLY_DENIED, "Access", "BCS.5002904", 500 },
		{ TALLY_INVALID, "State", "BCS.5002905", 500 }, { TALLY_INVALID, "productID", "BCS.5002046", 500 },
		{ TALLY_MISSING, "productID", "BCS.5002046", 500 }, { TALLY_EXPIRED, "", "BCS.5002916", 500 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tally_share_fault fault = { 0 };
		struct tally_err below = { 0 };
		struct tally_bytes message;

		tally_err_about(&below, cases[i].code, cases[i].subject, "/var/lib/x: it failed");
		CASE("%s %s", tally_code_name(cases[i].code), cases[i].subject);
		tally_share_fault_from(&fault, &world.arena, &below);
		CHECK_STR(tally_share_fault_code(fault.kind), cases[i].as);
		CHECK_INT(tally_share_fault_status(&fault), cases[i].status);
		CHECK_INT(tally_share_fault_retry(&fault) > 0, cases[i].status == 503);
		message = tally_share_fault_message(&fault, &world.arena);
		CHECK(message.size >= 2 && message.size <= 512);
		/* what went wrong inside is in the log, and nowhere else */
		if (strcmp(cases[i].as, "BCS.5000500") == 0)
			CHECK(memmem(message.data, message.size, "/var", 4) == NULL);
	}
}

int main(void)
{
	if (!share_open()) {
		printf("Bail out! %s\n", err.text);
		return 99;
	}
	TEST(identities);
	TEST(timestamps);
	TEST(the_window);
	TEST(names_of_places);
	TEST(pem);
	TEST(places_of_callers);
	TEST(buckets);
	TEST(buckets_of_endpoints);
	TEST(buckets_of_addresses);
	TEST(names_are_of_one);
	TEST(signatures);
	TEST(lenient);
	TEST(flags_and_files);
	TEST(multipart);
	TEST(types_of_answers);
	TEST(words);
	TEST(the_openapi_document);
	TEST(errors_from_below);
	world_close();
	return tap_done();
}
