/*
 * Berkeley DB 5.3 beside the ledger: one transaction a batch, synced by its commit (DB_TXN_SYNC), records
 * in a B-tree by number. No hashes, no chain, nothing to prove: what the engine alone gives.
 *
 * Writers meet on the last page of the tree; one that a deadlock takes its locks from begins again. The
 * engine's log lets one sync serve the commits that wait for it.
 */
#include "peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <db.h>

#define CACHE_BYTES (64u << 20)

static DB_ENV *env;
static DB *db;

static void must(int code, const char *what)
{
	if (code != 0)
		peer_die("%s: %s", what, db_strerror(code));
}

static void bdb_open(const struct peer_run *run)
{
	must(db_env_create(&env, 0), "environment");
	must(env->set_cachesize(env, 0, CACHE_BYTES, 1), "cache");
	must(env->set_lk_detect(env, DB_LOCK_DEFAULT), "deadlocks");
	must(env->set_lk_max_locks(env, 20000), "locks");
	must(env->set_lk_max_objects(env, 20000), "locks");
	must(env->log_set_config(env, DB_LOG_AUTO_REMOVE, 1), "log");
	must(env->open(env, run->dir, DB_CREATE | DB_PRIVATE | DB_THREAD | DB_INIT_TXN | DB_INIT_LOG |
		       DB_INIT_LOCK | DB_INIT_MPOOL, 0600), "environment");
	must(db_create(&db, env, 0), "database");
	must(db->open(db, NULL, "records", NULL, DB_BTREE, DB_CREATE | DB_THREAD | DB_AUTO_COMMIT, 0600),
	     "database");
}

static void *bdb_writer_open(const struct peer_run *run)
{
	(void)run;
	return NULL;
}

static void bdb_writer_close(void *writer)
{
	(void)writer;
}

static void key_of(uint64_t number, uint8_t key[8])
{
	for (int i = 7; i >= 0; i--, number >>= 8)
		key[i] = (uint8_t)number;
}

static int put_all(DB_TXN *txn, const struct peer_run *run, const struct peer_batch *batch)
{
	int code = 0;

	for (unsigned int i = 0; code == 0 && i < batch->count; i++) {
		uint8_t number[8];
		DBT key = { .data = number, .size = sizeof number };
		DBT value = { .data = (void *)(batch->payloads + (size_t)i * run->size),
			      .size = run->size };

		key_of(batch->first + i, number);
		code = db->put(db, txn, &key, &value, 0);
	}
	return code;
}

static void bdb_append(void *writer, const struct peer_run *run, const struct peer_batch *batch)
{
	int code;

	(void)writer;
	do {
		DB_TXN *txn;

		must(env->txn_begin(env, NULL, &txn, 0), "transaction");
		code = put_all(txn, run, batch);
		if (code == 0)
			code = txn->commit(txn, DB_TXN_SYNC);
		else
			must(txn->abort(txn), "abort");
	} while (code == DB_LOCK_DEADLOCK);
	must(code, "append");
}

static uint64_t bdb_count(const struct peer_run *run)
{
	DBT key = { .data = NULL }, value = { .data = NULL };
	uint64_t count = 0;
	DBC *cursor;
	int code;

	must(db->cursor(db, NULL, &cursor, 0), "cursor");
	while ((code = cursor->get(cursor, &key, &value, DB_NEXT)) == 0)
		count += value.size == run->size;
	if (code != DB_NOTFOUND)
		must(code, "reading");
	must(cursor->close(cursor), "cursor");
	return count;
}

static void bdb_close(void)
{
	must(db->close(db, 0), "close");
	must(env->close(env, 0), "close");
}

static const char *bdb_version(void)
{
	static char text[32];
	int major, minor, patch;

	db_version(&major, &minor, &patch);
	snprintf(text, sizeof text, "%d.%d.%d", major, minor, patch);
	return text;
}

static const struct peer peer_bdb = {
	.name = "bdb",
	.open = bdb_open,
	.writer_open = bdb_writer_open,
	.append = bdb_append,
	.writer_close = bdb_writer_close,
	.count = bdb_count,
	.close = bdb_close,
	.version = bdb_version,
};

int main(int argc, char **argv)
{
	return peer_main(argc, argv, &peer_bdb);
}
