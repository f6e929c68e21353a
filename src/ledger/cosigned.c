/*
 * Cosigned checkpoints: what witnesses have signed of our ledgers. The newest of each log that has a
 * quorum is kept as a file of its own beside the master key, in <master key>.cosigned/<hex
 * H(origin)>: a signed note, as it is given out. It is no function of the blocks, so it is not in
 * the store; and it is a second high-water mark, since a store that does not hold what witnesses
 * cosigned is not the one they saw.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core_private.h"
#include "note.h"
#include "policyfile.h"
#include "witness.h"

struct tally_cosigned {
	char *directory;		/* NULL: kept in memory only */
	struct tally_policy_file *policy;	/* NULL: none is configured */
};

/* ---- opening ---- */

int tally_cosigned_open(const char *directory, const char *policy, struct tally_cosigned **cosigned_r,
			struct tally_err *err)
{
	struct tally_cosigned *cosigned = tally_calloc(1, sizeof(*cosigned));

	if (directory != NULL)
		cosigned->directory = tally_strdup(directory);
	if (policy != NULL && tally_policy_file_read(policy, &cosigned->policy, err) != 0) {
		tally_err_prefix(err, "witness.policy");
		tally_cosigned_close(&cosigned);
		return -1;
	}
	*cosigned_r = cosigned;
	return 0;
}

void tally_cosigned_close(struct tally_cosigned **cosigned)
{
	if (*cosigned == NULL)
		return;
	tally_policy_file_free(&(*cosigned)->policy);
	free((*cosigned)->directory);
	free(*cosigned);
	*cosigned = NULL;
}

const struct tally_policy *tally_core_policy(const struct tally_core *core)
{
	return core->cosigned->policy != NULL ? &core->cosigned->policy->policy : NULL;
}

/* ---- files ---- */

static void file_name(const struct tally_cosigned *cosigned, const char *origin, char *path,
		      size_t room)
{
	char hex[TALLY_ORIGIN_HEX];

	tally_origin_hex(tally_bytes_str(origin), hex);
	snprintf(path, room, "%.4000s/%s", cosigned->directory, hex);
}

/* 1 and its bytes in buf, 0 there is none. */
static int read_file(const struct tally_cosigned *cosigned, const char *origin,
		     struct tally_buf *buf, struct tally_err *err)
{
	char path[4200];
	ssize_t got;
	int fd;

	if (cosigned->directory == NULL)
		return 0;
	file_name(cosigned, origin, path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return tally_err_errno(err, "%s", path);
	do {
		got = read(fd, tally_buf_reserve(buf, 8192), 8192);
		if (got > 0)
			buf->size += (size_t)got;
	} while ((got > 0 && buf->size <= TALLY_NOTE_MAX) || (got < 0 && errno == EINTR));
	if (got < 0)
		tally_err_errno(err, "%s", path);
	close(fd);
	return got < 0 ? -1 : 1;
}

static int sync_directory(const char *path, struct tally_err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), result;

	result = fd >= 0 ? fsync(fd) : -1;
	if (result != 0)
		tally_err_errno(err, "%s", path);
	if (fd >= 0)
		close(fd);
	return result;
}

static int write_file(const struct tally_cosigned *cosigned, const char *origin,
		      struct tally_bytes note, struct tally_err *err)
{
	char path[4200], beside[4300];
	int fd, result = 0;

	if (cosigned->directory == NULL)
		return 0;
	if (mkdir(cosigned->directory, 0700) != 0 && errno != EEXIST)
		return tally_err_errno(err, "%s", cosigned->directory);
	file_name(cosigned, origin, path, sizeof(path));
	snprintf(beside, sizeof(beside), "%s.%ld.new", path, (long)getpid());
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return tally_err_errno(err, "%s", beside);
	if (write(fd, note.data, note.size) != (ssize_t)note.size || fsync(fd) != 0)
		result = tally_err_errno(err, "%s", beside);
	close(fd);
	if (result == 0 && rename(beside, path) != 0)
		result = tally_err_errno(err, "%s", path);
	if (result != 0)
		unlink(beside);
	return result == 0 ? sync_directory(cosigned->directory, err) : -1;
}

/* ---- what a note says ---- */

/* A note of one of our logs, taken apart. */
struct reading {
	struct tally_note note;
	struct tally_checkpoint checkpoint;
	struct tally_vkey vkey;
};

/* Signed by our key, for this origin. */
static bool is_ours(const struct tally_core *core, const char *origin, struct tally_bytes bytes,
		    struct reading *reading)
{
	return tally_note_parse(bytes, &reading->note) &&
	       tally_checkpoint_parse(reading->note.text, &reading->checkpoint) &&
	       tally_bytes_is(reading->checkpoint.origin, origin) &&
	       reading->checkpoint.extension.size == 0 &&
	       tally_vkey_make(&reading->vkey, tally_bytes_str(origin), NOTE_ED25519,
			       core->log_public) &&
	       tally_note_verify(&reading->note, &reading->vkey, 1, NULL, NULL) == 1;
}

/* Enough for those who go by the policy? Where there is none, any witness is. */
static bool is_enough(const struct tally_core *core, const struct reading *reading)
{
	const struct tally_policy *policy = tally_core_policy(core);
	struct tally_policy_found found;

	if (policy == NULL)
		return true;
	return tally_policy_check(policy, &reading->note, &reading->checkpoint, &found) &&
	       found.quorum && found.witness_count > 0;
}

/* Our line, then those of witnesses of the policy that verify, in its order; more may be NULL: a
 * note of the same text with further ones. */
static void compose(const struct tally_core *core, const struct reading *reading,
		    const struct tally_note *more, struct tally_buf *buf)
{
	const struct tally_policy *policy = tally_core_policy(core);
	const struct tally_note *notes[2] = { &reading->note, more };

	tally_buf_add_bytes(buf, reading->note.text);
	tally_buf_add_u8(buf, '\n');
	for (size_t i = 0; i < reading->note.signature_count; i++)
		if (reading->note.signatures[i].id == reading->vkey.id &&
		    tally_bytes_is(reading->note.signatures[i].name, reading->vkey.name)) {
			tally_buf_add_bytes(buf, reading->note.signatures[i].line);
			break;
		}
	for (size_t w = 0; policy != NULL && w < policy->witness_count; w++) {
		bool done = false;

		for (size_t n = 0; n < 2 && notes[n] != NULL; n++)
			for (size_t i = 0; i < notes[n]->signature_count && !done; i++) {
				const struct tally_note_signature *s = &notes[n]->signatures[i];

				done = s->id == policy->witness_keys[w].id &&
				       tally_bytes_is(s->name, policy->witness_keys[w].name) &&
				       tally_note_verify(notes[n], &policy->witness_keys[w], 1, NULL,
							 NULL) == 1;
				if (done)
					tally_buf_add_bytes(buf, s->line);
			}
	}
}

/* ---- the newest of a space ---- */

/* Reads the file of a space's origin, once. Its lock is held. */
static int load(struct tally_core *core, const char *origin, struct tally_cosigned_note *kept,
		struct tally_err *err)
{
	struct reading *reading;
	struct tally_buf buf = { 0 };
	int found;

	if (strcmp(kept->origin, origin) == 0)
		return 0;
	tally_buf_clear(&kept->note);
	kept->size = 0;
	kept->enough = false;
	found = read_file(core->cosigned, origin, &buf, err);
	if (found < 0) {
		tally_buf_free(&buf);
		return -1;
	}
	snprintf(kept->origin, sizeof(kept->origin), "%s", origin);
	if (found == 0)
		return 0;
	reading = tally_calloc(1, sizeof(*reading));
	if (is_ours(core, origin, tally_buf_bytes(&buf), reading)) {
		tally_buf_add_bytes(&kept->note, tally_buf_bytes(&buf));
		kept->size = reading->checkpoint.size;
		kept->root = reading->checkpoint.root;
		kept->enough = is_enough(core, reading);
	} else {
		tally_log(TALLY_LOG_WARN, "cosigned.ignored", "origin", origin, "why",
			  "the file holds no checkpoint of this log", NULL);
	}
	free(reading);
	tally_buf_free(&buf);
	return 0;
}

int tally_cosigned_mark(struct tally_core *core, struct tally_cosigned_note *kept,
			const char *origin, struct tally_high_mark *mark_r, struct tally_err *err)
{
	if (load(core, origin, kept, err) != 0)
		return -1;
	*mark_r = (struct tally_high_mark){ kept->size, kept->root };
	return kept->note.size > 0;
}

int tally_cosigned_get(struct tally_core *core, struct tally_cosigned_note *kept,
		       const char *origin, struct tally_arena *arena,
		       struct tally_signed_checkpoint *checkpoint_r, struct tally_err *err)
{
	if (load(core, origin, kept, err) != 0)
		return -1;
	if (kept->note.size == 0 || !kept->enough)
		return 0;
	*checkpoint_r = (struct tally_signed_checkpoint){
		.size = kept->size,
		.root = kept->root,
		.note = tally_arena_bytes(arena, tally_buf_bytes(&kept->note)),
	};
	return 1;
}

/* The note as it is to be kept, or INVALID. */
static int prepare(struct tally_core *core, const struct tally_cosigned_note *kept,
		   struct reading *reading, struct reading *before, struct tally_buf *buf,
		   struct tally_err *err)
{
	const struct tally_note *more = NULL;

	if (kept->note.size > 0 && kept->size == reading->checkpoint.size &&
	    tally_note_parse(tally_buf_bytes(&kept->note), &before->note) &&
	    tally_bytes_equal(before->note.text, reading->note.text))
		more = &before->note;
	compose(core, reading, more, buf);
	if (!is_ours(core, kept->origin, tally_buf_bytes(buf), reading) || !is_enough(core, reading))
		return tally_err_about(err, TALLY_INVALID, "Checkpoint", "the witnesses that signed it "
				       "are no quorum");
	return 0;
}

int tally_cosigned_keep(struct tally_core *core, struct tally_cosigned_note *kept,
			const char *origin, struct tally_bytes note, struct tally_err *err)
{
	struct reading *reading = tally_calloc(2, sizeof(*reading));
	struct tally_buf buf = { 0 };
	int result = load(core, origin, kept, err);

	if (result == 0 && tally_core_policy(core) == NULL)
		result = tally_err_set(err, TALLY_UNSUPPORTED, "no policy of witnesses is configured");
	if (result == 0 && !is_ours(core, origin, note, &reading[0]))
		result = tally_err_about(err, TALLY_INVALID, "Checkpoint", "it is no checkpoint of this "
					 "ledger");
	/* An older one than what is kept is nobody's loss. */
	if (result == 0 && (kept->note.size == 0 || !kept->enough ||
			    reading[0].checkpoint.size >= kept->size)) {
		result = prepare(core, kept, &reading[0], &reading[1], &buf, err);
		if (result == 0)
			result = write_file(core->cosigned, origin, tally_buf_bytes(&buf), err);
		if (result == 0) {
			tally_buf_clear(&kept->note);
			tally_buf_add_bytes(&kept->note, tally_buf_bytes(&buf));
			kept->size = reading[0].checkpoint.size;
			kept->root = reading[0].checkpoint.root;
			kept->enough = true;
		}
	}
	tally_buf_free(&buf);
	free(reading);
	return result;
}

int tally_cosigned_forget(struct tally_core *core, struct tally_cosigned_note *kept,
			  const char *origin, struct tally_err *err)
{
	char path[4200];

	kept->origin[0] = '\0';
	if (core->cosigned->directory == NULL)
		return 0;
	file_name(core->cosigned, origin, path, sizeof(path));
	if (unlink(path) != 0 && errno != ENOENT && errno != ENOTDIR)
		return tally_err_errno(err, "%s", path);
	return 0;
}

int tally_cosigned_check(struct tally_core *core, const char *origin, struct tally_bytes note,
			 struct tally_high_mark *mark_r, struct tally_err *err)
{
	struct reading *reading = tally_calloc(1, sizeof(*reading));
	bool ours = is_ours(core, origin, note, reading);

	*mark_r = (struct tally_high_mark){ reading->checkpoint.size, reading->checkpoint.root };
	free(reading);
	return ours ? 0 : tally_err_about(err, TALLY_INVALID, "Checkpoint",
					  "it is no checkpoint that this store signed for the ledger");
}
