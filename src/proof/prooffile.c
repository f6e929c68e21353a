/* Proof files. See prooffile.h. */
#include "prooffile.h"

#include "b64.h"

#define HEAD "c2sp.org/tlog-proof@v1"
#define EXTRA "extra "
#define INDEX "index "
#define HASH_TEXT 44		/* base64 of a hash */

/* The next line without its end; false where the text ends before one. */
static bool take_line(struct tally_bytes *rest, struct tally_bytes *line_r)
{
	const uint8_t *end = rest->size > 0 ? memchr(rest->data, '\n', rest->size) : NULL;

	if (end == NULL)
		return false;
	*line_r = tally_bytes(rest->data, (size_t)(end - rest->data));
	*rest = tally_bytes(end + 1, rest->size - line_r->size - 1);
	return true;
}

static bool skip(struct tally_bytes *line, const char *prefix)
{
	size_t size = strlen(prefix);

	if (line->size < size || memcmp(line->data, prefix, size) != 0)
		return false;
	*line = tally_bytes(line->data + size, line->size - size);
	return true;
}

bool tally_proof_parse(struct tally_bytes text, struct tally_proof_file *file_r)
{
	struct tally_bytes rest = text, line;

	memset(file_r, 0, sizeof(*file_r));
	if (text.size > TALLY_PROOF_MAX || !take_line(&rest, &line) || !tally_bytes_is(line, HEAD) ||
	    !take_line(&rest, &line))
		return false;
	if (skip(&line, EXTRA)) {
		file_r->extra = line;
		if (!tally_b64_valid(line) || !take_line(&rest, &line))
			return false;
	}
	if (!skip(&line, INDEX) || !tally_parse_u64(line, INT64_MAX - 1, &file_r->index))
		return false;
	while (take_line(&rest, &line)) {
		if (line.size == 0) {
			file_r->checkpoint = rest;
			return rest.size > 0;
		}
		if (file_r->path_count == TALLY_TREE_MAX_PATH || line.size != HASH_TEXT ||
		    tally_b64_get(line, file_r->path[file_r->path_count].bytes, TALLY_HASH_SIZE) !=
			    TALLY_HASH_SIZE)
			return false;
		file_r->path_count++;
	}
	return false;
}
