/*
 * Tampering with a store, and the audit of what comes out. A store that has something of everything is
 * made once for each driver; then a copy is changed in one place, and a child process opens it and
 * audits it: blocks, index tables, and checkpoints and a receipt that were kept. Every change must be
 * found, with its place, and nothing may crash.
 *
 *   raw          bytes turned where a block, a slot, a tile, a pair of an index table lie on the disk,
 *                whatever the driver keeps around them
 *   anywhere     bytes turned, files cut, pages swapped, anywhere in any file; what nobody reads (zeros
 *                ahead of the tail, free pages, old logs) must leave blocks and tables as they were
 *   consistent   blocks and tables put together anew through the driver, so that all fits which its
 *                author could make fit (forge.h): as whoever has the store's tools and keys would
 *
 * At least 200 changes of what is read for each driver, 2,000 with TALLY_TEST_FULL set;
 * TALLY_TEST_SEED repeats a run.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "audit.h"
#include "conf.h"
#include "forge.h"
#include "log.h"
#include "note.h"
#include "rich.h"
#include "tap.h"

#define FILES_MOST 64
#define PAIRS_MOST 6000
#define BLOCKS_MOST 600
#define HELD_MOST 12

enum { CHILD_CLEAN, CHILD_FOUND, CHILD_UNOPENED, CHILD_FAILED, CHILD_CRASHED };

/* Nothing here has to outlive a cut of the power: drivers, and their libraries, need not wait for disks. */
int fsync(int fd);
int fdatasync(int fd);

int fsync(int fd)
{
	return fcntl(fd, F_GETFD) < 0 ? -1 : 0;
}

int fdatasync(int fd)
{
	return fsync(fd);
}

static struct tally_err err;
static uint64_t seed, random_state;

static uint64_t next_random(void)
{
	/* xorshift64*: George Marsaglia, Sebastiano Vigna */
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 0x2545f4914f6cdd1dull;
}

static size_t below(size_t count)
{
	return (size_t)(next_random() % count);
}

/* ---- the store that is tampered with ---- */

struct pair {
	uint64_t space;
	uint32_t table;
	struct tally_bytes key, value;
};

struct block {
	uint64_t space, number;
	struct tally_bytes bytes;
};

static struct {
	const char *driver;
	char directory[300], honest[400], copy[400];
	struct rich rich;
	struct tally_store *store;	/* the same blocks and tables in memory */
	struct tally_audit_held held[HELD_MOST];
	size_t held_count;
	struct block blocks[BLOCKS_MOST];
	size_t block_count;
	struct pair pairs[PAIRS_MOST];
	size_t pair_count;
	uint64_t spaces[16];
	size_t space_count;
	uint8_t digest[TALLY_HASH_SIZE];	/* of all that */
} base;

static struct tally_store *open_store(const char *driver_name, const char *location, bool create,
				      struct tally_err *why)
{
	struct tally_store_args args = { .location = location, .conf = base.rich.conf,
					 .create = create, .blocks = true, .index = true };
	const struct tally_driver *driver;
	struct tally_store *store;

	return tally_driver_find(driver_name, NULL, &driver, why) == 0 &&
			       tally_store_open(driver, &args, &store, why) == 0 ?
		       store : NULL;
}

static bool add_held(const char *ledger, bool receipt)
{
	struct tally_audit_held *held = &base.held[base.held_count++];
	struct tally_signed_checkpoint checkpoint;
	struct tally_checkpoint parsed;
	struct tally_inclusion *proof;
	struct tally_note note;

	if (tally_ledger_checkpoint(base.rich.core, tally_bytes_str(ledger), &base.rich.arena,
				    &checkpoint, &err) != 1 ||
	    !tally_note_parse(checkpoint.note, &note) ||
	    !tally_checkpoint_parse(note.text, &parsed))
		return false;
	*held = (struct tally_audit_held){ .name = receipt ? "a receipt" : "a checkpoint",
					   .origin = parsed.origin, .size = parsed.size,
					   .root = parsed.root, .note = checkpoint.note };
	if (!receipt)
		return true;
	proof = tally_arena_new(&base.rich.arena, struct tally_inclusion);
	held->has_index = true;
	held->index = 4;
	if (tally_journal_prove(base.rich.core, tally_bytes_str(ledger), 4, held->size, proof,
				&err) != 1)
		return false;
	held->path = proof->path;
	held->path_count = proof->path_count;
	return true;
}

static int take_space(void *ctx, uint64_t space, uint64_t count, bool dropped)
{
	struct tally_store *store = ctx;

	(void)dropped;
	base.spaces[base.space_count++] = space;
	for (uint64_t n = 0; n < count && base.block_count < BLOCKS_MOST; n++) {
		struct block *block = &base.blocks[base.block_count++];

		*block = (struct block){ .space = space, .number = n };
		if (tally_store_read(store, space, n, 0, UINT64_MAX, &base.rich.arena,
				     &block->bytes, &err) != 1)
			return 1;
	}
	return 0;
}

static int take_pair(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	const struct pair *at = ctx;

	if (base.pair_count == PAIRS_MOST)
		return 1;
	base.pairs[base.pair_count++] = (struct pair){
		at->space, at->table, tally_arena_bytes(&base.rich.arena, key),
		tally_arena_bytes(&base.rich.arena, value)
	};
	return 0;
}

static int digest_pair(void *ctx, struct tally_bytes key, struct tally_bytes value)
{
	tally_sha256_add(ctx, key.data, key.size);
	tally_sha256_add(ctx, value.data, value.size);
	return 0;
}

/* Of all blocks and tables of the spaces there should be. */
static int digest_of(struct tally_store *store, uint8_t digest_r[TALLY_HASH_SIZE])
{
	struct tally_sha256 sha;
	struct tally_arena arena = { 0 };
	struct tally_bytes bytes;
	int result = 0;

	tally_sha256_init(&sha);
	for (size_t i = 0; result == 0 && i < base.space_count; i++) {
		uint64_t space = base.spaces[i], count;

		result = tally_store_last(store, space, &count, &err);
		tally_sha256_add(&sha, &count, sizeof(count));
		for (uint64_t n = 0; result == 0 && n < count; n++) {
			result = tally_store_read(store, space, n, 0, UINT64_MAX, &arena, &bytes,
						  &err) == 1 ? 0 : -1;
			tally_sha256_add(&sha, bytes.data, bytes.size);
		}
		for (uint32_t table = 0; result == 0 && table < TALLY_TABLE_MAX; table++)
			result = tally_store_scan(store, space, table, TALLY_BYTES_NONE,
						  TALLY_BYTES_NONE, false, digest_pair, &sha, &err);
	}
	tally_arena_free(&arena);
	tally_sha256_end(&sha, digest_r);
	return result;
}

static bool make_rich(void)
{
	const struct tally_caller everyone = { .local = true };
	struct rich *rich = &base.rich;
	struct tally_ledger_info *infos;
	size_t count;
	bool more;

	if (!rich_begin(rich, &err))
		return false;
	tally_conf_override(rich->conf, "flatfile", "segment_size", "64K");
	if (!rich_open(rich, base.driver, base.honest, true, &err) || !rich_fill(rich, 1, &err) ||
	    tally_core_maintain(rich->core, &err) != 0)
		return false;
	/* the index in more than one piece */
	for (int i = 0; i < 3; i++)
		if (!rich_append(rich, rich->plain, "more", "clue 1", &err) ||
		    tally_state_refresh(rich->core, tally_bytes_str(rich->plain), &err) < 0 ||
		    tally_core_maintain(rich->core, &err) != 0)
			return false;
	if (tally_ledger_list(rich->core, &everyone, TALLY_BYTES_NONE, 10, &rich->arena, &infos, &count,
			      &more, &err) != 0 || more)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!add_held(infos[i].id, false))
			return false;
	return add_held(rich->plain, true) && add_held(rich->gone, false) && add_held("system", false);
}

static bool base_make(const char *driver)
{
	struct tally_store *store;
	bool good;

	memset(&base, 0, sizeof(base));
	base.driver = driver;
	snprintf(base.directory, sizeof(base.directory), "%s/tally-tamper-XXXXXX",
		 getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/var/tmp");
	if (mkdtemp(base.directory) == NULL)
		return false;
	snprintf(base.honest, sizeof(base.honest), "%s/honest", base.directory);
	snprintf(base.copy, sizeof(base.copy), "%s/copy", base.directory);
	if (!make_rich())
		return false;
	rich_close(&base.rich);
	store = open_store(driver, base.honest, false, &err);
	base.store = open_store("mem", "mem:", true, &err);
	good = store != NULL && base.store != NULL &&
	       tally_store_spaces(store, take_space, store, &err) == 0 &&
	       forge_copy(store, base.store, NULL, NULL, true, &err) == 0 &&
	       digest_of(store, base.digest) == 0;
	for (size_t i = 0; good && i < base.space_count; i++)
		for (uint32_t table = 0; good && table < TALLY_TABLE_MAX; table++) {
			struct pair at = { .space = base.spaces[i], .table = table };

			good = tally_store_scan(store, at.space, table, TALLY_BYTES_NONE,
						TALLY_BYTES_NONE, false, take_pair, &at, &err) == 0;
		}
	tally_store_close(&store);
	return good;
}

/* ---- copies ---- */

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *walk)
{
	(void)st;
	(void)kind;
	(void)walk;
	return remove(path);
}

static void remove_directory(const char *path)
{
	(void)nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void copy_file(const char *from, const char *to)
{
	char buffer[65536];
	int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ssize_t n;

	CHECK(in >= 0 && out >= 0);
	while ((n = read(in, buffer, sizeof(buffer))) > 0)
		CHECK(write(out, buffer, (size_t)n) == n);
	close(in);
	close(out);
}

static char copying_to[400];
static size_t copying_from;

static int copy_entry(const char *path, const struct stat *st, int kind, struct FTW *walk)
{
	char to[900];

	(void)walk;
	snprintf(to, sizeof(to), "%s%s", copying_to, path + copying_from);
	if (kind == FTW_D)
		return mkdir(to, 0700);
	if (S_ISREG(st->st_mode))
		copy_file(path, to);
	return 0;
}

static void make_copy(void)
{
	remove_directory(base.copy);
	snprintf(copying_to, sizeof(copying_to), "%s", base.copy);
	copying_from = strlen(base.honest);
	CHECK_INT(nftw(base.honest, copy_entry, 16, FTW_PHYS), 0);
}

static char files[FILES_MOST][600];
static size_t file_count;
static const char *file_part;

static int list_file(const char *path, const struct stat *st, int kind, struct FTW *walk)
{
	(void)walk;
	if (kind == FTW_F && st->st_size > 0 && file_count < FILES_MOST &&
	    strstr(path + strlen(base.copy), file_part) != NULL)
		snprintf(files[file_count++], sizeof(files[0]), "%s", path);
	return 0;
}

/* Files of the copy whose path has this in it. */
static void list_files(const char *part)
{
	file_count = 0;
	file_part = part;
	(void)nftw(base.copy, list_file, 16, FTW_PHYS);
}

static off_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : 0;
}

static void turn_at(const char *path, off_t at, uint8_t bits)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t byte = 0;

	CHECK(fd >= 0 && pread(fd, &byte, 1, at) == 1);
	byte ^= bits;
	CHECK(pwrite(fd, &byte, 1, at) == 1);
	close(fd);
}

/* ---- one change ---- */

struct change {
	char what[200];			/* in words */
	bool unused_counts;		/* it may have met what nobody reads */
	/* what the first finding must name; a driver that finds the damage itself may name a file */
	bool has_space, has_journal, has_table;
	uint64_t space, journal;
	uint32_t table;
};

/* Turns byte number `offset` of these bytes wherever they lie in the files of that part. */
static bool turn_in(const char *part, struct tally_bytes needle, size_t offset)
{
	uint8_t bits = (uint8_t)(1u << below(8));
	bool turned = false;

	list_files(part);
	for (size_t i = 0; i < file_count; i++) {
		size_t size = (size_t)size_of(files[i]);
		uint8_t *bytes = tally_malloc(size + 1), *at = bytes;
		int fd = open(files[i], O_RDONLY | O_CLOEXEC);

		CHECK(fd >= 0 && read(fd, bytes, size) == (ssize_t)size);
		close(fd);
		while ((at = memmem(at, size - (size_t)(at - bytes), needle.data, needle.size)) != NULL) {
			turn_at(files[i], at - bytes + (off_t)offset, bits);
			turned = true;
			at++;
		}
		free(bytes);
	}
	return turned;
}

static bool is_bdb(void)
{
	return strcmp(base.driver, "bdb") == 0;
}

/* Bytes around one of them, as many as are looked for on the disk. */
static bool turn_byte(const char *part, struct tally_bytes whole, size_t from, size_t to)
{
	size_t at = from + below(to - from), begin = at > 10 ? at - 10 : 0;
	size_t end = begin + 21 < whole.size ? begin + 21 : whole.size;

	if (end - begin < 9)
		return false;
	return turn_in(part, tally_bytes(whole.data + begin, end - begin), at - begin);
}

enum part_of_block { PART_HEADER, PART_TABLE, PART_RECORD, PART_PAYLOAD, PART_ENVELOPE };

static bool turn_block(struct change *change, enum part_of_block part)
{
	static const char *const names[] = { "header", "slot table", "record", "payload", "envelope" };
	const struct block *block = &base.blocks[below(base.block_count)];
	uint32_t count = tally_get_u32(block->bytes.data + 12), item = (uint32_t)below(count);
	struct tally_block_entry entry;
	size_t from, to, body = tally_block_body_place(count);

	tally_block_entry_read(block->bytes.data + tally_block_table_place(item), &entry);
	from = body + entry.place;
	to = from + entry.size[SLOT_RECORD];
	if (part == PART_HEADER) {
		from = 0;
		to = TALLY_BLOCK_HEADER;
	} else if (part == PART_TABLE) {
		from = TALLY_BLOCK_HEADER;
		to = body;
	} else if (part != PART_RECORD) {
		from = to + (part == PART_ENVELOPE ? entry.size[SLOT_PAYLOAD] : 0);
		to = from + entry.size[part == PART_ENVELOPE ? SLOT_ENVELOPE : SLOT_PAYLOAD];
	}
	snprintf(change->what, sizeof(change->what), "%s of space %llx block %llu", names[part],
		 (unsigned long long)block->space, (unsigned long long)block->number);
	if (to <= from || (part == PART_PAYLOAD && block->bytes.data[from] == 0))
		return false;
	return turn_byte(is_bdb() ? "blocks.db" : ".seg", block->bytes, from, to);
}

static bool turn_header(struct change *c) { return turn_block(c, PART_HEADER); }
static bool turn_table(struct change *c) { return turn_block(c, PART_TABLE); }
static bool turn_record(struct change *c) { return turn_block(c, PART_RECORD); }
static bool turn_payload(struct change *c) { return turn_block(c, PART_PAYLOAD); }
static bool turn_envelope(struct change *c) { return turn_block(c, PART_ENVELOPE); }

/* A pair of any table, each table as often as another. */
static const struct pair *any_pair(void)
{
	const struct pair *pair;
	uint32_t tables[TALLY_TABLE_MAX];
	size_t count = 0;

	for (size_t i = 0; i < base.pair_count; i++)
		if (count == 0 || tables[count - 1] != base.pairs[i].table)
			if (count < TALLY_TABLE_MAX)
				tables[count++] = base.pairs[i].table;
	tables[0] = tables[below(count)];
	do
		pair = &base.pairs[below(base.pair_count)];
	while (pair->table != tables[0]);
	return pair;
}

static bool turn_pair(struct change *change)
{
	const struct pair *pair = any_pair();
	struct tally_bytes bytes = pair->value.size > pair->key.size ? pair->value : pair->key;

	snprintf(change->what, sizeof(change->what), "a pair of table %u of space %llx", pair->table,
		 (unsigned long long)pair->space);
	return turn_byte(is_bdb() ? "index.db" : ".run", bytes, 0, bytes.size);
}

/* ---- anywhere ---- */

static const char *any_file(void)
{
	list_files("");
	return files[below(file_count)];
}

static bool turn_anywhere(struct change *change)
{
	const char *path = any_file();
	off_t at = (off_t)below((size_t)size_of(path));

	change->unused_counts = true;
	snprintf(change->what, sizeof(change->what), "byte %lld of %.120s", (long long)at,
		 path + strlen(base.copy));
	turn_at(path, at, (uint8_t)(1u << below(8)));
	return true;
}

static bool overwrite_anywhere(struct change *change)
{
	const char *path = any_file();
	size_t size = (size_t)size_of(path), at = below(size), length = 1 + below(600);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t byte = (uint8_t)(below(2) * below(256));

	change->unused_counts = true;
	length = at + length < size ? length : size - at;
	snprintf(change->what, sizeof(change->what), "%zu bytes at %zu of %.120s are %u", length, at,
		 path + strlen(base.copy), byte);
	for (size_t i = 0; i < length; i++)
		CHECK(pwrite(fd, &byte, 1, (off_t)(at + i)) == 1);
	close(fd);
	return true;
}

static bool cut_anywhere(struct change *change)
{
	const char *path = any_file();
	off_t size = (off_t)below((size_t)size_of(path));

	change->unused_counts = true;
	snprintf(change->what, sizeof(change->what), "%.120s is cut at %lld", path + strlen(base.copy),
		 (long long)size);
	return truncate(path, size) == 0;
}

static bool swap_pages(struct change *change)
{
	const char *path = any_file();
	size_t pages = (size_t)size_of(path) / 1024, one, two;
	uint8_t a[1024], b[1024];
	int fd;

	if (pages < 2)
		return false;
	one = below(pages);
	two = below(pages);
	change->unused_counts = true;
	snprintf(change->what, sizeof(change->what), "KiB %zu and %zu of %.120s change places", one,
		 two, path + strlen(base.copy));
	fd = open(path, O_RDWR | O_CLOEXEC);
	CHECK(pread(fd, a, 1024, (off_t)one * 1024) == 1024 &&
	      pread(fd, b, 1024, (off_t)two * 1024) == 1024 &&
	      pwrite(fd, b, 1024, (off_t)one * 1024) == 1024 &&
	      pwrite(fd, a, 1024, (off_t)two * 1024) == 1024);
	close(fd);
	return memcmp(a, b, 1024) != 0;
}

static bool remove_file(struct change *change)
{
	const char *path = any_file();

	change->unused_counts = true;
	snprintf(change->what, sizeof(change->what), "%.120s is removed", path + strlen(base.copy));
	return unlink(path) == 0;
}

/* ---- consistently ---- */

/* A new store of the driver with these blocks in one space. */
static bool put_together(struct forge *forge,
			 const struct tally_bytes *blocks, bool with_index)
{
	struct tally_store *store;
	bool good;

	remove_directory(base.copy);
	store = open_store(base.driver, base.copy, true, &err);
	good = store != NULL &&
	       forge_copy(base.store, store, forge, blocks, with_index, &err) == 0;
	CHECK(good);
	tally_store_close(&store);
	return good;
}

static struct tally_bytes turned(struct forge *forge, struct tally_bytes bytes)
{
	uint8_t *copy = tally_arena_copy(&forge->arena, bytes.data, bytes.size);

	if (bytes.size > 0)
		copy[below(bytes.size)] ^= (uint8_t)(1u << below(8));
	return tally_bytes(copy, bytes.size);
}

static bool forge_any(struct change *change, struct forge *forge, uint64_t *journal_r)
{
	uint64_t space = base.spaces[below(base.space_count)], journals = 0;

	if (forge_read(base.store, space, forge, &err) != 0)
		return false;
	for (size_t b = 0; b < forge->count; b++)
		journals += forge->blocks[b].count;
	*journal_r = below(journals);
	change->has_space = true;
	change->space = space;
	snprintf(change->what, sizeof(change->what), "space %llx journal %llu of %llu",
		 (unsigned long long)space, (unsigned long long)*journal_r,
		 (unsigned long long)journals);
	return true;
}

static void say(struct change *change, const char *what)
{
	size_t used = strlen(change->what);

	snprintf(change->what + used, sizeof(change->what) - used, ": %s", what);
}

/* One thing that the record says is another. */
static bool change_record(struct change *change, struct forge *forge, struct tally_record *record)
{
	struct tally_field *field;
	struct tally_bytes *clues;

	switch (below(5)) {
	case 0:
		record->payload_hash[below(TALLY_HASH_SIZE)] ^= 1;
		say(change, "payload hash");
		return record->has_payload;
	case 1:
		record->member_id = turned(forge, record->member_id);
		say(change, "author");
		return record->member_id.size > 0;
	case 2:
		if (record->clue_count == 0)
			return false;
		clues = tally_arena_array(&forge->arena, struct tally_bytes, record->clue_count);
		memcpy(clues, record->clues, record->clue_count * sizeof(*clues));
		clues[0] = turned(forge, clues[0]);
		record->clues = clues;
		say(change, "clue");
		return true;
	case 3:
		if (record->field_count == 0)
			return false;
		field = (struct tally_field *)(uintptr_t)&record->fields[below(record->field_count)];
		if (field->kind == FIELD_TEXT && field->text.size == 0)
			return false;
		if (field->kind == FIELD_TEXT)
			field->text = turned(forge, field->text);
		else
			field->number ^= 1;
		say(change, "data");
		return true;
	default:
		if (record->signature_count == 0)
			return false;
		((struct tally_record_signature *)(uintptr_t)record->signatures)->bytes =
			turned(forge, record->signatures[0].bytes);
		say(change, "signature");
		return true;
	}
}

static bool forge_record(struct change *change)
{
	struct forge forge;
	uint64_t journal;
	bool good = forge_any(change, &forge, &journal);
	bool whole_chain = below(2) == 0;

	good = good && change_record(change, &forge, &forge_journal(&forge, journal, NULL)->record) &&
	       put_together(&forge,
			    forge_blocks(&forge, whole_chain ? 0 : forge.count, NULL, NULL),
			    below(2) == 0);
	say(change, whole_chain ? "roots made anew" : "roots as they were");
	forge_free(&forge);
	return good;
}

static bool forge_payload(struct change *change)
{
	struct forge forge;
	uint64_t journal;
	bool good = forge_any(change, &forge, &journal);
	struct forged_journal *forged = forge_journal(&forge, journal, NULL);
	bool erases = below(3) == 0;

	if (!good || forged->payload.size == 0 || forged->keep_crc) {
		forge_free(&forge);
		return false;
	}
	if (erases) {
		forged->payload_crc = tally_crc32c(0, forged->payload.data, forged->payload.size);
		forged->keep_crc = true;
		forged->payload.data = tally_arena_zalloc(&forge.arena, forged->payload.size);
	} else {
		forged->payload = turned(&forge, forged->payload);
	}
	say(change, erases ? "its payload is erased" : "its payload is changed");
	change->has_journal = !erases;
	change->journal = journal;
	good = put_together(&forge, forge_blocks(&forge, forge.count, NULL, NULL), true);
	forge_free(&forge);
	return good;
}

/* What is in no hash: only the index knows. */
static bool forge_envelope(struct change *change)
{
	struct forge forge;
	uint64_t journal;
	bool good = forge_any(change, &forge, &journal);
	struct forged_journal *forged = forge_journal(&forge, journal, NULL);

	good = good && forged->envelope.size > 0;
	if (good) {
		forged->envelope = turned(&forge, forged->envelope);
		say(change, "its envelope is changed");
		good = put_together(&forge, forge_blocks(&forge, forge.count, NULL, NULL),
				    true);
	}
	forge_free(&forge);
	return good;
}

static bool forge_order(struct change *change)
{
	struct forge forge;
	uint64_t journal, other;
	bool good = forge_any(change, &forge, &journal), drops = below(2) == 0;

	other = journal == 0 ? 1 : below(journal);
	good = good && forge_journal(&forge, other, NULL) != NULL;
	if (good && drops)
		forge_drop_journal(&forge, journal);
	else if (good)
		forge_swap_journals(&forge, journal, other);
	say(change, drops ? "it is left out" : "it changes places");
	good = good && forge.count > 0 &&
	       put_together(&forge, forge_blocks(&forge, 0, NULL, NULL), below(2) == 0);
	forge_free(&forge);
	return good;
}

static bool forge_header(struct change *change)
{
	struct tally_bytes *blocks;
	struct forge forge;
	uint64_t journal;
	size_t at = 0;
	uint8_t *block;
	bool good = forge_any(change, &forge, &journal);

	forge_journal(&forge, journal, &at);
	blocks = forge_blocks(&forge, forge.count, NULL, NULL);
	block = tally_arena_copy(&forge.arena, blocks[at].data, blocks[at].size);
	block[4 + below(184)] ^= (uint8_t)(1u << below(8));
	tally_put_u32(block + 188, tally_crc32c(0, block, 188));
	blocks[at].data = block;
	say(change, "the header of its block is changed");
	good = good && put_together(&forge, blocks, true);
	forge_free(&forge);
	return good;
}

static bool forge_blocks_order(struct change *change)
{
	struct tally_bytes *blocks, swap;
	struct forge forge;
	uint64_t journal;
	bool good = forge_any(change, &forge, &journal), drops = below(2) == 0;
	size_t one = 0, two;

	forge_journal(&forge, journal, &one);
	two = below(forge.count);
	blocks = forge_blocks(&forge, forge.count, NULL, NULL);
	if (drops) {
		memmove(&blocks[one], &blocks[one + 1], (forge.count - one - 1) * sizeof(*blocks));
		forge.count--;
	} else {
		swap = blocks[one];
		blocks[one] = blocks[two];
		blocks[two] = swap;
	}
	say(change, drops ? "its block is left out" : "its block changes places");
	good = good && (drops ? forge.count > 0 : one != two) &&
	       put_together(&forge, blocks, below(2) == 0);
	forge_free(&forge);
	return good;
}

/* A block of another ledger, as it is or made to fit. */
static bool forge_splice(struct change *change)
{
	struct tally_bytes *blocks;
	struct forge forge, other;
	uint64_t journal, from;
	size_t at = 0, there = 0;
	bool good = forge_any(change, &forge, &journal), fits = below(2) == 0;

	good = good && forge_read(base.store, base.spaces[below(base.space_count)], &other, &err) == 0;
	from = below(other.count);
	there = (size_t)from;
	forge_journal(&forge, journal, &at);
	if (good && fits) {
		forge.blocks[at].journals = other.blocks[there].journals;
		forge.blocks[at].count = other.blocks[there].count;
		blocks = forge_blocks(&forge, 0, NULL, NULL);
	} else {
		blocks = forge_blocks(&forge, forge.count, NULL, NULL);
		blocks[at] = forge_blocks(&other, other.count, NULL, NULL)[there];
	}
	say(change, fits ? "its block has the journals of another ledger's" :
			   "its block is another ledger's");
	good = good && forge.space != other.space && put_together(&forge, blocks, below(2) == 0);
	forge_free(&forge);
	forge_free(&other);
	return good;
}

/* All as it was some blocks ago; its index too, or none. */
static bool forge_rollback(struct change *change)
{
	struct forge forge;
	uint64_t journal;
	bool good = forge_any(change, &forge, &journal);
	size_t blocks = below(forge.count);

	snprintf(change->what, sizeof(change->what), "space %llx is rolled back to %zu of %zu blocks",
		 (unsigned long long)forge.space, blocks, forge.count);
	/* an empty one is missed where others speak of it */
	change->has_space = blocks > 0;
	forge.count = blocks;
	good = good && put_together(&forge, forge_blocks(&forge, blocks, NULL, NULL),
				    below(2) == 0);
	forge_free(&forge);
	return good;
}

static bool lie_of_index(struct change *change)
{
	static const char *const kinds[] = { "taken out", "changed", "added" };
	const struct pair *pair = any_pair();
	size_t kind = below(3);
	struct tally_change put = { pair->table, kind == 0, pair->key, pair->value };
	struct forge forge = { .count = 0 };
	struct tally_store *store;
	struct tally_mark mark;
	struct tally_bytes old;
	bool good = put_together(NULL, NULL, true);

	snprintf(change->what, sizeof(change->what), "a pair of table %u of space %llx is %s",
		 pair->table, (unsigned long long)pair->space, kinds[kind]);
	if (kind == 1)
		put.value = pair->value.size > 1 ? turned(&forge, pair->value) :
						   TALLY_BYTES_LIT("\1\2");
	if (kind == 2)
		put.key = turned(&forge, pair->key);
	if (kind == 2 && tally_store_get(base.store, pair->space, pair->table, put.key, &forge.arena, &old,
					 &err) != 0)
		good = false;		/* there is one already, and it may be the same */
	change->has_space = true;
	change->has_table = true;
	change->space = pair->space;
	change->table = pair->table;
	store = open_store(base.driver, base.copy, false, &err);
	if (good)
		CHECK(store != NULL && tally_store_mark(store, pair->space, &mark, &err) == 0 &&
		      tally_store_apply(store, pair->space, &mark, &mark, &put, 1, &err) == 0);
	tally_store_close(&store);
	forge_free(&forge);
	return good;
}

/* ---- the child ---- */

/* What one audit came to, as the child hands it over. */
struct outcome {
	int status;			/* CHILD_ */
	bool has_finding;
	struct tally_audit_finding finding;	/* the first */
	char text[600];			/* that, or why there was no audit */
};

static int on_found(void *ctx, const struct tally_audit_finding *finding)
{
	struct outcome *outcome = ctx;

	outcome->has_finding = true;
	outcome->finding = *finding;
	snprintf(outcome->text, sizeof(outcome->text), "%.520s", finding->text);
	return 1;
}

static void audit_copy(struct outcome *outcome)
{
	struct tally_audit_options options = { .threads = 2, .trust = base.rich.trust,
					       .held = base.held, .held_count = base.held_count,
					       .found = on_found, .ctx = outcome };
	struct tally_store *store = open_store(base.driver, base.copy, false, &err);
	struct tally_audit_source source;
	uint8_t digest[TALLY_HASH_SIZE];

	outcome->status = CHILD_UNOPENED;
	snprintf(outcome->text, sizeof(outcome->text), "%s", store == NULL ? err.text : "");
	if (store == NULL)
		return;
	options.index = options.blocks = store;
	if (tally_audit_store_open(store, NULL, &source, &err) != 0) {
		snprintf(outcome->text, sizeof(outcome->text), "%s", err.text);
		tally_store_close(&store);
		return;
	}
	outcome->status = CHILD_FOUND;
	if (tally_audit(&options, &source, &err) != 0) {
		snprintf(outcome->text, sizeof(outcome->text), "%s", err.text);
		outcome->status = CHILD_FAILED;
	} else if (!outcome->has_finding) {
		outcome->status = digest_of(store, digest) == 0 &&
				  memcmp(digest, base.digest, sizeof(digest)) == 0 ?
			CHILD_CLEAN : CHILD_FAILED;
	}
	tally_audit_store_free(&source);
	tally_store_close(&store);
}

/* A child audits the copy. */
static void run_child(struct outcome *outcome)
{
	int ends[2], status = 0;
	ssize_t size;
	pid_t pid;

	memset(outcome, 0, sizeof(*outcome));
	fflush(stdout);
	pid = pipe(ends) == 0 ? fork() : -1;
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		alarm(120);
		dup2(null, STDERR_FILENO);
		audit_copy(outcome);
		_exit(write(ends[1], outcome, sizeof(*outcome)) == sizeof(*outcome) ? 0 : 1);
	}
	CHECK(pid > 0);
	close(ends[1]);
	size = read(ends[0], outcome, sizeof(*outcome));
	close(ends[0]);
	CHECK(waitpid(pid, &status, 0) == pid);
	if (size == sizeof(*outcome) && status == 0)
		return;
	outcome->status = CHILD_CRASHED;
	snprintf(outcome->text, sizeof(outcome->text), "%s %d",
		 WIFSIGNALED(status) ? "signal" : "exit status",
		 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

/* What a driver says of damage that it found: a file, a page, a block. */
static bool driver_names_place(const char *text)
{
	static const char *const places[] = {
		"page ", "block ", ".seg", ".run", ".db", "log.", "log file", "manifest", "catalog", "LSN ", "tail",
		"intent", "format", "checkpoint", "space ", "there is no "
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (strstr(text, places[i]) != NULL)
			return true;
	return false;
}

static bool names_place(const struct change *change, const struct outcome *outcome)
{
	const struct tally_audit_finding *finding = &outcome->finding;

	if (!outcome->has_finding)
		return !change->has_space && driver_names_place(outcome->text);
	if (change->has_space && finding->space != change->space)
		return false;
	if (change->has_table)
		return finding->has_table && finding->table == change->table;
	if (change->has_journal)
		return finding->has_journal && finding->journal == change->journal;
	return finding->has_block || finding->has_journal || finding->has_table ||
	       strstr(finding->what, "held") != NULL || driver_names_place(outcome->text);
}

/* ---- classes ---- */

static const struct class {
	const char *name;
	bool (*make)(struct change *change);
	unsigned int share;		/* of 100, all in all */
} classes[] = {
	{ "headers of blocks", turn_header, 6 },
	{ "slot tables", turn_table, 4 },
	{ "records", turn_record, 6 },
	{ "payloads", turn_payload, 6 },
	{ "envelopes", turn_envelope, 5 },
	{ "index tables", turn_pair, 12 },
	{ "any byte of any file", turn_anywhere, 8 },
	{ "any bytes of any file", overwrite_anywhere, 4 },
	{ "files cut", cut_anywhere, 4 },
	{ "pages swapped", swap_pages, 3 },
	{ "files removed", remove_file, 3 },
	{ "records, consistently", forge_record, 8 },
	{ "payloads, consistently", forge_payload, 4 },
	{ "envelopes, consistently", forge_envelope, 4 },
	{ "journals left out or swapped", forge_order, 5 },
	{ "headers, consistently", forge_header, 4 },
	{ "blocks left out or swapped", forge_blocks_order, 4 },
	{ "ledgers spliced", forge_splice, 3 },
	{ "ledgers rolled back", forge_rollback, 3 },
	{ "lies of the index", lie_of_index, 8 },
};

/* One change, tried until there is one; true where it met what nobody reads. */
static bool try_change(const struct class *class)
{
	struct change change;
	struct outcome outcome;
	int tries = 0;

	do {
		change = (struct change){ .unused_counts = false };
		make_copy();
		if (++tries == 200) {
			FAIL("there is nothing to change");
			return false;
		}
	} while (!class->make(&change));
	CASE("%.140s", change.what);
	run_child(&outcome);
	if (outcome.status == CHILD_CLEAN && change.unused_counts)
		return true;
	if (outcome.status == CHILD_CLEAN)
		FAIL("nothing was found");
	else if (outcome.status >= CHILD_FAILED)
		FAIL("%s: %s", outcome.status == CHILD_CRASHED ? "it crashed" : "it failed",
		     outcome.text);
	else if (!names_place(&change, &outcome))
		FAIL("the place is not named: %s", outcome.text);
	return false;
}

static const struct class *running;
static unsigned int changes, read_changes;

static void every_change_is_found(void)
{
	unsigned int unused = 0;

	for (unsigned int i = 0; i < changes; i++)
		unused += try_change(running);
	printf("# %s: %u changes, %u of them of what nobody reads; seed %llu\n", running->name, changes,
	       unused, (unsigned long long)seed);
	read_changes += changes - unused;
}

static unsigned int wanted;

static void there_were_enough(void)
{
	printf("# %u changes of what is read\n", read_changes);
	CHECK(read_changes >= wanted);
}

static void try_driver(const char *driver)
{
	char name[100];

	if (!base_make(driver)) {
		printf("not ok - %s: the store is made: %s\n", driver, err.text);
		tap.run++;
		tap.failed++;
		return;
	}
	read_changes = 0;
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		running = &classes[i];
		changes = wanted * classes[i].share * 5 / 4 / 100;
		snprintf(name, sizeof(name), "%s: %s", driver, classes[i].name);
		tap_begin();
		every_change_is_found();
		tap_end(name);
	}
	snprintf(name, sizeof(name), "%s: changes", driver);
	tap_begin();
	there_were_enough();
	tap_end(name);
	tally_store_close(&base.store);
	rich_end(&base.rich);
	remove_directory(base.directory);
}

int main(void)
{
	static const char *const drivers[] = { "bdb", "flatfile" };
	const char *given = getenv("TALLY_TEST_SEED");
	const struct tally_driver *driver;

	tally_log_open(TALLY_LOG_ERROR, NULL, &err);
	wanted = getenv("TALLY_TEST_FULL") != NULL ? 2000 : 200;
	seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
	random_state = seed * 0x9e3779b97f4a7c15ull | 1;
	for (size_t i = 0; i < 2; i++)
		if (tally_driver_find(drivers[i], NULL, &driver, &err) == 0)
			try_driver(drivers[i]);
	return tap_done();
}
