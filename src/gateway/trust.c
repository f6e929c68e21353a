/* Trusted proxies (trust.h). */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "err.h"
#include "trust.h"

/* An address, or one as proxies write it: "[2001:db8::1]:443", "192.0.2.1:80". */
static bool parse_address(struct tally_bytes text, uint8_t address[TALLY_ADDRESS_SIZE])
{
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
	return tally_address_parse(text, address);
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
		if (!tally_network_parse(word, &network)) {
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

bool tally_trusted(const struct tally_trust *trust, struct tally_bytes address)
{
	uint8_t bytes[TALLY_ADDRESS_SIZE];

	if (address.size == 0 ||
	    (address.size >= 5 && memcmp(address.data, "unix:", 5) == 0))
		return trust->any_unix;
	if (!parse_address(address, bytes))
		return false;
	for (size_t i = 0; i < trust->count; i++)
		if (tally_network_has(&trust->networks[i], bytes))
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
	uint8_t bytes[TALLY_ADDRESS_SIZE];

	while (tally_trusted(trust, peer) && forwarded.size > 0) {
		struct tally_bytes before = last_of(&forwarded);

		if (!parse_address(before, bytes))
			break;
		peer = before;
	}
	return peer;
}
