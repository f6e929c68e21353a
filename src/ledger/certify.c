/*
 * The removal thread: it has orders carried out (erase.c), and when the payloads of an order are zero
 * it has the driver scrub the store and appends a journal that certifies that. A scrub may take long, so
 * nothing else waits for it, and one serves all orders whose payloads were zero when it began. What
 * is still without a certificate stands in TABLE_ERASURE, a function of the blocks: who opens the
 * ledger next goes on where a process ended. Short-lived processes do the same when they close.
 */
#include "core_private.h"

#include <stdlib.h>
#include <time.h>

#include "clock.h"

#define AT_ONCE 1000u			/* orders certified after one scrub */
#define OF_ONE_COMMAND 50u
#define WAIT_FIRST_NS (5u * 1000000000ull)
#define WAIT_MOST_NS (600u * 1000000000ull)

struct due {
	struct tally_space *space;
	uint64_t order;
	unsigned int type;		/* of the order */
	uint64_t number;		/* journal, or point of a purge */
	uint64_t since_ms;		/* time of the oldest journal it erased */
};

struct due_list {
	struct due list[AT_ONCE];
	size_t count;
};

/* ---- what is due ---- */

static int collect_order(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	(void)value;
	if (key.size == 9)
		tally_buf_add_u64(ctx, tally_get_u64(key.data + 1));
	return 0;
}

static int see_row(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	(void)key;
	(void)value;
	*(bool *)ctx = true;
	return 1;
}

/* Is a payload of the order not zero yet, or not known to be? */
static int is_erasing(const struct tally_view *view, uint64_t order, bool *erasing_r,
		      struct tally_err *err)
{
	uint8_t low[8], high[8];

	*erasing_r = false;
	tally_put_u64(low, order);
	tally_put_u64(high, order + 1);
	return tally_view_scan(view, TABLE_ERASE, tally_bytes(low, 8), tally_bytes(high, 8), false,
			       see_row, erasing_r, err);
}

static int read_order(const struct tally_view *view, uint64_t order, struct due *due_r,
		      struct tally_err *err)
{
	struct tally_record record;
	struct tally_arena arena;
	struct tally_hash hash;
	struct tally_spot spot;
	int result = -1;

	tally_arena_init(&arena);
	if (tally_view_record(view, order, &arena, &record, &hash, err) == 1) {
		bool purge = record.type == TYPE_PURGE;

		*due_r = (struct due){ .space = view->space, .order = order, .type = record.type };
		due_r->number = tally_field_number(&record, purge ? "before" : "journalId", 0);
		result = tally_view_locate(view, purge ? 0 : due_r->number, &spot, err);
		due_r->since_ms = spot.time_ms;
	}
	tally_arena_free(&arena);
	return result;
}

/* Adds what is due of one space; *rest_r: there is more, for another time. */
static int collect_space(const struct tally_view *view, struct due_list *dues, bool *rest_r,
			 struct tally_err *err)
{
	static const uint8_t done[1] = { 1 };
	struct tally_buf orders = { 0 };
	int result = tally_view_scan(view, TABLE_ERASURE, TALLY_BYTES_NONE, tally_bytes(done, 1),
				     false, collect_order, &orders, err);

	for (size_t at = 0; result == 0 && at < orders.size; at += 8) {
		uint64_t order = tally_get_u64(orders.data + at);
		bool erasing;

		result = is_erasing(view, order, &erasing, err);
		if (result == 0 && (erasing || dues->count == AT_ONCE))
			*rest_r = true;
		else if (result == 0 &&
			 (result = read_order(view, order, &dues->list[dues->count], err)) == 0)
			dues->count++;
	}
	tally_buf_free(&orders);
	return result;
}

static void note(struct tally_space *space)
{
	__atomic_store_n(&space->certify_due, true, __ATOMIC_RELEASE);
}

static int collect(struct tally_core *core, struct due_list *dues, struct tally_err *err)
{
	int result = 0;

	for (struct tally_space *space = tally_space_next(core, NULL); space != NULL;
	     space = tally_space_next(core, space)) {
		struct tally_view view;
		bool rest = false;

		if (!__atomic_exchange_n(&space->certify_due, false, __ATOMIC_ACQ_REL))
			continue;
		if (tally_view_take(space, &view, err) != 0) {
			result = -1;
			rest = true;
		} else {
			/* Nothing is appended to a deleted ledger any more. */
			if (view.head->status == LEDGER_NORMAL &&
			    collect_space(&view, dues, &rest, err) != 0) {
				result = -1;
				rest = true;
			}
			tally_view_drop(&view);
		}
		if (rest)
			note(space);
	}
	return result;
}

/* ---- certificates ---- */

struct certify {
	const struct due *dues;
	size_t count;
	struct tally_bytes *backups;	/* text for each */
	uint64_t scrubbed_ms;
};

#define TEXT(field, value) ((struct tally_field){ TALLY_BYTES_LIT(field), FIELD_TEXT, value, 0 })
#define UINT(field, value) \
	((struct tally_field){ TALLY_BYTES_LIT(field), FIELD_UINT, TALLY_BYTES_NONE, value })

static int add_certificate(struct tally_build *build, const struct due *due,
			   struct tally_bytes backups, uint64_t scrubbed_ms, struct tally_err *err)
{
	struct tally_prepared prepared = { 0 };
	struct tally_field fields[5];
	struct tally_hash leaf;
	uint64_t journal;
	uint8_t count = 0;

	if (backups.size > 0)
		fields[count++] = TEXT("backups", backups);
	if (due->type == TYPE_PURGE)
		fields[count++] = UINT("before", due->number);
	fields[count++] = (struct tally_field){ TALLY_BYTES_LIT("erased"), FIELD_BOOL,
						TALLY_BYTES_NONE, 1 };
	if (due->type != TYPE_PURGE)
		fields[count++] = UINT("journalId", due->number);
	fields[count++] = UINT("order", due->order);
	fields[count++] = UINT("scrubbedAt", scrubbed_ms);
	prepared.record = (struct tally_record){ .type = due->type, .has_data = true,
						 .fields = fields, .field_count = count };
	return tally_build_add(build, &prepared, &journal, &leaf, err);
}

static int decide(struct tally_build *build, struct tally_command *command, struct tally_err *err)
{
	const struct certify *certify = command->ctx;

	if (build->head->status != LEDGER_NORMAL)
		return 0;
	for (size_t i = 0; i < certify->count; i++) {
		const struct due *due = &certify->dues[i];
		uint64_t known;
		int state = tally_erasure_find(&build->view, due->order, &known, &build->arena, err);

		if (state < 0 ||
		    (state == 0 && add_certificate(build, due, certify->backups[i],
						   certify->scrubbed_ms, err) != 0))
			return -1;
	}
	return 0;
}

/* Of one space. */
static int certify_some(struct tally_core *core, const struct due *dues, size_t count,
			uint64_t scrubbed_ms, struct tally_err *err)
{
	static const struct tally_write service = { .caller = { .local = true } };
	struct tally_bytes backups[OF_ONE_COMMAND];
	struct certify certify = { dues, count, backups, scrubbed_ms };
	struct tally_command command = { .space = dues[0].space, .decide = decide,
					 .write = &service, .ctx = &certify, .journals = count };
	struct tally_arena arena;
	int result;

	tally_arena_init(&arena);
	for (size_t i = 0; i < count; i++) {
		struct tally_buf text = { 0 };

		tally_backups_text(core->backups, dues[i].since_ms, &text);
		backups[i] = tally_arena_bytes(&arena, tally_buf_bytes(&text));
		command.bytes += tally_block_cost(1024 + text.size, 0, 0);
		tally_buf_free(&text);
	}
	result = tally_queue_run(core, &command, err);
	tally_arena_free(&arena);
	return result;
}

/* What was erased is remembered outside of the store before the ledger says so. */
static int remember(struct tally_core *core, const struct due_list *dues, uint64_t scrubbed_ms,
		    struct tally_err *err)
{
	for (size_t i = 0; i < dues->count; i++) {
		const struct due *due = &dues->list[i];
		struct tally_lost_erasure erasure = { .order = due->order,
						      .scrubbed_ms = scrubbed_ms,
						      .purge = due->type == TYPE_PURGE,
						      .journal_id = due->number };

		memcpy(erasure.ledger_id, due->space->name, sizeof(erasure.ledger_id));
		tally_backups_erased(core->backups, &erasure, due->since_ms);
	}
	return tally_backups_write(core->backups, err);
}

/* dues of one space stand together. */
static int certify_all(struct tally_core *core, const struct due_list *dues, uint64_t scrubbed_ms,
		       size_t *count_r, struct tally_err *err)
{
	size_t most = core->limits.batch < OF_ONE_COMMAND ? core->limits.batch : OF_ONE_COMMAND;
	int result = 0;

	for (size_t at = 0, count; at < dues->count; at += count) {
		const struct due *first = &dues->list[at];

		count = 1;
		while (at + count < dues->count && count < most && first[count].space == first->space)
			count++;
		if (certify_some(core, first, count, scrubbed_ms, err) == 0)
			*count_r += count;
		else
			result = -1;
	}
	return result;
}

static int scrub_and_certify(struct tally_core *core, const struct due_list *dues,
			     size_t *count_r, struct tally_err *err)
{
	uint64_t scrubbed_ms;

	if (dues->count == 0)
		return 0;
	if (tally_store_scrub(core->blocks, err) != 0)
		return -1;
	scrubbed_ms = tally_now_ms();
	return remember(core, dues, scrubbed_ms, err) != 0 ?
		       -1 :
		       certify_all(core, dues, scrubbed_ms, count_r, err);
}

static void wait_longer(struct tally_core *core, bool succeeded)
{
	uint64_t wait = core->certify_wait_ns == 0 ? WAIT_FIRST_NS : 2 * core->certify_wait_ns;

	core->certify_wait_ns = succeeded ? 0 : wait < WAIT_MOST_NS ? wait : WAIT_MOST_NS;
	core->certify_again_ns = tally_mono_ns() + core->certify_wait_ns;
}

int tally_certify(struct tally_core *core, bool everything, size_t *count_r,
		  struct tally_err *err)
{
	struct due_list *dues;
	size_t count = 0;
	int result = 0;

	if (count_r != NULL)
		*count_r = 0;
	if (core->read_only || core->dead || core->system == NULL)
		return 0;
	pthread_mutex_lock(&core->certify_lock);
	if (everything || tally_mono_ns() >= core->certify_again_ns) {
		dues = tally_calloc(1, sizeof(*dues));
		result = collect(core, dues, err);
		if (scrub_and_certify(core, dues, &count, err) != 0)
			result = -1;
		for (size_t i = 0; result != 0 && i < dues->count; i++)
			note(dues->list[i].space);
		if (dues->count > 0 || result != 0)
			wait_longer(core, result == 0);
		free(dues);
	}
	pthread_mutex_unlock(&core->certify_lock);
	if (count_r != NULL)
		*count_r = count;
	return result;
}

/* ---- the thread ---- */

static int collect_space_id(void *ctx, uint64_t space, uint64_t blocks, bool dropped)
{
	if (!dropped && blocks > 0)
		tally_buf_add_u64(ctx, space);
	return 0;
}

/* Whether a ledger that is not open needs to be, by its index: it has blocks that the index lacks,
 * or there is something to do. */
static int is_wanted(struct tally_core *core, uint64_t id, bool *wanted_r, struct tally_err *err)
{
	static const uint8_t done[1] = { 1 };
	struct tally_mark mark;
	uint64_t count;

	*wanted_r = false;
	if (tally_store_mark(core->index, id, &mark, err) != 0 ||
	    tally_store_last(core->blocks, id, &count, err) != 0)
		return -1;
	*wanted_r = mark.blocks != count;
	if (!*wanted_r && tally_store_scan(core->index, id, TABLE_ERASE, TALLY_BYTES_NONE,
					   TALLY_BYTES_NONE, false, see_row, wanted_r, err) != 0)
		return -1;
	if (!*wanted_r && tally_store_scan(core->index, id, TABLE_ERASURE, TALLY_BYTES_NONE,
					   tally_bytes(done, 1), false, see_row, wanted_r, err) != 0)
		return -1;
	return 0;
}

static bool is_stopping(struct tally_core *core)
{
	bool stop;

	pthread_mutex_lock(&core->removal_lock);
	stop = core->removal_stop;
	pthread_mutex_unlock(&core->removal_lock);
	return stop;
}

/* Opens every ledger in which a process that ended left something to do. */
static void look_everywhere(struct tally_core *core)
{
	struct tally_buf ids = { 0 };
	struct tally_err err;

	if (tally_store_spaces(core->blocks, collect_space_id, &ids, &err) != 0)
		tally_log(TALLY_LOG_WARN, "removal.look", "error", err.text, NULL);
	for (size_t at = 0; at < ids.size && !is_stopping(core); at += 8) {
		uint64_t id = tally_get_u64(ids.data + at);
		struct tally_space *space;
		bool wanted;

		if (is_wanted(core, id, &wanted, &err) != 0 ||
		    (wanted && tally_space_find(core, id, &space, &err) < 0))
			tally_log(TALLY_LOG_WARN, "removal.look", "error", err.text, NULL);
	}
	tally_buf_free(&ids);
}

static void wait_second(struct tally_core *core)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec++;
	if (!core->removal_called)
		pthread_cond_timedwait(&core->removal_wake, &core->removal_lock, &until);
	core->removal_called = false;
}

static void *removal_main(void *arg)
{
	struct tally_core *core = arg;
	struct tally_err err;

	look_everywhere(core);
	pthread_mutex_lock(&core->removal_lock);
	while (!core->removal_stop) {
		pthread_mutex_unlock(&core->removal_lock);
		if (tally_erase_spaces(core, false, &err) != 0)
			tally_log(TALLY_LOG_WARN, "erase", "error", err.text, NULL);
		if (tally_certify(core, false, NULL, &err) != 0 && err.code != TALLY_BUSY)
			tally_log(TALLY_LOG_WARN, "certify", "error", err.text, NULL);
		pthread_mutex_lock(&core->removal_lock);
		if (!core->removal_stop)
			wait_second(core);
	}
	pthread_mutex_unlock(&core->removal_lock);
	return NULL;
}

void tally_removal_call(struct tally_core *core)
{
	pthread_mutex_lock(&core->removal_lock);
	core->removal_called = true;
	pthread_cond_signal(&core->removal_wake);
	pthread_mutex_unlock(&core->removal_lock);
}

int tally_removal_start(struct tally_core *core, struct tally_err *err)
{
	if (pthread_create(&core->remover, NULL, removal_main, core) != 0)
		return tally_err_errno(err, "removal thread");
	core->remover_runs = true;
	return 0;
}

void tally_removal_stop(struct tally_core *core)
{
	if (!core->remover_runs)
		return;
	pthread_mutex_lock(&core->removal_lock);
	core->removal_stop = true;
	pthread_cond_signal(&core->removal_wake);
	pthread_mutex_unlock(&core->removal_lock);
	pthread_join(core->remover, NULL);
	core->remover_runs = false;
}
