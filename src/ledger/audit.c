/*
 * The audit's run: a reader, workers and the replay, each on the blocks that the one before is done
 * with; then what ledgers of a store say of each other.
 *
 * Jobs go round in a ring. A job is a few blocks, so that small ones cost no more than their bytes:
 * EMPTY -> (reader) READ -> (a worker) BUSY -> DONE -> (the replay, in order) EMPTY.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit_private.h"
#include "utf8.h"

#define JOB_BLOCKS 64			/* of a job, at most */
#define JOB_BYTES ((size_t)256 << 10)	/* a job that has so many takes no further block */
#define RING_BYTES ((size_t)96 << 20)	/* the reader waits while so many are under way */
#define THREADS_MOST 64
#define PROGRESS_EVERY 64

enum job_state { JOB_EMPTY, JOB_READ, JOB_BUSY, JOB_DONE };

struct job {
	enum job_state state;
	struct tally_buf bytes;
	size_t begin[JOB_BLOCKS + 1];	/* of each block in bytes */
	struct audit_block blocks[JOB_BLOCKS];
	size_t count;
	bool last;			/* nothing comes behind it ... */
	struct tally_err err;		/* ... because of this; code OK: the space ends */
	struct tally_arena arena;
};

struct audit {
	const struct tally_audit_options *options;
	const struct tally_audit_source *source;
	struct audit_work work;
	bool *held_used;
	bool enough;			/* the caller wants no more findings */
	uint64_t space, space_blocks;

	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct job *ring;
	size_t ring_size;
	uint64_t read_next, work_next, replay_next;	/* numbers of jobs */
	size_t under_way;		/* bytes */
	bool stop;
};

/* ---- findings ---- */

void audit_held_used(struct audit *audit, size_t number)
{
	audit->held_used[number] = true;
}

static void put_place(char *text, size_t room, const struct audit_place *place)
{
	size_t used = 0;

	text[0] = '\0';
	if (place->ledger[0] != '\0')
		used += (size_t)snprintf(text + used, room - used, "%.32s: ", place->ledger);
	else if (place->has_block)
		used += (size_t)snprintf(text + used, room - used, "space %llx: ",
					 (unsigned long long)place->space);
	if (place->has_journal)
		used += (size_t)snprintf(text + used, room - used, "journal %llu%s",
					 (unsigned long long)place->journal,
					 place->has_block ? "" : ": ");
	if (place->has_block)
		used += (size_t)snprintf(text + used, room - used, place->has_journal ?
					 " (block %llu): " : "block %llu: ",
					 (unsigned long long)place->block);
	if (place->has_table)
		snprintf(text + used, room - used, "index table %u: ", place->table);
}

/* Findings tell of bytes that anybody may have made, and go to terminals. */
static void make_printable(char *text)
{
	if (tally_utf8_printable(tally_bytes_str(text)))
		return;
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

void audit_found(struct audit *audit, const struct audit_place *place, const char *what,
		 const char *format, ...)
{
	struct tally_audit_finding finding = {
		.space = place->space, .what = what,
		.has_block = place->has_block, .block = place->block,
		.has_journal = place->has_journal, .journal = place->journal,
		.has_table = place->has_table, .table = place->table,
	};
	va_list args;
	size_t used;

	if (audit->enough)
		return;
	snprintf(finding.ledger, sizeof(finding.ledger), "%.27s", place->ledger);
	put_place(finding.text, sizeof(finding.text), place);
	used = strlen(finding.text);
	va_start(args, format);
	vsnprintf(finding.text + used, sizeof(finding.text) - used, format, args);
	va_end(args);
	make_printable(finding.text);
	audit->enough = audit->options->found(audit->options->ctx, &finding) != 0;
}

/* ---- the reader ---- */

/* Waits until the next job of the ring is free and not too much is under way. NULL: stop. */
static struct job *reader_wait(struct audit *audit)
{
	struct job *job = &audit->ring[audit->read_next % audit->ring_size];

	pthread_mutex_lock(&audit->lock);
	while (!audit->stop && (job->state != JOB_EMPTY ||
				(audit->under_way > RING_BYTES &&
				 audit->read_next > audit->replay_next)))
		pthread_cond_wait(&audit->wake, &audit->lock);
	if (audit->stop)
		job = NULL;
	pthread_mutex_unlock(&audit->lock);
	return job;
}

static void reader_fill(struct audit *audit, struct job *job, uint64_t *number)
{
	const struct tally_audit_source *source = audit->source;

	tally_buf_clear(&job->bytes);
	job->count = 0;
	job->last = false;
	job->err.code = TALLY_OK;
	while (job->count < JOB_BLOCKS && job->bytes.size < JOB_BYTES) {
		int found;

		job->begin[job->count] = job->bytes.size;
		found = source->read(source->ctx, audit->space, *number, &job->bytes, &job->err);
		if (found != 1) {
			if (found < 0 && job->err.code == TALLY_OK)
				job->err.code = TALLY_IO;
			job->bytes.size = job->begin[job->count];
			job->last = true;
			break;
		}
		memset(&job->blocks[job->count], 0, sizeof(job->blocks[0]));
		job->blocks[job->count++].number = (*number)++;
	}
	job->begin[job->count] = job->bytes.size;
}

static void *reader_main(void *ctx)
{
	struct audit *audit = ctx;
	uint64_t number = 0;
	struct job *job;
	bool last = false;

	while (!last && (job = reader_wait(audit)) != NULL) {
		reader_fill(audit, job, &number);
		last = job->last;
		pthread_mutex_lock(&audit->lock);
		job->state = JOB_READ;
		audit->under_way += job->bytes.size;
		audit->read_next++;
		pthread_cond_broadcast(&audit->wake);
		pthread_mutex_unlock(&audit->lock);
	}
	return NULL;
}

/* ---- workers ---- */

static struct job *worker_take(struct audit *audit)
{
	struct job *job = NULL;

	pthread_mutex_lock(&audit->lock);
	while (!audit->stop && job == NULL) {
		struct job *next = &audit->ring[audit->work_next % audit->ring_size];

		if (audit->work_next < audit->read_next && next->state == JOB_READ) {
			next->state = JOB_BUSY;
			audit->work_next++;
			job = next;
		} else {
			pthread_cond_wait(&audit->wake, &audit->lock);
		}
	}
	pthread_mutex_unlock(&audit->lock);
	return job;
}

static void *worker_main(void *ctx)
{
	struct audit *audit = ctx;
	struct audit_bench bench = { 0 };
	struct job *job;

	while ((job = worker_take(audit)) != NULL) {
		tally_arena_reset(&job->arena);
		for (size_t i = 0; i < job->count; i++) {
			job->blocks[i].bytes = tally_bytes(job->bytes.data + job->begin[i],
							   job->begin[i + 1] - job->begin[i]);
			audit_block_check(&audit->work, &bench, &job->blocks[i], &job->arena);
		}
		pthread_mutex_lock(&audit->lock);
		job->state = JOB_DONE;
		pthread_cond_broadcast(&audit->wake);
		pthread_mutex_unlock(&audit->lock);
	}
	audit_bench_free(&bench);
	return NULL;
}

/* ---- the replay's side ---- */

static struct job *replay_wait(struct audit *audit)
{
	struct job *job = &audit->ring[audit->replay_next % audit->ring_size];

	pthread_mutex_lock(&audit->lock);
	while (job->state != JOB_DONE)
		pthread_cond_wait(&audit->wake, &audit->lock);
	pthread_mutex_unlock(&audit->lock);
	return job;
}

static void replay_done(struct audit *audit, struct job *job)
{
	pthread_mutex_lock(&audit->lock);
	audit->under_way -= job->bytes.size;
	audit->replay_next++;
	job->state = JOB_EMPTY;
	pthread_cond_broadcast(&audit->wake);
	pthread_mutex_unlock(&audit->lock);
}

/* The source failed behind the last block that it gave: damage is a finding. */
static int source_failed(struct audit *audit, struct audit_replay *replay, uint64_t number,
			 const struct tally_err *why, struct tally_err *err)
{
	const struct audit_place place = {
		.ledger = audit_replay_result(replay)->ledger, .space = audit->space,
		.has_block = true, .block = number,
	};

	if (why->code != TALLY_CORRUPT && why->code != TALLY_UNSUPPORTED) {
		*err = *why;
		return -1;
	}
	audit_replay_result(replay)->findings++;
	audit_found(audit, &place, "store", "%s", why->text);
	audit_replay_break(replay);
	return 0;
}

static int replay_job(struct audit *audit, struct audit_replay *replay, struct job *job,
		      uint64_t *done, struct tally_err *err)
{
	const struct tally_audit_options *options = audit->options;

	for (size_t i = 0; i < job->count; i++) {
		if (audit->enough || audit_replay_broken(replay))
			return 0;
		if (audit_replay_block(replay, &job->blocks[i], err) != 0)
			return -1;
		++*done;
		if (options->progress != NULL &&
		    (*done % PROGRESS_EVERY == 0 || *done == audit->space_blocks))
			options->progress(options->ctx, *done, audit->space_blocks);
	}
	if (job->err.code != TALLY_OK)
		return source_failed(audit, replay, *done, &job->err, err);
	return 0;
}

static int replay_all(struct audit *audit, struct audit_replay *replay, struct tally_err *err)
{
	uint64_t done = 0;
	bool last = false;
	int result = 0;

	while (result == 0 && !last && !audit->enough && !audit_replay_broken(replay)) {
		struct job *job = replay_wait(audit);

		result = replay_job(audit, replay, job, &done, err);
		last = job->last;
		replay_done(audit, job);
	}
	return result;
}

/* ---- threads ---- */

static void ring_begin(struct audit *audit, unsigned int workers)
{
	audit->ring_size = 2u * workers + 2;
	audit->ring = tally_calloc(audit->ring_size, sizeof(*audit->ring));
	audit->read_next = audit->work_next = audit->replay_next = 0;
	audit->under_way = 0;
	audit->stop = false;
}

static void ring_end(struct audit *audit)
{
	for (size_t i = 0; i < audit->ring_size; i++) {
		tally_buf_free(&audit->ring[i].bytes);
		tally_arena_free(&audit->ring[i].arena);
	}
	free(audit->ring);
}

static unsigned int worker_count(const struct tally_audit_options *options)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int wanted = options->threads;

	if (wanted == 0)
		wanted = processors > 0 ? (unsigned int)processors : 1;
	return wanted < THREADS_MOST ? wanted : THREADS_MOST;
}

/* All blocks of the space at hand, through all hands. */
static int run_space(struct audit *audit, struct audit_replay *replay, struct tally_err *err)
{
	pthread_t reader, workers[THREADS_MOST];
	unsigned int wanted = worker_count(audit->options), started = 0;
	int result = 0;
	bool reading;

	ring_begin(audit, wanted);
	reading = pthread_create(&reader, NULL, reader_main, audit) == 0;
	while (reading && started < wanted &&
	       pthread_create(&workers[started], NULL, worker_main, audit) == 0)
		started++;
	if (started == 0)
		result = tally_err_errno(err, "threads of the audit");
	else
		result = replay_all(audit, replay, err);
	pthread_mutex_lock(&audit->lock);
	audit->stop = true;
	pthread_cond_broadcast(&audit->wake);
	pthread_mutex_unlock(&audit->lock);
	if (reading)
		pthread_join(reader, NULL);
	for (unsigned int i = 0; i < started; i++)
		pthread_join(workers[i], NULL);
	ring_end(audit);
	return result;
}

/* ---- one space ---- */

static int audit_space(struct audit *audit, struct audit_common *common, struct tally_err *err)
{
	const struct tally_audit_options *options = audit->options;
	struct audit_replay *replay = audit_replay_new(audit, common, options, audit->space);
	int result = run_space(audit, replay, err);

	if (result == 0 && !audit->enough)
		result = audit_replay_end(replay, err);
	if (result == 0 && !audit->enough && !audit_replay_broken(replay) && options->index != NULL)
		result = audit_index_compare(audit, options, replay, err);
	if (result == 0 && options->done != NULL)
		options->done(options->ctx, audit_replay_result(replay));
	audit_replay_free(replay);
	return result;
}

/* ---- what ledgers say of each other ---- */

static int ref_order(const void *a, const void *b)
{
	const struct audit_anchor_ref *one = a, *two = b;

	return one->sequence < two->sequence ? -1 : one->sequence > two->sequence;
}

/* Every anchor's stamp stands in the time ledger, where it says. */
static void check_anchors(struct audit *audit, struct audit_common *common)
{
	if (common->stamp_count > 1)
		qsort(common->stamps, common->stamp_count, sizeof(*common->stamps), ref_order);
	for (size_t i = 0; i < common->anchor_count; i++) {
		const struct audit_anchor_ref *anchor = &common->anchors[i], *stamp = NULL;
		const struct audit_place place = { .ledger = anchor->ledger, .space = anchor->space,
						   .has_journal = true,
						   .journal = anchor->journal };

		if (common->stamp_count > 0)
			stamp = bsearch(anchor, common->stamps, common->stamp_count,
					sizeof(*common->stamps), ref_order);
		if (stamp == NULL ||
		    memcmp(stamp->digest.bytes, anchor->digest.bytes, TALLY_HASH_SIZE) != 0 ||
		    memcmp(stamp->token.bytes, anchor->token.bytes, TALLY_HASH_SIZE) != 0)
			audit_found(audit, &place, "anchor", "its time stamp is not journal %llu of "
				    "the time ledger", (unsigned long long)anchor->sequence);
	}
}

static void check_catalogue(struct audit *audit, const struct audit_common *common)
{
	for (size_t i = 0; i < common->catalogue_count; i++) {
		const struct audit_catalogued *row = &common->catalogue[i];
		const struct audit_place place = { .ledger = TALLY_SYSTEM_NAME, .has_journal = true,
						   .journal = row->journal };

		if (!row->there)
			audit_found(audit, &place, "catalogue", "ledger %s is not there", row->ledger);
	}
}

static void check_held(struct audit *audit)
{
	const struct tally_audit_options *options = audit->options;
	static const struct audit_place nowhere = { .ledger = "" };

	for (size_t i = 0; i < options->held_count; i++) {
		const struct tally_audit_held *held = &options->held[i];

		if (!audit->held_used[i] && !(held->of_store && options->only != NULL))
			audit_found(audit, &nowhere, "held", "%s: the ledger %.*s, of which %llu "
				    "journals were signed for, is not there", held->name,
				    (int)held->origin.size, (const char *)held->origin.data,
				    (unsigned long long)held->size);
	}
}

/* ---- all of it ---- */

static bool is_wanted(const struct tally_audit_options *options, uint64_t space)
{
	uint64_t only;

	if (options->only == NULL)
		return true;
	if (strcmp(options->only, TALLY_SYSTEM_NAME) == 0)
		return space == TALLY_SYSTEM_SPACE;
	return tally_ledger_id_space(tally_bytes_str(options->only), &only) && only == space;
}

static int run_all(struct audit *audit, struct audit_common *common, struct tally_err *err)
{
	const struct tally_audit_source *source = audit->source;
	bool any = false;
	int found = 1;

	while (!audit->enough) {
		found = source->next(source->ctx, &audit->space, &audit->space_blocks, err);
		if (found != 1)
			break;
		if (!is_wanted(audit->options, audit->space))
			continue;
		any = true;
		if (audit_space(audit, common, err) != 0)
			return -1;
		if (audit->options->only != NULL)
			break;
	}
	if (found < 0)
		return -1;
	if (!any)
		return tally_err_about(err, TALLY_NOTFOUND, "Ledger", "there is no ledger to audit");
	if (audit->options->only == NULL && !audit->enough) {
		check_anchors(audit, common);
		check_catalogue(audit, common);
	}
	if (!audit->enough)
		check_held(audit);
	return 0;
}

int tally_audit(const struct tally_audit_options *options, const struct tally_audit_source *source,
		struct tally_err *err)
{
	struct audit audit = { .options = options, .source = source,
			       .work = { .trust = options->trust, .from = options->from } };
	struct audit_common common = { 0 };
	int result;

	if (options->core != NULL)
		audit.work.digest_key = options->core->digest_key;
	audit.held_used = tally_calloc(options->held_count + 1, sizeof(bool));
	pthread_mutex_init(&audit.lock, NULL);
	pthread_cond_init(&audit.wake, NULL);
	result = run_all(&audit, &common, err);
	pthread_cond_destroy(&audit.wake);
	pthread_mutex_destroy(&audit.lock);
	free(audit.held_used);
	free(common.catalogue);
	free(common.anchors);
	free(common.stamps);
	return result;
}

/* ---- the blocks of an open store ---- */

struct store_source {
	struct tally_store *store;
	struct tally_core *core;	/* that has it open, or NULL */
	struct tally_arena arena;
	uint64_t *spaces, *blocks;
	size_t count, room, next;
	unsigned int asked;		/* again, how many blocks the space at hand has */
};

static int add_space(void *ctx, uint64_t space, uint64_t blocks, bool dropped)
{
	struct store_source *source = ctx;

	if (dropped || blocks == 0)
		return 0;
	if (source->count == source->room) {
		source->room = source->room == 0 ? 16 : source->room * 2;
		source->spaces = tally_realloc(source->spaces, source->room * sizeof(uint64_t));
		source->blocks = tally_realloc(source->blocks, source->room * sizeof(uint64_t));
	}
	source->spaces[source->count] = space;
	source->blocks[source->count++] = blocks;
	return 0;
}

static int store_next(void *ctx, uint64_t *space_r, uint64_t *blocks_r, struct tally_err *err)
{
	struct store_source *source = ctx;

	(void)err;
	if (source->next == source->count)
		return 0;
	*space_r = source->spaces[source->next];
	*blocks_r = source->blocks[source->next++];
	source->asked = 0;
	return 1;
}

/*
 * Behind the last block that was there at first the store is asked again: where a payload was found
 * erased that a newer block orders to be, that block is there by then. So it is with those that came
 * meanwhile; but a ledger that grows as fast as it is read is not followed for ever.
 */
static int store_has(struct store_source *source, uint64_t space, uint64_t block,
		     struct tally_err *err)
{
	uint64_t *count = &source->blocks[source->next - 1];

	if (block >= *count && source->asked < TALLY_AUDIT_ROUNDS) {
		source->asked++;
		if (tally_store_last(source->store, space, count, err) != 0)
			return -1;
	}
	return block < *count;
}

static int store_read(void *ctx, uint64_t space, uint64_t block, struct tally_buf *bytes,
		      struct tally_err *err)
{
	struct store_source *source = ctx;
	struct tally_bytes stored;
	int found;

	found = store_has(source, space, block, err);
	if (found != 1)
		return found;
	tally_arena_reset(&source->arena);
	/* the core may be zeroing what is read */
	found = source->core != NULL ?
			tally_core_block_read(source->core, space, block, &source->arena, &stored, err) :
			tally_store_read(source->store, space, block, 0, UINT64_MAX, &source->arena,
					 &stored, err);
	if (found == 0)
		return tally_err_set(err, TALLY_CORRUPT,
				     "the store counts it but does not have it");
	if (found == 1)
		tally_buf_add_bytes(bytes, stored);
	return found;
}

int tally_audit_store_open(struct tally_store *blocks, struct tally_core *core,
			   struct tally_audit_source *source_r, struct tally_err *err)
{
	struct store_source *source = tally_calloc(1, sizeof(*source));

	source->store = blocks;
	source->core = core;
	*source_r = (struct tally_audit_source){ store_next, store_read, source };
	if (tally_store_spaces(blocks, add_space, source, err) == 0)
		return 0;
	tally_audit_store_free(source_r);
	return -1;
}

void tally_audit_store_free(struct tally_audit_source *source_r)
{
	struct store_source *source = source_r->ctx;

	if (source == NULL)
		return;
	tally_arena_free(&source->arena);
	free(source->spaces);
	free(source->blocks);
	free(source);
	source_r->ctx = NULL;
}
