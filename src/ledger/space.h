/*
 * A space at work: its head, its overlay, and the views that readers take of it.
 *
 * The head says where the ledger stands after its last committed block; it is immutable, and a
 * commit publishes a new one. A view is a head with the overlay generations of that moment: all
 * that a reader needs, taken under a lock held for a few instructions and read without any.
 *
 * Building, publishing, replaying and freezing are done by whoever holds space->write.
 */
#ifndef TALLY_SPACE_H
#define TALLY_SPACE_H

#include <pthread.h>
#include <stdatomic.h>

#include "block.h"
#include "core.h"
#include "overlay.h"
#include "record.h"
#include "store.h"
#include "tables.h"

#define TALLY_SYSTEM_SPACE 0
#define TALLY_SYSTEM_NAME "system"

/* What a STATE_ROOT journal says; size 0: there is none. */
struct tally_state_point {
	uint64_t size;				/* of the first so many journals ... */
	struct tally_hash root;			/* ... this is the state tree's root */
	uint64_t version;			/* size at which its page was written; 0: no page */
	uint64_t journal;			/* the STATE_ROOT journal */
};

struct tally_head {
	_Atomic int refs;
	uint64_t blocks;
	uint64_t time_ms;			/* of the last block */
	uint8_t block_hash[TALLY_HASH_SIZE];	/* of the last block */
	struct tally_hash root;
	struct tally_frontier frontier;		/* its size is the number of journals */
	/* what the journals said about the ledger itself */
	enum tally_ledger_status status;
	enum tally_ledger_type type;
	bool public_read;
	uint64_t owner;
	char owner_member[TALLY_MEMBER_ID_SIZE + 1];
	uint64_t create_ms, update_ms;
	uint64_t member_count, anchor_count;
	enum tally_sign_policy sign_policy;
	unsigned int sign_count;		/* members that must sign together; 0 and 1: one */
	/* the state as of the newest STATE_ROOT journal and of the one before */
	struct tally_state_point state, state_before;
	bool state_wrong;			/* a STATE_ROOT was not what its journals make */
	char name[4 * 128 + 1];
	char description[4 * 256 + 1];
	char origin[256];
	/* anchors (stamp.c) and trust points */
	uint64_t anchor_interval_s;		/* TALLY_INTERVAL_UNSET: as configured */
	bool has_anchor;			/* of the service's own, the newest: */
	uint64_t anchor_journal, anchor_version, anchor_ms;
	uint64_t changed;			/* the last journal that is more than the service's own
						   account of the others (anchor, STATE_ROOT) */
	bool has_trust_point;
	uint64_t trust_point, trust_journal, trust_ms;
	/* removal (remove.c) */
	enum tally_removal_policy removal_policy;
	uint64_t purge_before;			/* payloads below are purged; 0: none */
	uint64_t purge_order;			/* the newest PURGE journal */
	/* how it is reached (access.c) */
	bool closed;				/* open access is off */
	bool has_ip_list;
	bool service_role;			/* granted */
	uint64_t endpoint_count;
	uint64_t limits[LIMITS];		/* 0: the server's */
	uint64_t members;			/* their last change (membercache.h); not stored */
};
#define TALLY_INTERVAL_UNSET UINT64_MAX

struct tally_named;
struct tally_parked;
struct tally_state_step;
struct tally_note_cache;

struct tally_space {
	struct tally_core *core;
	uint64_t id;
	char name[TALLY_BLOCK_NAME + 1];	/* the ledger's id, or "system" */
	struct tally_space *next;		/* in the core's table */

	pthread_mutex_t write;			/* building, replaying, freezing: tally_space_lock */
	pthread_mutex_t turn;			/* who waits for it */
	pthread_mutex_t flush;			/* one flush at a time */
	pthread_mutex_t load;			/* the first to come loads, the others wait */

	pthread_mutex_t look;			/* guards what follows, for an instant */
	struct tally_head *head;
	struct tally_overlay *active, *frozen;
	struct tally_head *frozen_head;		/* that frozen reaches to */
	struct tally_mark mark;
	uint64_t mark_journals;			/* journals at the mark */
	int readers;				/* views out */
	bool rebuilding;
	bool loaded;
	bool bulk;				/* a long replay is under way: flush as it goes */
	uint64_t trusted_at;			/* generation of the high-water that it holds; 0: none */
	struct tally_err *distrust;		/* why a block of it is not to be built on, or NULL */
	struct tally_note_cache *note;		/* its newest signed checkpoint */
	struct tally_membercache *members;
	bool shadow;				/* thrown away again: no state tree is kept */
	uint64_t looked_ns;			/* when the driver was last asked for more blocks */

	/* under write: what journals from changed_from on changed (statetree.h), and the next step
	   of the state tree where it was made ahead */
	struct tally_buf changed;
	uint64_t changed_from;			/* UINT64_MAX: they are to be read from the blocks */
	struct tally_state_step *step;
	uint64_t state_seen, state_since_ns;	/* for who makes STATE_ROOTs: size, and since when */
	struct tally_state_step *applied;	/* under look: steps to be kept in memory, the oldest first */
	pthread_mutex_t keep;			/* who moves them there; taken before look */

	pthread_mutex_t erase;			/* one run at a time (erase.c) */
	bool erase_due;				/* there may be orders to erase */
	bool erase_runs;			/* ... which are being carried out */
	bool confirmed;				/* rows of TABLE_ERASE are to be removed: a flush is
						   due without new blocks */
	uint64_t erase_again_ns, erase_wait_ns;
	bool certify_due;			/* there may be erasures without a certificate */
	struct tally_named *named;		/* of blocks that are being loaded (named.c) */

	/* the committer's alone */
	struct tally_command *pending, **pending_tail;
	struct tally_space *next_pending;
	bool in_group;
	uint64_t stalled_ns, built_ns;		/* its overlay is full since; its newest block was begun */
	struct tally_parked *parked;
};

struct tally_view {
	struct tally_space *space;
	struct tally_head *head;
	struct tally_overlay *overlay[2];	/* newest first; [1] may be NULL */
	const struct tally_tag *mine;		/* the block its owner is building */
	const struct tally_head *told;		/* what its rows make: of who builds, the new head */
	uint64_t base;				/* journals whose tiles were in the index then */
};

/* "l-" and 25 lower-case hex digits; the first 16 are the space's number, which is not 0. */
bool tally_ledger_id_space(struct tally_bytes ledger_id, uint64_t *space_r);

/* The space of that number, loaded: 1; 0 where it has no blocks (or was dropped). */
int tally_space_find(struct tally_core *core, uint64_t id, struct tally_space **space_r,
		     struct tally_err *err);
/* The same, made if it has no blocks yet; name is that of a new one. */
int tally_space_need(struct tally_core *core, uint64_t id, const char *name,
		     struct tally_space **space_r, struct tally_err *err);
/* By ledger id; 0 also where the id is not exactly the ledger's. */
int tally_space_of_ledger(struct tally_core *core, struct tally_bytes ledger_id,
			  struct tally_space **space_r, struct tally_err *err);
/* By the name of a log: a ledger id, or "system" for the system ledger. */
int tally_space_of_log(struct tally_core *core, struct tally_bytes name,
		       struct tally_space **space_r, struct tally_err *err);
/* Nothing is applied to the tables of a space until it is released: whoever wants to waits. Loads
 * nothing. NULL is fine for release. */
struct tally_space *tally_space_hold(struct tally_core *core, uint64_t id);
void tally_space_release(struct tally_space *space);
/* Takes space->write and gives it back; who waits for it comes next, whoever has it now. */
void tally_space_lock(struct tally_space *space);
void tally_space_unlock(struct tally_space *space);
/* One that is in no table: empty, not loaded. */
struct tally_space *tally_space_new(struct tally_core *core, uint64_t id);
void tally_space_free(struct tally_space *space);

/* Takes a view; BUSY while the index is being rebuilt. Drop it soon: it holds memory. */
int tally_view_take(struct tally_space *space, struct tally_view *view_r, struct tally_err *err);
void tally_view_drop(struct tally_view *view);
/* A view of a log by its name, deleted or not: 1; 0 where there is none. */
int tally_view_of_log(struct tally_core *core, struct tally_bytes name, struct tally_view *view_r,
		      struct tally_err *err);

/* Overlay, then index. 1 found, 0, -1. The value lives as long as view and arena. */
int tally_view_get(const struct tally_view *view, uint32_t table, struct tally_bytes key,
		   struct tally_arena *arena, struct tally_bytes *value_r, struct tally_err *err);
/* Overlay and index merged; as tally_store_scan. In tables whose keys hold a journal's number the
 * caller bounds the range by the view's size: the index may know later ones already. */
int tally_view_scan(const struct tally_view *view, uint32_t table, struct tally_bytes low,
		    struct tally_bytes high, bool backwards, tally_scan_each *each, void *ctx,
		    struct tally_err *err);

/* Rows of TABLE_CLUE (clues.c): the size of the key is returned. */
#define TALLY_POSTING_KEY_MAX (5 + 1 + TALLY_MAX_CLUE + 3)
#define TALLY_POSTING_VALUE (1 + TALLY_HASH_SIZE)
size_t tally_posting_key(struct tally_bytes clue, uint64_t journal_id,
			 uint8_t key[TALLY_POSTING_KEY_MAX]);
uint64_t tally_posting_journal(struct tally_bytes key);
void tally_posting_value(const struct tally_hash *leaf, uint8_t value[TALLY_POSTING_VALUE]);
/* The journals from <= id < to of a clue (1 to TALLY_MAX_CLUE bytes), oldest or newest first; each
 * returns 0 to go on. 0, or -1. */
typedef int tally_posting_each(void *ctx, uint64_t journal_id, const struct tally_hash *leaf);
int tally_postings(const struct tally_view *view, struct tally_bytes clue, uint64_t from,
		   uint64_t to, bool backwards, tally_posting_each *each, void *ctx,
		   struct tally_err *err);

/* Root of the complete subtree of 2^level leaves that begins at leaf index << level, which must
 * lie within the view's tree: a tally_node_source whose ctx is a struct tally_nodes. */
struct tally_nodes {
	const struct tally_view *view;
	struct tally_arena *arena;
	struct tally_err *err;
	/* what a path takes further from the tile that it came through (tilecache.h) */
	struct {
		unsigned int count;
		unsigned int level, sublevel, place;
		uint64_t number;
		struct tally_hash path[8];
	} ahead;
};
int tally_view_node(void *ctx, unsigned int level, uint64_t index, struct tally_hash *hash_r);

/* ---- for the writer (holds space->write) ---- */

/* Where the projection of one block goes. */
struct tally_projection {
	struct tally_space *space;
	struct tally_overlay *overlay;
	struct tally_tag *tag;
	struct tally_head *head;	/* a copy under construction */
	struct tally_buf nodes[TALLY_TREE_MAX_PATH + 1];	/* finished by this block, a level each */
	uint64_t node_first[TALLY_TREE_MAX_PATH + 1];		/* index of the first of them */
	struct tally_buf scratch;
	struct tally_view view;			/* the ledger with what this block did so far */
	struct tally_buf changed;		/* of the state (statetree.h) */
	struct tally_hash leaf;			/* of the journal at hand */
	uint64_t first;				/* first journal of the block */
	struct tally_state_step *step;		/* of its STATE_ROOT; NULL: it has none */
	struct tally_err failed;		/* code not OK: what it needed could not be read, and
						   the block is to be dropped */
	struct tally_count *members;	/* journals by member and by type in this block */
	size_t member_count, member_room;
	uint32_t types[256];
	bool erases;			/* a journal orders payloads to be erased */
	bool certifies;			/* ... and that is to be certified */
};

/* Begins block number head->blocks: a copy of the head to build on, a tag, and a view. */
void tally_project_begin(struct tally_projection *projection, struct tally_space *space);
/* One journal: index changes, tree, what it says of the ledger. time_ms is the block's. */
void tally_project_journal(struct tally_projection *projection, uint64_t journal_id,
			   uint64_t time_ms, const struct tally_record *record,
			   const struct tally_envelope *envelope, const struct tally_hash *leaf);
/* After the last journal: the block's own entries, given its header and hash. */
void tally_project_block(struct tally_projection *projection,
			 const struct tally_block_header *header,
			 const uint8_t block_hash[TALLY_HASH_SIZE]);
/* Publishes: readers see the block from now on. */
void tally_project_commit(struct tally_projection *projection);
/* Gives it up; nothing of it was ever seen. */
void tally_project_drop(struct tally_projection *projection);

/* Reads and checks blocks that the store has beyond the head, and publishes them. Leaves, root
 * and header chain are recomputed: CORRUPT names the block. */
int tally_space_catch_up(struct tally_space *space, struct tally_err *err);

/* Checks one block against the head and projects it (not yet committed). */
int tally_space_take_block(struct tally_space *space, struct tally_bytes bytes,
			   struct tally_projection *projection, struct tally_err *err);

/*
 * Payload slots of a block that was taken: checksums, sizes, hashes. What a replay leaves out, for
 * whoever checks or loads blocks. Erased ones pass; named (NULL: nobody asks) gathers them.
 */
int tally_block_check_payloads(struct tally_bytes bytes, struct tally_named *named,
			       struct tally_err *err);

/*
 * Which journals of a space are erased, and which journals order that, gathered from its blocks in
 * their order and from nothing else. A block may hold what a later one orders to be erased, so the
 * question is put at the end.
 */
struct tally_named *tally_named_new(void);
void tally_named_free(struct tally_named *named);	/* NULL is fine */
void tally_named_journal(struct tally_named *named, uint64_t journal_id,
			 const struct tally_record *record, bool erased);
/* 0, or CORRUPT with the first journal that is erased and that no journal orders to be. */
int tally_named_check(const struct tally_named *named, struct tally_err *err);

/* ---- flushing (takes its own locks; not while holding space->write) ---- */

/* Applies to the index all that was committed when it was called. */
int tally_space_flush(struct tally_space *space, struct tally_err *err);
/* Drops the index and builds it anew from block 0. */
int tally_space_rebuild(struct tally_space *space, tally_progress *progress, void *ctx,
			struct tally_err *err);
/* Bytes of the active generation, and journals not yet applied. */
void tally_space_lag(struct tally_space *space, size_t *bytes_r, uint64_t *journals_r);

/* Encoding of the head in TABLE_HEAD. */
void tally_head_encode(const struct tally_head *head, struct tally_buf *buf);
int tally_head_decode(struct tally_bytes bytes, struct tally_head *head_r, struct tally_err *err);
struct tally_head *tally_head_ref(struct tally_head *head);
void tally_head_unref(struct tally_head *head);

#endif
