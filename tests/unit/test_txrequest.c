/*
 * The light client's TxRequest: the golden messages, read and written, and every way in which a
 * message is refused. tests/golden/signatures.py writes the same messages in another way.
 */
#include "txrequest.h"

#include <stdlib.h>

#include "buf.h"
#include "err.h"
#include "tap.h"
#include "vectors.h"

#define ROOM 1024

static struct tally_err err;
static struct json_object *golden;

/* A whole message, and its parts, in hex: api_version 1, an empty custom_payload. */
#define VERSION "0801"
#define EMPTY "a20600"

static struct tally_bytes unhex(const char *hex, uint8_t *room)
{
	vectors_hex(hex, room, strlen(hex) / 2);
	return tally_bytes(room, strlen(hex) / 2);
}

static void check_parts(const struct tally_txrequest *got, struct json_object *parts)
{
	struct json_object *clues = vectors_member(parts, "clues");
	struct json_object *senders = vectors_member(parts, "senders"), *member;
	uint8_t room[200];

	CHECK_BYTES(got->ledger_id, vectors_bytes(parts, "ledgerId"));
	CHECK_BYTES(got->client_token, vectors_bytes(parts, "clientToken"));
	CHECK_INT(got->timestamp_millis, vectors_number(parts, "timestamp"));
	CHECK(got->nonce == json_object_get_uint64(vectors_member(parts, "nonce")));
	CHECK_INT(got->clue_count, json_object_array_length(clues));
	for (size_t i = 0; i < got->clue_count; i++)
		CHECK_BYTES(got->clues[i],
			    tally_bytes_str(json_object_get_string(json_object_array_get_idx(clues, i))));
	CHECK_BYTES(got->annotation, json_object_object_get_ex(parts, "annotation", &member) ?
		    unhex(json_object_get_string(member), room) : TALLY_BYTES_NONE);
	CHECK_INT(got->sender_count, json_object_array_length(senders));
	for (size_t i = 0; i < got->sender_count; i++) {
		struct json_object *sender = json_object_array_get_idx(senders, i);

		CHECK_BYTES(got->senders[i].member_id, vectors_bytes(sender, "memberId"));
		CHECK_BYTES(got->senders[i].public_key, unhex(vectors_text(sender, "publicKey"), room));
		CHECK_INT(got->senders[i].type, vectors_number(sender, "type"));
	}
	if (json_object_object_get_ex(parts, "custom", &member)) {
		CHECK_INT(got->payload, TX_CUSTOM);
		CHECK_BYTES(got->data, tally_bytes_str(json_object_get_string(member)));
		CHECK_INT(got->key.size, 0);
		return;
	}
	member = vectors_member(parts, "operation");
	CHECK_STR(got->payload == TX_KV_GET ? "kvGet" : got->payload == TX_KV_SET ? "kvSet" :
		  got->payload == TX_KV_DEL ? "kvDel" : "?", json_object_get_string(member));
	CHECK_BYTES(got->key, vectors_bytes(parts, "key"));
	CHECK_BYTES(got->data, got->payload == TX_KV_SET ? vectors_bytes(parts, "value") :
		    TALLY_BYTES_NONE);
}

static void golden_messages(void)
{
	struct json_object *lines = vectors_member(golden, "requests");
	struct tally_buf buf = { 0 };

	CHECK(json_object_array_length(lines) >= 7);
	for (size_t i = 0; i < json_object_array_length(lines); i++) {
		struct json_object *line = json_object_array_get_idx(lines, i);
		struct tally_txrequest request;
		uint8_t room[ROOM];
		struct tally_bytes bytes = unhex(vectors_text(line, "bytes"), room);

		CASE("%s", vectors_text(line, "what"));
		CHECK_OK(tally_txrequest_parse(bytes, &request, &err));
		check_parts(&request, vectors_member(line, "parts"));
		tally_buf_clear(&buf);
		tally_txrequest_format(&request, &buf);
		CHECK_BYTES(tally_buf_bytes(&buf), bytes);
	}
	tally_buf_free(&buf);
}

/* The published message, 197 bytes, made from its parts. */
static void published_message(void)
{
	struct json_object *line = json_object_array_get_idx(vectors_member(golden, "requests"), 0);
	struct tally_buf buf = { 0 };
	uint8_t key[65], room[ROOM], hash[32], want[32];
	struct tally_txrequest request = {
		.ledger_id = TALLY_BYTES_LIT("l-c8cc7be3eea542aaaaaaaaaaa"),
		.client_token = TALLY_BYTES_LIT("LedgerDB-Client4j-127.0.0.1"),
		.timestamp_millis = 1587515659345,
		.nonce = 42,
		.clues = { TALLY_BYTES_LIT("clue1"), TALLY_BYTES_LIT("clue2") },
		.clue_count = 2,
		.senders = { { .member_id = TALLY_BYTES_LIT("m-04389ec1075443bcaaaaaaaaaa"),
			       .public_key = { key, 65 } } },
		.sender_count = 1,
		.payload = TX_CUSTOM,
		.data = TALLY_BYTES_LIT("hello ledger")
	};

	vectors_hex("04d563c1c3b967d00d6fbac0c14661b7d8633d48031fa050e35752670b27d9bceb"
		    "04dfa6d46d66cb5ff1e2d0459436415b47012f6426ba1cd7405c47828b21128b", key, 65);
	vectors_hex("bd23bad3d3256e97fcadfe5de92607c41dd50ee33949022b2a1fc7bf11c0b067", want, 32);
	tally_txrequest_format(&request, &buf);
	CHECK_INT(buf.size, 197);
	CHECK_BYTES(tally_buf_bytes(&buf), unhex(vectors_text(line, "bytes"), room));
	tally_sha256(buf.data, buf.size, hash);
	CHECK_MEM(hash, want, 32);
	tally_buf_free(&buf);
}

static void other_forms_that_are_taken(void)
{
	static const struct {
		const char *what, *hex;
	} cases[] = {
		{ "the least", VERSION EMPTY },
		{ "payload first, version last", EMPTY VERSION },
		{ "fields with the value zero", VERSION "12001a00200028003a00" EMPTY },
		{ "a sender's fields backwards", VERSION "4207" "1801" "1200" "0a016d" EMPTY },
		{ "an empty clue", VERSION "3200" EMPTY },
		{ "kv_set, value before key", VERSION "ca0c07" "120161" "0a026262" },
		{ "the greatest numbers", VERSION "20ffffffffffffffffff01" "28ffffffffffffffffff01" EMPTY }
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tally_txrequest request;
		uint8_t room[ROOM];

		CASE("%s", cases[i].what);
		CHECK_OK(tally_txrequest_parse(unhex(cases[i].hex, room), &request, &err));
	}
}

static void messages_that_are_refused(void)
{
	static const struct {
		const char *what, *hex, *why;
	} cases[] = {
		{ "nothing", "", "api_version" },
		{ "no version", EMPTY, "api_version" },
		{ "version 0", "0800" EMPTY, "api_version" },
		{ "version 2", "0802" EMPTY, "api_version" },
		{ "version -1", "08ffffffffffffffffff01" EMPTY, "api_version" },
		{ "version twice", VERSION VERSION EMPTY, "more than 1" },
		{ "no payload", VERSION, "no payload" },
		{ "a payload twice", VERSION EMPTY EMPTY, "more than 1" },
		{ "two payloads", VERSION EMPTY "c20c030a0161", "second payload" },
		{ "kv_get and kv_del", VERSION "c20c030a0161" "d20c030a0161", "second payload" },
		{ "field 0", VERSION "0001" EMPTY, "no field 0" },
		{ "field 9", VERSION "4801" EMPTY, "no field 9" },
		{ "field 101", VERSION "aa0600", "no field 101" },
		{ "field 150, an operation that is not taken", VERSION "b20900", "no field 150" },
		{ "a field above 32 bits", VERSION "8280808080800100" EMPTY, "no field" },
		{ "field 2^32 + 1 is not field 1", VERSION "888080808001" "01" EMPTY, "no field 4294967297" },
		{ "number as bytes", "0a0101" EMPTY, "wire type 2" },
		{ "bytes as number", VERSION "1001" EMPTY, "wire type 0" },
		{ "fixed 64 bits", VERSION "210000000000000000" EMPTY, "wire type 1" },
		{ "fixed 32 bits", VERSION "2500000000" EMPTY, "wire type 5" },
		{ "a group", VERSION "1314" EMPTY, "wire type 3" },
		{ "the end of a group", VERSION "14" EMPTY, "wire type 4" },
		{ "wire type 6", VERSION "16" EMPTY, "wire type 6" },
		{ "wire type 7", VERSION "17" EMPTY, "wire type 7" },
		{ "a long tag", "880001" EMPTY, "malformed tag" },
		{ "a long number", "088100" EMPTY, "malformed number" },
		{ "a long size", VERSION "a2068000", "malformed number" },
		{ "a number of 11 bytes", VERSION "2080808080808080808080" "01" EMPTY, "malformed number" },
		{ "a number above 64 bits", VERSION "20ffffffffffffffffff02" EMPTY, "malformed number" },
		{ "cut off in a tag", VERSION "a2", "malformed tag" },
		{ "cut off in a number", VERSION EMPTY "2080", "malformed number" },
		{ "cut off before the number", VERSION EMPTY "20", "malformed number" },
		{ "cut off in bytes", VERSION "a2060261", "longer" },
		{ "a size of nearly 2^64", VERSION "a206ffffffffffffffffff01", "longer" },
		{ "ledger_id twice", VERSION "12016c12016c" EMPTY, "more than 1" },
		{ "client_token twice", VERSION "1a001a00" EMPTY, "more than 1" },
		{ "timestamp twice", VERSION "20002000" EMPTY, "more than 1" },
		{ "nonce twice", VERSION "28012801" EMPTY, "more than 1" },
		{ "annotation twice", VERSION "3a003a00" EMPTY, "more than 1" },
		{ "ledger_id is not UTF-8", VERSION "1201ff" EMPTY, "not UTF-8" },
		{ "client_token is not UTF-8", VERSION "1a02c080" EMPTY, "not UTF-8" },
		{ "a clue is a surrogate", VERSION "3203eda080" EMPTY, "not UTF-8" },
		{ "an empty sender", VERSION "4200" EMPTY, "without member_id" },
		{ "a sender without id", VERSION "42021801" EMPTY, "without member_id" },
		{ "a sender's id is not UTF-8", VERSION "42030a01ff" EMPTY, "not UTF-8" },
		{ "a sender's id twice", VERSION "42060a01610a0161" EMPTY, "more than 1" },
		{ "a sender's type 3", VERSION "42050a01611803" EMPTY, "sender_type" },
		{ "a sender's type 256", VERSION "42060a0161188002" EMPTY, "sender_type" },
		{ "a sender's field 4", VERSION "42050a01612000" EMPTY, "no field 4" },
		{ "a sender's key of 1 byte", VERSION "42060a0161120104" EMPTY, "public_key" },
		{ "a sender's field goes beyond it", VERSION "42020a01" "61" EMPTY, "longer" },
		{ "kv_get without key", VERSION "c20c00", "without key" },
		{ "kv_get of an empty key", VERSION "c20c020a00", "without key" },
		{ "kv_get with a value", VERSION "c20c060a0161120162", "no field 2" },
		{ "kv_del with a value", VERSION "d20c060a0161120162", "no field 2" },
		{ "kv_set without key", VERSION "ca0c03120162", "without key" },
		{ "kv_set, value twice", VERSION "ca0c070a016112001200", "more than 1" },
		{ "kv_set, key twice", VERSION "ca0c060a01610a0161", "more than 1" },
		{ "kv_set, key is not UTF-8", VERSION "ca0c030a0180", "not UTF-8" },
		{ "kv_set, a field 3", VERSION "ca0c050a01611a00", "no field 3" },
		{ "kv_set, a group", VERSION "ca0c040a01611314", "wire type 3" },
		{ "bytes behind it", VERSION EMPTY "00", "no field 0" }
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tally_txrequest request;
		uint8_t room[ROOM];
		struct tally_bytes bytes;

		CASE("%s", cases[i].what);
		if (strlen(cases[i].hex) % 2 != 0) {
			FAIL("odd hex");
			continue;
		}
		bytes = unhex(cases[i].hex, room);
		CHECK_FAILS(tally_txrequest_parse(bytes, &request, &err), TALLY_INVALID);
		if (strstr(err.text, cases[i].why) == NULL)
			FAIL("refused because \"%s\"", err.text);
	}
}

/* As many as there may be, and one more. */
static void counts_are_bounded(void)
{
	static const struct {
		const char *what, *one;
		size_t most;
	} cases[] = {
		{ "clues", "320163", TALLY_TX_CLUES },
		{ "senders", "42030a016d", TALLY_TX_SENDERS }
	};

	for (size_t i = 0; i < 2; i++) {
		struct tally_buf hex = { 0 };
		struct tally_txrequest request;
		uint8_t room[ROOM];

		CASE("%s", cases[i].what);
		tally_buf_add_str(&hex, VERSION EMPTY);
		for (size_t k = 0; k < cases[i].most; k++)
			tally_buf_add_str(&hex, cases[i].one);
		tally_buf_add_u8(&hex, '\0');
		CHECK_OK(tally_txrequest_parse(unhex((char *)hex.data, room), &request, &err));
		CHECK_INT(i == 0 ? request.clue_count : request.sender_count, cases[i].most);
		hex.size--;
		tally_buf_add_str(&hex, cases[i].one);
		tally_buf_add_u8(&hex, '\0');
		CHECK_FAILS(tally_txrequest_parse(unhex((char *)hex.data, room), &request, &err),
			    TALLY_INVALID);
		tally_buf_free(&hex);
	}
}

/* A sender's key: 65 bytes that begin with 04. Whether it is a point, the ledger asks. */
static void senders_keys(void)
{
	static const struct {
		size_t size;
		uint8_t first;
		bool taken;
	} cases[] = {
		{ 0, 0, true }, { 65, 4, true }, { 64, 4, false }, { 66, 4, false }, { 65, 2, false },
		{ 65, 6, false }, { 33, 2, false }, { 32, 4, false }
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t key[70] = { cases[i].first }, room[ROOM];
		struct tally_buf buf = { 0 };
		struct tally_txrequest request;

		CASE("%zu bytes, the first %u", cases[i].size, cases[i].first);
		tally_buf_add_bytes(&buf, unhex(VERSION EMPTY "42", room));
		tally_buf_add_u8(&buf, (uint8_t)(cases[i].size + 5));
		tally_buf_add_bytes(&buf, unhex("0a016d12", room));
		tally_buf_add_u8(&buf, (uint8_t)cases[i].size);
		tally_buf_add(&buf, key, cases[i].size);
		if (cases[i].taken)
			CHECK_OK(tally_txrequest_parse(tally_buf_bytes(&buf), &request, &err));
		else
			CHECK_FAILS(tally_txrequest_parse(tally_buf_bytes(&buf), &request, &err),
				    TALLY_INVALID);
		tally_buf_free(&buf);
	}
}

/* No beginning of the published message is a message: its payload stands last. */
static void every_beginning_is_refused(void)
{
	struct json_object *line = json_object_array_get_idx(vectors_member(golden, "requests"), 0);
	uint8_t room[ROOM];
	struct tally_bytes whole = unhex(vectors_text(line, "bytes"), room);

	for (size_t size = 0; size < whole.size; size++) {
		uint8_t *part = malloc(size != 0 ? size : 1);	/* so that a reader beyond it is seen */
		struct tally_txrequest request;

		CASE("%zu bytes", size);
		REQUIRE(part != NULL);
		memcpy(part, whole.data, size);
		CHECK_FAILS(tally_txrequest_parse(tally_bytes(part, size), &request, &err), TALLY_INVALID);
		free(part);
	}
}

int main(void)
{
	golden = vectors_load("signatures.json");
	TEST(golden_messages);
	TEST(published_message);
	TEST(other_forms_that_are_taken);
	TEST(messages_that_are_refused);
	TEST(counts_are_bounded);
	TEST(senders_keys);
	TEST(every_beginning_is_refused);
	json_object_put(golden);
	return tap_done();
}
