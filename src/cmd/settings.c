/* The sections of tally.conf, and where the key file is; see settings.h. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "conf.h"
#include "action.h"
#include "core.h"
#include "fill.h"
#include "settings.h"
#include "stamp.h"
#include "store.h"
#include "throttle.h"

const struct settings_section settings_sections[] = {
	{ "store", tally_store_settings },
	{ "ledger", tally_ledger_settings },
	{ "api", tally_api_setting_rows },
	{ "access", tally_access_setting_rows },
	{ "throttle", tally_throttle_setting_rows },
	{ "datashare", tally_share_setting_rows },
	{ "gateway", tally_gateway_setting_rows },
	{ "log", tally_log_setting_rows },
	{ "time", tally_time_setting_rows },
	{ "witness", tally_witness_setting_rows },
	{ NULL, NULL }
};

void settings_declare(struct tally_conf *conf)
{
	for (size_t i = 0; settings_sections[i].name != NULL; i++)
		tally_conf_declare(conf, settings_sections[i].name, settings_sections[i].rows);
	for (size_t i = 0; tally_builtin_drivers[i] != NULL; i++)
		if (tally_builtin_drivers[i]->settings != NULL)
			tally_conf_declare(conf, tally_builtin_drivers[i]->name,
					   tally_builtin_drivers[i]->settings);
}

const char *master_key_path(struct tally_conf *conf)
{
	const char *key = tally_conf_get(conf, "store", "master_key");
	const char *path = tally_conf_get(conf, "store", "path");
	char file[4096];
	size_t size;

	if (key != NULL || path == NULL)
		return key != NULL ? key : "";
	/* As the core has it: the store's path with .key behind it. Kept in the configuration, so
	 * that it lives as long. */
	size = strlen(path);
	while (size > 1 && path[size - 1] == '/')
		size--;
	snprintf(file, sizeof file, "%.*s.key", (int)size, path);
	tally_conf_override(conf, "store", "master_key", file);
	return tally_conf_get(conf, "store", "master_key");
}
