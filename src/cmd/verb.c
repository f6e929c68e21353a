/* Taking a command line apart by the rows of verb.h, help from the same rows, and messages. */
#include "config.h"

#include "verb.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "bytes.h"
#include "conf.h"
#include "err.h"
#include "log.h"
#include "store.h"

/* ---- looking up rows ---- */

static const struct verb_option *row_find(const struct verb_option *rows, const char *name,
					  size_t size)
{
	for (; rows != NULL && rows->name != NULL; rows++)
		if (strlen(rows->name) == size && memcmp(rows->name, name, size) == 0)
			return rows;
	return NULL;
}

/* The row of an option in a verb, or in any part of it. */
static const struct verb_option *option_find(const struct verb *verb, const char *name,
					     size_t size)
{
	const struct verb_option *row = row_find(verb->options, name, size);

	for (size_t i = 0; row == NULL && verb->parts != NULL && verb->parts[i] != NULL; i++)
		row = option_find(verb->parts[i], name, size);
	return row;
}

static const struct verb *verb_find(const struct verb *const *verbs, const char *name)
{
	for (; *verbs != NULL; verbs++)
		if (strcmp((*verbs)->name, name) == 0)
			return *verbs;
	return NULL;
}

/* ---- help ---- */

static void help_options(const struct verb_option *rows)
{
	for (; rows != NULL && rows->name != NULL; rows++) {
		char left[64];

		snprintf(left, sizeof left, "--%s%s%s", rows->name, rows->value != NULL ? " " : "",
			 rows->value != NULL ? rows->value : "");
		printf("  %-22s %s\n", left, rows->help);
	}
}

static void help_verb(const char *path, const struct verb *verb)
{
	printf("usage: tally %s%s%s%s\n%s.\n", path, verb->options != NULL ? " [options]" : "",
	       verb->usage[0] != '\0' ? " " : "", verb->usage, verb->summary);
	if (verb->details != NULL)
		printf("\n%s\n", verb->details);
	if (verb->options != NULL) {
		printf("\nOptions:\n");
		help_options(verb->options);
	}
}

static void help_parts(const struct verb *verb)
{
	printf("%s.\n", verb->summary);
	for (size_t i = 0; verb->parts[i] != NULL; i++) {
		char path[64];

		printf("\n");
		snprintf(path, sizeof path, "%s %s", verb->name, verb->parts[i]->name);
		help_verb(path, verb->parts[i]);
	}
}

static void help_all(const struct verb *const *verbs, FILE *to)
{
	fprintf(to, "usage: tally VERB [options] [words]\n\n");
	for (; *verbs != NULL; verbs++)
		fprintf(to, "  %-11s %s\n", (*verbs)->name, (*verbs)->summary);
	fprintf(to, "\n'tally VERB --help' tells more; so does the manual page tally-VERB(1).\n");
}

/* ---- the line ---- */

/* An option's name: "--name", and the one short form that everybody types. */
static const char *option_name(const char *arg)
{
	if (strcmp(arg, "-o") == 0)
		return "output";
	return arg[1] == '-' ? arg + 2 : "";
}

/*
 * Takes the first word that is no option out of the line. Options may stand before it, so what
 * takes a value is asked of all verbs that the word could still name.
 */
static const char *take_word(const struct verb *const *verbs, char **args, int *count)
{
	for (int i = 0; i < *count; i++) {
		const char *arg = args[i];
		const struct verb_option *row = NULL;

		if (strcmp(arg, "--") == 0)
			return NULL;
		if (arg[0] != '-' || arg[1] == '\0') {
			memmove(args + i, args + i + 1, (size_t)(*count - i - 1) * sizeof *args);
			(*count)--;
			return arg;
		}
		for (size_t v = 0; row == NULL && verbs[v] != NULL; v++)
			row = option_find(verbs[v], option_name(arg), strlen(option_name(arg)));
		if (row != NULL && row->value != NULL)
			i++;
	}
	return NULL;
}

static bool wants_help(char **args, int count)
{
	for (int i = 0; i < count && strcmp(args[i], "--") != 0; i++)
		if (strcmp(args[i], "--help") == 0 || strcmp(args[i], "-h") == 0)
			return true;
	return false;
}

/* One option at args[*at]; false after printing what is wrong with it. */
static bool parse_option(struct verb_call *call, char **args, int count, int *at)
{
	const char *name = option_name(args[*at]);
	const char *equals = strchr(name, '=');
	size_t size = equals != NULL ? (size_t)(equals - name) : strlen(name);
	const struct verb_option *row = row_find(call->verb->options, name, size);
	const char *value = NULL;

	if (row == NULL) {
		verb_misuse(call, "no option %s here", args[*at]);
		return false;
	}
	if (row->value == NULL && equals != NULL) {
		verb_misuse(call, "--%s takes no value", row->name);
		return false;
	}
	if (row->value != NULL) {
		if (equals == NULL && *at + 1 >= count) {
			verb_misuse(call, "--%s needs a value: --%s %s", row->name, row->name,
				    row->value);
			return false;
		}
		value = equals != NULL ? equals + 1 : args[++*at];
	}
	call->given[call->given_count++] = (struct verb_given){ row->name, value };
	return true;
}

static bool parse_line(struct verb_call *call, char **args, int count)
{
	bool words_only = false;

	for (int i = 0; i < count; i++) {
		if (words_only || args[i][0] != '-' || args[i][1] == '\0') {
			call->args[call->arg_count++] = args[i];
		} else if (strcmp(args[i], "--") == 0) {
			words_only = true;
		} else if (!parse_option(call, args, count, &i)) {
			return false;
		}
	}
	if (call->arg_count < call->verb->min_args) {
		verb_misuse(call, "it needs: %s", call->verb->usage);
		return false;
	}
	if (call->verb->max_args >= 0 && call->arg_count > call->verb->max_args) {
		verb_misuse(call, "too many words: %s", call->args[call->verb->max_args]);
		return false;
	}
	return true;
}

static int run_verb(const struct verb *verb, const char *path, char **args, int count)
{
	struct verb_call call = { .verb = verb, .path = path };
	int status = VERB_USAGE;

	call.args = tally_calloc((size_t)count + 1, sizeof *call.args);
	call.given = tally_calloc((size_t)count + 1, sizeof *call.given);
	if (parse_line(&call, args, count))
		status = verb->run(&call);
	if (fflush(stdout) != 0 || ferror(stdout))
		status = verb_fail(&call, "writing the output: %s", strerror(errno));
	tally_conf_free(&call.conf);
	free(call.given);
	free(call.args);
	return status;
}

/* A verb with parts: finds the part that the next word names. */
static int run_part(const struct verb *verb, char **args, int count)
{
	const char *word = take_word(verb->parts, args, &count);
	const struct verb *part = word != NULL ? verb_find(verb->parts, word) : NULL;
	char path[64];

	if (part == NULL && (wants_help(args, count) || (word != NULL && strcmp(word, "help") == 0))) {
		help_parts(verb);
		return VERB_OK;
	}
	if (part == NULL) {
		fprintf(stderr, "tally %s: %s%s; there is:", verb->name,
			word != NULL ? "no such thing as " : "what of it?", word != NULL ? word : "");
		for (size_t i = 0; verb->parts[i] != NULL; i++)
			fprintf(stderr, " %s", verb->parts[i]->name);
		fprintf(stderr, "\n");
		return VERB_USAGE;
	}
	snprintf(path, sizeof path, "%s %s", verb->name, part->name);
	if (wants_help(args, count)) {
		help_verb(path, part);
		return VERB_OK;
	}
	return run_verb(part, path, args, count);
}

int verb_main(const struct verb *const *verbs, int argc, char **argv)
{
	char **args = argv + 1;
	int count = argc - 1;
	const char *word = take_word(verbs, args, &count);
	const struct verb *verb;

	if (word == NULL && count == 1 && strcmp(args[0], "--version") == 0)
		word = "version", count = 0;
	if (word == NULL) {
		bool asked = wants_help(args, count);

		help_all(verbs, asked ? stdout : stderr);
		return asked ? VERB_OK : VERB_USAGE;
	}
	verb = verb_find(verbs, word);
	if (verb == NULL) {
		fprintf(stderr, "tally: no verb %s; 'tally help' lists them\n", word);
		return VERB_USAGE;
	}
	if (verb->parts != NULL)
		return run_part(verb, args, count);
	if (wants_help(args, count)) {
		help_verb(verb->name, verb);
		return VERB_OK;
	}
	return run_verb(verb, verb->name, args, count);
}

static int help_run(struct verb_call *call)
{
	const struct verb *verb;

	if (call->arg_count == 0) {
		help_all(tally_verbs, stdout);
		return VERB_OK;
	}
	verb = verb_find(tally_verbs, call->args[0]);
	if (verb == NULL)
		return verb_misuse(call, "no verb %s; 'tally help' lists them", call->args[0]);
	if (verb->parts != NULL)
		help_parts(verb);
	else
		help_verb(verb->name, verb);
	return VERB_OK;
}

const struct verb verb_help = {
	.name = "help",
	.usage = "[VERB]",
	.summary = "List the verbs, or explain one",
	.max_args = 1,
	.run = help_run,
};

/* ---- options as given ---- */

bool verb_given(const struct verb_call *call, const char *name)
{
	return verb_nth_value(call, name, 0) != NULL;
}

const char *verb_value(const struct verb_call *call, const char *name, const char *absent)
{
	const char *value = NULL;

	for (size_t i = 0; i < call->given_count; i++)
		if (strcmp(call->given[i].name, name) == 0)
			value = call->given[i].value;
	return value != NULL ? value : absent;
}

const char *verb_nth_value(const struct verb_call *call, const char *name, size_t nth)
{
	assert(row_find(call->verb->options, name, strlen(name)) != NULL);
	for (size_t i = 0; i < call->given_count; i++)
		if (strcmp(call->given[i].name, name) == 0 && nth-- == 0)
			return call->given[i].value != NULL ? call->given[i].value : "";
	return NULL;
}

bool verb_number(const struct verb_call *call, const char *name, uint64_t low, uint64_t high,
		 uint64_t *number)
{
	const char *text = verb_value(call, name, NULL);

	if (text == NULL)
		return true;
	if (!tally_parse_u64(tally_bytes_str(text), high, number) || *number < low) {
		verb_misuse(call, "--%s is a number from %llu to %llu, not %s", name,
			    (unsigned long long)low, (unsigned long long)high, text);
		return false;
	}
	return true;
}

/* ---- messages ---- */

static void say(const struct verb_call *call, const char *format, va_list args)
{
	fflush(stdout);
	fprintf(stderr, "tally %s: ", call->path);
	vfprintf(stderr, format, args);
}

int verb_fail(const struct verb_call *call, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(call, format, args);
	va_end(args);
	fputc('\n', stderr);
	return VERB_FAILED;
}

int verb_fail_err(const struct verb_call *call, const struct tally_err *err)
{
	return verb_fail(call, "%s", err->text);
}

int verb_misuse(const struct verb_call *call, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(call, format, args);
	va_end(args);
	fprintf(stderr, "; see 'tally %s --help'\n", call->path);
	return VERB_USAGE;
}

/* ---- which store, and as whom ---- */

struct tally_conf *verb_conf(struct verb_call *call)
{
	bool named = !call->verb->writes_config;
	const char *path = named ? verb_value(call, "config", getenv("TALLY_CONFIG")) : NULL;
	const char *store = verb_value(call, "store", NULL);
	const char *driver = verb_value(call, "driver", NULL);
	struct tally_err err;

	if (call->conf != NULL)
		return call->conf;
	/* What a verb has to say it says itself; the log only speaks up when something is odd. */
	tally_log_open(TALLY_LOG_WARN, NULL, &err);
	call->conf = tally_conf_new();
	if (path != NULL && path[0] == '\0')
		path = NULL;
	if (named && path == NULL && store == NULL && getenv("TALLY_STORE") == NULL &&
	    access(TALLY_SYSCONF_FILE, R_OK) == 0)
		path = TALLY_SYSCONF_FILE;
	if (path != NULL && tally_conf_read(call->conf, path, &err) != 0) {
		verb_fail_err(call, &err);
		tally_conf_free(&call->conf);
		return NULL;
	}
	if (store != NULL)
		tally_conf_override(call->conf, "store", "path", store);
	if (driver != NULL)
		tally_conf_override(call->conf, "store", "driver", driver);
	return call->conf;
}

const char *verb_driver_name(struct verb_call *call)
{
	const char *name = tally_conf_get(call->conf, "store", "driver");

	if (name != NULL)
		return name;
	if (tally_driver_of(tally_conf_get(call->conf, "store", "path"), call->driver))
		return call->driver;
	return tally_driver_default();
}

const char *verb_store_path(struct verb_call *call)
{
	struct tally_conf *conf = verb_conf(call);
	const char *path;

	if (conf == NULL)
		return NULL;
	path = tally_conf_get(conf, "store", "path");
	if (path == NULL || path[0] == '\0') {
		verb_misuse(call, "which store? Use --store DIR or set TALLY_STORE");
		return NULL;
	}
	return path;
}

bool verb_become_owner(struct verb_call *call, const char *path)
{
	char parent[4096];
	struct stat st;

	/* A store that is only to be made will belong to whom the directory above it belongs. */
	snprintf(parent, sizeof parent, "%s", path);
	if (geteuid() != 0 ||
	    (stat(path, &st) != 0 && (errno != ENOENT || stat(dirname(parent), &st) != 0)) ||
	    !S_ISDIR(st.st_mode) || st.st_uid == 0)
		return true;
	if (setgroups(0, NULL) != 0 || setegid(st.st_gid) != 0 || seteuid(st.st_uid) != 0) {
		verb_fail(call, "becoming the owner of %s: %s", path, strerror(errno));
		return false;
	}
	return true;
}

int verb_open(const char *path, int flags, int mode)
{
	uid_t effective = geteuid();
	bool switched = effective != getuid() && seteuid(getuid()) == 0;
	int fd = open(path, flags | O_CLOEXEC, mode);
	int saved = errno;

	if (switched && seteuid(effective) != 0)
		abort();
	errno = saved;
	return fd;
}
