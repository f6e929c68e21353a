/*
 * One ordered table of byte keys and byte values: a skip list (Pugh, 1990). Not thread-safe; what
 * it returns lives until the next change of the table.
 */
#ifndef TALLY_MEM_TABLE_H
#define TALLY_MEM_TABLE_H

#include "bytes.h"

struct mem_table;

struct mem_pair {
	struct tally_bytes key;
	struct tally_bytes value;
};

struct mem_table *mem_table_new(void);
/* Takes the table and clears it; NULL is fine. */
void mem_table_free(struct mem_table **table);

void mem_table_put(struct mem_table *table, struct tally_bytes key, struct tally_bytes value);
/* An absent key is fine. */
void mem_table_remove(struct mem_table *table, struct tally_bytes key);

const struct mem_pair *mem_table_get(const struct mem_table *table, struct tally_bytes key);
/* The first pair at or behind key, or strictly behind it; NULL if there is none. */
const struct mem_pair *mem_table_from(const struct mem_table *table, struct tally_bytes key,
				      bool strictly);
/* The last pair before key, or of all where key is empty; NULL if there is none. */
const struct mem_pair *mem_table_below(const struct mem_table *table, struct tally_bytes key);

#endif
