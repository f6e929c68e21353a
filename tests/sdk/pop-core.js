// @alicloud/pop-core, unmodified, against a running server: every action it can call, by GET and by
// POST, and what its users see of errors.
'use strict';

const assert = require('assert');
const { RPCClient } = require('@alicloud/pop-core');
const { calls, keys, phase } = require('./calls');
const { test, run, server } = require('./tap');

const apiVersion = '2019-11-22';
const options = { timeout: 20000 };
const client = new RPCClient({ ...server, apiVersion, opts: options });
const uuid = /^[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}$/;
const hash = /^[0-9a-f]{64}$/;

// What a call fails with: code, HTTP status and the document.
const failure = async (promise) => {
	try {
		await promise;
	} catch (error) {
		assert.ok(error.data, `no error document: ${error.message}`);
		assert.match(error.data.RequestId, uuid);
		assert.strictEqual(typeof error.data.Message, 'string');
		assert.strictEqual(typeof error.data.HostId, 'string');
		assert.strictEqual(error.name, `${error.code}Error`);
		return { code: error.code, status: error.entry.response.statusCode, message: error.data.Message };
	}
	throw new Error('it succeeded');
};

const refused = async (promise, code, status, message) => {
	const got = await failure(promise);
	assert.strictEqual(got.code, code);
	assert.strictEqual(got.status, status);
	if (message)
		assert.match(got.message, message);
};

// One round of the whole surface, by one method.
const round = (method) => {
	const call = (action, params) => client.request(action, params, { method });
	const payloads = [
		'{"a":1}',
		'plain text & more = 100 % + 1 ~ * / ? # \' " \\ <tag>',
		'Grüße, 世界 \u{1f332}',
		'line one\nline two\ttab',
		method === 'POST' ? 'x'.repeat(200000) : 'x'.repeat(2000),
	];
	const receipts = [];
	let ledger, member;

	test(`${method} CreateLedger`, async () => {
		const answer = await call('CreateLedger', {
			LedgerName: `sdk ${method}`, LedgerDescription: 'Made by a client library (账本1)',
		});
		assert.match(answer.RequestId, uuid);
		assert.match(answer.LedgerId, /^l-[0-9a-f]{25}$/);
		assert.match(answer.MemberId, /^m-[0-9a-f]{26}$/);
		ledger = answer.LedgerId;
		member = answer.MemberId;
	});

	payloads.forEach((payload, i) => test(`${method} AppendJournal, payload ${i}`, async () => {
		const answer = await call('AppendJournal', {
			LedgerId: ledger, Payload: payload, Clues: ['all', `clue ${i}`, 'Größe/+~*'],
			ClientId: 'sdk-test',
		});
		assert.strictEqual(answer.LedgerId, ledger);
		assert.strictEqual(String(answer.JournalId), String(i + 1));
		assert.match(answer.JournalHash, hash);
		receipts.push(answer);
	}));

	payloads.forEach((payload, i) => test(`${method} GetJournal, payload ${i}`, async () => {
		const { RequestId, Journal } = await call('GetJournal', { LedgerId: ledger, JournalId: i + 1 });
		assert.match(RequestId, uuid);
		assert.strictEqual(Journal.LedgerId, ledger);
		assert.strictEqual(Journal.JournalId, String(i + 1));
		assert.strictEqual(Journal.JournalHash, receipts[i].JournalHash);
		assert.strictEqual(Journal.PayloadType, 'CUSTOM');
		assert.strictEqual(Journal.PayloadJsonString, payload);
		assert.strictEqual(Journal.MemberId, member);
		assert.strictEqual(Journal.ClientId, 'sdk-test');
		assert.deepStrictEqual(Journal.Clues, ['all', `clue ${i}`, 'Größe/+~*']);
		assert.strictEqual(typeof Journal.Timestamp, 'number');
		assert.ok(Math.abs(Date.now() - Journal.Timestamp) < 600000, 'Timestamp is not now');
	}));

	test(`${method} AppendJournal again with its ClientToken`, async () => {
		const params = { LedgerId: ledger, Payload: 'once', ClientToken: `token-${method}` };
		const first = await call('AppendJournal', params);
		const second = await call('AppendJournal', params);
		assert.strictEqual(second.JournalId, first.JournalId);
		assert.strictEqual(second.JournalHash, first.JournalHash);
		await refused(call('AppendJournal', { ...params, Payload: 'other' }),
			'IdempotentParameterMismatch', 400);
	});

	test(`${method} ListJournals page by page`, async () => {
		const ids = [];
		let NextToken = '';
		do {
			const page = await call('ListJournals', { LedgerId: ledger, MaxResults: 2, NextToken });
			assert.strictEqual(page.MaxResults, 2);
			assert.ok(page.Journals.length <= 2);
			ids.push(...page.Journals.map((journal) => journal.JournalId));
			NextToken = page.NextToken;
		} while (NextToken);
		assert.deepStrictEqual(ids, [...Array(payloads.length + 2).keys()].map(String));
	});

	test(`${method} ListJournals by clue, member and backwards`, async () => {
		const list = async (params) => (await call('ListJournals', { LedgerId: ledger, ...params }))
			.Journals.map((journal) => Number(journal.JournalId));
		const all = payloads.map((payload, i) => i + 1);
		assert.deepStrictEqual(await list({ Clue: 'all' }), all);
		assert.deepStrictEqual(await list({ Clue: 'Größe/+~*', Reverse: true }), [...all].reverse());
		assert.deepStrictEqual(await list({ Clue: 'clue 2' }), [3]);
		assert.deepStrictEqual(await list({ Clue: 'none such' }), []);
		assert.strictEqual((await list({ MemberId: member, Clue: 'all' })).length, all.length);
		assert.deepStrictEqual(await list({ StartJournalId: 2, EndJournalId: 3 }), [2, 3]);
	});

	test(`${method} DescribeLedger`, async () => {
		const { Ledger } = await call('DescribeLedger', { LedgerId: ledger });
		assert.strictEqual(Ledger.LedgerName, `sdk ${method}`);
		assert.strictEqual(Ledger.LedgerDescription, 'Made by a client library (账本1)');
		assert.strictEqual(Ledger.LedgerType, 'JOURNAL');
		assert.strictEqual(Ledger.LedgerStatus, 'NORMAL');
		assert.match(Ledger.CreateTime, /^\d{13}$/);
		assert.strictEqual(Ledger.JournalCount, payloads.length + 2);
		assert.strictEqual(Ledger.MemberCount, 1);
	});

	test(`${method} DescribeLedgers page by page`, async () => {
		const ids = [];
		let NextToken = '';
		do {
			const page = await call('DescribeLedgers', { MaxResults: 1, NextToken });
			assert.ok(page.Ledgers.length <= 1);
			ids.push(...page.Ledgers.map((one) => one.LedgerId));
			NextToken = page.NextToken;
		} while (NextToken);
		assert.strictEqual(new Set(ids).size, ids.length);
		assert.ok(ids.includes(ledger));
	});

	test(`${method} ModifyLedgerAttribute`, async () => {
		const answer = await call('ModifyLedgerAttribute', {
			LedgerId: ledger, LedgerName: 'renamed', LedgerDescription: 'described',
		});
		assert.match(answer.RequestId, uuid);
		const { Ledger } = await call('DescribeLedger', { LedgerId: ledger });
		assert.strictEqual(Ledger.LedgerName, 'renamed');
		assert.strictEqual(Ledger.LedgerDescription, 'described');
		assert.strictEqual(Ledger.JournalCount, payloads.length + 3);
	});

	test(`${method} ExistJournal, GetBlockInfo, StatLedger`, async () => {
		const exist = { LedgerId: ledger, JournalId: 1 };
		assert.strictEqual((await call('ExistJournal', exist)).Exist, true);
		assert.strictEqual((await call('ExistJournal',
			{ ...exist, JournalHash: receipts[0].JournalHash })).Exist, true);
		assert.strictEqual((await call('ExistJournal',
			{ ...exist, JournalHash: '0'.repeat(64) })).Exist, false);
		assert.strictEqual((await call('ExistJournal', { LedgerId: ledger, JournalId: 9999 })).Exist, false);
		const { BlockInfo } = await call('GetBlockInfo', { LedgerId: ledger, BlockSequence: 0 });
		assert.match(BlockInfo.BlockHash, hash);
		assert.match(BlockInfo.JournalRootHash, hash);
		assert.match((await call('StatLedger', { LedgerId: ledger })).RequestId, uuid);
	});

	test(`${method} errors of a ledger and its parameters`, async () => {
		const none = `l-${'0'.repeat(25)}`;
		await refused(call('DescribeLedger', { LedgerId: none }), 'ResourceNotFound', 404);
		await refused(call('GetJournal', { LedgerId: ledger, JournalId: 9999 }), 'ResourceNotFound', 404);
		await refused(call('GetJournal', { LedgerId: ledger }), 'MissingParameter', 400, /JournalId/);
		await refused(call('AppendJournal', { Payload: 'x' }), 'MissingParameter', 400, /LedgerId/);
		await refused(call('GetJournal', { LedgerId: ledger, JournalId: 'many' }),
			'InvalidParameter', 400, /JournalId/);
		await refused(call('ListJournals', { LedgerId: ledger, MaxResults: 0 }),
			'InvalidParameter', 400, /MaxResults/);
		await refused(call('ListJournals', { LedgerId: ledger, NextToken: 'made-up' }),
			'InvalidParameter', 400, /NextToken/);
		await refused(call('ModifyLedgerAttribute', { LedgerId: ledger }), 'MissingParameter', 400);
		await refused(call('NoSuchAction', {}), 'InvalidAction.NotFound', 404);
	});

	test(`${method} errors of authentication`, async () => {
		const other = (change) => new RPCClient({ ...server, apiVersion, opts: options, ...change })
			.request('DescribeLedger', { LedgerId: ledger }, { method });
		await refused(other({ accessKeySecret: 'wrong' }), 'SignatureDoesNotMatch', 400,
			/server string to sign is:(GET|POST)&%2F&/);
		await refused(other({ accessKeyId: 'nobody' }), 'InvalidAccessKeyId.NotFound', 404);
		await refused(call('DescribeLedger', { LedgerId: ledger, Timestamp: '2020-01-01T00:00:00Z' }),
			'InvalidTimeStamp.Expired', 400);
		await refused(call('DescribeLedger', { LedgerId: ledger, Timestamp: 'yesterday' }),
			'InvalidTimeStamp.Format', 400);
		await refused(call('DescribeLedger', { LedgerId: ledger, SignatureMethod: 'ROT13' }),
			'InvalidSignatureMethod', 400);
	});

	test(`${method} a nonce is taken once`, async () => {
		const SignatureNonce = `nonce-${method}-${Date.now()}`;
		await call('AppendJournal', { LedgerId: ledger, Payload: 'x', SignatureNonce });
		await refused(call('AppendJournal', { LedgerId: ledger, Payload: 'x', SignatureNonce }),
			'SignatureNonceUsed', 400);
		await call('DescribeLedger', { LedgerId: ledger, SignatureNonce: `read-${SignatureNonce}` });
		await refused(call('DescribeLedger', { LedgerId: ledger, SignatureNonce: `read-${SignatureNonce}` }),
			'SignatureNonceUsed', 400);
	});

	test(`${method} a ledger that is not public needs a signature, a public one does not`, async () => {
		const unsigned = new RPCClient({
			endpoint: server.endpoint, apiVersion, opts: options,
			credentialsProvider: { getCredentials: async () => undefined },
		});
		const read = () => unsigned.request('GetJournal', { LedgerId: ledger, JournalId: 1 }, { method });
		const got = await failure(read());
		assert.ok(got.status >= 400 && got.status < 500, `status ${got.status}`);
		await call('ModifyLedgerAttribute', { LedgerId: ledger, PublicRead: true });
		assert.strictEqual((await read()).Journal.PayloadJsonString, payloads[0]);
	});

	test(`${method} DeleteLedger`, async () => {
		assert.match((await call('DeleteLedger', { LedgerId: ledger })).RequestId, uuid);
		await refused(call('GetJournal', { LedgerId: ledger, JournalId: 1 }), 'ResourceNotFound', 404);
		await refused(call('AppendJournal', { LedgerId: ledger, Payload: 'x' }), 'ResourceNotFound', 404);
		assert.ok(!(await call('DescribeLedgers', { MaxResults: 100 })).Ledgers
			.some((one) => one.LedgerId === ledger));
	});
};

const atOnce = () => test('32 appends at once', async () => {
	const { LedgerId } = await client.request('CreateLedger', { LedgerName: 'at once' });
	const answers = await Promise.all([...Array(32).keys()].map((i) => client.request('AppendJournal',
		{ LedgerId, Payload: `payload ${i}` }, { method: 'POST' })));
	assert.deepStrictEqual(answers.map((one) => Number(one.JournalId)).sort((a, b) => a - b),
		[...Array(32).keys()].map((i) => i + 1));
});

// The calls that all suites make, by one method.
const common = (method) => calls(`pop-core ${method}`, (who, action, params) => {
	const [accessKeyId, accessKeySecret] = keys[who];
	return new RPCClient({ endpoint: server.endpoint, accessKeyId, accessKeySecret, apiVersion, opts: options })
		.request(action, params, { method });
}, (error) => {
	assert.strictEqual(error.name, `${error.code}Error`);
	return [error.code, error.entry.response.statusCode];
});

common('GET');
common('POST');
if (phase === '') {
	round('GET');
	round('POST');
	atOnce();
}

run();
