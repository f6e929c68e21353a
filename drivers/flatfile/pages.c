/* The cache of pages: a hash table and a list by last use, under one short lock. */
#include "config.h"

#include <stdlib.h>

#include "arena.h"
#include "pages.h"

#define BUCKETS (sizeof(((struct flat_pages *)NULL)->buckets) / sizeof(struct flat_page *))

void flat_pages_init(struct flat_pages *pages, size_t limit)
{
	memset(pages, 0, sizeof(*pages));
	pages->limit = limit;
	pthread_mutex_init(&pages->lock, NULL);
}

static size_t page_bytes(const struct flat_page *page)
{
	return sizeof(*page) + page->size + page->count * sizeof(*page->starts);
}

static struct flat_page **bucket_of(struct flat_pages *pages, uint64_t run, uint64_t offset)
{
	uint64_t hash = (run * 0x9e3779b97f4a7c15u) ^ (offset * 0xc2b2ae3d27d4eb4fu);

	return &pages->buckets[(hash >> 40) % BUCKETS];
}

static void list_take(struct flat_pages *pages, struct flat_page *page)
{
	if (page->newer != NULL)
		page->newer->older = page->older;
	else
		pages->newest = page->older;
	if (page->older != NULL)
		page->older->newer = page->newer;
	else
		pages->oldest = page->newer;
	page->newer = page->older = NULL;
}

static void list_put(struct flat_pages *pages, struct flat_page *page)
{
	page->older = pages->newest;
	if (pages->newest != NULL)
		pages->newest->newer = page;
	else
		pages->oldest = page;
	pages->newest = page;
}

static void drop_oldest(struct flat_pages *pages)
{
	struct flat_page *page = pages->oldest;
	struct flat_page **at = bucket_of(pages, page->run, page->offset);

	while (*at != page)
		at = &(*at)->chain;
	*at = page->chain;
	list_take(pages, page);
	pages->used -= page_bytes(page);
	flat_page_release(page);
}

void flat_pages_free(struct flat_pages *pages)
{
	while (pages->oldest != NULL)
		drop_oldest(pages);
	pthread_mutex_destroy(&pages->lock);
}

static struct flat_page *find(struct flat_pages *pages, uint64_t run, uint64_t offset)
{
	struct flat_page *page = *bucket_of(pages, run, offset);

	while (page != NULL && (page->run != run || page->offset != offset))
		page = page->chain;
	return page;
}

struct flat_page *flat_pages_find(struct flat_pages *pages, uint64_t run, uint64_t offset)
{
	struct flat_page *page;

	pthread_mutex_lock(&pages->lock);
	page = find(pages, run, offset);
	if (page != NULL) {
		list_take(pages, page);
		list_put(pages, page);
		atomic_fetch_add(&page->users, 1);
	}
	pthread_mutex_unlock(&pages->lock);
	return page;
}

struct flat_page *flat_page_new(uint64_t run, uint64_t offset, uint32_t size)
{
	struct flat_page *page = tally_calloc(1, sizeof(*page));

	page->run = run;
	page->offset = offset;
	page->size = size;
	page->data = tally_malloc(size + 1);
	atomic_init(&page->users, 1);
	return page;
}

void flat_pages_keep(struct flat_pages *pages, struct flat_page *page)
{
	size_t bytes = page_bytes(page);
	struct flat_page **bucket;

	if (bytes > pages->limit / 16)
		return;
	pthread_mutex_lock(&pages->lock);
	if (find(pages, page->run, page->offset) == NULL) {
		while (pages->used + bytes > pages->limit)
			drop_oldest(pages);
		bucket = bucket_of(pages, page->run, page->offset);
		page->chain = *bucket;
		*bucket = page;
		list_put(pages, page);
		pages->used += bytes;
		atomic_fetch_add(&page->users, 1);
	}
	pthread_mutex_unlock(&pages->lock);
}

void flat_page_release(struct flat_page *page)
{
	if (page == NULL || atomic_fetch_sub(&page->users, 1) > 1)
		return;
	free(page->starts);
	free(page->data);
	free(page);
}
