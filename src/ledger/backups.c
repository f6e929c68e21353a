/*
 * The backups that were made of a store, and the erasures that were certified: a text file beside
 * the master key file, so that it outlives the store's directory. A restored backup brings back what
 * was erased after it was made and knows nothing of that; this file does.
 *
 *	backup <begun, ms> <finished, ms; 0: not known> <directory>
 *	erased <scrubbed, ms> <since, ms> <LedgerId> <order> journal|before <number>
 *
 * Lines stand in the order of what happened, which does not lean on the clock: a backup holds what
 * an erasure behind it took, unless it was finished before that was written. Lines of another form
 * are kept as they are. The file is replaced as a whole.
 */
#include "config.h"

#include "core_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "utf8.h"

#define TEXT_MOST 8192

enum kind { LINE_BACKUP, LINE_ERASED, LINE_OTHER };

struct line {
	enum kind kind;
	char *text;			/* directory of a backup; all of another line */
	uint64_t begin_ms, end_ms;	/* of an erasure: scrubbed, since */
	struct tally_lost_erasure erased;
};

struct tally_backup_list {
	pthread_mutex_t lock;
	char *path;			/* NULL: in memory only */
	struct line *lines;
	size_t count, room;
};

/* ---- lines ---- */

static struct line *add_line(struct tally_backup_list *list, struct line line)
{
	if (list->count == list->room) {
		list->room = list->room == 0 ? 16 : 2 * list->room;
		list->lines = tally_realloc(list->lines, list->room * sizeof(*list->lines));
	}
	list->lines[list->count] = line;
	return &list->lines[list->count++];
}

static void remove_line(struct tally_backup_list *list, size_t at)
{
	free(list->lines[at].text);
	list->count--;
	memmove(&list->lines[at], &list->lines[at + 1],
		(list->count - at) * sizeof(*list->lines));
}

static void format_line(const struct line *line, struct tally_buf *buf)
{
	switch (line->kind) {
	case LINE_BACKUP:
		tally_buf_printf(buf, "backup %" PRIu64 " %" PRIu64 " %s\n", line->begin_ms,
				 line->end_ms, line->text);
		break;
	case LINE_ERASED:
		tally_buf_printf(buf, "erased %" PRIu64 " %" PRIu64 " %s %" PRIu64 " %s %" PRIu64
				 "\n", line->begin_ms, line->end_ms, line->erased.ledger_id,
				 line->erased.order, line->erased.purge ? "before" : "journal",
				 line->erased.journal_id);
		break;
	default:
		tally_buf_printf(buf, "%s\n", line->text);
	}
}

/* The next word of a line. */
static struct tally_bytes take_word(struct tally_bytes *rest)
{
	size_t size = 0;
	struct tally_bytes word;

	while (size < rest->size && rest->data[size] != ' ')
		size++;
	word = tally_bytes(rest->data, size);
	*rest = size < rest->size ? tally_bytes(rest->data + size + 1, rest->size - size - 1) :
				    TALLY_BYTES_NONE;
	return word;
}

static bool take_number(struct tally_bytes *rest, uint64_t *number_r)
{
	return tally_parse_u64(take_word(rest), INT64_MAX, number_r);
}

static bool parse_erased(struct tally_bytes rest, struct line *line)
{
	struct tally_lost_erasure *erased = &line->erased;
	struct tally_bytes id, what;
	bool good = take_number(&rest, &line->begin_ms) && take_number(&rest, &line->end_ms);

	id = take_word(&rest);
	if (!good || id.size != TALLY_LEDGER_ID_SIZE)
		return false;
	memcpy(erased->ledger_id, id.data, id.size);
	good = take_number(&rest, &erased->order);
	what = take_word(&rest);
	erased->purge = tally_bytes_is(what, "before");
	erased->scrubbed_ms = line->begin_ms;
	return good && (erased->purge || tally_bytes_is(what, "journal")) &&
	       take_number(&rest, &erased->journal_id) && rest.size == 0;
}

static void parse_line(struct tally_backup_list *list, const char *text)
{
	struct tally_bytes rest = tally_bytes_str(text), word = take_word(&rest);
	struct line line = { .kind = LINE_BACKUP };

	if (tally_bytes_is(word, "backup") && take_number(&rest, &line.begin_ms) &&
	    take_number(&rest, &line.end_ms) && rest.size > 0) {
		line.text = tally_strdup((const char *)rest.data);
	} else if (tally_bytes_is(word, "erased") && parse_erased(rest, &line)) {
		line.kind = LINE_ERASED;
	} else {
		tally_log(TALLY_LOG_WARN, "backups.line", "file", list->path, "line", text, NULL);
		line = (struct line){ .kind = LINE_OTHER, .text = tally_strdup(text) };
	}
	add_line(list, line);
}

/* ---- the file ---- */

static int read_file(struct tally_backup_list *list, struct tally_err *err)
{
	FILE *file = fopen(list->path, "re");
	char *line = NULL;
	size_t room = 0;
	ssize_t size;
	int result = 0;

	if (file == NULL && errno == ENOENT)
		return 0;
	if (file == NULL)
		return tally_err_errno(err, "%s", list->path);
	while ((size = getline(&line, &room, file)) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] != '\0')
			parse_line(list, line);
	}
	if (ferror(file))
		result = tally_err_errno(err, "%s", list->path);
	free(line);
	fclose(file);
	return result;
}

int tally_backups_open(const char *path, struct tally_backup_list **list_r, struct tally_err *err)
{
	struct tally_backup_list *list = tally_calloc(1, sizeof(*list));

	pthread_mutex_init(&list->lock, NULL);
	if (path != NULL) {
		list->path = tally_strdup(path);
		if (read_file(list, err) != 0) {
			tally_backups_close(&list);
			return -1;
		}
	}
	*list_r = list;
	return 0;
}

void tally_backups_close(struct tally_backup_list **list)
{
	if (*list == NULL)
		return;
	while ((*list)->count > 0)
		remove_line(*list, (*list)->count - 1);
	pthread_mutex_destroy(&(*list)->lock);
	free((*list)->lines);
	free((*list)->path);
	free(*list);
	*list = NULL;
}

/* Whole, beside, renamed. Under the lock. */
static int write_locked(struct tally_backup_list *list, struct tally_err *err)
{
	struct tally_buf buf = { 0 };
	char beside[4300];
	int fd, result = 0;

	if (list->path == NULL)
		return 0;
	for (size_t i = 0; i < list->count; i++)
		format_line(&list->lines[i], &buf);
	snprintf(beside, sizeof(beside), "%.4200s.new", list->path);
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, buf.data, buf.size) != (ssize_t)buf.size || fdatasync(fd) != 0)
		result = tally_err_errno(err, "%s", beside);
	if (fd >= 0)
		close(fd);
	if (result == 0 && rename(beside, list->path) != 0)
		result = tally_err_errno(err, "%s", list->path);
	tally_buf_free(&buf);
	return result;
}

int tally_backups_write(struct tally_backup_list *list, struct tally_err *err)
{
	int result;

	pthread_mutex_lock(&list->lock);
	result = write_locked(list, err);
	pthread_mutex_unlock(&list->lock);
	return result;
}

/* ---- erasures ---- */

void tally_backups_erased(struct tally_backup_list *list, const struct tally_lost_erasure *erasure,
			  uint64_t since_ms)
{
	struct line line = { .kind = LINE_ERASED, .begin_ms = erasure->scrubbed_ms,
			     .end_ms = since_ms, .erased = *erasure };
	bool known = false;

	pthread_mutex_lock(&list->lock);
	for (size_t i = 0; i < list->count && !known; i++)
		known = list->lines[i].kind == LINE_ERASED &&
			list->lines[i].erased.order == erasure->order &&
			strcmp(list->lines[i].erased.ledger_id, erasure->ledger_id) == 0;
	if (!known)
		add_line(list, line);
	pthread_mutex_unlock(&list->lock);
}

/* Of an erasure of something that is as old as since_ms, and of a backup before it. */
static bool holds(const struct line *backup, uint64_t since_ms)
{
	return backup->end_ms == 0 || backup->end_ms >= since_ms;
}

static void add_name(const struct line *line, struct tally_buf *buf)
{
	size_t size = strlen(line->text);
	struct tally_bytes name;
	const char *slash;
	char time[24];

	while (size > 1 && line->text[size - 1] == '/')
		size--;
	slash = memrchr(line->text, '/', size);
	name = slash != NULL && slash + 1 < line->text + size ?
		       tally_bytes(slash + 1, (size_t)(line->text + size - slash - 1)) :
		       tally_bytes(line->text, size);
	tally_time_format(line->begin_ms, time);
	tally_buf_printf(buf, "%s%s %.*s", buf->size > 0 ? "\n" : "", time,
			 tally_utf8_printable(name) ? (int)name.size : 1,
			 tally_utf8_printable(name) ? (const char *)name.data : "?");
}

void tally_backups_text(struct tally_backup_list *list, uint64_t since_ms, struct tally_buf *buf)
{
	size_t more = 0;

	pthread_mutex_lock(&list->lock);
	for (size_t i = 0; i < list->count; i++) {
		const struct line *line = &list->lines[i];

		if (line->kind != LINE_BACKUP || !holds(line, since_ms))
			continue;
		if (buf->size < TEXT_MOST)
			add_name(line, buf);
		else
			more++;
	}
	pthread_mutex_unlock(&list->lock);
	if (more > 0)
		tally_buf_printf(buf, "\nand %zu more", more);
}

/* ---- making backups ---- */

/* A time at or behind that of every block, wherever the clock was. */
static uint64_t time_now(struct tally_core *core)
{
	uint64_t now = tally_now_ms();

	for (struct tally_space *space = tally_space_next(core, NULL); space != NULL;
	     space = tally_space_next(core, space)) {
		pthread_mutex_lock(&space->look);
		if (space->head != NULL && space->head->time_ms > now)
			now = space->head->time_ms;
		pthread_mutex_unlock(&space->look);
	}
	return now;
}

static struct line *find_backup(struct tally_backup_list *list, const char *directory)
{
	for (size_t i = list->count; i-- > 0;)
		if (list->lines[i].kind == LINE_BACKUP &&
		    strcmp(list->lines[i].text, directory) == 0)
			return &list->lines[i];
	return NULL;
}

/* It is noted before it is begun: one that is cut off may hold what is erased later. */
static int note_begin(struct tally_backup_list *list, const char *directory, uint64_t now,
		      struct tally_err *err)
{
	int result;

	pthread_mutex_lock(&list->lock);
	add_line(list, (struct line){ .kind = LINE_BACKUP, .text = tally_strdup(directory),
				      .begin_ms = now });
	result = write_locked(list, err);
	if (result != 0)
		remove_line(list, list->count - 1);
	pthread_mutex_unlock(&list->lock);
	return result;
}

/* end_ms 0: it was none. */
static int note_end(struct tally_backup_list *list, const char *directory, uint64_t end_ms,
		    struct tally_err *err)
{
	struct line *line;
	int result;

	pthread_mutex_lock(&list->lock);
	line = find_backup(list, directory);
	if (line != NULL && end_ms > 0)
		line->end_ms = end_ms;
	else if (line != NULL)
		remove_line(list, (size_t)(line - list->lines));
	result = write_locked(list, err);
	pthread_mutex_unlock(&list->lock);
	return result;
}

int tally_core_backup(struct tally_core *core, const char *directory, struct tally_err *err)
{
	struct tally_err ignored;

	if (note_begin(core->backups, directory, time_now(core), err) != 0)
		return -1;
	if (tally_store_backup(core->blocks, directory, err) == 0)
		return note_end(core->backups, directory, time_now(core), err);
	/* Nothing was copied to where something is already, or by a driver that cannot. Of others
	 * a part may be there. */
	if (err->code == TALLY_EXISTS || err->code == TALLY_UNSUPPORTED)
		(void)note_end(core->backups, directory, 0, &ignored);
	return -1;
}

int tally_core_backup_forget(struct tally_core *core, const char *directory, struct tally_err *err)
{
	struct tally_backup_list *list = core->backups;
	struct line *line;
	int found = 0;

	pthread_mutex_lock(&list->lock);
	while ((line = find_backup(list, directory)) != NULL) {
		remove_line(list, (size_t)(line - list->lines));
		found = 1;
	}
	if (found == 1 && write_locked(list, err) != 0)
		found = -1;
	pthread_mutex_unlock(&list->lock);
	return found;
}

/* ---- telling ---- */

/* Does the ledger have what the erasure took, and nothing that orders it? 1, 0, -1. */
static int is_lost(struct tally_core *core, const struct tally_lost_erasure *erased,
		   struct tally_err *err)
{
	struct tally_space *space;
	struct tally_record record;
	struct tally_arena arena;
	struct tally_hash hash;
	struct tally_view view;
	uint64_t order;
	int found = tally_space_of_ledger(core, tally_bytes_str(erased->ledger_id), &space, err);

	if (found != 1)
		return found;
	if (tally_view_take(space, &view, err) != 0)
		return -1;
	tally_arena_init(&arena);
	if (erased->purge) {
		found = view.head->purge_before < erased->journal_id;
	} else {
		found = tally_view_record(&view, erased->journal_id, &arena, &record, &hash, err);
		if (found == 1)
			found = tally_removed_by(&view, erased->journal_id, &record, &order, err);
		else if (found == 0)
			found = 1;	/* it is not there at all */
		found = found < 0 ? -1 : found == 0;
	}
	tally_arena_free(&arena);
	tally_view_drop(&view);
	return found;
}

static void add_backup(const struct tally_backup_list *list, size_t at, struct tally_arena *arena,
		       struct tally_backups *backups)
{
	const struct line *line = &list->lines[at];
	struct tally_backup *backup = &backups->list[backups->count++];

	*backup = (struct tally_backup){
		.directory = tally_arena_str(arena, tally_bytes_str(line->text)),
		.begin_ms = line->begin_ms, .end_ms = line->end_ms };
	for (size_t i = at + 1; i < list->count && !backup->holds; i++)
		backup->holds = list->lines[i].kind == LINE_ERASED &&
				holds(line, list->lines[i].end_ms);
}

int tally_core_backups(struct tally_core *core, struct tally_arena *arena,
		       struct tally_backups *backups_r, struct tally_err *err)
{
	struct tally_backup_list *list = core->backups;
	struct tally_lost_erasure *erased;
	size_t count = 0;

	pthread_mutex_lock(&list->lock);
	*backups_r = (struct tally_backups){
		.list = tally_arena_array(arena, struct tally_backup, list->count + 1) };
	erased = tally_arena_array(arena, struct tally_lost_erasure, list->count + 1);
	for (size_t i = 0; i < list->count; i++) {
		if (list->lines[i].kind == LINE_BACKUP)
			add_backup(list, i, arena, backups_r);
		else if (list->lines[i].kind == LINE_ERASED)
			erased[count++] = list->lines[i].erased;
	}
	pthread_mutex_unlock(&list->lock);
	backups_r->lost = erased;
	for (size_t i = 0; i < count; i++) {
		int lost = is_lost(core, &erased[i], err);

		if (lost < 0)
			return -1;
		if (lost == 1)
			erased[backups_r->lost_count++] = erased[i];
	}
	return 0;
}
