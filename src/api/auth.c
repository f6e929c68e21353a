/* Authentication of the LedgerDB family. See auth.h. */
#include "auth.h"

#include <strings.h>

#include "acs3.h"
#include "clock.h"
#include "secret.h"

#define NONCE_MAX 256
#define KEY_ID_MAX 128
#define ECHO_MAX 65536		/* of the string to sign that an error repeats */

/* The common parameters of a signed request. */
struct credentials {
	struct tally_bytes key_id, method, version, nonce, timestamp, signature;
};

static int read_credentials(const struct tally_form *form, struct credentials *given,
			    struct tally_fault *fault)
{
	const struct {
		const char *name;
		struct tally_bytes *value;
	} wanted[] = {
		{ "AccessKeyId", &given->key_id },
		{ "SignatureMethod", &given->method },
		{ "SignatureVersion", &given->version },
		{ "SignatureNonce", &given->nonce },
		{ "Timestamp", &given->timestamp },
	};
	size_t i;

	for (i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		tally_form_get(form, wanted[i].name, wanted[i].value);
		if (wanted[i].value->size == 0)
			return tally_fault_named(fault, FAULT_MISSING_COMMON, wanted[i].name);
	}
	tally_form_get(form, "Signature", &given->signature);
	if (given->signature.size == 0)
		return tally_fault_set(fault, FAULT_SIGNATURE_INCOMPLETE);
	return 0;
}

static bool same_word(struct tally_bytes text, const char *word)
{
	return text.size == strlen(word) &&
	       strncasecmp((const char *)text.data, word, text.size) == 0;
}

static int check_values(const struct tally_form *form, const struct credentials *given,
			struct tally_fault *fault)
{
	struct tally_bytes type;

	/* the documentation's sample spells it Hmac-SHA1 */
	if (!same_word(given->method, "HMAC-SHA1"))
		return tally_fault_set(fault, FAULT_SIGNATURE_METHOD);
	if (!tally_bytes_is(given->version, "1.0"))
		return tally_fault_named(fault, FAULT_INVALID_COMMON, "SignatureVersion");
	tally_form_get(form, "SignatureType", &type);
	if (type.size != 0)
		return tally_fault_named(fault, FAULT_INVALID_COMMON, "SignatureType");
	if (given->nonce.size > NONCE_MAX)
		return tally_fault_named(fault, FAULT_INVALID_COMMON, "SignatureNonce");
	return 0;
}

/* The key that signs, and all that limits it. The secret must be wiped. */
struct found_key {
	struct tally_access_key key;
	char secret[48];
	struct tally_bytes own_policy;	/* of a temporary key */
};

static int token_fault(struct tally_arena *arena, const struct tally_err *err,
		       struct tally_fault *fault)
{
	if (err->code == TALLY_EXPIRED)
		return tally_fault_set(fault, FAULT_SECURITY_TOKEN_EXPIRED);
	if (err->code == TALLY_INVALID)
		return tally_fault_set(fault, FAULT_SECURITY_TOKEN_MALFORMED);
	return tally_fault_from(fault, arena, err);
}

/* *found is filled on success. */
static int find_key(const struct tally_auth *auth, struct tally_arena *arena,
		    struct tally_bytes key_id, struct tally_bytes token, uint64_t now_ms,
		    struct found_key *found, struct tally_fault *fault)
{
	bool temporary = tally_key_is_temporary(key_id);
	struct tally_err err = { 0 };
	int result = 0;

	found->own_policy = TALLY_BYTES_NONE;
	if (temporary && token.size == 0)
		return tally_fault_named(fault, FAULT_MISSING_COMMON, "SecurityToken");
	if (key_id.size <= KEY_ID_MAX)
		result = temporary ? tally_key_open(auth->core, key_id, token, now_ms, arena,
						    &found->key, found->secret, &found->own_policy,
						    &err) :
				     tally_key_find(auth->core, key_id, &found->key, found->secret,
						    &err);
	if (result < 0)
		return temporary ? token_fault(arena, &err, fault) :
				   tally_fault_from(fault, arena, &err);
	if (result == 0)
		return tally_fault_set(fault, FAULT_KEY_NOT_FOUND);
	if (found->key.state == KEY_ACTIVE)
		return 0;
	tally_wipe(found->secret, sizeof(found->secret));
	return tally_fault_set(fault, FAULT_KEY_INACTIVE);
}

/* The policies of a key whose signature held. */
static int read_policies(const struct tally_auth *auth, struct tally_arena *arena,
			 const struct found_key *found, struct tally_auth_policies *policies_r,
			 struct tally_fault *fault)
{
	struct tally_bytes *texts = policies_r->texts;
	struct tally_err err = { 0 };
	int result = 0;

	policies_r->count = 0;
	if (found->key.account_has_policy)
		result = tally_account_policy(auth->core, found->key.account, arena,
					      &texts[policies_r->count], &err);
	policies_r->count += result == 1;
	if (result >= 0 && found->key.has_policy) {
		result = tally_key_policy(auth->core, tally_bytes_str(found->key.id), arena,
					  &texts[policies_r->count], &err);
		policies_r->count += result == 1;
	}
	if (result < 0)
		return tally_fault_from(fault, arena, &err);
	if (found->own_policy.size > 0)
		texts[policies_r->count++] = found->own_policy;
	return 0;
}

static int check_clock(const struct tally_auth *auth, struct tally_bytes timestamp,
		       uint64_t now_ms, uint64_t *request_ms_r, struct tally_fault *fault)
{
	uint64_t ms;

	if (!tally_time_parse(timestamp, &ms))
		return tally_fault_set(fault, FAULT_TIME_FORMAT);
	if ((ms > now_ms ? ms - now_ms : now_ms - ms) > auth->window_ms)
		return tally_fault_set(fault, FAULT_TIME_EXPIRED);
	*request_ms_r = ms;
	return 0;
}

static int mismatch(const struct tally_request *request, struct tally_bytes text,
		    struct tally_fault *fault)
{
	if (text.size > ECHO_MAX)
		text.size = ECHO_MAX;
	return tally_fault_about(fault, request->arena, FAULT_SIGNATURE_MISMATCH, text);
}

static int check_signature(const struct tally_request *request, const struct tally_form *form,
			   const struct credentials *given, const char secret[48],
			   struct tally_fault *fault)
{
	/* a HEAD is answered as the GET that was signed */
	const char *method = tally_bytes_is(request->method, "POST") ? "POST" : "GET";
	struct tally_bytes sent, text;
	uint8_t mac[TALLY_RPC_MAC_SIZE];

	if (!tally_base64_decode(request->arena, given->signature, &sent) ||
	    sent.size != sizeof(mac))
		return tally_fault_set(fault, FAULT_SIGNATURE_INCOMPLETE);
	text = tally_rpc_string_to_sign(request->arena, method, form->params, form->count);
	tally_rpc_mac(tally_bytes_str(secret), text, mac);
	if (tally_secret_equal(sent, tally_bytes(mac, sizeof(mac))))
		return 0;
	return mismatch(request, text, fault);
}

static struct tally_bytes two_lines(struct tally_arena *arena, struct tally_bytes a,
				    struct tally_bytes b)
{
	uint8_t *text = tally_arena_alloc(arena, a.size + 1 + b.size);

	if (a.size > 0)
		memcpy(text, a.data, a.size);
	text[a.size] = '\n';
	if (b.size > 0)
		memcpy(text + a.size + 1, b.data, b.size);
	return tally_bytes(text, a.size + 1 + b.size);
}

/*
 * What all signed requests have in common once their signature holds. A nonce that was used for
 * something else is refused here. Of a write that was sent before, the block knows whether it was
 * done; a read that a relay repeats is the same read.
 */
static int admit(const struct tally_auth *auth, const struct tally_request *request,
		 const struct tally_form *form, struct tally_bytes action,
		 struct tally_bytes key_id, struct tally_bytes nonce, uint64_t now_ms,
		 enum tally_action_kind kind, struct tally_write *write, struct tally_fault *fault)
{
	struct tally_bytes own = two_lines(request->arena, key_id, nonce), ledger;
	enum tally_nonce_use use;

	tally_form_get(form, "LedgerId", &ledger);
	use = tally_nonces_take(auth->nonces, own, two_lines(request->arena, action, ledger), now_ms,
				write->request_ms + auth->window_ms);
	if (use == NONCE_ELSEWHERE ||
	    (use == NONCE_SAME && kind != ACTION_WRITE && !request->again))
		return tally_fault_set(fault, FAULT_NONCE_USED);
	write->again = request->again;
	if (kind == ACTION_WRITE)
		write->nonce = own;
	return 0;
}

static int check_rpc(const struct tally_auth *auth, const struct tally_request *request,
		     const struct tally_form *form, enum tally_action_kind kind,
		     struct tally_write *write, struct tally_auth_policies *policies_r,
		     struct tally_fault *fault)
{
	struct credentials given;
	struct tally_bytes action, token;
	uint64_t now_ms = tally_now_ms();
	struct found_key found;
	int result;

	tally_form_get(form, "SecurityToken", &token);
	if (read_credentials(form, &given, fault) < 0 || check_values(form, &given, fault) < 0 ||
	    find_key(auth, request->arena, given.key_id, token, now_ms, &found, fault) < 0)
		return -1;
	result = check_clock(auth, given.timestamp, now_ms, &write->request_ms, fault);
	if (result == 0)
		result = check_signature(request, form, &given, found.secret, fault);
	tally_wipe(found.secret, sizeof(found.secret));
	if (result < 0 || read_policies(auth, request->arena, &found, policies_r, fault) < 0)
		return -1;
	write->caller.account = found.key.account;
	tally_form_get(form, "Action", &action);
	return admit(auth, request, form, action, given.key_id, given.nonce, now_ms, kind, write,
		     fault);
}

static int check_acs3(const struct tally_auth *auth, const struct tally_request *request,
		      const struct tally_form *form, enum tally_action_kind kind,
		      struct tally_write *write, struct tally_auth_policies *policies_r,
		      struct tally_fault *fault)
{
	uint64_t now_ms = tally_now_ms();
	struct found_key found;
	struct tally_acs3 given;
	uint8_t mac[32];

	if (tally_acs3_read(request, &given, fault) < 0)
		return -1;
	if (given.nonce.size > NONCE_MAX)
		return tally_fault_named(fault, FAULT_INVALID_COMMON, "SignatureNonce");
	if (find_key(auth, request->arena, given.key_id, given.token, now_ms, &found, fault) < 0)
		return -1;
	tally_acs3_mac(tally_bytes_str(found.secret), given.string_to_sign, mac);
	tally_wipe(found.secret, sizeof(found.secret));
	if (check_clock(auth, given.date, now_ms, &write->request_ms, fault) < 0)
		return -1;
	if (!tally_secret_equal(given.signature, tally_bytes(mac, sizeof(mac))))
		return mismatch(request, given.string_to_sign, fault);
	if (read_policies(auth, request->arena, &found, policies_r, fault) < 0)
		return -1;
	write->caller.account = found.key.account;
	return admit(auth, request, form, tally_request_header(request, "x-acs-action", NULL),
		     given.key_id, given.nonce, now_ms, kind, write, fault);
}

/* Local administration, or nobody. */
static int check_unsigned(const struct tally_request *request, struct tally_write *write,
			  struct tally_fault *fault)
{
	struct tally_bytes account;

	write->again = request->again;
	if (!request->local)
		return 0;
	write->caller.local = true;
	account = tally_request_header(request, "x-tally-account", NULL);
	if (account.size > 0 &&
	    !tally_parse_u64(account, UINT64_MAX, &write->caller.account))
		return tally_fault_named(fault, FAULT_INVALID_PARAMETER, "x-tally-account");
	return 0;
}

enum tally_scheme tally_auth_scheme(const struct tally_request *request,
				    const struct tally_form *form)
{
	struct tally_bytes value;

	if (tally_acs3_given(request))
		return SCHEME_ACS3;
	return tally_form_get(form, "AccessKeyId", &value) ||
	       tally_form_get(form, "Signature", &value) ? SCHEME_RPC : SCHEME_NONE;
}

int tally_auth_check(const struct tally_auth *auth, const struct tally_request *request,
		     const struct tally_form *form, enum tally_action_kind kind,
		     struct tally_write *write_r, bool *covered_r,
		     struct tally_auth_policies *policies_r, struct tally_fault *fault)
{
	memset(write_r, 0, sizeof(*write_r));
	policies_r->count = 0;
	*covered_r = false;
	switch (tally_auth_scheme(request, form)) {
	case SCHEME_RPC:
		return check_rpc(auth, request, form, kind, write_r, policies_r, fault);
	case SCHEME_ACS3:
		*covered_r = true;
		return check_acs3(auth, request, form, kind, write_r, policies_r, fault);
	case SCHEME_NONE:
		break;
	}
	*covered_r = request->local;
	return check_unsigned(request, write_r, fault);
}
