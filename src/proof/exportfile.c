/* Export files. See exportfile.h. */
#include "exportfile.h"

#include <string.h>

#include "b64.h"
#include "buf.h"
#include "err.h"
#include "jcs.h"
#include "stateproof.h"
#include "utf8.h"

/* ---- writing ---- */

static void add_text(struct tally_jcs_object *to, const char *name, struct tally_bytes text)
{
	tally_jcs_name(to, name);
	tally_jcs_string(to->buf, text);
}

static void add_base64(struct tally_jcs_object *to, const char *name, struct tally_bytes bytes)
{
	tally_jcs_name(to, name);
	tally_buf_add_u8(to->buf, '"');
	tally_buf_reserve(to->buf, (bytes.size + 2) / 3 * 4);
	to->buf->size += tally_b64_put(bytes.data, bytes.size,
				       (char *)to->buf->data + to->buf->size);
	tally_buf_add_u8(to->buf, '"');
}

static void add_salt(struct tally_jcs_object *to, const char *name,
		     const uint8_t salt[TALLY_SALT_SIZE])
{
	char hex[2 * TALLY_SALT_SIZE + 1];

	tally_hex_encode(salt, TALLY_SALT_SIZE, hex);
	add_text(to, name, tally_bytes_str(hex));
}

void tally_export_head_format(const struct tally_export_head *head, struct tally_buf *buf)
{
	struct tally_jcs_object to;

	tally_jcs_open(&to, buf);
	add_text(&to, "checkpoint", head->checkpoint);
	add_text(&to, "format", TALLY_BYTES_LIT(TALLY_EXPORT_FORMAT));
	tally_jcs_name(&to, "from");
	tally_jcs_uint(buf, head->from);
	add_text(&to, "ledgerId", head->ledger_id);
	tally_jcs_name(&to, "to");
	tally_jcs_uint(buf, head->to);
	add_text(&to, "verifierKey", head->verifier_key);
	tally_jcs_close(&to);
	tally_buf_add_u8(buf, '\n');
}

static void add_payload(struct tally_jcs_object *to, const struct tally_export_line *line)
{
	if (!line->has_payload)
		return;
	if (tally_utf8_valid(line->payload))
		add_text(to, "payload", line->payload);
	else
		add_base64(to, "payloadBase64", line->payload);
}

/* What the leaf says already is repeated for readers; its own bytes are base64, so that nobody's JSON
 * library changes them. */
void tally_export_line_format(const struct tally_export_line *line, struct tally_buf *buf)
{
	struct tally_jcs_object to;
	struct tally_leaf leaf;

	tally_leaf_parse(line->leaf_text, &leaf);
	tally_jcs_open(&to, buf);
	if (leaf.clues.size > 0) {
		tally_jcs_name(&to, "clues");
		tally_buf_add_bytes(buf, leaf.clues);
	}
	if (line->evidence.size > 0) {
		add_base64(&to, "evidence", line->evidence);
		add_salt(&to, "evidenceSalt", line->evidence_salt);
	}
	tally_jcs_name(&to, "journalId");
	tally_jcs_uint(buf, leaf.journal_id);
	add_base64(&to, "leaf", line->leaf_text);
	if (leaf.member_id.size > 0)
		add_text(&to, "memberId", leaf.member_id);
	add_base64(&to, "path", tally_bytes(line->path, line->path_count * TALLY_HASH_SIZE));
	add_payload(&to, line);
	if (line->removed) {
		tally_jcs_name(&to, "removed");
		tally_buf_add_str(buf, "true");
	}
	if (line->has_payload)
		add_salt(&to, "salt", line->salt);
	add_text(&to, "type", leaf.payload_type);
	tally_jcs_close(&to);
	tally_buf_add_u8(buf, '\n');
}

/* ---- taking a line apart ---- */

/* A line under way. room is what is left of it: whatever is put there is no longer than the member of
 * the line that it comes from. */
struct reading {
	uint8_t *room;
	struct tally_export_head *head;
	struct tally_export_line *line;
};

static bool take_salt(struct tally_bytes item, uint8_t salt[TALLY_SALT_SIZE])
{
	struct tally_bytes text;

	return tally_canon_plain(item, &text) && tally_hex_decode(text, salt, TALLY_SALT_SIZE);
}

static bool take_path(struct reading *reading, struct tally_bytes item)
{
	struct tally_export_line *line = reading->line;
	struct tally_bytes path;

	if (!tally_canon_take_base64(item, &reading->room, &path) || path.size % TALLY_HASH_SIZE != 0 ||
	    path.size > sizeof(line->path))
		return false;
	line->path_count = path.size / TALLY_HASH_SIZE;
	if (path.size > 0)
		memcpy(line->path, path.data, path.size);
	return true;
}

static bool take_payload(struct reading *reading, struct tally_bytes item, bool base64)
{
	struct tally_export_line *line = reading->line;

	line->has_payload = true;
	return base64 ? tally_canon_take_base64(item, &reading->room, &line->payload) :
			tally_canon_take_text(item, &reading->room, &line->payload);
}

/* What the line says besides is compared as a whole, when the line is written anew. */
static bool take_line_member(struct reading *reading, struct tally_bytes name,
			     struct tally_bytes item)
{
	struct tally_export_line *line = reading->line;

	if (tally_bytes_is(name, "evidence"))
		return tally_canon_take_base64(item, &reading->room, &line->evidence);
	if (tally_bytes_is(name, "evidenceSalt"))
		return take_salt(item, line->evidence_salt);
	if (tally_bytes_is(name, "leaf"))
		return tally_canon_take_base64(item, &reading->room, &line->leaf_text);
	if (tally_bytes_is(name, "path"))
		return take_path(reading, item);
	if (tally_bytes_is(name, "payload"))
		return take_payload(reading, item, false);
	if (tally_bytes_is(name, "payloadBase64"))
		return take_payload(reading, item, true);
	if (tally_bytes_is(name, "removed"))
		return line->removed = tally_bytes_is(item, "true");
	if (tally_bytes_is(name, "salt"))
		return take_salt(item, line->salt);
	return true;
}

static bool take_head_member(struct reading *reading, struct tally_bytes name,
			     struct tally_bytes item)
{
	struct tally_export_head *head = reading->head;

	if (tally_bytes_is(name, "checkpoint"))
		return tally_canon_take_text(item, &reading->room, &head->checkpoint);
	if (tally_bytes_is(name, "from"))
		return tally_canon_uint(item, &head->from);
	if (tally_bytes_is(name, "ledgerId"))
		return tally_canon_take_text(item, &reading->room, &head->ledger_id);
	if (tally_bytes_is(name, "to"))
		return tally_canon_uint(item, &head->to);
	if (tally_bytes_is(name, "verifierKey"))
		return tally_canon_take_text(item, &reading->room, &head->verifier_key);
	return true;
}

static int take_all(struct reading *reading, struct tally_bytes text, struct tally_err *err)
{
	struct tally_bytes name, item;
	size_t at = 0;

	if (text.size > TALLY_EXPORT_LINE_MAX || !tally_canon_valid(text) || text.data[0] != '{')
		return tally_err_set(err, TALLY_INVALID, "it is no canonical JSON object");
	while (tally_canon_next(text, &at, &name, &item) == 1)
		if (!(reading->head != NULL ? take_head_member(reading, name, item) :
					      take_line_member(reading, name, item)))
			return tally_err_set(err, TALLY_INVALID, "%.*s: it is malformed",
					     (int)(name.size < 40 ? name.size : 40),
					     (const char *)name.data);
	return 0;
}

/* Is the line just what would be written of it? */
static int check_form(struct tally_bytes text, struct tally_buf *again, struct tally_err *err)
{
	bool same = again->size == text.size + 1 && memcmp(again->data, text.data, text.size) == 0;

	tally_buf_free(again);
	return same ? 0 : tally_err_set(err, TALLY_INVALID,
					"its members are not those that its content has");
}

/* ---- checking ---- */

static int wrong(struct tally_err *err, const char *member, const char *why)
{
	return tally_err_set(err, TALLY_CORRUPT, "%s: %s", member, why);
}

int tally_export_head_read(struct tally_bytes text, uint8_t *room, struct tally_export_head *head_r,
			   struct tally_err *err)
{
	struct reading reading = { .room = room, .head = head_r };
	struct tally_buf again = { 0 };
	struct tally_bytes format;

	memset(head_r, 0, sizeof(*head_r));
	if (tally_canon_member(text, "format", &format) != 1 ||
	    !tally_canon_is(format, TALLY_BYTES_LIT(TALLY_EXPORT_FORMAT)))
		return tally_err_set(err, TALLY_UNSUPPORTED, "format: this program reads '%s'",
				     TALLY_EXPORT_FORMAT);
	if (take_all(&reading, text, err) != 0)
		return -1;
	tally_export_head_format(head_r, &again);
	if (check_form(text, &again, err) != 0)
		return -1;
	if (!tally_vkey_parse(head_r->verifier_key, &head_r->vkey) ||
	    head_r->vkey.type != NOTE_ED25519)
		return tally_err_set(err, TALLY_INVALID, "verifierKey: it is no key of a log");
	if (tally_checkpoint_check(head_r->checkpoint, &head_r->vkey, 1, &head_r->tree, err) != 0)
		return tally_err_prefix(err, "checkpoint");
	if (!tally_origin_has(head_r->tree.origin, head_r->ledger_id))
		return wrong(err, "ledgerId", "the checkpoint is of another ledger");
	if (head_r->from > head_r->to || head_r->to >= head_r->tree.size)
		return wrong(err, "to", "the checkpoint has no such journals");
	return 0;
}

static int check_payload(const struct tally_export_line *line, struct tally_err *err)
{
	const struct tally_leaf *leaf = &line->leaf;

	if (line->removed && (line->has_payload || !leaf->has_payload))
		return wrong(err, "removed", "the leaf and the line do not say so");
	if (!line->removed && line->has_payload != leaf->has_payload)
		return wrong(err, "payload", "the leaf has one and the line has not, or the reverse");
	if (line->has_payload && !tally_leaf_payload_is(leaf, line->salt, line->payload))
		return wrong(err, "payload", "it is not the leaf's");
	if (!line->removed && (line->evidence.size > 0) != leaf->has_evidence)
		return wrong(err, "evidence", "the leaf has one and the line has not, or the reverse");
	if (line->evidence.size > 0 &&
	    !tally_leaf_evidence_is(leaf, line->evidence_salt, line->evidence))
		return wrong(err, "evidence", "it is not the leaf's");
	return 0;
}

int tally_export_line_read(struct tally_bytes text, const struct tally_export_head *head,
			   uint64_t journal_id, uint8_t *room, struct tally_export_line *line_r,
			   struct tally_err *err)
{
	struct reading reading = { .room = room, .line = line_r };
	struct tally_leaf *leaf = &line_r->leaf;
	struct tally_buf again = { 0 };
	struct tally_hash hash;

	memset(line_r, 0, sizeof(*line_r));
	if (take_all(&reading, text, err) != 0)
		return -1;
	if (!tally_leaf_parse(line_r->leaf_text, leaf))
		return tally_err_set(err, TALLY_INVALID, "leaf: it is none");
	tally_export_line_format(line_r, &again);
	if (check_form(text, &again, err) != 0)
		return -1;
	if (leaf->journal_id != journal_id || !tally_bytes_equal(leaf->ledger_id, head->ledger_id))
		return wrong(err, "leaf", "it is of another journal");
	tally_leaf_hash(line_r->leaf_text, &hash);
	if (!tally_inclusion_verify(journal_id, head->tree.size, &hash, line_r->path,
				    line_r->path_count, &head->tree.root))
		return wrong(err, "path", "it does not lead to the checkpoint's root");
	return check_payload(line_r, err);
}
