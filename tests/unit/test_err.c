/* Errors: texts, context, subjects, and what does not fit. */
#include "err.h"

#include <errno.h>

#include "tap.h"
#include "utf8.h"

static void set_and_prefix(void)
{
	struct tally_err err = { 0 };

	CHECK_INT(tally_err_set(&err, TALLY_BUSY, "block %d", 7), -1);
	CHECK_INT(err.code, TALLY_BUSY);
	CHECK_STR(err.text, "block 7");
	CHECK_STR(err.subject, "");
	CHECK_INT(tally_err_prefix(&err, "ledger %s", "l-1"), -1);
	CHECK_STR(err.text, "ledger l-1: block 7");
	CHECK_INT(err.code, TALLY_BUSY);
	tally_err_set(&err, TALLY_IO, "[%s]", err.text);	/* from its own text */
	CHECK_STR(err.text, "[ledger l-1: block 7]");
}

static void subjects_stay(void)
{
	struct tally_err err = { 0 };

	CHECK_INT(tally_err_about(&err, TALLY_NOTFOUND, "Journal 7", "no such %s", "journal"), -1);
	CHECK_STR(err.subject, "Journal 7");
	CHECK_STR(err.text, "no such journal");
	tally_err_prefix(&err, "reading");
	CHECK_STR(err.subject, "Journal 7");
	CHECK_STR(err.text, "reading: no such journal");
	tally_err_about(&err, TALLY_INVALID, err.subject, "again");
	CHECK_STR(err.subject, "Journal 7");
	tally_err_set(&err, TALLY_INVALID, "other");
	CHECK_STR(err.subject, "");
}

static void from_errno(void)
{
	static const struct {
		int number;
		enum tally_code code;
	} cases[] = {
		{ ENOSPC, TALLY_FULL }, { EDQUOT, TALLY_FULL }, { EIO, TALLY_IO }, { ENOENT, TALLY_IO }
	};
	struct tally_err err;
	char want[200];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(want, sizeof(want), "open x: %s", strerror(cases[i].number));
		errno = cases[i].number;
		CHECK_INT(tally_err_errno(&err, "open %s", "x"), -1);
		CHECK_INT(errno, cases[i].number);
		CHECK_INT(err.code, cases[i].code);
		CHECK_STR(err.text, want);
	}
}

static void one_line_of_whole_characters(void)
{
	char text[1000], expect[400];
	struct tally_err err;
	size_t lead;

	tally_err_set(&err, TALLY_INVALID, "a\nb\tc\x7f" "d\r");
	CHECK_STR(err.text, "a b c d ");
	for (lead = 0; lead < 8; lead++) {
		memset(text, 'x', lead);
		text[lead] = '\0';
		while (strlen(text) < 900)
			strcat(text, "\xf0\x9f\x98\x80\xe2\x82\xac\xc3\xa9");
		tally_err_set(&err, TALLY_INVALID, "%s", text);
		CASE("%zu ASCII characters first", lead);
		CHECK(strlen(err.text) > sizeof(err.text) - 5);
		CHECK(tally_utf8_valid(tally_bytes_str(err.text)));
		CHECK(strncmp(err.text, text, strlen(err.text)) == 0);
	}
	memset(text, 'y', 399);
	text[399] = '\0';
	memcpy(expect, text, 400);
	tally_err_set(&err, TALLY_INVALID, "%s", text);
	CHECK_STR(err.text, expect);
}

static void no_err_is_allowed(void)
{
	CHECK_INT(tally_err_set(NULL, TALLY_IO, "x"), -1);
	CHECK_INT(tally_err_about(NULL, TALLY_IO, "s", "x"), -1);
	CHECK_INT(tally_err_errno(NULL, "x"), -1);
	CHECK_INT(tally_err_prefix(NULL, "x"), -1);
}

static void names_of_codes(void)
{
	int code, other;

	for (code = TALLY_OK; code <= TALLY_IO; code++) {
		CASE("code %d", code);
		CHECK(strcmp(tally_code_name((enum tally_code)code), "unknown") != 0);
		for (other = TALLY_OK; other < code; other++)
			CHECK(strcmp(tally_code_name((enum tally_code)code),
				     tally_code_name((enum tally_code)other)) != 0);
	}
	CHECK_STR(tally_code_name(TALLY_NOTFOUND), "notfound");
	CHECK_STR(tally_code_name((enum tally_code)(TALLY_IO + 1)), "unknown");
}

int main(void)
{
	TEST(set_and_prefix);
	TEST(subjects_stay);
	TEST(from_errno);
	TEST(one_line_of_whole_characters);
	TEST(no_err_is_allowed);
	TEST(names_of_codes);
	return tap_done();
}
