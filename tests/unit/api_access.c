/*
 * From where a ledger is reached, how often it may be asked, and how clients write their requests, through
 * the whole service over a real core on the mem driver. The clock by which callers are throttled is the
 * test's own.
 */
#include "config.h"

#include <stdlib.h>

#include "api_world.h"
#include "listeners.h"
#include "mem.h"
#include "ram.h"
#include "reply_check.h"
#include "throttle.h"

#define SECOND 1000000000ull

static uint64_t now_ns;
static bool clock_stands;		/* else no bucket is ever empty */
static unsigned int nonce;

static uint64_t test_clock(void)
{
	return now_ns;
}

static const struct tally_action *action_of(const char *name)
{
	return tally_action_find(FAMILY_LEDGERDB, tally_bytes_str(name));
}

/* As the owner, from somewhere. */
static void ask(struct client *client, const char *params)
{
	client->service = world.service;
	client->arena = &world.arena;
	client->nonce = nonce;
	if (!clock_stands)
		now_ns += 10 * SECOND;
	client_ask(client, params);
	nonce = client->nonce + 1;
}

static struct client owner_from(const char *address, const char *listener)
{
	return (struct client){ .key = world.owner.key_id, .secret = world.owner.secret,
				.from = address, .listener = listener };
}

static void owner_does(const char *params)
{
	struct client client = owner_from("127.0.0.1", NULL);

	ask(&client, params);
	CHECK_INT(client.response.status, 200);
	if (client.response.status != 200)
		FAIL("%.*s", (int)client.response.body.size,
		     (const char *)client.response.body.data);
}

/* ---- from where ---- */

static void check_status(const char *params, const char *address, const char *listener, int status,
			 const char *code)
{
	for (int xml = 0; xml < 2; xml++) {
		struct client client = owner_from(address, listener);

		CASE("%.50s from %s by %s", params, address, listener != NULL ? listener : "-");
		client.xml = xml != 0;
		ask(&client, params);
		CHECK_INT(client.response.status, status);
		if (code != NULL)
			CHECK_STR(error_disagrees(client.response.body, xml != 0, code, NULL), NULL);
	}
}

/* Every action on a ledger asks for it, whatever it does. */
static void every_action_is_held(void)
{
	char ledger[TALLY_LEDGER_ID_SIZE + 1];
	uint64_t held = 0;

	REQUIRE(world_ledger("held", true, ledger));
	owner_does(text("Action=ModifyIpWhiteList&ModifyType=Cover&IpList=127.0.0.0/8&LedgerId=%s",
			ledger));
	for (size_t i = 0; tally_actions[i] != NULL; i++) {
		const struct tally_action *action = tally_actions[i];
		const char *params = text("Action=%s&LedgerId=%s", action->name, ledger);
		struct client client = owner_from("203.0.113.9", NULL);

		if (action->family != FAMILY_LEDGERDB || action->params[0].name == NULL ||
		    strcmp(action->params[0].name, "LedgerId") != 0)
			continue;
		for (const struct tally_param *row = action->params + 1; row->name != NULL; row++)
			if (row->required && row->type != PARAM_BODY)
				params = text("%s&%s=%s", params, row->name, row->example);
		CASE("%s", action->name);
		client.post = (action->methods & METHOD_GET) == 0;
		ask(&client, params);
		if (client.response.status == 400)
			continue;	/* what the rows cannot say is told first */
		CHECK_INT(client.response.status, 403);
		CHECK_STR(error_disagrees(client.response.body, false, "UnauthorizedOperation",
					  "You are not authorized to perform this operation. The ledger "
					  "is not reached from the address of this request."), NULL);
		held++;
	}
	CHECK(held >= 25);
	owner_does(text("Action=ModifyIpWhiteList&ModifyType=Append&IpList=203.0.113.0/24&LedgerId=%s",
			ledger));
	check_status(text("Action=DescribeLedger&LedgerId=%s", ledger), "203.0.113.9", NULL, 200, NULL);
	check_status(text("Action=DescribeLedger&LedgerId=%s", ledger), "::ffff:203.0.113.9", NULL, 200,
		     NULL);
	check_status(text("Action=DescribeLedger&LedgerId=%s", ledger), "203.0.114.9", NULL, 403,
		     "UnauthorizedOperation");
	check_status(text("Action=DescribeLedger&LedgerId=%s", ledger), "not an address", NULL, 403,
		     "UnauthorizedOperation");
}

/* A policy of the key comes first; who it lets through must ask from the right place as well. */
static void policies_hold_beside(void)
{
	static const struct {
		const char *action, *address;
		int status;
		const char *code;
	} cases[] = {
		{ "KvList", "203.0.113.9", 403, "UnauthorizedOperation" },
		{ "KvList", "127.0.0.1", 200, NULL },
		{ "DeleteLedger", "203.0.113.9", 403, "Forbidden.RAM" },
		{ "DeleteLedger", "127.0.0.1", 403, "Forbidden.RAM" },
	};
	struct tally_write write = { .caller = { .account = world.owner.account } };
	struct tally_write administration = { .caller = { .local = true } };
	struct tally_ledger_create create = { .name = TALLY_BYTES_LIT("policy"), .type = LEDGER_KV };
	struct tally_ledger_created created;
	struct tally_first_key key;

	CHECK_OK(tally_ledger_create(world.core, &write, &create, &created, &err));
	CHECK_OK(tally_key_create_limited(world.core, &administration, world.owner.account,
					  tally_bytes_str(tally_ram_read_only), &key, &err));
	owner_does(text("Action=ModifyIpWhiteList&ModifyType=Cover&IpList=127.0.0.1&LedgerId=%s",
			created.ledger_id));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct client client = { .key = key.key_id, .secret = key.secret,
					 .from = cases[i].address };

		CASE("%s from %s", cases[i].action, cases[i].address);
		ask(&client, text("Action=%s&LedgerId=%s", cases[i].action, created.ledger_id));
		CHECK_INT(client.response.status, cases[i].status);
		if (cases[i].code != NULL)
			CHECK_STR(error_disagrees(client.response.body, false, cases[i].code, NULL),
				  NULL);
	}
}

/* Local administration is not locked out by any list. */
static void administration_gets_in(void)
{
	char ledger[TALLY_LEDGER_ID_SIZE + 1];
	struct client local = { .local = true, .from = "" };
	struct client key = owner_from("", NULL);

	REQUIRE(world_ledger("locked", false, ledger));
	owner_does(text("Action=ModifyIpWhiteList&ModifyType=Cover&IpList=192.0.2.1&LedgerId=%s", ledger));
	check_status(text("Action=GetIpWhiteList&LedgerId=%s", ledger), "127.0.0.1", NULL, 403, NULL);
	ask(&local, text("Action=GetIpWhiteList&LedgerId=%s", ledger));
	CHECK_INT(local.response.status, 200);
	key.local = true;	/* signed, over the store's own socket */
	ask(&key, text("Action=GetIpWhiteList&LedgerId=%s", ledger));
	CHECK_INT(key.response.status, 200);
	ask(&local, text("Action=ModifyIpWhiteList&ModifyType=Cover&IpList=0.0.0.0/0,::/0&LedgerId=%s",
			 ledger));
	CHECK_INT(local.response.status, 200);
	check_status(text("Action=GetIpWhiteList&LedgerId=%s", ledger), "127.0.0.1", NULL, 200, NULL);
}

static void open_access_off(void)
{
	char ledger[TALLY_LEDGER_ID_SIZE + 1];
	const char *read;
	struct client client;

	REQUIRE(world_ledger("closed", true, ledger));
	read = text("Action=DescribeLedger&LedgerId=%s", ledger);
	owner_does(text("Action=ModifyAccessAttribute&EnableOpenAccess=false&LedgerId=%s", ledger));
	check_status(read, "203.0.113.9", NULL, 403, "UnauthorizedOperation");
	check_status(read, "127.0.0.1", NULL, 200, NULL);
	check_status(read, "::1", NULL, 200, NULL);
	check_status(read, "", NULL, 200, NULL);
	check_status(read, "unix:", NULL, 200, NULL);
	/* who does not sign is told too, for the ledger is public */
	client = (struct client){ .from = "203.0.113.9" };
	ask(&client, read);
	CHECK_INT(client.response.status, 403);
	/* a proxy on this host that nobody trusts: anybody may be behind it */
	client = owner_from("127.0.0.1", NULL);
	client.forwarded = "127.0.0.1";
	ask(&client, read);
	CHECK_INT(client.response.status, 403);
	client = owner_from("127.0.0.1", NULL);
	ask(&client, text("Action=GetAccessAttribute&LedgerId=%s", ledger));
	CHECK_STR(reply_text(action_of("GetAccessAttribute"), client.response.body, false,
			     "EnableOpenAccess"), "false");
	CHECK_STR(reply_text(action_of("GetAccessAttribute"), client.response.body, false, "OpenUri"),
		  "");
	/* the listing of ledgers leaves it out there */
	for (int near = 0; near < 2; near++) {
		client = owner_from(near ? "127.0.0.1" : "203.0.113.9", NULL);
		ask(&client, "Action=DescribeLedgers&MaxResults=100");
		CHECK_INT(strstr(tally_arena_str(&world.arena, client.response.body), ledger) != NULL,
			  near);
	}
}

/* ---- endpoints ---- */

static const char *endpoint_of(const char *ledger, const char *vswitch, const char *token)
{
	struct client client = owner_from("127.0.0.1", NULL);

	ask(&client, text("Action=CreateVpcEndpoint&VpcId=vpc-a&VSwitchId=%s&ClientToken=%s&LedgerId=%s",
			  vswitch, token, ledger));
	CHECK_INT(client.response.status, 200);
	return text("%s", reply_text(action_of("CreateVpcEndpoint"), client.response.body, false,
				     "VpcEndpointId"));
}

static void endpoints(void)
{
	char ledger[TALLY_LEDGER_ID_SIZE + 1];
	const char *read, *id;
	struct client client;

	REQUIRE(world_ledger("private way", false, ledger));
	read = text("Action=DescribeLedger&LedgerId=%s", ledger);
	check_status(read, "10.0.0.1", "vpc-a/vsw-1", 404, "ResourceNotFound");
	id = endpoint_of(ledger, "vsw-1", "one");
	CHECK_INT(strlen(id), 14 + strlen(".ledger.test"));
	CHECK_STR(strchr(id, '.'), ".ledger.test");
	CHECK_STR(endpoint_of(ledger, "vsw-1", "one"), id);
	check_status(text("Action=CreateVpcEndpoint&VpcId=vpc-a&VSwitchId=vsw-1&LedgerId=%s", ledger),
		     "127.0.0.1", NULL, 409, "ResourceAlreadyExist");
	owner_does(text("Action=ModifyAccessAttribute&EnableOpenAccess=false&LedgerId=%s", ledger));
	check_status(read, "10.0.0.1", "vpc-a/vsw-1", 200, NULL);
	check_status(read, "10.0.0.1", "vpc-a/vsw-2", 404, "ResourceNotFound");
	check_status(read, "10.0.0.1", NULL, 403, "UnauthorizedOperation");
	endpoint_of(ledger, "vsw-2", "two");
	client = owner_from("127.0.0.1", NULL);
	ask(&client, text("Action=ListVpcEndpoints&MaxResults=1&LedgerId=%s", ledger));
	CHECK_STR(reply_disagrees(action_of("ListVpcEndpoints"), client.response.body, false, false),
		  NULL);
	CHECK_STR(reply_text(action_of("ListVpcEndpoints"), client.response.body, false,
			     "VpcEndpoints/0/VpcEndpointId"), id);
	CHECK_STR(reply_text(action_of("ListVpcEndpoints"), client.response.body, false,
			     "VpcEndpoints/0/Status"), "READY");
	CHECK_STR(reply_text(action_of("ListVpcEndpoints"), client.response.body, false,
			     "VpcEndpoints/0/Address"), "192.0.2.5:8443");
	ask(&client, text("Action=ListVpcEndpoints&MaxResults=1&LedgerId=%s&NextToken=%s", ledger,
			  reply_text(action_of("ListVpcEndpoints"), client.response.body, false,
				     "NextToken")));
	CHECK_STR(reply_text(action_of("ListVpcEndpoints"), client.response.body, false,
			     "VpcEndpoints/0/VSwitchId"), "vsw-2");
	CHECK_STR(reply_text(action_of("ListVpcEndpoints"), client.response.body, false, "NextToken"),
		  "");
	check_status(text("Action=DeleteVpcEndpoint&VpcId=vpc-a&VSwitchId=vsw-2&VpcEndpointId=%s"
			  "&LedgerId=%s", id, ledger), "127.0.0.1", NULL, 404, "ResourceNotFound");
	owner_does(text("Action=DeleteVpcEndpoint&VpcId=vpc-a&VSwitchId=vsw-1&VpcEndpointId=%s"
			"&LedgerId=%s", id, ledger));
	check_status(read, "10.0.0.1", "vpc-a/vsw-1", 404, "ResourceNotFound");
}

/* ---- the log as files ---- */

static int log_status(const char *ledger, const char *address, const char *listener,
		      const char **cache_r)
{
	struct client client = { .service = world.service, .arena = &world.arena, .from = address,
				 .listener = listener,
				 .path = text("/log/%s/tile/0/000.p/1", ledger) };

	client_raw(&client, "GET", TALLY_BYTES_NONE, NULL, TALLY_BYTES_NONE);
	*cache_r = client_header(&client, "Cache-Control");
	return client.response.status;
}

/* A public ledger that is not reached from everywhere is not for caches. */
static void log_files_are_held_too(void)
{
	char ledger[TALLY_LEDGER_ID_SIZE + 1];
	const char *cache;

	REQUIRE(world_ledger("log", true, ledger));
	CHECK_INT(log_status(ledger, "203.0.113.9", NULL, &cache), 200);
	CHECK(strncmp(cache, "public", 6) == 0);
	CHECK_INT(log_status(ledger, "203.0.113.9", "vpc-a/vsw-1", &cache), 404);
	owner_does(text("Action=ModifyIpWhiteList&ModifyType=Cover&IpList=203.0.113.9,127.0.0.1"
			"&LedgerId=%s", ledger));
	CHECK_INT(log_status(ledger, "203.0.113.10", NULL, &cache), 404);
	CHECK_INT(log_status(ledger, "203.0.113.9", NULL, &cache), 200);
	CHECK_STR(cache, "private, no-store");
	owner_does(text("Action=ModifyIpWhiteList&ModifyType=Cover&IpList=0.0.0.0/0,::/0&LedgerId=%s",
			ledger));
	CHECK_INT(log_status(ledger, "203.0.113.10", NULL, &cache), 200);
	CHECK(strncmp(cache, "public", 6) == 0);
	owner_does(text("Action=ModifyAccessAttribute&EnableOpenAccess=false&LedgerId=%s", ledger));
	CHECK_INT(log_status(ledger, "203.0.113.9", NULL, &cache), 404);
	CHECK_INT(log_status(ledger, "127.0.0.1", NULL, &cache), 200);
	CHECK_STR(cache, "private, no-store");
}

/* ---- the key store ---- */

static int update_key(const char *ledger, const char *member, const char *params)
{
	struct client client = owner_from("127.0.0.1", NULL);

	ask(&client, text("Action=UpdateMemberKeyByKMS&LedgerId=%s&MemberId=%s%s", ledger, member,
			  params));
	return client.response.status;
}

static void keys_of_the_key_store(void)
{
	char ledger[TALLY_LEDGER_ID_SIZE + 1];
	const char *member;
	struct client client = owner_from("127.0.0.1", NULL);

	REQUIRE(world_ledger("kms", false, ledger));
	ask(&client, text("Action=GetMember&LedgerId=%s", ledger));
	member = text("%s", reply_text(action_of("GetMember"), client.response.body, false, "MemberId"));
	CHECK_INT(update_key(ledger, member, "&KMSKeyId=till-7"), 403);
	owner_does(text("Action=GrantServiceLinkedRole&LedgerId=%s", ledger));
	CHECK_INT(update_key(ledger, member, "&KMSKeyId=till-8"), 404);
	CHECK_INT(update_key(ledger, member, "&KMSKeyId=till-7&KMSKeyVersion=3"), 404);
	CHECK_INT(update_key(ledger, member, "&KMSKeyId=till-7&KeyType=SM2"), 400);
	CHECK_INT(update_key(ledger, member, "&KMSKeyId=broken"), 400);
	CHECK_INT(update_key(ledger, member, "&KMSKeyId=till-7&KeyType=SECP256K1"), 200);
	ask(&client, text("Action=GetMember&LedgerId=%s", ledger));
	CHECK_STR(reply_disagrees(action_of("GetMember"), client.response.body, false, false), NULL);
	CHECK_STR(reply_text(action_of("GetMember"), client.response.body, false, "KeySource"), "KMS");
	CHECK_STR(reply_text(action_of("GetMember"), client.response.body, false, "KMSKeyId"),
		  "till-7");
	CHECK_STR(reply_text(action_of("GetMember"), client.response.body, false, "KeyType"),
		  "SECP256K1");
	CHECK_STR(reply_text(action_of("GetMember"), client.response.body, false, "PublicKey"),
		  "0464732fc4d54535ef9b74f541cb2f2733556faa08ecb47fb49386beaf7193a60b9bbc33be6bfff3ea5d"
		  "fa086239c986243047563cd1b8a86368e96a57d6800903");
	CHECK_INT(update_key(ledger, member, "&KMSKeyId=till-7&KMSKeyVersion=2"), 200);
	ask(&client, text("Action=GetMember&LedgerId=%s", ledger));
	CHECK_STR(reply_text(action_of("GetMember"), client.response.body, false, "KeyType"),
		  "ED25519");
	CHECK_STR(reply_text(action_of("GetMember"), client.response.body, false, "KMSKeyVersion"), "2");
}

#ifdef TALLY_PKCS11
static bool body_has(const struct client *client, const char *word)
{
	return memmem(client->response.body.data, client->response.body.size, word, strlen(word)) != NULL;
}
#endif

/* What is wrong with a module is for the operator's log. */
static void a_module_that_fails(void)
{
#ifdef TALLY_PKCS11
	char ledger[TALLY_LEDGER_ID_SIZE + 1];
	struct client client = owner_from("127.0.0.1", NULL);
	const char *member;

	REQUIRE(world_ledger("pkcs11", false, ledger));
	ask(&client, text("Action=GetMember&LedgerId=%s", ledger));
	member = text("%s", reply_text(action_of("GetMember"), client.response.body, false, "MemberId"));
	owner_does(text("Action=GrantServiceLinkedRole&LedgerId=%s", ledger));
	ask(&client, text("Action=UpdateMemberKeyByKMS&LedgerId=%s&MemberId=%s&KMSKeyId=pkcs11:object=o",
			  ledger, member));
	CHECK_INT(client.response.status, 503);
	CHECK(body_has(&client, "\"ServiceUnavailable\""));
	CHECK(!body_has(&client, "nowhere"));
	ask(&client, text("Action=GetMember&LedgerId=%s", ledger));
	CHECK_STR(reply_text(action_of("GetMember"), client.response.body, false, "PublicKey"), "");
#else
	SKIP("this build reads no PKCS#11 URIs");
#endif
}

/* ---- throttling ---- */

/* How many of `count` requests at this time are answered; the refused ones say how long to wait. */
static unsigned int pass(struct client *client, const char *params, unsigned int count)
{
	unsigned int passed = 0;

	for (unsigned int i = 0; i < count; i++) {
		ask(client, params);
		passed += client->response.status == 200;
		if (client->response.status == 200)
			continue;
		CHECK_INT(client->response.status, 400);
		CHECK_STR(error_disagrees(client->response.body, client->xml, "Throttling.User",
					  "Request was denied due to user flow control."), NULL);
	}
	return passed;
}

static void buckets_are_counted(void)
{
	struct client owner = owner_from("203.0.113.9", NULL), stranger = owner, local = owner;
	const char *read = text("Action=DescribeLedger&LedgerId=%s", world.public);

	stranger.key = world.stranger.key_id;
	stranger.secret = world.stranger.secret;
	local.local = true;
	clock_stands = true;
	now_ns += 3600 * SECOND;
	/* DescribeLedger=2:5: five at once, then two a second */
	CHECK_INT(pass(&owner, read, 9), 5);
	CHECK_STR(client_header(&owner, "Retry-After"), "1");
	CHECK_STR(client_header(&owner, "x-ratelimit-user-api"),
		  "Limit:2,Remain:0,TimeLeft:500,Reset:2500");
	now_ns += SECOND / 2 - 1;
	CHECK_INT(pass(&owner, read, 1), 0);
	CHECK_STR(client_header(&owner, "x-ratelimit-user-api"),
		  "Limit:2,Remain:0,TimeLeft:1,Reset:2001");
	now_ns += 1;
	CHECK_INT(pass(&owner, read, 3), 1);
	now_ns += 2 * SECOND;
	CHECK_INT(pass(&owner, read, 9), 4);
	now_ns += 3600 * SECOND;
	CHECK_INT(pass(&owner, read, 9), 5);
	/* another account, another action, and local administration have buckets of their own, or none */
	CHECK_INT(pass(&stranger, read, 9), 5);
	CHECK_INT(pass(&owner, text("Action=GetJournal&JournalId=0&LedgerId=%s", world.public), 9), 9);
	CHECK_INT(pass(&local, read, 9), 9);
	/* StatLedger=0: any number, though others are bounded by 20 a second */
	CHECK_INT(pass(&owner, text("Action=StatLedger&LedgerId=%s", world.public), 50), 50);
	now_ns += SECOND;
	CHECK_INT(pass(&owner, text("Action=ListJournals&LedgerId=%s", world.public), 50), 20);
	/* a refused write is not done */
	now_ns += SECOND;
	owner.xml = true;
	CHECK_INT(pass(&owner, text("Action=AppendJournal&Payload=x&LedgerId=%s", world.public), 30), 20);
	CHECK_STR(client_header(&owner, "Retry-After"), "1");
}

/* Who does not sign is counted by address, of IPv6 by its network. */
static void unsigned_callers_have_buckets(void)
{
	struct client one = { .from = "198.51.100.1" }, two = { .from = "198.51.100.2" };
	struct client six = { .from = "2001:db8:0:1::1" }, seven = { .from = "2001:db8:0:1:ffff::2" };
	struct client eight = { .from = "2001:db8:0:2::1" };
	const char *read = text("Action=DescribeLedger&LedgerId=%s", world.public);
	const char *cache;
	unsigned int passed = 0;

	now_ns += 3600 * SECOND;
	CHECK_INT(pass(&one, read, 9), 5);
	CHECK_INT(pass(&two, read, 9), 5);
	CHECK_INT(pass(&six, read, 9), 5);
	CHECK_INT(pass(&seven, read, 9), 0);
	CHECK_INT(pass(&eight, read, 9), 5);
	/* log files are counted too, all of them as one action */
	for (unsigned int i = 0; i < 30; i++)
		passed += log_status(world.public, "198.51.100.1", NULL, &cache) == 200;
	CHECK_INT(passed, 20);
	clock_stands = false;
}

static struct tally_throttle *new_throttle(uint64_t rate, uint64_t burst, const char *actions)
{
	struct tally_throttle_settings settings = { rate, burst, actions };
	struct tally_throttle *throttle = NULL;

	CHECK_OK(tally_throttle_new(&settings, &throttle, &err));
	return throttle;
}

/* Against a model in floating point, at random times and rates. */
static void a_bucket_is_a_bucket(void)
{
	const char *given = getenv("TALLY_TEST_SEED");
	unsigned int seed = given != NULL ? (unsigned int)atoi(given) : 20261126;
	struct tally_throttle_caller caller = { .account = 7 };
	struct tally_throttle_state state;

	printf("# seed %u\n", seed);
	srand(seed);
	for (unsigned int round = 0; round < 50; round++) {
		uint64_t rate = (uint64_t)rand() % 1000 + 1, burst = (uint64_t)rand() % 50 + 1;
		struct tally_throttle *throttle = new_throttle(rate, burst, NULL);
		uint64_t now = SECOND, step = SECOND / rate;
		double tokens = (double)burst;

		for (unsigned int i = 0; i < 400; i++) {
			uint64_t passed = (uint64_t)rand() % (2 * step);
			bool may;

			now += passed;
			tokens += (double)passed / (double)step;
			if (tokens > (double)burst)
				tokens = (double)burst;
			may = tally_throttle_take(throttle, &caller, NULL, now, &state);
			if (tokens > 1 - 1e-6 && tokens < 1 + 1e-6) {	/* too near to tell */
				tokens = may ? 0 : tokens;
				continue;
			}
			CASE("rate %llu, burst %llu, request %u", (unsigned long long)rate,
			     (unsigned long long)burst, i);
			CHECK_INT(may, tokens >= 1);
			tokens -= may;
			CHECK_INT(state.wait_ms > 0, !may);
		}
		tally_throttle_free(&throttle);
	}
}

static void wrong_throttles(void)
{
	static const struct {
		uint64_t rate, burst;
		const char *actions, *about;
	} cases[] = {
		{ 1000001, 0, NULL, "throttle.rate" }, { 1, 1000001, NULL, "throttle.rate" },
		{ 1, 0, "Nonsense=1", "throttle.actions" }, { 1, 0, "KvGet", "throttle.actions" },
		{ 1, 0, "KvGet=", "throttle.actions" }, { 1, 0, "KvGet=x", "throttle.actions" },
		{ 1, 0, "KvGet=-1", "throttle.actions" }, { 1, 0, "KvGet=1:", "throttle.actions" },
		{ 1, 0, "KvGet=1:x", "throttle.actions" }, { 1, 0, "KvGet=1 KvGet=2", "throttle.actions" },
		{ 1, 0, "KvGet=1000001", "throttle.actions" }, { 1, 0, "=1", "throttle.actions" },
		{ 1, 0, "CreateAccount=1", "throttle.actions" },
		{ 1, 0, "ShowDID=1 ShowDID=2", "throttle.actions" }, { 1, 0, "ShowDIDs=1", "throttle.actions" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tally_throttle_settings settings = { cases[i].rate, cases[i].burst,
							    cases[i].actions };
		struct tally_throttle *throttle = NULL;

		CASE("%s", cases[i].actions != NULL ? cases[i].actions : "rate");
		CHECK_FAILS(tally_throttle_new(&settings, &throttle, &err), TALLY_INVALID);
		CHECK_STR(err.subject, cases[i].about);
	}
}

static void wrong_settings(void)
{
	static const struct {
		const char *section, *key, *value;
	} cases[] = {
		{ "access", "endpoint_domain", "" }, { "access", "endpoint_domain", "a b" },
		{ "access", "endpoint_domain", ".a" },
		{ "access", "listeners", "vpc=1.2.3.4:1" }, { "access", "listeners", "a/b" },
		{ "access", "listeners", "a/b=1.2.3.4" }, { "access", "listeners", "a/b=1.2.3.4:0" },
		{ "access", "listeners", "a/b=1.2.3.4:65536" }, { "access", "listeners", "a/b=host:1" },
		{ "access", "listeners", "a/b=::1:80" }, { "access", "listeners", "a/b=[1.2.3.4]:80" },
		{ "access", "listeners", "a/b=1.2.3.4:1 a/b=1.2.3.4:2" },
#ifdef TALLY_PKCS11
		{ "access", "pkcs11_modules", "softhsm2.so" },
#endif
		{ "throttle", "rate", "many" }, { "throttle", "actions", "x" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tally_conf *conf = tally_conf_new();
		struct tally_service *service;

		CASE("%s.%s = %s", cases[i].section, cases[i].key, cases[i].value);
		tally_conf_override(conf, cases[i].section, cases[i].key, cases[i].value);
		CHECK_FAILS(tally_service_new(world.core, conf, &service, &err), TALLY_INVALID);
		tally_conf_free(&conf);
	}
}

static void listeners_are_read(void)
{
	struct tally_listener *list;
	size_t count;

	CHECK_OK(tally_listeners_parse(" vpc-a/vsw-1=192.0.2.5:8443\tv/w=[2001:db8::5]:443 ",
				       &world.arena, &list, &count, &err));
	REQUIRE(count == 2);
	CHECK_STR(list[0].name, "vpc-a/vsw-1");
	CHECK_STR(list[0].address, "192.0.2.5");
	CHECK_INT(list[0].port, 8443);
	CHECK_STR(list[1].address, "[2001:db8::5]");
	CHECK(tally_listener_find(list, count, TALLY_BYTES_LIT("v/w")) == &list[1]);
	CHECK(tally_listener_find(list, count, TALLY_BYTES_LIT("v")) == NULL);
	CHECK_OK(tally_listeners_parse(NULL, &world.arena, &list, &count, &err));
	CHECK_INT(count, 0);
}

/* ---- how clients write requests ---- */

/* A read and a write, however they are sent. */
static void every_way_of_asking(void)
{
	static const char *const extras[] = {
		"&SignatureType=",			/* the first Go and Python libraries */
		"&SignatureType=&RegionId=cn-hangzhou", "&Format=json", "&Format=JSON", "&Format=jSoN",
		"&ResourceOwnerAccount=me&Unknown=%E8%B4%A6", "&SignatureMethod=Hmac-SHA1"
	};
	static const char *const calls[] = {
		"Action=ListJournals&Reverse=True&MaxResults=2", "Action=ListJournals&Reverse=FALSE",
		"Action=AppendJournal&Payload=a+b%2Bc%20d%7E*~", "Action=DescribeRegions",
	};

	for (size_t i = 0; i < sizeof(extras) / sizeof(*extras); i++)
		for (size_t k = 0; k < sizeof(calls) / sizeof(*calls); k++)
			for (int post = 0; post < 2; post++) {
				struct client client = owner_from("127.0.0.1", NULL);

				CASE("%s%s by %s", calls[k], extras[i], post ? "POST" : "GET");
				client.post = post != 0;
				ask(&client, text("%s&LedgerId=%s%s", calls[k], world.public, extras[i]));
				CHECK_INT(client.response.status, 200);
				CHECK(client.response.body.data[0] == '{');
			}
}

/* '+' is a space wherever it stands, and %2B is a plus. */
static void plus_signs(void)
{
	for (int post = 0; post < 2; post++) {
		struct client client = owner_from("127.0.0.1", NULL);
		const char *id;

		client.post = post != 0;
		ask(&client, text("Action=AppendJournal&Payload=a+b%%2Bc%%20d&Clues.1=x+y&LedgerId=%s",
				  world.public));
		id = text("%s", reply_text(action_of("AppendJournal"), client.response.body, false,
					   "JournalId"));
		ask(&client, text("Action=GetJournal&JournalId=%s&LedgerId=%s", id, world.public));
		CHECK_STR(reply_text(action_of("GetJournal"), client.response.body, false,
				     "Journal/PayloadJsonString"), "a b+c d");
		CHECK_STR(reply_text(action_of("GetJournal"), client.response.body, false,
				     "Journal/Clues/0"), "x y");
	}
}

/* The signature in the query, the parameters in the body; and POST with nothing in the body. */
static void parameters_in_two_places(void)
{
	const char *query = text("Action=AppendJournal&LedgerId=%s&SignatureType=", world.public);
	const char *body = "Payload=in+the+body&Clues.1=c", *wire;
	struct client client = owner_from("127.0.0.1", NULL);
	struct tally_form all;
	struct tally_fault fault;
	struct tally_form form;
	char timestamp[21];

	now_ns += SECOND;
	client.service = world.service;
	client.arena = &world.arena;
	tally_time_format(tally_now_ms(), timestamp);
	REQUIRE(tally_form_parse(&world.arena, tally_bytes_str(query), TALLY_BYTES_NONE, &all,
				 &fault) == 0 &&
		tally_form_parse(&world.arena, tally_bytes_str(body), TALLY_BYTES_NONE, &form,
				 &fault) == 0);
	wire = (const char *)tally_rpc_signed_query(&world.arena, "POST", all.params, all.count,
						    form.params, form.count,
						    tally_bytes_str(client.key),
						    tally_bytes_str(client.secret), "two-places",
						    timestamp).data;
	client_raw(&client, "POST", tally_bytes_str(wire), CLIENT_FORM, tally_bytes_str(body));
	CHECK_INT(client.response.status, 200);
	/* reads by POST with an empty body, as the first Go library sends all of them */
	for (size_t i = 0; tally_actions[i] != NULL; i++)
		if (tally_actions[i]->family == FAMILY_LEDGERDB)
			CHECK((tally_actions[i]->methods & METHOD_POST) != 0);
}

static bool begin(void)
{
	if (!world_open())
		return false;
	tally_service_free(&world.service);
	tally_conf_override(world.conf, "access", "listeners",
			    "vpc-a/vsw-1=192.0.2.5:8443 vpc-a/vsw-2=[2001:db8::5]:8443");
	tally_conf_override(world.conf, "access", "endpoint_domain", "ledger.test");
	tally_conf_override(world.conf, "access", "key_store", TALLY_GOLDEN "/keys");
	tally_conf_override(world.conf, "access", "pkcs11_modules", "/nowhere/module.so");
	tally_conf_override(world.conf, "throttle", "rate", "20");
	tally_conf_override(world.conf, "throttle", "actions", "DescribeLedger=2:5 StatLedger=0");
	if (tally_service_new(world.core, world.conf, &world.service, &err) != 0)
		return false;
	tally_service_set_clock(world.service, test_clock);
	return true;
}

int main(void)
{
	if (!begin()) {
		printf("Bail out! %s\n", err.text);
		return 99;
	}
	TEST(every_action_is_held);
	TEST(policies_hold_beside);
	TEST(administration_gets_in);
	TEST(open_access_off);
	TEST(endpoints);
	TEST(log_files_are_held_too);
	TEST(keys_of_the_key_store);
	TEST(a_module_that_fails);
	TEST(buckets_are_counted);
	TEST(unsigned_callers_have_buckets);
	TEST(a_bucket_is_a_bucket);
	TEST(wrong_throttles);
	TEST(wrong_settings);
	TEST(listeners_are_read);
	TEST(every_way_of_asking);
	TEST(plus_signs);
	TEST(parameters_in_two_places);
	world_close();
	return tap_done();
}
