/*
 * The reference of all actions as one HTML page: no script, no other file, readable on a phone. Its parts
 * are the rows; what goes into it is escaped in one place.
 */
#include "actions_doc.h"

#include "action.h"
#include "actions_words.h"
#include "buf.h"
#include "endpoint_words.h"
#include "rpcsign.h"

static const char style[] =
	":root{color-scheme:light dark;--line:#8884;--soft:#8881;--link:#0b62c4}\n"
	"@media(prefers-color-scheme:dark){:root{--link:#7ab8ff}}\n"
	"*{box-sizing:border-box}\n"
	"body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:0 auto;padding:1rem;"
	"overflow-wrap:anywhere}\n"
	"h1{font-size:1.6rem;margin:.5rem 0}h2{margin-top:2.5rem}\n"
	"section{border-top:1px solid var(--line);margin-top:2rem;padding-top:.5rem}\n"
	"h3{margin:.5rem 0 0;font-size:1.25rem}h4{margin:1.2rem 0 .3rem;font-size:1rem}\n"
	"a{color:var(--link)}nav{columns:10rem;line-height:2;font-size:.9rem}nav a{display:block}\n"
	"dl{margin:0}dt{margin-top:.6rem}dd{margin:0 0 0 1rem}\n"
	"code,pre{font:.875em/1.5 ui-monospace,monospace}\n"
	"pre{background:var(--soft);padding:.7rem;border-radius:6px;white-space:pre-wrap;margin:.4rem 0}\n"
	".of{opacity:.75;font-size:.875em}.must{font-weight:600}\n"
	".deep{margin-left:1rem;border-left:2px solid var(--line);padding-left:.7rem}\n"
	"details summary{cursor:pointer;margin-top:1.2rem;font-weight:600}\n";

/* ---- writing ---- */

static void add_text(struct tally_buf *buf, const char *text)
{
	for (; *text != '\0'; text++)
		switch (*text) {
		case '&': tally_buf_add_str(buf, "&amp;"); break;
		case '<': tally_buf_add_str(buf, "&lt;"); break;
		case '>': tally_buf_add_str(buf, "&gt;"); break;
		case '"': tally_buf_add_str(buf, "&quot;"); break;
		default: tally_buf_add_u8(buf, (uint8_t)*text);
		}
}

static void add_element(struct tally_buf *buf, const char *tag, const char *text)
{
	tally_buf_printf(buf, "<%s>", tag);
	add_text(buf, text);
	tally_buf_printf(buf, "</%.*s>", (int)strcspn(tag, " "), tag);
}

/* ---- parameters ---- */

static void add_bounds(struct tally_buf *buf, const struct tally_param *row)
{
	if (row->min > 0 && row->min == row->max)
		tally_buf_printf(buf, ", %llu", (unsigned long long)row->max);
	else if (row->min > 0 && row->max > 0 && row->max < INT64_MAX)
		tally_buf_printf(buf, ", %llu to %llu", (unsigned long long)row->min,
				 (unsigned long long)row->max);
	else if (row->max > 0 && row->max < INT64_MAX)
		tally_buf_printf(buf, ", up to %llu", (unsigned long long)row->max);
	else if (row->min > 0)
		tally_buf_printf(buf, ", from %llu", (unsigned long long)row->min);
	if (row->type == PARAM_ENUM)
		for (size_t i = 0; row->choices[i] != NULL; i++) {
			tally_buf_add_str(buf, i == 0 ? ": " : ", ");
			add_element(buf, "code", row->choices[i]);
		}
	if (row->fallback != NULL) {
		tally_buf_add_str(buf, "; default ");
		add_element(buf, "code", row->fallback);
	}
}

static void add_params(struct tally_buf *buf, const struct tally_action *action)
{
	const struct tally_param *row;

	if (action->params[0].name == NULL)
		return;
	tally_buf_add_str(buf, "<h4>Parameters</h4>\n<dl>\n");
	for (row = action->params; row->name != NULL; row++) {
		tally_buf_add_str(buf, "<dt>");
		add_element(buf, "code", row->name);
		tally_buf_printf(buf, " <span class=of>%s%s", row->required ? "<span class=must>required"
							      "</span> " : "",
				 tally_param_words[row->type].name);
		add_bounds(buf, row);
		tally_buf_add_str(buf, "</span></dt><dd>");
		add_text(buf, row->help);
		tally_buf_add_str(buf, "</dd>\n");
	}
	tally_buf_add_str(buf, "</dl>\n");
}

/* ---- replies ---- */

/* How deep a member stands: by the dots and brackets of its path. */
static int depth_of(const char *path)
{
	int depth = 0;

	for (; *path != '\0'; path++)
		depth += *path == '.' || *path == '[';
	return depth;
}

/* The last part of a path: "Journals[Journal].Clues[Clue]" is an item of Clues. */
static void add_member_name(struct tally_buf *buf, const char *path)
{
	const char *dot = strrchr(path, '.'), *bracket = strrchr(path, '[');

	if (bracket != NULL && (dot == NULL || bracket > dot))
		tally_buf_add_str(buf, "each item");
	else
		add_element(buf, "code", dot != NULL ? dot + 1 : path);
}

/* first: a member that every reply has, or "". */
static void add_reply(struct tally_buf *buf, const struct tally_reply_field *row, const char *first)
{
	int depth = 0;

	tally_buf_printf(buf, "<details><summary>Reply</summary>\n<dl>\n%s", first);
	for (; row->name != NULL; row++) {
		int here = depth_of(row->name);

		for (; depth < here; depth++)
			tally_buf_add_str(buf, "<dd><dl class=deep>\n");
		for (; depth > here; depth--)
			tally_buf_add_str(buf, "</dl></dd>\n");
		tally_buf_add_str(buf, "<dt>");
		add_member_name(buf, row->name);
		tally_buf_printf(buf, " <span class=of>%s%s</span></dt><dd>", tally_node_words[row->kind],
				 row->optional ? ", may be absent" : "");
		add_text(buf, row->help);
		tally_buf_add_str(buf, "</dd>\n");
	}
	for (; depth > 0; depth--)
		tally_buf_add_str(buf, "</dl></dd>\n");
	tally_buf_add_str(buf, "</dl></details>\n");
}

/* ---- one action ---- */

static void add_errors(struct tally_buf *buf, const struct tally_action *action,
		       struct tally_arena *arena)
{
	enum tally_fault_kind kinds[TALLY_ACTION_FAULTS];
	size_t count = tally_action_faults(action, kinds);

	tally_buf_add_str(buf, "<h4>Errors</h4>\n<p>");
	for (size_t i = 0; i < count; i++) {
		struct tally_fault fault = { .kind = kinds[i] };

		tally_buf_add_str(buf, i == 0 ? "" : ", ");
		add_element(buf, "code", tally_fault_code(&fault, arena));
		tally_buf_printf(buf, " <span class=of>%d</span>", tally_fault_status(&fault));
	}
	tally_buf_printf(buf, "%s<a href=\"#errors\">those of every request</a>.</p>\n",
			 count > 0 ? "; and " : "");
}

static void add_methods(struct tally_buf *buf, const struct tally_action *action)
{
	tally_buf_printf(buf, "<p class=of>%s · %s%s%s <code>%s</code> · needs: %s</p>\n",
			 action->kind == ACTION_READ ? "read" : "write",
			 action->methods & METHOD_GET ? "GET" : "",
			 (action->methods & METHOD_GET) && (action->methods & METHOD_POST) ? ", " : "",
			 action->methods & METHOD_POST ? "POST" : "", tally_action_path(action),
			 tally_need_words[action->need]);
}

static void add_examples(struct tally_buf *buf, const struct tally_action *action,
			 struct tally_arena *arena)
{
	const char *curl = tally_action_example(arena, action, EXAMPLE_CURL);

	tally_buf_add_str(buf, "<h4>Example</h4>\n");
	add_element(buf, "pre", tally_action_example(arena, action, EXAMPLE_CALL));
	if (curl != NULL)
		add_element(buf, "pre", curl);
}

static void add_action(struct tally_buf *buf, const struct tally_action *action,
		       struct tally_arena *arena)
{
	tally_buf_printf(buf, "<section id=\"%s\">\n", action->name);
	add_element(buf, "h3", action->name);
	tally_buf_add_str(buf, "\n<p>");
	add_text(buf, action->summary);
	tally_buf_add_str(buf, "</p>\n");
	add_methods(buf, action);
	add_params(buf, action);
	add_examples(buf, action, arena);
	add_errors(buf, action, arena);
	add_reply(buf, action->reply, "<dt><code>RequestId</code> <span class=of>string</span></dt>"
		  "<dd>Of this request.</dd>\n");
	tally_buf_add_str(buf, "</section>\n");
}

/* ---- one endpoint ---- */

static void add_share_params(struct tally_buf *buf, const struct tally_share_endpoint *row)
{
	tally_buf_add_str(buf, "<h4>Parameters</h4>\n<p>The <a href=\"#data-sharing\">common fields</a>"
			  ", and:</p>\n<dl>\n");
	for (const struct tally_share_param *param = row->params; param->name != NULL; param++) {
		tally_buf_add_str(buf, "<dt>");
		add_element(buf, "code", param->name);
		tally_buf_printf(buf, " <span class=of>%s%s", param->required ? "<span class=must>required"
							      "</span> " : "",
				 tally_share_type_words[param->type].name);
		if (param->max > 0)
			tally_buf_printf(buf, ", up to %llu", (unsigned long long)param->max);
		for (size_t i = 0; param->choices != NULL && param->choices[i] != NULL; i++) {
			tally_buf_add_str(buf, i == 0 ? ": " : ", ");
			add_element(buf, "code", param->choices[i]);
		}
		tally_buf_add_str(buf, "</span></dt><dd>");
		add_text(buf, tally_share_param_words(param->name)->help);
		tally_buf_add_str(buf, "</dd>\n");
	}
	tally_buf_add_str(buf, "</dl>\n");
}

static void add_share_faults(struct tally_buf *buf, const struct tally_share_endpoint *row)
{
	enum tally_share_fault_kind kinds[TALLY_SHARE_ROW_FAULTS];
	size_t count = tally_share_row_faults(row, kinds);

	tally_buf_add_str(buf, "<h4>Errors</h4>\n<p>");
	for (size_t i = 0; i < count; i++) {
		struct tally_share_fault fault = { .kind = kinds[i] };

		add_element(buf, "code", tally_share_fault_code(kinds[i]));
		tally_buf_printf(buf, " <span class=of>%d</span>, ",
				 tally_share_endpoint_status(row, &fault));
	}
	tally_buf_add_str(buf, "<a href=\"#share-errors\">those of every request</a>.</p>\n");
}

static void add_endpoint(struct tally_buf *buf, const struct tally_share_endpoint *row,
			 struct tally_arena *arena)
{
	const struct tally_share_words *words = tally_share_words(row);

	if (words == NULL)
		return;
	tally_buf_printf(buf, "<section id=\"%s\">\n", row->name);
	add_element(buf, "h3", row->name);
	tally_buf_add_str(buf, "\n<p>");
	add_text(buf, words->summary);
	tally_buf_printf(buf, "</p>\n<p class=of>%s · %s <code>%s</code> · needs: %s</p>\n",
			 words->writes ? "write" : "read", row->method, row->path,
			 tally_share_need_words(row));
	add_share_params(buf, row);
	tally_buf_add_str(buf, "<h4>Example</h4>\n");
	add_element(buf, "pre", tally_share_example(arena, row));
	add_share_faults(buf, row);
	add_reply(buf, words->reply, "");
	tally_buf_add_str(buf, "</section>\n");
}

/* ---- the page ---- */

static void add_contents(struct tally_buf *buf, enum tally_family family)
{
	tally_buf_add_str(buf, "<nav>\n");
	for (size_t i = 0; tally_actions[i] != NULL; i++)
		if (tally_actions[i]->family == family)
			tally_buf_printf(buf, "<a href=\"#%s\">%s</a>\n", tally_actions[i]->name,
					 tally_actions[i]->name);
	tally_buf_add_str(buf, "</nav>\n");
}

static void add_family(struct tally_buf *buf, enum tally_family family, struct tally_arena *arena)
{
	for (size_t i = 0; tally_actions[i] != NULL; i++)
		if (tally_actions[i]->family == family)
			add_action(buf, tally_actions[i], arena);
}

static void add_common_errors(struct tally_buf *buf, struct tally_arena *arena)
{
	tally_buf_add_str(buf, "<h2 id=errors>Errors of every request</h2>\n<dl>\n");
	for (size_t i = 0; tally_common_faults[i] != FAULT_NONE; i++) {
		struct tally_fault fault = { .kind = tally_common_faults[i],
					     .subject = TALLY_BYTES_LIT("…") };

		tally_buf_add_str(buf, "<dt>");
		add_element(buf, "code", tally_fault_code(&fault, arena));
		tally_buf_printf(buf, " <span class=of>%d</span></dt><dd>", tally_fault_status(&fault));
		add_text(buf, tally_arena_str(arena, tally_fault_message(&fault, arena)));
		tally_buf_add_str(buf, "</dd>\n");
	}
	tally_buf_add_str(buf, "</dl>\n");
}

static void add_share_contents(struct tally_buf *buf)
{
	tally_buf_add_str(buf, "<nav>\n");
	for (const struct tally_share_endpoint *row = tally_share_endpoints; row->path != NULL; row++)
		if (tally_share_words(row) != NULL)
			tally_buf_printf(buf, "<a href=\"#%s\">%s</a>\n", row->name, row->name);
	tally_buf_add_str(buf, "</nav>\n");
}

static void add_share_errors(struct tally_buf *buf, struct tally_arena *arena)
{
	tally_buf_add_str(buf, "<h2 id=share-errors>Errors of every request of data sharing</h2>\n<dl>\n");
	for (size_t i = 0; tally_share_common_faults[i] != SHARE_FAULT_NONE; i++) {
		struct tally_share_fault fault = { .kind = tally_share_common_faults[i] };

		tally_buf_add_str(buf, "<dt>");
		add_element(buf, "code", tally_share_fault_code(fault.kind));
		tally_buf_printf(buf, " <span class=of>%d</span></dt><dd>", tally_share_fault_status(&fault));
		add_text(buf, tally_arena_str(arena, tally_share_fault_message(&fault, arena)));
		tally_buf_add_str(buf, "</dd>\n");
	}
	tally_buf_add_str(buf, "</dl>\n");
}

/* The words above their endpoints. */
static const char share_intro[] =
	"<h2 id=data-sharing>Data sharing</h2>\n<p>A body is a JSON object with the common fields "
	"<code>orgID</code>, <code>channelID</code>, <code>cryptoMethod</code> (<code>SW</code>), "
	"<code>cert</code>, <code>timestamp</code>, and the private key <code>sk</code> or a signature in the "
	"header <code>x-bcs-signature-sign</code>. Certificate and key of the examples are in "
	"<code>me.pem</code> and <code>me.key</code>.</p>\n";

struct tally_bytes tally_actions_html(struct tally_arena *arena)
{
	struct tally_buf buf = { 0 };
	struct tally_bytes text;

	tally_buf_printf(&buf, "<!DOCTYPE html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
			 "<meta name=viewport content=\"width=device-width,initial-scale=1\">\n"
			 "<title>Tallystick: actions</title>\n<style>\n%s</style>\n</head>\n<body>\n"
			 "<h1>Tallystick: all actions</h1>\n", style);
	tally_buf_add_str(&buf,
			  "<p>Parameters stand in the query string or in a form body, with "
			  "<code>Action</code>, <code>Version=" TALLY_RPC_VERSION "</code> and the common "
			  "parameters of the signature. <code>Format=XML</code> gives XML. The examples ask the "
			  "server of <code>TALLY_ENDPOINT</code> with the key of <code>TALLY_ACCESS_KEY_ID</code> "
			  "and <code>TALLY_ACCESS_KEY_SECRET</code>; put ids of your own into them.</p>\n"
			  "<h2>Ledgers</h2>\n");
	add_contents(&buf, FAMILY_LEDGERDB);
	tally_buf_add_str(&buf, "<h2>Administration</h2>\n<p>On the server's own host, as the store's "
			  "owner; the verbs of <code>tally</code> use them. The examples ask the store of "
			  "<code>TALLY_STORE</code>.</p>\n");
	add_contents(&buf, FAMILY_ADMIN);
	tally_buf_add_str(&buf, share_intro);
	add_share_contents(&buf);
	add_family(&buf, FAMILY_LEDGERDB, arena);
	tally_buf_add_str(&buf, "<h2>Administration</h2>\n");
	add_family(&buf, FAMILY_ADMIN, arena);
	tally_buf_add_str(&buf, "<h2>Data sharing</h2>\n");
	for (const struct tally_share_endpoint *row = tally_share_endpoints; row->path != NULL; row++)
		add_endpoint(&buf, row, arena);
	add_common_errors(&buf, arena);
	add_share_errors(&buf, arena);
	tally_buf_add_str(&buf, "</body>\n</html>\n");
	text = tally_arena_bytes(arena, tally_buf_bytes(&buf));
	tally_buf_free(&buf);
	return text;
}
