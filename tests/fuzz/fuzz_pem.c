/*
 * PEM as a request of the data-sharing family brings it, as it stands and with its line feeds folded: a
 * certificate is believed only if it leads to the anchor, a private key that is read is one, and what is
 * refused is refused for a reason.
 */
#include "arena.h"
#include "cert.h"
#include "err.h"
#include "fuzz.h"
#include "member_key.h"
#include "secret_body.h"

/* The corpus has certificates that it issued. */
static const uint8_t anchor_key[32] = { 1 };

static const char *make_anchor(struct tally_arena *arena)
{
	struct tally_cert_make make = { .name = "ca", .key = anchor_key, .ca = true, .from_ms = 1000,
					.until_ms = 4000000000000 };
	struct tally_err err;
	char *pem;

	PROMISE(tally_cert_make(&make, arena, &pem, &err) == 0);
	return pem;
}

static void check_certificate(struct tally_bytes pem, struct tally_bytes anchor)
{
	struct tally_cert cert;
	struct tally_err err = { 0 };

	if (tally_cert_verify(pem, anchor, 2000000000000, &cert, &err) != 0)
		PROMISE(err.subject[0] != '\0' && err.text[0] != '\0');
	else
		PROMISE(cert.point[0] == 4 && cert.from_ms <= cert.until_ms);
	if (tally_cert_anchor(pem, &cert, &err) == 0)
		PROMISE(strlen(cert.name) <= TALLY_CERT_NAME);
}

static void check_private(struct tally_bytes pem)
{
	uint8_t private[TALLY_MEMBER_PRIVATE], again[TALLY_MEMBER_PRIVATE];
	char text[TALLY_MEMBER_PEM_TEXT];
	enum tally_key_type type, same;
	struct tally_member_key public;
	struct tally_err err;

	if (tally_member_pem_parse(pem, &type, private, &err) != 0)
		return;
	PROMISE(tally_member_public(type, private, &public, &err) == 0);
	PROMISE(tally_member_pem_format(type, private, text, &err) == 0);
	PROMISE(tally_member_pem_parse(tally_bytes_str(text), &same, again, &err) == 0);
	PROMISE(same == type && memcmp(again, private, sizeof(private)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tally_arena lasting;
	static const char *anchor;
	struct tally_arena arena = { 0 };
	char *text = tally_arena_str(&arena, tally_bytes(data, size));

	if (anchor == NULL)
		anchor = make_anchor(&lasting);
	for (int folded = 0; folded < 2; folded++) {
		size_t left = folded ? tally_pem_unfold(text, size) : size;

		PROMISE(left <= size);
		check_certificate(tally_bytes(text, left), tally_bytes_str(anchor));
		check_private(tally_bytes(text, left));
	}
	tally_arena_free(&arena);
	return 0;
}
