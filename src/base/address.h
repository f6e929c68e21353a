/* Internet addresses and networks. An IPv4 address is kept as IPv4-mapped IPv6 (RFC 4291 2.5.5.2). */
#ifndef TALLY_ADDRESS_H
#define TALLY_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"

#define TALLY_ADDRESS_SIZE 16
#define TALLY_NETWORK_TEXT 56		/* the longest text of a network, with its NUL */

/* The first `bits` of address; one of IPv4 has at least 96. */
struct tally_network {
	uint8_t address[TALLY_ADDRESS_SIZE];
	unsigned int bits;
};

/* "192.0.2.1" or "2001:db8::1", and nothing beside it. */
bool tally_address_parse(struct tally_bytes text, uint8_t address_r[TALLY_ADDRESS_SIZE]);
/* 127.0.0.0/8 and ::1. */
bool tally_address_is_loopback(const uint8_t address[TALLY_ADDRESS_SIZE]);

/* An address, or one with the number of its leading bits behind a slash ("10.0.0.0/8"). */
bool tally_network_parse(struct tally_bytes text, struct tally_network *network_r);
/* Bits behind the network's own become zero: two texts of one network are then the same bytes. */
void tally_network_cut(struct tally_network *network);
/* A network of IPv6, ::/0 too, has no address of IPv4. */
bool tally_network_has(const struct tally_network *network,
		       const uint8_t address[TALLY_ADDRESS_SIZE]);
void tally_network_format(const struct tally_network *network, char text[TALLY_NETWORK_TEXT]);

#endif
