/*
 * tally publish: a ledger's log as static files (c2sp.org/tlog-tiles) for any web server. Tiles
 * never change, so only those are written that are not there yet; the checkpoint is replaced
 * last, when all that it needs is on the disk.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json.h>

#include "client.h"
#include "files.h"
#include "note.h"
#include "print.h"
#include "tile.h"

struct publication {
	struct client *client;
	const char *ledger, *directory;
	struct tally_buf note;
	struct tally_checkpoint checkpoint;	/* of note */
	struct tally_buf old_note;		/* published before; empty: nothing */
	uint64_t old_size;
	struct tally_hash old_root;
	uint64_t written, bytes;
	uint64_t pruned;			/* bundles that the log does not give out any more */
	struct bar bar;
};

static bool failed(struct publication *p, const char *path)
{
	verb_fail(p->client->call, "%s: %s", path, strerror(errno));
	return false;
}

/* ---- files ---- */

/* The directories above the file. */
static bool make_parents(struct publication *p, const char *path)
{
	char part[PATH_MAX];

	for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
		if (mkdir(part, 0755) != 0 && errno != EEXIST)
			return failed(p, part);
	}
	return true;
}

/* Whole or not at all: beside, then renamed. */
static bool place(struct publication *p, const char *name, struct tally_bytes bytes, bool sync)
{
	char path[PATH_MAX], beside[PATH_MAX + 8];
	bool good;
	int fd;

	snprintf(path, sizeof path, "%s/%s", p->directory, name);
	snprintf(beside, sizeof beside, "%s.new", path);
	if (!make_parents(p, path))
		return false;
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return failed(p, beside);
	good = write(fd, bytes.data, bytes.size) == (ssize_t)bytes.size &&
	       (!sync || fsync(fd) == 0);
	if (close(fd) != 0 || !good || rename(beside, path) != 0)
		return failed(p, beside);
	p->written++;
	p->bytes += bytes.size;
	return true;
}

static bool is_there(const struct publication *p, const char *name, size_t size)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof path, "%s/%s", p->directory, name);
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	       (size == 0 ? st.st_size > 0 : st.st_size == (off_t)size);
}

/* What is written reaches the disk before the checkpoint that speaks of it. */
static bool sync_all(struct publication *p)
{
	int fd = open(p->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && syncfs(fd) == 0;

	if (!good)
		failed(p, p->directory);
	if (fd >= 0)
		close(fd);
	return good;
}

/* ---- fetching ---- */

/* A bundle below the log's minimum index is gone, which is no error: body stays empty. */
static bool fetch(struct publication *p, int level, const char *name, struct tally_buf *body)
{
	char path[160];

	snprintf(path, sizeof path, "/log/%s/%s", p->ledger, name);
	if (client_fetch(p->client, path, body))
		return true;
	if (level < 0 && p->client->status == 410) {
		tally_buf_clear(body);
		return true;
	}
	verb_fail(p->client->call, "%s: %s", path, p->client->message);
	return false;
}

static bool parse_checkpoint(struct tally_bytes bytes, struct tally_checkpoint *checkpoint)
{
	struct tally_note note;

	return tally_note_parse(bytes, &note) && tally_checkpoint_parse(note.text, checkpoint);
}

/* One tile or bundle, unless it is there. The full one makes its partial forms needless. */
static bool publish_tile(struct publication *p, int level, uint64_t number, unsigned int width)
{
	struct tally_buf body = { 0 };
	char name[96], partial[PATH_MAX];
	size_t size = level < 0 ? 0 : (size_t)width * TALLY_HASH_SIZE;
	bool good;

	tally_tile_path(level, number, width, name);
	if (is_there(p, name, size))
		return true;
	good = fetch(p, level, name, &body);
	if (good && level < 0 && body.size == 0) {
		p->pruned++;
		tally_buf_free(&body);
		return true;
	}
	if (good && size != 0 && body.size != size) {
		verb_fail(p->client->call, "%s has %zu bytes, not %zu", name, body.size, size);
		good = false;
	}
	good = good && place(p, name, tally_buf_bytes(&body), false);
	tally_buf_free(&body);
	if (good && width == TALLY_TILE_WIDTH) {
		snprintf(partial, sizeof partial, "%s/%s.p", p->directory, name);
		remove_tree(partial);
	}
	return good;
}

/* Tiles of a level up to size hashes of it; those that were full before are there. */
static bool publish_level(struct publication *p, int level, uint64_t hashes)
{
	unsigned int rest = (unsigned int)(hashes % TALLY_TILE_WIDTH);
	uint64_t full = hashes / TALLY_TILE_WIDTH;

	for (uint64_t n = 0; n < full; n++) {
		if (!publish_tile(p, level, n, TALLY_TILE_WIDTH))
			return false;
		bar_show(&p->bar, n, full);
	}
	return rest == 0 || publish_tile(p, level, full, rest);
}

static bool publish_tiles(struct publication *p)
{
	uint64_t size = p->checkpoint.size;

	for (int level = 0; level < TALLY_TILE_LEVELS && size >> (8 * level) != 0; level++)
		if (!publish_level(p, level, size >> (8 * level)))
			return false;
	return publish_level(p, -1, size);
}

/* ---- no fork is published ---- */

static bool read_old(struct publication *p)
{
	char path[PATH_MAX], text[TALLY_NOTE_MAX];
	struct tally_checkpoint old;
	FILE *file;
	size_t size;

	snprintf(path, sizeof path, "%s/checkpoint", p->directory);
	file = fopen(path, "re");
	if (file == NULL)
		return errno == ENOENT || errno == ENOTDIR || failed(p, path);
	size = fread(text, 1, sizeof text, file);
	fclose(file);
	if (!parse_checkpoint(tally_bytes(text, size), &old) ||
	    !tally_bytes_equal(old.origin, p->checkpoint.origin)) {
		verb_fail(p->client->call, "%s is the checkpoint of something else", path);
		return false;
	}
	tally_buf_add(&p->old_note, text, size);
	p->old_size = old.size;
	p->old_root = old.root;
	return true;
}

static bool read_hashes(json_object *list, struct tally_hash *hashes, size_t room, size_t *count_r)
{
	*count_r = reply_count(list);
	if (*count_r > room)
		return false;
	for (size_t i = 0; i < *count_r; i++)
		if (!tally_hex_decode(tally_bytes_str(json_object_get_string(
				      json_object_array_get_idx(list, i))), hashes[i].bytes,
				      TALLY_HASH_SIZE))
			return false;
	return true;
}

/* The tree grew out of what was published before. */
static bool is_consistent(struct publication *p)
{
	struct tally_hash proof[TALLY_TREE_MAX_PATH + 1];
	json_object *reply;
	size_t count;
	bool good;

	if (p->old_size == 0)
		return true;
	if (p->old_size > p->checkpoint.size) {
		verb_fail(p->client->call, "%s has %" PRIu64 " journals already, the ledger only %"
			  PRIu64, p->directory, p->old_size, p->checkpoint.size);
		return false;
	}
	client_start(p->client, "GetConsistencyProof");
	client_add(p->client, "LedgerId", p->ledger);
	client_add_uint(p->client, "OldSize", p->old_size);
	client_add_uint(p->client, "NewSize", p->checkpoint.size);
	reply = client_run(p->client);
	if (reply == NULL)
		return false;
	good = read_hashes(reply_member(reply, "Proof"), proof, TALLY_TREE_MAX_PATH + 1, &count) &&
	       tally_consistency_verify(p->old_size, p->checkpoint.size, proof, count, &p->old_root,
					&p->checkpoint.root);
	json_object_put(reply);
	if (!good)
		verb_fail(p->client->call, "the ledger did not grow out of what %s holds", p->directory);
	return good;
}

/* ---- the verb ---- */

static int say(const struct publication *p)
{
	json_object *all;

	if (!verb_given(p->client->call, "json")) {
		printf("published %" PRIu64 " journals; %" PRIu64 " files written\n",
		       p->checkpoint.size, p->written);
		if (p->pruned > 0)
			fprintf(stderr, "%" PRIu64 " bundles of entries were purged and are not "
				"among them\n", p->pruned);
		return VERB_OK;
	}
	all = json_object_new_object();
	json_object_object_add(all, "TreeSize", json_object_new_uint64(p->checkpoint.size));
	json_object_object_add(all, "Files", json_object_new_uint64(p->written));
	json_object_object_add(all, "Bytes", json_object_new_uint64(p->bytes));
	json_object_object_add(all, "Pruned", json_object_new_uint64(p->pruned));
	print_json(all);
	return VERB_OK;
}

static int publish(struct client *client)
{
	struct publication p = { .client = client, .ledger = client->call->args[0],
				 .directory = client->call->args[1] };
	bool good = fetch(&p, 0, "checkpoint", &p.note);

	if (good && !parse_checkpoint(tally_buf_bytes(&p.note), &p.checkpoint)) {
		verb_fail(client->call, "what came is no checkpoint");
		good = false;
	}
	bar_begin(&p.bar, "publish", "tiles");
	good = good && read_old(&p) && is_consistent(&p) && publish_tiles(&p);
	bar_end(&p.bar);
	/* The same tree may have more witnesses by now. */
	if (good && (p.written > 0 || !tally_bytes_equal(tally_buf_bytes(&p.note),
							 tally_buf_bytes(&p.old_note))))
		good = sync_all(&p) && place(&p, "checkpoint", tally_buf_bytes(&p.note), true);
	if (good)
		say(&p);
	tally_buf_free(&p.note);
	tally_buf_free(&p.old_note);
	return good ? VERB_OK : VERB_FAILED;
}

static int publish_run(struct verb_call *call) { return client_with(call, publish); }

static const struct verb_option publish_options[] = {
	VERB_JSON_OPTION,
	VERB_STORE_OPTIONS,
	VERB_ENDPOINT_OPTIONS,
	VERB_OPTIONS_END
};

const struct verb verb_publish = {
	.name = "publish",
	.usage = "LEDGER DIR",
	.summary = "Write a ledger's log as static files for any web server",
	.options = publish_options,
	.min_args = 2,
	.max_args = 2,
	.run = publish_run,
};
