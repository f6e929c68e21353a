/*
 * tally load: what tally dump wrote, into a new store of any driver. Every block is checked as it
 * comes (header chain, checksums, leaves, root), so hashes and journals are the ones dumped, or
 * loading stops and names the line.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json.h>

#include "client.h"
#include "conf.h"
#include "core.h"
#include "err.h"
#include "files.h"
#include "own.h"
#include "print.h"
#include "settings.h"

struct loading {
	struct verb_call *call;
	struct tally_core *core;
	struct tally_arena arena;
	struct bar bar;
	uint64_t line, blocks, bytes, total;
};

static bool bad_line(struct loading *loading, const char *why)
{
	bar_end(&loading->bar);
	verb_fail(loading->call, "line %llu: %s", (unsigned long long)loading->line, why);
	return false;
}

static bool is_number(json_object *object, const char *name)
{
	json_object *value = reply_member(object, name);

	return json_object_is_type(value, json_type_int) && json_object_get_int64(value) >= 0;
}

static bool load_object(struct loading *loading, json_object *object)
{
	const char *text = reply_text(object, "data");
	struct tally_bytes bytes;
	struct tally_err err;

	if (!is_number(object, "space") || !is_number(object, "block") || text[0] == '\0')
		return bad_line(loading, "not a block of a dump (a dump made with --journals is for "
					 "reading only)");
	if (!tally_base64_decode(&loading->arena, tally_bytes_str(text), &bytes))
		return bad_line(loading, "its data is not base64");
	if (bytes.size != reply_uint(object, "size"))
		return bad_line(loading, "its data has another size than it says");
	if (tally_core_load_block(loading->core, reply_uint(object, "space"),
				  reply_uint(object, "block"), bytes, &err) != 0)
		return bad_line(loading, err.text);
	loading->blocks++;
	return true;
}

static bool load_lines(struct loading *loading, FILE *from)
{
	char *line = NULL;
	size_t room = 0;
	bool good = true;
	ssize_t size;

	while (good && (size = getline(&line, &room, from)) >= 0) {
		json_object *object;

		loading->line++;
		loading->bytes += (uint64_t)size;
		if (size == 0 || line[0] == '\n')
			continue;
		if (line[size - 1] != '\n') {
			good = bad_line(loading, "the dump was cut off here");
			break;
		}
		tally_arena_reset(&loading->arena);
		object = json_tokener_parse(line);
		good = object != NULL ? load_object(loading, object)
				      : bad_line(loading, "not JSON");
		json_object_put(object);
		bar_show(&loading->bar, loading->bytes, loading->total);
	}
	if (good && ferror(from))
		good = bad_line(loading, strerror(errno));
	if (good && loading->blocks == 0)
		good = bad_line(loading, "the dump is empty");
	free(line);
	return good;
}

static int load_from(struct verb_call *call, FILE *from, const char *path)
{
	struct loading loading = { .call = call };
	struct tally_core_options options = { .conf = call->conf };
	struct tally_owner *owner = NULL;
	struct tally_err err;
	struct stat st;
	bool moved, good;

	if (fstat(fileno(from), &st) == 0 && S_ISREG(st.st_mode))
		loading.total = (uint64_t)st.st_size;
	if (tally_core_load_begin(&options, &loading.core, &err) != 0)
		return verb_fail_err(call, &err);
	/* From here the directory exists, and is ours until all is in it. */
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode) && tally_own(path, &owner, &moved, &err) != 0) {
		tally_core_close(&loading.core);
		return verb_fail_err(call, &err);
	}
	bar_begin(&loading.bar, "load", "bytes");
	good = load_lines(&loading, from);
	if (good && tally_core_load_end(loading.core, &err) != 0) {
		bar_end(&loading.bar);
		good = false;
		verb_fail_err(call, &err);
	}
	bar_end(&loading.bar);
	tally_core_close(&loading.core);
	tally_disown(&owner);
	tally_arena_free(&loading.arena);
	if (!good)
		return verb_fail(call, "%s holds only a part: remove it before loading again", path);
	if (verb_given(call, "json")) {
		json_object *object = json_object_new_object();

		json_object_object_add(object, "Blocks", json_object_new_uint64(loading.blocks));
		print_json(object);
	} else {
		printf("%llu blocks loaded into %s\n", (unsigned long long)loading.blocks, path);
	}
	return VERB_OK;
}

/* The store's key file must be in its place: blocks are checked with keys derived from it. */
static bool place_key(struct verb_call *call)
{
	const char *from = verb_value(call, "key-file", NULL), *to = master_key_path(call->conf);
	struct tally_err err;

	if (from != NULL && copy_file(from, to, 0600, &err) != 0) {
		verb_fail_err(call, &err);
		return false;
	}
	if (access(to, F_OK) == 0)
		return true;
	verb_fail(call, "the dumped store's key file belongs at %s: copy it there, or name it with "
		  "--key-file", to);
	return false;
}

static int load_run(struct verb_call *call)
{
	const char *path = verb_store_path(call), *file = call->arg_count != 0 ? call->args[0] : "-";
	FILE *from;
	int fd, status;

	if (path == NULL)
		return VERB_USAGE;
	fd = strcmp(file, "-") == 0 ? dup(STDIN_FILENO) : verb_open(file, O_RDONLY, 0);
	from = fd >= 0 ? fdopen(fd, "r") : NULL;
	if (from == NULL)
		return verb_fail(call, "%s: %s", file, strerror(errno));
	status = VERB_FAILED;
	if (verb_become_owner(call, path) && place_key(call))
		status = load_from(call, from, path);
	fclose(from);
	return status;
}

static const struct verb_option load_options[] = {
	{ "key-file", "FILE", "the dumped store's key file, to be copied for the new one" },
	VERB_JSON_OPTION,
	VERB_STORE_OPTIONS,
	VERB_OPTIONS_END
};

const struct verb verb_load = {
	.name = "load",
	.usage = "[FILE]",
	.summary = "Make a new store from a dump, on any driver",
	.details = "Without FILE the dump is read from standard input:\n"
		   "  tally dump --store OLD --driver bdb |\n"
		   "  tally load --store NEW --driver flatfile --key-file OLD.key",
	.options = load_options,
	.max_args = 1,
	.run = load_run,
};
