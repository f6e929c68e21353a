/* Proof files: one that is written is read again; each way to be wrong is refused. */
#include <stdlib.h>

#include "buf.h"
#include "prooffile.h"
#include "tap.h"

#define HEAD "c2sp.org/tlog-proof@v1\n"
#define HASH "O/CXpxO8yfqON2VbuBrP7gRxB9kj9O/P7eWkqPZjbmk=\n"
#define NOTE "a.example/log\n1\n" HASH "\n\xe2\x80\x94 a.example/log AAAA\n"

static void read_and_refused(void)
{
	static const struct {
		const char *text;
		bool good;
		uint64_t index;
		size_t path, extra;
	} cases[] = {
		{ HEAD "index 0\n\n" NOTE, true, 0, 0, 0 },
		{ HEAD "index 5\n" HASH HASH "\n" NOTE, true, 5, 2, 0 },
		{ HEAD "extra aGVsbG8=\nindex 5\n" HASH "\n" NOTE, true, 5, 1, 8 },
		{ HEAD "extra aGVsbG8h\nindex 5\n\nx", true, 5, 0, 8 },	/* the note is not looked at */
		{ HEAD "index 9223372036854775806\n\nx", true, INT64_MAX - 1, 0, 0 },
		{ "", false, 0, 0, 0 },
		{ "c2sp.org/tlog-proof@v1", false, 0, 0, 0 },
		{ "c2sp.org/tlog-proof@v2\nindex 0\n\n" NOTE, false, 0, 0, 0 },
		{ " " HEAD "index 0\n\n" NOTE, false, 0, 0, 0 },
		{ HEAD "\n" NOTE, false, 0, 0, 0 },			/* no index */
		{ HEAD "index\n\n" NOTE, false, 0, 0, 0 },
		{ HEAD "index \n\n" NOTE, false, 0, 0, 0 },
		{ HEAD "index -1\n\n" NOTE, false, 0, 0, 0 },
		{ HEAD "index +1\n\n" NOTE, false, 0, 0, 0 },
		{ HEAD "index 05\n\n" NOTE, false, 0, 0, 0 },
		{ HEAD "index 5 \n\n" NOTE, false, 0, 0, 0 },
		{ HEAD "index 5\r\n\r\n" NOTE, false, 0, 0, 0 },
		{ HEAD "index 9223372036854775807\n\n" NOTE, false, 0, 0, 0 },
		{ HEAD "index 18446744073709551616\n\n" NOTE, false, 0, 0, 0 },
		{ HEAD "Index 5\n\n" NOTE, false, 0, 0, 0 },
		{ HEAD "extra \nindex 5\n\n" NOTE, false, 0, 0, 0 },
		{ HEAD "extra aGVsbG8\nindex 5\n\n" NOTE, false, 0, 0, 0 },
		{ HEAD "extra aGVs=G8=\nindex 5\n\n" NOTE, false, 0, 0, 0 },
		{ HEAD "extra aGVsbG9=\nindex 5\n\n" NOTE, false, 0, 0, 0 },	/* bits beyond the end */
		{ HEAD "index 5\nextra aGVsbG8=\n\n" NOTE, false, 0, 0, 0 },
		{ HEAD "extra aGVsbG8=\nextra aGVsbG8=\nindex 5\n\n" NOTE, false, 0, 0, 0 },
		{ HEAD "index 5\nO/CX\n\n" NOTE, false, 0, 0, 0 },
		{ HEAD "index 5\nO-CXpxO8yfqON2VbuBrP7gRxB9kj9O/P7eWkqPZjbmk=\n\n" NOTE, false, 0, 0, 0 },
		{ HEAD "index 5\nO/CXpxO8yfqON2VbuBrP7gRxB9kj9O/P7eWkqPZjbml=\n\n" NOTE, false, 0, 0, 0 },
		{ HEAD "index 5\nO/CXpxO8yfqON2VbuBrP7gRxB9kj9O/P7eWkqPZjbmkk\n\n" NOTE, false, 0, 0, 0 },
		{ HEAD "index 5\n" HASH, false, 0, 0, 0 },		/* no empty line */
		{ HEAD "index 5\n" HASH "\n", false, 0, 0, 0 },		/* no note */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tally_proof_file file;
		struct tally_buf again = { 0 };

		CASE("%zu: %s", i, cases[i].text);
		CHECK_INT(tally_proof_parse(tally_bytes_str(cases[i].text), &file), cases[i].good);
		if (!cases[i].good)
			continue;
		CHECK_INT(file.index, cases[i].index);
		CHECK_INT(file.path_count, cases[i].path);
		CHECK_INT(file.extra.size, cases[i].extra);
		tally_proof_format(&file, &again);
		CHECK_BYTES(tally_buf_bytes(&again), tally_bytes_str(cases[i].text));
		tally_buf_free(&again);
	}
}

/* As long as a path can be, and one longer; as large as a file can be, and one byte more. */
static void limits(void)
{
	struct tally_proof_file file;
	struct tally_buf buf = { 0 };

	for (int hashes = TALLY_TREE_MAX_PATH; hashes <= TALLY_TREE_MAX_PATH + 1; hashes++) {
		tally_buf_clear(&buf);
		tally_buf_add_str(&buf, HEAD "index 7\n");
		for (int i = 0; i < hashes; i++)
			tally_buf_add_str(&buf, HASH);
		tally_buf_add_str(&buf, "\n" NOTE);
		CHECK_INT(tally_proof_parse(tally_buf_bytes(&buf), &file),
			  hashes == TALLY_TREE_MAX_PATH);
	}
	tally_buf_clear(&buf);
	tally_buf_add_str(&buf, HEAD "index 7\n\n");
	while (buf.size < TALLY_PROOF_MAX)
		tally_buf_add_u8(&buf, 'x');
	CHECK(tally_proof_parse(tally_buf_bytes(&buf), &file));
	CHECK_INT(file.checkpoint.size, TALLY_PROOF_MAX - sizeof(HEAD "index 7\n\n") + 1);
	tally_buf_add_u8(&buf, 'x');
	CHECK(!tally_proof_parse(tally_buf_bytes(&buf), &file));
	tally_buf_free(&buf);
}

int main(void)
{
	TEST(read_and_refused);
	TEST(limits);
	return tap_done();
}
