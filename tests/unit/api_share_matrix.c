/*
 * Who may do what with an object in which state: every endpoint of the data-sharing family that works on an
 * object, from every state that the object can be in, by every role. The table says it again cell by cell,
 * without a look at the rules that the server goes by. Each cell is one request; what is refused must leave
 * every block of the store as it was, what is done must leave the object in the state that the row names.
 *
 * A row is an endpoint (or a variant of it: other words) and a situation; its cells are letters, one for
 * each role in the order of roles[]. An endpoint that becomes available needs rows.
 */
#include "config.h"

#include <stdlib.h>

#include "credentials.h"
#include "mem.h"
#include "objects.h"
#include "secret.h"
#include "share_world.h"

#define DATA "aGVsbG8="

/* ---- roles ---- */

enum role {
	PROVIDER,		/* of the data set; of the order; issuer, whom applications ask */
	CONSUMER,		/* of the order; who applies, holder of the credential */
	CREATOR,		/* of the process; of the schema */
	PARTY,			/* consumer of a stage of the process */
	NEIGHBOUR,		/* another identity of the provider's organisation */
	FOREIGNER,		/* an identity of an organisation that has no part */
	NO_DID,			/* a member of the provider's organisation without a DID */
	UNKNOWN_CA,		/* who says to be of the provider's organisation; its CA knows nothing of him */
	UNKNOWN_ORG,		/* of an organisation that was never added */
	REMOVED_ORG,		/* with a DID, of an organisation that was removed */
	ROLES
};

static struct {
	const char *name, *organization;
	const char *ca;			/* whose key signs the certificate */
	bool has_did;
	struct person person;
} roles[ROLES] = {
	[PROVIDER] = { "provider", "org1", "org1", true, { .did = NULL } },
	[CONSUMER] = { "consumer", "org2", "org2", true, { .did = NULL } },
	[CREATOR] = { "creator", "org1", "org1", true, { .did = NULL } },
	[PARTY] = { "party", "org2", "org2", true, { .did = NULL } },
	[NEIGHBOUR] = { "neighbour", "org1", "org1", true, { .did = NULL } },
	[FOREIGNER] = { "foreigner", "org3", "org3", true, { .did = NULL } },
	[NO_DID] = { "no DID", "org1", "org1", false, { .did = NULL } },
	[UNKNOWN_CA] = { "unknown CA", "org1", "nobody", false, { .did = NULL } },
	[UNKNOWN_ORG] = { "unknown organisation", "org9", "org9", false, { .did = NULL } },
	[REMOVED_ORG] = { "removed organisation", "org4", "org4", true, { .did = NULL } },
};

/* ---- situations ---- */

/* What is there before the request. An order is of the data set under test, or, apart, of another one, so
 * that all its states go with each of the data set's. */
struct situation {
	enum tally_share_state did, dataset, order;
	bool apart;
	bool stage;			/* the order is a stage of a process */
	bool process;
	enum tally_share_state schema, application, credential;
	bool expired;			/* the credential is */
};

/* One that was made. */
struct made {
	unsigned int number;
	const char *ciphertext;
	const char *process;		/* of the creator, with a stage for the party */
	const char *application;	/* its index */
	const struct person *provider, *consumer;
};

static unsigned int made_count;
static const char *process_of_creator, *process_of_provider;

/* Words with $P, $C, $K, $T (DIDs of provider, consumer, creator, party), $S (the caller's own, or the
 * creator's), $d (data set), $o (order), $x (process), $e (ciphertext), $s (schema), $v (credential), $a
 * (application). */
static const char *fill_in(const char *words, const struct made *made, enum role role)
{
	const char *at = strchr(words, '$'), *put = "";

	if (at == NULL)
		return words;
	switch (at[1]) {
	case 'P': put = made->provider->did; break;
	case 'C': put = made->consumer->did; break;
	case 'K': put = roles[CREATOR].person.did; break;
	case 'T': put = roles[PARTY].person.did; break;
	case 'S': put = roles[roles[role].has_did ? role : CREATOR].person.did; break;
	case 'd': put = text("d%u", made->number); break;
	case 'o': put = text("o%u", made->number); break;
	case 'x': put = made->process; break;
	case 'e': put = made->ciphertext; break;
	case 's': put = text("s%u", made->number); break;
	case 'v': put = text("v%u", made->number); break;
	case 'a': put = made->application; break;
	default: FAIL("$%c", at[1]); break;
	}
	return fill_in(text("%.*s%s%s", (int)(at - words), words, put, at + 2), made, role);
}

static void ask_as(enum role role, const struct person *person, const char *method, const char *path,
		   const char *words)
{
	share_ask(person, method, path, text("%s|orgID=%s", words, roles[role].organization));
}

/* A step on the way to a situation. */
static void step(const struct person *who, const char *method, const char *path, const char *words,
		 const struct made *made)
{
	enum role role = PROVIDER;

	while (&roles[role].person != who)
		role++;
	ask_as(role, who, method, path, fill_in(words, made, role));
	share_ok();
}

#define DATASET "/v1/datashare/dataset"
#define ORDER DATASET "/order"
#define OF_ORDER "consumer=$C|orderSeq=$o"

static void make_dataset(struct made *made, enum tally_share_state state, const char *product)
{
	if (state == SHARE_NONE)
		return;
	step(made->provider, "POST", DATASET,
	     text("provider=$P|productName=%s|productID=%s|sampleUrl=s|dataUrl=d|plainData=" DATA, product,
		  product), made);
	made->ciphertext = share_reply("encryptData");
}

static void end_dataset(const struct made *made, enum tally_share_state state)
{
	if (state == SHARE_CLOSED)
		step(made->provider, "PUT", DATASET, "provider=$P|productID=$d", made);
	if (state == SHARE_GONE)
		step(made->provider, "DELETE", DATASET, "provider=$P|productID=$d", made);
}

static void make_order(const struct made *made, enum tally_share_state state, const char *product)
{
	static const char *const status[] = { [SHARE_FINISHED] = "0", [SHARE_FAILED] = "1",
					      [SHARE_CANCELED] = "2" };

	if (state == SHARE_NONE)
		return;
	step(made->consumer, "POST", DATASET "/dataset-order",
	     text(OF_ORDER "|provider=$P|productID=%s", product), made);
	if (state == SHARE_REQUEST)
		return;
	if (state == SHARE_READY || state == SHARE_FINISHED)
		step(made->provider, "POST", DATASET "/authorize-dataset", OF_ORDER, made);
	if (state == SHARE_GONE)
		step(made->consumer, "DELETE", ORDER, OF_ORDER, made);
	else if (state != SHARE_READY)
		step(state == SHARE_FAILED ? made->provider : made->consumer, "PUT", ORDER,
		     text(OF_ORDER "|orderStatus:=%s", status[state]), made);
}

/* Data set and order at once, as a stage of the process in which the provider has a part. */
static void make_stage(struct made *made)
{
	step(made->provider, "POST", DATASET "/share",
	     text("provider=$P|productName=$d|productID=$d|sampleUrl=s|dataUrl=d|plainData=" DATA "|" OF_ORDER
		  "|action=append|creatorDID=$K|processID=%s", process_of_provider), made);
	made->ciphertext = share_reply("encryptData");
}

/* ---- credentials: the provider issues, by a schema of the creator's, to the consumer ---- */

#define IDENTITY "/v1/identity/"
#define SERVICE "service:=[{\"type\":\"T\",\"serviceEndpoint\":\"https://example.com/\"}]"

/* A schema is behind each credential: the one under test, or another where there shall be none. */
static const char *make_schema(const struct made *made, const struct situation *situation)
{
	const char *schema = text("%c%u", situation->schema == SHARE_NONE ? 'b' : 's', made->number);

	if (situation->schema != SHARE_NONE || situation->credential != SHARE_NONE ||
	    situation->application == SHARE_READY)
		step(&roles[CREATOR].person, "POST", IDENTITY "credential-schema",
		     text("issuer=$K|identifier=%s", schema), made);
	return schema;
}

static void issue(const struct made *made, const char *schema, const char *sequence)
{
	step(made->provider, "POST", IDENTITY "issue-vc",
	     text("issuer=$P|applyer=$C|sequence=%s|schemaIndex=$K_%s|data={}", sequence, schema), made);
}

/* What an issuer said of the holder a while ago, for a time that is over; the interface issues none such. */
static struct tally_bytes expired_content(const struct made *made, struct tally_bytes schema,
					  struct tally_bytes sequence)
{
	struct tally_share_call call = { .arena = &world.arena, .channel = TALLY_BYTES_LIT("mychannel") };
	const struct tally_bytes parts[] = { tally_bytes_str(made->provider->did), sequence,
					     tally_bytes_str(made->consumer->did) };
	struct tally_share_credential credential = {
		.issuer = parts[0], .sequence = sequence, .owner = parts[2], .schema = schema,
		.schema_index = tally_share_index(&world.arena, tally_bytes_str(roles[CREATOR].person.did),
						  schema),
		.issued_s = tally_now_ms() / 1000 - 20, .expires_s = tally_now_ms() / 1000 - 10
	};
	struct tally_node *root = tally_node_object(&world.arena);
	struct tally_node *document = tally_add_object(&world.arena, root, "credential");
	struct tally_share_sealed sealed;
	struct tally_member_key holder;
	uint8_t signature[64];

	CHECK_OK(tally_member_public(KEY_TYPE_SECP256R1, made->consumer->private, &holder, &err));
	tally_share_seal_for(&call, holder.bytes, tally_share_context(&call, "credential", parts, 3),
			     tally_share_context(&call, "credential-data", parts, 2), TALLY_BYTES_LIT("{}"),
			     &sealed);
	credential.wrapped = tally_bytes_str(sealed.wrapped);
	credential.data_hash = tally_bytes_str(tally_share_hash_text(&call, sealed.ciphertext));
	tally_share_add_credential(&world.arena, document, &credential);
	CHECK_OK(tally_member_sign(KEY_TYPE_SECP256R1, made->provider->private,
				   tally_encode_json(&world.arena, document), signature, &err));
	tally_add_str(&world.arena, root, "proof",
		      tally_base64_encode(&world.arena, tally_bytes(signature, 64)));
	tally_add_str(&world.arena, root, "data", tally_base64_encode(&world.arena, sealed.ciphertext));
	return tally_encode_json(&world.arena, root);
}

static void make_expired(const struct made *made, const char *schema, const char *sequence)
{
	struct tally_share_change change = {
		.op = "issue-credential",
		.fields = { { "issuer", tally_bytes_str(made->provider->did) },
			    { "sequence", tally_bytes_str(sequence) },
			    { "owner", tally_bytes_str(made->consumer->did) },
			    { "publisher", tally_bytes_str(roles[CREATOR].person.did) },
			    { "schema", tally_bytes_str(schema) } },
		.field_count = 5,
		.content = expired_content(made, tally_bytes_str(schema), tally_bytes_str(sequence))
	};

	share_change_by(made->provider, &change);
}

/* One that is answered got another credential than the one under test. */
static void make_application(struct made *made, enum tally_share_state state, const char *schema)
{
	if (state == SHARE_NONE)
		return;
	step(made->consumer, "POST", IDENTITY "apply-vc", "applyer=$C|serviceID=$P#service1|data=please", made);
	made->application = share_reply("orderIndex");
	if (state == SHARE_REQUEST)
		return;
	issue(made, schema, text("w%u", made->number));
	step(made->provider, "POST", IDENTITY "vc-order",
	     text("orderIndex=$a|vcIndex=$P_w%u", made->number), made);
}

static void make_credential(struct made *made, const struct situation *situation)
{
	const char *schema = make_schema(made, situation), *sequence = text("v%u", made->number);

	make_application(made, situation->application, schema);
	if (situation->expired)
		make_expired(made, schema, sequence);
	else if (situation->credential != SHARE_NONE)
		issue(made, schema, sequence);
}

/* provider and consumer are those of the objects under test. */
static void make(const struct situation *situation, const struct person *provider,
		 const struct person *consumer, struct made *made)
{
	const char *product;

	*made = (struct made){ .number = ++made_count, .ciphertext = "AA==", .provider = provider,
			       .consumer = consumer,
			       .process = situation->process ? process_of_creator : "none",
			       .application = text("%s_0000000000", consumer->did) };
	product = text("d%u", made->number);
	if (situation->stage) {
		make_stage(made);
		return;
	}
	make_dataset(made, situation->dataset, product);
	if (situation->apart && situation->order != SHARE_NONE) {
		product = text("b%u", made->number);
		make_dataset(made, SHARE_READY, product);
	}
	make_order(made, situation->order, product);
	end_dataset(made, situation->dataset);
	make_credential(made, situation);
}

/* An application has its name from the server, and the last answer says it. */
static enum tally_share_state state_of(enum tally_share_kind kind, const struct made *made)
{
	static const struct {
		const char *did, *name;
	} names[] = {
		[SHARE_DATASET] = { "$P", "$d" }, [SHARE_ORDER] = { "$C", "$o" }, [SHARE_SCHEMA] = { "$K", "$s" },
		[SHARE_APPLICATION] = { "$C", NULL }, [SHARE_CREDENTIAL] = { "$P", "$v" },
	};
	const char *did = fill_in(names[kind].did, made, PROVIDER);
	const char *name = names[kind].name != NULL ? fill_in(names[kind].name, made, PROVIDER) :
						      share_reply("orderIndex") + strlen(did) + 1;
	struct tally_share_object object;
	int found = tally_share_find(world.core, tally_bytes_str(share.ledger.ledger_id), kind,
				     tally_bytes_str(did), tally_bytes_str(name), &world.arena, &object, &err);

	CHECK(found >= 0);
	return found == 1 ? object.state : SHARE_NONE;
}

/* ---- the table ---- */

/*
 * Letters: + it is done; 1 it is answered, with the object in a list; 0 it is answered, and the object is
 * not in the list; T it is said to be so; F it is said not to be; D another identity may, not this one; N
 * there is no such object; E there is, or was, one; S the state does not allow it; A what the request names
 * is not there; I the caller has no identity; C the certificate is of another CA; O there is no such
 * organisation. A dot: the role cannot be in that situation.
 */
static const struct outcome {
	char letter;
	const char *code;		/* NULL: it is answered */
} outcomes[] = {
	{ '+', NULL }, { '1', NULL }, { '0', NULL }, { 'T', NULL }, { 'F', NULL },
	{ 'D', "BCS.5002904" }, { 'N', "BCS.5002902" }, { 'E', "BCS.5002903" }, { 'S', "BCS.5002905" }, { 'A', "BCS.5002046" }, { 'I', "BCS.5002913" },
	{ 'C', "BCS.5002909" }, { 'O', "BCS.4001051" }
};

#define MAKES(k, s) .kind = k, .to = s
#define LOOKS .kind = 0

#define NEW "productName=$d|productID=$d|sampleUrl=s|dataUrl=d|plainData=" DATA
#define SHARE "provider=$P|" NEW "|" OF_ORDER
#define APPEND "|action=append|creatorDID=$K|processID=$x"
#define ISSUE "issuer=$P|sequence=$v|schemaIndex=$K_$s|data={}"

#define DS(state) .situation = { .dataset = SHARE_##state }
#define OR(state) .situation = { .dataset = SHARE_READY, .order = SHARE_##state }
#define STAGE .situation = { .dataset = SHARE_READY, .order = SHARE_READY, .stage = true }
#define OF(set, state) .situation = { .dataset = SHARE_##set, .order = SHARE_##state }
#define APART(set, state) .situation = { .dataset = SHARE_##set, .order = SHARE_##state, .apart = true }
#define IN_PROCESS(set, state) .situation = { .dataset = SHARE_##set, .order = SHARE_##state, \
					      .apart = true, .process = true }
#define DID_IS(state) .situation = { .did = SHARE_##state }
#define PROCESS(is) .situation = { .process = is }
#define SCHEMA(state) .situation = { .schema = SHARE_##state }
#define APPLIED(state) .situation = { .application = SHARE_##state }
#define CREDENTIAL(of, state) .situation = { .schema = SHARE_##of, .credential = SHARE_##state }
#define EXPIRED(of) .situation = { .schema = SHARE_##of, .credential = SHARE_ACTIVE, .expired = true }
#define ANSWER(asked, state) .situation = { .application = SHARE_##asked, .credential = SHARE_##state }
#define ANSWER_EXPIRED(asked) .situation = { .application = SHARE_##asked, .credential = SHARE_ACTIVE, \
					     .expired = true }

struct row {
	const char *endpoint;
	const char *words;		/* NULL: those of the row before; so endpoint, kind and to */
	bool own;			/* the caller is provider, the creator consumer */
	bool fresh;			/* a caller whom nobody has seen before */
	enum tally_share_kind kind;	/* the object that the endpoint changes; 0: it only looks */
	enum tally_share_state to;
	struct situation situation;
	const char *cells;
};

static const struct row rows[] = {
	/* identities: the caller's own */
	{ "RegisterDID", "", MAKES(SHARE_DID, SHARE_ACTIVE), .fresh = true,
	  DID_IS(NONE), .cells = "......+COO" },
	{ DID_IS(ACTIVE), .cells = "EEEEEE.COO" },
	{ "RegisterDIDWithService", SERVICE, MAKES(SHARE_DID, SHARE_ACTIVE), .fresh = true,
	  DID_IS(NONE), .cells = "......+COO" },
	{ DID_IS(ACTIVE), .cells = "EEEEEE.COO" },
	/* ... the provider's */
	{ "UpdateDIDService", "did=$P|" SERVICE, MAKES(SHARE_DID, SHARE_ACTIVE),
	  DID_IS(ACTIVE), .cells = "+DDDDDICOO" },
	{ "UpdateDIDService", "did=did:tally:none", MAKES(SHARE_DID, SHARE_NONE),
	  DID_IS(NONE), .cells = "NNNNNNICOO" },
	{ "ShowDID", "did=$P", LOOKS, DID_IS(ACTIVE), .cells = "+++++++COO" },
	{ "ShowDID", "did=did:tally:none", LOOKS, DID_IS(NONE), .cells = "NNNNNNNCOO" },

	/* data sets */
	{ "PublishDataset", "provider=$P|" NEW, MAKES(SHARE_DATASET, SHARE_READY),
	  DS(NONE), .cells = "+DDDDDICOO" },
	{ DS(READY), .cells = "EDDDDDICOO" },
	{ DS(CLOSED), .cells = "EDDDDDICOO" },
	{ DS(GONE), .cells = "EDDDDDICOO" },
	{ "CloseDataset", "provider=$P|productID=$d", MAKES(SHARE_DATASET, SHARE_CLOSED),
	  DS(NONE), .cells = "NDDDDDICOO" },
	{ DS(READY), .cells = "+DDDDDICOO" },
	{ DS(CLOSED), .cells = "SDDDDDICOO" },
	{ DS(GONE), .cells = "NDDDDDICOO" },
	{ "DeleteDataset", "provider=$P|productID=$d", MAKES(SHARE_DATASET, SHARE_GONE),
	  DS(NONE), .cells = "NDDDDDICOO" },
	{ DS(READY), .cells = "+DDDDDICOO" },
	{ DS(CLOSED), .cells = "+DDDDDICOO" },
	{ DS(GONE), .cells = "NDDDDDICOO" },
	{ "QueryDataset", "provider=$P|productID=$d", LOOKS,
	  DS(NONE), .cells = "NNNNNNNCOO" },
	{ DS(READY), .cells = "+++++++COO" },
	{ DS(CLOSED), .cells = "+++++++COO" },
	{ DS(GONE), .cells = "NNNNNNNCOO" },
	{ "QueryDatasetByCond", "provider=$P|searchText=$d", LOOKS,
	  DS(NONE), .cells = "0000000COO" },
	{ DS(READY), .cells = "1111111COO" },
	{ DS(CLOSED), .cells = "1111111COO" },
	{ DS(GONE), .cells = "0000000COO" },

	/* sharing: data set and order are new */
	{ "ShareDataset", SHARE, MAKES(SHARE_ORDER, SHARE_READY),
	  APART(NONE, NONE), .cells = "+DDDDDICOO" },
	{ APART(READY, NONE), .cells = "EDDDDDICOO" },
	{ APART(CLOSED, NONE), .cells = "EDDDDDICOO" },
	{ APART(GONE, NONE), .cells = "EDDDDDICOO" },
	{ APART(NONE, REQUEST), .cells = "EDDDDDICOO" },
	{ APART(NONE, READY), .cells = "EDDDDDICOO" },
	{ APART(NONE, FINISHED), .cells = "EDDDDDICOO" },
	{ APART(NONE, FAILED), .cells = "EDDDDDICOO" },
	{ APART(NONE, CANCELED), .cells = "EDDDDDICOO" },
	{ APART(NONE, GONE), .cells = "EDDDDDICOO" },
	/* ... and so is the process */
	{ "ShareDataset", SHARE "|action=new", MAKES(SHARE_ORDER, SHARE_READY),
	  APART(NONE, NONE), .cells = "+DDDDDICOO" },
	{ APART(READY, NONE), .cells = "EDDDDDICOO" },
	{ APART(CLOSED, NONE), .cells = "EDDDDDICOO" },
	{ APART(GONE, NONE), .cells = "EDDDDDICOO" },
	{ APART(NONE, REQUEST), .cells = "EDDDDDICOO" },
	{ APART(NONE, READY), .cells = "EDDDDDICOO" },
	{ APART(NONE, FINISHED), .cells = "EDDDDDICOO" },
	{ APART(NONE, FAILED), .cells = "EDDDDDICOO" },
	{ APART(NONE, CANCELED), .cells = "EDDDDDICOO" },
	{ APART(NONE, GONE), .cells = "EDDDDDICOO" },
	/* ... the process is there, and the provider has no part in it */
	{ "ShareDataset", SHARE APPEND, MAKES(SHARE_ORDER, SHARE_READY),
	  APART(NONE, NONE), .cells = "ADDDDDICOO" },
	{ IN_PROCESS(NONE, NONE), .cells = "DDDDDDICOO" },
	/* ... everybody in his own name: who made the process, and who got a stage of it */
	{ "ShareDataset", "provider=$S|" NEW "|consumer=$K|orderSeq=$o" APPEND, .own = true,
	  MAKES(SHARE_ORDER, SHARE_READY), APART(NONE, NONE), .cells = "AAAAAAICOO" },
	{ IN_PROCESS(NONE, NONE), .cells = "DD++DDICOO" },
	{ IN_PROCESS(READY, NONE), .cells = "EEEEEEICOO" },
	{ IN_PROCESS(CLOSED, NONE), .cells = "EEEEEEICOO" },
	{ IN_PROCESS(GONE, NONE), .cells = "EEEEEEICOO" },
	{ IN_PROCESS(NONE, REQUEST), .cells = "EEEEEEICOO" },
	{ IN_PROCESS(NONE, READY), .cells = "EEEEEEICOO" },
	{ IN_PROCESS(NONE, FINISHED), .cells = "EEEEEEICOO" },
	{ IN_PROCESS(NONE, FAILED), .cells = "EEEEEEICOO" },
	{ IN_PROCESS(NONE, CANCELED), .cells = "EEEEEEICOO" },
	{ IN_PROCESS(NONE, GONE), .cells = "EEEEEEICOO" },

	/* orders */
	{ "ApplyOrder", OF_ORDER "|provider=$P|productID=$d", MAKES(SHARE_ORDER, SHARE_REQUEST),
	  APART(NONE, NONE), .cells = "DNDDDDICOO" },
	{ APART(READY, NONE), .cells = "D+DDDDICOO" },
	{ APART(CLOSED, NONE), .cells = "DSDDDDICOO" },
	{ APART(GONE, NONE), .cells = "DNDDDDICOO" },
	{ APART(READY, REQUEST), .cells = "DEDDDDICOO" },
	{ APART(READY, READY), .cells = "DEDDDDICOO" },
	{ APART(READY, FINISHED), .cells = "DEDDDDICOO" },
	{ APART(READY, FAILED), .cells = "DEDDDDICOO" },
	{ APART(READY, CANCELED), .cells = "DEDDDDICOO" },
	{ APART(READY, GONE), .cells = "DEDDDDICOO" },
	{ "AuthorizeDatasetOrder", OF_ORDER, MAKES(SHARE_ORDER, SHARE_READY),
	  OR(NONE), .cells = "NNNNNNICOO" },
	{ OR(REQUEST), .cells = "+DDDDDICOO" },
	{ OF(CLOSED, REQUEST), .cells = "+DDDDDICOO" },
	{ OF(GONE, REQUEST), .cells = "NDDDDDICOO" },
	{ OR(READY), .cells = "SDDDDDICOO" },
	{ STAGE, .cells = "SDDDDDICOO" },
	{ OR(FINISHED), .cells = "SDDDDDICOO" },
	{ OR(FAILED), .cells = "SDDDDDICOO" },
	{ OR(CANCELED), .cells = "SDDDDDICOO" },
	{ OR(GONE), .cells = "NNNNNNICOO" },
	/* ... finished */
	{ "UpdateDatasetOrder", OF_ORDER "|orderStatus:=0", MAKES(SHARE_ORDER, SHARE_FINISHED),
	  OR(NONE), .cells = "NNNNNNICOO" },
	{ OR(REQUEST), .cells = "SSSSSSICOO" },
	{ OR(READY), .cells = "++DDDDICOO" },
	{ OF(CLOSED, READY), .cells = "++DDDDICOO" },
	{ OF(GONE, READY), .cells = "++DDDDICOO" },
	{ STAGE, .cells = "++DDDDICOO" },
	{ OR(FINISHED), .cells = "SSSSSSICOO" },
	{ OR(FAILED), .cells = "SSSSSSICOO" },
	{ OR(CANCELED), .cells = "SSSSSSICOO" },
	{ OR(GONE), .cells = "NNNNNNICOO" },
	/* ... failed */
	{ "UpdateDatasetOrder", OF_ORDER "|orderStatus:=1", MAKES(SHARE_ORDER, SHARE_FAILED),
	  OR(NONE), .cells = "NNNNNNICOO" },
	{ OR(REQUEST), .cells = "+DDDDDICOO" },
	{ OR(READY), .cells = "++DDDDICOO" },
	{ STAGE, .cells = "++DDDDICOO" },
	{ OR(FINISHED), .cells = "SSSSSSICOO" },
	{ OR(FAILED), .cells = "SSSSSSICOO" },
	{ OR(CANCELED), .cells = "SSSSSSICOO" },
	{ OR(GONE), .cells = "NNNNNNICOO" },
	/* ... canceled */
	{ "UpdateDatasetOrder", OF_ORDER "|orderStatus:=2", MAKES(SHARE_ORDER, SHARE_CANCELED),
	  OR(NONE), .cells = "NNNNNNICOO" },
	{ OR(REQUEST), .cells = "D+DDDDICOO" },
	{ OR(READY), .cells = "D+DDDDICOO" },
	{ STAGE, .cells = "D+DDDDICOO" },
	{ OR(FINISHED), .cells = "SSSSSSICOO" },
	{ OR(FAILED), .cells = "SSSSSSICOO" },
	{ OR(CANCELED), .cells = "SSSSSSICOO" },
	{ OR(GONE), .cells = "NNNNNNICOO" },
	{ "DeleteDatasetOrder", OF_ORDER, MAKES(SHARE_ORDER, SHARE_GONE),
	  OR(NONE), .cells = "DNDDDDICOO" },
	{ OR(REQUEST), .cells = "D+DDDDICOO" },
	{ OR(READY), .cells = "D+DDDDICOO" },
	{ STAGE, .cells = "D+DDDDICOO" },
	{ OR(FINISHED), .cells = "D+DDDDICOO" },
	{ OR(FAILED), .cells = "D+DDDDICOO" },
	{ OR(CANCELED), .cells = "D+DDDDICOO" },
	{ OR(GONE), .cells = "DNDDDDICOO" },
	{ "GetDataPlaintext", OF_ORDER "|encryptData=$e", LOOKS,
	  OR(NONE), .cells = "DNDDDDICOO" },
	{ OR(REQUEST), .cells = "DSDDDDICOO" },
	{ OR(READY), .cells = "D+DDDDICOO" },
	{ OF(CLOSED, READY), .cells = "D+DDDDICOO" },
	{ OF(GONE, READY), .cells = "D+DDDDICOO" },
	{ STAGE, .cells = "D+DDDDICOO" },
	{ OR(FINISHED), .cells = "D+DDDDICOO" },
	{ OR(FAILED), .cells = "DSDDDDICOO" },
	{ OR(CANCELED), .cells = "DSDDDDICOO" },
	{ OR(GONE), .cells = "DNDDDDICOO" },
	{ "QueryDatasetOrder", OF_ORDER, LOOKS,
	  OR(NONE), .cells = "NNNNNNNCOO" },
	{ OR(REQUEST), .cells = "+++++++COO" },
	{ OR(READY), .cells = "+++++++COO" },
	{ STAGE, .cells = "+++++++COO" },
	{ OR(FINISHED), .cells = "+++++++COO" },
	{ OR(FAILED), .cells = "+++++++COO" },
	{ OR(CANCELED), .cells = "+++++++COO" },
	{ OR(GONE), .cells = "NNNNNNNCOO" },
	{ "QueryDatasetOrderByCond", "consumer=$C|provider=$P|searchText=$d", LOOKS,
	  OR(NONE), .cells = "0000000COO" },
	{ OR(REQUEST), .cells = "1111111COO" },
	{ OR(READY), .cells = "1111111COO" },
	{ STAGE, .cells = "1111111COO" },
	{ OR(FINISHED), .cells = "1111111COO" },
	{ OR(FAILED), .cells = "1111111COO" },
	{ OR(CANCELED), .cells = "1111111COO" },
	{ OR(GONE), .cells = "0000000COO" },

	/* processes */
	{ "QueryDatasetSharingProcess", "creatorDID=$K|processID=$x", LOOKS,
	  PROCESS(false), .cells = "NNNNNNNCOO" },
	{ PROCESS(true), .cells = "+++++++COO" },
	{ "QueryDatasetSharingProcessList", "creatorDID=$T", LOOKS,
	  PROCESS(false), .cells = "0000000COO" },
	{ "QueryDatasetSharingProcessList", "creatorDID=$K", LOOKS,
	  PROCESS(true), .cells = "1111111COO" },

	/* schemas: published again, they have another version */
	{ "PublishCredentialSchema", "issuer=$K|identifier=$s", MAKES(SHARE_SCHEMA, SHARE_ACTIVE),
	  SCHEMA(NONE), .cells = "DD+DDDICOO" },
	{ SCHEMA(ACTIVE), .cells = "DD+DDDICOO" },
	{ "ShowVCSchema", "schemaIndex=$K_$s", LOOKS,
	  SCHEMA(NONE), .cells = "NNNNNNNCOO" },
	{ SCHEMA(ACTIVE), .cells = "+++++++COO" },

	/* applications: each is a new one */
	{ "ApplyVerifiableCredential", "applyer=$C|serviceID=$P#service1", MAKES(SHARE_APPLICATION, SHARE_REQUEST),
	  APPLIED(NONE), .cells = "D+DDDDICOO" },
	{ APPLIED(REQUEST), .cells = "D+DDDDICOO" },
	{ APPLIED(READY), .cells = "D+DDDDICOO" },
	{ "ApplyVerifiableCredential", "applyer=$C|serviceID=$P#service9", MAKES(SHARE_APPLICATION, SHARE_NONE),
	  APPLIED(NONE), .cells = "DNDDDDICOO" },
	{ "ConfirmOrder", "orderIndex=$a|vcIndex=$P_$v", MAKES(SHARE_APPLICATION, SHARE_READY),
	  ANSWER(NONE, NONE), .cells = "NNNNNNICOO" },
	{ ANSWER(NONE, ACTIVE), .cells = "NNNNNNICOO" },
	{ ANSWER_EXPIRED(NONE), .cells = "NNNNNNICOO" },
	{ ANSWER(REQUEST, NONE), .cells = "NDDDDDICOO" },
	{ ANSWER(REQUEST, ACTIVE), .cells = "+DDDDDICOO" },
	{ ANSWER_EXPIRED(REQUEST), .cells = "+DDDDDICOO" },
	{ ANSWER(READY, NONE), .cells = "NDDDDDICOO" },
	{ ANSWER(READY, ACTIVE), .cells = "SDDDDDICOO" },
	{ ANSWER_EXPIRED(READY), .cells = "SDDDDDICOO" },
	{ "ShowVCOrder", "orderIndex=$a", LOOKS,
	  APPLIED(NONE), .cells = "NNNNNNICOO" },
	{ APPLIED(REQUEST), .cells = "++DDDDICOO" },
	{ APPLIED(READY), .cells = "++DDDDICOO" },
	/* ... those that are open: to one service, to all of the caller's, to one that is not there */
	{ "ShowVCUntreatedOrder", "serviceID=$P#service1", LOOKS,
	  APPLIED(NONE), .cells = "0DDDDDICOO" },
	{ APPLIED(REQUEST), .cells = "1DDDDDICOO" },
	{ APPLIED(READY), .cells = "0DDDDDICOO" },
	{ "ShowVCUntreatedOrder", "", LOOKS,
	  APPLIED(NONE), .cells = "000000ICOO" },
	{ APPLIED(REQUEST), .cells = "100000ICOO" },
	{ APPLIED(READY), .cells = "000000ICOO" },
	{ "ShowVCUntreatedOrder", "serviceID=$P#service9", LOOKS,
	  APPLIED(REQUEST), .cells = "NNNNNNICOO" },

	/* credentials: what has expired is there, and not good */
	{ "IssueVerifiableCredential", "applyer=$C|" ISSUE, MAKES(SHARE_CREDENTIAL, SHARE_ACTIVE),
	  CREDENTIAL(NONE, NONE), .cells = "NDDDDDICOO" },
	{ CREDENTIAL(ACTIVE, NONE), .cells = "+DDDDDICOO" },
	{ CREDENTIAL(NONE, ACTIVE), .cells = "NDDDDDICOO" },
	{ CREDENTIAL(ACTIVE, ACTIVE), .cells = "EDDDDDICOO" },
	{ EXPIRED(NONE), .cells = "NDDDDDICOO" },
	{ EXPIRED(ACTIVE), .cells = "EDDDDDICOO" },
	{ "IssueVerifiableCredential", "applyer=did:tally:none|" ISSUE, MAKES(SHARE_CREDENTIAL, SHARE_NONE),
	  CREDENTIAL(ACTIVE, NONE), .cells = "NDDDDDICOO" },
	{ "ShowVerifiableCredential", "vcIndex=$P_$v", LOOKS,
	  CREDENTIAL(ACTIVE, NONE), .cells = "NNNNNNNCOO" },
	{ CREDENTIAL(ACTIVE, ACTIVE), .cells = "+++++++COO" },
	{ EXPIRED(ACTIVE), .cells = "+++++++COO" },
	{ "VerifyVerifiableCredential", "vcIndex=$P_$v|owner=$C", LOOKS,
	  CREDENTIAL(ACTIVE, NONE), .cells = "FFFFFFFCOO" },
	{ CREDENTIAL(ACTIVE, ACTIVE), .cells = "TTTTTTTCOO" },
	{ EXPIRED(ACTIVE), .cells = "FFFFFFFCOO" },
	/* ... of somebody else */
	{ "VerifyVerifiableCredential", "vcIndex=$P_$v|owner=$T", LOOKS,
	  CREDENTIAL(ACTIVE, ACTIVE), .cells = "FFFFFFFCOO" },
};
#define ROWS (sizeof(rows) / sizeof(*rows))

/* ---- the world ---- */

static bool make_person(enum role role, unsigned char seed, struct person *person)
{
	char pem[TALLY_MEMBER_PEM_TEXT];
	uint8_t ca_key[32];

	memset(ca_key, roles[role].ca[3], 32);		/* org1 ... have keys of their digit */
	memset(person->private, 3, 32);
	person->private[0] = seed;
	person->private[1] = (uint8_t)role;
	person->cert = world_cert(roles[role].name, person->private, roles[role].ca, ca_key,
				  (struct tally_cert_make){ .ca = false });
	if (person->cert == NULL ||
	    tally_member_pem_format(KEY_TYPE_SECP256R1, person->private, pem, &err) != 0)
		return false;
	person->key = tally_arena_str(&world.arena, tally_bytes_str(pem));
	return true;
}

static void add_organization(const char *name)
{
	static const struct tally_write local = { .caller = { .local = true } };
	uint8_t key[32];
	char *ca;

	memset(key, name[3], 32);
	ca = world_cert(name, key, NULL, NULL, (struct tally_cert_make){ .ca = true });
	CHECK_OK(tally_org_add(world.core, &local, tally_bytes_str(name), tally_bytes_str(ca), &err));
}

static const char *new_process(const struct person *consumer)
{
	struct made made = { .number = ++made_count, .provider = &roles[CREATOR].person,
			     .consumer = consumer };

	step(made.provider, "POST", DATASET "/share", SHARE "|action=new|stageName=first", &made);
	return share_reply("processID");
}

static void the_world(void)
{
	static const struct tally_write local = { .caller = { .local = true } };
	struct made nothing = { .provider = &roles[PROVIDER].person };

	CHECK_OK(tally_org_remove(world.core, &local, TALLY_BYTES_LIT("org1"), &err));
	CHECK_OK(tally_org_remove(world.core, &local, TALLY_BYTES_LIT("org2"), &err));
	add_organization("org1");
	add_organization("org2");
	add_organization("org3");
	add_organization("org4");
	for (enum role role = 0; role < ROLES; role++) {
		struct person *person = &roles[role].person;

		CASE("%s", roles[role].name);
		REQUIRE(make_person(role, 1, person));
		if (!roles[role].has_did)
			continue;
		ask_as(role, person, "POST", "/v1/identity/did", "");
		share_ok();
		person->did = share_reply("did");
	}
	CHECK_OK(tally_org_remove(world.core, &local, TALLY_BYTES_LIT("org4"), &err));
	step(nothing.provider, "PUT", IDENTITY "did", "did=$P|" SERVICE, &nothing);
	process_of_creator = new_process(&roles[PARTY].person);
	process_of_provider = new_process(&roles[PROVIDER].person);
}

/* ---- the cells ---- */

static unsigned int tested, impossible;

static const struct tally_share_endpoint *endpoint_of(const char *name)
{
	const struct tally_share_endpoint *endpoint = tally_share_endpoints;

	while (endpoint->path != NULL && strcmp(endpoint->name, name) != 0)
		endpoint++;
	return endpoint->path != NULL ? endpoint : NULL;
}

static const struct outcome *outcome_of(char letter)
{
	for (size_t i = 0; i < sizeof(outcomes) / sizeof(*outcomes); i++)
		if (outcomes[i].letter == letter)
			return &outcomes[i];
	return NULL;
}

static void make_for(const struct row *row, const struct row *head, enum role role, struct made *made)
{
	const struct person *self = &roles[roles[role].has_did && role != REMOVED_ORG ? role :
										     CREATOR].person;

	make(&row->situation, head->own ? self : &roles[PROVIDER].person,
	     head->own ? &roles[CREATOR].person : &roles[CONSUMER].person, made);
}

static void ask_cell(const struct row *row, const struct row *head, enum role role,
		     const struct made *made)
{
	const struct tally_share_endpoint *endpoint = endpoint_of(head->endpoint);
	static unsigned char seed = 1;
	struct person fresh = { .did = NULL };

	if (head->fresh && row->situation.did == SHARE_NONE)
		CHECK(make_person(role, ++seed, &fresh));
	ask_as(role, fresh.cert != NULL ? &fresh : &roles[role].person, endpoint->method, endpoint->path,
	       fill_in(head->words, made, role));
}

/* Is the object under test in the list of the last answer? Lists of applications have others before it. */
static bool is_listed(const struct row *head, const struct made *made)
{
	const char *number = made->application + strlen(made->consumer->did) + 1, *item;

	if (strcmp(head->endpoint, "ShowVCUntreatedOrder") != 0)
		return share_reply("items.0") != NULL;
	for (unsigned int i = 0; (item = share_reply(text("items.%u.orderSeq", i))) != NULL; i++)
		if (strcmp(item, number) == 0)
			return true;
	return false;
}

/* What was done shows: in the state of the object, or in that nothing has changed. */
static void check_done(const struct row *head, char letter, const struct made *made, uint64_t state)
{
	share_ok();
	if (letter == 'T' || letter == 'F')
		CHECK_STR(share_reply("isOwned"), letter == 'T' ? "true" : "false");
	else if (letter != '+')
		CHECK_INT(is_listed(head, made), letter == '1');
	if (head->kind == 0)
		CHECK(share_state() == state);
	else
		CHECK(share_state() != state);
	if (head->kind > SHARE_DID)
		CHECK_INT(state_of(head->kind, made), head->to);
	tested++;
}

/* Refusals leave the situation as it was, so it is made anew only for who changes it, or is part of it. */
static void test_row(const struct row *row, const struct row *head)
{
	struct made made;
	bool is_made = false;

	REQUIRE(strlen(row->cells) == ROLES);
	for (enum role role = 0; role < ROLES; role++) {
		const struct outcome *outcome = outcome_of(row->cells[role]);
		uint64_t state;

		if (row->cells[role] == '.') {
			impossible++;
			continue;
		}
		CASE("row %zu, %s by %s, %s", (size_t)(row - rows), head->endpoint, roles[role].name,
		     head->words);
		REQUIRE(outcome != NULL);
		if (!is_made || head->own)
			make_for(row, head, role, &made);
		state = share_state();
		ask_cell(row, head, role, &made);
		is_made = outcome->code != NULL || head->kind == 0;
		if (outcome->code == NULL) {
			check_done(head, row->cells[role], &made, state);
			continue;
		}
		share_refused(state, 500, outcome->code);
		tested++;
	}
}

static void every_cell(void)
{
	const struct row *head = rows;

	for (const struct row *row = rows; row < rows + ROWS; row++) {
		if (row->endpoint != NULL)
			head = row;
		REQUIRE(endpoint_of(head->endpoint) != NULL);
		test_row(row, head);
	}
}

/* ---- that none is missing ---- */

static void no_cell_is_untested(void)
{
	unsigned int letters = 0, dots = 0;

	for (size_t i = 0; i < ROWS; i++)
		for (const char *cell = rows[i].cells; *cell != '\0'; cell++)
			*(*cell == '.' ? &dots : &letters) += 1;
	CHECK_INT(tested, letters);
	CHECK_INT(impossible, dots);
	CHECK_INT(tested + impossible, ROWS * ROLES);
}

/* The states that rows of an endpoint begin with, as bits. */
struct states {
	unsigned int did, dataset, order, process, schema, application, credential, expired;
};

static struct states states_of(const char *name)
{
	struct states states = { 0 };
	const char *endpoint = "";

	for (size_t i = 0; i < ROWS; i++) {
		const struct situation *situation = &rows[i].situation;

		if (rows[i].endpoint != NULL)
			endpoint = rows[i].endpoint;
		if (strcmp(endpoint, name) != 0)
			continue;
		states.did |= 1u << situation->did;
		states.dataset |= 1u << situation->dataset;
		states.order |= 1u << situation->order;
		states.process |= 1u << situation->process;
		states.schema |= 1u << situation->schema;
		states.application |= 1u << situation->application;
		states.credential |= 1u << situation->credential;
		states.expired |= 1u << situation->expired;
	}
	return states;
}

#define BIT(state) (1u << SHARE_##state)
#define DATASETS (BIT(NONE) | BIT(READY) | BIT(CLOSED) | BIT(GONE))
#define ORDERS (BIT(NONE) | BIT(REQUEST) | BIT(READY) | BIT(FINISHED) | BIT(FAILED) | BIT(CANCELED) | \
		BIT(GONE))
#define APPLICATIONS (BIT(NONE) | BIT(REQUEST) | BIT(READY))

/* Which objects an endpoint works on, as its parameters say. */
static bool has_param(const struct tally_share_endpoint *endpoint, const char *name)
{
	for (const struct tally_share_param *param = endpoint->params; param->name != NULL; param++)
		if (strcmp(param->name, name) == 0)
			return true;
	return false;
}

static bool is_named(const struct tally_share_endpoint *endpoint, const char *name)
{
	return strcmp(endpoint->name, name) == 0;
}

static void check_identity_states(const struct tally_share_endpoint *endpoint, const struct states *states)
{
	if (has_param(endpoint, "did") || is_named(endpoint, "RegisterDID") ||
	    is_named(endpoint, "RegisterDIDWithService"))
		CHECK_INT(states->did, BIT(NONE) | BIT(ACTIVE));
	if (has_param(endpoint, "identifier") || has_param(endpoint, "schemaIndex"))
		CHECK_INT(states->schema, BIT(NONE) | BIT(ACTIVE));
	if (has_param(endpoint, "serviceID") || has_param(endpoint, "orderIndex"))
		CHECK_INT(states->application, APPLICATIONS);
	if (has_param(endpoint, "vcIndex") || has_param(endpoint, "sequence")) {
		CHECK_INT(states->credential, BIT(NONE) | BIT(ACTIVE));
		CHECK_INT(states->expired, 3);
	}
}

/* Each endpoint that is available, from each state of each object that it names. */
static void no_endpoint_is_missing(void)
{
	const struct tally_share_endpoint *endpoint = tally_share_endpoints;
	unsigned int with_rows = 0;

	for (; endpoint->path != NULL; endpoint++) {
		struct states states = states_of(endpoint->name);

		if (endpoint->run == NULL)
			continue;
		CASE("%s", endpoint->name);
		CHECK(states.did != 0);
		with_rows++;
		check_identity_states(endpoint, &states);
		if (has_param(endpoint, "productID") || is_named(endpoint, "QueryDatasetByCond"))
			CHECK_INT(states.dataset, DATASETS);
		if (has_param(endpoint, "orderSeq") || is_named(endpoint, "QueryDatasetOrderByCond"))
			CHECK_INT(states.order, ORDERS);
		if (has_param(endpoint, "creatorDID"))
			CHECK_INT(states.process, 3);
	}
	CHECK_INT(with_rows, 28);
}

/* Every letter occurs, and every role may do something, or nothing, as it should. */
static void every_outcome_occurs(void)
{
	bool may[ROLES] = { false };

	for (size_t i = 0; i < sizeof(outcomes) / sizeof(*outcomes); i++) {
		bool found = false;

		for (size_t k = 0; k < ROWS; k++)
			found = found || strchr(rows[k].cells, outcomes[i].letter) != NULL;
		CASE("%c", outcomes[i].letter);
		CHECK(found);
	}
	for (size_t k = 0; k < ROWS; k++)
		for (enum role role = 0; role < ROLES; role++)
			may[role] = may[role] || strchr("+10TF", rows[k].cells[role]) != NULL;
	for (enum role role = 0; role < ROLES; role++) {
		CASE("%s", roles[role].name);
		CHECK_INT(may[role], role < UNKNOWN_CA);
	}
}

int main(void)
{
	if (!share_open()) {
		printf("Bail out! %s\n", err.text);
		return 99;
	}
	TEST(the_world);
	TEST(every_cell);
	TEST(no_cell_is_untested);
	TEST(no_endpoint_is_missing);
	TEST(every_outcome_occurs);
	world_close();
	return tap_done();
}
