/*
 * From what a web server hands over (CGI variables and a stream) to struct tally_request, and
 * from struct tally_response to CGI output. FastCGI and CGI share all of it, so that nothing
 * later can tell which it was.
 *
 * Web servers rewrite PATH_INFO, SCRIPT_NAME and QUERY_STRING, each in its own way; REQUEST_URI
 * alone arrives as the client sent it. Path and query are taken from there, and from nowhere else.
 */
#ifndef TALLY_FILL_H
#define TALLY_FILL_H

#include "buf.h"
#include "conf.h"
#include "request.h"
#include "trust.h"

struct tally_err;

/* What the gateway reads from the configuration. */
struct tally_gateway_settings {
	uint64_t threads;		/* [gateway] */
	uint64_t connections;
	const char *mount;
	uint64_t stop_grace_ms;
	uint64_t owner_wait_ms;
	const char *log_level;		/* [log] */
	const char *log_file;
	uint64_t body_limit;		/* [api] */
	const char *trusted_proxies;
	struct tally_trust trust;	/* trusted_proxies, parsed */
	const char *witness;		/* [witness] directory; NULL: no witness here */
};
extern const struct tally_setting tally_gateway_setting_rows[];
extern const struct tally_setting tally_log_setting_rows[];

/* [witness]: being a witness, and the witnesses of our own ledgers. */
struct tally_witness_settings {
	const char *directory;		/* NULL: no witness */
	const char *policy;		/* a file; NULL: nobody is asked to cosign */
	uint64_t timeout_ms;		/* of one exchange */
	uint64_t interval_ms;		/* 0: a long-running server asks nobody */
	const char *ledgers;
	bool public_only;		/* ledgers is "public" */
};
extern const struct tally_setting tally_witness_setting_rows[];
int tally_witness_settings_load(const struct tally_conf *conf,
				struct tally_witness_settings *settings_r, struct tally_err *err);

/* Fills and checks them; tally_gateway_settings_free afterwards. */
int tally_gateway_settings_load(const struct tally_conf *conf,
				struct tally_gateway_settings *settings_r, struct tally_err *err);
void tally_gateway_settings_free(struct tally_gateway_settings *settings);

/* Where the body comes from. */
struct tally_body_source {
	/* Up to size bytes: how many, 0 at the end, -1 where the stream broke. */
	long (*read)(void *ctx, void *data, size_t size);
	void *ctx;
	/* CGI: the stream's end cannot be told from a break, so a length or a digest must be
	 * there, and without any sign of a body nothing is read. */
	bool is_cgi;
};

/*
 * Fills *request from the variables ("NAME=value" strings ended by NULL), which must live as long
 * as the request, and reads the body. 0, or -1 INVALID when the server handed over something no
 * request can be made of; *request can be given to tally_service_refuse also then.
 */
int tally_fill(const struct tally_gateway_settings *settings, char *const *variables,
	       const struct tally_body_source *source, struct tally_arena *arena,
	       struct tally_request *request, struct tally_err *err);

/* Reads what is left of the body, so that the server is not cut off while it still writes. */
void tally_drain(const struct tally_body_source *source);

/* One line of level debug: who asked for what, and the status. */
void tally_log_request(const struct tally_request *request, const struct tally_response *response);

/* CGI output up to and with the empty line. */
void tally_answer_head(struct tally_buf *head, const struct tally_response *response);

#endif
