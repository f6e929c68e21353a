/* Requests to witnesses, what a witness has to answer, and reading its answers. */
#include "witness.h"

#include "arena.h"
#include "tap.h"
#include "vectors.h"

static struct json_object *vectors, *keys;
static struct tally_vkey log_key, witness_key;
static uint8_t log_seed[32], witness_seed[32];

static void load(void)
{
	vectors = vectors_load("transparency-log-vectors.json");
	keys = vectors_member(vectors, "keys");
	vectors_hex(vectors_text(keys, "log_seed_hex"), log_seed, 32);
	vectors_hex(vectors_text(keys, "witness_seed_hex"), witness_seed, 32);
	tally_vkey_parse(vectors_bytes(keys, "log_vkey"), &log_key);
	tally_vkey_parse(vectors_bytes(keys, "witness_vkey"), &witness_key);
}

/* ---- a small log to ask with ---- */

static struct tally_hash leaves[64];

static int node(void *ctx, unsigned int level, uint64_t index, struct tally_hash *hash_r)
{
	struct tally_hash left, right;

	if (level == 0) {
		*hash_r = leaves[index];
		return 0;
	}
	node(ctx, level - 1, 2 * index, &left);
	node(ctx, level - 1, 2 * index + 1, &right);
	tally_node_hash(&left, &right, hash_r);
	return 0;
}

static void root_of(uint64_t size, struct tally_hash *root_r)
{
	struct tally_frontier frontier;

	tally_frontier_init(&frontier);
	for (uint64_t i = 0; i < size; i++)
		tally_frontier_append(&frontier, &leaves[i]);
	tally_frontier_root(&frontier, root_r);
}

static void make_leaves(void)
{
	for (int i = 0; i < 64; i++) {
		char text[16];

		snprintf(text, sizeof(text), "leaf-%d", i);
		tally_leaf_hash(tally_bytes_str(text), &leaves[i]);
	}
}

/* A request for a tree, with another root where root is not NULL; its length. */
static size_t ask(uint64_t old_size, uint64_t proof_from, uint64_t size,
		  const struct tally_hash *root, char body[8192])
{
	struct tally_hash own, proof[TALLY_TREE_MAX_PATH + 1];
	char line[TALLY_NOTE_LINE];
	int count = tally_consistency_prove(proof_from, size, node, NULL, proof);
	size_t used = tally_witness_head(old_size, proof, count > 0 ? (size_t)count : 0, body), text;

	root_of(size, &own);
	text = tally_checkpoint_format(TALLY_BYTES_LIT("ledger.example/demo"), size,
				       root != NULL ? root : &own, body + used);
	tally_note_sign(&log_key, log_seed, tally_bytes(body + used, text), line);
	return used + text + (size_t)sprintf(body + used + text, "\n%s", line);
}

/* ---- parsing ---- */

static void the_vector_is_read_and_written(void)
{
	struct tally_bytes whole = vectors_bytes(vectors, "add_checkpoint_request");
	struct tally_witness_request request;
	char head[TALLY_WITNESS_HEAD_MAX];
	size_t size;

	REQUIRE(tally_witness_parse(whole, &request));
	CHECK_INT(request.old_size, 65536);
	CHECK_INT(request.proof_count, 1);
	CHECK_INT(request.checkpoint.size, 70000);
	CHECK_BYTES(request.signed_note, vectors_bytes(vectors, "checkpoint"));
	size = tally_witness_head(request.old_size, request.proof, request.proof_count, head);
	CHECK_BYTES(tally_bytes(head, size), tally_bytes(whole.data, whole.size -
							 request.signed_note.size));
}

/* The vector's tree of 65536 entries, as the witness holds it. */
static void held_by_vector(struct tally_witnessed *held)
{
	struct json_object *roots = vectors_member(vectors_member(vectors, "seq"), "roots");

	held->size = 65536;
	vectors_hex(vectors_text(roots, "65536"), held->root.bytes, 32);
}

static void the_vector_is_cosigned(void)
{
	struct tally_witness_request request;
	struct tally_witnessed held;
	char line[TALLY_NOTE_LINE];
	const char *why;

	held_by_vector(&held);
	REQUIRE(tally_witness_parse(vectors_bytes(vectors, "add_checkpoint_request"), &request));
	CHECK_INT(tally_witness_judge(&request, &log_key, 1, &held, &why), 200);
	tally_note_cosign(&witness_key, witness_seed, request.note.text, 1700000000, line);
	CHECK_STR(line, vectors_text(vectors, "add_checkpoint_response_200"));
}

static void malformed_requests_are_refused(void)
{
	const char *good = vectors_text(vectors, "add_checkpoint_request");
	const char *rest = strchr(good, '\n') + 1, *note = strstr(good, "\n\n") + 2;
	static char bad[TALLY_WITNESS_REQUEST_MAX + 64];
	struct tally_witness_request request;
	size_t used;
	static const char *const olds[] = {
		"old 065536", "old +1", "old -1", "old ", "old", "old  1", "Old 1", " old 1", "old 1 ",
		"old 9223372036854775808", "old 0x10", "old 1\r", "new 1", "", "old\t1",
	};

	for (size_t i = 0; i < sizeof(olds) / sizeof(*olds); i++) {
		CASE("first line '%s'", olds[i]);
		snprintf(bad, sizeof(bad), "%s\n%s", olds[i], rest);
		CHECK(!tally_witness_parse(tally_bytes_str(bad), &request));
	}
	for (int lines = 62; lines <= 65; lines++) {
		CASE("%d lines of proof", lines);
		used = (size_t)sprintf(bad, "old 1\n");
		for (int i = 0; i < lines; i++)
			used += (size_t)sprintf(bad + used, "%.45s", rest);
		sprintf(bad + used, "\n%s", note);
		CHECK_INT(tally_witness_parse(tally_bytes_str(bad), &request), lines <= 63);
	}
	CASE("a hash of 43 characters");
	snprintf(bad, sizeof(bad), "old 1\n%.43s\n\n%s", rest, note);
	CHECK(!tally_witness_parse(tally_bytes_str(bad), &request));
	CASE("a hash whose unused bits are set");
	snprintf(bad, sizeof(bad), "old 1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=\n\n%s", note);
	CHECK(!tally_witness_parse(tally_bytes_str(bad), &request));
	CASE("no empty line");
	snprintf(bad, sizeof(bad), "old 1\n%s", note);
	CHECK(!tally_witness_parse(tally_bytes_str(bad), &request));
	CASE("no checkpoint");
	CHECK(!tally_witness_parse(TALLY_BYTES_LIT("old 1\n\n"), &request));
	CASE("what follows the checkpoint");
	snprintf(bad, sizeof(bad), "%s\n", good);
	CHECK(!tally_witness_parse(tally_bytes_str(bad), &request));
	for (size_t size = 0; size < strlen(good); size++) {
		CASE("cut off at %zu", size);
		CHECK(!tally_witness_parse(tally_bytes(good, size), &request));
	}
	CASE("an extension that cannot be cosigned");
	used = (size_t)sprintf(bad, "old 0\n\nledger.example/demo\n70000\n"
			       "iBwvTHw7YMhk1XSquRdGoWciDFIKL4M9hu7m3++5rMs=\n");
	memset(bad + used, 'x', TALLY_COSIGNED_TEXT);
	sprintf(bad + used + TALLY_COSIGNED_TEXT, "\n\n%s", strstr(good, "\xe2\x80\x94"));
	CHECK(!tally_witness_parse(tally_bytes_str(bad), &request));
}

/* ---- judging ---- */

struct judged {
	const char *name;
	uint64_t held;			/* the witness holds the tree of so many */
	uint64_t old_size, proof_from, size;
	bool other_root;		/* in the request */
	int status;
};

static void requests_are_judged(void)
{
	static const struct judged cases[] = {
		{ "the first", 0, 0, 0, 5, false, 200 },
		{ "the first, of size 0", 0, 0, 0, 0, false, 200 },
		{ "size 0 with another root", 0, 0, 0, 0, true, 422 },
		{ "the next", 5, 5, 5, 9, false, 200 },
		{ "from a power of two", 8, 8, 8, 33, false, 200 },
		{ "the same once more", 9, 9, 9, 9, false, 200 },
		{ "the same size, another root", 9, 9, 9, 9, true, 422 },
		{ "a larger one with another root", 5, 5, 5, 9, true, 422 },
		{ "the proof is of another pair", 5, 5, 4, 9, false, 422 },
		{ "a proof where there is nothing to prove", 0, 0, 5, 9, false, 422 },
		{ "a proof at the same size", 9, 9, 5, 9, false, 422 },
		{ "old is too small", 5, 3, 3, 9, false, 409 },
		{ "old is too large", 5, 7, 7, 9, false, 409 },
		{ "old of a witness that holds nothing", 0, 7, 7, 9, false, 409 },
		{ "old 0 where one is held", 5, 0, 0, 9, false, 409 },
		{ "smaller than what is held", 9, 9, 9, 5, false, 400 },
		{ "smaller, with its own old", 9, 5, 5, 5, false, 409 },
		{ "old above the size", 0, 6, 6, 5, false, 400 },
	};
	struct tally_witness_request request;
	struct tally_hash other = { { 1 } };
	struct tally_witnessed held;
	const char *why;
	char body[8192];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct judged *c = &cases[i];
		size_t size = ask(c->old_size, c->proof_from, c->size,
				  c->other_root ? &other : NULL, body);

		CASE("%s", c->name);
		held.size = c->held;
		root_of(c->held, &held.root);
		REQUIRE(tally_witness_parse(tally_bytes(body, size), &request));
		CHECK_INT(tally_witness_judge(&request, &log_key, 1, &held, &why), c->status);
		CHECK(why[0] != '\0');
		CHECK_INT(tally_witness_judge(&request, NULL, 0, &held, NULL), 404);
		CHECK_INT(tally_witness_judge(&request, &witness_key, 1, &held, NULL), 403);
		CHECK_INT(tally_witness_conflict(&request, &held),
			  c->held == 9 && c->size == 9 && c->other_root);
	}
}

/* Whatever is changed in a request that is good, it is no longer cosigned. */
static void every_changed_byte_is_refused(void)
{
	struct tally_bytes good = vectors_bytes(vectors, "add_checkpoint_request");
	struct tally_witness_request request;
	struct tally_witnessed held;
	uint8_t bad[2048];

	held_by_vector(&held);
	for (size_t i = 0; i < good.size; i++) {
		CASE("byte %zu", i);
		memcpy(bad, good.data, good.size);
		bad[i] ^= 1;
		CHECK(!tally_witness_parse(tally_bytes(bad, good.size), &request) ||
		      tally_witness_judge(&request, &log_key, 1, &held, NULL) != 200);
	}
}

static void one_of_several_keys_is_enough(void)
{
	struct tally_vkey both[2] = { witness_key, log_key };
	struct tally_witness_request request;
	struct tally_witnessed held = { 0 };
	char body[8192];
	size_t size = ask(0, 0, 5, NULL, body);

	REQUIRE(tally_witness_parse(tally_bytes(body, size), &request));
	CHECK_INT(tally_witness_judge(&request, both, 2, &held, NULL), 200);
	CHECK_INT(tally_witness_judge(&request, both, 1, &held, NULL), 403);
}

/* ---- answers ---- */

static void answers_are_read(void)
{
	const char *good = vectors_text(vectors, "add_checkpoint_response_200");
	struct tally_bytes text, line;
	struct tally_vkey other;
	struct tally_note note;
	uint64_t time;
	char body[4096];

	REQUIRE(tally_note_parse(vectors_bytes(vectors, "checkpoint"), &note));
	text = note.text;
	CHECK(tally_witness_answer(tally_bytes_str(good), text, &witness_key, &line, &time));
	CHECK_BYTES(line, tally_bytes_str(good));
	CHECK_INT(time, 1700000000);
	CASE("beside a line of a stranger");
	tally_vkey_make(&other, TALLY_BYTES_LIT("other.example/w"), NOTE_COSIGNATURE,
			log_key.public);
	tally_note_cosign(&other, log_seed, text, 1700000001, body);
	strcat(body, good);
	CHECK(tally_witness_answer(tally_bytes_str(body), text, &witness_key, &line, &time));
	CHECK_BYTES(line, tally_bytes_str(good));
	CASE("only a line of a stranger");
	CHECK(!tally_witness_answer(tally_bytes_str(good), text, &other, &line, &time));
	CASE("over another text");
	CHECK(!tally_witness_answer(tally_bytes_str(good),
				    TALLY_BYTES_LIT("x\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSu"
						    "FU=\n"), &witness_key, &line, &time));
	CASE("with more around it");
	snprintf(body, sizeof(body), "%s\n", good);
	CHECK(!tally_witness_answer(tally_bytes_str(body), text, &witness_key, &line, &time));
	snprintf(body, sizeof(body), "\n%s", good);
	CHECK(!tally_witness_answer(tally_bytes_str(body), text, &witness_key, &line, &time));
	for (size_t i = 0; i <= strlen(good); i++) {
		CASE("cut off at %zu", i);
		if (i < strlen(good))
			CHECK(!tally_witness_answer(tally_bytes(good, i), text, &witness_key, &line,
						    &time));
	}
	CASE("a cosignature of 71 or 73 bytes");
	for (int more = -1; more <= 1; more++) {
		uint8_t bytes[4 + 8 + 64 + 1] = { 0x20, 0x32, 0x4a, 0xbe };
		struct tally_arena arena = { 0 };

		snprintf(body, sizeof(body), "\xe2\x80\x94 witness.example/w1 %s\n",
			 tally_base64_encode(&arena, tally_bytes(bytes, (size_t)(76 + more))));
		CHECK(!tally_witness_answer(tally_bytes_str(body), text, &witness_key, &line, &time));
		tally_arena_free(&arena);
	}
}

static void sizes_are_read(void)
{
	static const char *const wrong[] = { "", "\n", "5", "05\n", "+5\n", " 5\n", "5 \n", "5\n\n",
					     "9223372036854775808\n", "5\r\n", "x\n" };
	uint64_t size;

	CHECK(tally_witness_size(TALLY_BYTES_LIT("0\n"), &size));
	CHECK_INT(size, 0);
	CHECK(tally_witness_size(TALLY_BYTES_LIT("20852163\n"), &size));
	CHECK_INT(size, 20852163);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		CASE("'%s'", wrong[i]);
		CHECK(!tally_witness_size(tally_bytes_str(wrong[i]), &size));
	}
}

static void origins_have_their_hash(void)
{
	char hex[TALLY_ORIGIN_HEX];

	tally_origin_hex(TALLY_BYTES_LIT("ledger.example/demo"), hex);
	CHECK_STR(hex, vectors_text(vectors, "origin_hash"));
}

int main(void)
{
	load();
	make_leaves();
	TEST(the_vector_is_read_and_written);
	TEST(the_vector_is_cosigned);
	TEST(malformed_requests_are_refused);
	TEST(requests_are_judged);
	TEST(every_changed_byte_is_refused);
	TEST(one_of_several_keys_is_enough);
	TEST(answers_are_read);
	TEST(sizes_are_read);
	TEST(origins_have_their_hash);
	return tap_done();
}
