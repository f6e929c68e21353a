/* The table of refusals. See fault.h. */
#include "fault.h"

#include <assert.h>

#include "arena.h"
#include "result.h"
#include "rpcsign.h"
#include "utf8.h"

struct row {
	int status;
	unsigned int retry_after;
	const char *code;	/* %s: the subject */
	const char *message;
};

static const struct row rows[] = {
	[FAULT_INVALID_PARAMETER] = { 400, 0, "InvalidParameter",
		"The specified parameter %s is invalid." },
	[FAULT_MISSING_PARAMETER] = { 400, 0, "MissingParameter",
		"You must specify the parameter %s." },
	[FAULT_UNAUTHORIZED] = { 403, 0, "UnauthorizedOperation",
		"You are not authorized to perform this operation. %s" },
	[FAULT_FORBIDDEN] = { 403, 0, "Forbidden.RAM",
		"User not authorized to operate on the specified resource, or this API doesn't "
		"support RAM." },
	[FAULT_NOT_FOUND] = { 404, 0, "ResourceNotFound",
		"The specified resource %s does not exist." },
	[FAULT_EXISTS] = { 409, 0, "ResourceAlreadyExist",
		"The resource %s already exists." },
	[FAULT_TOKEN_MISMATCH] = { 400, 0, "IdempotentParameterMismatch",
		"The specified ClientToken was used already for a request with other parameters." },
	[FAULT_UNSUPPORTED] = { 400, 0, "UnsupportedOperation",
		"The specified operation is not supported. %s" },
	[FAULT_NO_ACTION] = { 404, 0, "InvalidAction.NotFound",
		"Specified api is not found, please check your url and method." },
	[FAULT_NO_VERSION] = { 400, 0, "NoSuchVersion",
		"The specified API version does not exist." },
	[FAULT_MISSING_COMMON] = { 400, 0, "Missing%s", "%s is mandatory for this action." },
	[FAULT_INVALID_COMMON] = { 400, 0, "Invalid%s", "Specified parameter %s is not valid." },
	[FAULT_FORMAT] = { 400, 0, "InvalidParameter.Format",
		"Specified parameter format is not valid." },
	[FAULT_METHOD] = { 400, 0, "UnsupportedHTTPMethod",
		"This http method is not supported." },
	[FAULT_KEY_NOT_FOUND] = { 404, 0, "InvalidAccessKeyId.NotFound",
		"Specified access key is not found." },
	[FAULT_KEY_INACTIVE] = { 400, 0, "InvalidAccessKeyId.Inactive",
		"Specified access key is disabled." },
	[FAULT_SECURITY_TOKEN_EXPIRED] = { 400, 0, "InvalidSecurityToken.Expired",
		"Specified SecurityToken is expired." },
	[FAULT_SECURITY_TOKEN_MALFORMED] = { 400, 0, "InvalidSecurityToken.Malformed",
		"Specified SecurityToken is malformed." },
	[FAULT_TIME_FORMAT] = { 400, 0, "InvalidTimeStamp.Format",
		"Specified time stamp or date value is not well formatted." },
	[FAULT_TIME_EXPIRED] = { 400, 0, "InvalidTimeStamp.Expired",
		"Specified time stamp or date value is expired." },
	[FAULT_NONCE_USED] = { 400, 0, "SignatureNonceUsed",
		"Specified signature nonce was used already." },
	[FAULT_SIGNATURE_METHOD] = { 400, 0, "InvalidSignatureMethod",
		"Specified signature method is not valid." },
	/* clients look for this text up to the colon, and compare what follows with their own */
	[FAULT_SIGNATURE_MISMATCH] = { 400, 0, "SignatureDoesNotMatch",
		"Specified signature is not matched with our calculation. "
		"server string to sign is:%s" },
	[FAULT_SIGNATURE_INCOMPLETE] = { 400, 0, "IncompleteSignature",
		"The request signature does not conform to Aliyun standards." },
	[FAULT_BODY_TOO_LARGE] = { 413, 0, "RequestBodyTooLarge",
		"The request body exceeds the limit of this server." },
	[FAULT_BODY_SHORT] = { 400, 0, "IncompleteBody",
		"The request body ended before its announced length." },
	[FAULT_THROTTLING] = { 400, 1, "Throttling",
		"Request was denied due to request throttling." },
	[FAULT_THROTTLED] = { 400, 0, "Throttling.User",
		"Request was denied due to user flow control." },
	[FAULT_UNAVAILABLE] = { 503, 5, "ServiceUnavailable",
		"The request has failed due to a temporary failure of the server." },
	[FAULT_UNCERTAIN] = { 503, 1, "ServiceUnavailable",
		"The request has failed due to a temporary failure of the server. "
		"It may have been done: repeat it with the same ClientToken to learn its outcome." },
	[FAULT_READ_ONLY] = { 403, 0, "LedgerReadOnly",
		"The ledger can be read only, until an operator has looked at it. %s" },
	[FAULT_NO_AUTHORITY] = { 503, 30, "ServiceUnavailable",
		"No time-stamp authority could be had. %s" },
	[FAULT_NO_KEY_STORE] = { 503, 30, "ServiceUnavailable",
		"The operator's key store could not be asked for the key." },
	[FAULT_INTERNAL] = { 500, 0, "InternalError",
		"The request processing has failed due to some unknown error." },
	[FAULT_NOT_HERE] = { 501, 0, "NotImplemented",
		"This part of the interface is not available on this server." },
};

/* What the core says, as the API says it. */
static const enum tally_fault_kind by_code[] = {
	[TALLY_OK] = FAULT_INTERNAL,	/* a failure without a reason */
	[TALLY_INVALID] = FAULT_INVALID_PARAMETER,
	[TALLY_MISSING] = FAULT_MISSING_PARAMETER,
	[TALLY_DENIED] = FAULT_UNAUTHORIZED,
	[TALLY_NOTFOUND] = FAULT_NOT_FOUND,
	[TALLY_EXISTS] = FAULT_EXISTS,
	[TALLY_UNSUPPORTED] = FAULT_UNSUPPORTED,
	[TALLY_CONFLICT] = FAULT_UNAVAILABLE,
	[TALLY_REPLAYED] = FAULT_NONCE_USED,
	[TALLY_MISMATCH] = FAULT_TOKEN_MISMATCH,
	[TALLY_EXPIRED] = FAULT_TIME_EXPIRED,
	[TALLY_BUSY] = FAULT_THROTTLING,
	[TALLY_UNCERTAIN] = FAULT_UNCERTAIN,
	[TALLY_CORRUPT] = FAULT_INTERNAL,
	[TALLY_FULL] = FAULT_UNAVAILABLE,
	[TALLY_IO] = FAULT_INTERNAL,
};

int tally_fault_set(struct tally_fault *fault, enum tally_fault_kind kind)
{
	*fault = (struct tally_fault){ .kind = kind };
	return -1;
}

int tally_fault_about(struct tally_fault *fault, struct tally_arena *arena,
		      enum tally_fault_kind kind, struct tally_bytes subject)
{
	if (!tally_utf8_valid(subject))
		subject = tally_percent_encode(arena, subject);
	*fault = (struct tally_fault){ .kind = kind, .subject = subject };
	return -1;
}

int tally_fault_named(struct tally_fault *fault, enum tally_fault_kind kind, const char *subject)
{
	*fault = (struct tally_fault){ .kind = kind, .subject = tally_bytes_str(subject) };
	return -1;
}

/* "the role does not allow it" as a sentence of its own. */
static struct tally_bytes sentence(struct tally_arena *arena, const char *text)
{
	size_t size = strlen(text);
	char *copy = tally_arena_copy(arena, text, size + 1);

	if (size == 0)
		return TALLY_BYTES_NONE;
	if (copy[0] >= 'a' && copy[0] <= 'z')
		copy[0] = (char)(copy[0] - 'a' + 'A');
	if (copy[size - 1] != '.')
		copy[size++] = '.';
	return tally_bytes(copy, size);
}

int tally_fault_from(struct tally_fault *fault, struct tally_arena *arena,
		     const struct tally_err *err)
{
	struct tally_bytes subject = tally_bytes_str(err->subject);
	struct tally_bytes text = sentence(arena, err->text);
	size_t code = (size_t)err->code;
	enum tally_fault_kind kind = code < sizeof(by_code) / sizeof(*by_code) ?
					     by_code[code] : FAULT_INTERNAL;

	if (strcmp(err->subject, "ReadOnly") == 0)
		kind = FAULT_READ_ONLY;
	if (strcmp(err->subject, "TimeAuthority") == 0)
		kind = FAULT_NO_AUTHORITY;
	if (strcmp(err->subject, "KeyStore") == 0)
		kind = FAULT_NO_KEY_STORE;
	/* these have a sentence in their message where the others have a name */
	if (kind == FAULT_UNAUTHORIZED || kind == FAULT_UNSUPPORTED || kind == FAULT_READ_ONLY ||
	    kind == FAULT_NO_AUTHORITY)
		return tally_fault_about(fault, arena, kind, text);
	if (subject.size == 0 && kind == FAULT_INVALID_PARAMETER)
		subject = TALLY_BYTES_LIT("request");
	tally_fault_about(fault, arena, kind, tally_arena_bytes(arena, subject));
	/* what the client can mend is told in words too; what failed inside is for the log */
	if ((kind == FAULT_INVALID_PARAMETER || kind == FAULT_MISSING_PARAMETER) &&
	    tally_utf8_valid(text))
		fault->hint = text;
	return -1;
}

int tally_fault_status(const struct tally_fault *fault)
{
	return rows[fault->kind].status;
}

unsigned int tally_fault_retry(const struct tally_fault *fault)
{
	if (fault->kind == FAULT_THROTTLED)
		return (unsigned int)((fault->wait_ms + 999) / 1000);
	return rows[fault->kind].retry_after;
}

/* format with its one %s (if any) filled in; without a trailing space where nothing came. */
static struct tally_bytes fill(struct tally_arena *arena, const char *format,
			       struct tally_bytes subject)
{
	const char *place = strstr(format, "%s");
	size_t before = place != NULL ? (size_t)(place - format) : strlen(format);
	size_t after = place != NULL ? strlen(place + 2) : 0;
	uint8_t *text;

	if (place == NULL)
		return tally_bytes(format, before);
	text = tally_arena_alloc(arena, before + subject.size + after + 1);
	memcpy(text, format, before);
	if (subject.size > 0)
		memcpy(text + before, subject.data, subject.size);
	memcpy(text + before + subject.size, place + 2, after + 1);
	before += subject.size + after;
	if (before > 0 && text[before - 1] == ' ')
		before--;
	return tally_bytes(text, before);
}

const char *tally_fault_code(const struct tally_fault *fault, struct tally_arena *arena)
{
	assert(fault->kind != FAULT_NONE);
	return tally_arena_str(arena, fill(arena, rows[fault->kind].code, fault->subject));
}

struct tally_bytes tally_fault_message(const struct tally_fault *fault, struct tally_arena *arena)
{
	return fill(arena, rows[fault->kind].message, fault->subject);
}

void tally_fault_add(struct tally_arena *arena, struct tally_node *to,
		     const struct tally_err *err)
{
	struct tally_fault fault;

	tally_fault_from(&fault, arena, err);
	tally_add_str(arena, to, "Code", tally_fault_code(&fault, arena));
	tally_add_text(arena, to, "Message", tally_fault_message(&fault, arena));
}
