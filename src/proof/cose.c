/*
 * COSE receipts. The writer knows only the forms of cose.h; the reader takes those forms and passes
 * over items that it does not know by their heads alone. See cose.h.
 */
#include "cose.h"

#include "es256.h"
#include "utf8.h"

enum major {
	CBOR_UINT, CBOR_NEGATIVE, CBOR_BYTES, CBOR_TEXT, CBOR_ARRAY, CBOR_MAP, CBOR_TAG, CBOR_SIMPLE
};

#define CBOR_NIL 0xf6
#define TAG_SIGN1 18
#define LABEL_ALG 1
#define LABEL_CRIT 2
#define LABEL_KID 4
#define LABEL_CLAIMS 15
#define LABEL_VDS 395
#define LABEL_VDP 396
#define CLAIM_ISSUER 1
#define CLAIM_SUBJECT 2
#define VDS_RFC9162 1
#define SKIP_DEPTH 4

/* ---- writing ---- */

struct writer {
	uint8_t *at;
	uint8_t *end;
	bool failed;			/* it did not fit */
};

static void put(struct writer *writer, const void *data, size_t size)
{
	if (writer->failed || (size_t)(writer->end - writer->at) < size) {
		writer->failed = true;
		return;
	}
	if (size > 0)
		memcpy(writer->at, data, size);
	writer->at += size;
}

/* The shortest head for the value. */
static void put_head(struct writer *writer, enum major major, uint64_t value)
{
	uint8_t head[9] = { (uint8_t)(major << 5) };
	size_t extra = value < 24 ? 0 : value <= UINT8_MAX ? 1 : value <= UINT16_MAX ? 2 :
		       value <= UINT32_MAX ? 4 : 8;

	head[0] |= (uint8_t)(extra == 0 ? value : 24 + (unsigned int)__builtin_ctz((unsigned int)extra));
	for (size_t i = 0; i < extra; i++)
		head[1 + i] = (uint8_t)(value >> 8 * (extra - 1 - i));
	put(writer, head, 1 + extra);
}

static void put_int(struct writer *writer, int64_t value)
{
	put_head(writer, value < 0 ? CBOR_NEGATIVE : CBOR_UINT,
		 value < 0 ? (uint64_t)-(value + 1) : (uint64_t)value);
}

static void put_string(struct writer *writer, enum major major, struct tally_bytes bytes)
{
	put_head(writer, major, bytes.size);
	put(writer, bytes.data, bytes.size);
}

static void put_protected(struct writer *writer, const struct tally_cose_receipt *receipt)
{
	uint64_t claims = (receipt->issuer.size > 0) + (receipt->subject.size > 0);

	put_head(writer, CBOR_MAP, 2 + (uint64_t)(receipt->kid.size > 0) + (claims > 0));
	put_int(writer, LABEL_ALG);
	put_int(writer, receipt->alg);
	if (receipt->kid.size > 0) {
		put_int(writer, LABEL_KID);
		put_string(writer, CBOR_BYTES, receipt->kid);
	}
	if (claims > 0) {
		put_int(writer, LABEL_CLAIMS);
		put_head(writer, CBOR_MAP, claims);
	}
	if (receipt->issuer.size > 0) {
		put_int(writer, CLAIM_ISSUER);
		put_string(writer, CBOR_TEXT, receipt->issuer);
	}
	if (receipt->subject.size > 0) {
		put_int(writer, CLAIM_SUBJECT);
		put_string(writer, CBOR_TEXT, receipt->subject);
	}
	put_int(writer, LABEL_VDS);
	put_int(writer, VDS_RFC9162);
}

static void put_proof(struct writer *writer, const struct tally_cose_receipt *receipt)
{
	bool inclusion = receipt->kind == COSE_INCLUSION;

	put_head(writer, CBOR_ARRAY, 3);
	put_head(writer, CBOR_UINT, inclusion ? receipt->size : receipt->from);
	put_head(writer, CBOR_UINT, inclusion ? receipt->from : receipt->size);
	put_head(writer, CBOR_ARRAY, receipt->path_count);
	for (size_t i = 0; i < receipt->path_count; i++)
		put_string(writer, CBOR_BYTES, tally_bytes(receipt->path[i].bytes, TALLY_HASH_SIZE));
}

static struct writer writer_of(uint8_t *room, size_t size)
{
	return (struct writer){ room, room + size, false };
}

static struct tally_bytes written(const uint8_t *room, const struct writer *writer)
{
	return tally_bytes(room, (size_t)(writer->at - room));
}

/* ---- what is signed ---- */

#define SIGNED_MAX (TALLY_COSE_PROTECTED_MAX + 64)

static struct tally_bytes signed_bytes(struct tally_bytes protected, const struct tally_hash *root,
				       uint8_t room[SIGNED_MAX])
{
	struct writer writer = writer_of(room, SIGNED_MAX);

	put_head(&writer, CBOR_ARRAY, 4);
	put_string(&writer, CBOR_TEXT, TALLY_BYTES_LIT("Signature1"));
	put_string(&writer, CBOR_BYTES, protected);
	put_string(&writer, CBOR_BYTES, TALLY_BYTES_NONE);
	put_string(&writer, CBOR_BYTES, tally_bytes(root->bytes, TALLY_HASH_SIZE));
	return writer.failed ? TALLY_BYTES_NONE : written(room, &writer);
}

/* What proofs of both kinds have: sizes that can be, and at least one hash. */
static bool sizes_hold(const struct tally_cose_receipt *receipt)
{
	size_t most = receipt->kind == COSE_INCLUSION ? TALLY_TREE_MAX_PATH : TALLY_TREE_MAX_PATH + 1;

	return receipt->path_count > 0 && receipt->path_count <= most &&
	       receipt->size <= INT64_MAX && receipt->from < receipt->size &&
	       (receipt->kind == COSE_INCLUSION || receipt->from > 0);
}

/* The protected header in room; empty where it cannot be. */
static struct tally_bytes protected_of(const struct tally_cose_receipt *receipt,
				       uint8_t room[TALLY_COSE_PROTECTED_MAX])
{
	struct writer writer = writer_of(room, TALLY_COSE_PROTECTED_MAX);

	if (receipt->alg != COSE_EDDSA || !tally_utf8_valid(receipt->issuer) ||
	    !tally_utf8_valid(receipt->subject))
		return TALLY_BYTES_NONE;
	put_protected(&writer, receipt);
	return writer.failed ? TALLY_BYTES_NONE : written(room, &writer);
}

bool tally_cose_sign_root(const struct tally_cose_receipt *receipt,
			  const uint8_t seed[TALLY_ED25519_SEED],
			  uint8_t signature_r[TALLY_COSE_SIGNATURE])
{
	uint8_t head_room[TALLY_COSE_PROTECTED_MAX], room[SIGNED_MAX];
	struct tally_bytes head = protected_of(receipt, head_room);

	if (head.size == 0)
		return false;
	tally_ed25519_sign(seed, signed_bytes(head, &receipt->root, room), signature_r);
	return true;
}

size_t tally_cose_format(const struct tally_cose_receipt *receipt, uint8_t out[TALLY_COSE_MAX])
{
	uint8_t head_room[TALLY_COSE_PROTECTED_MAX], proof_room[TALLY_COSE_MAX];
	struct writer proof = writer_of(proof_room, sizeof(proof_room));
	struct writer writer = writer_of(out, TALLY_COSE_MAX);
	struct tally_bytes head = protected_of(receipt, head_room);

	if (head.size == 0 || !sizes_hold(receipt))
		return 0;
	put_proof(&proof, receipt);
	if (proof.failed)
		return 0;
	put_head(&writer, CBOR_TAG, TAG_SIGN1);
	put_head(&writer, CBOR_ARRAY, 4);
	put_string(&writer, CBOR_BYTES, head);
	put_head(&writer, CBOR_MAP, 1);
	put_int(&writer, LABEL_VDP);
	put_head(&writer, CBOR_MAP, 1);
	put_int(&writer, receipt->kind);
	put_head(&writer, CBOR_ARRAY, 1);
	put_string(&writer, CBOR_BYTES, written(proof_room, &proof));
	if (receipt->kind == COSE_INCLUSION)
		put(&writer, (uint8_t[]){ CBOR_NIL }, 1);
	else
		put_string(&writer, CBOR_BYTES, tally_bytes(receipt->root.bytes, TALLY_HASH_SIZE));
	put_string(&writer, CBOR_BYTES, tally_bytes(receipt->signature, TALLY_COSE_SIGNATURE));
	return writer.failed ? 0 : (size_t)(writer.at - out);
}

size_t tally_cose_sign(const struct tally_cose_receipt *receipt,
		       const uint8_t seed[TALLY_ED25519_SEED], uint8_t out[TALLY_COSE_MAX])
{
	struct tally_cose_receipt made = *receipt;

	return tally_cose_sign_root(&made, seed, made.signature) ? tally_cose_format(&made, out) : 0;
}

/* ---- reading; each takes one thing off the front, or gives false ---- */

struct reader {
	const uint8_t *at;
	const uint8_t *end;
};

static struct reader reader_of(struct tally_bytes bytes)
{
	return (struct reader){ bytes.data, tally_bytes_end(bytes) };
}

static bool take_byte(struct reader *reader, uint8_t byte)
{
	if (reader->at == reader->end || *reader->at != byte)
		return false;
	reader->at++;
	return true;
}

/* A head in its shortest form (a float has its own size); of indefinite length there is none. */
static bool take_any(struct reader *reader, enum major *major_r, uint64_t *value_r)
{
	static const uint64_t least[] = { 24, (uint64_t)UINT8_MAX + 1, (uint64_t)UINT16_MAX + 1,
					  (uint64_t)UINT32_MAX + 1 };
	unsigned int info;
	size_t extra;

	if (reader->at == reader->end)
		return false;
	*major_r = (enum major)(*reader->at >> 5);
	info = *reader->at++ & 31;
	*value_r = info;
	if (info < 24)
		return true;
	extra = (size_t)1 << (info - 24);
	if (info > 27 || (size_t)(reader->end - reader->at) < extra)
		return false;
	for (*value_r = 0; extra > 0; extra--)
		*value_r = *value_r << 8 | *reader->at++;
	return *value_r >= least[info - 24] || (*major_r == CBOR_SIMPLE && info > 24);
}

static bool take_head(struct reader *reader, enum major major, uint64_t *value_r)
{
	enum major found;

	return take_any(reader, &found, value_r) && found == major;
}

static bool take_exactly(struct reader *reader, enum major major, uint64_t value)
{
	uint64_t found;

	return take_head(reader, major, &found) && found == value;
}

static bool take_int(struct reader *reader, int64_t *value_r)
{
	enum major major;
	uint64_t value;

	if (!take_any(reader, &major, &value) || major > CBOR_NEGATIVE || value > INT32_MAX)
		return false;
	*value_r = major == CBOR_UINT ? (int64_t)value : -1 - (int64_t)value;
	return true;
}

static bool take_string(struct reader *reader, enum major major, struct tally_bytes *bytes_r)
{
	uint64_t size;

	if (!take_head(reader, major, &size) || size > (uint64_t)(reader->end - reader->at))
		return false;
	*bytes_r = tally_bytes(reader->at, (size_t)size);
	reader->at += size;
	return major != CBOR_TEXT || tally_utf8_valid(*bytes_r);
}

static bool take_hash(struct reader *reader, struct tally_hash *hash_r)
{
	struct tally_bytes bytes;

	if (!take_string(reader, CBOR_BYTES, &bytes) || bytes.size != TALLY_HASH_SIZE)
		return false;
	memcpy(hash_r->bytes, bytes.data, TALLY_HASH_SIZE);
	return true;
}

/* Any item: strings by their sizes, arrays, maps and tags by what is in them. */
static bool skip_item(struct reader *reader, unsigned int depth)
{
	enum major major;
	uint64_t value;

	if (depth == 0 || !take_any(reader, &major, &value))
		return false;
	if (major == CBOR_BYTES || major == CBOR_TEXT) {
		if (value > (uint64_t)(reader->end - reader->at))
			return false;
		reader->at += value;
	}
	if (major < CBOR_ARRAY || major > CBOR_TAG)
		return true;
	if (major == CBOR_MAP && value > SIZE_MAX / 2)
		return false;
	for (value = major == CBOR_TAG ? 1 : major == CBOR_MAP ? 2 * value : value; value > 0; value--)
		if (!skip_item(reader, depth - 1))
			return false;
	return true;
}

/* The next key of a map, which must be above the last one by its bytes. */
struct keys {
	struct tally_bytes last;
};

static bool take_key(struct reader *reader, struct keys *keys, int64_t *label_r)
{
	const uint8_t *begin = reader->at;
	struct reader again = *reader;
	struct tally_bytes key;

	/* labels that are texts, or numbers beyond 32 bits, are none we know */
	if (!take_int(reader, label_r)) {
		*reader = again;
		*label_r = 0;
		if (!skip_item(reader, 1))
			return false;
	}
	key = tally_bytes(begin, (size_t)(reader->at - begin));
	if (keys->last.size > 0 && tally_bytes_compare(keys->last, key) >= 0)
		return false;
	keys->last = key;
	return true;
}

static bool take_claims(struct reader *reader, struct tally_cose_receipt *receipt)
{
	struct keys keys = { TALLY_BYTES_NONE };
	uint64_t count;
	int64_t label;
	bool good;

	if (!take_head(reader, CBOR_MAP, &count))
		return false;
	for (; count > 0; count--) {
		if (!take_key(reader, &keys, &label))
			return false;
		if (label == CLAIM_ISSUER)
			good = take_string(reader, CBOR_TEXT, &receipt->issuer);
		else if (label == CLAIM_SUBJECT)
			good = take_string(reader, CBOR_TEXT, &receipt->subject);
		else
			good = skip_item(reader, SKIP_DEPTH);
		if (!good)
			return false;
	}
	return true;
}

static bool parse_protected(struct tally_cose_receipt *receipt)
{
	struct reader reader = reader_of(receipt->protected);
	struct keys keys = { TALLY_BYTES_NONE };
	int64_t label, alg = 0;
	bool vds = false, good;
	uint64_t count;

	if (receipt->protected.size > TALLY_COSE_PROTECTED_MAX ||
	    !take_head(&reader, CBOR_MAP, &count))
		return false;
	for (; count > 0; count--) {
		if (!take_key(&reader, &keys, &label) || label == LABEL_CRIT || label == LABEL_VDP)
			return false;
		if (label == LABEL_ALG)
			good = take_int(&reader, &alg);
		else if (label == LABEL_KID)
			good = take_string(&reader, CBOR_BYTES, &receipt->kid);
		else if (label == LABEL_CLAIMS)
			good = take_claims(&reader, receipt);
		else if (label == LABEL_VDS)
			good = vds = take_exactly(&reader, CBOR_UINT, VDS_RFC9162);
		else
			good = skip_item(&reader, SKIP_DEPTH);
		if (!good)
			return false;
	}
	receipt->alg = (enum tally_cose_alg)alg;
	return vds && (alg == COSE_EDDSA || alg == COSE_ES256) && reader.at == reader.end;
}

static bool parse_proof(struct tally_bytes bytes, struct tally_cose_receipt *receipt)
{
	struct reader reader = reader_of(bytes);
	uint64_t first, second, count;

	if (!take_exactly(&reader, CBOR_ARRAY, 3) || !take_head(&reader, CBOR_UINT, &first) ||
	    !take_head(&reader, CBOR_UINT, &second) || !take_head(&reader, CBOR_ARRAY, &count) ||
	    count > TALLY_TREE_MAX_PATH + 1)
		return false;
	receipt->size = receipt->kind == COSE_INCLUSION ? first : second;
	receipt->from = receipt->kind == COSE_INCLUSION ? second : first;
	receipt->path_count = (size_t)count;
	for (size_t i = 0; i < receipt->path_count; i++)
		if (!take_hash(&reader, &receipt->path[i]))
			return false;
	return reader.at == reader.end && sizes_hold(receipt);
}

bool tally_cose_parse(struct tally_bytes bytes, struct tally_cose_receipt *receipt_r)
{
	struct reader reader = reader_of(bytes);
	struct tally_bytes proof, signature;
	int64_t kind;

	memset(receipt_r, 0, sizeof(*receipt_r));
	if (bytes.size > TALLY_COSE_MAX || !take_exactly(&reader, CBOR_TAG, TAG_SIGN1) ||
	    !take_exactly(&reader, CBOR_ARRAY, 4) ||
	    !take_string(&reader, CBOR_BYTES, &receipt_r->protected) || !parse_protected(receipt_r) ||
	    !take_exactly(&reader, CBOR_MAP, 1) || !take_exactly(&reader, CBOR_UINT, LABEL_VDP) ||
	    !take_exactly(&reader, CBOR_MAP, 1) || !take_int(&reader, &kind) ||
	    (kind != COSE_INCLUSION && kind != COSE_CONSISTENCY) ||
	    !take_exactly(&reader, CBOR_ARRAY, 1) || !take_string(&reader, CBOR_BYTES, &proof))
		return false;
	receipt_r->kind = (enum tally_cose_kind)kind;
	if (!parse_proof(proof, receipt_r) ||
	    !(kind == COSE_INCLUSION ? take_byte(&reader, CBOR_NIL) :
				       take_hash(&reader, &receipt_r->root)) ||
	    !take_string(&reader, CBOR_BYTES, &signature) || signature.size != TALLY_COSE_SIGNATURE ||
	    reader.at != reader.end)
		return false;
	memcpy(receipt_r->signature, signature.data, TALLY_COSE_SIGNATURE);
	return true;
}

/* ---- verifying ---- */

void tally_cose_key_ed25519(struct tally_cose_key *key_r,
			    const uint8_t public[TALLY_ED25519_PUBLIC])
{
	memset(key_r, 0, sizeof(*key_r));
	key_r->alg = COSE_EDDSA;
	memcpy(key_r->public, public, TALLY_ED25519_PUBLIC);
}

void tally_cose_kid(const struct tally_vkey *vkey, uint8_t kid_r[TALLY_COSE_KID])
{
	tally_put_u32(kid_r, vkey->id);
}

static bool signature_holds(const struct tally_cose_receipt *receipt, const struct tally_hash *root,
			    const struct tally_cose_key *key)
{
	uint8_t room[SIGNED_MAX];
	struct tally_bytes message = signed_bytes(receipt->protected, root, room);

	if (message.size == 0 || key->alg != receipt->alg)
		return false;
	if (key->alg == COSE_EDDSA)
		return tally_ed25519_verify(key->public, message, receipt->signature);
	return key->alg == COSE_ES256 && tally_es256_verify(key->public, message, receipt->signature);
}

bool tally_cose_inclusion_verify(const struct tally_cose_receipt *receipt,
				 const struct tally_hash *leaf, const struct tally_cose_key *key,
				 struct tally_hash *root_r)
{
	struct tally_hash root;

	if (receipt->kind != COSE_INCLUSION ||
	    !tally_inclusion_root(receipt->from, receipt->size, leaf, receipt->path,
				  receipt->path_count, &root) ||
	    !signature_holds(receipt, &root, key))
		return false;
	if (root_r != NULL)
		*root_r = root;
	return true;
}

bool tally_cose_consistency_verify(const struct tally_cose_receipt *receipt,
				   const struct tally_hash *old_root,
				   const struct tally_cose_key *key)
{
	return receipt->kind == COSE_CONSISTENCY && signature_holds(receipt, &receipt->root, key) &&
	       tally_consistency_verify(receipt->from, receipt->size, receipt->path,
					receipt->path_count, old_root, &receipt->root);
}
