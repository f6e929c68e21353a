/* Policies: reading and refusing them, and which notes they let pass. */
#include "policy.h"

#include <stdlib.h>

#include "arena.h"
#include "err.h"
#include "tap.h"
#include "vectors.h"

#define LOG "ledger.example/demo+7b8488d1+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
#define W1 "witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X"

static struct tally_err err;
static struct tally_policy policy;
static struct tally_arena arena;

/* Key number n of a kind, as text. */
static const char *vkey(enum tally_note_type type, unsigned int n)
{
	uint8_t seed[32] = { (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)type, 7 }, public[32];
	char text[TALLY_VKEY_TEXT], name[64];
	struct tally_vkey key;

	tally_ed25519_public(seed, public);
	snprintf(name, sizeof(name), "%s.example/%u", type == NOTE_ED25519 ? "log" : "witness", n);
	tally_vkey_make(&key, tally_bytes_str(name), type, public);
	tally_vkey_format(&key, text);
	return tally_arena_str(&arena, tally_bytes_str(text));
}

static const char *join(const char *text, const char *more)
{
	return tally_arena_printf(&arena, "%s%s", text, more);
}

/* Replaces $Ln and $Wn by keys. */
static const char *fill(const char *text)
{
	char *out = tally_arena_zalloc(&arena, 1 << 17);
	size_t used = 0;

	while (*text != '\0') {
		if (text[0] == '$' && (text[1] == 'L' || text[1] == 'W')) {
			char *end;
			unsigned long n = strtoul(text + 2, &end, 10);

			used += (size_t)sprintf(out + used, "%s",
						vkey(text[1] == 'L' ? NOTE_ED25519 : NOTE_COSIGNATURE,
						     (unsigned int)n));
			text = end;
		} else {
			out[used++] = *text++;
		}
	}
	return out;
}

static int parse(const char *text)
{
	return tally_policy_parse(tally_bytes_str(fill(text)), &policy, &err);
}

static void a_policy_is_read(void)
{
	static const char text[] =
		"# two organisations\n"
		"\n"
		" \t \n"
		"log $L1 https://log.example/\n"
		"\tlog  $L2\t\n"
		"witness X1 $W1 https://x1.example/prefix\n"
		"witness X2\t$W2\n"
		"   # a comment \xff behind spaces\n"
		"witness X3 $W3\n"
		"group X 2 X1 X2 X3\n"
		"witness \xe2\x84\xaa $W4\n"
		"group Y any \xe2\x84\xaa\n"
		"group both all X Y\n"
		"quorum both\n"
		"witness unused $W5\n";

	CHECK_OK(parse(text));
	CHECK_INT(policy.log_count, 2);
	CHECK_INT(policy.witness_count, 5);
	CHECK_INT(policy.group_count, 3);
	CHECK_STR(policy.log_keys[1].name, "log.example/2");
	CHECK_BYTES(policy.log_urls[0], TALLY_BYTES_LIT("https://log.example/"));
	CHECK_INT(policy.log_urls[1].size, 0);
	CHECK_BYTES(policy.witnesses[0].url, TALLY_BYTES_LIT("https://x1.example/prefix"));
	CHECK_BYTES(policy.witnesses[3].name, TALLY_BYTES_LIT("\xe2\x84\xaa"));
	CHECK_INT(policy.witnesses[0].group, 0);
	CHECK_INT(policy.witnesses[4].group, -1);
	CHECK_INT(policy.groups[0].needed, 2);
	CHECK_INT(policy.groups[0].members, 3);
	CHECK_INT(policy.groups[0].group, 2);
	CHECK_INT(policy.groups[2].needed, 2);
	CHECK_INT(policy.quorum, QUORUM_GROUP);
	CHECK_INT(policy.quorum_index, 2);
	CHECK_OK(parse("quorum none\n"));
	CHECK_INT(policy.quorum, QUORUM_NONE);
	CHECK_OK(parse("witness w $W1\nquorum w\n"));
	CHECK_INT(policy.quorum, QUORUM_WITNESS);
}

static void wrong_policies_are_refused(void)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "no line quorum" },
		{ "witness w $W1\n", "no line quorum" },
		{ "quorum none", "line 1: its end is missing" },
		{ "quorum none\n# x", "line 2: its end is missing" },
		{ "quorum none\nquorum none\n", "line 2: there is a quorum already" },
		{ "quorum w\nwitness w $W1\n", "line 1: no witness or group of this name is defined before: w" },
		{ "quorum\n", "line 1: a name is missing" },
		{ "quorum none none\n", "line 1: it has too many words" },
		{ "Quorum none\n", "line 1: a line begins with" },
		{ "quorum none\r\n", "control characters" },
		{ "quorum none\n\v\n", "control characters" },
		{ "quorum none\n\x7f\n", "control characters" },
		{ "log\nquorum none\n", "line 1: a key is missing" },
		{ "log $W1\nquorum none\n", "no Ed25519 verifier key of a log" },
		{ "log ledger.example/demo\nquorum none\n", "no Ed25519 verifier key of a log" },
		{ "log $L1 url more\nquorum none\n", "too many words" },
		{ "log $L1\nlog $L1\nquorum none\n", "line 2: this public key was given already" },
		{ "witness w $L1\nquorum w\n", "no Ed25519 verifier key of a witness" },
		{ "witness w\nquorum w\n", "line 1: a key is missing" },
		{ "witness\nquorum none\n", "line 1: a name is missing" },
		{ "witness none $W1\nquorum none\n", "the name none has a meaning" },
		{ "witness w $W1 u v\nquorum none\n", "too many words" },
		{ "witness a $W1\nwitness a $W2\nquorum a\n", "line 2: this name was defined already: a" },
		{ "witness a $W1\nwitness b $W1\nquorum a\n", "line 2: this public key was given already" },
		{ "witness a $W1\ngroup a any a\nquorum a\n", "line 2: this name was defined already" },
		{ "witness a $W1\ngroup none any a\nquorum a\n", "the name none has a meaning" },
		{ "witness a $W1\ngroup g\nquorum a\n", "how many must sign is missing" },
		{ "witness a $W1\ngroup g any\nquorum a\n", "at least one member" },
		{ "witness a $W1\ngroup g 0 a\nquorum a\n", "from 1 to that of the members, not: 0" },
		{ "witness a $W1\ngroup g 2 a\nquorum a\n", "not: 2" },
		{ "witness a $W1\ngroup g 01 a\nquorum a\n", "not: 01" },
		{ "witness a $W1\ngroup g +1 a\nquorum a\n", "not: +1" },
		{ "witness a $W1\ngroup g most a\nquorum a\n", "not: most" },
		{ "witness a $W1\ngroup g any a a\nquorum a\n", "a member of one group only, and once: a" },
		{ "witness a $W1\ngroup g any a\ngroup h any a\nquorum g\n", "line 3: a name is a member of one" },
		{ "witness a $W1\ngroup g any g\nquorum g\n", "line 2: no witness or group of this name" },
		{ "witness a $W1\ngroup g any none\nquorum g\n", "line 2: no witness or group of this name" },
		{ "witness a $W1\ngroup g any b\nwitness b $W2\nquorum g\n", "line 2: no witness or group" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CASE("%s", cases[i].text);
		CHECK_FAILS(parse(cases[i].text), TALLY_INVALID);
		if (strstr(err.text, cases[i].says) == NULL)
			FAIL("it says '%s', not '%s'", err.text, cases[i].says);
	}
	CASE("a NUL");
	CHECK_FAILS(tally_policy_parse(TALLY_BYTES_LIT("quorum none\n\0\n"), &policy, &err),
		    TALLY_INVALID);
	CASE("a type of key that we do not know (ML-DSA-44)");
	CHECK_FAILS(parse("witness w w.example+01020304+BgAAAA==\nquorum w\n"), TALLY_INVALID);
}

/* n lines of each kind, all witnesses in groups of one, those in one group. */
static const char *policy_of(unsigned int logs, unsigned int witnesses, unsigned int groups)
{
	const char *text = "";

	for (unsigned int i = 0; i < logs; i++)
		text = join(text, tally_arena_printf(&arena, "log $L%u\n", i));
	for (unsigned int i = 0; i < witnesses; i++)
		text = join(text, tally_arena_printf(&arena, "witness w%u $W%u\n", i, i));
	for (unsigned int i = 0; i < groups; i++)
		text = join(text, tally_arena_printf(&arena, "group g%u any w%u\n", i, i));
	return join(text, "quorum none\n");
}

static void there_is_room_for_64_of_each(void)
{
	static const unsigned int counts[] = { 32, 64, 65 };

	for (size_t i = 0; i < 3; i++) {
		unsigned int n = counts[i];
		int want = n <= 64 ? 0 : -1;

		CASE("%u", n);
		CHECK_INT(parse(policy_of(n, 64, 64)), want);
		CHECK_INT(parse(policy_of(1, n, 0)), want);
		CHECK_INT(parse(policy_of(1, 64, n)), n <= 64 ? 0 : -1);
		tally_arena_reset(&arena);
	}
}

/* Every subset of the witnesses of a policy, against a rule written out by hand. */
static bool by_hand(const bool *s)
{
	bool x = s[0] + s[1] + s[2] >= 2, y = s[3] || s[4];

	return x && y && s[5];
}

static void quorums_are_counted(void)
{
	static const char text[] = "witness a $W1\nwitness b $W2\nwitness c $W3\nwitness d $W4\n"
				   "witness e $W5\nwitness f $W6\ngroup X 2 a b c\ngroup Y any d e\n"
				   "group all all X f Y\nquorum all\n";
	bool s[TALLY_POLICY_WITNESSES] = { 0 };

	REQUIRE(parse(text) == 0);
	for (unsigned int set = 0; set < 64; set++) {
		CASE("set %02x", set);
		for (unsigned int i = 0; i < 6; i++)
			s[i] = set >> i & 1;
		CHECK_INT(tally_policy_quorum(&policy, s), by_hand(s));
	}
	REQUIRE(parse("witness a $W1\nwitness b $W2\nquorum b\n") == 0);
	for (unsigned int set = 0; set < 4; set++) {
		s[0] = set & 1;
		s[1] = set >> 1;
		CHECK_INT(tally_policy_quorum(&policy, s), s[1]);
	}
	REQUIRE(parse("witness a $W1\nquorum none\n") == 0);
	s[0] = false;
	CHECK(tally_policy_quorum(&policy, s));
}

static bool check(const char *text, struct tally_bytes bytes, struct tally_policy_found *found)
{
	struct tally_checkpoint checkpoint;
	struct tally_note note;

	return parse(text) == 0 && tally_note_parse(bytes, &note) &&
	       tally_checkpoint_parse(note.text, &checkpoint) &&
	       tally_policy_check(&policy, &note, &checkpoint, found);
}

static void the_vector_meets_its_policy(void)
{
	struct json_object *vectors = vectors_load("transparency-log-vectors.json");
	struct tally_bytes both = vectors_bytes(vectors, "cosigned_checkpoint");
	struct tally_bytes alone = vectors_bytes(vectors, "checkpoint");
	struct tally_policy_found found;
	uint8_t bad[1024];

	CHECK(check("log " LOG "\nwitness w " W1 "\nquorum w\n", both, &found));
	CHECK(found.log == 0 && found.quorum && found.witness_count == 1);
	CHECK_INT(found.times[0], 1700000000);
	CASE("without its cosignature");
	CHECK(check("log " LOG "\nwitness w " W1 "\nquorum w\n", alone, &found));
	CHECK(found.log == 0 && !found.quorum && found.witness_count == 0);
	CHECK(check("log " LOG "\nwitness w " W1 "\nquorum none\n", alone, &found));
	CHECK(found.log == 0 && found.quorum);
	CASE("another log");
	CHECK(check("log $L1\nwitness w " W1 "\nquorum w\n", both, &found));
	CHECK(found.log == -1 && found.quorum);
	CASE("a second log, and a witness that did not sign");
	CHECK(check("log $L1\nlog " LOG "\nwitness v $W1\nwitness w " W1 "\ngroup g all v w\nquorum g\n",
		    both, &found));
	CHECK(found.log == 1 && !found.quorum && found.witness_count == 1 && found.signed_by[1]);
	CASE("the cosignature does not verify");
	memcpy(bad, both.data, both.size);
	bad[both.size - 10] ^= 1;
	CHECK(!check("log " LOG "\nwitness w " W1 "\nquorum none\n", tally_bytes(bad, both.size), &found));
	CHECK(check("log " LOG "\nquorum none\n", tally_bytes(bad, both.size), &found));
	json_object_put(vectors);
}

/* The same key under another name: the log's name must be the origin. */
static void the_origin_must_be_the_logs(void)
{
	struct tally_policy_found found;
	uint8_t seed[32] = { 1 }, public[32];
	char text[TALLY_VKEY_TEXT], note[1024];
	struct tally_vkey key;
	struct tally_hash root = { { 0 } };
	size_t size;

	tally_ed25519_public(seed, public);
	tally_vkey_make(&key, TALLY_BYTES_LIT("a.example"), NOTE_ED25519, public);
	tally_vkey_format(&key, text);
	size = tally_checkpoint_format(TALLY_BYTES_LIT("b.example"), 1, &root, note);
	tally_note_sign(&key, seed, tally_bytes(note, size), note + size + 1);
	note[size] = '\n';
	CHECK(check(join(join("log ", text), "\nquorum none\n"), tally_bytes_str(note), &found));
	CHECK_INT(found.log, -1);
}

int main(void)
{
	TEST(a_policy_is_read);
	TEST(wrong_policies_are_refused);
	TEST(there_is_room_for_64_of_each);
	TEST(quorums_are_counted);
	TEST(the_vector_meets_its_policy);
	TEST(the_origin_must_be_the_logs);
	tally_arena_free(&arena);
	return tap_done();
}
