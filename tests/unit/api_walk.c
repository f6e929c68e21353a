/*
 * A walk over every parameter of every action, through the whole service over a real core on the
 * mem driver: missing, empty, malformed, too long, of the wrong type, given twice; every failure of
 * authentication; every refusal for want of permission. Each in JSON and XML, by GET, by POST with
 * a form body and by POST with the parameters in the query, and signed by header (V3). Wanted are the exact code, message,
 * status and document, and that nothing changed in any space of the store.
 */
#include "config.h"

#include <stdlib.h>

#include "acs3.h"
#include "api_world.h"
#include "hash.h"
#include "mem.h"
#include "reply_check.h"

static struct tally_first_key disabled;
static unsigned int next_nonce;
static uint64_t asked;			/* requests of the walk */

#ifdef TALLY_PKCS11
#define NO_TOKENS "The specified operation is not supported. No PKCS#11 module is configured."
#else
#define NO_TOKENS "The specified operation is not supported. This build reads no PKCS#11 URIs: export " \
	"the public key into the key store, and name it by its file."
#endif

#define UNKNOWN_LEDGER "l-00000000000000000000000ff"

/* ---- the world: with three more journals in each ledger, and a third key ---- */

static bool fill_ledger(const char *id)
{
	const struct tally_bytes clues[] = { TALLY_BYTES_LIT("clue1"), TALLY_BYTES_LIT("clue2") };
	struct tally_write write = { .caller = { .account = world.owner.account } };
	struct tally_entry entries[] = {
		{ .payload = TALLY_BYTES_LIT("{\"a\":1}"), .clues = clues, .clue_count = 2 },
		{ .payload = TALLY_BYTES_LIT("\xff no text") },
		{ .payload = TALLY_BYTES_LIT("control \x02 character"), .clues = clues,
		  .clue_count = 1, .client_id = TALLY_BYTES_LIT("till-7") },
	};
	struct tally_append_result results[3];

	return tally_append(world.core, &write, tally_bytes_str(id), entries, 3, true, results,
			    &err) == 0;
}

static bool begin(void)
{
	struct tally_write write = { .caller = { .local = true } };

	return world_open() && fill_ledger(world.private) && fill_ledger(world.public) &&
	       tally_key_create(world.core, &write, world.owner.account, &disabled, &err) == 0 &&
	       tally_key_set_state(world.core, &write, tally_bytes_str(disabled.key_id),
				   KEY_DISABLED, &err) == 0;
}

static int add_blocks(void *ctx, uint64_t space, const char *ledger_id, uint64_t blocks)
{
	struct tally_sha256 *sha = ctx;
	uint64_t numbers[] = { space, blocks };

	(void)ledger_id;
	tally_sha256_add(sha, numbers, sizeof(numbers));
	return 0;
}

/* One number that changes with any block of any space. */
static uint64_t store_state(void)
{
	struct tally_sha256 sha;
	uint8_t hash[TALLY_HASH_SIZE];

	tally_sha256_init(&sha);
	CHECK_OK(tally_core_spaces(world.core, add_blocks, &sha, &err));
	tally_sha256_end(&sha, hash);
	return tally_get_u64(hash);
}

/* ---- asking in all ways ---- */

/* With signature 1.0, which is a parameter, and with V3, which is a header. */
enum way { BY_GET, BY_FORM, BY_POST_QUERY, RPC_WAYS, V3_GET = RPC_WAYS, V3_FORM, WAYS };

static const char *const way_names[] = { "GET", "POST form", "POST query", "V3 GET", "V3 POST form" };

/* What is done to the request after it was signed. */
struct tamper {
	const char *drop;		/* a parameter that is taken out */
	const char *add;		/* "&Name=value", put behind */
	bool other_method;		/* signed as for GET and sent as POST, or the reverse */
};

static const char *dropped(const char *wire, const char *name)
{
	size_t size = strlen(name);
	const char *at = wire;

	while (at != NULL && (strncmp(at, name, size) != 0 || at[size] != '='))
		at = strchr(at, '&') != NULL ? strchr(at, '&') + 1 : NULL;
	if (at == NULL)
		return wire;
	return text("%.*s%s", (int)(at - wire), wire,
		    strchr(at, '&') != NULL ? strchr(at, '&') + 1 : "");
}

/* The wire form of params, signed with key (NULL: not). */
static const char *wire_of(const char *method, const char *params,
			   const struct tally_first_key *key, const struct tamper *tamper)
{
	char timestamp[21];
	struct tally_form form;
	struct tally_fault fault;
	const char *wire = params;

	if (key != NULL) {
		tally_time_format(tally_now_ms(), timestamp);
		tally_form_parse(&world.arena, tally_bytes_str(params), TALLY_BYTES_NONE, &form,
				 &fault);
		wire = (const char *)tally_rpc_signed_query(
			       &world.arena, method, form.params, form.count, NULL, 0,
			       tally_bytes_str(key->key_id), tally_bytes_str(key->secret),
			       text("n%u", next_nonce++), timestamp).data;
	}
	if (tamper != NULL && tamper->drop != NULL)
		wire = dropped(wire, tamper->drop);
	if (tamper != NULL && tamper->add != NULL)
		wire = text("%s%s", wire, tamper->add);
	return wire;
}

#define SIX "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version"

static void add_header(struct tally_request *request, struct tally_header *headers, const char *name,
		       const char *value)
{
	headers[request->header_count++] = (struct tally_header){ tally_bytes_str(name),
								  tally_bytes_str(value) };
}

static const char *authorization(const struct tally_first_key *key, const char *names,
				 const char *signature)
{
	return text("ACS3-HMAC-SHA256 Credential=%s,SignedHeaders=%s,Signature=%s", key->key_id,
		    names, signature);
}

/* The action stands in a header, the other parameters in the query or in a form. */
static void ask_v3(struct client *client, bool form, const char *params,
		   const struct tally_first_key *key)
{
	const char *others = dropped(params, "Action"), *body = form ? others : "";
	const char *action = strstr(params, "Action=") + strlen("Action=");
	const char *names = form ? "content-type;" SIX : SIX;
	struct tally_header headers[8];
	struct tally_request request = {
		.arena = &world.arena, .method = tally_bytes_str(form ? "POST" : "GET"),
		.path = tally_bytes_str(client->path != NULL ? client->path : "/"),
		.query = tally_bytes_str(form ? "" : others), .body = tally_bytes_str(body),
		.headers = headers, .client = TALLY_BYTES_LIT("127.0.0.1"), .local = client->local,
		.id = CLIENT_REQUEST_ID,
	};
	char timestamp[21], sha[65], mac_hex[65];
	uint8_t hash[TALLY_HASH_SIZE], mac[32];
	struct tally_fault fault = { 0 };
	struct tally_acs3 acs3;

	tally_time_format(tally_now_ms(), timestamp);
	tally_sha256(body, strlen(body), hash);
	tally_hex_encode(hash, sizeof(hash), sha);
	add_header(&request, headers, "host", "127.0.0.1:8080");
	add_header(&request, headers, "x-acs-action",
		   text("%.*s", (int)strcspn(action, "&"), action));
	add_header(&request, headers, "x-acs-version", "2019-11-22");
	add_header(&request, headers, "x-acs-date", timestamp);
	add_header(&request, headers, "x-acs-signature-nonce", text("n%u", next_nonce++));
	add_header(&request, headers, "x-acs-content-sha256", sha);
	if (form)
		add_header(&request, headers, "content-type", CLIENT_FORM);
	add_header(&request, headers, "authorization", authorization(key, names, sha));
	if (tally_acs3_read(&request, &acs3, &fault) == 0) {
		tally_acs3_mac(tally_bytes_str(key->secret), acs3.string_to_sign, mac);
		tally_hex_encode(mac, sizeof(mac), mac_hex);
		headers[request.header_count - 1].value =
			tally_bytes_str(authorization(key, names, mac_hex));
	}
	tally_service_handle(client->service, &request, &client->response);
}

static void ask(struct client *client, enum way way, const char *params,
		const struct tally_first_key *key, const struct tamper *tamper)
{
	const char *method = way == BY_GET ? "GET" : "POST";
	bool other = tamper != NULL && tamper->other_method;
	struct tally_bytes wire;

	client->service = world.service;
	client->arena = &world.arena;
	asked++;
	if (way >= RPC_WAYS) {
		ask_v3(client, way == V3_FORM, params, key);
		return;
	}
	wire = tally_bytes_str(wire_of((way == BY_GET) != other ? "GET" : "POST", params, key,
				       tamper));
	if (way == BY_FORM)
		client_raw(client, method, TALLY_BYTES_NONE, CLIENT_FORM, wire);
	else	/* an empty body with this type is what some SDKs send */
		client_raw(client, method, wire, way == BY_GET ? NULL : CLIENT_FORM,
			   TALLY_BYTES_NONE);
}

/* The answer is this error, whole, in the format asked for, and the store is as it was. */
static void check_refused(const struct client *client, bool xml, uint64_t state, int status,
			  const char *code, const char *message)
{
	CHECK_INT(client->response.status, status);
	CHECK_STR(client->response.content_type,
		  xml ? "text/xml;charset=utf-8" : "application/json;charset=utf-8");
	CHECK_STR(error_disagrees(client->response.body, xml, code, message), NULL);
	CHECK_STR(client_header(client, "X-Request-Id"), "89E6B5F5-7511-46A7-9EDB-3C6F8AA4D48C");
	CHECK(store_state() == state);
}

/* ---- actions and a good call of each ---- */

static const struct call {
	const char *action;
	const char *params;		/* without LedgerId */
} calls[] = {
	{ "CreateLedger", "&LedgerName=one" },
	{ "DescribeLedger", "" },
	{ "DescribeLedgers", "" },
	{ "ModifyLedgerAttribute", "&LedgerName=two" },
	{ "DeleteLedger", "" },
	{ "StatLedger", "" },
	{ "AppendJournal", "&Payload=a" },
	{ "GetJournal", "&JournalId=1" },
	{ "ListJournals", "" },
	{ "ExistJournal", "&JournalId=1" },
	{ "ExportJournals", "" },
	{ "GetBlockInfo", "&BlockSequence=1" },
	{ "GetCheckpoint", "" },
	{ "GetJournalProof", "&JournalSequence=1" },
	{ "GetConsistencyProof", "&OldSize=1" },
	{ "CreateMember", "&AliUid=4711" },
	{ "UpdateMember", "&Role=READER&MemberId=m-04389ec1075443bc04389ec107" },
	{ "InviteMembers", "&AliUids=4711" },
	{ "AcceptMember", "" },
	{ "EnableMember", "&MemberId=m-04389ec1075443bc04389ec107" },
	{ "DisableMember", "&MemberId=m-04389ec1075443bc04389ec107" },
	{ "ModifyMemberKey", "&PublicKey="
	  "04d563c1c3b967d00d6fbac0c14661b7d8633d48031fa050e35752670b27d9bceb04dfa6d46d66cb5ff1e2d045"
	  "9436415b47012f6426ba1cd7405c47828b21128b" },
	{ "ModifyMemberACLs", "&Role=WRITER&MemberId=m-04389ec1075443bc04389ec107" },
	{ "DeleteMember", "&MemberId=m-04389ec1075443bc04389ec107" },
	{ "GetMember", "" },
	{ "ListMembers", "" },
	{ "OccultJournal", "&JournalId=1" },
	{ "PurgeLedger", "&Before=1" },
	{ "GetErasureCertificate", "&JournalId=1" },
	{ "ListBackups", "" },
	{ "ForgetBackup", "&Directory=/nonexistent/x" },
	{ "CreateTimeAnchor", "&TimeStamp=1587515659&Proof=x" },
	{ "GetLastTimeAnchor", "" },
	{ "ListTimeAnchors", "" },
	{ "DescribeTSA", "&SequenceWithinLedger=1" },
	{ "GetJournalTimeProof", "&JournalSequence=1" },
	{ "SetTrustPoint", "&JournalId=1" },
	{ "GetTrustPoint", "" },
	{ "CreateVpcEndpoint", "&VpcId=a&VSwitchId=b" },
	{ "DeleteVpcEndpoint", "&VpcEndpointId=x.ledger.internal&VpcId=a&VSwitchId=b" },
	{ "ListVpcEndpoints", "" },
	{ "DescribeRegions", "" },
	{ "GetAccessAttribute", "" },
	{ "ModifyAccessAttribute", "&EnableOpenAccess=true" },
	{ "GetIpWhiteList", "" },
	{ "ModifyIpWhiteList", "&IpList=0.0.0.0/0&ModifyType=Cover" },
	{ "GrantServiceLinkedRole", "" },
	{ "UpdateMemberKeyByKMS", "&MemberId=m-04389ec1075443bc04389ec107&KMSKeyId=k" },
	{ "KvList", "" },
	{ "KvHistory", "&Key=k" },
	{ "AnchorLedgers", "" },
	{ "CreateAccount", "&Name=two" },
	{ "ListAccounts", "" },
	{ "CreateAccessKey", "&AliUid=1" },
	{ "ListAccessKeys", "" },
	{ "CreateTemporaryKey", "&UserAccessKeyId=AKx" },
	{ "SetAccountPolicy", "&AliUid=1&Policy=read-only" },
	{ "GetAccountPolicy", "&AliUid=1" },
	{ "DeleteAccountPolicy", "&AliUid=1" },
	{ "AddOrganization", "&OrganizationId=org1&Certificate=x" },
	{ "ListOrganizations", "" },
	{ "RemoveOrganization", "&OrganizationId=org1" },
	{ "AddChannel", "&Channel=mychannel&LedgerId=" UNKNOWN_LEDGER },
	{ "ListChannels", "" },
	{ "RemoveChannel", "&Channel=mychannel" },
	{ "EnableAccessKey", "&UserAccessKeyId=AKx" },
	{ "DisableAccessKey", "&UserAccessKeyId=AKx" },
	{ "DeleteAccessKey", "&UserAccessKeyId=AKx" },
	{ "Maintain", "" },
	{ "RebuildIndex", "" },
	{ "BackupStore", "&Directory=/nonexistent/x" },
	{ "StatStore", "" },
	{ "CheckStore", "" },
	{ "ListSpaces", "" },
	{ "ReadBlock", "&Space=0&Block=0" },
	{ "AdoptStore", "" },
};
#define CALLS (sizeof(calls) / sizeof(*calls))

static const struct tally_action *action_of(const struct call *call)
{
	struct tally_bytes name = tally_bytes_str(call->action);
	const struct tally_action *action = tally_action_find(FAMILY_LEDGERDB, name);

	return action != NULL ? action : tally_action_find(FAMILY_ADMIN, name);
}

static bool wants_ledger(const struct tally_action *action)
{
	return action->params[0].name != NULL && action->params[0].required &&
	       strcmp(action->params[0].name, "LedgerId") == 0;
}

static const char *good_call(const struct call *call, const char *ledger)
{
	const struct tally_action *action = action_of(call);

	if (!wants_ledger(action))
		return text("Action=%s%s", call->action, call->params);
	return text("Action=%s%s&LedgerId=%s", call->action, call->params, ledger);
}

static bool takes_get(const struct tally_action *action)
{
	return (action->methods & METHOD_GET) != 0;
}

/* One refusal asked for in every way and format. */
static void refused(const struct tally_action *action, const char *params,
		    const struct tally_first_key *key, const struct tamper *tamper, int status,
		    const char *code, const char *message)
{
	int ways = key != NULL && tamper == NULL ? WAYS : RPC_WAYS, way, xml;

	for (way = 0; way < ways; way++)
		for (xml = 0; xml < 2; xml++) {
			struct client client = { .local = key == NULL &&
							  action->family == FAMILY_ADMIN };
			uint64_t state = store_state();

			if ((way == BY_GET || way == V3_GET) && !takes_get(action))
				continue;
			if (action->family == FAMILY_ADMIN)
				client.path = "/admin/";
			CASE("%s %s %.60s%s", way_names[way], xml ? "XML" : "JSON", params,
			     tamper != NULL && tamper->drop != NULL ? tamper->drop : "");
			ask(&client, way, xml ? text("%s&Format=XML", params) : params, key,
			    tamper);
			check_refused(&client, xml != 0, state, status, code, message);
		}
}

/* ---- every parameter ---- */

#define CHARS64 "0123456789012345678901234567890123456789012345678901234567890123"

/* Values that a type never takes, as they stand on the wire. */
static const char *const wrong_values[][10] = {
	[PARAM_TEXT] = { "a%00", "a%01b", "%FF", "%C3", "a%0Ab", "%ED%A0%80" },
	[PARAM_RAW] = { "%FF", "%C3", "%ED%A0%80" },
	[PARAM_BASE64] = { "!", "YQ", "YQ=", "YR==", "Y%20Q==", "%FF" },
	[PARAM_LEDGER_ID] = { "nope", "l-", "l-%00", "l-a/b", "m-1", "L-1", "l-" CHARS64, "l-%FF",
			      "l-a%20" },
	[PARAM_MEMBER_ID] = { "nope", "m-", "m-%00", "m-a/b", "l-1", "m-" CHARS64, "%FF" },
	[PARAM_UINT] = { "x", "-1", "%2B1", "1.5", "1e3", "0x1", "01", "1%20",
			 "99999999999999999999", "%FF" },
	[PARAM_BOOL] = { "maybe", "0", "1", "yes", "tru", "truee", "%FF" },
	[PARAM_ENUM] = { "nope", "%FF", "custom", "journal" },
	[PARAM_HASH] = { "abc", "z" CHARS64, CHARS64 "0", "g123456789012345678901234567890123456789"
			 "012345678901234567890123", "%FF" },
	[PARAM_TOKEN] = { CHARS64 "x", "%C3%A4", "a%0A", "%FF", "%00" },
	[PARAM_NEXT] = { "nope", "00", "%01", CHARS64, "%FF", CHARS64 CHARS64 CHARS64 CHARS64 },
	[PARAM_LIST] = { "a", "[1]", "[", "{}", "[null]", "[[\"a\"]]", "[\"\"]", "%FF" },
};

/* Empty is wrong for all that have a least length; for required ones it is as missing. */
static bool refuses_empty(const struct tally_param *row)
{
	if (row->required)
		return false;
	switch (row->type) {
	case PARAM_TEXT:
	case PARAM_RAW:
	case PARAM_BASE64:
		return row->min > 0;
	case PARAM_NEXT:
	case PARAM_BODY:
		return false;
	default:
		return true;
	}
}

static const char *invalid(const char *name)
{
	return text("The specified parameter %s is invalid.", name);
}

/* The good call with one parameter taken out. */
static const char *without(const char *params, const char *name)
{
	return dropped(params, name);
}

static void walk_values(const struct tally_action *action, const char *base,
			const struct tally_param *row)
{
	const char *rest = without(base, row->name);
	size_t i;

	for (i = 0; i < 10 && wrong_values[row->type][i] != NULL; i++)
		refused(action, text("%s&%s=%s", rest, row->name, wrong_values[row->type][i]),
			action->family == FAMILY_ADMIN ? NULL : &world.owner, NULL, 400,
			"InvalidParameter", invalid(row->name));
	if (refuses_empty(row))
		refused(action, text("%s&%s=", rest, row->name),
			action->family == FAMILY_ADMIN ? NULL : &world.owner, NULL, 400,
			"InvalidParameter", invalid(row->name));
}

static char *repeated(char c, size_t count)
{
	char *made = tally_arena_alloc(&world.arena, count + 1);

	memset(made, c, count);
	made[count] = '\0';
	return made;
}

/* One beyond each bound of the row. */
static void walk_bounds(const struct tally_action *action, const char *base,
			const struct tally_param *row)
{
	const struct tally_first_key *key = action->family == FAMILY_ADMIN ? NULL : &world.owner;
	const char *rest = without(base, row->name), *list = "";
	size_t i;

	if ((row->type == PARAM_TEXT || row->type == PARAM_RAW) && row->max > 0)
		refused(action, text("%s&%s=%s", rest, row->name, repeated('a', row->max + 1)), key,
			NULL, 400, "InvalidParameter", invalid(row->name));
	if (row->type == PARAM_UINT && row->max > 0)
		refused(action, text("%s&%s=%" PRIu64, rest, row->name, row->max + 1), key, NULL,
			400, "InvalidParameter", invalid(row->name));
	if (row->type == PARAM_UINT && row->min > 0)
		refused(action, text("%s&%s=%" PRIu64, rest, row->name, row->min - 1), key, NULL,
			400, "InvalidParameter", invalid(row->name));
	if (row->type == PARAM_LIST && row->max > 0) {
		for (i = 0; i <= row->max; i++)
			list = text("%s&%s.%zu=c%zu", list, row->name, i + 1, i);
		refused(action, text("%s%s", rest, list), key, NULL, 400, "InvalidParameter",
			invalid(row->name));
	}
}

static void walk_one(const struct tally_action *action, const char *base)
{
	const struct tally_first_key *key = action->family == FAMILY_ADMIN ? NULL : &world.owner;
	const struct tally_param *row;

	for (row = action->params; row->name != NULL; row++) {
		if (row->required) {
			const char *message = text("You must specify the parameter %s.", row->name);

			refused(action, without(base, row->name), key, NULL, 400,
				"MissingParameter", message);
			refused(action, text("%s&%s=", without(base, row->name), row->name), key,
				NULL, 400, "MissingParameter", message);
		}
		walk_values(action, base, row);
		walk_bounds(action, base, row);
		/* twice, whatever the values */
		refused(action, without(base, row->name), key,
			&(struct tamper){ .add = text("&%s=1&%s=1", row->name, row->name) }, 400,
			"InvalidParameter", invalid(row->name));
	}
}

static void every_parameter(void)
{
	size_t i;

	for (i = 0; i < CALLS; i++) {
		walk_one(action_of(&calls[i]), good_call(&calls[i], world.private));
		tally_arena_reset(&world.arena);
	}
}

/* What rows cannot say: one of two, lists with gaps, lengths that the core knows. */
static void further_parameters(void)
{
	static const struct {
		const char *action, *params, *code, *message;
	} cases[] = {
		{ "AppendJournal", "", "MissingParameter",
		  "You must specify the parameter Payload." },
		{ "AppendJournal", "&Payload=a&PayloadBase64=YQ==", "InvalidParameter",
		  "The specified parameter PayloadBase64 is invalid." },
		{ "AppendJournal", "&Payload=a&Clues.2=b", "InvalidParameter",
		  "The specified parameter Clues is invalid." },
		{ "AppendJournal", "&Payload=a&Clues.1=b&Clues=[]", "InvalidParameter",
		  "The specified parameter Clues is invalid." },
		{ "AppendJournal", "&Payload=a&Clues.1=" CHARS64 CHARS64 "x", "InvalidParameter",
		  "The specified parameter Clues is invalid." },
		{ "AppendJournal", "&Payload=a&Clues.1=same&Clues.2=same", "InvalidParameter",
		  "The specified parameter Clues is invalid." },
		{ "ModifyLedgerAttribute", "", "MissingParameter",
		  "You must specify the parameter LedgerName." },
		{ "CreateTimeAnchor", "&TimeStamp=1", "MissingParameter",
		  "You must specify the parameter Proof." },
		{ "CreateTimeAnchor", "&Proof=x", "MissingParameter",
		  "You must specify the parameter TimeStamp." },
		{ "CreateTimeAnchor", "", "UnsupportedOperation",
		  "The specified operation is not supported. No time-stamp authority is configured." },
		{ "OccultJournal", "&JournalId=1", "MissingParameter",
		  "You must specify the parameter MemberSignatures." },
		{ "OccultJournal", "&JournalId=4711", "InvalidParameter",
		  "The specified parameter JournalId is invalid." },
		{ "OccultJournal", "&JournalId=0", "InvalidParameter",
		  "The specified parameter JournalId is invalid." },
		{ "PurgeLedger", "&Before=1", "MissingParameter",
		  "You must specify the parameter MemberSignatures." },
		{ "PurgeLedger", "&Before=4711", "InvalidParameter",
		  "The specified parameter Before is invalid." },
		{ "ModifyLedgerAttribute", "&RemovalPolicy=ADMIN", "MissingParameter",
		  "You must specify the parameter MemberSignatures." },
		{ "SetTrustPoint", "&JournalId=4711", "InvalidParameter",
		  "The specified parameter JournalId is invalid." },
		{ "ModifyIpWhiteList", "&ModifyType=Cover&IpList=10.0.0.0/33", "InvalidParameter",
		  "The specified parameter IpList is invalid." },
		{ "ModifyIpWhiteList", "&ModifyType=Append&IpList=10.0.0.1%3B10.0.0.2",
		  "InvalidParameter", "The specified parameter IpList is invalid." },
		{ "ModifyIpWhiteList", "&ModifyType=Delete&IpList=10.0.0.1", "InvalidParameter",
		  "The specified parameter IpList is invalid." },
		{ "ModifyIpWhiteList", "&ModifyType=cover&IpList=10.0.0.1", "InvalidParameter",
		  "The specified parameter ModifyType is invalid." },
		{ "CreateVpcEndpoint", "&VpcId=nowhere&VSwitchId=b", "InvalidParameter",
		  "The specified parameter VpcId is invalid." },
		{ "CreateVpcEndpoint", "&VpcId=a/b&VSwitchId=c", "InvalidParameter",
		  "The specified parameter VpcId is invalid." },
		{ "DeleteVpcEndpoint", "&VpcEndpointId=x&VpcId=a%20b&VSwitchId=c", "InvalidParameter",
		  "The specified parameter VpcId is invalid." },
		{ "ModifyLedgerAttribute", "&PayloadLimit=4194305", "InvalidParameter",
		  "The specified parameter PayloadLimit is invalid." },
		{ "ModifyLedgerAttribute", "&BatchLimit=10001", "InvalidParameter",
		  "The specified parameter BatchLimit is invalid." },
		{ "ModifyLedgerAttribute", "&MemberLimit=1001", "InvalidParameter",
		  "The specified parameter MemberLimit is invalid." },
		{ "UpdateMemberKeyByKMS", "&MemberId=m-04389ec1075443bc04389ec107&KMSKeyId=k",
		  "UnsupportedOperation",
		  "The specified operation is not supported. No key store is configured." },
		{ "UpdateMemberKeyByKMS",
		  "&MemberId=m-04389ec1075443bc04389ec107&KMSKeyId=pkcs11%3Atoken%3Dt%3Bobject%3Do",
		  "UnsupportedOperation", NO_TOKENS },
		{ "UpdateMemberKeyByKMS", "&MemberId=m-04389ec1075443bc04389ec107&KMSKeyId=../x",
		  "InvalidParameter", "The specified parameter KMSKeyId is invalid." },
		{ "UpdateMemberKeyByKMS",
		  "&MemberId=m-04389ec1075443bc04389ec107&KMSKeyId=x&KMSKeyVersion=../x",
		  "InvalidParameter", "The specified parameter KMSKeyVersion is invalid." },
#ifdef TALLY_PKCS11
		{ "UpdateMemberKeyByKMS",
		  "&MemberId=m-04389ec1075443bc04389ec107&KMSKeyId=pkcs11%3Aobject",
		  "InvalidParameter", "The specified parameter KMSKeyId is invalid." },
		{ "UpdateMemberKeyByKMS",
		  "&MemberId=m-04389ec1075443bc04389ec107&KMSKeyId=pkcs11%3Aobject%3D%23",
		  "InvalidParameter", "The specified parameter KMSKeyId is invalid." },
		{ "UpdateMemberKeyByKMS",
		  "&MemberId=m-04389ec1075443bc04389ec107&KMSKeyId=pkcs11%3Aobject%3Do%3Fpin-value%3D1",
		  "InvalidParameter", "The specified parameter KMSKeyId is invalid." },
		{ "UpdateMemberKeyByKMS",
		  "&MemberId=m-04389ec1075443bc04389ec107&KMSKeyId=pkcs11%3Aobject%3Do&KMSKeyVersion=1",
		  "InvalidParameter", "The specified parameter KMSKeyVersion is invalid." },
#endif
		{ "KvList", "", "InvalidParameter", "The specified parameter LedgerId is invalid." },
		{ "KvHistory", "&Key=k", "InvalidParameter",
		  "The specified parameter LedgerId is invalid." },
		{ "KvSet", "&Key=k&Value=v", "InvalidParameter",
		  "The specified parameter LedgerId is invalid." },
		{ "KvGet", "&Key=k", "InvalidParameter",
		  "The specified parameter LedgerId is invalid." },
		{ "KvDelete", "&Key=k", "InvalidParameter",
		  "The specified parameter LedgerId is invalid." },
		{ "InviteMembers", "&AliUids=x", "InvalidParameter",
		  "The specified parameter AliUids is invalid." },
		{ "InviteMembers", "&AliUids=1,,2", "InvalidParameter",
		  "The specified parameter AliUids is invalid." },
		{ "InviteMembers", "&AliUids=1,", "InvalidParameter",
		  "The specified parameter AliUids is invalid." },
		{ "InviteMembers", "&AliUids=,1", "InvalidParameter",
		  "The specified parameter AliUids is invalid." },
		{ "InviteMembers", "&AliUids=1,%202", "InvalidParameter",
		  "The specified parameter AliUids is invalid." },
		{ "InviteMembers", "&AliUids=0", "InvalidParameter",
		  "The specified parameter AliUids is invalid." },
		{ "InviteMembers", "&AliUids=9007199254740992", "InvalidParameter",
		  "The specified parameter AliUids is invalid." },
		{ "CreateMember", "", "MissingParameter",
		  "You must specify the parameter PublicKey." },
		{ "AcceptMember", "&PublicKey=0400", "InvalidParameter",
		  "The specified parameter PublicKey is invalid." },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct tally_action *action = tally_action_find(
			FAMILY_LEDGERDB, tally_bytes_str(cases[i].action));

		refused(action, text("Action=%s&LedgerId=%s%s", cases[i].action, world.private,
				     cases[i].params), &world.owner, NULL, 400, cases[i].code,
			cases[i].message);
	}
}

static void payload_too_large(void)
{
	const struct call call = { "AppendJournal", "" };
	struct client client = { 0 };
	uint64_t state = store_state();

	ask(&client, BY_FORM, text("%s&Payload=%s", good_call(&call, world.private),
				   repeated('x', (8 << 20) + 1)), &world.owner, NULL);
	check_refused(&client, false, state, 400, "InvalidParameter", invalid("Payload"));
	tally_arena_reset(&world.arena);
}

/* ---- authentication ---- */

static const char *at_time(int64_t offset_ms)
{
	char timestamp[21];

	tally_time_format((uint64_t)((int64_t)tally_now_ms() + offset_ms), timestamp);
	return text("&Timestamp=%s", timestamp);
}

/* Parameters given before signing, or changes after it, and what comes of them. */
static void walk_authentication(const struct tally_action *action, const char *base)
{
	const struct tally_first_key unknown = { .key_id = "AKunknown", .secret = "x" };
	struct tally_first_key wrong = world.owner;
	const struct {
		const char *params;			/* signed too */
		struct tamper tamper;
		const struct tally_first_key *key;	/* NULL: the owner's */
		int status;
		const char *code, *message;
	} cases[] = {
		{ "", { .drop = "AccessKeyId" }, NULL, 400, "MissingAccessKeyId",
		  "AccessKeyId is mandatory for this action." },
		{ "", { .drop = "AccessKeyId", .add = "&AccessKeyId=" }, NULL, 400,
		  "MissingAccessKeyId", "AccessKeyId is mandatory for this action." },
		{ "", { .drop = "Signature" }, NULL, 400, "IncompleteSignature",
		  "The request signature does not conform to Aliyun standards." },
		{ "", { .drop = "Signature", .add = "&Signature=" }, NULL, 400,
		  "IncompleteSignature", NULL },
		{ "", { .drop = "Signature", .add = "&Signature=%21%21" }, NULL, 400,
		  "IncompleteSignature", NULL },
		{ "", { .drop = "Signature", .add = "&Signature=YWJj" }, NULL, 400,
		  "IncompleteSignature", NULL },
		{ "", { .drop = "SignatureMethod" }, NULL, 400, "MissingSignatureMethod",
		  "SignatureMethod is mandatory for this action." },
		{ "", { .drop = "SignatureVersion" }, NULL, 400, "MissingSignatureVersion",
		  "SignatureVersion is mandatory for this action." },
		{ "", { .drop = "SignatureNonce" }, NULL, 400, "MissingSignatureNonce",
		  "SignatureNonce is mandatory for this action." },
		{ "&SignatureNonce=", { 0 }, NULL, 400, "MissingSignatureNonce", NULL },
		{ "", { .drop = "Timestamp" }, NULL, 400, "MissingTimestamp",
		  "Timestamp is mandatory for this action." },
		{ "", { .drop = "Version" }, NULL, 400, "MissingVersion",
		  "Version is mandatory for this action." },
		{ "&Version=2014-05-26", { 0 }, NULL, 400, "NoSuchVersion",
		  "The specified API version does not exist." },
		{ "", { .drop = "Action" }, NULL, 400, "MissingAction",
		  "Action is mandatory for this action." },
		{ "&SignatureMethod=HMAC-SHA256", { 0 }, NULL, 400, "InvalidSignatureMethod",
		  "Specified signature method is not valid." },
		{ "&SignatureVersion=2.0", { 0 }, NULL, 400, "InvalidSignatureVersion",
		  "Specified parameter SignatureVersion is not valid." },
		{ "&SignatureType=BEARERTOKEN", { 0 }, NULL, 400, "InvalidSignatureType",
		  "Specified parameter SignatureType is not valid." },
		{ text("&SignatureNonce=%s", repeated('n', 257)), { 0 }, NULL, 400,
		  "InvalidSignatureNonce", "Specified parameter SignatureNonce is not valid." },
		{ "", { 0 }, &unknown, 404, "InvalidAccessKeyId.NotFound",
		  "Specified access key is not found." },
		{ text("&AccessKeyId=%s", repeated('k', 500)), { 0 }, NULL, 404,
		  "InvalidAccessKeyId.NotFound", NULL },
		{ "", { 0 }, &disabled, 400, "InvalidAccessKeyId.Inactive",
		  "Specified access key is disabled." },
		{ "&Timestamp=now", { 0 }, NULL, 400, "InvalidTimeStamp.Format",
		  "Specified time stamp or date value is not well formatted." },
		{ "&Timestamp=2020-04-22T00:34:19.000Z", { 0 }, NULL, 400,
		  "InvalidTimeStamp.Format", NULL },
		{ "&Timestamp=2020-04-22%2000:34:19Z", { 0 }, NULL, 400, "InvalidTimeStamp.Format",
		  NULL },
		{ "&Timestamp=1587515659345", { 0 }, NULL, 400, "InvalidTimeStamp.Format", NULL },
		{ at_time(-16 * 60000), { 0 }, NULL, 400, "InvalidTimeStamp.Expired",
		  "Specified time stamp or date value is expired." },
		{ at_time(16 * 60000), { 0 }, NULL, 400, "InvalidTimeStamp.Expired", NULL },
		{ "", { 0 }, &wrong, 400, "SignatureDoesNotMatch", NULL },
		{ "", { .other_method = true }, NULL, 400, "SignatureDoesNotMatch", NULL },
		{ "", { .add = "&Unsigned=1" }, NULL, 400, "SignatureDoesNotMatch", NULL },
		{ "&Extra=1", { .drop = "Extra", .add = "&Extra=2" }, NULL, 400,
		  "SignatureDoesNotMatch", NULL },
		{ "&RegionId=cn-hangzhou", { .drop = "RegionId" }, NULL, 400,
		  "SignatureDoesNotMatch", NULL },
	};
	size_t i;

	strcpy(wrong.secret, "wrong");
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		refused(action, text("%s%s", base, cases[i].params),
			cases[i].key != NULL ? cases[i].key : &world.owner, &cases[i].tamper,
			cases[i].status, cases[i].code, cases[i].message);
}

static void every_authentication(void)
{
	size_t i;

	for (i = 0; i < CALLS; i++) {
		const struct tally_action *action = action_of(&calls[i]);

		if (action->family == FAMILY_LEDGERDB)
			walk_authentication(action, good_call(&calls[i], world.private));
		tally_arena_reset(&world.arena);
	}
}

/* The text that clients compare with their own string to sign. */
static void string_to_sign_is_told(void)
{
	const char *params = text("Action=GetJournal&JournalId=1&LedgerId=%s&AccessKeyId=%s"
				  "&SignatureMethod=HMAC-SHA1&SignatureVersion=1.0"
				  "&SignatureNonce=told%s&Version=2019-11-22&LedgerName=a%%20*~",
				  world.private, world.owner.key_id, at_time(0));
	struct client client = { 0 };
	struct tally_form form;
	struct tally_fault fault;
	struct tally_bytes want;

	REQUIRE(tally_form_parse(&world.arena, tally_bytes_str(params), TALLY_BYTES_NONE, &form,
				 &fault) == 0);
	want = tally_rpc_string_to_sign(&world.arena, "POST", form.params, form.count);
	ask(&client, BY_FORM, text("%s&Signature=AAAAAAAAAAAAAAAAAAAAAAAAAAA=", params), NULL,
	    NULL);
	CHECK_INT(client.response.status, 400);
	CHECK_STR(error_disagrees(client.response.body, false, "SignatureDoesNotMatch",
				  text("Specified signature is not matched with our calculation. "
				       "server string to sign is:%s", (const char *)want.data)),
		  NULL);
}

/* A wrong signature burns no nonce; a good one does, for this key only. */
static void nonces_of_reads(void)
{
	const char *params = text("Action=DescribeLedger&LedgerId=%s&SignatureNonce=once",
				  world.public);
	struct tally_first_key wrong = world.owner;
	struct client client = { 0 };

	strcpy(wrong.secret, "wrong");
	ask(&client, BY_GET, params, &wrong, NULL);
	CHECK_INT(client.response.status, 400);
	ask(&client, BY_GET, params, &world.owner, NULL);
	CHECK_INT(client.response.status, 200);
	ask(&client, BY_FORM, params, &world.owner, NULL);
	CHECK_INT(client.response.status, 400);
	CHECK_STR(error_disagrees(client.response.body, false, "SignatureNonceUsed",
				  "Specified signature nonce was used already."), NULL);
	ask(&client, BY_GET, params, &world.stranger, NULL);
	CHECK_INT(client.response.status, 200);
}

static void nonces_of_writes(void)
{
	const char *params = text("Action=AppendJournal&Payload=a&LedgerId=%s&SignatureNonce=w",
				  world.private);
	struct client client = { 0 };
	uint64_t state;

	ask(&client, BY_FORM, params, &world.owner, NULL);
	CHECK_INT(client.response.status, 200);
	state = store_state();
	ask(&client, BY_FORM, params, &world.owner, NULL);
	check_refused(&client, false, state, 400, "SignatureNonceUsed",
		      "Specified signature nonce was used already.");
}

/* A nonce is for one request: signed again for another ledger or action, it is refused. Of the same
 * action and ledger the blocks decide, so a write that was not done can be sent again. */
static void a_nonce_is_for_one_request(void)
{
	static const struct {
		const char *first, *second;
	} rows[] = {
		{ "AppendJournal&Payload=a&LedgerId=%s", "AppendJournal&Payload=a&LedgerId=%s" },
		{ "AppendJournal&Payload=a&LedgerId=%s", "DescribeLedger&LedgerId=%s" },
		{ "DescribeLedger&LedgerId=%s", "AppendJournal&Payload=a&LedgerId=%s" },
		{ "DescribeLedger&LedgerId=%s", "StatLedger&LedgerId=%s" },
		{ "AppendJournal&Payload=a&LedgerId=%s", "CreateLedger&LedgerName=again" },
		{ "CreateLedger&LedgerName=once", "AppendJournal&Payload=a&LedgerId=%s" },
	};
	struct client client = { 0 };
	const char *append = text("Action=AppendJournal&LedgerId=%s&SignatureNonce=retry",
				  world.private);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *nonce = text("&SignatureNonce=one-%zu", i);
		uint64_t state;

		CASE("%s, then %s", rows[i].first, rows[i].second);
		ask(&client, BY_GET, text("Action=%s%s", text(rows[i].first, world.private), nonce),
		    &world.owner, NULL);
		CHECK_INT(client.response.status, 200);
		state = store_state();
		ask(&client, BY_GET, text("Action=%s%s", text(rows[i].second, world.public), nonce),
		    &world.owner, NULL);
		check_refused(&client, false, state, 400, "SignatureNonceUsed",
			      "Specified signature nonce was used already.");
	}
	CASE("not done the first time");
	ask(&client, BY_GET, text("%s&PayloadBase64=%%21", append), &world.owner, NULL);
	CHECK_INT(client.response.status, 400);
	ask(&client, BY_GET, text("%s&Payload=a", append), &world.owner, NULL);
	CHECK_INT(client.response.status, 200);
}

/* A repeated read of the relay is answered; so is a HEAD signed as the GET it stands for. */
static void again_and_head(void)
{
	const char *wire = wire_of("GET", text("Action=DescribeLedger&LedgerId=%s", world.private),
				   &world.owner, NULL);
	struct tally_request request = {
		.arena = &world.arena, .method = TALLY_BYTES_LIT("HEAD"),
		.path = TALLY_BYTES_LIT("/"), .query = tally_bytes_str(wire),
	};
	struct tally_response response;

	tally_service_handle(world.service, &request, &response);
	CHECK_INT(response.status, 200);
	tally_service_handle(world.service, &request, &response);
	CHECK_INT(response.status, 400);
	request.again = true;
	tally_service_handle(world.service, &request, &response);
	CHECK_INT(response.status, 200);
}

/* ---- permission ---- */

static void strangers(void)
{
	size_t i;

	for (i = 0; i < CALLS; i++) {
		const struct tally_action *action = action_of(&calls[i]);
		const char *unknown;

		if (!wants_ledger(action) || action->family == FAMILY_ADMIN)
			continue;
		unknown = "The specified resource Ledger " UNKNOWN_LEDGER " does not exist.";
		refused(action, good_call(&calls[i], UNKNOWN_LEDGER), &world.owner, NULL, 404,
			"ResourceNotFound", unknown);
		/* a private ledger of somebody else is no other than one that is not there */
		refused(action, good_call(&calls[i], world.private), &world.stranger, NULL, 404,
			"ResourceNotFound",
			text("The specified resource Ledger %s does not exist.", world.private));
		if (action->kind == ACTION_WRITE || action->need == PERM_VIEW_ACCESS)
			refused(action, good_call(&calls[i], world.public), &world.stranger, NULL,
				403, "UnauthorizedOperation", NULL);
	}
}

static void refused_unsigned(const struct tally_action *action, const char *params, bool admin,
			     int status, const char *code)
{
	int way, xml;

	for (way = 0; way < RPC_WAYS; way++)
		for (xml = 0; xml < 2; xml++) {
			struct client client = { .path = admin ? "/admin/" : NULL };
			uint64_t state = store_state();

			if (way == BY_GET && !takes_get(action))
				continue;
			CASE("%s %s %.60s", way_names[way], xml ? "XML" : "JSON", params);
			ask(&client, way, xml ? text("%s&Format=XML", params) : params, NULL, NULL);
			check_refused(&client, xml != 0, state, status, code, NULL);
		}
}

/* Who does not sign reads public ledgers, and learns of no other whether it is there. */
static void unsigned_callers(void)
{
	size_t i;
	int way, xml;

	for (i = 0; i < CALLS; i++) {
		const struct tally_action *action = action_of(&calls[i]);
		/* nothing is removed; who may ask is told so */
		bool absent = strcmp(calls[i].action, "GetErasureCertificate") == 0;

		if (action->family == FAMILY_ADMIN) {
			refused_unsigned(action, good_call(&calls[i], world.public), true, 403,
					 "UnauthorizedOperation");
			continue;
		}
		if (action->need == PERM_ANYONE)	/* of no ledger, or of a public one */
			continue;
		refused_unsigned(action, good_call(&calls[i], world.private), false, 400,
				 "MissingAccessKeyId");
		refused_unsigned(action, good_call(&calls[i], UNKNOWN_LEDGER), false, 400,
				 "MissingAccessKeyId");
		if (action->kind == ACTION_WRITE || !wants_ledger(action) ||
		    !tally_permission_public(action->need)) {
			refused_unsigned(action, good_call(&calls[i], world.public), false, 400,
					 "MissingAccessKeyId");
			continue;
		}
		if (strncmp(calls[i].action, "Kv", 2) == 0)	/* of no KV ledger */
			continue;
		for (way = 0; way < RPC_WAYS; way++)
			for (xml = 0; xml < 2; xml++) {
				struct client client = { 0 };
				const char *params = good_call(&calls[i], world.public);

				CASE("%s %s", way_names[way], params);
				ask(&client, way, xml ? text("%s&Format=XML", params) : params, NULL,
				    NULL);
				CHECK_INT(client.response.status, absent ? 404 : 200);
				CHECK_STR(absent ? error_disagrees(client.response.body, xml != 0,
								   "ResourceNotFound", NULL) :
						   reply_disagrees(action, client.response.body,
								   xml != 0, false), NULL);
			}
	}
}

/* A key that signs over the local socket is that key, no administrator. */
static void signed_is_not_local(void)
{
	struct client client = { .local = true, .path = "/admin/" };
	uint64_t state = store_state();

	ask(&client, BY_FORM, "Action=CreateAccount&Name=x", &world.owner, NULL);
	check_refused(&client, false, state, 403, "UnauthorizedOperation",
		      "You are not authorized to perform this operation. "
		      "It is for local administration only.");
	client = (struct client){ .account = "1" };	/* believed of local callers only */
	ask(&client, BY_FORM, "Action=CreateLedger&LedgerName=x", NULL, NULL);
	check_refused(&client, false, state, 400, "MissingAccessKeyId", NULL);
	client = (struct client){ .local = true, .account = "one" };
	ask(&client, BY_FORM, "Action=CreateLedger&LedgerName=x", NULL, NULL);
	check_refused(&client, false, state, 400, "InvalidParameter", invalid("x-tally-account"));
	client = (struct client){ .local = true };
	ask(&client, BY_FORM, "Action=CreateLedger&LedgerName=x", NULL, NULL);
	check_refused(&client, false, state, 400, "MissingParameter", NULL);
}

/* ---- things that do not exist ---- */

static void resources(void)
{
	static const struct {
		const char *params;
		bool admin;
		const char *resource;
	} cases[] = {
		{ "Action=GetJournal&JournalId=100", false, "Journal 100" },
		{ "Action=GetBlockInfo&BlockSequence=77", false, "Block 77" },
		{ "Action=GetJournalTimeProof&JournalSequence=100", false, "Journal 100" },
		{ "Action=DescribeTSA&SequenceWithinLedger=5", false, "Time stamp 5" },
		{ "Action=DeleteVpcEndpoint&VpcEndpointId=x.y&VpcId=a&VSwitchId=b", false,
		  "VpcEndpoint x.y" },
		{ "Action=EnableAccessKey&UserAccessKeyId=AKx", true, "AccessKey AKx" },
		{ "Action=DisableAccessKey&UserAccessKeyId=AKx", true, "AccessKey AKx" },
		{ "Action=DeleteAccessKey&UserAccessKeyId=AKx", true, "AccessKey AKx" },
		{ "Action=CreateAccessKey&AliUid=4242", true, "Account 4242" },
		{ "Action=ReadBlock&Space=0&Block=999999", true, "Block 999999" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tally_bytes name = tally_bytes(cases[i].params + 7,
						      strcspn(cases[i].params + 7, "&"));
		const struct tally_action *action = tally_action_find(
			cases[i].admin ? FAMILY_ADMIN : FAMILY_LEDGERDB, name);

		refused(action, !wants_ledger(action) ? cases[i].params :
			text("%s&LedgerId=%s", cases[i].params, world.private),
			cases[i].admin ? NULL : &world.owner, NULL, 404, "ResourceNotFound",
			text("The specified resource %s does not exist.", cases[i].resource));
	}
}

/* ---- requests that are wrong as a whole ---- */

static void wrong_wholes(void)
{
	static const struct {
		const char *method, *query, *code;
		int status;
		bool xml;
	} cases[] = {
		{ "GET", "", "MissingAction", 400, false },
		{ "GET", "Action=", "MissingAction", 400, false },
		{ "GET", "Action=Nonsense&Format=XML", "InvalidAction.NotFound", 404, true },
		{ "GET", "Action=getjournal", "InvalidAction.NotFound", 404, false },
		{ "GET", "Action=CreateAccount", "InvalidAction.NotFound", 404, false },
		{ "GET", "Action=AppendJournals&Format=xml", "InvalidAction.NotFound", 404, true },
		{ "GET", "Action=GetJournal&Format=YAML", "InvalidParameter.Format", 400, false },
		{ "GET", "Action=GetJournal&Format=", "InvalidParameter.Format", 400, false },
		{ "GET", "Format=XML&Action=%zz", "InvalidParameter", 400, true },
		{ "GET", "Format=XML&A=1&A=1", "InvalidParameter", 400, true },
		{ "GET", "Format=XML&%FF=1&%FF=1", "InvalidParameter", 400, true },
		{ "PUT", "Format=XML&Action=GetJournal", "UnsupportedHTTPMethod", 400, true },
		{ "GET", "Action=GetJournal&Version=1&Format=xMl", "NoSuchVersion", 400, true },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct client client = { .service = world.service, .arena = &world.arena };

		CASE("%s %s", cases[i].method, cases[i].query);
		client_raw(&client, cases[i].method, tally_bytes_str(cases[i].query), NULL,
			   TALLY_BYTES_NONE);
		check_refused(&client, cases[i].xml, store_state(), cases[i].status, cases[i].code,
			      NULL);
	}
}

/* ---- batches ---- */

static const char *sha_of(struct tally_bytes body)
{
	uint8_t hash[TALLY_HASH_SIZE];
	char hex[2 * TALLY_HASH_SIZE + 1];

	tally_sha256(body.data, body.size, hash);
	tally_hex_encode(hash, sizeof(hash), hex);
	return text("%s", hex);
}

/* params with SHA in it for the body's hash. */
static void ask_batch(struct client *client, const char *params, bool xml, const char *type,
		      const char *body)
{
	const char *query = text("Action=AppendJournals%s%s", params, xml ? "&Format=XML" : "");
	const char *place = strstr(query, "SHA!");

	if (place != NULL)
		query = text("%.*s%s%s", (int)(place - query), query,
			     sha_of(tally_bytes_str(body)), place + 4);
	client->service = world.service;
	client->arena = &world.arena;
	client_raw(client, "POST", tally_bytes_str(wire_of("POST", query, &world.owner, NULL)),
		   type, tally_bytes_str(body));
}

#define JSON "application/json"
#define LINES "application/x-ndjson; charset=utf-8"
#define GOOD "[{\"Payload\":\"a\"}]"
#define SIGNED "&ContentSHA256=SHA!"

static void walk_batch(void)
{
	static const struct {
		const char *params, *type, *body;
		bool no_ledger;
		const char *code, *about;
	} cases[] = {
		{ SIGNED, JSON, GOOD, true, "MissingParameter", "LedgerId" },
		{ "", JSON, GOOD, false, "MissingParameter", "ContentSHA256" },
		{ "&ContentSHA256=", JSON, GOOD, false, "InvalidParameter", "ContentSHA256" },
		{ "&ContentSHA256=abc", JSON, GOOD, false, "InvalidParameter", "ContentSHA256" },
		{ "&ContentSHA256=" CHARS64, JSON, GOOD, false, "InvalidParameter",
		  "ContentSHA256" },
		{ SIGNED "&Atomic=perhaps", JSON, GOOD, false, "InvalidParameter", "Atomic" },
		{ SIGNED "&ClientToken=" CHARS64 "x", JSON, GOOD, false, "InvalidParameter",
		  "ClientToken" },
		{ SIGNED, JSON, "", false, "MissingParameter", "Journals" },
		{ SIGNED, "text/plain", GOOD, false, "InvalidParameter", "Journals" },
		{ SIGNED, NULL, GOOD, false, "InvalidParameter", "Journals" },
		{ SIGNED, JSON, "[]", false, "InvalidParameter", "Journals" },
		{ SIGNED, JSON, "nonsense", false, "InvalidParameter", "Journals" },
		{ SIGNED, JSON, "{\"Payload\":\"a\"}", false, "InvalidParameter", "Journals" },
		{ SIGNED, LINES, GOOD, false, "InvalidParameter", "Journals.0" },
		{ SIGNED, LINES, "{\"Payload\":\"a\"}\n{\"Payload\":", false, "InvalidParameter",
		  "Journals.1" },
		{ SIGNED, JSON, "[{\"Payload\":\"a\"},{\"Clues\":[]}]", false, "MissingParameter",
		  "Journals.1.Payload" },
		{ SIGNED, JSON, "[{\"Payload\":\"a\"},{\"Payload\":\"b\",\"Clues\":[\"\"]}]", false,
		  "InvalidParameter", "Journals.1.Clues" },
		{ SIGNED, JSON, "[{\"Payload\":\"b\",\"Clues\":[\"\"]}]", false, "InvalidParameter",
		  "Journals.0.Clues" },
		{ SIGNED, JSON, "[{\"Payload\":\"b\",\"Signature\":\"\"}]", false,
		  "InvalidParameter", "Journals.0.Signature" },
	};
	size_t i;
	int xml;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (xml = 0; xml < 2; xml++) {
			struct client client = { 0 };
			const char *params = text("%s%s%s", cases[i].no_ledger ? "" : "&LedgerId=",
						  cases[i].no_ledger ? "" : world.private,
						  cases[i].params);
			bool missing = strcmp(cases[i].code, "MissingParameter") == 0;
			const char *format = missing ? "You must specify the parameter " :
						       "The specified parameter ";
			uint64_t state = store_state();

			CASE("%s %s %s", cases[i].params, cases[i].type, cases[i].body);
			ask_batch(&client, params, xml != 0, cases[i].type, cases[i].body);
			check_refused(&client, xml != 0, state, 400, cases[i].code,
				      text("%s%s%s.", format, cases[i].about,
					   missing ? "" : " is invalid"));
		}
}

static uint64_t journal_count(const char *ledger)
{
	struct tally_ledger_info info;

	if (tally_ledger_describe(world.core, tally_bytes_str(ledger), &world.arena, &info,
				  &err) != 1)
		return UINT64_MAX;
	return info.journal_count;
}

/* All or none, or an outcome each; the same token again appends nothing. */
static void batches_work(void)
{
	static const char mixed[] = "{\"Payload\":\"one\",\"Clues\":[\"c\"]}\n"
				    "{\"Payload\":\"two\",\"Clues\":[\"d\",\"d\"]}\n"
				    "{\"PayloadBase64\":\"//4=\",\"ClientId\":\"me\"}\n";
	const struct tally_action *action = tally_action_find(FAMILY_LEDGERDB,
							      TALLY_BYTES_LIT("AppendJournals"));
	const char *params = text("&LedgerId=%s" SIGNED, world.private);
	uint64_t before = journal_count(world.private);
	struct client client = { 0 };
	const char *first;
	int xml;

	ask_batch(&client, params, false, LINES, mixed);
	CHECK_INT(client.response.status, 400);
	CHECK_INT(journal_count(world.private), before);

	for (xml = 0; xml < 2; xml++) {
		ask_batch(&client, text("%s&Atomic=false&ClientToken=t%d", params, xml), xml != 0,
			  LINES, mixed);
		CHECK_INT(client.response.status, 200);
		CHECK_STR(reply_disagrees(action, client.response.body, xml != 0, false), NULL);
		CHECK_STR(reply_text(action, client.response.body, xml != 0, "Receipts/1/Code"),
			  "InvalidParameter");
		CHECK_STR(reply_text(action, client.response.body, xml != 0, "Receipts/1/Message"),
			  invalid("Journals.1.Clues"));
		CHECK_STR(reply_text(action, client.response.body, xml != 0, "Count"), "3");
		CHECK_INT(journal_count(world.private), before + 2 * (uint64_t)(xml + 1));
	}
	first = text("%s", reply_text(action, client.response.body, true, "Receipts/2/JournalId"));
	ask_batch(&client, text("%s&Atomic=false&ClientToken=t1", params), false, LINES, mixed);
	CHECK_STR(reply_text(action, client.response.body, false, "Receipts/2/JournalId"), first);
	CHECK_INT(journal_count(world.private), before + 4);
	/* the head of a stream of batches is token#0 also when it is sent alone */
	ask_batch(&client, text("%s&ClientToken=t1", params), false, JSON,
		  "[{\"Payload\":\"one\",\"Clues\":[\"c\"]}]");
	CHECK_INT(client.response.status, 200);
	CHECK_INT(journal_count(world.private), before + 4);
}

/* With an outcome each, what cannot be read is refused alone, in lines and in an array; all of a
 * batch may be. Its place counts: the journal behind it has the same token#i as when it was good. */
static void malformed_entries_are_refused_alone(void)
{
	static const struct {
		const char *type, *body, *code, *message;
	} cases[] = {
		{ LINES, "{\"Payload\":\"one\"}\n{\"Payload\":\n{\"Payload\":\"two\"}\n",
		  "InvalidParameter", "The specified parameter Journals.1 is invalid." },
		{ JSON, "[{\"Payload\":\"one\"},{\"Clues\":[]},{\"Payload\":\"two\"}]",
		  "MissingParameter", "You must specify the parameter Journals.1.Payload." },
	};
	const struct tally_action *action = tally_action_find(FAMILY_LEDGERDB,
							      TALLY_BYTES_LIT("AppendJournals"));
	const char *params = text("&LedgerId=%s" SIGNED, world.private);
	uint64_t before = journal_count(world.private);
	struct client client = { 0 };
	size_t i;
	int xml;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (xml = 0; xml < 2; xml++) {
			CASE("%s %s", cases[i].body, xml != 0 ? "xml" : "json");
			ask_batch(&client, params, xml != 0, cases[i].type, cases[i].body);
			CHECK_INT(client.response.status, 400);
			ask_batch(&client, text("%s&Atomic=false&ClientToken=malformed", params),
				  xml != 0, cases[i].type, cases[i].body);
			CHECK_INT(client.response.status, 200);
			CHECK_STR(reply_disagrees(action, client.response.body, xml != 0, false),
				  NULL);
			CHECK_STR(reply_text(action, client.response.body, xml != 0, "Count"), "3");
			CHECK_STR(reply_text(action, client.response.body, xml != 0,
					     "Receipts/1/Code"), cases[i].code);
			CHECK_STR(reply_text(action, client.response.body, xml != 0,
					     "Receipts/1/Message"), cases[i].message);
			CHECK_STR(reply_text(action, client.response.body, xml != 0,
					     "Receipts/2/JournalId"), text("%" PRIu64, before + 1));
			CHECK_INT(journal_count(world.private), before + 2);
		}
	CASE("nothing good");
	ask_batch(&client, text("%s&Atomic=false", params), false, LINES, "x\n");
	CHECK_INT(client.response.status, 200);
	CHECK_STR(reply_text(action, client.response.body, false, "Receipts/0/Message"),
		  "The specified parameter Journals.0 is invalid.");
	ask_batch(&client, text("%s&Atomic=false", params), false, JSON, "[{\"Payload\":\"a\"}");
	CHECK_INT(client.response.status, 400);
	CHECK_INT(journal_count(world.private), before + 2);
}

/* ---- what works, and is as it was appended ---- */

static void appended_is_read(void)
{
	static const struct {
		const char *params, *payload, *encoding, *clues;
	} cases[] = {
		{ "&Payload=%7B%22a%22%3A1%7D&Clues.1=x&Clues.2=y", "{\"a\":1}", NULL, "y" },
		{ "&PayloadBase64=//4%3D&Clues=[\"x\",\"y\"]", "//4=", "base64", "y" },
		{ "&Payload=&Clues.1=q&Clues.2=%E8%B4%A6&ClientId=me", "", NULL,
		  "\xe8\xb4\xa6" },
	};
	const struct tally_action *append = action_of(&calls[6]), *get = action_of(&calls[7]);
	size_t i;
	int way, xml;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (way = 0; way < WAYS; way++)
			for (xml = 0; xml < 2; xml++) {
				struct client client = { 0 };
				const char *format = xml ? "&Format=XML" : "", *id, *hash;

				CASE("%s %s", way_names[way], cases[i].params);
				ask(&client, way, text("Action=AppendJournal&LedgerId=%s%s%s",
						       world.private, cases[i].params, format),
				    &world.owner, NULL);
				CHECK_INT(client.response.status, 200);
				CHECK_STR(reply_disagrees(append, client.response.body, xml != 0,
							  false), NULL);
				id = text("%s", reply_text(append, client.response.body, xml != 0,
							   "JournalId"));
				hash = text("%s", reply_text(append, client.response.body, xml != 0,
							     "JournalHash"));
				ask(&client, way, text("Action=GetJournal&LedgerId=%s&JournalId=%s%s",
						       world.private, id, format), &world.owner,
				    NULL);
				CHECK_STR(reply_disagrees(get, client.response.body, xml != 0,
							  false), NULL);
				CHECK_STR(reply_text(get, client.response.body, xml != 0,
						     "Journal/PayloadJsonString"),
					  cases[i].payload);
				CHECK_STR(reply_text(get, client.response.body, xml != 0,
						     "Journal/PayloadEncoding"),
					  cases[i].encoding);
				CHECK_STR(reply_text(get, client.response.body, xml != 0,
						     "Journal/Clues/1"), cases[i].clues);
				CHECK_STR(reply_text(get, client.response.body, xml != 0,
						     "Journal/JournalHash"), hash);
			}
}

/* Pages of one, forwards and backwards, meet every journal once, with and without a filter. */
static void pages(void)
{
	static const char *const filters[] = { "", "&Clue=clue1", "&PayloadType=CUSTOM",
					       "&StartJournalId=1&EndJournalId=2" };
	static const unsigned int wanted[] = { 4, 2, 3, 2 };
	const struct tally_action *list = action_of(&calls[8]);
	size_t i;
	int reverse;

	for (i = 0; i < 4; i++)
		for (reverse = 0; reverse < 2; reverse++) {
			const char *token = "";
			unsigned int seen = 0, met = 0;

			CASE("%s %d", filters[i], reverse);
			do {
				struct client client = { 0 };
				const char *id;

				ask(&client, BY_GET,
				    text("Action=ListJournals&MaxResults=1&LedgerId=%s%s&Reverse=%s"
					 "&NextToken=%s", world.public, filters[i],
					 reverse ? "true" : "false", token), NULL, NULL);
				CHECK_STR(reply_disagrees(list, client.response.body, false, false),
					  NULL);
				id = reply_text(list, client.response.body, false,
						"Journals/0/JournalId");
				if (id != NULL) {
					met |= 1u << atoi(id);
					seen++;
				}
				token = text("%s", reply_text(list, client.response.body, false,
							      "NextToken"));
			} while (*token != '\0' && seen < 10);
			CHECK_INT(seen, wanted[i]);
			CHECK_INT(__builtin_popcount(met), wanted[i]);
		}
}

/* An account comes and goes, by GET and POST, parameters in the query and in the body, JSON and XML. */
static void members_come_and_go(void)
{
	static const struct {
		const char *action, *params;
		bool guest;		/* asks itself */
		const char *state, *role;	/* afterwards; NULL: it is no member */
	} steps[] = {
		{ "InviteMembers", "&AliUids=@A", false, NULL, NULL },
		{ "AcceptMember", "&KeyType=SECP256K1", true, "ENABLED", "READER" },
		{ "ModifyMemberACLs", "&MemberId=@M&Role=WRITER", false, "ENABLED", "WRITER" },
		{ "DisableMember", "&MemberId=@M", false, "DISABLED", "WRITER" },
		{ "EnableMember", "&MemberId=@M", false, "ENABLED", "WRITER" },
		{ "DeleteMember", "&MemberId=@M", false, NULL, NULL },
	};
	const struct tally_action *get = tally_action_find(FAMILY_LEDGERDB, TALLY_BYTES_LIT("GetMember"));
	char member[TALLY_MEMBER_ID_SIZE + 1] = "m-00000000000000000000000000";

	for (int round = 0; round < 2 * WAYS; round++)
		for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
			const struct tally_action *action = tally_action_find(
				FAMILY_LEDGERDB, tally_bytes_str(steps[i].action));
			const char *at = strchr(steps[i].params, '@');
			const char *params = at == NULL ? steps[i].params :
				text("%.*s%s%s", (int)(at - steps[i].params), steps[i].params,
				     at[1] == 'M' ? member : text("%" PRIu64, world.stranger.account),
				     at + 2);
			struct client client = { 0 };
			bool xml = round >= WAYS;

			CASE("%s %s %s", way_names[round % WAYS], xml ? "XML" : "JSON", steps[i].action);
			ask(&client, round % WAYS,
			    text("Action=%s%s&LedgerId=%s%s", steps[i].action, params, world.private,
				 xml ? "&Format=XML" : ""),
			    steps[i].guest ? &world.stranger : &world.owner, NULL);
			CHECK_INT(client.response.status, 200);
			CHECK_STR(reply_disagrees(action, client.response.body, xml, false), NULL);
			if (steps[i].guest)
				snprintf(member, sizeof(member), "%s",
					 reply_text(action, client.response.body, xml, "MemberId"));
			ask(&client, round % WAYS, text("Action=GetMember&MemberId=%s&LedgerId=%s%s", member,
							world.private, xml ? "&Format=XML" : ""),
			    &world.owner, NULL);
			CHECK_INT(client.response.status, steps[i].state != NULL ? 200 : 404);
			if (steps[i].state == NULL)
				continue;
			CHECK_STR(reply_disagrees(get, client.response.body, xml, false), NULL);
			CHECK_STR(reply_text(get, client.response.body, xml, "State"), steps[i].state);
			CHECK_STR(reply_text(get, client.response.body, xml, "Role"), steps[i].role);
		}
}

/* Those that change what members wrote, or a policy, take members' signatures; no others do. */
static void who_takes_signatures(void)
{
	static const char *const taking[] = { "AppendJournal", "KvDelete", "KvSet",
					      "ModifyLedgerAttribute", "OccultJournal", "PurgeLedger" };
	size_t met = 0, count = sizeof(taking) / sizeof(*taking);

	for (const struct tally_action *const *each = tally_actions; *each != NULL; each++) {
		const struct tally_param *param = (*each)->params;
		size_t i = 0;

		while (param->name != NULL && strcmp(param->name, "MemberSignature") != 0)
			param++;
		while (i < count && strcmp(taking[i], (*each)->name) != 0)
			i++;
		CASE("%s", (*each)->name);
		CHECK_INT(param->name != NULL, i < count);
		met += i < count;
	}
	CHECK_INT(met, count);
}

/* Last, for it changes what the others use: every write of the good calls, and its reply. */
static void writes_work(void)
{
	struct client local = { .local = true, .path = "/admin/" };
	struct client client = { 0 };
	static const char *const owned[] = {
		"Action=CreateLedger&LedgerName=new&ClientToken=create",
		"Action=DescribeLedgers",
		"Action=ModifyLedgerAttribute&LedgerName=renamed&LedgerDescription=&PublicRead=true",
		"Action=ModifyLedgerAttribute&TimeAnchorInterval=60",
		"Action=GetLastTimeAnchor", "Action=GetTrustPoint",
		"Action=CreateTimeAnchor&TimeStamp=1587515659&Proof=%7B%22any%22%3A1%7D",
		"Action=GetLastTimeAnchor", "Action=ListTimeAnchors&Reverse=true",
		"Action=GetJournalTimeProof&JournalSequence=1",
		"Action=SetTrustPoint&JournalId=2", "Action=GetTrustPoint", "Action=DescribeLedgers",
		"Action=GetAccessAttribute", "Action=ModifyAccessAttribute&EnableOpenAccess=False",
		"Action=GetAccessAttribute", "Action=ModifyIpWhiteList&ModifyType=Cover&IpList=127.0.0.0/8",
		"Action=ModifyIpWhiteList&ModifyType=Append&IpList=2001:db8::/32", "Action=GetIpWhiteList",
		"Action=ModifyIpWhiteList&ModifyType=Delete&IpList=2001:db8::/32",
		"Action=GrantServiceLinkedRole", "Action=GrantServiceLinkedRole",
		"Action=ListVpcEndpoints", "Action=DescribeRegions",
		"Action=ModifyLedgerAttribute&PageLimit=10&ClueLimit=0",
		"Action=StatLedger", "Action=DescribeLedger", "Action=DeleteLedger"
	};
	static const char *const administrative[] = {
		"Action=CreateAccount&Name=third", "Action=ListAccounts", "Action=ListOrganizations",
		"Action=ListChannels", "Action=ListAccessKeys",
		"Action=Maintain", "Action=AnchorLedgers", "Action=RebuildIndex", "Action=CheckStore", "Action=StatStore",
		"Action=ListSpaces", "Action=AdoptStore", "Action=ReadBlock&Space=0&Block=0&Offset=8&Length=8"
	};
	size_t i;
	int xml;

	for (i = 0; i < sizeof(owned) / sizeof(*owned); i++) {
		struct tally_bytes name = tally_bytes(owned[i] + 7, strcspn(owned[i] + 7, "&"));
		const struct tally_action *action = tally_action_find(FAMILY_LEDGERDB, name);
		const char *ledger = wants_ledger(action) ? text("&LedgerId=%s", world.public) : "";

		CASE("%s", owned[i]);
		ask(&client, BY_FORM, text("%s%s", owned[i], ledger), &world.owner, NULL);
		CHECK_INT(client.response.status, 200);
		CHECK_STR(reply_disagrees(action, client.response.body, false, false), NULL);
	}
	ask(&client, BY_GET, text("Action=GetJournal&JournalId=0&LedgerId=%s", world.public),
	    &world.owner, NULL);
	CHECK_INT(client.response.status, 404);
	for (i = 0; i < sizeof(administrative) / sizeof(*administrative); i++)
		for (xml = 0; xml < 2; xml++) {
			struct tally_bytes name = tally_bytes(administrative[i] + 7,
							      strcspn(administrative[i] + 7, "&"));

			CASE("%s", administrative[i]);
			ask(&local, BY_FORM, text("%s%s", administrative[i],
						  xml ? "&Format=XML" : ""), NULL, NULL);
			CHECK_INT(local.response.status, 200);
			CHECK_STR(reply_disagrees(tally_action_find(FAMILY_ADMIN, name),
						  local.response.body, xml != 0, false), NULL);
		}
}

/* A key works from its creation to its disabling, again when enabled, and never when deleted. */
static void life_of_a_key(void)
{
	const struct tally_action *create = tally_action_find(FAMILY_ADMIN,
							      TALLY_BYTES_LIT("CreateAccessKey"));
	struct client local = { .local = true, .path = "/admin/" }, client = { 0 };
	static const struct {
		const char *action;
		int status;
	} steps[] = { { NULL, 200 }, { "DisableAccessKey", 400 }, { "EnableAccessKey", 200 },
		      { "DeleteAccessKey", 404 } };
	struct tally_first_key key = { 0 };
	size_t i;

	ask(&local, BY_FORM, text("Action=CreateAccessKey&AliUid=%" PRIu64, world.owner.account),
	    NULL, NULL);
	REQUIRE(local.response.status == 200);
	snprintf(key.key_id, sizeof(key.key_id), "%s",
		 reply_text(create, local.response.body, false, "AccessKeyId"));
	snprintf(key.secret, sizeof(key.secret), "%s",
		 reply_text(create, local.response.body, false, "AccessKeySecret"));
	for (i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		CASE("%s", steps[i].action != NULL ? steps[i].action : "new");
		if (steps[i].action != NULL) {
			ask(&local, BY_FORM, text("Action=%s&UserAccessKeyId=%s", steps[i].action,
						  key.key_id), NULL, NULL);
			CHECK_INT(local.response.status, 200);
		}
		ask(&client, BY_GET, "Action=DescribeLedgers", &key, NULL);
		CHECK_INT(client.response.status, steps[i].status);
	}
}

int main(void)
{
	if (!begin()) {
		printf("Bail out! %s\n", err.text);
		return 99;
	}
	TEST(every_parameter);
	TEST(further_parameters);
	TEST(payload_too_large);
	TEST(every_authentication);
	TEST(string_to_sign_is_told);
	TEST(nonces_of_reads);
	TEST(nonces_of_writes);
	TEST(a_nonce_is_for_one_request);
	TEST(again_and_head);
	TEST(strangers);
	TEST(unsigned_callers);
	TEST(signed_is_not_local);
	TEST(resources);
	TEST(wrong_wholes);
	TEST(walk_batch);
	TEST(pages);
	TEST(batches_work);
	TEST(malformed_entries_are_refused_alone);
	TEST(appended_is_read);
	TEST(life_of_a_key);
	TEST(members_come_and_go);
	TEST(who_takes_signatures);
	TEST(writes_work);
	printf("# %" PRIu64 " requests\n", asked);
	world_close();
	return tap_done();
}
