/*
 * State proofs from the signature down, over a log of 100 journals of which number 60 is the
 * STATE_ROOT of the first 55: what is shown, and each way in which it can be wrong.
 */
#include "stateproof.h"

#include "err.h"
#include "leaf.h"
#include "tap.h"

#define JOURNALS 100
#define STATE_AT 60
#define STATE_SIZE 55
#define LEDGER "l-0123456789abcdef012345678"
#define ORIGIN "ledger.example/" LEDGER

struct world {
	struct tally_hash leaves[JOURNALS];
	struct tally_state_leaf state[3];
	struct tally_hash path[TALLY_TREE_MAX_PATH];
	struct tally_state_proof proof;
	char value[TALLY_STATE_VALUE_MAX], leaf[600], note[4096];
	struct tally_vkey keys[2];
	uint8_t seeds[2][32];
	struct tally_state_claim claim;
};

static int node(void *ctx, unsigned int level, uint64_t index, struct tally_hash *hash_r)
{
	const struct world *w = ctx;

	tally_clue_root(w->leaves + (index << level), (uint64_t)1 << level, hash_r);
	return 0;
}

static void make_keys(struct world *w)
{
	uint8_t public[32];

	memset(w->seeds[0], 1, 32);
	memset(w->seeds[1], 2, 32);
	tally_ed25519_public(w->seeds[0], public);
	tally_vkey_make(&w->keys[0], TALLY_BYTES_LIT(ORIGIN), NOTE_ED25519, public);
	tally_ed25519_public(w->seeds[1], public);
	tally_vkey_make(&w->keys[1], TALLY_BYTES_LIT("witness.example/w1"), NOTE_COSIGNATURE, public);
}

/* Three keys: a clue of two journals, a key, a member. */
static void make_state(struct world *w, struct tally_hash *root_r)
{
	char text[TALLY_STATE_VALUE_MAX];
	struct tally_hash clue;

	tally_clue_root(w->leaves + 3, 2, &clue);
	tally_state_clue_value(2, &clue, w->value);
	tally_state_path(STATE_CLUE, TALLY_BYTES_LIT("order 4711"), &w->state[0].path);
	tally_state_value_hash(tally_bytes_str(w->value), &w->state[0].value_hash);
	tally_state_kv_value(9, &w->leaves[9], text);
	tally_state_path(STATE_KV, TALLY_BYTES_LIT("colour"), &w->state[1].path);
	tally_state_value_hash(tally_bytes_str(text), &w->state[1].value_hash);
	tally_state_member_value(1, &clue, text);
	tally_state_path(STATE_MEMBER, TALLY_BYTES_LIT("m-1"), &w->state[2].path);
	tally_state_value_hash(tally_bytes_str(text), &w->state[2].value_hash);
	tally_state_sort(w->state, 3);
	tally_state_root(w->state, 3, root_r);
}

/* Signs a tree of so many leaves and has the audit path of the state's leaf in it. */
static void sign(struct world *w, uint64_t size, const char *origin)
{
	char text[TALLY_CHECKPOINT_TEXT], line[TALLY_NOTE_LINE];
	struct tally_hash root;
	size_t used;

	tally_clue_root(w->leaves, size, &root);
	used = tally_checkpoint_format(tally_bytes_str(origin), size, &root, text);
	tally_note_sign(&w->keys[0], w->seeds[0], tally_bytes(text, used), line);
	snprintf(w->note, sizeof(w->note), "%s\n%s", text, line);
	tally_note_cosign(&w->keys[1], w->seeds[1], tally_bytes(text, used), 1700000000, line);
	strcat(w->note, line);
	w->claim.checkpoint = tally_bytes_str(w->note);
	if (size > STATE_AT)
		w->claim.inclusion_count = (size_t)tally_inclusion_prove(STATE_AT, size, node, w, w->path);
	w->claim.inclusion = w->path;
}

/* The STATE_ROOT journal's leaf becomes this text. */
static void set_leaf(struct world *w, const char *text)
{
	snprintf(w->leaf, sizeof(w->leaf), "%s", text);
	w->claim.leaf = tally_bytes_str(w->leaf);
	tally_leaf_hash(w->claim.leaf, &w->leaves[STATE_AT]);
	sign(w, JOURNALS, ORIGIN);
}

static const char *leaf_text(const struct tally_hash *root, char *room, const char *ledger,
			     const char *type, unsigned int id, unsigned int size)
{
	char data[TALLY_STATE_VALUE_MAX];

	tally_state_root_value(size, root, data);
	sprintf(room, "{\"data\":%s,\"journalId\":%u,\"ledgerId\":\"%s\",\"payloadType\":\"%s\","
		"\"timestamp\":1767312000123,\"v\":1}", data, id, ledger, type);
	return room;
}

static struct tally_hash state_root;

static void make_world(struct world *w)
{
	struct tally_hash path;
	char text[512];

	memset(w, 0, sizeof(*w));
	make_keys(w);
	for (unsigned int i = 0; i < JOURNALS; i++)
		tally_leaf_hash(tally_bytes(&i, sizeof(i)), &w->leaves[i]);
	make_state(w, &state_root);
	w->claim.kind = STATE_CLUE;
	w->claim.key = TALLY_BYTES_LIT("order 4711");
	w->claim.value = tally_bytes_str(w->value);
	w->claim.proof = &w->proof;
	tally_state_path(w->claim.kind, w->claim.key, &path);
	tally_state_prove(w->state, 3, &path, &w->proof);
	set_leaf(w, leaf_text(&state_root, text, LEDGER, "STATE_ROOT", STATE_AT, STATE_SIZE));
}

/* ---- what is shown ---- */

static void a_value_is_shown(void)
{
	struct tally_state_answer answer;
	struct tally_hash root, page[2], want;
	struct tally_err err = { 0 };
	struct world w;
	uint64_t count;

	make_world(&w);
	CHECK_OK(tally_state_proof_check(&w.claim, w.keys, 1, 45, &answer, &err));
	CHECK_INT(answer.size, STATE_SIZE);
	CHECK_INT(answer.tree_size, JOURNALS);
	CHECK_INT(answer.lag, JOURNALS - STATE_SIZE);
	CHECK_INT(answer.journal_id, STATE_AT);
	CHECK_MEM(&answer.root, &state_root, sizeof(state_root));
	CASE("with a witness");
	CHECK_OK(tally_state_proof_check(&w.claim, w.keys, 2, UINT64_MAX, &answer, &err));
	CASE("and the whole lineage");
	REQUIRE(tally_state_clue_parse(w.claim.value, &count, &root));
	CHECK_INT(count, 2);
	memcpy(page, w.leaves + 3, sizeof(page));
	CHECK(tally_clue_page_verify(count, &root, 0, page, 2, NULL, 0));
	tally_clue_root(w.leaves + 3, 2, &want);
	CHECK_MEM(&root, &want, sizeof(root));
}

static void absence_is_shown(void)
{
	struct tally_state_answer answer;
	struct tally_err err = { 0 };
	struct tally_hash path;
	struct world w;

	make_world(&w);
	w.claim.absent = true;
	CHECK_FAILS(tally_state_proof_check(&w.claim, w.keys, 1, 45, &answer, &err), TALLY_CORRUPT);
	w.claim.kind = STATE_KV;		/* the same text as a key is another path */
	CHECK_FAILS(tally_state_proof_check(&w.claim, w.keys, 1, 45, &answer, &err), TALLY_CORRUPT);
	tally_state_path(w.claim.kind, w.claim.key, &path);
	REQUIRE(tally_state_prove(w.state, 3, &path, &w.proof) == 0);
	CHECK_OK(tally_state_proof_check(&w.claim, w.keys, 1, 45, &answer, &err));
	w.claim.absent = false;
	CHECK_FAILS(tally_state_proof_check(&w.claim, w.keys, 1, 45, &answer, &err), TALLY_CORRUPT);
}

/* ---- what is refused ---- */

static void old_states(void)
{
	struct tally_state_answer answer;
	struct tally_err err = { 0 };
	struct world w;

	make_world(&w);
	CHECK_FAILS(tally_state_proof_check(&w.claim, w.keys, 1, 44, &answer, &err), TALLY_EXPIRED);
	CHECK_INT(answer.lag, 45);
	CHECK_FAILS(tally_state_proof_check(&w.claim, w.keys, 1, 0, &answer, &err), TALLY_EXPIRED);
	CASE("a state root that is the newest journal still lags by its own place");
	sign(&w, STATE_AT + 1, ORIGIN);
	CHECK_OK(tally_state_proof_check(&w.claim, w.keys, 1, 6, &answer, &err));
	CHECK_INT(answer.lag, 6);
	CASE("a tree that does not reach it");
	sign(&w, STATE_AT, ORIGIN);
	CHECK_FAILS(tally_state_proof_check(&w.claim, w.keys, 1, 45, &answer, &err), TALLY_CORRUPT);
}

static void unsigned_checkpoints(void)
{
	struct tally_state_answer answer;
	struct tally_err err = { 0 };
	struct tally_vkey keys[2];
	uint8_t public[32], seed[32] = { 9 };
	struct world w;
	char *at;

	make_world(&w);
	CASE("another key of that name");
	tally_ed25519_public(seed, public);
	tally_vkey_make(&keys[0], TALLY_BYTES_LIT(ORIGIN), NOTE_ED25519, public);
	CHECK_FAILS(tally_state_proof_check(&w.claim, keys, 1, 45, &answer, &err), TALLY_DENIED);
	CASE("a witness that did not sign");
	keys[0] = w.keys[0];
	tally_vkey_make(&keys[1], TALLY_BYTES_LIT("witness.example/w2"), NOTE_COSIGNATURE, public);
	CHECK_FAILS(tally_state_proof_check(&w.claim, keys, 2, 45, &answer, &err), TALLY_DENIED);
	CASE("a witness's key in the log's place");
	CHECK_FAILS(tally_state_proof_check(&w.claim, &w.keys[1], 1, 45, &answer, &err), TALLY_INVALID);
	CASE("no key");
	CHECK_FAILS(tally_state_proof_check(&w.claim, w.keys, 0, 45, &answer, &err), TALLY_INVALID);
	CASE("no note");
	w.claim.checkpoint.size--;
	CHECK_FAILS(tally_state_proof_check(&w.claim, w.keys, 1, 45, &answer, &err), TALLY_INVALID);
	CASE("another size under the same signature");
	w.claim.checkpoint.size++;
	at = strstr(w.note, "\n100\n");
	REQUIRE(at != NULL);
	at[3] = '1';
	CHECK_FAILS(tally_state_proof_check(&w.claim, w.keys, 1, 45, &answer, &err), TALLY_DENIED);
	CASE("the log's signature below another origin");
	sign(&w, JOURNALS, "ledger.example/l-other");
	CHECK_FAILS(tally_state_proof_check(&w.claim, w.keys, 1, 45, &answer, &err), TALLY_DENIED);
}

/* Leaves that the log did sign, and that are not what is asked for. */
static void other_leaves(void)
{
	struct tally_state_answer answer;
	struct tally_err err = { 0 };
	struct tally_hash other = { { 1 } };
	char text[512];
	struct world w;

	make_world(&w);
	CASE("another type");
	set_leaf(&w, leaf_text(&state_root, text, LEDGER, "CUSTOM", STATE_AT, STATE_SIZE));
	CHECK_FAILS(tally_state_proof_check(&w.claim, w.keys, 1, 45, &answer, &err), TALLY_INVALID);
	CASE("another ledger");
	set_leaf(&w, leaf_text(&state_root, text, "l-other", "STATE_ROOT", STATE_AT, STATE_SIZE));
	CHECK_FAILS(tally_state_proof_check(&w.claim, w.keys, 1, 45, &answer, &err), TALLY_CORRUPT);
	CASE("another place than its own");
	set_leaf(&w, leaf_text(&state_root, text, LEDGER, "STATE_ROOT", STATE_AT + 1, STATE_SIZE));
	CHECK_FAILS(tally_state_proof_check(&w.claim, w.keys, 1, 45, &answer, &err), TALLY_CORRUPT);
	CASE("a state of what comes after it");
	set_leaf(&w, leaf_text(&state_root, text, LEDGER, "STATE_ROOT", STATE_AT, STATE_AT + 1));
	CHECK_FAILS(tally_state_proof_check(&w.claim, w.keys, 1, 45, &answer, &err), TALLY_INVALID);
	CASE("another root");
	set_leaf(&w, leaf_text(&other, text, LEDGER, "STATE_ROOT", STATE_AT, STATE_SIZE));
	CHECK_FAILS(tally_state_proof_check(&w.claim, w.keys, 1, 45, &answer, &err), TALLY_CORRUPT);
	CASE("the largest state it can be of");
	set_leaf(&w, leaf_text(&state_root, text, LEDGER, "STATE_ROOT", STATE_AT, STATE_AT));
	CHECK_OK(tally_state_proof_check(&w.claim, w.keys, 1, 45, &answer, &err));
}

/* Each of these is one edit of the good leaf, which is signed for as it is then. */
static void malformed_leaves(void)
{
	static const struct { const char *from, *to; } edits[] = {
		{ "\"size\":55", "\"size\":055" }, { "\"size\":55", "\"size\":-55" },
		{ "\"size\":55", "\"size\":\"55\"" }, { "\"size\":55,", "" },
		{ "\"size\":55", "\"size\":55,\"size2\":56" }, { "\"size\":55", "\"extra\":1,\"size\":55" },
		{ "\"v\":1", "\"v\":2" }, { ",\"v\":1", "" }, { "{\"data\"", "{ \"data\"" },
		{ "\"v\":1}", "\"v\":1} " }, { "\"data\"", "\"zata\"" }, { "STATE_ROOT", "state_root" },
		{ "\"journalId\":60", "\"journalId\":60.0" }, { "STATE_ROOT", "STATE\\u005fROOT" },
		{ ",\"v\":1", ",\"v\":1,\"v\":1" }, { "\"stateRoot\":\"", "\"stateRoot\":\"0" },
		{ "\"ledgerId\":\"l-", "\"ledgerId\":\"\\u006c-" }
	};
	struct tally_state_answer answer;
	struct tally_err err = { 0 };
	char text[512], edited[600], *at;
	struct world w;

	make_world(&w);
	leaf_text(&state_root, text, LEDGER, "STATE_ROOT", STATE_AT, STATE_SIZE);
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		CASE("%s to %s", edits[i].from, edits[i].to);
		at = strstr(text, edits[i].from);
		REQUIRE(at != NULL);
		snprintf(edited, sizeof(edited), "%.*s%s%s", (int)(at - text), text, edits[i].to,
			 at + strlen(edits[i].from));
		set_leaf(&w, edited);
		CHECK_FAILS(tally_state_proof_check(&w.claim, w.keys, 1, 45, &answer, &err),
			    TALLY_INVALID);
	}
	CASE("as it was");
	set_leaf(&w, text);
	CHECK_OK(tally_state_proof_check(&w.claim, w.keys, 1, 45, &answer, &err));
}

static void changed_paths(void)
{
	struct tally_state_answer answer;
	struct tally_err err = { 0 };
	struct world w;

	make_world(&w);
	for (size_t i = 0; i < w.claim.inclusion_count; i++) {
		CASE("hash %zu of the audit path", i);
		w.path[i].bytes[7] ^= 4;
		CHECK_FAILS(tally_state_proof_check(&w.claim, w.keys, 1, 45, &answer, &err), TALLY_CORRUPT);
		w.path[i].bytes[7] ^= 4;
	}
	CASE("a hash less");
	w.claim.inclusion_count--;
	CHECK_FAILS(tally_state_proof_check(&w.claim, w.keys, 1, 45, &answer, &err), TALLY_CORRUPT);
	w.claim.inclusion_count++;
	CASE("another value");
	w.value[9] ^= 1;
	CHECK_FAILS(tally_state_proof_check(&w.claim, w.keys, 1, 45, &answer, &err), TALLY_CORRUPT);
	w.value[9] ^= 1;
	CASE("another key");
	w.claim.key = TALLY_BYTES_LIT("order 4712");
	CHECK_FAILS(tally_state_proof_check(&w.claim, w.keys, 1, 45, &answer, &err), TALLY_CORRUPT);
	w.claim.key = TALLY_BYTES_LIT("order 4711");
	CHECK_OK(tally_state_proof_check(&w.claim, w.keys, 1, 45, &answer, &err));
}

static void origins(void)
{
	CHECK(tally_origin_has(TALLY_BYTES_LIT(ORIGIN), TALLY_BYTES_LIT(LEDGER)));
	CHECK(tally_origin_has(TALLY_BYTES_LIT("ledger.example"), TALLY_BYTES_LIT("system")));
	CHECK(!tally_origin_has(TALLY_BYTES_LIT(ORIGIN), TALLY_BYTES_LIT("0123456789abcdef012345678")));
	CHECK(!tally_origin_has(TALLY_BYTES_LIT(LEDGER), TALLY_BYTES_LIT(LEDGER)));
	CHECK(!tally_origin_has(TALLY_BYTES_LIT("a/"), TALLY_BYTES_LIT("")));
	CHECK(!tally_origin_has(TALLY_BYTES_LIT("a/b"), TALLY_BYTES_LIT("longer than it")));
}

int main(void)
{
	TEST(a_value_is_shown);
	TEST(absence_is_shown);
	TEST(old_states);
	TEST(unsigned_checkpoints);
	TEST(other_leaves);
	TEST(malformed_leaves);
	TEST(changed_paths);
	TEST(origins);
	return tap_done();
}
