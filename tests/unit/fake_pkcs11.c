/* See fake_pkcs11.h. */
#include "config.h"

#include "fake_pkcs11.h"

#include <stdint.h>
#include <string.h>

#define SLOT 7
#define LIE 100000

extern struct fake_pkcs11 fake_pkcs11;
struct fake_pkcs11 fake_pkcs11;

/* The one search of a session. */
static struct {
	size_t next;
	CK_ATTRIBUTE wanted[8];
	CK_ULONG wanted_count;
} search;

#define BEGIN(call) do { \
	fake_pkcs11.calls[call]++; \
	if (fake_pkcs11.fails[call] != CKR_OK) \
		return fake_pkcs11.fails[call]; \
} while (0)

static CK_RV fake_initialize(void *args)
{
	const CK_C_INITIALIZE_ARGS *given = args;

	fake_pkcs11.os_locking = given != NULL && (given->flags & CKF_OS_LOCKING_OK) != 0;
	BEGIN(FAKE_INITIALIZE);
	return CKR_OK;
}

static CK_RV fake_finalize(void *reserved)
{
	(void)reserved;
	fake_pkcs11.finalized++;
	return CKR_OK;
}

static void pad(unsigned char *field, size_t size, const char *text)
{
	memset(field, ' ', size);
	memcpy(field, text, strlen(text));
}

static CK_RV fake_info(CK_INFO *info)
{
	BEGIN(FAKE_INFO);
	memset(info, 0, sizeof(*info));
	pad(info->manufacturerID, sizeof(info->manufacturerID), "Fake");
	pad(info->libraryDescription, sizeof(info->libraryDescription), "Fake module");
	return CKR_OK;
}

static CK_RV fake_slot_list(CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *count)
{
	(void)present;
	BEGIN(FAKE_SLOT_LIST);
	if (slots != NULL)
		slots[0] = SLOT;
	*count = slots != NULL && fake_pkcs11.lies[FAKE_SLOT_LIST] ? LIE : 1;
	return CKR_OK;
}

static CK_RV fake_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
	(void)slot;
	BEGIN(FAKE_SLOT_INFO);
	memset(info, 0, sizeof(*info));
	pad(info->slotDescription, sizeof(info->slotDescription), "Slot");
	pad(info->manufacturerID, sizeof(info->manufacturerID), "Fake");
	return CKR_OK;
}

static CK_RV fake_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	(void)slot;
	BEGIN(FAKE_TOKEN_INFO);
	memset(info, 0, sizeof(*info));
	pad(info->label, sizeof(info->label), FAKE_LABEL);
	pad(info->manufacturerID, sizeof(info->manufacturerID), "Fake");
	pad(info->model, sizeof(info->model), "1");
	pad(info->serialNumber, sizeof(info->serialNumber), "0001");
	info->flags = fake_pkcs11.token_flags;
	return CKR_OK;
}

static CK_RV fake_open(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
		       CK_SESSION_HANDLE *session)
{
	(void)slot;
	(void)application;
	(void)notify;
	BEGIN(FAKE_OPEN);
	if ((flags & CKF_SERIAL_SESSION) == 0)
		return CKR_SESSION_PARALLEL_NOT_SUPPORTED;
	fake_pkcs11.sessions++;
	*session = 1;
	return CKR_OK;
}

static CK_RV fake_close(CK_SESSION_HANDLE session)
{
	(void)session;
	fake_pkcs11.sessions--;
	fake_pkcs11.logged_in = false;
	return CKR_OK;
}

static CK_RV fake_login(CK_SESSION_HANDLE session, CK_USER_TYPE user, unsigned char *pin,
			CK_ULONG size)
{
	(void)session;
	BEGIN(FAKE_LOGIN);
	if (user != CKU_USER || size != strlen(fake_pkcs11.pin) ||
	    memcmp(pin, fake_pkcs11.pin, size) != 0)
		return CKR_PIN_INCORRECT;
	fake_pkcs11.logged_in = true;
	return CKR_OK;
}

static CK_RV fake_find_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count)
{
	(void)session;
	BEGIN(FAKE_FIND_INIT);
	if (count > sizeof(search.wanted) / sizeof(*search.wanted))
		return CKR_TEMPLATE_INCONSISTENT;
	search.next = 0;
	memcpy(search.wanted, template, count * sizeof(*template));
	search.wanted_count = count;
	return CKR_OK;
}

static bool is_wanted(const struct fake_object *object)
{
	if (object->hidden && !fake_pkcs11.logged_in)
		return false;
	for (CK_ULONG i = 0; i < search.wanted_count; i++) {
		const CK_ATTRIBUTE *wanted = &search.wanted[i];

		if (wanted->type == CKA_CLASS &&
		    memcmp(wanted->pValue, &object->class, sizeof(object->class)) != 0)
			return false;
		if (wanted->type == CKA_LABEL &&
		    (wanted->ulValueLen != strlen(object->label) ||
		     memcmp(wanted->pValue, object->label, wanted->ulValueLen) != 0))
			return false;
	}
	return true;
}

/* One at a time, as a module may. */
static CK_RV fake_find(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *objects, CK_ULONG room,
		       CK_ULONG *count)
{
	(void)session;
	(void)room;
	BEGIN(FAKE_FIND);
	*count = 0;
	while (search.next < fake_pkcs11.object_count && *count == 0)
		if (is_wanted(&fake_pkcs11.objects[search.next++])) {
			objects[0] = search.next;
			*count = 1;
		}
	if (fake_pkcs11.lies[FAKE_FIND])
		*count = LIE;
	return CKR_OK;
}

static CK_RV fake_find_final(CK_SESSION_HANDLE session)
{
	(void)session;
	return CKR_OK;
}

static CK_RV give(CK_ATTRIBUTE *attribute, const void *data, size_t size)
{
	if (data == NULL) {
		attribute->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return CKR_ATTRIBUTE_TYPE_INVALID;
	}
	if (attribute->ulValueLen < size) {
		attribute->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return CKR_BUFFER_TOO_SMALL;
	}
	memcpy(attribute->pValue, data, size);
	attribute->ulValueLen = size;
	return CKR_OK;
}

static CK_RV fake_attribute(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle,
			    CK_ATTRIBUTE *attribute, CK_ULONG count)
{
	const struct fake_object *object = &fake_pkcs11.objects[handle - 1];
	CK_RV rv;

	(void)session;
	(void)count;
	BEGIN(FAKE_ATTRIBUTE);
	if (attribute->type == CKA_KEY_TYPE)
		rv = give(attribute, &object->key_type, sizeof(object->key_type));
	else if (attribute->type == CKA_EC_PARAMS)
		rv = give(attribute, object->params, object->params_size);
	else
		rv = give(attribute, object->point, object->point_size);
	if (fake_pkcs11.lies[FAKE_ATTRIBUTE])
		attribute->ulValueLen = LIE;
	return rv;
}

static CK_FUNCTION_LIST functions = {
	.version = { 2, 40 },
	.C_Initialize = fake_initialize,
	.C_Finalize = fake_finalize,
	.C_GetInfo = fake_info,
	.C_GetSlotList = fake_slot_list,
	.C_GetSlotInfo = fake_slot_info,
	.C_GetTokenInfo = fake_token_info,
	.C_OpenSession = fake_open,
	.C_CloseSession = fake_close,
	.C_Login = fake_login,
	.C_FindObjectsInit = fake_find_init,
	.C_FindObjects = fake_find,
	.C_FindObjectsFinal = fake_find_final,
	.C_GetAttributeValue = fake_attribute
};

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
	functions.C_GetFunctionList = C_GetFunctionList;
	*list = &functions;
	return CKR_OK;
}
