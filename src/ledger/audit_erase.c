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

/* Ascending, each once. */
static size_t sort_list(uint64_t *list, size_t count)
{
	size_t kept = 0;

	if (count > 1)
		qsort(list, count, sizeof(uint64_t), order);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || list[i] != list[kept - 1])
			list[kept++] = list[i];
	return kept;
}

/* How many numbers of a sorted list are below this one. */
static size_t count_below(const uint64_t *list, size_t count, uint64_t journal)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (list[middle] < journal)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* How many journals of first .. last are ordered one by one. */
static uint64_t orders_in(const struct audit_erasures *erasures, const struct audit_run *run,
			  uint64_t first, uint64_t last)
{
	if (!run->reachable || first > last)
		return 0;
	return count_below(erasures->ordered, erasures->ordered_count, last + 1) -
	       count_below(erasures->ordered, erasures->ordered_count, first);
}

struct ending {
	const struct audit_erasures *erasures;
	void (*each)(void *ctx, uint64_t first, uint64_t last);
	void *ctx;
	uint64_t left;
};

/* The part of a run that was purged: all of it but what was kept. */
static void end_purged(struct ending *ending, const struct audit_run *run, uint64_t end)
{
	const struct audit_erasures *erasures = ending->erasures;
	size_t from = count_below(erasures->kept, erasures->kept_count, run->first);
	size_t to = count_below(erasures->kept, erasures->kept_count, end);

	if (!run->erased)
		ending->left += end - run->first;
	for (size_t i = from; i < to; i++) {
		uint64_t kept = erasures->kept[i];
		bool occulted = orders_in(erasures, run, kept, kept) > 0;

		if (run->erased && !occulted)
			ending->each(ending->ctx, kept, kept);
		if (!run->erased && !occulted)
			ending->left--;
	}
}

static void end_run(struct ending *ending, const struct audit_run *run)
{
	uint64_t before = ending->erasures->before, first = run->first, orders;

	if (first < before) {
		end_purged(ending, run, run->last < before ? run->last + 1 : before);
		first = before;
	}
	if (first > run->last)
		return;
	orders = orders_in(ending->erasures, run, first, run->last);
	if (!run->erased)
		ending->left += orders;
	else if (orders < run->last - first + 1)
		ending->each(ending->ctx, first, run->last);
}

void audit_erasures_end(struct audit_erasures *erasures,
			void (*each)(void *ctx, uint64_t first, uint64_t last), void *ctx,
			uint64_t *left_r)
{
	struct ending ending = { erasures, each, ctx, 0 };

	erasures->ordered_count = sort_list(erasures->ordered, erasures->ordered_count);
	erasures->kept_count = sort_list(erasures->kept, erasures->kept_count);
	for (size_t i = 0; i < erasures->run_count; i++)
		end_run(&ending, &erasures->runs[i]);
	*left_r = ending.left;
}

void audit_erasures_free(struct audit_erasures *erasures)
{
	free(erasures->runs);
	free(erasures->ordered);
	free(erasures->kept);
}
