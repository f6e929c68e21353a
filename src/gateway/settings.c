/* What the gateway reads from the configuration (fill.h). */
#include "config.h"

#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "err.h"
#include "fill.h"

const struct tally_setting tally_gateway_setting_rows[] = {
	{ "threads", SETTING_U64, "0", offsetof(struct tally_gateway_settings, threads),
	  "Requests served at once by one tally.fcgi; 0: 16 for each processor, at most 32." },
	{ "connections", SETTING_U64, "512", offsetof(struct tally_gateway_settings, connections),
	  "Connections of web servers held at once; further ones wait. At most 900." },
	{ "mount", SETTING_TEXT, NULL, offsetof(struct tally_gateway_settings, mount),
	  "The part of the URL path above the service, such as /ledger; found out by itself where "
	  "the program's name stands in the URL (CGI)." },
	{ "stop_grace", SETTING_TIME, "5s",
	  offsetof(struct tally_gateway_settings, stop_grace_ms),
	  "How long a stopping tally.fcgi waits for clients that are still sending." },
	{ "owner_wait", SETTING_TIME, "5s",
	  offsetof(struct tally_gateway_settings, owner_wait_ms),
	  "How long the process that has the store open may say nothing before others answer 503; "
	  "while it works it says so every second." },
	{ .key = NULL }
};

const struct tally_setting tally_log_setting_rows[] = {
	{ "level", SETTING_TEXT, "info", offsetof(struct tally_gateway_settings, log_level),
	  "The least important lines that are kept: debug, info, warn or error." },
	{ "file", SETTING_TEXT, NULL, offsetof(struct tally_gateway_settings, log_file),
	  "Where the log goes; nothing: to standard error, which most web servers put into "
	  "their own error log." },
	{ .key = NULL }
};

const struct tally_setting tally_witness_setting_rows[] = {
	{ "directory", SETTING_TEXT, NULL, offsetof(struct tally_witness_settings, directory),
	  "Be a witness to the logs of others: where its key and what it cosigned are (tally witness "
	  "init)." },
	{ "policy", SETTING_TEXT, NULL, offsetof(struct tally_witness_settings, policy),
	  "A policy file (c2sp.org/tlog-policy) that names the witnesses, with their URLs, that "
	  "cosign the checkpoints of this store's ledgers, and how many of them make a quorum." },
	{ "timeout", SETTING_TIME, "10s", offsetof(struct tally_witness_settings, timeout_ms),
	  "How long one witness may take to answer." },
	{ "interval", SETTING_TIME, "5s", offsetof(struct tally_witness_settings, interval_ms),
	  "How often a long-running server shows what grew to the witnesses; 0: never, only tally "
	  "maintain does." },
	{ "ledgers", SETTING_TEXT, "all", offsetof(struct tally_witness_settings, ledgers),
	  "Whose checkpoints witnesses see: all, or only those of public ledgers (public). A "
	  "checkpoint tells the ledger's id, its number of journals, and a hash." },
	{ .key = NULL }
};

/* Two of the rows of [api]; that table says what they mean. */
static const struct tally_setting api_rows[] = {
	{ "body_limit", SETTING_SIZE, "16MiB", offsetof(struct tally_gateway_settings, body_limit),
	  NULL },
	{ "trusted_proxies", SETTING_TEXT, NULL,
	  offsetof(struct tally_gateway_settings, trusted_proxies), NULL },
	{ .key = NULL }
};

/* And one of [witness]. */
static const struct tally_setting witness_rows[] = {
	{ "directory", SETTING_TEXT, NULL, offsetof(struct tally_gateway_settings, witness), NULL },
	{ .key = NULL }
};

static uint64_t threads_by_default(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	return cores >= 2 ? 32 : 16;
}

static int check(struct tally_gateway_settings *settings, struct tally_err *err)
{
	size_t length = settings->mount != NULL ? strlen(settings->mount) : 0;

	if (settings->threads == 0)
		settings->threads = threads_by_default();
	if (settings->threads > 1024)
		return tally_err_about(err, TALLY_INVALID, "gateway.threads",
				       "gateway.threads: at most 1024");
	if (settings->connections == 0 || settings->connections > 900)
		return tally_err_about(err, TALLY_INVALID, "gateway.connections",
				       "gateway.connections: from 1 to 900");
	if (settings->owner_wait_ms < 2000 || settings->owner_wait_ms > 600000)
		return tally_err_about(err, TALLY_INVALID, "gateway.owner_wait",
				       "gateway.owner_wait: from 2 seconds to 10 minutes");
	if (length > 0 && settings->mount[0] != '/')
		return tally_err_about(err, TALLY_INVALID, "gateway.mount",
				       "gateway.mount: must begin with '/'");
	if (settings->body_limit > (uint64_t)1 << 30)
		return tally_err_about(err, TALLY_INVALID, "api.body_limit",
				       "api.body_limit: at most 1 GiB");
	return tally_trust_parse(settings->trusted_proxies, &settings->trust, err);
}

int tally_gateway_settings_load(const struct tally_conf *conf,
				struct tally_gateway_settings *settings_r, struct tally_err *err)
{
	memset(settings_r, 0, sizeof *settings_r);
	if (tally_conf_load(conf, "gateway", tally_gateway_setting_rows, settings_r, err) != 0 ||
	    tally_conf_load(conf, "log", tally_log_setting_rows, settings_r, err) != 0 ||
	    tally_conf_load(conf, "api", api_rows, settings_r, err) != 0 ||
	    tally_conf_load(conf, "witness", witness_rows, settings_r, err) != 0)
		return -1;
	return check(settings_r, err);
}

int tally_witness_settings_load(const struct tally_conf *conf,
				struct tally_witness_settings *settings_r, struct tally_err *err)
{
	memset(settings_r, 0, sizeof *settings_r);
	if (tally_conf_load(conf, "witness", tally_witness_setting_rows, settings_r, err) != 0)
		return -1;
	if (settings_r->timeout_ms < 100 || settings_r->timeout_ms > 600000)
		return tally_err_about(err, TALLY_INVALID, "witness.timeout",
				       "witness.timeout: from 100 milliseconds to 10 minutes");
	if (settings_r->interval_ms != 0 && settings_r->interval_ms < 100)
		return tally_err_about(err, TALLY_INVALID, "witness.interval",
				       "witness.interval: at least 100 milliseconds, or 0");
	settings_r->public_only = strcmp(settings_r->ledgers, "public") == 0;
	if (!settings_r->public_only && strcmp(settings_r->ledgers, "all") != 0)
		return tally_err_about(err, TALLY_INVALID, "witness.ledgers",
				       "witness.ledgers: all or public");
	return 0;
}

void tally_gateway_settings_free(struct tally_gateway_settings *settings)
{
	tally_trust_free(&settings->trust);
}
