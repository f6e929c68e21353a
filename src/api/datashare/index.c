/* Indexes of schemas, applications and credentials; see credentials.h. */
#include "credentials.h"

struct tally_bytes tally_share_index(struct tally_arena *arena, struct tally_bytes did,
				     struct tally_bytes name)
{
	return tally_bytes_str(tally_arena_printf(arena, "%.*s_%.*s", (int)did.size,
						  (const char *)did.data, (int)name.size,
						  (const char *)name.data));
}

/* Neither a method nor base58 has a '_', so the first one ends the DID. */
bool tally_share_index_parts(struct tally_bytes index, struct tally_bytes *did_r,
			     struct tally_bytes *name_r)
{
	const uint8_t *line = index.size > 0 ? memchr(index.data, '_', index.size) : NULL;

	if (line == NULL)
		return false;
	*did_r = tally_bytes(index.data, (size_t)(line - index.data));
	*name_r = tally_bytes(line + 1, (size_t)(tally_bytes_end(index) - line) - 1);
	return tally_share_did_valid(*did_r) && tally_share_long_valid(*name_r);
}

int tally_share_need_index(struct tally_share_call *call, enum tally_share_kind kind,
			   const char *param, struct tally_share_object *object_r,
			   struct tally_err *err)
{
	struct tally_bytes did, name;

	if (!tally_share_index_parts(tally_share_text(call, param), &did, &name))
		return tally_err_about(err, TALLY_NOTFOUND, param, "there is none of this index");
	return tally_share_need(call, kind, did, name, object_r, err);
}
