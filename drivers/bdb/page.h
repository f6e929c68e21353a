/*
 * Pages of a tree, as the engine lays them out (5.3, which is the last of its format): log position
 * 8, page number 4, previous 4, next 4, entries 2, offset 2, level 1, type 1, unused 2, checksum 4.
 * Items of a tree page grow down from its end to offset, their 2-byte positions up from here; what is
 * between is unused. An overflow page has offset bytes of data; a free page has none. Numbers are in
 * the order of bytes of the machine.
 */
#ifndef TALLY_BDB_PAGE_H
#define TALLY_BDB_PAGE_H

#include "bdb.h"

enum {
	PAGE_NUMBER = 8, PAGE_ENTRIES = 20, PAGE_OFFSET = 22, PAGE_TYPE = 25, PAGE_SUM = 28,
	PAGE_HEAD = 32
};
enum { PAGE_FREE = 0, PAGE_INNER = 3, PAGE_LEAF = 5, PAGE_OVERFLOW = 7 };

/* The engine's checksum of a page, which stands in the page and counts as zero there. */
uint32_t bdb_page_sum(const uint8_t *page);

/* All zeros: it was never written. */
bool bdb_page_blank(const uint8_t *page);

/*
 * How the engine reads pages (all that it reads by pread). Its checksum does not say which page this
 * is, and of a page that begins with zeros it looks at nothing; it then follows what it takes for
 * numbers of pages, in circles too. Therefore a page that is not the one that was asked for, or that
 * lost its head, is handed over with a checksum that is wrong, which the engine knows how to handle.
 */
ssize_t bdb_page_read(int fd, void *data, size_t size, off_t offset);

/* While this thread recovers, pages that were never written are met. */
void bdb_page_recovering(bool recovering);

#endif
