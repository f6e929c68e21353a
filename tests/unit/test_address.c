/* Addresses and networks: what is one, what lies in one, and one text for each. */
#include "config.h"

#include "address.h"
#include "tap.h"

static void formats_one_text(void)
{
	static const struct {
		const char *text, *want;	/* NULL: it is none */
	} cases[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "192.0.2.1/32", "192.0.2.1" },
		{ "192.0.2.77/24", "192.0.2.0/24" },
		{ "10.255.255.255/9", "10.128.0.0/9" },
		{ "0.0.0.0/0", "0.0.0.0/0" },
		{ "203.0.113.9/0", "0.0.0.0/0" },
		{ "2001:DB8::1", "2001:db8::1" },
		{ "2001:db8:0:0::7/64", "2001:db8::/64" },
		{ "2001:db8:ffff::/33", "2001:db8:8000::/33" },
		{ "::/0", "::/0" },
		{ "::ffff:10.1.2.3/104", "10.0.0.0/8" },
		{ "", NULL }, { "/", NULL }, { "/8", NULL }, { "10.0.0.0/", NULL },
		{ "10.0.0.0/33", NULL }, { "10.0.0.0/-1", NULL }, { "10.0.0.0/08", NULL },
		{ "::/129", NULL }, { "10.0.0", NULL }, { "10.0.0.256", NULL },
		{ "10.0.0.1:80", NULL }, { "[::1]", NULL }, { "::1%lo", NULL },
		{ "localhost", NULL }, { " 10.0.0.1", NULL }, { "10.0.0.1 ", NULL },
		{ "0000:0000:0000:0000:0000:0000:0000:0000:0000:0001", NULL },
	};
	struct tally_network network;
	char text[TALLY_NETWORK_TEXT];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bool good = tally_network_parse(tally_bytes_str(cases[i].text), &network);

		CASE("'%s'", cases[i].text);
		CHECK_INT(good, cases[i].want != NULL);
		if (!good)
			continue;
		tally_network_cut(&network);
		tally_network_format(&network, text);
		CHECK_STR(text, cases[i].want);
	}
	CHECK(!tally_network_parse(tally_bytes("10.0.0.1\0", 9), &network));
}

static void knows_what_lies_in_it(void)
{
	static const struct {
		const char *network, *address;
		bool has;
	} cases[] = {
		{ "10.0.0.0/8", "10.255.0.1", true }, { "10.0.0.0/8", "11.0.0.0", false },
		{ "192.0.2.128/25", "192.0.2.127", false }, { "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.2", false }, { "0.0.0.0/0", "203.0.113.9", true },
		{ "0.0.0.0/0", "::1", false }, { "::/0", "2001:db8::1", true },
		{ "::/0", "203.0.113.9", false }, { "::/0", "::ffff:203.0.113.9", false },
		{ "10.0.0.0/8", "::ffff:10.0.0.1", true }, { "2001:db8::/33", "2001:db8:8000::", false },
		{ "::/95", "10.0.0.1", false },
	};
	uint8_t address[TALLY_ADDRESS_SIZE];
	struct tally_network network;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CASE("%s in %s", cases[i].address, cases[i].network);
		REQUIRE(tally_network_parse(tally_bytes_str(cases[i].network), &network) &&
			tally_address_parse(tally_bytes_str(cases[i].address), address));
		CHECK_INT(tally_network_has(&network, address), cases[i].has);
	}
}

static void knows_this_host(void)
{
	static const struct {
		const char *address;
		bool loopback;
	} cases[] = { { "127.0.0.1", true }, { "127.255.0.9", true }, { "::1", true },
		      { "::ffff:127.0.0.1", true }, { "128.0.0.1", false }, { "::", false },
		      { "::2", false }, { "10.0.0.1", false } };
	uint8_t address[TALLY_ADDRESS_SIZE];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CASE("%s", cases[i].address);
		REQUIRE(tally_address_parse(tally_bytes_str(cases[i].address), address));
		CHECK_INT(tally_address_is_loopback(address), cases[i].loopback);
	}
}

int main(void)
{
	TEST(formats_one_text);
	TEST(knows_what_lies_in_it);
	TEST(knows_this_host);
	return tap_done();
}
