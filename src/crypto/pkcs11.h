/*
 * Members' public keys out of PKCS#11 tokens, by their URIs (RFC 7512), through libp11-kit. Only
 * public keys are read: nothing is signed, made or changed on a token.
 *
 * A module is foreign code in this process, so the operator alone says which there are. A URI says
 * which token and key; it has no query part, so it can name neither a module nor a PIN.
 *
 * Everything here may be called from any thread at any time, and modules are told so when they are
 * initialised (CKF_OS_LOCKING_OK). Still, one URI is looked for after the other: modules are less
 * tried in threads than they say, and a login made for one caller must show nothing to another.
 */
#ifndef TALLY_PKCS11_H
#define TALLY_PKCS11_H

#include "bytes.h"

struct tally_err;
struct tally_member_key;
struct tally_pkcs11;

#define TALLY_PKCS11_URI_MAX 255
#define TALLY_PKCS11_MODULES 16		/* most that can be configured */

/*
 * modules: absolute paths, separated by spaces. pin_file: NULL, or a file of mode 0600 whose first
 * line is the user's PIN of those tokens. Nothing is loaded or read yet. INVALID for a path that is
 * not absolute, or too many of them.
 */
int tally_pkcs11_new(const char *modules, const char *pin_file, struct tally_pkcs11 **pkcs11_r,
		     struct tally_err *err);

/* Unloads the modules; no call may be under way. NULL is taken. */
void tally_pkcs11_free(struct tally_pkcs11 **pkcs11);

/*
 * Is it a URI of a public key that a client may give? INVALID about "KMSKeyId"; UNSUPPORTED in a
 * build without libp11-kit. Asks no module.
 */
int tally_pkcs11_check(struct tally_bytes uri, struct tally_err *err);

/*
 * The one public key that the URI matches, on all tokens of all modules. Errors as of the check, and
 * INVALID about "KMSKeyId" where several match or the one is of a kind that members do not have;
 * NOTFOUND where none does; IO about "KeyStore" where a module cannot be loaded or fails, or the PIN
 * is refused: its text is for the log.
 *
 * Modules are loaded by the first call, and kept. The PIN is read when it is used, wiped then, and
 * given only to a token that the URI names by label or serial number and that wants a login. A PIN
 * that was refused is not tried again by this process, nor on a token that says that its last try
 * failed, so that nobody can lock a token by asking.
 */
int tally_pkcs11_read(struct tally_pkcs11 *pkcs11, struct tally_bytes uri,
		      struct tally_member_key *key_r, struct tally_err *err);

#endif
