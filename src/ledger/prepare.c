/* Preparing entries; see prepare.h. */
#include "prepare.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "utf8.h"

#define SIGNED_EACH 32		/* signatures that are worth a thread: about a millisecond's work */

/* ---- payloads ---- */

void tally_salt(uint8_t salt_r[TALLY_SALT_SIZE])
{
	static __thread uint8_t pool[256 * TALLY_SALT_SIZE];
	static __thread size_t left;

	if (left == 0) {
		tally_random(pool, sizeof(pool));
		left = sizeof(pool);
	}
	left -= TALLY_SALT_SIZE;
	memcpy(salt_r, pool + left, TALLY_SALT_SIZE);
	tally_wipe(pool + left, TALLY_SALT_SIZE);
}

void tally_prepare_payload(struct tally_arena *arena, struct tally_bytes payload,
			   struct tally_bytes evidence, struct tally_prepared *prepared)
{
	tally_prepare_salted(arena, payload, TALLY_BYTES_NONE, evidence, prepared);
}

void tally_prepare_salted(struct tally_arena *arena, struct tally_bytes payload,
			  struct tally_bytes salt, struct tally_bytes evidence,
			  struct tally_prepared *prepared)
{
	struct tally_payload_slot slot = { .evidence = evidence, .payload = payload };
	struct tally_record *record = &prepared->record;
	struct tally_buf head = { 0 };

	if (salt.size == TALLY_SALT_SIZE)
		memcpy(slot.salt, salt.data, TALLY_SALT_SIZE);
	else
		tally_salt(slot.salt);
	record->has_payload = true;
	record->payload_size = payload.size;
	tally_payload_hash(slot.salt, payload, record->payload_hash);
	if (evidence.size > 0) {
		tally_salt(slot.evidence_salt);
		record->has_evidence = true;
		tally_evidence_hash(slot.evidence_salt, evidence, record->evidence_hash);
	}
	tally_buf_reserve(&head, 64 + evidence.size);
	tally_payload_head_encode(&slot, &head);
	prepared->payload_head = tally_arena_bytes(arena, tally_buf_bytes(&head));
	prepared->payload = payload;
	prepared->payload_crc = tally_crc32c(
		tally_crc32c(0, prepared->payload_head.data, prepared->payload_head.size),
		payload.data, payload.size);
	tally_buf_free(&head);
}

/* ---- one entry ---- */

/* RequestDigest: SHA-256 over a label and, each behind its length (u64), LedgerId, payload type,
 * ClientId, the number of clues, each clue, the payload. */
static void add_sized(struct tally_sha256 *sha, struct tally_bytes bytes)
{
	uint8_t size[8];

	tally_put_u64(size, bytes.size);
	tally_sha256_add(sha, size, 8);
	if (bytes.size > 0)
		tally_sha256_add(sha, bytes.data, bytes.size);
}

static void digest_begin(struct tally_bytes ledger_id, struct tally_sha256 *sha)
{
	static const char label[] = "tallystick append v1\n";

	tally_sha256_init(sha);
	tally_sha256_add(sha, label, sizeof(label) - 1);
	add_sized(sha, ledger_id);
	add_sized(sha, TALLY_BYTES_LIT("CUSTOM"));
}

/* begun: what all entries of a command have in common. */
static void request_digest(const struct tally_sha256 *begun, const struct tally_entry *in,
			   uint8_t digest_r[32])
{
	struct tally_sha256 sha = *begun;
	uint8_t count[8];

	add_sized(&sha, in->client_id);
	tally_put_u64(count, in->clue_count);
	tally_sha256_add(&sha, count, 8);
	for (size_t i = 0; i < in->clue_count; i++)
		add_sized(&sha, in->clues[i]);
	add_sized(&sha, in->payload);
	tally_sha256_end(&sha, digest_r);
}

static int check_entry(struct tally_core *core, const struct tally_entry *in,
		       struct tally_err *err)
{
	if (in->payload.size > core->limits.payload)
		return tally_err_about(err, TALLY_INVALID, "Payload",
				       "it has %zu bytes, more than %llu", in->payload.size,
				       (unsigned long long)core->limits.payload);
	if (in->clue_count > TALLY_MAX_CLUES)
		return tally_err_about(err, TALLY_INVALID, "Clues", "more than %d clues",
				       TALLY_MAX_CLUES);
	for (size_t i = 0; i < in->clue_count; i++) {
		if (in->clues[i].size == 0 || in->clues[i].size > TALLY_MAX_CLUE ||
		    !tally_utf8_valid(in->clues[i]))
			return tally_err_about(err, TALLY_INVALID, "Clues",
					       "a clue has 1 to %d bytes of UTF-8",
					       TALLY_MAX_CLUE);
		for (size_t j = 0; j < i; j++)
			if (tally_bytes_equal(in->clues[i], in->clues[j]))
				return tally_err_about(err, TALLY_INVALID, "Clues",
						       "a clue is given twice");
	}
	if (in->client_id.size > 256 || !tally_utf8_valid(in->client_id))
		return tally_err_about(err, TALLY_INVALID, "ClientId",
				       "it has up to 256 bytes of UTF-8");
	return 0;
}

/* The salt of a signed payload is the member's: its hash is what was signed. */
static int check_salt(const struct tally_signing *signing, struct tally_err *err)
{
	if (signing == NULL || signing->count == 0 || signing->message.size > 0 ||
	    signing->salt.size == TALLY_SALT_SIZE)
		return 0;
	return signing->salt.size == 0 ?
		       tally_err_about(err, TALLY_MISSING, "PayloadSalt",
				       "what the member signed has the payload's hash with a salt") :
		       tally_err_about(err, TALLY_INVALID, "PayloadSalt", "it has 16 bytes");
}

static void set_token(struct tally_core *core, const struct tally_write *write,
		      struct tally_bytes ledger_id, const struct tally_entry *in, size_t index,
		      bool batch, struct tally_arena *arena, struct tally_appending *entry)
{
	struct tally_bytes token = in->token;

	if (token.size == 0 && write->token.size > 0)
		token = batch ? tally_bytes_str(tally_arena_printf(
					arena, "%.*s#%zu", (int)write->token.size,
					(const char *)write->token.data, index)) :
				write->token;
	if (token.size == 0)
		return;
	entry->has_token = true;
	tally_token_digest(core, ledger_id, write->caller.account, token, entry->token);
}

static int prepare(struct tally_space *space, const struct tally_write *write,
		   const struct tally_sha256 *begun, const struct tally_entry *in, size_t index, bool batch,
		   struct tally_arena *arena, struct tally_appending *entry, struct tally_err *err)
{
	struct tally_core *core = space->core;
	struct tally_bytes ledger_id = tally_bytes_str(space->name);
	struct tally_record *record = &entry->prepared.record;
	const struct tally_signing *signing = in->signing;

	record->type = TYPE_CUSTOM;
	record->clues = in->clues;
	record->clue_count = (uint8_t)in->clue_count;
	if (signing != NULL && signing->count > 0) {
		entry->of = tally_arena_alloc(arena, sizeof(*entry->of));
		if (check_salt(signing, err) != 0 ||
		    tally_signing_signers(space, &write->caller, signing, arena, entry->of,
					  err) != 0 ||
		    tally_signing_check_message(signing, entry->of, err) != 0)
			return -1;
	}
	tally_prepare_salted(arena, in->payload,
			     signing != NULL ? signing->salt : TALLY_BYTES_NONE,
			     tally_signing_evidence(signing, in->client_id, entry->of, arena),
			     &entry->prepared);
	if (entry->of != NULL && tally_signing_check(space, signing, in->payload, in->client_id,
						     record, entry->of, err) != 0)
		return -1;
	request_digest(begun, in, entry->request);
	set_token(core, write, ledger_id, in, index, batch, arena, entry);
	if (entry->has_token || (index == 0 && write->nonce.size > 0))
		tally_entry_key(core, entry);
	return 0;
}

void tally_entry_key(struct tally_core *core, struct tally_appending *entry)
{
	if (entry->has_key)
		return;
	tally_keyed_digest(core->digest_key, tally_bytes(entry->request, 32), entry->request_key);
	entry->has_key = true;
}

/* Tokens are keyed digests, so their first bytes are as good as any hash of them. */
static void find_twins(struct tally_appending *entries, size_t count, struct tally_arena *arena)
{
	size_t room = 4;
	struct tally_appending **table;

	while (room < 2 * count)
		room *= 2;
	table = tally_arena_array(arena, struct tally_appending *, room);
	for (size_t i = 0; i < count; i++) {
		size_t at = tally_get_u32(entries[i].token) & (room - 1);

		if (!entries[i].has_token)
			continue;
		while (table[at] != NULL &&
		       memcmp(table[at]->token, entries[i].token, TALLY_DIGEST_SIZE) != 0)
			at = (at + 1) & (room - 1);
		entries[i].twin = table[at];
		table[at] = &entries[i];
	}
}

void tally_entry_name(size_t index, bool batch, struct tally_err *err)
{
	char subject[sizeof(err->subject)];

	if (!batch)
		return;
	snprintf(subject, sizeof(subject), "Journals.%zu%s%.60s", index,
		 err->subject[0] != '\0' ? "." : "", err->subject);
	memcpy(err->subject, subject, sizeof(subject));
}

/* ---- all of them ---- */

/* What one hand does: entries from <= i < to. */
struct share {
	struct tally_space *space;
	const struct tally_write *write;
	const struct tally_entry *in;
	struct tally_appending *entries;
	size_t from, to;
	bool batch, atomic;
	struct tally_arena *arena;
	pthread_t thread;
	bool started;
};

/* Of an atomic batch nothing is done behind the first that is wrong. */
static void prepare_share(struct share *share)
{
	struct tally_sha256 begun;

	digest_begin(tally_bytes_str(share->space->name), &begun);
	for (size_t i = share->from; i < share->to; i++) {
		struct tally_appending *entry = &share->entries[i];

		entry->index = i;
		if (share->in[i].refused != NULL)
			entry->err = *share->in[i].refused;
		else if (check_entry(share->space->core, &share->in[i], &entry->err) != 0 ||
			 prepare(share->space, share->write, &begun, &share->in[i], i, share->batch,
				 share->arena, entry, &entry->err) != 0)
			tally_entry_name(i, share->batch, &entry->err);
		if (entry->err.code != TALLY_OK && share->atomic)
			return;
	}
}

static void *share_main(void *ctx)
{
	prepare_share(ctx);
	return NULL;
}

static size_t hands_for(const struct tally_entry *in, size_t count)
{
	size_t signatures = 0, hands;
	long processors;

	for (size_t i = 0; i < count; i++)
		signatures += in[i].signing != NULL ? in[i].signing->count : 0;
	if (signatures < 2 * SIGNED_EACH)
		return 1;
	processors = sysconf(_SC_NPROCESSORS_ONLN);
	hands = signatures / SIGNED_EACH;
	if (processors > 0 && hands > (size_t)processors)
		hands = (size_t)processors;
	return hands < TALLY_HANDS ? hands : TALLY_HANDS;
}

void tally_hands_free(struct tally_hands *hands)
{
	for (size_t i = 0; i < TALLY_HANDS; i++)
		tally_arena_free(&hands->arenas[i]);
}

int tally_prepare_entries(struct tally_space *space, const struct tally_write *write,
			  const struct tally_entry *in, size_t count, bool atomic,
			  struct tally_hands *hands, struct tally_appending *entries_r,
			  struct tally_err *err)
{
	size_t used = hands_for(in, count);
	struct share shares[TALLY_HANDS];

	*hands = (struct tally_hands){ 0 };
	for (size_t i = 0; i < used; i++)
		shares[i] = (struct share){ .space = space, .write = write, .in = in,
					    .entries = entries_r, .batch = count > 1,
					    .atomic = atomic, .from = i * count / used,
					    .to = (i + 1) * count / used,
					    .arena = &hands->arenas[i] };
	/* A thread that cannot be had is done without. */
	for (size_t i = 1; i < used; i++)
		shares[i].started = pthread_create(&shares[i].thread, NULL, share_main,
						   &shares[i]) == 0;
	prepare_share(&shares[0]);
	for (size_t i = 1; i < used; i++) {
		if (shares[i].started)
			pthread_join(shares[i].thread, NULL);
		else
			prepare_share(&shares[i]);
	}
	for (size_t i = 0; atomic && i < count; i++) {
		if (entries_r[i].err.code == TALLY_OK)
			continue;
		*err = entries_r[i].err;
		return -1;
	}
	if (count > 1)
		find_twins(entries_r, count, &hands->arenas[0]);
	return 0;
}
