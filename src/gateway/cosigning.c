/*
 * The thread that shows what grew to the witnesses; see cosigning.h. At first it looks at every
 * ledger of the catalogue, since some may have grown under the owner before; later only at those that
 * are open here, for no other can grow here.
 */
#include "config.h"

#include "cosigning.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "arena.h"
#include "core.h"
#include "fill.h"
#include "log.h"
#include "submit.h"

#define PAGE 100

struct tally_cosigning {
	struct tally_core *core;
	struct tally_submitter *submitter;
	uint64_t interval_ms;
	bool public_only;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;
};

/* ---- where the ledgers are: in the core ---- */

static int checkpoint(void *ctx, const char *ledger_id, struct tally_arena *arena,
		      struct tally_bytes *note_r, struct tally_bytes *cosigned_r,
		      struct tally_err *err)
{
	struct tally_cosigning *c = ctx;
	struct tally_signed_checkpoint newest, cosigned;
	struct tally_bytes id = tally_bytes_str(ledger_id);
	int found = tally_ledger_checkpoint(c->core, id, arena, &newest, err), has;

	if (found != 1)
		return found;
	has = tally_ledger_cosigned(c->core, id, arena, &cosigned, err);
	*note_r = newest.note;
	*cosigned_r = has == 1 ? cosigned.note : TALLY_BYTES_NONE;
	return has < 0 ? -1 : 1;
}

static int prove(void *ctx, const char *ledger_id, uint64_t old_size, uint64_t new_size,
		 struct tally_consistency *proof_r, struct tally_err *err)
{
	return tally_ledger_prove(((struct tally_cosigning *)ctx)->core, tally_bytes_str(ledger_id),
				  old_size, new_size, proof_r, err);
}

static int keep(void *ctx, const char *ledger_id, struct tally_bytes note, struct tally_err *err)
{
	return tally_ledger_keep_cosigned(((struct tally_cosigning *)ctx)->core,
					  tally_bytes_str(ledger_id), note, err) < 0 ? -1 : 0;
}

static int check(void *ctx, const char *ledger_id, struct tally_bytes note, bool *fits_r,
		 struct tally_err *err)
{
	return tally_ledger_was_signed(((struct tally_cosigning *)ctx)->core,
				       tally_bytes_str(ledger_id), note, fits_r, err) < 0 ? -1 : 0;
}

static const struct tally_submit_calls calls = { checkpoint, prove, keep, check };

/* ---- the thread ---- */

static bool is_stopped(struct tally_cosigning *c)
{
	bool stop;

	pthread_mutex_lock(&c->lock);
	stop = c->stop;
	pthread_mutex_unlock(&c->lock);
	return stop;
}

/* A ledger that is read only has said so in the log already. */
static void submit(struct tally_cosigning *c, const char *ledger_id)
{
	struct tally_submit_result result;
	struct tally_err err;

	if (tally_submit(c->submitter, ledger_id, &result, &err) < 0 &&
	    strcmp(err.subject, "ReadOnly") != 0)
		tally_log(TALLY_LOG_WARN, "cosigning.failed", "ledger", ledger_id, "error", err.text,
			  NULL);
}

static void submit_all(struct tally_cosigning *c)
{
	struct tally_caller local = { .local = true };
	struct tally_bytes after = TALLY_BYTES_NONE;
	struct tally_arena arena = { 0 };
	struct tally_ledger_info *infos;
	struct tally_err err;
	size_t count = 0;
	bool more = true;

	while (more && !is_stopped(c) &&
	       tally_ledger_list(c->core, &local, after, PAGE, &arena, &infos, &count, &more,
				 &err) == 0) {
		for (size_t i = 0; i < count && !is_stopped(c); i++)
			if (!c->public_only || infos[i].public_read)
				submit(c, infos[i].id);
		more = more && count > 0;
		if (count > 0)
			after = tally_bytes_str(infos[count - 1].id);
	}
	tally_arena_free(&arena);
}

/* What grew, gathered first: to ask a witness takes time. */
struct grown {
	struct tally_cosigning *c;
	char (*ids)[TALLY_LEDGER_ID_SIZE + 1];
	size_t count, room;
};

static int note_grown(void *ctx, const char *ledger_id, uint64_t size, bool is_public)
{
	struct grown *grown = ctx;

	if ((grown->c->public_only && !is_public) ||
	    !tally_submitter_wants(grown->c->submitter, ledger_id, size))
		return 0;
	if (grown->count == grown->room) {
		grown->room = grown->room == 0 ? 16 : 2 * grown->room;
		grown->ids = tally_realloc(grown->ids, grown->room * sizeof *grown->ids);
	}
	memcpy(grown->ids[grown->count++], ledger_id, TALLY_LEDGER_ID_SIZE + 1);
	return 0;
}

static void submit_grown(struct tally_cosigning *c)
{
	struct grown grown = { .c = c };

	tally_core_open_ledgers(c->core, note_grown, &grown);
	for (size_t i = 0; i < grown.count && !is_stopped(c); i++)
		submit(c, grown.ids[i]);
	free(grown.ids);
}

/* False when it is time to end. */
static bool wait_for_next(struct tally_cosigning *c)
{
	struct timespec until;
	bool stop;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(c->interval_ms / 1000);
	until.tv_nsec += (long)(c->interval_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&c->lock);
	while (!c->stop && pthread_cond_timedwait(&c->wake, &c->lock, &until) == 0)
		continue;
	stop = c->stop;
	pthread_mutex_unlock(&c->lock);
	return !stop;
}

static void *cosigning_main(void *arg)
{
	struct tally_cosigning *c = arg;

	/* Of this thread only, in Linux. Not the lowest: it takes locks too, for an instant each. */
	setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 10);
	submit_all(c);
	while (wait_for_next(c))
		submit_grown(c);
	return NULL;
}

int tally_cosigning_start(struct tally_core *core, const struct tally_witness_settings *settings,
			  struct tally_cosigning **cosigning_r, struct tally_err *err)
{
	const struct tally_policy *policy = tally_core_policy(core);
	struct tally_cosigning *c;
	pthread_condattr_t monotonic;

	*cosigning_r = NULL;
	if (policy == NULL || settings->interval_ms == 0)
		return 0;
	c = tally_calloc(1, sizeof *c);
	c->core = core;
	c->interval_ms = settings->interval_ms;
	c->public_only = settings->public_only;
	c->submitter = tally_submitter_new(policy, settings->timeout_ms, &calls, c);
	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&c->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (pthread_create(&c->thread, NULL, cosigning_main, c) != 0) {
		tally_submitter_free(&c->submitter);
		free(c);
		return tally_err_errno(err, "the thread that asks witnesses");
	}
	*cosigning_r = c;
	return 0;
}

void tally_cosigning_stop(struct tally_cosigning **cosigning)
{
	struct tally_cosigning *c = *cosigning;

	if (c == NULL)
		return;
	*cosigning = NULL;
	tally_submitter_stop(c->submitter);
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_cond_signal(&c->wake);
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->thread, NULL);
	tally_submitter_free(&c->submitter);
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->wake);
	free(c);
}
