/*
 * SQLite with a chain of hashes, as a team makes it by hand: WAL, synchronous=FULL, so that every commit
 * is synced; a row has the SHA-256 of the hash before it and its payload; the head is a row too and
 * changes in the same transaction, so that two writers cannot continue the same head.
 *
 * SQLite has one writer at a time, and waits for it by sleeping. That would be measured, not the store;
 * so the writers, each with a connection of its own, take turns in the order in which they come.
 */
#include "peer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

struct writer {
	sqlite3 *db;
	sqlite3_stmt *begin, *head, *insert, *advance, *commit;
};

static char path[4096];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static unsigned long long waiting, serving;

static void take_turn(void)
{
	unsigned long long own;

	pthread_mutex_lock(&lock);
	own = waiting++;
	while (own != serving)
		pthread_cond_wait(&moved, &lock);
	pthread_mutex_unlock(&lock);
}

static void give_turn(void)
{
	pthread_mutex_lock(&lock);
	serving++;
	pthread_cond_broadcast(&moved);
	pthread_mutex_unlock(&lock);
}

static void must(sqlite3 *db, int code, const char *what)
{
	if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW)
		peer_die("%s: %s", what, sqlite3_errmsg(db));
}

static sqlite3 *connect_to(void)
{
	sqlite3 *db;

	must(NULL, sqlite3_open(path, &db), path);
	must(db, sqlite3_exec(db, "PRAGMA synchronous=FULL", NULL, NULL, NULL), "synchronous");
	return db;
}

static void sqlite_open(const struct peer_run *run)
{
	const uint8_t none[PEER_HASH] = { 0 };
	sqlite3_stmt *first;
	sqlite3 *db;

	snprintf(path, sizeof path, "%s/chain.db", run->dir);
	db = connect_to();
	must(db, sqlite3_exec(db,
		"PRAGMA journal_mode=WAL;"
		"CREATE TABLE journal (id INTEGER PRIMARY KEY, payload BLOB NOT NULL, hash BLOB NOT NULL);"
		"CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), id INTEGER, hash BLOB)",
		NULL, NULL, NULL), "tables");
	must(db, sqlite3_prepare_v2(db, "INSERT INTO head VALUES (1, 0, ?)", -1, &first, NULL), "head");
	must(db, sqlite3_bind_blob(first, 1, none, PEER_HASH, SQLITE_STATIC), "head");
	must(db, sqlite3_step(first), "head");
	sqlite3_finalize(first);
	sqlite3_close(db);
}

static void prepare(sqlite3 *db, const char *sql, sqlite3_stmt **statement_r)
{
	must(db, sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement_r, NULL), sql);
}

static void *sqlite_writer_open(const struct peer_run *run)
{
	struct writer *writer = calloc(1, sizeof *writer);

	(void)run;
	if (writer == NULL)
		peer_die("out of memory");
	take_turn();
	writer->db = connect_to();
	prepare(writer->db, "BEGIN IMMEDIATE", &writer->begin);
	prepare(writer->db, "SELECT id, hash FROM head", &writer->head);
	prepare(writer->db, "INSERT INTO journal VALUES (?, ?, ?)", &writer->insert);
	prepare(writer->db, "UPDATE head SET id = ?, hash = ?", &writer->advance);
	prepare(writer->db, "COMMIT", &writer->commit);
	give_turn();
	return writer;
}

static void sqlite_writer_close(void *ctx)
{
	struct writer *writer = ctx;

	sqlite3_finalize(writer->begin);
	sqlite3_finalize(writer->head);
	sqlite3_finalize(writer->insert);
	sqlite3_finalize(writer->advance);
	sqlite3_finalize(writer->commit);
	sqlite3_close(writer->db);
	free(writer);
}

static void step(struct writer *writer, sqlite3_stmt *statement)
{
	must(writer->db, sqlite3_step(statement), sqlite3_sql(statement));
	must(writer->db, sqlite3_reset(statement), sqlite3_sql(statement));
}

static sqlite3_int64 read_head(struct writer *writer, uint8_t hash[PEER_HASH])
{
	sqlite3_int64 id;

	must(writer->db, sqlite3_step(writer->head), "head");
	id = sqlite3_column_int64(writer->head, 0);
	memcpy(hash, sqlite3_column_blob(writer->head, 1), PEER_HASH);
	must(writer->db, sqlite3_reset(writer->head), "head");
	return id;
}

static void sqlite_append(void *ctx, const struct peer_run *run, const struct peer_batch *batch)
{
	struct writer *writer = ctx;
	uint8_t hash[PEER_HASH];
	sqlite3_int64 id;

	take_turn();
	step(writer, writer->begin);
	id = read_head(writer, hash);
	for (unsigned int i = 0; i < batch->count; i++) {
		const uint8_t *payload = batch->payloads + (size_t)i * run->size;

		peer_link(hash, payload, run->size, hash);
		sqlite3_bind_int64(writer->insert, 1, ++id);
		sqlite3_bind_blob(writer->insert, 2, payload, (int)run->size, SQLITE_STATIC);
		sqlite3_bind_blob(writer->insert, 3, hash, PEER_HASH, SQLITE_STATIC);
		step(writer, writer->insert);
	}
	sqlite3_bind_int64(writer->advance, 1, id);
	sqlite3_bind_blob(writer->advance, 2, hash, PEER_HASH, SQLITE_STATIC);
	step(writer, writer->advance);
	step(writer, writer->commit);
	give_turn();
}

static uint64_t sqlite_count(const struct peer_run *run)
{
	uint8_t hash[PEER_HASH] = { 0 };
	struct writer *writer = sqlite_writer_open(run);
	sqlite3_stmt *all;
	uint64_t count = 0;

	prepare(writer->db, "SELECT payload, hash FROM journal ORDER BY id", &all);
	while (sqlite3_step(all) == SQLITE_ROW) {
		peer_link(hash, sqlite3_column_blob(all, 0), (size_t)sqlite3_column_bytes(all, 0), hash);
		if (memcmp(hash, sqlite3_column_blob(all, 1), PEER_HASH) != 0)
			peer_die("the chain is broken behind %llu records", (unsigned long long)count);
		count++;
	}
	sqlite3_finalize(all);
	sqlite_writer_close(writer);
	return count;
}

static void sqlite_close(void)
{
}

static const struct peer peer_sqlite = {
	.name = "sqlite",
	.open = sqlite_open,
	.writer_open = sqlite_writer_open,
	.append = sqlite_append,
	.writer_close = sqlite_writer_close,
	.count = sqlite_count,
	.close = sqlite_close,
	.version = sqlite3_libversion,
};

int main(int argc, char **argv)
{
	return peer_main(argc, argv, &peer_sqlite);
}
