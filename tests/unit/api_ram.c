/*
 * Policies of accounts, access keys and temporary keys: what the parser takes and says, what fits what, and
 * what comes of a request, through the whole service over a real core. Temporary keys: what their token is
 * good for, and for how long.
 */
#include <stdlib.h>
#include <unistd.h>

#include "acs3.h"
#include "api_world.h"
#include "hash.h"
#include "log.h"
#include "ram.h"
#include "reply_check.h"

#define ALLOW(action, resource) \
	"{\"Effect\":\"Allow\",\"Action\":\"" action "\",\"Resource\":\"" resource "\"}"
#define DENY(action, resource) \
	"{\"Effect\":\"Deny\",\"Action\":\"" action "\",\"Resource\":\"" resource "\"}"
#define POLICY(statements) "{\"Version\":\"1\",\"Statement\":[" statements "]}"

/* ---- patterns ---- */

static void patterns_fit(void)
{
	static const struct {
		const char *pattern, *text;
		bool fits;
	} cases[] = {
		{ "", "", true }, { "", "a", false }, { "*", "", true }, { "*", "anything", true },
		{ "a", "a", true }, { "a", "A", false }, { "a", "ab", false }, { "a*", "a", true },
		{ "a*", "abc", true }, { "a*", "ba", false }, { "*c", "abc", true }, { "*c", "abcd", false },
		{ "a*c", "ac", true }, { "a*c", "abcbc", true }, { "a*b*c", "a-b-c", true },
		{ "a*b*c", "acb", false }, { "?", "", false }, { "?", "a", true }, { "?", "ab", false },
		{ "a?c", "abc", true }, { "**", "", true }, { "**a**", "bab", true }, { "*?", "", false },
		{ "*?", "x", true }, { "a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaa", false },
		{ "ledger/*", "ledger/l-1", true }, { "ledger/l-1", "ledger/*", false },
		{ "ledger/*", "ledger/*", true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CASE("\"%s\" and \"%s\"", cases[i].pattern, cases[i].text);
		CHECK_INT(tally_ram_fits(tally_bytes_str(cases[i].pattern), tally_bytes_str(cases[i].text)),
			  cases[i].fits);
	}
}

/* ---- parsing ---- */

static void documents_are_taken_or_explained(void)
{
	static const struct {
		const char *text, *why;		/* NULL: it is taken */
	} cases[] = {
		{ POLICY(ALLOW("*", "*")), NULL },
		{ tally_ram_read_only, NULL },
		{ " {\n\t\"Statement\": [" ALLOW("ledgerdb:*", "*") "],\r\n \"Version\": \"1\" } ", NULL },
		{ POLICY("{\"Effect\":\"Deny\",\"Action\":[\"ledgerdb:Get*\",\"ledgerdb:ListJournals\"],"
			 "\"Resource\":[\"acs:ledgerdb:*:*:ledger/l-1\",\"acs:ledgerdb:local:1001:member/*\"]}"),
		  NULL },
		{ POLICY(ALLOW("ledgerdb:GetLog", "*")), NULL },
		{ POLICY(ALLOW("sofa:GetOneXMethod", "acs:sofa:*:*:*")), NULL },
		{ POLICY(ALLOW("*", "*") "," DENY("ledgerdb:?etJournal", "*")), NULL },
		{ "", "it is no JSON" },
		{ "null", "it is no JSON" },
		{ "[]", "it is no JSON object" },
		{ "\"read-only\"", "it is no JSON object" },
		{ "{}", "Version is missing" },
		{ POLICY(ALLOW("*", "*")) "x", "it is no JSON" },
		{ POLICY(ALLOW("*", "*")) POLICY(ALLOW("*", "*")), "it is no JSON" },
		{ "{'Version':'1'}", "it is no JSON" },
		{ "{\"Version\":\"1\",\"Statement\":[" ALLOW("*", "*") ",]}", "it is no JSON" },
		{ "{\"Version\":\"1\"}", "Statement is missing" },
		{ "{\"Version\":1,\"Statement\":[]}", "Version is \"1\"" },
		{ "{\"Version\":\"2\",\"Statement\":[]}", "Version is \"1\"" },
		{ "{\"Statement\":[" ALLOW("*", "*") "]}", "Version is missing" },
		{ "{\"Version\":\"1\",\"Statement\":" ALLOW("*", "*") "}",
		  "Statement is a list of 1 to 64 statements" },
		{ POLICY(""), "Statement is a list of 1 to 64 statements" },
		{ "{\"Version\":\"1\",\"Id\":\"x\",\"Statement\":[" ALLOW("*", "*") "]}",
		  "only Version and Statement are understood" },
		{ POLICY("1"), "Statement 1: it is no object" },
		{ POLICY(ALLOW("*", "*") ",{}"), "Statement 2: Effect is missing" },
		{ POLICY("{\"Effect\":\"allow\",\"Action\":\"*\",\"Resource\":\"*\"}"),
		  "Statement 1: Effect is Allow or Deny" },
		{ POLICY("{\"Effect\":[\"Deny\"],\"Action\":\"*\",\"Resource\":\"*\"}"),
		  "Statement 1: Effect is Allow or Deny" },
		{ POLICY("{\"Effect\":\"Deny\",\"Resource\":\"*\"}"), "Statement 1: Action is missing" },
		{ POLICY("{\"Effect\":\"Deny\",\"Action\":\"*\"}"), "Statement 1: Resource is missing" },
		{ POLICY("{\"Effect\":\"Deny\",\"Action\":[],\"Resource\":\"*\"}"),
		  "Statement 1: Action is empty" },
		{ POLICY("{\"Effect\":\"Deny\",\"Action\":[1],\"Resource\":\"*\"}"),
		  "Statement 1: Action is a text or a list of texts" },
		{ POLICY("{\"Effect\":\"Deny\",\"Action\":{},\"Resource\":\"*\"}"),
		  "Statement 1: Action is a text or a list of texts" },
		{ POLICY("{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":null}"),
		  "Statement 1: Resource is a text or a list of texts" },
		{ POLICY("{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":{}}"),
		  "Statement 1: only Effect, Action and Resource are understood" },
		{ POLICY("{\"Effect\":\"Allow\",\"NotAction\":\"*\",\"Resource\":\"*\"}"),
		  "Statement 1: only Effect, Action and Resource are understood" },
		/* one of two would be passed over */
		{ POLICY("{\"Effect\":\"Deny\",\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}"),
		  "a name stands twice in one object" },
		{ POLICY("{\"Effect\":\"Deny\",\"Eff\\u0065ct\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}"),
		  "a name stands twice in one object" },
		{ "{\"Version\":\"1\",\"Statement\":[" DENY("*", "*") "],\"Statement\":[" ALLOW("*", "*") "]}",
		  "a name stands twice in one object" },
		{ POLICY(ALLOW("ledgerdb:get*", "*")), "Statement 1: no action is called ledgerdb:get*" },
		{ POLICY(ALLOW("ledgerdb:GetJornal", "*")),
		  "Statement 1: no action is called ledgerdb:GetJornal" },
		{ POLICY(ALLOW("ledgerdb:CreateAccessKey", "*")),
		  "Statement 1: no action is called ledgerdb:CreateAccessKey" },
		{ POLICY(ALLOW("GetJournal", "*")),
		  "Statement 1: an Action is \"*\" or service:name, as ledgerdb:Get*" },
		{ POLICY(ALLOW("ledgerdb:", "*")),
		  "Statement 1: an Action is \"*\" or service:name, as ledgerdb:Get*" },
		{ POLICY(ALLOW("ledgerdb:Get Journal", "*")),
		  "Statement 1: an Action is \"*\" or service:name, as ledgerdb:Get*" },
		{ POLICY(ALLOW("*:*", "*")),
		  "Statement 1: an Action is \"*\" or service:name, as ledgerdb:Get*" },
		{ POLICY(ALLOW("*", "ledger/l-1")), "Statement 1: a Resource is \"*\" or "
		  "acs:service:region:account:what, as acs:ledgerdb:*:*:ledger/l-*" },
		{ POLICY(ALLOW("*", "acs:ledgerdb:*:*")), "Statement 1: a Resource is \"*\" or "
		  "acs:service:region:account:what, as acs:ledgerdb:*:*:ledger/l-*" },
		{ POLICY(ALLOW("*", "arn:ledgerdb:*:*:ledger/*")), "Statement 1: a Resource is \"*\" or "
		  "acs:service:region:account:what, as acs:ledgerdb:*:*:ledger/l-*" },
		{ POLICY(ALLOW("*", "acs:ledgerdb:*:*:ledger/ x")), "Statement 1: a Resource is \"*\" or "
		  "acs:service:region:account:what, as acs:ledgerdb:*:*:ledger/l-*" },
		{ POLICY(ALLOW("*", "*")) "\v", "it is no JSON" },
		{ POLICY(ALLOW("\xff", "*")), "it is no JSON" },
	};
	const struct tally_ram_policy *policy;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tally_bytes text = tally_bytes_str(cases[i].text);

		CASE("%s", cases[i].text);
		if (cases[i].why == NULL) {
			CHECK_OK(tally_ram_parse(&world.arena, text, &policy, &err));
			continue;
		}
		CHECK_FAILS(tally_ram_parse(&world.arena, text, &policy, &err), TALLY_INVALID);
		CHECK_STR(err.subject, "Policy");
		CHECK_STR(err.text, cases[i].why);
	}
	CASE("a NUL");
	CHECK_FAILS(tally_ram_parse(&world.arena, tally_bytes("{}\0{}", 5), &policy, &err), TALLY_INVALID);
	CASE("too long");
	CHECK_FAILS(tally_ram_parse(&world.arena,
				    tally_bytes_str(text("%s%*s", POLICY(ALLOW("*", "*")),
							 TALLY_RAM_POLICY_MAX, "")), &policy, &err),
		    TALLY_INVALID);
}

/* ---- deciding ---- */

static bool allows(const char *document, const char *action, const char *resource, const char *second)
{
	struct tally_ram_request request = { action, { resource, second } };
	const struct tally_ram_policy *policy;

	CHECK_OK(tally_ram_parse(&world.arena, tally_bytes_str(document), &policy, &err));
	return tally_ram_allows(policy, &request);
}

static void deny_wins(void)
{
	static const char ledger[] = "acs:ledgerdb:local:1001:ledger/l-1";
	static const struct {
		const char *policy, *action, *second;
		bool allowed;
	} cases[] = {
		{ POLICY(ALLOW("*", "*")), "GetJournal", NULL, true },
		{ POLICY(DENY("*", "*")), "GetJournal", NULL, false },
		{ POLICY(ALLOW("ledgerdb:GetJournal", "*")), "GetJournal", NULL, true },
		{ POLICY(ALLOW("ledgerdb:GetJournal", "*")), "GetJournalProof", NULL, false },
		{ POLICY(ALLOW("ledgerdb:GetJournal*", "*")), "GetJournalProof", NULL, true },
		{ POLICY(ALLOW("sofa:*", "*")), "GetJournal", NULL, false },
		{ POLICY(ALLOW("*", "*") "," DENY("ledgerdb:DeleteLedger", "*")), "DeleteLedger", NULL, false },
		{ POLICY(DENY("ledgerdb:DeleteLedger", "*") "," ALLOW("*", "*")), "DeleteLedger", NULL, false },
		{ POLICY(DENY("ledgerdb:DeleteLedger", "*") "," ALLOW("*", "*")), "GetJournal", NULL, true },
		{ POLICY(DENY("*", "acs:ledgerdb:*:*:ledger/l-2") "," ALLOW("*", "*")), "GetJournal", NULL,
		  true },
		{ POLICY(DENY("*", "acs:ledgerdb:*:1001:ledger/l-1") "," ALLOW("*", "*")), "GetJournal", NULL,
		  false },
		{ POLICY(ALLOW("*", "acs:ledgerdb:*:1001:ledger/l-?")), "GetJournal", NULL, true },
		{ POLICY(ALLOW("*", "acs:ledgerdb:elsewhere:1001:*")), "GetJournal", NULL, false },
		{ POLICY(ALLOW("*", "acs:ledgerdb:local:1002:*")), "GetJournal", NULL, false },
		{ POLICY(ALLOW("*", "acs:ledgerdb:*:*:member/m-1")), "GetMember", NULL, false },
		{ POLICY(ALLOW("*", "acs:ledgerdb:*:*:member/m-1")), "GetMember",
		  "acs:ledgerdb:local:1001:member/m-1", true },
		{ POLICY(ALLOW("*", "*") "," DENY("*", "acs:ledgerdb:*:*:member/m-1")), "GetMember",
		  "acs:ledgerdb:local:1001:member/m-1", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CASE("%s %s", cases[i].policy, cases[i].action);
		CHECK_INT(allows(cases[i].policy, cases[i].action, ledger, cases[i].second),
			  cases[i].allowed);
	}
}

/* Every action that reads, and no other. */
static void read_only_is_that(void)
{
	for (size_t i = 0; tally_actions[i] != NULL; i++) {
		const struct tally_action *action = tally_actions[i];

		CASE("%s", action->name);
		if (action->family == FAMILY_LEDGERDB)
			CHECK_INT(allows(tally_ram_read_only, action->name, "acs:ledgerdb:local:1:ledger/x",
					 NULL), action->kind == ACTION_READ);
	}
	CASE("the log");
	CHECK(allows(tally_ram_read_only, TALLY_RAM_LOG, "acs:ledgerdb:local:1:ledger/x", NULL));
}

/* ---- requests ---- */

static unsigned int next_nonce;

/* A signed GET; extra parameters are signed too. */
static struct client ask(const struct tally_first_key *key, const char *path, const char *params,
			 const char *token)
{
	struct client client = { .service = world.service, .arena = &world.arena, .path = path };
	struct tally_form form;
	struct tally_fault fault;
	char timestamp[21];

	if (token != NULL)
		params = text("%s&SecurityToken=%s", params,
			      (const char *)tally_percent_encode(&world.arena, tally_bytes_str(token)).data);
	tally_time_format(tally_now_ms(), timestamp);
	tally_form_parse(&world.arena, tally_bytes_str(params), TALLY_BYTES_NONE, &form, &fault);
	client_raw(&client, "GET",
		   tally_rpc_signed_query(&world.arena, "GET", form.params, form.count, NULL, 0,
					  tally_bytes_str(key->key_id), tally_bytes_str(key->secret),
					  text("n%u", next_nonce++), timestamp), NULL, TALLY_BYTES_NONE);
	return client;
}

static int status_of(const struct tally_first_key *key, const char *action, const char *ledger)
{
	return ask(key, NULL, text("Action=%s&JournalId=1&Payload=a&LedgerName=n&LedgerId=%s", action,
				   ledger), NULL).response.status;
}

/* 403, as SDKs know it, and nothing was done. */
static void forbidden(const struct tally_first_key *key, const char *action, const char *ledger)
{
	struct client client = ask(key, NULL, text("Action=%s&Payload=a&JournalId=1&LedgerName=n&LedgerId=%s",
						   action, ledger), NULL);

	CHECK_INT(client.response.status, 403);
	CHECK_STR(error_disagrees(client.response.body, false, "Forbidden.RAM",
				  "User not authorized to operate on the specified resource, or this "
				  "API doesn't support RAM."), NULL);
}

static struct client administer(const char *params)
{
	struct client client = { .service = world.service, .arena = &world.arena, .local = true,
				 .path = "/admin/" };

	client_raw(&client, "POST", TALLY_BYTES_NONE, CLIENT_FORM, tally_bytes_str(params));
	return client;
}

static const char *encoded(const char *value)
{
	return (const char *)tally_percent_encode(&world.arena, tally_bytes_str(value)).data;
}

/* A new key of an account, with a policy (NULL: none). */
static struct tally_first_key new_key(uint64_t account, const char *policy)
{
	const struct tally_action *action = tally_action_find(FAMILY_ADMIN,
							      TALLY_BYTES_LIT("CreateAccessKey"));
	struct client client = administer(text("Action=CreateAccessKey&AliUid=%" PRIu64 "%s%s", account,
					       policy != NULL ? "&Policy=" : "",
					       policy != NULL ? encoded(policy) : ""));
	struct tally_first_key key = { .account = account };

	CHECK_INT(client.response.status, 200);
	snprintf(key.key_id, sizeof(key.key_id), "%s",
		 reply_text(action, client.response.body, false, "AccessKeyId"));
	snprintf(key.secret, sizeof(key.secret), "%s",
		 reply_text(action, client.response.body, false, "AccessKeySecret"));
	return key;
}

static void an_account_is_limited(void)
{
	const struct tally_action *get = tally_action_find(FAMILY_ADMIN,
							   TALLY_BYTES_LIT("GetAccountPolicy"));
	const char *policy = text("{\"Version\":\"1\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":"
				  "[\"ledgerdb:Get*\",\"ledgerdb:AppendJournal\"],\"Resource\":"
				  "\"acs:ledgerdb:*:%" PRIu64 ":ledger/%s\"}]}", world.owner.account,
				  world.private);
	const char *account = text("AliUid=%" PRIu64, world.owner.account);
	struct client client;

	CHECK_INT(status_of(&world.owner, "AppendJournal", world.private), 200);
	CHECK_INT(administer(text("Action=SetAccountPolicy&%s&Policy=%s", account, encoded(policy)))
			  .response.status, 200);
	CHECK_INT(status_of(&world.owner, "GetJournal", world.private), 200);
	CHECK_INT(status_of(&world.owner, "AppendJournal", world.private), 200);
	forbidden(&world.owner, "ListJournals", world.private);
	forbidden(&world.owner, "DeleteLedger", world.private);
	forbidden(&world.owner, "GetJournal", world.public);
	forbidden(&world.owner, "CreateLedger", world.public);
	/* of a ledger that is none it learns nothing either */
	forbidden(&world.owner, "GetJournal", "l-00000000000000000000000ff");
	/* others are not */
	CHECK_INT(status_of(&world.stranger, "DescribeLedgers", ""), 200);
	client = administer(text("Action=GetAccountPolicy&%s", account));
	CHECK_STR(reply_text(get, client.response.body, false, "Policy"), policy);
	/* what is wrong changes nothing */
	client = administer(text("Action=SetAccountPolicy&%s&Policy=%s", account, encoded("{}")));
	CHECK_STR(error_disagrees(client.response.body, false, "InvalidParameter",
				  "The specified parameter Policy is invalid."), NULL);
	client = administer(text("Action=SetAccountPolicy&AliUid=4711&Policy=read-only"));
	CHECK_STR(error_disagrees(client.response.body, false, "ResourceNotFound",
				  "The specified resource Account 4711 does not exist."), NULL);
	forbidden(&world.owner, "ListJournals", world.private);
	CHECK_INT(administer(text("Action=DeleteAccountPolicy&%s", account)).response.status, 200);
	CHECK_INT(status_of(&world.owner, "ListJournals", world.private), 200);
	client = administer(text("Action=GetAccountPolicy&%s", account));
	CHECK_STR(reply_text(get, client.response.body, false, "Policy"), NULL);
}

static void a_key_is_limited(void)
{
	struct tally_first_key reads = new_key(world.owner.account, "read-only");
	struct tally_first_key appends = new_key(world.owner.account,
						 POLICY(ALLOW("ledgerdb:AppendJournal", "*")));
	const char *account = text("AliUid=%" PRIu64, world.owner.account);

	CHECK_INT(status_of(&reads, "GetJournal", world.private), 200);
	CHECK_INT(status_of(&reads, "ListJournals", world.private), 200);
	forbidden(&reads, "AppendJournal", world.private);
	forbidden(&reads, "CreateLedger", "");
	forbidden(&appends, "GetJournal", world.private);
	CHECK_INT(status_of(&appends, "AppendJournal", world.private), 200);
	/* both must allow it */
	CHECK_INT(administer(text("Action=SetAccountPolicy&%s&Policy=%s", account,
				  encoded(POLICY(ALLOW("ledgerdb:GetJournal", "*")))))
			  .response.status, 200);
	CHECK_INT(status_of(&reads, "GetJournal", world.private), 200);
	forbidden(&reads, "ListJournals", world.private);
	forbidden(&appends, "AppendJournal", world.private);
	CHECK_INT(administer(text("Action=DeleteAccountPolicy&%s", account)).response.status, 200);
	/* it stays with the key */
	CHECK_INT(administer(text("Action=DisableAccessKey&UserAccessKeyId=%s", reads.key_id))
			  .response.status, 200);
	CHECK_INT(status_of(&reads, "GetJournal", world.private), 400);
	CHECK_INT(administer(text("Action=EnableAccessKey&UserAccessKeyId=%s", reads.key_id))
			  .response.status, 200);
	forbidden(&reads, "AppendJournal", world.private);
	CHECK_OK(tally_core_rebuild(world.core, TALLY_BYTES_NONE, NULL, NULL, &err));
	forbidden(&reads, "AppendJournal", world.private);
	CHECK_INT(status_of(&reads, "GetJournal", world.private), 200);
}

/* No role is given by a policy. */
static void a_role_is_needed_beside_it(void)
{
	struct tally_first_key all = new_key(world.stranger.account, POLICY(ALLOW("*", "*")));

	CHECK_INT(status_of(&all, "GetJournal", world.private), 404);
	CHECK_INT(status_of(&all, "AppendJournal", world.public), 403);
}

/* Log files are no way around. */
static void the_log_is_limited_too(void)
{
	struct tally_first_key reads = new_key(world.owner.account, "read-only");
	struct tally_first_key other = new_key(world.owner.account,
					       POLICY(ALLOW("ledgerdb:GetJournal", "*")));
	const char *path = text("/log/%s/checkpoint", world.private);

	CHECK_INT(ask(&reads, path, "", NULL).response.status, 200);
	CHECK_INT(ask(&other, path, "", NULL).response.status, 403);
}

/* A member's resource limits what is about a member, and not who signs. */
static void members_are_resources(void)
{
	const char *member = "m-04389ec1075443bc04389ec107";
	struct tally_first_key key = new_key(
		world.owner.account,
		text("{\"Version\":\"1\",\"Statement\":[" ALLOW("*", "*") ",{\"Effect\":\"Deny\",\"Action\":"
		     "\"*\",\"Resource\":\"acs:ledgerdb:*:*:member/%s\"}]}", member));
	struct client client = ask(&key, NULL, text("Action=GetMember&LedgerId=%s&MemberId=%s",
						    world.private, member), NULL);

	CHECK_INT(client.response.status, 403);
	CHECK_STR(error_disagrees(client.response.body, false, "Forbidden.RAM", NULL), NULL);
	CHECK_INT(status_of(&key, "GetMember", world.private), 200);
	client = ask(&key, NULL, text("Action=ListJournals&LedgerId=%s&MemberId=%s", world.private, member),
		     NULL);
	CHECK_INT(client.response.status, 200);
}

/* ---- temporary keys ---- */

static struct tally_first_key temporary(const struct tally_first_key *from, uint64_t end_ms,
					const char *policy, const char **token_r)
{
	struct tally_first_key key = { .account = from->account };
	struct tally_temporary_key made;

	CHECK_OK(tally_key_temporary(world.core, tally_bytes_str(from->key_id), end_ms,
				     tally_bytes_str(policy), &world.arena, &made, &err));
	memcpy(key.key_id, made.key_id, sizeof(key.key_id));
	memcpy(key.secret, made.secret, sizeof(key.secret));
	*token_r = made.token;
	return key;
}

static uint64_t in_an_hour(void)
{
	return tally_now_ms() + 3600000;
}

static void refused(const struct client *client, int status, const char *code, const char *message)
{
	CHECK_INT(client->response.status, status);
	CHECK_STR(error_disagrees(client->response.body, false, code, message), NULL);
}

static void a_temporary_key_brings_its_token(void)
{
	struct tally_first_key parent = new_key(world.owner.account, NULL), key, other, wrong;
	const char *token, *others, *changed, *past;
	const char *params = text("Action=GetJournal&JournalId=1&LedgerId=%s", world.private);
	struct client client;
	size_t size;

	key = temporary(&parent, in_an_hour(), "", &token);
	other = temporary(&parent, in_an_hour(), "", &others);
	CHECK(strncmp(key.key_id, "STS.", 4) == 0);
	client = ask(&key, NULL, params, token);
	CHECK_INT(client.response.status, 200);
	client = ask(&key, NULL, params, NULL);
	refused(&client, 400, "MissingSecurityToken", "SecurityToken is mandatory for this action.");
	client = ask(&key, NULL, params, "");
	refused(&client, 400, "MissingSecurityToken", NULL);
	client = ask(&key, NULL, params, others);
	refused(&client, 400, "InvalidSecurityToken.Malformed", "Specified SecurityToken is malformed.");
	client = ask(&other, NULL, params, token);
	refused(&client, 400, "InvalidSecurityToken.Malformed", NULL);
	client = ask(&key, NULL, params, "!");
	refused(&client, 400, "InvalidSecurityToken.Malformed", NULL);
	client = ask(&key, NULL, params, "YWJj");
	refused(&client, 400, "InvalidSecurityToken.Malformed", NULL);
	/* any byte of it */
	size = strlen(token);
	for (size_t i = 0; i < size; i += 7) {
		changed = text("%.*s%c%s", (int)i, token, token[i] == 'A' ? 'B' : 'A', token + i + 1);
		client = ask(&key, NULL, params, changed);
		CASE("character %zu", i);
		CHECK_INT(client.response.status, 400);
		CHECK_STR(error_disagrees(client.response.body, false, "InvalidSecurityToken.Malformed", NULL),
			  NULL);
	}
	wrong = key;
	strcpy(wrong.secret, "wrong");
	client = ask(&wrong, NULL, params, token);
	CHECK_INT(client.response.status, 400);
	CHECK_STR(error_disagrees(client.response.body, false, "SignatureDoesNotMatch", NULL), NULL);
	key = temporary(&parent, tally_now_ms() - 1, "", &past);
	client = ask(&key, NULL, params, past);
	refused(&client, 400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.");
	/* a key that is none: what made it must have been the store */
	strcpy(wrong.key_id, "STS.none");
	client = ask(&wrong, NULL, params, token);
	refused(&client, 400, "InvalidSecurityToken.Malformed", NULL);
}

static void it_ends_with_the_key_it_is_from(void)
{
	struct tally_first_key parent = new_key(world.owner.account, NULL), key;
	const char *token, *params = text("Action=GetJournal&JournalId=1&LedgerId=%s", world.private);
	struct tally_temporary_key made;
	struct client client;

	key = temporary(&parent, in_an_hour(), "", &token);
	CHECK_INT(administer(text("Action=DisableAccessKey&UserAccessKeyId=%s", parent.key_id))
			  .response.status, 200);
	client = ask(&key, NULL, params, token);
	refused(&client, 400, "InvalidAccessKeyId.Inactive", "Specified access key is disabled.");
	CHECK_FAILS(tally_key_temporary(world.core, tally_bytes_str(parent.key_id), in_an_hour(),
					TALLY_BYTES_NONE, &world.arena, &made, &err), TALLY_INVALID);
	CHECK_INT(administer(text("Action=EnableAccessKey&UserAccessKeyId=%s", parent.key_id))
			  .response.status, 200);
	CHECK_INT(ask(&key, NULL, params, token).response.status, 200);
	CHECK_INT(administer(text("Action=DeleteAccessKey&UserAccessKeyId=%s", parent.key_id))
			  .response.status, 200);
	client = ask(&key, NULL, params, token);
	refused(&client, 404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.");
	CHECK_FAILS(tally_key_temporary(world.core, tally_bytes_str(parent.key_id), in_an_hour(),
					TALLY_BYTES_NONE, &world.arena, &made, &err), TALLY_NOTFOUND);
}

static void it_is_limited_by_both_policies(void)
{
	struct tally_first_key parent = new_key(world.owner.account, "read-only"), key;
	const char *get = text("Action=GetJournal&JournalId=1&LedgerId=%s", world.private);
	const char *list = text("Action=ListJournals&LedgerId=%s", world.private);
	const char *append = text("Action=AppendJournal&Payload=a&LedgerId=%s", world.private);
	const char *token;

	key = temporary(&parent, in_an_hour(), "", &token);
	CHECK_INT(ask(&key, NULL, list, token).response.status, 200);
	CHECK_INT(ask(&key, NULL, append, token).response.status, 403);
	key = temporary(&parent, in_an_hour(),
			POLICY(ALLOW("ledgerdb:GetJournal", "*") "," ALLOW("ledgerdb:AppendJournal", "*")),
			&token);
	CHECK_INT(ask(&key, NULL, get, token).response.status, 200);
	CHECK_INT(ask(&key, NULL, list, token).response.status, 403);
	CHECK_INT(ask(&key, NULL, append, token).response.status, 403);
}

/* Its writes are its account's; a replay is one as ever. */
static void it_writes_for_its_account(void)
{
	const char *params = text("Action=AppendJournal&Payload=t&SignatureNonce=once&LedgerId=%s",
				  world.private);
	struct tally_first_key parent = new_key(world.owner.account, NULL), key;
	const char *token;
	struct client client;

	key = temporary(&parent, in_an_hour(), "", &token);
	client = ask(&key, NULL, params, token);
	CHECK_INT(client.response.status, 200);
	client = ask(&key, NULL, params, token);
	refused(&client, 400, "SignatureNonceUsed", NULL);
}

/* Signature V3: the token stands in a header, which is signed. */
static struct client ask_v3(const struct tally_first_key *key, const char *token, bool is_signed)
{
	struct client client = { .service = world.service, .arena = &world.arena };
	static const char six[] = "host;x-acs-action;x-acs-content-sha256;x-acs-date;";
	const char *nonce = text("v%u", next_nonce++), *names;
	struct tally_header headers[9];
	struct tally_request request = {
		.arena = &world.arena, .method = TALLY_BYTES_LIT("GET"), .path = TALLY_BYTES_LIT("/"),
		.query = tally_bytes_str(text("JournalId=1&LedgerId=%s", world.private)),
		.headers = headers };
	struct tally_fault fault = { 0 };
	struct tally_acs3 acs3 = { .string_to_sign = TALLY_BYTES_NONE };
	uint8_t mac[32], hash[32];
	char hex[65], date[21], sha[65];
	size_t count = 0;

	names = text("%s%sx-acs-signature-nonce;x-acs-version", six,
		     is_signed ? "x-acs-security-token;" : "");
	if (is_signed)		/* in order: security-token before signature-nonce */
		names = text("%sx-acs-security-token;x-acs-signature-nonce;x-acs-version", six);
	tally_time_format(tally_now_ms(), date);
	tally_sha256("", 0, hash);
	tally_hex_encode(hash, 32, sha);
	headers[count++] = (struct tally_header){ TALLY_BYTES_LIT("host"), TALLY_BYTES_LIT("h") };
	headers[count++] = (struct tally_header){ TALLY_BYTES_LIT("x-acs-action"),
						  TALLY_BYTES_LIT("GetJournal") };
	headers[count++] = (struct tally_header){ TALLY_BYTES_LIT("x-acs-version"),
						  TALLY_BYTES_LIT("2019-11-22") };
	headers[count++] = (struct tally_header){ TALLY_BYTES_LIT("x-acs-date"), tally_bytes_str(date) };
	headers[count++] = (struct tally_header){ TALLY_BYTES_LIT("x-acs-signature-nonce"),
						  tally_bytes_str(nonce) };
	headers[count++] = (struct tally_header){ TALLY_BYTES_LIT("x-acs-content-sha256"),
						  tally_bytes_str(sha) };
	if (token != NULL)
		headers[count++] = (struct tally_header){ TALLY_BYTES_LIT("x-acs-security-token"),
							  tally_bytes_str(token) };
	request.header_count = count + 1;
	headers[count] = (struct tally_header){ TALLY_BYTES_LIT("authorization"),
		tally_bytes_str(text("ACS3-HMAC-SHA256 Credential=%s,SignedHeaders=%s,Signature=%s",
				     key->key_id, names, sha)) };
	tally_acs3_read(&request, &acs3, &fault);
	tally_acs3_mac(tally_bytes_str(key->secret), acs3.string_to_sign, mac);
	tally_hex_encode(mac, 32, hex);
	headers[count].value = tally_bytes_str(
		text("ACS3-HMAC-SHA256 Credential=%s,SignedHeaders=%s,Signature=%s", key->key_id, names,
		     hex));
	tally_service_handle(world.service, &request, &client.response);
	return client;
}

static void it_works_with_signature_v3(void)
{
	struct tally_first_key parent = new_key(world.owner.account, NULL), key;
	const char *token, *past;
	struct client client;

	key = temporary(&parent, in_an_hour(), "", &token);
	client = ask_v3(&parent, NULL, false);
	CHECK_INT(client.response.status, 200);
	client = ask_v3(&key, token, true);
	CHECK_INT(client.response.status, 200);
	client = ask_v3(&key, token, false);
	refused(&client, 400, "IncompleteSignature", NULL);
	client = ask_v3(&key, NULL, false);
	refused(&client, 400, "MissingSecurityToken", NULL);
	client = ask_v3(&key, "YWJj", true);
	refused(&client, 400, "InvalidSecurityToken.Malformed", NULL);
	key = temporary(&parent, tally_now_ms() - 1, "", &past);
	client = ask_v3(&key, past, true);
	refused(&client, 400, "InvalidSecurityToken.Expired", NULL);
}

/* By the action of local administration; and what is logged of it has neither secret nor token. */
static void made_by_administration_and_not_logged(void)
{
	const struct tally_action *action = tally_action_find(FAMILY_ADMIN,
							      TALLY_BYTES_LIT("CreateTemporaryKey"));
	struct tally_first_key parent = new_key(world.owner.account, NULL), key = { 0 };
	char path[] = "/tmp/tally-ram-XXXXXX", logged[4096];
	const char *token;
	struct client client;
	FILE *file;
	size_t size;
	int fd = mkstemp(path);

	REQUIRE(fd >= 0);
	CHECK_OK(tally_log_open(TALLY_LOG_DEBUG, path, &err));
	client = administer(text("Action=CreateTemporaryKey&UserAccessKeyId=%s&DurationSeconds=60"
				 "&Policy=read-only", parent.key_id));
	CHECK_INT(client.response.status, 200);
	CHECK_STR(reply_disagrees(action, client.response.body, false, false), NULL);
	snprintf(key.key_id, sizeof(key.key_id), "%s",
		 reply_text(action, client.response.body, false, "AccessKeyId"));
	snprintf(key.secret, sizeof(key.secret), "%s",
		 reply_text(action, client.response.body, false, "AccessKeySecret"));
	token = text("%s", reply_text(action, client.response.body, false, "SecurityToken"));
	CHECK_INT(ask(&key, NULL, text("Action=ListJournals&LedgerId=%s", world.private), token)
			  .response.status, 200);
	CHECK_INT(ask(&key, NULL, text("Action=DeleteLedger&LedgerId=%s", world.private), token)
			  .response.status, 403);
	client = ask(&key, NULL, text("Action=ListJournals&LedgerId=%s", world.private), "YWJj");
	CHECK_OK(tally_log_open(TALLY_LOG_ERROR, NULL, &err));
	file = fopen(path, "r");
	REQUIRE(file != NULL);
	size = fread(logged, 1, sizeof(logged) - 1, file);
	logged[size] = '\0';
	fclose(file);
	close(fd);
	unlink(path);
	CHECK(strstr(logged, key.key_id) != NULL && strstr(logged, parent.key_id) != NULL);
	CHECK(strstr(logged, key.secret) == NULL);
	CHECK(strstr(logged, token) == NULL && strstr(logged, "YWJj") == NULL);
	CHECK_INT(administer(text("Action=CreateTemporaryKey&UserAccessKeyId=%s&DurationSeconds=59",
				  parent.key_id)).response.status, 400);
	CHECK_INT(administer(text("Action=CreateTemporaryKey&UserAccessKeyId=%s&DurationSeconds=43201",
				  parent.key_id)).response.status, 400);
	client = administer("Action=CreateTemporaryKey&UserAccessKeyId=LTAInone");
	refused(&client, 404, "ResourceNotFound", "The specified resource AccessKey LTAInone does not exist.");
	/* none can be made from a temporary one */
	client = administer(text("Action=CreateTemporaryKey&UserAccessKeyId=%s", key.key_id));
	CHECK_INT(client.response.status, 404);
}

int main(void)
{
	struct tally_entry entry = { .payload = TALLY_BYTES_LIT("first") };
	struct tally_append_result result;
	struct tally_write write;

	tally_log_open(TALLY_LOG_ERROR, NULL, &err);
	if (!world_open()) {
		printf("Bail out! %s\n", err.text);
		return 99;
	}
	write = (struct tally_write){ .caller = { .account = world.owner.account } };
	if (tally_append(world.core, &write, tally_bytes_str(world.private), &entry, 1, true, &result,
			 &err) != 0)
		return 99;
	TEST(patterns_fit);
	TEST(documents_are_taken_or_explained);
	TEST(deny_wins);
	TEST(read_only_is_that);
	TEST(an_account_is_limited);
	TEST(a_key_is_limited);
	TEST(a_role_is_needed_beside_it);
	TEST(the_log_is_limited_too);
	TEST(members_are_resources);
	TEST(a_temporary_key_brings_its_token);
	TEST(it_ends_with_the_key_it_is_from);
	TEST(it_is_limited_by_both_policies);
	TEST(it_writes_for_its_account);
	TEST(it_works_with_signature_v3);
	TEST(made_by_administration_and_not_logged);
	world_close();
	return tap_done();
}
