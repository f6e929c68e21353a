/* A ledger's log as files. See tlog.h. */
#include "tlog.h"

#include "tile.h"

/* Somebody unknown, from somewhere unknown: only what everybody may read from everywhere is cached for
 * everybody. */
static const struct tally_reach nowhere;
static const struct tally_caller nobody = { .reach = &nowhere };

/* May the caller read it, and may everybody? 1, 0, -1. */
static int may_read(struct tally_core *core, const struct tally_caller *caller,
		    struct tally_bytes ledger_id, bool *public_r, struct tally_err *err)
{
	struct tally_err why;

	if (tally_authorise(core, caller, ledger_id, PERM_VIEW_JOURNAL, err) != 0)
		return err->code == TALLY_NOTFOUND || err->code == TALLY_DENIED ? 0 : -1;
	*public_r = tally_authorise(core, &nobody, ledger_id, PERM_VIEW_JOURNAL, &why) == 0;
	return 1;
}

static int read_checkpoint(struct tally_core *core, struct tally_bytes ledger_id,
			   struct tally_arena *arena, struct tally_tlog_file *file,
			   struct tally_err *err)
{
	struct tally_signed_checkpoint checkpoint;
	int found = tally_ledger_published(core, ledger_id, arena, &checkpoint, err);

	file->type = "text/plain; charset=utf-8";
	if (found == 1)
		file->bytes = checkpoint.note;
	file->later = found < 0 && err->code == TALLY_BUSY;
	return file->later ? 1 : found;
}

int tally_tlog_read(struct tally_core *core, const struct tally_caller *caller,
		    struct tally_bytes path, struct tally_arena *arena,
		    struct tally_tlog_file *file_r, struct tally_err *err)
{
	const uint8_t *slash = path.size > 0 ? memchr(path.data, '/', path.size) : NULL;
	struct tally_bytes id, name;
	unsigned int width;
	uint64_t number;
	int level, found;
	bool tile;

	*file_r = (struct tally_tlog_file){ .type = "application/octet-stream" };
	if (slash == NULL)
		return 0;
	id = tally_bytes(path.data, (size_t)(slash - path.data));
	name = tally_bytes(slash + 1, path.size - id.size - 1);
	tile = tally_tile_parse(name, &level, &number, &width);
	if (id.size < 2 || id.size > TALLY_LEDGER_ID_SIZE || memcmp(id.data, "l-", 2) != 0 ||
	    (!tile && !tally_bytes_is(name, "checkpoint")))
		return 0;
	found = may_read(core, caller, id, &file_r->public, err);
	if (found != 1)
		return found;
	if (!tile)
		return read_checkpoint(core, id, arena, file_r, err);
	file_r->fixed = true;
	found = tally_ledger_tile(core, id, level, number, width, arena, &file_r->bytes, err);
	file_r->pruned = found < 0 && err->code == TALLY_NOTFOUND &&
			 strcmp(err->subject, "MinimumIndex") == 0;
	return file_r->pruned ? 0 : found;
}
