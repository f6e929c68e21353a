/*
 * A PKCS#11 module with one slot and one token, for tests: what is on the token, what fails and how it
 * lies is said through the struct, which its user finds by name (dlsym) in the loaded module.
 */
#ifndef FAKE_PKCS11_H
#define FAKE_PKCS11_H

#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stddef.h>

enum fake_call {
	FAKE_INITIALIZE, FAKE_INFO, FAKE_SLOT_LIST, FAKE_SLOT_INFO, FAKE_TOKEN_INFO, FAKE_OPEN, FAKE_LOGIN,
	FAKE_FIND_INIT, FAKE_FIND, FAKE_ATTRIBUTE, FAKE_CALLS
};

struct fake_object {
	const char *label;
	CK_OBJECT_CLASS class;
	CK_KEY_TYPE key_type;
	const void *params, *point;
	size_t params_size, point_size;
	bool hidden;				/* until somebody logged in */
};

struct fake_pkcs11 {
	struct fake_object objects[4];
	size_t object_count;
	CK_FLAGS token_flags;
	const char *pin;
	CK_RV fails[FAKE_CALLS];		/* what the call returns; CKR_OK: it works */
	bool lies[FAKE_CALLS];			/* SLOT_LIST, FIND, ATTRIBUTE: says that it gave more than fits */
	/* what was seen */
	unsigned int calls[FAKE_CALLS], sessions, finalized;
	bool os_locking, logged_in;
};

#define FAKE_LABEL "till token"

#endif
