/* The core's insides, shared by the files of this folder. */
#ifndef TALLY_CORE_PRIVATE_H
#define TALLY_CORE_PRIVATE_H

#include <semaphore.h>

#include "core.h"
#include "secret.h"
#include "space.h"
#include "tsp.h"

#define TALLY_SPACE_BUCKETS 1024

struct tally_limits {			/* [ledger] */
	uint64_t payload;		/* bytes of one payload */
	uint64_t batch;			/* journals of one batch, and of one block */
	uint64_t block;			/* bytes of one block */
	uint64_t ledgers;		/* an account may create */
	uint64_t clock_window_ms;
	uint64_t queue;			/* commands waiting */
	uint64_t overlay_bytes;
	uint64_t overlay_journals;
	uint64_t flush_ms;		/* the overlay is applied at least so often */
	uint64_t tile_cache;		/* bytes */
	uint64_t state_cache;		/* bytes */
	uint64_t members;		/* of one ledger */
	uint64_t state_journals;	/* a STATE_ROOT is due after so many; 0: never by itself */
	uint64_t state_idle_ms;		/* ... or when nothing was appended for so long; 0: never */
};

struct tally_key_cache;
struct tally_statecache;
struct tally_tilecache;
struct tally_high;
struct tally_backup_list;
struct tally_stamp_wait;

struct tally_core {
	struct tally_limits limits;
	bool short_lived, read_only;
	int (*adopted)(void *ctx, struct tally_err *err);
	void *adopted_ctx;
	bool hosts;			/* others may write to the same blocks */
	struct tally_store *blocks, *index;
	_Atomic bool dead;

	uint8_t master[TALLY_MASTER_KEY_SIZE];
	uint8_t digest_key[32];		/* of tokens, nonces, requests */
	uint8_t seal_key[32];
	uint8_t store_id[16];
	char origin[128];
	uint8_t log_public[32];		/* Ed25519, of the log's key ... */
	uint8_t *log_seed;		/* ... and its private half, in locked memory */
	struct tally_high *high;	/* what was signed; NULL: kept nowhere (tests) */
	struct tally_backup_list *backups;
	struct tally_cosigned *cosigned;	/* what witnesses signed of that */

	/* time stamps (stamp.c) */
	tally_stamp *stamp;
	void *stamp_ctx;
	uint64_t anchor_interval_ms;	/* [time] anchor_interval; 0: off */
	char time_ledger[TALLY_LEDGER_ID_SIZE + 1];	/* its id; it is made when it is needed */
	pthread_mutex_t stamp_lock;	/* held for instants, never while an authority is asked */
	pthread_cond_t stamp_done;
	struct tally_stamp_wait *stamp_waiting, **stamp_tail;
	size_t stamp_waiters;
	bool stamp_asking;		/* a round is under way */

	pthread_mutex_t table_lock;
	struct tally_space *table[TALLY_SPACE_BUCKETS];
	struct tally_space *system;
	struct tally_key_cache *keys;
	struct tally_tilecache *tiles;
	struct tally_statecache *states;

	/* the commit queue (queue.c) */
	pthread_mutex_t queue_lock;
	pthread_cond_t queue_wake;
	struct tally_command *queue, **queue_tail;
	uint64_t queue_count;
	_Atomic bool stop;
	pthread_mutex_t commit_lock;	/* whoever runs a round */
	struct tally_space *pending_spaces;
	pthread_t committer;
	bool committer_runs;

	/* the flush thread (flush.c) */
	pthread_mutex_t flush_lock;
	pthread_cond_t flush_wake, flush_done;
	bool flush_stop;
	pthread_t flusher;
	bool flusher_runs;

	/* the removal thread (certify.c) */
	pthread_mutex_t removal_lock;
	pthread_cond_t removal_wake;
	bool removal_stop, removal_called;
	pthread_t remover;
	bool remover_runs;
	pthread_mutex_t certify_lock;	/* one run at a time */
	uint64_t certify_again_ns, certify_wait_ns;

	/* the state thread (stateroot.c) */
	pthread_mutex_t state_lock;
	pthread_cond_t state_wake;
	bool state_stop;
	pthread_t stater;
	bool stater_runs;

	_Atomic uint64_t stat_groups, stat_commands, stat_journals, stat_conflicts, stat_flushes,
		stat_erased;
};

/* ---- the commit queue ---- */

/* A journal as a worker prepared it; the committer adds number, time and leaf. */
struct tally_prepared {
	struct tally_record record;
	struct tally_bytes payload_head;
	struct tally_bytes payload;
	uint32_t payload_crc;
	struct tally_envelope envelope;
};

struct tally_build;
struct tally_signed;

/*
 * One command. decide() is called by the committer under the space's write lock, once for each
 * try; it adds journals with tally_build_add and returns 0, or refuses with -1 (nothing of it is
 * kept). It must start from scratch each time.
 */
struct tally_command {
	struct tally_space *space;
	int (*decide)(struct tally_build *build, struct tally_command *command,
		      struct tally_err *err);
	const struct tally_write *write;
	void *ctx;
	bool mends;			/* also where the ledger is read only */
	size_t bytes;			/* at most so many in the block */
	size_t journals;

	/* filled in when it is done */
	int result;
	struct tally_err err;
	uint64_t block;
	uint64_t time_ms;
	uint64_t tree_size;
	struct tally_hash block_hash;
	struct tally_hash root;

	/* the queue's own */
	struct tally_command *next;
	sem_t done;
	uint64_t since_ns;
};

/* Queues the command and waits until it is done. Returns its result. */
int tally_queue_run(struct tally_core *core, struct tally_command *command, struct tally_err *err);
int tally_queue_start(struct tally_core *core, struct tally_err *err);
/* Finishes what is queued and ends the threads. */
void tally_queue_stop(struct tally_core *core);

/* What decide() sees. */
struct tally_build {
	struct tally_core *core;
	struct tally_space *space;
	struct tally_view view;			/* with mine: earlier commands of the group too */
	struct tally_projection projection;
	struct tally_block_builder builder;
	struct tally_buf bytes;
	struct tally_buf record, envelope, leaf;
	struct tally_arena arena;
	uint64_t time_ms;			/* of the block */
	const struct tally_head *head;		/* as of this command */
	struct tally_block_header header;
	uint8_t hash[TALLY_HASH_SIZE];
};

/* Adds one journal; INVALID when its leaf is too long. */
int tally_build_add(struct tally_build *build, const struct tally_prepared *prepared,
		    uint64_t *journal_r, struct tally_hash *leaf_r, struct tally_err *err);

/*
 * Nonce and clock window of a write, against the block's time: EXPIRED, REPLAYED. With write->again
 * and the same request 1 and the journal that it made; else 0.
 */
int tally_build_admit(struct tally_build *build, const struct tally_write *write,
		      const uint8_t request[TALLY_DIGEST_SIZE], uint64_t *journal_r,
		      struct tally_err *err);
int tally_token_mismatch(struct tally_err *err);
/* A token: 0 new, 1 used by the same request (its journal), -1 MISMATCH. */
int tally_build_token(struct tally_build *build, const uint8_t token[TALLY_DIGEST_SIZE],
		      const uint8_t request[TALLY_DIGEST_SIZE], uint64_t *journal_r,
		      struct tally_err *err);

/* Sets nonce, token and request of an envelope from a write (token: NONE for none). */
void tally_envelope_fill(struct tally_core *core, const struct tally_write *write,
			 struct tally_bytes token, const uint8_t request[TALLY_DIGEST_SIZE],
			 bool with_nonce, struct tally_envelope *envelope_r);

/* Token scope: ledger and account. */
void tally_token_digest(struct tally_core *core, struct tally_bytes ledger_id, uint64_t account,
			struct tally_bytes token, uint8_t digest_r[TALLY_DIGEST_SIZE]);

/* ---- members and permissions ---- */

/* The member a caller is in the ledger of this view; 1, 0 none. Local callers are the owner. */
int tally_member_of(const struct tally_view *view, const struct tally_caller *caller,
		    struct tally_member *member_r, struct tally_err *err);
/* What the role matrix says alone (roles.c). */
bool tally_role_may(enum tally_role role, enum tally_permission permission);
bool tally_permission_changes(enum tally_permission permission);
/* An open invitation of an account: 1 and the journal that made it; 0. */
int tally_invitation_find(const struct tally_view *view, uint64_t account, uint64_t *journal_r,
			  struct tally_err *err);
/* The same check as tally_authorise, against one state. *member_r has id "" for a stranger. */
int tally_permit(const struct tally_view *view, const struct tally_caller *caller,
		 enum tally_permission permission, struct tally_member *member_r,
		 struct tally_err *err);

/* ---- one journal by a command (manage.c) ---- */

/*
 * Filled in by who runs it: record (its member is filled in here) and payload of prepared, what
 * (names the command in the digest of the request), need, and check, which may be NULL: it refuses
 * the command, or completes its record, against the state of the block under construction.
 */
struct tally_manage {
	struct tally_prepared prepared;
	const char *what;
	enum tally_permission need;
	int (*check)(struct tally_build *build, struct tally_manage *manage, struct tally_err *err);
	void *ctx;
	const struct tally_signed *of;		/* members' signatures; NULL: none */
	/* Makes the payload anew with the signing's salt and evidence; NULL: there is no payload. */
	void (*resign)(struct tally_manage *manage, const struct tally_signing *signing,
		       const struct tally_signed *of, struct tally_arena *arena);
	bool mends;				/* runs also where the ledger is read only */
	/* known when it is decided */
	struct tally_member member;		/* the caller's */
	uint8_t digest[32];			/* SHA-256 of what is asked, for the receipt ... */
	uint8_t request[TALLY_DIGEST_SIZE];	/* ... and keyed, for the envelope */
	uint8_t token[TALLY_DIGEST_SIZE];
	bool has_token;
	bool probed;				/* digest, request and token are there already */
	bool known;				/* it was done before: journal_id is that one */
	uint64_t journal_id;
	struct tally_hash leaf;
};

/* Runs it in a ledger. receipt_r may be NULL. NOTFOUND, DENIED, what check() says, and the queue's. */
int tally_manage_run(struct tally_core *core, const struct tally_write *write,
		     struct tally_bytes ledger_id, struct tally_manage *manage,
		     struct tally_receipt *receipt_r, struct tally_err *err);

/*
 * Asks beforehand what the run would decide, and writes nothing: for commands that cost something
 * before they are run. Digests are made of the record as it is now and stay so; known is set where
 * the request was done before. The run decides again, and only answers when it was known.
 */
int tally_manage_probe(struct tally_core *core, const struct tally_write *write,
		       struct tally_bytes ledger_id, struct tally_manage *manage,
		       struct tally_err *err);

/* Its parts, for the genesis of a ledger. */
void tally_manage_request(struct tally_core *core, struct tally_bytes ledger_id,
			  struct tally_manage *manage);
void tally_manage_token(struct tally_core *core, const struct tally_write *write,
			struct tally_bytes ledger_id, struct tally_manage *manage);
int tally_manage_add(struct tally_build *build, const struct tally_write *write,
		     struct tally_manage *manage, struct tally_err *err);

/* Receipts: of a command that wrote, and of a journal that was there already (same ids, a newer
 * tree). digest: of the request. */
void tally_receipt_fill(const struct tally_command *command, uint64_t journal_id,
			const struct tally_hash *leaf, const uint8_t digest[32],
			struct tally_receipt *receipt_r);
int tally_receipt_again(struct tally_core *core, struct tally_space *space, uint64_t journal_id,
			const uint8_t digest[32], struct tally_receipt *receipt_r,
			struct tally_err *err);

/* A member by its id as it is now; 1, 0. And as it was after the journals before `size`; of one that
 * was deleted by then 0. */
int tally_member_find(const struct tally_view *view, struct tally_bytes id,
		      struct tally_member *member_r, struct tally_err *err);
int tally_member_at(const struct tally_view *view, struct tally_bytes id, uint64_t size,
		    struct tally_member *member_r, struct tally_err *err);
/* In decide(): whoever has or had this id: 1; role NONE of one that was deleted. 0: nobody ever. */
int tally_member_last(const struct tally_view *view, struct tally_bytes id,
		      struct tally_member *member_r, struct tally_err *err);
void tally_member_encode(const struct tally_member *member, uint64_t block, struct tally_buf *buf);
void tally_member_hash(const struct tally_member *member, struct tally_hash *hash_r);
/* The id of a member's own journals: what it was told, or the account's. */
void tally_member_id_of_account(struct tally_bytes ledger_id, uint64_t account,
				char id_r[TALLY_MEMBER_ID_SIZE + 1]);

/* ---- keys and values (kv.c) ---- */

/* The last change of a key among the first `size` journals. 1 it has a value then, 0 it has none. */
struct tally_kv_change {
	bool found, removed;
	uint64_t journal_id;
	struct tally_hash hash;
};
int tally_kv_at(const struct tally_view *view, struct tally_bytes key, uint64_t size,
		struct tally_kv_change *change_r, struct tally_err *err);

/* ---- the state (stateroot.c) ---- */

/* Starts and ends the thread that makes STATE_ROOT journals. */
int tally_state_start(struct tally_core *core, struct tally_err *err);
void tally_state_stop(struct tally_core *core);
/* Makes them where they are overdue, or (all) where anything is new. */
int tally_state_refresh_all(struct tally_core *core, bool all, struct tally_err *err);
/* The projection of a STATE_ROOT journal: makes the step, or takes the one made ahead. */
void tally_state_project(struct tally_projection *projection, uint64_t journal_id,
			 const struct tally_record *record);
/* Under space->write, when the projection's block is there to stay: what it changed is kept. */
void tally_state_committed(struct tally_projection *projection);
/* When a projection is over, either way. */
void tally_state_end(struct tally_projection *projection);
/* Lets go of what a space keeps for its next step, but for what is in the cache. */
void tally_state_forget(struct tally_space *space);

/* ---- the high-water file (high.c) ---- */

struct tally_high_mark {
	uint64_t size;
	struct tally_hash root;
};

/* Reads path; no such file: nothing was signed yet. lock_path: a file that is there and stays, locked
 * while path is replaced. path NULL: kept in memory only. */
int tally_high_open(const char *path, const char *lock_path, struct tally_high **high_r,
		    struct tally_err *err);
void tally_high_close(struct tally_high **high);	/* writes what is not yet written */
/* Trees that were signed for an origin and must be in what is signed next: the largest, and one that
 * another process signed. Their number, 0 to 2. */
size_t tally_high_get(struct tally_high *high, const char *origin,
		      struct tally_high_mark marks_r[2]);
/* Grows whenever a tree became known that another signed: what was held against the marks before
 * has to be again. Never 0. */
uint64_t tally_high_generation(struct tally_high *high);
/* Looks whether others have written the file, and takes that up. */
int tally_high_refresh(struct tally_high *high, struct tally_err *err);
/* Notes a checkpoint that we signed, if it is larger than the one known. */
void tally_high_put(struct tally_high *high, const char *origin, uint64_t size,
		    const struct tally_hash *root);
/* Notes one that has our signature and is not in our tree. */
void tally_high_evidence(struct tally_high *high, const char *origin, uint64_t size,
			 const struct tally_hash *root);
void tally_high_forget(struct tally_high *high, const char *origin);
/* Writes the file if something is new: whole, beside, renamed, synced. */
int tally_high_write(struct tally_high *high, struct tally_err *err);

/* ---- cosigned checkpoints (cosigned.c) ---- */

struct tally_cosigned;
struct tally_policy;

/* Of one log, as its space keeps it: the caller holds the lock. Zeroed: not read yet. */
struct tally_cosigned_note {
	char origin[256];		/* that it was read for */
	struct tally_buf note;		/* empty: there is none */
	uint64_t size;
	struct tally_hash root;
	bool enough;			/* by the policy as it is now */
};

/* directory: where the notes are kept, made when there is one; NULL: in memory. policy: a file, or
 * NULL. INVALID where the policy is malformed. */
int tally_cosigned_open(const char *directory, const char *policy,
			struct tally_cosigned **cosigned_r, struct tally_err *err);
void tally_cosigned_close(struct tally_cosigned **cosigned);

/* The newest that has a quorum. 1, 0. */
int tally_cosigned_get(struct tally_core *core, struct tally_cosigned_note *kept,
		       const char *origin, struct tally_arena *arena,
		       struct tally_signed_checkpoint *checkpoint_r, struct tally_err *err);
/* The same whatever the policy says now, as a mark that the ledger has to hold. 1, 0. */
int tally_cosigned_mark(struct tally_core *core, struct tally_cosigned_note *kept,
			const char *origin, struct tally_high_mark *mark_r, struct tally_err *err);
/* Keeps a note, durably, if it is at least as new; one of the same tree gets the lines of both.
 * INVALID where it is not of this log or has no quorum, UNSUPPORTED without a policy. That the
 * ledger holds that tree is the caller's to see. */
int tally_cosigned_keep(struct tally_core *core, struct tally_cosigned_note *kept,
			const char *origin, struct tally_bytes note, struct tally_err *err);
int tally_cosigned_forget(struct tally_core *core, struct tally_cosigned_note *kept,
			  const char *origin, struct tally_err *err);
/* What a note of our own key says; INVALID for any other. */
int tally_cosigned_check(struct tally_core *core, const char *origin, struct tally_bytes note,
			 struct tally_high_mark *mark_r, struct tally_err *err);

/* ---- checkpoints (checkpoint.c) ---- */

int tally_root_at(struct tally_nodes *nodes, uint64_t size, struct tally_hash *root_r);
int tally_view_checkpoint(const struct tally_view *view, struct tally_arena *arena,
			  struct tally_signed_checkpoint *checkpoint_r, struct tally_err *err);
void tally_note_cache_free(struct tally_note_cache *cache);

/* Holds a space against the high-water and what witnesses cosigned: 0, or -1 CORRUPT about
 * "ReadOnly", and the space is read only. */
int tally_space_trust(struct tally_space *space, struct tally_err *err);
/* From now on the space is read only, until it is opened anew: a block of it is not what it says, as
 * *err tells; it becomes what writers and signers are told. */
void tally_space_distrust(struct tally_space *space, struct tally_err *err);
bool tally_space_distrusted(struct tally_space *space);

/* ---- erasing (erase.c) ---- */

/*
 * For journals whose effect is that payloads are erased (DELETE_KEY, OCCULT, PURGE). Their
 * projector calls tally_erase_need; all else follows from it:
 *
 *  - The order stands in TABLE_ERASE as long as one of its payloads is not zero. It is carried out
 *    off the path of a commit, by the removal thread within a second, by whoever closes the store,
 *    by maintain, and by everyone who opens the ledger for writing until it is confirmed; a server
 *    looks into every ledger when it starts. What fails is tried again, at growing intervals.
 *  - A caller whose answer means "erased" calls tally_erase_run after its command was committed.
 *  - Only payload slots are zeroed (payload, salts, evidence), and only of journals before the
 *    order whose kind the order reaches (reaches() in erase.c: add a row for a new kind of order).
 *  - A zeroed slot is not written again. Only `scrub` of the driver makes sure that no byte is left
 *    in logs and free pages.
 */

/* Journal `order`, of type `type`, orders the payloads of journals first .. first + count - 1 to be
 * erased. All of them lie before it, else nothing is ordered: it may come from outside. */
void tally_erase_need(struct tally_projection *projection, uint64_t order, unsigned int type,
		      uint64_t first, uint64_t count);
/* Carries out what is due in a space. 0: all of it is zero now, or nothing was due (or the store
 * is read only); -1: some is not, and is tried again later. Not while holding a lock of it. */
int tally_erase_run(struct tally_core *core, struct tally_space *space, struct tally_err *err);
/* The same, unless a run is under way already, which may take long: who does not want to wait. */
int tally_erase_soon(struct tally_core *core, struct tally_space *space, struct tally_err *err);
/* The same for all spaces that are loaded; those that failed only when their time has come, or
 * with everything. -1 with the last error. */
int tally_erase_spaces(struct tally_core *core, bool everything, struct tally_err *err);
/* A whole block, with no payload half zeroed: neither by a run under way nor by one that a crash cut off,
 * which is finished first. Where that cannot be, or the payload is damaged, it is given as it is. 1, 0, as
 * tally_store_read. Not while holding a lock of the space. */
int tally_erase_read(struct tally_core *core, uint64_t space, uint64_t block,
		     struct tally_arena *arena, struct tally_bytes *bytes_r, struct tally_err *err);
/* Orders of this space may be due. Called when one is committed and when a space was loaded. */
void tally_erase_note(struct tally_space *space);
/* True while a payload may not be zero yet that is ordered to be. */
bool tally_erase_pending(const struct tally_space *space);
/* Does an order of that type reach journals of this type? */
bool tally_erase_reaches(unsigned int order, unsigned int type);

/* ---- removal (removed.c, remove.c, certify.c) ---- */

/* Projectors of what orders a removal, and of its certificate, which has the order's type. */
void tally_project_removed(struct tally_projection *projection, uint64_t order, unsigned int type,
			   uint64_t journal_id);
void tally_project_occult(struct tally_projection *projection, uint64_t journal_id, uint64_t now,
			  const struct tally_record *record);
void tally_project_purge(struct tally_projection *projection, uint64_t journal_id, uint64_t now,
			 const struct tally_record *record);

/* Organisations and channels (orgs.c). */
void tally_project_org(struct tally_projection *projection, uint64_t journal_id, uint64_t now,
		       const struct tally_record *record);
void tally_project_channel(struct tally_projection *projection, uint64_t journal_id, uint64_t now,
			   const struct tally_record *record);

/* Shared objects (share_rows.c). */
void tally_project_share(struct tally_projection *projection, uint64_t journal_id, uint64_t now,
			 const struct tally_record *record);

/* Does a journal order this one's payload to be erased? 1 and the first that does (occulted ones: the
 * OCCULT journal), 0. The record is the journal's. */
int tally_removed_by(const struct tally_view *view, uint64_t journal_id,
		     const struct tally_record *record, uint64_t *order_r, struct tally_err *err);
/* The value of a key was in force when journal `at` was appended: a PURGE leaves it. 1, 0. */
int tally_value_in_force(const struct tally_view *view, uint64_t journal_id,
			 const struct tally_record *record, uint64_t at, struct tally_err *err);
/* The state of an order's erasure: 1 certified, by *certificate_r; 0 not yet; 2 it is no order. */
int tally_erasure_find(const struct tally_view *view, uint64_t order, uint64_t *certificate_r,
		       struct tally_arena *arena, struct tally_err *err);
/* Of a space that is being loaded: is something to be erased or certified? */
int tally_removal_look(struct tally_space *space, struct tally_err *err);

/* In decide(): does the ledger's policy let these members' signatures remove something? weaker: a
 * policy that is to be made weaker, whatever it is. */
int tally_removal_permit(struct tally_build *build, const struct tally_signed *of, bool weaker,
			 struct tally_err *err);
/* Is the policy `to` a weaker one? */
bool tally_removal_weaker(enum tally_removal_policy from, enum tally_removal_policy to);

/* Starts and ends the thread that erases and certifies. */
int tally_removal_start(struct tally_core *core, struct tally_err *err);
void tally_removal_stop(struct tally_core *core);
void tally_removal_call(struct tally_core *core);	/* wakes it */
/*
 * Certifies the erasures of all loaded spaces whose payloads are zero: one scrub of the store for all
 * of them, then a journal for each. everything: also when the last try failed a short time ago. *count_r
 * (may be NULL): how many.
 */
int tally_certify(struct tally_core *core, bool everything, size_t *count_r,
		  struct tally_err *err);

/* ---- backups that were made (backups.c) ---- */

/* Reads path; no such file: none were made. path NULL: kept in memory only. */
int tally_backups_open(const char *path, struct tally_backup_list **list_r, struct tally_err *err);
void tally_backups_close(struct tally_backup_list **list);

/* An erasure that is about to be certified: since_ms is the time of what it erased, or of the oldest
 * of these. Known for as long as the file is, once tally_backups_write was called. */
void tally_backups_erased(struct tally_backup_list *list, const struct tally_lost_erasure *erasure,
			  uint64_t since_ms);
int tally_backups_write(struct tally_backup_list *list, struct tally_err *err);

/* For a certificate: a line for each backup that was not finished before since_ms, with the time it was
 * begun and the last part of its name, since leaves can be read by everyone. At most 8 KiB or so. */
void tally_backups_text(struct tally_backup_list *list, uint64_t since_ms, struct tally_buf *buf);

/* ---- time stamps (stamp.c) ---- */

#define TALLY_STAMP_LEDGERS 1024	/* that share one stamp */
#define TALLY_STAMP_PATH 11		/* the time ledger is among them */

/* One ledger in a round. The caller sets space. */
struct tally_stamped {
	struct tally_space *space;
	struct tally_err err;		/* why this one was left out; code OK: it was not */
	uint64_t version;		/* the tree whose checkpoint was stamped ... */
	struct tally_hash root;
	uint64_t index;			/* ... at this place among the stamp's checkpoints */
	struct tally_hash path[TALLY_STAMP_PATH];
	size_t path_count;
};

/* What a round brought. */
struct tally_stamp_note {
	struct tally_hash digest;	/* root of the tree of checkpoint texts (RFC 6962) */
	uint64_t count;			/* of them */
	uint64_t sequence;		/* journal of the time ledger that has the token */
	struct tally_tsp_info info;
	struct tally_bytes token;	/* DER, in the arena given */
};

/* Has the checkpoints of these ledgers (1 .. TALLY_STAMP_LEDGERS) stamped, together with those of
 * other callers, and the stamp noted in the time ledger. */
int tally_stamp_ledgers(struct tally_core *core, struct tally_stamped *stamped, size_t count,
			struct tally_arena *arena, struct tally_stamp_note *note_r,
			struct tally_err *err);

/* The id of the store's time ledger: "l-" and the first 25 hex digits of SHA-256("tallystick time
 * ledger v1\n" || store id). */
void tally_time_ledger_name(struct tally_core *core);
/* The time ledger, made where it is not there yet. */
int tally_time_ledger_need(struct tally_core *core, struct tally_space **space_r,
			   struct tally_err *err);

/* The data of a CREATE_TIMEANCHOR journal. fields has room for TALLY_MAX_FIELDS; their number. What
 * they point to lives in arena, or is stamped's and note's. stamped of the time ledger itself:
 * without its place in there. */
size_t tally_anchor_fields(struct tally_core *core, const struct tally_stamped *stamped,
			   const struct tally_stamp_note *note, bool in_time_ledger,
			   struct tally_arena *arena, struct tally_field *fields);

/* A ledger with an id that is given, without a limit: the time ledger. EXISTS. */
int tally_ledger_create_as(struct tally_core *core, uint64_t account, const char *ledger_id,
			   const struct tally_ledger_create *create, struct tally_err *err);

/* ---- projecting blocks elsewhere (core.c) ---- */

/*
 * A core that knows no system ledger and no key, and runs nothing: to project the blocks of one store
 * into the tables of another. It owns both stores from then on; it is there also after -1.
 */
int tally_core_bare(const struct tally_conf *conf, struct tally_store *blocks,
		    struct tally_store *index, const uint8_t store_id[16],
		    struct tally_core **core_r, struct tally_err *err);
/* Nothing is applied or erased on the way. NULL is fine. */
void tally_core_bare_free(struct tally_core **core);

/* ---- others ---- */

/* The spaces that are loaded, one by one, in no order: NULL gives the first, and ends. */
struct tally_space *tally_space_next(struct tally_core *core, const struct tally_space *after);
/* The one of that number, if it is loaded; else NULL. */
struct tally_space *tally_space_loaded(struct tally_core *core, uint64_t id);

void tally_request_flush(struct tally_core *core);
int tally_flush_start(struct tally_core *core, struct tally_err *err);
void tally_flush_stop(struct tally_core *core);
/* Applies where due: all spaces whose overlay is over its share, or all (everything). */
int tally_flush_spaces(struct tally_core *core, bool everything, struct tally_err *err);

/* Makes sure that a space knows what other hosts have appended: when force, or once a second. */
int tally_space_refresh(struct tally_space *space, bool force, struct tally_err *err);

/* The system ledger: genesis of a new store; what an existing one says of itself. */
int tally_system_create(struct tally_core *core, const char *origin,
			struct tally_first_key *first_r, struct tally_err *err);
int tally_system_load(struct tally_core *core, struct tally_err *err);
/* Appends one journal to it. check, which may be NULL, looks at the state before that; it sees what earlier
 * commands of the group did. */
typedef int tally_system_check(struct tally_build *build, void *ctx, struct tally_err *err);
int tally_system_run(struct tally_core *core, const struct tally_write *write,
		     unsigned int type, const struct tally_field *fields, size_t count,
		     struct tally_bytes payload, tally_system_check *check, void *ctx,
		     struct tally_err *err);
/* Such a check: *ctx, a uint64_t, is an account that is there. */
int tally_system_account_check(struct tally_build *build, void *ctx, struct tally_err *err);
/* Letters and digits without bias, and a NUL behind them. */
void tally_random_text(char *text, size_t length);
/* Fills in which policies a key has (policies.c). */
int tally_policies_look(const struct tally_view *view, struct tally_access_key *key,
			struct tally_err *err);
void tally_key_cache_new(struct tally_core *core);
void tally_key_cache_free(struct tally_core *core);
/* Adds a ledger that the catalogue lacks, with the owner its own log names. */
int tally_catalogue_need(struct tally_core *core, struct tally_space *space, struct tally_err *err);
/* 1 there is such an account, 0 not. */
int tally_account_exists(struct tally_core *core, uint64_t account, struct tally_err *err);
/* 1 it is listed, 0 not. */
int tally_catalogue_has(struct tally_core *core, struct tally_bytes ledger_id,
			struct tally_err *err);
int tally_catalogue_add(struct tally_core *core, struct tally_bytes ledger_id, uint64_t account,
			struct tally_err *err);
/* An account was made a member of a ledger: it is listed to it from now on, as long as the ledger says so.
 * What fails is logged: the list is a cache, the ledger itself has the member. */
void tally_catalogue_join(struct tally_core *core, struct tally_bytes ledger_id, uint64_t account);

/* Random salt, from a pool of this thread. */
void tally_salt(uint8_t salt_r[TALLY_SALT_SIZE]);

/* Encodes slot head and fills record's payload part of a prepared journal; bytes live in arena. */
void tally_prepare_payload(struct tally_arena *arena, struct tally_bytes payload,
			   struct tally_bytes evidence, struct tally_prepared *prepared);
/* The same with a salt of 16 bytes that the signing member chose; empty: a random one. */
void tally_prepare_salted(struct tally_arena *arena, struct tally_bytes payload,
			  struct tally_bytes salt, struct tally_bytes evidence,
			  struct tally_prepared *prepared);

/* The block that a journal is in. */
struct tally_spot {
	uint64_t first;		/* of the block */
	uint64_t block;
	uint32_t count;
	uint64_t time_ms;
	bool found;
};
/* Of a journal that the view has: 0, or CORRUPT where no block has it. */
int tally_view_locate(const struct tally_view *view, uint64_t journal_id, struct tally_spot *spot,
		      struct tally_err *err);
/* Exactly these bytes of a block: 0, or CORRUPT where it ends before. */
int tally_view_read(const struct tally_view *view, uint64_t block, uint64_t offset, uint64_t size,
		    struct tally_arena *arena, struct tally_bytes *bytes_r, struct tally_err *err);

/* The payload alone of a journal that the view has, held against its hash. 1; 0 it was removed, or there
 * never was one. */
int tally_view_payload(const struct tally_view *view, uint64_t journal_id,
		       struct tally_arena *arena, struct tally_bytes *payload_r,
		       struct tally_err *err);
/* One journal by its number out of a view, whole. 1, 0. */
int tally_view_journal(const struct tally_view *view, uint64_t journal_id,
		       struct tally_arena *arena, struct tally_journal *journal_r,
		       struct tally_err *err);
/* Its record alone, and its hash. 1, 0. */
int tally_view_record(const struct tally_view *view, uint64_t journal_id,
		      struct tally_arena *arena, struct tally_record *record_r,
		      struct tally_hash *hash_r, struct tally_err *err);
/* Records from <= journal < to, all of which the view has, block by block in one read each. space is
 * for the leaf, where it is asked for. Ends where each returns other than 0, and returns that. */
typedef int tally_record_each(void *ctx, const struct tally_place *place,
			      const struct tally_record *record, struct tally_buf *space);
int tally_view_records(const struct tally_view *view, uint64_t from, uint64_t to,
		       tally_record_each *each, void *ctx, struct tally_err *err);
#endif
