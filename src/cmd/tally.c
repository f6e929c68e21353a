/*
 * tally: the command line of a ledger store. This file is the list of verbs, in the order in
 * which help shows them; each verb is a file of its own.
 */
#include "verb.h"

extern const struct verb verb_actions, verb_call, verb_drivers, verb_help, verb_init, verb_version;

const struct verb *const tally_verbs[] = {
	&verb_init,
	&verb_call,
	&verb_drivers,
	&verb_actions,
	&verb_version,
	&verb_help,
	NULL
};

int main(int argc, char **argv)
{
	return verb_main(tally_verbs, argc, argv);
}
