/* Several members sign; see joint.h. */
#include "config.h"

#include "joint.h"

#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "buf.h"
#include "err.h"
#include "hash.h"
#include "secret.h"
#include "signer.h"

/* ---- options ---- */

/* "m-...=rest": the member goes into *one, the rest is returned; NULL after printing what is wrong. */
static const char *take_member(const struct verb_call *call, const char *option, const char *text,
			       struct joint_one *one)
{
	const char *equals = strchr(text, '=');
	size_t size = equals != NULL ? (size_t)(equals - text) : 0;

	if (size == 0 || size >= sizeof one->member_id || equals[1] == '\0') {
		verb_misuse(call, "--%s is a member's id, = and what belongs to it, not %s", option,
			    text);
		return NULL;
	}
	memcpy(one->member_id, text, size);
	one->member_id[size] = '\0';
	return equals + 1;
}

static int read_signer(struct joint *joint, const char *text)
{
	struct joint_one *one = &joint->of[joint->count];
	const char *path = take_member(joint->call, "sign", text, one);

	if (path == NULL)
		return VERB_USAGE;
	if (!signer_read_key(joint->call, path, &one->type, one->private, NULL))
		return VERB_FAILED;
	joint->count++;
	return VERB_OK;
}

static int read_signature(struct joint *joint, const char *text)
{
	struct joint_one *one = &joint->of[joint->count];
	const char *hex = take_member(joint->call, "signature", text, one);
	uint8_t bytes[TALLY_MEMBER_SIGNATURE];

	if (hex == NULL)
		return VERB_USAGE;
	if (strlen(hex) != 2 * sizeof bytes ||
	    !tally_hex_decode(tally_bytes_str(hex), bytes, sizeof bytes))
		return verb_misuse(joint->call, "a signature has 128 hex digits, not %s", hex);
	strcpy(one->signature, hex);
	joint->count++;
	return VERB_OK;
}

static int read_all(struct joint *joint, const char *option,
		    int (*read)(struct joint *joint, const char *text))
{
	const char *text;
	int status = VERB_OK;

	for (size_t i = 0; status == VERB_OK &&
			   (text = verb_nth_value(joint->call, option, i)) != NULL; i++)
		status = joint->count < JOINT_MOST ?
				 read(joint, text) :
				 verb_misuse(joint->call, "more than %d members", JOINT_MOST);
	return status;
}

static void make_nonce(char nonce[65])
{
	uint8_t random[16];

	tally_random(random, sizeof random);
	tally_hex_encode(random, sizeof random, nonce);
}

int joint_read(const struct verb_call *call, struct joint *joint)
{
	const char *nonce = verb_value(call, "nonce", NULL), *author = verb_value(call, "author", NULL);
	int status;

	*joint = (struct joint){ .call = call };
	if (nonce != NULL && (nonce[0] == '\0' || strlen(nonce) >= sizeof joint->nonce))
		return verb_misuse(call, "--nonce has 1 to 64 characters");
	if (author != NULL && strlen(author) >= sizeof joint->author)
		return verb_misuse(call, "--author is a member's id, not %s", author);
	status = read_all(joint, "sign", read_signer);
	if (status == VERB_OK)
		status = read_all(joint, "signature", read_signature);
	if (status == VERB_OK && verb_given(call, "sign-only") && !verb_given(call, "sign"))
		status = verb_misuse(call, "--sign-only goes with --sign");
	if (status == VERB_OK && nonce == NULL &&
	    (verb_given(call, "signature") || verb_given(call, "sign-only")))
		status = verb_misuse(call, "signatures that are made apart need one --nonce");
	if (status != VERB_OK) {
		joint_free(joint);
		return status;
	}
	if (nonce != NULL)
		strcpy(joint->nonce, nonce);
	else
		make_nonce(joint->nonce);
	if (author != NULL || joint->count > 0)
		strcpy(joint->author, author != NULL ? author : joint->of[0].member_id);
	return VERB_OK;
}

/* ---- signing ---- */

int joint_sign(struct joint *joint, const char *ledger, const char *payload_type,
	       struct tally_bytes data)
{
	struct tally_statement statement = { .data = data, .ledger_id = tally_bytes_str(ledger),
					     .member_id = tally_bytes_str(joint->author),
					     .nonce = tally_bytes_str(joint->nonce),
					     .payload_type = tally_bytes_str(payload_type) };
	struct tally_buf buf = { 0 };
	int status = VERB_OK;

	tally_statement_format(&statement, &buf);
	for (size_t i = 0; status == VERB_OK && i < joint->count; i++) {
		struct joint_one *one = &joint->of[i];
		uint8_t bytes[TALLY_MEMBER_SIGNATURE];
		struct tally_err err;

		if (one->type == KEY_TYPE_NONE)
			continue;
		if (tally_member_sign(one->type, one->private, tally_buf_bytes(&buf), bytes,
				      &err) != 0)
			status = verb_fail_err(joint->call, &err);
		else
			tally_hex_encode(bytes, sizeof bytes, one->signature);
	}
	tally_buf_free(&buf);
	return status;
}

void joint_print(const struct joint *joint)
{
	for (size_t i = 0; i < joint->count; i++)
		if (joint->of[i].type != KEY_TYPE_NONE)
			printf("%s=%s\n", joint->of[i].member_id, joint->of[i].signature);
}

static void add_one(json_object *list, const struct joint_one *one)
{
	json_object *item = json_object_new_object();

	json_object_object_add(item, "MemberId", json_object_new_string(one->member_id));
	json_object_object_add(item, "MemberSignature", json_object_new_string(one->signature));
	json_object_array_add(list, item);
}

/* The first signature is the author's, whatever the order of the options. */
void joint_add(const struct joint *joint, struct client *client)
{
	json_object *list;

	if (joint->count == 0)
		return;
	list = json_object_new_array();
	for (int author = 1; author >= 0; author--)
		for (size_t i = 0; i < joint->count; i++)
			if ((strcmp(joint->of[i].member_id, joint->author) == 0) == (author == 1))
				add_one(list, &joint->of[i]);
	client_add(client, "MemberNonce", joint->nonce);
	client_add(client, "MemberSignatures",
		   json_object_to_json_string_ext(list, JSON_C_TO_STRING_PLAIN));
	json_object_put(list);
}

void joint_free(struct joint *joint)
{
	for (size_t i = 0; i < JOINT_MOST; i++)
		tally_wipe(joint->of[i].private, sizeof joint->of[i].private);
}
