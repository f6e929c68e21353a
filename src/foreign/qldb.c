/* Blocks of a QLDB journal. See qldb.h. */
#include "qldb.h"

#include <inttypes.h>
#include <strings.h>

#include "err.h"

/* ---- hashes ---- */

/* By the bytes as signed numbers, the last one first. */
static int compare(const struct tally_qldb_hash *a, const struct tally_qldb_hash *b)
{
	for (size_t i = TALLY_HASH_SIZE; i-- > 0; )
		if (a->bytes[i] != b->bytes[i])
			return (int8_t)a->bytes[i] < (int8_t)b->bytes[i] ? -1 : 1;
	return 0;
}

void tally_qldb_dot(const struct tally_qldb_hash *a, const struct tally_qldb_hash *b,
		    struct tally_qldb_hash *r)
{
	bool order = compare(a, b) < 0;
	struct tally_sha256 sha;

	tally_sha256_init(&sha);
	tally_sha256_add(&sha, order ? a : b, TALLY_HASH_SIZE);
	tally_sha256_add(&sha, order ? b : a, TALLY_HASH_SIZE);
	tally_sha256_end(&sha, r->bytes);
}

void tally_qldb_root(struct tally_qldb_hash *hashes, size_t count, struct tally_qldb_hash *r)
{
	while (count > 1) {
		size_t made = 0;

		for (size_t i = 0; i < count; i += 2)
			if (i + 1 < count)
				tally_qldb_dot(&hashes[i], &hashes[i + 1], &hashes[made++]);
			else
				hashes[made++] = hashes[i];
		count = made;
	}
	*r = hashes[0];
}

static bool same(const struct tally_qldb_hash *a, const struct tally_qldb_hash *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static bool hash_of(const struct tally_ion *value, struct tally_qldb_hash *r)
{
	if (value == NULL || value->null || value->type != ION_BLOB ||
	    value->bytes.size != TALLY_HASH_SIZE)
		return false;
	memcpy(r->bytes, value->bytes.data, TALLY_HASH_SIZE);
	return true;
}

/* ---- the parts of a block ---- */

struct reading {
	struct tally_qldb_block *block;
	struct tally_arena *arena;
	struct tally_qldb_hash *entries;	/* entriesHashList */
	size_t entry_count;
	struct tally_err *err;
};

static int wrong(struct reading *r, enum tally_code code, const char *what)
{
	return tally_err_set(r->err, code, "block %" PRIu64 ": %s", r->block->sequence, what);
}

static bool read_address(const struct tally_ion *value, struct tally_bytes *strand_r,
			 uint64_t *sequence_r)
{
	return tally_ion_text(tally_ion_member(value, "strandId"), strand_r) &&
	       tally_ion_uint(tally_ion_member(value, "sequenceNo"), INT64_MAX, sequence_r);
}

static int read_entries(struct reading *r, const struct tally_ion *list)
{
	const struct tally_ion *item;

	if (list == NULL || list->type != ION_LIST || list->count == 0)
		return wrong(r, TALLY_INVALID, "it has no entriesHashList");
	r->entries = tally_arena_array(r->arena, struct tally_qldb_hash, list->count);
	for (item = list->first; item != NULL; item = item->next)
		if (!hash_of(item, &r->entries[r->entry_count++]))
			return wrong(r, TALLY_INVALID, "entriesHashList: an item is no hash");
	return 0;
}

static bool is_entry(const struct reading *r, const struct tally_qldb_hash *hash)
{
	for (size_t i = 0; i < r->entry_count; i++)
		if (same(&r->entries[i], hash))
			return true;
	return false;
}

/* The value's own hash must be among the entries. */
static int check_part(struct reading *r, const struct tally_ion *value, const char *what)
{
	struct tally_qldb_hash hash;

	tally_ion_hash(value, hash.bytes);
	return is_entry(r, &hash) ? 0 : wrong(r, TALLY_CORRUPT, what);
}

/* ---- revisions ---- */

/* Of metadata and data, or what is left of it. A deletion has none: then the hash of metadata stands alone, or
 * beside that of null. */
static bool is_hash_of(const struct tally_ion *metadata, const struct tally_ion *data,
		       const struct tally_qldb_hash *data_hash, const struct tally_qldb_hash *hash)
{
	static const struct tally_ion none = { .type = ION_NULL, .null = true };
	struct tally_qldb_hash of_metadata, of_data;

	tally_ion_hash(metadata, of_metadata.bytes);
	if (data == NULL && data_hash == NULL && same(&of_metadata, hash))
		return true;
	if (data_hash != NULL)
		of_data = *data_hash;
	else
		tally_ion_hash(data != NULL ? data : &none, of_data.bytes);
	tally_qldb_dot(&of_metadata, &of_data, &of_data);
	return same(&of_data, hash);
}

static int check_revision(struct reading *r, const struct tally_ion *revision,
			  struct tally_qldb_hash *hash_r)
{
	const struct tally_ion *metadata = tally_ion_member(revision, "metadata"), *item;
	const struct tally_ion *data = NULL, *data_hash = tally_ion_member(revision, "dataHash");
	struct tally_bytes strand, transaction, id;
	struct tally_qldb_hash of_data;
	uint64_t sequence;

	if (revision->type != ION_STRUCT || !hash_of(tally_ion_member(revision, "hash"), hash_r))
		return wrong(r, TALLY_INVALID, "a revision without a hash");
	/* null, where a document was deleted, is hashed too */
	for (item = revision->first; item != NULL; item = item->next)
		if (tally_bytes_is(item->name, "data"))
			data = item;
	if (metadata == NULL && data == NULL && data_hash == NULL &&
	    tally_ion_member(revision, "blockAddress") == NULL)
		return 0;
	if (metadata == NULL || !tally_ion_text(tally_ion_member(metadata, "id"), &id) || id.size == 0)
		return wrong(r, TALLY_INVALID, "a revision without metadata");
	if (!read_address(tally_ion_member(revision, "blockAddress"), &strand, &sequence) ||
	    sequence != r->block->sequence || !tally_bytes_equal(strand, r->block->strand) ||
	    !tally_ion_text(tally_ion_member(metadata, "txId"), &transaction) ||
	    !tally_bytes_equal(transaction, r->block->transaction))
		return wrong(r, TALLY_CORRUPT, "a revision of another block or transaction");
	if (data_hash != NULL && !hash_of(data_hash, &of_data))
		return wrong(r, TALLY_INVALID, "a revision whose dataHash is none");
	if (is_hash_of(metadata, data, data_hash != NULL ? &of_data : NULL, hash_r))
		return 0;
	return wrong(r, TALLY_CORRUPT,
		     tally_arena_printf(r->arena, "the revision of document %.*s is not what its hash is of",
					(int)(id.size < 64 ? id.size : 64), (const char *)id.data));
}

static int check_revisions(struct reading *r, const struct tally_ion *list)
{
	struct tally_qldb_hash *hashes, root;
	const struct tally_ion *item;
	size_t count = 0;

	if (list == NULL)
		return 0;
	if (list->type != ION_LIST)
		return wrong(r, TALLY_INVALID, "its revisions are no list");
	r->block->revisions = list;
	if (list->count == 0)
		return 0;
	hashes = tally_arena_array(r->arena, struct tally_qldb_hash, list->count);
	for (item = list->first; item != NULL; item = item->next)
		if (check_revision(r, item, &hashes[count++]) != 0)
			return -1;
	tally_qldb_root(hashes, count, &root);
	return is_entry(r, &root) ? 0 : wrong(r, TALLY_CORRUPT, "its revisions are not under "
					      "entriesHashList");
}

/* ---- the block ---- */

static int read_head(struct reading *r, const struct tally_ion *value)
{
	struct tally_qldb_block *block = r->block;

	if (!read_address(tally_ion_member(value, "blockAddress"), &block->strand, &block->sequence))
		return tally_err_set(r->err, TALLY_INVALID, "a value that is no block of a journal");
	block->timestamp = tally_ion_member(value, "blockTimestamp");
	block->info = tally_ion_member(value, "transactionInfo");
	if (!tally_ion_text(tally_ion_member(value, "transactionId"), &block->transaction) ||
	    !hash_of(tally_ion_member(value, "blockHash"), &block->hash) ||
	    !hash_of(tally_ion_member(value, "previousBlockHash"), &block->previous) ||
	    block->info == NULL || block->timestamp == NULL ||
	    block->timestamp->type != ION_TIMESTAMP)
		return wrong(r, TALLY_INVALID, "transactionId, blockHash, previousBlockHash, "
			     "blockTimestamp or transactionInfo is missing or malformed");
	return 0;
}

int tally_qldb_block_read(const struct tally_ion *value, struct tally_arena *arena,
			  struct tally_qldb_block *block_r, struct tally_err *err)
{
	struct reading r = { .block = block_r, .arena = arena, .err = err };
	const struct tally_ion *redaction = tally_ion_member(value, "redactionInfo");
	struct tally_qldb_hash entries, made;

	*block_r = (struct tally_qldb_block){ .sequence = 0 };
	if (read_head(&r, value) != 0 ||
	    read_entries(&r, tally_ion_member(value, "entriesHashList")) != 0 ||
	    check_part(&r, block_r->info, "its transactionInfo is not under entriesHashList") != 0 ||
	    (redaction != NULL &&
	     check_part(&r, redaction, "its redactionInfo is not under entriesHashList") != 0) ||
	    check_revisions(&r, tally_ion_member(value, "revisions")) != 0)
		return -1;
	if (!hash_of(tally_ion_member(value, "entriesHash"), &entries))
		return wrong(&r, TALLY_INVALID, "it has no entriesHash");
	tally_qldb_root(r.entries, r.entry_count, &made);
	if (!same(&made, &entries))
		return wrong(&r, TALLY_CORRUPT, "entriesHash is not that of entriesHashList");
	tally_qldb_dot(&entries, &block_r->previous, &made);
	if (!same(&made, &block_r->hash))
		return wrong(&r, TALLY_CORRUPT, "blockHash is not that of its entries and the block before");
	return 0;
}

/* The name of a document's table, out of transactionInfo.documents. */
static struct tally_bytes table_of(const struct tally_qldb_block *block, struct tally_bytes id)
{
	const struct tally_ion *documents = tally_ion_member(block->info, "documents"), *item;
	struct tally_bytes name;

	for (item = documents != NULL && documents->type == ION_STRUCT ? documents->first : NULL;
	     item != NULL; item = item->next)
		if (tally_bytes_equal(item->name, id) &&
		    tally_ion_text(tally_ion_member(item, "tableName"), &name))
			return name;
	return TALLY_BYTES_NONE;
}

void tally_qldb_revision(const struct tally_qldb_block *block, const struct tally_ion *revision,
			 struct tally_qldb_revision *revision_r)
{
	const struct tally_ion *metadata = tally_ion_member(revision, "metadata");

	*revision_r = (struct tally_qldb_revision){
		.internal = metadata == NULL,
		.redacted = tally_ion_member(revision, "dataHash") != NULL,
		.data = tally_ion_member(revision, "data"),
	};
	tally_ion_text(tally_ion_member(metadata, "id"), &revision_r->id);
	tally_ion_uint(tally_ion_member(metadata, "version"), INT64_MAX, &revision_r->version);
	revision_r->table = table_of(block, revision_r->id);
}

/* ---- digests ---- */

/* A member by its name in any case: the console writes digest, the interface Digest. */
static const struct tally_ion *any_case(const struct tally_ion *value, const char *name)
{
	const struct tally_ion *item;

	for (item = value->first; item != NULL; item = item->next)
		if (item->name.size == strlen(name) && !item->null &&
		    strncasecmp((const char *)item->name.data, name, item->name.size) == 0)
			return item;
	return NULL;
}

/* The hash as a blob, or as base64 in a text. */
static bool digest_hash(const struct tally_ion *value, struct tally_arena *arena,
			struct tally_qldb_hash *r)
{
	struct tally_bytes text, bytes;

	if (hash_of(value, r))
		return true;
	if (!tally_ion_text(value, &text) || !tally_base64_decode(arena, text, &bytes) ||
	    bytes.size != TALLY_HASH_SIZE)
		return false;
	memcpy(r->bytes, bytes.data, TALLY_HASH_SIZE);
	return true;
}

/* The address as a struct; as Ion in a text; or that in IonText, as the interface answers it. */
static bool digest_address(const struct tally_ion *value, struct tally_arena *arena,
			   struct tally_qldb_digest *digest)
{
	struct tally_ion_reader reader;
	struct tally_ion *inner;
	struct tally_bytes text;
	struct tally_err err;

	if (read_address(value, &digest->strand, &digest->sequence))
		return true;
	if (value != NULL && value->type == ION_STRUCT)
		value = any_case(value, "IonText");
	if (!tally_ion_text(value, &text))
		return false;
	tally_ion_open(&reader, text, arena);
	return tally_ion_next(&reader, arena, &inner, &err) == 1 &&
	       read_address(inner, &digest->strand, &digest->sequence);
}

bool tally_qldb_digest_read(const struct tally_ion *value, struct tally_arena *arena,
			    struct tally_qldb_digest *digest_r)
{
	return value->type == ION_STRUCT && !value->null &&
	       digest_hash(any_case(value, "digest"), arena, &digest_r->hash) &&
	       digest_address(any_case(value, "digestTipAddress"), arena, digest_r);
}
