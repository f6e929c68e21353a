/*
 * The audit's insides. Blocks go through three hands: a reader that fetches them, workers that look
 * at each block by itself, in any order (audit_work.c), and one replay that goes through them in
 * order, with all that they say together (audit_replay.c).
 */
#ifndef TALLY_AUDIT_PRIVATE_H
#define TALLY_AUDIT_PRIVATE_H

#include "audit.h"

#include "audit_map.h"
#include "audit_state.h"
#include "block.h"
#include "core_private.h"
#include "evidence.h"
#include "record.h"
#include "tsp.h"

/* ---- one block by itself ---- */

/* Something wrong with a block, or with one journal in it. */
struct audit_note {
	const char *what;
	bool of_journal;
	uint64_t journal;
	char text[300];
	struct audit_note *next;
};

enum audit_payload { PAYLOAD_NONE, PAYLOAD_THERE, PAYLOAD_ERASED, PAYLOAD_UNREAD };
enum audit_form { FORM_UNSIGNED, FORM_OWN, FORM_FOREIGN, FORM_UNREAD };

struct audit_item {
	struct tally_record record;
	struct tally_envelope envelope;
	struct tally_hash leaf;
	enum audit_payload payload;
	/* Members' signatures that verify; UNREAD: there is evidence, but it was erased or not looked
	   at. What was signed, for FORM_OWN and FORM_FOREIGN. */
	enum audit_form form;
	const struct tally_record_signature *signatures;
	size_t signature_count;
	uint8_t signed_hash[TALLY_HASH_SIZE];
	struct tally_hash *clue_paths;		/* in the state tree, one for each clue */
	struct tally_hash key_path, value_hash;	/* of KV_SET and KV_DELETE */
	struct tally_tsp_info *stamp;		/* of an anchor of the service's own; else NULL */
};

struct audit_block {
	struct tally_bytes bytes;
	uint64_t number;
	struct tally_block_header header;
	uint8_t hash[TALLY_HASH_SIZE];
	bool readable;			/* the header is, and so are all records: it can be gone on from */
	bool light;			/* audited before: only what the state needs was looked at */
	struct audit_item *items;	/* header.count; where readable */
	struct audit_note *notes;	/* in the order of journals */
	uint64_t payloads, payload_bytes, signatures;
};

/* What workers go by; they only read it. */
struct audit_work {
	const struct tally_tsp_trust *trust;
	const uint8_t *digest_key;
	uint64_t from;			/* blocks that end before this journal are light */
};

/* What a worker uses again and again. */
struct audit_bench {
	struct tally_buf leaf, message;
};

/* Looks at a block whose bytes and number are set. What it finds lives in arena. */
void audit_block_check(const struct audit_work *work, struct audit_bench *bench,
		       struct audit_block *block, struct tally_arena *arena);
void audit_bench_free(struct audit_bench *bench);

/* ---- all of one ledger, in order ---- */

struct audit;			/* the whole run (audit.c) */
struct audit_replay;

/* Where something is. */
struct audit_place {
	const char *ledger;
	uint64_t space;
	bool has_block, has_journal, has_table;
	uint64_t block, journal;
	uint32_t table;
};

/* Notes that a held tree (by its number) is one of a ledger that is there. */
void audit_held_used(struct audit *audit, size_t number);
/* Reports a finding. */
void audit_found(struct audit *audit, const struct audit_place *place, const char *what,
		 const char *format, ...) __attribute__((format(printf, 4, 5)));

/* What ledgers of one store say of each other, for the end. */
struct audit_anchor_ref {
	char ledger[TALLY_LEDGER_ID_SIZE + 1];
	uint64_t space, journal, sequence;
	struct tally_hash digest, token;	/* SHA-256 of the token */
};
struct audit_catalogued {
	char ledger[TALLY_LEDGER_ID_SIZE + 1];
	uint64_t account;
	uint64_t journal;		/* of the system ledger */
	bool there;
};
struct audit_common {
	bool has_system;		/* the system ledger was gone through: */
	uint8_t store_id[16];
	char origin[256];
	char log_key[2 * TALLY_HASH_SIZE + 1];
	struct audit_catalogued *catalogue;
	size_t catalogue_count, catalogue_room;
	char time_ledger[TALLY_LEDGER_ID_SIZE + 1];	/* by the store id; "": not known */
	struct audit_anchor_ref *anchors, *stamps;	/* of other ledgers; of the time ledger */
	size_t anchor_count, anchor_room, stamp_count, stamp_room;
};

/* Journals whose payloads are erased, and those whose are there, in runs without a gap
 * (audit_erase.c). */
struct audit_run {
	uint64_t first, last;
	bool erased;
	bool reachable;			/* of a type that an order for one journal can reach */
};
struct audit_erasures {
	struct audit_run *runs;
	size_t run_count, run_room;
	uint64_t *ordered;		/* journals that are ordered to be erased, one by one ... */
	size_t ordered_count, ordered_room;
	uint64_t before;		/* ... and all before this one ... */
	uint64_t *kept;			/* ... but for these */
	size_t kept_count;
};
/* Journals in their order. */
void audit_erasures_add(struct audit_erasures *erasures, uint64_t journal, bool erased,
			bool reachable);
void audit_erasures_order(struct audit_erasures *erasures, uint64_t journal);
/* 1 the payload of that journal is erased, 0 it is there, -1 it has none (or was not looked at). */
int audit_erasures_get(const struct audit_erasures *erasures, uint64_t journal);
/* Each row of erased payloads of which at least one was not ordered; and how many that were ordered are
 * still there. */
void audit_erasures_end(struct audit_erasures *erasures,
			void (*each)(void *ctx, uint64_t first, uint64_t last), void *ctx,
			uint64_t *left_r);
void audit_erasures_free(struct audit_erasures *erasures);

struct audit_replay *audit_replay_new(struct audit *audit, struct audit_common *common,
				      const struct tally_audit_options *options, uint64_t space);
/* The next block. 0, or -1 where something of the system failed. */
int audit_replay_block(struct audit_replay *replay, const struct audit_block *block,
		       struct tally_err *err);
/* True once it cannot be gone on with. */
bool audit_replay_broken(const struct audit_replay *replay);
void audit_replay_break(struct audit_replay *replay);
/* After the last block. */
int audit_replay_end(struct audit_replay *replay, struct tally_err *err);
struct tally_audit_ledger *audit_replay_result(struct audit_replay *replay);
const struct audit_erasures *audit_replay_erasures(const struct audit_replay *replay);
void audit_replay_free(struct audit_replay *replay);

/* ---- its parts ---- */

/* The members as their journals made them (audit_member.c); deleted ones have role NONE. */
struct audit_members {
	struct tally_member *list;
	size_t count, room;
	struct audit_map by_id, by_account, by_key;
	struct audit_map invited;	/* accounts: the INVITE_MEMBERS journal */
	size_t last;			/* the one found last */
	char owner[TALLY_MEMBER_ID_SIZE + 1];
};
const struct tally_member *audit_member_find(struct audit_members *members, struct tally_bytes id);
/* A journal about a member, of a type that is one. What is wrong with it, or NULL; the member after
 * it in *member_r. */
const char *audit_member_change(struct audit_members *members, const struct audit_item *item,
				const struct tally_place *place,
				const struct tally_member **member_r);
const char *audit_member_invite(struct audit_members *members, const struct tally_record *record,
				uint64_t journal);
uint64_t audit_members_count(const struct audit_members *members);
void audit_members_free(struct audit_members *members);

/* Index tables of one ledger against what its blocks make (audit_index.c). */
int audit_index_compare(struct audit *audit, const struct tally_audit_options *options,
			struct audit_replay *replay, struct tally_err *err);

#endif
