/*
 * tally bench http: a server, by so many clients at once, each with a connection of its own that it
 * keeps (bench_link.h). Every request is signed with the access key as any client's is; with
 * --signed each journal is signed by a member too.
 *
 * The work is done in a ledger of its own, deleted again, or in the one that --ledger names. A latency is that
 * of the exchange alone, from the first byte sent to the last one received; the rate has the clients'
 * own work in it, as they share the machine.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "arena.h"
#include "bench.h"
#include "bench_link.h"
#include "bench_request.h"
#include "bench_work.h"
#include "client.h"
#include "clock.h"
#include "fetch.h"
#include "print.h"
#include "secret.h"
#include "signer.h"

#define CLIENTS_MAX 1024
#define BATCH_MAX 10000
#define FILL_BATCH 1000
#define JOURNAL_MORE 512		/* what a line of a batch has beside its payload, at most */
#define BODY_MAX (15u << 20)		/* below api.body_limit */

/* A kind of work. */
struct work {
	const char *name, *text;
	enum request_kind kinds[10];	/* of ten requests at random */
	bool reads;			/* wants journals to be there */
	const char *unit;
};

#define TEN(kind) { kind, kind, kind, kind, kind, kind, kind, kind, kind, kind }

static const struct work works[] = {
	{ "append", "AppendJournal, one journal a request", TEN(REQUEST_APPEND), false, "journals" },
	{ "batch", "AppendJournals, bodies of NDJSON, all or none", TEN(REQUEST_BATCH), false, "journals" },
	{ "get", "GetJournal at random", TEN(REQUEST_GET), true, "requests" },
	{ "proof", "GetJournalProof at random", TEN(REQUEST_PROOF), true, "requests" },
	{ "mix", "of ten requests eight GetJournal, one GetJournalProof, one AppendJournal",
	  { REQUEST_GET, REQUEST_GET, REQUEST_GET, REQUEST_GET, REQUEST_GET, REQUEST_GET, REQUEST_GET,
	    REQUEST_GET, REQUEST_PROOF, REQUEST_APPEND }, true, "requests" },
};

/* What the clients share. */
struct load {
	struct bench bench;		/* first: a worker's bench is its load */
	const struct work *work;
	struct client client;		/* for what is done once */
	struct link_server server;
	struct signer signer;
	struct request_plan plan;
	bool made;			/* the ledger is ours, to be deleted */
	_Atomic uint64_t refused;	/* answers that ask to come later */
};

static const struct work *find_work(const char *name)
{
	for (size_t i = 0; i < sizeof works / sizeof works[0]; i++)
		if (strcmp(works[i].name, name) == 0)
			return &works[i];
	return NULL;
}

/* ---- a client's exchanges ---- */

/* One client's own. */
struct hand {
	struct load *load;
	struct link link;
	struct tally_arena arena;
};

/* An answer that says no. 0 where it only asks to come later, -1 otherwise. */
static int take_refusal(struct load *load, int status, struct tally_bytes body, struct tally_err *err)
{
	struct tally_buf text = { 0 };
	json_object *reply;
	int result = -1;

	tally_buf_add_bytes(&text, body);
	tally_buf_add_u8(&text, '\0');
	reply = json_tokener_parse((const char *)text.data);
	if (status == 503 || strncmp(reply_text(reply, "Code"), "Throttling", 10) == 0) {
		load->refused++;
		result = 0;
	} else {
		tally_err_set(err, TALLY_INVALID, "the server answered %d: %s %s", status,
			      reply_text(reply, "Code"), reply_text(reply, "Message"));
	}
	json_object_put(reply);
	tally_buf_free(&text);
	return result;
}

/* 1 done, 0 refused for now, -1 failed. *ns_r is what the exchange took. */
static int exchange(struct hand *hand, enum request_kind kind, uint64_t *random, uint64_t *count_r,
		    uint64_t *ns_r, struct tally_err *err)
{
	struct load *load = hand->load;
	struct tally_fetch fetch;
	struct request request;
	struct tally_bytes body;
	uint64_t begun;
	int status;

	tally_arena_reset(&hand->arena);
	if (!request_make(&load->plan, kind, random, &hand->arena, &request))
		return tally_err_set(err, TALLY_INVALID, "the member cannot sign");
	http_prepare(&load->client.target, &request.http, &hand->arena, &fetch);
	begun = tally_mono_ns();
	if (link_ask(&hand->link, &fetch, &status, &body, err) != 0)
		return -1;
	*ns_r = tally_mono_ns() - begun;
	if (status != 200)
		return take_refusal(load, status, body, err);
	if (memmem(body.data, body.size, request.answer, strlen(request.answer)) == NULL)
		return tally_err_set(err, TALLY_CORRUPT, "an answer lacks %s", request.answer);
	*count_r = request.count;
	return 1;
}

static void hand_begin(struct hand *hand, struct load *load)
{
	*hand = (struct hand){ .load = load };
	link_begin(&hand->link, &load->server);
}

static void hand_end(struct hand *hand)
{
	link_end(&hand->link);
	tally_arena_wipe(&hand->arena);
	tally_arena_free(&hand->arena);
}

static void *client_thread(void *ctx)
{
	struct worker *worker = ctx;
	struct load *load = (struct load *)worker->bench;
	struct hand hand;

	hand_begin(&hand, load);
	while (bench_goes_on(worker, tally_mono_ns())) {
		enum request_kind kind = load->work->kinds[bench_random(&worker->random) % 10];
		uint64_t count = 0, ns = 0;
		int done = exchange(&hand, kind, &worker->random, &count, &ns, &worker->err);

		worker->failed = done < 0;
		load->bench.failed = load->bench.failed || worker->failed;
		worker->count += strcmp(load->work->unit, "requests") == 0 ? done > 0 : count;
		if (done > 0)
			bench_note_latency(worker, ns);
	}
	hand_end(&hand);
	return NULL;
}

/* ---- the ledger, its member, journals to read ---- */

/* An own ledger, or that of --ledger; how many journals it has. */
static bool choose_ledger(struct load *load)
{
	const char *given = verb_value(load->bench.call, "ledger", NULL);
	struct client *client = &load->client;
	json_object *reply;

	if (given == NULL)
		client_start_write(client, "CreateLedger");
	else
		client_start(client, "DescribeLedger");
	client_add(client, given == NULL ? "LedgerName" : "LedgerId", given == NULL ? "bench" : given);
	reply = client_run(client);
	if (reply == NULL)
		return false;
	snprintf(load->bench.ledger, sizeof load->bench.ledger, "%s",
		 given != NULL ? given : reply_text(reply, "LedgerId"));
	load->made = given == NULL;
	load->plan.journals = given == NULL ? 1 :
		reply_uint(reply_member(reply, "Ledger"), "JournalCount");
	json_object_put(reply);
	return true;
}

static bool add_member(struct load *load)
{
	struct client *client = &load->client;
	struct signer *signer = &load->signer;
	struct tally_member_key key;
	struct tally_err err;
	json_object *reply;

	signer->type = KEY_TYPE_SECP256K1;
	signer->ledger = load->bench.ledger;
	if (tally_member_generate(signer->type, signer->private, &err) != 0 ||
	    tally_member_public(signer->type, signer->private, &key, &err) != 0) {
		verb_fail_err(load->bench.call, &err);
		return false;
	}
	tally_member_key_format(&key, signer->public);
	client_start_write(client, "CreateMember");
	client_add(client, "LedgerId", load->bench.ledger);
	client_add(client, "KeyType", tally_key_type_name(signer->type));
	client_add(client, "PublicKey", signer->public);
	client_add(client, "Role", "WRITER");
	reply = client_run(client);
	if (reply == NULL)
		return false;
	snprintf(signer->member_id, sizeof signer->member_id, "%s", reply_text(reply, "MemberId"));
	json_object_put(reply);
	load->plan.signer = signer;
	return true;
}

/* Up to --journals; what is there already counts. */
static bool fill(struct load *load)
{
	struct bench *bench = &load->bench;
	uint64_t random = 88172645463325252ull, most = BODY_MAX / (bench->size + JOURNAL_MORE);
	uint64_t batch = load->plan.batch, ns, count;
	struct tally_err err = { 0 };
	struct hand hand;
	struct bar bar;
	int done = 1;

	hand_begin(&hand, load);
	bar_begin(&bar, "fill", "journals");
	most = most < FILL_BATCH ? most : FILL_BATCH;
	while (done >= 0 && !bench_interrupted() && load->plan.journals < bench->journals) {
		uint64_t left = bench->journals - load->plan.journals;

		load->plan.batch = left < most ? left : most;
		done = exchange(&hand, REQUEST_BATCH, &random, &count, &ns, &err);
		load->plan.journals += done > 0 ? count : 0;
		bar_show(&bar, load->plan.journals, bench->journals);
	}
	bar_end(&bar);
	load->plan.batch = batch;
	load->refused = 0;
	hand_end(&hand);
	if (done < 0)
		verb_fail_err(bench->call, &err);
	return done >= 0 && !bench_interrupted();
}

static void delete_ledger(struct load *load)
{
	if (!load->made)
		return;
	client_start_write(&load->client, "DeleteLedger");
	client_add(&load->client, "LedgerId", load->bench.ledger);
	json_object_put(client_run(&load->client));
}

static bool run(struct load *load, struct outcome *outcome)
{
	bool good;

	if (!choose_ledger(load))
		return false;
	good = (!verb_given(load->bench.call, "signed") || add_member(load)) &&
	       (!load->work->reads || fill(load)) &&
	       bench_run_workers(&load->bench, client_thread, outcome);
	if (good && outcome->count == 0)
		good = verb_fail(load->bench.call, "not one request was served: %llu answers asked to "
				 "come later", (unsigned long long)load->refused) == VERB_OK;
	delete_ledger(load);
	return good;
}

/* ---- what is printed ---- */

static void print_as_json(const struct load *load, const char *machine,
			  const struct outcome *outcome)
{
	const struct bench *bench = &load->bench;
	json_object *object = json_object_new_object();

	json_object_object_add(object, "bench", json_object_new_string("http"));
	json_object_object_add(object, "work", json_object_new_string(load->work->name));
	bench_add_rate(object, outcome);
	json_object_object_add(object, "count", json_object_new_uint64(outcome->count));
	json_object_object_add(object, "refused", json_object_new_uint64(load->refused));
	bench_add_double(object, "seconds", outcome->seconds);
	json_object_object_add(object, "batch", json_object_new_uint64(bench->batch));
	json_object_object_add(object, "size", json_object_new_uint64(bench->size));
	json_object_object_add(object, "clients", json_object_new_uint64(bench->clients));
	json_object_object_add(object, "journals", json_object_new_uint64(load->plan.journals));
	json_object_object_add(object, "signed", json_object_new_boolean(load->plan.signer != NULL));
	json_object_object_add(object, "server", json_object_new_string(load->server.host));
	json_object_object_add(object, "machine", json_object_new_string(machine));
	print_json(object);
}

static void print_as_text(const struct load *load, const char *machine,
			  const struct outcome *outcome)
{
	const struct bench *bench = &load->bench;

	printf("machine      %s\n", machine);
	printf("server       %s, %llu connection%s kept\n", load->server.host,
	       (unsigned long long)bench->clients, bench->clients == 1 ? "" : "s");
	printf("work         %s\n", load->work->text);
	printf("signed       each request by an access key%s\n",
	       load->plan.signer != NULL ? ", each journal by a member (secp256k1)" : "");
	printf("payload      %llu bytes, %llu at a time\n", (unsigned long long)bench->size,
	       (unsigned long long)bench->batch);
	if (load->work->reads)
		printf("ledger       %llu journals to begin with\n",
		       (unsigned long long)load->plan.journals);
	printf("rate         %.0f %s/s (%llu in %.2f s)\n", (double)outcome->count / outcome->seconds,
	       load->work->unit, (unsigned long long)outcome->count, outcome->seconds);
	bench_print_latency(outcome);
	if (load->refused != 0)
		printf("refused      %llu answers asked to come later\n",
		       (unsigned long long)load->refused);
}

/* ---- the verb ---- */

static int read_options(struct load *load)
{
	struct verb_call *call = load->bench.call;
	struct bench *bench = &load->bench;
	struct tally_err err;

	load->work = find_work(verb_value(call, "work", "append"));
	if (load->work == NULL)
		return verb_misuse(call, "--work is append, batch, get, proof or mix");
	bench->batch = load->work->kinds[0] == REQUEST_BATCH ? 1000 : 1;
	if (!verb_number(call, "batch", 1, BATCH_MAX, &bench->batch) ||
	    !verb_number(call, "size", 1, BODY_MAX / 2, &bench->size) ||
	    !verb_number(call, "journals", 2, 100000000, &bench->journals) ||
	    !verb_number(call, "clients", 1, CLIENTS_MAX, &bench->clients) ||
	    !verb_number(call, "seconds", 1, 86400, &bench->seconds))
		return VERB_USAGE;
	if (verb_given(call, "batch") && load->work->kinds[0] != REQUEST_BATCH)
		return verb_misuse(call, "--batch goes with --work batch");
	if (bench->batch * (bench->size + JOURNAL_MORE) > BODY_MAX)
		return verb_misuse(call, "a batch is at most 15 MiB");
	load->client.call = call;
	if (!http_target_read(call, &load->client.target))
		return VERB_USAGE;
	if (load->client.target.endpoint == NULL)
		return verb_misuse(call, "which server? --endpoint URL, as tally serve prints it");
	if (load->client.target.key_id == NULL)
		return verb_misuse(call, "whose requests? --key ID and --secret TEXT");
	if (link_server_find(load->client.target.endpoint, &load->server, &err) != 0)
		return err.code == TALLY_INVALID ? verb_misuse(call, "%s", err.text) :
						   verb_fail_err(call, &err);
	return VERB_OK;
}

static int http_run(struct verb_call *call)
{
	struct load load = { .bench = { .call = call, .size = 256, .clients = 1, .seconds = 5,
					.journals = 10000 } };
	struct outcome outcome = { 0 };
	char *pool = NULL, machine[512];
	int status = read_options(&load);

	if (status == VERB_OK) {
		pool = request_pool(load.bench.size);
		load.plan = (struct request_plan){ .call = call, .ledger = load.bench.ledger,
						   .batch = load.bench.batch,
						   .size = load.bench.size, .pool = pool };
		bench_catch_interrupts();
		status = run(&load, &outcome) ? VERB_OK : VERB_FAILED;
	}
	if (status == VERB_OK) {
		bench_describe_machine(machine, sizeof machine);
		if (verb_given(call, "json"))
			print_as_json(&load, machine, &outcome);
		else
			print_as_text(&load, machine, &outcome);
	}
	client_close(&load.client);
	signer_wipe(&load.signer);
	link_server_free(&load.server);
	free(pool);
	return status;
}

static const struct verb_option http_options[] = {
	{ "work", "WHAT", "append (default), batch, get, proof or mix" },
	{ "clients", "N", "connections at work at the same time (default 1)" },
	{ "seconds", "N", "how long it runs (default 5)" },
	{ "size", "BYTES", "bytes of each payload (default 256)" },
	{ "batch", "N", "journals of one request of --work batch (default 1000)" },
	{ "journals", "N", "ledger that get, proof and mix find (default 10000)" },
	{ "signed", NULL, "each journal is signed by a member (secp256k1)" },
	{ "ledger", "ID", "the ledger to work in (default: a new one, deleted afterwards)" },
	VERB_JSON_OPTION,
	{ "endpoint", "URL", "the server (default: TALLY_ENDPOINT)" },
	{ "key", "ID", "access key id (default: TALLY_ACCESS_KEY_ID)" },
	{ "secret", "TEXT", "its secret (default: TALLY_ACCESS_KEY_SECRET)" },
	VERB_OPTIONS_END
};

const struct verb bench_http = {
	.name = "http", .usage = "", .summary = "Ask a server, by many connections at once",
	.options = http_options, .run = http_run,
};
