/* What handlers share: changes, and the contents of objects. */
#include "endpoint.h"

#include <assert.h>
#include <inttypes.h>
#include <json.h>

#include "json_in.h"

/* ---- changes ---- */

void tally_share_begin(const struct tally_share_call *call, const char *op,
		       struct tally_share_change *change_r)
{
	*change_r = (struct tally_share_change){ .op = op, .private = call->private,
						 .message = call->body };
	memcpy(change_r->point, call->cert.point, sizeof(change_r->point));
	memcpy(change_r->signature, call->signature, sizeof(change_r->signature));
	if (call->has_did)
		change_r->caller = call->did.a;
	tally_share_say(change_r, "organization", call->organization);
	tally_share_say(change_r, "certificate", tally_bytes_str(call->cert_hash));
	tally_share_say(change_r, "timestamp", call->timestamp);
}

void tally_share_say(struct tally_share_change *change, const char *name, struct tally_bytes text)
{
	assert(change->field_count < TALLY_SHARE_FIELDS);
	change->fields[change->field_count++] = (struct tally_share_field){ name, text };
}

int tally_share_run(struct tally_share_call *call, const struct tally_share_change *change,
		    struct tally_share_done *done_r, struct tally_err *err)
{
	return tally_share_change(call->core, &call->write, call->ledger_id, change, done_r, err);
}

int tally_share_must_be(const struct tally_share_call *call, struct tally_bytes did,
			struct tally_err *err)
{
	if (call->has_did && tally_bytes_equal(call->did.a, did))
		return 0;
	return tally_err_about(err, TALLY_DENIED, "Caller", "this is for another DID than the caller's");
}

/* ---- objects ---- */

int tally_share_need(struct tally_share_call *call, enum tally_share_kind kind, struct tally_bytes a,
		     struct tally_bytes b, struct tally_share_object *object_r,
		     struct tally_err *err)
{
	static const char *const names[] = {
		[SHARE_DID] = "DID", [SHARE_DATASET] = "Dataset", [SHARE_ORDER] = "Order",
		[SHARE_PROCESS] = "Process", [SHARE_CIPHERTEXT] = "Ciphertext",
		[SHARE_SCHEMA] = "Schema", [SHARE_APPLICATION] = "Application",
		[SHARE_CREDENTIAL] = "Credential",
	};
	int found = tally_share_find(call->core, call->ledger_id, kind, a, b, call->arena, object_r,
				     err);

	if (found < 0)
		return -1;
	if (found == 0 || object_r->state == SHARE_GONE)
		return tally_err_about(err, TALLY_NOTFOUND, names[kind], "there is none of this name");
	return 0;
}

int tally_share_open(struct tally_share_call *call, uint64_t journal_id, const char *part,
		     struct json_object **whole_r, struct json_object **part_r,
		     struct tally_err *err)
{
	struct tally_bytes content;
	int found = tally_share_content(call->core, call->ledger_id, journal_id, call->arena, &content,
					err);

	*whole_r = NULL;
	if (found < 0)
		return -1;
	if (found == 0)
		return tally_err_about(err, TALLY_NOTFOUND, "Content", "journal %" PRIu64, journal_id);
	*whole_r = tally_json_parse(content);
	if (*whole_r != NULL && json_object_object_get_ex(*whole_r, part, part_r))
		return 0;
	json_object_put(*whole_r);
	*whole_r = NULL;
	return tally_err_set(err, TALLY_CORRUPT, "journal %" PRIu64 " has no %s", journal_id, part);
}

struct tally_bytes tally_share_member(struct tally_share_call *call, struct json_object *object,
				      const char *name)
{
	struct json_object *member = NULL;
	struct tally_bytes text = TALLY_BYTES_NONE;

	if (json_object_object_get_ex(object, name, &member) &&
	    !tally_json_text(call->arena, member, &text))
		text = TALLY_BYTES_NONE;
	return text;
}

void tally_share_copy(struct tally_share_call *call, struct tally_node *to,
		      struct json_object *object, const char *name)
{
	tally_add_text(call->arena, to, name, tally_share_member(call, object, name));
}

/* ---- JSON ---- */

static void add_text(struct tally_arena *arena, struct tally_node *to, const char *name,
		     struct json_object *value)
{
	struct tally_bytes text;

	if (tally_json_text(arena, value, &text))
		tally_add_text(arena, to, name, text);
}

void tally_share_add_json(struct tally_arena *arena, struct tally_node *to, const char *name,
			  struct json_object *value)
{
	struct tally_node *made;

	switch (json_object_get_type(value)) {
	case json_type_object:
		made = tally_add_object(arena, to, name);
		json_object_object_foreach(value, member, inner)
			tally_share_add_json(arena, made,
					     tally_arena_str(arena, tally_bytes_str(member)), inner);
		break;
	case json_type_array:
		made = tally_add_list(arena, to, name, "item");
		for (size_t i = 0; i < json_object_array_length(value); i++)
			tally_share_add_json(arena, made, NULL, json_object_array_get_idx(value, i));
		break;
	case json_type_string:
		add_text(arena, to, name, value);
		break;
	case json_type_boolean:
		tally_add_bool(arena, to, name, json_object_get_boolean(value) != 0);
		break;
	case json_type_int:
		if (json_object_get_int64(value) >= 0)
			tally_add_uint(arena, to, name, json_object_get_uint64(value));
		break;
	default:	/* null, and fractions, which say nothing here */
		break;
	}
}

void tally_share_add_time(struct tally_arena *arena, struct tally_node *to, const char *name,
			  uint64_t ms)
{
	tally_add_uint_text(arena, to, name, ms / 1000);
}
