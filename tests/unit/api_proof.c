/*
 * Proofs as a client gets them, through the whole service over a real core on the mem driver: what
 * receipts and actions answer is verified with the functions a client would use, from nothing but
 * the answer and the verifier key; and the log as files (c2sp.org/tlog-tiles), who may read them,
 * under which names and for how long they may be kept.
 */
#include <json.h>
#include <stdlib.h>

#include "api_world.h"
#include "buf.h"
#include "cose.h"
#include "leaf.h"
#include "note.h"
#include "reply_check.h"
#include "stateproof.h"
#include "tile.h"

#define JOURNALS 600		/* of the public ledger when the log is read */

static struct tally_vkey vkey;		/* of the public ledger */

static bool begin(void)
{
	const char *key;

	return world_open() &&
	       tally_ledger_vkey(world.core, tally_bytes_str(world.public), &world.arena, &key,
				 &err) == 1 &&
	       tally_vkey_parse(tally_bytes_str(key), &vkey);
}

/* ---- asking ---- */

static struct tally_bytes answer(const char *action, const char *params)
{
	static unsigned int nonce;
	struct client client = { .service = world.service, .arena = &world.arena, .nonce = nonce++,
				 .key = world.owner.key_id, .secret = world.owner.secret };

	client_ask(&client, text("Action=%s&LedgerId=%s%s", action, world.public, params));
	CHECK_INT(client.response.status, 200);
	return client.response.body;
}

static struct tally_bytes answer_batch(const char *params, const char *body)
{
	struct client client = { .service = world.service, .arena = &world.arena, .local = true,
				 .account = text("%" PRIu64, world.owner.account) };
	const char *query = text("Action=AppendJournals&LedgerId=%s%s", world.public, params);

	client_raw(&client, "POST", tally_bytes_str(query), "application/x-ndjson",
		   tally_bytes_str(body));
	CHECK_INT(client.response.status, 200);
	return client.response.body;
}

static struct json_object *parsed(struct tally_bytes body)
{
	struct json_object *root = json_tokener_parse(tally_arena_str(&world.arena, body));

	if (root == NULL)
		FAIL("not JSON");
	return root;
}

static struct json_object *member(struct json_object *object, const char *name)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(object, name, &value))
		FAIL("there is no %s", name);
	return value;
}

static const char *member_text(struct json_object *object, const char *name)
{
	return json_object_get_string(member(object, name));
}

static uint64_t member_uint(struct json_object *object, const char *name)
{
	return json_object_get_uint64(member(object, name));
}

static struct tally_hash hash_of(const char *hex)
{
	struct tally_hash hash = { { 0 } };

	CHECK(hex != NULL && tally_hex_decode(tally_bytes_str(hex), hash.bytes, TALLY_HASH_SIZE));
	return hash;
}

static size_t hashes_of(struct json_object *list, struct tally_hash *hashes, size_t room)
{
	size_t count = list != NULL ? json_object_array_length(list) : 0, i;

	CHECK(count <= room);
	for (i = 0; i < count && i < room; i++)
		hashes[i] = hash_of(json_object_get_string(json_object_array_get_idx(list, i)));
	return i;
}

/* The checkpoint of a note that the ledger's key signed. */
static struct tally_checkpoint verified(struct tally_bytes bytes)
{
	struct tally_checkpoint checkpoint = { .size = 0 };
	struct tally_note note;

	if (!tally_note_parse(bytes, &note) ||
	    tally_note_verify(&note, &vkey, 1, NULL, NULL) != 1 ||
	    !tally_checkpoint_parse(note.text, &checkpoint))
		FAIL("no checkpoint of this ledger: %s", tally_arena_str(&world.arena, bytes));
	return checkpoint;
}

static struct tally_checkpoint checkpoint_of(struct json_object *reply)
{
	return verified(tally_bytes_str(text("%s", member_text(reply, "Checkpoint"))));
}

/* ServerSignature alone verifies with the key over the note's text. */
static void check_server_signature(struct json_object *reply)
{
	const char *checkpoint = text("%s", member_text(reply, "Checkpoint"));
	struct tally_bytes signature = TALLY_BYTES_NONE;
	size_t size = (size_t)(strstr(checkpoint, "\n\n") + 1 - checkpoint);

	CHECK_STR(member_text(reply, "ServerSignatureType"), "ED25519");
	REQUIRE(tally_base64_decode(&world.arena,
				    tally_bytes_str(member_text(reply, "ServerSignature")),
				    &signature));
	REQUIRE(signature.size == TALLY_ED25519_SIGNATURE);
	CHECK(tally_ed25519_verify(vkey.public, tally_bytes(checkpoint, size),
				   signature.data));
}

/* ---- receipts ---- */

static void receipt_proves_the_journal(void)
{
	for (int i = 0; i < 20; i++) {
		struct json_object *reply = parsed(answer("AppendJournal",
							  text("&Payload=p%d&ClientToken=t%d", i, i)));
		struct tally_checkpoint checkpoint = checkpoint_of(reply);
		struct tally_hash path[TALLY_TREE_MAX_PATH];
		struct tally_hash leaf = hash_of(member_text(reply, "JournalHash"));
		size_t count = hashes_of(member(reply, "ProofPath"), path, TALLY_TREE_MAX_PATH);

		CASE("journal %d", i + 1);
		CHECK_INT(checkpoint.size, member_uint(reply, "TreeSize"));
		CHECK_INT(member_uint(reply, "LeafIndex"), i + 1);
		CHECK(tally_inclusion_verify(member_uint(reply, "LeafIndex"), checkpoint.size,
					     &leaf, path, count, &checkpoint.root));
		check_server_signature(reply);
		json_object_put(reply);
	}
}

/* The same token again: the same journal in a newer tree. */
static void receipt_given_again(void)
{
	struct json_object *reply = parsed(answer("AppendJournal", "&Payload=p3&ClientToken=t3"));
	struct tally_checkpoint checkpoint = checkpoint_of(reply);
	struct tally_hash path[TALLY_TREE_MAX_PATH];
	struct tally_hash leaf = hash_of(member_text(reply, "JournalHash"));
	size_t count = hashes_of(member(reply, "ProofPath"), path, TALLY_TREE_MAX_PATH);

	CHECK_INT(member_uint(reply, "LeafIndex"), 4);
	CHECK_INT(checkpoint.size, 21);
	CHECK(tally_inclusion_verify(4, 21, &leaf, path, count, &checkpoint.root));
	json_object_put(reply);
}

/* The journals of a batch, those that were appended, from one proof. */
static void check_range(struct json_object *reply, uint64_t first, uint64_t count)
{
	struct json_object *range = member(reply, "RangeProof"), *list = member(reply, "Receipts");
	struct tally_hash proof[TALLY_TREE_MAX_RANGE], leaves[64];
	struct tally_checkpoint checkpoint = checkpoint_of(reply);
	size_t hashes, n = 0, i;

	REQUIRE(range != NULL && list != NULL && count <= 64);
	hashes = hashes_of(member(range, "Hashes"), proof, TALLY_TREE_MAX_RANGE);
	CHECK_INT(member_uint(range, "FirstJournalId"), first);
	CHECK_INT(member_uint(range, "Count"), count);
	for (i = 0; i < json_object_array_length(list) && n < count; i++) {
		struct json_object *receipt = json_object_array_get_idx(list, i);

		if (json_object_object_get_ex(receipt, "Code", NULL))
			continue;
		CHECK_INT(member_uint(receipt, "TreeSize"), checkpoint.size);
		leaves[n++] = hash_of(member_text(receipt, "JournalHash"));
	}
	CHECK_INT(n, count);
	check_server_signature(reply);
	CHECK(tally_range_verify(first, count, checkpoint.size, leaves, proof, hashes,
				 &checkpoint.root));
}

static void batch_proves_its_journals(void)
{
	struct json_object *reply;
	const char *body = "";

	for (int i = 0; i < 37; i++)
		body = text("%s{\"Payload\":\"b%d\"}\n", body, i);
	reply = parsed(answer_batch("&ClientToken=batch", body));
	CASE("atomic");
	check_range(reply, 21, 37);
	json_object_put(reply);
	reply = parsed(answer_batch("&Atomic=false", "{\"Payload\":\"a\"}\n"
				    "{\"Payload\":\"b\",\"Clues\":[\"d\",\"d\"]}\n"
				    "{\"Payload\":\"c\"}\n"));
	CASE("one refused");
	check_range(reply, 58, 2);
	json_object_put(reply);
	reply = parsed(answer_batch("&ClientToken=batch", body));
	CASE("again");
	check_range(reply, 21, 37);
	json_object_put(reply);
	/* an old journal and a new one: no range, still signed */
	reply = parsed(answer_batch("&Atomic=false", "{\"Payload\":\"p0\",\"ClientToken\":\"t0\"}\n"
				    "{\"Payload\":\"new\"}\n"));
	CASE("not in a row");
	CHECK(!json_object_object_get_ex(reply, "RangeProof", NULL));
	CHECK_INT(checkpoint_of(reply).size, 61);
	json_object_put(reply);
}

/* ---- the actions ---- */

/* The path is a text that holds a JSON list. */
static size_t path_of(struct json_object *reply, struct tally_hash path[TALLY_TREE_MAX_PATH])
{
	struct json_object *list = parsed(tally_bytes_str(member_text(reply, "ProofPath")));
	size_t count = hashes_of(list, path, TALLY_TREE_MAX_PATH);

	json_object_put(list);
	return count;
}

static const char *hex_of(const struct tally_hash *hash)
{
	char *hex = tally_arena_alloc(&world.arena, 2 * TALLY_HASH_SIZE + 1);

	tally_hex_encode(hash->bytes, TALLY_HASH_SIZE, hex);
	return hex;
}

static void check_leaf(struct json_object *reply, const struct tally_hash *leaf,
		       const char *payload)
{
	struct json_object *record;
	struct tally_bytes bytes;
	struct tally_hash made;
	uint8_t salted[16 + 64];
	size_t size = strlen(payload);

	REQUIRE(tally_base64_decode(&world.arena, tally_bytes_str(member_text(reply, "Leaf")),
				    &bytes));
	tally_leaf_hash(bytes, &made);
	CHECK_MEM(made.bytes, leaf->bytes, TALLY_HASH_SIZE);
	record = parsed(bytes);
	REQUIRE(tally_hex_decode(tally_bytes_str(member_text(reply, "Salt")), salted, 16));
	memcpy(salted + 16, payload, size);
	tally_sha256(salted, 16 + size, made.bytes);
	CHECK_STR(member_text(record, "payloadHash"), hex_of(&made));
	CHECK_INT(member_uint(record, "journalId"), member_uint(reply, "JournalSequence"));
	json_object_put(record);
}

static void journal_proofs(void)
{
	static const uint64_t sizes[] = { 0, 61, 5, 8, 33 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		const char *size = sizes[i] == 0 ? "" : text("&TreeSize=%" PRIu64, sizes[i]);
		struct json_object *reply = parsed(answer("GetJournalProof",
							  text("&JournalSequence=4%s", size)));
		struct tally_hash path[TALLY_TREE_MAX_PATH], leaf, root;
		size_t count = path_of(reply, path);
		uint64_t tree = sizes[i] == 0 ? 61 : sizes[i];

		CASE("TreeSize %" PRIu64, sizes[i]);
		CHECK_INT(member_uint(reply, "TreeSize"), tree);
		leaf = hash_of(member_text(reply, "JournalHash"));
		root = hash_of(member_text(reply, "RootHash"));
		CHECK(tally_inclusion_verify(member_uint(reply, "LeafIndex"), tree, &leaf, path,
					     count, &root));
		CHECK_STR(member_text(reply, "WriterPubKey"), "");
		check_leaf(reply, &leaf, "p3");
		CHECK_INT(json_object_object_get_ex(reply, "Checkpoint", NULL), tree == 61);
		if (tree == 61)
			CHECK_MEM(checkpoint_of(reply).root.bytes, root.bytes, TALLY_HASH_SIZE);
		json_object_put(reply);
	}
}

/* An entry of an export is a journal that its own path proves; its number, or -1. */
static int64_t exported(struct json_object *entry, uint64_t tree, const struct tally_hash *root)
{
	struct tally_bytes leaf, path, payload;
	struct tally_leaf read;
	struct tally_hash hash;
	uint8_t salt[16];

	if (!tally_base64_decode(&world.arena, tally_bytes_str(member_text(entry, "Leaf")), &leaf) ||
	    !tally_base64_decode(&world.arena, tally_bytes_str(member_text(entry, "ProofPath")),
				 &path) ||
	    !tally_leaf_parse(leaf, &read))
		return -1;
	tally_leaf_hash(leaf, &hash);
	if (!tally_inclusion_verify(read.journal_id, tree, &hash, (const void *)path.data,
				    path.size / TALLY_HASH_SIZE, root))
		return -1;
	CHECK_INT(json_object_object_get_ex(entry, "Payload", NULL), read.has_payload);
	if (!read.has_payload)
		return (int64_t)read.journal_id;
	return tally_base64_decode(&world.arena, tally_bytes_str(member_text(entry, "Payload")),
				   &payload) &&
	       tally_hex_decode(tally_bytes_str(member_text(entry, "Salt")), salt, sizeof(salt)) &&
	       tally_leaf_payload_is(&read, salt, payload) ? (int64_t)read.journal_id : -1;
}

/* Every journal of a tree once, in order, page by page. */
static void export_pages(void)
{
	static const struct {
		uint64_t start, tree, page;	/* tree 0: the newest */
	} cases[] = { { 0, 0, 256 }, { 0, 0, 7 }, { 3, 33, 1 }, { 60, 61, 1 }, { 0, 1, 5 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t next = cases[i].start, want = next, tree = 0;

		CASE("case %zu", i);
		do {
			struct json_object *reply = parsed(answer(
				"ExportJournals", text("&StartJournalId=%" PRIu64 "&MaxResults=%" PRIu64
						       "%s", next, cases[i].page, cases[i].tree == 0 ? "" :
						       text("&TreeSize=%" PRIu64, cases[i].tree))));
			struct tally_hash root = hash_of(member_text(reply, "RootHash"));
			struct json_object *list = member(reply, "Entries");

			tree = member_uint(reply, "TreeSize");
			CHECK_INT(json_object_object_get_ex(reply, "Checkpoint", NULL), tree == 61);
			REQUIRE(json_object_array_length(list) > 0);
			CHECK(json_object_array_length(list) <= cases[i].page);
			for (size_t k = 0; k < json_object_array_length(list); k++)
				CHECK_INT(exported(json_object_array_get_idx(list, k), tree, &root),
					  want++);
			next = json_object_object_get_ex(reply, "NextJournalId", NULL) ?
				       member_uint(reply, "NextJournalId") : tree;
			CHECK_INT(next, want);
			json_object_put(reply);
		} while (next < tree);
		CHECK_INT(tree, cases[i].tree == 0 ? 61 : cases[i].tree);
		CHECK_INT(want, tree);
	}
}

static void consistency_proofs(void)
{
	struct json_object *newest = parsed(answer("GetCheckpoint", ""));
	uint64_t size = checkpoint_of(newest).size, old;

	CHECK_INT(size, 61);
	for (old = 0; old <= size; old++) {
		struct json_object *reply = parsed(answer("GetConsistencyProof",
							  text("&OldSize=%" PRIu64, old)));
		struct tally_hash proof[TALLY_TREE_MAX_PATH + 1], before, after;
		size_t count = hashes_of(member(reply, "Proof"), proof, TALLY_TREE_MAX_PATH + 1);

		CASE("from %" PRIu64, old);
		before = hash_of(member_text(reply, "OldRootHash"));
		after = hash_of(member_text(reply, "NewRootHash"));
		CHECK(tally_consistency_verify(old, member_uint(reply, "NewSize"), proof, count,
					       &before, &after));
		CHECK_MEM(checkpoint_of(reply).root.bytes, after.bytes, TALLY_HASH_SIZE);
		json_object_put(reply);
	}
	json_object_put(newest);
}

static void wrong_sizes(void)
{
	static const struct {
		const char *params;
		int status;
	} cases[] = {
		{ "Action=GetJournalProof&JournalSequence=4&TreeSize=4", 400 },
		{ "Action=GetJournalProof&JournalSequence=4&TreeSize=62", 400 },
		{ "Action=GetJournalProof&JournalSequence=61", 404 },
		{ "Action=ExportJournals&TreeSize=62", 400 },
		{ "Action=ExportJournals&StartJournalId=61", 400 },
		{ "Action=ExportJournals&StartJournalId=5&TreeSize=5", 400 },
		{ "Action=GetConsistencyProof&OldSize=62", 400 },
		{ "Action=GetConsistencyProof&OldSize=5&NewSize=4", 400 },
		{ "Action=GetConsistencyProof&OldSize=5&NewSize=62", 400 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct client client = { .service = world.service, .arena = &world.arena };

		CASE("%s", cases[i].params);
		client_ask(&client, text("%s&LedgerId=%s", cases[i].params, world.public));
		CHECK_INT(client.response.status, cases[i].status);
	}
}

/* ---- the log as files ---- */

/* As nobody, below the public ledger's log unless path begins with a slash. */
static struct client get(const char *path)
{
	struct client client = { .service = world.service, .arena = &world.arena };

	client.path = path[0] == '/' ? path : text("/log/%s/%s", world.public, path);
	client_raw(&client, "GET", TALLY_BYTES_NONE, NULL, TALLY_BYTES_NONE);
	return client;
}

static void fill(void)
{
	static struct tally_append_result results[JOURNALS];
	static struct tally_entry entries[JOURNALS];
	struct tally_write write = { .caller = { .account = world.owner.account } };

	for (int i = 0; i < JOURNALS; i++)
		entries[i].payload = TALLY_BYTES_LIT("filled");
	CHECK_OK(tally_append(world.core, &write, tally_bytes_str(world.public), entries,
			      JOURNALS - 61, true, results, &err));
}

/* The whole ledger from its files: leaves of the bundles, hashes of the tiles, the signed root. */
static void files_give_the_signed_root(void)
{
	struct client client = get("checkpoint");
	struct tally_checkpoint checkpoint;
	struct tally_frontier frontier;
	struct tally_hash root;
	char path[96];

	fill();
	CHECK_INT(client.response.status, 200);
	client = get("checkpoint");
	checkpoint = verified(client.response.body);
	CHECK_INT(checkpoint.size, JOURNALS);
	tally_frontier_init(&frontier);
	for (uint64_t n = 0; n * 256 < JOURNALS; n++) {
		unsigned int width = JOURNALS - n * 256 < 256 ? JOURNALS - (unsigned int)n * 256 : 256;
		struct tally_reader reader;
		struct client tile;

		CASE("tile %" PRIu64, n);
		tally_tile_path(0, n, width, path);
		tile = get(path);
		CHECK_INT(tile.response.status, 200);
		CHECK_STR(tile.response.content_type, "application/octet-stream");
		REQUIRE(tile.response.body.size == width * 32);
		tally_tile_path(-1, n, width, path);
		client = get(path);
		reader = tally_reader(client.response.body);
		for (unsigned int i = 0; i < width; i++) {
			struct tally_hash leaf;

			tally_leaf_hash(tally_read_bytes(&reader, tally_read_u16(&reader)), &leaf);
			CHECK_MEM(leaf.bytes, tile.response.body.data + 32 * i, 32);
			tally_frontier_append(&frontier, &leaf);
		}
		CHECK(!reader.failed && tally_reader_left(&reader) == 0);
	}
	tally_frontier_root(&frontier, &root);
	CHECK_MEM(root.bytes, checkpoint.root.bytes, 32);
	client = get("tile/1/000.p/2");
	CHECK_INT(client.response.body.size, 64);
}

static void no_such_file(void)
{
	static const char *const paths[] = {
		"", "checkpoint/", "checkpoint2", "Checkpoint", "/log/", "/log/x", "/log//checkpoint",
		"/log/system/checkpoint", "/log/l-00000000000000000000000ff/checkpoint",
		"/log/l-0000000000000000000000000000000000000/checkpoint", "tile", "tile/", "tile/0",
		"tile/0/0", "tile/0/00", "tile/0/0000", "tile/00/000", "tile/+0/000", "tile/0/-01",
		"tile/0/x000/000", "tile/0/000/000", "tile/0/000.p", "tile/0/000.p/", "tile/0/000.p/0",
		"tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/1/", "tile/0/002",
		"tile/0/002.p/89", "tile/0/003.p/1", "tile/1/000", "tile/1/000.p/3", "tile/2/000.p/1",
		"tile/8/000", "tile/63/000", "tile/64/000", "tile/0/x18/446", "tile/entries",
		"tile/entries/", "tile/entries/0", "tile/entries/002", "tile/entries/002.p/89",
		"tile/entries/0/000", "tile/data/000", "tile/0/%30%30%30",
		"tile/0/x999/x999/x999/x999/x999/x999/999", "tile/0/x018/x446/x744/x073/x709/x551/615",
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		struct client client = get(paths[i]);

		CASE("%s", paths[i]);
		CHECK_INT(client.response.status, 404);
		CHECK_STR(client.response.content_type, "text/plain; charset=utf-8");
		CHECK_STR(client_header(&client, "Cache-Control"), "private, no-store");
	}
}

/* Any width that the tree has. */
static void partial_tiles(void)
{
	for (unsigned int width = 1; width < 256; width += 23) {
		struct client client = get(text("tile/0/000.p/%u", width));

		CASE("width %u", width);
		CHECK_INT(client.response.status, 200);
		CHECK_INT(client.response.body.size, 32 * width);
		CHECK_MEM(client.response.body.data, get("tile/0/000").response.body.data, 32 * width);
	}
	CHECK_INT(get("tile/0/002.p/88").response.status, 200);
}

static void how_long_files_are_kept(void)
{
	static const struct {
		const char *path, *cache;
	} cases[] = {
		{ "checkpoint", "public, max-age=3" },
		{ "tile/0/000", "public, max-age=31536000, immutable" },
		{ "tile/0/001.p/7", "public, max-age=31536000, immutable" },
		{ "tile/entries/000", "public, max-age=31536000, immutable" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct client client = get(cases[i].path);

		CASE("%s", cases[i].path);
		CHECK_STR(client_header(&client, "Cache-Control"), cases[i].cache);
	}
}

/* A private ledger's log is there for who may read its journals, and for no cache. */
static void private_logs(void)
{
	static const char *const files[] = { "checkpoint", "tile/0/000.p/1",
					     "tile/entries/000.p/1" };
	const struct {
		const struct tally_first_key *key;
		bool local;
		int status;
	} callers[] = { { NULL, false, 404 }, { &world.stranger, false, 404 },
			{ &world.owner, false, 200 }, { NULL, true, 200 } };
	unsigned int nonce = 7000;

	for (size_t i = 0; i < 3; i++)
		for (size_t c = 0; c < 4; c++) {
			struct client client = { .service = world.service, .arena = &world.arena,
						 .local = callers[c].local, .nonce = nonce++ };

			CASE("%s, caller %zu", files[i], c);
			client.path = text("/log/%s/%s", world.private, files[i]);
			if (callers[c].key != NULL) {
				client.key = callers[c].key->key_id;
				client.secret = callers[c].key->secret;
			}
			client_ask(&client, "Version=2019-11-22");
			CHECK_INT(client.response.status, callers[c].status);
			CHECK_STR(client_header(&client, "Cache-Control"), "private, no-store");
		}
}

static void methods_and_signatures(void)
{
	static const struct {
		const char *method, *query;
		int status;
	} cases[] = {
		{ "HEAD", "", 200 }, { "GET", "x=1", 200 }, { "POST", "", 405 }, { "PUT", "", 405 },
		{ "get", "", 405 }, { "GET", "a=1&a=2", 400 }, { "GET", "a=%", 400 },
		{ "GET", "AccessKeyId=AKnobody", 400 }, { "GET", "Signature=x", 400 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct client client = { .service = world.service, .arena = &world.arena };

		CASE("%s ?%s", cases[i].method, cases[i].query);
		client.path = text("/log/%s/checkpoint", world.public);
		client_raw(&client, cases[i].method, tally_bytes_str(cases[i].query), NULL,
			   TALLY_BYTES_NONE);
		CHECK_INT(client.response.status, cases[i].status);
		CHECK_STR(client.response.content_type, "text/plain; charset=utf-8");
		if (cases[i].status == 405)
			CHECK_STR(client_header(&client, "Allow"), "GET, HEAD");
	}
}

/* ---- COSE receipts, and the state ---- */

static struct tally_bytes base64_of(struct json_object *reply, const char *name)
{
	struct tally_bytes bytes = TALLY_BYTES_NONE;

	CHECK(tally_base64_decode(&world.arena, tally_bytes_str(member_text(reply, name)), &bytes));
	return bytes;
}

/* One receipt, verified from the answer and the key alone; its signature goes into signature_r. */
static void check_receipt(unsigned int id, uint8_t signature_r[TALLY_COSE_SIGNATURE])
{
	struct json_object *reply = parsed(answer("GetCoseReceipt", text("&JournalSequence=%u", id)));
	struct tally_bytes bytes = base64_of(reply, "CoseReceipt");
	struct tally_hash leaf, root, want = hash_of(member_text(reply, "RootHash"));
	const char *slash = strrchr(vkey.name, '/');
	struct tally_cose_receipt receipt;
	struct tally_cose_key key;
	uint8_t kid[TALLY_COSE_KID];

	REQUIRE(tally_cose_parse(bytes, &receipt));
	tally_cose_key_ed25519(&key, vkey.public);
	tally_cose_kid(&vkey, kid);
	tally_leaf_hash(base64_of(reply, "Leaf"), &leaf);
	CHECK(tally_cose_inclusion_verify(&receipt, &leaf, &key, &root));
	CHECK_MEM(&root, &want, sizeof(root));
	CHECK_INT(receipt.size, member_uint(reply, "TreeSize"));
	CHECK_INT(receipt.from, id);
	CHECK_BYTES(receipt.kid, tally_bytes(kid, sizeof(kid)));
	CHECK_BYTES(receipt.issuer, tally_bytes(vkey.name, (size_t)(slash - vkey.name)));
	CHECK_BYTES(receipt.subject, tally_bytes_str(world.public));
	memcpy(signature_r, receipt.signature, TALLY_COSE_SIGNATURE);
	json_object_put(reply);
}

static void cose_receipts(void)
{
	uint8_t first[TALLY_COSE_SIGNATURE], other[TALLY_COSE_SIGNATURE];

	for (unsigned int id = 0; id < 60; id += 7) {
		CASE("journal %u", id);
		check_receipt(id, id == 0 ? first : other);
		if (id > 0)
			CHECK_MEM(other, first, sizeof(first));	/* one signature serves a tree */
	}
	CASE("of the next tree");
	json_object_put(parsed(answer("AppendJournal", "&Payload=next")));
	check_receipt(7, other);
	CHECK(memcmp(first, other, sizeof(first)) != 0);
}

/* The journal alone in its ledger has none; a second ledger, for it must be new. */
static void no_receipt_of_one_leaf(void)
{
	char id[TALLY_LEDGER_ID_SIZE + 1];
	struct client client = { .service = world.service, .arena = &world.arena, .local = true };

	REQUIRE(world_ledger("new", true, id));
	client_ask(&client, text("Action=GetCoseReceipt&JournalSequence=0&LedgerId=%s", id));
	CHECK_INT(client.response.status, 400);
	client_ask(&client, text("Action=GetCoseReceipt&JournalSequence=1&LedgerId=%s", id));
	CHECK_INT(client.response.status, 404);
}

static void state_roots_when_asked(void)
{
	struct json_object *reply = parsed(answer("CreateStateRoot", ""));
	uint64_t size = member_uint(reply, "StateSize");

	CHECK(json_object_get_boolean(member(reply, "Created")));
	CHECK_STR(member_text(reply, "JournalId"), text("%" PRIu64, size));
	json_object_put(reply);
	CASE("there is nothing new");
	reply = parsed(answer("CreateStateRoot", ""));
	CHECK(!json_object_get_boolean(member(reply, "Created")));
	CHECK_INT(member_uint(reply, "StateSize"), size);
	json_object_put(reply);
	reply = parsed(answer("StatLedger", ""));
	CHECK_INT(member_uint(member(reply, "LedgerInfo"), "StateSize"), size);
	CHECK_STR(member_text(member(reply, "LedgerInfo"), "StateRootJournalId"), text("%" PRIu64, size));
	json_object_put(reply);
}

/* A lineage by pages of leaves, some of which are large: complete, in order, and every leaf the one
 * that its hash is of. */
static void leaves_of_a_lineage(void)
{
	struct json_object *reply;
	uint64_t count = 1100, seen = 0;
	unsigned int pages = 0;
	char clue[32 * 130] = "";

	/* 31 other clues of 128 bytes make a leaf of 4 KiB */
	for (int i = 0; i < 31; i++)
		sprintf(clue + strlen(clue), ",\"%02d%0126d\"", i, 0);
	for (uint64_t i = 0; i < count; i += 100) {
		const char *body = "";

		for (int k = 0; k < 100; k++)
			body = text("%s{\"Payload\":\"l\",\"Clues\":[\"line\"%s]}\n", body, clue);
		json_object_put(parsed(answer_batch("", body)));
	}
	json_object_put(parsed(answer("CreateStateRoot", "")));
	while (seen < count && pages < count) {
		struct json_object *hashes, *leaves;
		size_t got;

		reply = parsed(answer("GetClueProof", text("&Clue=line&Leaves=true&MaxResults=%d&First=%"
							   PRIu64, pages == 0 ? 7 : 10000, seen)));
		CHECK_INT(member_uint(reply, "Count"), count);
		hashes = member(reply, "JournalHashes");
		leaves = member(reply, "Leaves");
		got = json_object_array_length(leaves);
		CHECK_INT(json_object_array_length(hashes), got);
		/* the second page would have all others, but they are too large */
		REQUIRE(got > 0 && (pages > 0 || got == 7) && (pages != 1 || got < count - 7));
		for (size_t i = 0; i < got; i++) {
			struct tally_hash want = hash_of(json_object_get_string(
				json_object_array_get_idx(hashes, i))), made;
			struct tally_bytes leaf;

			REQUIRE(tally_base64_decode(&world.arena, tally_bytes_str(json_object_get_string(
				json_object_array_get_idx(leaves, i))), &leaf));
			tally_leaf_hash(leaf, &made);
			CHECK_MEM(&made, &want, sizeof(made));
		}
		seen += got;
		pages++;
		json_object_put(reply);
	}
	CHECK_INT(seen, count);
}

/* ---- the state in trees of other sizes, and what is not there ---- */

static struct client asked(const char *action, const char *params)
{
	static unsigned int nonce = 1u << 20;
	struct client client = { .service = world.service, .arena = &world.arena, .nonce = nonce++,
				 .key = world.owner.key_id, .secret = world.owner.secret };

	client_ask(&client, text("Action=%s&LedgerId=%s%s", action, world.public, params));
	return client;
}

/* The answer's state proof leads from the tree it names to this value, or to none. */
static bool state_holds(struct json_object *reply, enum tally_state_kind kind, const char *key,
			const char *value)
{
	struct json_object *root = member(reply, "StateRootJournal");
	struct tally_checkpoint tree = { .origin = tally_bytes_str(vkey.name) };
	struct tally_hash path[TALLY_TREE_MAX_PATH];
	struct tally_state_proof proof;
	struct tally_state_answer found;
	struct tally_bytes leaf, encoded;
	struct tally_state_claim claim = { .inclusion = path, .kind = kind, .proof = &proof,
					   .key = tally_bytes_str(key), .absent = value == NULL };

	tree.size = member_uint(root, "TreeSize");
	tree.root = hash_of(member_text(root, "RootHash"));
	if (value != NULL)
		claim.value = tally_bytes_str(value);
	claim.inclusion_count = hashes_of(member(root, "ProofPath"), path, TALLY_TREE_MAX_PATH);
	return tally_base64_decode(&world.arena, tally_bytes_str(member_text(root, "Leaf")), &leaf) &&
	       tally_base64_decode(&world.arena, tally_bytes_str(member_text(reply, "StateProof")),
				   &encoded) &&
	       tally_state_proof_decode(encoded, &proof) &&
	       (claim.leaf = leaf, tally_state_proof_check_in(&claim, &tree, UINT64_MAX, &found,
							       &err) == 0) &&
	       found.size == member_uint(reply, "StateSize");
}

/* The newest two STATE_ROOT journals are kept; trees that have neither prove nothing. */
static void states_in_older_trees(void)
{
	static const char *const actions[] = { "GetClueProof", "GetMember", "KvGet" };
	static const char *const params[] = { "&Clue=line", "&Proof=true", "&Key=k&Proof=true" };
	struct json_object *reply = parsed(answer("CreateStateRoot", ""));
	uint64_t before = member_uint(reply, "StateSize"), now;

	json_object_put(reply);
	json_object_put(parsed(answer("AppendJournal", "&Payload=later")));
	reply = parsed(answer("CreateStateRoot", ""));
	now = member_uint(reply, "StateSize");
	json_object_put(reply);
	for (unsigned int i = 0; i < 3; i++) {
		const struct {
			uint64_t tree, state;	/* state 0: there is none */
		} cases[] = { { now + 1, now }, { now, before }, { before + 1, before }, { before, 0 },
			      { 1, 0 }, { now + 2, 0 } };

		for (size_t k = 0; k < sizeof(cases) / sizeof(*cases); k++) {
			const char *with = text("%s&TreeSize=%" PRIu64, params[i], cases[k].tree);
			struct client refused;

			CASE("%s%s", actions[i], with);
			if (cases[k].state == 0) {
				refused = asked(actions[i], with);
				CHECK_STR(error_disagrees(refused.response.body, false, "InvalidParameter",
							  "The specified parameter TreeSize is invalid."),
					  NULL);
				continue;
			}
			reply = parsed(answer(actions[i], with));
			CHECK_INT(member_uint(reply, "StateSize"), cases[k].state);
			CHECK_INT(member_uint(member(reply, "StateRootJournal"), "TreeSize"), cases[k].tree);
			CHECK_INT(json_object_object_get_ex(reply, "Checkpoint", NULL),
				  cases[k].tree == now + 1);
			if (i == 2)
				CHECK(state_holds(reply, STATE_KV, "k", NULL));
			json_object_put(reply);
		}
	}
	CASE("nothing is proved in it");
	CHECK_INT(asked("GetMember", "&TreeSize=5").response.status, 400);
	CHECK_INT(asked("KvGet", "&Key=k&TreeSize=5").response.status, 400);
	CHECK_INT(asked("GetClueProof", "&Clue=line&TreeSize=0").response.status, 400);
}

#define NOBODY "m-00000000000000000000000000"

static void members_that_are_not_there(void)
{
	struct json_object *reply = parsed(answer("GetMember", "&Proof=true&MemberId=" NOBODY));
	const char *own;

	CHECK(!json_object_get_boolean(member(reply, "Exist")));
	CHECK(!json_object_object_get_ex(reply, "Record", NULL));
	CHECK(!json_object_object_get_ex(reply, "Role", NULL));
	CHECK(state_holds(reply, STATE_MEMBER, NOBODY, NULL));
	CASE("a lie: of one that is there");
	json_object_put(reply);
	reply = parsed(answer("GetMember", "&Proof=true"));
	own = text("%s", member_text(reply, "MemberId"));
	CHECK(json_object_get_boolean(member(reply, "Exist")));
	CHECK(!state_holds(reply, STATE_MEMBER, own, NULL));
	CASE("a lie: another's proof");
	CHECK(!state_holds(reply, STATE_MEMBER, NOBODY, NULL));
	json_object_put(reply);
	CASE("added after the state: it was none then");
	reply = parsed(answer("CreateMember", "&AliUid=4711"));
	own = text("%s", member_text(reply, "MemberId"));
	json_object_put(reply);
	reply = parsed(answer("GetMember", text("&Proof=true&MemberId=%s", own)));
	CHECK(!json_object_get_boolean(member(reply, "Exist")));
	CHECK(state_holds(reply, STATE_MEMBER, own, NULL));
	json_object_put(reply);
	CASE("without a proof");
	CHECK_INT(asked("GetMember", "&MemberId=" NOBODY).response.status, 404);
	CASE("no id of a member");
	CHECK_INT(asked("GetMember", "&Proof=true&MemberId=nobody").response.status, 400);
}

int main(void)
{
	if (!begin()) {
		printf("Bail out! %s\n", err.text);
		return 99;
	}
	TEST(receipt_proves_the_journal);
	TEST(receipt_given_again);
	TEST(batch_proves_its_journals);
	TEST(journal_proofs);
	TEST(export_pages);
	TEST(consistency_proofs);
	TEST(wrong_sizes);
	TEST(files_give_the_signed_root);
	TEST(no_such_file);
	TEST(partial_tiles);
	TEST(how_long_files_are_kept);
	TEST(private_logs);
	TEST(methods_and_signatures);
	TEST(cose_receipts);
	TEST(no_receipt_of_one_leaf);
	TEST(state_roots_when_asked);
	TEST(leaves_of_a_lineage);
	TEST(states_in_older_trees);
	TEST(members_that_are_not_there);
	world_close();
	return tap_done();
}
