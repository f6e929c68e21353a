/* Words of endpoints; see endpoint_words.h. */
#include "endpoint_words.h"

#include "buf.h"
#include "credentials.h"

const struct tally_share_type_words tally_share_type_words[] = {
	[SP_TEXT] = { "text", "string" },
	[SP_DID] = { "DID", "string" },
	[SP_NAME] = { "name", "string" },
	[SP_LONG_NAME] = { "name", "string" },
	[SP_INDEX] = { "index", "string" },
	[SP_DATA] = { "text", "string" },
	[SP_NUMBER_TEXT] = { "number", "string" },
	[SP_NUMBER] = { "number", "integer" },
	[SP_FLAG] = { "flag", "string" },
	[SP_CHOICE] = { "choice", "string" },
	[SP_BASE64] = { "base64", "string" },
	[SP_LIST] = { "list of objects", "array" },
	[SP_OBJECT] = { "object", "object" },
	[SP_WITHIN] = { "object of what follows", "object" },
};

/* ---- answers ---- */

#define TEXT(name, help) { name, NODE_TEXT, false, help }

#define DATASET(at) \
	TEXT(at "provider", "DID of whom it belongs to."), \
	TEXT(at "providerName", "Its name."), \
	TEXT(at "productName", "Title."), \
	TEXT(at "productID", "Name, of this provider."), \
	TEXT(at "sampleUrl", "Where a free sample is."), \
	TEXT(at "sampleSize", "As given."), \
	TEXT(at "sampleType", "As given."), \
	TEXT(at "sampleName", "As given."), \
	TEXT(at "fileType", "As given."), \
	TEXT(at "dataUrl", "Where the ciphertext is."), \
	TEXT(at "dataHash", "As given, else SHA-256 of the ciphertext in hex."), \
	TEXT(at "dataSize", "As given."), \
	TEXT(at "dataName", "As given."), \
	TEXT(at "description", "As given."), \
	TEXT(at "price", "\"0\"."), \
	TEXT(at "encryptedAesKey", "The data key, wrapped for the provider; base64."), \
	TEXT(at "category", "symmetric."), \
	TEXT(at "status", "ready or closed."), \
	TEXT(at "publishTime", "Seconds since 1970."), \
	{ at "dataFiles", NODE_LIST, false, "Empty." }, \
	{ at "dataFiles[item]", NODE_OBJECT, true, "None." }, \
	{ at "sampleFiles", NODE_LIST, false, "Empty." }, \
	{ at "sampleFiles[item]", NODE_OBJECT, true, "None." }

#define ORDER(at) \
	TEXT(at "consumer", "DID of who orders."), \
	TEXT(at "consumerName", "Its name."), \
	TEXT(at "orderSeq", "Name, of this consumer."), \
	TEXT(at "provider", "DID of whose data set it is."), \
	TEXT(at "providerName", "Its name."), \
	TEXT(at "productID", "The data set."), \
	TEXT(at "productName", "Its title."), \
	TEXT(at "price", "\"0\"."), \
	TEXT(at "applyTime", "Seconds since 1970."), \
	TEXT(at "encryptedAesKey", "The data key, wrapped for the consumer; base64; empty until authorised."), \
	TEXT(at "status", "request, ready, finished, failed or canceled."), \
	TEXT(at "reason", "The last one given."), \
	TEXT(at "lockProof", "Empty."), \
	TEXT(at "creatorDID", "Of the process that it is a stage of; empty: of none."), \
	TEXT(at "processID", "That process.")

#define PROCESS(at) \
	TEXT(at "creatorDID", "DID of who began it."), \
	TEXT(at "processID", "Its name."), \
	{ at "stages", NODE_LIST, false, "As they were made." }, \
	{ at "stages[item]", NODE_OBJECT, false, "A stage." }, \
	TEXT(at "stages[item].stageName", "As given; it need not be the only one."), \
	TEXT(at "stages[item].createTime", "Seconds since 1970."), \
	TEXT(at "stages[item].consumer", "Whose order it made."), \
	TEXT(at "stages[item].orderSeq", "That order.")

#define SCHEMA(at) \
	TEXT(at "creator", "DID of who published it."), \
	TEXT(at "title", "Title."), \
	TEXT(at "identifier", "Name, of this creator."), \
	{ at "attributes", NODE_LIST, false, "What data by it has; empty: anything." }, \
	{ at "attributes[item]", NODE_OBJECT, false, "An attribute." }, \
	TEXT(at "attributes[item].name", "Name of the member."), \
	TEXT(at "attributes[item].type", "string, number, integer, boolean, object or array."), \
	TEXT(at "attributes[item].description", "As given."), \
	{ at "version", NODE_UINT, false, "How often it was published." }

#define APPLICATION(at) \
	TEXT(at "applyer", "DID of who applies."), \
	TEXT(at "orderSeq", "Ten digits, of this applicant."), \
	TEXT(at "applyTime", "Seconds since 1970."), \
	TEXT(at "status", "request or ready."), \
	TEXT(at "service", "The service that it is to."), \
	TEXT(at "price", "\"0\"."), \
	TEXT(at "reason", "Empty."), \
	TEXT(at "dataUri", "Its index; empty where it says nothing."), \
	TEXT(at "encryptedAesKey", "The data key, wrapped for whose service it is; base64; empty without data."), \
	TEXT(at "uriType", "index; empty without data."), \
	TEXT(at "dataHash", "SHA-256 of the ciphertext in hex; empty without data."), \
	TEXT(at "lockProof", "Empty."), \
	TEXT(at "vcIndex", "The credential that answered it; empty until then.")

#define PAGES \
	{ "pagination", NODE_OBJECT, false, "Which page this is." }, \
	{ "pagination.currentPage", NODE_UINT, false, "Counted from 1." }, \
	{ "pagination.pageSizeNum", NODE_UINT, false, "Items of a page." }, \
	{ "pagination.totalItems", NODE_UINT, false, "Items of all pages." }

#define ITEMS { "items", NODE_LIST, false, "Oldest first." }, \
	{ "items[item]", NODE_OBJECT, false, "One of them." }

static const struct tally_reply_field result_reply[] = { TEXT("result", "success."), REPLY_END };
static const struct tally_reply_field did_reply[] = { TEXT("did", "The new DID."), REPLY_END };
static const struct tally_reply_field dataset_reply[] = { DATASET(""), REPLY_END };
static const struct tally_reply_field published_reply[] = {
	DATASET(""), TEXT("encryptData", "The ciphertext, base64, to be put at dataUrl."), REPLY_END
};
static const struct tally_reply_field datasets_reply[] = { ITEMS, DATASET("items[item]."), PAGES, REPLY_END };
static const struct tally_reply_field order_reply[] = { ORDER(""), REPLY_END };
static const struct tally_reply_field shared_reply[] = {
	ORDER(""), TEXT("encryptData", "The ciphertext, base64."), REPLY_END
};
static const struct tally_reply_field orders_reply[] = { ITEMS, ORDER("items[item]."), PAGES, REPLY_END };
static const struct tally_reply_field process_reply[] = { PROCESS(""), REPLY_END };
static const struct tally_reply_field processes_reply[] = { ITEMS, PROCESS("items[item]."), PAGES,
							    REPLY_END };
static const struct tally_reply_field plaintext_reply[] = {
	TEXT("provider", "DID of whose data it is."), TEXT("productID", "The data set."),
	{ "plaintext", NODE_TEXT, true, "The data, base64; where the private key came along." },
	{ "encryptedAesKey", NODE_TEXT, true, "Where it did not: the data key, wrapped for the consumer; base64." },
	{ "encryptData", NODE_TEXT, true, "And the ciphertext, base64." }, REPLY_END
};
static const struct tally_reply_field document_reply[] = {
	TEXT("context", "What W3C DID Core calls @context."),
	TEXT("id", "The DID."),
	{ "publicKey", NODE_LIST, false, "Its keys." },
	{ "publicKey[item]", NODE_OBJECT, false, "A key." },
	TEXT("publicKey[item].id", "Its name."),
	TEXT("publicKey[item].type", "Its type."),
	TEXT("publicKey[item].controller", "The DID."),
	TEXT("publicKey[item].publicKeyPem", "The key, PEM."),
	{ "authentication", NODE_LIST, false, "Keys that speak for the DID." },
	{ "authentication[item]", NODE_TEXT, false, "The name of one." },
	TEXT("recovery", "Empty."),
	{ "service", NODE_LIST, false, "Its services." },
	{ "service[item]", NODE_OBJECT, false, "A service." },
	TEXT("service[item].id", "Its name."),
	TEXT("service[item].type", "As given."),
	TEXT("service[item].serviceEndpoint", "As given."),
	{ "service[item].credentialApplySchema", NODE_OBJECT, true, "As given." },
	{ "proof", NODE_OBJECT, false, "Empty where the request did not bring the private key." },
	{ "proof.creator", NODE_TEXT, true, "Name of the key that signed." },
	{ "proof.type", NODE_TEXT, true, "EcdsaSecp256r1Signature2019." },
	{ "proof.created", NODE_TEXT, true, "Seconds since 1970." },
	{ "proof.signatureValue", NODE_TEXT, true, "Base64 of r and s." },
	TEXT("created", "Seconds since 1970."),
	TEXT("updated", "Seconds since 1970; empty until it was."),
	TEXT("status", "active."),
	REPLY_END
};
static const struct tally_reply_field published_schema_reply[] = {
	TEXT("schemaIndex", "The creator's DID, _, and the identifier."),
	{ "credentialSchema", NODE_OBJECT, false, "The schema." },
	SCHEMA("credentialSchema."),
	REPLY_END
};
static const struct tally_reply_field schema_reply[] = { SCHEMA(""), REPLY_END };
static const struct tally_reply_field applied_reply[] = {
	TEXT("orderIndex", "The applicant's DID, _, and ten digits."), REPLY_END
};
static const struct tally_reply_field answered_reply[] = {
	TEXT("orderIndex", "The application."), TEXT("result", "success."), REPLY_END
};
static const struct tally_reply_field application_reply[] = {
	APPLICATION(""), TEXT("encryptData", "The ciphertext, base64; empty without data."),
	{ "data", NODE_TEXT, true, "What it says: for whose service it is, with his private key." },
	REPLY_END
};
static const struct tally_reply_field applications_reply[] = { ITEMS, APPLICATION("items[item]."), REPLY_END };
static const struct tally_reply_field issued_reply[] = {
	TEXT("vcIndex", "The issuer's DID, _, and the sequence."), REPLY_END
};
static const struct tally_reply_field credential_reply[] = {
	TEXT("context", "What the W3C's data model calls @context."),
	{ "credentialSubject", NODE_OBJECT, false, "What it is of." },
	TEXT("credentialSubject.dataHash", "SHA-256 of the ciphertext in hex."),
	TEXT("credentialSubject.dataURI", "Its index."),
	TEXT("credentialSubject.encryptedAeskey", "The data key, wrapped for the holder; base64."),
	TEXT("credentialSubject.owner", "DID of its holder."),
	TEXT("credentialSubject.schemaID", "Index of the schema that its data follows."),
	TEXT("credentialSubject.type", "professional."),
	TEXT("credentialSubject.uriType", "index."),
	TEXT("expirationDate", "Seconds since 1970; empty: it does not expire."),
	TEXT("issuanceDate", "Seconds since 1970."),
	TEXT("issuer", "DID of who issued it."),
	{ "revocation", NODE_OBJECT, false, "There is no list of revoked ones." },
	TEXT("revocation.id", "Empty."),
	TEXT("revocation.type", "Empty."),
	TEXT("sequence", "Name, of this issuer."),
	{ "type", NODE_LIST, false, "VerifiableCredential, and the identifier of the schema." },
	{ "type[item]", NODE_TEXT, false, "One of these." },
	{ "proof", NODE_OBJECT, false, "That the issuer signed the members above." },
	TEXT("proof.creator", "Name of the key that signed."),
	TEXT("proof.type", "EcdsaSecp256r1Signature2019."),
	TEXT("proof.created", "Seconds since 1970."),
	TEXT("proof.signatureValue", "Base64 of r and s."),
	TEXT("encryptData", "The ciphertext, base64."),
	{ "data", NODE_TEXT, true, "What it says: for its holder, with his private key." },
	REPLY_END
};
static const struct tally_reply_field verified_reply[] = {
	{ "isOwned", NODE_BOOL, false, "It is there, good now, and this holder's." }, REPLY_END
};

/* ---- endpoints ---- */

static const struct tally_share_words endpoints[] = {
	{ "PublishDataset", "Encrypt data and register a data set.", true, published_reply, NULL },
	{ "DeleteDataset", "Delete a data set; its name is not free again.", true, result_reply, NULL },
	{ "CloseDataset", "Take no more orders of a data set.", true, result_reply, NULL },
	{ "QueryDataset", "Return one data set.", false, dataset_reply, NULL },
	{ "QueryDatasetByCond", "List data sets.", false, datasets_reply, "searchText status" },
	{ "ShareDataset", "Register a data set with an authorised order of it, as a stage of a process or not.",
	  true, shared_reply, "onChainStore action stageName" },
	{ "GetDataPlaintext", "Decrypt the data of an order for its consumer.", false, plaintext_reply,
	  "onChainStore" },
	{ "QueryDatasetSharingProcess", "Return a process with its stages.", false, process_reply, NULL },
	{ "QueryDatasetSharingProcessList", "List the processes that somebody began.", false, processes_reply,
	  NULL },
	{ "ApplyOrder", "Order a data set.", true, order_reply, "reason" },
	{ "AuthorizeDatasetOrder", "Give the data key to the consumer of an order.", true, order_reply, NULL },
	{ "DeleteDatasetOrder", "Delete an order; its name is not free again.", true, result_reply, NULL },
	{ "UpdateDatasetOrder", "End an order.", true, result_reply, "reason" },
	{ "QueryDatasetOrder", "Return one order.", false, order_reply, NULL },
	{ "QueryDatasetOrderByCond", "List orders.", false, orders_reply, "consumer status" },
	{ "RegisterDIDWithService", "Make a DID of the caller's key, with services.", true, did_reply, NULL },
	{ "RegisterDID", "Make a DID of the caller's key.", true, did_reply, NULL },
	{ "UpdateDIDService", "Replace the services of a DID.", true, document_reply, "service" },
	{ "ShowDID", "Return the document of a DID.", false, document_reply, NULL },
	{ "PublishCredentialSchema", "Publish a schema of credentials, or its next version.", true,
	  published_schema_reply, "title attributes" },
	{ "ShowVCSchema", "Return one schema, as of its newest version.", false, schema_reply, NULL },
	{ "ApplyVerifiableCredential", "Apply for a credential, at a service of who issues it.", true,
	  applied_reply, NULL },
	{ "ConfirmOrder", "Answer an application with a credential of who applied.", true, answered_reply, NULL },
	{ "ShowVCOrder", "Return one application, to who applied or whose service it is to.", false,
	  application_reply, NULL },
	{ "ShowVCUntreatedOrder", "List the open applications to services of the caller.", false,
	  applications_reply, "serviceID" },
	{ "IssueVerifiableCredential", "Issue a credential.", true, issued_reply,
	  "credentialInfo expirationDate" },
	{ "ShowVerifiableCredential", "Return one credential.", false, credential_reply, NULL },
	{ "VerifyVerifiableCredential", "Say whether a credential is good now, and this holder's.", false,
	  verified_reply, NULL },
};

const struct tally_share_words *tally_share_words(const struct tally_share_endpoint *row)
{
	for (size_t i = 0; row->run != NULL && i < sizeof(endpoints) / sizeof(*endpoints); i++)
		if (strcmp(endpoints[i].name, row->name) == 0)
			return &endpoints[i];
	return NULL;
}

/* ---- parameters ---- */

#define A_DID "did:tally:2THjdfbKMLDVcoYvkiepr9"

static const struct tally_share_param_words params[] = {
	{ "action", "Begin a process with this as its first stage, or add a stage to one; nothing: neither.",
	  "new" },
	{ "applyer", "DID of who applies, of who will hold the credential.", A_DID },
	{ "attributes", "What data by the schema has, up to 64: name, type (string, number, integer, boolean, "
	  "object, array), description; none: anything.",
	  "[{\"name\":\"name\",\"type\":\"string\"},{\"name\":\"age\",\"type\":\"integer\"}]" },
	{ "category", "How the data is encrypted; abe is not available yet.", "symmetric" },
	{ "consumer", "DID of who orders.", A_DID },
	{ "consumerName", "Its name.", "Bob" },
	{ "creatorDID", "DID of who began the process.", A_DID },
	{ "credentialInfo", "Where it is given, all that follows stands in it.", "{}" },
	{ "currentPage", "Which page, counted from 1; 1 where it is not given.", "1" },
	{ "data", "What is said, encrypted for whom it is said to: of a credential a JSON object, as text, with "
	  "the attributes of its schema; of an application any text, with sk only.",
	  "{\"name\":\"Bob\",\"age\":18}" },
	{ "dataHash", "A hash of the ciphertext; SHA-256 in hex where it is not given.", "" },
	{ "dataName", "Name of the data.", "readings.csv" },
	{ "dataSize", "Size of the data.", "5" },
	{ "dataUrl", "Where the ciphertext will be; it is never fetched.", "urn:example:readings" },
	{ "description", "For who looks for data.", "Meter readings of March" },
	{ "did", "The DID.", A_DID },
	{ "encryptData", "The ciphertext; not where onChainStore is true.", "AQ==" },
	{ "expirationDate", "When it expires, a time to come in seconds since 1970; without it, never.", "4102444800" },
	{ "file", "For watermarks, which are not available yet.", "" },
	{ "fileType", "Type of the data.", "csv" },
	{ "identifier", "Name of the schema, of this issuer.", "IDCard" },
	{ "issuer", "DID of who publishes the schema, of who issues the credential.", A_DID },
	{ "onChainStore", "The ciphertext is kept on the ledger.", "true" },
	{ "orderIndex", "The application: the applicant's DID, _, ten digits.", A_DID "_1234567890" },
	{ "orderSeq", "Name of the order, of this consumer; made where it may be left out.", "order1" },
	{ "orderStatus", "0 finished, 1 failed, 2 canceled.", "0" },
	{ "owner", "DID of the holder.", A_DID },
	{ "pageSizeNum", "Items of a page; 100 where it is not given.", "100" },
	{ "plainData", "The data.", "aGVsbG8=" },
	{ "policy", "Of category abe.", "{}" },
	{ "processID", "Name of the process.", "25f46489-29bb-4f58-8f4c-e12da0a4bd66" },
	{ "productID", "Name of the data set, of this provider.", "readings" },
	{ "productIDKeywords", "Words that searchText finds the order by.", "[{\"meter\":\"north\"}]" },
	{ "productName", "Title of the data set.", "Readings" },
	{ "provider", "DID of whom the data set belongs to.", A_DID },
	{ "providerName", "Its name.", "Alice" },
	{ "reason", "Why.", "billing" },
	{ "sampleName", "Name of the sample.", "sample.csv" },
	{ "sampleSize", "Size of the sample.", "5" },
	{ "sampleType", "Type of the sample.", "csv" },
	{ "sampleUrl", "Where a free sample is.", "urn:example:sample" },
	{ "schemaIndex", "The schema: its issuer's DID, _, the identifier.", A_DID "_IDCard" },
	{ "searchText", "A part of title, description or keywords.", "Read" },
	{ "sequence", "Name of the credential, of this issuer.", "10025469331" },
	{ "service", "Services of the DID: type, serviceEndpoint, and credentialApplySchema where there is one.",
	  "[{\"type\":\"Shop\",\"serviceEndpoint\":\"urn:example:shop\"}]" },
	{ "serviceID", "A service of an issuer, by its id in the document of his DID.", A_DID "#service1" },
	{ "stageName", "Name of the stage.", "collected" },
	{ "status", "Only those of this state.", "ready" },
	{ "title", "Title of the schema.", "Identity card" },
	{ "vcIndex", "The credential: its issuer's DID, _, the sequence.", A_DID "_10025469331" },
	{ "watermarkType", "Not available yet.", "blind" },
};

const struct tally_share_param_words *tally_share_param_words(const char *name)
{
	for (size_t i = 0; i < sizeof(params) / sizeof(*params); i++)
		if (strcmp(params[i].name, name) == 0)
			return &params[i];
	return NULL;
}

const char *tally_share_need_words(const struct tally_share_endpoint *row)
{
	if (row->who == SHARE_ANY_MEMBER)
		return row->needs_private ? "a certificate, and its private key (sk)" : "a certificate";
	return row->needs_private ? "a DID on the channel, and its private key (sk)" :
				    "a DID on the channel";
}

/* ---- errors ---- */

static bool has_type(const struct tally_share_endpoint *row, enum tally_share_type type, bool required)
{
	for (size_t i = 0; row->params[i].name != NULL; i++)
		if (row->params[i].type == type && (row->params[i].required || !required))
			return true;
	return false;
}

/* A DID or a name that may be left out only narrows a list; an index is looked up wherever it stands. What
 * is not there is an answer of who verifies. */
static bool names_objects(const struct tally_share_endpoint *row)
{
	return row->run != tally_share_verify_credential &&
	       (has_type(row, SP_DID, true) || has_type(row, SP_NAME, true) ||
		has_type(row, SP_LONG_NAME, true) || has_type(row, SP_INDEX, false));
}

/* What is wrong with a request has a status of its own here. */
static bool tells_wrong_requests(const struct tally_share_endpoint *row)
{
	const struct tally_share_fault fault = { .kind = SHARE_FAULT_ARGUMENTS };

	return tally_share_endpoint_status(row, &fault) != tally_share_fault_status(&fault);
}

size_t tally_share_row_faults(const struct tally_share_endpoint *row,
			      enum tally_share_fault_kind kinds_r[TALLY_SHARE_ROW_FAULTS])
{
	const struct tally_share_words *words = tally_share_words(row);
	size_t count = 0;

	if (tells_wrong_requests(row)) {
		kinds_r[count++] = SHARE_FAULT_ARGUMENTS;
		kinds_r[count++] = SHARE_FAULT_JSON;
	}
	if (names_objects(row)) {
		kinds_r[count++] = SHARE_FAULT_NOT_FOUND;
		kinds_r[count++] = SHARE_FAULT_REMOVED;
	}
	if (row->who == SHARE_IDENTITY) {
		kinds_r[count++] = SHARE_FAULT_NO_IDENTITY;
		kinds_r[count++] = SHARE_FAULT_CALLER;
	}
	if (row->needs_private || has_type(row, SP_DATA, false))	/* no request is kept with data in it */
		kinds_r[count++] = SHARE_FAULT_NEEDS_KEY;
	if (row->needs_private)
		kinds_r[count++] = SHARE_FAULT_DECRYPTION;
	if (words != NULL && words->writes) {
		kinds_r[count++] = SHARE_FAULT_EXISTS;
		kinds_r[count++] = SHARE_FAULT_STATE;
		kinds_r[count++] = SHARE_FAULT_REPLAYED;
		kinds_r[count++] = SHARE_FAULT_READ_ONLY;
		kinds_r[count++] = SHARE_FAULT_BUSY;
		kinds_r[count++] = SHARE_FAULT_UNCERTAIN;
	}
	return count;
}

const enum tally_share_fault_kind tally_share_common_faults[] = {
	SHARE_FAULT_ARGUMENTS, SHARE_FAULT_JSON, SHARE_FAULT_TOO_LARGE, SHARE_FAULT_SHORT,
	SHARE_FAULT_ORGANIZATION, SHARE_FAULT_CHANNEL, SHARE_FAULT_CERT_FORM, SHARE_FAULT_CERT_VALIDITY,
	SHARE_FAULT_CERT_USAGE, SHARE_FAULT_CERT_CHAIN, SHARE_FAULT_KEY_FORM, SHARE_FAULT_KEY_MISMATCH,
	SHARE_FAULT_SIGNATURE, SHARE_FAULT_TIMESTAMP, SHARE_FAULT_PLAIN_HTTP, SHARE_FAULT_UNSUPPORTED,
	SHARE_FAULT_THROTTLED, SHARE_FAULT_NOT_AVAILABLE, SHARE_FAULT_NO_ENDPOINT, SHARE_FAULT_METHOD,
	SHARE_FAULT_INTERNAL, SHARE_FAULT_NONE
};

/* ---- examples ---- */

/* Is it one of the words of a list? */
static bool is_named(const char *list, const char *name)
{
	size_t size = strlen(name);

	for (const char *at = list != NULL ? list : ""; *at != '\0'; at += strspn(at, " ")) {
		size_t word = strcspn(at, " ");

		if (word == size && memcmp(at, name, size) == 0)
			return true;
		at += word;
	}
	return false;
}

static bool is_in_example(const struct tally_share_words *words, const struct tally_share_param *param)
{
	return param->required || is_named(words->example, param->name);
}

static bool is_json(const struct tally_share_param *param)
{
	return param->type == SP_LIST || param->type == SP_OBJECT || param->type == SP_NUMBER;
}

/* A member of a JSON object, without a comma. */
static void add_member(struct tally_buf *buf, const struct tally_share_param *param)
{
	const char *text = tally_share_param_words(param->name)->example;

	tally_buf_printf(buf, "\"%s\":", param->name);
	if (is_json(param)) {
		tally_buf_add_str(buf, text);
		return;
	}
	tally_buf_add_u8(buf, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			tally_buf_add_u8(buf, '\\');
		tally_buf_add_u8(buf, (uint8_t)*text);
	}
	tally_buf_add_u8(buf, '"');
}

static void add_call(struct tally_buf *buf, const struct tally_share_endpoint *row,
		     const struct tally_share_words *words)
{
	tally_buf_add_str(buf, "tally call --cert me.pem --key me.key --org org1 --channel mychannel");
	if (strcmp(row->method, "POST") != 0)
		tally_buf_printf(buf, " --method %s", row->method);
	tally_buf_printf(buf, " %s", row->path);
	for (const struct tally_share_param *param = row->params; param->name != NULL; param++) {
		const char *text = tally_share_param_words(param->name)->example;
		const char *quote = strpbrk(text, " \"[{") != NULL ? "'" : "";

		if (is_in_example(words, param))
			tally_buf_printf(buf, " %s%s=%s%s%s", param->name, is_json(param) ? ":" : "", quote,
					 text, quote);
	}
}

/* printf is the shell's own, so no list of processes shows the key. */
static void add_curl(struct tally_buf *buf, const struct tally_share_endpoint *row,
		     const struct tally_share_words *words)
{
	static const char pem[] = "\"$(awk '{printf \"%%s\\\\n\",$0}' %s)\"";
	const char *end = "";

	tally_buf_add_str(buf, "printf '{\"orgID\":\"org1\",\"channelID\":\"mychannel\",\"cryptoMethod\":\"SW\","
			  "\"timestamp\":\"%s\",\"cert\":\"%s\",\"sk\":\"%s\",%s}' \"$(date -u +%FT%TZ)\" ");
	tally_buf_printf(buf, pem, "me.pem");
	tally_buf_add_u8(buf, ' ');
	tally_buf_printf(buf, pem, "me.key");
	tally_buf_add_str(buf, " '");
	for (const struct tally_share_param *param = row->params; param->name != NULL; param++) {
		if (!is_in_example(words, param))
			continue;
		if (strchr("'{", buf->data[buf->size - 1]) == NULL)
			tally_buf_add_u8(buf, ',');
		if (param->type == SP_WITHIN) {
			tally_buf_printf(buf, "\"%s\":{", param->name);
			end = "}";
		} else {
			add_member(buf, param);
		}
	}
	tally_buf_printf(buf, "%s' | curl -X %s --data-binary @- -H 'Content-Type: application/json' "
			 "\"${TALLY_ENDPOINT%%/}%s\"", end, row->method, row->path);
}

const char *tally_share_example(struct tally_arena *arena, const struct tally_share_endpoint *row)
{
	struct tally_buf buf = { 0 };
	const char *text;

	(row->needs_private ? add_curl : add_call)(&buf, row, tally_share_words(row));
	text = tally_arena_str(arena, tally_buf_bytes(&buf));
	tally_buf_free(&buf);
	return text;
}
