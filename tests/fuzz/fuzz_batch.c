/*
 * Bodies of batches, as a JSON array and as lines: what is taken is well-formed, what is refused
 * names a journal; a list of strings holds UTF-8.
 */
#include "arena.h"
#include "decode.h"
#include "fuzz.h"
#include "utf8.h"

static void check(struct tally_arena *arena, struct tally_bytes body, bool lines, bool each)
{
	struct tally_batch_rules rules = { .lines = lines, .each = each, .most = 100 };
	struct tally_entry *entries;
	struct tally_err err = { 0 };
	size_t count, i, k;

	if (tally_json_entries(arena, body, &rules, &entries, &count, &err) < 0) {
		PROMISE(err.code == TALLY_INVALID || err.code == TALLY_MISSING);
		PROMISE(strncmp(err.subject, "Journals", 8) == 0);
		PROMISE(!each || err.subject[8] == '\0');
		return;
	}
	PROMISE(count > 0 && count <= 100);
	for (i = 0; i < count; i++) {
		PROMISE(each || entries[i].refused == NULL);
		PROMISE(entries[i].refused == NULL || entries[i].payload.size == 0);
		PROMISE(tally_utf8_valid(entries[i].client_id));
		PROMISE(entries[i].token.size <= 64);
		for (k = 0; k < entries[i].clue_count; k++)
			PROMISE(tally_utf8_valid(entries[i].clues[k]));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tally_arena arena = { 0 };
	const struct tally_bytes *items;
	size_t count, i;

	check(&arena, tally_bytes(data, size), false, size % 2 == 0);
	check(&arena, tally_bytes(data, size), true, size % 2 == 0);
	if (tally_json_strings(&arena, tally_bytes(data, size), &items, &count))
		for (i = 0; i < count; i++)
			PROMISE(tally_utf8_valid(items[i]));
	tally_arena_free(&arena);
	return 0;
}
