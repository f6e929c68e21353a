/* One hash over all index tables of a space, in their order: whether two of them are the same. */
#ifndef TALLY_INDEX_HASH_H
#define TALLY_INDEX_HASH_H

#include "core.h"
#include "hash.h"

static inline int index_hash_add(void *ctx, uint32_t table, struct tally_bytes key,
				 struct tally_bytes value)
{
	struct tally_sha256 *sha = ctx;
	uint8_t head[12];

	tally_put_u32(head, table);
	tally_put_u32(head + 4, (uint32_t)key.size);
	tally_put_u32(head + 8, (uint32_t)value.size);
	tally_sha256_add(sha, head, sizeof(head));
	tally_sha256_add(sha, key.data, key.size);
	tally_sha256_add(sha, value.data, value.size);
	return 0;
}

static inline int index_hash(struct tally_core *core, uint64_t space,
			     uint8_t hash_r[TALLY_HASH_SIZE], struct tally_err *err)
{
	struct tally_sha256 sha;
	int result;

	tally_sha256_init(&sha);
	result = tally_core_index_each(core, space, index_hash_add, &sha, err);
	tally_sha256_end(&sha, hash_r);
	return result;
}

#endif
