/* Parameters that actions on members share. */
#ifndef TALLY_MEMBER_ARGS_H
#define TALLY_MEMBER_ARGS_H

#include "action.h"
#include "signing_args.h"

#define KEY_PARAMS(need) \
	{ .name = "PublicKey", .type = PARAM_RAW, .required = need, .max = 130, \
	  .example = "04d563c1c3b967d00d6fbac0c14661b7d8633d48031fa050e35752670b27d9bceb04dfa6d46d" \
		     "66cb5ff1e2d0459436415b47012f6426ba1cd7405c47828b21128b", \
	  .help = "Public key in hex: 65 bytes with leading 04, of ED25519 32 bytes." }, \
	{ .name = "KeyType", .type = PARAM_ENUM, .choices = tally_key_types, \
	  .fallback = "SECP256K1", .example = "SECP256K1", .help = "Kind of the key." }

#define MEMBER_ID_PARAM(need, text) \
	{ .name = "MemberId", .type = PARAM_MEMBER_ID, .required = need, \
	  .example = "m-04389ec1075443bc04389ec107", .help = text }

#define TOKEN_PARAM \
	{ .name = "ClientToken", .type = PARAM_TOKEN, \
	  .example = "123e4567-e89b-12d3-a456-426655440000", \
	  .help = "The same token again does nothing twice; up to 64 ASCII characters." }

/* PublicKey and KeyType; a key of type KEY_TYPE_NONE where none was given. -1 INVALID about "PublicKey". */
int tally_member_key_args(struct tally_call *call, struct tally_member_key *key_r,
			  struct tally_err *err);

#endif
