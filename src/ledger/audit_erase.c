/*
 * Erased payloads, and the journals that order them: a payload is gone by right only where a later
 * journal says so. Kept in runs, since what is erased is mostly erased in rows.
 */
#include "audit_private.h"

#include <stdlib.h>

void audit_erasures_add(struct audit_erasures *erasures, uint64_t journal, bool erased,
			bool reachable)
{
	struct audit_run *last = erasures->run_count > 0 ?
					 &erasures->runs[erasures->run_count - 1] : NULL;

	if (last != NULL && last->erased == erased && last->reachable == reachable &&
	    last->last + 1 == journal) {
		last->last = journal;
		return;
	}
	if (erasures->run_count == erasures->run_room) {
		erasures->run_room = erasures->run_room == 0 ? 16 : erasures->run_room * 2;
		erasures->runs = tally_realloc(erasures->runs,
					       erasures->run_room * sizeof(*erasures->runs));
	}
	erasures->runs[erasures->run_count++] = (struct audit_run){ journal, journal, erased,
								    reachable };
}

void audit_erasures_order(struct audit_erasures *erasures, uint64_t journal)
{
	if (erasures->ordered_count == erasures->ordered_room) {
		erasures->ordered_room = erasures->ordered_room == 0 ? 16 :
							erasures->ordered_room * 2;
		erasures->ordered = tally_realloc(erasures->ordered,
						  erasures->ordered_room * sizeof(uint64_t));
	}
	erasures->ordered[erasures->ordered_count++] = journal;
}

int audit_erasures_get(const struct audit_erasures *erasures, uint64_t journal)
{
	size_t low = 0, high = erasures->run_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (erasures->runs[middle].last < journal)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == erasures->run_count || erasures->runs[low].first > journal)
		return -1;
	return erasures->runs[low].erased;
}

static int order(const void *a, const void *b)
{
	uint64_t one = *(const uint64_t *)a, two = *(const uint64_t *)b;

	return one < two ? -1 : one > two;
}

static void sort_orders(struct audit_erasures *erasures)
{
	size_t kept = 0;

	if (erasures->ordered_count > 1)
		qsort(erasures->ordered, erasures->ordered_count, sizeof(uint64_t), order);
	for (size_t i = 0; i < erasures->ordered_count; i++)
		if (kept == 0 || erasures->ordered[i] != erasures->ordered[kept - 1])
			erasures->ordered[kept++] = erasures->ordered[i];
	erasures->ordered_count = kept;
}

/* How many orders name journals below this one. */
static size_t orders_below(const struct audit_erasures *erasures, uint64_t journal)
{
	size_t low = 0, high = erasures->ordered_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (erasures->ordered[middle] < journal)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void audit_erasures_end(struct audit_erasures *erasures,
			void (*each)(void *ctx, uint64_t first, uint64_t last), void *ctx,
			uint64_t *left_r)
{
	*left_r = 0;
	sort_orders(erasures);
	for (size_t i = 0; i < erasures->run_count; i++) {
		const struct audit_run *run = &erasures->runs[i];
		uint64_t first = run->first > erasures->before ? run->first : erasures->before;
		size_t orders = 0;

		if (!run->erased)
			*left_r += (first <= run->last ? first : run->last + 1) - run->first;
		if (first > run->last)
			continue;
		if (run->reachable)
			orders = orders_below(erasures, run->last + 1) -
				 orders_below(erasures, first);
		if (!run->erased)
			*left_r += orders;
		else if (orders < run->last - first + 1)
			each(ctx, first, run->last);
	}
}

void audit_erasures_free(struct audit_erasures *erasures)
{
	free(erasures->runs);
	free(erasures->ordered);
}
