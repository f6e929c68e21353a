/* Words of endpoints; see endpoint_words.h. */
#include "endpoint_words.h"

#include "buf.h"

const struct tally_share_type_words tally_share_type_words[] = {
	[SP_TEXT] = { "text", "string" },
	[SP_DID] = { "DID", "string" },
	[SP_NAME] = { "name", "string" },
	[SP_NUMBER_TEXT] = { "number", "string" },
	[SP_NUMBER] = { "number", "integer" },
	[SP_FLAG] = { "flag", "string" },
	[SP_CHOICE] = { "choice", "string" },
	[SP_BASE64] = { "base64", "string" },
	[SP_LIST] = { "list of objects", "array" },
	[SP_OBJECT] = { "object", "object" },
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
	TEXT("plaintext", "The data, base64."), REPLY_END
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
	{ "category", "How the data is encrypted; abe is not available yet.", "symmetric" },
	{ "consumer", "DID of who orders.", A_DID },
	{ "consumerName", "Its name.", "Bob" },
	{ "creatorDID", "DID of who began the process.", A_DID },
	{ "currentPage", "Which page, counted from 1; 1 where it is not given.", "1" },
	{ "dataHash", "A hash of the ciphertext; SHA-256 in hex where it is not given.", "" },
	{ "dataName", "Name of the data.", "readings.csv" },
	{ "dataSize", "Size of the data.", "5" },
	{ "dataUrl", "Where the ciphertext will be; it is never fetched.", "urn:example:readings" },
	{ "description", "For who looks for data.", "Meter readings of March" },
	{ "did", "The DID.", A_DID },
	{ "encryptData", "The ciphertext; not where onChainStore is true.", "AQ==" },
	{ "file", "For watermarks, which are not available yet.", "" },
	{ "fileType", "Type of the data.", "csv" },
	{ "onChainStore", "The ciphertext is kept on the ledger.", "true" },
	{ "orderSeq", "Name of the order, of this consumer; made where it may be left out.", "order1" },
	{ "orderStatus", "0 finished, 1 failed, 2 canceled.", "0" },
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
	{ "searchText", "A part of title, description or keywords.", "Read" },
	{ "service", "Services of the DID: type, serviceEndpoint, and credentialApplySchema where there is one.",
	  "[{\"type\":\"Shop\",\"serviceEndpoint\":\"urn:example:shop\"}]" },
	{ "stageName", "Name of the stage.", "collected" },
	{ "status", "Only those of this state.", "ready" },
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

static bool names_objects(const struct tally_share_endpoint *row)
{
	for (size_t i = 0; row->params[i].name != NULL; i++)
		if (row->params[i].required &&
		    (row->params[i].type == SP_DID || row->params[i].type == SP_NAME))
			return true;
	return false;
}

size_t tally_share_row_faults(const struct tally_share_endpoint *row,
			      enum tally_share_fault_kind kinds_r[TALLY_SHARE_ROW_FAULTS])
{
	const struct tally_share_words *words = tally_share_words(row);
	size_t count = 0;

	if (names_objects(row)) {
		kinds_r[count++] = SHARE_FAULT_NOT_FOUND;
		kinds_r[count++] = SHARE_FAULT_REMOVED;
	}
	if (row->who == SHARE_IDENTITY) {
		kinds_r[count++] = SHARE_FAULT_NO_IDENTITY;
		kinds_r[count++] = SHARE_FAULT_CALLER;
	}
	if (row->needs_private) {
		kinds_r[count++] = SHARE_FAULT_NEEDS_KEY;
		kinds_r[count++] = SHARE_FAULT_DECRYPTION;
	}
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

static void add_call(struct tally_buf *buf, const struct tally_share_endpoint *row,
		     const struct tally_share_words *words)
{
	tally_buf_add_str(buf, "tally call --cert me.pem --key me.key --org org1 --channel mychannel");
	if (strcmp(row->method, "POST") != 0)
		tally_buf_printf(buf, " --method %s", row->method);
	tally_buf_printf(buf, " %s", row->path);
	for (const struct tally_share_param *param = row->params; param->name != NULL; param++) {
		const char *quote = is_json(param) ? "'" : "";

		if (is_in_example(words, param))
			tally_buf_printf(buf, " %s%s=%s%s%s", param->name, is_json(param) ? ":" : "", quote,
					 tally_share_param_words(param->name)->example, quote);
	}
}

/* printf is the shell's own, so no list of processes shows the key. */
static void add_curl(struct tally_buf *buf, const struct tally_share_endpoint *row,
		     const struct tally_share_words *words)
{
	static const char pem[] = "\"$(awk '{printf \"%%s\\\\n\",$0}' %s)\"";

	tally_buf_add_str(buf, "printf '{\"orgID\":\"org1\",\"channelID\":\"mychannel\",\"cryptoMethod\":\"SW\","
			  "\"timestamp\":\"%s\",\"cert\":\"%s\",\"sk\":\"%s\",%s}' \"$(date -u +%FT%TZ)\" ");
	tally_buf_printf(buf, pem, "me.pem");
	tally_buf_add_u8(buf, ' ');
	tally_buf_printf(buf, pem, "me.key");
	tally_buf_add_str(buf, " '");
	for (const struct tally_share_param *param = row->params; param->name != NULL; param++) {
		const char *quote = is_json(param) ? "" : "\"";

		if (!is_in_example(words, param))
			continue;
		tally_buf_printf(buf, "%s\"%s\":%s%s%s",
				 buf->data[buf->size - 1] == '\'' ? "" : ",", param->name, quote,
				 tally_share_param_words(param->name)->example, quote);
	}
	tally_buf_printf(buf, "' | curl -X %s --data-binary @- -H 'Content-Type: application/json' "
			 "\"${TALLY_ENDPOINT%%/}%s\"", row->method, row->path);
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
