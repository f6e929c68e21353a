/*
 * Shared objects in a core on the mem driver: every operation from every state by everyone, against a
 * table that says again, in other words, what the rules are; signatures of both forms; what is made
 * again by a rebuild; and that the audit finds nothing.
 */
#include "audit.h"
#include "buf.h"
#include "clock.h"
#include "conf.h"
#include "forge.h"
#include "hash.h"
#include "mem.h"
#include "share.h"
#include "store.h"
#include "tables.h"
#include "tap.h"

enum { ALICE, BOB, CAROL, PEOPLE };

static struct tally_conf *conf;
static struct tally_core *core;
static struct tally_store *store;
static struct tally_arena arena;
static struct tally_first_key owner;
static struct tally_ledger_created ledger;
static struct tally_err err;
static const struct tally_write nobody;

static struct person {
	uint8_t private[32], point[65];
	char did[TALLY_DID_MAX + 1];
} people[PEOPLE];
static unsigned int made;		/* names of objects */

static bool begin(void)
{
	struct tally_core_options options = { .short_lived = true };
	struct tally_store_args args = { .location = "mem:", .create = true, .blocks = true,
					 .index = true };
	struct tally_ledger_create create = { .name = TALLY_BYTES_LIT("channel") };
	const struct tally_driver *driver;
	struct tally_write write;

	options.conf = args.conf = conf = tally_conf_new();
	tally_conf_override(conf, "ledger", "state_journals", "0");
	if (tally_driver_find("mem", NULL, &driver, &err) != 0 ||
	    tally_store_open(driver, &args, &store, &err) != 0 ||
	    tally_core_open_on(&options, store, store, &owner, &core, &err) != 0)
		return false;
	write = (struct tally_write){ .caller = { .account = owner.account } };
	for (size_t i = 0; i < PEOPLE; i++) {
		struct tally_member_key public;

		memset(people[i].private, (int)(i + 11), 32);
		if (tally_member_public(KEY_TYPE_SECP256R1, people[i].private, &public, &err) != 0)
			return false;
		memcpy(people[i].point, public.bytes, 65);
		tally_share_did("test", people[i].point, people[i].did);
	}
	return tally_ledger_create(core, &write, &create, &ledger, &err) == 0;
}

static struct tally_bytes did(unsigned int who)
{
	return tally_bytes_str(people[who].did);
}

static struct tally_bytes id(void)
{
	return tally_bytes_str(ledger.ledger_id);
}

static struct tally_bytes hex(const void *data, size_t size)
{
	char *text = tally_arena_alloc(&arena, 2 * size + 1);

	tally_hex_encode(data, size, text);
	return tally_bytes_str(text);
}

static struct tally_share_change change_by(unsigned int who, const char *op)
{
	struct tally_share_change change = { .op = op, .caller = did(who),
					     .private = people[who].private };

	memcpy(change.point, people[who].point, 65);
	return change;
}

static void say(struct tally_share_change *change, const char *name, struct tally_bytes text)
{
	change->fields[change->field_count++] = (struct tally_share_field){ name, text };
}

static int run(const struct tally_share_change *change)
{
	struct tally_share_done done;

	memset(&err, 0, sizeof(err));
	return tally_share_change(core, &nobody, id(), change, &done, &err);
}

/* ---- identities ---- */

static struct tally_share_change registration(unsigned int who)
{
	struct tally_share_change change = change_by(who, "register-did");

	say(&change, "key", hex(people[who].point, 65));
	say(&change, "did", did(who));
	change.content = TALLY_BYTES_LIT("{}");
	return change;
}

static void identities(void)
{
	struct tally_share_object object;
	struct tally_share_change change;

	for (unsigned int i = 0; i < PEOPLE; i++) {
		change = registration(i);
		CHECK_OK(run(&change));
		CHECK_FAILS(run(&change), TALLY_EXISTS);
	}
	CHECK_INT(tally_share_did_of(core, id(), people[BOB].point, &arena, &object, &err), 1);
	CHECK_BYTES(object.a, did(BOB));
	CHECK_MEM(object.point, people[BOB].point, 65);
	CHECK_INT(object.state, SHARE_ACTIVE);
	CHECK_INT(object.create_ms, object.update_ms);

	change = change_by(ALICE, "update-did");
	say(&change, "did", did(ALICE));
	change.content = TALLY_BYTES_LIT("{\"service\":[]}");
	CHECK_OK(run(&change));
	CHECK_INT(tally_share_find(core, id(), SHARE_DID, did(ALICE), TALLY_BYTES_NONE, &arena, &object,
				   &err), 1);
	CHECK_INT(object.last, object.content);
	CHECK(object.last > object.created);
	change.fields[0].text = did(BOB);	/* of somebody else */
	CHECK_FAILS(run(&change), TALLY_DENIED);
	change.caller = did(BOB);		/* with somebody else's key */
	CHECK_FAILS(run(&change), TALLY_DENIED);
}

/* ---- every operation, from every state, by everyone ---- */

static struct tally_bytes name(unsigned int number)
{
	return tally_bytes_str(tally_arena_printf(&arena, "n%u", number));
}

static struct tally_share_change of_dataset(unsigned int who, const char *op, unsigned int number)
{
	struct tally_share_change change = change_by(who, op);

	say(&change, "provider", did(ALICE));
	say(&change, "product", name(number));
	return change;
}

static struct tally_share_change of_order(unsigned int who, const char *op, unsigned int number)
{
	struct tally_share_change change = change_by(who, op);

	say(&change, "consumer", did(BOB));
	say(&change, "order", name(number));
	if (strcmp(op, "apply-order") == 0 || strncmp(op, "share", 5) == 0) {
		say(&change, "provider", did(ALICE));
		say(&change, "product", name(number));
	}
	return change;
}

static enum tally_share_state state_of(enum tally_share_kind kind, unsigned int number)
{
	struct tally_share_object object;
	int found = tally_share_find(core, id(), kind, kind == SHARE_DATASET ? did(ALICE) : did(BOB),
				     name(number), &arena, &object, &err);

	return found == 1 ? object.state : SHARE_NONE;
}

static void must(struct tally_share_change change)
{
	if (change.content.size == 0)
		change.content = TALLY_BYTES_LIT("{}");
	CHECK_OK(run(&change));
}

/* A data set, and an order of it, in these states; NONE: there is none. */
static unsigned int make(enum tally_share_state dataset, enum tally_share_state order)
{
	unsigned int number = ++made;

	if (dataset != SHARE_NONE)
		must(of_dataset(ALICE, "publish-dataset", number));
	if (order != SHARE_NONE)
		must(of_order(BOB, "apply-order", number));
	if (order == SHARE_READY || order == SHARE_FINISHED)
		must(of_order(ALICE, "authorize-order", number));
	if (order == SHARE_FINISHED)
		must(of_order(BOB, "finish-order", number));
	if (order == SHARE_FAILED)
		must(of_order(ALICE, "fail-order", number));
	if (order == SHARE_CANCELED)
		must(of_order(BOB, "cancel-order", number));
	if (order == SHARE_GONE)
		must(of_order(BOB, "delete-order", number));
	if (dataset == SHARE_CLOSED)
		must(of_dataset(ALICE, "close-dataset", number));
	if (dataset == SHARE_GONE)
		must(of_dataset(ALICE, "delete-dataset", number));
	CHECK_INT(state_of(SHARE_DATASET, number), dataset);
	CHECK_INT(state_of(SHARE_ORDER, number), order);
	return number;
}

/* Letters: who may, a b c; '-' nobody. Columns: the states of the object. */
static const struct {
	const char *op;
	const char *may[5];		/* none, ready, closed, gone */
	enum tally_share_state to;
} dataset_table[] = {
	{ "publish-dataset", { "a", "-", "-", "-" }, SHARE_READY },
	{ "close-dataset", { "-", "a", "-", "-" }, SHARE_CLOSED },
	{ "delete-dataset", { "-", "a", "a", "-" }, SHARE_GONE },
};
static const enum tally_share_state dataset_states[] = { SHARE_NONE, SHARE_READY, SHARE_CLOSED,
							 SHARE_GONE };

static const struct {
	const char *op;
	const char *may[7];		/* none, request, ready, finished, failed, canceled, gone */
	enum tally_share_state to;
} order_table[] = {
	{ "apply-order", { "b", "-", "-", "-", "-", "-", "-" }, SHARE_REQUEST },
	{ "authorize-order", { "-", "a", "-", "-", "-", "-", "-" }, SHARE_READY },
	{ "finish-order", { "-", "-", "ab", "-", "-", "-", "-" }, SHARE_FINISHED },
	{ "fail-order", { "-", "a", "ab", "-", "-", "-", "-" }, SHARE_FAILED },
	{ "cancel-order", { "-", "b", "b", "-", "-", "-", "-" }, SHARE_CANCELED },
	{ "delete-order", { "-", "b", "b", "b", "b", "b", "-" }, SHARE_GONE },
};
static const enum tally_share_state order_states[] = {
	SHARE_NONE, SHARE_REQUEST, SHARE_READY, SHARE_FINISHED, SHARE_FAILED, SHARE_CANCELED,
	SHARE_GONE };

static void try(struct tally_share_change change, enum tally_share_kind kind, unsigned int number,
		bool may, enum tally_share_state before, enum tally_share_state after)
{
	change.content = TALLY_BYTES_LIT("{}");
	if (may) {
		CHECK_OK(run(&change));
		CHECK_INT(state_of(kind, number), after);
		return;
	}
	CHECK(run(&change) == -1);
	CHECK(err.code == TALLY_NOTFOUND || err.code == TALLY_EXISTS || err.code == TALLY_DENIED ||
	      (err.code == TALLY_INVALID && strcmp(err.subject, "State") == 0));
	CHECK_INT(state_of(kind, number), before);
}

static void data_sets(void)
{
	for (size_t op = 0; op < sizeof(dataset_table) / sizeof(*dataset_table); op++)
		for (size_t s = 0; s < 4; s++)
			for (unsigned int who = 0; who < PEOPLE; who++) {
				unsigned int number = make(dataset_states[s], SHARE_NONE);

				CASE("%s, %s, %u", dataset_table[op].op,
				     tally_share_state_name(dataset_states[s]), who);
				try(of_dataset(who, dataset_table[op].op, number), SHARE_DATASET,
				    number, strchr(dataset_table[op].may[s], "abc"[who]) != NULL,
				    dataset_states[s], dataset_table[op].to);
			}
}

static void orders(void)
{
	for (size_t op = 0; op < sizeof(order_table) / sizeof(*order_table); op++)
		for (size_t s = 0; s < 7; s++)
			for (unsigned int who = 0; who < PEOPLE; who++) {
				unsigned int number = make(SHARE_READY, order_states[s]);

				CASE("%s, %s, %u", order_table[op].op,
				     tally_share_state_name(order_states[s]), who);
				try(of_order(who, order_table[op].op, number), SHARE_ORDER, number,
				    strchr(order_table[op].may[s], "abc"[who]) != NULL,
				    order_states[s], order_table[op].to);
			}
}

/* No new orders of what is closed or gone; those that are there go on. */
static void orders_of_closed_sets(void)
{
	unsigned int closed = make(SHARE_CLOSED, SHARE_NONE), gone = make(SHARE_GONE, SHARE_NONE);
	struct tally_share_change change = of_order(BOB, "apply-order", closed);

	CHECK_FAILS(run(&change), TALLY_INVALID);
	change = of_order(BOB, "apply-order", gone);
	CHECK_FAILS(run(&change), TALLY_NOTFOUND);
	closed = make(SHARE_CLOSED, SHARE_REQUEST);
	must(of_order(ALICE, "authorize-order", closed));
	must(of_order(BOB, "finish-order", closed));
}

/* ---- sharing in one step, processes ---- */

static struct tally_share_change share(unsigned int who, unsigned int to, const char *op,
				       unsigned int number, struct tally_bytes creator)
{
	struct tally_share_change change = change_by(who, op);

	say(&change, "provider", did(who));
	say(&change, "product", name(number));
	say(&change, "consumer", did(to));
	say(&change, "order", name(number));
	if (creator.size > 0) {
		say(&change, "creator", creator);
		say(&change, "process", TALLY_BYTES_LIT("p1"));
	}
	change.content = TALLY_BYTES_LIT("{}");
	return change;
}

static void shares(void)
{
	struct tally_share_change change = share(ALICE, BOB, "share-dataset", ++made,
						 TALLY_BYTES_NONE);
	struct tally_share_object object;
	struct tally_bytes bytes;

	change.ciphertext = TALLY_BYTES_LIT("\x01 any bytes \xff");
	CHECK_OK(run(&change));
	CHECK_INT(state_of(SHARE_DATASET, made), SHARE_READY);
	CHECK_INT(state_of(SHARE_ORDER, made), SHARE_READY);
	CHECK_INT(tally_share_find(core, id(), SHARE_CIPHERTEXT, did(BOB), name(made), &arena, &object,
				   &err), 1);
	CHECK_INT(tally_share_content(core, id(), object.content, &arena, &bytes, &err), 1);
	CHECK_BYTES(bytes, change.ciphertext);
	CHECK_FAILS(run(&change), TALLY_EXISTS);
	CHECK_INT(tally_share_find(core, id(), SHARE_ORDER, did(BOB), name(made), &arena, &object,
				   &err), 1);
	CHECK_BYTES(object.provider, did(ALICE));
	CHECK_BYTES(object.product, name(made));
	CHECK_BYTES(object.creator, TALLY_BYTES_NONE);
}

static void processes(void)
{
	struct tally_share_change change;
	struct tally_share_stage *stages;
	struct tally_share_object *objects;
	size_t count;

	change = share(ALICE, BOB, "share-dataset-append", ++made, did(ALICE));
	CHECK_FAILS(run(&change), TALLY_NOTFOUND);
	change = share(ALICE, BOB, "share-dataset-new", ++made, did(BOB));
	CHECK_OK(run(&change));		/* the API names the caller; the rules let any name be new */
	change = share(ALICE, BOB, "share-dataset-new", ++made, did(ALICE));
	CHECK_OK(run(&change));
	change = share(ALICE, BOB, "share-dataset-new", ++made, did(ALICE));
	CHECK_FAILS(run(&change), TALLY_EXISTS);
	change = share(CAROL, ALICE, "share-dataset-append", ++made, did(ALICE));
	CHECK_FAILS(run(&change), TALLY_DENIED);	/* she got no stage */
	change = share(BOB, CAROL, "share-dataset-append", ++made, did(ALICE));
	CHECK_OK(run(&change));
	change = share(CAROL, ALICE, "share-dataset-append", ++made, did(ALICE));
	CHECK_OK(run(&change));				/* now she did */
	CHECK_OK(tally_share_stages(core, id(), did(ALICE), TALLY_BYTES_LIT("p1"), &arena, &stages,
				    &count, &err));
	REQUIRE(count == 3);
	CHECK_BYTES(stages[0].consumer, did(BOB));
	CHECK_BYTES(stages[1].consumer, did(CAROL));
	CHECK_BYTES(stages[2].order, name(made));
	CHECK(stages[0].journal_id < stages[1].journal_id && stages[0].time_ms > 0);
	CHECK_OK(tally_share_list(core, id(), SHARE_PROCESS, did(ALICE), &arena, &objects, &count,
				  &err));
	CHECK_INT(count, 1);
	CHECK_OK(tally_share_list(core, id(), SHARE_PROCESS, TALLY_BYTES_NONE, &arena, &objects, &count,
				  &err));
	CHECK_INT(count, 2);
}

/* Lists have what is there, oldest first, and nothing that is gone. */
static void lists(void)
{
	unsigned int first = make(SHARE_READY, SHARE_NONE), gone = make(SHARE_GONE, SHARE_NONE);
	unsigned int last = make(SHARE_CLOSED, SHARE_NONE);
	struct tally_share_object *objects;
	size_t count;

	CHECK_OK(tally_share_list(core, id(), SHARE_DATASET, did(ALICE), &arena, &objects, &count,
				  &err));
	REQUIRE(count > 2);
	CHECK_BYTES(objects[count - 2].b, name(first));
	CHECK_BYTES(objects[count - 1].b, name(last));
	for (size_t i = 0; i < count; i++) {
		CHECK(!tally_bytes_equal(objects[i].b, name(gone)));
		CHECK_BYTES(objects[i].a, did(ALICE));
		CHECK(i == 0 || objects[i - 1].created < objects[i].created);
	}
}

/* ---- credentials ---- */

/* Schemas and credentials are Alice's, and Bob applies and holds, unless a test says otherwise. */
static struct tally_share_change of_schema(unsigned int who, unsigned int number)
{
	struct tally_share_change change = change_by(who, "publish-schema");

	say(&change, "publisher", did(ALICE));
	say(&change, "schema", name(number));
	change.content = TALLY_BYTES_LIT("{}");
	return change;
}

static struct tally_share_change of_credential(unsigned int who, unsigned int schema,
					       struct tally_bytes sequence)
{
	struct tally_share_change change = change_by(who, "issue-credential");

	say(&change, "owner", did(BOB));
	say(&change, "sequence", sequence);
	say(&change, "issuer", did(ALICE));
	say(&change, "publisher", did(ALICE));
	say(&change, "schema", name(schema));
	change.content = TALLY_BYTES_LIT("{}");
	return change;
}

static struct tally_bytes digits(unsigned int number)
{
	return tally_bytes_str(tally_arena_printf(&arena, "%010u", number));
}

static struct tally_share_change of_application(unsigned int who, unsigned int number)
{
	struct tally_share_change change = change_by(who, "apply-credential");

	say(&change, "applicant", did(BOB));
	say(&change, "application", digits(number));
	say(&change, "issuer", did(ALICE));
	say(&change, "service", TALLY_BYTES_LIT("did:test:a#service1"));
	change.content = TALLY_BYTES_LIT("{}");
	return change;
}

static struct tally_share_change answer(unsigned int who, unsigned int number,
					struct tally_bytes sequence)
{
	struct tally_share_change change = change_by(who, "answer-application");

	say(&change, "applicant", did(BOB));
	say(&change, "application", digits(number));
	say(&change, "issuer", did(ALICE));
	say(&change, "sequence", sequence);
	return change;
}

static struct tally_share_object object_of(enum tally_share_kind kind, unsigned int whose,
					   struct tally_bytes b)
{
	struct tally_share_object object = { .state = SHARE_NONE };

	CHECK(tally_share_find(core, id(), kind, did(whose), b, &arena, &object, &err) >= 0);
	return object;
}

static void schemas(void)
{
	unsigned int number = ++made;
	struct tally_share_object object;

	for (unsigned int version = 1; version <= 3; version++) {
		for (unsigned int who = BOB; who < PEOPLE; who++) {
			struct tally_share_change change = of_schema(who, number);

			CHECK_FAILS(run(&change), TALLY_DENIED);
		}
		must(of_schema(ALICE, number));
		object = object_of(SHARE_SCHEMA, ALICE, name(number));
		CHECK_INT(object.state, SHARE_ACTIVE);
		CHECK_INT(object.version, version);
		CHECK_INT(object.content, object.last);
	}
}

/* By the issuer alone, once, by a schema that is there. */
static void issued(void)
{
	unsigned int number = ++made;
	struct tally_share_change change = of_credential(ALICE, number, name(number));
	struct tally_share_object object;

	CHECK_FAILS(run(&change), TALLY_NOTFOUND);
	CHECK_STR(err.subject, "Schema");
	must(of_schema(ALICE, number));
	for (unsigned int who = BOB; who < PEOPLE; who++) {
		change = of_credential(who, number, name(number));
		CHECK_FAILS(run(&change), TALLY_DENIED);
	}
	must(of_credential(ALICE, number, name(number)));
	object = object_of(SHARE_CREDENTIAL, ALICE, name(number));
	CHECK_INT(object.state, SHARE_ACTIVE);
	CHECK_BYTES(object.owner, did(BOB));
	CHECK_BYTES(object.publisher, did(ALICE));
	CHECK_BYTES(object.schema, name(number));
	CHECK_BYTES(object.provider, TALLY_BYTES_NONE);
	change = of_credential(ALICE, number, name(number));
	CHECK_FAILS(run(&change), TALLY_EXISTS);
	change = of_credential(ALICE, number, name(++made));
	change.fields[0].text = TALLY_BYTES_LIT("nobody");
	CHECK_FAILS(run(&change), TALLY_INVALID);
	CHECK_STR(err.subject, "Record");
	change.fields[0].text = TALLY_BYTES_NONE;
	CHECK_FAILS(run(&change), TALLY_INVALID);
	/* the basis of a credential is its schema, as it was looked at */
	change = of_credential(ALICE, number, name(made));
	change.has_basis = true;
	change.basis = object_of(SHARE_SCHEMA, ALICE, name(number)).last - 1;
	CHECK_FAILS(run(&change), TALLY_CONFLICT);
}

/* Whom it asks answers it, once, with a credential of who applied. */
static void applications(void)
{
	unsigned int number = ++made;
	struct tally_share_change change;
	struct tally_share_object object;

	must(of_schema(ALICE, number));
	for (unsigned int who = 0; who < PEOPLE; who++) {
		change = of_application(who, number);
		if (who != BOB)
			CHECK_FAILS(run(&change), TALLY_DENIED);
	}
	change = answer(ALICE, number, name(number));
	CHECK_FAILS(run(&change), TALLY_NOTFOUND);
	CHECK_STR(err.subject, "Application");
	must(of_application(BOB, number));
	change = of_application(BOB, number);
	CHECK_FAILS(run(&change), TALLY_EXISTS);
	object = object_of(SHARE_APPLICATION, BOB, digits(number));
	CHECK_INT(object.state, SHARE_REQUEST);
	CHECK_BYTES(object.issuer, did(ALICE));
	CHECK_BYTES(object.service, TALLY_BYTES_LIT("did:test:a#service1"));
	CHECK_BYTES(object.sequence, TALLY_BYTES_NONE);

	change = answer(ALICE, number, name(number));
	CHECK_FAILS(run(&change), TALLY_NOTFOUND);
	CHECK_STR(err.subject, "Credential");
	must(of_credential(ALICE, number, name(number)));
	for (unsigned int who = BOB; who < PEOPLE; who++) {
		change = answer(who, number, name(number));
		CHECK_FAILS(run(&change), TALLY_DENIED);
	}
	change = answer(ALICE, number, name(number));
	CHECK_OK(run(&change));		/* and its content stays */
	object = object_of(SHARE_APPLICATION, BOB, digits(number));
	CHECK_INT(object.state, SHARE_READY);
	CHECK_BYTES(object.sequence, name(number));
	CHECK_BYTES(object.issuer, did(ALICE));
	CHECK(object.content < object.last);
	change = answer(ALICE, number, name(number));
	CHECK_FAILS(run(&change), TALLY_INVALID);
	CHECK_STR(err.subject, "State");
}

/* Open ones are found by whom they ask, oldest first, until they are answered. */
static void asked(void)
{
	static const struct tally_bytes first = TALLY_BYTES_LIT("did:test:a#service1"),
					second = TALLY_BYTES_LIT("did:test:a#service2");
	unsigned int number = made + 1;
	struct tally_share_object *objects;
	struct tally_share_change change;
	size_t before, count;

	CHECK_OK(tally_share_asked(core, id(), did(ALICE), TALLY_BYTES_NONE, &arena, &objects, &before,
				   &err));
	must(of_schema(ALICE, number));
	must(of_credential(ALICE, number, name(number)));
	for (made += 3; number <= made; number++) {
		change = of_application(BOB, number);
		if (number == made)
			change.fields[3].text = second;
		must(change);
	}
	CHECK_OK(tally_share_asked(core, id(), did(ALICE), TALLY_BYTES_NONE, &arena, &objects, &count,
				   &err));
	REQUIRE(count == before + 3);
	for (size_t i = 0; i < 3; i++) {
		CHECK_BYTES(objects[before + i].b, digits(made - 2 + (unsigned int)i));
		CHECK_BYTES(objects[before + i].issuer, did(ALICE));
		CHECK_INT(objects[before + i].state, SHARE_REQUEST);
	}
	change = answer(ALICE, made - 1, name(made - 2));
	CHECK_OK(run(&change));
	CHECK_OK(tally_share_asked(core, id(), did(ALICE), TALLY_BYTES_NONE, &arena, &objects, &count,
				   &err));
	REQUIRE(count == before + 2);
	CHECK_BYTES(objects[before].b, digits(made - 2));
	CHECK_BYTES(objects[before + 1].b, digits(made));
	CHECK_OK(tally_share_asked(core, id(), did(ALICE), first, &arena, &objects, &count, &err));
	CHECK_INT(count, before + 1);
	CHECK_OK(tally_share_asked(core, id(), did(ALICE), second, &arena, &objects, &count, &err));
	CHECK_INT(count, 1);
	CHECK_OK(tally_share_asked(core, id(), did(CAROL), TALLY_BYTES_NONE, &arena, &objects, &count,
				   &err));
	CHECK_INT(count, 0);
}

/* A credential of somebody else, and one of another issuer, answer nothing. */
static void answers_of_others(void)
{
	unsigned int number = ++made;
	struct tally_share_change change;

	must(of_schema(ALICE, number));
	must(of_application(BOB, number));
	change = of_credential(ALICE, number, name(number));
	change.fields[0].text = did(CAROL);
	must(change);
	change = answer(ALICE, number, name(number));
	CHECK_FAILS(run(&change), TALLY_DENIED);
	change = of_credential(CAROL, number, name(number));
	change.fields[2].text = did(CAROL);
	must(change);
	change = answer(CAROL, number, name(number));
	change.fields[2].text = did(CAROL);
	CHECK_FAILS(run(&change), TALLY_DENIED);
	CHECK_INT(object_of(SHARE_APPLICATION, BOB, digits(number)).state, SHARE_REQUEST);
}

/* Numbers of applications have ten digits; names of schemas and credentials 128 bytes, of which a clue has
 * the hash. */
static void long_names(void)
{
	static const char *const wrong[] = { "123456789", "12345678901", "123456789x", "-123456789" };
	unsigned int number = ++made;
	char text[TALLY_SHARE_LONG_MAX + 2];
	struct tally_share_change change;
	struct tally_share_object *objects;
	struct tally_journal journal;
	size_t count;

	for (size_t i = 0; i < 4; i++) {
		change = of_application(BOB, number);
		change.fields[1].text = tally_bytes_str(wrong[i]);
		CHECK_FAILS(run(&change), TALLY_INVALID);
		CHECK_STR(err.subject, "Record");
	}
	must(of_schema(ALICE, number));
	memset(text, 's', sizeof(text));
	change = of_credential(ALICE, number, tally_bytes(text, TALLY_SHARE_LONG_MAX + 1));
	CHECK_FAILS(run(&change), TALLY_INVALID);
	must(of_credential(ALICE, number, tally_bytes(text, TALLY_SHARE_LONG_MAX)));
	text[TALLY_SHARE_LONG_MAX - 1] = 't';	/* another one, by its last byte */
	must(of_credential(ALICE, number, tally_bytes(text, TALLY_SHARE_LONG_MAX)));
	must(of_credential(ALICE, number, tally_bytes(text, TALLY_SHARE_NAME_MAX)));
	CHECK_OK(tally_share_list(core, id(), SHARE_CREDENTIAL, did(ALICE), &arena, &objects, &count,
				  &err));
	REQUIRE(count > 3);
	for (size_t i = count - 3; i < count; i++) {
		CASE("credential %zu", i);
		CHECK_INT(tally_journal_get(core, id(), objects[i].last, &arena, &journal, &err), 1);
		REQUIRE(journal.clue_count == 2);
		CHECK_INT(memcmp(journal.clues[1].data, "credential# ", 12) == 0, i + 1 < count);
		CHECK(journal.clues[1].size <= 128);
	}
	CHECK_INT(journal.clues[1].size, strlen("credential  ") + did(ALICE).size + TALLY_SHARE_NAME_MAX);
}

/* ---- who changes what somebody changed meanwhile ---- */

static void basis(void)
{
	unsigned int number = make(SHARE_READY, SHARE_REQUEST);
	struct tally_share_change change = of_order(ALICE, "authorize-order", number);
	struct tally_share_object object;

	CHECK_INT(tally_share_find(core, id(), SHARE_ORDER, did(BOB), name(number), &arena, &object,
				   &err), 1);
	change.content = TALLY_BYTES_LIT("{}");
	change.has_basis = true;
	change.basis = object.last - 1;
	CHECK_FAILS(run(&change), TALLY_CONFLICT);
	change.basis = object.last;
	CHECK_OK(run(&change));
}

/* A change without content leaves it as it was. */
static void content_stays(void)
{
	unsigned int number = make(SHARE_READY, SHARE_NONE);
	struct tally_share_change change = of_dataset(ALICE, "close-dataset", number);
	struct tally_share_object before, after;
	struct tally_bytes content;

	tally_share_find(core, id(), SHARE_DATASET, did(ALICE), name(number), &arena, &before, &err);
	CHECK_OK(run(&change));
	tally_share_find(core, id(), SHARE_DATASET, did(ALICE), name(number), &arena, &after, &err);
	CHECK_INT(after.content, before.content);
	CHECK(after.last > before.last);
	CHECK_INT(tally_share_content(core, id(), after.content, &arena, &content, &err), 1);
	CHECK_BYTES(content, TALLY_BYTES_LIT("{}"));
}

/* ---- signatures ---- */

/* The caller signed the request by himself. */
static struct tally_share_change signed_request(unsigned int who, struct tally_share_change change,
						const char *body)
{
	change.private = NULL;
	change.message = tally_bytes_str(body);
	CHECK_OK(tally_member_sign(KEY_TYPE_SECP256R1, people[who].private, change.message,
				   change.signature, &err));
	return change;
}

static uint64_t last_of_dataset(unsigned int number)
{
	struct tally_share_object object = { .state = SHARE_NONE };

	CHECK_INT(tally_share_find(core, id(), SHARE_DATASET, did(ALICE), name(number), &arena, &object,
				   &err), 1);
	return object.last;
}

/* Whoever asks who signed a change is told by its evidence: of both forms, and of other journals. */
static void who_signed(void)
{
	unsigned int number = make(SHARE_READY, SHARE_NONE);
	uint64_t journal = last_of_dataset(number);

	CHECK_INT(tally_share_signed(core, id(), journal, people[ALICE].point, &arena, &err), 1);
	CHECK_INT(tally_share_signed(core, id(), journal, people[BOB].point, &arena, &err), 0);
	CHECK_INT(tally_share_signed(core, id(), 0, people[ALICE].point, &arena, &err), 0);
	CHECK_INT(tally_share_signed(core, id(), 1000000, people[ALICE].point, &arena, &err), 0);
}

static void requests_signed_by_callers(void)
{
	unsigned int number = ++made;
	const char *body = tally_arena_printf(&arena, "{\"provider\":\"%s\",\"productID\":\"n%u\"}",
					      people[ALICE].did, number);
	struct tally_share_change change =
		signed_request(ALICE, of_dataset(ALICE, "publish-dataset", number), body);

	change.content = TALLY_BYTES_LIT("{}");
	change.signature[5] ^= 1;
	CHECK_FAILS(run(&change), TALLY_DENIED);
	change.signature[5] ^= 1;
	change.message = TALLY_BYTES_LIT("{}");
	CHECK_FAILS(run(&change), TALLY_DENIED);
	change.message = tally_bytes_str(body);
	CHECK_OK(run(&change));
	CHECK_INT(tally_share_signed(core, id(), last_of_dataset(number), people[ALICE].point, &arena, &err),
		  1);
	CHECK_INT(tally_share_signed(core, id(), last_of_dataset(number), people[BOB].point, &arena, &err),
		  0);
	change.op = "close-dataset";		/* what was signed is for one journal */
	CHECK_FAILS(run(&change), TALLY_REPLAYED);
	change = signed_request(BOB, change, body);
	CHECK_FAILS(run(&change), TALLY_DENIED);
}

/* ---- wrong wholes ---- */

static int set_limit(enum tally_limit limit, uint64_t value)
{
	const struct tally_write write = { .caller = { .account = owner.account } };
	struct tally_ledger_change change = { .name = TALLY_BYTES_NONE };

	change.set_limit[limit] = true;
	change.limits[limit] = value;
	return tally_ledger_modify(core, &write, id(), &change, &err);
}

/* What the audit convicts is not appended. */
static void limits(void)
{
	struct tally_share_change change = change_by(ALICE, "update-did");

	say(&change, "did", did(ALICE));
	change.content = TALLY_BYTES_LIT("{\"a\":\"bcdefghijkl\"}");
	CHECK_OK(set_limit(LIMIT_PAYLOAD, change.content.size - 1));
	CHECK_FAILS(run(&change), TALLY_INVALID);
	CHECK_STR(err.subject, "Size");
	CHECK_OK(set_limit(LIMIT_PAYLOAD, change.content.size));
	CHECK_OK(run(&change));
	CHECK_OK(set_limit(LIMIT_PAYLOAD, 0));
}

static void malformed(void)
{
	struct tally_share_change change = change_by(ALICE, "publish-dataset");

	CHECK_FAILS(run(&change), TALLY_INVALID);
	CHECK_STR(err.subject, "Record");
	say(&change, "provider", did(ALICE));
	CHECK_FAILS(run(&change), TALLY_INVALID);
	say(&change, "product", TALLY_BYTES_LIT("a\nb"));
	CHECK_FAILS(run(&change), TALLY_INVALID);
	change.fields[1].text = TALLY_BYTES_LIT(
		"0123456789012345678901234567890123456789012345678901234567890");
	CHECK_FAILS(run(&change), TALLY_INVALID);
	memset(&err, 0, sizeof(err));
	CHECK(tally_share_change(core, &nobody, TALLY_BYTES_LIT("l-none"), &change,
				 &(struct tally_share_done){ 0 }, &err) == -1);
	CHECK_INT(err.code, TALLY_NOTFOUND);
}

/* The same request again, as a relay marks it, is done once. */
static void again(void)
{
	struct tally_write write = { .nonce = TALLY_BYTES_LIT("request 1"),
				     .request_ms = tally_now_ms() };
	struct tally_share_change change = of_dataset(ALICE, "publish-dataset", ++made);
	struct tally_share_done first, second;

	change.content = TALLY_BYTES_LIT("{}");
	CHECK_OK(tally_share_change(core, &write, id(), &change, &first, &err));
	CHECK(!first.known);
	CHECK_FAILS(tally_share_change(core, &write, id(), &change, &second, &err), TALLY_REPLAYED);
	write.again = true;
	CHECK_OK(tally_share_change(core, &write, id(), &change, &second, &err));
	CHECK(second.known);
	CHECK_INT(second.journal_id, first.journal_id);
	change.fields[1].text = name(++made);
	CHECK_FAILS(tally_share_change(core, &write, id(), &change, &second, &err), TALLY_REPLAYED);
}

/* ---- rebuilt, audited ---- */

static int add_row(void *ctx, uint32_t table, struct tally_bytes key, struct tally_bytes value)
{
	struct tally_buf *rows = ctx;

	tally_buf_add_u32(rows, table);
	tally_buf_add_u32(rows, (uint32_t)key.size);
	tally_buf_add_bytes(rows, key);
	tally_buf_add_bytes(rows, value);
	return 0;
}

static uint64_t space_of_ledger;

static int each_space(void *ctx, uint64_t space, const char *ledger_id, uint64_t blocks)
{
	(void)ctx;
	(void)blocks;
	if (strcmp(ledger_id, ledger.ledger_id) == 0)
		space_of_ledger = space;
	return 0;
}

static void rebuilt(void)
{
	struct tally_buf before = { 0 }, after = { 0 };

	CHECK_OK(tally_core_spaces(core, each_space, NULL, &err));
	CHECK_OK(tally_core_index_each(core, space_of_ledger, add_row, &before, &err));
	CHECK_OK(tally_core_rebuild(core, id(), NULL, NULL, &err));
	CHECK_OK(tally_core_index_each(core, space_of_ledger, add_row, &after, &err));
	CHECK(before.size > 10000);
	CHECK(tally_bytes_equal(tally_buf_bytes(&before), tally_buf_bytes(&after)));
	tally_buf_free(&before);
	tally_buf_free(&after);
}

static int found(void *ctx, const struct tally_audit_finding *finding)
{
	unsigned int *count = ctx;

	if ((*count)++ < 3)
		FAIL("%s", finding->text);
	return 0;
}

static void audited(void)
{
	unsigned int findings = 0;
	struct tally_audit_options options = { .threads = 1, .found = found, .ctx = &findings,
					       .core = core };
	struct tally_audit_source source;

	tally_core_stores(core, &options.blocks, &options.index);
	CHECK_OK(tally_audit_store_open(options.blocks, core, &source, &err));
	CHECK_OK(tally_audit(&options, &source, &err));
	tally_audit_store_free(&source);
	CHECK_INT(findings, 0);
}

/* ---- forgeries ---- */

/* What the audit finds is gathered, a line each. */
static int gather(void *ctx, const struct tally_audit_finding *finding)
{
	struct tally_buf *said = ctx;

	tally_buf_add_str(said, finding->text);
	tally_buf_add_u8(said, '\n');
	return 0;
}

static bool op_is(const struct tally_record *record, const char *op)
{
	return record->type == TYPE_DATASHARE && tally_bytes_is(tally_field_text(record, "op"), op);
}

/* The first journal that says this, or one that is signed as a request. */
static uint64_t find_op(struct forge *forge, const char *op, bool request)
{
	uint64_t at = 0;

	while ((at = forge_find(forge, TYPE_DATASHARE, at)) != UINT64_MAX) {
		struct forged_journal *journal = forge_journal(forge, at, NULL);

		if (op_is(&journal->record, op) &&
		    (tally_field_find(&journal->record, "request") != NULL) == request)
			return at;
		at++;
	}
	FAIL("there is no %s", op);
	return 0;
}

static void field_is(struct forge *forge, uint64_t journal, const char *field, struct tally_bytes text)
{
	struct tally_field *found = forge_field(forge, journal, field);

	if (found == NULL)
		FAIL("journal %" PRIu64 " has no %s", journal, field);
	else
		found->text = text;
}

static void another_operation(struct forge *forge)
{
	field_is(forge, find_op(forge, "close-dataset", false), "op", TALLY_BYTES_LIT("delete-dataset"));
}

static void another_author(struct forge *forge)
{
	uint64_t at = find_op(forge, "close-dataset", false);

	forge_journal(forge, at, NULL)->record.member_id = did(BOB);
}

static void another_key(struct forge *forge)
{
	field_is(forge, find_op(forge, "register-did", false), "key", hex(people[CAROL].point, 65));
}

static void no_such_operation(struct forge *forge)
{
	field_is(forge, find_op(forge, "close-dataset", false), "op", TALLY_BYTES_LIT("reopen"));
}

static void without_its_data_set(struct forge *forge)
{
	struct tally_record *closed = &forge_journal(forge, find_op(forge, "close-dataset", false),
						     NULL)->record;
	uint64_t at = 0;

	while ((at = forge_find(forge, TYPE_DATASHARE, at)) != UINT64_MAX) {
		struct tally_record *record = &forge_journal(forge, at, NULL)->record;

		if (op_is(record, "publish-dataset") &&
		    tally_bytes_equal(tally_field_text(record, "product"),
				      tally_field_text(closed, "product")))
			break;
		at++;
	}
	forge_drop_journal(forge, at);
}

static void without_its_identity(struct forge *forge)
{
	forge_drop_journal(forge, find_op(forge, "register-did", false));
}

static void closed_before_it_was_there(struct forge *forge)
{
	forge_swap_journals(forge, find_op(forge, "publish-dataset", false),
			    find_op(forge, "close-dataset", false));
}

static void another_request(struct forge *forge)
{
	field_is(forge, find_op(forge, "publish-dataset", true), "product", TALLY_BYTES_LIT("n0"));
}

static void another_hash_of_it(struct forge *forge)
{
	uint8_t hash[TALLY_HASH_SIZE] = { 1 };

	field_is(forge, find_op(forge, "publish-dataset", true), "request", hex(hash, sizeof(hash)));
}

static void without_clues(struct forge *forge)
{
	forge_journal(forge, find_op(forge, "publish-dataset", false), NULL)->record.clue_count = 0;
}

static void without_its_schema(struct forge *forge)
{
	struct tally_record *issued_one =
		&forge_journal(forge, find_op(forge, "issue-credential", false), NULL)->record;
	uint64_t at = 0;

	while ((at = forge_find(forge, TYPE_DATASHARE, at)) != UINT64_MAX) {
		struct tally_record *record = &forge_journal(forge, at, NULL)->record;

		if (op_is(record, "publish-schema") &&
		    tally_bytes_equal(tally_field_text(record, "schema"),
				      tally_field_text(issued_one, "schema")))
			break;
		at++;
	}
	forge_drop_journal(forge, at);
}

static void answered_before_it_was_there(struct forge *forge)
{
	forge_swap_journals(forge, find_op(forge, "apply-credential", false),
			    find_op(forge, "answer-application", false));
}

/* The journal of what the first answer answers with. */
static uint64_t answering_credential(struct forge *forge)
{
	struct tally_record *answered =
		&forge_journal(forge, find_op(forge, "answer-application", false), NULL)->record;
	uint64_t at = 0;

	while ((at = forge_find(forge, TYPE_DATASHARE, at)) != UINT64_MAX) {
		struct tally_record *record = &forge_journal(forge, at, NULL)->record;

		if (op_is(record, "issue-credential") &&
		    tally_bytes_equal(tally_field_text(record, "sequence"),
				      tally_field_text(answered, "sequence")))
			return at;
		at++;
	}
	FAIL("no credential answers");
	return 0;
}

static void another_holder(struct forge *forge)
{
	field_is(forge, answering_credential(forge), "owner", did(CAROL));
}

static void without_the_credential(struct forge *forge)
{
	forge_drop_journal(forge, answering_credential(forge));
}

static void another_schema(struct forge *forge)
{
	field_is(forge, find_op(forge, "issue-credential", false), "schema", TALLY_BYTES_LIT("none"));
}

static void nobodys_credential(struct forge *forge)
{
	field_is(forge, find_op(forge, "issue-credential", false), "owner", TALLY_BYTES_LIT("x"));
}

static void asks_somebody_else(struct forge *forge)
{
	field_is(forge, find_op(forge, "apply-credential", false), "issuer", did(CAROL));
}

static void another_application_number(struct forge *forge)
{
	field_is(forge, find_op(forge, "apply-credential", false), "application", TALLY_BYTES_LIT("1"));
}

/* Of the ledger, set after another one and before a change that has as much (limits() above). */
static void under_a_limit(struct forge *forge)
{
	uint64_t first = forge_find(forge, TYPE_UPDATE_LEDGER, 0);
	struct tally_field *found = forge_field(forge, forge_find(forge, TYPE_UPDATE_LEDGER, first + 1),
						"payloadLimit");

	if (found == NULL)
		FAIL("no limit");
	else
		found->number = 1;
}

/* Who has the store's tools, and no caller's key, is found out. */
static void forgeries(void)
{
	static const struct {
		const char *name;
		void (*change)(struct forge *forge);
		const char *words;
	} cases[] = {
		{ "another operation", another_operation, "what was signed is not what the journal says" },
		{ "another author", another_author, "this is for another identity" },
		{ "another key", another_key, "the DID is not that of its key" },
		{ "no such operation", no_such_operation, "an operation that is none" },
		{ "without its data set", without_its_data_set, "there is none of this name" },
		{ "without its identity", without_its_identity,
		  "a key that its author does not have" },
		{ "closed before it was there", closed_before_it_was_there,
		  "there is none of this name" },
		{ "another request", another_request, "what was signed is not what the journal says" },
		{ "another hash of it", another_hash_of_it,
		  "what was signed is not what the journal says" },
		{ "without clues", without_clues, "its clues are not its objects" },
		{ "without its schema", without_its_schema, "there is none of this name" },
		{ "another schema", another_schema, "there is none of this name" },
		{ "nobody's credential", nobodys_credential, "it does not say whose its object is" },
		{ "another holder", another_holder, "this is for another identity" },
		{ "another holder, signed", another_holder,
		  "what was signed is not what the journal says" },
		{ "without the credential", without_the_credential, "there is none of this name" },
		{ "answered before it was there", answered_before_it_was_there,
		  "there is none of this name" },
		{ "asks somebody else", asks_somebody_else, "this is for another identity" },
		{ "no number of an application", another_application_number,
		  "a name of its objects is missing or malformed" },
		{ "under a limit", under_a_limit, "its payload is larger than the ledger's limit" },
	};
	struct tally_store *blocks, *index;

	tally_core_stores(core, &blocks, &index);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tally_store_args args = { .location = "mem:", .conf = conf, .create = true,
						 .blocks = true };
		struct tally_audit_options options = { .threads = 1, .found = gather };
		struct tally_audit_source source;
		const struct tally_driver *driver;
		struct tally_buf said = { 0 };
		struct tally_store *copy;
		struct forge forge;

		CASE("%s", cases[i].name);
		CHECK_OK(forge_read(blocks, space_of_ledger, &forge, &err));
		cases[i].change(&forge);
		CHECK_OK(tally_driver_find("mem", NULL, &driver, &err));
		CHECK_OK(tally_store_open(driver, &args, &copy, &err));
		CHECK_OK(forge_copy(blocks, copy, &forge, forge_blocks(&forge, 0, NULL, NULL), false,
				    &err));
		options.ctx = &said;
		CHECK_OK(tally_audit_store_open(copy, NULL, &source, &err));
		CHECK_OK(tally_audit(&options, &source, &err));
		tally_buf_add_u8(&said, '\0');
		if (strstr((const char *)said.data, cases[i].words) == NULL)
			FAIL("found \"%.300s\"", (const char *)said.data);
		tally_audit_store_free(&source);
		tally_store_close(&copy);
		forge_free(&forge);
		tally_buf_free(&said);
	}
}

int main(void)
{
	if (!begin()) {
		printf("Bail out! %s\n", err.text);
		return 99;
	}
	TEST(identities);
	TEST(data_sets);
	TEST(orders);
	TEST(orders_of_closed_sets);
	TEST(shares);
	TEST(processes);
	TEST(lists);
	TEST(schemas);
	TEST(issued);
	TEST(applications);
	TEST(asked);
	TEST(answers_of_others);
	TEST(long_names);
	TEST(basis);
	TEST(content_stays);
	TEST(who_signed);
	TEST(requests_signed_by_callers);
	TEST(limits);
	TEST(malformed);
	TEST(again);
	TEST(rebuilt);
	TEST(audited);
	TEST(forgeries);
	tally_core_close(&core);
	tally_conf_free(&conf);
	tally_arena_free(&arena);
	return tap_done();
}
