// Tests that report as the C tests do. A test is a function that throws when something is wrong.
'use strict';

const tests = [];

// A test that throws it was not run, and says why.
class Skip extends Error {}
exports.Skip = Skip;

exports.test = (name, run) => tests.push({ name, run });

exports.run = async () => {
	let failed = 0;
	for (const { name, run } of tests) {
		try {
			await run();
			console.log(`ok - ${name}`);
		} catch (error) {
			if (error instanceof Skip) {
				console.log(`ok - ${name} # SKIP ${error.message}`);
				continue;
			}
			failed++;
			console.log(`not ok - ${name}: ${String(error.message).split('\n').join(' ')}`);
		}
	}
	process.exitCode = failed ? 1 : 0;
};

// The environment that run.sh gives: where the server is and whose key to use.
exports.server = {
	endpoint: process.env.TALLY_ENDPOINT,
	accessKeyId: process.env.TALLY_ACCESS_KEY_ID,
	accessKeySecret: process.env.TALLY_ACCESS_KEY_SECRET,
};
