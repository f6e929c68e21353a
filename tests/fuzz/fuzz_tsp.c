/*
 * Time stamps from outside: tokens, replies and queries. Whatever comes, reading ends and what is
 * accepted is of the digest that was asked for; an authority answers everything. And leaves of
 * anchors: what is taken out of them is within bounds.
 */
#include "anchor.h"
#include "arena.h"
#include "clock.h"
#include "fuzz.h"
#include "tsp.h"

/* Issued the certificate that signed the tokens in the corpus; of the digest in them. */
static const char ca[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIIB+DCCAZ6gAwIBAgIQYyKdDiwC8bdg7ywkOKgOnTAKBggqhkjOPQQDAjBKMR0w\n"
	"GwYDVQQKDBRTZWxmLW1hZGUsIGZvciB0ZXN0czEpMCcGA1UEAwwgQ29ycHVzIENB\n"
	"IChzZWxmLW1hZGUsIGZvciB0ZXN0cykwHhcNMjYxMTI1MDcwMTQ1WhcNMjYxMjI2\n"
	"MDcwMTQ1WjBKMR0wGwYDVQQKDBRTZWxmLW1hZGUsIGZvciB0ZXN0czEpMCcGA1UE\n"
	"AwwgQ29ycHVzIENBIChzZWxmLW1hZGUsIGZvciB0ZXN0cykwWTATBgcqhkjOPQIB\n"
	"BggqhkjOPQMBBwNCAARNPlZHDNHh2EnFsquX5ro7GKETSS1nmdfl9Ihsk4rbYj7E\n"
	"2Amry4TC7NjsbYDbaNreoIPXhM7nkYBgzq5q6zl0o2YwZDASBgNVHRMBAf8ECDAG\n"
	"AQH/AgEAMA4GA1UdDwEB/wQEAwIBBjAdBgNVHQ4EFgQUwK+ri+IbvDfO6EJqNDD9\n"
	"ZmMqTw0wHwYDVR0jBBgwFoAUwK+ri+IbvDfO6EJqNDD9ZmMqTw0wCgYIKoZIzj0E\n"
	"AwIDSAAwRQIhANrsa8VKLA+inL4Wws9n5QWfXGoWUM3mZj+RXtPz2dTeAiAqWlyj\n"
	"8A+lhU0Ou+CLEEglaB4W1eA8EoOJ8FCs1/J+9Q==\n"
	"-----END CERTIFICATE-----\n";
static const uint8_t digest[TALLY_HASH_SIZE] = {
	0x3a, 0x6e, 0xb0, 0x79, 0x0f, 0x39, 0xac, 0x87, 0xc9, 0x4f, 0x38,
	0x56, 0xb2, 0xdd, 0x2c, 0x5d, 0x11, 0x0e, 0x68, 0x11, 0x60, 0x22,
	0x61, 0xa9, 0xa9, 0x23, 0xd3, 0xbb, 0x23, 0xad, 0xc8, 0xb7
};

/* The ledger whose anchor is in the corpus. */
#define ORIGIN "tallystick.invalid/a4ebfbe5f7cae82a/l-68cb2089389338f8dd9ee37fe"

static struct tally_tsp_trust *trust;
static struct tally_tsa *tsa;

static void begin(void)
{
	struct tally_arena arena = { 0 };
	struct tally_tsa_files files;
	struct tally_err err;

	PROMISE(tally_tsp_trust_parse(tally_bytes_str(ca), &trust, &err) == 0);
	PROMISE(tally_tsa_make("Fuzz", 0, tally_now_ms() + 86400000, &arena, &files, &err) == 0);
	PROMISE(tally_tsa_open(&files, &tsa, &err) == 0);
	tally_arena_free(&arena);
}

static void token(struct tally_bytes input)
{
	struct tally_tsp_info info, again;
	struct tally_err err;

	if (tally_tsp_read(input, &info, &err) != 0)
		return;
	PROMISE(strlen(info.serial) <= TALLY_TSP_SERIAL && strlen(info.authority) <= TALLY_TSP_NAME);
	if (tally_tsp_verify(input, digest, trust, &again, &err) != 0)
		return;
	PROMISE(memcmp(again.digest, digest, sizeof(digest)) == 0);
	PROMISE(memcmp(&again, &info, sizeof(info)) == 0);
}

/* To a query that nobody can have answered. */
static void reply(struct tally_bytes input, struct tally_arena *arena)
{
	struct tally_bytes query, taken;
	struct tally_tsp_info info;
	struct tally_err err;

	PROMISE(tally_tsp_query(digest, arena, &query, &err) == 0);
	PROMISE(tally_tsp_accept(query, input, trust, arena, &taken, &info, &err) != 0);
	PROMISE(tally_tsp_accept(input, input, trust, arena, &taken, &info, &err) != 0);
}

static void query(struct tally_bytes input, struct tally_arena *arena)
{
	struct tally_bytes made;
	struct tally_err err;

	PROMISE(tally_tsa_answer(tsa, input, 1577934245678, arena, &made, &err) == 0);
	PROMISE(made.size > 0 && made.size < TALLY_TSP_MAX);
}

static void leaf(struct tally_bytes input)
{
	struct tally_anchor_leaf anchor;

	if (!tally_anchor_parse(input, &anchor))
		return;
	PROMISE(anchor.path_count <= TALLY_ANCHOR_PATH);
	if (tally_anchor_verify(&anchor, TALLY_BYTES_LIT(ORIGIN))) {
		anchor.version++;
		PROMISE(!tally_anchor_verify(&anchor, TALLY_BYTES_LIT(ORIGIN)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tally_bytes input = tally_bytes(data, size);
	struct tally_arena arena = { 0 };
	uint8_t kind;

	if (trust == NULL)
		begin();
	fuzz_take(&input, &kind, 1);
	if (kind == 't')
		token(input);
	else if (kind == 'r')
		reply(input, &arena);
	else if (kind == 'q')
		query(input, &arena);
	else
		leaf(input);
	tally_arena_free(&arena);
	return 0;
}
