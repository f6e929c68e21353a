/*
 * The index tables of a space. All of them are functions of the blocks. Numbers are on disk:
 * never renumber; PROJECTION_VERSION goes up whenever what is put into them changes, and every
 * index of an older version is then rebuilt. Numbers in keys are big-endian, so keys sort by them;
 * each value begins with a format version.
 */
#ifndef TALLY_TABLES_H
#define TALLY_TABLES_H

#define TALLY_PROJECTION_VERSION 5

/* How long a ClientToken is remembered, in block time. No setting: the tables must be a function of
 * the blocks alone. */
#define TALLY_TOKEN_MS (7ull * 24 * 3600 * 1000)

enum tally_ledger_table {
	/* u8 level, u64 index -> roots of complete subtrees of 2^level leaves, from that index on,
	   that one block finished (level 0: its leaf hashes). In the overlay only: a flush turns
	   them into tiles. */
	TABLE_NODES = 0,
	/* u64 first journal -> u8 1, u64 block, u32 count, u64 time, 32 block hash */
	TABLE_LOCATOR = 1,
	/* u8 level, u64 number -> u8 1, the hashes of the tile (tile.h) */
	TABLE_TILE = 2,
	/* u40 stretch of the ledger, u8 size, clue, u24 journal within it -> u8 2, 32 JournalHash (clues.c) */
	TABLE_CLUE = 3,
	/* u8 size, member id, u64 first journal of a block -> u8 1, u32 how many in that block */
	TABLE_BY_MEMBER = 4,
	/* u8 payload type, u64 first journal of a block -> u8 1, u32 how many in that block */
	TABLE_BY_TYPE = 5,
	/* 16 digest -> u8 1, u64 journal, 16 request digest, u64 until (ms, block time) */
	TABLE_TOKEN = 6,
	TABLE_NONCE = 7,
	/* u64 until, u8 table, 16 digest -> u8 1 */
	TABLE_EXPIRY = 8,
	/* "head" -> the head of the ledger as of the mark (head.c) */
	TABLE_HEAD = 9,
	/* member id -> u8 1, u64 block of last change, u64 account (0: none), u8 role, u8 enabled,
	   u64 created, u64 updated, u64 journal, u8 type of key (0: none), u8 size, key */
	TABLE_MEMBER = 10,
	/* u64 account -> u8 1, member id */
	TABLE_MEMBER_BY_ACCOUNT = 11,
	/* 16 digest of what members signed -> u8 1, u64 journal */
	TABLE_SIGNED = 12,
	/* u64 journal that orders it, u64 first journal -> u8 1, u64 journals, u8 type of the order;
	   as long as a payload of these is not erased */
	TABLE_ERASE = 13,
	/* u64 journal of an anchor -> u8 1, u8 given, u64 journals of the tree, u64 time (ms) */
	TABLE_ANCHOR = 14,
	/* u8 size, key, as it is now -> u8 1, u64 block of last change, u64 journal, 32 JournalHash */
	TABLE_KV = 16,
	/* u8 size, key, u64 journal -> u8 1, u8 removed, 32 JournalHash */
	TABLE_KV_HISTORY = 17,
	/* member id, u64 journal -> as TABLE_MEMBER, after that journal; role 0: it deleted it */
	TABLE_MEMBER_HISTORY = 18,
	/* 32 path of the clue in the state tree -> u8 2, u64 size of a STATE_ROOT, frontier of the
	   clue's tree as of that size; one in so many journals of the clue */
	TABLE_CLUE_HEAD = 19,
	/* pages of the state tree (statetree.c) */
	TABLE_STATE_PAGE = 20,
	/* u8 type, key -> u8 1, id of the member that has or had this key */
	TABLE_MEMBER_BY_KEY = 21,
	/* u64 journal -> u8 1, u64 journal that orders its payload to be erased, u8 type of that
	   (OCCULT, DELETE_KEY) */
	TABLE_REMOVED = 22,
	/* u8 0, u64 order of an erasure without a certificate -> u8 1
	   u8 1, u64 order -> u8 1, u64 journal of its certificate */
	TABLE_ERASURE = 23,
	/* u64 before -> u8 1, u64 PURGE journal that orders all below that to be erased */
	TABLE_PURGE = 24,
	/* u64 account that is invited -> u8 1, u64 INVITE_MEMBERS journal; until it is a member */
	TABLE_INVITATION = 25,
	/* "ip" -> u8 1, u64 block of last change, then for each network that may reach the ledger:
	   16 address (address.h), u8 bits. Not there: it is reached from everywhere */
	TABLE_ACCESS = 28,
	/* name of a listener -> u8 1, u64 block of last change, u64 journal, u64 created, short id,
	   short member id, short address */
	TABLE_ENDPOINT = 29,
	/* member id -> u8 1, u64 block of last change, short id of the KMS key that its key is, short
	   version; not there: its key came otherwise */
	TABLE_MEMBER_KMS = 30,
	/* key, in the order of bytes -> u8 1; of every key that ever had a value */
	TABLE_KV_NAME = 31,

	/* the system ledger's own */
	/* u64 account -> u8 1, u64 created, name */
	TABLE_ACCOUNT = 32,
	/* key id -> u8 1, u64 journal of CREATE_KEY, u64 account, u8 state, u64 created */
	TABLE_KEY = 33,
	/* ledger id -> u8 1, u64 owner's account */
	TABLE_CATALOGUE = 34,
	/* u64 account, ledger id -> u8 1 */
	TABLE_CATALOGUE_BY_ACCOUNT = 35,
	/* u64 account -> u8 1, text of its policy */
	TABLE_ACCOUNT_POLICY = 36,
	/* key id -> u8 1, text of its policy; none: the key has none of its own */
	TABLE_KEY_POLICY = 37,
	/* u64 account, ledger id that it was made a member of -> u8 1; whether it still is, the ledger
	   knows */
	TABLE_JOINED = 38,
	/* id of an organisation -> u8 1, u64 created, certificate of its CA (PEM) */
	TABLE_ORG = 44,
	/* name of a channel -> u8 1, u64 created, ledger id */
	TABLE_CHANNEL = 45,

	/* shared objects, of a channel's ledger (share_rows.c) */
	/* u8 kind, short name, short name (not of a DID) -> u8 1, u64 block of last change, u8 state,
	   u64 journal of last change, u64 journal of content, u64 first journal, u64 created, u64
	   updated; 4 shorts: of an order provider, product, creator, process; of an application issuer,
	   service, sequence (once it is answered); of a credential owner, publisher, schema; empty else;
	   of a DID: 65 public key; of a schema: u64 how often it was published */
	TABLE_SHARE = 46,
	/* 65 public key -> u8 1, DID */
	TABLE_DID_BY_KEY = 47,
	/* short creator, short process, u64 journal -> u8 1, u64 time, short consumer, short order */
	TABLE_STAGE = 48,
	/* short creator, short process, DID that got a stage of it -> u8 1 */
	TABLE_PARTY = 49,
	/* short issuer, u64 first journal of an application that is open -> u8 1, short applicant, short
	   application, short service */
	TABLE_ASKED = 50,
};

#endif
