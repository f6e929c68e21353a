/*
 * Policies: what is refused is explained, what is taken decides the same each time, and a policy that denies
 * everything in a further statement allows nothing. The first line, and the rest, as a pattern and a text:
 * what fits is what a plain recursive matcher says.
 */
#include "arena.h"
#include "buf.h"
#include "err.h"
#include "fuzz.h"
#include "ram.h"
#include "utf8.h"

static bool fits(const uint8_t *p, const uint8_t *p_end, const uint8_t *t, const uint8_t *t_end)
{
	if (p == p_end)
		return t == t_end;
	if (*p == '*')
		return fits(p + 1, p_end, t, t_end) || (t < t_end && fits(p, p_end, t + 1, t_end));
	return t < t_end && (*p == '?' || *p == *t) && fits(p + 1, p_end, t + 1, t_end);
}

static void check_pattern(const uint8_t *data, size_t size)
{
	const uint8_t *line = memchr(data, '\n', size);
	size_t stars = 0;

	if (line == NULL || size > 24)
		return;
	for (const uint8_t *p = data; p < line; p++)
		stars += *p == '*';
	if (stars > 4)
		return;
	PROMISE(tally_ram_fits(tally_bytes(data, (size_t)(line - data)),
			       tally_bytes(line + 1, size - (size_t)(line + 1 - data))) ==
		fits(data, line, line + 1, data + size));
}

static const struct tally_ram_request requests[] = {
	{ "GetJournal", { "acs:ledgerdb:local:1001:ledger/l-1", NULL } },
	{ "DeleteMember", { "acs:ledgerdb:local:1001:ledger/l-1", "acs:ledgerdb:local:1001:member/m-1" } },
	{ "CreateLedger", { "acs:ledgerdb:local:1001:ledger/*", NULL } },
};
#define REQUESTS (sizeof(requests) / sizeof(*requests))

/* The document with another statement at its end, where that can be told by its bytes. */
static bool with_deny(struct tally_bytes text, struct tally_buf *buf)
{
	static const char deny[] = ",{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\"}]}";

	if (text.size < 2 || memcmp(text.data + text.size - 2, "]}", 2) != 0)
		return false;
	tally_buf_add(buf, text.data, text.size - 2);
	tally_buf_add_str(buf, deny);
	return true;
}

static void check_policy(struct tally_arena *arena, struct tally_bytes text)
{
	const struct tally_ram_policy *policy, *again, *denied;
	struct tally_buf buf = { 0 };
	struct tally_err err = { 0 };

	if (tally_ram_parse(arena, text, &policy, &err) < 0) {
		PROMISE(err.code == TALLY_INVALID && strcmp(err.subject, "Policy") == 0);
		PROMISE(err.text[0] != '\0');
		return;
	}
	PROMISE(tally_utf8_valid(text) && text.size <= 6144);
	PROMISE(tally_ram_parse(arena, text, &again, &err) == 0);
	for (size_t i = 0; i < REQUESTS; i++)
		PROMISE(tally_ram_allows(policy, &requests[i]) == tally_ram_allows(again, &requests[i]));
	/* where the last member is the list of statements */
	if (with_deny(text, &buf) &&
	    tally_ram_parse(arena, tally_buf_bytes(&buf), &denied, &err) == 0)
		for (size_t i = 0; i < REQUESTS; i++)
			PROMISE(!tally_ram_allows(denied, &requests[i]));
	tally_buf_free(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tally_arena arena = { 0 };

	check_pattern(data, size);
	check_policy(&arena, tally_bytes(data, size));
	tally_arena_free(&arena);
	return 0;
}
