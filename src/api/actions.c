/* The list of all actions, sorted by name. A new action is a line here, twice. */
#include "action.h"

extern const struct tally_action tally_action_adopt_store, tally_action_append_journal, tally_action_append_journals,
	tally_action_backup_store, tally_action_check_signed_checkpoint, tally_action_check_store, tally_action_create_access_key,
	tally_action_create_account, tally_action_create_ledger, tally_action_create_member, tally_action_delete_access_key,
	tally_action_create_state_root, tally_action_get_cose_receipt,
	tally_action_delete_ledger, tally_action_describe_ledger, tally_action_describe_ledgers,
	tally_action_disable_access_key, tally_action_enable_access_key,
	tally_action_exist_journal, tally_action_export_journals, tally_action_get_block_info, tally_action_get_checkpoint,
	tally_action_get_clue_proof, tally_action_get_member, tally_action_kv_delete,
	tally_action_kv_get, tally_action_kv_set, tally_action_list_members,
	tally_action_modify_member_key, tally_action_update_member,
	tally_action_get_consistency_proof, tally_action_get_journal, tally_action_get_journal_proof,
	tally_action_keep_cosigned_checkpoint, tally_action_list_access_keys, tally_action_list_accounts, tally_action_list_journals,
	tally_action_list_spaces, tally_action_maintain, tally_action_modify_ledger_attribute,
	tally_action_read_block, tally_action_rebuild_index, tally_action_stat_ledger,
	tally_action_stat_store;
extern const struct tally_action tally_action_anchor_ledgers, tally_action_create_time_anchor,
	tally_action_describe_tsa, tally_action_get_journal_time_proof,
	tally_action_get_last_time_anchor, tally_action_get_trust_point,
	tally_action_list_time_anchors, tally_action_set_trust_point;
extern const struct tally_action tally_action_create_vpc_endpoint, tally_action_delete_vpc_endpoint,
	tally_action_describe_regions, tally_action_get_access_attribute,
	tally_action_get_ip_white_list, tally_action_grant_service_linked_role,
	tally_action_kv_history, tally_action_kv_list, tally_action_list_vpc_endpoints,
	tally_action_modify_access_attribute, tally_action_modify_ip_white_list,
	tally_action_update_member_key_by_kms;
extern const struct tally_action tally_action_forget_backup, tally_action_get_erasure_certificate,
	tally_action_list_backups, tally_action_occult_journal, tally_action_purge_ledger;
extern const struct tally_action tally_action_accept_member, tally_action_delete_member,
	tally_action_disable_member, tally_action_enable_member, tally_action_invite_members,
	tally_action_modify_member_acls;
extern const struct tally_action tally_action_create_temporary_key,
	tally_action_delete_account_policy, tally_action_get_account_policy,
	tally_action_set_account_policy;
extern const struct tally_action tally_action_add_channel, tally_action_add_organization,
	tally_action_list_channels, tally_action_list_organizations, tally_action_remove_channel,
	tally_action_remove_organization;

const struct tally_action *const tally_actions[] = {
	&tally_action_accept_member,
	&tally_action_add_channel,
	&tally_action_add_organization,
	&tally_action_adopt_store,
	&tally_action_anchor_ledgers,
	&tally_action_append_journal,
	&tally_action_append_journals,
	&tally_action_backup_store,
	&tally_action_check_signed_checkpoint,
	&tally_action_check_store,
	&tally_action_create_access_key,
	&tally_action_create_account,
	&tally_action_create_ledger,
	&tally_action_create_member,
	&tally_action_create_state_root,
	&tally_action_create_temporary_key,
	&tally_action_create_time_anchor,
	&tally_action_create_vpc_endpoint,
	&tally_action_delete_access_key,
	&tally_action_delete_account_policy,
	&tally_action_delete_ledger,
	&tally_action_delete_member,
	&tally_action_delete_vpc_endpoint,
	&tally_action_describe_ledger,
	&tally_action_describe_ledgers,
	&tally_action_describe_regions,
	&tally_action_describe_tsa,
	&tally_action_disable_access_key,
	&tally_action_disable_member,
	&tally_action_enable_access_key,
	&tally_action_enable_member,
	&tally_action_exist_journal,
	&tally_action_export_journals,
	&tally_action_forget_backup,
	&tally_action_get_access_attribute,
	&tally_action_get_account_policy,
	&tally_action_get_block_info,
	&tally_action_get_checkpoint,
	&tally_action_get_clue_proof,
	&tally_action_get_consistency_proof,
	&tally_action_get_cose_receipt,
	&tally_action_get_erasure_certificate,
	&tally_action_get_ip_white_list,
	&tally_action_get_journal,
	&tally_action_get_journal_proof,
	&tally_action_get_journal_time_proof,
	&tally_action_get_last_time_anchor,
	&tally_action_get_member,
	&tally_action_get_trust_point,
	&tally_action_grant_service_linked_role,
	&tally_action_invite_members,
	&tally_action_keep_cosigned_checkpoint,
	&tally_action_kv_delete,
	&tally_action_kv_get,
	&tally_action_kv_history,
	&tally_action_kv_list,
	&tally_action_kv_set,
	&tally_action_list_access_keys,
	&tally_action_list_accounts,
	&tally_action_list_backups,
	&tally_action_list_channels,
	&tally_action_list_journals,
	&tally_action_list_members,
	&tally_action_list_organizations,
	&tally_action_list_spaces,
	&tally_action_list_time_anchors,
	&tally_action_list_vpc_endpoints,
	&tally_action_maintain,
	&tally_action_modify_access_attribute,
	&tally_action_modify_ip_white_list,
	&tally_action_modify_ledger_attribute,
	&tally_action_modify_member_acls,
	&tally_action_modify_member_key,
	&tally_action_occult_journal,
	&tally_action_purge_ledger,
	&tally_action_read_block,
	&tally_action_rebuild_index,
	&tally_action_remove_channel,
	&tally_action_remove_organization,
	&tally_action_set_account_policy,
	&tally_action_set_trust_point,
	&tally_action_stat_ledger,
	&tally_action_stat_store,
	&tally_action_update_member,
	&tally_action_update_member_key_by_kms,
	NULL
};

const struct tally_action *tally_action_find(enum tally_family family, struct tally_bytes name)
{
	size_t low = 0, high = sizeof(tally_actions) / sizeof(*tally_actions) - 1;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct tally_action *action = tally_actions[middle];
		int order = tally_bytes_compare(tally_bytes_str(action->name), name);

		if (order == 0)
			return action->family == family ? action : NULL;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
