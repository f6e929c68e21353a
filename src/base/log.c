/*
 * The log. A line is put together in a buffer of its own and leaves with one write() to a file
 * opened for appending, so lines of many threads and processes do not mix.
 *
 * The one place with state of the whole process: there is one log, and whoever has to say
 * something must be able to without having been handed it.
 */
#include "config.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "arena.h"
#include "buf.h"
#include "clock.h"
#include "err.h"
#include "utf8.h"

static _Atomic int log_level = TALLY_LOG_INFO;
static pthread_rwlock_t log_lock = PTHREAD_RWLOCK_INITIALIZER;
static int log_fd = STDERR_FILENO;	/* under log_lock, as is the next */
static char *log_path;			/* NULL: stderr */

static int open_file(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
}

/* Puts fd (or stderr) in place; takes over path. */
static void switch_to(int fd, char *path)
{
	pthread_rwlock_wrlock(&log_lock);
	if (log_fd != STDERR_FILENO)
		close(log_fd);
	log_fd = fd;
	free(log_path);
	log_path = path;
	pthread_rwlock_unlock(&log_lock);
}

int tally_log_open(enum tally_log_level level, const char *path, struct tally_err *err)
{
	int fd = STDERR_FILENO;

	if (path != NULL && *path == '\0')
		path = NULL;
	if (path != NULL && (fd = open_file(path)) < 0)
		return tally_err_errno(err, "log file %s", path);
	switch_to(fd, path != NULL ? tally_strdup(path) : NULL);
	atomic_store(&log_level, (int)level);
	return 0;
}

/* Should the new file not open, the old one goes on: better a line in the wrong file than none. */
void tally_log_reopen(void)
{
	char *path = NULL;
	int fd;

	pthread_rwlock_rdlock(&log_lock);
	if (log_path != NULL)
		path = tally_strdup(log_path);
	pthread_rwlock_unlock(&log_lock);
	if (path == NULL)
		return;
	fd = open_file(path);
	if (fd < 0) {
		tally_log(TALLY_LOG_ERROR, "log.reopen", "path", path, "error", strerror(errno), NULL);
		free(path);
		return;
	}
	switch_to(fd, path);
}

static void add_time(struct tally_buf *line)
{
	uint64_t now = tally_now_ms();
	char text[21];

	tally_time_format(now, text);
	tally_buf_printf(line, "time=%.19s.%03uZ", text, (unsigned int)(now % 1000));
}

/* A value that may stand bare: not empty, and nothing in it that a reader of logfmt would split. */
static bool is_plain(struct tally_bytes value)
{
	size_t i;

	for (i = 0; i < value.size; i++) {
		uint8_t c = value.data[i];

		if (c <= ' ' || c == '=' || c == '"' || c == '\\' || c >= 0x7f)
			return false;
	}
	return value.size != 0;
}

static void add_quoted(struct tally_buf *line, struct tally_bytes value)
{
	bool utf8 = tally_utf8_printable(value);
	size_t i;

	tally_buf_add_u8(line, '"');
	for (i = 0; i < value.size; i++) {
		uint8_t c = value.data[i];

		if (c == '"' || c == '\\')
			tally_buf_printf(line, "\\%c", c);
		else if (c == '\n')
			tally_buf_add_str(line, "\\n");
		else if (c < ' ' || c == 0x7f || (c > 0x7f && !utf8))
			tally_buf_printf(line, "\\x%02x", c);
		else
			tally_buf_add_u8(line, c);
	}
	tally_buf_add_u8(line, '"');
}

static void add_pair(struct tally_buf *line, const char *name, const char *text)
{
	struct tally_bytes value = tally_bytes_str(text);

	tally_buf_add_u8(line, ' ');
	tally_buf_add_str(line, name);
	tally_buf_add_u8(line, '=');
	if (is_plain(value))
		tally_buf_add_bytes(line, value);
	else
		add_quoted(line, value);
}

static void write_line(const struct tally_buf *line)
{
	ssize_t done;

	pthread_rwlock_rdlock(&log_lock);
	do
		done = write(log_fd, line->data, line->size);
	while (done < 0 && errno == EINTR);
	pthread_rwlock_unlock(&log_lock);
	/* a log that cannot be written has nowhere to say so */
}

void tally_log(enum tally_log_level level, const char *event, ...)
{
	static const char *const levels[] = { "debug", "info", "warn", "error" };
	struct tally_buf line = { 0 };
	const char *name;
	int before = errno;
	va_list args;

	if ((int)level < atomic_load_explicit(&log_level, memory_order_relaxed))
		return;
	add_time(&line);
	add_pair(&line, "level", levels[level]);
	add_pair(&line, "event", event);
	va_start(args, event);
	while ((name = va_arg(args, const char *)) != NULL)
		add_pair(&line, name, va_arg(args, const char *));
	va_end(args);
	tally_buf_add_u8(&line, '\n');
	write_line(&line);
	tally_buf_free(&line);
	errno = before;		/* so that a line of log in an error path changes nothing */
}
