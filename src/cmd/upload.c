/* Journals into a ledger in batches, without duplicates; see upload.h. */
#include "config.h"

#include "upload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "hash.h"
#include "jcs.h"
#include "secret.h"
#include "utf8.h"

#define BATCH_DEFAULT 1000
#define BATCH_MAX 10000
#define BATCH_BYTES (4u << 20)		/* a batch is sent when its body has grown to this */
#define RETRY_MS_MAX 5000
#define RETRY_TOTAL_MS 60000

/* Where a journal of the batch came from, for messages. */
struct place {
	const char *source;
	uint64_t number;		/* of the line; 0: the whole file */
};

/* ---- sending ---- */

static void sleep_ms(uint64_t ms)
{
	struct timespec time = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };

	while (nanosleep(&time, &time) != 0 && errno == EINTR)
		;
}

/* The batch as a request. */
static void ask_batch(void *ctx)
{
	struct upload *upload = ctx;
	struct client *client = &upload->client;

	client_start_write(client, "AppendJournals");
	client_add(client, "LedgerId", upload->ledger);
	client_add(client, "Atomic", "false");
	client_body(client, "application/x-ndjson", tally_buf_bytes(&upload->body));
}

/* An outcome that says nothing about the journal itself: the same batch may be sent again. */
static bool passing(json_object *receipt)
{
	const char *code = reply_text(receipt, "Code");

	return strncmp(code, "Throttling", 10) == 0 || strcmp(code, "ServiceUnavailable") == 0;
}

static bool any_passing(json_object *reply)
{
	json_object *receipts = reply_member(reply, "Receipts");

	for (size_t i = 0; i < reply_count(receipts); i++)
		if (passing(json_object_array_get_idx(receipts, i)))
			return true;
	return false;
}

/* Sends until there is an answer for every journal; NULL when that takes too long. */
static json_object *send(struct upload *upload, upload_ask *ask, void *ctx)
{
	uint64_t wait = 50, waited = 0;

	for (;;) {
		json_object *reply;

		ask(ctx);
		reply = client_try(&upload->client);
		if (reply == NULL && !client_may_retry(&upload->client))
			return NULL;
		if (waited >= RETRY_TOTAL_MS || (reply != NULL && !any_passing(reply)))
			return reply;
		json_object_put(reply);
		sleep_ms(wait);
		waited += wait;
		wait = 2 * wait < RETRY_MS_MAX ? 2 * wait : RETRY_MS_MAX;
	}
}

/* Counts one receipt; false after printing why its journal was refused. */
static bool take_receipt(struct upload *upload, json_object *receipt, const struct place *place)
{
	uint64_t id;

	if (reply_member(receipt, "JournalId") == NULL) {
		char line[32] = "";

		if (place->number != 0)
			snprintf(line, sizeof line, " line %llu", (unsigned long long)place->number);
		bar_end(&upload->bar);
		verb_fail(upload->call, "%s%s: %s (%s)", place->source, line,
			  reply_text(receipt, "Message"), reply_text(receipt, "Code"));
		return false;
	}
	id = strtoull(reply_text(receipt, "JournalId"), NULL, 10);
	/* also where the same token came twice in this run */
	if (id < upload->before || (upload->sent + upload->known != 0 && id <= upload->last))
		upload->known++;
	else
		upload->sent++;
	if (upload->sent + upload->known == 1 || id < upload->first)
		upload->first = id;
	if (id > upload->last)
		upload->last = id;
	return true;
}

static bool say_failed(struct upload *upload)
{
	bar_end(&upload->bar);
	verb_fail(upload->call, "%s%s%s%s", upload->client.message,
		  upload->client.code[0] != '\0' ? " (" : "", upload->client.code,
		  upload->client.code[0] != '\0' ? ")" : "");
	return false;
}

static void show_progress(struct upload *upload)
{
	bar_show(&upload->bar, upload->bytes_total != 0 ? upload->bytes_done
						       : upload->sent + upload->known,
		 upload->bytes_total);
}

bool upload_flush(struct upload *upload)
{
	json_object *reply, *receipts;
	bool good;

	if (upload->count == 0)
		return true;
	reply = send(upload, ask_batch, upload);
	if (reply == NULL)
		return say_failed(upload);
	receipts = reply_member(reply, "Receipts");
	good = reply_count(receipts) == upload->count;
	if (!good)
		verb_fail(upload->call, "%zu receipts for %llu journals", reply_count(receipts),
			  (unsigned long long)upload->count);
	for (uint64_t i = 0; good && i < upload->count; i++)
		good = take_receipt(upload, json_object_array_get_idx(receipts, i),
				    &upload->places[i]);
	json_object_put(reply);
	upload->count = 0;
	tally_buf_clear(&upload->body);
	show_progress(upload);
	return good;
}

bool upload_one(struct upload *upload, upload_ask *ask, void *ctx, uint64_t place)
{
	const struct place at = { upload->source, place };
	json_object *reply;
	bool good;

	if (!upload_flush(upload))
		return false;
	reply = send(upload, ask, ctx);
	if (reply == NULL)
		return say_failed(upload);
	good = take_receipt(upload, reply, &at);
	json_object_put(reply);
	show_progress(upload);
	return good;
}

/* ---- one journal ---- */

/* The first 24 bytes of a hash; frees buf. */
static void token_of(struct tally_buf *buf, char token[65])
{
	uint8_t hash[TALLY_HASH_SIZE];

	tally_sha256(buf->data, buf->size, hash);
	tally_hex_encode(hash, 24, token);
	tally_buf_free(buf);
}

void upload_token(const struct upload *upload, uint64_t place, char token[65])
{
	struct tally_buf buf = { 0 };

	tally_buf_printf(&buf, "tally append\n%s\n%s\n%llu", upload->ledger, upload->name,
			 (unsigned long long)place);
	token_of(&buf, token);
}

void upload_id_token(const struct upload *upload, struct tally_bytes id, char token[65])
{
	struct tally_buf buf = { 0 };

	tally_buf_printf(&buf, "tally import\n%s\n", upload->ledger);
	tally_buf_add_bytes(&buf, id);
	token_of(&buf, token);
}

void upload_add_member(struct tally_buf *body, const char *name, struct tally_bytes text)
{
	tally_buf_printf(body, "\"%s\":", name);
	tally_jcs_string(body, text);
}

void upload_add_payload(struct tally_buf *body, struct tally_bytes payload)
{
	struct tally_arena arena = { 0 };

	if (tally_utf8_valid(payload))
		upload_add_member(body, "Payload", payload);
	else
		upload_add_member(body, "PayloadBase64",
			   tally_bytes_str(tally_base64_encode(&arena, payload)));
	tally_arena_free(&arena);
}

void upload_add_clues(struct tally_buf *body, const struct tally_bytes *clues, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		tally_buf_add_str(body, i == 0 ? ",\"Clues\":[" : ",");
		tally_jcs_string(body, clues[i]);
	}
	if (count > 0)
		tally_buf_add_u8(body, ']');
}

void upload_entry(struct upload *upload)
{
	upload->entry_at = upload->body.size;
	tally_buf_add_u8(&upload->body, '{');
}

bool upload_entry_end(struct upload *upload, uint64_t place)
{
	size_t before = upload->entry_at;
	bool room = true;

	tally_buf_add_str(&upload->body, "}\n");
	if (upload->body.size > BATCH_BYTES && upload->count != 0) {
		/* This one would make the body too large: it begins the next. */
		struct tally_buf next = { 0 };

		tally_buf_add(&next, upload->body.data + before, upload->body.size - before);
		upload->body.size = before;
		room = upload_flush(upload);
		tally_buf_clear(&upload->body);
		tally_buf_add_bytes(&upload->body, tally_buf_bytes(&next));
		tally_buf_free(&next);
	}
	upload->places[upload->count++] = (struct place){ upload->source, place };
	return room && (upload->count < upload->batch || upload_flush(upload));
}

/* ---- sources ---- */

/* What all tokens of this source begin with; number is its place on the line. */
static void name_source(struct upload *upload, const char *source, int number)
{
	const char *token = verb_value(upload->call, "token", NULL);
	char *path = strcmp(source, "-") != 0 ? realpath(source, NULL) : NULL;
	uint8_t random[16];
	char hex[33];

	if (token != NULL) {
		snprintf(upload->name, sizeof upload->name, "token %s %d", token, number);
	} else if (path != NULL) {
		snprintf(upload->name, sizeof upload->name, "file %s", path);
	} else {
		tally_random(random, sizeof random);
		tally_hex_encode(random, sizeof random, hex);
		snprintf(upload->name, sizeof upload->name, "once %s", hex);
		upload->named = false;
	}
	free(path);
}

FILE *upload_source(struct upload *upload, const char *source, int number)
{
	int fd = strcmp(source, "-") == 0 ? dup(STDIN_FILENO) : verb_open(source, O_RDONLY, 0);
	FILE *from = fd >= 0 ? fdopen(fd, "r") : NULL;

	upload->source = strcmp(source, "-") == 0 ? "standard input" : source;
	if (from == NULL)
		verb_fail(upload->call, "%s: %s", source, strerror(errno));
	else
		name_source(upload, source, number);
	return from;
}

bool upload_lines(struct upload *upload, FILE *from, upload_line *each, void *ctx)
{
	uint64_t place = 0;
	char *line = NULL;
	size_t room = 0;
	bool good = true;
	ssize_t size;

	while (good && (size = getline(&line, &room, from)) >= 0) {
		place++;
		upload->bytes_done += (uint64_t)size;
		while (size > 0 && (line[size - 1] == '\n' || line[size - 1] == '\r'))
			size--;
		if (size == 0)
			continue;
		good = each(ctx, tally_bytes(line, (size_t)size), place);
	}
	if (good && ferror(from)) {
		verb_fail(upload->call, "reading %s: %s", upload->source, strerror(errno));
		good = false;
	}
	free(line);
	return good && upload_flush(upload);
}

uint64_t upload_size(const struct verb_call *call)
{
	uint64_t total = 0;

	for (int i = 1; i < call->arg_count; i++) {
		struct stat st;
		int fd = verb_open(call->args[i], O_RDONLY | O_NONBLOCK, 0);
		bool plain = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);

		if (fd >= 0)
			close(fd);
		if (!plain)
			return 0;
		total += (uint64_t)st.st_size;
	}
	return total;
}

/* ---- the upload ---- */

/* What has a lower number was there before this run. */
static bool count_before(struct upload *upload)
{
	json_object *reply;

	client_start(&upload->client, "DescribeLedger");
	client_add(&upload->client, "LedgerId", upload->ledger);
	reply = client_run(&upload->client);
	if (reply == NULL)
		return false;
	upload->before = reply_uint(reply_member(reply, "Ledger"), "JournalCount");
	upload->kv = strcmp(reply_text(reply_member(reply, "Ledger"), "LedgerType"), "KV") == 0;
	json_object_put(reply);
	return true;
}

int upload_open(struct verb_call *call, const char *ledger, struct upload *upload)
{
	int status;

	*upload = (struct upload){ .call = call, .ledger = ledger, .batch = BATCH_DEFAULT,
				   .named = true };
	if (!verb_number(call, "batch", 1, BATCH_MAX, &upload->batch))
		return VERB_USAGE;
	status = client_open(call, true, &upload->client);
	if (status != VERB_OK)
		return status;
	upload->places = tally_calloc(upload->batch, sizeof *upload->places);
	return VERB_OK;
}

bool upload_begin(struct upload *upload, uint64_t bytes_total)
{
	upload->bytes_total = bytes_total;
	if (!count_before(upload))
		return false;
	bar_begin(&upload->bar, upload->call->path, bytes_total != 0 ? "bytes" : "journals");
	upload->begun = true;
	return true;
}

static void show_result(const struct upload *upload)
{
	if (verb_given(upload->call, "json")) {
		json_object *object = json_object_new_object();

		json_object_object_add(object, "LedgerId", json_object_new_string(upload->ledger));
		json_object_object_add(object, "Appended", json_object_new_uint64(upload->sent));
		json_object_object_add(object, "Present", json_object_new_uint64(upload->known));
		if (upload->sent + upload->known != 0) {
			json_object_object_add(object, "FirstJournalId",
					       json_object_new_uint64(upload->first));
			json_object_object_add(object, "LastJournalId",
					       json_object_new_uint64(upload->last));
		}
		print_json(object);
		return;
	}
	printf("%llu appended", (unsigned long long)upload->sent);
	if (upload->known != 0)
		printf(", %llu were there already", (unsigned long long)upload->known);
	if (upload->sent + upload->known != 0)
		printf("; journals %llu to %llu", (unsigned long long)upload->first,
		       (unsigned long long)upload->last);
	printf("\n");
}

int upload_close(struct upload *upload, bool good)
{
	if (upload->begun) {
		good = good && upload_flush(upload);
		bar_end(&upload->bar);
		if (good)
			show_result(upload);
		else
			fprintf(stderr, "tally %s: %llu journals are safely in the ledger%s\n",
				upload->call->path,
				(unsigned long long)(upload->sent + upload->known),
				upload->named ? "; run it again to go on from there" : "");
	}
	client_close(&upload->client);
	tally_buf_free(&upload->body);
	free(upload->places);
	return good ? VERB_OK : VERB_FAILED;
}
