/*
 * The light client's TxRequest. What is read lies within the message and within its bounds; written
 * again and read again it says the same, and what is written once stays as it is.
 */
#include "buf.h"
#include "err.h"
#include "fuzz.h"
#include "txrequest.h"
#include "utf8.h"

static bool lies_in(struct tally_bytes part, struct tally_bytes whole)
{
	return part.size == 0 ||
	       (part.data >= whole.data && tally_bytes_end(part) <= tally_bytes_end(whole));
}

static void check(const struct tally_txrequest *request, struct tally_bytes input)
{
	size_t i;

	PROMISE(lies_in(request->ledger_id, input) && tally_utf8_valid(request->ledger_id));
	PROMISE(lies_in(request->client_token, input) && tally_utf8_valid(request->client_token));
	PROMISE(lies_in(request->annotation, input) && lies_in(request->data, input));
	PROMISE(lies_in(request->key, input) && tally_utf8_valid(request->key));
	PROMISE((request->key.size == 0) == (request->payload == TX_CUSTOM));
	PROMISE(request->payload == TX_CUSTOM || request->payload == TX_KV_SET || request->data.size == 0);
	PROMISE(request->clue_count <= TALLY_TX_CLUES && request->sender_count <= TALLY_TX_SENDERS);
	for (i = 0; i < request->clue_count; i++)
		PROMISE(lies_in(request->clues[i], input) && tally_utf8_valid(request->clues[i]));
	for (i = 0; i < request->sender_count; i++) {
		const struct tally_tx_sender *sender = &request->senders[i];

		PROMISE(lies_in(sender->member_id, input) && sender->member_id.size != 0);
		PROMISE(lies_in(sender->public_key, input));
		PROMISE(sender->public_key.size == 0 || sender->public_key.size == 65);
		PROMISE(sender->type <= TX_SENDER_LEDGERC);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tally_txrequest request, again;
	struct tally_buf first = { 0 }, second = { 0 };
	struct tally_err err;

	if (tally_txrequest_parse(tally_bytes(data, size), &request, &err) < 0) {
		PROMISE(err.code == TALLY_INVALID && err.text[0] != '\0');
		return 0;
	}
	check(&request, tally_bytes(data, size));
	tally_txrequest_format(&request, &first);
	PROMISE(first.size <= size);
	PROMISE(tally_txrequest_parse(tally_buf_bytes(&first), &again, &err) == 0);
	check(&again, tally_buf_bytes(&first));
	PROMISE(again.clue_count == request.clue_count && again.sender_count == request.sender_count);
	PROMISE(again.payload == request.payload && tally_bytes_equal(again.data, request.data));
	PROMISE(again.nonce == request.nonce && again.timestamp_millis == request.timestamp_millis);
	tally_txrequest_format(&again, &second);
	PROMISE(tally_bytes_equal(tally_buf_bytes(&first), tally_buf_bytes(&second)));
	tally_buf_free(&first);
	tally_buf_free(&second);
	return 0;
}
