/*
 * tally: the command line of a ledger store. This file is the list of verbs, in the order in
 * which help shows them; each verb is a file of its own.
 */
#include "config.h"

#include "verb.h"

extern const struct verb verb_account, verb_actions, verb_adopt, verb_anchor, verb_append, verb_audit,
	verb_backup, verb_bench, verb_call, verb_certificate, verb_channel,
	verb_doctor, verb_drivers, verb_dump, verb_export, verb_get, verb_help, verb_import, verb_init, verb_key, verb_kv, verb_ledger,
	verb_list, verb_load, verb_maintain, verb_member, verb_occult, verb_org, verb_prove, verb_publish, verb_purge, verb_rebuild, verb_restore, verb_serve, verb_stat, verb_tsa, verb_verify,
	verb_version, verb_witness;

const struct verb *const tally_verbs[] = {
	&verb_init,
	&verb_serve,
	&verb_call,
	&verb_account,
	&verb_key,
	&verb_ledger,
	&verb_member,
	&verb_org,
	&verb_channel,
	&verb_append,
	&verb_get,
	&verb_list,
	&verb_export,
	&verb_import,
	&verb_kv,
	&verb_anchor,
	&verb_prove,
	&verb_verify,
	&verb_audit,
	&verb_publish,
	&verb_witness,
	&verb_occult,
	&verb_purge,
	&verb_certificate,
	&verb_dump,
	&verb_load,
	&verb_rebuild,
	&verb_backup,
	&verb_restore,
	&verb_adopt,
	&verb_maintain,
	&verb_stat,
	&verb_doctor,
	&verb_drivers,
	&verb_actions,
	&verb_bench,
	&verb_tsa,
	&verb_version,
	&verb_help,
	NULL
};

int main(int argc, char **argv)
{
	return verb_main(tally_verbs, argc, argv);
}
