/*
 * Public keys out of PKCS#11 tokens: what a URI may say; a module that is told what to do, with keys of each
 * kind, failures and lies; and SoftHSM's, where it is installed.
 */
#include "config.h"

#include "pkcs11.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <glob.h>
#include <p11-kit/p11-kit.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "fake_pkcs11.h"
#include "member_key.h"
#include "tap.h"

#define URI(text) TALLY_BYTES_LIT("pkcs11:" text)

static struct tally_err err;
static struct tally_member_key keys[KEY_TYPE_ED25519 + 1];	/* by kind */
static char pin_file[] = "/tmp/tally-pin-XXXXXX";

/* The values of CKA_EC_PARAMS, as tokens have them. */
static const struct tally_bytes params[] = {
	[KEY_TYPE_SECP256K1] = TALLY_BYTES_LIT("\x06\x05\x2b\x81\x04\x00\x0a"),
	[KEY_TYPE_SECP256R1] = TALLY_BYTES_LIT("\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"),
	[KEY_TYPE_SM2] = TALLY_BYTES_LIT("\x06\x08\x2a\x81\x1c\xcf\x55\x01\x82\x2d"),
	[KEY_TYPE_ED25519] = TALLY_BYTES_LIT("\x13\x0c" "edwards25519")
};
static const struct tally_bytes ed25519_oid = TALLY_BYTES_LIT("\x06\x03\x2b\x65\x70");
static const struct tally_bytes p384_oid = TALLY_BYTES_LIT("\x06\x05\x2b\x81\x04\x00\x22");

/* The key as an OCTET STRING. */
static size_t wrap(const struct tally_member_key *key, uint8_t point_r[TALLY_MEMBER_KEY_MAX + 2])
{
	point_r[0] = 4;
	point_r[1] = key->size;
	memcpy(point_r + 2, key->bytes, key->size);
	return key->size + 2u;
}

static bool make_keys(void)
{
	uint8_t private[TALLY_MEMBER_PRIVATE];

	for (unsigned int type = KEY_TYPE_SECP256K1; type <= KEY_TYPE_ED25519; type++)
		if (tally_member_generate(type, private, &err) < 0 ||
		    tally_member_public(type, private, &keys[type], &err) < 0)
			return false;
	return true;
}

/* ---- URIs ---- */

static void uris(void)
{
	static const struct {
		const char *uri;
		bool good;
	} cases[] = {
		{ "pkcs11:token=till%20token;object=till-7", true },
		{ "pkcs11:token=t;id=%00%ff;type=public", true },
		{ "pkcs11:object=o", true },
		{ "pkcs11:serial=0001;slot-id=7;library-manufacturer=Fake", true },
		{ "pkcs11:", true },
		{ "", false },
		{ "pkcs11", false },
		{ "http://example.invalid/", false },
		{ "pkcs11:object", false },
		{ "pkcs11:object=%", false },
		{ "pkcs11:object=%zz", false },
		{ "pkcs11:id=%f", false },
		{ "pkcs11:slot-id=x", false },
		{ "pkcs11:object=a b", false },
		{ "pkcs11:object=\xc3\xa4", false },
		{ "pkcs11:object=o;type=private", false },
		{ "pkcs11:object=o;type=cert", false },
		{ "pkcs11:object=o;type=nothing", false },
		{ "pkcs11:object=o;x-vendor=1", false },
		{ "pkcs11:object=o;unknown=1", false },
		{ "pkcs11:object=o?pin-value=1234", false },
		{ "pkcs11:object=o?pin-source=file:/etc/passwd", false },
		{ "pkcs11:object=o?module-path=/usr/lib/softhsm/libsofthsm2.so", false },
		{ "pkcs11:object=o?module-name=softhsm2", false },
		{ "pkcs11:object=o;module-path=/tmp/x.so", false },
		{ "pkcs11:object=o;pin-value=1234", false },
		{ "pkcs11:object=o;pinfile=/tmp/x", false },
		{ "pkcs11:object=o?", false },
	};
	char longest[TALLY_PKCS11_URI_MAX + 2];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CASE("%s", cases[i].uri);
		if (cases[i].good) {
			CHECK_OK(tally_pkcs11_check(tally_bytes_str(cases[i].uri), &err));
			continue;
		}
		CHECK_FAILS(tally_pkcs11_check(tally_bytes_str(cases[i].uri), &err), TALLY_INVALID);
		CHECK_STR(err.subject, "KMSKeyId");
		CHECK(strstr(err.text, "1234") == NULL);	/* a PIN is in no error */
	}
	CASE("sizes");
	memset(longest, 'a', sizeof(longest));
	memcpy(longest, "pkcs11:object=", 14);
	CHECK_OK(tally_pkcs11_check(tally_bytes(longest, TALLY_PKCS11_URI_MAX), &err));
	CHECK_FAILS(tally_pkcs11_check(tally_bytes(longest, sizeof(longest)), &err), TALLY_INVALID);
	CHECK_FAILS(tally_pkcs11_check(tally_bytes("pkcs11:object=a\0b", 17), &err), TALLY_INVALID);
}

static void settings(void)
{
	char many[TALLY_PKCS11_MODULES * 5 + 6] = "";
	struct tally_pkcs11 *pkcs11;

	CHECK_FAILS(tally_pkcs11_new("/a.so softhsm2.so", NULL, &pkcs11, &err), TALLY_INVALID);
	CHECK_STR(err.subject, "access.pkcs11_modules");
	for (int i = 0; i <= TALLY_PKCS11_MODULES; i++)
		strcat(many, "/a.o ");
	CHECK_FAILS(tally_pkcs11_new(many, NULL, &pkcs11, &err), TALLY_INVALID);
	CHECK_OK(tally_pkcs11_new("", NULL, &pkcs11, &err));
	tally_pkcs11_free(&pkcs11);
	tally_pkcs11_free(&pkcs11);
}

/* ---- a module that is told what to do ---- */

static struct fake_pkcs11 *fake;
static uint8_t points[KEY_TYPE_ED25519 + 1][TALLY_MEMBER_KEY_MAX + 2];

static struct fake_object object_of(enum tally_key_type type, const char *label)
{
	return (struct fake_object){
		.label = label, .class = CKO_PUBLIC_KEY,
		.key_type = type == KEY_TYPE_ED25519 ? CKK_EC_EDWARDS : CKK_EC,
		.params = params[type].data, .params_size = params[type].size,
		.point = points[type], .point_size = wrap(&keys[type], points[type])
	};
}

/* One key on the token, "till-7", which needs no login. */
static struct tally_pkcs11 *open_fake(const char *with_pin_file)
{
	struct tally_pkcs11 *pkcs11 = NULL;

	memset(fake, 0, sizeof(*fake));
	fake->token_flags = CKF_TOKEN_INITIALIZED;
	fake->objects[fake->object_count++] = object_of(KEY_TYPE_SECP256R1, "till-7");
	CHECK_OK(tally_pkcs11_new(TALLY_FAKE_PKCS11, with_pin_file, &pkcs11, &err));
	return pkcs11;
}

/* Whatever came, no session is left open. */
static void close_fake(struct tally_pkcs11 **pkcs11)
{
	CHECK_INT(fake->sessions, 0);
	tally_pkcs11_free(pkcs11);
}

#define ASK(pkcs11, text) tally_pkcs11_read(pkcs11, URI(text), &key, &err)

static void kinds(void)
{
	struct tally_pkcs11 *pkcs11 = open_fake(NULL);
	struct tally_member_key key;

	for (unsigned int type = KEY_TYPE_SECP256K1; type <= KEY_TYPE_ED25519; type++) {
		CASE("%s", tally_key_type_name(type));
		fake->objects[0] = object_of(type, "till-7");
		memset(&key, 0, sizeof(key));
		CHECK_OK(ASK(pkcs11, "token=till%20token;object=till-7;type=public"));
		CHECK(tally_member_key_equal(&key, &keys[type]));
		CASE("%s, a bare point", tally_key_type_name(type));
		fake->objects[0].point = keys[type].bytes;
		fake->objects[0].point_size = keys[type].size;
		memset(&key, 0, sizeof(key));
		CHECK_OK(ASK(pkcs11, "object=till-7"));
		CHECK(tally_member_key_equal(&key, &keys[type]));
	}
	CASE("ED25519 by OID");
	fake->objects[0].params = ed25519_oid.data;
	fake->objects[0].params_size = ed25519_oid.size;
	CHECK_OK(ASK(pkcs11, "object=till-7"));
	CHECK(fake->os_locking);
	CHECK_INT(fake->calls[FAKE_INITIALIZE], 1);	/* loaded once, and kept */
	close_fake(&pkcs11);
	CHECK_INT(fake->finalized, 1);
}

static void keys_that_members_do_not_have(void)
{
	struct tally_pkcs11 *pkcs11 = open_fake(NULL);
	struct fake_object good = fake->objects[0], *object = &fake->objects[0];
	uint8_t large[200] = { 4 };
	struct tally_member_key key;
	struct fake_object bad[] = {
		{ .label = "till-7", .class = CKO_PUBLIC_KEY, .key_type = CKK_RSA },
		{ .label = "till-7", .class = CKO_PUBLIC_KEY, .key_type = CKK_EC },
		good, good, good, good, good, good
	};

	bad[2].params = p384_oid.data;
	bad[2].params_size = p384_oid.size;
	bad[3].key_type = CKK_EC_EDWARDS;
	bad[4].point = NULL;
	bad[5].point_size = 34;				/* a compressed point would be so long */
	bad[6].point = large;				/* too long for any kind */
	bad[6].point_size = sizeof(large);
	bad[7].params = large;				/* a curve that is not named */
	bad[7].params_size = sizeof(large);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		CASE("%zu", i);
		*object = bad[i];
		CHECK_FAILS(ASK(pkcs11, "object=till-7"), TALLY_INVALID);
		CHECK_STR(err.subject, "KMSKeyId");
	}
	CASE("not on the curve");
	*object = good;
	points[KEY_TYPE_SECP256R1][20] ^= 1;
	CHECK_FAILS(ASK(pkcs11, "object=till-7"), TALLY_INVALID);
	CHECK_STR(err.subject, "KMSKeyId");
	CASE("every size of a point");
	for (size_t size = 0; size < sizeof(points[0]); size++) {
		uint8_t *part = malloc(size + 1);	/* exactly, so that a sanitizer sees a read beyond */

		memcpy(part, points[KEY_TYPE_SECP256R1], size);
		object->point = part;
		object->point_size = size;
		CHECK_FAILS(ASK(pkcs11, "object=till-7"), TALLY_INVALID);
		free(part);
	}
	close_fake(&pkcs11);
}

static void one_key_matches(void)
{
	struct tally_pkcs11 *pkcs11 = open_fake(NULL);
	struct tally_member_key key;

	fake->objects[fake->object_count++] = object_of(KEY_TYPE_SM2, "till-8");
	fake->objects[fake->object_count++] = object_of(KEY_TYPE_SM2, "till-8");
	fake->objects[fake->object_count] = object_of(KEY_TYPE_SM2, "till-7");
	fake->objects[fake->object_count++].class = CKO_PRIVATE_KEY;
	CHECK_OK(ASK(pkcs11, "object=till-7"));
	CHECK_FAILS(ASK(pkcs11, "object=till-8"), TALLY_INVALID);
	CHECK_STR(err.subject, "KMSKeyId");
	CHECK_FAILS(ASK(pkcs11, "token=till%20token"), TALLY_INVALID);
	CHECK_FAILS(ASK(pkcs11, "object=till-9"), TALLY_NOTFOUND);
	CHECK_FAILS(ASK(pkcs11, "token=other;object=till-7"), TALLY_NOTFOUND);
	CHECK_FAILS(ASK(pkcs11, "slot-id=8;object=till-7"), TALLY_NOTFOUND);
	CHECK_FAILS(ASK(pkcs11, "slot-description=8;object=till-7"), TALLY_NOTFOUND);
	CHECK_FAILS(ASK(pkcs11, "library-manufacturer=Other;object=till-7"), TALLY_NOTFOUND);
	CHECK_OK(ASK(pkcs11, "slot-id=7;library-manufacturer=Fake;object=till-7"));
	CHECK_FAILS(ASK(pkcs11, "object=till-7?module-path=/x"), TALLY_INVALID);
	CASE("no token");
	fake->token_flags = 0;
	CHECK_FAILS(ASK(pkcs11, "object=till-7"), TALLY_NOTFOUND);
	fake->fails[FAKE_TOKEN_INFO] = CKR_TOKEN_NOT_PRESENT;
	CHECK_FAILS(ASK(pkcs11, "object=till-7"), TALLY_NOTFOUND);
	close_fake(&pkcs11);
}

/* Each call fails in turn; the next request is answered as if nothing had been. */
static void modules_that_fail(void)
{
	struct tally_pkcs11 *pkcs11;
	struct tally_member_key key;

	for (unsigned int call = 0; call < FAKE_CALLS; call++) {
		CASE("call %u", call);
		if (call == FAKE_LOGIN)
			continue;		/* below */
		pkcs11 = open_fake(NULL);
		fake->fails[call] = CKR_DEVICE_ERROR;
		CHECK_FAILS(ASK(pkcs11, "object=till-7"), TALLY_IO);
		CHECK_STR(err.subject, "KeyStore");
		CHECK(fake->calls[call] > 0);
		fake->fails[call] = CKR_OK;
		CHECK_OK(ASK(pkcs11, "object=till-7"));
		close_fake(&pkcs11);
	}
}

static void modules_that_lie(void)
{
	static const enum fake_call liars[] = { FAKE_SLOT_LIST, FAKE_FIND, FAKE_ATTRIBUTE };
	struct tally_pkcs11 *pkcs11;
	struct tally_member_key key;

	for (size_t i = 0; i < sizeof(liars) / sizeof(*liars); i++) {
		CASE("call %d", liars[i]);
		pkcs11 = open_fake(NULL);
		fake->lies[liars[i]] = true;
		CHECK_FAILS(ASK(pkcs11, "object=till-7"), TALLY_IO);
		CHECK_STR(err.subject, "KeyStore");
		CHECK(fake->calls[liars[i]] > 0);
		fake->lies[liars[i]] = false;
		CHECK_OK(ASK(pkcs11, "object=till-7"));
		close_fake(&pkcs11);
	}
}

static void modules_that_are_none(void)
{
	static const char *const paths[] = { "/nowhere/module.so", "/dev/null", TALLY_GOLDEN "/keys",
					     TALLY_FAKE_PKCS11 " /nowhere/module.so" };
	struct tally_pkcs11 *pkcs11;
	struct tally_member_key key;

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		CASE("%s", paths[i]);
		CHECK_OK(tally_pkcs11_new(paths[i], NULL, &pkcs11, &err));
		CHECK_FAILS(ASK(pkcs11, "object=till-7"), TALLY_IO);
		CHECK_STR(err.subject, "KeyStore");
		CHECK_FAILS(ASK(pkcs11, "object=till-7"), TALLY_IO);
		tally_pkcs11_free(&pkcs11);
	}
}

/* ---- PINs ---- */

static void write_pin(const char *text)
{
	int fd = open(pin_file, O_WRONLY | O_TRUNC);

	CHECK(fd >= 0);
	CHECK_INT(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

/* The key is there after a login only. */
static struct tally_pkcs11 *open_hidden(const char *with_pin_file)
{
	struct tally_pkcs11 *pkcs11 = open_fake(with_pin_file);

	fake->objects[0].hidden = true;
	fake->token_flags |= CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED;
	fake->pin = "4711";
	return pkcs11;
}

static void pins(void)
{
	struct tally_pkcs11 *pkcs11 = open_hidden(NULL);
	struct tally_member_key key;

	CASE("none is configured");
	CHECK_FAILS(ASK(pkcs11, "token=till%20token;object=till-7"), TALLY_NOTFOUND);
	close_fake(&pkcs11);
	CASE("the right one");
	write_pin("4711\r\nsecond line\n");
	pkcs11 = open_hidden(pin_file);
	CHECK_OK(ASK(pkcs11, "token=till%20token;object=till-7"));
	CHECK_INT(fake->calls[FAKE_LOGIN], 1);
	CASE("by serial number");
	CHECK_OK(ASK(pkcs11, "serial=0001;object=till-7"));
	CASE("another session has logged in");
	fake->objects[0].hidden = false;
	fake->fails[FAKE_LOGIN] = CKR_USER_ALREADY_LOGGED_IN;
	CHECK_OK(ASK(pkcs11, "token=till%20token;object=till-7"));
	CASE("only where the URI names the token");
	fake->objects[0].hidden = true;
	fake->calls[FAKE_LOGIN] = 0;
	CHECK_FAILS(ASK(pkcs11, "object=till-7"), TALLY_NOTFOUND);
	CASE("only where the token wants one");
	fake->token_flags &= ~(CK_FLAGS)CKF_LOGIN_REQUIRED;
	CHECK_FAILS(ASK(pkcs11, "token=till%20token;object=till-7"), TALLY_NOTFOUND);
	CHECK_INT(fake->calls[FAKE_LOGIN], 0);
	close_fake(&pkcs11);
}

/* Nobody can lock a token by asking. */
static void a_wrong_pin_is_tried_once(void)
{
	static const CK_FLAGS warnings[] = { CKF_USER_PIN_COUNT_LOW, CKF_USER_PIN_FINAL_TRY,
					     CKF_USER_PIN_LOCKED };
	struct tally_pkcs11 *pkcs11;
	struct tally_member_key key;

	write_pin("0815\n");
	pkcs11 = open_hidden(pin_file);
	for (int i = 0; i < 3; i++) {
		CHECK_FAILS(ASK(pkcs11, "token=till%20token;object=till-7"), TALLY_IO);
		CHECK_STR(err.subject, "KeyStore");
		CHECK(strstr(err.text, "0815") == NULL);
	}
	CHECK_INT(fake->calls[FAKE_LOGIN], 1);
	close_fake(&pkcs11);
	write_pin("4711\n");
	for (size_t i = 0; i < sizeof(warnings) / sizeof(*warnings); i++) {
		CASE("warning %zu", i);
		pkcs11 = open_hidden(pin_file);
		fake->token_flags |= warnings[i];
		CHECK_FAILS(ASK(pkcs11, "token=till%20token;object=till-7"), TALLY_IO);
		CHECK_INT(fake->calls[FAKE_LOGIN], 0);
		close_fake(&pkcs11);
	}
	CASE("a device that fails is asked again");
	pkcs11 = open_hidden(pin_file);
	fake->fails[FAKE_LOGIN] = CKR_DEVICE_ERROR;
	CHECK_FAILS(ASK(pkcs11, "token=till%20token;object=till-7"), TALLY_IO);
	fake->fails[FAKE_LOGIN] = CKR_OK;
	CHECK_OK(ASK(pkcs11, "token=till%20token;object=till-7"));
	close_fake(&pkcs11);
}

static void pin_files(void)
{
	char many[400];
	struct tally_pkcs11 *pkcs11 = open_hidden("/nowhere/pin");
	struct tally_member_key key;

	CHECK_FAILS(ASK(pkcs11, "token=till%20token;object=till-7"), TALLY_IO);
	close_fake(&pkcs11);
	pkcs11 = open_hidden(pin_file);
	memset(many, '1', sizeof(many));
	many[sizeof(many) - 1] = '\0';
	write_pin(many);
	CHECK_FAILS(ASK(pkcs11, "token=till%20token;object=till-7"), TALLY_IO);
	CHECK(strstr(err.text, "1111") == NULL);
	write_pin("\n4711\n");
	CHECK_FAILS(ASK(pkcs11, "token=till%20token;object=till-7"), TALLY_IO);
	write_pin("4711");
	CHECK_INT(chmod(pin_file, 0644), 0);
	CHECK_FAILS(ASK(pkcs11, "token=till%20token;object=till-7"), TALLY_IO);
	CHECK_INT(fake->calls[FAKE_LOGIN], 0);
	CHECK_INT(chmod(pin_file, 0600), 0);
	CHECK_OK(ASK(pkcs11, "token=till%20token;object=till-7"));
	close_fake(&pkcs11);
}

/* ---- SoftHSM ---- */

#define SO_PIN "12345678"
#define USER_PIN "4711"

static char softhsm[200], softhsm_dir[] = "/tmp/tally-softhsm-XXXXXX";

static bool find_softhsm(void)
{
	glob_t found;
	bool any = glob("/usr/lib*/softhsm/libsofthsm2.so", 0, NULL, &found) == 0 ||
		   glob("/usr/lib*/*/softhsm/libsofthsm2.so", 0, NULL, &found) == 0 ||
		   glob("/usr/local/lib*/softhsm/libsofthsm2.so", 0, NULL, &found) == 0;

	if (any) {
		snprintf(softhsm, sizeof(softhsm), "%s", found.gl_pathv[0]);
		globfree(&found);
	}
	return any;
}

static CK_FUNCTION_LIST *hsm;

static bool add_key(CK_SESSION_HANDLE session, const char *label, const char *id,
		    enum tally_key_type type, bool private)
{
	CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
	CK_KEY_TYPE key_type = type == KEY_TYPE_ED25519 ? CKK_EC_EDWARDS : CKK_EC;
	CK_BBOOL yes = CK_TRUE, is_private = private ? CK_TRUE : CK_FALSE;
	uint8_t point[TALLY_MEMBER_KEY_MAX + 2];
	CK_ATTRIBUTE template[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &key_type, sizeof(key_type) },
		{ CKA_TOKEN, &yes, sizeof(yes) },
		{ CKA_PRIVATE, &is_private, sizeof(is_private) },
		{ CKA_LABEL, (void *)label, strlen(label) },
		{ CKA_ID, (void *)id, strlen(id) },
		{ CKA_EC_PARAMS, (void *)params[type].data, params[type].size },
		{ CKA_EC_POINT, point, wrap(&keys[type], point) }
	};
	CK_OBJECT_HANDLE object;

	return hsm->C_CreateObject(session, template, sizeof(template) / sizeof(*template),
				   &object) == CKR_OK;
}

static bool add_rsa_key(CK_SESSION_HANDLE session, const char *label)
{
	CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
	CK_KEY_TYPE key_type = CKK_RSA;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	uint8_t modulus[256] = { 0xc5 }, exponent[3] = { 1, 0, 1 };
	CK_ATTRIBUTE template[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &key_type, sizeof(key_type) },
		{ CKA_TOKEN, &yes, sizeof(yes) },
		{ CKA_PRIVATE, &no, sizeof(no) },
		{ CKA_LABEL, (void *)label, strlen(label) },
		{ CKA_MODULUS, modulus, sizeof(modulus) },
		{ CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent) }
	};
	CK_OBJECT_HANDLE object;

	modulus[255] = 1;
	return hsm->C_CreateObject(session, template, sizeof(template) / sizeof(*template),
				   &object) == CKR_OK;
}

/* The slot of the token that is not initialised yet is the last one. */
static bool free_slot(CK_SLOT_ID *slot_r)
{
	CK_SLOT_ID slots[8];
	CK_ULONG count = 8;

	if (hsm->C_GetSlotList(CK_TRUE, NULL, &count) != CKR_OK || count == 0 || count > 8 ||
	    hsm->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK)
		return false;
	*slot_r = slots[count - 1];
	return true;
}

static bool make_token(const char *name, CK_SESSION_HANDLE *session_r)
{
	CK_UTF8CHAR label[32];
	CK_SLOT_ID slot;

	memset(label, ' ', sizeof(label));
	memcpy(label, name, strlen(name));
	return free_slot(&slot) &&
	       hsm->C_InitToken(slot, (CK_UTF8CHAR *)SO_PIN, strlen(SO_PIN), label) == CKR_OK &&
	       hsm->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
				  session_r) == CKR_OK &&
	       hsm->C_Login(*session_r, CKU_SO, (CK_UTF8CHAR *)SO_PIN, strlen(SO_PIN)) == CKR_OK &&
	       hsm->C_InitPIN(*session_r, (CK_UTF8CHAR *)USER_PIN, strlen(USER_PIN)) == CKR_OK &&
	       hsm->C_Logout(*session_r) == CKR_OK &&
	       hsm->C_Login(*session_r, CKU_USER, (CK_UTF8CHAR *)USER_PIN, strlen(USER_PIN)) == CKR_OK;
}

/* Where SoftHSM was built without Edwards curves, it has no such key. */
static bool has_ed25519;

static bool make_tokens(void)
{
	CK_SESSION_HANDLE first, second;
	bool made = make_token("till token", &first) && make_token("other token", &second) &&
		    add_key(first, "till-7", "\x01", KEY_TYPE_SECP256R1, false) &&
		    add_key(first, "k1", "\x02", KEY_TYPE_SECP256K1, false) &&
		    add_key(first, "hidden", "\x03", KEY_TYPE_SECP256K1, true) &&
		    add_key(first, "twice", "\x04", KEY_TYPE_SECP256K1, false) &&
		    add_key(first, "twice", "\x05", KEY_TYPE_SECP256R1, false) &&
		    add_key(second, "till-7", "\x01", KEY_TYPE_SECP256K1, false) &&
		    add_rsa_key(second, "rsa");

	has_ed25519 = made && add_key(second, "ed", "\x06", KEY_TYPE_ED25519, false);
	return made && hsm->C_CloseSession(first) == CKR_OK && hsm->C_CloseSession(second) == CKR_OK;
}

static bool prepare_softhsm(void)
{
	char path[100];
	FILE *file;
	bool made;

	if (mkdtemp(softhsm_dir) == NULL)
		return false;
	snprintf(path, sizeof(path), "%s/softhsm2.conf", softhsm_dir);
	file = fopen(path, "w");
	if (file == NULL)
		return false;
	fprintf(file, "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n",
		softhsm_dir);
	fclose(file);
	setenv("SOFTHSM2_CONF", path, 1);
	hsm = p11_kit_module_load(softhsm, 0);
	if (hsm == NULL || p11_kit_module_initialize(hsm) != CKR_OK)
		return false;
	made = make_tokens();
	p11_kit_module_finalize(hsm);
	p11_kit_module_release(hsm);
	return made;
}

static void check_key(struct tally_pkcs11 *pkcs11, const char *uri, enum tally_key_type type)
{
	struct tally_member_key key = { .type = KEY_TYPE_NONE };

	CASE("%s", uri);
	CHECK_OK(tally_pkcs11_read(pkcs11, tally_bytes_str(uri), &key, &err));
	CHECK(tally_member_key_equal(&key, &keys[type]));
}

static void *ask_often(void *pkcs11)
{
	struct tally_member_key key;
	struct tally_err why;
	intptr_t good = 0;

	for (int i = 0; i < 20; i++)
		good += tally_pkcs11_read(pkcs11, URI("token=till%20token;object=hidden"), &key,
					  &why) == 0;
	return (void *)good;
}

static void softhsm_has_keys(void)
{
	struct tally_pkcs11 *pkcs11;
	struct tally_member_key key;
	pthread_t threads[4];
	void *good;

	if (softhsm[0] == '\0')
		SKIP("softhsm2 is not installed");
	REQUIRE(prepare_softhsm());
	CHECK_OK(tally_pkcs11_new(softhsm, NULL, &pkcs11, &err));
	check_key(pkcs11, "pkcs11:token=till%20token;object=till-7;type=public", KEY_TYPE_SECP256R1);
	check_key(pkcs11, "pkcs11:token=other%20token;object=till-7", KEY_TYPE_SECP256K1);
	check_key(pkcs11, "pkcs11:manufacturer=SoftHSM%20project;object=k1", KEY_TYPE_SECP256K1);
	check_key(pkcs11, "pkcs11:id=%05;type=public", KEY_TYPE_SECP256R1);
	if (has_ed25519)
		check_key(pkcs11, "pkcs11:object=ed", KEY_TYPE_ED25519);
	CASE("refusals");
	CHECK_FAILS(ASK(pkcs11, "object=till-7"), TALLY_INVALID);		/* on two tokens */
	CHECK_FAILS(ASK(pkcs11, "object=twice"), TALLY_INVALID);
	CHECK_FAILS(ASK(pkcs11, "object=rsa"), TALLY_INVALID);
	CHECK(strstr(err.text, "kind") != NULL);
	CHECK_FAILS(ASK(pkcs11, "token=third%20token;object=till-7"), TALLY_NOTFOUND);
	CHECK_FAILS(ASK(pkcs11, "token=other%20token;object=k1"), TALLY_NOTFOUND);
	CHECK_FAILS(ASK(pkcs11, "token=till%20token;object=hidden"), TALLY_NOTFOUND);
	tally_pkcs11_free(&pkcs11);
	CASE("another module than the one that has them");
	pkcs11 = open_fake(NULL);
	CHECK_FAILS(ASK(pkcs11, "object=k1"), TALLY_NOTFOUND);
	close_fake(&pkcs11);
	CASE("with the PIN, from many threads");
	write_pin(USER_PIN "\n");
	CHECK_OK(tally_pkcs11_new(softhsm, pin_file, &pkcs11, &err));
	for (size_t i = 0; i < 4; i++)
		REQUIRE(pthread_create(&threads[i], NULL, ask_often, pkcs11) == 0);
	for (size_t i = 0; i < 4; i++) {
		CHECK_INT(pthread_join(threads[i], &good), 0);
		CHECK_INT((intptr_t)good, 20);
	}
	tally_pkcs11_free(&pkcs11);
	CASE("with a wrong PIN, in a second process too");
	write_pin("0000\n");
	for (int i = 0; i < 5; i++) {
		CHECK_OK(tally_pkcs11_new(softhsm, pin_file, &pkcs11, &err));
		CHECK_FAILS(ASK(pkcs11, "token=till%20token;object=k1"), TALLY_IO);
		tally_pkcs11_free(&pkcs11);
	}
	CHECK(strstr(err.text, "the last PIN was wrong") != NULL);
}

static void remove_files(void)
{
	char command[100];

	unlink(pin_file);
	snprintf(command, sizeof(command), "rm -rf '%s'", softhsm_dir);
	if (hsm != NULL && system(command) != 0)
		printf("# %s is left\n", softhsm_dir);
}

int main(void)
{
	void *module = dlopen(TALLY_FAKE_PKCS11, RTLD_NOW);
	int fd = mkstemp(pin_file);

	fake = module != NULL ? dlsym(module, "fake_pkcs11") : NULL;
	if (fake == NULL || fd < 0 || !make_keys()) {
		printf("Bail out! %s\n", module == NULL ? dlerror() : err.text);
		return 99;
	}
	close(fd);
	find_softhsm();
	TEST(uris);
	TEST(settings);
	TEST(kinds);
	TEST(keys_that_members_do_not_have);
	TEST(one_key_matches);
	TEST(modules_that_fail);
	TEST(modules_that_lie);
	TEST(modules_that_are_none);
	TEST(pins);
	TEST(a_wrong_pin_is_tried_once);
	TEST(pin_files);
	TEST(softhsm_has_keys);
	remove_files();
	return tap_done();
}
