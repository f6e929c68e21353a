/* Canonical query, string to sign and HMAC of RPC signature 1.0. See rpcsign.h. */
#include "rpcsign.h"

#include <stdlib.h>

#include "arena.h"
#include "hash.h"
#include "secret.h"

/* 1 for the characters that stay as they are (RFC 3986 unreserved). */
static const uint8_t stays[256] = {
	['-'] = 1, ['_'] = 1, ['.'] = 1, ['~'] = 1,
	['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1, ['7'] = 1,
	['8'] = 1, ['9'] = 1,
	['A'] = 1, ['B'] = 1, ['C'] = 1, ['D'] = 1, ['E'] = 1, ['F'] = 1, ['G'] = 1, ['H'] = 1,
	['I'] = 1, ['J'] = 1, ['K'] = 1, ['L'] = 1, ['M'] = 1, ['N'] = 1, ['O'] = 1, ['P'] = 1,
	['Q'] = 1, ['R'] = 1, ['S'] = 1, ['T'] = 1, ['U'] = 1, ['V'] = 1, ['W'] = 1, ['X'] = 1,
	['Y'] = 1, ['Z'] = 1,
	['a'] = 1, ['b'] = 1, ['c'] = 1, ['d'] = 1, ['e'] = 1, ['f'] = 1, ['g'] = 1, ['h'] = 1,
	['i'] = 1, ['j'] = 1, ['k'] = 1, ['l'] = 1, ['m'] = 1, ['n'] = 1, ['o'] = 1, ['p'] = 1,
	['q'] = 1, ['r'] = 1, ['s'] = 1, ['t'] = 1, ['u'] = 1, ['v'] = 1, ['w'] = 1, ['x'] = 1,
	['y'] = 1, ['z'] = 1
};

static uint8_t *put_encoded(uint8_t *out, struct tally_bytes text)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t i;

	for (i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];

		if (stays[c]) {
			*out++ = c;
			continue;
		}
		*out++ = '%';
		*out++ = (uint8_t)digits[c >> 4];
		*out++ = (uint8_t)digits[c & 15];
	}
	return out;
}

static size_t encoded_size(struct tally_bytes text)
{
	size_t size = text.size, i;

	for (i = 0; i < text.size; i++)
		size += stays[text.data[i]] ? 0 : 2;
	return size;
}

struct tally_bytes tally_percent_encode(struct tally_arena *arena, struct tally_bytes text)
{
	size_t size = encoded_size(text);
	uint8_t *out = tally_arena_alloc(arena, size + 1);

	*put_encoded(out, text) = '\0';
	return tally_bytes(out, size);
}

static int by_name(const void *a, const void *b)
{
	const struct tally_rpc_param *one = a, *other = b;

	return tally_bytes_compare(one->name, other->name);
}

void tally_rpc_sort(struct tally_rpc_param *params, size_t count)
{
	if (count > 1)
		qsort(params, count, sizeof(*params), by_name);
}

/* params as a query, in their order, percent-encoded; but the one called left_out, if not NULL. */
static struct tally_bytes query_of(struct tally_arena *arena, const struct tally_rpc_param *params,
				   size_t count, const char *left_out)
{
	size_t room = 1, i;
	uint8_t *text, *out;

	for (i = 0; i < count; i++)
		room += encoded_size(params[i].name) + encoded_size(params[i].value) + 2;
	text = out = tally_arena_alloc(arena, room);
	for (i = 0; i < count; i++) {
		if (left_out != NULL && tally_bytes_is(params[i].name, left_out))
			continue;
		if (out != text)
			*out++ = '&';
		out = put_encoded(out, params[i].name);
		*out++ = '=';
		out = put_encoded(out, params[i].value);
	}
	*out = '\0';
	return tally_bytes(text, (size_t)(out - text));
}

struct tally_bytes tally_rpc_canonical_query(struct tally_arena *arena,
					     const struct tally_rpc_param *sorted, size_t count)
{
	return query_of(arena, sorted, count, "Signature");
}

struct tally_bytes tally_rpc_string_to_sign(struct tally_arena *arena, const char *method,
					    const struct tally_rpc_param *sorted, size_t count)
{
	struct tally_bytes query = tally_rpc_canonical_query(arena, sorted, count);
	size_t method_size = strlen(method);
	uint8_t *text = tally_arena_alloc(arena, method_size + 5 + encoded_size(query) + 1);
	uint8_t *out = text;

	memcpy(out, method, method_size);
	out += method_size;
	memcpy(out, "&%2F&", 5);
	out = put_encoded(out + 5, query);
	*out = '\0';
	return tally_bytes(text, (size_t)(out - text));
}

void tally_rpc_mac(struct tally_bytes secret, struct tally_bytes string_to_sign,
		   uint8_t mac_r[TALLY_RPC_MAC_SIZE])
{
	uint8_t small[128], *key = small;

	if (secret.size + 1 > sizeof(small))
		key = tally_malloc(secret.size + 1);
	if (secret.size > 0)
		memcpy(key, secret.data, secret.size);
	key[secret.size] = '&';
	tally_hmac_sha1(tally_bytes(key, secret.size + 1), string_to_sign, mac_r);
	tally_wipe(key, secret.size + 1);
	if (key != small)
		free(key);
}

static bool present(const struct tally_rpc_param *params, size_t count, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (tally_bytes_is(params[i].name, name))
			return true;
	return false;
}

struct tally_bytes tally_rpc_signed_query(struct tally_arena *arena, const char *method,
					  const struct tally_rpc_param *params, size_t count,
					  const struct tally_rpc_param *extra, size_t extra_count,
					  struct tally_bytes key_id, struct tally_bytes secret,
					  const char *nonce, const char *timestamp)
{
	const struct tally_rpc_param common[] = {
		{ TALLY_BYTES_LIT("Version"), TALLY_BYTES_LIT(TALLY_RPC_VERSION) },
		{ TALLY_BYTES_LIT("AccessKeyId"), key_id },
		{ TALLY_BYTES_LIT("SignatureMethod"), TALLY_BYTES_LIT("HMAC-SHA1") },
		{ TALLY_BYTES_LIT("SignatureVersion"), TALLY_BYTES_LIT("1.0") },
		{ TALLY_BYTES_LIT("SignatureNonce"), tally_bytes_str(nonce) },
		{ TALLY_BYTES_LIT("Timestamp"), tally_bytes_str(timestamp) },
	};
	size_t common_count = key_id.size > 0 ? sizeof(common) / sizeof(*common) : 1;
	struct tally_rpc_param *sent =
		tally_arena_array(arena, struct tally_rpc_param, count + common_count + 1);
	struct tally_rpc_param *all;
	struct tally_bytes text;
	uint8_t mac[TALLY_RPC_MAC_SIZE];
	size_t n = 0, i;

	for (i = 0; i < count; i++)
		sent[n++] = params[i];
	for (i = 0; i < common_count; i++) {
		const char *name = (const char *)common[i].name.data;

		if (!present(params, count, name) && !present(extra, extra_count, name))
			sent[n++] = common[i];
	}
	if (key_id.size == 0)
		return query_of(arena, sent, n, NULL);
	all = tally_arena_array(arena, struct tally_rpc_param, n + extra_count + 1);
	memcpy(all, sent, n * sizeof(*all));
	if (extra_count > 0)
		memcpy(all + n, extra, extra_count * sizeof(*all));
	tally_rpc_sort(all, n + extra_count);
	text = tally_rpc_string_to_sign(arena, method, all, n + extra_count);
	tally_rpc_mac(secret, text, mac);
	sent[n].name = TALLY_BYTES_LIT("Signature");
	sent[n++].value = tally_bytes_str(tally_base64_encode(arena,
							      tally_bytes(mac, sizeof(mac))));
	return query_of(arena, sent, n, NULL);
}
