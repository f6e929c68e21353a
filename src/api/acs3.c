/* Headers and canonical request of signature V3. See acs3.h. */
#include "acs3.h"

#include <strings.h>

#include "hash.h"

#define SCHEME "ACS3-HMAC-SHA256"
#define MAX_SIGNED 64

bool tally_acs3_given(const struct tally_request *request)
{
	struct tally_bytes value = tally_request_header(request, "authorization", NULL);

	return value.size >= 5 && strncasecmp((const char *)value.data, "ACS3-", 5) == 0;
}

/* ---- Authorization: SCHEME Credential=..,SignedHeaders=..,Signature=.., in any order ---- */

struct parts {
	struct tally_bytes credential, headers, signature;
};

static struct tally_bytes trimmed(struct tally_bytes text)
{
	while (text.size > 0 && text.data[0] == ' ')
		text = tally_bytes(text.data + 1, text.size - 1);
	while (text.size > 0 && text.data[text.size - 1] == ' ')
		text.size--;
	return text;
}

/* The part of text before the first c; *rest_r is what follows it. */
static struct tally_bytes cut(struct tally_bytes text, char c, struct tally_bytes *rest_r)
{
	const uint8_t *at = text.size > 0 ? memchr(text.data, c, text.size) : NULL;
	size_t size = at != NULL ? (size_t)(at - text.data) : text.size;

	*rest_r = at != NULL ? tally_bytes(at + 1, text.size - size - 1) : TALLY_BYTES_NONE;
	return tally_bytes(text.data, size);
}

static bool split(struct tally_bytes value, struct parts *parts)
{
	struct tally_bytes rest, text;

	memset(parts, 0, sizeof(*parts));
	if (!tally_bytes_is(cut(value, ' ', &rest), SCHEME))
		return false;
	while (rest.size > 0) {
		struct tally_bytes one = trimmed(cut(rest, ',', &rest)), name = cut(one, '=', &text);
		struct tally_bytes *to = tally_bytes_is(name, "Credential") ? &parts->credential :
					 tally_bytes_is(name, "SignedHeaders") ? &parts->headers :
					 tally_bytes_is(name, "Signature") ? &parts->signature : NULL;

		if (to != NULL && to->size > 0)
			return false;	/* twice */
		if (to != NULL)
			*to = text;
	}
	return parts->credential.size > 0 && parts->headers.size > 0 && parts->signature.size > 0;
}

/* ---- signed headers ---- */

struct signed_headers {
	struct tally_bytes names[MAX_SIGNED];
	size_t count;
};

/* Names in ascending order, each once. */
static bool list_headers(struct tally_bytes text, struct signed_headers *list)
{
	list->count = 0;
	while (text.size > 0) {
		if (list->count == MAX_SIGNED)
			return false;
		list->names[list->count] = cut(text, ';', &text);
		if (list->count > 0 && tally_bytes_compare(list->names[list->count - 1],
							   list->names[list->count]) >= 0)
			return false;
		list->count++;
	}
	return true;
}

static bool is_listed(const struct signed_headers *list, const char *name)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (tally_bytes_is(list->names[i], name))
			return true;
	return false;
}

/* The headers that must be there and signed, and what their absence is called. */
static int read_headers(const struct tally_request *request, const struct signed_headers *list,
			struct tally_acs3 *acs3, struct tally_bytes *sha_r,
			struct tally_fault *fault)
{
	struct tally_bytes host;
	const struct {
		const char *name, *common;
		struct tally_bytes *value;
	} wanted[] = {
		{ "host", "Host", &host },
		{ "x-acs-action", "Action", &acs3->action },
		{ "x-acs-version", "Version", &acs3->version },
		{ "x-acs-date", "Timestamp", &acs3->date },
		{ "x-acs-signature-nonce", "SignatureNonce", &acs3->nonce },
		{ "x-acs-content-sha256", "ContentSHA256", sha_r },
	};
	size_t i;

	for (i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		*wanted[i].value = tally_request_header(request, wanted[i].name, NULL);
		if (wanted[i].value->size == 0)
			return tally_fault_named(fault, FAULT_MISSING_COMMON, wanted[i].common);
		if (!is_listed(list, wanted[i].name))
			return tally_fault_set(fault, FAULT_SIGNATURE_INCOMPLETE);
	}
	acs3->token = tally_request_header(request, "x-acs-security-token", NULL);
	if (acs3->token.size > 0 && !is_listed(list, "x-acs-security-token"))
		return tally_fault_set(fault, FAULT_SIGNATURE_INCOMPLETE);
	/* else the body could be taken for something else than was signed */
	if (request->body.size > 0 && !is_listed(list, "content-type"))
		return tally_fault_set(fault, FAULT_SIGNATURE_INCOMPLETE);
	return 0;
}

static int check_body(const struct tally_request *request, struct tally_bytes sha,
		      struct tally_fault *fault)
{
	uint8_t hash[TALLY_HASH_SIZE], given[TALLY_HASH_SIZE];

	tally_sha256(request->body.data, request->body.size, hash);
	if (tally_hex_decode(sha, given, sizeof(given)) &&
	    memcmp(given, hash, sizeof(hash)) == 0)
		return 0;
	return tally_fault_named(fault, FAULT_INVALID_PARAMETER, "x-acs-content-sha256");
}

/* ---- canonical request ---- */

static void add(struct tally_sha256 *sha, struct tally_bytes text, const char *end)
{
	tally_sha256_add(sha, text.data, text.size);
	tally_sha256_add(sha, end, strlen(end));
}

/* Its hash; it need never be whole in memory. False: a signed header is not there, or twice. */
static bool hash_canonical(const struct tally_request *request, struct tally_bytes query,
			   const struct signed_headers *list, struct tally_bytes names,
			   struct tally_bytes body_sha, uint8_t hash_r[TALLY_HASH_SIZE])
{
	struct tally_sha256 sha;
	bool twice;
	size_t i;

	tally_sha256_init(&sha);
	/* a HEAD is answered as the GET that was signed */
	add(&sha, tally_bytes_is(request->method, "POST") ? TALLY_BYTES_LIT("POST") :
							    TALLY_BYTES_LIT("GET"), "\n/\n");
	add(&sha, query, "\n");
	for (i = 0; i < list->count; i++) {
		const char *name = tally_arena_str(request->arena, list->names[i]);
		struct tally_bytes value = tally_request_header(request, name, &twice);

		if (value.data == NULL || twice)
			return false;
		add(&sha, list->names[i], ":");
		add(&sha, trimmed(value), "\n");
	}
	add(&sha, TALLY_BYTES_NONE, "\n");
	add(&sha, names, "\n");
	add(&sha, body_sha, "");
	tally_sha256_end(&sha, hash_r);
	return true;
}

int tally_acs3_read(const struct tally_request *request, struct tally_acs3 *acs3_r,
		    struct tally_fault *fault)
{
	struct tally_bytes query, body_sha, value;
	struct signed_headers list;
	struct tally_form form;
	struct parts parts;
	uint8_t hash[TALLY_HASH_SIZE], *signature;
	char hex[2 * TALLY_HASH_SIZE + 1];
	bool twice;

	value = tally_request_header(request, "authorization", &twice);
	signature = tally_arena_alloc(request->arena, 32);
	if (twice || !split(value, &parts) || !list_headers(parts.headers, &list) ||
	    !tally_hex_decode(parts.signature, signature, 32))
		return tally_fault_set(fault, FAULT_SIGNATURE_INCOMPLETE);
	if (read_headers(request, &list, acs3_r, &body_sha, fault) < 0 ||
	    check_body(request, body_sha, fault) < 0 ||
	    tally_form_parse(request->arena, request->query, TALLY_BYTES_NONE, &form, fault) < 0)
		return -1;
	query = tally_rpc_canonical_query(request->arena, form.params, form.count);
	if (!hash_canonical(request, query, &list, parts.headers, body_sha, hash))
		return tally_fault_set(fault, FAULT_SIGNATURE_INCOMPLETE);
	tally_hex_encode(hash, sizeof(hash), hex);
	acs3_r->key_id = parts.credential;
	acs3_r->signature = tally_bytes(signature, 32);
	acs3_r->string_to_sign = tally_bytes_str(tally_arena_printf(request->arena, "%s\n%s",
								    SCHEME, hex));
	return 0;
}

void tally_acs3_mac(struct tally_bytes secret, struct tally_bytes string_to_sign,
		    uint8_t mac_r[32])
{
	tally_hmac_sha256(secret, string_to_sign, mac_r);
}
