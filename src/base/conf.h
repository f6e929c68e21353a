/*
 * Configuration: an INI file, the environment, the command line; the later wins. A setting is
 * named section.key in lower case ("store.path"); its variable is TALLY_SECTION_KEY
 * (TALLY_API_SHAPE), and three have short names: TALLY_STORE (store.path), TALLY_DRIVER
 * (store.driver) and TALLY_CONFIG (the file itself). Unknown TALLY_ variables are ignored, an
 * unknown key in the file is an error that names file, line and key.
 *
 * Settings are declared as rows by the module that reads them; tally_conf_load reads the rows
 * of one section into that module's struct.
 */
#ifndef TALLY_CONF_H
#define TALLY_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"

struct tally_conf;
struct tally_err;

enum tally_setting_type {
	SETTING_END = 0,
	SETTING_TEXT,		/* const char *, owned by the configuration */
	SETTING_U64,		/* uint64_t; plain number */
	SETTING_SIZE,		/* uint64_t bytes; 16777216, 16M, 64KiB ... */
	SETTING_TIME,		/* uint64_t milliseconds; 250ms, 30s, 15m, 7d; plain = seconds */
	SETTING_BOOL		/* bool; on/off, true/false, yes/no, 1/0 */
};

struct tally_setting {
	const char *key;
	enum tally_setting_type type;
	const char *fallback;	/* as it would stand in the file; NULL: no value (NULL, 0, false) */
	size_t offset;		/* of the member in the module's struct */
	const char *help;	/* one sentence for the manual */
};

/*
 * An empty configuration: environment and fallbacks only. Never NULL. The TALLY_ variables are
 * copied here, so a later setenv changes nothing; an empty variable counts as none.
 */
struct tally_conf *tally_conf_new(void);
void tally_conf_free(struct tally_conf **conf);

/*
 * Reads an INI file: [section], key = value, lines of comment that begin with # or ;, "quoted
 * values" (in which \" and \\ stand for " and \). A key given twice in one file is INVALID; of
 * several files the last wins. NOTFOUND if there is no such file. A failed read changes nothing.
 */
int tally_conf_read(struct tally_conf *conf, const char *path, struct tally_err *err);

/* The same from memory; name stands for the file in messages. */
int tally_conf_parse(struct tally_conf *conf, const char *name, struct tally_bytes text,
		     struct tally_err *err);

/* A command-line setting; wins over all else. */
void tally_conf_override(struct tally_conf *conf, const char *section, const char *key,
			 const char *value);

/* The effective text of one setting (the fallback of declared rows included), or NULL. Lives as
 * long as conf. */
const char *tally_conf_get(const struct tally_conf *conf, const char *section, const char *key);

/* Fills *dest from the rows (ended by a zero row); INVALID names the setting that is wrong. conf
 * NULL: all fallbacks. */
int tally_conf_load(const struct tally_conf *conf, const char *section,
		    const struct tally_setting *rows, void *dest, struct tally_err *err);

/* After all modules declared their rows: a key of the file that nobody knows is INVALID. */
void tally_conf_declare(struct tally_conf *conf, const char *section,
			const struct tally_setting *rows);
int tally_conf_check(const struct tally_conf *conf, struct tally_err *err);

#endif
