/*
 * Blocks that come in parts: all of it is of one time, though a payload is zeroed while it is read; in
 * whichever place, between whichever parts.
 */
#include <stdlib.h>

#include "blocks.h"
#include "err.h"
#include "hash.h"
#include "tap.h"

#define PART 4				/* bytes of one answer */

static struct tally_err err;

/* A block of which bytes zero_from .. zero_to - 1 are zeroed right before answer `at`, and after every
 * `every` answers another byte. */
struct medium {
	uint8_t bytes[64];
	size_t size;
	unsigned int answers, at, every, fail_at;
	size_t zero_from, zero_to;
	bool none, empty, longer, grows;
};

static int ask(void *ctx, uint64_t offset, struct block_part *part_r, struct tally_err *why)
{
	struct medium *m = ctx;
	uint8_t digest[TALLY_HASH_SIZE];

	m->answers++;
	if (m->none)
		return 0;
	if (m->answers == m->fail_at)
		return tally_err_set(why, TALLY_CORRUPT, "made to fail");
	if (m->answers == m->at)
		memset(m->bytes + m->zero_from, 0, m->zero_to - m->zero_from);
	if (m->every > 0 && m->answers % m->every == 0)
		m->bytes[m->answers % m->size]++;
	if (m->grows && m->answers == 2)
		m->size++;
	tally_sha256(m->bytes, m->size, digest);
	tally_hex_encode(digest, sizeof(digest), part_r->digest);
	part_r->size = m->size;
	part_r->bytes = tally_bytes(m->bytes + offset, m->size - offset < PART ? m->size - offset : PART);
	if (m->empty)
		part_r->bytes.size = 0;
	if (m->longer)
		part_r->size = part_r->bytes.size - 1;
	return 1;
}

static void fill(struct medium *m, size_t size)
{
	*m = (struct medium){ .size = size };
	for (size_t i = 0; i < size; i++)
		m->bytes[i] = (uint8_t)(i + 1);
}

/* Reads it behind what is there already; it is as the medium is at the end. */
static void check_read(struct medium *m, unsigned int answers)
{
	struct tally_buf buf = { 0 };

	tally_buf_add_str(&buf, "before");
	CHECK_INT(block_join(ask, m, &buf, &err), 1);
	CHECK_INT(buf.size, 6 + m->size);
	CHECK_MEM(buf.data, "before", 6);
	CHECK_MEM(buf.data + 6, m->bytes, m->size);
	CHECK_INT(m->answers, answers);
	tally_buf_free(&buf);
}

static void parts_make_the_block(void)
{
	for (size_t size = 1; size <= 13; size++) {
		struct medium m;

		CASE("%zu bytes", size);
		fill(&m, size);
		check_read(&m, (unsigned int)(size + PART - 1) / PART);
	}
}

/* Every range, before every answer: 13 bytes in four parts. */
static void a_payload_is_zeroed_between_two_parts(void)
{
	for (unsigned int at = 1; at <= 4; at++)
		for (size_t from = 0; from < 13; from++)
			for (size_t to = from + 1; to <= 13; to++) {
				struct medium m;

				CASE("bytes %zu to %zu before part %u", from, to, at);
				fill(&m, 13);
				m.at = at;
				m.zero_from = from;
				m.zero_to = to;
				check_read(&m, at == 1 ? 4 : at + 4);
			}
}

static void check_refused(struct medium *m, int result, enum tally_code code)
{
	struct tally_buf buf = { 0 };

	tally_buf_add_str(&buf, "before");
	CHECK_INT(block_join(ask, m, &buf, &err), result);
	if (result < 0)
		CHECK_INT(err.code, code);
	CHECK_INT(buf.size, 6);
	tally_buf_free(&buf);
}

static void what_is_no_block(void)
{
	struct medium m;

	CASE("it changes all the time");
	fill(&m, 13);
	m.every = 1;
	check_refused(&m, -1, TALLY_BUSY);
	CHECK(m.answers <= 64);
	CASE("there is none");
	fill(&m, 13);
	m.none = true;
	check_refused(&m, 0, TALLY_OK);
	for (unsigned int at = 1; at <= 4; at++) {
		CASE("part %u fails", at);
		fill(&m, 13);
		m.fail_at = at;
		check_refused(&m, -1, TALLY_CORRUPT);
		CHECK_INT(m.answers, at);
	}
	CASE("a part of nothing");
	fill(&m, 13);
	m.empty = true;
	check_refused(&m, -1, TALLY_IO);
	CASE("a part beyond the end");
	fill(&m, 13);
	m.longer = true;
	check_refused(&m, -1, TALLY_IO);
	CASE("another size");
	fill(&m, 13);
	m.grows = true;
	check_read(&m, 6);
}

int main(void)
{
	TEST(parts_make_the_block);
	TEST(a_payload_is_zeroed_between_two_parts);
	TEST(what_is_no_block);
	return tap_done();
}
