/*
 * Codes of the data-sharing family. Those outside of the block BCS.50029xx are seen in the interface that
 * this one follows; that answers 500 for all of them, also for wrong arguments, and so do we, but
 * where HTTP itself has something to say (404, 405, 429, 501, 503).
 */
#include "share_fault.h"

#include <stddef.h>

#include "arena.h"
#include "utf8.h"

static const struct row {
	const char *code, *message;
	int status;
} rows[SHARE_FAULTS] = {
	[SHARE_FAULT_ARGUMENTS] = { "BCS.5002046", "Incorrect number of arguments", 500 },
	[SHARE_FAULT_JSON] = { "BCS.4006003", "The request body is no JSON object", 500 },
	[SHARE_FAULT_TOO_LARGE] = { "BCS.4000013", "request body is too large", 500 },
	[SHARE_FAULT_SHORT] = { "BCS.5002901", "The request body broke off", 500 },
	[SHARE_FAULT_ORGANIZATION] = { "BCS.4001051", "Input org is not exist", 500 },
	[SHARE_FAULT_CHANNEL] = { "BCS.4006012", "Invalid channel name.", 500 },
	[SHARE_FAULT_SERVICE] = { "BCS.5002033", "Service Type and ServiceEndpoint Can not Null",
				  500 },
	[SHARE_FAULT_INTERNAL] = { "BCS.5000500", "Internal Server Error", 500 },
	[SHARE_FAULT_NOT_AVAILABLE] = { "BCS.5000501",
					"This operation is not available on this server", 501 },
	[SHARE_FAULT_NOT_FOUND] = { "BCS.5002902", "There is no such object", 500 },
	[SHARE_FAULT_EXISTS] = { "BCS.5002903", "There is such an object already", 500 },
	[SHARE_FAULT_CALLER] = { "BCS.5002904", "The caller is not who may do this", 500 },
	[SHARE_FAULT_STATE] = { "BCS.5002905", "The state of the object does not allow it", 500 },
	[SHARE_FAULT_CERT_FORM] = { "BCS.5002906", "cert is no certificate on a P-256 key", 500 },
	[SHARE_FAULT_CERT_VALIDITY] = { "BCS.5002907", "cert is not valid now", 500 },
	[SHARE_FAULT_CERT_USAGE] = { "BCS.5002908", "cert may not be used for this", 500 },
	[SHARE_FAULT_CERT_CHAIN] = { "BCS.5002909",
				     "cert does not lead to the CA of the organisation", 500 },
	[SHARE_FAULT_KEY_FORM] = { "BCS.5002910", "sk is no private key on P-256", 500 },
	[SHARE_FAULT_KEY_MISMATCH] = { "BCS.5002911", "sk is not the key of cert", 500 },
	[SHARE_FAULT_SIGNATURE] = { "BCS.5002912", "The signature of the request is not good", 500 },
	[SHARE_FAULT_NO_IDENTITY] = { "BCS.5002913", "The caller has no DID on this channel", 500 },
	[SHARE_FAULT_DECRYPTION] = { "BCS.5002914", "It cannot be decrypted", 500 },
	[SHARE_FAULT_NEEDS_KEY] = { "BCS.5002915",
				    "This cannot be done without the private key (sk)", 500 },
	[SHARE_FAULT_TIMESTAMP] = { "BCS.5002916", "timestamp is too far from the server's time",
				    500 },
	[SHARE_FAULT_REPLAYED] = { "BCS.5002917", "This request was carried out already", 500 },
	[SHARE_FAULT_PLAIN_HTTP] = { "BCS.5002918",
				     "Requests with keys are taken over TLS only", 500 },
	[SHARE_FAULT_UNSUPPORTED] = { "BCS.5002919", "This server does not support it", 500 },
	[SHARE_FAULT_REMOVED] = { "BCS.5002920", "The content was removed", 500 },
	[SHARE_FAULT_UNCERTAIN] = { "BCS.5002034", "request timed out or been cancelled", 503 },
	[SHARE_FAULT_BUSY] = { "BCS.5002921", "The server is busy; nothing was done", 503 },
	[SHARE_FAULT_THROTTLED] = { "BCS.5002930", "The caller asks too often; nothing was done",
				    429 },
	[SHARE_FAULT_READ_ONLY] = { "BCS.5002931", "The store is for reading only", 500 },
	[SHARE_FAULT_NO_ENDPOINT] = { "BCS.5002922", "There is no such endpoint", 404 },
	[SHARE_FAULT_METHOD] = { "BCS.5002923", "The endpoint has no such method", 405 },
};

int tally_share_fault_set(struct tally_share_fault *fault, struct tally_arena *arena,
			  enum tally_share_fault_kind kind, const char *detail)
{
	fault->kind = kind;
	fault->detail = TALLY_BYTES_NONE;
	if (detail != NULL && tally_utf8_printable(tally_bytes_str(detail)))
		fault->detail = tally_bytes_str(tally_arena_printf(arena, "%.200s", detail));
	while (fault->detail.size > 0 && !tally_utf8_valid(fault->detail))
		fault->detail.size--;	/* it was cut within a character */
	return -1;
}

/* What is said by code and subject; subject NULL: any other. */
static const struct {
	enum tally_code code;
	const char *subject;
	enum tally_share_fault_kind kind;
} reasons[] = {
	{ TALLY_CORRUPT, "ReadOnly", SHARE_FAULT_READ_ONLY },
	{ TALLY_DENIED, "ReadOnly", SHARE_FAULT_READ_ONLY },
	{ TALLY_NOTFOUND, "Ledger", SHARE_FAULT_CHANNEL },
	{ TALLY_NOTFOUND, "Content", SHARE_FAULT_REMOVED },
	{ TALLY_NOTFOUND, "Identity", SHARE_FAULT_NO_IDENTITY },
	{ TALLY_NOTFOUND, NULL, SHARE_FAULT_NOT_FOUND },
	{ TALLY_EXISTS, NULL, SHARE_FAULT_EXISTS },
	{ TALLY_DENIED, "Signature", SHARE_FAULT_SIGNATURE },
	{ TALLY_DENIED, "Decryption", SHARE_FAULT_DECRYPTION },
	{ TALLY_DENIED, "PrivateKey", SHARE_FAULT_NEEDS_KEY },
	{ TALLY_DENIED, NULL, SHARE_FAULT_CALLER },
	{ TALLY_INVALID, "State", SHARE_FAULT_STATE },
	{ TALLY_INVALID, "Service", SHARE_FAULT_SERVICE },
	{ TALLY_INVALID, "Decryption", SHARE_FAULT_DECRYPTION },
	{ TALLY_INVALID, NULL, SHARE_FAULT_ARGUMENTS },
	{ TALLY_MISSING, NULL, SHARE_FAULT_ARGUMENTS },
	{ TALLY_UNSUPPORTED, NULL, SHARE_FAULT_UNSUPPORTED },
	{ TALLY_REPLAYED, NULL, SHARE_FAULT_REPLAYED },
	{ TALLY_EXPIRED, NULL, SHARE_FAULT_TIMESTAMP },
	{ TALLY_CONFLICT, NULL, SHARE_FAULT_BUSY },
	{ TALLY_BUSY, NULL, SHARE_FAULT_BUSY },
	{ TALLY_UNCERTAIN, NULL, SHARE_FAULT_UNCERTAIN },
};

int tally_share_fault_from(struct tally_share_fault *fault, struct tally_arena *arena,
			   const struct tally_err *err)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (reasons[i].code == err->code &&
		    (reasons[i].subject == NULL || strcmp(reasons[i].subject, err->subject) == 0))
			return tally_share_fault_set(
				fault, arena, reasons[i].kind,
				err->subject[0] != '\0' ?
					tally_arena_printf(arena, "%s: %s", err->subject, err->text) :
					err->text);
	/* what went wrong here is in the log only */
	return tally_share_fault_set(fault, arena, SHARE_FAULT_INTERNAL, NULL);
}

int tally_share_fault_status(const struct tally_share_fault *fault)
{
	return rows[fault->kind].status;
}

const char *tally_share_fault_code(enum tally_share_fault_kind kind)
{
	return rows[kind].code;
}

struct tally_bytes tally_share_fault_message(const struct tally_share_fault *fault,
					     struct tally_arena *arena)
{
	const char *message = rows[fault->kind].message;

	if (fault->detail.size == 0)
		return tally_bytes_str(message);
	return tally_bytes_str(tally_arena_printf(arena, "%s (%.*s)", message,
						  (int)fault->detail.size,
						  (const char *)fault->detail.data));
}

unsigned int tally_share_fault_retry(const struct tally_share_fault *fault)
{
	if (fault->kind == SHARE_FAULT_THROTTLED)
		return (unsigned int)((fault->wait_ms + 999) / 1000);
	return rows[fault->kind].status == 503 ? 5 : 0;
}
