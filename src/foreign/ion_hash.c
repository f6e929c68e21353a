/* Ion Hash 1.0 with SHA-256 (amazon-ion.github.io/ion-hash/docs/spec.html). */
#include "ion.h"

#include <stdlib.h>

#include "hash.h"

#define BEGIN 0x0b
#define ESCAPE 0x0c
#define END 0x0e

static void add_escaped(struct tally_sha256 *sha, struct tally_bytes bytes)
{
	static const uint8_t escape = ESCAPE;
	size_t run = 0;

	for (size_t i = 0; i < bytes.size; i++)
		if (bytes.data[i] == BEGIN || bytes.data[i] == ESCAPE || bytes.data[i] == END) {
			tally_sha256_add(sha, bytes.data + run, i - run);
			tally_sha256_add(sha, &escape, 1);
			run = i;
		}
	if (bytes.size > run)
		tally_sha256_add(sha, bytes.data + run, bytes.size - run);
}

static void add_begin(struct tally_sha256 *sha, unsigned int type, unsigned int qualifier)
{
	const uint8_t bytes[2] = { BEGIN, (uint8_t)(type << 4 | qualifier) };

	tally_sha256_add(sha, bytes, 2);
}

static void add_end(struct tally_sha256 *sha)
{
	static const uint8_t end = END;

	tally_sha256_add(sha, &end, 1);
}

static void add_symbol(struct tally_sha256 *sha, struct tally_bytes text)
{
	add_begin(sha, ION_SYMBOL, 0);
	add_escaped(sha, text);
	add_end(sha);
}

static void add_value(struct tally_sha256 *sha, const struct tally_ion *value);

static int compare_hashes(const void *a, const void *b)
{
	return memcmp(a, b, TALLY_HASH_SIZE);
}

/* Members have no order: their hashes are sorted. */
static void add_members(struct tally_sha256 *sha, const struct tally_ion *value)
{
	struct row { uint8_t bytes[TALLY_HASH_SIZE]; } *rows;
	const struct tally_ion *item;
	size_t count = 0;

	rows = tally_calloc(value->count + 1, sizeof(*rows));
	for (item = value->first; item != NULL; item = item->next) {
		struct tally_sha256 member;

		tally_sha256_init(&member);
		add_symbol(&member, item->name);
		add_value(&member, item);
		tally_sha256_end(&member, rows[count++].bytes);
	}
	qsort(rows, count, sizeof(*rows), compare_hashes);
	add_escaped(sha, tally_bytes(rows, count * sizeof(*rows)));
	free(rows);
}

static void add_content(struct tally_sha256 *sha, const struct tally_ion *value)
{
	const struct tally_ion *item;

	if (value->type == ION_STRUCT)
		add_members(sha, value);
	else if (value->type == ION_LIST || value->type == ION_SEXP)
		for (item = value->first; item != NULL; item = item->next)
			add_value(sha, item);
	else
		add_escaped(sha, value->bytes);
}

/* How deep it goes was bounded when it was read. */
static void add_value(struct tally_sha256 *sha, const struct tally_ion *value)
{
	unsigned int type = value->type + (value->type == ION_INT && value->negative);
	unsigned int qualifier = value->null ? 15 : value->type == ION_BOOL ? value->boolean :
				 value->unknown ? 1 : 0;

	if (value->annotation_count > 0) {
		add_begin(sha, 14, 0);
		for (size_t i = 0; i < value->annotation_count; i++)
			add_symbol(sha, value->annotations[i]);
	}
	add_begin(sha, type, qualifier);
	if (!value->null)
		add_content(sha, value);
	add_end(sha);
	if (value->annotation_count > 0)
		add_end(sha);
}

void tally_ion_hash(const struct tally_ion *value, uint8_t hash_r[TALLY_HASH_SIZE])
{
	struct tally_sha256 sha;

	tally_sha256_init(&sha);
	add_value(&sha, value);
	tally_sha256_end(&sha, hash_r);
}
