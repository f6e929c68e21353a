/*
 * Token buckets (throttle.h). A bucket is one number, the time at which it will be full again: each
 * request moves that on by the time in which one token comes (the generic cell rate algorithm). One that
 * is full is as good as none, so it is forgotten. The table is made as that of nonces is.
 */
#include "throttle.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

#include "action.h"
#include "endpoint.h"
#include "secret.h"

#define SETS 8192u		/* a power of two */
#define SLOTS 8
#define LOCKS 64
#define SECOND_NS 1000000000ull
#define RATE_MAX 1000000u
#define ACTIONS_MAX 256

struct set {
	uint64_t digest[SLOTS];
	uint64_t full_ns[SLOTS];	/* it is full then */
};

/* How many of an action. */
struct rule {
	uint64_t step_ns;		/* one token comes in so long; 0: any number may be asked */
	uint64_t depth_ns;		/* burst times that */
	uint64_t rate;
};

struct tally_throttle {
	uint8_t key[32];
	struct rule others;
	struct {
		const char *name;
		struct rule rule;
	} rules[ACTIONS_MAX];
	size_t rule_count;
	struct set *sets;
	pthread_mutex_t locks[LOCKS];
};

const struct tally_setting tally_throttle_setting_rows[] = {
	{ "rate", SETTING_U64, "50000", offsetof(struct tally_throttle_settings, rate),
	  "Requests a second that one account may make of one action, one certificate of an "
	  "organisation of one endpoint, and one address of those that are not signed; more are "
	  "refused. 0: any number." },
	{ "burst", SETTING_U64, "0", offsetof(struct tally_throttle_settings, burst),
	  "How many of them may come at once; 0: as many as in a second." },
	{ "actions", SETTING_TEXT, NULL, offsetof(struct tally_throttle_settings, actions),
	  "Other numbers for some actions and endpoints, separated by spaces: NAME=RATE or "
	  "NAME=RATE:BURST." },
	{ NULL, SETTING_END, NULL, 0, NULL }
};

/* ---- rules ---- */

static bool make_rule(uint64_t rate, uint64_t burst, struct rule *rule_r)
{
	*rule_r = (struct rule){ .rate = rate };
	if (rate > RATE_MAX || burst > RATE_MAX)
		return false;
	if (rate > 0) {
		rule_r->step_ns = SECOND_NS / rate;
		rule_r->depth_ns = (burst > 0 ? burst : rate) * rule_r->step_ns;
	}
	return true;
}

static int wrong(struct tally_bytes word, const char *why, struct tally_err *err)
{
	return tally_err_about(err, TALLY_INVALID, "throttle.actions", "throttle.actions: '%.*s' %s",
			       word.size < 200 ? (int)word.size : 200, (const char *)word.data, why);
}

/* As the tables have it; NULL: it names nothing that is counted. */
static const char *counted(struct tally_bytes name)
{
	const struct tally_action *action = tally_action_find(FAMILY_LEDGERDB, name);
	const struct tally_share_endpoint *row = tally_share_endpoints;

	if (action != NULL)
		return action->name;
	while (row->path != NULL && !tally_bytes_is(name, row->name))
		row++;
	return row->name;
}

static int add_rule(struct tally_throttle *throttle, struct tally_bytes word, struct tally_err *err)
{
	const uint8_t *end = word.data + word.size;
	const uint8_t *equals = memchr(word.data, '=', word.size), *colon;
	const char *name;
	uint64_t rate, burst = 0;
	struct rule rule;

	if (equals == NULL)
		return wrong(word, "is not NAME=RATE", err);
	name = counted(tally_bytes(word.data, (size_t)(equals - word.data)));
	if (name == NULL)
		return wrong(word, "names no action", err);
	colon = memchr(equals, ':', (size_t)(end - equals));
	if (!tally_parse_u64(tally_bytes(equals + 1,
					 (size_t)((colon != NULL ? colon : end) - equals) - 1),
			     RATE_MAX, &rate) ||
	    (colon != NULL && !tally_parse_u64(tally_bytes(colon + 1, (size_t)(end - colon) - 1),
					       RATE_MAX, &burst)) ||
	    !make_rule(rate, burst, &rule))
		return wrong(word, "has no numbers up to a million", err);
	for (size_t i = 0; i < throttle->rule_count; i++)
		if (throttle->rules[i].name == name)
			return wrong(word, "names an action again", err);
	if (throttle->rule_count == ACTIONS_MAX)
		return wrong(word, "is one too many", err);
	throttle->rules[throttle->rule_count].name = name;
	throttle->rules[throttle->rule_count++].rule = rule;
	return 0;
}

static int read_rules(struct tally_throttle *throttle,
		      const struct tally_throttle_settings *settings, struct tally_err *err)
{
	struct tally_bytes word;

	if (!make_rule(settings->rate, settings->burst, &throttle->others))
		return tally_err_about(err, TALLY_INVALID, "throttle.rate",
				       "throttle.rate, throttle.burst: at most a million");
	for (const char *at = settings->actions != NULL ? settings->actions : "";
	     at += strspn(at, " \t"), *at != '\0'; at += word.size) {
		word = tally_bytes(at, strcspn(at, " \t"));
		if (add_rule(throttle, word, err) != 0)
			return -1;
	}
	return 0;
}

static const struct rule *rule_of(const struct tally_throttle *throttle, const char *name)
{
	for (size_t i = 0; i < throttle->rule_count; i++)
		if (throttle->rules[i].name == name)
			return &throttle->rules[i].rule;
	return &throttle->others;
}

int tally_throttle_new(const struct tally_throttle_settings *settings,
		       struct tally_throttle **throttle_r, struct tally_err *err)
{
	struct tally_throttle *throttle = tally_calloc(1, sizeof(*throttle));

	if (read_rules(throttle, settings, err) != 0) {
		free(throttle);
		return -1;
	}
	/* untouched pages cost nothing */
	throttle->sets = tally_calloc(SETS, sizeof(*throttle->sets));
	tally_random(throttle->key, sizeof(throttle->key));
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_init(&throttle->locks[i], NULL);
	*throttle_r = throttle;
	return 0;
}

void tally_throttle_free(struct tally_throttle **throttle)
{
	if (*throttle == NULL)
		return;
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_destroy(&(*throttle)->locks[i]);
	free((*throttle)->sets);
	free(*throttle);
	*throttle = NULL;
}

/* ---- buckets ---- */

/* Of IPv6 the first half counts: whoever has a host there mostly has the rest as well. */
static void digest_of(const struct tally_throttle *throttle,
		      const struct tally_throttle_caller *caller, const char *name,
		      uint8_t digest_r[TALLY_DIGEST_SIZE])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct {
		uint64_t account;
		uint8_t address[16];
		const char *name;	/* there is one of each name */
		uint8_t certificate[TALLY_HASH_SIZE];
		uint8_t organization[TALLY_THROTTLE_ORGANIZATION];
	} of;
	size_t size = caller->organization.size;

	memset(&of, 0, sizeof(of));
	of.account = caller->account;
	of.name = name;
	if (size > 0) {
		memcpy(of.certificate, caller->certificate, sizeof(of.certificate));
		memcpy(of.organization, caller->organization.data,
		       size < sizeof(of.organization) ? size : sizeof(of.organization));
	} else if (caller->account == 0 && caller->has_address) {
		memcpy(of.address, caller->address,
		       memcmp(caller->address, mapped, sizeof(mapped)) == 0 ? 16 : 8);
	}
	tally_keyed_digest(throttle->key, tally_bytes(&of, sizeof(of)), digest_r);
}

/* The slot of a digest, which may be one that is given up: the one that is full first. */
static size_t slot_of(struct set *set, uint64_t digest)
{
	size_t first = 0;

	for (size_t i = 0; i < SLOTS; i++) {
		if (set->digest[i] == digest)
			return i;
		if (set->full_ns[i] < set->full_ns[first])
			first = i;
	}
	set->digest[first] = digest;
	set->full_ns[first] = 0;
	return first;
}

static bool take(const struct rule *rule, uint64_t now_ns, uint64_t *full_ns,
		 struct tally_throttle_state *state_r)
{
	uint64_t used = *full_ns > now_ns ? *full_ns - now_ns : 0;
	bool may = used + rule->step_ns <= rule->depth_ns;

	if (may)
		used += rule->step_ns;
	*full_ns = now_ns + used;
	*state_r = (struct tally_throttle_state){
		.limit = rule->rate,
		.remain = (rule->depth_ns - used) / rule->step_ns,
		.reset_ms = (used + 999999) / 1000000,
	};
	if (!may)
		state_r->wait_ms = (used + rule->step_ns - rule->depth_ns + 999999) / 1000000;
	return may;
}

bool tally_throttle_take(struct tally_throttle *throttle,
			 const struct tally_throttle_caller *caller,
			 const char *name, uint64_t now_ns, struct tally_throttle_state *state_r)
{
	const struct rule *rule = rule_of(throttle, name);
	uint8_t digest[TALLY_DIGEST_SIZE];
	struct set *set;
	size_t number;
	bool may;

	*state_r = (struct tally_throttle_state){ .limit = 0 };
	if (rule->step_ns == 0)
		return true;
	digest_of(throttle, caller, name, digest);
	number = (size_t)tally_get_u64(digest + 8) & (SETS - 1);
	set = &throttle->sets[number];
	pthread_mutex_lock(&throttle->locks[number % LOCKS]);
	may = take(rule, now_ns, &set->full_ns[slot_of(set, tally_get_u64(digest))], state_r);
	pthread_mutex_unlock(&throttle->locks[number % LOCKS]);
	return may;
}
