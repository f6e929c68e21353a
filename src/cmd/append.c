/*
 * tally append: files, or NDJSON, into a ledger, in batches.
 *
 * Every journal gets a ClientToken derived from the upload's name and the journal's place in it.
 * A token that the ledger knows is answered with the first receipt, so an upload that broke off
 * is simply run again: what is there already is not appended twice, and what failed half-way is
 * retried the same way. That holds for what a member signs (--sign) too: a signature is no part of
 * what a token stands for, so the second run signs anew, and what is there keeps its first one.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "client.h"
#include "err.h"
#include "hash.h"
#include "jcs.h"
#include "print.h"
#include "secret.h"
#include "signer.h"
#include "utf8.h"

#define BATCH_DEFAULT 1000
#define BATCH_MAX 10000
#define BATCH_BYTES (4u << 20)		/* a batch is sent when its body has grown to this */
#define RECORD_MAX (16u << 20)		/* bytes of one line or file that are read at all */
#define RETRY_MS_MAX 5000
#define RETRY_TOTAL_MS 60000

/* Where a journal of the batch came from, for messages. */
struct place {
	const char *source;
	uint64_t number;		/* of the line; 0: the whole file */
};

struct upload {
	struct verb_call *call;
	struct client client;
	struct signer signer;
	const char *ledger;
	char name[PATH_MAX + 64];	/* of the upload under way, first part of every token */
	uint64_t batch;
	uint64_t before;		/* journals the ledger had when the upload began */
	struct tally_buf body;
	struct place *places;		/* of the batch's journals */
	uint64_t count;			/* journals in body */
	const char *source;		/* what is being read */
	uint64_t sent, known;		/* appended now; were there already */
	uint64_t first, last;		/* journal ids of this upload */
	uint64_t bytes_done, bytes_total;
	struct bar bar;
	bool named;			/* --token was given, or a file's name stands for it */
};

/* ---- sending ---- */

static void sleep_ms(uint64_t ms)
{
	struct timespec time = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };

	while (nanosleep(&time, &time) != 0 && errno == EINTR)
		;
}

static json_object *try_batch(struct upload *upload)
{
	struct client *client = &upload->client;

	client_start_write(client, "AppendJournals");
	client_add(client, "LedgerId", upload->ledger);
	client_add(client, "Atomic", "false");
	client_body(client, "application/x-ndjson", tally_buf_bytes(&upload->body));
	return client_try(client);
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

/* Sends the batch until there is an answer for every journal; NULL when that takes too long. */
static json_object *send_batch(struct upload *upload)
{
	uint64_t wait = 50, waited = 0;

	for (;;) {
		json_object *reply = try_batch(upload);

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
	if (id < upload->before)
		upload->known++;
	else
		upload->sent++;
	if (upload->sent + upload->known == 1 || id < upload->first)
		upload->first = id;
	if (id > upload->last)
		upload->last = id;
	return true;
}

static bool flush_batch(struct upload *upload)
{
	json_object *reply, *receipts;
	bool good;

	if (upload->count == 0)
		return true;
	reply = send_batch(upload);
	if (reply == NULL) {
		bar_end(&upload->bar);
		verb_fail(upload->call, "%s%s%s%s", upload->client.message,
			  upload->client.code[0] != '\0' ? " (" : "", upload->client.code,
			  upload->client.code[0] != '\0' ? ")" : "");
		return false;
	}
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
	bar_show(&upload->bar, upload->bytes_total != 0 ? upload->bytes_done
						       : upload->sent + upload->known,
		 upload->bytes_total);
	return good;
}

/* ---- one journal ---- */

/* 43 characters that no other place of this or another upload has. */
static void make_token(const struct upload *upload, uint64_t place, char token[65])
{
	struct tally_buf buf = { 0 };
	uint8_t hash[TALLY_HASH_SIZE];

	tally_buf_printf(&buf, "tally append\n%s\n%s\n%llu", upload->ledger, upload->name,
			 (unsigned long long)place);
	tally_sha256(buf.data, buf.size, hash);
	tally_hex_encode(hash, 24, token);
	tally_buf_free(&buf);
}

static void add_member(struct tally_buf *body, const char *name, struct tally_bytes text)
{
	tally_buf_printf(body, "\"%s\":", name);
	tally_jcs_string(body, text);
}

/* The clues of the options, and of the entry where it has some. */
static void add_clues(struct upload *upload, json_object *clues)
{
	bool any = false;
	const char *clue;

	for (size_t i = 0; (clue = verb_nth_value(upload->call, "clue", i)) != NULL; i++) {
		tally_buf_add_str(&upload->body, any ? "," : ",\"Clues\":[");
		tally_jcs_string(&upload->body, tally_bytes_str(clue));
		any = true;
	}
	for (size_t i = 0; i < reply_count(clues); i++) {
		json_object *item = json_object_array_get_idx(clues, i);

		tally_buf_add_str(&upload->body, any ? "," : ",\"Clues\":[");
		tally_buf_add_str(&upload->body, json_object_to_json_string_ext(
							 item, JSON_C_TO_STRING_PLAIN));
		any = true;
	}
	if (any)
		tally_buf_add_str(&upload->body, "]");
}

static void add_payload(struct tally_buf *body, struct tally_bytes payload)
{
	struct tally_arena arena = { 0 };

	if (tally_utf8_valid(payload))
		add_member(body, "Payload", payload);
	else
		add_member(body, "PayloadBase64",
			   tally_bytes_str(tally_base64_encode(&arena, payload)));
	tally_arena_free(&arena);
}

/* What an entry brings of a member's signature goes on as it is. */
static const char *const signing_names[] = { "MemberId", "MemberSignature", "MemberSignatureType",
					     "MemberNonce", "PayloadSalt", "MemberSignatures",
					     "RequestMessage" };

#define SIGNING_NAMES (sizeof signing_names / sizeof signing_names[0])

static bool is_signing_name(const char *name)
{
	for (size_t i = 0; i < SIGNING_NAMES; i++)
		if (strcmp(name, signing_names[i]) == 0)
			return true;
	return false;
}

/*
 * An object in the form of AppendJournals: it has Payload or PayloadBase64, and nothing that
 * form does not know. Any other record is a payload as it stands.
 */
static bool is_entry(json_object *object)
{
	static const char *const names[] = { "Payload", "PayloadBase64", "Clues", "ClientId",
					     "ClientToken" };
	bool payload = false;

	if (!json_object_is_type(object, json_type_object))
		return false;
	json_object_object_foreach(object, name, value) {
		size_t i = 0;

		while (i < 5 && strcmp(name, names[i]) != 0)
			i++;
		if ((i == 5 && !is_signing_name(name)) ||
		    (i < 2 && !json_object_is_type(value, json_type_string)))
			return false;
		payload = payload || i < 2;
	}
	return payload;
}

static bool has_signature(json_object *entry)
{
	return reply_member(entry, "MemberSignature") != NULL ||
	       reply_member(entry, "MemberSignatures") != NULL ||
	       reply_member(entry, "RequestMessage") != NULL;
}

static void copy_signing(struct upload *upload, json_object *entry)
{
	for (size_t i = 0; i < SIGNING_NAMES; i++) {
		json_object *value = reply_member(entry, signing_names[i]);

		if (value != NULL)
			tally_buf_printf(&upload->body, ",\"%s\":%s", signing_names[i],
					 json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
	}
}

static struct tally_bytes string_of(json_object *value)
{
	return tally_bytes(json_object_get_string(value), (size_t)json_object_get_string_len(value));
}

/* The clues in the order in which add_clues sends them. */
static size_t gather_clues(const struct upload *upload, json_object *clues,
			   struct tally_arena *arena, struct tally_bytes **clues_r)
{
	size_t given = 0, count = reply_count(clues);

	while (verb_nth_value(upload->call, "clue", given) != NULL)
		given++;
	*clues_r = tally_arena_array(arena, struct tally_bytes, given + count + 1);
	for (size_t i = 0; i < given; i++)
		(*clues_r)[i] = tally_bytes_str(verb_nth_value(upload->call, "clue", i));
	for (size_t i = 0; i < count; i++)
		(*clues_r)[given + i] = string_of(json_object_array_get_idx(clues, i));
	return given + count;
}

/* The payload's own bytes. What is malformed in an entry is for the server to refuse. */
static struct tally_bytes payload_of(json_object *entry, struct tally_bytes record,
				     struct tally_arena *arena)
{
	json_object *base64 = reply_member(entry, "PayloadBase64");
	struct tally_bytes bytes = TALLY_BYTES_NONE;

	if (entry == NULL)
		return record;
	if (base64 == NULL)
		return string_of(reply_member(entry, "Payload"));
	return tally_base64_decode(arena, string_of(base64), &bytes) ? bytes : TALLY_BYTES_NONE;
}

/* Signs the journal; false after printing why not. */
static bool add_signature(struct upload *upload, json_object *entry, struct tally_bytes record)
{
	struct tally_statement statement = { .payload_type = TALLY_BYTES_LIT("CUSTOM") };
	struct tally_arena arena = { 0 };
	struct signature signature;
	struct tally_bytes payload, *clues;
	bool good;

	statement.clue_count = gather_clues(upload, reply_member(entry, "Clues"), &arena, &clues);
	statement.clues = clues;
	payload = payload_of(entry, record, &arena);
	good = signer_sign(&upload->signer, upload->call, &statement, &payload, &signature);
	tally_arena_free(&arena);
	if (good)
		tally_buf_printf(&upload->body, ",\"MemberId\":\"%s\",\"MemberSignature\":\"%s\","
				 "\"MemberNonce\":\"%s\",\"PayloadSalt\":\"%s\"",
				 upload->signer.member_id, signature.signature, signature.nonce,
				 signature.salt);
	return good;
}

static bool add_entry(struct upload *upload, json_object *entry, struct tally_bytes payload,
		      uint64_t place)
{
	const char *client_id = verb_value(upload->call, "client-id", NULL);
	const char *own_token = reply_text(entry, "ClientToken");
	struct tally_buf *body = &upload->body;
	bool good = true;
	char token[65];

	tally_buf_add_u8(body, '{');
	if (entry == NULL)
		add_payload(body, payload);
	else if (reply_member(entry, "PayloadBase64") != NULL)
		add_member(body, "PayloadBase64", tally_bytes_str(reply_text(entry, "PayloadBase64")));
	else
		add_member(body, "Payload", string_of(reply_member(entry, "Payload")));
	add_clues(upload, reply_member(entry, "Clues"));
	if (entry != NULL && reply_member(entry, "ClientId") != NULL)
		client_id = reply_text(entry, "ClientId");
	if (client_id != NULL) {
		tally_buf_add_u8(body, ',');
		add_member(body, "ClientId", tally_bytes_str(client_id));
	}
	make_token(upload, place, token);
	tally_buf_add_u8(body, ',');
	add_member(body, "ClientToken", tally_bytes_str(own_token[0] != '\0' ? own_token : token));
	if (has_signature(entry) || !upload->signer.on)
		copy_signing(upload, entry);
	else
		good = add_signature(upload, entry, payload);
	tally_buf_add_str(body, "}\n");
	return good;
}

/* Puts one journal into the batch and sends the batch when it is full. */
static bool add_record(struct upload *upload, struct tally_bytes record, bool may_be_entry,
		       uint64_t place)
{
	json_object *entry = NULL;
	size_t before = upload->body.size;
	bool room = true, signed_well;

	if (may_be_entry && record.size != 0 && record.data[0] == '{' && record.size < INT_MAX) {
		json_tokener *parser = json_tokener_new();

		entry = json_tokener_parse_ex(parser, (const char *)record.data, (int)record.size);
		json_tokener_free(parser);
		if (!is_entry(entry)) {
			json_object_put(entry);
			entry = NULL;
		}
	}
	signed_well = add_entry(upload, entry, record, place);
	json_object_put(entry);
	if (!signed_well)
		return false;
	if (upload->body.size > BATCH_BYTES && upload->count != 0) {
		/* This one would make the body too large: it begins the next. */
		struct tally_buf next = { 0 };

		tally_buf_add(&next, upload->body.data + before, upload->body.size - before);
		upload->body.size = before;
		room = flush_batch(upload);
		tally_buf_clear(&upload->body);
		tally_buf_add_bytes(&upload->body, tally_buf_bytes(&next));
		tally_buf_free(&next);
	}
	upload->places[upload->count++] = (struct place){ upload->source, place };
	return room && (upload->count < upload->batch || flush_batch(upload));
}

/* ---- reading ---- */

static bool add_lines(struct upload *upload, FILE *from, bool may_be_entry)
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
		good = add_record(upload, tally_bytes(line, (size_t)size), may_be_entry, place);
	}
	if (good && ferror(from)) {
		verb_fail(upload->call, "reading %s: %s", upload->source, strerror(errno));
		good = false;
	}
	free(line);
	return good && flush_batch(upload);
}

static bool add_whole(struct upload *upload, FILE *from)
{
	struct tally_buf buf = { 0 };
	size_t got;
	bool good;

	do {
		got = fread(tally_buf_reserve(&buf, 65536), 1, 65536, from);
		buf.size += got;
	} while (got != 0 && buf.size <= RECORD_MAX);
	upload->bytes_done += buf.size;
	if (ferror(from) || buf.size > RECORD_MAX) {
		verb_fail(upload->call, "reading %s: %s", upload->source,
			  ferror(from) ? strerror(errno) : "larger than 16 MiB");
		good = false;
	} else {
		/* A changed file is another journal: its content is part of its name. */
		uint8_t hash[TALLY_HASH_SIZE];
		char hex[2 * sizeof hash + 1];

		tally_sha256(buf.data, buf.size, hash);
		tally_hex_encode(hash, sizeof hash, hex);
		snprintf(upload->name + strlen(upload->name),
			 sizeof upload->name - strlen(upload->name), "\n%.32s", hex);
		good = add_record(upload, tally_buf_bytes(&buf), false, 0);
	}
	tally_buf_free(&buf);
	return good;
}

static bool ends_with(const char *text, const char *end)
{
	size_t size = strlen(text), end_size = strlen(end);

	return size > end_size && strcmp(text + size - end_size, end) == 0;
}

static bool is_ndjson(const char *name)
{
	return strcmp(name, "-") == 0 || ends_with(name, ".ndjson") || ends_with(name, ".jsonl");
}

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

static bool add_source(struct upload *upload, const char *source, int number)
{
	bool lines = verb_given(upload->call, "lines"), raw = verb_given(upload->call, "raw");
	int fd = strcmp(source, "-") == 0 ? dup(STDIN_FILENO) : verb_open(source, O_RDONLY, 0);
	FILE *from = fd >= 0 ? fdopen(fd, "r") : NULL;
	bool good;

	upload->source = strcmp(source, "-") == 0 ? "standard input" : source;
	if (from == NULL) {
		verb_fail(upload->call, "%s: %s", source, strerror(errno));
		return false;
	}
	name_source(upload, source, number);
	if (raw || (!lines && !is_ndjson(source)))
		good = add_whole(upload, from);
	else
		good = add_lines(upload, from, !lines);
	fclose(from);
	return good;
}

/* ---- the verb ---- */

/* Bytes of all sources, 0 when one of them is no plain file. */
static uint64_t total_size(const struct verb_call *call)
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

static bool count_before(struct upload *upload)
{
	json_object *reply;

	client_start(&upload->client, "DescribeLedger");
	client_add(&upload->client, "LedgerId", upload->ledger);
	reply = client_run(&upload->client);
	if (reply == NULL)
		return false;
	upload->before = reply_uint(reply_member(reply, "Ledger"), "JournalCount");
	json_object_put(reply);
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

static bool upload_all(struct upload *upload)
{
	struct verb_call *call = upload->call;
	bool good = true;

	if (call->arg_count == 1)
		return add_source(upload, "-", 1);
	for (int i = 1; good && i < call->arg_count; i++)
		good = add_source(upload, call->args[i], i);
	return good && flush_batch(upload);
}

static int append_run(struct verb_call *call)
{
	struct upload upload = { .call = call, .ledger = call->args[0], .batch = BATCH_DEFAULT,
				 .named = true };
	int status;

	if (verb_given(call, "raw") && verb_given(call, "lines"))
		return verb_misuse(call, "--raw or --lines, not both");
	if (!verb_number(call, "batch", 1, BATCH_MAX, &upload.batch))
		return VERB_USAGE;
	status = signer_read(call, &upload.signer);
	if (status == VERB_OK)
		status = client_open(call, true, &upload.client);
	if (status != VERB_OK) {
		signer_wipe(&upload.signer);
		return status;
	}
	upload.places = tally_calloc(upload.batch, sizeof *upload.places);
	upload.bytes_total = total_size(call);
	status = VERB_FAILED;
	if (count_before(&upload) &&
	    (!upload.signer.on || signer_ask(&upload.signer, &upload.client, upload.ledger))) {
		bar_begin(&upload.bar, "append", upload.bytes_total != 0 ? "bytes" : "journals");
		status = upload_all(&upload) ? VERB_OK : VERB_FAILED;
		bar_end(&upload.bar);
		if (status == VERB_OK)
			show_result(&upload);
		else
			fprintf(stderr, "tally append: %llu journals are safely in the ledger%s\n",
				(unsigned long long)(upload.sent + upload.known),
				upload.named ? "; run it again to go on from there" : "");
	}
	client_close(&upload.client);
	signer_wipe(&upload.signer);
	tally_buf_free(&upload.body);
	free(upload.places);
	return status;
}

static const struct verb_option append_options[] = {
	{ "token", "NAME", "name of this upload, so that it can be resumed (default: the file's path)" },
	{ "clue", "TEXT", "a clue for every journal; may be given several times" },
	{ "client-id", "TEXT", "ClientId of every journal that brings none" },
	SIGNER_OPTIONS,
	{ "lines", NULL, "each line is one journal's payload, whatever it looks like" },
	{ "raw", NULL, "each file is one journal" },
	{ "batch", "N", "journals sent at a time (default 1000, at most 10000)" },
	VERB_JSON_OPTION,
	VERB_STORE_OPTIONS,
	VERB_ENDPOINT_OPTIONS,
	VERB_OPTIONS_END
};

const struct verb verb_append = {
	.name = "append",
	.usage = "LEDGER [FILE ...]",
	.summary = "Append files, or lines of NDJSON, to a ledger",
	.details =
		"Files named *.ndjson or *.jsonl, and standard input, hold one journal a line: either\n"
		"an object with Payload or PayloadBase64, and if wanted Clues, ClientId, ClientToken and\n"
		"what goes with a member's signature; or anything else, which is the payload itself.\n"
		"Every other file is one journal. --sign signs each that brings no signature.\n"
		"\n"
		"An upload that was interrupted is run again with the same words within 7 days: what\n"
		"the ledger has already is not appended twice. Standard input needs --token for that.",
	.options = append_options,
	.min_args = 1,
	.max_args = -1,
	.run = append_run,
};
