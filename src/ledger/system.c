/*
 * The system ledger (space 0): the store's genesis with its origin and sealed service key,
 * accounts, access keys with sealed secrets, and the catalogue of ledgers. It is a ledger like any
 * other, so that every change of these is a journal.
 */
#include "core_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "sign.h"
#include "utf8.h"

#define SECRET_LENGTH 30
#define KEY_ID_LENGTH 24		/* "LTAI" and 20 */

/* ---- one journal of the system ledger ---- */

struct system_write {
	struct tally_prepared prepared;
	uint8_t request[TALLY_DIGEST_SIZE];
	tally_system_check *check;
	void *ctx;
	uint64_t journal_id;
};

static int decide_system(struct tally_build *build, struct tally_command *command,
			 struct tally_err *err)
{
	struct system_write *own = command->ctx;
	struct tally_hash leaf;
	uint64_t journal;
	int again = tally_build_admit(build, command->write, own->request, &journal, err);

	if (again != 0)
		return again == 1 ? 0 : -1;
	if (own->check != NULL && own->check(build, own->ctx, err) != 0)
		return -1;
	tally_envelope_fill(build->core, command->write, TALLY_BYTES_NONE, own->request, true,
			    &own->prepared.envelope);
	return tally_build_add(build, &own->prepared, &own->journal_id, &leaf, err);
}

int tally_system_run(struct tally_core *core, const struct tally_write *write,
		      unsigned int type, const struct tally_field *fields, size_t count,
		      struct tally_bytes payload, tally_system_check *check, void *ctx,
		      struct tally_err *err)
{
	struct system_write own = { .check = check, .ctx = ctx };
	struct tally_command command = { .space = core->system, .decide = decide_system,
					 .write = write, .ctx = &own, .bytes = 8192,
					 .journals = 1 };
	struct tally_arena arena;
	struct tally_buf buf = { 0 };
	int result;

	for (size_t i = 0; i < count; i++)
		command.bytes += fields[i].text.size;
	own.prepared.record = (struct tally_record){ .type = type, .has_data = true,
						     .fields = fields,
						     .field_count = (uint8_t)count };
	tally_data_encode(&own.prepared.record, &buf);
	tally_keyed_digest(core->digest_key, tally_buf_bytes(&buf), own.request);
	tally_buf_free(&buf);
	tally_arena_init(&arena);
	if (payload.size > 0)
		tally_prepare_payload(&arena, payload, TALLY_BYTES_NONE, &own.prepared);
	result = tally_queue_run(core, &command, err);
	tally_arena_free(&arena);
	return result;
}

#define TEXT(field, value) ((struct tally_field){ TALLY_BYTES_LIT(field), FIELD_TEXT, value, 0 })
#define UINT(field, value) \
	((struct tally_field){ TALLY_BYTES_LIT(field), FIELD_UINT, TALLY_BYTES_NONE, value })

/* ---- a new store ---- */

/* Sixteen digits that do not begin with 0, as account numbers of the API look. */
static uint64_t random_account(void)
{
	uint64_t number;

	tally_random(&number, sizeof(number));
	return 1000000000000000u + number % 8000000000000000u;	/* below 2^53 */
}

void tally_random_text(char *text, size_t length)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	uint8_t byte;

	for (size_t i = 0; i < length;) {
		tally_random(&byte, 1);
		if (byte < 248)
			text[i++] = alphabet[byte % 62];
	}
	text[length] = '\0';
}

/* The private half of the log's key: into locked memory, and out of here. */
static void keep_seed(struct tally_core *core, uint8_t seed[TALLY_ED25519_SEED])
{
	core->log_seed = tally_secret_alloc(TALLY_ED25519_SEED);
	memcpy(core->log_seed, seed, TALLY_ED25519_SEED);
	tally_wipe(seed, TALLY_ED25519_SEED);
}

static int create_genesis(struct tally_core *core, struct tally_err *err)
{
	static const struct tally_write nobody = { .caller = { .local = true } };
	uint8_t seed[TALLY_ED25519_SEED], sealed[TALLY_ED25519_SEED + TALLY_SEAL_OVERHEAD];
	char public[2 * TALLY_ED25519_PUBLIC + 1], id[33];
	struct tally_field fields[3];

	tally_random(seed, sizeof(seed));
	tally_ed25519_public(seed, core->log_public);
	tally_seal(core->seal_key, tally_bytes(seed, sizeof(seed)),
		   TALLY_BYTES_LIT("service key"), sealed);
	keep_seed(core, seed);
	tally_hex_encode(core->log_public, sizeof(core->log_public), public);
	tally_hex_encode(core->store_id, sizeof(core->store_id), id);
	fields[0] = TEXT("logKey", tally_bytes_str(public));
	fields[1] = TEXT("origin", tally_bytes_str(core->origin));
	fields[2] = TEXT("storeId", tally_bytes_str(id));
	return tally_system_run(core, &nobody, TYPE_CREATE_STORE, fields, 3,
			  tally_bytes(sealed, sizeof(sealed)), NULL, NULL, err);
}

static int check_origin(const char *origin, struct tally_err *err)
{
	size_t size = strlen(origin);

	/* A key name of a signed note: no space, no plus, and ours with a ledger id behind it. */
	if (size == 0 || size > 96 || !tally_utf8_printable(tally_bytes_str(origin)) ||
	    strpbrk(origin, " +\t\n") != NULL)
		return tally_err_about(err, TALLY_INVALID, "origin",
				       "it has 1 to 96 printable characters, no space, no plus");
	return 0;
}

int tally_system_create(struct tally_core *core, const char *origin,
			struct tally_first_key *first_r, struct tally_err *err)
{
	static const struct tally_write local = { .caller = { .local = true } };
	uint8_t random[8];
	char hex[17];

	if (origin != NULL && check_origin(origin, err) != 0)
		return -1;
	tally_random(core->store_id, sizeof(core->store_id));
	tally_random(random, sizeof(random));
	tally_hex_encode(random, sizeof(random), hex);
	if (origin != NULL)
		snprintf(core->origin, sizeof(core->origin), "%s", origin);
	else
		snprintf(core->origin, sizeof(core->origin), "tallystick.invalid/%s", hex);
	if (create_genesis(core, err) != 0 ||
	    tally_account_create(core, &local, TALLY_BYTES_LIT("first"), &first_r->account,
				 err) != 0)
		return -1;
	return tally_key_create(core, &local, first_r->account, first_r, err);
}

static int log_key_load(struct tally_core *core, struct tally_bytes sealed, struct tally_err *err)
{
	uint8_t seed[TALLY_ED25519_SEED];

	if (sealed.size != TALLY_ED25519_SEED + TALLY_SEAL_OVERHEAD)
		return tally_err_set(err, TALLY_CORRUPT, "sealed service key");
	if (tally_unseal(core->seal_key, sealed, TALLY_BYTES_LIT("service key"), seed, err) != 0)
		return tally_err_prefix(err, "service key (is this the store's master key file?)");
	tally_ed25519_public(seed, core->log_public);
	keep_seed(core, seed);
	return 0;
}

int tally_system_load(struct tally_core *core, struct tally_err *err)
{
	struct tally_journal journal;
	struct tally_arena arena;
	struct tally_view view;
	struct tally_bytes bytes;
	struct tally_block_header header;
	uint8_t hash[TALLY_HASH_SIZE];
	int result = -1;

	if (tally_view_take(core->system, &view, err) != 0)
		return -1;
	tally_arena_init(&arena);
	if (tally_view_journal(&view, 0, &arena, &journal, err) == 1 &&
	    tally_store_read(core->blocks, TALLY_SYSTEM_SPACE, 0, 0, TALLY_BLOCK_HEADER, &arena,
			     &bytes, err) == 1 &&
	    tally_block_header_read(bytes, &header, hash, err) == 0) {
		memcpy(core->store_id, header.store_id, sizeof(core->store_id));
		snprintf(core->origin, sizeof(core->origin), "%.127s", view.head->origin);
		result = log_key_load(core, journal.sealed, err);
	}
	tally_view_drop(&view);
	tally_arena_free(&arena);
	return result;
}

/* ---- the catalogue ---- */

static int not_in_catalogue(struct tally_build *build, void *ctx, struct tally_err *err)
{
	const struct tally_bytes *ledger_id = ctx;
	struct tally_bytes value;
	int found = tally_view_get(&build->view, TABLE_CATALOGUE, *ledger_id, &build->arena,
				   &value, err);

	return found == 1 ? tally_err_set(err, TALLY_EXISTS, "it is listed already") : found;
}

int tally_catalogue_add(struct tally_core *core, struct tally_bytes ledger_id, uint64_t account,
			struct tally_err *err)
{
	static const struct tally_write local = { .caller = { .local = true } };
	struct tally_field fields[] = { UINT("account", account), TEXT("ledgerId", ledger_id) };
	int result = tally_system_run(core, &local, TYPE_ADD_LEDGER, fields, 2, TALLY_BYTES_NONE,
				not_in_catalogue, &ledger_id, err);

	return result != 0 && err->code == TALLY_EXISTS ? 0 : result;
}

struct joining {
	uint64_t account;
	struct tally_bytes ledger_id;
};

static int not_joined(struct tally_build *build, void *ctx, struct tally_err *err)
{
	const struct joining *joining = ctx;
	struct tally_buf key = { 0 };
	struct tally_bytes value;
	int found;

	tally_buf_add_u64(&key, joining->account);
	tally_buf_add_bytes(&key, joining->ledger_id);
	found = tally_view_get(&build->view, TABLE_JOINED, tally_buf_bytes(&key), &build->arena, &value,
			       err);
	tally_buf_free(&key);
	return found == 1 ? tally_err_set(err, TALLY_EXISTS, "it is listed already") : found;
}

void tally_catalogue_join(struct tally_core *core, struct tally_bytes ledger_id, uint64_t account)
{
	static const struct tally_write local = { .caller = { .local = true } };
	struct tally_field fields[] = { UINT("account", account), TEXT("ledgerId", ledger_id) };
	struct joining joining = { account, ledger_id };
	struct tally_err err;

	if (tally_system_run(core, &local, TYPE_JOIN_LEDGER, fields, 2, TALLY_BYTES_NONE, not_joined,
			     &joining, &err) != 0 && err.code != TALLY_EXISTS)
		tally_log(TALLY_LOG_WARN, "catalogue", "error", err.text, NULL);
}

int tally_catalogue_has(struct tally_core *core, struct tally_bytes ledger_id,
			struct tally_err *err)
{
	struct tally_arena arena;
	struct tally_bytes value;
	struct tally_view view;
	int found;

	if (tally_view_take(core->system, &view, err) != 0)
		return -1;
	tally_arena_init(&arena);
	found = tally_view_get(&view, TABLE_CATALOGUE, ledger_id, &arena, &value, err);
	tally_arena_free(&arena);
	tally_view_drop(&view);
	return found;
}

int tally_catalogue_need(struct tally_core *core, struct tally_space *space, struct tally_err *err)
{
	struct tally_view view;
	uint64_t owner;
	int known = tally_catalogue_has(core, tally_bytes_str(space->name), err);

	if (known != 0)
		return known < 0 ? -1 : 0;
	if (tally_view_take(space, &view, err) != 0)
		return -1;
	owner = view.head->owner;
	tally_view_drop(&view);
	return tally_catalogue_add(core, tally_bytes_str(space->name), owner, err);
}

/* ---- accounts ---- */

int tally_account_create(struct tally_core *core, const struct tally_write *write,
			 struct tally_bytes name, uint64_t *account_r, struct tally_err *err)
{
	uint64_t account = random_account();
	struct tally_field fields[] = { UINT("account", account), TEXT("name", name) };

	if (!tally_utf8_printable(name) || tally_utf8_length(name) > 128)
		return tally_err_about(err, TALLY_INVALID, "Name",
				       "it has up to 128 printable characters");
	*account_r = account;
	return tally_system_run(core, write, TYPE_CREATE_ACCOUNT, fields, 2, TALLY_BYTES_NONE, NULL,
			  NULL, err);
}

struct collect {
	struct tally_arena *arena;
	uint64_t account;
	struct tally_account *accounts;
	struct tally_access_key *keys;
	size_t count, room;
};

static int each_account(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	struct collect *collect = ctx;

	if (key.size != 8 || value.size < 9)
		return 0;
	collect->accounts = tally_arena_more(collect->arena, collect->accounts, collect->count,
					     &collect->room, sizeof(*collect->accounts));
	collect->accounts[collect->count++] = (struct tally_account){
		.id = tally_get_u64(key.data),
		.create_ms = tally_get_u64(value.data + 1),
		.name = tally_arena_bytes(collect->arena,
					  tally_bytes(value.data + 9, value.size - 9)),
	};
	return 0;
}

int tally_account_list(struct tally_core *core, struct tally_arena *arena,
		       struct tally_account **accounts_r, size_t *count_r, struct tally_err *err)
{
	struct collect collect = { .arena = arena };
	struct tally_view view;
	int result;

	if (tally_view_take(core->system, &view, err) != 0)
		return -1;
	result = tally_view_scan(&view, TABLE_ACCOUNT, TALLY_BYTES_NONE, TALLY_BYTES_NONE, false,
				 each_account, &collect, err);
	tally_view_drop(&view);
	*accounts_r = collect.accounts;
	*count_r = collect.count;
	return result;
}

int tally_account_exists(struct tally_core *core, uint64_t account, struct tally_err *err)
{
	struct tally_arena arena;
	struct tally_bytes value;
	struct tally_view view;
	uint8_t key[8];
	int found;

	if (tally_view_take(core->system, &view, err) != 0)
		return -1;
	tally_arena_init(&arena);
	tally_put_u64(key, account);
	found = tally_view_get(&view, TABLE_ACCOUNT, tally_bytes(key, 8), &arena, &value, err);
	tally_arena_free(&arena);
	tally_view_drop(&view);
	return found;
}

int tally_system_account_check(struct tally_build *build, void *ctx, struct tally_err *err)
{
	struct tally_bytes value;
	uint8_t key[8];
	int found;

	tally_put_u64(key, *(const uint64_t *)ctx);
	found = tally_view_get(&build->view, TABLE_ACCOUNT, tally_bytes(key, 8), &build->arena,
			       &value, err);
	if (found == 0)
		return tally_err_about(err, TALLY_NOTFOUND, "Account", "no such account");
	return found == 1 ? 0 : -1;
}

/* ---- access keys ---- */

struct stored_key {
	uint64_t journal;
	struct tally_access_key key;
};

static bool key_read(struct tally_bytes id, struct tally_bytes value, struct stored_key *key_r)
{
	if (value.size != 26 || id.size >= sizeof(key_r->key.id))
		return false;
	memset(key_r, 0, sizeof(*key_r));
	key_r->journal = tally_get_u64(value.data + 1);
	key_r->key.account = tally_get_u64(value.data + 9);
	key_r->key.state = value.data[17];
	key_r->key.create_ms = tally_get_u64(value.data + 18);
	memcpy(key_r->key.id, id.data, id.size);
	return true;
}

int tally_key_create_limited(struct tally_core *core, const struct tally_write *write,
			     uint64_t account, struct tally_bytes policy,
			     struct tally_first_key *key_r, struct tally_err *err)
{
	uint8_t sealed[SECRET_LENGTH + TALLY_SEAL_OVERHEAD];
	struct tally_field fields[3];
	char context[64];
	size_t count = 0;
	int result;

	memcpy(key_r->key_id, "LTAI", 4);
	tally_random_text(key_r->key_id + 4, KEY_ID_LENGTH - 4);
	tally_random_text(key_r->secret, SECRET_LENGTH);
	key_r->account = account;
	snprintf(context, sizeof(context), "access key %s", key_r->key_id);
	tally_seal(core->seal_key, tally_bytes(key_r->secret, SECRET_LENGTH),
		   tally_bytes_str(context), sealed);
	fields[count++] = UINT("account", account);
	fields[count++] = TEXT("keyId", tally_bytes_str(key_r->key_id));
	if (policy.size > 0)
		fields[count++] = TEXT("policy", policy);
	result = tally_system_run(core, write, TYPE_CREATE_KEY, fields, count,
				  tally_bytes(sealed, sizeof(sealed)), tally_system_account_check,
				  &account, err);
	if (result != 0)
		tally_wipe(key_r, sizeof(*key_r));
	return result;
}

int tally_key_create(struct tally_core *core, const struct tally_write *write, uint64_t account,
		     struct tally_first_key *key_r, struct tally_err *err)
{
	return tally_key_create_limited(core, write, account, TALLY_BYTES_NONE, key_r, err);
}

static int key_lookup(const struct tally_view *view, struct tally_bytes key_id,
		      struct tally_arena *arena, struct stored_key *key_r, struct tally_err *err)
{
	struct tally_bytes value;
	int found;

	if (key_id.size == 0 || key_id.size >= sizeof(key_r->key.id))
		return 0;
	found = tally_view_get(view, TABLE_KEY, key_id, arena, &value, err);
	if (found == 1 && !key_read(key_id, value, key_r))
		return tally_err_set(err, TALLY_CORRUPT, "malformed access key");
	return found;
}

static int key_exists(struct tally_build *build, void *ctx, struct tally_err *err)
{
	const struct tally_bytes *id = ctx;
	struct stored_key key;
	int found = key_lookup(&build->view, *id, &build->arena, &key, err);

	if (found == 0)
		return tally_err_about(err, TALLY_NOTFOUND, "AccessKey", "no such access key");
	return found == 1 ? 0 : -1;
}

static int stored_key_find(struct tally_core *core, struct tally_bytes key_id,
			   struct stored_key *key_r, struct tally_err *err)
{
	struct tally_arena arena;
	struct tally_view view;
	int found;

	if (tally_view_take(core->system, &view, err) != 0)
		return -1;
	tally_arena_init(&arena);
	found = key_lookup(&view, key_id, &arena, key_r, err);
	tally_arena_free(&arena);
	tally_view_drop(&view);
	return found;
}

int tally_key_set_state(struct tally_core *core, const struct tally_write *write,
			struct tally_bytes key_id, enum tally_key_state state,
			struct tally_err *err)
{
	struct stored_key key;
	struct tally_field fields[4];
	int found = stored_key_find(core, key_id, &key, err);

	if (found < 0)
		return -1;
	if (found == 0)
		return tally_err_about(err, TALLY_NOTFOUND, "AccessKey", "no such access key");
	fields[0] = UINT("account", key.key.account);
	fields[1] = UINT("created", key.key.create_ms);
	fields[2] = UINT("journal", key.journal);
	fields[3] = TEXT("keyId", key_id);
	return tally_system_run(core, write, state == KEY_ACTIVE ? TYPE_ENABLE_KEY : TYPE_DISABLE_KEY,
			  fields, 4, TALLY_BYTES_NONE, key_exists, &key_id, err);
}

/* That the secret is zeroed follows from the journal (erase.c); usually it is when this returns. */
int tally_key_delete(struct tally_core *core, const struct tally_write *write,
		     struct tally_bytes key_id, struct tally_err *err)
{
	struct stored_key key;
	struct tally_field fields[2];
	int found = stored_key_find(core, key_id, &key, err);

	if (found < 0)
		return -1;
	if (found == 0)
		return tally_err_about(err, TALLY_NOTFOUND, "AccessKey", "no such access key");
	fields[0] = UINT("journal", key.journal);
	fields[1] = TEXT("keyId", key_id);
	if (tally_system_run(core, write, TYPE_DELETE_KEY, fields, 2, TALLY_BYTES_NONE, key_exists,
		       &key_id, err) != 0)
		return -1;
	if (tally_erase_run(core, core->system, err) != 0)
		tally_log(TALLY_LOG_WARN, "erase", "error", err->text, NULL);
	return 0;
}

static int each_key(void *ctx, struct tally_bytes id, struct tally_bytes value)
{
	struct collect *collect = ctx;
	struct stored_key key;

	if (!key_read(id, value, &key) ||
	    (collect->account != 0 && key.key.account != collect->account))
		return 0;
	collect->keys = tally_arena_more(collect->arena, collect->keys, collect->count,
					 &collect->room, sizeof(*collect->keys));
	collect->keys[collect->count++] = key.key;
	return 0;
}

int tally_key_list(struct tally_core *core, uint64_t account, struct tally_arena *arena,
		   struct tally_access_key **keys_r, size_t *count_r, struct tally_err *err)
{
	struct collect collect = { .arena = arena, .account = account };
	struct tally_view view;
	int result;

	if (tally_view_take(core->system, &view, err) != 0)
		return -1;
	result = tally_view_scan(&view, TABLE_KEY, TALLY_BYTES_NONE, TALLY_BYTES_NONE, false,
				 each_key, &collect, err);
	tally_view_drop(&view);
	*keys_r = collect.keys;
	*count_r = collect.count;
	return result;
}

/* ---- the cache of keys: in locked memory, good as long as the system ledger has not grown ---- */

#define CACHE_SLOTS 64

struct cached_key {
	struct tally_access_key key;
	char secret[48];
};

struct tally_key_cache {
	pthread_mutex_t lock;
	uint64_t journals;		/* of the system ledger when it was filled */
	size_t next;
	struct cached_key *slots;	/* CACHE_SLOTS, locked memory */
};

void tally_key_cache_free(struct tally_core *core)
{
	if (core->keys == NULL)
		return;
	tally_secret_free(core->keys->slots);
	pthread_mutex_destroy(&core->keys->lock);
	free(core->keys);
	core->keys = NULL;
}

void tally_key_cache_new(struct tally_core *core)
{
	core->keys = tally_calloc(1, sizeof(*core->keys));
	pthread_mutex_init(&core->keys->lock, NULL);
	core->keys->slots = tally_secret_alloc(CACHE_SLOTS * sizeof(struct cached_key));
	tally_wipe(core->keys->slots, CACHE_SLOTS * sizeof(struct cached_key));
}

static int open_secret(struct tally_core *core, const struct tally_view *view,
		       const struct stored_key *key, struct tally_arena *arena,
		       struct cached_key *cached_r, struct tally_err *err)
{
	struct tally_journal journal;
	char context[64];

	snprintf(context, sizeof(context), "access key %s", key->key.id);
	if (tally_view_journal(view, key->journal, arena, &journal, err) != 1)
		return -1;
	if (journal.sealed.size != SECRET_LENGTH + TALLY_SEAL_OVERHEAD)
		return tally_err_set(err, TALLY_CORRUPT, "sealed secret of %s", key->key.id);
	cached_r->key = key->key;
	if (tally_policies_look(view, &cached_r->key, err) != 0)
		return -1;
	memset(cached_r->secret, 0, sizeof(cached_r->secret));
	return tally_unseal(core->seal_key, journal.sealed, tally_bytes_str(context),
			    (uint8_t *)cached_r->secret, err);
}

static int cache_fill(struct tally_core *core, const struct tally_view *view,
		      struct tally_bytes key_id, struct cached_key **cached_r,
		      struct tally_err *err)
{
	struct tally_key_cache *cache = core->keys;
	struct cached_key *slot = &cache->slots[cache->next];
	struct tally_arena arena;
	struct stored_key key;
	int found;

	tally_arena_init(&arena);
	found = key_lookup(view, key_id, &arena, &key, err);
	if (found == 1) {
		tally_wipe(slot, sizeof(*slot));
		if (open_secret(core, view, &key, &arena, slot, err) == 0) {
			cache->next = (cache->next + 1) % CACHE_SLOTS;
			*cached_r = slot;
		} else {
			tally_wipe(slot, sizeof(*slot));
			found = -1;
		}
	}
	tally_arena_free(&arena);
	return found;
}

static struct cached_key *cache_find(struct tally_key_cache *cache, struct tally_bytes key_id)
{
	for (size_t i = 0; i < CACHE_SLOTS; i++)
		if (tally_bytes_is(key_id, cache->slots[i].key.id))
			return &cache->slots[i];
	return NULL;
}

int tally_key_find(struct tally_core *core, struct tally_bytes key_id,
		   struct tally_access_key *key_r, char secret_r[48], struct tally_err *err)
{
	struct tally_key_cache *cache = core->keys;
	struct cached_key *cached = NULL;
	struct tally_view view;
	int found = 1;

	if (key_id.size == 0)
		return 0;
	if (tally_space_refresh(core->system, false, err) != 0 ||
	    tally_view_take(core->system, &view, err) != 0)
		return -1;
	pthread_mutex_lock(&cache->lock);
	if (cache->journals != view.head->frontier.size) {
		tally_wipe(cache->slots, CACHE_SLOTS * sizeof(struct cached_key));
		cache->journals = view.head->frontier.size;
	}
	cached = cache_find(cache, key_id);
	if (cached == NULL)
		found = cache_fill(core, &view, key_id, &cached, err);
	if (found == 1) {
		*key_r = cached->key;
		if (secret_r != NULL)
			memcpy(secret_r, cached->secret, 48);
	}
	pthread_mutex_unlock(&cache->lock);
	tally_view_drop(&view);
	return found;
}
