// @alicloud/openapi-client, unmodified: the generic client of the second generation, which sends POST
// bodies chunked; with its own signature (ACS3-HMAC-SHA256) and with version 1.0.
'use strict';

const assert = require('assert');
const { default: OpenApiClient, Config, Params, OpenApiRequest } =
	require('@alicloud/openapi-client');
const { RuntimeOptions } = require('@alicloud/tea-util');
const { calls, keys, phase } = require('./calls');
const { test, run, server } = require('./tap');

const { host } = new URL(server.endpoint);
const config = (change) => new Config({
	accessKeyId: server.accessKeyId, accessKeySecret: server.accessKeySecret,
	endpoint: host, protocol: 'http', ...change,
});

const send = async (by, action, params, method) => {
	const where = method === 'GET' ? { query: params } : { body: params };
	const answer = await by.callApi(new Params({
		action, version: '2019-11-22', protocol: 'HTTP', pathname: '/', method, authType: 'AK',
		style: 'RPC', reqBodyType: 'formData', bodyType: 'json',
	}), new OpenApiRequest(where), new RuntimeOptions({ readTimeout: 20000, connectTimeout: 20000 }));
	assert.strictEqual(answer.statusCode, 200);
	return answer.body;
};

const refused = async (promise, code) => {
	try {
		await promise;
	} catch (error) {
		assert.strictEqual(error.code, code);
		return;
	}
	throw new Error('it succeeded');
};

const round = (name, signature) => {
	const client = new OpenApiClient(config(signature));
	const call = (action, params, method) => send(client, action, params, method);
	let ledger;

	test(`openapi-client ${name} CreateLedger`, async () => {
		ledger = (await call('CreateLedger', { LedgerName: 'generic' }, 'POST')).LedgerId;
		assert.match(ledger, /^l-[0-9a-f]{25}$/);
	});

	test(`openapi-client ${name} AppendJournal and GetJournal`, async () => {
		const Payload = 'a + b = ~* 世界 ' + 'y'.repeat(100000);
		const receipt = await call('AppendJournal', { LedgerId: ledger, Payload }, 'POST');
		assert.strictEqual(String(receipt.JournalId), '1');
		for (const method of ['GET', 'POST']) {
			const { Journal } = await call('GetJournal', { LedgerId: ledger, JournalId: '1' }, method);
			assert.strictEqual(Journal.PayloadJsonString, Payload);
			assert.strictEqual(Journal.JournalHash, receipt.JournalHash);
		}
	});

	test(`openapi-client ${name} errors`, async () => {
		await refused(call('GetJournal', { LedgerId: ledger, JournalId: '77' }, 'GET'),
			'ResourceNotFound');
		await refused(call('GetJournal', { LedgerId: ledger }, 'POST'), 'MissingParameter');
		const wrong = new OpenApiClient(config({ ...signature, accessKeySecret: 'wrong' }));
		await refused(send(wrong, 'DescribeLedger', { LedgerId: ledger }, 'GET'),
			'SignatureDoesNotMatch');
	});

	test(`openapi-client ${name} DeleteLedger`, async () => {
		await call('DeleteLedger', { LedgerId: ledger }, 'POST');
		await refused(call('GetJournal', { LedgerId: ledger, JournalId: '1' }, 'GET'),
			'ResourceNotFound');
	});
};

// The calls that all suites make: reads by GET, as this library's own packages do, writes by POST.
const common = (name, signature) => calls(`openapi-client ${name}`, (who, action, params) => {
	const [accessKeyId, accessKeySecret] = keys[who];
	const method = /^(Get|List|Describe)/.test(action) ? 'GET' : 'POST';
	return send(new OpenApiClient(config({ ...signature, accessKeyId, accessKeySecret })), action, params, method);
}, (error) => [error.code, error.statusCode || error.data.statusCode]);

for (const [name, signature] of [['signature 1.0', { signatureAlgorithm: 'v2' }], ['ACS3-HMAC-SHA256', {}]]) {
	common(name, signature);
	if (phase === '')
		round(name, signature);
}

run();
