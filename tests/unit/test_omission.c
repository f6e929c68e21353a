/*
 * A server that left a journal out of its clue. Its ledger is made here: an honest one, whose
 * STATE_ROOT is then replaced by one that speaks of the clue without the journal, with every root and
 * checkpoint made anew and signed. Each of its answers verifies; two of them together convict it, and
 * so does an audit of its blocks.
 */
#include "config.h"

#include <stdlib.h>

#include "audit.h"
#include "omission.h"

#include "conf.h"
#include "forge.h"
#include "jcs.h"
#include "mem.h"
#include "prooffile.h"
#include "rich.h"
#include "tap.h"

#define JOURNALS 7		/* under the clue: journals 1 to 7 */
#define LEFT_OUT 4

static struct tally_err err;
static struct rich rich;
static char ledger[TALLY_LEDGER_ID_SIZE + 1];

/* The server's answers, as a client keeps them. */
struct server {
	struct forge forge;
	struct tally_bytes *blocks;
	struct tally_hash *leaves;	/* of all journals */
	uint64_t journals;
	struct tally_vkey vkey;
	char note[TALLY_CHECKPOINT_TEXT + 1 + TALLY_NOTE_LINE];
	size_t note_size;
	struct tally_state_leaf state[2];
	struct tally_state_proof proof;
	char value[TALLY_STATE_VALUE_MAX];
	struct tally_hash lineage[JOURNALS];
	size_t lineage_count;
	struct tally_hash path[TALLY_TREE_MAX_PATH], root_path[TALLY_TREE_MAX_PATH];
	int path_count, root_path_count;
	struct tally_buf leaf, root_leaf;
	struct tally_state_claim claim;
	struct tally_omission omission;
};

/* ---- an honest ledger ---- */

static bool make_ledger(void)
{
	struct tally_ledger_create create = { .name = TALLY_BYTES_LIT("omission") };
	struct tally_write write = { .caller = { .account = rich.first.account } };
	struct tally_ledger_created created;

	if (tally_ledger_create(rich.core, &write, &create, &created, &err) != 0)
		return false;
	memcpy(ledger, created.ledger_id, sizeof(ledger));
	for (int i = 0; i < JOURNALS; i++)
		if (!rich_append(&rich, ledger, "text", "case 7", &err))
			return false;
	return tally_state_refresh(rich.core, tally_bytes_str(ledger), &err) == 1 &&
	       rich_append(&rich, ledger, "later", "case 7", &err);
}

static uint64_t space_of(void)
{
	uint8_t bytes[8] = { 0 };

	CHECK(tally_hex_decode(tally_bytes(ledger + 2, 16), bytes, 8));
	return tally_get_u64(bytes);
}

/* ---- the server's state ---- */

static void leaf_of(struct server *server, uint64_t journal, struct tally_buf *buf)
{
	size_t block = 0;
	struct forged_journal *forged = forge_journal(&server->forge, journal, &block);
	struct tally_place place = { tally_bytes_str(ledger), journal,
				     server->forge.blocks[block].header.time_ms };

	tally_buf_clear(buf);
	tally_leaf_encode(&forged->record, &place, buf);
}

/* The clue's journals before the STATE_ROOT; without one, or none at all. */
static void state_make(struct server *server, int left_out, bool absent, struct tally_hash *root_r)
{
	struct tally_hash member_hash, clue_root;
	char text[TALLY_STATE_VALUE_MAX];
	struct tally_caller owner = { .account = rich.first.account };
	struct tally_member member;
	size_t count = 0;

	CHECK_INT(tally_member_get(rich.core, &owner, tally_bytes_str(ledger), TALLY_BYTES_NONE,
				   &member, &err), 1);
	{
		struct tally_buf json = { 0 };

		tally_member_json(&member, &json);
		tally_sha256(json.data, json.size, member_hash.bytes);
		tally_buf_free(&json);
	}
	tally_state_path(STATE_MEMBER, tally_bytes_str(member.id), &server->state[count].path);
	tally_state_value_hash(
		tally_bytes(text, tally_state_member_value(0, &member_hash, text)),
		&server->state[count++].value_hash);
	server->lineage_count = 0;
	for (int i = 1; i <= JOURNALS && !absent; i++)
		if (i != left_out)
			server->lineage[server->lineage_count++] = server->leaves[i];
	if (!absent) {
		tally_clue_root(server->lineage, server->lineage_count, &clue_root);
		tally_state_clue_value(server->lineage_count, &clue_root, server->value);
		tally_state_path(STATE_CLUE, TALLY_BYTES_LIT("case 7"), &server->state[count].path);
		tally_state_value_hash(tally_bytes_str(server->value),
				       &server->state[count++].value_hash);
	}
	tally_state_sort(server->state, count);
	CHECK_OK(tally_state_root(server->state, count, root_r));
	{
		struct tally_hash path;

		tally_state_path(STATE_CLUE, TALLY_BYTES_LIT("case 7"), &path);
		CHECK_OK(tally_state_prove(server->state, count, &path, &server->proof));
	}
}

/* ---- its answers ---- */

static int node(void *ctx, unsigned int level, uint64_t index, struct tally_hash *hash_r)
{
	const struct server *server = ctx;
	struct tally_frontier frontier;

	tally_frontier_init(&frontier);
	for (uint64_t i = index << level; i < (index + 1) << level; i++)
		tally_frontier_append(&frontier, &server->leaves[i]);
	tally_frontier_root(&frontier, hash_r);
	return 0;
}

static void sign_checkpoint(struct server *server, const uint8_t seed[TALLY_ED25519_SEED])
{
	struct tally_bytes origin = forge_field(&server->forge, 0, "origin")->text;
	const struct forged_block *last = &server->forge.blocks[server->forge.count - 1];
	uint8_t public[TALLY_ED25519_PUBLIC];
	struct tally_hash root;
	size_t size;

	memcpy(root.bytes, last->header.root, TALLY_HASH_SIZE);
	tally_ed25519_public(seed, public);
	CHECK(tally_vkey_make(&server->vkey, origin, NOTE_ED25519, public));
	size = tally_checkpoint_format(origin, server->journals, &root, server->note);
	server->note[size] = '\n';
	server->note_size = size + 1 + tally_note_sign(&server->vkey, seed,
						       tally_bytes(server->note, size),
						       server->note + size + 1);
}

static void answer(struct server *server, uint64_t state_root, bool absent)
{
	server->path_count = tally_inclusion_prove(LEFT_OUT, server->journals, node, server,
						   server->path);
	server->root_path_count = tally_inclusion_prove(state_root, server->journals, node, server,
							server->root_path);
	leaf_of(server, LEFT_OUT, &server->leaf);
	leaf_of(server, state_root, &server->root_leaf);
	server->claim = (struct tally_state_claim){
		.checkpoint = tally_bytes(server->note, server->note_size),
		.leaf = tally_buf_bytes(&server->root_leaf),
		.inclusion = server->root_path, .inclusion_count = (size_t)server->root_path_count,
		.kind = STATE_CLUE, .key = TALLY_BYTES_LIT("case 7"), .absent = absent,
		.value = tally_bytes_str(server->value), .proof = &server->proof,
	};
	server->omission = (struct tally_omission){
		.claim = &server->claim, .lineage = server->lineage,
		.lineage_count = server->lineage_count, .leaf = tally_buf_bytes(&server->leaf),
		.inclusion = server->path, .inclusion_count = (size_t)server->path_count,
	};
}

static void server_make(struct server *server, int left_out, bool absent)
{
	static const uint8_t seed[TALLY_ED25519_SEED] = { 5, 5, 5 };
	uint8_t public[TALLY_ED25519_PUBLIC];
	struct tally_hash root;
	uint64_t state_root;
	char hex[65];

	memset(server, 0, sizeof(*server));
	CHECK_OK(forge_read(rich.store, space_of(), &server->forge, &err));
	tally_ed25519_public(seed, public);
	tally_hex_encode(public, sizeof(public), hex);
	forge_field(&server->forge, 0, "logKey")->text = forge_text(&server->forge, hex);
	server->blocks = forge_blocks(&server->forge, 0, &server->leaves, &server->journals);
	state_root = forge_find(&server->forge, TYPE_STATE_ROOT, 0);
	CHECK_INT(state_root, JOURNALS + 1);
	state_make(server, left_out, absent, &root);
	tally_hex_encode(root.bytes, sizeof(root.bytes), hex);
	forge_field(&server->forge, state_root, "stateRoot")->text = forge_text(&server->forge, hex);
	server->blocks = forge_blocks(&server->forge, 0, &server->leaves, &server->journals);
	sign_checkpoint(server, seed);
	answer(server, state_root, absent);
}

static void server_free(struct server *server)
{
	tally_buf_free(&server->leaf);
	tally_buf_free(&server->root_leaf);
	forge_free(&server->forge);
}

/* ---- for other verifiers ---- */

static FILE *keep_open(const char *name)
{
	char path[600];
	FILE *file;

	snprintf(path, sizeof(path), "%.480s/%.100s", getenv("TALLY_TEST_KEEP"), name);
	file = fopen(path, "w");
	if (file == NULL)
		abort();
	return file;
}

static void print_state(struct server *server, bool absent, FILE *file)
{
	struct tally_arena *arena = &rich.arena;
	struct tally_buf leaf = { 0 };
	uint8_t proof[TALLY_STATE_PROOF_MAX];
	size_t proof_size;
	char hex[2 * TALLY_HASH_SIZE + 1];

	tally_jcs_string(&leaf, tally_bytes(server->note, server->note_size));
	fprintf(file, "{\"absent\":%s,\"checkpoint\":%.*s", absent ? "true" : "false", (int)leaf.size,
		(const char *)leaf.data);
	if (!absent)
		fprintf(file, ",\"count\":%zu", server->lineage_count);
	fprintf(file, ",\"format\":\"" TALLY_STATE_FILE_FORMAT "\"");
	for (int i = 1, first = 1; i <= JOURNALS && !absent; i++) {
		struct tally_hash hash;

		leaf_of(server, (uint64_t)i, &leaf);
		tally_leaf_hash(tally_buf_bytes(&leaf), &hash);
		for (size_t k = 0; k < server->lineage_count; k++) {
			if (memcmp(hash.bytes, server->lineage[k].bytes, TALLY_HASH_SIZE) != 0)
				continue;
			fprintf(file, "%s%.*s", first ? ",\"journals\":[" : ",", (int)leaf.size,
				(const char *)leaf.data);
			first = 0;
		}
	}
	proof_size = tally_state_proof_encode(&server->proof, proof);
	fprintf(file, "%s,\"key\":\"case 7\",\"kind\":\"clue\",\"ledgerId\":\"%s\",\"stateProof\":\"%s\","
		"\"stateRootLeaf\":%.*s,\"stateRootPath\":[", absent ? "" : "]", ledger,
		tally_base64_encode(arena, tally_bytes(proof, proof_size)), (int)server->root_leaf.size,
		(const char *)server->root_leaf.data);
	for (int i = 0; i < server->root_path_count; i++) {
		tally_hex_encode(server->root_path[i].bytes, TALLY_HASH_SIZE, hex);
		fprintf(file, "%s\"%s\"", i > 0 ? "," : "", hex);
	}
	fprintf(file, "]}\n");
	tally_buf_free(&leaf);
}

/* By its state proof file. */
static int check_file(struct server *server, bool absent)
{
	struct tally_state_file *file = tally_malloc(sizeof(*file));
	struct tally_state_answer state;
	struct tally_leaf leaf;
	struct tally_hash hash;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int result;

	print_state(server, absent, out);
	fclose(out);
	CHECK_OK(tally_state_file_parse(tally_bytes(text, size), tally_arena_alloc(&rich.arena, size), file,
					&err));
	CHECK_OK(tally_state_file_check(file, &server->vkey, 1, 10, &state, &err));
	CHECK(tally_leaf_parse(server->omission.leaf, &leaf));
	tally_leaf_hash(server->omission.leaf, &hash);
	result = tally_omission_of(file, &state, &leaf, &hash, &err);
	free(text);
	free(file);
	return result;
}

/* The answers as files, in the directory that TALLY_TEST_KEEP names: NAME.state is the state proof,
 * NAME.proof that of the journal that should be in it, NAME.vkey the log's key. */
static void keep(struct server *server, const char *name, bool absent)
{
	struct tally_proof_file proof = { .index = LEFT_OUT, .path_count = (size_t)server->path_count,
					  .checkpoint = server->claim.checkpoint };
	struct tally_buf text = { 0 }, extra = { 0 };
	char file_name[100], vkey[TALLY_VKEY_TEXT + 1];
	FILE *file;

	if (getenv("TALLY_TEST_KEEP") == NULL)
		return;
	snprintf(file_name, sizeof(file_name), "%s.state", name);
	file = keep_open(file_name);
	print_state(server, absent, file);
	fclose(file);
	tally_buf_add(&extra, "{\"leaf\":", 8);
	tally_jcs_string(&extra, server->omission.leaf);
	tally_buf_add(&extra, "}", 1);
	proof.extra = tally_bytes_str(tally_base64_encode(&rich.arena, tally_buf_bytes(&extra)));
	memcpy(proof.path, server->path, sizeof(proof.path));
	tally_proof_format(&proof, &text);
	snprintf(file_name, sizeof(file_name), "%s.proof", name);
	file = keep_open(file_name);
	fwrite(text.data, 1, text.size, file);
	fclose(file);
	snprintf(file_name, sizeof(file_name), "%s.vkey", name);
	file = keep_open(file_name);
	tally_vkey_format(&server->vkey, vkey);
	fprintf(file, "%s\n", vkey);
	fclose(file);
	tally_buf_free(&text);
	tally_buf_free(&extra);
}

/* ---- an audit of its blocks ---- */

static int on_found(void *ctx, const struct tally_audit_finding *finding)
{
	snprintf(ctx, 600, "[%s] %.500s", finding->what, finding->text);
	return 1;
}

static void audit(struct server *server, char text[600])
{
	struct tally_audit_options options = { .only = ledger, .found = on_found, .ctx = text };
	struct tally_store_args args = { .location = "mem:", .conf = rich.conf, .create = true,
					 .blocks = true, .index = true };
	struct tally_audit_source source;
	const struct tally_driver *driver;
	struct tally_store *store;

	text[0] = '\0';
	REQUIRE(tally_driver_find("mem", NULL, &driver, &err) == 0 &&
		tally_store_open(driver, &args, &store, &err) == 0);
	CHECK_OK(forge_copy(rich.store, store, &server->forge, server->blocks, false, &err));
	CHECK_OK(tally_audit_store_open(store, NULL, &source, &err));
	CHECK_OK(tally_audit(&options, &source, &err));
	tally_audit_store_free(&source);
	tally_store_close(&store);
}

/* ---- tests ---- */

/* Each answer by itself is as good as any. */
static void check_answers(struct server *server)
{
	struct tally_checkpoint checkpoint;
	struct tally_state_answer state;
	struct tally_hash hash;

	CHECK_OK(tally_state_proof_check(&server->claim, &server->vkey, 1, 10, &state, &err));
	CHECK_INT(state.size, JOURNALS + 1);
	CHECK_OK(tally_checkpoint_check(server->claim.checkpoint, &server->vkey, 1, &checkpoint,
					&err));
	tally_leaf_hash(server->omission.leaf, &hash);
	CHECK(tally_inclusion_verify(LEFT_OUT, checkpoint.size, &hash, server->path,
				     (size_t)server->path_count, &checkpoint.root));
}

static void a_journal_left_out_convicts_its_server(void)
{
	struct tally_state_answer state;
	struct server server;
	char text[600];

	for (int absent = 0; absent < 2; absent++) {
		CASE(absent ? "a clue of nothing" : "a clue without one of its journals");
		server_make(&server, LEFT_OUT, absent);
		check_answers(&server);
		CHECK_INT(tally_omission_check(&server.omission, &server.vkey, 1, &state, &err), 1);
		CHECK_INT(check_file(&server, absent), 1);
		keep(&server, absent ? "absent" : "guilty", absent);
		audit(&server, text);
		CHECK(strncmp(text, "[state] ", 8) == 0);
		CHECK(strstr(text, "journal 8 (block ") != NULL);
		CHECK(strstr(text, "make the state root") != NULL);
		server_free(&server);
	}
}

static void an_honest_server_is_not_convicted(void)
{
	struct tally_state_answer state;
	struct server server;
	char text[600];

	server_make(&server, 0, false);
	check_answers(&server);
	CHECK_INT(tally_omission_check(&server.omission, &server.vkey, 1, &state, &err), 0);
	CHECK_INT(check_file(&server, false), 0);
	keep(&server, "honest", false);
	/* only the log key is not the store's: that is what the audit of one ledger does not see */
	audit(&server, text);
	CHECK_STR(text, "");
	CASE("a journal behind the state");
	leaf_of(&server, JOURNALS + 2, &server.leaf);
	server.omission.leaf = tally_buf_bytes(&server.leaf);
	server.path_count = tally_inclusion_prove(JOURNALS + 2, server.journals, node, &server,
						  server.path);
	server.omission.inclusion_count = (size_t)server.path_count;
	CHECK_INT(tally_omission_check(&server.omission, &server.vkey, 1, &state, &err), 0);
	CHECK_INT(check_file(&server, false), 0);
	CASE("a journal of another clue");
	leaf_of(&server, 0, &server.leaf);
	server.omission.leaf = tally_buf_bytes(&server.leaf);
	CHECK_INT(check_file(&server, false), -1);
	CHECK_INT(err.code, TALLY_INVALID);
	server_free(&server);
}

/* Nobody is convicted by proofs that are none. */
static void what_does_not_verify_shows_nothing(void)
{
	struct tally_state_answer state;
	struct tally_omission bad;
	struct server server;

	server_make(&server, LEFT_OUT, false);
	bad = server.omission;
	bad.lineage_count--;
	CHECK_INT(tally_omission_check(&bad, &server.vkey, 1, &state, &err), -1);
	CHECK_INT(err.code, TALLY_INVALID);
	CASE("other journals");
	server.lineage[2].bytes[0] ^= 1;
	CHECK_INT(tally_omission_check(&server.omission, &server.vkey, 1, &state, &err), -1);
	CHECK_INT(err.code, TALLY_CORRUPT);
	server.lineage[2].bytes[0] ^= 1;
	CASE("another path");
	server.path[1].bytes[4] ^= 1;
	CHECK_INT(tally_omission_check(&server.omission, &server.vkey, 1, &state, &err), -1);
	CHECK_INT(err.code, TALLY_CORRUPT);
	server.path[1].bytes[4] ^= 1;
	CASE("a leaf of another clue");
	leaf_of(&server, 0, &server.leaf);
	bad = server.omission;
	bad.leaf = tally_buf_bytes(&server.leaf);
	CHECK_INT(tally_omission_check(&bad, &server.vkey, 1, &state, &err), -1);
	CHECK_INT(err.code, TALLY_INVALID);
	CASE("another key");
	leaf_of(&server, LEFT_OUT, &server.leaf);
	server.omission.leaf = tally_buf_bytes(&server.leaf);
	server.vkey.public[0] ^= 1;
	CHECK_INT(tally_omission_check(&server.omission, &server.vkey, 1, &state, &err), -1);
	CHECK_INT(err.code, TALLY_DENIED);
	server.vkey.public[0] ^= 1;
	CASE("a claim about something else");
	server.claim.kind = STATE_KV;
	CHECK_INT(tally_omission_check(&server.omission, &server.vkey, 1, &state, &err), -1);
	CHECK_INT(err.code, TALLY_INVALID);
	server_free(&server);
}

int main(void)
{
	tally_log_open(TALLY_LOG_ERROR, NULL, &err);
	if (!rich_begin(&rich, &err) || !rich_open(&rich, "mem", "mem:omission", true, &err) ||
	    !make_ledger()) {
		printf("not ok - the ledger is made: %s\n", err.text);
		return 1;
	}
	TEST(a_journal_left_out_convicts_its_server);
	TEST(an_honest_server_is_not_convicted);
	TEST(what_does_not_verify_shows_nothing);
	rich_end(&rich);
	tally_mem_forget("omission");
	return tap_done();
}
