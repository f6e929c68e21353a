/*
 * The witness's memory; see cosigner.h.
 *
 * A log's file is text:
 *
 *	tallystick witnessed log 1
 *	origin <origin>
 *	key <verifier key>		one line for each key that is trusted; none: removed
 *	<empty line>
 *	<last cosigned checkpoint>	absent where none was
 *
 * It is replaced as a whole: written beside, synced, renamed, the directory synced. Who wants to
 * change it holds an exclusive flock on it, taken anew where it was replaced while he waited. Size
 * and root are those of the checkpoint, which our own cosignature in it vouches for.
 */
#include "config.h"

#include "cosigner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "log.h"
#include "secret.h"
#include "secret_file.h"
#include "witness.h"

#define FILE_MAX (TALLY_NOTE_MAX + 8192)
#define KEY_TEXT (2 * TALLY_ED25519_SEED + 1)	/* hex and a line end */
#define NAME_ROOM (TALLY_ORIGIN_HEX + 16)	/* a name in logs */

static const char witness_head[] = "tallystick witness 1\n";
static const char log_head[] = "tallystick witnessed log 1\n";

struct tally_cosigner {
	char *directory;
	int logs_fd;			/* of the directory logs */
	struct tally_vkey vkey;
	uint8_t *seed;			/* in locked memory */
};

/* A log as its file has it. The note borrows from text. */
struct log_state {
	struct tally_cosigned_log log;
	struct tally_bytes text;	/* the whole file, in an arena */
	struct tally_bytes note;	/* the last cosigned checkpoint; empty: none */
};

/* ---- files ---- */

static int file_errno(const struct tally_cosigner *cosigner, const char *name,
		      struct tally_err *err)
{
	return tally_err_errno(err, "%s/logs/%s", cosigner->directory, name);
}

static int damaged(const struct tally_cosigner *cosigner, const char *name, const char *why,
		   struct tally_err *err)
{
	return tally_err_set(err, TALLY_CORRUPT, "%s/logs/%s: %s", cosigner->directory, name, why);
}

/* 0, or -1 with errno. */
static int read_all(int fd, struct tally_buf *buf)
{
	ssize_t got;

	do {
		got = read(fd, tally_buf_reserve(buf, 16384), 16384);
		if (got > 0)
			buf->size += (size_t)got;
	} while ((got > 0 && buf->size <= FILE_MAX) || (got < 0 && errno == EINTR));
	return got < 0 ? -1 : 0;
}

static int write_all(int fd, struct tally_bytes bytes)
{
	while (bytes.size > 0) {
		ssize_t done = write(fd, bytes.data, bytes.size);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		bytes = tally_bytes(bytes.data + done, bytes.size - (size_t)done);
	}
	return 0;
}

/* A new file of these bytes at dir_fd, synced; an old one of that name is lost. */
static int write_new(int dir_fd, const char *name, struct tally_bytes bytes)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int result;

	if (fd < 0)
		return -1;
	result = write_all(fd, bytes) < 0 || fsync(fd) < 0 ? -1 : 0;
	if (close(fd) < 0)
		result = -1;
	return result;
}

/*
 * Replaces a log's file, by whoever has it locked; or makes it (fresh: where there is none, EXISTS
 * if there is), which several may try at the same time.
 */
static int place(struct tally_cosigner *cosigner, const char *hex, struct tally_bytes bytes,
		 bool fresh, struct tally_err *err)
{
	char aside[NAME_ROOM + 24];
	uint64_t random = 0;
	int result;

	if (fresh)
		tally_random(&random, sizeof(random));
	snprintf(aside, sizeof(aside), "%s.%llx.new", hex, (unsigned long long)random);
	result = write_new(cosigner->logs_fd, aside, bytes);
	if (result == 0 && fresh)
		result = linkat(cosigner->logs_fd, aside, cosigner->logs_fd, hex, 0);
	else if (result == 0)
		result = renameat(cosigner->logs_fd, aside, cosigner->logs_fd, hex);
	if (result == 0)
		result = fsync(cosigner->logs_fd);
	if (result < 0 && errno == EEXIST)
		tally_err_set(err, TALLY_EXISTS, "%s is there already", hex);
	else if (result < 0)
		file_errno(cosigner, hex, err);
	if (fresh || result < 0)
		unlinkat(cosigner->logs_fd, aside, 0);
	return result;
}

/* A descriptor of the log's file as it stands there now, locked where how is not LOCK_UN; -1 with
 * errno. Who waited for the lock while it was replaced looks again. */
static int open_log(struct tally_cosigner *cosigner, const char *hex, int how)
{
	for (;;) {
		struct stat opened, named;
		int fd = openat(cosigner->logs_fd, hex, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), locked;

		if (fd < 0 || how == LOCK_UN)
			return fd;
		do
			locked = flock(fd, how);
		while (locked < 0 && errno == EINTR);
		if (locked == 0 && fstat(fd, &opened) == 0 &&
		    fstatat(cosigner->logs_fd, hex, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
		    opened.st_ino == named.st_ino && opened.st_dev == named.st_dev)
			return fd;
		close(fd);
		if (locked < 0)
			return -1;
	}
}

/* ---- reading a log ---- */

static bool take_line(struct tally_bytes *rest, struct tally_bytes *line_r)
{
	const uint8_t *end = rest->size > 0 ? memchr(rest->data, '\n', rest->size) : NULL;

	if (end == NULL)
		return false;
	*line_r = tally_bytes(rest->data, (size_t)(end - rest->data));
	*rest = tally_bytes(end + 1, rest->size - line_r->size - 1);
	return true;
}

/* "word value" */
static bool is_value(struct tally_bytes line, const char *word, struct tally_bytes *value_r)
{
	size_t size = strlen(word);

	if (line.size <= size + 1 || memcmp(line.data, word, size) != 0 || line.data[size] != ' ')
		return false;
	*value_r = tally_bytes(line.data + size + 1, line.size - size - 1);
	return true;
}

static bool parse_head(struct tally_bytes *rest, struct tally_cosigned_log *log)
{
	size_t size = sizeof(log_head) - 1;
	struct tally_bytes line, value;

	if (rest->size < size || memcmp(rest->data, log_head, size) != 0)
		return false;
	*rest = tally_bytes(rest->data + size, rest->size - size);
	if (!take_line(rest, &line) || !is_value(line, "origin", &value) ||
	    value.size > TALLY_KEY_NAME_MAX)
		return false;
	memcpy(log->origin, value.data, value.size);
	log->origin[value.size] = '\0';
	for (;;) {
		if (!take_line(rest, &line))
			return false;
		if (line.size == 0)
			return true;
		if (log->key_count == TALLY_COSIGNER_KEYS || !is_value(line, "key", &value) ||
		    !tally_vkey_parse(value, &log->keys[log->key_count++]))
			return false;
	}
}

/* The checkpoint is what we cosigned: nobody else can have put it there. */
static bool parse_note(struct tally_cosigner *cosigner, struct log_state *state)
{
	struct tally_checkpoint checkpoint;
	struct tally_note note;

	if (state->note.size == 0)
		return true;
	if (!tally_note_parse(state->note, &note) ||
	    !tally_checkpoint_parse(note.text, &checkpoint) ||
	    !tally_bytes_is(checkpoint.origin, state->log.origin) ||
	    tally_note_verify(&note, &cosigner->vkey, 1, NULL, &state->log.time) != 1)
		return false;
	state->log.cosigned = true;
	state->log.size = checkpoint.size;
	state->log.root = checkpoint.root;
	return true;
}

static int read_state(struct tally_cosigner *cosigner, const char *hex, int fd,
		      struct tally_arena *arena, struct log_state *state_r, struct tally_err *err)
{
	struct tally_buf buf = { 0 };
	char own_hex[TALLY_ORIGIN_HEX], conflict[NAME_ROOM];

	memset(state_r, 0, sizeof(*state_r));
	if (read_all(fd, &buf) < 0) {
		tally_buf_free(&buf);
		return file_errno(cosigner, hex, err);
	}
	state_r->text = tally_arena_bytes(arena, tally_buf_bytes(&buf));
	tally_buf_free(&buf);
	state_r->note = state_r->text;
	if (state_r->text.size > FILE_MAX || !parse_head(&state_r->note, &state_r->log))
		return damaged(cosigner, hex, "it is no file of a log", err);
	tally_origin_hex(tally_bytes_str(state_r->log.origin), own_hex);
	if (strcmp(own_hex, hex) != 0)
		return damaged(cosigner, hex, "it is of another log", err);
	if (!parse_note(cosigner, state_r))
		return damaged(cosigner, hex, "its checkpoint is not one that was cosigned here", err);
	snprintf(conflict, sizeof(conflict), "%s.conflict", hex);
	state_r->log.conflict = faccessat(cosigner->logs_fd, conflict, F_OK, 0) == 0;
	return 0;
}

/* 1 read (fd_r: still open, locked as asked), 0 there is no such log. */
static int find_log(struct tally_cosigner *cosigner, const char *hex, int how,
		    struct tally_arena *arena, struct log_state *state_r, int *fd_r,
		    struct tally_err *err)
{
	*fd_r = open_log(cosigner, hex, how);
	if (*fd_r < 0)
		return errno == ENOENT ? 0 : file_errno(cosigner, hex, err);
	if (read_state(cosigner, hex, *fd_r, arena, state_r, err) == 0)
		return 1;
	close(*fd_r);
	return -1;
}

/* ---- writing a log ---- */

static void print_log(const struct tally_cosigned_log *log, struct tally_bytes note,
		      struct tally_buf *buf)
{
	char text[TALLY_VKEY_TEXT];

	tally_buf_printf(buf, "%sorigin %s\n", log_head, log->origin);
	for (size_t i = 0; i < log->key_count; i++) {
		tally_vkey_format(&log->keys[i], text);
		tally_buf_printf(buf, "key %s\n", text);
	}
	tally_buf_add_u8(buf, '\n');
	tally_buf_add_bytes(buf, note);
}

static int put_log(struct tally_cosigner *cosigner, const char *hex,
		   const struct tally_cosigned_log *log, struct tally_bytes note, bool fresh,
		   struct tally_err *err)
{
	struct tally_buf buf = { 0 };
	int result;

	print_log(log, note, &buf);
	result = place(cosigner, hex, tally_buf_bytes(&buf), fresh, err);
	tally_buf_free(&buf);
	return result;
}

/* ---- logs that are cosigned ---- */

static int add_key(struct tally_cosigned_log *log, const struct tally_vkey *key,
		   struct tally_err *err)
{
	for (size_t i = 0; i < log->key_count; i++)
		if (memcmp(&log->keys[i], key, sizeof(*key)) == 0)
			return tally_err_set(err, TALLY_EXISTS, "%s is cosigned with this key already",
					     log->origin);
	if (log->key_count == TALLY_COSIGNER_KEYS)
		return tally_err_set(err, TALLY_INVALID, "%s has %d keys already; remove it first",
				     log->origin, TALLY_COSIGNER_KEYS);
	log->keys[log->key_count++] = *key;
	return 0;
}

/* One attempt; EXISTS where another process was first to make the file. */
static int add_once(struct tally_cosigner *cosigner, const char *hex, struct tally_bytes origin,
		    const struct tally_vkey *key, struct tally_arena *arena, bool *made_r,
		    struct tally_err *err)
{
	struct log_state state = { 0 };
	int fd, result, found = find_log(cosigner, hex, LOCK_EX, arena, &state, &fd, err);

	*made_r = found == 0;
	if (found < 0)
		return -1;
	if (found == 0)
		memcpy(state.log.origin, origin.data, origin.size);
	result = add_key(&state.log, key, err);
	if (result == 0)
		result = put_log(cosigner, hex, &state.log, state.note, found == 0, err);
	if (found == 1)
		close(fd);
	return result;
}

int tally_cosigner_add_log(struct tally_cosigner *cosigner, struct tally_bytes origin,
			   const struct tally_vkey *key, struct tally_err *err)
{
	struct tally_arena arena = { 0 };
	char hex[TALLY_ORIGIN_HEX];
	bool made;
	int result;

	if (!tally_key_name_valid(origin))
		return tally_err_set(err, TALLY_INVALID, "an origin is a name without spaces and '+'");
	if (key->type != NOTE_ED25519)
		return tally_err_set(err, TALLY_INVALID, "the key is a witness's, not a log's");
	tally_origin_hex(origin, hex);
	do
		result = add_once(cosigner, hex, origin, key, &arena, &made, err);
	while (result != 0 && made && err->code == TALLY_EXISTS);
	tally_arena_free(&arena);
	return result;
}

int tally_cosigner_remove_log(struct tally_cosigner *cosigner, struct tally_bytes origin,
			      struct tally_err *err)
{
	struct tally_arena arena = { 0 };
	char hex[TALLY_ORIGIN_HEX];
	struct log_state state;
	int fd, found;

	tally_origin_hex(origin, hex);
	found = find_log(cosigner, hex, LOCK_EX, &arena, &state, &fd, err);
	if (found == 1 && state.log.key_count > 0) {
		state.log.key_count = 0;
		found = put_log(cosigner, hex, &state.log, state.note, false, err);
		close(fd);
	} else if (found >= 0) {
		if (found == 1)
			close(fd);
		found = tally_err_set(err, TALLY_NOTFOUND, "no such log is cosigned: %.*s",
				      origin.size > 200 ? 200 : (int)origin.size,
				      (const char *)origin.data);
	}
	tally_arena_free(&arena);
	return found;
}

static bool is_hex(const char *name)
{
	return strlen(name) == TALLY_ORIGIN_HEX - 1 &&
	       strspn(name, "0123456789abcdef") == TALLY_ORIGIN_HEX - 1;
}

int tally_cosigner_each(struct tally_cosigner *cosigner, tally_cosigner_each_log *each, void *ctx,
			struct tally_err *err)
{
	int fd = openat(cosigner->logs_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), log_fd;
	DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
	struct tally_arena arena = { 0 };
	struct log_state state;
	struct dirent *entry;
	int found = 0;

	if (list == NULL) {
		file_errno(cosigner, ".", err);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (found >= 0 && (entry = readdir(list)) != NULL) {
		if (!is_hex(entry->d_name))
			continue;
		found = find_log(cosigner, entry->d_name, LOCK_UN, &arena, &state, &log_fd, err);
		if (found == 1) {
			close(log_fd);
			each(ctx, &state.log);
		}
		tally_arena_reset(&arena);
	}
	closedir(list);
	tally_arena_free(&arena);
	return found < 0 ? -1 : 0;
}

/* ---- cosigning ---- */

static void answer(struct tally_cosigner_answer *answer_r, struct tally_arena *arena, int status,
		   const char *text)
{
	*answer_r = (struct tally_cosigner_answer){
		.status = status,
		.type = "text/plain; charset=utf-8",
		.body = tally_bytes_str(tally_arena_printf(arena, "%s\n", text)),
	};
}

static void answer_size(struct tally_cosigner_answer *answer_r, struct tally_arena *arena,
			uint64_t size)
{
	*answer_r = (struct tally_cosigner_answer){
		.status = 409,
		.type = "text/x.tlog.size",
		.body = tally_bytes_str(tally_arena_printf(arena, "%llu\n",
							   (unsigned long long)size)),
	};
}

static void answer_failure(struct tally_cosigner_answer *answer_r, struct tally_arena *arena,
			   const struct tally_err *err)
{
	tally_log(TALLY_LOG_ERROR, "witness.failed", "error", err->text, NULL);
	answer(answer_r, arena, err->code == TALLY_FULL ? 507 : 500,
	       "the witness cannot store it");
}

/* The first of the log that convicts it is kept. */
static void keep_conflict(struct tally_cosigner *cosigner, const char *hex,
			  const struct tally_witness_request *request, const char *origin)
{
	char name[NAME_ROOM];
	struct tally_err err;

	snprintf(name, sizeof(name), "%s.conflict", hex);
	if (place(cosigner, name, request->signed_note, true, &err) != 0 &&
	    err.code != TALLY_EXISTS)
		tally_log(TALLY_LOG_ERROR, "witness.failed", "error", err.text, NULL);
	tally_log(TALLY_LOG_ERROR, "witness.conflict", "origin", origin, "why",
		  "the log signed two trees of one size", "kept", name, NULL);
}

/* The checkpoint with the lines of trusted keys, which were verified, and then ours. */
static void compose(const struct tally_witness_request *request,
		    const struct tally_cosigned_log *log, const char *line, struct tally_buf *buf)
{
	const struct tally_note *note = &request->note;

	tally_buf_add_bytes(buf, note->text);
	tally_buf_add_u8(buf, '\n');
	for (size_t i = 0; i < note->signature_count; i++) {
		const struct tally_note_signature *signature = &note->signatures[i];
		bool trusted = false;

		for (size_t k = 0; k < log->key_count && !trusted; k++)
			trusted = signature->id == log->keys[k].id &&
				  tally_bytes_is(signature->name, log->keys[k].name);
		if (trusted)
			tally_buf_add_bytes(buf, signature->line);
	}
	tally_buf_add_str(buf, line);
}

/* The line that was given before for the same text in the same second is given again. */
static bool same_line(const struct tally_cosigner *cosigner, const struct log_state *state,
		      const struct tally_witness_request *request, uint64_t now,
		      struct tally_arena *arena, struct tally_cosigner_answer *answer_r)
{
	struct tally_note note;

	if (!state->log.cosigned || state->log.time != now || !tally_note_parse(state->note, &note) ||
	    !tally_bytes_equal(note.text, request->note.text))
		return false;
	for (size_t i = 0; i < note.signature_count; i++) {
		if (note.signatures[i].id != cosigner->vkey.id ||
		    !tally_bytes_is(note.signatures[i].name, cosigner->vkey.name))
			continue;
		answer(answer_r, arena, 200, "");
		answer_r->body = tally_arena_bytes(arena, note.signatures[i].line);
		return true;
	}
	return false;
}

/* Stored first, then said. Time does not go back, whatever the clock does. */
static void cosign(struct tally_cosigner *cosigner, const char *hex, struct log_state *state,
		   const struct tally_witness_request *request, uint64_t now,
		   struct tally_arena *arena, struct tally_cosigner_answer *answer_r)
{
	char line[TALLY_NOTE_LINE], size[24];
	struct tally_buf note = { 0 };
	struct tally_err err;

	if (now < state->log.time)
		now = state->log.time;
	if (same_line(cosigner, state, request, now, arena, answer_r))
		return;
	tally_note_cosign(&cosigner->vkey, cosigner->seed, request->note.text, now, line);
	compose(request, &state->log, line, &note);
	if (put_log(cosigner, hex, &state->log, tally_buf_bytes(&note), false, &err) != 0) {
		answer_failure(answer_r, arena, &err);
	} else {
		answer(answer_r, arena, 200, "");
		answer_r->body = tally_arena_bytes(arena, tally_bytes_str(line));
		snprintf(size, sizeof(size), "%llu", (unsigned long long)request->checkpoint.size);
		tally_log(TALLY_LOG_DEBUG, "witness.cosigned", "origin", state->log.origin, "size",
			  size, NULL);
	}
	tally_buf_free(&note);
}

/* With the log's file locked. */
static void decide(struct tally_cosigner *cosigner, const char *hex, struct log_state *state,
		   const struct tally_witness_request *request, uint64_t now,
		   struct tally_arena *arena, struct tally_cosigner_answer *answer_r)
{
	struct tally_witnessed held = { state->log.size, state->log.root };
	const char *why;
	int status = tally_witness_judge(request, state->log.keys, state->log.key_count, &held,
					 &why);

	if (status == 422 && tally_witness_conflict(request, &held))
		keep_conflict(cosigner, hex, request, state->log.origin);
	if (status == 200)
		cosign(cosigner, hex, state, request, now, arena, answer_r);
	else if (status == 409)
		answer_size(answer_r, arena, held.size);
	else
		answer(answer_r, arena, status, why);
}

void tally_cosigner_add_checkpoint(struct tally_cosigner *cosigner, struct tally_bytes body,
				   uint64_t now, struct tally_arena *arena,
				   struct tally_cosigner_answer *answer_r)
{
	struct tally_witness_request *request =
		tally_arena_new(arena, struct tally_witness_request);
	struct log_state *state = tally_arena_new(arena, struct log_state);
	char hex[TALLY_ORIGIN_HEX];
	struct tally_err err;
	int fd, found;

	if (!tally_witness_parse(body, request)) {
		answer(answer_r, arena, 400, "this is no add-checkpoint request");
		return;
	}
	tally_origin_hex(request->checkpoint.origin, hex);
	found = find_log(cosigner, hex, LOCK_EX, arena, state, &fd, &err);
	if (found < 0)
		answer_failure(answer_r, arena, &err);
	else	/* of an unknown log there are no keys */
		decide(cosigner, hex, state, request, now, arena, answer_r);
	if (found == 1)
		close(fd);
}

int tally_cosigner_last(struct tally_cosigner *cosigner, struct tally_bytes hex,
			struct tally_arena *arena, struct tally_bytes *note_r,
			struct tally_err *err)
{
	const char *name = tally_arena_str(arena, hex);
	struct log_state state;
	int fd, found;

	if (!is_hex(name))
		return 0;
	found = find_log(cosigner, name, LOCK_UN, arena, &state, &fd, err);
	if (found != 1)
		return found;
	close(fd);
	*note_r = state.note;
	return state.log.cosigned;
}

/* ---- making and opening a witness ---- */

static int in_directory(const char *directory, const char *name, char *path, size_t room,
			struct tally_err *err)
{
	if ((size_t)snprintf(path, room, "%s/%s", directory, name) >= room)
		return tally_err_set(err, TALLY_INVALID, "%.200s...: the path is too long", directory);
	return 0;
}

static int make_directory(const char *path, struct tally_err *err)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return 0;
	return tally_err_errno(err, "%s", path);
}

/* A new seed. One that is there already is used where it is of no witness yet: an init that was cut
 * off may be run again. */
static int make_key(const char *directory, const char *path, struct tally_err *err)
{
	uint8_t *seed = tally_secret_alloc(TALLY_ED25519_SEED);
	char *text = tally_secret_alloc(KEY_TEXT + 1), witness[4096];
	int result;

	tally_random(seed, TALLY_ED25519_SEED);
	tally_hex_encode(seed, TALLY_ED25519_SEED, text);
	text[KEY_TEXT - 1] = '\n';
	result = tally_secret_file_create(path, "witness key", tally_bytes(text, KEY_TEXT), err);
	tally_secret_free(seed);
	tally_secret_free(text);
	if (result != 0 && err->code == TALLY_EXISTS)
		result = in_directory(directory, "witness", witness, sizeof(witness), err) != 0 ||
					 access(witness, F_OK) == 0 ?
				 -1 :
				 0;
	return result;
}

static int read_seed(const char *path, uint8_t *seed, struct tally_err *err)
{
	char *text = tally_secret_alloc(KEY_TEXT + 1);
	size_t size;
	int result = tally_secret_file_read(path, "witness key", text, KEY_TEXT + 1, &size, err);

	if (result == 0 && size == KEY_TEXT && text[size - 1] == '\n')
		size--;
	if (result == 0 && !tally_hex_decode(tally_bytes(text, size), seed, TALLY_ED25519_SEED))
		result = tally_err_set(err, TALLY_CORRUPT, "witness key %s: not one line of 64 hex "
				       "digits", path);
	tally_secret_free(text);
	return result;
}

static int make_vkey(const char *path, const char *name, struct tally_vkey *vkey_r,
		     struct tally_err *err)
{
	uint8_t *seed = tally_secret_alloc(TALLY_ED25519_SEED), public[TALLY_ED25519_PUBLIC];
	int result = read_seed(path, seed, err);

	if (result == 0) {
		tally_ed25519_public(seed, public);
		tally_vkey_make(vkey_r, tally_bytes_str(name), NOTE_COSIGNATURE, public);
	}
	tally_secret_free(seed);
	return result;
}

static int write_witness(const char *directory, const struct tally_vkey *vkey,
			 struct tally_err *err)
{
	char text[TALLY_VKEY_TEXT], whole[sizeof(witness_head) + TALLY_VKEY_TEXT + 1];
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = -1;

	tally_vkey_format(vkey, text);
	snprintf(whole, sizeof(whole), "%s%s\n", witness_head, text);
	if (fd >= 0 && write_new(fd, "witness.new", tally_bytes_str(whole)) == 0 &&
	    renameat(fd, "witness.new", fd, "witness") == 0 && fsync(fd) == 0)
		result = 0;
	if (result != 0)
		tally_err_errno(err, "%s/witness", directory);
	if (fd >= 0)
		close(fd);
	return result;
}

int tally_cosigner_init(const char *directory, const char *name, struct tally_err *err)
{
	char key[4096], logs[4096];
	struct tally_vkey vkey;

	if (!tally_key_name_valid(tally_bytes_str(name)))
		return tally_err_set(err, TALLY_INVALID, "the name of a witness has 1 to %d bytes, no "
				     "spaces and no '+'", TALLY_KEY_NAME_MAX);
	if (in_directory(directory, "key", key, sizeof(key), err) != 0 ||
	    in_directory(directory, "logs", logs, sizeof(logs), err) != 0 ||
	    make_directory(directory, err) != 0 || make_directory(logs, err) != 0)
		return -1;
	if (make_key(directory, key, err) != 0 || make_vkey(key, name, &vkey, err) != 0)
		return -1;
	return write_witness(directory, &vkey, err);
}

static int read_witness(struct tally_cosigner *cosigner, struct tally_err *err)
{
	size_t head = sizeof(witness_head) - 1;
	struct tally_buf buf = { 0 };
	char path[4096];
	int fd, result = -1;

	if (in_directory(cosigner->directory, "witness", path, sizeof(path), err) != 0)
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return tally_err_set(err, TALLY_NOTFOUND, "there is no witness in %s",
				     cosigner->directory);
	if (fd < 0 || read_all(fd, &buf) < 0)
		tally_err_errno(err, "%s", path);
	else if (buf.size <= head + 1 || memcmp(buf.data, witness_head, head) != 0 ||
		 buf.data[buf.size - 1] != '\n' ||
		 !tally_vkey_parse(tally_bytes(buf.data + head, buf.size - head - 1),
				   &cosigner->vkey) ||
		 cosigner->vkey.type != NOTE_COSIGNATURE)
		tally_err_set(err, TALLY_CORRUPT, "%s: it is no file of a witness", path);
	else
		result = 0;
	if (fd >= 0)
		close(fd);
	tally_buf_free(&buf);
	return result;
}

static int read_key(struct tally_cosigner *cosigner, struct tally_err *err)
{
	uint8_t public[TALLY_ED25519_PUBLIC];
	char path[4096];

	cosigner->seed = tally_secret_alloc(TALLY_ED25519_SEED);
	if (in_directory(cosigner->directory, "key", path, sizeof(path), err) != 0 ||
	    read_seed(path, cosigner->seed, err) != 0)
		return -1;
	tally_ed25519_public(cosigner->seed, public);
	if (memcmp(public, cosigner->vkey.public, sizeof(public)) != 0)
		return tally_err_set(err, TALLY_CORRUPT, "witness key %s: it is not the key of %s", path,
				     cosigner->vkey.name);
	return 0;
}

static int open_logs(struct tally_cosigner *cosigner, struct tally_err *err)
{
	char path[4096];

	if (in_directory(cosigner->directory, "logs", path, sizeof(path), err) != 0)
		return -1;
	cosigner->logs_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return cosigner->logs_fd >= 0 ? 0 : tally_err_errno(err, "%s", path);
}

int tally_cosigner_open(const char *directory, struct tally_cosigner **cosigner_r,
			struct tally_err *err)
{
	struct tally_cosigner *cosigner = tally_calloc(1, sizeof(*cosigner));

	cosigner->logs_fd = -1;
	cosigner->directory = tally_strdup(directory);
	if (read_witness(cosigner, err) != 0 || read_key(cosigner, err) != 0 ||
	    open_logs(cosigner, err) != 0) {
		tally_cosigner_close(&cosigner);
		return -1;
	}
	*cosigner_r = cosigner;
	return 0;
}

void tally_cosigner_close(struct tally_cosigner **cosigner_p)
{
	struct tally_cosigner *cosigner = *cosigner_p;

	if (cosigner == NULL)
		return;
	*cosigner_p = NULL;
	if (cosigner->logs_fd >= 0)
		close(cosigner->logs_fd);
	tally_secret_free(cosigner->seed);
	free(cosigner->directory);
	free(cosigner);
}

const struct tally_vkey *tally_cosigner_vkey(const struct tally_cosigner *cosigner)
{
	return &cosigner->vkey;
}
