/*
 * tally append: files, or NDJSON, into a ledger, in batches (upload.h), so that what broke off is simply
 * run again. That holds for what a member signs (--sign) too: a signature is no part of what a token
 * stands for, so the second run signs anew, and what is there keeps its first one.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "hash.h"
#include "jcs.h"
#include "signer.h"
#include "upload.h"

struct appending {
	struct upload upload;
	struct signer signer;
};

/* ---- one journal ---- */

/* The clues of the options, and of the entry where it has some. */
static void add_clues(struct appending *a, json_object *clues)
{
	bool any = false;
	const char *clue;

	for (size_t i = 0; (clue = verb_nth_value(a->upload.call, "clue", i)) != NULL; i++) {
		tally_buf_add_str(&a->upload.body, any ? "," : ",\"Clues\":[");
		tally_jcs_string(&a->upload.body, tally_bytes_str(clue));
		any = true;
	}
	for (size_t i = 0; i < reply_count(clues); i++) {
		json_object *item = json_object_array_get_idx(clues, i);

		tally_buf_add_str(&a->upload.body, any ? "," : ",\"Clues\":[");
		tally_buf_add_str(&a->upload.body, json_object_to_json_string_ext(
							 item, JSON_C_TO_STRING_PLAIN));
		any = true;
	}
	if (any)
		tally_buf_add_str(&a->upload.body, "]");
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

static void copy_signing(struct appending *a, json_object *entry)
{
	for (size_t i = 0; i < SIGNING_NAMES; i++) {
		json_object *value = reply_member(entry, signing_names[i]);

		if (value != NULL)
			tally_buf_printf(&a->upload.body, ",\"%s\":%s", signing_names[i],
					 json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
	}
}

static struct tally_bytes string_of(json_object *value)
{
	return tally_bytes(json_object_get_string(value), (size_t)json_object_get_string_len(value));
}

/* The clues in the order in which add_clues sends them. */
static size_t gather_clues(const struct appending *a, json_object *clues,
			   struct tally_arena *arena, struct tally_bytes **clues_r)
{
	size_t given = 0, count = reply_count(clues);

	while (verb_nth_value(a->upload.call, "clue", given) != NULL)
		given++;
	*clues_r = tally_arena_array(arena, struct tally_bytes, given + count + 1);
	for (size_t i = 0; i < given; i++)
		(*clues_r)[i] = tally_bytes_str(verb_nth_value(a->upload.call, "clue", i));
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
static bool add_signature(struct appending *a, json_object *entry, struct tally_bytes record)
{
	struct tally_statement statement = { .payload_type = TALLY_BYTES_LIT("CUSTOM") };
	struct tally_arena arena = { 0 };
	struct signature signature;
	struct tally_bytes payload, *clues;
	bool good;

	statement.clue_count = gather_clues(a, reply_member(entry, "Clues"), &arena, &clues);
	statement.clues = clues;
	payload = payload_of(entry, record, &arena);
	good = signer_sign(&a->signer, a->upload.call, &statement, &payload, &signature);
	tally_arena_free(&arena);
	if (good)
		tally_buf_printf(&a->upload.body, ",\"MemberId\":\"%s\",\"MemberSignature\":\"%s\","
				 "\"MemberNonce\":\"%s\",\"PayloadSalt\":\"%s\"",
				 a->signer.member_id, signature.signature, signature.nonce,
				 signature.salt);
	return good;
}

static bool add_entry(struct appending *a, json_object *entry, struct tally_bytes payload,
		      uint64_t place)
{
	const char *client_id = verb_value(a->upload.call, "client-id", NULL);
	const char *own_token = reply_text(entry, "ClientToken");
	struct tally_buf *body = &a->upload.body;
	bool good = true;
	char token[65];

	upload_entry(&a->upload);
	if (entry == NULL)
		upload_add_payload(body, payload);
	else if (reply_member(entry, "PayloadBase64") != NULL)
		upload_add_member(body, "PayloadBase64", tally_bytes_str(reply_text(entry, "PayloadBase64")));
	else
		upload_add_member(body, "Payload", string_of(reply_member(entry, "Payload")));
	add_clues(a, reply_member(entry, "Clues"));
	if (entry != NULL && reply_member(entry, "ClientId") != NULL)
		client_id = reply_text(entry, "ClientId");
	if (client_id != NULL) {
		tally_buf_add_u8(body, ',');
		upload_add_member(body, "ClientId", tally_bytes_str(client_id));
	}
	upload_token(&a->upload, place, token);
	tally_buf_add_u8(body, ',');
	upload_add_member(body, "ClientToken", tally_bytes_str(own_token[0] != '\0' ? own_token : token));
	if (has_signature(entry) || !a->signer.on)
		copy_signing(a, entry);
	else
		good = add_signature(a, entry, payload);
	return good;
}

/* Puts one journal into the batch. */
static bool add_record(struct appending *a, struct tally_bytes record, bool may_be_entry,
		       uint64_t place)
{
	json_object *entry = NULL;
	bool good;

	if (may_be_entry && record.size != 0 && record.data[0] == '{' && record.size < INT_MAX) {
		json_tokener *parser = json_tokener_new();

		entry = json_tokener_parse_ex(parser, (const char *)record.data, (int)record.size);
		json_tokener_free(parser);
		if (!is_entry(entry)) {
			json_object_put(entry);
			entry = NULL;
		}
	}
	good = add_entry(a, entry, record, place);
	json_object_put(entry);
	return good && upload_entry_end(&a->upload, place);
}

/* ---- reading ---- */

static bool add_whole(struct appending *a, FILE *from)
{
	struct tally_buf buf = { 0 };
	size_t got;
	bool good;

	do {
		got = fread(tally_buf_reserve(&buf, 65536), 1, 65536, from);
		buf.size += got;
	} while (got != 0 && buf.size <= UPLOAD_RECORD_MAX);
	a->upload.bytes_done += buf.size;
	if (ferror(from) || buf.size > UPLOAD_RECORD_MAX) {
		verb_fail(a->upload.call, "reading %s: %s", a->upload.source,
			  ferror(from) ? strerror(errno) : "larger than 16 MiB");
		good = false;
	} else {
		/* A changed file is another journal: its content is part of its name. */
		uint8_t hash[TALLY_HASH_SIZE];
		char hex[2 * sizeof hash + 1];

		tally_sha256(buf.data, buf.size, hash);
		tally_hex_encode(hash, sizeof hash, hex);
		snprintf(a->upload.name + strlen(a->upload.name),
			 sizeof a->upload.name - strlen(a->upload.name), "\n%.32s", hex);
		good = add_record(a, tally_buf_bytes(&buf), false, 0);
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

static bool add_line(void *ctx, struct tally_bytes line, uint64_t number)
{
	struct appending *a = ctx;

	return add_record(a, line, !verb_given(a->upload.call, "lines"), number);
}

static bool add_source(struct appending *a, const char *source, int number)
{
	bool lines = verb_given(a->upload.call, "lines"), raw = verb_given(a->upload.call, "raw");
	FILE *from = upload_source(&a->upload, source, number);
	bool good;

	if (from == NULL)
		return false;
	if (raw || (!lines && !is_ndjson(source)))
		good = add_whole(a, from);
	else
		good = upload_lines(&a->upload, from, add_line, a);
	fclose(from);
	return good;
}

/* ---- the verb ---- */

static bool upload_all(struct appending *a)
{
	struct verb_call *call = a->upload.call;
	bool good = true;

	if (call->arg_count == 1)
		return add_source(a, "-", 1);
	for (int i = 1; good && i < call->arg_count; i++)
		good = add_source(a, call->args[i], i);
	return good;
}

static int append_run(struct verb_call *call)
{
	struct appending a = { .signer = { 0 } };
	bool good;
	int status;

	if (verb_given(call, "raw") && verb_given(call, "lines"))
		return verb_misuse(call, "--raw or --lines, not both");
	status = signer_read(call, &a.signer);
	if (status == VERB_OK)
		status = upload_open(call, call->args[0], &a.upload);
	if (status == VERB_OK) {
		good = (!a.signer.on || signer_ask(&a.signer, &a.upload.client, a.upload.ledger)) &&
		       upload_begin(&a.upload, upload_size(call)) && upload_all(&a);
		status = upload_close(&a.upload, good);
	}
	signer_wipe(&a.signer);
	return status;
}

static const struct verb_option append_options[] = {
	{ "token", "NAME", "name of this upload, so that it can be resumed (default: the file's path)" },
	{ "clue", "TEXT", "a clue for every journal; may be given several times" },
	{ "client-id", "TEXT", "ClientId of every journal that brings none" },
	SIGNER_OPTIONS,
	{ "lines", NULL, "each line is one journal's payload, whatever it looks like" },
	{ "raw", NULL, "each file is one journal" },
	UPLOAD_BATCH_OPTION,
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
