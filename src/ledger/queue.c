/*
 * The commit queue: one committer takes all waiting commands of all ledgers, decides each against
 * the state as of the block it is building, encodes one block per ledger, has the driver append
 * them once, publishes, and wakes the workers. While it commits, the next group gathers.
 *
 * A command waits in its space's line until its block is known to be ours: CONFLICT means another
 * host was first, so the foreign blocks are taken up and the commands are decided anew; UNCERTAIN
 * parks the space with the very bytes that were sent, which are offered again until block n is
 * known to be ours or another's. A short-lived process runs the same rounds in its own thread.
 */
#include "core_private.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "clock.h"

#define PARK_PATIENCE_NS (10u * 1000000000ull)	/* then workers are told UNCERTAIN */
#define STALL_PATIENCE_NS (5u * 1000000000ull)	/* then workers are told BUSY */
#define INTERVAL_MOST_NS 50000000ull		/* between blocks of a ledger whose overlay is full */
#define STOP 1500				/* thousandths: so full, nothing more is taken. What is above
						   1,000 is room for a step of the state, which comes at once */

/* A block under way, and the commands whose journals are in it. */
struct tally_parked {
	struct tally_build build;
	struct tally_command *first, **tail;
	uint64_t since_ns;
	uint64_t again_ns;		/* not to be offered before */
	uint64_t wait_ns;
};

/* ---- what decide() may do ---- */

int tally_build_add(struct tally_build *build, const struct tally_prepared *prepared,
		    uint64_t *journal_r, struct tally_hash *leaf_r, struct tally_err *err)
{
	struct tally_place place = { tally_bytes_str(build->space->name),
				     build->projection.head->frontier.size, build->time_ms };

	tally_buf_clear(&build->leaf);
	tally_leaf_encode(&prepared->record, &place, &build->leaf);
	if (build->leaf.size > TALLY_LEAF_MAX)
		return tally_err_set(err, TALLY_INVALID, "the journal's leaf has %zu bytes, more "
				     "than %d", build->leaf.size, TALLY_LEAF_MAX);
	tally_leaf_hash(tally_buf_bytes(&build->leaf), leaf_r);
	tally_buf_clear(&build->record);
	tally_record_encode(&prepared->record, &build->record);
	tally_buf_clear(&build->envelope);
	tally_envelope_encode(&prepared->envelope, &build->envelope);
	tally_block_add(&build->builder, tally_buf_bytes(&build->record), prepared->payload_head,
			prepared->payload, prepared->payload_crc,
			tally_buf_bytes(&build->envelope));
	tally_project_journal(&build->projection, place.journal_id, place.timestamp_ms,
			      &prepared->record, &prepared->envelope, leaf_r);
	*journal_r = place.journal_id;
	return 0;
}

/* TABLE_TOKEN and TABLE_NONCE: 1 known and not expired, with journal and request. */
static int digest_find(struct tally_build *build, uint32_t table,
		       const uint8_t digest[TALLY_DIGEST_SIZE], uint64_t *journal_r,
		       uint8_t request_r[TALLY_DIGEST_SIZE], struct tally_err *err)
{
	struct tally_bytes value;
	int found = tally_view_get(&build->view, table, tally_bytes(digest, TALLY_DIGEST_SIZE),
				   &build->arena, &value, err);

	if (found != 1)
		return found;
	if (value.size != 33)
		return tally_err_set(err, TALLY_CORRUPT, "%s: malformed entry of table %u",
				     build->space->name, table);
	if (tally_get_u64(value.data + 25) < build->time_ms)
		return 0;
	*journal_r = tally_get_u64(value.data + 1);
	memcpy(request_r, value.data + 9, TALLY_DIGEST_SIZE);
	return 1;
}

int tally_token_mismatch(struct tally_err *err)
{
	return tally_err_about(err, TALLY_MISMATCH, "ClientToken",
			       "this ClientToken was used for another request");
}

int tally_build_token(struct tally_build *build, const uint8_t token[TALLY_DIGEST_SIZE],
		      const uint8_t request[TALLY_DIGEST_SIZE], uint64_t *journal_r,
		      struct tally_err *err)
{
	uint8_t first[TALLY_DIGEST_SIZE];
	int found = digest_find(build, TABLE_TOKEN, token, journal_r, first, err);

	if (found == 1 && memcmp(first, request, TALLY_DIGEST_SIZE) != 0)
		return tally_token_mismatch(err);
	return found;
}

static void nonce_digest(struct tally_core *core, const struct tally_write *write,
			 uint8_t digest_r[TALLY_DIGEST_SIZE])
{
	tally_keyed_digest(core->digest_key, write->nonce, digest_r);
}

int tally_build_admit(struct tally_build *build, const struct tally_write *write,
		      const uint8_t request[TALLY_DIGEST_SIZE], uint64_t *journal_r,
		      struct tally_err *err)
{
	uint64_t window = build->core->limits.clock_window_ms;
	uint8_t digest[TALLY_DIGEST_SIZE], first[TALLY_DIGEST_SIZE];
	int found;

	if (write->nonce.size > 0) {
		nonce_digest(build->core, write, digest);
		found = digest_find(build, TABLE_NONCE, digest, journal_r, first, err);
		if (found < 0)
			return -1;
		if (found == 1 && write->again && memcmp(first, request, TALLY_DIGEST_SIZE) == 0)
			return 1;
		if (found == 1)
			return tally_err_about(err, TALLY_REPLAYED, "SignatureNonce",
					       "this nonce was used already");
	}
	if (write->request_ms != 0 && (write->request_ms + window < build->time_ms ||
				       build->time_ms + window < write->request_ms))
		return tally_err_about(err, TALLY_EXPIRED, "Timestamp",
				       "the request's time is more than %llu s off",
				       (unsigned long long)window / 1000);
	return 0;
}

void tally_token_digest(struct tally_core *core, struct tally_bytes ledger_id, uint64_t account,
			struct tally_bytes token, uint8_t digest_r[TALLY_DIGEST_SIZE])
{
	struct tally_buf buf = { 0 };

	tally_buf_add_str(&buf, "token\n");
	tally_buf_add_varint(&buf, ledger_id.size);
	tally_buf_add_bytes(&buf, ledger_id);
	tally_buf_add_u64(&buf, account);
	tally_buf_add_bytes(&buf, token);
	tally_keyed_digest(core->digest_key, tally_buf_bytes(&buf), digest_r);
	tally_buf_free(&buf);
}

void tally_envelope_fill(struct tally_core *core, const struct tally_write *write,
			 struct tally_bytes token, const uint8_t request[TALLY_DIGEST_SIZE],
			 bool with_nonce, struct tally_envelope *envelope_r)
{
	*envelope_r = (struct tally_envelope){ 0 };
	if (token.size > 0) {
		envelope_r->has_token = true;
		memcpy(envelope_r->token, token.data, TALLY_DIGEST_SIZE);
	}
	if (with_nonce && write->nonce.size > 0) {
		envelope_r->has_nonce = true;
		nonce_digest(core, write, envelope_r->nonce);
		envelope_r->nonce_until_ms = write->request_ms + core->limits.clock_window_ms;
	}
	if (envelope_r->has_token || envelope_r->has_nonce) {
		envelope_r->has_request = true;
		memcpy(envelope_r->request, request, TALLY_DIGEST_SIZE);
	}
}

/* ---- answering ---- */

static void answer(struct tally_command *command, int result, const struct tally_err *err)
{
	command->result = result;
	if (result != 0 && err != &command->err)
		command->err = *err;
	sem_post(&command->done);
}

static void answer_all(struct tally_command *first, const struct tally_err *err)
{
	while (first != NULL) {
		struct tally_command *next = first->next;

		answer(first, -1, err);
		first = next;
	}
}

/* ---- one block ---- */

static void build_free(struct tally_build *build)
{
	tally_buf_free(&build->bytes);
	tally_buf_free(&build->record);
	tally_buf_free(&build->envelope);
	tally_buf_free(&build->leaf);
	tally_arena_free(&build->arena);
}

static void build_begin(struct tally_build *build, struct tally_space *space, uint32_t room)
{
	uint64_t now = tally_now_ms();

	memset(build, 0, sizeof(*build));
	build->core = space->core;
	build->space = space;
	tally_project_begin(&build->projection, space);
	build->head = build->projection.head;
	build->time_ms = now > build->head->time_ms ? now : build->head->time_ms;
	build->view = build->projection.view;
	tally_block_begin(&build->builder, &build->bytes, room);
}

static void build_end(struct tally_build *build)
{
	struct tally_space *space = build->space;
	struct tally_head *head = build->projection.head;
	struct tally_hash root;

	tally_frontier_root(&head->frontier, &root);
	build->header = (struct tally_block_header){
		.space = space->id,
		.number = head->blocks,
		.first = head->frontier.size - build->builder.count,
		.time_ms = build->time_ms,
	};
	memcpy(build->header.previous, head->block_hash, TALLY_HASH_SIZE);
	memcpy(build->header.root, root.bytes, TALLY_HASH_SIZE);
	memcpy(build->header.name, space->name, sizeof(build->header.name));
	memcpy(build->header.store_id, space->core->store_id, 16);
	tally_block_end(&build->builder, &build->header, build->hash);
	tally_project_block(&build->projection, &build->header, build->hash);
}

/* ---- lines of commands ---- */

static void line_push(struct tally_space *space, struct tally_command *command)
{
	command->next = NULL;
	*space->pending_tail = command;
	space->pending_tail = &command->next;
}

static struct tally_command *line_pop(struct tally_space *space)
{
	struct tally_command *command = space->pending;

	space->pending = command->next;
	if (space->pending == NULL)
		space->pending_tail = &space->pending;
	command->next = NULL;
	return command;
}

/* Commands whose block was not written go back to the front of the line. */
static void line_return(struct tally_space *space, struct tally_parked *parked)
{
	if (parked->first == NULL)
		return;
	*parked->tail = space->pending;
	if (space->pending == NULL)
		space->pending_tail = parked->tail;
	space->pending = parked->first;
	parked->first = NULL;
	parked->tail = &parked->first;
}

static void space_join(struct tally_core *core, struct tally_space *space)
{
	if (space->in_group)
		return;
	space->in_group = true;
	space->next_pending = core->pending_spaces;
	core->pending_spaces = space;
}

static void take_queue(struct tally_core *core)
{
	struct tally_command *command, *next;

	pthread_mutex_lock(&core->queue_lock);
	command = core->queue;
	core->queue = NULL;
	core->queue_tail = &core->queue;
	core->queue_count = 0;
	pthread_mutex_unlock(&core->queue_lock);
	for (; command != NULL; command = next) {
		next = command->next;
		line_push(command->space, command);
		space_join(core, command->space);
	}
}

/* ---- building a space's block ---- */

/* The commands of the line that fit one block: how many journals they may bring. */
static uint32_t line_room(const struct tally_space *space)
{
	const struct tally_limits *limits = &space->core->limits;
	size_t bytes = 0, journals = 0;

	for (const struct tally_command *c = space->pending; c != NULL; c = c->next) {
		if (journals > 0 && (journals + c->journals > limits->batch ||
				     bytes + c->bytes > limits->block))
			break;
		journals += c->journals;
		bytes += c->bytes;
	}
	return (uint32_t)journals;
}

static void decide_line(struct tally_parked *parked, struct tally_space *space, uint32_t room)
{
	struct tally_build *build = &parked->build;
	size_t journals = 0;

	while (space->pending != NULL && journals + space->pending->journals <= room) {
		struct tally_command *command = line_pop(space);

		journals += command->journals;
		command->err.code = TALLY_OK;
		/* decide() refuses before it adds: nothing is in the block then. */
		command->result = command->decide(build, command, &command->err);
		if (build->builder.count == 0) {	/* it rests on what is durable already */
			answer(command, command->result, &command->err);
			continue;
		}
		/* It adds, or what it was refused for, or found to be done, may be in this block. */
		*parked->tail = command;
		parked->tail = &command->next;
	}
}

static uint64_t thousandths(uint64_t part, uint64_t whole)
{
	return part < 2 * whole ? 1000 * part / whole : 2000;
}

/* How full the overlay is, in thousandths of its limits. */
static uint64_t fullness(const struct tally_limits *limits, size_t bytes, uint64_t journals)
{
	uint64_t by_bytes = thousandths(bytes, limits->overlay_bytes);
	uint64_t by_journals = thousandths(journals, limits->overlay_journals);

	return by_bytes > by_journals ? by_bytes : by_journals;
}

/* From one half on blocks come at ever longer intervals: many short waits, so that the flush catches
 * up, instead of one that lasts until it is through. */
static uint64_t interval_ns(uint64_t full)
{
	uint64_t over = full < 500 ? 0 : full < 1000 ? full - 500 : 500;

	return INTERVAL_MOST_NS * over * over / (500 * 500);
}

/* True: the flush has to catch up first. Commands that waited too long go. */
static bool is_stalled(struct tally_space *space)
{
	const struct tally_limits *limits = &space->core->limits;
	uint64_t now = tally_mono_ns(), journals, full;
	struct tally_err err;
	size_t bytes;

	tally_space_lag(space, &bytes, &journals);
	full = fullness(limits, bytes, journals);
	if (full < STOP) {
		if (full > 500)
			tally_request_flush(space->core);
		space->stalled_ns = 0;
		return space->core->flusher_runs && now - space->built_ns < interval_ns(full);
	}
	if (!space->core->flusher_runs) {
		if (tally_space_flush(space, &err) == 0)
			return false;
	} else {
		tally_request_flush(space->core);
	}
	if (space->stalled_ns == 0)
		space->stalled_ns = now;
	if (now - space->stalled_ns > STALL_PATIENCE_NS) {
		tally_err_set(&err, TALLY_BUSY, "the index of %s cannot keep up", space->name);
		while (space->pending != NULL)
			answer(line_pop(space), -1, &err);
		space->stalled_ns = 0;
	}
	return true;
}

static void settle_failed(struct tally_space *space, struct tally_parked *parked,
			  const struct tally_err *err);

/* Builds a block of what waits. NULL: nothing to write. Takes space->write, keeps it if not NULL. */
static struct tally_parked *space_build(struct tally_space *space)
{
	struct tally_parked *parked;
	uint32_t room;

	if (space->pending == NULL || is_stalled(space))
		return NULL;
	tally_space_lock(space);
	if (space->rebuilding) {
		struct tally_err err;

		tally_err_set(&err, TALLY_BUSY, "the index of %s is being rebuilt", space->name);
		while (space->pending != NULL)
			answer(line_pop(space), -1, &err);
		tally_space_unlock(space);
		return NULL;
	}
	space->built_ns = tally_mono_ns();
	room = line_room(space);
	parked = tally_calloc(1, sizeof(*parked));
	parked->tail = &parked->first;
	build_begin(&parked->build, space, room);
	decide_line(parked, space, room);
	if (parked->build.projection.failed.code != TALLY_OK) {
		struct tally_err err = parked->build.projection.failed;

		settle_failed(space, parked, &err);
		return NULL;
	}
	if (parked->build.builder.count > 0) {
		build_end(&parked->build);
		return parked;
	}
	tally_project_drop(&parked->build.projection);
	build_free(&parked->build);
	free(parked);
	tally_space_unlock(space);
	return NULL;
}

/* ---- outcomes ---- */

static void parked_free(struct tally_parked *parked)
{
	build_free(&parked->build);
	free(parked);
}

/* The block is ours: publish it, tell the workers. Takes back space->write. */
static void settle_ours(struct tally_space *space, struct tally_parked *parked)
{
	struct tally_build *build = &parked->build;
	struct tally_core *core = space->core;
	uint64_t size = build->projection.head->frontier.size;
	struct tally_hash root = build->projection.head->root;

	tally_project_commit(&build->projection);
	__atomic_store_n(&space->looked_ns, tally_mono_ns(), __ATOMIC_RELAXED);
	tally_space_unlock(space);
	core->stat_journals += build->builder.count;
	for (struct tally_command *c = parked->first, *next; c != NULL; c = next) {
		next = c->next;
		c->block = build->header.number;
		c->time_ms = build->time_ms;
		c->tree_size = size;
		c->root = root;
		memcpy(c->block_hash.bytes, build->hash, TALLY_HASH_SIZE);
		core->stat_commands++;
		answer(c, c->result, &c->err);
	}
	parked_free(parked);
}

/* Another host wrote this block: take it up, decide again. */
static void settle_foreign(struct tally_space *space, struct tally_parked *parked)
{
	struct tally_err err;
	int result;

	tally_project_drop(&parked->build.projection);
	line_return(space, parked);
	result = tally_space_catch_up(space, &err);
	tally_space_unlock(space);
	space->core->stat_conflicts++;
	if (result != 0) {
		tally_log(TALLY_LOG_ERROR, "block.foreign", "error", err.text, NULL);
		while (space->pending != NULL)
			answer(line_pop(space), -1, &err);
	}
	parked_free(parked);
}

static void settle_failed(struct tally_space *space, struct tally_parked *parked,
			  const struct tally_err *err)
{
	tally_log(TALLY_LOG_ERROR, "append", "ledger", space->name, "error", err->text, NULL);
	tally_project_drop(&parked->build.projection);
	tally_space_unlock(space);
	answer_all(parked->first, err);
	parked_free(parked);
}

/* What the store has under the number of a parked block: 1 ours, 0 nothing, 2 another's, -1. */
static int read_back(struct tally_space *space, const struct tally_parked *parked,
		     struct tally_err *err)
{
	struct tally_arena arena;
	struct tally_bytes bytes;
	int found;

	tally_arena_init(&arena);
	found = tally_store_read(space->core->blocks, space->id, parked->build.header.number, 0,
				 UINT64_MAX, &arena, &bytes, err);
	if (found == 1 && !tally_bytes_equal(bytes, tally_buf_bytes(&parked->build.bytes)))
		found = 2;
	tally_arena_free(&arena);
	return found;
}

/* Nobody knows whether the block was written. Workers wait for a while, then are told so; the
 * bytes stay parked and the space is closed to other blocks. Of a local store that means that a
 * sync failed: the handle is dead, and only a new process can tell. */
static void settle_unknown(struct tally_space *space, struct tally_parked *parked)
{
	struct tally_core *core = space->core;
	uint64_t now = tally_mono_ns();
	struct tally_err err;
	bool local = core->blocks->caps & TALLY_CAP_LOCAL;

	if (local && parked->since_ns != 0)
		core->dead = true;
	if (parked->since_ns == 0) {
		parked->since_ns = now;
		tally_log(TALLY_LOG_WARN, "append.uncertain", "ledger", space->name, NULL);
	}
	parked->wait_ns = parked->wait_ns == 0 ? 1000000 : parked->wait_ns * 2;
	if (parked->wait_ns > 500000000)
		parked->wait_ns = 500000000;
	parked->again_ns = now + parked->wait_ns;
	space->parked = parked;
	if (core->dead || core->stop || now - parked->since_ns > PARK_PATIENCE_NS) {
		tally_err_set(&err, TALLY_UNCERTAIN, "it is not known whether this was written");
		answer_all(parked->first, &err);
		parked->first = NULL;
		parked->tail = &parked->first;
		tally_err_set(&err, TALLY_BUSY, "the store does not answer");
		while (space->pending != NULL)
			answer(line_pop(space), -1, &err);
	}
	if (core->dead || core->stop) {
		space->parked = NULL;
		tally_project_drop(&parked->build.projection);
		parked_free(parked);
	}
	tally_space_unlock(space);
}

static void settle(struct tally_space *space, struct tally_parked *parked,
		   enum tally_code outcome, struct tally_err *err)
{
	struct tally_err ignored;

	if (outcome == TALLY_UNCERTAIN || outcome == TALLY_CONFLICT) {
		/* Our own bytes under our number are ours, however the answer got lost. */
		int found = read_back(space, parked, &ignored);

		if (found == 1)
			outcome = TALLY_OK;
		else if (found == 2)
			outcome = TALLY_CONFLICT;
	}
	switch (outcome) {
	case TALLY_OK:
		settle_ours(space, parked);
		break;
	case TALLY_CONFLICT:
		settle_foreign(space, parked);
		break;
	case TALLY_UNCERTAIN:
		settle_unknown(space, parked);
		break;
	default:
		settle_failed(space, parked, err);
	}
}

/* ---- one round ---- */

/* What this space brings to the round: its parked block when it is due, else a new one. */
static struct tally_parked *space_offer(struct tally_space *space)
{
	struct tally_parked *parked = space->parked;

	if (parked == NULL)
		return space_build(space);
	if (tally_mono_ns() < parked->again_ns)
		return NULL;
	tally_space_lock(space);
	space->parked = NULL;
	return parked;
}

/* Spaces with nothing left to do leave the group. True: some wait for their time. */
static bool spaces_leave(struct tally_core *core)
{
	struct tally_space **at = &core->pending_spaces;
	bool waiting = false;

	while (*at != NULL) {
		struct tally_space *space = *at;

		if (space->pending == NULL && space->parked == NULL) {
			*at = space->next_pending;
			space->in_group = false;
			continue;
		}
		waiting = true;
		at = &space->next_pending;
	}
	return waiting;
}

/* Runs one round; true while there is work that waits for its time. Under commit_lock. */
static bool commit_round(struct tally_core *core)
{
	struct tally_block_write *writes;
	struct tally_parked **parked;
	struct tally_space *space;
	struct tally_err err = { 0 };
	size_t count = 0, spaces = 0;

	take_queue(core);
	for (space = core->pending_spaces; space != NULL; space = space->next_pending)
		spaces++;
	if (spaces == 0)
		return false;
	writes = tally_calloc(spaces, sizeof(*writes));
	parked = tally_calloc(spaces, sizeof(*parked));
	for (space = core->pending_spaces; space != NULL; space = space->next_pending) {
		struct tally_parked *offer = space_offer(space);

		if (offer == NULL)
			continue;
		parked[count] = offer;
		writes[count++] = (struct tally_block_write){
			.space = space->id,
			.number = offer->build.header.number,
			.data = tally_buf_bytes(&offer->build.bytes),
		};
	}
	if (count > 0) {
		core->stat_groups++;
		if (tally_store_append(core->blocks, writes, count, &err) == 0)
			err.code = TALLY_OK;
		for (size_t i = 0; i < count; i++) {
			struct tally_err own = err;

			own.code = writes[i].outcome;
			settle(parked[i]->build.space, parked[i], writes[i].outcome, &own);
		}
	}
	free(writes);
	free(parked);
	return spaces_leave(core);
}

static void wait_briefly(pthread_cond_t *cond, pthread_mutex_t *lock)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(cond, lock, &until);
}

static void *commit_main(void *arg)
{
	struct tally_core *core = arg;
	bool waiting = false;

	for (;;) {
		bool stop;

		pthread_mutex_lock(&core->queue_lock);
		if (core->queue == NULL && waiting)
			wait_briefly(&core->queue_wake, &core->queue_lock);
		while (core->queue == NULL && !waiting && !core->stop)
			pthread_cond_wait(&core->queue_wake, &core->queue_lock);
		stop = core->stop && core->queue == NULL && !waiting;
		pthread_mutex_unlock(&core->queue_lock);
		if (stop)
			return NULL;
		pthread_mutex_lock(&core->commit_lock);
		waiting = commit_round(core);
		pthread_mutex_unlock(&core->commit_lock);
	}
}

/* ---- running a command ---- */

static int enqueue(struct tally_core *core, struct tally_command *command, struct tally_err *err)
{
	int result = 0;

	pthread_mutex_lock(&core->queue_lock);
	if (core->stop) {
		result = tally_err_set(err, TALLY_BUSY, "the server is stopping");
	} else if (core->dead) {
		result = tally_err_set(err, TALLY_BUSY, "the store failed; it opens again with a "
				       "new process");
	} else if (core->queue_count >= core->limits.queue) {
		result = tally_err_set(err, TALLY_BUSY, "too many requests are waiting");
	} else {
		command->next = NULL;
		*core->queue_tail = command;
		core->queue_tail = &command->next;
		if (core->queue_count++ == 0)
			pthread_cond_signal(&core->queue_wake);
	}
	pthread_mutex_unlock(&core->queue_lock);
	return result;
}

/* No committer thread: whoever gets the lock runs rounds until its own command is answered. */
static void run_inline(struct tally_core *core, struct tally_command *command)
{
	while (sem_trywait(&command->done) != 0) {
		pthread_mutex_lock(&core->commit_lock);
		if (commit_round(core)) {
			pthread_mutex_lock(&core->queue_lock);
			wait_briefly(&core->queue_wake, &core->queue_lock);
			pthread_mutex_unlock(&core->queue_lock);
		}
		pthread_mutex_unlock(&core->commit_lock);
	}
}

int tally_queue_run(struct tally_core *core, struct tally_command *command, struct tally_err *err)
{
	if (core->read_only)
		return tally_err_about(err, TALLY_DENIED, "ReadOnly", "the store is open for reading "
				       "only; was it moved or copied? (tally adopt)");
	if (!command->mends && tally_space_trust(command->space, err) != 0)
		return -1;
	sem_init(&command->done, 0, 0);
	command->since_ns = tally_mono_ns();
	if (enqueue(core, command, err) != 0) {
		sem_destroy(&command->done);
		return -1;
	}
	if (core->committer_runs)
		while (sem_wait(&command->done) != 0)
			continue;	/* EINTR */
	else
		run_inline(core, command);
	sem_destroy(&command->done);
	if (command->result != 0)
		*err = command->err;
	return command->result;
}

int tally_queue_start(struct tally_core *core, struct tally_err *err)
{
	if (pthread_create(&core->committer, NULL, commit_main, core) != 0)
		return tally_err_errno(err, "commit thread");
	core->committer_runs = true;
	return 0;
}

void tally_queue_stop(struct tally_core *core)
{
	pthread_mutex_lock(&core->queue_lock);
	core->stop = true;
	pthread_cond_signal(&core->queue_wake);
	pthread_mutex_unlock(&core->queue_lock);
	if (core->committer_runs)
		pthread_join(core->committer, NULL);
	core->committer_runs = false;
}
