/*
 * tally serve in parts: serve.c is the verb, serve_conf.c makes the web server's configuration,
 * serve_run.c keeps the processes running.
 */
#ifndef TALLY_CMD_SERVE_H
#define TALLY_CMD_SERVE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct tally_err;

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
	char store[PATH_MAX];
	char driver[64];
	char config[PATH_MAX];		/* tally.conf, or "" */
	char mount[256];		/* "" or "/ledger" */
	char address[64];		/* as in a URL: IPv6 in brackets */
	unsigned int port;
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
