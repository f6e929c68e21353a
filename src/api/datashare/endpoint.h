/*
 * Endpoints of the data-sharing family are rows: path, method, parameters, who may call, handler. From
 * one row come routing, decoding and its errors, the tests and the check of the documents. A handler sees
 * decoded parameters and a caller whose certificate and key were checked; it never sees HTTP.
 */
#ifndef TALLY_SHARE_ENDPOINT_H
#define TALLY_SHARE_ENDPOINT_H

#include "action.h"
#include "cert.h"
#include "share.h"
#include "share_fault.h"

struct json_object;

enum tally_share_type {
	SP_TEXT,		/* printable text; max in characters */
	SP_DID,
	SP_NAME,		/* of a data set, an order, a process */
	SP_LONG_NAME,		/* of a schema, a credential */
	SP_INDEX,		/* of an object, a service; a number is taken as its text */
	SP_DATA,		/* text of any length and characters */
	SP_NUMBER_TEXT,		/* a number as text, or a number; max of the value */
	SP_NUMBER,		/* a number */
	SP_FLAG,		/* "true" or "false", or a boolean; "" is as absent */
	SP_CHOICE,		/* one of choices; "" is as absent where it is not required */
	SP_BASE64,		/* decoded */
	SP_LIST,		/* an array of objects */
	SP_OBJECT,
	SP_WITHIN		/* an object: where it is given, the rows behind it stand in it */
};

struct tally_share_param {
	const char *name;
	enum tally_share_type type;
	bool required;			/* and not empty */
	uint64_t max;			/* 0: 256 characters */
	const char *const *choices;
};
#define SHARE_PARAM_END { .name = NULL }

enum tally_share_who {
	SHARE_ANY_MEMBER,		/* whom an organisation vouches for */
	SHARE_IDENTITY			/* and who has a DID on the channel */
};

struct tally_share_call;

struct tally_share_endpoint {
	const char *method, *path;
	const char *name;		/* as the vendor of the interface calls it */
	enum tally_share_who who;
	bool needs_private;		/* cannot be done for a caller whose private key stays with him */
	const struct tally_share_param *params;		/* beside the common fields */
	int (*run)(struct tally_share_call *call, struct tally_err *err);	/* NULL: not available */
};

/* All 36; path NULL ends them. */
extern const struct tally_share_endpoint tally_share_endpoints[];

/* HTTP status of a fault of this endpoint (NULL: of none of them): what tally_share_fault_status says,
 * but for the one endpoint that is documented with 400 for what is wrong with a request itself. */
int tally_share_endpoint_status(const struct tally_share_endpoint *endpoint,
				const struct tally_share_fault *fault);

struct tally_share_settings {		/* [datashare] */
	const char *did_method;
	bool plain_http;
	uint64_t timestamp_window_ms;	/* 0: the time of a request is not held against ours */
	uint64_t page_limit;
};

#define SHARE_VALUES 32
struct tally_share_value {
	const struct tally_share_param *param;
	bool given;
	struct tally_bytes text;	/* of SP_BASE64: decoded */
	uint64_t number;
	struct json_object *json;	/* of SP_LIST, SP_OBJECT and SP_WITHIN */
};

struct tally_share_call {
	struct tally_core *core;
	struct tally_arena *arena;
	const struct tally_share_settings *settings;
	const struct tally_share_endpoint *endpoint;
	struct tally_write write;
	struct tally_share_value values[SHARE_VALUES];
	/* the common fields */
	struct tally_bytes organization, channel, timestamp;
	struct tally_bytes ledger_id;
	struct tally_cert cert;
	char cert_hash[2 * TALLY_HASH_SIZE + 1];
	const uint8_t *private;		/* 32 bytes in locked memory; NULL: it did not come along */
	struct tally_bytes body;	/* then, as it came, and the caller's signature over it */
	uint8_t signature[64];
	bool has_did;
	struct tally_share_object did;	/* of the caller */
	struct tally_node *reply;
};

/* Parameters by name; asking for one the row does not declare is a bug (asserted). */
const struct tally_share_value *tally_share_value(const struct tally_share_call *call,
						  const char *name);
struct tally_bytes tally_share_text(const struct tally_share_call *call, const char *name);
bool tally_share_flag(const struct tally_share_call *call, const char *name);

/* ---- what handlers share (changes.c) ---- */

/* A change with the fields that every one has: who vouched for the caller, and when. */
void tally_share_begin(const struct tally_share_call *call, const char *op,
		       struct tally_share_change *change_r);
void tally_share_say(struct tally_share_change *change, const char *name, struct tally_bytes text);
int tally_share_run(struct tally_share_call *call, const struct tally_share_change *change,
		    struct tally_share_done *done_r, struct tally_err *err);

/* The caller is this DID, or DENIED about "Caller". */
int tally_share_must_be(const struct tally_share_call *call, struct tally_bytes did,
			struct tally_err *err);
/* An object: 0, or -1 NOTFOUND about its kind. */
int tally_share_need(struct tally_share_call *call, enum tally_share_kind kind, struct tally_bytes a,
		     struct tally_bytes b, struct tally_share_object *object_r,
		     struct tally_err *err);
/* A part ("dataset", "order" ...) of the content of its last change; the whole is the caller's to put.
 * -1 NOTFOUND about "Content" where it was removed. */
int tally_share_open(struct tally_share_call *call, uint64_t journal_id, const char *part,
		     struct json_object **whole_r, struct json_object **part_r,
		     struct tally_err *err);
/* Text of a member; empty where there is none. In the arena. */
struct tally_bytes tally_share_member(struct tally_share_call *call, struct json_object *object,
				      const char *name);
void tally_share_copy(struct tally_share_call *call, struct tally_node *to,
		      struct json_object *object, const char *name);

/* A JSON value as it came, into the reply or a content: as a member, or an item where name is NULL. */
void tally_share_add_json(struct tally_arena *arena, struct tally_node *to, const char *name,
			  struct json_object *value);
/* Seconds since 1970 as text. */
void tally_share_add_time(struct tally_arena *arena, struct tally_node *to, const char *name,
			  uint64_t ms);

/* ---- pages (pages.c) ---- */

struct tally_share_page {
	uint64_t number, size;
};
int tally_share_page(const struct tally_share_call *call, struct tally_share_page *page_r,
		     struct tally_err *err);
/* The item that is number i of those that match is on the page. */
bool tally_share_on_page(const struct tally_share_page *page, uint64_t i);
void tally_share_add_page(struct tally_share_call *call, const struct tally_share_page *page,
			  uint64_t total);
extern const char *const tally_share_page_params[];
#define SHARE_PAGE_PARAMS \
	{ .name = "currentPage", .type = SP_NUMBER_TEXT, .max = 1000000000 }, \
	{ .name = "pageSizeNum", .type = SP_NUMBER_TEXT, .max = 1000000000 }

/* ---- handlers ---- */

#define SHARE_HANDLER(name) int name(struct tally_share_call *call, struct tally_err *err)
SHARE_HANDLER(tally_share_register_firm_did);
SHARE_HANDLER(tally_share_register_did);
SHARE_HANDLER(tally_share_update_did);
SHARE_HANDLER(tally_share_query_did);

/* Does the document of a DID have a service with this id? 0, or -1 NOTFOUND about "Service". */
int tally_share_need_service(struct tally_share_call *call, const struct tally_share_object *did,
			     struct tally_bytes id, struct tally_err *err);

/* The document of a DID for a resolver: JSON-LD of W3C DID Core. 1; 0 there is none that everybody may
 * read. What tally_access_check says of where the request came in. */
int tally_share_resolve(struct tally_core *core, const struct tally_reach *reach,
			struct tally_bytes channel, struct tally_bytes did,
			struct tally_arena *arena, struct tally_node **node_r,
			struct tally_err *err);

#endif
