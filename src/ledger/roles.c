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
	[PERM_VIEW_LEDGER] = { "VIEW_LEDGER", 2, READERS, .public = true },
	[PERM_UPDATE_LEDGER] = { "UPDATE_LEDGER", 1, ADMINS, .changes = true },
	[PERM_VIEW_MEMBER] = { "VIEW_MEMBER", 4, READERS },
	[PERM_UPDATE_MEMBER] = { "UPDATE_MEMBER", 3, ADMINS, .changes = true },
	[PERM_UPDATE_SELF] = { .weight = READERS, .changes = true },
	[PERM_ACCEPT] = { .weight = READERS, .changes = true },	/* and whoever is invited */
	[PERM_VIEW_JOURNAL] = { "VIEW_TX", 8, READERS, .public = true },
	[PERM_APPEND] = { "CUSTOM_TX", 7, WRITERS, .changes = true },
	[PERM_UPDATE_TRUSTPOINT] = { "UPDATE_TRUSTPOINT", 5, ADMINS, .changes = true },
	[PERM_VIEW_TRUSTPOINT] = { "VIEW_TRUSTPOINT", 6, READERS, .public = true },
	[PERM_CREATE_TIMEANCHOR] = { "CREATE_TIMEANCHOR", 9, ADMINS, .changes = true },
	[PERM_VIEW_TIMEANCHOR] = { "VIEW_TIMEANCHOR", 10, READERS, .public = true },
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
