/* Rows of the tables of shared objects, for who writes and who reads them; see tables.h. */
#ifndef TALLY_SHARE_ROWS_H
#define TALLY_SHARE_ROWS_H

#include "core_private.h"
#include "share.h"

/* Key of an object in TABLE_SHARE: its kind and its names. Also of a prefix: b empty with part. */
#define SHARE_KEY_MAX (1 + 1 + TALLY_DID_MAX + 1 + TALLY_SHARE_LONG_MAX)
struct tally_bytes tally_share_key(enum tally_share_kind kind, struct tally_bytes a,
				   struct tally_bytes b, uint8_t key[SHARE_KEY_MAX]);
/* Key of a process in TABLE_STAGE and TABLE_PARTY: creator and process. What follows is the caller's. */
#define SHARE_PROCESS_KEY_MAX (2 * (1 + 64) + TALLY_DID_MAX)
size_t tally_share_process_key(struct tally_bytes creator, struct tally_bytes process,
			       uint8_t key[SHARE_PROCESS_KEY_MAX]);

/* An object out of its row; borrows. CORRUPT. */
int tally_share_read(const struct tally_view *view, struct tally_bytes key, struct tally_bytes value,
		     struct tally_share_object *object_r, struct tally_err *err);
/* The DID that tally_share_whose had of the record that made it. */
struct tally_bytes tally_share_whose_of(const struct tally_share_object *object);
/* In a view: 1, also of one that is gone; 0. */
int tally_share_look(const struct tally_view *view, enum tally_share_kind kind,
		     struct tally_bytes a, struct tally_bytes b, struct tally_arena *arena,
		     struct tally_share_object *object_r, struct tally_err *err);
int tally_share_look_key(const struct tally_view *view, const uint8_t point[65],
			 struct tally_arena *arena, struct tally_share_object *did_r,
			 struct tally_err *err);
int tally_share_is_party(const struct tally_view *view, struct tally_bytes creator,
			 struct tally_bytes process, struct tally_bytes did,
			 struct tally_arena *arena, struct tally_err *err);

/* A public key as a record has it: 130 hex digits. */
bool tally_share_point(const struct tally_record *record, uint8_t point_r[65]);

#endif
