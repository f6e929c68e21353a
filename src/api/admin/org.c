/* Administration of organisations and channels of the data-sharing family: local callers only. */
#include "reply.h"
#include "share.h"

static const struct tally_param no_params[] = { PARAM_END };
static const struct tally_reply_field empty_reply[] = { REPLY_END };

#define ORG_PARAM \
	{ .name = "OrganizationId", .type = PARAM_TEXT, .required = true, .min = 1, \
	  .max = TALLY_ORG_ID_MAX, .example = "org1", \
	  .help = "The organisation, as orgID of requests: letters, digits, '.', '_' and '-'." }

#define CHANNEL_PARAM \
	{ .name = "Channel", .type = PARAM_TEXT, .required = true, .min = 1, \
	  .max = TALLY_ORG_ID_MAX, .example = "mychannel", \
	  .help = "The channel, as channelID of requests: letters, digits, '.', '_' and '-'." }

static int check_name(struct tally_call *call, const char *param, struct tally_err *err)
{
	if (tally_org_id_valid(tally_arg_bytes(call, param)))
		return 0;
	return tally_err_about(err, TALLY_INVALID, param,
			       "it has 1 to 64 letters, digits, '.', '_' and '-'");
}

static int check_org(struct tally_call *call, struct tally_err *err)
{
	return check_name(call, "OrganizationId", err);
}

static int check_channel(struct tally_call *call, struct tally_err *err)
{
	return check_name(call, "Channel", err);
}

/* ---- organisations ---- */

static int add_organization(struct tally_call *call, struct tally_err *err)
{
	return tally_org_add(call->core, &call->write, tally_arg_bytes(call, "OrganizationId"),
			     tally_arg_bytes(call, "Certificate"), err);
}

static const struct tally_param add_organization_params[] = {
	ORG_PARAM,
	{ .name = "Certificate", .type = PARAM_RAW, .required = true, .min = 1, .max = 16384,
	  .example = "-----BEGIN CERTIFICATE-----...",
	  .help = "Certificate of its CA, PEM: whom that has certified the organisation vouches for." },
	PARAM_END
};

const struct tally_action tally_action_add_organization = {
	.name = "AddOrganization",
	.family = FAMILY_ADMIN,
	.summary = "Add an organisation whose members may share data.",
	.methods = METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_LOCAL,
	.params = add_organization_params,
	.reply = empty_reply,
	.check = check_org,
	.run = add_organization,
};

static int remove_organization(struct tally_call *call, struct tally_err *err)
{
	return tally_org_remove(call->core, &call->write, tally_arg_bytes(call, "OrganizationId"),
				err);
}

static const struct tally_param org_params[] = {
	ORG_PARAM,
	PARAM_END
};

const struct tally_action tally_action_remove_organization = {
	.name = "RemoveOrganization",
	.family = FAMILY_ADMIN,
	.summary = "Refuse the members of an organisation from now on.",
	.methods = METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_LOCAL,
	.params = org_params,
	.reply = empty_reply,
	.check = check_org,
	.run = remove_organization,
};

static int list_organizations(struct tally_call *call, struct tally_err *err)
{
	struct tally_org *orgs;
	struct tally_node *list;
	size_t count, i;

	if (tally_org_list(call->core, call->arena, &orgs, &count, err) != 0)
		return -1;
	list = tally_add_list(call->arena, call->reply, "Organizations", "Organization");
	for (i = 0; i < count; i++) {
		struct tally_node *to = tally_add_object(call->arena, list, NULL);

		tally_add_text(call->arena, to, "OrganizationId", orgs[i].id);
		tally_add_text(call->arena, to, "Certificate", orgs[i].certificate);
		tally_add_uint(call->arena, to, "CreateTime", orgs[i].create_ms);
	}
	return 0;
}

static const struct tally_reply_field list_organizations_reply[] = {
	{ "Organizations", NODE_LIST, false, "All organisations." },
	{ "Organizations[Organization]", NODE_OBJECT, true, "An organisation." },
	{ "Organizations[Organization].OrganizationId", NODE_TEXT, false, "Its id." },
	{ "Organizations[Organization].Certificate", NODE_TEXT, false, "Certificate of its CA, PEM." },
	{ "Organizations[Organization].CreateTime", NODE_UINT, false, "Milliseconds." },
	REPLY_END
};

const struct tally_action tally_action_list_organizations = {
	.name = "ListOrganizations",
	.family = FAMILY_ADMIN,
	.summary = "List the organisations whose members may share data.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_LOCAL,
	.params = no_params,
	.reply = list_organizations_reply,
	.run = list_organizations,
};

/* ---- channels ---- */

static int add_channel(struct tally_call *call, struct tally_err *err)
{
	return tally_channel_add(call->core, &call->write, tally_arg_bytes(call, "Channel"),
				 tally_arg_bytes(call, "LedgerId"), err);
}

static const struct tally_param add_channel_params[] = {
	CHANNEL_PARAM,
	LEDGER_ID_PARAM,
	PARAM_END
};

const struct tally_action tally_action_add_channel = {
	.name = "AddChannel",
	.family = FAMILY_ADMIN,
	.summary = "Make a ledger a channel on which data is shared.",
	.methods = METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_LOCAL,
	.params = add_channel_params,
	.reply = empty_reply,
	.check = check_channel,
	.run = add_channel,
};

static int remove_channel(struct tally_call *call, struct tally_err *err)
{
	return tally_channel_remove(call->core, &call->write, tally_arg_bytes(call, "Channel"), err);
}

static const struct tally_param channel_params[] = {
	CHANNEL_PARAM,
	PARAM_END
};

const struct tally_action tally_action_remove_channel = {
	.name = "RemoveChannel",
	.family = FAMILY_ADMIN,
	.summary = "Share no more data on a ledger; the ledger stays.",
	.methods = METHOD_POST,
	.kind = ACTION_WRITE,
	.need = PERM_LOCAL,
	.params = channel_params,
	.reply = empty_reply,
	.check = check_channel,
	.run = remove_channel,
};

static int list_channels(struct tally_call *call, struct tally_err *err)
{
	struct tally_channel *channels;
	struct tally_node *list;
	size_t count, i;

	if (tally_channel_list(call->core, call->arena, &channels, &count, err) != 0)
		return -1;
	list = tally_add_list(call->arena, call->reply, "Channels", "Channel");
	for (i = 0; i < count; i++) {
		struct tally_node *to = tally_add_object(call->arena, list, NULL);

		tally_add_text(call->arena, to, "Channel", channels[i].name);
		tally_add_text(call->arena, to, "LedgerId", channels[i].ledger_id);
		tally_add_uint(call->arena, to, "CreateTime", channels[i].create_ms);
	}
	return 0;
}

static const struct tally_reply_field list_channels_reply[] = {
	{ "Channels", NODE_LIST, false, "All channels." },
	{ "Channels[Channel]", NODE_OBJECT, true, "A channel." },
	{ "Channels[Channel].Channel", NODE_TEXT, false, "Its name." },
	{ "Channels[Channel].LedgerId", NODE_TEXT, false, "Its ledger." },
	{ "Channels[Channel].CreateTime", NODE_UINT, false, "Milliseconds." },
	REPLY_END
};

const struct tally_action tally_action_list_channels = {
	.name = "ListChannels",
	.family = FAMILY_ADMIN,
	.summary = "List the channels on which data is shared.",
	.methods = METHOD_GET | METHOD_POST,
	.kind = ACTION_READ,
	.need = PERM_LOCAL,
	.params = no_params,
	.reply = list_channels_reply,
	.run = list_channels,
};
