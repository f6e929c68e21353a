/* What bounds a journal in time, written and verified. See bounds.h. */
#include "config.h"

#include "bounds.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "anchor.h"
#include "arena.h"
#include "client.h"
#include "clock.h"

#define CLOCKS_MS 1000		/* a time in whole seconds may be so much earlier than it was */

/* ---- writing ---- */

static json_object *bound_from(json_object *from, struct tally_arena *arena)
{
	json_object *to = json_object_new_object();
	struct tally_bytes leaf;

	if (!tally_base64_decode(arena, tally_bytes_str(reply_text(from, "Leaf")), &leaf)) {
		json_object_put(to);
		return NULL;
	}
	json_object_object_add(to, "index",
			       json_object_new_uint64(reply_uint(from, "JournalSequence")));
	json_object_object_add(to, "leaf", json_object_new_string_len((const char *)leaf.data,
								      (int)leaf.size));
	json_object_object_add(to, "path", json_object_get(reply_member(from, "ProofPath")));
	return to;
}

json_object *bounds_from_reply(json_object *reply, struct tally_arena *arena)
{
	json_object *after = reply_member(reply, "NotBefore");
	json_object *before = reply_member(reply, "NotAfter");
	json_object *time = json_object_new_object();

	if (after != NULL)
		json_object_object_add(time, "after", bound_from(after, arena));
	if (before != NULL) {
		json_object *to = bound_from(before, arena);

		if (to != NULL)
			json_object_object_add(to, "cover",
					       json_object_get(reply_member(before, "CoverPath")));
		json_object_object_add(time, "before", to);
	}
	if ((after == NULL && before == NULL) ||
	    (after != NULL && reply_member(time, "after") == NULL) ||
	    (before != NULL && reply_member(time, "before") == NULL)) {
		json_object_put(time);
		return NULL;
	}
	return time;
}

/* ---- verifying ---- */

bool bounds_there(json_object *time)
{
	return json_object_is_type(time, json_type_object) &&
	       (reply_member(time, "after") != NULL || reply_member(time, "before") != NULL);
}

struct check {
	const struct verb_call *call;
	const struct bounds_of *of;
	const struct tally_tsp_trust *trust;
	struct tally_arena *arena;
};

static bool fails(const struct check *check, const char *what, const char *why)
{
	verb_fail(check->call, "NOT VERIFIED: the time stamp %s it: %s", what, why);
	return false;
}

static bool read_path(json_object *list, struct tally_hash path[TALLY_TREE_MAX_PATH],
		      size_t *count_r)
{
	size_t count = reply_count(list);

	if (!json_object_is_type(list, json_type_array) || count > TALLY_TREE_MAX_PATH)
		return false;
	for (size_t i = 0; i < count; i++) {
		json_object *item = json_object_array_get_idx(list, i);

		if (!json_object_is_type(item, json_type_string) ||
		    !tally_hex_decode(tally_bytes_str(json_object_get_string(item)), path[i].bytes,
				      TALLY_HASH_SIZE))
			return false;
	}
	*count_r = count;
	return true;
}

/* The anchor's leaf stands in the checkpoint's tree where it says, and is of this ledger. */
static bool check_leaf(const struct check *check, const char *what, json_object *from,
		       struct tally_anchor_leaf *anchor)
{
	struct tally_bytes leaf = tally_bytes_str(reply_text(from, "leaf"));
	struct tally_hash path[TALLY_TREE_MAX_PATH], hash;
	uint64_t index = reply_uint(from, "index");
	size_t count;

	tally_leaf_hash(leaf, &hash);
	if (!read_path(reply_member(from, "path"), path, &count) ||
	    !tally_inclusion_verify(index, check->of->size, &hash, path, count, &check->of->root))
		return fails(check, what, "its journal is not in the log");
	if (!tally_anchor_parse(leaf, anchor) || anchor->journal_id != index ||
	    !tally_bytes_is(anchor->ledger_id, check->of->ledger))
		return fails(check, what, "its journal is no time anchor of this ledger");
	return true;
}

/* The token is of what the anchor says, and that has a checkpoint of this ledger in it. */
static bool check_stamp(const struct check *check, const char *what,
			const struct tally_anchor_leaf *anchor, struct bound *bound)
{
	struct tally_bytes token;
	struct tally_err err;

	if (!tally_anchor_verify(anchor, check->of->origin))
		return fails(check, what, "no checkpoint of this ledger was stamped");
	if (!tally_base64_decode(check->arena, anchor->token, &token))
		return fails(check, what, "there is no token");
	if (tally_tsp_verify(token, anchor->digest.bytes, check->trust, &bound->stamp, &err) != 0)
		return fails(check, what, err.text);
	if (bound->stamp.time_ms != anchor->time_ms)
		return fails(check, what, "the token has another time than its journal");
	bound->there = true;
	bound->journal_id = anchor->journal_id;
	return true;
}

/* The journal is in the tree that was stamped. */
static bool check_cover(const struct check *check, json_object *from,
			const struct tally_anchor_leaf *anchor)
{
	struct tally_hash path[TALLY_TREE_MAX_PATH];
	size_t count;

	if (read_path(reply_member(from, "cover"), path, &count) &&
	    tally_inclusion_verify(check->of->index, anchor->version, &check->of->hash, path, count,
				   &anchor->root))
		return true;
	return fails(check, "after", "the journal is not in the tree that was stamped");
}

bool bounds_verify(const struct verb_call *call, json_object *time, const struct bounds_of *of,
		   const struct tally_tsp_trust *trust, struct tally_arena *arena,
		   struct bound *after_r, struct bound *before_r)
{
	struct check check = { call, of, trust, arena };
	json_object *after = reply_member(time, "after"), *before = reply_member(time, "before");
	struct tally_anchor_leaf anchor;

	*after_r = *before_r = (struct bound){ .there = false };
	if (after != NULL) {
		if (!check_leaf(&check, "before", after, &anchor) ||
		    !check_stamp(&check, "before", &anchor, after_r))
			return false;
		if (after_r->journal_id >= of->index)
			return fails(&check, "before", "it stands behind the journal");
	}
	if (before != NULL && (!check_leaf(&check, "after", before, &anchor) ||
			       !check_stamp(&check, "after", &anchor, before_r) ||
			       !check_cover(&check, before, &anchor)))
		return false;
	if (after_r->there && before_r->there &&
	    after_r->stamp.time_ms > before_r->stamp.time_ms + after_r->stamp.accuracy_ms +
					     before_r->stamp.accuracy_ms + CLOCKS_MS) {
		verb_fail(call, "NOT VERIFIED: the two time stamps contradict each other: a clock of an "
			  "authority is wrong");
		return false;
	}
	return true;
}

/* ---- saying ---- */

void bounds_time(uint64_t ms, char text[25])
{
	char whole[21];

	tally_time_format(ms, whole);
	snprintf(text, 25, "%.19s.%03uZ", whole, (unsigned int)(ms % 1000));
}

static void say_one(const char *what, const struct bound *bound)
{
	char time[25];

	bounds_time(bound->stamp.time_ms, time);
	printf("  %s %s", what, time);
	if (bound->stamp.accuracy_ms > 0)
		printf(" (give or take %g s)", (double)bound->stamp.accuracy_ms / 1000);
	printf(", by the stamp %s of \"%s\" in journal %" PRIu64 "\n", bound->stamp.serial,
	       bound->stamp.authority, bound->journal_id);
}

void bounds_say(const struct bound *after, const struct bound *before)
{
	if (after->there)
		say_one("appended after", after);
	else
		printf("  appended after: no anchor stands before it\n");
	if (before->there)
		say_one("existed before", before);
	else
		printf("  existed before: no anchor covered it when the proof was made\n");
}

static void json_one(const char *name, const struct bound *bound, json_object *to)
{
	json_object *one = json_object_new_object();

	if (!bound->there) {
		json_object_put(one);
		return;
	}
	json_object_object_add(one, "Time", json_object_new_uint64(bound->stamp.time_ms));
	json_object_object_add(one, "Accuracy", json_object_new_uint64(bound->stamp.accuracy_ms));
	json_object_object_add(one, "Authority", json_object_new_string(bound->stamp.authority));
	json_object_object_add(one, "SerialNumber", json_object_new_string(bound->stamp.serial));
	json_object_object_add(one, "JournalId", json_object_new_uint64(bound->journal_id));
	json_object_object_add(to, name, one);
}

void bounds_json(const struct bound *after, const struct bound *before, json_object *to)
{
	json_one("NotBefore", after, to);
	json_one("NotAfter", before, to);
}
