/*
 * STATE_ROOT journals: who makes them, and what applying one does. A proposer makes the step of the
 * state tree in the background and queues the journal like any command; applying it is then a matter
 * of handing over what was made. Any other process, and a replay, makes the step when it meets the
 * journal, and compares.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "clock.h"
#include "core_private.h"
#include "statetree.h"

#define CHANGED_MOST (32u << 20)	/* bytes of changes kept; beyond, the blocks are read again */
#define LOOK_S 1			/* the thread looks at all ledgers so often: under load a step takes up
					   what came in that time, and shares its pages */

static void step_drop(struct tally_state_step **step)
{
	if (*step != NULL)
		tally_state_step_free(*step);
	free(*step);
	*step = NULL;
}

static void changed_forget(struct tally_space *space)
{
	step_drop(&space->step);
	tally_buf_free(&space->changed);
	space->changed_from = UINT64_MAX;
}

/* ---- what steps wrote, kept in memory for the next one ---- */

static struct tally_state_step *take_applied(struct tally_space *space)
{
	struct tally_state_step *steps;

	pthread_mutex_lock(&space->look);
	steps = space->applied;
	space->applied = NULL;
	pthread_mutex_unlock(&space->look);
	return steps;
}

/* A step of 100,000 clues takes 50 ms to be kept, for which the committer does not wait. */
static void keep_later(struct tally_space *space, struct tally_state_step *step)
{
	struct tally_state_step **end;

	pthread_mutex_lock(&space->look);
	for (end = &space->applied; *end != NULL; end = &(*end)->next)
		;
	*end = step;
	pthread_mutex_unlock(&space->look);
}

static void end_applied(struct tally_space *space, bool keep)
{
	pthread_mutex_lock(&space->keep);
	for (struct tally_state_step *step = take_applied(space), *next; step != NULL; step = next) {
		next = step->next;
		if (keep)
			tally_state_step_keep(step, space);
		step_drop(&step);
	}
	pthread_mutex_unlock(&space->keep);
}

void tally_state_forget(struct tally_space *space)
{
	changed_forget(space);
	end_applied(space, false);
}

/* The next step of a view: it begins with what the one before wrote, which so must be kept by now. */
static int next_step(const struct tally_view *view, uint64_t size, const struct tally_buf *changed,
		     struct tally_state_step *step_r, struct tally_err *err)
{
	end_applied(view->space, true);
	return tally_state_step(view, size, tally_buf_bytes(changed), step_r, err);
}

/* ---- applying ---- */

/* Drops the changes that a step has used. */
static void changed_trim(struct tally_space *space, uint64_t size)
{
	struct tally_reader reader = tally_reader(tally_buf_bytes(&space->changed));
	struct tally_buf rest = { 0 };

	while (tally_reader_left(&reader) > 0 && !reader.failed) {
		const uint8_t *entry = reader.at;
		uint64_t journal;

		tally_read_u8(&reader);
		journal = tally_read_u64(&reader);
		tally_read_bytes(&reader, 1 + TALLY_HASH_SIZE);
		tally_read_bytes(&reader, tally_read_u16(&reader));
		if (journal >= size) {
			tally_buf_add(&rest, entry, (size_t)(tally_bytes_end(tally_buf_bytes(
				&space->changed)) - entry));
			break;
		}
	}
	tally_buf_free(&space->changed);
	space->changed = rest;
	space->changed_from = size;
}

/* The step from the state before to that size: made ahead, else made now. */
static int step_to(struct tally_projection *p, uint64_t size, struct tally_state_step *step_r,
		   struct tally_err *err)
{
	struct tally_space *space = p->space;
	struct tally_buf changed = { 0 };
	int result = 0;

	if (space->step != NULL && space->step->from == p->view.head->state.size &&
	    space->step->size == size) {
		*step_r = *space->step;
		free(space->step);
		space->step = NULL;
		return 0;
	}
	if (space->changed_from <= p->view.head->state.size)
		return next_step(&p->view, size, &space->changed, step_r, err);
	result = tally_changed_read(&p->view, p->view.head->state.size, size, &changed, err);
	if (result == 0)
		result = next_step(&p->view, size, &changed, step_r, err);
	tally_buf_free(&changed);
	return result;
}

/* The journal speaks of journals before its block, and a block has one such journal at most. */
static bool is_in_order(const struct tally_projection *p, uint64_t size)
{
	return p->view.head != NULL && size > p->view.head->state.size && size <= p->first &&
	       p->head->state.size == p->view.head->state.size;
}

static void note_wrong(struct tally_projection *p, uint64_t journal_id, const char *why)
{
	char id[24];

	p->head->state_wrong = true;
	snprintf(id, sizeof(id), "%llu", (unsigned long long)journal_id);
	tally_log(TALLY_LOG_ERROR, "state.wrong", "ledger", p->space->name, "journal", id, "why",
		  why, NULL);
}

void tally_state_project(struct tally_projection *p, uint64_t journal_id,
			 const struct tally_record *record)
{
	uint64_t size = tally_field_number(record, "size", 0);
	struct tally_head *head = p->head;
	struct tally_state_point point = { .size = size, .journal = journal_id };
	struct tally_state_step step;

	if (!tally_hex_decode(tally_field_text(record, "stateRoot"), point.root.bytes,
			      TALLY_HASH_SIZE) || !is_in_order(p, size)) {
		note_wrong(p, journal_id, "it does not follow the one before");
		return;
	}
	if (p->space->shadow) {
		head->state_before = head->state;
		head->state = point;
		return;
	}
	if (step_to(p, size, &step, &p->failed) != 0)
		return;
	if (memcmp(step.root.bytes, point.root.bytes, TALLY_HASH_SIZE) != 0)
		note_wrong(p, journal_id, "its journals make another root");
	point.root = step.root;
	point.version = step.version;
	tally_state_step_put(&step, p->overlay, p->tag);
	head->state_before = head->state;
	head->state = point;
	p->step = tally_malloc(sizeof(*p->step));
	*p->step = step;
}

void tally_state_end(struct tally_projection *p)
{
	step_drop(&p->step);
}

/* Under space->write, when the block of the projection is there to stay. */
void tally_state_committed(struct tally_projection *p)
{
	struct tally_space *space = p->space;

	if (space->changed_from != UINT64_MAX)
		tally_buf_add_bytes(&space->changed, tally_buf_bytes(&p->changed));
	if (p->step != NULL) {
		keep_later(space, p->step);
		p->step = NULL;
		if (space->changed_from != UINT64_MAX)
			changed_trim(space, p->head->state.size);
	}
	if (space->changed.size > CHANGED_MOST)
		changed_forget(space);
}

/* ---- proposing ---- */

static int decide(struct tally_build *build, struct tally_command *command, struct tally_err *err)
{
	const struct tally_state_step *step = command->ctx;
	struct tally_prepared prepared = { 0 };
	char root[2 * TALLY_HASH_SIZE + 1];
	struct tally_field fields[2];
	struct tally_hash leaf;
	uint64_t journal;

	if (build->head->status != LEDGER_NORMAL || build->head->state.size >= step->size ||
	    build->head->state.size != step->from)
		return 0;	/* another was first, or it came too late */
	tally_hex_encode(step->root.bytes, TALLY_HASH_SIZE, root);
	fields[0] = (struct tally_field){ TALLY_BYTES_LIT("size"), FIELD_UINT, TALLY_BYTES_NONE,
					  step->size };
	fields[1] = (struct tally_field){ TALLY_BYTES_LIT("stateRoot"), FIELD_TEXT,
					  tally_bytes_str(root), 0 };
	prepared.record = (struct tally_record){ .type = TYPE_STATE_ROOT, .has_data = true,
						 .fields = fields, .field_count = 2 };
	return tally_build_add(build, &prepared, &journal, &leaf, err);
}

/* The changes since the state before, as far as a view goes. */
static int changes_for(struct tally_space *space, const struct tally_view *view,
		       struct tally_buf *changed, struct tally_err *err)
{
	bool kept;

	tally_space_lock(space);
	kept = space->changed_from <= view->head->state.size;
	if (kept)
		tally_buf_add_bytes(changed, tally_buf_bytes(&space->changed));
	else if (space->head->frontier.size == view->head->frontier.size) {
		/* from here on they are kept again */
		space->changed_from = view->head->frontier.size;
	}
	tally_space_unlock(space);
	return kept ? 0 :
		      tally_changed_read(view, view->head->state.size, view->head->frontier.size,
					 changed, err);
}

static int make_step(struct tally_space *space, const struct tally_view *view,
		     struct tally_state_step *step_r, struct tally_err *err)
{
	struct tally_buf changed = { 0 };
	int result = changes_for(space, view, &changed, err);

	if (result == 0)
		result = next_step(view, view->head->frontier.size, &changed, step_r, err);
	tally_buf_free(&changed);
	return result;
}

/* Leaves the step where the projection of its journal finds it. */
static void leave_step(struct tally_space *space, struct tally_state_step *step)
{
	struct tally_state_step *ahead = tally_malloc(sizeof(*ahead));

	*ahead = *step;
	step->puts = (struct tally_buf){ 0 };
	tally_space_lock(space);
	step_drop(&space->step);
	space->step = ahead;
	tally_space_unlock(space);
}

/* True where the newest STATE_ROOT is about all but itself. */
static bool is_fresh(const struct tally_head *head)
{
	return head->state.size > 0 && head->frontier.size == head->state.journal + 1 &&
	       head->state.journal == head->state.size;
}

static int propose(struct tally_space *space, struct tally_err *err)
{
	static const struct tally_write service = { .caller = { .local = true } };
	struct tally_state_step step = { 0 };
	struct tally_command command = { .space = space, .decide = decide, .write = &service,
					 .ctx = &step, .bytes = 1024, .journals = 1 };
	struct tally_view view;
	int result = 0;
	bool needed;

	if (tally_view_take(space, &view, err) != 0)
		return -1;
	needed = view.head->status == LEDGER_NORMAL && !is_fresh(view.head);
	if (needed)
		result = make_step(space, &view, &step, err);
	tally_view_drop(&view);
	if (result != 0 || !needed)
		return result;
	leave_step(space, &step);
	result = tally_queue_run(space->core, &command, err);
	end_applied(space, true);
	return result == 0 ? 1 : -1;
}

int tally_state_refresh(struct tally_core *core, struct tally_bytes ledger_id,
			struct tally_err *err)
{
	struct tally_space *space;
	int found = tally_space_of_ledger(core, ledger_id, &space, err);

	if (found < 1)
		return found < 0 ? -1 : tally_err_about(err, TALLY_NOTFOUND, "Ledger",
							"no such ledger");
	return propose(space, err);
}

/* ---- when ---- */

static bool is_due(struct tally_space *space, bool all)
{
	const struct tally_limits *limits = &space->core->limits;
	uint64_t now = tally_mono_ns(), size, since;
	struct tally_head *head;
	bool due = false;

	if (space->id == TALLY_SYSTEM_SPACE || !__atomic_load_n(&space->loaded, __ATOMIC_ACQUIRE))
		return false;
	pthread_mutex_lock(&space->look);
	head = space->head;
	if (head != NULL && head->status == LEDGER_NORMAL && !head->state_wrong && !is_fresh(head)) {
		size = head->frontier.size;
		since = size - head->state.size;
		if (space->state_seen != size) {
			space->state_seen = size;
			space->state_since_ns = now;
		}
		due = all || (limits->state_journals > 0 && since >= limits->state_journals) ||
		      (limits->state_idle_ms > 0 &&
		       now - space->state_since_ns >= limits->state_idle_ms * 1000000);
	}
	pthread_mutex_unlock(&space->look);
	return due;
}

int tally_state_refresh_all(struct tally_core *core, bool all, struct tally_err *err)
{
	int result = 0;

	for (size_t i = 0; i < TALLY_SPACE_BUCKETS; i++) {
		struct tally_space *space;

		pthread_mutex_lock(&core->table_lock);
		space = core->table[i];		/* spaces are only ever added in front */
		pthread_mutex_unlock(&core->table_lock);
		for (; space != NULL; space = space->next)
			if (is_due(space, all) && propose(space, err) < 0)
				result = -1;
	}
	return result;
}

static void *state_main(void *arg)
{
	struct tally_core *core = arg;
	struct tally_err err;

	pthread_mutex_lock(&core->state_lock);
	while (!core->state_stop) {
		struct timespec until;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += LOOK_S;
		pthread_cond_timedwait(&core->state_wake, &core->state_lock, &until);
		if (core->state_stop)
			break;
		pthread_mutex_unlock(&core->state_lock);
		if (!core->dead && tally_state_refresh_all(core, false, &err) != 0 &&
		    err.code != TALLY_BUSY)
			tally_log(TALLY_LOG_WARN, "state.root", "error", err.text, NULL);
		pthread_mutex_lock(&core->state_lock);
	}
	pthread_mutex_unlock(&core->state_lock);
	return NULL;
}

int tally_state_start(struct tally_core *core, struct tally_err *err)
{
	if (core->limits.state_journals == 0 && core->limits.state_idle_ms == 0)
		return 0;
	if (pthread_create(&core->stater, NULL, state_main, core) != 0)
		return tally_err_errno(err, "state thread");
	core->stater_runs = true;
	return 0;
}

void tally_state_stop(struct tally_core *core)
{
	if (!core->stater_runs)
		return;
	pthread_mutex_lock(&core->state_lock);
	core->state_stop = true;
	pthread_cond_signal(&core->state_wake);
	pthread_mutex_unlock(&core->state_lock);
	pthread_join(core->stater, NULL);
	core->stater_runs = false;
}
