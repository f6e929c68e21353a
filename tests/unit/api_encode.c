/* The two encoders over one tree: kinds, escapes, lists, payloads that a format cannot carry. */
#include <json.h>

#include "result.h"

#include "tap.h"

static struct tally_arena arena;

static void text_is(struct tally_node *node, const char *json, const char *xml)
{
	CHECK_BYTES(tally_encode_json(&arena, node), tally_bytes_str(json));
	CHECK_BYTES(tally_encode_xml(&arena, node, "R"),
		    tally_bytes_str(tally_arena_printf(
			    &arena, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<R>%s</R>", xml)));
	tally_arena_reset(&arena);
}

static void kinds(void)
{
	struct tally_node *node = tally_node_object(&arena), *list, *empty;

	tally_add_str(&arena, node, "A", "text");
	tally_add_uint(&arena, node, "B", UINT64_MAX);
	tally_add_uint_text(&arena, node, "C", 0);
	tally_add_uint_text(&arena, node, "D", UINT64_MAX);
	tally_add_bool(&arena, node, "E", true);
	tally_add_hex(&arena, node, "F", "\x00\xff", 2);
	list = tally_add_list(&arena, node, "Clues", "Clue");
	tally_add_str(&arena, list, NULL, "one");
	tally_add_str(&arena, list, NULL, "two");
	empty = tally_add_list(&arena, node, "None", "One");
	(void)empty;
	tally_add_bool(&arena, tally_add_object(&arena, node, "G"), "H", false);
	text_is(node,
		"{\"A\":\"text\",\"B\":18446744073709551615,\"C\":\"0\","
		"\"D\":\"18446744073709551615\",\"E\":true,\"F\":\"00ff\","
		"\"Clues\":[\"one\",\"two\"],\"None\":[],\"G\":{\"H\":false}}",
		"<A>text</A><B>18446744073709551615</B><C>0</C><D>18446744073709551615</D>"
		"<E>true</E><F>00ff</F><Clues><Clue>one</Clue><Clue>two</Clue></Clues><None/>"
		"<G><H>false</H></G>");
}

static void escapes(void)
{
	struct tally_node *node = tally_node_object(&arena);

	tally_add_str(&arena, node, "A", "<&>\"'\\/\r\n\t");
	tally_add_str(&arena, node, "B", "\xe8\xb4\xa6\xe6\x9c\xac \xf0\x9f\x93\x92");
	tally_add_str(&arena, node, "C", "");
	tally_add_str(&arena, node, "D", "]]>");
	text_is(node,
		"{\"A\":\"<&>\\\"'\\\\/\\r\\n\\t\",\"B\":\"\xe8\xb4\xa6\xe6\x9c\xac "
		"\xf0\x9f\x93\x92\",\"C\":\"\",\"D\":\"]]>\"}",
		"<A>&lt;&amp;&gt;\"'\\/&#13;\n\t</A><B>\xe8\xb4\xa6\xe6\x9c\xac "
		"\xf0\x9f\x93\x92</B><C></C><D>]]&gt;</D>");
}

/* Where a format cannot carry the payload it says so; the other is not touched by that. */
static void payloads(void)
{
	static const struct {
		const char *name;
		struct tally_bytes payload;
		const char *json, *xml;
	} cases[] = {
		{ "text", TALLY_BYTES_LIT("{\"a\":1}"), "{\"P\":\"{\\\"a\\\":1}\",\"Z\":\"\"}",
		  "<P>{\"a\":1}</P><Z></Z>" },
		{ "control character", TALLY_BYTES_LIT("a\x01"), "{\"P\":\"a\\u0001\",\"Z\":\"\"}",
		  "<P>YQE=</P><E>base64</E><Z></Z>" },
		{ "NUL", TALLY_BYTES_LIT("\0"), "{\"P\":\"\\u0000\",\"Z\":\"\"}",
		  "<P>AA==</P><E>base64</E><Z></Z>" },
		{ "U+FFFF", TALLY_BYTES_LIT("\xef\xbf\xbf"), "{\"P\":\"\xef\xbf\xbf\",\"Z\":\"\"}",
		  "<P>77+/</P><E>base64</E><Z></Z>" },
		{ "U+FFFD", TALLY_BYTES_LIT("\xef\xbf\xbd"), "{\"P\":\"\xef\xbf\xbd\",\"Z\":\"\"}",
		  "<P>\xef\xbf\xbd</P><Z></Z>" },
		{ "no UTF-8", TALLY_BYTES_LIT("\xff\xfe"),
		  "{\"P\":\"//4=\",\"E\":\"base64\",\"Z\":\"\"}",
		  "<P>//4=</P><E>base64</E><Z></Z>" },
		{ "cut UTF-8", TALLY_BYTES_LIT("\xef\xbf"),
		  "{\"P\":\"778=\",\"E\":\"base64\",\"Z\":\"\"}",
		  "<P>778=</P><E>base64</E><Z></Z>" },
		{ "nothing", TALLY_BYTES_LIT(""), "{\"P\":\"\",\"Z\":\"\"}", "<P></P><Z></Z>" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tally_node *node = tally_node_object(&arena);

		CASE("%s", cases[i].name);
		tally_add_payload(&arena, node, "P", "E", cases[i].payload);
		tally_add_str(&arena, node, "Z", "");
		text_is(node, cases[i].json, cases[i].xml);
	}
}

/* Any other text that XML cannot carry keeps the document whole. */
static void unwritable_text(void)
{
	struct tally_node *node = tally_node_object(&arena);

	tally_add_str(&arena, node, "A", "\x1b");
	text_is(node, "{\"A\":\"\\u001b\"}", "<A encoding=\"base64\">Gw==</A>");
}

/* Every byte pair as text: JSON that json-c reads back to the same bytes. */
static void json_reads_back(void)
{
	char text[3] = "";
	int a, b;

	for (a = 1; a < 128; a++) {
		for (b = 1; b < 128; b++) {
			struct tally_node *node = tally_node_object(&arena);
			struct tally_bytes json;
			struct json_object *root, *member = NULL;

			text[0] = (char)a;
			text[1] = (char)b;
			tally_add_str(&arena, node, "A", text);
			json = tally_encode_json(&arena, node);
			root = json_tokener_parse(tally_arena_str(&arena, json));
			json_object_object_get_ex(root, "A", &member);
			CHECK_STR(json_object_get_string(member), text);
			json_object_put(root);
			tally_arena_reset(&arena);
		}
	}
}

int main(void)
{
	TEST(kinds);
	TEST(escapes);
	TEST(payloads);
	TEST(unwritable_text);
	TEST(json_reads_back);
	tally_arena_free(&arena);
	return tap_done();
}
