/*
 * PostgreSQL, by libpq with prepared statements and binary values, over its socket:
 *
 *   chain  a chain of hashes, as a team makes it by hand. A head row says where the chain ends; who appends
 *          locks it (SELECT ... FOR UPDATE), so that no two continue the same head, inserts the row with the
 *          SHA-256 of the hash before it and its payload, and moves the head, in one transaction. Single
 *          records do that in a function of the server, so that the lock is held for no round trip.
 *   plain  the records alone, nothing that could be proved.
 *
 * Batches come by COPY in its binary form. The server is synchronous_commit=on and fsync=on: a commit
 * returns once it is synced. --target is the server, in the words of libpq.
 */
#include "peer.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

struct writer {
	PGconn *db;
	char *copy;			/* the batch as COPY takes it */
	size_t size;
};

static int chained;
static char version[64];

static PGresult *must(PGconn *db, PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_COPY_IN)
		peer_die("%s", PQerrorMessage(db));
	return result;
}

static void run_sql(PGconn *db, const char *sql)
{
	PQclear(must(db, PQexec(db, sql)));
}

static PGconn *connect_to(const struct peer_run *run)
{
	PGconn *db = PQconnectdb(run->target != NULL ? run->target : "");

	if (PQstatus(db) != CONNECTION_OK)
		peer_die("%s", PQerrorMessage(db));
	return db;
}

static const char chain_tables[] =
	"DROP TABLE IF EXISTS journal, head CASCADE;"
	"CREATE TABLE journal (id bigint PRIMARY KEY, payload bytea NOT NULL, hash bytea NOT NULL);"
	"CREATE TABLE head (id bigint NOT NULL, hash bytea NOT NULL);"
	"INSERT INTO head VALUES (0, decode(repeat('00', 32), 'hex'));"
	"CREATE OR REPLACE FUNCTION append_one(record bytea) RETURNS bigint LANGUAGE plpgsql AS $$"
	" DECLARE at head; link bytea; BEGIN"
	"  SELECT * INTO at FROM head FOR UPDATE;"
	"  link := sha256(at.hash || record);"
	"  INSERT INTO journal VALUES (at.id + 1, record, link);"
	"  UPDATE head SET id = at.id + 1, hash = link;"
	"  RETURN at.id + 1; END $$";

static const char plain_tables[] =
	"DROP TABLE IF EXISTS journal, head CASCADE;"
	"CREATE TABLE journal (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, payload bytea NOT NULL)";

static void postgres_open(const struct peer_run *run)
{
	PGconn *db = connect_to(run);
	int number = PQserverVersion(db);

	chained = strcmp(run->variant, "chain") == 0;
	snprintf(version, sizeof version, "%d.%d", number / 10000, number % 10000);
	run_sql(db, "SET client_min_messages = warning");
	run_sql(db, chained ? chain_tables : plain_tables);
	PQfinish(db);
}

static void prepare(PGconn *db, const char *name, const char *sql)
{
	PQclear(must(db, PQprepare(db, name, sql, 0, NULL)));
}

static void *postgres_writer_open(const struct peer_run *run)
{
	struct writer *writer = calloc(1, sizeof *writer);

	if (writer == NULL)
		peer_die("out of memory");
	writer->db = connect_to(run);
	writer->copy = malloc(64 + (size_t)run->batch * (run->size + PEER_HASH + 32));
	if (writer->copy == NULL)
		peer_die("out of memory");
	if (chained) {
		prepare(writer->db, "one", "SELECT append_one($1::bytea)");
		prepare(writer->db, "head", "SELECT id, hash FROM head FOR UPDATE");
		prepare(writer->db, "advance", "UPDATE head SET id = $1::bigint, hash = $2::bytea");
	} else {
		prepare(writer->db, "one", "INSERT INTO journal (payload) VALUES ($1::bytea)");
	}
	return writer;
}

static void postgres_writer_close(void *ctx)
{
	struct writer *writer = ctx;

	PQfinish(writer->db);
	free(writer->copy);
	free(writer);
}

static void append_one(struct writer *writer, const uint8_t *payload, unsigned int size)
{
	const char *values[] = { (const char *)payload };
	const int sizes[] = { (int)size }, binary[] = { 1 };

	PQclear(must(writer->db, PQexecPrepared(writer->db, "one", 1, values, sizes, binary, 1)));
}

/* ---- batches, by COPY ---- */

static void put(struct writer *writer, const void *data, size_t size)
{
	memcpy(writer->copy + writer->size, data, size);
	writer->size += size;
}

static void put_u16(struct writer *writer, uint16_t value)
{
	value = htons(value);
	put(writer, &value, sizeof value);
}

static void put_field(struct writer *writer, const void *data, uint32_t size)
{
	uint32_t length = htonl(size);

	put(writer, &length, sizeof length);
	put(writer, data, size);
}

static void to_bytes(uint64_t number, uint8_t bytes[8])
{
	for (int i = 7; i >= 0; i--, number >>= 8)
		bytes[i] = (uint8_t)number;
}

static uint64_t from_bytes(const uint8_t bytes[8])
{
	uint64_t number = 0;

	for (int i = 0; i < 8; i++)
		number = number << 8 | bytes[i];
	return number;
}

/* id and hash are those of the head before, then of the head after. */
static void fill_copy(struct writer *writer, const struct peer_run *run,
		      const struct peer_batch *batch, uint64_t *id, uint8_t hash[PEER_HASH])
{
	writer->size = 0;
	put(writer, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
	for (unsigned int i = 0; i < batch->count; i++) {
		const uint8_t *payload = batch->payloads + (size_t)i * run->size;
		uint8_t number[8];

		put_u16(writer, chained ? 3 : 1);
		if (chained) {
			to_bytes(++*id, number);
			put_field(writer, number, sizeof number);
		}
		put_field(writer, payload, run->size);
		if (chained) {
			peer_link(hash, payload, run->size, hash);
			put_field(writer, hash, PEER_HASH);
		}
	}
	put_u16(writer, 0xffff);
}

static void copy(struct writer *writer, const char *sql)
{
	PGresult *result;

	run_sql(writer->db, sql);
	if (PQputCopyData(writer->db, writer->copy, (int)writer->size) != 1 ||
	    PQputCopyEnd(writer->db, NULL) != 1)
		peer_die("%s", PQerrorMessage(writer->db));
	while ((result = PQgetResult(writer->db)) != NULL)
		PQclear(must(writer->db, result));
}

static void append_chained(struct writer *writer, const struct peer_run *run,
			   const struct peer_batch *batch)
{
	uint8_t number[8], hash[PEER_HASH];
	const char *values[] = { (const char *)number, (const char *)hash };
	const int sizes[] = { sizeof number, sizeof hash }, binary[] = { 1, 1 };
	PGresult *head;
	uint64_t id;

	run_sql(writer->db, "BEGIN");
	head = must(writer->db, PQexecPrepared(writer->db, "head", 0, NULL, NULL, NULL, 1));
	if (PQntuples(head) != 1 || PQgetlength(head, 0, 1) != PEER_HASH)
		peer_die("there is no head");
	id = from_bytes((const uint8_t *)PQgetvalue(head, 0, 0));
	memcpy(hash, PQgetvalue(head, 0, 1), PEER_HASH);
	PQclear(head);
	fill_copy(writer, run, batch, &id, hash);
	copy(writer, "COPY journal FROM STDIN (FORMAT binary)");
	to_bytes(id, number);
	PQclear(must(writer->db, PQexecPrepared(writer->db, "advance", 2, values, sizes, binary, 1)));
	run_sql(writer->db, "COMMIT");
}

static void postgres_append(void *ctx, const struct peer_run *run, const struct peer_batch *batch)
{
	struct writer *writer = ctx;

	if (batch->count == 1) {
		append_one(writer, batch->payloads, run->size);
	} else if (chained) {
		append_chained(writer, run, batch);
	} else {
		fill_copy(writer, run, batch, NULL, NULL);
		copy(writer, "COPY journal (payload) FROM STDIN (FORMAT binary)");
	}
}

/* ---- afterwards ---- */

static void check_row(const PGresult *row, uint64_t number, uint8_t hash[PEER_HASH])
{
	peer_link(hash, PQgetvalue(row, 0, 1), (size_t)PQgetlength(row, 0, 1), hash);
	if (from_bytes((const uint8_t *)PQgetvalue(row, 0, 0)) != number ||
	    PQgetlength(row, 0, 2) != PEER_HASH || memcmp(hash, PQgetvalue(row, 0, 2), PEER_HASH) != 0)
		peer_die("the chain is broken at record %llu", (unsigned long long)number);
}

static uint64_t postgres_count(const struct peer_run *run)
{
	PGconn *db = connect_to(run);
	uint8_t hash[PEER_HASH] = { 0 };
	uint64_t count = 0;
	PGresult *row;

	if (PQsendQueryParams(db, chained ? "SELECT id, payload, hash FROM journal ORDER BY id" :
			      "SELECT id FROM journal", 0, NULL, NULL, NULL, NULL, 1) != 1 ||
	    PQsetSingleRowMode(db) != 1)
		peer_die("%s", PQerrorMessage(db));
	while ((row = PQgetResult(db)) != NULL) {
		if (PQresultStatus(row) == PGRES_SINGLE_TUPLE) {
			count++;
			if (chained)
				check_row(row, count, hash);
		} else {
			must(db, row);
		}
		PQclear(row);
	}
	PQfinish(db);
	return count;
}

static void postgres_close(void)
{
}

static const char *postgres_version(void)
{
	return version;
}

static const char *const variants[] = { "chain", "plain", NULL };

static const struct peer peer_postgres = {
	.name = "postgres",
	.variants = variants,
	.open = postgres_open,
	.writer_open = postgres_writer_open,
	.append = postgres_append,
	.writer_close = postgres_writer_close,
	.count = postgres_count,
	.close = postgres_close,
	.version = postgres_version,
};

int main(int argc, char **argv)
{
	return peer_main(argc, argv, &peer_postgres);
}
