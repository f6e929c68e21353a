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

#endif
