// `node --require` this to run the TypeScript sources without a build: transforms .ts with swc and finds the workspace's packages
// in their src folders, as jest.preset.js does for specs.
const { createHash } = require('node:crypto');
const { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } = require('node:fs');
const Module = require('node:module');
const { join } = require('node:path');

const root = join(__dirname, '..', '..', '..');
const packages = join(root, 'packages');
/** Every target is a process of its own, and some start another one: each would compile the same sources. */
const cache = join(root, 'node_modules', '.cache', 'dte-fuzz');

function compiled(filename) {
  const source = readFileSync(filename, 'utf8');
  const key = createHash('sha256').update(`${filename}\0${source}`).digest('hex');
  const path = join(cache, `${key}.js`);
  if (existsSync(path)) return readFileSync(path, 'utf8');
  const { code } = require('@swc/core').transformSync(source, {
    filename,
    swcrc: false,
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022', keepClassNames: true },
    module: { type: 'commonjs' },
    sourceMaps: 'inline',
  });
  mkdirSync(cache, { recursive: true });
  writeFileSync(`${path}.${process.pid}`, code);
  renameSync(`${path}.${process.pid}`, path);
  return code;
}

Module._extensions['.ts'] = (module, filename) => module._compile(compiled(filename), filename);

/** `@org/dte-client` and `@org/dte-nx-compat/workspace-root`; undefined for anything else. */
function sourceOf(request) {
  const [, name, part] = /^@org\/dte-([a-z-]+)(?:\/([a-z-]+))?$/.exec(request) ?? [];
  if (name === undefined) return undefined;
  if (part === undefined) return join(packages, name, 'src', 'index.ts');
  const folder = join(packages, name, 'src', part, 'index.ts');
  return existsSync(folder) ? folder : join(packages, name, 'src', 'install', `${part}.ts`);
}

const resolve = Module._resolveFilename;
Module._resolveFilename = (request, ...rest) => resolve(sourceOf(request) ?? request, ...rest);
