/*
 * Pages of a tree: which of them are what they should be. See page.h.
 */
#include "page.h"

static __thread bool in_recovery;

void bdb_page_recovering(bool recovering)
{
	in_recovery = recovering;
}

uint32_t bdb_page_sum(const uint8_t *page)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < BDB_PAGE; i++)
		sum = 33 * sum + (i < PAGE_SUM || i >= PAGE_HEAD ? page[i] : 0);
	return sum;
}

bool bdb_page_blank(const uint8_t *page)
{
	static const uint8_t none[BDB_PAGE];

	return memcmp(page, none, BDB_PAGE) == 0;
}

/* So that the engine looks at the checksum, and finds it wrong. */
static void spoil(uint8_t *page)
{
	uint32_t sum;

	memset(page, 0xff, PAGE_NUMBER);
	page[PAGE_TYPE] = PAGE_LEAF;
	sum = ~bdb_page_sum(page);
	memcpy(page + PAGE_SUM, &sum, sizeof(sum));
}

ssize_t bdb_page_read(int fd, void *data, size_t size, off_t offset)
{
	ssize_t n = pread(fd, data, size, offset);
	uint32_t number;

	if (n != BDB_PAGE || offset == 0 || offset % BDB_PAGE != 0)
		return n;
	memcpy(&number, (uint8_t *)data + PAGE_NUMBER, sizeof(number));
	if (number != (uint64_t)offset / BDB_PAGE && !(in_recovery && bdb_page_blank(data)))
		spoil(data);
	return n;
}
