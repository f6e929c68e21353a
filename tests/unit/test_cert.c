/* Certificates of callers: whom an organisation's CA vouches for, and every reason why not. */
#include "arena.h"
#include "cert.h"
#include "member_key.h"
#include "tap.h"

#define DAY 86400000ull
#define NOW (20000 * DAY)

static struct tally_arena arena;
static struct tally_err err;

static uint8_t root_key[32], between_key[32], leaf_key[32], other_key[32];
static char *root, *between, *other_root;

static char *make(struct tally_cert_make how)
{
	char *pem = NULL;

	if (how.from_ms == 0)
		how.from_ms = NOW - DAY;
	if (how.until_ms == 0)
		how.until_ms = NOW + DAY;
	CHECK_OK(tally_cert_make(&how, &arena, &pem, &err));
	return pem != NULL ? pem : (char *)"";
}

static void certificates_are_made(void)
{
	memset(root_key, 1, 32);
	memset(between_key, 2, 32);
	memset(leaf_key, 3, 32);
	memset(other_key, 4, 32);
	root = make((struct tally_cert_make){ .name = "root", .key = root_key, .ca = true });
	other_root = make((struct tally_cert_make){ .name = "root", .key = other_key, .ca = true });
	between = make((struct tally_cert_make){ .name = "between", .key = between_key, .ca = true,
						 .issuer_name = "root", .issuer_key = root_key });
}

static char *leaf_of(const char *issuer, const uint8_t *issuer_key)
{
	return make((struct tally_cert_make){ .name = "alice", .key = leaf_key,
					      .issuer_name = issuer, .issuer_key = issuer_key });
}

static void good_ones_are_taken(void)
{
	struct tally_member_key public;
	struct tally_cert cert;
	char *direct = leaf_of("root", root_key), *under = leaf_of("between", between_key);
	char *chain = tally_arena_printf(&arena, "%s%s", under, between);

	CHECK_OK(tally_member_public(KEY_TYPE_SECP256R1, leaf_key, &public, &err));
	CHECK_OK(tally_cert_verify(tally_bytes_str(direct), tally_bytes_str(root), NOW, &cert, &err));
	CHECK_MEM(cert.point, public.bytes, 65);
	CHECK_STR(cert.name, "CN=alice");
	CHECK_INT(cert.from_ms, NOW - DAY);
	CHECK_INT(cert.until_ms, NOW + DAY);
	CHECK_OK(tally_cert_verify(tally_bytes_str(chain), tally_bytes_str(root), NOW, &cert, &err));
	CHECK_MEM(cert.point, public.bytes, 65);
	/* an organisation may be known by a CA in between */
	CHECK_OK(tally_cert_verify(tally_bytes_str(under), tally_bytes_str(between), NOW, &cert,
				   &err));
	chain = tally_arena_printf(&arena, "%.*s", (int)strlen(direct) - 1, direct);
	CHECK_OK(tally_cert_verify(tally_bytes_str(chain), tally_bytes_str(root), NOW, &cert, &err));
}

static void bad_ones_are_refused(void)
{
	char *direct = leaf_of("root", root_key), *under = leaf_of("between", between_key);
	char private[TALLY_MEMBER_PEM_TEXT];
	int made = tally_member_pem_format(KEY_TYPE_SECP256R1, leaf_key, private, &err);
	struct tally_cert cert;
	struct {
		const char *what;
		const char *pem, *anchor;
		uint64_t now;
		enum tally_code code;
		const char *rule;
	} cases[] = {
		{ "nothing", "", root, NOW, TALLY_INVALID, "form" },
		{ "words", "alice", root, NOW, TALLY_INVALID, "form" },
		{ "cut off", tally_arena_printf(&arena, "%.200s", direct), root, NOW, TALLY_INVALID,
		  "form" },
		{ "no DER", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", root,
		  NOW, TALLY_INVALID, "form" },
		{ "a private key", private, root, NOW, TALLY_INVALID, "form" },
		{ "a private key behind it", tally_arena_printf(&arena, "%s%s", direct, private), root,
		  NOW, TALLY_INVALID, "form" },
		{ "nine of them", tally_arena_printf(&arena, "%s%s%s%s%s%s%s%s%s", direct, direct,
						     direct, direct, direct, direct, direct, direct,
						     direct), root, NOW, TALLY_INVALID, "form" },
		{ "too early", direct, root, NOW - 2 * DAY, TALLY_DENIED, "validity" },
		{ "too late", direct, root, NOW + 2 * DAY, TALLY_DENIED, "validity" },
		{ "another root of the same name", direct, other_root, NOW, TALLY_DENIED, "chain" },
		{ "the certificate between is missing", under, root, NOW, TALLY_DENIED, "chain" },
		{ "self-signed", leaf_of(NULL, NULL), root, NOW, TALLY_DENIED, "chain" },
		{ "an issuer that is no CA", NULL, root, NOW, TALLY_DENIED, "usage" },
		{ "not for signing", NULL, root, NOW, TALLY_DENIED, "usage" },
	};
	size_t count = sizeof(cases) / sizeof(*cases);

	CHECK_OK(made);
	cases[count - 2].pem = tally_arena_printf(
		&arena, "%s%s",
		make((struct tally_cert_make){ .name = "bob", .key = other_key,
					       .issuer_name = "alice", .issuer_key = leaf_key }),
		direct);
	cases[count - 1].pem = make((struct tally_cert_make){
		.name = "alice", .key = leaf_key, .issuer_name = "root", .issuer_key = root_key,
		.no_signing = true });
	for (size_t i = 0; i < count; i++) {
		CASE("%s", cases[i].what);
		CHECK_FAILS(tally_cert_verify(tally_bytes_str(cases[i].pem),
					      tally_bytes_str(cases[i].anchor), cases[i].now, &cert,
					      &err), cases[i].code);
		CHECK_STR(err.subject, cases[i].rule);
	}
}

/* Every bit of a certificate is signed, or is the signature. */
static void changed_ones_are_refused(void)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *direct = leaf_of("root", root_key);
	struct tally_cert cert;

	for (size_t i = strlen("-----BEGIN CERTIFICATE-----\n"); direct[i] != '-'; i++) {
		char was = direct[i];

		if (was == '\n' || was == '=')
			continue;
		/* its highest bit: the lowest of a last character may stand for nothing */
		direct[i] = alphabet[(strchr(alphabet, was) - alphabet) ^ 32];
		CASE("character %zu", i);
		CHECK(tally_cert_verify(tally_bytes_str(direct), tally_bytes_str(root), NOW, &cert,
					&err) == -1);
		direct[i] = was;
	}
	CASE("unchanged");
	CHECK_OK(tally_cert_verify(tally_bytes_str(direct), tally_bytes_str(root), NOW, &cert, &err));
}

static void anchors(void)
{
	struct tally_cert cert;

	CHECK_OK(tally_cert_anchor(tally_bytes_str(root), &cert, &err));
	CHECK_STR(cert.name, "CN=root");
	CHECK_FAILS(tally_cert_anchor(tally_bytes_str(leaf_of("root", root_key)), &cert, &err),
		    TALLY_INVALID);
	CHECK_FAILS(tally_cert_anchor(tally_bytes_str(tally_arena_printf(&arena, "%s%s", root,
									 between)),
				      &cert, &err), TALLY_INVALID);
	CHECK_FAILS(tally_cert_anchor(TALLY_BYTES_NONE, &cert, &err), TALLY_INVALID);
}

static void keys_as_pem(void)
{
	struct tally_member_key public;
	char *text;

	CHECK_OK(tally_member_public(KEY_TYPE_SECP256R1, leaf_key, &public, &err));
	text = tally_point_pem(public.bytes, &arena);
	CHECK(strncmp(text, "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE", 63) ==
	      0);
}

int main(void)
{
	TEST(certificates_are_made);
	TEST(good_ones_are_taken);
	TEST(bad_ones_are_refused);
	TEST(changed_ones_are_refused);
	TEST(anchors);
	TEST(keys_as_pem);
	tally_arena_free(&arena);
	return tap_done();
}
