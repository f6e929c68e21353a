/* A build without libp11-kit: URIs are refused with that, whatever is configured. */
#include "config.h"

#include "pkcs11.h"

#include "err.h"
#include "member_key.h"
#include "tap.h"

static void uris_are_refused(void)
{
	struct tally_bytes uri = TALLY_BYTES_LIT("pkcs11:token=t;object=o");
	struct tally_pkcs11 *pkcs11;
	struct tally_member_key key;
	struct tally_err err;

	CHECK_OK(tally_pkcs11_new("/nowhere/module.so", NULL, &pkcs11, &err));
	CHECK_FAILS(tally_pkcs11_check(uri, &err), TALLY_UNSUPPORTED);
	CHECK(strstr(err.text, "this build") != NULL);
	CHECK_FAILS(tally_pkcs11_read(pkcs11, uri, &key, &err), TALLY_UNSUPPORTED);
	tally_pkcs11_free(&pkcs11);
}

int main(void)
{
	TEST(uris_are_refused);
	return tap_done();
}
