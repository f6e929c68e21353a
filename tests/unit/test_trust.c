/* Who is the client: trusted proxies and X-Forwarded-For. */
#include "config.h"

#include "err.h"
#include "tap.h"
#include "trust.h"

static void parses_networks(void)
{
	static const struct {
		const char *list, *address;
		bool trusted;
	} cases[] = {
		{ "127.0.0.1", "127.0.0.1", true },
		{ "127.0.0.1", "127.0.0.2", false },
		{ "10.0.0.0/8", "10.255.1.2", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "192.0.2.128/25", "192.0.2.127", false },
		{ "192.0.2.128/25", "192.0.2.200", true },
		{ "0.0.0.0/0", "203.0.113.9", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "::1", "::1", true },
		{ "2001:db8::/33", "2001:db8:7fff::1", true },
		{ "2001:db8::/33", "2001:db8:8000::1", false },
		{ "127.0.0.1", "::ffff:127.0.0.1", true },
		{ " 10.0.0.1,\t10.0.0.2 ", "10.0.0.2", true },
		{ "", "127.0.0.1", false },
		{ "unix", "unix:", true },
		{ "unix", "", true },
		{ "unix", "127.0.0.1", false },
		{ "127.0.0.1", "unix:", false },
		{ "127.0.0.1", "127.0.0.1x", false },
	};
	struct tally_trust trust;
	struct tally_err err;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		CASE("'%s' for %s", cases[i].list, cases[i].address);
		CHECK_OK(tally_trust_parse(cases[i].list, &trust, &err));
		CHECK_INT(tally_trusted(&trust, tally_bytes_str(cases[i].address)),
			  cases[i].trusted);
		tally_trust_free(&trust);
	}
}

static void refuses_what_is_no_network(void)
{
	static const char *const wrong[] = { "localhost", "10.0.0.0/33", "10.0.0/8", "::1/129",
					     "10.0.0.1 nonsense", "10.0.0.0/", "/8", "10.0.0.0/-1" };
	struct tally_trust trust;
	struct tally_err err;

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		CASE("%s", wrong[i]);
		CHECK_FAILS(tally_trust_parse(wrong[i], &trust, &err), TALLY_INVALID);
	}
}

static void finds_the_client(void)
{
	static const struct {
		const char *peer, *forwarded, *client;
	} cases[] = {
		{ "203.0.113.5", "198.51.100.1", "203.0.113.5" },	/* not trusted: no say */
		{ "127.0.0.1", "", "127.0.0.1" },
		{ "127.0.0.1", "198.51.100.1", "198.51.100.1" },
		{ "127.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1" },	/* the left is forged */
		{ "127.0.0.1", "198.51.100.1, 10.1.1.1", "198.51.100.1" },
		{ "127.0.0.1", "10.2.2.2, 10.1.1.1", "10.2.2.2" },
		{ "127.0.0.1", "198.51.100.1, garbage", "127.0.0.1" },
		{ "127.0.0.1", "198.51.100.1, garbage, 10.1.1.1", "10.1.1.1" },
		{ "127.0.0.1", "2001:db8::7", "2001:db8::7" },
		{ "127.0.0.1", ",", "127.0.0.1" },
	};
	struct tally_trust trust;
	struct tally_err err;

	CHECK_OK(tally_trust_parse("127.0.0.1 10.0.0.0/8", &trust, &err));
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		CASE("%s for '%s'", cases[i].peer, cases[i].forwarded);
		CHECK_BYTES(tally_trust_client(&trust, tally_bytes_str(cases[i].peer),
					       tally_bytes_str(cases[i].forwarded)),
			    tally_bytes_str(cases[i].client));
	}
	tally_trust_free(&trust);
}

int main(void)
{
	TEST(parses_networks);
	TEST(refuses_what_is_no_network);
	TEST(finds_the_client);
	return tap_done();
}
