/*
 * Lists of networks from outside. One that is read has one text, which reads as the same list; each network
 * of it has its own first address, and is cut.
 */
#include "access.h"
#include "fuzz.h"

static void check_network(const struct tally_network *network)
{
	struct tally_network cut = *network, again;
	char text[TALLY_NETWORK_TEXT];

	PROMISE(network->bits <= 128);
	tally_network_cut(&cut);
	PROMISE(memcmp(cut.address, network->address, TALLY_ADDRESS_SIZE) == 0);
	PROMISE(tally_network_has(network, network->address) || network->bits < 96);
	tally_network_format(network, text);
	PROMISE(tally_network_parse(tally_bytes_str(text), &again));
	PROMISE(again.bits == network->bits &&
		memcmp(again.address, network->address, TALLY_ADDRESS_SIZE) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[TALLY_IP_LIST_TEXT], second[TALLY_IP_LIST_TEXT];
	static struct tally_ip_list list, again;
	struct tally_err err = { 0 };
	size_t length;

	if (tally_ip_list_parse(tally_bytes(data, size), &list, &err) != 0) {
		PROMISE(err.code == TALLY_INVALID && strcmp(err.subject, "IpList") == 0);
		return 0;
	}
	PROMISE(list.count >= 1 && list.count <= TALLY_IP_LIST_MAX);
	for (size_t i = 0; i < list.count; i++)
		check_network(&list.networks[i]);
	length = tally_ip_list_format(&list, text);
	PROMISE(tally_ip_list_parse(tally_bytes(text, length), &again, &err) == 0);
	PROMISE(again.count == list.count);
	PROMISE(tally_ip_list_format(&again, second) == length && memcmp(text, second, length) == 0);
	PROMISE(tally_ip_list_is_everybody(&list) == tally_ip_list_is_everybody(&again));
	return 0;
}
