/* Proof files: the vector, read, checked and written again, and what must be refused. */
#include "prooffile.h"

#include "buf.h"
#include "note.h"
#include "tap.h"
#include "vectors.h"

static struct json_object *vectors;

static void the_vector(void)
{
	struct tally_bytes text = vectors_bytes(vectors, "tlog_proof");
	struct tally_checkpoint checkpoint;
	struct tally_proof_file file;
	struct tally_buf buf = { 0 };
	struct tally_note note;
	struct tally_hash leaf;

	REQUIRE(tally_proof_parse(text, &file));
	CHECK_INT(file.index, 12345);
	CHECK_INT(file.path_count, 17);
	CHECK_INT(file.extra.size, 0);
	REQUIRE(tally_note_parse(file.checkpoint, &note));
	REQUIRE(tally_checkpoint_parse(note.text, &checkpoint));
	CHECK_BYTES(file.checkpoint, vectors_bytes(vectors, "cosigned_checkpoint"));
	tally_leaf_hash(TALLY_BYTES_LIT("leaf-12345"), &leaf);
	CHECK(tally_inclusion_verify(file.index, checkpoint.size, &leaf, file.path, file.path_count,
				     &checkpoint.root));
	tally_proof_format(&file, &buf);
	CHECK_BYTES(tally_buf_bytes(&buf), text);
	tally_buf_clear(&buf);
	CASE("with an extra line");
	file.extra = TALLY_BYTES_LIT("YWJjZA==");
	tally_proof_format(&file, &buf);
	REQUIRE(tally_proof_parse(tally_buf_bytes(&buf), &file));
	CHECK_BYTES(file.extra, TALLY_BYTES_LIT("YWJjZA=="));
	CHECK_INT(file.index, 12345);
	tally_buf_free(&buf);
}

#define HEAD "c2sp.org/tlog-proof@v1\n"
#define HASH "adCcDzHsXWH5SFLCQMqVHhJmwG7hUn725RUfbd+QjQY=\n"
#define NOTE "a\n1\n" HASH "\n"

static void other_files_are_refused(void)
{
	static const char *const wrong[] = {
		"", "\n", HEAD, HEAD "index 1\n", HEAD "index 1\n" HASH, HEAD "index 1\n\n",
		"c2sp.org/tlog-proof@v2\nindex 1\n\n" NOTE, "c2sp.org/tlog-proof@v1 \nindex 1\n\n" NOTE,
		"c2sp.org/tlog-proof@v1\r\nindex 1\n\n" NOTE, " " HEAD "index 1\n\n" NOTE,
		HEAD "index 01\n\n" NOTE, HEAD "index +1\n\n" NOTE, HEAD "index -1\n\n" NOTE,
		HEAD "index \n\n" NOTE, HEAD "index 1 \n\n" NOTE, HEAD "index 0x1\n\n" NOTE,
		HEAD "index 9223372036854775807\n\n" NOTE, HEAD "Index 1\n\n" NOTE, HEAD "\nindex 1\n\n" NOTE,
		HEAD "extra \nindex 1\n\n" NOTE, HEAD "extra YQ\nindex 1\n\n" NOTE,
		HEAD "extra YQ==YQ==\nindex 1\n\n" NOTE, HEAD "extra YR==\nindex 1\n\n" NOTE,
		HEAD "extra YQ==\nextra YQ==\nindex 1\n\n" NOTE, HEAD "index 1\nextra YQ==\n\n" NOTE,
		HEAD "index 1\nadCcDzHsXWH5SFLCQMqVHhJmwG7hUn725RUfbd+QjQY\n\n" NOTE,
		HEAD "index 1\nadCcDzHsXWH5SFLCQMqVHhJmwG7hUn725RUfbd+QjQZ=\n\n" NOTE,
		HEAD "index 1\nadCcDzHsXWH5SFLCQMqVHhJmwG7hUn725RUfbd+QjQYA\n\n" NOTE,
		HEAD "index 1\n " HASH "\n" NOTE, HEAD "index 1\r\n" HASH "\n" NOTE
	};
	struct tally_proof_file file;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CASE("%zu: %s", i, wrong[i]);
		CHECK(!tally_proof_parse(tally_bytes_str(wrong[i]), &file));
	}
	CASE("good ones");
	CHECK(tally_proof_parse(tally_bytes_str(HEAD "index 1\n" HASH "\n" NOTE), &file));
	CHECK(tally_proof_parse(tally_bytes_str(HEAD "index 0\n\n" NOTE), &file));
	CHECK(tally_proof_parse(tally_bytes_str(HEAD "extra YWI=\nindex 9223372036854775806\n\n" NOTE), &file));
}

static void no_path_is_too_long(void)
{
	struct tally_buf buf = { 0 };
	struct tally_proof_file file;

	for (int count = 62; count <= 65; count++) {
		CASE("%d hashes", count);
		tally_buf_clear(&buf);
		tally_buf_add_str(&buf, HEAD "index 1\n");
		for (int i = 0; i < count; i++)
			tally_buf_add_str(&buf, HASH);
		tally_buf_add_str(&buf, "\n" NOTE);
		CHECK_INT(tally_proof_parse(tally_buf_bytes(&buf), &file), count <= TALLY_TREE_MAX_PATH);
	}
	tally_buf_free(&buf);
}

int main(void)
{
	vectors = vectors_load("transparency-log-vectors.json");
	TEST(the_vector);
	TEST(other_files_are_refused);
	TEST(no_path_is_too_long);
	json_object_put(vectors);
	return tap_done();
}
