/*
 * Showing checkpoints to witnesses. The network is played here: behind each URL is a real witness
 * with its memory, and a mood in which it answers.
 */
#include "config.h"

#include "submit.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "core.h"
#include "cosigner.h"
#include "fetch.h"
#include "log.h"
#include "policy.h"
#include "tap.h"
#include "witness.h"

#define ORIGIN "log.example/l-00000000000000000000000a1"
#define LEDGER "l-00000000000000000000000a1"
#define WITNESSES 4
#define LEAVES 300

enum mood {
	GOOD,
	SILENT,			/* no answer at all */
	BROKEN,			/* status 500 */
	RUBBISH,		/* 200 and something else than a cosignature */
	FORGED,			/* 200 and a cosignature that does not hold */
	STRANGER,		/* 200 and a cosignature of another key */
	BOASTFUL,		/* 409 and a size beyond any of ours */
	STUBBORN,		/* 409 and whatever size was sent */
	SLOW			/* good, when it is let go */
};

static struct tally_err err;
static struct tally_arena arena;
static char root_dir[64];
static struct tally_cosigner *witnesses[WITNESSES];
static struct tally_policy policy;
static char *policy_text;

/* ---- the network ---- */

static pthread_mutex_t net_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t net_wake = PTHREAD_COND_INITIALIZER;
static enum mood moods[WITNESSES];
static unsigned int asked[WITNESSES];
static bool let_go;

static void answer_text(struct tally_fetched *fetched, int status, const char *text)
{
	fetched->status = status;
	tally_buf_add_str(&fetched->body, text);
}

static void answer_good(unsigned int w, const struct tally_fetch *fetch,
			struct tally_fetched *fetched)
{
	struct tally_cosigner_answer answer;
	struct tally_arena own = { 0 };

	tally_cosigner_add_checkpoint(witnesses[w], fetch->body, 1700000000, &own, &answer);
	fetched->status = answer.status;
	tally_buf_add_bytes(&fetched->body, answer.body);
	tally_arena_free(&own);
}

static void answer_last(unsigned int w, const char *url, struct tally_fetched *fetched)
{
	struct tally_arena own = { 0 };
	struct tally_bytes note;
	struct tally_err ignored;

	fetched->status = 404;
	if (tally_cosigner_last(witnesses[w], tally_bytes(strstr(url, "/witness/") + 9, 64), &own, &note,
				&ignored) == 1) {
		fetched->status = 200;
		tally_buf_add_bytes(&fetched->body, note);
	}
	tally_arena_free(&own);
}

static void answer_forged(unsigned int w, const struct tally_fetch *fetch,
			  struct tally_fetched *fetched)
{
	answer_good(w, fetch, fetched);
	if (fetched->status == 200)
		fetched->body.data[fetched->body.size - 10] ^= 1;
}

static void answer_stranger(const struct tally_fetch *fetch, struct tally_fetched *fetched)
{
	static const uint8_t seed[32] = { 77 };
	struct tally_witness_request *request = calloc(1, sizeof *request);
	char line[TALLY_NOTE_LINE];
	struct tally_vkey key;
	uint8_t public[32];

	tally_ed25519_public(seed, public);
	tally_vkey_make(&key, TALLY_BYTES_LIT("stranger.example"), NOTE_COSIGNATURE, public);
	if (tally_witness_parse(fetch->body, request)) {
		tally_note_cosign(&key, seed, request->note.text, 1700000000, line);
		answer_text(fetched, 200, line);
	}
	free(request);
}

int tally_fetch(const struct tally_fetch *fetch, struct tally_fetched *fetched_r,
		struct tally_err *why)
{
	unsigned int w = (unsigned int)(strstr(fetch->url, "//w")[3] - '0');
	enum mood mood;
	unsigned long long size = 0;

	*fetched_r = (struct tally_fetched){ 0 };
	pthread_mutex_lock(&net_lock);
	asked[w]++;
	mood = moods[w];
	while (mood == SLOW && !let_go && !fetch->stop(fetch->stop_ctx))
		pthread_cond_wait(&net_wake, &net_lock);
	pthread_mutex_unlock(&net_lock);
	if (mood == SILENT || (fetch->stop != NULL && fetch->stop(fetch->stop_ctx)))
		return tally_err_set(why, TALLY_IO, "no answer");
	if (!fetch->post) {
		answer_last(w, fetch->url, fetched_r);
		return 0;
	}
	switch (mood) {
	case BROKEN:
		answer_text(fetched_r, 500, "broken\n");
		break;
	case RUBBISH:
		answer_text(fetched_r, 200, "thank you\n");
		break;
	case FORGED:
		answer_forged(w, fetch, fetched_r);
		break;
	case STRANGER:
		answer_stranger(fetch, fetched_r);
		break;
	case BOASTFUL:
		answer_text(fetched_r, 409, "123456789\n");
		break;
	case STUBBORN:
		sscanf((const char *)fetch->body.data, "old %llu", &size);
		answer_text(fetched_r, 409, size == 7 ? "5\n" : "7\n");
		break;
	default:
		answer_good(w, fetch, fetched_r);
	}
	return 0;
}

/* ---- the ledger ---- */

static struct tally_hash leaves[2][LEAVES];
static uint8_t log_seed[32] = { 5 };
static struct tally_vkey log_key;

static struct ledger {
	int history;
	uint64_t size;
	struct tally_bytes kept;	/* the cosigned note */
	unsigned int keeps;
	unsigned int checks;
	bool fails_to_keep;
	pthread_t thread;		/* all calls come from this one */
	bool strange_thread;
} ledger;

static int node(void *ctx, unsigned int level, uint64_t index, struct tally_hash *hash_r)
{
	struct tally_hash left, right;

	if (level == 0) {
		*hash_r = ((struct tally_hash *)ctx)[index];
		return 0;
	}
	node(ctx, level - 1, 2 * index, &left);
	node(ctx, level - 1, 2 * index + 1, &right);
	tally_node_hash(&left, &right, hash_r);
	return 0;
}

static void root_of(int history, uint64_t size, struct tally_hash *root_r)
{
	struct tally_frontier frontier;

	tally_frontier_init(&frontier);
	for (uint64_t i = 0; i < size; i++)
		tally_frontier_append(&frontier, &leaves[history][i]);
	tally_frontier_root(&frontier, root_r);
}

static struct tally_bytes note_of(int history, uint64_t size)
{
	char *text = tally_arena_alloc(&arena, 1024), line[TALLY_NOTE_LINE];
	struct tally_hash root;
	size_t used;

	root_of(history, size, &root);
	used = tally_checkpoint_format(TALLY_BYTES_LIT(ORIGIN), size, &root, text);
	tally_note_sign(&log_key, log_seed, tally_bytes(text, used), line);
	used += (size_t)sprintf(text + used, "\n%s", line);
	return tally_bytes(text, used);
}

static void look_at_thread(void)
{
	ledger.strange_thread = ledger.strange_thread || !pthread_equal(ledger.thread, pthread_self());
}

static int get_checkpoint(void *ctx, const char *ledger_id, struct tally_arena *to,
			  struct tally_bytes *note_r, struct tally_bytes *cosigned_r,
			  struct tally_err *why)
{
	(void)ctx;
	look_at_thread();
	if (strcmp(ledger_id, LEDGER) != 0)
		return 0;
	if (ledger.size == 0)
		return tally_err_about(why, TALLY_CORRUPT, "ReadOnly", "an older copy");
	*note_r = tally_arena_bytes(to, note_of(ledger.history, ledger.size));
	*cosigned_r = tally_arena_bytes(to, ledger.kept);
	return 1;
}

static int get_proof(void *ctx, const char *ledger_id, uint64_t old_size, uint64_t new_size,
		     struct tally_consistency *proof_r, struct tally_err *why)
{
	int count = old_size <= new_size && new_size <= ledger.size ?
			    tally_consistency_prove(old_size, new_size, node,
						    leaves[ledger.history], proof_r->proof) :
			    -1;

	(void)ctx;
	(void)ledger_id;
	(void)why;
	look_at_thread();
	proof_r->proof_count = (size_t)(count > 0 ? count : 0);
	return count >= 0;
}

static int keep_note(void *ctx, const char *ledger_id, struct tally_bytes note,
		     struct tally_err *why)
{
	(void)ctx;
	(void)ledger_id;
	look_at_thread();
	if (ledger.fails_to_keep)
		return tally_err_set(why, TALLY_IO, "the disk is gone");
	ledger.kept = tally_arena_bytes(&arena, note);
	ledger.keeps++;
	/* once it is kept, slow ones are let go */
	pthread_mutex_lock(&net_lock);
	let_go = true;
	pthread_cond_broadcast(&net_wake);
	pthread_mutex_unlock(&net_lock);
	return 0;
}

static int check_note(void *ctx, const char *ledger_id, struct tally_bytes bytes, bool *fits_r,
		      struct tally_err *why)
{
	struct tally_note *note = tally_arena_new(&arena, struct tally_note);
	struct tally_checkpoint checkpoint;
	struct tally_hash root;

	(void)ctx;
	(void)ledger_id;
	look_at_thread();
	ledger.checks++;
	if (!tally_note_parse(bytes, note) || !tally_checkpoint_parse(note->text, &checkpoint) ||
	    tally_note_verify(note, &log_key, 1, NULL, NULL) != 1)
		return tally_err_set(why, TALLY_INVALID, "not ours");
	*fits_r = checkpoint.size <= ledger.size;
	if (*fits_r) {
		root_of(ledger.history, checkpoint.size, &root);
		*fits_r = memcmp(root.bytes, checkpoint.root.bytes, sizeof root.bytes) == 0;
	}
	return 0;
}

static const struct tally_submit_calls calls = { get_checkpoint, get_proof, keep_note, check_note };

/* ---- the world ---- */

/* New witnesses without a memory, all good; the ledger at a size; two of four make a quorum. */
static void begin(uint64_t size, const char *quorum)
{
	static unsigned int count;
	char text[TALLY_VKEY_TEXT], directory[128];
	struct tally_buf buf = { 0 };

	count++;
	for (unsigned int i = 0; i < WITNESSES; i++) {
		tally_cosigner_close(&witnesses[i]);
		snprintf(directory, sizeof directory, "%s/%u-%u", root_dir, count, i);
		CHECK_OK(tally_cosigner_init(directory, "w.example", &err));
		CHECK_OK(tally_cosigner_open(directory, &witnesses[i], &err));
		CHECK_OK(tally_cosigner_add_log(witnesses[i], TALLY_BYTES_LIT(ORIGIN), &log_key, &err));
		tally_vkey_format(tally_cosigner_vkey(witnesses[i]), text);
		tally_buf_printf(&buf, "witness w%u %s http://w%u/witness%s\n", i, text, i,
				 i % 2 == 0 ? "" : "/");
		moods[i] = GOOD;
		asked[i] = 0;
	}
	tally_buf_printf(&buf, "group g 2 w0 w1 w2 w3\nquorum %s\n", quorum);
	free(policy_text);
	policy_text = strndup((const char *)buf.data, buf.size);
	tally_buf_free(&buf);
	CHECK_OK(tally_policy_parse(tally_bytes_str(policy_text), &policy, &err));
	ledger = (struct ledger){ .size = size, .thread = pthread_self() };
	let_go = false;
}

static struct tally_submitter *new_submitter(void)
{
	return tally_submitter_new(&policy, 1000, &calls, NULL);
}

static struct tally_submit_result submit(struct tally_submitter *submitter)
{
	struct tally_submit_result result;

	if (tally_submit(submitter, LEDGER, &result, &err) != 1)
		FAIL("submit: %s", err.text);
	CHECK(!ledger.strange_thread);
	return result;
}

static unsigned int lines_kept(void)
{
	struct tally_checkpoint checkpoint;
	struct tally_policy_found found;
	struct tally_note *note = tally_arena_new(&arena, struct tally_note);

	if (ledger.kept.size == 0)
		return 0;
	CHECK(tally_note_parse(ledger.kept, note) && tally_checkpoint_parse(note->text, &checkpoint));
	CHECK(tally_policy_check(&policy, note, &checkpoint, &found));
	return (unsigned int)found.witness_count;
}

static uint64_t held(unsigned int w)
{
	struct tally_checkpoint checkpoint = { .size = 0 };
	struct tally_note *note = tally_arena_new(&arena, struct tally_note);
	char hex[TALLY_ORIGIN_HEX];
	struct tally_bytes bytes;

	tally_origin_hex(TALLY_BYTES_LIT(ORIGIN), hex);
	if (tally_cosigner_last(witnesses[w], tally_bytes_str(hex), &arena, &bytes, &err) == 1)
		CHECK(tally_note_parse(bytes, note) && tally_checkpoint_parse(note->text, &checkpoint));
	return checkpoint.size;
}

/* ---- tests ---- */

static void all_cosign_what_grows(void)
{
	struct tally_submitter *submitter;
	struct tally_submit_result result;

	begin(3, "g");
	submitter = new_submitter();
	for (uint64_t size = 3; size < 280; size = size * 3 / 2) {
		CASE("size %" PRIu64, size);
		ledger.size = size;
		CHECK(tally_submitter_wants(submitter, LEDGER, size));
		result = submit(submitter);
		CHECK(result.size == size && result.cosigned == 4 && result.quorum && !result.conflict);
		CHECK_INT(lines_kept(), 4);
		CHECK_INT(held(3), size);
		CHECK(!tally_submitter_wants(submitter, LEDGER, size));
		CHECK(tally_submitter_wants(submitter, LEDGER, size + 1));
	}
	CASE("each was asked once for each size");
	CHECK_INT(asked[0], 12);
	CASE("a ledger that is not there, and one that is read only");
	CHECK_INT(tally_submit(submitter, "l-x", &result, &err), 0);
	ledger.size = 0;
	CHECK_FAILS(tally_submit(submitter, LEDGER, &result, &err), TALLY_CORRUPT);
	tally_submitter_free(&submitter);
}

/* A submitter that knows nothing learns from what was kept, and from what witnesses answer. */
static void it_learns_what_they_hold(void)
{
	struct tally_submitter *submitter;

	begin(10, "g");
	submitter = new_submitter();
	submit(submitter);
	tally_submitter_free(&submitter);
	CASE("nothing new: nobody is asked");
	memset(asked, 0, sizeof asked);
	submitter = new_submitter();
	CHECK_INT(submit(submitter).cosigned, 4);
	CHECK_INT(asked[0] + asked[1] + asked[2] + asked[3], 0);
	tally_submitter_free(&submitter);
	CASE("from the note that was kept");
	ledger.size = 20;
	submitter = new_submitter();
	submit(submitter);
	CHECK_INT(asked[0], 1);
	tally_submitter_free(&submitter);
	CASE("from the answer 409");
	ledger.kept = TALLY_BYTES_NONE;
	ledger.size = 33;
	memset(asked, 0, sizeof asked);
	submitter = new_submitter();
	CHECK_INT(submit(submitter).cosigned, 4);
	CHECK_INT(asked[0], 2);
	CASE("somebody else was faster");
	ledger.size = 40;
	tally_submitter_free(&submitter);
	submitter = new_submitter();
	submit(submitter);
	ledger.size = 50;
	{
		struct tally_submitter *other = new_submitter();

		submit(other);
		tally_submitter_free(&other);
	}
	ledger.size = 60;
	CHECK_INT(submit(submitter).cosigned, 4);
	tally_submitter_free(&submitter);
}

/* One that does not cosign, whatever its reason: the others do, and it is left alone for a while. */
static void one_that_fails_stops_nobody(void)
{
	static const struct {
		enum mood mood;
		unsigned int requests;
	} cases[] = { { SILENT, 1 }, { BROKEN, 1 }, { RUBBISH, 1 }, { FORGED, 1 }, { STRANGER, 1 },
		      { BOASTFUL, 2 }, { STUBBORN, 3 } };

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tally_submitter *submitter;
		struct tally_submit_result result;

		CASE("mood %d", cases[i].mood);
		begin(10, "g");
		moods[1] = cases[i].mood;
		submitter = new_submitter();
		result = submit(submitter);
		CHECK(result.cosigned == 3 && result.quorum && !result.conflict);
		CHECK_INT(lines_kept(), 3);
		CHECK_INT(asked[1], cases[i].requests);
		ledger.size = 11;
		result = submit(submitter);
		CHECK_INT(result.cosigned, 3);
		CHECK_INT(asked[1], cases[i].requests);
		CHECK_INT(asked[0], 2);
		tally_submitter_free(&submitter);
	}
}

static void without_a_quorum_nothing_is_kept(void)
{
	struct tally_submitter *submitter;
	struct tally_submit_result result;

	begin(10, "g");
	moods[0] = moods[1] = SILENT;
	moods[2] = BROKEN;
	submitter = new_submitter();
	result = submit(submitter);
	CHECK(result.cosigned == 1 && !result.quorum);
	CHECK_INT(ledger.keeps, 0);
	tally_submitter_free(&submitter);
	CASE("nobody at all, where none is needed");
	begin(10, "none");
	moods[0] = moods[1] = moods[2] = moods[3] = SILENT;
	submitter = new_submitter();
	result = submit(submitter);
	CHECK(result.cosigned == 0 && result.quorum);
	CHECK_INT(ledger.keeps, 0);
	tally_submitter_free(&submitter);
	CASE("it cannot be kept");
	begin(10, "g");
	ledger.fails_to_keep = true;
	submitter = new_submitter();
	CHECK_FAILS(tally_submit(submitter, LEDGER, &result, &err), TALLY_IO);
	tally_submitter_free(&submitter);
}

/* What makes a quorum is kept before the slow ones have answered, and once more with theirs. The
 * slow ones are let go only by the first keeping: a submitter that waits for them hangs here. */
static void a_slow_one_delays_no_quorum(void)
{
	struct tally_submitter *submitter;

	begin(10, "g");
	moods[0] = moods[3] = SLOW;
	submitter = new_submitter();
	CHECK_INT(submit(submitter).cosigned, 4);
	CHECK_INT(ledger.keeps, 2);
	CHECK_INT(lines_kept(), 4);
	tally_submitter_free(&submitter);
}

static void *stop_it(void *arg)
{
	struct tally_submitter *submitter = arg;
	bool waiting = false;

	while (!waiting) {
		pthread_mutex_lock(&net_lock);
		waiting = asked[0] > 0 && asked[1] > 0 && asked[2] > 0 && asked[3] > 0;
		pthread_mutex_unlock(&net_lock);
	}
	tally_submitter_stop(submitter);
	pthread_mutex_lock(&net_lock);
	pthread_cond_broadcast(&net_wake);
	pthread_mutex_unlock(&net_lock);
	return NULL;
}

static void it_is_stopped(void)
{
	struct tally_submitter *submitter;
	pthread_t thread;

	begin(10, "g");
	for (int i = 0; i < WITNESSES; i++)
		moods[i] = SLOW;
	submitter = new_submitter();
	pthread_create(&thread, NULL, stop_it, submitter);
	CHECK_INT(submit(submitter).cosigned, 0);
	pthread_join(thread, NULL);
	CHECK_INT(submit(submitter).cosigned, 0);
	tally_submitter_free(&submitter);
}

/* A witness saw another history of ours, or a longer one: that is told, with what it holds. */
static void a_fork_is_found_out(void)
{
	struct tally_submitter *submitter;
	struct tally_submit_result result;

	CASE("another history");
	begin(100, "g");
	submitter = new_submitter();
	submit(submitter);
	tally_submitter_free(&submitter);
	ledger.history = 1;
	ledger.kept = TALLY_BYTES_NONE;
	for (uint64_t size = 100; size <= 110; size += 10) {
		ledger.size = size;
		submitter = new_submitter();
		result = submit(submitter);
		CHECK(result.conflict && result.cosigned == 0);
		CHECK_INT(held(0), 100);
		tally_submitter_free(&submitter);
	}
	CASE("a longer one");
	ledger.history = 0;
	ledger.size = 90;
	ledger.checks = 0;
	submitter = new_submitter();
	result = submit(submitter);
	CHECK(result.conflict && result.cosigned == 0);
	CHECK_INT(ledger.checks, 4);
	tally_submitter_free(&submitter);
	CASE("all is well");
	ledger.size = 101;
	submitter = new_submitter();
	result = submit(submitter);
	CHECK(!result.conflict && result.cosigned == 4);
	tally_submitter_free(&submitter);
}

int main(void)
{
	char command[128];
	uint8_t public[32];

	tally_log_open(TALLY_LOG_ERROR, "/dev/null", &err);
	snprintf(root_dir, sizeof root_dir, "/tmp/tally-submit-XXXXXX");
	if (mkdtemp(root_dir) == NULL)
		return 99;
	tally_ed25519_public(log_seed, public);
	tally_vkey_make(&log_key, TALLY_BYTES_LIT(ORIGIN), NOTE_ED25519, public);
	for (int h = 0; h < 2; h++) {
		for (int i = 0; i < LEAVES; i++) {
			char text[32];

			snprintf(text, sizeof text, "%d of %d", i, i < 40 ? 0 : h);
			tally_leaf_hash(tally_bytes_str(text), &leaves[h][i]);
		}
	}
	TEST(all_cosign_what_grows);
	TEST(it_learns_what_they_hold);
	TEST(one_that_fails_stops_nobody);
	TEST(without_a_quorum_nothing_is_kept);
	TEST(a_slow_one_delays_no_quorum);
	TEST(it_is_stopped);
	TEST(a_fork_is_found_out);
	for (int i = 0; i < WITNESSES; i++)
		tally_cosigner_close(&witnesses[i]);
	free(policy_text);
	tally_arena_free(&arena);
	snprintf(command, sizeof command, "rm -rf '%s'", root_dir);
	if (system(command) != 0)
		return 99;
	return tap_done();
}
