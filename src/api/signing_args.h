/*
 * Members' signatures as parameters. One member: MemberId, MemberSignature, MemberSignatureType;
 * several: MemberSignatures, a JSON list of objects with these three. In the own form MemberNonce
 * goes with them, and PayloadSalt where there is a payload; in the foreign form RequestMessage.
 */
#ifndef TALLY_SIGNING_ARGS_H
#define TALLY_SIGNING_ARGS_H

#include "action.h"

extern const char *const tally_key_types[];

#define SIGNING_PARAMS \
	{ .name = "MemberId", .type = PARAM_MEMBER_ID, .example = "m-04389ec1075443bc04389ec107", \
	  .help = "The member that signed it; absent: the caller's own." }, \
	{ .name = "MemberSignature", .type = PARAM_RAW, .min = 128, .max = 128, \
	  .example = "<128 hex digits>", .help = "Its signature, 64 bytes in hex." }, \
	{ .name = "MemberSignatureType", .type = PARAM_ENUM, .choices = tally_key_types, \
	  .example = "SECP256K1", .help = "Kind of the member's key; absent: whatever it is." }, \
	{ .name = "MemberNonce", .type = PARAM_TEXT, .min = 1, .max = 64, .example = "invoice-4711", \
	  .help = "What the member signed has this nonce; never twice the same." }, \
	{ .name = "PayloadSalt", .type = PARAM_RAW, .min = 32, .max = 32, \
	  .example = "000102030405060708090a0b0c0d0e0f", \
	  .help = "The 16 bytes, in hex, before the payload in the hash that the member signed." }, \
	{ .name = "MemberSignatures", .type = PARAM_RAW, .max = 8192, \
	  .example = "[{\"MemberId\":\"m-...\",\"MemberSignature\":\"...\"}]", \
	  .help = "Signatures of several members, a JSON list; the first is the author's." }, \
	{ .name = "RequestMessage", .type = PARAM_BASE64, .example = "CAESG2wt", \
	  .help = "What the member signed instead: the TxRequest of the light client." }

/* 0 and *signing_r, which is NULL where nothing was signed; or -1. In the call's arena. */
int tally_signing_args(struct tally_call *call, struct tally_signing **signing_r,
		       struct tally_err *err);

/* The same parts as texts, from wherever they come. Absent: data NULL. */
struct tally_signing_text {
	struct tally_bytes member_id, signature, type;
	struct tally_bytes nonce, salt;		/* salt in hex */
	struct tally_bytes list;		/* JSON */
	struct tally_bytes message;
};
int tally_signing_make(struct tally_arena *arena, const struct tally_signing_text *text,
		       struct tally_signing **signing_r, struct tally_err *err);

#endif
