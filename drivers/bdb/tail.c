/*
 * What must be known before recovery may touch anything: is this a store of our format, is the log
 * whole as far as it was, and what hangs behind its end?
 *
 * The engine takes the first record it cannot read for the end of the log. After a crash that is
 * right: what was being written then was not acknowledged. But it is wrong for a log that rotted
 * afterwards, where it would forget blocks without a word. So two things are remembered:
 *  - DIR/checkpoint: an end up to which the log was durable, and a checksum of the last log file
 *    up to there; written at each checkpoint and each clean close.
 *  - in the log, before each append, a line that says how far it was durable already. Such a line
 *    behind the end found proves that there is damage in between. The line carries the store's
 *    secret, so that no payload can imitate it.
 * If all is well, the torn tail is cut off: no later log record may run into what is left of it.
 */
#include "bdb.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "hash.h"

#define FORMAT_LINE "tallystick bdb store, format "
#define FORMAT_SIZE 256			/* more than a format file has */
#define NOTE_SIZE 64			/* of DIR/checkpoint: less than a sector, written at once */
#define LOG_NAME "log.%010" PRIu32

static char *path_in(const char *dir, const char *name)
{
	char *path = tally_malloc(strlen(dir) + strlen(name) + 2);

	sprintf(path, "%s/%s", dir, name);
	return path;
}

int bdb_sync_dir(const char *dir, struct tally_err *err)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret;

	if (fd < 0)
		return tally_err_errno(err, "open %s", dir);
	ret = fsync(fd) == 0 ? 0 : tally_err_errno(err, "sync %s", dir);
	close(fd);
	return ret;
}

/* ---- the format file ---- */

static int write_all(int fd, const void *data, size_t size, off_t offset)
{
	const uint8_t *at = data;
	ssize_t n;

	for (; size > 0; at += n, offset += n, size -= (size_t)n) {
		n = pwrite(fd, at, size, offset);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			return -1;
	}
	return 0;
}

static int write_file(const char *path, const char *text, struct tally_err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int ret = 0;

	if (fd < 0)
		return tally_err_errno(err, "create %s", path);
	if (write_all(fd, text, strlen(text), 0) < 0 || fsync(fd) != 0)
		ret = tally_err_errno(err, "write %s", path);
	close(fd);
	return ret;
}

/* The names in the store's directory, and its own. */
int bdb_sync_names(const char *dir, struct tally_err *err)
{
	char *parent = path_in(dir, "..");
	int ret = bdb_sync_dir(dir, err);

	if (ret == 0)
		ret = bdb_sync_dir(parent, err);
	free(parent);
	return ret;
}

/* The file's text; from format 2 on with a checksum, so that a turned digit is not believed. */
static void format_encode(const struct bdb_store *bdb, char text[FORMAT_SIZE])
{
	char hex[2 * BDB_SECRET + 1];
	size_t size;

	tally_hex_encode(bdb->secret, BDB_SECRET, hex);
	size = (size_t)snprintf(text, FORMAT_SIZE, FORMAT_LINE "%" PRIu32 "\nsecret %s\n", bdb->format,
				hex);
	if (bdb->format > 1)
		snprintf(text + size, FORMAT_SIZE - size, "check %08" PRIx32 "\n",
			 tally_crc32c(0, text, size));
}

int bdb_format_write(const struct bdb_store *bdb, struct tally_err *err)
{
	char *path = path_in(bdb->dir, "format"), *fresh = path_in(bdb->dir, "format.new");
	char text[FORMAT_SIZE];
	int ret;

	format_encode(bdb, text);
	ret = write_file(fresh, text, err);
	if (ret == 0 && rename(fresh, path) != 0)
		ret = tally_err_errno(err, "rename %s", fresh);
	if (ret == 0)
		ret = bdb_sync_names(bdb->dir, err);
	free(fresh);
	free(path);
	return ret;
}

static void set_format(struct bdb_store *bdb, uint32_t format)
{
	bdb->format = format;
	bdb->part = BDB_PART(format == 1 ? 64 : 8);
}

int bdb_format_new(struct bdb_store *bdb, struct tally_err *err)
{
	if (getrandom(bdb->secret, BDB_SECRET, 0) != BDB_SECRET)
		return tally_err_errno(err, "random bytes");
	set_format(bdb, BDB_FORMAT);
	return 0;
}

void bdb_format_copy(struct bdb_store *bdb, const struct bdb_store *from)
{
	memcpy(bdb->secret, from->secret, BDB_SECRET);
	set_format(bdb, from->format);
}

static int err_format(const struct bdb_store *bdb, struct tally_err *err)
{
	return tally_err_set(err, TALLY_CORRUPT, "%s/format is damaged", bdb->dir);
}

static int format_parse(struct bdb_store *bdb, const char *text, size_t size,
			struct tally_err *err)
{
	const size_t line = sizeof(FORMAT_LINE) - 1, secret = sizeof("secret ") - 1;
	const char *end = memchr(text, '\n', size);
	char again[FORMAT_SIZE];
	uint64_t version;

	if (size < line || memcmp(text, FORMAT_LINE, line) != 0 || end == NULL ||
	    !tally_parse_u64(tally_bytes(text + line, (size_t)(end - text) - line), UINT32_MAX,
			     &version))
		return err_format(bdb, err);
	if (version < 1 || version > BDB_FORMAT)
		return tally_err_set(err, TALLY_UNSUPPORTED,
				     "%s has format %" PRIu64 ", this program knows formats 1 to %d",
				     bdb->dir, version, BDB_FORMAT);
	end++;
	if (size - (size_t)(end - text) < secret + 2 * BDB_SECRET ||
	    !tally_hex_decode(tally_bytes(end + secret, 2 * BDB_SECRET), bdb->secret, BDB_SECRET))
		return err_format(bdb, err);
	set_format(bdb, (uint32_t)version);
	format_encode(bdb, again);
	return size == strlen(again) && memcmp(text, again, size) == 0 ? 1 : err_format(bdb, err);
}

int bdb_format_read(struct bdb_store *bdb, struct tally_err *err)
{
	char *path = path_in(bdb->dir, "format"), text[FORMAT_SIZE];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size;
	int ret;

	if (fd < 0) {
		ret = errno == ENOENT || errno == ENOTDIR ? 0 : tally_err_errno(err, "open %s", path);
	} else {
		size = pread(fd, text, sizeof(text), 0);
		ret = size < 0 ? tally_err_errno(err, "read %s", path)
			       : format_parse(bdb, text, (size_t)size, err);
		close(fd);
	}
	free(path);
	return ret;
}

/* ---- the log while it is open ---- */

int bdb_log_state(struct bdb_store *bdb, struct bdb_log_state *state_r)
{
	DB_LOG_STAT *stat;
	int ret = bdb->env->log_stat(bdb->env, &stat, 0);

	if (ret != 0)
		return ret;
	state_r->file = stat->st_cur_file;
	state_r->offset = stat->st_cur_offset;
	state_r->disk_file = stat->st_disk_file;
	state_r->disk_offset = stat->st_disk_offset;
	state_r->since_checkpoint = ((uint64_t)stat->st_wc_mbytes << 20) + stat->st_wc_bytes;
	state_r->syncs = stat->st_scount;
	free(stat);
	return 0;
}

#define MARK_TEXT "tally-durable "

int bdb_tail_mark(struct bdb_store *bdb)
{
	char hex[2 * BDB_SECRET + 1];
	struct bdb_log_state log;
	int ret = bdb_log_state(bdb, &log);

	if (ret != 0)
		return ret;
	tally_hex_encode(bdb->secret, BDB_SECRET, hex);
	return bdb->env->log_printf(bdb->env, NULL, MARK_TEXT "%s %010u %010u", hex, log.disk_file,
				    log.disk_offset);
}

/* ---- reading log files as bytes ---- */

static int open_log(const struct bdb_store *bdb, uint32_t file, int flags)
{
	char *path = tally_malloc(strlen(bdb->env_dir) + 32);
	int fd;

	sprintf(path, "%s/" LOG_NAME, bdb->env_dir, file);
	fd = open(path, flags | O_CLOEXEC);
	free(path);
	return fd;
}

/* Up to size bytes at offset, all that there are; -1 on failure. */
static ssize_t read_full(int fd, uint8_t *data, size_t size, off_t offset)
{
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		n = pread(fd, data + done, size - done, offset + (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* Checksum of the first size bytes of a log file; -1: it has not that many, or cannot be read. */
static int log_crc(const struct bdb_store *bdb, uint32_t file, uint32_t size, uint32_t *crc_r)
{
	int fd = open_log(bdb, file, O_RDONLY);
	uint8_t *room;
	uint32_t at = 0;
	ssize_t n = 1;

	if (fd < 0)
		return -1;
	room = tally_malloc(1u << 18);
	*crc_r = 0;
	for (; at < size && n > 0; at += (uint32_t)n) {
		n = read_full(fd, room, size - at < 1u << 18 ? size - at : 1u << 18, at);
		if (n > 0)
			*crc_r = tally_crc32c(*crc_r, room, (size_t)n);
		else
			break;
	}
	free(room);
	close(fd);
	return at == size ? 0 : -1;
}

/* The whole file from offset on; NULL if it cannot be read. */
static uint8_t *log_rest(const struct bdb_store *bdb, uint32_t file, uint32_t offset,
			 size_t *size_r)
{
	int fd = open_log(bdb, file, O_RDONLY);
	struct stat st;
	uint8_t *data;
	ssize_t n;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) != 0 || st.st_size <= (off_t)offset)
		st.st_size = offset;
	*size_r = (size_t)st.st_size - offset;
	data = tally_malloc(*size_r + 1);
	n = read_full(fd, data, *size_r, offset);
	close(fd);
	if (n < 0) {
		free(data);
		return NULL;
	}
	*size_r = (size_t)n;
	return data;
}

/* ---- DIR/checkpoint ---- */

struct note {
	uint32_t file, offset, crc;
};

static void note_encode(const struct note *note, char text[NOTE_SIZE + 1])
{
	int length = snprintf(text, NOTE_SIZE + 1, "log %010u end %010u crc32c %08x check",
			      note->file, note->offset, note->crc);
	size_t size = (size_t)length;

	snprintf(text + size, NOTE_SIZE + 1 - size, " %08x\n", tally_crc32c(0, text, size));
}

/* 1: read, 0: there is none that can be believed. */
static int note_read(const struct bdb_store *bdb, struct note *note_r)
{
	char *path = path_in(bdb->dir, "checkpoint");
	char text[NOTE_SIZE + 1] = "", again[NOTE_SIZE + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool whole = false;

	if (fd < 0 && errno == ENOENT) {	/* as in a fresh backup */
		free(path);
		return 0;
	}
	if (fd >= 0) {
		whole = read_full(fd, (uint8_t *)text, NOTE_SIZE, 0) > 0 &&
			sscanf(text, "log %" SCNu32 " end %" SCNu32 " crc32c %" SCNx32,
			       &note_r->file, &note_r->offset, &note_r->crc) == 3;
		close(fd);
	}
	if (whole) {
		note_encode(note_r, again);
		whole = strcmp(text, again) == 0;
	}
	if (!whole)
		tally_log(TALLY_LOG_WARN, "bdb.checkpoint.unread", "path", path, NULL);
	free(path);
	return whole;
}

static int note_write(const struct bdb_store *bdb, const struct note *note,
		      struct tally_err *err)
{
	char *path = path_in(bdb->dir, "checkpoint"), text[NOTE_SIZE + 1];
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;
	bool fresh = fd < 0 && errno == ENOENT;

	if (fresh)
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		ret = tally_err_errno(err, "open %s", path);
	note_encode(note, text);
	if (ret == 0 && (write_all(fd, text, strlen(text), 0) < 0 || fdatasync(fd) != 0))
		ret = tally_err_errno(err, "write %s", path);
	if (fd >= 0)
		close(fd);
	free(path);
	return ret == 0 && fresh ? bdb_sync_dir(bdb->dir, err) : ret;
}

int bdb_tail_remember(struct bdb_store *bdb, struct bdb_log_end *end_r, struct tally_err *err)
{
	struct bdb_log_state log;
	struct note note;
	int ret;

	if ((ret = bdb_log_state(bdb, &log)) != 0 ||
	    (ret = bdb->env->log_flush(bdb->env, NULL)) != 0) {
		bdb_set_failed(bdb, "flushing the log", ret);
		return bdb_fail(bdb, ret, err, "flushing the log of %s", bdb->dir);
	}
	note = (struct note){ .file = log.file, .offset = log.offset };
	if (log_crc(bdb, log.file, log.offset, &note.crc) < 0)
		return tally_err_set(err, TALLY_IO, "%s: " LOG_NAME " cannot be read back",
				     bdb->env_dir, log.file);
	if (end_r != NULL)
		*end_r = (struct bdb_log_end){ log.file, log.offset };
	return note_write(bdb, &note, err);
}

/* Neither is needed for the store to be right, so failures do not matter. */
void bdb_tail_cut(struct bdb_store *bdb, const struct bdb_log_end *end)
{
	int fd = open_log(bdb, end->file, O_WRONLY);

	if (fd < 0)
		return;
	if (ftruncate(fd, end->offset) != 0)
		tally_log(TALLY_LOG_DEBUG, "bdb.tail.uncut", "path", bdb->env_dir, NULL);
	close(fd);
}

void bdb_tail_extend(struct bdb_store *bdb)
{
	struct bdb_log_state log;
	struct stat st;
	int fd;

	if (bdb_log_state(bdb, &log) != 0 || (fd = open_log(bdb, log.file, O_WRONLY)) < 0)
		return;
	if (fstat(fd, &st) == 0 && st.st_size < (off_t)bdb->set.log_file - 1 &&
	    ftruncate(fd, (off_t)bdb->set.log_file - 1) != 0)
		tally_log(TALLY_LOG_DEBUG, "bdb.tail.unextended", "path", bdb->env_dir, NULL);
	close(fd);
}

/* ---- before recovery ---- */

static bool log_number(const char *name, uint32_t *file_r)
{
	uint64_t number = 0;

	if (strncmp(name, "log.", 4) != 0 || strlen(name) != 14)
		return false;
	for (const char *at = name + 4; *at != '\0'; at++) {
		if (*at < '0' || *at > '9')
			return false;
		number = 10 * number + (uint64_t)(*at - '0');
	}
	*file_r = (uint32_t)number;
	return number <= UINT32_MAX;
}

static int newest_log(const struct bdb_store *bdb, uint32_t *file_r, struct tally_err *err)
{
	DIR *dir = opendir(bdb->env_dir);
	struct dirent *entry;
	uint32_t file;

	if (dir == NULL)
		return tally_err_errno(err, "open %s", bdb->env_dir);
	*file_r = 0;
	while ((entry = readdir(dir)) != NULL) {
		if (log_number(entry->d_name, &file) && file > *file_r)
			*file_r = file;
	}
	closedir(dir);
	if (*file_r > 0)
		return 0;
	return tally_err_set(err, TALLY_CORRUPT, "%s has no log file", bdb->env_dir);
}

/* What a process that was killed had written may not have reached the medium yet. */
int bdb_sync_files(const struct bdb_store *bdb, struct tally_err *err)
{
	DIR *dir = opendir(bdb->env_dir);
	struct dirent *entry;
	int ret = 0, fd;

	if (dir == NULL)
		return tally_err_errno(err, "open %s", bdb->env_dir);
	while (ret == 0 && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || fsync(fd) != 0)
			ret = tally_err_errno(err, "sync %s/%s", bdb->env_dir, entry->d_name);
		if (fd >= 0)
			close(fd);
	}
	closedir(dir);
	return ret < 0 ? -1 : bdb_sync_dir(bdb->env_dir, err);
}

/* Nothing was logged after the note was written: as after a clean close. */
static bool log_ends_at(const struct bdb_store *bdb, const struct note *note, uint32_t newest)
{
	static const uint8_t none[64];
	uint8_t next[sizeof(none)] = { 0 };
	int fd;
	ssize_t n;

	if (newest != note->file || (fd = open_log(bdb, newest, O_RDONLY)) < 0)
		return false;
	n = read_full(fd, next, sizeof(next), note->offset);
	close(fd);
	return n >= 0 && memcmp(next, none, sizeof(none)) == 0;
}

/* Where the engine would take the log to end. Opening the log alone changes nothing. */
static int find_end(struct bdb_store *bdb, struct note *end_r, struct tally_err *err)
{
	struct bdb_log_state log = { 0 };
	DB_ENV *env;
	int ret;

	if ((ret = db_env_create(&env, 0)) != 0)
		return bdb_fail(bdb, ret, err, "open %s", bdb->dir);
	bdb_env_listen(bdb, env);
	env->set_lg_max(env, (u_int32_t)bdb->set.log_file);
	ret = env->open(env, bdb->env_dir, DB_CREATE | DB_PRIVATE | DB_INIT_LOG, 0600);
	bdb->env = env;
	if (ret == 0)
		ret = bdb_log_state(bdb, &log);
	bdb->env = NULL;
	env->close(env, 0);
	*end_r = (struct note){ .file = log.file, .offset = log.offset };
	if (ret == 0)
		return 0;
	bdb_fail(bdb, ret, err, "the log in %s cannot be read", bdb->env_dir);
	if (err->code == TALLY_IO && ret != EIO && ret != EACCES && ret != ENOMEM)
		err->code = TALLY_CORRUPT;
	return -1;
}

/* Ten digits, as the line has them. */
static uint32_t ten_digits(const uint8_t *at)
{
	uint64_t value = 0;

	for (int i = 0; i < 10; i++)
		value = 10 * value + (uint64_t)(at[i] >= '0' && at[i] <= '9' ? at[i] - '0' : 0);
	return value <= UINT32_MAX ? (uint32_t)value : 0;
}

/* The farthest end that a line in these bytes calls durable. */
static void find_marks(const struct bdb_store *bdb, const uint8_t *data, size_t size,
		       struct note *durable)
{
	char text[sizeof(MARK_TEXT) + 2 * BDB_SECRET + 1] = MARK_TEXT;
	const size_t length = sizeof(text) - 1;
	const uint8_t *at = data, *end = data + size;
	uint32_t file, offset;

	tally_hex_encode(bdb->secret, BDB_SECRET, text + sizeof(MARK_TEXT) - 1);
	text[length - 1] = ' ';
	text[length] = '\0';
	while ((at = memmem(at, (size_t)(end - at), text, length)) != NULL) {
		at += length;
		if (end - at < 21 || at[10] != ' ')
			continue;
		file = ten_digits(at);
		offset = ten_digits(at + 11);
		if (file > durable->file || (file == durable->file && offset > durable->offset)) {
			durable->file = file;
			durable->offset = offset;
		}
	}
}

static int err_damaged(const struct bdb_store *bdb, uint32_t file, uint32_t offset,
		       const char *why, struct tally_err *err)
{
	return tally_err_set(err, TALLY_CORRUPT, "%s/" LOG_NAME " is damaged at offset %" PRIu32
			     ": %s", bdb->env_dir, file, offset, why);
}

/* Looks through what is behind the end; *bytes_r: how much of it is not zero. */
static int check_rest(struct bdb_store *bdb, const struct note *end, uint32_t newest, bool known,
		      size_t *bytes_r, struct tally_err *err)
{
	struct note durable = { 0 };
	uint8_t *data;
	size_t size;

	*bytes_r = 0;
	for (uint32_t file = end->file; file <= newest; file++) {
		data = log_rest(bdb, file, file == end->file ? end->offset : 0, &size);
		if (data == NULL)
			continue;
		find_marks(bdb, data, size, &durable);
		while (size > 0 && data[size - 1] == 0)
			size--;
		*bytes_r += size;
		free(data);
	}
	/* Not in a fresh backup, where the log was copied while it was written. */
	if (known && (durable.file > end->file ||
		      (durable.file == end->file && durable.offset > end->offset)))
		return err_damaged(bdb, end->file, end->offset, "it was durable beyond that", err);
	return 0;
}

/* Takes off what hangs behind the end; rest: how much of it is not zero. */
static int cut(struct bdb_store *bdb, const struct note *end, uint32_t newest, size_t rest,
	       struct tally_err *err)
{
	char name[32], bytes[32];
	int fd, ret = 0;

	for (uint32_t file = newest; file > end->file; file--) {
		snprintf(name, sizeof(name), LOG_NAME, file);
		if (unlinkat(bdb->env_fd, name, 0) != 0 && errno != ENOENT)
			return tally_err_errno(err, "remove %s/%s", bdb->env_dir, name);
	}
	snprintf(name, sizeof(name), LOG_NAME, end->file);
	fd = open_log(bdb, end->file, O_WRONLY);
	if (fd < 0 || ftruncate(fd, end->offset) != 0)
		ret = tally_err_errno(err, "%s/%s", bdb->env_dir, name);
	if (fd >= 0)
		close(fd);
	if (rest > 0) {
		snprintf(bytes, sizeof(bytes), "%zu", rest);
		tally_log(TALLY_LOG_WARN, "bdb.tail.cut", "path", bdb->env_dir, "file", name, "bytes",
			  bytes, NULL);
	}
	return ret;
}

static int check_note(struct bdb_store *bdb, const struct note *note, uint32_t newest,
		      struct tally_err *err)
{
	uint32_t crc;

	if (newest < note->file || log_crc(bdb, note->file, note->offset, &crc) < 0)
		return tally_err_set(err, TALLY_CORRUPT, "%s/" LOG_NAME
				     " is missing or shorter than it was", bdb->env_dir, note->file);
	if (crc != note->crc)
		return err_damaged(bdb, note->file, 0, "its checksum is wrong", err);
	return 0;
}

int bdb_tail_check(struct bdb_store *bdb, struct tally_err *err)
{
	struct note note = { 0 }, end = { 0 };
	uint32_t newest;
	size_t rest;
	bool known;

	if (newest_log(bdb, &newest, err) < 0)
		return -1;
	known = note_read(bdb, &note);
	if (known && check_note(bdb, &note, newest, err) < 0)
		return -1;
	if (known && log_ends_at(bdb, &note, newest)) {
		bdb->clean = true;
		bdb->clean_file = note.file;
		bdb->clean_offset = note.offset;
		return 0;
	}
	if (find_end(bdb, &end, err) < 0)
		return -1;
	if (known && (end.file < note.file ||
		      (end.file == note.file && end.offset < note.offset)))
		return err_damaged(bdb, end.file, end.offset, "it was durable beyond that", err);
	if (check_rest(bdb, &end, newest, known, &rest, err) < 0)
		return -1;
	if (cut(bdb, &end, newest, rest, err) < 0 || bdb_sync_files(bdb, err) < 0)
		return -1;
	/* Who made the store may have died before its own names were synced. */
	return bdb_sync_names(bdb->dir, err);
}
