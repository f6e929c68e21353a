/* Signed notes and checkpoints; the formats are in note.h. */
#include "note.h"

#include "b64.h"

#include <stdio.h>

#include "utf8.h"

static const char em_dash[] = "\xe2\x80\x94 ";
#define EM_DASH_SIZE 4			/* with its space */

/* ---- keys ---- */

/* Code points that Unicode calls white space, beyond ASCII: as UTF-8. */
static bool has_unicode_space(struct tally_bytes text)
{
	static const char *const spaces[] = {
		"\xc2\x85", "\xc2\xa0", "\xe1\x9a\x80", "\xe2\x80\xa8", "\xe2\x80\xa9",
		"\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"
	};

	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] <= ' ' || text.data[i] == 0x7f)
			return true;
		/* U+2000 .. U+200A */
		if (i + 2 < text.size && text.data[i] == 0xe2 && text.data[i + 1] == 0x80 &&
		    text.data[i + 2] >= 0x80 && text.data[i + 2] <= 0x8a)
			return true;
		for (size_t k = 0; k < sizeof(spaces) / sizeof(spaces[0]); k++) {
			size_t size = strlen(spaces[k]);

			if (text.size - i >= size && memcmp(text.data + i, spaces[k], size) == 0)
				return true;
		}
	}
	return false;
}

bool tally_key_name_valid(struct tally_bytes name)
{
	return name.size > 0 && name.size <= TALLY_KEY_NAME_MAX && tally_utf8_valid(name) &&
	       !has_unicode_space(name) && memchr(name.data, '+', name.size) == NULL;
}

uint32_t tally_key_id(struct tally_bytes name, uint8_t type,
		      const uint8_t public[TALLY_ED25519_PUBLIC])
{
	struct tally_sha256 sha;
	uint8_t hash[TALLY_HASH_SIZE], middle[2] = { '\n', type };

	tally_sha256_init(&sha);
	tally_sha256_add(&sha, name.data, name.size);
	tally_sha256_add(&sha, middle, 2);
	tally_sha256_add(&sha, public, TALLY_ED25519_PUBLIC);
	tally_sha256_end(&sha, hash);
	return tally_get_u32(hash);
}

uint32_t tally_key_id_p256(const uint8_t point[65])
{
	/* SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING point } (RFC 5480) */
	static const uint8_t head[] = {
		0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
		0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00
	};
	struct tally_sha256 sha;
	uint8_t hash[TALLY_HASH_SIZE];

	tally_sha256_init(&sha);
	tally_sha256_add(&sha, head, sizeof(head));
	tally_sha256_add(&sha, point, 65);
	tally_sha256_end(&sha, hash);
	return tally_get_u32(hash);
}

bool tally_vkey_make(struct tally_vkey *vkey_r, struct tally_bytes name, uint8_t type,
		     const uint8_t public[TALLY_ED25519_PUBLIC])
{
	if (!tally_key_name_valid(name))
		return false;
	memset(vkey_r, 0, sizeof(*vkey_r));
	memcpy(vkey_r->name, name.data, name.size);
	vkey_r->type = type;
	vkey_r->id = tally_key_id(name, type, public);
	memcpy(vkey_r->public, public, TALLY_ED25519_PUBLIC);
	return true;
}

void tally_vkey_format(const struct tally_vkey *vkey, char *text)
{
	uint8_t key[1 + TALLY_ED25519_PUBLIC];
	int used = sprintf(text, "%s+%08x+", vkey->name, vkey->id);

	key[0] = vkey->type;
	memcpy(key + 1, vkey->public, TALLY_ED25519_PUBLIC);
	text[used + (int)tally_b64_put(key, sizeof(key), text + used)] = '\0';
}

static struct tally_bytes cut(struct tally_bytes *rest, char at)
{
	const uint8_t *end = rest->size > 0 ? memchr(rest->data, at, rest->size) : NULL;
	struct tally_bytes head = *rest;

	if (end == NULL) {
		*rest = TALLY_BYTES_NONE;
		return head;
	}
	head.size = (size_t)(end - head.data);
	*rest = tally_bytes(end + 1, rest->size - head.size - 1);
	return head;
}

bool tally_vkey_parse(struct tally_bytes text, struct tally_vkey *vkey_r)
{
	struct tally_bytes rest = text, name = cut(&rest, '+'), id = cut(&rest, '+');
	uint8_t key[1 + TALLY_ED25519_PUBLIC], id_bytes[4];

	for (size_t i = 0; i < id.size; i++)
		if (id.data[i] >= 'A' && id.data[i] <= 'F')
			return false;
	return tally_hex_decode(id, id_bytes, 4) &&
	       tally_b64_get(rest, key, sizeof(key)) == (int)sizeof(key) &&
	       (key[0] == NOTE_ED25519 || key[0] == NOTE_COSIGNATURE) &&
	       tally_vkey_make(vkey_r, name, key[0], key + 1) &&
	       vkey_r->id == tally_get_u32(id_bytes);
}

/* ---- reading notes ---- */

static bool signature_parse(struct tally_bytes line, struct tally_note_signature *signature)
{
	uint8_t bytes[4 + 72];
	struct tally_bytes rest, name;
	int size;

	signature->line = line;
	if (line.size < EM_DASH_SIZE + 1 || memcmp(line.data, em_dash, EM_DASH_SIZE) != 0)
		return false;
	rest = tally_bytes(line.data + EM_DASH_SIZE, line.size - EM_DASH_SIZE - 1);
	name = cut(&rest, ' ');
	if (!tally_key_name_valid(name) || rest.size < 8)
		return false;
	size = tally_b64_get(rest, bytes, sizeof(bytes));
	signature->name = name;
	if (size >= 5) {
		signature->id = tally_get_u32(bytes);
		signature->size = (size_t)size - 4;
		memcpy(signature->bytes, bytes + 4, signature->size);
		return true;
	}
	/* Longer than any kind we know: its key id is enough to pass it over. */
	if (size < 0 && rest.size >= 104 && tally_b64_valid(rest) &&
	    tally_b64_get(tally_bytes(rest.data, 8), bytes, 6) == 6) {
		signature->id = tally_get_u32(bytes);
		signature->size = 0;
		return true;
	}
	return false;
}

static bool text_is_clean(struct tally_bytes bytes)
{
	for (size_t i = 0; i < bytes.size; i++)
		if ((bytes.data[i] < ' ' && bytes.data[i] != '\n') || bytes.data[i] == 0x7f)
			return false;
	return tally_utf8_valid(bytes);
}

static bool parse_lines(struct tally_bytes rest, struct tally_note *note)
{
	note->signature_count = 0;
	while (rest.size > 0) {
		struct tally_bytes line = rest;

		line.size = cut(&rest, '\n').size + 1;
		if (note->signature_count == TALLY_NOTE_SIGNATURES ||
		    !signature_parse(line, &note->signatures[note->signature_count++]))
			return false;
	}
	return note->signature_count > 0;
}

bool tally_note_lines(struct tally_bytes bytes, struct tally_note *note)
{
	return bytes.size > 0 && bytes.data[bytes.size - 1] == '\n' && text_is_clean(bytes) &&
	       parse_lines(bytes, note);
}

bool tally_note_parse(struct tally_bytes bytes, struct tally_note *note_r)
{
	size_t split = 0;

	note_r->signature_count = 0;
	if (bytes.size < 4 || bytes.size > TALLY_NOTE_MAX || bytes.data[bytes.size - 1] != '\n' ||
	    !text_is_clean(bytes))
		return false;
	/* Text and signatures are divided at the last empty line. */
	for (size_t i = bytes.size - 1; i > 0 && split == 0; i--)
		if (bytes.data[i] == '\n' && bytes.data[i - 1] == '\n')
			split = i;
	if (split == 0 || split + 1 >= bytes.size)
		return false;
	note_r->text = tally_bytes(bytes.data, split);
	return parse_lines(tally_bytes(bytes.data + split + 1, bytes.size - split - 1), note_r);
}

/* ---- verifying ---- */

/* What a cosignature signs: its header lines, then the checkpoint. */
static size_t cosigned_bytes(struct tally_bytes text, uint64_t seconds, uint8_t *room, size_t size)
{
	int head = snprintf((char *)room, size, "cosignature/v1\ntime %llu\n",
			    (unsigned long long)seconds);

	if (head < 0 || (size_t)head + text.size > size)
		return 0;
	memcpy(room + head, text.data, text.size);
	return (size_t)head + text.size;
}

#define COSIGNED_MAX (TALLY_COSIGNED_TEXT + 64)	/* with the lines before the checkpoint */

static bool signature_holds(const struct tally_note *note,
			    const struct tally_note_signature *signature,
			    const struct tally_vkey *key, uint64_t *time_r)
{
	uint8_t room[COSIGNED_MAX];
	size_t size;

	if (key->type == NOTE_ED25519)
		return signature->size == TALLY_ED25519_SIGNATURE &&
		       tally_ed25519_verify(key->public, note->text, signature->bytes);
	if (key->type != NOTE_COSIGNATURE || signature->size != 8 + TALLY_ED25519_SIGNATURE)
		return false;
	*time_r = tally_get_u64(signature->bytes);
	if (*time_r > INT64_MAX)
		return false;
	size = cosigned_bytes(note->text, *time_r, room, sizeof(room));
	return size > 0 && tally_ed25519_verify(key->public, tally_bytes(room, size),
						signature->bytes + 8);
}

int tally_note_verify(const struct tally_note *note, const struct tally_vkey *keys,
		      size_t key_count, bool *signed_r, uint64_t *times_r)
{
	int count = 0;

	for (size_t k = 0; k < key_count; k++) {
		bool done = false;

		for (size_t i = 0; i < note->signature_count; i++) {
			const struct tally_note_signature *signature = &note->signatures[i];
			uint64_t time = 0;

			if (signature->id != keys[k].id ||
			    !tally_bytes_is(signature->name, keys[k].name))
				continue;
			if (!signature_holds(note, signature, &keys[k], &time))
				return -1;
			done = true;
			if (times_r != NULL)
				times_r[k] = time;
		}
		if (signed_r != NULL)
			signed_r[k] = done;
		count += done;
	}
	return count;
}

/* ---- signing ---- */

static size_t line_put(const struct tally_vkey *vkey, const uint8_t *signature, size_t size,
		       char *line)
{
	uint8_t bytes[4 + 72];
	int used = sprintf(line, "%s%s ", em_dash, vkey->name);

	tally_put_u32(bytes, vkey->id);
	memcpy(bytes + 4, signature, size);
	used += (int)tally_b64_put(bytes, 4 + size, line + used);
	line[used++] = '\n';
	line[used] = '\0';
	return (size_t)used;
}

size_t tally_note_sign(const struct tally_vkey *vkey, const uint8_t seed[TALLY_ED25519_SEED],
		       struct tally_bytes text, char *line)
{
	uint8_t signature[TALLY_ED25519_SIGNATURE];

	tally_ed25519_sign(seed, text, signature);
	return line_put(vkey, signature, sizeof(signature), line);
}

size_t tally_note_cosign(const struct tally_vkey *vkey, const uint8_t seed[TALLY_ED25519_SEED],
			 struct tally_bytes text, uint64_t seconds, char *line)
{
	uint8_t room[COSIGNED_MAX], signature[8 + TALLY_ED25519_SIGNATURE];
	size_t size = cosigned_bytes(text, seconds, room, sizeof(room));

	if (size == 0)
		return 0;
	tally_put_u64(signature, seconds);
	tally_ed25519_sign(seed, tally_bytes(room, size), signature + 8);
	return line_put(vkey, signature, sizeof(signature), line);
}

static uint8_t *put_name(uint8_t *p, struct tally_bytes name)
{
	*p++ = (uint8_t)name.size;
	memcpy(p, name.data, name.size);
	return p + name.size;
}

size_t tally_note_subtree_message(struct tally_bytes cosigner, uint64_t seconds,
				  struct tally_bytes origin, uint64_t start, uint64_t end,
				  const struct tally_hash *hash,
				  uint8_t out[TALLY_SUBTREE_MESSAGE])
{
	static const char label[12] = "subtree/v1\n";	/* with its NUL */
	uint8_t *p = out + sizeof(label);

	if (cosigner.size == 0 || cosigner.size > TALLY_KEY_NAME_MAX || origin.size == 0 ||
	    origin.size > TALLY_KEY_NAME_MAX || (start != 0 && seconds != 0) || start > end)
		return 0;
	memcpy(out, label, sizeof(label));
	p = put_name(p, cosigner);
	tally_put_u64(p, seconds);
	p = put_name(p + 8, origin);
	tally_put_u64(p, start);
	tally_put_u64(p + 8, end);
	memcpy(p + 16, hash->bytes, TALLY_HASH_SIZE);
	return (size_t)(p - out) + 16 + TALLY_HASH_SIZE;
}

/* ---- checkpoints ---- */

bool tally_checkpoint_parse(struct tally_bytes text, struct tally_checkpoint *checkpoint_r)
{
	struct tally_bytes rest = text, size, root;

	if (text.size == 0 || text.data[text.size - 1] != '\n' || !text_is_clean(text))
		return false;
	checkpoint_r->origin = cut(&rest, '\n');
	size = cut(&rest, '\n');
	root = cut(&rest, '\n');
	checkpoint_r->extension = rest;
	for (size_t i = 0; i < rest.size; i++)
		if (rest.data[i] == '\n' && (i == 0 || rest.data[i - 1] == '\n'))
			return false;
	return checkpoint_r->origin.size > 0 &&
	       tally_parse_u64(size, INT64_MAX, &checkpoint_r->size) && root.size == 44 &&
	       tally_b64_get(root, checkpoint_r->root.bytes, TALLY_HASH_SIZE) == TALLY_HASH_SIZE;
}

size_t tally_checkpoint_format(struct tally_bytes origin, uint64_t size,
			       const struct tally_hash *root, char *text)
{
	int used = sprintf(text, "%.*s\n%llu\n", (int)origin.size, (const char *)origin.data,
			   (unsigned long long)size);

	used += (int)tally_b64_put(root->bytes, TALLY_HASH_SIZE, text + used);
	text[used++] = '\n';
	text[used] = '\0';
	return (size_t)used;
}
