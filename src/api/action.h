/*
 * Actions are rows. From one row come routing, decoding, validation and its error texts, the
 * permission check, `tally actions`, the OpenAPI document, the manual and the table-driven tests.
 * A handler sees typed, validated parameters and an authenticated caller, calls the core, and
 * fills a result tree; it never sees HTTP.
 */
#ifndef TALLY_ACTION_H
#define TALLY_ACTION_H

#include "conf.h"
#include "core.h"
#include "result.h"

enum tally_family { FAMILY_LEDGERDB, FAMILY_ADMIN };
enum tally_method { METHOD_GET = 1, METHOD_POST = 2 };
enum tally_action_kind { ACTION_READ, ACTION_WRITE };

enum tally_param_type {
	PARAM_TEXT,		/* valid UTF-8 without control characters; min, max in characters */
	PARAM_RAW,		/* valid UTF-8, control characters allowed; min, max in bytes */
	PARAM_BASE64,		/* decoded; min, max in bytes of what it holds */
	PARAM_LEDGER_ID,
	PARAM_MEMBER_ID,
	PARAM_UINT,		/* min, max of the value */
	PARAM_BOOL,		/* true or false in any case */
	PARAM_ENUM,		/* one of choices */
	PARAM_HASH,		/* 64 hex digits */
	PARAM_TOKEN,		/* ClientToken: 1..64 printable ASCII */
	PARAM_NEXT,		/* NextToken of the page before; empty: from the start */
	PARAM_LIST,		/* Name.1, Name.2 ... or one JSON array of strings; min, max count */
	PARAM_BODY		/* the request's body, JSON or NDJSON (AppendJournals) */
};

struct tally_param {
	const char *name;
	enum tally_param_type type;
	bool required;
	uint64_t min, max;		/* max 0: no bound but the type's own */
	const char *fallback;		/* default, as it would be sent */
	const char *const *choices;	/* of PARAM_ENUM, NULL-terminated */
	const char *example;
	const char *help;
};
#define PARAM_END { .name = NULL }

/* One member of a reply, for documentation and the check of replies in tests. */
struct tally_reply_field {
	/*
	 * Path: "Journals[Journal].JournalId" is a member of the items of the list Journals, each
	 * called Journal in XML; "Journals[Journal].Clues[Clue]" is the items of a list themselves.
	 */
	const char *name;
	enum tally_node_kind kind;
	bool optional;
	const char *help;
};
#define REPLY_END { .name = NULL }

/* What a handler gets. */
struct tally_call {
	struct tally_core *core;
	struct tally_arena *arena;
	const struct tally_action *action;
	struct tally_write write;		/* caller; nonce, time and token of a write */
	struct tally_bytes host;		/* that the client addressed */
	bool https;
	bool body_covered;			/* the request's signature covers the body, or needs not */
	const struct tally_api_settings *settings;
	struct tally_values *values;		/* decoded parameters, see below */
	struct tally_node *reply;		/* object to fill; RequestId is added by the caller */
};

struct tally_action {
	const char *name;
	enum tally_family family;
	const char *summary;
	unsigned int methods;
	enum tally_action_kind kind;
	enum tally_permission need;		/* held against LedgerId where there is one */
	const struct tally_param *params;
	const struct tally_reply_field *reply;
	const char *example;			/* parameters that its example has beside the required ones, by
						   name, separated by spaces; NULL: none */
	bool may_exist;				/* it can be refused because what it makes is there already */
	/* What the rows cannot say of the parameters (one of two must be given); may be NULL. Runs
	 * before anything is looked up, so that wrong input is told before a missing ledger. */
	int (*check)(struct tally_call *call, struct tally_err *err);
	int (*run)(struct tally_call *call, struct tally_err *err);
};

/* All actions, sorted by name; NULL-terminated. actions.c is the list. */
extern const struct tally_action *const tally_actions[];
const struct tally_action *tally_action_find(enum tally_family family, struct tally_bytes name);

/*
 * Decoded parameters by name; asking for one the row does not declare is a bug (asserted). Given
 * means sent by the client: a default is a value that was not given. The bytes of PARAM_BASE64
 * and PARAM_HASH are what the text holds.
 */
bool tally_arg_given(const struct tally_call *call, const char *name);
struct tally_bytes tally_arg_bytes(const struct tally_call *call, const char *name);
uint64_t tally_arg_uint(const struct tally_call *call, const char *name, uint64_t absent);
bool tally_arg_bool(const struct tally_call *call, const char *name, bool absent);
size_t tally_arg_enum(const struct tally_call *call, const char *name);	/* index in choices */
size_t tally_arg_list(const struct tally_call *call, const char *name,
		      const struct tally_bytes **items_r);
bool tally_arg_lines(const struct tally_call *call, const char *name);	/* a body of NDJSON */

/* Rows of [api] and [access]. */
struct tally_api_settings {
	const char *shape;		/* "sdk" or "docs" */
	uint64_t body_limit;
	uint64_t clock_window_ms;
	const char *region;
	const char *zone;
	const char *trusted_proxies;	/* addresses or networks, separated by spaces */
	const char *regions;		/* of DescribeRegions; NULL: the one above */
	/* [access] */
	const char *listeners_text;
	const char *endpoint_domain;
	const char *open_uri;		/* NULL: made of the host that the client addressed */
	const char *key_store;		/* a directory; NULL: there is none */
	const char *pkcs11_modules;	/* paths, separated by spaces; NULL: there is none */
	const char *pkcs11_pin_file;
	/* made of these */
	const struct tally_listener *listeners;
	size_t listener_count;
	struct tally_pkcs11 *pkcs11;	/* NULL: no modules are configured */
};
extern const struct tally_setting tally_api_setting_rows[];
extern const struct tally_setting tally_access_setting_rows[];

/* Rows of [datashare] (datashare/share_gate.c). */
extern const struct tally_setting tally_share_setting_rows[];

#endif
