/*
 * Process proof files. A log is made here of which the test has the key: 12 journals, stages of a process
 * among them, number 8 the STATE_ROOT of the first 8. Everything its owner can make fit is made to fit in
 * each case, hashes, state root, checkpoint; what he cannot make are his callers' signatures, and an order
 * of stages that the process could not have had. Then what anybody can change in a good file.
 */
#include "processfile.h"

#include <stdlib.h>

#include "arena.h"
#include "buf.h"
#include "err.h"
#include "signed.h"
#include "tap.h"

#define JOURNALS 12
#define STATE_AT 8
#define STAGES_MOST 4
#define LEDGER "l-0123456789abcdef012345678"
#define ORIGIN "ledger.example/" LEDGER
#define PROCESS "25f46489-29bb-4f58-8f4c-e12da0a4bd66"

enum { ALICE, BOB, CAROL, DAVE, PEOPLE };

static struct tally_arena arena;
static struct tally_err err;

static struct person {
	uint8_t private[32];
	struct tally_member_key public;
	const char *did;
} people[PEOPLE];

/* A stage as it is to be made. */
struct made {
	const char *op, *type;
	unsigned int at;		/* number of its journal */
	unsigned int provider, consumer;
	unsigned int author, signer;	/* as a rule the provider */
	const char *creator, *process, *name;
	const char *consumer_signed;	/* what is signed says this; NULL: what the leaf says */
	bool removed;			/* without its content */
	bool bad_payload, bad_evidence, bad_signature;
};

static struct world {
	struct made stages[STAGES_MOST];
	size_t count;
	const char *leaves[JOURNALS];
	struct tally_hash hashes[JOURNALS];
	const char *items[STAGES_MOST];	/* of the list "stages" */
	struct tally_vkey key;
} w;

/* ---- people ---- */

static void make_people(void)
{
	for (size_t i = 0; i < PEOPLE; i++) {
		uint8_t hash[TALLY_HASH_SIZE];
		char text[TALLY_BASE58_TEXT(16)];

		memset(people[i].private, (int)i + 21, 32);
		CHECK_OK(tally_member_public(KEY_TYPE_SECP256R1, people[i].private,
					     &people[i].public, &err));
		tally_sha256(people[i].public.bytes, 65, hash);
		tally_base58_encode(tally_bytes(hash, 16), text);
		people[i].did = tally_arena_printf(&arena, "did:test:%s", text);
	}
}

/* ---- the log ---- */

static const char *hex(const void *data, size_t size)
{
	char *text = tally_arena_alloc(&arena, 2 * size + 1);

	tally_hex_encode(data, size, text);
	return text;
}

static const char *salted_hash(const char *salt, struct tally_bytes payload)
{
	struct tally_sha256 sha;
	uint8_t hash[TALLY_HASH_SIZE];

	tally_sha256_init(&sha);
	tally_sha256_add(&sha, salt, TALLY_SALT_SIZE);
	tally_sha256_add(&sha, payload.data, payload.size);
	tally_sha256_end(&sha, hash);
	return hex(hash, sizeof(hash));
}

static const char *leaf_of(const struct made *made, const char *consumer, const char *evidence,
			   struct tally_bytes payload)
{
	return tally_arena_printf(
		&arena, "{\"clues\":[\"process %s " PROCESS "\"],\"data\":{\"consumer\":\"%s\",\"creator\":\"%s\","
		"\"op\":\"%s\",\"order\":\"o%u\",\"process\":\"%s\",\"product\":\"p \\\"%u\\\"\",\"provider\":\"%s\"},"
		"\"evidenceHash\":\"%s\",\"journalId\":%u,\"ledgerId\":\"" LEDGER "\",\"memberId\":\"%s\","
		"\"payloadHash\":\"%s\",\"payloadSize\":%zu,\"payloadType\":\"%s\",\"timestamp\":1640574210%03u,"
		"\"v\":1}", people[ALICE].did, consumer, made->creator, made->op, made->at, made->process,
		made->at, people[made->provider].did, evidence, made->at, people[made->author].did,
		salted_hash("0123456789abcdef", payload), payload.size, made->type, made->at);
}

static struct tally_bytes evidence_of(const struct made *made, struct tally_bytes message)
{
	const struct person *signer = &people[made->signer];
	struct tally_bytes id = tally_bytes_str(people[made->author].did);
	uint8_t signature[TALLY_MEMBER_SIGNATURE];
	struct tally_buf buf = { 0 };
	struct tally_bytes bytes;

	CHECK_OK(tally_member_sign(KEY_TYPE_SECP256R1, signer->private, message, signature, &err));
	signature[40] ^= made->bad_signature;
	tally_buf_add_u8(&buf, 1);
	tally_buf_add_varint(&buf, 0);
	tally_buf_add_varint(&buf, message.size);
	tally_buf_add_bytes(&buf, message);
	tally_buf_add_u8(&buf, 1);
	tally_buf_add_u8(&buf, (uint8_t)id.size);
	tally_buf_add_bytes(&buf, id);
	tally_buf_add_u8(&buf, KEY_TYPE_SECP256R1);
	tally_buf_add_u8(&buf, 65);
	tally_buf_add(&buf, signer->public.bytes, 65);
	tally_buf_add(&buf, signature, sizeof(signature));
	bytes = tally_arena_bytes(&arena, tally_buf_bytes(&buf));
	tally_buf_free(&buf);
	return bytes;
}

static void make_stage(size_t i)
{
	const struct made *made = &w.stages[i];
	const char *consumer = people[made->consumer].did;
	struct tally_bytes payload = tally_bytes_str(tally_arena_printf(
		&arena, "{\"dataset\":{\"stageName\":\"no\"},\"stageName\":\"%s\"}", made->name));
	uint8_t room[TALLY_LEAF_MAX], hash[TALLY_HASH_SIZE];
	const char *unsigned_leaf = leaf_of(made, made->consumer_signed != NULL ? made->consumer_signed :
										  consumer,
					    "00", payload);
	struct tally_bytes evidence = evidence_of(
		made, tally_leaf_statement(tally_bytes_str(unsigned_leaf), room));

	tally_evidence_hash((const uint8_t *)"fedcba9876543210", evidence, hash);
	w.leaves[made->at] = leaf_of(made, consumer, hex(hash, sizeof(hash)), payload);
	if (made->bad_payload)
		payload = TALLY_BYTES_LIT("{\"stageName\":\"other\"}");
	if (made->bad_evidence)
		evidence.size--;
	w.items[i] = made->removed ? "{}" : tally_arena_printf(
		&arena, "{\"evidence\":\"%s\",\"evidenceSalt\":\"%s\",\"payload\":\"%s\",\"salt\":\"%s\"}",
		tally_base64_encode(&arena, evidence), hex("fedcba9876543210", 16),
		tally_base64_encode(&arena, payload), hex("0123456789abcdef", 16));
}

static void plain_leaf(unsigned int i, const char *data, const char *type)
{
	w.leaves[i] = tally_arena_printf(&arena, "{%s\"journalId\":%u,\"ledgerId\":\"" LEDGER "\","
					 "\"payloadType\":\"%s\",\"timestamp\":1640574210%03u,\"v\":1}", data,
					 i, type, i);
}

static int node(void *ctx, unsigned int level, uint64_t index, struct tally_hash *hash_r)
{
	(void)ctx;
	tally_clue_root(w.hashes + (index << level), (uint64_t)1 << level, hash_r);
	return 0;
}

static const char *checkpoint(void)
{
	char text[TALLY_CHECKPOINT_TEXT], line[TALLY_NOTE_LINE];
	uint8_t seed[32] = { 1 }, public[32];
	struct tally_hash root;
	size_t size, line_size;

	tally_ed25519_public(seed, public);
	CHECK(tally_vkey_make(&w.key, TALLY_BYTES_LIT(ORIGIN), NOTE_ED25519, public));
	tally_clue_root(w.hashes, JOURNALS, &root);
	size = tally_checkpoint_format(TALLY_BYTES_LIT(ORIGIN), JOURNALS, &root, text);
	line_size = tally_note_sign(&w.key, seed, tally_bytes(text, size), line);
	/* as JSON: ORIGIN \n SIZE \n ROOT \n \n LINE \n */
	return tally_arena_printf(&arena, ORIGIN "\\n%d\\n%s\\n\\n%.*s\\n", JOURNALS,
				  tally_base64_encode(&arena, tally_bytes(root.bytes, 32)),
				  (int)line_size - 1, line);
}

/* The state of the first journals, with the clue's as they are there: its proof, its root's journal. */
static const char *make_state(struct tally_bytes clue)
{
	static uint8_t bytes[TALLY_STATE_PROOF_MAX];
	static struct tally_state_proof proof;
	struct tally_hash lineage[STAGES_MOST], root, path;
	char value[TALLY_STATE_VALUE_MAX];
	struct tally_state_leaf leaf;

	for (size_t i = 0; i < w.count; i++)
		tally_leaf_hash(tally_bytes_str(w.leaves[w.stages[i].at]), &lineage[i]);
	tally_clue_root(lineage, w.count, &root);
	tally_state_clue_value(w.count, &root, value);
	tally_state_path(STATE_CLUE, clue, &leaf.path);
	tally_state_value_hash(tally_bytes_str(value), &leaf.value_hash);
	tally_state_root(&leaf, w.count > 0, &root);
	tally_state_path(STATE_CLUE, clue, &path);
	tally_state_prove(&leaf, w.count > 0, &path, &proof);
	tally_state_root_value(STATE_AT, &root, value);
	plain_leaf(STATE_AT, tally_arena_printf(&arena, "\"data\":%s,", value), "STATE_ROOT");
	return tally_base64_encode(&arena, tally_bytes(bytes, tally_state_proof_encode(&proof, bytes)));
}

static const char *joined(const char *const *texts, size_t count)
{
	const char *all = "";

	for (size_t i = 0; i < count; i++)
		all = tally_arena_printf(&arena, "%s%s%s", all, i > 0 ? "," : "", texts[i]);
	return all;
}

/* The file that the log's owner writes of the process as it is in w. */
static const char *make_file(void)
{
	const char *clue = tally_arena_printf(&arena, "process %s " PROCESS, people[ALICE].did);
	const char *proof, *journals[STAGES_MOST], *path[TALLY_TREE_MAX_PATH], *given = "", *note;
	struct tally_hash hashes[TALLY_TREE_MAX_PATH];
	int path_count;

	for (unsigned int i = 0; i < JOURNALS; i++)
		plain_leaf(i, "", "CUSTOM");
	for (size_t i = 0; i < w.count; i++)
		make_stage(i);
	proof = make_state(tally_bytes_str(clue));
	for (size_t i = 0; i < JOURNALS; i++)
		tally_leaf_hash(tally_bytes_str(w.leaves[i]), &w.hashes[i]);
	for (size_t i = 0; i < w.count; i++)
		journals[i] = w.leaves[w.stages[i].at];
	path_count = tally_inclusion_prove(STATE_AT, JOURNALS, node, NULL, hashes);
	for (int i = 0; i < path_count; i++)
		path[i] = tally_arena_printf(&arena, "\"%s\"", hex(hashes[i].bytes, 32));
	note = checkpoint();
	if (w.count > 0)
		given = tally_arena_printf(&arena, "\"journals\":[%s],", joined(journals, w.count));
	return tally_arena_printf(
		&arena, "{\"format\":\"" TALLY_PROCESS_FILE_FORMAT "\",\"stages\":[%s],\"state\":{\"absent\":%s,"
		"\"checkpoint\":\"%s\",%s\"format\":\"" TALLY_STATE_FILE_FORMAT "\",%s\"key\":\"%s\",\"kind\":"
		"\"clue\",\"ledgerId\":\"" LEDGER "\",\"stateProof\":\"%s\",\"stateRootLeaf\":%s,"
		"\"stateRootPath\":[%s]}}\n", joined(w.items, w.count), w.count == 0 ? "true" : "false", note,
		w.count == 0 ? "" : tally_arena_printf(&arena, "\"count\":%zu,", w.count), given, clue, proof,
		w.leaves[STATE_AT], joined(path, (size_t)path_count));
}

/* Three stages: Alice to Bob, Bob to Carol, Carol to Bob. */
static void three_stages(void)
{
	static const unsigned int places[] = { 2, 3, 6 };
	static const unsigned int from[] = { ALICE, BOB, CAROL }, to[] = { BOB, CAROL, BOB };

	memset(&w, 0, sizeof(w));
	w.count = 3;
	for (size_t i = 0; i < 3; i++)
		w.stages[i] = (struct made){
			.op = i == 0 ? "share-dataset-new" : "share-dataset-append",
			.type = "DATASHARE", .at = places[i], .provider = from[i], .consumer = to[i],
			.author = from[i], .signer = from[i], .creator = people[ALICE].did,
			.process = PROCESS, .name = i == 0 ? "transaction1" : "transaction\\u0032",
		};
}

/* ---- checking ---- */

static struct tally_process_file file;
static struct tally_process_stage stages[STAGES_MOST];
static struct tally_state_answer answer;
static uint8_t *room, *contents;	/* of the last file that was checked */

/* Parses and checks; the rooms are just what the contract says. */
static int check_lag(const char *text, uint64_t lag_max)
{
	struct tally_checkpoint tree;
	int result;

	free(room);
	free(contents);
	room = malloc(strlen(text) + 1);
	contents = malloc(strlen(text) + 1);
	memset(&err, 0, sizeof(err));
	memset(stages, 0, sizeof(stages));
	result = tally_process_file_parse(tally_bytes_str(text), room, &file, &err);
	if (result == 0)
		result = tally_checkpoint_check(file.state.checkpoint, &w.key, 1, &tree, &err);
	if (result == 0 && file.state.count > STAGES_MOST)
		abort();
	if (result == 0)
		result = tally_process_file_check_in(&file, &tree, lag_max, contents, stages, &answer,
						     &err);
	return result;
}

static int check(const char *text)
{
	return check_lag(text, UINT64_MAX);
}

static void said(const char *words)
{
	if (strstr(err.text, words) == NULL)
		FAIL("said '%s', not '%s'", err.text, words);
}

static const char *name_of(size_t i)
{
	uint8_t *text = tally_arena_alloc(&arena, stages[i].content.size + 1);

	return tally_arena_str(&arena, tally_process_stage_name(&stages[i], text));
}

/* ---- what is shown ---- */

static void a_process_is_proved(void)
{
	three_stages();
	CHECK_OK(check(make_file()));
	CHECK_INT(file.state.count, 3);
	CHECK_BYTES(file.creator, tally_bytes_str(people[ALICE].did));
	CHECK_BYTES(file.process, TALLY_BYTES_LIT(PROCESS));
	CHECK_INT(answer.size, STATE_AT);
	CHECK_INT(answer.lag, JOURNALS - STATE_AT);
	CHECK_STR(name_of(0), "transaction1");
	CHECK_STR(name_of(2), "transaction2");
	CHECK_INT(stages[1].journal_id, 3);
	CHECK_INT(stages[1].timestamp, 1640574210003);
	CHECK_MEM(stages[1].hash.bytes, w.hashes[3].bytes, 32);
	CHECK_BYTES(stages[2].consumer, tally_bytes_str(tally_arena_printf(&arena, "\"%s\"",
									   people[BOB].did)));
	CHECK_BYTES(stages[2].order, TALLY_BYTES_LIT("\"o6\""));
	CHECK_BYTES(stages[2].product, TALLY_BYTES_LIT("\"p \\\"6\\\"\""));
	CHECK(stages[0].has_content && stages[1].has_content && stages[2].has_content);
	CHECK_FAILS(check_lag(make_file(), 3), TALLY_EXPIRED);
}

static void that_there_is_none(void)
{
	three_stages();
	w.count = 0;
	CHECK_OK(check(make_file()));
	CHECK(file.state.absent);
}

/* The stage stays when its content was removed from the ledger. */
static void removed_contents(void)
{
	three_stages();
	w.stages[1].removed = true;
	CHECK_OK(check(make_file()));
	CHECK(!stages[1].has_content && stages[2].has_content);
	CHECK_STR(name_of(1), "");
	CHECK_STR(name_of(2), "transaction2");
}

/* Anybody who appends can use the clue; that makes no stage. */
static void other_journals(void)
{
	for (size_t i = 0; i < 3; i++) {
		CASE("number %zu", i);
		three_stages();
		w.stages[i].type = "CUSTOM";
		w.stages[i].removed = true;
		if (i == 0)
			w.stages[1].op = "share-dataset-new";
		if (i == 1)
			w.stages[2].provider = w.stages[2].author = w.stages[2].signer = BOB;
		CHECK_OK(check(make_file()));
		for (size_t k = 0; k < 3; k++)
			CHECK_INT(stages[k].other, k == i);
	}
	w.stages[2].removed = false;
	CHECK_FAILS(check(make_file()), TALLY_CORRUPT);
	said("journal 6: it is no stage");
}

/* ---- what the log's owner cannot do ---- */

static void another_consumer(void) { w.stages[1].consumer_signed = people[DAVE].did; }
static void by_the_servers_key(void) { w.stages[1].signer = DAVE; }
static void in_anothers_name(void) { w.stages[1].author = w.stages[1].signer = DAVE; }
static void by_a_stranger(void)
{
	w.stages[1].provider = w.stages[1].author = w.stages[1].signer = DAVE;
}
static void by_who_comes_later(void)
{
	w.stages[1].provider = w.stages[1].author = w.stages[1].signer = CAROL;
}
static void without_a_beginning(void)
{
	memmove(w.stages, w.stages + 1, 2 * sizeof(*w.stages));
	w.count = 2;
}
static void begun_twice(void) { w.stages[1].op = "share-dataset-new"; }
static void another_operation(void) { w.stages[2].op = "share-dataset"; }
static void out_of_another_process(void) { w.stages[1].process = "another"; }
static void of_another_creator(void) { w.stages[1].creator = people[BOB].did; }
static void another_content(void) { w.stages[1].bad_payload = true; }
static void another_evidence(void) { w.stages[1].bad_evidence = true; }
static void another_signature(void) { w.stages[1].bad_signature = true; }

static void forgeries(void)
{
	static const struct {
		const char *name;
		void (*make)(void);
		const char *words;
	} cases[] = {
		{ "a stage that says another consumer than was signed", another_consumer,
		  "journal 3: what was signed is not what the journal says" },
		{ "a stage that another key signed", by_the_servers_key,
		  "journal 3: it is signed by another key" },
		{ "a stage in another's name", in_anothers_name, "journal 3: its author is not its provider" },
		{ "a stage by who has no part", by_a_stranger, "journal 3: its author had no part" },
		{ "a stage by who gets one later only", by_who_comes_later,
		  "journal 3: its author had no part" },
		{ "the first stage is missing", without_a_beginning,
		  "journal 3: the first stage does not begin" },
		{ "two first stages", begun_twice, "journal 3: it does not go on" },
		{ "another operation", another_operation, "journal 6: it does not go on" },
		{ "a stage of another process", out_of_another_process, "journal 3: it is of another process" },
		{ "a stage of another creator", of_another_creator, "journal 3: it is of another process" },
		{ "another content", another_content, "journal 3: its content is not" },
		{ "another evidence", another_evidence, "journal 3: its evidence is not" },
		{ "a signature that does not verify", another_signature,
		  "journal 3: its signature does not verify" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CASE("%s", cases[i].name);
		three_stages();
		cases[i].make();
		CHECK_FAILS(check(make_file()), TALLY_CORRUPT);
		said(cases[i].words);
	}
}

/* ---- what anybody changes in a good file ---- */

static const char *edited(const char *good, const char *from, const char *to)
{
	const char *at = strstr(good, from);

	if (at == NULL) {
		FAIL("there is no %s", from);
		return good;
	}
	return tally_arena_printf(&arena, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
}

static void refused(const char *name, const char *text, const char *words)
{
	CASE("%s", name);
	CHECK(check(text) == -1);
	said(words);
}

/* Stages missing, added, in another order, everywhere or in one of the two lists. */
static void other_stages(void)
{
	const char *good, *leaf, *item;

	three_stages();
	good = make_file();
	leaf = tally_arena_printf(&arena, "%s,", w.leaves[3]);
	item = tally_arena_printf(&arena, "%s,", w.items[1]);
	refused("missing", edited(edited(edited(good, leaf, ""), item, ""), "\"count\":3", "\"count\":2"),
		"state: journals: those, and no others");
	refused("missing, and not counted", edited(edited(good, leaf, ""), item, ""), "there are more or fewer");
	refused("missing among the contents", edited(good, item, ""), "there are more or fewer");
	refused("missing among the journals", edited(good, leaf, ""), "there are more or fewer");
	refused("twice", edited(edited(edited(good, leaf, tally_arena_printf(&arena, "%s%s", leaf, leaf)), item,
				       tally_arena_printf(&arena, "%s%s", item, item)),
				"\"count\":3", "\"count\":4"), "state: journals: they do not ascend");
	refused("in another order",
		edited(edited(good, leaf, ""), w.leaves[6],
		       tally_arena_printf(&arena, "%s,%s", w.leaves[6], w.leaves[3])),
		"state: journals: they do not ascend");
	refused("contents in another order",
		edited(edited(good, item, ""), w.items[2],
		       tally_arena_printf(&arena, "%s,%s", w.items[2], w.items[1])),
		"journal 3: its evidence is not");
	refused("that there is none", edited(good, "\"absent\":false", "\"absent\":true"),
		"state: count: it does not belong");
}

static void changed_files(void)
{
	static const struct {
		const char *from, *to, *words;
	} edits[] = {
		{ "{\"format\"", "{ \"format\"", "it is no canonical" },
		{ "process proof v1", "process proof v2", "format: this program reads" },
		{ "\"format\":\"tallystick process", "\"forma\":\"tallystick process", "format: this program" },
		{ "\"stages\":[", "\"stages\":{\"a\":[", "it is no canonical" },
		{ "\"stages\":[", "\"stager\":[", "stager: this format has no such member" },
		{ "\"state\":{\"absent\"", "\"stats\":{\"absent\"", "stats: this format has no such member" },
		{ "\"state\":{\"absent\":", "\"state\":{\"absenu\":", "state: absenu: this format has no" },
		{ "\"state\":{\"absent\"", "\"state\":1,\"statf\":{\"absent\"", "statf: this format has no" },
		{ "\"key\":\"process ", "\"key\":\"dataset ", "state: it is not about a process" },
		{ "\"key\":\"process did:test:", "\"key\":\"process  did:test:",
		  "state: it is not about a process" },
		{ "\"kind\":\"clue\"", "\"kind\":\"kv\"", "state: " },
		{ "\"count\":3", "\"count\":4", "there are more or fewer" },
		{ "{\"evidence\":\"A", "{\"evidence\":\"B", "journal 2: its evidence is not" },
		{ "{\"evidence\":\"A", "{\"evidence\":\"", "journal 2: what the file has of it is malformed" },
		{ "\"evidenceSalt\":\"6", "\"evidenceSalt\":\"7", "journal 2: its evidence is not" },
		{ "\"evidenceSalt\":\"6", "\"evidenceSalt\":\"", "journal 2: what the file has of it is" },
		{ "\"evidenceSalt\":", "\"evidenceTalt\":", "journal 2: what the file has of it is" },
		{ ",\"payload\":", ",\"payloaf\":", "journal 2: what the file has of it is" },
		{ "\"payload\":\"e", "\"payload\":\"f", "journal 2: its content is not" },
		{ "\"salt\":\"30", "\"salt\":\"31", "journal 2: its content is not" },
		{ "\"salt\":\"30", "\"salt\":\"3O", "journal 2: what the file has of it is" },
		{ "[{\"evidence\"", "[7,{\"evidence\"", "there are more or fewer" },
		{ "\"order\":\"o3\"", "\"order\":\"o4\"", "state: journals: those, and no others" },
	};
	const char *good;

	three_stages();
	good = make_file();
	for (size_t i = 0; i < sizeof(edits) / sizeof(*edits); i++)
		refused(tally_arena_printf(&arena, "%s to %s", edits[i].from, edits[i].to),
			edited(good, edits[i].from, edits[i].to), edits[i].words);
	refused("half of it", tally_arena_printf(&arena, "%.200s", good), "it is no canonical");
	refused("nothing", "", "it is no canonical");
	refused("a state proof file", "{\"absent\":true,\"format\":\"" TALLY_STATE_FILE_FORMAT "\"}",
		"format: this program reads");
	refused("only a format", "{\"format\":\"" TALLY_PROCESS_FILE_FORMAT "\"}", "state: it is no state");
}

/* One character at a time; none of the results verifies. */
static void no_character_can_be_changed(void)
{
	const char *good;
	char *copy;
	size_t size;

	three_stages();
	good = make_file();
	size = strlen(good);
	copy = tally_arena_str(&arena, tally_bytes_str(good));
	for (size_t i = 0; i < size; i++) {
		copy[i] = good[i] == 'A' ? 'B' : 'A';
		CASE("character %zu", i);
		CHECK(check(copy) == -1);
		copy[i] = good[i];
	}
	CHECK_OK(check(copy));
}

/* ---- clues and kinds ---- */

static void clues(void)
{
	static const struct {
		const char *clue, *creator, *process;
	} cases[] = {
		{ "process did:a:b c", "did:a:b", "c" }, { "process did:a:b c d", "did:a:b", "c d" },
		{ "process did:a:b", NULL, NULL }, { "process did:a:b ", NULL, NULL },
		{ "process  c", NULL, NULL }, { "process ", NULL, NULL }, { "process", NULL, NULL },
		{ "", NULL, NULL }, { "order did:a:b c", NULL, NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tally_bytes creator, process;
		bool is = tally_process_of_clue(tally_bytes_str(cases[i].clue), &creator, &process);

		CASE("'%s'", cases[i].clue);
		CHECK_INT(is, cases[i].creator != NULL);
		if (!is || cases[i].creator == NULL)
			continue;
		CHECK_BYTES(creator, tally_bytes_str(cases[i].creator));
		CHECK_BYTES(process, tally_bytes_str(cases[i].process));
	}
}

static void kinds_of_files(void)
{
	three_stages();
	CHECK(tally_process_file_is(tally_bytes_str(make_file())));
	CHECK(!tally_process_file_is(TALLY_BYTES_NONE));
	CHECK(!tally_process_file_is(TALLY_BYTES_LIT("{")));
	CHECK(!tally_process_file_is(TALLY_BYTES_LIT("[]")));
	CHECK(!tally_process_file_is(TALLY_BYTES_LIT("{\"format\":\"" TALLY_STATE_FILE_FORMAT "\"}")));
}

int main(void)
{
	tally_arena_init(&arena);
	make_people();
	TEST(a_process_is_proved);
	TEST(that_there_is_none);
	TEST(removed_contents);
	TEST(other_journals);
	TEST(forgeries);
	TEST(other_stages);
	TEST(changed_files);
	TEST(no_character_can_be_changed);
	TEST(clues);
	TEST(kinds_of_files);
	free(room);
	free(contents);
	tally_arena_free(&arena);
	return tap_done();
}
