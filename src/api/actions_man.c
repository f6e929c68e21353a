/* The reference of all actions as a manual page, tally-actions(7), in mdoc. */
#include "actions_doc.h"

#include "action.h"
#include "actions_words.h"
#include "buf.h"
#include "endpoint_words.h"

/* ---- writing ---- */

/* Text on a line of its own or behind a macro: what roff would take for its own is escaped. */
static void add_text(struct tally_buf *buf, const char *text)
{
	for (; *text != '\0'; text++)
		if (*text == '\\')
			tally_buf_add_str(buf, "\\e");
		else
			tally_buf_add_u8(buf, (uint8_t)*text);
}

/* A sentence a line, and no line over 78 characters; a line never begins with what roff takes for a
 * macro. */
static void add_filled(struct tally_buf *buf, const char *text)
{
	size_t column = 0;

	while (*text != '\0') {
		size_t size = strcspn(text, " ");
		bool ends = text[size] == ' ' && size > 1 && text[size - 1] == '.' && text[size - 2] != '.';

		if (column > 0 && column + 1 + size > 76) {
			tally_buf_add_u8(buf, '\n');
			column = 0;
		} else if (column > 0) {
			tally_buf_add_u8(buf, ' ');
			column++;
		}
		if (column == 0 && (*text == '.' || *text == '\''))
			tally_buf_add_str(buf, "\\&");
		for (size_t i = 0; i < size; i++)
			if (text[i] == '\\')
				tally_buf_add_str(buf, "\\e");
			else
				tally_buf_add_u8(buf, (uint8_t)text[i]);
		column += size;
		if (ends) {
			tally_buf_add_u8(buf, '\n');
			column = 0;
		}
		text += size + strspn(text + size, " ");
	}
	if (column > 0)
		tally_buf_add_u8(buf, '\n');
}

/* A line of text as it stands, within a literal block. */
static void add_literal(struct tally_buf *buf, const char *text)
{
	if (*text == '.' || *text == '\'')
		tally_buf_add_str(buf, "\\&");
	for (; *text != '\0'; text++)
		if (*text == '\\')
			tally_buf_add_str(buf, "\\e");
		else if (*text == '-')
			tally_buf_add_str(buf, "\\-");
		else
			tally_buf_add_u8(buf, (uint8_t)*text);
	tally_buf_add_u8(buf, '\n');
}

/* ---- one action ---- */

static void add_params(struct tally_buf *buf, const struct tally_action *action)
{
	const struct tally_param *row;

	if (action->params[0].name == NULL)
		return;
	tally_buf_add_str(buf, "Parameters:\n.Bl -tag -width Ds -compact\n");
	for (row = action->params; row->name != NULL; row++) {
		tally_buf_printf(buf, ".It Va %s Pq %s%s", row->name, tally_param_words[row->type].name,
				 row->required ? ", required" : "");
		if (row->fallback != NULL) {
			tally_buf_add_str(buf, "; default ");
			add_text(buf, row->fallback);
		}
		tally_buf_add_u8(buf, '\n');
		add_filled(buf, row->help);
		if (row->type == PARAM_ENUM) {
			tally_buf_add_str(buf, "One of");
			for (size_t i = 0; row->choices[i] != NULL; i++)
				tally_buf_printf(buf, "%s\n.Cm %s", i == 0 ? "" : " ,", row->choices[i]);
			tally_buf_add_str(buf, " .\n");
		}
	}
	tally_buf_add_str(buf, ".El\n.Pp\n");
}

static void add_reply(struct tally_buf *buf, const struct tally_reply_field *row)
{
	if (row->name == NULL)
		return;
	tally_buf_add_str(buf, "Reply:\n.Bl -tag -width Ds -compact\n");
	for (; row->name != NULL; row++) {
		tally_buf_printf(buf, ".It Va %s Pq %s%s\n", row->name, tally_node_words[row->kind],
				 row->optional ? ", may be absent" : "");
		add_filled(buf, row->help);
	}
	tally_buf_add_str(buf, ".El\n.Pp\n");
}

static void add_errors(struct tally_buf *buf, const struct tally_action *action,
		       struct tally_arena *arena)
{
	enum tally_fault_kind kinds[TALLY_ACTION_FAULTS];
	size_t count = tally_action_faults(action, kinds);

	for (size_t i = 0; i < count; i++) {
		struct tally_fault fault = { .kind = kinds[i] };

		tally_buf_printf(buf, "%s.Er %s", i == 0 ? "Errors:\n" : " ,\n",
				 tally_fault_code(&fault, arena));
	}
	if (count > 0)
		tally_buf_add_str(buf, " .\n");
}

static void add_examples(struct tally_buf *buf, const struct tally_action *action,
			 struct tally_arena *arena)
{
	tally_buf_add_str(buf, ".Bd -literal -offset indent\n");
	for (enum tally_example form = EXAMPLE_CALL; form <= EXAMPLE_CURL; form++) {
		const char *text = tally_action_example(arena, action, form), *end;

		for (; text != NULL && *text != '\0'; text = *end != '\0' ? end + 1 : end) {
			end = text + strcspn(text, "\n");
			add_literal(buf, tally_arena_str(arena, tally_bytes(text, (size_t)(end - text))));
		}
	}
	tally_buf_add_str(buf, ".Ed\n.Pp\n");
}

static void add_action(struct tally_buf *buf, const struct tally_action *action,
		       struct tally_arena *arena)
{
	tally_buf_printf(buf, ".Ss %s\n", action->name);
	add_filled(buf, action->summary);
	tally_buf_printf(buf, "It is a %s, and needs: %s.\n", action->kind == ACTION_READ ? "read" : "write",
			 tally_need_words[action->need]);
	add_examples(buf, action, arena);
	add_params(buf, action);
	add_reply(buf, action->reply);
	add_errors(buf, action, arena);
}

/* ---- one endpoint ---- */

static void add_share_params(struct tally_buf *buf, const struct tally_share_endpoint *row)
{
	if (row->params[0].name == NULL)
		return;
	tally_buf_add_str(buf, "Parameters:\n.Bl -tag -width Ds -compact\n");
	for (const struct tally_share_param *param = row->params; param->name != NULL; param++) {
		tally_buf_printf(buf, ".It Va %s Pq %s%s\n", param->name,
				 tally_share_type_words[param->type].name,
				 param->required ? ", required" : "");
		add_filled(buf, tally_share_param_words(param->name)->help);
		if (param->choices == NULL)
			continue;
		tally_buf_add_str(buf, "One of");
		for (size_t i = 0; param->choices[i] != NULL; i++)
			tally_buf_printf(buf, "%s\n.Cm %s", i == 0 ? "" : " ,", param->choices[i]);
		tally_buf_add_str(buf, " .\n");
	}
	tally_buf_add_str(buf, ".El\n.Pp\n");
}

static void add_endpoint(struct tally_buf *buf, const struct tally_share_endpoint *row,
			 struct tally_arena *arena)
{
	const struct tally_share_words *words = tally_share_words(row);
	enum tally_share_fault_kind kinds[TALLY_SHARE_ROW_FAULTS];
	size_t count = tally_share_row_faults(row, kinds);

	if (words == NULL)
		return;
	tally_buf_printf(buf, ".Ss %s\n", row->name);
	add_filled(buf, words->summary);
	tally_buf_printf(buf, "It is a %s,\n.Li %s %s ,\nand needs: %s.\n", words->writes ? "write" : "read",
			 row->method, row->path, tally_share_need_words(row));
	tally_buf_add_str(buf, ".Bd -literal -offset indent\n");
	add_literal(buf, tally_share_example(arena, row));
	tally_buf_add_str(buf, ".Ed\n.Pp\n");
	add_share_params(buf, row);
	add_reply(buf, words->reply);
	for (size_t i = 0; i < count; i++)
		tally_buf_printf(buf, "%s.Er %s", i == 0 ? "Errors:\n" : " ,\n",
				 tally_share_fault_code(kinds[i]));
	tally_buf_add_str(buf, count > 0 ? " .\n" : "It has no errors of its own.\n");
}

/* ---- the page ---- */

static void add_family(struct tally_buf *buf, enum tally_family family, struct tally_arena *arena)
{
	for (size_t i = 0; tally_actions[i] != NULL; i++)
		if (tally_actions[i]->family == family)
			add_action(buf, tally_actions[i], arena);
}

static void add_common_errors(struct tally_buf *buf, struct tally_arena *arena)
{
	tally_buf_add_str(buf, ".Sh COMMON ERRORS\nThose of every request:\n.Bl -tag -width Ds -compact\n");
	for (size_t i = 0; tally_common_faults[i] != FAULT_NONE; i++) {
		struct tally_fault fault = { .kind = tally_common_faults[i],
					     .subject = TALLY_BYTES_LIT("...") };

		tally_buf_printf(buf, ".It Er %s Pq %d\n", tally_fault_code(&fault, arena),
				 tally_fault_status(&fault));
		add_filled(buf, tally_arena_str(arena, tally_fault_message(&fault, arena)));
	}
	tally_buf_add_str(buf, ".El\n");
}

static void add_share(struct tally_buf *buf, struct tally_arena *arena)
{
	tally_buf_add_str(buf, ".Sh DATA SHARING\nA body is a JSON object with the common fields\n"
			  ".Va orgID , channelID , cryptoMethod\n.Pq Cm SW ,\n.Va cert , timestamp ,\n"
			  "and the private key\n.Va sk\nor a signature in the header\n"
			  ".Li x-bcs-signature-sign .\nCertificate and key of the examples are in\n"
			  ".Pa me.pem\nand\n.Pa me.key .\n");
	for (const struct tally_share_endpoint *row = tally_share_endpoints; row->path != NULL; row++)
		add_endpoint(buf, row, arena);
}

static void add_share_errors(struct tally_buf *buf, struct tally_arena *arena)
{
	tally_buf_add_str(buf, "Those of every request of data sharing:\n.Bl -tag -width Ds -compact\n");
	for (size_t i = 0; tally_share_common_faults[i] != SHARE_FAULT_NONE; i++) {
		struct tally_share_fault fault = { .kind = tally_share_common_faults[i] };

		tally_buf_printf(buf, ".It Er %s Pq %d\n", tally_share_fault_code(fault.kind),
				 tally_share_fault_status(&fault));
		add_filled(buf, tally_arena_str(arena, tally_share_fault_message(&fault, arena)));
	}
	tally_buf_add_str(buf, ".El\n");
}

struct tally_bytes tally_actions_man(struct tally_arena *arena)
{
	struct tally_buf buf = { 0 };
	struct tally_bytes text;

	tally_buf_add_str(&buf,
			  ".Dd November 26, 2026\n.Dt TALLY-ACTIONS 7\n.Os\n.Sh NAME\n.Nm tally-actions\n"
			  ".Nd all actions of the ledger server's interface\n.Sh DESCRIPTION\n"
			  "An action is called over HTTP, by its name in the parameter\n.Va Action .\n"
			  "The manual of the interface,\n.Pa doc/api.md ,\n"
			  "has the common parameters and the signature;\n.Xr tally-call 1\n"
			  "sends a request.\n"
			  "The examples take server and key from the environment, and need ids of your own.\n"
			  "Members of a reply are written as paths: of the items of a list in brackets.\n"
			  ".Sh LEDGERS\n");
	add_family(&buf, FAMILY_LEDGERDB, arena);
	tally_buf_add_str(&buf, ".Sh ADMINISTRATION\nOn the server's own host, as the store's owner; the "
			  "verbs of\n.Xr tally 1\nuse them.\nThe examples ask the "
			  "store of\n.Ev TALLY_STORE .\n");
	add_family(&buf, FAMILY_ADMIN, arena);
	add_share(&buf, arena);
	add_common_errors(&buf, arena);
	add_share_errors(&buf, arena);
	tally_buf_add_str(&buf, ".Sh SEE ALSO\n.Xr tally 1 ,\n.Xr tally-actions 1 ,\n.Xr tally-call 1\n");
	text = tally_arena_bytes(arena, tally_buf_bytes(&buf));
	tally_buf_free(&buf);
	return text;
}
