/*
 * Replies of the API over a core that always answers the same: every action in JSON and XML
 * against its rows and against golden files, both shapes; errors of the core as the API tells
 * them; routes; the documents made from the rows.
 *
 * TALLY_GOLDEN_WRITE=1 writes the golden files anew; look at the difference before you keep it.
 */
#include <json.h>
#include <stdlib.h>

#include "actions_doc.h"
#include "actions_words.h"
#include "api_client.h"
#include "buf.h"
#include "conf.h"
#include "endpoint.h"
#include "fake_core.h"
#include "reply_check.h"
#include "tap.h"

static struct tally_arena arena;
static struct tally_core core;
static struct tally_conf *confs[2];		/* sdk, docs */
static struct tally_service *services[2];
static const char *const shapes[] = { "sdk", "docs" };

static void start(void)
{
	struct tally_err err;
	size_t i;

	for (i = 0; i < 2; i++) {
		confs[i] = tally_conf_new();
		tally_conf_override(confs[i], "api", "shape", shapes[i]);
		tally_conf_override(confs[i], "access", "listeners",
				    "vpc-office/vsw-1=10.34.23.144:8443");
		tally_conf_override(confs[i], "access", "key_store", TALLY_GOLDEN "/keys");
		CHECK_OK(tally_service_new(&core, confs[i], &services[i], &err));
	}
}

static void stop(void)
{
	size_t i;

	for (i = 0; i < 2; i++) {
		tally_service_free(&services[i]);
		tally_conf_free(&confs[i]);
	}
	tally_arena_free(&arena);
}

/* ---- golden replies ---- */

static struct tally_bytes read_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	char *data = tally_arena_alloc(&arena, 1 << 16);
	size_t size = file != NULL ? fread(data, 1, 1 << 16, file) : 0;

	if (file != NULL)
		fclose(file);
	return tally_bytes(data, size);
}

/* The file holds the body and one line feed. */
static void is_golden(const char *name, const char *shape, bool xml, struct tally_bytes body)
{
	const char *path = tally_arena_printf(&arena, "%s/reply-%s-%s.%s", TALLY_GOLDEN, name,
					      shape, xml ? "xml" : "json");
	struct tally_bytes want;

	if (getenv("TALLY_GOLDEN_WRITE") != NULL) {
		FILE *file = fopen(path, "wb");

		REQUIRE(file != NULL);
		fwrite(body.data, 1, body.size, file);
		fputc('\n', file);
		fclose(file);
	}
	want = read_file(path);
	if (want.size > 0)
		want.size--;
	CHECK_BYTES(body, want);
}

/* A request that succeeds, for every action. */
static const struct {
	const char *action, *params;
	bool both;		/* the shapes differ */
} calls[] = {
	{ "CreateLedger", "&LedgerName=one", false },
	{ "DescribeLedger", "&LedgerId=" FAKE_PRIVATE, false },
	{ "DescribeLedgers", "&MaxResults=1", false },
	{ "ModifyLedgerAttribute", "&LedgerName=two&LedgerId=" FAKE_PRIVATE, false },
	{ "DeleteLedger", "&LedgerId=" FAKE_PRIVATE, false },
	{ "StatLedger", "&LedgerId=" FAKE_PRIVATE, false },
	{ "AppendJournal", "&Payload=a&LedgerId=" FAKE_PRIVATE, true },
	{ "GetJournal", "&JournalId=1&LedgerId=" FAKE_PRIVATE, true },
	{ "ListJournals", "&LedgerId=" FAKE_PRIVATE, true },
	{ "ExistJournal", "&JournalId=1&LedgerId=" FAKE_PRIVATE, false },
	{ "ExportJournals", "&MaxResults=3&LedgerId=" FAKE_PRIVATE, false },
	{ "GetBlockInfo", "&BlockSequence=1&LedgerId=" FAKE_PRIVATE, false },
	{ "GetCheckpoint", "&LedgerId=" FAKE_PRIVATE, false },
	{ "GetJournalProof", "&JournalSequence=1&LedgerId=" FAKE_PRIVATE, false },
	{ "GetCoseReceipt", "&JournalSequence=1&LedgerId=" FAKE_PRIVATE, false },
	{ "GetConsistencyProof", "&OldSize=4&LedgerId=" FAKE_PRIVATE, false },
	{ "CreateMember", "&AliUid=1003&LedgerId=" FAKE_PRIVATE, false },
	{ "UpdateMember", "&Role=ADMIN&MemberId=m-04389ec1075443bc04389ec107&LedgerId=" FAKE_PRIVATE,
	  false },
	{ "ModifyMemberKey", "&KeyType=SECP256K1&PublicKey="
	  "04d563c1c3b967d00d6fbac0c14661b7d8633d48031fa050e35752670b27d9bceb04dfa6d46d66cb5ff1e2d045"
	  "9436415b47012f6426ba1cd7405c47828b21128b&LedgerId=" FAKE_PRIVATE, false },
	{ "GetMember", "&Proof=true&LedgerId=" FAKE_PRIVATE, false },
	{ "ListMembers", "&LedgerId=" FAKE_PRIVATE, false },
	{ "InviteMembers", "&AliUids=1003,1004&LedgerId=" FAKE_PRIVATE, false },
	{ "AcceptMember", "&LedgerId=" FAKE_PRIVATE, false },
	{ "EnableMember", "&MemberId=m-04389ec1075443bc04389ec107&LedgerId=" FAKE_PRIVATE, false },
	{ "DisableMember", "&MemberId=m-04389ec1075443bc04389ec107&LedgerId=" FAKE_PRIVATE, false },
	{ "ModifyMemberACLs",
	  "&Role=WRITER&MemberId=m-04389ec1075443bc04389ec107&LedgerId=" FAKE_PRIVATE, false },
	{ "DeleteMember", "&MemberId=m-04389ec1075443bc04389ec107&LedgerId=" FAKE_PRIVATE, false },
	{ "KvSet", "&Key=k&Value=v&LedgerId=" FAKE_PRIVATE, true },
	{ "KvDelete", "&Key=k&LedgerId=" FAKE_PRIVATE, true },
	{ "KvGet", "&Key=k&Proof=true&LedgerId=" FAKE_PRIVATE, false },
	{ "GetClueProof", "&Clue=clue1&MaxResults=1&Leaves=true&LedgerId=" FAKE_PRIVATE, false },
	{ "CreateStateRoot", "&LedgerId=" FAKE_PRIVATE, false },
	{ "CreateTimeAnchor", "&LedgerId=" FAKE_PRIVATE, true },
	{ "GetLastTimeAnchor", "&LedgerId=" FAKE_PRIVATE, false },
	{ "ListTimeAnchors", "&MaxResults=2&LedgerId=" FAKE_PRIVATE, false },
	{ "DescribeTSA", "&SequenceWithinLedger=1", false },
	{ "GetJournalTimeProof", "&JournalSequence=1&LedgerId=" FAKE_PRIVATE, false },
	{ "SetTrustPoint", "&JournalId=3&LedgerId=" FAKE_PRIVATE, true },
	{ "GetTrustPoint", "&LedgerId=" FAKE_PRIVATE, true },
	{ "CreateVpcEndpoint", "&VpcId=vpc-office&VSwitchId=vsw-1&LedgerId=" FAKE_PRIVATE, false },
	{ "DeleteVpcEndpoint", "&VpcId=vpc-office&VSwitchId=vsw-1"
	  "&VpcEndpointId=1f2e3d4c5b6a79.ledger.internal&LedgerId=" FAKE_PRIVATE, false },
	{ "ListVpcEndpoints", "&LedgerId=" FAKE_PRIVATE, false },
	{ "DescribeRegions", "&RegionId=local", false },
	{ "GetAccessAttribute", "&LedgerId=" FAKE_PRIVATE, false },
	{ "ModifyAccessAttribute", "&EnableOpenAccess=False&LedgerId=" FAKE_PRIVATE, false },
	{ "GetIpWhiteList", "&LedgerId=" FAKE_PRIVATE, false },
	{ "ModifyIpWhiteList", "&IpList=10.0.0.0/8&ModifyType=Append&LedgerId=" FAKE_PRIVATE, false },
	{ "GrantServiceLinkedRole", "&LedgerId=" FAKE_PRIVATE, false },
	{ "UpdateMemberKeyByKMS", "&MemberId=m-04389ec1075443bc04389ec107&KMSKeyId=till-7"
	  "&KeyType=SECP256K1&LedgerId=" FAKE_PRIVATE, false },
	{ "KvList", "&Prefix=price/&Values=true&MaxResults=1&LedgerId=" FAKE_PRIVATE, false },
	{ "KvHistory", "&Key=price/1&MaxResults=2&LedgerId=" FAKE_PRIVATE, false },
	{ "AnchorLedgers", "", false },
	{ "CreateAccount", "&Name=two", false },
	{ "ListAccounts", "", false },
	{ "CreateAccessKey", "&AliUid=1001", false },
	{ "ListAccessKeys", "", false },
	{ "CreateTemporaryKey", "&UserAccessKeyId=AKgood&Policy=read-only", false },
	{ "SetAccountPolicy", "&AliUid=1001&Policy=read-only", false },
	{ "GetAccountPolicy", "&AliUid=1001", false },
	{ "DeleteAccountPolicy", "&AliUid=1001", false },
	{ "AddOrganization", "&OrganizationId=org1&Certificate=x", false },
	{ "ListOrganizations", "", false },
	{ "RemoveOrganization", "&OrganizationId=org1", false },
	{ "AddChannel", "&Channel=mychannel&LedgerId=" FAKE_PRIVATE, false },
	{ "ListChannels", "", false },
	{ "RemoveChannel", "&Channel=mychannel", false },
	{ "EnableAccessKey", "&UserAccessKeyId=AKoff", false },
	{ "DisableAccessKey", "&UserAccessKeyId=AKgood", false },
	{ "DeleteAccessKey", "&UserAccessKeyId=AKoff", false },
	{ "Maintain", "", false },
	{ "RebuildIndex", "", false },
	{ "BackupStore", "&Directory=/nowhere", false },
	{ "StatStore", "", false },
	{ "CheckStore", "", false },
	{ "ListSpaces", "", false },
	{ "AdoptStore", "&Adopt=true&NewOrigin=true", false },
	{ "ListBackups", "", false },
	{ "ForgetBackup", "&Directory=/nowhere", false },
	{ "OccultJournal", "&JournalId=1&LedgerId=" FAKE_PRIVATE, true },
	{ "PurgeLedger", "&Before=1&LedgerId=" FAKE_PRIVATE, true },
	{ "GetErasureCertificate", "&JournalId=4&LedgerId=" FAKE_PRIVATE, false },
	{ "KeepCosignedCheckpoint", "&Checkpoint=x&LedgerId=" FAKE_PRIVATE, false },
	{ "CheckSignedCheckpoint", "&Checkpoint=x&LedgerId=" FAKE_PRIVATE, false },
	{ "ReadBlock", "&Space=0&Block=1&Offset=4", false },
};

static const struct tally_action *action_of(const char *name)
{
	const struct tally_action *action = tally_action_find(FAMILY_LEDGERDB,
							      tally_bytes_str(name));

	return action != NULL ? action : tally_action_find(FAMILY_ADMIN, tally_bytes_str(name));
}

static void ask(struct client *client, const char *name, const char *params)
{
	const struct tally_action *action = action_of(name);

	client->path = action->family == FAMILY_ADMIN ? "/admin/" : "/";
	client->post = (action->methods & METHOD_GET) == 0;
	client_ask(client, tally_arena_printf(&arena, "Action=%s%s", name, params));
}

static void golden_replies(void)
{
	size_t i;
	int shape, xml;

	for (i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		for (shape = 0; shape < (calls[i].both ? 2 : 1); shape++)
			for (xml = 0; xml < 2; xml++) {
				struct client client = {
					.service = services[shape], .arena = &arena,
					.local = true, .account = "1001", .xml = xml != 0
				};
				struct tally_bytes body;

				CASE("%s %s %s", calls[i].action, shapes[shape],
				     xml ? "XML" : "JSON");
				ask(&client, calls[i].action, calls[i].params);
				body = client.response.body;
				CHECK_INT(client.response.status, 200);
				CHECK_STR(client.response.content_type,
					  xml ? "text/xml;charset=utf-8" :
						"application/json;charset=utf-8");
				CHECK_STR(client_header(&client, "X-Request-Id"),
					  "89E6B5F5-7511-46A7-9EDB-3C6F8AA4D48C");
				CHECK_STR(reply_disagrees(action_of(calls[i].action), body,
							  xml != 0, shape == 1), NULL);
				is_golden(calls[i].action, shapes[shape], xml != 0, body);
			}
}

/* No action is left out above, but the one below whose parameters are a body. */
static void all_are_called(void)
{
	size_t i, k;

	for (i = 0; tally_actions[i] != NULL; i++) {
		bool found = strcmp(tally_actions[i]->name, "AppendJournals") == 0;

		CASE("%s", tally_actions[i]->name);
		for (k = 0; k < sizeof(calls) / sizeof(*calls); k++)
			found |= strcmp(calls[k].action, tally_actions[i]->name) == 0;
		CHECK(found);
		CHECK(action_of(tally_actions[i]->name) == tally_actions[i]);
		if (i > 0)
			CHECK(strcmp(tally_actions[i - 1]->name, tally_actions[i]->name) < 0);
	}
}

static void golden_batch(void)
{
	const struct tally_action *action = action_of("AppendJournals");
	int shape, xml;

	for (shape = 0; shape < 2; shape++)
		for (xml = 0; xml < 2; xml++) {
			struct client client = {
				.service = services[shape], .arena = &arena, .local = true
			};
			const char *query = tally_arena_printf(
				&arena, "Action=AppendJournals&Atomic=false&LedgerId=%s%s",
				FAKE_PRIVATE, xml ? "&Format=XML" : "");

			CASE("%s %s", shapes[shape], xml ? "XML" : "JSON");
			client_raw(&client, "POST", tally_bytes_str(query), "application/json",
				   TALLY_BYTES_LIT("[{\"Payload\":\"a\"},{\"Payload\":\"\"}]"));
			CHECK_INT(client.response.status, 200);
			CHECK_STR(reply_disagrees(action, client.response.body, xml != 0,
						  shape == 1), NULL);
			is_golden("AppendJournals", shapes[shape], xml != 0,
				  client.response.body);
		}
}

/* A removed payload is empty and says so; there is no salt to it. One that is about to be has no
 * certificate yet. */
static void removed_payloads(void)
{
	static const char *const asked[] = { "GetJournal", "GetJournalProof",
					     "GetErasureCertificate" };
	static const char *const params[] = { "&JournalId=4", "&JournalSequence=4",
					      "&JournalId=3" };
	int xml;

	for (size_t i = 0; i < 3; i++)
		for (xml = 0; xml < 2; xml++) {
			struct client client = { .service = services[0], .arena = &arena,
						 .local = true, .xml = xml != 0 };
			const char *body;

			CASE("%s %s", asked[i], xml ? "XML" : "JSON");
			ask(&client, asked[i], tally_arena_printf(
				&arena, "%s&LedgerId=" FAKE_PRIVATE, params[i]));
			CHECK_STR(reply_disagrees(action_of(asked[i]), client.response.body,
						  xml != 0, false), NULL);
			body = tally_arena_str(&arena, client.response.body);
			CHECK(strstr(body, "Salt") == NULL);
			CHECK_INT(strstr(body, "Removed") != NULL, i != 1);
			CHECK_INT(strstr(body, "PENDING") != NULL, i == 2);
			CHECK(strstr(body, "Scrubbed") == NULL);
		}
}

/* ---- errors of the core ---- */

static void errors_of_the_core(void)
{
	static const struct {
		enum tally_code code;
		const char *subject;
		int status;
		const char *name, *message, *retry;
	} cases[] = {
		{ TALLY_INVALID, "Payload", 400, "InvalidParameter",
		  "The specified parameter Payload is invalid.", NULL },
		{ TALLY_INVALID, "Journals.0.Clues.3", 400, "InvalidParameter",
		  "The specified parameter Clues.3 is invalid.", NULL },
		{ TALLY_INVALID, "", 400, "InvalidParameter",
		  "The specified parameter request is invalid.", NULL },
		{ TALLY_MISSING, "Payload", 400, "MissingParameter",
		  "You must specify the parameter Payload.", NULL },
		{ TALLY_DENIED, "Role", 403, "UnauthorizedOperation",
		  "You are not authorized to perform this operation. As the test wants it.", NULL },
		{ TALLY_NOTFOUND, "Journal 100", 404, "ResourceNotFound",
		  "The specified resource Journal 100 does not exist.", NULL },
		{ TALLY_NOTFOUND, "Ledger", 404, "ResourceNotFound",
		  "The specified resource Ledger " FAKE_PRIVATE " does not exist.", NULL },
		{ TALLY_EXISTS, "Member m-1", 409, "ResourceAlreadyExist",
		  "The resource Member m-1 already exists.", NULL },
		{ TALLY_UNSUPPORTED, "", 400, "UnsupportedOperation",
		  "The specified operation is not supported. As the test wants it.", NULL },
		{ TALLY_CONFLICT, "", 503, "ServiceUnavailable",
		  "The request has failed due to a temporary failure of the server.", "5" },
		{ TALLY_REPLAYED, "", 400, "SignatureNonceUsed",
		  "Specified signature nonce was used already.", NULL },
		{ TALLY_MISMATCH, "", 400, "IdempotentParameterMismatch", NULL, NULL },
		{ TALLY_EXPIRED, "", 400, "InvalidTimeStamp.Expired",
		  "Specified time stamp or date value is expired.", NULL },
		{ TALLY_BUSY, "", 400, "Throttling",
		  "Request was denied due to request throttling.", "1" },
		{ TALLY_UNCERTAIN, "", 503, "ServiceUnavailable", NULL, "1" },
		{ TALLY_CORRUPT, "", 500, "InternalError",
		  "The request processing has failed due to some unknown error.", NULL },
		{ TALLY_FULL, "", 503, "ServiceUnavailable",
		  "The request has failed due to a temporary failure of the server.", "5" },
		{ TALLY_IO, "TimeAuthority", 503, "ServiceUnavailable",
		  "No time-stamp authority could be had. As the test wants it.", "30" },
		{ TALLY_IO, "", 500, "InternalError",
		  "The request processing has failed due to some unknown error.", NULL },
	};
	size_t i;
	int xml;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (xml = 0; xml < 2; xml++) {
			struct client client = {
				.service = services[0], .arena = &arena, .local = true,
				.xml = xml != 0
			};

			CASE("%s \"%s\"", tally_code_name(cases[i].code), cases[i].subject);
			core.fail = cases[i].code;
			core.subject = cases[i].subject;
			ask(&client, "AppendJournal", "&Payload=a&LedgerId=" FAKE_PRIVATE);
			core.fail = TALLY_OK;
			CHECK_INT(client.response.status, cases[i].status);
			CHECK_STR(error_disagrees(client.response.body, xml != 0, cases[i].name,
						  cases[i].message), NULL);
			CHECK_STR(client_header(&client, "Retry-After"), cases[i].retry);
			CHECK_STR(client_header(&client, "x-acs-retry-after"),
				  cases[i].code == TALLY_BUSY ? "1000" : NULL);
		}
}

static void golden_error(void)
{
	int xml;

	for (xml = 0; xml < 2; xml++) {
		struct client client = { .service = services[0], .arena = &arena, .local = true,
					 .xml = xml != 0 };

		ask(&client, "GetJournal", "&JournalId=100&LedgerId=" FAKE_PRIVATE);
		CHECK_INT(client.response.status, 404);
		is_golden("Error", "sdk", xml != 0, client.response.body);
	}
}

/* ---- what a handler hands to the core ---- */

static void writes_carry(void)
{
	struct client client = { .service = services[0], .arena = &arena, .key = "AKgood",
				 .secret = "testsecret" };

	core.writes = 0;
	ask(&client, "AppendJournal", "&Payload=a&ClientToken=tok&LedgerId=" FAKE_PRIVATE);
	CHECK_INT(client.response.status, 200);
	CHECK_INT(core.writes, 1);
	CHECK_BYTES(core.last.nonce, TALLY_BYTES_LIT("AKgood\nnonce-0"));
	CHECK_BYTES(core.last.token, TALLY_BYTES_LIT("tok"));
	CHECK_INT(core.last.caller.account, FAKE_ACCOUNT);
	CHECK(!core.last.caller.local);
	CHECK(core.last.request_ms + 60000 > tally_now_ms());

	client = (struct client){ .service = services[0], .arena = &arena, .local = true,
				  .account = "77" };
	ask(&client, "AppendJournal", "&Payload=a&LedgerId=" FAKE_PRIVATE);
	CHECK_INT(core.last.caller.account, 77);
	CHECK(core.last.caller.local);
	CHECK_INT(core.last.nonce.size + core.last.token.size + core.last.request_ms, 0);
}

/* ---- pages ---- */

/* A token leads on in its own listing and is refused in any other, and when it was touched. */
static void next_tokens(void)
{
	static const char *const others[] = {
		"&Clue=x", "&Reverse=true", "&StartJournalId=1", "&EndJournalId=3", "&StartTime=1",
		"&EndTime=9999999999999", "&PayloadType=CUSTOM", "&MemberId=m-1"
	};
	struct client client = { .service = services[0], .arena = &arena, .local = true };
	const char *list = "&MaxResults=2&LedgerId=" FAKE_PRIVATE;
	const char *token, *bad;
	size_t i;

	ask(&client, "ListJournals", list);
	token = tally_arena_printf(&arena, "%s", reply_text(action_of("ListJournals"),
							    client.response.body, false,
							    "NextToken"));
	REQUIRE(strlen(token) > 40);
	ask(&client, "ListJournals", tally_arena_printf(&arena, "%s&NextToken=%s", list, token));
	CHECK_STR(reply_text(action_of("ListJournals"), client.response.body, false,
			     "Journals/0/JournalId"), "2");
	CHECK_STR(reply_text(action_of("ListJournals"), client.response.body, false, "NextToken"),
		  "");
	for (i = 0; i < sizeof(others) / sizeof(*others); i++) {
		CASE("%s", others[i]);
		ask(&client, "ListJournals",
		    tally_arena_printf(&arena, "%s&NextToken=%s%s", list, token, others[i]));
		CHECK_STR(error_disagrees(client.response.body, false, "InvalidParameter",
					  "The specified parameter NextToken is invalid."), NULL);
	}
	CASE("another ledger");
	ask(&client, "ListJournals", tally_arena_printf(&arena, "&LedgerId=%s&NextToken=%s",
							FAKE_PUBLIC, token));
	CHECK_INT(client.response.status, 400);
	CASE("another action");
	ask(&client, "DescribeLedgers", tally_arena_printf(&arena, "&NextToken=%s", token));
	CHECK_INT(client.response.status, 400);
	for (i = 0; i < strlen(token); i++) {
		CASE("character %zu changed", i);
		bad = tally_arena_printf(&arena, "%.*s%c%s", (int)i, token,
					 token[i] == '0' ? '1' : '0', token + i + 1);
		ask(&client, "ListJournals",
		    tally_arena_printf(&arena, "%s&NextToken=%s", list, bad));
		CHECK_INT(client.response.status, 400);
	}
}

/* The listing of one account's ledgers goes on for that account only. */
static void next_token_is_personal(void)
{
	struct client client = { .service = services[0], .arena = &arena, .local = true,
				 .account = "1001" };
	const char *token;

	ask(&client, "DescribeLedgers", "&MaxResults=1");
	token = tally_arena_printf(&arena, "&NextToken=%s",
				   reply_text(action_of("DescribeLedgers"), client.response.body,
					      false, "NextToken"));
	ask(&client, "DescribeLedgers", token);
	CHECK_INT(client.response.status, 200);
	CHECK_STR(reply_text(action_of("DescribeLedgers"), client.response.body, false,
			     "Ledgers/0/LedgerId"), FAKE_PUBLIC);
	client.account = "1002";
	ask(&client, "DescribeLedgers", token);
	CHECK_INT(client.response.status, 400);
}

/* ---- routes ---- */

static void routes(void)
{
	static const struct {
		const char *method, *path;
		int status;
		const char *type, *has;
	} cases[] = {
		{ "GET", "/healthz", 200, "text/plain;charset=utf-8", "ok\n" },
		{ "HEAD", "/healthz", 200, "text/plain;charset=utf-8", "ok\n" },
		{ "GET", "/nowhere", 404, "application/json;charset=utf-8",
		  "\"Code\":\"InvalidAction.NotFound\"" },
		{ "GET", "/admin", 404, "application/json;charset=utf-8",
		  "\"Code\":\"InvalidAction.NotFound\"" },
		{ "GET", "/log/l-1/checkpoint", 404, "text/plain; charset=utf-8", "no such file" },
		{ "POST", "/log/" FAKE_PUBLIC "/checkpoint", 405, "text/plain; charset=utf-8",
		  "only read" },
		{ "GET", "/log/" FAKE_PUBLIC "/checkpoint", 200, "text/plain; charset=utf-8",
		  "example.invalid/log\n9\n" },
		{ "POST", "/v1/datashare/x", 404, "application/json;charset=utf-8",
		  "\"errorCode\":\"BCS.5002922\"" },
		{ "POST", "/v1/datashare/abe-setup", 501, "application/json;charset=utf-8",
		  "\"errorCode\":\"BCS.5000501\"" },
		{ "GET", "/", 400, "application/json;charset=utf-8", "\"Code\":\"MissingAction\"" },
		{ "PUT", "/", 400, "application/json;charset=utf-8",
		  "\"Code\":\"UnsupportedHTTPMethod\",\"Message\":\"This http method is not "
		  "supported.\"" },
		{ "DELETE", "/admin/", 400, "application/json;charset=utf-8",
		  "\"Code\":\"UnsupportedHTTPMethod\"" },
		{ "get", "/", 400, "application/json;charset=utf-8",
		  "\"Code\":\"UnsupportedHTTPMethod\"" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct client client = { .service = services[0], .arena = &arena,
					 .path = cases[i].path };

		CASE("%s %s", cases[i].method, cases[i].path);
		client_raw(&client, cases[i].method, TALLY_BYTES_NONE, NULL, TALLY_BYTES_NONE);
		CHECK_INT(client.response.status, cases[i].status);
		CHECK_STR(client.response.content_type, cases[i].type);
		if (strstr(tally_arena_str(&arena, client.response.body), cases[i].has) == NULL)
			FAIL("the body is %s", tally_arena_str(&arena, client.response.body));
		CHECK(client_header(&client, "X-Request-Id") != NULL);
	}
}

/* Until enough witnesses have cosigned a checkpoint there is none to read, and that will change. */
static void no_checkpoint_yet(void)
{
	struct client client = { .service = services[0], .arena = &arena,
				 .path = "/log/" FAKE_PUBLIC "/checkpoint" };

	core.uncosigned = true;
	client_raw(&client, "GET", TALLY_BYTES_NONE, NULL, TALLY_BYTES_NONE);
	CHECK_INT(client.response.status, 503);
	CHECK(client_header(&client, "Retry-After") != NULL);
	CHECK_STR(client_header(&client, "Cache-Control"), "private, no-store");
	core.uncosigned = false;
}

/* Where nothing may be signed, appends and proofs are answered without a checkpoint. */
static void unsigned_replies(void)
{
	static const char *const params[][2] = {
		{ "AppendJournal", "&Payload=a" }, { "GetJournalProof", "&JournalSequence=1" },
		{ "GetConsistencyProof", "&OldSize=4" }, { "GetCheckpoint", "" },
		{ "GetCoseReceipt", "&JournalSequence=1" }
	};
	size_t i;

	core.sealed = true;
	for (i = 0; i < 5; i++) {
		struct client client = { .service = services[0], .arena = &arena, .local = true };

		CASE("%s", params[i][0]);
		ask(&client, params[i][0], tally_arena_printf(&arena, "%s&LedgerId=%s", params[i][1],
							      FAKE_PRIVATE));
		if (i >= 3) {		/* they are nothing but a signature */
			CHECK_INT(client.response.status, 403);
			CHECK_STR(error_disagrees(client.response.body, false, "LedgerReadOnly",
						  "The ledger can be read only, until an operator "
						  "has looked at it. An older copy."), NULL);
			continue;
		}
		CHECK_INT(client.response.status, 200);
		CHECK_STR(reply_disagrees(action_of(params[i][0]), client.response.body, false,
					  false), NULL);
		CHECK_STR(reply_text(action_of(params[i][0]), client.response.body, false,
				     "Checkpoint"), NULL);
	}
	core.sealed = false;
}

static void sick_store(void)
{
	struct client client = { .service = services[0], .arena = &arena, .path = "/healthz" };

	core.sick = true;
	client_raw(&client, "GET", TALLY_BYTES_NONE, NULL, TALLY_BYTES_NONE);
	core.sick = false;
	CHECK_INT(client.response.status, 503);
	CHECK_STR(client_header(&client, "Retry-After"), "5");
}

/* What the gateway tells of the body, in the format asked for. */
static void broken_bodies(void)
{
	struct tally_request request = {
		.arena = &arena, .method = TALLY_BYTES_LIT("POST"), .path = TALLY_BYTES_LIT("/"),
		.query = TALLY_BYTES_LIT("Action=AppendJournal&Format=xml"),
	};
	struct tally_err err = { .code = TALLY_BUSY };
	struct tally_response response;

	request.body_too_large = true;
	tally_service_handle(services[0], &request, &response);
	CHECK_INT(response.status, 413);
	CHECK_STR(error_disagrees(response.body, true, "RequestBodyTooLarge", NULL), NULL);
	request.body_too_large = false;
	request.body_short = true;
	tally_service_handle(services[0], &request, &response);
	CHECK_INT(response.status, 400);
	CHECK_STR(error_disagrees(response.body, true, "IncompleteBody", NULL), NULL);
	tally_service_refuse(&request, &err, &response);
	CHECK_INT(response.status, 503);
	CHECK_STR(error_disagrees(response.body, true, "ServiceUnavailable", NULL), NULL);
	request.path = TALLY_BYTES_LIT("/healthz");
	tally_service_refuse(&request, &err, &response);
	CHECK_INT(response.status, 503);
	CHECK_STR(response.content_type, "text/plain;charset=utf-8");
}

/* ---- settings and documents ---- */

static void wrong_shape(void)
{
	struct tally_conf *conf = tally_conf_new();
	struct tally_service *service;
	struct tally_err err;

	tally_conf_override(conf, "api", "shape", "round");
	CHECK_FAILS(tally_service_new(&core, conf, &service, &err), TALLY_INVALID);
	tally_conf_free(&conf);
}

static struct json_object *parsed(struct tally_bytes text)
{
	struct json_object *root = json_tokener_parse(tally_arena_str(&arena, text));

	if (root == NULL)
		FAIL("not JSON");
	return root;
}

/* Every action has an operation whose parameters are those of its row, and a schema of its reply. */
static void openapi(void)
{
	struct json_object *root = parsed(tally_actions_openapi(&arena)), *paths, *at, *member;
	size_t i, params;

	REQUIRE(root != NULL);
	CHECK(json_object_object_get_ex(root, "openapi", &member));
	CHECK_STR(json_object_get_string(member), "3.1.0");
	REQUIRE(json_object_object_get_ex(root, "paths", &paths));
	for (i = 0; tally_actions[i] != NULL; i++) {
		const struct tally_action *action = tally_actions[i];
		const struct tally_param *row;

		CASE("%s", action->name);
		REQUIRE(json_object_object_get_ex(
			paths, tally_arena_printf(&arena, "%s#Action=%s",
						  action->family == FAMILY_ADMIN ? "/admin/" : "/",
						  action->name), &at));
		CHECK_INT(json_object_object_get_ex(at, "get", NULL),
			  (action->methods & METHOD_GET) != 0);
		REQUIRE(json_object_object_get_ex(at, "post", &at));
		for (row = action->params, params = 1; row->name != NULL; row++)
			params += row->type != PARAM_BODY;
		REQUIRE(json_object_object_get_ex(at, "parameters", &member));
		CHECK_INT(json_object_array_length(member), params);
		REQUIRE(json_object_object_get_ex(at, "responses", &at) &&
			json_object_object_get_ex(at, "200", &at) &&
			json_object_object_get_ex(at, "content", &at) &&
			json_object_object_get_ex(at, "application/json", &at) &&
			json_object_object_get_ex(at, "schema", &at) &&
			json_object_object_get_ex(at, "properties", &at));
		CHECK(json_object_object_get_ex(at, "RequestId", NULL));
	}
	json_object_put(root);
}

static void is_listed(struct json_object *root, size_t i, const char *name)
{
	struct json_object *member;

	CASE("%s", name);
	REQUIRE(i < json_object_array_length(root));
	REQUIRE(json_object_object_get_ex(json_object_array_get_idx(root, i), "name", &member));
	CHECK_STR(json_object_get_string(member), name);
}

/* The actions, and behind them the endpoints of data sharing that are available. */
static void list_of_actions(void)
{
	struct json_object *root = parsed(tally_actions_list(&arena));
	const struct tally_share_endpoint *row;
	size_t i;

	REQUIRE(json_object_is_type(root, json_type_array));
	for (i = 0; tally_actions[i] != NULL; i++)
		is_listed(root, i, tally_actions[i]->name);
	for (row = tally_share_endpoints; row->path != NULL; row++)
		if (row->run != NULL)
			is_listed(root, i++, row->name);
	CHECK_INT(json_object_array_length(root), i);
	json_object_put(root);
}

/* What an example is made of is there: a test runs it (tests/cli/examples.py). */
static void examples(void)
{
	for (size_t i = 0; tally_actions[i] != NULL; i++) {
		const struct tally_action *action = tally_actions[i];
		const struct tally_param *row;
		struct tally_buf name = { 0 };

		CASE("%s", action->name);
		CHECK(tally_need_words[action->need] != NULL);
		for (row = action->params; row->name != NULL; row++)
			CHECK(!row->required || (row->example != NULL && row->example[0] != '\0'));
		for (const char *at = action->example; at != NULL && *at != '\0'; ) {
			tally_buf_clear(&name);
			tally_buf_add(&name, at, strcspn(at, " "));
			at += name.size + strspn(at + name.size, " ");
			for (row = action->params; row->name != NULL; row++)
				if (tally_bytes_is(tally_buf_bytes(&name), row->name))
					break;
			CHECK(row->name != NULL && !row->required && row->example != NULL);
		}
		tally_buf_free(&name);
	}
}

int main(void)
{
	start();
	TEST(golden_replies);
	TEST(all_are_called);
	TEST(golden_batch);
	TEST(removed_payloads);
	TEST(errors_of_the_core);
	TEST(golden_error);
	TEST(writes_carry);
	TEST(next_tokens);
	TEST(next_token_is_personal);
	TEST(routes);
	TEST(no_checkpoint_yet);
	TEST(unsigned_replies);
	TEST(sick_store);
	TEST(broken_bodies);
	TEST(wrong_shape);
	TEST(openapi);
	TEST(list_of_actions);
	TEST(examples);
	stop();
	return tap_done();
}
