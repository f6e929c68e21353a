/*
 * tally audit: everything a store says, held against everything else it says, and against what the
 * auditor kept. It reads the store itself where no other process has it open, asks its owner where
 * one has, and goes through a dump where it is given one.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json.h>

#include "audit.h"
#include "audit_source.h"
#include "conf.h"
#include "err.h"
#include "host.h"
#include "own.h"
#include "print.h"
#include "settings.h"
#include "tsp.h"

#define FINDINGS_MOST 1000u

struct auditing {
	struct verb_call *call;
	struct tally_audit_options options;
	struct tally_audit_source source;
	struct tally_tsp_trust *trust;
	struct tally_arena arena;
	struct tally_hash from_root;
	struct bar bar;
	bool json;
	uint64_t found, most;
	uint64_t ledgers;
	json_object *findings, *list;	/* with --json */
};

/* ---- what comes out ---- */

static void add_finding(struct auditing *auditing, const struct tally_audit_finding *finding)
{
	json_object *object = json_object_new_object();

	json_object_object_add(object, "LedgerId", json_object_new_string(finding->ledger));
	if (finding->has_block)
		json_object_object_add(object, "Block", json_object_new_uint64(finding->block));
	if (finding->has_journal)
		json_object_object_add(object, "JournalId",
				       json_object_new_uint64(finding->journal));
	if (finding->has_table)
		json_object_object_add(object, "Table", json_object_new_uint64(finding->table));
	json_object_object_add(object, "What", json_object_new_string(finding->what));
	json_object_object_add(object, "Text", json_object_new_string(finding->text));
	json_object_array_add(auditing->findings, object);
}

static int on_found(void *ctx, const struct tally_audit_finding *finding)
{
	struct auditing *auditing = ctx;

	bar_end(&auditing->bar);
	if (auditing->json)
		add_finding(auditing, finding);
	else
		printf("WRONG  %s\n", finding->text);
	return ++auditing->found >= auditing->most;
}

static void add_ledger(struct auditing *auditing, const struct tally_audit_ledger *ledger)
{
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{ "Blocks", ledger->blocks }, { "Journals", ledger->journals },
		{ "From", ledger->from }, { "Payloads", ledger->payloads },
		{ "PayloadBytes", ledger->payload_bytes }, { "Erased", ledger->erased },
		{ "NotErased", ledger->not_erased }, { "Signatures", ledger->signatures },
		{ "UnreadSignatures", ledger->unread_signatures }, { "Members", ledger->members },
		{ "StateRoots", ledger->state_roots }, { "StateKeys", ledger->state_keys },
		{ "TimeStamps", ledger->stamps }, { "TimeStampsUnchecked", ledger->stamps_unchecked },
		{ "Held", ledger->held }, { "IndexPairs", ledger->index_pairs },
		{ "Findings", ledger->findings },
	};
	json_object *object = json_object_new_object();
	char hex[2 * TALLY_HASH_SIZE + 1];

	json_object_object_add(object, "LedgerId", json_object_new_string(ledger->ledger));
	tally_hex_encode(ledger->root.bytes, TALLY_HASH_SIZE, hex);
	json_object_object_add(object, "RootHash", json_object_new_string(hex));
	json_object_object_add(object, "Whole", json_object_new_boolean(ledger->whole));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		json_object_object_add(object, rows[i].name, json_object_new_uint64(rows[i].value));
	json_object_array_add(auditing->list, object);
}

static void say_count(const char *what, uint64_t count)
{
	if (count > 0)
		printf("  %-28s %" PRIu64 "\n", what, count);
}

static void say_ledger(const struct auditing *auditing, const struct tally_audit_ledger *ledger)
{
	char hex[2 * TALLY_HASH_SIZE + 1], size[16];

	tally_hex_encode(ledger->root.bytes, TALLY_HASH_SIZE, hex);
	if (ledger->ledger[0] == '\0')
		printf("space %" PRIx64, ledger->space);
	printf("%s: %" PRIu64 " journals in %" PRIu64 " blocks, %s\n", ledger->ledger,
	       ledger->journals, ledger->blocks,
	       ledger->findings == 0 ? "nothing wrong" :
	       ledger->whole	     ? "NOT AS IT MUST BE" :
				       "NOT FOLLOWED TO ITS END");
	printf("  %-28s %s\n", "root", hex);
	say_count("taken as audited before", ledger->from);
	print_size(ledger->payload_bytes, size);
	if (ledger->payloads > 0)
		printf("  %-28s %" PRIu64 ", %s\n", "payloads hashed", ledger->payloads, size);
	say_count("payloads erased", ledger->erased);
	say_count("to be erased, still there", ledger->not_erased);
	say_count("members", ledger->members);
	say_count("their signatures", ledger->signatures);
	say_count("evidence erased, unread", ledger->unread_signatures);
	say_count("state roots made anew", ledger->state_roots);
	say_count("time stamps verified", ledger->stamps);
	say_count("time stamps not verified", ledger->stamps_unchecked);
	say_count("compared with what was kept", ledger->held);
	if (auditing->options.index != NULL)
		say_count("index pairs", ledger->index_pairs);
}

static void on_done(void *ctx, const struct tally_audit_ledger *ledger)
{
	struct auditing *auditing = ctx;

	bar_end(&auditing->bar);
	auditing->ledgers++;
	if (auditing->json)
		add_ledger(auditing, ledger);
	else
		say_ledger(auditing, ledger);
	bar_begin(&auditing->bar, "audit", "blocks");
}

static void on_progress(void *ctx, uint64_t done, uint64_t total)
{
	bar_show(&((struct auditing *)ctx)->bar, done, total);
}

static int finish(struct auditing *auditing, int result, const struct tally_err *err)
{
	json_object *object;

	bar_end(&auditing->bar);
	if (result != 0) {
		verb_fail_err(auditing->call, err);
		return VERB_FAILED;
	}
	if (auditing->json) {
		object = json_object_new_object();
		json_object_object_add(object, "Clean",
				       json_object_new_boolean(auditing->found == 0));
		json_object_object_add(object, "IndexCompared",
				       json_object_new_boolean(auditing->options.index != NULL));
		json_object_object_add(object, "Ledgers", json_object_get(auditing->list));
		json_object_object_add(object, "Findings", json_object_get(auditing->findings));
		print_json(object);
	} else if (auditing->found >= auditing->most) {
		printf("stopped at %s\n", auditing->most == 1 ? "the first finding (--all goes on)" :
								"as many findings");
	}
	return auditing->found == 0 ? VERB_OK : VERB_FOUND;
}

/* ---- running it ---- */

static int run(struct auditing *auditing)
{
	struct tally_err err;

	bar_begin(&auditing->bar, "audit", "blocks");
	return finish(auditing, tally_audit(&auditing->options, &auditing->source, &err), &err);
}

static int run_stores(struct auditing *auditing, struct tally_store *blocks,
		      struct tally_store *index)
{
	struct tally_err err;
	int status;

	if (verb_given(auditing->call, "index"))
		auditing->options.index = index;
	auditing->options.blocks = blocks;
	if (tally_audit_store_open(blocks, auditing->options.core, &auditing->source, &err) != 0)
		return verb_fail_err(auditing->call, &err);
	status = run(auditing);
	tally_audit_store_free(&auditing->source);
	return status;
}

/* The store does not open as it should: what there is of it is read without opening it. */
static int run_alone(struct auditing *auditing, const char *path)
{
	struct verb_call *call = auditing->call;
	struct tally_store *blocks, *index;
	struct tally_owner *owner = NULL;
	struct tally_err err;
	struct stat st;
	bool moved;
	int status;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode) && tally_own(path, &owner, &moved, &err) != 0)
		return verb_fail_err(call, &err);
	if (tally_core_open_stores(call->conf, &blocks, &index, &err) != 0) {
		verb_fail_err(call, &err);
		tally_disown(&owner);
		return err.code == TALLY_CORRUPT ? VERB_FOUND : VERB_FAILED;
	}
	status = run_stores(auditing, blocks, index);
	if (index != blocks)
		tally_store_close(&index);
	tally_store_close(&blocks);
	tally_disown(&owner);
	return status;
}

static int run_relayed(struct auditing *auditing, struct client *client)
{
	int status;

	if (verb_given(auditing->call, "index"))
		return verb_fail(auditing->call, "another process has the store open: its index cannot be "
				 "compared meanwhile");
	if (!relay_source_open(client, &auditing->source))
		return VERB_FAILED;
	status = run(auditing);
	relay_source_free(&auditing->source);
	return status;
}

/* Whether some process answers for the store. */
static bool is_answered(struct client *client)
{
	json_object *reply;

	client_start_admin(client, "ListSpaces");
	reply = client_try(client);
	json_object_put(reply);
	return reply != NULL;
}

/* The trust point that the ledger was given last. */
static int ask_trust_point(struct auditing *auditing, struct client *client)
{
	json_object *reply;
	uint64_t journal;

	client_start(client, "GetTrustPoint");
	client_add(client, "LedgerId", auditing->options.only);
	reply = client_run(client);
	if (reply == NULL)
		return VERB_FAILED;
	if (!tally_parse_u64(tally_bytes_str(reply_text(reply, "JournalId")), INT64_MAX, &journal)) {
		json_object_put(reply);
		return verb_fail(auditing->call, "%s has no trust point", auditing->options.only);
	}
	auditing->options.from = journal + 1;
	json_object_put(reply);
	return VERB_OK;
}

static int run_store(struct auditing *auditing)
{
	struct verb_call *call = auditing->call;
	const char *path = verb_store_path(call);
	struct tally_store *blocks, *index;
	struct client client;
	int status = client_open(call, true, &client);

	if (status != VERB_OK)
		return status;
	if (verb_given(call, "from-trust-point"))
		status = ask_trust_point(auditing, &client);
	auditing->options.core = tally_host_core(client.host);
	if (status == VERB_OK && auditing->options.core != NULL) {
		tally_core_stores(auditing->options.core, &blocks, &index);
		status = run_stores(auditing, blocks, index);
	} else if (status == VERB_OK && is_answered(&client)) {
		status = run_relayed(auditing, &client);
	} else if (status == VERB_OK) {
		client_close(&client);
		return run_alone(auditing, path);
	}
	client_close(&client);
	return status;
}

static int run_dump(struct auditing *auditing, const char *path)
{
	int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : verb_open(path, O_RDONLY, 0), status;
	FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;

	if (file == NULL)
		return verb_fail(auditing->call, "%s: %s", path, strerror(errno));
	dump_source_open(file, &auditing->source);
	status = run(auditing);
	dump_source_free(&auditing->source);
	fclose(file);
	return status;
}

/* ---- the line ---- */

static int read_from(struct auditing *auditing)
{
	struct verb_call *call = auditing->call;
	const char *root = verb_value(call, "root", NULL);

	if (verb_given(call, "from") && verb_given(call, "from-trust-point"))
		return verb_misuse(call, "--from or --from-trust-point, not both");
	if (!verb_number(call, "from", 1, INT64_MAX, &auditing->options.from))
		return VERB_USAGE;
	if ((verb_given(call, "from") || verb_given(call, "from-trust-point") || root != NULL) &&
	    auditing->options.only == NULL)
		return verb_misuse(call, "which ledger was audited before? Name it");
	if (verb_given(call, "dump") && (verb_given(call, "from-trust-point") || verb_given(call, "index")))
		return verb_misuse(call, "a dump has no index, nor a trust point by name: --from SIZE");
	if (root == NULL)
		return VERB_OK;
	if (!verb_given(call, "from") && !verb_given(call, "from-trust-point"))
		return verb_misuse(call, "--root goes with --from SIZE");
	if (!tally_hex_decode(tally_bytes_str(root), auditing->from_root.bytes, TALLY_HASH_SIZE))
		return verb_misuse(call, "--root is 64 hex digits, not %s", root);
	auditing->options.from_root = &auditing->from_root;
	return VERB_OK;
}

static int read_options(struct auditing *auditing)
{
	struct verb_call *call = auditing->call;
	struct tally_audit_options *options = &auditing->options;
	const char *ca = verb_value(call, "ca", NULL);
	uint64_t threads = 0;
	struct tally_err err;

	options->only = call->arg_count > 0 && strcmp(call->args[0], "all") != 0 ? call->args[0] : NULL;
	options->scratch = getenv("TMPDIR");
	options->found = on_found;
	options->done = on_done;
	options->progress = on_progress;
	options->ctx = auditing;
	auditing->most = verb_given(call, "all") ? FINDINGS_MOST : 1;
	auditing->json = verb_given(call, "json");
	if (!verb_number(call, "threads", 1, 64, &threads))
		return VERB_USAGE;
	options->threads = (unsigned int)threads;
	if (ca != NULL && tally_tsp_trust_read(ca, &auditing->trust, &err) != 0)
		return verb_fail_err(call, &err);
	options->trust = auditing->trust;
	return read_from(auditing);
}

/* The high-water file is looked at where the key file is: it stands beside it. */
static bool read_held(struct auditing *auditing)
{
	struct verb_call *call = auditing->call;
	struct tally_audit_held *held;
	const char *key = NULL;
	char path[4200];

	if (!verb_given(call, "dump") && verb_conf(call) != NULL &&
	    tally_conf_get(call->conf, "store", "path") != NULL)
		key = master_key_path(call->conf);
	if (key != NULL)
		snprintf(path, sizeof path, "%.4000s.high", key);
	if (!audit_held_read(call, key != NULL ? path : NULL, &auditing->arena, &held,
			     &auditing->options.held_count))
		return false;
	auditing->options.held = held;
	return true;
}

static int audit_run(struct verb_call *call)
{
	struct auditing auditing = { .call = call };
	const char *dump = verb_value(call, "dump", NULL);
	int status = read_options(&auditing);

	if (auditing.json) {
		auditing.findings = json_object_new_array();
		auditing.list = json_object_new_array();
	}
	if (status == VERB_OK && !read_held(&auditing))
		status = VERB_FAILED;
	if (status == VERB_OK)
		status = dump != NULL ? run_dump(&auditing, dump) : run_store(&auditing);
	json_object_put(auditing.findings);
	json_object_put(auditing.list);
	tally_tsp_trust_free(&auditing.trust);
	tally_arena_free(&auditing.arena);
	return status;
}

static const struct verb_option audit_options[] = {
	{ "all", NULL, "go on behind the first finding, up to 1,000 of them" },
	{ "dump", "FILE", "audit a dump instead of a store; - is standard input" },
	{ "checkpoint", "FILE", "compare with a signed checkpoint that was kept; may be repeated" },
	{ "proof", "FILE", "compare with a proof file (a receipt); may be repeated" },
	{ "vkey", "KEY", "a log's verifier key for these (default: the key the ledger names)" },
	{ "ca", "FILE", "certificates of time-stamp authorities, PEM; without, stamps are only read" },
	{ "from", "SIZE", "the first SIZE journals of LEDGER were audited before" },
	{ "root", "HEX", "and their tree had this root" },
	{ "from-trust-point", NULL, "as --from, up to the ledger's trust point" },
	{ "index", NULL, "also make the index tables anew, and compare them" },
	{ "threads", "N", "threads that check blocks (default: one for each processor)" },
	VERB_JSON_OPTION,
	VERB_STORE_OPTIONS,
	VERB_OPTIONS_END
};

const struct verb verb_audit = {
	.name = "audit",
	.usage = "[LEDGER | system | all]",
	.summary = "Check everything that ledgers say, from leaves and signatures up",
	.details = "Exit status 3: something is wrong, and the lines WRONG say where. --index wants the\n"
		   "store for itself; all else works while another process has it open.",
	.options = audit_options,
	.max_args = 1,
	.run = audit_run,
};
