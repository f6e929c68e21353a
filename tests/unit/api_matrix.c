/*
 * Who may do what: every action there is, asked for by everyone there can be, through the whole service
 * over a real core on the mem driver. The table below says what comes of it; an action that has no row
 * fails the test. Each write meets a ledger of its own, so no answer depends on another.
 */
#include <stdlib.h>

#include "api_world.h"
#include "hash.h"
#include "reply_check.h"

enum who {
	ADMIN, WRITER, READER,
	ELSEWHERE,		/* a member of another ledger, ADMIN there */
	DISABLED,		/* an ADMIN that was disabled */
	DELETED,		/* an ADMIN that was deleted */
	INVITED,		/* and has not accepted */
	STRANGER,
	FIRST,			/* the store's first account, which owns ledgers, but not this one */
	UNSIGNED,
	LOCAL,			/* local administration */
	CALLERS
};

static const char *const who_names[CALLERS] = {
	"an ADMIN", "a WRITER", "a READER", "a member of another ledger", "a disabled member",
	"a deleted member", "an invited account", "a stranger", "the first account", "nobody",
	"local administration"
};

/*
 * y  it is done (or fails for what the row says, which only who is allowed is told)
 * d  403 UnauthorizedOperation
 * n  404, as if there were no such ledger
 * e  409 ResourceAlreadyExist
 * s  400 MissingAccessKeyId
 * m  400 MissingParameter: local administration does not say for which account
 * ?  it is not refused; what comes of it depends on the store
 *
 * The columns are those of enum who.
 */
#define ONLY_READERS	"yyyndnnnnsy"
#define ONLY_WRITERS	"yydndnnnnsy"
#define ONLY_ADMINS	"yddndnnnnsy"
#define ONLY_INVITED	"eeendnynnsm"
#define ALL_SIGNED	"yyyyyyyyysm"
#define ALL_SIGNED_OR_LOCAL "yyyyyyyyysy"
#define EVERYONE	"yyyyyyyyyyy"
#define ONLY_LOCAL	"dddddddddd?"

#define KEY "04d563c1c3b967d00d6fbac0c14661b7d8633d48031fa050e35752670b27d9bceb04dfa6d46d66cb5ff1e2d045" \
	    "9436415b47012f6426ba1cd7405c47828b21128b"

#define LISTENERS "vpc-office/vsw-1=192.0.2.5:8443 vpc-office/vsw-2=192.0.2.6:8443"
#define ENDPOINT "office.ledger.internal"	/* that each ledger has, on the first listener */

/* @M: the WRITER's MemberId, @A: an account that is neither invited nor a member, @K: an access key. */
static const struct row {
	const char *action, *params, *expected;
	const char *allowed;		/* the code that those who are allowed get; NULL: 200 */
} rows[] = {
	{ "AcceptMember", "", ONLY_INVITED, NULL },
	{ "AddChannel", "&Channel=c&LedgerId=@L", ONLY_LOCAL, NULL },
	{ "AddOrganization", "&OrganizationId=o&Certificate=x", ONLY_LOCAL, NULL },
	{ "AdoptStore", "", ONLY_LOCAL, NULL },
	{ "AnchorLedgers", "", ONLY_LOCAL, NULL },
	{ "AppendJournal", "&Payload=a", ONLY_WRITERS, NULL },
	{ "AppendJournals", "", ONLY_WRITERS, NULL },
	{ "BackupStore", "&Directory=/nonexistent/x", ONLY_LOCAL, NULL },
	{ "CheckSignedCheckpoint", "&Checkpoint=x&LedgerId=@L", ONLY_LOCAL, NULL },
	{ "CheckStore", "", ONLY_LOCAL, NULL },
	{ "CreateAccessKey", "&AliUid=@A", ONLY_LOCAL, NULL },
	{ "CreateAccount", "&Name=two", ONLY_LOCAL, NULL },
	{ "CreateLedger", "&LedgerName=one", ALL_SIGNED, NULL },
	{ "CreateMember", "&AliUid=@A", ONLY_ADMINS, NULL },
	{ "CreateStateRoot", "", ONLY_WRITERS, NULL },
	{ "CreateTemporaryKey", "&UserAccessKeyId=AKx", ONLY_LOCAL, NULL },
	{ "CreateTimeAnchor", "&TimeStamp=1587515659&Proof=x", ONLY_ADMINS, NULL },
	{ "CreateVpcEndpoint", "&VpcId=vpc-office&VSwitchId=vsw-2", ONLY_ADMINS, NULL },
	{ "DeleteAccessKey", "&UserAccessKeyId=AKx", ONLY_LOCAL, NULL },
	{ "DeleteAccountPolicy", "&AliUid=@A", ONLY_LOCAL, NULL },
	{ "DeleteLedger", "", ONLY_ADMINS, NULL },
	{ "DeleteMember", "&MemberId=@M", ONLY_ADMINS, NULL },
	{ "DeleteVpcEndpoint", "&VpcId=vpc-office&VSwitchId=vsw-1&VpcEndpointId=" ENDPOINT, ONLY_ADMINS,
	  NULL },
	{ "DescribeLedger", "", ONLY_READERS, NULL },
	{ "DescribeLedgers", "", ALL_SIGNED_OR_LOCAL, NULL },
	{ "DescribeRegions", "", EVERYONE, NULL },
	{ "DescribeTSA", "&SequenceWithinLedger=1", EVERYONE, "ResourceNotFound" },
	{ "DisableAccessKey", "&UserAccessKeyId=AKx", ONLY_LOCAL, NULL },
	{ "DisableMember", "&MemberId=@M", ONLY_ADMINS, NULL },
	{ "EnableAccessKey", "&UserAccessKeyId=AKx", ONLY_LOCAL, NULL },
	{ "EnableMember", "&MemberId=@M", ONLY_ADMINS, NULL },
	{ "ExistJournal", "&JournalId=1", ONLY_READERS, NULL },
	{ "ExportJournals", "", ONLY_READERS, NULL },
	{ "ForgetBackup", "&Directory=/nonexistent/x", ONLY_LOCAL, NULL },
	{ "GetAccessAttribute", "", ONLY_READERS, NULL },
	{ "GetAccountPolicy", "&AliUid=@A", ONLY_LOCAL, NULL },
	{ "GetBlockInfo", "&BlockSequence=1", ONLY_READERS, NULL },
	{ "GetCheckpoint", "", ONLY_READERS, NULL },
	{ "GetClueProof", "&Clue=c", ONLY_READERS, "ResourceNotFound" },
	{ "GetConsistencyProof", "&OldSize=1", ONLY_READERS, NULL },
	{ "GetCoseReceipt", "&JournalSequence=1", ONLY_READERS, NULL },
	{ "GetErasureCertificate", "&JournalId=1", ONLY_READERS, "ResourceNotFound" },
	{ "GetIpWhiteList", "", ONLY_READERS, NULL },
	{ "GetJournal", "&JournalId=1", ONLY_READERS, NULL },
	{ "GetJournalProof", "&JournalSequence=1", ONLY_READERS, NULL },
	{ "GetJournalTimeProof", "&JournalSequence=1", ONLY_READERS, NULL },
	{ "GetLastTimeAnchor", "", ONLY_READERS, NULL },
	{ "GetMember", "", ONLY_READERS, NULL },
	{ "GetTrustPoint", "", ONLY_READERS, NULL },
	{ "GrantServiceLinkedRole", "", ONLY_ADMINS, NULL },
	{ "InviteMembers", "&AliUids=@A", ONLY_ADMINS, NULL },
	{ "KeepCosignedCheckpoint", "&Checkpoint=x&LedgerId=@L", ONLY_LOCAL, NULL },
	{ "KvDelete", "&Key=k", ONLY_WRITERS, "ResourceNotFound" },
	{ "KvGet", "&Key=k", ONLY_READERS, "ResourceNotFound" },
	{ "KvHistory", "&Key=k", ONLY_READERS, "ResourceNotFound" },
	{ "KvList", "", ONLY_READERS, NULL },
	{ "KvSet", "&Key=k&Value=v", ONLY_WRITERS, NULL },
	{ "ListAccessKeys", "", ONLY_LOCAL, NULL },
	{ "ListAccounts", "", ONLY_LOCAL, NULL },
	{ "ListBackups", "", ONLY_LOCAL, NULL },
	{ "ListChannels", "", ONLY_LOCAL, NULL },
	{ "ListJournals", "", ONLY_READERS, NULL },
	{ "ListMembers", "", ONLY_READERS, NULL },
	{ "ListOrganizations", "", ONLY_LOCAL, NULL },
	{ "ListSpaces", "", ONLY_LOCAL, NULL },
	{ "ListTimeAnchors", "", ONLY_READERS, NULL },
	{ "ListVpcEndpoints", "", ONLY_READERS, NULL },
	{ "Maintain", "", ONLY_LOCAL, NULL },
	{ "ModifyAccessAttribute", "&EnableOpenAccess=False", ONLY_ADMINS, NULL },
	{ "ModifyIpWhiteList", "&ModifyType=Cover&IpList=192.0.2.0/24", ONLY_ADMINS, NULL },
	{ "ModifyLedgerAttribute", "&LedgerName=two", ONLY_ADMINS, NULL },
	{ "ModifyMemberACLs", "&Role=READER&MemberId=@M", ONLY_ADMINS, NULL },
	{ "ModifyMemberKey", "&PublicKey=" KEY, ONLY_READERS, NULL },
	{ "ModifyMemberKey", "&MemberId=@M&PublicKey=" KEY, "yydndnnnnsy", NULL },
	{ "OccultJournal", "&JournalId=1", ONLY_ADMINS, NULL },
	{ "PurgeLedger", "&Before=1", ONLY_ADMINS, NULL },
	{ "ReadBlock", "&Space=0&Block=0", ONLY_LOCAL, NULL },
	{ "RebuildIndex", "", ONLY_LOCAL, NULL },
	{ "RemoveChannel", "&Channel=c", ONLY_LOCAL, "ResourceNotFound" },
	{ "RemoveOrganization", "&OrganizationId=o", ONLY_LOCAL, "ResourceNotFound" },
	{ "SetAccountPolicy", "&AliUid=@A&Policy=read-only", ONLY_LOCAL, NULL },
	{ "SetTrustPoint", "&JournalId=1", ONLY_ADMINS, NULL },
	{ "StatLedger", "", ONLY_READERS, NULL },
	{ "StatStore", "", ONLY_LOCAL, NULL },
	{ "UpdateMember", "&Role=READER&MemberId=@M", ONLY_ADMINS, NULL },
	{ "UpdateMemberKeyByKMS", "&MemberId=@M&KMSKeyId=till-7", "yydndnnnnsy", NULL },
};
#define ROWS (sizeof(rows) / sizeof(*rows))

static struct tally_first_key keys[UNSIGNED];	/* of those who sign */
static uint64_t founder, spare;			/* owns the ledgers; is invited to none */
static unsigned int next_nonce;

/* ---- ledgers with a member of each kind ---- */

static bool new_key(struct tally_first_key *key_r)
{
	struct tally_write local = { .caller = { .local = true } };
	uint64_t account;

	return tally_account_create(world.core, &local, TALLY_BYTES_LIT("one"), &account, &err) == 0 &&
	       tally_key_create(world.core, &local, account, key_r, &err) == 0;
}

static bool join(const struct tally_write *owner, struct tally_bytes id, enum who who,
		 enum tally_role role, char member_r[TALLY_MEMBER_ID_SIZE + 1])
{
	static const struct tally_member_key none = { .type = KEY_TYPE_NONE };
	struct tally_write write = { .caller = { .account = keys[who].account } };

	return tally_member_invite(world.core, owner, id, &keys[who].account, 1, &err) == 0 &&
	       tally_member_accept(world.core, &write, id, &none, member_r, &err) == 0 &&
	       tally_member_set_role(world.core, owner, id, tally_bytes_str(member_r), role,
				     &err) == 0;
}

/* An endpoint, and the use of the key store. */
static bool open_ways(const struct tally_write *owner, struct tally_bytes id)
{
	struct tally_endpoint endpoint = { .id = TALLY_BYTES_LIT(ENDPOINT),
					   .listener = TALLY_BYTES_LIT("vpc-office/vsw-1"),
					   .address = TALLY_BYTES_LIT("192.0.2.5:8443") };

	return tally_endpoint_create(world.core, owner, id, &endpoint, &err) == 0 &&
	       tally_access_grant(world.core, owner, id, &err) == 0;
}

/* *writer_r: the WRITER's MemberId. */
static bool new_ledger(bool kv, bool public, char id_r[TALLY_LEDGER_ID_SIZE + 1],
		       char writer_r[TALLY_MEMBER_ID_SIZE + 1])
{
	struct tally_write owner = { .caller = { .account = founder } };
	struct tally_ledger_create create = { .name = TALLY_BYTES_LIT("matrix"),
					      .public_read = public,
					      .type = kv ? LEDGER_KV : LEDGER_JOURNAL,
					      .removal_policy = REMOVAL_ADMIN };
	struct tally_entry entry = { .payload = TALLY_BYTES_LIT("first") };
	char member[TALLY_MEMBER_ID_SIZE + 1];
	struct tally_append_result result;
	struct tally_ledger_created created;
	struct tally_bytes id;
	bool good;

	if (tally_ledger_create(world.core, &owner, &create, &created, &err) != 0)
		return false;
	id = tally_bytes_str(created.ledger_id);
	good = (kv || tally_append(world.core, &owner, id, &entry, 1, true, &result, &err) == 0) &&
	       open_ways(&owner, id) && join(&owner, id, ADMIN, ROLE_ADMIN, member) &&
	       join(&owner, id, WRITER, ROLE_WRITER, writer_r) &&
	       join(&owner, id, READER, ROLE_READER, member) &&
	       join(&owner, id, DISABLED, ROLE_ADMIN, member) &&
	       tally_member_enable(world.core, &owner, id, tally_bytes_str(member), false, &err) == 0 &&
	       join(&owner, id, DELETED, ROLE_ADMIN, member) &&
	       tally_member_delete(world.core, &owner, id, tally_bytes_str(member), &err) == 0 &&
	       tally_member_invite(world.core, &owner, id, &keys[INVITED].account, 1, &err) == 0;
	strcpy(id_r, created.ledger_id);
	return good;
}

static bool begin(void)
{
	struct tally_write local = { .caller = { .local = true } };
	struct tally_ledger_create create = { .name = TALLY_BYTES_LIT("elsewhere") };
	struct tally_ledger_created created;
	struct tally_write elsewhere;
	int who;

	world_setting("ledger", "ledgers", "100000");
	world_setting("access", "listeners", LISTENERS);
	world_setting("access", "key_store", TALLY_GOLDEN "/keys");
	if (!world_open())
		return false;
	for (who = 0; who < UNSIGNED; who++)
		if (who != FIRST && !new_key(&keys[who]))
			return false;
	keys[FIRST] = world.owner;
	elsewhere = (struct tally_write){ .caller = { .account = keys[ELSEWHERE].account } };
	return tally_account_create(world.core, &local, TALLY_BYTES_LIT("founder"), &founder,
				    &err) == 0 &&
	       tally_account_create(world.core, &local, TALLY_BYTES_LIT("spare"), &spare, &err) == 0 &&
	       tally_ledger_create(world.core, &elsewhere, &create, &created, &err) == 0;
}

/* ---- asking ---- */

#define BATCH "[{\"Payload\":\"a\"}]"

static const char *filled(const char *params, const char *ledger, const char *writer)
{
	const char *at = strchr(params, '@'), *value;

	if (at == NULL)
		return params;
	value = at[1] == 'M' ? writer : at[1] == 'L' ? ledger : text("%" PRIu64, spare);
	return filled(text("%.*s%s%s", (int)(at - params), params, value, at + 2), ledger, writer);
}

static bool wants_ledger(const struct tally_action *action)
{
	return action->params[0].name != NULL && action->params[0].required &&
	       strcmp(action->params[0].name, "LedgerId") == 0;
}

static const char *batch_hash(void)
{
	uint8_t hash[TALLY_HASH_SIZE];
	char hex[65];

	tally_sha256(BATCH, strlen(BATCH), hash);
	tally_hex_encode(hash, sizeof(hash), hex);
	return text("&ContentSHA256=%s", hex);
}

static void ask(struct client *client, const struct tally_action *action, const struct row *row,
		enum who who, const char *ledger, const char *writer)
{
	bool batch = strcmp(row->action, "AppendJournals") == 0;
	const char *params = text("Action=%s%s%s%s", row->action, filled(row->params, ledger, writer),
				  wants_ledger(action) && strstr(row->params, "@L") == NULL ?
					  text("&LedgerId=%s", ledger) : "",
				  batch ? batch_hash() : "");
	struct tally_bytes wire = tally_bytes_str(params);
	struct tally_form form;
	struct tally_fault fault;
	char timestamp[21];

	client->service = world.service;
	client->arena = &world.arena;
	client->local = who == LOCAL;
	client->path = action->family == FAMILY_ADMIN ? "/admin/" : "/";
	if (who < UNSIGNED) {
		tally_time_format(tally_now_ms(), timestamp);
		tally_form_parse(&world.arena, wire, TALLY_BYTES_NONE, &form, &fault);
		wire = tally_rpc_signed_query(&world.arena, "POST", form.params, form.count, NULL, 0,
					      tally_bytes_str(keys[who].key_id),
					      tally_bytes_str(keys[who].secret),
					      text("n%u", next_nonce++), timestamp);
	}
	client_raw(client, "POST", wire, batch ? "application/json" : CLIENT_FORM,
		   batch ? TALLY_BYTES_LIT(BATCH) : TALLY_BYTES_NONE);
}

/* The answer as a letter of the table. */
static char letter_of(const struct client *client, const struct row *row, const char *ledger)
{
	struct tally_bytes body = client->response.body;
	const char *hidden = text("The specified resource Ledger %s does not exist.", ledger);

	if (client->response.status == 200)
		return row->allowed == NULL ? 'y' : 'x';
	if (error_disagrees(body, false, "UnauthorizedOperation", NULL) == NULL)
		return client->response.status == 403 ? 'd' : 'x';
	if (error_disagrees(body, false, "ResourceNotFound", hidden) == NULL)
		return client->response.status == 404 ? 'n' : 'x';
	if (error_disagrees(body, false, "ResourceAlreadyExist", NULL) == NULL)
		return client->response.status == 409 ? 'e' : 'x';
	if (error_disagrees(body, false, "MissingAccessKeyId", NULL) == NULL)
		return 's';
	if (error_disagrees(body, false, "MissingParameter", NULL) == NULL)
		return 'm';
	return row->allowed != NULL && error_disagrees(body, false, row->allowed, NULL) == NULL ? 'y' :
												 '?';
}

static const struct tally_action *action_of(const struct row *row)
{
	struct tally_bytes name = tally_bytes_str(row->action);
	const struct tally_action *action = tally_action_find(FAMILY_LEDGERDB, name);

	return action != NULL ? action : tally_action_find(FAMILY_ADMIN, name);
}

static void check_row(const struct row *row, bool public, const char *expected)
{
	const struct tally_action *action = action_of(row);
	char ledger[TALLY_LEDGER_ID_SIZE + 1] = "", writer[TALLY_MEMBER_ID_SIZE + 1];
	bool kv = strncmp(row->action, "Kv", 2) == 0;
	int who;

	REQUIRE(action != NULL);
	REQUIRE(strlen(expected) == CALLERS);
	for (who = 0; who < CALLERS; who++) {
		struct client client = { 0 };
		char got;

		if (ledger[0] == '\0' || action->kind == ACTION_WRITE)
			REQUIRE(new_ledger(kv, public, ledger, writer));
		ask(&client, action, row, (enum who)who, ledger, writer);
		got = letter_of(&client, row, ledger);
		CASE("%s%s by %s: %.*s", row->action, row->params, who_names[who],
		     (int)client.response.body.size, (const char *)client.response.body.data);
		if (expected[who] == '?')
			CHECK(got != 'd' && got != 'n' && got != 's');
		else
			CHECK_STR(text("%c", got), text("%c", expected[who]));
	}
}

/* ---- the tests ---- */

static void every_action_has_a_row(void)
{
	for (size_t i = 0; tally_actions[i] != NULL; i++) {
		size_t k = 0;

		while (k < ROWS && strcmp(rows[k].action, tally_actions[i]->name) != 0)
			k++;
		CASE("%s", tally_actions[i]->name);
		CHECK(k < ROWS);
	}
}

static void everyone_and_everything(void)
{
	for (size_t i = 0; i < ROWS; i++) {
		check_row(&rows[i], false, rows[i].expected);
		tally_arena_reset(&world.arena);
	}
}

/* Who its members are and how it is reached, a public ledger tells its members only. */
static bool is_public(const struct row *row)
{
	static const char *const private[] = { "GetAccessAttribute", "GetIpWhiteList", "GetMember",
					       "ListMembers", "ListVpcEndpoints" };

	for (size_t i = 0; i < sizeof(private) / sizeof(*private); i++)
		if (strcmp(row->action, private[i]) == 0)
			return false;
	return strcmp(row->expected, ONLY_READERS) == 0 && action_of(row)->kind == ACTION_READ;
}

/* Of a public ledger everyone reads what is public, and is told that it is there. */
static void in_a_public_ledger(void)
{
	static const char everyone[] = "yyyyyyyyyyy";

	for (size_t i = 0; i < ROWS; i++) {
		const struct tally_action *action = action_of(&rows[i]);
		const char *expected = rows[i].expected;
		char shown[CALLERS + 1];

		if (action->family == FAMILY_ADMIN || !wants_ledger(action))
			continue;
		for (size_t k = 0; k <= CALLERS; k++)
			shown[k] = expected[k] == 'n' ? 'd' : expected[k];
		check_row(&rows[i], true, is_public(&rows[i]) ? everyone : shown);
		tally_arena_reset(&world.arena);
	}
}

int main(void)
{
	if (!begin()) {
		printf("Bail out! %s\n", err.text);
		return 99;
	}
	TEST(every_action_has_a_row);
	TEST(everyone_and_everything);
	TEST(in_a_public_ledger);
	world_close();
	return tap_done();
}
