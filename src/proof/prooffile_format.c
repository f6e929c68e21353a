/* Writing proof files, into a buffer that grows; reading them needs none. See prooffile.h. */
#include "prooffile.h"

#include "b64.h"
#include "buf.h"

#define HASH_TEXT 44		/* base64 of a hash */

void tally_proof_format(const struct tally_proof_file *file, struct tally_buf *buf)
{
	char text[HASH_TEXT];

	tally_buf_add_str(buf, "c2sp.org/tlog-proof@v1\n");
	if (file->extra.size > 0) {
		tally_buf_add_str(buf, "extra ");
		tally_buf_add_bytes(buf, file->extra);
		tally_buf_add_str(buf, "\n");
	}
	tally_buf_add_str(buf, "index ");
	tally_buf_add_decimal(buf, file->index);
	tally_buf_add_str(buf, "\n");
	for (size_t i = 0; i < file->path_count; i++) {
		tally_b64_put(file->path[i].bytes, TALLY_HASH_SIZE, text);
		tally_buf_add(buf, text, HASH_TEXT);
		tally_buf_add_str(buf, "\n");
	}
	tally_buf_add_str(buf, "\n");
	tally_buf_add_bytes(buf, file->checkpoint);
}
