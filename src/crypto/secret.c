/* Secrets, thin over libsodium, and the master key's file. */
#include "config.h"

#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "err.h"
#include "sodium_ready.h"

_Static_assert(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES +
	       crypto_aead_xchacha20poly1305_ietf_ABYTES == TALLY_SEAL_OVERHEAD, "size of a seal");

#define NONCE_SIZE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define KEY_LINE_SIZE (2 * TALLY_MASTER_KEY_SIZE + 1)	/* hex digits and a newline */

void tally_random(void *data, size_t size)
{
	tally_sodium_ready();
	randombytes_buf(data, size);
}

bool tally_secret_equal(struct tally_bytes a, struct tally_bytes b)
{
	return a.size == b.size && (a.size == 0 || sodium_memcmp(a.data, b.data, a.size) == 0);
}

void tally_wipe(void *data, size_t size)
{
	sodium_memzero(data, size);
}

/*
 * libsodium puts the bytes at the very end of a page, so that a write past them faults; sizes are
 * rounded up to keep any struct aligned there.
 */
void *tally_secret_alloc(size_t size)
{
	void *data;

	tally_sodium_ready();
	data = sodium_malloc((size + 15) & ~(size_t)15);
	if (data == NULL)
		abort();
	return data;
}

void tally_secret_free(void *data)
{
	sodium_free(data);
}

/* ---- the master key file ---- */

static int write_all(int fd, const char *text, size_t size)
{
	ssize_t done;

	while (size != 0) {
		done = write(fd, text, size);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		text += done;
		size -= (size_t)done;
	}
	return 0;
}

/* A new file with a new key, synced. */
static int write_key_file(const char *path, struct tally_err *err)
{
	uint8_t key[TALLY_MASTER_KEY_SIZE];
	char line[KEY_LINE_SIZE + 1];
	int fd, result;

	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return tally_err_errno(err, "master key %s", path);
	tally_random(key, sizeof(key));
	tally_hex_encode(key, sizeof(key), line);
	line[KEY_LINE_SIZE - 1] = '\n';
	result = fchmod(fd, 0600) < 0 || write_all(fd, line, KEY_LINE_SIZE) < 0 || fsync(fd) < 0 ? -1 : 0;
	if (result < 0)
		tally_err_errno(err, "master key %s", path);
	tally_wipe(key, sizeof(key));
	tally_wipe(line, sizeof(line));
	if (close(fd) < 0 && result == 0)
		result = tally_err_errno(err, "master key %s", path);
	return result;
}

static int sync_directory_of(struct tally_arena *arena, const char *path, struct tally_err *err)
{
	const char *slash = strrchr(path, '/');
	const char *directory = slash == NULL ? "." : slash == path ? "/" :
		tally_arena_str(arena, tally_bytes(path, (size_t)(slash - path)));
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), result;

	if (fd < 0)
		return tally_err_errno(err, "directory %s", directory);
	result = fsync(fd);
	if (result < 0)
		tally_err_errno(err, "directory %s", directory);
	close(fd);
	return result;
}

/*
 * Written aside and linked into place: the name never stands for half a key, and a key that is
 * there already is never replaced, since all that was sealed under it would be lost.
 */
int tally_master_key_create(const char *path, struct tally_err *err)
{
	struct tally_arena arena = { 0 };
	uint64_t random;
	char *aside;
	int result;

	tally_random(&random, sizeof(random));
	aside = tally_arena_printf(&arena, "%s.%016llx.new", path, (unsigned long long)random);
	result = write_key_file(aside, err);
	if (result == 0 && link(aside, path) < 0) {
		if (errno == EEXIST)
			result = tally_err_set(err, TALLY_EXISTS, "master key %s exists already", path);
		else
			result = tally_err_errno(err, "master key %s", path);
	}
	unlink(aside);
	if (result == 0)
		result = sync_directory_of(&arena, path, err);
	tally_arena_free(&arena);
	return result;
}

/* Up to room bytes of the file; their number, or -1 with errno. */
static ssize_t read_up_to(int fd, char *text, size_t room)
{
	size_t size = 0;
	ssize_t got;

	while (size < room) {
		got = read(fd, text + size, room - size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		size += (size_t)got;
	}
	return (ssize_t)size;
}

static int check_key_file(int fd, const char *path, struct tally_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return tally_err_errno(err, "master key %s", path);
	if (!S_ISREG(st.st_mode))
		return tally_err_set(err, TALLY_INVALID, "master key %s: not a plain file", path);
	if ((st.st_mode & 077) != 0)
		return tally_err_set(err, TALLY_DENIED,
				     "master key %s: mode %04o lets others in; make it 0600", path,
				     (unsigned int)st.st_mode & 07777);
	return 0;
}

int tally_master_key_read(const char *path, uint8_t key_r[TALLY_MASTER_KEY_SIZE],
			  struct tally_err *err)
{
	char text[KEY_LINE_SIZE + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), result;
	ssize_t size;

	if (fd < 0) {
		tally_err_errno(err, "master key %s", path);
		if (errno == ENOENT && err != NULL)
			err->code = TALLY_NOTFOUND;
		else if (errno == EACCES && err != NULL)
			err->code = TALLY_DENIED;
		return -1;
	}
	result = check_key_file(fd, path, err);
	if (result == 0) {
		size = read_up_to(fd, text, sizeof(text));
		if (size < 0)
			result = tally_err_errno(err, "master key %s", path);
		else if (size > 0 && text[size - 1] == '\n')
			size--;
		if (size >= 0 && !tally_hex_decode(tally_bytes(text, (size_t)size), key_r,
						   TALLY_MASTER_KEY_SIZE))
			result = tally_err_set(err, TALLY_CORRUPT,
					       "master key %s: not one line of 64 hex digits", path);
	}
	tally_wipe(text, sizeof(text));
	close(fd);
	return result;
}

/* ---- derived keys and seals ---- */

void tally_derive_key(const uint8_t master[TALLY_MASTER_KEY_SIZE], const char *purpose,
		      uint8_t key_r[32])
{
	tally_sodium_ready();
	crypto_generichash(key_r, 32, (const uint8_t *)purpose, strlen(purpose), master,
			   TALLY_MASTER_KEY_SIZE);
}

void tally_seal(const uint8_t key[32], struct tally_bytes plain, struct tally_bytes context,
		uint8_t *sealed_r)
{
	tally_random(sealed_r, NONCE_SIZE);
	crypto_aead_xchacha20poly1305_ietf_encrypt(sealed_r + NONCE_SIZE, NULL, plain.data, plain.size,
						   context.data, context.size, NULL, sealed_r, key);
}

int tally_unseal(const uint8_t key[32], struct tally_bytes sealed, struct tally_bytes context,
		 uint8_t *plain_r, struct tally_err *err)
{
	tally_sodium_ready();
	if (sealed.size < TALLY_SEAL_OVERHEAD ||
	    crypto_aead_xchacha20poly1305_ietf_decrypt(plain_r, NULL, NULL, sealed.data + NONCE_SIZE,
						       sealed.size - NONCE_SIZE, context.data,
						       context.size, sealed.data, key) != 0)
		return tally_err_set(err, TALLY_CORRUPT,
				     "a sealed secret does not open: other master key, or changed bytes");
	return 0;
}
