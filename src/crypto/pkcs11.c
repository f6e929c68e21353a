/*
 * Public keys out of PKCS#11 tokens. See pkcs11.h.
 *
 * What a module says is from outside: sizes are bounded and looked at again after each call. p11-kit
 * stands between ("managed" modules), so that others in this process may have the same module open.
 */
#include "config.h"

#include "pkcs11.h"

#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "arena.h"
#include "err.h"
#include "member_key.h"
#include "secret.h"
#include "secret_file.h"

#define SLOTS 256			/* most of one module */
#define URI_ATTRIBUTES 8		/* most that a template has: class, label, id */
#define PIN_ROOM 256

struct module {
	char *path;
	CK_FUNCTION_LIST *functions;	/* NULL: not loaded yet */
};

struct tally_pkcs11 {
	struct module modules[TALLY_PKCS11_MODULES];
	size_t module_count;
	char *pin_file;			/* NULL: there is none */
	pthread_mutex_t lock;		/* held while modules are loaded and asked */
	bool pin_refused;
};

/* ---- URIs ---- */

static int bad_uri(struct tally_err *err, const char *why)
{
	return tally_err_about(err, TALLY_INVALID, "KMSKeyId", "the PKCS#11 URI %s", why);
}

static bool is_public_class(P11KitUri *uri)
{
	CK_ATTRIBUTE *class = p11_kit_uri_get_attribute(uri, CKA_CLASS);
	CK_OBJECT_CLASS value;

	if (class == NULL)
		return true;
	if (class->ulValueLen != sizeof(value))
		return false;
	memcpy(&value, class->pValue, sizeof(value));
	return value == CKO_PUBLIC_KEY;
}

/* A query is refused as a whole: all it has is modules and PINs. */
static int check_text(struct tally_bytes uri, struct tally_err *err)
{
	if (uri.size == 0 || uri.size > TALLY_PKCS11_URI_MAX)
		return bad_uri(err, "is too long");
	if (memchr(uri.data, '?', uri.size) != NULL)
		return bad_uri(err, "has a query: modules and PINs are the operator's");
	for (size_t i = 0; i < uri.size; i++)
		if (uri.data[i] <= ' ' || uri.data[i] >= 0x7f)
			return bad_uri(err, "has a character that must be written as %XX");
	return 0;
}

/* uri_r is the caller's to free, also after a failure. */
static int parse(struct tally_bytes text, P11KitUri **uri_r, struct tally_err *err)
{
	char string[TALLY_PKCS11_URI_MAX + 1];
	P11KitUri *uri = p11_kit_uri_new();

	*uri_r = uri;
	if (uri == NULL)
		abort();	/* no memory */
	if (check_text(text, err) < 0)
		return -1;
	memcpy(string, text.data, text.size);
	string[text.size] = '\0';
	if (p11_kit_uri_parse(string, P11_KIT_URI_FOR_ANY, uri) != P11_KIT_URI_OK)
		return bad_uri(err, "is malformed (RFC 7512)");
	if (p11_kit_uri_get_pin_value(uri) != NULL || p11_kit_uri_get_pin_source(uri) != NULL ||
	    p11_kit_uri_get_module_name(uri) != NULL || p11_kit_uri_get_module_path(uri) != NULL)
		return bad_uri(err, "has what is the operator's: a module or a PIN");
	if (p11_kit_uri_any_unrecognized(uri))
		return bad_uri(err, "has an attribute that is not known here");
	if (!is_public_class(uri))
		return bad_uri(err, "is of another type than public");
	return 0;
}

int tally_pkcs11_check(struct tally_bytes uri, struct tally_err *err)
{
	P11KitUri *parsed;
	int result = parse(uri, &parsed, err);

	p11_kit_uri_free(parsed);
	return result;
}

/* ---- modules ---- */

static int failed(struct tally_err *err, const struct module *module, const char *what, CK_RV rv)
{
	return tally_err_about(err, TALLY_IO, "KeyStore", "PKCS#11 module %s: %s: %s (0x%lx)",
			       module->path, what, p11_kit_strerror(rv), (unsigned long)rv);
}

static int add_module(struct tally_pkcs11 *pkcs11, const char *path, size_t size,
		      struct tally_err *err)
{
	if (path[0] != '/')
		return tally_err_about(err, TALLY_INVALID, "access.pkcs11_modules",
				       "access.pkcs11_modules: %.*s is not an absolute path",
				       (int)size, path);
	if (pkcs11->module_count == TALLY_PKCS11_MODULES)
		return tally_err_about(err, TALLY_INVALID, "access.pkcs11_modules",
				       "access.pkcs11_modules: more than %d", TALLY_PKCS11_MODULES);
	pkcs11->modules[pkcs11->module_count].path = tally_malloc(size + 1);
	memcpy(pkcs11->modules[pkcs11->module_count].path, path, size);
	pkcs11->modules[pkcs11->module_count++].path[size] = '\0';
	return 0;
}

int tally_pkcs11_new(const char *modules, const char *pin_file, struct tally_pkcs11 **pkcs11_r,
		     struct tally_err *err)
{
	struct tally_pkcs11 *pkcs11 = tally_calloc(1, sizeof(*pkcs11));
	int result = 0;

	pthread_mutex_init(&pkcs11->lock, NULL);
	pkcs11->pin_file = pin_file != NULL ? tally_strdup(pin_file) : NULL;
	p11_kit_be_quiet();	/* failures are in our log */
	for (modules += strspn(modules, " \t"); *modules != '\0' && result == 0;) {
		size_t size = strcspn(modules, " \t");

		result = add_module(pkcs11, modules, size, err);
		modules += size;
		modules += strspn(modules, " \t");
	}
	if (result < 0)
		tally_pkcs11_free(&pkcs11);
	*pkcs11_r = pkcs11;
	return result;
}

static void unload(struct module *module)
{
	if (module->functions == NULL)
		return;
	p11_kit_module_finalize(module->functions);
	p11_kit_module_release(module->functions);
	module->functions = NULL;
}

void tally_pkcs11_free(struct tally_pkcs11 **pkcs11)
{
	if (*pkcs11 == NULL)
		return;
	for (size_t i = 0; i < (*pkcs11)->module_count; i++) {
		unload(&(*pkcs11)->modules[i]);
		free((*pkcs11)->modules[i].path);
	}
	free((*pkcs11)->pin_file);
	pthread_mutex_destroy(&(*pkcs11)->lock);
	free(*pkcs11);
	*pkcs11 = NULL;
}

static int load(struct module *module, struct tally_err *err)
{
	CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK };
	CK_FUNCTION_LIST *functions = p11_kit_module_load(module->path, 0);
	const char *message;
	CK_RV rv;

	if (functions == NULL) {
		message = p11_kit_message();
		return tally_err_about(err, TALLY_IO, "KeyStore", "PKCS#11 module %s: %s",
				       module->path, message != NULL ? message : "it does not load");
	}
	rv = functions->C_Initialize(&args);
	if (rv != CKR_OK) {
		p11_kit_module_release(functions);
		return failed(err, module, "initialising it", rv);
	}
	module->functions = functions;
	return 0;
}

/* All or an error: where one is missing nobody can say that a key is the only one. */
static int load_all(struct tally_pkcs11 *pkcs11, struct tally_err *err)
{
	int result = 0;

	for (size_t i = 0; i < pkcs11->module_count && result == 0; i++)
		if (pkcs11->modules[i].functions == NULL)
			result = load(&pkcs11->modules[i], err);
	return result;
}

/* ---- keys ---- */

/* CKA_EC_PARAMS of the kinds there are, as DER: the curve's OID, or its name as PKCS#11 3.0 has it. */
static const struct kind {
	enum tally_key_type type;
	CK_KEY_TYPE key_type;
	struct tally_bytes params;
} kinds[] = {
	{ KEY_TYPE_SECP256K1, CKK_EC, TALLY_BYTES_LIT("\x06\x05\x2b\x81\x04\x00\x0a") },
	{ KEY_TYPE_SECP256R1, CKK_EC, TALLY_BYTES_LIT("\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07") },
	{ KEY_TYPE_SM2, CKK_EC, TALLY_BYTES_LIT("\x06\x08\x2a\x81\x1c\xcf\x55\x01\x82\x2d") },
	{ KEY_TYPE_ED25519, CKK_EC_EDWARDS, TALLY_BYTES_LIT("\x06\x03\x2b\x65\x70") },
	{ KEY_TYPE_ED25519, CKK_EC_EDWARDS, TALLY_BYTES_LIT("\x13\x0c" "edwards25519") },
	/* 1.3.6.1.4.1.11591.15.1, from before RFC 8410 */
	{ KEY_TYPE_ED25519, CKK_EC_EDWARDS,
	  TALLY_BYTES_LIT("\x06\x09\x2b\x06\x01\x04\x01\xda\x47\x0f\x01") }
};

struct found {
	const struct module *module;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE object;
};

static int bad_key(struct tally_err *err, const char *why)
{
	return tally_err_about(err, TALLY_INVALID, "KMSKeyId", "the key on the token %s", why);
}

/* 1 with its size, 0 where the token does not tell it or it is larger than room. */
static int attribute(const struct found *found, CK_ATTRIBUTE_TYPE type, void *data, size_t room,
		     size_t *size_r, struct tally_err *err)
{
	CK_ATTRIBUTE wanted = { type, data, room };
	CK_RV rv = found->module->functions->C_GetAttributeValue(found->session, found->object,
								 &wanted, 1);

	if (rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_ATTRIBUTE_TYPE_INVALID ||
	    rv == CKR_BUFFER_TOO_SMALL)
		return 0;
	if (rv != CKR_OK)
		return failed(err, found->module, "reading an attribute", rv);
	if (wanted.ulValueLen > room)	/* CK_UNAVAILABLE_INFORMATION too */
		return failed(err, found->module, "reading an attribute", CKR_GENERAL_ERROR);
	*size_r = wanted.ulValueLen;
	return 1;
}

static const struct kind *kind_of(CK_KEY_TYPE key_type, struct tally_bytes params)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (kinds[i].key_type == key_type && tally_bytes_equal(kinds[i].params, params))
			return &kinds[i];
	return NULL;
}

/* CKA_EC_POINT is an OCTET STRING around the point, or, of some modules, the point itself. */
static struct tally_bytes point_of(struct tally_bytes value, size_t size)
{
	if (value.size == size + 2 && value.data[0] == 0x04 && value.data[1] == size)
		return tally_bytes(value.data + 2, size);
	return value;
}

static int take_point(const struct found *found, enum tally_key_type type,
		      struct tally_member_key *key_r, struct tally_err *err)
{
	uint8_t point[TALLY_MEMBER_KEY_MAX + 2];
	size_t size = 0;
	int got = attribute(found, CKA_EC_POINT, point, sizeof(point), &size, err);

	if (got < 0)
		return -1;
	if (got == 0)
		return bad_key(err, "has no point (CKA_EC_POINT) of its curve");
	if (tally_member_key_set(key_r, type,
				 point_of(tally_bytes(point, size), tally_key_type_size(type)), err) < 0) {
		tally_err_prefix(err, "the key on the token");
		return tally_err_about(err, TALLY_INVALID, "KMSKeyId", "%s", err->text);
	}
	return 0;
}

static int take_key(const struct found *found, struct tally_member_key *key_r,
		    struct tally_err *err)
{
	const struct kind *kind;
	CK_KEY_TYPE key_type;
	uint8_t params[64];
	size_t size = 0;
	int got = attribute(found, CKA_KEY_TYPE, &key_type, sizeof(key_type), &size, err);

	if (got < 0)
		return -1;
	if (got == 0 || size != sizeof(key_type) ||
	    (key_type != CKK_EC && key_type != CKK_EC_EDWARDS))
		return bad_key(err, "is of a kind that members do not have: they have SECP256K1, "
			       "SECP256R1, SM2 or ED25519");
	got = attribute(found, CKA_EC_PARAMS, params, sizeof(params), &size, err);
	if (got < 0)
		return -1;
	kind = got == 1 ? kind_of(key_type, tally_bytes(params, size)) : NULL;
	if (kind == NULL)
		return bad_key(err, "is on another curve than those of SECP256K1, SECP256R1, SM2 and "
			       "ED25519, or does not name it");
	return take_point(found, kind->type, key_r, err);
}

/* ---- tokens ---- */

struct search {
	struct tally_pkcs11 *pkcs11;
	P11KitUri *uri;
	struct tally_member_key *key_r;
	unsigned int matches;
};

/* The first line of the file; -1 with a text that has nothing of it. */
static int read_pin(const char *path, uint8_t pin_r[PIN_ROOM], size_t *size_r,
		    struct tally_err *err)
{
	size_t size = 0;
	uint8_t *end;

	if (tally_secret_file_read(path, "PIN file", pin_r, PIN_ROOM, &size, err) < 0)
		return tally_err_about(err, TALLY_IO, "KeyStore", "%s", err->text);
	end = size > 0 ? memchr(pin_r, '\n', size) : NULL;
	if (end == NULL && size == PIN_ROOM)
		return tally_err_about(err, TALLY_IO, "KeyStore",
				       "PIN file %s: its first line is too long", path);
	size = end != NULL ? (size_t)(end - pin_r) : size;
	if (size > 0 && pin_r[size - 1] == '\r')
		size--;
	if (size == 0)
		return tally_err_about(err, TALLY_IO, "KeyStore", "PIN file %s: it has no PIN", path);
	*size_r = size;
	return 0;
}

/* A PIN is not tried on whatever token comes by: the URI must name it. */
static bool names_token(P11KitUri *uri)
{
	const CK_TOKEN_INFO *info = p11_kit_uri_get_token_info(uri);

	/* what the URI does not name is all zero bytes there */
	return info->label[0] != 0 || info->serialNumber[0] != 0;
}

static int try_pin(struct tally_pkcs11 *pkcs11, const struct found *found, struct tally_err *err)
{
	uint8_t *pin;
	size_t size = 0;
	int result;
	CK_RV rv;

	if (pkcs11->pin_refused)
		return tally_err_about(err, TALLY_IO, "KeyStore",
				       "PKCS#11 module %s: the PIN was refused before and is not tried "
				       "again", found->module->path);
	pin = tally_secret_alloc(PIN_ROOM);
	result = read_pin(pkcs11->pin_file, pin, &size, err);
	if (result == 0) {
		rv = found->module->functions->C_Login(found->session, CKU_USER, pin, size);
		if (rv == CKR_PIN_INCORRECT || rv == CKR_PIN_INVALID || rv == CKR_PIN_LEN_RANGE ||
		    rv == CKR_PIN_LOCKED)
			pkcs11->pin_refused = true;
		if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN)
			result = failed(err, found->module, "logging in", rv);
	}
	tally_secret_free(pin);
	return result;
}

static int login(const struct search *search, const struct found *found, CK_FLAGS token,
		 struct tally_err *err)
{
	if (search->pkcs11->pin_file == NULL || (token & CKF_LOGIN_REQUIRED) == 0 ||
	    (token & CKF_USER_PIN_INITIALIZED) == 0 || !names_token(search->uri))
		return 0;
	if ((token & (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED)) != 0)
		return tally_err_about(err, TALLY_IO, "KeyStore",
				       "PKCS#11 module %s: the token says that the last PIN was wrong; "
				       "log in with the right one to clear that", found->module->path);
	return try_pin(search->pkcs11, found, err);
}

/* What the key must be like: a public key, and what the URI says. */
static CK_ULONG make_template(P11KitUri *uri, CK_ATTRIBUTE template[URI_ATTRIBUTES])
{
	static CK_OBJECT_CLASS public = CKO_PUBLIC_KEY;
	CK_ULONG count = 0, used = 1;
	CK_ATTRIBUTE *attributes = p11_kit_uri_get_attributes(uri, &count);

	template[0] = (CK_ATTRIBUTE){ CKA_CLASS, &public, sizeof(public) };
	for (CK_ULONG i = 0; i < count && used < URI_ATTRIBUTES; i++)
		if (attributes[i].type != CKA_CLASS)
			template[used++] = attributes[i];
	return used;
}

/* Up to two of the session's objects that match: more need not be known. */
static int find_objects(const struct search *search, const struct found *found,
			CK_OBJECT_HANDLE objects_r[2], unsigned int *count_r, struct tally_err *err)
{
	CK_FUNCTION_LIST *functions = found->module->functions;
	CK_ATTRIBUTE template[URI_ATTRIBUTES];
	CK_ULONG size = make_template(search->uri, template), got = 1;
	CK_RV rv = functions->C_FindObjectsInit(found->session, template, size);

	*count_r = 0;
	if (rv != CKR_OK)
		return failed(err, found->module, "finding keys", rv);
	while (rv == CKR_OK && got > 0 && *count_r < 2) {
		CK_ULONG room = 2 - *count_r;

		rv = functions->C_FindObjects(found->session, objects_r + *count_r, room, &got);
		if (rv == CKR_OK && got > room)
			rv = CKR_GENERAL_ERROR;
		if (rv == CKR_OK)
			*count_r += (unsigned int)got;
	}
	functions->C_FindObjectsFinal(found->session);
	return rv == CKR_OK ? 0 : failed(err, found->module, "finding keys", rv);
}

static int search_session(struct search *search, struct found *found, CK_FLAGS token,
			  struct tally_err *err)
{
	CK_OBJECT_HANDLE objects[2];
	unsigned int count;

	if (login(search, found, token, err) < 0 ||
	    find_objects(search, found, objects, &count, err) < 0)
		return -1;
	search->matches += count;
	if (search->matches > 1)
		return tally_err_about(err, TALLY_INVALID, "KMSKeyId",
				       "more than one public key matches the PKCS#11 URI");
	found->object = objects[0];
	return count == 1 ? take_key(found, search->key_r, err) : 0;
}

/* The session is closed whatever came; with the last one the token's login ends, too. */
static int search_token(struct search *search, const struct module *module, CK_SLOT_ID slot,
			CK_FLAGS token, struct tally_err *err)
{
	struct found found = { .module = module };
	CK_RV rv = module->functions->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL,
						    &found.session);
	int result;

	if (rv != CKR_OK)
		return failed(err, module, "opening a session", rv);
	result = search_session(search, &found, token, err);
	module->functions->C_CloseSession(found.session);
	return result;
}

static bool is_away(CK_RV rv)
{
	return rv == CKR_TOKEN_NOT_PRESENT || rv == CKR_TOKEN_NOT_RECOGNIZED ||
	       rv == CKR_DEVICE_REMOVED;
}

static int search_slot(struct search *search, const struct module *module, CK_SLOT_ID slot,
		       struct tally_err *err)
{
	CK_SLOT_ID wanted = p11_kit_uri_get_slot_id(search->uri);
	CK_SLOT_INFO slot_info;
	CK_TOKEN_INFO token;
	CK_RV rv;

	if (wanted != (CK_SLOT_ID)-1 && wanted != slot)
		return 0;
	rv = module->functions->C_GetSlotInfo(slot, &slot_info);
	if (rv != CKR_OK)
		return failed(err, module, "asking for a slot", rv);
	if (!p11_kit_uri_match_slot_info(search->uri, &slot_info))
		return 0;
	rv = module->functions->C_GetTokenInfo(slot, &token);
	if (is_away(rv))
		return 0;
	if (rv != CKR_OK)
		return failed(err, module, "asking for a token", rv);
	if ((token.flags & CKF_TOKEN_INITIALIZED) == 0 ||
	    !p11_kit_uri_match_token_info(search->uri, &token))
		return 0;
	return search_token(search, module, slot, token.flags, err);
}

/* Asked twice, as PKCS#11 has it: modules look for new tokens when they are asked how many there are. */
static int list_slots(const struct module *module, CK_SLOT_ID slots_r[SLOTS], CK_ULONG *count_r,
		      struct tally_err *err)
{
	CK_RV rv = module->functions->C_GetSlotList(CK_TRUE, NULL, count_r);

	if (rv == CKR_OK) {
		*count_r = SLOTS;
		rv = module->functions->C_GetSlotList(CK_TRUE, slots_r, count_r);
	}
	if (rv == CKR_OK && *count_r > SLOTS)
		rv = CKR_GENERAL_ERROR;
	return rv == CKR_OK ? 0 : failed(err, module, "listing its slots", rv);
}

static int search_module(struct search *search, const struct module *module, struct tally_err *err)
{
	CK_SLOT_ID slots[SLOTS];
	CK_ULONG count = 0;
	CK_INFO info;
	CK_RV rv = module->functions->C_GetInfo(&info);

	if (rv != CKR_OK)
		return failed(err, module, "asking what it is", rv);
	if (!p11_kit_uri_match_module_info(search->uri, &info))
		return 0;
	if (list_slots(module, slots, &count, err) < 0)
		return -1;
	for (CK_ULONG i = 0; i < count; i++)
		if (search_slot(search, module, slots[i], err) < 0)
			return -1;
	return 0;
}

int tally_pkcs11_read(struct tally_pkcs11 *pkcs11, struct tally_bytes uri,
		      struct tally_member_key *key_r, struct tally_err *err)
{
	struct search search = { .pkcs11 = pkcs11, .key_r = key_r };
	int result = parse(uri, &search.uri, err);

	if (result == 0) {
		pthread_mutex_lock(&pkcs11->lock);
		result = load_all(pkcs11, err);
		for (size_t i = 0; i < pkcs11->module_count && result == 0; i++)
			result = search_module(&search, &pkcs11->modules[i], err);
		pthread_mutex_unlock(&pkcs11->lock);
	}
	p11_kit_uri_free(search.uri);
	if (result == 0 && search.matches == 0)
		return tally_err_set(err, TALLY_NOTFOUND, "no public key matches the PKCS#11 URI");
	return result;
}
