const { existsSync } = require('node:fs');
const { join } = require('node:path');

// In another workspace, our packages are installed. Here they are the build output. Nx must find a module in any case,
// or it would download its vendor's client, and while the packages are rebuilt it must not find half of them. So a
// pipeline works with a copy (tools/prepare.mjs), and a clone without one gets Nx's own runner.
const copy = join(__dirname, '../../tmp/own-pipeline/node_modules/@org/dte-nx-cloud-shim');

module.exports = existsSync(join(copy, 'package.json')) ? require(copy) : require('nx/tasks-runners/default');
