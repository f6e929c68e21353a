/*
 * Texts of proofs: proof files, signed notes, checkpoints, verifier keys. What is read is read in
 * one way: written again it is the same bytes. A note that nobody we know signed is signed by none.
 */
#include "fuzz.h"

#include "arena.h"
#include "buf.h"
#include "note.h"
#include "prooffile.h"

static bool lies_in(struct tally_bytes part, struct tally_bytes whole)
{
	return part.size == 0 || (part.data >= whole.data &&
				  part.data + part.size <= whole.data + whole.size);
}

static void checkpoint(struct tally_bytes text)
{
	struct tally_checkpoint point;
	char again[TALLY_CHECKPOINT_TEXT];
	size_t size;

	if (!tally_checkpoint_parse(text, &point))
		return;
	PROMISE(point.origin.size > 0 && lies_in(point.origin, text));
	PROMISE(lies_in(point.extension, text));
	if (point.origin.size > TALLY_KEY_NAME_MAX)
		return;
	size = tally_checkpoint_format(point.origin, point.size, &point.root, again);
	PROMISE(size + point.extension.size == text.size);
	PROMISE(memcmp(again, text.data, size) == 0);
}

static void note(struct tally_bytes bytes)
{
	static const uint8_t public[TALLY_ED25519_PUBLIC] = { 1 };
	struct tally_vkey key;
	struct tally_note made;
	size_t size;

	if (!tally_note_parse(bytes, &made))
		return;
	PROMISE(made.signature_count >= 1 && made.signature_count <= TALLY_NOTE_SIGNATURES);
	PROMISE(made.text.size > 0 && made.text.data[made.text.size - 1] == '\n');
	size = made.text.size + 1;
	for (size_t i = 0; i < made.signature_count; i++) {
		const struct tally_note_signature *one = &made.signatures[i];

		PROMISE(one->size <= sizeof(one->bytes));
		PROMISE(tally_key_name_valid(one->name) && lies_in(one->line, bytes));
		size += one->line.size;
	}
	PROMISE(size == bytes.size);
	if (tally_vkey_make(&key, made.signatures[0].name, NOTE_ED25519, public))
		PROMISE(tally_note_verify(&made, &key, 1, NULL, NULL) <= 0);
	checkpoint(made.text);
}

static void proof_file(struct tally_bytes text)
{
	struct tally_proof_file file;
	struct tally_buf again = { 0 };

	if (!tally_proof_parse(text, &file))
		return;
	PROMISE(file.index < INT64_MAX && file.path_count <= TALLY_TREE_MAX_PATH);
	PROMISE(file.checkpoint.size > 0 && lies_in(file.checkpoint, text));
	tally_proof_format(&file, &again);
	PROMISE(tally_bytes_equal(tally_buf_bytes(&again), text));
	tally_buf_free(&again);
	note(file.checkpoint);
}

static void vkey(struct tally_bytes text)
{
	char again[TALLY_VKEY_TEXT];
	struct tally_vkey key;

	if (!tally_vkey_parse(text, &key))
		return;
	tally_vkey_format(&key, again);
	PROMISE(tally_bytes_is(text, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tally_bytes input = tally_bytes(data, size);

	proof_file(input);
	note(input);
	checkpoint(input);
	vkey(input);
	return 0;
}
