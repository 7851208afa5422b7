import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { tmpdir } from 'node:os';
import { declaredOutputs } from './declared';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'dte-declared-'));
  writeFileSync(join(root, 'nx.json'), '{}');
  mkdirSync(join(root, 'node_modules'));
  symlinkSync(dirname(require.resolve('nx/package.json')), join(root, 'node_modules', 'nx'));
});
afterEach(() => rmSync(root, { recursive: true }));

const taken: [outputs: string[], path: string][] = [
  [['dist'], 'dist'],
  [['dist'], 'dist/a/b.js'],
  [['dist/'], 'dist/a'],
  [['./dist'], 'dist/a'],
  [['dist', '!dist/tmp'], 'dist/a'],
  [['dist'], 'dist/node_modules/left-pad/index.js'],
  [['dist/**'], 'dist/node_modules/left-pad/index.js'],
  [['dist/**/*'], 'dist/.hidden/x'],
  [['dist/**/*.js'], 'dist/a/b/c.js'],
  [['dist/**/*.js'], 'dist/c.js'],
  [['packages/*/dist'], 'packages/a/dist/x'],
  [['packages/a/*.{js,css}'], 'packages/a/x.css'],
  [['packages/(group)/[id]/dist'], 'packages/(group)/[id]/dist/x'],
  [['.'], 'anything/at/all'],
  [[''], 'anything'],
  [['**'], 'anything/at/all'],
  [['**/*'], 'anything/at/all'],
  [['**/lib'], 'packages/a/lib/x'],
  [['node_modules/.cache/x'], 'node_modules/.cache/x/y'],
  [['**/node_modules/.cache'], 'packages/a/node_modules/.cache/x'],
  [['.nx/x'], '.nx/x/y'],
];
const left: [outputs: string[], path: string][] = [
  [[], 'dist'],
  [['dist'], 'dist2/a'],
  [['dist'], 'a/dist'],
  [['dist/a'], 'dist/b'],
  [['dist/a'], 'dist'],
  [['!dist'], 'dist/a'],
  [['dist/**/*.js'], 'dist/a.css'],
  [['dist/*.js'], 'dist/a/b.js'],
  [['packages/*/dist'], 'packages/a/b/dist/x'],
  [['.'], 'node_modules/nx/bin/nx.js'],
  [[''], 'packages/a/node_modules/x'],
  [['.'], 'NODE_MODULES/nx/bin/nx.js'],
  [['**'], 'node_modules/nx/bin/nx.js'],
  [['**/*'], 'node_modules/nx/bin/nx.js'],
  [['**/*.js'], 'node_modules/nx/bin/nx.js'],
  [['**/lib'], 'node_modules/nx/lib/x'],
  [['.'], '.nx/cache/1/x'],
  [['**'], '.nx/cache/1/x'],
];

it.each(taken)('%j include %s', (outputs, path) => {
  expect(declaredOutputs(root, outputs)(path)).toBe(true);
});

it.each(left)('%j do not include %s', (outputs, path) => {
  expect(declaredOutputs(root, outputs)(path)).toBe(false);
});

it('an output through a link of the workspace includes what is behind the link, inside of the workspace', () => {
  mkdirSync(join(root, 'real'));
  symlinkSync('real', join(root, 'out'));
  symlinkSync(tmpdir(), join(root, 'away'));
  const declared = declaredOutputs(root, ['out', 'away']);
  expect(['out/x', 'real/x', 'other/x'].map(declared)).toEqual([true, true, false]);
});
