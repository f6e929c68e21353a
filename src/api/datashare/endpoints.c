/* All endpoints of the data-sharing family. A row without a handler is not available yet. */
#include "endpoint.h"

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

#define NOT_AVAILABLE(method, path, name) { method, path, name, SHARE_ANY_MEMBER, false, no_params, NULL }

const struct tally_share_endpoint tally_share_endpoints[] = {
	NOT_AVAILABLE("POST", "/v1/datashare/dataset", "PublishDataset"),
	NOT_AVAILABLE("DELETE", "/v1/datashare/dataset", "DeleteDataset"),
	NOT_AVAILABLE("PUT", "/v1/datashare/dataset", "CloseDataset"),
	NOT_AVAILABLE("POST", "/v1/datashare/query-dataset", "QueryDataset"),
	NOT_AVAILABLE("POST", "/v1/datashare/query-datasets", "QueryDatasetByCond"),
	NOT_AVAILABLE("POST", "/v1/datashare/dataset/share", "ShareDataset"),
	NOT_AVAILABLE("POST", "/v1/datashare/dataset/query-plaintext", "GetDataPlaintext"),
	NOT_AVAILABLE("POST", "/v1/datashare/dataset/watermark/extract", "ExtractBlindWatermark"),
	NOT_AVAILABLE("POST", "/v1/datashare/dataset/query-process", "QueryDatasetSharingProcess"),
	NOT_AVAILABLE("POST", "/v1/datashare/dataset/query-processes",
		      "QueryDatasetSharingProcessList"),
	NOT_AVAILABLE("POST", "/v1/datashare/dataset/dataset-order", "ApplyOrder"),
	NOT_AVAILABLE("POST", "/v1/datashare/dataset/authorize-dataset", "AuthorizeDatasetOrder"),
	NOT_AVAILABLE("DELETE", "/v1/datashare/dataset/order", "DeleteDatasetOrder"),
	NOT_AVAILABLE("PUT", "/v1/datashare/dataset/order", "UpdateDatasetOrder"),
	NOT_AVAILABLE("POST", "/v1/datashare/dataset/query-order", "QueryDatasetOrder"),
	NOT_AVAILABLE("POST", "/v1/datashare/dataset/query-orders", "QueryDatasetOrderByCond"),

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

	NOT_AVAILABLE("POST", "/v1/identity/credential-schema", "PublishCredentialSchema"),
	NOT_AVAILABLE("POST", "/v1/identity/query-credential-schema", "ShowVCSchema"),
	NOT_AVAILABLE("POST", "/v1/identity/apply-vc", "ApplyVerifiableCredential"),
	NOT_AVAILABLE("POST", "/v1/identity/vc-order", "ConfirmOrder"),
	NOT_AVAILABLE("POST", "/v1/identity/query-vc-order", "ShowVCOrder"),
	NOT_AVAILABLE("POST", "/v1/identity/query-vc-orders", "ShowVCUntreatedOrder"),
	NOT_AVAILABLE("POST", "/v1/identity/issue-vc", "IssueVerifiableCredential"),
	NOT_AVAILABLE("POST", "/v1/identity/query-vc", "ShowVerifiableCredential"),
	NOT_AVAILABLE("POST", "/v1/identity/verify-vc", "VerifyVerifiableCredential"),
	{ .path = NULL }
};
