/*
 * tally backup and tally restore. A backup is made by whoever owns the store, while it is in use,
 * and is itself a store; restoring copies it to a place where nothing is yet, and opens it. Backups
 * are remembered beside the key file, since they hold what is erased from the store later.
 */
#include "config.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json.h>

#include "client.h"
#include "err.h"
#include "files.h"
#include "print.h"
#include "settings.h"

#define KEY_NAME "master.key"	/* of a copy of the key file within a backup */

/* An absolute path of something that need not exist yet: the owner works in another directory. */
static bool absolute_path(const struct verb_call *call, const char *path, char text[PATH_MAX])
{
	char cwd[PATH_MAX];
	int size;

	if (path[0] == '/')
		size = snprintf(text, PATH_MAX, "%s", path);
	else if (getcwd(cwd, sizeof cwd) != NULL)
		size = snprintf(text, PATH_MAX, "%s/%s", cwd, path);
	else
		size = -1;
	if (size > 0 && size < PATH_MAX)
		return true;
	verb_fail(call, "%s: %s", path, size < 0 ? strerror(errno) : "the path is too long");
	return false;
}

/* ---- backup ---- */

static int backup_key(struct verb_call *call, const char *directory)
{
	const char *key = master_key_path(call->conf);
	char to[PATH_MAX + 16];
	struct tally_err err;

	snprintf(to, sizeof to, "%s/%s", directory, KEY_NAME);
	if (copy_file(key, to, 0600, &err) != 0)
		return verb_fail(call, "the store is backed up, but not its key file: %s", err.text);
	return VERB_OK;
}

static int list(struct client *client)
{
	static const char *const heads[] = { "BEGUN", "FINISHED", "HOLDS ERASED", "DIRECTORY" };
	json_object *reply, *backups;
	struct table table;

	client_start_admin(client, "ListBackups");
	reply = client_run(client);
	if (reply == NULL)
		return VERB_FAILED;
	if (verb_given(client->call, "json")) {
		print_json(reply);
		return VERB_OK;
	}
	table_begin(&table, 4);
	for (size_t i = 0; i < 4; i++)
		table_cell(&table, heads[i]);
	backups = reply_member(reply, "Backups");
	for (size_t i = 0; i < reply_count(backups); i++) {
		json_object *backup = json_object_array_get_idx(backups, i);

		table_ms(&table, reply_uint(backup, "BeginTime"));
		if (reply_member(backup, "EndTime") != NULL)
			table_ms(&table, reply_uint(backup, "EndTime"));
		else
			table_cell(&table, "not");
		table_cell(&table, reply_bool(backup, "HoldsErased") ? "perhaps" : "no");
		table_cell(&table, reply_text(backup, "Directory"));
	}
	table_print(&table);
	json_object_put(reply);
	return VERB_OK;
}

static int forget(struct client *client, const char *directory)
{
	json_object *reply;

	client_start_admin(client, "ForgetBackup");
	client_add(client, "Directory", directory);
	reply = client_run(client);
	json_object_put(reply);
	return reply != NULL ? VERB_OK : VERB_FAILED;
}

static int backup(struct client *client)
{
	struct verb_call *call = client->call;
	char directory[PATH_MAX];
	json_object *reply;

	if (verb_given(call, "list"))
		return list(client);
	if (!absolute_path(call, call->args[0], directory))
		return VERB_FAILED;
	if (verb_given(call, "forget"))
		return forget(client, directory);
	client_start_admin(client, "BackupStore");
	client_add(client, "Directory", directory);
	reply = client_run(client);
	if (reply == NULL)
		return VERB_FAILED;
	json_object_object_add(reply, "Directory", json_object_new_string(directory));
	json_object_object_add(reply, "Keys", json_object_new_boolean(verb_given(call, "with-keys")));
	if (verb_given(call, "with-keys") && backup_key(call, directory) != VERB_OK) {
		json_object_put(reply);
		return VERB_FAILED;
	}
	if (verb_given(call, "json")) {
		print_json(reply);
		return VERB_OK;
	}
	json_object_put(reply);
	printf("backed up to %s\n", directory);
	if (!verb_given(call, "with-keys"))
		fprintf(stderr, "The key file %s is not in it; keep a copy of that elsewhere.\n",
			master_key_path(call->conf));
	return VERB_OK;
}

static int backup_run(struct verb_call *call)
{
	if ((call->arg_count == 0) != verb_given(call, "list"))
		return verb_misuse(call, verb_given(call, "list") ? "--list takes no directory" :
								    "where to? Name a directory");
	return client_with(call, backup);
}

/* ---- restore ---- */

/* The copy's own key file goes to its place, unless there is one. */
static bool place_key(struct verb_call *call, const char *copy)
{
	const char *key = master_key_path(call->conf);
	char from[PATH_MAX + 32];
	struct tally_err err;

	snprintf(from, sizeof from, "%s/%s", copy, KEY_NAME);
	if (access(from, F_OK) != 0) {
		if (access(key, F_OK) == 0)
			return true;
		verb_fail(call, "the backup holds no key file: put a copy of the store's at %s first", key);
		return false;
	}
	if (access(key, F_OK) != 0 && copy_file(from, key, 0600, &err) != 0) {
		verb_fail_err(call, &err);
		return false;
	}
	if (unlink(from) != 0) {
		verb_fail(call, "%s: %s", from, strerror(errno));
		return false;
	}
	return true;
}

/* Copies beside the target and renames, so that no half-copied store is ever found there. */
static bool copy_store(struct verb_call *call, const char *from, const char *to)
{
	char copy[PATH_MAX + 16];
	struct tally_err err;
	struct bar bar;
	bool good;

	snprintf(copy, sizeof copy, "%s.restoring", to);
	bar_begin(&bar, "restore", "bytes");
	good = copy_tree(from, copy, &bar, &err) == 0;
	bar_end(&bar);
	if (!good)
		verb_fail_err(call, &err);
	good = good && place_key(call, copy);
	if (good && rename(copy, to) != 0) {
		verb_fail(call, "%s: %s", to, strerror(errno));
		good = false;
	}
	if (!good && err.code != TALLY_EXISTS)
		remove_tree(copy);
	return good;
}

/* Opens what was restored: the driver recovers it, and the core reads its heads. */
static int look_at(struct client *client)
{
	struct verb_call *call = client->call;
	json_object *reply, *spaces;
	uint64_t blocks = 0;

	client_start_admin(client, "ListSpaces");
	reply = client_run(client);
	if (reply == NULL)
		return VERB_FAILED;
	spaces = reply_member(reply, "Spaces");
	for (size_t i = 0; i < reply_count(spaces); i++)
		blocks += reply_uint(json_object_array_get_idx(spaces, i), "Blocks");
	if (verb_given(call, "json")) {
		json_object_object_add(reply, "Blocks", json_object_new_uint64(blocks));
		print_json(reply);
		return VERB_OK;
	}
	printf("restored; ledgers: %zu, blocks: %llu\n", reply_count(spaces) - 1,
	       (unsigned long long)blocks);
	json_object_put(reply);
	return VERB_OK;
}

static int restore_run(struct verb_call *call)
{
	const char *path = verb_store_path(call);
	struct stat st;

	if (path == NULL)
		return VERB_USAGE;
	if (!verb_become_owner(call, path))
		return VERB_FAILED;
	if (stat(call->args[0], &st) != 0 || !S_ISDIR(st.st_mode))
		return verb_fail(call, "%s is no backup: %s", call->args[0],
				 errno != 0 ? strerror(errno) : "not a directory");
	if (rmdir(path) != 0 && errno != ENOENT)
		return verb_fail(call, "%s: %s; restore only where nothing is", path, strerror(errno));
	return copy_store(call, call->args[0], path) ? client_with(call, look_at) : VERB_FAILED;
}

/* ---- rows ---- */

static const struct verb_option backup_options[] = {
	{ "with-keys", NULL, "put a copy of the key file into the backup; then guard it like one" },
	{ "list", NULL, "list the backups that were made, and which may hold what was erased since" },
	{ "forget", NULL, "DIR is destroyed: take it off that list" },
	VERB_JSON_OPTION,
	VERB_STORE_OPTIONS,
	VERB_OPTIONS_END
};

const struct verb verb_backup = {
	.name = "backup",
	.usage = "[DIR]",
	.summary = "Copy the store into a new directory, also while a server owns it",
	.options = backup_options,
	.max_args = 1,
	.run = backup_run,
};

static const struct verb_option restore_options[] = { VERB_JSON_OPTION, VERB_STORE_OPTIONS,
						      VERB_OPTIONS_END };

const struct verb verb_restore = {
	.name = "restore",
	.usage = "DIR",
	.summary = "Make a store from a backup, where no store is yet",
	.options = restore_options,
	.min_args = 1,
	.max_args = 1,
	.run = restore_run,
};
