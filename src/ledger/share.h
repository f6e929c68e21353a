/*
 * Data sharing: organisations and channels, and the objects that the journals of a channel's ledger
 * make. As core.h otherwise: any thread, results in the arena given, lookups 1, 0, -1.
 */
#ifndef TALLY_SHARE_H
#define TALLY_SHARE_H

#include "core.h"

/* ---- organisations: whose CA vouches for callers; the system ledger ---- */

#define TALLY_ORG_ID_MAX 64

/* 1..64 letters, digits, '.', '_' and '-'; so are names of channels. */
bool tally_org_id_valid(struct tally_bytes id);

struct tally_org {
	struct tally_bytes id;
	struct tally_bytes certificate;	/* of its CA, PEM */
	uint64_t create_ms;
};

/* certificate: what tally_cert_anchor takes. INVALID about "OrganizationId", "Certificate"; EXISTS
 * about "Organization". An organisation whose CA changes is removed and added again. */
int tally_org_add(struct tally_core *core, const struct tally_write *write, struct tally_bytes id,
		  struct tally_bytes certificate, struct tally_err *err);
/* Nobody is vouched for by it from then on. NOTFOUND about "Organization". */
int tally_org_remove(struct tally_core *core, const struct tally_write *write,
		     struct tally_bytes id, struct tally_err *err);
int tally_org_find(struct tally_core *core, struct tally_bytes id, struct tally_arena *arena,
		   struct tally_org *org_r, struct tally_err *err);
int tally_org_list(struct tally_core *core, struct tally_arena *arena, struct tally_org **orgs_r,
		   size_t *count_r, struct tally_err *err);

/* ---- channels: names of ledgers whose journals are shared objects; the system ledger ---- */

struct tally_channel {
	struct tally_bytes name;
	struct tally_bytes ledger_id;
	uint64_t create_ms;
};

/* NOTFOUND about "Ledger", INVALID about "Channel" or "LedgerId" (a KV ledger), EXISTS about "Channel"
 * where the name, or a name of this ledger, is there. */
int tally_channel_add(struct tally_core *core, const struct tally_write *write,
		      struct tally_bytes name, struct tally_bytes ledger_id, struct tally_err *err);
/* Its ledger stays. NOTFOUND about "Channel". */
int tally_channel_remove(struct tally_core *core, const struct tally_write *write,
			 struct tally_bytes name, struct tally_err *err);
int tally_channel_find(struct tally_core *core, struct tally_bytes name, struct tally_arena *arena,
		       struct tally_channel *channel_r, struct tally_err *err);
int tally_channel_list(struct tally_core *core, struct tally_arena *arena,
		       struct tally_channel **channels_r, size_t *count_r, struct tally_err *err);

/* ---- shared objects: what the DATASHARE journals of a channel's ledger make ---- */

#define TALLY_DID_MAX 56		/* bytes; "did:", the method, ':', base58 of 16 bytes */
#define TALLY_SHARE_NAME_MAX 60		/* bytes of a product's, an order's, a process's name */
#define TALLY_SHARE_LONG_MAX 128	/* ... of a schema's, of a credential's */

/* Both numbers are on disk. */
enum tally_share_kind {
	SHARE_DID = 1, SHARE_DATASET, SHARE_ORDER, SHARE_PROCESS, SHARE_CIPHERTEXT,
	SHARE_SCHEMA, SHARE_APPLICATION, SHARE_CREDENTIAL
};
enum tally_share_state {
	SHARE_NONE = 0, SHARE_ACTIVE, SHARE_READY, SHARE_CLOSED, SHARE_REQUEST, SHARE_FINISHED,
	SHARE_FAILED, SHARE_CANCELED, SHARE_GONE
};
const char *tally_share_state_name(enum tally_share_state state);

bool tally_share_did_valid(struct tally_bytes did);	/* printable ASCII without spaces */
bool tally_share_name_valid(struct tally_bytes name);	/* printable */
bool tally_share_long_valid(struct tally_bytes name);	/* the same, up to TALLY_SHARE_LONG_MAX */

/* The DID of a public key: its method (at most 24 characters), and the first 16 bytes of the SHA-256 of
 * the point. */
void tally_share_did(const char *method, const uint8_t point[65], char did_r[TALLY_DID_MAX + 1]);

/*
 * An object by its two names: a DID (did, nothing), a data set (provider, product), an order or its
 * ciphertext (consumer, order), a process (creator, process), a schema of credentials (publisher,
 * schema), an application for one (applicant, number of 10 digits), a credential (issuer, sequence).
 * Deleted ones are there, with state SHARE_GONE: their names are never used again.
 */
struct tally_share_object {
	enum tally_share_kind kind;
	enum tally_share_state state;
	struct tally_bytes a, b;
	uint64_t last;			/* journal of its last change ... */
	uint64_t content;		/* ... and of the one whose payload it is */
	uint64_t created;		/* its first */
	uint64_t create_ms, update_ms;
	struct tally_bytes provider, product;	/* of an order */
	struct tally_bytes creator, process;	/* of an order that is a stage */
	struct tally_bytes issuer, service;	/* of an application: whom it asks ... */
	struct tally_bytes sequence;		/* ... and whose credential with this name it got */
	struct tally_bytes owner;		/* of a credential: its holder ... */
	struct tally_bytes publisher, schema;	/* ... and the schema that its data follows */
	uint64_t version;		/* of a schema: how often it was published */
	uint8_t point[65];		/* of a DID: public key */
};
int tally_share_find(struct tally_core *core, struct tally_bytes ledger_id,
		     enum tally_share_kind kind, struct tally_bytes a, struct tally_bytes b,
		     struct tally_arena *arena, struct tally_share_object *object_r,
		     struct tally_err *err);
/* All of a kind (of one a, unless it is empty), in the order in which they were made; deleted ones are
 * left out. */
int tally_share_list(struct tally_core *core, struct tally_bytes ledger_id,
		     enum tally_share_kind kind, struct tally_bytes a, struct tally_arena *arena,
		     struct tally_share_object **objects_r, size_t *count_r, struct tally_err *err);
/* The applications that are open, to this issuer (for one service, unless it is empty), oldest first. */
int tally_share_asked(struct tally_core *core, struct tally_bytes ledger_id, struct tally_bytes issuer,
		      struct tally_bytes service, struct tally_arena *arena,
		      struct tally_share_object **objects_r, size_t *count_r, struct tally_err *err);
/* The DID that has this public key. */
int tally_share_did_of(struct tally_core *core, struct tally_bytes ledger_id,
		       const uint8_t point[65], struct tally_arena *arena,
		       struct tally_share_object *did_r, struct tally_err *err);
/* Content of a change: 1; 0 it was removed. */
int tally_share_content(struct tally_core *core, struct tally_bytes ledger_id, uint64_t journal_id,
			struct tally_arena *arena, struct tally_bytes *content_r,
			struct tally_err *err);

/* Is the journal signed by who has this key, over what it says? 1; 0, also where that was removed. */
int tally_share_signed(struct tally_core *core, struct tally_bytes ledger_id, uint64_t journal_id,
		       const uint8_t point[65], struct tally_arena *arena, struct tally_err *err);

/* Stages of a process, the first first. */
struct tally_share_stage {
	uint64_t journal_id;
	uint64_t time_ms;
	struct tally_bytes consumer, order;
};
int tally_share_stages(struct tally_core *core, struct tally_bytes ledger_id,
		       struct tally_bytes creator, struct tally_bytes process,
		       struct tally_arena *arena, struct tally_share_stage **stages_r,
		       size_t *count_r, struct tally_err *err);

/* The contents of stages one after another, in one look at the ledger: one read each, whatever the
 * ledger's size. content is NULL where it was removed, and gone when each returns; what each returns other
 * than 0 ends it and is returned. */
typedef int tally_share_each_stage(void *ctx, const struct tally_share_stage *stage,
				   const struct tally_bytes *content, struct tally_err *err);
int tally_share_stage_contents(struct tally_core *core, struct tally_bytes ledger_id,
			       const struct tally_share_stage *stages, size_t count,
			       tally_share_each_stage *each, void *ctx, struct tally_err *err);

/* ---- changing them ---- */

/* What is said of a change in its leaf, for ever: the names of its objects, who vouched for the caller. */
struct tally_share_field {
	const char *name;
	struct tally_bytes text;
};
#define TALLY_SHARE_FIELDS 14

struct tally_share_change {
	const char *op;			/* a row of share_rules.c */
	struct tally_share_field fields[TALLY_SHARE_FIELDS];	/* in any order; op is added */
	size_t field_count;
	struct tally_bytes content;	/* what the object is from now on; empty: as before */
	bool has_basis;			/* the first object's last change must still be this one */
	uint64_t basis;
	struct tally_bytes ciphertext;	/* of the order that is shared; empty: it is not kept here */

	struct tally_bytes caller;	/* DID */
	uint8_t point[65];		/* its public key ... */
	const uint8_t *private;		/* ... and private key, which signs; NULL: the caller signed by
					   himself: */
	struct tally_bytes message;	/* exactly this (the request's body) ... */
	uint8_t signature[64];		/* ... by ECDSA on P-256 with SHA-256, s low */
};
struct tally_share_done {
	bool known;			/* the same request did it before */
	uint64_t journal_id;
	uint64_t time_ms;		/* of the block */
};
/*
 * Appends its DATASHARE journal, if the rules let the caller do it. What tally_share_judge says;
 * CONFLICT where the basis is another by now: look again; NOTFOUND about "Ledger" or "DID" (the
 * caller's), DENIED about "Signature", what tally_access_check says, INVALID about "Size" or "Clues"
 * over the ledger's limits, REPLAYED, and the queue's.
 */
int tally_share_change(struct tally_core *core, const struct tally_write *write,
		       struct tally_bytes ledger_id, const struct tally_share_change *change,
		       struct tally_share_done *done_r, struct tally_err *err);

#endif
