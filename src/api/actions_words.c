/* What documents made from the rows share. See actions_words.h. */
#include "actions_words.h"

#include "buf.h"

const struct tally_param_word tally_param_words[] = {
	[PARAM_TEXT] = { "text", "string", NULL },
	[PARAM_RAW] = { "raw", "string", NULL },
	[PARAM_BASE64] = { "base64", "string", NULL },
	[PARAM_LEDGER_ID] = { "ledger-id", "string", "^l-[A-Za-z0-9_-]{1,62}$" },
	[PARAM_MEMBER_ID] = { "member-id", "string", "^m-[A-Za-z0-9_-]{1,62}$" },
	[PARAM_UINT] = { "integer", "integer", NULL },
	[PARAM_BOOL] = { "boolean", "boolean", NULL },
	[PARAM_ENUM] = { "choice", "string", NULL },
	[PARAM_HASH] = { "hash", "string", "^[0-9A-Fa-f]{64}$" },
	[PARAM_TOKEN] = { "token", "string", "^[ -~]{1,64}$" },
	[PARAM_NEXT] = { "next-token", "string", NULL },
	[PARAM_LIST] = { "list", "array", NULL },
	[PARAM_BODY] = { "body", "array", NULL },
};

const char *const tally_need_words[] = {
	[PERM_NONE] = "a signed request", [PERM_ANYONE] = "nothing",
	[PERM_VIEW_LEDGER] = "view ledger", [PERM_UPDATE_LEDGER] = "update ledger",
	[PERM_VIEW_ACCESS] = "view access",
	[PERM_VIEW_MEMBER] = "view member", [PERM_UPDATE_MEMBER] = "update member",
	[PERM_UPDATE_SELF] = "update oneself", [PERM_ACCEPT] = "an invitation", [PERM_VIEW_JOURNAL] = "view journal",
	[PERM_APPEND] = "append", [PERM_UPDATE_TRUSTPOINT] = "update trust point",
	[PERM_VIEW_TRUSTPOINT] = "view trust point",
	[PERM_CREATE_TIMEANCHOR] = "create time anchor",
	[PERM_VIEW_TIMEANCHOR] = "view time anchor", [PERM_REMOVE] = "remove payloads",
	[PERM_LOCAL] = "local administration",
};

const char *const tally_node_words[] = {
	[NODE_OBJECT] = "object", [NODE_LIST] = "array", [NODE_TEXT] = "string",
	[NODE_UINT] = "integer", [NODE_INT] = "integer", [NODE_BOOL] = "boolean",
};

const char *tally_action_path(const struct tally_action *action)
{
	return action->family == FAMILY_ADMIN ? "/admin/" : "/";
}

/* ---- errors ---- */

static bool has_param(const struct tally_action *action, enum tally_param_type type, bool required)
{
	const struct tally_param *row;

	for (row = action->params; row->name != NULL; row++)
		if (row->type == type && (row->required || !required))
			return true;
	return false;
}

static bool any_required(const struct tally_action *action)
{
	const struct tally_param *row;

	for (row = action->params; row->name != NULL; row++)
		if (row->required)
			return true;
	return false;
}

size_t tally_action_faults(const struct tally_action *action,
			   enum tally_fault_kind kinds_r[TALLY_ACTION_FAULTS])
{
	bool write = action->kind == ACTION_WRITE;
	size_t count = 0;

	if (any_required(action) || action->check != NULL)
		kinds_r[count++] = FAULT_MISSING_PARAMETER;
	if (action->params[0].name != NULL)
		kinds_r[count++] = FAULT_INVALID_PARAMETER;
	if (has_param(action, PARAM_TOKEN, false))
		kinds_r[count++] = FAULT_TOKEN_MISMATCH;
	if (action->need != PERM_ANYONE && action->need != PERM_NONE)
		kinds_r[count++] = FAULT_UNAUTHORIZED;
	if (any_required(action))
		kinds_r[count++] = FAULT_NOT_FOUND;
	if (action->may_exist)
		kinds_r[count++] = FAULT_EXISTS;
	if (write && action->family == FAMILY_LEDGERDB) {
		kinds_r[count++] = FAULT_READ_ONLY;
		kinds_r[count++] = FAULT_THROTTLING;
		kinds_r[count++] = FAULT_UNCERTAIN;
	}
	return count;
}

const enum tally_fault_kind tally_common_faults[] = {
	FAULT_NO_ACTION, FAULT_NO_VERSION, FAULT_MISSING_COMMON, FAULT_INVALID_COMMON, FAULT_FORMAT,
	FAULT_METHOD, FAULT_KEY_NOT_FOUND, FAULT_KEY_INACTIVE, FAULT_SECURITY_TOKEN_EXPIRED,
	FAULT_SECURITY_TOKEN_MALFORMED, FAULT_FORBIDDEN, FAULT_TIME_FORMAT, FAULT_TIME_EXPIRED,
	FAULT_NONCE_USED, FAULT_SIGNATURE_METHOD, FAULT_SIGNATURE_MISMATCH, FAULT_SIGNATURE_INCOMPLETE,
	FAULT_BODY_TOO_LARGE, FAULT_BODY_SHORT, FAULT_UNAVAILABLE, FAULT_INTERNAL, FAULT_NONE
};

/* ---- examples ---- */

/* A word of a shell's line. */
static void add_word(struct tally_buf *buf, const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-_=./:@,+%";

	if (text[strspn(text, plain)] == '\0') {
		tally_buf_add_str(buf, text);
		return;
	}
	tally_buf_add_u8(buf, '\'');
	for (; *text != '\0'; text++)
		if (*text == '\'')
			tally_buf_add_str(buf, "'\\''");
		else
			tally_buf_add_u8(buf, (uint8_t)*text);
	tally_buf_add_u8(buf, '\'');
}

/* Is the parameter one of those that the row's example names? */
static bool is_named(const struct tally_action *action, const char *name)
{
	const char *at = action->example;
	size_t size = strlen(name);

	while (at != NULL && (at = strstr(at, name)) != NULL) {
		if ((at == action->example || at[-1] == ' ') && (at[size] == ' ' || at[size] == '\0'))
			return true;
		at += size;
	}
	return false;
}

static const struct tally_param *body_of(const struct tally_action *action)
{
	const struct tally_param *row;

	for (row = action->params; row->name != NULL; row++)
		if (row->type == PARAM_BODY)
			return row;
	return NULL;
}

static void add_call(struct tally_arena *arena, struct tally_buf *buf,
		     const struct tally_action *action)
{
	const struct tally_param *row;

	tally_buf_printf(buf, "tally call %s%s",
			 action->family == FAMILY_ADMIN ? "--admin " : "", action->name);
	for (row = action->params; row->name != NULL; row++)
		if (row->type != PARAM_BODY && (row->required || is_named(action, row->name))) {
			tally_buf_add_u8(buf, ' ');
			add_word(buf, tally_arena_printf(arena, "%s=%s", row->name, row->example));
		}
}

/* Any body but a form goes by POST; what else writes does too, if only so that no proxy repeats it. */
static void add_example(struct tally_arena *arena, struct tally_buf *buf,
			const struct tally_action *action, enum tally_example form)
{
	const struct tally_param *body = body_of(action);

	if (body != NULL) {
		tally_buf_add_str(buf, "printf %s ");
		add_word(buf, body->example);
		tally_buf_add_str(buf, form == EXAMPLE_CALL ? " | " : " >body.json\ncurl --data-binary "
				  "@body.json -H 'Content-Type: application/json' \"$(");
	} else if (form == EXAMPLE_CURL) {
		tally_buf_add_str(buf, "curl \"$(");
	}
	add_call(arena, buf, action);
	if (body != NULL)
		tally_buf_add_str(buf, form == EXAMPLE_CALL ? " --body -" : " --body body.json");
	else if (form == EXAMPLE_CALL && action->kind == ACTION_WRITE &&
		 action->family == FAMILY_LEDGERDB)
		tally_buf_add_str(buf, " --post");
	if (form == EXAMPLE_CURL)
		tally_buf_add_str(buf, " --print-url)\"");
}

const char *tally_action_example(struct tally_arena *arena, const struct tally_action *action,
				 enum tally_example form)
{
	struct tally_buf buf = { 0 };
	const char *text;

	if (form == EXAMPLE_CURL && action->family == FAMILY_ADMIN)
		return NULL;
	add_example(arena, &buf, action, form);
	text = tally_arena_str(arena, tally_buf_bytes(&buf));
	tally_buf_free(&buf);
	return text;
}
