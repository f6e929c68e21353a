/*
 * Verbs of the tally program. A verb is one row in one file: name, summary, options with their
 * help, and the function that runs it. From the rows come parsing, --help, the list that `tally`
 * alone prints, and the test that holds the manual pages against them.
 *
 * A verb with parts ("ledger create") has a row of rows; each part is a verb of its own.
 *
 * Output is for people unless --json asks for data. Data goes to stdout; progress, notes and
 * errors go to stderr. Exit status: 0 done, 1 not done, 2 called wrongly.
 */
#ifndef TALLY_CMD_VERB_H
#define TALLY_CMD_VERB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store.h"

struct tally_conf;
struct tally_err;
struct verb_call;

enum verb_exit {
	VERB_OK = 0, VERB_FAILED = 1, VERB_USAGE = 2,
	VERB_FOUND = 3			/* it was carried out, and something is wrong */
};

struct verb_option {
	const char *name;	/* as typed, without the two dashes */
	const char *value;	/* what help calls its value, "DIR"; NULL: it takes none */
	const char *help;	/* one sentence without its full stop */
};

/* The options that say which store is meant; verb_conf reads them. */
#define VERB_STORE_OPTIONS                                                                        \
	{ "store", "DIR", "the store's directory (default: TALLY_STORE, or store.path)" },        \
	{ "driver", "NAME", "its storage driver (default: TALLY_DRIVER, or what it was made with)" },      \
	{ "config", "FILE", "configuration to read (default: TALLY_CONFIG)" }
#define VERB_JSON_OPTION { "json", NULL, "print JSON" }
#define VERB_OPTIONS_END { NULL, NULL, NULL }

struct verb {
	const char *name;
	const char *usage;			/* what follows the options, "ID [FILE ...]"; may be "" */
	const char *summary;			/* one line for the list of verbs */
	const char *details;			/* further text for --help, lines broken; may be NULL */
	const struct verb_option *options;	/* ended by VERB_OPTIONS_END; NULL: none */
	const struct verb *const *parts;	/* NULL-terminated; then run is NULL */
	int min_args, max_args;			/* how many words it takes; max_args -1: any number */
	bool writes_config;			/* its --config names a file to write, not to read */
	int (*run)(struct verb_call *call);	/* returns a verb_exit */
};

/* One invocation, after the line has been taken apart. */
struct verb_call {
	const struct verb *verb;
	const char *path;		/* "ledger create": how messages call it */
	char **args;			/* the words that are no options, without the verb */
	int arg_count;
	struct verb_given {
		const char *name;
		const char *value;	/* NULL for an option without one */
	} *given;			/* in the order typed */
	size_t given_count;
	struct tally_conf *conf;	/* once verb_conf was called */
	char driver[TALLY_DRIVER_NAME];	/* verb_driver_name's */
};

/* Takes the line apart, runs what it names, and returns the exit status. --help is done here. */
int verb_main(const struct verb *const *verbs, int argc, char **argv);

/* Options as given; asking for one that the verb's rows do not have is a bug (asserted). */
bool verb_given(const struct verb_call *call, const char *name);
/* The value (the last one where it was given more than once), or absent. */
const char *verb_value(const struct verb_call *call, const char *name, const char *absent);
/* The nth value (from 0) of an option that may stand several times, or NULL. */
const char *verb_nth_value(const struct verb_call *call, const char *name, size_t nth);
/* A number from low to high; on another value the error is printed and false returned. */
bool verb_number(const struct verb_call *call, const char *name, uint64_t low, uint64_t high,
		 uint64_t *number);

/* One line to stderr, "tally VERB: text". They return VERB_FAILED and VERB_USAGE. */
int verb_fail(const struct verb_call *call, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int verb_fail_err(const struct verb_call *call, const struct tally_err *err);
int verb_misuse(const struct verb_call *call, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * The configuration: --config, else TALLY_CONFIG, else the installed tally.conf where nothing
 * else names a store; then --store and --driver over it. The same object on every call of one
 * invocation; freed by verb_main. NULL after printing why.
 */
struct tally_conf *verb_conf(struct verb_call *call);

/* The storage driver: as configured, else the one that made the store, else that of a new one. The
 * configuration must have been read. */
const char *verb_driver_name(struct verb_call *call);

/* The store's place by the configuration; NULL after printing that none was named. */
const char *verb_store_path(struct verb_call *call);

/*
 * Run by root, a verb works as the owner of the store's directory from here on (of the directory
 * above, where the store is only to be made), so that no file of root's appears in it. Nothing
 * happens for others, or where path is no directory. False after printing why.
 */
bool verb_become_owner(struct verb_call *call, const char *path);

/* open(2) as whoever started the program, also after verb_become_owner. */
int verb_open(const char *path, int flags, int mode);

/* The list that `tally help` prints. */
extern const struct verb *const tally_verbs[];

#endif
