/*
 * Process proof files (doc/formats.md, "Process proof files"): one canonical JSON object (RFC 8785), a
 * line feed behind it or not, that shows offline which stages a sharing process has, in which order, and
 * that there are no others: the state proof file of the process's clue, and for each of its journals what
 * its leaf has the hashes of. The signature of a stage leads to the DID of its provider, which is made of
 * the key; so not even who has the log's key can make a stage. Pure functions; no allocation, no I/O.
 */
#ifndef TALLY_PROCESSFILE_H
#define TALLY_PROCESSFILE_H

#include "statefile.h"

#define TALLY_PROCESS_FILE_FORMAT "tallystick process proof v1"

/* One journal of the process. Names are JSON strings as they stand in the leaf, which has one form. */
struct tally_process_stage {
	bool other;			/* no stage: a journal of another type under the clue */
	uint64_t journal_id;
	uint64_t timestamp;		/* milliseconds since 1970, as the log says */
	struct tally_hash hash;		/* of the leaf */
	struct tally_bytes provider, product, consumer, order;
	bool has_content;		/* else it is not in the file, and neither is the signature */
	struct tally_bytes content;	/* JSON of the API's own */
};

struct tally_process_file {
	struct tally_state_file state;
	struct tally_bytes creator, process;	/* out of the clue */
	struct tally_bytes stages;	/* the list, as it stands there */
};

/* Is this text such a file? For texts of any kind. */
bool tally_process_file_is(struct tally_bytes text);

/* The clue of a process: "process", its creator's DID, its name. False where that is no such clue. */
bool tally_process_of_clue(struct tally_bytes clue, struct tally_bytes *creator_r,
			   struct tally_bytes *process_r);

/* Takes a file apart; nothing is verified, but that state.count journals and stages are there. room as
 * of tally_state_file_parse, and so the codes. */
int tally_process_file_parse(struct tally_bytes text, uint8_t *room,
			     struct tally_process_file *file_r, struct tally_err *err);

/*
 * Does all of it hold, against a checkpoint that the caller has verified? The state proof as
 * tally_state_file_check_in; then each stage: it continues the process in its order, and whoever made it
 * might; and where its content is there, that is the leaf's, and the provider signed what the leaf says.
 * stages_r has state.count entries; contents go into room, which has as many bytes as the file. CORRUPT, and the text names the stage.
 */
int tally_process_file_check_in(const struct tally_process_file *file,
				const struct tally_checkpoint *checkpoint, uint64_t lag_max,
				uint8_t *room, struct tally_process_stage *stages_r,
				struct tally_state_answer *answer_r, struct tally_err *err);

/* What its content calls the stage; empty where it has no name. room has content.size bytes. */
struct tally_bytes tally_process_stage_name(const struct tally_process_stage *stage, uint8_t *room);

#endif
