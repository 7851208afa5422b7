// Lets a child process run our sources: compiles .ts with swc and resolves the workspace's packages to their src
const { readFileSync } = require('node:fs');
const Module = require('node:module');
const { join } = require('node:path');
const { transformSync } = require('@swc/core');

const packages = join(__dirname, '..', '..', '..');

Module._extensions['.ts'] = (module, filename) => {
  const { code } = transformSync(readFileSync(filename, 'utf8'), {
    filename,
    swcrc: false,
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
    module: { type: 'commonjs' },
  });
  module._compile(code, filename);
};

const resolve = Module._resolveFilename;
Module._resolveFilename = (request, ...rest) => {
  const name = /^@org\/dte-([a-z-]+)$/.exec(request);
  return resolve(name === null ? request : join(packages, name[1], 'src', 'index.ts'), ...rest);
};

require('../scenarios/coordinator-process.ts');
