/*
 * The documented example of QueryDatasetSharingProcess (tests/golden/query-process.json): a request of just
 * its members, and an answer that is the documented one byte for byte, with the DIDs, the process and the
 * times of this run in their places: the same members in the same order, each of its type.
 */
#include "config.h"

#include <stdlib.h>

#include "mem.h"
#include "secret.h"
#include "share_world.h"
#include "vectors.h"

#define DATASET "/v1/datashare/dataset"

static struct json_object *golden, *request, *reply, *stages;
static const char *process;

/* What stands in the example for what is in this run. */
static struct {
	const char *documented, *here;
} names[16];
static size_t name_count;

static void is_here(const char *documented, const char *here)
{
	names[name_count].documented = documented;
	names[name_count++].here = here;
}

static struct json_object *stage(size_t i)
{
	return json_object_array_get_idx(stages, i);
}

/* Each documented value replaced wherever it stands. */
static const char *put_names(const char *all)
{
	for (size_t i = 0; i < name_count; i++) {
		const char *at, *from = all, *made = "";
		size_t size = strlen(names[i].documented);

		while ((at = strstr(from, names[i].documented)) != NULL) {
			made = text("%s%.*s%s", made, (int)(at - from), from, names[i].here);
			from = at + size;
		}
		all = text("%s%s", made, from);
	}
	return all;
}

static const char *plain(struct json_object *object)
{
	return text("%s", json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
							 JSON_C_TO_STRING_NOSLASHESCAPE));
}

/* ---- the four stages of the example ---- */

/* Alice begins; Bob, who got the first stage, makes all others, for Carol. */
static void share_stage(size_t i)
{
	const struct person *provider = i == 0 ? &share.alice : &share.bob;
	const struct person *consumer = i == 0 ? &share.bob : &share.carol;
	const char *how = i == 0 ? "action=new" :
				   text("action=append|creatorDID=%s|processID=%s", share.alice.did, process);

	share_ask(provider, "POST", DATASET "/share",
		  text("provider=%s|productName=n|productID=p%zu|plainData=aGVsbG8=|consumer=%s|orderSeq=%s|"
		       "onChainStore=true|stageName=%s|%s", provider->did, i, consumer->did,
		       vectors_text(stage(i), "orderSeq"), vectors_text(stage(i), "stageName"), how));
	share_ok();
	if (i == 0)
		process = share_reply("processID");
	CHECK_STR(share_reply("processID"), process);
	CHECK_STR(share_reply("orderSeq"), vectors_text(stage(i), "orderSeq"));
}

static void four_stages(void)
{
	CHECK_INT(json_object_array_length(stages), 4);
	share_register(&share.alice);
	share_register(&share.bob);
	share_register(&share.carol);
	for (size_t i = 0; i < 4; i++)
		share_stage(i);
	is_here(vectors_text(reply, "creatorDID"), share.alice.did);
	is_here(vectors_text(reply, "processID"), process);
	is_here(vectors_text(stage(0), "consumer"), share.bob.did);
	is_here(vectors_text(stage(1), "consumer"), share.carol.did);
	/* DIDs of the same form */
	CHECK_INT(strlen(share.alice.did), strlen(vectors_text(reply, "creatorDID")));
	CHECK(strncmp(share.alice.did, "did:example:", 12) == 0);
	CHECK_INT(strlen(process), strlen(vectors_text(reply, "processID")));
}

/* Seconds of the blocks, as text, beside what the documents have. */
static void times_are_of_the_blocks(void)
{
	struct tally_share_stage *found;
	size_t count;

	CHECK_OK(tally_share_stages(world.core, tally_bytes_str(share.ledger.ledger_id),
				    tally_bytes_str(share.alice.did), tally_bytes_str(process),
				    &world.arena, &found, &count, &err));
	REQUIRE(count == 4);
	for (size_t i = 0; i < 4; i++) {
		const char *here = text("%llu", (unsigned long long)(found[i].time_ms / 1000));

		is_here(vectors_text(stage(i), "createTime"), here);
		CHECK_INT(strlen(here), 10);
	}
}

/* ---- the request ---- */

/* The documented members in their order, less one. */
static struct tally_bytes body_of(const char *without)
{
	struct json_object *body = json_object_new_object();

	json_object_object_foreach(request, name, value) {
		const char *given = put_names(json_object_get_string(value));

		if (strcmp(name, "cert") == 0)
			given = share.carol.cert;
		if (strcmp(name, "sk") == 0)
			given = share.carol.key;
		if (without == NULL || strcmp(name, without) != 0)
			json_object_object_add(body, name, json_object_new_string(given));
	}
	return share_text_of(body);
}

static void query(const char *without)
{
	share_send("POST", DATASET "/query-process", body_of(without), NULL, (struct tally_request){ 0 });
}

/* Its members are those that every request has, and those of the endpoint's row. */
static void the_request_is_the_documented_one(void)
{
	static const char *const common[] = { "orgID", "channelID", "cryptoMethod", "cert", "sk",
					      "timestamp" };
	const struct tally_share_endpoint *row = tally_share_endpoints;
	const struct tally_share_param *param;
	size_t i = 0;

	while (strcmp(row->name, "QueryDatasetSharingProcess") != 0)
		row++;
	CHECK_STR(row->method, "POST");
	CHECK_STR(row->path, DATASET "/query-process");
	param = row->params;
	json_object_object_foreach(request, name, value) {
		CASE("%s", name);
		CHECK(json_object_is_type(value, json_type_string));
		if (i < 6) {
			CHECK_STR(name, common[i]);
		} else {
			CHECK(param->required);
			CHECK_STR(name, (param++)->name);
		}
		i++;
	}
	CHECK(param->name == NULL);
	CHECK_INT(i, 8);
}

/* Each of them is needed. */
static void nothing_of_it_is_left_out(void)
{
	json_object_object_foreach(request, name, value) {
		uint64_t state = share_state();

		(void)value;
		CASE("without %s", name);
		query(name);
		share_refused(state, 500, "BCS.5002046");
	}
}

/* ---- the answer ---- */

static void the_answer_is_the_documented_one(void)
{
	query(NULL);
	share_ok();
	CHECK_STR(tally_arena_str(&world.arena, share.response.body), put_names(plain(reply)));
	CHECK_STR(share.response.content_type, "application/json;charset=utf-8");
}

/* A list has the same for each process. */
static void an_item_is_the_same(void)
{
	const char *item = put_names(plain(reply));

	share_ask(&share.carol, "POST", DATASET "/query-processes", text("creatorDID=%s", share.alice.did));
	share_ok();
	CHECK_STR(tally_arena_str(&world.arena, share.response.body),
		  text("{\"items\":[%s],\"pagination\":{\"currentPage\":1,\"pageSizeNum\":100,"
		       "\"totalItems\":1}}", item));
}

int main(void)
{
	world_setting("datashare", "did_method", "example");
	if (!share_open()) {
		printf("Bail out! %s\n", err.text);
		return 99;
	}
	golden = vectors_load("query-process.json");
	request = vectors_member(golden, "request");
	reply = vectors_member(golden, "reply");
	stages = vectors_member(reply, "stages");
	TEST(four_stages);
	TEST(times_are_of_the_blocks);
	TEST(the_request_is_the_documented_one);
	TEST(nothing_of_it_is_left_out);
	TEST(the_answer_is_the_documented_one);
	TEST(an_item_is_the_same);
	json_object_put(golden);
	world_close();
	return tap_done();
}
