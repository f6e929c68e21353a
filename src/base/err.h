/*
 * Errors. A function that can fail returns -1 (a lookup 1, 0 or -1) and tells why in its last
 * argument: a code that decides what the caller does next, and one line of text for people. On
 * the way up callers put context before the text; it is logged once, at the top.
 */
#ifndef TALLY_ERR_H
#define TALLY_ERR_H

enum tally_code {
	TALLY_OK = 0,
	TALLY_INVALID,		/* the input is wrong; the same input will always be */
	TALLY_MISSING,		/* a required input is absent */
	TALLY_DENIED,		/* not allowed for this caller */
	TALLY_NOTFOUND,
	TALLY_EXISTS,
	TALLY_UNSUPPORTED,	/* this build, driver or version cannot */
	TALLY_CONFLICT,		/* somebody else was first: look again and decide anew */
	TALLY_REPLAYED,		/* this nonce was used already */
	TALLY_MISMATCH,		/* this ClientToken was used for another request */
	TALLY_EXPIRED,		/* the request's time is outside the clock window */
	TALLY_BUSY,		/* try again a little later; nothing was done */
	TALLY_UNCERTAIN,	/* it may or may not have been done */
	TALLY_CORRUPT,		/* stored bytes are not what was stored */
	TALLY_FULL,		/* no space left on the medium */
	TALLY_IO		/* the medium or the system failed */
};

struct tally_err {
	enum tally_code code;
	char subject[96];	/* what it is about, e.g. the parameter's or resource's name; may be "" */
	char text[400];		/* one line, no secret, no payload */
};

/* Sets code and text; always returns -1, so that "return tally_err_set(...)" reads well. */
int tally_err_set(struct tally_err *err, enum tally_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same with the subject: tally_err_about(err, TALLY_NOTFOUND, "Journal 7", "...", ...). */
int tally_err_about(struct tally_err *err, enum tally_code code, const char *subject,
		    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* From errno: ENOSPC and EDQUOT are FULL, all others IO; text is "what: reason". */
int tally_err_errno(struct tally_err *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Puts "context: " before the text; returns -1. */
int tally_err_prefix(struct tally_err *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* None: OK, with no text. */
static inline void tally_err_clear(struct tally_err *err)
{
	err->code = TALLY_OK;
	err->subject[0] = err->text[0] = '\0';
}

/* "invalid", "notfound" ...; for logs and tests. */
const char *tally_code_name(enum tally_code code);

#endif
