/*
 * The body of a request with a private key in it. The key is taken out before anything else reads the
 * body: into locked memory, which is wiped when it is freed; where it stood is overwritten. So no parser
 * ever has a copy. Data that is shared is taken out too, and not copied.
 */
#ifndef TALLY_SECRET_BODY_H
#define TALLY_SECRET_BODY_H

#include "bytes.h"

struct tally_arena;

#define SECRET_BODY_BULK 4
struct tally_secret_body {
	char *private_pem;		/* locked, NUL-terminated; NULL: there is none */
	bool private_given;		/* a member sk, whatever it is */
	bool private_text;		/* ... a string that fits */
	size_t private_size;
	struct tally_bytes rest;	/* the other members, JSON; in the arena */
	struct tally_bytes bulk_names[SECRET_BODY_BULK];	/* members of the names asked for ... */
	struct tally_bytes bulk[SECRET_BODY_BULK];		/* ... their text */
	size_t bulk_count;
};

/*
 * bulk: names whose strings are taken out, NULL-terminated. False: the body is no JSON object, has one of
 * these twice, or not as a string; what could be taken is taken, and the key overwritten, nevertheless.
 * Free it always.
 */
bool tally_secret_body_take(struct tally_bytes body, const char *const *bulk,
			    struct tally_arena *arena, struct tally_secret_body *taken_r);
void tally_secret_body_free(struct tally_secret_body *taken);

/* PEM as it comes in JSON: a backslash and an n are a line feed too, in place. The new size. */
size_t tally_pem_unfold(char *text, size_t size);

#endif
