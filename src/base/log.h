/*
 * The log: one line per event in logfmt (time, level, event, then name=value), to stderr or to a
 * file. Callers never pass a secret or a payload. Safe from any thread.
 */
#ifndef TALLY_LOG_H
#define TALLY_LOG_H

struct tally_err;

enum tally_log_level { TALLY_LOG_DEBUG, TALLY_LOG_INFO, TALLY_LOG_WARN, TALLY_LOG_ERROR };

/* Lines below level are dropped. path NULL or "" means stderr. Default: info to stderr. */
int tally_log_open(enum tally_log_level level, const char *path, struct tally_err *err);

/* Reopens the file after logrotate moved it away. */
void tally_log_reopen(void);

/*
 * event is one word such as "store.open"; then pairs of name and value as strings, ended by NULL:
 * tally_log(TALLY_LOG_INFO, "store.open", "driver", "bdb", "path", path, NULL). Values are quoted
 * and escaped where logfmt needs it.
 */
void tally_log(enum tally_log_level level, const char *event, ...) __attribute__((sentinel));

#endif
