/*
 * What several members sign together on the command line: a journal of the service's own, such as
 * the order to erase a payload. Keys may lie on several machines: one makes its signature alone
 * (--sign-only), another sends all of them (--signature).
 *
 *	status = joint_read(call, &joint);		before the client is opened
 *	status = joint_sign(&joint, ledger, "OCCULT", data);
 *	... joint_add(&joint, &client) ...
 *	joint_free(&joint);
 */
#ifndef TALLY_CMD_JOINT_H
#define TALLY_CMD_JOINT_H

#include "client.h"
#include "member_key.h"

#define JOINT_OPTIONS                                                                             \
	{ "sign", "ID=FILE", "sign as this member with its private key, PEM; may stand several times" }, \
	{ "signature", "ID=HEX", "a signature made elsewhere; may stand several times" },         \
	{ "author", "ID", "the member that is the author (default: of the first --sign)" },       \
	{ "nonce", "TEXT", "signed with it, and never again (default: a random one)" },           \
	{ "sign-only", NULL, "only print what --sign signs, in the form of --signature" }

#define JOINT_MOST 8

struct joint_one {
	char member_id[32];
	enum tally_key_type type;	/* KEY_TYPE_NONE: the signature is there already */
	uint8_t private[TALLY_MEMBER_PRIVATE];
	char signature[2 * TALLY_MEMBER_SIGNATURE + 1];
};

struct joint {
	const struct verb_call *call;
	struct joint_one of[JOINT_MOST];
	size_t count;			/* 0: nobody signs */
	char author[32];
	char nonce[65];
};

/* Options, and the key files they name: before the client is opened, since root's files are then not
 * root's any more. VERB_OK, or another after printing why. */
int joint_read(const struct verb_call *call, struct joint *joint_r);

/* Signs the statement (statement.h) of this type; data is its canonical JSON. */
int joint_sign(struct joint *joint, const char *ledger, const char *payload_type,
	       struct tally_bytes data);

/* With --sign-only: prints the signatures, one a line. */
void joint_print(const struct joint *joint);

/* Adds them to the request, the author's first; nothing where nobody signs. */
void joint_add(const struct joint *joint, struct client *client);

/* Wipes the keys. */
void joint_free(struct joint *joint);

#endif
