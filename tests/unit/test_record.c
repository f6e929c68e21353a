/*
 * Records, leaves, payload slots and envelopes: the golden bytes, there and back; cut, flipped and
 * newer ones. tests/golden/verify.py makes the same bytes without this code.
 */
#include "record.h"

#include "golden.h"
#include "tap.h"

static struct json_object *golden;
static struct tally_arena arena;
static struct tally_err err;

/* Runs fn over each golden journal. */
static void each_journal(void (*fn)(const struct golden_journal *journal))
{
	for (size_t i = 0; i < golden_count(golden, "journals"); i++) {
		struct golden_journal journal;

		tally_arena_reset(&arena);
		journal = golden_journal(golden, i, &arena);
		CASE("journal %zu, %s", i, journal.what);
		fn(&journal);
	}
}

static struct tally_bytes take(struct tally_buf *buf)
{
	struct tally_bytes bytes = tally_arena_bytes(&arena, tally_buf_bytes(buf));

	tally_buf_free(buf);
	return bytes;
}

static struct tally_bytes record_bytes(const struct tally_record *record)
{
	struct tally_buf buf = { 0 };

	tally_record_encode(record, &buf);
	return take(&buf);
}

static struct tally_bytes leaf_bytes(const struct tally_record *record,
				     const struct tally_place *place)
{
	struct tally_buf buf = { 0 };

	tally_leaf_encode(record, place, &buf);
	return take(&buf);
}

static struct tally_bytes slot_bytes(const struct tally_payload_slot *slot)
{
	struct tally_buf buf = { 0 };

	tally_payload_head_encode(slot, &buf);
	tally_buf_add_bytes(&buf, slot->payload);
	return take(&buf);
}

static struct tally_bytes envelope_bytes(const struct tally_envelope *envelope)
{
	struct tally_buf buf = { 0 };

	tally_envelope_encode(envelope, &buf);
	return take(&buf);
}

/* ---- golden bytes ---- */

static void check_hash(const uint8_t *got, struct json_object *object, const char *name)
{
	uint8_t want[TALLY_HASH_SIZE];

	vectors_hex(vectors_text(object, name), want, sizeof(want));
	CHECK_MEM(got, want, TALLY_HASH_SIZE);
}

static void check_golden(const struct golden_journal *journal)
{
	struct json_object *object = journal->object;
	struct tally_bytes leaf = leaf_bytes(&journal->record, &journal->place);
	struct tally_hash hash;

	CHECK_BYTES(leaf, golden_text(vectors_member(object, "leaf")));
	tally_leaf_hash(leaf, &hash);
	check_hash(hash.bytes, object, "journalHash");
	CHECK_BYTES(record_bytes(&journal->record), golden_hex(object, "record", &arena));
	CHECK_BYTES(envelope_bytes(&journal->envelope), golden_hex(object, "envelopeSlot", &arena));
	if (!journal->record.has_payload)
		return;
	check_hash(journal->record.payload_hash, object, "payloadHash");
	if (journal->record.has_evidence)
		check_hash(journal->record.evidence_hash, object, "evidenceHash");
	CHECK_BYTES(slot_bytes(&journal->slot), golden_hex(object, "payloadSlot", &arena));
}

static void golden_bytes(void)
{
	CHECK(golden_count(golden, "journals") >= 8);
	each_journal(check_golden);
}

/* ---- there and back ---- */

static void check_back(const struct golden_journal *journal)
{
	struct tally_bytes bytes = record_bytes(&journal->record);
	struct tally_payload_slot slot;
	struct tally_envelope envelope;
	struct tally_record record;

	CHECK_OK(tally_record_decode(bytes, &arena, &record, &err));
	CHECK_BYTES(record_bytes(&record), bytes);
	CHECK_BYTES(leaf_bytes(&record, &journal->place),
		    golden_text(vectors_member(journal->object, "leaf")));
	bytes = envelope_bytes(&journal->envelope);
	CHECK_OK(tally_envelope_decode(bytes, &envelope, &err));
	CHECK_MEM(&envelope, &journal->envelope, sizeof(envelope));
	if (!record.has_payload)
		return;
	CHECK_OK(tally_payload_slot_check(&record, slot_bytes(&journal->slot), &slot, &err));
	CHECK_BYTES(slot.payload, journal->slot.payload);
	CHECK_BYTES(slot.evidence, journal->slot.evidence);
	CHECK_MEM(slot.salt, journal->slot.salt, TALLY_SALT_SIZE);
	CHECK_MEM(slot.evidence_salt, journal->slot.evidence_salt, TALLY_SALT_SIZE);
}

static void decoding_gives_back(void)
{
	each_journal(check_back);
}

static void fields_by_name(void)
{
	struct golden_journal journal = golden_journal(golden, 0, &arena);
	const struct tally_record *record = &journal.record;

	CHECK_BYTES(tally_field_text(record, "ledgerType"), TALLY_BYTES_LIT("JOURNAL"));
	CHECK_BYTES(tally_field_text(record, "ownerAccount"), TALLY_BYTES_NONE);
	CHECK_BYTES(tally_field_text(record, "none"), TALLY_BYTES_NONE);
	CHECK_INT(tally_field_number(record, "ownerAccount", 0), 1234567890123456);
	CHECK_INT(tally_field_number(record, "publicRead", 0), 1);
	CHECK_INT(tally_field_number(record, "name", 7), 7);
	CHECK_INT(tally_field_number(record, "none", 7), 7);
	CHECK(tally_field_find(record, "none") == NULL);
}

static void types_both_ways(void)
{
	size_t count = 0;

	for (unsigned int type = 0; type < 300; type++) {
		const char *name = tally_type_name(type);

		if (name == NULL)
			continue;
		CHECK_INT(tally_type_number(tally_bytes_str(name)), type);
		count++;
	}
	CHECK_INT(count, 32);
	CHECK_INT(tally_type_number(TALLY_BYTES_LIT("custom")), 0);
	CHECK_INT(tally_type_number(TALLY_BYTES_NONE), 0);
}

/* ---- cut short, and with something behind ---- */

/* A copy that ends exactly at size, for the sanitizers. */
static struct tally_bytes cut(struct tally_bytes bytes, size_t size)
{
	uint8_t *copy = tally_malloc(size);

	memcpy(copy, bytes.data, size);
	return tally_bytes(copy, size);
}

static int decode_record(struct tally_bytes bytes)
{
	struct tally_record record;

	return tally_record_decode(bytes, &arena, &record, &err);
}

static int decode_envelope(struct tally_bytes bytes)
{
	struct tally_envelope envelope;

	return tally_envelope_decode(bytes, &envelope, &err);
}

static const struct tally_record *slot_record;

static int decode_slot(struct tally_bytes bytes)
{
	struct tally_payload_slot slot;

	return tally_payload_slot_check(slot_record, bytes, &slot, &err);
}

static void check_cuts(struct tally_bytes bytes, size_t from, int (*decode)(struct tally_bytes))
{
	uint8_t *longer;

	for (size_t size = from; size < bytes.size; size++) {
		struct tally_bytes part = cut(bytes, size);

		CHECK_FAILS(decode(part), TALLY_CORRUPT);
		free((void *)(uintptr_t)part.data);
	}
	longer = tally_arena_alloc(&arena, bytes.size + 1);
	memcpy(longer, bytes.data, bytes.size);
	longer[bytes.size] = 0;
	CHECK_FAILS(decode(tally_bytes(longer, bytes.size + 1)), TALLY_CORRUPT);
}

static void check_truncation(const struct golden_journal *journal)
{
	struct tally_bytes envelope = envelope_bytes(&journal->envelope);

	check_cuts(record_bytes(&journal->record), 0, decode_record);
	if (envelope.size > 0)
		check_cuts(envelope, 1, decode_envelope);
	slot_record = &journal->record;
	if (journal->record.has_payload)
		check_cuts(slot_bytes(&journal->slot), 0, decode_slot);
}

static void every_truncation_is_refused(void)
{
	each_journal(check_truncation);
}

/* ---- one bit flipped ---- */

/*
 * Without the checksum of the slot: a flip is refused, or gives another record whose leaf is another
 * one too; never the same leaf, never something that cannot be encoded again.
 */
static void check_record_flips(const struct golden_journal *journal)
{
	struct tally_bytes leaf = leaf_bytes(&journal->record, &journal->place);
	struct tally_bytes bytes = record_bytes(&journal->record);
	uint8_t *copy = tally_arena_copy(&arena, bytes.data, bytes.size);

	for (size_t i = 0; i < bytes.size * 8; i++) {
		struct tally_record record;

		copy[i / 8] ^= (uint8_t)(1 << i % 8);
		if (tally_record_decode(tally_bytes(copy, bytes.size), &arena, &record, &err) == 0) {
			CHECK_BYTES(record_bytes(&record), tally_bytes(copy, bytes.size));
			if (tally_bytes_equal(leaf_bytes(&record, &journal->place), leaf))
				FAIL("bit %zu makes no difference to the leaf", i);
		} else if (err.code != TALLY_CORRUPT &&
			   !(err.code == TALLY_UNSUPPORTED && i < 8)) {
			FAIL("bit %zu: %s (%s)", i, err.text, tally_code_name(err.code));
		}
		copy[i / 8] ^= (uint8_t)(1 << i % 8);
	}
}

/* Of a slot all is under the hashes of its record. */
static void check_slot_flips(const struct golden_journal *journal)
{
	struct tally_bytes bytes = slot_bytes(&journal->slot);
	uint8_t *copy = tally_arena_copy(&arena, bytes.data, bytes.size);

	if (!journal->record.has_payload)
		return;
	for (size_t i = 0; i < bytes.size * 8; i++) {
		struct tally_payload_slot slot;

		copy[i / 8] ^= (uint8_t)(1 << i % 8);
		CHECK_FAILS(tally_payload_slot_check(&journal->record,
						     tally_bytes(copy, bytes.size), &slot, &err),
			    i < 8 ? TALLY_UNSUPPORTED : TALLY_CORRUPT);
		copy[i / 8] ^= (uint8_t)(1 << i % 8);
	}
}

/* Digests are any bytes; what is not refused comes back as it was. */
static void check_envelope_flips(const struct golden_journal *journal)
{
	struct tally_bytes bytes = envelope_bytes(&journal->envelope);
	uint8_t *copy = tally_arena_copy(&arena, bytes.data, bytes.size);

	for (size_t i = 0; i < bytes.size * 8; i++) {
		struct tally_envelope envelope;

		copy[i / 8] ^= (uint8_t)(1 << i % 8);
		if (tally_envelope_decode(tally_bytes(copy, bytes.size), &envelope, &err) == 0)
			CHECK_BYTES(envelope_bytes(&envelope), tally_bytes(copy, bytes.size));
		else
			CHECK_INT(err.code, i < 8 ? TALLY_UNSUPPORTED : TALLY_CORRUPT);
		copy[i / 8] ^= (uint8_t)(1 << i % 8);
	}
}

static void flipped_bits_are_refused_or_show(void)
{
	each_journal(check_record_flips);
	each_journal(check_slot_flips);
	each_journal(check_envelope_flips);
}

/* ---- newer versions ---- */

#define CHECK_NEWER(call, what, version) do { \
	CHECK_FAILS(call, TALLY_UNSUPPORTED); \
	CHECK_STR(err.text, what " version " #version ", this program reads 1"); \
} while (0)

static void newer_versions_are_named(void)
{
	static const uint8_t two[40] = { 2 }, last[40] = { 255 };
	struct tally_payload_slot slot;

	CHECK_NEWER(decode_record(tally_bytes(two, 40)), "record", 2);
	CHECK_NEWER(decode_record(tally_bytes(last, 1)), "record", 255);
	CHECK_NEWER(tally_payload_slot_decode(tally_bytes(two, 40), &slot, &err), "payload slot", 2);
	CHECK_NEWER(tally_payload_slot_decode(tally_bytes(last, 1), &slot, &err), "payload slot", 255);
	CHECK_NEWER(decode_envelope(tally_bytes(two, 40)), "envelope", 2);
	CHECK_NEWER(decode_envelope(tally_bytes(last, 1)), "envelope", 255);
}

/* ---- what a leaf could not hold ---- */

static struct tally_bytes hex(const char *text)
{
	uint8_t *data = tally_arena_alloc(&arena, strlen(text) / 2 + 1);

	vectors_hex(text, data, strlen(text) / 2);
	return tally_bytes(data, strlen(text) / 2);
}

/* type 15, no member, no clues, data: a field "n" of the kind and what is behind it */
#define FIELD(behind) "010f04" "0000" "01" "016e" behind

static void what_no_leaf_can_hold(void)
{
	static const struct {
		const char *what, *record;
		bool good;
	} cases[] = {
		{ "largest number", FIELD("02" "ffffffffffffff0f"), true },
		{ "a number of 2^53", FIELD("02" "8080808080808010"), false },
		{ "a longer form of a number", FIELD("02" "8100"), false },
		{ "true", FIELD("03" "01"), true },
		{ "a flag of 2", FIELD("03" "02"), false },
		{ "a field of no kind", FIELD("00" "01"), false },
		{ "a field of kind 4", FIELD("04" "01"), false },
		{ "text", FIELD("01" "02c3a9"), true },
		{ "text that is no UTF-8", FIELD("01" "01c3"), false },
		{ "names in order", "010f04" "0000" "02" "0161" "0301" "0162" "0301", true },
		{ "names out of order", "010f04" "0000" "02" "0162" "0301" "0161" "0301", false },
		{ "a name twice", "010f04" "0000" "02" "0161" "0301" "0161" "0301", false },
		{ "a name that is no UTF-8", "010f04" "0000" "01" "01ff" "0301", false },
		{ "a clue that is no UTF-8", "010100" "00" "01" "01ff", false },
		{ "a member that is no UTF-8", "010100" "01ff" "00", false },
		{ "33 clues", "010100" "00" "21" "00000000000000000000000000000000"
		  "0000000000000000000000000000000000", false },
		{ "17 fields", "010f04" "0000" "11", false },
		{ "no type", "010000" "0000", false },
		{ "a type that is none", "013f00" "0000", false },
		{ "flags that are none", "010108" "0000", false },
		{ "nothing in it", "010100" "0000", true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CASE("%s", cases[i].what);
		if (cases[i].good)
			CHECK_OK(decode_record(hex(cases[i].record)));
		else
			CHECK_FAILS(decode_record(hex(cases[i].record)), TALLY_CORRUPT);
	}
}

static void envelopes_that_are_none(void)
{
	struct tally_envelope envelope;

	CHECK_OK(tally_envelope_decode(TALLY_BYTES_NONE, &envelope, &err));
	CHECK(!envelope.has_token && !envelope.has_nonce && !envelope.has_request);
	CHECK_FAILS(decode_envelope(hex("0100")), TALLY_CORRUPT);
	CHECK_FAILS(decode_envelope(hex("0108")), TALLY_CORRUPT);
}

/* A slot and a record that do not belong together. */
static void slots_of_other_records(void)
{
	struct golden_journal plain = golden_journal(golden, 1, &arena);
	struct golden_journal other = golden_journal(golden, 2, &arena);
	struct tally_payload_slot slot;
	struct tally_record record;

	CHECK_FAILS(tally_payload_slot_check(&other.record, slot_bytes(&plain.slot), &slot, &err),
		    TALLY_CORRUPT);
	record = plain.record;
	record.payload_size++;
	CHECK_FAILS(tally_payload_slot_check(&record, slot_bytes(&plain.slot), &slot, &err),
		    TALLY_CORRUPT);
	record = other.record;
	record.has_evidence = false;
	CHECK_FAILS(tally_payload_slot_check(&record, slot_bytes(&other.slot), &slot, &err),
		    TALLY_CORRUPT);
	record = plain.record;
	record.has_evidence = true;
	CHECK_FAILS(tally_payload_slot_check(&record, slot_bytes(&plain.slot), &slot, &err),
		    TALLY_CORRUPT);
}

int main(void)
{
	golden = vectors_load("leaf.json");
	TEST(golden_bytes);
	TEST(decoding_gives_back);
	TEST(fields_by_name);
	TEST(types_both_ways);
	TEST(every_truncation_is_refused);
	TEST(flipped_bits_are_refused_or_show);
	TEST(newer_versions_are_named);
	TEST(what_no_leaf_can_hold);
	TEST(envelopes_that_are_none);
	TEST(slots_of_other_records);
	tally_arena_free(&arena);
	json_object_put(golden);
	return tap_done();
}
