/* tally drivers: the storage drivers of this build, what each promises, and its settings. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "print.h"
#include "store.h"
#include "verb.h"

static const struct {
	uint32_t cap;
	const char *name;
} cap_names[] = {
	{ TALLY_CAP_BLOCKS, "blocks" },	  { TALLY_CAP_INDEX, "index" },
	{ TALLY_CAP_DURABLE, "durable" }, { TALLY_CAP_HOSTS, "hosts" },
	{ TALLY_CAP_LOCAL, "local" },	  { TALLY_CAP_GROUP, "group" },
};
#define CAP_COUNT (sizeof cap_names / sizeof *cap_names)

static const char *type_name(enum tally_setting_type type)
{
	switch (type) {
	case SETTING_TEXT: return "text";
	case SETTING_U64: return "number";
	case SETTING_SIZE: return "size";
	case SETTING_TIME: return "time";
	case SETTING_BOOL: return "bool";
	default: return "";
	}
}

static json_object *driver_json(const struct tally_driver *driver)
{
	json_object *object = json_object_new_object();
	json_object *caps = json_object_new_array();
	json_object *settings = json_object_new_array();
	const struct tally_setting *row = driver->settings;

	for (size_t i = 0; i < CAP_COUNT; i++)
		if (driver->caps & cap_names[i].cap)
			json_object_array_add(caps, json_object_new_string(cap_names[i].name));
	for (; row != NULL && row->type != SETTING_END; row++) {
		json_object *setting = json_object_new_object();

		json_object_object_add(setting, "key", json_object_new_string(row->key));
		json_object_object_add(setting, "type", json_object_new_string(type_name(row->type)));
		if (row->fallback != NULL)
			json_object_object_add(setting, "default",
					       json_object_new_string(row->fallback));
		json_object_object_add(setting, "help", json_object_new_string(row->help));
		json_object_array_add(settings, setting);
	}
	json_object_object_add(object, "name", json_object_new_string(driver->name));
	json_object_object_add(object, "summary", json_object_new_string(driver->summary));
	json_object_object_add(object, "capabilities", caps);
	json_object_object_add(object, "settings", settings);
	return object;
}

static void driver_text(const struct tally_driver *driver)
{
	const struct tally_setting *row = driver->settings;

	printf("%s: %s\n  promises:", driver->name, driver->summary);
	for (size_t i = 0; i < CAP_COUNT; i++)
		if (driver->caps & cap_names[i].cap)
			printf(" %s", cap_names[i].name);
	printf("\n");
	for (; row != NULL && row->type != SETTING_END; row++)
		printf("  %s.%s = %s\n      %s\n", driver->name, row->key,
		       row->fallback != NULL ? row->fallback : "(none)", row->help);
}

static int drivers_run(struct verb_call *call)
{
	json_object *list = json_object_new_array();
	bool json = verb_given(call, "json");

	for (size_t i = 0; tally_builtin_drivers[i] != NULL; i++) {
		if (json)
			json_object_array_add(list, driver_json(tally_builtin_drivers[i]));
		else
			driver_text(tally_builtin_drivers[i]);
	}
	if (json)
		print_json(list);
	else
		json_object_put(list);
	return VERB_OK;
}

static const struct verb_option drivers_options[] = { VERB_JSON_OPTION, VERB_OPTIONS_END };

const struct verb verb_drivers = {
	.name = "drivers",
	.usage = "",
	.summary = "List the storage drivers of this build",
	.options = drivers_options,
	.run = drivers_run,
};
