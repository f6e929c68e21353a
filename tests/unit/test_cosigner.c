/*
 * A witness and its memory: made, asked by one and by many, killed at any moment, damaged. What it
 * cosigned never goes back.
 */
#include "config.h"

#include "cosigner.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "log.h"
#include "secret.h"
#include "tap.h"
#include "witness.h"

#define NOW 1700000000u
#define ORIGIN "log.example/one"

static struct tally_err err;
static struct tally_arena arena;
static char root_dir[64];

/* ---- a log: trees of any size, of two histories that part at leaf 40 ---- */

enum { LEAVES = 4096, PARTING = 40 };

static struct tally_hash leaves[2][LEAVES];
static uint8_t log_seed[32] = { 42 };
static struct tally_vkey log_key;

static void make_log(void)
{
	uint8_t public[32];

	for (int h = 0; h < 2; h++) {
		for (int i = 0; i < LEAVES; i++) {
			char text[32];

			snprintf(text, sizeof(text), "%d of %d", i, i < PARTING ? 0 : h);
			tally_leaf_hash(tally_bytes_str(text), &leaves[h][i]);
		}
	}
	tally_ed25519_public(log_seed, public);
	tally_vkey_make(&log_key, TALLY_BYTES_LIT(ORIGIN), NOTE_ED25519, public);
}

static int node(void *ctx, unsigned int level, uint64_t index, struct tally_hash *hash_r)
{
	struct tally_hash left, right;

	if (level == 0) {
		*hash_r = ((struct tally_hash *)ctx)[index];
		return 0;
	}
	node(ctx, level - 1, 2 * index, &left);
	node(ctx, level - 1, 2 * index + 1, &right);
	tally_node_hash(&left, &right, hash_r);
	return 0;
}

static void root_of(int history, uint64_t size, struct tally_hash *root_r)
{
	struct tally_frontier frontier;

	tally_frontier_init(&frontier);
	for (uint64_t i = 0; i < size; i++)
		tally_frontier_append(&frontier, &leaves[history][i]);
	tally_frontier_root(&frontier, root_r);
}

/* A request from one size to the next within a history. */
static struct tally_bytes request(int history, uint64_t old_size, uint64_t size)
{
	struct tally_hash root, proof[TALLY_TREE_MAX_PATH + 1];
	char *body = tally_arena_alloc(&arena, 8192), line[TALLY_NOTE_LINE];
	int count = old_size <= size ? tally_consistency_prove(old_size, size, node,
							       leaves[history], proof) : 0;
	size_t used = tally_witness_head(old_size, proof, (size_t)count, body), text;

	root_of(history, size, &root);
	text = tally_checkpoint_format(TALLY_BYTES_LIT(ORIGIN), size, &root, body + used);
	tally_note_sign(&log_key, log_seed, tally_bytes(body + used, text), line);
	return tally_bytes(body, used + text +
				 (size_t)sprintf(body + used + text, "\n%s", line));
}

/* ---- witnesses ---- */

static const char *directory_of(const char *name)
{
	return tally_arena_printf(&arena, "%s/%s", root_dir, name);
}

static struct tally_cosigner *open_witness(const char *directory)
{
	struct tally_cosigner *cosigner = NULL;

	if (tally_cosigner_open(directory, &cosigner, &err) != 0)
		FAIL("open: %s", err.text);
	return cosigner;
}

static struct tally_cosigner *make_witness(const char *directory)
{
	struct tally_cosigner *cosigner;

	if (tally_cosigner_init(directory, "witness.example/w", &err) != 0)
		FAIL("init: %s", err.text);
	cosigner = open_witness(directory);
	if (cosigner != NULL &&
	    tally_cosigner_add_log(cosigner, TALLY_BYTES_LIT(ORIGIN), &log_key, &err) != 0)
		FAIL("add: %s", err.text);
	return cosigner;
}

/* The status, and the body as text. */
static int ask(struct tally_cosigner *cosigner, struct tally_bytes body, uint64_t now,
	       struct tally_bytes *body_r)
{
	struct tally_cosigner_answer answer;

	tally_cosigner_add_checkpoint(cosigner, body, now, &arena, &answer);
	if (body_r != NULL)
		*body_r = answer.body;
	if (answer.status == 409)
		CHECK_STR(answer.type, "text/x.tlog.size");
	return answer.status;
}

static void find_one(void *ctx, const struct tally_cosigned_log *log)
{
	struct tally_cosigned_log *out = ctx;

	if (strcmp(log->origin, ORIGIN) == 0)
		*out = *log;
}

static struct tally_cosigned_log state_of(struct tally_cosigner *cosigner)
{
	struct tally_cosigned_log log = { .size = UINT64_MAX };

	CHECK_OK(tally_cosigner_each(cosigner, find_one, &log, &err));
	return log;
}

/* ---- the tests ---- */

static void a_witness_is_made_once(void)
{
	const char *dir = directory_of("made"), *key = tally_arena_printf(&arena, "%s/key", dir);
	struct tally_cosigner *cosigner = make_witness(dir), *again;
	char text[TALLY_VKEY_TEXT], was[TALLY_VKEY_TEXT];
	struct tally_vkey parsed;
	struct stat st;

	REQUIRE(cosigner != NULL);
	tally_vkey_format(tally_cosigner_vkey(cosigner), was);
	CHECK(tally_vkey_parse(tally_bytes_str(was), &parsed) && parsed.type == NOTE_COSIGNATURE);
	CHECK_FAILS(tally_cosigner_init(dir, "witness.example/other", &err), TALLY_EXISTS);
	again = open_witness(dir);
	tally_vkey_format(tally_cosigner_vkey(again), text);
	CHECK_STR(text, was);
	CHECK(stat(key, &st) == 0 && (st.st_mode & 07777) == 0600);
	CHECK(stat(dir, &st) == 0 && (st.st_mode & 07777) == 0700);
	tally_cosigner_close(&again);
	CASE("init that was cut off before its last file");
	unlink(tally_arena_printf(&arena, "%s/witness", dir));
	CHECK_FAILS(tally_cosigner_open(dir, &again, &err), TALLY_NOTFOUND);
	CHECK_OK(tally_cosigner_init(dir, "witness.example/w", &err));
	again = open_witness(dir);
	tally_vkey_format(tally_cosigner_vkey(again), text);
	CHECK_STR(text, was);
	CASE("a key file that others may read");
	chmod(key, 0640);
	tally_cosigner_close(&again);
	CHECK_FAILS(tally_cosigner_open(dir, &again, &err), TALLY_DENIED);
	CASE("another key");
	unlink(key);
	CHECK_OK(tally_master_key_create(key, &err));
	CHECK_FAILS(tally_cosigner_open(dir, &again, &err), TALLY_CORRUPT);
	CASE("names");
	CHECK_FAILS(tally_cosigner_init(directory_of("x"), "a b", &err), TALLY_INVALID);
	CHECK_FAILS(tally_cosigner_init(directory_of("x"), "", &err), TALLY_INVALID);
	CHECK_FAILS(tally_cosigner_open(directory_of("nowhere"), &again, &err), TALLY_NOTFOUND);
	tally_cosigner_close(&cosigner);
}

static void a_log_grows_and_is_cosigned(void)
{
	struct tally_cosigner *cosigner = make_witness(directory_of("grows"));
	struct tally_bytes body, line, note;
	char hex[TALLY_ORIGIN_HEX];
	struct tally_checkpoint checkpoint;
	struct tally_note parsed;
	struct tally_vkey keys[2];
	struct tally_cosigned_log log;
	uint64_t times[2], time;

	REQUIRE(cosigner != NULL);
	keys[0] = log_key;
	keys[1] = *tally_cosigner_vkey(cosigner);
	tally_origin_hex(TALLY_BYTES_LIT(ORIGIN), hex);
	CHECK_INT(tally_cosigner_last(cosigner, tally_bytes_str(hex), &arena, &note, &err), 0);
	CHECK_INT(ask(cosigner, request(0, 7, 9), NOW, &body), 409);
	CHECK_BYTES(body, TALLY_BYTES_LIT("0\n"));
	CHECK_INT(ask(cosigner, request(0, 0, 3), NOW, &body), 200);
	REQUIRE(tally_witness_parse(request(0, 0, 3), tally_arena_new(&arena, struct tally_witness_request)));
	CHECK_INT(ask(cosigner, request(0, 0, 3), NOW, &body), 409);
	CHECK_BYTES(body, TALLY_BYTES_LIT("3\n"));
	CHECK_INT(ask(cosigner, request(0, 3, 1000), NOW + 5, &body), 200);
	CHECK_INT(tally_cosigner_last(cosigner, tally_bytes_str(hex), &arena, &note, &err), 1);
	REQUIRE(tally_note_parse(note, &parsed));
	REQUIRE(tally_checkpoint_parse(parsed.text, &checkpoint));
	CHECK_INT(checkpoint.size, 1000);
	CHECK_INT(tally_note_verify(&parsed, keys, 2, NULL, times), 2);
	CHECK_INT(times[1], NOW + 5);
	CHECK(tally_witness_answer(body, parsed.text, &keys[1], &line, &time));
	log = state_of(cosigner);
	CHECK(log.cosigned && !log.conflict);
	CHECK_INT(log.size, 1000);
	CHECK_INT(log.time, NOW + 5);
	tally_cosigner_close(&cosigner);
	CASE("another process");
	cosigner = open_witness(directory_of("grows"));
	CHECK_INT(ask(cosigner, request(0, 0, 1001), NOW, &body), 409);
	CHECK_BYTES(body, TALLY_BYTES_LIT("1000\n"));
	tally_cosigner_close(&cosigner);
}

static void the_same_again_gets_a_newer_time(void)
{
	struct tally_cosigner *cosigner = make_witness(directory_of("again"));
	struct tally_bytes first, second;

	REQUIRE(cosigner != NULL);
	CHECK_INT(ask(cosigner, request(0, 0, 20), NOW, &first), 200);
	CHECK_INT(ask(cosigner, request(0, 20, 20), NOW, &second), 200);
	CHECK_BYTES(second, first);
	CHECK_INT(ask(cosigner, request(0, 20, 20), NOW + 60, &second), 200);
	CHECK(!tally_bytes_equal(second, first));
	CHECK_INT(state_of(cosigner).time, NOW + 60);
	CASE("a clock that was set back");
	CHECK_INT(ask(cosigner, request(0, 20, 21), NOW - 1000, &second), 200);
	CHECK_INT(state_of(cosigner).time, NOW + 60);
	tally_cosigner_close(&cosigner);
}

/* The log signs two histories; the witness keeps to the first it saw, and keeps the proof. */
static void a_fork_is_never_cosigned(void)
{
	const char *dir = directory_of("fork");
	struct tally_cosigner *cosigner = make_witness(dir);
	char hex[TALLY_ORIGIN_HEX];
	struct tally_cosigned_log log;
	struct stat st;

	REQUIRE(cosigner != NULL);
	tally_origin_hex(TALLY_BYTES_LIT(ORIGIN), hex);
	CHECK_INT(ask(cosigner, request(0, 0, 50), NOW, NULL), 200);
	CHECK_INT(ask(cosigner, request(1, 50, 60), NOW, NULL), 422);
	log = state_of(cosigner);
	CHECK(log.size == 50 && !log.conflict);
	CHECK_INT(ask(cosigner, request(1, 50, 50), NOW, NULL), 422);
	log = state_of(cosigner);
	CHECK(log.size == 50 && log.conflict);
	CHECK(stat(tally_arena_printf(&arena, "%s/logs/%s.conflict", dir, hex), &st) == 0);
	CHECK_INT(ask(cosigner, request(1, 0, 50), NOW, NULL), 409);
	CHECK_INT(ask(cosigner, request(1, 0, 30), NOW, NULL), 409);
	CHECK_INT(ask(cosigner, request(1, 30, 50), NOW, NULL), 409);
	CHECK_INT(ask(cosigner, request(0, 50, 51), NOW, NULL), 200);
	CASE("removed and added again, it remembers");
	CHECK_OK(tally_cosigner_remove_log(cosigner, TALLY_BYTES_LIT(ORIGIN), &err));
	CHECK_INT(ask(cosigner, request(0, 51, 52), NOW, NULL), 404);
	CHECK_FAILS(tally_cosigner_remove_log(cosigner, TALLY_BYTES_LIT(ORIGIN), &err), TALLY_NOTFOUND);
	CHECK_OK(tally_cosigner_add_log(cosigner, TALLY_BYTES_LIT(ORIGIN), &log_key, &err));
	CHECK_INT(ask(cosigner, request(1, 0, 52), NOW, NULL), 409);
	CHECK_INT(ask(cosigner, request(1, 51, 52), NOW, NULL), 422);
	CHECK_INT(ask(cosigner, request(0, 51, 52), NOW, NULL), 200);
	tally_cosigner_close(&cosigner);
}

static void keys_of_a_log_come_and_go(void)
{
	struct tally_cosigner *cosigner = make_witness(directory_of("keys"));
	struct tally_vkey other = log_key, witness_kind = log_key;
	struct tally_cosigned_log log;

	REQUIRE(cosigner != NULL);
	CHECK_FAILS(tally_cosigner_add_log(cosigner, TALLY_BYTES_LIT(ORIGIN), &log_key, &err),
		    TALLY_EXISTS);
	witness_kind.type = NOTE_COSIGNATURE;
	CHECK_FAILS(tally_cosigner_add_log(cosigner, TALLY_BYTES_LIT(ORIGIN), &witness_kind, &err),
		    TALLY_INVALID);
	CHECK_FAILS(tally_cosigner_add_log(cosigner, TALLY_BYTES_LIT("a b"), &log_key, &err),
		    TALLY_INVALID);
	for (uint8_t i = 1; i < TALLY_COSIGNER_KEYS; i++) {
		uint8_t seed[32] = { i }, public[32];

		tally_ed25519_public(seed, public);
		tally_vkey_make(&other, TALLY_BYTES_LIT(ORIGIN), NOTE_ED25519, public);
		CHECK_OK(tally_cosigner_add_log(cosigner, TALLY_BYTES_LIT(ORIGIN), &other, &err));
	}
	log = state_of(cosigner);
	CHECK_INT(log.key_count, TALLY_COSIGNER_KEYS);
	tally_vkey_make(&other, TALLY_BYTES_LIT("x"), NOTE_ED25519, other.public);
	CHECK_FAILS(tally_cosigner_add_log(cosigner, TALLY_BYTES_LIT(ORIGIN), &other, &err),
		    TALLY_INVALID);
	CHECK_INT(ask(cosigner, request(0, 0, 5), NOW, NULL), 200);
	CASE("a log that only another key signs");
	CHECK_OK(tally_cosigner_remove_log(cosigner, TALLY_BYTES_LIT(ORIGIN), &err));
	CHECK_OK(tally_cosigner_add_log(cosigner, TALLY_BYTES_LIT(ORIGIN), &other, &err));
	CHECK_INT(ask(cosigner, request(0, 5, 6), NOW, NULL), 403);
	tally_cosigner_close(&cosigner);
}

static void bad_requests_change_nothing(void)
{
	struct tally_cosigner *cosigner = make_witness(directory_of("bad"));
	struct tally_bytes good = request(0, 10, 20);
	uint8_t *bad = tally_arena_alloc(&arena, good.size);

	REQUIRE(cosigner != NULL);
	CHECK_INT(ask(cosigner, request(0, 0, 10), NOW, NULL), 200);
	for (size_t i = 0; i < good.size; i++) {
		int status;

		CASE("byte %zu", i);
		memcpy(bad, good.data, good.size);
		bad[i] ^= 1;
		status = ask(cosigner, tally_bytes(bad, good.size), NOW, NULL);
		CHECK(status >= 400 && status < 500);
	}
	CASE("others");
	CHECK_INT(ask(cosigner, TALLY_BYTES_NONE, NOW, NULL), 400);
	CHECK_INT(ask(cosigner, request(0, 15, 12), NOW, NULL), 400);
	CHECK_INT(state_of(cosigner).size, 10);
	CHECK_INT(ask(cosigner, good, NOW, NULL), 200);
	tally_cosigner_close(&cosigner);
}

/* A byte of a log's file that has changed is found: nothing is cosigned on top of it. */
static void damage_is_found(void)
{
	const char *dir = directory_of("damage");
	struct tally_cosigner *cosigner = make_witness(dir);
	struct tally_bytes note;
	char hex[TALLY_ORIGIN_HEX], room[8192];
	const char *path;
	ssize_t size;
	int fd, passed = 0, status;

	REQUIRE(cosigner != NULL);
	tally_origin_hex(TALLY_BYTES_LIT(ORIGIN), hex);
	path = tally_arena_printf(&arena, "%s/logs/%s", dir, hex);
	CHECK_INT(ask(cosigner, request(0, 0, 10), NOW, NULL), 200);
	fd = open(path, O_RDWR | O_CLOEXEC);
	size = read(fd, room, sizeof(room));
	REQUIRE(fd >= 0 && size > 0);
	for (ssize_t i = 0; i < size; i++) {
		char changed = (char)(room[i] ^ 1);

		CASE("byte %zd", i);
		CHECK_INT(pwrite(fd, &changed, 1, i), 1);
		status = ask(cosigner, request(0, 10, 20), NOW, NULL);
		/* The log's own line is not looked at any more, and a changed key is another key. */
		if (status == 200)
			passed++;
		else
			CHECK(status == 500 || status == 403);
		if (status == 200) {
			close(fd);
			fd = open(path, O_RDWR | O_TRUNC | O_CLOEXEC);
			CHECK_INT(write(fd, room, (size_t)size), size);
		}
		CHECK_INT(pwrite(fd, room + i, 1, i), 1);
	}
	CHECK(passed > 0 && passed <= 130);
	CASE("cut off");
	for (ssize_t i = 0; i < size; i += 7) {
		CHECK_INT(ftruncate(fd, i), 0);
		status = ask(cosigner, request(0, 10, 20), NOW, NULL);
		/* cut off just behind its head it is a log that was never cosigned */
		CHECK(status == 500 || (status == 409 && room[i - 1] == '\n' && room[i - 2] == '\n'));
		CHECK_INT(pwrite(fd, room, (size_t)size, 0), size);
	}
	CHECK_INT(tally_cosigner_last(cosigner, tally_bytes_str(hex), &arena, &note, &err), 1);
	CHECK_INT(tally_cosigner_last(cosigner, TALLY_BYTES_LIT("../../key"), &arena, &note, &err), 0);
	CHECK_INT(tally_cosigner_last(cosigner, tally_bytes(hex, 63), &arena, &note, &err), 0);
	close(fd);
	tally_cosigner_close(&cosigner);
}

/* ---- many at once ---- */

enum { CLIENTS = 12, ROUNDS = 25 };

/* A client in a process of its own: from what it learned last, to a size of its own. It writes
 * "old new" for each that it won. */
static void client(const char *dir, int number, int out)
{
	struct tally_cosigner *cosigner = open_witness(dir);
	uint64_t known = 0, size;
	struct tally_bytes body;

	for (int wins = 0; wins < ROUNDS;) {
		int status;

		size = known + 1 + (uint64_t)((number + wins) % CLIENTS);
		if (size > LEAVES)
			break;
		status = ask(cosigner, request(0, known, size), NOW, &body);
		if (status == 200) {
			uint64_t pair[2] = { known, size };

			if (write(out, pair, sizeof(pair)) != sizeof(pair))
				_exit(1);
			known = size;
			wins++;
		} else if (status != 409 || !tally_witness_size(body, &known)) {
			_exit(2);
		}
		tally_arena_reset(&arena);
	}
	_exit(0);
}

/* Of many that ask from the same size exactly one is cosigned: what was won is one chain. */
static void of_many_one_wins(void)
{
	static uint64_t next[LEAVES + 1];
	const char *dir = directory_of("many");
	struct tally_cosigner *cosigner = make_witness(dir);
	uint64_t pair[2], size = 0, count = 0;
	pid_t pids[CLIENTS];
	int pipes[2], status;

	REQUIRE(cosigner != NULL && pipe(pipes) == 0);
	memset(next, 0, sizeof(next));
	for (int i = 0; i < CLIENTS; i++)
		if ((pids[i] = fork()) == 0) {
			close(pipes[0]);
			client(dir, i, pipes[1]);
		}
	close(pipes[1]);
	while (read(pipes[0], pair, sizeof(pair)) == sizeof(pair)) {
		CASE("from %" PRIu64 " to %" PRIu64, pair[0], pair[1]);
		CHECK(pair[1] <= LEAVES && next[pair[0]] == 0);
		next[pair[0]] = pair[1];
		count++;
	}
	close(pipes[0]);
	for (int i = 0; i < CLIENTS; i++) {
		CHECK(waitpid(pids[i], &status, 0) == pids[i]);
		CHECK_INT(status, 0);
	}
	CASE("the chain");
	CHECK(count >= CLIENTS * ROUNDS / 2);
	for (; next[size] != 0; count--)
		size = next[size];
	CHECK_INT(count, 0);
	CHECK_INT(state_of(cosigner).size, size);
	tally_cosigner_close(&cosigner);
}

/* Many make the same log's file at once: one file, all keys. */
static void many_add_the_same_log(void)
{
	const char *dir = directory_of("adding");
	struct tally_cosigner *cosigner;
	struct tally_cosigned_log log;
	pid_t pids[TALLY_COSIGNER_KEYS];
	int status;

	CHECK_OK(tally_cosigner_init(dir, "witness.example/w", &err));
	for (uint8_t i = 0; i < TALLY_COSIGNER_KEYS; i++) {
		uint8_t seed[32] = { i, 9 }, public[32];
		struct tally_vkey key;

		tally_ed25519_public(seed, public);
		tally_vkey_make(&key, TALLY_BYTES_LIT(ORIGIN), NOTE_ED25519, public);
		if ((pids[i] = fork()) == 0) {
			cosigner = open_witness(dir);
			_exit(tally_cosigner_add_log(cosigner, TALLY_BYTES_LIT(ORIGIN), &key,
						     &err) != 0);
		}
	}
	for (int i = 0; i < TALLY_COSIGNER_KEYS; i++) {
		CHECK(waitpid(pids[i], &status, 0) == pids[i]);
		CHECK_INT(status, 0);
	}
	cosigner = open_witness(dir);
	log = state_of(cosigner);
	CHECK_INT(log.key_count, TALLY_COSIGNER_KEYS);
	tally_cosigner_close(&cosigner);
}

/* ---- kill -9 ---- */

/* Asks from the size given, one leaf more each time, and says which sizes were answered. */
static void asker(const char *dir, uint64_t size, int out)
{
	struct tally_cosigner *cosigner = open_witness(dir);

	for (; size < LEAVES; size++) {
		uint64_t done = size + 1;

		if (ask(cosigner, request(0, size, size + 1), NOW, NULL) != 200 ||
		    write(out, &done, sizeof(done)) != sizeof(done))
			break;
		tally_arena_reset(&arena);
	}
	_exit(0);
}

/* Killed at a random moment: what was answered is remembered, and nothing that was not asked. */
static void killed_it_never_goes_back(void)
{
	const char *dir = tally_arena_str(&arena, tally_bytes_str(directory_of("killed")));
	char *place = strdup(dir);
	const char *rounds_text = getenv("TALLY_TEST_ROUNDS");
	int rounds = rounds_text != NULL ? atoi(rounds_text) : 20;
	unsigned int seed = (unsigned int)tally_now_ms();
	struct tally_cosigner *cosigner = make_witness(place);
	uint64_t size = 0;

	REQUIRE(cosigner != NULL);
	printf("# killed_it_never_goes_back: seed %u\n", seed);
	srandom(seed);
	for (int round = 0; round < rounds && size + 200 < LEAVES; round++) {
		uint64_t answered = size, stored, got;
		long patience = random() % 30000;
		struct pollfd ready;
		int pipes[2], status;
		pid_t pid;

		CASE("round %d, seed %u", round, seed);
		REQUIRE(pipe(pipes) == 0);
		pid = fork();
		if (pid == 0) {
			close(pipes[0]);
			asker(place, size, pipes[1]);
		}
		close(pipes[1]);
		ready = (struct pollfd){ .fd = pipes[0], .events = POLLIN };
		poll(&ready, 1, 10000);		/* it has begun */
		usleep((useconds_t)patience);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		while (read(pipes[0], &got, sizeof(got)) == sizeof(got))
			answered = got;
		close(pipes[0]);
		stored = state_of(cosigner).size;
		CHECK(stored == answered || stored == answered + 1);
		CHECK(stored >= size);
		size = stored;
		tally_arena_reset(&arena);
	}
	CHECK(size > 0);
	tally_cosigner_close(&cosigner);
	free(place);
}

/* Killed between storing and answering: who asks again from the old size learns the new one, and
 * another history gets nothing from the gap. */
static void killed_before_it_answers(void)
{
	const char *dir = directory_of("gap");
	struct tally_cosigner *cosigner = make_witness(dir);
	struct tally_bytes body;
	int status;
	pid_t pid;

	REQUIRE(cosigner != NULL);
	CHECK_INT(ask(cosigner, request(0, 0, PARTING), NOW, NULL), 200);
	pid = fork();
	if (pid == 0) {
		ask(cosigner, request(0, PARTING, 100), NOW, NULL);
		kill(getpid(), SIGKILL);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
	CHECK_INT(ask(cosigner, request(1, PARTING, 100), NOW, &body), 409);
	CHECK_BYTES(body, TALLY_BYTES_LIT("100\n"));
	CHECK_INT(ask(cosigner, request(1, 100, 101), NOW, NULL), 422);
	CHECK_INT(ask(cosigner, request(0, 100, 100), NOW, NULL), 200);
	tally_cosigner_close(&cosigner);
}

/* A medium that refuses (here: a directory stands where the new file is to be written) promises
 * nothing. */
static void what_cannot_be_stored_is_not_cosigned(void)
{
	const char *dir = directory_of("refusing"), *aside;
	struct tally_cosigner *cosigner = make_witness(dir);
	char hex[TALLY_ORIGIN_HEX];
	struct tally_bytes body;

	REQUIRE(cosigner != NULL);
	tally_origin_hex(TALLY_BYTES_LIT(ORIGIN), hex);
	aside = tally_arena_printf(&arena, "%s/logs/%s.0.new", dir, hex);
	CHECK_INT(ask(cosigner, request(0, 0, 5), NOW, NULL), 200);
	REQUIRE(mkdir(aside, 0700) == 0);
	CHECK_INT(ask(cosigner, request(0, 5, 6), NOW, &body), 500);
	CHECK(memmem(body.data, body.size, "\xe2\x80\x94", 3) == NULL);
	CHECK_INT(state_of(cosigner).size, 5);
	REQUIRE(rmdir(aside) == 0);
	CHECK_INT(ask(cosigner, request(0, 5, 6), NOW, &body), 200);
	CHECK_INT(state_of(cosigner).size, 6);
	tally_cosigner_close(&cosigner);
}

static void remove_root(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", root_dir);
	if (system(command) != 0)
		printf("# %s is left\n", root_dir);
}

int main(void)
{
	tally_log_open(TALLY_LOG_ERROR, "/dev/null", &err);
	snprintf(root_dir, sizeof(root_dir), "/tmp/tally-cosigner-XXXXXX");
	if (mkdtemp(root_dir) == NULL)
		return 99;
	make_log();
	TEST(a_witness_is_made_once);
	TEST(a_log_grows_and_is_cosigned);
	TEST(the_same_again_gets_a_newer_time);
	TEST(a_fork_is_never_cosigned);
	TEST(keys_of_a_log_come_and_go);
	TEST(bad_requests_change_nothing);
	TEST(damage_is_found);
	TEST(of_many_one_wins);
	TEST(many_add_the_same_log);
	TEST(killed_it_never_goes_back);
	TEST(killed_before_it_answers);
	TEST(what_cannot_be_stored_is_not_cosigned);
	remove_root();
	tally_arena_free(&arena);
	return tap_done();
}
