/* tally verify: the members that signed a journal; see proofs.h. */
#include "config.h"

#include "proofs.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <json-c/json.h>

#include "err.h"

static bool has_key(const struct signers *signers, const char *hex)
{
	for (int i = 0; i < signers->count; i++) {
		char text[TALLY_MEMBER_KEY_TEXT];

		tally_member_key_format(&signers->of[i].key, text);
		if (strcasecmp(text, hex) == 0)
			return true;
	}
	return false;
}

bool signers_check(const struct verb_call *call, struct tally_bytes leaf, struct tally_arena *arena,
		   struct signers *signers_r)
{
	const char *demanded = verb_value(call, "signed-by", NULL);
	struct tally_err err = { 0 };

	*signers_r = (struct signers){ .count = 0 };
	if (leaf.size > 0)
		signers_r->count = tally_leaf_signatures(leaf, tally_arena_alloc(arena, leaf.size),
							 signers_r->of, &err);
	if (signers_r->count < 0 && err.code != TALLY_UNSUPPORTED) {
		verb_fail(call, "NOT VERIFIED: %s", err.text);
		return false;
	}
	if (signers_r->count < 0) {
		signers_r->count = 0;
		snprintf(signers_r->unchecked, sizeof signers_r->unchecked, "%s", err.text);
	}
	if (demanded == NULL || has_key(signers_r, demanded))
		return true;
	verb_fail(call, "NOT VERIFIED: no member signed the journal with the key %s%s%s", demanded,
		  signers_r->unchecked[0] != '\0' ? ": " : "", signers_r->unchecked);
	return false;
}

void signers_say(const struct signers *signers)
{
	for (int i = 0; i < signers->count; i++) {
		const struct tally_leaf_signature *one = &signers->of[i];
		char text[TALLY_MEMBER_KEY_TEXT];

		tally_member_key_format(&one->key, text);
		printf("  signed by member %.*s\n    with the %s key %s\n", (int)one->member_id.size,
		       (const char *)one->member_id.data, tally_key_type_name(one->key.type), text);
	}
	if (signers->unchecked[0] != '\0')
		printf("  members' signatures were not checked: %s\n", signers->unchecked);
}

void signers_json(const struct signers *signers, struct json_object *to)
{
	json_object *list = json_object_new_array();

	for (int i = 0; i < signers->count; i++) {
		const struct tally_leaf_signature *one = &signers->of[i];
		json_object *item = json_object_new_object();
		char text[TALLY_MEMBER_KEY_TEXT];

		tally_member_key_format(&one->key, text);
		json_object_object_add(item, "MemberId", json_object_new_string_len(
			(const char *)one->member_id.data, (int)one->member_id.size));
		json_object_object_add(item, "KeyType",
				       json_object_new_string(tally_key_type_name(one->key.type)));
		json_object_object_add(item, "PublicKey", json_object_new_string(text));
		json_object_array_add(list, item);
	}
	json_object_object_add(to, "SignedBy", list);
}
