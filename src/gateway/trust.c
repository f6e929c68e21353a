/* Trusted proxies (trust.h). */
#include "config.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "err.h"
#include "trust.h"

/* "192.0.2.1", "2001:db8::1", "[2001:db8::1]:443", "192.0.2.1:80" into 16 bytes. */
static bool parse_address(struct tally_bytes text, uint8_t address[16], bool *v4_r)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	char copy[INET6_ADDRSTRLEN + 1];
	const uint8_t *end;

	if (text.size > 0 && text.data[0] == '[') {
		end = memchr(text.data, ']', text.size);
		if (end == NULL)
			return false;
		text = tally_bytes(text.data + 1, (size_t)(end - text.data) - 1);
	} else {
		end = text.size > 0 ? memchr(text.data, ':', text.size) : NULL;
		if (end != NULL && memchr(text.data, '.', (size_t)(end - text.data)) != NULL)
			text.size = (size_t)(end - text.data);
	}
	if (text.size == 0 || text.size >= sizeof copy)
		return false;
	memcpy(copy, text.data, text.size);
	copy[text.size] = '\0';
	*v4_r = inet_pton(AF_INET, copy, address + 12) == 1;
	if (*v4_r) {
		memcpy(address, mapped, sizeof mapped);
		return true;
	}
	return inet_pton(AF_INET6, copy, address) == 1;
}

static bool parse_network(struct tally_bytes text, struct tally_network *network_r)
{
	const uint8_t *slash = memchr(text.data, '/', text.size);
	uint64_t bits;
	bool v4;
	struct tally_bytes rest;

	if (slash == NULL) {
		network_r->bits = 128;
		return parse_address(text, network_r->address, &v4);
	}
	rest = tally_bytes(slash + 1, (size_t)(text.data + text.size - slash) - 1);
	text.size = (size_t)(slash - text.data);
	if (!parse_address(text, network_r->address, &v4) ||
	    !tally_parse_u64(rest, v4 ? 32 : 128, &bits))
		return false;
	network_r->bits = (unsigned int)bits + (v4 ? 96 : 0);
	return true;
}

int tally_trust_parse(const char *text, struct tally_trust *trust_r, struct tally_err *err)
{
	struct tally_bytes word;

	*trust_r = (struct tally_trust){ 0 };
	for (const char *at = text != NULL ? text : ""; at += strspn(at, " ,\t"), *at != '\0';
	     at += word.size) {
		struct tally_network network;

		word = tally_bytes(at, strcspn(at, " ,\t"));
		if (tally_bytes_is(word, "unix")) {
			trust_r->any_unix = true;
			continue;
		}
		if (!parse_network(word, &network)) {
			tally_trust_free(trust_r);
			return tally_err_about(err, TALLY_INVALID, "api.trusted_proxies",
					       "api.trusted_proxies: '%.*s' is no address or network",
					       (int)word.size, at);
		}
		trust_r->networks = tally_realloc(trust_r->networks, (trust_r->count + 1) *
						  sizeof *trust_r->networks);
		trust_r->networks[trust_r->count++] = network;
	}
	return 0;
}

void tally_trust_free(struct tally_trust *trust)
{
	free(trust->networks);
	*trust = (struct tally_trust){ 0 };
}

static bool in_network(const struct tally_network *network, const uint8_t address[16])
{
	unsigned int whole = network->bits / 8, rest = network->bits % 8;

	if (memcmp(network->address, address, whole) != 0)
		return false;
	return rest == 0 || (network->address[whole] ^ address[whole]) >> (8 - rest) == 0;
}

bool tally_trusted(const struct tally_trust *trust, struct tally_bytes address)
{
	uint8_t bytes[16];
	bool v4;

	if (address.size == 0 ||
	    (address.size >= 5 && memcmp(address.data, "unix:", 5) == 0))
		return trust->any_unix;
	if (!parse_address(address, bytes, &v4))
		return false;
	for (size_t i = 0; i < trust->count; i++)
		if (in_network(&trust->networks[i], bytes))
			return true;
	return false;
}

static struct tally_bytes trim(struct tally_bytes text)
{
	while (text.size > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
		text.data++;
		text.size--;
	}
	while (text.size > 0 && (text.data[text.size - 1] == ' ' ||
				 text.data[text.size - 1] == '\t'))
		text.size--;
	return text;
}

/* Cuts the last element of a comma-separated list off. */
static struct tally_bytes last_of(struct tally_bytes *list)
{
	const uint8_t *comma = list->size > 0 ? memrchr(list->data, ',', list->size) : NULL;
	struct tally_bytes last;

	if (comma == NULL) {
		last = *list;
		list->size = 0;
	} else {
		last = tally_bytes(comma + 1, (size_t)(list->data + list->size - comma) - 1);
		list->size = (size_t)(comma - list->data);
	}
	return trim(last);
}

struct tally_bytes tally_trust_client(const struct tally_trust *trust, struct tally_bytes peer,
				      struct tally_bytes forwarded)
{
	uint8_t bytes[16];
	bool v4;

	while (tally_trusted(trust, peer) && forwarded.size > 0) {
		struct tally_bytes before = last_of(&forwarded);

		if (!parse_address(before, bytes, &v4))
			break;
		peer = before;
	}
	return peer;
}
