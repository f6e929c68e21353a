/* The requests of tally bench http; see bench_request.h. */
#include "config.h"

#include "bench_request.h"

#include <string.h>

#include "arena.h"
#include "bench.h"
#include "signer.h"
#include "statement.h"
#include "upload.h"

#define POOL 65536
#define PARAM_MAX 12

char *request_pool(uint64_t size)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	char *pool = tally_malloc(size + POOL);
	uint64_t random = 88172645463325252ull;

	for (uint64_t i = 0; i < size + POOL; i++)
		pool[i] = letters[bench_random(&random) >> 58];
	return pool;
}

static struct tally_bytes next_payload(const struct request_plan *plan, uint64_t *random)
{
	return tally_bytes(plan->pool + bench_random(random) % POOL, plan->size);
}

static void add(struct request *request, struct tally_rpc_param *params, const char *name,
		struct tally_bytes value)
{
	params[request->http.param_count++] = (struct tally_rpc_param){ tally_bytes_str(name), value };
}

static bool sign(const struct request_plan *plan, struct tally_bytes payload,
		 struct signature *signature)
{
	struct tally_statement statement = { .payload_type = TALLY_BYTES_LIT("CUSTOM") };

	return signer_sign(plan->signer, plan->call, &statement, &payload, signature);
}

/* ---- one journal ---- */

static struct tally_bytes copy(struct tally_arena *arena, const char *text)
{
	return tally_arena_bytes(arena, tally_bytes_str(text));
}

static bool make_append(const struct request_plan *plan, uint64_t *random,
			struct tally_arena *arena, struct tally_rpc_param *params,
			struct request *request)
{
	struct tally_bytes payload = next_payload(plan, random);
	struct signature signature;

	request->http.post = true;
	request->answer = "\"JournalId\":";
	add(request, params, "Payload", payload);
	if (plan->signer == NULL)
		return true;
	if (!sign(plan, payload, &signature))
		return false;
	add(request, params, "MemberId", tally_bytes_str(plan->signer->member_id));
	add(request, params, "MemberSignature", copy(arena, signature.signature));
	add(request, params, "MemberNonce", copy(arena, signature.nonce));
	add(request, params, "PayloadSalt", copy(arena, signature.salt));
	return true;
}

/* ---- a batch, a line a journal ---- */

static bool add_line(const struct request_plan *plan, struct tally_bytes payload,
		     struct tally_buf *body)
{
	struct signature signature;

	tally_buf_add_u8(body, '{');
	upload_add_member(body, "Payload", payload);
	if (plan->signer != NULL) {
		if (!sign(plan, payload, &signature))
			return false;
		tally_buf_printf(body, ",\"MemberId\":\"%s\",\"MemberSignature\":\"%s\","
				 "\"MemberNonce\":\"%s\",\"PayloadSalt\":\"%s\"",
				 plan->signer->member_id, signature.signature, signature.nonce,
				 signature.salt);
	}
	tally_buf_add_str(body, "}\n");
	return true;
}

static bool make_batch(const struct request_plan *plan, uint64_t *random,
		       struct tally_arena *arena, struct request *request)
{
	struct tally_buf body = { 0 };
	bool good = true;

	for (uint64_t i = 0; good && i < plan->batch; i++)
		good = add_line(plan, next_payload(plan, random), &body);
	request->http.post = true;
	request->http.content_type = "application/x-ndjson";
	request->http.body = tally_arena_bytes(arena, tally_buf_bytes(&body));
	request->count = plan->batch;
	request->answer = tally_arena_printf(arena, "\"Count\":%llu", (unsigned long long)plan->batch);
	tally_buf_free(&body);
	return good;
}

/* ---- reading ---- */

static char *next_id(const struct request_plan *plan, uint64_t *random, struct tally_arena *arena)
{
	return tally_arena_printf(arena, "%llu",
				  (unsigned long long)(bench_random(random) % plan->journals));
}

static void make_get(const struct request_plan *plan, uint64_t *random, struct tally_arena *arena,
		     struct tally_rpc_param *params, struct request *request)
{
	char *id = next_id(plan, random, arena);

	add(request, params, "JournalId", tally_bytes_str(id));
	request->answer = tally_arena_printf(arena, "\"JournalId\":\"%s\"", id);
}

static void make_proof(const struct request_plan *plan, uint64_t *random, struct tally_arena *arena,
		       struct tally_rpc_param *params, struct request *request)
{
	char *id = next_id(plan, random, arena);

	add(request, params, "JournalSequence", tally_bytes_str(id));
	request->answer = tally_arena_printf(arena, "\"LeafIndex\":%s,", id);
}

/* ---- all of them ---- */

bool request_make(const struct request_plan *plan, enum request_kind kind, uint64_t *random,
		  struct tally_arena *arena, struct request *request_r)
{
	static const char *const actions[] = {
		[REQUEST_APPEND] = "AppendJournal",
		[REQUEST_BATCH] = "AppendJournals",
		[REQUEST_GET] = "GetJournal",
		[REQUEST_PROOF] = "GetJournalProof",
	};
	struct tally_rpc_param *params = tally_arena_array(arena, struct tally_rpc_param, PARAM_MAX);

	*request_r = (struct request){ .http.params = params, .count = 1 };
	add(request_r, params, "Action", tally_bytes_str(actions[kind]));
	add(request_r, params, "Format", TALLY_BYTES_LIT("JSON"));
	add(request_r, params, "LedgerId", tally_bytes_str(plan->ledger));
	switch (kind) {
	case REQUEST_APPEND:
		return make_append(plan, random, arena, params, request_r);
	case REQUEST_BATCH:
		return make_batch(plan, random, arena, request_r);
	case REQUEST_GET:
		make_get(plan, random, arena, params, request_r);
		break;
	case REQUEST_PROOF:
		make_proof(plan, random, arena, params, request_r);
	}
	return true;
}
