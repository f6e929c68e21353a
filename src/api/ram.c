/* Policies: reading them strictly, and holding a request against one. See ram.h. */
#include "ram.h"

#include <json.h>
#include <stdarg.h>
#include <stdio.h>

#include "action.h"
#include "json_in.h"
#include "utf8.h"

#define STATEMENTS_MAX 64
#define SERVICE "ledgerdb"

struct patterns {
	struct tally_bytes *list;
	size_t count;
};

struct statement {
	bool deny;
	struct patterns actions, resources;
};

struct tally_ram_policy {
	struct statement *statements;
	size_t count;
};

const char tally_ram_read_only[] =
	"{\"Version\":\"1\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":[\"ledgerdb:Describe*\","
	"\"ledgerdb:Get*\",\"ledgerdb:List*\",\"ledgerdb:ExistJournal\","
	"\"ledgerdb:ExportJournals\",\"ledgerdb:KvGet\",\"ledgerdb:KvHistory\",\"ledgerdb:KvList\",\"ledgerdb:StatLedger\"],\"Resource\":[\"*\"]}]}";

/* ---- patterns ---- */

bool tally_ram_fits(struct tally_bytes pattern, struct tally_bytes text)
{
	size_t p = 0, t = 0, star = SIZE_MAX, from = 0;

	while (t < text.size) {
		if (p < pattern.size && pattern.data[p] == '*') {
			star = p++;
			from = t;
		} else if (p < pattern.size &&
			   (pattern.data[p] == '?' || pattern.data[p] == text.data[t])) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;		/* the last star takes one byte more */
			t = ++from;
		} else {
			return false;
		}
	}
	while (p < pattern.size && pattern.data[p] == '*')
		p++;
	return p == pattern.size;
}

/* ---- reading ---- */

struct reading {
	struct tally_arena *arena;
	struct tally_err *err;
	size_t statement;
};

static int wrong(struct reading *reading, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static int wrong(struct reading *reading, const char *format, ...)
{
	char text[300];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (reading->statement == SIZE_MAX)
		return tally_err_about(reading->err, TALLY_INVALID, "Policy", "%s", text);
	return tally_err_about(reading->err, TALLY_INVALID, "Policy", "Statement %zu: %s",
			       reading->statement + 1, text);
}

/* "service:name"; the rest of text behind the service. */
static bool take_service(struct tally_bytes text, struct tally_bytes *service_r,
			 struct tally_bytes *rest_r)
{
	const uint8_t *colon = text.size > 0 ? memchr(text.data, ':', text.size) : NULL;
	size_t size = colon != NULL ? (size_t)(colon - text.data) : 0;

	if (size == 0 || size + 1 == text.size)
		return false;
	*service_r = tally_bytes(text.data, size);
	*rest_r = tally_bytes(colon + 1, text.size - size - 1);
	return true;
}

static bool has_only(struct tally_bytes text, const char *further)
{
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i], lower = c | 0x20;

		if (!(c >= '0' && c <= '9') && !(lower >= 'a' && lower <= 'z') &&
		    (c == '\0' || strchr(further, c) == NULL))
			return false;
	}
	return true;
}

static bool is_known(struct tally_bytes pattern)
{
	for (size_t i = 0; tally_actions[i] != NULL; i++)
		if (tally_actions[i]->family == FAMILY_LEDGERDB &&
		    tally_ram_fits(pattern, tally_bytes_str(tally_actions[i]->name)))
			return true;
	return tally_ram_fits(pattern, TALLY_BYTES_LIT(TALLY_RAM_LOG));
}

static int check_action(struct reading *reading, struct tally_bytes text)
{
	struct tally_bytes service, name;

	if (tally_bytes_is(text, "*"))
		return 0;
	if (!take_service(text, &service, &name) || !has_only(service, "-") || !has_only(name, "*?"))
		return wrong(reading, "an Action is \"*\" or service:name, as ledgerdb:Get*");
	if (tally_bytes_is(service, SERVICE) && !is_known(name))
		return wrong(reading, "no action is called %.*s", (int)text.size,
			     (const char *)text.data);
	return 0;
}

/* "*", or acs:service:region:account:what; only the last part may have colons and slashes. */
static int check_resource(struct reading *reading, struct tally_bytes text)
{
	struct tally_bytes part, rest = text;
	int parts = 0;

	if (tally_bytes_is(text, "*"))
		return 0;
	while (parts < 4 && take_service(rest, &part, &rest) &&
	       has_only(part, parts == 0 ? "" : "-_.*?"))
		if (parts++ == 0 && !tally_bytes_is(part, "acs"))
			break;
	if (parts < 4 || !has_only(rest, "-_./:*?"))
		return wrong(reading, "a Resource is \"*\" or acs:service:region:account:what, "
			     "as acs:ledgerdb:*:*:ledger/l-*");
	return 0;
}

typedef int check_pattern(struct reading *reading, struct tally_bytes text);

/* One text, or a list of at least one. */
static int read_patterns(struct reading *reading, struct json_object *value, const char *name,
			 check_pattern *check, struct patterns *patterns_r)
{
	bool list = json_object_is_type(value, json_type_array);
	size_t count = list ? json_object_array_length(value) : 1;

	if (count == 0)
		return wrong(reading, "%s is empty", name);
	patterns_r->list = tally_arena_array(reading->arena, struct tally_bytes, count);
	patterns_r->count = count;
	for (size_t i = 0; i < count; i++) {
		if (!tally_json_text(reading->arena,
				     list ? json_object_array_get_idx(value, i) : value,
				     &patterns_r->list[i]))
			return wrong(reading, "%s is a text or a list of texts", name);
		if (check(reading, patterns_r->list[i]) != 0)
			return -1;
	}
	return 0;
}

static int read_effect(struct reading *reading, struct json_object *value, bool *deny_r)
{
	struct tally_bytes text;

	if (!tally_json_text(reading->arena, value, &text) ||
	    (!tally_bytes_is(text, "Allow") && !tally_bytes_is(text, "Deny")))
		return wrong(reading, "Effect is Allow or Deny");
	*deny_r = tally_bytes_is(text, "Deny");
	return 0;
}

static int read_statement(struct reading *reading, struct json_object *object,
			  struct statement *statement)
{
	bool effect = false;
	int result = 0;

	if (!json_object_is_type(object, json_type_object))
		return wrong(reading, "it is no object");
	json_object_object_foreach(object, name, value) {
		if (strcmp(name, "Effect") == 0) {
			effect = true;
			result = read_effect(reading, value, &statement->deny);
		} else if (strcmp(name, "Action") == 0) {
			result = read_patterns(reading, value, name, check_action,
					       &statement->actions);
		} else if (strcmp(name, "Resource") == 0) {
			result = read_patterns(reading, value, name, check_resource,
					       &statement->resources);
		} else {
			result = wrong(reading, "only Effect, Action and Resource are understood");
		}
		if (result != 0)
			return -1;
	}
	if (!effect)
		return wrong(reading, "Effect is missing");
	if (statement->actions.count == 0)
		return wrong(reading, "Action is missing");
	return statement->resources.count == 0 ? wrong(reading, "Resource is missing") : 0;
}

static int read_statements(struct reading *reading, struct json_object *list,
			   struct tally_ram_policy *policy)
{
	size_t count = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	if (count == 0 || count > STATEMENTS_MAX)
		return wrong(reading, "Statement is a list of 1 to %d statements", STATEMENTS_MAX);
	policy->statements = tally_arena_array(reading->arena, struct statement, count);
	memset(policy->statements, 0, count * sizeof(*policy->statements));
	policy->count = count;
	for (reading->statement = 0; reading->statement < count; reading->statement++)
		if (read_statement(reading, json_object_array_get_idx(list, reading->statement),
				   &policy->statements[reading->statement]) != 0)
			return -1;
	reading->statement = SIZE_MAX;
	return 0;
}

static int read_document(struct reading *reading, struct json_object *document,
			 struct tally_ram_policy *policy)
{
	struct tally_bytes version;
	bool versioned = false;

	if (!json_object_is_type(document, json_type_object))
		return wrong(reading, "it is no JSON object");
	json_object_object_foreach(document, name, value) {
		if (strcmp(name, "Version") == 0) {
			versioned = tally_json_text(reading->arena, value, &version) &&
				    tally_bytes_is(version, "1");
			if (!versioned)
				return wrong(reading, "Version is \"1\"");
		} else if (strcmp(name, "Statement") == 0) {
			if (read_statements(reading, value, policy) != 0)
				return -1;
		} else {
			return wrong(reading, "only Version and Statement are understood");
		}
	}
	if (!versioned)
		return wrong(reading, "Version is missing");
	return policy->count == 0 ? wrong(reading, "Statement is missing") : 0;
}

/* A control character that JSON has no place for. */
static bool has_control(struct tally_bytes text)
{
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] < ' ' && memchr("\t\n\r", text.data[i], 3) == NULL)
			return true;
	return false;
}

int tally_ram_parse(struct tally_arena *arena, struct tally_bytes text,
		    const struct tally_ram_policy **policy_r, struct tally_err *err)
{
	struct tally_ram_policy *policy = tally_arena_alloc(arena, sizeof(*policy));
	struct reading reading = { arena, err, SIZE_MAX };
	struct json_object *document = NULL;
	int result;

	memset(policy, 0, sizeof(*policy));
	*policy_r = policy;
	if (text.size > TALLY_RAM_POLICY_MAX)
		return wrong(&reading, "it has more than %d bytes", TALLY_RAM_POLICY_MAX);
	if (tally_utf8_valid(text) && !has_control(text))
		document = tally_json_parse(text);
	if (document == NULL)
		return wrong(&reading, "it is no JSON");
	result = tally_json_once(document, text) ?
			 read_document(&reading, document, policy) :
			 wrong(&reading, "a name stands twice in one object");
	json_object_put(document);
	return result;
}

/* ---- deciding ---- */

static bool fits_any(const struct patterns *patterns, const char *text)
{
	for (size_t i = 0; text != NULL && i < patterns->count; i++)
		if (tally_ram_fits(patterns->list[i], tally_bytes_str(text)))
			return true;
	return false;
}

bool tally_ram_allows(const struct tally_ram_policy *policy,
		      const struct tally_ram_request *request)
{
	char action[128];
	bool allowed = false;

	snprintf(action, sizeof(action), SERVICE ":%s", request->action);
	for (size_t i = 0; i < policy->count; i++) {
		const struct statement *statement = &policy->statements[i];

		if (!fits_any(&statement->actions, action) ||
		    (!fits_any(&statement->resources, request->resources[0]) &&
		     !fits_any(&statement->resources, request->resources[1])))
			continue;
		if (statement->deny)
			return false;
		allowed = true;
	}
	return allowed;
}
