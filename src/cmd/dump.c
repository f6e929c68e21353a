/*
 * tally dump: a store as text. One line a block, byte for byte, in an order that tally load can
 * take: the store's own ledger first, blocks of each ledger ascending. With --journals it is made
 * for reading instead: one line a journal, with the leaf that is hashed and its payload.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "blocks.h"
#include "client.h"
#include "err.h"
#include "journals.h"
#include "print.h"

struct dumping {
	struct client *client;
	struct tally_buf block;		/* the one under way */
	struct tally_arena arena;	/* of one block */
	struct bar bar;
	uint64_t done, total;
};

static void print_block(struct dumping *dumping, const char *space, const char *ledger,
			uint64_t block)
{
	printf("{\"space\":%s,\"ledgerId\":\"%s\",\"block\":%llu,\"size\":%zu,\"data\":\"%s\"}\n",
	       space, ledger, (unsigned long long)block, dumping->block.size,
	       tally_base64_encode(&dumping->arena, tally_buf_bytes(&dumping->block)));
}

static bool dump_block(struct dumping *dumping, const char *space, const char *ledger,
		       uint64_t block)
{
	struct verb_call *call = dumping->client->call;
	struct tally_err err;

	tally_buf_clear(&dumping->block);
	if (block_fetch(dumping->client, strtoull(space, NULL, 10), block, &dumping->block, &err) != 1) {
		verb_fail(call, "block %llu of space %s: %s", (unsigned long long)block, space, err.text);
		return false;
	}
	tally_arena_reset(&dumping->arena);
	if (!verb_given(call, "journals")) {
		print_block(dumping, space, ledger, block);
	} else if (print_journals(tally_buf_bytes(&dumping->block), &dumping->arena, &err) != 0) {
		verb_fail(call, "block %llu of %s: %s", (unsigned long long)block, ledger, err.text);
		return false;
	}
	return !ferror(stdout);
}

/* How many blocks a space has now; 0 after printing why that cannot be told. */
static uint64_t count_blocks(struct dumping *dumping, const char *number)
{
	json_object *reply, *spaces;
	uint64_t blocks = 0;

	client_start_admin(dumping->client, "ListSpaces");
	reply = client_run(dumping->client);
	spaces = reply_member(reply, "Spaces");
	for (size_t i = 0; i < reply_count(spaces); i++) {
		json_object *space = json_object_array_get_idx(spaces, i);

		if (strcmp(reply_text(space, "Space"), number) == 0)
			blocks = reply_uint(space, "Blocks");
	}
	json_object_put(reply);
	return blocks;
}

/*
 * A payload that is erased meanwhile stands in the dump as zero; the journal that orders it must be in
 * it too, or it could not be loaded. It was appended before, so it is among the blocks that are there
 * by then: these are taken as well, and once more for what was erased in them. A busy ledger is not
 * followed for ever: that one of its last few blocks was erased at once is not worth it.
 */
#define ROUNDS 4

static bool dump_space(struct dumping *dumping, json_object *space)
{
	const char *number = reply_text(space, "Space"), *ledger = reply_text(space, "LedgerId");
	uint64_t done = 0, blocks = reply_uint(space, "Blocks");

	for (int round = 0; round < ROUNDS && done < blocks; round++) {
		for (; done < blocks; done++) {
			if (!dump_block(dumping, number, ledger, done))
				return false;
			bar_show(&dumping->bar, ++dumping->done, dumping->total);
		}
		blocks = count_blocks(dumping, number);
		if (blocks == 0)
			return false;
	}
	return true;
}

/* Only the ledger that was named, or all. */
static bool wanted(const struct verb_call *call, json_object *space)
{
	return call->arg_count == 0 || strcmp(call->args[0], reply_text(space, "LedgerId")) == 0;
}

static int dump_all(struct dumping *dumping, json_object *spaces)
{
	struct verb_call *call = dumping->client->call;
	bool any = false, good = true;

	for (size_t i = 0; i < reply_count(spaces); i++)
		if (wanted(call, json_object_array_get_idx(spaces, i)))
			dumping->total += reply_uint(json_object_array_get_idx(spaces, i), "Blocks");
	bar_begin(&dumping->bar, "dump", "blocks");
	for (size_t i = 0; good && i < reply_count(spaces); i++) {
		json_object *space = json_object_array_get_idx(spaces, i);

		if (!wanted(call, space))
			continue;
		any = true;
		good = dump_space(dumping, space);
	}
	bar_end(&dumping->bar);
	if (good && !any)
		return verb_fail(call, "there is no ledger %s", call->args[0]);
	return good ? VERB_OK : VERB_FAILED;
}

static int dump_run(struct verb_call *call)
{
	struct dumping dumping = { 0 };
	struct client client;
	json_object *reply;
	int status;

	if (call->arg_count != 0 && !verb_given(call, "journals"))
		return verb_misuse(call, "a single ledger is dumped for reading only: add --journals");
	status = client_open(call, true, &client);
	if (status != VERB_OK)
		return status;
	dumping.client = &client;
	client_start_admin(&client, "ListSpaces");
	reply = client_run(&client);
	status = reply != NULL ? dump_all(&dumping, reply_member(reply, "Spaces")) : VERB_FAILED;
	json_object_put(reply);
	tally_buf_free(&dumping.block);
	tally_arena_free(&dumping.arena);
	client_close(&client);
	return status;
}

static const struct verb_option dump_options[] = {
	{ "journals", NULL, "for reading: one line a journal, its leaf and payload" },
	{ "json", NULL, "print NDJSON; it always does" },
	VERB_STORE_OPTIONS,
	VERB_OPTIONS_END
};

const struct verb verb_dump = {
	.name = "dump",
	.usage = "[LEDGER]",
	.summary = "Print a whole store as NDJSON, for 'tally load' or for reading",
	.details = "Blocks hold secrets of access keys only sealed; whoever has the dump and the key\n"
		   "file has them open. LEDGER goes with --journals only.",
	.options = dump_options,
	.max_args = 1,
	.run = dump_run,
};
