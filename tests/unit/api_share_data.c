/*
 * Data sets, orders and processes of the data-sharing family as their callers see them: the whole way of
 * data from a provider to a consumer, what everybody else may not and no state allows, pages and
 * searches, and what stands on the ledger of it.
 */
#include "config.h"

#include <stdlib.h>

#include "audit.h"
#include "envelope.h"
#include "mem.h"
#include "secret.h"
#include "share_world.h"

#define DATASET "/v1/datashare/dataset"
#define ORDER "/v1/datashare/dataset/order"

#define PLAIN "hello, here is the data"
#define PLAIN64 "aGVsbG8sIGhlcmUgaXMgdGhlIGRhdGE="

/* %A, %B and %C are the DIDs of Alice, Bob and Carol. */
static const char *fill_in(const char *words)
{
	const char *at = strchr(words, '%');
	const char *did;

	if (at == NULL)
		return words;
	did = at[1] == 'A' ? share.alice.did : at[1] == 'B' ? share.bob.did : share.carol.did;
	return fill_in(text("%.*s%s%s", (int)(at - words), words, did, at + 2));
}

static void ask(const struct person *who, const char *method, const char *path, const char *words)
{
	share_ask(who, method, path, fill_in(words));
}

static void good(const struct person *who, const char *method, const char *path, const char *words)
{
	ask(who, method, path, words);
	share_ok();
}

static void everybody_registers(void)
{
	share_register(&share.alice);
	share_register(&share.bob);
	share_register(&share.carol);
}

/* ---- the whole way ---- */

static const char *ciphertext;

static void publish(const char *product)
{
	good(&share.alice, "POST", DATASET,
	     text("provider=%%A|providerName=Alice|productName=weather of %s|productID=%s|sampleUrl=http://s|"
		  "dataUrl=http://d|description=every hour|plainData=" PLAIN64, product, product));
}

static void published(void)
{
	struct tally_bytes sealed;

	publish("p1");
	CHECK_STR(share_reply("provider"), share.alice.did);
	CHECK_STR(share_reply("providerName"), "Alice");
	CHECK_STR(share_reply("productID"), "p1");
	CHECK_STR(share_reply("productName"), "weather of p1");
	CHECK_STR(share_reply("status"), "ready");
	CHECK_STR(share_reply("category"), "symmetric");
	CHECK_STR(share_reply("price"), "0");
	CHECK_INT(strlen(share_reply("publishTime")), 10);
	CHECK_STR(share_reply("dataFiles"), "[ ]");
	CHECK_INT(strlen(share_reply("dataHash")), 64);
	CHECK_INT(strlen(share_reply("encryptedAesKey")), 168);	/* 126 bytes */
	ciphertext = share_reply("encryptData");
	REQUIRE(tally_base64_decode(&world.arena, tally_bytes_str(ciphertext), &sealed));
	CHECK_INT(sealed.size, sizeof(PLAIN) - 1 + 29);
	CHECK(memmem(sealed.data, sealed.size, "hello", 5) == NULL);
	good(&share.carol, "POST", "/v1/datashare/query-dataset", "provider=%A|productID=p1");
	CHECK_STR(share_reply("description"), "every hour");
	CHECK_STR(share_reply("encryptData"), NULL);
}

static void ordered(void)
{
	good(&share.bob, "POST", DATASET "/dataset-order",
	     "consumer=%B|orderSeq=1|provider=%A|productID=p1|reason=train a model|consumerName=Bob");
	CHECK_STR(share_reply("consumer"), share.bob.did);
	CHECK_STR(share_reply("consumerName"), "Bob");
	CHECK_STR(share_reply("status"), "request");
	CHECK_STR(share_reply("encryptedAesKey"), "");
	CHECK_STR(share_reply("productName"), "weather of p1");
	CHECK_STR(share_reply("providerName"), "Alice");
	CHECK_STR(share_reply("reason"), "train a model");
	CHECK_STR(share_reply("lockProof"), "");
	CHECK_STR(share_reply("creatorDID"), "");
	CHECK_STR(share_reply("processID"), "");
	CHECK_INT(strlen(share_reply("applyTime")), 10);
}

static void opened_too_early(void)
{
	ask(&share.bob, "POST", DATASET "/query-plaintext",
	    text("consumer=%%B|orderSeq=1|encryptData=%s", ciphertext));
	share_refused(share_state(), 500, "BCS.5002905");
}

static void authorised(void)
{
	good(&share.alice, "POST", DATASET "/authorize-dataset", "consumer=%B|orderSeq=1");
	CHECK_STR(share_reply("status"), "ready");
	CHECK_INT(strlen(share_reply("encryptedAesKey")), 168);
	CHECK_STR(share_reply("reason"), "train a model");
	CHECK_STR(share_reply("consumerName"), "Bob");
}

static void opened(void)
{
	good(&share.bob, "POST", DATASET "/query-plaintext",
	     text("consumer=%%B|orderSeq=1|encryptData=%s", ciphertext));
	CHECK_STR(share_reply("plaintext"), PLAIN64);
	CHECK_STR(share_reply("provider"), share.alice.did);
	CHECK_STR(share_reply("productID"), "p1");
}

/* Neither other bytes nor another order's key open it, and nobody else can ask. */
static void not_opened(void)
{
	uint64_t state;
	char *changed = tally_arena_str(&world.arena, tally_bytes_str(ciphertext));

	publish("p2");
	good(&share.bob, "POST", DATASET "/dataset-order",
	     "consumer=%B|orderSeq=2|provider=%A|productID=p2");
	good(&share.alice, "POST", DATASET "/authorize-dataset", "consumer=%B|orderSeq=2");
	state = share_state();
	ask(&share.bob, "POST", DATASET "/query-plaintext",
	    text("consumer=%%B|orderSeq=2|encryptData=%s", ciphertext));
	share_refused(state, 500, "BCS.5002914");
	changed[30] = changed[30] == 'A' ? 'B' : 'A';
	ask(&share.bob, "POST", DATASET "/query-plaintext",
	    text("consumer=%%B|orderSeq=1|encryptData=%s", changed));
	share_refused(state, 500, "BCS.5002914");
	ask(&share.bob, "POST", DATASET "/query-plaintext",
	    "consumer=%B|orderSeq=1|encryptData=AAAA");
	share_refused(state, 500, "BCS.5002914");
	ask(&share.bob, "POST", DATASET "/query-plaintext", "consumer=%B|orderSeq=1");
	share_refused(state, 500, "BCS.5002046");
	ask(&share.bob, "POST", DATASET "/query-plaintext", "consumer=%B|orderSeq=1|onChainStore=true");
	share_refused(state, 500, "BCS.5002902");
	ask(&share.carol, "POST", DATASET "/query-plaintext",
	    text("consumer=%%B|orderSeq=1|encryptData=%s", ciphertext));
	share_refused(state, 500, "BCS.5002904");
}

static void finished(void)
{
	good(&share.bob, "PUT", ORDER, "consumer=%B|orderSeq=1|orderStatus:=0|reason=thank you");
	CHECK_STR(share_reply("result"), "success");
	good(&share.carol, "POST", "/v1/datashare/dataset/query-order", "consumer=%B|orderSeq=1");
	CHECK_STR(share_reply("status"), "finished");
	CHECK_STR(share_reply("reason"), "thank you");
	CHECK_INT(strlen(share_reply("encryptedAesKey")), 168);
	opened();		/* a finished order still opens */
}

/* ---- in one step, on the ledger, in a process ---- */

static const char *process;

static void shared(void)
{
	good(&share.alice, "POST", DATASET "/share",
	     "provider=%A|productName=n|productID=s1|plainData=" PLAIN64 "|consumer=%B|consumerName=Bob|"
	     "onChainStore=true|action=new|stageName=transaction1|productIDKeywords:=[{\"k\":\"rain\"}]");
	CHECK_STR(share_reply("status"), "ready");
	CHECK_STR(share_reply("creatorDID"), share.alice.did);
	process = share_reply("processID");
	CHECK_INT(strlen(process), 36);
	CHECK(process[14] == '4');
	CHECK(strlen(share_reply("orderSeq")) >= 20);
	CHECK(share_reply("encryptData") != NULL);
	good(&share.bob, "POST", DATASET "/query-plaintext",
	     text("consumer=%%B|orderSeq=%s|onChainStore:=true", share_reply("orderSeq")));
	CHECK_STR(share_reply("plaintext"), PLAIN64);
	good(&share.bob, "POST", "/v1/datashare/query-dataset", "provider=%A|productID=s1");
	CHECK(strncmp(share_reply("dataUrl"), "ledger:l-", 9) == 0);
	CHECK_STR(share_reply("sampleUrl"), share_reply("dataUrl"));
}

static void passed_on(void)
{
	good(&share.bob, "POST", DATASET "/share",
	     text("provider=%%B|productName=n|productID=s2|plainData=|consumer=%%C|orderSeq=last|"
		  "sampleUrl=s|dataUrl=d|plainData=" PLAIN64 "|action=append|creatorDID=%%A|processID=%s|"
		  "stageName=transaction2", process));
	CHECK_STR(share_reply("orderSeq"), "last");
	CHECK_STR(share_reply("processID"), process);
	good(&share.carol, "POST", DATASET "/query-process", text("creatorDID=%%A|processID=%s", process));
	CHECK_STR(share_reply("creatorDID"), share.alice.did);
	CHECK_STR(share_reply("processID"), process);
	CHECK_STR(share_reply("stages.0.stageName"), "transaction1");
	CHECK_STR(share_reply("stages.0.consumer"), share.bob.did);
	CHECK_STR(share_reply("stages.1.stageName"), "transaction2");
	CHECK_STR(share_reply("stages.1.consumer"), share.carol.did);
	CHECK_STR(share_reply("stages.1.orderSeq"), "last");
	CHECK_INT(strlen(share_reply("stages.1.createTime")), 10);
	CHECK_STR(share_reply("stages.2.stageName"), NULL);
	good(&share.carol, "POST", DATASET "/query-processes", "creatorDID=%A");
	CHECK_STR(share_reply("items.0.processID"), process);
	CHECK_STR(share_reply("pagination.totalItems"), "1");
	good(&share.carol, "POST", DATASET "/query-processes", "creatorDID=%B|currentPage=1");
	CHECK_STR(share_reply("pagination.totalItems"), "0");
}

/* ---- who may not, and what no state allows ---- */

#define SHARE_WORDS "productName=n|plainData=" PLAIN64 "|sampleUrl=s|dataUrl=d"

static void forbidden_and_wrong_state(void)
{
	static const struct {
		const char *who, *method, *path, *words, *code;
	} cases[] = {
		/* data sets: of another provider, of none, in another state */
		{ "b", "POST", DATASET, "provider=%A|productID=x|" SHARE_WORDS, "BCS.5002904" },
		{ "a", "POST", DATASET, "provider=%A|productID=p1|" SHARE_WORDS, "BCS.5002903" },
		{ "a", "POST", DATASET, "provider=%A|productID=gone|" SHARE_WORDS, "BCS.5002903" },
		{ "a", "POST", DATASET, "provider=%A|productID=x|category=abe|" SHARE_WORDS,
		  "BCS.5002919" },
		{ "a", "POST", DATASET, "provider=%A|productID=x|watermarkType=blind|" SHARE_WORDS,
		  "BCS.5002919" },
		{ "b", "PUT", DATASET, "provider=%A|productID=p1", "BCS.5002904" },
		{ "a", "PUT", DATASET, "provider=%A|productID=none", "BCS.5002902" },
		{ "a", "PUT", DATASET, "provider=%A|productID=closed", "BCS.5002905" },
		{ "a", "PUT", DATASET, "provider=%A|productID=gone", "BCS.5002902" },
		{ "c", "DELETE", DATASET, "provider=%A|productID=p1", "BCS.5002904" },
		{ "a", "DELETE", DATASET, "provider=%A|productID=none", "BCS.5002902" },
		{ "a", "DELETE", DATASET, "provider=%A|productID=gone", "BCS.5002902" },
		{ "a", "POST", "/v1/datashare/query-dataset", "provider=%A|productID=gone",
		  "BCS.5002902" },
		{ "a", "POST", "/v1/datashare/query-dataset", "provider=%B|productID=p1",
		  "BCS.5002902" },
		/* sharing */
		{ "b", "POST", DATASET "/share", "provider=%A|productID=x|consumer=%B|" SHARE_WORDS,
		  "BCS.5002904" },
		{ "a", "POST", DATASET "/share", "provider=%A|productID=p1|consumer=%B|" SHARE_WORDS,
		  "BCS.5002903" },
		{ "a", "POST", DATASET "/share",
		  "provider=%A|productID=x|consumer=%B|orderSeq=1|" SHARE_WORDS, "BCS.5002903" },
		{ "a", "POST", DATASET "/share",
		  "provider=%A|productID=x|consumer=did:tally:none|" SHARE_WORDS, "BCS.5002902" },
		{ "a", "POST", DATASET "/share",
		  "provider=%A|productID=x|consumer=%B|action=append|" SHARE_WORDS, "BCS.5002046" },
		{ "a", "POST", DATASET "/share",
		  "provider=%A|productID=x|consumer=%B|action=append|creatorDID=%A|" SHARE_WORDS,
		  "BCS.5002046" },
		{ "a", "POST", DATASET "/share",
		  "provider=%A|productID=x|consumer=%B|action=append|creatorDID=%A|processID=none|"
		  SHARE_WORDS, "BCS.5002046" },
		{ "a", "POST", DATASET "/share",
		  "provider=%A|productID=x|consumer=%B|action=other|" SHARE_WORDS, "BCS.5002046" },
		{ "a", "POST", DATASET "/share",
		  "provider=%A|productID=x|consumer=%B|-sampleUrl|productName=n|plainData=" PLAIN64
		  "|dataUrl=d", "BCS.5002046" },
		{ "a", "POST", DATASET "/share",
		  "provider=%A|productID=x|consumer=%B|productName=n|plainData=" PLAIN64 "|sampleUrl=s",
		  "BCS.5002046" },
		/* orders */
		{ "a", "POST", DATASET "/dataset-order",
		  "consumer=%B|orderSeq=9|provider=%A|productID=p1", "BCS.5002904" },
		{ "b", "POST", DATASET "/dataset-order",
		  "consumer=%B|orderSeq=1|provider=%A|productID=p1", "BCS.5002903" },
		{ "b", "POST", DATASET "/dataset-order",
		  "consumer=%B|orderSeq=9|provider=%A|productID=none", "BCS.5002902" },
		{ "b", "POST", DATASET "/dataset-order",
		  "consumer=%B|orderSeq=9|provider=%A|productID=closed", "BCS.5002905" },
		{ "b", "POST", DATASET "/dataset-order",
		  "consumer=%B|orderSeq=9|provider=%A|productID=gone", "BCS.5002902" },
		{ "b", "POST", DATASET "/authorize-dataset", "consumer=%B|orderSeq=open",
		  "BCS.5002904" },
		{ "a", "POST", DATASET "/authorize-dataset", "consumer=%B|orderSeq=none",
		  "BCS.5002902" },
		{ "a", "POST", DATASET "/authorize-dataset", "consumer=%B|orderSeq=1", "BCS.5002905" },
		{ "a", "POST", DATASET "/authorize-dataset", "consumer=%B|orderSeq=deleted",
		  "BCS.5002902" },
		{ "c", "PUT", ORDER, "consumer=%B|orderSeq=open|orderStatus:=2", "BCS.5002904" },
		{ "a", "PUT", ORDER, "consumer=%B|orderSeq=open|orderStatus:=2", "BCS.5002904" },
		{ "b", "PUT", ORDER, "consumer=%B|orderSeq=open|orderStatus:=1", "BCS.5002904" },
		{ "b", "PUT", ORDER, "consumer=%B|orderSeq=open|orderStatus:=0", "BCS.5002905" },
		{ "b", "PUT", ORDER, "consumer=%B|orderSeq=1|orderStatus:=0", "BCS.5002905" },
		{ "b", "PUT", ORDER, "consumer=%B|orderSeq=none|orderStatus:=0", "BCS.5002902" },
		{ "b", "PUT", ORDER, "consumer=%B|orderSeq=open|orderStatus:=3", "BCS.5002046" },
		{ "a", "DELETE", ORDER, "consumer=%B|orderSeq=open", "BCS.5002904" },
		{ "b", "DELETE", ORDER, "consumer=%B|orderSeq=none", "BCS.5002902" },
		{ "b", "DELETE", ORDER, "consumer=%B|orderSeq=deleted", "BCS.5002902" },
		{ "b", "POST", DATASET "/query-order", "consumer=%B|orderSeq=deleted", "BCS.5002902" },
		{ "b", "POST", DATASET "/query-order", "consumer=%A|orderSeq=1", "BCS.5002902" },
		{ "b", "POST", DATASET "/query-plaintext", "consumer=%B|orderSeq=none|encryptData=AA==",
		  "BCS.5002902" },
		{ "b", "POST", DATASET "/query-plaintext", "consumer=%B|orderSeq=open|encryptData=AA==",
		  "BCS.5002905" },
		{ "b", "POST", DATASET "/query-plaintext",
		  "consumer=%B|orderSeq=1|encryptData=AA==|watermarkType=visible", "BCS.5002919" },
		/* processes and pages */
		{ "b", "POST", DATASET "/query-process", "creatorDID=%A|processID=none",
		  "BCS.5002902" },
		{ "b", "POST", DATASET "/query-processes", "creatorDID=%A|currentPage=0",
		  "BCS.5002046" },
		{ "b", "POST", "/v1/datashare/query-datasets", "pageSizeNum:=0", "BCS.5002046" },
		{ "b", "POST", DATASET "/query-orders", "status=cancelled", "BCS.5002046" },
	};
	uint64_t state;

	publish("closed");
	good(&share.alice, "PUT", DATASET, "provider=%A|productID=closed");
	publish("gone");
	good(&share.alice, "DELETE", DATASET, "provider=%A|productID=gone");
	good(&share.bob, "POST", DATASET "/dataset-order",
	     "consumer=%B|orderSeq=open|provider=%A|productID=p1");
	good(&share.bob, "POST", DATASET "/dataset-order",
	     "consumer=%B|orderSeq=deleted|provider=%A|productID=p1");
	good(&share.bob, "DELETE", ORDER, "consumer=%B|orderSeq=deleted");
	state = share_state();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CASE("%s %s %s %s", cases[i].who, cases[i].method, cases[i].path, cases[i].words);
		ask(*cases[i].who == 'a' ? &share.alice : *cases[i].who == 'b' ? &share.bob :
									       &share.carol,
		    cases[i].method, cases[i].path, cases[i].words);
		share_refused(state, 500, cases[i].code);
	}
	/* a stranger to the process cannot go on with it */
	ask(&share.carol, "POST", DATASET "/share",
	    text("provider=%%C|productID=x|consumer=%%B|action=append|creatorDID=%%B|processID=%s|"
		 SHARE_WORDS, process));
	share_refused(state, 500, "BCS.5002046");
}

/* Whoever keeps his key can do what needs it for signing alone, and nothing else. */
static void without_the_key(void)
{
	static const struct {
		const char *method, *path, *words;
	} refused[] = {
		{ "POST", DATASET, "provider=%A|productID=x|" SHARE_WORDS },
		{ "POST", DATASET "/share", "provider=%A|productID=x|consumer=%B|" SHARE_WORDS },
		{ "POST", DATASET "/authorize-dataset", "consumer=%B|orderSeq=open" },
	};
	uint64_t state = share_state();

	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		CASE("%s", refused[i].path);
		share_ask_signed(&share.alice, refused[i].method, refused[i].path,
				 fill_in(refused[i].words));
		share_refused(state, 500, "BCS.5002915");
	}
	CASE("the consumer opens it himself");
	share_ask_signed(&share.bob, "POST", DATASET "/query-plaintext",
			 fill_in("consumer=%B|orderSeq=1|encryptData=AAEC"));
	share_ok();
	CHECK_STR(share_reply("encryptData"), "AAEC");
	CHECK_INT(strlen(share_reply("encryptedAesKey")), (TALLY_WRAPPED_KEY + 2) / 3 * 4);
	CHECK(share_reply("plaintext") == NULL);
	CASE("and nobody else");
	share_ask_signed(&share.alice, "POST", DATASET "/query-plaintext",
			 fill_in("consumer=%B|orderSeq=1|encryptData=AAEC"));
	share_refused(state, 500, "BCS.5002904");
	CASE("signed");
	share_ask_signed(&share.bob, "POST", DATASET "/dataset-order",
			 fill_in("consumer=%B|orderSeq=signed|provider=%A|productID=p1"));
	share_ok();
	CHECK_STR(share_reply("status"), "request");
	share_ask_signed(&share.alice, "PUT", ORDER,
			 fill_in("consumer=%B|orderSeq=signed|orderStatus:=1|reason=no"));
	share_ok();
	share_ask_signed(&share.bob, "DELETE", ORDER, fill_in("consumer=%B|orderSeq=signed"));
	share_ok();
}

/* Who is vouched for and has no DID can look, and change nothing. */
static void without_a_did(void)
{
	struct person dave = { .did = NULL };
	uint64_t state = share_state();

	REQUIRE(world_person("dave", 0x64, &dave));
	ask(&dave, "POST", DATASET, "provider=%A|productID=x|" SHARE_WORDS);
	share_refused(state, 500, "BCS.5002913");
	ask(&dave, "DELETE", ORDER, "consumer=%B|orderSeq=open");
	share_refused(state, 500, "BCS.5002913");
	good(&dave, "POST", "/v1/datashare/query-dataset", "provider=%A|productID=p1");
}

/* ---- lists ---- */

static void count_is(const char *path, const char *words, unsigned int total, unsigned int items)
{
	CASE("%s %s", path, words);
	good(&share.carol, "POST", path, words);
	CHECK_STR(share_reply("pagination.totalItems"), text("%u", total));
	if (items > 0)
		CHECK(share_reply(text("items.%u", items - 1)) != NULL);
	CHECK(share_reply(text("items.%u", items)) == NULL);
}

static void lists(void)
{
	const char *sets = "/v1/datashare/query-datasets", *orders = DATASET "/query-orders";

	/* p1, p2, s1, closed of Alice; s2 of Bob */
	count_is(sets, "", 5, 5);
	count_is(sets, "provider=%A", 4, 4);
	count_is(sets, "provider=%C", 0, 0);
	count_is(sets, "status=closed", 1, 1);
	count_is(sets, "status=ready", 4, 4);
	count_is(sets, "status=", 5, 5);
	count_is(sets, "searchText=weather of p", 2, 2);
	count_is(sets, "searchText=every hour|provider=%A", 3, 3);
	count_is(sets, "searchText=nothing", 0, 0);
	count_is(sets, "pageSizeNum=2", 5, 2);
	count_is(sets, "pageSizeNum:=2|currentPage:=3", 5, 1);
	count_is(sets, "pageSizeNum=2|currentPage=4", 5, 0);
	count_is(sets, "pageSizeNum=1000000000", 5, 5);
	CHECK_STR(share_reply("pagination.pageSizeNum"), "1000");
	CHECK_STR(share_reply("pagination.currentPage"), "1");
	CHECK_STR(share_reply("items.0.productID"), "p1");	/* oldest first */
	/* 1, 2, the shared one, open of Bob; last of Carol */
	count_is(orders, "", 5, 5);
	count_is(orders, "consumer=%B", 4, 4);
	count_is(orders, "provider=%B", 1, 1);
	count_is(orders, "status=finished", 1, 1);
	count_is(orders, "status=request", 1, 1);
	count_is(orders, "searchText=rain", 1, 1);		/* a keyword */
	count_is(orders, "searchText=weather|consumer=%B", 3, 3);
	count_is(orders, "currentPage=2|pageSizeNum=3", 5, 2);
}

/* ---- what stands on the ledger ---- */

/* Neither data in clear nor a private key is anywhere in the store's blocks. */
static int look_into(void *ctx, uint64_t space, const char *ledger_id, uint64_t blocks)
{
	(void)ctx;
	(void)ledger_id;
	for (uint64_t i = 0; i < blocks; i++) {
		struct tally_bytes bytes;

		CHECK_INT(tally_core_block_read(world.core, space, i, &world.arena, &bytes, &err), 1);
		CHECK(memmem(bytes.data, bytes.size, PLAIN, sizeof(PLAIN) - 1) == NULL);
		CHECK(memmem(bytes.data, bytes.size, PLAIN64, sizeof(PLAIN64) - 1) == NULL);
		CHECK(memmem(bytes.data, bytes.size, "PRIVATE KEY", 11) == NULL);
		CHECK(memmem(bytes.data, bytes.size, share.alice.private, 32) == NULL);
	}
	return 0;
}

static void nothing_secret_is_stored(void)
{
	CHECK_OK(tally_core_spaces(world.core, look_into, NULL, &err));
}

/* What was removed from the ledger is told to be, and lists go on. */
static void removed_contents(void)
{
	struct tally_write write = { .caller = { .account = world.owner.account } };
	struct tally_share_object object;
	struct tally_receipt receipt;

	REQUIRE(tally_share_find(world.core, tally_bytes_str(share.ledger.ledger_id), SHARE_DATASET,
				 tally_bytes_str(share.alice.did), TALLY_BYTES_LIT("p2"), &world.arena,
				 &object, &err) == 1);
	CHECK_OK(tally_journal_occult(world.core, &write, tally_bytes_str(share.ledger.ledger_id),
				      object.content, TALLY_BYTES_LIT("by order"), &receipt, &err));
	ask(&share.bob, "POST", "/v1/datashare/query-dataset", "provider=%A|productID=p2");
	share_refused(share_state(), 500, "BCS.5002920");
	count_is("/v1/datashare/query-datasets", "", 4, 4);
	/* a stage stays, without its name */
	REQUIRE(tally_share_find(world.core, tally_bytes_str(share.ledger.ledger_id), SHARE_ORDER,
				 tally_bytes_str(share.carol.did), TALLY_BYTES_LIT("last"), &world.arena,
				 &object, &err) == 1);
	CHECK_OK(tally_journal_occult(world.core, &write, tally_bytes_str(share.ledger.ledger_id),
				      object.created, TALLY_BYTES_LIT("by order"), &receipt, &err));
	good(&share.bob, "POST", DATASET "/query-process", text("creatorDID=%%A|processID=%s", process));
	CHECK_STR(share_reply("stages.0.stageName"), "transaction1");
	CHECK_STR(share_reply("stages.1.stageName"), "");
	CHECK_STR(share_reply("stages.1.orderSeq"), "last");
}

static int found(void *ctx, const struct tally_audit_finding *finding)
{
	(void)ctx;
	FAIL("%s", finding->text);
	return 0;
}

static void audited(void)
{
	struct tally_audit_options options = { .threads = 1, .found = found, .core = world.core };
	struct tally_audit_source source;

	tally_core_stores(world.core, &options.blocks, &options.index);
	CHECK_OK(tally_audit_store_open(options.blocks, world.core, &source, &err));
	CHECK_OK(tally_audit(&options, &source, &err));
	tally_audit_store_free(&source);
}

/* ---- what a process costs ---- */

/* A new process of so many stages, its name. */
static const char *process_of(unsigned int stages, unsigned int number)
{
	const char *name = NULL;

	for (unsigned int i = 0; i < stages; i++) {
		good(&share.alice, "POST", DATASET "/share",
		     text("provider=%%A|productName=n|productID=cost-%u-%u|sampleUrl=s|dataUrl=d|plainData=" PLAIN64
			  "|consumer=%%B|stageName=%u|%s", number, i, i,
			  name == NULL ? "action=new" :
					 text("action=append|creatorDID=%%A|processID=%s", name)));
		if (name == NULL)
			name = share_reply("processID");
	}
	return name;
}

/* Calls of the store for one answer with all stages, when all of it is in the index; threads that look whether
 * there is something to apply may make some more now and then. */
static uint64_t calls_of(const char *name, unsigned int stages)
{
	uint64_t least = UINT64_MAX, before, calls;

	CHECK_OK(tally_core_maintain(world.core, &err));
	for (unsigned int i = 0; i < 5; i++) {
		before = world_calls();
		ask(&share.carol, "POST", DATASET "/query-process",
		    text("creatorDID=%%A|processID=%s", name));
		calls = world_calls() - before;
		share_ok();
		least = calls < least ? calls : least;
	}
	CHECK_STR(share_reply(text("stages.%u.stageName", stages - 1)), text("%u", stages - 1));
	CHECK_STR(share_reply(text("stages.%u.stageName", stages)), NULL);
	return least;
}

#define A_STAGE 3		/* where its journal is, where that stands in the block, its bytes */

/* So many looks for each stage and for the answer, however large the ledger is. */
static void looks_of_a_process(void)
{
	const char *one = process_of(1, 1), *some = process_of(10, 10), *many = process_of(60, 60);
	uint64_t base = calls_of(one, 1) - A_STAGE;

	CHECK(base < 20);
	CHECK_INT(calls_of(some, 10), base + 10 * A_STAGE);
	CHECK_INT(calls_of(many, 60), base + 60 * A_STAGE);
	process_of(200, 200);
	CHECK_INT(calls_of(one, 1), base + A_STAGE);
	CHECK_INT(calls_of(many, 60), base + 60 * A_STAGE);
}

int main(void)
{
	world.count_calls = true;
	if (!share_open()) {
		printf("Bail out! %s\n", err.text);
		return 99;
	}
	TEST(everybody_registers);
	TEST(published);
	TEST(ordered);
	TEST(opened_too_early);
	TEST(authorised);
	TEST(opened);
	TEST(not_opened);
	TEST(finished);
	TEST(shared);
	TEST(passed_on);
	TEST(forbidden_and_wrong_state);
	TEST(without_the_key);
	TEST(without_a_did);
	TEST(lists);
	TEST(nothing_secret_is_stored);
	TEST(removed_contents);
	TEST(looks_of_a_process);
	TEST(audited);
	world_close();
	return tap_done();
}
