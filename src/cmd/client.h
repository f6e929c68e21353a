/*
 * A verb as a client: it names an action and its parameters, and gets the reply as JSON. The
 * request goes to the store's owner, or to the store itself where nobody owns it (host.h), as
 * local administration; or, signed, to an endpoint (http.h) when one was named.
 *
 * Parameters are gathered first, then sent:
 *
 *	client_start(&client, "GetJournal");
 *	client_add(&client, "LedgerId", id);
 *	reply = client_run(&client);		NULL: the reason has been printed
 */
#ifndef TALLY_CMD_CLIENT_H
#define TALLY_CMD_CLIENT_H

#include "arena.h"
#include "buf.h"
#include "http.h"
#include "verb.h"

struct json_object;
struct tally_host;

/* The options that lead to an endpoint instead of a store. */
#define VERB_ENDPOINT_OPTIONS                                                                     \
	{ "endpoint", "URL", "ask this server instead of a store (default: TALLY_ENDPOINT)" },    \
	{ "key", "ID", "access key id for the server (default: TALLY_ACCESS_KEY_ID)" },           \
	{ "secret", "TEXT", "its secret (default: TALLY_ACCESS_KEY_SECRET)" }

#define CLIENT_PARAM_MAX 24

struct client {
	struct verb_call *call;
	struct tally_host *host;	/* NULL: by HTTP */
	struct http_target target;
	struct tally_arena arena;	/* of the request under way */
	bool admin, write;
	struct tally_rpc_param params[CLIENT_PARAM_MAX];
	size_t param_count;
	const char *account;		/* for whom local administration acts, or NULL */
	const char *content_type;
	struct tally_bytes body;
	int status;			/* of the last answer */
	char code[80], message[400];	/* of the last answer, when it was an error */
};

/*
 * Opens what the options name. lasting: the verb works for long, so if it owns the store it
 * answers other processes meanwhile. VERB_OK, or the status after printing why.
 */
int client_open(struct verb_call *call, bool lasting, struct client *client);
void client_close(struct client *client);

/* Opens, runs, closes: for verbs that are one short exchange. */
int client_with(struct verb_call *call, int (*run)(struct client *client));

/* The number of the store's first account; false after printing why not. For stores only. */
bool client_first_account(struct client *client, char account[24]);

/* A new request of the LedgerDB family, or of local administration. write: by POST. */
void client_start(struct client *client, const char *action);
void client_start_write(struct client *client, const char *action);
void client_start_admin(struct client *client, const char *action);

/* Parameters; a NULL value is left out. */
void client_add(struct client *client, const char *name, const char *value);
void client_add_uint(struct client *client, const char *name, uint64_t value);
/* A body that is no form; borrowed until the request has been sent. */
void client_body(struct client *client, const char *content_type, struct tally_bytes body);

/* Sends it. The reply is the caller's (json_object_put); NULL: code and message are set. */
struct json_object *client_try(struct client *client);
/* The same, and prints the error. */
struct json_object *client_run(struct client *client);

/* A file below the mount point ("/log/..."): its bytes are added to body. False: message is set. */
bool client_fetch(struct client *client, const char *path, struct tally_buf *body);

/* The failed request may well succeed a little later. */
bool client_may_retry(const struct client *client);

/* Members of a reply; absent ones read as "", 0, false. */
const char *reply_text(struct json_object *object, const char *name);
uint64_t reply_uint(struct json_object *object, const char *name);
bool reply_bool(struct json_object *object, const char *name);
struct json_object *reply_member(struct json_object *object, const char *name);
size_t reply_count(struct json_object *list);

#endif
