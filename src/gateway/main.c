/*
 * tally.fcgi: the service behind a web server. A FastCGI responder when it was given a listening
 * socket (as descriptor 0, by systemd, or with --listen), a plain CGI program otherwise.
 */
#include "config.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fcgiapp.h>

#include "conf.h"	/* the tables of settings in the next two are of its rows */
#include "action.h"
#include "cgi.h"
#include "core.h"
#include "err.h"
#include "fcgi.h"
#include "fill.h"
#include "host.h"
#include "driver.h"
#include "log.h"
#include "openssl_memory.h"
#include "stamp.h"
#include "store.h"
#include "throttle.h"

struct options {
	const char *config;
	const char *listen;
};

static const char help[] =
	"Usage: tally.fcgi [--config FILE] [--listen PATH]\n"
	"\n"
	"Serves ledgers behind a web server: as a FastCGI responder on the socket that the web\n"
	"server, spawn-fcgi or systemd passes, or as a plain CGI program, one request each.\n"
	"\n"
	"  --config FILE  configuration to read (default: TALLY_CONFIG, else the installed\n"
	"                 tally.conf where TALLY_STORE names no store)\n"
	"  --listen PATH  make and listen on this UNIX socket (mode 0660)\n"
	"  --help         print this\n"
	"  --version      print the version\n"
	"\n"
	"SIGTERM, SIGINT and SIGUSR1 stop it after the requests under way; SIGHUP and SIGUSR2\n"
	"reopen the log file.\n";

static int misuse(const char *text, const char *what)
{
	fprintf(stderr, "tally.fcgi: %s%s\nTry 'tally.fcgi --help'.\n", text, what);
	return 2;
}

/* -1: go on; else the exit status. As a CGI program words of the URL's query may stand here
 * (RFC 3875 4.4); nobody asks for help through a web server, so they are not read at all. */
static int parse_options(int argc, char **argv, struct options *options)
{
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i], *equals = strchr(word, '=');
		const char **value = NULL;

		if (strcmp(word, "--help") == 0) {
			fputs(help, stdout);
			return 0;
		}
		if (strcmp(word, "--version") == 0) {
			puts(PACKAGE_STRING);
			return 0;
		}
		if (strncmp(word, "--config", 8) == 0 && (word[8] == '\0' || word[8] == '='))
			value = &options->config;
		else if (strncmp(word, "--listen", 8) == 0 && (word[8] == '\0' || word[8] == '='))
			value = &options->listen;
		else
			return misuse("unknown option ", word);
		*value = equals != NULL ? equals + 1 : i + 1 < argc ? argv[++i] : NULL;
		if (*value == NULL)
			return misuse("a value is missing after ", word);
	}
	return -1;
}

/* TALLY_CONFIG, else the installed file where nothing else names a store. */
static const char *config_path(const struct options *options)
{
	const char *path = options->config != NULL ? options->config : getenv("TALLY_CONFIG");

	if (path != NULL && *path != '\0')
		return path;
	if (getenv("TALLY_STORE") == NULL && access(TALLY_SYSCONF_FILE, R_OK) == 0)
		return TALLY_SYSCONF_FILE;
	return NULL;
}

static enum tally_log_level level_of(const char *name)
{
	static const char *const names[] = { "debug", "info", "warn", "error" };

	for (int i = 0; i < 4; i++)
		if (strcmp(name, names[i]) == 0)
			return (enum tally_log_level)i;
	return TALLY_LOG_INFO;
}

/* Unknown settings can only be told when all rows are there: not with a driver from a module. */
static int check_config(struct tally_conf *conf, struct tally_err *err)
{
	const char *driver = tally_conf_get(conf, "store", "driver");
	bool built_in = driver == NULL;

	tally_conf_declare(conf, "store", tally_store_settings);
	tally_conf_declare(conf, "ledger", tally_ledger_settings);
	tally_conf_declare(conf, "api", tally_api_setting_rows);
	tally_conf_declare(conf, "access", tally_access_setting_rows);
	tally_conf_declare(conf, "throttle", tally_throttle_setting_rows);
	tally_conf_declare(conf, "datashare", tally_share_setting_rows);
	tally_conf_declare(conf, "gateway", tally_gateway_setting_rows);
	tally_conf_declare(conf, "log", tally_log_setting_rows);
	tally_conf_declare(conf, "time", tally_time_setting_rows);
	tally_conf_declare(conf, "witness", tally_witness_setting_rows);
	for (size_t i = 0; tally_builtin_drivers[i] != NULL; i++) {
		const struct tally_driver *row = tally_builtin_drivers[i];

		built_in = built_in || strcmp(driver, row->name) == 0;
		if (row->settings != NULL)
			tally_conf_declare(conf, row->name, row->settings);
	}
	return built_in ? tally_conf_check(conf, err) : 0;
}

static int open_log(const struct tally_conf *conf, struct tally_err *err)
{
	struct tally_gateway_settings settings;
	int result;

	if (tally_gateway_settings_load(conf, &settings, err) != 0)
		return -1;
	result = tally_log_open(level_of(settings.log_level), settings.log_file, err);
	tally_gateway_settings_free(&settings);
	return result;
}

static int read_config(struct tally_conf *conf, const char *path, struct tally_err *err)
{
	if (path != NULL && tally_conf_read(conf, path, err) != 0)
		return -1;
	if (check_config(conf, err) != 0)
		return -1;
	return open_log(conf, err);
}

/*
 * How the system's allocator is to keep memory in a long life with many threads. By itself it gives
 * threads heaps of their own (8 for each processor), each of which keeps at its highest what was
 * free in it, and takes ever larger pieces from them after it has once seen such a piece freed. What
 * is allocated often comes out of arenas here, so few heaps do. What a batch needs is kept for the next one,
 * since pages that come from the system and go back with each cost a fifth of a batch; more goes back.
 */
static void bound_heaps(void)
{
#ifdef M_ARENA_MAX
	static const struct {
		const char *name;
		int option, value;
	} settings[] = {
		{ "MALLOC_ARENA_MAX", M_ARENA_MAX, 2 },
		{ "MALLOC_MMAP_THRESHOLD_", M_MMAP_THRESHOLD, 4 << 20 },
		{ "MALLOC_TRIM_THRESHOLD_", M_TRIM_THRESHOLD, 8 << 20 },
		{ "MALLOC_TOP_PAD_", M_TOP_PAD, 256 << 10 },
	};

	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
		if (getenv(settings[i].name) == NULL)
			mallopt(settings[i].option, settings[i].value);
#endif
}

/* Requests carry private keys: what is in memory stays there, and no longer than it is needed. */
static void leave_no_keys(void)
{
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	if (!tally_openssl_overwrites())
		tally_log(TALLY_LOG_WARN, "gateway.memory", "text", "OpenSSL was in use already: what it "
			  "gives back is not overwritten", NULL);
}

static int serve(const struct tally_conf *conf, int listen_fd, bool own_socket)
{
	struct tally_gateway_settings settings;
	struct tally_host *host = NULL;
	struct tally_err err = { 0 };
	int result = -1;

	bound_heaps();
	tally_fcgi_block_signals();
	if (tally_gateway_settings_load(conf, &settings, &err) == 0 &&
	    tally_host_open(conf, HOST_SERVER, &host, &err) == 0)
		result = tally_fcgi_run(&settings, host, listen_fd, own_socket, &err);
	tally_host_close(&host);
	tally_gateway_settings_free(&settings);
	if (result != 0)
		tally_log(TALLY_LOG_ERROR, "fcgi.failed", "error", err.text, NULL);
	return result == 0 ? 0 : 1;
}

static int listen_and_serve(const struct tally_conf *conf, const char *path)
{
	struct tally_err err;
	int fd = tally_fcgi_listen(path, &err), status;

	if (fd < 0) {
		fprintf(stderr, "tally.fcgi: %s\n", err.text);
		return 1;
	}
	status = serve(conf, fd, true);
	unlink(path);
	return status;
}

/* Under a web server a wrong configuration is answered to CGI requests; a FastCGI program ends
 * with it, before the server has sent a request. */
static int run(struct tally_conf *conf, const struct options *options, bool is_cgi)
{
	struct tally_err err = { 0 };
	bool usable = read_config(conf, config_path(options), &err) == 0;
	int fd = options->listen == NULL ? tally_fcgi_inherited() : -1;

	if (is_cgi && fd < 0 && options->listen == NULL && FCGX_IsCGI())
		return tally_cgi_run(conf, usable ? NULL : &err);
	if (!usable) {
		fprintf(stderr, "tally.fcgi: %s\n", err.text);
		return 1;
	}
	if (options->listen != NULL)
		return listen_and_serve(conf, options->listen);
	if (fd >= 0)
		return serve(conf, fd, false);
	return misuse("no socket was passed, and this is no CGI request", "");
}

int main(int argc, char **argv)
{
	bool is_cgi = getenv("GATEWAY_INTERFACE") != NULL || getenv("REQUEST_METHOD") != NULL;
	struct options options = { 0 };
	struct tally_conf *conf;
	int status = is_cgi ? -1 : parse_options(argc, argv, &options);

	if (status >= 0)
		return status;
	leave_no_keys();
	conf = tally_conf_new();
	status = run(conf, &options, is_cgi);
	tally_conf_free(&conf);
	return status;
}
