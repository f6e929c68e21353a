/* tally member: who may do what in a ledger, and the keys with which members sign. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <json-c/json.h>

#include "client.h"
#include "err.h"
#include "print.h"
#include "secret.h"
#include "signer.h"

/* ---- keys ---- */

/* A kind of key by its name in any case. KEY_TYPE_NONE after printing that there is none such. */
static enum tally_key_type find_type(const struct verb_call *call, const char *name)
{
	for (unsigned int type = KEY_TYPE_SECP256K1; tally_key_type_name(type) != NULL; type++)
		if (strcasecmp(name, tally_key_type_name(type)) == 0)
			return (enum tally_key_type)type;
	verb_misuse(call, "--key-type is secp256k1, secp256r1, sm2 or ed25519, not %s", name);
	return KEY_TYPE_NONE;
}

/* A public key as the API takes it. */
struct public_key {
	const char *type;		/* NULL: none was given */
	char hex[TALLY_MEMBER_KEY_TEXT];
};

/* That of --key-file, or --public-key; of 32 bytes there is one kind only. */
static int read_public(const struct verb_call *call, struct public_key *key_r)
{
	const char *file = verb_value(call, "key-file", NULL), *hex = verb_value(call, "public-key", NULL);
	const char *name = verb_value(call, "key-type", NULL);
	uint8_t private[TALLY_MEMBER_PRIVATE];
	enum tally_key_type type = KEY_TYPE_SECP256K1;
	bool good = true;

	*key_r = (struct public_key){ .type = NULL };
	if (file != NULL && (hex != NULL || name != NULL))
		return verb_misuse(call, "the key file says what --public-key and --key-type would");
	if (hex == NULL && name != NULL)
		return verb_misuse(call, "--key-type goes with --public-key");
	if (hex != NULL && strlen(hex) >= sizeof key_r->hex)
		return verb_misuse(call, "--public-key is at most %zu hex digits", sizeof key_r->hex - 1);
	if (hex != NULL && strlen(hex) == 2 * 32)
		type = KEY_TYPE_ED25519;
	if (name != NULL && (type = find_type(call, name)) == KEY_TYPE_NONE)
		return VERB_USAGE;
	if (file != NULL) {
		good = signer_read_key(call, file, &type, private, key_r->hex);
		tally_wipe(private, sizeof private);
	} else if (hex != NULL) {
		strcpy(key_r->hex, hex);
	}
	if (good && (file != NULL || hex != NULL))
		key_r->type = tally_key_type_name(type);
	return good ? VERB_OK : VERB_FAILED;
}

static void add_public(struct client *client, const struct public_key *key)
{
	if (key->type == NULL)
		return;
	client_add(client, "PublicKey", key->hex);
	client_add(client, "KeyType", key->type);
}

/* A key file is read before the store is opened: as root, it is still whoever's started the program. */
static int with_public(struct verb_call *call,
		       int (*run)(struct client *client, const struct public_key *key))
{
	struct public_key key;
	struct client client;
	int status = read_public(call, &key);

	if (status == VERB_OK)
		status = client_open(call, false, &client);
	if (status != VERB_OK)
		return status;
	status = run(&client, &key);
	client_close(&client);
	return status;
}

static int keygen(struct verb_call *call)
{
	const char *path = call->args[0];
	enum tally_key_type type = find_type(call, verb_value(call, "key-type", "secp256k1"));
	uint8_t private[TALLY_MEMBER_PRIVATE];
	char hex[TALLY_MEMBER_KEY_TEXT];
	struct tally_member_key public;
	struct tally_err err;
	int result;

	if (type == KEY_TYPE_NONE)
		return VERB_USAGE;
	result = tally_member_generate(type, private, &err);
	if (result == 0)
		result = tally_member_public(type, private, &public, &err);
	if (result == 0)
		result = tally_member_key_file_write(path, type, private, &err);
	tally_wipe(private, sizeof private);
	if (result != 0)
		return verb_fail_err(call, &err);
	tally_member_key_format(&public, hex);
	if (verb_given(call, "json")) {
		json_object *object = json_object_new_object();

		json_object_object_add(object, "File", json_object_new_string(path));
		json_object_object_add(object, "KeyType",
				       json_object_new_string(tally_key_type_name(type)));
		json_object_object_add(object, "PublicKey", json_object_new_string(hex));
		print_json(object);
	} else {
		puts(hex);
	}
	return VERB_OK;
}

/* ---- changing ---- */

/* "READER" ... of a word in any case; as it stands where it is none, and the server says so. */
static const char *role_of(const char *word)
{
	static const char *const roles[] = { "READER", "WRITER", "ADMIN" };

	for (size_t i = 0; word != NULL && i < sizeof roles / sizeof roles[0]; i++)
		if (strcasecmp(word, roles[i]) == 0)
			return roles[i];
	return word;
}

/* Runs what has been gathered; prints that member of the reply, or nothing. */
static int finish(struct client *client, const char *shown)
{
	json_object *reply = client_run(client);

	if (reply == NULL)
		return VERB_FAILED;
	if (verb_given(client->call, "json")) {
		print_json(reply);
		return VERB_OK;
	}
	if (shown != NULL)
		puts(reply_text(reply, shown));
	json_object_put(reply);
	return VERB_OK;
}

static int create(struct client *client, const struct public_key *key)
{
	const struct verb_call *call = client->call;
	const char *account = verb_value(call, "account", NULL);

	if (key->type == NULL && account == NULL)
		return verb_misuse(call, "a member has a key, an account, or both: --key-file, "
				   "--public-key, --account");
	client_start_write(client, "CreateMember");
	client_add(client, "LedgerId", call->args[0]);
	client_add(client, "AliUid", account);
	client_add(client, "Role", role_of(verb_value(call, "role", NULL)));
	client_add(client, "MemberId", verb_value(call, "member", NULL));
	add_public(client, key);
	return finish(client, "MemberId");
}

static int set_role(struct client *client)
{
	const struct verb_call *call = client->call;

	client_start_write(client, "ModifyMemberACLs");
	client_add(client, "LedgerId", call->args[0]);
	client_add(client, "MemberId", call->args[1]);
	client_add(client, "Role", role_of(call->args[2]));
	return finish(client, NULL);
}

static int set_key(struct client *client, const struct public_key *key)
{
	const struct verb_call *call = client->call;

	if (key->type == NULL)
		return verb_misuse(call, "which key? --key-file or --public-key");
	client_start_write(client, "ModifyMemberKey");
	client_add(client, "LedgerId", call->args[0]);
	client_add(client, "MemberId", call->arg_count > 1 ? call->args[1] : NULL);
	add_public(client, key);
	return finish(client, NULL);
}

static int change_state(struct client *client, const char *action)
{
	const struct verb_call *call = client->call;

	client_start_write(client, action);
	client_add(client, "LedgerId", call->args[0]);
	client_add(client, "MemberId", call->args[1]);
	return finish(client, NULL);
}

static int enable(struct client *client) { return change_state(client, "EnableMember"); }
static int disable(struct client *client) { return change_state(client, "DisableMember"); }
static int delete(struct client *client) { return change_state(client, "DeleteMember"); }

/* ---- invitations ---- */

static int invite(struct client *client)
{
	const struct verb_call *call = client->call;
	const char *accounts = call->args[1];

	client_start_write(client, "InviteMembers");
	for (int i = 2; i < call->arg_count; i++)
		accounts = tally_arena_printf(&client->arena, "%s,%s", accounts, call->args[i]);
	client_add(client, "LedgerId", call->args[0]);
	client_add(client, "AliUids", accounts);
	return finish(client, NULL);
}

static int accept_invitation(struct client *client, const struct public_key *key)
{
	const struct verb_call *call = client->call;
	const char *account = verb_value(call, "account", NULL);

	if (client->host != NULL && account == NULL)
		return verb_misuse(call, "whose invitation? A store is asked with --account NUMBER");
	if (client->host == NULL && account != NULL)
		return verb_misuse(call, "a server takes the account of the access key: leave "
				   "--account out");
	client_start_write(client, "AcceptMember");
	client->account = account;
	client_add(client, "LedgerId", call->args[0]);
	add_public(client, key);
	return finish(client, "MemberId");
}

/* ---- list and show ---- */

/* All pages into one array; NULL after printing why not. */
static json_object *list_all(struct client *client)
{
	json_object *all = json_object_new_array();
	char next[512] = "";

	do {
		json_object *reply, *page;

		client_start(client, "ListMembers");
		client_add(client, "LedgerId", client->call->args[0]);
		client_add(client, "NextToken", next[0] != '\0' ? next : NULL);
		reply = client_run(client);
		if (reply == NULL) {
			json_object_put(all);
			return NULL;
		}
		page = reply_member(reply, "Members");
		for (size_t i = 0; i < reply_count(page); i++)
			json_object_array_add(all,
					      json_object_get(json_object_array_get_idx(page, i)));
		snprintf(next, sizeof next, "%s", reply_text(reply, "NextToken"));
		json_object_put(reply);
	} while (next[0] != '\0');
	return all;
}

static const char *or_none(const char *text)
{
	return text[0] != '\0' ? text : "-";
}

static int list(struct client *client)
{
	static const char *const heads[] = { "MEMBER", "ROLE", "STATE", "ACCOUNT", "KEY", "SINCE" };
	json_object *all = list_all(client);
	struct table table;

	if (all == NULL)
		return VERB_FAILED;
	if (verb_given(client->call, "json")) {
		print_json(all);
		return VERB_OK;
	}
	table_begin(&table, 6);
	for (size_t i = 0; i < 6; i++)
		table_cell(&table, heads[i]);
	for (size_t i = 0; i < reply_count(all); i++) {
		json_object *member = json_object_array_get_idx(all, i);

		table_cell(&table, reply_text(member, "MemberId"));
		table_cell(&table, reply_text(member, "Role"));
		table_cell(&table, reply_text(member, "State"));
		table_cell(&table, or_none(reply_text(member, "AliUid")));
		table_cell(&table, or_none(reply_text(member, "KeyType")));
		table_ms(&table, reply_uint(member, "CreateTime"));
	}
	table_print(&table);
	json_object_put(all);
	return VERB_OK;
}

static int show(struct client *client)
{
	const struct verb_call *call = client->call;
	json_object *reply;
	struct table table;

	client_start(client, "GetMember");
	client_add(client, "LedgerId", call->args[0]);
	client_add(client, "MemberId", call->arg_count > 1 ? call->args[1] : NULL);
	reply = client_run(client);
	if (reply == NULL)
		return VERB_FAILED;
	json_object_object_del(reply, "RequestId");
	if (verb_given(call, "json")) {
		print_json(reply);
		return VERB_OK;
	}
	table_begin(&table, 2);
	json_object_object_foreach(reply, name, value) {
		table_cell(&table, name);
		if (strcmp(name, "CreateTime") == 0 || strcmp(name, "UpdateTime") == 0)
			table_ms(&table, reply_uint(reply, name));
		else
			table_cell(&table, or_none(json_object_get_string(value)));
	}
	table_print(&table);
	json_object_put(reply);
	return VERB_OK;
}

/* ---- rows ---- */

static int create_run(struct verb_call *call) { return with_public(call, create); }
static int invite_run(struct verb_call *call) { return client_with(call, invite); }
static int accept_run(struct verb_call *call) { return with_public(call, accept_invitation); }
static int enable_run(struct verb_call *call) { return client_with(call, enable); }
static int disable_run(struct verb_call *call) { return client_with(call, disable); }
static int delete_run(struct verb_call *call) { return client_with(call, delete); }
static int list_run(struct verb_call *call) { return client_with(call, list); }
static int show_run(struct verb_call *call) { return client_with(call, show); }
static int role_run(struct verb_call *call) { return client_with(call, set_role); }
static int key_run(struct verb_call *call) { return with_public(call, set_key); }

#define COMMON_OPTIONS VERB_JSON_OPTION, VERB_STORE_OPTIONS, VERB_ENDPOINT_OPTIONS, VERB_OPTIONS_END
#define PUBLIC_OPTIONS                                                                            \
	{ "key-file", "FILE", "its key, by the private key in this file; only the public one is sent" }, \
	{ "public-key", "HEX", "its public key" },                                                \
	{ "key-type", "NAME", "kind of that: secp256k1 (default), secp256r1, sm2 or ed25519" }

static const struct verb_option create_options[] = {
	{ "account", "NUMBER", "the account whose access keys act as this member" },
	PUBLIC_OPTIONS,
	{ "role", "NAME", "what it may do: reader (default), writer or admin" },
	{ "member", "ID", "its id (default: made from the account or the key)" },
	COMMON_OPTIONS
};
static const struct verb_option accept_options[] = {
	{ "account", "NUMBER", "the account that accepts, on a store" },
	PUBLIC_OPTIONS,
	COMMON_OPTIONS
};
static const struct verb_option key_options[] = { PUBLIC_OPTIONS, COMMON_OPTIONS };
static const struct verb_option plain_options[] = { COMMON_OPTIONS };
static const struct verb_option keygen_options[] = {
	{ "key-type", "NAME", "secp256k1 (default), secp256r1, sm2 or ed25519" },
	VERB_JSON_OPTION,
	VERB_OPTIONS_END
};

static const struct verb member_create = {
	.name = "create", .usage = "LEDGER", .summary = "Add a member and print its id",
	.options = create_options, .min_args = 1, .max_args = 1, .run = create_run,
};
static const struct verb member_invite = {
	.name = "invite", .usage = "LEDGER ACCOUNT ...",
	.summary = "Invite accounts to become members",
	.options = plain_options, .min_args = 2, .max_args = -1, .run = invite_run,
};
static const struct verb member_accept = {
	.name = "accept", .usage = "LEDGER",
	.summary = "Accept an invitation and print the new member's id",
	.options = accept_options, .min_args = 1, .max_args = 1, .run = accept_run,
};
static const struct verb member_enable = {
	.name = "enable", .usage = "LEDGER MEMBER", .summary = "Let a disabled member in again",
	.options = plain_options, .min_args = 2, .max_args = 2, .run = enable_run,
};
static const struct verb member_disable = {
	.name = "disable", .usage = "LEDGER MEMBER",
	.summary = "Keep a member out until it is enabled again",
	.options = plain_options, .min_args = 2, .max_args = 2, .run = disable_run,
};
static const struct verb member_delete = {
	.name = "delete", .usage = "LEDGER MEMBER",
	.summary = "Remove a member; what it wrote and signed stays",
	.options = plain_options, .min_args = 2, .max_args = 2, .run = delete_run,
};
static const struct verb member_list = {
	.name = "list", .usage = "LEDGER", .summary = "List the members of a ledger",
	.options = plain_options, .min_args = 1, .max_args = 1, .run = list_run,
};
static const struct verb member_show = {
	.name = "show", .usage = "LEDGER [MEMBER]", .summary = "Show one member, or the caller's own",
	.options = plain_options, .min_args = 1, .max_args = 2, .run = show_run,
};
static const struct verb member_role = {
	.name = "role", .usage = "LEDGER MEMBER ROLE", .summary = "Change what a member may do",
	.options = plain_options, .min_args = 3, .max_args = 3, .run = role_run,
};
static const struct verb member_key = {
	.name = "key", .usage = "LEDGER [MEMBER]",
	.summary = "Give a member a key, or another one for good",
	.options = key_options, .min_args = 1, .max_args = 2, .run = key_run,
};
static const struct verb member_keygen = {
	.name = "keygen", .usage = "FILE",
	.summary = "Make a private key file and print the public key",
	.options = keygen_options, .min_args = 1, .max_args = 1, .run = keygen,
};
static const struct verb *const member_parts[] = {
	&member_create, &member_invite, &member_accept, &member_list, &member_show, &member_role,
	&member_key, &member_disable, &member_enable, &member_delete, &member_keygen, NULL
};

const struct verb verb_member = {
	.name = "member",
	.usage = "create|invite|accept|list|show|role|key|disable|enable|delete|keygen",
	.summary = "Add, list, show and change members of a ledger, and make their keys",
	.parts = member_parts,
};
