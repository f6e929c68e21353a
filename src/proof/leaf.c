/* Reading canonical JSON, and leaves. See leaf.h. */
#include "leaf.h"

#include "b64.h"
#include "utf8.h"

#define NUMBER_MAX (((uint64_t)1 << 53) - 1)

/* ---- scanning; each takes one thing off the front, or gives false and is not used again ---- */

struct scan {
	const uint8_t *at;
	const uint8_t *end;
};

static bool take(struct scan *scan, uint8_t c)
{
	if (scan->at == scan->end || *scan->at != c)
		return false;
	scan->at++;
	return true;
}

static bool take_word(struct scan *scan, const char *word)
{
	size_t size = strlen(word);

	if ((size_t)(scan->end - scan->at) < size || memcmp(scan->at, word, size) != 0)
		return false;
	scan->at += size;
	return true;
}

/* What follows a backslash: the short forms, and \u00xx for the controls that have none. c_r gets
 * the character. */
static bool take_escape(struct scan *scan, uint8_t *c_r)
{
	static const char short_forms[] = "\"\\bfnrt", meant[] = "\"\\\b\f\n\r\t";
	const char *at;
	uint8_t code;

	if (scan->at == scan->end || *scan->at == '\0')
		return false;
	at = strchr(short_forms, *scan->at);
	if (at != NULL) {
		*c_r = (uint8_t)meant[at - short_forms];
		scan->at++;
		return true;
	}
	if (!take_word(scan, "u00") || scan->end - scan->at < 2 ||
	    !tally_hex_decode(tally_bytes(scan->at, 2), &code, 1))
		return false;
	/* lower-case hex, and no other character than those that must be written so */
	if (code >= ' ' || (scan->at[1] >= 'A' && scan->at[1] <= 'F') ||
	    (code != 0 && strchr(meant, code) != NULL))
		return false;
	scan->at += 2;
	*c_r = code;
	return true;
}

static bool take_string(struct scan *scan)
{
	const uint8_t *begin;
	uint8_t c;

	if (!take(scan, '"'))
		return false;
	for (begin = scan->at; scan->at < scan->end && *scan->at != '"'; ) {
		if (*scan->at < ' ')
			return false;
		if (*scan->at++ == '\\' && !take_escape(scan, &c))
			return false;
	}
	return tally_utf8_valid(tally_bytes(begin, (size_t)(scan->at - begin))) && take(scan, '"');
}

/* The name of a member and its colon. */
static bool take_name(struct scan *scan, struct tally_bytes *name_r)
{
	const uint8_t *begin;

	if (!take(scan, '"'))
		return false;
	for (begin = scan->at; scan->at < scan->end && *scan->at != '"'; scan->at++)
		if (*scan->at < ' ' || *scan->at >= 0x7f || *scan->at == '\\')
			return false;
	*name_r = tally_bytes(begin, (size_t)(scan->at - begin));
	return take(scan, '"') && take(scan, ':');
}

static bool take_uint(struct scan *scan, uint64_t *number_r)
{
	const uint8_t *begin = scan->at;

	while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
		scan->at++;
	return tally_parse_u64(tally_bytes(begin, (size_t)(scan->at - begin)), NUMBER_MAX, number_r);
}

static bool take_value(struct scan *scan, unsigned int depth);

/* Behind the opening bracket, up to and with the closing one. */
static bool take_items(struct scan *scan, uint8_t close, unsigned int depth)
{
	struct tally_bytes last = TALLY_BYTES_NONE, name;
	bool first = true;

	if (depth == 0)
		return false;
	if (take(scan, close))
		return true;
	do {
		if (close == '}') {
			if (!take_name(scan, &name) ||
			    (!first && tally_bytes_compare(last, name) >= 0))
				return false;
			last = name;
			first = false;
		}
		if (!take_value(scan, depth - 1))
			return false;
	} while (take(scan, ','));
	return take(scan, close);
}

static bool take_value(struct scan *scan, unsigned int depth)
{
	uint64_t number;

	if (scan->at == scan->end)
		return false;
	switch (*scan->at) {
	case '"':
		return take_string(scan);
	case '{':
		scan->at++;
		return take_items(scan, '}', depth);
	case '[':
		scan->at++;
		return take_items(scan, ']', depth);
	case 't':
		return take_word(scan, "true");
	case 'f':
		return take_word(scan, "false");
	default:
		return take_uint(scan, &number);
	}
}

/* ---- values ---- */

static struct scan scan_of(struct tally_bytes text)
{
	return (struct scan){ text.data, tally_bytes_end(text) };
}

bool tally_canon_valid(struct tally_bytes text)
{
	struct scan scan = scan_of(text);

	return text.size > 0 && take_value(&scan, TALLY_CANON_DEPTH) && scan.at == scan.end;
}

int tally_canon_next(struct tally_bytes value, size_t *at, struct tally_bytes *name_r,
		     struct tally_bytes *item_r)
{
	struct scan scan = scan_of(value);
	struct tally_bytes name = TALLY_BYTES_NONE;
	const uint8_t *begin;
	uint8_t close;

	if (value.size < 2 || *at >= value.size || (value.data[0] != '{' && value.data[0] != '['))
		return -1;
	close = value.data[0] == '{' ? '}' : ']';
	scan.at += *at > 0 ? *at : 1;
	if (take(&scan, close))
		return scan.at == scan.end ? 0 : -1;
	if (*at > 0 && !take(&scan, ','))
		return -1;
	if (close == '}' && !take_name(&scan, &name))
		return -1;
	begin = scan.at;
	if (!take_value(&scan, TALLY_CANON_DEPTH - 1))
		return -1;
	*item_r = tally_bytes(begin, (size_t)(scan.at - begin));
	if (name_r != NULL)
		*name_r = name;
	*at = (size_t)(scan.at - value.data);
	return 1;
}

int tally_canon_member(struct tally_bytes object, const char *name, struct tally_bytes *value_r)
{
	struct tally_bytes found, item;
	size_t at = 0;
	int more;

	if (object.size == 0 || object.data[0] != '{')
		return -1;
	while ((more = tally_canon_next(object, &at, &found, &item)) == 1)
		if (tally_bytes_is(found, name)) {
			*value_r = item;
			return 1;
		}
	return more;
}

bool tally_canon_uint(struct tally_bytes value, uint64_t *number_r)
{
	return tally_parse_u64(value, NUMBER_MAX, number_r);
}

bool tally_canon_plain(struct tally_bytes value, struct tally_bytes *text_r)
{
	struct scan scan = scan_of(value);

	if (value.size < 2 || !take_string(&scan) || scan.at != scan.end ||
	    memchr(value.data, '\\', value.size) != NULL)
		return false;
	*text_r = tally_bytes(value.data + 1, value.size - 2);
	return true;
}

bool tally_canon_hash(struct tally_bytes value, struct tally_hash *hash_r)
{
	char again[2 * TALLY_HASH_SIZE + 1];
	struct tally_bytes text;

	if (!tally_canon_plain(value, &text) ||
	    !tally_hex_decode(text, hash_r->bytes, TALLY_HASH_SIZE))
		return false;
	tally_hex_encode(hash_r->bytes, TALLY_HASH_SIZE, again);
	return tally_bytes_is(text, again);
}

/* What stands between the quotes of a string value; false where it is none. */
static bool inside(struct tally_bytes value, struct scan *scan_r)
{
	struct scan scan = scan_of(value);

	if (!take_string(&scan) || scan.at != scan.end)
		return false;
	*scan_r = scan_of(tally_bytes(value.data + 1, value.size - 2));
	return true;
}

/* The next byte of it, unescaped. */
static uint8_t next_byte(struct scan *scan)
{
	uint8_t c = *scan->at++;

	if (c == '\\')
		take_escape(scan, &c);		/* it was checked */
	return c;
}

bool tally_canon_is(struct tally_bytes value, struct tally_bytes text)
{
	struct scan scan;
	size_t used = 0;

	if (!inside(value, &scan))
		return false;
	for (; scan.at < scan.end; used++)
		if (used == text.size || next_byte(&scan) != text.data[used])
			return false;
	return used == text.size;
}

bool tally_canon_text(struct tally_bytes value, uint8_t *room, struct tally_bytes *text_r)
{
	struct scan scan;
	size_t used = 0;

	if (!inside(value, &scan))
		return false;
	while (scan.at < scan.end)
		room[used++] = next_byte(&scan);
	*text_r = tally_bytes(room, used);
	return true;
}

bool tally_canon_take_text(struct tally_bytes value, uint8_t **room, struct tally_bytes *text_r)
{
	if (!tally_canon_text(value, *room, text_r))
		return false;
	*room += text_r->size;
	return true;
}

bool tally_canon_take_base64(struct tally_bytes value, uint8_t **room, struct tally_bytes *bytes_r)
{
	struct tally_bytes text;
	int size = 0;

	if (!tally_canon_plain(value, &text) || text.size > INT32_MAX)
		return false;
	if (text.size > 0)
		size = tally_b64_get(text, *room, text.size);
	if (size < 0)
		return false;
	*bytes_r = tally_bytes(*room, (size_t)size);
	*room += size;
	return true;
}

/* ---- leaves ---- */

/* Takes a member if it knows it; false where it is not of its type. */
static bool leaf_member(struct tally_leaf *leaf, struct tally_bytes name, struct tally_bytes item)
{
	uint64_t version;

	if (tally_bytes_is(name, "v"))
		return tally_canon_uint(item, &version) && version == 1;
	if (tally_bytes_is(name, "journalId"))
		return tally_canon_uint(item, &leaf->journal_id);
	if (tally_bytes_is(name, "timestamp"))
		return tally_canon_uint(item, &leaf->timestamp);
	if (tally_bytes_is(name, "ledgerId"))
		return tally_canon_plain(item, &leaf->ledger_id);
	if (tally_bytes_is(name, "payloadType"))
		return tally_canon_plain(item, &leaf->payload_type);
	if (tally_bytes_is(name, "memberId"))
		return tally_canon_plain(item, &leaf->member_id);
	if (tally_bytes_is(name, "payloadHash"))
		return leaf->has_payload = tally_canon_hash(item, &leaf->payload_hash);
	if (tally_bytes_is(name, "payloadSize"))
		return leaf->has_payload && tally_canon_uint(item, &leaf->payload_size);
	if (tally_bytes_is(name, "evidenceHash"))
		return leaf->has_evidence = tally_canon_hash(item, &leaf->evidence_hash);
	if (tally_bytes_is(name, "clues"))
		return (leaf->clues = item).data[0] == '[';
	if (tally_bytes_is(name, "data"))
		return (leaf->data = item).data[0] == '{';
	return true;
}

static bool has(struct tally_bytes object, const char *name)
{
	struct tally_bytes value;

	return tally_canon_member(object, name, &value) == 1;
}

bool tally_leaf_parse(struct tally_bytes text, struct tally_leaf *leaf_r)
{
	struct tally_bytes name, item;
	size_t at = 0;
	int more;

	memset(leaf_r, 0, sizeof(*leaf_r));
	leaf_r->text = text;
	if (text.size > TALLY_LEAF_MAX || !tally_canon_valid(text) || text.data[0] != '{')
		return false;
	while ((more = tally_canon_next(text, &at, &name, &item)) == 1)
		if (!leaf_member(leaf_r, name, item))
			return false;
	return more == 0 && has(text, "v") && has(text, "journalId") && has(text, "timestamp") &&
	       leaf_r->ledger_id.size > 0 && leaf_r->payload_type.size > 0 &&
	       has(text, "payloadSize") == leaf_r->has_payload;
}

bool tally_leaf_has_clue(const struct tally_leaf *leaf, struct tally_bytes clue)
{
	struct tally_bytes item;
	size_t at = 0;

	if (leaf->clues.size == 0)
		return false;
	while (tally_canon_next(leaf->clues, &at, NULL, &item) == 1)
		if (tally_canon_is(item, clue))
			return true;
	return false;
}

bool tally_canon_salt(struct tally_bytes value, uint8_t salt_r[TALLY_SALT_SIZE])
{
	char again[2 * TALLY_SALT_SIZE + 1];
	struct tally_bytes text;

	if (!tally_canon_plain(value, &text) || !tally_hex_decode(text, salt_r, TALLY_SALT_SIZE))
		return false;
	tally_hex_encode(salt_r, TALLY_SALT_SIZE, again);
	return tally_bytes_is(text, again);
}

bool tally_leaf_payload_is(const struct tally_leaf *leaf, const uint8_t salt[TALLY_SALT_SIZE],
			   struct tally_bytes payload)
{
	struct tally_sha256 sha;
	struct tally_hash hash;

	if (!leaf->has_payload || payload.size != leaf->payload_size)
		return false;
	tally_sha256_init(&sha);
	tally_sha256_add(&sha, salt, TALLY_SALT_SIZE);
	tally_sha256_add(&sha, payload.data, payload.size);
	tally_sha256_end(&sha, hash.bytes);
	return memcmp(hash.bytes, leaf->payload_hash.bytes, TALLY_HASH_SIZE) == 0;
}

void tally_evidence_hash(const uint8_t salt[TALLY_SALT_SIZE], struct tally_bytes evidence,
			 uint8_t hash_r[TALLY_HASH_SIZE])
{
	static const char label[] = "tallystick evidence v1\n";
	struct tally_sha256 sha;

	tally_sha256_init(&sha);
	tally_sha256_add(&sha, label, sizeof(label) - 1);
	tally_sha256_add(&sha, salt, TALLY_SALT_SIZE);
	tally_sha256_add(&sha, evidence.data, evidence.size);
	tally_sha256_end(&sha, hash_r);
}

bool tally_leaf_evidence_is(const struct tally_leaf *leaf, const uint8_t salt[TALLY_SALT_SIZE],
			    struct tally_bytes evidence)
{
	uint8_t hash[TALLY_HASH_SIZE];

	tally_evidence_hash(salt, evidence, hash);
	return leaf->has_evidence && memcmp(hash, leaf->evidence_hash.bytes, TALLY_HASH_SIZE) == 0;
}
