/*
 * A test program in a few macros. It prints one line for each test, "ok - name" or "not ok - name:
 * why", then the plan "1..N", and exits non-zero when a test failed.
 *
 *	static void adds(void)
 *	{
 *		CHECK_INT(1 + 1, 2);
 *	}
 *
 *	int main(void)
 *	{
 *		TEST(adds);
 *		return tap_done();
 *	}
 *
 * A test fails with its first failed check; it goes on, so each further one is printed as a
 * comment. REQUIRE returns from the function instead, for what the rest cannot do without. In a
 * table of cases, CASE(...) names the one at hand in every message until the next. SKIP(why) counts
 * a test as skipped; it is for what this machine cannot do, and returns.
 */
#ifndef TALLY_TAP_H
#define TALLY_TAP_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "bytes.h"

struct tap {
	unsigned int run, failed;
	bool bad, skipped;		/* the test at hand */
	char label[160];
	char why[600];			/* of its first failed check, or of skipping it */
};

static struct tap tap;

static inline void tap_begin(void)
{
	tap.bad = tap.skipped = false;
	tap.label[0] = tap.why[0] = '\0';
}

static inline void tap_end(const char *name)
{
	tap.run++;
	tap.failed += tap.bad;
	if (tap.bad)
		printf("not ok - %s: %s\n", name, tap.why);
	else if (tap.skipped)
		printf("ok - %s # SKIP %s\n", name, tap.why);
	else
		printf("ok - %s\n", name);
	fflush(stdout);
}

static inline int tap_done(void)
{
	printf("1..%u\n", tap.run);
	return tap.failed != 0 || tap.run == 0;
}

__attribute__((format(printf, 1, 2)))
static inline void tap_label(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(tap.label, sizeof(tap.label), format, args);
	va_end(args);
}

__attribute__((format(printf, 3, 4)))
static inline void tap_fail(const char *file, int line, const char *format, ...)
{
	const char *slash = strrchr(file, '/');
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (tap.bad) {
		printf("# %s:%d: %s%s%s\n", slash != NULL ? slash + 1 : file, line, tap.label,
		       tap.label[0] != '\0' ? ": " : "", text);
		return;
	}
	tap.bad = true;
	snprintf(tap.why, sizeof(tap.why), "%s:%d: %s%s%s", slash != NULL ? slash + 1 : file, line,
		 tap.label, tap.label[0] != '\0' ? ": " : "", text);
}

/* Shows bytes as text where they are printable, and as \xNN where not; cuts long ones. */
static inline const char *tap_show(struct tally_bytes bytes, char *room, size_t size)
{
	size_t i, used = 0;

	for (i = 0; i < bytes.size && used + 8 < size; i++) {
		uint8_t c = bytes.data[i];

		used += (size_t)snprintf(room + used, size - used, c >= ' ' && c < 0x7f ? "%c" : "\\x%02x", c);
	}
	if (i < bytes.size)
		snprintf(room + used, size - used, "...");
	else
		room[used] = '\0';
	return room;
}

static inline void tap_bytes(const char *file, int line, const char *what, struct tally_bytes got,
			     struct tally_bytes want)
{
	char a[150], b[150];

	if (!tally_bytes_equal(got, want))
		tap_fail(file, line, "%s is \"%s\" (%zu bytes), not \"%s\" (%zu)", what,
			 tap_show(got, a, sizeof(a)), got.size, tap_show(want, b, sizeof(b)),
			 want.size);
}

static inline void tap_str(const char *file, int line, const char *what, const char *got,
			   const char *want)
{
	if (got == NULL || want == NULL) {
		if (got != want)
			tap_fail(file, line, "%s is %s, not %s", what, got != NULL ? got : "NULL",
				 want != NULL ? want : "NULL");
		return;
	}
	tap_bytes(file, line, what, tally_bytes_str(got), tally_bytes_str(want));
}

#define TEST(name) (tap_begin(), name(), tap_end(#name))
#define CASE(...) tap_label(__VA_ARGS__)
#define FAIL(...) tap_fail(__FILE__, __LINE__, __VA_ARGS__)

#define CHECK(cond) do { if (!(cond)) FAIL("%s", #cond); } while (0)

#define REQUIRE(cond) do { if (!(cond)) { FAIL("%s", #cond); return; } } while (0)

#define SKIP(...) do { \
	tap.skipped = true; \
	snprintf(tap.why, sizeof(tap.why), __VA_ARGS__); \
	return; \
} while (0)

/* Signed and unsigned numbers up to 64 bits. */
#define CHECK_INT(got, want) do { \
	intmax_t got_ = (intmax_t)(got), want_ = (intmax_t)(want); \
	if (got_ != want_) \
		FAIL("%s is %jd, not %jd", #got, got_, want_); \
} while (0)

/* NUL-terminated text; NULL equals only NULL. */
#define CHECK_STR(got, want) tap_str(__FILE__, __LINE__, #got, (got), (want))

/* Two struct tally_bytes. */
#define CHECK_BYTES(got, want) tap_bytes(__FILE__, __LINE__, #got, (got), (want))

/* The same from memory of one size. */
#define CHECK_MEM(got, want, size) \
	tap_bytes(__FILE__, __LINE__, #got, tally_bytes((got), (size)), tally_bytes((want), (size)))

/* A call that must fail with this code: "call" takes &err, a struct tally_err err in scope. */
#define CHECK_FAILS(call, wanted) do { \
	memset(&err, 0, sizeof(err)); \
	if ((call) != -1) \
		FAIL("%s did not fail", #call); \
	else if (err.code != (wanted)) \
		FAIL("%s failed with %s (%s), not %s", #call, tally_code_name(err.code), err.text, \
		     tally_code_name(wanted)); \
} while (0)

/* A call that must give 0; says why it did not. */
#define CHECK_OK(call) do { \
	if ((call) != 0) \
		FAIL("%s failed: %s", #call, err.text); \
} while (0)

#endif
