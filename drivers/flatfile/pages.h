/*
 * Pages of runs in memory: read, checked and taken apart once, then shared by all readers. A
 * bounded cache keeps those used last; a page lives on while somebody holds it.
 */
#ifndef FLAT_PAGES_H
#define FLAT_PAGES_H

#include <pthread.h>
#include <stdatomic.h>

#include "bytes.h"

struct flat_page {
	uint64_t run;			/* which run of this process, and where in it */
	uint64_t offset;
	atomic_uint users;		/* the cache counts as one */
	struct flat_page *chain;	/* in its bucket */
	struct flat_page *newer;
	struct flat_page *older;
	uint32_t size;
	uint32_t count;			/* of entries */
	uint32_t *starts;		/* where each begins in data */
	uint8_t *data;
};

struct flat_pages {
	pthread_mutex_t lock;
	size_t limit;			/* bytes */
	size_t used;
	struct flat_page *buckets[1024];
	struct flat_page *newest;
	struct flat_page *oldest;
};

void flat_pages_init(struct flat_pages *pages, size_t limit);
void flat_pages_free(struct flat_pages *pages);

/* The page, held; NULL when it is not in the cache. */
struct flat_page *flat_pages_find(struct flat_pages *pages, uint64_t run, uint64_t offset);

/* A page of size bytes, not in the cache, held once: fill data, count and starts. */
struct flat_page *flat_page_new(uint64_t run, uint64_t offset, uint32_t size);

/* Puts a held page into the cache (unless it is too large for it, or there already). */
void flat_pages_keep(struct flat_pages *pages, struct flat_page *page);

void flat_page_release(struct flat_page *page);

#endif
