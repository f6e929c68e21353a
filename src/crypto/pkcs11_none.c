/* What pkcs11.h declares, in a build without libp11-kit: each URI is refused with that. */
#include "pkcs11.h"

#include <stddef.h>

#include "err.h"

/* The configuration may have modules: it need not differ from that of another build. */
int tally_pkcs11_new(const char *modules, const char *pin_file, struct tally_pkcs11 **pkcs11_r,
		     struct tally_err *err)
{
	(void)modules;
	(void)pin_file;
	(void)err;
	*pkcs11_r = NULL;
	return 0;
}

void tally_pkcs11_free(struct tally_pkcs11 **pkcs11)
{
	*pkcs11 = NULL;
}

int tally_pkcs11_check(struct tally_bytes uri, struct tally_err *err)
{
	(void)uri;
	return tally_err_set(err, TALLY_UNSUPPORTED,
			     "this build reads no PKCS#11 URIs: export the public key into the key "
			     "store, and name it by its file");
}

int tally_pkcs11_read(struct tally_pkcs11 *pkcs11, struct tally_bytes uri,
		      struct tally_member_key *key_r, struct tally_err *err)
{
	(void)pkcs11;
	(void)key_r;
	return tally_pkcs11_check(uri, err);
}
