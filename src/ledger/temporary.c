/*
 * Temporary access keys. Nothing is kept of them: the token that comes with one holds it, sealed under the
 * store's master key, and is sent along with every request. It is of use until its time is up, or until the
 * key that it was made from is disabled or deleted.
 *
 * Token: base64 of the sealed u8 1 | u64 time it ends (ms) | the id of the key it is from, its own id, its
 * secret, each u8 size, bytes | text of its policy (may be empty)
 */
#include "core_private.h"

#include "clock.h"
#include "log.h"

#define PREFIX "STS."
#define ID_LENGTH 24		/* "STS." and 20 */
#define SECRET_LENGTH 30
#define TOKEN_MAX 16384		/* characters; none that was made here is longer */
#define CONTEXT TALLY_BYTES_LIT("security token v1")

bool tally_key_is_temporary(struct tally_bytes key_id)
{
	return key_id.size >= sizeof(PREFIX) - 1 && memcmp(key_id.data, PREFIX, sizeof(PREFIX) - 1) == 0;
}

static void add_short(struct tally_buf *buf, const char *text)
{
	tally_buf_add_u8(buf, (uint8_t)strlen(text));
	tally_buf_add_str(buf, text);
}

static const char *seal_token(struct tally_core *core, const char *from,
			      const struct tally_temporary_key *key, struct tally_bytes policy,
			      struct tally_arena *arena)
{
	struct tally_buf plain = { 0 };
	uint8_t seal_key[32], *sealed;
	size_t size;

	tally_buf_add_u8(&plain, 1);
	tally_buf_add_u64(&plain, key->end_ms);
	add_short(&plain, from);
	add_short(&plain, key->key_id);
	add_short(&plain, key->secret);
	tally_buf_add_bytes(&plain, policy);
	size = plain.size + TALLY_SEAL_OVERHEAD;
	sealed = tally_arena_alloc(arena, size);
	tally_derive_key(core->master, "security token", seal_key);
	tally_seal(seal_key, tally_buf_bytes(&plain), CONTEXT, sealed);
	tally_wipe(seal_key, sizeof(seal_key));
	tally_wipe(plain.data, plain.size);
	tally_buf_free(&plain);
	return tally_base64_encode(arena, tally_bytes(sealed, size));
}

int tally_key_temporary(struct tally_core *core, struct tally_bytes from, uint64_t end_ms,
			struct tally_bytes policy, struct tally_arena *arena,
			struct tally_temporary_key *key_r, struct tally_err *err)
{
	struct tally_access_key parent;
	int found = tally_key_find(core, from, &parent, NULL, err);
	char end[24];

	if (found < 0)
		return -1;
	if (found == 0)
		return tally_err_about(err, TALLY_NOTFOUND, "AccessKey", "no such access key");
	if (parent.state != KEY_ACTIVE)
		return tally_err_about(err, TALLY_INVALID, "UserAccessKeyId", "the key is disabled");
	if (policy.size > TALLY_TEMPORARY_POLICY_MAX)
		return tally_err_about(err, TALLY_INVALID, "Policy", "it has more than %d bytes",
				       TALLY_TEMPORARY_POLICY_MAX);
	*key_r = (struct tally_temporary_key){ .account = parent.account, .end_ms = end_ms };
	memcpy(key_r->key_id, PREFIX, sizeof(PREFIX) - 1);
	tally_random_text(key_r->key_id + sizeof(PREFIX) - 1, ID_LENGTH - (sizeof(PREFIX) - 1));
	tally_random_text(key_r->secret, SECRET_LENGTH);
	key_r->token = seal_token(core, parent.id, key_r, policy, arena);
	tally_time_format(end_ms, end);
	tally_log(TALLY_LOG_INFO, "key.temporary", "key", key_r->key_id, "from", parent.id, "until", end,
		  NULL);
	return 0;
}

static int malformed(struct tally_err *err)
{
	return tally_err_about(err, TALLY_INVALID, "SecurityToken", "the token is none of this key");
}

/* What a token holds. */
struct opened {
	uint64_t end_ms;
	struct tally_bytes from, key_id, secret, policy;
};

static int open_token(struct tally_core *core, struct tally_bytes token, struct tally_arena *arena,
		      struct opened *opened, struct tally_err *err)
{
	struct tally_reader reader;
	struct tally_bytes sealed;
	uint8_t seal_key[32], *plain;
	size_t size;
	int result;

	if (token.size > TOKEN_MAX || !tally_base64_decode(arena, token, &sealed) ||
	    sealed.size <= TALLY_SEAL_OVERHEAD)
		return malformed(err);
	size = sealed.size - TALLY_SEAL_OVERHEAD;
	plain = tally_arena_alloc(arena, size);
	tally_derive_key(core->master, "security token", seal_key);
	result = tally_unseal(seal_key, sealed, CONTEXT, plain, err);
	tally_wipe(seal_key, sizeof(seal_key));
	if (result != 0)
		return malformed(err);
	reader = tally_reader(tally_bytes(plain, size));
	if (tally_read_u8(&reader) != 1)
		return malformed(err);
	opened->end_ms = tally_read_u64(&reader);
	opened->from = tally_read_bytes(&reader, tally_read_u8(&reader));
	opened->key_id = tally_read_bytes(&reader, tally_read_u8(&reader));
	opened->secret = tally_read_bytes(&reader, tally_read_u8(&reader));
	opened->policy = tally_read_bytes(&reader, tally_reader_left(&reader));
	return reader.failed ? malformed(err) : 0;
}

int tally_key_open(struct tally_core *core, struct tally_bytes key_id, struct tally_bytes token,
		   uint64_t now_ms, struct tally_arena *arena, struct tally_access_key *key_r,
		   char secret_r[48], struct tally_bytes *policy_r, struct tally_err *err)
{
	struct opened opened = { 0 };
	int found;

	if (open_token(core, token, arena, &opened, err) != 0)
		return -1;
	if (!tally_bytes_equal(opened.key_id, key_id) || opened.secret.size >= 48)
		return malformed(err);
	if (now_ms >= opened.end_ms)
		return tally_err_about(err, TALLY_EXPIRED, "SecurityToken", "its time is up");
	found = tally_key_find(core, opened.from, key_r, NULL, err);
	if (found != 1)
		return found;
	memset(secret_r, 0, 48);
	memcpy(secret_r, opened.secret.data, opened.secret.size);
	tally_wipe((void *)(uintptr_t)opened.secret.data, opened.secret.size);
	*policy_r = opened.policy;
	return 1;
}
