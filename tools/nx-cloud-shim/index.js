const { existsSync } = require('node:fs');
const { join } = require('node:path');

// A workspace of somebody else has our packages installed. Here they are what is built: Nx must find something before,
// or it would fetch its vendor's client, and while they are built anew it must not find half of them. So a pipeline works
// with a copy (tools/prepare.mjs), and a clone without one gets Nx's own runner.
const copy = join(__dirname, '../../tmp/own-pipeline/node_modules/@org/dte-nx-cloud-shim');

module.exports = existsSync(join(copy, 'package.json')) ? require(copy) : require('nx/tasks-runners/default');
