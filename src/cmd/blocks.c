/* Blocks from the store's owner. See blocks.h. */
#include "config.h"

#include "blocks.h"

#include <stdio.h>

#include <json-c/json.h>

#include "client.h"
#include "err.h"

struct fetching {
	struct client *client;
	uint64_t space, block;
};

int block_failed(const struct client *client, struct tally_err *err)
{
	/* what the owner found out of order it does not tell in detail */
	return tally_err_set(err, client->status == 500 ? TALLY_CORRUPT : TALLY_IO, "%s",
			     client->message);
}

static int ask_part(void *ctx, uint64_t offset, struct block_part *part_r, struct tally_err *err)
{
	const struct fetching *fetching = ctx;
	struct client *client = fetching->client;
	json_object *reply;
	bool good;

	client_start_admin(client, "ReadBlock");
	client_add_uint(client, "Space", fetching->space);
	client_add_uint(client, "Block", fetching->block);
	client_add_uint(client, "Offset", offset);
	reply = client_try(client);
	if (reply == NULL)
		return block_failed(client, err);
	part_r->size = reply_uint(reply, "Size");
	snprintf(part_r->digest, sizeof part_r->digest, "%s", reply_text(reply, "Digest"));
	good = tally_base64_decode(&client->arena,
				   tally_bytes_str(reply_text(reply, "BytesBase64")), &part_r->bytes);
	json_object_put(reply);
	return good ? 1 : tally_err_set(err, TALLY_IO, "a block came in another form than expected");
}

int block_fetch(struct client *client, uint64_t space, uint64_t block, struct tally_buf *bytes,
		struct tally_err *err)
{
	struct fetching fetching = { client, space, block };

	return block_join(ask_part, &fetching, bytes, err);
}
