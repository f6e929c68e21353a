/*
 * What witnesses and logs send each other. A request that is read is written again as the same
 * bytes. No witness ever cosigns what a trusted key did not sign, nor another root at the size that
 * it holds. The last byte of an input says what the witness holds: one of the log's trees, so that
 * the seeds in the corpus are cosigned. Answers never give a line that is not in them.
 */
#include "fuzz.h"
#include "witness.h"

static const char log_text[] = "ledger.example/demo+7b8488d1+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";
static const char witness_text[] =
	"witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X";

/* Root of the tree of 65536 entries that the vectors have. */
static const uint8_t root_65536[32] = {
	0xec, 0x55, 0x08, 0xa6, 0xaf, 0xc7, 0x34, 0xd2, 0x3d, 0x4d, 0x0b, 0xac, 0x34, 0x18, 0x6d, 0x37,
	0xdc, 0x19, 0xde, 0x90, 0xe5, 0x32, 0x7c, 0x19, 0xec, 0x03, 0x89, 0xfa, 0x8a, 0xac, 0x59, 0xd3
};

static void writes_the_same(const struct tally_witness_request *request, struct tally_bytes body)
{
	char head[TALLY_WITNESS_HEAD_MAX];
	size_t size = tally_witness_head(request->old_size, request->proof, request->proof_count,
					 head);

	PROMISE(size + request->signed_note.size == body.size);
	PROMISE(memcmp(head, body.data, size) == 0);
}

static void judge(const struct tally_witness_request *request, struct tally_witnessed held)
{
	struct tally_vkey keys[2];
	int status;

	PROMISE(tally_vkey_parse(tally_bytes_str(log_text), &keys[0]) &&
		tally_vkey_parse(tally_bytes_str(witness_text), &keys[1]));
	PROMISE(tally_witness_judge(request, NULL, 0, &held, NULL) == 404);
	status = tally_witness_judge(request, keys, 2, &held, NULL);
	PROMISE(status == 200 || status == 400 || status == 403 || status == 409 || status == 422);
	if (status != 200)
		return;
	PROMISE(tally_note_verify(&request->note, keys, 2, NULL, NULL) > 0);
	PROMISE(request->old_size == held.size && held.size <= request->checkpoint.size);
	PROMISE(!tally_witness_conflict(request, &held));
	held.root.bytes[0] ^= 1;
	PROMISE(held.size == 0 || tally_witness_judge(request, keys, 2, &held, NULL) == 422);
}

static void answer(struct tally_bytes body)
{
	struct tally_bytes line;
	struct tally_vkey key;
	uint64_t number;

	PROMISE(tally_vkey_parse(tally_bytes_str(witness_text), &key));
	if (tally_witness_answer(body, TALLY_BYTES_LIT("x\n1\nAAAA\n"), &key, &line, &number))
		PROMISE(line.data >= body.data && line.data + line.size <= body.data + body.size);
	if (tally_witness_size(body, &number))
		PROMISE(number <= INT64_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tally_witness_request request;
	struct tally_witnessed held = { 0 };
	struct tally_bytes body = tally_bytes(data, size);

	answer(body);
	if (size == 0)
		return 0;
	body.size--;
	if (!tally_witness_parse(body, &request))
		return 0;
	writes_the_same(&request, body);
	if (data[size - 1] == '1') {
		held.size = 65536;
		memcpy(held.root.bytes, root_65536, 32);
	} else if (data[size - 1] == '2') {
		held.size = request.checkpoint.size;
		held.root = request.checkpoint.root;
	}
	judge(&request, held);
	return 0;
}
