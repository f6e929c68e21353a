/* How a ledger is reached: what access.c has for the projections, the permission check and the audit. */
#ifndef TALLY_ACCESS_H
#define TALLY_ACCESS_H

#include "address.h"
#include "core_private.h"

/* What UPDATE_LEDGER says of it; and what UPDATE_MEMBER_KEY says of where the key comes from. */
void tally_project_access(struct tally_projection *projection, uint64_t journal_id, uint64_t now,
			  const struct tally_record *record);
void tally_project_kms(struct tally_projection *projection, struct tally_bytes member_id,
		       const struct tally_record *record);

/* Of somebody who may: 0, or -1 as tally_authorise says. */
int tally_reach_permit(const struct tally_view *view, const struct tally_reach *reach,
		       struct tally_err *err);

/* The limit that counts: the ledger's own, where it has one, but no more than the server's. */
uint64_t tally_limit_of(const struct tally_core *core, const struct tally_head *head,
			enum tally_limit limit);
/* "payloadLimit", as it stands in journals. */
const char *tally_limit_field(enum tally_limit limit);
uint64_t tally_limit_most(const struct tally_core *core, enum tally_limit limit);

struct tally_ip_list {
	struct tally_network networks[TALLY_IP_LIST_MAX];
	size_t count;
};
#define TALLY_IP_LIST_TEXT (TALLY_IP_LIST_MAX * TALLY_NETWORK_TEXT)

/* Networks separated by commas, each once and cut. -1 INVALID about "IpList". */
int tally_ip_list_parse(struct tally_bytes text, struct tally_ip_list *list_r,
			struct tally_err *err);
/* The one text of a list; its size. */
size_t tally_ip_list_format(const struct tally_ip_list *list, char text_r[TALLY_IP_LIST_TEXT]);
/* It has 0.0.0.0/0 and ::/0. */
bool tally_ip_list_is_everybody(const struct tally_ip_list *list);

#endif
