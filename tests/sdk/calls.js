// The calls of calls.json, through any client library: their answers against what is wanted and against
// the reply rows of the action (`tally actions --json`), and which published actions none calls.
'use strict';

const assert = require('assert');
const fs = require('fs');
const { test, Skip } = require('./tap');

const read = (name) => JSON.parse(fs.readFileSync(name, 'utf8'));
const { steps, published } = read('calls.json');
const phase = process.env.TALLY_SDK_PHASE || '';
const rows = Object.fromEntries(read('actions.json').filter((row) => row.family === 'ledgerdb')
	.map((row) => [row.name, row]));

exports.phase = phase;
exports.keys = read('keys.json');	// who calls: [access key id, secret]

// A value with its ${names} replaced; one that is nothing else keeps its type.
const filled = (value, known) => {
	if (Array.isArray(value))
		return value.map((one) => filled(one, known));
	if (value && typeof value === 'object')
		return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, filled(one, known)]));
	if (typeof value !== 'string')
		return value;
	const whole = value.match(/^\$\{(\w+)\}$/);
	return whole ? known[whole[1]] : value.replace(/\$\{(\w+)\}/g, (all, name) => known[name]);
};

// Ledger.JournalCount; Journals.0; Journals.length; Proof#sequence: of JSON in a text.
const at = (answer, path) => {
	const [outer, inner] = path.split('#');
	const found = outer.split('.').reduce((value, name) => value[name], answer);
	return inner ? JSON.parse(found)[inner] : found;
};

const isOf = {
	object: (value) => typeof value === 'object' && !Array.isArray(value),
	array: Array.isArray,
	string: (value) => typeof value === 'string',
	// pop-core reads numbers that do not fit a double as BigNumber
	integer: (value) => Number.isInteger(value) || (value.isInteger && value.isInteger()),
	boolean: (value) => typeof value === 'boolean',
};

// A reply's object, and all below it, is what the action's rows say.
const checkRows = (reply, value, path) => {
	const row = (name) => reply.find((one) => one.name === name);
	for (const [name, one] of Object.entries(value)) {
		if (path === '' && name === 'RequestId')
			continue;
		assert.ok(row(path + name), `the rows have no ${path}${name}`);
		assert.ok(isOf[row(path + name).type](one), `${path}${name} is ${JSON.stringify(one)}`);
		if (row(path + name).type === 'object')
			checkRows(reply, one, `${path}${name}.`);
		if (!Array.isArray(one))
			continue;
		const item = reply.find((each) => each.name.startsWith(`${path}${name}[`) && each.name.endsWith(']'));
		for (const entry of one) {
			assert.ok(isOf[item.type](entry), `${item.name} is ${JSON.stringify(entry)}`);
			if (item.type === 'object')
				checkRows(reply, entry, `${item.name}.`);
		}
	}
	for (const { name, optional } of reply)
		if (!optional && name.startsWith(path) && /^\w+$/.test(name.slice(path.length)))
			assert.ok(name.slice(path.length) in value, `no ${name} in the answer`);
};

const check = (step, answer, known) => {
	checkRows(rows[step.call].reply, answer, '');
	for (const [path, want] of Object.entries(filled(step.want || {}, known))) {
		const got = at(answer, path);
		if (typeof want === 'string' && want.startsWith('~'))
			assert.match(got, new RegExp(want.slice(1)), path);
		else
			assert.deepStrictEqual(got, want, path);
	}
	for (const [name, path] of Object.entries(step.keep || {}))
		known[name] = at(answer, path);
};

// send(who, action, params) calls and gives the answer, or throws; codeOf(error) is [code, status] as the
// library's users see them.
exports.calls = (name, send, codeOf) => {
	const known = { suite: name, ...read('known.json') };
	const called = new Set();

	const run = async (step) => {
		const missing = [step.call, ...step.needs || []].find((action) => !rows[action]);
		if (missing && !step.always)
			throw new Skip(`the server has no ${missing}`);
		let answer;
		try {
			answer = await send(step.as || 'main', step.call, filled(step.params, known));
		} catch (error) {
			if (!step.refused)
				throw error;
			assert.deepStrictEqual(codeOf(error), step.refused);
			return;
		}
		assert.ok(!step.refused, 'it succeeded');
		check(step, answer, known);
		called.add(step.call);
	};

	for (const step of steps.filter((one) => (one.phase || '') === phase))
		test(`${name} ${step.call}${step.refused ? ` refused: ${step.refused[0]}` : ''}`, () => run(step));
	if (phase === '')
		test(`${name}: every published action that the server has was called`, () => {
			assert.deepStrictEqual(published.filter((action) => rows[action] && !called.has(action)), []);
		});
};
