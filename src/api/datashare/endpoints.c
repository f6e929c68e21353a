/* All endpoints of the data-sharing family. A row without a handler is not available yet. */
#include "credentials.h"
#include "objects.h"

static const struct tally_share_param no_params[] = { SHARE_PARAM_END };

static const struct tally_share_param firm_did_params[] = {
	{ .name = "service", .type = SP_LIST, .required = true },
	SHARE_PARAM_END
};

static const struct tally_share_param update_did_params[] = {
	{ .name = "did", .type = SP_DID, .required = true },
	{ .name = "service", .type = SP_LIST },
	SHARE_PARAM_END
};

static const struct tally_share_param did_params[] = {
	{ .name = "did", .type = SP_DID, .required = true },
	SHARE_PARAM_END
};

/* ---- data sets ---- */

static const char *const categories[] = { "symmetric", "abe", NULL };
static const char *const watermarks[] = { "visible", "blind", NULL };
static const char *const dataset_states[] = { "ready", "closed", NULL };
static const char *const order_states[] = { "request", "ready", "finished", "failed", "canceled", NULL };
static const char *const actions[] = { "new", "append", NULL };

#define DATASET_PARAMS(urls) \
	{ .name = "provider", .type = SP_DID, .required = true }, \
	{ .name = "providerName", .type = SP_TEXT }, \
	{ .name = "productName", .type = SP_TEXT, .required = true }, \
	{ .name = "productID", .type = SP_NAME, .required = true }, \
	{ .name = "sampleUrl", .type = SP_TEXT, .required = urls, .max = 2048 }, \
	{ .name = "sampleSize", .type = SP_TEXT }, \
	{ .name = "sampleType", .type = SP_TEXT }, \
	{ .name = "sampleName", .type = SP_TEXT }, \
	{ .name = "fileType", .type = SP_TEXT }, \
	{ .name = "dataUrl", .type = SP_TEXT, .required = urls, .max = 2048 }, \
	{ .name = "dataHash", .type = SP_TEXT }, \
	{ .name = "dataSize", .type = SP_TEXT }, \
	{ .name = "dataName", .type = SP_TEXT }, \
	{ .name = "description", .type = SP_TEXT, .max = 4096 }, \
	{ .name = "plainData", .type = SP_BASE64, .required = true }, \
	{ .name = "category", .type = SP_CHOICE, .choices = categories }, \
	{ .name = "policy", .type = SP_OBJECT }, \
	{ .name = "watermarkType", .type = SP_CHOICE, .choices = watermarks }, \
	{ .name = "file", .type = SP_BASE64 }

static const struct tally_share_param publish_params[] = {
	DATASET_PARAMS(true),
	SHARE_PARAM_END
};

static const struct tally_share_param share_params[] = {
	DATASET_PARAMS(false),
	{ .name = "consumer", .type = SP_DID, .required = true },
	{ .name = "consumerName", .type = SP_TEXT },
	{ .name = "orderSeq", .type = SP_NAME },
	{ .name = "productIDKeywords", .type = SP_LIST },
	{ .name = "onChainStore", .type = SP_FLAG },
	{ .name = "action", .type = SP_CHOICE, .choices = actions },
	{ .name = "creatorDID", .type = SP_DID },
	{ .name = "processID", .type = SP_NAME },
	{ .name = "stageName", .type = SP_TEXT },
	SHARE_PARAM_END
};

static const struct tally_share_param dataset_params[] = {
	{ .name = "provider", .type = SP_DID, .required = true },
	{ .name = "productID", .type = SP_NAME, .required = true },
	SHARE_PARAM_END
};

static const struct tally_share_param query_datasets_params[] = {
	SHARE_PAGE_PARAMS,
	{ .name = "provider", .type = SP_DID },
	{ .name = "searchText", .type = SP_TEXT },
	{ .name = "status", .type = SP_CHOICE, .choices = dataset_states },
	SHARE_PARAM_END
};

static const struct tally_share_param plaintext_params[] = {
	{ .name = "consumer", .type = SP_DID, .required = true },
	{ .name = "orderSeq", .type = SP_NAME, .required = true },
	{ .name = "encryptData", .type = SP_BASE64 },
	{ .name = "onChainStore", .type = SP_FLAG },
	{ .name = "watermarkType", .type = SP_CHOICE, .choices = watermarks },
	SHARE_PARAM_END
};

static const struct tally_share_param process_params[] = {
	{ .name = "creatorDID", .type = SP_DID, .required = true },
	{ .name = "processID", .type = SP_NAME, .required = true },
	SHARE_PARAM_END
};

static const struct tally_share_param processes_params[] = {
	{ .name = "creatorDID", .type = SP_DID, .required = true },
	SHARE_PAGE_PARAMS,
	SHARE_PARAM_END
};

/* ---- orders ---- */

static const struct tally_share_param apply_params[] = {
	{ .name = "consumer", .type = SP_DID, .required = true },
	{ .name = "orderSeq", .type = SP_NAME, .required = true },
	{ .name = "provider", .type = SP_DID, .required = true },
	{ .name = "productID", .type = SP_NAME, .required = true },
	{ .name = "reason", .type = SP_TEXT, .max = 1024 },
	{ .name = "consumerName", .type = SP_TEXT },
	SHARE_PARAM_END
};

static const struct tally_share_param order_params[] = {
	{ .name = "consumer", .type = SP_DID, .required = true },
	{ .name = "orderSeq", .type = SP_NAME, .required = true },
	SHARE_PARAM_END
};

static const struct tally_share_param update_order_params[] = {
	{ .name = "consumer", .type = SP_DID, .required = true },
	{ .name = "orderSeq", .type = SP_NAME, .required = true },
	{ .name = "orderStatus", .type = SP_NUMBER, .required = true, .max = 2 },
	{ .name = "reason", .type = SP_TEXT, .max = 1024 },
	SHARE_PARAM_END
};

static const struct tally_share_param query_orders_params[] = {
	SHARE_PAGE_PARAMS,
	{ .name = "provider", .type = SP_DID },
	{ .name = "searchText", .type = SP_TEXT },
	{ .name = "status", .type = SP_CHOICE, .choices = order_states },
	{ .name = "consumer", .type = SP_DID },
	SHARE_PARAM_END
};

/* ---- credentials ---- */

static const struct tally_share_param publish_schema_params[] = {
	{ .name = "title", .type = SP_TEXT },
	{ .name = "identifier", .type = SP_LONG_NAME, .required = true },
	{ .name = "attributes", .type = SP_LIST },
	{ .name = "issuer", .type = SP_DID, .required = true },
	SHARE_PARAM_END
};

static const struct tally_share_param schema_params[] = {
	{ .name = "schemaIndex", .type = SP_INDEX, .required = true },
	SHARE_PARAM_END
};

static const struct tally_share_param apply_credential_params[] = {
	{ .name = "applyer", .type = SP_DID, .required = true },
	{ .name = "serviceID", .type = SP_INDEX, .required = true },
	{ .name = "data", .type = SP_DATA },
	SHARE_PARAM_END
};

static const struct tally_share_param confirm_params[] = {
	{ .name = "orderIndex", .type = SP_INDEX, .required = true },
	{ .name = "vcIndex", .type = SP_INDEX, .required = true },
	SHARE_PARAM_END
};

static const struct tally_share_param application_params[] = {
	{ .name = "orderIndex", .type = SP_INDEX, .required = true },
	SHARE_PARAM_END
};

static const struct tally_share_param applications_params[] = {
	{ .name = "serviceID", .type = SP_INDEX },
	SHARE_PARAM_END
};

/* What it is of stands in credentialInfo, or beside the common fields. */
static const struct tally_share_param issue_params[] = {
	{ .name = "credentialInfo", .type = SP_WITHIN },
	{ .name = "applyer", .type = SP_DID, .required = true },
	{ .name = "issuer", .type = SP_DID, .required = true },
	{ .name = "sequence", .type = SP_LONG_NAME, .required = true },
	{ .name = "schemaIndex", .type = SP_INDEX, .required = true },
	{ .name = "expirationDate", .type = SP_NUMBER_TEXT, .max = 9999999999 },
	{ .name = "data", .type = SP_DATA, .required = true },
	SHARE_PARAM_END
};

static const struct tally_share_param credential_params[] = {
	{ .name = "vcIndex", .type = SP_INDEX, .required = true },
	SHARE_PARAM_END
};

static const struct tally_share_param verify_params[] = {
	{ .name = "vcIndex", .type = SP_INDEX, .required = true },
	{ .name = "owner", .type = SP_DID, .required = true },
	SHARE_PARAM_END
};

/* ---- the table ---- */

#define NOT_AVAILABLE(method, path, name) { method, path, name, SHARE_ANY_MEMBER, false, no_params, NULL }

const struct tally_share_endpoint tally_share_endpoints[] = {
	{ "POST", "/v1/datashare/dataset", "PublishDataset",
	  SHARE_IDENTITY, true, publish_params, tally_share_publish },
	{ "DELETE", "/v1/datashare/dataset", "DeleteDataset",
	  SHARE_IDENTITY, false, dataset_params, tally_share_delete },
	{ "PUT", "/v1/datashare/dataset", "CloseDataset",
	  SHARE_IDENTITY, false, dataset_params, tally_share_close },
	{ "POST", "/v1/datashare/query-dataset", "QueryDataset",
	  SHARE_ANY_MEMBER, false, dataset_params, tally_share_query_dataset },
	{ "POST", "/v1/datashare/query-datasets", "QueryDatasetByCond",
	  SHARE_ANY_MEMBER, false, query_datasets_params, tally_share_query_datasets },
	{ "POST", "/v1/datashare/dataset/share", "ShareDataset",
	  SHARE_IDENTITY, true, share_params, tally_share_share },
	{ "POST", "/v1/datashare/dataset/query-plaintext", "GetDataPlaintext",
	  SHARE_IDENTITY, false, plaintext_params, tally_share_plaintext },
	NOT_AVAILABLE("POST", "/v1/datashare/dataset/watermark/extract", "ExtractBlindWatermark"),
	{ "POST", "/v1/datashare/dataset/query-process", "QueryDatasetSharingProcess",
	  SHARE_ANY_MEMBER, false, process_params, tally_share_query_process },
	{ "POST", "/v1/datashare/dataset/query-processes", "QueryDatasetSharingProcessList",
	  SHARE_ANY_MEMBER, false, processes_params, tally_share_query_processes },
	{ "POST", "/v1/datashare/dataset/dataset-order", "ApplyOrder",
	  SHARE_IDENTITY, false, apply_params, tally_share_apply },
	{ "POST", "/v1/datashare/dataset/authorize-dataset", "AuthorizeDatasetOrder",
	  SHARE_IDENTITY, true, order_params, tally_share_authorize },
	{ "DELETE", "/v1/datashare/dataset/order", "DeleteDatasetOrder",
	  SHARE_IDENTITY, false, order_params, tally_share_delete_order },
	{ "PUT", "/v1/datashare/dataset/order", "UpdateDatasetOrder",
	  SHARE_IDENTITY, false, update_order_params, tally_share_update_order },
	{ "POST", "/v1/datashare/dataset/query-order", "QueryDatasetOrder",
	  SHARE_ANY_MEMBER, false, order_params, tally_share_query_order },
	{ "POST", "/v1/datashare/dataset/query-orders", "QueryDatasetOrderByCond",
	  SHARE_ANY_MEMBER, false, query_orders_params, tally_share_query_orders },

	NOT_AVAILABLE("POST", "/v1/datashare/abe-setup", "SetupABEKey"),
	NOT_AVAILABLE("POST", "/v1/datashare/abe-update", "UpdateABEKey"),
	NOT_AVAILABLE("POST", "/v1/datashare/abekey", "ExportABEKey"),
	NOT_AVAILABLE("POST", "/v1/datashare/abekey-order", "ApplyABEUserKey"),
	NOT_AVAILABLE("PUT", "/v1/datashare/abekey-order", "AuthorizeABEUserKey"),
	NOT_AVAILABLE("POST", "/v1/datashare/query-abekey", "QueryKeyOrderByID"),
	NOT_AVAILABLE("POST", "/v1/datashare/abe-decrypt", "DecryptData"),

	{ "POST", "/v1/identity/firm-did", "RegisterDIDWithService", SHARE_ANY_MEMBER, false,
	  firm_did_params, tally_share_register_firm_did },
	{ "POST", "/v1/identity/did", "RegisterDID", SHARE_ANY_MEMBER, false, no_params,
	  tally_share_register_did },
	{ "PUT", "/v1/identity/did", "UpdateDIDService", SHARE_IDENTITY, false, update_did_params,
	  tally_share_update_did },
	{ "POST", "/v1/identity/query-did", "ShowDID", SHARE_ANY_MEMBER, false, did_params,
	  tally_share_query_did },

	{ "POST", "/v1/identity/credential-schema", "PublishCredentialSchema", SHARE_IDENTITY, false,
	  publish_schema_params, tally_share_publish_schema },
	{ "POST", "/v1/identity/query-credential-schema", "ShowVCSchema", SHARE_ANY_MEMBER, false,
	  schema_params, tally_share_query_schema },
	{ "POST", "/v1/identity/apply-vc", "ApplyVerifiableCredential", SHARE_IDENTITY, false,
	  apply_credential_params, tally_share_apply_credential },
	{ "POST", "/v1/identity/vc-order", "ConfirmOrder", SHARE_IDENTITY, false, confirm_params,
	  tally_share_answer_application },
	{ "POST", "/v1/identity/query-vc-order", "ShowVCOrder", SHARE_IDENTITY, false,
	  application_params, tally_share_query_application },
	{ "POST", "/v1/identity/query-vc-orders", "ShowVCUntreatedOrder", SHARE_IDENTITY, false,
	  applications_params, tally_share_query_applications },
	{ "POST", "/v1/identity/issue-vc", "IssueVerifiableCredential", SHARE_IDENTITY, true,
	  issue_params, tally_share_issue_credential },
	{ "POST", "/v1/identity/query-vc", "ShowVerifiableCredential", SHARE_ANY_MEMBER, false,
	  credential_params, tally_share_query_credential },
	{ "POST", "/v1/identity/verify-vc", "VerifyVerifiableCredential", SHARE_ANY_MEMBER, false,
	  verify_params, tally_share_verify_credential },
	{ .path = NULL }
};

int tally_share_endpoint_status(const struct tally_share_endpoint *endpoint,
				const struct tally_share_fault *fault)
{
	bool wrong = fault->kind == SHARE_FAULT_ARGUMENTS || fault->kind == SHARE_FAULT_JSON;

	if (wrong && endpoint != NULL && endpoint->run == tally_share_verify_credential)
		return 400;
	return tally_share_fault_status(fault);
}
