/*
 * A member's private key on the client's side, and what it signs. The key never leaves the program:
 * a server gets signature, nonce and salt.
 *
 *	status = signer_read(call, &signer);		before the client is opened
 *	... signer_ask(&signer, &client, ledger) ...	once
 *	... signer_sign(&signer, call, &statement, &payload, &signature) ...
 *	signer_wipe(&signer);
 */
#ifndef TALLY_CMD_SIGNER_H
#define TALLY_CMD_SIGNER_H

#include "client.h"
#include "member_key.h"
#include "statement.h"

#define SIGNER_OPTIONS                                                                            \
	{ "sign", "FILE", "sign with this private key of a member, as 'tally member keygen' makes" }, \
	{ "member", "ID", "the member that signs (default: the caller's own)" }

struct signer {
	bool on;			/* --sign was given */
	enum tally_key_type type;
	uint8_t private[TALLY_MEMBER_PRIVATE];
	char public[TALLY_MEMBER_KEY_TEXT];
	char member_id[32];
	const char *ledger;
};

/* In the form of the API's parameters. */
struct signature {
	char signature[2 * TALLY_MEMBER_SIGNATURE + 1];	/* MemberSignature */
	char nonce[33];					/* MemberNonce */
	char salt[33];					/* PayloadSalt; "" where there is no payload */
};

/* Reads a private key file; public_r may be NULL. False after printing why not. */
bool signer_read_key(const struct verb_call *call, const char *path, enum tally_key_type *type_r,
		     uint8_t private_r[TALLY_MEMBER_PRIVATE], char public_r[TALLY_MEMBER_KEY_TEXT]);

/* The key file that --sign names; nothing happens where it is not given. VERB_OK, or another after
 * printing why. Before the client is opened: as root, the file is still whoever's started it. */
int signer_read(const struct verb_call *call, struct signer *signer);

/* Asks who signs, and that this is its key. False after printing why not. */
bool signer_ask(struct signer *signer, struct client *client, const char *ledger);

/* Signs: ledger, member, nonce and the payload's hash are filled in here. payload NULL: there is none.
 * False after printing why not. */
bool signer_sign(const struct signer *signer, const struct verb_call *call,
		 struct tally_statement *statement, const struct tally_bytes *payload,
		 struct signature *signature_r);

void signer_wipe(struct signer *signer);

#endif
