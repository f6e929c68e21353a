/*
 * tally serve in parts: serve.c is the verb, serve_conf.c makes the web server's configuration,
 * serve_run.c keeps the processes running.
 */
#ifndef TALLY_CMD_SERVE_H
#define TALLY_CMD_SERVE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "listeners.h"

struct tally_err;
struct verb_call;

/* The options that say how to serve. */
#define SERVE_OPTIONS                                                                             \
	{ "server", "NAME", "lighttpd (default), apache or nginx; or lighttpd-spawn, lighttpd-cgi, " \
			    "apache-fcgid, apache-cgi, where the server starts tally.fcgi itself" }, \
	{ "listen", "ADDR:PORT",                                                                  \
	  "where to listen (default 127.0.0.1:8080); port 0: any free one" },                     \
	{ "mount", "PATH", "the URL path above the service (default /)" },                        \
	{ "dir", "DIR", "for configuration, logs and process id (default: the path of what is "   \
			"served, with .serve behind it)" },                                       \
	{ "daemon", NULL, "go on in the background once it listens" },                            \
	{ "stop", NULL, "stop the one that runs for the same, or in --dir" },                     \
	{ "configure-only", NULL, "write the configuration, print where, and run nothing" },      \
	{ "fcgi", "FILE", "the tally.fcgi to run (default: the installed one)" },                 \
	{ "templates", "DIR", "the templates to use (default: the installed ones)" }

/* The verb: serves the store that the options name, or a witness alone from its directory. */
int serve_main(struct verb_call *call, const char *witness);

/* A way to run the service, named by --server. */
struct serve_kind {
	const char *name;		/* also of its template */
	const char *const *programs;	/* what the web server is called, NULL-terminated */
	bool supervised;		/* we run tally.fcgi; else the web server starts it */
	int stop_signal;		/* the web server's graceful stop */
	const char *const *arguments;	/* of the server, "@FILE@" is its configuration */
	bool refuses_root;		/* its programs cannot run as root */
};

struct serve {
	const struct serve_kind *kind;
	char dir[PATH_MAX];		/* of this run */
	char file[PATH_MAX];		/* the generated configuration */
	char socket[PATH_MAX];
	char store[PATH_MAX];		/* "" for a witness alone */
	char witness[PATH_MAX];		/* its directory, or "" */
	char driver[64];
	char config[PATH_MAX];		/* tally.conf, or "" */
	char mount[256];		/* "" or "/ledger" */
	char address[64];		/* as in a URL: IPv6 in brackets */
	unsigned int port;
	struct tally_listener *listeners;	/* private ones beside that */
	size_t listener_count;
	struct tally_arena *arena;	/* that these live in */
	char program[PATH_MAX];		/* the web server */
	char fcgi[PATH_MAX];		/* tally.fcgi */
	char templates[PATH_MAX];
	char modules[PATH_MAX];		/* Apache's */
	uid_t store_uid;		/* as whom tally.fcgi runs when we are root */
	gid_t store_gid;
	uid_t server_uid;		/* as whom the web server runs then; it must reach the socket */
	gid_t server_gid;
	char server_user[64], server_group[64];
	int lock_fd;			/* dir/serve.pid, locked for as long as we run */
	int ready_fd;			/* told when the server answers, or -1 */
};

/* Writes the configuration and what it needs below dir. */
int serve_configure(struct serve *serve, struct tally_err *err);

/*
 * Runs the web server, and tally.fcgi where that is ours, until SIGTERM or SIGINT, and stops them
 * in an order that loses no request. A tally.fcgi that ends is started again on the same socket,
 * which stays open, so that requests wait instead of failing. -1 when the server cannot run.
 */
int serve_run(struct serve *serve, struct tally_err *err);

#endif
