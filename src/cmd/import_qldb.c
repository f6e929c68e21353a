/*
 * tally import qldb: the export of an Amazon QLDB journal, a directory of Ion files as Amazon wrote them. All
 * blocks are verified, one after the other (qldb.h), before anything is written. Then a journal notes
 * what was imported, and each revision of a document becomes a journal.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "err.h"
#include "files.h"
#include "import.h"
#include "jcs.h"
#include "qldb.h"

#define FILE_SIZE_MAX (512u << 20)
#define MANIFEST_END ".completed.manifest"

struct taking {
	struct upload upload;
	const char *directory;
	struct tally_arena arena;		/* of all of it */
	struct tally_arena block_arena;		/* of one block */
	const struct tally_ion *keys;		/* of the manifest: the data files, in their order */
	const char *manifest, *started;		/* paths; started may be NULL */
	bool verified;				/* the second time through: append */
	/* the journal as it was verified */
	struct tally_qldb_hash *hashes;		/* of all its blocks */
	size_t block_count, block_room;
	struct tally_bytes strand;
	uint64_t first, next;			/* sequence numbers */
	struct tally_qldb_hash before;		/* blockHash of the block before the first */
	uint64_t revisions, redacted, internal;
	bool has_digest;
	struct tally_qldb_digest digest;
};

static bool failed(struct taking *t, const char *what, const char *why)
{
	bar_end(&t->upload.bar);
	verb_fail(t->upload.call, "%s: %s", what, why);
	return false;
}

/* ---- the directory ---- */

/* nftw has no context of its own. */
static struct taking *walking;

static bool ends_with(const char *text, const char *end)
{
	size_t size = strlen(text), end_size = strlen(end);

	return size > end_size && strcmp(text + size - end_size, end) == 0;
}

static int see_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	if (type != FTW_F)
		return 0;
	if (ends_with(path, ".started.manifest"))
		walking->started = tally_arena_str(&walking->arena, tally_bytes_str(path));
	if (!ends_with(path, MANIFEST_END))
		return 0;
	if (walking->manifest != NULL)
		return 1;
	walking->manifest = tally_arena_str(&walking->arena, tally_bytes_str(path));
	return 0;
}

static bool find_manifest(struct taking *t)
{
	int result;

	walking = t;
	result = nftw(t->directory, see_file, 32, FTW_PHYS);
	if (result < 0)
		return failed(t, t->directory, strerror(errno));
	if (result > 0)
		return failed(t, t->directory, "there are several exports in it (*" MANIFEST_END
					       "): import each from a directory of its own");
	if (t->manifest == NULL)
		return failed(t, t->directory, "there is no *" MANIFEST_END " in it: the export is not whole");
	return true;
}

/* The only value of a small file. */
static bool read_one(struct taking *t, const char *path, const struct tally_ion **value_r)
{
	struct tally_ion_reader reader;
	struct tally_ion *value, *more;
	struct tally_bytes bytes;
	struct tally_err err;

	if (!file_read_whole(t->upload.call, path, FILE_SIZE_MAX, &t->arena, &bytes))
		return false;
	tally_ion_open(&reader, bytes, &t->arena);
	err.text[0] = '\0';
	if (tally_ion_next(&reader, &t->arena, &value, &err) != 1 ||
	    tally_ion_next(&reader, &t->arena, &more, &err) != 0)
		return failed(t, path, err.text[0] != '\0' ? err.text : "it is not one value of Ion");
	*value_r = value;
	return true;
}

static bool read_manifest(struct taking *t)
{
	const struct tally_ion *manifest;

	if (!find_manifest(t) || !read_one(t, t->manifest, &manifest))
		return false;
	t->keys = tally_ion_member(manifest, "keys");
	return (t->keys != NULL && t->keys->type == ION_LIST && t->keys->count > 0) ||
	       failed(t, t->manifest, "it names no files");
}

/*
 * Where a file of the manifest is: its key is a path in the bucket, and what was copied of that may begin
 * anywhere on it. No key leads out of the directory.
 */
static const char *path_of(struct taking *t, struct tally_bytes key)
{
	const char *name = tally_arena_str(&t->arena, key), *at;

	if (strstr(name, "..") != NULL || strlen(name) != key.size)
		return NULL;
	for (at = name; at != NULL && *at != '\0'; at = strchr(at, '/')) {
		const char *path;

		at += strspn(at, "/");
		path = tally_arena_printf(&t->arena, "%s/%s", t->directory, at);
		if (access(path, F_OK) == 0)
			return path;
	}
	return NULL;
}

/* ---- blocks ---- */

static bool wrong_block(struct taking *t, const char *path, uint64_t sequence, const char *why)
{
	return failed(t, path, tally_arena_printf(&t->arena, "block %" PRIu64 ": %s", sequence, why));
}

/* The chain: each block is the next one, and begins where the one before ended. */
static bool check_chain(struct taking *t, const char *path, const struct tally_qldb_block *block)
{
	if (t->block_count == 0) {
		t->strand = tally_arena_bytes(&t->arena, block->strand);
		t->first = t->next = block->sequence;
		t->before = block->previous;
	}
	if (!tally_bytes_equal(block->strand, t->strand))
		return wrong_block(t, path, block->sequence, "it is of another strand");
	if (block->sequence != t->next)
		return wrong_block(t, path, block->sequence,
				   tally_arena_printf(&t->arena, "it stands where %" PRIu64 " should", t->next));
	if (t->block_count > 0 &&
	    memcmp(&block->previous, &t->hashes[t->block_count - 1], sizeof block->previous) != 0)
		return wrong_block(t, path, block->sequence,
				   "previousBlockHash is not the hash of the block before");
	if (t->block_count == t->block_room) {
		t->block_room = t->block_room != 0 ? 2 * t->block_room : 1024;
		t->hashes = tally_realloc(t->hashes, t->block_room * sizeof *t->hashes);
	}
	t->hashes[t->block_count++] = block->hash;
	t->next++;
	return true;
}

/* The second time through, it must be the block that was verified. */
static bool is_verified(struct taking *t, const char *path, const struct tally_qldb_block *block)
{
	if (block->sequence >= t->first && block->sequence < t->next &&
	    memcmp(&block->hash, &t->hashes[block->sequence - t->first], sizeof block->hash) == 0)
		return true;
	return wrong_block(t, path, block->sequence, "it is another one than a moment ago");
}

/* The revision down-converted to JSON, as QLDB itself does it, and beside that exactly, in Ion text. */
static void add_payload(struct upload *upload, const struct tally_ion *revision)
{
	struct tally_buf json = { 0 }, ion = { 0 };

	tally_ion_write_json(revision, &json);
	tally_ion_write_text(revision, &ion);
	json.size--;
	tally_buf_add_str(&json, ",\"ion\":");
	tally_jcs_string(&json, tally_buf_bytes(&ion));
	tally_buf_add_u8(&json, '}');
	upload_add_payload(&upload->body, tally_buf_bytes(&json));
	tally_buf_free(&json);
	tally_buf_free(&ion);
}

static bool append_revision(struct taking *t, const struct tally_qldb_block *block, uint64_t index,
			    const struct tally_ion *revision,
			    const struct tally_qldb_revision *read)
{
	struct upload *upload = &t->upload;
	struct tally_bytes clues[2];
	size_t count = 0;
	char token[65];

	if (read->table.size > 0)
		clues[count++] = read->table;
	if (count == 0 || !tally_bytes_equal(read->table, read->id))
		clues[count++] = read->id;
	upload_id_token(upload, tally_bytes_str(tally_arena_printf(
				&t->block_arena, "qldb %.*s %" PRIu64 " %" PRIu64, (int)block->strand.size,
				(const char *)block->strand.data, block->sequence, index)), token);
	upload_entry(upload);
	add_payload(upload, revision);
	upload_add_clues(&upload->body, clues, count);
	tally_buf_add_u8(&upload->body, ',');
	upload_add_member(&upload->body, "ClientToken", tally_bytes_str(token));
	return upload_entry_end(upload, block->sequence);
}

static bool take_revisions(struct taking *t, const struct tally_qldb_block *block)
{
	const struct tally_ion *revision = block->revisions != NULL ? block->revisions->first : NULL;
	struct tally_qldb_revision read;
	uint64_t index = 0;

	for (; revision != NULL; revision = revision->next, index++) {
		tally_qldb_revision(block, revision, &read);
		if (t->verified) {
			if (!read.internal && !append_revision(t, block, index, revision, &read))
				return false;
			continue;
		}
		t->internal += read.internal;
		t->redacted += read.redacted;
		t->revisions += !read.internal;
	}
	return true;
}

static bool take_blocks(struct taking *t, const char *path, struct tally_bytes bytes,
			struct tally_arena *symbols)
{
	struct tally_ion_reader reader;
	struct tally_qldb_block block;
	struct tally_ion *value;
	struct tally_err err;
	int found;

	tally_ion_open(&reader, bytes, symbols);
	while ((found = tally_ion_next(&reader, &t->block_arena, &value, &err)) == 1) {
		if (tally_qldb_block_read(value, &t->block_arena, &block, &err) != 0)
			return failed(t, path, err.text);
		if (!(t->verified ? is_verified(t, path, &block) : check_chain(t, path, &block)) ||
		    !take_revisions(t, &block))
			return false;
		tally_arena_reset(&t->block_arena);
	}
	return found == 0 || failed(t, path, err.text);
}

/* "...STRAND.FIRST-LAST.ion": does the file hold the blocks that its name says? */
static bool check_name(struct taking *t, const char *path, uint64_t first)
{
	const char *dot = strrchr(path, '/');
	unsigned long long from, to;

	dot = strchr(dot != NULL ? dot : path, '.');
	if (dot == NULL || sscanf(dot, ".%llu-%llu.", &from, &to) != 2 ||
	    (from == first && to + 1 == t->next))
		return true;
	return failed(t, path, tally_arena_printf(&t->arena, "it holds blocks %" PRIu64 " to %" PRIu64, first,
						  t->next - 1));
}

static bool take_file(struct taking *t, struct tally_bytes key)
{
	const char *path = path_of(t, key);
	struct tally_arena arena = { 0 };
	uint64_t before = t->next, count = t->block_count;
	struct tally_bytes bytes;
	bool good;

	if (path == NULL)
		return failed(t, t->manifest, tally_arena_printf(
			&t->arena, "the file %.*s that it names is not there",
			(int)(key.size < 300 ? key.size : 300), (const char *)key.data));
	t->upload.source = path;
	good = file_read_whole(t->upload.call, path, FILE_SIZE_MAX, &arena, &bytes) &&
	       take_blocks(t, path, bytes, &arena);
	if (good && !t->verified && t->block_count == count)
		good = failed(t, path, "there is no block in it");
	if (good && !t->verified)
		good = check_name(t, path, count == 0 ? t->first : before);
	tally_arena_free(&arena);
	return good;
}

/* Once through all files. */
static bool take_all(struct taking *t)
{
	const struct tally_ion *item;
	struct tally_bytes key;

	for (item = t->keys->first; item != NULL; item = item->next) {
		if (!tally_ion_text(item, &key))
			return failed(t, t->manifest, "a key that is no text");
		if (!take_file(t, key))
			return false;
	}
	return true;
}

/* ---- digests ---- */

static bool read_digest(struct taking *t)
{
	const char *path = verb_value(t->upload.call, "digest", NULL);
	const struct tally_ion *value;

	if (path == NULL)
		return true;
	if (!read_one(t, path, &value))
		return false;
	t->has_digest = tally_qldb_digest_read(value, &t->arena, &t->digest);
	return t->has_digest || failed(t, path, "it is no digest with its digestTipAddress");
}

/*
 * What a digest is of the hashes of blocks, QLDB's documents leave open but for its being a Merkle tree's root
 * that ends at the tip. Taken are the root over all blocks up to the tip, joined as elsewhere, and the
 * hash of the tip's block, which stands for all before it too: either can only come from just this journal.
 */
static bool check_digest(struct taking *t)
{
	const char *path = verb_value(t->upload.call, "digest", NULL);
	struct tally_qldb_hash root, *copy;
	size_t count;
	bool good;

	if (!t->has_digest)
		return true;
	if (!tally_bytes_equal(t->digest.strand, t->strand) || t->digest.sequence < t->first ||
	    t->digest.sequence >= t->next)
		return failed(t, path, "its tip is none of the export's blocks");
	count = (size_t)(t->digest.sequence - t->first) + 1;
	good = memcmp(&t->hashes[count - 1], &t->digest.hash, sizeof root) == 0;
	if (!good && t->first == 0) {
		copy = tally_calloc(count, sizeof *copy);
		memcpy(copy, t->hashes, count * sizeof *copy);
		tally_qldb_root(copy, count, &root);
		good = memcmp(&root, &t->digest.hash, sizeof root) == 0;
		free(copy);
	}
	return good || failed(t, path, t->first == 0 ? "it is not the digest of these blocks" :
						       "it is not the digest of these blocks (the export does "
						       "not begin with block 0, so only the tip's hash was tried)");
}

/* ---- the note ---- */

static void add_hash(struct taking *t, json_object *to, const char *name,
		     const struct tally_qldb_hash *hash)
{
	json_object_object_add(to, name, json_object_new_string(tally_base64_encode(
					 &t->arena, tally_bytes(hash->bytes, TALLY_HASH_SIZE))));
}

/* ledgerName and exportId, where the export's first manifest is there. */
static bool add_names(struct taking *t, json_object *note)
{
	static const char *const names[] = { "ledgerName", "exportId" };
	const struct tally_ion *started;
	struct tally_bytes text;

	if (t->started == NULL)
		return true;
	if (!read_one(t, t->started, &started))
		return false;
	for (size_t i = 0; i < 2; i++)
		if (tally_ion_text(tally_ion_member(started, names[i]), &text))
			json_object_object_add(note, names[i], json_object_new_string_len(
						       (const char *)text.data, (int)text.size));
	return true;
}

static bool append_note(struct taking *t)
{
	json_object *note = json_object_new_object();
	bool good;

	json_object_object_add(note, "import", json_object_new_string("Amazon QLDB journal export"));
	good = add_names(t, note);
	json_object_object_add(note, "strandId", json_object_new_string_len(
				       (const char *)t->strand.data, (int)t->strand.size));
	json_object_object_add(note, "from", json_object_new_uint64(t->first));
	json_object_object_add(note, "to", json_object_new_uint64(t->next - 1));
	add_hash(t, note, "previousBlockHash", &t->before);
	add_hash(t, note, "blockHash", &t->hashes[t->block_count - 1]);
	if (t->has_digest) {
		add_hash(t, note, "digest", &t->digest.hash);
		json_object_object_add(note, "digestTip", json_object_new_uint64(t->digest.sequence));
	}
	json_object_object_add(note, "revisions", json_object_new_uint64(t->revisions));
	good = good && import_note(&t->upload, tally_arena_printf(&t->arena, "import %.*s",
								  (int)t->strand.size,
								  (const char *)t->strand.data), note);
	json_object_put(note);
	return good;
}

/* ---- the verb ---- */

static bool import_all(struct taking *t)
{
	if (!read_manifest(t) || !read_digest(t) || !take_all(t) || !check_digest(t))
		return false;
	t->verified = true;
	if (!upload_begin(&t->upload, 0))
		return false;
	if (t->upload.kv)
		return failed(t, t->upload.ledger, "it is a KV ledger, which takes no revisions");
	return append_note(t) && take_all(t);
}

static void say(const struct taking *t)
{
	fprintf(stderr, "tally import qldb: blocks %" PRIu64 " to %" PRIu64 " hold together%s; %" PRIu64
		" revisions of documents, %" PRIu64 " of them redacted; %" PRIu64 " of QLDB's own, which are "
		"hashes alone, were left out\n", t->first, t->next - 1,
		t->has_digest ? " and have the digest" : "", t->revisions, t->redacted, t->internal);
}

static int qldb_run(struct verb_call *call)
{
	struct taking t = { .directory = call->args[1] };
	bool good;
	int status;

	status = upload_open(call, call->args[0], &t.upload);
	if (status != VERB_OK)
		return status;
	good = import_all(&t);
	status = upload_close(&t.upload, good);
	if (status == VERB_OK)
		say(&t);
	tally_arena_free(&t.block_arena);
	tally_arena_free(&t.arena);
	free(t.hashes);
	return status;
}

static const struct verb_option qldb_options[] = {
	{ "digest", "FILE", "a saved digest that the export must have: Ion or JSON, with its tip" },
	UPLOAD_BATCH_OPTION,
	VERB_JSON_OPTION,
	VERB_STORE_OPTIONS,
	VERB_ENDPOINT_OPTIONS,
	VERB_OPTIONS_END
};

const struct verb import_qldb = {
	.name = "qldb",
	.usage = "LEDGER DIR",
	.summary = "Append the documents of an Amazon QLDB journal export, after verifying its blocks",
	.details =
		"DIR holds the export as it was copied out of its bucket: *.completed.manifest, and the files\n"
		"that this names, Ion text or Ion binary. A first journal notes blocks, hashes and digest; each\n"
		"revision of a document becomes a journal with the clues table name and document id, its\n"
		"payload JSON with the revision's Ion beside it. Run again within 7 days it goes on.",
	.options = qldb_options,
	.min_args = 2,
	.max_args = 2,
	.run = qldb_run,
};
