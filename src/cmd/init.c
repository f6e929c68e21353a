/*
 * tally init: a new store with its master key, first account and access key. The secret is shown
 * this once. Also writes a tally.conf when asked, so that the web server finds the store.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "buf.h"
#include "conf.h"
#include "core.h"
#include "err.h"
#include "print.h"
#include "secret.h"
#include "verb.h"

/* A value of tally.conf, quoted so that spaces and comment signs in it stay part of it. */
static void add_setting(struct tally_buf *buf, const char *key, const char *value)
{
	tally_buf_printf(buf, "%s = \"", key);
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			tally_buf_add_u8(buf, '\\');
		tally_buf_add_u8(buf, (uint8_t)*value);
	}
	tally_buf_add_str(buf, "\"\n");
}

/* Writes the configuration; it must not exist, so that no one loses settings. */
static int write_config(struct verb_call *call, const char *file, const char *store,
			const char *driver)
{
	struct tally_buf buf = { 0 };
	int fd = verb_open(file, O_WRONLY | O_CREAT | O_EXCL, 0644);
	int status = VERB_OK;

	if (fd < 0)
		return verb_fail(call, "the store is made, but not %s: %s", file, strerror(errno));
	tally_buf_add_str(&buf, "# Settings of tally and tally.fcgi; tally.conf(5) lists them.\n"
				"[store]\n");
	add_setting(&buf, "path", store);
	add_setting(&buf, "driver", driver);
	if (write(fd, buf.data, buf.size) != (ssize_t)buf.size || fsync(fd) != 0)
		status = verb_fail(call, "writing %s: %s", file, strerror(errno));
	close(fd);
	tally_buf_free(&buf);
	return status;
}

static void show_json(const char *store, const char *driver, const struct tally_first_key *key)
{
	json_object *object = json_object_new_object();
	char account[24];

	snprintf(account, sizeof account, "%llu", (unsigned long long)key->account);
	json_object_object_add(object, "Store", json_object_new_string(store));
	json_object_object_add(object, "Driver", json_object_new_string(driver));
	json_object_object_add(object, "AliUid", json_object_new_string(account));
	json_object_object_add(object, "AccessKeyId", json_object_new_string(key->key_id));
	json_object_object_add(object, "AccessKeySecret", json_object_new_string(key->secret));
	print_json(object);
}

static void show_text(const char *store, const char *driver, const struct tally_first_key *key)
{
	printf("store              %s (%s)\n", store, driver);
	printf("account            %llu\n", (unsigned long long)key->account);
	printf("access key id      %s\n", key->key_id);
	printf("access key secret  %s\n", key->secret);
	fprintf(stderr, "The secret is not shown again: keep it now. 'tally key create' makes "
			"another key.\n"
			"Next: export TALLY_STORE=%s; tally ledger create NAME; tally serve\n", store);
}

static int init_run(struct verb_call *call)
{
	const char *path = verb_store_path(call), *file = verb_value(call, "config", NULL);
	struct tally_core_options options = { .conf = call->conf, .short_lived = true };
	struct tally_first_key key;
	struct tally_err err;
	const char *driver;
	char *absolute;
	int status = VERB_OK;

	if (path == NULL)
		return VERB_USAGE;
	if (!verb_become_owner(call, path))
		return VERB_FAILED;
	if (tally_core_init(&options, verb_value(call, "origin", NULL), &key, &err) != 0)
		return verb_fail_err(call, &err);
	absolute = realpath(path, NULL);
	driver = verb_driver_name(call);
	if (verb_given(call, "json"))
		show_json(absolute != NULL ? absolute : path, driver, &key);
	else
		show_text(absolute != NULL ? absolute : path, driver, &key);
	tally_wipe(&key, sizeof key);
	if (file != NULL)
		status = write_config(call, file, absolute != NULL ? absolute : path, driver);
	free(absolute);
	return status;
}

static const struct verb_option init_options[] = {
	{ "store", "DIR", "where the store is made (default: TALLY_STORE)" },
	{ "driver", "NAME", "its storage driver; 'tally drivers' lists them" },
	{ "origin", "NAME", "name of the store in checkpoints, such as ledger.example.org; for ever" },
	{ "config", "FILE", "write a tally.conf for this store there" },
	VERB_JSON_OPTION,
	VERB_OPTIONS_END
};

const struct verb verb_init = {
	.name = "init",
	.usage = "",
	.summary = "Make a new store, its first account and access key",
	.details = "The access key's secret is printed once and kept nowhere in readable form.\n"
		   "Without --origin a random name under tallystick.invalid is taken.",
	.options = init_options,
	.writes_config = true,
	.run = init_run,
};
