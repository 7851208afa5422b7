// Lets a plain node process load the TypeScript of this package, as jest does: Nx must not run inside jest's module
// registry, where every test file would load another copy of its native code. Hundreds of processes load the same
// files, so compiled files are cached, which saves a quarter of the cost of such a process.
const { createHash } = require('node:crypto');
const { mkdirSync, readFileSync, renameSync, writeFileSync } = require('node:fs');
const Module = require('node:module');
const { join } = require('node:path');

const OPTIONS = {
  swcrc: false,
  sourceMaps: 'inline',
  jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
  module: { type: 'commonjs' },
};
const cache = join(__dirname, '../../../../node_modules/.cache/nx-compat-integration');

Module._extensions['.ts'] = (module, filename) => {
  const source = readFileSync(filename, 'utf8');
  // With its path, which is in the source map.
  const digest = createHash('sha256').update(JSON.stringify(OPTIONS)).update(filename).update(source);
  module._compile(
    compiled(filename, source, join(cache, `${digest.digest('hex').slice(0, 32)}.js`)),
    filename,
  );
};

function compiled(filename, source, kept) {
  try {
    return readFileSync(kept, 'utf8');
  } catch {
    const { transformSync } = require('@swc/core');
    const { code } = transformSync(source, { filename, ...OPTIONS });
    mkdirSync(cache, { recursive: true });
    // Other processes may read it now.
    const own = `${kept}.${process.pid}`;
    writeFileSync(own, code);
    renameSync(own, kept);
    return code;
  }
}
