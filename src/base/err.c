/* Filling in errors. Texts are kept to one line and cut at a whole character. */
#include "config.h"

#include "err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Control characters become spaces; a UTF-8 sequence that the end of the room cut off goes. */
static void tidy(char *text, size_t room)
{
	size_t size = strlen(text), i;

	for (i = 0; i < size; i++)
		if ((uint8_t)text[i] < 0x20 || text[i] == 0x7f)
			text[i] = ' ';
	if (size + 1 < room)
		return;
	for (i = size; i > 0 && size - i < 3 && ((uint8_t)text[i - 1] & 0xc0) == 0x80; i--)
		;
	if (i > 0 && (uint8_t)text[i - 1] >= 0xc0) {
		size_t want = (uint8_t)text[i - 1] >= 0xf0 ? 4 : (uint8_t)text[i - 1] >= 0xe0 ? 3 : 2;

		if (size - (i - 1) < want)
			text[i - 1] = '\0';
	}
}

/* Arguments may point into err itself, so all is put together aside first. */
static int set(struct tally_err *err, enum tally_code code, const char *subject, const char *suffix,
	       const char *format, va_list args)
{
	struct tally_err made = { .code = code };
	int used;

	if (err == NULL)
		return -1;
	snprintf(made.subject, sizeof(made.subject), "%s", subject);
	used = vsnprintf(made.text, sizeof(made.text), format, args);
	if (suffix != NULL && used >= 0 && (size_t)used < sizeof(made.text))
		snprintf(made.text + used, sizeof(made.text) - (size_t)used, ": %s", suffix);
	tidy(made.subject, sizeof(made.subject));
	tidy(made.text, sizeof(made.text));
	*err = made;
	return -1;
}

int tally_err_set(struct tally_err *err, enum tally_code code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set(err, code, "", NULL, format, args);
	va_end(args);
	return -1;
}

int tally_err_about(struct tally_err *err, enum tally_code code, const char *subject,
		    const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set(err, code, subject, NULL, format, args);
	va_end(args);
	return -1;
}

int tally_err_errno(struct tally_err *err, const char *format, ...)
{
	int reason = errno;
	char room[128];
	va_list args;

	va_start(args, format);
	set(err, reason == ENOSPC || reason == EDQUOT ? TALLY_FULL : TALLY_IO, "",
	    strerror_r(reason, room, sizeof(room)), format, args);
	va_end(args);
	errno = reason;
	return -1;
}

int tally_err_prefix(struct tally_err *err, const char *format, ...)
{
	va_list args;

	if (err == NULL)
		return -1;
	va_start(args, format);
	set(err, err->code, err->subject, err->text, format, args);
	va_end(args);
	return -1;
}

const char *tally_code_name(enum tally_code code)
{
	static const char *const names[] = {
		[TALLY_OK] = "ok", [TALLY_INVALID] = "invalid", [TALLY_MISSING] = "missing",
		[TALLY_DENIED] = "denied", [TALLY_NOTFOUND] = "notfound",
		[TALLY_EXISTS] = "exists", [TALLY_UNSUPPORTED] = "unsupported",
		[TALLY_CONFLICT] = "conflict", [TALLY_REPLAYED] = "replayed",
		[TALLY_MISMATCH] = "mismatch", [TALLY_EXPIRED] = "expired",
		[TALLY_BUSY] = "busy", [TALLY_UNCERTAIN] = "uncertain",
		[TALLY_CORRUPT] = "corrupt", [TALLY_FULL] = "full", [TALLY_IO] = "io"
	};

	if ((unsigned int)code >= sizeof(names) / sizeof(names[0]))
		return "unknown";
	return names[code];
}
