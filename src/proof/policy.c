/* Policies; see policy.h. */
#include "policy.h"

#include "err.h"

/* ---- lines and words ---- */

struct line {
	struct tally_bytes rest;
	unsigned int number;
	struct tally_err *err;
};

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* The next word of a line; empty at its end. */
static struct tally_bytes word(struct line *line)
{
	struct tally_bytes *rest = &line->rest, found;
	size_t size = 0;

	while (rest->size > 0 && is_blank(rest->data[0]))
		*rest = tally_bytes(rest->data + 1, rest->size - 1);
	while (size < rest->size && !is_blank(rest->data[size]))
		size++;
	found = tally_bytes(rest->data, size);
	if (size > 0)
		*rest = tally_bytes(rest->data + size, rest->size - size);
	return found;
}

static int wrong(const struct line *line, const char *what)
{
	return tally_err_set(line->err, TALLY_INVALID, "line %u: %s", line->number, what);
}

/* The text around a word that comes from outside is short, and shows no control characters. */
static int wrong_word(const struct line *line, const char *what, struct tally_bytes about)
{
	return tally_err_set(line->err, TALLY_INVALID, "line %u: %s: %.*s%s", line->number, what,
			     about.size > 120 ? 120 : (int)about.size, (const char *)about.data,
			     about.size > 120 ? "..." : "");
}

/* The last word of a line that may have one more. */
static int last_word(struct line *line, struct tally_bytes *word_r)
{
	*word_r = word(line);
	return word(line).size > 0 ? wrong(line, "it has too many words") : 0;
}

static bool octets_are_allowed(struct tally_bytes text)
{
	for (size_t i = 0; i < text.size; i++)
		if ((text.data[i] < ' ' && text.data[i] != '\t' && text.data[i] != '\n') ||
		    text.data[i] == 0x7f)
			return false;
	return true;
}

/* ---- names ---- */

static int witness_find(const struct tally_policy *policy, struct tally_bytes name)
{
	for (size_t i = 0; i < policy->witness_count; i++)
		if (tally_bytes_equal(policy->witnesses[i].name, name))
			return (int)i;
	return -1;
}

static int group_find(const struct tally_policy *policy, struct tally_bytes name)
{
	for (size_t i = 0; i < policy->group_count; i++)
		if (tally_bytes_equal(policy->groups[i].name, name))
			return (int)i;
	return -1;
}

static int new_name(const struct tally_policy *policy, struct line *line,
		    struct tally_bytes *name_r)
{
	*name_r = word(line);
	if (name_r->size == 0)
		return wrong(line, "a name is missing");
	if (tally_bytes_is(*name_r, "none"))
		return wrong(line, "the name none has a meaning already");
	if (witness_find(policy, *name_r) >= 0 || group_find(policy, *name_r) >= 0)
		return wrong_word(line, "this name was defined already", *name_r);
	return 0;
}

/* ---- the kinds of lines ---- */

/* A key of the type wanted, which none of those before has. */
static int key_word(struct line *line, const char *who, enum tally_note_type type,
		    const struct tally_vkey *before, size_t count, struct tally_vkey *key_r)
{
	struct tally_bytes text = word(line);

	if (text.size == 0)
		return wrong(line, "a key is missing");
	if (!tally_vkey_parse(text, key_r) || key_r->type != type)
		return tally_err_set(line->err, TALLY_INVALID, "line %u: this is no Ed25519 verifier "
				     "key of a %s: %.*s%s", line->number, who,
				     text.size > 120 ? 120 : (int)text.size,
				     (const char *)text.data, text.size > 120 ? "..." : "");
	for (size_t i = 0; i < count; i++)
		if (memcmp(before[i].public, key_r->public, sizeof(key_r->public)) == 0)
			return wrong_word(line, "this public key was given already", text);
	return 0;
}

static int log_line(struct tally_policy *policy, struct line *line)
{
	size_t n = policy->log_count;

	if (n == TALLY_POLICY_LOGS)
		return wrong(line, "there are more than 64 logs");
	if (key_word(line, "log", NOTE_ED25519, policy->log_keys, n, &policy->log_keys[n]) != 0 ||
	    last_word(line, &policy->log_urls[n]) != 0)
		return -1;
	policy->log_count++;
	return 0;
}

static int witness_line(struct tally_policy *policy, struct line *line)
{
	size_t n = policy->witness_count;
	struct tally_policy_witness *witness = &policy->witnesses[n];

	if (n == TALLY_POLICY_WITNESSES)
		return wrong(line, "there are more than 64 witnesses");
	witness->group = -1;
	if (new_name(policy, line, &witness->name) != 0 ||
	    key_word(line, "witness", NOTE_COSIGNATURE, policy->witness_keys, n,
		     &policy->witness_keys[n]) != 0 ||
	    last_word(line, &witness->url) != 0)
		return -1;
	policy->witness_count++;
	return 0;
}

/* A name of a witness or group becomes a member of this group, once and for all. */
static int add_member(struct tally_policy *policy, struct line *line, struct tally_bytes name)
{
	struct tally_policy_group *group = &policy->groups[policy->group_count];
	int witness = witness_find(policy, name), other = group_find(policy, name);
	int *belongs = witness >= 0 ? &policy->witnesses[witness].group :
		       other >= 0   ? &policy->groups[other].group :
				      NULL;

	if (belongs == NULL)
		return wrong_word(line, "no witness or group of this name is defined before", name);
	if (*belongs >= 0)
		return wrong_word(line, "a name is a member of one group only, and once", name);
	*belongs = (int)policy->group_count;
	group->members++;
	return 0;
}

static int threshold(struct line *line, struct tally_bytes text, struct tally_policy_group *group)
{
	uint64_t needed;

	if (group->members == 0)
		return wrong(line, "a group has at least one member");
	if (tally_bytes_is(text, "all"))
		needed = group->members;
	else if (tally_bytes_is(text, "any"))
		needed = 1;
	else if (!tally_parse_u64(text, group->members, &needed) || needed == 0)
		return wrong_word(line, "how many must sign: all, any, or a number from 1 to that of the "
				  "members, not", text);
	group->needed = (unsigned int)needed;
	return 0;
}

static int group_line(struct tally_policy *policy, struct line *line)
{
	struct tally_policy_group *group = &policy->groups[policy->group_count];
	struct tally_bytes needed, member;

	if (policy->group_count == TALLY_POLICY_GROUPS)
		return wrong(line, "there are more than 64 groups");
	*group = (struct tally_policy_group){ .group = -1 };
	if (new_name(policy, line, &group->name) != 0)
		return -1;
	needed = word(line);
	if (needed.size == 0)
		return wrong(line, "how many must sign is missing");
	while ((member = word(line)).size > 0)
		if (add_member(policy, line, member) != 0)
			return -1;
	if (threshold(line, needed, group) != 0)
		return -1;
	policy->group_count++;
	return 0;
}

static int quorum_line(struct tally_policy *policy, struct line *line)
{
	struct tally_bytes name;
	int witness, group;

	if (last_word(line, &name) != 0)
		return -1;
	if (name.size == 0)
		return wrong(line, "a name is missing");
	witness = witness_find(policy, name);
	group = group_find(policy, name);
	if (witness < 0 && group < 0 && !tally_bytes_is(name, "none"))
		return wrong_word(line, "no witness or group of this name is defined before", name);
	policy->quorum = witness >= 0 ? QUORUM_WITNESS : group >= 0 ? QUORUM_GROUP : QUORUM_NONE;
	policy->quorum_index = witness >= 0 ? witness : group;
	return 0;
}

/* ---- the file ---- */

static int one_line(struct tally_policy *policy, struct line *line, unsigned int *quorums)
{
	struct tally_bytes kind = word(line);

	if (kind.size == 0 || kind.data[0] == '#')
		return 0;
	if (tally_bytes_is(kind, "log"))
		return log_line(policy, line);
	if (tally_bytes_is(kind, "witness"))
		return witness_line(policy, line);
	if (tally_bytes_is(kind, "group"))
		return group_line(policy, line);
	if (!tally_bytes_is(kind, "quorum"))
		return wrong_word(line, "a line begins with log, witness, group, quorum or #, not", kind);
	if ((*quorums)++ > 0)
		return wrong(line, "there is a quorum already");
	return quorum_line(policy, line);
}

int tally_policy_parse(struct tally_bytes text, struct tally_policy *policy_r,
		       struct tally_err *err)
{
	struct line line = { .number = 0, .err = err };
	unsigned int quorums = 0;

	memset(policy_r, 0, sizeof(*policy_r));
	if (text.size > TALLY_POLICY_MAX)
		return tally_err_set(err, TALLY_INVALID, "it is longer than a policy may be");
	if (!octets_are_allowed(text))
		return tally_err_set(err, TALLY_INVALID, "it has control characters");
	while (text.size > 0) {
		const uint8_t *end = memchr(text.data, '\n', text.size);

		line.number++;
		if (end == NULL)
			return wrong(&line, "its end is missing: is the file cut off?");
		line.rest = tally_bytes(text.data, (size_t)(end - text.data));
		text = tally_bytes(end + 1, text.size - line.rest.size - 1);
		if (one_line(policy_r, &line, &quorums) != 0)
			return -1;
	}
	return quorums == 1 ? 0 : tally_err_set(err, TALLY_INVALID, "it has no line quorum");
}

/* ---- checking ---- */

bool tally_policy_quorum(const struct tally_policy *policy, const bool *signed_by)
{
	unsigned int count[TALLY_POLICY_GROUPS] = { 0 };

	if (policy->quorum == QUORUM_NONE)
		return true;
	if (policy->quorum == QUORUM_WITNESS)
		return signed_by[policy->quorum_index];
	for (size_t i = 0; i < policy->witness_count; i++)
		if (signed_by[i] && policy->witnesses[i].group >= 0)
			count[policy->witnesses[i].group]++;
	/* The group that one belongs to comes after it, so its count is complete here. */
	for (size_t i = 0; i < policy->group_count; i++)
		if (count[i] >= policy->groups[i].needed && policy->groups[i].group >= 0)
			count[policy->groups[i].group]++;
	return count[policy->quorum_index] >= policy->groups[policy->quorum_index].needed;
}

bool tally_policy_check(const struct tally_policy *policy, const struct tally_note *note,
			const struct tally_checkpoint *checkpoint,
			struct tally_policy_found *found_r)
{
	bool logs[TALLY_POLICY_LOGS];
	int count;

	memset(found_r, 0, sizeof(*found_r));
	found_r->log = -1;
	if (tally_note_verify(note, policy->log_keys, policy->log_count, logs, NULL) < 0)
		return false;
	for (size_t i = 0; i < policy->log_count && found_r->log < 0; i++)
		if (logs[i] && tally_bytes_is(checkpoint->origin, policy->log_keys[i].name))
			found_r->log = (int)i;
	count = tally_note_verify(note, policy->witness_keys, policy->witness_count,
				  found_r->signed_by, found_r->times);
	if (count < 0)
		return false;
	found_r->witness_count = (size_t)count;
	found_r->quorum = tally_policy_quorum(policy, found_r->signed_by);
	return true;
}
