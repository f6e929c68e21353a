/*
 * What logs publish, from outside: notes, checkpoints, verifier keys, proof files, entry bundles.
 * What parses lies within the input and is written again as the same bytes; no signature of a
 * stranger verifies; lines that were passed over are counted.
 */
#include "b64.h"
#include "buf.h"
#include "fuzz.h"
#include "note.h"
#include "prooffile.h"
#include "tile.h"

static bool within(struct tally_bytes part, struct tally_bytes whole)
{
	return part.size == 0 || (part.data >= whole.data &&
				  part.data + part.size <= whole.data + whole.size);
}

static void checkpoint(struct tally_bytes text)
{
	char again[TALLY_CHECKPOINT_TEXT + 4096];
	struct tally_checkpoint made;
	size_t size;

	if (!tally_checkpoint_parse(text, &made))
		return;
	PROMISE(within(made.origin, text) && within(made.extension, text) && made.size <= INT64_MAX);
	if (made.origin.size > TALLY_KEY_NAME_MAX)
		return;
	size = tally_checkpoint_format(made.origin, made.size, &made.root, again);
	PROMISE(size + made.extension.size == text.size && memcmp(again, text.data, size) == 0);
}

static void note(struct tally_bytes input)
{
	static const uint8_t seed[TALLY_ED25519_SEED] = { 7 };
	static struct tally_note made;
	uint8_t public[TALLY_ED25519_PUBLIC];
	struct tally_vkey key;

	if (!tally_note_parse(input, &made))
		return;
	PROMISE(made.signature_count >= 1 && made.signature_count <= TALLY_NOTE_SIGNATURES);
	PROMISE(within(made.text, input) && made.text.data[made.text.size - 1] == '\n');
	tally_ed25519_public(seed, public);
	for (size_t i = 0; i < made.signature_count; i++) {
		const struct tally_note_signature *signature = &made.signatures[i];

		PROMISE(within(signature->name, input) && within(signature->line, input));
		PROMISE(tally_key_name_valid(signature->name) && signature->size <= 72);
		/* a key of that name: the line is passed over, or fails where its id is the same */
		PROMISE(tally_vkey_make(&key, signature->name, i % 2 == 0 ? NOTE_ED25519 :
					NOTE_COSIGNATURE, public));
		PROMISE(tally_note_verify(&made, &key, 1, NULL, NULL) <= 0);
	}
	checkpoint(made.text);
}

static void vkey(struct tally_bytes input)
{
	char text[TALLY_VKEY_TEXT];
	struct tally_vkey key;

	if (!tally_vkey_parse(input, &key))
		return;
	tally_vkey_format(&key, text);
	PROMISE(tally_bytes_is(input, text));
}

static void proof_file(struct tally_bytes input)
{
	struct tally_buf buf = { 0 };
	struct tally_proof_file file;

	if (!tally_proof_parse(input, &file))
		return;
	PROMISE(file.path_count <= TALLY_TREE_MAX_PATH && within(file.checkpoint, input));
	PROMISE(file.extra.size == 0 || tally_b64_valid(file.extra));
	tally_proof_format(&file, &buf);
	PROMISE(tally_bytes_equal(tally_buf_bytes(&buf), input));
	tally_buf_free(&buf);
	note(file.checkpoint);
}

static void bundle(struct tally_bytes input)
{
	struct tally_bytes rest = input, entry;
	size_t used = 0;
	int more;

	while ((more = tally_bundle_next(&rest, &entry)) == 1) {
		PROMISE(within(entry, input) && within(rest, input));
		used += 2 + entry.size;
	}
	PROMISE(more == 0 ? used == input.size : used < input.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tally_bytes input = tally_bytes(data, size);
	uint8_t room[64];
	int got = tally_b64_get(input, room, sizeof(room));

	PROMISE(got < 0 || tally_b64_valid(input));
	note(input);
	checkpoint(input);
	vkey(input);
	proof_file(input);
	bundle(input);
	return 0;
}
