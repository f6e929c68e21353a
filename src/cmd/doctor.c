/*
 * tally doctor: looks at what commonly goes wrong and says what to do about it. It changes
 * nothing; with --deep it also reads every block again.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <json-c/json.h>

#include "client.h"
#include "clock.h"
#include "conf.h"
#include "cosigner.h"
#include "err.h"
#include "fill.h"
#include "policyfile.h"
#include "print.h"
#include "settings.h"
#include "stamp.h"
#include "store.h"

#define NFS_MAGIC 0x6969
#define SPACE_LOW (1ull << 30)
#define YEAR_2024_MS 1704067200000ull

enum state { GOOD, ODD, BAD };

struct doctor {
	struct verb_call *call;
	json_object *list;	/* NULL: text */
	bool any_bad;
};

/* One finding; advice may be NULL. */
static void found(struct doctor *doctor, enum state state, const char *check, const char *advice,
		  const char *format, ...) __attribute__((format(printf, 5, 6)));

static void found(struct doctor *doctor, enum state state, const char *check, const char *advice,
		  const char *format, ...)
{
	static const char *const names[] = { "ok", "warn", "FAIL" };
	char text[600];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	doctor->any_bad = doctor->any_bad || state == BAD;
	if (doctor->list != NULL) {
		json_object *object = json_object_new_object();

		json_object_object_add(object, "Check", json_object_new_string(check));
		json_object_object_add(object, "State", json_object_new_string(
								state == GOOD ? "ok" :
								state == ODD  ? "warn" : "fail"));
		json_object_object_add(object, "Text", json_object_new_string(text));
		if (advice != NULL)
			json_object_object_add(object, "Advice", json_object_new_string(advice));
		json_object_array_add(doctor->list, object);
		return;
	}
	printf("%-5s %-14s %s\n", names[state], check, text);
	if (advice != NULL)
		printf("%21s-> %s\n", "", advice);
}

/* ---- the checks ---- */

static bool check_conf(struct doctor *doctor)
{
	struct tally_conf *conf = verb_conf(doctor->call);
	struct tally_err err;

	if (conf == NULL) {
		found(doctor, BAD, "configuration", "correct the line that the message names",
		      "it cannot be read");
		return false;
	}
	settings_declare(conf);
	if (tally_conf_check(conf, &err) != 0)
		found(doctor, BAD, "configuration", "tally.conf(5) lists the settings there are",
		      "%s", err.text);
	else
		found(doctor, GOOD, "configuration", NULL, "readable, every setting is known");
	return true;
}

static void check_authorities(struct doctor *doctor)
{
	struct tally_authorities *authorities;
	struct tally_err err;

	if (tally_authorities_open(doctor->call->conf, &authorities, &err) != 0) {
		found(doctor, BAD, "authorities", "correct [time] in tally.conf", "%s", err.text);
		return;
	}
	found(doctor, GOOD, "authorities", NULL, authorities != NULL ?
	      "time-stamp authorities and their certificates are named" :
	      "no time-stamp authority is named: no ledger is anchored in time");
	tally_authorities_close(&authorities);
}

static void check_driver(struct doctor *doctor)
{
	const char *name = verb_driver_name(doctor->call);
	const struct tally_driver *driver;
	struct tally_err err;

	if (tally_driver_find(name, tally_conf_get(doctor->call->conf, "store", "module_dir"), &driver,
			      &err) != 0)
		found(doctor, BAD, "driver", "'tally drivers' lists those of this build", "%s", err.text);
	else
		found(doctor, driver->caps & TALLY_CAP_DURABLE ? GOOD : ODD, "driver",
		      driver->caps & TALLY_CAP_DURABLE ? NULL : "use bdb or flatfile to keep anything",
		      "%s: %s", driver->name, driver->summary);
}

static void check_medium(struct doctor *doctor, const char *path)
{
	struct statvfs space;
	struct statfs fs;
	char free_text[16];

	if (statfs(path, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == NFS_MAGIC))
		found(doctor, fs.f_type == TMPFS_MAGIC ? ODD : BAD, "medium",
		      "keep the store on a local disk", "%s is on %s", path,
		      fs.f_type == TMPFS_MAGIC ? "a file system in memory" : "NFS, where locks fail");
	if (statvfs(path, &space) != 0)
		return;
	print_size((uint64_t)space.f_bavail * space.f_frsize, free_text);
	if ((uint64_t)space.f_bavail * space.f_frsize < SPACE_LOW)
		found(doctor, ODD, "disk space", "make room, or appends will be refused",
		      "only %s free under %s", free_text, path);
	else
		found(doctor, GOOD, "disk space", NULL, "%s free under %s", free_text, path);
}

/* The directory; false where looking further makes no sense. */
static bool check_directory(struct doctor *doctor, const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0) {
		found(doctor, BAD, "store", errno == ENOENT ? "'tally init' makes one" :
		      "every directory above it must be open to this user", "%s: %s", path,
		      strerror(errno));
		return false;
	}
	if (!S_ISDIR(st.st_mode)) {
		found(doctor, BAD, "store", "name the store's directory", "%s is no directory", path);
		return false;
	}
	if (geteuid() != 0 && geteuid() != st.st_uid) {
		found(doctor, BAD, "permissions", "run as that user, or as root",
		      "%s belongs to uid %u, and this is uid %u", path, (unsigned)st.st_uid,
		      (unsigned)geteuid());
		return false;
	}
	if ((st.st_mode & 022) != 0)
		found(doctor, BAD, "permissions", "chmod go-w it", "others may write to %s", path);
	else
		found(doctor, GOOD, "permissions", NULL, "%s belongs to uid %u", path,
		      (unsigned)st.st_uid);
	return true;
}

static void check_key(struct doctor *doctor)
{
	const char *path = master_key_path(doctor->call->conf);
	struct stat st;

	if (stat(path, &st) != 0)
		found(doctor, BAD, "key file", "put back the copy you kept: without it no access key "
		      "can be checked", "%s: %s", path, strerror(errno));
	else if ((st.st_mode & 077) != 0)
		found(doctor, BAD, "key file", "chmod 600 it", "others than its owner may read %s", path);
	else
		found(doctor, GOOD, "key file", NULL, "%s, for its owner only", path);
}

/* What was erased is there again where an older copy was put back, and still in older backups. */
static void check_erased(struct doctor *doctor, struct client *client)
{
	json_object *reply, *list, *lost;
	size_t holding = 0;

	client_start_admin(client, "ListBackups");
	reply = client_try(client);
	if (reply == NULL) {
		found(doctor, BAD, "erasures", NULL, "%s", client->message);
		return;
	}
	lost = reply_member(reply, "LostErasures");
	for (size_t i = 0; i < reply_count(lost); i++) {
		json_object *one = json_object_array_get_idx(lost, i);
		bool purge = reply_member(one, "Before") != NULL;

		found(doctor, BAD, "erasures", purge ? "order it again: tally purge" :
						       "order it again: tally occult",
		      "%s has again what was erased from it, since an older copy was put back: %s %s",
		      reply_text(one, "LedgerId"), purge ? "all journals below" : "journal",
		      reply_text(one, purge ? "Before" : "JournalId"));
	}
	list = reply_member(reply, "Backups");
	for (size_t i = 0; i < reply_count(list); i++)
		holding += reply_bool(json_object_array_get_idx(list, i), "HoldsErased");
	if (holding > 0)
		found(doctor, ODD, "backups", "destroy them when you can, then 'tally backup --forget DIR'; "
		      "'tally backup --list' lists them", "%zu may hold what was erased since", holding);
	else if (reply_count(lost) == 0)
		found(doctor, GOOD, "erasures", NULL, "nothing that was erased is known to be anywhere");
	json_object_put(reply);
}

static void check_store(struct doctor *doctor)
{
	struct client client;
	json_object *reply;

	if (client_open(doctor->call, false, &client) != VERB_OK) {
		found(doctor, BAD, "opening", "the line above says why",
		      "the store does not open and no owner answers");
		return;
	}
	client_start_admin(&client, "ListSpaces");
	reply = client_try(&client);
	if (reply == NULL)
		found(doctor, BAD, "opening", "the server's log may tell more", "%s", client.message);
	else
		found(doctor, GOOD, "opening", NULL, "it answers; ledgers: %zu",
		      reply_count(reply_member(reply, "Spaces")) - 1);
	json_object_put(reply);
	if (reply != NULL)
		check_erased(doctor, &client);
	if (reply != NULL && verb_given(doctor->call, "deep")) {
		client_start_admin(&client, "CheckStore");
		reply = client_try(&client);
		if (reply == NULL)
			found(doctor, BAD, "blocks", "restore a backup; keep the damaged store for a look",
			      "%s", client.message);
		else
			found(doctor, GOOD, "blocks", NULL, "every block, checksum, leaf and root agrees");
		json_object_put(reply);
	}
	client_close(&client);
}

/* Only where there is one, or a policy of some. */
static void check_witnesses(struct doctor *doctor)
{
	struct tally_witness_settings settings;
	struct tally_policy_file *policy;
	struct tally_cosigner *cosigner;
	struct tally_err err;

	if (tally_witness_settings_load(doctor->call->conf, &settings, &err) != 0) {
		found(doctor, BAD, "witnesses", "tally.conf(5) lists the settings there are", "%s",
		      err.text);
		return;
	}
	if (settings.policy != NULL && tally_policy_file_read(settings.policy, &policy, &err) != 0) {
		found(doctor, BAD, "witnesses", "correct the line that the message names", "%s", err.text);
	} else if (settings.policy != NULL) {
		found(doctor, GOOD, "witnesses", NULL, "the policy names %zu", policy->policy.witness_count);
		tally_policy_file_free(&policy);
	}
	if (settings.directory != NULL &&
	    tally_cosigner_open(settings.directory, &cosigner, &err) != 0) {
		found(doctor, BAD, "own witness", "'tally witness init' makes one", "%s", err.text);
	} else if (settings.directory != NULL) {
		found(doctor, GOOD, "own witness", NULL, "%s", tally_cosigner_vkey(cosigner)->name);
		tally_cosigner_close(&cosigner);
	}
}

static void check_clock(struct doctor *doctor)
{
	struct timex clock = { 0 };
	char now[24];

	tally_time_format(tally_now_ms(), now);
	if (tally_now_ms() < YEAR_2024_MS)
		found(doctor, BAD, "clock", "set it: signed requests are refused when it is 15 minutes off",
		      "it says %s", now);
	else if (adjtimex(&clock) == TIME_ERROR || (clock.status & STA_UNSYNC) != 0)
		found(doctor, ODD, "clock", "run an NTP client, if nothing else sets the clock",
		      "%s; the system does not know it to be in step", now);
	else
		found(doctor, GOOD, "clock", NULL, "%s, kept in step", now);
}

/* A program in PATH or where system programs live. */
static bool have_program(const char *name)
{
	const char *path = getenv("PATH");
	char list[4096], file[PATH_MAX], *rest = list, *directory;

	snprintf(list, sizeof list, "%s:/usr/sbin:/usr/local/sbin:/sbin", path != NULL ? path : "");
	while ((directory = strsep(&rest, ":")) != NULL) {
		snprintf(file, sizeof file, "%s/%s", directory, name);
		if (access(file, X_OK) == 0)
			return true;
	}
	return false;
}

static void check_servers(struct doctor *doctor)
{
	static const char *const names[] = { "lighttpd", "apache2", "httpd", "nginx" };
	char text[128] = "";

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (have_program(names[i]))
			snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s",
				 text[0] != '\0' ? ", " : "", names[i]);
	if (text[0] == '\0')
		found(doctor, ODD, "web server", "install lighttpd, nginx or Apache to serve over HTTP",
		      "none is installed");
	else
		found(doctor, GOOD, "web server", NULL, "%s", text);
}

/* ---- settings ---- */

static void show_setting(struct tally_conf *conf, const char *section,
			 const struct tally_setting *row, json_object *list)
{
	const char *value = tally_conf_get(conf, section, row->key);
	json_object *object;
	char name[160];

	if (value == NULL)
		value = row->fallback;
	snprintf(name, sizeof name, "%s.%s", section, row->key);
	if (list == NULL) {
		printf("%s = %s\n", name, value != NULL ? value : "");
		return;
	}
	object = json_object_new_object();
	json_object_object_add(object, "Name", json_object_new_string(name));
	json_object_object_add(object, "Value", json_object_new_string(value != NULL ? value : ""));
	json_object_object_add(object, "Default",
			       json_object_new_string(row->fallback != NULL ? row->fallback : ""));
	json_object_object_add(object, "Help", json_object_new_string(row->help));
	json_object_array_add(list, object);
}

static void show_section(struct tally_conf *conf, const char *section,
			 const struct tally_setting *rows, json_object *list)
{
	for (; rows != NULL && rows->key != NULL; rows++)
		show_setting(conf, section, rows, list);
}

/* Every setting there is, with the value in force. */
static int show_settings(struct verb_call *call)
{
	struct tally_conf *conf = verb_conf(call);
	json_object *list = verb_given(call, "json") ? json_object_new_array() : NULL;

	if (conf == NULL)
		return VERB_FAILED;
	for (size_t i = 0; settings_sections[i].name != NULL; i++)
		show_section(conf, settings_sections[i].name, settings_sections[i].rows, list);
	for (size_t i = 0; tally_builtin_drivers[i] != NULL; i++)
		show_section(conf, tally_builtin_drivers[i]->name, tally_builtin_drivers[i]->settings,
			     list);
	if (list != NULL)
		print_json(list);
	return VERB_OK;
}

/* ---- the verb ---- */

static int doctor_run(struct verb_call *call)
{
	struct doctor doctor = { .call = call };
	const char *path;

	if (verb_given(call, "settings"))
		return show_settings(call);
	if (verb_given(call, "json"))
		doctor.list = json_object_new_array();
	if (check_conf(&doctor)) {
		path = tally_conf_get(call->conf, "store", "path");
		check_driver(&doctor);
		check_authorities(&doctor);
		if (path == NULL) {
			found(&doctor, BAD, "store", "name one with --store DIR, TALLY_STORE or tally.conf",
			      "no store is named");
		} else if (check_directory(&doctor, path)) {
			check_medium(&doctor, path);
			check_key(&doctor);
			check_store(&doctor);
		}
		check_witnesses(&doctor);
	}
	check_clock(&doctor);
	check_servers(&doctor);
	if (doctor.list != NULL)
		print_json(doctor.list);
	return doctor.any_bad ? VERB_FAILED : VERB_OK;
}

static const struct verb_option doctor_options[] = {
	{ "deep", NULL, "also read every block again and check it" },
	{ "settings", NULL, "only print every setting there is, with the value in force" },
	VERB_JSON_OPTION,
	VERB_STORE_OPTIONS,
	VERB_OPTIONS_END
};

const struct verb verb_doctor = {
	.name = "doctor",
	.usage = "",
	.summary = "Check configuration, store, key file, clock and disk, and say what to do",
	.options = doctor_options,
	.run = doctor_run,
};
