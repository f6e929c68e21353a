/*
 * tally verify: checks a proof file (c2sp.org/tlog-proof) with nothing but the log's key, or a
 * policy (c2sp.org/tlog-policy) of logs and witnesses; or, in proofs.h, a state or process proof file or
 * a COSE receipt. It opens no store and asks no server.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "arena.h"
#include "bounds.h"
#include "certificate.h"
#include "clock.h"
#include "err.h"
#include "files.h"
#include "note.h"
#include "policyfile.h"
#include "print.h"
#include "processfile.h"
#include "prooffile.h"
#include "proofs.h"
#include "verb.h"

#define PAYLOAD_MAX (64u << 20)

struct check {
	struct verb_call *call;
	struct tally_arena arena;
	struct tally_bytes text;	/* of the file */
	struct tally_proof_file file;
	struct tally_checkpoint checkpoint;
	struct tally_hash hash;		/* the journal's */
	struct tally_bytes leaf;	/* empty: only its hash was given */
	json_object *record;		/* the leaf, taken apart */
	json_object *extra;		/* what the file's extra line holds, or NULL */
	struct tally_policy_file *policy;	/* NULL: none was given */
	struct tally_policy_found found;	/* what the checkpoint has by it */
	bool payload;			/* one was given, and is the leaf's */
	struct signers signers;		/* the members that signed it */
	json_object *time;		/* what the file says of its time, or NULL */
	bool timed;			/* it was checked */
	struct bound after, before;
	int left_out;			/* of --left-out-of: 1 or 0 ... */
	const char *left_out_words;
};

static bool read_input(struct check *check, const char *path, size_t max, struct tally_bytes *bytes_r)
{
	return file_read_whole(check->call, path, max, &check->arena, bytes_r);
}

/* ---- the steps, in their order; each prints why it fails ---- */

static bool read_proof(struct check *check)
{
	struct tally_bytes extra;

	if (check->text.size > TALLY_PROOF_MAX || !tally_proof_parse(check->text, &check->file)) {
		verb_fail(check->call, "%s is no proof file", check->call->args[0]);
		return false;
	}
	if (tally_base64_decode(&check->arena, check->file.extra, &extra))
		check->extra = json_tokener_parse(tally_arena_str(&check->arena, extra));
	return true;
}

static bool read_policy(struct check *check)
{
	const char *path = verb_value(check->call, "policy", NULL);
	struct tally_err err;
	int fd, result;

	if (path == NULL)
		return true;
	fd = verb_open(path, O_RDONLY, 0);
	if (fd < 0) {
		verb_fail(check->call, "%s: %s", path, strerror(errno));
		return false;
	}
	result = tally_policy_file_take(fd, path, &check->policy, &err);
	close(fd);
	if (result != 0)
		verb_fail_err(check->call, &err);
	return result == 0;
}

/* Signed by the key, and for the key's own log. */
static bool check_vkey(struct check *check, const struct tally_note *note)
{
	const char *text = verb_value(check->call, "vkey", NULL);
	struct tally_vkey vkey;

	if (text == NULL)
		return true;
	if (!tally_vkey_parse(tally_bytes_str(text), &vkey) || vkey.type != NOTE_ED25519) {
		verb_fail(check->call, "--vkey is no verifier key of a log: %s", text);
		return false;
	}
	if (tally_note_verify(note, &vkey, 1, NULL, NULL) != 1) {
		verb_fail(check->call, "NOT VERIFIED: the checkpoint is not signed by this key");
		return false;
	}
	if (!tally_bytes_is(check->checkpoint.origin, vkey.name)) {
		verb_fail(check->call, "NOT VERIFIED: the checkpoint is of another log, %.*s",
			  (int)check->checkpoint.origin.size,
			  (const char *)check->checkpoint.origin.data);
		return false;
	}
	return true;
}

/* Who cosigned it, as words. */
static const char *signers(struct check *check)
{
	const struct tally_policy *policy = &check->policy->policy;
	const char *text = "";

	for (size_t i = 0; i < policy->witness_count; i++)
		if (check->found.signed_by[i])
			text = tally_arena_printf(&check->arena, "%s%s%.*s", text,
						  text[0] != '\0' ? ", " : "",
						  (int)policy->witnesses[i].name.size,
						  (const char *)policy->witnesses[i].name.data);
	return text[0] != '\0' ? text : "nobody";
}

/* Signed by a log of the policy, for its own origin, and cosigned by a quorum. */
static bool check_policy(struct check *check, const struct tally_note *note)
{
	struct tally_bytes origin = check->checkpoint.origin;

	if (check->policy == NULL)
		return true;
	if (!tally_policy_check(&check->policy->policy, note, &check->checkpoint, &check->found)) {
		verb_fail(check->call, "NOT VERIFIED: a signature of a log or witness of the policy does not "
			  "hold");
		return false;
	}
	if (check->found.log < 0) {
		verb_fail(check->call, "NOT VERIFIED: the policy has no log that signed this checkpoint of "
			  "%.*s", (int)origin.size, (const char *)origin.data);
		return false;
	}
	if (!check->found.quorum) {
		verb_fail(check->call, "NOT VERIFIED: the policy's quorum is not met; cosigned by %s",
			  signers(check));
		return false;
	}
	return true;
}

static bool check_note(struct check *check)
{
	struct tally_note note;

	if (!tally_note_parse(check->file.checkpoint, &note) ||
	    !tally_checkpoint_parse(note.text, &check->checkpoint)) {
		verb_fail(check->call, "NOT VERIFIED: its checkpoint is malformed");
		return false;
	}
	return check_vkey(check, &note) && check_policy(check, &note);
}

static const char *extra_text(const struct check *check, const char *name)
{
	json_object *value;

	if (check->extra == NULL || !json_object_object_get_ex(check->extra, name, &value) ||
	    !json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}

/* The journal that is to be in the log: a leaf, or only its hash. */
static bool find_journal(struct check *check)
{
	const char *hash = verb_value(check->call, "journal-hash", NULL);
	const char *path = verb_value(check->call, "leaf", NULL);
	const char *leaf = extra_text(check, "leaf");

	if (hash != NULL) {
		if (tally_hex_decode(tally_bytes_str(hash), check->hash.bytes, TALLY_HASH_SIZE))
			return true;
		verb_fail(check->call, "--journal-hash is 64 hex digits, not %s", hash);
		return false;
	}
	if (path != NULL) {
		if (!read_input(check, path, UINT16_MAX, &check->leaf))
			return false;
	} else if (leaf != NULL) {
		check->leaf = tally_bytes_str(leaf);
	} else {
		verb_fail(check->call, "which journal? Use --leaf FILE or --journal-hash HEX");
		return false;
	}
	tally_leaf_hash(check->leaf, &check->hash);
	return true;
}

static bool check_path(struct check *check)
{
	if (tally_inclusion_verify(check->file.index, check->checkpoint.size, &check->hash,
				   check->file.path, check->file.path_count,
				   &check->checkpoint.root))
		return true;
	verb_fail(check->call, "NOT VERIFIED: this journal is not number %" PRIu64 " of that log",
		  check->file.index);
	return false;
}

static const char *record_text(const struct check *check, const char *name)
{
	json_object *value;

	if (check->record == NULL || !json_object_object_get_ex(check->record, name, &value))
		return "";
	return json_object_get_string(value);
}

/* The leaf is in the log as it is; that it speaks of this place in this log is checked too. */
static bool check_leaf(struct check *check)
{
	const char *origin = tally_arena_str(&check->arena, check->checkpoint.origin);
	const char *ledger;

	if (check->leaf.size == 0)
		return true;
	check->record = json_tokener_parse(tally_arena_str(&check->arena, check->leaf));
	ledger = strrchr(origin, '/');
	if (check->record != NULL && ledger != NULL &&
	    strcmp(record_text(check, "ledgerId"), ledger + 1) == 0 &&
	    strcmp(record_text(check, "journalId"),
		   tally_arena_printf(&check->arena, "%" PRIu64, check->file.index)) == 0)
		return true;
	verb_fail(check->call, "NOT VERIFIED: the leaf is of another journal than its place says");
	return false;
}

static bool check_payload(struct check *check)
{
	const char *path = verb_value(check->call, "payload", NULL);
	const char *salt = verb_value(check->call, "salt", extra_text(check, "salt"));
	uint8_t bytes[16], hash[TALLY_HASH_SIZE];
	char hex[2 * TALLY_HASH_SIZE + 1];
	struct tally_sha256 sha;
	struct tally_bytes payload;

	if (path == NULL)
		return true;
	if (salt == NULL || !tally_hex_decode(tally_bytes_str(salt), bytes, sizeof bytes)) {
		verb_fail(check->call, "a payload is checked with its salt: --salt and 32 hex digits");
		return false;
	}
	if (check->leaf.size == 0) {
		verb_fail(check->call, "a payload is checked against a leaf: give --leaf FILE");
		return false;
	}
	if (!read_input(check, path, PAYLOAD_MAX, &payload))
		return false;
	tally_sha256_init(&sha);
	tally_sha256_add(&sha, bytes, sizeof bytes);
	tally_sha256_add(&sha, payload.data, payload.size);
	tally_sha256_end(&sha, hash);
	tally_hex_encode(hash, sizeof hash, hex);
	if (strcmp(record_text(check, "payloadHash"), hex) != 0) {
		verb_fail(check->call, "NOT VERIFIED: %s is not the payload of this journal", path);
		return false;
	}
	check->payload = true;
	return true;
}

/* Against the certificates of --ca; without them nothing is said of it. */
static bool check_time(struct check *check)
{
	const char *path = verb_value(check->call, "ca", NULL);
	const char *origin = tally_arena_str(&check->arena, check->checkpoint.origin);
	struct bounds_of of = { .origin = check->checkpoint.origin, .size = check->checkpoint.size,
				.root = check->checkpoint.root, .index = check->file.index,
				.hash = check->hash };
	const char *slash = strrchr(origin, '/');
	struct tally_tsp_trust *trust;
	struct tally_err err;

	if (check->extra != NULL)
		json_object_object_get_ex(check->extra, "time", &check->time);
	if (path == NULL)
		return true;
	if (!bounds_there(check->time)) {
		verb_fail(check->call, "the file says nothing of its time; tally prove --time makes one "
			  "that does");
		return false;
	}
	if (tally_tsp_trust_read(path, &trust, &err) != 0) {
		verb_fail_err(check->call, &err);
		return false;
	}
	of.ledger = slash != NULL ? slash + 1 : origin;
	check->timed = bounds_verify(check->call, check->time, &of, trust, &check->arena,
				     &check->after, &check->before);
	tally_tsp_trust_free(&trust);
	return check->timed;
}

/* ---- what was verified ---- */

static json_object *witnesses_json(const struct check *check)
{
	const struct tally_policy *policy = &check->policy->policy;
	json_object *list = json_object_new_array();

	for (size_t i = 0; i < policy->witness_count; i++) {
		json_object *one;

		if (!check->found.signed_by[i])
			continue;
		one = json_object_new_object();
		json_object_object_add(one, "Name", json_object_new_string_len(
			(const char *)policy->witnesses[i].name.data, (int)policy->witnesses[i].name.size));
		json_object_object_add(one, "KeyName",
				       json_object_new_string(policy->witness_keys[i].name));
		json_object_object_add(one, "Time", json_object_new_uint64(check->found.times[i]));
		json_object_array_add(list, one);
	}
	return list;
}

static void say_witnesses(const struct check *check)
{
	const struct tally_policy *policy = &check->policy->policy;
	char time[21];

	printf("  signature of the checkpoint by a log of the policy: good\n");
	for (size_t i = 0; i < policy->witness_count; i++) {
		if (!check->found.signed_by[i])
			continue;
		tally_time_format(check->found.times[i] * 1000, time);
		printf("  cosigned by %.*s (%s) at %s\n", (int)policy->witnesses[i].name.size,
		       (const char *)policy->witnesses[i].name.data, policy->witness_keys[i].name, time);
	}
	printf("  quorum of the policy: %s\n",
	       policy->quorum == QUORUM_NONE ? "none is asked for" : "met");
}

/* Who signed the checkpoint. */
static void signed_say(void *ctx)
{
	const struct check *check = ctx;

	if (verb_given(check->call, "vkey"))
		printf("  signature of the checkpoint by the key given: good\n");
	if (check->policy != NULL)
		say_witnesses(check);
}

static void signed_json(void *ctx, json_object *to)
{
	const struct check *check = ctx;

	if (check->policy != NULL)
		json_object_object_add(to, "Witnesses", witnesses_json(check));
}

static void say_json(struct check *check)
{
	json_object *all = json_object_new_object();
	char hex[2 * TALLY_HASH_SIZE + 1];

	json_object_object_add(all, "Verified", json_object_new_boolean(true));
	json_object_object_add(all, "Origin", json_object_new_string_len(
		(const char *)check->checkpoint.origin.data, (int)check->checkpoint.origin.size));
	json_object_object_add(all, "JournalId", json_object_new_uint64(check->file.index));
	json_object_object_add(all, "TreeSize", json_object_new_uint64(check->checkpoint.size));
	tally_hex_encode(check->checkpoint.root.bytes, TALLY_HASH_SIZE, hex);
	json_object_object_add(all, "RootHash", json_object_new_string(hex));
	tally_hex_encode(check->hash.bytes, TALLY_HASH_SIZE, hex);
	json_object_object_add(all, "JournalHash", json_object_new_string(hex));
	json_object_object_add(all, "Payload", json_object_new_boolean(check->payload));
	signers_json(&check->signers, all);
	if (check->timed)
		bounds_json(&check->after, &check->before, all);
	if (verb_given(check->call, "left-out-of"))
		json_object_object_add(all, "LeftOut", json_object_new_boolean(check->left_out));
	signed_json(check, all);
	if (check->record != NULL)
		json_object_object_add(all, "Leaf", json_object_get(check->record));
	print_json(all);
}

static void say_text(struct check *check)
{
	char hex[2 * TALLY_HASH_SIZE + 1], time[21];
	uint64_t ms;

	tally_hex_encode(check->hash.bytes, TALLY_HASH_SIZE, hex);
	printf("verified: journal %" PRIu64 " of the first %" PRIu64 " of %.*s\n", check->file.index,
	       check->checkpoint.size, (int)check->checkpoint.origin.size,
	       (const char *)check->checkpoint.origin.data);
	signed_say(check);
	printf("  hash %s\n", hex);
	if (check->record != NULL) {
		printf("  type %s\n", record_text(check, "payloadType"));
		if (tally_parse_u64(tally_bytes_str(record_text(check, "timestamp")), INT64_MAX, &ms)) {
			tally_time_format(ms, time);
			printf("  time %s, as the server says\n", time);
		}
		certificate_say(check->record);
	}
	signers_say(&check->signers);
	if (check->timed)
		bounds_say(&check->after, &check->before);
	else if (bounds_there(check->time))
		printf("  time stamps were not checked; that takes --ca FILE\n");
	printf("  payload %s\n", check->payload ? "is the journal's" : "was not checked");
	if (check->left_out)
		printf("CONVICTED: the log signed that %s\n", check->left_out_words);
	else if (verb_given(check->call, "left-out-of"))
		printf("  the state proof does not leave it out\n");
}

/* Of another file than a proof file: the same demands. */
static bool check_signed(void *ctx, struct tally_bytes note, struct tally_checkpoint *checkpoint_r)
{
	struct check *check = ctx;

	check->file.checkpoint = note;
	if (!check_note(check))
		return false;
	*checkpoint_r = check->checkpoint;
	return true;
}

static const struct verify_signed signed_by = { NULL, check_signed, signed_say, signed_json };

/* The state proof must be of the same log, and signed as the proof is. */
static bool check_left_out(struct check *check)
{
	const struct tally_checkpoint checkpoint = check->checkpoint;
	const struct tally_policy_found found = check->found;
	struct verify_signed by = signed_by;
	struct tally_bytes origin;

	if (!verb_given(check->call, "left-out-of"))
		return true;
	by.ctx = check;
	check->left_out = verify_left_out(check->call, &by, check->leaf, &check->arena,
					  &check->left_out_words);
	origin = check->checkpoint.origin;
	check->checkpoint = checkpoint;
	check->found = found;
	if (check->left_out < 0)
		return false;
	if (tally_bytes_equal(origin, checkpoint.origin))
		return true;
	verb_fail(check->call, "the state proof is of another log, %.*s", (int)origin.size,
		  (const char *)origin.data);
	return false;
}

/* A proof file. */
static int verify_journal(struct check *check)
{
	bool good = read_proof(check) && check_note(check) && find_journal(check) &&
		    check_path(check) && check_leaf(check) &&
		    signers_check(check->call, check->leaf, &check->arena, &check->signers) &&
		    check_payload(check) && check_time(check) && check_left_out(check);

	if (good && verb_given(check->call, "json"))
		say_json(check);
	else if (good)
		say_text(check);
	return !good ? VERB_FAILED : check->left_out ? VERB_FOUND : VERB_OK;
}

/* What is demanded of a file must be looked at, so what does not go with it is refused. */
static int check_options(const struct verb_call *call, const char *what, const char *const *others)
{
	for (; *others != NULL; others++)
		if (verb_given(call, *others))
			return verb_misuse(call, "--%s says nothing of a %s", *others, what);
	return VERB_OK;
}

static int verify_file(struct check *check)
{
	static const char *const not_journal[] = { "max-lag", NULL };
	static const char *const not_state[] = { "leaf", "journal-hash", "payload", "salt", "ca",
						 "signed-by", "left-out-of", NULL };
	static const char *const not_cose[] = { "policy", "journal-hash", "payload", "salt", "ca",
						"max-lag", "left-out-of", NULL };
	struct verify_signed by = signed_by;
	const struct verb_call *call = check->call;
	int status;

	by.ctx = check;
	if (verb_given(call, "cose")) {
		status = check_options(call, "COSE receipt", not_cose);
		return status != VERB_OK ? status : verify_cose(call, check->text, &check->arena);
	}
	if (verify_is_state(check->text)) {
		bool process = tally_process_file_is(check->text);

		status = check_options(call, process ? "process proof file" : "state proof file",
				       not_state);
		if (status != VERB_OK)
			return status;
		return !read_policy(check) ? VERB_FAILED :
		       process ? verify_process(call, check->text, &by, &check->arena) :
				 verify_state(call, check->text, &by, &check->arena);
	}
	status = check_options(call, "proof file of a journal", not_journal);
	if (status != VERB_OK)
		return status;
	return read_policy(check) ? verify_journal(check) : VERB_FAILED;
}

static int verify_run(struct verb_call *call)
{
	struct check check = { .call = call };
	int status = VERB_FAILED;

	if (!verb_given(call, "vkey") && !verb_given(call, "policy"))
		return verb_misuse(call, "by which key? --vkey KEY, as 'tally ledger vkey' prints it, or "
				   "--policy FILE");
	if (verb_given(call, "left-out-of") && verb_given(call, "journal-hash"))
		return verb_misuse(call, "--left-out-of takes the journal's leaf, not its hash");
	if (verb_given(call, "leaf") && verb_given(call, "journal-hash"))
		return verb_misuse(call, "--leaf or --journal-hash, not both");
	if (verb_given(call, "cose") && !verb_given(call, "vkey"))
		return verb_misuse(call, "a COSE receipt is checked with --vkey KEY");
	if (read_input(&check, call->args[0], VERIFY_FILE_MAX, &check.text))
		status = verify_file(&check);
	json_object_put(check.record);
	json_object_put(check.extra);
	tally_policy_file_free(&check.policy);
	tally_arena_free(&check.arena);
	return status;
}

static const struct verb_option verify_options[] = {
	{ "vkey", "KEY", "the log's verifier key, as 'tally ledger vkey' printed it" },
	{ "policy", "FILE", "a policy of logs and witnesses (c2sp.org/tlog-policy): the log must be in it, "
			    "and enough witnesses must have cosigned" },
	{ "leaf", "FILE", "the journal's leaf (default: what the proof file holds)" },
	{ "journal-hash", "HEX", "only the journal's hash, instead of a leaf" },
	{ "payload", "FILE", "check also that this is the journal's payload; - is standard input" },
	{ "salt", "HEX", "the payload's salt (default: what the proof file holds)" },
	{ "ca", "FILE", "check its time stamps too: certificates that are trusted, PEM" },
	{ "signed-by", "HEX", "demand that a member signed the journal with this public key" },
	{ "cose", NULL, "the file is a COSE receipt; it is checked with --leaf" },
	{ "max-lag", "N", "of a state or process proof: refuse it where more than N journals came after the state" },
	{ "left-out-of", "FILE", "a state proof file of one of its clues: does it leave the journal out?" },
	VERB_JSON_OPTION,
	VERB_OPTIONS_END
};

const struct verb verb_verify = {
	.name = "verify",
	.usage = "FILE",
	.summary = "Check a proof file offline against a log's key, or a policy of witnesses",
	.details = "Exit status 3: the log is convicted by --left-out-of.\n",
	.options = verify_options,
	.min_args = 1,
	.max_args = 1,
	.run = verify_run,
};
