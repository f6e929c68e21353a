/* tally witness: being a witness to the logs of others (c2sp.org/tlog-witness). */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <json-c/json.h>

#include "clock.h"
#include "conf.h"
#include "cosigner.h"
#include "err.h"
#include "print.h"
#include "serve.h"
#include "verb.h"
#include "witness.h"

/* ---- which witness ---- */

/* NULL after printing that none was named. From here on its owner, when run by root. */
static const char *find_directory(struct verb_call *call)
{
	const char *directory = verb_value(call, "directory", NULL);
	struct tally_conf *conf;

	if (directory == NULL) {
		conf = verb_conf(call);
		if (conf == NULL)
			return NULL;
		directory = tally_conf_get(conf, "witness", "directory");
	}
	if (directory == NULL || directory[0] == '\0') {
		verb_misuse(call, "which witness? Name its directory with --directory, "
			    "TALLY_WITNESS_DIRECTORY, or witness.directory in the configuration");
		return NULL;
	}
	return verb_become_owner(call, directory) ? directory : NULL;
}

/* The status, and the witness where it is VERB_OK. */
static int open_witness(struct verb_call *call, struct tally_cosigner **cosigner_r)
{
	const char *directory = find_directory(call);
	struct tally_err err;

	if (directory == NULL)
		return VERB_USAGE;
	if (tally_cosigner_open(directory, cosigner_r, &err) != 0)
		return verb_fail_err(call, &err);
	return VERB_OK;
}

static void print_vkey(const struct tally_cosigner *cosigner)
{
	char text[TALLY_VKEY_TEXT];

	tally_vkey_format(tally_cosigner_vkey(cosigner), text);
	printf("%s\n", text);
}

/* ---- init ---- */

static int init_run(struct verb_call *call)
{
	const char *directory = find_directory(call);
	struct tally_cosigner *cosigner;
	struct tally_err err;

	if (directory == NULL)
		return VERB_USAGE;
	if (tally_cosigner_init(directory, call->args[0], &err) != 0 ||
	    tally_cosigner_open(directory, &cosigner, &err) != 0)
		return verb_fail_err(call, &err);
	print_vkey(cosigner);
	tally_cosigner_close(&cosigner);
	return VERB_OK;
}

/* ---- add-log, remove-log ---- */

static int add_log_run(struct verb_call *call)
{
	struct tally_cosigner *cosigner;
	struct tally_vkey key;
	const char *origin;
	struct tally_err err;
	int status;

	if (!tally_vkey_parse(tally_bytes_str(call->args[0]), &key) || key.type != NOTE_ED25519)
		return verb_misuse(call, "this is no verifier key of a log: %s", call->args[0]);
	status = open_witness(call, &cosigner);
	if (status != VERB_OK)
		return status;
	origin = call->arg_count > 1 ? call->args[1] : key.name;
	if (tally_cosigner_add_log(cosigner, tally_bytes_str(origin), &key, &err) != 0)
		status = verb_fail_err(call, &err);
	tally_cosigner_close(&cosigner);
	return status;
}

static int remove_log_run(struct verb_call *call)
{
	struct tally_cosigner *cosigner;
	struct tally_err err;
	int status = open_witness(call, &cosigner);

	if (status != VERB_OK)
		return status;
	if (tally_cosigner_remove_log(cosigner, tally_bytes_str(call->args[0]), &err) != 0)
		status = verb_fail_err(call, &err);
	tally_cosigner_close(&cosigner);
	return status;
}

/* ---- list ---- */

struct logs {
	struct tally_cosigned_log *logs;
	size_t count, room;
};

static void add_log(void *ctx, const struct tally_cosigned_log *log)
{
	struct logs *logs = ctx;

	if (logs->count == logs->room) {
		logs->room = logs->room == 0 ? 16 : 2 * logs->room;
		logs->logs = tally_realloc(logs->logs, logs->room * sizeof *logs->logs);
	}
	logs->logs[logs->count++] = *log;
}

static int by_origin(const void *a, const void *b)
{
	return strcmp(((const struct tally_cosigned_log *)a)->origin,
		      ((const struct tally_cosigned_log *)b)->origin);
}

static const char *state_of(const struct tally_cosigned_log *log)
{
	return log->conflict ? "CONFLICT" : log->key_count == 0 ? "removed" : "good";
}

static void list_json(const struct logs *logs)
{
	json_object *list = json_object_new_array(), *one, *keys;
	char text[TALLY_VKEY_TEXT], hex[2 * TALLY_HASH_SIZE + 1];

	for (size_t i = 0; i < logs->count; i++) {
		const struct tally_cosigned_log *log = &logs->logs[i];

		one = json_object_new_object();
		keys = json_object_new_array();
		json_object_object_add(one, "Origin", json_object_new_string(log->origin));
		for (size_t k = 0; k < log->key_count; k++) {
			tally_vkey_format(&log->keys[k], text);
			json_object_array_add(keys, json_object_new_string(text));
		}
		json_object_object_add(one, "Keys", keys);
		json_object_object_add(one, "State", json_object_new_string(state_of(log)));
		if (log->cosigned) {
			tally_hex_encode(log->root.bytes, TALLY_HASH_SIZE, hex);
			json_object_object_add(one, "TreeSize", json_object_new_uint64(log->size));
			json_object_object_add(one, "RootHash", json_object_new_string(hex));
			json_object_object_add(one, "Time", json_object_new_uint64(log->time));
		}
		json_object_array_add(list, one);
	}
	print_json(list);
}

static void list_text(const struct logs *logs)
{
	static const char *const heads[] = { "SIZE", "COSIGNED", "STATE", "LOG" };
	struct table table;

	table_begin(&table, 4);
	for (size_t i = 0; i < 4; i++)
		table_cell(&table, heads[i]);
	for (size_t i = 0; i < logs->count; i++) {
		const struct tally_cosigned_log *log = &logs->logs[i];

		if (log->cosigned) {
			table_uint(&table, log->size);
			table_ms(&table, log->time * 1000);
		} else {
			table_cell(&table, "-");
			table_cell(&table, "never");
		}
		table_cell(&table, state_of(log));
		table_cell(&table, log->origin);
	}
	table_print(&table);
}

/* All logs, by name. */
static int read_logs(struct verb_call *call, struct tally_cosigner *cosigner, struct logs *logs)
{
	struct tally_err err;

	if (tally_cosigner_each(cosigner, add_log, logs, &err) != 0)
		return verb_fail_err(call, &err);
	if (logs->count > 0)
		qsort(logs->logs, logs->count, sizeof *logs->logs, by_origin);
	return VERB_OK;
}

static int list_run(struct verb_call *call)
{
	struct tally_cosigner *cosigner;
	struct logs logs = { 0 };
	int status = open_witness(call, &cosigner);

	if (status != VERB_OK)
		return status;
	status = read_logs(call, cosigner, &logs);
	if (status == VERB_OK && verb_given(call, "json"))
		list_json(&logs);
	else if (status == VERB_OK)
		list_text(&logs);
	free(logs.logs);
	tally_cosigner_close(&cosigner);
	return status;
}

/* ---- status ---- */

static void count_states(const struct logs *logs, size_t *cosigned, size_t *conflicts)
{
	*cosigned = *conflicts = 0;
	for (size_t i = 0; i < logs->count; i++) {
		*cosigned += logs->logs[i].cosigned;
		*conflicts += logs->logs[i].conflict;
	}
}

static void status_json(const struct tally_cosigner *cosigner, const struct logs *logs)
{
	json_object *all = json_object_new_object();
	char text[TALLY_VKEY_TEXT];
	size_t cosigned, conflicts;

	count_states(logs, &cosigned, &conflicts);
	tally_vkey_format(tally_cosigner_vkey(cosigner), text);
	json_object_object_add(all, "Name",
			       json_object_new_string(tally_cosigner_vkey(cosigner)->name));
	json_object_object_add(all, "VerifierKey", json_object_new_string(text));
	json_object_object_add(all, "Logs", json_object_new_uint64(logs->count));
	json_object_object_add(all, "Cosigned", json_object_new_uint64(cosigned));
	json_object_object_add(all, "Conflicts", json_object_new_uint64(conflicts));
	print_json(all);
}

static void status_text(const struct tally_cosigner *cosigner, const struct logs *logs)
{
	size_t cosigned, conflicts;
	char hex[TALLY_ORIGIN_HEX];

	count_states(logs, &cosigned, &conflicts);
	print_vkey(cosigner);
	printf("logs: %zu, cosigned: %zu, conflicts: %zu\n", logs->count, cosigned, conflicts);
	for (size_t i = 0; i < logs->count; i++) {
		if (!logs->logs[i].conflict)
			continue;
		tally_origin_hex(tally_bytes_str(logs->logs[i].origin), hex);
		printf("CONFLICT: %s signed two trees of one size; logs/%s and logs/%s.conflict "
		       "convict it\n", logs->logs[i].origin, hex, hex);
	}
}

/* Not done, in the eyes of a cron job, when a log was convicted. */
static int status_run(struct verb_call *call)
{
	struct tally_cosigner *cosigner;
	struct logs logs = { 0 };
	size_t cosigned, conflicts = 0;
	int status = open_witness(call, &cosigner);

	if (status != VERB_OK)
		return status;
	status = read_logs(call, cosigner, &logs);
	if (status == VERB_OK && verb_given(call, "json"))
		status_json(cosigner, &logs);
	else if (status == VERB_OK)
		status_text(cosigner, &logs);
	count_states(&logs, &cosigned, &conflicts);
	free(logs.logs);
	tally_cosigner_close(&cosigner);
	return status == VERB_OK && conflicts > 0 ? VERB_FAILED : status;
}

/* ---- run ---- */

static int run_run(struct verb_call *call)
{
	const char *directory = verb_value(call, "directory", NULL);
	struct tally_cosigner *cosigner;
	struct tally_conf *conf;
	struct tally_err err;

	if (directory == NULL) {
		conf = verb_conf(call);
		if (conf == NULL)
			return VERB_FAILED;
		directory = tally_conf_get(conf, "witness", "directory");
	}
	if (directory == NULL)
		return verb_misuse(call, "which witness? Name its directory with --directory");
	if (tally_cosigner_open(directory, &cosigner, &err) != 0)
		return verb_fail_err(call, &err);
	tally_cosigner_close(&cosigner);
	return serve_main(call, directory);
}

/* ---- the rows ---- */

#define DIRECTORY_OPTIONS                                                                         \
	{ "directory", "DIR", "the witness's directory (default: TALLY_WITNESS_DIRECTORY, or "    \
			      "witness.directory)" },                                             \
	{ "config", "FILE", "configuration to read (default: TALLY_CONFIG)" }

static const struct verb_option plain_options[] = { DIRECTORY_OPTIONS, VERB_OPTIONS_END };
static const struct verb_option json_options[] = { VERB_JSON_OPTION, DIRECTORY_OPTIONS,
						   VERB_OPTIONS_END };
static const struct verb_option run_options[] = { DIRECTORY_OPTIONS, SERVE_OPTIONS,
						  VERB_OPTIONS_END };

static const struct verb part_init = {
	.name = "init",
	.usage = "NAME",
	.summary = "Make a witness of that name; prints its verifier key",
	.options = plain_options,
	.min_args = 1,
	.max_args = 1,
	.run = init_run,
};

static const struct verb part_add_log = {
	.name = "add-log",
	.usage = "VKEY [ORIGIN]",
	.summary = "Cosign a log from now on; its origin is the key's name where none is given",
	.options = plain_options,
	.min_args = 1,
	.max_args = 2,
	.run = add_log_run,
};

static const struct verb part_remove_log = {
	.name = "remove-log",
	.usage = "ORIGIN",
	.summary = "Cosign a log no longer; what was cosigned stays remembered",
	.options = plain_options,
	.min_args = 1,
	.max_args = 1,
	.run = remove_log_run,
};

static const struct verb part_list = {
	.name = "list",
	.usage = "",
	.summary = "List the logs, and the last checkpoint cosigned of each",
	.options = json_options,
	.run = list_run,
};

static const struct verb part_status = {
	.name = "status",
	.usage = "",
	.summary = "Print the verifier key, and whether a log was convicted of two histories",
	.options = json_options,
	.run = status_run,
};

static const struct verb part_run = {
	.name = "run",
	.usage = "",
	.summary = "Run the witness behind a web server, now",
	.options = run_options,
	.run = run_run,
};

static const struct verb *const witness_parts[] = { &part_init,	  &part_add_log, &part_remove_log,
						    &part_list,	  &part_status,	 &part_run,
						    NULL };

const struct verb verb_witness = {
	.name = "witness",
	.usage = "",
	.summary = "Be a witness: cosign the checkpoints of other logs",
	.parts = witness_parts,
};
