/* COSE receipts: the vectors byte for byte, both kinds of signature, and what must be refused. */
#include "cose.h"

#include "es256.h"
#include "tap.h"
#include "vectors.h"

static struct json_object *vectors;
static uint8_t log_seed[32];
static struct tally_vkey log_key;
static struct tally_cose_key key;

static void load(void)
{
	struct json_object *keys;
	uint8_t public[32];

	vectors = vectors_load("transparency-log-vectors.json");
	keys = vectors_member(vectors, "keys");
	vectors_hex(vectors_text(keys, "log_seed_hex"), log_seed, 32);
	tally_ed25519_public(log_seed, public);
	tally_vkey_make(&log_key, TALLY_BYTES_LIT("ledger.example/demo"), NOTE_ED25519, public);
	tally_cose_key_ed25519(&key, public);
}

static size_t from_hex(const char *text, uint8_t *room)
{
	vectors_hex(text, room, strlen(text) / 2);
	return strlen(text) / 2;
}

static size_t receipt_of(const char *name, uint8_t room[TALLY_COSE_MAX])
{
	return from_hex(vectors_text(vectors_member(vectors, name), "receipt_hex"), room);
}

static struct tally_hash ct8_root(const char *size)
{
	struct json_object *roots = vectors_member(vectors_member(vectors, "ct8"), "roots");
	struct tally_hash root;

	vectors_hex(vectors_text(roots, size), root.bytes, 32);
	return root;
}

static struct tally_hash ct8_leaf(size_t index)
{
	struct json_object *list = vectors_member(vectors_member(vectors, "ct8"), "leaf_hashes");
	struct tally_hash leaf;

	vectors_hex(json_object_get_string(json_object_array_get_idx(list, index)), leaf.bytes, 32);
	return leaf;
}

static void check_header(const struct tally_cose_receipt *receipt)
{
	uint8_t kid[TALLY_COSE_KID];

	tally_cose_kid(&log_key, kid);
	CHECK_INT(receipt->alg, COSE_EDDSA);
	CHECK_BYTES(receipt->kid, tally_bytes(kid, sizeof(kid)));
	CHECK_BYTES(receipt->issuer, TALLY_BYTES_LIT("https://ledger.example"));
	CHECK_BYTES(receipt->subject, TALLY_BYTES_LIT("demo"));
}

/* The receipt that was read, written again from its parts; and in two steps, its signature first,
 * which needs neither path nor size. */
static void check_written(struct tally_cose_receipt *receipt, struct tally_bytes want)
{
	struct tally_cose_receipt head;
	uint8_t out[TALLY_COSE_MAX];
	size_t size;

	receipt->root = ct8_root("8");
	size = tally_cose_sign(receipt, log_seed, out);
	CHECK_BYTES(tally_bytes(out, size), want);
	head = (struct tally_cose_receipt){ .alg = receipt->alg, .kid = receipt->kid,
					    .issuer = receipt->issuer, .subject = receipt->subject,
					    .root = receipt->root };
	memset(receipt->signature, 0, sizeof(receipt->signature));
	CHECK(tally_cose_sign_root(&head, log_seed, receipt->signature));
	size = tally_cose_format(receipt, out);
	CHECK_BYTES(tally_bytes(out, size), want);
	head.alg = COSE_ES256;
	CHECK(!tally_cose_sign_root(&head, log_seed, receipt->signature));
}

static void inclusion_receipt(void)
{
	struct json_object *vector = vectors_member(vectors, "cose_inclusion_receipt");
	uint8_t bytes[TALLY_COSE_MAX], entry[4], signed_bytes[256];
	size_t size = receipt_of("cose_inclusion_receipt", bytes), signed_size;
	struct tally_hash leaf, root, want = ct8_root("8");
	struct tally_cose_receipt receipt;

	vectors_hex(vectors_text(vector, "entry_hex"), entry, 4);
	tally_leaf_hash(tally_bytes(entry, 4), &leaf);
	REQUIRE(tally_cose_parse(tally_bytes(bytes, size), &receipt));
	CHECK_INT(receipt.kind, COSE_INCLUSION);
	CHECK_INT(receipt.size, 8);
	CHECK_INT(receipt.from, 5);
	CHECK_INT(receipt.path_count, 3);
	check_header(&receipt);
	CHECK(tally_cose_inclusion_verify(&receipt, &leaf, &key, &root));
	CHECK_MEM(&root, &want, sizeof(root));
	CHECK(!tally_cose_consistency_verify(&receipt, &root, &key));
	leaf = ct8_leaf(4);
	CHECK(!tally_cose_inclusion_verify(&receipt, &leaf, &key, NULL));
	signed_size = from_hex(vectors_text(vector, "sig_structure_hex"), signed_bytes);
	CHECK(tally_ed25519_verify(key.public, tally_bytes(signed_bytes, signed_size),
				   receipt.signature));
	check_written(&receipt, tally_bytes(bytes, size));
}

static void consistency_receipt(void)
{
	struct tally_hash old_root = ct8_root("6"), root = ct8_root("8");
	uint8_t bytes[TALLY_COSE_MAX];
	size_t size = receipt_of("cose_consistency_receipt", bytes);
	struct tally_cose_receipt receipt;

	REQUIRE(tally_cose_parse(tally_bytes(bytes, size), &receipt));
	CHECK_INT(receipt.kind, COSE_CONSISTENCY);
	CHECK_INT(receipt.from, 6);
	CHECK_INT(receipt.size, 8);
	CHECK_MEM(&receipt.root, &root, sizeof(root));
	check_header(&receipt);
	CHECK(tally_cose_consistency_verify(&receipt, &old_root, &key));
	CHECK(!tally_cose_consistency_verify(&receipt, &root, &key));
	CHECK(!tally_cose_inclusion_verify(&receipt, &old_root, &key, NULL));
	check_written(&receipt, tally_bytes(bytes, size));
}

static bool good(struct tally_bytes bytes, const struct tally_hash *old_root,
		 const struct tally_hash *leaf)
{
	struct tally_cose_receipt receipt;

	return tally_cose_parse(bytes, &receipt) &&
	       (tally_cose_inclusion_verify(&receipt, leaf, &key, NULL) ||
		tally_cose_consistency_verify(&receipt, old_root, &key));
}

static void every_changed_byte_shows(void)
{
	static const char *const names[] = { "cose_inclusion_receipt", "cose_consistency_receipt" };
	struct tally_hash old_root = ct8_root("6"), leaf = ct8_leaf(5);
	uint8_t bytes[TALLY_COSE_MAX];

	for (int n = 0; n < 2; n++) {
		size_t size = receipt_of(names[n], bytes);

		for (size_t i = 0; i < size; i++)
			for (unsigned int bit = 0; bit < 8; bit++) {
				CASE("%s: byte %zu bit %u", names[n], i, bit);
				bytes[i] ^= (uint8_t)(1 << bit);
				CHECK(!good(tally_bytes(bytes, size), &old_root, &leaf));
				bytes[i] ^= (uint8_t)(1 << bit);
			}
		for (size_t i = 0; i < size; i++) {
			CASE("%s: cut at %zu", names[n], i);
			CHECK(!good(tally_bytes(bytes, i), &old_root, &leaf));
		}
		CASE("%s: a byte more", names[n]);
		bytes[size] = 0xf6;
		CHECK(!good(tally_bytes(bytes, size + 1), &old_root, &leaf));
		CASE("%s: as it was", names[n]);
		CHECK(good(tally_bytes(bytes, size), &old_root, &leaf));
	}
}

/* ---- receipts put together from parts ---- */

#define X8(c) c c c c c c c c
#define H(c) "5820" X8(c c c c)
#define PROTECTED "a2012719018b01"
#define PROOF "5848" "83080582" H("11") H("22")		/* [8, 5, [2 hashes]] */
#define UNPROTECTED "a119018ca12081" PROOF
#define SIGNATURE "5840" X8(X8("00"))

struct parts {
	const char *what;
	const char *head;		/* NULL: d284 */
	const char *protected;		/* NULL: the good one */
	const char *unprotected;
	const char *payload;
	const char *signature;
};

static bool parses(const struct parts *parts)
{
	const char *protected = parts->protected != NULL ? parts->protected : PROTECTED;
	struct tally_cose_receipt receipt;
	uint8_t bytes[TALLY_COSE_MAX];
	char text[4096];

	snprintf(text, sizeof(text), "%s58%02zx%s%s%s%s", parts->head != NULL ? parts->head : "d284",
		 strlen(protected) / 2, protected,
		 parts->unprotected != NULL ? parts->unprotected : UNPROTECTED,
		 parts->payload != NULL ? parts->payload : "f6",
		 parts->signature != NULL ? parts->signature : SIGNATURE);
	/* the shortest head, unless the case is about that */
	if (strlen(protected) / 2 < 24) {
		char *at = text + (parts->head != NULL ? strlen(parts->head) : 4);

		memmove(at, at + 2, strlen(at + 2) + 1);
		at[0] = at[0] == '0' ? '4' : '5';
	}
	return tally_cose_parse(tally_bytes(bytes, from_hex(text, bytes)), &receipt);
}

static void good_parts(void)
{
	static const struct parts cases[] = {
		{ "as it is", NULL, NULL, NULL, NULL, NULL },
		{ "ES256", NULL, "a2012619018b01", NULL, NULL, NULL },
		{ "a kid of 20 bytes", NULL, "a301270454" "0000000000000000000000000000000000000000"
		  "19018b01", NULL, NULL, NULL },
		{ "an empty map of claims", NULL, "a301270fa019018b01", NULL, NULL, NULL },
		{ "only a subject", NULL, "a301270fa1026161" "19018b01", NULL, NULL, NULL },
		{ "a further claim, a time", NULL, "a301270fa1061a6553f100" "19018b01", NULL, NULL, NULL },
		{ "a further claim, a float", NULL, "a301270fa106f90000" "19018b01", NULL, NULL, NULL },
		{ "a further parameter", NULL, "a301270382616162626219018b01", NULL, NULL, NULL },
		{ "a further parameter, named by text", NULL, "a3012719018b016178f5", NULL, NULL, NULL },
		{ "a number of two bytes", NULL, NULL, "a119018ca12081" "5849" "8318ff0582" H("11") H("22"),
		  NULL, NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CASE("%s", cases[i].what);
		CHECK(parses(&cases[i]));
	}
}

static void bad_parts(void)
{
	static const struct parts cases[] = {
		{ "no tag", "84", NULL, NULL, NULL, NULL },
		{ "another tag", "d184", NULL, NULL, NULL, NULL },
		{ "the tag in two bytes", "d81284", NULL, NULL, NULL, NULL },
		{ "an array of five", "d285", NULL, NULL, NULL, NULL },
		{ "an array of indefinite length", "d29f", NULL, NULL, NULL, SIGNATURE "ff" },
		{ "a byte more", NULL, NULL, NULL, NULL, SIGNATURE "00" },
		/* protected */
		{ "nothing in the protected header", NULL, "", NULL, NULL, NULL },
		{ "no alg", NULL, "a119018b01", NULL, NULL, NULL },
		{ "an alg that we do not know", NULL, "a201382219018b01", NULL, NULL, NULL },
		{ "no vds", NULL, "a10127", NULL, NULL, NULL },
		{ "vds only in the unprotected header", NULL, "a10127", "a219018b0119018ca12081" PROOF,
		  NULL, NULL },
		{ "vds in both", NULL, NULL, "a219018b0119018ca12081" PROOF, NULL, NULL },
		{ "vds 2", NULL, "a2012719018b02", NULL, NULL, NULL },
		{ "vds 1 in two bytes", NULL, "a2012719018b1801", NULL, NULL, NULL },
		{ "vds twice", NULL, "a3012719018b0119018b01", NULL, NULL, NULL },
		{ "alg twice", NULL, "a30127012719018b01", NULL, NULL, NULL },
		{ "keys in another order", NULL, "a219018b010127", NULL, NULL, NULL },
		{ "a label in a longer form", NULL, "a2180127" "19018b01", NULL, NULL, NULL },
		{ "vdp in the protected header", NULL, "a3012719018b0119018ca0", NULL, NULL, NULL },
		{ "crit", NULL, "a30127028119018b19018b01", NULL, NULL, NULL },
		{ "a map of indefinite length", NULL, "bf012719018b01ff", NULL, NULL, NULL },
		{ "a byte after the protected header", NULL, "a2012719018b0100", NULL, NULL, NULL },
		{ "a member less than it says", NULL, "a3012719018b01", NULL, NULL, NULL },
		{ "a kid that is text", NULL, "a3012704616119018b01", NULL, NULL, NULL },
		{ "an issuer that is bytes", NULL, "a301270fa101416119018b01", NULL, NULL, NULL },
		{ "an issuer that is no UTF-8", NULL, "a301270fa10161ff19018b01", NULL, NULL, NULL },
		{ "claims in another order", NULL, "a301270fa2026161016161" "19018b01", NULL, NULL, NULL },
		{ "a parameter nested too deep", NULL, "a301270381818181818181" "0019018b01", NULL, NULL, NULL },
		{ "a text of indefinite length", NULL, "a3012703" "7f6161ff" "19018b01", NULL, NULL, NULL },
		{ "a parameter that ends too late", NULL, "a3012703" "5a7fffffff" "19018b01", NULL, NULL, NULL },
		{ "an array that ends too late", NULL, "a3012703" "9b7fffffffffffffff" "19018b01", NULL, NULL, NULL },
		/* unprotected */
		{ "no proof", NULL, NULL, "a0", NULL, NULL },
		{ "something beside the proof", NULL, NULL, "a20441aa19018ca12081" PROOF, NULL, NULL },
		{ "both kinds of proof", NULL, NULL, "a119018ca22081" PROOF "2181" PROOF, NULL, NULL },
		{ "a kind that is none", NULL, NULL, "a119018ca12281" PROOF, NULL, NULL },
		{ "two proofs", NULL, NULL, "a119018ca12082" PROOF PROOF, NULL, NULL },
		{ "no proof in the list", NULL, NULL, "a119018ca12080", NULL, NULL },
		{ "a list of indefinite length", NULL, NULL, "a119018ca1209f" PROOF "ff", NULL, NULL },
		{ "a proof that is not wrapped", NULL, NULL, "a119018ca12081" "83080582" H("11") H("22"),
		  NULL, NULL },
		{ "no hash", NULL, NULL, "a119018ca12081" "4483080580", NULL, NULL },
		{ "a hash of 31 bytes", NULL, NULL, "a119018ca12081" "582583080581581f"
		  "00000000000000000000000000000000000000000000000000000000000000", NULL, NULL },
		{ "a byte after the proof", NULL, NULL, "a119018ca12081" "584983080582" H("11") H("22") "00",
		  NULL, NULL },
		{ "an index that is not in the tree", NULL, NULL,
		  "a119018ca12081" "584883050582" H("11") H("22"), NULL, NULL },
		{ "a negative index", NULL, NULL, "a119018ca12081" "584883082082" H("11") H("22"), NULL, NULL },
		{ "a size in a longer form", NULL, NULL, "a119018ca12081" "58498318080582" H("11") H("22"),
		  NULL, NULL },
		{ "a size of 2^63", NULL, NULL, "a119018ca12081" "5850831b80000000000000000582" H("11") H("22"),
		  NULL, NULL },
		{ "an older tree of no leaf", NULL, NULL, "a119018ca12181" "584883000882" H("11") H("22"),
		  H("33"), NULL },
		{ "one and the same size", NULL, NULL, "a119018ca12181" "584883080882" H("11") H("22"),
		  H("33"), NULL },
		/* payload and signature */
		{ "inclusion with the root attached", NULL, NULL, NULL, H("33"), NULL },
		{ "inclusion with undefined for nil", NULL, NULL, NULL, "f7", NULL },
		{ "consistency without the root", NULL, NULL, "a119018ca12181" "584883050882" H("11") H("22"),
		  "f6", NULL },
		{ "consistency with a root of 31 bytes", NULL, NULL,
		  "a119018ca12181" "584883050882" H("11") H("22"),
		  "581f" "00000000000000000000000000000000000000000000000000000000000000", NULL },
		{ "a signature of 8 bytes", NULL, NULL, NULL, NULL, "480000000000000000" },
		{ "no signature", NULL, NULL, NULL, NULL, "40" },
		{ "a signature of indefinite length", NULL, NULL, NULL, NULL, "5f" SIGNATURE "ff" },
	};
	static const struct parts consistency = { "consistency", NULL, NULL,
		"a119018ca12181" "584883050882" H("11") H("22"), H("33"), NULL };

	CHECK(parses(&consistency));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CASE("%s", cases[i].what);
		CHECK(!parses(&cases[i]));
	}
}

/* ---- writing ---- */

static void what_is_not_written(void)
{
	struct tally_cose_receipt good_one = { .kind = COSE_INCLUSION, .alg = COSE_EDDSA, .size = 2,
					       .from = 1, .path_count = 1 }, bad, parsed;
	static uint8_t large[2000];
	uint8_t out[TALLY_COSE_MAX];
	size_t size = tally_cose_sign(&good_one, log_seed, out);

	CHECK(size > 0 && tally_cose_parse(tally_bytes(out, size), &parsed));
	CHECK_INT(parsed.kid.size + parsed.issuer.size + parsed.subject.size, 0);
	CASE("a tree of one leaf");
	bad = good_one;
	bad.size = 1, bad.from = 0, bad.path_count = 0;
	CHECK_INT(tally_cose_sign(&bad, log_seed, out), 0);
	CASE("another algorithm");
	bad = good_one;
	bad.alg = COSE_ES256;
	CHECK_INT(tally_cose_sign(&bad, log_seed, out), 0);
	CASE("no such leaf");
	bad = good_one;
	bad.from = 2;
	CHECK_INT(tally_cose_sign(&bad, log_seed, out), 0);
	CASE("no UTF-8");
	bad = good_one;
	bad.issuer = TALLY_BYTES_LIT("\xff");
	CHECK_INT(tally_cose_sign(&bad, log_seed, out), 0);
	CASE("too large a kid");
	bad = good_one;
	bad.kid = tally_bytes(large, sizeof(large));
	CHECK_INT(tally_cose_sign(&bad, log_seed, out), 0);
	CASE("the largest");
	bad = good_one;
	bad.kind = COSE_CONSISTENCY, bad.size = INT64_MAX, bad.from = INT64_MAX - 1;
	bad.path_count = 64;
	bad.kid = tally_bytes(large, TALLY_COSE_PROTECTED_MAX - 12);
	size = tally_cose_sign(&bad, log_seed, out);
	CHECK(size > 0 && tally_cose_parse(tally_bytes(out, size), &parsed));
	CHECK_INT(parsed.path_count, 64);
	CHECK(parsed.size == INT64_MAX);
	CHECK(!tally_cose_consistency_verify(&parsed, &parsed.root, &key));
}

/* ---- ES256 ---- */

/* The generator of P-256 is the public key of the private key 1; the vectors have it. */
static void p256_point(uint8_t point[TALLY_P256_POINT])
{
	struct json_object *vector = vectors_member(vectors, "ecdsa_p256_key_id");
	const char *spki = vectors_text(vector, "spki_der_hex");

	vectors_hex(spki + strlen(spki) - (size_t)2 * TALLY_P256_POINT, point, TALLY_P256_POINT);
}

/* Entry 5 of ct8, signed by that key. */
static const char es256_receipt[] =
	"d28447a2012619018b01a119018ca12081586a830805835820bc1a0643b12e4d2d7c77918f44e0f4f79a838b"
	"6cf9ec5b5c283e1f4d88599e6b5820ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d597"
	"5a0ae05820d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7f6584095e3fb16"
	"dcc032dfc1531019e13beef5b61fed664cc4907006941b9fa8a2bf828551bdc256d1db91a376c6ed80bce42d"
	"90ca8510e09ce289351533ea00b93c14";

static void es256_receipts(void)
{
	struct tally_cose_key other = { .alg = COSE_ES256 }, ed = key;
	struct tally_hash leaf = ct8_leaf(5), root, want = ct8_root("8");
	struct tally_cose_receipt receipt;
	uint8_t bytes[TALLY_COSE_MAX];

	p256_point(other.public);
	REQUIRE(tally_cose_parse(tally_bytes(bytes, from_hex(es256_receipt, bytes)), &receipt));
	CHECK_INT(receipt.alg, COSE_ES256);
	CHECK(tally_cose_inclusion_verify(&receipt, &leaf, &other, &root));
	CHECK_MEM(&root, &want, sizeof(root));
	CHECK(!tally_cose_inclusion_verify(&receipt, &leaf, &ed, NULL));
	leaf.bytes[0] ^= 1;
	CHECK(!tally_cose_inclusion_verify(&receipt, &leaf, &other, NULL));
	leaf.bytes[0] ^= 1;
	for (size_t i = 0; i < sizeof(receipt.signature); i++) {
		CASE("byte %zu of the signature", i);
		receipt.signature[i] ^= 1;
		CHECK(!tally_cose_inclusion_verify(&receipt, &leaf, &other, NULL));
		receipt.signature[i] ^= 1;
	}
	CASE("a point that is not on the curve");
	other.public[64] ^= 1;
	CHECK(!tally_cose_inclusion_verify(&receipt, &leaf, &other, NULL));
	other.public[64] ^= 1;
	CASE("a compressed point's mark");
	other.public[0] = 0x02;
	CHECK(!tally_cose_inclusion_verify(&receipt, &leaf, &other, NULL));
	CASE("a signature of zeros");
	p256_point(other.public);
	memset(receipt.signature, 0, sizeof(receipt.signature));
	CHECK(!tally_cose_inclusion_verify(&receipt, &leaf, &other, NULL));
}

/* RFC 7515 A.3. */
static void es256_of_a_json_web_signature(void)
{
	uint8_t point[TALLY_P256_POINT] = { 4 }, signature[TALLY_ES256_SIGNATURE];
	struct tally_bytes message = TALLY_BYTES_LIT("eyJhbGciOiJFUzI1NiJ9"
		".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
		"cGxlLmNvbS9pc19yb290Ijp0cnVlfQ");

	vectors_hex("7fcdce2770f6c45d4183cbee6fdb4b7b580733357be9ef13bacf6e3c7bd15445"
		    "c7f144cd1bbd9b7e872cdfedb9eeb9f4b3695d6ea90b24ad8a4623288588e5ad", point + 1, 64);
	vectors_hex("0ed1215379636c483c2f7f155807d402a3b228033af97c7e17819ac3169ea665"
		    "c50a07d38c3c70e5d8f12daf084a5480a66590c5f293509a8f3f7f8a83a354d5", signature, 64);
	CHECK(tally_es256_verify(point, message, signature));
	signature[3] ^= 1;
	CHECK(!tally_es256_verify(point, message, signature));
}

int main(void)
{
	load();
	TEST(inclusion_receipt);
	TEST(consistency_receipt);
	TEST(every_changed_byte_shows);
	TEST(good_parts);
	TEST(bad_parts);
	TEST(what_is_not_written);
	TEST(es256_receipts);
	TEST(es256_of_a_json_web_signature);
	json_object_put(vectors);
	return tap_done();
}
