/*
 * A whole service over a real core on the mem driver, with two ledgers of one account and a key of
 * another: what tests of the API as clients see it stand on. A test adds what else it needs.
 */
#ifndef TALLY_API_WORLD_H
#define TALLY_API_WORLD_H

#include "api_client.h"
#include "conf.h"
#include "core.h"
#include "store.h"
#include "tap.h"
#include "wrap.h"

static struct {
	struct tally_conf *conf;
	struct tally_core *core;
	struct tally_service *service;
	struct tally_arena arena;
	struct tally_first_key owner, stranger;
	bool count_calls;		/* before world_open: those of the store, see world_calls */
	struct tally_store *counted;
	char private[TALLY_LEDGER_ID_SIZE + 1], public[TALLY_LEDGER_ID_SIZE + 1];
} world;

static struct tally_err err;

/* Text in the world's arena. */
static const char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));
static const char *text(const char *format, ...)
{
	va_list args;
	const char *made;

	va_start(args, format);
	made = tally_arena_vprintf(&world.arena, format, args);
	va_end(args);
	return made;
}

static inline bool world_ledger(const char *name, bool public, char id[TALLY_LEDGER_ID_SIZE + 1])
{
	struct tally_write write = { .caller = { .account = world.owner.account } };
	struct tally_ledger_create create = { .name = tally_bytes_str(name),
					      .public_read = public };
	struct tally_ledger_created created;

	if (tally_ledger_create(world.core, &write, &create, &created, &err) != 0)
		return false;
	strcpy(id, created.ledger_id);
	return true;
}

/* Before world_open. */
static inline void world_setting(const char *section, const char *key, const char *value)
{
	if (world.conf == NULL)
		world.conf = tally_conf_new();
	tally_conf_override(world.conf, section, key, value);
}

static inline bool world_open(void)
{
	struct tally_core_options options = { 0 };
	struct tally_store_args args = { .location = "mem:", .create = true, .blocks = true,
					 .index = true };
	struct tally_write local = { .caller = { .local = true } };
	const struct tally_driver *driver;
	struct tally_store *store;
	uint64_t account;

	if (world.conf == NULL)
		world.conf = tally_conf_new();
	options.conf = args.conf = world.conf;
	if (tally_driver_find("mem", NULL, &driver, &err) != 0 ||
	    tally_store_open(driver, &args, &store, &err) != 0)
		return false;
	if (world.count_calls)
		store = world.counted = tally_wrap_fail(store, 0, TALLY_FAULT_IO);
	return tally_core_open_on(&options, store, store, &world.owner, &world.core, &err) == 0 &&
	       tally_service_new(world.core, world.conf, &world.service, &err) == 0 &&
	       world_ledger("private", false, world.private) &&
	       world_ledger("public", true, world.public) &&
	       tally_account_create(world.core, &local, TALLY_BYTES_LIT("stranger"), &account,
				    &err) == 0 &&
	       tally_key_create(world.core, &local, account, &world.stranger, &err) == 0;
}

/* Calls of the store so far. */
static inline uint64_t world_calls(void)
{
	return tally_wrap_fail_at(world.counted, 0, TALLY_FAULT_IO);
}

static inline void world_close(void)
{
	tally_service_free(&world.service);
	tally_core_close(&world.core);
	tally_arena_free(&world.arena);
	tally_conf_free(&world.conf);
}

#endif
