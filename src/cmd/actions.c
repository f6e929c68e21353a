/* tally actions: what the API of this build offers, from the tables of actions themselves. */
#include "config.h"

#include <stdio.h>

#include "actions_doc.h"
#include "arena.h"
#include "verb.h"

static int actions_run(struct verb_call *call)
{
	struct tally_arena arena = { 0 };
	struct tally_bytes text;

	if (verb_given(call, "json") + verb_given(call, "openapi") + verb_given(call, "html") +
	    verb_given(call, "man") > 1)
		return verb_misuse(call, "one of --json, --openapi, --html and --man");
	if (verb_given(call, "openapi"))
		text = tally_actions_openapi(&arena);
	else if (verb_given(call, "json"))
		text = tally_actions_list(&arena);
	else if (verb_given(call, "html"))
		text = tally_actions_html(&arena);
	else if (verb_given(call, "man"))
		text = tally_actions_man(&arena);
	else
		text = tally_actions_text(&arena);
	fwrite(text.data, 1, text.size, stdout);
	if (text.size != 0 && text.data[text.size - 1] != '\n')
		putchar('\n');
	tally_arena_free(&arena);
	return VERB_OK;
}

static const struct verb_option actions_options[] = {
	{ "json", NULL, "print JSON: an array of rows" },
	{ "openapi", NULL, "print an OpenAPI 3.1 document" },
	{ "html", NULL, "print the reference as one HTML page" },
	{ "man", NULL, "print it as a manual page, tally-actions(7)" },
	VERB_OPTIONS_END
};

const struct verb verb_actions = {
	.name = "actions",
	.usage = "",
	.summary = "List the actions of the API and their parameters",
	.options = actions_options,
	.run = actions_run,
};
