/* tally version: what this program is and what was built into it. */
#include "config.h"

#include <stdio.h>

#include <json-c/json.h>

#include "print.h"
#include "store.h"
#include "verb.h"

static int version_run(struct verb_call *call)
{
	json_object *object;

	if (!verb_given(call, "json")) {
		printf("%s\ndrivers:", PACKAGE_STRING);
		for (size_t i = 0; tally_builtin_drivers[i] != NULL; i++)
			printf(" %s", tally_builtin_drivers[i]->name);
		printf("\n");
		return VERB_OK;
	}
	object = json_object_new_object();
	json_object_object_add(object, "name", json_object_new_string(PACKAGE_NAME));
	json_object_object_add(object, "version", json_object_new_string(PACKAGE_VERSION));
	json_object_object_add(object, "driverAbi", json_object_new_int(TALLY_DRIVER_ABI));
	print_json(object);
	return VERB_OK;
}

static const struct verb_option version_options[] = { VERB_JSON_OPTION, VERB_OPTIONS_END };

const struct verb verb_version = {
	.name = "version",
	.usage = "",
	.summary = "Print the version and the drivers built in",
	.options = version_options,
	.run = version_run,
};
