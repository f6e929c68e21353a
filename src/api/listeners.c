/* Private listeners (listeners.h). */
#include "config.h"

#include "listeners.h"

#include <string.h>

#include "address.h"
#include "arena.h"
#include "core.h"
#include "err.h"
#include "request.h"

static int wrong(struct tally_bytes word, const char *why, struct tally_err *err)
{
	return tally_err_about(err, TALLY_INVALID, "access.listeners", "access.listeners: '%.*s' %s",
			       word.size < 200 ? (int)word.size : 200, (const char *)word.data, why);
}

static bool is_address(struct tally_bytes text)
{
	uint8_t address[TALLY_ADDRESS_SIZE];
	bool v6 = text.size > 2 && text.data[0] == '[' && text.data[text.size - 1] == ']';

	if (v6)
		text = tally_bytes(text.data + 1, text.size - 2);
	return tally_address_parse(text, address) &&
	       (memchr(text.data, ':', text.size) != NULL) == v6;
}

static int parse_one(struct tally_bytes word, struct tally_arena *arena,
		     struct tally_listener *listener_r, struct tally_err *err)
{
	const uint8_t *equals = memchr(word.data, '=', word.size);
	const uint8_t *colon = memrchr(word.data, ':', word.size);
	struct tally_bytes name, address;
	uint64_t port;

	if (equals == NULL || colon == NULL || colon < equals)
		return wrong(word, "is not NAME=ADDRESS:PORT", err);
	name = tally_bytes(word.data, (size_t)(equals - word.data));
	address = tally_bytes(equals + 1, (size_t)(colon - equals) - 1);
	if (!tally_listener_valid(name))
		return wrong(word, "has no name of the form VPC/VSWITCH, each of 1 to 64 letters, "
			     "digits, . _ -", err);
	if (!is_address(address))
		return wrong(word, "has no address (IPv6 in brackets)", err);
	if (!tally_parse_u64(tally_bytes(colon + 1, word.size - (size_t)(colon + 1 - word.data)),
			     65535, &port) || port == 0)
		return wrong(word, "has no port from 1 to 65535", err);
	*listener_r = (struct tally_listener){ tally_arena_str(arena, name),
					       tally_arena_str(arena, address),
					       (unsigned int)port };
	return 0;
}

int tally_listeners_parse(const char *text, struct tally_arena *arena,
			  struct tally_listener **listeners_r, size_t *count_r,
			  struct tally_err *err)
{
	size_t most = text != NULL ? strlen(text) / 2 + 1 : 1, count = 0;
	struct tally_listener *list = tally_arena_array(arena, struct tally_listener, most);
	struct tally_bytes word;

	for (const char *at = text != NULL ? text : ""; at += strspn(at, " \t"), *at != '\0';
	     at += word.size) {
		word = tally_bytes(at, strcspn(at, " \t"));
		if (parse_one(word, arena, &list[count], err) != 0)
			return -1;
		if (tally_listener_find(list, count, tally_bytes_str(list[count].name)) != NULL)
			return wrong(word, "has a name that another one has", err);
		count++;
	}
	*listeners_r = list;
	*count_r = count;
	return 0;
}

const struct tally_listener *tally_listener_find(const struct tally_listener *listeners,
						 size_t count, struct tally_bytes name)
{
	for (size_t i = 0; i < count; i++)
		if (tally_bytes_is(name, listeners[i].name))
			return &listeners[i];
	return NULL;
}

/*
 * A client at this host's own address is on it only if it is the one that asks: what came through a proxy
 * here may come from anywhere.
 */
void tally_reach_of(const struct tally_request *request, struct tally_reach *reach_r)
{
	struct tally_bytes client = request->client;
	bool is_unix = client.size == 0 || (client.size >= 5 && memcmp(client.data, "unix:", 5) == 0);

	*reach_r = (struct tally_reach){ .listener = request->listener };
	reach_r->has_address = tally_address_parse(client, reach_r->address);
	reach_r->this_host = (reach_r->has_address ? tally_address_is_loopback(reach_r->address) : is_unix) &&
			     tally_request_header(request, "x-forwarded-for", NULL).size == 0;
}
