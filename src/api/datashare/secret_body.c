/* Taking the private key out of a body; see secret_body.h. */
#include "secret_body.h"

#include "arena.h"
#include "buf.h"
#include "jsonscan.h"
#include "member_key.h"
#include "secret.h"

size_t tally_pem_unfold(char *text, size_t size)
{
	size_t to = 0;

	for (size_t i = 0; i < size; i++) {
		if (text[i] == '\\' && i + 1 < size && (text[i + 1] == 'n' || text[i + 1] == 'r'))
			text[to++] = text[++i] == 'n' ? '\n' : '\r';
		else
			text[to++] = text[i];
	}
	return to;
}

/* The bytes are in the arena of the request, which only the request itself reads. */
static void overwrite(struct tally_bytes bytes)
{
	tally_wipe((uint8_t *)bytes.data, bytes.size);
	memset((uint8_t *)bytes.data, ' ', bytes.size);
}

static bool take_private(struct tally_secret_body *taken, struct tally_bytes value, bool is_text)
{
	struct tally_bytes raw = is_text ? tally_bytes(value.data + 1, value.size - 2) : value;
	bool first = !taken->private_given;

	taken->private_given = true;
	if (first && is_text && raw.size <= TALLY_MEMBER_PEM_MAX) {
		taken->private_pem = tally_secret_alloc(raw.size + 1);
		taken->private_text = tally_jsonscan_text(raw, (uint8_t *)taken->private_pem,
							  &taken->private_size);
		if (!taken->private_text)
			taken->private_size = 0;
		taken->private_size = tally_pem_unfold(taken->private_pem, taken->private_size);
		taken->private_pem[taken->private_size] = '\0';
	}
	overwrite(raw);
	return first;
}

/* Base64 has no escapes but of a slash. */
static bool take_bulk(struct tally_secret_body *taken, const char *name, struct tally_bytes value,
		      struct tally_arena *arena)
{
	struct tally_bytes raw = tally_bytes(value.data + 1, value.size - 2);
	struct tally_bytes text = raw;

	for (size_t i = 0; i < taken->bulk_count; i++)
		if (tally_bytes_is(taken->bulk_names[i], name))
			return false;
	if (raw.size > 0 && memchr(raw.data, '\\', raw.size) != NULL) {
		uint8_t *data = tally_arena_alloc(arena, raw.size);

		if (!tally_jsonscan_text(raw, data, &text.size))
			return false;
		text.data = data;
	}
	taken->bulk_names[taken->bulk_count] = tally_bytes_str(name);
	taken->bulk[taken->bulk_count++] = text;
	return true;
}

static const char *bulk_name(const char *const *bulk, struct tally_bytes raw)
{
	for (size_t i = 0; bulk[i] != NULL && i < SECRET_BODY_BULK; i++)
		if (tally_jsonscan_is(raw, bulk[i]))
			return bulk[i];
	return NULL;
}

static bool is_null(struct tally_bytes value)
{
	return tally_bytes_is(value, "null");
}

static void keep(struct tally_buf *rest, const struct tally_jsonscan_member *member)
{
	tally_buf_add_str(rest, rest->size == 1 ? "\"" : ",\"");
	tally_buf_add_bytes(rest, member->name);
	tally_buf_add_str(rest, "\":");
	tally_buf_add_bytes(rest, member->value);
}

bool tally_secret_body_take(struct tally_bytes body, const char *const *bulk,
			    struct tally_arena *arena, struct tally_secret_body *taken_r)
{
	struct tally_jsonscan_member member;
	struct tally_jsonscan scan;
	struct tally_buf rest = { 0 };
	bool good = true;
	int more;

	*taken_r = (struct tally_secret_body){ 0 };
	tally_buf_reserve(&rest, body.size < 65536 ? body.size + 2 : 65536);
	tally_buf_add_u8(&rest, '{');
	tally_jsonscan_begin(&scan, body);
	while ((more = tally_jsonscan_next(&scan, &member)) == 1) {
		bool is_text = tally_jsonscan_is_text(&member);
		const char *name = bulk_name(bulk, member.name);

		if (tally_jsonscan_is(member.name, "sk"))
			good = take_private(taken_r, member.value, is_text) && good;
		else if (name != NULL && !is_null(member.value))
			good = is_text && take_bulk(taken_r, name, member.value, arena) && good;
		else if (name == NULL)
			keep(&rest, &member);
	}
	tally_buf_add_u8(&rest, '}');
	taken_r->rest = tally_arena_bytes(arena, tally_buf_bytes(&rest));
	tally_buf_free(&rest);
	return good && more == 0;
}

void tally_secret_body_free(struct tally_secret_body *taken)
{
	if (taken->private_pem != NULL)
		tally_secret_free(taken->private_pem);
	taken->private_pem = NULL;
}
