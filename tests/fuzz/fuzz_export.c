/*
 * Export files from outside: a first line and a journal's line. Whatever is in them, the room is never
 * left; and what is read has one form: written again it is the same bytes.
 */
#include "buf.h"
#include "err.h"
#include "exportfile.h"
#include "fuzz.h"

static void is_same(struct tally_bytes text, struct tally_buf *again)
{
	PROMISE(again->size == text.size + 1 && memcmp(again->data, text.data, text.size) == 0);
	tally_buf_free(again);
}

/* A tree in which the line's leaf stands where it says, so that what is behind its path is reached. */
static bool make_tree(struct tally_bytes text, uint8_t *room, uint64_t size,
		      struct tally_export_head *head, uint64_t *id_r)
{
	struct tally_export_line line;
	struct tally_hash hash;
	struct tally_err err;

	*head = (struct tally_export_head){ .tree.size = size };
	tally_export_line_read(text, head, 0, room, &line, &err);	/* refused, but taken apart */
	if (!tally_leaf_parse(line.leaf_text, &line.leaf))
		return false;
	head->ledger_id = line.leaf.ledger_id;
	*id_r = line.leaf.journal_id;
	tally_leaf_hash(line.leaf_text, &hash);
	return tally_inclusion_root(*id_r, size, &hash, line.path, line.path_count, &head->tree.root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tally_bytes input = tally_bytes(data, size);
	struct tally_export_head head;
	struct tally_export_line line;
	struct tally_buf again = { 0 };
	uint8_t tree, *room[2];
	struct tally_err err;
	uint64_t id;

	fuzz_take(&input, &tree, 1);
	for (int i = 0; i < 2; i++) {
		room[i] = malloc(input.size > 0 ? input.size : 1);
		PROMISE(room[i] != NULL);
	}
	if (tally_export_head_read(input, room[0], &head, &err) == 0) {
		tally_export_head_format(&head, &again);
		is_same(input, &again);
		PROMISE(head.from <= head.to && head.to < head.tree.size);
	}
	if (make_tree(input, room[0], tree, &head, &id) &&
	    tally_export_line_read(input, &head, id, room[1], &line, &err) == 0) {
		tally_export_line_format(&line, &again);
		is_same(input, &again);
		PROMISE(!line.removed || !line.has_payload);
		head.tree.root.bytes[0] ^= 1;
		PROMISE(tally_export_line_read(input, &head, id, room[1], &line, &err) == -1);
	}
	free(room[0]);
	free(room[1]);
	return 0;
}
