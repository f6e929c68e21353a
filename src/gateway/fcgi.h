/* The FastCGI responder: many connections on one listening socket, served by N threads. */
#ifndef TALLY_FCGI_H
#define TALLY_FCGI_H

#include <stdbool.h>

struct tally_err;
struct tally_gateway_settings;
struct tally_host;

/*
 * Serves requests on listen_fd until SIGTERM, SIGINT or SIGUSR1, then finishes those under way and
 * returns 0; -1 when it cannot start or the store has become unusable. SIGHUP and SIGUSR2 reopen
 * the log. own_socket: nobody will listen on it after us, so those who wait in the backlog are
 * served too. Must run in the first thread, before any other was started (it blocks signals).
 */
int tally_fcgi_run(const struct tally_gateway_settings *settings, struct tally_host *host,
		   int listen_fd, bool own_socket, struct tally_err *err);

/* Blocks the signals above, for this thread and those it starts. */
void tally_fcgi_block_signals(void);

/* A listening UNIX socket of mode 0660 at path; a dead one that lies there is replaced. */
int tally_fcgi_listen(const char *path, struct tally_err *err);

/*
 * The socket that started us with: systemd's (LISTEN_FDS) or the web server's as descriptor 0.
 * The descriptor, or -1 when there is none: then this is no FastCGI start.
 */
int tally_fcgi_inherited(void);

#endif
