/*
 * What a core leaves in a store, byte by byte: digests of tokens, nonces and requests, keys made of
 * the master key, trees and tiles, the head; and what it says of a damaged or erased payload.
 */
#include "core_private.h"
#include "golden.h"
#include "mem.h"
#include "tap.h"
#include "tile.h"

static struct json_object *golden;		/* leaf.json */
static struct tally_arena arena;
static struct tally_err err;

/* ---- keys and digests ---- */

static void check_hex(const uint8_t *got, struct json_object *object, const char *name)
{
	struct tally_bytes want = golden_hex(object, name, &arena);

	CASE("%s", name);
	CHECK_BYTES(tally_bytes(got, want.size), want);
}

static void golden_digests(void)
{
	struct json_object *digests = vectors_member(golden, "digests");
	struct tally_core *core = tally_calloc(1, sizeof(*core));
	uint8_t key[32], digest[TALLY_DIGEST_SIZE];

	vectors_hex(vectors_text(digests, "masterKey"), core->master, sizeof(core->master));
	tally_core_key(core, "digests", core->digest_key);
	tally_core_key(core, "seal", key);
	check_hex(core->digest_key, digests, "digestKey");
	check_hex(key, digests, "sealKey");
	tally_keyed_digest(core->digest_key, vectors_bytes(digests, "nonce"), digest);
	check_hex(digest, digests, "nonceDigest");
	tally_token_digest(core, vectors_bytes(digests, "ledgerId"),
			   vectors_number(digests, "account"), vectors_bytes(digests, "token"),
			   digest);
	check_hex(digest, digests, "tokenDigest");
	tally_keyed_digest(core->digest_key, golden_hex(digests, "requestDigest", &arena), digest);
	check_hex(digest, digests, "requestKeyed");
	free(core);
}

/* ---- trees ---- */

static struct tally_hash leaves[TALLY_TILE_HASHES];

static void make_leaves(void)
{
	for (int i = 0; i < TALLY_TILE_WIDTH; i++)
		tally_leaf_hash(tally_bytes_str(tally_arena_printf(&arena, "entry %d", i)),
				&leaves[i]);
}

static void frontier_of(uint64_t size, struct tally_frontier *frontier)
{
	tally_frontier_init(frontier);
	for (uint64_t i = 0; i < size; i++)
		tally_frontier_append(frontier, &leaves[i]);
}

static void golden_trees(void)
{
	struct json_object *tree = vectors_load("tree.json");
	struct json_object *list = vectors_member(tree, "roots");
	uint8_t encoded[TALLY_FRONTIER_MAX];
	struct tally_frontier frontier;
	struct tally_hash root;

	for (size_t i = 0; i < golden_count(tree, "roots"); i++) {
		struct json_object *one = json_object_array_get_idx(list, i);

		frontier_of(vectors_number(one, "size"), &frontier);
		tally_frontier_root(&frontier, &root);
		check_hex(root.bytes, one, "root");
	}
	list = vectors_member(tree, "frontiers");
	for (size_t i = 0; i < golden_count(tree, "frontiers"); i++) {
		struct json_object *one = json_object_array_get_idx(list, i);

		frontier_of(vectors_number(one, "size"), &frontier);
		CHECK_BYTES(tally_bytes(encoded, tally_frontier_encode(&frontier, encoded)),
			    golden_hex(one, "frontier", &arena));
	}
	check_hex(leaves[0].bytes, tree, "partialTile");
	tally_tile_complete(leaves, &root);
	tally_sha256(leaves, TALLY_TILE_BYTES, encoded);
	check_hex(encoded, tree, "fullTileSha256");
	check_hex(leaves[TALLY_TILE_HASHES - 2].bytes, tree, "fullTileEnd");
	json_object_put(tree);
}

/* ---- the head ---- */

static struct tally_head *some_head(void)
{
	static struct tally_head head = { .blocks = 2, .time_ms = 1767312000123,
					  .status = LEDGER_NORMAL, .type = LEDGER_KV,
					  .public_read = true, .owner = 1234567890123456,
					  .owner_member = "m-1", .create_ms = 1767225600000,
					  .update_ms = 1767312000123, .member_count = 1,
					  .anchor_count = 3, .name = "S\xc3\xbc" "d",
					  .description = "", .origin = "ledger.example/l-0",
					  .sign_policy = SIGN_REQUIRED, .sign_count = 3,
					  .state = { .size = 2, .version = 1, .journal = 2 },
					  .state_wrong = true, .anchor_interval_s = 3600,
					  .has_anchor = true, .anchor_journal = 5,
					  .anchor_version = 4, .anchor_ms = 1767312000000, .changed = 8,
					  .has_trust_point = true, .trust_point = 6,
					  .trust_journal = 7, .trust_ms = 1767312000001,
					  .removal_policy = REMOVAL_ADMIN, .purge_before = 8,
					  .purge_order = 9, .closed = true, .has_ip_list = true,
					  .service_role = true, .endpoint_count = 11,
					  .limits = { 1, 2, 3, 4, 5 } };

	memset(head.block_hash, 0xb1, sizeof(head.block_hash));
	memset(head.state.root.bytes, 0xd1, TALLY_HASH_SIZE);
	frontier_of(3, &head.frontier);
	tally_frontier_root(&head.frontier, &head.root);
	return &head;
}

static struct tally_bytes head_bytes(const struct tally_head *head)
{
	struct tally_buf buf = { 0 };
	struct tally_bytes bytes;

	tally_head_encode(head, &buf);
	bytes = tally_arena_bytes(&arena, tally_buf_bytes(&buf));
	tally_buf_free(&buf);
	return bytes;
}

static void add_point(struct tally_buf *buf, uint64_t size, uint8_t root, uint64_t version,
		      uint64_t journal)
{
	tally_buf_add_u64(buf, size);
	for (int i = 0; i < 32; i++)
		tally_buf_add_u8(buf, root);
	tally_buf_add_u64(buf, version);
	tally_buf_add_u64(buf, journal);
}

/* doc/formats.md, "Head": its parts, written down here by hand. */
static void a_head_byte_by_byte(void)
{
	const struct tally_head *head = some_head();
	struct tally_hash pair;
	struct tally_buf want = { 0 };

	tally_node_hash(&leaves[0], &leaves[1], &pair);
	tally_buf_add_u8(&want, 3);
	tally_buf_add_u64(&want, 2);
	tally_buf_add_u64(&want, 1767312000123);
	for (int i = 0; i < 32; i++)
		tally_buf_add_u8(&want, 0xb1);
	tally_buf_add(&want, head->root.bytes, 32);
	tally_buf_add_u8(&want, 8 + 64);
	tally_buf_add_u64(&want, 3);
	tally_buf_add(&want, pair.bytes, 32);
	tally_buf_add(&want, leaves[2].bytes, 32);
	tally_buf_add(&want, "\1\1\1", 3);
	tally_buf_add_u64(&want, 1234567890123456);
	tally_buf_add_u64(&want, 1767225600000);
	tally_buf_add_u64(&want, 1767312000123);
	tally_buf_add_u64(&want, 1);
	tally_buf_add_u64(&want, 3);
	tally_buf_add(&want, "\2\3", 2);
	add_point(&want, 2, 0xd1, 1, 2);
	add_point(&want, 0, 0, 0, 0);
	tally_buf_add_u8(&want, 1);
	tally_buf_add_str(&want, "\3m-1" "\4S\xc3\xbc" "d");
	tally_buf_add_u8(&want, 0);
	tally_buf_add_str(&want, "\x12ledger.example/l-0");
	tally_buf_add_u64(&want, 3600);
	tally_buf_add_u8(&want, 1);
	tally_buf_add_u64(&want, 5);
	tally_buf_add_u64(&want, 4);
	tally_buf_add_u64(&want, 1767312000000);
	tally_buf_add_u64(&want, 8);
	tally_buf_add_u8(&want, 1);
	tally_buf_add_u64(&want, 6);
	tally_buf_add_u64(&want, 7);
	tally_buf_add_u64(&want, 1767312000001);
	tally_buf_add_u8(&want, 2);
	tally_buf_add_u64(&want, 8);
	tally_buf_add_u64(&want, 9);
	tally_buf_add(&want, "\1\1\1", 3);
	tally_buf_add_u64(&want, 11);
	for (uint64_t limit = 1; limit <= 5; limit++)
		tally_buf_add_u64(&want, limit);
	CHECK_BYTES(head_bytes(head), tally_buf_bytes(&want));
	tally_buf_free(&want);
}

static void heads_that_are_refused(void)
{
	static struct tally_head head;
	struct tally_bytes bytes = head_bytes(some_head());
	uint8_t *copy = tally_arena_alloc(&arena, bytes.size + 1);

	CHECK_OK(tally_head_decode(bytes, &head, &err));
	CHECK_BYTES(head_bytes(&head), bytes);
	for (size_t size = 0; size < bytes.size; size++) {
		uint8_t *part = tally_malloc(size);

		memcpy(part, bytes.data, size);
		CHECK_FAILS(tally_head_decode(tally_bytes(part, size), &head, &err), TALLY_CORRUPT);
		free(part);
	}
	memcpy(copy, bytes.data, bytes.size);
	copy[bytes.size] = 0;
	CHECK_FAILS(tally_head_decode(tally_bytes(copy, bytes.size + 1), &head, &err),
		    TALLY_CORRUPT);
	copy[0] = 4;
	CHECK_FAILS(tally_head_decode(tally_bytes(copy, bytes.size), &head, &err),
		    TALLY_UNSUPPORTED);
	CHECK_STR(err.text, "head version 4, this program reads 3");
}

/* ---- through the core ---- */

#define STORE "stored"

struct world {
	struct tally_conf *conf;
	struct tally_store *store;
	struct tally_core *core;
	struct tally_first_key first;
	struct tally_ledger_created ledger;
	uint64_t space;
};

static bool begin(struct world *w)
{
	struct tally_ledger_create create = { .name = TALLY_BYTES_LIT("Ledger 1") };
	struct tally_core_options options = { .short_lived = true };
	struct tally_store_args args = { .location = "mem:" STORE, .create = true, .blocks = true,
					 .index = true };
	const struct tally_driver *driver;
	struct tally_write write = { 0 };

	memset(w, 0, sizeof(*w));
	args.conf = options.conf = w->conf = tally_conf_new();
	if (tally_driver_find("mem", NULL, &driver, &err) != 0 ||
	    tally_store_open(driver, &args, &w->store, &err) != 0 ||
	    tally_core_open_on(&options, w->store, w->store, &w->first, &w->core, &err) != 0)
		return false;
	write.caller.account = w->first.account;
	return tally_ledger_create(w->core, &write, &create, &w->ledger, &err) == 0 &&
	       tally_ledger_id_space(tally_bytes_str(w->ledger.ledger_id), &w->space);
}

static void end(struct world *w)
{
	tally_core_close(&w->core);
	tally_conf_free(&w->conf);
	tally_mem_forget(STORE);
}

static int append(struct world *w, struct tally_append_result *result)
{
	struct tally_bytes clues[] = { TALLY_BYTES_LIT("order 4711"), TALLY_BYTES_LIT("x") };
	struct tally_entry entry = { .payload = TALLY_BYTES_LIT("{\"amount\":12.5}"),
				     .clues = clues, .clue_count = 2,
				     .client_id = TALLY_BYTES_LIT("till 7") };
	struct tally_write write = { .caller.account = w->first.account,
				     .token = TALLY_BYTES_LIT("token-1"),
				     .nonce = TALLY_BYTES_LIT("key\nnonce-1"),
				     .request_ms = 0 };

	return tally_append(w->core, &write, tally_bytes_str(w->ledger.ledger_id), &entry, 1, true,
			    result, &err);
}

/* Block 1 of the ledger, and where the only item of it lies. */
static struct tally_bytes read_block(struct world *w, struct tally_block_entry *entry)
{
	struct tally_bytes bytes;

	if (tally_core_block_read(w->core, w->space, 1, &arena, &bytes, &err) != 1)
		return TALLY_BYTES_NONE;
	tally_block_entry_read(bytes.data + TALLY_BLOCK_HEADER, entry);
	return bytes;
}

static void add_sized(struct tally_buf *buf, struct tally_bytes bytes)
{
	tally_buf_add_u64(buf, bytes.size);
	tally_buf_add_bytes(buf, bytes);
}

static void request_of(const struct world *w, uint8_t digest[TALLY_HASH_SIZE])
{
	struct tally_buf buf = { 0 };

	tally_buf_add_str(&buf, "tallystick append v1\n");
	add_sized(&buf, tally_bytes_str(w->ledger.ledger_id));
	add_sized(&buf, TALLY_BYTES_LIT("CUSTOM"));
	add_sized(&buf, TALLY_BYTES_LIT("till 7"));
	tally_buf_add_u64(&buf, 2);
	add_sized(&buf, TALLY_BYTES_LIT("order 4711"));
	add_sized(&buf, TALLY_BYTES_LIT("x"));
	add_sized(&buf, TALLY_BYTES_LIT("{\"amount\":12.5}"));
	tally_sha256(buf.data, buf.size, digest);
	tally_buf_free(&buf);
}

/* The master key of this core is all zero, since nobody gave it one. */
static void check_envelope(const struct world *w, const struct tally_envelope *envelope,
			   const uint8_t request[TALLY_HASH_SIZE])
{
	uint8_t master[TALLY_MASTER_KEY_SIZE] = { 0 }, key[32], want[TALLY_DIGEST_SIZE];
	struct tally_buf buf = { 0 };

	tally_derive_key(master, "digests", key);
	tally_buf_add_str(&buf, "token\n");
	tally_buf_add_varint(&buf, strlen(w->ledger.ledger_id));
	tally_buf_add_str(&buf, w->ledger.ledger_id);
	tally_buf_add_u64(&buf, w->first.account);
	tally_buf_add_str(&buf, "token-1");
	tally_keyed_digest(key, tally_buf_bytes(&buf), want);
	CHECK(envelope->has_token && envelope->has_nonce && envelope->has_request);
	CHECK_MEM(envelope->token, want, TALLY_DIGEST_SIZE);
	tally_keyed_digest(key, TALLY_BYTES_LIT("key\nnonce-1"), want);
	CHECK_MEM(envelope->nonce, want, TALLY_DIGEST_SIZE);
	CHECK_INT(envelope->nonce_until_ms, 15 * 60 * 1000);
	tally_keyed_digest(key, tally_bytes(request, TALLY_HASH_SIZE), want);
	CHECK_MEM(envelope->request, want, TALLY_DIGEST_SIZE);
	tally_buf_free(&buf);
}

static void check_member(const struct world *w)
{
	char hex[2 * TALLY_HASH_SIZE + 1];
	uint8_t hash[TALLY_HASH_SIZE];
	struct tally_buf buf = { 0 };

	tally_buf_add_str(&buf, "tallystick member v1\n");
	tally_buf_add_str(&buf, w->ledger.ledger_id);
	tally_buf_add_u64(&buf, w->first.account);
	tally_sha256(buf.data, buf.size, hash);
	tally_buf_free(&buf);
	tally_hex_encode(hash, sizeof(hash), hex);
	hex[26] = '\0';
	CHECK_STR(w->ledger.member_id + 2, hex);
	CHECK_INT(memcmp(w->ledger.member_id, "m-", 2), 0);
}

static void an_append_as_it_is_stored(void)
{
	struct tally_append_result result;
	uint8_t request[TALLY_HASH_SIZE];
	struct tally_block_entry entry;
	struct tally_envelope envelope;
	struct tally_bytes block, slot;
	struct world w;

	REQUIRE(begin(&w));
	CHECK_OK(append(&w, &result));
	request_of(&w, request);
	CHECK_MEM(result.receipt.request_digest, request, TALLY_HASH_SIZE);
	check_member(&w);
	block = read_block(&w, &entry);
	REQUIRE(block.size > 0);
	CHECK_OK(tally_block_check_payloads(block, NULL, &err));
	CHECK_INT(tally_block_slot(&entry, tally_bytes(block.data + 216, block.size - 216),
				   SLOT_ENVELOPE, &slot, &err), 1);
	CHECK_OK(tally_envelope_decode(slot, &envelope, &err));
	check_envelope(&w, &envelope, request);
	end(&w);
}

static int check_ledger(struct world *w)
{
	return tally_core_check(w->core, tally_bytes_str(w->ledger.ledger_id), NULL, NULL, &err);
}

/* Zeroes a part of block 1 that begins where the payload slot does. */
static void zero(struct world *w, uint64_t from, uint64_t size)
{
	struct tally_block_entry entry;
	struct tally_range range = { .size = size };

	read_block(w, &entry);
	range.offset = 216 + entry.place + entry.size[SLOT_RECORD] + from;
	CHECK_OK(tally_store_erase(w->store, w->space, 1, &range, 1, &err));
}

static void damaged_and_erased_payloads(void)
{
	struct tally_append_result result;
	struct tally_block_entry entry;
	struct tally_journal journal;
	struct world w;

	REQUIRE(begin(&w));
	CHECK_OK(append(&w, &result));
	read_block(&w, &entry);
	CHECK_OK(check_ledger(&w));
	zero(&w, entry.size[SLOT_PAYLOAD] - 1, 1);
	CHECK_FAILS(check_ledger(&w), TALLY_CORRUPT);
	CHECK(strstr(err.text, "block 1") != NULL && strstr(err.text, "journal 1") != NULL);
	CHECK_FAILS(tally_journal_get(w.core, tally_bytes_str(w.ledger.ledger_id), 1, &arena,
				      &journal, &err), TALLY_CORRUPT);
	/* all of it: erased, but no journal orders that */
	zero(&w, 0, entry.size[SLOT_PAYLOAD]);
	CHECK_FAILS(check_ledger(&w), TALLY_CORRUPT);
	CHECK(strstr(err.text, "journal 1: its payload is zero, and no journal orders that") != NULL);
	CHECK_FAILS(tally_journal_get(w.core, tally_bytes_str(w.ledger.ledger_id), 1, &arena,
				      &journal, &err), TALLY_CORRUPT);
	CHECK(strstr(err.text, "journal 1: its payload is zero, and no journal orders that") != NULL);
	end(&w);
}

int main(void)
{
	golden = vectors_load("leaf.json");
	make_leaves();
	TEST(golden_digests);
	TEST(golden_trees);
	TEST(a_head_byte_by_byte);
	TEST(heads_that_are_refused);
	TEST(an_append_as_it_is_stored);
	TEST(damaged_and_erased_payloads);
	tally_arena_free(&arena);
	json_object_put(golden);
	return tap_done();
}
