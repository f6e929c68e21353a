/*
 * The core: an open store with its ledgers. It takes commands (append, create, modify, delete)
 * through the commit queue, and answers reads from the overlay, the index and the blocks. It knows
 * callers as account numbers and nothing of HTTP, JSON requests or signatures of requests.
 *
 * Every function may be called from any thread. What they return lives in the arena given.
 * Lookups return 1, 0 or -1, all others 0 or -1.
 */
#ifndef TALLY_CORE_H
#define TALLY_CORE_H

#include "arena.h"
#include "bytes.h"
#include "conf.h"
#include "err.h"
#include "member_key.h"
#include "state.h"
#include "tree.h"

struct tally_buf;
struct tally_conf;
struct tally_core;
struct tally_cose_receipt;
struct tally_journal;
struct tally_policy;
struct tally_store;

/* ---- opening ---- */

/*
 * Has a digest stamped by a time-stamp authority (RFC 3161): its token, DER, in arena, verified by
 * whoever knows which certificates are trusted. Called from any thread, without any lock of the
 * core held; may take as long as its own timeouts allow. -1 IO about "TimeAuthority" when none
 * answered well, UNSUPPORTED when none is configured.
 */
typedef int tally_stamp(void *ctx, const uint8_t digest[TALLY_HASH_SIZE],
			struct tally_arena *arena, struct tally_bytes *token_r,
			struct tally_err *err);

struct tally_core_options {
	const struct tally_conf *conf;	/* [store] path, driver, master_key ...; [ledger] limits */
	bool short_lived;		/* CGI, one CLI verb: no threads of its own; what was not yet
					   applied to the index is applied on close if it has grown */
	bool read_only;			/* never writes, not even the index, and signs nothing */
	const char *policy;		/* file with the policy of witnesses (c2sp.org/tlog-policy), or
					   NULL; INVALID, naming witness.policy, where it is malformed */
	/* Where read_only is for a store that was moved or copied: called when an operator adopts
	 * it, to remember its new place. The core is not healthy then: it is to be opened anew,
	 * for writing. */
	int (*adopted)(void *ctx, struct tally_err *err);
	void *adopted_ctx;
	tally_stamp *stamp;		/* NULL: no ledger can be anchored in time */
	void *stamp_ctx;
};

/* Rows of [store] and [ledger], for tally_conf_declare and the manual. */
extern const struct tally_setting tally_store_settings[];
extern const struct tally_setting tally_ledger_settings[];

/* Secrets of a fresh store, shown once. Wipe after showing. */
struct tally_first_key {
	uint64_t account;
	char key_id[32];
	char secret[48];
};

/*
 * Makes a new store: the driver's files, the master key file (0600, if there is none), the system
 * ledger with origin, service key, first account and its access key. origin NULL: a random one
 * under tallystick.invalid. EXISTS where there is a store.
 */
int tally_core_init(const struct tally_core_options *options, const char *origin,
		    struct tally_first_key *first_r, struct tally_err *err);

/*
 * Opens it: recovers, replays the blocks after the index mark into the overlay, starts the
 * committer and the flush thread (unless short_lived). Takes no lock on the directory: the caller
 * owns it (own.h). NOTFOUND where there is no store.
 */
int tally_core_open(const struct tally_core_options *options, struct tally_core **core_r,
		    struct tally_err *err);

/* The same over stores that are open already, for tests and wrappers. They are closed with it.
 * index may equal blocks. A store without a system ledger is initialised when first_r is given. */
int tally_core_open_on(const struct tally_core_options *options, struct tally_store *blocks,
		       struct tally_store *index, struct tally_first_key *first_r,
		       struct tally_core **core_r, struct tally_err *err);

/* Finishes what is queued, applies the index, closes the stores. Takes the handle, clears it. */
void tally_core_close(struct tally_core **core);

/* True while the store is usable (not dead after a failed sync). */
bool tally_core_healthy(struct tally_core *core);

/* A 32-byte key of this store for one purpose of a layer above (e.g. signing list tokens). */
void tally_core_key(struct tally_core *core, const char *purpose, uint8_t key_r[32]);

/* ---- callers ---- */

#define TALLY_ACCOUNT_MAX ((1ull << 53) - 1)	/* numbers of accounts: 1 .. */

/* Where a request came in: not every ledger is reached from everywhere (tally_access_get). */
struct tally_reach {
	bool has_address;
	uint8_t address[16];	/* of the client (address.h) */
	bool this_host;		/* the client is on this host */
	struct tally_bytes listener;	/* "<VpcId>/<VSwitchId>" of the private one; empty: the public one */
};

struct tally_caller {
	uint64_t account;	/* 0: nobody, an unsigned request */
	bool local;		/* local administration: acts as the owner of any ledger */
	const struct tally_reach *reach;	/* NULL: from within, everything is reached */
};

#define TALLY_LEDGER_ID_SIZE 27		/* "l-" and 25 hex digits */
#define TALLY_MEMBER_ID_SIZE 28		/* "m-" and 26 hex digits */

/* What a caller may do in a ledger; the rows of the role matrix (roles.c). */
enum tally_permission {
	PERM_NONE = 0,		/* anyone who is known (signed) */
	PERM_ANYONE,		/* even unsigned */
	PERM_VIEW_LEDGER, PERM_UPDATE_LEDGER,
	PERM_VIEW_MEMBER, PERM_UPDATE_MEMBER, PERM_UPDATE_SELF,
	PERM_ACCEPT,		/* an invitation, by the account that has one */
	PERM_VIEW_JOURNAL, PERM_APPEND,
	PERM_UPDATE_TRUSTPOINT, PERM_VIEW_TRUSTPOINT, PERM_CREATE_TIMEANCHOR, PERM_VIEW_TIMEANCHOR,
	PERM_REMOVE,
	PERM_VIEW_ACCESS,
	PERM_LOCAL		/* local administration only */
};

/* In a public ledger everyone has it: VIEW_LEDGER, VIEW_JOURNAL, VIEW_TRUSTPOINT, VIEW_TIMEANCHOR. */
bool tally_permission_public(enum tally_permission permission);

/*
 * May this caller do that in this ledger, by the state as of now? 0, or -1: NOTFOUND (no such
 * ledger, deleted, or the caller has no part in it and it is not public), DENIED. Nobody writes to
 * the time ledger. Writes are checked again when they are committed. DENIED about "Access" where the
 * caller may, but not from where the request came; by a private listener that the ledger has no
 * endpoint on it is NOTFOUND.
 */
int tally_authorise(struct tally_core *core, const struct tally_caller *caller,
		    struct tally_bytes ledger_id, enum tally_permission permission,
		    struct tally_err *err);

/* ---- what every write carries ---- */

/* How a ledger takes members' signatures. Numbers are on disk. */
enum tally_sign_policy { SIGN_ACCEPTED = 0, SIGN_OFF = 1, SIGN_REQUIRED = 2 };

/*
 * Whether payloads may be erased from a ledger, and who must say so: nobody can; an ADMIN's request
 * is enough; or, beside that, the owner's member and another ADMIN member have signed it. A policy is
 * made weaker (OFF to DUAL to ADMIN) only with the two signatures of DUAL. Numbers are on disk.
 */
enum tally_removal_policy { REMOVAL_DUAL = 0, REMOVAL_OFF = 1, REMOVAL_ADMIN = 2 };

/* One member's signature; member_id empty: the caller's own member; type 0: that of its key. */
struct tally_signature {
	struct tally_bytes member_id;
	uint8_t type;
	uint8_t bytes[TALLY_MEMBER_SIGNATURE];
};

/*
 * Signatures of members over what a journal says; the first is its author's. Own form: they sign the
 * statement (statement.h) with this nonce, and, where there is a payload, its hash with this salt.
 * Foreign form: they signed message, a light client's TxRequest, which must say the same.
 */
struct tally_signing {
	const struct tally_signature *signatures;
	size_t count;			/* 0: not signed; at most 8 */
	struct tally_bytes nonce;	/* 1..64 printable characters */
	struct tally_bytes salt;	/* 16 bytes */
	struct tally_bytes message;	/* empty: own form */
};

struct tally_write {
	struct tally_caller caller;
	const struct tally_signing *signing;	/* of a command; entries have their own. NULL: none */
	struct tally_bytes nonce;	/* key id and SignatureNonce, any bytes; empty: none */
	uint64_t request_ms;		/* the request's Timestamp, held against block time; 0: none */
	struct tally_bytes token;	/* ClientToken; empty: none */
	bool again;			/* sent again by a relay: a nonce already used by the same
					   request is answered with its first receipt */
};

/* ---- ledgers ---- */

/* What of a ledger can be bounded more narrowly than [ledger] bounds all. In the order of the names
 * that they have in journals (batchLimit ...). */
enum tally_limit { LIMIT_BATCH, LIMIT_CLUES, LIMIT_MEMBERS, LIMIT_PAGE, LIMIT_PAYLOAD, LIMITS };
/* "BatchLimit" ... */
const char *tally_limit_param(enum tally_limit limit);

enum tally_ledger_type { LEDGER_JOURNAL, LEDGER_KV };
enum tally_ledger_status { LEDGER_INVALID, LEDGER_NORMAL, LEDGER_DELETING, LEDGER_DELETED };

struct tally_ledger_info {
	char id[TALLY_LEDGER_ID_SIZE + 1];
	struct tally_bytes name;
	struct tally_bytes description;
	enum tally_ledger_type type;
	enum tally_ledger_status status;
	bool public_read;
	uint64_t owner;			/* account */
	uint64_t create_ms;
	uint64_t update_ms;
	uint64_t journal_count;
	uint64_t block_count;
	uint64_t member_count;
	uint64_t time_anchor_count;
	struct tally_hash root;		/* of the tree of journal_count leaves */
	struct tally_hash last_block_hash;
	const char *origin;		/* "<store origin>/<LedgerId>" */
	enum tally_sign_policy sign_policy;
	unsigned int sign_count;
	uint64_t state_size, state_journal;	/* newest STATE_ROOT; size 0: none */
	struct tally_hash state_root;
	bool has_anchor_interval;	/* else [time] anchor_interval counts */
	uint64_t anchor_interval_s;	/* 0: never by itself */
	enum tally_removal_policy removal_policy;
	uint64_t purged_before;		/* payloads of all journals below are erased; 0: of none */
	uint64_t limits[LIMITS];	/* its own; 0: the server's count */
};

struct tally_ledger_create {
	struct tally_bytes name;	/* 1..128 characters */
	struct tally_bytes description;	/* 0..256 characters */
	enum tally_ledger_type type;
	bool public_read;
	enum tally_sign_policy sign_policy;
	unsigned int sign_count;	/* 0 or 1: one signature is enough */
	bool set_anchor_interval;
	uint64_t anchor_interval_s;
	enum tally_removal_policy removal_policy;
};

struct tally_ledger_created {
	char ledger_id[TALLY_LEDGER_ID_SIZE + 1];
	char member_id[TALLY_MEMBER_ID_SIZE + 1];	/* the owner, first member */
};

/* With a token the LedgerId is derived from (account, token): the same call twice gives the same
 * ledger; MISMATCH when the other parameters differ. FULL-like limits (ledgers an account may
 * create) are BUSY. A local caller must name the account in caller.account. */
int tally_ledger_create(struct tally_core *core, const struct tally_write *write,
			const struct tally_ledger_create *create,
			struct tally_ledger_created *created_r, struct tally_err *err);

/* 1, 0 (no such ledger; deleted ones are found, with their status). */
int tally_ledger_describe(struct tally_core *core, struct tally_bytes ledger_id,
			  struct tally_arena *arena, struct tally_ledger_info *info_r,
			  struct tally_err *err);

/*
 * Ledgers an account owns, or is an enabled member of, ordered by id, those after `after` (empty: from the
 * start), at most limit; account 0 with caller local: all. *more_r: there are further ones.
 * Deleted ones are left out, and those that are not reached from where the caller is.
 */
int tally_ledger_list(struct tally_core *core, const struct tally_caller *caller,
		      struct tally_bytes after, size_t limit, struct tally_arena *arena,
		      struct tally_ledger_info **infos_r, size_t *count_r, bool *more_r,
		      struct tally_err *err);

struct tally_ledger_change {
	bool set_name, set_description, set_public_read, set_sign_policy, set_sign_count,
	     set_anchor_interval, set_removal_policy, set_limit[LIMITS];
	struct tally_bytes name;
	struct tally_bytes description;
	bool public_read;
	enum tally_sign_policy sign_policy;
	unsigned int sign_count;
	uint64_t anchor_interval_s;
	enum tally_removal_policy removal_policy;
	uint64_t limits[LIMITS];	/* 0: the server's; INVALID ("PayloadLimit") above those */
};
/* A weaker removal policy needs signatures, see tally_journal_occult. */
int tally_ledger_modify(struct tally_core *core, const struct tally_write *write,
			struct tally_bytes ledger_id, const struct tally_ledger_change *change,
			struct tally_err *err);

/* Its last journal is DELETE_LEDGER; reads answer NOTFOUND from then on, describe shows DELETED. */
int tally_ledger_delete(struct tally_core *core, const struct tally_write *write,
			struct tally_bytes ledger_id, struct tally_err *err);

/* ---- how a ledger is reached ---- */

/*
 * A ledger is reached by the server's public way in, unless open access is off (then only from this host), and
 * by private listeners on which it has an endpoint; and from networks on its list, where it has one,
 * whichever way in. All of it is said by UPDATE_LEDGER journals.
 */
#define TALLY_IP_LIST_MAX 128		/* networks */
struct tally_access {
	bool open;
	struct tally_bytes ip_list;	/* networks, separated by commas; empty: from everywhere */
	bool service_role;		/* consent was given (tally_access_grant) */
};
int tally_access_get(struct tally_core *core, struct tally_bytes ledger_id, struct tally_arena *arena,
		     struct tally_access *access_r, struct tally_err *err);
/* Of callers that have no account, such as those of a channel: 0 where it is reached from there, else -1 as of
 * tally_authorise. reach NULL: from within. */
int tally_access_check(struct tally_core *core, struct tally_bytes ledger_id,
		       const struct tally_reach *reach, struct tally_err *err);
int tally_access_open(struct tally_core *core, const struct tally_write *write,
		      struct tally_bytes ledger_id, bool open, struct tally_err *err);

/*
 * ip_list: addresses and networks, separated by commas. INVALID about "IpList" where one is malformed,
 * there are too many, the last one would be deleted, or one to delete is not there. Who covers the list
 * with 0.0.0.0/0,::/0 lets everybody in again.
 */
enum tally_ip_change { IP_COVER, IP_APPEND, IP_DELETE };
int tally_access_ip_list(struct tally_core *core, const struct tally_write *write,
			 struct tally_bytes ledger_id, enum tally_ip_change how,
			 struct tally_bytes ip_list, struct tally_err *err);

/* Notes that the ledger's owner lets the service take members' keys from the operator's key store
 * (tally_member_set_kms_key). Once is enough. */
int tally_access_grant(struct tally_core *core, const struct tally_write *write,
		       struct tally_bytes ledger_id, struct tally_err *err);

#define TALLY_ENDPOINT_PART 64		/* characters of VpcId and of VSwitchId: letters, digits, . _ - */
#define TALLY_ENDPOINT_ID 80		/* of an endpoint's id, with its NUL */
#define TALLY_ENDPOINT_DOMAIN 64	/* characters of the domain in it */
#define TALLY_ENDPOINT_MAX 64		/* of a ledger */
/* "<VpcId>/<VSwitchId>" of the characters that these may have. */
bool tally_listener_valid(struct tally_bytes listener);
struct tally_endpoint {
	struct tally_bytes id;		/* a host name */
	struct tally_bytes listener;	/* "<VpcId>/<VSwitchId>" */
	struct tally_bytes address;	/* of the listener when it was made */
	struct tally_bytes member_id;	/* that made it */
	uint64_t create_ms;
};
/* "<14 hex digits>.<domain>": the digits come of ledger and listener. */
void tally_endpoint_id(struct tally_bytes ledger_id, struct tally_bytes listener, const char *domain,
		       char id_r[TALLY_ENDPOINT_ID]);
/* id, listener and address of endpoint. EXISTS about "VpcEndpoint <id>"; with the same token again 0. */
int tally_endpoint_create(struct tally_core *core, const struct tally_write *write,
			  struct tally_bytes ledger_id, const struct tally_endpoint *endpoint,
			  struct tally_err *err);
/* NOTFOUND about "VpcEndpoint <id>" where the ledger has none of that id on that listener. */
int tally_endpoint_delete(struct tally_core *core, const struct tally_write *write,
			  struct tally_bytes ledger_id, struct tally_bytes id,
			  struct tally_bytes listener, struct tally_err *err);
/* In the order of listeners, those after `after`. */
int tally_endpoint_list(struct tally_core *core, struct tally_bytes ledger_id,
			struct tally_bytes after, size_t limit, struct tally_arena *arena,
			struct tally_endpoint **endpoints_r, size_t *count_r, bool *more_r,
			struct tally_err *err);

/* ---- appending ---- */

struct tally_entry {
	struct tally_bytes payload;		/* up to the limit; any bytes */
	const struct tally_bytes *clues;	/* valid UTF-8, 1..128 bytes each, up to 32 */
	size_t clue_count;
	struct tally_bytes client_id;		/* ClientId, valid UTF-8; empty: none */
	struct tally_bytes token;		/* its own ClientToken; empty: the batch's "token#i" */
	const struct tally_signing *signing;	/* NULL: not signed by a member */
	const struct tally_err *refused;	/* the caller could not read it, and says why: that is
						   its outcome; NULL: it is well */
};

struct tally_receipt {
	uint64_t journal_id;
	struct tally_hash journal_hash;
	uint8_t request_digest[32];	/* SHA-256, see doc/formats.md */
	uint64_t timestamp_ms;
	uint64_t block;
	struct tally_hash block_hash;
	uint64_t tree_size;		/* the tree after that block ... */
	struct tally_hash root;		/* ... and its root */
};

/* What became of one entry: err.code TALLY_OK and a receipt, or the reason. */
struct tally_append_result {
	struct tally_receipt receipt;
	struct tally_err err;
};

/* The limit of a batch. */
size_t tally_core_batch_limit(const struct tally_core *core);

/*
 * Appends count entries (1 .. limit of a batch). atomic: all in one block or none; the first
 * failure is the return value. Not atomic: 0 when the batch was taken up, each entry's outcome in
 * results_r[i]. Durable when it returns. Errors that concern one entry carry its number in
 * subject ("Journals.3.Payload"). BUSY: the queue is full; UNCERTAIN: outcome unknown, ask again
 * with the same token.
 */
int tally_append(struct tally_core *core, const struct tally_write *write,
		 struct tally_bytes ledger_id, const struct tally_entry *entries, size_t count,
		 bool atomic, struct tally_append_result *results_r, struct tally_err *err);

/* ---- members ---- */

/* Numbers are on disk. */
enum tally_role { ROLE_NONE, ROLE_READER, ROLE_WRITER, ROLE_ADMIN };

struct tally_member {
	char id[TALLY_MEMBER_ID_SIZE + 1];
	uint64_t account;		/* 0: none; it signs what an account's access key sends */
	enum tally_role role;
	bool enabled;
	struct tally_member_key key;	/* type KEY_TYPE_NONE: none */
	uint64_t create_ms, update_ms;
	uint64_t journal_id;		/* the last one about it */
};

struct tally_member_create {
	struct tally_bytes id;		/* empty: made from the account or the key */
	uint64_t account;		/* 0: none, then a key is needed */
	enum tally_role role;
	struct tally_member_key key;
};

/* What a role may do, as light clients list it: permission items, by number. Returns their number. */
#define TALLY_ITEMS_MAX 10
struct tally_permission_item {
	const char *name;		/* "VIEW_LEDGER" */
	unsigned int number;		/* 1 .. 10 */
	unsigned int weight;
};
size_t tally_role_items(enum tally_role role,
			struct tally_permission_item items_r[TALLY_ITEMS_MAX]);

/* "ADMIN" ...; NULL for ROLE_NONE. And back. */
const char *tally_role_name(enum tally_role role);
enum tally_role tally_role_find(struct tally_bytes name);

/* "m-" and 26 lower-case hex digits. */
bool tally_member_id_valid(struct tally_bytes id);

/* EXISTS about "Member" where id or account is a member's; INVALID about "PublicKey" where the key is
 * or was one's, or there is neither account nor key, about "MemberId" where the id was another's;
 * BUSY-like DENIED at the greatest number. */
int tally_member_create(struct tally_core *core, const struct tally_write *write,
			struct tally_bytes ledger_id, const struct tally_member_create *create,
			char id_r[TALLY_MEMBER_ID_SIZE + 1], struct tally_err *err);
/*
 * Invites accounts (1 .. TALLY_INVITE_MAX) to become members, all or none. The invitation stays open
 * until the account accepts it or is made a member. NOTFOUND about "Account N", EXISTS about "Member of
 * account N" or "Invitation of account N".
 */
#define TALLY_INVITE_MAX 100
int tally_member_invite(struct tally_core *core, const struct tally_write *write,
			struct tally_bytes ledger_id, const uint64_t *accounts, size_t count,
			struct tally_err *err);
/* The caller's account (of local administration: the one it acts for) accepts its invitation, and is a
 * READER from then on. key: of type KEY_TYPE_NONE where it gives none. EXISTS about "Member"; without
 * an invitation NOTFOUND or DENIED like any stranger. */
int tally_member_accept(struct tally_core *core, const struct tally_write *write,
			struct tally_bytes ledger_id, const struct tally_member_key *key,
			char id_r[TALLY_MEMBER_ID_SIZE + 1], struct tally_err *err);
/* A disabled member keeps role and key and can do nothing. NOTFOUND about "Member m-...". The owner stays
 * an enabled ADMIN (INVALID about "MemberId"), so every ledger has one. */
int tally_member_enable(struct tally_core *core, const struct tally_write *write,
			struct tally_bytes ledger_id, struct tally_bytes member_id, bool enabled,
			struct tally_err *err);
/* It is a member no more; its account may be invited again, its keys are never used again. Errors as of
 * tally_member_enable. */
int tally_member_delete(struct tally_core *core, const struct tally_write *write,
			struct tally_bytes ledger_id, struct tally_bytes member_id,
			struct tally_err *err);
/* NOTFOUND about "Member m-..."; the owner stays ADMIN (INVALID about "Role"). */
int tally_member_set_role(struct tally_core *core, const struct tally_write *write,
			  struct tally_bytes ledger_id, struct tally_bytes member_id,
			  enum tally_role role, struct tally_err *err);
/* member_id empty: the caller's own. Others' keys are changed by an ADMIN, but not the owner's. The former key is of no use
 * for ever: neither this member nor another can have it again. */
int tally_member_set_key(struct tally_core *core, const struct tally_write *write,
			 struct tally_bytes ledger_id, struct tally_bytes member_id,
			 const struct tally_member_key *key, struct tally_err *err);

/* The same with a key of the operator's key store; key_id is 1 to 64 characters, version up to 64, of
 * letters, digits, . _ -; or key_id is the URI of a key on a PKCS#11 token (RFC 7512), of up to
 * TALLY_KMS_URI characters, without a query and without a version. DENIED where the ledger's owner did
 * not grant that (tally_access_grant). */
#define TALLY_KMS_URI 255
struct tally_kms_key {
	struct tally_bytes id, version;	/* version empty: none was named */
};
bool tally_kms_key_is_uri(struct tally_bytes id);	/* "pkcs11:..." */
bool tally_kms_key_valid(struct tally_bytes id, struct tally_bytes version);
int tally_member_set_kms_key(struct tally_core *core, const struct tally_write *write,
			     struct tally_bytes ledger_id, struct tally_bytes member_id,
			     const struct tally_member_key *key, const struct tally_kms_key *kms,
			     struct tally_err *err);
/* Where a member's key comes from: 1 the key store; 0 it was given. */
int tally_member_kms_key(struct tally_core *core, struct tally_bytes ledger_id,
			 struct tally_bytes member_id, struct tally_arena *arena,
			 struct tally_kms_key *kms_r, struct tally_err *err);

/* member_id empty: the caller's own. 1, 0 no such member. */
int tally_member_get(struct tally_core *core, const struct tally_caller *caller,
		     struct tally_bytes ledger_id, struct tally_bytes member_id,
		     struct tally_member *member_r, struct tally_err *err);
/* In the order of ids, those after `after` (empty: from the start). */
int tally_member_list(struct tally_core *core, struct tally_bytes ledger_id,
		      struct tally_bytes after, size_t limit, struct tally_arena *arena,
		      struct tally_member **members_r, size_t *count_r, bool *more_r,
		      struct tally_err *err);

/* A member as its record: canonical JSON of account, enabled, key, keyType, memberId and role, those
 * left out that it has not. The state tree has its SHA-256. */
void tally_member_json(const struct tally_member *member, struct tally_buf *buf);

/* ---- keys and values ---- */

#define TALLY_KV_KEY_MAX 255		/* bytes of UTF-8, at least 1 */

/* Of a KV ledger only (INVALID about "LedgerId"). receipt_r may be NULL. */
int tally_kv_set(struct tally_core *core, const struct tally_write *write,
		 struct tally_bytes ledger_id, struct tally_bytes key, struct tally_bytes value,
		 struct tally_receipt *receipt_r, struct tally_err *err);
/* NOTFOUND about "Key" where it has no value. */
int tally_kv_delete(struct tally_core *core, const struct tally_write *write,
		    struct tally_bytes ledger_id, struct tally_bytes key,
		    struct tally_receipt *receipt_r, struct tally_err *err);
/* 1 and the KV_SET journal, whose payload is the value; 0 where there is none. at: as of the first so
 * many journals; UINT64_MAX: now. */
int tally_kv_get(struct tally_core *core, struct tally_bytes ledger_id, struct tally_bytes key,
		 uint64_t at, struct tally_arena *arena, struct tally_journal *journal_r,
		 struct tally_err *err);

/* ---- the state ---- */

/*
 * Brings a STATE_ROOT journal about all that is there, unless the newest one is about all but
 * itself. 1 when one was appended, 0 when none was needed.
 */
int tally_state_refresh(struct tally_core *core, struct tally_bytes ledger_id,
			struct tally_err *err);

/* What the state says under one key, as of a STATE_ROOT journal. */
struct tally_state_found {
	uint64_t size;			/* as of the first so many journals */
	struct tally_hash root;
	uint64_t journal_id;		/* the STATE_ROOT journal; it is in every tree beyond it */
	bool there;
	struct tally_state_proof proof;
	/* of a clue: how many journals, their numbers and hashes in order, those asked for */
	uint64_t count, first;
	uint64_t *journal_ids;
	struct tally_hash *journal_hashes;
	size_t journal_count;
	struct tally_hash clue_root;
	struct tally_hash range[TALLY_TREE_MAX_RANGE];	/* where it is not all of them */
	size_t range_count;
	/* of a key */
	uint64_t kv_journal_id;
	struct tally_hash kv_journal_hash;
	/* of a member */
	struct tally_member member;
};

/* 1, 0 where the ledger has no STATE_ROOT below tree_size (0: the newest tree). limit: journals of a
 * clue given at once, beginning with number `first` of its lineage. NOTFOUND: no such ledger. */
int tally_state_prove_clue(struct tally_core *core, struct tally_bytes ledger_id,
			   struct tally_bytes clue, uint64_t first, size_t limit,
			   uint64_t tree_size, struct tally_arena *arena,
			   struct tally_state_found *found_r, struct tally_err *err);
int tally_state_prove_kv(struct tally_core *core, struct tally_bytes ledger_id,
			 struct tally_bytes key, uint64_t tree_size,
			 struct tally_state_found *found_r, struct tally_err *err);
int tally_state_prove_member(struct tally_core *core, struct tally_bytes ledger_id,
			     struct tally_bytes member_id, uint64_t tree_size,
			     struct tally_state_found *found_r, struct tally_err *err);

/* ---- reading ---- */

struct tally_field;

struct tally_journal {
	uint64_t id;
	struct tally_hash hash;		/* Merkle leaf hash of the leaf */
	const char *payload_type;	/* "CUSTOM", "CREATE_LEDGER" ... */
	struct tally_bytes payload;	/* for types with data: the data, canonical JSON */
	bool is_data;			/* payload is that data */
	struct tally_bytes member_id;
	struct tally_bytes client_id;
	const struct tally_bytes *clues;
	size_t clue_count;
	uint64_t timestamp_ms;
	uint64_t block;
	struct tally_bytes leaf;	/* the canonical JSON whose leaf hash is `hash` */
	bool has_payload;		/* the leaf speaks of one; it may be removed */
	uint8_t salt[16];		/* of a removed payload: zero */
	struct tally_bytes evidence;	/* what the leaf's evidenceHash is of; empty: none, or removed */
	uint8_t evidence_salt[16];
	bool removed;			/* the payload is erased, or about to be; it is not given out */
	uint64_t removed_by;		/* the journal that orders that */
	struct tally_bytes sealed;	/* a payload beside data: sealed secrets of the system ledger */
	struct tally_bytes author_key;	/* hex, of the member that signed it; empty: none did */
	struct tally_bytes key;		/* of KV_SET and KV_DELETE; the payload is the value, or empty */
	const struct tally_field *fields;	/* that data (record.h) */
	size_t field_count;
};

/* 1, or 0 where the ledger has no such journal (or does not exist). */
int tally_journal_get(struct tally_core *core, struct tally_bytes ledger_id, uint64_t journal_id,
		      struct tally_arena *arena, struct tally_journal *journal_r,
		      struct tally_err *err);

struct tally_journal_query {
	struct tally_bytes clue;	/* empty: any */
	struct tally_bytes member_id;	/* empty: any */
	struct tally_bytes payload_type;/* empty: any */
	uint64_t start_id, end_id;	/* inclusive; end_id UINT64_MAX: to the end */
	uint64_t start_ms, end_ms;	/* inclusive; end_ms UINT64_MAX: to the end */
	bool reverse;			/* newest first */
	size_t limit;			/* journals of a page */
	size_t byte_limit;		/* a page also ends at so many bytes of payload (at least one
					   journal is returned) */
	bool has_cursor;		/* go on at cursor, as given by the page before */
	uint64_t cursor;
};

struct tally_journal_page {
	struct tally_journal *journals;
	size_t count;
	bool more;			/* there may be further ones: go on at cursor */
	uint64_t cursor;
};

/* All filters must hold. NOTFOUND where there is no such ledger. */
int tally_journal_list(struct tally_core *core, struct tally_bytes ledger_id,
		       const struct tally_journal_query *query, struct tally_arena *arena,
		       struct tally_journal_page *page_r, struct tally_err *err);

/* One key of a listing, or one version of a key. */
struct tally_kv_item {
	struct tally_bytes key;
	bool deleted;			/* a version that took the value away (KV_DELETE) */
	uint64_t journal_id;
	struct tally_hash hash;		/* of that journal */
	struct tally_journal journal;	/* it, whole, where values are wanted */
};
struct tally_kv_page {
	struct tally_kv_item *items;
	size_t count;
	bool more;			/* there may be further ones: go on at cursor, or after last_key */
	uint64_t cursor;
	struct tally_bytes last_key;	/* that was looked at */
};
struct tally_kv_query {
	struct tally_bytes prefix;	/* of keys; of a history the key itself */
	struct tally_bytes after;	/* keys behind this one; empty: from the first */
	bool has_cursor;		/* versions from this journal on, backwards */
	uint64_t cursor;
	bool values;
	size_t limit;			/* items of a page; it also ends at so many ... */
	size_t byte_limit;		/* ... bytes of values (at least one item is returned), and after some
					   thousands of keys that have no value any more */
};
/* Keys that have a value, in the order of their bytes. As tally_kv_get otherwise. */
int tally_kv_list(struct tally_core *core, struct tally_bytes ledger_id,
		  const struct tally_kv_query *query, struct tally_arena *arena,
		  struct tally_kv_page *page_r, struct tally_err *err);
/* All that a key was, the newest first. NOTFOUND about "Key" where it never had a value. */
int tally_kv_history(struct tally_core *core, struct tally_bytes ledger_id,
		     const struct tally_kv_query *query, struct tally_arena *arena,
		     struct tally_kv_page *page_r, struct tally_err *err);

/* 1 it exists (and has that hash, when hash is not NULL), 0 not. */
int tally_journal_exist(struct tally_core *core, struct tally_bytes ledger_id,
			uint64_t journal_id, const struct tally_hash *hash, struct tally_err *err);

struct tally_block_info {
	uint64_t block;
	struct tally_hash parent_hash;	/* zero for block 0 */
	struct tally_hash hash;
	uint64_t first_journal_id;
	uint64_t last_journal_id;
	struct tally_hash root;
	uint64_t timestamp_ms;
};
int tally_block_info(struct tally_core *core, struct tally_bytes ledger_id, uint64_t block,
		     struct tally_block_info *info_r, struct tally_err *err);

/*
 * Audit path of a journal in the tree of tree_size journals (0: the newest tree), leaf side first
 * (RFC 9162 2.1.3). 1, or 0 where the ledger has no such journal or tree.
 */
struct tally_inclusion {
	uint64_t journal_id;
	uint64_t tree_size;
	struct tally_hash root;
	struct tally_hash path[TALLY_TREE_MAX_PATH];
	size_t path_count;
};
int tally_journal_prove(struct tally_core *core, struct tally_bytes ledger_id, uint64_t journal_id,
			uint64_t tree_size, struct tally_inclusion *proof_r, struct tally_err *err);

/* One proof for count consecutive journals (tally_range_prove), tree_size 0: the newest tree. 1, or
 * 0 where the ledger has no such journals or tree. */
struct tally_range_proof {
	uint64_t first, count;
	uint64_t tree_size;
	struct tally_hash root;
	struct tally_hash hashes[TALLY_TREE_MAX_RANGE];
	size_t hash_count;
};
int tally_journals_prove(struct tally_core *core, struct tally_bytes ledger_id, uint64_t first,
			 uint64_t count, uint64_t tree_size, struct tally_range_proof *proof_r,
			 struct tally_err *err);

/* The newest signed checkpoint (c2sp.org/tlog-checkpoint) of a ledger: a tree that is durable.
 * One signature serves all who ask while the ledger does not grow. 1, 0; CORRUPT about "ReadOnly"
 * where the high-water file forbids to sign (tally_core_adopt); UNSUPPORTED without a log key. */
struct tally_signed_checkpoint {
	uint64_t size;
	struct tally_hash root;
	struct tally_bytes note;	/* the signed note, in the arena */
	uint64_t state_size;		/* newest STATE_ROOT of that tree; 0: there is none */
	struct tally_hash state_root;
};
int tally_ledger_checkpoint(struct tally_core *core, struct tally_bytes ledger_id,
			    struct tally_arena *arena, struct tally_signed_checkpoint *checkpoint_r,
			    struct tally_err *err);

/*
 * What COSE receipts (cose.h) of all journals of the newest signed tree have in common: its size, its
 * root, who signs it and the signature. The tree is one that tally_ledger_checkpoint has signed for,
 * with its results, and one signature serves it. issuer is the store's origin, subject the LedgerId;
 * path and place of a journal in it are the caller's to fill in.
 */
int tally_ledger_cose(struct tally_core *core, struct tally_bytes ledger_id,
		      struct tally_arena *arena, struct tally_cose_receipt *receipt_r,
		      struct tally_err *err);

/* The policy of the options; NULL: none. It lives as long as the core. */
const struct tally_policy *tally_core_policy(const struct tally_core *core);

/* The newest checkpoint that a quorum of witnesses is known to have cosigned, with their lines. 1, 0
 * none is known (or there is no such ledger); -1 as above. */
int tally_ledger_cosigned(struct tally_core *core, struct tally_bytes ledger_id,
			  struct tally_arena *arena, struct tally_signed_checkpoint *checkpoint_r,
			  struct tally_err *err);

/*
 * What is published: with a policy whose quorum is not "none" the newest cosigned checkpoint, since
 * that is the newest which those who go by the policy can verify; else the newest, with the lines
 * of witnesses where there are some for it. 1, 0; BUSY while no quorum has cosigned any yet.
 */
int tally_ledger_published(struct tally_core *core, struct tally_bytes ledger_id,
			   struct tally_arena *arena, struct tally_signed_checkpoint *checkpoint_r,
			   struct tally_err *err);

/* Keeps a checkpoint of the ledger with the lines of witnesses, durably, beside the master key. Of an
 * older one than is kept nothing becomes. 1, 0; INVALID where it is none of this ledger or has no
 * quorum, UNSUPPORTED without a policy. */
int tally_ledger_keep_cosigned(struct tally_core *core, struct tally_bytes ledger_id,
			       struct tally_bytes note, struct tally_err *err);

/*
 * Somebody has a checkpoint of the ledger with our signature. *fits_r: the ledger has that tree. If
 * not, it is an older copy, or one of several: it is read only from now on, until it is adopted.
 * 1, 0; INVALID where the signature is not ours.
 */
int tally_ledger_was_signed(struct tally_core *core, struct tally_bytes ledger_id,
			    struct tally_bytes note, bool *fits_r, struct tally_err *err);

/* Every ledger that is open in this process, with its number of journals; ends where each() returns
 * other than 0, and returns that. */
typedef int tally_open_ledger_each(void *ctx, const char *ledger_id, uint64_t size, bool is_public);
int tally_core_open_ledgers(struct tally_core *core, tally_open_ledger_each *each, void *ctx);

/* The text of the key that verifies a ledger's checkpoints: "<origin>+<id>+<base64>". 1, 0. */
int tally_ledger_vkey(struct tally_core *core, struct tally_bytes ledger_id,
		      struct tally_arena *arena, const char **vkey_r, struct tally_err *err);

/*
 * A tile as C2SP serves it: level 0..63 (-1: the entry bundle), number, width 1..256. 1 and its
 * bytes in the arena, 0 where the ledger's tree has no such tile.
 *
 * NOTFOUND about "MinimumIndex" for the bundle, whole or partial, of entries that all lie below the
 * point to which the ledger was purged: that point is C2SP's minimum index (tlog-tiles, "Pruning"). A
 * bundle holds leaves, which a purge leaves as they are; it is refused so that a monitor learns from the
 * log itself that what these leaves are about is not to be had any more. Tiles of hashes go on being
 * served, and GetJournalProof gives single leaves: with these all that was proved stays provable.
 */
int tally_ledger_tile(struct tally_core *core, struct tally_bytes ledger_id, int level,
		      uint64_t number, unsigned int width, struct tally_arena *arena,
		      struct tally_bytes *bytes_r, struct tally_err *err);

/* Consistency proof between two trees of the ledger, new_size 0: the newest. 1, 0. */
struct tally_consistency {
	uint64_t old_size, new_size;
	struct tally_hash old_root, new_root;
	struct tally_hash proof[TALLY_TREE_MAX_PATH + 1];
	size_t proof_count;
};
int tally_ledger_prove(struct tally_core *core, struct tally_bytes ledger_id, uint64_t old_size,
		       uint64_t new_size, struct tally_consistency *proof_r,
		       struct tally_err *err);

/* ---- time anchors ---- */

/*
 * An anchor is a journal that says when a tree of its ledger existed at the latest: an authority
 * stamped a digest that the tree's checkpoint leads to. What comes after that journal was appended
 * later than the stamp was made. One stamp serves all ledgers of a round, and is kept in the
 * store's time ledger too, an ordinary public ledger that nobody else writes to.
 */
struct tally_anchor {
	uint64_t journal_id;
	bool given;			/* a certificate as its caller gave it: nothing was checked */
	uint64_t version;		/* journals of the tree ... */
	struct tally_hash root;		/* ... and its root; of a given one: as of its journal */
	uint64_t time_ms;		/* of the stamp; of a given one as given */
	struct tally_bytes proof;	/* {"hashInHex":...,"sequence":...}: place in the time ledger;
					   of a given one as given */
	uint64_t block;			/* that holds the journal */
	/* all below: not of a given one */
	struct tally_bytes authority;	/* name in its certificate */
	struct tally_bytes serial;	/* of the stamp, hex */
	struct tally_hash digest;	/* that was stamped */
	struct tally_bytes token;	/* DER */
};

/*
 * Has the ledger stamped now and appends the anchor. Callers at the same time share one stamp. BUSY
 * when many wait already; what the stamp function says. What authorities take is waited for here
 * only: no lock is held meanwhile.
 */
int tally_anchor_create(struct tally_core *core, const struct tally_write *write,
			struct tally_bytes ledger_id, struct tally_receipt *receipt_r,
			struct tally_err *err);

/* Keeps a certificate that the caller got elsewhere, as it is. proof: valid UTF-8. */
int tally_anchor_give(struct tally_core *core, const struct tally_write *write,
		      struct tally_bytes ledger_id, uint64_t seconds, struct tally_bytes proof,
		      struct tally_receipt *receipt_r, struct tally_err *err);

/* 1; 0 where that journal of the ledger is no anchor, or there is none. */
int tally_anchor_get(struct tally_core *core, struct tally_bytes ledger_id, uint64_t journal_id,
		     struct tally_arena *arena, struct tally_anchor *anchor_r,
		     struct tally_err *err);
int tally_anchor_last(struct tally_core *core, struct tally_bytes ledger_id,
		      struct tally_arena *arena, struct tally_anchor *anchor_r,
		      struct tally_err *err);

struct tally_anchor_page {
	struct tally_anchor *anchors;
	size_t count;
	bool more;			/* go on at cursor */
	uint64_t cursor;
};
/* From the journal `from` on, in either direction (UINT64_MAX in reverse: from the newest). */
int tally_anchor_list(struct tally_core *core, struct tally_bytes ledger_id, uint64_t from,
		      bool reverse, size_t limit, struct tally_arena *arena,
		      struct tally_anchor_page *page_r, struct tally_err *err);

/* The stamp at a place of the time ledger; 1, 0. id_r gets the time ledger's id. */
int tally_anchor_stamp(struct tally_core *core, uint64_t sequence, struct tally_arena *arena,
		       char id_r[TALLY_LEDGER_ID_SIZE + 1], struct tally_anchor *anchor_r,
		       struct tally_err *err);

/*
 * Anchors many ledgers at once: those that have grown since their last anchor other than by that,
 * and whose interval has passed. Does nothing where the core has no stamp function. *count_r:
 * how many were. -1 when there is no stamp to be had; what concerns one ledger is logged.
 */
enum tally_anchor_which {
	ANCHOR_OPEN,	/* of the ledgers that this process has at hand: for every second */
	ANCHOR_DUE,	/* of all; an interval has passed when nine tenths of it have: for cron */
	ANCHOR_GROWN	/* all that have grown, whatever their interval */
};
int tally_anchor_many(struct tally_core *core, enum tally_anchor_which which, size_t *count_r,
		      struct tally_err *err);

/* What bounds a journal in time: the newest anchor before it (it was appended after that stamp),
 * and the oldest anchor whose stamped tree has it (it existed before that one). */
struct tally_time_bound {
	uint64_t journal_id;		/* of the anchor */
	struct tally_bytes leaf;
	struct tally_inclusion proof;	/* in the checkpoint's tree */
};
struct tally_time_proof {
	struct tally_signed_checkpoint checkpoint;
	struct tally_journal journal;
	struct tally_inclusion proof;	/* of the journal in that tree */
	bool has_after, has_before;
	struct tally_time_bound after;
	struct tally_time_bound before;
	struct tally_inclusion cover;	/* of the journal in the tree that was stamped */
};
/* 1, or 0 where the ledger has no such journal. As tally_ledger_checkpoint otherwise. */
int tally_time_prove(struct tally_core *core, struct tally_bytes ledger_id, uint64_t journal_id,
		     struct tally_arena *arena, struct tally_time_proof *proof_r,
		     struct tally_err *err);

/* ---- removal ---- */

/*
 * Erases the payload of a journal (CUSTOM, KV_SET or DATASHARE), with salt and evidence, for ever; all
 * that is in its leaf stays, and every proof holds as before. An OCCULT journal orders it, and is
 * appended first; from then on the payload is not given out. reason: up to 256 printable characters,
 * which stay for ever; may be empty.
 *
 * DENIED about "RemovalPolicy" where the ledger's forbids it; MISSING about "MemberSignatures", or
 * DENIED, where it demands the signatures of its owner's member and of another ADMIN member, in the
 * own form, over the OCCULT journal's statement: its data has journalHash (that of the journal), journalId
 * and reason. INVALID about "JournalId" where there is no such journal, it has no such payload, or that
 * is removed already.
 */
int tally_journal_occult(struct tally_core *core, const struct tally_write *write,
			 struct tally_bytes ledger_id, uint64_t journal_id,
			 struct tally_bytes reason, struct tally_receipt *receipt_r,
			 struct tally_err *err);

/*
 * The same for all journals below `before`; their records stay. Of a KV ledger the values in force
 * are not erased: where there are some below it is INVALID about "KeepLive", with the first such key,
 * unless keep_live says to leave these out; a later purge takes them when they are replaced.
 * DATASHARE journals below make it INVALID about "Before". The members' statement has before, and
 * keepLive where it is true. INVALID about "Before" where it is beyond the ledger, or not beyond the
 * purge before.
 */
int tally_ledger_purge(struct tally_core *core, const struct tally_write *write,
		       struct tally_bytes ledger_id, uint64_t before, bool keep_live,
		       struct tally_receipt *receipt_r, struct tally_err *err);

/*
 * What became of a removal. When every byte named is zero and the driver has scrubbed the store, a
 * journal of the order's type certifies that, with the time and the backups that may still hold it.
 */
struct tally_erasure {
	uint64_t order;			/* the OCCULT or PURGE journal */
	bool certified;			/* all below are set */
	uint64_t certificate;		/* the journal that says so */
	uint64_t scrubbed_ms;
	struct tally_bytes backups;	/* text, one a line: time begun, name; may be empty */
};
/* Of a journal whose payload is removed, or of the order itself. 1; 0 it is not removed. */
int tally_erasure_get(struct tally_core *core, struct tally_bytes ledger_id, uint64_t journal_id,
		      struct tally_arena *arena, struct tally_erasure *erasure_r,
		      struct tally_err *err);

/* Backups that were made, as remembered beside the master key file. */
struct tally_backup {
	const char *directory;
	uint64_t begin_ms, end_ms;	/* end 0: it is not known to have been finished */
	bool holds;			/* something that was erased since */
};
/* Certified erasures of which this store knows nothing: an older copy was put back. */
struct tally_lost_erasure {
	char ledger_id[TALLY_LEDGER_ID_SIZE + 1];
	uint64_t order, scrubbed_ms;
	bool purge;
	uint64_t journal_id;		/* erased it; of a purge all below it */
};
struct tally_backups {
	struct tally_backup *list;
	size_t count;
	struct tally_lost_erasure *lost;
	size_t lost_count;
};
int tally_core_backups(struct tally_core *core, struct tally_arena *arena,
		       struct tally_backups *backups_r, struct tally_err *err);
/* A backup is no more: 1; 0 it is not known. */
int tally_core_backup_forget(struct tally_core *core, const char *directory,
			     struct tally_err *err);

/* ---- trust points ---- */

/* A journal up to which somebody has verified the ledger: whoever trusts that need not start at
 * journal 0. INVALID about "JournalId" where the ledger has no such journal. */
int tally_trust_point_set(struct tally_core *core, const struct tally_write *write,
			  struct tally_bytes ledger_id, uint64_t journal_id,
			  struct tally_receipt *receipt_r, struct tally_err *err);

struct tally_trust_point {
	uint64_t journal_id;
	uint64_t set_by;		/* the SET_TRUST_POINT journal */
	uint64_t time_ms;		/* of that */
};
/* 1, 0 none was set. */
int tally_trust_point_get(struct tally_core *core, struct tally_bytes ledger_id,
			  struct tally_trust_point *point_r, struct tally_err *err);

/* ---- accounts and access keys (the system ledger) ---- */

enum tally_key_state { KEY_ACTIVE, KEY_DISABLED };

struct tally_access_key {
	char id[32];
	uint64_t account;
	enum tally_key_state state;
	uint64_t create_ms;
	bool has_policy;		/* of its own; of a temporary one: that of the key it is from */
	bool account_has_policy;
};

/* The key, and its secret in secret_r (48 bytes, NUL-terminated; NULL: not wanted). 1, 0, -1.
 * Quick: kept in locked memory between requests. Wipe the secret after use. */
int tally_key_find(struct tally_core *core, struct tally_bytes key_id,
		   struct tally_access_key *key_r, char secret_r[48], struct tally_err *err);

struct tally_account {
	uint64_t id;
	struct tally_bytes name;
	uint64_t create_ms;
};
int tally_account_create(struct tally_core *core, const struct tally_write *write,
			 struct tally_bytes name, uint64_t *account_r, struct tally_err *err);
int tally_account_list(struct tally_core *core, struct tally_arena *arena,
		       struct tally_account **accounts_r, size_t *count_r, struct tally_err *err);
/* NOTFOUND where there is no such account. The secret is shown this once. */
int tally_key_create(struct tally_core *core, const struct tally_write *write, uint64_t account,
		     struct tally_first_key *key_r, struct tally_err *err);
/* The same with a policy (ram.h), which it keeps; empty: none. */
int tally_key_create_limited(struct tally_core *core, const struct tally_write *write,
			     uint64_t account, struct tally_bytes policy,
			     struct tally_first_key *key_r, struct tally_err *err);

/*
 * Policies limit what an account, or one key of it, may do at all; what they say is the API's (ram.h), for
 * the core they are texts. 1 and the text, 0 there is none.
 */
#define TALLY_RAM_POLICY_MAX 6144	/* bytes of UTF-8 */
int tally_account_policy(struct tally_core *core, uint64_t account, struct tally_arena *arena,
			 struct tally_bytes *policy_r, struct tally_err *err);
int tally_key_policy(struct tally_core *core, struct tally_bytes key_id, struct tally_arena *arena,
		     struct tally_bytes *policy_r, struct tally_err *err);
/* policy empty: it has none any more, and may do everything. NOTFOUND about "Account". */
int tally_account_policy_set(struct tally_core *core, const struct tally_write *write,
			     uint64_t account, struct tally_bytes policy, struct tally_err *err);

/*
 * A key for a while, with a token that every request signed with it must bring. Nothing is stored: the
 * token holds it, sealed. It acts for the account of the key that it is from, is limited by that key's
 * policy and by its own, and ends when its time is up, or with that key.
 */
#define TALLY_TEMPORARY_POLICY_MAX 2048
struct tally_temporary_key {
	uint64_t account;
	char key_id[32];		/* begins with "STS." */
	char secret[48];
	const char *token;		/* in the arena given */
	uint64_t end_ms;
};
bool tally_key_is_temporary(struct tally_bytes key_id);
/* from: the id of an access key. NOTFOUND about "AccessKey", INVALID. Wipe the secret after showing. */
int tally_key_temporary(struct tally_core *core, struct tally_bytes from, uint64_t end_ms,
			struct tally_bytes policy, struct tally_arena *arena,
			struct tally_temporary_key *key_r, struct tally_err *err);
/* By id and token: 1 and *key_r, which is the key that it is from, with the secret and the policy (empty:
 * none) of the temporary one; 0 where that key is gone. INVALID about "SecurityToken" where the token is
 * none, or another key's; EXPIRED. Wipe the secret after use. */
int tally_key_open(struct tally_core *core, struct tally_bytes key_id, struct tally_bytes token,
		   uint64_t now_ms, struct tally_arena *arena, struct tally_access_key *key_r,
		   char secret_r[48], struct tally_bytes *policy_r, struct tally_err *err);

int tally_key_list(struct tally_core *core, uint64_t account /* 0: all */,
		   struct tally_arena *arena, struct tally_access_key **keys_r, size_t *count_r,
		   struct tally_err *err);
int tally_key_set_state(struct tally_core *core, const struct tally_write *write,
			struct tally_bytes key_id, enum tally_key_state state,
			struct tally_err *err);
int tally_key_delete(struct tally_core *core, const struct tally_write *write,
		     struct tally_bytes key_id, struct tally_err *err);

/* ---- keeping a store ---- */

/* Called now and then by long work; total 0: not known. */
typedef void tally_progress(void *ctx, uint64_t done, uint64_t total);

/* Erasures that are due, with their certificates; index flush, then the driver's maintain; reports
 * what was done in the log. */
int tally_core_maintain(struct tally_core *core, struct tally_err *err);

/* Drops and builds anew the index of one ledger (empty id: all, the system ledger too). */
int tally_core_rebuild(struct tally_core *core, struct tally_bytes ledger_id,
		       tally_progress *progress, void *ctx, struct tally_err *err);

/* A copy of the store, which is remembered (tally_core_backups). */
int tally_core_backup(struct tally_core *core, const char *directory, struct tally_err *err);

/* Figures as name and value: the driver's, the queue's (groups, commands), the overlay's. */
int tally_core_stat(struct tally_core *core, void (*each)(void *ctx, const char *name, uint64_t v),
		    void *ctx, struct tally_err *err);

/* Re-reads every block of a ledger (empty: all): header chain, slot checksums, leaves, root; and that
 * what is erased was ordered to be. CORRUPT names the first place. The full audit comes with the
 * proofs. */
int tally_core_check(struct tally_core *core, struct tally_bytes ledger_id,
		     tally_progress *progress, void *ctx, struct tally_err *err);

/* The same of one ledger from its trust point on: all blocks behind the one that holds it. *from_r:
 * the first block that was read; 0 where no trust point is set. */
int tally_core_check_trusting(struct tally_core *core, struct tally_bytes ledger_id,
			      tally_progress *progress, void *ctx, uint64_t *from_r,
			      struct tally_err *err);

/*
 * Outside of the store is remembered what was signed, and what witnesses cosigned. Where a ledger of
 * the store is shorter than that, or differs, it is read only. Every ledger is named through each().
 * A store that was moved or copied is told adopted() of the options, unless only looked at. Only for
 * an operator who knows why (a backup restored on purpose).
 */
enum tally_adopt {
	ADOPT_LOOK,
	ADOPT_FORGET,		/* what was signed of ledgers that do not fit is forgotten: they are
				   written to and signed for again under the same name. DENIED, and
				   nothing is done, where witnesses are known to have cosigned what
				   one of them has not */
	ADOPT_NEW_ORIGIN	/* they go on as new logs: a journal of each names a new origin, and the
				   old one with what was signed of it. Not yet in a store that was
				   moved: that is adopted first, and opened anew */
};
struct tally_adopt_log {
	const char *ledger_id;
	const char *origin;
	uint64_t was;			/* journals of the largest tree known to be signed; 0: none */
	uint64_t cosigned;		/* and of the largest that witnesses cosigned; 0: none */
	uint64_t is;			/* that are there */
	bool fits;			/* before it was adopted */
	const char *new_origin;		/* NULL: it keeps its own */
};
bool tally_core_read_only(struct tally_core *core);
typedef void tally_adopt_each(void *ctx, const struct tally_adopt_log *log);
int tally_core_adopt(struct tally_core *core, enum tally_adopt how, tally_adopt_each *each,
		     void *ctx, struct tally_err *err);

/* The stores alone, as configured, without what opening a core does: for who only looks at them. They
 * are closed by the caller; index_r may equal blocks_r. NOTFOUND where there is no store. */
int tally_core_open_stores(const struct tally_conf *conf, struct tally_store **blocks_r,
			   struct tally_store **index_r, struct tally_err *err);

/* Every space in ascending order: its ledger id ("system" for space 0) and number of blocks. */
typedef int tally_core_space_each(void *ctx, uint64_t space, const char *ledger_id,
				  uint64_t blocks);
int tally_core_spaces(struct tally_core *core, tally_core_space_each *each, void *ctx,
		      struct tally_err *err);

/* One block as stored. 1, 0. */
int tally_core_block_read(struct tally_core *core, uint64_t space, uint64_t block,
			  struct tally_arena *arena, struct tally_bytes *bytes_r,
			  struct tally_err *err);

/* For `tally load`, into a store that tally_core_load_begin made: takes the next block of a
 * space after checking header chain, checksums, leaves and root. */
int tally_core_load_begin(const struct tally_core_options *options, struct tally_core **core_r,
			  struct tally_err *err);
int tally_core_load_block(struct tally_core *core, uint64_t space, uint64_t block,
			  struct tally_bytes bytes, struct tally_err *err);
/* After the last block: CORRUPT where a payload is erased that no journal orders to be. */
int tally_core_load_end(struct tally_core *core, struct tally_err *err);

/* All index tables of a space as (table, key, value) in order, after a flush: for tests that two
 * ways of building them agree. */
int tally_core_index_each(struct tally_core *core, uint64_t space,
			  int (*each)(void *ctx, uint32_t table, struct tally_bytes key,
				      struct tally_bytes value),
			  void *ctx, struct tally_err *err);

#endif
