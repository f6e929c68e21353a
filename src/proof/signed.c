/* Members' signatures in leaves. See signed.h. */
#include "signed.h"

#include "err.h"

/* ---- what was signed ---- */

static bool is_signed(struct tally_bytes name)
{
	return !tally_bytes_is(name, "evidenceHash") && !tally_bytes_is(name, "journalId") &&
	       !tally_bytes_is(name, "signatures") && !tally_bytes_is(name, "timestamp");
}

static uint8_t *put(uint8_t *at, const void *data, size_t size)
{
	memcpy(at, data, size);
	return at + size;
}

struct tally_bytes tally_leaf_statement(struct tally_bytes leaf, uint8_t *room)
{
	struct tally_bytes name, item;
	uint8_t *out = room;
	size_t at = 0;

	while (tally_canon_next(leaf, &at, &name, &item) == 1) {
		if (!is_signed(name))
			continue;
		out = put(out, out == room ? "{\"" : ",\"", 2);
		out = put(out, name.data, name.size);
		out = put(out, "\":", 2);
		out = put(out, item.data, item.size);
	}
	*out++ = '}';
	return tally_bytes(room, (size_t)(out - room));
}

/* ---- the signatures ---- */

static bool text_of(struct tally_bytes object, const char *name, struct tally_bytes *text_r)
{
	struct tally_bytes value;

	return tally_canon_member(object, name, &value) == 1 && tally_canon_plain(value, text_r);
}

static int read_one(struct tally_bytes object, struct tally_leaf_signature *signature,
		    struct tally_err *err)
{
	struct tally_bytes key, sig, type;

	if (!text_of(object, "memberId", &signature->member_id) || !text_of(object, "key", &key) ||
	    !text_of(object, "sig", &sig) || !text_of(object, "type", &type) ||
	    sig.size != 2 * TALLY_MEMBER_SIGNATURE ||
	    !tally_hex_decode(sig, signature->bytes, TALLY_MEMBER_SIGNATURE))
		return tally_err_set(err, TALLY_INVALID, "its signatures are malformed");
	return tally_member_key_parse(&signature->key, tally_key_type_find(type), key, err);
}

static int read_all(struct tally_bytes list,
		    struct tally_leaf_signature signatures_r[TALLY_LEAF_SIGNATURES],
		    struct tally_err *err)
{
	struct tally_bytes item;
	int count = 0, more;
	size_t at = 0;

	if (list.data[0] != '[')
		return tally_err_set(err, TALLY_INVALID, "its signatures are malformed");
	while ((more = tally_canon_next(list, &at, NULL, &item)) == 1) {
		if (count == TALLY_LEAF_SIGNATURES)
			return tally_err_set(err, TALLY_INVALID, "it has more than %d signatures",
					     TALLY_LEAF_SIGNATURES);
		if (read_one(item, &signatures_r[count], err) != 0)
			return -1;
		count++;
	}
	if (count == 0 || more != 0)
		return tally_err_set(err, TALLY_INVALID, "its signatures are malformed");
	return count;
}

int tally_leaf_signatures(struct tally_bytes leaf, uint8_t *room,
			  struct tally_leaf_signature signatures_r[TALLY_LEAF_SIGNATURES],
			  struct tally_err *err)
{
	struct tally_bytes list, statement;
	struct tally_leaf parsed;
	int count;

	if (!tally_leaf_parse(leaf, &parsed))
		return tally_err_set(err, TALLY_INVALID, "it is no leaf");
	if (tally_canon_member(leaf, "signatures", &list) != 1)
		return 0;
	count = read_all(list, signatures_r, err);
	if (count < 0)
		return -1;
	if (!tally_bytes_equal(signatures_r[0].member_id, parsed.member_id))
		return tally_err_set(err, TALLY_CORRUPT, "it is not its author who signed");
	statement = tally_leaf_statement(leaf, room);
	for (int i = 0; i < count; i++) {
		struct tally_bytes id = signatures_r[i].member_id;

		if (!tally_member_verify(&signatures_r[i].key, statement, signatures_r[i].bytes))
			return tally_err_set(err, TALLY_CORRUPT,
					     "the signature of member %.*s does not verify",
					     (int)(id.size < 64 ? id.size : 64),
					     (const char *)id.data);
	}
	return count;
}
