/*
 * Showing checkpoints to witnesses; see submit.h.
 *
 * For one ledger it goes in rounds. In each the proofs are made first, then all exchanges of the
 * round run at the same time, a thread each, and their answers are taken as they come, so that a
 * witness that is slow delays nobody's quorum. Who answered 409 takes part in the next round, with
 * the proof from the size it said.
 */
#include "config.h"

#include "submit.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "core.h"
#include "fetch.h"
#include "log.h"
#include "policy.h"
#include "witness.h"

#define ROUNDS 3
#define PAUSE_FIRST_MS 1000		/* after a first failure, then twice as long each time */
#define PAUSE_MAX_MS 300000
#define ANSWER_MAX 65536
#define URL_MAX 2048

/* How long nobody is asked after failures in a row. */
struct pause {
	unsigned int failures;
	uint64_t until_ms;		/* monotonic */
};

/* One ledger and what is known of each witness's view of it. */
struct shown {
	char ledger_id[TALLY_LEDGER_ID_SIZE + 1];
	struct shown *next;
	char origin[256];
	uint64_t size;			/* of the checkpoint whose lines these are */
	uint64_t known[TALLY_POLICY_WITNESSES];	/* size that it cosigned last, as far as we know */
	char *lines[TALLY_POLICY_WITNESSES];	/* over that checkpoint, or NULL */
	struct pause pauses[TALLY_POLICY_WITNESSES];	/* it refuses this ledger */
};

struct tally_submitter {
	const struct tally_policy *policy;
	uint64_t timeout_ms;
	const struct tally_submit_calls *calls;
	void *ctx;
	_Atomic bool stop;
	struct pause pauses[TALLY_POLICY_WITNESSES];	/* it does not answer */
	struct shown *buckets[256];
};

static uint64_t mono_ms(void)
{
	return tally_mono_ns() / 1000000;
}

/* ---- making and freeing ---- */

struct tally_submitter *tally_submitter_new(const struct tally_policy *policy, uint64_t timeout_ms,
					    const struct tally_submit_calls *calls, void *ctx)
{
	struct tally_submitter *submitter = tally_calloc(1, sizeof *submitter);

	submitter->policy = policy;
	submitter->timeout_ms = timeout_ms;
	submitter->calls = calls;
	submitter->ctx = ctx;
	return submitter;
}

static void drop_lines(struct shown *shown)
{
	for (size_t i = 0; i < TALLY_POLICY_WITNESSES; i++) {
		free(shown->lines[i]);
		shown->lines[i] = NULL;
	}
}

void tally_submitter_free(struct tally_submitter **submitter)
{
	if (*submitter == NULL)
		return;
	for (size_t i = 0; i < 256; i++)
		for (struct shown *shown = (*submitter)->buckets[i], *next; shown != NULL;
		     shown = next) {
			next = shown->next;
			drop_lines(shown);
			free(shown);
		}
	free(*submitter);
	*submitter = NULL;
}

void tally_submitter_stop(struct tally_submitter *submitter)
{
	submitter->stop = true;
}

static bool is_stopped(void *ctx)
{
	return ((struct tally_submitter *)ctx)->stop;
}

static struct shown **bucket_of(struct tally_submitter *submitter, const char *ledger_id)
{
	uint32_t hash = 2166136261u;

	for (const char *c = ledger_id; *c != '\0'; c++)
		hash = (hash ^ (uint8_t)*c) * 16777619u;
	return &submitter->buckets[hash >> 24];
}

static struct shown *find(struct tally_submitter *submitter, const char *ledger_id)
{
	struct shown *shown = *bucket_of(submitter, ledger_id);

	while (shown != NULL && strcmp(shown->ledger_id, ledger_id) != 0)
		shown = shown->next;
	return shown;
}

static struct shown *need(struct tally_submitter *submitter, const char *ledger_id)
{
	struct shown *shown = find(submitter, ledger_id), **bucket;

	if (shown == NULL) {
		shown = tally_calloc(1, sizeof *shown);
		snprintf(shown->ledger_id, sizeof shown->ledger_id, "%s", ledger_id);
		bucket = bucket_of(submitter, ledger_id);
		shown->next = *bucket;
		*bucket = shown;
	}
	return shown;
}

/* ---- failures ---- */

static const char *name_of(const struct tally_submitter *submitter, size_t witness, char room[64])
{
	struct tally_bytes name = submitter->policy->witnesses[witness].name;

	snprintf(room, 64, "%.*s", name.size < 63 ? (int)name.size : 63, (const char *)name.data);
	return room;
}

/* True the first time in a row. */
static bool failed(struct pause *pause)
{
	uint64_t ms = PAUSE_FIRST_MS;

	for (unsigned int i = 0; i < pause->failures && ms < PAUSE_MAX_MS; i++)
		ms *= 2;
	pause->until_ms = mono_ms() + (ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS);
	return pause->failures++ == 0;
}

static void no_answer(struct tally_submitter *submitter, size_t witness, const char *why)
{
	char room[64];

	if (submitter->stop)
		return;
	if (failed(&submitter->pauses[witness]))
		tally_log(TALLY_LOG_WARN, "witness.silent", "witness",
			  name_of(submitter, witness, room), "why", why, NULL);
}

static void refused(struct tally_submitter *submitter, struct shown *shown, size_t witness,
		    const char *why)
{
	char room[64];

	if (failed(&shown->pauses[witness]))
		tally_log(TALLY_LOG_WARN, "witness.refused", "witness",
			  name_of(submitter, witness, room), "ledger", shown->ledger_id, "why", why,
			  NULL);
}

static void answered(struct tally_submitter *submitter, size_t witness)
{
	char room[64];

	if (submitter->pauses[witness].failures > 0)
		tally_log(TALLY_LOG_INFO, "witness.back", "witness",
			  name_of(submitter, witness, room), NULL);
	submitter->pauses[witness] = (struct pause){ 0 };
}

/* Is this witness to be asked about this ledger now? */
static bool is_due(const struct tally_submitter *submitter, const struct shown *shown,
		   size_t witness, uint64_t now)
{
	return submitter->policy->witnesses[witness].url.size > 0 &&
	       shown->lines[witness] == NULL && submitter->pauses[witness].until_ms <= now &&
	       shown->pauses[witness].until_ms <= now;
}

bool tally_submitter_wants(struct tally_submitter *submitter, const char *ledger_id, uint64_t size)
{
	const struct shown *shown = find(submitter, ledger_id);
	uint64_t now = mono_ms();

	if (shown == NULL)
		return true;
	for (size_t i = 0; i < submitter->policy->witness_count; i++)
		if (submitter->policy->witnesses[i].url.size > 0 &&
		    (shown->size != size || shown->lines[i] == NULL) &&
		    submitter->pauses[i].until_ms <= now && shown->pauses[i].until_ms <= now)
			return true;
	return false;
}

/* ---- one exchange ---- */

/* Those of one round, and how many of them are over. */
struct round {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct exchange {
		struct round *round;
		struct tally_submitter *submitter;
		size_t witness;
		char url[URL_MAX];
		struct tally_buf body;
		pthread_t thread;
		bool over, taken;
		int result;		/* of the fetch */
		struct tally_fetched fetched;
		struct tally_err err;
	} exchanges[TALLY_POLICY_WITNESSES];
	size_t count;
};

/* A URL of the policy with a path behind it. */
static bool make_url(struct tally_bytes base, const char *path, char url[URL_MAX])
{
	size_t size = base.size;

	while (size > 0 && base.data[size - 1] == '/')
		size--;
	return (size_t)snprintf(url, URL_MAX, "%.*s/%s", (int)size, (const char *)base.data, path) <
	       URL_MAX;
}

static void *exchange_main(void *arg)
{
	struct exchange *x = arg;
	struct tally_fetch fetch = {
		.url = x->url,
		.post = true,
		.content_type = "text/plain; charset=utf-8",
		.body = tally_buf_bytes(&x->body),
		.timeout_ms = (unsigned int)x->submitter->timeout_ms,
		.limit = ANSWER_MAX,
		.stop = is_stopped,
		.stop_ctx = x->submitter,
	};

	x->result = tally_fetch(&fetch, &x->fetched, &x->err);
	pthread_mutex_lock(&x->round->lock);
	x->over = true;
	pthread_cond_signal(&x->round->wake);
	pthread_mutex_unlock(&x->round->lock);
	return NULL;
}

/* The next that is over and was not taken yet. NULL: there is none any more. */
static struct exchange *next_over(struct round *round)
{
	struct exchange *found = NULL;
	size_t left;

	pthread_mutex_lock(&round->lock);
	for (;;) {
		left = 0;
		for (size_t i = 0; i < round->count && found == NULL; i++) {
			if (round->exchanges[i].taken)
				continue;
			left++;
			if (round->exchanges[i].over)
				found = &round->exchanges[i];
		}
		if (found != NULL || left == 0)
			break;
		pthread_cond_wait(&round->wake, &round->lock);
	}
	if (found != NULL)
		found->taken = true;
	pthread_mutex_unlock(&round->lock);
	if (found != NULL)
		pthread_join(found->thread, NULL);
	return found;
}

/* ---- one ledger ---- */

struct submission {
	struct tally_submitter *submitter;
	struct shown *shown;
	struct tally_bytes signed_note;
	struct tally_note note;
	struct tally_checkpoint checkpoint;
	struct tally_arena arena;
	bool again[TALLY_POLICY_WITNESSES];	/* takes part in the next round */
	bool kept;
	struct tally_submit_result *result;
};

/* Our note and the lines there are, in the policy's order. */
static struct tally_bytes compose(struct submission *s)
{
	struct tally_buf buf = { 0 };
	struct tally_bytes note;

	tally_buf_add_bytes(&buf, s->signed_note);
	for (size_t i = 0; i < s->submitter->policy->witness_count; i++)
		if (s->shown->lines[i] != NULL)
			tally_buf_add_str(&buf, s->shown->lines[i]);
	note = tally_arena_bytes(&s->arena, tally_buf_bytes(&buf));
	tally_buf_free(&buf);
	return note;
}

static void count_lines(struct submission *s)
{
	bool signed_by[TALLY_POLICY_WITNESSES] = { false };

	s->result->cosigned = 0;
	for (size_t i = 0; i < s->submitter->policy->witness_count; i++) {
		signed_by[i] = s->shown->lines[i] != NULL;
		s->result->cosigned += signed_by[i];
	}
	s->result->quorum = tally_policy_quorum(s->submitter->policy, signed_by);
}

/* As soon as there is a quorum, and once more at the end. */
static int keep(struct submission *s, struct tally_err *err)
{
	count_lines(s);
	if (!s->result->quorum || s->result->cosigned == 0)
		return 0;
	s->kept = true;
	return s->submitter->calls->keep(s->submitter->ctx, s->shown->ledger_id, compose(s), err);
}

static void keep_line(struct shown *shown, size_t witness, struct tally_bytes line)
{
	char *copy = tally_malloc(line.size + 1);

	if (line.size > 0)
		memcpy(copy, line.data, line.size);
	copy[line.size] = '\0';
	free(shown->lines[witness]);
	shown->lines[witness] = copy;
}

/* The line of a key that is known to have signed. */
static struct tally_bytes line_of(const struct tally_note *note, const struct tally_vkey *key)
{
	for (size_t i = 0; i < note->signature_count; i++)
		if (note->signatures[i].id == key->id &&
		    tally_bytes_is(note->signatures[i].name, key->name))
			return note->signatures[i].line;
	return TALLY_BYTES_NONE;
}

static void take_line(struct submission *s, const struct exchange *x)
{
	const struct tally_vkey *key = &s->submitter->policy->witness_keys[x->witness];
	struct shown *shown = s->shown;
	struct tally_bytes line;
	uint64_t time;

	if (!tally_witness_answer(tally_buf_bytes(&x->fetched.body), s->note.text, key, &line,
				  &time)) {
		refused(s->submitter, shown, x->witness, "its answer has no valid cosignature of its key");
		return;
	}
	keep_line(shown, x->witness, line);
	shown->known[x->witness] = s->checkpoint.size;
	shown->pauses[x->witness] = (struct pause){ 0 };
}

/*
 * The witness holds something else than we think: a larger tree, or one that ours does not continue.
 * What it gives out shows, by our own signature on it, whether that is our fault.
 */
static void suspect(struct submission *s, size_t witness)
{
	struct tally_submitter *submitter = s->submitter;
	struct tally_bytes url = submitter->policy->witnesses[witness].url, note;
	char *base = tally_arena_str(&s->arena, url), room[64];
	struct tally_err err;
	bool fits = true;

	if (tally_witness_ask(base, s->checkpoint.origin, submitter->timeout_ms, is_stopped, submitter,
			      &s->arena, &note, &err) == 1 &&
	    submitter->calls->check(submitter->ctx, s->shown->ledger_id, note, &fits, &err) == 0 &&
	    !fits) {
		s->result->conflict = true;
		tally_log(TALLY_LOG_ERROR, "witness.conflict", "witness",
			  name_of(submitter, witness, room), "ledger", s->shown->ledger_id, "why",
			  "it has cosigned a tree of ours that the ledger does not have: an older copy?",
			  NULL);
	}
	refused(submitter, s->shown, witness, fits ? "it holds another tree than ours" :
						      "it holds a tree that this copy does not have");
}

/* What one answer means. */
static void take_answer(struct submission *s, struct exchange *x)
{
	struct tally_bytes body = tally_buf_bytes(&x->fetched.body);
	uint64_t size;
	char why[160];

	if (x->result != 0) {
		no_answer(s->submitter, x->witness, x->err.text);
		return;
	}
	if (x->fetched.status >= 500 || x->fetched.status == 429) {
		snprintf(why, sizeof why, "it answers with status %d", x->fetched.status);
		no_answer(s->submitter, x->witness, why);
		return;
	}
	answered(s->submitter, x->witness);
	snprintf(why, sizeof why, "it answers with status %d: %.*s", x->fetched.status,
		 body.size < 100 ? (int)body.size : 100, body.data != NULL ? (const char *)body.data : "");
	if (x->fetched.status == 200) {
		take_line(s, x);
	} else if (x->fetched.status == 409 && tally_witness_size(body, &size) &&
		   size != s->shown->known[x->witness]) {
		s->shown->known[x->witness] = size;
		s->again[x->witness] = size <= s->checkpoint.size;
		if (size > s->checkpoint.size)
			suspect(s, x->witness);
	} else if (x->fetched.status == 422) {
		suspect(s, x->witness);
	} else {
		refused(s->submitter, s->shown, x->witness, why);
	}
}

/* ---- rounds ---- */

/* The request of one witness; false where it cannot be made. */
static bool prepare(struct submission *s, size_t witness, struct exchange *x)
{
	struct tally_submitter *submitter = s->submitter;
	uint64_t known = s->shown->known[witness];
	struct tally_consistency proof = { 0 };
	char head[TALLY_WITNESS_HEAD_MAX];
	struct tally_err err;

	if (!make_url(submitter->policy->witnesses[witness].url, "add-checkpoint", x->url)) {
		refused(submitter, s->shown, witness, "its URL is too long");
		return false;
	}
	if (known > 0 && known < s->checkpoint.size &&
	    (submitter->calls->prove(submitter->ctx, s->shown->ledger_id, known,
				     s->checkpoint.size, &proof, &err) != 1 ||
	     proof.proof_count > TALLY_WITNESS_PROOF_MAX)) {
		refused(submitter, s->shown, witness, "no proof can be made from what it holds");
		return false;
	}
	tally_buf_add(&x->body, head, tally_witness_head(known, proof.proof, proof.proof_count, head));
	tally_buf_add_bytes(&x->body, s->signed_note);
	x->witness = witness;
	x->submitter = submitter;
	return true;
}

static void begin_round(struct submission *s, struct round *round, const bool *asked)
{
	for (size_t i = 0; i < s->submitter->policy->witness_count; i++) {
		struct exchange *x = &round->exchanges[round->count];

		if (!asked[i] || s->submitter->stop)
			continue;
		x->round = round;
		if (prepare(s, i, x) && pthread_create(&x->thread, NULL, exchange_main, x) == 0)
			round->count++;
		else
			tally_buf_free(&x->body);
	}
}

static int run_round(struct submission *s, const bool *asked, struct tally_err *err)
{
	struct round *round = tally_calloc(1, sizeof *round);
	struct exchange *x;
	int result = 0;

	pthread_mutex_init(&round->lock, NULL);
	pthread_cond_init(&round->wake, NULL);
	begin_round(s, round, asked);
	while ((x = next_over(round)) != NULL) {
		take_answer(s, x);
		tally_buf_free(&x->fetched.body);
		tally_buf_free(&x->body);
		if (result == 0 && !s->kept && s->shown->lines[x->witness] != NULL)
			result = keep(s, err);
	}
	pthread_mutex_destroy(&round->lock);
	pthread_cond_destroy(&round->wake);
	free(round);
	return result;
}

static int run_rounds(struct submission *s, struct tally_err *err)
{
	bool asked[TALLY_POLICY_WITNESSES] = { false };
	uint64_t now = mono_ms();
	unsigned int before = 0;
	bool any = false;
	int result = 0;

	for (size_t i = 0; i < s->submitter->policy->witness_count; i++) {
		asked[i] = is_due(s->submitter, s->shown, i, now);
		any = any || asked[i];
	}
	for (int round = 0; result == 0 && any && round < ROUNDS; round++) {
		memset(s->again, 0, sizeof s->again);
		result = run_round(s, asked, err);
		memcpy(asked, s->again, sizeof asked);
		any = memchr(asked, true, sizeof asked) != NULL;
	}
	for (size_t i = 0; i < s->submitter->policy->witness_count; i++)
		if (asked[i])
			refused(s->submitter, s->shown, i, "it does not say what it holds");
	before = s->result->cosigned;
	count_lines(s);
	if (result == 0 && s->kept && s->result->cosigned > before)
		result = keep(s, err);
	return result;
}

/* What the cosigned note of before tells: who signed that holds at least that. */
static void learn(struct submission *s, struct tally_bytes cosigned)
{
	const struct tally_policy *policy = s->submitter->policy;
	struct tally_checkpoint checkpoint;
	struct tally_policy_found found;
	struct tally_note *note = tally_arena_new(&s->arena, struct tally_note);

	if (!tally_note_parse(cosigned, note) || !tally_checkpoint_parse(note->text, &checkpoint) ||
	    !tally_bytes_equal(checkpoint.origin, s->checkpoint.origin) ||
	    !tally_policy_check(policy, note, &checkpoint, &found))
		return;
	for (size_t i = 0; i < policy->witness_count; i++)
		if (found.signed_by[i] && s->shown->known[i] < checkpoint.size)
			s->shown->known[i] = checkpoint.size;
	if (tally_bytes_equal(note->text, s->note.text))
		for (size_t i = 0; i < policy->witness_count; i++)
			if (found.signed_by[i])
				keep_line(s->shown, i, line_of(note, &policy->witness_keys[i]));
}

/* Lines belong to one checkpoint of one origin. */
static void take_note(struct submission *s, struct tally_bytes cosigned)
{
	struct shown *shown = s->shown;

	bool other = !tally_bytes_is(s->checkpoint.origin, shown->origin);

	if (other) {
		memset(shown->known, 0, sizeof shown->known);
		snprintf(shown->origin, sizeof shown->origin, "%.*s", (int)s->checkpoint.origin.size,
			 (const char *)s->checkpoint.origin.data);
	}
	if (other || shown->size != s->checkpoint.size)
		drop_lines(shown);
	shown->size = s->checkpoint.size;
	if (other)
		learn(s, cosigned);
}

int tally_submit(struct tally_submitter *submitter, const char *ledger_id,
		 struct tally_submit_result *result_r, struct tally_err *err)
{
	struct submission *s = tally_calloc(1, sizeof *s);
	struct tally_bytes cosigned = TALLY_BYTES_NONE;
	int found;

	memset(result_r, 0, sizeof *result_r);
	s->submitter = submitter;
	s->result = result_r;
	found = submitter->calls->checkpoint(submitter->ctx, ledger_id, &s->arena, &s->signed_note,
					     &cosigned, err);
	if (found == 1 && (!tally_note_parse(s->signed_note, &s->note) ||
			   !tally_checkpoint_parse(s->note.text, &s->checkpoint)))
		found = tally_err_set(err, TALLY_CORRUPT, "the checkpoint of %s is malformed", ledger_id);
	if (found == 1) {
		result_r->size = s->checkpoint.size;
		s->shown = need(submitter, ledger_id);
		take_note(s, cosigned);
		if (run_rounds(s, err) != 0)
			found = -1;
	}
	tally_arena_free(&s->arena);
	free(s);
	return found;
}

/* ---- what a witness holds ---- */

int tally_witness_ask(const char *url, struct tally_bytes origin, uint64_t timeout_ms,
		      bool (*stop)(void *ctx), void *stop_ctx, struct tally_arena *arena,
		      struct tally_bytes *note_r, struct tally_err *err)
{
	struct tally_fetch fetch = { .timeout_ms = (unsigned int)timeout_ms, .limit = ANSWER_MAX,
				     .stop = stop, .stop_ctx = stop_ctx };
	char path[TALLY_ORIGIN_HEX + 16], full[URL_MAX];
	struct tally_fetched fetched;
	int found;

	tally_origin_hex(origin, path);
	strcat(path, "/checkpoint");
	if (!make_url(tally_bytes_str(url), path, full))
		return tally_err_set(err, TALLY_INVALID, "the URL is too long");
	fetch.url = full;
	if (tally_fetch(&fetch, &fetched, err) != 0)
		return -1;
	if (fetched.status == 200) {
		*note_r = tally_arena_bytes(arena, tally_buf_bytes(&fetched.body));
		found = 1;
	} else if (fetched.status == 404) {
		found = 0;
	} else {
		found = tally_err_set(err, TALLY_IO, "it answers with status %d", fetched.status);
	}
	tally_buf_free(&fetched.body);
	return found;
}
