/* Form decoding, every parameter type, lists, batches. */
#include "decode.h"

#include "tap.h"

static struct tally_arena arena;

/* ---- forms ---- */

static void forms(void)
{
	static const struct {
		const char *query, *body;
		enum tally_fault_kind want;
		const char *about;	/* or what A is */
	} cases[] = {
		{ "A=1&B=2", "", FAULT_NONE, "1" },
		{ "B=2", "A=x+y%2B%7e*", FAULT_NONE, "x y+~*" },
		{ "&&A=&B", "&", FAULT_NONE, "" },
		{ "A", "", FAULT_NONE, "" },
		{ "A=b=c", "", FAULT_NONE, "b=c" },
		{ "%41=q", "", FAULT_NONE, "q" },
		{ "A=1&A=2", "", FAULT_INVALID_PARAMETER, "A" },
		{ "A=1", "A=1", FAULT_INVALID_PARAMETER, "A" },
		{ "A=1&%41=1", "", FAULT_INVALID_PARAMETER, "A" },
		{ "B=1", "A=1&C=3&B=", FAULT_INVALID_PARAMETER, "B" },
		{ "A=%", "", FAULT_INVALID_PARAMETER, "A" },
		{ "A=%4", "", FAULT_INVALID_PARAMETER, "A" },
		{ "A=%4g", "", FAULT_INVALID_PARAMETER, "A" },
		{ "%zz=1", "", FAULT_INVALID_PARAMETER, "%zz" },
		{ "=1", "", FAULT_INVALID_PARAMETER, "" },
		{ "%ff=1&%ff=2", "", FAULT_INVALID_PARAMETER, "%FF" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tally_form form;
		struct tally_fault fault;
		struct tally_bytes value = TALLY_BYTES_LIT("?");

		CASE("%s + %s", cases[i].query, cases[i].body);
		CHECK_INT(tally_form_parse(&arena, tally_bytes_str(cases[i].query),
					   tally_bytes_str(cases[i].body), &form, &fault),
			  cases[i].want == FAULT_NONE ? 0 : -1);
		CHECK_INT(fault.kind, cases[i].want);
		if (fault.kind == FAULT_NONE)
			CHECK(tally_form_get(&form, "A", &value));
		CHECK_BYTES(fault.kind == FAULT_NONE ? value : fault.subject,
			    tally_bytes_str(cases[i].about));
	}
}

static void too_many(void)
{
	char *query = tally_arena_alloc(&arena, 20001);
	struct tally_form form;
	struct tally_fault fault;
	size_t i;

	for (i = 0; i < 20000; i += 2)
		memcpy(query + i, "A&", 3);
	CHECK_INT(tally_form_parse(&arena, tally_bytes_str(query), TALLY_BYTES_NONE, &form, &fault),
		  -1);
	CHECK_INT(form.count, 0);
}

/* ---- types ---- */

static const char *const choices[] = { "RED", "GREEN", NULL };
static const struct tally_param one_of_each[] = {
	{ .name = "Text", .type = PARAM_TEXT, .min = 1, .max = 4 },
	{ .name = "Raw", .type = PARAM_RAW, .max = 4 },
	{ .name = "Base64", .type = PARAM_BASE64, .max = 4 },
	{ .name = "Ledger", .type = PARAM_LEDGER_ID },
	{ .name = "Member", .type = PARAM_MEMBER_ID },
	{ .name = "Number", .type = PARAM_UINT, .min = 2, .max = 20 },
	{ .name = "Big", .type = PARAM_UINT },
	{ .name = "Bool", .type = PARAM_BOOL },
	{ .name = "Enum", .type = PARAM_ENUM, .choices = choices },
	{ .name = "Hash", .type = PARAM_HASH },
	{ .name = "Token", .type = PARAM_TOKEN },
	{ .name = "Next", .type = PARAM_NEXT },
	{ .name = "List", .type = PARAM_LIST, .max = 3 },
	{ .name = "Default", .type = PARAM_UINT, .min = 1, .max = 9, .fallback = "7" },
	PARAM_END
};
static const struct tally_reply_field no_reply[] = { REPLY_END };
static const struct tally_action each = {
	.name = "Each", .params = one_of_each, .reply = no_reply
};

#define SIXTY4 "0123456789012345678901234567890123456789012345678901234567890123"

static void types(void)
{
	static const struct {
		const char *query;
		bool good;
	} cases[] = {
		{ "", true },
		{ "Text=a", true }, { "Text=%E8%B4%A6%E6%9C%AC%E8%B4%A6%E6%9C%AC", true },
		{ "Text=", false }, { "Text=abcde", false }, { "Text=a%01", false },
		{ "Text=a%0A", false }, { "Text=%FF", false }, { "Text=%C2%85", false },
		{ "Raw=", true }, { "Raw=%00%01%0A", true }, { "Raw=abcde", false },
		{ "Raw=%E8%B4", false },
		{ "Base64=", true }, { "Base64=YWJjZA==", true }, { "Base64=YWJjZGU=", false },
		{ "Base64=YWJjZA", false }, { "Base64=YW%20Jj", false }, { "Base64=YWJjZB==", false },
		{ "Ledger=l-c8cc7be3eea542axxxxxxxxxx", true }, { "Ledger=l-", false },
		{ "Ledger=m-1", false }, { "Ledger=l-a.b", false }, { "Ledger=", false },
		{ "Ledger=l-" SIXTY4, false }, { "Ledger=l-a%00", false }, { "Ledger=L-1", false },
		{ "Member=m-04389ec1075443bcxxxxxxxxxx", true }, { "Member=l-1", false },
		{ "Number=2", true }, { "Number=20", true }, { "Number=1", false },
		{ "Number=21", false }, { "Number=", false }, { "Number=+3", false },
		{ "Number=-3", false }, { "Number=3.0", false }, { "Number=03", false },
		{ "Number=0x3", false }, { "Number=%203", false }, { "Number=3a", false },
		{ "Big=18446744073709551615", true }, { "Big=18446744073709551616", false },
		{ "Bool=true", true }, { "Bool=True", true }, { "Bool=FALSE", true },
		{ "Bool=1", false }, { "Bool=", false }, { "Bool=yes", false },
		{ "Enum=RED", true }, { "Enum=GREEN", true }, { "Enum=red", false },
		{ "Enum=", false }, { "Enum=REDD", false },
		{ "Hash=" SIXTY4, true }, { "Hash=" SIXTY4 "0", false },
		{ "Hash=" SIXTY4 "00", false }, { "Hash=abc", false }, { "Hash=", false },
		{ "Token=a", true }, { "Token=" SIXTY4, true }, { "Token=" SIXTY4 "x", false },
		{ "Token=", false }, { "Token=%C3%A4", false }, { "Token=a%0A", false },
		{ "Next=", true }, { "Next=abc", true }, { "Next=%01", false },
		{ "List.1=a", true }, { "List.1=a&List.2=b&List.3=c", true },
		{ "List.1=a&List.2=b&List.3=c&List.4=d", false }, { "List.2=a", false },
		{ "List.0=a", false }, { "List.1=a&List.3=c", false }, { "List.x=a", false },
		{ "List.01=a", false }, { "List.1=", false }, { "List.1=%FF", false },
		{ "List=[]", true }, { "List=[\"a\"]", true }, { "List=[\"a\",\"b\",\"c\"]", true },
		{ "List=[\"a\",\"b\",\"c\",\"d\"]", false }, { "List=[1]", false },
		{ "List=[null]", false }, { "List=[\"\"]", false }, { "List=a", false },
		{ "List=", false }, { "List={}", false }, { "List=[\"a\"]x", false },
		{ "List=[\"a\",]", false }, { "List=[\"a\"", false }, { "List=[[\"a\"]]", false },
		{ "List=[\"a\"]&List.1=a", false }, { "List=[\"%FF\"]", false },
		{ "Default=0", false }, { "Default=9", true }, { "Unknown=1&Listing=2", true },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tally_form form;
		struct tally_fault fault = { 0 };
		struct tally_values values;
		struct tally_bytes query = tally_bytes_str(cases[i].query);
		size_t name = strcspn(cases[i].query, "=.");

		CASE("%s", cases[i].query);
		REQUIRE(tally_form_parse(&arena, query, TALLY_BYTES_NONE, &form, &fault) == 0);
		CHECK_INT(tally_decode(&arena, &each, &form, BODY_NONE, TALLY_BYTES_NONE, &values,
				       &fault), cases[i].good ? 0 : -1);
		CHECK_INT(fault.kind, cases[i].good ? FAULT_NONE : FAULT_INVALID_PARAMETER);
		if (!cases[i].good)
			CHECK_BYTES(fault.subject, tally_bytes(cases[i].query, name));
	}
}

static void values_arrive(void)
{
	struct tally_form form;
	struct tally_fault fault = { 0 };
	struct tally_values values;
	struct tally_call call = { .action = &each, .values = &values };
	const struct tally_bytes *items;

	REQUIRE(tally_form_parse(&arena,
				 TALLY_BYTES_LIT("Number=12&Bool=TRUE&Enum=GREEN&Base64=AAE%3D"
						 "&List.2=b&List.1=a"),
				 TALLY_BYTES_LIT("Text=x+y&Raw="), &form, &fault) == 0);
	REQUIRE(tally_decode(&arena, &each, &form, BODY_FORM, TALLY_BYTES_NONE, &values,
			     &fault) == 0);
	CHECK_INT(tally_arg_uint(&call, "Number", 99), 12);
	CHECK_INT(tally_arg_uint(&call, "Big", 99), 99);
	CHECK_INT(tally_arg_uint(&call, "Default", 99), 7);
	CHECK(!tally_arg_given(&call, "Default"));
	CHECK(tally_arg_given(&call, "Raw"));
	CHECK(!tally_arg_given(&call, "Ledger"));
	CHECK(tally_arg_bool(&call, "Bool", false));
	CHECK_INT(tally_arg_enum(&call, "Enum"), 1);
	CHECK_BYTES(tally_arg_bytes(&call, "Base64"), TALLY_BYTES_LIT("\0\x01"));
	CHECK_BYTES(tally_arg_bytes(&call, "Text"), TALLY_BYTES_LIT("x y"));
	REQUIRE(tally_arg_list(&call, "List", &items) == 2);
	CHECK_BYTES(items[0], TALLY_BYTES_LIT("a"));
	CHECK_BYTES(items[1], TALLY_BYTES_LIT("b"));
}

/* A missing one is told before an invalid one, whatever their order. */
static void missing_first(void)
{
	static const struct tally_param rows[] = {
		{ .name = "A", .type = PARAM_UINT }, { .name = "B", .type = PARAM_TEXT,
		  .required = true, .min = 1 }, PARAM_END
	};
	static const struct tally_action action = { .params = rows, .reply = no_reply };
	static const char *const queries[] = { "A=x", "A=x&B=", "" };
	size_t i;

	for (i = 0; i < 3; i++) {
		struct tally_form form;
		struct tally_fault fault = { 0 };
		struct tally_values values;

		CASE("%s", queries[i]);
		REQUIRE(tally_form_parse(&arena, tally_bytes_str(queries[i]), TALLY_BYTES_NONE,
					 &form, &fault) == 0);
		CHECK_INT(tally_decode(&arena, &action, &form, BODY_NONE, TALLY_BYTES_NONE,
				       &values, &fault), -1);
		CHECK_INT(fault.kind, FAULT_MISSING_PARAMETER);
		CHECK_BYTES(fault.subject, TALLY_BYTES_LIT("B"));
	}
}

/* ---- batches ---- */

static void batches(void)
{
	static const struct {
		const char *body;
		bool lines;
		size_t count;		/* 0: refused */
		const char *about;
	} cases[] = {
		{ "[{\"Payload\":\"a\"}]", false, 1, NULL },
		{ " [ {\"Payload\":\"a\"} , {\"PayloadBase64\":\"YQ==\"} ] ", false, 2, NULL },
		{ "{\"Payload\":\"a\"}\n{\"Payload\":\"b\",\"Clues\":[\"c\"]}\n", true, 2, NULL },
		{ "\r\n{\"Payload\":\"a\"}\r\n\r\n{\"Payload\":\"b\"}", true, 2, NULL },
		{ "[]", false, 0, "Journals" },
		{ "", true, 0, "Journals" },
		{ "{\"Payload\":\"a\"}", false, 0, "Journals" },
		{ "[{\"Payload\":\"a\"}", false, 0, "Journals" },
		{ "[{\"Payload\":\"a\"}]]", false, 0, "Journals" },
		{ "[{\"Payload\":\"a\"},7]", false, 0, "Journals.1" },
		{ "[{\"Payload\":7}]", false, 0, "Journals.0.Payload" },
		{ "[{\"Payload\":\"a\",\"PayloadBase64\":\"YQ==\"}]", false, 0,
		  "Journals.0.PayloadBase64" },
		{ "[{\"PayloadBase64\":\"Y\"}]", false, 0, "Journals.0.PayloadBase64" },
		{ "[{\"Payload\":\"a\"},{}]", false, 0, "Journals.1.Payload" },
		{ "[{\"Payload\":\"a\",\"Clues\":\"c\"}]", false, 0, "Journals.0.Clues" },
		{ "[{\"Payload\":\"a\",\"ClientToken\":\"\"}]", false, 0,
		  "Journals.0.ClientToken" },
		{ "[{\"Payload\":\"a\",\"Nonsense\":1}]", false, 0, "Journals.0.Nonsense" },
		{ "[{\"Payload\":\"\xff\"}]", false, 0, "Journals.0.Payload" },
		{ "[{\"Payload\":\"\xed\xb4\xa6\"}]", false, 0, "Journals.0.Payload" },
		{ "{\"Payload\":\"\\\\ud800 \\uD83d\\uDE00\"}", true, 1, NULL },
		{ "{\"Payload\":\"a\"}\n{\"Payload\":\"\\ud800\"}", true, 0, "Journals.1" },
		{ "{\"Payload\":\"\\ud83d\\\\ude00\"}", true, 0, "Journals.0" },
		{ "[{\"Payload\":\"\\uDE00\\ud83d\"}]", false, 0, "Journals" },
		{ "{\"Payload\":\"a\"}\n{\"Payload\":\n", true, 0, "Journals.1" },
		{ "{\"Payload\":\"a\"}{\"Payload\":\"b\"}", true, 0, "Journals.0" },
		{ "[{\"Payload\":[[[[[[[[[[]]]]]]]]]]}]", false, 0, "Journals" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tally_entry *entries;
		struct tally_err err = { 0 };
		size_t count = 0;
		int result;

		CASE("%s", cases[i].body);
		result = tally_json_entries(&arena, tally_bytes_str(cases[i].body),
					    &(struct tally_batch_rules){ .lines = cases[i].lines,
									 .most = 10 },
					    &entries, &count, &err);
		CHECK_INT(result, cases[i].count > 0 ? 0 : -1);
		if (result == 0)
			CHECK_INT(count, cases[i].count);
		else
			CHECK_STR(err.subject, cases[i].about);
	}
}

/* Where each entry has an outcome of its own, the good ones are read whatever stands beside them. */
static void malformed_ones_alone(void)
{
	static const struct {
		const char *body;
		bool lines;
		const char *about[6];	/* of each entry; "": it is well */
	} cases[] = {
		{ "{\"Payload\":\"a\"}\n{\"Payload\":\nx\n\n{\"Payload\":\"b\"}", true,
		  { "", "Journals.1", "Journals.2", "" } },
		{ "[{\"Payload\":\"a\"},7,{},{\"Payload\":\"b\",\"Clues\":7},"
		  "{\"Payload\":\"a\"}]", false,
		  { "", "Journals.1", "Journals.2.Payload", "Journals.3.Clues", "" } },
		{ "{\"Payload\":\"\\ud800\"}\n{\"Payload\":\"\"}", true, { "Journals.0", "" } },
		{ "[", false, { NULL } },
		{ "{\"Payload\":\"a\"}", false, { NULL } },
		{ "[{\"Payload\":\"a\"}", false, { NULL } },
		{ "\n\n", true, { NULL } },
		{ "1\n2\n3\n4\n5\n6\n", true, { NULL } },		/* one more than the most */
	};
	struct tally_batch_rules rules = { .each = true, .most = 5 };
	struct tally_entry *entries;
	size_t count, i, k;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tally_err err = { 0 };
		int result;

		CASE("%s", cases[i].body);
		rules.lines = cases[i].lines;
		result = tally_json_entries(&arena, tally_bytes_str(cases[i].body), &rules,
					    &entries, &count, &err);
		CHECK_INT(result, cases[i].about[0] != NULL ? 0 : -1);
		if (result != 0) {
			CHECK_STR(err.subject, "Journals");
			continue;
		}
		for (k = 0; k < count; k++) {
			REQUIRE(cases[i].about[k] != NULL);
			CHECK_STR(entries[k].refused != NULL ? entries[k].refused->subject : "",
				  cases[i].about[k]);
		}
		CHECK(cases[i].about[count] == NULL);
	}
}

static void batch_values(void)
{
	const struct tally_batch_rules rules = { .lines = true, .most = 10 };
	static const char body[] =
		"{\"Payload\":\"\\u0000x\",\"Clues\":[\"c1\",\"c2\"],\"ClientId\":\"me\","
		"\"ClientToken\":\"t\"}";
	struct tally_entry *entries;
	struct tally_err err;
	size_t count;

	REQUIRE(tally_json_entries(&arena, tally_bytes_str(body), &rules, &entries, &count,
				   &err) == 0);
	REQUIRE(count == 1 && entries[0].clue_count == 2);
	CHECK_BYTES(entries[0].payload, TALLY_BYTES_LIT("\0x"));
	CHECK_BYTES(entries[0].clues[1], TALLY_BYTES_LIT("c2"));
	CHECK_BYTES(entries[0].client_id, TALLY_BYTES_LIT("me"));
	CHECK_BYTES(entries[0].token, TALLY_BYTES_LIT("t"));
}

/* More entries than the first guess at their number. */
static void batch_grows(void)
{
	const struct tally_batch_rules rules = { .lines = true, .most = 1000 };
	struct tally_entry *entries;
	struct tally_err err;
	size_t count, i;
	char *body = tally_arena_alloc(&arena, 1000 * 24 + 1), *p = body;

	for (i = 0; i < 1000; i++)
		p += sprintf(p, "{\"Payload\":\"%zu\"}\n", i);
	REQUIRE(tally_json_entries(&arena, tally_bytes_str(body), &rules, &entries, &count,
				   &err) == 0);
	REQUIRE(count == 1000);
	for (i = 0; i < count; i++)
		CHECK_BYTES(entries[i].payload,
			    tally_bytes_str(tally_arena_printf(&arena, "%zu", i)));
}

int main(void)
{
	TEST(forms);
	TEST(too_many);
	TEST(types);
	TEST(values_arrive);
	TEST(missing_first);
	TEST(batches);
	TEST(malformed_ones_alone);
	TEST(batch_values);
	TEST(batch_grows);
	tally_arena_free(&arena);
	return tap_done();
}
