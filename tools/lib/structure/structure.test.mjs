// node --test tools/lib/structure: each check finds what it must find, and accepts everything else.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { measure } from './measure.mjs';
import { verdictOf } from './verdict.mjs';

const CLEAN = {
  'packages/core/package.json': '{ "name": "@org/core" }',
  'packages/core/src/index.ts': "export { one } from './one';\n",
  'packages/core/src/one.ts': 'export const one = 1;\n',
  'packages/dte/package.json': '{ "name": "@org/dte" }',
  'packages/dte/src/index.ts': "import { one } from '@org/core';\nexport const two = one + 1;\n",
};
const lines = (count, line) => `${line}\n`.repeat(count);

let root;
beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'structure-'))));
afterEach(() => rmSync(root, { recursive: true }));

function verdict(files, ceilings = {}) {
  for (const [path, content] of Object.entries({ ...CLEAN, ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return verdictOf(measure(root).figures, ceilings);
}

const WRONG = {
  'a file above 350 lines': [
    { 'packages/core/src/one.ts': `export const one = 1;\n${lines(350, '// more')}` },
    /^maxLines is 351, at most 350: .*\n {4}351 packages\/core\/src\/one\.ts$/,
  ],
  'a function above 60 lines': [
    { 'packages/core/src/one.ts': `export const one = () => {\n${lines(59, '  work();')}};\n` },
    /^longestFunction is 61, at most 60: .*\n +61 packages\/core\/src\/one\.ts:1 one$/,
  ],
  'files that import each other, if only types': [
    {
      'packages/core/src/one.ts': "import type { A } from './a';\nexport const one: A = 1;\n",
      'packages/core/src/a.ts': "export type A = typeof import('./one').one;\n",
    },
    /^cycles is 1, at most 0: .*\n {2}packages\/core\/src\/(a|one)\.ts <-> packages\/core\/src\/(a|one)\.ts$/,
  ],
  'folders that import each other through different files': [
    {
      'packages/core/src/a/one.ts': "export * from '../b/one';\n",
      'packages/core/src/a/two.ts': 'export {};\n',
      'packages/core/src/b/one.ts': 'export {};\n',
      'packages/core/src/b/two.ts': "import '../a/two';\n",
    },
    /^cycles is 1, at most 0: .*\n {2}packages\/core\/src\/\w <-> packages\/core\/src\/\w$/,
  ],
  'parts of a page that import each other': [
    {
      'packages/core/page/main.tsx': "import { Part } from './part';\nexport const Main = () => <Part />;\n",
      'packages/core/page/part.tsx': "import { Main } from './main';\nexport const Part = () => <Main />;\n",
    },
    /^cycles is 1, at most 0: .*\n {2}packages\/core\/page\/(main|part)\.tsx <-> packages\/core\/page\/(main|part)\.tsx$/,
  ],
  'a public name that nobody else takes': [
    {
      'packages/core/src/index.ts': "export * from './one';\nexport type Own = 1;\n",
      'packages/core/src/own.spec.ts': "import type { Own } from './index';\n",
    },
    /^unusedExports is 1, at most 0: .*\n {2}@org\/core: Own$/,
  ],
  'a spread of an object literal': [
    { 'packages/core/src/one.ts': 'export const one = { ...({ a: 1 } as const), b: 2 };\n' },
    /^freshSpreads is 1, at most 0: .*\n {2}packages\/core\/src\/one\.ts:1$/,
  ],
  'a spread of an array literal': [
    { 'packages/core/src/one.ts': 'export const one = Math.max(...[1, 2]);\n' },
    /^freshSpreads is 1, at most 0: /,
  ],
  'a number without a comment of its own': [
    {
      'packages/core/src/one.ts':
        "import './two';\n\nexport const one = 1;\n/** Why. */\nconst A_MS = 1;\nconst B_MS = 2 * A_MS;\n\n// C.\n\nconst C = -1;\n",
      'packages/core/src/two.ts': 'const TEXT = "2";\nconst D = 3; // Why.\nconst E = 0x4;\n',
    },
    /^bareNumbers is 3, at most 0: .*\n {2}packages\/core\/src\/one\.ts:6 const B_MS = 2 \* A_MS;\n {2}.*:10 const C = -1;\n {2}.*two\.ts:3 const E = 0x4;$/,
  ],
  'a package dte of 3,000 lines': [
    Object.fromEntries(
      Array.from({ length: 10 }, (_, index) => [`packages/dte/src/f${index}.ts`, lines(300, '// more')]),
    ),
    /^dteLines is 3002, at most 2999: .*\n {2} 3002 packages\/dte\/src$/,
  ],
};

describe('the structure check', () => {
  it('passes sources that are as they should be', () => {
    assert.deepEqual(verdict({}), { lines: [], passes: true });
  });

  for (const [what, [files, expected]] of Object.entries(WRONG))
    it(`fails on ${what}`, () => {
      const { lines: printed, passes } = verdict(files);
      assert.match(printed.join('\n'), expected);
      assert.equal(passes, false);
    });

  it('leaves out specs and test support, and takes a literal that a condition chooses', () => {
    const long = lines(400, 'call(...[1, 2]);');
    const files = {
      'packages/core/src/one.ts': 'export const one = { a: 1, ...(Date.now() > 1 ? { b: 2 } : {}) };\n',
      'packages/core/src/one.spec.ts': long,
      'packages/core/src/test-support/two.ts': long,
    };
    assert.deepEqual(verdict(files), { lines: [], passes: true });
  });

  it('takes numbers of the table of limits, numbers with a comment, and what is no constant', () => {
    const files = {
      'packages/core/src/one.ts':
        'export const one = 1;\n/** A unit. */\nexport const DAY_MS = 86_400_000;\nconst TWO = 2; // A fact.\nconst LIST = [1];\n',
      'packages/core/src/one.spec.ts': 'const DAY_MS = 1;\n',
      'packages/protocol/package.json': '{ "name": "@org/protocol" }',
      'packages/protocol/src/limits.ts': 'const MIB = 1024 * 1024;\n',
    };
    assert.deepEqual(verdict(files), { lines: [], passes: true });
  });

  it('takes a name that only a spec, an end-to-end test or a tool of another part uses', () => {
    const files = {
      'packages/core/src/index.ts':
        "export * from './one';\nexport const a = 1;\nexport const b = 2;\nexport const c = 3;\n",
      'packages/dte/src/a.spec.ts': "import { a } from '@org/core';\n",
      'e2e/b.test.ts': "import { b } from '@org/core';\n",
      'tools/c.mjs': "const { c } = require('../packages/core/dist/index.js');\n",
    };
    assert.deepEqual(verdict(files), { lines: [], passes: true });
  });

  it('passes up to a ceiling and fails beyond it', () => {
    const files = { 'packages/core/src/one.ts': 'export const one = [...[1], ...[2]];\n' };
    assert.deepEqual(verdict(files, { freshSpreads: 2 }), { lines: [], passes: true });
    assert.equal(verdict(files, { freshSpreads: 1 }).passes, false);
  });

  it('asks for a lower ceiling, and fails on one that is not needed any more', () => {
    const files = { 'packages/core/src/one.ts': 'export const one = [...[1], ...[2]];\n' };
    const loose = verdict(files, { freshSpreads: 3 });
    assert.equal(loose.passes, true);
    assert.match(loose.lines.join('\n'), /^freshSpreads is 2: lower its ceiling of 3/);
    const needless = verdict({}, { freshSpreads: 3 });
    assert.equal(needless.passes, false);
    assert.match(needless.lines.join('\n'), /^freshSpreads is 0, at most 0: remove its ceiling from/);
  });
});
