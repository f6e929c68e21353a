/* Witnessing; see witness.h. */
#include "witness.h"

#include <stdio.h>

#include "b64.h"

/* ---- requests ---- */

/* The next line without its LF; false where there is none. */
static bool next_line(struct tally_bytes *rest, struct tally_bytes *line_r)
{
	const uint8_t *end = rest->size > 0 ? memchr(rest->data, '\n', rest->size) : NULL;

	if (end == NULL)
		return false;
	*line_r = tally_bytes(rest->data, (size_t)(end - rest->data));
	*rest = tally_bytes(end + 1, rest->size - line_r->size - 1);
	return true;
}

static bool parse_old(struct tally_bytes line, uint64_t *size_r)
{
	return line.size > 4 && memcmp(line.data, "old ", 4) == 0 &&
	       tally_parse_u64(tally_bytes(line.data + 4, line.size - 4), INT64_MAX, size_r);
}

static bool parse_hash(struct tally_bytes line, struct tally_hash *hash_r)
{
	return line.size == 44 &&
	       tally_b64_get(line, hash_r->bytes, TALLY_HASH_SIZE) == TALLY_HASH_SIZE;
}

bool tally_witness_parse(struct tally_bytes body, struct tally_witness_request *request_r)
{
	struct tally_bytes rest = body, line;

	request_r->proof_count = 0;
	if (body.size > TALLY_WITNESS_REQUEST_MAX || !next_line(&rest, &line) ||
	    !parse_old(line, &request_r->old_size))
		return false;
	for (;;) {
		if (!next_line(&rest, &line))
			return false;
		if (line.size == 0)
			break;
		if (request_r->proof_count == TALLY_WITNESS_PROOF_MAX ||
		    !parse_hash(line, &request_r->proof[request_r->proof_count++]))
			return false;
	}
	request_r->signed_note = rest;
	return tally_note_parse(rest, &request_r->note) &&
	       request_r->note.text.size <= TALLY_COSIGNED_TEXT &&
	       tally_checkpoint_parse(request_r->note.text, &request_r->checkpoint);
}

size_t tally_witness_head(uint64_t old_size, const struct tally_hash *proof, size_t proof_count,
			  char *head)
{
	char line[4 + 20 + 1 + 1];
	size_t used = (size_t)snprintf(line, sizeof(line), "old %llu\n",
				       (unsigned long long)old_size);

	memcpy(head, line, used);
	for (size_t i = 0; i < proof_count && i < TALLY_WITNESS_PROOF_MAX; i++) {
		used += tally_b64_put(proof[i].bytes, TALLY_HASH_SIZE, head + used);
		head[used++] = '\n';
	}
	head[used++] = '\n';
	return used;
}

/* ---- the verdict ---- */

static int verdict(int status, const char *why, const char **why_r)
{
	if (why_r != NULL)
		*why_r = why;
	return status;
}

static bool is_empty_root(const struct tally_hash *root)
{
	struct tally_frontier empty;
	struct tally_hash hash;

	tally_frontier_init(&empty);
	tally_frontier_root(&empty, &hash);
	return memcmp(hash.bytes, root->bytes, TALLY_HASH_SIZE) == 0;
}

/* Does it continue what is held? NULL, or why not. Sizes are known to agree. */
static const char *continues(const struct tally_witness_request *request,
			     const struct tally_witnessed *held)
{
	const struct tally_checkpoint *checkpoint = &request->checkpoint;

	if (checkpoint->size == 0 && !is_empty_root(&checkpoint->root))
		return "a tree of size 0 has another root";
	if (held->size == 0)
		return request->proof_count == 0 ? NULL : "from size 0 there is nothing to prove";
	if (tally_witness_conflict(request, held))
		return "another root was cosigned at this size";
	if (!tally_consistency_verify(held->size, checkpoint->size, request->proof,
				      request->proof_count, &held->root, &checkpoint->root))
		return "the proof does not verify: it is not shown that this tree begins with the one "
		       "cosigned before";
	return NULL;
}

int tally_witness_judge(const struct tally_witness_request *request,
			const struct tally_vkey *keys, size_t key_count,
			const struct tally_witnessed *held, const char **why_r)
{
	const char *why;

	if (key_count == 0)
		return verdict(404, "this log is not known here", why_r);
	if (tally_note_verify(&request->note, keys, key_count, NULL, NULL) <= 0)
		return verdict(403, "it is not signed by a key that is trusted for this log", why_r);
	if (request->old_size > request->checkpoint.size)
		return verdict(400, "the old size is above that of the checkpoint", why_r);
	if (request->old_size != held->size)
		return verdict(409, "the old size is not that of the last checkpoint cosigned", why_r);
	why = continues(request, held);
	return why != NULL ? verdict(422, why, why_r) : verdict(200, "cosigned", why_r);
}

bool tally_witness_conflict(const struct tally_witness_request *request,
			    const struct tally_witnessed *held)
{
	return held->size > 0 && request->checkpoint.size == held->size &&
	       memcmp(request->checkpoint.root.bytes, held->root.bytes, TALLY_HASH_SIZE) != 0;
}

/* ---- answers ---- */

bool tally_witness_answer(struct tally_bytes body, struct tally_bytes text,
			  const struct tally_vkey *key, struct tally_bytes *line_r,
			  uint64_t *time_r)
{
	struct tally_note note = { .text = text };
	bool found = false;

	if (body.size > TALLY_NOTE_MAX || !tally_note_lines(body, &note) ||
	    tally_note_verify(&note, key, 1, NULL, time_r) != 1)
		return false;
	for (size_t i = 0; i < note.signature_count && !found; i++) {
		const struct tally_note_signature *signature = &note.signatures[i];

		found = signature->id == key->id && tally_bytes_is(signature->name, key->name);
		if (found) {
			*line_r = signature->line;
			*time_r = tally_get_u64(signature->bytes);
		}
	}
	return found;
}

bool tally_witness_size(struct tally_bytes body, uint64_t *size_r)
{
	return body.size > 1 && body.data[body.size - 1] == '\n' &&
	       tally_parse_u64(tally_bytes(body.data, body.size - 1), INT64_MAX, size_r);
}

void tally_origin_hex(struct tally_bytes origin, char *hex)
{
	uint8_t hash[TALLY_HASH_SIZE];

	tally_sha256(origin.data, origin.size, hash);
	tally_hex_encode(hash, sizeof(hash), hex);
}
