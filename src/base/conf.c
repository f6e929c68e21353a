/*
 * Configuration. Settings from files, the environment and the command line are kept apart, as
 * text, and the order among them is decided when one is asked for. After start nothing is written
 * any more, so any thread may read.
 */
#include "config.h"

#include "conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "arena.h"
#include "buf.h"
#include "err.h"
#include "utf8.h"

#define CONF_FILE_MAX (1024 * 1024)
#define CONF_NAME_MAX 64	/* of a section or key */

struct conf_entry {
	const char *section, *key, *value;
	const char *file;
	unsigned int line;
};

struct conf_list {
	struct conf_entry *entries;
	size_t count, room;
};

struct conf_variable {
	const char *name, *value;
};

struct conf_declared {
	const char *section;
	const struct tally_setting *rows;
};

struct tally_conf {
	struct tally_arena arena;	/* all text */
	struct conf_list file, override;
	struct conf_variable *variables;
	size_t variable_count;
	struct conf_declared *declared;
	size_t declared_count;
};

/* ---- making one ---- */

static void copy_environment(struct tally_conf *conf)
{
	size_t count = 0, i;

	for (i = 0; environ != NULL && environ[i] != NULL; i++)
		count += strncmp(environ[i], "TALLY_", 6) == 0;
	conf->variables = tally_calloc(count, sizeof(*conf->variables));
	for (i = 0; environ != NULL && environ[i] != NULL; i++) {
		const char *equals = strchr(environ[i], '=');
		struct tally_bytes name;

		if (strncmp(environ[i], "TALLY_", 6) != 0 || equals == NULL || equals[1] == '\0')
			continue;
		name = tally_bytes(environ[i], (size_t)(equals - environ[i]));
		conf->variables[conf->variable_count].name = tally_arena_str(&conf->arena, name);
		conf->variables[conf->variable_count++].value =
			tally_arena_str(&conf->arena, tally_bytes_str(equals + 1));
	}
}

struct tally_conf *tally_conf_new(void)
{
	struct tally_conf *conf = tally_calloc(1, sizeof(*conf));

	copy_environment(conf);
	return conf;
}

void tally_conf_free(struct tally_conf **conf)
{
	if (*conf == NULL)
		return;
	free((*conf)->file.entries);
	free((*conf)->override.entries);
	free((*conf)->variables);
	free((*conf)->declared);
	tally_arena_free(&(*conf)->arena);
	free(*conf);
	*conf = NULL;
}

static void list_add(struct conf_list *list, struct conf_entry entry)
{
	if (list->count == list->room) {
		list->room = list->room != 0 ? list->room * 2 : 16;
		list->entries = tally_realloc(list->entries, list->room * sizeof(*list->entries));
	}
	list->entries[list->count++] = entry;
}

/* The last entry of this name, since the later wins; NULL if none. Those before first are not seen. */
static const struct conf_entry *list_find(const struct conf_list *list, size_t first,
					  const char *section, const char *key)
{
	size_t i;

	for (i = list->count; i > first; i--) {
		const struct conf_entry *entry = &list->entries[i - 1];

		if (strcmp(entry->key, key) == 0 && strcmp(entry->section, section) == 0)
			return entry;
	}
	return NULL;
}

void tally_conf_override(struct tally_conf *conf, const char *section, const char *key,
			 const char *value)
{
	struct conf_entry entry = {
		.section = tally_arena_str(&conf->arena, tally_bytes_str(section)),
		.key = tally_arena_str(&conf->arena, tally_bytes_str(key)),
		.value = tally_arena_str(&conf->arena, tally_bytes_str(value))
	};

	list_add(&conf->override, entry);
}

/* ---- the file ---- */

struct conf_parser {
	struct tally_conf *conf;
	const char *file;
	const char *section;		/* NULL before the first */
	unsigned int line;
	size_t first;			/* of this file's entries */
	struct tally_err *err;
};

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct tally_bytes trim(struct tally_bytes text)
{
	while (text.size != 0 && is_space(text.data[0]))
		text = tally_bytes(text.data + 1, text.size - 1);
	while (text.size != 0 && is_space(text.data[text.size - 1]))
		text.size--;
	return text;
}

static bool is_name(struct tally_bytes text)
{
	size_t i;

	for (i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
		      c == '.'))
			return false;
	}
	return text.size != 0 && text.size <= CONF_NAME_MAX;
}

static int wrong(const struct conf_parser *parser, const char *what)
{
	return tally_err_set(parser->err, TALLY_INVALID, "%s line %u: %s", parser->file, parser->line,
			     what);
}

/* The value between quotes; after the closing one nothing may follow but a comment. */
static int parse_quoted(struct conf_parser *parser, struct tally_bytes text, char **value_r)
{
	char *value = tally_arena_alloc(&parser->conf->arena, text.size), *out = value;
	struct tally_bytes rest;
	size_t i;

	for (i = 1; i < text.size && text.data[i] != '"'; i++) {
		if (text.data[i] == '\\') {
			i++;
			if (i == text.size || (text.data[i] != '"' && text.data[i] != '\\'))
				return wrong(parser, "only \\\" and \\\\ may follow a backslash in quotes");
		}
		*out++ = (char)text.data[i];
	}
	if (i == text.size)
		return wrong(parser, "the closing quote is missing");
	rest = trim(tally_bytes(text.data + i + 1, text.size - i - 1));
	if (rest.size != 0 && rest.data[0] != '#' && rest.data[0] != ';')
		return wrong(parser, "text after the closing quote");
	*out = '\0';
	*value_r = value;
	return 0;
}

static int parse_pair(struct conf_parser *parser, struct tally_bytes line, const uint8_t *equals)
{
	struct tally_arena *arena = &parser->conf->arena;
	struct tally_bytes key = trim(tally_bytes(line.data, (size_t)(equals - line.data)));
	struct tally_bytes text = trim(tally_bytes(equals + 1,
						   line.size - (size_t)(equals - line.data) - 1));
	struct conf_entry entry = { .file = parser->file, .line = parser->line };
	const struct conf_entry *before;
	char *value = NULL;

	if (!is_name(key))
		return wrong(parser, "a key consists of a-z, 0-9, _, - and .");
	if (parser->section == NULL)
		return wrong(parser, "a [section] must stand before the first key");
	if (text.size != 0 && text.data[0] == '"') {
		if (parse_quoted(parser, text, &value) < 0)
			return -1;
	} else {
		value = tally_arena_str(arena, text);
	}
	entry.section = parser->section;
	entry.key = tally_arena_str(arena, key);
	entry.value = value;
	before = list_find(&parser->conf->file, parser->first, entry.section, entry.key);
	if (before != NULL)
		return tally_err_set(parser->err, TALLY_INVALID,
				     "%s line %u: %s.%s stands in line %u already", parser->file,
				     parser->line, entry.section, entry.key, before->line);
	list_add(&parser->conf->file, entry);
	return 0;
}

static int parse_line(struct conf_parser *parser, struct tally_bytes line)
{
	const uint8_t *equals;
	struct tally_bytes name;

	line = trim(line);
	if (line.size == 0 || line.data[0] == '#' || line.data[0] == ';')
		return 0;
	if (!tally_utf8_valid(line) || memchr(line.data, '\0', line.size) != NULL)
		return wrong(parser, "not valid UTF-8 text");
	if (line.data[0] == '[') {
		name = trim(tally_bytes(line.data + 1, line.size - 1));
		if (name.size == 0 || name.data[name.size - 1] != ']')
			return wrong(parser, "the ] after the section's name is missing");
		name.size--;
		name = trim(name);
		if (!is_name(name))
			return wrong(parser, "a section's name consists of a-z, 0-9, _, - and .");
		parser->section = tally_arena_str(&parser->conf->arena, name);
		return 0;
	}
	equals = memchr(line.data, '=', line.size);
	if (equals == NULL)
		return wrong(parser, "neither [section] nor key = value nor # comment");
	return parse_pair(parser, line, equals);
}

int tally_conf_parse(struct tally_conf *conf, const char *name, struct tally_bytes text,
		     struct tally_err *err)
{
	struct conf_parser parser = { .conf = conf, .first = conf->file.count, .err = err };
	const uint8_t *p = text.data, *end = tally_bytes_end(text), *newline;

	parser.file = tally_arena_str(&conf->arena, tally_bytes_str(name));
	while (p < end) {
		newline = memchr(p, '\n', (size_t)(end - p));
		if (newline == NULL)
			newline = end;
		parser.line++;
		if (parse_line(&parser, tally_bytes(p, (size_t)(newline - p))) < 0) {
			conf->file.count = parser.first;
			return -1;
		}
		p = newline < end ? newline + 1 : end;
	}
	return 0;
}

static int read_all(int fd, struct tally_buf *text, const char *path, struct tally_err *err)
{
	ssize_t got;

	for (;;) {
		got = read(fd, tally_buf_reserve(text, 4096), 4096);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return tally_err_errno(err, "configuration file %s", path);
		if (got == 0)
			return 0;
		text->size += (size_t)got;
		if (text->size > CONF_FILE_MAX)
			return tally_err_set(err, TALLY_INVALID,
					     "configuration file %s: larger than 1 MiB", path);
	}
}

int tally_conf_read(struct tally_conf *conf, const char *path, struct tally_err *err)
{
	struct tally_buf text = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC), result;

	if (fd < 0) {
		tally_err_errno(err, "configuration file %s", path);
		if (errno == ENOENT && err != NULL)
			err->code = TALLY_NOTFOUND;
		return -1;
	}
	result = read_all(fd, &text, path, err);
	if (result == 0)
		result = tally_conf_parse(conf, path, tally_buf_bytes(&text), err);
	tally_buf_free(&text);
	close(fd);
	return result;
}

/* ---- asking ---- */

static const char *find_variable(const struct tally_conf *conf, const char *name)
{
	size_t i;

	for (i = 0; i < conf->variable_count; i++)
		if (strcmp(conf->variables[i].name, name) == 0)
			return conf->variables[i].value;
	return NULL;
}

/* Writes upper-case letters and digits, '_' for all else; returns where it ended. */
static char *upper(char *out, const char *end, const char *text)
{
	for (; *text != '\0' && out < end; text++) {
		char c = *text;

		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		else if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')))
			c = '_';
		*out++ = c;
	}
	return out;
}

static const char *from_environment(const struct tally_conf *conf, const char *section,
				    const char *key)
{
	char name[2 * CONF_NAME_MAX + 8] = "TALLY_", *end = name + sizeof(name) - 1, *out = name + 6;
	const char *value = NULL;

	if (strcmp(section, "store") == 0 && strcmp(key, "path") == 0)
		value = find_variable(conf, "TALLY_STORE");
	else if (strcmp(section, "store") == 0 && strcmp(key, "driver") == 0)
		value = find_variable(conf, "TALLY_DRIVER");
	if (value != NULL)
		return value;
	out = upper(out, end, section);
	out = upper(out, end, "_");
	out = upper(out, end, key);
	*out = '\0';
	return find_variable(conf, name);
}

/*
 * The text that wins and where it is from: a name, and a line where that is a file. NULL, from the
 * rows' own fallback, if it is given nowhere.
 */
static const char *find_text(const struct tally_conf *conf, const char *section, const char *key,
			     struct conf_entry *from_r)
{
	const struct conf_entry *entry;
	const char *value;

	*from_r = (struct conf_entry){ .file = "command line" };
	entry = list_find(&conf->override, 0, section, key);
	if (entry != NULL)
		return entry->value;
	from_r->file = "environment";
	value = from_environment(conf, section, key);
	if (value != NULL)
		return value;
	from_r->file = "fallback";
	entry = list_find(&conf->file, 0, section, key);
	if (entry == NULL)
		return NULL;
	*from_r = *entry;
	return entry->value;
}

static const struct tally_setting *find_row(const struct tally_conf *conf, const char *section,
					    const char *key)
{
	size_t i;

	for (i = 0; i < conf->declared_count; i++) {
		const struct tally_setting *row = conf->declared[i].rows;

		if (strcmp(conf->declared[i].section, section) != 0)
			continue;
		for (; row->type != SETTING_END; row++)
			if (strcmp(row->key, key) == 0)
				return row;
	}
	return NULL;
}

const char *tally_conf_get(const struct tally_conf *conf, const char *section, const char *key)
{
	struct conf_entry from;
	const char *value = find_text(conf, section, key, &from);
	const struct tally_setting *row;

	if (value != NULL)
		return value;
	row = find_row(conf, section, key);
	return row != NULL ? row->fallback : NULL;
}

/* ---- values ---- */

struct conf_unit {
	const char *name;
	uint64_t factor;
};

static const struct conf_unit sizes[] = {
	{ "", 1 }, { "B", 1 },
	{ "K", 1ull << 10 }, { "KB", 1ull << 10 }, { "KiB", 1ull << 10 },
	{ "M", 1ull << 20 }, { "MB", 1ull << 20 }, { "MiB", 1ull << 20 },
	{ "G", 1ull << 30 }, { "GB", 1ull << 30 }, { "GiB", 1ull << 30 },
	{ "T", 1ull << 40 }, { "TB", 1ull << 40 }, { "TiB", 1ull << 40 },
	{ NULL, 0 }
};

static const struct conf_unit times[] = {
	{ "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 },
	{ "d", 86400000 },
	{ NULL, 0 }
};

static const struct conf_unit numbers[] = { { "", 1 }, { NULL, 0 } };

/* Digits, perhaps a space, a unit; false if malformed or beyond 64 bits. */
static bool parse_number(const char *text, const struct conf_unit *units, uint64_t *value_r)
{
	size_t digits = strspn(text, "0123456789");
	const char *unit = text + digits;

	if (!tally_parse_u64(tally_bytes(text, digits), UINT64_MAX, value_r))
		return false;
	while (*unit == ' ')
		unit++;
	for (; units->name != NULL; units++)
		if (strcasecmp(unit, units->name) == 0)
			return !__builtin_mul_overflow(*value_r, units->factor, value_r);
	return false;
}

static bool parse_bool(const char *text, bool *value_r)
{
	static const char *const words[][2] = {
		{ "off", "on" }, { "false", "true" }, { "no", "yes" }, { "0", "1" }
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		*value_r = strcasecmp(text, words[i][1]) == 0;
		if (*value_r || strcasecmp(text, words[i][0]) == 0)
			return true;
	}
	return false;
}

/* Stores text, or the absence of any, in the row's member; NULL, or what was expected instead. */
static const char *store_value(const struct tally_setting *row, const char *text, void *dest)
{
	void *member = (char *)dest + row->offset;
	uint64_t number = 0;
	bool flag = false;

	switch (row->type) {
	case SETTING_TEXT:
		memcpy(member, &text, sizeof(text));
		return NULL;
	case SETTING_U64:
		if (text != NULL && !parse_number(text, numbers, &number))
			return "a whole number";
		break;
	case SETTING_SIZE:
		if (text != NULL && !parse_number(text, sizes, &number))
			return "a size such as 4096, 64KiB or 16M";
		break;
	case SETTING_TIME:
		if (text != NULL && !parse_number(text, times, &number))
			return "a time such as 250ms, 30s, 15m, 12h or 7d";
		break;
	case SETTING_BOOL:
		if (text != NULL && !parse_bool(text, &flag))
			return "on or off";
		memcpy(member, &flag, sizeof(flag));
		return NULL;
	case SETTING_END:
		return NULL;
	}
	memcpy(member, &number, sizeof(number));
	return NULL;
}

int tally_conf_load(const struct tally_conf *conf, const char *section,
		    const struct tally_setting *rows, void *dest, struct tally_err *err)
{
	const struct tally_setting *row;

	for (row = rows; row->type != SETTING_END; row++) {
		struct conf_entry from = { .file = "fallback" };
		const char *text = conf != NULL ? find_text(conf, section, row->key, &from) : NULL;
		const char *expected;

		expected = store_value(row, text != NULL ? text : row->fallback, dest);
		if (expected == NULL)
			continue;
		if (from.line != 0)
			return tally_err_set(err, TALLY_INVALID, "%s line %u: %s.%s must be %s",
					     from.file, from.line, section, row->key, expected);
		return tally_err_set(err, TALLY_INVALID, "%s: %s.%s must be %s", from.file, section,
				     row->key, expected);
	}
	return 0;
}

/* ---- what exists ---- */

void tally_conf_declare(struct tally_conf *conf, const char *section,
			const struct tally_setting *rows)
{
	struct conf_declared *slot;

	conf->declared = tally_realloc(conf->declared,
				       (conf->declared_count + 1) * sizeof(*conf->declared));
	slot = &conf->declared[conf->declared_count++];
	slot->section = tally_arena_str(&conf->arena, tally_bytes_str(section));
	slot->rows = rows;
}

int tally_conf_check(const struct tally_conf *conf, struct tally_err *err)
{
	size_t i;

	for (i = 0; i < conf->file.count; i++) {
		const struct conf_entry *entry = &conf->file.entries[i];

		if (find_row(conf, entry->section, entry->key) == NULL)
			return tally_err_set(err, TALLY_INVALID, "%s line %u: there is no setting %s.%s",
					     entry->file, entry->line, entry->section, entry->key);
	}
	return 0;
}
