/*
 * The role matrix: one table says of every permission which roles have it, what it is called by
 * light clients, who needs no role for it, and whether it changes a ledger.
 */
#include "core_private.h"

struct permission {
	const char *name;			/* of a permission item; NULL: it is in no list of items */
	unsigned int number;			/* that the light client's protocol gives it */
	uint8_t weight[ROLE_ADMIN + 1];		/* by role; 0: that role has it not */
	bool public;				/* everyone has it in a public ledger */
	bool changes;				/* nobody has it in the time ledger */
};

/* { nobody's member, READER, WRITER, ADMIN }. A member's request counts once: all weights are 1. */
#define EVERYONE { 1, 1, 1, 1 }
#define READERS { 0, 1, 1, 1 }
#define WRITERS { 0, 0, 1, 1 }
#define ADMINS { 0, 0, 0, 1 }

static const struct permission permissions[] = {
	[PERM_NONE] = { .weight = EVERYONE },
	[PERM_ANYONE] = { .weight = EVERYONE },
	[PERM_VIEW_LEDGER] = { .name = "VIEW_LEDGER", .number = 2, .weight = READERS,
			       .public = true },
	[PERM_UPDATE_LEDGER] = { .name = "UPDATE_LEDGER", .number = 1, .weight = ADMINS,
				 .changes = true },
	[PERM_VIEW_MEMBER] = { .name = "VIEW_MEMBER", .number = 4, .weight = READERS },
	[PERM_UPDATE_MEMBER] = { .name = "UPDATE_MEMBER", .number = 3, .weight = ADMINS,
				 .changes = true },
	[PERM_UPDATE_SELF] = { .weight = READERS, .changes = true },
	[PERM_ACCEPT] = { .weight = READERS, .changes = true },	/* and whoever is invited */
	[PERM_VIEW_JOURNAL] = { .name = "VIEW_TX", .number = 8, .weight = READERS,
				.public = true },
	[PERM_APPEND] = { .name = "CUSTOM_TX", .number = 7, .weight = WRITERS, .changes = true },
	[PERM_UPDATE_TRUSTPOINT] = { .name = "UPDATE_TRUSTPOINT", .number = 5, .weight = ADMINS,
				     .changes = true },
	[PERM_VIEW_TRUSTPOINT] = { .name = "VIEW_TRUSTPOINT", .number = 6, .weight = READERS,
				   .public = true },
	[PERM_CREATE_TIMEANCHOR] = { .name = "CREATE_TIMEANCHOR", .number = 9, .weight = ADMINS,
				     .changes = true },
	[PERM_VIEW_TIMEANCHOR] = { .name = "VIEW_TIMEANCHOR", .number = 10, .weight = READERS,
				   .public = true },
	[PERM_REMOVE] = { .weight = ADMINS, .changes = true },
	[PERM_LOCAL] = { .weight = { 0 } },
};

#define PERMISSIONS (sizeof(permissions) / sizeof(*permissions))

bool tally_role_may(enum tally_role role, enum tally_permission permission)
{
	return permissions[permission].weight[role] > 0;
}

bool tally_permission_public(enum tally_permission permission)
{
	return permissions[permission].public;
}

bool tally_permission_changes(enum tally_permission permission)
{
	return permissions[permission].changes;
}

size_t tally_role_items(enum tally_role role, struct tally_permission_item items_r[TALLY_ITEMS_MAX])
{
	size_t count = 0;

	for (unsigned int number = 1; number <= TALLY_ITEMS_MAX; number++)
		for (size_t i = 0; i < PERMISSIONS; i++)
			if (permissions[i].number == number && permissions[i].weight[role] > 0)
				items_r[count++] = (struct tally_permission_item){
					permissions[i].name, number, permissions[i].weight[role] };
	return count;
}

const char *tally_role_name(enum tally_role role)
{
	static const char *const names[] = { NULL, "READER", "WRITER", "ADMIN" };

	return role <= ROLE_ADMIN ? names[role] : NULL;
}

enum tally_role tally_role_find(struct tally_bytes name)
{
	for (enum tally_role role = ROLE_READER; role <= ROLE_ADMIN; role++)
		if (tally_bytes_is(name, tally_role_name(role)))
			return role;
	return ROLE_NONE;
}
