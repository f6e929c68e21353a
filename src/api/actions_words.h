/*
 * What the documents made from the rows of actions have in common: how things are called, which errors
 * an action can answer with, and its example, as lines that can be run.
 */
#ifndef TALLY_ACTIONS_WORDS_H
#define TALLY_ACTIONS_WORDS_H

#include "action.h"
#include "fault.h"

/* Of each type of parameter: its name for people, its type in JSON schema, its pattern or NULL. */
struct tally_param_word {
	const char *name, *json, *pattern;
};
extern const struct tally_param_word tally_param_words[];

/* What it takes to be allowed; the types of members of replies, as JSON schema calls them. */
extern const char *const tally_need_words[];
extern const char *const tally_node_words[];

/* Where it is called: "/" or "/admin/". */
const char *tally_action_path(const struct tally_action *action);

/* The errors that this action's own row leads to; those of every request come on top. Their number. */
#define TALLY_ACTION_FAULTS 12
size_t tally_action_faults(const struct tally_action *action,
			   enum tally_fault_kind kinds_r[TALLY_ACTION_FAULTS]);
/* Those of every request; NULL-terminated by FAULT_NONE. */
extern const enum tally_fault_kind tally_common_faults[];

/*
 * The action's example: its required parameters and those that the row's `example` names, with the examples
 * of their rows, as a line of `tally call` or with curl. What is not in the line (endpoint and key, or the
 * store) is in the environment. NULL: there is no such form (local administration has no URL).
 */
enum tally_example { EXAMPLE_CALL, EXAMPLE_CURL };
const char *tally_action_example(struct tally_arena *arena, const struct tally_action *action,
				 enum tally_example form);

#endif
