/* Addresses and networks (address.h). */
#include "address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

static bool is_v4(const uint8_t address[TALLY_ADDRESS_SIZE])
{
	return memcmp(address, mapped, sizeof(mapped)) == 0;
}

bool tally_address_parse(struct tally_bytes text, uint8_t address_r[TALLY_ADDRESS_SIZE])
{
	char copy[INET6_ADDRSTRLEN + 1];

	if (text.size == 0 || text.size >= sizeof(copy) ||
	    memchr(text.data, '\0', text.size) != NULL)
		return false;
	memcpy(copy, text.data, text.size);
	copy[text.size] = '\0';
	if (inet_pton(AF_INET, copy, address_r + sizeof(mapped)) == 1) {
		memcpy(address_r, mapped, sizeof(mapped));
		return true;
	}
	return inet_pton(AF_INET6, copy, address_r) == 1;
}

bool tally_address_is_loopback(const uint8_t address[TALLY_ADDRESS_SIZE])
{
	static const uint8_t own[TALLY_ADDRESS_SIZE] = { [15] = 1 };

	return memcmp(address, own, sizeof(own)) == 0 ||
	       (is_v4(address) && address[sizeof(mapped)] == 127);
}

bool tally_network_parse(struct tally_bytes text, struct tally_network *network_r)
{
	const uint8_t *slash = text.size > 0 ? memchr(text.data, '/', text.size) : NULL;
	struct tally_bytes rest;
	uint64_t bits;
	bool v4;

	network_r->bits = 128;
	if (slash == NULL)
		return tally_address_parse(text, network_r->address);
	rest = tally_bytes(slash + 1, (size_t)(text.data + text.size - slash) - 1);
	text.size = (size_t)(slash - text.data);
	if (!tally_address_parse(text, network_r->address))
		return false;
	v4 = memchr(text.data, ':', text.size) == NULL;
	if (!tally_parse_u64(rest, v4 ? 32 : 128, &bits))
		return false;
	network_r->bits = (unsigned int)bits + (v4 ? 96 : 0);
	return true;
}

void tally_network_cut(struct tally_network *network)
{
	unsigned int whole = network->bits / 8, rest = network->bits % 8;

	if (rest != 0) {
		network->address[whole] &= (uint8_t)(0xff << (8 - rest));
		whole++;
	}
	memset(network->address + whole, 0, TALLY_ADDRESS_SIZE - whole);
}

bool tally_network_has(const struct tally_network *network,
		       const uint8_t address[TALLY_ADDRESS_SIZE])
{
	unsigned int whole = network->bits / 8, rest = network->bits % 8;

	if (network->bits < 96 && is_v4(address))
		return false;
	if (memcmp(network->address, address, whole) != 0)
		return false;
	return rest == 0 || (network->address[whole] ^ address[whole]) >> (8 - rest) == 0;
}

void tally_network_format(const struct tally_network *network, char text[TALLY_NETWORK_TEXT])
{
	bool v4 = network->bits >= 96 && is_v4(network->address);
	char address[INET6_ADDRSTRLEN];

	inet_ntop(v4 ? AF_INET : AF_INET6, network->address + (v4 ? sizeof(mapped) : 0), address,
		  sizeof(address));
	if (network->bits == 128)
		snprintf(text, TALLY_NETWORK_TEXT, "%s", address);
	else
		snprintf(text, TALLY_NETWORK_TEXT, "%s/%u", address,
			 network->bits - (v4 ? 96 : 0));
}
